"""Training: epochs over a set of data, one call of the extension each."""

from __future__ import annotations

import contextlib
import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlpc import _mlpc
from mlpc.arguments import Array, finite, pair, real_array, real_number, seed_number, shaped, whole_number
from mlpc.history import History
from mlpc.losses import ClassWeight, class_weights
from mlpc.optim import OPTIMIZERS, Optimizer, OptimizerName
from mlpc.progress import Progress
from mlpc.schedules import Rate

if TYPE_CHECKING:
    from mlpc.net import MLP

__all__ = ["batches", "fit"]


def batches(
    n: int, batch_size: int, *, seed: int = 0, epoch: int = 0, shuffle: bool = True
) -> Iterator[NDArray[np.int64]]:
    """The rows of each batch of one epoch, in the order of `fit`.

    Parameters
    ----------
    n : int
        How many rows there are.
    batch_size : int
        Rows per batch; the last one may be short.
    seed, epoch : int
        Which shuffle: `MLP.shuffle_state` gives both for the network's next epoch.
    shuffle : bool
        False for rows in order.

    Returns
    -------
    iterator of ndarray of int64
        Indices of rows.

    Examples
    --------
    >>> sorted(len(rows) for rows in batches(10, 4))
    [2, 4, 4]
    """
    n, batch_size = whole_number("n", n), whole_number("batch_size", batch_size, 1)
    order = _mlpc.shuffle(n, seed, epoch) if shuffle else np.arange(n)
    return (order[start : start + batch_size] for start in range(0, n, batch_size))


def fit(
    net: MLP,
    x: ArrayLike,
    y: ArrayLike,
    *,
    epochs: int = 10,
    batch_size: int = 64,
    optimizer: OptimizerName | Optimizer = "sgd",
    lr: Rate | None = None,
    validation_data: tuple[ArrayLike, ArrayLike] | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    progress: bool = True,
    callbacks: Iterable[Callable[[MLP, History], object]] = (),
    sample_weight: ArrayLike | None = None,
    class_weight: ClassWeight | None = None,
    scale: float | None = None,
    keep_gradients: bool = False,
) -> History:
    """Train the network: stochastic gradient descent on batches, by the network's loss.

    Equal, to the bit, to a loop over `batches`, `loss_and_grad` and the optimizer's `step`, whatever the number of
    threads (`mlpc.set_num_threads`).

    Parameters
    ----------
    x : array-like, (n, n_in)
        Finite.  Converted once to the network's dtype, but for uint8 with a `scale`.  Not to be changed before `fit`
        returns.  uint8 without a `scale` trains on the numbers 0 to 255, with a warning.
        Where half of it or more is zero, zeros are skipped; `History.zeros` says so.
    y : array-like
        As in `MLP.loss`.
    epochs : int
        How many times to go through the data, >= 0.
    batch_size : int
        Rows per step, >= 1; the last batch of an epoch may be short.
    optimizer : str or Optimizer
        A name ("sgd", "adam", "adamw", "rmsprop", "adagrad", "rprop") means fresh state.  An object continues where it
        is: ``fit(epochs=5)`` twice with one optimizer equals ``fit(epochs=10)``.
    lr : float or callable, optional
        The learning rate for an optimizer given by name, or what gives it for a time in epochs: a schedule from
        `mlpc.schedules`, any callable.  Where left out, the optimizer's own: 0.1 for SGD, 0.001 for Adam and AdamW,
        0.01 for the others.
    validation_data : (x, y), optional
        Evaluated after every epoch, with the same loss and class weights.
    shuffle : bool
        Whether every epoch goes through the rows in an order of its own.
    seed : int or None
        Of the shuffles.  None continues the network's stream; a number starts the stream of that seed.
    progress : bool
        Show a bar, where tqdm is installed and standard error is a terminal or a notebook.
    callbacks : iterable of callables
        Each is called as ``callback(net, history)`` after every epoch, with the network's arrays current.  Where one
        returns ``True``, training ends when all have been called; nothing else that is returned ends it.
    sample_weight : array-like, (n,), optional
        Finite, >= 0, not all 0.  A batch whose weights are all 0 is passed over.
    class_weight : array-like, (n_out,), dict, or "balanced", optional
        For cross_entropy: a weight of each class; those of some classes, the others weigh 1; or n / (n_out * rows of
        the class).
    scale : float, optional
        Of uint8 `x`, also of the validation data, as images are kept: each element counts as ``x * scale``, rounded
        once; without it, as the number that it is.  Bytes are never converted all at once.
    keep_gradients : bool
        Leave the last step's gradient of the mean loss in `net.gradients`, which is neither read nor written otherwise.
        An epoch takes longer then.

    Returns
    -------
    History
        One row per epoch; also `net.history`, which is current in callbacks and after errors and interrupts.

    Raises
    ------
    TypeError, ValueError
        Where an argument is not as above.  All are checked, validation data too, before anything changes.
    DivergenceError
        Where a number of the training is not finite.  The parameters, the optimizer and the stream of shuffles are as
        after the last epoch that was.
    KeyboardInterrupt
        On Ctrl-C, within a second.  The parameters and the optimizer's state are as after the last whole batch; the
        interrupted epoch does not count, neither for the optimizer's clock nor for the stream of shuffles.  (One that
        is interrupted in its validation does; the history lacks it.)

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> net = mlpc.MLP([2, 1], loss="mse", init="zeros")
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> history = net.fit(x, x @ [[2.0], [-1.0]], epochs=100, batch_size=1, lr=0.2)
    >>> history.epochs, bool(history["loss"][-1] < 1e-6), history.zeros
    (100, True, 'multiplied')
    """
    epochs = whole_number("epochs", epochs)
    batch_size = whole_number("batch_size", batch_size, 1)
    if seed is not None:
        seed = seed_number(seed)
    optimizer = _optimizer(net, optimizer, lr)
    criterion = net.criterion.spec("mean", class_weights(class_weight, real_array("y", y), net.sizes[-1]))
    if scale is not None:
        scale = real_number("scale", scale, -math.inf)
    given = real_array("x", x)
    x, y = checked_data(net, given, y, criterion, scale)
    if scale is None:
        warn_of_bytes(given)
    if sample_weight is not None:
        sample_weight = _weights(sample_weight, len(x))
    if validation_data is not None:
        validation_data = _validation(net, validation_data, criterion, scale)
    if not hasattr(callbacks, "__iter__"):
        raise TypeError(f"callbacks: expected a list of callables, got {callbacks!r}")
    callbacks = tuple(callbacks)
    for callback in callbacks:
        if not callable(callback):
            raise TypeError(f"callbacks: expected callables, got {callback!r}")

    history = History()
    if not epochs:
        net.history = history
        return history
    samples = _mlpc.Samples(x, scale, net.dtype.name, "choose")
    history.zeros = "skipped" if samples.skip_zeros else "multiplied"
    steps = -(-len(x) // batch_size)
    shuffle_seed, number = net.shuffle_state if seed is None else (seed, 0)
    with Progress(epochs, len(x), progress) as bar, _memory_of_epochs(net):
        for epoch in range(1, epochs + 1):
            start = time.perf_counter()
            try:
                loss, accuracy, last_lr = net._train_epoch(
                    samples, y, criterion, sample_weight, optimizer.epoch_spec(steps), batch_size, bool(shuffle),
                    shuffle_seed, number, bool(keep_gradients), bar.tick,
                )  # fmt: skip
            except _mlpc.InUseError:  # what the network holds is that other call's
                raise
            except BaseException as error:
                net.history = history
                if isinstance(error, _mlpc.DivergenceError):
                    raise _divergence(error, epoch) from None
                raise
            net.history = history
            seconds = time.perf_counter() - start
            number += 1
            net._shuffles = (shuffle_seed, number)
            optimizer.epochs += 1
            figures = {"loss": loss}
            if net.criterion.classifies:
                figures["accuracy"] = accuracy
            if validation_data is not None:
                value, share = _mlpc.Net.evaluate(net, *validation_data, criterion, None, scale)
                figures["val_loss"] = value
                if net.criterion.classifies:
                    figures["val_accuracy"] = share
            history.append(**figures, lr=last_lr, seconds=seconds)
            bar.epoch_done(epoch, **figures)
            wishes = [callback(net, history) for callback in callbacks]
            if any(wish is True for wish in wishes):
                break
    return history


def _optimizer(net: MLP, optimizer: OptimizerName | Optimizer, lr: Rate | None) -> Optimizer:
    """The optimizer of that name, fresh, or the object itself."""
    if isinstance(optimizer, str):
        if optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer: expected one of {', '.join(OPTIMIZERS)}, or an object, got {optimizer!r}")
        return OPTIMIZERS[optimizer](net) if lr is None else OPTIMIZERS[optimizer](net, lr)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer: expected a name or an optimizer, got {optimizer!r}")
    if optimizer.net is not net:
        raise ValueError("optimizer: expected one of this network, got one of another")
    if lr is not None:
        raise ValueError(f"lr: expected none beside an optimizer object, which has its own, got {lr!r}")
    return optimizer


def warn_of_bytes(x: Array) -> None:
    """Warn the caller's caller of bytes that count as the numbers 0 to 255: the first time in each of its lines."""
    if x.dtype == np.uint8 and x.max(initial=0) > 1:
        warnings.warn(
            "x: expected uint8 with a scale, or numbers near 0 and 1, got uint8 that counts as the numbers 0 to "
            "255; scale=1/255, or x / 255, makes images of it, and scale=1 says that the numbers are meant",
            stacklevel=3,
        )


def checked_data(
    net: MLP,
    x: ArrayLike,
    y: ArrayLike,
    criterion: _mlpc.Loss,
    scale: float | None = None,
) -> tuple[Array, Array]:
    """x and y, checked and, but for bytes with a scale, converted once and for all epochs."""
    x, y = real_array("x", x), real_array("y", y)
    if not y.ndim:
        raise ValueError(f"y: expected {len(x) if x.ndim else 'n'} rows, as many as x has, got one number")
    if scale is not None and x.dtype != np.uint8:
        raise TypeError(f"x: expected uint8, since there is a scale, got {x.dtype}")
    if x.ndim != 2 or x.shape[1] != net.sizes[0] or not len(x):
        raise ValueError(f"x: expected shape (n, {net.sizes[0]}) with at least one row, got {x.shape}")
    if len(y) != len(x):
        raise ValueError(f"y: expected {len(x)} rows, as many as x has, got {len(y)}")
    y = _mlpc.targets(y, criterion, net.dtype.name, len(x), net.sizes[-1])
    return np.ascontiguousarray(x) if scale is not None else finite("x", x, net.dtype), y


@contextlib.contextmanager
def _memory_of_epochs(net: MLP) -> Iterator[None]:
    """What an epoch computes in is kept for the next one, and given back after the last."""
    try:
        yield
    finally:
        net._end_training()


def _weights(sample_weight: ArrayLike, n: int) -> Array:
    weights = shaped("sample_weight", sample_weight, (n,), np.dtype(np.float64))
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(f"sample_weight: expected finite numbers >= 0, got {weights[row]} at row {row}")
    if not weights.any():
        raise ValueError("sample_weight: expected a positive sum, got 0.0")
    return weights


def _validation(net: MLP, samples: Any, criterion: _mlpc.Loss, scale: float | None) -> tuple[Array, Array]:
    x, y = pair("validation_data", samples)
    try:
        return checked_data(net, x, y, criterion, scale)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from None


def _divergence(met: _mlpc.DivergenceError, epoch: int) -> _mlpc.DivergenceError:
    """The extension's error with the number of the epoch; `epoch`, `loss` and `lr` are attributes, too."""
    error: Any = _mlpc.DivergenceError(
        f"training diverged in epoch {epoch}: loss {met.loss:g} at learning rate {met.lr:g}; the network is as "
        "before that epoch.  Try a smaller learning rate, and look for huge numbers in the data"
    )
    error.epoch, error.loss, error.lr = epoch, met.loss, met.lr
    return error
