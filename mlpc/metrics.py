"""Metrics: how good predictions are, in numbers that nothing is trained by.

A metric is called as scikit-learn's are, ``function(y_true, y_pred)``, and with ``sample_weight=`` where there are
weights and it takes them.  `fit`, `MLP.score` and `MLP.measure` take it as a name, as a function of what `MLP.predict`
gives, or as a `Metric`, which says what it needs instead.

| name | of | what it is |
| --- | --- | --- |
| "accuracy" | labels | the share of right ones; with several outputs of "bce_with_logits", of right elements |
| "balanced_accuracy", "precision", "recall", "f1", "mcc", "kappa" | labels | scikit-learn's |
| "top_2", "top_3", ... | probabilities | the share of rows whose class is among the so many most likely ones |
| "auc", "average_precision" | probabilities | scikit-learn's: the area under the ROC curve, or that of precision |
| "r2" | numbers | the coefficient of determination, as scikit-learn's r2_score |
| "mae", "mse", "rmse", "mape", "median_ae", "explained_variance" | numbers | scikit-learn's |

Precision, recall, f1, auc and average_precision are those of class 1 where there are two classes, else the means over
classes, each counted alike (macro; of "auc", each class against the rest).  What is scikit-learn's needs it.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from mlpc.arguments import Array, is_several
from mlpc.loss import Loss

__all__ = ["AnyMetric", "Metric", "Needs", "metrics_of"]

Needs: TypeAlias = Literal["predictions", "labels", "numbers", "probabilities"]

_TAKEN = ("epoch", "epochs", "loss", "lr", "seconds", "self")  # by other figures of an epoch


@dataclass(frozen=True)
class Metric:
    """A function of (y_true, y_pred), its name, and what it needs of the network.

    Parameters
    ----------
    name : str
        Of its column in the history, and, with "val_" before it, that of the validation data: letters, digits and
        underscores.
    function : callable
        Returns a number.  y_true are labels, int64, of networks that classify: where the targets are probabilities, the
        most likely ones, and with "bce_with_logits" whether they are more than 0.5.  Of others, y_true is y.  Of one
        output, the shape is (n,).
    needs : {"predictions", "labels", "numbers", "probabilities"}
        y_pred is what `MLP.predict` gives; "labels" and "numbers" say of which networks alone, those that classify and
        the others; or it is what `MLP.predict_proba` gives.

    Raises
    ------
    TypeError, ValueError
        Where an argument is not as above.

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> def surprise(y_true, y_pred):
    ...     return -np.log2(y_pred[np.arange(len(y_true)), y_true]).mean()
    >>> net = mlpc.MLP([2, 4], init="zeros")
    >>> net.score(np.ones((3, 2)), [0, 1, 2], mlpc.metrics.Metric("bits", surprise, "probabilities"))
    2.0
    """

    name: str
    function: Callable[..., Any]
    needs: Needs = "predictions"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise ValueError(f"name: expected letters, digits and underscores, such as 'gain', got {self.name!r}")
        if self.name in _TAKEN or self.name.startswith("val_"):
            raise ValueError(f"name: expected none of {', '.join(_TAKEN)} and no 'val_' before it, got {self.name!r}")
        if not callable(self.function):
            raise TypeError(f"function: expected a function of (y_true, y_pred), got {self.function!r}")
        if self.needs not in get_args(Needs):
            raise ValueError(f"needs: expected one of {', '.join(get_args(Needs))}, got {self.needs!r}")

    def __call__(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> float:
        """The number, with weights where there are any and the function takes them.

        Raises
        ------
        TypeError
            Where the function returns none.
        """
        weights = {"sample_weight": sample_weight} if sample_weight is not None and _weighs(self.function) else {}
        value = self.function(y_true, y_pred, **weights)
        number = np.asarray(value)
        if number.ndim or number.dtype.kind not in "iuf":
            raise TypeError(f"{self.name}: expected a metric that returns one real number, got {value!r}")
        return float(number)


AnyMetric: TypeAlias = str | Callable[..., Any] | Metric
"""What stands for a metric: its name, a function of (y_true, y_pred), or a `Metric`."""


def _weighs(function: Callable[..., Any]) -> bool:
    try:
        return "sample_weight" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # of a built-in that does not say
        return False


# ---- By name ---------------------------------------------------------------------------------------------------------


def metrics_of(criterion: Loss, n_out: int, metrics: Iterable[AnyMetric], known: Sequence[str] = ()) -> list[Metric]:
    """The metrics that are meant, each one for outputs of such a loss, so many to a row; no two of one name.

    Those that are `known` anyway are left out where they are asked for by name.

    Raises
    ------
    TypeError, ValueError, ImportError
        Where one is not so, or needs scikit-learn where that is not installed.
    """
    if not is_several(metrics):
        raise TypeError(f'metrics: expected a list such as ["f1", "auc"], got {metrics!r}')
    found: list[Metric] = []
    for place, each in enumerate(metrics):
        if isinstance(each, str) and each in known:
            continue
        metric = _metric_of(f"metrics[{place}]", criterion, n_out, each)
        if metric.name in (*known, *(other.name for other in found)):
            raise ValueError(f"metrics: expected different names, got {metric.name!r} twice")
        found.append(metric)
    return found


def _metric_of(argument: str, criterion: Loss, n_out: int, metric: AnyMetric) -> Metric:
    if isinstance(metric, str):
        metric = _named(argument, criterion, n_out, metric)
    elif callable(metric) and not isinstance(metric, (Metric, type)):
        name = getattr(metric, "__name__", type(metric).__name__)
        if not name.isidentifier():
            raise ValueError(
                f'{argument}: expected a function with a name, or Metric("name", function), got one called {name!r}'
            )
        metric = Metric(name, metric)
    if not isinstance(metric, Metric):
        raise TypeError(f"{argument}: expected a name, a function of (y_true, y_pred) or a Metric, got {metric!r}")
    if metric.needs != "predictions" and criterion.classifies != (metric.needs != "numbers"):
        kind = "regression" if metric.needs == "numbers" else "classification"
        raise ValueError(f"{argument}: expected a loss of {kind} with {metric.name!r}, got {criterion}")
    return metric


class _Row(NamedTuple):
    """A metric that is scikit-learn's."""

    needs: Needs
    function: str  # its name in sklearn.metrics
    averaged: bool = False  # over the classes, where it is told to


_SCIKIT_LEARN = {
    "balanced_accuracy": _Row("labels", "balanced_accuracy_score"),
    "precision": _Row("labels", "precision_score", averaged=True),
    "recall": _Row("labels", "recall_score", averaged=True),
    "f1": _Row("labels", "f1_score", averaged=True),
    "mcc": _Row("labels", "matthews_corrcoef"),
    "kappa": _Row("labels", "cohen_kappa_score"),
    "auc": _Row("probabilities", "roc_auc_score"),
    "average_precision": _Row("probabilities", "average_precision_score"),
    "mae": _Row("numbers", "mean_absolute_error"),
    "mse": _Row("numbers", "mean_squared_error"),
    "rmse": _Row("numbers", "root_mean_squared_error"),
    "mape": _Row("numbers", "mean_absolute_percentage_error"),
    "median_ae": _Row("numbers", "median_absolute_error"),
    "explained_variance": _Row("numbers", "explained_variance_score"),
}


def _named(argument: str, criterion: Loss, n_out: int, name: str) -> Metric:
    if name == "accuracy":
        return Metric(name, _accuracy, "labels")
    if name == "r2":
        return Metric(name, _r2, "numbers")
    if top := re.fullmatch(r"top_([1-9][0-9]*)", name):
        if criterion.link != "softmax" or int(top[1]) >= n_out:
            raise ValueError(
                f"{argument}: expected cross_entropy of more than {top[1]} classes with {name!r}, got "
                f"{criterion} of {n_out}"
            )
        return Metric(name, functools.partial(_top, k=int(top[1])), "probabilities")
    if name not in _SCIKIT_LEARN:
        names = ", ".join(["accuracy", "top_5", "r2", *_SCIKIT_LEARN])
        raise ValueError(f"{argument}: expected one of {names}, got {name!r}")
    return _of_scikit_learn(criterion, n_out, name, _SCIKIT_LEARN[name])


def _of_scikit_learn(criterion: Loss, n_out: int, name: str, row: _Row) -> Metric:
    try:
        import sklearn.metrics
    except ImportError as error:
        raise ImportError(f"the metric {name!r} needs scikit-learn: pip install scikit-learn") from error
    metric = getattr(sklearn.metrics, row.function)
    if row.needs == "probabilities":
        return Metric(name, _of_classes(metric, n_out), row.needs)
    if row.averaged:
        two = n_out == (2 if criterion.link == "softmax" else 1)
        metric = functools.partial(metric, average="binary" if two else "macro", zero_division=0.0)
    return Metric(name, metric, row.needs)


def _of_classes(metric: Callable[..., float], n_out: int) -> Callable[..., float]:
    """A metric of probabilities: of the second class where there are two, of one column for each where there are more.

    So a class that no row has is none that scikit-learn misses.
    """

    def of_probabilities(y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> float:
        if y_true.ndim == 1 < y_pred.ndim:
            y_true, y_pred = (y_true, y_pred[:, 1]) if n_out == 2 else (np.eye(n_out, dtype=np.int64)[y_true], y_pred)
        return metric(y_true, y_pred, sample_weight=sample_weight)

    return of_probabilities


# ---- Without scikit-learn --------------------------------------------------------------------------------------------


def _accuracy(y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> float:
    right = y_true == y_pred
    return float(np.average(right.reshape(len(right), -1).mean(axis=1), weights=sample_weight))


def _top(y_true: Array, y_pred: Array, sample_weight: Array | None = None, *, k: int) -> float:
    """The share of rows whose class is among the first k; of equally likely ones the first come first."""
    own = np.take_along_axis(y_pred, y_true[:, None], axis=1)
    earlier = np.arange(y_pred.shape[1]) < y_true[:, None]
    rank = ((y_pred > own) | ((y_pred == own) & earlier)).sum(axis=1)
    return float(np.average(rank < k, weights=sample_weight))


def _r2(y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> float:
    """1 - residual sum of squares / total sum of squares, the mean over outputs, as scikit-learn's r2_score.

    Of an output whose targets are all alike, 1 where the prediction is right and 0 otherwise.
    """
    if len(y_true) < 2:
        return float("nan")
    true, predicted = (each.astype(np.float64).reshape(len(each), -1) for each in (y_true, y_pred))
    weights = np.ones(len(true)) if sample_weight is None else sample_weight
    residual = weights @ (true - predicted) ** 2
    total = weights @ (true - np.average(true, axis=0, weights=weights)) ** 2
    alike = np.where(residual == 0, 1.0, 0.0)
    return float(np.where(total == 0, alike, 1 - residual / np.where(total == 0, 1.0, total)).mean())
