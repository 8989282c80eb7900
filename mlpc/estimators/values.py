"""The values of an estimator's parameters, as JSON can hold them, with arrays beside it."""

from __future__ import annotations

import inspect
import math
import reprlib
from typing import Any

import numpy as np

from mlpc.arguments import Array
from mlpc.layers import Activation, activation_of, block_of
from mlpc.losses import Custom, Loss
from mlpc.network_file import described_loss, loss_of
from mlpc.norm_layers import Norm, norm_of
from mlpc.schedules import Constant, Cosine, Exponential, OneCycle, Piecewise, Polynomial, Step

__all__ = ["described", "value_of"]

_SCHEDULES = {of.__name__: of for of in (Constant, Cosine, Exponential, OneCycle, Piecewise, Polynomial, Step)}
_DEEPEST = 8  # a schedule with points, each of them a tuple


def described(name: str, value: Any, arrays: dict[str, Array]) -> Any:
    """A value in terms of JSON, from which `value_of` makes it again; an array goes to `arrays`.

    What JSON does not have is a mapping of one word, which says what it is.

    Raises
    ------
    TypeError
        For a function, a callback, a stream of random numbers, and the like.

    Examples
    --------
    >>> import mlpc
    >>> described("hidden_layer_sizes", (20, np.int64(10)), {})
    {'tuple': [20, 10]}
    >>> described("activation", mlpc.layers.ELU(0.5), {})
    {'activation': ['elu', 0.5]}
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, list):
        return [described(name, each, arrays) for each in value]
    if isinstance(value, tuple):
        return {"tuple": described(name, list(value), arrays)}
    if isinstance(value, dict):
        return {"dict": [described(name, list(item), arrays) for item in value.items()]}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        key = f"parameter.{name}.{len(arrays)}"
        arrays[key] = value
        return {"array": key}
    if isinstance(value, Activation):
        block = block_of(value)
        return {"activation": block if isinstance(block, str) else list(block)}
    if isinstance(value, Norm):
        return {"norm": list(value._spec)}
    if isinstance(value, Loss) and not isinstance(value, Custom):
        return {"loss": described_loss(value)}
    if type(value) in _SCHEDULES.values():
        settings = {setting: getattr(value, setting) for setting in inspect.signature(type(value)).parameters}
        return {"schedule": [type(value).__name__, described(name, settings, arrays)]}
    raise TypeError(
        f"{name}: expected a value that a file can hold, got {value!r}; set_params({name}=...) sets another one"
    )


def value_of(name: str, told: Any, arrays: dict[str, Array], depth: int = 0) -> Any:
    """What `described` was given; an array is taken out of `arrays`.

    Raises
    ------
    TypeError, ValueError
        Where it says nothing that `described` would.

    Examples
    --------
    >>> value_of("hidden_layer_sizes", {"tuple": [20, 10]}, {})
    (20, 10)
    """
    if told is None or isinstance(told, (bool, int, float, str)):
        return told
    if isinstance(told, list) and depth < _DEEPEST:
        return [value_of(name, each, arrays, depth + 1) for each in told]
    entry: tuple[Any, Any] = next(iter(told.items())) if isinstance(told, dict) and len(told) == 1 else ("", None)
    word, what = entry
    if word == "array" and isinstance(what, str) and what.startswith(f"parameter.{name}.") and what in arrays:
        return arrays.pop(what)
    try:
        if word == "float" and what in ("inf", "-inf", "nan"):
            return float(what)
        if word in ("tuple", "dict") and isinstance(what, list):
            return (tuple if word == "tuple" else dict)(value_of(name, what, arrays, depth + 1))
        if word == "activation":
            return activation_of(what if isinstance(what, str) else tuple(what))
        if word == "norm":
            return norm_of(tuple(what))
        if word == "loss":
            return loss_of(what)
        if word == "schedule" and depth < _DEEPEST:
            kind, settings = what
            return _SCHEDULES[kind](**value_of(name, settings, arrays, depth + 1))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected a {word} of mlpc, got {reprlib.repr(what)}: {error}") from error
    raise ValueError(f"{name}: expected a value as mlpc writes it, got {reprlib.repr(told)}")
