"""What an epoch reports and leaves behind where something is unusual about it."""

import os
import signal
import threading

import numpy as np
import pytest

import mlpc


def uniform(*shape):
    return 2 * np.random.Generator(np.random.PCG64(shape)).random(shape) - 1


def test_divergence_in_the_first_batch_names_its_learning_rate():
    net = mlpc.MLP([1, 1], loss="mse", init=[[[1e30]], [0.0]])
    with pytest.raises(mlpc.DivergenceError, match=r"loss inf at learning rate 0\.25"):
        net.fit([[1e30]], [[0.0]], epochs=1, lr=0.25, progress=False)


@pytest.mark.parametrize("batch_size", [1, 2, 4, 8])
def test_accuracy_counts_rows_of_weight_zero_in_any_batch(batch_size):
    net = mlpc.MLP([2, 2], init=[[[1.0, 0.0], [-1.0, 0.0]], [0.0, 0.0]])
    x = np.tile([[1.0, 0.0]], (8, 1))
    weights = [1.0] * 4 + [0.0] * 4
    history = net.fit(
        x, [0] * 8, epochs=1, batch_size=batch_size, lr=0.0, sample_weight=weights, shuffle=False, progress=False
    )
    assert history["accuracy"] == [1.0]
    assert history["loss"] == [pytest.approx(np.log1p(np.exp(-2.0)), rel=1e-6)]


def test_kept_gradients_are_of_whole_batches_whenever_python_looks():
    """Inputs of 1 and equal targets give every parameter the same gradient: a mixture of two batches would show."""
    net = mlpc.MLP([2000, 2000], loss="mse", init="zeros")
    x, y = np.ones((60, 2000)), np.repeat(np.arange(1.0, 61.0), 2000).reshape(60, 2000)
    kinds = []

    def tick(rows):
        kinds.append(np.unique(net.gradients).size)

    criterion, optimizer = ("mse", "mean", None, None), mlpc.optim.SGD(net, 1e-6)
    net._train_epoch(x, y, criterion, None, optimizer.epoch_spec(1), 1, False, 0, 0, True, tick)
    assert np.unique(net.gradients).size == 1
    assert kinds
    assert set(kinds) == {1}


def test_ticks_tell_how_many_rows_are_done():
    """Those of whole batches, though it is asked within them, too: a bar that shows them never goes back."""
    before = mlpc.cpu.active()
    mlpc.cpu.use("portable")
    x, y = np.ones((3000, 400), np.float32), np.zeros(3000, np.int64)
    net, seen = mlpc.MLP([400, 100, 10], seed=0), set()
    criterion, optimizer = ("cross_entropy", "mean", None, None), mlpc.optim.SGD(net, 1e-3)
    most = 0
    try:
        for _ in range(1000):  # one is enough where a batch takes longer than the time between two ticks
            told = []
            net._train_epoch(x, y, criterion, None, optimizer.epoch_spec(1), 1000, False, 0, 0, True, told.append)
            assert told == sorted(told)
            seen |= set(told)
            most = max(most, len(told))
            if seen == {0, 1000, 2000} and most > 3:
                break
    finally:
        mlpc.cpu.use(before)
    assert seen == {0, 1000, 2000} and most > 3


@pytest.mark.parametrize("isa_name", ["portable", mlpc.cpu.available()[-1]])
@pytest.mark.parametrize("activation", ["identity", "gelu"])
def test_ctrl_c_gives_up_a_batch_in_its_middle(isa_name, activation):
    """A batch that takes seconds changes nothing then; after how much work, tests/c/polls_check.c counts."""
    before = mlpc.cpu.active()
    mlpc.cpu.use(isa_name)
    width = 1500 if isa_name == "portable" else 4000  # there, a row of 4000 x 4000 takes half a second by itself
    net = mlpc.MLP([400, width, width, 10], activation, dtype="float64", seed=0)
    x, y = np.ones((4000, 400)), np.zeros(4000, np.int64)
    start = net.parameters.copy()
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            net.fit(x, y, epochs=1, batch_size=4000, progress=False)
    finally:
        timer.cancel()
        timer.join()
        mlpc.cpu.use(before)
    np.testing.assert_array_equal(net.parameters, start)
