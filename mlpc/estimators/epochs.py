"""Epochs over batches, in the order and with the figures of scikit-learn's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlpc.arguments import Array
from mlpc.estimators.inputs import Inputs
from mlpc.estimators.objective import Objective
from mlpc.estimators.solvers import Solver
from mlpc.net import MLP

__all__ = ["Epochs", "Part", "part_of"]


@dataclass(frozen=True)
class Part:
    """Rows with what is to be learnt of them."""

    x: Inputs
    y: Array
    weights: Array | None

    def rows(self, rows: Array) -> Part:
        """Those rows alone."""
        return Part(self.x.part(rows), self.y[rows], None if self.weights is None else self.weights[rows])


def part_of(net: MLP, x: Any, y: Array, weights: Array | None) -> Part:
    """Rows in the dtype of a network; labels stay whole numbers."""
    return Part(Inputs(x, net.dtype), y.astype(net.dtype) if y.dtype.kind == "f" else y, weights)


@dataclass
class Epochs:
    """What trains a network epoch by epoch.

    Parameters
    ----------
    objective, solver : Objective, Solver
    part : Part
        What it is trained on.
    batch_size : int
        Rows per batch; the last one may be short.
    random_state : RandomState or None
        Of the order of rows; None for that in which they are.
    """

    objective: Objective
    solver: Solver
    part: Part
    batch_size: int
    random_state: np.random.RandomState | None

    def __post_init__(self) -> None:
        self._order: Any = np.arange(len(self.part.x))

    def train(self, tick: Callable[[int], object] | None = None) -> float:
        """One epoch; the mean over its rows of the objective of each batch, as it was before its step.

        A batch of rows that weigh nothing takes no step, and counts as 0.  tick(rows) is called after each batch.
        """
        n, net = len(self.part.x), self.objective.net
        if self.random_state is not None:
            shuffle = np.arange(n)
            self.random_state.shuffle(shuffle)
            self._order = self._order[shuffle]
        steps = net._epoch_steps(n, self.batch_size)
        rates = self.solver.rates(steps)
        value = 0.0
        before, net.training = net.training, True
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # what diverges is told in the end, in words
                for step in range(steps):
                    start, end = step * self.batch_size, n if step == steps - 1 else (step + 1) * self.batch_size
                    rows = slice(start, end) if self.random_state is None else self._order[start:end]
                    value += self._step(rows, float(rates[min(step, len(rates) - 1)])) * (end - start)
                    if tick is not None:
                        tick(end)
        finally:
            net.training = before
        return value / n

    def _step(self, rows: Any, rate: float) -> float:
        part, objective = self.part, self.objective
        y, weights = part.y[rows], None if part.weights is None else part.weights[rows]
        total = objective.total(y, weights)
        if total == 0:
            return 0.0
        value = objective.differentiate(part.x[rows], y, weights, total) + objective.penalty(total)
        self.solver.step(total, rate)
        return value
