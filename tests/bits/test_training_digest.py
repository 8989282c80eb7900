"""One training run that uses everything has one digest: over instruction sets and floating-point modes.

The digests are constants of `mlpc.ARITHMETIC`. They change only where the arithmetic does, and then its version rises.
`python tests/bits/test_training_digest.py` prints them.
"""

import hashlib
import sys

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc

DIGESTS = {
    "float32": "6f3bf49dcefa7b6c8521aaa04ca211bbfa43175ce1ce1c37fa25adebff609b22",
    "float64": "8adaa33cd76cc9c656a1b62e7ccfa2637fc05f665ac2f799d548ff40433950b3",
}

ACTIVATIONS = _mlpc.kernels()["activation"]
LOSSES = ["cross_entropy", "bce_with_logits", "mse", "mae", "huber", "poisson"]


def uniform(generator, shape, dtype):
    """In [-2, 2), by exact operations alone: normal variates would bring a library's logarithm into the digest."""
    return (4 * generator.random(shape) - 2).astype(dtype)


def targets(loss, generator, n, k, dtype):
    if loss == "cross_entropy":
        return generator.integers(0, k, n)
    if loss == "bce_with_logits":
        return generator.integers(0, 2, (n, k)).astype(dtype)
    return uniform(generator, (n, k), dtype) + np.array(2, dtype)


def train_everything(dtype, epochs=2):
    """The digest of networks that use every activation, loss and initial value between them, trained for two epochs."""
    total = hashlib.sha256()
    for number, loss in enumerate(LOSSES):
        generator = np.random.Generator(np.random.PCG64(number))
        hidden = ACTIVATIONS[2 * number :] + ACTIVATIONS[: 2 * number]
        widths = [5 + (3 * i + number) % 17 for i in range(len(hidden))]
        init = ["torch", "he", "glorot", "lecun", "orthogonal", "course"][number]
        if loss == "cross_entropy":
            criterion = mlpc.losses.CrossEntropy(label_smoothing=0.1, class_weight=[0.5, 1.0, 2.0])
        else:
            criterion = loss
        net = mlpc.MLP([290, *widths, 3], hidden, loss=criterion, dtype=dtype, init=init, seed=number)
        x = uniform(generator, (150, 290), dtype)
        x[generator.random(x.shape) < 0.5] = -0.0
        y = targets(loss, generator, 150, 3, dtype)
        options = {"sample_weight": generator.random(150) + 0.5}
        schedule = mlpc.schedules.Cosine(0.01, epochs=5, warmup=0.5)
        optimizer = mlpc.optim.SGD(net, schedule, momentum=0.9, nesterov=number % 2 == 0, weight_decay=1e-3)
        net.fit(x, y, epochs=epochs, batch_size=67, optimizer=optimizer, progress=False, **options)
        total.update(net.digest().encode())
        total.update(net.forward(x[:7]).tobytes())
    return total.hexdigest()


@pytest.mark.parametrize("dtype_name", DIGESTS)
def test_digest(isa_or_reference, dtype_name):
    assert train_everything(dtype_name) == DIGESTS[dtype_name]


@pytest.mark.parametrize("dtype_name", DIGESTS)
def test_a_third_epoch_gives_another_digest(dtype_name):
    assert train_everything(dtype_name, epochs=3) != DIGESTS[dtype_name]


MODES = {"flush to zero": 0x9F80, "denormals are zero": 0x1FC0, "upward": 0x5F80, "toward zero, flushing": 0xFFC0}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype_name", DIGESTS)
def test_digest_under_another_floating_point_mode(control, isa, mode, dtype_name):
    """The caller's mode changes no bit of ours, and is the caller's again afterwards."""
    net = mlpc.MLP([30, 20, 3], "gelu", dtype=dtype_name, seed=1)
    generator = np.random.Generator(np.random.PCG64(5))
    x = generator.standard_normal((100, 30)).astype(dtype_name)
    x[:, ::3] *= np.finfo(dtype_name).tiny
    y = generator.integers(0, 3, 100)
    expected = train(net, x, y)

    control.set(MODES[mode])
    try:
        found = train(net, x, y)
        after = control.get()
    finally:
        control.set(0x1F80)
    assert after == MODES[mode]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def train(net, x, y):
    """Bits from every door of the core, from the same start."""
    net = net.__class__(net.sizes, list(net.activations), dtype=net.dtype.name, seed=1)
    optimizer = mlpc.optim.SGD(net, 0.1, momentum=0.9)
    history = net.fit(x, y, epochs=2, optimizer=optimizer, seed=3, progress=False)
    loss, accuracy = net.evaluate(x, y)
    z = net.forward(x)
    net.loss_and_grad(x, y)
    return [
        net.parameters.copy(),
        net.gradients.copy(),
        z,
        np.array([*history["loss"], loss, accuracy]),
        mlpc.ops.exp(x),
        mlpc.ops.softmax(x),
        np.array(mlpc.schedules.Cosine(0.1, 7)(2.3)),
    ]


WEIGHTS = np.arange(1, 41, dtype=np.longdouble) / 3  # rounded to float64
TARGETS = np.stack([np.arange(40), 40 - np.arange(40), np.full(40, 7)], axis=1) / 47

# Doors through which numbers of another dtype come in: x (40, 30), y (40,) labels, w (40,) weights > 0.
CONVERSIONS = {
    "fit": lambda net, x, y, w: net.fit(x, y, epochs=1, progress=False),
    "fit with weights": lambda net, x, y, w: net.fit(
        x, y, epochs=1, sample_weight=WEIGHTS, class_weight=w[:3], progress=False
    ),
    "validation": lambda net, x, y, w: net.fit(x[:5], y[:5], epochs=1, validation_data=(x, y), progress=False),
    "probabilities": lambda net, x, y, w: net.fit(x, TARGETS, epochs=1, progress=False),
    "load_state_dict": lambda net, x, y, w: net.load_state_dict({"0.weight": x[:3], "0.bias": x[3, :3]}),
    "init": lambda net, x, y, w: net.__init__(net.sizes, init=[x[:3], x[3, :3]]),
    "weight": lambda net, x, y, w: setattr(net.layers[0], "weight", x[:3]),
    "bias": lambda net, x, y, w: setattr(net.layers[0], "bias", x[0, :3]),
    "weight_grad": lambda net, x, y, w: setattr(net.layers[0], "weight_grad", x[:3]),
    "loss_and_grad": lambda net, x, y, w: net.loss_and_grad(
        x, y, mlpc.losses.CrossEntropy(class_weight=w[:3]), sample_weight=w
    ),
    "velocity": lambda net, x, y, w: step_from(net, x.reshape(-1)),
}


def step_from(net, numbers):
    optimizer = mlpc.optim.SGD(net, 0.1, momentum=0.5)
    optimizer.load_state_dict({"epochs": 0, "velocity": numbers[: net.n_parameters]})
    optimizer.step()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CONVERSIONS)
def test_float64_becomes_float32_alike_under_another_mode(control, mode, name):
    """Numbers are rounded to nearest, and subnormal ones kept, wherever they come in."""
    generator = np.random.Generator(np.random.PCG64(7))
    x, w = generator.random((40, 30)) - 0.5, generator.random(40) + 0.5
    x[:, ::3] *= np.finfo(np.float32).tiny
    y = generator.integers(0, 3, 40)

    def bits():
        net = mlpc.MLP([30, 3], seed=1)
        CONVERSIONS[name](net, x, y, w)
        figures = {key: column for key, column in (net.history or {}).items() if key != "seconds"}
        return net.parameters.tobytes(), net.gradients.tobytes(), figures

    expected = bits()
    control.set(MODES[mode])
    try:
        found = bits()
        after = control.get()
    finally:
        control.set(0x1F80)
    assert after == MODES[mode]
    assert found == expected


if __name__ == "__main__":
    for name in DIGESTS:
        print(name, train_everything(name))
    sys.exit(0)
