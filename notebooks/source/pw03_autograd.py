# ---
# jupyter:
#   jupytext:
#     comment_magics: false
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Practical work 03, exercise 4 (optional): graphs and autograd
#
# Back-propagation is not bound to layers in a row. Here you send gradients through a graph by hand, with a weight that
# is used twice: first with numbers, one derivative after the other, then with vectors. Then you write a small autograd,
# and everything from the first part takes a few lines. The examples are those of François Fleuret's lectures 4.1 (DAG
# networks) and 4.2 (autograd), re-derived; each stands beside PyTorch where PyTorch is installed.
#
# **How it works.** A blank lies between `### YOUR CODE START ###` and `### YOUR CODE END ###`. Visible tests come after
# it: each prints `passed`, or says what it expected, what came, and the usual reason. Questions have their answers
# folded up below them: decide first. **What you hand in** is this notebook, filled in, run from top to bottom, with
# your comments; `python -m mlpc pack --group NAME` makes the renamed copy and says what is missing.

# %%
#include setup

# %% tags=["parameters"]
import os

GROUP = "group"  # your group's name: it becomes part of the file name
DATA = os.environ.get("PW03_DATA", "mnist")  # "mnist": 28 x 28 pixels; "digits": 8 x 8 pixels, for a quick run

# %%
import contextlib
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

import mlpc
from mlpc.course import load_data
from mlpc.course.testing import checking, compare, expect

try:
    import torch
except ImportError:
    torch = None
    print("PyTorch is not installed: the comparisons with it are left out, everything else runs.")


def differences(function, array, h=1e-5):
    """Central differences of `function(array)`, a number, by every element of `array`."""
    slopes = np.empty(array.shape)
    for place in np.ndindex(array.shape):
        moved = np.array(array)
        moved[place] += h
        above = function(moved)
        moved[place] -= 2 * h
        slopes[place] = (above - function(moved)) / (2 * h)
    return slopes


def raised(call):
    """The error in which a call ends, or None; that of a blank goes on."""
    try:
        call()
    except NotImplementedError:
        raise
    except Exception as error:
        return error
    return None


# %% [markdown]
# ---
# ## A graph with a shared weight
#
# $$x_1 = f_1(x_0; w_1), \qquad x_2 = f_2(x_0, x_1; w_2), \qquad x_3 = f_3(x_1, x_2; w_1)$$
#
# For numbers we take vectors of four elements, weights of 4 x 4, and $\odot$ for the product of elements:
#
# $$x_1 = \sigma(w_1 x_0), \qquad x_2 = \sigma(w_2 (x_0 + x_1)), \qquad x_3 = \sigma(w_1 (x_1 \odot x_2)),
# \qquad L = \sum_j x_{3,j}^2$$

# %% tags=["plot"]
PLACES = {"x0": (0, 0), "x1": (2, 0), "x2": (4, 0), "x3": (6, 0), "L": (7.7, 0), "w1": (4, 2.3), "w2": (4, -1.6)}
EDGES = [  # from, to, and how much the arrow is bent
    ("x0", "x1", 0), ("x0", "x2", 0.3), ("x1", "x2", 0), ("x1", "x3", -0.28), ("x2", "x3", 0), ("x3", "L", 0),
    ("w1", "x1", 0), ("w1", "x3", 0), ("w2", "x2", 0),
]  # fmt: skip


def draw_graph(texts):
    """The graph, with a text on each node; weights stand on white."""
    figure, axes = plt.subplots(figsize=(8.6, 3.6), layout="constrained")
    boxes = {}
    for name, text in texts.items():
        style = {"boxstyle": "round,pad=0.4", "facecolor": "white" if name[0] == "w" else "0.9", "edgecolor": "0.3"}
        label = axes.text(*PLACES[name], text, ha="center", va="center", fontsize=10, bbox=style)
        boxes[name] = label.get_bbox_patch()
    for begin, end, bend in EDGES:
        arrow = {"arrowstyle": "-|>", "color": "0.2", "patchA": boxes[begin], "patchB": boxes[end]}
        arrow["connectionstyle"] = f"arc3,rad={bend}"
        axes.annotate("", xy=PLACES[end], xytext=PLACES[begin], arrowprops=arrow)
    axes.set(xlim=(-0.5, 8.5), ylim=(-2, 2.7))
    axes.axis("off")
    plt.close(figure)
    return figure


draw_graph({
    "x0": "$x_0$", "w1": "$w_1$", "w2": "$w_2$", "x1": "$x_1 = \\sigma(w_1 x_0)$",
    "x2": "$x_2 = \\sigma(w_2 s)$\n$s = x_0 + x_1$", "x3": "$x_3 = \\sigma(w_1 p)$\n$p = x_1 \\odot x_2$",
    "L": "$L = \\sum_j x_{3,j}^2$",
})  # fmt: skip

# %% [markdown]
# Weights stand on white. Two arrows leave $x_1$, and two leave $w_1$. A small change of $x_1$ reaches the loss along
# both ways, and both effects add up: **gradients sum over all uses**. With $J_{f|x}$ for the matrix of derivatives of
# $f$ by $x$, and $dx$ for the gradient of the loss by $x$:
#
# $$dx_2 = J_{f_3|x_2}^T dx_3, \qquad dx_1 = J_{f_2|x_1}^T dx_2 + J_{f_3|x_1}^T dx_3$$
#
# $$dw_2 = J_{f_2|w_2}^T dx_2, \qquad dw_1 = J_{f_1|w_1}^T dx_1 + J_{f_3|w_1}^T dx_3$$
#
# **Question 1.** In which order can backward visit the nodes?
#
# - A: $x_3$, $x_2$, $x_1$
# - B: $x_3$, $x_1$, $x_2$
# - C: in any order
#
# <details><summary>Answer</summary>
#
# A. A node's gradient is complete only when all its uses have reported. $x_1$ is used by $f_3$ and by $f_2$, and $f_2$
# can report only when $dx_2$ is complete. From the last node to the first it always works.
#
# </details>

# %%
def node(x, w):
    """sigma(w x), with samples in rows: what f1, f2 and f3 have in common."""
    return mlpc.ops.sigmoid_forward(mlpc.ops.linear_forward(x, w, np.zeros(len(w))))


def node_backward(d, x, w):
    """From the gradient d of node(x, w) to the gradients by x and by w."""
    z = mlpc.ops.linear_forward(x, w, np.zeros(len(w)))
    dx, dw, _ = mlpc.ops.linear_backward(mlpc.ops.sigmoid_backward(d, z), x, w)
    return dx, dw


def graph_forward(x0, w1, w2):
    """x1, x2 and x3."""
    ### YOUR CODE START ###
    #! 4.1 graph_forward: x1, x2 and x3 from the formulas above
    #? node(x, w) is sigma(w x). In NumPy, * is the product of elements.
    x1 = node(x0, w1)
    x2 = node(x0 + x1, w2)
    x3 = node(x1 * x2, w1)
    ### YOUR CODE END ###
    return x1, x2, x3


def graph_loss(x0, w1, w2):
    return float((graph_forward(x0, w1, w2)[2] ** 2).sum())


def graph_arrays():
    """x0, of three samples in rows, w1 and w2: the same ones in each call."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, 4)), rng.normal(size=(4, 4)), rng.normal(size=(4, 4))


# %% tags=["test"]
def test_graph_forward():
    given = graph_arrays()
    random = graph_forward(*given)
    for name, array, same in zip(("x0", "w1", "w2"), given, graph_arrays()):
        compare(f"{name} afterwards", array, same, "it was changed in place: a + b makes a new array, a += b does not")
    half = 1 / (1 + np.exp(-1.0))
    third = 1 / (1 + np.exp(-1 - half))
    ones, unit = np.ones((1, 4)), np.eye(4)
    came = graph_forward(ones, unit, unit)
    compare("x1 for ones and unit matrices", came[0], ones * half, "x1 = sigma(w1 x0)")
    compare("x2 for ones and unit matrices", came[1], ones * third, "x2 = sigma(w2 (x0 + x1))")
    compare("x3 for ones and unit matrices", came[2], ones / (1 + np.exp(-half * third)), "x3 = sigma(w1 (x1 * x2))")
    x0, w1, w2 = given
    compare("x1", random[0], node(x0, w1), "f1 has w1, as it is: node transposes it where that is due")
    compare("x2", random[1], node(x0 + random[0], w2), "f2 has w2")
    compare("x3", random[2], node(random[0] * random[1], w1), "f3 has w1, not w2")


with checking("4.1 graph_forward", "x1 * x2 is the product of elements; every result is a node(x, w)"):
    test_graph_forward()

# %% [markdown]
# ### With numbers, one derivative after the other
#
# Let all of $x_0, w_1, w_2$ be single numbers first, and give each small result a name:
#
# $$z_1 = w_1 x_0, \; x_1 = \sigma(z_1), \quad s = x_0 + x_1, \; z_2 = w_2 s, \; x_2 = \sigma(z_2), \quad
# p = x_1 x_2, \; z_3 = w_1 p, \; x_3 = \sigma(z_3), \quad L = x_3^2$$
#
# Each formula uses one or two of the names before it. Its derivative by them is something that you know from school;
# the chain rule multiplies it by the gradient of what the formula makes. Derive on paper, from the end to the
# beginning. You may test after each line: the test says which one is the first that is missing or wrong.

# %%
def graph_of_numbers(x0, w1, w2, moved="", h=0.0):
    """Every result by its name; the one named `moved` is moved by h, and all after it feel that."""
    values = {}

    def named(name, value):
        values[name] = value + h * (name == moved)
        return values[name]

    def sigma(z):
        return 1 / (1 + np.exp(-z))

    x0, w1, w2 = named("x0", x0), named("w1", w1), named("w2", w2)
    x1 = named("x1", sigma(named("z1", w1 * x0)))
    s = named("s", x0 + x1)
    x2 = named("x2", sigma(named("z2", w2 * s)))
    p = named("p", x1 * x2)
    x3 = named("x3", sigma(named("z3", w1 * p)))
    named("L", x3**2)
    return values


def derive(values):
    """The gradient of L by every result, of numbers: dx3, dz3, dp, dx2, dz2, ds, dx1, dz1, dw2 and dw1."""
    x0, w1, w2 = values["x0"], values["w1"], values["w2"]
    x1, s, x2, p, x3 = (values[name] for name in ("x1", "s", "x2", "p", "x3"))
    dx3 = 2 * x3  # since L = x3^2
    ### YOUR CODE START ###
    #! 4.2 derive: dz3, dp, dx2, dz2, ds, dx1, dz1, dw2 and dw1, in this order
    #? The derivative of the sigmoid, by its output: x (1 - x).
    #? x1 goes into s and into p; w1 goes into z1 and into z3.
    dz3 = dx3 * x3 * (1 - x3)
    dp = dz3 * w1
    dx2 = dp * x1
    dz2 = dx2 * x2 * (1 - x2)
    ds = dz2 * w2
    dx1 = ds + dp * x2
    dz1 = dx1 * x1 * (1 - x1)
    dw2 = dz2 * s
    dw1 = dz1 * x0 + dz3 * p
    ### YOUR CODE END ###
    made = locals()
    return {name: made.get(f"d{name}") for name in ("x3", "z3", "p", "x2", "z2", "s", "x1", "z1", "w2", "w1")}


# %% tags=["test", "table"]
NUMBERS = 0.5, -1.2, 2.0  # x0, w1 and w2
DERIVATIVES = {
    "x3": "L = x3^2",
    "z3": "the derivative of x3 = sigma(z3) is x3 (1 - x3), times dx3",
    "p": "z3 = w1 p: dz3 times w1",
    "x2": "p = x1 x2: dp times x1",
    "z2": "the derivative of x2 = sigma(z2) is x2 (1 - x2), times dx2",
    "s": "z2 = w2 s: dz2 times w2",
    "x1": "x1 is used twice, by s = x0 + x1 and by p = x1 x2: ds + dp x2",
    "z1": "the derivative of x1 = sigma(z1) is x1 (1 - x1), times dx1",
    "w2": "z2 = w2 s: dz2 times s",
    "w1": "w1 is used twice, by z1 = w1 x0 and by z3 = w1 p: dz1 x0 + dz3 p",
}


def test_derive(h=1e-5):
    came, slopes = derive(graph_of_numbers(*NUMBERS)), {}
    for name, reason in DERIVATIVES.items():
        above, below = (graph_of_numbers(*NUMBERS, moved=name, h=step)["L"] for step in (h, -h))
        slopes[name] = (above - below) / (2 * h)
        compare(f"d{name}", came[name], slopes[name], reason, 1e-8)
    return pd.DataFrame({"derived": came, "by differences": slopes})


with checking("4.2 derive", "a name is used before it is assigned: go from the end to the beginning, as listed"):
    derived = test_derive()
derived.rename(index="d{}".format).T.round(6)

# %% tags=["plot"]
results = graph_of_numbers(*NUMBERS)
gradients_of_numbers = derive(results)
draw_graph({
    name: f"{name} = {results[name]:.3f}"
    + (f"\nd{name} = {gradients_of_numbers[name]:.4f}" if name in gradients_of_numbers else "")
    for name in PLACES
})  # fmt: skip

# %% [markdown]
# ### With vectors, for all samples at once
#
# The same, line by line; three of your lines become one call of `node_backward`.

# %%
def graph_backward(x0, w1, w2):
    """The gradients of the loss by w1 and by w2."""
    x1, x2, x3 = graph_forward(x0, w1, w2)
    dx3 = 2 * x3
    ### YOUR CODE START ###
    #! 4.3 graph_backward: dw1 and dw2, from the last node to the first
    #? node_backward(d, x, w) gives the gradients by the x and by the w that the node was called with.
    #? Which lines of 4.2 does it replace? What is left of the others?
    dproduct, dw1_f3 = node_backward(dx3, x1 * x2, w1)
    dsum, dw2 = node_backward(dproduct * x1, x0 + x1, w2)
    _, dw1_f1 = node_backward(dsum + dproduct * x2, x0, w1)
    dw1 = dw1_f1 + dw1_f3
    ### YOUR CODE END ###
    return dw1, dw2


# %% tags=["test", "table"]
def torch_graph(x0, w1, w2):
    """The gradients of both weights, by PyTorch."""
    t0, t1, t2 = (torch.tensor(array, requires_grad=True) for array in (x0, w1, w2))
    first = torch.sigmoid(t0 @ t1.T)
    second = torch.sigmoid((t0 + first) @ t2.T)
    (torch.sigmoid((first * second) @ t1.T) ** 2).sum().backward()
    return t1.grad.numpy(), t2.grad.numpy()


def test_graph_backward():
    x0, w1, w2 = graph_arrays()
    dw1, dw2 = graph_backward(x0, w1, w2)
    slopes = differences(lambda w: graph_loss(x0, w, w2), w1), differences(lambda w: graph_loss(x0, w1, w), w2)
    compare("dw2", dw2, slopes[1], "dx2 = (gradient of the product) * x1; w2's node was called with x0 + x1", 1e-8)
    compare("dw1", dw1, slopes[0], "gradients sum over all uses: w1 is used by f1 and f3, x1 by f2 and f3", 1e-8)
    rows = {"by hand, largest element": [dw1, dw2], "difference from differences": [dw1 - slopes[0], dw2 - slopes[1]]}
    if torch:
        rows["difference from PyTorch"] = [ours - theirs for ours, theirs in zip((dw1, dw2), torch_graph(x0, w1, w2))]
    else:
        print("PyTorch is not installed: its row is left out.")
    largest = {name: [np.abs(array).max() for array in pair] for name, pair in rows.items()}
    return pd.DataFrame(largest, index=["dw1", "dw2"]).T


with checking("4.3 graph_backward", "node_backward(d, x, w) takes the node's input x and gives a pair, dx and dw"):
    by_hand = test_graph_backward()
by_hand.style.format("{:.1e}")

# %% [markdown]
# ---
# ## A tape
#
# Autograd does what you just did, without you. While the forward pass runs, a **tape** notes every operation: its
# output, its inputs, and how a gradient of the output becomes gradients of the inputs, the *pullback*. Backward reads
# the tape from its end. That is all; the rest are operations.

# %%
tape = []
recording = True


@contextlib.contextmanager
def unrecorded():
    """Nothing inside is noted on the tape."""
    global recording
    recording = False
    try:
        yield
    finally:
        recording = True


class Step(NamedTuple):
    """One operation: what it made, of what, how gradients go back, and which versions of the inputs it saw."""

    output: "Tensor"
    inputs: list
    pullback: object
    versions: list


class Tensor:
    """An array that knows its gradient."""

    def __init__(self, value, requires_grad=False):
        self.value = np.array(value, np.float64)
        self.requires_grad = requires_grad
        self.grad = None
        self.version = 0  # how often it was changed in place

    def add_(self, amount):
        """Change the value in place."""
        self.value += amount
        self.version += 1

    def __add__(self, other):
        return add(self, tensor(other))

    def __mul__(self, other):
        return multiply(self, tensor(other))

    def __sub__(self, other):
        return self + tensor(other) * -1.0

    def __repr__(self):
        return f"Tensor({self.value})"


def tensor(value):
    """A Tensor, or a constant made into one."""
    return value if isinstance(value, Tensor) else Tensor(value)


def record(value, inputs, pullback):
    """The output of an operation. `pullback(d)` gives, for the output's gradient d, a gradient for each input."""
    output = Tensor(value, recording and any(part.requires_grad for part in inputs))
    if output.requires_grad:
        tape.append(Step(output, inputs, pullback, [part.version for part in inputs]))
    return output


def add(a, b):
    return record(a.value + b.value, [a, b], lambda d: (d, d))


def multiply(a, b):
    ### YOUR CODE START ###
    #! 4.4 multiply: the product of elements, with its pullback, as in add above
    #? How does a b change if a changes a little? What comes back to a is d times that.
    return record(a.value * b.value, [a, b], lambda d: (d * b.value, d * a.value))
    ### YOUR CODE END ###


# %% tags=["test"]
def recorded(operation, *inputs):
    """The one step that an operation notes; its inputs are left as they are."""
    before = [np.array(part.value) for part in inputs]
    tape.clear()
    output = operation(*inputs)
    came = "nothing" if output is None else f"{type(output).__name__}, and {len(tape)} steps on the tape"
    good = len(tape) == 1 and tape[0].output is output
    expect(operation.__name__, good, "a Tensor, and its step on the tape", came, "return what record returns, once")
    step = tape.pop()
    same = [id(part) for part in step.inputs] == [id(part) for part in inputs]
    expect(operation.__name__, same, "its inputs, in their order", step.inputs, "the second argument of record")
    for part, old in zip(inputs, before):
        compare("an input afterwards", part.value, old, "it was changed in place: make a new array")
    return step


def pulled(step, d):
    """What a pullback gives: as many gradients as there are inputs."""
    gradients = step.pullback(np.array(d))
    good = isinstance(gradients, (tuple, list)) and len(gradients) == len(step.inputs)
    reason = "a pullback returns a tuple, with one input as well: (..., )"
    expect("a pullback", good, f"a tuple of {len(step.inputs)}, a gradient for each input", gradients, reason)
    return gradients


def test_multiply():
    a, b = Tensor([2.0, 3.0, 4.0], requires_grad=True), Tensor([5.0, 7.0, 9.0])
    step = recorded(multiply, a, b)
    compare("2 * 5, 3 * 7, 4 * 9", step.output.value, [10.0, 21.0, 36.0], "element by element")
    gradients = pulled(step, [1.0, 10.0, 100.0])
    compare("what comes back to a", gradients[0], [5.0, 70.0, 900.0], "d times the value of b")
    compare("what comes back to b", gradients[1], [2.0, 30.0, 400.0], "d times the value of a")


with checking("4.4 multiply", "record and its pullback work on arrays: a.value and b.value, not a and b"):
    test_multiply()

# %% [markdown]
# **Question 2.** Which values must the pullback of `add` remember?
#
# - A: those of both inputs
# - B: that of the output
# - C: none
#
# <details><summary>Answer</summary>
#
# C. The derivative of $a + b$ by $a$ is 1, whatever $a$ and $b$ are: $d$ goes back as it came. The pullback of a
# product needs the values of both inputs.
#
# </details>
#
# If one of those values was changed in place after the forward pass, the gradient would be wrong, and nobody would
# notice. A version number notices.

# %%
def check(step):
    """Raise a RuntimeError where an input of the step was changed after the step."""
    ### YOUR CODE START ###
    #! 4.5 check: compare the versions of the inputs now with those that the step saw
    #? step.inputs are Tensors, each with a .version; step.versions are numbers.
    #? raise RuntimeError("changed in place: ...")
    if [part.version for part in step.inputs] != step.versions:
        raise RuntimeError("changed in place: backward needs the value that the forward pass saw")
    ### YOUR CODE END ###


def backward(output):
    """Add the gradient of `output`, a number, to the .grad of all Tensors that it depends on; empty the tape."""
    flowing = {id(output): (output, np.ones_like(output.value))}
    for step in reversed(tape):
        if id(step.output) not in flowing:
            continue  # the output does not depend on it
        check(step)
        _, d = flowing.pop(id(step.output))
        for part, share in zip(step.inputs, step.pullback(d)):
            if part.requires_grad:
                ### YOUR CODE START ###
                #! 4.6 backward: add share to what has flowed to part so far
                #? flowing[id(part)] is a pair (part, gradient); there is none at the first use.
                #? flowing.get(key, otherwise) needs no if.
                so_far = flowing.get(id(part), (part, 0.0))[1]
                flowing[id(part)] = (part, so_far + share)
                ### YOUR CODE END ###
    tape.clear()
    for part, gradient in flowing.values():
        part.grad = gradient if part.grad is None else part.grad + gradient


# %% tags=["test"]
def test_check():
    a, b = Tensor([1.0], requires_grad=True), Tensor([2.0])
    a.add_(1.0)
    a.add_(1.0)
    step = Step(Tensor([3.0]), [a, b], None, [2, 0])
    error = raised(lambda: check(step))
    expect("a step whose inputs are as it saw them", error is None, "no error", repr(error), "a.version is 2, as then")
    for number, name in enumerate("ab"):
        step = Step(Tensor([3.0]), [a, b], None, [a.version, b.version])
        step.inputs[number].add_(1.0)
        error = raised(lambda: check(step))
        came = "no error" if error is None else repr(error)
        reason = f"compare the version of every input with its own in step.versions, and raise: {name} was changed"
        expect(f"after {name}.add_", isinstance(error, RuntimeError), "a RuntimeError", came, reason)


with checking("4.5 check", "part.version for each part of step.inputs, beside the numbers in step.versions"):
    test_check()


def test_backward():
    tape.clear()
    reason = "flowing holds pairs, (part, gradient), by id(part): add to the gradient in the pair"
    t = Tensor([3.0], requires_grad=True)
    backward(multiply(t, Tensor([4.0])))
    expect("gradient of 4 t", t.grad is not None, "one", "none", reason)
    compare("gradient of 4 t", t.grad, [4.0], reason)
    t = Tensor([3.0], requires_grad=True)
    backward(add(multiply(t, t), multiply(t, t)))
    expect("gradient of t t + t t", t.grad is not None, "one", "none", reason)
    compare("gradient of t t + t t at 3", t.grad, [12.0], "gradients sum over all uses: add to what is there")
    t, u = Tensor([3.0], requires_grad=True), Tensor([5.0], requires_grad=True)
    square = multiply(t, t)
    backward(add(square, add(t, u)))
    compare("gradient of t t + t + u by t", t.grad, [7.0], "gradients sum over all uses: add to what is there")
    reason = "share was changed in place by +=, and add gave the same array to t and u: a + b makes a new one"
    compare("gradient of t t + t + u by u", u.grad, [1.0], reason)


with checking("4.6 backward", "flowing[id(part)] = (part, gradient): a pair, whose second element is the sum so far"):
    test_backward()


# %%
def total(a):
    """The sum of all elements: each counts once, and gets d itself."""
    return record(a.value.sum(), [a], lambda d: (np.full(a.value.shape, d),))


def log(a):
    """The natural logarithm of the elements."""
    ### YOUR CODE START ###
    #! 4.7 log: value and pullback
    #? A pullback returns one gradient per input: with one input, a tuple of one element, (..., ).
    return record(np.log(a.value), [a], lambda d: (d / a.value,))
    ### YOUR CODE END ###


# %% [markdown]
# **First example.** $s = \sum_i t_i^2 + \sum_j \ln u_j$ at $t = (1, 2, 4)$ and $u = (10, 20)$. By hand:
# $2t = (2, 4, 8)$ and $1/u = (0.1, 0.05)$.

# %% tags=["test", "table"]
def first_example():
    t, u = Tensor([1.0, 2.0, 4.0], requires_grad=True), Tensor([10.0, 20.0], requires_grad=True)
    backward(total(t * t) + total(log(u)))
    return t.grad, u.grad


def torch_first_example():
    t, u = torch.tensor([1.0, 2.0, 4.0], requires_grad=True), torch.tensor([10.0, 20.0], requires_grad=True)
    ((t**2).sum() + u.log().sum()).backward()
    return t.grad.numpy(), u.grad.numpy()


def test_log():
    step = recorded(log, Tensor([10.0, 20.0], requires_grad=True))
    compare("the logarithm of 10 and 20", step.output.value, [2.302585093, 2.995732274], "np.log is the natural one")
    (gradient,) = pulled(step, [1.0, 1.0])
    compare("what comes back for d = (1, 1)", gradient, [0.1, 0.05], "the derivative of the logarithm is 1 / u")
    (gradient,) = pulled(step, [3.0, 8.0])
    compare("what comes back for d = (3, 8)", gradient, [0.3, 0.4], "d times the derivative: d is left out")
    came = first_example()
    compare("gradient by t", came[0], [2.0, 4.0, 8.0], "t * t uses t twice: add to what has flowed")
    compare("gradient by u", came[1], [0.1, 0.05], "the derivative of the logarithm is 1 / u")
    return came


with checking("4.7 log", "the value is an array, np.log(a.value), and d / a.value the gradient, in a tuple of one"):
    examples = {"tape": test_log(), "by hand": ([2.0, 4.0, 8.0], [0.1, 0.05])}
if torch:
    examples["PyTorch"] = torch_first_example()
pd.DataFrame(
    {name: [np.round(gradient, 6).tolist() for gradient in pair] for name, pair in examples.items()},
    index=["by t", "by u"],
)

# %% [markdown]
# **Gradients accumulate until they are reset.** A second `backward` adds to `.grad`. That is useful where a batch is
# too large for one pass, and a frequent mistake everywhere else: the gradients of the last step are still in the next.

# %% tags=["test"]
def test_accumulation():
    tape.clear()
    t = Tensor([1.0, 2.0, 4.0], requires_grad=True)
    for number in (1, 2, 3):
        backward(total(t * t))
        print(f"after backward number {number}: {t.grad}")
    compare("after three of them", t.grad, [6.0, 12.0, 24.0], "backward adds to .grad")
    t.grad = None
    backward(total(t * t))
    print("after a reset:          ", t.grad)
    compare("after a reset", t.grad, [2.0, 4.0, 8.0], "backward adds to .grad, which is None at first")


with checking("gradients accumulate", "see 4.4 and 4.6"):
    test_accumulation()

# %% [markdown]
# **Question 3.** Somebody forgets the reset. The gradient hardly changes from step to step, and the learning rate is
# constant. How long is the third step?
#
# - A: as long as the first
# - B: three times as long
# - C: a third as long
#
# <details><summary>Answer</summary>
#
# B. The third step goes along the sum of three gradients that are about equal. It looks like a learning rate that grows
# and grows, until the cost does, too.
#
# </details>
#
# **Detaching.** The minimum of $(a - 1)^2 + (b + 1)^2 + (a - b)^2$ is where both derivatives vanish:
#
# $$2(a - 1) + 2(a - b) = 0, \quad 2(b + 1) - 2(a - b) = 0 \quad\Rightarrow\quad
# a = \tfrac{1}{3}, \; b = -\tfrac{1}{3}$$
#
# If $a$ is detached in the last term, $a$ does not feel the coupling: it goes to 1; and $b$, which does, goes to the
# middle between $-1$ and $a = 1$: to 0. That is the minimum of no function. Updates happen **outside the graph**: with
# `add_`, on no tape.

# %%
def detach(a):
    """The same value, as a constant: no gradient comes back from where it is used."""
    ### YOUR CODE START ###
    #! 4.8 detach: a new Tensor with the value of a that requires no gradient
    #? What does a Tensor know of its past? Only the tape does.
    return Tensor(a.value)
    ### YOUR CODE END ###


# %% tags=["test", "table"]
def descend(detached):
    """a and b after plain gradient descent."""
    tape.clear()
    a, b = Tensor(0.0, requires_grad=True), Tensor(0.0, requires_grad=True)
    for _ in range(200):
        coupled = detach(a) if detached else a
        terms = [a - 1.0, b + 1.0, coupled - b]
        backward(terms[0] * terms[0] + terms[1] * terms[1] + terms[2] * terms[2])
        for number in (a, b):
            number.add_(-0.1 * number.grad)
            number.grad = None
    return float(a.value), float(b.value)


def torch_descend(detached):
    a, b = torch.zeros((), requires_grad=True), torch.zeros((), requires_grad=True)
    for _ in range(200):
        coupled = a.detach() if detached else a
        ((a - 1) ** 2 + (b + 1) ** 2 + (coupled - b) ** 2).backward()
        with torch.no_grad():
            for parameter in (a, b):
                parameter -= 0.1 * parameter.grad
                parameter.grad.zero_()
    return a.item(), b.item()


def test_detach():
    t = Tensor([2.0, 3.0], requires_grad=True)
    constant = detach(t)
    expect("detach", isinstance(constant, Tensor), "a Tensor", type(constant).__name__, "make a Tensor of a.value")
    compare("its value", constant.value, [2.0, 3.0], "the value stays the same")
    reason = "a Tensor requires no gradient unless it is told to; a itself cannot be returned"
    expect("detach", not constant.requires_grad, "a Tensor that requires no gradient", "one that does", reason)
    expect("the Tensor that was given", t.requires_grad, "requires_grad as before", False, "a itself was changed")
    compare("a and b, coupled", descend(False), (1 / 3, -1 / 3), "see 4.4 and 4.6")
    compare("a and b, a detached", descend(True), (1.0, 0.0), "detach returns a Tensor that requires no gradient")
    return [descend(False), descend(True)]


with checking("4.8 detach", "detach makes a new Tensor of a.value, which is an array"):
    ends = {"tape": test_detach()}
if torch:
    ends["PyTorch"] = [torch_descend(False), torch_descend(True)]
pd.DataFrame(
    {name: [f"a = {a:.4f}, b = {b:.4f}" for a, b in pairs] for name, pairs in ends.items()},
    index=["(1/3, -1/3) expected", "a detached: (1, 0) expected"],
)

# %% [markdown]
# **Question 4.** What is the derivative of `detach(a) * a` by $a$, at $a = 3$?
#
# - A: 0
# - B: 3
# - C: 6
#
# <details><summary>Answer</summary>
#
# B. The detached factor is a constant, 3, whatever it was made of. Without `detach` the derivative of $a^2$ would be 6.
#
# </details>
#
# **In-place changes.** The tape refuses a value that was changed after it was used, and so does PyTorch:

# %% tags=["test"]
def change_in_place():
    tape.clear()
    t = Tensor([1.0, 2.0], requires_grad=True)
    square = total(t * t)
    t.add_(1.0)
    backward(square)


def torch_change_in_place():
    t = torch.tensor([1.0, 2.0], requires_grad=True)
    square = (t * t).sum()
    with torch.no_grad():
        t += 1.0
    square.backward()


def test_change_in_place():
    error = raised(change_in_place)
    expect("a change in place", isinstance(error, RuntimeError), "a RuntimeError", repr(error), "see 4.5")
    print("tape:   ", error)


with checking("changes in place are refused", "see 4.5"):
    test_change_in_place()
tape.clear()
if torch:
    print("PyTorch:", str(raised(torch_change_in_place)).splitlines()[0].partition(":")[0])

# %% [markdown]
# ---
# ## Networks on the tape
#
# Three more operations, each over a function in C of `mlpc.ops` that has its own backward: a linear layer, the sigmoid,
# and the cross-entropy of logits.

# %%
def sigmoid(z):
    a = mlpc.ops.sigmoid_forward(z.value)
    return record(a, [z], lambda d: (mlpc.ops.sigmoid_backward(d, z.value),))


def linear(x, w, b):
    """x (n, n_in) to x w^T + b (n, n_out)."""
    ### YOUR CODE START ###
    #! 4.9 linear: value, and the pullback to all three inputs
    #? mlpc.ops.linear_forward(x, w, b), mlpc.ops.linear_backward(d, x, w): it returns dx, dw, db, in this order.
    #? Or in NumPy: a product with w, a product with x, and a sum over the samples.
    z = mlpc.ops.linear_forward(x.value, w.value, b.value)
    return record(z, [x, w, b], lambda d: mlpc.ops.linear_backward(d, x.value, w.value))
    ### YOUR CODE END ###


def cross_entropy(z, y):
    """The mean over the samples."""
    ### YOUR CODE START ###
    #! 4.10 cross_entropy: the mean cost of logits z and labels y, with the pullback to z
    #? mlpc.ops.cross_entropy(z, y) gives the mean cost and its derivative by z. y is no Tensor.
    #? The chain rule: what comes back is d, a number, times that derivative.
    cost, dz = mlpc.ops.cross_entropy(z.value, y)
    return record(cost, [z], lambda d: (d * dz,))
    ### YOUR CODE END ###


# %% tags=["test"]
def test_linear():
    draw = np.random.default_rng(1)
    arrays = [draw.normal(size=shape) for shape in ((7, 4), (3, 4), (3,))]
    step = recorded(linear, *(Tensor(array, requires_grad=True) for array in arrays))
    compare("z", step.output.value, arrays[0] @ arrays[1].T + arrays[2], "Z = X W^T + b", n=7)
    d = np.cos(np.arange(21.0)).reshape(7, 3)
    gradients = pulled(step, d)

    def weighted(number, moved):
        x, w, b = [moved if place == number else array for place, array in enumerate(arrays)]
        return float(((x @ w.T + b) * d).sum())

    reason = "dX = dZ W, dW = dZ^T X, db the sum over the rows, in this order; nothing is divided by n"
    for number, name in enumerate("xwb"):
        slopes = differences(lambda moved: weighted(number, moved), arrays[number])
        compare(f"gradient of {name}", gradients[number], slopes, reason, n=7)


with checking("4.9 linear", "Z = X W^T + b; dX = dZ W, dW = dZ^T X, db the sum over the rows: write shapes beside it"):
    test_linear()


def test_cross_entropy():
    draw = np.random.default_rng(2)
    logits, labels = draw.normal(size=(7, 3)), draw.integers(0, 3, 7)

    def mean_cost(z):
        return float((np.log(np.exp(z).sum(axis=1)) - z[np.arange(7), labels]).mean())

    def cost_of_labels(z):
        return cross_entropy(z, labels)

    step = recorded(cost_of_labels, Tensor(logits, requires_grad=True))
    compare("the cost", step.output.value, mean_cost(logits), "the mean over the samples", n=7)
    slopes = differences(mean_cost, logits)
    (gradient,) = pulled(step, 1.0)
    compare("gradient of the cost", gradient, slopes, "softmax minus one-hot, with the 1/n, once", n=7)
    (gradient,) = pulled(step, 2.0)
    compare("gradient of twice the cost", gradient, 2 * slopes, "d times the derivative: d is left out")
    with np.errstate(all="ignore"):
        step = recorded(cost_of_labels, Tensor(1000 * logits, requires_grad=True))
    top = 1000 * logits.max(axis=1)
    expected = (top - 1000 * logits[np.arange(7), labels]).mean()
    reason = "exp of large logits is infinite: subtract the largest of each row first, as mlpc.ops does"
    compare("the cost of large logits", step.output.value, expected, reason)


with checking("4.10 cross_entropy", "record(cost, [z], ...): y is an array, no Tensor, and no gradient goes to it"):
    test_cross_entropy()

# %% [markdown]
# **The graph of the first part, again.** Nobody wrote its backward pass. `w1` is used twice, and the tape sums.

# %% tags=["test"]
def test_graph_on_the_tape():
    tape.clear()
    x0, w1, w2 = graph_arrays()
    t0, t1, t2 = Tensor(x0), Tensor(w1, requires_grad=True), Tensor(w2, requires_grad=True)
    nothing = Tensor(np.zeros(4))
    first = sigmoid(linear(t0, t1, nothing))
    second = sigmoid(linear(t0 + first, t2, nothing))
    third = sigmoid(linear(first * second, t1, nothing))
    backward(total(third * third))
    dw1, dw2 = graph_backward(x0, w1, w2)
    compare("dw1 from the tape", t1.grad, dw1, "see 4.3 and 4.6", 1e-12)
    compare("dw2 from the tape", t2.grad, dw2, "see 4.3 and 4.6", 1e-12)


with checking("the tape's gradients are those by hand", "see 4.3 and 4.6"):
    test_graph_on_the_tape()

# %% [markdown]
# **An MLP.** Four operations in a row are a network; its gradients must be those of `mlpc.MLP`. Then we train it, with
# the updates outside the graph.
#
# Part of the training set is set aside for **validation**. The test set is for the one network that is chosen in the
# end; here nothing is chosen, and it stays where it is.

# %%
(x_full, y_full), _ = load_data(DATA)
train_rows, val_rows = mlpc.datasets.stratified_split(y_full, 10_000 if DATA == "mnist" else 287, seed=0)
x_train, y_train = x_full[train_rows][:20_000], y_full[train_rows][:20_000]  # the tape is no fast one
x_val, y_val = x_full[val_rows], y_full[val_rows]
SIZES = [x_full.shape[1], 30, 10]


def new_network():
    """The same network twice: one of mlpc, and its parameters w1, b1, w2 and b2 as Tensors."""
    net = mlpc.MLP(SIZES, "sigmoid", dtype="float64", init="course", seed=0)
    return net, [Tensor(array, requires_grad=True) for array in net.state_dict().values()]


def cost_of(parameters, x, y):
    """The mean cost of a batch."""
    w1, b1, w2, b2 = parameters
    return cross_entropy(linear(sigmoid(linear(Tensor(x), w1, b1)), w2, b2), y)


def descent_step(parameters, lr):
    """One step of gradient descent, outside the graph; the gradients are reset."""
    for parameter in parameters:
        ### YOUR CODE START ###
        #! 4.11 descent_step: move parameter against its gradient, and reset the gradient
        #? parameter.add_(...) changes it in place. Without the reset, gradients accumulate.
        parameter.add_(-lr * parameter.grad)
        parameter.grad = None
        ### YOUR CODE END ###


# %% tags=["test", "table"]
def test_descent_step():
    tape.clear()
    reference, parameters = new_network()
    x, y = x_train[:64].astype(np.float64), y_train[:64]
    cost = cost_of(parameters, x, y)
    backward(cost)
    compare("the cost, beside that of mlpc.MLP", cost.value, reference.loss_and_grad(x, y), "see 4.9 and 4.10", 1e-12)
    gradients = [array for layer in reference.layers[::2] for array in (layer.weight_grad, layer.bias_grad)]
    rows = []
    for name, parameter, gradient in zip(("w1", "b1", "w2", "b2"), parameters, gradients):
        compare(f"gradient of {name}, beside that of mlpc.MLP", parameter.grad, gradient, "see 4.9 and 4.10", 1e-12)
        rows.append((name, parameter.value.size, np.abs(parameter.grad - gradient).max()))

    before = [np.array(parameter.value) for parameter in parameters]
    descent_step(parameters, 0.25)
    for parameter, old, gradient in zip(parameters, before, gradients):
        reason = "minus lr times the gradient, added to the parameter itself, by add_"
        compare("a parameter after the step", parameter.value, old - 0.25 * gradient, reason, 1e-9)
        reset = parameter.grad is None or not np.any(parameter.grad)
        expect("gradient after the step", reset, "None", "that of this step", "the reset is missing")
    expect("the tape after the step", not tape, "empty", f"{len(tape)} steps", "the update was recorded: use add_")
    return pd.DataFrame(rows, columns=["parameter", "elements", "largest difference from mlpc.MLP"])


with checking("4.11 descent_step", "parameter.grad is the gradient, until it is reset: use it first"):
    gradients_of_both = test_descent_step()
gradients_of_both.set_index("parameter")

# %% tags=["plot"]
EPOCHS = 3 if DATA == "mnist" else 10
parameters = new_network()[1]
tape.clear()
history = {"loss": [], "val_loss": []}
for epoch in range(EPOCHS):
    weighted_costs = []
    for chosen in mlpc.training.batches(len(x_train), 64, epoch=epoch):
        batch_cost = cost_of(parameters, x_train[chosen], y_train[chosen])
        backward(batch_cost)
        descent_step(parameters, 1.0)
        weighted_costs.append(float(batch_cost.value) * len(chosen))
    history["loss"].append(sum(weighted_costs) / len(x_train))
    with unrecorded():  # nothing is noted while we only look
        history["val_loss"].append(float(cost_of(parameters, x_val, y_val).value))
mlpc.plot.learning_curves({f"{'-'.join(map(str, SIZES))} on the tape": history})

# %%
with unrecorded():
    at_the_end = float(cost_of(parameters, x_train, y_train).value)
print(f"{len(x_train):,} samples for training, {len(x_val):,} for validation, {EPOCHS} epochs")
print(f"cost of training, averaged over the last epoch, while the network still learnt: {history['loss'][-1]:.3f}")
print(f"cost of training, with the weights of the end: {at_the_end:.3f}")
print(f"cost of validation, with the weights of the end: {history['val_loss'][-1]:.3f}")
print(f"steps on the tape: {len(tape)}")

# %% [markdown] tags=["student", "comment"]
# **Your comments.** What does the tape remember of a step, and when can it be forgotten? Why is a weight's gradient a
# sum over its uses? Where do you have to take care that something is *not* on the tape? What do the costs of training
# and of validation say?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Comments.** A step holds its output, its inputs and what its pullback closes over: the values it needs. All of it
# can be forgotten as soon as backward has passed it. A weight that is used twice changes the loss along two ways, and
# the chain rule adds them; leaving one out gives a gradient that looks reasonable and is wrong, as the comparison with
# differences shows at once. Updates, the reset of gradients and evaluation do not belong on the tape: recorded
# updates would keep every old step alive, and change values that backward still needs.
#
# The cost of training that the curve shows, 0.218 in the last epoch, is an average over the epoch, while the network
# still learnt. With the weights of the end it is 0.195, below the 0.245 of validation: the network knows the samples
# that it learnt from better than others.

# %% [markdown]
# ---
# ## Open tasks
#
# No blanks, no tests: choose what you like. A check by `differences` is yours to write.
#
# 1. **Deeper.** Write `relu` as an operation of the tape, and train a network with two hidden layers. Which value does
#    the pullback of ReLU have to keep: that of its input, of its output, or either?
# 2. **Draw the tape.** `tape` holds, before backward, all that a picture of a network's graph needs. Draw that of
#    `first_example`: one node per Tensor, one arrow per input.
# 3. **Twice.** `backward` gives arrays, not Tensors, so it cannot be differentiated again. What would have to change
#    for the second derivative of $a^3$ to come out as $6a$?
