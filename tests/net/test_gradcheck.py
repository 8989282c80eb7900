"""The gradient check finds right gradients right and wrong ones wrong."""

import numpy as np
import pytest

import mlpc
from mlpc.checks import Check, Checks

LOSSES = list(mlpc.losses.LOSSES)


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
    loss = mlpc.losses.CrossEntropy(class_weight=[1, 2, 3], label_smoothing=0.2)
    for reduction in ("mean", "sum"):
        mlpc.gradcheck(net, x, y, loss, reduction=reduction, sample_weight=[1, 0, 2, 0.5, 3]).raise_for_failure()


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
    "infinite": lambda gradients: gradients | {"4.bias": gradients["4.bias"] + [np.inf, 0, 0]},
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


def deep(seed=0):
    """Twelve layers of sigmoids: the loss's rounding error, over the first step, exceeds the first layer's gradient."""
    rng = np.random.default_rng(seed)
    net = mlpc.MLP([4, *[8] * 12, 3], "sigmoid", seed=seed)
    return net, rng.normal(size=(20, 4)), np.arange(20) % 3


@pytest.mark.parametrize("factor", [-3, 0, 0.5, 1.1, 3])
def test_wrong_gradients_are_found_below_many_sigmoids(factor):
    net, x, y = deep()
    mlpc.gradcheck(net, x, y).raise_for_failure()
    for key in ("0.weight", "0.bias", "12.weight", "x"):
        checks = mlpc.gradcheck(net, x, y, gradients=lambda *arguments, key=key: {key: factor * own(*arguments)[key]})
        assert [check.verdict for check in checks] == ["WRONG"]


@pytest.mark.parametrize("factor", [-3, 0, 1])
def test_what_noise_hides_is_undecided(factor):
    net, x, y = deep()
    for number in range(2, 26, 2):
        net.layers[number].weight *= 0.1
    (check,) = checks = mlpc.gradcheck(
        net, x, y, gradients=lambda *arguments: {"0.weight": factor * own(*arguments)["0.weight"]}
    )
    assert check.verdict == "undecided" and check.noise >= 1 and not checks.ok
    with pytest.raises(AssertionError, match="say too little"):
        checks.raise_for_failure()
    checks.raise_for_failure(allow_undecided=True)
    with pytest.raises(AssertionError, match="differ"):
        Checks([*checks, Check("w", 9, 9, 0, 1e-7, 1e-7, 1e-8)]).raise_for_failure(allow_undecided=True)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("seed", range(8))
def test_features_of_any_size(activation, seed):
    x, y = pytest.importorskip("sklearn.datasets").load_breast_cancer(return_X_y=True)  # from 1e-3 to 4e3
    net = mlpc.MLP([30, 16, 2], activation, seed=seed)
    mlpc.gradcheck(net, x[:10], y[:10]).raise_for_failure()
    doubled = mlpc.gradcheck(net, x[:10], y[:10], gradients=lambda *a: {key: 1.01 * g for key, g in own(*a).items()})
    assert {check.verdict for check in doubled} == {"WRONG"}


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e6, 1e12])
def test_units_of_the_data_do_not_matter(scale):
    """The network of scaled data whose first weights undo the scale is the same function."""
    net, x, y = case()
    net.layers[0].weight *= 1 / scale
    mlpc.gradcheck(net, scale * x, y).raise_for_failure()
    wrong = mlpc.gradcheck(net, scale * x, y, gradients=lambda *a: {key: 1.01 * g for key, g in own(*a).items()})
    assert {check.verdict for check in wrong} == {"WRONG"}


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "softplus"])
@pytest.mark.parametrize("value", [1.7e12, -1e100, 1e308])
def test_huge_inputs_are_no_error(activation, value):
    net, x, y = case(activation)
    x[:, 0] = value if value < 1e300 else 0
    x[0, 0] = value
    right = mlpc.gradcheck(net, x, y)
    assert "WRONG" not in {check.verdict for check in right} and np.array_equal(x[0, 0], value)


def test_gradients_that_are_all_0_are_undecided():
    net = mlpc.MLP([2, 3, 2], "relu", init=[np.ones((3, 2)), [-9.0] * 3, np.ones((2, 3)), [0.0, 0.0]])
    checks = {check.name: check.verdict for check in mlpc.gradcheck(net, [[1.0, -1.0]], [0])}
    dead = dict.fromkeys(("0.weight", "0.bias", "2.weight", "x"), "undecided")
    assert checks == dead | {"2.bias": "ok"}


def test_verdicts():
    assert Check("w", 9, 9, 0, 1e-9, 1e-9, 1e-8).verdict == "ok"
    assert Check("w", 9, 9, 0, 1e-7, 1e-7, 1e-8).verdict == "WRONG"
    assert Check("w", 9, 9, 0, np.nan, np.nan, 1e-8).verdict == "WRONG"
    assert Check("w", 9, 0, 9, 0.0, 0.0, 1e-8).verdict == "undecided"
    assert Check("w", 9, 9, 0, 1e-9, 0.5, 1e-8, noise=0.9).verdict == "ok"
    assert Check("w", 9, 9, 0, 1e-9, 0.5, 1e-8, noise=1.0).verdict == "undecided"
