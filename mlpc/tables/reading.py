"""Tables out of files: CSV by pandas, arrays by NumPy."""

from __future__ import annotations

import csv
import io
import os
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlpc.tables.frames import check_names, frame_of, pandas

__all__ = ["read_table", "texts_in"]

TABS = (".tsv", ".tab")


def read_table(path: str | os.PathLike[str], *, text: Sequence[str] = ()) -> Any:
    """The table of a file.

    Parameters
    ----------
    path : str or path-like
        CSV in UTF-8 with a line of names, separated by commas, or by tabs where the path ends in .tsv or .tab; "-" is
        standard input.  Or an .npz: arrays (n,) by name, each a column; of x, (n, k), the columns "x0", "x1", ...
    text : sequence of str
        Columns that are read as they are written: "007" stays that, and is not 7.

    Returns
    -------
    pandas.DataFrame
        Integers of which some are missing are of the dtype Int64.

    Raises
    ------
    OSError
        Where the file cannot be read.
    TypeError, ValueError
        Where it is no such table: empty, a row with more or fewer fields than there are names, or of blanks alone, two
        columns of one name, not in UTF-8.
    ImportError
        Where pandas is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "a.csv")
    ...     _ = path.write_text("code,size\\n007,1.5\\n012,2.5\\n")
    ...     read_table(path, text=["code"])
      code  size
    0  007   1.5
    1  012   2.5
    """
    pandas()
    name = os.fspath(path)
    try:
        if name.endswith(".npz"):
            return frame_of("table", _columns(name))
        return _csv(_decoded(name), "\t" if name.endswith(TABS) else ",", text)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {str(error).removeprefix('table: ')}") from None


def texts_in(table: Any) -> list[str]:
    """The columns of a table that are of text: in another table of its kind they may look like numbers.

    Examples
    --------
    >>> texts_in(pandas().DataFrame({"code": ["007", "x1"], "size": [1.5, 2.5]}))
    ['code']
    """
    infer = pandas().api.types.infer_dtype
    return [name for name, series in table.items() if infer(series, skipna=True) == "string"]


def _decoded(name: str) -> str:
    if name == "-" and sys.stdin is None:
        raise ValueError("expected a table on standard input, got no standard input")
    data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"expected text in UTF-8, got the byte {data[error.start]:#04x} in line {line}") from None


def _csv(content: str, separator: str, text: Sequence[str]) -> Any:
    names, n = _checked_names(content, separator)
    frames = pandas()
    try:
        frame = frames.read_csv(
            io.StringIO(content), sep=separator, dtype={name: str for name in text if name in names}, low_memory=False
        )
        integers = _integers_with_gaps(frame, content, separator)
    except (frames.errors.ParserError, OverflowError) as error:
        raise ValueError(f"expected a table of CSV: {error}") from None
    if len(frame) != n:
        raise ValueError(f"expected a value in each of {n:,} rows, got {len(frame):,} and lines of blanks alone")
    return frame.astype(dict.fromkeys(integers, "Int64"))


def _integers_with_gaps(frame: Any, content: str, separator: str) -> list[str]:
    """The columns of integers of which some are missing: pandas makes floats of them, as it does of 1.0."""
    names = [name for name, series in frame.items() if series.dtype == np.float64 and _may_be_integers(series)]
    if not names:
        return []
    written = pandas().read_csv(io.StringIO(content), sep=separator, dtype=str, usecols=names)
    return [name for name in names if written[name].dropna().str.fullmatch(r"\s*[+-]?[0-9]+\s*").all()]


def _may_be_integers(series: Any) -> bool:
    values = series.dropna().to_numpy()
    return 0 < len(values) < len(series) and bool(np.all((values == np.floor(values)) & (np.abs(values) < 2**53)))


def _checked_names(content: str, separator: str) -> tuple[list[str], int]:
    """The names in the first line and the number of rows, once each of these was seen to have as many fields.

    pandas would make up what is missing, and another name of one that stands twice.
    """
    rows = csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=True)
    try:
        names = next(filter(None, rows), None)
        if names is None:
            raise ValueError("expected a table with a line of names, got an empty file")
        check_names("table", names)
        if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
            raise ValueError(
                f"expected names with {'tabs' if separator != ',' else 'commas'} between them, got {names[0]!r}"
            )
        n = 0
        for row in rows:
            if row and len(row) != len(names):
                raise ValueError(f"expected {len(names)} fields in each row, got {len(row)} in line {rows.line_num}")
            n += bool(row)
    except csv.Error as error:
        raise ValueError(f"expected a table of CSV, got line {rows.line_num}: {error}") from None
    if not n:
        raise ValueError("expected rows, got a line of names alone")
    return names, n


def _columns(path: str) -> dict[str, Any]:
    """The arrays of an .npz, by name; those of x by number."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:  # else it stays open
            arrays = {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, EOFError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"expected an archive of arrays: {error}") from None
    columns: dict[str, Any] = {}
    for name, array in arrays.items():
        if name == "x" and array.ndim == 2:
            columns |= {f"x{place}": array[:, place] for place in range(array.shape[1])}
        elif array.ndim == 1:
            columns[name] = array
        else:
            raise ValueError(
                f"expected arrays of shape (n,), or x of shape (n, k), got {name!r} of shape {array.shape}"
            )
    return columns
