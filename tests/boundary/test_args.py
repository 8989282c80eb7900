"""Every check of an argument: what it says, and that what fits is computed."""

import re

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc, losses, ops

CROSS_ENTROPY = ("cross_entropy", "mean", None, None)
MSE = ("mse", "mean", None, None)


def sgd(momentum=0.0, velocity=None, lr=0.1):
    return ("sgd", (momentum, 0.0), (0.0,) * 5, None, None, (velocity, None, None), None, [lr])


SGD = sgd()


def make_net(dtype="float32", sizes=(4, 3, 2)):
    net = _mlpc.Net(sizes, ["relu"] * (len(sizes) - 2), dtype)
    net._initialize("torch", 1)
    return net


@pytest.fixture
def net():
    return make_net()


def says(error, text):
    return pytest.raises(error, match="^" + re.escape(text))


# ---- Networks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (([4], [], "float32"), ValueError, "sizes: expected at least two, of inputs and outputs, got 1"),
        (([4, 0], [], "float32"), ValueError, "sizes: expected an integer in 1..9223372036854775807, got 0"),
        (([4, -1], [], "float32"), ValueError, "sizes: expected an integer in 1..9223372036854775807, got -1"),
        (([4, 2**64], [], "float32"), ValueError, "sizes: expected an integer in 1.."),
        (([4, 2.0], [], "float32"), TypeError, "sizes: expected an integer, got float"),
        ((4, [], "float32"), TypeError, "sizes: expected a sequence, got int"),
        ((["4", 2], [], "float32"), TypeError, "sizes: expected an integer, got str"),
        (([2**40, 2**40], [], "float32"), MemoryError, "sizes: a network of (1099511627776, 1099511627776) does not"),
        (([2**62, 2**61], [], "float64"), MemoryError, "sizes: a network of"),
        (([4, 3, 2], [], "float32"), ValueError, "activations: expected 1, one per hidden layer, got 0"),
        (([4, 3, 2], "relu", "float32"), TypeError, "activations: expected a sequence, got str"),
        (([4, 3, 2], ["rely"], "float32"), ValueError, "activations: expected one of ['identity', 'relu', "),
        (([4, 3, 2], [1], "float32"), TypeError, "activations: expected a name (str), got int"),
        (([4, 3, 2], [("relu", 1, 2)], "float32"), TypeError, "activations: expected a name (str), got tuple"),
        (([4, 3, 2], [("relu", 1)], "float32"), ValueError, "activations: expected no setting of relu, got 1"),
        (([4, 3, 2], [("elu", "1")], "float32"), TypeError, "alpha: expected a real number, got str"),
        (([4, 3, 2], [("elu", 1e39)], "float32"), ValueError, "alpha: expected a finite number of float32 above 0.0, "),
        (([4, 3, 2], [("leaky_relu", 10**400)], "float32"), ValueError, "negative_slope: expected a number in the r"),
        (([4, 2], [], "float16"), ValueError, "dtype: expected float32 or float64, got 'float16'"),
        (([4, 2], []), TypeError, "Net: expected sizes, activations and dtype, got 2 arguments"),
        (([4, 2], [], "float32", 0.5), TypeError, "dropout: expected a sequence, got float"),
        (([4, 2], [], "float32", []), ValueError, "dropout: expected 1, of the input and of each hidden layer, got 0"),
        (([4, 2], [], "float32", [1]), ValueError, "dropout: expected a number in [0, 1), got 1"),
        (([4, 2], [], "float32", ["1"]), TypeError, "dropout: expected a real number, got str"),
        (([4, 2], [], "float32", [float("nan")]), ValueError, "dropout: expected a number in [0, 1), got nan"),
    ],
)
def test_a_network_that_cannot_be(arguments, error, text):
    with says(error, text):
        _mlpc.Net(*arguments)


def test_attributes(net):
    assert net.sizes == (4, 3, 2)
    assert net.activations == net._blocks == ("relu",)
    assert _mlpc.Net([1, 1, 1, 1], ["elu", ("leaky_relu", -2)], "float32")._blocks == (
        ("elu", 1.0),
        ("leaky_relu", -2.0),
    )
    assert net.dtype == np.float32
    assert net.n_parameters == 4 * 3 + 3 + 3 * 2 + 2 == net.parameters.size == net.gradients.size
    assert net.parameters.ctypes.data == net.parameters.ctypes.data
    assert net.parameters.ctypes.data % 64 == 0 == net.gradients.ctypes.data % 64
    assert not net.gradients.any()
    with pytest.raises(AttributeError):
        net.parameters = np.zeros(23, np.float32)


def test_a_subclass_may_take_more_arguments():
    class Sub(_mlpc.Net):
        def __new__(cls, sizes, *, name):
            return super().__new__(cls, sizes, [], "float64", [0.5], [], "more", name=name)

        def __init__(self, sizes, *, name):
            self.name = name

    class SubSub(Sub):
        pass

    net = SubSub([2, 1], name="a")
    assert (net.name, net.forward([[1, 2]]).shape, net._dropout) == ("a", (1, 1), (0.5,))


@pytest.mark.parametrize("layer", [-1, 2, 2**70])
def test_there_is_no_such_layer(net, layer):
    net.forward(np.zeros((1, 4)))
    for method in (net._views, net._norm_views, net._memory):
        with says(ValueError, "layer: expected an integer in 0..1, got"):
            method(layer)


def test_a_layer_without_a_norm_has_no_views_of_one(net):
    with says(ValueError, "layer: expected one with a norm behind it"):
        net._norm_views(0)


def test_initialize(net):
    with says(ValueError, "init: expected one of ['torch', 'he', "):
        net._initialize("xavier", 0)
    with says(ValueError, "seed: expected an integer in 0..18446744073709551615, got -1"):
        net._initialize("he", -1)
    with says(TypeError, "seed: expected an integer, got float"):
        net._initialize("he", 1.0)


# ---- x ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "error", "text"),
    [
        (np.zeros((5, 3)), ValueError, "x: expected shape (n, 4), got (5, 3)"),
        (np.zeros(4), ValueError, "x: expected shape (n, 4), got (4,); one sample is x[None, :]"),
        (np.zeros((1, 2, 4)), ValueError, "x: expected shape (n, 4), got (1, 2, 4)"),
        (1.0, ValueError, "x: expected shape (n, 4), got ()"),
        (np.zeros((5, 4), complex), TypeError, "x: expected real numbers, got dtype complex128"),
        ([["a", "b", "c", "d"]], TypeError, "x: expected real numbers, got dtype <U1"),
        (None, TypeError, "x: expected real numbers, got dtype object"),
        (np.zeros((5, 4), "m8[s]"), TypeError, "x: expected real numbers, got dtype timedelta64[s]"),
        (np.zeros((5, 4), [("a", "f4")]), TypeError, "x: expected real numbers, got dtype [('a', '<f4')]"),
    ],
)
def test_x_that_does_not_fit(net, x, error, text):
    for call in (
        net.forward,
        net._logits,
        lambda x: net.evaluate(x, [0], CROSS_ENTROPY, None),
        lambda x: net.loss_and_grad(x, [0], CROSS_ENTROPY, None, False),
        lambda x: net._train_epoch(x, [0], CROSS_ENTROPY, None, SGD, 1, True, 0, 0, False, None),
    ):
        with says(error, text):
            call(x)


@pytest.mark.parametrize("kind", ["?", "i1", "u1", "i8", "u8", "f2", "f4", "f8", ">f4", ">i4", "g"])
def test_any_real_x_is_converted(dtype, kind):
    net = make_net(dtype)
    x = np.arange(12).reshape(3, 4).astype(kind)
    expected = net.forward(x.astype(dtype))
    assert expected.dtype == dtype
    for same in (x, x.tolist(), np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2], x[::-1][::-1]):
        np.testing.assert_array_equal(net.forward(same), expected)
        np.testing.assert_array_equal(net._logits(same), expected)


def test_nan_in_x_gives_nan(net):
    assert np.isnan(net.forward(np.full((1, 4), np.nan))).all()


def test_zero_rows(net):
    assert net.forward(np.zeros((0, 4))).shape == (0, 2) == net._logits(np.zeros((0, 4))).shape
    net.gradients[:] = 1
    assert net.backward(np.zeros((0, 2)), False).shape == (0, 4)
    assert not net.gradients.any()
    with says(ValueError, "y: expected at least one row, got 0"):
        net.loss(np.zeros(0, int), CROSS_ENTROPY, None)
    for reduction in ("mean", "sum"):
        with says(ValueError, "z: expected at least one row, got 0"):
            losses.mse(np.zeros((0, 2)), np.zeros((0, 2)), sample_weight=[], reduction=reduction)
    with says(ValueError, "x: expected at least one row, got 0"):
        net.loss_and_grad(np.zeros((0, 4)), np.zeros(0, int), CROSS_ENTROPY, None, False)
    with says(ValueError, "x: expected at least one row, got 0"):
        net.evaluate(np.zeros((0, 4)), np.zeros(0, int), CROSS_ENTROPY, None)
    with says(ValueError, "x: expected at least one row, got 0"):
        train(net, np.zeros((0, 4)), np.zeros(0, int))


def test_forward_into_out(net):
    x = np.ones((3, 4), np.float32)
    out = np.empty((3, 2), np.float32)
    assert net.forward(x, out) is out
    np.testing.assert_array_equal(out, net.forward(x))
    same = np.ones((3, 4), np.float32)
    with says(ValueError, "out: expected memory of its own, got an array that overlaps x"):
        net.forward(same, same.reshape(-1)[:6].reshape(3, 2))
    with says(ValueError, "out: expected memory of its own, got an array that overlaps the parameters"):
        net.forward(x, net.parameters[:6].reshape(3, 2))
    with says(TypeError, "forward: expected 3 arguments, got 4"):
        net.forward(x, out, None, 1)


# ---- y, weights, losses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "error", "text"),
    [
        ([0, 1, 2, 0, 0], ValueError, "y: label 2 at row 2 is outside 0..1"),
        ([0, -1, 0, 0, 0], ValueError, "y: label -1 at row 1 is outside 0..1"),
        (np.full(5, 2**64 - 1, np.uint64), ValueError, "y: label 18446744073709551615 at row 0 is outside 0..1"),
        (np.zeros(5), TypeError, "y: expected integer labels, got dtype float64"),
        ([0, 1], ValueError, "y: expected 5 rows, one for each of the logits or predictions, got 2"),
        (
            np.eye(5, 2, dtype=int),
            ValueError,
            "y: expected shape (n,), got (5, 2); labels are (n,) integers, probabilities must be floating-point",
        ),
        (np.zeros((5, 3)), ValueError, "y: expected shape (n, 2), got (5, 3)"),
        (np.full((5, 2), np.nan), ValueError, "y: expected finite numbers >= 0, got nan at row 0, column 0"),
        (np.full((5, 2), -0.5), ValueError, "y: expected finite numbers >= 0, got -0.5 at row 0, column 0"),
        (["a"] * 5, TypeError, "y: expected integer labels or probabilities, got dtype <U1"),
        (None, TypeError, "y: expected integer labels or probabilities, got dtype object"),
    ],
)
def test_labels_that_do_not_fit(net, y, error, text):
    x = np.ones((5, 4), np.float32)
    z = net.forward(x)
    before = net.parameters.copy()
    for call in (
        lambda: _mlpc.loss(z, y, CROSS_ENTROPY, None, None),
        lambda: net.loss(y, CROSS_ENTROPY, None),
        lambda: net.loss_and_grad(x, y, CROSS_ENTROPY, None, False),
        lambda: net.evaluate(x, y, CROSS_ENTROPY, None),
        lambda: train(net, x, y),
        lambda: net.evaluate(x, _mlpc.Objective(y, CROSS_ENTROPY, None, "float32", 2), None, None),
    ):
        with says(error, text):
            call()
    assert not net.gradients.any()
    np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.parametrize("kind", ["?", "i1", "u1", ">i2", "u8", "i8"])
def test_labels_of_any_integer_type(kind):
    z = np.array([[1.0, 2.0], [3.0, 0.0]])
    assert losses.cross_entropy(z, np.array([1, 0], kind))[0] == losses.cross_entropy(z, [1, 0])[0]


@pytest.mark.parametrize("name", ["bce_with_logits", "mse", "mae", "huber", "poisson"])
def test_targets_of_one_column_may_be_flat(name, dtype):
    z = np.array([[0.5], [-1.0]], dtype)
    function = getattr(losses, name)
    flat, column = function(z, [1, 0]), function(z, np.array([[1.0], [0.0]]))
    assert flat[0] == column[0]
    np.testing.assert_array_equal(flat[1], column[1])
    assert flat[1].dtype == dtype
    with says(ValueError, "y: expected shape (n, 2), got (2,)"):
        function(np.zeros((2, 2), dtype), [1, 0])
    expected = {"bce_with_logits": "numbers in [0, 1]", "poisson": "finite numbers >= 0"}.get(name, "finite numbers")
    with says(ValueError, f"y: expected {expected}, got inf at row 1, column 0"):
        function(z, [1, np.inf])


@pytest.mark.parametrize(
    ("loss", "error", "text"),
    [
        (("crossentropy", "mean", None, None), ValueError, "loss: expected one of ['bce_with_logits', "),
        (("mse", "none", None, None), ValueError, "reduction: expected one of ['sum', 'mean'], got 'none'"),
        (("cross_entropy", "mean", 1.5, None), ValueError, "label_smoothing: expected a number in [0, 1], got 1.5"),
        (("cross_entropy", "mean", np.nan, None), ValueError, "label_smoothing: expected a number in [0, 1], got nan"),
        (("cross_entropy", "mean", "a", None), TypeError, "label_smoothing: expected a real number, got str"),
        (("cross_entropy", "mean", None, [1.0]), ValueError, "class_weight: expected shape (2,), got (1,)"),
        (("cross_entropy", "mean", None, [1, -1]), ValueError, "class_weight: expected finite numbers >= 0, got -1.0"),
        (
            ("mse", "mean", None, [1.0, 1.0]),
            ValueError,
            "loss: expected no weight with mse, got [1.0, 1.0]",
        ),
        (("mse", "mean", 0.5, None), ValueError, "loss: expected no setting with mse, got 0.5"),
        (("huber", "mean", 0.0, None), ValueError, "delta: expected a number > 0, got 0.0"),
        (("huber", "mean", np.inf, None), ValueError, "delta: expected a number > 0, got inf"),
        (("quantile", "mean", 1.0, None), ValueError, "q: expected a number in (0, 1), got 1.0"),
        (("bce_with_logits", "mean", None, [1, 2, 3]), ValueError, "pos_weight: expected shape (2,), got (3,)"),
        (("bce_with_logits", "mean", None, -1), ValueError, "pos_weight: expected finite numbers >= 0, got -1.0"),
        (
            ("mse", "mean"),
            TypeError,
            "loss: expected (name, reduction, setting, weight), got ('mse', 'mean')",
        ),
        ("mse", TypeError, "loss: expected (name, reduction, setting, weight), got 'mse'"),
    ],
)
def test_a_loss_that_there_is_not(net, loss, error, text):
    net.forward(np.ones((2, 4)))
    with says(error, text):
        net.loss([0, 1], loss, None)
    with says(error, text):
        _mlpc.loss(np.ones((2, 2)), [0, 1], loss, None, None)


@pytest.mark.parametrize(
    ("weight", "text"),
    [
        ([1.0], "sample_weight: expected shape (2,), got (1,)"),
        ([1.0, -1.0], "sample_weight: expected finite numbers >= 0, got -1.0 at row 1"),
        ([1.0, np.inf], "sample_weight: expected finite numbers >= 0, got inf at row 1"),
        ([0.0, 0.0], "sample_weight: expected a positive sum, got 0.0"),
        ([1e308, 1e308], "sample_weight: expected a finite sum, got inf"),
    ],
)
def test_sample_weights_that_do_not_fit(net, weight, text):
    x = np.ones((2, 4))
    net.forward(x)
    before = net.parameters.copy()
    for call in (
        lambda: net.loss([0, 1], CROSS_ENTROPY, weight),
        lambda: net.loss([0, 1], ("cross_entropy", "sum", None, [1, 1]), weight),
        lambda: net.loss_and_grad(x, [0, 1], CROSS_ENTROPY, weight, False),
        lambda: net.evaluate(x, [0, 1], CROSS_ENTROPY, weight),
        lambda: train(net, x, [0, 1], weight=weight),
        lambda: losses.mse(np.ones((2, 1)), [0, 1], sample_weight=weight),
        lambda: losses.mse(np.ones((2, 1)), [0, 1], sample_weight=weight, reduction="sum"),
    ):
        with says(ValueError, text):
            call()
    assert not net.gradients.any()
    np.testing.assert_array_equal(net.parameters, before)


def test_class_weights_that_leave_nothing(net):
    """A mean would divide by the sum of the labels' weights; a sum divides by nothing."""
    x, loss = np.ones((2, 4)), ("cross_entropy", "mean", None, [0.0, 1.0])
    net.forward(x)
    for call in (
        lambda: net.loss([0, 0], loss, None),
        lambda: net.loss_and_grad(x, [0, 1], loss, [1.0, 0.0], False),
        lambda: net.evaluate(x, [0, 0], loss, [1.0, 2.0]),
        lambda: train(net, x, [0, 0], loss),
        lambda: losses.cross_entropy(np.ones((2, 2)), [0, 0], class_weight=[0, 1]),
    ):
        with says(ValueError, "class_weight: expected a positive sum, got 0.0"):
            call()
    assert losses.cross_entropy(np.ones((2, 2)), [0, 0], class_weight=[0, 1], reduction="sum")[0] == 0
    assert np.isfinite(losses.cross_entropy(np.ones((2, 2)), np.eye(2), class_weight=[0, 0])[0])


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_targets_and_weights_may_lie_in_the_network_s_own_memory(loss):
    """What forward and backward overwrite is copied before; with larger batches the memory is another."""
    net = mlpc.MLP([3, 3, 3], "sigmoid", loss=loss, dtype="float64", seed=1)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
    probabilities = np.array([[0.2, 0.3, 0.5], [0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    net.layers[0].weight = np.linalg.solve(a, np.log(probabilities / (1 - probabilities))).T  # what sigmoid makes of a
    net.layers[0].bias = np.zeros(3)

    def targets():
        net.forward(a)
        net.gradients[:] = np.linspace(0.1, 1, net.n_parameters)
        return {
            "y": net.layers[1].output,
            "sample_weight": net.layers[1].output.reshape(-1)[:3],
        }

    given = targets()
    assert net.layers[1].output.flags.c_contiguous
    aliased = net.loss_and_grad(b, **given), net.gradients.copy()
    given = {name: None if array is None else array.copy() for name, array in targets().items()}
    apart = net.loss_and_grad(b, **given), net.gradients
    assert aliased[0] == apart[0]
    np.testing.assert_array_equal(aliased[1], apart[1])

    net.forward(a)
    output = net.layers[2].output if loss == "mse" else net.layers[1].output
    copy = output.copy()
    assert net.loss_and_grad(b, output) == net.loss_and_grad(b, copy)


@pytest.mark.parametrize("keep_gradients", [False, True])
def test_an_epoch_reads_data_in_the_network_s_own_memory_as_they_were(keep_gradients):
    start = np.random.default_rng(0).normal(size=23)

    def epoch(data):
        net = make_net("float64")
        net.parameters[:] = start
        net.gradients[:] = start[::-1]
        x, y, weight = data(net)
        figures = net._train_epoch(x, y, MSE, weight, SGD, 1, True, 0, 0, keep_gradients, None)
        return figures, net.parameters.tobytes()

    def own(net):
        array = net.gradients if keep_gradients else net.parameters
        return array[:20].reshape(5, 4), array[3:13].reshape(5, 2), array[11:16]

    def own_weights(net):
        x, y, weight = own(net)
        return x, y, np.square(weight, out=weight)

    def apart(net):
        return tuple(array.copy() for array in own_weights(net))

    assert epoch(own_weights) == epoch(apart)


def test_logits_need_a_column():
    with says(ValueError, "z: expected at least one column, got 0"):
        losses.mse(np.zeros((3, 0)), np.zeros((3, 0)))


# ---- backward --------------------------------------------------------------------------------------------------------


def test_backward_needs_what_forward_and_loss_leave(net):
    with says(RuntimeError, "backward: there is no forward before it"):
        net.backward(np.ones((1, 2)), False)
    with says(RuntimeError, "loss: there is no forward before it"):
        net.loss([0], CROSS_ENTROPY, None)
    with pytest.raises(RuntimeError, match="there is no forward"):
        net._memory(0)
    net.forward(np.ones((1, 4)))
    with says(RuntimeError, "backward: expected dz, since no loss of the latest forward was computed"):
        net.backward(None, False)
    net.loss([0], CROSS_ENTROPY, None)
    net.backward(None, False)
    net.forward(np.ones((1, 4)))
    with says(RuntimeError, "backward: expected dz, since no loss of the latest forward was computed"):
        net.backward(None, False)


@pytest.mark.parametrize("shape", [(2, 2), (1, 3), (2,), (1, 2, 1), ()])
def test_dz_has_the_shape_of_the_output(net, shape):
    net.forward(np.ones((1, 4)))
    with says(ValueError, f"dz: expected (1, 2) like the latest forward's output, got {shape}"):
        net.backward(np.ones(shape), False)
    assert not net.gradients.any()


def test_backward_repeats_and_accumulates(net):
    x = np.random.default_rng(0).normal(size=(5, 4))
    net.forward(x)
    dz = np.random.default_rng(1).normal(size=(5, 2))
    dx = net.backward(dz, False)
    once = net.gradients.copy()
    np.testing.assert_array_equal(net.backward(dz, False), dx)
    np.testing.assert_array_equal(net.gradients, once)
    net.backward(dz, True)
    np.testing.assert_array_equal(net.gradients, once + once)


def test_dz_may_be_a_view_of_the_gradients(net):
    net.forward(np.ones((3, 4)))
    net.gradients[:] = np.arange(net.n_parameters)
    dz = net.gradients[:6].reshape(3, 2)
    copy = dz.copy()
    net.backward(dz, False)
    aliased = net.gradients.copy()
    net.backward(copy, False)
    np.testing.assert_array_equal(aliased, net.gradients)


def test_x_may_be_what_the_network_shows():
    """A network that is fed its own output: the view lies in memory that forward writes."""
    net = make_net(sizes=(3, 3, 3))
    x = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    net.forward(x)
    output = net._memory(1)[1]
    copy = output.copy()
    aliased = net.forward(output), net.backward(np.ones((2, 3)), False), net.gradients.copy()
    apart = net.forward(copy), net.backward(np.ones((2, 3)), False), net.gradients
    for a, b in zip(aliased, apart, strict=True):
        np.testing.assert_array_equal(a, b)


def test_logits_and_evaluate_leave_the_latest_forward_alone(net):
    x = np.random.default_rng(0).normal(size=(5, 4))
    net.forward(x)
    net.loss([0, 1, 0, 1, 0], CROSS_ENTROPY, None)
    dx, gradients = net.backward(None, False), net.gradients.copy()
    net._logits(np.ones((1000, 4)))
    net.evaluate(np.ones((1000, 4)), np.zeros(1000, int), CROSS_ENTROPY, None)
    np.testing.assert_array_equal(net.backward(None, False), dx)
    np.testing.assert_array_equal(net.gradients, gradients)


def test_loss_and_grad_is_forward_loss_backward(net):
    x, y = np.random.default_rng(0).normal(size=(5, 4)), [0, 1, 0, 1, 1]
    value = net.loss_and_grad(x, y, CROSS_ENTROPY, None, False)
    gradients = net.gradients.copy()
    net.forward(x)
    assert net.loss(y, CROSS_ENTROPY, None) == value
    net.backward(None, False)
    np.testing.assert_array_equal(net.gradients, gradients)


# ---- Training --------------------------------------------------------------------------------------------------------


def train(net, x, y, loss=CROSS_ENTROPY, weight=None, optimizer=SGD, batch_size=2, seed=0, epoch=0, tick=None):
    return net._train_epoch(x, y, loss, weight, optimizer, batch_size, True, seed, epoch, False, tick)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"batch_size": 0}, ValueError, "batch_size: expected an integer in 1.."),
        ({"batch_size": 1.5}, TypeError, "batch_size: expected an integer, got float"),
        ({"seed": -1}, ValueError, "seed: expected an integer in 0..18446744073709551615, got -1"),
        ({"epoch": 2**32}, ValueError, "epoch: expected an integer in 0..4294967295, got 4294967296"),
        ({"tick": 3}, TypeError, "tick: expected a function or None, got int"),
        ({"optimizer": ("sgd",)}, TypeError, "optimizer: expected (name, settings, penalties, "),
        ({"optimizer": ()}, TypeError, "optimizer: expected (name, settings, penalties, "),
        ({"optimizer": ("linear", *SGD[1:])}, ValueError, "optimizer: expected the name of a row of optimizers(), got"),
        ({"optimizer": (3, *SGD[1:])}, ValueError, "optimizer: expected the name of a row of optimizers(), got"),
        ({"optimizer": ("sgd", (0.9,), *SGD[2:])}, TypeError, "optimizer: expected 2 settings, got (0.9,)"),
        ({"optimizer": sgd(1.0)}, ValueError, "momentum: expected a number in [0, 1), got 1.0"),
        ({"optimizer": (*SGD[:2], (0.0,), *SGD[3:])}, TypeError, "penalties: expected (weight_decay, l1, "),
        ({"optimizer": (*SGD[:2], (-1.0, 0, 0, 0, 0), *SGD[3:])}, ValueError, "weight_decay: expected a number >= 0"),
        ({"optimizer": (*SGD[:3], [1.0], *SGD[4:])}, ValueError, "lr_factors: expected shape (4,), got (1,)"),
        ({"optimizer": (*SGD[:4], [1.0], *SGD[5:])}, ValueError, "decay_factors: expected shape (4,), got (1,)"),
        ({"optimizer": (*SGD[:5], (), *SGD[6:])}, TypeError, "states: expected 3 arrays or None, got ()"),
        ({"optimizer": (*SGD[:6], np.zeros(1), [0.1])}, ValueError, "steps: expected None, since"),
        ({"optimizer": (*SGD[:7], None)}, TypeError, "rates: expected an array"),
        ({"optimizer": (*SGD[:7], [0.1] * 3)}, ValueError, "rates: expected shape (2,), got (3,)"),
        ({"optimizer": sgd(0.9)}, ValueError, "velocity: expected an array"),
        ({"optimizer": sgd(0.0, np.zeros(23))}, ValueError, "velocity: expected None, since"),
        ({"optimizer": sgd(0.9, np.zeros(23))}, TypeError, "velocity: expected float32, got"),
        (
            {"optimizer": sgd(0.9, np.zeros(22, np.float32))},
            ValueError,
            "velocity: expected shape (23,), got (22,)",
        ),
    ],
)
def test_an_epoch_that_cannot_be(net, changes, error, text):
    with says(error, text):
        train(net, np.ones((4, 4)), [0, 1, 0, 1], **changes)


def adam(mean, square, steps, kind="adam", beta1=0.9):
    return (kind, (beta1, 0.999, 1e-8), (0.0,) * 5, None, None, (mean, square, None), steps, [0.1])


@pytest.mark.parametrize("kind", ["adam", "adamw"])
@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"mean": np.zeros(22, np.float32)}, ValueError, "mean: expected shape (23,), got (22,)"),
        ({"square": np.zeros(23)}, TypeError, "square: expected float32, got"),
        ({"square": None}, ValueError, "square: expected an array"),
        ({"steps": np.zeros(2)}, ValueError, "steps: expected shape (1,), got (2,)"),
        ({"steps": np.zeros(1, np.float32)}, TypeError, "steps: expected float64, got"),
        ({"steps": np.array([-1.0])}, ValueError, "steps: expected a whole number of steps, got"),
        ({"steps": np.array([np.nan])}, ValueError, "steps: expected a whole number of steps, got"),
        ({"steps": np.array([2.0**53])}, ValueError, "steps: expected a whole number of steps, got"),
        ({"steps": None}, ValueError, "steps: expected an array of one number"),
        ({"beta1": "0.9"}, TypeError, "beta1: expected a real number, got str"),
        ({"beta1": 1.0}, ValueError, "beta1: expected a number in [0, 1), got 1.0"),
    ],
)
def test_state_of_adam_that_cannot_be(net, kind, changes, error, text):
    mean, square = np.zeros((2, 23), np.float32)
    spec = adam(**{"mean": mean, "square": square, "steps": np.zeros(1), "kind": kind} | changes)
    before = net.parameters.copy()
    for call in (
        lambda: train(net, np.ones((4, 4)), [0, 1, 0, 1], optimizer=spec),
        lambda: net._step(spec, 0.1),
    ):
        with says(error, text):
            call()
    assert np.array_equal(net.parameters, before)


def test_the_state_of_adam_has_memory_of_its_own():
    net = make_net("float64")
    x, y = np.ones((5, 4)), np.ones((5, 2))
    for names, arrays in [
        ("mean square", (net.parameters, np.zeros(23), np.zeros(1))),
        ("square", (np.zeros(23), net.gradients, np.zeros(1))),
        ("steps", (np.zeros(23), np.zeros(23), net.parameters[:1])),
        ("steps", (np.zeros(23), np.zeros(23), x.ravel()[:1])),
    ]:
        optimizer = adam(*arrays)
        with says(ValueError, f"{names.split()[0]}: expected memory of its own, got an array that overlaps"):
            train(net, x, y, MSE, None, optimizer)
    shared = np.zeros(23)
    with says(ValueError, "mean: expected memory of its own, got an array that overlaps square"):
        net._step(adam(shared, shared, np.zeros(1)), 0.1)


def test_the_velocity_has_memory_of_its_own(net):
    for array, name in ((net.parameters, "parameters"), (net.gradients, "gradients")):
        optimizer = sgd(0.9, array)
        for call in (
            lambda optimizer=optimizer: train(net, np.ones((4, 4)), [0, 1, 0, 1], optimizer=optimizer),
            lambda optimizer=optimizer: net._step(optimizer, 0.1),
        ):
            with says(ValueError, f"velocity: expected memory of its own, got an array that overlaps the {name}"):
                call()
    net = make_net("float64")
    velocity = np.ones(net.n_parameters)
    optimizer = sgd(0.9, velocity)
    for name, x, y, loss, weight in [
        ("x", velocity[:20].reshape(5, 4), np.ones((5, 2)), MSE, None),
        ("y", np.ones((5, 4)), velocity[:10].reshape(5, 2), MSE, None),
        ("sample_weight", np.ones((5, 4)), np.ones((5, 2)), MSE, velocity[:5]),
        ("class_weight", np.ones((5, 4)), [0] * 5, ("cross_entropy", "mean", None, velocity[:2]), None),
    ]:
        with says(ValueError, f"velocity: expected memory of its own, got an array that overlaps {name}"):
            train(net, x, y, loss, weight, optimizer)
    assert (velocity == 1).all()


def test_divergence_says_loss_and_learning_rate(net):
    before = net.parameters.copy()
    optimizer = sgd(lr=1e30)
    x = np.random.default_rng(0).normal(size=(40, 4))
    with pytest.raises(mlpc.DivergenceError, match=r"training diverged: loss .* at learning rate 1e\+30") as caught:
        train(net, x, np.arange(40) % 2, optimizer=optimizer)
    assert caught.value.lr == 1e30
    assert isinstance(caught.value.loss, float)
    np.testing.assert_array_equal(net.parameters, before)


def test_training_leaves_gradients_and_inputs_alone(net):
    x, y = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32), np.arange(9) % 2
    copies = x.copy(), y.copy()
    net.gradients[:] = 7
    loss, accuracy, lr = train(net, x, y)
    assert np.isfinite(loss) and 0 <= accuracy <= 1 and lr == 0.1
    assert (net.gradients == 7).all()
    np.testing.assert_array_equal(x, copies[0])
    np.testing.assert_array_equal(y, copies[1])


# ---- ops -------------------------------------------------------------------------------------------------------------

A = np.ones((2, 3))


def batch_norm(*running, x=A, **settings):
    return ops.batch_norm_forward(x, np.ones(3), np.zeros(3), *running, **settings)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ops.exp(np.ones(3, int)), TypeError, "x: expected float32 or float64, got dtype int64"),
        (lambda: ops.exp(np.ones(3, np.float16)), TypeError, "x: expected float32 or float64, got dtype float16"),
        (lambda: ops.relu_forward([1, 2]), TypeError, "z: expected float32 or float64, got dtype int64"),
        (
            lambda: ops.relu_backward(A, A.astype("f4")),
            TypeError,
            "z: expected float64 like the others, got dtype float32",
        ),
        (lambda: ops.relu_backward(A, A.T), ValueError, "z: expected shape (2, 3), got (3, 2)"),
        (lambda: ops.softmax(np.ones(3)), ValueError, "z: expected shape (n, k), got (3,)"),
        (lambda: ops.linear_forward(A, A, np.ones(3)), ValueError, "bias: expected shape (2,), got (3,)"),
        (lambda: ops.layer_norm_forward(A, np.ones(2), np.ones(3)), ValueError, "gain: expected shape (3,), got (2,)"),
        (lambda: ops.layer_norm_forward(A, A[0], A[0], 0), ValueError, "eps: expected a number > 0, got 0"),
        (lambda: ops.layer_norm_backward(A[:1], A, A[0]), ValueError, "dy: expected shape (2, 3), got (1, 3)"),
        (lambda: batch_norm(momentum=1.5), ValueError, "momentum: expected a number in [0, 1], got 1.5"),
        (lambda: batch_norm(x=A[:1]), ValueError, "x: expected at least two rows where training is True, got 1"),
        (lambda: batch_norm(np.ones(3)), TypeError, "running_var: expected an array to write into, got NoneType"),
        (lambda: batch_norm(training=False), TypeError, "running_mean: expected an array where training is False, got"),
        (
            lambda: batch_norm(*[np.ones(3)] * 2),
            ValueError,
            "running_var: expected memory of its own, got an array that overlaps running_mean",
        ),
        (lambda: ops.linear_forward(A, A.T, np.ones(3)), ValueError, "weight: expected shape (n, 3), got (3, 2)"),
        (lambda: ops.linear_forward(A, np.ones(3), np.ones(3)), ValueError, "weight: expected shape (n, 3), got (3,)"),
        (lambda: ops.linear_backward(A, A, A), ValueError, "dz: expected shape (2, 2), got (2, 3)"),
        (lambda: ops.exp(A, A), ValueError, "out: expected memory of its own, got an array that overlaps x"),
        (lambda: ops.exp(A, np.ones((3, 2))), ValueError, "out: expected shape (2, 3), got (3, 2)"),
        (lambda: ops.exp(A, np.ones((2, 3), "f4")), TypeError, "out: expected float64, got dtype float32"),
        (lambda: ops.exp(A, [0.0]), TypeError, "out: expected an array to write into, got list"),
        (lambda: ops.exp(A, np.ones((3, 2)).T), ValueError, "out: expected a writable, C-contiguous, aligned array"),
        (
            lambda: ops.exp(A, np.ones((2, 3), ">f8")),
            ValueError,
            "out: expected a writable, C-contiguous, aligned array",
        ),
        (lambda: _mlpc.map("sin", A, None), ValueError, "name: expected one of ['exp', "),
        (lambda: _mlpc.map("exp", A), TypeError, "map: expected 3 arguments, got 2"),
        (lambda: _mlpc.add(A, A), ValueError, "y: expected memory of its own, got an array that overlaps x"),
        (lambda: _mlpc.philox(0, 4, 0, 0), ValueError, "stream: expected an integer in 0..3, got 4"),
        (lambda: _mlpc.shuffle(-1, 0, 0), ValueError, "n: expected an integer in 0.."),
        (lambda: _mlpc.as_real("p", [1j], "float32"), TypeError, "p: expected real numbers, got dtype complex128"),
        (lambda: _mlpc.as_real("p", A, "float16"), ValueError, "dtype: expected one of ['float32', 'float64'], got"),
        (
            lambda: _mlpc.as_real("p", A, np.dtype("float16")),
            ValueError,
            "dtype: expected float32 or float64, got dtype('float16')",
        ),
        (lambda: _mlpc.as_real("p", A, np.float32), TypeError, "dtype: expected a name (str), got type"),
        (lambda: _mlpc.as_real(1, A, "float32"), TypeError, ""),
        (lambda: make_net()._step(SGD, "0"), TypeError, "lr: expected a real number, got str"),
        (lambda: make_net()._step(SGD, 10**400), ValueError, "lr: expected a number in the range of a float"),
        (lambda: make_net()._step(SGD[:5], 0.1), TypeError, "optimizer: expected (name, settings, "),
        (lambda: make_net()._step(SGD), TypeError, "_step: expected 2 arguments, got 1"),
        (lambda: mlpc.cpu.use("sse2"), ValueError, "instruction set: expected one of ['reference', 'portable'"),
    ],
)
def test_ops_that_do_not_fit(call, error, text):
    with says(error, text):
        call()
    assert (A == 1).all()


@pytest.mark.parametrize("name", ["z", "y", "sample_weight", "class_weight"])
def test_the_derivative_of_a_loss_overlaps_nothing_that_it_is_computed_from(name):
    memory = np.full(6, 0.5)
    out = memory.reshape(3, 2)
    given = {"z": np.ones((3, 2)), "y": np.full((3, 2), 0.5), "sample_weight": np.ones(3), "class_weight": np.ones(2)}
    given[name] = out if name in ("z", "y") else memory[: len(given[name])]
    loss = ("cross_entropy", "mean", None, given["class_weight"])
    with says(ValueError, f"out: expected memory of its own, got an array that overlaps {name}"):
        _mlpc.loss(given["z"], given["y"], loss, given["sample_weight"], out)
    assert (memory == 0.5).all()


def test_real_arrays_are_converted_where_they_must_be(dtype):
    name, x = np.dtype(dtype).name, np.arange(6, dtype=dtype).reshape(2, 3)
    for named in (name, x.dtype, x.dtype.newbyteorder(">")):
        assert np.shares_memory(_mlpc.as_real("x", x, named), x)
    for same in (x.tolist(), x.astype(int), x[::-1][::-1], np.asfortranarray(x), x.astype(x.dtype.newbyteorder(">"))):
        array = _mlpc.as_real("x", same, name)
        assert array.dtype == dtype and array.flags.c_contiguous
        np.testing.assert_array_equal(array, x)


def test_out_must_be_writable():
    out = np.ones((2, 3))
    out.flags.writeable = False
    with pytest.raises(ValueError, match="got one that is read-only"):
        ops.exp(A, out)


def test_transposed_weights_are_used_in_place_and_others_copied(dtype):
    rng = np.random.default_rng(0)
    x, w, b = (rng.normal(size=shape).astype(dtype) for shape in [(5, 4), (3, 4), (3,)])
    expected = ops.linear_forward(x, w, b)
    for same in (np.asfortranarray(w), w.astype(np.dtype(dtype).newbyteorder(">")), w[:, ::-1][:, ::-1]):
        np.testing.assert_array_equal(ops.linear_forward(x, same, b), expected)
    dx, dw, db = ops.linear_backward(expected, x, w)
    assert (dx.shape, dw.shape, db.shape) == ((5, 4), (3, 4), (3,))
    assert dw.T.flags.c_contiguous


@pytest.mark.parametrize("shape", [(), (0,), (7,), (2, 0, 3), (2, 3, 4)])
def test_elementwise_functions_take_any_shape(shape, dtype):
    x = np.full(shape, 0.5, dtype)
    assert ops.exp(x).shape == ops.gelu_forward(x).shape == ops.gelu_backward(x, x).shape == shape


@pytest.mark.parametrize(("n", "n_in", "n_out"), [(0, 3, 2), (3, 0, 2), (3, 2, 0), (0, 0, 0)])
def test_empty_extents(n, n_in, n_out, dtype, isa):
    x, w, b = np.ones((n, n_in), dtype), np.ones((n_out, n_in), dtype), np.ones(n_out, dtype)
    z = ops.linear_forward(x, w, b)
    np.testing.assert_array_equal(z, x @ w.T + b)
    for result, expected in zip(ops.linear_backward(z, x, w), (z @ w, z.T @ x, z.sum(0)), strict=True):
        np.testing.assert_array_equal(result, expected)
    assert ops.softmax(z).shape == z.shape
