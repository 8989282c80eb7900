"""Models that commands are given, and the tables for them."""

from __future__ import annotations

import json
import sys
from typing import Any

import mlpc
from mlpc.tables import TableModel, read_table

__all__ = ["add_table_options", "file_of_model", "network_of", "print_json", "table_for", "table_model"]


def file_of_model(path: str) -> Any:
    """What a file holds: the model of a table, or a network.

    Raises
    ------
    OSError, TypeError, ValueError, ImportError
        Where it is none; it names the file.
    """
    return mlpc.load(path)


def table_model(path: str) -> TableModel:
    """The model of a table; ValueError where the file holds another."""
    model = file_of_model(path)
    if not isinstance(model, TableModel):
        raise ValueError(
            f"MODEL: expected the model of a table, as mlpc train TABLE writes it, got {path!r}, which holds a "
            f"{type(model).__name__}"
        )
    return model


def network_of(model: Any) -> mlpc.MLP:
    """The network of whatever a file held."""
    net = model if isinstance(model, mlpc.MLP) else getattr(model, "net", getattr(model, "network_", None))
    if not isinstance(net, mlpc.MLP):
        raise ValueError(f"MODEL: expected one with a network, got a {type(model).__name__}")
    return net


def table_for(command: str, model: TableModel, path: str) -> Any:
    """The table of a file, with its categories as they are written; columns that are not used are said on stderr."""
    table = read_table(path, text=model.text_columns)
    extra = [name for name in table.columns if name not in (*model.columns, model.target)]
    if extra:
        print(f"mlpc {command}: not used, since the model has no such column: {', '.join(extra)}", file=sys.stderr)
    return table


def add_table_options(parser: Any) -> None:
    """MODEL, TABLE and what is said of them."""
    parser.add_argument("model", metavar="MODEL", help="a file that mlpc train has written")
    parser.add_argument("table", metavar="TABLE", help="CSV, TSV (.tsv) or .npz; - is CSV from standard input")
    parser.add_argument(
        "--unknown", choices=("refuse", "ignore"), default="refuse", help="categories that the training had not"
    )
    parser.add_argument("--json", action="store_true", help="print one document of JSON")


def print_json(document: Any) -> None:
    """One document on stdout; NaN and infinities do not exist in JSON, and raise."""
    print(json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False))
