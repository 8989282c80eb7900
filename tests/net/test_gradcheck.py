"""The gradient check finds right gradients right and wrong ones wrong."""

import numpy as np
import pytest

import mlpc
from mlpc.checks import Check, Checks

LOSSES = ["cross_entropy", "bce_with_logits", "mse", "mae", "huber", "poisson"]


def case(activation="tanh", loss="cross_entropy", n=5, dtype="float32", seed=0):
    rng = np.random.default_rng(seed)
    net = mlpc.MLP([4, 5, 6, 3], activation, loss=loss, dtype=dtype, seed=seed)
    x = rng.normal(size=(n, 4))
    return net, x, rng.integers(0, 3, n) if loss == "cross_entropy" else rng.random((n, 3)).round(2)


@pytest.mark.parametrize("activation", mlpc.layers.ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_activation_and_loss(activation, loss):
    for n in (1, 7):
        checks = mlpc.gradcheck(*case(activation, loss, n))
        checks.raise_for_failure()
        assert [check.name for check in checks] == [
            "0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias", "x"
        ]  # fmt: skip
        assert all(check.checked + check.kinks == check.size for check in checks)


def test_weights_of_samples_and_classes():
    net, x, y = case()
    weighting = {"sample_weight": [1, 0, 2, 0.5, 3], "class_weight": [1, 2, 3], "label_smoothing": 0.2}
    for reduction in ("mean", "sum"):
        mlpc.gradcheck(net, x, y, reduction=reduction, **weighting).raise_for_failure()


def test_the_network_stays_as_it_is():
    net, x, y = case()
    net.loss_and_grad(x, y)
    parameters, gradients = net.parameters.copy(), net.gradients.copy()
    mlpc.gradcheck(net, x + 1, y)
    assert np.array_equal(net.parameters, parameters) and np.array_equal(net.gradients, gradients)
    assert np.array_equal(net.layers[0].input, x.astype(np.float32))


def own(net, x, y):
    """Gradients in float64, as a user's own back-propagation might give them."""
    net.loss_and_grad(x, y)
    return net._tensors(gradients=True) | {"x": net.backward()}


def test_gradients_of_ones_own():
    net, x, y = case(dtype="float64")
    mlpc.gradcheck(net, x, y, gradients=own).raise_for_failure()
    mlpc.gradcheck(net, x, y, gradients=own(net, x, y)).raise_for_failure()
    assert [check.name for check in mlpc.gradcheck(net, x, y, gradients={"x": own(net, x, y)["x"]})] == ["x"]


MISTAKES = {
    "a missing 1/n": lambda gradients: {key: 5 * value for key, value in gradients.items()},
    "a sign": lambda gradients: {key: -value for key, value in gradients.items()},
    "one element": lambda gradients: gradients | {"2.bias": gradients["2.bias"] + 1e-3 * np.eye(6)[2]},
    "a forgotten bias": lambda gradients: gradients | {"0.bias": np.zeros(5)},
    "rows in another order": lambda gradients: gradients | {"x": gradients["x"][::-1]},
    "one part in 100,000": lambda gradients: gradients | {"4.weight": gradients["4.weight"] * (1 + 1e-5)},
    "not a number": lambda gradients: gradients | {"4.bias": gradients["4.bias"] * np.nan},
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_wrong_gradient_is_found(mistake):
    net, x, y = case()
    right = mlpc.gradcheck(net, x, y, gradients=own)
    checks = mlpc.gradcheck(net, x, y, gradients=lambda *arguments: mistake(own(*arguments)))
    assert right.ok and not checks.ok
    with pytest.raises(AssertionError, match="WRONG"):
        checks.raise_for_failure()


def test_kinks_are_counted_and_left_out():
    net = mlpc.MLP([2, 3, 1], "relu", loss="mse", init=[np.ones((3, 2)), [0.0, 0.0, 1.0], np.ones((1, 3)), [0.5]])
    checks = {check.name: check for check in mlpc.gradcheck(net, [[1.0, -1.0]], [[0.0]])}
    assert checks["0.bias"].kinks == 2 and checks["0.bias"].checked == 1  # two pre-activations are exactly 0
    assert checks["0.weight"].kinks == 4 and checks["2.weight"].kinks == 0
    assert checks["x"].kinks == 2 and checks["x"].verdict == "undecided"
    assert not Checks(checks.values()).ok and checks["0.weight"].verdict == "ok"


@pytest.mark.parametrize(("loss", "target"), [("mae", 0.5), ("huber", 1.5), ("huber", -0.5)])
def test_kinks_of_losses(loss, target):
    net = mlpc.MLP([1, 1], loss=loss, init=[[[2.0]], [0.5]])
    (weight, bias, x) = mlpc.gradcheck(net, [[0.0]], [target])
    assert bias.kinks == x.kinks == 1 and weight.checked == 1


def test_large_tensors_are_sampled_by_the_seed():
    rng = np.random.default_rng(0)
    net = mlpc.MLP([50, 20, 3], "gelu")
    x, y = rng.normal(size=(4, 50)), rng.integers(0, 3, 4)
    first, again, other = (mlpc.gradcheck(net, x, y, max_checks=10, seed=seed) for seed in (1, 1, 2))
    assert first == again != other and first.ok and other.ok
    assert [check.checked for check in first] == [10, 10, 10, 3, 10]


def test_the_table():
    lines = repr(mlpc.gradcheck(*case())).splitlines()
    assert lines[0].split() == ["parameter", "elements", "checked", "kinks", "absolute", "relative", "verdict"]
    assert len(lines) == 9 and all(line.endswith("ok") for line in lines[2:])


@pytest.mark.parametrize(
    ("keywords", "error", "words"),
    [
        ({"eps": 0.0}, ValueError, "eps"),
        ({"max_checks": 0}, ValueError, "max_checks"),
        ({"gradients": {"1.weight": 0}}, ValueError, r"gradients.*1\.weight"),
        ({"gradients": {"0.bias": np.zeros(4)}}, ValueError, r"gradients\['0\.bias'\].*\(5,\).*\(4,\)"),
        ({"loss": "l2"}, ValueError, "l2"),
    ],
)
def test_errors(keywords, error, words):
    with pytest.raises(error, match=words):
        mlpc.gradcheck(*case(), **keywords)


def test_verdicts():
    assert Check("w", 9, 9, 0, 1e-9, 1e-9, 1e-8).verdict == "ok"
    assert Check("w", 9, 9, 0, 1e-7, 1e-7, 1e-8).verdict == "WRONG"
    assert Check("w", 9, 9, 0, np.nan, np.nan, 1e-8).verdict == "WRONG"
    assert Check("w", 9, 0, 9, 0.0, 0.0, 1e-8).verdict == "undecided"
