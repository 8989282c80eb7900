"""Optimizers: what turns a network's gradients into new parameters.

An optimizer has a clock, `epochs`: the time it has trained, in epochs.  A step takes its learning rate from the
schedule at that time.  `fit` reads the schedule at the middle of each step, and moves the clock on by one when an epoch
is done; a loop of your own sets the clock where the schedule is to be followed:

>>> import mlpc, numpy as np
>>> x, y = np.eye(6, 4), np.array([0, 1, 2, 0, 1, 2])
>>> net = mlpc.MLP([4, 5, 3], "tanh")
>>> optimizer = SGD(net, mlpc.schedules.Cosine(0.5, epochs=3), momentum=0.9)
>>> for epoch in range(3):
...     batches = list(mlpc.training.batches(len(x), 2, seed=net.seed, epoch=epoch))
...     for k, rows in enumerate(batches):
...         _ = net.loss_and_grad(x[rows], y[rows])
...         optimizer.epochs = epoch + (k + 0.5) / len(batches)
...         optimizer.step()

which is, to the bit, what `fit` does:

>>> fitted = mlpc.MLP([4, 5, 3], "tanh")
>>> _ = fitted.fit(x, y, epochs=3, batch_size=2,
...                optimizer=SGD(fitted, mlpc.schedules.Cosine(0.5, epochs=3), momentum=0.9))
>>> np.array_equal(net.parameters, fitted.parameters)
True
"""

from __future__ import annotations

import fnmatch
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np

from mlpc import _mlpc
from mlpc.arguments import Array, real_number, shaped
from mlpc.network import Network
from mlpc.schedules import Constant, Rate, rate_at, rates_of
from mlpc.settings import checked_all

__all__ = [
    "OPTIMIZERS", "SGD", "Adagrad", "Adam", "AdamW", "Groups", "Optimizer", "OptimizerName", "RMSprop", "Rprop",
]  # fmt: skip

OptimizerName: TypeAlias = Literal["sgd", "adam", "adamw", "rmsprop", "adagrad", "rprop"]
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
        self.lr = lr
        self.epochs = 0.0
        kept = dict(zip([setting[0] for setting in row["settings"]], self._settings, strict=True))
        self.state: dict[str, Array] = {
            name: np.zeros(net.n_parameters, net.dtype) for name, needs in row["states"] if needs is None or kept[needs]
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
        names = [name for name, _ in _ROWS[self.name]["states"]]
        states = [self.state.get(name) for name in names] + [None] * (3 - len(names))
        factors = self._factors
        penalties: Any = tuple(self._penalties)
        return (
            self.name, self._settings, penalties, factors[0], factors[1], (states[0], states[1], states[2]),
            self.state.get("steps"), None,
        )  # fmt: skip

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
        given = {name: getattr(self, name) for name, default in _keywords(type(self)).items() if name != "groups"}
        usual = _keywords(type(self))
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
        >>> sorted(SGD(mlpc.MLP([2, 1]), 0.1, momentum=0.9).state_dict())
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
        >>> optimizer = SGD(mlpc.MLP([2, 1]), 0.1, momentum=0.9)
        >>> optimizer.load_state_dict({"epochs": 3, "velocity": [0.5, 0.25, 0.0]})
        >>> optimizer.state["velocity"], optimizer.epochs
        (array([0.5 , 0.25, 0.  ], dtype=float32), 3.0)
        """
        if set(state) != {"epochs", *self.state}:
            raise ValueError(f"state: expected the keys {['epochs', *self.state]}, got {list(state)}")
        epochs = real_number("epochs", state["epochs"])
        steps = np.asarray(state.get("steps", 0))
        if np.issubdtype(steps.dtype, np.number) and not (steps >= 0).all():
            raise ValueError(f"steps: expected a number >= 0, got {state['steps']!r}")
        arrays = {name: shaped(name, state[name], array.shape, array.dtype) for name, array in self.state.items()}
        for name, array in arrays.items():
            self.state[name][:] = array
        self.epochs = epochs


SELDOM = ("l1", "clip_value", "clip_norm", "max_norm")
"""What most optimizers are not told, and do not print then."""


def _keywords(kind: type[Optimizer]) -> dict[str, Any]:
    """What an optimizer can be told beside its learning rate, with what it is where nothing is told."""
    parameters = inspect.signature(kind).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def _factors(net: Network, groups: Groups) -> tuple[Array | None, Array | None]:
    """Factors of the learning rate and of decay for every tensor of the state dict; None where all are 1."""
    keys = list(net.state_dict())
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


def _two(name: str, pair: Any) -> tuple[Any, Any]:
    if np.shape(pair) != (2,):
        raise TypeError(f"{name}: expected two numbers, got {pair!r}")
    return pair[0], pair[1]


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum and weight decay as in PyTorch.

    With the gradient g, the parameters p and the velocity v, which begins at 0:
    ``d = g + weight_decay * p``, ``v = momentum * v + d``, ``p = p - lr * v``; with `nesterov`
    ``p = p - lr * (d + momentum * v)``.  Source: Sutskever et al., "On the importance of initialization and momentum in
    deep learning", 2013, in the form of torch.optim.SGD.

    Parameters
    ----------
    net : MLP
        The network to train.
    lr : float or callable
        The learning rate, >= 0, or what gives it for a time in epochs: a schedule from `mlpc.schedules`, any callable.
    momentum : float
        0 <= momentum < 1.
    nesterov : bool
        Nesterov's momentum; needs momentum > 0.
    weight_decay, l1, clip_value, clip_norm, max_norm, groups
        As in `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        Where an argument is outside its range.

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> net = mlpc.MLP([1, 1], loss="mse", init=[np.array([[2.0]]), np.array([1.0])])
    >>> optimizer = SGD(net, lr=0.5)
    >>> net.gradients[:] = 1.0, 0.5
    >>> optimizer.step()
    >>> net.parameters
    array([1.5 , 0.75], dtype=float32)
    """

    name = "sgd"

    def __init__(
        self,
        net: Network,
        lr: Rate = 0.1,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        max_norm: float | None = None,
        groups: Groups | None = None,
    ) -> None:
        self.momentum, self.nesterov = real_number("momentum", momentum), bool(nesterov)
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov: expected a momentum > 0 with it, got 0")
        settings = {"momentum": momentum, "nesterov": float(self.nesterov)}
        super().__init__(net, lr, settings, Penalties(weight_decay, l1, clip_value, clip_norm, max_norm), groups)


class Adam(Optimizer):
    """Adam, with the weight decay as a part of the gradient, as in PyTorch.

    With the gradient g, the parameters p, and running means m and v, which begin at 0, at step t = 1, 2, ...:
    ``d = g + weight_decay * p``, ``m = m + (1 - beta1) * (d - m)``, ``v = beta2 * v + (1 - beta2) * d**2``,
    ``p = p - lr / (1 - beta1**t) * m / (sqrt(v) / sqrt(1 - beta2**t) + eps)``.  Source: Kingma and Ba, "Adam: a method
    for stochastic optimization", 2015, algorithm 1, in the form of torch.optim.Adam.

    Parameters
    ----------
    net : MLP
        The network to train.
    lr : float or callable
        The learning rate, >= 0, or what gives it for a time in epochs: a schedule from `mlpc.schedules`, any callable.
    betas : (float, float)
        How much the means of gradients and of their squares keep from step to step, each 0 <= beta < 1.
    eps : float
        Added to the root of the mean square; > 0.
    weight_decay, l1, clip_value, clip_norm, max_norm, groups
        As in `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        Where an argument is outside its range.

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> net = mlpc.MLP([1, 1], loss="mse", init=[np.array([[2.0]]), np.array([1.0])])
    >>> optimizer = Adam(net, lr=0.5)
    >>> net.gradients[:] = 100.0, -0.01
    >>> optimizer.step()
    >>> net.parameters.round(4), optimizer.state["steps"]
    (array([1.5, 1.5], dtype=float32), array([1.]))
    """

    name = "adam"

    def __init__(
        self,
        net: Network,
        lr: Rate = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        max_norm: float | None = None,
        groups: Groups | None = None,
    ) -> None:
        betas = _two("betas", betas)
        self.betas = real_number("betas[0]", betas[0]), real_number("betas[1]", betas[1])
        self.eps = real_number("eps", eps)
        settings = {"beta1": betas[0], "beta2": betas[1], "eps": eps}
        super().__init__(net, lr, settings, Penalties(weight_decay, l1, clip_value, clip_norm, max_norm), groups)


class AdamW(Adam):
    """Adam with decoupled weight decay: ``p = p - lr * weight_decay * p`` instead of a part of the gradient.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019, algorithm 2, in the form of
    torch.optim.AdamW.  Parameters are those of `Adam`, and weight_decay is 0.01 where left out.

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> net = mlpc.MLP([1, 1], loss="mse", init=[np.array([[2.0]]), np.array([1.0])])
    >>> net.zero_grad()
    >>> AdamW(net, lr=0.5, weight_decay=0.1).step()
    >>> net.parameters
    array([1.9 , 0.95], dtype=float32)
    """

    name = "adamw"

    def __init__(
        self,
        net: Network,
        lr: Rate = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        l1: float = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        max_norm: float | None = None,
        groups: Groups | None = None,
    ) -> None:
        super().__init__(
            net, lr, betas=betas, eps=eps, weight_decay=weight_decay, l1=l1, clip_value=clip_value, clip_norm=clip_norm,
            max_norm=max_norm, groups=groups,
        )  # fmt: skip


class RMSprop(Optimizer):
    """The gradient divided by the root of a running mean of its square, as in PyTorch.

    With d the gradient and v, m, u, which begin at 0: ``v = alpha * v + (1 - alpha) * d**2``; centered:
    ``m = m + (1 - alpha) * (d - m)``, and v - m**2 in the place of v; ``s = d / (sqrt(v) + eps)``; with momentum
    ``u = momentum * u + s``, and u in the place of s; ``p = p - lr * s``.  Source: Tieleman and Hinton, lecture 6.5 of
    "Neural Networks for Machine Learning", 2012; centered: Graves, "Generating sequences with recurrent neural
    networks", 2013, in the form of torch.optim.RMSprop.

    Parameters
    ----------
    net, lr
        As in `Optimizer`.
    alpha : float
        How much the means keep from step to step, 0 <= alpha < 1.
    eps : float
        > 0.
    momentum : float
        0 <= momentum < 1.
    centered : bool
        Whether the variance divides, instead of the mean square.
    weight_decay, l1, clip_value, clip_norm, max_norm, groups
        As in `Optimizer`.

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> net = mlpc.MLP([1, 1], loss="mse", init=[np.array([[2.0]]), np.array([1.0])])
    >>> net.gradients[:] = 100.0, -0.01
    >>> RMSprop(net, lr=0.1, alpha=0.75).step()
    >>> net.parameters.round(4)
    array([1.8, 1.2], dtype=float32)
    """

    name = "rmsprop"

    def __init__(
        self,
        net: Network,
        lr: Rate = 0.01,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        centered: bool = False,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        max_norm: float | None = None,
        groups: Groups | None = None,
    ) -> None:
        self.alpha, self.eps = real_number("alpha", alpha), real_number("eps", eps)
        self.momentum, self.centered = real_number("momentum", momentum), bool(centered)
        settings = {"alpha": alpha, "eps": eps, "momentum": momentum, "centered": float(self.centered)}
        super().__init__(net, lr, settings, Penalties(weight_decay, l1, clip_value, clip_norm, max_norm), groups)


class Adagrad(Optimizer):
    """The gradient divided by the root of the sum of all its squares, as in PyTorch.

    With d the gradient and v, which begins at 0, at step t = 1, 2, ...: ``v = v + d**2``,
    ``p = p - lr / (1 + (t - 1) * lr_decay) * d / (sqrt(v) + eps)``.  Source: Duchi, Hazan and Singer, "Adaptive
    subgradient methods for online learning and stochastic optimization", 2011, in the form of torch.optim.Adagrad.

    Parameters
    ----------
    net, lr
        As in `Optimizer`.
    eps : float
        > 0.
    lr_decay : float
        >= 0.
    weight_decay, l1, clip_value, clip_norm, max_norm, groups
        As in `Optimizer`.

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> net = mlpc.MLP([1, 1], loss="mse", init=[np.array([[2.0]]), np.array([1.0])])
    >>> net.gradients[:] = 100.0, -0.01
    >>> Adagrad(net, lr=0.5).step()
    >>> net.parameters
    array([1.5, 1.5], dtype=float32)
    """

    name = "adagrad"

    def __init__(
        self,
        net: Network,
        lr: Rate = 0.01,
        *,
        eps: float = 1e-10,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        max_norm: float | None = None,
        groups: Groups | None = None,
    ) -> None:
        self.eps, self.lr_decay = real_number("eps", eps), real_number("lr_decay", lr_decay)
        super().__init__(
            net,
            lr,
            {"eps": eps, "lr_decay": lr_decay},
            Penalties(weight_decay, l1, clip_value, clip_norm, max_norm),
            groups,
        )


class Rprop(Optimizer):
    """Steps whose size goes by the sign of the gradient alone, for batches of all rows; as in PyTorch.

    Each parameter has a size of its own, which begins with `lr` and is multiplied by etas[1] where its derivative has
    the sign of the step before, by etas[0] where it has the other one, which is not followed then.  Source: Riedmiller
    and Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm", 1993, in the form of
    torch.optim.Rprop.

    Parameters
    ----------
    net, lr
        As in `Optimizer`; lr is the size of the first step alone.
    etas : (float, float)
        0 <= etas[0] < 1 < etas[1].
    step_sizes : (float, float)
        The least size and the largest, both > 0.
    weight_decay, l1, clip_value, clip_norm, max_norm, groups
        As in `Optimizer`.

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> net = mlpc.MLP([1, 1], loss="mse", init=[np.array([[2.0]]), np.array([1.0])])
    >>> net.gradients[:] = 100.0, -0.01
    >>> optimizer = Rprop(net, lr=0.5)
    >>> optimizer.step(), optimizer.step()
    (None, None)
    >>> net.parameters, optimizer.state["size"]
    (array([0.9, 2.1], dtype=float32), array([0.6, 0.6], dtype=float32))
    """

    name = "rprop"

    def __init__(
        self,
        net: Network,
        lr: Rate = 0.01,
        *,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
        weight_decay: float = 0.0,
        l1: float = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        max_norm: float | None = None,
        groups: Groups | None = None,
    ) -> None:
        (less, more), (least, most) = _two("etas", etas), _two("step_sizes", step_sizes)
        self.etas = real_number("etas[0]", less), real_number("etas[1]", more)
        self.step_sizes = real_number("step_sizes[0]", least), real_number("step_sizes[1]", most)
        if least > most:
            raise ValueError(f"step_sizes: expected the least size and the largest, got {step_sizes!r}")
        settings = {"eta_minus": less, "eta_plus": more, "step_min": least, "step_max": most}
        super().__init__(net, lr, settings, Penalties(weight_decay, l1, clip_value, clip_norm, max_norm), groups)


def _lr(schedule: Callable[[float], Any]) -> str:
    return repr(schedule.lr) if type(schedule) is Constant and not schedule.warmup else repr(schedule)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    kind.name: kind for kind in (SGD, Adam, AdamW, RMSprop, Adagrad, Rprop)
}
"""The optimizers that `fit` knows by name."""


def optimizer_named(name: Any) -> Callable[..., Optimizer]:
    """The class of a name.

    Raises
    ------
    ValueError
        Where it is none.

    Examples
    --------
    >>> optimizer_named("adam").__name__
    'Adam'
    """
    if not isinstance(name, str) or name not in OPTIMIZERS:
        raise ValueError(f"optimizer: expected one of {', '.join(OPTIMIZERS)}, got {name!r}")
    return OPTIMIZERS[name]
