"""The epoch as a loop in Python, for what the core's own epoch does not know: the same calls, batch by batch."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlpc import _mlpc
from mlpc.arguments import Array, flushed
from mlpc.batch_stream import Stream
from mlpc.batches import Batch, Rows
from mlpc.csr import Input
from mlpc.loss import Loss
from mlpc.network import Network
from mlpc.optim import Optimizer

__all__ = ["EpochLoop", "Tally", "diverged"]

_BETWEEN_TICKS = 0.05  # seconds


@dataclass(frozen=True)
class EpochLoop:
    """What trains a network for an epoch as ``forward``, loss, ``backward`` and ``step`` do, one after the other.

    Where the core's own epoch can do the same, its bits are these.  `Net.gradients` come out as they went in, unless
    they are to be kept; the latest forward is that of the last batch.

    Parameters
    ----------
    net, optimizer : Network, Optimizer
    criterion, spec : Loss, tuple
        The loss, and as the extension takes it, with the weights of classes.
    source : Rows or Stream
        Where batches come from.
    accumulate : int
        How many batches make a step.
    scale : float or None
        Of bytes.
    noise : float
        The standard deviation of that which is added to x.
    keep_gradients : bool
    """

    net: Network
    optimizer: Optimizer
    criterion: Loss
    spec: _mlpc.Loss
    source: Rows | Stream
    accumulate: int
    scale: float | None
    noise: float
    keep_gradients: bool

    def train(
        self, seed: int, number: int, draws: tuple[int, int], tick: Callable[[int], object] | None
    ) -> tuple[float, float, float]:
        """One epoch in train mode, whose first masks are those of `draws`; it leaves mode and `Net._draws` alone.

        Returns
        -------
        loss, accuracy, lr : float
            Those of the epoch, and the learning rate of its last step.

        Raises
        ------
        DivergenceError
            Where a logit, the loss, its derivative or, in the end, a parameter or a running statistic is not finite;
            all of the network and the optimizer is as before the epoch then.  Any other exception leaves it as after
            the last step.
        """
        net, optimizer = self.net, self.optimizer
        (parameters, statistics), state = net._copy_numbers(), optimizer.state_dict()
        counted = net._batches
        before = net.training, net._draws, net.gradients.copy()
        progress = Tally(tick, self.source.unit)
        progress.keep(net)
        net.training, net._draws = True, draws
        try:
            lr = self._steps(seed, number, progress)
            arrays = [array for array in optimizer.state.values() if array.dtype == net.dtype]
            if not all(_mlpc.all_finite(array) for array in (net.parameters, net._statistics, *arrays)):
                raise diverged(progress.loss, lr)
        except BaseException as error:
            net._statistics[:], net._batches = progress.kept
            if isinstance(error, _mlpc.DivergenceError):
                net.parameters[:], net._statistics[:], net._batches = parameters, statistics, counted
                optimizer.load_state_dict(state)
            raise
        finally:
            net.training, net._draws, gradients = before
            if not self.keep_gradients:
                net.gradients[:] = gradients
        return progress.total / progress.weight, progress.correct / max(progress.asked, 1), lr

    def _steps(self, seed: int, number: int, progress: Tally) -> float:
        """All steps of an epoch; the learning rate of the last."""
        steps = -(-self.source.batches // self.accumulate)
        rates = self.optimizer.epoch_spec(steps)[-1]
        assert rates is not None
        batches = self.source.epoch(seed, number)
        lr = 0.0
        for step in range(steps):
            lr = float(rates[min(step, len(rates) - 1)])
            group = list(itertools.islice(batches, self.accumulate))
            weight = math.fsum(self._weight_of(batch) for batch in group)
            if self.differentiate(group, weight, lr, progress):
                self.net._step(self.optimizer.spec, lr)
            progress.keep(self.net)
            progress.tick()
        return lr

    def differentiate(self, batches: Iterable[Batch], whole: float, lr: float, progress: Tally) -> bool:
        """Make `gradients` those of the mean loss over some batches, which weigh `whole` together.

        Returns
        -------
        bool
            False where no row has a weight; there are no gradients then.
        """
        begun = False
        for batch in batches:
            weight = self._weight_of(batch)
            z = self._forward(batch.x)
            progress.count(batch, _hits(self.criterion.link, z, batch.y))
            if weight > 0:
                kept = batch.objective is not None
                given = (batch.objective, None, None) if kept else (batch.y, self.spec, batch.sample_weight)
                loss, dz = self.criterion.derived(z, *given)
                if not (np.isfinite(loss) and _mlpc.all_finite(z) and _mlpc.all_finite(dz)):
                    raise diverged(loss, lr)
                progress.add(loss, weight)
                if weight != whole:
                    dz = flushed(dz * dz.dtype.type(weight / whole))
                _mlpc.Net.backward(self.net, dz, begun)
                begun = True
        return begun

    def _forward(self, x: Input) -> Array:
        if not self.noise:
            return _mlpc.Net.forward(self.net, x, None, self.scale)
        x = _mlpc.numbers(x, self.scale, self.net.dtype)
        return _mlpc.Net.forward(self.net, _mlpc.input_noise(x, self.noise, self.net._draws, None))

    def _weight_of(self, batch: Batch) -> float:
        return self.criterion.weight_of(batch.y, self.spec, batch.sample_weight)


class Tally:
    """What an epoch has done so far."""

    def __init__(self, tick: Callable[[int], object] | None, unit: str) -> None:
        self._unit = unit
        self._tick, self._next = tick, time.perf_counter() + _BETWEEN_TICKS
        self.done = self.correct = self.asked = 0
        self.loss = self.total = self.weight = 0.0

    def count(self, batch: Batch, hits: Array | None) -> None:
        self.done += len(batch.x) if self._unit == "rows" else 1
        if hits is not None:
            self.correct, self.asked = self.correct + int(hits.sum()), self.asked + hits.size

    def add(self, loss: float, weight: float) -> None:
        self.loss, self.total, self.weight = loss, self.total + loss * weight, self.weight + weight

    def keep(self, net: Network) -> None:
        """Running statistics, and how many batches they have seen, as they are after a step."""
        self.kept = net._statistics.copy(), net._batches

    def tick(self) -> None:
        if self._tick is not None and time.perf_counter() >= self._next:
            self._tick(self.done)
            self._next = time.perf_counter() + _BETWEEN_TICKS


def _hits(link: str, z: Array, y: Any) -> Array | None:
    """Which rows (softmax) or elements (sigmoid) are answered correctly, as losses.h says; None: nothing counts."""
    if link == "softmax":
        hits: Array = z.argmax(1) == (y if y.ndim == 1 else y.argmax(1))
    elif link == "sigmoid":
        hits = (z > 0) == (y.reshape(z.shape) > 0.5)
    else:
        return None
    return hits


def diverged(loss: float, lr: float) -> _mlpc.DivergenceError:
    error = _mlpc.DivergenceError(f"training diverged: loss {loss!r} at learning rate {lr!r}")
    error.loss, error.lr = loss, lr
    return error
