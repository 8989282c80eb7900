"""Layer and batch normalisation and their derivatives, one function each: `mlpc.ops` has them all."""

from __future__ import annotations

from mlpc import _mlpc
from mlpc.arguments import Array, real_array

__all__ = ["batch_norm_backward", "batch_norm_forward", "layer_norm_backward", "layer_norm_forward"]


def layer_norm_forward(x: Array, gain: Array, shift: Array, eps: float = 1e-5, out: Array | None = None) -> Array:
    """y = (x - m) / sqrt(v + eps) * gain + shift, with the mean m and the variance v of each row.

    Ba et al., 2016. The variance divides by k; both are sums in double, of two passes over the row.

    Parameters
    ----------
    x : array, shape (n, k)
        float32 or float64.
    gain, shift : array, shape (k,)
    eps : float, default 1e-5
        Above 0.
    out : array, shape (n, k), optional

    Returns
    -------
    y : array, shape (n, k)
        A row with NaN or an infinity in x is NaN.

    Raises
    ------
    TypeError, ValueError
        Where dtypes or shapes do not fit, `eps` is not above 0, or ``out`` overlaps an input.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpc import ops
    >>> ops.layer_norm_forward(np.array([[1.0, 3.0], [8.0, 4.0]]), np.array([1.0, 2.0]), np.zeros(2)).round(3)
    array([[-1.,  2.],
           [ 1., -2.]])
    """
    return _mlpc.layer_norm_forward(real_array("x", x), real_array("gain", gain), real_array("shift", shift), eps, out)


def layer_norm_backward(dy: Array, x: Array, gain: Array, eps: float = 1e-5) -> tuple[Array, Array, Array]:
    """The derivatives of `layer_norm_forward`, of which it computes the means and variances again.

    Parameters
    ----------
    dy : array, shape (n, k)
        dL/dy, float32 or float64.
    x : array, shape (n, k)
    gain : array, shape (k,)
    eps : float, default 1e-5
        That of forward.

    Returns
    -------
    dx : array, shape (n, k)
    dgain, dshift : array, shape (k,)
        Sums over the rows, in double.

    Raises
    ------
    TypeError, ValueError
        Where dtypes or shapes do not fit, or `eps` is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpc import ops
    >>> x, dy = np.array([[1.0, 3.0, 5.0], [8.0, 4.0, 0.0]]), np.eye(2, 3)
    >>> dx, dgain, dshift = ops.layer_norm_backward(dy, x, np.ones(3))
    >>> dx.round(3)
    array([[ 0.102, -0.204,  0.102],
           [-0.102,  0.204, -0.102]])
    >>> dgain.round(3), dshift
    (array([-1.225,  0.   ,  0.   ]), array([1., 1., 0.]))
    """
    return _mlpc.layer_norm_backward(real_array("dy", dy), real_array("x", x), real_array("gain", gain), eps)


def batch_norm_forward(
    x: Array,
    gain: Array,
    shift: Array,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    training: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
    out: Array | None = None,
) -> Array:
    """y = (x - m) / sqrt(v + eps) * gain + shift, with the mean m and the variance v of each feature over the rows.

    Ioffe and Szegedy, 2015. The variance divides by n; both are sums in double, of two passes over the rows. Without
    training m and v are the running ones, and y is x s + t, with s and t computed in double and rounded once.

    Parameters
    ----------
    x : array, shape (n, k)
        float32 or float64.
    gain, shift : array, shape (k,)
    running_mean, running_var : array, shape (k,), optional
        Training moves them, in place, as PyTorch does: (1 - momentum) times themselves plus momentum times m, or times
        the variance that divides by n - 1. Without training both are read, and nothing is written.
    training : bool, default True
    momentum : float, default 0.1
        In [0, 1].
    eps : float, default 1e-5
        Above 0.
    out : array, shape (n, k), optional

    Returns
    -------
    y : array, shape (n, k)
        In training a feature with NaN or an infinity in x is NaN, and so are its running mean and variance from then
        on. A batch without rows gives one without rows and leaves running statistics as they are.

    Raises
    ------
    TypeError, ValueError
        Where dtypes or shapes do not fit, a setting is out of range, an array to write into overlaps another, running
        statistics are missing, or training has a single row, which has no variance.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpc import ops
    >>> x, gain, shift, mean, var = np.array([[1.0, 8.0], [3.0, 4.0]]), np.ones(2), np.zeros(2), np.zeros(2), np.ones(2)
    >>> ops.batch_norm_forward(x, gain, shift, mean, var).round(3)
    array([[-1.,  1.],
           [ 1., -1.]])
    >>> mean.round(3), var.round(3)
    (array([0.2, 0.6]), array([1.1, 1.7]))
    >>> ops.batch_norm_forward(x, gain, shift, mean, var, training=False).round(3)
    array([[0.763, 5.676],
           [2.67 , 2.608]])
    """
    return _mlpc.batch_norm_forward(
        real_array("x", x),
        real_array("gain", gain),
        real_array("shift", shift),
        running_mean if training else _constant("running_mean", running_mean),
        running_var if training else _constant("running_var", running_var),
        training,
        momentum,
        eps,
        out,
    )


def batch_norm_backward(
    dy: Array,
    x: Array,
    gain: Array,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    training: bool = True,
    eps: float = 1e-5,
) -> tuple[Array, Array, Array]:
    """The derivatives of `batch_norm_forward`, of which it computes the means and variances again.

    Parameters
    ----------
    dy : array, shape (n, k)
        dL/dy, float32 or float64.
    x : array, shape (n, k)
    gain : array, shape (k,)
    running_mean, running_var : array, shape (k,), optional
        Constants, without training; training does not look at them.
    training : bool, default True
        As forward was: then the means and variances depend on x.
    eps : float, default 1e-5
        That of forward.

    Returns
    -------
    dx : array, shape (n, k)
    dgain, dshift : array, shape (k,)
        Sums over the rows, in double.

    Raises
    ------
    TypeError, ValueError
        Where dtypes or shapes do not fit, `eps` is not above 0, running statistics are missing, or training has a
        single row.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpc import ops
    >>> x, dy = np.array([[1.0, 8.0], [3.0, 4.0], [5.0, 0.0]]), np.eye(3, 2)
    >>> dx, dgain, dshift = ops.batch_norm_backward(dy, x, np.ones(2))
    >>> dx.round(3)
    array([[ 0.102, -0.102],
           [-0.204,  0.204],
           [ 0.102, -0.102]])
    >>> dgain.round(3), dshift
    (array([-1.225,  0.   ]), array([1., 1.]))
    """
    return _mlpc.batch_norm_backward(
        real_array("dy", dy),
        real_array("x", x),
        real_array("gain", gain),
        None if training else _constant("running_mean", running_mean),
        None if training else _constant("running_var", running_var),
        training,
        eps,
    )


def _constant(name: str, value: Array | None) -> Array | None:
    return None if value is None else real_array(name, value)
