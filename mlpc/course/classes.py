"""The course's classes, written once for arrays of any kind: a `Kind` says how NumPy's arrays become its own."""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, overload

import numpy as np

from mlpc import _mlpc, ops
from mlpc.arguments import Array, real_array, whole_number, whole_numbers
from mlpc.course.kinds import Kind
from mlpc.datasets import from_torch
from mlpc.layers import Linear
from mlpc.names import ActivationName
from mlpc.net import MLP as Network
from mlpc.samples import warn_of_bytes

__all__ = ["MLP", "CELoss", "Curves", "LinearLayer", "ReLUActivation", "SigmoidActivation", "train_eval"]


class _Parameter:
    """An attribute of a layer that holds an array, of a shape given by the names of the layer's sizes, or None."""

    def __init__(self, *sizes: str) -> None:
        self.sizes = sizes

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        return self if layer is None else layer.__dict__[self.name]

    def __set__(self, layer: Any, value: Any) -> None:
        if value is not None or self.name in ("w", "b"):
            value = layer.kind.parameter(self.name, value)
            shape = tuple(getattr(layer, size) for size in self.sizes)
            if value.shape != shape:
                names = f"({', '.join(self.sizes)}{',' * (len(shape) == 1)})"
                raise ValueError(f"{self.name}: expected the shape {names} = {shape}, got {tuple(value.shape)}")
        layer.__dict__[self.name] = value


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

    Notes
    -----
    What is assigned to w, b, dw or db must have the shape above. A writable array of float32 or float64 is kept as it
    is, in its memory, and so is a tensor that requires gradients. Everything else is copied: float16 becomes float32;
    integers, booleans and lists become float64. `update` changes w and b in place. ``layer.w[...] = values`` keeps the
    layer's own memory, which lies as the kernels read it: large layers are faster than with an array that is assigned.

    Examples
    --------
    >>> layer = LinearLayer(2, 1)
    >>> layer.w, layer.b = [[1, 2]], [0.5]
    >>> layer.w
    array([[1., 2.]])
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

    w, b = _Parameter("nh", "nx"), _Parameter("nh")
    dw, db = _Parameter("nh", "nx"), _Parameter("nh")

    def __init__(self, nx: int, nh: int) -> None:
        self.nx, self.nh = whole_number("nx", nx, 1), whole_number("nh", nh, 1)
        # While w and b are those made here, their network computes: it skips the zeros of x, and uses threads.
        network = Network([self.nx, self.nh], init="course", seed=self.kind.seed())
        linear: Linear = network.layers[0]  # type: ignore[assignment]
        self._linear: Linear | None = linear
        self.w, self.b = self.kind.wrapped(linear.weight), self.kind.wrapped(linear.bias)
        self._made = [(values, self.kind.place(values)) for values in (self.w, self.b)]
        self._went_through: Any = None  # the network: its latest x
        self.dw = self.db = None
        self.x: Any = None
        self.dx: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """A copy's arrays lie elsewhere, and are no network's."""
        return self.__dict__ | {"_linear": None, "_went_through": None}

    def forward(self, x: Any) -> Any:
        """x (n_b, nx) to z (n_b, nh)."""
        self.x, self._went_through = x, None
        if self.kind.differentiable(x, self.w, self.b):
            return self.kind.linear(x, self.w, self.b)
        array = real_array("x", x)
        linear = self._linear_of(array)
        if linear is not None:
            z, self._went_through = linear.net.forward(array), x
        else:
            z = ops.linear_forward(array, _like(self.w, array), _like(self.b, array))
        return self.kind.wrapped(z)

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
        if dz.ndim != 2:
            raise ValueError(f"dz: expected the shape (n_b, {self.nh}), got {dz.shape}")
        linear = self._linear_of(dz) if self._went_through is self.x else None
        if len(x) == 1 and len(dz) != 1:
            x, linear = np.repeat(x, len(dz), axis=0), None
        if len(x) != len(dz):
            raise ValueError(f"dz: expected {len(x)} rows as in the forward pass, got {len(dz)}")
        if linear is not None:
            dx, dw, db = _mlpc.Net.backward(linear.net, dz, False), linear.weight_grad, linear.bias_grad
        else:
            dx, dw, db = ops.linear_backward(dz, x, _like(self.w, dz))
        n = dz.dtype.type(max(len(dz), 1))
        self.dx = self.kind.wrapped(dx)
        self.dw, self.db = self.kind.wrapped(dw / n), self.kind.wrapped(db / n)
        return self.dx

    def update(self, lr: float) -> None:
        """One step of gradient descent, in place."""
        if self.dw is None or self.db is None:
            raise RuntimeError("update: expected a backward first")
        for values, gradients in ((self.w, self.dw), (self.b, self.db)):
            array = real_array("w", values)
            array -= array.dtype.type(lr) * _like(gradients, array)

    def _linear_of(self, array: Array) -> Linear | None:
        """The layer of a network that computes with w and b from `array`, where there is one."""
        if self._linear is None or array.dtype != np.float32:
            return None
        for values, (made, place) in zip((self.w, self.b), self._made, strict=True):
            if values is not made or self.kind.place(values) != place:
                return None
        return self._linear


class _Activation:
    kind: ClassVar[type[Kind]] = Kind
    name: ClassVar[ActivationName]

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
    """Linear layers, an activation after each but the last: ``MLP(nx, nunits)``, or ``MLP(units, activation_class)``.

    Parameters
    ----------
    nx : int
        Inputs.
    nunits : sequence of int
        Units of the hidden layers, and outputs. The activations of this form, exercise 3's, are sigmoids.
    units : sequence of int
        Instead of both: inputs, units of the hidden layers, and outputs; exercise 2's form.
    activation_class : class
        `ReLUActivation`, which it is where left out, or `SigmoidActivation`; torch's classes ReLU and Sigmoid as well.

    Attributes
    ----------
    nx, nlayers, nunits, nclasses : int, int, list, int
        Inputs, linear layers, all sizes with nx in front, outputs.
    layers : list
        Linear, activation, ..., linear.

    Raises
    ------
    TypeError, ValueError
        Where an argument is not one of the above; they name it, and what was expected and what came.

    Examples
    --------
    >>> net = MLP(4, [3, 2])
    >>> net.nunits, net.nlayers, net.nclasses, len(net.layers)
    ([4, 3, 2], 2, 2, 3)
    >>> [type(layer).__name__ for layer in net.layers]
    ['LinearLayer', 'SigmoidActivation', 'LinearLayer']
    >>> [type(layer).__name__ for layer in MLP([4, 3, 2]).layers]
    ['LinearLayer', 'ReLUActivation', 'LinearLayer']
    >>> [type(layer).__name__ for layer in MLP(units=[4, 3, 2], activation_class=SigmoidActivation).layers]
    ['LinearLayer', 'SigmoidActivation', 'LinearLayer']
    """

    linear: ClassVar[type[LinearLayer]] = LinearLayer
    activations: ClassVar[dict[str, type[_Activation]]] = {"Sigmoid": SigmoidActivation, "ReLU": ReLUActivation}

    @overload
    def __init__(self, nx: int, nunits: Sequence[int]) -> None: ...

    @overload
    def __init__(self, units: Sequence[int], activation_class: type = ...) -> None: ...

    def __init__(  # type: ignore[misc]  # the first two may have either name
        self, nx: Any = None, nunits: Any = None, *, units: Any = None, activation_class: Any = None
    ) -> None:
        if isinstance(nx, numbers.Integral):
            for name, value in (("units", units), ("activation_class", activation_class)):
                if value is not None:
                    raise TypeError(
                        f"{name}: expected None beside nx, or `units` in place of nx and nunits, got {value!r}"
                    )
            self.nunits = [whole_number("nx", nx, 1), *_sizes("nunits", nunits, 1)]
            activation = self.activations["Sigmoid"]
        else:
            # The first two positions are those of units and activation_class as well.
            self.nunits = _sizes("units", _one_of("units", nx, units), 2)
            activation = self._activation(_one_of("activation_class", nunits, activation_class))
        self.nx, self.nclasses, self.nlayers = self.nunits[0], self.nunits[-1], len(self.nunits) - 1
        self.layers: list[Any] = []
        for n_in, n_out in itertools.pairwise(self.nunits):
            self.layers += [self.linear(n_in, n_out), activation()]
        self.layers.pop()

    def _activation(self, given: Any) -> type[_Activation]:
        name = "ReLU" if given is None else getattr(given, "__name__", repr(given)).removesuffix("Activation")
        if name not in self.activations:
            raise ValueError(f"activation_class: expected a class for Sigmoid or ReLU, got {given!r}")
        return self.activations[name]

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
        return self.kind.wrapped(array.dtype.type(ops.cross_entropy(array, y, reduction="sum")[0]))

    def derivative(self, z: Any, y: Any) -> Any:
        """softmax(z) minus one-hot(y), (n_b, n)."""
        return self.kind.wrapped(ops.cross_entropy(real_array("z", z), y, reduction="sum")[1])


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
    >>> np.random.seed(0)
    >>> x, y = np.eye(3, dtype="float32"), np.arange(3)
    >>> curves = train_eval(MLP([3, 8, 3], ReLUActivation), 0.5, 50, 1, (x, y), (x, y))
    >>> curves.acc_valid[-1]
    1.0
    """
    linear = [layer for layer in model.layers if isinstance(layer, LinearLayer)]
    names = [layer.name for layer in model.layers if isinstance(layer, _Activation)]
    arrays = [real_array("w", values) for layer in linear for values in (layer.w, layer.b)]
    net = Network(model.nunits, names, dtype=arrays[0].dtype, init=arrays, seed=linear[0].kind.seed())
    nepochs, nbatch = whole_number("nepochs", nepochs), whole_number("nbatch", nbatch, 1)
    (x, y), validation_data = _samples("training_set", training_set), _samples("validation_set", validation_set)
    warn_of_bytes(x)
    if x.dtype == np.uint8:  # `fit` would warn of it, too, and blame the line below
        x = x.astype(np.float32)
    history = net.fit(x, y, epochs=nepochs, batch_size=nbatch, lr=lr, validation_data=validation_data)
    for array, trained in zip(arrays, net.state_dict().values(), strict=True):
        array[...] = trained
    return Curves(*(list(history.get(key, [])) for key in ("loss", "val_loss", "accuracy", "val_accuracy")))


def _samples(name: str, dataset: Any) -> tuple[Array, Array]:
    """x (n, pixels) and y (n,)."""
    if not isinstance(dataset, (tuple, list)) or len(dataset) != 2 or _is_sample(dataset[1]):
        return from_torch(dataset)
    x, y = real_array(f"{name}: x", dataset[0]), real_array(f"{name}: y", dataset[1])
    if y.ndim != 1:
        hint = "y[:, 0]" if y.ndim == 2 and y.shape[1] == 1 else "y.argmax(axis=1), where they are one-hot,"
        raise ValueError(f"{name}: expected labels y of shape (n,), got {y.shape}; {hint} makes them")
    if not x.ndim:
        raise ValueError(f"{name}: expected images x of shape (n, pixels), got one number")
    return x.reshape(len(x), math.prod(x.shape[1:])), y


def _is_sample(value: Any) -> bool:
    """Whether this is one sample of a dataset, an image and its label, and not the labels of one."""
    return isinstance(value, (tuple, list)) and len(value) == 2 and np.ndim(value[0]) > 0 and np.ndim(value[1]) == 0


def _one_of(name: str, value: Any, other: Any) -> Any:
    """An argument that came in its place, or by its name."""
    if value is not None and other is not None:
        raise TypeError(f"{name}: expected once, got {value!r} and {other!r}")
    return other if value is None else value


def _sizes(name: str, values: Any, least: int) -> list[int]:
    """Numbers of units, at least so many."""
    sizes = whole_numbers(name, values, 1, like=str([784, 100, 10][-least - 1 :]))
    if len(sizes) < least:
        raise ValueError(f"{name}: expected {least} sizes at least, got {sizes}")
    return sizes


def _like(values: Any, array: Array) -> Array:
    """`values` in the dtype of `array`."""
    return np.asarray(real_array("w", values), array.dtype)
