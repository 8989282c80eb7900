"""Elementary functions and activations against mpmath: values, limits, derivatives.

exhaustive.py, beside this file, sweeps all float32 inputs.
"""

import functools

import numpy as np
import pytest
from bounds import BOUNDS
from mpmath import mp, mpf

import mlpc

DTYPES = [np.float32, np.float64]
ACTIVATIONS = [name.removesuffix("_forward") for name in BOUNDS if name.endswith("_forward")]
FAR = 10_000  # beyond, the functions below that have limits have reached them, to more digits than are compared

ERF_LIMIT = 0.75
NEAR_HALF_PI = [16367173 * 2.0**72, 6381956970095103 * 2.0**797]  # of each dtype the nearest to a multiple of it
EDGES = {  # where a method changes or a result over- or underflows, for float32 and float64
    "exp": [88.72284, -87.33655, -103.97208, 709.782712893384, -708.3964185322641, -745.1332191019411],
    "expm1": [88.72284, -17.4, -20.0, -37.5, -40.0, 709.782712893384, 2.0**-25, 2.0**-54],
    "log": [0.5**0.5, 2**0.5, 1.0, 2.0**-126, 2.0**-149, 2.0**-1022, 5e-324, 3.4e38, 1.79e308],
    "log1p": [0.5**0.5 - 1, 2**0.5 - 1, -1.0, 2.0**24, 2.0**53, 2.0**100, 3.4e38, 1.79e308],
    "erf": [ERF_LIMIT, 4.0, 6.0, 3.9, 5.8],
    "erfc": [ERF_LIMIT, 9.19, 10.05, 10.06, 10.75, 26.54, 27.22, 27.23, 28.5],
    "cos": [np.pi / 4, np.pi / 2, np.pi, 2.0**15, 2.0**30, 3.4e38, 1.79e308, *NEAR_HALF_PI],
    "gelu": [ERF_LIMIT * 2**0.5, 12.9, 14.1, 14.4, 15.0, 37.5, 38.5, 38.6, 40.0],
    "silu": [20.0, 40.0, 91.0, 108.6, 110.0, 714.9, 751.6, 760.0],
    "mish": [20.0, 40.0, 91.0, 108.6, 110.0, 714.9, 751.6, 760.0],
    "softplus": [16.6, 36.7, 87.33655, 103.97208, 708.3964185322641, 745.1332191019411],
    "tanh": [9.0, 10.0, 19.0, 20.0],
    "sigmoid": [16.6, 36.7, 87.33655, 103.97208, 708.3964185322641, 745.1332191019411],
    "hardtanh": [1.0],
    "relu6": [6.0],
}


def selu(x):
    scale, alpha = mpf("1.0507009873554804934193349852946"), mpf("1.6732632423543772848170429916717")
    return scale * (x if x > 0 else alpha * expm1(x))


def limited(function, low, high):
    """`function`, which tends to low and high; None stands for the argument itself."""

    def value(x):
        if abs(x) < FAR:
            return function(x)
        limit = low if x < 0 else high
        return x if limit is None else mpf(limit)

    return value


expm1 = limited(mp.expm1, -1, "inf")
WANT = {
    "exp": limited(mp.exp, 0, "inf"),
    "expm1": expm1,
    "log": lambda x: -mp.inf if x == 0 else mp.log(x),
    "log1p": lambda x: -mp.inf if x == -1 else mp.log1p(x),
    "erf": limited(mp.erf, -1, 1),
    "erfc": limited(mp.erfc, 2, 0),
    "cos": mp.cos,
    "identity": lambda x: x,
    "relu": lambda x: max(x, mpf(0)),
    "elu": lambda x: x if x > 0 else expm1(x),
    "selu": selu,
    "gelu": limited(lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2, 0, None),
    "silu": limited(lambda x: x / (1 + mp.exp(-x)), 0, None),
    "mish": limited(lambda x: x * (1 - 2 / (mp.exp(x) * (mp.exp(x) + 2) + 2)) if x > -1 else mish_below(x), 0, None),
    "softplus": limited(lambda x: mp.log1p(mp.exp(x)), 0, None),
    "tanh": limited(mp.tanh, -1, 1),
    "sigmoid": limited(lambda x: 1 / (1 + mp.exp(-x)), 0, 1),
    "hardtanh": lambda x: max(min(x, mpf(1)), mpf(-1)),
    "relu6": lambda x: max(min(x, mpf(6)), mpf(0)),
}


def mish_below(x):
    n = mp.exp(x) * (mp.exp(x) + 2)
    return x * n / (n + 2)


def want(name, x, dtype):
    if name == "leaky_relu":
        return x if x > 0 else mpf(float(dtype(0.01))) * x
    digits = 360 if name == "cos" and abs(x) > 2**60 else 50
    with mp.workdps(digits):
        return WANT[name](x)


@functools.cache
def points(name, dtype):
    """Some 2,000 arguments in the domain: edges and their neighbours, powers of two, random ones of every size."""
    rng = np.random.default_rng(1)
    limits = np.finfo(dtype)
    largest = np.log(float(limits.max))
    parts = [rng.uniform(-scale, scale, 250) for scale in (0.3, 1, 4, 12, 40, 1.1 * largest)]
    sizes = rng.uniform(np.log(float(limits.smallest_subnormal)), largest, 300)
    parts.append(np.exp(sizes) * rng.choice([-1, 1], 300))
    parts.append(2.0 ** np.arange(-40, 12))
    parts.append([0.0, limits.smallest_subnormal, limits.tiny, limits.max])
    with np.errstate(over="ignore"):
        edges = np.array(EDGES.get(name, []), dtype)
        for _ in range(3):
            edges = np.concatenate([edges, np.nextafter(edges, dtype(0)), np.nextafter(edges, dtype(np.inf))])
    x = np.concatenate([np.concatenate(parts).astype(dtype), edges])
    x = np.concatenate([x, -x])
    domain = {"log": x >= 0, "log1p": x >= -1}.get(name, True)
    return np.unique(x[np.isfinite(x) & domain])


@functools.cache
def expected(name, dtype):
    return [want(name, mpf(float(x)), dtype) for x in points(name, dtype)]


def error(got, value, dtype):
    """In units in the last place of dtype at `value`; infinity counts as the number after the largest."""
    limits = np.finfo(dtype)
    after_largest = mpf(2) ** int(limits.maxexp)
    got = max(min(mpf(float(got)), after_largest), -after_largest)
    value = max(min(value, after_largest), -after_largest)
    exponent = max(mp.frexp(value)[1], int(limits.minexp) + 1) if value else int(limits.minexp) + 1
    return abs(got - value) / mpf(2) ** (min(exponent, int(limits.maxexp)) - int(limits.nmant) - 1)


@functools.cache
def worst_error(name, dtype, result):
    """The largest error of a result's bytes, and the argument that it is at: once for all that give the same bits."""
    y = np.frombuffer(result, dtype)
    errors = [error(got, value, dtype) for got, value in zip(y, expected(name, dtype), strict=True)]
    worst = int(np.argmax(errors))
    return errors[worst], points(name, dtype)[worst]


@pytest.mark.xdist_group("elementary")  # what mpmath computes takes long
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", BOUNDS)
def test_error_is_within_the_stated_bound(isa, kernel, dtype):
    name = kernel.removesuffix("_forward")
    y = getattr(mlpc.ops, kernel)(points(name, dtype))
    assert y.dtype == dtype
    worst, x = worst_error(name, dtype, y.tobytes())
    assert worst <= BOUNDS[kernel], f"{float(worst):.3f} ULP at {float(x).hex()}"


LIMITS = {  # at 0, inf, -inf
    "exp": (1, np.inf, 0),
    "expm1": (0, np.inf, -1),
    "log": (-np.inf, np.inf, np.nan),
    "log1p": (0, np.inf, np.nan),
    "erf": (0, 1, -1),
    "erfc": (1, 0, 2),
    "cos": (1, np.nan, np.nan),
    "identity_forward": (0, np.inf, -np.inf),
    "relu_forward": (0, np.inf, 0),
    "leaky_relu_forward": (0, np.inf, -np.inf),
    "elu_forward": (0, np.inf, -1),
    "gelu_forward": (0, np.inf, 0),
    "silu_forward": (0, np.inf, 0),
    "mish_forward": (0, np.inf, 0),
    "tanh_forward": (0, 1, -1),
    "sigmoid_forward": (0.5, 1, 0),
    "hardtanh_forward": (0, 1, -1),
    "relu6_forward": (0, 6, 0),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", LIMITS)
def test_limits(isa, kernel, dtype):
    y = getattr(mlpc.ops, kernel)(np.array([0, np.inf, -np.inf], dtype))
    np.testing.assert_array_equal(y, np.array(LIMITS[kernel], dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_logarithms_are_nan_outside_their_domain(isa, dtype):
    negative = np.array([-1, -1e-30, -np.finfo(dtype).smallest_subnormal], dtype)
    assert np.isnan(mlpc.ops.log(negative)).all()
    assert np.isnan(mlpc.ops.log1p(np.array([-1.5, -1e30, np.nextafter(dtype(-1), dtype(-2))], dtype))).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", BOUNDS)
def test_nan_stays_nan_and_touches_no_other_element(isa, kernel, dtype):
    function = getattr(mlpc.ops, kernel)
    x = np.linspace(0.1, 3, 37).astype(dtype)
    clean = function(x)
    for i in range(x.size):
        spoilt = x.copy()
        spoilt[i] = np.nan
        y = function(spoilt)
        assert np.isnan(y[i])
        np.testing.assert_array_equal(np.delete(y, i), np.delete(clean, i))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["expm1", "log1p", "erf", *(f"{n}_forward" for n in (
    "identity", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "tanh", "hardtanh"))])  # fmt: skip
def test_zero_keeps_its_sign(isa, name, dtype):
    assert np.signbit(getattr(mlpc.ops, name)(np.array([0.0, -0.0], dtype))).tolist() == [False, True]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["relu_forward", "relu6_forward"])
def test_minus_zero_becomes_zero(isa, name, dtype):
    assert not np.signbit(getattr(mlpc.ops, name)(np.array([0.0, -0.0, -1.0], dtype))).any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", BOUNDS)
def test_an_element_does_not_depend_on_its_place(isa, kernel, dtype):
    function = getattr(mlpc.ops, kernel)
    x = np.random.default_rng(2).uniform(0, 9, 70).astype(dtype)
    whole = function(x)
    for n in range(70):
        assert function(x[:n].copy()).tobytes() == whole[:n].tobytes()


KINKS = {  # the derivative at and around kinks, PyTorch's: {z: f'(z)}
    "relu": {-1.0: 0, 0.0: 0, 1e-30: 1},
    "leaky_relu": {-1.0: 0.01, 0.0: 0.01, 1e-30: 1},
    "elu": {0.0: 1, 1e-30: 1, -np.inf: 0},
    "selu": {0.0: 1.7580993408473768, 1e-30: 1.0507009873554805},
    "hardtanh": {-2.0: 0, -1.0: 0, -0.5: 1, 0.5: 1, 1.0: 0, 2.0: 0},
    "relu6": {-1.0: 0, 0.0: 0, 1e-30: 1, 5.5: 1, 6.0: 0, 7.0: 0},
    "identity": {0.0: 1, 3.0: 1},
    "gelu": {-np.inf: 0, np.inf: 1, 0.0: 0.5},
    "silu": {-np.inf: 0, np.inf: 1, 0.0: 0.5},
    "mish": {-np.inf: 0, np.inf: 1, 0.0: 0.6},
    "softplus": {-np.inf: 0, np.inf: 1, 0.0: 0.5},
    "tanh": {-np.inf: 0, np.inf: 0, 0.0: 1},
    "sigmoid": {-np.inf: 0, np.inf: 0, 0.0: 0.25},
}


def derivative(name, da, z):
    a = getattr(mlpc.ops, f"{name}_forward")(z)
    return getattr(mlpc.ops, f"{name}_backward")(da, z, a)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_at_kinks_and_limits(isa, name, dtype):
    z = np.array(list(KINKS[name]), dtype)
    da = np.full_like(z, 3)
    want_dz = 3 * np.array([dtype(d) for d in KINKS[name].values()])
    np.testing.assert_allclose(derivative(name, da, z), want_dz, rtol=2 * np.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("name", ["relu", "relu6", "hardtanh"])
def test_where_the_derivative_is_zero_an_infinite_da_is_dropped(isa, name):
    dz = derivative(name, np.array([np.inf, np.nan], np.float32), np.array([-3, -3], np.float32))
    assert dz.tolist() == [0, 0]


@functools.cache
def slopes_of(name, dtype):
    rng = np.random.default_rng(3)
    z = np.concatenate([rng.uniform(-3, 3, 150), rng.uniform(-30, 30, 150), rng.uniform(-80, 80, 50)]).astype(dtype)
    da = rng.uniform(0.5, 2, z.size).astype(dtype)
    with mp.workdps(60):
        return z, da, [mp.diff(WANT[name], mpf(float(v)), h=mpf(2) ** -60) for v in z]


@pytest.mark.xdist_group("elementary")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["elu", "selu", "gelu", "silu", "mish", "softplus", "tanh", "sigmoid"])
def test_derivative_against_mpmath(isa, name, dtype):
    """Near the zeros of a derivative only its absolute error is small, and so that is what is bounded."""
    z, da, slopes = slopes_of(name, dtype)
    dz = derivative(name, da, z)
    with mp.workdps(60):
        errors = [abs(mpf(float(got)) / mpf(float(d)) - slope) for got, d, slope in zip(dz, da, slopes, strict=True)]
    assert max(errors) <= 4 * np.finfo(dtype).eps, f"at {z[int(np.argmax(errors))]!r}"
