"""The layers of a network, as `net.layers` shows them: Linear, activation, Linear, ..., as in torch.nn.Sequential.

A layer owns nothing: it is a name for a part of its network, and all that it hands out are views of the network's
memory.  Two of them are equal where they name the same part of the same network.

>>> import mlpc
>>> net = mlpc.MLP([3, 4, 2], "tanh")
>>> net.layers
(Linear(3, 4), Tanh(), Linear(4, 2))
>>> net.layers[0].weight.shape, net.layers[0].bias.shape
((4, 3), (4,))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlpc import _mlpc
from mlpc.arguments import Array, shaped

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "Hardtanh",
    "Identity",
    "Layer",
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


class Layer:
    """One layer: module `index` of the network, Linear at even indices and activations at odd ones.

    Attributes
    ----------
    net : MLP
        The network it is part of.
    index : int
        Its place in `net.layers`, and in the keys of `net.state_dict()`.
    n_in, n_out : int
        How many features it takes and gives.
    """

    __slots__ = ("index", "n_in", "n_out", "net")

    if TYPE_CHECKING:  # of Linear alone: no type says which of `net.layers` are
        weight: Any
        bias: Any
        weight_grad: Any
        bias_grad: Any

    def __init__(self, net: _mlpc.Net, index: int) -> None:
        self.net = net
        self.index = index
        self.n_in, self.n_out = net.sizes[(index + 1) // 2], net.sizes[index // 2 + 1]

    @property
    def input(self) -> Array:
        """What the latest forward put in: (n, n_in), read-only, valid until the next forward.

        Raises
        ------
        RuntimeError
            Before the first forward.
        """
        raise NotImplementedError

    @property
    def output(self) -> Array:
        """What the latest forward made of `input`: (n, n_out), read-only, valid until the next forward.

        Raises
        ------
        RuntimeError
            Before the first forward.
        """
        raise NotImplementedError

    @property
    def n_parameters(self) -> int:
        """How many numbers the layer learns."""
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layer) and self.net is other.net and self.index == other.index

    def __hash__(self) -> int:
        return hash((id(self.net), self.index))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Linear(Layer):
    """``z = x @ weight.T + bias``.

    `weight`, `bias` and their gradients are writable views of `net.parameters` and `net.gradients`.  Assigning to one
    copies the values into the network, after shape and type have been checked.

    Examples
    --------
    >>> import mlpc
    >>> layer = mlpc.MLP([2, 1], init="zeros").layers[0]
    >>> layer.weight = [[0.5, -1.0]]
    >>> layer.weight[0, 0] += 1
    >>> layer.net.parameters
    array([ 1.5, -1. ,  0. ], dtype=float32)
    """

    __slots__ = ()

    def _assign(self, name: str, value: Any) -> None:
        view = getattr(self, name)
        view[...] = shaped(f"layers[{self.index}].{name}", value, view.shape, view.dtype)

    @property
    def weight(self) -> Array:
        """(n_out, n_in), writable."""
        return self.net._views(self.index // 2)[0]

    @weight.setter
    def weight(self, value: Any) -> None:
        self._assign("weight", value)

    @property
    def bias(self) -> Array:
        """(n_out,), writable."""
        return self.net._views(self.index // 2)[1]

    @bias.setter
    def bias(self, value: Any) -> None:
        self._assign("bias", value)

    @property
    def weight_grad(self) -> Array:
        """(n_out, n_in), writable: the derivative by `weight` that the latest backward left."""
        return self.net._views(self.index // 2)[2]

    @weight_grad.setter
    def weight_grad(self, value: Any) -> None:
        self._assign("weight_grad", value)

    @property
    def bias_grad(self) -> Array:
        """(n_out,), writable: the derivative by `bias` that the latest backward left."""
        return self.net._views(self.index // 2)[3]

    @bias_grad.setter
    def bias_grad(self, value: Any) -> None:
        self._assign("bias_grad", value)

    @property
    def input(self) -> Array:
        return self.net._memory(self.index // 2)[0]

    @property
    def output(self) -> Array:
        return self.net._memory(self.index // 2)[1]

    @property
    def n_parameters(self) -> int:
        return self.n_out * (self.n_in + 1)

    def __repr__(self) -> str:
        return f"Linear({self.n_in}, {self.n_out})"


class Activation(Layer):
    """A function of each element: ``a = f(z)``.

    Attributes
    ----------
    kinks : tuple of float
        Where the function is not smooth: its first or second derivative jumps there.
    """

    __slots__ = ()
    kinks: tuple[float, ...] = ()

    @property
    def input(self) -> Array:
        return self.net._memory(self.index // 2)[1]

    @property
    def output(self) -> Array:
        return self.net._memory(self.index // 2)[2]


class Identity(Activation):
    """``f(z) = z``."""

    __slots__ = ()


class ReLU(Activation):
    """``f(z) = 0 where z <= 0, else z``; the derivative at 0 is 0."""

    __slots__ = ()
    kinks = (0.0,)


class LeakyReLU(Activation):
    """``f(z) = z where z > 0, else 0.01 z``."""

    __slots__ = ()
    kinks = (0.0,)


class ELU(Activation):
    """``f(z) = z where z > 0, else exp(z) - 1``: Clevert et al., 2015."""

    __slots__ = ()
    kinks = (0.0,)


class SELU(Activation):
    """``f(z) = s z where z > 0, else s a (exp(z) - 1)``, s = 1.0507..., a = 1.6732...: Klambauer et al., 2017."""

    __slots__ = ()
    kinks = (0.0,)


class GELU(Activation):
    """``f(z) = z (1 + erf(z / sqrt(2))) / 2``, exact, not the approximation by tanh: Hendrycks and Gimpel, 2016."""

    __slots__ = ()


class SiLU(Activation):
    """``f(z) = z sigmoid(z)``, also called swish."""

    __slots__ = ()


class Mish(Activation):
    """``f(z) = z tanh(softplus(z))``: Misra, 2019."""

    __slots__ = ()


class Softplus(Activation):
    """``f(z) = log(1 + exp(z))``, without PyTorch's switch to z above 20."""

    __slots__ = ()


class Tanh(Activation):
    """The hyperbolic tangent."""

    __slots__ = ()


class Sigmoid(Activation):
    """``f(z) = 1 / (1 + exp(-z))``."""

    __slots__ = ()


class Hardtanh(Activation):
    """``f(z) = z``, kept between -1 and 1."""

    __slots__ = ()
    kinks = (-1.0, 1.0)


class ReLU6(Activation):
    """``f(z) = z``, kept between 0 and 6."""

    __slots__ = ()
    kinks = (0.0, 6.0)


ACTIVATIONS: dict[str, type[Activation]] = {
    "identity": Identity,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "silu": SiLU,
    "mish": Mish,
    "softplus": Softplus,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "hardtanh": Hardtanh,
    "relu6": ReLU6,
}
"""The class of each activation's name."""


def layer(net: _mlpc.Net, index: int) -> Layer:
    """Module `index` of a network."""
    return Linear(net, index) if index % 2 == 0 else ACTIVATIONS[net.activations[index // 2]](net, index)
