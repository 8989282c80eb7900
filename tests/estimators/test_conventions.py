"""scikit-learn's checks of what every estimator must do."""

import pytest

import mlpc

estimator_checks = pytest.importorskip("sklearn.utils.estimator_checks")

SMALL = {"hidden_layer_sizes": (10,), "max_iter": 50}
WIDE = {"hidden_layer_sizes": (300, 100), "max_iter": 10}  # so that two threads pay
SETTINGS = [
    settings
    for kind in (mlpc.MLPClassifier, mlpc.MLPRegressor)
    for settings in (
        kind(),
        kind(solver="lbfgs", **SMALL),
        kind(solver="adamw", norm="layer", learning_rate_init=0.01, **SMALL),
        kind(n_threads=2, learning_rate_init=0.01, **WIDE),
    )
]

RANDOM = [
    kind(dropout=0.1, norm="batch", learning_rate_init=0.01, **SMALL)
    for kind in (mlpc.MLPClassifier, mlpc.MLPRegressor)
]
"""Masks, and statistics of a batch, are others where a row stands twice than where it weighs double."""

NOT_OF_REPETITION = {
    f"check_sample_weight_equivalence_on_{kind}_data": "rows that weigh double are no rows that stand twice"
    for kind in ("dense", "sparse")
}


@pytest.mark.filterwarnings("default", "ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.usefixtures("three_threads")
@estimator_checks.parametrize_with_checks(SETTINGS)
def test_conventions(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("default", "ignore::sklearn.exceptions.ConvergenceWarning")
@estimator_checks.parametrize_with_checks(RANDOM, expected_failed_checks=lambda estimator: NOT_OF_REPETITION)
def test_conventions_but_those_of_repetition(estimator, check):
    check(estimator)
