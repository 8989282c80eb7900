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
# # Practical work 03, exercise 2: what can an MLP do on MNIST?
#
# You train multilayer perceptrons of different sizes on the digits of MNIST, tune the learning rate of each, compare
# them on validation data, and name a favourite. Only the favourite meets the test data, once.
#
# | part | what you do | what it shows |
# | --- | --- | --- |
# | a) | split the training set, stratified | why a validation set is drawn, and drawn by class |
# | b) | cost, accuracy, the training loop; at least five variants, the learning rate of each tuned | learning curves, training and validation |
# | c) | a table made from the records of all runs; a favourite; its test cost and accuracy | what the favourite gets wrong, and what it has learnt |
# | | mistakes, made on purpose | how to recognise them |
#
# **What you hand in** is this notebook, one per group, with the blanks filled in, run from top to bottom, with its
# plots and tables, and with your comments in the cells made for them. Write your group's name into the next but one
# cell; `python -m mlpc pack --group NAME` then makes the renamed copy and says what is missing.
#
# **How it works.** A blank lies between `### YOUR CODE START ###` and `### YOUR CODE END ###`. Visible tests come after
# it. A test that fails says what it expected, what came, and what the usual reason is.
#
# The blanks 2.2 and 2.3 may be filled at three depths: with NumPy alone, with the functions of `mlpc.ops`, or with the
# methods of `mlpc.MLP`. The hints name all three.

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

try:
    import torch
except ImportError:
    torch = None
    print("PyTorch is not installed: the comparisons with it are left out, everything else runs.")

RECORDS = "pw03_runs.jsonl"  # every run is written here as it ends, and read from here the next time


def compare(title, came, expected, reason, tolerance=1e-6):
    """Raise an AssertionError unless `came` has the shape and, up to `tolerance`, the values of `expected`."""
    expected = np.asarray(expected)
    if came is None or np.shape(came) != expected.shape or not np.allclose(came, expected, tolerance, tolerance):
        raise AssertionError(f"{title}\n  expected:     {expected}\n  got:          {came}\n  usual reason: {reason}")


# %% [markdown]
# ## The data
#
# 60,000 handwritten digits to train with, 10,000 to test with, 28 x 28 pixels each, scaled to the interval from 0 to 1.
# A sample is one row of 784 numbers.

# %%
(x_full, y_full), (x_test, y_test) = mlpc.datasets.load_mnist() if DATA == "mnist" else mlpc.datasets.load_digits()
n_pixels = x_full.shape[1]
print(f"{len(x_full):,} samples of {n_pixels} pixels in {x_full.dtype}, from {x_full.min()} to {x_full.max()}")
print(f"{len(x_test):,} samples for the test at the end")

# %% [markdown]
# What does a class look like? The mean of all its pictures, minus the mean of all pictures: blue is ink that speaks for
# the class, red is ink that speaks against it.

# %% tags=["plot"]
means = np.array([x_full[y_full == label].mean(axis=0) for label in range(10)])
mlpc.plot.first_layer(means - x_full.mean(axis=0), columns=5)

# %% [markdown]
# ## a) Training and validation
#
# The network learns from the training set. We choose sizes and learning rates by the validation set. The test set says
# at the end what the choice is worth; whoever chooses with it gets a figure that is too good.
#
# The split is **drawn**: MNIST's samples are not in random order (its even and odd samples come from different
# groups of writers). And it is **stratified**: each class has the same share in both parts. A class that is rare in
# the validation set by accident would count too little.

# %%
N_VALIDATION = 10_000 if DATA == "mnist" else 287


def split(y, n_validation, seed=0):
    """The rows for training and the rows for validation: two sorted arrays."""
    rng = np.random.default_rng(seed)
    ### YOUR CODE START ###
    #! 2.1 split: draw the rows for validation, each class with its share; the others are for training
    #? The rows of a class: np.flatnonzero(y == label). In random order: rng.permutation(...).
    #? A class with m of the n samples gives round(n_validation * m / n) of them.
    #? np.setdiff1d(all rows, some rows) gives the others, sorted.
    drawn = []
    for label in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == label))
        drawn.extend(members[: round(n_validation * len(members) / len(y))])
    validation = np.sort(drawn)
    training = np.setdiff1d(np.arange(len(y)), validation)
    ### YOUR CODE END ###
    return training, validation


# %%
training, validation = split(y_full, N_VALIDATION)
reason = "every row belongs to exactly one of both parts"
compare("all rows", np.sort(np.concatenate([training, validation])), np.arange(len(y_full)), reason)
shares = [np.bincount(y_full[rows], minlength=10) / len(rows) for rows in (training, validation)]
compare("shares of the classes", shares[1], np.bincount(y_full) / len(y_full), "draw from each class by itself", 1 / 280)
first = np.concatenate([np.flatnonzero(y_full == label)[:5] for label in range(10)])
if np.isin(first, validation).all() or not np.isin(split(y_full, N_VALIDATION, seed=1)[1], validation).any():
    raise AssertionError("split\n  expected: drawn rows\n  usual reason: rng.permutation is missing")
compare("same seed, same split", split(y_full, N_VALIDATION)[1], validation, "draw with the rng that is given")
if np.array_equal(split(y_full, N_VALIDATION, seed=1)[1], validation):
    raise AssertionError("another seed\n  expected: other rows\n  usual reason: the rows are not drawn with rng")
print("passed: 2.1 split")

# %% [markdown]
# `mlpc.datasets.stratified_split` does the same for any number of samples and classes. We go on with its rows, as does
# exercise 3: results can then be compared.

# %% tags=["table"]
train_rows, val_rows = mlpc.datasets.stratified_split(y_full, N_VALIDATION, seed=0)
x_train, y_train, x_val, y_val = x_full[train_rows], y_full[train_rows], x_full[val_rows], y_full[val_rows]
pd.DataFrame(
    [np.bincount(y, minlength=10) for y in (y_train, y_val, y_test)],
    index=["training", "validation", "test"],
).assign(all=[len(y_train), len(y_val), len(y_test)])

# %% [markdown]
# Data that PyTorch has loaded, as a `Dataset` or a `Subset` of one, becomes the same arrays:

# %%
if torch:
    side = int(n_pixels**0.5)
    images = torch.from_numpy(x_full).reshape(-1, 1, side, side)
    dataset = torch.utils.data.TensorDataset(images, torch.from_numpy(y_full))
    x_torch, y_torch = mlpc.datasets.from_torch(torch.utils.data.Subset(dataset, val_rows[:1000].tolist()))
    print("the same samples:", np.array_equal(x_torch, x_val[:1000]) and np.array_equal(y_torch, y_val[:1000]))
else:
    print("PyTorch is not installed: its datasets are left out.")

# %% [markdown]
# ## b) Cost, accuracy, training
#
# The network gives one number per class, the logits $z$; softmax makes probabilities of them. The **cost** is the mean
# cross-entropy over the samples, the **accuracy** the share of samples whose largest logit is that of their class:
#
# $$p_j = \frac{e^{z_j}}{\sum_c e^{z_c}}, \qquad J = -\frac{1}{n} \sum_i \ln p^{(i)}_{y_i}$$

# %%
def cost_and_accuracy(z, y):
    """Mean cost and accuracy in [0, 1], of logits z (n, k) and labels y (n,)."""
    ### YOUR CODE START ###
    #! 2.2 cost_and_accuracy: the mean over the samples, and the share that is right
    #? NumPy: subtract the maximum of each row first, so that np.exp does not overflow.
    #? mlpc.ops: cross_entropy(z, y) gives the mean cost and its derivative.
    #? mlpc.MLP: net.loss(y) after net.forward(x), or net.evaluate(x, y), does it for a network.
    shifted = z - z.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    cost = -log_p[np.arange(len(y)), y].mean()
    accuracy = (z.argmax(axis=1) == y).mean()
    ### YOUR CODE END ###
    return float(cost), float(accuracy)


# %% [markdown]
# By hand: logits $(0, \ln 3)$ give $p = (\frac{1}{4}, \frac{3}{4})$, logits $(0, 0)$ give $p = (\frac{1}{2},
# \frac{1}{2})$. With the label 1 for both: $J = \frac{1}{2}(\ln\frac{4}{3} + \ln 2) = \frac{1}{2}\ln\frac{8}{3}$; one of
# two is right, since of equal logits the first counts as the largest.

# %%
z_hand, y_hand = np.array([[0.0, np.log(3.0)], [0.0, 0.0]]), np.array([1, 1])
compare("cost, by hand", cost_and_accuracy(z_hand, y_hand)[0], np.log(8 / 3) / 2, "the mean over samples, not the sum")
compare("accuracy, by hand", cost_and_accuracy(z_hand, y_hand)[1], 0.5, "a share from 0 to 1; argmax along axis 1")
with np.errstate(all="ignore"):
    large = cost_and_accuracy(np.array([[1000.0, 0.0]]), np.array([1]))[0]
compare("cost of large logits", large, 1000.0, "subtract the maximum of each row first")
compare("cost of ten equal logits", cost_and_accuracy(np.zeros((7, 10)), np.arange(7))[0], np.log(10), "the mean")
print("passed: 2.2 cost_and_accuracy")

# %% [markdown]
# One epoch goes through all samples in a new random order, in batches of 64. For each batch: forward, the cost, the
# gradients, a step downhill. The cost of an epoch is the sum over its **samples** divided by their number: the last
# batch is smaller than the others, and the mean of a batch counts for as many samples as it has.

# %%
def train_eval(net, lr, nepochs, nbatch, training_set, validation_set):
    """Train; four lists, one number per epoch: cost and accuracy, each for training and validation."""
    (x, y), (x_valid, y_valid) = training_set, validation_set
    optimizer = mlpc.optim.SGD(net, lr=lr)
    cost_train, cost_valid, acc_train, acc_valid = [], [], [], []
    for epoch in range(nepochs):
        order = np.random.default_rng(epoch).permutation(len(x))
        total, correct = 0.0, 0
        for start in range(0, len(x), nbatch):
            rows = order[start : start + nbatch]
            xb, yb = x[rows], y[rows]
            ### YOUR CODE START ###
            #! 2.3 train_eval: one batch: add to total and correct, set the gradients, make a step
            #? net.forward gives the logits z of xb; net.backward sets the gradients of all layers from dz.
            #? NumPy: dz is softmax minus one-hot, divided by the number of samples in the batch.
            #? mlpc.ops: cross_entropy(z, yb) gives the mean cost and dz.
            #? mlpc.MLP: net.loss(yb) after forward; backward then needs no dz.
            #? The optimizer's step moves the weights. total adds up costs of samples, not of batches.
            logits = net.forward(xb)
            mean_cost, derivative = mlpc.ops.cross_entropy(logits, yb)
            total += mean_cost * len(rows)
            correct += int((logits.argmax(axis=1) == yb).sum())
            net.backward(derivative)
            optimizer.step()
            ### YOUR CODE END ###
        cost_train.append(total / len(x))
        acc_train.append(correct / len(x))
        cost, accuracy = cost_and_accuracy(net.forward(x_valid), y_valid)
        cost_valid.append(cost)
        acc_valid.append(accuracy)
    return cost_train, cost_valid, acc_train, acc_valid


# %% [markdown]
# **Tests.** 23 samples in batches of 7: the last batch has two. With a learning rate of 0 nothing changes, and the
# figures of the epoch must be those of the whole set. With one batch of all samples, the weights must move by the
# learning rate times the slope of the mean cost, which differences know independently.

# %%
draw = np.random.default_rng(0)
x23, y23 = draw.normal(size=(23, 6)), draw.integers(0, 4, 23)
small = mlpc.MLP([6, 5, 4], "sigmoid", dtype="float64")
figures = train_eval(small, 0.0, 1, 7, (x23, y23), (x23, y23))
whole = cost_and_accuracy(small.forward(x23), y23)
reason = "a batch's mean cost counts for each of its samples: times len(rows); correct counts right predictions"
compare("training cost and accuracy at learning rate 0", (figures[0][0], figures[2][0]), whole, reason)
compare("validation cost and accuracy", (figures[1][0], figures[3][0]), whole, "they stand below the blank as given")


def slope(net, index, h=1e-5):
    """The slope of the mean cost by one number of the network, by differences."""
    costs = []
    for sign in (1, -1):
        moved = mlpc.MLP(net.sizes, net.activations, dtype="float64", init=net.state_dict())
        moved.parameters[index] += sign * h
        costs.append(cost_and_accuracy(moved.forward(x23), y23)[0])
    return (costs[0] - costs[1]) / (2 * h)


before, slopes = np.array(small.parameters), [slope(small, index) for index in range(small.parameters.size)]
train_eval(small, 0.5, 1, 23, (x23, y23), (x23, y23))
reason = "dz is divided by the number of samples once; one step per batch; gradients are set before the step"
compare("change of the parameters", small.parameters - before, -0.5 * np.array(slopes), reason)
print("passed: 2.3 train_eval")

# %% [markdown]
# A first network: 100 ReLU units, learning rate 0.1. If it does not pass 90 % quickly, something above is wrong.

# %% tags=["plot"]
begin = time.perf_counter()
net = mlpc.MLP([n_pixels, 100, 10], "relu", seed=0)
curves = train_eval(net, 0.1, 5 if DATA == "mnist" else 20, 64, (x_train, y_train), (x_val, y_val))
print(f"{time.perf_counter() - begin:.1f} s; validation accuracy {curves[3][-1]:.2%}")
if curves[3][-1] < 0.9:
    raise AssertionError(f"validation accuracy\n  expected: above 0.9\n  got: {curves[3][-1]}\n  usual reason: see 2.3")
names = ("loss", "val_loss", "accuracy", "val_accuracy")
mlpc.plot.learning_curves({f"{n_pixels}-100-10, ReLU": dict(zip(names, curves))})

# %% [markdown]
# `mlpc.MLP.fit` does the same, whole epochs in C. From here on we train with it.
#
# ## Variants
#
# The linear network is the baseline: what does not beat it by far has learnt nothing from its hidden layers. Add at
# least five networks of your own: other numbers of layers, other numbers of units, ReLU or sigmoid.

# %%
variants = {"linear": {"sizes": [n_pixels, 10]}}
### YOUR CODE START ###
#! 2.4 variants: add at least five networks
#? variants["relu 32"] = {"sizes": [n_pixels, 32, 10], "activation": "relu"}
#? "activation" may be "relu", "sigmoid", "tanh", "gelu" and more: mlpc.layers lists them.
for activation, units in [
    ("relu", [32]),
    ("relu", [100]),
    ("relu", [300]),
    ("sigmoid", [100]),
    ("tanh", [100]),
    ("relu", [200, 100]),
    ("sigmoid", [200, 100]),
    ("relu", [100, 100, 100]),
]:
    name = f"{activation} {'-'.join(str(n) for n in units)}"
    variants[name] = {"sizes": [n_pixels, *units, 10], "activation": activation}
### YOUR CODE END ###

# %%
if len(variants) < 6:
    raise AssertionError(f"variants\n  expected: linear and at least 5 more\n  got: {list(variants)}")
for name, variant in variants.items():
    if variant["sizes"][0] != n_pixels or variant["sizes"][-1] != 10:
        raise AssertionError(f"{name}\n  expected: sizes from {n_pixels} to 10\n  got: {variant['sizes']}")
if len({len(variant["sizes"]) for variant in variants.values()}) < 3:
    raise AssertionError("variants\n  expected: networks with one hidden layer, and with two or more")
print("passed: 2.4 variants:", ", ".join(variants))

# %% [markdown]
# ## The learning rate of each
#
# How large may the learning rate be? The range test (Smith 2017) trains a copy of the network for 300 steps while the
# rate grows from step to step: nothing happens, then the cost falls, then it explodes. The dots mark where the cost
# falls fastest. That is a good place to start a search from, not its end.

# %% tags=["plot"]
ranges = {
    name: mlpc.lr_range_test(mlpc.MLP(**variant), x_train, y_train, lr_min=1e-2, lr_max=10.0, steps=300)
    for name, variant in variants.items()
}
mlpc.plot.lr_range({name: ranges[name] for name in list(ranges)[:7]})

# %% [markdown]
# The search: for every variant the rate on a coarse grid that is nearest to the dot, and the next ones on both sides,
# each rate three times the one before. All runs go side by side on all cores. Each is written to `pw03_runs.jsonl`
# as it ends: stop the cell whenever you like, and run it again; it goes on where it stopped.

# %%
GRID = np.array([0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0])
EPOCHS = 10 if DATA == "mnist" else 40


def rates_around(suggestion):
    """The rate of GRID that is nearest by its logarithm, between its neighbours."""
    nearest = np.abs(np.log(GRID / suggestion)).argmin()
    middle = min(max(nearest, 1), len(GRID) - 2)
    return GRID[middle - 1 : middle + 2].tolist()


search = mlpc.sweep(
    {name: variant | {"lr": rates_around(ranges[name].suggestion)} for name, variant in variants.items()},
    (x_train, y_train),
    validation_data=(x_val, y_val),
    epochs=EPOCHS,
    records=RECORDS,
)
print(f"{len(search)} runs, {search['seconds'].sum():.0f} s of training")

# %%
def best_rates(records):
    """The learning rate of every variant that is best on validation data, by the mean over its seeds."""
    ### YOUR CODE START ###
    #! 2.5 best_rates: a dict from each variant to its best rate
    #? records is a DataFrame with a row per run: columns variant, lr, seed, val_loss, val_accuracy and more.
    #? .groupby(["variant", "lr"])["val_accuracy"].mean() has a value for each pair; .idxmax() finds the largest.
    means = records.groupby(["variant", "lr"])["val_accuracy"].mean()
    best = {name: means[name].idxmax() for name in records["variant"].unique()}
    ### YOUR CODE END ###
    return best


# %%
hand = pd.DataFrame(
    [("a", 0.1, 0.9, 0.99), ("a", 0.1, 0.8, 0.98), ("a", 0.3, 0.86, 0.91), ("a", 0.3, 0.88, 0.92), ("b", 0.1, 0.5, 0.4)],
    columns=["variant", "lr", "val_accuracy", "accuracy"],
)
came, expected = best_rates(hand), {"a": 0.3, "b": 0.1}
if came != expected:
    reason = "the mean over the seeds, of the validation accuracy: not one lucky seed, not the training accuracy"
    raise AssertionError(f"best_rates\n  expected: {expected}\n  got: {came}\n  usual reason: {reason}")
print("passed: 2.5 best_rates")

# %% tags=["table"]
rates = best_rates(search)
chosen = search[[rates[row.variant] == row.lr for row in search.itertuples()]]
pd.DataFrame(
    {
        "range test": ranges[name].suggestion,
        "rates tried": ", ".join(f"{rate:g}" for rate in rows["lr"]),
        "validation accuracy": ", ".join(f"{accuracy:.4f}" for accuracy in rows["val_accuracy"]),
        "best rate": rates[name],
    }
    for name, rows in search.groupby("variant", sort=False)
).set_index(pd.Index(variants, name="variant")).round(2)

# %% [markdown]
# The learning curves of all variants at their best rate, on shared axes. Dashed lines are the training set, solid
# ones the validation set.

# %% tags=["plot"]
runs = {f"{row.variant}, lr {row.lr:g}": row.history for row in chosen.itertuples()}
mlpc.plot.learning_curves(runs)

# %% [markdown] tags=["student", "comment"]
# **Your comments on the curves.** Which networks overfit, and how do you see it? What does a second hidden layer bring?
# How do sigmoid and ReLU differ at the start? Were 10 epochs enough?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Comments on the curves.** The linear network is done after a few epochs; its curves lie on each other: it is too
# small to overfit. Every network with a hidden layer leaves it far behind. From some epoch on the training cost goes on
# falling, while the validation cost levels off or rises: overfitting, the earlier the larger the network. Between 100
# and 300 units, or one and two layers, the gap in validation accuracy is a few tenths of a percent, not much more than
# two seeds differ: that is why the finalists below have three. All
# networks met the samples in the same order, so that they stumble in the same epochs: at a constant learning rate the
# last steps of an epoch decide what validation sees. Sigmoid networks want a larger learning rate and start
# more slowly, the deeper one most of all.

# %% [markdown]
# ## Finalists
#
# What carries the best networks further is not size alone. **Momentum** keeps the direction of the last steps,
# **weight decay** pulls the weights towards 0, and a **schedule** lets the learning rate fall to 0, so that the last
# epochs settle instead of jumping about. With momentum 0.9 a step counts about ten times: divide the rate by
# something like 3 to 10.
#
# Each finalist is trained with three seeds. A difference that is smaller than their spread is none.

# %%
FINAL_EPOCHS = 15 if DATA == "mnist" else 40


def falling(lr):
    """From lr to 0 along a cosine."""
    return mlpc.schedules.Cosine(lr, epochs=FINAL_EPOCHS)


### YOUR CODE START ###
#! 2.6 finalists: two or more variants with momentum, weight_decay, lr and the schedule above
#? A dict like variants, with new names; besides sizes and activation, "momentum": about 0.9,
#? "weight_decay": from 1e-5 to 1e-3, "lr": a number, and "schedule": falling.
#? Leave their number small: each is trained three times.
finalists = {}
for units in ([100], [256, 128], [512, 256]):
    recipe = variants["relu 100"] | {"sizes": [n_pixels, *units, 10], "lr": 0.05, "schedule": falling}
    finalists[f"relu {'-'.join(map(str, units))}, momentum"] = recipe | {"momentum": 0.9, "weight_decay": 1e-4}
### YOUR CODE END ###

# %%
for name, finalist in finalists.items():
    absent = {"sizes", "lr", "momentum", "weight_decay", "schedule"} - set(finalist)
    if absent or name in variants:
        came = f"without {', '.join(sorted(absent))}" if absent else "the name of a variant"
        raise AssertionError(f"{name}\n  expected: a new name, and all settings\n  got: {came}")
if len(finalists) < 2:
    raise AssertionError(f"finalists\n  expected: two at least\n  got: {list(finalists)}")

final = mlpc.sweep(
    finalists,
    (x_train, y_train),
    validation_data=(x_val, y_val),
    seeds=[0, 1, 2],
    epochs=FINAL_EPOCHS,
    records=RECORDS,
)
print("passed: 2.6 finalists;", len(final), f"runs, {final['seconds'].sum():.0f} s of training")

# %% tags=["plot"]
mlpc.plot.learning_curves({name: list(rows["history"]) for name, rows in final.groupby("variant", sort=False)})

# %% [markdown]
# ## c) The table
#
# Made from the records, never typed: a table typed by hand contradicts the outputs above it sooner or later.

# %%
def summary(records):
    """A row for every variant and learning rate: means over the seeds, and the spread of the accuracy."""
    ### YOUR CODE START ###
    #! 2.7 summary: group the records by variant and lr; see the columns in the test below
    #? .groupby([...], sort=False).agg(name=(column, how), ...), with how "first", "count", "mean", "std".
    table = records.groupby(["variant", "lr"], sort=False).agg(
        layers=("layers", "first"),
        units=("units", "first"),
        parameters=("n_parameters", "first"),
        activation=("activation", "first"),
        epochs=("epochs", "first"),
        runs=("seed", "count"),
        seconds=("seconds", "mean"),
        cost=("loss", "mean"),
        accuracy=("accuracy", "mean"),
        val_cost=("val_loss", "mean"),
        val_accuracy=("val_accuracy", "mean"),
        val_spread=("val_accuracy", "std"),
    )
    ### YOUR CODE END ###
    return table


# %%
hand = pd.DataFrame({"variant": ["a", "a", "b"], "lr": 0.1, "seed": [0, 1, 0], "val_accuracy": [0.9, 0.8, 0.7]})
for column, value in {"layers": 1, "units": 5, "n_parameters": 9, "activation": "relu", "epochs": 2}.items():
    hand[column] = value
for column in ("seconds", "loss", "accuracy", "val_loss"):
    hand[column] = [1.0, 2.0, 3.0]
table = summary(hand)
columns = ["layers", "units", "parameters", "activation", "epochs", "runs", "seconds", "cost", "accuracy", "val_cost"]
absent = [name for name in [*columns, "val_accuracy", "val_spread"] if name not in table]
if absent:
    raise AssertionError(f"summary\n  expected: columns {columns}, val_accuracy, val_spread\n  got: none of {absent}")
compare("means over the seeds", table.loc["a", ["cost", "val_accuracy"]].iloc[0].astype(float), [1.5, 0.85], "mean")
compare("spread", table.loc["a", "val_spread"].iloc[0], 0.1 / 2**0.5, "the standard deviation of the seeds: std")
compare("runs", table["runs"], [2, 1], "how many seeds there are")
print("passed: 2.7 summary")

# %% tags=["table"]
records = pd.concat([chosen, final])
table = summary(records).sort_values("val_accuracy", ascending=False)
table.style.format(
    {"seconds": "{:.1f}", "cost": "{:.4f}", "val_cost": "{:.4f}", "parameters": "{:,}"}
    | dict.fromkeys(["accuracy", "val_accuracy", "val_spread"], "{:.2%}"),
    na_rep="",
)

# %%
def favourite_of(table):
    """(name, learning rate) of the variant that we trust most."""
    ### YOUR CODE START ###
    #! 2.8 favourite_of: the one with the best mean validation accuracy
    #? table has the rows (variant, lr); table[column].idxmax() gives the row of the largest value.
    favourite = table["val_accuracy"].idxmax()
    ### YOUR CODE END ###
    return favourite


# %%
hand = pd.DataFrame(
    {"accuracy": [0.99, 0.98], "val_accuracy": [0.96, 0.97], "val_cost": [0.1, 0.2], "cost": [0.01, 0.02]},
    index=pd.MultiIndex.from_tuples([("large", 0.1), ("small", 0.1)], names=["variant", "lr"]),
)
if favourite_of(hand) != ("small", 0.1):
    raise AssertionError(
        f"favourite_of\n  expected: ('small', 0.1)\n  got: {favourite_of(hand)}\n"
        "  usual reason: chosen by the training accuracy, which the largest network wins"
    )
favourite, lr = favourite_of(table)
print(f"passed: 2.8 favourite_of: the favourite is {favourite!r} with learning rate {lr:g}")

# %% [markdown]
# ## The test, once
#
# We train the favourite again, with the first seed, to have the network itself. It is the same network, to the last bit:
# its fingerprint is that of the record. Then, for the first and only time, the test set.

# %% tags=["table"]
record = records[(records["variant"] == favourite) & (records["lr"] == lr)].iloc[0]
recipe = (finalists | variants)[favourite]
best = mlpc.MLP(recipe["sizes"], recipe.get("activation", "relu"), init=recipe.get("init", "torch"), seed=0)
optimizer = mlpc.optim.SGD(
    best,
    lr=recipe["schedule"](lr) if "schedule" in recipe else lr,
    momentum=recipe.get("momentum", 0.0),
    weight_decay=recipe.get("weight_decay", 0.0),
)
best.fit(x_train, y_train, epochs=int(record["epochs"]), batch_size=64, optimizer=optimizer)
print("the same bits as in the record:", mlpc.testing.digest(best) == record["digest"])

### YOUR CODE START ###
#! 2.9 the test: test_cost and test_accuracy of best, and p, the probabilities (n, 10) of the test samples
#? best.evaluate(x, y) gives cost and accuracy, best.predict_proba(x) the probabilities.
test_cost, test_accuracy = best.evaluate(x_test, y_test)
p = best.predict_proba(x_test)
### YOUR CODE END ###

reason = "x_test and y_test, not the validation set"
compare("test cost and accuracy", (test_cost, test_accuracy), cost_and_accuracy(best.forward(x_test), y_test), reason)
compare("probabilities of a sample", p.sum(axis=1), np.ones(len(x_test)), "p sums to 1 over the classes", 1e-5)
pd.DataFrame(
    {
        "training": [record["loss"], record["accuracy"]],
        "validation": [record["val_loss"], record["val_accuracy"]],
        "test": [test_cost, test_accuracy],
    },
    index=[f"{favourite}: cost", f"{favourite}: accuracy"],
).round(4)

# %% [markdown]
# ## What it gets wrong
#
# The confusion matrix counts which class is taken for which. The gallery shows the mistakes that the network is surest
# of.

# %% tags=["plot"]
predicted = p.argmax(axis=1)
mlpc.plot.confusion_matrix(y_test, predicted)

# %% tags=["plot"]
wrong = np.flatnonzero(predicted != y_test)
surest = wrong[np.argsort(-p[wrong].max(axis=1))][:32]
mlpc.plot.digit_gallery(x_test[surest], y_test[surest], p[surest])

# %% [markdown]
# ## What it has learnt
#
# Each unit of the first layer has one weight per pixel: a picture of what it looks for. Below them the same for the
# linear network, one picture per class: it can do no better than compare with the mean shape of a digit.

# %% tags=["plot"]
mlpc.plot.first_layer(best, count=32)

# %% tags=["plot"]
linear = mlpc.MLP([n_pixels, 10], seed=0)
linear.fit(x_train, y_train, epochs=5, lr=rates["linear"], progress=False)
mlpc.plot.first_layer(linear, columns=5)

# %% [markdown] tags=["student", "comment"]
# **Your comments on the favourite.** Which classes are confused, and would you have read the digits of the gallery
# better? What do the pictures of the units show at the border of the image, and why?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Comments on the favourite.** Four and nine, three and five, seven and two: what is confused looks alike, and several
# digits of the gallery are hard to read for us, too. The network is nevertheless very sure of them: cross-entropy
# rewards probabilities near 1, and after 15 epochs nearly every training sample has one. The units look for strokes and
# edges at one place in the middle. At the border no digit has ink: those weights got no gradient, and keep their small
# initial values, which weight decay has shrunk a little.

# %% [markdown]
# ## Depth: activations and gradients
#
# Why do deep sigmoid networks learn so slowly? Five hidden layers of 100 units at the start of training, 500 samples.
# First what the layers put out, then the gradients of their weights.

# %% tags=["plot"]
deep = {name: mlpc.MLP([n_pixels, *[100] * 5, 10], name, seed=0) for name in ("sigmoid", "relu")}
for network in deep.values():
    network.loss_and_grad(x_train[:500], y_train[:500])
mlpc.plot.histograms({name: [layer.output for layer in n.layers[1::2]] for name, n in deep.items()}, "activation")

# %% tags=["plot"]
gradients = {name: [layer.weight_grad for layer in network.layers[::2]] for name, network in deep.items()}
mlpc.plot.histograms(gradients, "gradient of the weights")

# %% tags=["table"]
spreads = pd.DataFrame({name: [array.std() for array in arrays] for name, arrays in gradients.items()})
spreads.index = [f"linear layer {number}" for number in range(1, 7)]
spreads.assign(ratio=spreads["relu"] / spreads["sigmoid"]).style.format("{:.1e}")

# %% [markdown]
# The derivative of the sigmoid is at most $\frac{1}{4}$. Every layer on the way back multiplies by it: the first layer
# of the sigmoid network gets gradients that are orders of magnitude smaller than those of its last layer. ReLU has the
# derivative 1 where a unit is active.
#
# ---
# ## Mistakes, made on purpose
#
# Each was handed in more than once. All of them train the same network, 100 hidden units, for three epochs.
#
# | mistake | signature |
# | --- | --- |
# | no activation in the hidden layer | no better than the linear network |
# | all initial weights 0 | about 11 %: only the biases learn, the network knows how frequent the classes are |
# | sigmoid on the logits | the cost cannot fall below $\ln(1 + 9/e) = 1.461$ |
# | ReLU on the logits | classes whose logit is never above 0 get no gradient and are never predicted; whether it happens is luck |
# | the $1/n$ is missing | steps are 64 times too large: the cost explodes or gets stuck |
# | samples sorted by class, no shuffling | the network knows what it saw last |

# %%
def train_with_mistake(net, lr, on_logits=None, missing_1_n=False, rows=None, nepochs=3):
    """Cost and accuracy on the validation set, and how many classes are never predicted."""
    sgd = mlpc.optim.SGD(net, lr=lr)
    forward = getattr(mlpc.ops, f"{on_logits}_forward") if on_logits else lambda z: z
    backward = getattr(mlpc.ops, f"{on_logits}_backward") if on_logits else lambda da, z: da
    for epoch in range(nepochs):
        order = np.random.default_rng(epoch).permutation(len(x_train)) if rows is None else rows
        for start in range(0, len(order), 64):
            batch = order[start : start + 64]
            z = np.array(net.forward(x_train[batch]))
            da = mlpc.ops.cross_entropy(forward(z), y_train[batch], reduction="sum" if missing_1_n else "mean")[1]
            net.backward(backward(da, z))
            sgd.step()
    z = forward(np.array(net.forward(x_val)))
    never = 10 - len(np.unique(z.argmax(axis=1)))
    return {"cost": mlpc.ops.cross_entropy(z, y_val)[0], "accuracy": (z.argmax(axis=1) == y_val).mean(), "never": never}


def network(activation="relu", **options):
    return mlpc.MLP([n_pixels, 100, 10], activation, **options)


n_epochs = 3 if DATA == "mnist" else 30
mistakes = {
    "none": train_with_mistake(network(), 0.1, nepochs=n_epochs),
    "linear, for comparison": train_with_mistake(mlpc.MLP([n_pixels, 10], seed=0), 0.1, nepochs=n_epochs),
    "no hidden activation": train_with_mistake(network("identity"), 0.1, nepochs=n_epochs),
    "all initial weights 0": train_with_mistake(network(init="zeros"), 0.1, nepochs=n_epochs),
    "sigmoid on the logits": train_with_mistake(network(), 0.1, on_logits="sigmoid", nepochs=n_epochs),
    "1/n missing": train_with_mistake(network(), 0.1, missing_1_n=True, nepochs=n_epochs),
    "1/n missing, lr / 64": train_with_mistake(network(), 0.1 / 64, missing_1_n=True, nepochs=n_epochs),
    **{
        f"ReLU on the logits, seed {seed}": train_with_mistake(network(seed=seed), 0.1, "relu", nepochs=n_epochs)
        for seed in (0, 1, 2)
    },
    "sorted, not shuffled": train_with_mistake(network(), 0.1, rows=np.argsort(y_train, kind="stable"), nepochs=n_epochs),
}

# %% tags=["table"]
pd.DataFrame(mistakes).T.rename(columns={"never": "classes never predicted"}).round(4)

# %% [markdown]
# **A cost 64 times too small.** Two programs print a training cost; one adds up the *means* of the batches and divides
# by the number of *samples*:

# %%
batches = mlpc.training.batches(len(x_val), 64)
costs = [mlpc.ops.cross_entropy(best.forward(x_val[rows]), y_val[rows])[0] for rows in batches]
right_cost, wrong_cost = best.evaluate(x_val, y_val)[0], sum(costs) / len(x_val)
print(f"right: {right_cost:.5f}; means added up, divided by the samples: {wrong_cost:.6f}")
print(f"{right_cost / wrong_cost:.1f} times smaller")

# %% [markdown]
# **Choosing with the test set.** Twenty networks that differ in their seeds alone. We choose the one that is best on a
# few hundred samples, and look at it again on samples that nobody has chosen with. (Both parts come from the validation
# set here; the test set has done its work.)

# %% tags=["table"]
chosen_with = np.arange(len(x_val)) < (500 if DATA == "mnist" else 140)
scores = []
for seed in range(20):
    candidate = mlpc.MLP([n_pixels, 16, 10], "relu", seed=seed)
    candidate.fit(x_train, y_train, epochs=1 if DATA == "mnist" else 10, lr=0.1, progress=False)
    hits = candidate.predict(x_val) == y_val
    scores.append((hits[chosen_with].mean(), hits[~chosen_with].mean()))
scores = pd.DataFrame(scores, columns=["chosen with", "fresh"])
pd.DataFrame({"mean of 20": scores.mean(), "the winner": scores.loc[scores["chosen with"].idxmax()]}).round(4)

# %% [markdown]
# The winner's figure on the samples it was chosen with is too good: it won partly by luck, and luck does not come again.
#
# ## Run time and batch size
#
# One epoch of the 100-unit network, with batches of different sizes. Small batches make more steps: more time, and more
# learning per epoch at the same learning rate.

# %% tags=["table"]
timings = []
for batch_size in (4, 16, 64, 256, 1024):
    candidate = network()
    begin = time.perf_counter()
    candidate.fit(x_train, y_train, epochs=1, batch_size=batch_size, lr=0.1, progress=False)
    seconds = time.perf_counter() - begin
    steps = -(-len(x_train) // batch_size)
    timings.append((batch_size, steps, seconds, 1e6 * seconds / len(x_train), candidate.evaluate(x_val, y_val)[1]))
columns = ["batch size", "steps", "seconds", "microseconds per sample", "validation accuracy"]
pd.DataFrame(timings, columns=columns).set_index("batch size").round(4)

# %% [markdown] tags=["student", "comment"]
# **Your conclusions.** Which network would you use, and why: accuracy, parameters, seconds? What brought most: units,
# layers, the activation, the learning rate, momentum and schedule? How sure are you that your favourite is better than
# the second? What would you try next?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Conclusions.** One hidden layer takes the accuracy from 92 % to 97.5 %; everything after that is tenths of a
# percent. The learning rate matters more than the size: a good rate with 100 units beats a bad one with 300. Momentum
# with a falling rate brings up to half a percent, and makes the curves smooth: most of the noise of the last epochs was
# the constant learning rate. Among the finalists the differences between the two larger ones are about as large as the
# spread of three seeds; the smaller of them has a fraction of the parameters and trains in less than half the time,
# and is what we would use where size counts. Next: dropout, and shifted copies of the digits, which tell the network
# what it cannot see: that a digit moved by one pixel is the same digit.
