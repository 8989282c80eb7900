r"""Losses: the value and its derivative with respect to the logits or predictions.

Row i of z weighs s_i (`sample_weight`; 1 without). With D = 1 for ``reduction="sum"``:

- element-wise losses: L = sum_i s_i sum_j l(z_ij, y_ij) / D; the mean divides by D = k sum_i s_i for k columns, which
  is the number of elements where there are no weights;
- `cross_entropy`: L = sum_i s_i l_i / D; the mean divides by D = sum_i s_i w[y_i] with class weights w (1 without).

A loss is a function of arrays here, ``huber(z, y, delta=2.0)``, and an object, ``Huber(delta=2.0)``, which a network
takes where it takes a name: ``mlpc.MLP(sizes, loss=mlpc.losses.Huber(delta=2.0))``.  Another loss than these is a
function of your own: see `Custom`, `by_torch` and `by_jax`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from mlpc.class_weights import ClassWeight
from mlpc.custom_loss import Custom, by_jax, by_torch
from mlpc.loss import Loss
from mlpc.loss_functions import function_of

__all__ = [
    "LOSSES", "MAE", "MSE", "AnyLoss", "BCEWithLogits", "ClassWeight", "CrossEntropy", "Custom", "Huber", "LogCosh",
    "Loss", "LossName", "Poisson", "Quantile", "bce_with_logits", "by_jax", "by_torch", "cross_entropy", "huber",
    "log_cosh", "mae", "mse", "poisson", "quantile",
]  # fmt: skip

LossName: TypeAlias = Literal[
    "cross_entropy", "bce_with_logits", "mse", "mae", "huber", "poisson", "quantile", "log_cosh"
]
AnyLoss: TypeAlias = LossName | Loss | Callable[[Any, Any], tuple[Any, Any]]
"""A loss by its name, an object, or a function (z, y) -> (loss, dz)."""

# ---- The losses ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CrossEntropy(Loss):
    r"""Cross-entropy of the softmax of logits, stably: l_i = -sum_j w_j t_ij log softmax(z_i)_j.

    t_i is 1 at the label of row i, or the row's probabilities; smoothing by e makes (1 - e) t_ij + e / k of it. The
    derivative is s_i / D (softmax(z_i)_j sum_c w_c t_ic - w_j t_ij).

    y: integer labels in 0..k-1 of shape (n,), or floating-point probabilities of shape (n, k), each >= 0, the sum of a
    row 1 within 0.001; k is at least 2.

    Parameters
    ----------
    label_smoothing : float
        In [0, 1]; Szegedy et al., "Rethinking the Inception Architecture", 2016.
    class_weight : array-like, shape (k,), optional
        Finite and >= 0.

    Examples
    --------
    >>> import numpy as np, mlpc
    >>> loss, dz = mlpc.losses.cross_entropy(np.array([[2.0, 0.0], [0.0, 0.0]]), [0, 1])
    >>> round(loss, 6)
    0.410038
    >>> dz.round(4)
    array([[-0.0596,  0.0596],
           [ 0.25  , -0.25  ]])
    """

    label_smoothing: float = 0.0
    class_weight: Any = None
    name: ClassVar[LossName] = "cross_entropy"


@dataclass(frozen=True)
class BCEWithLogits(Loss):
    """Binary cross-entropy of the sigmoid of logits, stably: l = (1 - y) softplus(z) + p y softplus(-z).

    The derivative is (1 - y) sigmoid(z) - p y (1 - sigmoid(z)).

    y: 0 and 1, or probabilities between them, of shape (n, k), or (n,) where k = 1.

    Parameters
    ----------
    pos_weight : float or array-like, shape (k,), optional
        p, of all columns or of each: how much a positive target weighs.  Finite and >= 0.

    Examples
    --------
    >>> import numpy as np, mlpc
    >>> loss, dz = mlpc.losses.bce_with_logits(np.array([[0.0], [3.0]]), [1, 1])
    >>> round(loss, 6)
    0.370867
    >>> dz.round(4)
    array([[-0.25  ],
           [-0.0237]])
    """

    pos_weight: Any = None
    name: ClassVar[LossName] = "bce_with_logits"


@dataclass(frozen=True)
class MSE(Loss):
    """Squared error, without a factor 1/2: l(z, y) = (z - y)^2, l' = 2 (z - y).

    y: finite, of shape (n, k), or (n,) where k = 1.

    Examples
    --------
    >>> import numpy as np, mlpc
    >>> mlpc.losses.mse(np.array([[1.0], [3.0]]), [0.0, 0.0])
    (5.0, array([[1.],
           [3.]]))
    """

    name: ClassVar[LossName] = "mse"


@dataclass(frozen=True)
class MAE(Loss):
    """Absolute error: l(z, y) = |z - y|, l' = sign(z - y), 0 where they are equal.

    y: finite, of shape (n, k), or (n,) where k = 1.

    Examples
    --------
    >>> import numpy as np, mlpc
    >>> mlpc.losses.mae(np.array([[1.0], [-3.0]]), [0.0, 0.0])
    (2.0, array([[ 0.5],
           [-0.5]]))
    """

    name: ClassVar[LossName] = "mae"
    kinks = (0.0,)


@dataclass(frozen=True)
class Huber(Loss):
    """Huber's loss: of d = z - y, d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2); l' = d cut to +-delta.

    Huber, "Robust Estimation of a Location Parameter", 1964.

    y: finite, of shape (n, k), or (n,) where k = 1.

    Parameters
    ----------
    delta : float
        > 0.

    Examples
    --------
    >>> import numpy as np, mlpc
    >>> mlpc.losses.huber(np.array([[0.5], [-3.0]]), [0.0, 0.0], reduction="sum")
    (2.625, array([[ 0.5],
           [-1. ]]))
    >>> mlpc.losses.Huber(delta=2.0)(np.array([[-3.0]]), [0.0])
    (4.0, array([[-2.]]))
    """

    delta: float = 1.0
    name: ClassVar[LossName] = "huber"

    @property
    def kinks(self) -> tuple[float, ...]:
        return (-self.delta, self.delta)


@dataclass(frozen=True)
class Poisson(Loss):
    """Poisson's negative log-likelihood of log rates, without the Stirling term: l = exp(z) - y z, l' = exp(z) - y.

    y: counts, finite and >= 0, of shape (n, k), or (n,) where k = 1.

    Examples
    --------
    >>> import numpy as np, mlpc
    >>> mlpc.losses.poisson(np.array([[0.0], [0.0]]), [1, 3])
    (1.0, array([[ 0.],
           [-1.]]))
    """

    name: ClassVar[LossName] = "poisson"


@dataclass(frozen=True)
class Quantile(Loss):
    """The pinball loss, least where z is the q-quantile of y: l = q (y - z) where z < y, else (1 - q) (z - y).

    The derivative is -q, 1 - q, and 0 where they are equal.  Koenker and Bassett, "Regression Quantiles", 1978.

    y: finite, of shape (n, k), or (n,) where k = 1.

    Parameters
    ----------
    q : float
        In (0, 1): the share of targets that is to lie below z.

    Examples
    --------
    >>> import numpy as np, mlpc
    >>> mlpc.losses.quantile(np.array([[0.0], [0.0]]), [4.0, -4.0], q=0.75)
    (2.0, array([[-0.375],
           [ 0.125]]))
    """

    q: float = 0.5
    name: ClassVar[LossName] = "quantile"
    kinks = (0.0,)


@dataclass(frozen=True)
class LogCosh(Loss):
    """log(cosh(z - y)): half the squared error near 0, the absolute error less log(2) far away; l' = tanh(z - y).

    y: finite, of shape (n, k), or (n,) where k = 1.

    Examples
    --------
    >>> import numpy as np, mlpc
    >>> loss, dz = mlpc.losses.log_cosh(np.array([[1.0], [1000.0]]), [0.0, 0.0], reduction="sum")
    >>> round(loss, 6)
    999.740634
    >>> dz.round(4)
    array([[0.7616],
           [1.    ]])
    """

    name: ClassVar[LossName] = "log_cosh"


LOSSES: dict[str, type[Loss]] = {loss.name: loss for loss in Loss.__subclasses__() if loss is not Custom}
"""Every loss that has a name, by its name."""


def loss_named(loss: AnyLoss) -> Loss:
    """The loss object of a name, with the settings that it has without arguments; an object comes back as it is.

    A function of (z, y) becomes `Custom`.

    Raises
    ------
    TypeError, ValueError
        Where it is neither.

    Examples
    --------
    >>> loss_named("huber")
    Huber(delta=1.0)
    """
    if isinstance(loss, Loss):
        return loss
    if not isinstance(loss, str):
        if callable(loss) and not isinstance(loss, type):
            return Custom(loss)
        raise TypeError(f"loss: expected a name, a loss or a function (z, y) -> (loss, dz), got {loss!r}")
    if loss not in LOSSES:
        raise ValueError(f"loss: expected one of {', '.join(LOSSES)}, got {loss!r}")
    return LOSSES[loss]()


# ---- The functions ---------------------------------------------------------------------------------------------------

cross_entropy = function_of(CrossEntropy)
bce_with_logits = function_of(BCEWithLogits)
mse = function_of(MSE)
mae = function_of(MAE)
huber = function_of(Huber)
poisson = function_of(Poisson)
quantile = function_of(Quantile)
log_cosh = function_of(LogCosh)
