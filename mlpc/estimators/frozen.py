"""A network as it is now, for any number of threads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from mlpc.arguments import Array
from mlpc.csr import Input
from mlpc.net import MLP
from mlpc.predictor import Predictor

__all__ = ["Frozen"]


class Frozen:
    """What answers for a network: copies of it, made anew where the network's numbers have changed.

    Parameters
    ----------
    net : MLP

    Attributes
    ----------
    net : MLP
    watched : bool
        Whether others can change the numbers, so that they are compared before each answer.
    """

    def __init__(self, net: MLP) -> None:
        self.net, self.watched = net, False
        self._changing = False
        self._numbers: tuple[Array, Array] | None = None
        self._predictor: Predictor | None = None
        self._twin: MLP | None = None
        self._lock = threading.Lock()

    def predictor(self) -> Predictor:
        """That of the numbers as they are."""
        predictor = self._predictor
        if predictor is None or self.watched or self._changing:
            with self._lock:
                self._refresh()
                predictor = self._predictor = self._predictor or self.net.freeze()
        return predictor

    def hidden(self, x: Input) -> Array:
        """What the last hidden layer makes of x."""
        with self._lock:
            self._refresh()
            if self._twin is None:
                self._twin = self.net.copy().eval()
            self._twin.forward(x)
            return np.array(self._twin.layers[-1].input)

    @contextlib.contextmanager
    def changes(self) -> Iterator[None]:
        """Meanwhile the estimator itself changes the numbers."""
        self._changing = True
        try:
            yield
        finally:
            self._changing = False
            self._forget()

    def _refresh(self) -> None:
        """Forget the copies of other numbers; which they are is only known where somebody can change them."""
        if not (self.watched or self._changing):
            return
        if self._numbers is None or not self._is_current(*self._numbers):
            self._forget()
            self._numbers = self.net._copy_numbers()

    def _forget(self) -> None:
        self._numbers = self._predictor = self._twin = None

    def _is_current(self, parameters: Array, statistics: Array) -> bool:
        same: Any = (parameters == self.net.parameters).all()
        return bool(same) and (not statistics.size or bool((statistics == self.net._statistics).all()))
