"""The record of a training run, and the bar that shows it."""

import builtins
import copy
import importlib
import io
import json
import pathlib
import pickle
import re
import types
import warnings

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


def test_a_data_frame_of_a_history_is_the_table_of_its_epochs():
    pandas = pytest.importorskip("pandas")
    _, history = run()
    frame = pandas.DataFrame(history)
    assert frame.shape == (3, 6) and list(frame) == list(history)
    assert frame["val_loss"].tolist() == history["val_loss"]


def test_a_history_is_a_dictionary():
    _, history = run()
    assert json.loads(json.dumps(history)) == history == dict(history)
    assert history.get("recall", "none") == "none"
    for other in (pickle.loads(pickle.dumps(history)), copy.copy(history), copy.deepcopy(history)):
        assert type(other) is History and other == history
        assert (other.zeros, other.epochs, repr(other)) == (history.zeros, 3, repr(history))


def test_notebooks_see_tables():
    pytest.importorskip("torch")
    net, history = run()
    x, y = [[1.0, 2.0, 3.0]], [0]
    tables = [
        (history, ["epoch", "val_loss", f"{history['loss'][2]:.4g}"]),
        (mlpc.gradcheck(net, x, y), ["parameter", "0.weight", "verdict"]),
        (mlpc.testing.compare_with_torch(net, x, y), ["tensor", "PyTorch&#x27;s own", "0.weight"]),
        (net.summary(), ["layer", "0  Linear", "3 inputs, 26 parameters"]),
    ]
    for table, words in tables:
        html = table._repr_html_()
        assert html.startswith("<table>") and html.endswith("</table>") and all(word in html for word in words)
    assert History()._repr_html_() == repr(History())


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
    monkeypatch.setitem(progress.sys.modules, "tqdm", None)
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


class Notebook:
    kernel = object()


@pytest.mark.parametrize("widgets", [True, False])
def test_a_notebook_has_a_widget_where_there_are_widgets(monkeypatch, widgets):
    """tqdm.auto, which chooses as well, warns where there are none: that would have to be silenced for all threads."""
    pytest.importorskip("tqdm")
    monkeypatch.setitem(progress.sys.modules, "IPython", types.SimpleNamespace(get_ipython=Notebook))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if widgets else None)
    taken, real = [], importlib.import_module
    monkeypatch.setattr(importlib, "import_module", lambda name: taken.append(name) or real("tqdm"))
    monkeypatch.setattr(progress.sys, "stderr", io.StringIO())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run()
    assert taken == ["tqdm.notebook" if widgets else "tqdm"]
    assert "epoch=3" in progress.sys.stderr.getvalue()


def test_nothing_here_changes_a_setting_of_the_process():
    # np.errstate is the calling thread's alone.
    settings = r"catch_warnings|simplefilter|filterwarnings|seterr|set_num_threads\(|use_isa\(|manual_seed\("
    for path in pathlib.Path(mlpc.__file__).parent.rglob("*.py"):
        # Those are there for that; and a command has a process of its own, or puts back what it has changed.
        if path.name not in ("threads.py", "thread_pools.py", "cpu.py", "entry.py"):
            assert not re.search(settings, path.read_text(encoding="utf-8")), path
