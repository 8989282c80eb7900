"""Output, loss and every gradient against PyTorch's autograd, for every activation and every loss."""

import itertools

import numpy as np
import pytest

import mlpc
from mlpc.testing import compare_with_torch, torch_reference

LOSSES = list(mlpc.losses.LOSSES)
WIDTHS = [64, 17, 33, 8, 50, 5]
DEPTHS = range(7)
BATCHES = [1, 7, 64, 257]
MARGIN = {"float32": 3e-6, "float64": 1e-12}
"""How far arguments stay from kinks: beyond the rounding errors of PyTorch and of our own."""


def targets(rng, loss, n, k):
    loss = mlpc.losses.loss_named(loss).name
    if loss == "cross_entropy":
        return rng.integers(0, k, n)
    if loss == "bce_with_logits":
        return rng.integers(0, 2, (n, k)).astype(np.float64)
    return rng.integers(0, 5, (n, k)) + 0.25


def distance_from_kinks(net, z, y):
    """The least distance of any pre-activation, or z - y, from where its function is not smooth."""
    arguments = [(part.input, part.kinks) for part in net.layers[1::2]]
    if net.criterion.kinks:
        arguments.append((z - y, net.criterion.kinks))
    return min((np.abs(values - kink).min() for values, kinks in arguments for kink in kinks), default=np.inf)


def smooth_case(activation, loss, depth, n, dtype):
    """A network and data away from kinks, the first seed that gives them."""
    sizes = [11, *WIDTHS[:depth], 6]
    for seed in itertools.count(1000 * depth + n):
        rng = np.random.default_rng(seed)
        net = mlpc.MLP(sizes, activation, loss=loss, dtype=dtype, init="lecun", seed=seed)
        x, y = rng.normal(size=(n, 11)).astype(np.float32), targets(rng, loss, n, 6)
        if distance_from_kinks(net, net(x), y) > MARGIN[dtype]:
            return net, x, y
    raise AssertionError("unreachable")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", mlpc.layers.ACTIVATIONS)
@pytest.mark.usefixtures("torch")
def test_float64(activation, loss):
    for depth, n in itertools.product(DEPTHS, BATCHES):
        compare_with_torch(*smooth_case(activation, loss, depth, n, "float64")).raise_for_failure()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", mlpc.layers.ACTIVATIONS)
@pytest.mark.usefixtures("torch")
def test_float32(activation, loss):
    for depth, n in itertools.product(DEPTHS, BATCHES):
        compare_with_torch(*smooth_case(activation, loss, depth, n, "float32")).raise_for_failure()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.usefixtures("torch")
def test_weights_and_reductions(loss, reduction, weighted):
    for n in BATCHES:
        net, x, y = smooth_case("tanh", loss, 2, n, "float64")
        weighting = {"sample_weight": np.random.default_rng(n).random(n) + 0.1} if weighted else {}
        compare_with_torch(net, x, y, reduction=reduction, **weighting).raise_for_failure()


SETTINGS = [
    mlpc.losses.CrossEntropy(label_smoothing=0.1, class_weight=np.linspace(0.5, 2, 6)),
    mlpc.losses.BCEWithLogits(pos_weight=3),
    mlpc.losses.BCEWithLogits(pos_weight=np.linspace(0, 4, 6)),
    mlpc.losses.Huber(delta=0.3),
    mlpc.losses.Huber(delta=4.0),
    mlpc.losses.Quantile(q=0.9),
]


@pytest.mark.parametrize("loss", SETTINGS, ids=repr)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("torch")
def test_settings_of_losses(loss, reduction, weighted, dtype):
    for n in (1, 7, 64):
        net, x, y = smooth_case("tanh", loss, 2, n, dtype)
        weight = np.random.default_rng(n).random(n) + 0.1 if weighted else None
        compare_with_torch(net, x, y, reduction=reduction, sample_weight=weight).raise_for_failure()


@pytest.mark.usefixtures("torch")
def test_probabilities_as_targets():
    net, x, _ = smooth_case("gelu", "cross_entropy", 2, 7, "float64")
    y = np.random.default_rng(0).dirichlet(np.ones(6), 7)
    compare_with_torch(net, x, y).raise_for_failure()
    loss = mlpc.losses.CrossEntropy(class_weight=np.linspace(0.5, 2, 6), label_smoothing=0.1)
    compare_with_torch(net, x, y, loss).raise_for_failure()


@pytest.mark.usefixtures("torch")
def test_a_difference_is_found_and_shown():
    net, x, y = smooth_case("tanh", "cross_entropy", 2, 7, "float32")
    differences = compare_with_torch(net, x, y)
    assert differences.ok and len(repr(differences).splitlines()) == 2 + len(differences)
    wrong = type(differences)([*differences[1:], type(differences[0])("z", 1.0, 1e-3, 1e-7, 4e-7)])
    assert not wrong.ok
    with pytest.raises(AssertionError, match="WRONG"):
        wrong.raise_for_failure()


def test_the_reference_has_copies_of_the_parameters(torch):
    net = mlpc.MLP([4, 3, 3, 2], ["leaky_relu", "identity"], dtype="float64")
    reference = torch_reference(net)
    kinds = [torch.nn.Linear, torch.nn.LeakyReLU, torch.nn.Linear, torch.nn.Identity, torch.nn.Linear]
    assert [type(module) for module in reference] == kinds and reference[0].weight.dtype == torch.float64
    before = net.parameters.copy()
    with torch.no_grad():
        reference[0].weight.zero_()
    assert np.array_equal(net.parameters, before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bias", [5, 10, 16, 20, 30, 36, 40])
@pytest.mark.usefixtures("torch")
def test_saturated_units_agree_as_far_as_either_knows(dtype, bias):
    """a * (1 - a) has few right digits where a is near 1, here as in PyTorch."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 4)), np.arange(20) % 3
    for seed in range(4):
        net = mlpc.MLP([4, 8, 8, 3], ["sigmoid", "tanh"], dtype=dtype, seed=seed)
        net.layers[0].bias[:] = bias
        compare_with_torch(net, x, y).raise_for_failure()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bias", [0, 5, 10])
@pytest.mark.usefixtures("torch")
def test_a_wrong_gradient_is_found_all_the_same(monkeypatch, dtype, bias):
    x, y = np.random.default_rng(0).normal(size=(20, 4)), np.arange(20) % 3
    net = mlpc.MLP([4, 8, 8, 3], "sigmoid", dtype=dtype)
    net.layers[0].bias[:] = bias
    real = mlpc.MLP._tensors

    def wrong(self, *, gradients=False):
        tensors = real(self, gradients=gradients)
        return tensors | {"0.weight": tensors["0.weight"] * 1.1} if gradients else tensors

    assert compare_with_torch(net, x, y).ok
    monkeypatch.setattr(mlpc.MLP, "_tensors", wrong)
    assert [difference.name for difference in compare_with_torch(net, x, y) if not difference.ok] == ["0.weight"]


def test_a_reference_takes_no_random_numbers(torch):
    """They are the caller's, whose next draw may not depend on a comparison."""
    before = torch.get_rng_state()
    compare_with_torch(mlpc.MLP([4, 8, 3]), np.eye(4), [0, 1, 2, 0])
    assert torch.equal(torch.get_rng_state(), before)
