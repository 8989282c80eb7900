"""A run: a training that goes on epoch by epoch, and can be stopped, written down and continued."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Generic

import numpy as np
from numpy.typing import ArrayLike

from mlpc import _mlpc
from mlpc.arguments import Array, pair, real_array, real_number, seed_number, whole_number
from mlpc.class_weights import ClassWeight
from mlpc.history import History
from mlpc.network import N, Network
from mlpc.optim import Optimizer, OptimizerName, optimizer_named
from mlpc.samples import checked_samples, warn_of_bytes
from mlpc.schedules import Rate

__all__ = ["Run"]

_LAST_EPOCH = 2**32 - 1  # of a stream of shuffles


class Run(Generic[N]):
    """What `MLP.fit` loops over: one training of one network, with all that an epoch needs of those before it.

    A run that is stopped after any epoch, written down with `state_dict`, and continued by a run that was made with the
    same arguments, in another process or on another machine, ends with the same bits as one that was never stopped.

    Parameters
    ----------
    net : MLP
        The network to train.
    x, y, batch_size, optimizer, lr, validation_data, shuffle, seed, sample_weight, class_weight, scale
        As in `MLP.fit`.  y and the weights are copied, x is not: it is not to be changed while the run goes on.
    keep_gradients : bool
        As in `MLP.fit`.

    Attributes
    ----------
    net : MLP
        The network.
    optimizer : Optimizer
        Its optimizer, and with it the clock of the training.
    history : History
        One row for each epoch; `net.history` as well, from the first epoch on.
    rows, batch_size : int
        Rows per epoch, and per step.
    stopped : bool
        Whether `stop` was called.

    Raises
    ------
    TypeError, ValueError
        Where an argument is not as in `MLP.fit`.  A run that is made has changed nothing: its first epoch does.

    Notes
    -----
    The network keeps the memory that an epoch computes in for the next one.  As a context manager, the run gives it
    back at the end::

        with Run(net, x, y) as run:
            while run.epoch()["loss"] > 0.1:
                pass

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> x, y = np.eye(4), np.array([0, 1, 2, 0])
    >>> net = mlpc.MLP([4, 8, 3], "tanh")
    >>> run = Run(net, x, y, optimizer="adam", batch_size=2)
    >>> sorted(run.epoch())
    ['accuracy', 'loss', 'lr', 'seconds']
    >>> state = run.state_dict()  # numpy.savez("run.npz", **state) writes it down
    >>> other = Run(mlpc.MLP([4, 8, 3], "tanh", seed=9), x, y, optimizer="adam", batch_size=2)
    >>> other.load_state_dict(state)
    >>> run.epoch()["loss"] == other.epoch()["loss"], net.digest() == other.net.digest(), other.history.epochs
    (True, True, 2)
    """

    def __init__(
        self,
        net: N,
        x: ArrayLike,
        y: ArrayLike,
        *,
        batch_size: int = 64,
        optimizer: OptimizerName | Optimizer = "sgd",
        lr: Rate | None = None,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
        shuffle: bool = True,
        seed: int | None = None,
        sample_weight: ArrayLike | None = None,
        class_weight: ClassWeight | None = None,
        scale: float | None = None,
        keep_gradients: bool = False,
    ) -> None:
        self.net = net
        self.batch_size = whole_number("batch_size", batch_size, 1)
        self._shuffles = net.shuffle_state if seed is None else (seed_number(seed), 0)
        self.optimizer = _optimizer(net, optimizer, lr)
        criterion = net.criterion.weighted_spec("mean", class_weight, real_array("y", y), net.sizes[-1])
        self._scale = None if scale is None else real_number("scale", scale, -math.inf)
        given = real_array("x", x)
        self._x, self._objective = checked_samples(net, given, y, criterion, sample_weight, self._scale)
        if scale is None:
            warn_of_bytes(given)
        self.rows = len(self._x)
        self._validation = None
        if validation_data is not None:
            self._validation = _checked_validation(net, validation_data, criterion, self._scale)
        self._shuffle, self._keep_gradients = bool(shuffle), bool(keep_gradients)
        self._samples: _mlpc.Samples | None = None  # made by the first epoch: it takes a while
        self.history = History()
        self.stopped = False

    def epoch(self, tick: Callable[[int], object] | None = None) -> dict[str, float]:
        """Train for one epoch; the row of it, which `history` has then, too.

        Parameters
        ----------
        tick : callable, optional
            Called every 50 ms or so with the number of rows that are done.  Where it raises, the epoch ends after the
            last whole batch, as on Ctrl-C.

        Returns
        -------
        dict of str to float
            As a row of `History`.

        Raises
        ------
        DivergenceError, KeyboardInterrupt
            As `MLP.fit`; the run can go on after either.
        """
        net, optimizer, history = self.net, self.optimizer, self.history
        if self._samples is None:
            self._samples = _mlpc.Samples(self._x, self._scale, net.dtype.name, "choose")
        history.zeros = "skipped" if self._samples.skip_zeros else "multiplied"
        seed, number = self._shuffles
        steps = -(-self.rows // self.batch_size)
        start = time.perf_counter()
        try:
            loss, accuracy, lr = net._train_epoch(
                self._samples, self._objective, None, None, optimizer.epoch_spec(steps), self.batch_size,
                self._shuffle, seed, number, self._keep_gradients, tick,
            )  # fmt: skip
        except _mlpc.InUseError:  # what the network holds is that other call's
            raise
        except BaseException as error:
            net.history = history
            if isinstance(error, _mlpc.DivergenceError):
                raise _divergence(error, history.epochs + 1) from None
            raise
        seconds = time.perf_counter() - start
        net.history = history
        net._shuffles = self._shuffles = seed, number + 1
        optimizer.epochs += 1
        figures = [loss, accuracy]
        if self._validation is not None:
            figures += _mlpc.Net.evaluate(net, *self._validation, None, None, self._scale)
        if not net.criterion.classifies:
            del figures[1::2]
        row = dict(zip(self._columns(), [*figures, lr, seconds], strict=True))
        history.append(**row)
        return row

    def _columns(self) -> list[str]:
        """The keys of a row, in order."""
        figures = ["loss", "accuracy"] if self.net.criterion.classifies else ["loss"]
        validated = [] if self._validation is None else [f"val_{name}" for name in figures]
        return [*figures, *validated, "lr", "seconds"]

    def stop(self) -> None:
        """Ask who loops over the epochs to end: `fit` does, when all callbacks have been called."""
        self.stopped = True

    def state_dict(self) -> dict[str, Any]:
        """A copy of all that the next epochs depend on and the arguments do not say: arrays, and plain numbers.

        The parameters, under "net." and their keys; the optimizer's clock and state, under "optimizer."; "shuffle.seed"
        and "shuffle.epoch", which shuffle comes next; and the columns of the history, under "history.".
        ``numpy.savez(path, **run.state_dict())`` writes it down, and what ``numpy.load`` makes of that can be loaded.

        Of a schedule, or a function of time, there is the time alone: one that remembers more is not continued.
        """
        parts = {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "shuffle": dict(zip(("seed", "epoch"), self._shuffles, strict=True)),
            "history": {name: np.array(column) for name, column in self.history.items()},
        }
        return {f"{part}.{key}": value for part, state in parts.items() for key, value in state.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state_dict` was taken, of a run that was made with the same arguments.

        Raises
        ------
        TypeError, ValueError
            Where a key is missing or unknown, or a value cannot be this run's; nothing has been changed then.
        """
        recorded = [f"history.{name}" for name in self._columns()]
        rest = [key for key in self.state_dict() if not key.startswith("history.")]
        keys = rest + recorded if any(key in state for key in recorded) else rest
        missing, unknown = [key for key in keys if key not in state], [key for key in state if key not in keys]
        if missing or unknown:
            raise ValueError(f"state: expected the keys {keys}; missing: {missing}, unknown: {unknown}")
        shuffles = seed_number(state["shuffle.seed"]), whole_number("epoch", state["shuffle.epoch"], 0, _LAST_EPOCH)
        columns = {key: _column(key, state[key]) for key in keys if key in recorded}
        if len({len(column) for column in columns.values()}) > 1:
            raise ValueError("state: expected a history with as many rows in every column, got different numbers")
        before = self.optimizer.state_dict()
        self.optimizer.load_state_dict(_part("optimizer", state))
        try:
            self.net.load_state_dict(_part("net", state))
        except BaseException:
            self.optimizer.load_state_dict(before)
            raise
        self.net._shuffles = self._shuffles = shuffles
        self.history.clear()
        self.history.update({key.removeprefix("history."): column for key, column in columns.items()})
        self.net.history = self.history

    def __enter__(self) -> Run[N]:
        return self

    def __exit__(self, *error: object) -> None:
        self.net._end_training()


def _optimizer(net: Network, optimizer: OptimizerName | Optimizer, lr: Rate | None) -> Optimizer:
    """The optimizer of that name, fresh, or the object itself."""
    if isinstance(optimizer, str):
        make = optimizer_named(optimizer)
        return make(net) if lr is None else make(net, lr)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer: expected a name or an optimizer, got {optimizer!r}")
    if optimizer.net is not net:
        raise ValueError("optimizer: expected one of this network, got one of another")
    if lr is not None:
        raise ValueError(f"lr: expected none beside an optimizer object, which has its own, got {lr!r}")
    return optimizer


def _checked_validation(
    net: _mlpc.Net, samples: Any, criterion: _mlpc.Loss, scale: float | None
) -> tuple[Array, _mlpc.Objective]:
    x, y = pair("validation_data", samples)
    try:
        return checked_samples(net, x, y, criterion, scale=scale)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from None


def _part(name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """What stands under a name in the state of a run."""
    return {key.removeprefix(f"{name}."): state[key] for key in state if key.startswith(f"{name}.")}


def _column(name: str, value: Any) -> list[float]:
    column = real_array(name, value)
    if column.ndim != 1:
        raise ValueError(f"{name}: expected one number for each epoch, got shape {column.shape}")
    return column.astype(np.float64).tolist()


def _divergence(met: _mlpc.DivergenceError, epoch: int) -> _mlpc.DivergenceError:
    """The extension's error with the number of the epoch; `epoch`, `loss` and `lr` are attributes, too."""
    error: Any = _mlpc.DivergenceError(
        f"training diverged in epoch {epoch}: loss {met.loss:g} at learning rate {met.lr:g}; the network is as "
        "before that epoch.  Try a smaller learning rate, and look for huge numbers in the data"
    )
    error.epoch, error.loss, error.lr = epoch, met.loss, met.lr
    return error
