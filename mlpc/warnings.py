"""What `fit` warns of, a category each, so that Python's filters can silence each on its own.

`TrainingWarning` is that of all of them.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

__all__ = [
    "ConstantColumnWarning",
    "DeadUnitsWarning",
    "FeatureScaleWarning",
    "LostDigitsWarning",
    "StandstillWarning",
    "TargetScaleWarning",
    "TrainingWarning",
    "UnscaledBytesWarning",
]


class TrainingWarning(UserWarning):
    """Something looks as it does where trainings go wrong."""


class UnscaledBytesWarning(TrainingWarning):
    """x holds bytes that count as the numbers 0 to 255."""


class ConstantColumnWarning(TrainingWarning):
    """A column of a table has the same value in every row, and is left out."""


class LostDigitsWarning(TrainingWarning):
    """Values of a column are so far from 0 that the dtype hardly tells them apart."""


class FeatureScaleWarning(TrainingWarning):
    """Columns of x are of very different size."""


class TargetScaleWarning(TrainingWarning):
    """Targets of a regression are much larger, or much smaller, than 1."""


class StandstillWarning(TrainingWarning):
    """The loss of the second epoch is that of the first one."""


class DeadUnitsWarning(TrainingWarning):
    """Half of a layer's units, or more, are 0 whatever comes in."""


def warn(message: str, category: type[TrainingWarning]) -> None:
    """Warn, and blame the line that calls the package."""
    warnings.warn(message, category, stacklevel=_levels_inside())


def _levels_inside() -> int:
    """How far above the caller of this function the package ends, as `warnings.warn` counts."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_globals):
        level, frame = level + 1, frame.f_back
    return level


def _is_ours(module: dict[str, Any]) -> bool:
    return str(module.get("__name__")).partition(".")[0] == "mlpc"
