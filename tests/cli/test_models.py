"""``mlpc info``, ``export`` and ``bench``: what a model is, and what other programs get of it."""

import json

import numpy as np
import pytest

import mlpc
from mlpc.cli import main
from mlpc.tables import read_table

pytest.importorskip("pandas")


def test_info_of_a_model(model, capsys):
    kept = mlpc.load(model)
    assert main(["info", "model.npz", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["columns"] == ["weight", "colour", "width"] and said["target"] == "kind"
    assert said["features"] == list(kept.features) and said["labels"] == ["apple", "melon", "plum"]
    assert said["digest"] == kept.net.digest() and said["arithmetic"] == f"version {mlpc.ARITHMETIC}"
    assert main(["info", "model.npz"]) == 0
    out = capsys.readouterr().out
    assert f"digest           {kept.net.digest()}\n" in out and str(kept.net.summary()) in out


def test_info_of_a_network(folder, capsys):
    net = mlpc.MLP([3, 2], loss="mse")
    net.save("net.npz")
    assert main(["info", "net.npz"]) == 0
    out = capsys.readouterr().out
    assert "kind             network\n" in out and net.digest() in out and "columns" not in out


def test_estimators_are_opened_too(folder, capsys):
    pytest.importorskip("sklearn")
    x, y = np.arange(40.0).reshape(20, 2), np.repeat(["low", "high"], 10)
    estimator = mlpc.MLPClassifier((5,), max_iter=2, random_state=0)
    estimator.partial_fit(x, y, classes=["low", "high"]).save("estimator.npz")
    assert main(["info", "estimator.npz"]) == 0
    assert "kind             estimator\n" in capsys.readouterr().out
    assert main(["export", "estimator.npz", "--to", "npz", "--out", "net.npz"]) == 0
    assert mlpc.load("net.npz").digest() == estimator.network_.digest()
    pytest.importorskip("onnx")
    estimator.to_onnx("own.onnx")
    assert main(["export", "estimator.npz", "--to", "onnx", "--out", "net.onnx"]) == 0
    assert (folder / "net.onnx").read_bytes() == (folder / "own.onnx").read_bytes()


def test_info_of_this_machine(folder, capsys):
    assert main(["info", "cpu"]) == 0
    out = capsys.readouterr().out
    assert main(["info"]) == 0
    assert capsys.readouterr().out == out
    assert main(["info", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mlpc"] == mlpc.__version__


def test_a_network_for_the_library(model, capsys):
    assert main(["export", "model.npz", "--to", "npz", "--out", "net.npz"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "net.npz: npz, takes 5 numbers and gives 3",
        "in: weight, colour=blue, colour=green, colour=red, width",
        "classes: apple, melon, plum",
    ]
    net, kept = mlpc.load("net.npz"), mlpc.load(model)
    assert isinstance(net, mlpc.MLP) and net.digest() == kept.net.digest() and net.labels == kept.labels


def test_a_model_of_onnx(model):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    assert main(["export", "model.npz", "--to", "onnx", "--out", "net.onnx"]) == 0
    kept, table = mlpc.load(model), read_table("fruits.csv")
    session = runtime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
    labels, shares = session.run(None, {"X": kept.encode(table).astype(np.float32)})
    assert labels.tolist() == kept.predict(table).tolist()
    np.testing.assert_allclose(shares, kept.predict_proba(table), rtol=1e-3, atol=1e-5)


def test_a_state_dict_for_torch(model, torch):
    assert main(["export", "model.npz", "--to", "torch", "--out", "net.pt"]) == 0
    module = torch.nn.Sequential(torch.nn.Linear(5, 100), torch.nn.ReLU(), torch.nn.Linear(100, 3))
    module.load_state_dict(torch.load("net.pt", weights_only=True))
    kept = mlpc.load(model)
    x = kept.encode(read_table("fruits.csv")).astype(np.float32)
    np.testing.assert_allclose(module(torch.from_numpy(x)).detach(), kept.net.forward(x), rtol=1e-4, atol=1e-4)


def test_bench_says_how_fast(capsys):
    assert main(["bench", "--epochs", "1", "--rounds", "1", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [each["sizes"] for each in said["networks"]] == [[64, 32, 10], [64, 100, 10], [64, 256, 256, 10]]
    assert all(each["epochs_per_second"] > 0 for each in said["networks"])
    assert main(["bench", "--epochs", "1", "--rounds", "1"]) == 0
    assert "64-256-256-10" in capsys.readouterr().out


def test_c_with_weights_of_bytes_is_what_the_library_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    net = mlpc.MLP([3, 5, 2], seed=1)
    net.save("net.npz")
    assert main(["export", "net.npz", "--to", "c", "--dtype", "int8", "--out", "net.c"]) == 0
    written = (tmp_path / "net.c").read_bytes()
    net.to_c("net.c", dtype="int8")
    assert (tmp_path / "net.c").read_bytes() == written
    assert b"int8_t" in written
