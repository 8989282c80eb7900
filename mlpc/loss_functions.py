"""Functions of arrays that are made of classes of losses."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any, Protocol

from numpy.typing import ArrayLike

from mlpc.arguments import Array
from mlpc.names import Reduction

__all__ = ["LossFunction", "function_of"]


class LossFunction(Protocol):
    """A loss of arrays and its derivative; the loss's settings are keywords."""

    __name__: str
    __qualname__: str

    def __call__(
        self,
        z: Array,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        reduction: Reduction = "mean",
        **settings: Any,
    ) -> tuple[float, Array]: ...


_PARAMETERS = """
    Parameters
    ----------
    z : array, shape (n, k)
        Logits or predictions, float32 or float64.
    y : array-like
        As above; n is at least 1.{settings}
    sample_weight : array-like, shape (n,), optional
        Finite and >= 0, not all 0.
    reduction : {{"mean", "sum"}}

    Returns
    -------
    loss : float
        Computed in double.
    dz : array, shape (n, k)
        In z's dtype.

    Raises
    ------
    TypeError, ValueError
        Where a dtype, a shape or a value is not as above.

    Examples"""


def function_of(loss: Any) -> LossFunction:
    """A class of `mlpc.losses` as a function of arrays, whose keywords are the settings of the loss, too."""

    def function(
        z: Array,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        reduction: Reduction = "mean",
        **settings: Any,
    ) -> tuple[float, Array]:
        return loss(**settings)(z, y, sample_weight=sample_weight, reduction=reduction)

    function.__name__ = function.__qualname__ = loss.name
    function.__module__ = loss.__module__
    words, _, examples = (inspect.getdoc(loss) or "").replace("\n", "\n    ").partition("Examples")
    formula, _, parameters = words.partition("Parameters\n    ----------")
    function.__doc__ = formula.rstrip() + "\n" + _PARAMETERS.format(settings=parameters.rstrip()) + examples + "\n    "
    keywords = [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default) for field in fields(loss)
    ]
    plain = [p for p in inspect.signature(function).parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    function.__signature__ = inspect.Signature(plain + keywords)  # type: ignore[attr-defined]
    return function
