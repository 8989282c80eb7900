"""What the estimators' parameters may be: a table that scikit-learn checks them by."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import Interval, Options, StrOptions

from mlpc import _mlpc
from mlpc.estimators.losses import REGRESSION_LOSSES
from mlpc.estimators.solvers import SOLVERS
from mlpc.layers import ACTIVATIONS, Activation
from mlpc.losses import Loss
from mlpc.norm_layers import NORMS, Norm

__all__ = ["CLASSIFICATION", "CONSTRAINTS", "REGRESSION", "keep"]

_AT_LEAST_0 = Interval(Real, 0, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_BELOW_1 = Interval(Real, 0, 1, closed="left")
_COUNT = Interval(Integral, 1, None, closed="left")

CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", _COUNT],
    "activation": [StrOptions({"logistic", *ACTIVATIONS}), Activation, list, tuple],
    "solver": [StrOptions({"lbfgs", *SOLVERS})],
    "alpha": [_AT_LEAST_0],
    "batch_size": [StrOptions({"auto"}), _COUNT],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"}), callable],
    "learning_rate_init": [_POSITIVE],
    "power_t": [_AT_LEAST_0],
    "max_iter": [_COUNT],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [_AT_LEAST_0],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [_BELOW_1],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [_BELOW_1],
    "beta_1": [_BELOW_1],
    "beta_2": [_BELOW_1],
    "epsilon": [_POSITIVE],
    "n_iter_no_change": [_COUNT, Options(Real, {np.inf})],
    "max_fun": [_COUNT],
    # scikit-learn's end here.
    "dropout": [_BELOW_1, list, tuple],
    "input_dropout": [_BELOW_1],
    "norm": [StrOptions({*NORMS}), Norm, list, tuple, None],
    "init": [StrOptions({*_mlpc.initial_values()}), list, tuple, None],
    "dtype": [StrOptions({"float32", "float64"}), None],
    "l1": [_AT_LEAST_0],
    "clip_norm": [_POSITIVE, None],
    "metric": [StrOptions({"loss", *get_scorer_names()}), callable, None],
    "n_threads": [_COUNT, None],
    "callbacks": [list, tuple, None],
    "progress": ["boolean"],
}
"""Of both estimators."""

REGRESSION: dict[str, list[Any]] = {"loss": [StrOptions({"squared_error", *REGRESSION_LOSSES}), Loss, callable]}
"""Of the regressor besides."""

CLASSIFICATION: dict[str, list[Any]] = {
    "loss": [StrOptions({"log_loss"}), Loss],
    "class_weight": [StrOptions({"balanced"}), dict, None],
}
"""Of the classifier besides."""


def keep(estimator: Any, arguments: dict[str, Any]) -> None:
    """Make attributes of a constructor's arguments, as they are: scikit-learn's convention."""
    for name, value in arguments.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)
