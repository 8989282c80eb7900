"""Models of tables out of files."""

from __future__ import annotations

from typing import Any

from mlpc.arguments import Array
from mlpc.loading import network_of
from mlpc.losses import AnyLoss
from mlpc.tables.model import TableModel
from mlpc.tables.model_file import MEANS, parts_of

__all__ = ["model_of"]


def model_of(arrays: dict[str, Array], values: dict[str, Any], loss: AnyLoss | None = None) -> TableModel:
    """The model of a file's arrays and values.

    Raises
    ------
    ValueError
        Where there is none, or a loss is given, which a model has of its own.
    """
    if loss is not None:
        raise ValueError("loss: expected None for the model of a table, got one")
    net = network_of({name: array for name, array in arrays.items() if name != MEANS}, values)
    return TableModel._of(net, *parts_of(net, values.get("table"), arrays.get(MEANS)))
