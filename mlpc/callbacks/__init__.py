"""What takes part in a training: stopping it, writing it down, averaging its weights, watching it.

``fit(..., callbacks=[...])`` takes objects of the classes here, of subclasses of `Callback`, and functions of
(net, history), of which only True itself ends the training.  `Callback` says when each is called, and what becomes of
errors and Ctrl-C.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mlpc.callbacks.averaging import Averaging
from mlpc.callbacks.callback import Callback
from mlpc.callbacks.checkpoint import Checkpoint
from mlpc.callbacks.csv_log import CSVLog
from mlpc.callbacks.early_stopping import EarlyStopping
from mlpc.callbacks.plateau import ReduceOnPlateau
from mlpc.callbacks.time_budget import TimeBudget

if TYPE_CHECKING:
    from mlpc.callbacks.live_plot import LivePlot

__all__ = [
    "Averaging", "CSVLog", "Callback", "Checkpoint", "EarlyStopping", "LivePlot", "ReduceOnPlateau", "TimeBudget",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "LivePlot":  # pictures take as long to import as all else of the package
        return importlib.import_module("mlpc.callbacks.live_plot").LivePlot
    raise AttributeError(f"module 'mlpc.callbacks' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
