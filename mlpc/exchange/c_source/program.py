"""What a network computes for one sample, as tables and calls in C."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mlpc.arguments import Array
from mlpc.exchange.c_source.quantized import quantize
from mlpc.exchange.c_source.weights import in_panels, number
from mlpc.layer import Layer
from mlpc.layers import Activation, BatchNorm, Identity, LayerNorm, Linear
from mlpc.network import Network

__all__ = ["Program", "program_of"]


@dataclass
class Program:
    """The layers of a network, one after the other, from `x` to `z`.

    Attributes
    ----------
    tables : dict of ndarray
        What the layers read, by name.
    calls : list of str
        The functions of layers.inc, with their arguments.
    activations : dict of bool
        Those that are called, by name, and whether they have a setting.
    arrays : dict of int
        Those between the layers, by name, and their lengths.
    """

    tables: dict[str, Array] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    activations: dict[str, bool] = field(default_factory=dict)
    arrays: dict[str, int] = field(default_factory=dict)

    def table(self, layer: Layer, name: str, array: Array) -> str:
        """Keep a table of a layer; returns its name."""
        check_finite(layer, f".{name}", array)
        self.tables[f"{name}_{layer.index}"] = array.reshape(-1)
        return f"{name}_{layer.index}"

    def applied(self, activation: str, array: str, n: int, *settings: str) -> str:
        """The call that applies an activation to an array."""
        self.activations[activation] = bool(settings)
        return f"apply_{activation}({', '.join([array, *settings, str(n)])});"

    def call(self, function: str, *arguments: object) -> None:
        self.calls.append(f"{function}({', '.join(map(str, arguments))});")


def check_finite(layer: Layer, what: str, array: Array) -> None:
    """ValueError where a number of a layer is not finite."""
    if not np.isfinite(array).all():
        raise ValueError(f"layers[{layer.index}]{what}: expected finite numbers, got {array[~np.isfinite(array)][0]}")


def program_of(net: Network, int8: bool) -> Program:
    """The program of a network in eval mode, with weights of its dtype, or of bytes.

    Raises
    ------
    ValueError
        Where a number is not finite.

    Examples
    --------
    >>> import mlpc
    >>> program = program_of(mlpc.MLP([4, 3, 2]), False)
    >>> program.calls
    ['linear(a, x, weight_0, bias_0, 4, 3);', 'apply_relu(a, 3);', 'linear(z, a, weight_2, bias_2, 3, 2);']
    >>> list(program.tables), program.arrays
    (['weight_0', 'bias_0', 'weight_2', 'bias_2'], {'a': 3})
    """
    program = Program()
    last = max(layer.index for layer in net.layers if isinstance(layer, Linear))
    array = "x"
    for layer in net.layers:
        if isinstance(layer, Linear):
            before, array = array, "z" if layer.index == last else "b" if array == "a" else "a"
            if array != "z":
                program.arrays[array] = max(layer.n_out, program.arrays.get(array, 0))
            _linear(program, layer, array, before, int8)
        elif isinstance(layer, BatchNorm):
            _batch_norm(program, layer, array)
        elif isinstance(layer, LayerNorm):
            gain, shift = (program.table(layer, name, getattr(layer, name)) for name in ("weight", "bias"))
            program.call("layer_norm", array, gain, shift, number(layer.eps, np.dtype(np.float64)), layer.n_out)
        elif isinstance(layer, Activation) and not isinstance(layer, Identity):
            settings = [number(net.dtype.type(value), net.dtype) for value in layer.settings.values()]
            program.calls.append(program.applied(layer.name, array, layer.n_out, *settings))
    return program


def _linear(program: Program, layer: Linear, to: str, of: str, int8: bool) -> None:
    weight = layer.weight
    program.table(layer, "weight", weight)
    bias = program.table(layer, "bias", layer.bias)
    if int8:
        weight, scale = quantize(weight)
        scales = program.table(layer, "scale", scale)
        weights = program.table(layer, "weight", in_panels(weight))
        program.call("linear_int8", to, of, weights, scales, bias, layer.n_in, layer.n_out)
    else:
        weights = program.table(layer, "weight", in_panels(weight))
        program.call("linear", to, of, weights, bias, layer.n_in, layer.n_out)


def _batch_norm(program: Program, layer: BatchNorm, array: str) -> None:
    """As batch_norm_fold of the kernels: in float64, and rounded once."""
    names = ("weight", "bias", "running_mean", "running_var")
    for name in names:
        check_finite(layer, f".{name}", getattr(layer, name))
    gain, shift, mean, var = (getattr(layer, name).astype(np.float64) for name in names)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # what comes of an overflow is refused
        factor = gain * (1 / np.sqrt(var + layer.eps))
        s, t = factor.astype(layer.weight.dtype), (shift - mean * factor).astype(layer.weight.dtype)
    check_finite(layer, ", its factor", s)
    check_finite(layer, ", what it adds", t)
    program.call("batch_norm", array, program.table(layer, "s", s), program.table(layer, "t", t), layer.n_out)
