"""Norms as layers of a network: `mlpc.layers` has them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from mlpc import _mlpc
from mlpc.arguments import Array, real_number
from mlpc.layer import Learning, View

if TYPE_CHECKING:
    from mlpc.names import NormName

__all__ = ["NORMS", "AnyNorm", "BatchNorm", "LayerNorm", "Norm", "norm_of", "norm_text"]


class Norm(Learning):
    """What stands between a linear layer and its activation: `weight` is the gain, and `bias` the shift.

    Attributes
    ----------
    name : str
        What `MLP` and `MLP.norms` call it.
    """

    __slots__ = ("_spec",)
    name: ClassVar[NormName]

    def _set(self, **settings: float) -> None:
        spec: Any = (self.name, *(real_number(name, value) for name, value in settings.items()))
        _mlpc.norm_settings(spec)  # raises where one may not be that
        self._spec: _mlpc.Norm = spec

    @property
    def eps(self) -> float:
        """What is added to a variance."""
        return _mlpc.norm_settings(self._spec)[0]

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

    def _key(self) -> tuple[Any, ...]:
        return super()._key() if hasattr(self, "net") else (type(self), self._spec)

    def __repr__(self) -> str:
        words = [str(self.n_in)] if hasattr(self, "net") else []
        settings = zip(("eps", "momentum"), _mlpc.norm_settings(self._spec), strict=False)
        usual = _mlpc.norm_settings(self.name)
        words += [f"{name}={value}" for (name, value), other in zip(settings, usual, strict=True) if value != other]
        return f"{type(self).__name__}({', '.join(words)})"


class BatchNorm(Norm):
    """``y = (z - m) / sqrt(v + eps) * weight + bias`` of each feature: Ioffe and Szegedy, 2015.

    In train mode m and v are the mean and the variance over the rows of the batch, at least two; in eval mode they are
    `running_mean` and `running_var`, which each forward in train mode moves by `momentum` of the way, as PyTorch does.

    Parameters
    ----------
    eps : float
        > 0, in the network's dtype.
    momentum : float
        In [0, 1].

    Raises
    ------
    TypeError, ValueError
        Where one is not.

    Examples
    --------
    >>> import mlpc
    >>> net = mlpc.MLP([2, 3, 1], norm="batch")
    >>> net.layers
    (Linear(2, 3), BatchNorm(3), ReLU(), Linear(3, 1))
    >>> net.layers[1].weight, net.layers[1].running_var
    (array([1., 1., 1.], dtype=float32), array([1., 1., 1.], dtype=float32))
    >>> mlpc.MLP([2, 3, 1], norm=BatchNorm(momentum=0.01)).layers[1]
    BatchNorm(3, momentum=0.01)
    """

    __slots__ = ()
    name = "batch"

    def __init__(self, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self._set(eps=eps, momentum=momentum)

    @property
    def momentum(self) -> float:
        """The share of a batch in the running statistics from then on."""
        return _mlpc.norm_settings(self._spec)[1]

    running_mean = View(4, "(n_out,), writable.")
    running_var = View(5, "(n_out,), writable.")


class LayerNorm(Norm):
    """``y = (z - m) / sqrt(v + eps) * weight + bias``, with m and v of each row: Ba et al., 2016.

    Parameters
    ----------
    eps : float
        > 0, in the network's dtype.

    Raises
    ------
    TypeError, ValueError
        Where it is not.

    Examples
    --------
    >>> import mlpc
    >>> mlpc.MLP([2, 3, 3, 1], norm=["layer", None]).layers
    (Linear(2, 3), LayerNorm(3), ReLU(), Linear(3, 3), ReLU(), Linear(3, 1))
    >>> mlpc.MLP([2, 3, 1], norm=LayerNorm(eps=1e-6)).layers[1].eps
    1e-06
    """

    __slots__ = ()
    name = "layer"

    def __init__(self, *, eps: float = 1e-5) -> None:
        self._set(eps=eps)


AnyNorm: TypeAlias = "NormName | Norm | None"
"""A norm by name, with the settings that PyTorch's has, or as an object that says others; None for none."""

NORMS: dict[str, type[BatchNorm] | type[LayerNorm]] = {of.name: of for of in (BatchNorm, LayerNorm)}
"""The class of each norm's name."""


def norm_of(spec: _mlpc.Norm) -> BatchNorm | LayerNorm:
    """The object of what the extension calls a norm: a name, or a tuple of it and the settings.

    Raises
    ------
    KeyError, TypeError, ValueError
        Where there is none.

    Examples
    --------
    >>> norm_of("batch"), norm_of(("layer", 0.001))
    (BatchNorm(), LayerNorm(eps=0.001))
    """
    name, *settings = (spec,) if isinstance(spec, str) else spec
    names = ("eps", "momentum")[: len(settings)]
    return NORMS[name](**dict(zip(names, settings, strict=True)))


def norm_text(spec: _mlpc.Norm | None) -> str:
    """A norm in words: None, its name, or the object that makes it."""
    return repr(spec) if spec is None or isinstance(spec, str) else repr(norm_of(spec))
