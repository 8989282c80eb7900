"""The course's classes, written once for arrays of any kind: a `Kind` says how NumPy's arrays become its own."""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mlpc import ops
from mlpc.arguments import Array, real_array
from mlpc.datasets import from_torch
from mlpc.net import MLP as Network

__all__ = ["MLP", "CELoss", "Curves", "LinearLayer", "ReLUActivation", "SigmoidActivation", "train_eval"]


class Kind:
    """NumPy arrays: nothing is to be converted, and nothing differentiates itself."""

    @staticmethod
    def wrapped(array: Array) -> Any:
        """A NumPy array as one of this kind, in the same memory."""
        return array

    @staticmethod
    def differentiable(*arrays: Any) -> bool:
        """Whether one of them asks for gradients of its own, and so for operations of its own."""
        return False

    @staticmethod
    def seed() -> int:
        """A number from the stream that ``np.random.seed`` restarts."""
        return int(np.random.randint(2**31))  # noqa: NPY002

    @staticmethod
    def sigmoid(z: Any) -> Any:
        """Of what differentiates itself."""
        raise NotImplementedError

    @staticmethod
    def relu(z: Any) -> Any:
        """Of what differentiates itself."""
        raise NotImplementedError

    @staticmethod
    def cross_entropy(z: Any, y: Any) -> Any:
        """Of what differentiates itself: summed over the batch."""
        raise NotImplementedError


class LinearLayer:
    """``z = x w^T + b``.

    Parameters
    ----------
    nx, nh : int
        Inputs and outputs. Weights start normal with the standard deviation 1/sqrt(nh), biases at 0, both float32,
        drawn from the stream of ``np.random.seed`` (tensors: ``torch.manual_seed``).

    Attributes
    ----------
    w, dw : (nh, nx)
    b, db : (nh,)
    x, dx : (n_b, nx)
        Of the latest forward and backward. All six may be assigned; a computation takes w and b in its input's dtype.

    Examples
    --------
    >>> layer = LinearLayer(2, 1)
    >>> layer.w, layer.b = np.array([[1.0, 2.0]]), np.array([0.5])
    >>> layer.forward(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[11.5],
           [ 0.5]])
    >>> layer.backward(np.array([[1.0], [1.0]]))
    array([[1., 2.],
           [1., 2.]])
    >>> layer.dw, layer.db
    (array([[1.5, 2. ]]), array([1.]))
    """

    kind: ClassVar[type[Kind]] = Kind

    def __init__(self, nx: int, nh: int) -> None:
        self.nx, self.nh = nx, nh
        # The array lies as the kernels want it, (nx, nh); w is its transposed view.
        linear = Network([nx, nh], init="course", seed=self.kind.seed()).layers[0]
        self.w = self.kind.wrapped(linear.weight)  # type: ignore[attr-defined]
        self.b = self.kind.wrapped(linear.bias)  # type: ignore[attr-defined]
        self.dw: Any = None
        self.db: Any = None
        self.x: Any = None
        self.dx: Any = None

    def forward(self, x: Any) -> Any:
        """x (n_b, nx) to z (n_b, nh)."""
        self.x = x
        if self.kind.differentiable(x, self.w, self.b):
            return x @ self.w.T + self.b
        array = real_array("x", x)
        return self.kind.wrapped(ops.linear_forward(array, _like(self.w, array), _like(self.b, array)))

    def backward(self, dz: Any) -> Any:
        """dz (n_b, nh) to dx (n_b, nx); sets dw and db, means over the batch.

        After a forward of one row, dz may have any number of rows: that row counts for each of them.

        Raises
        ------
        RuntimeError
            Before the first forward.
        ValueError
            Where dz has another number of rows than x.
        """
        if self.x is None:
            raise RuntimeError("backward: expected a forward first")
        x, dz = real_array("x", self.x), real_array("dz", dz)
        if len(x) == 1:
            x = np.repeat(x, len(dz), axis=0)
        if len(x) != len(dz):
            raise ValueError(f"dz: expected {len(x)} rows as in the forward pass, got {len(dz)}")
        dx, dw, db = ops.linear_backward(dz, x, _like(self.w, dz))
        n = dz.dtype.type(max(len(dz), 1))
        self.dx, self.dw, self.db = (self.kind.wrapped(array) for array in (dx, dw / n, db / n))
        return self.dx

    def update(self, lr: float) -> None:
        """One step of gradient descent, in place."""
        for values, gradients in ((self.w, self.dw), (self.b, self.db)):
            array = real_array("w", values)
            array -= array.dtype.type(lr) * _like(gradients, array)


class _Activation:
    kind: ClassVar[type[Kind]] = Kind
    name: ClassVar[str]

    def __init__(self) -> None:
        self.z: Any = None

    def forward(self, z: Any) -> Any:
        """z (n_b, n) to a (n_b, n)."""
        self.z = z
        if self.kind.differentiable(z):
            return getattr(self.kind, self.name)(z)
        return self.kind.wrapped(getattr(ops, f"{self.name}_forward")(real_array("z", z)))

    def backward(self, da: Any) -> Any:
        """da (n_b, n) to dz (n_b, n)."""
        if self.z is None:
            raise RuntimeError("backward: expected a forward first")
        backward = getattr(ops, f"{self.name}_backward")
        return self.kind.wrapped(backward(real_array("da", da), real_array("z", self.z)))

    def update(self, lr: float) -> None:
        """Nothing: an activation has no parameters."""


class SigmoidActivation(_Activation):
    """``1 / (1 + exp(-z))``; remembers z.

    Examples
    --------
    >>> activation = SigmoidActivation()
    >>> activation.forward(np.array([[0.0]])), activation.backward(np.array([[1.0]]))
    (array([[0.5]]), array([[0.25]]))
    """

    name = "sigmoid"


class ReLUActivation(_Activation):
    """``max(z, 0)``; remembers z.

    Examples
    --------
    >>> activation = ReLUActivation()
    >>> activation.forward(np.array([[-1.0, 2.0]])), activation.backward(np.array([[1.0, 1.0]]))
    (array([[0., 2.]]), array([[0., 1.]]))
    """

    name = "relu"


class MLP:
    """Linear layers, an activation after each but the last: ``MLP(nx, nunits)``, ``MLP(units, activation_class)``.

    Parameters
    ----------
    nx : int, or sequence of int
        Inputs; or inputs, units of the hidden layers and outputs (exercise 2's `units`).
    nunits : sequence of int, or class
        Units of the hidden layers and outputs, with sigmoid between them; or the class of the activations.

    Attributes
    ----------
    nx, nlayers, nunits, nclasses : int, int, list, int
        Inputs, linear layers, all sizes with nx in front, outputs.
    layers : list
        Linear, activation, ..., linear.

    Examples
    --------
    >>> net = MLP(4, [3, 2])
    >>> net.nunits, net.nlayers, net.nclasses, len(net.layers)
    ([4, 3, 2], 2, 2, 3)
    >>> [type(layer).__name__ for layer in MLP([4, 3, 2], ReLUActivation).layers]
    ['LinearLayer', 'ReLUActivation', 'LinearLayer']
    """

    linear: ClassVar[type[LinearLayer]] = LinearLayer
    activations: ClassVar[dict[str, type[_Activation]]] = {"Sigmoid": SigmoidActivation, "ReLU": ReLUActivation}

    def __init__(self, nx: int | Sequence[int], nunits: Sequence[int] | type) -> None:
        activation: type = SigmoidActivation
        if isinstance(nx, numbers.Integral):
            units = [int(nx), *nunits]  # type: ignore[misc]
        else:
            units, activation = list(nx), nunits  # type: ignore[arg-type, assignment]
        name = getattr(activation, "__name__", repr(activation)).removesuffix("Activation")
        if name not in self.activations:
            raise ValueError(f"activation_class: expected a class for Sigmoid or ReLU, got {activation!r}")
        if len(units) < 2:
            raise ValueError(f"units: expected inputs and outputs at least, got {units}")
        self.nunits = units
        self.nx, self.nclasses, self.nlayers = units[0], units[-1], len(units) - 1
        self.layers: list[Any] = []
        for n_in, n_out in itertools.pairwise(units):
            self.layers += [self.linear(n_in, n_out), self.activations[name]()]
        self.layers.pop()

    def forward(self, x: Any) -> Any:
        """x (n_b, nx) to logits (n_b, nclasses)."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    __call__ = forward

    def backward(self, dy: Any) -> Any:
        """The derivative of the cost by the logits to the one by x; every layer keeps its gradients."""
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    def update(self, lr: float) -> None:
        """One step of gradient descent in every layer."""
        for layer in self.layers:
            layer.update(lr)


class CELoss:
    """Cross-entropy from logits z (n_b, n) and labels y (n_b,), summed over the batch.

    Examples
    --------
    >>> z, y = np.zeros((2, 4)), np.array([0, 1])
    >>> CELoss().value(z, y).round(6), CELoss().derivative(z, y)[0]
    (np.float64(2.772589), array([-0.75,  0.25,  0.25,  0.25]))
    """

    kind: ClassVar[type[Kind]] = Kind

    def value(self, z: Any, y: Any) -> Any:
        """The sum over the batch, in z's dtype."""
        if self.kind.differentiable(z):
            return self.kind.cross_entropy(z, y)
        array = real_array("z", z)
        return self.kind.wrapped(array.dtype.type(ops.cross_entropy(array, np.asarray(y), reduction="sum")[0]))

    def derivative(self, z: Any, y: Any) -> Any:
        """softmax(z) minus one-hot(y), (n_b, n)."""
        return self.kind.wrapped(ops.cross_entropy(real_array("z", z), np.asarray(y), reduction="sum")[1])


class Curves(NamedTuple):
    """What `train_eval` returns: mean cost per sample, and accuracy in [0, 1], one number per epoch in each list."""

    cost_train: list[float]
    cost_valid: list[float]
    acc_train: list[float]
    acc_valid: list[float]


def train_eval(model: MLP, lr: float, nepochs: int, nbatch: int, training_set: Any, validation_set: Any) -> Curves:
    """Train a model by stochastic gradient descent, whole epochs in C.

    Parameters
    ----------
    model : MLP
        Its layers' w and b are changed in place.
    lr : float
        The learning rate.
    nepochs, nbatch : int
        Epochs, and rows per step.
    training_set, validation_set : (x, y), or torch Dataset or Subset of (image, label)
        Images of any shape with as many pixels as the model has inputs.

    Returns
    -------
    Curves
        Four lists: cost and accuracy, each for training (over the epoch) and validation (after it).

    Examples
    --------
    >>> x, y = np.eye(3, dtype="float32"), np.arange(3)
    >>> curves = train_eval(MLP([3, 8, 3], ReLUActivation), 0.5, 50, 1, (x, y), (x, y))
    >>> curves.acc_valid[-1]
    1.0
    """
    linear = [layer for layer in model.layers if isinstance(layer, LinearLayer)]
    names = [layer.name for layer in model.layers if isinstance(layer, _Activation)]
    arrays = [real_array("w", values) for layer in linear for values in (layer.w, layer.b)]
    net = Network(model.nunits, names, dtype=arrays[0].dtype, init=arrays, seed=linear[0].kind.seed())
    history = net.fit(
        *_samples(training_set), epochs=nepochs, batch_size=nbatch, lr=lr, validation_data=_samples(validation_set)
    )
    for array, trained in zip(arrays, net.state_dict().values(), strict=True):
        array[...] = trained
    return Curves(*(list(history.get(key, [])) for key in ("loss", "val_loss", "accuracy", "val_accuracy")))


def _samples(dataset: Any) -> tuple[Array, Array]:
    """x (n, pixels) and y (n,)."""
    if isinstance(dataset, (tuple, list)) and len(dataset) == 2 and np.ndim(dataset[1]) == 1:
        x, y = real_array("x", dataset[0]), np.asarray(dataset[1])
        return x.reshape(len(x), -1), y
    return from_torch(dataset)


def _like(values: Any, array: Array) -> Array:
    """`values` in the dtype of `array`."""
    return np.asarray(real_array("w", values), array.dtype)
