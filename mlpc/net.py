"""The network: a plan of sizes and activations, its parameters, and everything one does with them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from mlpc import _mlpc
from mlpc.arguments import Array, real_array, seed_number, whole_numbers
from mlpc.blocks import activations_of, dropouts_of, norms_of
from mlpc.class_weights import ClassWeight
from mlpc.csr import InputLike, finite_rows
from mlpc.exchange.c_source import to_c
from mlpc.exchange.to_onnx import to_onnx
from mlpc.exchange.to_torch import to_torch
from mlpc.layers import Activation
from mlpc.losses import AnyLoss, Loss, loss_named
from mlpc.names import ActivationName, InitName, Reduction
from mlpc.network import Network, dtype_name
from mlpc.network_file import save
from mlpc.norm_layers import AnyNorm
from mlpc.predictor import Predictor
from mlpc.scores import loss_per_class, measure, score
from mlpc.standardizing import absorb
from mlpc.training import fit

__all__ = ["MLP"]

_forward = _mlpc.Net.forward  # super() would take 0.1 us, a tenth of what one sample takes


class MLP(Network):
    """A multilayer perceptron: linear layers, an activation after each but the last.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, units of each hidden layer, outputs: at least two numbers, each at least 1.
    activation : str, mlpc.layers.Activation, or sequence of these
        One for all hidden layers, or one for each: "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish",
        "softplus", "tanh", "sigmoid", "hardtanh", "relu6" or "identity"; or an object, for one with a setting:
        ``mlpc.layers.LeakyReLU(0.2)``, ``mlpc.layers.ELU(alpha=0.5)``.
    loss : str, Loss or callable
        What `loss`, `fit` and `evaluate` compute where they are not told otherwise: "cross_entropy",
        "bce_with_logits", "mse", "mae", "huber", "poisson" (from the log rate), "quantile" or "log_cosh"; or an object
        of `mlpc.losses`, which has settings: ``mlpc.losses.Huber(delta=2.0)``; or a function of your own,
        ``function(z, y) -> (loss, dz)``: see `mlpc.losses.Custom`.
    dropout : float or sequence of float
        In train mode, the probability in [0, 1) of an activation's output to be 0, others being divided by 1 minus it:
        one number for all hidden layers, or one for each.
    input_dropout : float
        The same of `x`.
    norm : {None, "batch", "layer"}, BatchNorm, LayerNorm, or sequence of these
        What stands before each activation: one for all hidden layers, or one for each.  A name has the settings that
        PyTorch's has; objects of `mlpc.layers`, such as ``BatchNorm(momentum=0.01)``, have others.
    dtype : str or dtype
        "float32" or "float64": of the parameters, and of all that is computed.
    init : str, mapping or sequence of array-like
        Initial values: "torch" (PyTorch's distributions), "he", "glorot", "lecun", "orthogonal", "course", "zeros"; or
        the values themselves, as a state dict or as ``[W1, b1, W2, b2, ...]``, each W of shape (n_out, n_in), and each
        norm's two behind those of its layer.
    seed : int or None
        Of the initial values, of the shuffles in `fit` and of dropout; None draws one.  Networks of one seed start
        alike, also those that a loop makes without one: to compare several, give each its own.

    Attributes
    ----------
    sizes, activations, dropout, input_dropout, norms, dtype
        As above, `activations`, `dropout` and `norms` with one for each hidden layer; settings are those of `layers`.
    criterion : Loss
        The network's own loss; `loss_name` is its name.
    seed : int
        As given, or as drawn.  Setting it starts the streams of shuffles and of masks anew.
    feature_names : tuple of str or None
        The names of the columns that `fit` got; every table that comes later must have the same, in the same order.
    labels : tuple or None
        What the classes are called, one for each output, or two where there is one output.
    masks_drawn : int
        How many forwards in train mode there were since then: the next one draws its masks by `seed` and this.
    n_parameters : int
        How many numbers the network learns.
    parameters, gradients : ndarray, (n_parameters,)
        Writable; layer by layer the weight, stored as (n_in, n_out), and then the bias.
    training : bool
        The mode, see `train`.
    history : History or None
        The record of the latest `fit`, also of one that was interrupted.

    Raises
    ------
    TypeError, ValueError
        Where an argument is not one of the above.

    Notes
    -----
    A network is used by one thread at a time: a second one that calls in meets a RuntimeError.  Plain writes through
    views cannot be guarded so, nor can what makes them, like `load_state_dict` and assignments to a layer's arrays:
    they must wait until the other thread's call has returned.

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> net = mlpc.MLP([4, 8, 3], "tanh", seed=1)
    >>> net
    MLP([4, 8, 3], 'tanh', loss='cross_entropy', dtype='float32', seed=1)
    >>> x, y = np.eye(4), np.array([0, 1, 2, 0])
    >>> history = net.fit(x, y, epochs=200, lr=0.5)
    >>> net.predict(x)
    array([0, 1, 2, 0])
    """

    def __new__(
        cls,
        sizes: Sequence[int],
        activation: ActivationName | Activation | Sequence[ActivationName | Activation] = "relu",
        *,
        loss: AnyLoss = "cross_entropy",
        dropout: float | Sequence[float] = 0.0,
        input_dropout: float = 0.0,
        norm: AnyNorm | Sequence[AnyNorm] = None,
        dtype: DTypeLike = "float32",
        init: InitName | Mapping[str, ArrayLike] | list[Any] | tuple[Any, ...] = "torch",
        seed: int | None = 0,
    ) -> MLP:
        sizes = whole_numbers("sizes", sizes, 1)
        hidden = max(len(sizes) - 2, 0)
        blocks, dropouts = activations_of(activation, hidden), dropouts_of(input_dropout, dropout, hidden)
        plan = sizes, blocks, dtype_name(dtype), dropouts, norms_of(norm, hidden)
        return super().__new__(cls, *plan)  # type: ignore[return-value]

    def __init__(
        self,
        sizes: Sequence[int],
        activation: ActivationName | Activation | Sequence[ActivationName | Activation] = "relu",
        *,
        loss: AnyLoss = "cross_entropy",
        dropout: float | Sequence[float] = 0.0,
        input_dropout: float = 0.0,
        norm: AnyNorm | Sequence[AnyNorm] = None,
        dtype: DTypeLike = "float32",
        init: InitName | Mapping[str, ArrayLike] | list[Any] | tuple[Any, ...] = "torch",
        seed: int | None = 0,
    ) -> None:
        self.criterion = loss_named(loss)
        self.seed = _drawn_seed() if seed is None else seed_number(seed)
        self.training = True
        self.history = None
        if isinstance(init, str):
            self._initialize(init, self.seed)
        elif isinstance(init, Mapping):
            self.load_state_dict(init)
        else:
            keys, arrays = list(self._tensors()), list(init)
            if len(arrays) != len(keys):
                raise ValueError(f"init: expected {len(keys)} arrays, W and b of each layer, got {len(arrays)}")
            self.load_state_dict(self.state_dict() | dict(zip(keys, arrays, strict=True)))

    # ---- forward, loss, backward ---------------------------------------------------------------------------------

    def forward(  # type: ignore[override]  # scale by name
        self, x: InputLike, out: Array | None = None, *, scale: float | None = None
    ) -> Array:
        """Logits or predictions of `x`; the network remembers what `backward` needs.

        Parameters
        ----------
        x : array-like or sparse matrix, (n, n_in)
            Converted to the network's dtype, without a copy where it fits; not to be changed before `backward`.  Sparse
            rows become an array, which `backward` reads.
        out : ndarray, (n, n_out), optional
            Where to write the result: C-contiguous, in the network's dtype.
        scale : float, optional
            Of uint8 `x` only, as images are kept: each element counts as ``x * scale``, rounded once; without it, as
            the number that it is.

        Returns
        -------
        ndarray, (n, n_out)
            `out` where it was given, else a new array.

        Examples
        --------
        >>> net = MLP([2, 3, 1], init="zeros")
        >>> net.forward([[1.0, 2.0], [3.0, 4.0]]).shape
        (2, 1)
        """
        return _forward(self, x if type(x) is np.ndarray else self._rows(x), out, scale)

    def __call__(self, x: InputLike) -> Array:
        """`forward`."""
        return self.forward(x)

    def _loss(self, loss: AnyLoss | None) -> Loss:
        """The loss of a call: the network's own where it has none."""
        return self.criterion if loss is None else loss_named(loss)

    def loss(  # type: ignore[override]  # the extension takes the loss as one tuple
        self,
        y: ArrayLike,
        loss: AnyLoss | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        reduction: Reduction = "mean",
    ) -> float:
        """The loss of the latest forward; its derivative is remembered for `backward`.

        Parameters
        ----------
        y : array-like
            Cross-entropy: labels (n,), integers in [0, n_out), or probabilities (n, n_out), and at least 2 outputs.
            Others: (n, n_out), or (n,) where there is one output.  What the loss cannot mean is refused, as in all that
            takes targets: see `mlpc.losses`.
        loss : str, Loss or callable, optional
            A loss by its name, an object of `mlpc.losses`, or a function, instead of the network's own.
        sample_weight : array-like, (n,), optional
            Finite and >= 0.
        reduction : {"mean", "sum"}
            "mean" divides by the number of elements (cross-entropy: of rows), each counted with its weight.

        Raises
        ------
        RuntimeError
            Before the first forward.
        TypeError, ValueError
            Where an argument is not one of the above, or the divisor of a mean is 0.

        Examples
        --------
        >>> net = MLP([2, 3, 2], init="zeros")
        >>> _ = net.forward([[1.0, 2.0]])
        >>> round(net.loss([1]), 6)
        0.693147
        """
        criterion = self._loss(loss)
        return criterion.of_latest(self, real_array("y", y), criterion.spec(reduction), _weights(sample_weight))

    def backward(  # type: ignore[override]  # names and defaults
        self, dz: ArrayLike | None = None, *, accumulate: bool = False
    ) -> Array:
        """Gradients of the latest forward, by back-propagation: Rumelhart, Hinton and Williams, 1986.

        Parameters
        ----------
        dz : array-like, (n, n_out), optional
            The derivative of the loss by what `forward` returned; left out, the one that `loss` remembered.
        accumulate : bool
            Add to `gradients` instead of replacing them.

        Returns
        -------
        ndarray, (n, n_in)
            The derivative of the loss by `x`.

        Raises
        ------
        RuntimeError
            Before the first forward, or without `dz` where no `loss` of the latest forward was computed.

        Examples
        --------
        >>> net = MLP([2, 1], loss="mse", init=[[[1.0, 2.0]], [0.5]])
        >>> z = net.forward([[3.0, 4.0]])
        >>> net.backward([[1.0]])
        array([[1., 2.]], dtype=float32)
        >>> net.gradients
        array([3., 4., 1.], dtype=float32)
        """
        return super().backward(dz if dz is None else real_array("dz", dz), accumulate)

    def loss_and_grad(  # type: ignore[override]  # the extension takes the loss as one tuple
        self,
        x: InputLike,
        y: ArrayLike,
        loss: AnyLoss | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        reduction: Reduction = "mean",
        accumulate: bool = False,
    ) -> float:
        """`forward`, `loss` and `backward` in one call, with the arguments of all three.

        Returns
        -------
        float
            The loss.

        Examples
        --------
        >>> net = MLP([2, 1], loss="mse", init=[[[1.0, 2.0]], [0.5]])
        >>> net.loss_and_grad([[3.0, 4.0]], [[10.5]])
        1.0
        >>> net.gradients
        array([6., 8., 2.], dtype=float32)
        """
        x, y, criterion = self._rows(x), real_array("y", y), self._loss(loss)
        spec = criterion.spec(reduction)
        return criterion.with_gradients(self, x, y, spec, _weights(sample_weight), accumulate)

    def zero_grad(self) -> None:
        """Set `gradients` to 0; needed only before gradients are accumulated."""
        super().zero_grad()

    # ---- training and use ----------------------------------------------------------------------------------------

    fit = fit
    save = save
    absorb = absorb
    to_c = to_c
    to_onnx = to_onnx
    to_torch = to_torch
    score = score
    measure = measure
    loss_per_class = loss_per_class

    def predict(self, x: InputLike, *, scale: float | None = None) -> NDArray[Any]:
        """What the network says of each row, in the terms of its loss's targets.

        Zeros of `x` cost next to nothing: most pixels of an image of writing are skipped.

        Parameters
        ----------
        x : array-like or sparse matrix, (n, n_in)
            Of SciPy's sparse matrices only what is stored is multiplied; none becomes an array.
        scale : float, optional
            Of uint8 `x` only, as images are kept: each element counts as ``x * scale``, rounded once; without it, as
            the number that it is.  Bytes are converted where they are used, never all of them at once.

        Returns
        -------
        ndarray
            cross_entropy: labels (n,), int64, the first of equally large logits.  bce_with_logits: 0 or 1 per column,
            (n, n_out), int64.  poisson: rates, the exponential of the output, (n, n_out).  Others: the output
            (n, n_out).  Where there is one output: (n,).

        Raises
        ------
        TypeError, ValueError
            Where `x` or `scale` is not as above, or a label would be made of NaN; numbers carry NaN through.

        Examples
        --------
        >>> net = MLP([1, 2], init=[[[1.0], [-1.0]], [0.0, 0.0]])
        >>> net.predict([[2.0], [-2.0]])
        array([0, 1])
        >>> net.predict(np.array([[0], [255]], np.uint8), scale=1 / 255)
        array([0, 0])
        """
        if type(x) is not np.ndarray:
            x = self._rows(x)
        return self._predict(x, "prediction", self.criterion.predicts_as, scale)

    def predict_proba(self, x: InputLike, *, scale: float | None = None) -> Array:
        """Probabilities: of each class (cross_entropy), or of 1 in each column (bce_with_logits).

        Parameters are those of `predict`.

        Returns
        -------
        ndarray, (n, n_out), or (n,) where there is one output
            In the network's dtype.

        Raises
        ------
        ValueError
            For a network whose loss is one of regression.

        Examples
        --------
        >>> MLP([1, 2], init="zeros").predict_proba([[2.0]])
        array([[0.5, 0.5]], dtype=float32)
        """
        if not self.criterion.classifies:
            raise ValueError(f"predict_proba: expected a loss of classification, got {self.loss_name}")
        if type(x) is not np.ndarray:
            x = self._rows(x)
        return self._predict(x, "probabilities", self.loss_name, scale)

    def evaluate(  # type: ignore[override]  # the extension takes the loss as one tuple
        self,
        x: InputLike,
        y: ArrayLike,
        loss: AnyLoss | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        class_weight: ClassWeight | None = None,
        reduction: Reduction = "mean",
        scale: float | None = None,
    ) -> tuple[float, float | Any]:
        """Loss and accuracy over any number of rows; what `backward` needs stays as it is.

        Parameters are those of `loss`, `class_weight` that of `fit`, and `scale` that of `predict`; every number of
        `x` must be finite.

        Returns
        -------
        loss : float
        accuracy : float or None
            The share of correct rows (cross_entropy) or elements (bce_with_logits), in [0, 1], every one
            counted alike; None for losses of regression.

        Examples
        --------
        >>> net = MLP([1, 2], init=[[[1.0], [-1.0]], [0.0, 0.0]])
        >>> loss, accuracy = net.evaluate([[2.0], [-2.0]], [0, 0])
        >>> accuracy
        0.5
        """
        criterion = self._loss(loss)
        x, y = self._rows(x), real_array("y", y)
        spec = criterion.weighted_spec(reduction, class_weight, y, self.sizes[-1])
        if x.dtype.kind == "f" and scale is None:
            x = finite_rows("x", x, self.dtype)
        value, accuracy = criterion.evaluated(self, x, y, spec, _weights(sample_weight), scale)
        return value, accuracy if criterion.classifies else None

    def freeze(self) -> Predictor:
        """An immutable copy that answers as the network does now, from any number of threads at once.

        What is made of the network later does not change it.  Its one row is the fastest there is, since it need not
        look at the weights first.

        Raises
        ------
        InUseError
            Where another thread computes with the network.

        Examples
        --------
        >>> predictor = MLP([4, 8, 3], seed=1).freeze()
        >>> predictor.predict([[1.0, 2.0, 3.0, 4.0]]).shape
        (1,)
        """
        plan = self.sizes, self._blocks, self.dtype.name, self.criterion.predicts_as
        parameters, statistics = self._copy_numbers()
        return Predictor(*plan, parameters, self._norms, statistics, self.feature_names)


def _weights(sample_weight: ArrayLike | None) -> Array | None:
    return None if sample_weight is None else real_array("sample_weight", sample_weight)


def _drawn_seed() -> int:
    """53 random bits from the operating system: a number that a float holds, too, wherever it is written down."""
    return int.from_bytes(os.urandom(7), "little") >> 3
