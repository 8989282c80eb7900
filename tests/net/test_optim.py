"""Optimizers and schedules: against PyTorch and against their formulas."""

import math

import numpy as np
import pytest

import mlpc
from mlpc.optim import SGD, Adagrad, Adam, AdamW, RMSprop, Rprop
from mlpc.schedules import Constant, Cosine, Step

SETTINGS = [
    (SGD, {}),
    (SGD, {"weight_decay": 0.01}),
    (SGD, {"momentum": 0.9}),
    (SGD, {"momentum": 0.9, "weight_decay": 0.01}),
    (SGD, {"momentum": 0.9, "nesterov": True}),
    (SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    (Adam, {}),
    (Adam, {"weight_decay": 0.01}),
    (Adam, {"betas": (0.5, 0.8), "eps": 1e-3}),
    (Adam, {"betas": (0.0, 0.0)}),
    (AdamW, {}),
    (AdamW, {"weight_decay": 0.1, "betas": (0.8, 0.99)}),
    (RMSprop, {}),
    (RMSprop, {"alpha": 0.5, "eps": 1e-3, "weight_decay": 0.01}),
    (RMSprop, {"momentum": 0.9}),
    (RMSprop, {"centered": True}),
    (RMSprop, {"momentum": 0.9, "centered": True, "weight_decay": 0.01}),
    (Adagrad, {}),
    (Adagrad, {"lr_decay": 0.1, "eps": 1e-3, "weight_decay": 0.01}),
    (Rprop, {}),
    (Rprop, {"etas": (0.3, 1.5), "step_sizes": (1e-3, 0.5)}),
]


@pytest.mark.parametrize(("kind", "settings"), SETTINGS, ids=str)
def test_a_hundred_steps_are_those_of_torch(torch, kind, settings):
    rng = np.random.default_rng(0)
    net = mlpc.MLP([7, 5, 3], dtype="float64")
    mine = kind(net, 0.1, **settings)
    parameter = torch.nn.Parameter(torch.tensor(net.parameters))
    theirs = getattr(torch.optim, kind.__name__)([parameter], 0.1, **settings)
    for _ in range(100):
        gradient = rng.normal(size=net.n_parameters)
        net.gradients[:] = gradient
        parameter.grad = torch.tensor(gradient)
        mine.step()
        theirs.step()
    expected = parameter.detach().numpy()
    assert np.abs(net.parameters - expected).max() <= 1e-12 * np.abs(expected).max()


PENALTIES = [{"clip_value": 0.5}, {"clip_norm": 1.5}, {"clip_value": 0.5, "clip_norm": 1.5, "weight_decay": 0.1}]


@pytest.mark.parametrize("penalties", PENALTIES, ids=str)
@pytest.mark.parametrize("kind", [SGD, AdamW, RMSprop])
def test_gradients_are_clipped_as_torch_clips_them(torch, kind, penalties):
    rng = np.random.default_rng(0)
    net = mlpc.MLP([7, 5, 3], dtype="float64")
    mine = kind(net, 0.1, **penalties)
    parameter = torch.nn.Parameter(torch.tensor(net.parameters))
    theirs = getattr(torch.optim, kind.__name__)([parameter], 0.1, weight_decay=penalties.get("weight_decay", 0))
    if kind is AdamW and "weight_decay" not in penalties:
        mine = kind(net, 0.1, weight_decay=0, **penalties)
    for _ in range(20):
        gradient = rng.normal(size=net.n_parameters)
        net.gradients[:] = gradient
        parameter.grad = torch.tensor(gradient)
        if "clip_norm" in penalties:
            torch.nn.utils.clip_grad_norm_([parameter], penalties["clip_norm"])
        if "clip_value" in penalties:
            torch.nn.utils.clip_grad_value_([parameter], penalties["clip_value"])
        mine.step()
        theirs.step()
        assert np.array_equal(net.gradients, gradient)
    expected = parameter.detach().numpy()
    assert np.abs(net.parameters - expected).max() <= 1e-6 * np.abs(expected).max()  # torch adds 1e-6 to the norm


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, RMSprop])
def test_factors_of_tensors_are_the_groups_of_torch(torch, kind):
    rng = np.random.default_rng(0)
    net = mlpc.MLP([7, 5, 3], dtype="float64")
    groups = {"*.bias": {"weight_decay": 0}, "0.*": {"lr": 0.1}, "0.bias": {"lr": 3}}
    mine = kind(net, 0.1, weight_decay=0.2, groups=groups)
    tensors = {key: torch.nn.Parameter(torch.tensor(array.copy())) for key, array in net.state_dict().items()}
    factors = {"0.weight": (0.1, 1), "0.bias": (3, 0), "2.weight": (1, 1), "2.bias": (1, 0)}
    theirs = getattr(torch.optim, kind.__name__)(
        [{"params": [tensors[key]], "lr": 0.1 * f, "weight_decay": 0.2 * d} for key, (f, d) in factors.items()]
    )
    for _ in range(20):
        for part in net.layers[::2]:
            part.weight_grad, part.bias_grad = rng.normal(size=part.weight.shape), rng.normal(size=part.bias.shape)
            tensors[f"{part.index}.weight"].grad = torch.tensor(part.weight_grad.copy())
            tensors[f"{part.index}.bias"].grad = torch.tensor(part.bias_grad.copy())
        mine.step()
        theirs.step()
    for key, array in net.state_dict().items():
        np.testing.assert_allclose(array, tensors[key].detach().numpy(), rtol=1e-12)


def test_l1_adds_the_sign_of_each_parameter(dtype):
    net = mlpc.MLP([2, 1], dtype=np.dtype(dtype).name, init=[[[2.0, -2.0]], [0.0]])
    net.gradients[:] = 1.0, 1.0, 1.0
    SGD(net, 0.5, l1=0.25).step()
    np.testing.assert_array_equal(net.parameters, [2 - 0.625, -2 - 0.375, -0.5])


def test_max_norm_scales_the_weights_of_units_that_are_longer(dtype):
    net = mlpc.MLP([2, 2], dtype=np.dtype(dtype).name, init=[[[3.0, 4.0], [0.3, 0.4]], [9.0, 9.0]])
    SGD(net, 0.5, max_norm=2.5).step()
    np.testing.assert_array_equal(net.layers[0].weight, np.array([[1.5, 2.0], [0.3, 0.4]], dtype))
    np.testing.assert_array_equal(net.layers[0].bias, [9.0, 9.0])


@pytest.mark.parametrize(
    ("keywords", "error", "words"),
    [
        ({"clip_norm": 0}, ValueError, "clip_norm: expected a number > 0, or None, got 0"),
        ({"max_norm": -1}, ValueError, "max_norm"),
        ({"l1": "a"}, TypeError, "l1"),
        ({"groups": {"1.*": {"lr": 1}}}, ValueError, r"groups: expected patterns of 0.weight, 0.bias, got '1\.\*'"),
        ({"groups": {"*": {"rate": 1}}}, ValueError, r"groups\['\*'\]: expected 'lr' or 'weight_decay', got 'rate'"),
        ({"groups": {"*": {"lr": -1}}}, ValueError, r"groups\['\*'\]\['lr'\]"),
    ],
)
def test_penalties_that_cannot_be(keywords, error, words):
    for kind in mlpc.optim.OPTIMIZERS.values():
        with pytest.raises(error, match=words):
            kind(mlpc.MLP([2, 2]), **keywords)


@pytest.mark.parametrize(
    ("keywords", "error", "words"),
    [
        ({"lr": -0.1}, ValueError, "lr.*-0.1"),
        ({"lr": math.nan}, ValueError, "lr.*nan"),
        ({"lr": "fast"}, TypeError, "lr.*'fast'"),
        ({"lr": 10**400}, ValueError, "lr: expected a finite number"),
        ({"momentum": 1.0}, ValueError, "momentum"),
        ({"momentum": -0.5}, ValueError, "momentum"),
        ({"nesterov": True}, ValueError, "nesterov"),
        ({"weight_decay": -1e-4}, ValueError, "weight_decay"),
        ({"weight_decay": math.inf}, ValueError, "weight_decay"),
    ],
)
def test_errors(keywords, error, words):
    with pytest.raises(error, match=words):
        SGD(mlpc.MLP([2, 2]), **keywords)


@pytest.mark.parametrize("kind", [Adam, AdamW])
@pytest.mark.parametrize(
    ("keywords", "error", "words"),
    [
        ({"betas": (0.9, 1.0)}, ValueError, r"beta2: expected a number in \[0, 1\)"),
        ({"betas": (-0.1, 0.9)}, ValueError, r"betas\[0\]"),
        ({"betas": 0.9}, TypeError, "betas: expected two numbers, got 0.9"),
        ({"betas": (0.9, "a")}, TypeError, r"betas\[1\]"),
        ({"eps": 0.0}, ValueError, "eps: expected a number > 0, got 0.0"),
        ({"eps": 1e-60}, ValueError, "eps: expected a number > 0 in float32, got 1e-60"),
        ({"weight_decay": -1}, ValueError, "weight_decay"),
        ({"lr": -1}, ValueError, "lr"),
    ],
)
def test_errors_of_adam(kind, keywords, error, words):
    with pytest.raises(error, match=words):
        kind(mlpc.MLP([2, 2]), **keywords)


def test_the_first_step_of_adam_is_the_learning_rate_whatever_the_gradient(dtype):
    net = mlpc.MLP([2, 1], init="zeros", dtype=np.dtype(dtype).name)
    net.gradients[:] = 1000.0, -0.001, 0.0
    Adam(net, 0.25).step()
    np.testing.assert_allclose(net.parameters, [-0.25, 0.25, 0.0], rtol=2e-5)


def test_steps_of_another_run_are_loaded():
    net = mlpc.MLP([2, 1])
    optimizer, other = Adam(net), Adam(net)
    net.gradients[:] = 1.0
    optimizer.step()
    other.load_state_dict(optimizer.state_dict())
    assert other.state["steps"] == 1
    with pytest.raises(ValueError, match="steps: expected a finite number >= 0"):
        other.load_state_dict(optimizer.state_dict() | {"steps": [-1.0]})
    assert other.state["steps"] == 1


def test_errors_name_the_network():
    with pytest.raises(TypeError, match="net"):
        SGD([1, 2, 3])


def test_the_clock_reads_the_schedule():
    optimizer = SGD(mlpc.MLP([2, 2]), Step(1.0, every=2, gamma=0.5))
    assert optimizer.lr == 1.0
    optimizer.epochs = 2.5
    assert optimizer.lr == 0.5
    optimizer.lr = 0.3
    assert optimizer.lr == 0.3 and optimizer.schedule == Constant(0.3)


def test_zero_learning_rate_changes_nothing():
    net = mlpc.MLP([2, 2])
    before = net.parameters.copy()
    net.gradients[:] = 1
    SGD(net, 0.0).step()
    assert np.array_equal(net.parameters, before)


def test_zero_grad():
    net = mlpc.MLP([2, 2])
    net.gradients[:] = 1
    SGD(net).zero_grad()
    assert not net.gradients.any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_state_dict_continues_the_run(dtype):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, 2)), rng.integers(0, 2, 40)
    net = mlpc.MLP([2, 5, 2], dtype=dtype)
    optimizer = SGD(net, Cosine(0.5, 4), momentum=0.9)
    net.fit(x, y, epochs=2, batch_size=16, optimizer=optimizer)
    weights, state, stream = net.state_dict(), optimizer.state_dict(), net.shuffle_state
    net.fit(x, y, epochs=2, batch_size=16, optimizer=optimizer)

    assert state["epochs"] == 2.0 and state["velocity"].shape == (net.n_parameters,)
    other = mlpc.MLP([2, 5, 2], dtype=dtype, init=weights)
    continued = SGD(other, Cosine(0.5, 4), momentum=0.9)
    continued.load_state_dict(state)
    for epoch in range(stream[1], stream[1] + 2):
        steps = list(mlpc.training.batches(len(x), 16, seed=stream[0], epoch=epoch))
        for k, rows in enumerate(steps):
            other.loss_and_grad(x[rows], y[rows])
            continued.epochs = epoch + (k + 0.5) / len(steps)
            continued.step()
    assert np.array_equal(other.parameters, net.parameters)


@pytest.mark.parametrize("kind", mlpc.optim.OPTIMIZERS.values(), ids=mlpc.optim.OPTIMIZERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_file_of_numpy_gives_network_and_optimizer_back(tmp_path, kind, dtype):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, 2)), rng.integers(0, 2, 40)
    settings = {"momentum": 0.9} if kind is SGD else {}

    def new():
        net = mlpc.MLP([2, 5, 2], dtype=dtype)
        return net, kind(net, Cosine(0.5, 4), **settings)

    net, optimizer = new()
    net.fit(x, y, epochs=3, batch_size=16, optimizer=optimizer)
    np.savez(tmp_path / "net.npz", **net.state_dict())
    np.savez(tmp_path / "optimizer.npz", **optimizer.state_dict())

    other, continued = new()
    with np.load(tmp_path / "net.npz") as arrays, np.load(tmp_path / "optimizer.npz") as state:
        other.load_state_dict(arrays)
        continued.load_state_dict(state)
    assert continued.epochs == 3.0 and type(continued.epochs) is float and continued.lr == optimizer.lr
    assert set(continued.state) == set(optimizer.state)
    for name, array in optimizer.state.items():
        assert array.any() and np.array_equal(continued.state[name], array), name
    for each, steps in ((net, optimizer), (other, continued)):
        each.loss_and_grad(x, y)
        steps.step()
    assert np.array_equal(other.parameters, net.parameters)


@pytest.mark.parametrize("number", [np.array(0.25), np.array(0.25, np.float16), np.float32(0.25)], ids=repr)
def test_a_number_of_no_dimension_is_a_number(number):
    optimizer = SGD(mlpc.MLP([2, 2]), number, momentum=number)
    assert optimizer.lr == optimizer.momentum == 0.25 and type(optimizer.momentum) is float


@pytest.mark.parametrize("number", [np.array(True), np.array([0.25]), np.array("0.25"), np.array(0.25j)], ids=repr)
def test_other_arrays_are_none(number):
    with pytest.raises(TypeError, match="lr: expected a number, got "):
        SGD(mlpc.MLP([2, 2]), number)


@pytest.mark.parametrize(
    "state",
    [
        {"epochs": 1.0},
        {"epochs": 1.0, "velocity": np.zeros(5), "more": 1},
        {"epochs": 1.0, "velocity": np.zeros(5)},
        {"epochs": -1.0, "velocity": np.ones(6)},
    ],
    ids=["missing", "unknown", "shape", "clock"],
)
def test_a_wrong_state_changes_nothing(state):
    optimizer = SGD(mlpc.MLP([2, 2]), momentum=0.5)
    with pytest.raises(ValueError):
        optimizer.load_state_dict(state)
    assert optimizer.epochs == 0 and not optimizer.state["velocity"].any()


def test_repr():
    optimizer = SGD(mlpc.MLP([2, 2]), 0.25)
    assert repr(optimizer) == "SGD(lr=0.25, momentum=0.0, nesterov=False, weight_decay=0.0, epochs=0.0)"
    assert "Cosine(lr=0.5, epochs=3" in repr(SGD(mlpc.MLP([2, 2]), Cosine(0.5, 3)))


def test_schedules_follow_their_formulas():
    times = np.linspace(0, 12, 97)
    for t in times:
        assert Constant(0.3)(t) == 0.3
        assert Step(0.3, 2.5, 0.5)(t) == pytest.approx(0.3 * 0.5 ** math.floor(t / 2.5), rel=1e-15)
        wave = 0.1 + 0.2 * (1 + math.cos(math.pi * (t - 2) / 8)) / 2 if t < 10 else 0.1
        assert Cosine(0.3, 10, 0.1, warmup=2)(t) == pytest.approx(0.3 * t / 2 if t < 2 else wave, rel=1e-14)
    assert Constant(0.4, warmup=4)(1) == Step(0.4, 1, warmup=4)(1) == 0.1


def test_schedules_are_values():
    assert Cosine(0.1, 5) == Cosine(0.1, 5) != Cosine(0.1, 6)
    assert len({Step(0.1, 2), Step(0.1, 2)}) == 1
    with pytest.raises(AttributeError):
        Constant(0.1).lr = 0.2


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Constant(-1), ValueError, "lr"),
        (lambda: Constant("1"), TypeError, "lr"),
        (lambda: Constant(1, warmup=-1), ValueError, "warmup"),
        (lambda: Step(1, 0), ValueError, "every"),
        (lambda: Step(1, 1, math.inf), ValueError, "gamma"),
        (lambda: Cosine(1, 2, warmup=2), ValueError, "epochs"),
        (lambda: Cosine(1, 2, minimum=1.5), ValueError, "minimum"),
    ],
)
def test_schedules_are_checked(make, error, words):
    with pytest.raises(error, match=words):
        make()
