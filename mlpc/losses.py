r"""Losses: the value and its derivative with respect to the logits or predictions.

Row i of z weighs s_i (`sample_weight`; 1 without). With D = 1 for ``reduction="sum"``:

- element-wise losses: L = sum_i s_i sum_j l(z_ij, y_ij) / D; the mean divides by D = k sum_i s_i for k columns, which
  is the number of elements where there are no weights;
- `cross_entropy`: L = sum_i s_i l_i / D; the mean divides by D = sum_i s_i w[y_i] with class weights w (1 without).

Every function takes z of shape (n, k), float32 or float64, and returns ``(L, dL/dz)``: a float, computed in double, and
an array like z. n = 0, or weights whose sum is 0, is a ValueError, since a mean of nothing is no number.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from mlpc import _mlpc
from mlpc.arguments import Array, real_array
from mlpc.names import Reduction

__all__ = ["bce_with_logits", "cross_entropy", "huber", "mae", "mse", "poisson"]


def cross_entropy(
    z: Array,
    y: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
) -> tuple[float, Array]:
    r"""Cross-entropy of the softmax of logits, stably: l_i = -sum_j w_j t_ij log softmax(z_i)_j.

    t_i is 1 at the label of row i, or the row's probabilities; smoothing by e makes (1 - e) t_ij + e / k of it. The
    derivative is s_i / D (softmax(z_i)_j sum_c w_c t_ic - w_j t_ij).

    Parameters
    ----------
    z : array, shape (n, k)
        Logits, float32 or float64.
    y : array-like
        Integer labels in 0..k-1 of shape (n,), or floating-point probabilities of shape (n, k), each >= 0, the sum of
        a row 1 within 0.001.  k is at least 2.
    sample_weight : array-like, shape (n,), optional
        Finite and >= 0.
    class_weight : array-like, shape (k,), optional
        Finite and >= 0.
    label_smoothing : float
        In [0, 1]; Szegedy et al., "Rethinking the Inception Architecture", 2016.
    reduction : {"mean", "sum"}

    Returns
    -------
    loss : float
    dz : array, shape (n, k)

    Raises
    ------
    TypeError
        Where z is neither float32 nor float64, or labels are no integers.
    ValueError
        Where shapes do not fit, labels or probabilities are none, or the mean's divisor is not positive.

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
    if class_weight is not None:
        class_weight = real_array("class_weight", class_weight)
    return _loss(z, y, ("cross_entropy", reduction, class_weight, label_smoothing), sample_weight)


def bce_with_logits(
    z: Array, y: ArrayLike, *, sample_weight: ArrayLike | None = None, reduction: Reduction = "mean"
) -> tuple[float, Array]:
    """Binary cross-entropy of the sigmoid of logits, stably: l(z, y) = softplus(z) - y z, l' = sigmoid(z) - y.

    Parameters
    ----------
    z : array, shape (n, k)
        Logits, float32 or float64.
    y : array-like, shape (n, k), or (n,) where k = 1
        0 and 1, or probabilities between them.
    sample_weight : array-like, shape (n,), optional
        Finite and >= 0.
    reduction : {"mean", "sum"}

    Returns
    -------
    loss : float
    dz : array, shape (n, k)

    Raises
    ------
    TypeError, ValueError
        Where a dtype, a shape or a value is not as above.

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
    return _element_loss("bce_with_logits", z, y, sample_weight, reduction)


def mse(
    z: Array, y: ArrayLike, *, sample_weight: ArrayLike | None = None, reduction: Reduction = "mean"
) -> tuple[float, Array]:
    """Squared error, without a factor 1/2: l(z, y) = (z - y)^2, l' = 2 (z - y).

    Parameters
    ----------
    z : array, shape (n, k)
        Predictions, float32 or float64.
    y : array-like, shape (n, k), or (n,) where k = 1
        Finite.
    sample_weight : array-like, shape (n,), optional
        Finite and >= 0.
    reduction : {"mean", "sum"}

    Returns
    -------
    loss : float
    dz : array, shape (n, k)

    Raises
    ------
    TypeError, ValueError
        Where a dtype, a shape or a value is not as above.

    Examples
    --------
    >>> import numpy as np, mlpc
    >>> mlpc.losses.mse(np.array([[1.0], [3.0]]), [0.0, 0.0])
    (5.0, array([[1.],
           [3.]]))
    """
    return _element_loss("mse", z, y, sample_weight, reduction)


def mae(
    z: Array, y: ArrayLike, *, sample_weight: ArrayLike | None = None, reduction: Reduction = "mean"
) -> tuple[float, Array]:
    """Absolute error: l(z, y) = |z - y|, l' = sign(z - y), 0 where they are equal.

    Parameters
    ----------
    z : array, shape (n, k)
        Predictions, float32 or float64.
    y : array-like, shape (n, k), or (n,) where k = 1
        Finite.
    sample_weight : array-like, shape (n,), optional
        Finite and >= 0.
    reduction : {"mean", "sum"}

    Returns
    -------
    loss : float
    dz : array, shape (n, k)

    Raises
    ------
    TypeError, ValueError
        Where a dtype, a shape or a value is not as above.

    Examples
    --------
    >>> import numpy as np, mlpc
    >>> mlpc.losses.mae(np.array([[1.0], [-3.0]]), [0.0, 0.0])
    (2.0, array([[ 0.5],
           [-0.5]]))
    """
    return _element_loss("mae", z, y, sample_weight, reduction)


def huber(
    z: Array, y: ArrayLike, *, sample_weight: ArrayLike | None = None, reduction: Reduction = "mean"
) -> tuple[float, Array]:
    """Huber's loss with delta = 1: l = d^2 / 2 where |d| <= 1, else |d| - 1/2, of d = z - y; l' = d cut to [-1, 1].

    Huber, "Robust Estimation of a Location Parameter", 1964.

    Parameters
    ----------
    z : array, shape (n, k)
        Predictions, float32 or float64.
    y : array-like, shape (n, k), or (n,) where k = 1
        Finite.
    sample_weight : array-like, shape (n,), optional
        Finite and >= 0.
    reduction : {"mean", "sum"}

    Returns
    -------
    loss : float
    dz : array, shape (n, k)

    Raises
    ------
    TypeError, ValueError
        Where a dtype, a shape or a value is not as above.

    Examples
    --------
    >>> import numpy as np, mlpc
    >>> mlpc.losses.huber(np.array([[0.5], [-3.0]]), [0.0, 0.0], reduction="sum")
    (2.625, array([[ 0.5],
           [-1. ]]))
    """
    return _element_loss("huber", z, y, sample_weight, reduction)


def poisson(
    z: Array, y: ArrayLike, *, sample_weight: ArrayLike | None = None, reduction: Reduction = "mean"
) -> tuple[float, Array]:
    """Poisson's negative log-likelihood of log rates, without the Stirling term: l = exp(z) - y z, l' = exp(z) - y.

    Parameters
    ----------
    z : array, shape (n, k)
        Logarithms of rates, float32 or float64.
    y : array-like, shape (n, k), or (n,) where k = 1
        Counts; finite and >= 0.
    sample_weight : array-like, shape (n,), optional
        Finite and >= 0.
    reduction : {"mean", "sum"}

    Returns
    -------
    loss : float
    dz : array, shape (n, k)

    Raises
    ------
    TypeError, ValueError
        Where a dtype, a shape or a value is not as above.

    Examples
    --------
    >>> import numpy as np, mlpc
    >>> mlpc.losses.poisson(np.array([[0.0], [0.0]]), [1, 3])
    (1.0, array([[ 0.],
           [-1.]]))
    """
    return _element_loss("poisson", z, y, sample_weight, reduction)


def _element_loss(
    name: str, z: Array, y: ArrayLike, sample_weight: ArrayLike | None, reduction: Reduction
) -> tuple[float, Array]:
    return _loss(z, y, (name, reduction, None, 0.0), sample_weight)


def _loss(z: Array, y: ArrayLike, loss: _mlpc.Loss, sample_weight: ArrayLike | None) -> tuple[float, Array]:
    if sample_weight is not None:
        sample_weight = real_array("sample_weight", sample_weight)
    return _mlpc.loss(real_array("z", z), real_array("y", y), loss, sample_weight, None)
