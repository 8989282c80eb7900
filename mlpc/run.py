"""A run: a training that goes on epoch by epoch, and can be stopped, written down and continued."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic

import numpy as np
from numpy.typing import ArrayLike

from mlpc import _mlpc
from mlpc.arguments import LARGEST_SEED, Array, draws_after, real_number, seed_number, whole_number
from mlpc.batches import Rows, batches
from mlpc.callbacks.callback import Callback, Callbacks
from mlpc.callbacks.checkpoint import Checkpoint
from mlpc.class_weights import ClassWeight
from mlpc.columns import Columns
from mlpc.csr import Input, InputLike
from mlpc.epoch_loop import EpochLoop
from mlpc.full_batch import FullBatch
from mlpc.history import History
from mlpc.lbfgs import LBFGS, NO_STATE
from mlpc.losses import AnyLoss, Custom, loss_named
from mlpc.metrics import AnyMetric, Metric, metrics_of
from mlpc.network import N
from mlpc.optim import Optimizer, OptimizerName, optimizer_of
from mlpc.recipe import digest_of, network_text, optimizer_text
from mlpc.run_data import data_of
from mlpc.run_state import column, part_of, truth
from mlpc.samples import lies_in_a_file, spread
from mlpc.schedules import Rate
from mlpc.scores import Measures
from mlpc.validation import ValidationData

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
    x, y, loss, batch_size, optimizer, lr, validation_data, shuffle, seed, sample_weight, class_weight, scale,
    input_noise, steps_per_epoch
        As in `MLP.fit`.  y and the weights are copied, x is not: it is not to be changed while the run goes on.
    validation_split, metrics, accumulate_batches, keep_gradients, callbacks
        As in `MLP.fit`.

    Attributes
    ----------
    net : MLP
        The network.
    optimizer : Optimizer
        Its optimizer, and with it the clock of the training.
    history : History
        One row for each epoch; `net.history` as well, from the first epoch on.
    criterion : Loss
        What is minimised: the network's own loss, or another one.
    rows, batch_size : int
        Rows per epoch, and per batch.  Of batches that come one by one, `rows` is how many these are in an epoch.
    unit : {"rows", "batches"}
        What `rows` counts.
    columns : list of str
        The keys of the history, also before it has a row.
    stopped : bool
        Whether `stop` was called, or a state was loaded of a run that had been stopped.
    finished : bool
        Whether the block of the run was left without an exception: see below.

    Raises
    ------
    TypeError, ValueError
        Where an argument is not as in `MLP.fit`.  A run that is made has changed nothing: its first epoch does.

    Notes
    -----
    The network keeps the memory that an epoch computes in for the next one.  As a context manager, the run has its
    callbacks begin and end, and gives that memory back::

        with Run(net, x, y, callbacks=[...]) as run:
            while not run.stopped and run.history.epochs < 100:
                run.epoch()

    Without the block, callbacks begin with the first epoch, and do not end.

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
        x: InputLike | Iterable[Any],
        y: ArrayLike | None = None,
        *,
        loss: AnyLoss | None = None,
        batch_size: int = 64,
        optimizer: OptimizerName | Optimizer = "sgd",
        lr: Rate | None = None,
        validation_data: ValidationData | None = None,
        validation_split: float | None = None,
        shuffle: bool = True,
        seed: int | None = None,
        sample_weight: ArrayLike | None = None,
        class_weight: ClassWeight | None = None,
        scale: float | None = None,
        input_noise: float = 0.0,
        accumulate_batches: int = 1,
        steps_per_epoch: int | None = None,
        keep_gradients: bool = False,
        metrics: Iterable[AnyMetric] = (),
        callbacks: Iterable[Callback | Callable[[N, History], object]] = (),
    ) -> None:
        self.net = net
        self.batch_size = whole_number("batch_size", batch_size, 1)
        self._callbacks = Callbacks(callbacks)
        self._seed = seed
        self._shuffles = net.shuffle_state if seed is None else (seed_number(seed), 0)
        self._draws = net._draws if seed is None else (seed_number(seed), 0)
        self._noise = real_number("input_noise", input_noise)
        if self._noise > np.finfo(net.dtype).max:
            raise ValueError(f"input_noise: expected a number that {net.dtype} has, got {input_noise!r}")
        self.optimizer = optimizer_of(net, optimizer, lr)
        self.criterion = net.criterion if loss is None else loss_named(loss)
        self._accumulate = whole_number("accumulate_batches", accumulate_batches, 1)
        self._scale = None if scale is None else real_number("scale", scale, -math.inf)
        self._shuffle, self._keep_gradients = bool(shuffle), bool(keep_gradients)
        self._columns = Columns(net.feature_names)
        self._data = data_of(
            net, x, y, self.criterion, self._scale, self._columns, batch_size=self.batch_size, shuffle=self._shuffle,
            sample_weight=sample_weight, class_weight=class_weight, steps_per_epoch=steps_per_epoch,
            validation_data=validation_data, validation_split=validation_split,
        )  # fmt: skip
        self._x: Input | None = None if self._data.part is None else self._data.part.x
        self.rows, self.unit = self._data.source.extent, self._data.source.unit
        self._texts = self._data.texts()  # now: the caller may change targets later
        self._recipe: dict[str, str] | None = None  # made where it is asked for: to go through x takes a while
        self._samples: _mlpc.Samples | None = None  # made by the first epoch: it takes a while
        self._metrics, self._measures = self._measured(metrics)
        if isinstance(self.optimizer, LBFGS):
            self._check_full_batch()
        self._forwards = 0 if isinstance(self.optimizer, LBFGS) else self._data.source.batches  # of an epoch, training
        self._loop = self._python_loop()
        self.history = History()
        self.stopped = self.finished = False
        self._stopped_for_good = False

    def _measured(self, metrics: Iterable[AnyMetric]) -> tuple[Sequence[Metric], list[Measures]]:
        """Metrics, and what computes them after an epoch: of the training data and of the validation data."""
        # What a function's outputs mean it does not say: they are then those of the network's own loss.
        meant = self.net.criterion if isinstance(self.criterion, Custom) else self.criterion
        known = ("accuracy",) if self.criterion.classifies else ()
        checked = metrics_of(meant, self.net.sizes[-1], metrics, known)
        parts = [part for part in (self._data.part, self._data.held) if part is not None]
        if checked and not parts:
            raise ValueError("metrics: expected none with an iterable of batches and no validation_data, got some")
        return checked, [Measures(self.net, meant, checked, *part, self._scale) for part in parts]

    def _check_full_batch(self) -> None:
        """Refuse what does not go with L-BFGS."""
        net = self.net
        if self._x is None or self._accumulate > 1 or self._noise or any(net._dropout) or "batch" in net.norms:
            raise ValueError(
                "optimizer: expected another one than LBFGS, which sees all rows at once and the same ones each "
                "time, with dropout, batch norm, input_noise, accumulate_batches or an iterable of batches, "
                f"got {self.optimizer!r}"
            )
        if any(isinstance(callback, Checkpoint) for callback in self._callbacks.named().values()):
            raise ValueError(f"callbacks: {NO_STATE}")

    def _python_loop(self) -> EpochLoop | FullBatch | None:
        """What does the core's work where it cannot."""
        full, custom = isinstance(self.optimizer, LBFGS), isinstance(self.criterion, Custom)
        if self._x is not None and self._accumulate == 1 and not full and not custom:
            return None
        source = self._data.source
        if isinstance(source, Rows) and not custom:  # whose targets are the run's own
            source = source.copy()
        loop = EpochLoop(
            self.net, self.optimizer, self.criterion, self._data.spec, source, self._accumulate, self._scale,
            self._noise, self._keep_gradients,
        )  # fmt: skip
        return FullBatch(loop) if full else loop

    def epoch(self, tick: Callable[[int], object] | None = None) -> dict[str, float]:
        """Train for one epoch, and tell the callbacks; the row of it, which `history` has then, too.

        It leaves the network in eval mode, which is what callbacks see.

        Parameters
        ----------
        tick : callable, optional
            Called every 50 ms or so with the number of rows, or of batches (`unit`), that are done.  Where it raises,
            the epoch ends after the last whole batch, as on Ctrl-C.

        Returns
        -------
        dict of str to float
            As a row of `History`.

        Raises
        ------
        DivergenceError, KeyboardInterrupt
            As `MLP.fit`; the run can go on after either.
        Exception
            Of a callback; the epoch counts, and the run can go on.  Also of a metric; then the history lacks the epoch.
        """
        self._callbacks.begin(self)
        net, optimizer, history = self.net, self.optimizer, self.history
        if self._x is not None and self._samples is None and self._loop is None:
            zeros = "multiply" if lies_in_a_file(self._x) else "choose"
            self._samples = _mlpc.Samples(self._x, self._scale, net.dtype, zeros)
        history.zeros = "skipped" if self._samples is not None and self._samples.skip_zeros else "multiplied"
        seed, number = self._shuffles
        draws = draws_after(self._draws, self._forwards)
        start = time.perf_counter()
        try:
            train = self._in_core if self._loop is None else self._loop.train
            loss, accuracy, lr = train(seed, number, self._draws, tick)
        except _mlpc.InUseError:  # what the network holds is that other call's
            raise
        except BaseException as error:
            self._leave()
            if isinstance(error, _mlpc.DivergenceError):
                raise _divergence(error, history.epochs + 1) from None
            raise
        seconds = time.perf_counter() - start
        self._leave()
        net._shuffles = self._shuffles = seed, number + 1
        net._draws = self._draws = draws
        optimizer.epochs += 1
        kept = 2 if self.criterion.classifies else 1
        figures = [*(loss, accuracy)[:kept], *(self._measures[0]() if self._x is not None else ())]
        if self._data.held is not None:
            held = self._data.held.x, self._data.held_objective
            validated = self.criterion.evaluated(net, *held, None, None, self._scale)
            figures += [*validated[:kept], *self._measures[-1]()]
        row = dict(zip(self.columns, [*figures, lr, seconds], strict=True))
        history.append(**row)
        self._callbacks.epoch_end(self)
        if isinstance(self._loop, FullBatch) and self._loop.finished:
            self.stop()
        return row

    def _leave(self) -> None:
        """The network as it is after an epoch that was begun."""
        self.net.history, self.net.training = self.history, False
        self.net.feature_names = self._columns.names

    def _in_core(
        self, seed: int, number: int, draws: tuple[int, int], tick: Callable[[int], object] | None
    ) -> tuple[float, float, float]:
        """An epoch in one call of the extension: loss, accuracy and the learning rate of the last step."""
        assert self._samples is not None
        return self.net._train_epoch(
            self._samples, self._data.objective, None, None, self.optimizer.epoch_spec(self._forwards), self.batch_size,
            self._shuffle, seed, number, self._keep_gradients, tick, draws, self._noise,
        )  # fmt: skip

    @property
    def columns(self) -> list[str]:
        figures = ["loss", "accuracy"] if self.criterion.classifies else ["loss"]
        measured = [metric.name for metric in self._metrics]
        trained = [*figures, *(measured if self._x is not None else ())]
        validated = [] if self._data.held is None else [f"val_{name}" for name in (*figures, *measured)]
        return [*trained, *validated, "lr", "seconds"]

    def _some_rows(self, most: int) -> Input:
        """Up to so many rows of x, evenly spread over all."""
        assert self._x is not None, "rows of an array"
        return spread(self._x, most)

    def _batches_in_order(self) -> Iterator[Array]:
        """All rows of x, in batches as the run makes them, in the network's dtype."""
        assert self._x is not None, "rows of an array"
        rows = batches(len(self._x), self.batch_size, shuffle=False, net=self.net)
        return (self._as_real(self._x[some]) for some in rows)

    def _as_real(self, rows: Input) -> Array:
        return _mlpc.numbers(rows, self._scale, self.net.dtype)

    def stop(self, *, resumable: bool = False) -> None:
        """Ask who loops over the epochs to end: `fit` does, when all callbacks have been called.

        Parameters
        ----------
        resumable : bool
            Whether a run that is continued from the state of this one goes on; otherwise it is stopped, too.
        """
        self.stopped = True
        self._stopped_for_good = self._stopped_for_good or not resumable

    def state_dict(self) -> dict[str, Any]:
        """A copy of all that the next epochs depend on: arrays, plain numbers and texts.

        The parameters, under "net." and their keys; the optimizer's clock and state, under "optimizer."; "shuffle.seed"
        and "shuffle.epoch", which shuffle comes next; "masks.seed" and "masks.drawn", which masks and noise do; the
        columns of the history, under "history."; "stopped"; what callbacks remember, under "callbacks." and the names
        of their classes.  And, under "recipe.", what the run was made with, to be compared: the plan of the network,
        the optimizer and its settings, how batches are made, and digests of the data, all of which the first call goes
        through.

        ``numpy.savez(path, **run.state_dict())`` writes it down, and what ``numpy.load`` makes of that can be loaded;
        `mlpc.callbacks.Checkpoint` does so in a file that is never there in part.

        Of a schedule, or a function of time, there is the time alone: one that remembers more is not continued.
        """
        parts: dict[str, Mapping[str, Any]] = {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "shuffle": dict(zip(("seed", "epoch"), self._shuffles, strict=True)),
            "masks": dict(zip(("seed", "drawn"), self._draws, strict=True)),
            "history": {name: np.array(column) for name, column in self.history.items()},
            "recipe": self._made_with(),
        }
        parts |= {f"callbacks.{name}": callback.state_dict() for name, callback in self._callbacks.named().items()}
        state = {f"{part}.{key}": value for part, states in parts.items() for key, value in states.items()}
        return state | {"stopped": self._stopped_for_good}

    def _made_with(self) -> dict[str, str]:
        """What two runs must have in common for one to continue the other, in texts."""
        if self._recipe is None:
            steps = f", {self._accumulate} to a step" if self._accumulate > 1 else ""
            noise = f", noise {self._noise}" if self._noise else ""
            held = self._data.held
            self._recipe = {
                "network": network_text(self.net),
                "optimizer": optimizer_text(self.optimizer),
                "batches": f"{self._data.source.text}{steps}{noise}",
                "loss": self._texts["loss"],
                "data": f"{digest_of(self._x)}, {self._scale}, {self._texts['targets']}",
                "validation": "none" if held is None else f"{digest_of(held.x)}, {self._texts['validation']}",
            }
        return self._recipe

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state_dict` was taken, of a run that was made with the same arguments.

        Another learning rate is no other argument, neither a number nor a function of time; everything else is.

        Raises
        ------
        TypeError, ValueError
            Where a key is missing or unknown, or a value cannot be this run's; nothing has been changed then.
        """
        callbacks = {f"callbacks.{name}": callback for name, callback in self._callbacks.named().items()}
        recorded = [f"history.{name}" for name in self.columns]
        rest = [key for key in self.state_dict() if not key.startswith(("history.", "callbacks."))]
        keys = rest + recorded if any(key in state for key in recorded) else rest
        for name, mine in self._made_with().items():
            if str(state.get(f"recipe.{name}", mine)) != mine:
                raise ValueError(f"state: expected one of this run, with {name} {mine}, got {state[f'recipe.{name}']}")
        given = [key for key in state if key.startswith("history.")]
        if not set(given) <= set(recorded):
            raise ValueError(f"state: expected a history with the columns {recorded}, got {given}")
        missing = [key for key in keys if key not in state]
        unknown = [key for key in state if key not in keys and not key.startswith(tuple(f"{c}." for c in callbacks))]
        if missing or unknown:
            raise ValueError(f"state: expected the keys {keys}; missing: {missing}, unknown: {unknown}")
        shuffles = seed_number(state["shuffle.seed"]), whole_number("epoch", state["shuffle.epoch"], 0, _LAST_EPOCH)
        if self._seed is not None and shuffles[0] != self._seed:
            raise ValueError(f"seed: expected that of the state, {shuffles[0]}, or None, got {self._seed}")
        draws = seed_number(state["masks.seed"]), whole_number("masks_drawn", state["masks.drawn"], 0, LARGEST_SEED)
        columns = {key: column(key, state[key]) for key in keys if key in recorded}
        if len({len(column) for column in columns.values()}) > 1:
            raise ValueError("state: expected a history with as many rows in every column, got different numbers")
        stopped = truth("stopped", state["stopped"])
        self._callbacks.begin(self)
        with contextlib.ExitStack() as undo:
            owners: dict[str, Any] = {"optimizer": self.optimizer, "net": self.net, **callbacks}
            for name, owner in owners.items():
                undo.callback(owner.load_state_dict, owner.state_dict())
                owner.load_state_dict(part_of(name, state))
            undo.pop_all()
        self.stopped = self._stopped_for_good = stopped
        self.net._shuffles = self._shuffles = shuffles
        self.net._draws = self._draws = draws
        self.history.clear()
        self.history.update({key.removeprefix("history."): column for key, column in columns.items()})
        self.net.history = self.history

    def __enter__(self) -> Run[N]:
        self.finished = False
        self._callbacks.begin(self)
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        self.finished = kind is None
        try:
            self._callbacks.end(self)
        finally:
            if isinstance(self._loop, FullBatch):
                self._loop.close()
            self.net._end_training()


def _divergence(met: _mlpc.DivergenceError, epoch: int) -> _mlpc.DivergenceError:
    """The extension's error with the number of the epoch; `epoch`, `loss` and `lr` are attributes, too."""
    error: Any = _mlpc.DivergenceError(
        f"training diverged in epoch {epoch}: loss {met.loss:g} at learning rate {met.lr:g}; the network is as "
        "before that epoch.  Try a smaller learning rate, and look for huge numbers in the data"
    )
    error.epoch, error.loss, error.lr = epoch, met.loss, met.lr
    return error
