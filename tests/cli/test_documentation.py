"""The commands of docs/command_line.md print what stands below them."""

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mlpc

PAGE = Path(__file__).parents[2] / "docs" / "command_line.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not beside the tests")


def commands(text):
    """(command, output) of each; a command goes on to the end of its here-document."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            found = re.match(r".*<<'END'\n.*?^END\n|.*\n", part, re.MULTILINE | re.DOTALL if "<<" in part else 0)
            yield found[0], part[found.end() :]


def shell(folder):
    """What runs a command in a folder, where `mlpc` and `python` are those of this process."""
    for name, arguments in (("mlpc", "-m mlpc"), ("python", "")):
        program = folder / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        program.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(mlpc.__file__).parents[1]),
    }

    def run(command):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.run(["bash", "-c", command], cwd=folder, env=environment, timeout=300, **pipes).stdout

    return run


@pytest.mark.slow
def test_the_commands_print_what_the_page_says(tmp_path):
    for package in ("pandas", "sklearn", "torch"):
        pytest.importorskip(package)
    if shutil.which("cc") is None:
        pytest.skip("there is no compiler")
    run, checker = shell(tmp_path), doctest.OutputChecker()
    pairs = list(commands(PAGE.read_text()))
    assert len(pairs) > 10
    for command, expected in pairs:
        got = run(command)
        assert checker.check_output(expected, got, doctest.ELLIPSIS), f"{command}{got}"
