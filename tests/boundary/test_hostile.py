"""Whatever comes in: either the right result, or a clean exception that leaves the network as it was."""

import gc
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlpc import _mlpc, losses, ops

CROSS_ENTROPY = ("cross_entropy", "mean", None, None)
MSE = ("mse", "mean", None, None)
SGD = ("sgd", (0.0, 0.0), (0.0,) * 5, None, None, (None,) * 3, None, [0.1])
CLEAN = (TypeError, ValueError, MemoryError, RuntimeError)

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of casts that overflow
examples = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


def make_net(dtype="float32"):
    net = _mlpc.Net([4, 3, 2], ["relu"], dtype)
    net._initialize("torch", 1)
    net.gradients[:] = np.arange(net.n_parameters)
    return net


def survives(net, call):
    """The call's result, or None after a clean exception that changed no number; the network computes either way."""
    before = net.parameters.tobytes(), net.gradients.tobytes()
    try:
        result = call()
    except CLEAN as error:
        assert str(error) or isinstance(error, MemoryError)
        assert (net.parameters.tobytes(), net.gradients.tobytes()) == before
        result = None
    net.loss_and_grad(np.ones((2, 4)), [0, 1], CROSS_ENTROPY, None, False)
    return result


# ---- Arrays of every make --------------------------------------------------------------------------------------------

DTYPES = [
    "?",
    "i1",
    "u2",
    "i4",
    "u8",
    "f2",
    "f4",
    ">f4",
    "f8",
    ">f8",
    "g",
    "c8",
    "U3",
    "S2",
    "O",
    "M8[s]",
    "m8[s]",
    "V4",
]


@st.composite
def layouts(draw, array):
    """The same array in other memory: strided, reversed, misaligned, in the other order, read-only, a subclass."""
    how = draw(
        st.sampled_from(["plain", "fortran", "strided", "reversed", "misaligned", "read-only", "matrix", "masked"])
    )
    if how == "fortran":
        return np.asfortranarray(array)
    if how == "strided" and array.ndim:
        wide = np.repeat(array, 3, axis=-1)
        return wide[..., ::3]
    if how == "reversed" and array.ndim:
        return array[::-1].copy()[::-1]
    if how == "misaligned" and array.dtype.kind != "O" and array.size:
        memory = np.zeros(array.nbytes + 1, np.uint8)
        view = memory[1:].view(array.dtype).reshape(array.shape)
        view[...] = array
        return view
    if how == "read-only":
        array = array.copy()
        array.flags.writeable = False
    if how == "matrix" and array.ndim == 2:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return array.view(np.matrix)
    if how == "masked":
        return np.ma.MaskedArray(array)
    return array


@st.composite
def anything(draw):
    """An array of any dtype, of a shape near those that fit, in any layout."""
    shape = draw(
        st.sampled_from([(), (0,), (2,), (4,), (0, 4), (1, 4), (5, 4), (5, 2), (5, 3), (5, 1), (2, 3, 4), (4, 0)])
    )
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    if dtype.kind in "OV":
        return np.zeros(shape, dtype)
    array = draw(hnp.arrays(dtype, shape))
    return draw(layouts(array))


@st.composite
def real_matrices(draw, columns):
    """(n, columns) of any real dtype in any layout, and what it is as float64."""
    n = draw(st.integers(0, 9))
    kind = draw(st.sampled_from(["?", "i1", "u2", "i4", "f2", "f4", ">f4", "f8", ">f8"]))
    array = np.random.default_rng(draw(st.integers(0, 99))).integers(-3, 4, (n, columns)).astype(kind)
    return draw(layouts(array)), array.astype(float)


@examples
@given(real_matrices(4), st.sampled_from(["float32", "float64"]))
def test_every_layout_gives_the_bits_of_the_plain_one(pair, dtype):
    x, plain = pair
    net = make_net(dtype)
    copy = np.array(x)
    z = net.forward(x)
    dz = np.ones_like(z)
    results = z, net._logits(x), net.backward(dz, False), net.gradients.copy()
    same = net.forward(plain.astype(dtype)), z, net.backward(dz, False), net.gradients
    for result, expected in zip(results, same, strict=True):
        assert result.tobytes() == expected.tobytes()
    np.testing.assert_array_equal(x, copy)


@examples
@given(anything(), anything(), anything())
def test_network_methods_survive(x, y, weight):
    net = make_net()
    optimizer = (*SGD[:2], 0.9, 0.0, False, weight)
    for call in (
        lambda: net.forward(x),
        lambda: net.forward(np.ones((5, 4)), y),
        lambda: net.backward(y, True),
        lambda: net.loss(y, CROSS_ENTROPY, weight),
        lambda: net.loss(y, MSE, weight),
        lambda: net.loss(y, ("cross_entropy", "sum", weight, 0.0), None),
        lambda: net._logits(x),
        lambda: net.evaluate(x, y, CROSS_ENTROPY, weight),
        lambda: net.loss_and_grad(x, y, MSE, weight, True),
        lambda: net._train_epoch(x, y, CROSS_ENTROPY, weight, SGD, 2, True, 0, 0, True, None),
        lambda: net._train_epoch(x, y, CROSS_ENTROPY, None, optimizer, 2, True, 0, 0, True, None),
        lambda: net._step(optimizer, y),
        lambda: _mlpc.as_real("x", x, "float32"),
    ):
        survives(net, call)


@examples
@given(anything(), anything(), anything())
def test_ops_survive(a, b, c):
    calls = (
        lambda: ops.exp(a, b),
        lambda: ops.relu_forward(a),
        lambda: ops.gelu_backward(a, b, c),
        lambda: ops.softmax(a, b),
        lambda: ops.linear_forward(a, b, c),
        lambda: ops.linear_backward(a, b, c),
        lambda: losses.cross_entropy(a, b, sample_weight=c),
        lambda: losses.cross_entropy(a, b, class_weight=c),
        lambda: losses.poisson(a, b, sample_weight=c),
        lambda: _mlpc.sum(a),
        lambda: _mlpc.all_finite(a),
        lambda: _mlpc.Objective(a, CROSS_ENTROPY, b, "float32", 2),
    )
    copies = [np.array(array, copy=True).tobytes() for array in (a, b, c)]
    for call in calls:
        try:
            call()
        except CLEAN:
            pass
        else:
            return  # it may have written into what was given as its output
    assert [np.array(array, copy=True).tobytes() for array in (a, b, c)] == copies


@examples
@given(st.lists(st.one_of(st.integers(-2, 3), st.integers(0, 2**64 - 1)), min_size=1, max_size=5))
def test_labels_are_in_range_or_refused(labels):
    net = make_net()
    call = survives(net, lambda: net.loss_and_grad(np.ones((len(labels), 4)), labels, CROSS_ENTROPY, None, True))
    assert (call is not None) == all(label in (0, 1) for label in labels)


@pytest.mark.parametrize("scale", [np.nan, np.inf, 1e300])
def test_numbers_that_are_none(scale):
    net = make_net()
    x = np.full((5, 4), scale)
    assert not np.isfinite(net.forward(x)).any() or np.isfinite(np.float32(scale))
    before = net.parameters.copy()
    with pytest.raises(ValueError, match="diverged"):
        net._train_epoch(x, [0, 1, 0, 1, 0], CROSS_ENTROPY, None, SGD, 2, True, 0, 0, False, None)
    np.testing.assert_array_equal(net.parameters, before)


# ---- Sizes that no memory holds --------------------------------------------------------------------------------------


def huge(*shape, dtype=np.float32):
    return np.broadcast_to(np.ones((), dtype), shape)


@pytest.mark.parametrize("rows", [2**40, 2**58])
def test_shapes_by_stride_tricks(rows):
    net = make_net()
    for call in (
        lambda: net.forward(huge(rows, 4)),
        lambda: net.forward(huge(rows, 4, dtype=np.int8)),
        lambda: net._logits(huge(rows, 4)),
        lambda: net._train_epoch(huge(rows, 4), [0], CROSS_ENTROPY, None, SGD, 1, True, 0, 0, False, None),
        lambda: ops.exp(huge(rows)),
        lambda: ops.linear_forward(huge(rows, 0), huge(4, 0), np.ones(4, np.float32)),
        lambda: losses.mse(huge(rows, 1), huge(rows, 1)),
        lambda: _mlpc.random_normal(0, 0, 0, rows),
        lambda: _mlpc.shuffle(rows, 0, 0),
    ):
        with pytest.raises((MemoryError, ValueError)):
            call()
    net.loss_and_grad(np.ones((2, 4)), [0, 1], CROSS_ENTROPY, None, False)


def test_extents_without_elements_are_not_walked():
    long = np.empty((2**60, 0), np.float32)
    w = np.empty((0, 0), np.float32)
    assert ops.linear_forward(long, w, np.empty(0, np.float32)).shape == (2**60, 0)
    assert ops.linear_backward(long, long, w)[1].shape == (0, 0)
    assert ops.softmax(long).shape == (2**60, 0)
    assert ops.exp(long).shape == (2**60, 0)
    assert _mlpc.numbers(np.empty((2**60, 0), np.uint8), 0.5, "float32").shape == (2**60, 0)


@pytest.mark.parametrize("sizes", [[2**31, 2**31], [2**32, 2**32], [2**62, 4], [1, 2**62, 1], [2**50, 2**50, 2**50]])
def test_networks_that_no_memory_holds(sizes):
    for dtype in ("float32", "float64"):
        with pytest.raises((MemoryError, ValueError)):
            _mlpc.Net(sizes, ["relu"] * (len(sizes) - 2), dtype)


# ---- Objects that lie ------------------------------------------------------------------------------------------------


class Array:
    """__array__ gives whatever it was told to."""

    def __init__(self, result, before=None):
        self.result, self.before = result, before

    def __array__(self, dtype=None, copy=None):
        if self.before is not None:
            self.before()
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


class Sequence:
    """Claims more, or fewer, items than it has."""

    def __init__(self, length, items):
        self.length, self.items = length, items

    def __len__(self):
        return self.length

    def __getitem__(self, i):
        return self.items[i]


class Interface:
    """A shape that no memory has. (NumPy believes one that is merely larger than its memory; so must we.)"""

    def __init__(self, shape):
        self.__array_interface__ = {"version": 3, "shape": shape, "typestr": "<f4", "data": b"\0" * 16}


class Index:
    def __init__(self, result):
        self.result = result

    def __index__(self):
        return self.result


LIARS = [
    Array([1.0, 2.0]),
    Array(None),
    Array(np.ones((5, 3))),
    Array(ValueError("no")),
    Array(np.ones(4)),
    Sequence(10**6, [[1.0, 2.0, 3.0]]),
    Sequence(0, [[1.0, 2.0, 3.0]]),
    Sequence(-1, []),
    Interface((-1, 4)),
    Interface((2**61, 4)),
    [[1, 2, 3, 4], [1, 2]],
    {1: 2},
    object(),
    iter([1.0]),
    type,
    b"1234",
    memoryview(b"1234"),
]


@pytest.mark.parametrize("liar", LIARS, ids=[f"{i}-{type(liar).__name__}" for i, liar in enumerate(LIARS)])
def test_objects_that_lie(liar):
    net = make_net()
    for call in (
        lambda: net.forward(liar),
        lambda: net.forward(np.ones((1, 4)), liar),
        lambda: net.backward(liar, liar),
        lambda: net.loss_and_grad(np.ones((5, 4)), liar, CROSS_ENTROPY, None, False),
        lambda: net.loss_and_grad(np.ones((5, 4)), [0] * 5, CROSS_ENTROPY, liar, False),
        lambda: net.loss_and_grad(np.ones((5, 4)), [0] * 5, liar, None, False),
        lambda: net._views(liar),
        lambda: net._initialize(liar, liar),
        lambda: net._train_epoch(*[liar] * 11),
        lambda: net._step(liar, liar),
        lambda: _mlpc.Net(liar, liar, liar),
        lambda: _mlpc.Objective(liar, liar, liar, liar, liar),
        lambda: _mlpc.Objective([0] * 5, CROSS_ENTROPY, liar, "float32", 2),
        lambda: ops.linear_forward(liar, liar, liar),
        lambda: ops.exp(np.ones(3), liar),
    ):
        with pytest.raises(CLEAN):
            call()
        net.loss_and_grad(np.ones((2, 4)), [0, 1], CROSS_ENTROPY, None, False)


@pytest.mark.parametrize("value", [-1, 0, 2**63, 2**64, 2**200])
def test_integers_by_index(value):
    with pytest.raises(ValueError):
        _mlpc.Net([Index(value), 1], [], "float32")
    with pytest.raises(TypeError):
        _mlpc.Net([Index("1"), 1], [], "float32")


def test_conversions_that_use_the_network():
    """An argument's own code runs forwards of other sizes: the network is looked at after all of it has run."""
    net = make_net()

    def other():
        net.forward(np.ones((300, 4)))

    net.forward(np.ones((5, 4)))
    with pytest.raises(ValueError, match=r"expected \(300, 2\)"):
        net.backward(Array(np.ones((5, 2)), other), False)
    assert net.forward(Array(np.ones((2, 4)), other)).shape == (2, 2)
    net.forward(np.ones((5, 4)))
    with pytest.raises(ValueError, match="expected 300 rows"):
        net.loss(Array(np.zeros(5, int), other), CROSS_ENTROPY, None)
    net._train_epoch(Array(np.ones((5, 4)), other), [0] * 5, CROSS_ENTROPY, None, SGD, 2, True, 0, 0, False, None)


def test_nobody_sees_a_network_that_is_not_whole():
    seen = []

    class Probability:
        def __float__(self):
            seen.extend(
                each.parameters for each in gc.get_objects() if type(each) is _mlpc.Net and each.sizes == (7, 5)
            )
            return 0.5

    net = _mlpc.Net([7, 5], [], "float32", (Probability(),))
    assert not seen and net._dropout == (0.5,)


def test_labels_changed_by_a_callback_stay_those_that_were_checked():
    net = _mlpc.Net([4, 64, 2], ["relu"], "float32")
    x, y = np.ones((300_000, 4), np.float32), np.zeros(300_000, np.int64)

    def tick(rows):
        y[:] = 2**40

    net._train_epoch(x, y, CROSS_ENTROPY, None, SGD, 4, True, 0, 0, False, tick)
    assert np.isfinite(net.parameters).all()
