"""Numbers of a network as tables in C, in the order in which its loops read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from mlpc.arguments import Array

__all__ = ["PANEL", "in_panels", "number", "table"]

PANEL = 8
"""Outputs whose weights lie together, as layers.inc has them."""

_WIDTH = 120
_ZEROS = re.compile(r"\.?0*p")


def number(value: float, dtype: np.dtype[np.generic]) -> str:
    """A number of the dtype, exactly.

    Examples
    --------
    >>> number(0.5, np.dtype("float32")), number(-10.0, np.dtype("float64")), number(3, np.dtype("int8"))
    ('0x1p-1f', '-0x1.4p+3', '3')
    """
    if dtype.kind == "i":
        return str(int(value))
    return _ZEROS.sub("p", float(value).hex()) + ("f" if dtype.itemsize == 4 else "")


def in_panels(weight: Array) -> Array:
    """A weight (n_out, n_in) as `linear` of layers.inc reads it: (n_out * n_in,).

    Examples
    --------
    >>> in_panels(np.arange(20).reshape(10, 2))
    array([ 0,  2,  4,  6,  8, 10, 12, 14,  1,  3,  5,  7,  9, 11, 13, 15, 16, 17, 18, 19])
    """
    whole = len(weight) // PANEL * PANEL
    panels = weight[:whole].reshape(-1, PANEL, weight.shape[1]).transpose(0, 2, 1)
    return np.concatenate([panels.reshape(-1), weight[whole:].reshape(-1)])


def table(name: str, array: Array) -> str:
    """A table of the numbers, with its name.

    Examples
    --------
    >>> print(table("bias_0", np.array([1.0, 0.25])), end="")
    static const double bias_0[2] = {
        0x1p+0, 0x1p-2,
    };
    """
    kind = {"float32": "float", "float64": "double", "int8": "int8_t"}[array.dtype.name]
    words = (number(value, array.dtype) for value in array.tolist())
    return f"static const {kind} {name}[{len(array)}] = {{\n{''.join(_lines(words))}}};\n"


def _lines(words: Iterable[str]) -> Iterator[str]:
    """As many words a line as it has room for."""
    line = "   "
    for word in words:
        if len(line) + len(word) + 2 > _WIDTH:
            yield line + "\n"
            line = "   "
        line += f" {word},"
    yield line + "\n"
