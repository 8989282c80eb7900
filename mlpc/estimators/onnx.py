"""Fitted estimators as files of ONNX."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mlpc.exchange.to_onnx import label_array, write_onnx

__all__ = ["to_onnx"]


def to_onnx(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Write the fitted estimator as a model of ONNX, as which onnxruntime and other programs run it.

    Its input is "X" (n, n_features), any number of rows in the network's dtype: float64 where that of X was neither
    float32 nor ``dtype="float32"`` asked for.  Its outputs are those of skl2onnx without ZipMap: of a classifier
    "label", what `predict` returns, int64 or texts, and "probabilities", what `predict_proba` returns; of a regressor
    "variable", what `predict` returns.  For the rest see `mlpc.MLP.to_onnx`.

    Parameters
    ----------
    path : str or path-like
        Ends in ".onnx".

    Raises
    ------
    sklearn.exceptions.NotFittedError
        Before `fit`.
    ImportError
        Where onnx is not installed.
    TypeError, ValueError
        Where the path names no such file, or `classes_` are neither integers nor texts.
    OSError
        Where the file cannot be written; what was there before is there still.

    Examples
    --------
    >>> import mlpc, onnxruntime, os, tempfile
    >>> X, y = [[0.0], [0.5], [2.0], [2.5]], ["low", "low", "high", "high"]
    >>> model = mlpc.MLPClassifier((5,), solver="lbfgs", random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.to_onnx(os.path.join(folder, "model.onnx"))
    ...     session = onnxruntime.InferenceSession(os.path.join(folder, "model.onnx"))
    >>> label, probabilities = session.run(None, {"X": [[0.1], [2.2]]})
    >>> label.tolist(), probabilities.shape
    (['low', 'high'], (2, 2))
    """
    check_is_fitted(estimator)
    net = estimator._network()
    if not hasattr(estimator, "classes_") or estimator._labels.binarizer.y_type_.startswith("multilabel"):
        write_onnx(net, path, None)
        return
    labels = label_array("classes_", estimator.classes_)
    if len(labels) == 1:
        labels = np.repeat(labels, 2)  # the only class there is, whatever the network says
    write_onnx(net, path, labels, two_columns=net.sizes[-1] == 1)
