"""examples/microcontroller: built, run on an emulated Cortex-M4, and compared with Python, by its own Makefile."""

import os
import re
import shutil
import subprocess
import sys

import builds
import c_networks
import pytest

import mlpc

FOLDER = builds.ROOT / "examples" / "microcontroller"
pytestmark = pytest.mark.slow


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            (pytest.fail if "cortex-m4" in builds.required() else pytest.skip)(f"{tool} is not installed")


@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_the_example_has_the_bits_of_python_and_prints_what_its_page_says(weights, tmp_path):
    need("make", "arm-none-eabi-gcc", "qemu-system-arm")
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


def test_the_code_takes_what_the_page_says(tmp_path):
    """To a tenth: not every compiler makes the same of it."""
    need("arm-none-eabi-gcc", "arm-none-eabi-size")
    page = " ".join((builds.ROOT / "docs/c.md").read_text(encoding="utf-8").split())
    everything = next(case.net for case in c_networks.cases() if case.name == "all32")
    for net, words in [
        (mlpc.MLP([64, 32, 10], "relu"), "relu"),
        (mlpc.MLP([64, 32, 10], "tanh"), "tanh"),
        (mlpc.MLP([64, 32, 10], "relu", norm="layer"), "relu and layer norm"),
        (everything, "every activation and both norms"),
    ]:
        report = net.to_c(tmp_path / "net.c")
        options = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-std=c99", "-Os"]
        builds.execute(["arm-none-eabi-gcc", *options, "-c", "net.c", "-o", "net.o"], cwd=tmp_path)
        sections = builds.execute(["arm-none-eabi-size", "-A", str(tmp_path / "net.o")])
        taken = sum(int(size) for size in re.findall(r"^\.(?:text|rodata)\S* +(\d+)", sections, re.MULTILINE))
        said = float(re.search(rf"([0-9.]+) KB with {words}[,;.]", page)[1])
        assert abs((taken - report.flash) / 1000 - said) < 0.1 * said, words
