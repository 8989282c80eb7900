"""A training that ends in time."""

from __future__ import annotations

import time
from typing import Any

from mlpc.arguments import real_number
from mlpc.callbacks.callback import Callback

__all__ = ["TimeBudget"]


class TimeBudget(Callback):
    """Train no longer than so many seconds, validation and callbacks among them: ``fit(..., max_seconds=...)``.

    No epoch is begun for which, if it takes as long as the longest one before it, there is no time left.  The first
    one is always trained.  A run that is resumed has the whole budget again, and goes on where this one has stopped.

    Parameters
    ----------
    seconds : float
        >= 0.

    Examples
    --------
    >>> import mlpc
    >>> (x, y), _ = mlpc.datasets.load_digits()
    >>> mlpc.MLP([64, 10]).fit(x, y, epochs=100, callbacks=[TimeBudget(0)]).epochs
    1
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = real_number("seconds", seconds)
        self._begun = self._before = self._longest = 0.0

    def begin(self, run: Any) -> None:
        self._begun = self._before = time.monotonic()
        self._longest = 0.0

    def epoch_end(self, run: Any) -> None:
        now = time.monotonic()
        self._longest = max(self._longest, now - self._before)
        self._before = now
        if now + self._longest > self._begun + self.seconds:
            run.stop(resumable=True)
