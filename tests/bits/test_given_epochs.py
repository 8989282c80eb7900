"""An epoch whose order and penalties are given, and what is noted of its steps: the bits of the same calls one by one,
on every path."""

import itertools
import math

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc

N, BATCH, FACTORS = 61, 16, np.array([0.5, 0.25, 0.0, 2.0])
OPTIMIZERS = {
    "sgd": lambda net: mlpc.optim.SGD(net, 0.05, momentum=0.9, weight_decay=0.1, l1=0.01),
    "adam": lambda net: mlpc.optim.Adam(net, 0.01, weight_decay=0.1, groups={"*.bias": {"weight_decay": 0}}),
    "adamw": lambda net: mlpc.optim.AdamW(net, 0.01, weight_decay=0.1, l1=0.01),
}


@pytest.fixture(autouse=True)
def threads():
    before = mlpc.get_num_threads()
    yield
    mlpc.set_num_threads(before)


def data(dtype):
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((N, 9)), rng.standard_normal((N, 3))
    x[rng.random(x.shape) < 0.6] = 0
    weights = rng.random(N)
    order = rng.permutation(N)
    weights[order[BATCH : 2 * BATCH]] = 0  # the second batch takes no step
    return x.astype(dtype), y.astype(dtype), weights, order


WIDE = (300, 300)  # hidden layers, with which three threads pay for these batches


def network(dtype, optimizer, hidden=(21,)):
    net = mlpc.MLP([9, *hidden, 3], "tanh", loss="mse", dtype=np.dtype(dtype).name, seed=1)
    return net, OPTIMIZERS[optimizer](net)


def spec_of(net, optimizer, factor=1.0):
    name, settings, penalties, *rest = optimizer.epoch_spec(len(FACTORS))
    decay, l1, *limits = penalties
    decay = decay if name == "adamw" else decay * factor
    return (name, settings, (decay, l1 * factor, *limits), *rest)


def loss_and_grad(net, x, y, reduction, weights):
    return _mlpc.Net.loss_and_grad(net, x, y, ("mse", reduction, None, None), weights, False)


def one_by_one(dtype, optimizer, reduction):
    """Parameters, state and what is to be noted, by forward, backward and step."""
    x, y, weights, order = data(dtype)
    net, stepper = network(dtype, optimizer)
    noted = np.zeros((3, len(FACTORS)))
    for k, factor in enumerate(FACTORS):
        rows = order[k * BATCH : (k + 1) * BATCH]
        if not weights[rows].any():
            continue
        parts = [layer.weight.astype(np.float64).ravel() for layer in net.layers if hasattr(layer, "weight")]
        noted[1:, k] = [sum(math.fsum(of(part)) for part in parts) for of in (np.square, np.abs)]
        noted[0, k] = loss_and_grad(net, x[rows], y[rows], reduction, weights[rows])
        _mlpc.Net._step(net, spec_of(net, stepper, factor), stepper.lr)
    return net.digest(), state_of(stepper), noted


def state_of(optimizer):
    return [array.tobytes() for array in optimizer.state.values()]


def given(dtype, optimizer, reduction, *, zeros="choose", keeps=False, threads=1, hidden=(21,)):
    mlpc.set_num_threads(threads)
    x, y, weights, order = data(dtype)
    net, stepper = network(dtype, optimizer, hidden)
    rows = _mlpc.Samples(x, None, net.dtype.name, zeros)
    *_, noted = net._train_epoch(
        rows, y, ("mse", reduction, None, None), weights, spec_of(net, stepper), BATCH, False, 0, 0, keeps, None,
        (0, 0), 0.0, (order, FACTORS),
    )  # fmt: skip
    return net.digest(), state_of(stepper), noted


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("reduction", ["mean", 1.5])
def test_the_bits_of_single_steps(optimizer, reduction, dtype, isa):
    digest, state, noted = one_by_one(dtype, optimizer, reduction)
    for zeros, keeps in itertools.product(("multiply", "skip"), (True, False)):
        same, states, notes = given(dtype, optimizer, reduction, zeros=zeros, keeps=keeps)
        assert (same, states) == (digest, state)
        np.testing.assert_array_equal(notes[0], noted[0])
        np.testing.assert_allclose(notes[1:], noted[1:], rtol=1e-13)


@pytest.mark.parametrize("hidden", [(21,), WIDE], ids=["narrow", "wide"])
def test_notes_are_the_same_bits_on_every_path(dtype, hidden):
    paths = [
        given(dtype, "adam", "mean", zeros=zeros, keeps=keeps, threads=threads, hidden=hidden)
        for zeros, keeps, threads in itertools.product(("multiply", "skip"), (True, False), (1, 2, 3))
    ]
    assert len({(digest, *state, notes.tobytes()) for digest, state, notes in paths}) == 1


def test_a_reduction_that_is_a_number_multiplies_the_mean(dtype):
    x, y, weights, _ = data(dtype)
    net, _ = network(dtype, "sgd")
    mean = loss_and_grad(net, x, y, "mean", weights)
    gradients = net.gradients.copy()
    assert loss_and_grad(net, x, y, 4.0, weights) == pytest.approx(4 * mean, rel=1e-14)
    np.testing.assert_array_equal(net.gradients, 4 * gradients)


def test_each_sum_of_columns_beside_numbers_added_exactly(dtype):
    """Of one layer: a row's worth of every width is tried in test_kernels.py."""
    net = mlpc.MLP([5, 40], loss="mse", dtype=np.dtype(dtype).name, seed=2)
    weight = net.layers[0].weight.astype(np.float64)
    sgd = mlpc.optim.SGD(net, 0.1).epoch_spec(1)
    x, y = np.ones((2, 5)), np.ones((2, 40))
    *_, noted = net._train_epoch(
        x, y, ("mse", "sum", None, None), None, sgd, 2, False, 0, 0, False, None, (0, 0), 0.0, (None, [1.0])
    )
    np.testing.assert_allclose(noted[1:, 0], [math.fsum((weight**2).flat), math.fsum(abs(weight).flat)], rtol=1e-14)


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ([0, 1], TypeError, r"given: expected \(order, penalty_factors\) or None"),
        ((None, None), TypeError, "penalty_factors: expected"),
        ((None, [1.0, 1.0]), ValueError, r"penalty_factors: expected shape \(1,\), got \(2,\)"),
        ((None, [np.nan]), ValueError, "penalty_factors: expected finite numbers >= 0, got another one at step 0"),
        ((None, [-1.0]), ValueError, "penalty_factors: expected finite numbers >= 0"),
        (([0.0, 1.0], [1.0]), TypeError, "order: expected integers, got dtype float64"),
        (([0], [1.0]), ValueError, r"order: expected shape \(2,\), got \(1,\)"),
        (([0, 2], [1.0]), ValueError, "order: expected rows from 0 to 1, got 2"),
        (([0, -1], [1.0]), ValueError, "order: expected rows from 0 to 1, got -1"),
    ],
    ids=lambda value: None,
)
def test_what_is_none(wrong, error, said):
    net = mlpc.MLP([2, 1], loss="mse")
    digest, sgd = net.digest(), mlpc.optim.SGD(net, 0.1).epoch_spec(1)
    with pytest.raises(error, match=said):
        net._train_epoch(
            np.ones((2, 2)), np.ones((2, 1)), ("mse", "mean", None, None), None, sgd, 2, False, 0, 0, False, None,
            (0, 0), 0.0, wrong,
        )  # fmt: skip
    assert net.digest() == digest


@pytest.mark.parametrize("number", [0.0, -1.0, np.inf, np.nan])
def test_a_reduction_by_a_number_that_is_none(number):
    with pytest.raises(ValueError, match="reduction: expected"):
        _mlpc.loss(np.zeros((1, 1)), np.zeros((1, 1)), ("mse", number, None, None), None, None)
