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

from typing import Protocol

from mlpc import _mlpc
from mlpc.arguments import Array, real_array
from mlpc.elementary import cos, erf, erfc, exp, expm1, log, log1p
from mlpc.losses import bce_with_logits, cross_entropy, huber, log_cosh, mae, mse, poisson, quantile

__all__ = [
    "bce_with_logits",
    "cos",
    "cross_entropy",
    "elu_backward",
    "elu_forward",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "gelu_backward",
    "gelu_forward",
    "hardtanh_backward",
    "hardtanh_forward",
    "huber",
    "identity_backward",
    "identity_forward",
    "leaky_relu_backward",
    "leaky_relu_forward",
    "linear_backward",
    "linear_forward",
    "log",
    "log1p",
    "log_cosh",
    "log_softmax",
    "mae",
    "mish_backward",
    "mish_forward",
    "mse",
    "names",
    "poisson",
    "quantile",
    "relu6_backward",
    "relu6_forward",
    "relu_backward",
    "relu_forward",
    "selu_backward",
    "selu_forward",
    "sigmoid_backward",
    "sigmoid_forward",
    "silu_backward",
    "silu_forward",
    "softmax",
    "softplus_backward",
    "softplus_forward",
    "tanh_backward",
    "tanh_forward",
]


class _Forward(Protocol):
    def __call__(self, z: Array, out: Array | None = None) -> Array: ...


class _Backward(Protocol):
    def __call__(self, da: Array, z: Array, out: Array | None = None) -> Array: ...


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


# ---- Activations -----------------------------------------------------------------------------------------------------

_FORWARD = """a = {formula}, element by element.

    {source}

    Parameters
    ----------
    z : array, any shape
        float32 or float64.
    out : array of that shape, optional

    Returns
    -------
    a : array like z
        NaN where z is NaN.

    Raises
    ------
    TypeError, ValueError
        Where z has another dtype, or ``out`` does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpc import ops
    >>> ops.{name}_forward(np.array([-1.0, 0.0, 2.0])).round(4)
    array([{values}])
    """

_BACKWARD = """dz = da * f'(z) of a = f(z) = {formula}, with f' = {derivative}.

    Parameters
    ----------
    da : array, any shape
        dL/da, float32 or float64.
    z : array like da
        What the activation was applied to.
    out : array like da, optional

    Returns
    -------
    dz : array like da

    Raises
    ------
    TypeError, ValueError
        Where dtypes or shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpc import ops
    >>> ops.{name}_backward(np.ones(3), np.array([-1.0, 0.0, 2.0])).round(4)
    array([{slopes}])
    """


def _activation(
    name: str, formula: str, derivative: str, source: str, values: str, slopes: str
) -> tuple[_Forward, _Backward]:
    """The two functions of an activation; values and slopes are those at -1, 0 and 2, for the examples."""

    def forward(z: Array, out: Array | None = None) -> Array:
        return _mlpc.activation_forward(name, real_array("z", z), out)

    def backward(da: Array, z: Array, out: Array | None = None) -> Array:
        return _mlpc.activation_backward(name, real_array("da", da), real_array("z", z), out)

    words = {
        "name": name,
        "formula": formula,
        "derivative": derivative,
        "source": source,
        "values": values,
        "slopes": slopes,
    }
    for function, kind, text in ((forward, "forward", _FORWARD), (backward, "backward", _BACKWARD)):
        function.__name__ = function.__qualname__ = f"{name}_{kind}"
        function.__doc__ = text.format_map(words)
    return forward, backward


identity_forward, identity_backward = _activation(
    "identity",
    "z",
    "1",
    "No activation: that of every network's last layer.",
    "-1.,  0.,  2.",
    "1., 1., 1.",
)
relu_forward, relu_backward = _activation(
    "relu",
    "max(z, 0)",
    "1 where z > 0, else 0",
    'Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", 2010.',
    "0., 0., 2.",
    "0., 0., 1.",
)
leaky_relu_forward, leaky_relu_backward = _activation(
    "leaky_relu",
    "z where z > 0, else 0.01 z",
    "1 where z > 0, else 0.01",
    'Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.',
    "-0.01,  0.  ,  2.  ",
    "0.01, 0.01, 1.  ",
)
elu_forward, elu_backward = _activation(
    "elu",
    "z where z > 0, else exp(z) - 1",
    "1 where z > 0, else exp(z)",
    'Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by ELUs", arXiv:1511.07289.',
    "-0.6321,  0.    ,  2.    ",
    "0.3679, 1.    , 1.    ",
)
selu_forward, selu_backward = _activation(
    "selu",
    "s z where z > 0, else s c (exp(z) - 1), s = 1.0507..., c = 1.6732...",
    "s where z > 0, else s c exp(z)",
    'Klambauer et al., "Self-Normalizing Neural Networks", arXiv:1706.02515.',
    "-1.1113,  0.    ,  2.1014",
    "0.6468, 1.7581, 1.0507",
)
gelu_forward, gelu_backward = _activation(
    "gelu",
    "z P(z), P(z) = (1 + erf(z / sqrt(2))) / 2",
    "P(z) + z exp(-z^2 / 2) / sqrt(2 pi)",
    'The exact form, by erf. Hendrycks and Gimpel, "Gaussian Error Linear Units", arXiv:1606.08415.',
    "-0.1587,  0.    ,  1.9545",
    "-0.0833,  0.5   ,  1.0852",
)
silu_forward, silu_backward = _activation(
    "silu",
    "z sigmoid(z)",
    "sigmoid(z) (1 + z (1 - sigmoid(z)))",
    'Elfwing, Uchibe and Doya, "Sigmoid-Weighted Linear Units", arXiv:1702.03118.',
    "-0.2689,  0.    ,  1.7616",
    "0.0723, 0.5   , 1.0908",
)
mish_forward, mish_backward = _activation(
    "mish",
    "z tanh(softplus(z))",
    "tanh(softplus(z)) + z sigmoid(z) (1 - tanh(softplus(z))^2)",
    'Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", arXiv:1908.08681.',
    "-0.3034,  0.    ,  1.944 ",
    "0.0592, 0.6   , 1.0693",
)
softplus_forward, softplus_backward = _activation(
    "softplus",
    "log(1 + exp(z))",
    "sigmoid(z)",
    'For every z, without a threshold. Dugas et al., "Incorporating Second-Order Functional Knowledge", 2001.',
    "0.3133, 0.6931, 2.1269",
    "0.2689, 0.5   , 0.8808",
)
tanh_forward, tanh_backward = _activation(
    "tanh",
    "tanh(z)",
    "1 - tanh(z)^2",
    'LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998.',
    "-0.7616,  0.    ,  0.964 ",
    "0.42  , 1.    , 0.0707",
)
sigmoid_forward, sigmoid_backward = _activation(
    "sigmoid",
    "1 / (1 + exp(-z))",
    "sigmoid(z) (1 - sigmoid(z))",
    'Rumelhart, Hinton and Williams, "Learning Representations by Back-propagating Errors", 1986.',
    "0.2689, 0.5   , 0.8808",
    "0.1966, 0.25  , 0.105 ",
)
hardtanh_forward, hardtanh_backward = _activation(
    "hardtanh",
    "z cut to [-1, 1]",
    "1 where -1 < z < 1, else 0",
    'Collobert, "Large Scale Machine Learning", 2004.',
    "-1.,  0.,  1.",
    "0., 1., 0.",
)
relu6_forward, relu6_backward = _activation(
    "relu6",
    "z cut to [0, 6]",
    "1 where 0 < z < 6, else 0",
    'Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10", 2010.',
    "0., 0., 2.",
    "0., 0., 1.",
)


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
