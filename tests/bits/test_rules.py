"""Rules of the arithmetic (docs/arithmetic.md) that a person can state in one line each."""

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc, ops


def test_a_total_is_never_minus_zero(isa_or_reference, dtype):
    """Products that underflow to -0 leave +0: the block's -0 is added to a total that starts at +0."""
    tiny = np.finfo(dtype).tiny
    x = np.array([[tiny, 0]], dtype)
    w = np.array([[-tiny, 1]], dtype)
    z = np.concatenate(
        [
            _mlpc.linear_forward(np.repeat(x, B, 0), w, np.array([-0.0], dtype), None, kernel)
            for kernel in ("linear_forward", "linear_forward_few", "linear_forward_skip")
            for B in (1, 9)
        ]
    )
    dx, dw, _ = ops.linear_backward(np.array([[-tiny]], dtype), x, np.array([[tiny, 1]], dtype))
    for total in (z, dx[:, :1], dw[:, :1]):
        assert (total == 0).all()
        assert not np.signbit(total).any()


def test_relu_gives_plus_zero_and_keeps_nan(isa_or_reference, dtype):
    a = ops.relu_forward(np.array([-0.0, 0.0, -1.0, np.nan, 2.0], dtype))
    assert not np.signbit(a[:3]).any()
    np.testing.assert_array_equal(a, np.array([0, 0, 0, np.nan, 2], dtype))


@pytest.mark.parametrize("n", [1, 5, 16, 17, 255])
def test_forward_sums_in_blocks_of_256_with_one_rounding_each(isa_or_reference, dtype, n):
    """Against exact rational arithmetic, rounded where the rule rounds."""
    from fractions import Fraction

    generator = np.random.Generator(np.random.PCG64(n))
    x = generator.standard_normal((1, 300 + n)).astype(dtype)
    w = generator.standard_normal((1, 300 + n)).astype(dtype)
    b = generator.standard_normal(1).astype(dtype)

    def rounded(value):
        return Fraction(float(nearest(value, dtype)))

    total = Fraction(0)
    for start in range(0, x.size, 256):
        block = Fraction(0)
        for k in range(start, min(start + 256, x.size)):
            block = rounded(Fraction(float(x[0, k])) * Fraction(float(w[0, k])) + block)
        total = rounded(total + block)
    expected = rounded(total + Fraction(float(b[0])))
    assert Fraction(float(ops.linear_forward(x, w, b)[0, 0])) == expected


def nearest(value, dtype):
    """The number of `dtype` nearest to a fraction, ties to even: by one correct division, and no double rounding."""
    candidate = dtype(value.numerator / value.denominator)
    neighbours = [np.nextafter(candidate, dtype(-np.inf)), candidate, np.nextafter(candidate, dtype(np.inf))]
    from fractions import Fraction

    def key(c):
        return (abs(Fraction(float(c)) - value), int(c.view(f"u{c.itemsize}")) & 1)

    return min(neighbours, key=key)


@pytest.mark.parametrize("n", [1, 16, 17, 4096, 4097, 10000])
def test_sum_has_16_partial_sums_in_chunks_of_4096(isa_or_reference, n):
    x = np.random.Generator(np.random.PCG64(n)).standard_normal(n) * 10.0 ** np.arange(n).clip(0, 8)
    total = 0.0
    for start in range(0, n, 4096):
        part = [0.0] * 16
        for j, value in enumerate(x[start : start + 4096].tolist()):
            part[j % 16] += value
        for width in (8, 4, 2, 1):
            for i in range(width):
                part[i] += part[i + width]
        total += part[0]
    assert _mlpc.sum(x) == total


@pytest.mark.parametrize("activation", ["relu", "gelu", "sigmoid", "tanh"])
def test_a_row_is_the_same_in_any_batch(isa_or_reference, dtype, activation):
    net = mlpc.MLP([19, 23, 300, 5], activation, dtype=np.dtype(dtype).name, seed=3)
    x = np.random.Generator(np.random.PCG64(1)).standard_normal((257, 19)).astype(dtype)
    whole = net.forward(x)
    for cut in (1, 63, 64, 257):
        parts = [net.forward(x[start : start + cut]) for start in range(0, 257, cut)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_accumulating_is_one_addition_of_the_finished_gradient(isa_or_reference, dtype):
    """Also where the weight gradient is computed in slices: more inputs than fit into the scratch memory."""
    net = mlpc.MLP([1300, 17, 3], "tanh", dtype=np.dtype(dtype).name, seed=1)
    generator = np.random.Generator(np.random.PCG64(2))
    x, y = generator.standard_normal((70, 1300)).astype(dtype), generator.integers(0, 3, 70)
    net.loss_and_grad(x, y)
    once = net.gradients.copy()
    start = generator.standard_normal(once.size).astype(dtype)
    net.gradients[:] = start
    net.loss_and_grad(x, y, accumulate=True)
    np.testing.assert_array_equal(net.gradients, start + once)


def test_means_of_adam_below_the_smallest_normal_number_are_stored_as_zero(isa_or_reference, dtype):
    net = mlpc.MLP([4, 1], dtype=np.dtype(dtype).name)
    optimizer = mlpc.optim.Adam(net, 0.1, betas=(0.5, 0.5))
    for name in ("mean", "square"):
        optimizer.state[name][:] = np.finfo(dtype).tiny
    optimizer.step()
    for name in ("mean", "square"):
        np.testing.assert_array_equal(optimizer.state[name], np.zeros(5, dtype))


def test_velocity_below_the_smallest_normal_number_is_stored_as_zero(isa_or_reference, dtype):
    net = mlpc.MLP([4, 1], dtype=np.dtype(dtype).name)
    optimizer = mlpc.optim.SGD(net, 0.1, momentum=0.5)
    optimizer.state["velocity"][:] = np.finfo(dtype).tiny
    optimizer.step()
    np.testing.assert_array_equal(optimizer.state["velocity"], np.zeros(5, dtype))


@pytest.mark.parametrize("name", _mlpc.kernels()["activation"])
def test_derivatives_of_activations_below_the_smallest_normal_number_are_zero(isa_or_reference, dtype, name):
    tiny = np.finfo(dtype).tiny
    da = np.array([tiny / 2, -tiny / 2, -0.0, 8 * tiny, np.nan], dtype)
    dz = getattr(ops, f"{name}_backward")(da, np.full(5, 0.5, dtype))
    assert np.signbit(dz[:3]).sum() == 0
    np.testing.assert_array_equal(dz[:3], np.zeros(3, dtype))
    assert dz[3] > 0
    assert np.isnan(dz[4])


@pytest.mark.parametrize("name", ["identity", "relu", "tanh"])
def test_derivatives_between_layers_below_the_smallest_normal_number_are_zero(isa_or_reference, dtype, name):
    """Behind an identity, which forward does nothing for, too."""
    tiny, one = np.finfo(dtype).tiny, np.ones((1, 1), dtype)
    net = mlpc.MLP([1, 1, 1], name, dtype=np.dtype(dtype).name, init=[one, [0.0], one, [0.0]])
    net.forward(one)
    dx = net.backward([[tiny / 2]])
    assert net.layers[2].bias_grad[0] == dtype(tiny / 2)
    assert net.layers[0].weight_grad[0, 0] == net.layers[0].bias_grad[0] == dx[0, 0] == 0


@pytest.mark.parametrize("norm", ["layer", "batch", "batch without training"])
def test_derivatives_of_norms_below_the_smallest_normal_number_are_zero(isa_or_reference, dtype, norm):
    tiny = np.finfo(dtype).tiny
    x = np.array([[1, 2, 4], [8, 1, 2], [3, 3, 1]], dtype)
    dy, ones = np.array([[tiny / 8, -tiny / 8, -0.0]] * 3, dtype), np.ones(3, dtype)
    if norm == "layer":
        dx, _, dshift = ops.layer_norm_backward(dy, x, ones)
    elif norm == "batch":
        dx, _, dshift = ops.batch_norm_backward(dy, x, ones)
    else:
        dx, _, dshift = ops.batch_norm_backward(dy, x, ones, ones, ones, training=False)
    assert dshift[0] == 3 * dy[0, 0] > 0
    assert not np.signbit(dx).any()
    np.testing.assert_array_equal(dx, np.zeros_like(dx))


def sum_of_16(terms):
    """Rule 5 of at most a chunk."""
    part = [0.0] * 16
    for j, value in enumerate(terms):
        part[j % 16] += value
    for width in (8, 4, 2, 1):
        for i in range(width):
            part[i] += part[i + width]
    return part[0]


@pytest.mark.parametrize("k", [1, 17, 1000])
def test_layer_norm_sums_rows_as_other_neighbours_in_memory(isa_or_reference, k):
    x = np.random.Generator(np.random.PCG64(k)).standard_normal(k) * 10.0 ** (np.arange(k) % 9)
    mean = sum_of_16(x) / k
    rstd = 1 / np.sqrt(sum_of_16((x - mean) ** 2) / k + 1e-5)
    y = ops.layer_norm_forward(x[None], np.ones(k), np.zeros(k))[0]
    np.testing.assert_array_equal(y, (x - mean) * rstd)


@pytest.mark.parametrize("n", [2, 64, 65, 300])
def test_norms_sum_over_samples_in_double_one_after_the_other(isa_or_reference, dtype, n):
    generator = np.random.Generator(np.random.PCG64(n))
    x, dy = (generator.standard_normal((2, n, 21)) * 10.0 ** (np.arange(21) % 7)).astype(dtype)
    ones = np.ones(21, dtype)
    mean, var = np.zeros(21, dtype), np.zeros(21, dtype)
    ops.batch_norm_forward(x, ones, ones, mean, var, momentum=1.0)
    wide = x.astype(float)
    expected = np.add.accumulate(wide)[-1] / n
    squares = np.add.accumulate((wide - expected) ** 2)[-1]
    np.testing.assert_array_equal(mean, expected.astype(dtype))
    np.testing.assert_array_equal(var, (squares / (n - 1)).astype(dtype))
    for dshift in (ops.batch_norm_backward(dy, x, ones)[2], ops.layer_norm_backward(dy, x, ones)[2]):
        np.testing.assert_array_equal(dshift, np.add.accumulate(dy.astype(float))[-1].astype(dtype))


def test_batch_norm_without_training_is_one_fused_multiply_add(isa_or_reference, dtype):
    """Against exact fractions: s and t are computed in double, and rounded once."""
    from fractions import Fraction

    generator = np.random.Generator(np.random.PCG64(5))
    x = generator.standard_normal((3, 19)).astype(dtype)
    gain, shift, mean, var = generator.uniform(0.5, 3, (4, 19)).astype(dtype)
    y = ops.batch_norm_forward(x, gain, shift, mean, var, training=False)
    s = gain.astype(float) * (1 / np.sqrt(var.astype(float) + 1e-5))
    t = (shift.astype(float) - mean.astype(float) * s).astype(dtype)
    for i, j in np.ndindex(x.shape):
        exact = Fraction(float(x[i, j])) * Fraction(float(dtype(s[j]))) + Fraction(float(t[j]))
        assert y[i, j] == nearest(exact, dtype)


@pytest.mark.parametrize("name", ["mse", "huber"])
def test_derivatives_of_losses_below_the_smallest_normal_number_are_zero(isa_or_reference, dtype, name):
    """A difference is exact here, and so is the divisor: 2^k for k columns of one row."""
    tiny = np.finfo(dtype).tiny
    z = np.array([[tiny / 4, -tiny / 4, -0.0, 2 * tiny]], dtype)
    _, dz = getattr(mlpc.losses, name)(z, np.zeros_like(z), reduction="sum")
    assert np.signbit(dz[:, :3]).sum() == 0
    np.testing.assert_array_equal(dz[:, :3], np.zeros((1, 3), dtype))
    assert dz[0, 3] > 0


@pytest.mark.parametrize("columns", [2, 17])
@pytest.mark.parametrize("smoothing", [0.0, 1e-30])
def test_derivatives_of_probabilities_below_the_smallest_normal_number_are_zero(
    isa_or_reference, dtype, columns, smoothing
):
    z = np.full((1, columns), np.log(np.finfo(dtype).tiny) - 2, dtype)
    z[0, 0] = 0
    assert 0 < ops.softmax(z)[0, 1] < np.finfo(dtype).tiny
    targets = np.eye(columns, dtype=dtype)[:1] if smoothing else [0]
    _, dz = mlpc.losses.cross_entropy(z, targets)
    np.testing.assert_array_equal(dz[:, 1:], np.zeros((1, columns - 1), dtype))


@pytest.mark.parametrize("optimizer", [mlpc.optim.SGD, mlpc.optim.Adam, mlpc.optim.AdamW])
def test_gradients_below_the_smallest_normal_number_change_nothing(isa_or_reference, dtype, optimizer):
    net = mlpc.MLP([40, 1], dtype=np.dtype(dtype).name, init="zeros")
    net.gradients[:] = np.finfo(dtype).tiny / 2
    optimizer(net, 1.0).step()
    np.testing.assert_array_equal(net.parameters, np.zeros(41, dtype))


@pytest.mark.filterwarnings("ignore:y. expected targets near 1")
@pytest.mark.parametrize("zeros", [0, 3], ids=["dense", "skipping"])
@pytest.mark.parametrize("keep_gradients", [False, True], ids=["fused", "plain"])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_an_epoch_drops_gradients_below_the_smallest_normal_number(
    isa_or_reference, dtype, zeros, keep_gradients, momentum
):
    """The derivative and the input are normal numbers, their product is not."""
    small = np.sqrt(np.finfo(dtype).tiny) / 4
    net = mlpc.MLP([1 + zeros, 1], loss="mse", dtype=np.dtype(dtype).name, init="zeros")
    x = np.zeros((1, 1 + zeros), dtype)
    x[0, 0] = small
    optimizer = mlpc.optim.SGD(net, 1.0, momentum=momentum)
    history = net.fit(x, [[small]], epochs=1, optimizer=optimizer, keep_gradients=keep_gradients, progress=False)
    assert history.zeros == ("skipped" if zeros else "multiplied")
    np.testing.assert_array_equal(net.layers[0].weight, np.zeros((1, 1 + zeros), dtype))
    assert net.layers[0].bias == dtype(2 * small)
