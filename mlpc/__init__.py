"""Multilayer perceptrons in C: exact, and the same bits everywhere.

`ops` has one function per kernel, for back-propagation by hand; `MLP` is a network.  Importing the package imports
NumPy and nothing else; whatever needs more is imported where it is used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mlpc import callbacks, cpu, losses, metrics, ops, optim, schedules, training, warnings
from mlpc._mlpc import ARITHMETIC, DivergenceError, InUseError
from mlpc.checks import gradcheck
from mlpc.exchange.from_torch import from_torch
from mlpc.history import History
from mlpc.loading import load
from mlpc.lr_range import LRRange, lr_range_test
from mlpc.net import MLP
from mlpc.predictor import Predictor
from mlpc.standardizing import standardize
from mlpc.sweeps import sweep
from mlpc.threads import get_num_threads, set_num_threads
from mlpc.version import __version__ as __version__

if TYPE_CHECKING:
    from mlpc import course, datasets, estimators, plot, tables, testing
    from mlpc.estimators import MLPClassifier, MLPRegressor, from_sklearn

__all__ = [
    "ARITHMETIC",
    "MLP",
    "DivergenceError",
    "History",
    "InUseError",
    "LRRange",
    "MLPClassifier",
    "MLPRegressor",
    "Predictor",
    "callbacks",
    "course",
    "cpu",
    "datasets",
    "estimators",
    "from_sklearn",
    "from_torch",
    "get_num_threads",
    "gradcheck",
    "load",
    "losses",
    "lr_range_test",
    "metrics",
    "ops",
    "optim",
    "plot",
    "schedules",
    "set_num_threads",
    "standardize",
    "sweep",
    "tables",
    "testing",
    "training",
    "warnings",
]

_LAZY = ("course", "datasets", "estimators", "plot", "tables", "testing")
_ESTIMATORS = ("MLPClassifier", "MLPRegressor", "from_sklearn")


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f"mlpc.{name}")
    if name in _ESTIMATORS:
        return getattr(importlib.import_module("mlpc.estimators"), name)
    raise AttributeError(f"module 'mlpc' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, *_ESTIMATORS})
