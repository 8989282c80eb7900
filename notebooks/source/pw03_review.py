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
# | c) What are the benefits of back-propagation? | 5.3 |
# | d) What must each layer remember from the forward pass? | 5.4, 5.5 |
#
# **What you hand in** is this notebook, filled in, run from top to bottom, with your answers in words; `python -m mlpc
# pack --group NAME` makes the renamed copy and says what is missing.

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
import time

import numpy as np
import pandas as pd

import mlpc


def compare(title, came, expected, reason, tolerance=1e-6):
    """Raise an AssertionError unless `came` has the shape and, up to `tolerance`, the values of `expected`."""
    expected = np.asarray(expected)
    if came is None or np.shape(came) != expected.shape or not np.allclose(came, expected, tolerance, tolerance):
        raise AssertionError(f"{title}\n  expected:     {expected}\n  got:          {came}\n  usual reason: {reason}")


# %% [markdown]
# ---
# ## a) How many parameters has the network 784-100-200-50-10?

# %%
def count(sizes):
    """The number of weights and biases of an MLP, sizes from the inputs to the outputs."""
    ### YOUR CODE START ###
    #! 5.1 count: weights and biases of all linear layers
    #? zip(sizes, sizes[1:]) gives the pairs (inputs, outputs). Each unit has a weight per input, and one bias.
    return sum((inputs + 1) * outputs for inputs, outputs in zip(sizes, sizes[1:]))
    ### YOUR CODE END ###


# %% tags=["table"]
SIZES = [784, 100, 200, 50, 10]
compare("2-3", count([2, 3]), 9, "6 weights and 3 biases")
compare("2-3-1", count([2, 3, 1]), 13, "9 and 4: biases belong to units, the inputs have none")
net = mlpc.MLP(SIZES)
arrays = list(net.state_dict().values())
compare("784-100-200-50-10", count(SIZES), sum(array.size for array in arrays), "the arrays of the network, counted")
print(f"passed: 5.1 count: {count(SIZES):,} parameters")
rows = [
    {"layer": f"{w.shape[1]}-{w.shape[0]}", "weights": w.size, "biases": b.size, "both": w.size + b.size}
    for w, b in zip(arrays[::2], arrays[1::2])
]
pd.concat([pd.DataFrame(rows).set_index("layer"), pd.DataFrame(rows).drop(columns="layer").sum().to_frame("all").T])

# %% [markdown] tags=["student", "comment"]
# **Your answer.** Where are most of the parameters, and what does that say about making a network smaller?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Answer.** $78{,}500 + 20{,}200 + 10{,}050 + 510 = 109{,}260$. Nearly three quarters are in the first layer, because an
# image has so many pixels. A smaller network has fewer units in its first layer, or fewer pixels; layers further back
# hardly count.

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
        #? W (w x + b) + c = (W w) x + (W b + c), with W = layer.weight and c = layer.bias.
        w, b = layer.weight @ w, layer.weight @ b + layer.bias
        ### YOUR CODE END ###
    return w, b


# %%
(x_full, y_full), _ = mlpc.datasets.load_mnist() if DATA == "mnist" else mlpc.datasets.load_digits()
n_pixels = x_full.shape[1]
deep = mlpc.MLP([n_pixels, 100, 50, 10], "identity", dtype="float64", seed=0)
w, b = collapsed(deep)
x64 = x_full[:64].astype(np.float64)
compare("one layer for three", x64 @ w.T + b, deep.forward(x64), "the order of the matrices; the bias goes through, too")
rank = np.linalg.matrix_rank(w)
print(f"passed: 5.2 collapsed: {w.shape[0]} x {w.shape[1]}, rank {rank}, {w.size + b.size:,} numbers")
print(f"the three layers have {deep.n_parameters:,} parameters")
compare("rank", rank, 10, "a matrix with ten rows")

# %% [markdown]
# They compute the same functions; do they learn the same? Three trainings with the same data and learning rate:

# %% tags=["plot"]
train_rows, val_rows = mlpc.datasets.stratified_split(y_full, 10_000 if DATA == "mnist" else 287, seed=0)
validation = x_full[val_rows], y_full[val_rows]
histories = {}
for name, sizes, activation in [
    ("one linear layer", [n_pixels, 10], "identity"),
    ("three linear layers", [n_pixels, 100, 50, 10], "identity"),
    ("the same with ReLU", [n_pixels, 100, 50, 10], "relu"),
]:
    trained = mlpc.MLP(sizes, activation, seed=0)
    histories[name] = trained.fit(
        x_full[train_rows], y_full[train_rows], epochs=10, lr=0.05, validation_data=validation, progress=False
    )
    print(f"{name}: {trained.n_parameters:,} parameters, validation accuracy {histories[name]['val_accuracy'][-1]:.2%}")
mlpc.plot.learning_curves(histories)

# %% [markdown] tags=["student", "comment"]
# **Your answer.** What can three linear layers compute that one cannot? What differs nevertheless?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Answer.** Nothing. The product of the matrices is one matrix of 10 x 784, of rank 10 at most, and the biases become
# one bias: 7,850 numbers say everything that the 84,060 parameters can. Only the way differs on which gradient descent
# gets there: the curves of one and of three linear layers are not the same, but both end at about
# 91 %. An activation between the layers is what makes them more than one.

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


# %%
draw = np.random.default_rng(0)
x, y = draw.normal(size=(64, 16)), draw.integers(0, 10, 64)
small = mlpc.MLP([16, 8, 10], "sigmoid", dtype="float64", seed=0)
before = np.array(small.parameters)
came = gradient_by_differences(small, x, y)
compare("parameters afterwards", small.parameters, before, "put the parameter back", 0.0)
small.loss_and_grad(x, y)
compare("gradient", came, small.gradients, "the cost at + h minus the cost at - h, divided by 2 h", 1e-7)
error = np.abs(came - small.gradients).max() / np.abs(small.gradients).max()
print(f"passed: 5.3 gradient_by_differences: 8 digits or more agree (relative difference {error:.0e})")

# %% [markdown]
# Seconds for one gradient, over growing networks. Differences are measured up to some thousand parameters; the time of
# their forward passes says what they would take for the largest.

# %% tags=["table"]
def seconds(function, repeats):
    """The median time of a call."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


costs = []
for units in (4, 16, 64, 256, 1024):
    grown = mlpc.MLP([64, units, 10], "relu", dtype="float64", seed=0)
    x, y = draw.normal(size=(64, 64)), draw.integers(0, 10, 64)
    forward = seconds(lambda: (grown.forward(x), grown.loss(y)), 21)
    measured = grown.n_parameters < 6000
    costs.append(
        {
            "parameters": grown.n_parameters,
            "forward": forward,
            "back-propagation": seconds(lambda: grown.loss_and_grad(x, y), 21),
            "differences": seconds(lambda: gradient_by_differences(grown, x, y), 1) if measured else np.nan,
            "differences, 2 forward passes each": 2 * grown.n_parameters * forward,
        }
    )
costs = pd.DataFrame(costs).set_index("parameters")
costs.assign(**{"back-propagation / forward": costs["back-propagation"] / costs["forward"]}).style.format("{:.2g}")

# %% tags=["plot"]
from matplotlib import pyplot as plt

figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
styles = {"forward": "^:", "back-propagation": "o-", "differences": "s-", "differences, 2 forward passes each": "--"}
for (name, style), colour in zip(styles.items(), ["#009E73", "#0072B2", "#D55E00", "#D55E00"]):
    axes.loglog(costs.index, costs[name], style, color=colour, label=name)
axes.set_xlabel("parameters")
axes.set_ylabel("seconds per gradient")
axes.grid(color="0.9")
axes.legend(frameon=False)
plt.close(figure)
figure

# %% [markdown] tags=["student", "comment"]
# **Your answer.** How does the time of both methods grow with the network? How exact is each? What else speaks for
# back-propagation?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Answer.** All gradients for a small multiple of one forward pass, whatever the number of parameters. Forward multiplies
# each weight once per sample; backward twice, once for $dW$ and once for $dX$. So a gradient costs about three times
# the arithmetic of the forward pass; how many times its run time, the table says. Differences take two
# forward passes for *each* parameter: their time grows with the square of the network, and at 77,000 parameters a single
# step would take as long as many epochs. And they are only exact to about 8 digits, in float64; back-propagation is
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

# %%
def slopes_from_outputs(name, a):
    """f'(z), computed from a = f(z) alone."""
    ### YOUR CODE START ###
    #! 5.4 slopes_from_outputs: for sigmoid, tanh and relu
    #? sigmoid: a (1 - a). tanh: 1 - a^2. ReLU: when is the output above 0?
    if name == "sigmoid":
        return a * (1 - a)
    if name == "tanh":
        return 1 - a**2
    return (a > 0).astype(a.dtype)
    ### YOUR CODE END ###


# %%
z = np.array([[-2.0, -0.5, 0.25, 3.0]])
for name in ("sigmoid", "tanh", "relu"):
    a = getattr(mlpc.ops, f"{name}_forward")(z)
    slopes = getattr(mlpc.ops, f"{name}_backward")(np.ones_like(z), z)
    compare(f"derivative of {name}", slopes_from_outputs(name, a), slopes, "compute it from a; z is not known here")
print("passed: 5.4 slopes_from_outputs")


# %%
def remembered(sizes, n):
    """How many numbers an MLP with such an activation must keep of a batch of n samples, besides its parameters."""
    ### YOUR CODE START ###
    #! 5.5 remembered: the inputs of all linear layers
    #? The outputs of the activations are among them. Nobody needs the logits any more, once dZ is known.
    return n * sum(sizes[:-1])
    ### YOUR CODE END ###


# %% [markdown]
# Read off a network: `net.layers[i].input` and `.output` are what the latest forward pass left in memory.

# %% tags=["table"]
net = mlpc.MLP(SIZES, "relu", seed=0)
x = np.random.default_rng(0).random((64, 784), dtype=np.float32)
net.forward(x)
rows = [
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
]
kept = sum(row["numbers kept"] for row in rows)
compare("numbers kept of 64 samples", remembered(SIZES, 64), kept, "the inputs of the linear layers, of all samples")
compare("numbers kept of 1 sample", remembered(SIZES, 1), kept // 64, "it grows with the number of samples")
print(f"passed: 5.5 remembered: {kept:,} numbers for 64 samples, beside {net.n_parameters:,} parameters")
pd.DataFrame(rows).set_index("layer")

# %% tags=["table"]
batches = [1, 16, 64, 256, 1024, 4096]
pd.DataFrame(
    {
        "numbers kept": [remembered(SIZES, n) for n in batches],
        "MB in float32": [4e-6 * remembered(SIZES, n) for n in batches],
        "times the parameters": [remembered(SIZES, n) / net.n_parameters for n in batches],
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
# input of the next linear layer: one array serves both. Besides them, $W$ is needed for $dX$, and it is there. The
# memory grows with the batch size times the sum of the units: from a batch of about 100 on, the kept numbers outweigh
# the parameters. A network that only predicts keeps nothing: each array can be forgotten when the next one is
# computed.
