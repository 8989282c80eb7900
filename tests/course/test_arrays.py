"""mlpc.course in NumPy arrays: the course's conventions, on numbers worked by hand and on float64 NumPy."""

# ruff: noqa: NPY002  # the stream of np.random.seed is what the course's notebooks use
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
