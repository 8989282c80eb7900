"""Multilayer perceptrons with scikit-learn's habits: `MLPClassifier` and `MLPRegressor`.

They have the parameters, defaults, attributes and behaviour of the classes of these names in scikit-learn, and can do
more.  scikit-learn itself is needed for them.
"""

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError("mlpc.MLPClassifier and mlpc.MLPRegressor need scikit-learn: pip install scikit-learn") from error

from mlpc.estimators.classifier import MLPClassifier
from mlpc.estimators.foreign import from_sklearn
from mlpc.estimators.regressor import MLPRegressor
from mlpc.estimators.thread_pools import Threads as _Threads  # noqa: F401  # which threadpoolctl knows from now on

__all__ = ["MLPClassifier", "MLPRegressor", "from_sklearn"]
