"""The end of a training that gets no better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlpc.arguments import Array, whole_number
from mlpc.callbacks.best import Best, Mode, of_keys
from mlpc.callbacks.callback import Callback

__all__ = ["EarlyStopping"]


class EarlyStopping(Callback):
    """Stop when so many epochs in a row were no better than the best before them, and go back to that one's weights.

    Prechelt, "Early Stopping - But When?", 1998.

    Parameters
    ----------
    monitor : str
        A column of the history, a metric of the user's as well.
    patience : int
        Epochs without an improvement, >= 1.
    min_delta : float
        What is no larger is no improvement, >= 0.
    restore_best : bool
        Whether the network is that of the best epoch in the end, also where all epochs were trained.  After an error or
        an interrupt it is as that left it.
    mode : {"min", "max"}, optional
        Whether small or large values are better; left out, the name decides: small losses and errors, all else large.

    Attributes
    ----------
    best : float
        The best value so far.
    best_epoch : int
        Its epoch, from 1; 0 where there is none.
    best_state : dict of str to ndarray, or None
        The network's state dict of then.

    Examples
    --------
    >>> import mlpc
    >>> (x, y), validation = mlpc.datasets.load_digits()
    >>> stopping = EarlyStopping("val_accuracy", patience=2)
    >>> net = mlpc.MLP([64, 10])
    >>> history = net.fit(x, y, epochs=100, validation_data=validation, callbacks=[stopping])
    >>> history.epochs == stopping.best_epoch + 2 < 100, net.evaluate(*validation)[1] == stopping.best
    (True, True)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 10,
        min_delta: float = 0.0,
        restore_best: bool = True,
        *,
        mode: Mode | None = None,
    ) -> None:
        self._best = Best(monitor, min_delta, mode)
        self.patience = whole_number("patience", patience, 1)
        self.restore_best = bool(restore_best)
        self.best_state: dict[str, Array] | None = None
        self._net: Any = None

    @property
    def best(self) -> float:
        return self._best.value

    @property
    def best_epoch(self) -> int:
        return self._best.epoch

    def begin(self, run: Any) -> None:
        self._best.begin(run)
        self.best_state = None
        self._net = run.net

    def epoch_end(self, run: Any) -> None:
        if self._best.improved(run):
            self.best_state = run.net.state_dict() if self.restore_best else None
        elif self._best.waited >= self.patience:
            run.stop()

    def end(self, run: Any) -> None:
        if run.finished and self.best_state is not None:
            run.net.load_state_dict(self.best_state)

    def state_dict(self) -> dict[str, Any]:
        weights = {f"net.{key}": array.copy() for key, array in (self.best_state or {}).items()}
        return self._best.state_dict() | weights

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        best = self._best.state_dict()
        keys = list(self._net.state_dict()) if self.restore_best and state.get("epoch") else []
        of_keys(state, best | {f"net.{key}": None for key in keys})
        weights = self._net._checked_state({key: state[f"net.{key}"] for key in keys}) if keys else None
        self._best.load_state_dict({key: state[key] for key in best})
        self.best_state = weights
