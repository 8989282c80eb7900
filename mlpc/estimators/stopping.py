"""When a training ends: scikit-learn's rules, and the attributes that tell of them."""

from __future__ import annotations

import math
from typing import Any

from mlpc.arguments import Array

__all__ = ["begin", "message", "note_loss", "note_score"]


def begin(estimator: Any) -> None:
    """Attributes of a training of which nothing is known yet."""
    estimator.loss_curve_ = []
    estimator._no_improvement_count = 0
    if estimator.early_stopping:
        estimator.validation_scores_, estimator.best_validation_score_, estimator.best_loss_ = [], -math.inf, None
    else:
        estimator.validation_scores_, estimator.best_validation_score_, estimator.best_loss_ = None, None, math.inf


def note_loss(estimator: Any, loss: float) -> None:
    """Count the epochs without a loss that is better than the best one by `tol`."""
    worse = loss > estimator.best_loss_ - estimator.tol
    estimator._no_improvement_count = estimator._no_improvement_count + 1 if worse else 0
    estimator.best_loss_ = min(loss, estimator.best_loss_) if loss < estimator.best_loss_ else estimator.best_loss_


def note_score(estimator: Any, score: float, state: dict[str, Array]) -> None:
    """Count the epochs without a score that is better than the best one by `tol`; keep the network of the best."""
    estimator.validation_scores_.append(score)
    worse = score < estimator.best_validation_score_ + estimator.tol
    estimator._no_improvement_count = estimator._no_improvement_count + 1 if worse else 0
    if score > estimator.best_validation_score_:
        estimator.best_validation_score_, estimator._best = score, state


def message(estimator: Any) -> str:
    """Why it is time to stop."""
    what = "Validation score" if estimator.early_stopping else "Training loss"
    return (
        f"{what} did not improve more than tol={estimator.tol:f} for {estimator.n_iter_no_change} consecutive epochs."
    )
