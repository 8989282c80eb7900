"""Models of tables out of files."""

from __future__ import annotations

from typing import Any

from mlpc.arguments import Array
from mlpc.restored_network import restored_network
from mlpc.tables.model import TableModel
from mlpc.tables.model_file import MEANS, parts_of

__all__ = ["restored_model"]


def restored_model(values: dict[str, Any], arrays: dict[str, Array]) -> TableModel:
    """The model that the values and arrays of a file are of.

    Raises
    ------
    TypeError, ValueError
        Where there is none.
    """
    own = {name: array for name, array in arrays.items() if name != MEANS}
    net = restored_network(values.get("network"), own)
    return TableModel._of(net, *parts_of(net, values.get("table"), arrays.get(MEANS)))
