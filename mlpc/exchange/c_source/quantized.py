"""Weights of one byte each: symmetric, with a scale for each output."""

from __future__ import annotations

import numpy as np

from mlpc.arguments import Array
from mlpc.layer import Linear
from mlpc.network import N

__all__ = ["quantize", "quantized"]

_MOST = 127


def quantize(weight: Array) -> tuple[Array, Array]:
    """Bytes and scales of a weight (n_out, n_in), of which ``q * scale[:, None]`` is nearest to it.

    The scale of an output is its largest weight, by magnitude, over 127; the number below where 127 times that would be
    infinite.

    Returns
    -------
    q : ndarray of int8, (n_out, n_in)
        From -127 to 127.
    scale : ndarray, (n_out,)
        In the weight's dtype.

    Examples
    --------
    >>> q, scale = quantize(np.array([[1.27, -0.5], [0.0, 0.0]]))
    >>> q.tolist(), scale.tolist()
    ([[127, -50], [0, 0]], [0.01, 0.0])
    """
    scale = (np.abs(weight).max(axis=1).astype(np.float64) / _MOST).astype(weight.dtype)
    with np.errstate(over="ignore"):
        scale = np.where(np.isinf(scale * weight.dtype.type(_MOST)), np.nextafter(scale, 0, dtype=weight.dtype), scale)
    divisor = np.where(scale == 0, np.inf, scale.astype(np.float64))
    q = np.rint(weight.astype(np.float64) / divisor[:, None])
    return np.clip(q, -_MOST, _MOST).astype(np.int8), scale


def quantized(net: N) -> N:
    """A copy of a network whose weights are those that its C source with ``dtype="int8"`` computes with.

    Each weight is a whole number from -127 to 127 times the scale of its output, rounded once; biases and norms stay as
    they are.

    Parameters
    ----------
    net : MLP

    Returns
    -------
    MLP
        In eval mode.

    Examples
    --------
    >>> import mlpc
    >>> from mlpc.exchange.c_source import quantized
    >>> net = mlpc.MLP([2, 1], init=[[[1.0, 0.3]], [0.5]])
    >>> quantized(net).layers[0].weight
    array([[1.       , 0.2992126]], dtype=float32)
    """
    twin = net.copy().eval()
    for layer in twin.layers:
        if isinstance(layer, Linear):
            q, scale = quantize(layer.weight)
            layer.weight = q.astype(net.dtype) * scale[:, None]
    return twin
