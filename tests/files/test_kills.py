"""Whatever moment a training is killed at, its files are whole, and what is resumed from them has the right bits."""

import re
import subprocess
import sys

import kills
import pytest
import save_kills


@pytest.mark.slow
def test_ten_kills():
    """`make kills` has 200 of them."""
    command = [sys.executable, kills.__file__, "--kills", "10", "--seed", "10"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("10 kills, ")


def test_processes_that_do_not_finish_save():
    """Killed, or without room: `make kills` has 200 of them."""
    command = [sys.executable, save_kills.__file__, "--kills", "40", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    processes, old, new, within = map(int, re.findall(r"\d+", done.stdout))
    assert processes == old + new == 40 and old > 20 and new > 3 and within > 5
