"""A run in a file, from which it goes on."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from typing import Any

from mlpc.arguments import Array, whole_number
from mlpc.callbacks.best import Best, Mode
from mlpc.callbacks.callback import Callback
from mlpc.files import check_folder, file_path, pack, write_atomically
from mlpc.run_file import content_of

__all__ = ["Checkpoint"]


class Checkpoint(Callback):
    """Write the run to a file, from which ``fit(..., resume=path)`` goes on with the same bits.

    It is called after all other callbacks, and holds what they remember, too.  Each file is there as a whole or not at
    all, whenever the process is killed: a temporary file in the same folder goes to the disk, and then takes the name.
    `mlpc.load` makes the network of such a file.

    Parameters
    ----------
    path : str or path-like
        The file of the latest epoch; ends in ".npz", or in ".safetensors", which needs the package of that name.
    every : int
        Epochs between two files, >= 1.  The last whole epoch is written in any case when the training ends, also by an
        error or an interrupt.
    keep_last : int
        >= 0; so many of the latest ones stay beside the first file under names of their own: of "run.npz" and epoch 12,
        "run-000012.npz".  Older ones, and those of an earlier run whose number is smaller, are removed.
    keep_best : str, optional
        A column of the history: its best epoch stays, in "run-best.npz".
    mode : {"min", "max"}, optional
        Whether small or large values of it are better; left out, the name decides: small losses and errors, all else
        large.

    Examples
    --------
    >>> import mlpc, os, tempfile
    >>> (x, y), _ = mlpc.datasets.load_digits()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = Checkpoint(os.path.join(folder, "run.npz"), keep_last=2, keep_best="accuracy")
    ...     history = mlpc.MLP([64, 10]).fit(x, y, epochs=4, callbacks=[checkpoint])
    ...     sorted(os.listdir(folder))
    ['run-000003.npz', 'run-000004.npz', 'run-best.npz', 'run.npz']
    """

    last = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: int = 1,
        *,
        keep_last: int = 0,
        keep_best: str | None = None,
        mode: Mode | None = None,
    ) -> None:
        self.path = file_path("path", path)
        self.every = whole_number("every", every, 1)
        self.keep_last = whole_number("keep_last", keep_last)
        self._best = None if keep_best is None else Best(keep_best, mode=mode)
        self._pending: tuple[int, dict[str, Array], dict[str, Any]] | None = (
            None  # the latest epoch, until it is written
        )

    def begin(self, run: Any) -> None:
        check_folder(self.path)
        self._pending = None
        if self._best is not None:
            self._best.begin(run)

    def epoch_end(self, run: Any) -> None:
        epoch = run.history.epochs
        best = self._best is not None and self._best.improved(run)
        self._pending = epoch, *content_of(run)
        if best or epoch % self.every == 0:
            self._write(best=best, latest=epoch % self.every == 0)

    def end(self, run: Any) -> None:
        self._write()

    def _write(self, *, best: bool = False, latest: bool = True) -> None:
        """What is pending; the file itself last: a run that is resumed from it before that does all of this again."""
        if self._pending is None:
            return
        epoch, arrays, values = self._pending
        data = pack(self.path, "run", arrays, values)
        if best:
            write_atomically(self._named("best"), data)
        if not latest:
            return
        if self.keep_last:
            write_atomically(self._named(f"{epoch:06d}"), data)
            self._remove(epoch)
        write_atomically(self.path, data)
        self._pending = None

    def _named(self, what: str) -> str:
        stem, suffix = os.path.splitext(self.path)
        return f"{stem}-{what}{suffix}"

    def _remove(self, epoch: int) -> None:
        """The files of numbered epochs that are older than those which are kept."""
        folder, name = os.path.split(self._named("\0"))
        pattern = re.compile(re.escape(name).replace(re.escape("\0"), r"(\d{6,})"))
        found = {int(match[1]): match[0] for match in map(pattern.fullmatch, os.listdir(folder or ".")) if match}
        for number in sorted(number for number in found if number <= epoch)[: -self.keep_last]:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, found[number]))

    def state_dict(self) -> dict[str, Any]:
        return {} if self._best is None else self._best.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if self._best is None:
            super().load_state_dict(state)
        else:
            self._best.load_state_dict(state)
