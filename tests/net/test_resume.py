"""A training that was broken off and resumed is the one that was not, to the bit."""

import os

import numpy as np
import pytest

import mlpc
from mlpc import schedules
from mlpc.callbacks import Averaging, Callback, Checkpoint, EarlyStopping, ReduceOnPlateau
from mlpc.optim import SGD, Adam, AdamW, RMSprop, Rprop

EPOCHS = 6
rng = np.random.default_rng(0)
x = rng.normal(size=(90, 6)) * (rng.random((90, 6)) < 0.4)
labels, values, weight = rng.integers(0, 3, 90), rng.normal(size=(90, 3)), rng.uniform(size=90)


class Break(Callback):
    """Ends the training by an exception, as Ctrl-C or a kill would, when so many epochs are done."""

    def __init__(self, after):
        self.after = after

    def epoch_end(self, run):
        if run.history.epochs == self.after:
            raise KeyboardInterrupt


# The network, y, and the arguments of `fit`, given the network.
CASES = {
    "sgd": lambda: (mlpc.MLP([6, 7, 3], seed=4), labels, lambda net: {"lr": 0.1}),
    "momentum over time": lambda: (
        mlpc.MLP([6, 7, 3], "gelu", dtype="float64"), labels,
        lambda net: {"optimizer": SGD(net, schedules.Cosine(0.2, epochs=EPOCHS, warmup=2), momentum=0.9), "seed": 7},
    ),
    "adamw, weighted": lambda: (
        mlpc.MLP([6, 7, 3], "tanh", loss="mse"), values,
        lambda net: {"optimizer": AdamW(net, 0.01, weight_decay=0.1), "sample_weight": weight},
    ),
    "clipped": lambda: (
        mlpc.MLP([6, 7, 3], "tanh"), labels,
        lambda net: {"optimizer": RMSprop(net, lambda t: 0.01 / (1 + t), clip_norm=0.1), "class_weight": "balanced"},
    ),
    "of all rows": lambda: (mlpc.MLP([6, 7, 3]), labels, lambda net: {"optimizer": Rprop(net), "batch_size": 90}),
}  # fmt: skip


def callbacks():
    return [EarlyStopping(patience=99), ReduceOnPlateau("loss", 0.5, 1, min_delta=0.05), Averaging(0.5, start=2)]


def trained(case, path, *extra, epochs=EPOCHS, **changed):
    """Network and callbacks after `fit`; `extra` come before all that remember something."""
    net, y, arguments = CASES[case]()
    used = callbacks()
    keywords = {"batch_size": 16, "validation_data": (x[:40], y[:40])} | arguments(net) | changed
    net.fit(x, y, epochs=epochs, callbacks=[*extra, *used], resume=path, **keywords)
    return net, used


def outcome(net, used=()):
    history = {name: column for name, column in net.history.items() if name != "seconds"}
    states = [{key: np.asarray(value).tolist() for key, value in each.state_dict().items()} for each in used]
    return net.digest(), net.shuffle_state, history, states


@pytest.fixture(params=[".npz", ".safetensors"])
def path(request, tmp_path):
    if request.param == ".safetensors":
        pytest.importorskip("safetensors")
    return tmp_path / f"run{request.param}"


@pytest.mark.parametrize("case", CASES)
def test_a_resumed_training_is_the_one_that_was_not_broken_off(path, case):
    expected = outcome(*trained(case, None))
    for after in (1, 2, 4, EPOCHS):
        with pytest.raises(KeyboardInterrupt):
            trained(case, path, Break(after))
    assert outcome(*trained(case, path)) == expected
    assert outcome(*trained(case, path)) == expected  # of which all epochs are done
    assert mlpc.load(path).shuffle_state == expected[1]


def test_on_another_instruction_set_and_another_number_of_threads(tmp_path, isa):
    path, threads, active = tmp_path / "run.npz", mlpc.get_num_threads(), mlpc.cpu.active()
    expected = outcome(*trained("momentum over time", None))
    try:
        for number, name, after in ((3, active, 2), (1, "portable", 4)):
            mlpc.set_num_threads(number)
            mlpc.cpu.use(name)
            with pytest.raises(KeyboardInterrupt):
                trained("momentum over time", path, Break(after))
        mlpc.set_num_threads(2)
        mlpc.cpu.use(isa)
        assert outcome(*trained("momentum over time", path)) == expected
    finally:
        mlpc.set_num_threads(threads)
        mlpc.cpu.use(active)


def test_an_interrupt_within_an_epoch_goes_back_to_the_last_whole_one(tmp_path):
    """What breaks it off is the schedule, which is asked before an epoch; the weights are spoilt as by half of one."""
    path, (net, y, _) = tmp_path / "run.npz", CASES["sgd"]()

    def rate(t):
        if t > 3:
            net.parameters[:] = 0
            raise KeyboardInterrupt
        return 0.1

    with pytest.raises(KeyboardInterrupt):
        net.fit(x, y, epochs=EPOCHS, lr=rate, resume=path, callbacks=[Checkpoint(path, every=2)])
    expected, again = CASES["sgd"]()[0], CASES["sgd"]()[0]
    expected.fit(x, y, epochs=EPOCHS, lr=0.1)
    again.fit(x, y, epochs=EPOCHS, lr=0.1, resume=path)
    assert outcome(again) == outcome(expected)


def test_epochs_count_from_the_very_beginning(path):
    def fit(epochs):
        net = mlpc.MLP([6, 7, 3])
        return net, net.fit(x, labels, epochs=epochs, resume=path).epochs

    assert not path.exists()
    (three, n), (five, m), (none, k) = fit(3), fit(5), fit(2)
    assert (n, m, k) == (3, 5, 5) and path.exists()
    straight = mlpc.MLP([6, 7, 3])
    straight.fit(x, labels, epochs=3)
    assert three.digest() == straight.digest()
    straight.fit(x, labels, epochs=2)
    assert five.digest() == straight.digest() == none.digest()


def test_a_checkpoint_of_one_s_own_is_the_one(tmp_path, monkeypatch):
    """Written as it says, and not once more after every epoch, whichever way the same file is named."""
    monkeypatch.chdir(tmp_path)
    path, there = tmp_path / "run.npz", []
    look = [lambda net, history: there.append(path.exists()), Checkpoint(path, every=2, keep_last=3)]
    mlpc.MLP([6, 3]).fit(x, labels, epochs=4, callbacks=look, resume="run.npz")
    assert there == [False, False, True, True]
    assert sorted(os.listdir(tmp_path)) == ["run-000002.npz", "run-000004.npz", "run.npz"]


@pytest.mark.parametrize(
    "stop", [lambda: EarlyStopping("loss", patience=2, mode="max"), lambda: lambda net, h: h.epochs == 3]
)
def test_what_has_stopped_stays_so(tmp_path, stop):
    nets = []
    for _ in range(2):
        nets.append(mlpc.MLP([6, 3]))
        assert nets[-1].fit(x, labels, epochs=9, callbacks=[stop()], resume=tmp_path / "run.npz").epochs == 3
    assert nets[0].digest() == nets[1].digest()


def test_what_had_no_time_left_goes_on(tmp_path):
    epochs = [
        mlpc.MLP([6, 3]).fit(x, labels, epochs=3, max_seconds=0, resume=tmp_path / "run.npz").epochs for _ in range(4)
    ]
    assert epochs == [1, 2, 3, 3]


def test_the_learning_rate_may_be_another(tmp_path):
    path = tmp_path / "run.npz"
    mlpc.MLP([6, 3]).fit(x, labels, epochs=2, lr=0.1, resume=path)
    history = mlpc.MLP([6, 3]).fit(x, labels, epochs=4, lr=lambda t: 0.2, resume=path)
    assert history["lr"] == [0.1, 0.1, 0.2, 0.2]


ARGUMENTS = {
    "sizes": [6, 7, 3], "activation": "tanh", "loss": "mse", "dtype": "float32", "x": x, "y": values, "seed": None,
    "optimizer": "adam", "batch_size": 16, "shuffle": True, "sample_weight": None, "validation_data": (x, values),
}  # fmt: skip


def arguments(**changed):
    """A network and what it is to be trained with."""
    given = ARGUMENTS | changed
    net = mlpc.MLP(
        given.pop("sizes"), given.pop("activation"), loss=given.pop("loss"), dtype=given.pop("dtype"), seed=9
    )
    optimizer = given.pop("optimizer")
    return net, given | {"optimizer": optimizer if isinstance(optimizer, str) else optimizer(net)}


other = x.copy()
other[-1, -1] += 1e-6
OTHERS = {
    "network: sizes": ({"sizes": [6, 8, 3]}, "network"),
    "network: depth": ({"sizes": [6, 7, 7, 3]}, "net.4.weight|network"),
    "network: activation": ({"activation": "relu"}, "network"),
    "network: setting": ({"activation": mlpc.layers.ELU(0.5)}, "network"),
    "network: dtype": ({"dtype": "float64"}, "network"),
    "network: loss": ({"loss": "mae"}, "network"),
    "optimizer": ({"optimizer": "adamw"}, "optimizer"),
    "optimizer: state": ({"optimizer": "sgd"}, "optimizer"),
    "optimizer: settings": ({"optimizer": lambda net: Adam(net, betas=(0.8, 0.999))}, "optimizer"),
    "optimizer: penalties": ({"optimizer": lambda net: Adam(net, l1=0.1)}, "optimizer"),
    "optimizer: groups": ({"optimizer": lambda net: Adam(net, groups={"*.bias": {"lr": 0.5}})}, "optimizer"),
    "x": ({"x": other}, "data"),
    "fewer rows": ({"x": x[:-1], "y": values[:-1]}, "data"),
    "rows in another order": ({"x": x[::-1], "y": values[::-1]}, "data"),
    "y": ({"y": values + 1e-6}, "data"),
    "weights": ({"sample_weight": weight}, "data"),
    "batches": ({"batch_size": 17}, "batches"),
    "in order": ({"shuffle": False}, "batches"),
    "validation": ({"validation_data": (x, values + 1e-6)}, "validation"),
    "no validation": ({"validation_data": None}, "history.val_loss|validation"),
    "seed": ({"seed": 3}, "^seed: expected that of the state, 9, or None, got 3"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_run_of_something_else_is_refused_before_anything_changes(tmp_path, case):
    path = tmp_path / "run.npz"
    net, keywords = arguments()
    net.fit(**keywords, epochs=2, resume=path)
    changes, words = OTHERS[case]
    net, keywords = arguments(**changes)
    digest, file = net.digest(), path.read_bytes()
    with pytest.raises(ValueError, match=words):
        net.fit(**keywords, epochs=4, resume=path)
    assert net.digest() == digest and net.history is None and net.shuffle_state == (9, 0)
    assert path.read_bytes() == file and os.listdir(tmp_path) == ["run.npz"]
    if not isinstance(keywords["optimizer"], str):
        assert keywords["optimizer"].epochs == 0


def test_the_same_numbers_of_other_types_are_the_same_data(tmp_path):
    path = tmp_path / "run.npz"
    for data, y in ((x, labels), (x.astype(np.float32), labels.astype(np.uint8)), (x.tolist(), labels.tolist())):
        net = mlpc.MLP([6, 3])
        history = net.fit(data, y, epochs=2 if y is labels else 4, validation_data=(data, y), resume=path)
    assert history.epochs == 4


def test_bytes_with_another_scale_are_other_data(tmp_path):
    pixels = rng.integers(0, 256, (90, 6), np.uint8)
    mlpc.MLP([6, 3]).fit(pixels, labels, epochs=1, scale=1 / 255, resume=tmp_path / "run.npz")
    assert mlpc.MLP([6, 3]).fit(pixels, labels, epochs=2, scale=1 / 255, resume=tmp_path / "run.npz").epochs == 2
    with pytest.raises(ValueError, match="data"):
        mlpc.MLP([6, 3]).fit(pixels, labels, epochs=2, scale=1 / 256, resume=tmp_path / "run.npz")


def test_files_that_hold_no_run(tmp_path, monkeypatch):
    path, net = tmp_path / "run.npz", mlpc.MLP([6, 3])
    net.save(path)
    with pytest.raises(ValueError, match=r"^resume: expected the checkpoint of a run, got a network"):
        net.fit(x, labels, resume=path)
    path.write_bytes(b"PK nothing")
    with pytest.raises(ValueError, match=r"^resume: .*run\.npz.*malformed"):
        net.fit(x, labels, resume=path)
    path.unlink()
    net.fit(x, labels, epochs=1, resume=path)
    monkeypatch.setattr(mlpc._mlpc, "ARITHMETIC", mlpc.ARITHMETIC + 1)
    with pytest.raises(ValueError, match=r"^resume: expected a run of version 3 of the arithmetic"):
        net.fit(x, labels, epochs=2, resume=path)
    assert mlpc.load(path).digest() == net.digest()
    for wrong, error in (("run", ValueError), (3, TypeError)):
        with pytest.raises(error, match=r"^resume: expected"):
            net.fit(x, labels, resume=wrong)
