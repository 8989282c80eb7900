"""Activations with settings: the slope of leaky_relu, alpha of elu."""

import copy
import inspect
import itertools
import pickle

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc, ops
from mlpc.layers import ACTIVATIONS, ELU, Activation, LeakyReLU, ReLU, Tanh
from mlpc.testing import compare_with_torch, torch_reference

CASES = [LeakyReLU(0.2), LeakyReLU(0), LeakyReLU(-0.5), LeakyReLU(1.5), ELU(alpha=0.5), ELU(2.0)]
NAMES = [str(case) for case in CASES]
SETTINGS = {name: [setting] if setting else [] for name in ACTIVATIONS for setting in [_mlpc.activation_setting(name)]}
"""By name of the activation: its setting's name, and the standard value."""


def case_of(activation, dtype="float64", depth=2, n=40):
    rng = np.random.default_rng(n)
    net = mlpc.MLP([7, *[11, 6, 5][:depth], 3], activation, dtype=dtype, init="lecun", seed=1)
    return net, rng.normal(size=(n, 7)).astype(dtype), rng.integers(0, 3, n)


def test_standard_settings_are_those_of_the_table():
    having = {name: setting for name, setting in SETTINGS.items() if setting}
    assert having == {"leaky_relu": [("negative_slope", 0.01)], "elu": [("alpha", 1.0)]}
    assert set(having) == {case.name for case in CASES}
    for name, of in ACTIVATIONS.items():
        parameters = inspect.signature(of).parameters
        assert [(key, p.default) for key, p in parameters.items()] == SETTINGS[name]
        for function in (getattr(ops, f"{name}_forward"), getattr(ops, f"{name}_backward")):
            keywords = [p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
            assert [(p.name, p.default) for p in keywords] == SETTINGS[name]
        assert mlpc.MLP([2, 3, 1], name).layers[1].settings == dict(SETTINGS[name])


@pytest.mark.parametrize("activation", CASES, ids=NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_and_derivatives_are_torchs(torch, isa, activation, dtype):
    z = np.concatenate([np.linspace(-6, 3, 301), [0.0, -0.0, -1e-30, 1e-30]]).astype(dtype)
    da = np.linspace(0.5, 2, z.size).astype(dtype)
    a = getattr(ops, f"{activation.name}_forward")(z, **activation.settings)
    dz = getattr(ops, f"{activation.name}_backward")(da, z, **activation.settings)
    inputs = torch.tensor(z.astype(np.float64), requires_grad=True)
    outputs = getattr(torch.nn, type(activation).__name__)(**activation.settings)(inputs)
    outputs.backward(torch.tensor(da.astype(np.float64)))
    few = 4 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(a, outputs.detach().numpy(), rtol=few, atol=0)
    np.testing.assert_allclose(dz, inputs.grad.numpy(), rtol=few, atol=0)


@pytest.mark.parametrize("activation", CASES, ids=NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("torch")
def test_networks_are_torchs(activation, dtype):
    for depth in (1, 3):
        compare_with_torch(*case_of(activation, dtype, depth)).raise_for_failure()
        mlpc.gradcheck(*case_of(activation, dtype, depth)).raise_for_failure()


@pytest.mark.parametrize("activation", CASES, ids=NAMES)
def test_a_whole_training_is_torchs(torch, activation):
    net, x, y = case_of(activation)
    reference = torch_reference(net)
    optimizer = torch.optim.SGD(reference.parameters(), lr=0.1, momentum=0.9)
    for epoch, start in itertools.product(range(10), range(0, len(x), 16)):
        del epoch
        rows = slice(start, start + 16)
        optimizer.zero_grad()
        torch.nn.CrossEntropyLoss()(reference(torch.tensor(x[rows])), torch.tensor(y[rows])).backward()
        optimizer.step()
    before = net.parameters.copy()
    net.fit(x, y, epochs=10, batch_size=16, optimizer=mlpc.optim.SGD(net, 0.1, momentum=0.9), shuffle=False)
    assert np.abs(net.parameters - before).max() > 0.1
    for key, tensor in reference.state_dict().items():
        np.testing.assert_allclose(net.state_dict()[key], tensor.numpy(), rtol=0, atol=1e-12)


def trained(activation, dtype, **keywords):
    net, x, y = case_of(activation, dtype, depth=3, n=150)
    net.fit(x, y, epochs=2, batch_size=64, lr=0.1, progress=False, **keywords)
    return mlpc.testing.digest(net)


@pytest.fixture(scope="module")
def by_reference():
    """Digests of trainings by the reference kernels, one call after the other."""
    before = mlpc.cpu.active()
    mlpc.cpu.use("reference")
    digests = {
        (name, dtype): trained(case, dtype, keep_gradients=True)
        for (name, case), dtype in itertools.product(zip(NAMES, CASES, strict=True), ("float32", "float64"))
    }
    mlpc.cpu.use(before)
    assert len(set(digests.values())) == len(digests)
    return digests


@pytest.mark.parametrize("activation", CASES, ids=NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fused_or_not_and_by_any_instruction_set_the_bits_are_the_same(isa, by_reference, activation, dtype):
    for plain in (False, True):
        assert trained(activation, dtype, keep_gradients=plain) == by_reference[str(activation), dtype]


def test_a_standard_setting_is_the_name_alone():
    for given in (LeakyReLU(), LeakyReLU(0.01), "leaky_relu"):
        assert trained(given, "float32") == trained("leaky_relu", "float32")
        assert repr(mlpc.MLP([2, 3, 1], given)).startswith("MLP([2, 3, 1], 'leaky_relu', ")


def test_layers_show_their_settings():
    net = mlpc.MLP([2, 3, 4, 5, 1], [LeakyReLU(0.2), "tanh", ELU(alpha=0.5)])
    assert net.activations == ("leaky_relu", "tanh", "elu")
    assert (net.layers[1].negative_slope, net.layers[3].settings, net.layers[5].alpha) == (0.2, {}, 0.5)
    assert repr(net).startswith("MLP([2, 3, 4, 5, 1], [LeakyReLU(negative_slope=0.2), 'tanh', ELU(alpha=0.5)], ")
    lines = str(net.summary()).splitlines()[2:9]
    titles = ["Linear", "LeakyReLU(negative_slope=0.2)", "Linear", "Tanh", "Linear", "ELU(alpha=0.5)", "Linear"]
    assert [line.split()[:2] for line in lines] == [[str(i), title] for i, title in enumerate(titles)]
    with pytest.raises(AttributeError):
        net.layers[1].negative_slope = 0.3


def test_an_activation_of_a_network_makes_another_one():
    net = mlpc.MLP([2, 3, 4, 1], [LeakyReLU(0.2), ELU(0.5)])
    other = mlpc.MLP([2, 3, 4, 1], [part for part in net.layers if isinstance(part, Activation)])
    assert repr(other) == repr(net) and np.array_equal(other.parameters, net.parameters)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_carry_settings(duplicate):
    net = mlpc.MLP([2, 3, 4, 1], [LeakyReLU(0.2), ELU(0.5)])
    other = duplicate(net)
    assert repr(other) == repr(net) and np.array_equal(other([[-1.0, 2.0]]), net([[-1.0, 2.0]]))


def test_equal_are_activations_of_the_same_settings_or_place():
    assert LeakyReLU(0.2) == LeakyReLU(0.2) != LeakyReLU(0.3) and ReLU() == ReLU() != Tanh()
    assert len({LeakyReLU(0.2), LeakyReLU(0.2), LeakyReLU(0.3)}) == 2
    net = mlpc.MLP([2, 3, 3, 1], "tanh")
    assert net.layers[1] == net.layers[1] != net.layers[3] and net.layers[1] != Tanh()


def test_an_activation_alone_is_no_part_of_a_network():
    for name in ("net", "index", "n_in", "input", "output"):
        with pytest.raises(AttributeError):
            getattr(LeakyReLU(0.2), name)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: LeakyReLU("0.2"), TypeError, "negative_slope: expected a number, got '0.2'"),
        (lambda: LeakyReLU([0.2]), TypeError, "negative_slope: expected a number, got"),
        (lambda: LeakyReLU(np.nan), ValueError, "negative_slope: expected a finite number, got nan"),
        (lambda: LeakyReLU(np.inf), ValueError, "negative_slope: expected a finite number, got inf"),
        (lambda: ELU(0), ValueError, "alpha: expected a finite number of float64 above 0.0, got 0.0"),
        (lambda: ELU(-1.0), ValueError, "alpha: expected a finite number of float64 above 0.0, got -1.0"),
        (lambda: mlpc.MLP([2, 3, 1], LeakyReLU(1e300)), ValueError, "negative_slope: expected a finite number of"),
        (lambda: mlpc.MLP([2, 3, 1], LeakyReLU), TypeError, "activation: expected a name, an activation of mlpc"),
        (lambda: mlpc.MLP([2, 3, 1], ("leaky_relu", 0.2)), ValueError, "activation: expected one of identity, "),
        (lambda: ops.elu_forward(np.ones(2), alpha=-1), ValueError, "alpha: expected a finite number of float64 above"),
        (lambda: ops.elu_backward(np.ones(2), np.ones(2), alpha=np.nan), ValueError, "alpha: expected a finite"),
        (lambda: ops.leaky_relu_forward(np.ones(2), negative_slope=None), TypeError, "negative_slope: expected a real"),
        (
            lambda: ops.leaky_relu_backward(np.ones(2, "f"), np.ones(2, "f"), negative_slope=-1e39),
            ValueError,
            "negative_slope: expected a finite number of float32, got -1e+39",
        ),
    ],
)
def test_settings_that_cannot_be(make, error, text):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value).startswith(text)


def test_a_sweep_tells_settings_apart(tmp_path):
    pytest.importorskip("pandas")
    _, x, y = case_of("relu")
    variants = {
        "standard": {"sizes": [7, 5, 3], "activation": LeakyReLU()},
        "leaky": {"sizes": [7, 5, 3], "activation": LeakyReLU(0.2)},
        "both": {"sizes": [7, 5, 4, 3], "activation": [ELU(0.5), "tanh"]},
    }
    keywords = {"epochs": 2, "records": tmp_path / "runs.jsonl", "progress": False}
    table = mlpc.sweep(variants, (x, y), **keywords)
    texts = ["leaky_relu", "LeakyReLU(negative_slope=0.2)", ["ELU(alpha=0.5)", "tanh"]]
    assert table.activation.tolist() == texts
    for variant, expected in zip(variants.values(), table.digest, strict=True):
        net = mlpc.MLP(**variant)
        net.fit(x, y, epochs=2, progress=False)
        assert mlpc.testing.digest(net) == expected
    assert mlpc.sweep(variants, (x, y), **keywords).seconds.tolist() == table.seconds.tolist()
