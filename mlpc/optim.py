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
from mlpc.schedules import Constant, Schedule

if TYPE_CHECKING:
    from mlpc.net import MLP

__all__ = ["OPTIMIZERS", "SGD", "Optimizer"]


class Optimizer:
    """What all optimizers share: a network, a learning rate, a clock, and state of one number per parameter.

    Attributes
    ----------
    net : MLP
        The network whose parameters `step` changes.
    schedule : Schedule
        The learning rate over time.
    epochs : float
        The clock: how long this optimizer has trained, in epochs.
    state : dict of str to ndarray
        What the optimizer remembers from step to step, by name: arrays of shape (n_parameters,) in the network's dtype.
    """

    def __init__(self, net: MLP, lr: float | Schedule, state: tuple[str, ...]) -> None:
        if not isinstance(net, _mlpc.Net):
            raise TypeError(f"net: expected a network, got {net!r}")
        self.net = net
        self.lr = lr
        self.epochs = 0.0
        self.state: dict[str, Array] = {name: np.zeros(net.n_parameters, net.dtype) for name in state}

    @property
    def lr(self) -> float:
        """The learning rate of a step taken now; assign a number or a schedule to change it."""
        return self.schedule(self.epochs)

    @lr.setter
    def lr(self, lr: float | Schedule) -> None:
        self.schedule = lr if isinstance(lr, Schedule) else Constant(real_number("lr", lr))

    @property
    def spec(self) -> _mlpc.Optimizer:
        """The optimizer as the extension takes it; its arrays are the state itself."""
        raise NotImplementedError

    def step(self) -> None:
        """Change the network's parameters by its gradients, once, at the learning rate `lr`."""
        _mlpc.Net.step(self.net, self.spec, self.lr)

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
        """Continue where `state_dict` was taken.

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
    lr : float or Schedule
        The learning rate, >= 0, or a schedule from `mlpc.schedules`.
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
        lr: float | Schedule = 0.1,
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
        return ("sgd", self.schedule.spec, self.momentum, self.weight_decay, self.nesterov, velocity)

    def __repr__(self) -> str:
        schedule = self.schedule
        lr = repr(schedule.lr) if schedule == Constant(schedule.lr) else repr(schedule)
        return (
            f"SGD(lr={lr}, momentum={self.momentum!r}, nesterov={self.nesterov!r}, "
            f"weight_decay={self.weight_decay!r}, epochs={self.epochs!r})"
        )


OPTIMIZERS: dict[str, Callable[[MLP, float | Schedule], Optimizer]] = {"sgd": SGD}
"""The optimizers that `fit` knows by name."""
