"""Which format a file has: what its name ends in."""

from __future__ import annotations

import importlib
import os
from typing import Any

__all__ = ["NPZ", "SAFETENSORS", "file_path", "named_path", "safetensors"]

NPZ, SAFETENSORS = ".npz", ".safetensors"


def file_path(name: str, path: str | os.PathLike[str]) -> str:
    """The path of a file that is to be written or read, as text.

    Raises
    ------
    TypeError, ValueError
        Where it is none, or does not end in .npz or .safetensors.
    ImportError
        Where it ends in .safetensors, and the package is not installed.

    Examples
    --------
    >>> file_path("path", "net.npz")
    'net.npz'
    """
    text = named_path(name, path, NPZ, SAFETENSORS)
    if text.endswith(SAFETENSORS):
        safetensors()
    return text


def named_path(name: str, path: str | os.PathLike[str], *endings: str) -> str:
    """The path of a file whose name ends as it says what is in it, as text.

    Raises
    ------
    TypeError, ValueError
        Where it is none, or ends in something else.

    Examples
    --------
    >>> named_path("path", "net.onnx", ".onnx")
    'net.onnx'
    """
    try:
        text = os.fspath(path)
    except TypeError:
        raise TypeError(f"{name}: expected the name of a file, got {path!r}") from None
    if not isinstance(text, str):
        raise TypeError(f"{name}: expected the name of a file as text, got {path!r}")
    if not text.endswith(endings):
        raise ValueError(f"{name}: expected a name that ends in {' or '.join(endings)}, got {text!r}")
    return text


def safetensors() -> Any:
    """The package, with its part for NumPy; the ImportError says how to get it."""
    try:
        importlib.import_module("safetensors.numpy")
        return importlib.import_module("safetensors")
    except ImportError as error:
        raise ImportError(f"files that end in {SAFETENSORS} need safetensors: pip install safetensors") from error
