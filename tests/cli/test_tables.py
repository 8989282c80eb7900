"""``mlpc train``, ``predict`` and ``evaluate`` of tables: the library's answers, in text and in JSON."""

import io
import json
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

import mlpc
from mlpc.cli import main
from mlpc.cli.options import OPTIONS
from mlpc.tables import TableModel, read_table

pandas = pytest.importorskip("pandas")

TRAIN = ["train", "fruits.csv", "--target", "kind"]
SHORT = [*TRAIN, "--epochs", "2"]


def document(capsys, *arguments):
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_train_is_the_librarys(folder, capsys):
    said = document(capsys, *SHORT, "--out", "model.npz")
    model = TableModel().fit(read_table("fruits.csv"), "kind", epochs=2, progress=False)
    assert said["digest"] == model.net.digest() == mlpc.load("model.npz").net.digest()
    assert said["features"] == list(model.features) and said["labels"] == list(model.labels)
    assert said["training"] == model.evaluate(read_table("fruits.csv")).to_dict()
    assert said["history"]["loss"] == model.history["loss"] and said["epochs"] == 2


def sgd(**settings):
    return lambda net: mlpc.optim.SGD(net, **settings)


LEAKY = mlpc.layers.LeakyReLU(0.2)
EQUAL = {
    "--hidden 8,4": ({"hidden": [8, 4]}, {}),
    "--hidden none": ({"hidden": []}, {}),
    "--hidden 8,4 --activation tanh,leaky_relu:negative_slope=0.2": (
        {"hidden": [8, 4], "activation": ["tanh", LEAKY]},
        {},
    ),
    "--norm batch:momentum=0.01": ({"norm": mlpc.layers.BatchNorm(momentum=0.01)}, {}),
    "--hidden 8,4 --norm none,layer": ({"hidden": [8, 4], "norm": [None, "layer"]}, {}),
    "--hidden 8,4 --dropout 0.5,0.25": ({"hidden": [8, 4], "dropout": [0.5, 0.25]}, {}),
    "--dropout 0.5 --input-dropout 0.1": ({"dropout": 0.5, "input_dropout": 0.1}, {}),
    "--loss cross_entropy:label_smoothing=0.1": ({"loss": mlpc.losses.CrossEntropy(label_smoothing=0.1)}, {}),
    "--init he --dtype float64 --seed 7": ({"init": "he", "dtype": "float64", "seed": 7}, {}),
    "--without colour": ({}, {"without": ["colour"]}),
    "--sample-weight width": ({}, {"sample_weight": "width"}),
    "--class-weight balanced": ({}, {"class_weight": "balanced"}),
    "--class-weight melon=2,plum=0.5": ({}, {"class_weight": {"melon": 2.0, "plum": 0.5}}),
    "--batch-size 16 --no-shuffle": ({}, {"batch_size": 16, "shuffle": False}),
    "--input-noise 0.1 --accumulate-batches 2": ({}, {"input_noise": 0.1, "accumulate_batches": 2}),
    "--optimizer rmsprop:alpha=0.9:centered=1 --lr 0.01": (
        {},
        {"optimizer": lambda net: mlpc.optim.RMSprop(net, 0.01, alpha=0.9, centered=True)},
    ),
    "--optimizer adam:betas=0.9/0.99": ({}, {"optimizer": lambda net: mlpc.optim.Adam(net, betas=(0.9, 0.99))}),
    "--optimizer sgd --lr 0.2 --momentum 0.5 --weight-decay 0.01 --l1 0.001 --max-norm 2": (
        {},
        {"optimizer": sgd(lr=0.2, momentum=0.5, weight_decay=0.01, l1=0.001, max_norm=2.0)},
    ),
    "--optimizer sgd --clip-norm 0.1 --clip-value 0.05": ({}, {"optimizer": sgd(clip_norm=0.1, clip_value=0.05)}),
    "--optimizer sgd --lr 0.2 --schedule cosine:warmup=1": (
        {},
        {"optimizer": sgd(lr=mlpc.schedules.Cosine(0.2, epochs=3, warmup=1))},
    ),
    "--validation-split 0.25": ({}, {"validation_split": 0.25}),
    "--task classification --most-categories 3": ({"task": "classification", "most_categories": 3}, {}),
    "--missing mean": ({"missing": "mean"}, {}),
}


@pytest.mark.parametrize("arguments", EQUAL)
def test_options_are_arguments(folder, capsys, arguments):
    made, given = EQUAL[arguments]
    said = document(capsys, *TRAIN, "--epochs", "3", *arguments.split())
    model = TableModel(**made).fit(read_table("fruits.csv"), "kind", epochs=3, progress=False, **given)
    assert said["digest"] == model.net.digest()


def test_every_option_is_tested():
    """Those that leave the weights as they are, and those that need another table, have tests of their own."""
    own = {"epochs", "validation_data", "metrics", "max_seconds", "resume", "categories"}
    flags = {
        flag.removeprefix("--no-").removeprefix("--") for name in EQUAL for flag in re.findall("--[a-z0-9-]+", name)
    }
    assert {option.name.replace("_", "-") for option in OPTIONS} == flags | {name.replace("_", "-") for name in own}


def test_numbers_may_be_categories(folder, capsys):
    (folder / "codes.csv").write_text("code,y\n" + "".join(f"00{i % 3},{i % 3 + i / 10}\n" for i in range(12)))
    arguments = ["codes.csv", "--target", "y", "--categories", "code", "--epochs", "2", "--out", "codes.npz"]
    assert document(capsys, "train", *arguments)["features"] == ["code=000", "code=001", "code=002"]
    (folder / "new.csv").write_text("code\n001\n")
    assert len(document(capsys, "predict", "codes.npz", "new.csv")["predictions"]) == 1


def test_text_that_looks_like_numbers_in_the_validation_data(folder, capsys):
    (folder / "whole.csv").write_text("a,code,y\n1,x,07\n2,y,08\n3,z,y1\n4,05,07\n")
    (folder / "part.csv").write_text("a,code,y\n1,05,07\n2,05,08\n")
    arguments = ["train", "whole.csv", "--target", "y", "--validation-data", "part.csv", "--epochs", "1"]
    assert document(capsys, *arguments)["validation"]["labels"] == ["07", "08", "y1"]


def test_validation_metrics_and_time(folder, capsys):
    pytest.importorskip("sklearn")
    arguments = ["--validation-data", "fruits.csv", "--metrics", "top_2,f1", "--max-seconds", "1000"]
    said = document(capsys, *SHORT, *arguments)
    assert {"val_loss", "top_2", "val_f1"} <= said["history"].keys()
    assert said["validation"] == said["training"]


def test_patience_ends_a_training(folder, capsys):
    said = document(capsys, *TRAIN, "--validation-split", "0.3", "--patience", "2", "--lr", "0.1", "--epochs", "500")
    best = 1 + int(np.argmin(said["history"]["val_loss"]))
    assert said["epochs"] == best + 2 < 500 and said["best_epoch"] == best
    assert said["validation"]["loss"] == pytest.approx(said["history"]["val_loss"][best - 1], rel=1e-4)
    said = document(capsys, *TRAIN, "--patience", "1", "--monitor", "accuracy")
    assert said["epochs"] < 100


def test_a_training_may_be_resumed(folder, capsys):
    whole = document(capsys, *TRAIN, "--epochs", "4")
    document(capsys, *SHORT, "--resume", "run.npz")
    resumed = document(capsys, *TRAIN, "--epochs", "4", "--resume", "run.npz")
    assert resumed["digest"] == whole["digest"] and resumed["history"]["loss"] == whole["history"]["loss"]


def test_threads_are_those_of_one_command(folder, capsys):
    before = mlpc.get_num_threads()
    one, three = (document(capsys, *SHORT, "--threads", str(n))["digest"] for n in (1, 3))
    assert one == three and mlpc.get_num_threads() == before


def test_a_table_says_what_came_of_it(folder, capsys):
    assert main([*SHORT, "--validation-split", "0.25", "--out", "model.npz"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^training +45 +\S+ +\S+$", out, re.MULTILINE)
    assert re.search(r"^validation +15 +\S+ +\S+$", out, re.MULTILINE)
    assert "3 classes of 'kind' by 5-100-3, 903 parameters, loss cross_entropy; 2 epochs\nsaved: model.npz\n" in out


def test_numbers_are_predicted_too(folder, capsys):
    assert main(["train", "fruits.csv", "--target", "width", "--epochs", "2", "--out", "width.safetensors"]) == 0
    assert "R^2" in capsys.readouterr().out
    table = read_table("fruits.csv")
    model = mlpc.load("width.safetensors")
    assert main(["predict", "width.safetensors", "fruits.csv"]) == 0
    name, *lines = capsys.readouterr().out.splitlines()
    assert name == "width"
    np.testing.assert_array_equal(np.array(lines, np.float32), model.predict(table))
    assert document(capsys, "evaluate", "width.safetensors", "fruits.csv")["r2"] == model.evaluate(table).r2


def test_a_picture(folder, capsys):
    pytest.importorskip("matplotlib")
    assert main([*SHORT, "--plot", "curves.svg"]) == 0
    assert capsys.readouterr().out.endswith("learning curves: curves.svg\n")
    assert "<svg" in (folder / "curves.svg").read_text()


def test_predict(model, capsys):
    table, kept = read_table("fruits.csv"), mlpc.load(model)
    assert main(["predict", "model.npz", "fruits.csv"]) == 0
    assert capsys.readouterr().out.splitlines() == ["kind", *kept.predict(table)]
    said = document(capsys, "predict", "model.npz", "fruits.csv", "--probabilities")
    assert said["predictions"] == kept.predict(table).tolist() and said["labels"] == ["apple", "melon", "plum"]
    np.testing.assert_array_equal(np.array(said["probabilities"], np.float32), kept.predict_proba(table))
    assert main(["predict", "model.npz", "fruits.csv", "--probabilities", "--out", "said.csv"]) == 0
    assert capsys.readouterr().out == ""
    written = pandas.read_csv("said.csv")
    assert list(written) == ["kind", "P(apple)", "P(melon)", "P(plum)"]
    np.testing.assert_array_equal(written.iloc[:, 1:].to_numpy(np.float32), kept.predict_proba(table))


def test_an_interrupt_leaves_no_file(folder):
    command = [sys.executable, "-m", "mlpc", *TRAIN, "--epochs", "100000000", "--out", "model.npz"]
    command += ["--resume", "run.npz"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not (folder / "run.npz").exists() and process.poll() is None:
            time.sleep(0.01)  # until it trains
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=300)
    assert (process.returncode, out, error) == (130, "", "mlpc train: interrupted\n")
    assert not (folder / "model.npz").exists()


def test_predict_by_a_pipe(model, capsys, monkeypatch):
    rows = b"width,note,colour,weight\n8,x,red,250\n7,y,blue,120\n"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(rows)))
    assert main(["predict", "model.npz", "-"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "kind\nmelon\nplum\n"
    assert captured.err == "mlpc predict: not used, since the model has no such column: note\n"


def test_what_is_no_number_is_null(folder, capsys):
    (folder / "steep.csv").write_text("x,y\n" + "".join(f"{i / 1000},{i}.5\n" for i in range(20)))
    document(capsys, "train", "steep.csv", "--target", "y", "--epochs", "1", "--out", "steep.npz")
    (folder / "far.csv").write_text("x\n3e38\n0.01\n")
    far, near = document(capsys, "predict", "steep.npz", "far.csv")["predictions"]
    assert far is None and near is not None


def test_predict_without_standard_output(model):
    command = [sys.executable, "-m", "mlpc", "predict", "model.npz", "fruits.csv"]
    result = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *command], stderr=subprocess.PIPE, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def test_classes_may_be_missing_integers(folder, capsys):
    (folder / "gaps.csv").write_text("a,y\n" + "".join(f"{i},{('1', '0', '')[i % 3]}\n" for i in range(12)))
    said = document(
        capsys, "train", "gaps.csv", "--target", "y", "--missing", "drop", "--epochs", "2", "--out", "gaps.npz"
    )
    assert said["labels"] == [0, 1] and said["training"]["rows"] == 8
    assert set(document(capsys, "predict", "gaps.npz", "gaps.csv")["predictions"]) <= {0, 1}


def test_evaluate(model, capsys):
    said = mlpc.load(model).evaluate(read_table("fruits.csv"))
    assert main(["evaluate", "model.npz", "fruits.csv"]) == 0
    assert capsys.readouterr().out == f"{said}\n"
    assert document(capsys, "evaluate", "model.npz", "fruits.csv") == {"target": "kind"} | said.to_dict()


def test_unknown_categories(model, capsys):
    (model.parent / "new.csv").write_text("weight,colour,width\n200,pink,8\n")
    assert main(["predict", "model.npz", "new.csv"]) == 1
    assert "column 'colour': expected one of 'blue', 'green', 'red', got 'pink' at row 0" in capsys.readouterr().err
    assert main(["predict", "model.npz", "new.csv", "--unknown", "ignore"]) == 0


BAD = {
    "train no.csv --target kind": "no.csv",
    "train fruits.csv": "--target: expected the column",
    "train fruits.csv --target taste": "target: expected columns of the table, 'weight', 'colour', 'width', 'kind'",
    "train fruits.csv --target kind --sizes 4-3": "--sizes: expected none with a TABLE",
    "train --hidden 8": "--hidden: expected a TABLE with it",
    "train --json": "--json: expected a TABLE with it",
    "train fruits.csv --target kind --out model.txt": "--out: expected a name that ends in .npz or .safetensors",
    "train fruits.csv --target kind --out nowhere/model.npz": "no such folder",
    "train fruits.csv --target kind --out folder.npz": "a folder has the name: ",
    "train fruits.csv --target kind --loss huber:delta=x": "--loss: expected NAME:SETTING=NUMBER:..., got",
    "train fruits.csv --target kind --loss huber:width=2": "--loss: expected settings of huber, delta, got 'width'",
    "train fruits.csv --target kind --loss huber:delta=-1": "--loss: delta: expected",
    "train fruits.csv --target kind --activation fast": "--activation: expected one of identity, relu",
    "train fruits.csv --target kind --norm relu": "--norm: expected one of batch, layer, got 'relu'",
    "train fruits.csv --target kind --optimizer lion": "--optimizer: expected one of sgd, adam",
    "train fruits.csv --target kind --optimizer adam --momentum 0.9": "--optimizer: expected settings of adam",
    "train fruits.csv --target kind --optimizer sgd:momentum=0.9 --momentum 0.9": "expected momentum once",
    "train fruits.csv --target kind --schedule step": "--schedule: ",
    "train fruits.csv --target kind --patience 3": "--patience: expected --validation-split or --validation-data",
    "train fruits.csv --target kind --monitor loss": "--monitor: expected --patience with it",
    "train fruits.csv --target kind --class-weight plum": "--class-weight: expected balanced, or LABEL=WEIGHT",
    "train fruits.csv --target kind --class-weight kiwi=2": "class_weight: expected labels among",
    "train fruits.csv --target width --optimizer sgd --lr 1e30": "diverged in epoch 1",
    "predict no.npz fruits.csv": "no.npz",
    "predict fruits.csv fruits.csv": "path: expected a name that ends in .npz or .safetensors",
    "predict net.npz fruits.csv": "MODEL: expected the model of a table, as mlpc train TABLE writes it, got 'net.npz'",
    "predict model.npz short.csv": "table: expected the columns that the training had; missing: ['colour', 'width']",
    "predict model.npz fruits.csv --json --out a.csv": "--json: expected a document on standard output",
    "predict model.npz fruits.csv --out nowhere/a.csv": "no such folder",
    "evaluate model.npz short.csv": "missing: ['colour', 'width']",
    "export model.npz --to npz --out net.npz --name f": "--name: expected one with --to c, got one with --to npz",
    "export model.npz --to c --out net.c --name 1f": "name: expected",
    "export model.npz --to onnx --out net.onnx --dtype int8": "--dtype: expected one with --to c, got one",
    "export model.npz --to npz --out nowhere/net.npz": "no such folder",
    "export model.npz --to npz --out net.txt": "path: expected a name that ends in .npz",
    "info short.csv": "path: expected a name that ends in .npz or .safetensors",
}


@pytest.mark.parametrize("arguments", BAD)
def test_what_cannot_be_done_is_one_sentence(model, capsys, arguments):
    mlpc.MLP([2, 3]).save("net.npz")
    (model.parent / "folder.npz").mkdir()
    (model.parent / "short.csv").write_text("weight\n1\n")
    before = sorted(path.name for path in model.parent.iterdir())
    assert main(arguments.split()) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(f"mlpc {arguments.split()[0]}: ") and captured.err.count("\n") == 1
    assert BAD[arguments] in captured.err and captured.out == ""
    assert sorted(path.name for path in model.parent.iterdir()) == before


def test_warnings_are_lines(folder, capsys):
    table = read_table("fruits.csv").assign(same=1)
    table.to_csv("same.csv", index=False)
    assert main(["train", "same.csv", "--target", "kind", "--epochs", "1"]) == 0
    expected = "mlpc train: column 'same' is 1 in every row, and left out: it says nothing\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "fruits.csv", "--target", "kind", "--hidden", "8,x"],
        ["train", "fruits.csv", "--target", "kind", "--dropout", "much"],
        ["train", "fruits.csv", "--target", "kind", "--task", "guess"],
        ["predict", "model.npz"],
        ["export", "model.npz", "--to", "python", "--out", "a.py"],
    ],
    ids=lambda arguments: arguments[-1],
)
def test_wrong_usage_is_explained(folder, capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err
