"""A hundred steps beside PyTorch's, in float64: each regulariser and each optimizer, and a training that has it all.

PyTorch gets our masks and our noise.  Where its own formula has a small number added against a division by 0 (1e-6 to
the norm of a gradient that is clipped, 1e-7 to that of a unit), the formula without it is written in tensors.
"""

import numpy as np
import pytest

import mlpc
from mlpc import ops
from mlpc.optim import SGD, Adagrad, Adam, AdamW, RMSprop, Rprop
from mlpc.testing import _torch_loss, torch_reference, use_masks
from mlpc.training import batches

EPOCHS, ROWS, BATCH = 20, 161, 32  # a hundred steps; with batch norm the last of each epoch is of 33 rows
rng = np.random.default_rng(0)
x, weight = rng.normal(1, 2, (ROWS, 9)), rng.uniform(0.5, 2, ROWS)
y = rng.integers(0, 4, ROWS)


class Reference:
    """The same network with the same optimizer, in PyTorch."""

    def __init__(self, torch, net, kind, settings, l1=0.0, clip_norm=None, clip_value=None, max_norm=None):
        self.torch, self.net = torch, net
        self.modules = torch_reference(net)
        self.optimizer = getattr(torch.optim, kind.__name__)(self.modules.parameters(), lr=1.0, **settings)
        self.l1, self.clip_norm, self.clip_value, self.max_norm = l1, clip_norm, clip_value, max_norm
        self.clipped = self.limited = 0

    def step(self, x, y, lr, drawn, sample_weight=None):
        """The loss; `drawn` says which masks."""
        use_masks(self.modules, self.net, len(x), drawn)
        labels = self.torch.from_numpy(y)
        loss = _torch_loss(self.net.criterion, self.modules(self.torch.from_numpy(x)), labels, sample_weight, "mean")
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.param_groups[0]["lr"] = lr
        with self.torch.no_grad():
            self._penalise()
            self.optimizer.step()
            self._limit()
        return loss.item()

    def _penalise(self):
        parameters, utils = list(self.modules.parameters()), self.torch.nn.utils
        if self.clip_norm:
            length = self.torch.cat([p.grad.flatten() for p in parameters]).norm()
            utils.clip_grad_norm_(parameters, self.clip_norm * (1 + 1e-6 / length))
            self.clipped += length.item() > self.clip_norm
        if self.clip_value:
            utils.clip_grad_value_(parameters, self.clip_value)
        for p in parameters:
            p.grad += self.l1 * p.sign()

    def _limit(self):
        for module in self.modules:
            if self.max_norm and isinstance(module, self.torch.nn.Linear):
                length = module.weight.norm(dim=1, keepdim=True)
                module.weight *= (self.max_norm / length).clamp(max=1)
                self.limited += int((length > self.max_norm).sum())


def before_batch_norm(net):
    """Biases with a derivative of 0, which both miss by rounding, and the running means, which follow them."""
    norms = [part.index for part in net.layers if isinstance(part, mlpc.layers.BatchNorm)]
    return {f"{index - 1}.bias" for index in norms} | {f"{index}.running_mean" for index in norms}


def assert_same(net, reference):
    """Numbers of both, and what they say in eval mode of rows that none has seen."""
    loose, modules = before_batch_norm(net), reference.modules
    for key, value in modules.state_dict().items():
        mine, scale = net.state_dict()[key], max(1.0, float(value.abs().max()))
        within = (1e-9 if key in loose else 1e-12) * scale
        np.testing.assert_allclose(mine, value.numpy(), rtol=0, atol=within, err_msg=key)
    unseen = np.random.default_rng(1).normal(1, 2, (50, 9))
    z = net.copy().eval().forward(unseen)
    expected = modules.eval()(reference.torch.from_numpy(unseen)).detach().numpy()
    np.testing.assert_allclose(z, expected, rtol=0, atol=(1e-9 if loose else 1e-12) * np.abs(expected).max())


def train_both(net, optimizer, reference, noise=0.0, sample_weight=None):
    """All epochs by hand and in PyTorch; their losses agree in every step."""
    net.train()
    for epoch in range(EPOCHS):
        steps = list(batches(ROWS, BATCH, seed=net.seed, epoch=epoch, net=net))
        for k, rows in enumerate(steps):
            drawn = net.masks_drawn
            given = ops.input_noise(x[rows], noise, net.seed, drawn)
            weights = None if sample_weight is None else sample_weight[rows]
            optimizer.epochs = epoch + (k + 0.5) / len(steps)  # as `fit` asks a schedule
            ours = net.loss_and_grad(given, y[rows], sample_weight=weights)
            theirs = reference.step(given, y[rows], optimizer.lr, drawn, weights)
            optimizer.step()
            assert ours == pytest.approx(theirs, rel=1e-12)


EVERYTHING = {"l1": 1e-3, "clip_norm": 0.8, "max_norm": 0.7}


def everything():
    """The network, and its optimizer."""
    loss = mlpc.losses.CrossEntropy(label_smoothing=0.1, class_weight=[0.5, 1, 2, 1.5])
    net = mlpc.MLP(
        [9, 24, 20, 16, 4], ["tanh", "gelu", mlpc.layers.LeakyReLU(0.2)], loss=loss, norm=["batch", "layer", "batch"],
        dropout=[0.2, 0.3, 0.1], input_dropout=0.2, dtype="float64", seed=3,
    )  # fmt: skip
    schedule = mlpc.schedules.Cosine(0.1, epochs=EPOCHS, warmup=2)
    return net, SGD(net, schedule, momentum=0.9, weight_decay=1e-3, **EVERYTHING)


def test_everything_at_once(torch):
    """Dropout, noise, norms, penalties, limits, weights and a schedule; and `fit` is the loop beside PyTorch."""
    net, optimizer = everything()
    reference = Reference(torch, net, SGD, {"momentum": 0.9, "weight_decay": 1e-3}, **EVERYTHING)
    train_both(net, optimizer, reference, noise=0.1, sample_weight=weight)
    assert reference.clipped > 10 and reference.limited > 10
    fitted, optimizer = everything()
    fitted.fit(x, y, epochs=EPOCHS, batch_size=BATCH, optimizer=optimizer, input_noise=0.1, sample_weight=weight)
    assert fitted.digest() == net.digest()
    assert_same(fitted, reference)


REGULARISERS = {
    "l1": ({}, {"l1": 1e-3}),
    "l2": ({}, {"weight_decay": 0.01}),
    "max-norm": ({}, {"max_norm": 0.7}),
    "dropout": ({"dropout": 0.4}, {}),
    "dropout of the input": ({"input_dropout": 0.3}, {}),
    "smoothed labels": ({"loss": mlpc.losses.CrossEntropy(label_smoothing=0.2)}, {}),
    "weighted classes": ({"loss": mlpc.losses.CrossEntropy(class_weight=[1, 3, 0.2, 0.5])}, {}),
}


@pytest.mark.parametrize("norm", [None, "layer", "batch"])
@pytest.mark.parametrize("case", REGULARISERS)
def test_regularisers(torch, case, norm):
    of_net, penalties = REGULARISERS[case]
    net = mlpc.MLP([9, 24, 20, 4], ["tanh", "gelu"], norm=norm, dtype="float64", seed=3, **of_net)
    decay = {"weight_decay": penalties.get("weight_decay", 0)}
    rest = {name: value for name, value in penalties.items() if name not in decay}
    reference = Reference(torch, net, SGD, {"momentum": 0.9} | decay, **rest)
    train_both(net, SGD(net, 0.05, momentum=0.9, **penalties), reference)
    assert case != "max-norm" or reference.limited > 100
    assert_same(net, reference)


@pytest.mark.parametrize("norm", [None, "layer", "batch"])
def test_noise_of_the_input(torch, norm):
    net = mlpc.MLP([9, 24, 20, 4], ["tanh", "gelu"], norm=norm, dtype="float64", seed=3)
    reference = Reference(torch, net, SGD, {"momentum": 0.9})
    train_both(net, SGD(net, 0.05, momentum=0.9), reference, noise=0.5)
    assert_same(net, reference)


OPTIMIZERS = {
    "sgd": (SGD, {}),
    "momentum": (SGD, {"momentum": 0.9}),
    "nesterov": (SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "adam": (Adam, {"eps": 1e-6}),
    "adamw": (AdamW, {"weight_decay": 0.1, "eps": 1e-6}),
    "rmsprop": (RMSprop, {"eps": 1e-3, "momentum": 0.5}),
    "adagrad": (Adagrad, {"eps": 1e-6}),
}
"""All whose steps depend smoothly on gradients: the others amplify what rounding leaves, here as in PyTorch."""
CLIPS = [{}, {"clip_norm": 0.3}, {"clip_value": 0.02}, {"clip_norm": 0.3, "clip_value": 0.02}]


@pytest.mark.parametrize("clips", CLIPS, ids=str)
@pytest.mark.parametrize("case", OPTIMIZERS)
def test_optimizers_with_clipping(torch, case, clips):
    kind, settings = OPTIMIZERS[case]
    net = mlpc.MLP([9, 24, 20, 4], ["tanh", "gelu"], norm=[None, "layer"], dropout=0.1, dtype="float64", seed=3)
    reference = Reference(torch, net, kind, settings, **clips)
    train_both(net, kind(net, mlpc.schedules.Cosine(0.01, EPOCHS), **settings, **clips), reference)
    assert "clip_norm" not in clips or reference.clipped > 10
    assert_same(net, reference)


@pytest.mark.parametrize("clips", CLIPS[1:], ids=str)
@pytest.mark.parametrize(
    ("kind", "settings"), [(Rprop, {}), (RMSprop, {"centered": True}), (RMSprop, {"centered": True, "momentum": 0.9})]
)
def test_clipping_where_gradients_are_handed_over(torch, kind, settings, clips):
    """Of optimizers that a difference in rounding leads elsewhere: by the sign of a gradient, or by a variance near
    0."""
    net = mlpc.MLP([7, 5, 3], dtype="float64")
    mine = kind(net, 0.01, **settings, **clips)
    parameter = torch.nn.Parameter(torch.tensor(net.parameters))
    theirs = getattr(torch.optim, kind.__name__)([parameter], 0.01, **settings)
    generator = np.random.default_rng(2)
    for _ in range(100):
        gradient = generator.normal(size=net.n_parameters) / 10
        net.gradients[:], parameter.grad = gradient, torch.tensor(gradient)
        if "clip_norm" in clips:
            torch.nn.utils.clip_grad_norm_([parameter], clips["clip_norm"] * (1 + 1e-6 / parameter.grad.norm()))
        if "clip_value" in clips:
            torch.nn.utils.clip_grad_value_([parameter], clips["clip_value"])
        mine.step()
        theirs.step()
    expected = parameter.detach().numpy()
    np.testing.assert_allclose(net.parameters, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
