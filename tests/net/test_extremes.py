"""Networks at the edges of what is allowed: no hidden layer to hundreds, widths from 1, batches from 0."""

import numpy as np
import pytest

import mlpc


def uniform(*shape):
    return 2 * np.random.Generator(np.random.PCG64(shape)).random(shape) - 1


@pytest.mark.parametrize(
    "sizes",
    [[1, 1], [3, 1], [1, 40000], [40000, 1], [2, 20000, 2], [5, *[4] * 300, 3], [3, 1, 1, 1, 2]],
    ids=lambda sizes: f"{len(sizes) - 1} layers up to {max(sizes)}",
)
def test_gradients_are_those_of_autograd(torch, sizes):
    net = mlpc.MLP(sizes, "tanh", loss="mse", dtype="float64", init="glorot", seed=1)
    mlpc.testing.compare_with_torch(net, uniform(5, sizes[0]), uniform(5, sizes[-1])).raise_for_failure()


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_one_row_and_one_batch_train(batch_size):
    net = mlpc.MLP([2, 3, 1], "tanh", loss="mse", seed=0)
    x, y = uniform(9, 2), uniform(9, 1)
    history = net.fit(x, y, epochs=30, batch_size=batch_size, lr=0.1, progress=False)
    assert history["loss"][-1] < history["loss"][0]


def test_a_batch_of_no_rows_has_zero_gradients():
    net = mlpc.MLP([3, 4, 2], seed=0)
    net.gradients[:] = 7
    assert net.forward(np.empty((0, 3))).shape == (0, 2)
    assert net.backward(np.empty((0, 2))).shape == (0, 3)
    assert not net.gradients.any()
    assert net.predict(np.empty((0, 3))).shape == (0,)


@pytest.mark.parametrize("sizes", [[2**40, 2**40], [2**62, 4], [3, 2**31, 2**31, 3]])
def test_a_network_that_cannot_fit_in_memory_says_so(sizes):
    with pytest.raises(MemoryError):
        mlpc.MLP(sizes)
