"""The learning-rate range test: Smith, Cyclical Learning Rates for Training Neural Networks, 2017, section 3.3."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlpc import ops
from mlpc.arguments import real_array, real_number, whole_number
from mlpc.csr import InputLike
from mlpc.net import MLP
from mlpc.optim import OptimizerName, optimizer_named
from mlpc.samples import checked_samples, warn_of_bytes
from mlpc.training import batches

__all__ = ["LRRange", "lr_range_test"]

SMOOTHING = 0.9  # of the running mean: it remembers about ten steps
WINDOW = 10  # steps, over which the fall is measured
DIVERGED = 4.0  # times the least smoothed loss: nothing is to be learnt from larger rates


@dataclass(frozen=True)
class LRRange:
    """What `lr_range_test` found: float64 arrays, one number per step, and a learning rate.

    Attributes
    ----------
    lr, loss, smoothed : ndarray
        The rates, the loss of the batch before each step, and its running mean.
    suggestion : float
        The rate at which the smoothed loss falls fastest, by the logarithm of the rate.
    """

    lr: NDArray[np.float64]
    loss: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float

    def __str__(self) -> str:
        return (
            f"The loss falls fastest at lr = {self.suggestion:.2g} "
            f"({len(self.lr)} steps, lr from {self.lr[0]:.2g} to {self.lr[-1]:.2g})."
        )


def lr_range_test(
    net: MLP,
    x: InputLike,
    y: ArrayLike,
    *,
    lr_min: float = 1e-4,
    lr_max: float = 10.0,
    steps: int = 100,
    batch_size: int = 64,
    optimizer: OptimizerName = "sgd",
    seed: int = 0,
    **options: Any,
) -> LRRange:
    """Train a copy of a network while the learning rate rises from step to step, and watch the loss.

    Parameters
    ----------
    net : MLP
        It is not changed.
    x, y : array-like
        As in `MLP.fit`.
    lr_min, lr_max : float
        The first rate and the last one, 0 < lr_min < lr_max; the rates between grow by a constant factor.
    steps : int
        At least 10. The test ends early where the loss has clearly diverged.
    batch_size, seed : int
        Rows per step, and the seed of their shuffles.
    optimizer : str
        A name of `mlpc.optim.OPTIMIZERS`; `options` are its settings.

    Examples
    --------
    >>> import mlpc
    >>> (x, y), _ = mlpc.datasets.load_digits()
    >>> result = lr_range_test(mlpc.MLP([64, 32, 10]), x, y)
    >>> 0.05 < result.suggestion < 5
    True
    """
    lr_min, lr_max = real_number("lr_min", lr_min), real_number("lr_max", lr_max)
    if not 0 < lr_min < lr_max:
        raise ValueError(f"lr_min, lr_max: expected 0 < lr_min < lr_max, got {lr_min} and {lr_max}")
    steps = whole_number("steps", steps, 10)
    make = optimizer_named(optimizer)
    copy = net.copy()
    copy.train()
    given, y = net._rows(x), real_array("y", y)
    rows, _ = checked_samples(net, given, y, net.criterion, net.criterion.spec())
    warn_of_bytes(given)
    stepper = make(copy, lr_min, **options)
    low, high = ops.log(np.array([lr_min, lr_max])).tolist()
    rates = ops.exp(np.linspace(low, high, steps))
    order = itertools.chain.from_iterable(
        batches(len(rows), batch_size, seed=seed, epoch=e, net=net) for e in itertools.count()
    )
    losses, smoothed, mean, best = [], [], 0.0, np.inf
    for step, (lr, batch) in enumerate(zip(rates, order, strict=False), 1):
        loss = copy.loss_and_grad(rows[batch], y[batch])
        if not np.isfinite(loss):
            break
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        losses.append(loss)
        smoothed.append(mean / (1 - SMOOTHING**step))
        best = min(best, smoothed[-1])
        if step > steps // 10 and smoothed[-1] > DIVERGED * best:
            break
        stepper.lr = float(lr)
        stepper.step()
    if len(losses) < 3:
        raise ValueError(f"lr_min: expected a rate at which the loss stays finite, got {lr_min}")
    rates = rates[: len(losses)]
    # Over as many steps as the mean remembers, once it has seen as many, and where it falls below all before: the way
    # down from a bump is no fall.
    window = min(WINDOW, len(losses) // 3)
    lowest = np.minimum.accumulate(smoothed[window:])
    fall = lowest[window:] - lowest[:-window]
    return LRRange(rates, np.array(losses), np.array(smoothed), float(rates[window + window // 2 + fall.argmin()]))
