"""Initial values: every number from its own counter, and the distributions that the header names."""

import math

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc

NORMAL = {
    "he": lambda n_in, n_out: math.sqrt(2 / n_in),
    "lecun": lambda n_in, n_out: math.sqrt(1 / n_in),
    "course": lambda n_in, n_out: 1 / math.sqrt(n_out),
}
UNIFORM = {
    "torch": lambda n_in, n_out: 1 / math.sqrt(n_in),
    "glorot": lambda n_in, n_out: math.sqrt(6 / (n_in + n_out)),
}
SIZES = [30, 41, 17, 5]
DTYPES = ["float32", "float64"]


def network(init, sizes=SIZES, seed=1, dtype="float64"):
    return mlpc.MLP(sizes, "relu", init=init, seed=seed, dtype=dtype)


def linear(net):
    return [layer for layer in net.layers if hasattr(layer, "weight")]


def uniform(seed, layer, n):
    """2u - 1 of the stream for initial values, exactly."""
    words = np.array([_mlpc.philox(seed, 0, layer, i)[:2] for i in range(n)], np.uint64).reshape(n, 2)
    return ((words[:, 1] << np.uint64(32) | words[:, 0]) >> np.uint64(11)) * 2.0**-52 - 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("init", NORMAL)
def test_normal_kinds_to_the_bit(init, dtype):
    for i, layer in enumerate(linear(network(init, seed=2**40 + 3, dtype=dtype))):
        n_out, n_in = layer.weight.shape
        expected = NORMAL[init](n_in, n_out) * _mlpc.random_normal(2**40 + 3, 0, i, n_out * n_in)
        np.testing.assert_array_equal(layer.weight, expected.astype(dtype).reshape(n_out, n_in))
        assert not layer.bias.any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("init", UNIFORM)
def test_uniform_kinds_to_the_bit(init, dtype):
    for i, layer in enumerate(linear(network(init, seed=5, dtype=dtype))):
        n_out, n_in = layer.weight.shape
        bound = UNIFORM[init](n_in, n_out)
        expected = (bound * uniform(5, i, n_out * n_in + n_out)).astype(dtype)
        np.testing.assert_array_equal(layer.weight, expected[: n_out * n_in].reshape(n_out, n_in))
        np.testing.assert_array_equal(layer.bias, expected[n_out * n_in :] if init == "torch" else 0)
        assert abs(layer.weight).max() <= np.dtype(dtype).type(bound)


@pytest.mark.parametrize("init", [*NORMAL, *UNIFORM])
def test_distributions(init):
    weight = linear(network(init, sizes=[300, 200], seed=9))[0].weight
    if init in NORMAL:
        deviation = NORMAL[init](300, 200)
    else:
        bound = UNIFORM[init](300, 200)
        deviation = bound / math.sqrt(3)
        assert 0.999 * bound < abs(weight).max() <= bound
    assert weight.std() == pytest.approx(deviation, rel=0.02)
    assert abs(weight.mean()) < 4 * deviation / weight.size**0.5


def test_zeros():
    assert not network("zeros").parameters.any()
    assert not np.signbit(network("zeros").parameters).any()


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-6), ("float64", 1e-13)])
@pytest.mark.parametrize("n_in, n_out", [(40, 40), (60, 25), (25, 60), (7, 1), (1, 7), (1, 1), (300, 257)])
def test_orthogonal(n_in, n_out, dtype, tolerance):
    layer = linear(network("orthogonal", sizes=[n_in, n_out], seed=4, dtype=dtype))[0]
    weight = layer.weight.astype(np.float64)
    product = weight @ weight.T if n_out < n_in else weight.T @ weight
    np.testing.assert_allclose(product, np.eye(len(product)), atol=tolerance)
    assert not layer.bias.any()

    normal = _mlpc.random_normal(4, 0, 0, n_out * n_in).reshape(n_out, n_in)
    tall = normal.T if n_out < n_in else normal
    q, r = np.linalg.qr(tall)
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)
    np.testing.assert_allclose(weight, q.T if n_out < n_in else q, atol=max(tolerance, 1e-11))


@pytest.mark.parametrize("init", ["torch", "he", "glorot", "lecun", "course", "orthogonal"])
def test_what_initial_values_depend_on(init):
    first = network(init, sizes=[16, 16, 16, 4])
    assert first.parameters.tobytes() == network(init, sizes=[16, 16, 16, 4]).parameters.tobytes()
    assert first.parameters.tobytes() != network(init, sizes=[16, 16, 16, 4], seed=2).parameters.tobytes()
    a, b, _ = linear(first)
    assert not np.any(a.weight == b.weight)
    # The same layer in another network, with other layers behind it.
    c, d = linear(network(init, sizes=[16, 16, 16]))
    np.testing.assert_array_equal(c.weight, a.weight)
    np.testing.assert_array_equal(d.weight, b.weight)
    np.testing.assert_array_equal(d.bias, b.bias)


@pytest.mark.parametrize("init", ["torch", "he", "orthogonal"])
def test_rounded_once(init):
    """float32 values are those of float64, rounded."""
    wide, narrow = network(init), network(init, dtype="float32")
    np.testing.assert_array_equal(wide.parameters.astype(np.float32), narrow.parameters)
