"""Callers who give their arrays, or the network's, another shape or type behind a call's back.

What went wrong here read or wrote beyond memory: each case runs in a process of its own, and is shown by its words.
"""

import subprocess
import sys
import textwrap

import pytest

BEFORE = """
import warnings; warnings.simplefilter("ignore")
import pickle
import numpy as np, mlpc
from mlpc import _mlpc, losses, ops
CE, MSE = ("cross_entropy", "mean", None, None), ("mse", "mean", None, None)
SGD = ("sgd", (0.0, 0.0), (0.0,) * 5, None, None, (None,) * 3, None, [0.1])

class Evil:
    def __init__(self, array, before): self.array, self.before = array, before
    def __array__(self, dtype=None, copy=None):
        self.before()
        return self.array

def reshapes(array, shape, result):
    def before(): array.shape = shape
    return Evil(result, before)

def refused(call):
    try: print(call())
    except (TypeError, ValueError) as error: print(f"{type(error).__name__}: {error}")

I, n = 64, 4096
net = mlpc.MLP([I, 8, 3], seed=1)
x = np.ones((n, I), np.float32)
labels, tall = np.zeros(n, np.int64), (n * I, 1)
"""


def says(program):
    done = subprocess.run(
        [sys.executable, "-c", BEFORE + textwrap.dedent(program)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    return done.stdout.strip()


ROWS = "ValueError: y: expected 4096 rows, one for each of the logits or predictions, got 262144"
TRAIN_EPOCH = "_mlpc.Net._train_epoch(net, x, y, CE, None, SGD, 64, True, 0, 0, False, None)"


@pytest.mark.parametrize("call", ["net.loss_and_grad(x, y)", "net.evaluate(x, y)", "net.fit(x, y)"])
@pytest.mark.parametrize("y", ["labels", "np.zeros(n * I, np.int64)"])
def test_y_that_reshapes_x(call, y):
    """What callers give is made arrays of first: the call sees x as it is after that, and says so."""
    said = says(f"y = reshapes(x, tall, {y})\nrefused(lambda: {call})")
    assert said.startswith("ValueError: x: expected shape (n, 64)") and said.endswith(", got (262144, 1)")


def test_y_that_reshapes_x_within_the_extension():
    """It sees x as it came, and y's rows are too many for it; or they fit."""
    assert says(f"y = reshapes(x, tall, np.zeros(n * I, np.int64))\nrefused(lambda: {TRAIN_EPOCH})") == ROWS
    assert says(f"y = reshapes(x, tall, labels)\nprint(len({TRAIN_EPOCH}))") == "3"


def test_y_that_makes_one_row_of_x():
    program = """
    y = reshapes(x, (1, n * I), np.zeros((1, 3), np.float32))
    refused(lambda: _mlpc.Net._train_epoch(net, x, y, MSE, None, SGD, 64, True, 0, 0, False, None))
    """
    assert says(program) == "ValueError: y: expected 4096 rows, one for each of the logits or predictions, got 1"


def test_y_that_takes_the_extents_of_x_away():
    program = """
    x, net = np.ones((1, 1), np.float32), mlpc.MLP([1, 2])
    refused(lambda: net.evaluate(x, reshapes(x, (), np.zeros(1, np.int64))))
    """
    assert says(program) == "ValueError: x: expected shape (n, 1), got ()"


def test_weights_that_reshape_y():
    program = """
    z, y = np.ones((n, 1), np.float32), np.ones((n, 1), np.float32)
    refused(lambda: losses.mse(z, y, sample_weight=reshapes(y, (1, n), np.ones(n))))
    z, y = np.ones((n, 1), np.float32), np.ones((n, 1), np.float32)
    refused(lambda: losses.mse(z, y, sample_weight=reshapes(y, (1, n), np.ones(1))))
    """
    assert says(program).splitlines() == ["ValueError: y: expected shape (n, 1), got (1, 4096)"] * 2


def test_numbers_of_an_optimizer_that_reshape_x():
    program = """
    class Rate(float):
        pass
    class Weight:
        def __float__(self):
            x.shape = tall
            return 0.0
    optimizer = ("sgd", (0.0, Weight()), *SGD[2:])
    print(len(_mlpc.Net._train_epoch(net, x, labels, CE, None, optimizer, 64, True, 0, 0, False, None)))
    """
    assert says(program) == "3"


def test_ops():
    """All arguments are made arrays of first: each call sees them as they are after that."""
    program = """
    w = np.ones((3, I), np.float32)
    refused(lambda: ops.linear_forward(x, reshapes(x, tall, w), np.zeros(3, np.float32)))
    x.shape = (n, I)
    refused(lambda: ops.linear_backward(np.ones((n, 3), np.float32), x, reshapes(x, tall, w)))
    x.shape = (n, I)
    refused(lambda: ops.linear_forward(x, w, reshapes(w, (3 * I, 1), np.zeros(3 * I, np.float32))))
    refused(lambda: ops.relu_backward(x, reshapes(x, tall, np.ones((n, I), np.float32))))
    z = np.ones((n, 1), np.float32)
    refused(lambda: losses.mse(z, reshapes(z, (1, n), np.ones((1, 1), np.float32))))
    """
    assert says(program).splitlines() == [
        "ValueError: weight: expected shape (n, 1), got (3, 64)",
        "ValueError: weight: expected shape (n, 1), got (3, 64)",
        "ValueError: weight: expected shape (n, 64), got (192, 1)",
        "ValueError: z: expected shape (262144, 1), got (4096, 64)",
        "ValueError: y: expected shape (n, 4096), got (1, 1)",
    ]


# ---- Samples ---------------------------------------------------------------------------------------------------------


def test_samples_keep_the_shape_that_they_were_made_with():
    program = """
    x = np.ones((1, 1 << 20), np.float32)
    samples = _mlpc.Samples(x, None, "float32", "multiply")
    x.shape = (1 << 20, 1)
    net, y = mlpc.MLP([1, 4, 3], loss="mse"), np.zeros((1 << 20, 3), np.float32)
    refused(lambda: net._train_epoch(samples, y, MSE, None, SGD, 64, True, 0, 0, True, None))
    print(hasattr(samples, "x"))
    """
    assert says(program).splitlines() == ["ValueError: x: expected shape (n, 1), got (1, 1048576)", "False"]


@pytest.mark.parametrize("zeros", ["choose", "skip", "multiply"])
@pytest.mark.parametrize(("dtype", "scale"), [("float32", None), ("uint8", 1.0)])
def test_samples_of_no_column(zeros, dtype, scale):
    program = f'refused(lambda: _mlpc.Samples(np.zeros((3, 0), "{dtype}"), {scale}, "float32", "{zeros}"))'
    assert says(program) == "ValueError: x: expected at least one column, got 0"


# ---- Arrays that the network has shown -------------------------------------------------------------------------------

CHANGES = {
    "dtype": "p.dtype = np.uint8",
    "float16": "p.dtype = np.float16",
    "shape": "p.shape = (1, -1)",
    "columns": "p.shape = (p.size, 1)",
    "state": 'p.__setstate__((1, (1,), np.dtype("f4"), False, bytes(4)))',
}


@pytest.mark.parametrize("held", [False, True], ids=["dropped", "held"])
@pytest.mark.parametrize("which", ["parameters", "gradients"])
@pytest.mark.parametrize("change", CHANGES)
def test_an_array_of_the_network_made_into_another(change, which, held):
    """Whatever became of that one, the network computes with its own numbers, and shows them all."""
    program = f"""
    x[:, 1:] = 0
    right, grad = net.forward(x), net.loss_and_grad(x, labels)
    parameters, gradients = net.parameters.copy(), net.gradients.copy()
    p = net.{which}
    {CHANGES[change]}
    {"" if held else "del p"}
    for _ in range(4): net.predict(x)
    for shown, numbers in ((net.parameters, parameters), (net.gradients, gradients)):
        print(shown.shape == (net.n_parameters,), shown.dtype, np.array_equal(shown, numbers))
    print(np.array_equal(net.forward(x), right), net.loss_and_grad(x, labels) == grad)
    print(np.array_equal(net.gradients, gradients), net.layers[2].weight.shape, net.layers[2].weight_grad.shape)
    other = pickle.loads(pickle.dumps(net))
    print(np.array_equal(other.parameters, parameters), np.array_equal(other.gradients, gradients))
    net.parameters[:] = np.nan
    print(np.isnan(net.forward(np.ones((1, I)))).all(), np.isnan(net.predict_proba(np.zeros((1, I)))).all())
    """
    assert says(program).splitlines() == [
        "True float32 True",
        "True float32 True",
        "True True",
        "True (3, 8) (3, 8)",
        "True True",
        "True True",
    ]


def test_a_view_of_what_became_another_array_still_counts():
    """A write through it is a write to the network's numbers, as before."""
    program = """
    net, x = mlpc.MLP([50, 4], loss="mse", seed=0), np.zeros((20, 50), np.float32)
    x[:, 0] = 1
    p = net.parameters
    view = p[4 * 10 : 4 * 11]
    p.shape = (1, -1)
    net.parameters
    del p
    for _ in range(4): net.predict(x)
    view[:] = np.nan
    print(np.isnan(net.predict(x)).all())
    """
    assert says(program) == "True"


def test_a_pickle_of_too_few_numbers_is_refused():
    program = """
    make, arguments, state = net.__reduce__()
    refused(lambda: make(*arguments).__setstate__(state | {"parameters": state["parameters"][:1]}))
    """
    assert says(program) == "ValueError: parameters: expected shape (547,), got (1,)"
