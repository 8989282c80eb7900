"""Scores: how good a network is on given samples, by metrics and by the loss of each class."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlpc import _mlpc
from mlpc.arguments import Array, real_array, real_number
from mlpc.csr import Input, InputLike
from mlpc.loss import Loss
from mlpc.metrics import AnyMetric, Metric, metrics_of
from mlpc.network import Network
from mlpc.samples import checked_samples

__all__ = ["Measures", "loss_per_class", "measure", "score"]


class Measures:
    """Metrics of one set of samples, computed of the network as it is whenever they are asked for.

    Parameters
    ----------
    net : MLP
    criterion : Loss
        What the outputs mean.
    metrics : list of Metric
    x, y, sample_weight, scale
        As checked for the network.  y and the weights are copied.
    """

    def __init__(
        self,
        net: Network,
        criterion: Loss,
        metrics: list[Metric],
        x: Input,
        y: Array,
        sample_weight: Array | None,
        scale: float | None,
    ) -> None:
        self._net, self._criterion, self._metrics, self._x, self._scale = net, criterion, metrics, x, scale
        if metrics:
            self._truth = _truth(criterion, y, net.sizes[-1])
            self._weights = None if sample_weight is None else sample_weight.astype(np.float64)

    def __call__(self) -> list[float]:
        """One number for each metric."""
        answers: dict[str, Array] = {}
        figures = []
        for metric in self._metrics:
            output = "probabilities" if metric.needs == "probabilities" else "prediction"
            if output not in answers:
                answers[output] = self._net._predict(self._x, output, self._criterion.predicts_as, self._scale)
            if metric.needs == "numbers" and self._truth.shape != answers[output].shape:
                raise ValueError(
                    f"y: expected shape {answers[output].shape}, that of the predictions, with {metric.name!r}, got "
                    f"{self._truth.shape}"
                )
            figures.append(metric(self._truth, answers[output], self._weights))
        return figures


def _truth(criterion: Loss, y: Array, n_out: int) -> Array:
    """A copy of y, comparable with what a network of so many outputs predicts."""
    if criterion.link == "softmax":
        return y.astype(np.int64) if y.ndim == 1 else y.argmax(axis=1)
    truth = (y > 0.5).astype(np.int64) if criterion.link == "sigmoid" else y.copy()
    return truth.reshape(len(y)) if n_out == 1 and y.size == len(y) else truth


def measure(
    self: Network,
    x: InputLike,
    y: ArrayLike,
    metrics: Iterable[AnyMetric],
    *,
    sample_weight: ArrayLike | None = None,
    scale: float | None = None,
) -> dict[str, float]:
    """Several metrics at once, by name.

    Parameters are those of `MLP.score`.

    Examples
    --------
    >>> import mlpc
    >>> net = mlpc.MLP([1, 2], init=[[[1.0], [-1.0]], [0.0, 0.0]])
    >>> net.measure([[2.0], [-2.0]], [0, 0], ["accuracy", "recall"])
    {'accuracy': 0.5, 'recall': 0.0}
    """
    criterion = self.criterion
    chosen = metrics_of(criterion, self.sizes[-1], metrics)
    y = real_array("y", y)
    weights = None if sample_weight is None else real_array("sample_weight", sample_weight)
    scale = None if scale is None else real_number("scale", scale, -np.inf)
    checked, _ = checked_samples(self, self._rows(x), y, criterion, criterion.spec(), weights, scale)
    figures = Measures(self, criterion, chosen, checked, y, weights, scale)()
    return dict(zip([metric.name for metric in chosen], figures, strict=True))


def score(
    self: Network,
    x: InputLike,
    y: ArrayLike,
    metric: AnyMetric | None = None,
    *,
    sample_weight: ArrayLike | None = None,
    scale: float | None = None,
) -> float:
    """How good the predictions are: the larger, the better, as scikit-learn's `score`, or by a metric of your choice.

    Parameters
    ----------
    x, y : array-like
        As in `MLP.fit`; every number must be finite.
    metric : str, callable or Metric, optional
        See `mlpc.metrics`.  Where left out, "accuracy" for losses of classification and "r2" for those of regression.
    sample_weight : array-like, (n,), optional
        Finite, >= 0, not all 0.  Of the metrics that take weights.
    scale : float, optional
        Of uint8 `x`: see `MLP.predict`.

    Returns
    -------
    float
        NaN for "r2" of a single row.

    Raises
    ------
    TypeError, ValueError
        Where an argument is not as above, or the metric is none for a network of this loss.
    ImportError
        Where the metric is scikit-learn's, and that is not installed.

    Examples
    --------
    >>> import mlpc
    >>> net = mlpc.MLP([1, 1], loss="mse", init=[[[2.0]], [0.0]])
    >>> net.score([[1.0], [2.0], [3.0]], [2.0, 4.0, 7.0])
    0.9210526315789473
    >>> net.score([[1.0], [2.0], [3.0]], [2.0, 4.0, 7.0], lambda y_true, y_pred: abs(y_true - y_pred).max())
    Traceback (most recent call last):
        ...
    ValueError: metrics[0]: expected a function with a name, or Metric("name", function), got one called '<lambda>'
    """
    if metric is None:
        metric = "accuracy" if self.criterion.classifies else "r2"
    (value,) = measure(self, x, y, [metric], sample_weight=sample_weight, scale=scale).values()
    return value


def loss_per_class(
    self: Network, x: InputLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None, scale: float | None = None
) -> NDArray[np.float64]:
    """The mean loss of the rows of each class: which one is learnt badly?

    Parameters
    ----------
    x : array-like, (n, n_in)
    y : array-like, (n,)
        Labels; of a network with one output and "bce_with_logits", 0 and 1, also as (n, 1).
    sample_weight, scale
        As in `MLP.score`.

    Returns
    -------
    ndarray, (number of classes,)
        NaN for a class without rows, or without weight.

    Raises
    ------
    TypeError, ValueError
        Where an argument is not as above, or the network does not decide between classes.

    Examples
    --------
    >>> import mlpc
    >>> net = mlpc.MLP([1, 2], init=[[[0.0], [0.0]], [3.0, 0.0]])
    >>> net.loss_per_class([[1.0], [1.0], [1.0]], [0, 1, 1]).round(3)
    array([0.049, 3.049])
    """
    y = real_array("y", y)
    single = self.criterion.link == "sigmoid" and self.sizes[-1] == 1
    if self.criterion.link != "softmax" and not single:
        raise ValueError(
            "loss_per_class: expected cross_entropy, or bce_with_logits of one output, got "
            f"{self.loss_name} of {self.sizes[-1]}"
        )
    weights = None if sample_weight is None else real_array("sample_weight", sample_weight)
    scale = None if scale is None else real_number("scale", scale, -np.inf)
    spec = self.criterion.spec()
    checked, _ = checked_samples(self, self._rows(x), y, self.criterion, spec, weights, scale)
    labels = y.reshape(len(y)) if single and y.size == len(y) else y
    if labels.ndim != 1 or (labels != np.floor(labels)).any():
        raise ValueError(f"y: expected labels of shape (n,), got probabilities of shape {y.shape}")
    losses = np.full(2 if single else self.sizes[-1], np.nan)
    for label in range(len(losses)):
        rows = labels == label
        if rows.any() and (weights is None or weights[rows].any()):
            own = None if weights is None else weights[rows]
            losses[label] = _mlpc.Net.evaluate(self, checked[rows], y[rows], spec, own, scale)[0]
    return losses
