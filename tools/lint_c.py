"""C as `make lint` wants it: laid out by clang-format as .clang-format says, and without a warning of gcc and of clang.

    python tools/lint_c.py [--fix]

--fix lays the files out instead of complaining.  A compiler that is not installed is an error.
"""

import os
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("csrc", "tests/c", "examples")
ELSEWHERE = "examples/microcontroller/"  # is compiled for its board, by its own Makefile: here it is laid out alone
COMPILERS = ("gcc", "clang")
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
# Headers of others are not ours to mend.  What setup.py defines is any text here.
FLAGS = (
    "-std=c11", "-O1", "-ffp-contract=off", "-fsyntax-only", *WARNINGS, "-Icsrc", "-Icsrc/core",
    '-DMLPC_BUILD_HASH=""', '-DMLPC_OPTIMIZATION=""',
    "-isystem", sysconfig.get_path("include"), "-isystem", np.get_include(),
)  # fmt: skip


def files(*endings: str) -> list[str]:
    """The files of our own with these endings, relative to the root."""
    found = (path for folder in FOLDERS for ending in endings for path in (ROOT / folder).rglob(f"*{ending}"))
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def complaints(command: list[str]) -> str:
    """What a command says, with its name; nothing where it is content."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    said = done.stdout + done.stderr
    return f"{command[0]}: {command[-1]}\n{said}" if done.returncode else ""


def main(fix: bool) -> int:
    layout = [str(Path(sys.executable).with_name("clang-format")), *(["-i"] if fix else ["--dry-run", "-Werror"])]
    commands = [[*layout, file] for file in files(".c", ".h")]
    if not fix:
        needs_fma = "tests/c/fma_check.c"  # says so itself
        commands += [
            [compiler, *FLAGS, *(["-mfma"] if file == needs_fma else []), file]
            for compiler in COMPILERS
            for file in files(".c")
            if not file.startswith(ELSEWHERE)
        ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        said = [text for text in pool.map(complaints, commands) if text]
    print("\n".join(said), end="", file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--fix"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:] == ["--fix"]))
