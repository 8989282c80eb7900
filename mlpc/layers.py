"""The layers of a network, as `net.layers` shows them: Linear, activation, Linear, ..., as in torch.nn.Sequential, with
norms and dropouts among them.

A layer owns nothing: it is a name for a part of its network, and all that it hands out are views of the network's
memory.  Two of them are equal where they name the same part of the same network.

Activations and norms can be made, too, to say what a network is to have; such a one is part of none, and has no input
and output.

>>> import mlpc
>>> net = mlpc.MLP([3, 4, 5, 2], ["tanh", mlpc.layers.LeakyReLU(0.2)])
>>> net.layers
(Linear(3, 4), Tanh(), Linear(4, 5), LeakyReLU(negative_slope=0.2), Linear(5, 2))
>>> net.layers[0].weight.shape, net.layers[0].bias.shape
((4, 3), (4,))
>>> net.layers[3].negative_slope
0.2
"""

from __future__ import annotations

import itertools
import math
from typing import Any, ClassVar

import numpy as np

from mlpc import _mlpc
from mlpc.arguments import Array, real_number
from mlpc.layer import Layer, Linear
from mlpc.names import ActivationName
from mlpc.norm_layers import BatchNorm, LayerNorm, norm_of

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "BatchNorm",
    "Dropout",
    "Hardtanh",
    "Identity",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "Mish",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Tanh",
]  # fmt: skip


class Activation(Layer):
    """A function of each element: ``a = f(z)``.

    Attributes
    ----------
    name : str
        What `MLP` and `MLP.activations` call it.
    kinks : tuple of float
        Where the function is not smooth: its first or second derivative jumps there.
    """

    __slots__ = ("_block",)
    name: ClassVar[ActivationName]
    kinks: ClassVar[tuple[float, ...]] = ()

    def __init__(self) -> None:
        self._block: _mlpc.Activation = self.name

    def _set(self, setting: str, value: float) -> None:
        self._block = self.name, real_number(setting, value, -math.inf)
        _mlpc.activation_setting(self._block)  # raises where it may not be that

    @property
    def settings(self) -> dict[str, float]:
        """By name, as its constructor takes them; nothing for most activations.

        Examples
        --------
        >>> LeakyReLU(0.2).settings, ReLU().settings
        ({'negative_slope': 0.2}, {})
        """
        setting = _mlpc.activation_setting(self._block)
        return {} if setting is None else dict([setting])

    @property
    def input(self) -> Array:
        return self.net._memory(self._number)[4]

    @property
    def output(self) -> Array:
        return self.net._memory(self._number)[2]

    def _key(self) -> tuple[Any, ...]:
        return super()._key() if hasattr(self, "net") else (type(self), self._block)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in self.settings.items())})"


class Identity(Activation):
    """``f(z) = z``."""

    __slots__ = ()
    name = "identity"


class ReLU(Activation):
    """``f(z) = 0 where z <= 0, else z``; the derivative at 0 is 0."""

    __slots__ = ()
    name = "relu"
    kinks = (0.0,)


class LeakyReLU(Activation):
    """``f(z) = z where z > 0, else negative_slope z``: Maas et al., 2013.

    Parameters
    ----------
    negative_slope : float
        Finite; of either sign, as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        Where it is not.

    Examples
    --------
    >>> import mlpc
    >>> net = mlpc.MLP([2, 3, 1], LeakyReLU(0.2))
    >>> net.activations, net.layers[1].negative_slope
    (('leaky_relu',), 0.2)
    """

    __slots__ = ()
    name = "leaky_relu"
    kinks = (0.0,)

    def __init__(self, negative_slope: float = 0.01) -> None:
        self._set("negative_slope", negative_slope)

    @property
    def negative_slope(self) -> float:
        """The derivative where z <= 0."""
        return self.settings["negative_slope"]


class ELU(Activation):
    """``f(z) = z where z > 0, else alpha (exp(z) - 1)``: Clevert et al., 2015.

    Parameters
    ----------
    alpha : float
        Finite and > 0.

    Raises
    ------
    TypeError, ValueError
        Where it is not.

    Examples
    --------
    >>> import mlpc
    >>> mlpc.MLP([2, 3, 1], ELU(alpha=0.5)).layers[1]
    ELU(alpha=0.5)
    """

    __slots__ = ()
    name = "elu"
    kinks = (0.0,)

    def __init__(self, alpha: float = 1.0) -> None:
        self._set("alpha", alpha)

    @property
    def alpha(self) -> float:
        """What -f(z) tends to for z to -inf."""
        return self.settings["alpha"]


class SELU(Activation):
    """``f(z) = s z where z > 0, else s a (exp(z) - 1)``, s = 1.0507..., a = 1.6732...: Klambauer et al., 2017."""

    __slots__ = ()
    name = "selu"
    kinks = (0.0,)


class GELU(Activation):
    """``f(z) = z (1 + erf(z / sqrt(2))) / 2``, exact, not the approximation by tanh: Hendrycks and Gimpel, 2016."""

    __slots__ = ()
    name = "gelu"


class SiLU(Activation):
    """``f(z) = z sigmoid(z)``, also called swish."""

    __slots__ = ()
    name = "silu"


class Mish(Activation):
    """``f(z) = z tanh(softplus(z))``: Misra, 2019."""

    __slots__ = ()
    name = "mish"


class Softplus(Activation):
    """``f(z) = log(1 + exp(z))``, without PyTorch's switch to z above 20."""

    __slots__ = ()
    name = "softplus"


class Tanh(Activation):
    """The hyperbolic tangent."""

    __slots__ = ()
    name = "tanh"


class Sigmoid(Activation):
    """``f(z) = 1 / (1 + exp(-z))``."""

    __slots__ = ()
    name = "sigmoid"


class Hardtanh(Activation):
    """``f(z) = z``, kept between -1 and 1."""

    __slots__ = ()
    name = "hardtanh"
    kinks = (-1.0, 1.0)


class ReLU6(Activation):
    """``f(z) = z``, kept between 0 and 6."""

    __slots__ = ()
    name = "relu6"
    kinks = (0.0, 6.0)


ACTIVATIONS: dict[str, type[Activation]] = {
    of.name: of
    for of in (
        Identity, ReLU, LeakyReLU, ELU, SELU, GELU, SiLU, Mish, Softplus, Tanh, Sigmoid, Hardtanh, ReLU6,
    )
}  # fmt: skip
"""The class of each activation's name."""


def block_of(activation: str | Activation) -> _mlpc.Activation:
    """An activation as the extension takes it.

    Raises
    ------
    TypeError, ValueError
        Where it is neither an activation nor the name of one.
    """
    if isinstance(activation, Activation):
        return activation._block
    if isinstance(activation, str) and activation in ACTIVATIONS:
        return activation
    names = ", ".join(ACTIVATIONS)
    raise ValueError(f"activation: expected one of {names}, or an activation of mlpc.layers, got {activation!r}")


def activation_of(block: _mlpc.Activation) -> Activation:
    """The reverse: an activation that is part of no network."""
    if isinstance(block, str):
        return ACTIVATIONS[block]()
    name, setting = block
    make: Any = ACTIVATIONS[name]  # whose constructors differ
    activation: Activation = make(setting)
    return activation


def text_of(block: _mlpc.Activation) -> str:
    """An activation in words: its name or, where its setting is not the standard one, the object that makes it."""
    activation = activation_of(block)
    return activation.name if activation == type(activation)() else repr(activation)


class Dropout(Layer):
    """In train mode, ``h = a / (1 - p)``, or 0 with probability `p`; in eval mode ``h = a``: Srivastava et al., 2014.

    Attributes
    ----------
    p : float
        The probability of each element to be 0.

    Examples
    --------
    >>> import mlpc
    >>> mlpc.MLP([2, 3, 1], dropout=0.5, input_dropout=0.2).layers
    (Dropout(p=0.2), Linear(2, 3), ReLU(), Dropout(p=0.5), Linear(3, 1))
    """

    __slots__ = ("_p",)

    def __init__(self, net: _mlpc.Net, index: int, number: int, n: int, p: float) -> None:
        self._place(net, index, number, n, n)
        self._p = p

    @property
    def p(self) -> float:
        """The network's, which has it from its beginning: another network has another one."""
        return self._p

    @property
    def input(self) -> Array:
        return self.net._latest_x() if self._number < 0 else self.net._memory(self._number)[2]

    @property
    def output(self) -> Array:
        return self.net._memory(0)[0] if self._number < 0 else self.net._memory(self._number)[3]

    def mask(self, n: int, seed: int, t: int) -> Array:
        """What it multiplies `n` rows by in the forward that draws by `seed` and `t`: 0, or ``1 / (1 - p)``.

        Examples
        --------
        >>> import mlpc
        >>> net = mlpc.MLP([2, 3, 1], dropout=0.5, seed=4)
        >>> net.layers[2].mask(2, net.seed, net.masks_drawn)
        array([[0., 0., 2.],
               [0., 2., 2.]], dtype=float32)
        """
        ones = np.ones((n, self.n_in), self.net.dtype)
        return _mlpc.dropout(ones, self.p, (seed, t), self._number + 1, None)

    def __repr__(self) -> str:
        return f"Dropout(p={self.p})"


def layers_of(net: _mlpc.Net) -> tuple[Layer, ...]:
    """The modules of a network, in the order in which numbers pass through them."""
    layers: list[Layer] = []

    def drop(number: int, n: int) -> None:
        if number + 1 < len(net._dropout) and net._dropout[number + 1]:
            layers.append(Dropout(net, len(layers), number, n, net._dropout[number + 1]))

    drop(-1, net.sizes[0])
    for number, (n_in, n_out) in enumerate(itertools.pairwise(net.sizes)):
        layers.append(Linear(net, len(layers), number, n_in, n_out))
        if number < len(net._blocks):
            norm = net._norms[number]
            if norm is not None:
                placed = norm_of(norm)
                placed._place(net, len(layers), number, n_out, n_out)
                layers.append(placed)
            activation = activation_of(net._blocks[number])
            activation._place(net, len(layers), number, n_out, n_out)
            layers.append(activation)
        drop(number, n_out)
    return tuple(layers)
