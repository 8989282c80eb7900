"""What stands behind the linear layers of a network, as the arguments of `MLP` say it."""

from __future__ import annotations

from typing import Any

from mlpc import _mlpc
from mlpc.arguments import is_several, real_number
from mlpc.layers import Activation, block_of
from mlpc.norm_layers import NORMS, Norm

__all__ = ["activations_of", "dropouts_of", "norms_of"]


def activations_of(activation: Any, hidden: int) -> list[_mlpc.Activation]:
    """One activation for each of so many hidden layers, from one for all of them, or from a list.

    Raises
    ------
    TypeError, ValueError
        Where it is neither.

    Examples
    --------
    >>> activations_of("relu", 2)
    ['relu', 'relu']
    """
    if isinstance(activation, (str, Activation)):
        return [block_of(activation)] * hidden
    if not is_several(activation):
        raise TypeError(
            f"activation: expected a name, an activation of mlpc.layers, or a list of these, got {activation!r}"
        )
    blocks = [block_of(each) for each in activation]
    if len(blocks) != hidden:
        raise ValueError(f"activation: expected a name, or {hidden} for as many hidden layers, got {activation!r}")
    return blocks


def dropouts_of(input_dropout: Any, dropout: Any, hidden: int) -> list[float]:
    """The probabilities of the input and of each of so many hidden layers, from one for all of these, or a list.

    Raises
    ------
    TypeError, ValueError
        Where one is no number in [0, 1), or there are too many or too few.

    Examples
    --------
    >>> dropouts_of(0.2, 0.5, 2)
    [0.2, 0.5, 0.5]
    """
    if is_several(dropout):
        each = [_probability(f"dropout[{place}]", p) for place, p in enumerate(dropout)]
        if len(each) != hidden:
            raise ValueError(f"dropout: expected a number, or {hidden} for as many hidden layers, got {dropout!r}")
    else:
        each = [_probability("dropout", dropout)] * hidden
    return [_probability("input_dropout", input_dropout), *each]


def norms_of(norm: Any, hidden: int) -> list[_mlpc.Norm | None]:
    """The norm of each of so many hidden layers, as the extension takes it, from one for all of them, or from a list.

    Raises
    ------
    ValueError
        Where one is neither None nor a norm nor the name of one, or there are too many or too few.

    Examples
    --------
    >>> import mlpc
    >>> norms_of(["batch", None], 2)
    ['batch', None]
    >>> norms_of(mlpc.layers.BatchNorm(momentum=0.01), 1)
    [('batch', 1e-05, 0.01)]
    """
    each = list(norm) if is_several(norm) else [norm] * hidden
    if any(not (one is None or isinstance(one, Norm) or (isinstance(one, str) and one in NORMS)) for one in each):
        names = " or ".join(map(repr, NORMS))
        raise ValueError(f"norm: expected None, {names}, or a list of these, got {norm!r}")
    if len(each) != hidden:
        raise ValueError(f"norm: expected one, or {hidden} for as many hidden layers, got {norm!r}")
    return [one._spec if isinstance(one, Norm) else one for one in each]


def _probability(name: str, value: Any) -> float:
    """Below 1: what is always 0 cannot be scaled."""
    p = real_number(name, value)
    if p >= 1:
        raise ValueError(f"{name}: expected a number in [0, 1), got {value!r}")
    return p
