"""Instructions that small runs take: counted by valgrind's callgrind, which gives the same number every time.

    python tests/instructions/counts.py [--write]

prints the counts beside those recorded in counts.json; --write records them, with the compiler that they hold for.
"""

import json
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORD = Path(__file__).with_name("counts.json")
TOLERANCE = 0.03

sys.path.insert(0, str(ROOT / "tests/bits"))
import builds  # noqa: E402

BUILD = next(build for build in builds.BUILDS if build.compiler == "gcc" and build.flags == builds.OPTIMIZED)

ISAS = ("portable", "avx2")  # what valgrind knows; it has no AVX-512
DTYPES = ("float32", "float64")
WORKLOADS = ("forward", "predict_one", "predict_batch", "loss_and_backward", "train_sgd", "train_adam")

Counts = dict[str, int]


def compiler() -> str:
    """Name and major version: another one makes other instructions."""
    version = builds.execute([BUILD.compiler, "-dumpversion"])
    return f"{BUILD.compiler} {version.split('.')[0].strip()}, {platform.machine()}"


def build(folder: Path) -> Path:
    """tests/c/instructions.c with core and kernels."""
    objects = builds.objects(BUILD) + builds.compile_all(BUILD, ["tests/c/instructions.c"], folder)
    return builds.link(BUILD, objects, folder / "instructions")


def instructions(program: Path, *arguments: str) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        raise RuntimeError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stderr[-3000:]}")
    return int(found[1])


def count(program: Path, isa: str, dtype: str) -> Counts:
    """By workload: what two more rounds cost, halved. What prepares them cancels out."""
    counts = {}
    for workload in WORKLOADS:
        few, more = (instructions(program, isa, dtype, workload, rounds) for rounds in ("1", "3"))
        counts[f"{isa} {dtype} {workload}"] = (more - few) // 2
    return counts


def differences(counts: Counts, recorded: Counts) -> list[str]:
    """Where a count is not within the tolerance, fewer as well as more: the record is to be true."""
    lines = []
    for name, value in counts.items():
        if name not in recorded:
            lines.append(f"{name}: {value:,}, not recorded")
        elif abs(value / recorded[name] - 1) > TOLERANCE:
            lines.append(f"{name}: {value:,}, recorded {recorded[name]:,}, {100 * (value / recorded[name] - 1):+.1f} %")
    return lines


def main() -> None:
    if sys.argv[1:] not in ([], ["--write"]):
        sys.exit(__doc__)
    recorded = json.loads(RECORD.read_text()) if RECORD.exists() else {"compiler": "none", "counts": {}}
    with tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder))
        every = [count(program, isa, dtype) for isa in ISAS for dtype in DTYPES]
        counts = {name: value for some in every for name, value in some.items()}
    print(f"{compiler()}; recorded with {recorded['compiler']}")
    for name, value in counts.items():
        before = recorded["counts"].get(name)
        print(f"{name:36}{value:>14,}" + (f"{100 * (value / before - 1):+8.1f} %" if before else ""))
    if sys.argv[1:]:
        RECORD.write_text(json.dumps({"compiler": compiler(), "counts": counts}, indent=1) + "\n")
    elif different := differences(counts, recorded["counts"]):
        sys.exit("\n".join(["", f"beyond {TOLERANCE:.0%}:", *different]))


if __name__ == "__main__":
    main()
