"""One function per kernel, for back-propagation written by hand.

Every function works on float32 or float64 arrays, gives the dtype that it got and refuses others, and mixtures, with a
TypeError. Strides and byte order may be any; what is not C-contiguous is copied first. Results are new arrays, or
``out``: a writable C-contiguous array of the result's shape and dtype that overlaps no input. Whatever the instruction
set, the bits are the same.

A network of one hidden layer, forward and backward:

>>> import numpy as np
>>> from mlpc import ops
>>> x, y = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([0, 1])
>>> w1, b1 = np.array([[0.1, 0.2], [-0.3, 0.4], [0.5, 0.6]]), np.zeros(3)
>>> w2, b2 = np.array([[0.1, -0.2, 0.3], [0.3, 0.2, 0.1]]), np.zeros(2)
>>> z1 = ops.linear_forward(x, w1, b1)
>>> a1 = ops.relu_forward(z1)
>>> z2 = ops.linear_forward(a1, w2, b2)
>>> loss, dz2 = ops.cross_entropy(z2, y)
>>> da1, dw2, db2 = ops.linear_backward(dz2, a1, w2)
>>> dz1 = ops.relu_backward(da1, z1)
>>> dx, dw1, db1 = ops.linear_backward(dz1, x, w1)
>>> dw2.shape == w2.shape, dw1.shape == w1.shape, dx.shape == x.shape
(True, True, True)
"""

from __future__ import annotations

from mlpc import _mlpc, activations, norms
from mlpc.activations import *  # noqa: F403
from mlpc.arguments import Array, real_array, real_number, seed_number, whole_number
from mlpc.elementary import cos, erf, erfc, exp, expm1, log, log1p
from mlpc.losses import bce_with_logits, cross_entropy, huber, log_cosh, mae, mse, poisson, quantile
from mlpc.norms import *  # noqa: F403

__all__ = [
    "bce_with_logits",
    "cos",
    "cross_entropy",
    "dropout",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "huber",
    "input_noise",
    "linear_backward",
    "linear_forward",
    "log",
    "log1p",
    "log_cosh",
    "log_softmax",
    "mae",
    "mse",
    "names",
    "poisson",
    "quantile",
    "softmax",
]
__all__ += activations.__all__ + norms.__all__


def names() -> list[str]:
    """The names of all functions here but this one.

    Examples
    --------
    >>> from mlpc import ops
    >>> "linear_forward" in ops.names(), "gelu_backward" in ops.names()
    (True, True)
    """
    return [name for name in __all__ if name != "names"]


# ---- The linear layer ------------------------------------------------------------------------------------------------


def linear_forward(x: Array, w: Array, b: Array, out: Array | None = None) -> Array:
    """z = x @ w.T + b: each element a sum in a fixed order, with one fused multiply-add per term.

    Parameters
    ----------
    x : array, shape (n, n_in)
    w : array, shape (n_out, n_in)
        As PyTorch keeps it. A transposed view of a C-contiguous (n_in, n_out), like ``net.layers[0].weight``, is what
        the kernels read; anything else is copied into that order first.
    b : array, shape (n_out,)
    out : array, shape (n, n_out), optional

    Returns
    -------
    z : array, shape (n, n_out)

    Raises
    ------
    TypeError, ValueError
        Where dtypes or shapes do not fit, or ``out`` overlaps an input.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpc import ops
    >>> ops.linear_forward(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]), np.array([0.5, 0.0]))
    array([[11.5, 17. ]])
    """
    return _mlpc.linear_forward(real_array("x", x), real_array("w", w), real_array("b", b), out)


def linear_backward(dz: Array, x: Array, w: Array) -> tuple[Array, Array, Array]:
    """The derivatives of `linear_forward`: dx = dz @ w, dw = dz.T @ x, db = dz.sum(axis=0).

    Parameters
    ----------
    dz : array, shape (n, n_out)
    x : array, shape (n, n_in)
    w : array, shape (n_out, n_in)

    Returns
    -------
    dx : array, shape (n, n_in)
    dw : array, shape (n_out, n_in)
        A transposed view.
    db : array, shape (n_out,)

    Raises
    ------
    TypeError, ValueError
        Where dtypes or shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpc import ops
    >>> dx, dw, db = ops.linear_backward(np.array([[1.0, -1.0]]), np.array([[2.0, 3.0]]), np.eye(2))
    >>> dx
    array([[ 1., -1.]])
    >>> dw
    array([[ 2.,  3.],
           [-2., -3.]])
    >>> db
    array([ 1., -1.])
    """
    return _mlpc.linear_backward(real_array("dz", dz), real_array("x", x), real_array("w", w))


# ---- Over the columns of each row ------------------------------------------------------------------------------------


def softmax(z: Array, out: Array | None = None) -> Array:
    """exp(z_ij - m_i) / sum_c exp(z_ic - m_i) with m_i the largest of row i, so that nothing overflows.

    Parameters
    ----------
    z : array, shape (n, k)
        float32 or float64.
    out : array, shape (n, k), optional

    Returns
    -------
    p : array, shape (n, k)

    Raises
    ------
    TypeError, ValueError
        Where the dtype or the shape is another, or ``out`` does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpc import ops
    >>> ops.softmax(np.array([[0.0, np.log(3.0)], [1000.0, 0.0]])).round(4)
    array([[0.25, 0.75],
           [1.  , 0.  ]])
    """
    return _mlpc.rowwise("softmax", real_array("z", z), out)


def log_softmax(z: Array, out: Array | None = None) -> Array:
    """z_ij - m_i - log sum_c exp(z_ic - m_i) with m_i the largest of row i.

    Parameters
    ----------
    z : array, shape (n, k)
        float32 or float64.
    out : array, shape (n, k), optional

    Returns
    -------
    p : array, shape (n, k)

    Raises
    ------
    TypeError, ValueError
        Where the dtype or the shape is another, or ``out`` does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpc import ops
    >>> ops.log_softmax(np.array([[0.0, 0.0], [1000.0, 0.0]])).round(4)
    array([[-6.931e-01, -6.931e-01],
           [ 0.000e+00, -1.000e+03]])
    """
    return _mlpc.rowwise("log_softmax", real_array("z", z), out)


# ---- What forward draws in train mode ------------------------------------------------------------------------------


def dropout(x: Array, p: float, seed: int, layer: int, t: int, out: Array | None = None) -> Array:
    """y_ij = x_ij / (1 - p), or 0 with probability p: Srivastava et al., 2014.

    Which elements become 0 depends on seed, layer, t, i and j alone.  So the derivative is the same function of dy, and
    what a network drops in train mode is what this drops with its seed, the number of the layer whose output it is (0:
    the input) and the `masks_drawn` before the forward.

    Parameters
    ----------
    x : array, shape (n, k)
        float32 or float64.
    p : float
        In [0, 1).
    seed, layer, t : int
        Which mask: any numbers >= 0; of t the low 32 bits count.
    out : array, shape (n, k), optional

    Returns
    -------
    y : array, shape (n, k)

    Raises
    ------
    TypeError, ValueError
        Where an argument is not as above, or ``out`` overlaps x.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpc import ops
    >>> x, dy = np.array([[1.0, 2.0, 3.0, 4.0]]), np.ones((1, 4))
    >>> ops.dropout(x, 0.5, seed=0, layer=1, t=3)
    array([[0., 4., 0., 0.]])
    >>> ops.dropout(dy, 0.5, seed=0, layer=1, t=3)
    array([[0., 2., 0., 0.]])
    """
    x, p, layer = real_array("x", x), real_number("p", p), whole_number("layer", layer)
    return _mlpc.dropout(x, p, (seed_number(seed), whole_number("t", t)), layer, out)


def input_noise(x: Array, deviation: float, seed: int, t: int, out: Array | None = None) -> Array:
    """x_ij + deviation * n_ij with normal n_ij, which depend on seed, t, i and j alone: what `MLP.fit` adds to x.

    Parameters
    ----------
    x : array, shape (n, k)
        float32 or float64.
    deviation : float
        Of the noise, >= 0.
    seed, t : int
        Which noise, as in `dropout`.
    out : array, shape (n, k), optional

    Returns
    -------
    y : array, shape (n, k)

    Raises
    ------
    TypeError, ValueError
        Where an argument is not as above, or ``out`` overlaps x.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpc import ops
    >>> ops.input_noise(np.zeros((2, 2)), 0.1, seed=0, t=0).round(4)
    array([[-0.0517,  0.0064],
           [-0.0539,  0.08  ]])
    """
    x, deviation = real_array("x", x), real_number("deviation", deviation)
    return _mlpc.input_noise(x, deviation, (seed_number(seed), whole_number("t", t)), out)
