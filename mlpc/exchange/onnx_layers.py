"""Layers as nodes of ONNX.

In float32 most are an operator of ONNX's own.  In float64 several of these are written out: attributes of ONNX are
float32, so that the slope of a LeakyRelu or the eps of a norm would be another one; and onnxruntime has no Elu, Selu
and Softplus in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mlpc.exchange.onnx_graph import Graph
from mlpc.layers import Activation, BatchNorm, Layer, LayerNorm, Linear

__all__ = ["layer_nodes"]


def layer_nodes(graph: Graph, part: Layer, z: str) -> str:
    """The name of what a layer makes of z, in eval mode."""
    graph.scope = f"layers.{part.index}."
    match part:
        case Linear():
            return graph.apply("Gemm", z, *_numbers(graph, part, "weight", "bias"), transB=1)
        case BatchNorm():
            return _batch_norm(graph, part, z)
        case LayerNorm():
            return _layer_norm(graph, part, z)
        case Activation():
            return _activation(graph, part.name, z, *part.settings.values())
    return z  # dropout


def _numbers(graph: Graph, part: Layer, *names: str) -> list[str]:
    """Arrays of a layer, under their keys of the state dict."""
    return [graph.constant(f"{part.index}.{name}", getattr(part, name)) for name in names]


def _batch_norm(graph: Graph, part: BatchNorm, z: str) -> str:
    if graph.single:
        numbers = _numbers(graph, part, "weight", "bias", "running_mean", "running_var")
        return graph.apply("BatchNormalization", z, *numbers, epsilon=part.eps)
    scale = part.weight / np.sqrt(part.running_var + part.eps)
    return graph.apply("Add", graph.apply("Mul", z, scale), part.bias - part.running_mean * scale)


def _layer_norm(graph: Graph, part: LayerNorm, z: str) -> str:
    weight, bias = _numbers(graph, part, "weight", "bias")
    if graph.single:
        return graph.apply("LayerNormalization", z, weight, bias, epsilon=part.eps)
    centred = graph.apply("Sub", z, graph.apply("ReduceMean", z, axes=[1]))
    variance = graph.apply("ReduceMean", graph.apply("Mul", centred, centred), axes=[1])
    deviation = graph.apply("Sqrt", graph.apply("Add", variance, part.eps))
    return graph.apply("Add", graph.apply("Mul", graph.apply("Div", centred, deviation), weight), bias)


# ---- Activations -----------------------------------------------------------------------------------------------------

_OPERATORS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}
_SINGLE = {"leaky_relu": "LeakyRelu", "elu": "Elu", "selu": "Selu", "softplus": "Softplus"}
"""Operators that are called by name; those for float32 alone take a setting as their attribute alpha."""


def _activation(graph: Graph, name: str, z: str, *settings: float) -> str:
    if name == "identity":
        return z
    if name in _OPERATORS:
        return graph.apply(_OPERATORS[name], z)
    if name in _SINGLE and graph.single:
        alpha: dict[str, Any] = dict(zip(["alpha"], settings, strict=False))
        return graph.apply(_SINGLE[name], z, **alpha)
    return _WRITTEN_OUT[name](graph, z, *settings)


def _leaky_relu(graph: Graph, z: str, slope: float) -> str:
    return _where_positive(graph, z, graph.apply("Mul", z, slope))


def _elu(graph: Graph, z: str, alpha: float) -> str:
    below = graph.apply("Sub", graph.apply("Exp", z), 1.0)
    return _where_positive(graph, z, graph.apply("Mul", below, alpha))


def _selu(graph: Graph, z: str) -> str:
    return graph.apply("Mul", _elu(graph, z, 1.6732632423543772), 1.0507009873554805)


def _gelu(graph: Graph, z: str) -> str:
    erf = graph.apply("Erf", graph.apply("Mul", z, math.sqrt(0.5)))
    return graph.apply("Mul", graph.apply("Mul", z, 0.5), graph.apply("Add", erf, 1.0))


def _silu(graph: Graph, z: str) -> str:
    return graph.apply("Mul", z, graph.apply("Sigmoid", z))


def _mish(graph: Graph, z: str) -> str:
    return graph.apply("Mul", z, graph.apply("Tanh", _activation(graph, "softplus", z)))


def _softplus(graph: Graph, z: str) -> str:
    below = graph.apply("Exp", graph.apply("Neg", graph.apply("Abs", z)))
    return graph.apply("Add", graph.apply("Max", z, 0.0), graph.apply("Log", graph.apply("Add", below, 1.0)))


def _hardtanh(graph: Graph, z: str) -> str:
    return graph.apply("Clip", z, -1.0, 1.0)


def _relu6(graph: Graph, z: str) -> str:
    return graph.apply("Clip", z, 0.0, 6.0)


def _where_positive(graph: Graph, z: str, otherwise: str) -> str:
    return graph.apply("Where", graph.apply("Greater", z, 0.0), z, otherwise)


_WRITTEN_OUT: dict[str, Callable[..., str]] = {
    "leaky_relu": _leaky_relu, "elu": _elu, "selu": _selu, "gelu": _gelu, "silu": _silu, "mish": _mish,
    "softplus": _softplus, "hardtanh": _hardtanh, "relu6": _relu6,
}  # fmt: skip
