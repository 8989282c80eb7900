"""Multilayer perceptrons with scikit-learn's habits: `MLPClassifier` and `MLPRegressor`.

They have the parameters, defaults, attributes and behaviour of the classes of these names in scikit-learn, and can do
more.  scikit-learn itself is needed for them.
"""

try:
    import sklearn as _sklearn
    import threadpoolctl as _threadpoolctl
except ImportError as error:
    raise ImportError("mlpc.MLPClassifier and mlpc.MLPRegressor need scikit-learn: pip install scikit-learn") from error
if tuple(map(int, _sklearn.__version__.split(".")[:2])) < (1, 6):
    raise ImportError(
        "mlpc.MLPClassifier and mlpc.MLPRegressor need scikit-learn 1.6 or later, "
        f"got {_sklearn.__version__}: pip install --upgrade scikit-learn"
    )

if not hasattr(_threadpoolctl, "register"):
    raise ImportError(
        "mlpc.MLPClassifier and mlpc.MLPRegressor need threadpoolctl 3.2 or later, "
        f"got {_threadpoolctl.__version__}: pip install --upgrade threadpoolctl"
    )

from mlpc.estimators.classifier import MLPClassifier
from mlpc.estimators.foreign import from_sklearn
from mlpc.estimators.regressor import MLPRegressor
from mlpc.estimators.thread_pools import Threads as _Threads  # noqa: F401  # which threadpoolctl knows from now on

__all__ = ["MLPClassifier", "MLPRegressor", "from_sklearn"]
