"""``python -m mlpc``: what its commands print, and how they fail."""

import os
import re
import subprocess
import sys

import pytest

import mlpc
from mlpc import _mlpc
from mlpc.__main__ import main

SMALL = ["train", "--sizes", "64-8-10", "--epochs", "2"]


def test_info_says_what_a_report_needs(capsys):
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    assert f"mlpc             {mlpc.__version__}" in text
    assert f"version {mlpc.ARITHMETIC}" in text
    assert mlpc.cpu.active() in text and _mlpc.compiler in text
    for label in ("CPU features", "machine", "Python", "NumPy"):
        assert re.search(rf"^{label} +\S", text, re.MULTILINE)


def test_it_runs_as_a_module():
    result = subprocess.run([sys.executable, "-m", "mlpc", "info"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("mlpc ") and not result.stderr


def test_train_prints_a_row_for_each_network(capsys):
    assert main([*SMALL, "--sizes", "64-10"]) == 0
    text = capsys.readouterr().out
    rows = {line.split()[0]: line for line in text.splitlines() if re.match(r"64(-\d+)+ ", line)}
    assert list(rows) == ["64-8-10", "64-10"]
    assert " 610 " in rows["64-8-10"] and " 650 " in rows["64-10"]  # 64 * 8 + 8 + 8 * 10 + 10 and 64 * 10 + 10
    tested = [line for line in rows.values() if line.count("%") == 3]
    assert len(tested) == 1  # the best on validation, and no other, meets the test samples
    assert "1,198 samples train, 239 validate" in text


def test_training_repeats_itself(capsys):
    def figures():
        main(SMALL)
        return re.sub(r"\S+$", "", capsys.readouterr().out, flags=re.MULTILINE)  # without the seconds

    assert figures() == figures()


def test_train_learns_the_digits(capsys):
    assert main(["train", "--sizes", "64-32-10"]) == 0
    accuracy = re.search(r"64-32-10 .* (\S+) % +\S+$", capsys.readouterr().out, re.MULTILINE)
    assert float(accuracy[1]) > 95


def test_train_draws(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "curves.png"
    assert main([*SMALL, "--plot", str(path)]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert str(path) in capsys.readouterr().out


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_gradcheck_passes(capsys, activation):
    assert main(["gradcheck", "--sizes", "64-6-5-10", "--activation", activation]) == 0
    text = capsys.readouterr().out
    assert f"64-6-5-10, {activation}, 7 samples" in text
    assert "0.weight" in text and "4.bias" in text


def test_gradcheck_fails_where_one_network_is_wrong(capsys, monkeypatch):
    right = mlpc.gradcheck

    def gradcheck(net, x, y):
        wrong = {"0.bias": net.state_dict()["0.bias"]} if net.sizes[1] == 5 else None
        return right(net, x, y, gradients=wrong)

    monkeypatch.setattr(mlpc, "gradcheck", gradcheck)
    assert main(["gradcheck", "--sizes", "64-4-10"]) == 0
    assert main(["gradcheck", "--sizes", "64-5-10", "--sizes", "64-4-10"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "63-10"], "x: expected shape"),
        (["--sizes", "64-9"], "y: "),
        (["--activation", "nothing"], "nothing"),
        (["--lr", "-1"], "lr"),
        (["--lr", "1e30"], "diverged in epoch 1"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(capsys, arguments, message):
    assert main([*SMALL[:1], "--sizes", "64-8-10", "--epochs", "2", *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("mlpc train: ") and message in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["train", "--sizes", "64-a"], ["train", "--epochs", "0"], ["train", "--data", "cats"]]
)
def test_wrong_usage_is_explained(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(command in text for command in ("train", "gradcheck", "info"))


def test_without_matplotlib_nothing_is_trained_in_vain(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(mlpc.MLP, "fit", None)
    assert main([*SMALL, "--plot", "curves.png"]) == 1
    assert "pip install matplotlib" in capsys.readouterr().err
    assert not os.path.exists("curves.png")


def test_without_mnist_and_pooch_the_error_names_both_ways_out(capsys, monkeypatch):
    monkeypatch.delenv("MLPC_DATA_DIR", raising=False)
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert main(["train", "--data", "mnist"]) == 1
    error = capsys.readouterr().err
    assert "pip install pooch" in error and "MLPC_DATA_DIR" in error
