"""Arrays and plain values as one file: what is the same in both formats."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from mlpc import _mlpc
from mlpc.arguments import Array
from mlpc.files.npz import pack_npz, read_npz
from mlpc.files.suffix import NPZ, file_path
from mlpc.files.tensors import pack_safetensors, read_safetensors
from mlpc.version import __version__

__all__ = ["FORMAT", "Content", "pack", "read"]

FORMAT = 1
"""The version of what files say; a later one must read all earlier ones."""
_TEXT = "mlpc"  # the name of the one text of a file: with several, safetensors would write them in any order


class Content(NamedTuple):
    """What a file holds."""

    kind: str
    """ "network", "run" or "table"."""
    arrays: dict[str, Array]
    values: dict[str, Any]
    """Integers, texts, truth values, and lists and mappings of these."""
    arithmetic: int
    """`mlpc.ARITHMETIC` of who wrote it."""


def pack(path: str, kind: str, arrays: Mapping[str, Array], values: Mapping[str, Any]) -> bytes:
    """The bytes of a file of that name: equal contents give equal bytes, whoever writes them.

    Examples
    --------
    >>> pack("a.npz", "run", {"x": np.zeros(2)}, {"n": 1}) == pack("b.npz", "run", {"x": np.zeros(2)}, {"n": 1})
    True
    """
    stored = {name: _stored(arrays[name]) for name in sorted(arrays)}
    header = {
        "kind": kind, "format": FORMAT, "arithmetic": _mlpc.ARITHMETIC, "library": __version__, "values": dict(values),
    }  # fmt: skip
    text = _json(header | {"digest": _digest(stored, header)})
    if path.endswith(NPZ):
        return pack_npz({_TEXT: np.frombuffer(text.encode("ascii"), np.uint8)} | stored)
    return pack_safetensors(stored, {_TEXT: text})


def read(path: str | os.PathLike[str], name: str = "path") -> Content:
    """What `pack` has made of its arguments, once every byte of it was checked.

    Raises
    ------
    FileNotFoundError, OSError
        Where the file cannot be opened.
    TypeError, ValueError
        Where the path names no such file, or the file is damaged, of another program, or of a later version.
    """
    text = file_path(name, path)
    if not stat.S_ISREG(os.stat(text).st_mode):  # a pipe would wait for ever
        raise ValueError(f"{name}: expected a file, got {text!r}, which is none")
    open(text, "rb").close()  # says what is wrong where it cannot be opened
    try:
        arrays, header = _parts(text)
        return _checked(arrays, header)
    except ValueError as error:
        raise ValueError(f"{name}: {text!r}: {error}") from error


def _parts(path: str) -> tuple[dict[str, Array], Any]:
    """The arrays, and what the text says."""
    if path.endswith(NPZ):
        arrays = read_npz(path)
        text = arrays.pop(_TEXT, np.zeros(0, np.uint8)).tobytes()
    else:
        arrays, texts = read_safetensors(path)
        text = texts.get(_TEXT, "").encode()
        if set(texts) - {_TEXT}:
            raise ValueError("expected a file that mlpc has written, got one with other texts")
    if not text:
        raise ValueError("expected a file that mlpc has written, got one of another program")
    return arrays, _header(text)


def _header(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"expected a text of JSON, got one that is malformed: {error}") from error


def _checked(arrays: dict[str, Array], header: Any) -> Content:
    if not isinstance(header, dict) or type(header.get("format")) is not int:
        raise ValueError("expected a file that mlpc has written, got one of another program")
    if header["format"] != FORMAT:
        raise ValueError(
            f"expected version {FORMAT} of the format, got {header['format']}, by mlpc {header.get('library')!r}"
        )
    digest = header.pop("digest", None)
    try:
        expected = _digest(arrays, header)
    except RecursionError:  # of the writer, which may reach its limit before the reader does
        raise ValueError("expected a text of JSON, got one that is malformed: it is too deep") from None
    if digest != expected:
        raise ValueError("expected what its digest was made of, got something else: the file is damaged")
    kind, values, arithmetic = header.get("kind"), header.get("values"), header.get("arithmetic")
    if not (isinstance(kind, str) and isinstance(values, dict) and isinstance(arithmetic, int)):
        raise ValueError("expected a kind, values and the version of the arithmetic, got a header without")
    return Content(kind, arrays, values, arithmetic)


def _stored(array: Array) -> Array:
    """The same numbers little-endian and row by row, as files have them."""
    return np.require(array, array.dtype.newbyteorder("<"), "C")


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _digest(arrays: Mapping[str, Array], header: Any) -> str:
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        sha.update(f"{name}:{array.dtype.str}:{','.join(map(str, array.shape))};".encode())
        sha.update(np.ascontiguousarray(array).data if array.size else b"")
    sha.update(_json(header).encode())
    return sha.hexdigest()
