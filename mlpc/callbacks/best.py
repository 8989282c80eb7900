"""The best epoch so far, by a column of the history."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from mlpc.arguments import real_number, whole_number

__all__ = ["Best", "Mode", "of_keys"]

Mode: TypeAlias = Literal["min", "max"]


class Best:
    """Which epoch was the best, and since when there was no better one.

    Parameters
    ----------
    monitor : str
        A column of the history.
    min_delta : float
        By how much a value must be better than the best before it to count, >= 0.
    mode : {"min", "max"}, optional
        Which values are better; left out, small ones of what is called a loss or an error ("val_loss", "mae", "mse"),
        large ones of anything else.

    Attributes
    ----------
    value : float
        The best value; infinite, the worst there is, before the first one.
    epoch : int
        Its epoch, from 1; 0 before the first one.
    waited : int
        Epochs since then.
    """

    def __init__(self, monitor: str, min_delta: float = 0.0, mode: Mode | None = None) -> None:
        if not isinstance(monitor, str):
            raise TypeError(f"monitor: expected the name of a column of the history, got {monitor!r}")
        if mode not in (None, "min", "max"):
            raise ValueError(f"mode: expected 'min', 'max' or None, got {mode!r}")
        self.monitor, self.min_delta = monitor, real_number("min_delta", min_delta)
        self.mode: Mode = ("min" if _is_loss(monitor) else "max") if mode is None else mode
        self.forget()

    def forget(self) -> None:
        """As before the first epoch."""
        self.value, self.epoch, self.waited = math.inf if self.mode == "min" else -math.inf, 0, 0

    def begin(self, run: Any) -> None:
        """`forget`, and check that the run's history will have the column.

        Raises
        ------
        ValueError
            Where it will not.
        """
        if self.monitor not in run.columns:
            hint = "; validation_data brings those of validation" if self.monitor.startswith("val_") else ""
            raise ValueError(f"monitor: expected one of {', '.join(run.columns)}, got {self.monitor!r}{hint}")
        self.forget()

    def improved(self, run: Any) -> bool:
        """Whether the latest epoch is the best; NaN is never better."""
        value = run.history[self.monitor][-1]
        better = value < self.value - self.min_delta if self.mode == "min" else value > self.value + self.min_delta
        if better:
            self.value, self.epoch, self.waited = value, run.history.epochs, 0
        else:
            self.waited += 1
        return better

    def state_dict(self) -> dict[str, Any]:
        """`value`, `epoch` and `waited`."""
        return {"value": self.value, "epoch": self.epoch, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The reverse."""
        of_keys(state, self.state_dict())
        value = state["value"]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            raise ValueError(f"value: expected a number, got {value!r}")
        epoch, waited = whole_number("epoch", state["epoch"]), whole_number("waited", state["waited"])
        self.value, self.epoch, self.waited = float(value), epoch, waited


def of_keys(state: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Check that a state has the keys that are expected.

    Raises
    ------
    ValueError
        Where it has not.

    Examples
    --------
    >>> of_keys({"a": 1}, {"a": 0})
    """
    if state.keys() != expected.keys():
        raise ValueError(f"state: expected the keys {list(expected)}, got {list(state)}")


def _is_loss(monitor: str) -> bool:
    name = monitor.removeprefix("val_")
    return "loss" in name or "error" in name or name in ("mae", "mse", "rmse", "mape", "median_ae")
