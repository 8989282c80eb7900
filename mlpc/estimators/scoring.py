"""How good a network is, by a metric of one's own or one of scikit-learn's scorers."""

from __future__ import annotations

from typing import Any

from sklearn.metrics import get_scorer
from sklearn.metrics._scorer import _BaseScorer

from mlpc.estimators.epochs import Part

__all__ = ["scored"]


def scored(estimator: Any, metric: Any, part: Part, y: Any, predicted: Any) -> float:
    """The score of rows by a metric ``(y, predicted)``, or by a scorer, or its name, which asks the estimator itself.

    `y` and `predicted` are what the metric is told; weights are handed on where there are some.

    Raises
    ------
    TypeError
        Where it gives no number.
    """
    weights = {} if part.weights is None else {"sample_weight": part.weights}
    scorer = get_scorer(metric) if isinstance(metric, str) else metric
    asks = isinstance(scorer, _BaseScorer)
    score = scorer(estimator, part.x, y, **weights) if asks else metric(y, predicted, **weights)
    try:
        return float(score)
    except (TypeError, ValueError):
        raise TypeError(
            f"metric: expected a function (y_true, y_pred) that gives a number, got {score!r} from it"
        ) from None
