"""Networks that have every block between them, the numbers that they are asked about, and what they answer."""

import dataclasses

import numpy as np

import mlpc
from mlpc.exchange.c_source import quantized
from mlpc.layers import ELU, BatchNorm, LayerNorm, LeakyReLU

# Every activation, those with a setting twice, and more inputs than a block of a sum has; units that fill a panel of
# weights, that leave some over, and that fill none.
ACTIVATIONS = [
    "identity", "relu", "leaky_relu", LeakyReLU(-0.25), "elu", ELU(0.5), "selu", "gelu", "silu", "mish", "softplus",
    "tanh", "sigmoid", "hardtanh", "relu6",
]  # fmt: skip
SIZES = [300, 9, 17, 8, 16, 7, 24, 9, 10, 11, 12, 13, 14, 15, 16, 17]
NORMS = [None, "batch", "layer", None, BatchNorm(eps=0.5), LayerNorm(eps=2.0), None, None] + [None, "layer"] * 4
FNV_OFFSET, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3


@dataclasses.dataclass(frozen=True)
class Case:
    """A network under its name in C, and how it is written."""

    name: str
    net: mlpc.MLP
    options: dict

    @property
    def computed(self) -> mlpc.MLP:
        """The network whose bits are expected."""
        return quantized(self.net) if self.options.get("dtype") else self.net


def network(seed, sizes, *arguments, **options):
    """Random numbers for all that a network learns, zeros of both signs and tiny ones among the weights."""
    net = mlpc.MLP(sizes, *arguments, seed=seed, **options).eval()
    rng = np.random.default_rng(seed)
    for layer in net.layers:
        if isinstance(layer, (BatchNorm, LayerNorm)):
            layer.weight, layer.bias = rng.normal(1, 0.3, layer.n_out), rng.normal(0, 0.3, layer.n_out)
        if isinstance(layer, BatchNorm):
            layer.running_mean, layer.running_var = rng.normal(0, 1, layer.n_out), rng.uniform(0, 2, layer.n_out)
        elif hasattr(layer, "bias"):
            layer.bias += rng.normal(0, 0.1, layer.n_out)
        if layer.index == 0:
            layer.weight[:, :4] = [0.0, -0.0, np.finfo(net.dtype).tiny / 16, -1]
    return net


def cases():
    """Few, since each is compiled for many targets."""
    made = []
    for dtype in ("float32", "float64"):
        bits = dtype[5:]
        all_blocks = network(1, [*SIZES, 10], ACTIVATIONS, norm=NORMS[:15], dtype=dtype)
        made += [(f"all{bits}", all_blocks, {}), (f"bytes{bits}", all_blocks, {"dtype": "int8"})]
        binary = network(2, [5, 20, 1], "tanh", loss="bce_with_logits", dtype=dtype)
        made += [(f"binary{bits}", binary, {"workspace": True})]
    several = network(3, [5, 3], loss="bce_with_logits")
    rates = network(4, [300, 8, 9, 11], "gelu", loss="poisson", dropout=0.5)
    numbers = network(5, [6, 4, 2], norm="layer", loss="mse")
    made += [("several", several, {}), ("rates", rates, {"dtype": "int8", "workspace": True}), ("numbers", numbers, {})]
    # Its sum for row 1, whose last term is a little less than half a unit, would be another one if it were rounded to
    # float64 first.
    half = mlpc.MLP([2, 1], loss="mse", init=[[[1 + 2.0**-23, 2.0**-24 * (1 - 2.0**-15)]], [0.0]])
    made += [("half", half, {})]
    return [Case(*each) for each in made]


def rows(case):
    """Inputs: usual numbers, zeros of both signs, and what is tiny, huge, infinite or no number."""
    dtype = case.net.dtype
    limits, rng = np.finfo(dtype), np.random.default_rng(len(case.name))
    x = rng.normal(size=(12, case.net.sizes[0])).astype(dtype)
    x[1, :2] = [1, 1 + 2.0**-15]
    x[2] *= x[2] > 0
    x[3, ::2] = -0.0
    x[4] *= limits.tiny
    x[5] *= limits.tiny / 64
    x[6] *= limits.max / 16
    x[7, -1] = np.inf
    x[8, 0] = -np.inf
    x[9, 1] = np.nan
    x[10] = 0
    x[11] = np.where(rng.random(x.shape[1]) < 0.5, x[11] * 1e4, x[11] * 1e-4)
    return x


def words(array):
    """Numbers as the hash takes them: their bits, every NaN alike."""
    bits = np.where(array != array, np.array(np.nan, array.dtype), array).astype(array.dtype)
    return bits.view(f"u{array.itemsize}").tolist()


def hashed(values):
    digest = FNV_OFFSET
    for value in values:
        digest = (digest ^ (value & 0xFFFFFFFFFFFFFFFF)) * FNV_PRIME & 0xFFFFFFFFFFFFFFFF
    return f"{digest:016x}"


def answers(case):
    """What Python computes: (function, hash) of each function that the header declares."""
    net, x = case.computed, rows(case)
    with np.errstate(all="ignore"):
        z = net.forward(x)
    found = {"forward": hashed(words(z.reshape(-1)))}
    is_nan = np.isnan(z)
    if net.loss_name == "cross_entropy":
        clean = ~is_nan.any(axis=1)
        label = np.full(len(x), -1)
        label[clean] = net.predict(x[clean])
        found["predict"] = hashed(label.tolist())
    elif net.loss_name == "bce_with_logits":
        label = np.where(is_nan, -1, z > 0)
        clean = ~is_nan.any(axis=1)
        assert np.array_equal(label[clean].reshape(net.predict(x[clean]).shape), net.predict(x[clean]))
        found["predict"] = hashed(label.reshape(-1).tolist())
    elif net.loss_name == "poisson":
        found["predict"] = hashed(words(net.predict(x).reshape(-1)))
    if net.criterion.classifies:
        found["probabilities"] = hashed(words(net.predict_proba(x).reshape(-1)))
    return found


# ---- The program that asks them --------------------------------------------------------------------------------------

PROGRAM = """\
#include <stdint.h>
#include <stdio.h>
#include <string.h>
{includes}
static uint64_t digest;
static void start(void) {{ digest = UINT64_C({offset}); }}
static void take(uint64_t word) {{ digest = (digest ^ word) * UINT64_C({prime}); }}
static void take_float(const float *x, int n)
{{
    uint32_t bits;
    for (int i = 0; i < n; i++) {{
        memcpy(&bits, x + i, sizeof bits);
        take(x[i] != x[i] ? UINT32_C(0x7fc00000) : bits);
    }}
}}
static void take_double(const double *x, int n)
{{
    uint64_t bits;
    for (int i = 0; i < n; i++) {{
        memcpy(&bits, x + i, sizeof bits);
        take(x[i] != x[i] ? UINT64_C(0x7ff8000000000000) : bits);
    }}
}}
static void say(const char *name)
{{
    printf("%s %08lx%08lx\\n", name, (unsigned long)(digest >> 32), (unsigned long)(digest & 0xffffffff));
}}
{tables}
int main(void)
{{
{calls}    return 0;
}}
"""


def program(cases):
    """A program in C that prints `answers` of all cases, a line for each function."""
    tables, calls = [], []
    for case in cases:
        x, real = rows(case), "float" if case.net.dtype == np.float32 else "double"
        size, out = case.net.sizes[0], case.net.sizes[-1]
        bits = [f"0x{word:x}" for word in x.reshape(-1).view(f"u{x.itemsize}").tolist()]
        unsigned = f"uint{8 * x.itemsize}_t"
        joined = ",\n".join(", ".join(bits[i : i + 8]) for i in range(0, len(bits), 8))
        tables.append(f"static const {unsigned} x_{case.name}[] = {{\n{joined}\n}};\n")
        memory = f", w_{case.name}" if case.options.get("workspace") else ""
        if memory:
            tables.append(f"static {real} w_{case.name}[{case.name.upper()}_WORKSPACE];\n")
        calls.append(f"    static {real} row_{case.name}[{size}], z_{case.name}[{out}];\n")
        for function in answers(case):
            inner = _call(case, function, real, out, memory)
            calls.append(
                f"    start();\n    for (int i = 0; i < {len(x)}; i++) {{\n"
                f"        memcpy(row_{case.name}, x_{case.name} + i * {size}, sizeof row_{case.name});\n"
                f'{inner}    }}\n    say("{case.name} {function}");\n'
            )
    includes = "".join(f'#include "{case.name}.h"\n' for case in cases)
    return PROGRAM.format(
        includes=includes, tables="".join(tables), calls="".join(calls), offset=hex(FNV_OFFSET), prime=hex(FNV_PRIME)
    )


def _call(case, function, real, out, memory):
    name, z = case.name, f"z_{case.name}"
    if function == "predict" and case.net.criterion.classifies:
        if case.net.loss_name == "bce_with_logits" and out > 1:
            return (
                f"        int y[{out}];\n        {name}_predict(row_{name}, y{memory});\n"
                f"        for (int j = 0; j < {out}; j++)\n            take((uint64_t)(int64_t)y[j]);\n"
            )
        return f"        take((uint64_t)(int64_t){name}_predict(row_{name}{memory}));\n"
    return f"        {name}_{function}(row_{name}, {z}{memory});\n        take_{real}({z}, {out});\n"


def expected(cases):
    """What the program is to print."""
    return [f"{case.name} {function} {digest}" for case in cases for function, digest in answers(case).items()]


def write(cases, folder):
    """The networks and the program, as files; returns their names."""
    for case in cases:
        case.net.to_c(folder / f"{case.name}.c", **case.options)
    (folder / "main.c").write_text(program(cases))
    return ["main.c", *(f"{case.name}.c" for case in cases)]
