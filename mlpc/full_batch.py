"""Epochs of an optimizer that sees all rows at once: iterations of SciPy's over loss and gradient of all batches."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from mlpc import _mlpc
from mlpc.arguments import Array
from mlpc.batches import Batch, Rows
from mlpc.epoch_loop import EpochLoop, Tally, diverged
from mlpc.lbfgs import LBFGS
from mlpc.minimization import Minimization

__all__ = ["FullBatch"]


class FullBatch:
    """What trains a network by `LBFGS`, an iteration in every epoch.

    Parameters
    ----------
    loop : EpochLoop
        Knows network, optimizer, loss and batches.
    """

    def __init__(self, loop: EpochLoop) -> None:
        assert isinstance(loop.source, Rows)
        assert isinstance(loop.optimizer, LBFGS)
        self._rows = dataclasses.replace(loop.source, shuffle=False)
        self._loop, self._net, self._optimizer = loop, loop.net, loop.optimizer
        self._weight = loop.criterion.weight_of(self._rows.y, loop.spec, self._rows.sample_weight)
        self._minimization: Minimization | None = None
        self._tick: Callable[[int], object] | None = None
        self._seen: tuple[Array, Tally] | None = None  # the latest point, and what was met there
        self.finished = False

    def train(
        self, seed: int, number: int, draws: tuple[int, int], tick: Callable[[int], object] | None
    ) -> tuple[float, float, float]:
        """One iteration: loss and accuracy after it, and 1.

        Raises
        ------
        DivergenceError, BaseException
            As `EpochLoop.train`; either way parameters are as after the last iteration.
        """
        net, self._tick = self._net, tick
        (parameters, _), gradients, training = net._copy_numbers(), net.gradients.copy(), net.training
        net.training = False
        try:
            return self._iterate(parameters.astype(np.float64))
        except BaseException:
            self.close()
            net.parameters[:] = parameters
            raise
        finally:
            net.training = training
            if not self._loop.keep_gradients:
                net.gradients[:] = gradients

    def _iterate(self, here: Array) -> tuple[float, float, float]:
        if self._minimization is None:
            options = {
                "maxcor": self._optimizer.memory, "ftol": self._optimizer.ftol, "gtol": self._optimizer.gtol,
                "maxiter": 1 << 30, "maxfun": 1 << 30,
            }  # fmt: skip
            self._optimizer.message = ""
            self._minimization = Minimization(self._evaluate, here, options)
        point = self._minimization.next()
        if point is None:
            self.finished, self._optimizer.message = True, self._minimization.message
            self._minimization = None
        at = here if point is None else point
        if self._seen is None or not np.array_equal(self._seen[0], at):  # the line search's last point, usually
            self._evaluate(at)
        assert self._seen is not None
        progress = self._seen[1]
        return progress.total / progress.weight, progress.correct / max(progress.asked, 1), self._optimizer.lr

    def _evaluate(self, point: Array) -> tuple[float, Array]:
        """Loss and gradient there, with the network's parameters left there."""
        progress = Tally(self._tick, self._rows.unit)
        self._net.parameters[:] = point
        self._loop.differentiate(self._batches(), self._weight, self._optimizer.lr, progress)
        if not _mlpc.all_finite(self._net.gradients):
            raise diverged(progress.loss, self._optimizer.lr)
        progress.tick()
        self._seen = point.copy(), progress
        return progress.total / progress.weight, self._net.gradients.astype(np.float64)

    def _batches(self) -> Iterator[Batch]:
        for batch in self._rows.epoch(0, 0):
            if self._minimization is not None and self._minimization.closed:
                raise InterruptedError
            yield batch

    def close(self) -> None:
        """End what SciPy has begun; the next epoch begins anew from where the parameters are."""
        if self._minimization is not None:
            self._minimization.close()
            self._minimization = None
