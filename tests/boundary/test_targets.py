"""What a loss cannot mean is refused by every door that takes targets, before anything changes."""

import re
import tracemalloc
import warnings

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc, course, losses, ops

N = 6


def network(loss, n_out, dtype):
    return mlpc.MLP([4, 3, n_out], "tanh", loss=loss, dtype=dtype, seed=1)


def rows(dtype):
    return np.random.default_rng(0).normal(size=(N, 4)).astype(dtype)


def right(loss, n_out):
    return np.arange(N) % n_out if loss == "cross_entropy" else np.full((N, n_out), 0.5)


def after_forward(net, x, y):
    net.forward(x)
    return net.loss(y)


def swept(net, x, y):
    pytest.importorskip("pandas")
    variant = {"sizes": net.sizes, "activation": "tanh", "loss": net.loss_name, "dtype": net.dtype.name}
    return mlpc.sweep({"a": variant}, (x, y), epochs=1, progress=False)


def validated(net, x, y):
    good = right(net.loss_name, net.sizes[-1]) if net.sizes[-1] > 1 or net.loss_name != "cross_entropy" else y
    return net.fit(x, good, epochs=1, validation_data=(x, y), progress=False)


def logits(net):
    return np.zeros((N, net.sizes[-1]), net.dtype)


DOORS = {
    "loss": after_forward,
    "loss_and_grad": lambda net, x, y: net.loss_and_grad(x, y),
    "evaluate": lambda net, x, y: net.evaluate(x, y),
    "fit": lambda net, x, y: net.fit(x, y, epochs=1, progress=False),
    "fit of no epoch": lambda net, x, y: net.fit(x, y, epochs=0, progress=False),
    "validation_data": validated,
    "train_epoch": lambda net, x, y: net._train_epoch(
        x, y, net.criterion.spec(), None, mlpc.optim.SGD(net, 0.1).epoch_spec(1), 2, True, 0, 0, False, None
    ),
    "lr_range_test": lambda net, x, y: mlpc.lr_range_test(net, x, y, batch_size=2, steps=10),
    "sweep": swept,
    "gradcheck": lambda net, x, y: mlpc.gradcheck(net, x, y),
    "ops": lambda net, x, y: getattr(ops, net.loss_name)(logits(net), y),
    "losses": lambda net, x, y: getattr(losses, net.loss_name)(logits(net), y),
}


def flat(values):
    return np.array(values, float)


def at(row, column, value, n_out=3):
    y = np.full((N, n_out), 0.25 if n_out == 4 else 0.5)
    y[row, column] = value
    return y


def probabilities(total):
    y = np.full((N, 4), 0.25)
    y[2, 1] += total - 1
    return y


HINT = '; real numbers are learnt with loss="mse"'
ONE = f'loss: expected at least 2 outputs for cross_entropy, got 1{HINT}, 0 and 1 with loss="bce_with_logits"'
CASES = {
    # loss, outputs, y, the kind of error, its message
    "one output, labels": ("cross_entropy", 1, np.zeros(N, int), ValueError, ONE),
    "one output, real": ("cross_entropy", 1, flat(range(N)), ValueError, ONE),
    "one output, column": ("cross_entropy", 1, np.ones((N, 1)), ValueError, ONE),
    "regression": (
        "cross_entropy", 3, flat(range(N)), TypeError, f"y: expected integer labels, got dtype float64{HINT}"
    ),
    "a label too large": ("cross_entropy", 3, [0, 1, 2, 3, 0, 1], ValueError, "y: label 3 at row 3 is outside 0..2"),
    "a negative label": ("cross_entropy", 3, [0, 1, 2, 0, -1, 1], ValueError, "y: label -1 at row 4 is outside 0..2"),
    "probabilities below 0": (
        "cross_entropy", 4, at(3, 2, -0.25, 4), ValueError,
        f"y: expected finite numbers >= 0, got -0.25 at row 3, column 2{HINT}",
    ),
    "probabilities of sum 1.5": (
        "cross_entropy", 4, probabilities(1.5), ValueError,
        f"y: expected probabilities that sum to 1 in every row, got a sum of 1.5 at row 2{HINT}",
    ),
    "probabilities of sum 0": (
        "cross_entropy", 3, np.zeros((N, 3)), ValueError,
        f"y: expected probabilities that sum to 1 in every row, got a sum of 0.0 at row 0{HINT}",
    ),
    "-1 and 1": (
        "bce_with_logits", 1, flat([1, 1, -1, 1, -1, 1]), ValueError,
        "y: expected numbers in [0, 1], got -1.0 at row 2, column 0",
    ),
    "1 and 2": ("bce_with_logits", 1, [1, 1, 1, 1, 2, 1], ValueError, "y: expected numbers in [0, 1], got 2 at row 4"),
    "bytes": (
        "bce_with_logits", 3, np.full((N, 3), 255, np.uint8), ValueError,
        "y: expected numbers in [0, 1], got 255 at row 0, column 0",
    ),
    "slightly above 1": (
        "bce_with_logits", 3, at(5, 2, 1.0001), ValueError,
        "y: expected numbers in [0, 1], got 1.0001 at row 5, column 2",
    ),
    "a negative count": (
        "poisson", 1, [0, 3, -1, 2, 0, 1], ValueError, "y: expected finite numbers >= 0, got -1 at row 2, column 0"
    ),
    **{
        f"{value} for {loss}": (
            loss, 3, at(4, 1, value), ValueError, f"y: expected {expected}, got {value} at row 4, column 1"
        )
        for loss, expected in [
            ("mse", "finite numbers"), ("mae", "finite numbers"), ("huber", "finite numbers"),
            ("poisson", "finite numbers >= 0"), ("bce_with_logits", "numbers in [0, 1]"),
        ]
        for value in (np.nan, np.inf, -np.inf)
    },
    "NaN among probabilities": (
        "cross_entropy", 4, at(1, 1, np.nan, 4), ValueError,
        f"y: expected finite numbers >= 0, got nan at row 1, column 1{HINT}",
    ),
    **{
        f"1e39 in float32 for {loss}": (
            loss, 3, at(0, 2, 1e39), ValueError,
            "y: expected numbers within the range of float32, got 1e+39 at row 0, column 2",
        )
        for loss in ("mse", "mae", "huber", "poisson")
    },
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("case", CASES)
def test_what_a_loss_cannot_mean(case, door):
    loss, n_out, y, error, message = CASES[case]
    if door == "gradcheck" and "float32" in case:
        pytest.skip("gradcheck computes in float64, where that number fits")
    if door in ("ops", "losses") and "one output" in case:
        y = np.zeros(N, int)
    net = network(loss, n_out, "float32")
    x = rows("float32")
    net.gradients[:] = 7
    before = net.parameters.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(error, match=r"^(validation_data: |variants\['a'\]: )?" + re.escape(message)):
            DOORS[door](net, x, y)
    assert (net.parameters == before).all()
    assert (net.gradients == 7).all()
    assert net.history is None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_first_of_many_is_found(dtype, order):
    y = np.full((5000, 7), 0.5, dtype, order)
    for row, column in ((4999, 6), (3000, 0), (293, 1), (0, 5)):
        y[row, column] = 1.5
        with pytest.raises(ValueError, match=rf"got 1.5 at row {row}, column {column}$"):
            losses.bce_with_logits(np.zeros((5000, 7), dtype), y)


@pytest.mark.parametrize("number", [np.longdouble("1e4000"), np.longdouble("1e39")])
def test_too_large_in_any_layout_and_without_a_warning(number):
    if not np.isfinite(number):
        pytest.skip("here a long double is a double")
    z = np.zeros((4, 2), np.float32)
    arrays = [np.full((2, 4), number).T]
    if np.isfinite(float(number)):
        arrays += [np.full((2, 4), float(number)).T, np.full((4, 4), float(number))[:, ::2]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for y in arrays:
            with pytest.raises(ValueError, match=r"^y: expected .*, got 1e\+\d+ at row 0, column 0"):
                losses.mse(z, y)


@pytest.mark.filterwarnings("ignore:y. expected targets near 1")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_a_loss_can_mean_is_taken(dtype):
    """The ends of what is allowed, and numbers that are rounded on their way."""
    for loss, n_out, y in [
        ("cross_entropy", 4, probabilities(1 + 9e-4)),
        ("cross_entropy", 4, np.full((N, 4), 0.25, np.float16)),
        ("cross_entropy", 3, np.eye(3)[np.arange(N) % 3]),
        ("bce_with_logits", 2, np.eye(2)[np.arange(N) % 2]),
        ("bce_with_logits", 1, np.arange(N) % 2 == 0),
        ("bce_with_logits", 1, np.full(N, -0.0)),
        ("poisson", 1, np.arange(N, dtype=np.uint8)),
        ("mse", 1, np.full(N, np.sqrt(np.finfo(dtype).max) / 8)),
    ]:
        net = network(loss, n_out, dtype)
        assert np.isfinite(net.evaluate(rows(dtype), y)[0])
        net.fit(rows(dtype), y, epochs=1, lr=0.0, progress=False)


def test_the_course_refuses_a_label_out_of_range():
    with pytest.raises(ValueError, match=r"^y: label 4 at row 1 is outside 0\.\.3"):
        course.CELoss().value(np.zeros((2, 4)), np.array([0, 4]))
    x, y = np.eye(3, dtype="float32"), np.array([0, 1, 3])
    with pytest.raises(ValueError, match=r"^y: label 3 at row 2 is outside 0\.\.2"):
        course.train_eval(course.MLP([3, 3]), 0.1, 1, 1, (x, y), (x, y))


def test_one_output_of_a_classifier_predicts_nothing():
    net = network("cross_entropy", 1, "float32")
    for answer in (net.predict, net.predict_proba):
        with pytest.raises(ValueError, match="^" + re.escape(ONE)):
            answer(rows("float32"))
    assert net.forward(rows("float32")).shape == (N, 1)


def test_targets_are_checked_without_a_second_set_of_logits():
    """Labels of 200,000 rows and 100 classes: zeros in the shape of the logits would be 80 MB."""
    net = mlpc.MLP([1, 100])
    x, y = np.ones((200_000, 1), np.float32), np.zeros(200_000, np.uint8)
    tracemalloc.start()
    try:
        net.fit(x, y, epochs=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10e6


OBJECTIVES = {
    "labels": (("cross_entropy", "mean", 0.1, np.array([1.0, 2.0, 0.5])), np.array([2, 0, 1, 1, 0])),
    "labels of another type": (("cross_entropy", "sum", None, None), np.array([2, 0, 1, 1, 0], ">u2")),
    "probabilities": (("cross_entropy", "mean", None, None), np.full((5, 3), 1 / 3, np.float32)),
    "values": (("bce_with_logits", "mean", None, None), np.eye(5, 3, dtype=np.float32)),
    "values of another type": (("mse", "mean", None, None), np.eye(5, 3)),
}


@pytest.mark.parametrize("weight", [None, np.arange(5.0)], ids=["unweighted", "weighted"])
@pytest.mark.parametrize(("loss", "y"), OBJECTIVES.values(), ids=OBJECTIVES)
def test_an_objective_is_what_it_was_made_of_and_stays_so(loss, y, weight):
    net = mlpc.MLP([4, 3])
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    given = [y.copy(), loss[3] if loss[3] is None else loss[3].copy(), weight if weight is None else weight.copy()]
    objective = _mlpc.Objective(given[0], (*loss[:3], given[1]), given[2], "float32", 3)
    for array in given:
        if array is not None:
            array[:] = 99
    calls = (
        lambda *what: _mlpc.Net.evaluate(net, x, *what),
        lambda *what: (_mlpc.Net.loss_and_grad(net, x, *what, False), net.gradients.copy()),
        lambda *what: (net(x), _mlpc.Net.loss(net, *what))[1],
    )
    for call in calls:
        kept, parsed = call(objective, None, None), call(y, loss, weight)
        np.testing.assert_equal(kept, parsed)
    start, figures = net.parameters.copy(), []
    for what in ((objective, None, None), (y, loss, weight)):
        net.parameters[:] = start
        spec = mlpc.optim.SGD(net, 0.5).epoch_spec(3)
        figures.append((net._train_epoch(x, *what, spec, 2, True, 0, 0, False, None), net.digest()))
    assert figures[0] == figures[1]


def test_an_objective_is_for_one_kind_of_output():
    y, loss = np.zeros((2, 3)), ("mse", "mean", None, None)
    objective = _mlpc.Objective(y, loss, None, "float32", 3)
    x = np.ones((2, 4))
    wrong = {
        r"^y: expected an Objective for 2 outputs of float32, got one for 3 of float32$": mlpc.MLP([4, 2]),
        r"^y: expected an Objective for 3 outputs of float64, got one for 3 of float32$": mlpc.MLP(
            [4, 3], dtype="float64"
        ),
    }
    for words, net in wrong.items():
        with pytest.raises(ValueError, match=words):
            _mlpc.Net.evaluate(net, x, objective, None, None)
    net = mlpc.MLP([4, 3])
    for beside in ((loss, None), (None, np.ones(2))):
        with pytest.raises(TypeError, match=r"^y: expected None as loss and sample_weight beside an Objective"):
            _mlpc.Net.evaluate(net, x, objective, *beside)
    with pytest.raises(ValueError, match=r"^y: expected 3 rows, one for each of the logits or predictions, got 2"):
        _mlpc.Net.evaluate(net, np.ones((3, 4)), objective, None, None)
    for n_out in (0, -1, 2**63, 2**64 - 1):
        with pytest.raises((ValueError, OverflowError), match="n_out"):
            _mlpc.Objective(y, loss, None, "float32", n_out)
    with pytest.raises(ValueError, match=r"^y: expected at least one row"):
        _mlpc.Objective(np.zeros((0, 3)), loss, None, "float32", 3)


def test_the_loss_of_logits_takes_an_objective():
    z, y = np.random.default_rng(0).normal(size=(4, 3)), np.array([0, 2, 1, 1])
    weight, sample_weight = np.array([0.5, 1.0, 2.0]), np.array([1.0, 0.0, 3.0, 2.0])
    loss = ("cross_entropy", "mean", 0.1, weight)
    objective = _mlpc.Objective(y, loss, sample_weight, "float64", 3)
    expected, found = _mlpc.loss(z, y, loss, sample_weight, None), _mlpc.loss(z, objective, None, None, None)
    assert found[0] == expected[0]
    np.testing.assert_array_equal(found[1], expected[1])
    with pytest.raises(TypeError, match=r"^y: expected None as loss and sample_weight beside an Objective"):
        _mlpc.loss(z, objective, loss, None, None)
    with pytest.raises(ValueError, match=r"^y: expected an Objective for 3 outputs of float32, got one for 3 of"):
        _mlpc.loss(z.astype(np.float32), objective, None, None, None)
    with pytest.raises(ValueError, match=r"^y: expected 2 rows, one for each of the logits or predictions, got 4$"):
        _mlpc.loss(z[:2], objective, None, None, None)
