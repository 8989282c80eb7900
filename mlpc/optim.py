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

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np

from mlpc.arguments import real_number
from mlpc.lbfgs import LBFGS
from mlpc.network import Network
from mlpc.optimizer import Groups, Optimizer, Penalties
from mlpc.schedules import Rate

__all__ = [
    "LBFGS", "OPTIMIZERS", "SGD", "Adagrad", "Adam", "AdamW", "Groups", "Optimizer", "OptimizerName", "RMSprop",
    "Rprop",
]  # fmt: skip

OptimizerName: TypeAlias = Literal["sgd", "adam", "adamw", "rmsprop", "adagrad", "rprop"]


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


def _two(name: str, pair: Any) -> tuple[Any, Any]:
    if np.shape(pair) != (2,):
        raise TypeError(f"{name}: expected two numbers, got {pair!r}")
    return pair[0], pair[1]


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


def optimizer_of(net: Network, optimizer: OptimizerName | Optimizer, lr: Rate | None) -> Optimizer:
    """The optimizer of that name, fresh, or the object itself.

    Raises
    ------
    TypeError, ValueError
        Where it is neither, or an object of another network, or one beside a learning rate.
    """
    if isinstance(optimizer, str):
        make = optimizer_named(optimizer)
        return make(net) if lr is None else make(net, lr)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer: expected a name or an optimizer, got {optimizer!r}")
    if optimizer.net is not net:
        raise ValueError("optimizer: expected one of this network, got one of another")
    if lr is not None:
        raise ValueError(f"lr: expected none beside an optimizer object, which has its own, got {lr!r}")
    return optimizer
