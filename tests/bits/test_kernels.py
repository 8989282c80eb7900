"""Every kernel, through its public door: each instruction set gives the reference's bits.

A kernel of csrc/kernels/kernels.def without a case here fails `test_every_kernel_has_a_case`.
"""

import itertools

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc, ops

SIZES = (0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 47, 49, 61, 127, 257)
# Batch, inputs, outputs: edges of the register tiles and of the blocks of 64 and 256 terms.
SHAPES = [
    (0, 3, 4),
    (1, 1, 1),
    (1, 784, 10),
    (2, 7, 5),
    (5, 8, 47),
    (6, 17, 16),
    (7, 33, 48),
    (8, 61, 49),
    (9, 256, 17),
    (13, 257, 33),
    (31, 5, 96),
    (63, 20, 31),
    (64, 19, 32),
    (65, 16, 8),
    (129, 9, 100),
    (3, 2, 513),
]


def numbers(dtype, *shape, seed=0, scale=2.0):
    """Normal numbers with -0, subnormals and a few large ones among them."""
    generator = np.random.Generator(np.random.PCG64([seed, *shape]))
    x = (generator.standard_normal(shape) * scale).astype(dtype)
    flat = x.reshape(-1)
    flat[::7] = 0.0
    flat[3::11] = -0.0
    flat[5::13] = np.finfo(dtype).smallest_subnormal * 3
    return x


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


def elementwise(function):
    def case(dtype):
        specials = [np.nan, np.inf, -np.inf, 1.0, -1.0, 6.0, 20.0, -20.0, 88.0, -88.0, 700.0, -700.0, 1e30, -1e30]
        results = [function(numbers(dtype, n, scale=4.0)) for n in SIZES]
        return [*results, function(np.array(specials, dtype))]

    return case


def activation(name):
    forward, backward = getattr(ops, f"{name}_forward"), getattr(ops, f"{name}_backward")
    standard = mlpc.layers.ACTIVATIONS[name]().settings
    settings = [standard, *({key: value} for key in standard for value in (0.7, 3e-20))]
    return elementwise(
        lambda z: np.stack([of for s in settings for of in (forward(z, **s), backward(np.flip(z).copy(), z, **s))])
    )


def rowwise(name):
    function = getattr(ops, name)

    def case(dtype):
        results = [function(numbers(dtype, rows, n)) for rows in (1, 3) for n in SIZES]
        return [*results, function(numbers(dtype, 2, 5000)), function(np.full((1, 3), np.nan, dtype))]

    return case


SETTINGS = {
    "bce_with_logits": (lambda k: {"pos_weight": np.linspace(0.5, 3, k)}, lambda k: {"pos_weight": 2}),
    "huber": (lambda k: {"delta": 0.3},),
    "quantile": (lambda k: {"q": 0.9},),
}


def element_loss(name):
    function = getattr(mlpc.losses, name)

    def case(dtype):
        results = []
        for rows, columns in [(1, 1), (3, 15), (5, 16), (4, 17), (2, 5000), (65, 1)]:
            z, y = numbers(dtype, rows, columns), np.abs(numbers(dtype, rows, columns, seed=1)) / 8
            if name == "bce_with_logits":
                y = np.minimum(y, 1)
            weight = np.linspace(0.5, 2.0, rows)
            results += [*function(z, y), *function(z, y, sample_weight=weight, reduction="sum")]
            results += [part for settings in SETTINGS.get(name, ()) for part in function(z, y, **settings(columns))]
        return results

    return case


def cross_entropy(dtype):
    results = []
    for rows, columns in [(1, 2), (3, 2), (5, 10), (7, 16), (64, 17), (3, 5000)]:
        z, y = numbers(dtype, rows, columns), np.arange(rows) % columns
        target = ops.softmax(numbers(dtype, rows, columns, seed=1))
        class_weight, weight = np.linspace(0.5, 2.0, columns), np.linspace(1.0, 3.0, rows)
        results += [
            *mlpc.losses.cross_entropy(z, y),
            *mlpc.losses.cross_entropy(z, y, class_weight=class_weight, label_smoothing=0.1, sample_weight=weight),
            *mlpc.losses.cross_entropy(z, target, reduction="sum"),
        ]
    return results


def linear(dtype, which):
    results = []
    for B, n_in, n_out in SHAPES:
        x, w = numbers(dtype, B, n_in), numbers(dtype, n_out, n_in, seed=1)
        b, dz = numbers(dtype, n_out, seed=2), numbers(dtype, B, n_out, seed=3)
        if which == "forward":
            results.append(ops.linear_forward(x, w, b))
        else:
            results.append(ops.linear_backward(dz, x, w)[which])
    return results


def forward_by_rows(kernel):
    """Of dense rows, rows of zeros of both signs, and rows with NaN and infinities, in batches of few and many."""

    def case(dtype):
        results = []
        for B, n_in, n_out in [*SHAPES, (1, 784, 100), (70, 300, 29), (3, 64, 111), (5, 1, 1030)]:
            x, w = numbers(dtype, B, n_in), numbers(dtype, n_out, n_in, seed=1)
            x[1::3, ::2] = 0
            x[2::3] = np.copysign(0, x[2::3])
            x[3::7, 0], x[4::7, -1], x[5::7, n_in // 2] = np.nan, np.inf, -np.inf
            b = numbers(dtype, n_out, seed=2)
            # Where w meets infinity it is not 0, so that leaving terms out changes nothing.
            results += [_mlpc.linear_forward(x, w + (w == 0), b, None, kernel)]
        return results

    return case


def count_zeros(dtype):
    return [_mlpc.count_zeros(numbers(dtype, n)) for n in (*SIZES, 40000)] + [_mlpc.count_zeros(np.zeros(70001, dtype))]


def add(dtype):
    results = []
    for n in SIZES:
        y = numbers(dtype, n)
        _mlpc.add(y, numbers(dtype, n, seed=1))
        results.append(y)
    return results


def all_finite(dtype):
    results = []
    for n in (*SIZES[1:], 3000):
        for bad in (np.nan, np.inf, -np.inf):
            for at in {0, n // 2, n - 1}:
                x = numbers(dtype, n)
                x[at] = bad
                results.append(_mlpc.all_finite(x))
        results.append(_mlpc.all_finite(numbers(dtype, n)))
    return results


# For every kernel of a step: optimizers that it is for, with every state that there can be.
OF_STEP = {
    "sgd": [("sgd", {}), ("sgd", {"momentum": 0.9}), ("sgd", {"momentum": 0.9, "nesterov": True})],
    "adam": [("adam", {}), ("adamw", {})],
    "rmsprop": [("rmsprop", {"momentum": m, "centered": c}) for m in (0, 0.9) for c in (False, True)],
    "adagrad": [("adagrad", {}), ("adagrad", {"lr_decay": 0.1})],
    "rprop": [("rprop", {})],
}
PENALTIES = [{}, {"weight_decay": 0.01}, {"weight_decay": 0.01, "l1": 0.02, "clip_value": 0.7, "clip_norm": 2.0}]


def step(name):
    def case(dtype):
        results = []
        for n in SIZES[2:]:
            net = mlpc.MLP([n - 1, 1], dtype=np.dtype(dtype).name)  # of n parameters
            for (kind, settings), penalties in itertools.product(OF_STEP[name], PENALTIES):
                optimizer = mlpc.optim.OPTIMIZERS[kind](net, 0.1, **settings, **penalties)
                net.parameters[:], net.gradients[:] = numbers(dtype, n), numbers(dtype, n, seed=1)
                for seed, state in enumerate(optimizer.state.values(), 2):
                    state[:] = np.abs(numbers(state.dtype, *state.shape, seed=seed)).round(3)
                if "steps" in optimizer.state:
                    optimizer.state["steps"][:] = 7 if penalties else 10**6
                optimizer.step()
                results += [net.parameters.copy(), *(state.copy() for state in optimizer.state.values())]
        return results

    return case


def from_bytes(dtype):
    x = np.arange(513, dtype=np.uint32).astype(np.uint8)[::-1]
    scales = (1 / 255, 1.0, -0.0, 1e-40, 3e38)
    return [_mlpc.from_bytes(x[:n], scale, np.dtype(dtype).name) for n in (*SIZES, 513) for scale in scales]


def sums(dtype):
    return [_mlpc.sum(numbers(dtype, n)) for n in (*SIZES, 4095, 4096, 4097, 12345)]


def epochs(dtype, zeros):
    """What kernels of packed layers and of lists are for: whole epochs, with and without momentum."""
    results = []
    for B, n_in, n_out in SHAPES[1:]:
        x = numbers(dtype, B, n_in)
        x[::2, 1::3] = 0
        for momentum in (0.0, 0.9):
            net = mlpc.MLP([n_in, n_out, 7], "tanh", dtype=np.dtype(dtype).name)
            optimizer = mlpc.optim.SGD(net, 0.001, momentum=momentum)
            rows = _mlpc.Samples(x, None, net.dtype.name, zeros)
            loss = net._train_epoch(
                rows, np.arange(B) % 7, ("cross_entropy", "mean", None, None), None, optimizer.epoch_spec(1), 100, True,
                0, 0, False, None,
            )  # fmt: skip
            results += [np.array(loss), net.parameters.copy()]
    return results


# Kernels without a door of their own: fit is what they are seen through.
DENSE_EPOCH = ("panel_forward", "panel_backward_w", "panel_sgd_step", "panels_backward_x")
LIST_EPOCH = ("list_forward", "list_backward_w", "list_sgd_step", "find_nonzeros")

TABLE = _mlpc.kernels()
CASES = {
    **{f"map:{name}": elementwise(getattr(ops, name)) for name in TABLE["map"]},
    **{f"activation:{name}": activation(name) for name in TABLE["activation"]},
    **{f"rowwise:{name}": rowwise(name) for name in TABLE["rowwise"]},
    **{f"loss:{name}": cross_entropy if name == "cross_entropy" else element_loss(name) for name in TABLE["loss"]},
    **{f"step:{name}": step(name) for name in TABLE["step"]},
    "kernel:linear_forward": lambda dtype: linear(dtype, "forward"),
    "kernel:linear_forward_few": forward_by_rows("linear_forward_few"),
    "kernel:linear_forward_skip": forward_by_rows("linear_forward_skip"),
    "kernel:linear_backward_x": lambda dtype: linear(dtype, 0),
    "kernel:linear_backward_w": lambda dtype: linear(dtype, 1),
    "kernel:linear_backward_b": lambda dtype: linear(dtype, 2),
    **{f"kernel:{name}": lambda dtype: epochs(dtype, "multiply") for name in DENSE_EPOCH},
    **{f"kernel:{name}": lambda dtype: epochs(dtype, "skip") for name in LIST_EPOCH},
    "kernel:sum": sums,
    "kernel:sum_double": lambda dtype: sums(np.float64),
    "kernel:add": add,
    "kernel:all_finite": all_finite,
    "kernel:from_bytes": from_bytes,
    "kernel:count_zeros": count_zeros,
}


def test_every_kernel_has_a_case():
    assert set(CASES) == {f"{family}:{name}" for family, names in TABLE.items() for name in names}


@pytest.fixture(scope="module")
def reference():
    """What the reference gives, computed once for each case and dtype."""
    results = {}

    def compute(case, dtype):
        if (case, dtype) not in results:
            before = mlpc.cpu.active()
            mlpc.cpu.use("reference")
            try:
                results[case, dtype] = bits(CASES[case](dtype))
            finally:
                mlpc.cpu.use(before)
        return results[case, dtype]

    return compute


@pytest.mark.parametrize("case", CASES)
def test_bits_are_the_reference_s(case, dtype, isa, reference):
    assert bits(CASES[case](dtype)) == reference(case, dtype)


@pytest.mark.parametrize("kernel", ["linear_forward_few", "linear_forward_skip"])
def test_forward_by_rows_has_the_bits_of_forward(dtype, isa, kernel):
    """Also without zeros, and with nothing but zeros."""
    assert bits(forward_by_rows(kernel)(dtype)) == bits(forward_by_rows("linear_forward")(dtype))
    for zeros in (0.0, 0.5, 1.0):
        generator = np.random.Generator(np.random.PCG64(1))
        x, w = generator.standard_normal((9, 600)).astype(dtype), numbers(dtype, 107, 600)
        x[generator.random(x.shape) < zeros] = -0.0
        expected = _mlpc.linear_forward(x, w, w[:, 0], None)
        assert bits(_mlpc.linear_forward(x, w, w[:, 0], None, kernel)) == bits(expected)
        assert bits(_mlpc.linear_forward(x[:1], w, w[:, 0], None, kernel)) == bits(expected[:1])
