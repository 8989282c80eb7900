"""However an epoch is computed, its bits are the same: zeros skipped or multiplied, bytes or numbers, any number of
threads, any instruction set; fused, or one call after the other (`keep_gradients`)."""

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc

THREADS = (1, 2, 3, 7)
SIZES = {"narrow": [40, 10], "odd": [257, 33, 3], "wide": [300, 130, 64, 5]}
OPTIMIZERS = {
    "sgd": lambda net: mlpc.optim.SGD(net, 0.03),
    "momentum": lambda net: mlpc.optim.SGD(net, 0.01, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adamw": lambda net: mlpc.optim.AdamW(net, 0.01),
}


@pytest.fixture(autouse=True)
def threads():
    """The number of threads is the process's: put back what it was."""
    before = mlpc.get_num_threads()
    yield
    mlpc.set_num_threads(before)


def uniform(*shape):
    return 2 * np.random.default_rng(shape).random(shape) - 1


def samples(n, n_in, density, *, few, dtype):
    """Rows with so many nonzeros, of few different values or of many; some zeros are negative."""
    rng = np.random.default_rng([n, n_in, int(100 * density), few])
    x = rng.standard_normal((n, n_in)) / 2
    if few:
        x = np.round(8 * x) / 8 + 1
    x[rng.random(x.shape) >= density] = 0
    x[(x == 0) & (rng.random(x.shape) < 0.3)] = -0.0
    return x.astype(dtype), rng.integers(0, 3, n)


def epochs(sizes, x, y, optimizer="sgd", *, zeros, batch_size=64, threads=1, keep_gradients=False, scale=None):
    """The bits of two epochs: figures, parameters, the optimizer's state."""
    mlpc.set_num_threads(threads)
    dtype = "float32" if x.dtype == np.uint8 else x.dtype.name
    hidden = ["sigmoid", "identity", "relu"][: len(sizes) - 2]
    net = mlpc.MLP(sizes, hidden, dtype=dtype, seed=3)
    stepper = OPTIMIZERS[optimizer](net)
    rows = _mlpc.Samples(x, scale, dtype, zeros)
    criterion = ("cross_entropy", "mean", None, 0.0)
    figures = [
        net.train_epoch(
            rows, y, criterion, None, stepper.spec, batch_size, True, 5, epoch, float(epoch), keep_gradients, None
        )
        for epoch in range(2)
    ]
    return figures, mlpc.testing.digest(net), [array.tobytes() for array in stepper.state.values()]


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("few", [True, False], ids=["few-values", "many-values"])
@pytest.mark.parametrize("density", [0.0, 0.5, 1.0])
def test_zeros_skipped_or_multiplied(sizes, few, density, dtype, isa):
    x, y = samples(150, sizes[0], density, few=few, dtype=dtype)
    paths = [epochs(sizes, x, y, zeros=zeros) for zeros in ("multiply", "skip")]
    assert paths[0] == paths[1]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("zeros", ["multiply", "skip"])
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_any_number_of_threads(sizes, zeros, optimizer):
    """A thread more is used where it gets enough to do: batches are large here."""
    n = 1400 if np.dot(sizes[:-1], sizes[1:]) > 4000 else 14000
    x, y = samples(n, sizes[0], 0.3, few=True, dtype=np.float32)
    alone, *others = [epochs(sizes, x, y, optimizer, zeros=zeros, batch_size=n * 3 // 4, threads=k) for k in THREADS]
    assert all(other == alone for other in others)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("batch_size", [1, 63, 64, 257])
def test_fused_or_one_call_after_the_other(batch_size, optimizer, dtype, isa):
    x, y = samples(260, 61, 0.3, few=False, dtype=dtype)
    fused = epochs([61, 17, 3], x, y, optimizer, zeros="skip", batch_size=batch_size)
    assert epochs([61, 17, 3], x, y, optimizer, zeros="multiply", batch_size=batch_size, keep_gradients=True) == fused


@pytest.mark.parametrize("zeros", ["multiply", "skip"])
def test_bytes_are_numbers_times_the_scale(zeros, isa):
    rng = np.random.default_rng(0)
    x = (rng.integers(0, 256, (130, 50)) * (rng.random((130, 50)) < 0.4)).astype(np.uint8)
    y, scale = rng.integers(0, 3, 130), 1 / 255
    numbers = x.astype(np.float32) * np.float32(scale)
    paths = [
        epochs([50, 9, 3], x, y, zeros=zeros, scale=scale),
        epochs([50, 9, 3], x, y, zeros=zeros, scale=scale, keep_gradients=True),
        epochs([50, 9, 3], numbers, y, zeros="multiply"),
    ]
    assert paths[0] == paths[1] == paths[2]


def test_more_values_than_codes():
    """256 values have a code each; the 257th sends all of them another way."""
    x, y = np.zeros((300, 30), np.float32), np.zeros(300, np.int64)
    for distinct in (255, 256, 257):
        x[np.arange(distinct), np.arange(distinct) % 30] = 1 + np.arange(distinct) / 256
        assert epochs([30, 5, 3], x, y, zeros="skip") == epochs([30, 5, 3], x, y, zeros="multiply")


def one_step(net, x, y, *, zeros="multiply", keep_gradients=False):
    """An epoch of one batch at learning rate 1."""
    rows, stepper = _mlpc.Samples(x, None, net.dtype.name, zeros), mlpc.optim.SGD(net, 1.0)
    return net.train_epoch(
        rows, y, (net.loss_name, "mean", None, 0.0), None, stepper.spec, len(x), False, 0, 0, 0.0, keep_gradients, None
    )


def test_a_gradient_that_underflows_is_no_negative_zero(isa):
    """1e-30 times -2e-20 rounds to -0; a total begins with +0, and lr times that leaves a weight of -0 as it is."""
    for zeros, keep_gradients in (("multiply", False), ("skip", False), ("multiply", True)):
        net = mlpc.MLP([2, 1], loss="mse", init=[[[-0.0, -0.0]], [0.0]])
        one_step(net, np.float32([[1e-30, 0.0]]), np.float32([[1e-20]]), zeros=zeros, keep_gradients=keep_gradients)
        assert np.signbit(net.parameters).tolist() == [True, True, False]


@pytest.mark.parametrize("keep_gradients", [False, True], ids=["fused", "plain"])
def test_losses_whose_sum_overflows_diverge(keep_gradients, isa):
    net = mlpc.MLP([1, 1], loss="mse", dtype="float64", init="zeros")
    with pytest.raises(mlpc.DivergenceError) as caught:
        one_step(net, np.zeros((2, 1)), np.full((2, 1), 1e154), keep_gradients=keep_gradients)
    assert caught.value.loss == np.inf
    assert not net.parameters.any()


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "softplus"])
def test_a_network_that_diverged_trains_again(activation, isa):
    """Nothing of what was not finite is left behind, not even beside the numbers that can be seen."""
    x, y = uniform(20, 9), np.arange(20) % 4
    fresh, used = (mlpc.MLP([9, 5, 4], activation, seed=0) for _ in range(2))
    bad = x.copy()
    bad[7, 3] = np.nan
    with pytest.raises(mlpc.DivergenceError):
        used.fit(bad, y, epochs=1, seed=0, progress=False)
    for net in (fresh, used):
        net.fit(x, y, epochs=2, seed=0, progress=False)
    assert mlpc.testing.digest(used) == mlpc.testing.digest(fresh)


@pytest.mark.parametrize("keep_gradients", [False, True], ids=["fused", "plain"])
@pytest.mark.parametrize("zeros", ["multiply", "skip"])
@pytest.mark.parametrize("threads", [1, 2])
def test_divergence_is_noticed_alike(zeros, threads, keep_gradients):
    """NaN and infinity end the epoch in every path, with everything as before it."""
    x, y = samples(640, 40, 0.3, few=False, dtype=np.float32)
    mlpc.set_num_threads(threads)
    for bad in (np.nan, np.inf):
        x[500, 7] = bad
        net = mlpc.MLP([40, 300, 3], "relu", seed=3)
        optimizer = mlpc.optim.Adam(net)
        before = net.parameters.copy()
        rows = _mlpc.Samples(x, None, "float32", zeros)
        with pytest.raises(mlpc.DivergenceError):
            net.train_epoch(
                rows, y, ("cross_entropy", "mean", None, 0.0), None, optimizer.spec, 256, True, 0, 0, 0.0,
                keep_gradients, None,
            )  # fmt: skip
        assert np.array_equal(net.parameters, before)
        assert not optimizer.state["steps"][0]
        assert not optimizer.state["mean"].any()


@pytest.mark.parametrize("y", ["labels", "targets"])
def test_weights_and_passed_over_batches_on_threads(y):
    """Sample weights that leave whole batches out, for a loss by label and one by column."""
    rng = np.random.default_rng(1)
    x, weight = rng.standard_normal((900, 40)).astype(np.float32), rng.random(900)
    order = _mlpc.shuffle(900, 5, 0)
    weight[order[256:512]] = 0
    target = rng.integers(0, 3, 900) if y == "labels" else rng.standard_normal((900, 3)).astype(np.float32)
    results = []
    for threads, keep in ((1, True), (1, False), (2, False), (3, False)):
        mlpc.set_num_threads(threads)
        net = mlpc.MLP([40, 200, 3], "gelu", loss="cross_entropy" if y == "labels" else "huber", seed=3)
        optimizer = mlpc.optim.AdamW(net, 0.01)
        criterion = (net.loss_name, "mean", None, 0.0)
        figures = net.train_epoch(x, target, criterion, weight, optimizer.spec, 256, True, 5, 0, 0.0, keep, None)
        results.append((figures, mlpc.testing.digest(net), optimizer.state["steps"][0]))
    assert results[0][2] == 3
    assert all(result == results[0] for result in results)
