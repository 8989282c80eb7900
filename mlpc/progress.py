"""How far a training run is, on a terminal or in a notebook."""

import importlib
import importlib.util
import sys
from types import TracebackType
from typing import Any

__all__ = ["Progress", "in_notebook"]


class Progress:
    """A bar over what is ahead, where tqdm is installed and somebody looks; silent elsewhere.

    Parameters
    ----------
    epochs, rows : int
        What is ahead: epochs, and rows of data in each.
    show : bool
        False for silence anywhere.
    unit : str
        What is counted.

    Examples
    --------
    >>> with Progress(epochs=2, rows=100, show=False) as progress:
    ...     progress.tick(50)
    ...     progress.epoch_done(1, loss=0.5)
    """

    def __init__(self, epochs: int, rows: int, show: bool = True, unit: str = "rows") -> None:
        self._rows = rows
        self._done = 0
        self._bar = _bar(epochs * rows, unit) if show and _watched() else None

    def tick(self, rows: int) -> None:
        """`rows` of the current epoch are done."""
        if self._bar is not None:
            self._bar.update(self._done + rows - self._bar.n)

    def epoch_done(self, epochs: int, **figures: float) -> None:
        """`epochs` of them are done; `figures` of the last one are shown beside the bar."""
        self._done = epochs * self._rows
        self.tick(0)
        if self._bar is not None:
            self._bar.set_postfix({"epoch": epochs} | figures)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def _bar(total: int, unit: str) -> Any:
    try:
        bars = importlib.import_module("tqdm.notebook" if _widgets() else "tqdm")
        return bars.tqdm(total=total, unit=f" {unit}", unit_scale=True, file=sys.stderr)
    except ImportError:  # tqdm's, or that of widgets which cannot be imported
        return None


def _watched() -> bool:
    """Whether standard error is a terminal, or the output of a notebook's cell."""
    return in_notebook() or (sys.stderr is not None and sys.stderr.isatty())


def in_notebook() -> bool:
    """Whether a cell of a notebook is running."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")


def _widgets() -> bool:
    """Whether a bar can be a widget; asked here, since tqdm.auto, which asks the same, warns where there are none."""
    return in_notebook() and importlib.util.find_spec("ipywidgets") is not None
