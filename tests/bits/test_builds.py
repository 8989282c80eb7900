"""The same bits from every compiler, optimisation level, instruction set and architecture.

    python tests/bits/test_builds.py --write

writes digests.txt anew, from the reference kernels.  A digest that changes is a new version of the arithmetic.
"""

import re
import subprocess
import sys

import builds
import pytest

pytestmark = pytest.mark.slow


def arithmetic() -> int:
    header = (builds.ROOT / "csrc/kernels/types.h").read_text()
    return int(re.search(r"#define MLPC_ARITHMETIC (\d+)", header)[1])


def available(build):
    missing = build.missing()
    if missing:
        (pytest.fail if build.group in builds.required() else pytest.skip)(f"{missing} is not installed")
    return build


def each(chosen, *marks):
    """Parameters; what needs the same build is tested by the same process, which makes it once."""
    return [pytest.param(build, id=str(build), marks=[*marks_of(build), *marks]) for build in chosen]


def marks_of(build):
    of_bits = [pytest.mark.machines] if build == builds.OF_BITS_ALONE else []
    return [pytest.mark.xdist_group(str(build)), *of_bits]


MACHINES = [*each(builds.MACHINES), *each(builds.MORE_MACHINES, pytest.mark.machines)]


@pytest.mark.parametrize("build", [*each(builds.BUILDS), *MACHINES])
def test_same_bits(build):
    program = builds.digest_program(available(build))
    if build.runner is None:  # that it compiles and links is all that can be seen here
        return
    outputs = builds.run_digest(build, program)
    assert {"reference", "portable"} <= set(outputs) or build.isa in outputs
    if build.group == "arm64":
        assert "neon" in outputs
    expected = builds.expected_digests()
    for isa, lines in outputs.items():
        assert not builds.difference(lines, expected), f"{isa}, {build}"
        assert lines == expected


def test_version():
    """The digests are those of this version of the arithmetic."""
    assert builds.DIGESTS.read_text().startswith(f"# arithmetic {arithmetic()}\n")


@pytest.mark.parametrize("build", [*each(b for b in builds.BUILDS if b.flags == builds.OPTIMIZED), *MACHINES])
def test_random_numbers(build, tmp_path):
    objects = builds.compile_all(available(build), ["tests/c/rng_check.c"], tmp_path)
    program = builds.link(build, objects, tmp_path / "rng_check")
    if build.runner is not None:
        assert "WRONG" not in build.run(program)


@pytest.mark.parametrize("build", each(b for b in builds.BUILDS if b.flags == builds.OPTIMIZED))
def test_rows_without_their_zeros(build, tmp_path):
    """A program that knows the header alone."""
    objects = builds.objects(available(build)) + builds.compile_all(build, ["tests/c/csr_check.c"], tmp_path)
    program = builds.link(build, objects, tmp_path / "csr_check")
    if build.runner is not None:
        assert build.run(program) == ""


@pytest.mark.parametrize("flag", ["-ffast-math", "-funsafe-math-optimizations", "-ffinite-math-only", "-Ofast"])
def test_options_that_relax_arithmetic_are_refused(flag):
    file = builds.ROOT / "csrc/kernels/arch/portable_f32.c"
    done = subprocess.run(["gcc", flag, "-std=c11", "-fsyntax-only", file], capture_output=True, text=True)
    assert done.returncode != 0
    assert "mlpc: fast-math options change bits" in done.stderr


def test_precision_beyond_double_is_refused():
    file = builds.ROOT / "csrc/kernels/arch/portable_f32.c"
    command = ["gcc", "-mfpmath=387", "-std=c11", "-fsyntax-only", file]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "mlpc: excess precision changes bits" in done.stderr


def write():
    build = next(build for build in builds.BUILDS if not build.missing())
    lines = builds.run_digest(build, builds.digest_program(build), "reference")["reference"]
    builds.DIGESTS.write_text(f"# arithmetic {arithmetic()}\n{lines}")
    print(f"{builds.DIGESTS}: {len(lines.splitlines())} digests, from {build}")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    write()
