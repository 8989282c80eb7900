"""Files of safetensors, by the package of that name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlpc.arguments import Array
from mlpc.files.suffix import safetensors

__all__ = ["pack_safetensors", "read_safetensors"]

_DTYPES = {"BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64", "F16", "F32", "F64"}


def pack_safetensors(arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a file; equal arrays with one text give equal bytes."""
    data: bytes = safetensors().numpy.save(dict(arrays), dict(metadata))
    return data


def read_safetensors(path: str) -> tuple[dict[str, Array], dict[str, str]]:
    """The arrays of a file, and its texts.

    Raises
    ------
    ValueError
        Where the file is malformed, or holds what is no array of NumPy's.
    """
    package = safetensors()
    try:
        with package.safe_open(path, framework="numpy") as file:
            return {name: _array(file, name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (package.SafetensorError, OSError, TypeError, KeyError, OverflowError, ValueError) as error:
        raise ValueError(f"expected a file of safetensors, got one that is malformed: {error}") from error


def _array(file: Any, name: str) -> Array:
    dtype = file.get_slice(name).get_dtype()
    if dtype not in _DTYPES:
        raise ValueError(f"{name!r} holds {dtype}")
    array: Array = file.get_tensor(name)
    return array
