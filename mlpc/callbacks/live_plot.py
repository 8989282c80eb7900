"""Learning curves that a notebook draws while it trains."""

from __future__ import annotations

import importlib
from typing import Any

from mlpc.arguments import whole_number
from mlpc.callbacks.callback import Callback
from mlpc.plot.curves import learning_curves
from mlpc.plot.figure import require_matplotlib
from mlpc.progress import in_notebook

__all__ = ["LivePlot"]


class LivePlot(Callback):
    """Show `mlpc.plot.learning_curves` below a notebook's cell, and draw them anew as epochs end; silent elsewhere.

    Parameters
    ----------
    every : int
        Epochs between two pictures, >= 1; a last one is drawn at the end.  One takes a tenth of a second and more.

    Raises
    ------
    ImportError
        Where matplotlib is not installed.

    Examples
    --------
    >>> import mlpc
    >>> (x, y), _ = mlpc.datasets.load_digits()
    >>> history = mlpc.MLP([64, 10]).fit(x, y, epochs=10, callbacks=[LivePlot(every=5)])
    """

    def __init__(self, every: int = 1) -> None:
        self.every = whole_number("every", every, 1)
        require_matplotlib()
        self._picture: Any = None
        self._drawn = 0

    def begin(self, run: Any) -> None:
        self._picture, self._drawn = None, 0

    def epoch_end(self, run: Any) -> None:
        if run.history.epochs % self.every == 0:
            self._draw(run)

    def end(self, run: Any) -> None:
        if run.history.epochs > self._drawn:
            self._draw(run)

    def _draw(self, run: Any) -> None:
        if not in_notebook():
            return
        figure, self._drawn = learning_curves(run.history), run.history.epochs
        if self._picture is None:
            self._picture = importlib.import_module("IPython.display").display(figure, display_id=True)
        else:
            self._picture.update(figure)
