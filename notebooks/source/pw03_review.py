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
# # Practical work 03, exercise 5 (optional): review questions
#
# Four questions. Each answer is argued, and computed: a formula that nobody has checked is a guess.
#
# | question | blanks |
# | --- | --- |
# | a) How many parameters has the network 784-100-200-50-10? | 5.1 |
# | b) Are three linear layers without activation useful? | 5.2 |
# | c) What are the benefits of back-propagation? | 5.3, 5.4 |
# | d) What must each layer remember from the forward pass? | 5.5, 5.6 |
#
# **How it works.** Visible tests come after each blank: each prints `passed`, or says what it expected, what came, and
# the usual reason. Questions with choices have their answers folded up below them: decide first. **What you hand in**
# is this notebook, filled in, run from top to bottom, with your answers in words; `python -m mlpc pack --group NAME`
# makes the renamed copy and says what is missing.

# %%
#include setup

# %% tags=["parameters"]
import os

GROUP = "group"  # your group's name: it becomes part of the file name
DATA = os.environ.get("PW03_DATA", "mnist")  # "mnist": 28 x 28 pixels; "digits": 8 x 8 pixels, for a quick run

# %%
import time

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

import mlpc
from mlpc.course import load_data
from mlpc.course.testing import checking, compare, expect

SIZES = [784, 100, 200, 50, 10]  # the network of a), c) and d)

# %% [markdown]
# ---
# ## a) How many parameters has the network 784-100-200-50-10?

# %%
def count(sizes):
    """The number of weights and biases of an MLP, sizes from the inputs to the outputs."""
    ### YOUR CODE START ###
    #! 5.1 count: weights and biases of all linear layers
    #? zip(sizes, sizes[1:]) gives the pairs (inputs, outputs). What does one unit have, and how many are there?
    return sum((inputs + 1) * outputs for inputs, outputs in zip(sizes, sizes[1:]))
    ### YOUR CODE END ###


# %% tags=["test", "table"]
def test_count():
    compare("2-3", count([2, 3]), 9, "6 weights and 3 biases")
    compare("2-3-1", count([2, 3, 1]), 13, "9 and 4: biases belong to units, the inputs have none")
    given = [5, 4, 3, 2]
    compare("5-4-3-2", count(given), 24 + 15 + 8, "each two neighbours are a layer, the last one, too")
    expect("sizes afterwards", given == [5, 4, 3, 2], [5, 4, 3, 2], given, "the caller's list was changed: copy it")
    arrays = list(mlpc.MLP(SIZES).state_dict().values())
    compare("784-100-200-50-10", count(SIZES), sum(a.size for a in arrays), "the arrays of the network, counted")
    rows = [
        {"layer": f"{w.shape[1]}-{w.shape[0]}", "weights": w.size, "biases": b.size, "both": w.size + b.size}
        for w, b in zip(arrays[::2], arrays[1::2])
    ]
    table = pd.DataFrame(rows).set_index("layer")
    table.loc["all"] = table.sum()
    return table.assign(share=100 * table["both"] / count(SIZES))


with checking("5.1 count", "a number: the sum over the layers of inputs times outputs, and outputs"):
    counted = test_count()
print(f"{count(SIZES):,} parameters")
counted.style.format("{:,}").format("{:.1f} %", subset="share")

# %% [markdown]
# **Question 1.** All hidden layers become twice as wide: 784-200-400-100-10. The number of parameters becomes
#
# - A: twice as large
# - B: more than twice, but less than four times as large
# - C: four times as large
#
# <details><summary>Answer</summary>
#
# B. Between two hidden layers, inputs *and* outputs are doubled: four times as many weights. In the first layer and in
# the last only one of the two is. Try `count([784, 200, 400, 100, 10])`.
#
# </details>

# %% [markdown] tags=["student", "comment"]
# **Your answer.** Where are most of the parameters, and what does that say about making a network smaller?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Answer.** $78{,}500 + 20{,}200 + 10{,}050 + 510$ = 109,260 parameters. The first layer has 71.8 % of them, because
# an image has so many pixels; the last one has 0.5 %. A smaller network has fewer units in its first layer, or fewer
# pixels.

# %% [markdown]
# ---
# ## b) Are three linear layers without activation useful?
#
# $$z = W_3 (W_2 (W_1 x + b_1) + b_2) + b_3$$

# %%
def collapsed(net):
    """w and b of the one linear layer that computes what the network computes, which has no activations."""
    layers = net.layers[::2]
    w, b = layers[0].weight, layers[0].bias
    for layer in layers[1:]:
        ### YOUR CODE START ###
        #! 5.2 collapsed: w and b of the layers so far, followed by this one
        #? Put z = w x + b into layer.weight z + layer.bias, and multiply out, on paper.
        #? What stands before x is the new w; what is left is the new b.
        w, b = layer.weight @ w, layer.weight @ b + layer.bias
        ### YOUR CODE END ###
    return w, b


# %% tags=["test"]
def test_collapsed():
    for sizes in ([6, 5, 2], [6, 5, 4, 2], [3, 3, 3, 3]):
        net = mlpc.MLP(sizes, "identity", dtype="float64", seed=0)
        before = np.array(net.parameters)
        came = collapsed(net)
        title, shapes = "-".join(map(str, sizes)), ((sizes[-1], sizes[0]), (sizes[-1],))
        for name, array, shape in zip(("w", "b"), came, shapes):
            reason = "W w is the new w, and W b + c the new b, with c the bias of the layer"
            expect(f"{title}: {name}", np.shape(array) == shape, shape, np.shape(array), reason)
        compare(f"{title}: parameters afterwards", net.parameters, before, "w and b are views: make new arrays")
        zeros, unit = np.zeros((1, sizes[0])), np.eye(sizes[0])
        compare(f"{title}: outputs for x = 0", came[1], net.forward(zeros)[0], "the bias goes through all layers, too")
        outputs = unit @ came[0].T + came[1]
        compare(f"{title}: outputs", outputs, net.forward(unit), "the order of the matrices: W (w x) = (W w) x")


with checking("5.2 collapsed", "the order of the matrices: W (w x + b) + c = (W w) x + (W b + c)"):
    test_collapsed()

# %%
(x_full, y_full), _ = load_data(DATA)
n_pixels = x_full.shape[1]
deep = mlpc.MLP([n_pixels, 100, 50, 10], "identity", dtype="float64", seed=0)
w, b = collapsed(deep)
x64 = x_full[:64].astype(np.float64)
difference = np.abs(x64 @ w.T + b - deep.forward(x64)).max()
rank = np.linalg.matrix_rank(w)
print(f"three layers: {deep.n_parameters:,} parameters")
print(f"one layer: {w.size + b.size:,} parameters: {b.size} biases, {w.shape[0]} x {w.shape[1]} weights of rank {rank}")
print(f"largest difference of their outputs: {difference:.0e}")

# %% [markdown]
# They compute the same functions; do they learn the same? Three kinds of networks, each with three seeds, with the same
# data, learning rate and number of epochs. The figures of the training samples are averages over an epoch, while the
# network still learns; those of the validation samples are computed at its end, and can be better for that.

# %% tags=["plot"]
train_rows, val_rows = mlpc.datasets.stratified_split(y_full, 10_000 if DATA == "mnist" else 287, seed=0)
validation = x_full[val_rows], y_full[val_rows]
EPOCHS = 10 if DATA == "mnist" else 60
histories = {}
for kind, sizes, activation in [
    ("one linear layer", [n_pixels, 10], "identity"),
    ("three linear layers", [n_pixels, 100, 50, 10], "identity"),
    ("the same with ReLU", [n_pixels, 100, 50, 10], "relu"),
]:
    histories[kind] = [
        mlpc.MLP(sizes, activation, seed=seed).fit(
            x_full[train_rows], y_full[train_rows], epochs=EPOCHS, lr=0.05, validation_data=validation, progress=False
        )
        for seed in (0, 1, 2)
    ]
mlpc.plot.learning_curves(histories)

# %% tags=["table"]
def mean_and_spread(runs, epoch):
    """The validation accuracy of several runs after an epoch: its mean, and the least and the greatest."""
    accuracies = [run["val_accuracy"][epoch] for run in runs]
    low, middle, high = (100 * pick(accuracies) for pick in (min, np.mean, max))
    return f"{middle:.2f} % ({low:.2f} to {high:.2f})"


one, three = ([100 * run["val_accuracy"][-1] for run in runs] for runs in list(histories.values())[:2])
apart = abs(np.mean(one) - np.mean(three))
print(f"at the end, the means of one and of three linear layers differ by {apart:.2f} points,")
print(f"the seeds of one layer by {np.ptp(one):.2f} points, those of three by {np.ptp(three):.2f}")
pd.DataFrame(
    {
        kind: {
            "validation accuracy after 1 epoch": mean_and_spread(runs, 0),
            f"after {EPOCHS} epochs": mean_and_spread(runs, -1),
            "validation cost at the end": f"{np.mean([run['val_loss'][-1] for run in runs]):.3f}",
        }
        for kind, runs in histories.items()
    }
).T

# %% [markdown]
# **Question 2.** 784-5-10, without activation, compared with 784-10:
#
# - A: it computes the same functions
# - B: it computes fewer
# - C: it computes more, since it has one more layer
#
# <details><summary>Answer</summary>
#
# B. The product of a 10 x 5 and a 5 x 784 matrix has rank 5 at most; 784-10 can have rank 10. It also has fewer
# parameters: $5 \cdot 785 + 10 \cdot 6 = 3{,}985$ instead of $7{,}850$. This is what narrow linear layers are for: a
# large matrix is written as the product of two thin ones.
#
# </details>

# %% [markdown] tags=["student", "comment"]
# **Your answer.** What can three linear layers compute that one cannot? What differs nevertheless?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Answer.** Nothing. The product of the matrices is one matrix of 10 x 784, of rank 10 at most, and the biases become
# 10 biases: 7,850 parameters say everything that the 84,060 can. Only the way differs on which gradient descent gets
# there. After 1 epoch the three layers are ahead, with 89.79 % against 88.80 %; at the end one layer has 91.24 %, three
# have 91.08 %, and the seeds of the latter differ by more than that: a tie. An activation between the layers is what
# makes them more than one: 96.42 % with ReLU, after as many epochs.

# %% [markdown]
# ---
# ## c) What are the benefits of back-propagation?
#
# The alternative needs no theory: move every parameter a little, up and down, and look at the cost. That takes two
# forward passes per parameter.

# %%
def gradient_by_differences(net, x, y, h=1e-5):
    """The gradient of the mean cost by all parameters, in the order of net.parameters."""
    gradient = np.empty_like(net.parameters)
    for index in range(net.parameters.size):
        ### YOUR CODE START ###
        #! 5.3 gradient_by_differences: element index of the gradient; leave the parameter as it was
        #? net.parameters is a view: assigning to an element changes the network.
        #? The cost: a forward pass, then net.loss(y).
        middle = net.parameters[index]
        costs = []
        for moved in (middle + h, middle - h):
            net.parameters[index] = moved
            net(x)
            costs.append(net.loss(y))
        net.parameters[index] = middle
        gradient[index] = (costs[0] - costs[1]) / (2 * h)
        ### YOUR CODE END ###
    return gradient


# %% tags=["test"]
def batch_of(n, inputs):
    """n random samples and their labels, the same in each call."""
    draw = np.random.default_rng(0)
    return draw.normal(size=(n, inputs)), draw.integers(0, 10, n)


def test_gradient_by_differences():
    """Return the largest difference from back-propagation, relative to the largest element."""
    x, y = batch_of(64, 16)
    net = mlpc.MLP([16, 8, 10], "sigmoid", dtype="float64", seed=0)
    before = np.array(net.parameters)
    came = gradient_by_differences(net, x, y)
    reason = "put the parameter back after the two passes"
    compare("parameters afterwards", net.parameters, before, reason, 1e-12)  # + h, - 2 h, + h may round
    net.parameters[:] = before
    net.loss_and_grad(x, y)
    reason = "the cost at + h minus the cost at - h, divided by 2 h; a forward pass after each move"
    compare("gradient", came, net.gradients, reason, n=64)
    reason = "the cost at + h minus that at - h: the difference of one side alone is 10,000 times less exact"
    compare("gradient", came, net.gradients, reason, 1e-9)
    reason = "it is the gradient of back-propagation, to the last bit: compute it from costs alone"
    expect("gradient", np.any(came != net.gradients), "differences, which round", "no rounding at all", reason)
    return np.abs(came - net.gradients).max() / np.abs(net.gradients).max()


with checking("5.3 gradient_by_differences", "a forward pass after each move, then net.loss(y), which is one number"):
    relative = test_gradient_by_differences()
print(f"largest difference from back-propagation, relative to the largest element: {relative:.0e}")

# %% [markdown]
# **Question 3.** Is a smaller `h`, say 1e-12, better?
#
# - A: yes: the smaller h, the closer the difference is to the derivative
# - B: no: both costs are rounded, and the error of rounding is divided by h
#
# <details><summary>Answer</summary>
#
# B. The error of the formula falls with $h^2$, that of rounding grows with $1 / h$. Near $h = 10^{-5}$ both are small,
# in float64. In float32, which has 7 digits, no `h` is good. The first open task draws it.
#
# </details>
#
# How much work is it? Count multiplications. Forward, $Z = X W^T$ takes one per sample and weight. Backward has two
# such products, $dW = dZ^T X$ and $dX = dZ\, W$; but nobody needs $dX$ of the first layer. (Biases, activations and the
# cost are left out: they belong to units, of which there are far fewer than weights.)

# %%
def multiplications(sizes, n):
    """How many multiplications the matrix products of n samples take: in the forward pass, and in the backward pass."""
    ### YOUR CODE START ###
    #! 5.4 multiplications: of the forward pass and of the backward pass, a pair
    #? How many weights has a layer? Each is used once per sample, in each product.
    weights = [inputs * outputs for inputs, outputs in zip(sizes, sizes[1:])]
    return n * sum(weights), n * (2 * sum(weights) - weights[0])
    ### YOUR CODE END ###


# %% tags=["test", "table"]
class Counted(float):
    """A number that counts the multiplications of all its kind."""

    count = 0

    def __mul__(self, other):
        Counted.count += 1
        return Counted(float(self) * float(other))

    def __add__(self, other):
        return Counted(float(self) + float(other))


def counted_passes(sizes, n):
    """What multiplications() says, counted: by matrix products of numbers that count."""

    def numbers(rows, columns):
        return np.array([[Counted(1.0)] * columns] * rows, dtype=object)

    weights = [numbers(outputs, inputs) for inputs, outputs in zip(sizes, sizes[1:])]
    Counted.count, inputs = 0, [numbers(n, sizes[0])]
    for w in weights:
        inputs.append(inputs[-1] @ w.T)
    forward, d = Counted.count, inputs.pop()
    for place in reversed(range(len(weights))):
        d.T @ inputs[place]  # dW, only counted
        if place:
            d = d @ weights[place]
    return forward, Counted.count - forward


def test_multiplications():
    for sizes, n in (([3, 2], 1), ([3, 2], 5), ([4, 3, 2], 1), ([5, 4, 3, 2], 6)):
        came, expected = multiplications(sizes, n), counted_passes(sizes, n)
        title = f"{'-'.join(map(str, sizes))}, {n} samples"
        pair = isinstance(came, (tuple, list)) and len(came) == 2
        expect(title, pair, "a pair, forward and backward", came, "return two numbers")
        compare(f"{title}, forward", came[0], expected[0], "one per sample and weight; biases are only added")
        reason = "dW and dX, one each per sample and weight; no dX of the first layer"
        compare(f"{title}, backward", came[1], expected[1], reason)


def work_of(*networks):
    """The multiplications of 64 samples, one row per network."""
    rows = {}
    for sizes in networks:
        forward, back = multiplications(sizes, 64)
        by_differences = 2 * count(sizes) * forward
        rows["-".join(map(str, sizes))] = {
            "parameters": count(sizes),
            "forward": forward,
            "gradient by back-propagation": forward + back,
            "gradient by differences": by_differences,
            "back-propagation / forward": (forward + back) / forward,
            "differences / back-propagation": by_differences / (forward + back),
        }
    return pd.DataFrame(rows).T


with checking("5.4 multiplications", "a pair of numbers: n times sums over the layers of inputs times outputs"):
    test_multiplications()
work = work_of([64, 4, 10], [64, 16, 10], [64, 64, 10], [64, 256, 10], [64, 1024, 10], SIZES)
work.style.format("{:,.0f}").format("{:.2f}", subset="back-propagation / forward")

# %%
growth = work.loc["64-64-10"] / work.loc["64-16-10"]
print(f"64-64-10 has {growth['parameters']:.2f} times as many parameters as 64-16-10; a gradient by differences takes")
print(f"{growth['gradient by differences']:.2f} times as many multiplications")
steps = -(-60_000 // 64)  # of an epoch of 60,000 samples in batches of 64
epochs = work.loc["-".join(map(str, SIZES)), "differences / back-propagation"] / steps
print(f"784-100-200-50-10: one gradient by differences takes as many as {epochs:.0f} epochs of {steps} steps by")
print("back-propagation")

# %% [markdown]
# And in seconds? Every figure is the median of 7 turns, from the least to the greatest; in each turn all methods have
# their go, so that a moment in which the machine is busy hits all of them. Differences are measured up to some thousand
# parameters; the time of their forward passes says what they would take for the largest.

# %% tags=["table"]
TURNS = 7


def seconds(function, calls):
    """The time of one call, out of several in a row."""
    begin = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - begin) / calls


def measure(units):
    """The seconds of all turns for a network with one hidden layer, by the method."""
    net = mlpc.MLP([64, units, 10], "relu", dtype="float64", seed=0)
    inputs, labels = batch_of(64, 64)
    methods = {
        "forward": (lambda: (net.forward(inputs), net.loss(labels)), 20),
        "back-propagation": (lambda: net.loss_and_grad(inputs, labels), 20),
    }
    if net.n_parameters < 6000:
        methods["differences"] = (lambda: gradient_by_differences(net, inputs, labels), 1)
    turns = [{name: seconds(*method) for name, method in methods.items()} for _ in range(TURNS + 1)]
    return net.n_parameters, pd.DataFrame(turns[1:])  # the first one was to warm up


measured = dict(measure(units) for units in (4, 16, 64, 256, 1024))


def median_and_spread(times):
    """In microseconds."""
    low, middle, high = (1e6 * value for value in (times.min(), times.median(), times.max()))
    return f"{middle:,.0f} ({low:,.0f} to {high:,.0f})"


pd.DataFrame(
    [
        {"parameters": f"{n:,}"}
        | {f"{name}, µs": median_and_spread(turns[name]) if name in turns else "" for name in measured[310]}
        | {"back-propagation / forward": f"{(turns['back-propagation'] / turns['forward']).median():.1f}"}
        for n, turns in measured.items()
    ]
).set_index("parameters")

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for (name, style), colour in zip({"forward": "^:", "back-propagation": "o-", "differences": "s-"}.items(),
                                 ["#009E73", "#0072B2", "#D55E00"]):  # fmt: skip
    these = {n: turns[name] for n, turns in measured.items() if name in turns}
    middle = np.array([times.median() for times in these.values()])
    spread = np.array([[times.median() - times.min(), times.max() - times.median()] for times in these.values()]).T
    axes.errorbar(list(these), middle, spread, fmt=style, color=colour, capsize=3, label=name)
passes = [2 * n * turns["forward"].median() for n, turns in measured.items()]
axes.plot(list(measured), passes, "--", color="#D55E00", label="differences: 2 forward passes per parameter")
axes.set(xscale="log", yscale="log", xlabel="parameters", ylabel="seconds per gradient")
axes.grid(color="0.9")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)
plt.close(figure)
figure

# %% [markdown] tags=["student", "comment"]
# **Your answer.** How does the work of both methods grow with the network? How exact is each? What else speaks for
# back-propagation?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Answer.** All gradients for less than three times the multiplications of a forward pass, whatever the number of
# parameters: 2.28 times for 784-100-200-50-10, as the forward pass has one product per layer and the backward pass two,
# but one in the first layer. How many times the run time, the table of seconds says: it is another one, since numbers
# are moved as well as multiplied, and a machine that does other things adds its share. Differences take two forward
# passes for *each* parameter, so that their work grows with the square of the network: 3.98 times as many parameters,
# 15.90 times as much work. For 784-100-200-50-10 a single gradient is as much work as 102 epochs of back-propagation.
# And they are not exact: the largest difference was 4e-10 of the largest element, in float64, while back-propagation is
# exact to rounding. Its rules are local: a layer needs to know nothing of the others, so that any layers can be put
# together; and intermediate results are computed once and used by all.

# %% [markdown]
# ---
# ## d) What must each layer remember from the forward pass?
#
# $$dW = dZ^T X, \qquad db = \sum_i dz_i, \qquad dX = dZ\, W, \qquad dZ = dA \odot f'(Z)$$
#
# A linear layer needs its input $X$, besides its weights. What does an activation need? $Z$, so it seems. But the
# derivatives of sigmoid, tanh and ReLU can be computed from the output $A = f(Z)$ alone, and $A$ is the next layer's
# input: it is there anyway.

# %% tags=["plot"]
figure, axes = plt.subplots(figsize=(8.6, 2.9), layout="constrained")
boxes, style = {}, {"boxstyle": "round,pad=0.4", "edgecolor": "0.3"}
forward = ["$X$", "$Z_1 = X W_1^T + b_1$", "$A_1 = f(Z_1)$", "$Z_2 = A_1 W_2^T + b_2$", "$L$"]
back = ["$dW_1 = dZ_1^T X$", "$dZ_1 = dA_1 \\odot f'$", "$dW_2 = dZ_2^T A_1$\n$dA_1 = dZ_2 W_2$", "$dZ_2$"]
spots = [0, 2, 4.2, 6.6, 8.8]
for place, (spot, text) in enumerate(zip(spots, forward)):
    kept = {"facecolor": "0.82", "linewidth": 2.2} if place in (0, 2) else {"facecolor": "white"}
    boxes["forward", place] = axes.text(spot, 1, text, ha="center", va="center", bbox=style | kept)
for place, (spot, text) in enumerate(zip([0, 2, 4.2, 6.6], back)):
    boxes["back", place] = axes.text(spot, -0.6, text, ha="center", va="center", bbox=style | {"facecolor": "white"})
arrows = [(("forward", i), ("forward", i + 1), "-") for i in range(4)] + [(("forward", 4), ("back", 3), "-")]
arrows += [(("back", i + 1), ("back", i), "-") for i in range(3)]
arrows += [(("forward", 0), ("back", 0), ":"), (("forward", 2), ("back", 1), ":"), (("forward", 2), ("back", 2), ":")]
for begin, end, line in arrows:
    tips = {"patchA": boxes[begin].get_bbox_patch(), "patchB": boxes[end].get_bbox_patch()}
    look = {"arrowstyle": "-|>", "color": "0.2", "linestyle": line, "linewidth": 1.8 if line == ":" else 1}
    axes.annotate("", boxes[end].get_position(), boxes[begin].get_position(), arrowprops=tips | look)
axes.text(8.8, -1.35, "grey: kept from the forward pass; dotted: what backward reads of it", ha="right", fontsize=9)
axes.set(xlim=(-0.9, 9.2), ylim=(-1.5, 1.5))
axes.axis("off")
plt.close(figure)
figure

# %%
def slopes_from_outputs(name, a):
    """f'(z), computed from a = f(z) alone."""
    ### YOUR CODE START ###
    #! 5.5 slopes_from_outputs: for sigmoid, tanh and relu
    #? Derive 1 / (1 + exp(-z)) and tanh z = sinh z / cosh z by z, then write what you find with a alone.
    #? ReLU: what does its output say about the sign of z?
    if name == "sigmoid":
        return a * (1 - a)
    if name == "tanh":
        return 1 - a**2
    return (a > 0).astype(a.dtype)
    ### YOUR CODE END ###


# %% tags=["test", "table"]
SLOPES = {
    "sigmoid": "e^-z / (1 + e^-z)^2 is the output times (1 minus the output); compute it from a, z is not known here",
    "tanh": "1 / cosh(z)^2 is 1 minus the square of the output; compute it from a, z is not known here",
    "relu": "1 where the output is above 0, 0 elsewhere",
}


def test_slopes_from_outputs(h=1e-5):
    z, columns = np.array([[-2.0, -0.5, 0.25, 3.0]]), {}
    for name, reason in SLOPES.items():
        function = getattr(mlpc.ops, f"{name}_forward")
        a, slopes = function(z), (function(z + h) - function(z - h)) / (2 * h)
        came = slopes_from_outputs(name, a)
        compare(f"derivative of {name}", came, slopes, reason, 1e-8)
        compare(f"the output of {name} afterwards", a, function(z), "a was changed in place: make a new array", 1e-12)
        columns[f"{name}, from outputs"], columns[f"{name}, by differences"] = np.ravel(came), slopes.ravel()
    return pd.DataFrame(columns, index=[f"z = {number:g}" for number in z[0]])


with checking("5.5 slopes_from_outputs", "an array like a, for each of the three names: sigmoid, tanh, relu"):
    slopes_of_three = test_slopes_from_outputs()
slopes_of_three.astype(float).round(4)

# %% [markdown]
# **Question 4.** For which of these can the slope *not* be computed from the output alone?
#
# - A: leaky ReLU, $\max(z, 0.01 z)$
# - B: softplus, $\ln(1 + e^z)$
# - C: SiLU, $z \, \sigma(z)$
#
# <details><summary>Answer</summary>
#
# C. SiLU falls before it rises: two different $z$, with different slopes, have the same output. The other two rise all
# the way, so that the output says which $z$ it was: the slope of leaky ReLU is 1 or 0.01 by the sign of the output,
# that of softplus is $1 - e^{-a}$.
#
# </details>

# %%
def remembered(sizes, n):
    """How many numbers an MLP with such an activation must keep of a batch of n samples, besides its parameters."""
    ### YOUR CODE START ###
    #! 5.6 remembered: the inputs of all linear layers
    #? The outputs of the activations are among them. Nobody needs the logits any more, once dZ is known.
    return n * sum(sizes[:-1])
    ### YOUR CODE END ###


# %% [markdown]
# Read off a network: `net.layers[i].input` and `.output` are what the latest forward pass left in memory.

# %% tags=["test", "table"]
def layers_in_memory(sizes, n):
    """What each layer of a network has in memory after a forward pass of n samples, one row per layer."""
    net = mlpc.MLP(sizes, "relu", seed=0)
    net.forward(np.random.default_rng(0).random((n, sizes[0]), dtype=np.float32))
    return pd.DataFrame(
        {
            "layer": f"layers[{layer.index}] {type(layer).__name__}",
            "input": str(layer.input.shape),
            "output": str(layer.output.shape),
            "numbers kept": layer.input.size if layer.index % 2 == 0 else 0,
            "why": "input, for dW" if layer.index % 2 == 0 else "output, which is the next layer's input",
            "same memory as the next input": layer.index + 1 < len(net.layers)
            and np.shares_memory(layer.output, net.layers[layer.index + 1].input),
        }
        for layer in net.layers
    )


def test_remembered():
    for sizes, n in (([5, 4, 3], 1), ([5, 4, 3], 7), ([6, 5, 4, 3], 2), (SIZES, 64)):
        given, kept = list(sizes), layers_in_memory(sizes, n)["numbers kept"].sum()
        reason = "each linear layer keeps its input, of all samples; no logits, and nothing twice"
        compare(f"{'-'.join(map(str, sizes))}, {n} samples", remembered(given, n), kept, reason, n=n)
        expect("sizes afterwards", given == sizes, sizes, given, "the caller's list was changed: copy it")


with checking("5.6 remembered", "a number: n times the sum of the widths of all layers' inputs"):
    test_remembered()
layers_in_memory(SIZES, 64).set_index("layer")

# %% tags=["table"]
batches = [1, 16, 64, 256, 1024, 4096]
outweighing = next(n for n in range(1, 4096) if remembered(SIZES, n) > count(SIZES))
print(f"from {outweighing} samples on, more numbers are kept than the network has parameters: {count(SIZES):,}")
pd.DataFrame(
    {
        "numbers kept": [remembered(SIZES, n) for n in batches],
        "MB in float32": [4e-6 * remembered(SIZES, n) for n in batches],
        "times the parameters": [remembered(SIZES, n) / count(SIZES) for n in batches],
    },
    index=pd.Index(batches, name="batch size"),
).round(2)

# %% [markdown] tags=["student", "comment"]
# **Your answer.** What does each layer keep, and for what? How does the memory grow? What need not be kept when the
# network only predicts?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Answer.** A linear layer keeps its input, for $dW$; an activation its output, for its derivative, and that is the
# input of the next linear layer: one array serves both, as the last column of the first table says. Besides them, $W$
# is needed for $dX$, and it is there. The memory grows with the batch size times the sum of the units: from 97 samples
# on, more numbers are kept than the network has parameters. A network that only predicts keeps nothing: each array can
# be forgotten when the next one is computed.

# %% [markdown]
# ---
# ## Open tasks
#
# No blanks, no tests: choose what you like.
#
# 1. **The best h.** Draw the largest error of `gradient_by_differences` over `h`, from 1e-1 to 1e-12, on two
#    logarithmic axes, once for a network in float64 and once in float32. What are the two slopes, and why does the best
#    `h` lie there?
# 2. **Thin linear layers.** Train 784-k-10 without activation for k = 1, 2, 5, 10, 20. Where does validation accuracy
#    stop growing, and why there?
# 3. **Forget and recompute.** Keep only the input of every second linear layer, and compute the others again in
#    backward. How much memory does that save for `SIZES`, and how many more multiplications does it take?
