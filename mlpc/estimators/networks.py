"""What estimators ask of networks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from mlpc.layer import Linear
from mlpc.net import MLP
from mlpc.threads import get_num_threads, limit_threads

__all__ = ["core_names", "linear_layers", "threads"]


def core_names(activation: Any) -> Any:
    """Activations by the core's names, of which scikit-learn has another one for the sigmoid.

    Examples
    --------
    >>> core_names(["logistic", "relu"])
    ['sigmoid', 'relu']
    """
    if isinstance(activation, (list, tuple)):
        return [core_names(each) for each in activation]
    return "sigmoid" if isinstance(activation, str) and activation == "logistic" else activation


def linear_layers(net: MLP) -> list[Linear]:
    """Those with weights.

    Examples
    --------
    >>> linear_layers(MLP([3, 2, 1]))
    [Linear(3, 2), Linear(2, 1)]
    """
    return [layer for layer in net.layers if isinstance(layer, Linear)]


@contextlib.contextmanager
def threads(most: int | None) -> Iterator[None]:
    """Calls of mlpc from this thread use at most so many threads, and not more than before; None: as many as else.

    Examples
    --------
    >>> import mlpc
    >>> with threads(1):
    ...     mlpc.get_num_threads()
    1
    """
    if most is None:
        yield
        return
    before = limit_threads(min(most, get_num_threads()))
    try:
        yield
    finally:
        limit_threads(before)
