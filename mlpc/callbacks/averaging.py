"""The mean of the weights of several epochs, which is often better than any of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlpc.arguments import Array, converted, real_number, shaped, whole_number
from mlpc.callbacks.best import of_keys
from mlpc.callbacks.callback import Callback
from mlpc.norm_statistics import estimate_statistics

__all__ = ["Averaging"]


class Averaging(Callback):
    """Average the weights over epochs, and swap the average in at the end.

    - ``Averaging(start=k)``: the mean of epoch k and all after it: Izmailov et al., "Averaging Weights Leads to Wider
      Optima and Better Generalization" (SWA), 2018.
    - ``Averaging(decay)``: from epoch `start` on, ``average = decay * average + (1 - decay) * weights``, beginning with
      the weights of that epoch: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992.

    The average is kept in double precision and rounded once, when it is swapped in.  Neither training nor validation
    sees it; checkpoints hold both.  Running statistics of batch norm are estimated anew for it, as the mean over the
    batches of one more pass over the data, in order; with batches that come one by one it is refused.

    Parameters
    ----------
    decay : float, optional
        In [0, 1); left out, every epoch counts alike.
    start : int
        The first epoch that counts, >= 1.

    Attributes
    ----------
    epochs : int
        How many epochs the average is of.
    average : ndarray or None
        In the order of `MLP.parameters`, float64; None where it is of no epoch.

    Examples
    --------
    >>> import mlpc
    >>> (x, y), _ = mlpc.datasets.load_digits()
    >>> seen, net = [], mlpc.MLP([64, 10], dtype="float64")
    >>> keep = lambda net, history: seen.append(net.parameters.copy())
    >>> history = net.fit(x, y, epochs=4, callbacks=[Averaging(start=3), keep])
    >>> np.allclose(net.parameters, (seen[2] + seen[3]) / 2, rtol=1e-15)
    True
    """

    def __init__(self, decay: float | None = None, *, start: int = 1) -> None:
        self.decay = None if decay is None else real_number("decay", decay)
        if self.decay is not None and self.decay >= 1:
            raise ValueError(f"decay: expected a number in [0, 1), got {decay!r}")
        self.start = whole_number("start", start, 1)
        self.epochs = 0
        self.average: Array | None = None
        self._n_parameters = 0

    def begin(self, run: Any) -> None:
        if "batch" in run.net.norms and run.unit != "rows":
            raise ValueError("callbacks: expected no Averaging of batch norm with an iterable of batches, got one")
        self.epochs, self.average, self._n_parameters = 0, None, run.net.n_parameters

    def epoch_end(self, run: Any) -> None:
        if run.history.epochs < self.start:
            return
        weights = run.net.parameters.astype(np.float64)
        self.epochs += 1
        if self.average is None:
            self.average = weights
        else:
            share = 1 / self.epochs if self.decay is None else 1 - self.decay
            self.average += (weights - self.average) * share

    def end(self, run: Any) -> None:
        if run.finished and self.average is not None:
            run.net.parameters[:] = converted("average", self.average, run.net.dtype)
            if "batch" in run.net.norms:
                estimate_statistics(run.net, run._batches_in_order())

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs} | ({} if self.average is None else {"average": self.average.copy()})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        epochs = whole_number("epochs", state.get("epochs", 0))
        of_keys(state, {"epochs": 0} | ({"average": 0} if epochs else {}))
        average = None
        if epochs:
            average = shaped("average", state["average"], (self._n_parameters,), np.dtype(np.float64)).copy()
        self.epochs, self.average = epochs, average
