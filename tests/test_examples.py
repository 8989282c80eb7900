"""The programs in Python of examples/, in small; those in C are run by test_c_library.py."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mlpc

PROGRAM = Path(__file__).parents[1] / "examples" / "mnist_recipe.py"
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="there are no examples beside the tests")
SMALL = ["--data", "digits", "--units", "24", "--epochs", "3", "--seeds", "2"]


def output_of(*arguments):
    folder = str(Path(mlpc.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": folder, "MLPC_NUM_THREADS": "1"}
    command = [sys.executable, PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True, env=environment).stdout


def test_the_recipes_for_mnist(tmp_path):
    """What is printed is what the networks in the files reach, and a second run only looks at these."""
    printed = output_of(*SMALL, "--folder", tmp_path)
    lines = printed.splitlines()
    assert lines[0] == "1,437 images to train on, 360 to test with" and len(lines) == 7
    _, test = mlpc.datasets.load_digits()
    for recipe, first in (("dropout", 1), ("batch norm", 4)):
        reached = []
        for seed in range(2):
            net = mlpc.load(tmp_path / f"{recipe.replace(' ', '-')}-{seed}.npz")
            assert net.seed == seed and net.norms == (("batch" if recipe == "batch norm" else None),) * 2
            reached.append(net.evaluate(*test)[1])
            assert re.fullmatch(
                rf"{recipe}, seed {seed}: accuracy {reached[-1]:.4f}, \d+\.\d s an epoch", lines[first + seed]
            )
        assert lines[first + 2] == f"{recipe}: mean accuracy {sum(reached) / 2:.4f} of 2 networks"
    assert output_of(*SMALL, "--folder", tmp_path) == printed


def test_settings_are_chosen_without_the_test_images(tmp_path):
    arguments = [*SMALL, "--recipes", "dropout", "--seeds", "1", "--hold-out", "--folder", tmp_path]
    first, second, _ = output_of(*arguments).splitlines()
    assert first == "1,198 images to train on, 239 to test with"
    (x, y), _ = mlpc.datasets.load_digits()
    accuracy = mlpc.load(tmp_path / "dropout-0.npz").evaluate(x[1198:], y[1198:])[1]
    assert second.startswith(f"dropout, seed 0: accuracy {accuracy:.4f}, ")
