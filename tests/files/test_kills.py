"""Whatever moment a training is killed at, its files are whole, and what is resumed from them has the right bits."""

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
    done = save_kills.kill(40, seed=1)
    assert done["old"] + done["new"] == 40 and done["old"] > 20 and done["new"] > 3 and done["within"] > 5
