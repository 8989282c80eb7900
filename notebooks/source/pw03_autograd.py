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
# is used twice; then you write a small autograd, and everything from the first part takes two lines. The examples are
# those of François Fleuret's lectures 4.1 (DAG networks) and 4.2 (autograd), re-derived; each stands beside PyTorch
# where PyTorch is installed.
#
# **How it works.** A blank lies between `### YOUR CODE START ###` and `### YOUR CODE END ###`. Visible tests come after
# it. **What you hand in** is this notebook, filled in, run from top to bottom, with your comments; `python -m mlpc pack
# --group NAME` makes the renamed copy and says what is missing.

# %%
import importlib.util

missing = [name for name in ("numpy", "mlpc", "matplotlib", "pandas", "tqdm") if importlib.util.find_spec(name) is None]
if missing:
    raise ImportError(f"This notebook needs {' and '.join(missing)}: pip install 'mlpc[notebooks]'")

# %% tags=["parameters"]
import os

GROUP = "group"  # your group's name: it becomes part of the file name
DATA = os.environ.get("PW03_DATA", "mnist")  # "mnist": 28 x 28 pixels; "digits": 8 x 8 pixels, for a quick run

# %%
from typing import NamedTuple

import numpy as np
import pandas as pd

import mlpc

try:
    import torch
except ImportError:
    torch = None
    print("PyTorch is not installed: the comparisons with it are left out, everything else runs.")


def compare(title, came, expected, reason, tolerance=1e-6):
    """Raise an AssertionError unless `came` has the shape and, up to `tolerance`, the values of `expected`."""
    expected = np.asarray(expected)
    if came is None or np.shape(came) != expected.shape or not np.allclose(came, expected, tolerance, tolerance):
        raise AssertionError(f"{title}\n  expected:     {expected}\n  got:          {came}\n  usual reason: {reason}")


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


# %% [markdown]
# ---
# ## A graph with a shared weight
#
#     x0 ----> f1(.; w1) ----> x1 ----+----> f3(., .; w1) ----> x3 ----> L
#      |                        |     |        ^
#      |                        v     |        |
#      +--------------> f2(., .; w2) -+-> x2 --+
#
# $$x_1 = f_1(x_0; w_1), \qquad x_2 = f_2(x_0, x_1; w_2), \qquad x_3 = f_3(x_1, x_2; w_1)$$
#
# $x_1$ goes to two places, and so does $w_1$. A small change of $x_1$ reaches the loss along both ways, and both
# effects add up: **gradients sum over all uses**. With $J_{f|x}$ for the matrix of derivatives of $f$ by $x$, and $dx$
# for the gradient of the loss by $x$:
#
# $$dx_2 = J_{f_3|x_2}^T dx_3, \qquad dx_1 = J_{f_2|x_1}^T dx_2 + J_{f_3|x_1}^T dx_3$$
#
# $$dw_2 = J_{f_2|w_2}^T dx_2, \qquad dw_1 = J_{f_1|w_1}^T dx_1 + J_{f_3|w_1}^T dx_3$$
#
# The order matters: a node's gradient is complete only when all its uses have reported. From the last node to the first
# it always is.
#
# For numbers we take, with vectors of four elements, weights of 4 x 4 and $\odot$ for the product of elements:
#
# $$x_1 = \sigma(w_1 x_0), \qquad x_2 = \sigma(w_2 (x_0 + x_1)), \qquad x_3 = \sigma(w_1 (x_1 \odot x_2)),
# \qquad L = \sum_j x_{3,j}^2$$

# %%
rng = np.random.default_rng(0)
x0 = rng.normal(size=(1, 4))  # one sample, as a row
w1, w2 = rng.normal(size=(4, 4)), rng.normal(size=(4, 4))
zeros = np.zeros(4)


def node(x, w):
    """sigma(w x), in rows: what f1, f2 and f3 have in common."""
    return mlpc.ops.sigmoid_forward(mlpc.ops.linear_forward(x, w, zeros))


def node_backward(d, x, w):
    """From the gradient d of node(x, w) to the gradients by x and by w."""
    z = mlpc.ops.linear_forward(x, w, zeros)
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


# %%
ones, unit = np.ones((1, 4)), np.eye(4)
half, third = 1 / (1 + np.exp(-1.0)), 1 / (1 + np.exp(-(1 + 1 / (1 + np.exp(-1.0)))))
came = graph_forward(ones, unit, unit)
compare("x1 for ones and unit matrices", came[0], ones * half, "x1 = sigma(w1 x0)")
compare("x2 for ones and unit matrices", came[1], ones * third, "x2 = sigma(w2 (x0 + x1))")
compare("x3 for ones and unit matrices", came[2], ones / (1 + np.exp(-half * third)), "x3 = sigma(w1 (x1 * x2))")
swapped = graph_forward(x0, w1, w2)[2]
compare("x3 uses w1 again", swapped, node(node(x0, w1) * node(x0 + node(x0, w1), w2), w1), "f3 has w1, not w2")
print("passed: 4.1 graph_forward")


# %%
def graph_backward(x0, w1, w2):
    """The gradients of the loss by w1 and by w2."""
    x1, x2, x3 = graph_forward(x0, w1, w2)
    dx3 = 2 * x3
    ### YOUR CODE START ###
    #! 4.2 graph_backward: dw1 and dw2, from the last node to the first
    #? node_backward(d, x, w) gives the gradients by the x and by the w that the node was called with.
    #? f3's input is the product x1 * x2: its gradient times x1 belongs to x2, and times x2 to x1.
    #? x1 and w1 are used twice: their gradients are sums of two terms.
    dproduct, dw1_f3 = node_backward(dx3, x1 * x2, w1)
    dsum, dw2 = node_backward(dproduct * x1, x0 + x1, w2)
    _, dw1_f1 = node_backward(dsum + dproduct * x2, x0, w1)
    dw1 = dw1_f1 + dw1_f3
    ### YOUR CODE END ###
    return dw1, dw2


# %% tags=["table"]
dw1, dw2 = graph_backward(x0, w1, w2)
reason = "gradients sum over all uses: w1 is used by f1 and f3, x1 by f2 and f3"
compare("dw2", dw2, differences(lambda w: graph_loss(x0, w1, w), w2), "dx2 = (gradient of the product) * x1")
compare("dw1", dw1, differences(lambda w: graph_loss(x0, w, w2), w1), reason)
print("passed: 4.2 graph_backward")


def torch_graph():
    """The gradients of both weights, by PyTorch."""
    t0, t1, t2 = (torch.tensor(array, requires_grad=True) for array in (x0, w1, w2))
    first = torch.sigmoid(t0 @ t1.T)
    second = torch.sigmoid((t0 + first) @ t2.T)
    (torch.sigmoid((first * second) @ t1.T) ** 2).sum().backward()
    return t1.grad.numpy(), t2.grad.numpy()


rows = {"by hand": [np.abs(dw1).max(), np.abs(dw2).max()]}
if torch:
    rows["largest difference from PyTorch"] = [np.abs(a - b).max() for a, b in zip((dw1, dw2), torch_graph())]
else:
    print("PyTorch is not installed: its row is left out.")
pd.DataFrame(rows, index=["dw1, largest element", "dw2, largest element"]).T

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
    #! 4.3 multiply: the product of elements, with its pullback, as in add above
    #? The derivative of a b by a is b: what comes back to a is d times the value of b.
    return record(a.value * b.value, [a, b], lambda d: (d * b.value, d * a.value))
    ### YOUR CODE END ###


# %%
a, b = Tensor([2.0, 3.0], requires_grad=True), Tensor([5.0, 7.0])
product = multiply(a, b)
if not tape or tape[-1].output is not product:
    raise AssertionError("multiply\n  expected: a step on the tape\n  usual reason: return what record returns")
compare("2 * 5, 3 * 7", product.value, [10.0, 21.0], "element by element")
compare("what comes back to a", tape[-1].pullback(np.array([1.0, 10.0]))[0], [5.0, 70.0], "d times the value of b")
compare("what comes back to b", tape[-1].pullback(np.array([1.0, 10.0]))[1], [2.0, 30.0], "d times the value of a")
print("passed: 4.3 multiply")
tape.clear()


# %% [markdown]
# The pullback of a product needs the values of its inputs. If one of them was changed in place after the forward pass,
# the gradient would be wrong, and nobody would notice. A version number notices.

# %%
def check(step):
    """Raise a RuntimeError where an input of the step was changed after the step."""
    ### YOUR CODE START ###
    #! 4.4 check: compare the versions of the inputs now with those that the step saw
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
                #! 4.5 backward: add share to what has flowed to part so far
                #? flowing[id(part)] is a pair (part, gradient); there is none at the first use.
                #? flowing.get(key, otherwise) needs no if.
                so_far = flowing.get(id(part), (part, 0.0))[1]
                flowing[id(part)] = (part, so_far + share)
                ### YOUR CODE END ###
    tape.clear()
    for part, gradient in flowing.values():
        part.grad = gradient if part.grad is None else part.grad + gradient


# %%
t = Tensor([1.0], requires_grad=True)
step = Step(t, [t], None, [0])
check(step)
t.add_(1.0)
try:
    check(step)
    raise AssertionError("check\n  expected: a RuntimeError after add_\n  usual reason: compare with step.versions")
except RuntimeError as error:
    print("passed: 4.4 check:", error)

t = Tensor([3.0], requires_grad=True)
backward(multiply(t, Tensor([4.0])))
compare("gradient of 4 t", t.grad, [4.0], "flowing holds pairs (part, gradient)")
t = Tensor([3.0], requires_grad=True)
backward(add(multiply(t, t), multiply(t, t)))
compare("gradient of t t + t t at 3", t.grad, [12.0], "gradients sum over all uses: add to what is there")
print("passed: 4.5 backward")


# %%
def total(a):
    """The sum of all elements: each counts once, and gets d itself."""
    return record(a.value.sum(), [a], lambda d: (np.full(a.value.shape, d),))


def log(a):
    """The natural logarithm of the elements."""
    ### YOUR CODE START ###
    #! 4.6 log: value and pullback
    #? A pullback returns one gradient per input: with one input, a tuple of one element, (..., ).
    return record(np.log(a.value), [a], lambda d: (d / a.value,))
    ### YOUR CODE END ###


# %% [markdown]
# **First example.** $s = \sum_i t_i^2 + \sum_j \ln u_j$ at $t = (1, 2, 4)$ and $u = (10, 20)$. By hand: $2t = (2, 4, 8)$
# and $1/u = (0.1, 0.05)$.

# %% tags=["table"]
def first_example():
    t, u = Tensor([1.0, 2.0, 4.0], requires_grad=True), Tensor([10.0, 20.0], requires_grad=True)
    backward(total(t * t) + total(log(u)))
    return t.grad, u.grad


came = first_example()
compare("gradient by t", came[0], [2.0, 4.0, 8.0], "t * t uses t twice: add to what has flowed")
compare("gradient by u", came[1], [0.1, 0.05], "the derivative of the logarithm is 1 / u")
print("passed: 4.6 log")
examples = {"tape": came, "by hand": ([2.0, 4.0, 8.0], [0.1, 0.05])}
if torch:
    t, u = torch.tensor([1.0, 2.0, 4.0], requires_grad=True), torch.tensor([10.0, 20.0], requires_grad=True)
    ((t**2).sum() + u.log().sum()).backward()
    examples["PyTorch"] = t.grad.numpy(), u.grad.numpy()
pd.DataFrame(
    {name: [np.round(gradient, 6).tolist() for gradient in pair] for name, pair in examples.items()},
    index=["by t", "by u"],
)

# %% [markdown]
# **Gradients accumulate until they are reset.** A second `backward` adds to `.grad`. That is useful where a batch is
# too large for one pass, and a frequent mistake everywhere else: the gradients of the last step are still in the next.

# %%
t = Tensor([1.0, 2.0, 4.0], requires_grad=True)
for number in (1, 2, 3):
    backward(total(t * t))
    print(f"after backward number {number}: {t.grad}")
t.grad = None
backward(total(t * t))
print("after a reset:          ", t.grad)
compare("after a reset", t.grad, [2.0, 4.0, 8.0], "backward adds to .grad, which is None at first")

# %% [markdown]
# **Detaching.** The minimum of $(a - 1)^2 + (b + 1)^2 + (a - b)^2$ is where both derivatives vanish:
#
# $$2(a - 1) + 2(a - b) = 0, \quad 2(b + 1) - 2(a - b) = 0 \quad\Rightarrow\quad a = \tfrac{1}{3}, \; b = -\tfrac{1}{3}$$
#
# If $a$ is detached in the last term, $a$ does not feel the coupling: it goes to 1; and $b$, which does, goes to the
# middle between $-1$ and $a = 1$: to 0. That is the minimum of no function. Updates happen **outside the graph**: with
# `add_`, on no tape.

# %%
def detach(a):
    """The same value, as a constant: no gradient comes back from where it is used."""
    ### YOUR CODE START ###
    #! 4.7 detach: a new Tensor with the value of a that requires no gradient
    #? What does a Tensor know of its past? Only the tape does.
    return Tensor(a.value)
    ### YOUR CODE END ###


# %% tags=["table"]
def descend(detached):
    """a and b after plain gradient descent."""
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


compare("a and b, coupled", descend(False), (1 / 3, -1 / 3), "see 4.3 and 4.5")
compare("a and b, a detached", descend(True), (1.0, 0.0), "detach returns a Tensor that requires no gradient")
print("passed: 4.7 detach")
ends = {"tape": [descend(False), descend(True)]}
if torch:
    ends["PyTorch"] = [torch_descend(False), torch_descend(True)]
pd.DataFrame(
    {name: [f"a = {a:.4f}, b = {b:.4f}" for a, b in pairs] for name, pairs in ends.items()},
    index=["(1/3, -1/3) expected", "a detached: (1, 0) expected"],
)

# %% [markdown]
# **In-place changes.** The tape refuses a value that was changed after it was used, and so does PyTorch:

# %%
t = Tensor([1.0, 2.0], requires_grad=True)
square = total(t * t)
t.add_(1.0)
try:
    backward(square)
except RuntimeError as error:
    print("tape:   ", error)
tape.clear()
if torch:
    t = torch.tensor([1.0, 2.0], requires_grad=True)
    square = (t * t).sum()
    with torch.no_grad():
        t += 1.0
    try:
        square.backward()
    except RuntimeError as error:
        print("PyTorch:", str(error).splitlines()[0].partition(":")[0])

# %% [markdown]
# ---
# ## Networks on the tape
#
# Three more operations, each over a function in C of `mlpc.ops` that has its own backward: a linear layer, the sigmoid,
# and the cross-entropy of logits.

# %%
def sigmoid(z):
    a = mlpc.ops.sigmoid_forward(z.value)
    return record(a, [z], lambda d: (mlpc.ops.sigmoid_backward(np.array(d), z.value),))


def linear(x, w, b):
    """x (n, n_in) to x w^T + b (n, n_out)."""
    ### YOUR CODE START ###
    #! 4.8 linear: value, and the pullback to all three inputs
    #? mlpc.ops.linear_forward(x, w, b), mlpc.ops.linear_backward(d, x, w): it returns dx, dw, db, in this order.
    #? Or in NumPy: d @ w, d.T @ x, d.sum(axis=0).
    z = mlpc.ops.linear_forward(x.value, w.value, b.value)
    return record(z, [x, w, b], lambda d: mlpc.ops.linear_backward(np.array(d), x.value, w.value))
    ### YOUR CODE END ###


def cross_entropy(z, y):
    """The mean over the samples."""
    ### YOUR CODE START ###
    #! 4.9 cross_entropy: the mean cost of logits z and labels y, with the pullback to z
    #? mlpc.ops.cross_entropy(z, y) gives the mean cost and its derivative by z. y is no Tensor.
    #? The chain rule: what comes back is d, a number, times that derivative.
    cost, dz = mlpc.ops.cross_entropy(z.value, y)
    return record(cost, [z], lambda d: (d * dz,))
    ### YOUR CODE END ###


# %%
draw = np.random.default_rng(1)
arrays = [draw.normal(size=shape) for shape in ((7, 4), (3, 4), (3,))]
layer = [Tensor(array, requires_grad=True) for array in arrays]
z = linear(*layer)
compare("z", z.value, arrays[0] @ arrays[1].T + arrays[2], "Z = X W^T + b")
probe = Tensor(np.cos(np.arange(21.0)).reshape(7, 3))
backward(total(z * probe))
for number, name in enumerate("xwb"):
    def cost(moved, number=number):
        x, w, b = [moved if place == number else array for place, array in enumerate(arrays)]
        return float(((x @ w.T + b) * probe.value).sum())

    reason = "dX = dZ W, dW = dZ^T X, db the sum over the rows: in this order"
    compare(f"gradient of {name}", layer[number].grad, differences(cost, arrays[number]), reason)
print("passed: 4.8 linear")

logits, labels = Tensor(draw.normal(size=(7, 3)), requires_grad=True), draw.integers(0, 3, 7)


def mean_cost(z):
    return float((np.log(np.exp(z).sum(axis=1)) - z[np.arange(7), labels]).mean())


doubled = cross_entropy(logits, labels) * 2.0
compare("twice the cost", doubled.value, 2 * mean_cost(logits.value), "the mean over the samples")
backward(doubled)
slopes = differences(mean_cost, logits.value)
compare("gradient of twice the cost", logits.grad, 2 * slopes, "d times the derivative; with the 1/n, once")
print("passed: 4.9 cross_entropy")

# %% [markdown]
# **The graph of the first part, again.** Nobody wrote its backward pass. `w1` is used twice, and the tape sums.

# %%
t0, t1, t2 = Tensor(x0), Tensor(w1, requires_grad=True), Tensor(w2, requires_grad=True)
nothing = Tensor(zeros)
first = sigmoid(linear(t0, t1, nothing))
second = sigmoid(linear(t0 + first, t2, nothing))
third = sigmoid(linear(first * second, t1, nothing))
backward(total(third * third))
compare("dw1 from the tape", t1.grad, dw1, "see 4.2 and 4.5", 1e-12)
compare("dw2 from the tape", t2.grad, dw2, "see 4.2 and 4.5", 1e-12)
print("the tape's gradients are those by hand")

# %% [markdown]
# **An MLP.** Four operations in a row are a network; its gradients must be those of `mlpc.MLP`. (They are to the
# last bit, since both call the same functions in C.) Then we train it, with the updates outside the graph.

# %%
(x_full, y_full), (x_test, y_test) = mlpc.datasets.load_mnist() if DATA == "mnist" else mlpc.datasets.load_digits()
n_pixels = x_full.shape[1]
reference = mlpc.MLP([n_pixels, 30, 10], "sigmoid", dtype="float64", init="course", seed=0)
parameters = [Tensor(array, requires_grad=True) for array in reference.state_dict().values()]


def cost_of(x, y):
    hidden = sigmoid(linear(Tensor(x), parameters[0], parameters[1]))
    return cross_entropy(linear(hidden, parameters[2], parameters[3]), y)


def descent_step(lr):
    """One step of gradient descent, outside the graph; the gradients are reset."""
    for parameter in parameters:
        ### YOUR CODE START ###
        #! 4.10 descent_step: move parameter against its gradient, and reset the gradient
        #? parameter.add_(...) changes it in place. Without the reset, gradients accumulate.
        parameter.add_(-lr * parameter.grad)
        parameter.grad = None
        ### YOUR CODE END ###


# %% tags=["table"]
batch = x_full[:64].astype(np.float64), y_full[:64]
cost = cost_of(*batch)
backward(cost)
reference_cost = reference.loss_and_grad(*batch)
gradients = [array for layer in reference.layers[::2] for array in (layer.weight_grad, layer.bias_grad)]
rows = [
    (name, parameter.value.size, np.abs(parameter.grad - gradient).max())
    for name, parameter, gradient in zip(("w1", "b1", "w2", "b2"), parameters, gradients)
]
for name, _, difference in rows:
    compare(f"gradient of {name}, difference from mlpc.MLP", difference, 0.0, "see 4.8 and 4.9", 1e-12)

before = [np.array(parameter.value) for parameter in parameters]
descent_step(0.5)
for parameter, old, gradient in zip(parameters, before, gradients):
    compare("a parameter after the step", parameter.value, old - 0.5 * gradient, "minus lr times the gradient", 1e-9)
    if parameter.grad is not None:
        raise AssertionError("gradient after the step\n  expected: None\n  usual reason: the reset is missing")
print("passed: 4.10 descent_step")
pd.DataFrame(rows, columns=["parameter", "elements", "largest difference from mlpc.MLP"]).set_index("parameter")

# %% tags=["plot"]
TRAINED = 20_000 if DATA == "mnist" else len(x_full)
EPOCHS = 3 if DATA == "mnist" else 10
history = {"loss": [], "val_loss": []}
for epoch in range(EPOCHS):
    costs = []
    for rows in mlpc.training.batches(TRAINED, 64, epoch=epoch):
        cost = cost_of(x_full[rows], y_full[rows])
        backward(cost)
        descent_step(1.0)
        costs.append(float(cost.value) * len(rows))
    recording = False  # nothing is noted while we only look
    history["loss"].append(sum(costs) / TRAINED)
    history["val_loss"].append(float(cost_of(x_test, y_test).value))
    recording = True
if tape:
    raise AssertionError("the tape\n  expected: empty after training\n  usual reason: an update was recorded")
print(f"after {EPOCHS} epochs: cost {history['loss'][-1]:.3f}")
mlpc.plot.learning_curves({f"{n_pixels}-30-10 on the tape": history})

# %% [markdown] tags=["student", "comment"]
# **Your comments.** What does the tape remember of a step, and when can it be forgotten? Why is a weight's gradient a
# sum over its uses? Where do you have to take care that something is *not* on the tape?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Comments.** A step holds its output, its inputs and what its pullback closes over: the values it needs. All of it
# can be forgotten as soon as backward has passed it. A weight that is used twice changes the loss along two ways, and
# the chain rule adds them; leaving one out gives a gradient that looks reasonable and is wrong, as the comparison with
# differences shows at once. Updates, the reset of gradients and evaluation do not belong on the tape: recorded
# updates would keep every old step alive, and change values that backward still needs.
