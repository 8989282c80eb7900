"""What stands in the state of a run, as `Run.state_dict` gives it, or a file does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlpc.arguments import real_array

__all__ = ["column", "part_of", "truth"]


def part_of(name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """What stands under a name in the state of a run; numbers and texts that became arrays in a file are such again."""
    part = {key.removeprefix(f"{name}."): state[key] for key in state if key.startswith(f"{name}.")}
    return {k: value.item() if isinstance(value, np.ndarray) and not value.ndim else value for k, value in part.items()}


def truth(name: str, value: Any) -> bool:
    value = np.asarray(value)
    if value.dtype != bool or value.ndim:
        raise TypeError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def column(name: str, value: Any) -> list[float]:
    numbers = real_array(name, value)
    if numbers.ndim != 1:
        raise ValueError(f"{name}: expected one number for each epoch, got shape {numbers.shape}")
    return numbers.astype(np.float64).tolist()
