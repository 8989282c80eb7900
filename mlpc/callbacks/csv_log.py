"""The history as a file that grows with it."""

from __future__ import annotations

import os
from typing import Any

from mlpc.callbacks.callback import Callback
from mlpc.files import check_folder, write_atomically

__all__ = ["CSVLog"]


class CSVLog(Callback):
    """Write the history to a file of comma-separated values, one line for each epoch as it ends.

    The file is that of one run: the first epoch replaces what is there by the history so far, which after resuming is
    that of the checkpoint.  So no epoch stands there twice or not at all, wherever the run was killed.  Numbers are
    written so that they read as the same ones.

    Parameters
    ----------
    path : str or path-like
        The file.

    Examples
    --------
    >>> import mlpc, os, tempfile
    >>> (x, y), _ = mlpc.datasets.load_digits()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "log.csv")
    ...     history = mlpc.MLP([64, 10]).fit(x, y, epochs=2, callbacks=[CSVLog(path)])
    ...     with open(path) as file:
    ...         lines = file.read().splitlines()
    >>> lines[0], len(lines)
    ('epoch,loss,accuracy,lr,seconds', 3)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._written = False

    def begin(self, run: Any) -> None:
        check_folder(self.path)
        self._written = False

    def epoch_end(self, run: Any) -> None:
        epochs = run.history.epochs
        if self._written:
            with open(self.path, "a", encoding="ascii", newline="") as file:
                file.write(_line(run, epochs))
        else:
            header = ",".join(["epoch", *run.columns]) + "\n"
            lines = [_line(run, epoch) for epoch in range(1, epochs + 1)]
            write_atomically(self.path, "".join([header, *lines]).encode())
            self._written = True


def _line(run: Any, epoch: int) -> str:
    row = [run.history[column][epoch - 1] for column in run.columns]
    return ",".join([str(epoch), *(repr(float(value)) for value in row)]) + "\n"
