"""How an estimator's parameters follow its gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from mlpc import optim
from mlpc.arguments import Array
from mlpc.estimators.networks import linear_layers
from mlpc.net import MLP
from mlpc.optimizer import Optimizer, Penalties
from mlpc.schedules import rates_of

__all__ = ["SOLVERS", "Solver"]

T = TypeVar("T")

_LEAST_RATE = 1e-6  # at which an adaptive rate is not lowered any more
_MANY = 2.0**52  # steps, after which the core corrects no bias of Adam's means any more


def _sgd(net: MLP, settings: Any, **shared: Any) -> Optimizer:
    nesterov = settings.nesterovs_momentum and settings.momentum > 0
    return optim.SGD(net, momentum=settings.momentum, nesterov=nesterov, **shared)


def _adam(net: MLP, settings: Any, **shared: Any) -> Optimizer:
    return optim.Adam(net, betas=(settings.beta_1, settings.beta_2), eps=settings.epsilon, **shared)


def _adamw(net: MLP, settings: Any, **shared: Any) -> Optimizer:
    return optim.AdamW(net, betas=(settings.beta_1, settings.beta_2), eps=settings.epsilon, **shared)


def _rmsprop(net: MLP, settings: Any, **shared: Any) -> Optimizer:
    return optim.RMSprop(net, eps=settings.epsilon, **shared)


def _adagrad(net: MLP, settings: Any, **shared: Any) -> Optimizer:
    return optim.Adagrad(net, eps=settings.epsilon, **shared)


def _rprop(net: MLP, settings: Any, **shared: Any) -> Optimizer:
    return optim.Rprop(net, **shared)


SOLVERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": _sgd,
    "adam": _adam,
    "adamw": _adamw,
    "rmsprop": _rmsprop,
    "adagrad": _adagrad,
    "rprop": _rprop,
}
"""Of each solver that goes through batches, what makes its optimizer of an estimator's parameters."""


class Solver:
    """An optimizer with the learning rates of scikit-learn's.

    Adam's epsilon stands beside the root of the mean square before its bias is corrected, as in section 2 of Kingma and
    Ba, 2015, and in scikit-learn; `mlpc.optim.Adam`, and adamw here, have that of their algorithm 1.  The factors of
    the bias are products here, which are the same bits on every machine.

    Parameters
    ----------
    net : MLP
        The network to train.
    settings : object
        An estimator, whose parameters say which solver it is, and how.

    Attributes
    ----------
    net : MLP
    name : str
        Which solver it is.
    optimizer : Optimizer
        The core's, which has the learning rate and the clock.
    learning_rate : float
        That of the next step, as scikit-learn names it: of adam, that of the last one, with its correction of bias.
    rate : float
        That of the latest step, as the parameters, or the schedule, say it.
    adapts : bool
        Whether the rate is lowered where nothing improves.
    """

    def __init__(self, net: MLP, settings: Any) -> None:
        self.net, self.name = net, settings.solver
        self._first = float(settings.learning_rate_init)
        by_name = settings.learning_rate if self.name == "sgd" else None
        self.adapts = by_name == "adaptive"
        self._power_t = float(settings.power_t) if by_name == "invscaling" else None
        self._corrects_bias = self.name == "adam"
        self._betas, self._powers = (float(settings.beta_1), float(settings.beta_2)), (1.0, 1.0)
        penalised = {f"{layer.index}.weight": {"weight_decay": 1.0} for layer in linear_layers(net)}
        self.optimizer = SOLVERS[self.name](
            net,
            settings,
            lr=settings.learning_rate if callable(settings.learning_rate) else self._first,
            weight_decay=float(settings.alpha),
            l1=float(settings.l1),
            clip_norm=settings.clip_norm,
            groups={"*": {"weight_decay": 0.0}} | penalised,
        )
        self.penalise(settings)
        if self._corrects_bias:
            self.optimizer.state["steps"][0] = _MANY
        self.rate = self.learning_rate = self.optimizer.lr

    def penalise(self, settings: Any) -> None:
        """Penalties, and the most length of a gradient, are as an estimator's parameters say now."""
        decay, l1, clip_norm = (float(each or 0.0) for each in (settings.alpha, settings.l1, settings.clip_norm))
        penalties = tuple(Penalties(decay, l1, clip_value=0.0, clip_norm=clip_norm, max_norm=0.0))
        name, numbers, _, *rest, _ = self.optimizer.spec
        self._spec = (name, numbers, penalties, *rest)  # but for the rates

    def continue_from(self, other: Solver) -> None:
        """Take over what another one of the same kind remembers of gradients, and its clock."""
        mine, theirs = self.optimizer.state_dict(), other.optimizer.state_dict()
        if other.name == self.name and other.net.sizes == self.net.sizes and mine.keys() == theirs.keys():
            self.optimizer.load_state_dict(theirs)
            self._powers = other._powers
            if self.name == "sgd":
                self._rescale_velocity(other.learning_rate, self.learning_rate)

    def epoch(self, batches: int, steps: list[int], train: Callable[[Any], T]) -> T:
        """What `train` returns, which trains for an epoch, of the optimizer as the extension takes it for that.

        Of so many batches those of `steps` take one.  The penalties are those of the objective of one row: they are
        divided by what the rows of a batch weigh.
        """
        rates = nominal = rates_of(self.optimizer.schedule, self.optimizer.epochs, batches).tolist()
        powers = []
        if self._corrects_bias:
            rates = nominal.copy()
            first, second = self._powers
            for step in steps:
                first, second = first * self._betas[0], second * self._betas[1]
                powers.append((first, second))
                rates[step] *= math.sqrt(1 - second) / (1 - first)
        before = self._steps_taken()
        try:
            return train((*self._spec, np.array(rates)))
        finally:
            taken = self._steps_taken() - before if self._corrects_bias else len(steps)
            if taken:
                last = steps[taken - 1]
                self.rate, self.learning_rate = nominal[last], rates[last]
                if powers:
                    self._powers = powers[taken - 1]

    def _steps_taken(self) -> int:
        return int(self.optimizer.state["steps"][0]) if self._corrects_bias else 0

    def epoch_ends(self, seen: int) -> None:
        """Move the clock on, and lower the rate where that goes by the number of samples seen so far."""
        self.optimizer.epochs += 1
        if self._power_t is not None:
            self._change_rate(self._first / (seen + 1) ** self._power_t)

    def lowers_rate(self) -> bool:
        """Where nothing improves any more: whether the rate is adaptive and not too small, and so a fifth from now."""
        if not self.adapts or self.learning_rate <= _LEAST_RATE:
            return False
        self._change_rate(self.learning_rate / 5.0)
        return True

    def _change_rate(self, rate: float) -> None:
        self._rescale_velocity(self.learning_rate, rate)
        self.optimizer.lr = self.learning_rate = rate

    def _rescale_velocity(self, before: float, after: float) -> None:
        """scikit-learn's velocity is the core's, multiplied by the rate of its time."""
        velocity: Array | None = self.optimizer.state.get("velocity")
        if velocity is not None and after > 0 and math.isfinite(before / after) and before != after:
            velocity *= velocity.dtype.type(before / after)
