"""mlpc.course in NumPy arrays: the course's conventions, on numbers worked by hand and on float64 NumPy."""

# ruff: noqa: NPY002  # the stream of np.random.seed is what the course's notebooks use
import copy
import pickle

import numpy as np
import pytest

import mlpc
from mlpc.course import MLP, CELoss, LinearLayer, ReLUActivation, SigmoidActivation, train_eval


def test_weights_start_with_the_outputs_deviation_and_biases_at_zero():
    np.random.seed(3)
    layer = LinearLayer(200, 400)
    assert layer.w.shape == (400, 200) and layer.b.shape == (400,)
    assert abs(layer.w.std() - 400**-0.5) < 0.001
    assert not layer.b.any()


def test_the_seed_of_numpy_repeats_the_weights():
    np.random.seed(7)
    first, other = LinearLayer(3, 2).w, LinearLayer(3, 2).w
    np.random.seed(7)
    np.testing.assert_array_equal(LinearLayer(3, 2).w, first)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("rows", [1, 7])
def test_means_over_the_batch_stand_in_dw_and_db_alone(rows):
    rng = np.random.default_rng(0)
    x, dz = rng.normal(size=(rows, 3)), rng.normal(size=(rows, 2))
    layer = LinearLayer(3, 2)
    layer.w, layer.b = rng.normal(size=(2, 3)), rng.normal(size=2)
    np.testing.assert_allclose(layer.forward(x), x @ layer.w.T + layer.b, rtol=1e-14)
    dx = layer.backward(dz)
    np.testing.assert_allclose(dx, dz @ layer.w, rtol=1e-14)
    np.testing.assert_allclose(layer.dw, dz.T @ x / rows, rtol=1e-13)
    np.testing.assert_allclose(layer.db, dz.mean(axis=0), rtol=1e-13)
    assert layer.db.shape == (2,) and layer.dx is dx


def test_one_row_counts_for_every_row_of_dz():
    layer = LinearLayer(2, 1)
    layer.forward(np.array([[1.0, 2.0]]))
    assert layer.backward(np.array([[1.0], [3.0]])).shape == (2, 2)
    np.testing.assert_array_equal(layer.dw, [[2.0, 4.0]])


def test_other_numbers_of_rows_are_refused():
    layer = LinearLayer(2, 1)
    with pytest.raises(RuntimeError, match="forward first"):
        layer.backward(np.ones((1, 1)))
    layer.forward(np.ones((2, 2)))
    with pytest.raises(ValueError, match="dz: expected 2 rows as in the forward pass, got 3"):
        layer.backward(np.ones((3, 1)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_result_has_the_dtype_of_its_input(dtype):
    net, ce, x = MLP(3, [4, 2]), CELoss(), np.ones((2, 3), dtype)
    z = net.forward(x)
    dz = ce.derivative(z, np.array([0, 1]))
    assert [a.dtype for a in (z, dz, net.backward(dz), ce.value(z, np.array([0, 1])))] == [np.dtype(dtype)] * 4


def test_the_callers_list_stays_as_it_is():
    nunits = [5, 4]
    net = MLP(3, nunits)
    assert nunits == [5, 4] and net.nunits == [3, 5, 4]
    assert (net.nx, net.nlayers, net.nclasses) == (3, 2, 4)


def test_an_activation_that_is_none_is_refused():
    with pytest.raises(ValueError, match="activation_class: expected a class for Sigmoid or ReLU"):
        MLP([2, 2], int)


def test_the_loss_is_a_sum():
    z, y = np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([1, 0])
    expected = np.log1p(np.exp(-1)) + np.log(2)
    assert abs(CELoss().value(z, y) - expected) < 1e-14
    p = 1 / (1 + np.exp(1))
    np.testing.assert_allclose(CELoss().derivative(z, y), [[p, -p], [-0.5, 0.5]], rtol=1e-14)


def test_training_by_hand_learns_digits():
    np.random.seed(0)
    (x, y), (x_test, y_test) = mlpc.datasets.load_digits()
    net, ce = MLP(64, [32, 10]), CELoss()
    for epoch in range(30):
        for rows in mlpc.training.batches(len(x), 64, epoch=epoch):
            net.backward(ce.derivative(net.forward(x[rows]), y[rows]))
            net.update(1.0)
    assert (net.forward(x_test).argmax(axis=1) == y_test).mean() > 0.95


@pytest.mark.parametrize(
    ("arguments", "named", "sizes", "activation"),
    [
        ((3, [4, 2]), {}, [3, 4, 2], SigmoidActivation),
        ((), {"nx": 3, "nunits": (4, 2)}, [3, 4, 2], SigmoidActivation),
        ((np.int64(3), np.array([4, 2])), {}, [3, 4, 2], SigmoidActivation),
        (([3, 4, 2],), {}, [3, 4, 2], ReLUActivation),
        (((3, 4, 2), SigmoidActivation), {}, [3, 4, 2], SigmoidActivation),
        (([3, 4, 2],), {"activation_class": SigmoidActivation}, [3, 4, 2], SigmoidActivation),
        ((), {"units": [3, 4, 2]}, [3, 4, 2], ReLUActivation),
        ((), {"units": [3, 4, 2], "activation_class": SigmoidActivation}, [3, 4, 2], SigmoidActivation),
    ],
)
def test_both_forms_of_a_network(arguments, named, sizes, activation):
    net = MLP(*arguments, **named)
    assert net.nunits == sizes and [type(size) for size in net.nunits] == [int] * 3
    assert [type(layer) for layer in net.layers] == [LinearLayer, activation, LinearLayer]
    assert [(layer.nx, layer.nh) for layer in net.layers[::2]] == [(3, 4), (4, 2)]


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: MLP(4, 3), TypeError, r"nunits: expected a list of integers like \[100, 10\], got 3"),
        (lambda: MLP(4), TypeError, "nunits: expected a list of integers .* got None"),
        (lambda: MLP(4, ReLUActivation), TypeError, "nunits: expected a list of integers .* got <class"),
        (lambda: MLP(4, "32"), TypeError, "nunits: expected a list of integers .* got '32'"),
        (lambda: MLP(4, [3.5, 2]), TypeError, r"nunits\[0\]: expected an integer, got 3.5"),
        (lambda: MLP(4, [3, 0]), ValueError, r"nunits\[1\]: expected an integer >= 1, got 0"),
        (lambda: MLP(0, [3]), ValueError, "nx: expected an integer >= 1, got 0"),
        (lambda: MLP(4, []), ValueError, r"nunits: expected 1 sizes at least, got \[\]"),
        (lambda: MLP([4]), ValueError, r"units: expected 2 sizes at least, got \[4\]"),
        (lambda: MLP(), TypeError, r"units: expected a list of integers like \[784, 100, 10\], got None"),
        (lambda: MLP(4.0, [3]), TypeError, "units: expected a list of integers .* got 4.0"),
        (lambda: MLP([4, 3], [2]), ValueError, r"activation_class: expected a class for Sigmoid or ReLU, got \[2\]"),
        (lambda: MLP(4, [3], activation_class=ReLUActivation), TypeError, "activation_class: expected None beside nx"),
        (lambda: MLP(4, [3], units=[4, 3]), TypeError, "units: expected None beside nx"),
        (lambda: MLP([4, 3], units=[4, 3]), TypeError, "units: expected once"),
        (lambda: MLP([4, 3], ReLUActivation, activation_class=ReLUActivation), TypeError, "activation_class: .* once"),
    ],
)
def test_what_makes_no_network_is_told(call, error, said):
    with pytest.raises(error, match=said):
        call()


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        ([[1, 2]], "float64"),
        ([[1.0, 2.0]], "float64"),
        ([[True, False]], "float64"),
        (np.array([[1, 2]]), "float64"),
        (np.array([[1, 2]], np.uint8), "float64"),
        (np.array([[1, 2]], np.float16), "float32"),
        (np.array([[1, 2]], np.longdouble), "float64"),
        (np.array([[1, 2]], ">f4"), "float32"),
        (np.array([[1, 2]], ">f8"), "float64"),
        (np.broadcast_to(np.float32(1), (1, 2)), "float32"),  # read-only
        (np.lib.stride_tricks.as_strided(np.ones(1), (1, 2), (8, 0)), "float64"),  # one number, twice
    ],
)
def test_weights_of_any_kind_are_converted_and_then_updated(given, dtype):
    before = np.array(given, dtype)
    layer = LinearLayer(2, 1)
    layer.w, layer.b = given, [3]
    np.testing.assert_array_equal(layer.w, before)
    assert layer.w.dtype == dtype and layer.b.dtype == "float64"
    layer.forward(np.array([[1.0, 3.0]]))
    layer.backward(np.array([[1.0]]))
    layer.update(0.5)
    np.testing.assert_array_equal(layer.w, before - [[0.5, 1.5]])
    np.testing.assert_array_equal(layer.b, [2.5])
    np.testing.assert_array_equal(np.array(given, dtype), before)  # the caller's own stays as it was


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_floats_that_are_assigned_stay_what_and_where_they_are(dtype, order):
    w, b = np.ones((2, 3), dtype, order), np.zeros(4, dtype)[::2]
    layer = LinearLayer(3, 2)
    layer.w, layer.b = w, b
    assert layer.w is w and layer.b is b
    layer.forward(np.ones((1, 3)))
    layer.backward(np.ones((1, 2)))
    layer.update(0.25)
    np.testing.assert_array_equal(w, np.full((2, 3), 0.75, dtype))
    np.testing.assert_array_equal(b, np.full(2, -0.25, dtype))


@pytest.mark.parametrize("name", ["w", "dw"])
@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        ([["a", "b"]], TypeError, "{}: expected real numbers, got dtype <U1"),
        ([[1j, 2]], TypeError, "{}: expected real numbers, got dtype complex128"),
        ([[1, 2], [3]], ValueError, "{}: expected rows of equal length"),
        ([1.0, 2.0], ValueError, r"{}: expected the shape \(nh, nx\) = \(1, 2\), got \(2,\)"),
        ([[1.0], [2.0]], ValueError, r"{}: expected the shape \(nh, nx\) = \(1, 2\), got \(2, 1\)"),
    ],
)
def test_what_are_no_weights_is_told(name, value, error, said):
    layer = LinearLayer(2, 1)
    before = getattr(layer, name)
    with pytest.raises(error, match=said.format(name)):
        setattr(layer, name, value)
    assert getattr(layer, name) is before


def test_biases_have_a_shape_and_parameters_cannot_be_none():
    layer = LinearLayer(2, 3)
    for name in ("b", "db"):
        with pytest.raises(ValueError, match=rf"{name}: expected the shape \(nh,\) = \(3,\), got \(1, 3\)"):
            setattr(layer, name, np.zeros((1, 3)))
    with pytest.raises(TypeError, match="w: expected real numbers"):
        layer.w = None


def test_gradients_that_are_assigned_are_used():
    layer = LinearLayer(2, 1)
    layer.w, layer.b = np.zeros((1, 2)), np.zeros(1)
    with pytest.raises(RuntimeError, match="update: expected a backward first"):
        layer.update(1.0)
    layer.dw, layer.db = [[1, 2]], np.array([3])
    layer.dw /= 2
    layer.update(1.0)
    np.testing.assert_array_equal(layer.w, [[-0.5, -1.0]])
    np.testing.assert_array_equal(layer.b, [-3.0])


def test_weights_keep_their_bits_wherever_they_lie():
    """A layer computes in another way with arrays of its own, on sparse float32 input, than with assigned ones."""
    rng = np.random.default_rng(0)
    for rows in (1, 2, 70):
        x, dz = rng.normal(size=(rows, 300)).astype("f"), rng.normal(size=(rows, 20)).astype("f")
        x[rng.random(x.shape) < 0.8] = 0
        layer, other = LinearLayer(300, 20), LinearLayer(300, 20)
        layer.w[0, 0] = np.inf if rows == 2 else 1.0  # 0 times infinity must not be skipped
        other.w, other.b = np.array(layer.w, order="C"), np.array(layer.b)
        for part in (layer, other):
            part.z = part.forward(x)
            part.backward(dz)
            part.update(0.5)
        for name in ("z", "dx", "dw", "db", "w", "b"):
            np.testing.assert_array_equal(getattr(layer, name), getattr(other, name), name)


def test_backward_takes_the_x_and_the_weights_that_the_layer_has_then():
    layer, x = LinearLayer(2, 2), np.array([[1.0, 2.0]], "f")
    dz = np.ones((1, 2), "f")
    layer.forward(x)
    layer.x = 2 * x
    layer.backward(dz)
    np.testing.assert_array_equal(layer.dw, [[2, 4], [2, 4]])
    layer.forward(x)
    layer.w[...] = [[1, 2], [3, 4]]
    np.testing.assert_array_equal(layer.backward(dz), [[4, 6]])
    layer.w = np.eye(2, dtype="f")
    np.testing.assert_array_equal(layer.backward(dz), [[1, 1]])
    np.testing.assert_array_equal(layer.forward(x), x)


def test_gradients_of_earlier_steps_stay():
    layer, x = LinearLayer(2, 1), np.ones((1, 2), "f")
    layer.forward(x)
    layer.backward(np.ones((1, 1), "f"))
    first = layer.dw
    layer.backward(np.full((1, 1), 7, "f"))
    np.testing.assert_array_equal(first, [[1, 1]])


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_of_a_layer_is_a_layer_of_its_own(copied):
    layer, x = LinearLayer(2, 2), np.array([[1.0, 2.0]], "f")
    other = copied(layer)
    np.testing.assert_array_equal(other.forward(x), layer.forward(x))
    other.w[...] = [[3, 0], [0, 1]]
    np.testing.assert_array_equal(other.forward(x), [[3, 2]])
    other.w = 5 * np.eye(2, dtype="f")
    np.testing.assert_array_equal(other.forward(x), [[5, 10]])
    assert not np.array_equal(layer.w, other.w)
    np.testing.assert_array_equal(layer.forward(x), x @ layer.w.T)


@pytest.mark.parametrize("activation", [SigmoidActivation, ReLUActivation])
def test_train_eval_returns_what_the_trained_layers_give(activation):
    np.random.seed(0)
    (x, y), validation = mlpc.datasets.load_digits()
    model = MLP([64, 20, 10], activation)
    before = model.layers[0].w
    cost_train, cost_valid, acc_train, acc_valid = train_eval(model, 0.5, 4, 64, (x, y), validation)
    assert model.layers[0].w is before
    assert len(cost_train) == len(acc_train) == 4 and cost_train[-1] < cost_train[0]
    z = model.forward(validation[0])
    assert (z.argmax(axis=1) == validation[1]).mean() == acc_valid[-1]
    assert abs(CELoss().value(z, validation[1]) / len(z) - cost_valid[-1]) < 1e-5
