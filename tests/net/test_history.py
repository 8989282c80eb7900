"""The record of a training run, and the bar that shows it."""

import builtins
import io

import numpy as np
import pytest

import mlpc
from mlpc import progress
from mlpc.history import History


def run(**keywords):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 3)), rng.integers(0, 2, 30)
    net = mlpc.MLP([3, 4, 2])
    return net, net.fit(x, y, epochs=3, validation_data=(x[:10], y[:10]), **keywords)


def test_columns():
    net, history = run(lr=0.25)
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"]
    assert history.epochs == 3 and all(len(column) == 3 for column in history.values())
    assert history["lr"] == [0.25] * 3 and min(history["seconds"]) > 0
    assert all(type(value) is float for column in history.values() for value in column)
    assert net.history is history and "val_loss" in history and "recall" not in history
    with pytest.raises(KeyError, match=r"recall.*val_loss"):
        history["recall"]


def test_pandas():
    pandas = pytest.importorskip("pandas")
    _, history = run()
    frame = history.to_pandas()
    assert isinstance(frame, pandas.DataFrame) and frame.index.tolist() == [1, 2, 3] and frame.index.name == "epoch"
    assert frame["loss"].tolist() == history["loss"]


def test_without_pandas_the_extra_is_named(monkeypatch):
    real_import = builtins.__import__

    def no_pandas(name, *args, **keywords):
        if name == "pandas":
            raise ImportError(name)
        return real_import(name, *args, **keywords)

    monkeypatch.setattr(builtins, "__import__", no_pandas)
    with pytest.raises(ImportError, match="pip install pandas"):
        History().to_pandas()


def test_a_long_history_prints_short():
    history = History()
    assert repr(history) == "History of 0 epochs"
    for epoch in range(100):
        history.append(loss=1 / (epoch + 1))
    lines = repr(history).splitlines()
    assert len(lines) < 25 and lines[2].split() == ["1", "1"] and lines[-1].split() == ["100", "0.01"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_on_a_terminal(monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    run()
    assert "epoch=3" in progress.sys.stderr.getvalue() and "val_accuracy" in progress.sys.stderr.getvalue()


@pytest.mark.parametrize(("stream", "keywords"), [(io.StringIO, {}), (Terminal, {"progress": False})])
def test_silence(monkeypatch, stream, keywords):
    monkeypatch.setattr(progress.sys, "stderr", stream())
    run(**keywords)
    assert progress.sys.stderr.getvalue() == ""


def test_no_bar_without_tqdm(monkeypatch):
    monkeypatch.setitem(progress.sys.modules, "tqdm.auto", None)
    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    run()
    assert progress.sys.stderr.getvalue() == ""


def test_ticks_move_the_bar_within_an_epoch(monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(progress.sys, "stderr", Terminal())
    with progress.Progress(epochs=2, rows=100) as bar:
        bar.tick(30)
        assert bar._bar.n == 30
        bar.epoch_done(1, loss=0.5)
        assert bar._bar.n == 100
        bar.tick(30)
        assert bar._bar.n == 130
