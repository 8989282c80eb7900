"""What scikit-learn checks, asked for where there may be something to say: its look takes longer than a small training.

What it would pass without a word, or a copy, is told apart in a few microseconds.
"""

from __future__ import annotations

import functools
import inspect
import sys
from typing import Any

import numpy as np
from scipy.sparse import csr_array, csr_matrix
from sklearn.utils import check_array
from sklearn.utils._param_validation import validate_parameter_constraints
from sklearn.utils.validation import validate_data

from mlpc import _mlpc
from mlpc.arguments import Array
from mlpc.csr import CSR, Input, canonical_rows
from mlpc.estimators.inputs import Inputs

__all__ = ["DTYPES", "SPARSE", "check_parameters", "plain_rows", "refuse_masked", "validated_rows", "validated_table"]

DTYPES = (np.float64, np.float32)  # that X may have and keep
SPARSE = ["csr", "csc"]  # formats in which it need not be dense


def check_parameters(estimator: Any) -> None:
    """Refuse parameters that are none; those that are still their defaults are.

    Raises
    ------
    ValueError, TypeError
        In scikit-learn's words.

    Examples
    --------
    >>> import mlpc
    >>> check_parameters(mlpc.MLPClassifier(max_iter=0))
    Traceback (most recent call last):
        ...
    sklearn.utils._param_validation.InvalidParameterError: The 'max_iter' parameter of MLPClassifier must be an int in
    the range [1, inf). Got 0 instead.
    """
    defaults = _defaults(type(estimator))  # type: ignore[arg-type]
    given = {name: getattr(estimator, name) for name in defaults}
    changed = {name: value for name, value in given.items() if value is not defaults[name]}
    validate_parameter_constraints(estimator._parameter_constraints, changed, caller_name=type(estimator).__name__)


@functools.cache
def _defaults(kind: type) -> dict[str, Any]:
    """Those of a class's parameters."""
    parameters = inspect.signature(kind.__init__).parameters  # type: ignore[misc]
    names = kind._get_param_names()  # type: ignore[attr-defined]
    return {name: parameters[name].default for name in names}


def validated_table(estimator: Any, X: Any, y: Any, *, reset: bool, y_numeric: bool = False) -> tuple[Any, Array]:
    """X in a dtype that it may have, and y, after scikit-learn's checks.

    `reset`: whether features may be others than before.  `y_numeric`: whether y are numbers.
    """
    dtypes = DTYPES if estimator.dtype is None else (np.dtype(estimator.dtype),)
    if _is_plain_table(X, y, dtypes) and (reset or not _has_other_features(estimator, X)):
        if reset:
            estimator.n_features_in_ = X.shape[1]
            vars(estimator).pop("feature_names_in_", None)
        return X, y
    found: tuple[Any, Array] = validate_data(
        estimator, X, y, accept_sparse=SPARSE, multi_output=True, y_numeric=y_numeric, dtype=list(dtypes), reset=reset
    )
    return found


def validated_rows(estimator: Any, X: Any, dtype: np.dtype[Any]) -> Input:
    """X as a network of that dtype takes it, after scikit-learn's checks; its features are those that there were."""
    if isinstance(X, Inputs):  # which had them before: a scorer hands on what is held back
        return X.held
    refuse_masked("X", X)
    names = vars(estimator).get("feature_names_in_")
    rows = plain_rows(X if names is None else _plain_frame(X, names), estimator.n_features_in_, dtype)
    if rows is not None:
        return rows
    rows = validate_data(estimator, X, accept_sparse=SPARSE, reset=False)
    if rows.dtype != dtype:  # numbers may be too large for it
        rows = check_array(rows, accept_sparse=SPARSE, dtype=dtype, estimator=estimator, input_name="X")
    return Inputs(rows, dtype).held


def refuse_masked(name: str, value: Any) -> None:
    """Refuse masked numbers, in rows or in a list of rows: scikit-learn takes what lies under a mask.

    Examples
    --------
    >>> refuse_masked("X", np.ma.masked_equal([[1.0, -999.0]], -999.0))
    Traceback (most recent call last):
        ...
    ValueError: X: expected numbers, got a masked array with masked ones among them
    """
    for each in value if type(value) in (list, tuple) else (value,):
        if isinstance(each, np.ma.MaskedArray) and np.ma.is_masked(each):
            raise ValueError(f"{name}: expected numbers, got a masked array with masked ones among them")


def plain_rows(X: Any, columns: int, dtype: np.dtype[Any]) -> Input | None:
    """X as a network takes it; None where scikit-learn must have a look.

    Examples
    --------
    >>> plain_rows([[1, 2]], 2, np.dtype("float32")), plain_rows([[1, np.nan]], 2, np.dtype("float32"))
    (array([[1., 2.]], dtype=float32), None)
    """
    kind = type(X)
    if kind is csr_matrix or kind is csr_array:
        return _plain_sparse(X, columns, dtype)
    if kind is list:
        X = _array_of(X)
    elif kind is not np.ndarray:
        return None
    if X.ndim != 2 or X.shape[1] != columns or not len(X):
        return None
    if X.dtype != dtype:
        if X.dtype.kind not in "fiub":
            return None
        with np.errstate(over="ignore"):  # which is looked for next
            X = X.astype(dtype)
    return X if _mlpc.all_finite(X) else None


def _plain_frame(X: Any, names: Array) -> Array | None:
    """The numbers of a pandas.DataFrame with columns of these names, all of them of NumPy's types."""
    pandas: Any = sys.modules.get("pandas")  # where it is not imported, what comes is none of its own
    if pandas is None or type(X) is not pandas.DataFrame or X.columns.tolist() != names.tolist():
        return None
    numbers: Array | None = X.to_numpy() if all(isinstance(each, np.dtype) for each in X.dtypes) else None
    return numbers


def _plain_sparse(X: Any, columns: int, dtype: np.dtype[Any]) -> CSR | None:
    shape, data = X.shape, X.data
    if type(data) is not np.ndarray or data.dtype != dtype or len(shape) != 2 or shape[1] != columns or not shape[0]:
        return None
    rows = canonical_rows(data, X.indices, X.indptr, shape)
    return rows if rows is not None and _mlpc.all_finite(data) else None


def _array_of(rows: list[Any]) -> Array:
    try:
        return np.array(rows)
    except (TypeError, ValueError):
        return np.array(None)  # others say what is wrong


def _is_plain_table(X: Any, y: Any, dtypes: tuple[Any, ...]) -> bool:
    """Whether scikit-learn would pass X and y as they are."""
    return (
        type(X) is type(y) is np.ndarray
        and X.dtype in dtypes
        and X.ndim == 2
        and X.size > 0
        and y.ndim in (1, 2)
        and len(y) == len(X)
        and y.size > 0
        and (y.dtype.kind in "iubU" or (y.dtype in DTYPES and _mlpc.all_finite(y)))
        and _mlpc.all_finite(X)
    )


def _has_other_features(estimator: Any, X: Array) -> bool:
    return "feature_names_in_" in vars(estimator) or X.shape[1] != estimator.n_features_in_
