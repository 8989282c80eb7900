"""Networks to PyTorch and back, beside PyTorch's own modules."""

import sys

import numpy as np
import pytest

import mlpc
from mlpc import layers

ALL = [*layers.ACTIVATIONS, layers.LeakyReLU(-0.3), layers.ELU(0.25)]
ids = [each if isinstance(each, str) else type(each).__name__ for each in ALL]
CLOSE = {"float32": 1e-5, "float64": 1e-12}


def rows(n, k, scale=3.0):
    return np.random.default_rng(7).normal(0, scale, (n, k))


def shaken(net):
    """Every number of it another one, running statistics too."""
    rng = np.random.default_rng(5)
    for array in net._all_tensors().values():
        if array.dtype.kind == "f":
            array[...] = rng.uniform(0.2, 1.5, array.shape) * rng.choice([-1, 1], array.shape)
    for layer in net.layers:
        if isinstance(layer, layers.BatchNorm):
            layer.running_var = abs(layer.running_var)
    return net


def assert_same_outputs(net, module, torch, k=5):
    """In eval mode."""
    x = rows(20, k).astype(net.dtype)
    with torch.no_grad():
        expected = module.eval()(torch.from_numpy(x)).numpy()
    got = net.eval().forward(x)
    tolerance = CLOSE[net.dtype.name]
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance * abs(expected).max())


# ---- There and back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", [None, layers.BatchNorm(eps=1e-3, momentum=0.3), layers.LayerNorm(eps=1e-2)], ids=str)
@pytest.mark.parametrize("activation", ALL, ids=ids)
def test_outputs_agree_and_the_way_back_gives_an_equal_network(torch, activation, norm, dtype):
    net = shaken(mlpc.MLP([5, 7, 6, 3], activation, norm=norm, dtype=dtype))
    module = net.to_torch()
    back = mlpc.from_torch(module)
    assert repr(back) == repr(net) and back.digest() == net.digest()
    assert_same_outputs(net, module, torch)


def test_modules_and_state_dict_are_those_of_the_network(torch):
    net = mlpc.MLP([5, 4, 6, 3], ["identity", "tanh"], norm=["batch", None], dropout=[0.25, 0], input_dropout=0.1)
    net.fit(rows(8, 5), np.arange(8) % 3, epochs=2, progress=False)
    module = net.to_torch()
    kinds = ["Dropout", "Linear", "BatchNorm1d", "Identity", "Dropout", "Linear", "Tanh", "Linear"]
    assert [type(each).__name__ for each in module] == kinds and (module[0].p, module[4].p) == (0.1, 0.25)
    state = module.state_dict()
    assert list(state) == list(net.state_dict())
    for key, array in net.state_dict().items():
        np.testing.assert_array_equal(state[key].numpy(), array)
    assert mlpc.from_torch(module).masks_drawn == 0 and repr(mlpc.from_torch(module)) == repr(net)


def test_modules_come_from_another_device(torch):
    if not torch.cuda.is_available():
        pytest.skip("PyTorch sees no GPU")
    net = shaken(mlpc.MLP([5, 4, 3], norm="batch"))
    module = net.to_torch().cuda()
    assert mlpc.from_torch(module).digest() == net.digest() and next(module.parameters()).is_cuda
    assert mlpc.from_torch(made(wrapped(torch.nn), module)).digest() == net.digest()


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_comes_along(torch, training):
    module = mlpc.MLP([3, 2], seed=1).train(training).to_torch()
    assert module.training == training and mlpc.from_torch(module).training == training


def test_nothing_is_shared(torch):
    net = mlpc.MLP([3, 4, 2], norm="batch")
    module, digest = net.to_torch(), net.digest()
    with torch.no_grad():
        for tensor in module.state_dict().values():
            tensor += 1
    assert net.digest() == digest
    back = mlpc.from_torch(module)
    back.parameters[:] = 0
    assert all(parameter.any() for parameter in module.parameters())


def test_random_numbers_of_pytorch_stay_as_they_are(torch):
    before = torch.get_rng_state()
    mlpc.from_torch(mlpc.MLP([3, 4, 2], dropout=0.5).to_torch())
    assert torch.equal(torch.get_rng_state(), before)


# ---- Modules of PyTorch's --------------------------------------------------------------------------------------------


def wrapped(nn, forward=lambda self, x: self.stack(x)):
    """A module with a single child."""
    return type("Net", (nn.Module,), {"forward": forward})


def made(kind, stack):
    module = kind()
    module.stack = stack
    return module


CHAINS = {
    "a Linear": lambda nn: nn.Linear(5, 3),
    "without biases": lambda nn: nn.Sequential(nn.Linear(5, 4, bias=False), nn.ReLU(), nn.Linear(4, 3, bias=False)),
    "nested": lambda nn: nn.Sequential(
        nn.Sequential(nn.Flatten(), nn.Linear(5, 4)), nn.Sequential(nn.Sequential(nn.GELU()), nn.Linear(4, 3))
    ),
    "nothing between two": lambda nn: nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3)),
    "a norm alone": lambda nn: nn.Sequential(nn.Linear(5, 4), nn.LayerNorm(4), nn.Linear(4, 3)),
    "a dropout alone": lambda nn: nn.Sequential(nn.Dropout(0.1), nn.Linear(5, 4), nn.Dropout(0.2), nn.Linear(4, 3)),
    "what does nothing": lambda nn: nn.Sequential(
        nn.Flatten(), nn.Linear(5, 4), nn.Identity(), nn.ReLU(), nn.Dropout(0), nn.Flatten(1), nn.Linear(4, 3),
        nn.Identity(),
    ),
    "norms without gain or shift": lambda nn: nn.Sequential(
        nn.Linear(5, 4), nn.BatchNorm1d(4, affine=False), nn.ReLU(),
        nn.Linear(4, 4), nn.LayerNorm(4, elementwise_affine=False), nn.ReLU(),
        nn.Linear(4, 4), nn.LayerNorm(4, bias=False), nn.ReLU(), nn.Linear(4, 3),
    ),
    "in place, and one activation for all": lambda nn: nn.Sequential(
        nn.Linear(5, 4), act := nn.ReLU(inplace=True), nn.Linear(4, 4), act, nn.Linear(4, 3)
    ),
    "a module around it": lambda nn: made(wrapped(nn), nn.Sequential(nn.Linear(5, 4), nn.SELU(), nn.Linear(4, 3))),
    "a module that flattens": lambda nn: made(
        wrapped(nn, lambda self, x: self.stack(x.view(len(x), -1))), nn.Sequential(nn.Linear(5, 3))
    ),
    "modules around parts": lambda nn: nn.Sequential(
        made(wrapped(nn), nn.Sequential(nn.Linear(5, 4), nn.ReLU())), made(wrapped(nn), nn.Linear(4, 3))
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHAINS)
def test_chains_become_networks(torch, name, dtype):
    torch.manual_seed(3)
    module = CHAINS[name](torch.nn).to(getattr(torch, np.dtype(dtype).name))
    for each in module.modules():
        if isinstance(each, torch.nn.BatchNorm1d):
            each.running_mean.normal_()
            each.running_var.uniform_(0.5, 2)
    before = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    net = mlpc.from_torch(module, loss="mse")
    assert net.loss_name == "mse" and module.training and all(each.training for each in module.modules())
    assert all(torch.equal(tensor, before[key]) for key, tensor in module.state_dict().items())
    assert_same_outputs(net, module, torch)


def test_batches_are_counted_on(torch):
    nn = torch.nn
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    for _ in range(4):
        module(torch.zeros(5, 2))
    module[1](torch.zeros(5, 3))
    assert mlpc.from_torch(module).state_dict()["1.num_batches_tracked"] == 5


def test_softplus_differs_above_its_threshold_by_less_than_is_said(torch):
    module = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Softplus(), torch.nn.Linear(1, 1)).double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1.0 if parameter.ndim == 2 else 0.0)
    net = mlpc.from_torch(module)
    x = np.array([[19.9], [20.5], [30.0]])
    difference = abs(net(x) - module(torch.from_numpy(x)).detach().numpy())
    assert difference[0] < 1e-14 and 0 < difference[1] < np.exp(-20)
    assert (abs(net(x) - net.to_torch()(torch.from_numpy(x)).detach().numpy()) < 1e-14).all()


@pytest.mark.parametrize(("end", "loss"), [("Softmax", "cross_entropy"), ("Sigmoid", "bce_with_logits")])
def test_what_stands_at_the_end_is_that_of_the_loss(torch, end, loss):
    last = torch.nn.Softmax(dim=-1) if end == "Softmax" else torch.nn.Sigmoid()
    module = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3), last).double()
    net, x = mlpc.from_torch(module, loss=loss), rows(9, 5)
    np.testing.assert_allclose(net.predict_proba(x), module(torch.from_numpy(x)).detach().numpy(), rtol=1e-12)


def test_a_softmax_may_be_a_logarithm(torch):
    module = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.LogSoftmax(dim=1)).double()
    net, x = mlpc.from_torch(module, loss=mlpc.losses.CrossEntropy(label_smoothing=0.1)), rows(9, 5)
    np.testing.assert_allclose(net.predict_proba(x), module(torch.from_numpy(x)).exp().detach().numpy(), rtol=1e-12)
    assert net.criterion.label_smoothing == 0.1


# ---- What is refused -------------------------------------------------------------------------------------------------


def with_hook(module):
    module[0].register_forward_hook(lambda *_: None)
    return module


def with_bad(module, name, value):
    setattr(module, name, value)
    return module


def half_trained(module):
    module[1].eval()
    return module


def behind(nn, *between):
    return nn.Sequential(nn.Linear(5, 4), *between, nn.Linear(4, 3))


def tied(nn):
    module = behind(nn, nn.Linear(4, 4))
    module[1].weight = torch_parameter = nn.Parameter(module[1].weight.detach())
    module.append(nn.Linear(3, 4)).append(nn.Linear(4, 4))
    module[4].weight = torch_parameter
    return module


REFUSED = {
    "no module": (lambda nn: {"0.weight": np.zeros((2, 2))}, r"torch\.nn\.Module, got dict"),
    "no Linear": (lambda nn: nn.Sequential(nn.Identity()), "a Linear at least, got none"),
    "an activation before a norm": (lambda nn: behind(nn, nn.ReLU(), nn.BatchNorm1d(4)), r"a norm.*BatchN.* '2'"),
    "two norms": (lambda nn: behind(nn, nn.LayerNorm(4), nn.LayerNorm(4)), "a norm behind.* at '2'"),
    "a dropout before an activation": (lambda nn: behind(nn, nn.Dropout(0.5), nn.ReLU()), r"an activation.*ReLU.* '2'"),
    "two activations": (lambda nn: behind(nn, nn.ReLU(), nn.Tanh()), "an activation .* got Tanh.* at '2'"),
    "two dropouts": (lambda nn: behind(nn, nn.Dropout(0.5), nn.Dropout(0.5)), "one Dropout .* at '2'"),
    "two dropouts of x": (lambda nn: nn.Sequential(nn.Dropout(), nn.Dropout(), nn.Linear(2, 2)), "one Dropout .*'1'"),
    "all dropped": (lambda nn: behind(nn, nn.Dropout(1.0)), "a probability below 1, got Dropout.* at '1'"),
    "an activation of x": (lambda nn: nn.Sequential(nn.ReLU(), nn.Linear(2, 2)), "an activation behind .* at '0'"),
    "a norm of x": (lambda nn: nn.Sequential(nn.LayerNorm(2), nn.Linear(2, 2)), "a norm behind a Linear.* at '0'"),
    "an activation at the end": (lambda nn: nn.Sequential(nn.Linear(2, 2), nn.ReLU()), "a Linear at the end.* at '1'"),
    "a softmax inside": (lambda nn: behind(nn, nn.Softmax(dim=1)), "a softmax at the end alone, got .* at '1'"),
    "the softmax of columns": (lambda nn: nn.Sequential(nn.Linear(2, 2), nn.Softmax(dim=0)), "dim=1.* at '1'"),
    "a sigmoid that is not the loss's": (
        lambda nn: nn.Sequential(nn.Linear(2, 2), nn.Sigmoid()), "loss='bce_with_logits'.*, not cross_entropy.* at '1'",
    ),
    "another kind": (lambda nn: behind(nn, nn.Sequential(nn.PReLU())), r"one of Linear, .*, got PReLU.* at '1\.0'"),
    "a derived class": (lambda nn: type("Mine", (nn.Linear,), {})(2, 2), "one of Linear, .*, got Mine"),
    "several children": (lambda nn: nn.Bilinear(2, 2, 2), "one of Linear"),
    "tensors of its own": (
        lambda nn: with_bad(made(wrapped(nn), nn.Linear(2, 2)), "gain", nn.Parameter(nn.Linear(1, 1).weight.detach())),
        "no tensors of its own.*got Net",
    ),
    "other widths": (lambda nn: nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 2)), "in_features=3, .* at '1'"),
    "another norm's width": (lambda nn: behind(nn, nn.LayerNorm(5)), r"of shape \(4,\), not \(5,\).* at '1'"),
    "a norm of several axes": (lambda nn: behind(nn, nn.LayerNorm((1, 4), bias=False)), "of shape"),
    "no features": (lambda nn: nn.Linear(0, 2), "at least one feature"),
    "a flatten of all": (lambda nn: nn.Sequential(nn.Flatten(0), nn.Linear(2, 2)), "start_dim=1, got Flatten.* at '0'"),
    "GELU by tanh": (lambda nn: behind(nn, nn.GELU("tanh")), "approximate='none', got GELU"),
    "Softplus with a beta": (lambda nn: behind(nn, nn.Softplus(beta=2)), "beta=1, got Softplus"),
    "Softplus with a low threshold": (lambda nn: behind(nn, nn.Softplus(threshold=5)), "a threshold of 20 or more"),
    "a wide Hardtanh": (lambda nn: behind(nn, nn.Hardtanh(-2, 2)), "min_val=-1, got Hardtanh"),
    "ELU with an alpha below 0": (lambda nn: behind(nn, nn.ELU(-1.0)), r"alpha: expected.*in ELU\(.*\) at '1'"),
    "statistics of the batch": (lambda nn: behind(nn, nn.BatchNorm1d(4, track_running_stats=False)), "running statist"),
    "a cumulative average": (lambda nn: behind(nn, nn.BatchNorm1d(4, momentum=None)), "running statistics that move"),
    "an eps of 0": (lambda nn: behind(nn, nn.LayerNorm(4, eps=0.0)), "eps: expected .*in LayerNorm"),
    "hooks": (lambda nn: with_hook(behind(nn)), "without hooks.*got Linear.* at '0'"),
    "parametrised weights": (
        lambda nn: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))), "remove_parametriz.*'0'",
    ),
    "one module twice": (lambda nn: nn.Sequential(one := nn.Linear(2, 2), nn.ReLU(), one), "of its own.*'0'.* at '2'"),
    "one weight twice": (tied, "weights of its own, not those of .* at '1', got .* at '4'"),
    "two modes": (lambda nn: half_trained(behind(nn, nn.Dropout(), nn.Linear(4, 4), nn.Dropout())), "one mode.* '3'"),
    "half": (lambda nn: nn.Linear(2, 2).bfloat16(), r"module\.float\(\) makes, not torch\.bfloat16"),
    "two dtypes": (lambda nn: nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).double()), "float32 as before, not .*64"),
    "no numbers": (lambda nn: nn.Linear(2, 2, device="meta"), "not on the meta device"),
    "another forward": (
        lambda nn: made(wrapped(nn, lambda self, x: self.stack(x) * 2), nn.Linear(2, 2)), "nothing else, got .* in Net",
    ),
    "a forward of pictures": (
        lambda nn: made(wrapped(nn, lambda self, x: self.stack(x.mean((2, 3)))), nn.Linear(2, 2)),
        r"rows of shape \(4, 2\), got IndexError",
    ),
    "a forward of one module": (lambda nn: with_bad(nn.Linear(2, 2), "forward", lambda x: -x), "nothing else, got"),
    "no forward": (lambda nn: nn.ModuleList([nn.Linear(2, 2)]), "got NotImplementedError"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("name", REFUSED)
def test_what_a_network_cannot_be_is_refused(torch, name):
    make, message = REFUSED[name]
    torch.manual_seed(0)
    module = make(torch.nn)
    modes = [each.training for each in module.modules()] if isinstance(module, torch.nn.Module) else []
    with pytest.raises((TypeError, ValueError), match=rf"(?s)^module: .*{message}"):
        mlpc.from_torch(module)
    assert not modes or modes == [each.training for each in module.modules()]


def test_another_loss_is_refused_as_everywhere(torch):
    with pytest.raises(ValueError, match=r"^loss: expected one of"):
        mlpc.from_torch(torch.nn.Linear(2, 2), loss="hubre")


@pytest.mark.parametrize("call", [lambda: mlpc.from_torch(1), lambda: mlpc.MLP([2, 1]).to_torch()], ids=["in", "out"])
def test_without_pytorch_the_error_says_what_to_install(monkeypatch, call):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="needs torch: pip install torch"):
        call()
