"""Norms as layers of a network: `mlpc.layers` has them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlpc import _mlpc
from mlpc.arguments import Array
from mlpc.layer import Learning

if TYPE_CHECKING:
    from mlpc.names import NormName

__all__ = ["NORMS", "BatchNorm", "LayerNorm", "Norm"]


class Norm(Learning):
    """What stands between a linear layer and its activation: `weight` is the gain, and `bias` the shift."""

    __slots__ = ()
    name: ClassVar[NormName]
    eps: ClassVar[float] = 1e-5

    def __init__(self, net: _mlpc.Net, index: int, number: int, n: int) -> None:
        self._place(net, index, number, n, n)

    def _arrays(self) -> tuple[Array, ...]:
        return self.net._norm_views(self._number)

    @property
    def input(self) -> Array:
        return self.net._memory(self._number)[1]

    @property
    def output(self) -> Array:
        return self.net._memory(self._number)[4]

    @property
    def n_parameters(self) -> int:
        return 2 * self.n_out

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.n_in})"


class BatchNorm(Norm):
    """``y = (z - m) / sqrt(v + 1e-5) * weight + bias`` of each feature: Ioffe and Szegedy, 2015.

    In train mode m and v are the mean and the variance over the rows of the batch, at least two; in eval mode they are
    `running_mean` and `running_var`, which each forward in train mode moves by a tenth of the way, as PyTorch does.

    Examples
    --------
    >>> import mlpc
    >>> net = mlpc.MLP([2, 3, 1], norm="batch")
    >>> net.layers
    (Linear(2, 3), BatchNorm(3), ReLU(), Linear(3, 1))
    >>> net.layers[1].weight, net.layers[1].running_var
    (array([1., 1., 1.], dtype=float32), array([1., 1., 1.], dtype=float32))
    """

    __slots__ = ()
    name = "batch"
    momentum: ClassVar[float] = 0.1

    @property
    def running_mean(self) -> Array:
        """(n_out,), writable."""
        return self._arrays()[4]

    @running_mean.setter
    def running_mean(self, value: Array) -> None:
        self._assign("running_mean", value)

    @property
    def running_var(self) -> Array:
        """(n_out,), writable."""
        return self._arrays()[5]

    @running_var.setter
    def running_var(self, value: Array) -> None:
        self._assign("running_var", value)


class LayerNorm(Norm):
    """``y = (z - m) / sqrt(v + 1e-5) * weight + bias``, with m and v of each row: Ba et al., 2016.

    Examples
    --------
    >>> import mlpc
    >>> mlpc.MLP([2, 3, 3, 1], norm=["layer", None]).layers
    (Linear(2, 3), LayerNorm(3), ReLU(), Linear(3, 3), ReLU(), Linear(3, 1))
    """

    __slots__ = ()
    name = "layer"


NORMS: dict[str, type[Norm]] = {of.name: of for of in (BatchNorm, LayerNorm)}
"""The class of each norm's name."""
