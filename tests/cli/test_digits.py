"""``mlpc`` on digits, and as a whole: what its commands print, and how they fail."""

import argparse
import contextlib
import inspect
import io
import os
import re
import signal
import subprocess
import sys

import pytest

import mlpc
from mlpc import _mlpc
from mlpc.cli.digits import DEFAULTS
from mlpc.cli.entry import main, parser
from mlpc.cli.options import OPTIONS
from mlpc.cli.train import ON_DIGITS
from mlpc.tables import TableModel

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


def test_train_says_what_it_has_drawn(capsys, monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    assert main([*SMALL, "--plot", "a"]) == 0
    assert capsys.readouterr().out.endswith("learning curves: a.png\n")
    assert os.listdir() == ["a.png"]


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
        (["--sizes", "63-10"], "--sizes: expected 64 inputs and 10 outputs"),
        (["--sizes", "64-9"], "--sizes: expected 64 inputs and 10 outputs"),
        (["--sizes", "64-32"], "--sizes: expected 64 inputs and 10 outputs"),
        (["--sizes", "784-10"], "--sizes: expected 64 inputs and 10 outputs"),
        (["--sizes", "64"], "--sizes: expected 64 inputs and 10 outputs"),
        (["--data", "mnist", "--sizes", "784-9"], "--sizes: expected 784 inputs and 10 outputs"),
        (["--sizes", "64-10000000000000000-10"], "llocate"),
        (["--activation", "nothing"], "nothing"),
        (["--lr", "-1"], "lr"),
        (["--lr", "1e30"], "diverged in epoch 1"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(capsys, arguments, message):
    assert main([*SMALL, *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("mlpc train: ") and message in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--sizes", "64-9"],
        ["--activation", "nothing"],
        ["--lr", "-1"],
        ["--momentum", "1"],
        ["--plot", "curves.xyz"],
        ["--plot", "curves.png.xyz"],
        ["--plot", "nowhere/curves.png"],
        ["--plot", "."],
        ["--plot", ""],
    ],
)
def test_what_cannot_be_done_is_told_before_any_training(capsys, monkeypatch, tmp_path, arguments):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(mlpc.MLP, "fit", None)
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--sizes", "64-10", "--sizes", "64-8-10", *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert arguments[0].removeprefix("--") in captured.err
    assert os.listdir() == []


def test_gradcheck_names_sizes_too(capsys):
    assert main(["gradcheck", "--sizes", "64-9"]) == 1
    assert capsys.readouterr().err.startswith("mlpc gradcheck: --sizes: expected 64 inputs and 10 outputs")


def test_a_folder_that_takes_no_file_is_told_before_any_training(capsys, monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(mlpc.MLP, "fit", None)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # whoever runs the tests may write anywhere, perhaps
    assert main([*SMALL, "--plot", str(tmp_path / "curves.png")]) == 1
    assert "--plot: expected a file that may be written" in capsys.readouterr().err


def test_one_network_that_diverges_is_a_row_like_others(capsys, monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    fit = mlpc.MLP.fit

    def diverging(net, x, y, **settings):
        if net.sizes[1] == 8:
            settings["callbacks"] = [lambda net, history: net.parameters.fill(1e30)]
        return fit(net, x, y, **settings)

    monkeypatch.setattr(mlpc.MLP, "fit", diverging)
    path = tmp_path / "curves.png"
    assert main([*SMALL, "--sizes", "64-10", "--plot", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("mlpc train: 64-8-10: training diverged in epoch 2: ")
    rows = [line for line in captured.out.splitlines() if re.match(r"64(-\d+)+ ", line)]
    assert rows[0].split() == ["64-8-10", "610", "diverged"]
    assert rows[1].startswith("64-10") and rows[1].count("%") == 3
    assert path.read_bytes().startswith(b"\x89PNG")


def test_where_all_diverge_there_is_a_table_and_no_picture(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    assert main([*SMALL, "--lr", "1e30", "--plot", str(tmp_path / "curves.png")]) == 1
    out = capsys.readouterr().out
    assert "diverged" in out and "learning curves: none" in out
    assert not os.listdir(tmp_path)


def test_a_network_named_twice_is_trained_once(capsys):
    assert main([*SMALL, *SMALL[1:3]]) == 0
    assert capsys.readouterr().out.count("training 64-8-10") == 1


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"mlpc {mlpc.__version__}\n"


def test_help_says_every_default():
    """Those of the library, as the signatures have them, and those on digits."""
    usual = {}
    for function in (mlpc.optim.SGD, mlpc.MLP.fit, mlpc.MLP, TableModel, TableModel.fit):
        usual |= {name: each.default for name, each in inspect.signature(function).parameters.items()}
    usual |= {"hidden": 100, "norm": "none", "shuffle": "--shuffle"}
    told = [option for option in OPTIONS if option.usual and usual.get(option.name) is not None]
    assert len(told) > 15
    for option in told:
        assert option.usual == str(usual[option.name]), option.name
    assert {option.name for option in OPTIONS if option.digits} == {*DEFAULTS} - {"data", "progress"} == {*ON_DIGITS}
    for option in OPTIONS:
        assert not option.digits or option.digits == str(DEFAULTS[option.name])
    (commands,) = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    said = commands.choices["train"].format_help()
    assert "(default: 100; on digits: 20)" in " ".join(said.split()) and "(default: adam)" in said


def test_an_interrupt_is_one_line(tmp_path):
    command = [sys.executable, "-m", "mlpc", "train", "--sizes", "64-8-10", "--epochs", "100000000"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == "training 64-8-10\n"
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=300)
    assert (process.returncode, out, error) == (130, "", "mlpc train: interrupted\n")


@pytest.mark.parametrize("arguments", [["info"], ["--help"], ["--version"], SMALL], ids=" ".join)
def test_a_reader_who_has_gone_ends_it_without_a_word(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "mlpc", *arguments]
    try:
        result = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True)
    finally:
        os.close(writing)
    assert result.stderr == ""
    assert result.returncode in ({0, 141} if arguments[0].startswith("-") else {141})  # argparse may have seen to it


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no disk that is always full")
@pytest.mark.parametrize("arguments", [["info"], ["--help"], SMALL], ids=" ".join)
def test_a_full_disk_is_one_sentence(arguments):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "mlpc", *arguments]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    assert re.fullmatch(r"mlpc[a-z ]*: .*No space left on device\n", result.stderr)


def test_output_that_takes_nothing_and_is_no_file_is_left_alone(capsys):
    class Full(io.StringIO):
        def flush(self):
            raise OSError("full")

    with contextlib.redirect_stdout(Full()):
        assert main(["info"]) == 1
    assert capsys.readouterr().err == "mlpc info: full\n"


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
    assert all(
        command in text for command in ("train", "predict", "evaluate", "export", "info", "gradcheck", "bench", "pack")
    )


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
