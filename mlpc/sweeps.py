"""Many trainings side by side, and the table of what came of them."""

from __future__ import annotations

import hashlib
import inspect
import itertools
import json
import math
import os
import pathlib
import threading
from collections.abc import Container, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mlpc import _mlpc
from mlpc.arguments import (
    LARGEST_SEED,
    Array,
    is_several,
    pair,
    real_array,
    real_number,
    whole_number,
    whole_numbers,
)
from mlpc.columns import Columns
from mlpc.csr import CSR, Input, InputLike, real_rows
from mlpc.layers import Activation, block_of, text_of
from mlpc.losses import Custom, loss_named
from mlpc.net import MLP
from mlpc.optim import OPTIMIZERS, OptimizerName, optimizer_named
from mlpc.optimizer import SELDOM, keywords
from mlpc.progress import Progress
from mlpc.recipe import add_numbers, parts_of
from mlpc.run import Run
from mlpc.samples import warn_of_bytes
from mlpc.schedules import is_exact, rate_at
from mlpc.threads import get_num_threads, limit_threads

if TYPE_CHECKING:
    import pandas

__all__ = ["sweep"]

_DEFAULTS = {"activation": "relu", "loss": "cross_entropy", "dtype": "float32", "init": "torch"}
_NETWORK = ("sizes", *_DEFAULTS)
_TRAINING = ("lr", "epochs", "batch_size", "optimizer", "schedule")
Samples = tuple[Input, Array]


def sweep(
    variants: Mapping[str, Mapping[str, Any]],
    data: tuple[InputLike, ArrayLike],
    *,
    validation_data: tuple[InputLike, ArrayLike] | None = None,
    lr: float | Sequence[float] | None = None,
    seeds: Sequence[int] = (0,),
    epochs: int = 10,
    batch_size: int = 64,
    optimizer: OptimizerName = "sgd",
    records: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    progress: bool = True,
) -> pandas.DataFrame:
    """Train every variant with every learning rate and seed, several at a time, in threads of this process.

    Parameters
    ----------
    variants : mapping of str to mapping
        By name: "sizes", and where wanted "activation", "loss", "dtype" and "init" (a name) of `MLP`; settings of the
        optimizer, like "momentum" of SGD or "betas" of Adam; "schedule", a function from a learning rate to a schedule
        of `mlpc.schedules`, or to any function of the time in epochs; and "lr", "epochs", "batch_size", "optimizer"
        instead of those below.

        Like "lr", every setting of the optimizer is one value or a sequence of several, and all combinations are
        trained: ``"momentum": [0.0, 0.9]``. "betas" is one pair, or a sequence of pairs.
    data, validation_data : (x, y)
        As in `MLP.fit`.
    lr : float or sequence of float, optional
        The learning rates to try; where left out, the optimizer's own: 0.1 for SGD, 0.001 for the others.
    seeds : sequence of int
        Of initial values and shuffles.
    epochs, batch_size, optimizer
        As in `MLP.fit`.
    records : path, optional
        A file of JSON lines: every run is added to it as it ends, and a run that stands there is not run again.
        What decides a run's result is part of its line, the data's fingerprint included.
    jobs : int, optional
        Runs at a time, >= 1; as many as there are CPUs to use where left out. The results do not depend on it. Each
        leaves the others a CPU, with no more threads than `mlpc.set_num_threads` allows a call; calls of others keep
        theirs.
    progress : bool
        Show a bar, where tqdm is installed and somebody looks.

    Returns
    -------
    pandas.DataFrame
        One row per run, in the order of variants, learning rates, settings and seeds: what was run, with a column for
        every setting of the optimizer (those of an activation stand in its text), "seconds" of training, "loss" and
        "accuracy" on the training data after it, "val_loss" and "val_accuracy", "digest" of the parameters, "history"
        (a dict of lists) and "error": why a run diverged, its figures NaN then; empty otherwise.

    Raises
    ------
    TypeError, ValueError
        Where an argument is not as above, a variant has a key that is none of those, or no sizes. All variants are
        checked, with the data, before any training starts.
    ImportError
        Where pandas is not installed.

    Examples
    --------
    >>> import mlpc
    >>> data, _ = mlpc.datasets.load_digits()
    >>> table = sweep({"linear": {"sizes": [64, 10]}}, data, lr=[0.1, 0.3], epochs=2)
    >>> table[["variant", "n_parameters", "lr"]]
      variant  n_parameters   lr
    0  linear           650  0.1
    1  linear           650  0.3
    """
    try:
        import pandas
    except ImportError as error:
        raise ImportError("sweep needs pandas: pip install pandas") from error
    common = {"lr": lr, "epochs": epochs, "batch_size": batch_size, "optimizer": optimizer}
    seeds = whole_numbers("seeds", seeds, 0, LARGEST_SEED, like="range(3) or [0, 1, 2]")
    if not seeds:
        raise ValueError("seeds: expected at least one, got none")
    columns = Columns(None)
    training = _samples("data", data, columns)
    validation = None if validation_data is None else _samples("validation_data", validation_data, columns)
    workers = _mlpc.cpus() if jobs is None else whole_number("jobs", jobs, 1)
    fingerprint = _fingerprint(training, validation)
    warn_of_bytes(training[0])
    if training[0].dtype == np.uint8:  # once for all runs, which then have nothing to warn of
        x = training[0]
        training = x.with_data(x.data.astype("f4")) if isinstance(x, CSR) else x.astype("f4"), training[1]
    if not isinstance(variants, Mapping) or not all(isinstance(variant, Mapping) for variant in variants.values()):
        raise TypeError(f"variants: expected a mapping of names to mappings, got {variants!r}")
    runs = []
    for name, variant in variants.items():
        try:
            asked = {**common, **variant}
            ways = _ways(name, asked, training, validation)
            loss = loss_named(asked.get("loss", _DEFAULTS["loss"]))
            if records is not None and isinstance(loss, Custom):
                raise ValueError(f"loss: expected one by name with records, which hold no functions, got {loss}")
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"variants[{name!r}]: {error}") from error
        runs += [
            way | {"seed": seed, "arithmetic": _mlpc.ARITHMETIC, "data": fingerprint} for way in ways for seed in seeds
        ]
    book = _Book(records)
    missing = [run for run in runs if _key(run) not in book.rows]
    stop = threading.Event()
    each = max(1, min(get_num_threads(), _mlpc.cpus() // workers))  # networks leave each other a CPU
    pool = ThreadPoolExecutor(workers, initializer=limit_threads, initargs=(each,))
    futures: list[Future[dict[str, Any] | None]] = []
    with Progress(1, len(runs), progress, unit="runs") as bar:
        try:
            for run in missing:
                futures.append(pool.submit(_train, run, variants[run["variant"]], training, validation, stop))
            for done, future in enumerate(as_completed(futures), len(runs) - len(missing) + 1):
                book.add(future.result())
                bar.tick(done)
        finally:  # on Ctrl-C, those that run end after their epoch, unrecorded; those that have ended are not lost
            stop.set()
            pool.shutdown(cancel_futures=True)
            for future in futures:
                if not future.cancelled() and future.exception() is None:
                    book.add(future.result())
    hidden = ("data", "arithmetic")
    rows = [book.rows[_key(run)] for run in runs]
    return pandas.DataFrame([{k: v for k, v in row.items() if k not in hidden} for row in rows])


def _samples(name: str, value: tuple[InputLike, ArrayLike], columns: Columns) -> Samples:
    x, y = pair(name, value)
    columns.check(f"{name}: x", x)
    return real_rows(f"{name}: x", x), real_array(f"{name}: y", y)


def _ways(name: str, variant: Mapping[str, Any], data: Samples, validation: Samples | None) -> list[dict[str, Any]]:
    """The ways to train a variant, each as what decides its result beside seed and data, in JSON's terms.

    Everything is checked, by the very functions that will train.
    """
    optimizer = optimizer_named(variant["optimizer"])
    settings = _settings(variant["optimizer"], variant)
    known = (*_NETWORK, *_TRAINING, *settings)
    if unknown := [key for key in variant if key not in known]:
        raise TypeError(f"expected keys among {', '.join(known)}, got {unknown[0]!r}")
    if "sizes" not in variant:
        raise ValueError("expected 'sizes', got none")
    sizes = whole_numbers("sizes", variant["sizes"], 1)
    network = {key: variant.get(key, default) for key, default in _DEFAULTS.items()}
    if not isinstance(network["init"], str):
        raise TypeError(f"expected the name of an init, got {type(network['init']).__name__}")
    epochs, batch_size = whole_number("epochs", variant["epochs"]), whole_number("batch_size", variant["batch_size"], 1)
    net = MLP(sizes, **network)
    net.fit(*data, epochs=0, batch_size=batch_size, validation_data=validation)
    lr = inspect.signature(optimizer).parameters["lr"].default if variant["lr"] is None else variant["lr"]
    make = variant.get("schedule", lambda rate: rate)
    if not callable(make):
        raise TypeError(f"schedule: expected a function from a learning rate to a schedule, got {make!r}")
    steps = net._epoch_steps(len(data[0]), batch_size)
    ways = []
    for choice in _combinations({"lr": (lr, 0.0)} | {key: (variant.get(key, of), of) for key, of in settings.items()}):
        rate = choice["lr"] = real_number("lr", choice["lr"])
        schedule = make(rate)
        optimizer(net, schedule, **{key: choice[key] for key in settings})
        ways.append(
            {
                "variant": name,
                "sizes": sizes,
                "layers": len(sizes) - 2,
                "units": "-".join(map(str, sizes[1:-1])),
                "activation": _words(network["activation"]),
                "n_parameters": net.n_parameters,
                "loss_name": str(net.criterion),
                "dtype": net.dtype.name,
                "init": network["init"],
                "optimizer": variant["optimizer"],
                **{key: _plain(value) for key, value in choice.items()},
                "schedule": _named(schedule, epochs, steps) if "schedule" in variant else "constant",
                "batch_size": batch_size,
                "epochs": epochs,
            }
        )
    return ways


def _words(activation: Any) -> str | list[str]:
    """What `MLP` took for its activations, in JSON's terms."""
    if isinstance(activation, (str, Activation)):
        return text_of(block_of(activation))
    return [text_of(block_of(each)) for each in activation]


def _combinations(choices: Mapping[str, tuple[Any, Any]]) -> Iterable[dict[str, Any]]:
    """All combinations of values, given by name with their defaults: each one value, or a sequence of several."""
    each = []
    for key, (value, default) in choices.items():
        values = list(value) if is_several(value) else [value]
        if not values:
            raise ValueError(f"{key}: expected at least one value, got none")
        if is_several(default) and not any(map(is_several, values)):
            values = [values]  # one pair
        each.append(values)
    return (dict(zip(choices, values, strict=True)) for values in itertools.product(*each))


def _named(schedule: Any, epochs: int, steps: int) -> str:
    """What tells a schedule from others: its text, or where Python computes it, what it says at every step."""
    if not callable(schedule):
        raise TypeError(f"schedule: expected a function from a learning rate to a schedule, got one to {schedule!r}")
    if is_exact(schedule):
        return repr(schedule)
    rates = [rate_at(schedule, epoch + (step + 0.5) / steps) for epoch in range(epochs) for step in range(steps)]
    name = getattr(schedule, "__qualname__", type(schedule).__qualname__)
    return f"{name} {hashlib.sha256(np.array(rates, '<f8').tobytes()).hexdigest()[:16]}"


def _settings(optimizer: str, named: Container[str]) -> dict[str, Any]:
    """What an optimizer can be told beside its learning rate, and what it is where nothing is told.

    What few do, like limits, is a part of a run only where the run names it.
    """
    told = keywords(OPTIMIZERS[optimizer]).items()
    return {name: usual for name, usual in told if name != "groups" and (name not in SELDOM or name in named)}


def _plain(value: Any) -> Any:
    """A setting as JSON gives it back, so that a run and its record have the same key."""
    if isinstance(value, bool):
        return value
    return float(value) if np.ndim(value) == 0 else [float(part) for part in value]


_FIGURES = ("seconds", "loss", "accuracy", "val_loss", "val_accuracy", "digest", "history", "error")


def _key(row: Mapping[str, Any]) -> str:
    """What decides a run's result, of a run or of its record."""
    return json.dumps({key: value for key, value in row.items() if key not in _FIGURES}, sort_keys=True)


def _train(
    run: Mapping[str, Any],
    variant: Mapping[str, Any],
    data: Samples,
    validation: Samples | None,
    stop: threading.Event,
) -> dict[str, Any] | None:
    """One run of a variant: its record, or None where it was stopped."""
    schedule = variant.get("schedule")
    net = MLP(
        run["sizes"],
        variant.get("activation", _DEFAULTS["activation"]),
        loss=variant.get("loss", _DEFAULTS["loss"]),
        dtype=run["dtype"],
        init=run["init"],
        seed=run["seed"],
    )
    settings = {key: run[key] for key in _settings(run["optimizer"], run)}
    stepper = OPTIMIZERS[run["optimizer"]](net, schedule(run["lr"]) if schedule else run["lr"], **settings)
    record: dict[str, Any] = dict(run) | dict.fromkeys(_FIGURES[:5], math.nan) | {"digest": None, "error": ""}
    try:
        training = Run(
            net,
            *data,
            batch_size=run["batch_size"],
            optimizer=stepper,
            validation_data=validation,
            callbacks=[lambda net, history: stop.is_set()],
        )
        with training:
            while training.history.epochs < run["epochs"] and not training.stopped:
                training.epoch()
    except _mlpc.DivergenceError as error:
        record["error"] = str(error)
    history = training.history
    record["history"] = {key: list(values) for key, values in history.items()}
    record["seconds"] = float(sum(history.get("seconds", [])))
    if not record["error"]:
        if history.epochs < run["epochs"]:
            return None
        record["loss"], record["accuracy"] = net.evaluate(*data)
        if validation is not None:
            record["val_loss"], record["val_accuracy"] = net.evaluate(*validation)
        record["digest"] = net.digest()
    return record


class _Book:
    """The records by their keys, and the file that they stand in, where there is one."""

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self.path = None if path is None else pathlib.Path(path)
        self.rows: dict[str, dict[str, Any]] = {}
        if self.path is None or not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except ValueError:  # torn, where the machine stopped in the middle of it
                continue
            self.rows[_key(row)] = row

    def add(self, row: dict[str, Any] | None) -> None:
        if row is None or _key(row) in self.rows:
            return
        if self.path is not None:
            with self.path.open("a+", encoding="utf-8") as file:
                torn = self.path.stat().st_size > 0 and not self.path.read_bytes().endswith(b"\n")
                file.write("\n" * torn + json.dumps(row) + "\n")
                file.flush()
                os.fsync(file.fileno())
        self.rows[_key(row)] = row


def _fingerprint(data: Samples, validation: Samples | None) -> str:
    """Of every number in the data and of its dtypes and shapes."""
    sha = hashlib.sha256()
    for rows in (*data, *(validation or ())):
        if isinstance(rows, CSR):
            sha.update(f"csr {rows.shape[1]}".encode())
        for array in parts_of(rows):
            sha.update(f"{array.dtype.str}{array.shape}".encode())
            add_numbers(sha, array, array.dtype)
    return sha.hexdigest()[:16]
