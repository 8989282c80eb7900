"""Runs: an epoch at a time, stopped after any of them, written down, and continued elsewhere."""

import json
import subprocess
import sys

import numpy as np
import pytest

import mlpc
from mlpc.optim import SGD, Adam, AdamW
from mlpc.schedules import Cosine
from mlpc.training import Run

EPOCHS = 4
rng = np.random.default_rng(0)
x = rng.normal(size=(90, 6)) * (rng.random((90, 6)) < 0.3)
labels, values, weight = np.arange(90) % 3, rng.normal(size=(90, 3)), rng.uniform(size=90)

# Loss and dtype of the network, the optimizer, and arguments of the run.
CASES = {
    "momentum": ("cross_entropy", "float32", lambda net: SGD(net, 0.1, momentum=0.9), {}),
    "of a seed": ("mse", "float64", lambda net: SGD(net, 0.1), {"seed": 2**64 - 1}),
    "validated": ("cross_entropy", "float64", Adam, {"validation_data": (x[::2], labels[::2])}),
    "over time, weighted": (
        "mse",
        "float32",
        lambda net: AdamW(net, Cosine(0.01, epochs=4, warmup=1)),
        {"sample_weight": weight, "validation_data": (x, values)},
    ),
    "in order": (
        "cross_entropy",
        "float32",
        lambda net: Adam(net, lambda t: 0.01 / (1 + t)),
        {"shuffle": False, "class_weight": [1, 2, 3], "keep_gradients": True},
    ),
}


def of(case, seed=1):
    """Network, y and the keywords of its run."""
    loss, dtype, optimizer, arguments = CASES[case]
    net = mlpc.MLP([6, 7, 3], "tanh", loss=loss, dtype=dtype, seed=seed)
    return (
        net,
        labels if loss == "cross_entropy" else values,
        {"optimizer": optimizer(net), "batch_size": 32} | arguments,
    )


def make(case, seed=1):
    net, y, arguments = of(case, seed)
    return Run(net, x, y, **arguments)


def outcome(run):
    history = {name: column for name, column in run.history.items() if name != "seconds"}
    return json.loads(
        json.dumps([run.net.digest(), run.net.shuffle_state, run.optimizer.epochs, list(history.items())])
    )


CONTINUE = """
import importlib.util, itertools, json, pathlib, sys
import numpy as np
spec = importlib.util.spec_from_file_location("runs", sys.argv[1])
runs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(runs)
for path in map(pathlib.Path, sys.argv[2:]):
    run = runs.make(path.parent.name, seed=99)
    run.epoch()  # what it has done is forgotten
    with np.load(path) as state:
        run.load_state_dict(state)
    while run.history.epochs < runs.EPOCHS:
        run.epoch()
    print(json.dumps(runs.outcome(run)))
"""


def test_a_run_continued_elsewhere_is_the_run_that_was_not_stopped(tmp_path):
    expected, paths = {}, []
    for case in CASES:
        (tmp_path / case).mkdir()
        run = make(case)
        for after in range(EPOCHS + 1):
            paths.append(tmp_path / case / f"{after}.npz")
            np.savez(paths[-1], **run.state_dict())
            if after < EPOCHS:
                run.epoch()
        expected[case] = outcome(run)
    done = subprocess.run(
        [sys.executable, "-c", CONTINUE, __file__, *map(str, paths)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    for path, line in zip(paths, done.stdout.splitlines(), strict=True):
        assert json.loads(line) == expected[path.parent.name], path
    assert len({digest for digest, *_ in expected.values()}) == len(CASES)


@pytest.mark.parametrize("case", CASES)
def test_fit_is_a_loop_over_epochs(case):
    run = make(case)
    rows = [run.epoch() for _ in range(EPOCHS)]
    net, y, arguments = of(case)
    history = net.fit(x, y, epochs=EPOCHS, progress=False, **arguments)
    assert net.digest() == run.net.digest() and net.shuffle_state == run.net.shuffle_state
    assert list(history) == list(rows[0]) and history.epochs == len(rows)
    for name in set(history) - {"seconds"}:
        assert history[name] == [row[name] for row in rows] == run.history[name]
    assert run.net.history is run.history and history.zeros == run.history.zeros == "skipped"


def test_a_run_that_is_made_has_changed_nothing():
    net = mlpc.MLP([6, 3])
    net.fit(x, labels, epochs=1)
    before = net.digest(), net.history, net.shuffle_state, net.gradients.tobytes()
    Run(net, x, labels, seed=5, keep_gradients=True)
    assert (net.digest(), net.history, net.shuffle_state, net.gradients.tobytes()) == before


def test_what_was_checked_cannot_be_changed():
    """Labels, values and weights are those that the run was made with, whatever becomes of the caller's arrays."""
    for loss, y in (("cross_entropy", labels.copy()), ("bce_with_logits", (values > 0).astype("float32"))):
        digests = []
        for spoilt in (False, True):
            net, weights, targets = mlpc.MLP([6, 3], loss=loss), np.ones(90), y.copy()
            data = (x, targets)
            run = Run(net, x, targets, sample_weight=weights, validation_data=data, batch_size=32)
            if spoilt:
                targets[:], weights[:] = 77, np.nan
            rows = [run.epoch() for _ in range(2)]
            digests.append((net.digest(), [{**row, "seconds": 0} for row in rows]))
        assert digests[0] == digests[1]


def test_a_state_that_is_loaded_is_the_network_s():
    state, net = make("validated").state_dict(), mlpc.MLP([6, 7, 3], "tanh", dtype="float64", seed=9)
    net.fit(x, labels, epochs=1)
    run = Run(net, x, labels, optimizer="adam", batch_size=32, validation_data=(x[::2], labels[::2]))
    run.load_state_dict(state)
    assert net.history is run.history and run.history.epochs == 0
    assert net.shuffle_state == (1, 0) and net.digest() == make("validated").net.digest()


def test_a_run_goes_on_after_a_divergence():
    run = Run(mlpc.MLP([6, 3], loss="mse"), x, values, lr=0.1, batch_size=16)
    run.epoch()
    before = run.state_dict()
    run.optimizer.lr = 1e30
    with pytest.raises(mlpc.DivergenceError, match="epoch 2") as met:
        run.epoch()
    assert met.value.epoch == 2
    assert all(np.array_equal(value, before[key]) for key, value in run.state_dict().items())
    run.optimizer.lr = 0.1
    run.epoch()
    assert run.history.epochs == 2


def test_stopping_is_said_to_who_loops():
    run = Run(mlpc.MLP([6, 3]), x, labels)
    assert not run.stopped
    run.stop()
    assert run.stopped
    run.epoch()


def test_the_memory_of_epochs_is_given_back():
    ended = []

    class Watched(mlpc.MLP):
        def _end_training(self):
            ended.append(self)
            super()._end_training()

    net = Watched([6, 3])
    with pytest.raises(ZeroDivisionError), Run(net, x, labels) as run:
        run.epoch()
        assert not ended
        raise ZeroDivisionError
    assert ended == [net]


def changed(key, value):
    return lambda state: state.update({key: value})


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda state: state.pop("net.0.bias"), ValueError, r"^state: .*missing: \['net.0.bias'\]"),
        (lambda state: state.pop("history.loss"), ValueError, r"^state: .*missing: \['history.loss'\]"),
        (changed("optimizer.velocity", 0), ValueError, r"^state: .*unknown: \['optimizer.velocity'\]"),
        (changed("net.0.bias", np.ones(4)), ValueError, r"^0\.bias: expected shape"),
        (changed("net.0.weight", "text"), TypeError, r"^0\.weight: expected real numbers"),
        (changed("optimizer.mean", np.ones(4)), ValueError, "^mean: expected shape"),
        (changed("optimizer.epochs", np.nan), ValueError, "^epochs: expected a finite number"),
        (changed("shuffle.seed", -1), ValueError, "^seed: expected an integer"),
        (changed("shuffle.epoch", 2.5), TypeError, "^epoch: expected an integer"),
        (changed("shuffle.epoch", 2**32), ValueError, "^epoch: expected an integer"),
        (changed("history.loss", 0.5), ValueError, r"^history\.loss: expected one number for each epoch"),
        (changed("history.loss", np.ones(3)), ValueError, "^state: expected a history with as many rows"),
        (changed("history.lr", np.array(["a", "b"])), TypeError, r"^history\.lr: expected real numbers"),
    ],
)
def test_a_wrong_state_changes_nothing(change, error, words):
    net = mlpc.MLP([6, 3])
    run = Run(net, x, labels, optimizer="adam")
    for _ in range(2):
        run.epoch()
    before = run.state_dict()
    state = {key: value + 1 if key.startswith("net.") else value for key, value in before.items()}
    state["optimizer.epochs"] = 7.0
    change(state)
    with pytest.raises(error, match=words):
        run.load_state_dict(state)
    after = run.state_dict()
    assert list(after) == list(before) and all(np.array_equal(after[key], before[key]) for key in before)
