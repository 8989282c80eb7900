"""Training: epochs over a set of data, one call of the extension each."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlpc import _mlpc
from mlpc.arguments import Array, real_array, seed_number, shaped, whole_number
from mlpc.history import History
from mlpc.optim import OPTIMIZERS, Optimizer
from mlpc.progress import Progress
from mlpc.schedules import Schedule

if TYPE_CHECKING:
    from mlpc.net import MLP

__all__ = ["batches", "fit"]

DEFAULT_LR = 0.1


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

    Yields
    ------
    ndarray of int64
        Indices of rows.

    Examples
    --------
    >>> sorted(len(rows) for rows in batches(10, 4))
    [2, 4, 4]
    """
    order = _mlpc.shuffle(n, seed, epoch) if shuffle else np.arange(n)
    for start in range(0, n, batch_size):
        yield order[start : start + batch_size]


def fit(
    net: "MLP",
    x: ArrayLike,
    y: ArrayLike,
    *,
    epochs: int = 10,
    batch_size: int = 64,
    optimizer: str | Optimizer = "sgd",
    lr: float | Schedule | None = None,
    validation_data: tuple[ArrayLike, ArrayLike] | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    progress: bool = True,
    callbacks: Iterable[Callable[["MLP", History], object]] = (),
    sample_weight: ArrayLike | None = None,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    keep_gradients: bool = False,
) -> History:
    """Train the network: stochastic gradient descent on batches, by the network's loss.

    Equal, to the bit, to a loop over `batches`, `loss_and_grad` and the optimizer's `step`.

    Parameters
    ----------
    x : array-like, (n, n_in)
        Converted once to the network's dtype.
    y : array-like
        As in `MLP.loss`.
    epochs : int
        How many times to go through the data, >= 0.
    batch_size : int
        Rows per step, >= 1; the last batch of an epoch may be short.
    optimizer : str or Optimizer
        A name ("sgd") means fresh state.  An object continues where it is: ``fit(epochs=5)`` twice with one optimizer
        equals ``fit(epochs=10)``.
    lr : float or Schedule, optional
        The learning rate for an optimizer given by name, 0.1 where left out.
    validation_data : (x, y), optional
        Evaluated after every epoch, with the same loss, class weights and label smoothing.
    shuffle : bool
        Whether every epoch goes through the rows in an order of its own.
    seed : int or None
        Of the shuffles.  None continues the network's stream; a number starts the stream of that seed.
    progress : bool
        Show a bar, where tqdm is installed and standard error is a terminal or a notebook.
    callbacks : iterable of callables
        Each is called as ``callback(net, history)`` after every epoch, with the network's arrays current.  Where one
        returns something true, training ends when all have been called.
    sample_weight : array-like, (n,), optional
        Finite, >= 0, not all 0.  A batch whose weights are all 0 is passed over.
    class_weight, label_smoothing
        As in `MLP.loss`.
    keep_gradients : bool
        Leave the last step's gradient of the mean loss in `net.gradients`, which is neither read nor written otherwise.

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
        interrupted epoch does not count, neither for the optimizer's clock nor for the stream of shuffles.

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> net = mlpc.MLP([2, 1], loss="mse", init="zeros")
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> history = net.fit(x, x @ [[2.0], [-1.0]], epochs=100, batch_size=1, lr=0.2)
    >>> history.epochs, bool(history["loss"][-1] < 1e-6)
    (100, True)
    """
    epochs = whole_number("epochs", epochs)
    batch_size = whole_number("batch_size", batch_size, 1)
    if seed is not None:
        seed = seed_number(seed)
    optimizer = _optimizer(net, optimizer, lr)
    criterion = net._criterion(None, class_weight, label_smoothing, "mean")
    data = _data(net, "", x, y, sample_weight)
    # The extension's own check of the criterion, on a row that changes nothing.
    _mlpc.count_correct(np.zeros((1, net.sizes[-1]), net.dtype), data.y[:1], criterion)
    validation = None
    if validation_data is not None:
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
            raise TypeError(f"validation_data must be a pair (x, y), not {type(validation_data).__name__}")
        validation = _data(net, "validation ", *validation_data, None)
    callbacks = tuple(callbacks)
    for callback in callbacks:
        if not callable(callback):
            raise TypeError(f"callbacks must hold callables, not {callback!r}")

    history = net.history = History()
    if seed is not None:
        net._shuffles = (seed, 0)
    with Progress(epochs, len(data.x), progress) as bar:
        for done in range(epochs):
            start = time.perf_counter()
            try:
                loss, accuracy, last_lr = net.train_epoch(
                    *data[:2], criterion, data.sample_weight, optimizer.spec, batch_size, bool(shuffle),
                    *net._shuffles, optimizer.epochs, bool(keep_gradients), None if bar.silent else bar.tick,
                )  # fmt: skip
            except _mlpc.DivergenceError as error:
                raise _mlpc.DivergenceError(
                    f"training diverged in epoch {done + 1} of {epochs}, at the learning rate {optimizer.lr:g}: {error}. "
                    "Try a smaller learning rate, and look for numbers in the data that are huge or not finite"
                ) from None
            seconds = time.perf_counter() - start
            net._shuffles = (net._shuffles[0], net._shuffles[1] + 1)
            optimizer.epochs += 1
            history.append(**_figures(net, criterion, loss, accuracy, validation), lr=last_lr, seconds=seconds)
            bar.epoch_done(done + 1, **history.last())
            if any([callback(net, history) for callback in callbacks]):  # a list: all are called
                break
    return history
