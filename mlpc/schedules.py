"""Learning rates over time.

A schedule is a function of the time `t`, in epochs; `fit` takes step k of the K steps of an epoch at the middle of the
step, ``t0 + (k + 1/2) / K``, where t0 is the time that the optimizer has trained before.

Any callable is one: ``lr=lambda t: 0.1 / (1 + t)``.  It is called for all steps of an epoch before the epoch begins,
and answers with a finite number >= 0.  So are subclasses of the schedules here, which may have a `__call__` of their
own.  The values of the schedules here are the same on every machine; those of others are as good as what computes them.

Most of those here can warm up: while ``t < warmup`` the rate is ``lr * t / warmup``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpc import _mlpc
from mlpc.arguments import is_several, real_number
from mlpc.settings import checked_all

__all__ = [
    "Constant", "Cosine", "Exponential", "OneCycle", "Piecewise", "Polynomial", "Rate", "Schedule", "Step", "is_exact",
    "rate_at", "rates_of",
]  # fmt: skip

_ROWS = _mlpc.schedules()


@dataclass(frozen=True)
class Schedule:
    """What all schedules share: a learning rate to start from, and what C needs to compute the others."""

    lr: float
    row: ClassVar[str] = ""
    """The name of the function in C's table, which the settings are for."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            real_number(name, value)
        if self.row:
            checked_all(_ROWS[self.row], vars(self))

    def __call__(self, t: float) -> float:
        """The learning rate at time `t`, in epochs.

        Examples
        --------
        >>> Constant(0.5, warmup=2)(1.0)
        0.25
        """
        return _mlpc.learning_rate(self.spec, t)

    @property
    def spec(self) -> _mlpc.Schedule:
        """The schedule as the extension takes it: name, lr, warmup, settings."""
        if not self.row:
            raise NotImplementedError(
                f"{type(self).__name__}.spec: expected a rate that mlpc computes, as a subclass of Constant, Step or "
                "Cosine has"
            )
        return (self.row, self.lr, getattr(self, "warmup", 0.0), checked_all(_ROWS[self.row], vars(self)))

    def _end_after_warmup(self, epochs: float, warmup: float) -> None:
        if epochs <= warmup:
            raise ValueError(f"epochs: expected more than warmup = {warmup!r}, got {epochs!r}")

    def _end_below(self, minimum: float) -> None:
        if minimum > self.lr:
            raise ValueError(f"minimum: expected at most lr = {self.lr!r}, got {minimum!r}")


@dataclass(frozen=True)
class Constant(Schedule):
    """The same learning rate all the time.

    Parameters
    ----------
    lr : float
        The learning rate, >= 0.
    warmup : float
        Length of the warm-up in epochs, >= 0.

    Examples
    --------
    >>> Constant(0.1)(7.5)
    0.1
    """

    warmup: float = 0.0
    row = "constant"


@dataclass(frozen=True)
class Step(Schedule):
    """``lr * gamma ** floor(t / every)``.

    Parameters
    ----------
    lr : float
        The learning rate to begin with, >= 0.
    every : float
        Epochs between one step and the next, > 0.
    gamma : float
        The factor, >= 0.
    warmup : float
        Length of the warm-up in epochs, >= 0; the steps are counted from 0 all the same.

    Examples
    --------
    >>> [Step(1.0, every=10, gamma=0.5)(t) for t in (0, 9.9, 10, 20)]
    [1.0, 1.0, 0.5, 0.25]
    """

    every: float
    gamma: float = 0.1
    warmup: float = 0.0
    row = "step"


@dataclass(frozen=True)
class Exponential(Schedule):
    """``lr * gamma ** t``.

    Parameters
    ----------
    lr : float
        The learning rate to begin with, >= 0.
    gamma : float
        The factor of one epoch, >= 0.
    warmup : float
        Length of the warm-up in epochs, >= 0; the power counts from 0 all the same.

    Examples
    --------
    >>> [round(Exponential(1.0, gamma=0.5)(t), 12) for t in (0, 1, 2)]
    [1.0, 0.5, 0.25]
    """

    gamma: float
    warmup: float = 0.0
    row = "exponential"


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from `lr` down to `minimum`, where it stays from ``t = epochs`` on.

    ``minimum + (lr - minimum) * (1 + cos(pi * (t - warmup) / (epochs - warmup))) / 2``: Loshchilov and Hutter, "SGDR:
    Stochastic Gradient Descent with Warm Restarts", 2017, without the restarts.

    Parameters
    ----------
    lr : float
        The learning rate to begin with, >= 0.
    epochs : float
        When `minimum` is reached, in epochs and with the warm-up; greater than `warmup`.
    minimum : float
        The learning rate to end with, between 0 and `lr`.
    warmup : float
        Length of the warm-up in epochs, >= 0.

    Examples
    --------
    >>> schedule = Cosine(0.4, epochs=10)
    >>> schedule(0), round(schedule(5), 12), schedule(10)
    (0.4, 0.2, 0.0)
    """

    epochs: float
    minimum: float = 0.0
    warmup: float = 0.0
    row = "cosine"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._end_after_warmup(self.epochs, self.warmup)
        self._end_below(self.minimum)


@dataclass(frozen=True)
class Polynomial(Schedule):
    """A power of the time that is left: from `lr` down to `minimum`, where it stays from ``t = epochs`` on.

    ``minimum + (lr - minimum) * (1 - (t - warmup) / (epochs - warmup)) ** power``; a straight line where power is 1.

    Parameters
    ----------
    lr : float
        The learning rate to begin with, >= 0.
    epochs : float
        When `minimum` is reached, in epochs and with the warm-up; greater than `warmup`.
    power : float
        > 0.
    minimum : float
        The learning rate to end with, between 0 and `lr`.
    warmup : float
        Length of the warm-up in epochs, >= 0.

    Examples
    --------
    >>> [round(Polynomial(1.0, epochs=4, power=2)(t), 12) for t in (0, 2, 4)]
    [1.0, 0.25, 0.0]
    """

    epochs: float
    power: float = 1.0
    minimum: float = 0.0
    warmup: float = 0.0
    row = "polynomial"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._end_after_warmup(self.epochs, self.warmup)
        self._end_below(self.minimum)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to `lr` and down again, by half a cosine each: from ``lr / divisor``, to ``lr / final_divisor``.

    Smith and Topin, "Super-Convergence", 2018, in the form of torch.optim.lr_scheduler.OneCycleLR.

    Parameters
    ----------
    lr : float
        The largest learning rate, >= 0.
    epochs : float
        When the end is reached, in epochs, > 0.
    rise : float
        The part of them in which the rate rises, in (0, 1).
    divisor, final_divisor : float
        > 0.

    Examples
    --------
    >>> schedule = OneCycle(1.0, epochs=10)
    >>> [round(schedule(t), 12) for t in (0, 3, 10)]
    [0.04, 1.0, 0.0001]
    """

    epochs: float
    rise: float = 0.3
    divisor: float = 25.0
    final_divisor: float = 1e4
    row = "one_cycle"


@dataclass(frozen=True, init=False)
class Piecewise(Schedule):
    """The rates of given times, and straight lines between them; before the first and after the last as there.

    Parameters
    ----------
    points : sequence of (float, float)
        Times in epochs, which increase, and the learning rates there; at least one.

    Examples
    --------
    >>> schedule = Piecewise([(0, 0.0), (2, 0.5), (4, 0.5), (4.5, 0.125)])
    >>> [schedule(t) for t in (0, 1, 3, 100)]
    [0.0, 0.25, 0.5, 0.125]
    """

    points: tuple[tuple[float, float], ...]

    def __init__(self, points: Any) -> None:
        if not is_several(points) or not all(is_several(point) and len(point) == 2 for point in points):
            raise TypeError(f"points: expected pairs of a time and a learning rate, got {points!r}")
        pairs = tuple((real_number("points: time", t), real_number("points: lr", lr)) for t, lr in points)
        if not pairs:
            raise ValueError("points: expected at least one, got none")
        if any(later <= earlier for (earlier, _), (later, _) in itertools.pairwise(pairs)):
            raise ValueError(f"points: expected times that increase, got {[t for t, _ in pairs]}")
        object.__setattr__(self, "points", pairs)
        object.__setattr__(self, "lr", pairs[0][1])

    def __call__(self, t: float) -> float:
        """The learning rate at time `t`, in epochs."""
        for (t0, lr0), (t1, lr1) in itertools.pairwise(self.points):
            if t0 <= t <= t1:
                return lr0 + (lr1 - lr0) * ((t - t0) / (t1 - t0))  # IEEE's own operations: the same everywhere
        return self.points[0 if t < self.points[0][0] else -1][1]


Rate: TypeAlias = float | Schedule | Callable[[float], Any]
"""What a learning rate can be: a number, or a function of the time."""


def rate_at(schedule: Callable[[float], Any], t: float) -> float:
    """The learning rate that a schedule, or any callable, gives for a time.

    Raises
    ------
    TypeError, ValueError
        Where that is no finite number >= 0.

    Examples
    --------
    >>> rate_at(lambda t: 1 / (1 + t), 3.0)
    0.25
    """
    return real_number(f"lr at t = {t:g} epochs", schedule(t))


def rates_of(schedule: Callable[[float], Any], t0: float, steps: int) -> NDArray[np.float64]:
    """The learning rates of the steps of an epoch that begins at t0: of step k at ``t0 + (k + 1/2) / steps``.

    Raises
    ------
    TypeError, ValueError
        Where one is no finite number >= 0.

    Examples
    --------
    >>> rates_of(Step(1.0, every=0.5, gamma=0.5), 0.0, 4)
    array([1. , 1. , 0.5, 0.5])
    """
    if type(schedule) is Constant and not schedule.warmup:  # most of them, in epochs that may take 50 us
        return np.full(steps, schedule.lr, np.float64)
    if isinstance(schedule, Schedule) and schedule.row and is_exact(schedule):
        return _mlpc.learning_rates(schedule.spec, t0, steps)
    return np.array([rate_at(schedule, t0 + (step + 0.5) / steps) for step in range(steps)])


def is_exact(schedule: Callable[[float], Any]) -> bool:
    """Whether the function is one of those here, the same on every machine, and no subclass of them.

    Examples
    --------
    >>> is_exact(Cosine(0.1, epochs=5)), is_exact(lambda t: 0.1)
    (True, False)
    """
    return isinstance(schedule, Schedule) and type(schedule).__module__ == __name__
