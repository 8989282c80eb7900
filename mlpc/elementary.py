"""Elementary functions of each element of an array, as `mlpc.ops` has them."""

from __future__ import annotations

from typing import Protocol

from mlpc import _mlpc
from mlpc.arguments import Array, real_array

__all__ = ["cos", "erf", "erfc", "exp", "expm1", "log", "log1p"]


class _Map(Protocol):
    def __call__(self, x: Array, out: Array | None = None) -> Array: ...


_MAP = """{formula}, element by element, by mlpc's own sequence of correctly rounded operations.

    Parameters
    ----------
    x : array, any shape
        float32 or float64.
    out : array of that shape, optional

    Returns
    -------
    y : array like x
        NaN where x is NaN, or outside the function's domain.

    Raises
    ------
    TypeError, ValueError
        Where x has another dtype, or ``out`` does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpc import ops
    >>> ops.{name}(np.array([0.25, 1.0])).round(4)
    array([{values}])
    """


def _map(name: str, formula: str, values: str) -> _Map:
    """An elementary function; values are those at 1/4 and 1, for the example."""

    def function(x: Array, out: Array | None = None) -> Array:
        return _mlpc.map(name, real_array("x", x), out)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = _MAP.format(name=name, formula=formula, values=values)
    return function


exp = _map("exp", "exp(x)", "1.284 , 2.7183")
expm1 = _map("expm1", "exp(x) - 1, exact near 0", "0.284 , 1.7183")
log = _map("log", "The natural logarithm of x", "-1.3863,  0.    ")
log1p = _map("log1p", "log(1 + x), exact near 0", "0.2231, 0.6931")
erf = _map("erf", "The error function 2 / sqrt(pi) times the integral of exp(-t^2) over 0..x", "0.2763, 0.8427")
erfc = _map("erfc", "1 - erf(x), without cancellation for large x", "0.7237, 0.1573")
cos = _map("cos", "cos(x)", "0.9689, 0.5403")
