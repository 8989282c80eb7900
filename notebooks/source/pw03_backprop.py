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
# # Practical work 03, exercise 3: back-propagation
#
# You write back-propagation for a multilayer perceptron with any number of layers and units, by hand and without
# autograd. You prove that its gradients are right. Then you train with it and compare the result with exercise 2.
#
# | part | what you do | what it shows |
# | --- | --- | --- |
# | exercise 1 (optional) | `Layer`, `Linear`, `Sigmoid` as classes, for one sample | object-oriented Python, the chain rule |
# | exercise 3 a) | `LinearLayer`, `SigmoidActivation`, `ReLUActivation`, `CELoss`, `MLP`, for batches | gradients equal to differences of the cost and to PyTorch's autograd |
# | exercise 3 b) | the training loop, three networks and one of your exercise 2 | learning curves, final figures, a comparison with exercise 2 |
#
# **What you hand in** is this notebook, one per group, with the blanks filled in, run from top to bottom, with its
# plots and tables, and with your comments in the cells made for them. Write your group's name into the second code
# cell; `python -m mlpc pack --group NAME` then makes the renamed copy and says what is missing.
#
# **How it works.** A blank lies between `### YOUR CODE START ###` and `### YOUR CODE END ###`. Most need one to three
# lines. After the blanks come visible tests. A test that fails says what it expected, what came, and what the usual
# reason is. Go on when it passes: an error that gets past here costs hours in training.
#
# The blanks may be filled at three depths: with NumPy alone, with the functions of `mlpc.ops`, or with a whole network
# of `mlpc.MLP`. Begin with NumPy: that is the exercise. The section "The three depths" explains the others.
#
# **Threads.** The next cell tells NumPy to use one thread, before NumPy is imported. Its products are small here: 64
# rows at a time. To share one out among many threads takes longer than to compute it, above all where another
# program keeps a CPU busy and all threads wait for the slowest. With NumPy's own threads one epoch of your class
# took 3 to 16 s on machines with many CPUs or with other work to do; with one thread, 0.45 s.

# %%
#include setup

# %% tags=["parameters"]
import os

GROUP = "group"  # your group's name: it becomes part of the file name
DATA = os.environ.get("PW03_DATA", "mnist")  # "mnist": 28 x 28 pixels; "digits": 8 x 8 pixels, for a quick run

# %%
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

from mlpc.course.depth import depth_of
from mlpc.course.testing import checking, compare, expect, message, same_dtype

pd.set_option("display.max_colwidth", None)  # tables are to be read whole

try:
    import torch
except ImportError:
    torch = None
    print("PyTorch is not installed: the comparisons with it are left out, everything else runs.")

# %% [markdown]
# ## Tools for testing
#
# All tests below are made of these functions, and of `checking`, `compare` and `expect` from `mlpc.course.testing`,
# which say what was expected, what came, and where and by which factor it differs. Read one of them now:
# `differences`; the others make tables of what it finds. It knows nothing about back-propagation. It moves one number
# up and down by $h = 10^{-5}$ and looks at what the cost does:
#
# $$\frac{\partial J}{\partial p} \approx \frac{J(p + h) - J(p - h)}{2h}$$
#
# **How exact is that?** Two errors add up. The formula itself is wrong by $\frac{h^2}{6} J'''$, here about
# $10^{-11}$. And $J$ is a floating-point number: rounding leaves about $10^{-16} \cdot |J| / h$, in float64 about
# $10^{-10}$ for costs of the size 10. So a right gradient agrees to 8 digits or more, and **we allow a relative
# difference of $10^{-7}$**. Where a function has a kink, as ReLU at 0, a difference across the kink says nothing;
# people allow $10^{-4}$ there. We test beside the kinks and stay strict. Where gradients are tiny, as in the first
# layers of a deep sigmoid network, rounding decides: an absolute difference of $10^{-9}$ is allowed, too.
#
# In float32 the rounding error would be $10^{-7} \cdot |J| / h \approx 0.1$: larger than most gradients. Check
# gradients in float64, always.

# %%
STEP = 1e-5  # h, of the differences
ALLOWED = 1e-7  # the largest relative difference of a right gradient
NOISE = 1e-9  # the largest absolute difference that may be nothing but rounding


def compare_factors(title, came, expected, reason, factors, n=None):
    """Like compare; where `came` is the expected times one of `factors`, the reason is that of the factor."""
    if np.shape(came) == np.shape(expected) and np.any(expected):
        for factor, known in factors.items():
            reason = known if np.allclose(came, factor * np.asarray(expected), rtol=1e-6) else reason
    compare(title, came, expected, reason, n=n)


def remembers(title, layer, attribute, given, before):
    """Expect that forward kept what it was given; `before` are the names of the attributes that were there before."""
    reason = f"forward has to set self.{attribute}: backward needs it, and is not given it again"
    if hasattr(layer, attribute):
        compare(f"{title}: self.{attribute}", getattr(layer, attribute), given, reason)
    else:  # under another name, or in another form
        news = sorted(vars(layer).keys() - before)
        expect(f"{title}: self.{attribute}", news, f"an attribute {attribute}", "no new attribute", reason)


def differences(function, array):
    """Central differences of `function(array)`, a number, by every element of `array`."""
    array = np.array(array, np.float64)
    slopes = np.empty_like(array)
    for place in np.ndindex(array.shape):
        middle = array[place]
        array[place] = middle + STEP
        above = function(array.copy())
        array[place] = middle - STEP
        below = function(array.copy())
        array[place] = middle
        slopes[place] = (above - below) / (2 * STEP)
    return slopes


def difference(gradient, reference):
    """The largest absolute difference of two arrays, and the same divided by the largest element."""
    absolute = float(np.max(np.abs(gradient - reference), initial=0.0))
    largest = float(np.max(np.abs(reference), initial=0.0))
    return absolute, absolute / largest if largest else absolute


def remark(gradient, reference, n):
    """What a wrong gradient looks like."""
    for factor, reason in [
        (n, "n times too large: the 1/n is missing"),
        (1 / n, "n times too small: a 1/n too much"),
        (-1, "the sign is wrong"),
        (0, "all zeros"),
    ]:
        if np.allclose(gradient, factor * reference, rtol=1e-5, atol=1e-12):
            return reason
    return "WRONG"


def in_float64(model):
    """The same model with parameters in float64, for gradient checks."""
    for part in getattr(model, "layers", [model]):
        if hasattr(part, "w"):
            part.w, part.b = np.array(part.w, np.float64), np.array(part.b, np.float64)
    return model


def named_gradients(model, dx):
    """(name, layer, parameter, gradient) of every w and b, and of x."""
    layers = getattr(model, "layers", [model])
    for number, part in enumerate(layers):
        for parameter in ("w", "b") if hasattr(part, "w") else ():
            name = f"layers[{number}].{parameter}" if len(layers) > 1 else parameter
            yield name, part, parameter, np.array(getattr(part, "d" + parameter))
    yield "x", None, "x", np.array(dx)


def slopes_of(model, x, cost, part, parameter):
    """Differences of the summed cost by x, or of the mean cost by a parameter, which is left as it was."""
    if parameter == "x":
        return differences(lambda moved: cost(model.forward(moved)), x)
    before = np.array(getattr(part, parameter))

    def moved_cost(moved):
        setattr(part, parameter, moved)
        return cost(model.forward(x)) / len(x)

    slopes = differences(moved_cost, before)
    setattr(part, parameter, before)
    return slopes


def gradient_rows(case, model, x, cost, derivative, others=None):
    """Yields a row for every w and b, and for x: the model's gradient beside differences, and beside `others`.

    `cost(z)` is a sum over the rows of z, `derivative(z)` its derivative. Gradients of w and b are of the mean over the
    rows, the gradient of x is of the sum. `others` maps a title to gradients by name.
    """
    dx = model.backward(derivative(model.forward(x)))
    expect(f"{case}: backward", dx is not None, "the derivative by the input", "None", "there is no return")
    for name, part, parameter, gradient in list(named_gradients(model, dx)):
        slopes = slopes_of(model, x, cost, part, parameter)
        compare(f"{case}, gradient of {name}", np.zeros(gradient.shape), np.zeros(slopes.shape), "see the shapes above")
        row = {"case": case, "gradient of": name, "elements": slopes.size}
        right = True
        references = {"differences": slopes} | {key: value[name] for key, value in (others or {}).items()}
        for title, reference in references.items():
            absolute, relative = difference(gradient, reference)
            row |= {f"{title}: absolute": f"{absolute:.1e}", f"{title}: relative": f"{relative:.1e}"}
            right = right and (relative <= ALLOWED or absolute <= NOISE)  # a NaN is neither
        yield row | {"verdict": "ok" if right else remark(gradient, slopes, len(x))}


def table_of(rows, title, reason):
    """The rows as a table; an AssertionError with that table where a verdict is not ok."""
    with checking(title, reason):
        table = pd.DataFrame(list(rows)).set_index(["case", "gradient of"])
        if not (table["verdict"] == "ok").all():
            came = "\n\n" + table.to_string() + "\n"
            raise AssertionError(message(title, f"relative differences below {ALLOWED:g}", came, reason))
    return table


def probe(z):
    """Fixed numbers like z: the cost sum(probe * z) has the derivative `probe`, different for every element."""
    return np.cos(1.0 + np.arange(z.size)).reshape(z.shape)


def probe_cost(z):
    return float((probe(z) * z).sum())

# %% [markdown]
# ---
# # Exercise 1 (optional): Layer, Linear, Sigmoid as classes
#
# This page introduces classes, if they are new to you. Nothing in exercise 3 depends on it. To skip it, go to "Exercise
# 3" and choose *Run Selected Cell and All Below*.
#
# A **class** is a plan, an **object** is built after the plan. An object has **attributes** (its data, `layer.w`) and
# **methods** (what it can do, `layer.forward(x)`). Inside a method the object itself is called `self`. A layer is a
# good object: it owns its weights, and it remembers its input until the backward pass needs it.
#
# A class can **inherit** from another one: it gets all its methods and replaces some. `Layer` says what all layers have
# in common. It cannot do anything yet; `Linear` and `Sigmoid` will fill in the methods. Code that uses a `Layer` works
# with every class made from it.
#
# Some methods have names that Python itself looks for. `repr(layer)` calls `layer.__repr__()`, and `layer(x)` calls
# `layer.__call__(x)`.

# %%
class Layer:
    """Something with an input and an output."""

    def forward(self, x):
        """The output for the input x; the layer remembers what `backward` will need."""
        raise TypeError(f"{type(self).__name__} does not say what forward does")

    def backward(self, dz):
        """From the derivative by the output to the derivative by the input."""
        raise TypeError(f"{type(self).__name__} does not say what backward does")

    def update(self, lr):
        """One step of gradient descent; a layer without parameters has nothing to do."""

    def __call__(self, x):
        ### YOUR CODE START ###
        #! 1.1 Layer.__call__: layer(x) shall do what layer.forward(x) does
        #? Whatever is returned here is the value of layer(x).
        return self.forward(x)
        ### YOUR CODE END ###

    def __repr__(self):
        return f"{type(self).__name__}()"

# %% tags=["test"]
class Double(Layer):
    """A layer with one method of its own; it inherits everything else."""

    def forward(self, x):
        return 2 * x


with checking("1.1 Layer.__call__", "__call__ has to return what forward returns"):
    double = Double()
    compare("Double()(21)", double(21), 42, "__call__ has to return what forward returns")
    print(double, "is a Layer:", isinstance(double, Layer))

# %% [markdown]
# ## One sample: `Linear`
#
# One sample is a vector $x \in \mathbb{R}^{n_x}$. The layer has $n_h$ units:
#
# $$z = W x + b, \qquad W \in \mathbb{R}^{n_h \times n_x}, \quad b, z \in \mathbb{R}^{n_h}, \qquad
# z_j = \sum_k W_{jk}\, x_k + b_j$$
#
# The network behind the layer turns $z$ into a loss $L$. Suppose that somebody tells us $dz_j := \partial L / \partial
# z_j$. We write $d$ and a name for the derivative of the loss by that name; it has the same shape as what it belongs
# to. $W_{jk}$ occurs in $z_j$ only, $b_j$ in $z_j$ only, but $x_k$ in every $z_j$: there the chain rule has a sum.
#
# $$dW_{jk} = dz_j\, x_k, \qquad db_j = dz_j, \qquad dx_k = \sum_j dz_j\, W_{jk}$$
#
# $$dW = dz\, x^T, \qquad db = dz, \qquad dx = W^T dz$$

# %%
class Linear(Layer):
    """z = W x + b for one sample."""

    def __init__(self, nx, nh, rng):
        self.w = rng.normal(0, 1, (nh, nx))
        self.b = np.zeros(nh)

    def forward(self, x):
        ### YOUR CODE START ###
        #! 1.2 Linear.forward: remember x, return z
        #? An attribute is made by assigning to it: self.x = ...
        #? `@` is the product of matrices, and of a matrix and a vector.
        self.x = x
        return self.w @ x + self.b
        ### YOUR CODE END ###

    def backward(self, dz):
        ### YOUR CODE START ###
        #! 1.3 Linear.backward: set self.dw and self.db, return dx
        #? The product of a column and a row is np.outer(column, row).
        self.dw = np.outer(dz, self.x)
        self.db = dz
        return self.w.T @ dz
        ### YOUR CODE END ###

    def update(self, lr):
        ### YOUR CODE START ###
        #! 1.4 Linear.update: one step of gradient descent, with the learning rate lr
        #? Downhill: against the gradient.
        self.w -= lr * self.dw
        self.b -= lr * self.db
        ### YOUR CODE END ###

# %% [markdown]
# By hand, with numbers that fit on paper:
#
# $$W = \begin{pmatrix} 1 & 0 \\ 2 & -1 \\ 0 & 3 \end{pmatrix}, \;
# b = \begin{pmatrix} 1 \\ 0 \\ -1 \end{pmatrix}, \; x = \begin{pmatrix} 1 \\ 2 \end{pmatrix}
# \;\Rightarrow\; z = \begin{pmatrix} 2 \\ 0 \\ 5 \end{pmatrix}$$
#
# $$dz = \begin{pmatrix} 1 \\ 0 \\ 2 \end{pmatrix} \;\Rightarrow\;
# dW = \begin{pmatrix} 1 & 2 \\ 0 & 0 \\ 2 & 4 \end{pmatrix}, \; db = \begin{pmatrix} 1 \\ 0 \\ 2 \end{pmatrix}, \;
# dx = \begin{pmatrix} 1 \\ 6 \end{pmatrix}$$

# %% tags=["test"]
def linear_by_hand():
    linear = Linear(2, 3, np.random.default_rng(0))
    linear.w = np.array([[1.0, 0.0], [2.0, -1.0], [0.0, 3.0]])
    linear.b = np.array([1.0, 0.0, -1.0])
    linear_before = set(vars(linear))
    return linear, linear.forward(np.array([1.0, 2.0])), linear_before


with checking("1.2 Linear.forward", "z = W x + b has one element per unit"):
    one, one_z, one_before = linear_by_hand()
    compare("z", one_z, [2.0, 0.0, 5.0], "W x + b: is b added?")
    remembers("forward", one, "x", [1.0, 2.0], one_before)

with checking("1.3 Linear.backward", "dW has the shape of W: a column times a row"):
    one, _, _ = linear_by_hand()
    for _ in range(2):  # a second time, nothing may be left of the first
        one_dx = one.backward(np.array([1.0, 0.0, 2.0]))
        reason = "dW = dz x^T: the column dz times the row x; replaced by each call, not added up"
        compare("dw", one.dw, [[1.0, 2.0], [0.0, 0.0], [2.0, 4.0]], reason)
        compare("db", one.db, [1.0, 0.0, 2.0], "b is added to z as it is: its derivative is dz")
        compare("dx", one_dx, [1.0, 6.0], "dx = W^T dz: W has to be transposed here")

with checking("1.4 Linear.update", "subtract lr times the gradient from w and from b"):
    one, _, _ = linear_by_hand()
    one.backward(np.array([1.0, 0.0, 2.0]))
    one.update(0.5)
    compare("w", one.w, [[0.5, -1.0], [2.0, -1.0], [-1.0, 1.0]], "w minus lr times dw")
    compare("b", one.b, [0.5, 0.0, -2.0], "b minus lr times db")

# %% [markdown]
# ## One sample: `Sigmoid`, and a chain of layers
#
# The sigmoid works on each element for itself, so that its derivative needs no sum:
#
# $$a = \sigma(z) = \frac{1}{1 + e^{-z}}, \qquad \sigma'(z) = \frac{e^{-z}}{(1 + e^{-z})^2} = \sigma(z)\,
# (1 - \sigma(z)), \qquad dz_j = da_j \; a_j (1 - a_j)$$
#
# Its derivative can be computed from its output: the object remembers $a$.
#
# A chain of layers is a layer, too: it has an input, an output, and knows how to go back. This is the whole idea of
# back-propagation. Each layer knows its own derivative only, and the chain hands the results from one to the next.

# %%
class Sigmoid(Layer):
    """a = 1 / (1 + exp(-z)), element by element."""

    def forward(self, z):
        ### YOUR CODE START ###
        #! 1.5 Sigmoid.forward: remember a, return it
        #? NumPy's functions work element by element: np.exp(-z).
        self.a = 1 / (1 + np.exp(-z))
        return self.a
        ### YOUR CODE END ###

    def backward(self, da):
        ### YOUR CODE START ###
        #! 1.6 Sigmoid.backward: return dz
        #? The chain rule: what comes from behind, times the derivative of this layer.
        return da * self.a * (1 - self.a)
        ### YOUR CODE END ###


class Chain(Layer):
    """Layers one after the other."""

    def __init__(self, *parts):
        self.parts = parts

    def forward(self, x):
        for part in self.parts:
            x = part(x)
        return x

    def backward(self, dz):
        ### YOUR CODE START ###
        #! 1.7 Chain.backward: from the derivative by the output to the derivative by the input
        #? The last part comes first: reversed(self.parts).
        for part in reversed(self.parts):
            dz = part.backward(dz)
        return dz
        ### YOUR CODE END ###

    def update(self, lr):
        for part in self.parts:
            part.update(lr)

# %% tags=["test"]
with checking("1.5 Sigmoid.forward", "1 / (1 + exp(-z)), element by element"):
    bent = Sigmoid()
    compare("a", bent(np.log([1.0, 3.0, 1 / 3])), [1 / 2, 3 / 4, 1 / 4], "1 / (1 + exp(-z)): mind the sign of z")
    expect("what it remembers", vars(bent), "an attribute a", "no attribute", "self.a = ...: backward needs it")

with checking("1.6 Sigmoid.backward", "da * a * (1 - a), element by element"):
    bent = Sigmoid()
    bent(np.log([1.0, 3.0, 1 / 3]))
    compare("dz", bent.backward(np.array([1.0, 2.0, -1.0])), [1 / 4, 3 / 8, -3 / 16], "is da a factor, and a, not z?")

with checking("1.7 Chain.backward", "each part takes what the part behind it returned"):
    chain = Chain(Linear(2, 3, np.random.default_rng(1)), Sigmoid(), Linear(3, 1, np.random.default_rng(2)))
    chain_x = np.array([0.5, -1.0])
    chain_slopes = differences(lambda moved: float(chain(moved)[0]), chain_x)
    chain(chain_x)
    compare("dx", chain.backward(np.ones(1)), chain_slopes, "last part first, each with the result of the one before")

# %% [markdown]
# Does it learn? The exclusive or is the smallest problem that no linear layer solves alone. Four samples, the loss
# $L = \frac{1}{2}(a - t)^2$ with $da = a - t$, one step per sample:

# %% tags=["table"]
def learn_xor(steps=2000):
    draw = np.random.default_rng(3)
    network = Chain(Linear(2, 4, draw), Sigmoid(), Linear(4, 1, draw), Sigmoid())
    samples = [((0, 0), 0), ((0, 1), 1), ((1, 0), 1), ((1, 1), 0)]
    for _ in range(steps):
        for inputs, target in samples:
            network.backward(network(np.array(inputs, float)) - target)
            network.update(2.0)
    return [(*inputs, target, round(float(network(np.array(inputs, float))[0]), 3)) for inputs, target in samples]


pd.DataFrame(learn_xor(), columns=["x1", "x2", "x1 xor x2", "network"])

# %% [markdown]
# ---
# # Exercise 3
# ## The formulas for a batch
#
# We train with mini-batches: $n_b$ samples at once. **Samples stand in rows.** Row $i$ of $X$ is the sample $x_i^T$, so
# that every row of $Z$ is $z_i^T = x_i^T W^T + b^T$:
#
# $$Z = X W^T + b$$
#
# | name | shape | |
# | --- | --- | --- |
# | $X$, $dX$ | $(n_b, n_x)$ | inputs of the layer, one sample per row |
# | $W$, $dW$ | $(n_h, n_x)$ | one row of weights per unit |
# | $b$, $db$ | $(n_h,)$ | added to every row of $X W^T$ |
# | $Z$, $dZ$ | $(n_b, n_h)$ | outputs of the layer, one sample per row |
#
# **From one sample to the batch.** Let $L_i$ be the loss of sample $i$, and $dz_i = \partial L_i / \partial z_i$. For
# one sample the chain rule gave (exercise 1 has it step by step)
#
# $$dW^{(i)} = dz_i\, x_i^T, \qquad db^{(i)} = dz_i, \qquad dx_i = W^T dz_i$$
#
# The rows of $dZ$ are the $dz_i^T$. All samples share $W$ and $b$: their contributions add up. The samples do not share
# their inputs: each row of $dX$ has only its own contribution.
#
# $$\sum_i dz_i\, x_i^T = dZ^T X, \qquad \sum_i dz_i = \text{column sums of } dZ, \qquad
# dX = dZ\, W \quad (\text{row } i:\; dx_i^T = dz_i^T W)$$
#
# **Where the $1/n_b$ goes.** What we minimise is the *mean* $J = \frac{1}{n_b}\sum_i L_i$. Its factor $1/n_b$ must come
# in exactly once on the way from the cost to the parameters. There are two places for it: at the start, in the
# derivative of the cost, or at the end, in $dW$ and $db$. PyTorch does the first. This course does the second:
#
# * the cost that we compute is the **sum** over the batch, and its derivative $dZ$ is not divided;
# * $dX$ is not divided: it is handed on as it is, and the next layer does the same;
# * each layer divides **its own** $dW$ and $db$ by $n_b$.
#
# $$dW = \frac{1}{n_b}\, dZ^T X, \qquad db = \frac{1}{n_b} \sum_i dz_i, \qquad dX = dZ\, W$$
#
# With a batch of one sample you cannot see a mistake here, since $n_b = 1$. All tests therefore use batches of 1
# **and** of 7 samples. When we compare with PyTorch, we use its `reduction="sum"` and divide the gradients of the
# parameters by $n_b$.
#
# **Activation.** Element by element, batch or not: $A = \sigma(Z)$, $dZ = dA \odot \sigma'(Z)$.
#
# **Question 1.** A layer has 300 inputs and 100 units, the batch 64 samples. What is the shape of $dW$, and what would
# be wrong with $X^T dZ$? (a) (300, 100), nothing; (b) (100, 300), it is the transpose of $dW$; (c) (64, 100), it has
# the wrong number of rows; (d) (100, 300), nothing: NumPy transposes where it must.
#
# <details><summary>Answer</summary>
#
# (b). $dW$ has the shape of $W$, (100, 300), since every weight has a derivative of its own. $X^T dZ$ is (300, 100):
# the same numbers in the wrong places. Were the layer square, NumPy would not complain, and `w -= lr * dw` would
# change the wrong weights.
#
# </details>
#
# ## First with loops
#
# Before a formula with matrices, write what it means: for every sample, for every unit, a sum over the inputs.
#
# $$Z_{ij} = \sum_k X_{ik}\, W_{jk} + b_j$$

# %%
def forward_by_loops(x, w, b):
    """Z = X W^T + b, one number after the other."""
    z = np.zeros((len(x), len(w)))
    ### YOUR CODE START ###
    #! 3.0 forward_by_loops: fill z[i, j] for every sample i and unit j, without `@`
    #? Three loops: over the samples, over the units, over the inputs. Or two, and a sum.
    for i in range(len(x)):
        for j in range(len(w)):
            z[i, j] = b[j]
            for k in range(len(x[i])):
                z[i, j] += x[i, k] * w[j, k]
    ### YOUR CODE END ###
    return z

# %% tags=["test"]
with checking("3.0 forward_by_loops", "i counts samples, j units, k inputs"):
    looped = forward_by_loops(
        np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([[1.0, 0.0], [2.0, -1.0], [0.0, 3.0]]), np.array([1.0, 0.0, -1.0])
    )
    compare("z", looped, [[2.0, 0.0, 5.0], [1.0, 1.0, -4.0]], "the sum over k of x[i, k] w[j, k], plus b[j] once")

# %% [markdown]
# ## `LinearLayer`
#
# The initial weights are drawn from a normal distribution with mean 0 and standard deviation $1/\sqrt{n_h}$, where
# $n_h$ is the number of *outputs* of the layer; the biases are 0. They are float32, like the pixels. That is exact
# enough for training, and twice as fast as float64. For the gradient checks we put float64 arrays in their place;
# NumPy then computes everything in float64, if your code does not force a type.

# %%
rng = np.random.default_rng(0)  # all initial weights are drawn with this generator


def draw_again(seed):
    """Let rng begin again: after the same seed come the same weights, whatever ran before."""
    rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state
    if LinearLayer.__module__ != __name__:
        np.random.seed(seed)  # a ready-made class of mlpc.course draws with this


class LinearLayer:
    """Z = X W^T + b, for a batch."""

    def __init__(self, nx, nh):
        self.nx, self.nh = nx, nh
        ### YOUR CODE START ###
        #! 3.1 LinearLayer.__init__: initial values of self.w, (nh, nx), and self.b, (nh,), in float32
        #? rng.normal(mean, standard deviation, shape) draws; .astype(np.float32) converts.
        self.w = rng.normal(0, 1 / np.sqrt(nh), (nh, nx)).astype(np.float32)
        self.b = np.zeros(nh, np.float32)
        ### YOUR CODE END ###

    def forward(self, x):
        """From x (n_b, nx) to z (n_b, nh); remembers x."""
        ### YOUR CODE START ###
        #! 3.2 LinearLayer.forward: set self.x, return z
        #? Samples are rows: the sheet's Z = X W^T + b. NumPy adds b to every row.
        self.x = x
        return x @ self.w.T + self.b
        ### YOUR CODE END ###

    def backward(self, dz):
        """From dz (n_b, nh) to dx (n_b, nx); sets dw, db and dx."""
        ### YOUR CODE START ###
        #! 3.3 LinearLayer.backward: set self.dw, self.db and self.dx, return dx
        #? Write the shapes beside the formulas: dw is (nh, nx), db is (nh,), dx is (n_b, nx).
        #? Only dw and db are divided by the number of rows of dz.
        self.dw = dz.T @ self.x / len(dz)
        self.db = dz.sum(axis=0) / len(dz)
        self.dx = dz @ self.w
        return self.dx
        ### YOUR CODE END ###

    def update(self, lr):
        """One step of gradient descent."""
        ### YOUR CODE START ###
        #! 3.4 LinearLayer.update: change self.w and self.b
        #? dw and db are gradients of the mean already: nothing is divided here.
        self.w -= lr * self.dw
        self.b -= lr * self.db
        ### YOUR CODE END ###

# %% [markdown]
# **Test of the initial values.** 40,000 draws of standard deviation $1/\sqrt{100} = 0.1$: their own standard deviation
# misses 0.1 by no more than about 0.001. Of normal numbers, 4.6 % lie farther from 0 than two standard deviations.
# The weights are to be drawn with `rng`: that is what makes a training repeatable.

# %% tags=["test"]
with checking("3.1 LinearLayer.__init__", "w has the shape (nh, nx), b the shape (nh,)"):
    draw_again(0)
    fresh = LinearLayer(400, 100)
    compare("shape of w", np.shape(fresh.w), (100, 400), "w has the shape (nh, nx): one row per unit")
    compare("b", fresh.b, np.zeros(100), "b has the shape (nh,) and is 0 at the start")
    compare("mean of w", fresh.w.mean(), 0.0, "the normal distribution has the mean 0", tolerance=0.003)
    reason = "1/sqrt(nh), with nh the number of outputs; rng.normal takes the standard deviation, not its square"
    compare("standard deviation of w", fresh.w.std(), 0.1, reason, tolerance=0.003)
    reason = "a normal distribution: rng.normal, not rng.uniform"
    compare("share of w beyond 0.2", (np.abs(fresh.w) > 0.2).mean(), 0.0455, reason, tolerance=0.005)
    came = f"w in {fresh.w.dtype}, b in {fresh.b.dtype}"
    reason = "NumPy draws in float64: .astype(np.float32)"
    expect("dtype", fresh.w.dtype == fresh.b.dtype == np.float32, "float32", came, reason)
    reason = "rng is there already: a generator made inside gives every layer the same numbers"
    expect("two layers", not np.array_equal(LinearLayer(400, 100).w, fresh.w), "different weights", "the same", reason)
    if LinearLayer.__module__ == __name__:
        reason = "draw with rng.normal: np.random.normal, and a generator of one's own, know nothing of rng's seed"
        draw_again(0)
        global_state = np.random.get_state()[1].tolist(), np.random.get_state()[2]
        same = np.array_equal(LinearLayer(400, 100).w, fresh.w)
        expect("weights after the same seed of rng", same, "the same", "others", reason)
        untouched = global_state == (np.random.get_state()[1].tolist(), np.random.get_state()[2])
        expect("np.random", untouched, "not used", "numbers were drawn from it", reason)

# %% [markdown]
# **Test by hand, two samples.** The first row is the sample of exercise 1.
#
# $$X = \begin{pmatrix} 1 & 2 \\ 0 & -1 \end{pmatrix}, \;
# W = \begin{pmatrix} 1 & 0 \\ 2 & -1 \\ 0 & 3 \end{pmatrix}, \; b = (1, 0, -1)
# \;\Rightarrow\; Z = \begin{pmatrix} 2 & 0 & 5 \\ 1 & 1 & -4 \end{pmatrix}$$
#
# A second test has as many inputs as outputs. There, a $W$ that should have been transposed raises no error, but the
# numbers are wrong:
#
# $$X = (1, 2), \; W = \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}, \; b = (0, \tfrac{1}{2})
# \;\Rightarrow\; Z = (1 + 4, \; 3 + 8 + \tfrac{1}{2}) = (5, \; 11.5)$$

# %%
def layer_with(w, b):
    layer = LinearLayer(np.shape(w)[1], np.shape(w)[0])
    layer.w, layer.b = np.array(w, np.float64), np.array(b, np.float64)
    return layer


def layer_by_hand():
    """The layer of the test by hand, and its two samples."""
    layer = layer_with([[1.0, 0.0], [2.0, -1.0], [0.0, 3.0]], [1.0, 0.0, -1.0])
    return layer, np.array([[1.0, 2.0], [0.0, -1.0]])


def square_layer():
    """A layer with as many inputs as outputs, and its sample."""
    return layer_with([[1.0, 2.0], [3.0, 4.0]], [0.0, 0.5]), np.array([[1.0, 2.0]])

# %% tags=["test"]
with checking("3.2 LinearLayer.forward", "Z = X W^T + b: W is transposed, so that the inner sizes agree"):
    reason = "(7, 10.5) is X W + b: W has to be transposed; (5, 11) lacks b"
    layer, x_hand = square_layer()
    compare("forward, 2 inputs, 2 outputs: z", layer.forward(x_hand), [[5.0, 11.5]], reason)
    layer, x_hand = layer_by_hand()
    before = set(vars(layer)) - {"x"}
    z_hand = layer.forward(x_hand)
    compare("forward, 2 inputs, 3 outputs: z", z_hand, [[2.0, 0.0, 5.0], [1.0, 1.0, -4.0]], "X W^T + b: is b added?")
    compare("x after forward", x_hand, layer_by_hand()[1], "forward must not change the array it was given")
    remembers("forward", layer, "x", x_hand, before)
    compare("forward, one sample of the two: z", layer.forward(x_hand[1:]), [[1.0, 1.0, -4.0]], "rows are samples")
    remembers("forward, once more", layer, "x", x_hand[1:], before)
    x_hand = x_hand.astype(np.float32)
    same_dtype("forward, dtype of z", LinearLayer(2, 3).forward(x_hand), x_hand)

# %% [markdown]
# How much faster is it than your loops? The same numbers come out; the loops are those of Python's interpreter, the
# product those of a library that computes many elements at once.

# %% tags=["table"]
def seconds_of(function, *arguments, turns=5):
    """The median of some turns."""
    times = []
    for _ in range(turns):
        begin = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


def loops_beside_matrices(nx, nh, n_b=64):
    draw = np.random.default_rng(0)
    layer, x = layer_with(draw.normal(size=(nh, nx)), draw.normal(size=nh)), draw.normal(size=(n_b, nx))
    compare("loops beside matrices", forward_by_loops(x, layer.w, layer.b), layer.forward(x), "see 3.0")
    loops, matrices = seconds_of(forward_by_loops, x, layer.w, layer.b, turns=3), seconds_of(layer.forward, x)
    return {
        "inputs": nx,
        "units": nh,
        "loops, ms": round(1e3 * loops, 2),
        "matrices, ms": round(1e3 * matrices, 4),
        "times slower": f"{loops / matrices:,.0f}",
    }


pd.DataFrame([loops_beside_matrices(16, 10), loops_beside_matrices(64, 30)]).set_index(["inputs", "units"])

# %% [markdown]
# **Test of backward by hand.** With the same numbers, and
# $dZ = \begin{pmatrix} 1 & 0 & 2 \\ 0 & -1 & 1 \end{pmatrix}$:
#
# $$dW = \frac{1}{2}\, dZ^T X = \frac{1}{2} \begin{pmatrix} 1 & 2 \\ 0 & 1 \\ 2 & 3 \end{pmatrix}, \quad
# db = \frac{1}{2} (1, -1, 3), \quad dX = dZ\, W = \begin{pmatrix} 1 & 6 \\ -2 & 4 \end{pmatrix}$$

# %% tags=["test"]
with checking("3.3 LinearLayer.backward", "the shapes: dw = dz^T x is (nh, nx), dx = dz w is (n_b, nx)"):
    square, x_square = square_layer()
    square.forward(x_square)
    dz_square = np.array([[1.0, -1.0]])
    dx_square = square.backward(dz_square)
    divided = {1 / 2: "divided by the number of inputs or units, 2: n_b is the number of samples, len(dz), here 1"}
    compare("backward, 2 inputs, 2 outputs: dx", dx_square, [[-2.0, -2.0]], "dX = dZ W: here W is not transposed")
    reason = "dW = dZ^T X, not X^T dZ"
    compare_factors("backward, 2 inputs, 2 outputs: dw", square.dw, [[1.0, 2.0], [-1.0, -2.0]], reason, divided)
    reason = "the sum over the samples needs axis=0; then the 1/n_b"
    compare_factors("backward, 2 inputs, 2 outputs: db", square.db, [1.0, -1.0], reason, divided)
    dz_square[...] = 9.0
    reason = "db is a view of dz: it changes when the caller writes into dz. Make an array of its own"
    compare("db after dz has changed", square.db, [1.0, -1.0], reason)

    wide, x_wide = layer_by_hand()
    dz_wide = np.array([[1.0, 0.0, 2.0], [0.0, -1.0, 1.0]])
    wide.forward(x_wide)
    dx_wide = wide.backward(dz_wide)
    divided = {2 / 3: "divided by the number of units, 3: n_b is the number of samples, len(dz), here 2"}
    reason = "dW = dZ^T X / n_b: is the 1/n_b there?"
    compare("dz after backward", dz_wide, [[1, 0, 2], [0, -1, 1]], "backward must not change the array it was given")
    compare_factors("backward: dw", wide.dw, [[0.5, 1.0], [0.0, 0.5], [1.0, 1.5]], reason, divided, n=2)
    reason = "the sum over the samples needs axis=0; then the 1/n_b"
    compare_factors("backward: db", wide.db, [0.5, -0.5, 1.5], reason, divided, n=2)
    compare("backward: dx", dx_wide, [[1.0, 6.0], [-2.0, 4.0]], "dX = dZ W, not divided by n_b", n=2)
    compare("backward: self.dx", wide.dx, dx_wide, "dx is returned, and kept as an attribute, too")
    compare("x after backward", x_wide, layer_by_hand()[1], "backward must not change what forward was given")

    # The same layer once more, with the second sample alone.
    wide.forward(x_wide[1:])
    dx_wide = wide.backward(dz_wide[1:])
    reason = "each call replaces the gradients: nothing is added up (+=), nothing kept from the call before"
    compare("a second call: dw", wide.dw, [[0.0, 0.0], [0.0, 1.0], [0.0, -1.0]], reason)
    compare("a second call: db", wide.db, [0.0, -1.0, 1.0], reason)
    compare("a second call: dx", dx_wide, [[-2.0, 4.0]], reason)

# %% [markdown]
# **Gradient test.** Every element of $W$, $b$ *and* $X$ against differences, for 1 and for 7 samples. The cost is
# $\sum_{ij} c_{ij} Z_{ij}$ with fixed numbers $c_{ij}$, so that $dZ = C$. The layer is linear in each of them: the
# formula's own error vanishes, and only rounding is left, about $10^{-10}$.

# %% tags=["test", "table"]
def linear_rows():
    draw_again(0)
    for n in (1, 7):
        x = np.random.default_rng(n).normal(size=(n, 4))
        yield from gradient_rows(f"batch of {n}", in_float64(LinearLayer(4, 3)), x, probe_cost, probe)


table_of(linear_rows(), "3.3 gradients of LinearLayer", "right for 1, wrong for 7: the 1/n_b, or a sum over samples")

# %% tags=["test"]
with checking("3.4 LinearLayer.update", "w and b change; lr times the gradient is subtracted"):
    stepping, x_stepping = layer_by_hand()
    stepping.forward(x_stepping)
    stepping.backward(np.array([[1.0, 0.0, 2.0], [0.0, -1.0, 1.0]]))  # the gradients of the test by hand
    w_start, b_start = np.array(stepping.w), np.array(stepping.b)
    stepping.update(0.5)
    reason = "w minus lr times dw; dw is the gradient of the mean already: nothing is divided here"
    compare("change of w", stepping.w - w_start, [[-0.25, -0.5], [0.0, -0.25], [-0.5, -0.75]], reason, n=2)
    compare("change of b", stepping.b - b_start, [-0.25, 0.25, -0.75], "b minus lr times db", n=2)
    stepping.update(0.5)
    reason = "a second step is as long as the first: update changes w and b, and leaves dw and db as they are"
    compare("change of w, two steps", stepping.w - w_start, [[-0.5, -1.0], [0.0, -0.5], [-1.0, -1.5]], reason)
    compare("change of b, two steps", stepping.b - b_start, [-0.5, 0.5, -1.5], reason)
    single = LinearLayer(2, 3)
    single.backward(single.forward(np.ones((2, 2), np.float32)))
    single.update(0.5)
    same_dtype("dtype of w after update", single.w, np.zeros(0, np.float32))

# %% [markdown]
# ## `SigmoidActivation`
#
# $$A = \sigma(Z), \qquad dZ = dA \odot A \odot (1 - A)$$
#
# $1/(1 + e^{-z})$ overflows for large negative $z$: $e^{100}$ is no float32. The result is right ($1/\infty = 0$),
# but NumPy warns. The same function without overflow: $\sigma(z) = \frac{1}{2}\left(1 + \tanh\frac{z}{2}\right)$.
#
# The course's class keeps $Z$ in the attribute `z`. You may keep $A$, too: then backward need not compute it again.
#
# **Question 2.** What must a sigmoid remember from forward to backward? (a) $Z$; (b) $A$; (c) either of them; (d) both.
#
# <details><summary>Answer</summary>
#
# (c). The derivative is $a(1 - a)$, and $a$ is computed from $z$. To keep $A$ costs nothing more: the next layer keeps
# the same array as its input. A network in training therefore needs memory for one array per layer, of the size of
# the batch times the units.
#
# </details>

# %%
class SigmoidActivation:
    """The logistic function, element by element."""

    def forward(self, z):
        """From z to a, of the same shape; remembers z."""
        ### YOUR CODE START ###
        #! 3.5 SigmoidActivation.forward: set self.z, return a
        #? 1 / (1 + np.exp(-z)), or the form with np.tanh, which never overflows.
        self.z = z
        self.a = 0.5 * (1 + np.tanh(0.5 * z))
        return self.a
        ### YOUR CODE END ###

    def backward(self, da):
        """From da to dz, of the same shape."""
        ### YOUR CODE START ###
        #! 3.6 SigmoidActivation.backward: return dz
        #? Element by element: `*`, not `@`. No sum, no 1/n_b.
        return da * (1 - self.a) * self.a
        ### YOUR CODE END ###

    def update(self, lr):
        """Nothing to learn."""

# %% [markdown]
# By hand: $\sigma(0) = \frac{1}{2}$, $\sigma(\ln 3) = \frac{1}{1 + 1/3} = \frac{3}{4}$, $\sigma(-\ln 3) = \frac{1}{4}$;
# the derivatives there are $\frac{1}{4}$, $\frac{3}{16}$ and $\frac{3}{16}$.

# %% tags=["test"]
with checking("3.5 SigmoidActivation.forward", "1 / (1 + exp(-z)), element by element"):
    sigmoid, z_logistic = SigmoidActivation(), np.log([[1.0, 3.0, 1 / 3]])
    before = set(vars(sigmoid)) - {"z"}
    a_logistic = sigmoid.forward(z_logistic)
    reason = "forward must not change the array it was given: z *= ... writes into it, z = z * ... does not"
    compare("z after forward", z_logistic, np.log([[1.0, 3.0, 1 / 3]]), reason)
    compare("sigmoid: a", a_logistic, [[0.5, 0.75, 0.25]], "1 / (1 + exp(-z)): mind the sign of z")
    remembers("forward", sigmoid, "z", z_logistic, before)
    with np.errstate(all="ignore"):
        ends = SigmoidActivation().forward(np.array([[-1000.0, 1000.0]]))
    compare("sigmoid at -1000 and 1000", ends, [[0.0, 1.0]], "exp(z) / (1 + exp(z)) is inf / inf for large z")
    z_float32 = np.ones((2, 2), np.float32)
    same_dtype("sigmoid, dtype of a", SigmoidActivation().forward(z_float32), z_float32)

with checking("3.6 SigmoidActivation.backward", "da times a times (1 - a), element by element"):
    sigmoid = SigmoidActivation()
    a_logistic, da_logistic = sigmoid.forward(np.log([[1.0, 3.0, 1 / 3]])), np.array([[1.0, 2.0, -1.0]])
    dz_logistic = sigmoid.backward(da_logistic)
    reason = "backward must not change the array it was given: da *= ... writes into it, da * ... makes a new one"
    compare("da after backward", da_logistic, [[1.0, 2.0, -1.0]], reason)
    reason = "da * a * (1 - a): is da a factor, and is it a, not z?"
    compare("sigmoid: dz", dz_logistic, [[1 / 4, 3 / 8, -3 / 16]], reason)
    compare("a after backward", a_logistic, [[0.5, 0.75, 0.25]], "backward must not change what forward returned")
    reason = "backward must leave what forward has remembered as it is, or it can be called only once"
    compare("backward once more: dz", sigmoid.backward(da_logistic), [[1 / 4, 3 / 8, -3 / 16]], reason)
    sigmoid.forward(np.zeros((1, 3)))
    reason = "what forward remembers belongs to its last call: it is set anew each time"
    compare("after another forward: dz", sigmoid.backward(da_logistic), [[1 / 4, 1 / 2, -1 / 4]], reason)

# %% tags=["test", "table"]
def sigmoid_rows():
    for n in (1, 7):
        z = np.random.default_rng(n).normal(0, 2, (n, 5))
        yield from gradient_rows(f"batch of {n}", SigmoidActivation(), z, probe_cost, probe)


table_of(sigmoid_rows(), "3.6 gradient of SigmoidActivation", "a factor is missing, or z stands in the place of a")

# %% [markdown]
# ## `ReLUActivation`
#
# The best networks of exercise 2 have ReLU units. The same three methods, another function:
#
# $$A = \max(Z, 0), \qquad dZ = dA \odot [Z > 0]$$
#
# At 0 there is a kink and no derivative. Everybody takes 0 there, PyTorch included. The difference
# $\frac{\max(h, 0) - \max(-h, 0)}{2h} = \frac{1}{2}$ takes the mean of both sides. None of them is wrong: a gradient
# check across a kink just proves nothing. That is why the gradient test below keeps away from 0.

# %%
class ReLUActivation:
    """The positive part, element by element."""

    def forward(self, z):
        """From z to a, of the same shape; remembers z."""
        ### YOUR CODE START ###
        #! 3.7 ReLUActivation.forward: set self.z, return a
        #? np.maximum compares element by element; np.max looks for one largest element.
        self.z = z
        return np.maximum(z, 0)
        ### YOUR CODE END ###

    def backward(self, da):
        """From da to dz, of the same shape."""
        ### YOUR CODE START ###
        #! 3.8 ReLUActivation.backward: return dz
        #? A comparison of arrays gives True and False, which multiply like 1 and 0.
        return da * (self.z > 0)
        ### YOUR CODE END ###

    def update(self, lr):
        """Nothing to learn."""

# %% tags=["test"]
with checking("3.7 ReLUActivation.forward", "max(z, 0), element by element"):
    relu, z_kink = ReLUActivation(), np.array([[-2.0, 0.0, 3.0, 1.0]])
    before = set(vars(relu)) - {"z"}
    a_kink = relu.forward(z_kink)
    compare("z after forward", z_kink, [[-2.0, 0.0, 3.0, 1.0]], "forward must not change the array it was given")
    compare("ReLU: a", a_kink, [[0.0, 0.0, 3.0, 1.0]], "np.maximum(z, 0), element by element")
    remembers("forward", relu, "z", z_kink, before)
    z_single = np.ones((2, 2), np.float32)
    same_dtype("ReLU, dtype of a", ReLUActivation().forward(z_single), z_single)

with checking("3.8 ReLUActivation.backward", "da where z > 0, else 0"):
    relu, da_kink = ReLUActivation(), np.array([[5.0, 6.0, -7.0, 8.0]])
    relu.forward(np.array([[-2.0, 0.0, 3.0, 1.0]]))
    dz_kink = relu.backward(da_kink)
    reason = "backward must not change the array it was given: work on a copy, or multiply"
    compare("da after backward", da_kink, [[5.0, 6.0, -7.0, 8.0]], reason)
    reason = "da where z > 0, else 0; at z = 0 it is 0; the sign of da does not matter"
    compare("ReLU: dz", dz_kink, [[0.0, 0.0, -7.0, 8.0]], reason)
    relu.forward(np.array([[2.0, 1.0, -3.0, 1.0]]))
    reason = "what forward remembers belongs to its last call: it is set anew each time"
    compare("after another forward: dz", relu.backward(da_kink), [[5.0, 6.0, 0.0, 8.0]], reason)

# %% tags=["test", "table"]
def relu_rows():
    for n in (1, 7):
        size = np.random.default_rng(n).uniform(0.1, 2, (n, 5))  # no z nearer to 0 than 0.1, and two of three above it
        z = np.where(np.arange(size.size).reshape(n, 5) % 3, size, -size)
        yield from gradient_rows(f"batch of {n}", ReLUActivation(), z, probe_cost, probe)


table_of(relu_rows(), "3.8 gradient of ReLUActivation", "da where z > 0, else 0")

# %% [markdown]
# ## `CELoss`: softmax and cross-entropy
#
# The last linear layer gives one number per class, the logits $z$. Softmax makes probabilities of them, and the
# cross-entropy of a sample with the label $y$ is the negative logarithm of the probability of the right class:
#
# $$p_j = \frac{e^{z_j}}{\sum_c e^{z_c}}, \qquad L = -\ln p_y = -z_y + \ln \sum_c e^{z_c}$$
#
# **Without overflow.** $e^{1000}$ is infinite. Softmax does not change when a number $m$ is subtracted from all
# logits of a row, since $e^{-m}$ cancels; with $m = \max_c z_c$ no exponent is above 0:
#
# $$\ln \sum_c e^{z_c} = m + \ln \sum_c e^{z_c - m}$$
#
# ## Its derivative, step by step
#
# Before there is a formula for the whole, differentiate the parts. What a program computes, line by line, is
#
# $$m_i = \max_c z_{ic}, \quad s_{ij} = z_{ij} - m_i, \quad e_{ij} = \exp(s_{ij}), \quad t_i = \sum_j e_{ij}, \quad
# r_i = \frac{1}{t_i}, \quad p_{ij} = e_{ij}\, r_i, \quad \ell_{ij} = \ln p_{ij}, \quad L = -\sum_i \ell_{i y_i}$$
#
# Back-propagation goes through these lines from the last to the first. Each takes the derivative of $L$ by its result,
# and hands on the derivative by what it was made of. Two rules are all there is besides the derivatives from school:
# **what is used twice, adds up** ($e$ is used in $t$ and in $p$; $z$ in $m$ and in $s$), and **what was spread over a
# row, is summed over the row** ($r_i$ belongs to all $p_{ij}$ of its row, $m_i$ to all $s_{ij}$).

# %%
def steps_forward(z, y):
    """The loss of logits z (n_b, k) and labels y, and every value on the way."""
    m = z.max(axis=1, keepdims=True)
    s = z - m
    e = np.exp(s)
    t = e.sum(axis=1, keepdims=True)
    r = 1 / t
    p = e * r
    log_p = np.log(p)
    loss = -log_p[np.arange(len(y)), y].sum()
    return loss, {"z": z, "m": m, "s": s, "e": e, "t": t, "r": r, "p": p, "log_p": log_p}


def steps_backward(values, y):
    """The derivative of the loss by every value of steps_forward."""
    z, m, s, e, t, r, p, log_p = values.values()
    ### YOUR CODE START ###
    #! 3.8.1 steps_backward: dlog_p, dp, dr, dt, de, ds, dm, dz, each of the shape of what it belongs to
    #? dlog_p is 0 but for the elements [np.arange(len(y)), y]. The derivative of ln p is 1/p, of 1/t it is -1/t^2.
    #? Spread over a row: .sum(axis=1, keepdims=True). Used twice: a sum of two terms, in de and in dz.
    #? m is one of the z of its row: dm goes to that z. (z == m) is True there.
    dlog_p = np.zeros_like(log_p)
    dlog_p[np.arange(len(y)), y] = -1
    dp = dlog_p / p
    dr = (dp * e).sum(axis=1, keepdims=True)
    dt = -dr / t**2
    de = dp * r + dt
    ds = de * e
    dm = -ds.sum(axis=1, keepdims=True)
    dz = ds + (z == m) * dm
    ### YOUR CODE END ###
    return {"z": dz, "m": dm, "s": ds, "e": de, "t": dt, "r": dr, "p": dp, "log_p": dlog_p}

# %% [markdown]
# **Test.** Every derivative by itself against differences: one value is moved, and what comes after it is computed anew
# from it. The table is in the order of the way back; the first row that is wrong is the line to look at.

# %% tags=["test", "table"]
def loss_from(name, moved, values, y):
    """The loss where one value is `moved` and all before it stay; those after it follow."""
    now = values | {name: moved}
    rules = {
        "m": lambda: now["z"].max(axis=1, keepdims=True),
        "s": lambda: now["z"] - now["m"],
        "e": lambda: np.exp(now["s"]),
        "t": lambda: now["e"].sum(axis=1, keepdims=True),
        "r": lambda: 1 / now["t"],
        "p": lambda: now["e"] * now["r"],
        "log_p": lambda: np.log(now["p"]),
    }
    names = list(values)
    for later in names[names.index(name) + 1 :]:
        now[later] = rules[later]()
    return -float(now["log_p"][np.arange(len(y)), y].sum())


def step_rows():
    z, y = np.array([[0.0, 0.5, -1.0, 2.0], [1.5, 0.0, 1.0, -0.5], [0.2, -0.3, 0.1, 0.4]]), np.array([1, 0, 2])
    _, values = steps_forward(z, y)
    came = steps_backward(values, y)
    for name in reversed(list(values)):
        slopes = differences(lambda moved: loss_from(name, moved, values, y), values[name])
        compare(f"d{name}", np.zeros(np.shape(came[name])), np.zeros(slopes.shape), f"d{name} is like {name}")
        absolute, relative = difference(came[name], slopes)
        row = {"case": "3 samples, 4 classes", "gradient of": name, "largest element": round(np.abs(slopes).max(), 6)}
        row |= {"differences: absolute": f"{absolute:.1e}", "differences: relative": f"{relative:.1e}"}
        right = relative <= ALLOWED or absolute <= NOISE
        yield row | {"verdict": "ok" if right else remark(came[name], slopes, len(z))}


reason = "the first row that is not ok: its own line; used twice adds up (e, z), spread over a row is summed (r, m)"
table_of(step_rows(), "3.8.1 steps_backward", reason)

# %% [markdown]
# The derivative by $m$ is 0: whatever is subtracted, softmax stays the same. That is why it *may* be subtracted. And
# the eight lines collapse into one. In the form $L = -z_y + \ln \sum_c e^{z_c}$:
#
# $$\frac{\partial L}{\partial z_j} = -[j = y] + \frac{e^{z_j}}{\sum_c e^{z_c}} = p_j - [j = y]$$
#
# Softmax minus one-hot: the probability that the network gave, minus the one it should have given. The elements of a
# row sum to 0. For the batch, every row by itself, and **no** $1/n_b$:
#
# $$L(Z, y) = \sum_i L_i, \qquad dZ = P - Y_{\text{one-hot}}$$
#
# **Question 3.** A network gives the right class the probability 0.999. How large is the derivative by that logit, and
# what does a sigmoid after the last layer with a squared error make of the same case? (a) about 1, about 1; (b)
# -0.001, smaller still; (c) 0.999, 0.001.
#
# <details><summary>Answer</summary>
#
# (b). $p - 1 = -0.001$: who is right learns hardly anything more. With a squared error the sigmoid's derivative $a(1 -
# a)$ is one more factor, 0.001 as well. The difference matters where the network is *wrong*: cross-entropy still gives
# a derivative near 1, while the factor $a(1 - a)$ of a sigmoid that is sure and wrong is near 0: it does not learn.
#
# </details>

# %%
class CELoss:
    """Cross-entropy of the softmax of logits: a sum over the samples."""

    def value(self, z, y):
        """The loss of logits z (n_b, k) and integer labels y (n_b,): one number."""
        ### YOUR CODE START ###
        #! 3.9 CELoss.value: the sum over the samples
        #? z.max(axis=1, keepdims=True) has the shape (n_b, 1), and can be subtracted from z.
        #? The logit of the right class of every sample: z[np.arange(len(y)), y].
        #? A p may be rounded to 0, and its logarithm is infinite: take the logarithm of the sum, not that of p.
        shifted = z - z.max(axis=1, keepdims=True)
        right = shifted[np.arange(len(y)), y]
        return (np.log(np.exp(shifted).sum(axis=1)) - right).sum()
        ### YOUR CODE END ###

    def derivative(self, z, y):
        """The derivative of `value` by z, (n_b, k)."""
        ### YOUR CODE START ###
        #! 3.10 CELoss.derivative: softmax minus one-hot
        #? Subtract 1 from the elements [np.arange(len(y)), y] of the softmax; no 1/n_b.
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(len(y)), y] -= 1
        return p
        ### YOUR CODE END ###

# %% [markdown]
# By hand: logits $(0, \ln 3)$ give $p = (\frac{1}{4}, \frac{3}{4})$, logits $(0, 0)$ give
# $p = (\frac{1}{2}, \frac{1}{2})$, logits $(\ln 3, 0)$ give $p = (\frac{3}{4}, \frac{1}{4})$. With the labels 1, 0
# and 1: $L = -\ln\frac{3}{4} - \ln\frac{1}{2} - \ln\frac{1}{4} = \ln\frac{32}{3}$, and
#
# $$dZ = \begin{pmatrix} \frac{1}{4} & -\frac{1}{4} \\ -\frac{1}{2} & \frac{1}{2} \\
# \frac{3}{4} & -\frac{3}{4} \end{pmatrix}$$
#
# A network that knows nothing gives ten equal logits, and loses $\ln 10$ per sample. And logits of 1000 must not be a
# problem.

# %%
def logits_by_hand():
    return np.log([[1.0, 3.0], [1.0, 1.0], [3.0, 1.0]]), np.array([1, 0, 1])


def logits_of_1000():
    return np.array([[1000.0, 0.0], [0.0, -1000.0]]), np.array([1, 0])

# %% tags=["test"]
with checking("3.9 CELoss.value", "a sum over rows, of minus the logarithm of the probability of the right class"):
    logits, labels = logits_by_hand()
    reason = "the sum over the samples, not the mean; softmax over the columns of each row (axis=1)"
    factors = {
        1 / 3: "the sum over the samples, not the mean: not divided by n_b",
        1 / 2: "divided by the number of classes: the loss of a sample is one logarithm, that of its right class",
        1 / np.log(2): "np.log2 is the logarithm to the base 2: np.log is the natural one",
        1 / np.log(10): "np.log10 is the logarithm to the base 10: np.log is the natural one",
        -1: "the loss is minus the logarithm: a positive number",
    }
    compare_factors("value, by hand", CELoss().value(logits, labels), np.log(32 / 3), reason, factors)
    compare("z after value", logits, logits_by_hand()[0], "the array that was given is not to be changed")
    compare("value of equal logits, 7 samples", CELoss().value(np.zeros((7, 10)), np.arange(7)), 7 * np.log(10), reason)
    reason = (
        "subtract the row's maximum first, of each row its own; add nothing inside the logarithm, and take that of the "
        "sum: a p may be rounded to 0, and ln 0 is infinite"
    )
    with np.errstate(all="ignore"):
        compare("value of large logits", CELoss().value(*logits_of_1000()), 1000.0, reason)

with checking(
    "3.10 CELoss.derivative", "it has the shape of z, and is made of its own z and y: value may not have run"
):
    logits, labels = logits_by_hand()
    dz_logits = CELoss().derivative(logits, labels)
    compare("z after derivative", logits, logits_by_hand()[0], "z is not to be changed: work on a copy")
    reason = "softmax minus one-hot: 1 less at [np.arange(len(y)), y], once; not divided by n_b"
    expected = np.array([[1, -1], [-2, 2], [3, -3]]) / 4
    compare("derivative, by hand", dz_logits, expected, reason, n=3)
    with np.errstate(all="ignore"):
        dz_logits = CELoss().derivative(*logits_of_1000())
    compare("derivative of large logits", dz_logits, [[1.0, -1.0], [0.0, 0.0]], "subtract the row's maximum first")
    logits = logits.astype(np.float32)
    same_dtype("dtype of the derivative", CELoss().derivative(logits, labels), logits)

# %%
class LossAlone:
    """A loss as `gradient_rows` takes it: logits go in and come out."""

    def forward(self, z):
        return z

    def backward(self, dz):
        return dz


def network_rows(case, model, x, y, others=None):
    """The rows of a model whose cost is the cross-entropy of the labels y."""
    ce = CELoss()
    return gradient_rows(case, model, x, lambda z: float(ce.value(z, y)), lambda z: ce.derivative(z, y), others)

# %% tags=["test", "table"]
def loss_rows():
    for n in (1, 7):
        draw = np.random.default_rng(n)
        yield from network_rows(f"batch of {n}", LossAlone(), draw.normal(0, 2, (n, 10)), draw.integers(0, 10, n))


table_of(loss_rows(), "3.10 gradient of CELoss", "softmax minus one-hot, without 1/n_b")

# %% tags=["test"]
with checking("3.10 the steps and the formula", "softmax minus one-hot is what the eight steps come to"):
    draw = np.random.default_rng(2)
    logits, labels = draw.normal(0, 2, (7, 10)), draw.integers(0, 10, 7)
    stepwise = steps_backward(steps_forward(logits, labels)[1], labels)["z"]
    compare("dz", CELoss().derivative(logits, labels), stepwise, "3.8.1 and 3.10 are the same derivative")

# %% [markdown]
# ## `MLP`: any number of layers and units
#
# $$X \to \boxed{\text{linear}} \to \boxed{\sigma} \to \boxed{\text{linear}} \to \boxed{\sigma} \to \dots \to
# \boxed{\text{linear}} \to Z$$
#
# **The last layer is linear.** Its outputs are logits, and `CELoss` makes probabilities of them. An activation after
# the last layer is the most frequent mistake of this exercise; at the end of the notebook you see what it does.
#
# Forward goes through the layers from the first to the last, backward from the last to the first. Each layer gets what
# its neighbour returned:
#
# $$dZ^{[l]} = dA^{[l]} \odot \sigma'(Z^{[l]}), \qquad dA^{[l-1]} = dZ^{[l]} W^{[l]}$$

# %%
class MLP:
    """Linear, sigmoid, linear, ..., linear: `nunits` are the units of the hidden layers and of the output."""

    def __init__(self, nx, nunits):
        self.nx = nx
        self.nlayers = len(nunits)
        self.nclasses = nunits[-1]
        ### YOUR CODE START ###
        #! 3.11 MLP.__init__: set self.nunits (nunits with nx in front) and self.layers (a list)
        #? [nx, *nunits] is a new list; insert would change the list of the caller.
        #? zip(self.nunits, self.nunits[1:]) gives the pairs (inputs, outputs).
        #? Every sigmoid remembers its own z: each needs an object of its own.
        self.nunits = [nx, *nunits]
        self.layers = []
        for n_in, n_out in zip(self.nunits, self.nunits[1:]):
            self.layers += [LinearLayer(n_in, n_out), SigmoidActivation()]
        del self.layers[-1]
        ### YOUR CODE END ###

    def forward(self, x):
        """From x (n_b, nx) to the logits (n_b, nclasses)."""
        ### YOUR CODE START ###
        #! 3.12 MLP.forward: through all layers
        #? The output of a layer is the input of the next.
        for layer in self.layers:
            x = layer.forward(x)
        return x
        ### YOUR CODE END ###

    def backward(self, dy):
        """From the derivative by the logits to the derivative by x; every layer sets its gradients."""
        ### YOUR CODE START ###
        #! 3.13 MLP.backward: through all layers, from the last to the first
        #? reversed(self.layers)
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy
        ### YOUR CODE END ###

    def update(self, lr):
        """One step of gradient descent in every layer."""
        ### YOUR CODE START ###
        #! 3.14 MLP.update: every layer
        for layer in self.layers:
            layer.update(lr)
        ### YOUR CODE END ###


def linear_layers(model):
    return [part for part in model.layers if isinstance(part, LinearLayer)]

# %% tags=["test"]
with checking("3.11 MLP.__init__", "linear, sigmoid, ..., linear, with the sizes of neighbours in common"):
    asked = [9, 7, 5]
    built = MLP(12, asked)
    came = [type(part).__name__ for part in built.layers]
    kinds = ["LinearLayer", "SigmoidActivation", "LinearLayer", "SigmoidActivation", "LinearLayer"]
    reason = "no activation after the last layer (its outputs are the logits), one between all others"
    expect("layers of MLP(12, [9, 7, 5])", came == kinds, kinds, came, reason)
    reason = "every sigmoid an object of its own: made inside the loop. A shared one remembers the last z only"
    expect("objects in layers", len({id(part) for part in built.layers}) == 5, "5 different ones", "fewer", reason)
    compare("the caller's nunits", asked, [9, 7, 5], "insert changes the caller's list: make a new one")
    compare("self.nunits", built.nunits, [12, 9, 7, 5], "nx in front of nunits")
    reason = "the outputs of a layer are the inputs of the next: LinearLayer(inputs, outputs)"
    came = [np.shape(part.w) for part in linear_layers(built)]
    compare("shapes of w", came, [(9, 12), (7, 9), (5, 7)], reason)
    built = MLP(3, [2])
    came = [type(part).__name__ for part in built.layers]
    expect(
        "layers of MLP(3, [2])", came == ["LinearLayer"], ["LinearLayer"], came, "without hidden layers, one is left"
    )

# %% [markdown]
# **Forward by hand.** Two inputs, two sigmoid units, two outputs, $x = (1, 1)$:
#
# $$Z^{[1]} = (0, \ln 3), \quad A^{[1]} = (\tfrac{1}{2}, \tfrac{3}{4}), \quad
# Z^{[2]} = (2 \cdot \tfrac{1}{2} + 4 \cdot \tfrac{3}{4} + 1, \; -4 \cdot \tfrac{1}{2} + 0) = (5, -2)$$

# %%
def network_by_hand():
    model = in_float64(MLP(2, [2, 2]))
    first, last = linear_layers(model)
    first.w, first.b = np.array([[2.0, -2.0], [1.0, -1.0]]), np.array([0.0, np.log(3.0)])
    last.w, last.b = np.array([[2.0, 4.0], [-4.0, 0.0]]), np.array([1.0, 0.0])
    return model, np.array([[1.0, 1.0]])

# %% tags=["test"]
with checking("3.12 MLP.forward", "each layer takes what the layer before it returned"):
    small, x_small = network_by_hand()
    reason = "logits are no probabilities: outputs between 0 and 1 come from an activation after the last layer"
    compare("logits", small.forward(x_small), [[5.0, -2.0]], reason)
    compare("x after forward", x_small, [[1.0, 1.0]], "forward must not change the array it was given")
    reason = "each forward pass computes with the numbers that w and b have now"
    linear_layers(small)[-1].b = np.array([2.0, 1.0])
    compare("logits with other biases", small.forward(x_small), [[6.0, -1.0]], reason)

# %% [markdown]
# ## The whole network: exercise 3 a)
#
# Every weight, every bias and the input of a network with three linear layers, and of a deeper one with four, for
# batches of 1 and of 7 samples. The cost is the cross-entropy. Two independent judges:
#
# * **differences** of the cost: two forward passes for every number;
# * **autograd**: the same network built from PyTorch's own modules, with the same numbers. Not a line of our code takes
#   part in its backward pass.
#
# Both work in float64. Autograd makes rounding errors only, so expect about $10^{-15}$ there. Differences are good to
# about $10^{-9}$; small gradients, as in the first layers of a deep network, lose digits first in relative terms.

# %% tags=["test", "table"]
def autograd(model, x, y):
    """The gradients of the same network by PyTorch, with the names of `gradient_rows`: parameters of the mean cost."""
    modules, names = [], []
    for number, part in enumerate(model.layers):
        if isinstance(part, LinearLayer):
            module = torch.nn.Linear(part.nx, part.nh, dtype=torch.float64)
            module.load_state_dict({"weight": torch.tensor(part.w), "bias": torch.tensor(part.b)})
            names += [f"layers[{number}].w", f"layers[{number}].b"]
        else:
            module = torch.nn.Sigmoid() if isinstance(part, SigmoidActivation) else torch.nn.ReLU()
        modules.append(module)
    reference = torch.nn.Sequential(*modules)
    inputs = torch.tensor(x, requires_grad=True)
    torch.nn.functional.cross_entropy(reference(inputs), torch.tensor(y), reduction="sum").backward()
    gradients = {name: p.grad.numpy() / len(x) for name, p in zip(names, reference.parameters())}
    return gradients | {"x": inputs.grad.numpy()}


def rows_of_networks():
    draw_again(0)
    for units in ([9, 7, 5], [6, 6, 6, 5]):
        for n in (1, 7):
            model = in_float64(MLP(12, units))
            draw = np.random.default_rng(n)
            x, y = draw.normal(size=(n, 12)), draw.integers(0, 5, n)
            others = {"autograd": autograd(model, x, y)} if torch else {}
            yield from network_rows(f"{'-'.join(map(str, [12, *units]))}, batch of {n}", model, x, y, others)


if not torch:
    print("PyTorch is not installed: the columns of autograd are left out.")
reason = "last layer first; every sigmoid an object of its own; the 1/n_b in dw and db"
table_of(rows_of_networks(), "3.13 gradients of MLP", reason)

# %% [markdown]
# One more judge, for the network that we are going to train, in float32 as in training: `mlpc.MLP`, the same network
# in C. Its loss is the mean, so that its gradients of $W$ and $b$ are ours. Float32 has 7 digits; expect $10^{-7}$ to
# $10^{-6}$.

# %%
from mlpc.course import load_data

(x_full, y_full), (x_test, y_test) = load_data(DATA)
n_pixels = x_full.shape[1]


def twin(model, activation="sigmoid", **options):
    """The same network as an `mlpc.MLP`: same sizes, same numbers."""
    numbers = [array for part in linear_layers(model) for array in (part.w, part.b)]
    return mlpc.MLP(model.nunits, activation, init=numbers, **options)

# %% tags=["test"]
with checking("3.14 MLP.update", "update of every layer"):
    draw_again(0)
    ours = MLP(n_pixels, [100, 10])
    theirs = twin(ours)
    ours.backward(CELoss().derivative(ours.forward(x_full[:64]), y_full[:64]))
    theirs.loss_and_grad(x_full[:64], y_full[:64])
    reason = "gradients of the mean over the 64 samples"
    for mine, other in zip(linear_layers(ours), theirs.layers[::2]):
        compare("dw beside mlpc.MLP", mine.dw, other.weight_grad, reason, tolerance=1e-5, n=64)
        compare("db beside mlpc.MLP", mine.db, other.bias_grad, reason, tolerance=1e-5, n=64)
    ours.update(0.5)
    mlpc.optim.SGD(theirs, lr=0.5).step()
    reason = "update has to reach every layer, each once, with the lr that it was given"
    for mine, other in zip(linear_layers(ours), theirs.layers[::2]):
        compare("w after a step", mine.w, other.weight, reason, tolerance=1e-5)
        compare("b after a step", mine.b, other.bias, reason, tolerance=1e-5)

# %% [markdown]
# ## The graph, drawn
#
# The network of the test by hand, one sample, the label 1. Above each arrow stands what goes forward, below it what
# comes back: the derivative of the loss by the same array. Each box needs only what stands at its own arrows.

# %% tags=["plot"]
from mlpc.plot.figure import new_figure


def text_of(array):
    """Numbers with two decimals at most, a line per row."""
    rows = [", ".join(f"{number:.2f}".rstrip("0").rstrip(".") for number in row) for row in np.atleast_2d(array)]
    return "\n".join(f"({row})" for row in rows).replace("(-0,", "(0,")


def graph_of(model, x, y):
    """Boxes for the layers and the loss; values above the arrows, derivatives below; parameters under their boxes."""
    loss, values = CELoss(), [x]
    for part in model.layers:
        values.append(part.forward(values[-1]))
    slopes = [loss.derivative(values[-1], y)]
    for part in reversed(model.layers):
        slopes.insert(0, part.backward(slopes[0]))
    names = ["x", "linear 1", "sigmoid", "linear 2", "CELoss"]
    figure = new_figure(11, 3.6)
    axes = figure.subplots()
    axes.set(xlim=(-0.3, 4.45), ylim=(-1.3, 0.55))
    axes.axis("off")
    box = {"boxstyle": "round,pad=0.6", "facecolor": "0.95", "edgecolor": "0.2"}
    for place, name in enumerate(names):
        axes.text(place, 0, name, ha="center", va="center", fontsize=12, bbox=box, zorder=3)
    for place, (name, value, slope) in enumerate(zip(["x", "z1", "a1", "z2"], values, slopes)):
        axes.annotate("", (place + 0.75, 0), (place + 0.25, 0), arrowprops={"arrowstyle": "-|>", "color": "0.2"})
        axes.text(place + 0.5, 0.15, f"{name}\n{text_of(value)}", ha="center", va="bottom", color="#0072B2")
        axes.text(place + 0.5, -0.15, f"d{name}\n{text_of(slope)}", ha="center", va="top", color="#B34700")
    cost = f"L\n{float(loss.value(values[-1], y)):.2f}"
    axes.text(4, 0.15, cost, ha="center", va="bottom", color="#0072B2")
    for place, part in zip((1, 3), linear_layers(model)):
        for side, prefix, colour in ((-0.06, "", "#0072B2"), (0.06, "d", "#B34700")):
            w, b = getattr(part, f"{prefix}w"), getattr(part, f"{prefix}b")
            text = f"{prefix}W\n{text_of(w)}\n\n{prefix}b\n{text_of(b)}"
            axes.text(place + side, -0.55, text, ha="right" if side < 0 else "left", va="top", color=colour)
    return figure


graph_of(*network_by_hand(), np.array([1]))

# %%
def gradient_figures():
    """The largest differences of the tables above, for your comments."""
    table = pd.DataFrame(list(rows_of_networks()))
    for column in [name for name in table if name.endswith(("absolute", "relative"))]:
        print(f"{column}: at most {table[column].astype(float).max():.0e}")
    one, seven = (table[table["case"].str.contains(f"batch of {n}$")] for n in (1, 7))
    print(f"{len(one)} rows with one sample, {len(seven)} with seven")
    print(f"allowed: a relative difference of {ALLOWED:g}, or an absolute one of {NOISE:g}")


gradient_figures()

# %% [markdown] tags=["student", "comment"]
# **Your comments on the gradients.** How large are the differences, and is that what the section on the tools lets you
# expect? Why are those of autograd so much smaller? Which mistakes would a batch of one sample never show?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Comments on the gradients.** All gradients pass. Beside differences, the absolute errors are near $10^{-10}$ and
# below, which is what rounding of the cost, divided by $2h$, lets us expect; in the first layers, where the gradients
# are small, that is more in relative terms. Autograd uses the same formulas in the same precision and is only rounded
# differently: fourteen digits agree, or more. With one sample, a missing $1/n_b$, a `db` that adds up everything along
# the wrong axis, or an average instead of a sum all look right. With seven they do not.

# %% [markdown]
# ## The three depths
#
# You have filled the blanks. There are three ways to do it, and all tests of this notebook pass with each of them:
#
# | blank | NumPy alone | `mlpc.ops` | `mlpc.MLP` |
# | --- | --- | --- | --- |
# | 3.1 initial values | `rng.normal`, `np.zeros` | the same | a network of one layer, `mlpc.MLP([nx, nh], init="course", seed=...)`; copy `net.layers[0].weight` and `.bias` |
# | 3.2, 3.3 linear layer | `@`, `sum` | `ops.linear_forward(x, w, b)`, `ops.linear_backward(dz, x, w)` gives dx, dw, db as sums: divide dw and db | `net = mlpc.MLP([nx, nh], dtype=w.dtype, init=[w, b])`, `net.forward(x)`, `net.backward(dz)`, then `net.layers[0].weight_grad`, `.bias_grad`: sums, too |
# | 3.5 to 3.8 activations | `np.tanh`, `np.maximum` | `ops.sigmoid_forward(z)`, `ops.sigmoid_backward(da, z)`, `ops.relu_forward(z)`, `ops.relu_backward(da, z)` | as with `mlpc.ops` |
# | 3.9, 3.10 loss | `np.exp`, `np.log` | `ops.cross_entropy(z, y, reduction="sum")` gives value and derivative | as with `mlpc.ops` |
# | 3.12, 3.13 network | a loop over the layers | the same | one `mlpc.MLP(nunits, activations, dtype=..., init=[w1, b1, w2, b2, ...])` made in forward, with a name for every activation in `layers`; in backward, its gradients divided by n_b become those of the layers |
# | 3.4, 3.14, 3.15 | the same at all depths | | |
#
# NumPy shows every formula. `mlpc.ops` has the same formulas as functions in C and asks you to know what belongs
# where; it takes float32 or float64, and refuses a mixture of both. `mlpc.MLP` does forward and backward of the whole
# network in one call, and asks you to know what the numbers it returns are divided by.
#
# All three count as answers. The lecturer sees which you gave: the cell below calls your functions, watches which part
# of `mlpc` runs, and prints a line for each. `python -m mlpc pack` repeats these lines. A loop over layers has the
# depth of its layers.

# %% tags=["test"]
def depth_lines():
    draw_again(0)
    x, y = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32), np.arange(7) % 3
    layer, sigmoid, relu = LinearLayer(4, 3), SigmoidActivation(), ReLUActivation()
    loss, model = CELoss(), MLP(4, [5, 3])
    z = layer.forward(x)
    for title, function, *arguments in [
        ("3.2 LinearLayer.forward", layer.forward, x),
        ("3.3 LinearLayer.backward", layer.backward, z),
        ("3.5 SigmoidActivation.forward", sigmoid.forward, z),
        ("3.6 SigmoidActivation.backward", sigmoid.backward, z),
        ("3.7 ReLUActivation.forward", relu.forward, z),
        ("3.8 ReLUActivation.backward", relu.backward, z),
        ("3.9 CELoss.value", loss.value, z, y),
        ("3.10 CELoss.derivative", loss.derivative, z, y),
        ("3.12 MLP.forward", model.forward, x),
        ("3.13 MLP.backward", model.backward, z),
    ]:
        print(f"depth: {title}: {depth_of(function, *arguments)}")


with checking("the depths of the answers", "a function that the tests above have passed fails here: run them again"):
    depth_lines()

# %% [markdown]
# ---
# ## Exercise 3 b): training
#
# One epoch goes through all samples once, in a new random order, in batches. For each batch: forward, the cost,
# backward, update. The last batch may be smaller. The mean cost of the epoch is the **sum** over all batches divided by
# the number of **samples**: `CELoss` gives sums already.

# %%
def train_epoch(model, loss, x, y, lr, batch_size, rng):
    """One epoch, in an order drawn with rng; returns the mean cost and the accuracy, met on the way."""
    order = rng.permutation(len(x))
    total, correct = 0.0, 0
    for start in range(0, len(x), batch_size):
        rows = order[start : start + batch_size]
        xb, yb = x[rows], y[rows]
        ### YOUR CODE START ###
        #! 3.15 train_epoch: one batch: logits, add to total and correct, backward, update
        #? The predicted class is the one with the largest logit: z.argmax(axis=1).
        #? total is a sum over samples; correct counts right predictions.
        z = model.forward(xb)
        total += float(loss.value(z, yb))
        correct += int((z.argmax(axis=1) == yb).sum())
        model.backward(loss.derivative(z, yb))
        model.update(lr)
        ### YOUR CODE END ###
    return total / len(x), correct / len(x)


def evaluate(model, loss, x, y, chunk=1000):
    """Mean cost and accuracy, without training; in chunks, which need less memory."""
    costs, hits = [], []
    for part in (slice(start, start + chunk) for start in range(0, len(x), chunk)):
        logits = model.forward(x[part])
        costs.append(float(loss.value(logits, y[part])))
        hits.append(np.count_nonzero(logits.argmax(axis=1) == y[part]))
    return sum(costs) / len(x), sum(hits) / len(x)

# %% [markdown]
# **Tests.** 23 samples in batches of 7: the last batch has two. With a learning rate of 0 the network stays as it is,
# and the figures of the epoch must be those of `evaluate`, to the last sample. With one batch of all samples, the
# weights must move by the learning rate times the slope of the *mean* cost, which `differences` knows independently.
# And the order must be the one that was drawn.

# %%
class InOrder:
    """In place of a generator: the order of the samples as they stand."""

    permutation = staticmethod(np.arange)


def small_network():
    """A network, the same at every call, 23 samples, and its loss."""
    draw_again(4)
    draw = np.random.default_rng(0)
    return in_float64(MLP(6, [5, 4])), draw.normal(0, 2, (23, 6)), draw.integers(0, 4, 23), CELoss()

# %% tags=["test"]
with checking("3.15 train_epoch", "forward, value, derivative, backward, update, in this order"):
    tiny, x23, y23, loss = small_network()
    met = train_epoch(tiny, loss, x23, y23, 0.0, 7, np.random.default_rng(1))
    there = evaluate(tiny, loss, x23, y23)
    reason = "total adds up loss.value of every batch; it is not divided in the loop"
    compare("cost at learning rate 0", met[0], there[0], reason)
    reason = "correct counts right predictions, z.argmax(axis=1) == yb; it is not divided in the loop"
    compare("accuracy at learning rate 0", met[1], there[1], reason)

    last_layer = linear_layers(tiny)[-1]
    downhill = -2 * slopes_of(tiny, x23, lambda z: float(loss.value(z, y23)), last_layer, "w")
    w_before = np.array(last_layer.w)
    met = train_epoch(tiny, loss, x23, y23, 2.0, 23, np.random.default_rng(1))
    reason = "one update per batch, after backward, downhill, by lr times the gradient of the mean"
    compare("change of w", last_layer.w - w_before, downhill, reason, n=23)
    reason = "cost and predictions are those of the logits before the update: one forward pass serves both"
    compare("cost and accuracy, one step", met, there, reason)

    tiny, x23, y23, loss = small_network()
    train_epoch(tiny, loss, x23, y23, 0.5, 7, np.random.default_rng(1))
    in_order, _, _, _ = small_network()
    drawn = np.random.default_rng(1).permutation(23)
    train_epoch(in_order, loss, x23[drawn], y23[drawn], 0.5, 7, InOrder)
    reason = "a batch is xb, yb: the rows in the order that was drawn, not x[start : start + batch_size]"
    compare("w after an epoch, shuffled", linear_layers(tiny)[0].w, linear_layers(in_order)[0].w, reason)

# %% [markdown]
# ## Before training: the cost at the start
#
# With all parameters 0 the logits are equal, every class gets the probability $\frac{1}{10}$, and the cost is $\ln 10 =
# 2.303$ exactly. Any other cost tells you that something is wrong.
#
# "The cost starts at $\ln 10$" is often said of every network. It is true for PyTorch's initial values: its last
# layer has weights between $\pm 1/\sqrt{n_x}$, and the logits are small. Ours has the standard deviation
# $1/\sqrt{n_h} = 1/\sqrt{10}$ with ten outputs, so that the logits are large: a sum over 100 units with
# $a \approx \frac{1}{2}$ has the variance $\sigma^2 = \frac{1}{10} \sum_k a_k^2$, about 3. The network begins by
# being *wrong with conviction*. How much does that cost? For logits with variance $\sigma^2$ that know nothing about
# the label, Jensen's inequality gives
#
# $$\ln 10 \;\le\; E[L] = E\Big[\ln \sum_c e^{z_c}\Big] - E[z_y] \;\le\; \ln 10 + \frac{\sigma^2}{2}$$
#
# This holds on average over the draws of the weights; the table shows five draws. Expect 2.5 to 5 for one
# of them, and 3 to 4 for their mean.

# %% tags=["test", "table"]
def start(name, networks):
    costs, variances = [], []
    for network in networks:
        logits = network.forward(x_full[:1000])
        costs.append(float(CELoss().value(logits, y_full[:1000])) / 1000)
        variances.append(float(np.var(logits)))
    return {
        "initial values": name,
        "cost, smallest": min(costs),
        "cost, mean": np.mean(costs),
        "cost, largest": max(costs),
        "mean variance of the logits": np.mean(variances),
        "ln 10 + variance / 2": np.log(10) + np.mean(variances) / 2,
    }


with checking("cost at the start", "see 3.1 and 3.9"):
    draw_again(1)
    starts = [
        start("all 0", [mlpc.MLP([n_pixels, 100, 10], "sigmoid", init="zeros")]),
        start("PyTorch's", [mlpc.MLP([n_pixels, 100, 10], "sigmoid", init="torch", seed=seed) for seed in range(5)]),
        start("the course's, this notebook's", [MLP(n_pixels, [100, 10]) for _ in range(5)]),
    ]
    # Four digits: who adds up 1,000 losses one after the other, in float32, has no more.
    compare("cost with all parameters 0", starts[0]["cost, largest"], np.log(10), "see 3.9", tolerance=1e-4)
    came = starts[2]["cost, mean"]
    reason = "initial weights have the standard deviation 1/sqrt(nh), nh outputs"
    expect("cost at the start", 2.7 < came < 5, "a mean between 2.7 and 5", round(came, 2), reason)

pd.DataFrame(starts).set_index("initial values").round(3)

# %% [markdown]
# ## Before training: learn one batch by heart
#
# A network that cannot learn 64 samples by heart has a mistake in it, and it is faster to see it here than in an epoch.
# All 64 are one batch, so that an epoch is one step. At learning rate 1.0 MNIST takes about 12 epochs, and
# hardly ever more than 20. (The 8 x 8 digits have fewer pixels, therefore smaller gradients of the first weights, and
# take about 80.)

# %% tags=["test"]
with checking("64 samples learnt by heart", "a gradient is wrong, or its 1/n_b"):
    draw_again(1)
    pupil, allowed = MLP(n_pixels, [100, 10]), 25 if DATA == "mnist" else 200
    for epoch in range(1, allowed + 1):
        met = train_epoch(pupil, CELoss(), x_full[:64], y_full[:64], 1.0, 64, np.random.default_rng(epoch))
        if epoch % (allowed // 5) == 0:
            print(f"epoch {epoch:3}: cost {met[0]:.3f}, accuracy {met[1]:.1%}")
    learnt = evaluate(pupil, CELoss(), x_full[:64], y_full[:64])[1]
    compare(f"accuracy after {allowed} epochs", learnt, 1.0, "a gradient is wrong, or its 1/n_b")

# %% [markdown]
# ## Before training: a learning-rate range test
#
# How large may the learning rate be? The range test (Smith 2017) trains for 100 steps while the rate grows from step to
# step, and looks at the cost: nothing happens, then it falls, then it explodes. A good rate lies where the cost falls
# fast, well before it explodes. The test runs on the twin in `mlpc.MLP`; network, initial values and batches are the
# same, so its answer holds for ours. It changes nothing.

# %% tags=["plot"]
draw_again(1)
lr_range = mlpc.lr_range_test(twin(MLP(n_pixels, [100, 10])), x_full, y_full, lr_min=1e-3, lr_max=100.0, batch_size=64)
print(lr_range)
mlpc.plot.lr_range({f"{n_pixels}-100-10, sigmoid": lr_range})

# %% [markdown]
# ## Training and validation
#
# The same split as in exercise 2: every class has its share in both parts. The test set stays untouched until the end.

# %%
EPOCHS = 10 if DATA == "mnist" else 40
BATCH_SIZE = 64
SEEDS = (0, 1, 2)
CURVES = ("loss", "accuracy", "val_loss", "val_accuracy")
train_rows, val_rows = mlpc.datasets.stratified_split(y_full, 10_000 if DATA == "mnist" else 287, seed=0)
x_train, y_train, x_val, y_val = x_full[train_rows], y_full[train_rows], x_full[val_rows], y_full[val_rows]
print(f"{len(x_train):,} samples for training, {len(x_val):,} for validation, {len(x_test):,} for the test at the end")


def train(model, lr, seed=0, epochs=EPOCHS, batch_size=BATCH_SIZE):
    """Train with CELoss; returns cost and accuracy of every epoch. Each network meets the samples in its own orders."""
    order = np.random.default_rng([seed, *model.nunits])
    history = {name: [] for name in CURVES}
    for _ in range(epochs):
        met = train_epoch(model, CELoss(), x_train, y_train, lr, batch_size, order)
        for name, figure in zip(CURVES, (*met, *evaluate(model, CELoss(), x_val, y_val))):
            history[name].append(figure)
    return history


def with_relu(model):
    """The same model with ReLU in the place of every sigmoid."""
    model.layers = [ReLUActivation() if isinstance(part, SigmoidActivation) else part for part in model.layers]
    return model


def model_of(units, activation="sigmoid", seed=0):
    """A network of the classes above, its initial weights drawn from a seed."""
    draw_again(seed)
    model = MLP(n_pixels, units)
    return with_relu(model) if activation == "relu" else model

# %% [markdown]
# Three networks: the one of the sheet, a deeper one, and the deeper one with ReLU instead of sigmoids. ReLU units need
# a smaller learning rate. Add networks of your own. First the gradients of the ReLU network, as above:

# %% tags=["test", "table"]
def rows_with_relu():
    draw_again(0)
    draw = np.random.default_rng(5)
    model = with_relu(in_float64(MLP(12, [9, 7, 5])))
    x, y = draw.normal(size=(7, 12)), draw.integers(0, 5, 7)
    others = {"autograd": autograd(model, x, y)} if torch else {}
    return network_rows("12-9-7-5 with ReLU, batch of 7", model, x, y, others)


table_of(rows_with_relu(), "gradients of an MLP with ReLU", "the activations that count are those in the list `layers`")

# %% [markdown]
# One run each, with the seed 0:

# %%
SHEET = f"{n_pixels}-100-10, sigmoid, lr 1"
networks = {
    SHEET: ([100, 10], "sigmoid", 1.0),
    f"{n_pixels}-128-64-10, sigmoid, lr 1": ([128, 64, 10], "sigmoid", 1.0),
    f"{n_pixels}-128-64-10, ReLU, lr 0.1": ([128, 64, 10], "relu", 0.1),
}
models = {name: model_of(units, activation) for name, (units, activation, _) in networks.items()}
first_runs = {}
for name, (_, _, lr) in networks.items():
    begin = time.perf_counter()
    first_runs[name] = train(models[name], lr)
    seconds = time.perf_counter() - begin
    print(f"{name}: validation accuracy {first_runs[name]['val_accuracy'][-1]:.2%}, {seconds:.1f} s")

# %% [markdown]
# A single run may be lucky. Each network with two other draws of the initial weights and of the order of the samples:

# %%
second_runs = {
    name: train(model_of(units, activation, seed=1), lr, seed=1) for name, (units, activation, lr) in networks.items()
}

# %%
histories = {
    name: [first_runs[name], second_runs[name], train(model_of(units, activation, seed=2), lr, seed=2)]
    for name, (units, activation, lr) in networks.items()
}

# %% [markdown]
# The line is the mean of the three runs, the band reaches from the least to the greatest. The training figures are met
# on the way through the epoch, while the network still learns; those of validation come after it. That is why
# validation may look better in the first epochs.

# %% tags=["plot"]
mlpc.plot.learning_curves(histories)

# %% tags=["table"]
def mean_and_spread(values, form=".2%"):
    """A text: the mean, with the standard deviation where there are several values."""
    return f"{np.mean(values):{form}}" + (f" ± {np.std(values, ddof=1):{form}}" if len(values) > 1 else "")


def ties(scores):
    """The name of the best mean, and those that are no farther from it than the seeds of either scatter."""
    means = {name: np.mean(values) for name, values in scores.items()}
    known = {name: np.std(values, ddof=1) for name, values in scores.items() if len(values) > 1}
    largest = max(known.values(), default=0.0)  # stands in where there is a single run
    spread = {name: known.get(name, largest) for name in scores}
    best = max(means, key=means.get)
    others = [name for name in scores if name != best]
    return best, [name for name in others if means[best] - means[name] <= max(spread[best], spread[name])]


def tie_sentence(scores):
    best, tied = ties(scores)
    if not tied:
        return f"{best} is best, and farther from all others than the seeds scatter"
    return f"{best} is best by its mean; a tie, within the spread of the seeds, with: {'; '.join(tied)}"


def accuracies(runs):
    """The validation accuracy of several runs, after their last epochs."""
    return [run["val_accuracy"][-1] for run in runs]


def epochs_to(run, share):
    """The first epoch after which the validation accuracy is at least `share`, as a text."""
    there = np.flatnonzero(np.array(run["val_accuracy"]) >= share)
    return str(there[0] + 1) if there.size else "never"


def training_row(name, runs):
    """Figures for your comments, of several runs of one network."""
    lowest = [1 + int(np.argmin(run["val_loss"])) for run in runs]
    return {
        "network": name,
        "validation accuracy, first epoch": mean_and_spread([run["val_accuracy"][0] for run in runs]),
        "last epoch": mean_and_spread(accuracies(runs)),
        "training cost, last epoch": mean_and_spread([run["loss"][-1] for run in runs], ".4f"),
        "validation cost, last epoch": mean_and_spread([run["val_loss"][-1] for run in runs], ".4f"),
        "lowest validation cost, in epochs": ", ".join(map(str, lowest)),
        "90 % after epoch": ", ".join(epochs_to(run, 0.9) for run in runs),
    }


print("After the last epoch:", tie_sentence({name: accuracies(runs) for name, runs in histories.items()}))
pd.DataFrame([training_row(*item) for item in histories.items()]).set_index("network")

# %% [markdown] tags=["student", "comment"]
# **Your comments on the training.** Do training and validation drift apart, and from which epoch on? Is the deeper
# network better, and does it learn as fast at the start? What does ReLU change? Would more epochs help?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Comments on the training.** All three networks learn. The training cost falls to the end, while the validation
# cost levels off: the gap between the dashed and the solid line is overfitting. At a constant learning rate the
# validation curves go up and down from one epoch to the next, and their bands are wide: the last epoch alone is a noisy
# judge, and a falling learning rate should help more than more epochs. The deeper sigmoid network starts most slowly:
# the gradients of its first layer went through two sigmoids, each with a derivative of at most $\frac{1}{4}$. ReLU has
# the derivative 1 where a unit is active; the same sizes start faster with a tenth of the learning rate. Whether one of
# the three is better, the computed sentence says: what it calls a tie, we do not decide.

# %% [markdown]
# ## Beside exercise 2
#
# Exercise 2 left two files in this folder: `pw03_runs.jsonl` with every run, and `pw03_favourite.json` with what you
# chose: the tuned learning rate of each variant, its epochs, and the favourite with its figures on the test set. From
# them come the runs at your tuned rates and full budgets. Where the files are missing, exercise 2 comes first; until
# then, four fixed variants stand in for yours.

# %%
RECORDS, CHOICE = Path("pw03_runs.jsonl"), Path("pw03_favourite.json")


def exercise_2():
    """The runs at the rates and budgets that exercise 2 chose, and its favourite; None where it left nothing."""
    absent = [path.name for path in (RECORDS, CHOICE) if not path.exists()]
    if absent:
        print(f"Exercise 2 comes first: there is no {' and no '.join(absent)} here. Fixed variants stand in for yours.")
        return None
    choice = json.loads(CHOICE.read_text(encoding="utf-8"))
    if choice["data"] != DATA:
        print(f"Exercise 2 comes first, on {DATA}: it was run on {choice['data']}. Fixed variants stand in for yours.")
        return None
    runs = pd.DataFrame([json.loads(line) for line in RECORDS.read_text(encoding="utf-8").splitlines()])
    rates, budgets = (runs["variant"].map(choice[key]).astype(float) for key in ("chosen", "epochs"))
    whole = np.isclose(runs["lr"], rates) & (runs["epochs"] == budgets) & (runs["error"] == "")
    runs = runs[whole & (runs["sizes"].str[0] == n_pixels)]
    if not plain(runs).any() or choice["favourite"] not in set(runs["variant"]):
        print("Exercise 2 comes first: no runs of the favourite, or of a plain network, at the rates that it chose.")
        return None
    return runs.drop_duplicates(["variant", "seed"], keep="last"), choice


def plain(runs):
    """Whether a run is of a network, and trained in a way, that the classes of this notebook know."""
    known = [row.activation in ("sigmoid", "relu") and len(row.sizes) > 2 for row in runs.itertuples()]
    descent = (runs["optimizer"] == "sgd") & (runs["momentum"] == 0) & (runs["weight_decay"] == 0)
    return pd.Series(known, runs.index, bool) & descent & (runs["schedule"] == "constant")


left = exercise_2()
if left is None:
    fixed = {
        "linear": {"sizes": [n_pixels, 10], "lr": 0.1},
        "sigmoid 100": {"sizes": [n_pixels, 100, 10], "activation": "sigmoid", "init": "course", "lr": 1.0},
        "relu 100": {"sizes": [n_pixels, 100, 10], "activation": "relu", "lr": 0.1},
        "relu 128-64": {"sizes": [n_pixels, 128, 64, 10], "activation": "relu", "lr": 0.1},
    }
    records = mlpc.sweep(
        fixed,
        (x_train, y_train),
        validation_data=(x_val, y_val),
        seeds=SEEDS,
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        records="pw03_fixed_runs.jsonl",
    )
    choice = {"favourite": records.groupby("variant")["val_accuracy"].mean().idxmax()}
else:
    records, choice = left
whose = "fixed" if left is None else "exercise 2"
print(f"{len(records)} runs of {records['variant'].nunique()} variants; the favourite is {choice['favourite']!r}")

# %% [markdown]
# **One of these networks in your classes.** The best of those that are plain: sigmoid or ReLU, a constant learning
# rate, no momentum, no weight decay, and small enough for NumPy to train it in about half a minute. It gets what it had
# in exercise 2: the split, the initial values of the same seed, batch size, learning rate, epochs. Only the order of
# the samples is drawn by another generator.

# %%
AFFORDABLE = 2e11  # parameters times samples times epochs, of one cell


def work(row):
    return row["n_parameters"] * len(x_train) * row["epochs"]


def best_plain(runs):
    """A row of the plain variant with the best mean validation accuracy; the smallest, where none is small enough."""
    rows = runs[plain(runs)]
    within = rows[[work(row) <= AFFORDABLE for _, row in rows.iterrows()]]
    if within.empty:
        return rows.loc[rows["n_parameters"].idxmin()]
    best = within.groupby("variant")["val_accuracy"].mean().idxmax()
    return within[within["variant"] == best].iloc[0]


def same_network(row, seed):
    """A network of exercise 2 in the classes above, with its initial values."""
    origin = mlpc.MLP(row["sizes"], row["activation"], init=row["init"], seed=seed)
    model = MLP(row["sizes"][0], row["sizes"][1:])
    for mine, theirs in zip(linear_layers(model), origin.layers[::2]):
        mine.w, mine.b = np.array(theirs.weight, order="C"), np.array(theirs.bias)
    return with_relu(model) if row["activation"] == "relu" else model


def train_same(model, row, seed):
    return train(model, row["lr"], seed, int(row["epochs"]), int(row["batch_size"]))


twin_row = best_plain(records)
twin_name = twin_row["variant"]
twin_model = same_network(twin_row, 0)
twin_run = train_same(twin_model, twin_row, 0)
print(f"{twin_name}, lr {twin_row['lr']:g}, {twin_row['epochs']} epochs: {twin_run['val_accuracy'][-1]:.2%}")

# %% [markdown]
# Other seeds, as many as take no longer than the first network may:

# %%
twin_seeds = SEEDS[: 1 + int(AFFORDABLE // work(twin_row))]
twin_runs = [twin_run] + [train_same(same_network(twin_row, seed), twin_row, seed) for seed in twin_seeds[1:]]
print(f"{len(twin_runs)} runs of ours")

# %% [markdown]
# What differs? The first row is your network; the last column names what is different from it in the others.

# %% tags=["table"]
SETTINGS = {
    "sizes": "sizes",
    "activation": "activation",
    "init": "initial values",
    "lr": "learning rate",
    "momentum": "momentum",
    "weight_decay": "weight decay",
    "schedule": "schedule",
    "batch_size": "batch size",
    "epochs": "epochs",
}


def settings_of(name, row):
    texts = {title: str(row[key]) for key, title in SETTINGS.items()}
    different = [title for key, title in SETTINGS.items() if str(row[key]) != str(twin_row[key])]
    last = ", ".join(different) or "nothing but the order of the samples"
    return {"network": name, **texts, "different from ours": last}


def first_of(variant):
    return records[records["variant"] == variant].iloc[0]


beside = dict.fromkeys([twin_name, choice["favourite"]])  # one, where the favourite is plain
pd.DataFrame(
    [settings_of(f"ours: {twin_name}", twin_row) | {"different from ours": ""}]
    + [settings_of(f"{whose}: {name}", first_of(name)) for name in beside]
).set_index("network")

# %% [markdown]
# And what came of it? Mean and spread of the seeds, after the last epoch. Training figures are those met on the way
# through the last epoch, in both exercises. Nothing in this table is typed.

# %% tags=["table"]
def row_of(name, sizes, activation, lr, runs, test=""):
    """One row of the comparison, from the last epochs of some runs."""
    last = {key: [run[key][-1] for run in runs] for key in CURVES}
    return {
        "network": name,
        "hidden units": "-".join(map(str, sizes[1:-1])),
        "activation": activation if len(sizes) > 2 else "",
        "lr": f"{lr:g}",
        "epochs": len(runs[0]["loss"]),
        "parameters": f"{sum((i + 1) * o for i, o in zip(sizes, sizes[1:])):,}",
        "runs": len(runs),
        "training cost": mean_and_spread(last["loss"], ".4f"),
        "training accuracy": mean_and_spread(last["accuracy"]),
        "validation cost": mean_and_spread(last["val_loss"], ".4f"),
        "validation accuracy": mean_and_spread(last["val_accuracy"]),
        "test accuracy": test,
    }


def compared():
    """A row for every network of this exercise, and for every variant of the other, the best first."""
    for name, runs in histories.items():
        units, activation, lr = networks[name]
        yield row_of(f"ours: {name}", [n_pixels, *units], activation, lr, runs)
    yield row_of(f"ours: {twin_name}", twin_row["sizes"], twin_row["activation"], twin_row["lr"], twin_runs)
    order = records.groupby("variant")["val_accuracy"].mean().sort_values(ascending=False).index
    for name in order:
        runs, test = records[records["variant"] == name], ""
        if name == choice["favourite"] and "test_accuracy" in choice:
            test = f"{choice['test_accuracy']:.2%}"
        first = runs.iloc[0]
        yield row_of(f"{whose}: {name}", first["sizes"], first["activation"], first["lr"], list(runs["history"]), test)


pd.DataFrame(list(compared())).set_index("network")

# %%
def comparison_figures():
    """Figures for your comments."""
    ours = accuracies(twin_runs)
    theirs = accuracies(records.loc[records["variant"] == twin_name, "history"])
    gap = np.mean(ours) - np.mean(theirs)
    print(f"{twin_name}: ours {mean_and_spread(ours)}, {whose} {mean_and_spread(theirs)}, ours minus theirs {gap:+.2%}")
    _, tied = ties({"ours": ours, whose: theirs})
    print("That is", "a tie: less than the seeds scatter." if tied else "more than the seeds scatter.")
    every = twin_runs + list(records.loc[records["variant"] == twin_name, "history"])
    jump = np.mean([np.abs(np.diff(run["val_accuracy"][len(run["val_accuracy"]) // 2 :])).mean() for run in every])
    print(f"From one epoch to the next, in the second half, the validation accuracy of a run changes by {jump:.2%}.")
    variants = {name: accuracies(runs["history"]) for name, runs in records.groupby("variant", sort=False)}
    print(f"{whose}, {len(variants)} variants: {tie_sentence(variants)}")


comparison_figures()

# %% tags=["plot"]
mlpc.plot.learning_curves(
    {f"ours: {twin_name}": twin_runs}
    | {f"{whose}: {name}": list(records.loc[records["variant"] == name, "history"]) for name in beside}
)

# %% [markdown] tags=["student", "comment"]
# **Your comparison with exercise 2.** Does your network reach what the same network in `mlpc.MLP` reaches, within the
# spread? Which of your networks of exercise 2 are better, and is that the size, the activation or the learning rate?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Comparison with exercise 2.** The same network in our classes and in `mlpc.MLP` does the same: from the same initial
# values, at the same rate, for the same number of epochs, the training curves lie on each other. The validation curves
# jump from one epoch to the next at this constant rate, ours in other epochs than theirs, since the order of the
# samples differs. A gap after the last epoch, within the scatter of three seeds or a little beyond it, is therefore no
# difference between the programs: it is the same algorithm. The linear network is far behind everything with a hidden
# layer. Where variants with hidden layers differ by less than the seeds of one of them do, the sentences above call it
# a tie, and we would not choose between them by these figures. What the favourite has beyond our plain network stands
# in the last column of the first table.

# %% [markdown]
# ## Where the time goes
#
# The sheet's network and learning rate in four programs: our classes; the same classes ready-made over functions in C
# (`mlpc.course`), in our loop; `mlpc.MLP.fit`, which does the whole epoch in C; and PyTorch. All start from the same
# initial weights. The cost after the first epoch stands beside the time: a fast wrong program does not count.
#
# A single time says little: another program may have wanted the CPU just then. The programs take turns, and the table
# has the median of their turns, with the least and the greatest. NumPy has one thread here, as said at the top; `fit`
# and PyTorch take what they like. Smaller batches mean more steps for the same arithmetic: what a sample costs more in
# batches of 16 than in batches of 256 is the price of the calls around the arithmetic.

# %%
from mlpc import course

TURNS = 5
BATCHES = (64, 16, 256)
x_timed, y_timed = x_train[:12_800], y_train[:12_800]


def our_program():
    model, order = model_of([100, 10]), np.random.default_rng(0)
    return (
        lambda batch_size: train_epoch(model, CELoss(), x_timed, y_timed, 1.0, batch_size, order),
        lambda: evaluate(model, CELoss(), x_timed, y_timed)[0],
    )


def course_program():
    model, order = course.MLP(n_pixels, [100, 10]), np.random.default_rng(0)
    for theirs, ours in zip(model.layers[::2], linear_layers(model_of([100, 10]))):
        theirs.w[...], theirs.b[...] = ours.w, ours.b  # into its own memory, which lies as the functions in C want it
    return (
        lambda batch_size: train_epoch(model, course.CELoss(), x_timed, y_timed, 1.0, batch_size, order),
        lambda: evaluate(model, course.CELoss(), x_timed, y_timed)[0],
    )


def fit_program():
    model = twin(model_of([100, 10]))
    return (
        lambda batch_size: model.fit(x_timed, y_timed, epochs=1, batch_size=batch_size, lr=1.0, progress=False),
        lambda: model.evaluate(x_timed, y_timed)[0],
    )


def torch_program():
    model = mlpc.testing.torch_reference(twin(model_of([100, 10])))
    descent = torch.optim.SGD(model.parameters(), lr=1.0)
    x, y = torch.from_numpy(x_timed), torch.from_numpy(y_timed)
    torch.manual_seed(0)

    def epoch(batch_size):
        for rows in torch.randperm(len(x)).split(batch_size):
            descent.zero_grad()
            torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            descent.step()

    return epoch, lambda: float(torch.nn.functional.cross_entropy(model(x), y).detach())

# %% tags=["table"]
def timings_of(programs):
    """Microseconds per sample, a list of turns for every program and batch size, and each program's first cost."""
    started = {name: program() for name, program in programs.items()}
    times, costs = {name: {size: [] for size in BATCHES} for name in programs}, {}
    for _ in range(TURNS):
        for name, (epoch, cost) in started.items():
            time.sleep(0.3)  # some libraries' threads go on waiting for work, and would take the CPU of the next program
            for size in BATCHES:
                begin = time.perf_counter()
                epoch(size)
                times[name][size].append(1e6 * (time.perf_counter() - begin) / len(x_timed))
                costs.setdefault(name, cost())
    return times, costs


OURS = "the classes above"
programs = {OURS: our_program, "mlpc.course, our loop": course_program, "mlpc.MLP.fit": fit_program}
if torch:
    programs["PyTorch"] = torch_program
else:
    print("PyTorch is not installed: its row is left out.")
times, costs = timings_of(programs)
timings = pd.DataFrame(
    {"program": name}
    | {
        f"microseconds per sample, batches of {size}": f"{np.median(turns):.1f} ({min(turns):.1f} to {max(turns):.1f})"
        for size, turns in sorted(times[name].items())
    }
    | {"training cost after one epoch of batches of 64": f"{costs[name]:.4f}"}
    for name in programs
).set_index("program")
timings

# %%
def timing_figures():
    """What the table says, in words: ratios of medians, for your comments."""
    middle = {name: {size: float(np.median(turns)) for size, turns in sizes.items()} for name, sizes in times.items()}
    for name in list(programs)[1:]:
        ratios = {size: middle[name][size] / middle[OURS][size] for size in sorted(BATCHES)}
        words = [
            "faster than" if ratio < 0.9 else "slower than" if ratio > 1.1 else "as fast as"
            for ratio in ratios.values()
        ]
        parts = [f"{word} {OURS} (x {r:.2f}) in batches of {size}" for word, (size, r) in zip(words, ratios.items())]
        print(f"{name}: {'; '.join(parts)}")
    for name, sizes in middle.items():
        longer = sizes[16] / sizes[256]
        print(f"{name}: a sample in batches of 16 takes {longer:.1f} times as long as in batches of 256")


timing_figures()

# %% [markdown]
# The sentences above are computed from the table, on the machine that ran this notebook; read them before you go on.
# Three things decide. The **products** take most of the time where batches and layers are large, and there a good
# library for NumPy is as fast as anything. The **calls** around them cost the same for every batch, however small:
# checking the arguments, making the arrays for the results. The ready-made classes of `mlpc.course` replace NumPy's
# calls by calls of their own, one per layer and direction: they can win by fewer and cheaper calls, and by the zeros
# among the pixels, which they skip; where they do not, it is these calls that take their time. `mlpc.MLP.fit` makes one
# call for the whole epoch, and keeps its arrays from batch to batch.

# %% [markdown]
# ---
# ## Mistakes, made on purpose
#
# Each of these was handed in more than once. They have signatures: who has seen them once recognises them. All of them
# train the sheet's network for some epochs, and each is one change to your classes.
#
# 1. **A sigmoid after the last layer.** The gradient check passes! It says that the derivative belongs to the
#    function, not that the function is a good one. The "logits" now lie between 0 and 1. In the best case the right
#    one is 1 and the nine others are 0; then $p_y = \frac{e}{e + 9}$, and the cost is
#    $-\ln p_y = \ln\left(1 + \frac{9}{e}\right) = 1.461$. *Signature: the cost stops above 1.461, while the accuracy
#    looks fair.*
# 2. **ReLU after the last layer.** A class whose logit is never above 0 gets no gradient, ever again.
#    *Signature: some classes are never predicted; each costs about a tenth of the accuracy.*
# 3. **The $1/n_b$ is missing.** All steps are 64 times too large. *Signature: the gradients are right for one sample
#    and 7 times too large for seven; training explodes or gets stuck, and is well again at a learning rate 64 times
#    smaller.*
# 4. **No shuffling**, with data sorted by class. *Signature: the network knows what it saw last. The training accuracy
#    within the epoch looks excellent, validation is bad.*

# %%
class ActivationAfter:
    """A model with one activation more, after its last layer."""

    def __init__(self, model, activation):
        self.inner, self.last = model, activation
        self.layers = model.layers  # those with gradients to check

    def forward(self, x):
        return self.last.forward(self.inner.forward(x))

    def backward(self, da):
        return self.inner.backward(self.last.backward(da))

    def update(self, lr):
        self.inner.update(lr)


class WithoutMean(MLP):
    """An MLP whose gradients of the parameters are sums: the 1/n_b is missing."""

    def backward(self, dy):
        dx = super().backward(dy)
        for part in linear_layers(self):
            part.dw, part.db = part.dw * len(dy), part.db * len(dy)
        return dx

# %% [markdown]
# First the gradient check of mistakes 1 and 3, with seven samples: the activation passes, the missing $1/n_b$ does not,
# and the verdict says what is wrong.

# %% tags=["table"]
def rows_of_mistakes():
    draw_again(0)
    draw = np.random.default_rng(5)
    x, y = draw.normal(size=(7, 12)), draw.integers(0, 5, 7)
    squashed = ActivationAfter(in_float64(MLP(12, [9, 5])), SigmoidActivation())
    yield from network_rows("sigmoid after the last layer", squashed, x, y)
    yield from network_rows("1/n_b is missing", in_float64(WithoutMean(12, [9, 5])), x, y)


pd.DataFrame(list(rows_of_mistakes())).set_index(["case", "gradient of"])

# %% [markdown]
# And now training, at the learning rate 1, with ReLU at 0.1:

# %%
def train_wrongly(model, lr=1.0, shuffle=True):
    """Like `train`, but shorter; without shuffling, the samples stand sorted by class."""
    history = {name: [] for name in CURVES}
    x, y, draw = x_train, y_train, np.random.default_rng(0)
    if not shuffle:
        by_class = np.argsort(y_train, kind="stable")
        x, y, draw = x_train[by_class], y_train[by_class], InOrder
    for _ in range(6 if DATA == "mnist" else 20):
        met = train_epoch(model, CELoss(), x, y, lr, BATCH_SIZE, draw)
        for name, figure in zip(CURVES, (*met, *evaluate(model, CELoss(), x_val, y_val))):
            history[name].append(figure)
    return history


def without_mean():
    right, wrong = model_of([100, 10]), WithoutMean(n_pixels, [100, 10])
    for part, twin_part in zip(linear_layers(wrong), linear_layers(right)):
        part.w, part.b = np.array(twin_part.w), np.array(twin_part.b)
    return wrong


wrong_models = {
    "right": (model_of([100, 10]), 1.0),
    "sigmoid after the last layer": (ActivationAfter(model_of([100, 10]), SigmoidActivation()), 1.0),
    "ReLU after the last layer": (ActivationAfter(model_of([100, 10]), ReLUActivation()), 0.1),
    "1/n_b missing": (without_mean(), 1.0),
    "1/n_b missing, lr 1/64": (without_mean(), 1 / 64),
    "sorted, not shuffled": (model_of([100, 10]), 1.0),
}
wrong_runs = {
    name: train_wrongly(model, lr, shuffle=name != "sorted, not shuffled") for name, (model, lr) in wrong_models.items()
}

# %% tags=["plot"]
LOWEST = np.log(1 + 9 / np.e)  # of the cost with a sigmoid after the last layer


def draw_wrong_runs():
    figure = mlpc.plot.learning_curves(wrong_runs)
    panel = next(axes for axes in figure.axes if axes.get_title().replace("\n", " ") == "sigmoid after the last layer")
    panel.axhline(LOWEST, color="0.2", linewidth=1, linestyle=":")
    panel.annotate("ln(1 + 9/e)", (1, LOWEST), (0, -3), textcoords="offset points", color="0.2", va="top", ha="left")
    return figure


draw_wrong_runs()

# %% tags=["table"]
def signature(name, model, run):
    predicted = model.forward(x_val).argmax(axis=1)
    return {
        "mistake": name,
        "training cost": run["loss"][-1],
        "lowest training cost": min(run["loss"]),
        "training accuracy": run["accuracy"][-1],
        "validation cost": run["val_loss"][-1],
        "validation accuracy": run["val_accuracy"][-1],
        "classes never predicted": 10 - len(np.unique(predicted)),
    }


wrong_table = pd.DataFrame([signature(name, wrong_models[name][0], run) for name, run in wrong_runs.items()])
wrong_table.set_index("mistake").round(3)

# %% [markdown]
# One more, without training: **a sum of means, divided by the samples.** Somebody takes the mean cost of each batch,
# adds up these means, and divides by the number of *samples* instead of the number of batches. *Signature: a training
# cost about 64 times smaller than the validation cost, from the first epoch on.*

# %%
def sum_of_means(model, x, y, size=64):
    parts = [slice(start, start + size) for start in range(0, len(x), size)]
    return sum(evaluate(model, CELoss(), x[part], y[part])[0] for part in parts) / len(x)


right_cost = evaluate(models[SHEET], CELoss(), x_train, y_train)[0]
wrong_cost = sum_of_means(models[SHEET], x_train, y_train)
print(f"right: {right_cost:.5f}; sum of means divided by samples: {wrong_cost:.5f}")
print(f"{right_cost / wrong_cost:.1f} times smaller")

# %%
def wrong_figures():
    """Figures for your comments: what the mistakes lose against the right program."""
    table = wrong_table.set_index("mistake")
    lost = table.loc["right", "validation accuracy"] - table["validation accuracy"]
    costs = table["training cost"] / table["training cost"]["right"]
    for name in lost.index[1:]:
        print(f"{name}: {round(lost[name], 3) + 0:.1%} of validation accuracy lost, training cost x {costs[name]:.2g}")
    lowest = table["lowest training cost"]["sigmoid after the last layer"]
    print(f"the lowest training cost with a sigmoid after the last layer: {lowest:.3f}, above {LOWEST:.3f}")


wrong_figures()

# %% [markdown] tags=["student", "comment"]
# **Your comments on the mistakes.** Why does the gradient check pass with a sigmoid after the last layer? Which mistake
# would you have noticed from the accuracy alone, and which only from the cost?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Comments on the mistakes.** The gradient check compares a function with its own derivative. A sigmoid after the last
# layer is another function, with the right derivative: nothing to find. The cost gives it away, it cannot fall below
# 1.461; the accuracy suffers much less, because the largest of the squashed outputs is still the largest. The missing
# $1/n_b$ is seen by every check with more than one sample; at $\frac{1}{64}$ of the learning rate it even trains well,
# since then it is the right program. Not shuffling is seen only when training and validation figures are side by side.

# %% [markdown]
# ---
# ## The final figure: the test set, once
#
# The favourite is chosen by its mean **validation** accuracy over the seeds. Those that are no farther from it than the
# seeds scatter are named: between them the choice is a matter of size and time. Only then, and only for the favourite,
# do we look at the test set. If you go back now and change something, the test set is no longer a test.
#
# **Question 4.** You have trained 20 networks, and report the best test accuracy of them. Is it (a) too low, (b) too
# high, or (c) right on average, as a figure for new samples?
#
# <details><summary>Answer</summary>
#
# (b). The largest of 20 figures is the best network's luck as well as its quality: whoever chooses with a set can no
# longer judge with it. Choose on the validation set, and look at the test set once.
#
# </details>

# %% tags=["table"]
def choose():
    """The favourite among our networks, and a row with its final figures."""
    all_runs = histories | {f"{twin_name}, as above": twin_runs}
    all_models = models | {f"{twin_name}, as above": twin_model}
    scores = {name: accuracies(runs) for name, runs in all_runs.items()}
    print(tie_sentence(scores))
    favourite, _ = ties(scores)
    runs, (test_cost, test_accuracy) = all_runs[favourite], evaluate(all_models[favourite], CELoss(), x_test, y_test)
    return {
        "favourite": favourite,
        "epochs": len(runs[0]["loss"]),
        "runs": len(runs),
        "training accuracy": mean_and_spread([run["accuracy"][-1] for run in runs]),
        "validation accuracy": mean_and_spread(accuracies(runs)),
        "test cost": round(test_cost, 4),
        "test accuracy": round(test_accuracy, 4),
    }


final = choose()
pd.DataFrame([final]).set_index("favourite")

# %%
def final_figures():
    """Figures for your conclusions."""
    print(f"test accuracy {final['test accuracy']:.2%}, cost {final['test cost']:.4f}, of the run with the seed 0")
    if "test_accuracy" in choice:
        gap = final["test accuracy"] - choice["test_accuracy"]
        print(f"exercise 2's favourite: {choice['test_accuracy']:.2%}; ours minus its: {gap:+.2%}")
    print(f"{len(x_train):,} samples of training; groups that trained with all 60,000 of MNIST reached 97.8 %")


final_figures()

# %% [markdown] tags=["student", "comment"]
# **Your conclusions.** What did back-propagation by hand teach you that autograd hides? Which test found your first
# mistake? How do the final figures compare with exercise 2, and with the 97.8 % that groups reached with a sigmoid
# 784-100-10 after 10 epochs? Where does the time of an epoch go?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# **Conclusions.** Back-propagation is two matrix products per linear layer and one product per element of each
# activation. Each layer needs its own input or output and what comes from the layer behind; nothing else. The mistakes
# that cost time are not in the calculus but in the shapes and in the $1/n_b$; small tests with numbers from paper find
# them, and batches of seven find what batches of one hide. Our classes do what `mlpc.MLP` does with the same network:
# to write the steps oneself costs no accuracy. The favourite of exercise 2 goes further by other means, momentum and a
# falling learning rate among them; how far, the last cell says. Most of an epoch in NumPy goes into the matrix
# products, and the rest into many small arrays; the loop in C avoids those.

# %% [markdown]
# ---
# ## Open tasks
#
# Nobody has an answer ready for these. They need a few lines more in your classes, and the tests above go on telling
# you whether the gradients are right.
#
# 1. **Momentum.** Give `LinearLayer` a velocity, $v \leftarrow \mu v - \eta\, dW$, $W \leftarrow W + v$, and train the
#    sheet's network with $\mu = 0.9$ and a tenth of its learning rate. Does it get to 97 % in fewer epochs? How much of
#    the favourite of exercise 2 is momentum, and how much the falling rate?
# 2. **Other initial values.** Draw with the standard deviation $1/\sqrt{n_x}$, the number of *inputs*, and again with
#    $\sqrt{2/n_x}$ for ReLU (He 2015). How does the cost at the start change, and does it matter after ten epochs?
#    Try it with five hidden layers, too, and look at the size of `dw` layer by layer.
# 3. **Dropout.** A layer `Dropout(p, rng)` that puts each input to 0 with the probability $p$ and multiplies the
#    others by $1/(1 - p)$, in training only. What must it remember for backward? Check its gradient with a fixed mask,
#    and find a $p$ that narrows the gap between training and validation.
