"""A frozen network: it answers, and nothing else, for any number of threads at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlpc import _mlpc
from mlpc.arguments import Array, real_array
from mlpc.columns import Names, check_columns, checked_names
from mlpc.csr import Input, InputLike, real_rows
from mlpc.losses import LOSSES
from mlpc.names import ActivationName

__all__ = ["Predictor"]


class Predictor(_mlpc.Predictor):
    """A network as it was when it was frozen: ``net.freeze()`` makes it.

    It holds a copy of the parameters, packed once for the CPU's kernels, which nothing changes any more.  So any number
    of threads may use it at once, none of them waits for another one, and one row takes the least time that there is.
    It can be pickled, and answers as before, to the bit, wherever it is unpickled.

    Parameters
    ----------
    sizes, activations, dtype, loss
        Those of the network: all units, inputs first; a name for each hidden layer; "float32" or "float64"; the loss's
        name.
    parameters : array-like, (n_parameters,)
        In the order of the network's `parameters`.
    norms : sequence of {None, "batch", "layer"}, optional
        Those of the network, one for each hidden layer; a tuple ("batch", eps, momentum) or ("layer", eps) where its
        settings are others than PyTorch's.
    statistics : array-like, optional
        Of its batch norms, layer by layer: the running mean of each feature, then the variances.
    feature_names : sequence of str, optional
        Those of the network.

    Attributes
    ----------
    sizes : tuple of int
    activations : tuple of str
    dtype : dtype
    loss_name : str
    feature_names : tuple of str or None
    n_parameters : int

    Notes
    -----
    It computes with the instruction set that was active when it was made (`mlpc.cpu`), and takes about twice the memory
    of its parameters: few rows are fastest with the weights in another order than many.

    Examples
    --------
    >>> import mlpc
    >>> net = mlpc.MLP([1, 2], init=[[[1.0], [-1.0]], [0.0, 0.0]])
    >>> predictor = net.freeze()
    >>> predictor
    Predictor([1, 2], [], loss='cross_entropy', dtype='float32')
    >>> net.parameters[:] = 0
    >>> predictor.predict([[2.0], [-2.0]])
    array([0, 1])
    """

    __slots__ = ("_feature_names",)

    activations: tuple[ActivationName, ...]
    loss_name: str
    _feature_names: Names | None

    def __new__(
        cls,
        sizes: tuple[int, ...],
        activations: tuple[_mlpc.Activation, ...],
        dtype: str,
        loss: str,
        parameters: ArrayLike,
        norms: Sequence[_mlpc.Norm | None] | None = None,
        statistics: ArrayLike = (),
        feature_names: Sequence[str] | None = None,
    ) -> Predictor:
        parameters, statistics = real_array("parameters", parameters), real_array("statistics", statistics)
        norms = [None] * len(activations) if norms is None else norms
        plan = sizes, activations, dtype, loss
        self: Predictor = super().__new__(cls, *plan, parameters, norms, statistics)  # type: ignore[assignment]
        self._feature_names = checked_names(feature_names, self.sizes[0])
        return self

    @property
    def feature_names(self) -> Names | None:
        """The network's names of columns: a table must have the same, in the same order."""
        return self._feature_names

    def _rows(self, x: Any) -> Input:
        """`real_rows`, with columns checked by name where they have any."""
        check_columns("x", x, self._feature_names)
        return real_rows("x", x)

    def logits(self, x: InputLike, *, scale: float | None = None) -> Array:
        """What ``net(x)`` gives, to the bit.

        Parameters
        ----------
        x : array-like or sparse matrix, (n, n_in)
        scale : float, optional
            Of uint8 `x` only, as images are kept: each element counts as ``x * scale``, rounded once; without it, as
            the number that it is.

        Returns
        -------
        ndarray, (n, n_out)

        Raises
        ------
        TypeError, ValueError
            Where `x` or `scale` is not as above; NaN is carried through.

        Examples
        --------
        >>> import mlpc
        >>> mlpc.MLP([2, 1], init=[[[1.0, 2.0]], [0.5]]).freeze().logits([[3.0, 4.0]])
        array([[11.5]], dtype=float32)
        """
        return self._predict(x if type(x) is np.ndarray else self._rows(x), "logits", scale)

    def predict(self, x: InputLike, *, scale: float | None = None) -> NDArray[Any]:
        """What ``net.predict(x)`` gives, to the bit.

        Parameters are those of `logits`.

        Returns
        -------
        ndarray
            cross_entropy: labels (n,), int64, the first of equally large logits.  bce_with_logits: 0 or 1 per column,
            (n, n_out), int64.  poisson: rates, the exponential of the output, (n, n_out).  Others: the output
            (n, n_out).  Where there is one output: (n,).

        Raises
        ------
        TypeError, ValueError
            As `logits`, and where a label would be made of NaN.

        Examples
        --------
        >>> import mlpc, numpy as np
        >>> predictor = mlpc.MLP([1, 2], init=[[[1.0], [-1.0]], [0.0, 0.0]]).freeze()
        >>> predictor.predict(np.array([[0], [255]], np.uint8), scale=1 / 255)
        array([0, 0])
        """
        return self._predict(x if type(x) is np.ndarray else self._rows(x), "prediction", scale)

    def predict_proba(self, x: InputLike, *, scale: float | None = None) -> Array:
        """What ``net.predict_proba(x)`` gives, to the bit: probabilities of each class, or of 1 in each column.

        Parameters are those of `logits`.

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
        >>> import mlpc
        >>> mlpc.MLP([1, 2], init="zeros").freeze().predict_proba([[2.0]])
        array([[0.5, 0.5]], dtype=float32)
        """
        if not LOSSES[self.loss_name]().classifies:
            raise ValueError("predict_proba: expected a network of classification, got one of regression")
        return self._predict(x if type(x) is np.ndarray else self._rows(x), "probabilities", scale)

    def __reduce__(self) -> tuple[Any, ...]:
        plan = self.sizes, self._blocks, self.dtype.name, self.loss_name
        numbers = self._copy_parameters(), self._norms, self._copy_statistics()
        return type(self), (*plan, *numbers, self._feature_names)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({list(self.sizes)}, {list(self.activations)}, loss={self.loss_name!r}, "
            f"dtype={self.dtype.name!r})"
        )
