"""Names with settings, ``huber:delta=2``, and the objects of the library that they mean."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import mlpc
from mlpc.layers import ACTIVATIONS, BatchNorm, LayerNorm
from mlpc.losses import LOSSES
from mlpc.optim import OPTIMIZERS

__all__ = ["activations", "loss", "norms", "optimizer"]

NORMS: Mapping[str, Any] = {"batch": BatchNorm, "layer": LayerNorm}
SCHEDULES: Mapping[str, Any] = {
    "constant": mlpc.schedules.Constant,
    "cosine": mlpc.schedules.Cosine,
    "exponential": mlpc.schedules.Exponential,
    "one_cycle": mlpc.schedules.OneCycle,
    "polynomial": mlpc.schedules.Polynomial,
    "step": mlpc.schedules.Step,
}


def parsed(flag: str, text: str) -> tuple[str, dict[str, Any]]:
    """A name and its settings; numbers with a slash between them are several.

    Examples
    --------
    >>> parsed("--optimizer", "adam:betas=0.9/0.99:eps=1e-6")
    ('adam', {'betas': (0.9, 0.99), 'eps': 1e-06})
    """
    name, *parts = text.split(":")
    settings: dict[str, Any] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        try:
            numbers = [float(each) for each in value.split("/")]
        except ValueError:
            numbers = []
        if not (key and equals and numbers) or key in settings:
            raise ValueError(f"{flag}: expected NAME:SETTING=NUMBER:..., got {text!r}")
        settings[key] = numbers[0] if len(numbers) == 1 else tuple(numbers)
    return name, settings


def made(flag: str, text: str, kinds: Mapping[str, Any], **usual: Any) -> Any:
    """The object of a name, with its settings, and `usual` ones where it takes them and none is written.

    Raises
    ------
    ValueError
        Where there is none of that name, or it has other settings, or other values of them.
    """
    name, settings = parsed(flag, text)
    kind = _kind(flag, name, kinds)
    return _called(flag, kind, _for(flag, name, kind, settings, usual))


def _called(flag: str, kind: Any, arguments: dict[str, Any]) -> Any:
    try:
        return kind(**arguments)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{flag}: {error}") from None


def _kind(flag: str, name: str, kinds: Mapping[str, Any]) -> Any:
    if name not in kinds:
        raise ValueError(f"{flag}: expected one of {', '.join(kinds)}, got {name!r}")
    return kinds[name]


def _for(flag: str, name: str, kind: Any, settings: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    """The settings of a kind, checked by their names; those that are switches are truth values."""
    parameters = inspect.signature(kind).parameters
    taken = {key: each.default for key, each in parameters.items() if key not in ("net", "groups", "class_weight")}
    stray = [key for key in settings if key not in taken]
    if stray:
        raise ValueError(
            f"{flag}: expected settings of {name}, {', '.join(taken) or 'which has none'}, got {stray[0]!r}"
        )
    settings = {key: bool(value) if isinstance(taken[key], bool) else value for key, value in settings.items()}
    return {key: value for key, value in usual.items() if key in taken} | settings


def activations(text: str) -> list[Any] | Any:
    """One activation, or one for each hidden layer."""
    found = [made("--activation", each, ACTIVATIONS) for each in text.split(",")]
    return found if len(found) > 1 else found[0]


def norms(text: str) -> list[Any] | Any:
    """One norm, or one for each hidden layer."""
    found = [None if each == "none" else made("--norm", each, NORMS) for each in text.split(",")]
    return found if len(found) > 1 else found[0]


def loss(text: str) -> Any:
    """A loss with its settings."""
    return made("--loss", text, LOSSES)


def optimizer(
    text: str, lr: float | None, schedule: str | None, epochs: int, settings: dict[str, Any]
) -> Callable[[mlpc.MLP], mlpc.optim.Optimizer]:
    """What makes an optimizer for a network.

    Raises
    ------
    ValueError
        Where a name or a setting is none, or a setting is written twice.
    """
    name, own = parsed("--optimizer", text)
    kind = _kind("--optimizer", name, OPTIMIZERS)
    if twice := [key for key in own if key in settings or key == "lr"]:
        raise ValueError(
            f"--optimizer: expected {twice[0]} once, as --{twice[0].replace('_', '-')}, got it in {text!r}"
        )
    chosen = _for("--optimizer", name, kind, own | settings, {})
    if schedule is not None:
        rate = inspect.signature(kind).parameters["lr"].default if lr is None else lr
        chosen["lr"] = made("--schedule", schedule, SCHEDULES, lr=rate, epochs=epochs)
    elif lr is not None:
        chosen["lr"] = lr
    return functools.partial(kind, **chosen)
