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

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpc import _mlpc
from mlpc.arguments import Array, real_number, shaped
from mlpc.schedules import Constant, Rate, computed_in_c, rate_at

if TYPE_CHECKING:
    from mlpc.net import MLP

__all__ = ["OPTIMIZERS", "SGD", "Adam", "AdamW", "Optimizer"]


class Optimizer:
    """What all optimizers share: a network, a learning rate, a clock, and state of one number per parameter.

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

    def __init__(self, net: MLP, lr: Rate, state: tuple[str, ...]) -> None:
        if not isinstance(net, _mlpc.Net):
            raise TypeError(f"net: expected a network, got {net!r}")
        self.net = net
        self.lr = lr
        self.epochs = 0.0
        self.state: dict[str, Array] = {name: np.zeros(net.n_parameters, net.dtype) for name in state}

    @property
    def lr(self) -> float:
        """The learning rate of a step taken now; assign a number, a schedule or another callable to change it."""
        return rate_at(self.schedule, self.epochs)

    @lr.setter
    def lr(self, lr: Rate) -> None:
        self.schedule: Callable[[float], Any] = lr if callable(lr) else Constant(real_number("lr", lr))

    @property
    def spec(self) -> _mlpc.Optimizer:
        """The optimizer as the extension takes it; its arrays are the state itself."""
        raise NotImplementedError(
            f"{type(self).__name__}.spec: expected a step that mlpc computes, as a subclass of SGD, Adam or AdamW has; "
            "a step of your own is taken in a loop over mlpc.training.batches"
        )

    @property
    def _known_schedule(self) -> _mlpc.Schedule | Array:
        """The schedule as the extension takes it; no rates at all where it is a function that only Python knows."""
        return self.schedule.spec if computed_in_c(self.schedule) else np.zeros(0)

    def epoch_spec(self, steps: int) -> _mlpc.Optimizer:
        """`spec` for an epoch of so many steps, which begins now, with their rates where only Python knows them."""
        spec: Any = self.spec
        if computed_in_c(self.schedule):
            return spec
        rates = [rate_at(self.schedule, self.epochs + (step + 0.5) / steps) for step in range(steps)]
        return (spec[0], np.array(rates), *spec[2:])

    def step(self) -> None:
        """Change the network's parameters by its gradients, once, at the learning rate `lr`."""
        _mlpc.Net._step(self.net, self.spec, self.lr)

    def zero_grad(self) -> None:
        """Set the network's gradients to 0; needed only before gradients are accumulated."""
        self.net.zero_grad()

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
        arrays = {name: shaped(name, state[name], array.shape, array.dtype) for name, array in self.state.items()}
        for name, array in arrays.items():
            self.state[name][:] = array
        self.epochs = epochs


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
    weight_decay : float
        >= 0, of biases too.

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

    def __init__(
        self,
        net: MLP,
        lr: Rate = 0.1,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        self.momentum = real_number("momentum", momentum)
        self.nesterov = bool(nesterov)
        self.weight_decay = real_number("weight_decay", weight_decay)
        if self.momentum >= 1:
            raise ValueError(f"momentum: expected a number < 1, got {momentum!r}")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov: expected a momentum > 0 with it, got 0")
        super().__init__(net, lr, ("velocity",) if self.momentum else ())

    @property
    def spec(self) -> _mlpc.Optimizer:
        velocity = self.state.get("velocity")
        return ("sgd", self._known_schedule, self.momentum, self.weight_decay, self.nesterov, velocity)

    def __repr__(self) -> str:
        return (
            f"SGD(lr={_lr(self.schedule)}, momentum={self.momentum!r}, nesterov={self.nesterov!r}, "
            f"weight_decay={self.weight_decay!r}, epochs={self.epochs!r})"
        )


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
    weight_decay : float
        >= 0, of biases too.

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

    _kind = "adam"

    def __init__(
        self,
        net: MLP,
        lr: Rate = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        if np.shape(betas) != (2,):
            raise TypeError(f"betas: expected two numbers, got {betas!r}")
        self.betas = real_number("betas[0]", betas[0]), real_number("betas[1]", betas[1])
        self.eps = real_number("eps", eps)
        self.weight_decay = real_number("weight_decay", weight_decay)
        if max(self.betas) >= 1:
            raise ValueError(f"betas: expected numbers < 1, got {betas!r}")
        super().__init__(net, lr, ("mean", "square"))
        if not net.dtype.type(self.eps) > 0:
            raise ValueError(f"eps: expected a number > 0 in {net.dtype}, got {eps!r}")
        self.state["steps"] = np.zeros(1)

    @property
    def spec(self) -> _mlpc.Optimizer:
        state = self.state
        return (
            self._kind, self._known_schedule, self.weight_decay, *self.betas, self.eps,
            state["mean"], state["square"], state["steps"],
        )  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state_dict` was taken; see `Optimizer.load_state_dict`."""
        steps = np.asarray(state.get("steps", 0))
        if np.issubdtype(steps.dtype, np.number) and not (steps >= 0).all():
            raise ValueError(f"steps: expected a number >= 0, got {state['steps']!r}")
        super().load_state_dict(state)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(lr={_lr(self.schedule)}, betas={self.betas!r}, eps={self.eps!r}, "
            f"weight_decay={self.weight_decay!r}, epochs={self.epochs!r})"
        )


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

    _kind = "adamw"

    def __init__(
        self,
        net: MLP,
        lr: Rate = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(net, lr, betas=betas, eps=eps, weight_decay=weight_decay)


def _lr(schedule: Callable[[float], Any]) -> str:
    return repr(schedule.lr) if type(schedule) is Constant and not schedule.warmup else repr(schedule)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
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
