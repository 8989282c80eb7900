"""examples/microcontroller: built, run on an emulated Cortex-M4, and compared with Python, by its own Makefile."""

import os
import shutil
import subprocess
import sys

import builds
import pytest

import mlpc

FOLDER = builds.ROOT / "examples" / "microcontroller"
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_the_example_has_the_bits_of_python_and_prints_what_its_page_says(weights, tmp_path):
    for tool in ("make", "arm-none-eabi-gcc", "qemu-system-arm"):
        if not shutil.which(tool):
            (pytest.fail if "cortex-m4" in builds.required() else pytest.skip)(f"{tool} is not installed")
    dtype = "int8" if weights == "int8" else ""
    command = ["make", "all", f"PYTHON={sys.executable}", f"BUILD={tmp_path}", f"DTYPE={dtype}"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    environment = kept | {"PYTHONPATH": os.path.dirname(os.path.dirname(mlpc.__file__))}
    done = subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    printed = (tmp_path / "printed.txt").read_text()
    assert printed == (tmp_path / "expected.txt").read_text()
    page = (FOLDER / "README.md").read_text()
    assert "".join(f"    {line}\n" for line in printed.splitlines()) in page
