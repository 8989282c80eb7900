"""What all layers of a network have in common, and the linear ones: `mlpc.layers` has them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from mlpc import _mlpc
from mlpc.arguments import Array, shaped

__all__ = ["Layer", "Learning", "Linear", "View"]


class Layer:
    """One layer: module `index` of a network.

    Attributes
    ----------
    net : MLP
        The network it is part of.
    index : int
        Its place in `net.layers`, and in the keys of `net.state_dict()`.
    n_in, n_out : int
        How many features it takes and gives.
    """

    __slots__ = ("_number", "index", "n_in", "n_out", "net")

    if TYPE_CHECKING:  # of some classes alone: no type says of which each of `net.layers` is
        weight: Any
        bias: Any
        weight_grad: Any
        bias_grad: Any
        running_mean: Any
        running_var: Any

        @property
        def negative_slope(self) -> float: ...
        @property
        def alpha(self) -> float: ...
        @property
        def p(self) -> float: ...

    def _place(self, net: _mlpc.Net, index: int, number: int, n_in: int, n_out: int) -> None:
        """Make it a part of a network; number: of the linear layer that it is, or stands behind, from 0 on."""
        self.net, self.index, self._number, self.n_in, self.n_out = net, index, number, n_in, n_out

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

    def _key(self) -> tuple[Any, ...]:
        """What tells it from other layers."""
        return id(self.net), self.index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layer) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


class View:
    """An attribute of a layer: a writable view of its network's memory, into which assigning copies what fits."""

    def __init__(self, place: int, doc: str) -> None:
        self._place, self.__doc__ = place, doc

    def __set_name__(self, owner: type[Learning], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, layer: None, owner: object) -> View: ...
    @overload
    def __get__(self, layer: Learning, owner: object) -> Array: ...
    def __get__(self, layer: Learning | None, owner: object) -> View | Array:
        return self if layer is None else layer._arrays()[self._place]

    def __set__(self, layer: Learning, value: Any) -> None:
        view = layer._arrays()[self._place]
        view[...] = shaped(f"layers[{layer.index}].{self._name}", value, view.shape, view.dtype)


class Learning(Layer):
    """A layer with parameters.

    `weight`, `bias` and their gradients are writable views of `net.parameters` and `net.gradients`.  Assigning to one
    copies the values into the network, after shape and type have been checked.
    """

    __slots__ = ()

    def _arrays(self) -> tuple[Array, ...]:
        """Views of weight, bias and their gradients, and what there may be besides."""
        raise NotImplementedError

    weight = View(0, "Writable: (n_out, n_in) of a linear layer, (n_out,) of a norm.")
    bias = View(1, "(n_out,), writable.")
    weight_grad = View(2, "Writable: the derivative by `weight` that the latest backward left.")
    bias_grad = View(3, "(n_out,), writable: the derivative by `bias` that the latest backward left.")


class Linear(Learning):
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

    def __init__(self, net: _mlpc.Net, index: int, number: int, n_in: int, n_out: int) -> None:
        self._place(net, index, number, n_in, n_out)

    def _arrays(self) -> tuple[Array, ...]:
        return self.net._views(self._number)

    @property
    def input(self) -> Array:
        return self.net._memory(self._number)[0]

    @property
    def output(self) -> Array:
        return self.net._memory(self._number)[1]

    @property
    def n_parameters(self) -> int:
        return self.n_out * (self.n_in + 1)

    def __repr__(self) -> str:
        return f"Linear({self.n_in}, {self.n_out})"
