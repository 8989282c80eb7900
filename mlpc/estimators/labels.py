"""Classes of whatever type, and what a network learns in their place."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import unique_labels

from mlpc.arguments import Array

__all__ = ["Labels"]


class Labels:
    """The classes that y may have: of one column, or one in each column of several.

    Parameters
    ----------
    y : array-like
        Labels, each class at least once; or, of several columns, 0 and 1.

    Attributes
    ----------
    classes : ndarray
        In ascending order.
    link : {"softmax", "sigmoid"}
        softmax: more than two classes, of which a row has one; sigmoid: yes or no in each column.
    n_outputs : int
        Of a network that tells them apart.
    """

    def __init__(self, y: Any) -> None:
        self._binarizer = LabelBinarizer().fit(y)
        self.classes: Array = self._binarizer.classes_
        self._kind: str = self._binarizer.y_type_
        self.link = "softmax" if self._kind == "multiclass" else "sigmoid"
        self.n_outputs = 1 if self._kind == "binary" else len(self.classes)

    def encode(self, y: Any, dtype: np.dtype[Any]) -> Array:
        """What a network learns: the numbers (n,) of classes, or 0 and 1 of shape (n, n_outputs)."""
        if self._kind.startswith("multilabel"):
            encoded = self._binarizer.transform(y)
            return np.asarray(encoded.toarray() if hasattr(encoded, "toarray") else encoded, dtype)
        if self._kind == "binary":
            return np.asarray(y == self.classes[-1], dtype)[:, None] * dtype.type(len(self.classes) - 1)
        return np.searchsorted(self.classes, y).astype(np.int64, copy=False)

    def decode(self, predicted: Array) -> Any:
        """The labels of what a network predicts: numbers of classes, or 0 and 1."""
        if self._kind.startswith("multilabel"):
            return self._binarizer.inverse_transform(predicted)
        return self.classes[np.minimum(predicted, len(self.classes) - 1)]

    def check_same(self, y: Any, *, all_of_them: bool) -> None:
        """Refuse other classes than these, or, where y must have all of them, fewer.

        Raises
        ------
        ValueError
        """
        classes = unique_labels(y)
        if all_of_them:
            if set(classes) != set(self.classes):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {self.classes}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes}. 'y' has {classes}."
            )
