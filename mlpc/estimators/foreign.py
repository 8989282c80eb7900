"""Fitted networks of scikit-learn as mlpc's estimators."""

from __future__ import annotations

from typing import Any

from sklearn import neural_network

from mlpc.estimators.classifier import MLPClassifier
from mlpc.estimators.regressor import MLPRegressor

__all__ = ["from_sklearn"]


def from_sklearn(estimator: Any) -> MLPClassifier | MLPRegressor:
    """The estimator of mlpc's with the parameters and weights of a fitted one of scikit-learn's.

    What it predicts is the same but for rounding; `partial_fit` and `warm_start` go on from there, with an optimizer
    that remembers nothing.  Its network is `network_`.

    Parameters
    ----------
    estimator : sklearn.neural_network.MLPClassifier or MLPRegressor
        Fitted.  It stays as it is.

    Raises
    ------
    ImportError
        Where scikit-learn is not installed.
    TypeError
        Where it is neither.
    sklearn.exceptions.NotFittedError
        Where it is not fitted.

    Examples
    --------
    >>> import mlpc
    >>> from sklearn import datasets, neural_network
    >>> X, y = datasets.load_iris(return_X_y=True)
    >>> theirs = neural_network.MLPClassifier(solver="lbfgs", random_state=0).fit(X, y)
    >>> ours = mlpc.from_sklearn(theirs)
    >>> ours.network_
    MLP([4, 100, 3], 'relu', loss='cross_entropy', dtype='float64', seed=0)
    >>> bool((ours.predict(X) == theirs.predict(X)).all())
    True
    """
    if isinstance(estimator, neural_network.MLPClassifier):
        return MLPClassifier.from_sklearn(estimator)
    if isinstance(estimator, neural_network.MLPRegressor):
        return MLPRegressor.from_sklearn(estimator)
    raise TypeError(
        "estimator: expected an MLPClassifier or MLPRegressor of sklearn.neural_network, got "
        f"{type(estimator).__module__}.{type(estimator).__name__}"
    )
