"""scikit-learn's checks of what every estimator must do."""

import pytest

import mlpc

estimator_checks = pytest.importorskip("sklearn.utils.estimator_checks")

SETTINGS = [
    mlpc.MLPClassifier(),
    mlpc.MLPRegressor(),
    mlpc.MLPClassifier((10,), solver="lbfgs", max_iter=50),
    mlpc.MLPRegressor(hidden_layer_sizes=(10,), solver="lbfgs", max_iter=50),
]


@pytest.mark.filterwarnings("default")
@estimator_checks.parametrize_with_checks(SETTINGS)
def test_conventions(estimator, check):
    check(estimator)
