"""Losses that mlpc does not have: functions of the user's own, with their derivative, or differentiated elsewhere."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mlpc import _mlpc
from mlpc.arguments import Array, converted, flushed, real_array, shaped
from mlpc.class_weights import ClassWeight
from mlpc.csr import Input
from mlpc.loss import Loss
from mlpc.names import Reduction

__all__ = ["Custom", "by_jax", "by_torch"]


@dataclass(frozen=True, repr=False)
class Custom(Loss):
    """A loss that is a function of yours, ``function(z, y) -> (loss, dz)``, of one batch at a time.

    A network, `fit`, `loss_and_grad`, `evaluate` and `mlpc.MLPRegressor` take the function itself as ``loss=``, and
    make this of it.  Its outputs are predictions as they are: `predict` returns them, and there is no accuracy.

    Parameters
    ----------
    function : callable
        Of z (n, k), the outputs for the rows of a batch, in the network's dtype and its own to write; and y, the
        targets of the same rows: reals in that dtype, integers as int64, of any shape (n, ...) and of whatever meaning,
        NaN among them.  It returns the loss, a number, and its derivative by z, of z's shape.  A mean over the rows
        makes learning rates mean what they do elsewhere.
    name : str, optional
        What the loss is called where it is shown, and in files; the function's own name where left out.

    Notes
    -----
    In the derivative, numbers below the smallest normal one count as 0, as they do in mlpc's own.  A loss or derivative
    that is not finite is a `DivergenceError` in `fit`.

    It can be pickled where its function can: one that stands at the top of a module, and no lambda.

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> def cubic(z, y):
    ...     d = z - y
    ...     return np.mean(np.abs(d) ** 3), 3 * d * np.abs(d) / d.size
    >>> net = mlpc.MLP([1, 8, 1], "tanh", loss=cubic)
    >>> net
    MLP([1, 8, 1], 'tanh', loss=cubic, dtype='float32', seed=0)
    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> history = net.fit(x, x**2, epochs=100, optimizer="adam", lr=0.03)
    >>> history["loss"][-1] < history["loss"][0] / 100
    True
    """

    function: Callable[[Any, Any], tuple[Any, Any]]
    name: str = field(default="", kw_only=True)  # type: ignore[misc]  # of the class, for all others

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"function: expected a function (z, y) -> (loss, dz), got {self.function!r}")
        if not isinstance(self.name, str):
            raise TypeError(f"name: expected a text, got {self.name!r}")
        if not self.name:
            object.__setattr__(self, "name", _name_of(self.function))

    link = "none"
    predicts_as = "mse"  # whose outputs are predictions as they are

    def __repr__(self) -> str:
        return f"Custom({self.name})"

    __str__ = __repr__

    def __deepcopy__(self, memo: Any) -> Custom:
        return self

    @property
    def text(self) -> str:
        return self.name

    def spec(self, reduction: Reduction = "mean") -> _mlpc.Loss:
        """What tells the loss from others; the extension has none of this name."""
        if reduction != "mean":
            raise ValueError(f"reduction: expected 'mean' with {self}, whose function is what it is, got {reduction!r}")
        return (str(self), reduction, None, None)

    def weighted_spec(
        self, reduction: Reduction, class_weight: ClassWeight | None, y: Array, outputs: int
    ) -> _mlpc.Loss:
        if class_weight is not None:
            raise ValueError(f"class_weight: expected None with {self}, got {class_weight!r}")
        return self.spec(reduction)

    def __call__(
        self, z: Array, y: ArrayLike, *, sample_weight: ArrayLike | None = None, reduction: Reduction = "mean"
    ) -> tuple[float, Array]:
        """What the function says of z, checked."""
        self.spec(reduction)
        self.refuse_weights(sample_weight)
        z = real_array("z", z)
        return self._of(z, _targets(y, z.dtype, len(z)).copy())

    def _of(self, z: Array, y: Array) -> tuple[float, Array]:
        """What the function says of z and y, which are its own to write, checked."""
        returned = self.function(z, y)
        if not isinstance(returned, (tuple, list)) or len(returned) != 2:
            raise TypeError(f"loss: expected (loss, dz) from {self}, got {type(returned).__name__}")
        loss = real_array(f"loss of {self}", returned[0])
        if loss.ndim:
            raise ValueError(f"loss of {self}: expected a number, got shape {loss.shape}")
        return float(loss), flushed(shaped(f"dz of {self}", returned[1], z.shape, z.dtype))

    def refuse_weights(self, sample_weight: Any) -> None:
        if sample_weight is not None:
            raise ValueError(
                f"sample_weight: expected None with {self}, whose function has no place for it, got weights"
            )

    def objective(self, net: _mlpc.Net, y: Array, spec: _mlpc.Loss, sample_weight: Array | None) -> Array:
        self.refuse_weights(sample_weight)
        return _targets(y, net.dtype).copy()

    def of_latest(self, net: _mlpc.Net, y: Any, spec: _mlpc.Loss | None, sample_weight: Array | None) -> float:
        loss, dz = self(net._memory(len(net.sizes) - 2)[1].copy(), y, sample_weight=sample_weight)
        net._remember(dz)
        return loss

    def derived(self, z: Array, y: Any, spec: _mlpc.Loss | None, sample_weight: Array | None) -> tuple[float, Array]:
        return self._of(z, y)

    def weight_of(self, y: Array, spec: _mlpc.Loss, sample_weight: Array | None) -> float:
        return float(len(y))

    def with_gradients(
        self, net: _mlpc.Net, x: Input, y: Any, spec: _mlpc.Loss | None, sample_weight: Array | None, accumulate: bool
    ) -> float:
        loss, dz = self(_mlpc.Net.forward(net, x), y, sample_weight=sample_weight)
        net._remember(dz)
        _mlpc.Net.backward(net, None, accumulate)
        return loss

    def evaluated(
        self,
        net: _mlpc.Net,
        x: Input,
        y: Any,
        spec: _mlpc.Loss | None,
        sample_weight: Array | None,
        scale: float | None,
    ) -> tuple[float, float]:
        z = _mlpc.Net._predict(net, x, "logits", self.predicts_as, scale)
        return self(z, y, sample_weight=sample_weight)[0], 0.0


def _name_of(function: Any) -> str:
    return getattr(function, "__name__", None) or type(function).__name__


def _targets(y: ArrayLike, dtype: np.dtype[Any], rows: int | None = None) -> Array:
    """y as a function is given it; so many rows, or at least one."""
    array = real_array("y", y)
    if not array.ndim or not len(array) or (rows is not None and len(array) != rows):
        expected = "at least one row" if not rows else f"{rows} rows, as many as z has"
        raise ValueError(f"y: expected {expected}, got shape {array.shape}")
    return converted("y", array, dtype) if array.dtype.kind == "f" else array.astype(np.int64, copy=False)


# ---- Differentiated elsewhere ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Torch:
    function: Callable[[Any, Any], Any]

    def __call__(self, z: Array, y: Array) -> tuple[Any, Any]:
        torch = importlib.import_module("torch")
        with torch.enable_grad():
            output = torch.from_numpy(z).requires_grad_()
            loss = self.function(output, torch.from_numpy(y))
            if not isinstance(loss, torch.Tensor):
                raise TypeError(f"loss: expected a tensor from {_name_of(self.function)}, got {type(loss).__name__}")
            (dz,) = torch.autograd.grad(loss, output)
        return loss.detach(), dz


@dataclass(frozen=True)
class _Jax:
    function: Callable[[Any, Any], Any]

    def __call__(self, z: Array, y: Array) -> tuple[Any, Any]:
        loss, dz = importlib.import_module("jax").value_and_grad(self._number)(z, y)
        return np.asarray(loss), np.asarray(dz)

    def _number(self, z: Any, y: Any) -> Any:
        loss = self.function(z, y)
        shape = () if isinstance(loss, float) else getattr(loss, "shape", None)
        if shape != ():
            got = type(loss).__name__ if shape is None else f"shape {shape}"
            raise TypeError(f"loss: expected a number from {_name_of(self.function)}, got {got}")
        return loss


def by_torch(function: Callable[[Any, Any], Any], name: str | None = None) -> Custom:
    """A loss that PyTorch differentiates: ``function(z, y) -> loss`` of tensors, called once for each batch.

    Parameters
    ----------
    function : callable
        Of z and y as in `Custom`, tensors that share their memory; it returns a tensor of one number.  A module such as
        ``torch.nn.SmoothL1Loss()`` is such a function.
    name : str, optional
        As in `Custom`.

    Raises
    ------
    ImportError
        Where there is no PyTorch.

    Examples
    --------
    >>> import mlpc, numpy as np, torch
    >>> loss = by_torch(torch.nn.functional.mse_loss)
    >>> loss(np.array([[1.0], [3.0]]), np.array([[0.0], [0.0]]))
    (5.0, array([[1.],
           [3.]]))
    """
    try:
        importlib.import_module("torch")
    except ImportError as error:
        raise ImportError("by_torch needs PyTorch: pip install torch") from error
    return _differentiated(_Torch, function, name)


def by_jax(function: Callable[[Any, Any], Any], name: str | None = None) -> Custom:
    """A loss that JAX differentiates: ``function(z, y) -> loss`` of its arrays, called once for each batch.

    Parameters are those of `by_torch`.  JAX computes in float32 unless ``jax.config.update("jax_enable_x64", True)``
    says otherwise; ``jax.jit(function)`` is such a function, too, and compiled once for each size of a batch.

    Raises
    ------
    ImportError
        Where there is no JAX.
    """
    try:
        importlib.import_module("jax")
    except ImportError as error:
        raise ImportError("by_jax needs JAX: pip install jax") from error
    return _differentiated(_Jax, function, name)


def _differentiated(by: Callable[[Any], Any], function: Any, name: str | None) -> Custom:
    if not callable(function):
        raise TypeError(f"function: expected a function (z, y) -> loss, got {function!r}")
    return Custom(by(function), name=_name_of(function) if name is None else name)
