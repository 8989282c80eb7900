"""Epochs over batches, in the order and with the figures of scikit-learn's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from mlpc import _mlpc
from mlpc.arguments import Array, draws_after
from mlpc.estimators.inputs import Inputs
from mlpc.estimators.objective import Objective
from mlpc.estimators.solvers import Solver
from mlpc.net import MLP

__all__ = ["Epochs", "Part", "Tick", "part_of"]

Tick: TypeAlias = Callable[[int], object] | None


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


class _Steps:
    """What the rows of each batch weigh together, which is what sums over them are divided by."""

    def __init__(self, totals: Array) -> None:
        self.factors = np.divide(1.0, totals, out=np.zeros_like(totals), where=totals > 0)
        self.taken: list[int] = np.flatnonzero(totals > 0).tolist()  # by these batches alone


class Epochs:
    """What trains a network epoch by epoch, each of them one call of the core.

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

    def __init__(
        self,
        objective: Objective,
        solver: Solver,
        part: Part,
        batch_size: int,
        random_state: np.random.RandomState | None,
    ) -> None:
        self.objective, self.solver, self.part, self.batch_size = objective, solver, part, batch_size
        self._random_state, n, net = random_state, len(part.x), objective.net
        self._order = np.arange(n)
        self._keep_data()
        self._starts = np.arange(net._epoch_steps(n, batch_size)) * batch_size
        self._rows = np.diff(self._starts, append=n).astype(np.float64)
        self._steps = _Steps(self._rows)

    def _keep_data(self) -> None:
        """As all epochs take them."""
        x, y, weights = self.part.x.held, self.part.y, self.part.weights
        self._samples = _mlpc.Samples(x, None, self.objective.net.dtype, "choose")
        self._targets = self.objective.targets(y, weights)
        self._alone = self.objective.of_targets(y, weights)

    def train(self, tick: Tick = None) -> float:
        """One epoch; the mean over its rows of the objective of each batch, as it was before its step.

        A batch of rows that weigh nothing takes no step, and counts as 0.  tick(rows) is called now and then.

        Raises
        ------
        DivergenceError
            Where a number is not finite; network and optimizer are as before the epoch then.
        """
        net = self.objective.net
        if self._random_state is not None:
            self._random_state.shuffle(self._order)
        steps = self._steps if self.part.weights is None else _Steps(self._of_batches(self.part.weights))
        order = None if self._random_state is None else self._order
        draws, net._draws = net._draws, draws_after(net._draws, len(self._rows))
        record = self.solver.epoch(
            len(self._rows), steps.taken, lambda spec: self._computed(spec, order, steps.factors, draws, tick)
        )
        values = self.objective.values(record, steps.factors)
        if self._alone is not None:
            values = values + self._of_batches(self._alone) * steps.factors
        return _mlpc.sum(values * self._rows) / len(self._order)

    def _computed(self, spec: Any, order: Array | None, factors: Array, draws: tuple[int, int], tick: Tick) -> Array:
        """One epoch: (3, steps), the loss of each, and the sums |W|^2 and |W| before it."""
        *_, record = self.objective.net._train_epoch(
            self._samples, self._targets, None, None, spec, self.batch_size, False, 0, 0, False, tick, draws, 0.0,
            (order, factors),
        )  # fmt: skip
        return record

    def _of_batches(self, numbers: Array) -> Array:
        """Sums over the rows of each batch."""
        pieces = np.split(numbers[self._order], self._starts[1:])
        return np.array([_mlpc.sum(piece) for piece in pieces])
