"""Fitted estimators from and to scikit-learn's own classes of the same names."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.utils.validation import check_is_fitted

__all__ = ["from_sklearn", "to_sklearn"]

_SHARED = (
    "n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_", "feature_names_in_", "classes_",
    "loss_", "best_loss_", "loss_curve_", "validation_scores_", "best_validation_score_", "_no_improvement_count",
)  # fmt: skip


def _same(ours: Any, theirs: Any) -> None:
    """Copy what both are called alike."""
    for name in _SHARED:
        if hasattr(ours, name):
            setattr(theirs, name, copy.deepcopy(getattr(ours, name)))
    for name in ("coefs_", "intercepts_"):
        setattr(theirs, name, [np.array(each) for each in vars(ours)[name]])


def to_sklearn(estimator: Any) -> Any:
    """scikit-learn's estimator with the same parameters and weights, which predicts the same but for rounding.

    Parameters that concern training alone, and that it does not know, are left out; so is what the optimizer
    remembers.

    Raises
    ------
    ValueError
        Where scikit-learn has no network like it.
    """
    check_is_fitted(estimator)
    kind = getattr(neural_network, type(estimator).__name__)
    known = kind._parameter_constraints
    for name in ("activation", "solver", "loss"):
        value, usual = getattr(estimator, name), getattr(type(estimator)(), name)
        allowed = known[name][0].options if name in known else {usual}
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"{name}: expected one that scikit-learn has, {', '.join(sorted(allowed))}, got {value!r}")
    trained, now = estimator._planned[0], estimator.activation
    if now != trained:
        raise ValueError(f"activation: expected {trained!r}, that of the network, got {now!r}")
    if any(estimator._network().norms):
        raise ValueError(f"norm: expected None, since scikit-learn has none, got {estimator.norm!r}")
    if callable(estimator.learning_rate):
        raise ValueError(f"learning_rate: expected a name, as scikit-learn has it, got {estimator.learning_rate!r}")
    made = kind(**{name: value for name, value in estimator.get_params().items() if name in kind().get_params()})
    _same(estimator, made)
    if hasattr(estimator, "_labels"):
        made._label_binarizer = copy.deepcopy(estimator._labels.binarizer)
    made._random_state = copy.deepcopy(estimator._random_state)
    return made


def from_sklearn(estimator: Any, kind: Any, labels: Any) -> Any:
    """The estimator of that kind with the parameters and weights of a fitted one of scikit-learn's.

    Raises
    ------
    TypeError
        Where it is none of the same name.
    """
    theirs = getattr(neural_network, kind.__name__)
    if not isinstance(estimator, theirs):
        raise TypeError(f"estimator: expected scikit-learn's {kind.__name__}, got {type(estimator).__name__}")
    check_is_fitted(estimator)
    made = kind(**estimator.get_params())
    _same(estimator, made)
    if hasattr(estimator, "_label_binarizer"):
        made._labels = labels(copy.deepcopy(estimator._label_binarizer))
    made._random_state = copy.deepcopy(estimator._random_state)
    made._network()
    return made
