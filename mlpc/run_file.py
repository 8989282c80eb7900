"""Runs in files: a state dict of numbers and texts, and the plan of its network."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlpc import _mlpc
from mlpc.arguments import Array
from mlpc.files import read
from mlpc.network_file import describe

__all__ = ["content_of", "read_run"]


def content_of(run: Any) -> tuple[dict[str, Array], dict[str, Any]]:
    """Arrays and values of a file, from which a run like this one can go on.

    Reals become arrays of no dimension, since JSON has none that are infinite.

    Raises
    ------
    TypeError
        Where a callback's state has something else than arrays of numbers, numbers, texts and truth values.
    """
    arrays, values = {}, {}
    for key, value in run.state_dict().items():
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, (bool, int, str)):
            values[key] = value
        elif isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype.kind in "biuf"):
            arrays[key] = np.asarray(value)
        else:
            raise TypeError(f"{key}: expected an array of numbers, a number, a text or a truth value, got {value!r}")
    return arrays, {"network": describe(run.net), "state": values}


def read_run(path: str, name: str) -> dict[str, Any]:
    """The state dict of a file.

    Raises
    ------
    OSError, ValueError
        Where the file cannot be read, or holds none of this version of the arithmetic.
    """
    content = read(path, name)
    state = content.values.get("state")
    if content.kind != "run" or not isinstance(state, dict):
        raise ValueError(f"{name}: expected the checkpoint of a run, got a {content.kind} in {path!r}")
    if content.arithmetic != _mlpc.ARITHMETIC:
        raise ValueError(
            f"{name}: expected a run of version {_mlpc.ARITHMETIC} of the arithmetic, which alone has the same bits, "
            f"got one of version {content.arithmetic} in {path!r}; mlpc.load makes its network"
        )
    return content.arrays | state
