"""The floating-point mode where Python runs within a call, and where the caller's exceptions are not masked.

What the caller's mode must not change in the results is in tests/bits/test_training_digest.py.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

from mlpc import _mlpc

MSE = ("mse", "mean", None, None)
SGD = ("sgd", (0.0, 0.0), (0.0,) * 5, None, None, (None,) * 3, None, [0.001])
PLAIN, UPWARD, FLUSHING = 0x1F80, 0x5F80, 0x9FC0


@pytest.fixture(scope="module")
def x():
    """Some tenths of a second of work; made in the ordinary mode."""
    return np.linspace(-1, 1, 6_400_000, dtype=np.float32).reshape(-1, 64)


def train(x, tick):
    """The parameters after one long epoch."""
    net = _mlpc.Net((64, 128, 8), ["tanh"], "float32")
    net._initialize("torch", 1)
    net._train_epoch(x, x[:, :8], MSE, None, SGD, 4, True, 0, 0, False, tick)
    return net.parameters.tobytes()


def test_a_tick_may_change_the_mode(control, x):
    """It runs in the caller's mode; the arithmetic goes on in ours; what it set is the caller's mode afterwards."""
    seen = []

    def tick(rows):
        seen.append(control.get())
        control.set(FLUSHING)

    expected = train(x, None)
    control.set(UPWARD)
    try:
        found = train(x, tick)
        after = control.get()
    finally:
        control.set(PLAIN)
    assert seen[0] == UPWARD and set(seen[1:]) <= {FLUSHING}
    assert after == FLUSHING
    assert found == expected


def test_a_call_whose_tick_raises_leaves_the_mode_that_the_tick_set(control, x):
    def tick(rows):
        control.set(UPWARD)
        raise LookupError

    try:
        with pytest.raises(LookupError):
            train(x, tick)
        after = control.get()
    finally:
        control.set(PLAIN)
    assert after == UPWARD


UNMASKED = """
import ctypes, sys
import numpy as np
from mlpc import _mlpc
z = np.zeros((40, 3), sys.argv[2])
control = ctypes.CDLL(sys.argv[1])
net = _mlpc.Net([3, 3], [], sys.argv[2])
net.forward(z)
signaling = np.array([0x7FF4 << 48]).view(float)[0]
for bad in (np.nan, np.inf, -np.inf, signaling):
    y, weight = np.full(z.shape, bad), np.full(40, bad)
    calls = {
        "y": lambda: _mlpc.loss(z, y, ("mse", "mean", None, None), None, None),
        "sample_weight": lambda: net.loss(z, ("mse", "mean", None, None), weight),
        "class_weight": lambda: net.loss(z, ("cross_entropy", "mean", None, weight[:3]), None),
    }
    for name, call in calls.items():
        control.set(0x1F00)
        try:
            call()
        except ValueError as error:
            caught = error
        control.set(0x1F80)
        assert str(caught).startswith(name + ": expected finite numbers"), caught
print("refused")
"""


@pytest.mark.parametrize("isa", _mlpc.isas())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_caller_who_traps_invalid_operations_gets_an_exception(control, isa, dtype):
    """With the invalid operation unmasked, subtracting infinities would end the process by a signal."""
    command = [sys.executable, "-c", UNMASKED, control._name, dtype]
    environment = os.environ | {"MLPC_ISA": isa}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout.strip() == "refused", (done.returncode, done.stderr)
