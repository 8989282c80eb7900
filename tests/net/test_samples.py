"""What `fit` takes as input, and what it says of it."""

import contextlib
import gc
import signal
import threading

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc


def images(n=40, n_in=12):
    rng = np.random.default_rng(0)
    return (rng.integers(1, 256, (n, n_in)) * (rng.random((n, n_in)) < 0.3)).astype(np.uint8), rng.integers(0, 2, n)


@pytest.mark.parametrize(("density", "zeros"), [(0.1, "skipped"), (0.9, "multiplied")])
def test_history_tells_what_was_done_with_zeros(density, zeros):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 20)) * (rng.random((200, 20)) < density)
    net = mlpc.MLP([20, 5, 2])
    assert net.fit(x, np.zeros(200, int), epochs=1, progress=False).zeros == zeros


def test_no_epoch_did_nothing_with_zeros():
    assert mlpc.MLP([2, 2]).fit(np.eye(2), [0, 1], epochs=0).zeros is None


def test_bytes_with_a_scale_are_the_numbers():
    x, y = images()
    numbers = x.astype(np.float32) * np.float32(1 / 255)
    nets = [mlpc.MLP([12, 5, 2], "tanh", seed=1) for _ in range(2)]
    histories = [
        nets[0].fit(x, y, epochs=3, scale=1 / 255, validation_data=(x, y), progress=False),
        nets[1].fit(numbers, y, epochs=3, validation_data=(numbers, y), progress=False),
    ]
    assert nets[0].digest() == nets[1].digest()
    assert histories[0]["val_loss"] == histories[1]["val_loss"]


def test_bytes_without_a_scale_are_numbers():
    x, y = images()
    nets = [mlpc.MLP([12, 5, 2], seed=1) for _ in range(2)]
    with pytest.warns(UserWarning, match="x: expected uint8 with a scale"):
        nets[0].fit(x, y, epochs=1, lr=1e-5, progress=False)
    nets[1].fit(x.astype(float), y, epochs=1, lr=1e-5, progress=False)
    assert nets[0].digest() == nets[1].digest()


@pytest.mark.parametrize(
    ("x", "scale", "error", "message"),
    [
        (np.zeros((3, 2)), 0.5, TypeError, r"x: expected uint8, since there is a scale, got float64"),
        (np.zeros((3, 2), np.uint8), np.inf, ValueError, r"scale: expected a finite number"),
        (np.zeros((3, 2), np.uint8), 1e39, ValueError, r"scale: expected a finite number, got 1e\+39"),
        (np.zeros((3, 2), np.uint8), "1", TypeError, r"scale: expected a number, got '1'"),
    ],
)
def test_scales_that_are_refused(x, scale, error, message):
    net = mlpc.MLP([2, 2])
    before = net.digest()
    with pytest.raises(error, match=message):
        net.fit(x, [0, 1, 0], scale=scale)
    assert net.digest() == before


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.zeros(3), None, "float32", "skip"), ValueError, r"x: expected shape \(n, k\), got \(3,\)"),
        ((np.zeros((0, 3)), None, "float32", "skip"), ValueError, r"x: expected at least one row"),
        ((np.zeros((1, 3)), 1.0, "float32", "skip"), TypeError, r"x: expected uint8, got dtype float64"),
        ((np.zeros((1, 3)), None, "int8", "skip"), ValueError, r"dtype: expected one of"),
        ((np.zeros((1, 3)), None, "float32", "drop"), ValueError, r"zeros: expected one of"),
        ((np.zeros((1, 3)), None, "float32"), TypeError, r"Samples"),
    ],
)
def test_samples_that_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        _mlpc.Samples(*arguments)


ROWS, COLUMNS = 2100, 600  # enough for two threads to take out zeros

VALUES = {  # of the two halves, which are a thread's each: how many there are, and how many of them are in both
    "the same": (np.arange(1, 101), np.arange(100, 0, -1)),
    "others": (np.arange(1, 101), np.arange(91, 191)),
    "too many together": (np.arange(1, 201), np.arange(151, 351)),
    "too many in the first": (np.arange(1, 301), np.arange(1, 3)),
    "too many in the second": (np.arange(1, 3), np.arange(1, 301)),
}


@pytest.mark.parametrize("values", [*VALUES, "bytes"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_take_out_the_zeros_that_one_does(values, dtype):
    """Beside numbers that are multiplied, zeros included."""
    rng, half = np.random.default_rng(0), ROWS // 2
    x = (rng.random((ROWS, COLUMNS)) < np.linspace(0.05, 0.5, ROWS)[:, None]).astype(dtype)  # the last rows are longer
    for part, numbers in zip((x[:half], x[half:]), VALUES.get(values, VALUES["others"]), strict=True):
        part *= rng.choice(numbers, part.shape)
    scale = 1 / 128 if values == "bytes" else None
    x = x.astype(np.uint8) if scale else x / 128
    digests, before = set(), mlpc.get_num_threads()
    try:
        for threads, zeros in [(1, "skip"), (2, "skip"), (3, "skip"), (2, "multiply")]:
            mlpc.set_num_threads(threads)
            net = mlpc.MLP([COLUMNS, 8, 3], dtype=dtype, seed=1)
            steps, spec = mlpc.optim.SGD(net, lr=0.1).epoch_spec(ROWS // 100), ("cross_entropy", "mean", None, None)
            rows = _mlpc.Samples(x, scale, dtype, zeros)
            net._train_epoch(rows, np.arange(ROWS) % 3, spec, None, steps, 100, True, 0, 0, False, None)
            digests.add(net.digest())
    finally:
        mlpc.set_num_threads(before)
    assert len(digests) == 1


@pytest.mark.parametrize("place", [(0, 0), (999, 1), (1000, 0), (1999, 599)])
def test_threads_see_every_number(place):
    x, before = np.zeros((2000, 600), np.float32), mlpc.get_num_threads()
    x[place] = np.nan
    net = mlpc.MLP([600, 2])
    mlpc.set_num_threads(3)
    try:
        with pytest.raises(ValueError, match=f"got nan at row {place[0]}, column {place[1]}"):
            net.fit(x, np.arange(2000) % 2)
    finally:
        mlpc.set_num_threads(before)


def test_ctrl_c_while_zeros_are_taken_out():
    rng = np.random.default_rng(0)
    x = (rng.random((100_000, 700), np.float32) < 0.3).astype(np.uint8)
    asked = []

    def interrupt(number, frame):
        asked.append(number)
        if len(asked) == 2:
            raise KeyboardInterrupt

    handler = signal.signal(signal.SIGALRM, interrupt)
    try:
        while not asked and len(x) < 1_000_000:  # a machine that is faster gets more to do
            x, rows = np.concatenate([x, x]), None
            with contextlib.suppress(KeyboardInterrupt):
                asked.clear()
                signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)  # s: there is a signal whenever it asks
                rows = _mlpc.Samples(x, 1.0, "float32", "skip")
            signal.setitimer(signal.ITIMER_REAL, 0)
            if len(asked) < 2:
                asked.clear()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    assert asked and rows is None


def test_samples_of_another_network_are_refused():
    rows = _mlpc.Samples(np.zeros((2, 3)), None, "float64", "choose")
    for sizes, dtype, error, message in [
        ([4, 2], "float64", ValueError, r"x: expected shape \(n, 4\), got \(2, 3\)"),
        ([3, 2], "float32", TypeError, r"x: expected samples for float32, got some for float64"),
    ]:
        net = mlpc.MLP(sizes, dtype=dtype)
        with pytest.raises(error, match=message):
            net._train_epoch(
                rows, [0, 1], ("cross_entropy", "mean", None, None), None, mlpc.optim.SGD(net).epoch_spec(1), 1, True,
                0, 0, False, None,
            )  # fmt: skip


def test_input_in_the_network_s_own_memory_is_copied():
    """Training on its own parameters is odd, but what is read must not change while it is."""
    results = []
    for own in (True, False):
        net = mlpc.MLP([2, 3, 1], loss="mse", seed=0)
        x = net.parameters[:12].reshape(6, 2)
        history = net.fit(x if own else x.copy(), np.ones((6, 1)), epochs=1, batch_size=2, progress=False)
        results.append((history["loss"], net.digest()))
    assert results[0] == results[1]


def test_nobody_sees_samples_that_are_not_whole():
    """Other threads run while lists are made, and see all objects."""
    x = np.zeros((2000, 4000), np.uint8)
    x[:, ::3] = 7
    thread = threading.Thread(target=_mlpc.Samples, args=(x, 1.0, "float32", "skip"))
    thread.start()
    while thread.is_alive():
        assert all(each.skip_zeros is not None for each in gc.get_objects() if type(each) is _mlpc.Samples)
