"""A learning rate that falls when the training gets no further."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlpc.arguments import real_number, whole_number
from mlpc.callbacks.best import Best, Mode, of_keys
from mlpc.callbacks.callback import Callback
from mlpc.lbfgs import LBFGS
from mlpc.schedules import rate_at

__all__ = ["ReduceOnPlateau"]


@dataclass(frozen=True)
class Reduced:
    """A schedule times a factor, but no less than `least` and no more than the schedule."""

    schedule: Callable[[float], Any]
    factor: float
    least: float

    def __call__(self, t: float) -> float:
        rate = rate_at(self.schedule, t)
        return min(rate, max(rate * self.factor, self.least))


class ReduceOnPlateau(Callback):
    """Multiply the learning rate by a factor whenever so many epochs in a row were no better than the best before them.

    Of any schedule: what it gives is multiplied.  The optimizer keeps the reduced one after the training.

    Parameters
    ----------
    monitor : str
        A column of the history.
    factor : float
        In (0, 1).
    patience : int
        Epochs without an improvement, >= 1; they are counted anew after a reduction.
    min_delta : float
        What is no larger is no improvement, >= 0.
    min_lr : float
        What the learning rate is not reduced below, >= 0.
    cooldown : int
        Epochs after a reduction that are not counted, >= 0.
    mode : {"min", "max"}, optional
        Whether small or large values are better; left out, the name decides: small losses and errors, all else large.

    Attributes
    ----------
    reductions : int
        How often the learning rate was reduced.

    Examples
    --------
    >>> import mlpc
    >>> (x, y), validation = mlpc.datasets.load_digits()
    >>> reduce = ReduceOnPlateau("loss", factor=0.5, patience=1, min_delta=10.0)  # no improvement is so large
    >>> mlpc.MLP([64, 10]).fit(x, y, epochs=4, lr=0.1, callbacks=[reduce])["lr"]
    [0.1, 0.1, 0.05, 0.025]
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 0.0,
        *,
        min_lr: float = 0.0,
        cooldown: int = 0,
        mode: Mode | None = None,
    ) -> None:
        self._best = Best(monitor, min_delta, mode)
        self.factor = real_number("factor", factor)
        if not 0 < self.factor < 1:
            raise ValueError(f"factor: expected a number in (0, 1), got {factor!r}")
        self.patience = whole_number("patience", patience, 1)
        self.min_lr = real_number("min_lr", min_lr)
        self.cooldown = whole_number("cooldown", cooldown)
        self.reductions, self._cooling, self._product = 0, 0, 1.0
        self._optimizer: Any = None
        self._schedule: Any = None

    def begin(self, run: Any) -> None:
        if isinstance(run.optimizer, LBFGS):
            raise ValueError("callbacks: expected none that sets learning rates with LBFGS, got ReduceOnPlateau")
        self._best.begin(run)
        self.reductions, self._cooling, self._product = 0, 0, 1.0
        self._optimizer, self._schedule = run.optimizer, run.optimizer.schedule

    def epoch_end(self, run: Any) -> None:
        improved = self._best.improved(run)
        if self._cooling:
            self._cooling -= 1
            self._best.waited = 0
        elif not improved and self._best.waited >= self.patience:
            self._best.waited, self._cooling = 0, self.cooldown
            self.reductions += 1
            self._product *= self.factor
            self._reduce()

    def _reduce(self) -> None:
        """Have the optimizer's schedule reduced, of what it was when the training began."""
        reduced = Reduced(self._schedule, self._product, self.min_lr)
        self._optimizer.lr = reduced if self.reductions else self._schedule

    def state_dict(self) -> dict[str, Any]:
        own = {"reductions": self.reductions, "product": self._product, "cooling": self._cooling}
        return self._best.state_dict() | own

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        of_keys(state, self.state_dict())
        reductions, cooling = (whole_number(key, state[key]) for key in ("reductions", "cooling"))
        product = real_number("product", state["product"])
        if product > 1:
            raise ValueError(f"product: expected a number in [0, 1], got {product!r}")
        self._best.load_state_dict({key: state[key] for key in self._best.state_dict()})
        self.reductions, self._cooling, self._product = reductions, cooling, product
        self._reduce()
