"""Early help: what usually goes wrong in a training, said in words as soon as it can be seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mlpc.arguments import Array, real_array
from mlpc.callbacks.callback import Callback
from mlpc.csr import CSR, Input
from mlpc.layers import Activation, ReLU
from mlpc.losses import Custom
from mlpc.samples import spread
from mlpc.warnings import DeadUnitsWarning, FeatureScaleWarning, StandstillWarning, TargetScaleWarning, warn

__all__ = ["EarlyHelp"]

_ROWS = 256  # that are looked at
_AT_ONCE = 32  # of which the network sees so many: forward makes arrays of sparse ones
_APART = 100.0  # times the smallest feature: what standardised data, pixels and counts do not reach
_LARGE = 30.0  # a feature below it does no harm, however small others are
_TARGETS = (0.01, 100.0)  # targets between them are within reach of a fresh network
_STILL = 1e-4  # of the loss: less than an epoch of the slowest training that gets anywhere
_DEAD = 0.5  # of a layer's units; a few of them are usual


class EarlyHelp(Callback):
    """Looks at up to 256 rows before the first epoch and after it, and at the loss of the first two epochs.

    It warns, by the categories of `mlpc.warnings`, and changes nothing.

    Parameters
    ----------
    x, y, epochs
        As `fit` got them.  Where there is but one epoch, units are not looked at: there is nothing to be early for.
    """

    def __init__(self, x: object, y: ArrayLike, epochs: int) -> None:
        self._epochs = epochs
        self._of_bytes = str(getattr(x, "dtype", "")).endswith("uint8")  # NumPy's or PyTorch's: a warning of their own
        self._y = y

    def begin(self, run: Any) -> None:
        if not self._of_bytes:
            _look_at_features(run._some_rows(_ROWS))
        if run.criterion.link == "none" and not isinstance(run.criterion, Custom):
            _look_at_targets(spread(real_array("y", self._y), _ROWS), run.criterion.name)

    def epoch_end(self, run: Any) -> None:
        if run.history.epochs == 1 < self._epochs:
            _look_at_units(run)
        elif run.history.epochs == 2:
            _look_at_loss(run.history["loss"], run.history["lr"])


def _sizes(rows: Input) -> Array:
    """The mean magnitude of each column."""
    with np.errstate(over="ignore"):
        if isinstance(rows, CSR):
            return np.bincount(rows.indices, np.abs(rows.data), rows.shape[1]) / len(rows)
        return np.abs(rows.reshape(len(rows), -1)).sum(axis=0, dtype=np.float64) / len(rows)


def _look_at_features(x: Input) -> None:
    sizes = _sizes(x)
    smallest, largest = int(np.where(sizes > 0, sizes, np.inf).argmin()), int(sizes.argmax())
    if sizes[largest] >= _LARGE and sizes[largest] >= _APART * sizes[smallest] > 0:
        warn(
            f"x: expected features of like size, got column {largest}, which is about {sizes[largest]:.2g}, beside "
            f"column {smallest}, which is about {sizes[smallest]:.2g}; (x - mean) / std of each column, or "
            "scikit-learn's StandardScaler, makes them alike",
            FeatureScaleWarning,
        )


def _look_at_targets(y: Array, loss: str) -> None:
    size = float(_sizes(y).max())
    if size > 0 and not _TARGETS[0] <= size <= _TARGETS[1]:
        warn(
            f"y: expected targets near 1 for {loss}, got some of about {size:.2g}, of which a fresh network is far; "
            "train on (y - y.mean()) / y.std(), and turn predictions back",
            TargetScaleWarning,
        )


def _look_at_loss(losses: list[float], rates: list[float]) -> None:
    before, after = losses
    if before and all(rates) and abs(after - before) <= _STILL * abs(before):
        warn(
            f"the loss has not moved in an epoch: {before:.6g}, and then {after:.6g}, at learning rate "
            f"{rates[-1]:.2g}; try a larger one or other initial values, standardise x, and look whether x and y "
            "belong together, row by row",
            StandstillWarning,
        )


def _look_at_units(run: Any) -> None:
    rows = run._some_rows(_ROWS)
    if len(rows) < _ROWS or not any(isinstance(layer, ReLU) for layer in run.net.layers):
        return
    twin = run.net.copy()  # in eval mode, as the epoch left it
    layers = [each for each in twin.layers if isinstance(each, Activation)]
    lives = [np.zeros(layer.n_out, bool) for layer in layers]
    for start in range(0, _ROWS, _AT_ONCE):
        twin.forward(rows[start : start + _AT_ONCE], scale=run._scale)
        for layer, living in zip(layers, lives, strict=True):
            living |= (layer.output != 0).any(axis=0)
    for number, (layer, living) in enumerate(zip(layers, lives, strict=True), 1):
        dead = int((~living).sum()) if isinstance(layer, ReLU) else 0
        if dead >= _DEAD * layer.n_out:
            warn(
                f"{dead} of the {layer.n_out} units of hidden layer {number} (ReLU) give 0 for each of {_ROWS} rows, "
                "and no longer learn; try a smaller learning rate, standardise x, or take leaky_relu",
                DeadUnitsWarning,
            )
