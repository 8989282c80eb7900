"""lr_range_test: what it finds, and that it leaves the network alone."""

import numpy as np
import pytest

import mlpc


@pytest.fixture(scope="module")
def digits():
    return mlpc.datasets.load_digits()[0]


def test_the_network_stays_as_it_is(digits):
    net = mlpc.MLP([64, 16, 10], seed=2)
    before = net.parameters.copy(), net.shuffle_state
    mlpc.lr_range_test(net, *digits, steps=20)
    np.testing.assert_array_equal(net.parameters, before[0])
    assert net.shuffle_state == before[1] and net.history is None


def test_rates_grow_by_a_constant_factor(digits):
    result = mlpc.lr_range_test(mlpc.MLP([64, 10]), *digits, lr_min=1e-3, lr_max=1e-1, steps=21)
    np.testing.assert_allclose(result.lr, np.geomspace(1e-3, 1e-1, 21), rtol=1e-14)
    assert len(result.loss) == len(result.smoothed) == 21


def test_it_equals_a_loop_by_hand(digits):
    x, y = digits
    result = mlpc.lr_range_test(mlpc.MLP([64, 10]), x, y, steps=12, momentum=0.5, seed=3)
    net = mlpc.MLP([64, 10])
    optimizer = mlpc.optim.SGD(net, 0.1, momentum=0.5)
    for lr, loss, rows in zip(result.lr, result.loss, mlpc.training.batches(len(x), 64, seed=3), strict=False):
        assert net.loss_and_grad(x[rows], y[rows]) == loss
        optimizer.lr = float(lr)
        optimizer.step()


def test_it_ends_where_a_quadratic_diverges():
    # The loss (w - 1)^2 has the curvature 2: descent diverges from lr = 1 on.
    net = mlpc.MLP([1, 1], loss="mse", init=[[[0.0]], [1.0]], dtype="float64")
    result = mlpc.lr_range_test(net, np.ones((1, 1)), np.full((1, 1), 4.0), lr_min=1e-3, lr_max=100, batch_size=1)
    assert len(result.lr) < 100
    assert 0.01 < result.suggestion < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr_min": 0.0}, "0 < lr_min < lr_max"),
        ({"steps": 2}, "steps: expected an integer >= 10, got 2"),
        ({"optimizer": "x"}, "optimizer: expected one of sgd, adam, adamw, rmsprop, adagrad, rprop, got 'x'"),
        (
            {"optimizer": ["sgd"]},
            r"optimizer: expected one of sgd, adam, adamw, rmsprop, adagrad, rprop, got \['sgd'\]",
        ),
        ({"batch_size": -1}, "batch_size: expected"),
    ],
)
def test_bad_arguments_are_named(digits, options, message):
    with pytest.raises(ValueError, match=message):
        mlpc.lr_range_test(mlpc.MLP([64, 10]), *digits, **options)


def test_no_rows_have_no_range():
    with pytest.raises(ValueError, match=r"x: expected shape \(n, 2\) with at least one row, got \(0, 2\)"):
        mlpc.lr_range_test(mlpc.MLP([2, 2]), np.zeros((0, 2)), np.zeros(0, int))
