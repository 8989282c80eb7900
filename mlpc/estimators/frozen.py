"""A network as it is now, for any number of threads."""

from __future__ import annotations

import threading

import numpy as np

from mlpc.arguments import Array
from mlpc.net import MLP
from mlpc.predictor import Predictor

__all__ = ["Frozen"]


class Frozen:
    """What answers for a network: a predictor, made anew where the network's numbers have changed.

    Parameters
    ----------
    net : MLP
    """

    def __init__(self, net: MLP) -> None:
        self._net = net
        self._numbers: tuple[Array, Array] | None = None
        self._predictor: Predictor | None = None
        self._lock = threading.Lock()

    def predictor(self) -> Predictor:
        """That of the numbers as they are."""
        with self._lock:
            if self._predictor is None or not self._is_current():
                self._numbers = self._net._copy_numbers()
                self._predictor = self._net.freeze()
            return self._predictor

    def _is_current(self) -> bool:
        assert self._numbers is not None
        parameters, statistics = self._numbers
        return np.array_equal(parameters, self._net.parameters) and np.array_equal(statistics, self._net._statistics)
