"""Learning rates over time.

A schedule is a function of the time `t`, in epochs; `fit` takes step k of the K steps of an epoch at the middle of the
step, ``t0 + (k + 1/2) / K``, where t0 is the time that the optimizer has trained before.

Any callable is one: ``lr=lambda t: 0.1 / (1 + t)``.  It is called for all steps of an epoch before the epoch begins,
and answers with a finite number >= 0.  So are subclasses of the schedules here, which may have a `__call__` of their
own.  The values of the schedules here are computed in C, in float64, and are the same on every machine; those of others
are as good as what computes them.

All of those here can warm up: while ``t < warmup`` the rate is ``lr * t / warmup``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard

from mlpc import _mlpc
from mlpc.arguments import real_number

__all__ = ["Constant", "Cosine", "Rate", "Schedule", "Step", "computed_in_c", "rate_at"]


@dataclass(frozen=True)
class Schedule:
    """What all schedules share: a learning rate to start from, and a warm-up."""

    lr: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            real_number(name, value)

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
        """The schedule as the extension takes it: kind, lr, warmup, every, gamma, epochs, minimum."""
        raise NotImplementedError(
            f"{type(self).__name__}.spec: expected a rate that mlpc computes, as a subclass of Constant, Step or "
            "Cosine has"
        )


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

    @property
    def spec(self) -> _mlpc.Schedule:
        return ("constant", self.lr, self.warmup, 1.0, 1.0, 1.0, 0.0)


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

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.every == 0:
            raise ValueError("every: expected a number > 0, got 0")

    @property
    def spec(self) -> _mlpc.Schedule:
        return ("step", self.lr, self.warmup, self.every, self.gamma, 1.0, 0.0)


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

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.epochs <= self.warmup:
            raise ValueError(f"epochs: expected more than warmup = {self.warmup!r}, got {self.epochs!r}")
        if self.minimum > self.lr:
            raise ValueError(f"minimum: expected at most lr = {self.lr!r}, got {self.minimum!r}")

    @property
    def spec(self) -> _mlpc.Schedule:
        return ("cosine", self.lr, self.warmup, 1.0, 1.0, self.epochs, self.minimum)


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


def computed_in_c(schedule: Callable[[float], Any]) -> TypeGuard[Schedule]:
    """Whether the extension knows the function: of the schedules here, and not of their subclasses.

    Examples
    --------
    >>> computed_in_c(Cosine(0.1, epochs=5)), computed_in_c(lambda t: 0.1)
    (True, False)
    """
    return type(schedule) in (Constant, Step, Cosine)
