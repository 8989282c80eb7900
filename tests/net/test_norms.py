"""Layer and batch normalisation: beside PyTorch, NumPy and finite differences, and what becomes of the unusual."""

import numpy as np
import pytest

from mlpc import ops

SHAPES = [(2, 1), (3, 5), (64, 17), (70, 100)]
MODES = ["layer", "batch", "batch without training"]


def numbers(n, k, dtype="float64"):
    """x, dy, gain, shift, and a running mean and variance."""
    rng = np.random.default_rng(n * k)
    x, dy = rng.normal(3, 2, (n, k)), rng.normal(size=(n, k))
    return [a.astype(dtype) for a in (x, dy, *rng.normal(size=(3, k)), rng.uniform(0.5, 2, k))]


def forward(mode, x, gain, shift, mean, var, **settings):
    if mode == "layer":
        return ops.layer_norm_forward(x, gain, shift, **settings)
    return ops.batch_norm_forward(x, gain, shift, mean, var, training=mode == "batch", **settings)


def backward(mode, dy, x, gain, mean, var, **settings):
    if mode == "layer":
        return ops.layer_norm_backward(dy, x, gain, **settings)
    return ops.batch_norm_backward(dy, x, gain, mean, var, training=mode == "batch", **settings)


def close(ours, theirs):
    """Relative to the larger ones, and to what a derivative by x is the small difference of."""
    theirs = theirs.detach().numpy()
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 * max(1, np.abs(theirs).max()))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_torch_gives_the_same(torch, mode, shape, eps):
    x, dy, gain, shift, mean, var = numbers(*shape)
    theirs = [torch.tensor(a, requires_grad=True) for a in (x, gain, shift)]
    running = [torch.tensor(a) for a in (mean, var)]
    if mode == "layer":
        z = torch.nn.functional.layer_norm(theirs[0], shape[1:], *theirs[1:], eps)
    else:
        z = torch.nn.functional.batch_norm(
            theirs[0], *running, *theirs[1:], training=mode == "batch", momentum=0.3, eps=eps
        )
    z.backward(torch.tensor(dy))
    momentum = {} if mode == "layer" else {"momentum": 0.3}
    before = mean.copy(), var.copy()
    close(forward(mode, x, gain, shift, mean, var, eps=eps, **momentum), z)
    close(mean, running[0])
    close(var, running[1])
    for ours, leaf in zip(backward(mode, dy, x, gain, *before, eps=eps), theirs, strict=True):
        close(ours, leaf.grad)


@pytest.mark.parametrize("mode", MODES)
def test_finite_differences_give_the_same(mode):
    x, dy, *of_features = numbers(6, 4)
    gain, shift, mean, var = of_features
    derivatives = backward(mode, dy, x, gain, mean, var)
    for array, derivative in zip((x, gain, shift), derivatives, strict=True):
        for place in np.ndindex(array.shape):
            here, loss = array[place], []
            for step in (1e-5, -1e-5):
                array[place] = here + step
                loss.append((dy * forward(mode, x, gain, shift, mean.copy(), var.copy())).sum())
            array[place] = here
            assert derivative[place] == pytest.approx((loss[0] - loss[1]) / 2e-5, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("mode", ["layer", "batch"])
def test_numpy_gives_the_same(dtype, mode):
    x, dy, gain, shift, *_ = numbers(50, 33, dtype)
    axis = 1 if mode == "layer" else 0
    wide = x.astype(float)
    h = (wide - wide.mean(axis, keepdims=True)) / np.sqrt(wide.var(axis, keepdims=True) + 1e-5)
    close = {"rtol": 1e-5, "atol": 1e-5} if dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-12}
    y = forward(mode, x, gain, shift, None, None)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, h * gain + shift, **close)
    dx, dgain, dshift = backward(mode, dy, x, gain, None, None)
    np.testing.assert_allclose(dgain, (dy * h).sum(0), **close)
    np.testing.assert_allclose(dshift, dy.sum(0), **close)
    g = (dy * gain).astype(float)
    of_g, of_gh = g.mean(axis, keepdims=True), (g * h).mean(axis, keepdims=True)
    np.testing.assert_allclose(dx, (g - of_g - h * of_gh) / np.sqrt(wide.var(axis, keepdims=True) + 1e-5), **close)


@pytest.mark.parametrize("mode", ["layer", "batch"])
def test_an_offset_costs_no_digits(isa, mode):
    """Means are exact here, in double; in float32 their differences from x would not be."""
    x = np.random.default_rng(1).integers(-3, 4, (64, 64)).astype("f4")
    gain, shift, offset = np.ones(64, "f4"), np.zeros(64, "f4"), np.float32(2**22)
    plain, moved = (forward(mode, values, gain, shift, None, None) for values in (x, x + offset))
    np.testing.assert_array_equal(moved, plain)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_not_finite_stays_in_its_row_or_feature(isa, dtype, mode):
    x, _, gain, shift, mean, var = numbers(5, 20, dtype)
    x[1, 2], x[3, 18] = np.nan, np.inf
    y = forward(mode, x, gain, shift, mean, var)
    lost = np.zeros_like(x, bool)
    if mode == "layer":
        lost[[1, 3]] = True
    elif mode == "batch":
        lost[:, [2, 18]] = True
        assert list(np.flatnonzero(np.isnan(var))) == [2, 18]
    else:
        lost[1, 2] = True
        assert np.isinf(y[3, 18])
    np.testing.assert_array_equal(np.isnan(y), lost)


@pytest.mark.parametrize("mode", MODES)
def test_no_rows_are_no_rows(mode):
    x, dy, gain, shift, mean, var = numbers(0, 4)
    before = mean.copy(), var.copy()
    assert forward(mode, x, gain, shift, mean, var).shape == (0, 4)
    np.testing.assert_array_equal((mean, var), before)
    dx, dgain, dshift = backward(mode, dy, x, gain, mean, var)
    assert dx.shape == (0, 4)
    assert not dgain.any()
    assert not dshift.any()


def test_one_row_has_a_norm_but_no_statistics_of_a_batch():
    x, dy, gain, shift, mean, var = numbers(1, 4)
    for mode in ("layer", "batch without training"):
        assert np.isfinite(forward(mode, x, gain, shift, mean, var)).all()
    for call in (lambda: ops.batch_norm_forward(x, gain, shift), lambda: ops.batch_norm_backward(dy, x, gain)):
        with pytest.raises(ValueError, match=r"^x: expected at least two rows where training is True, got 1$"):
            call()


@pytest.mark.parametrize("mode", MODES)
def test_no_features_are_no_features(mode):
    x, dy, *of_features = numbers(3, 0)
    assert forward(mode, x, *of_features).shape == (3, 0)
    assert [d.shape for d in backward(mode, dy, x, *of_features[::2], of_features[3])] == [(3, 0), (0,), (0,)]


@pytest.mark.parametrize("mode", MODES)
def test_out_is_filled(mode):
    x, _, *of_features = numbers(4, 5)
    out = np.empty_like(x)
    fresh = [a.copy() for a in of_features]
    assert forward(mode, x, *of_features, out=out) is out
    np.testing.assert_array_equal(out, forward(mode, x, *fresh))


def test_without_training_nothing_is_written():
    x, dy, *of_features = numbers(4, 5)
    for array in (x, dy, *of_features):
        array.flags.writeable = False
    gain, _, mean, var = of_features
    forward("batch without training", x, *of_features)
    backward("batch without training", dy, x, gain, mean, var)


def test_running_statistics_that_are_tiny_are_stored_as_zero(isa, dtype):
    tiny = np.finfo(dtype).tiny
    mean, var = np.full(3, -tiny, dtype), np.full(3, tiny, dtype)
    ops.batch_norm_forward(np.zeros((2, 3), dtype), *np.ones((2, 3), dtype), mean, var, momentum=0.5)
    for kept in (mean, var):
        np.testing.assert_array_equal(kept, np.zeros(3, dtype))
        assert not np.signbit(kept).any()
