"""Classes of whatever type, and what a network learns in their place."""

from __future__ import annotations

import importlib
import reprlib
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import unique_labels

from mlpc.arguments import Array, real_number

__all__ = ["Labels"]


class Labels:
    """The classes that y may have: of one column, or one in each column of several.

    Parameters
    ----------
    binarizer : LabelBinarizer
        Fitted to labels, each class at least once; or to several columns of 0 and 1.

    Attributes
    ----------
    binarizer : LabelBinarizer
    classes : ndarray
        In ascending order.
    link : {"softmax", "sigmoid"}
        softmax: more than two classes, of which a row has one; sigmoid: yes or no in each column.
    n_outputs : int
        Of a network that tells them apart.
    """

    def __init__(self, binarizer: LabelBinarizer) -> None:
        self.binarizer = binarizer
        self.classes: Array = binarizer.classes_
        self._kind: str = binarizer.y_type_
        self.link = "softmax" if self._kind == "multiclass" else "sigmoid"
        self.n_outputs = 1 if self._kind == "binary" else len(self.classes)

    @classmethod
    def of(cls, y: Any) -> Labels:
        """Those that y has."""
        return cls(_plain_binarizer(y) or LabelBinarizer().fit(y))

    @classmethod
    def again(cls, classes: Array, *, several: bool, sparse: bool) -> Labels:
        """Those of which `classes`, `several` and `sparse` are these.

        Raises
        ------
        ValueError
            Where there are none such.
        """
        if several:
            y = np.eye(max(len(classes), 2), dtype=np.int64)
            made = cls.of(importlib.import_module("scipy.sparse").csr_matrix(y) if sparse else y)
        else:
            made = cls.of(np.tile(classes, 3))  # of few rows for its classes, scikit-learn would ask whether it is one
        if made.classes.dtype != classes.dtype or not np.array_equal(made.classes, classes):
            raise ValueError(f"classes: expected classes that ascend, got {reprlib.repr(classes)}")
        return made

    @property
    def several(self) -> bool:
        """Whether a row may have several of them: y has a column for each."""
        return self._kind.startswith("multilabel")

    @property
    def sparse(self) -> bool:
        """Whether y, and what is predicted, is a sparse matrix."""
        return bool(self.binarizer.sparse_input_)

    def encode(self, y: Any, dtype: np.dtype[Any]) -> Array:
        """What a network learns: the numbers (n,) of classes, or 0 and 1 of shape (n, n_outputs)."""
        if self.several:
            encoded = self.binarizer.transform(y)
            return np.asarray(encoded.toarray() if hasattr(encoded, "toarray") else encoded, dtype)
        if self._kind == "binary":
            return np.asarray(y == self.classes[-1], dtype)[:, None] * dtype.type(len(self.classes) - 1)
        return np.searchsorted(self.classes, y).astype(np.int64, copy=False)

    def decode(self, predicted: Array) -> Any:
        """The labels of what a network predicts: numbers of classes, or 0 and 1."""
        if self.several:
            return self.binarizer.inverse_transform(predicted) if self.sparse else predicted.astype(int, copy=False)
        return self.classes[predicted] if len(self.classes) > 1 else self.classes[np.zeros_like(predicted)]

    def of_outputs(self, z: Array) -> Any:
        """The labels of what `encode` gives, or of a network's outputs."""
        if self.link == "softmax":
            return self.decode(z if z.ndim == 1 else z.argmax(1))
        said = (z > 0).astype(np.int64)
        return self.decode(said[:, 0] if self.n_outputs == 1 else said)

    def weights(self, class_weight: Any, y: Array) -> Array:
        """What each class weighs, of which `encode` gives y to balance.

        Raises
        ------
        ValueError
            With several columns; for a class that there is not, or, where they are to be balanced, without rows.
        """
        k = len(self.classes)
        if self.several:
            raise ValueError(f"class_weight: expected None for several labels of a row, got {class_weight!r}")
        if isinstance(class_weight, str):
            counts = np.bincount(self.numbers(y), minlength=k)
            if not counts.all():
                lacking = self.classes[counts.argmin()]
                raise ValueError(f"class_weight: expected rows of every class, got none of {lacking!r}")
            return len(y) / (k * counts)
        by_class = np.ones(k)
        for label, weight in class_weight.items():
            (place,) = np.nonzero(self.classes == label)
            if not len(place):
                raise ValueError(f"class_weight: expected classes of {self.classes}, got {label!r}")
            by_class[place] = real_number(f"class_weight[{label!r}]", weight)
        return by_class

    def numbers(self, y: Array) -> Array:
        """The number of the class of each row, of what `encode` gives for one column."""
        return y if self.link == "softmax" else y[:, 0].astype(np.int64)

    def check_same(self, y: Any, expected: Array, *, all_of_them: bool) -> None:
        """Refuse other classes than are expected, or, where y must have all of them, fewer.

        Raises
        ------
        ValueError
            Also where a row of y may have several, and did not before, or the other way round.
        """
        several = y.ndim == 2
        if several != self.several:
            raise ValueError(
                "The object was not fitted with multilabel input."
                if several
                else f"y: expected 0 and 1 in {self.n_outputs} columns, as before, got one label for each row"
            )
        classes = unique_labels(y)
        if all_of_them:
            if set(classes) != set(expected):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {expected}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, expected, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {expected}. 'y' has {classes}."
            )


def _plain_binarizer(y: Any) -> LabelBinarizer | None:
    """The one that `LabelBinarizer().fit(y)` is, which takes it longer than a small training, where that is sure."""
    if type(y) is not np.ndarray or y.ndim != 1 or not len(y) or y.dtype.kind not in "iubU":
        return None
    classes = np.unique(y)
    if len(y) < 4 * len(classes):  # of which some of scikit-learn's releases warn
        return None
    binarizer = LabelBinarizer()
    binarizer.classes_ = np.array(classes.tolist()) if y.dtype.kind == "U" else classes  # with the longest one's length
    binarizer.y_type_ = "binary" if len(classes) <= 2 else "multiclass"
    binarizer.sparse_input_ = False
    return binarizer
