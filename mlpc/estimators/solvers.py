"""How an estimator's parameters follow its gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from mlpc import _mlpc, optim
from mlpc.arguments import Array
from mlpc.layer import Linear
from mlpc.net import MLP
from mlpc.optimizer import Optimizer

__all__ = ["SOLVERS", "Solver"]

_LEAST_RATE = 1e-6  # at which an adaptive rate is not lowered any more
_MANY = 2.0**52  # steps, after which the core corrects no bias of Adam's means any more


def _sgd(net: MLP, settings: Any, **shared: Any) -> Optimizer:
    nesterov = settings.nesterovs_momentum and settings.momentum > 0
    return optim.SGD(net, momentum=settings.momentum, nesterov=nesterov, **shared)


def _adam(net: MLP, settings: Any, **shared: Any) -> Optimizer:
    return optim.Adam(net, betas=(settings.beta_1, settings.beta_2), eps=settings.epsilon, **shared)


SOLVERS: dict[str, Callable[..., Optimizer]] = {"sgd": _sgd, "adam": _adam}
"""Of each solver that goes through batches, what makes its optimizer of an estimator's parameters."""


class Solver:
    """An optimizer with the learning rates and the clock of scikit-learn's.

    Adam's epsilon stands beside the root of the mean square before its bias is corrected, as in section 2 of Kingma and
    Ba, 2015, and in scikit-learn; `mlpc.optim.Adam` has that of their algorithm 1.  The factors of the bias are
    products here, which are the same bits on every machine.

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
    learning_rate : float
        That of the next step, as scikit-learn names it: of Adam, that of the last one, with its correction of bias.
    """

    def __init__(self, net: MLP, settings: Any) -> None:
        self.net, self.name = net, settings.solver
        self._first = float(settings.learning_rate_init)
        self._by_bias = settings.solver == "adam"
        self._betas = float(settings.beta_1), float(settings.beta_2)
        self._powers = 1.0, 1.0
        self._adapts = settings.solver == "sgd" and settings.learning_rate == "adaptive"
        self._power_t = (
            settings.power_t if settings.solver == "sgd" and settings.learning_rate == "invscaling" else None
        )
        self._alpha = float(settings.alpha)
        groups = {"*": {"weight_decay": 0.0}} | {key: {"weight_decay": 1.0} for key in _linear_weights(net)}
        self._optimizer = SOLVERS[self.name](net, settings, lr=self._first, weight_decay=self._alpha, groups=groups)
        if self._by_bias:
            self._optimizer.state["steps"][0] = _MANY
        self.learning_rate = self._first

    def continue_from(self, other: Solver) -> None:
        """Take over what another one of the same kind remembers of gradients."""
        if other.name == self.name and other.net is self.net:
            state = other._optimizer.state_dict()
            if state.keys() == self._optimizer.state_dict().keys():
                self._optimizer.load_state_dict(state)
                self._powers = other._powers
                rescale = other.learning_rate / self.learning_rate
                if self.name == "sgd" and math.isfinite(rescale):
                    self._rescale_velocity(rescale)

    def step(self, total: float) -> None:
        """Follow the network's gradients, which are those of rows that weigh `total`."""
        if self._by_bias:
            self._powers = self._powers[0] * self._betas[0], self._powers[1] * self._betas[1]
            self.learning_rate = self._first * math.sqrt(1 - self._powers[1]) / (1 - self._powers[0])
        name, settings, (_, *others), *rest = self._optimizer.spec
        spec: Any = (name, settings, (self._alpha / total, *others), *rest)
        _mlpc.Net._step(self.net, spec, self.learning_rate)

    def epoch_ends(self, seen: int) -> None:
        """Lower the rate where that goes by the number of samples seen so far."""
        if self._power_t is not None:
            self._change_rate(self._first / (seen + 1) ** self._power_t)

    def lowers_rate(self) -> bool:
        """Where nothing improves any more: whether the rate is adaptive and not too small, and so a fifth from now."""
        if not self._adapts or self.learning_rate <= _LEAST_RATE:
            return False
        self._change_rate(self.learning_rate / 5.0)
        return True

    @property
    def adapts(self) -> bool:
        """Whether the rate is lowered where nothing improves."""
        return self._adapts

    def _change_rate(self, rate: float) -> None:
        """scikit-learn's velocity is the core's, multiplied by the rate of its time."""
        if rate > 0 and math.isfinite(self.learning_rate / rate):
            self._rescale_velocity(self.learning_rate / rate)
        self.learning_rate = rate

    def _rescale_velocity(self, factor: float) -> None:
        velocity: Array | None = self._optimizer.state.get("velocity")
        if velocity is not None and factor != 1:
            velocity *= velocity.dtype.type(factor)


def _linear_weights(net: MLP) -> list[str]:
    """The keys of what is penalised."""
    return [f"{layer.index}.weight" for layer in net.layers if isinstance(layer, Linear)]
