"""A regressor's loss that is a function of the user's own: what is minimised, and epochs, batch by batch in Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mlpc.arguments import Array
from mlpc.batches import Batch, Rows
from mlpc.epoch_loop import EpochLoop, Tally
from mlpc.estimators.epochs import Epochs, Tick
from mlpc.estimators.objective import Objective
from mlpc.names import Reduction
from mlpc.optimizer import Penalties

__all__ = ["OwnEpochs", "OwnObjective"]


class OwnObjective(Objective):
    """What the function says of some rows, and the penalties, which are divided by the number of these rows."""

    _reduction: ClassVar[Reduction] = "mean"  # the function's value is taken as it comes

    def targets(self, y: Array, weights: Array | None) -> Any:
        return self._loss.objective(self.net, y, self._spec, weights)

    def of_outputs(self, z: Array, y: Array, weights: Array | None) -> float:
        return self._loss(z.copy(), y)[0]

    def of_all(self, x: Any, y: Array, weights: Array | None) -> float:
        """The same as the base's, of one call of the function."""
        value = self._loss.with_gradients(self.net, x.held, y, self._spec, None, False)
        self.add_penalty_gradient(len(y))
        return value + self.penalty(len(y))


class OwnEpochs(Epochs):
    """Epochs of such an objective."""

    def _keep_data(self) -> None:
        y = self.objective.targets(self.part.y, self.part.weights)
        self._source = Rows(self.objective.net, self.part.x.held, y, None, self.batch_size, shuffle=False)
        self._alone = None

    def _computed(self, spec: Any, order: Array | None, factors: Array, draws: tuple[int, int], tick: Tick) -> Array:
        objective = self.objective
        record = np.zeros((3, len(factors)))
        loop = _GivenSteps(
            net=objective.net,
            optimizer=self.solver.optimizer,
            criterion=objective._loss,
            spec=objective._spec,
            source=self._source,
            accumulate=1,
            scale=None,
            noise=0.0,
            keep_gradients=False,
            objective=objective,
            rows=np.split(self._order, self._starts[1:]),
            factors=factors,
            of_epoch=spec,
            record=record,
        )
        loop.train(0, 0, draws, tick)
        return record


@dataclass(frozen=True)
class _GivenSteps(EpochLoop):
    """Those of an epoch over given rows.

    Parameters
    ----------
    objective : Objective
    rows : list of ndarray
        Of each batch.
    factors : ndarray, (steps,)
        What the penalties are multiplied by, where they are part of the gradient.
    of_epoch : tuple
        The optimizer as the extension takes it for an epoch, with the rate of each step.
    record : ndarray, (3, steps)
        Written: the loss, and the sums |W|^2 and |W|, before each step.
    """

    objective: Objective
    rows: list[Array]
    factors: Array
    of_epoch: Any
    record: Array

    def _steps(self, seed: int, number: int, progress: Tally) -> float:
        assert isinstance(self.source, Rows)
        name, numbers, penalties, *rest, rates = self.of_epoch
        rate = 0.0
        for step, (rows, factor, rate) in enumerate(zip(self.rows, self.factors, rates.tolist(), strict=True)):
            self.record[1:, step] = self.objective.sums_of_weights()
            self.differentiate([Batch(self.source.x[rows], self.source.y[rows], None)], len(rows), rate, progress)
            self.record[0, step] = progress.loss
            decay, l1, *others = penalties
            decay = decay if name == "adamw" else decay * factor
            self.net._step((name, numbers, Penalties(decay, l1 * factor, *others), *rest, None), rate)
            progress.keep(self.net)
            progress.tick()
        return rate
