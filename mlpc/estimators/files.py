"""Estimators in files: what is written of one."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mlpc.arguments import Array
from mlpc.estimators.solvers import Solver
from mlpc.estimators.values import described
from mlpc.files import file_path, pack, write_atomically
from mlpc.losses import LOSSES, Custom
from mlpc.network_file import describe, described_loss

__all__ = ["COUNTS", "NUMBERS", "PLAN", "SOLVER", "save"]

COUNTS = ("n_iter_", "t_", "_no_improvement_count")
"""Attributes that are whole numbers."""

NUMBERS = {"loss_": 0, "best_loss_": 0, "best_validation_score_": 0, "loss_curve_": 1, "validation_scores_": 1}
"""Attributes that are reals, NaN and infinite ones among them, or None; of how many dimensions."""

PLAN = ("activation", "dropout", "input_dropout", "norm")
"""Parameters that the network was made of, in the order of `Estimator._plan`."""

SOLVER = (
    "solver", "learning_rate", "learning_rate_init", "power_t", "momentum", "nesterovs_momentum", "beta_1", "beta_2",
    "epsilon", "alpha", "l1", "clip_norm",
)  # fmt: skip
"""Parameters that a solver is made of."""


def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Write the fitted estimator to a file, from which `mlpc.load` makes an equal one.

    Nothing is pickled: the file has the parameters, the network, classes and names of features, what is noted of the
    training, and what the solver remembers.  So `partial_fit` and, with `warm_start`, `fit` go on from the file to the
    same bits as from the estimator.  It replaces another file only when it is complete and on the disk.

    Parameters
    ----------
    path : str or path-like
        Ends in ".npz", or in ".safetensors", which needs the package of that name.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        Before the first `fit`.
    TypeError, ValueError, ImportError
        Where the path is none of these; or where a parameter is what no file can hold, such as a function, a callback
        or a `RandomState`, or classes are neither numbers nor texts.  The error names it.
    OSError
        Where the file cannot be written; what was there before is there still.

    Examples
    --------
    >>> import mlpc, os, tempfile
    >>> X, y = [[0.0], [0.5], [2.0], [2.5]], ["low", "low", "high", "high"]
    >>> model = mlpc.MLPClassifier((5,), solver="lbfgs", random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(os.path.join(folder, "model.npz"))
    ...     mlpc.load(os.path.join(folder, "model.npz")).predict([[0.1], [2.2]])
    array(['low', 'high'], dtype='<U4')
    """
    text = file_path("path", path)
    check_is_fitted(estimator)
    arrays: dict[str, Array] = {}
    told = {"class": _class_of(estimator)} | _described(estimator, arrays)
    write_atomically(text, pack(text, "estimator", arrays, {"estimator": told}))


def _class_of(estimator: Any) -> str:
    kind = type(estimator)
    if kind.__module__.rpartition(".")[0] != __package__:  # a subclass, with whatever attributes
        raise TypeError(
            f"save: expected an MLPClassifier or an MLPRegressor, got a {kind.__name__}, of which no file knows"
        )
    return kind.__name__


def _described(estimator: Any, arrays: dict[str, Array]) -> dict[str, Any]:
    """What JSON can hold of the estimator; the rest goes to `arrays`."""
    parameters = {name: described(name, value, arrays) for name, value in estimator.get_params(deep=False).items()}
    net = estimator._network()
    net._copy_numbers()  # raises where another thread computes with them
    arrays |= {f"net.{key}": array for key, array in net.state_dict().items()}
    network = describe(net)
    if isinstance(net.criterion, Custom):  # a parameter no more, and what its outputs mean has another name
        network["loss"] = described_loss(LOSSES[net.criterion.predicts_as]())
    told = {
        "parameters": parameters,
        "plan": [described(*part, arrays) for part in zip(PLAN, estimator._planned[:4], strict=True)],
        "network": network,
        "counts": {name: int(getattr(estimator, name)) for name in COUNTS if hasattr(estimator, name)},
        "none": [name for name in NUMBERS if getattr(estimator, name, ...) is None],
    }
    for name in NUMBERS:
        if getattr(estimator, name, None) is not None:
            arrays[f"fitted.{name}"] = np.asarray(getattr(estimator, name), np.float64)
    if hasattr(estimator, "classes_"):
        told["classes"] = _described_classes(estimator, arrays)
    if hasattr(estimator, "history_"):
        history = estimator.history_
        told["history"] = {"columns": list(history), "zeros": history.zeros}
        arrays |= {f"history.{name}": np.array(column, np.float64) for name, column in history.items()}
    if hasattr(estimator, "_optimizer"):
        told["solver"] = _described_solver(estimator._optimizer, estimator._solved_with, arrays)
    return told


def _described_classes(estimator: Any, arrays: dict[str, Array]) -> dict[str, Any]:
    """Numbers are an array; texts stand in JSON, where no dtype says how long they may be."""
    labels, classes = estimator._labels, estimator.classes_
    told = {"several": labels.several, "sparse": labels.sparse}
    if classes.dtype.kind in "biuf" and classes.dtype.itemsize <= 8:
        arrays["classes"] = classes
        return told
    if classes.dtype.kind not in "UO" or not all(isinstance(each, str) for each in classes):
        raise TypeError(f"classes_: expected numbers or texts, which a file can hold, got {classes!r}")
    return told | {"texts": [str(each) for each in classes], "objects": classes.dtype.kind == "O"}


def _described_solver(solver: Solver, made_of: dict[str, Any], arrays: dict[str, Array]) -> dict[str, Any]:
    arrays |= {f"optimizer.{name}": np.asarray(value) for name, value in solver.optimizer.state_dict().items()}
    numbers = {"learning_rate": solver.learning_rate, "rate": solver.rate, "powers": solver._powers}
    if not callable(made_of["learning_rate"]):
        numbers["lr"] = solver.optimizer.lr
    arrays |= {f"solver.{name}": np.asarray(value, np.float64) for name, value in numbers.items()}
    return {name: described(name, value, arrays) for name, value in made_of.items()}
