"""Activations and their derivatives, one function each: `mlpc.ops` has them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mlpc import _mlpc
from mlpc.arguments import Array, real_array

__all__ = [
    "elu_backward",
    "elu_forward",
    "gelu_backward",
    "gelu_forward",
    "hardtanh_backward",
    "hardtanh_forward",
    "identity_backward",
    "identity_forward",
    "leaky_relu_backward",
    "leaky_relu_forward",
    "mish_backward",
    "mish_forward",
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
    "softplus_backward",
    "softplus_forward",
    "tanh_backward",
    "tanh_forward",
]


class _Forward(Protocol):
    def __call__(self, z: Array, out: Array | None = None) -> Array: ...


class _Backward(Protocol):
    def __call__(self, da: Array, z: Array, out: Array | None = None) -> Array: ...


_FORWARD = """a = {formula}, element by element.

    {source}

    Parameters
    ----------
    z : array, any shape
        float32 or float64.
    out : array of that shape, optional
{parameter}
    Returns
    -------
    a : array like z
        NaN where z is NaN.

    Raises
    ------
    TypeError, ValueError
        Where z has another dtype, or another argument does not fit.

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
{parameter}
    Returns
    -------
    dz : array like da

    Raises
    ------
    TypeError, ValueError
        Where dtypes or shapes do not fit, or another argument.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpc import ops
    >>> ops.{name}_backward(np.ones(3), np.array([-1.0, 0.0, 2.0])).round(4)
    array([{slopes}])
    """


_WORDS = ("name", "formula", "derivative", "source", "values", "slopes")


def _describe(forward: Callable[..., Array], backward: Callable[..., Array], *words: str, parameter: str = "") -> None:
    """Documentation in those words; values and slopes are those at -1, 0 and 2, for the examples.

    parameter: what is said of a setting.
    """
    for function, text in ((forward, _FORWARD), (backward, _BACKWARD)):
        function.__doc__ = text.format(**dict(zip(_WORDS, words, strict=True)), parameter=parameter)


def _activation(
    name: str, formula: str, derivative: str, source: str, values: str, slopes: str
) -> tuple[_Forward, _Backward]:
    """The two functions of an activation without a setting, described in those words."""

    def forward(z: Array, out: Array | None = None) -> Array:
        return _mlpc.activation_forward(name, real_array("z", z), out)

    def backward(da: Array, z: Array, out: Array | None = None) -> Array:
        return _mlpc.activation_backward(name, real_array("da", da), real_array("z", z), out)

    for function, kind in ((forward, "forward"), (backward, "backward")):
        function.__name__ = function.__qualname__ = f"{name}_{kind}"
    _describe(forward, backward, name, formula, derivative, source, values, slopes)
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


def leaky_relu_forward(z: Array, out: Array | None = None, *, negative_slope: float = 0.01) -> Array:
    return _mlpc.activation_forward(("leaky_relu", negative_slope), real_array("z", z), out)


def leaky_relu_backward(da: Array, z: Array, out: Array | None = None, *, negative_slope: float = 0.01) -> Array:
    activation = "leaky_relu", negative_slope
    return _mlpc.activation_backward(activation, real_array("da", da), real_array("z", z), out)


_describe(
    leaky_relu_forward,
    leaky_relu_backward,
    "leaky_relu",
    "z where z > 0, else negative_slope z",
    "1 where z > 0, else negative_slope",
    'Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.',
    "-0.01,  0.  ,  2.  ",
    "0.01, 0.01, 1.  ",
    parameter="    negative_slope : float\n        Finite, of either sign.\n",
)


def elu_forward(z: Array, out: Array | None = None, *, alpha: float = 1.0) -> Array:
    return _mlpc.activation_forward(("elu", alpha), real_array("z", z), out)


def elu_backward(da: Array, z: Array, out: Array | None = None, *, alpha: float = 1.0) -> Array:
    return _mlpc.activation_backward(("elu", alpha), real_array("da", da), real_array("z", z), out)


_describe(
    elu_forward,
    elu_backward,
    "elu",
    "z where z > 0, else alpha (exp(z) - 1)",
    "1 where z > 0, else alpha exp(z)",
    'Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by ELUs", arXiv:1511.07289.',
    "-0.6321,  0.    ,  2.    ",
    "0.3679, 1.    , 1.    ",
    parameter="    alpha : float\n        Finite and > 0.\n",
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
