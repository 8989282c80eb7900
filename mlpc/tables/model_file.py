"""Models of tables in files: the network, and what the columns and the target are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpc.arguments import Array
from mlpc.files import file_path, pack, write_atomically
from mlpc.network_file import describe
from mlpc.tables.column import Column
from mlpc.tables.encoding import Encoding, Missing, choice
from mlpc.tables.target import Target

if TYPE_CHECKING:
    from mlpc.net import MLP

__all__ = ["MEANS", "parts_of", "save"]

MEANS = "table.means"  # no name that a parameter can have


def save(self: Any, path: str | os.PathLike[str]) -> None:
    """Write the model to a file, from which `mlpc.load` makes an equal one.

    As `MLP.save`, whose file it is, with the columns, their categories and the target besides; without the rows and the
    arguments of the training.

    Parameters
    ----------
    path : str or path-like
        Ends in ".npz", or in ".safetensors", which needs the package of that name.

    Raises
    ------
    TypeError, ValueError, ImportError
        Where the path is none of these, or the model was not trained.
    OSError
        Where the file cannot be written; what was there before is there still.

    Examples
    --------
    >>> import mlpc, os, tempfile
    >>> table = {"size": [1.0, 1.2, 3.1, 2.9], "kind": ["apple", "plum", "melon", "melon"]}
    >>> model = mlpc.tables.TableModel([8]).fit(table, "kind", epochs=200, lr=0.01, progress=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(os.path.join(folder, "model.npz"))
    ...     mlpc.load(os.path.join(folder, "model.npz")).predict({"size": 3.0})
    array(['melon'], dtype='<U5')
    """
    text = file_path("path", path)
    if self._trained is None:
        raise ValueError("save: expected a model that was trained, got one that was not")
    net, encoding, target, *_ = self._trained
    table = {
        "columns": [column.describe() for column in encoding.columns],
        "missing": encoding.missing,
        "target": target.name,
        "labels": None if target.labels is None else list(target.labels),
    }
    means = {} if encoding.means is None else {MEANS: encoding.means}
    write_atomically(text, pack(text, "table", net.state_dict() | means, {"network": describe(net), "table": table}))


def parts_of(net: MLP, described: Any, means: Array | None) -> tuple[Encoding, Target]:
    """Columns and target of a file, checked against its network.

    Raises
    ------
    ValueError
        Where they are none, or of another network.
    """
    if not isinstance(described, dict) or described.keys() != {"columns", "labels", "missing", "target"}:
        raise ValueError("table: expected columns, labels, missing and target, got others")
    columns, labels, target = described["columns"], described["labels"], described["target"]
    if not isinstance(columns, list) or not isinstance(target, str):
        raise ValueError("table: expected a list of columns and the name of a target, got others")
    missing: Missing = choice("missing", described["missing"], Missing)
    if (means is not None) != (missing == "mean"):
        raise ValueError("table: expected means where missing values count as these, and only there")
    encoding = Encoding(tuple(Column.of(each) for each in columns), missing, means)
    names = [column.name for column in encoding.columns]
    if len({*names, target}) != len(names) + 1:
        raise ValueError("columns: expected different names, got one twice")
    if encoding.features != net.feature_names:
        raise ValueError("columns: expected the features of the network, got others")
    if means is not None and (
        means.shape != (len(encoding.features),) or means.dtype != np.float64 or not np.isfinite(means).all()
    ):
        raise ValueError("table: expected a finite mean for each feature, got others")
    return encoding, Target(target, _labels(net, labels))


def _labels(net: MLP, labels: Any) -> Any:
    if not net.criterion.classifies:
        if labels is not None or net.sizes[-1] != 1:
            raise ValueError("labels: expected none, and one output, of a regression")
        return None
    kinds = {type(each) for each in labels} if isinstance(labels, list) else set()
    if len(kinds) != 1 or not kinds <= {str, int, float, bool} or len(set(labels)) != len(labels):
        raise ValueError("labels: expected different texts, integers, floats or truth values, of one type, got others")
    if [str(each) if kinds == {bool} else each for each in labels] != list(net.labels or ()):
        raise ValueError("labels: expected those of the network, got others")
    return tuple(labels)
