"""Builds of the C core and of tests/c/digest.c, from source, with whatever compilers there are."""

import functools
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DIGESTS = Path(__file__).with_name("digests.txt")


@dataclass(frozen=True)
class Build:
    """A way to compile: `group` is what MLPC_REQUIRE calls it; `runner` goes before the program's name."""

    group: str
    compiler: str
    flags: tuple[str, ...]
    link: tuple[str, ...] = ()
    runner: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.compiler, *self.flags])

    def missing(self) -> str | None:
        """The first tool that is not installed."""
        return next((tool for tool in (self.compiler, *self.runner) if not shutil.which(tool)), None)


# What must not change a bit: optimisation, and a compiler that fuses what it finds.
OPTIMIZED = ("-O3", "-ffp-contract=off", "-fno-math-errno")  # the flags of setup.py
LEVELS = [("-O0",), OPTIMIZED]
FUSING = ("-O3", "-ffp-contract=fast", "-mfma")
ARM64 = {"link": ("-static",), "runner": ("qemu-aarch64",)}
BUILDS = [
    *(Build(compiler, compiler, flags) for compiler in ("gcc", "clang") for flags in [*LEVELS, FUSING]),
    *(Build("arm64", "aarch64-linux-gnu-gcc", flags, **ARM64) for flags in LEVELS),
]


def required() -> set[str]:
    """Groups of builds whose absence is a failure, from the environment: MLPC_REQUIRE=clang,arm64."""
    return set(filter(None, os.environ.get("MLPC_REQUIRE", "").split(",")))


def sources(root: Path = ROOT) -> list[str]:
    """The C files of the core and the kernels, relative to the root."""
    files = [*root.glob("csrc/core/*.c"), *root.glob("csrc/kernels/**/*.c")]
    return sorted(str(file.relative_to(root)) for file in files)


def execute(command: list[str], cwd: Path | None = None, timeout: float = 300) -> str:
    """Standard output; where the command fails, an error that holds what it said."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        said = done.stdout[-2000:] + done.stderr[-6000:]
        raise RuntimeError(f"{' '.join(command)}: exit status {done.returncode}\n{said}")
    return done.stdout


def compile_all(build: Build, files: list[str], folder: Path, root: Path = ROOT) -> list[Path]:
    """Objects of the files, with a list of what each includes beside it (name.d), and of gcc its stack (name.ci)."""
    lists = ("-MMD", *(("-fcallgraph-info=su",) if build.compiler.endswith("gcc") else ()))

    def one(file: str) -> Path:
        target = folder / (file.replace("/", "_") + ".o")
        execute([build.compiler, "-std=c11", *build.flags, *lists, "-c", file, "-o", str(target)], cwd=root)
        return target

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, files))


def link(build: Build, objects: list[Path], program: Path) -> Path:
    execute([build.compiler, *build.flags, *build.link, *map(str, objects), "-pthread", "-lm", "-o", str(program)])
    return program


@functools.cache
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="mlpc-builds-")


@functools.cache
def objects(build: Build) -> list[Path]:
    """The objects of core and kernels, made once per process."""
    folder = Path(_folder().name) / str(BUILDS.index(build))
    folder.mkdir(exist_ok=True)
    return compile_all(build, sources(), folder)


@functools.cache
def digest_program(build: Build) -> Path:
    core = objects(build)
    return link(build, core + compile_all(build, ["tests/c/digest.c"], core[0].parent), core[0].parent / "digest")


def run_digest(build: Build, program: Path, isa: str = "all") -> dict[str, str]:
    """What the program prints, by instruction set."""
    output = execute([*build.runner, str(program), isa])
    return dict(part.split("\n", 1) for part in output.split("# ")[1:])


def expected_digests() -> str:
    """The committed lines, without the comment before them."""
    return "".join(line for line in DIGESTS.read_text().splitlines(keepends=True) if not line.startswith("#"))


def difference(lines: str, expected: str) -> list[str]:
    """Lines that are not as expected, and what is missing."""
    got, wanted = lines.splitlines(), expected.splitlines()
    extra, missing = (sorted(set(a) - set(b)) for a, b in ((got, wanted), (wanted, got)))
    return [f"got {line}" for line in extra] + [f"expected {line}" for line in missing]
