"""What all optimizers share: a clock, a learning rate, states, limits and penalties, factors of tensors."""

from __future__ import annotations

import fnmatch
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np

from mlpc import _mlpc
from mlpc.arguments import Array, real_number, shaped
from mlpc.network import Network
from mlpc.schedules import Constant, Rate, rate_at, rates_of
from mlpc.settings import checked_all

__all__ = ["SELDOM", "Groups", "Optimizer", "Penalties", "keywords"]

Groups: TypeAlias = Mapping[str, Mapping[str, float]]
"""Factors of tensors: ``{"*.bias": {"weight_decay": 0}, "0.*": {"lr": 0.1}}``."""

_ROWS = _mlpc.optimizers()


class Penalties(NamedTuple):
    """What every optimizer does besides its own step; None or 0: nothing."""

    weight_decay: float = 0.0
    l1: float = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None
    max_norm: float | None = None

    def checked(self) -> Penalties:
        """The same as floats >= 0; ValueError for a limit of 0, which would stop all training."""
        for name in ("clip_value", "clip_norm", "max_norm"):
            if getattr(self, name) is not None and real_number(name, getattr(self, name)) == 0:
                raise ValueError(f"{name}: expected a number > 0, or None, got 0")
        return Penalties(
            *(0.0 if v is None else real_number(name, v) for name, v in zip(self._fields, self, strict=True))
        )


NO_PENALTIES = Penalties()


class Optimizer:
    """What all optimizers share: a network, a learning rate, a clock, state, and what is done besides their own step.

    Parameters
    ----------
    net : MLP
        The network to train.
    lr : float or callable
        The learning rate, >= 0, or what gives it for a time in epochs: a schedule from `mlpc.schedules`, any callable.
    weight_decay : float
        >= 0; of biases too, unless `groups` says otherwise.  It adds ``weight_decay * p`` to the gradient, and with
        AdamW takes ``lr * weight_decay * p`` from the parameter instead.
    l1 : float
        >= 0; adds ``l1 * sign(p)`` to the gradient.
    clip_value : float, optional
        > 0; each element of the gradient is cut to ``-clip_value .. clip_value`` before all that.
    clip_norm : float, optional
        > 0; where the gradient of a batch, over all parameters, is longer, it is scaled to this length before that:
        Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013.
    max_norm : float, optional
        > 0; after the step the incoming weights of a unit are scaled to this length where they are longer: Srivastava
        et al., "Dropout", 2014, section 5.1.
    groups : mapping, optional
        Factors of "lr" and "weight_decay" (and L1), >= 0, by patterns of keys of the state dict:
        ``{"*.bias": {"weight_decay": 0}}``.  Later patterns replace what earlier ones say.

    Attributes
    ----------
    net : MLP
        The network whose parameters `step` changes.
    schedule : callable
        The learning rate over time: a `Schedule`, or another function of the time in epochs.
    epochs : float
        The clock: how long this optimizer has trained, in epochs.
    state : dict of str to ndarray
        What the optimizer remembers from step to step, by name: arrays of shape (n_parameters,) in the network's dtype,
        and the number of steps where the optimizer counts them, (1,) in float64.
    """

    name: ClassVar[str] = ""

    def __init__(
        self,
        net: Network,
        lr: Rate,
        settings: Mapping[str, Any] = MappingProxyType({}),
        penalties: Penalties = NO_PENALTIES,
        groups: Groups | None = None,
    ) -> None:
        if not self.name:
            raise NotImplementedError(
                f"{type(self).__name__}: expected a step that mlpc computes, as a subclass of SGD, Adam or AdamW has; "
                "a step of your own is taken in a loop over mlpc.training.batches"
            )
        if not isinstance(net, Network):
            raise TypeError(f"net: expected a network, got {net!r}")
        row = _ROWS[self.name]
        self._settings = checked_all(row["settings"], dict(settings))
        self._penalties = penalties.checked()
        self.weight_decay, self.l1 = self._penalties.weight_decay, self._penalties.l1
        self.clip_value, self.clip_norm, self.max_norm = penalties.clip_value, penalties.clip_norm, penalties.max_norm
        self.groups = {key: dict(factors) for key, factors in (groups or {}).items()}
        self.net = net
        self._factors = _factors(net, self.groups)
        self._names = [name for name, _ in row["states"]] + [""] * (3 - len(row["states"]))  # of states; "" for none
        self.lr = lr
        self.epochs = 0.0
        kept = dict(zip([setting[0] for setting in row["settings"]], self._settings, strict=True))
        self.state: dict[str, Array] = {
            name: _written_zeros(net) for name, needs in row["states"] if needs is None or kept[needs]
        }
        if row["counts"]:
            self.state["steps"] = np.zeros(1)
        self._check_in_dtype()

    def _check_in_dtype(self) -> None:
        """Settings that a dtype rounds to what they may not be, like eps to 0, are refused by the extension."""
        _mlpc.Net._fused(self.net, self.spec, 1, False)

    @property
    def lr(self) -> float:
        """The learning rate of a step taken now; assign a number, a schedule or another callable to change it."""
        return rate_at(self.schedule, self.epochs)

    @lr.setter
    def lr(self, lr: Rate) -> None:
        self.schedule: Callable[[float], Any] = lr if callable(lr) else Constant(real_number("lr", lr))

    @property
    def spec(self) -> _mlpc.Optimizer:
        """The optimizer as the extension takes it for one step; its arrays are the state itself."""
        get, (first, second, third), factors = self.state.get, self._names, self._factors
        states = get(first), get(second), get(third)
        penalties: Any = self._penalties
        return self.name, self._settings, penalties, factors[0], factors[1], states, get("steps"), None

    def epoch_spec(self, steps: int) -> _mlpc.Optimizer:
        """`spec` for an epoch of so many steps, which begins now, with their learning rates."""
        return (*self.spec[:-1], rates_of(self.schedule, self.epochs, steps))

    def step(self) -> None:
        """Change the network's parameters by its gradients, once, at the learning rate `lr`."""
        _mlpc.Net._step(self.net, self.spec, self.lr)

    def zero_grad(self) -> None:
        """Set the network's gradients to 0; needed only before gradients are accumulated."""
        self.net.zero_grad()

    def __repr__(self) -> str:
        given = {name: getattr(self, name) for name, default in keywords(type(self)).items() if name != "groups"}
        usual = keywords(type(self))
        parts = [f"lr={_lr(self.schedule)}"]
        parts += [f"{name}={value!r}" for name, value in given.items() if name not in SELDOM or value != usual[name]]
        if self.groups:
            parts.append(f"groups={self.groups!r}")
        return f"{type(self).__name__}({', '.join([*parts, f'epochs={self.epochs!r}'])})"

    def state_dict(self) -> dict[str, Any]:
        """A copy of what training has changed: `epochs`, and the arrays of `state`.

        Examples
        --------
        >>> import mlpc
        >>> sorted(mlpc.optim.SGD(mlpc.MLP([2, 1]), 0.1, momentum=0.9).state_dict())
        ['epochs', 'velocity']
        """
        return {"epochs": self.epochs} | {name: array.copy() for name, array in self.state.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state_dict` was taken; what `numpy.load` makes of a file with its arrays will do, too.

        Raises
        ------
        TypeError, ValueError
            Where keys, shapes or types are others; nothing has been changed then.

        Examples
        --------
        >>> import mlpc
        >>> optimizer = mlpc.optim.SGD(mlpc.MLP([2, 1]), 0.1, momentum=0.9)
        >>> optimizer.load_state_dict({"epochs": 3, "velocity": [0.5, 0.25, 0.0]})
        >>> optimizer.state["velocity"], optimizer.epochs
        (array([0.5 , 0.25, 0.  ], dtype=float32), 3.0)
        """
        if set(state) != {"epochs", *self.state}:
            raise ValueError(f"state: expected the keys {['epochs', *self.state]}, got {list(state)}")
        epochs = real_number("epochs", state["epochs"])
        steps = np.asarray(state.get("steps", 0))
        if np.issubdtype(steps.dtype, np.number) and not ((steps >= 0) & np.isfinite(steps)).all():
            raise ValueError(f"steps: expected a finite number >= 0, got {state['steps']!r}")
        arrays = {name: shaped(name, state[name], array.shape, array.dtype) for name, array in self.state.items()}
        for name, array in arrays.items():
            self.state[name][:] = array
        self.epochs = epochs


SELDOM = ("l1", "clip_value", "clip_norm", "max_norm")
"""What most optimizers are not told, and do not print then."""


def _written_zeros(net: Network) -> Array:
    """A state in which nothing has happened.

    Written, where `numpy.zeros` leaves pages to the system until they are: threads that read such a page, and then
    write it, wait for each other at every single one.
    """
    return np.full(net.n_parameters, 0.0, net.dtype)


def keywords(kind: Callable[..., Optimizer]) -> dict[str, Any]:
    """What an optimizer can be told beside its learning rate, with what it is where nothing is told."""
    parameters = inspect.signature(kind).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def _factors(net: Network, groups: Groups) -> tuple[Array | None, Array | None]:
    """Factors of the learning rate and of decay for every tensor that is learnt; None where all are 1."""
    if not groups:
        return None, None
    keys = list(net._tensors())
    factors = {"lr": np.ones(len(keys)), "weight_decay": np.ones(len(keys))}
    for pattern, of in groups.items():
        matches = [i for i, key in enumerate(keys) if fnmatch.fnmatchcase(key, pattern)]
        if not matches:
            raise ValueError(f"groups: expected patterns of {', '.join(keys)}, got {pattern!r}")
        for name, factor in of.items():
            if name not in factors:
                raise ValueError(f"groups[{pattern!r}]: expected 'lr' or 'weight_decay', got {name!r}")
            factors[name][matches] = real_number(f"groups[{pattern!r}][{name!r}]", factor)
    lr, decay = (None if (array == 1).all() else array for array in factors.values())
    return lr, decay


def _lr(schedule: Callable[[float], Any]) -> str:
    return repr(schedule.lr) if type(schedule) is Constant and not schedule.warmup else repr(schedule)
