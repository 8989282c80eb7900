"""Every kernel, through its public door: each instruction set gives the reference's bits.

On what, the table of cases says, which the digests are made of too: tests/c/cases.def. A kernel of
csrc/kernels/kernels.def without a row there fails `test_every_kernel_has_a_case`.
"""

import itertools
from dataclasses import replace

import cases
import numpy as np
import pytest
from cases import LISTS, numbers

import mlpc
from mlpc import _mlpc, ops

SIZES, LONG_SIZES = LISTS["sizes"], LISTS["long_sizes"]
WIDTHS = SIZES[1:-1]  # of matrices: all but the last, and 0, which no door takes
# Batch, inputs, outputs: each width in each place, then what is large in several, and products of so few terms and
# outputs that kernels have loops for each number of them, one or two rows of long ones, and more rows than a product
# takes at once.
SHAPES = [(n, 7, 9) for n in WIDTHS] + [(5, n, 9) for n in WIDTHS] + [(5, 7, n) for n in WIDTHS] + LISTS["shapes"]
SHAPES += [(n, 21, outputs) for n in (*range(1, 9), 70) for outputs in (1, 2, 3, 48)]
SHAPES += [(21, n_in, 48) for n_in in range(1, 9)]
SHAPES += [(1, 3, 1030), (2, 3, 1030), (200, 40, 50), (100, 300, 700), (130, 300, 700)]


def bits(result):
    """Bytes of everything a case gives, with every NaN made the same one."""
    parts = result if isinstance(result, (tuple, list)) else [result]
    digest = []
    for part in parts:
        array = np.array(part)
        if array.dtype.kind == "f":
            array[np.isnan(array)] = np.nan
            array = np.ascontiguousarray(array)
        digest.append((array.shape, array.tobytes()))
    return digest


# ---- Doors: of a dtype and the arguments of a row, what the kernel gives ---------------------------------------------


def thresholds(dtype):
    return np.array([np.nan, np.inf, -np.inf, *LISTS["thresholds"]], dtype)


def elementwise(dtype, name, x):
    function = getattr(ops, name)
    return [function(numbers(dtype, x, n)) for n in SIZES] + [function(thresholds(dtype))]


def activation(dtype, name, z, da, **settings):
    forward, backward = getattr(ops, f"{name}_forward"), getattr(ops, f"{name}_backward")
    inputs = [(numbers(dtype, z, n), numbers(dtype, da, n, place=1)) for n in SIZES]
    inputs.append((thresholds(dtype), thresholds(dtype)[::-1].copy()))
    return [of for z, da in inputs for of in (forward(z, **settings), backward(da, z, **settings))]


def activation_set(dtype, name, z, da, value):
    (key,) = mlpc.layers.ACTIVATIONS[name]().settings
    return [of for number in (value, *LISTS["more_settings"]) for of in activation(dtype, name, z, da, **{key: number})]


def rowwise(dtype, name, x):
    function = getattr(ops, name)
    results = [function(numbers(dtype, x, rows, n)) for rows in (1, 3) for n in (*SIZES, *LONG_SIZES)]
    return [*results, function(np.full((1, 3), np.nan, dtype))]


def element_loss(dtype, name, z, y, value):
    function, row, B = getattr(mlpc.losses, name), _mlpc.losses()[name], len(LISTS["sample_weight"])
    results = []
    for n in (*WIDTHS, LONG_SIZES[-1]):
        outputs, values = numbers(dtype, z, B, n), numbers(dtype, y, B, n, place=1)
        settings = {}
        if row["setting"]:
            settings[row["setting"][0]] = value
        if row["weight"]:
            settings[row["weight"]] = numbers(np.float64, "UNIT", n, place=2)
        results += function(outputs, values)
        results += function(outputs, values, sample_weight=LISTS["sample_weight"], reduction="sum")
        results += function(outputs, values, **settings)
    return results


def cross_entropy(dtype, name, z, y, smoothing):
    function, B = getattr(mlpc.losses, name), len(LISTS["sample_weight"])
    weights = {"sample_weight": LISTS["sample_weight"], "label_smoothing": smoothing}
    results = []
    for n in (*WIDTHS[1:], LONG_SIZES[-1]):  # one class alone is refused
        outputs, labels = numbers(dtype, z, B, n), 37 * np.arange(B) % n
        probabilities = ops.softmax(numbers(dtype, y, B, n, place=1))
        class_weight = numbers(np.float64, "UNIT", n, place=2) + 0.5
        results += function(outputs, labels)
        results += function(outputs, labels, class_weight=class_weight, **weights)
        results += function(outputs, probabilities, reduction="sum")
    return results


PROLOGUE = {row.name: row.arguments[0] for row in cases.rows("PROLOGUE")}
PENALTIES = [
    {},
    {"weight_decay": 0.01},
    {"weight_decay": 0.01, "l1": PROLOGUE["l1"], "clip_value": PROLOGUE["clip"], "clip_norm": PROLOGUE["scale"]},
]


def optimizer_steps(dtype, kind, variants):
    """A step of the optimizer with each of its settings and penalties, early and late."""
    results = []
    for n in SIZES[2:]:
        net = mlpc.MLP([n - 1, 1], dtype=np.dtype(dtype).name)  # of n parameters
        for settings, penalties in itertools.product(variants, PENALTIES):
            optimizer = mlpc.optim.OPTIMIZERS[kind](net, 0.1, **settings, **penalties)
            net.parameters[:], net.gradients[:] = numbers(dtype, "TAME", n), numbers(dtype, "TAME", n, place=1)
            for place, state in enumerate(optimizer.state.values(), 2):
                state[:] = np.abs(numbers(state.dtype, "TAME", *state.shape, place=place))
            if "steps" in optimizer.state:
                optimizer.state["steps"][:] = 7 if penalties else 10**6
            optimizer.step()
            results += [net.parameters.copy(), *(state.copy() for state in optimizer.state.values())]
    return results


SETTINGS = {
    "sgd": lambda momentum, nesterov: {"momentum": momentum, "nesterov": bool(nesterov)},
    "adam": lambda beta1, beta2, eps, correction: {"betas": (beta1, beta2), "eps": eps},
    "rmsprop": lambda alpha, eps, momentum: {"alpha": alpha, "eps": eps, "momentum": momentum},
    "adagrad": lambda eps: {"eps": eps},
    "rprop": lambda less, more, least, most: {"etas": (less, more), "step_sizes": (least, most)},
}
"""What an optimizer calls the own coefficients of its kernel."""


def own_settings(name):
    (own,) = (row.arguments[2:] for row in cases.rows("STEP") if row.name == name)
    return SETTINGS[name](*own)


def step(dtype, name, fewest, most, *own):
    """With each of the states that there can be: the setting that one needs is 0, or not."""
    settings = own_settings(name)
    needs = [need for _, need in _mlpc.optimizers()[name]["states"] if need]
    choices = itertools.product(*([(need, 0), (need, settings.get(need, True))] for need in needs))
    return optimizer_steps(dtype, name, [settings | dict(choice) for choice in choices])


def nesterov(dtype, name):
    return optimizer_steps(dtype, name, [own_settings(name) | {"nesterov": True}])


def decoupled(dtype, name):
    return optimizer_steps(dtype, f"{name}w", [own_settings(name)])


def forward(dtype, kernel, x):
    """Where w meets infinity it is not 0, so that terms which are left out change nothing."""
    results = []
    for B, n_in, n_out in SHAPES:
        w, b = numbers(dtype, "TAME", n_out, n_in, place=1), numbers(dtype, "TAME", n_out, place=2)
        results.append(_mlpc.linear_forward(numbers(dtype, x, B, n_in), w + (w == 0), b, None, kernel))
    return results


def backward(dtype, which, x):
    results = []
    for B, n_in, n_out in SHAPES:
        inputs, w = numbers(dtype, x, B, n_in), numbers(dtype, "TAME", n_out, n_in, place=1)
        results.append(ops.linear_backward(numbers(dtype, x, B, n_out, place=2), inputs, w)[which])
    return results


def csr_forward(dtype, x):
    """Rows whose zeros are skipped, among so many, of networks that are one layer."""
    results = []
    for B, n_in, n_out in (shape for shape in SHAPES if shape[1] and shape[2]):
        rows, net = numbers(dtype, x, max(B, 4), n_in), mlpc.MLP([n_in, n_out], dtype=dtype, loss="mse")
        net.parameters[:] = numbers(dtype, "TAME", net.n_parameters, place=1)
        kept = np.arange(rows.size).reshape(rows.shape) * 7 % 3 == 0
        indptr = np.concatenate([[0], kept.sum(axis=1).cumsum()])
        results.append(net._logits(_mlpc.CSR(rows[kept], np.nonzero(kept)[1], indptr, n_in)))
    return results


def product(dtype, name, x):
    if name == "csr_forward":
        return csr_forward(dtype, x)
    backwards = ["linear_backward_x", "linear_backward_w", "linear_backward_b"]
    return backward(dtype, backwards.index(name), x) if name in backwards else forward(dtype, name, x)


def epochs(x, n_out, zeros):
    """What kernels of packed layers and of lists are seen through: two epochs, without momentum and with it."""
    results = []
    for momentum in (0.0, 0.9):
        net = mlpc.MLP([x.shape[1], n_out, 7], "tanh", dtype=x.dtype.name)
        optimizer = mlpc.optim.SGD(net, 0.001, momentum=momentum)
        rows = _mlpc.Samples(x, None, net.dtype.name, zeros)
        loss = net._train_epoch(
            rows, np.arange(len(x)) % 7, ("cross_entropy", "mean", None, None), None, optimizer.epoch_spec(1), 100,
            True, 0, 0, False, None,
        )  # fmt: skip
        results += [np.array(loss), net.parameters.copy()]
    return results


def panel(dtype, name, x):
    return [part for B, n_in, n_out in SHAPES for part in epochs(numbers(dtype, x, B, n_in), n_out, "multiply")]


def lists(dtype, name, w):
    """Of rows of which none, a third or all elements are zero; the rest have few values, or many."""
    results = []
    for (B, n_in, n_out), few, sparse in itertools.product(LISTS["list_shapes"], (False, True), (0, 1, 2)):
        at = np.arange(B * n_in).reshape(B, n_in)
        x = (at * 37 % 101 / 8).astype(dtype) if few else numbers(dtype, w, B, n_in)
        x[(sparse == 2) | ((sparse == 1) & (at * 7 % 3 == 0))] = -0.0
        results += epochs(x, n_out, "skip")
    return results


def find_nonzeros(dtype, name, x):
    """Of rows to be learnt from, which have none of the numbers that a loss could not bear."""
    return [part for n in WIDTHS for part in epochs(numbers(dtype, "TAME", 3, n), 4, "skip")]


def sums(dtype, name, x):
    dtype = np.float64 if name == "sum_double" else dtype
    return [_mlpc.sum(numbers(dtype, x, n)) for n in (*SIZES, *LONG_SIZES)]


def column_sums(dtype, name, x):
    """As an epoch notes them, in the public order and in panels."""
    results = []
    for n, keeps in itertools.product(SIZES[1:], (True, False)):
        net = mlpc.MLP([7, n], dtype=np.dtype(dtype).name, loss="mse")
        net.layers[0].weight.T[:] = numbers(dtype, x, 7, n)
        rows, y, sgd = numbers(dtype, x, 1, 7), np.zeros((1, n)), mlpc.optim.SGD(net, 0.0).epoch_spec(1)
        results.append(
            net._train_epoch(
                rows, y, net.criterion.spec(), None, sgd, 1, False, 0, 0, keeps, None, (0, 0), 0.0, (None, [1.0])
            )[-1]
        )
    return results


def add(dtype, name, x):
    results = []
    for n in SIZES:
        y = numbers(dtype, x, n)
        _mlpc.add(y, numbers(dtype, x, n, place=1))
        results.append(y)
    return results


def all_finite(dtype, name, x):
    results = []
    for n in (*SIZES[1:], *LONG_SIZES):
        results.append(_mlpc.all_finite(numbers(dtype, x, n)))
        for strange, at in itertools.product((np.nan, np.inf, -np.inf), (0, n // 2, n - 1)):
            y = numbers(dtype, x, n)
            y[at] = strange
            results.append(_mlpc.all_finite(y))
    return results


def from_bytes(dtype, name, x):
    scales = LISTS["scales"]
    return [_mlpc.from_bytes(numbers(dtype, x, n), scale, np.dtype(dtype).name) for n in SIZES for scale in scales]


def count_zeros(dtype, name, x):
    inputs = [numbers(dtype, x, n) for n in SIZES] + [numbers(dtype, "TAME", n) for n in LISTS["longest"]]
    return [_mlpc.count_zeros(of) for of in (*inputs, *(np.zeros(n, dtype) for n in LISTS["longest"]))]


def norm(dtype, name, x, dy):
    """Backward computes statistics as forward does; evaluation folds and applies."""
    results = []
    for B, k in [(B, k) for B in LISTS["norm_rows"] for k in WIDTHS] + [(2, k) for k in LONG_SIZES]:
        inputs, derivatives = numbers(dtype, x, B, k), numbers(dtype, dy, B, k, place=1)
        gain, shift = (numbers(dtype, dy, k, place=place) for place in (2, 3))
        mean, var = numbers(dtype, dy, k, place=4), numbers(dtype, "UNIT", k, place=5)
        if name == "layer_norm_forward":
            results.append(ops.layer_norm_forward(inputs, gain, shift))
        elif name.startswith("layer_norm"):
            results += ops.layer_norm_backward(derivatives, inputs, gain)
        elif name == "batch_norm_forward":
            results += [ops.batch_norm_forward(inputs, gain, shift, mean, var), mean, var]
        elif name == "batch_norm_backward":
            results += ops.batch_norm_backward(derivatives, inputs, gain)
            results += ops.batch_norm_backward(derivatives, inputs, gain, mean, var, training=False)
        else:
            results.append(ops.batch_norm_forward(inputs, gain, shift, mean, var, training=False))
    return results


def dropout(dtype, name, x):
    inputs = [(p, numbers(dtype, x, 7, n)) for p in LISTS["drops"] for n in (*WIDTHS, LONG_SIZES[-1])]
    return [ops.dropout(x, p, seed=2**64 - 5, layer=1, t=7) for p, x in inputs]


def noise(dtype, name, x):
    inputs = [numbers(dtype, x, 7, n) for n in (*WIDTHS, LONG_SIZES[-1])]
    return [ops.input_noise(x, 0.1, seed=2**64 - 5, t=7) for x in inputs]


DOORS = {
    "MAP": elementwise,
    "ACTIVATION": activation,
    "ACTIVATION_SET": activation_set,
    "ROWWISE": rowwise,
    "ELEMENT_LOSS": element_loss,
    "LOSS cross_entropy": cross_entropy,
    "STEP": step,
    "NESTEROV": nesterov,
    "DECOUPLED": decoupled,
    "PRODUCT": product,
    "PANEL": panel,
    "LIST": lists,
    "NORM": norm,
    "KERNEL sum": sums,
    "KERNEL sum_double": sums,
    "KERNEL column_sums": column_sums,
    "KERNEL add": add,
    "KERNEL all_finite": all_finite,
    "KERNEL from_bytes": from_bytes,
    "KERNEL count_zeros": count_zeros,
    "KERNEL find_nonzeros": find_nonzeros,
    "KERNEL dropout": dropout,
    "KERNEL noise": noise,
}
"""By the kind of a row, and the kernel's name where each has a signature of its own."""

KERNELS = [row for row in cases.ROWS if row.kind in cases.FAMILIES]
SEEN_TOGETHER = ("PANEL", "LIST")  # through the same epochs
CASES = {str(replace(row, name="*") if row.kind in SEEN_TOGETHER else row): row for row in KERNELS}


def of_case(case, dtype):
    row = CASES[case]
    door = DOORS.get(row.kind) or DOORS[f"{row.kind} {row.name}"]
    return bits(door(dtype, row.name, *row.arguments))


def test_every_kernel_has_a_case():
    having = {(cases.FAMILIES[row.kind], row.name) for row in KERNELS}
    assert having == {(family, name) for family, names in _mlpc.kernels().items() for name in names}


@pytest.fixture(scope="module")
def reference():
    """What the reference gives, computed once for each case and dtype."""
    results = {}

    def compute(case, dtype):
        if (case, dtype) not in results:
            before = mlpc.cpu.active()
            mlpc.cpu.use("reference")
            try:
                results[case, dtype] = of_case(case, dtype)
            finally:
                mlpc.cpu.use(before)
        return results[case, dtype]

    return compute


@pytest.mark.xdist_group("kernels")  # of one reference, which takes long
@pytest.mark.parametrize("case", CASES)
def test_bits_are_the_reference_s(case, dtype, isa, reference):
    assert of_case(case, dtype) == reference(case, dtype)


@pytest.mark.parametrize("kernel", ["linear_forward_few", "linear_forward_skip"])
def test_forward_by_rows_has_the_bits_of_forward(dtype, isa, kernel):
    """Also without zeros, and with nothing but zeros."""
    assert bits(forward(dtype, kernel, "WILD")) == bits(forward(dtype, "linear_forward", "WILD"))
    for zeros in (0.0, 0.5, 1.0):
        generator = np.random.Generator(np.random.PCG64(1))
        x, w = generator.standard_normal((9, 600)).astype(dtype), numbers(dtype, "TAME", 107, 600)
        x[generator.random(x.shape) < zeros] = -0.0
        expected = _mlpc.linear_forward(x, w, w[:, 0], None)
        assert bits(_mlpc.linear_forward(x, w, w[:, 0], None, kernel)) == bits(expected)
        assert bits(_mlpc.linear_forward(x[:1], w, w[:, 0], None, kernel)) == bits(expected[:1])
