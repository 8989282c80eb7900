"""A network as it is now, for any number of threads."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from mlpc.arguments import Array
from mlpc.net import MLP
from mlpc.predictor import Predictor

__all__ = ["Frozen"]


class Frozen:
    """What answers for a network: copies of it, made anew where the network's numbers have changed.

    Parameters
    ----------
    net : MLP
    """

    def __init__(self, net: MLP) -> None:
        self._net = net
        self._numbers: tuple[Array, Array] | None = None
        self._predictor: Predictor | None = None
        self._twin: MLP | None = None
        self._lock = threading.Lock()

    def predictor(self) -> Predictor:
        """That of the numbers as they are."""
        with self._lock:
            self._refresh()
            if self._predictor is None:
                self._predictor = self._net.freeze()
            return self._predictor

    def hidden(self, x: Array) -> Array:
        """What the last hidden layer makes of x."""
        with self._lock:
            self._refresh()
            if self._twin is None:
                self._twin = self._net.copy().eval()
            self._twin.forward(x)
            return np.array(self._twin.layers[-1].input)

    def _refresh(self) -> None:
        """Forget the copies of other numbers."""
        if self._numbers is None or not self._is_current(*self._numbers):
            self._numbers = self._net._copy_numbers()
            self._predictor = self._twin = None

    def _is_current(self, parameters: Array, statistics: Array) -> bool:
        same: Any = (parameters == self._net.parameters).all()
        return bool(same) and (not statistics.size or bool((statistics == self._net._statistics).all()))
