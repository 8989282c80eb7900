"""Files that the commands are given."""

import numpy as np
import pytest

from mlpc.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with a table of fruits."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    weight, width, colour = rng.normal(200, 40, 60), rng.normal(8, 1, 60), rng.integers(0, 3, 60)
    score = (weight - 200) / 40 + (colour == 2)
    lines = ["weight,colour,width,kind"]
    for i in range(60):
        kind = "melon" if score[i] > 1 else "apple" if score[i] > 0 else "plum"
        lines.append(f"{weight[i]:.3f},{('blue', 'green', 'red')[colour[i]]},{width[i]:.3f},{kind}")
    (tmp_path / "fruits.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def model(folder, capsys):
    """A model of the table."""
    assert main(["train", "fruits.csv", "--target", "kind", "--epochs", "30", "--out", "model.npz"]) == 0
    capsys.readouterr()
    return folder / "model.npz"
