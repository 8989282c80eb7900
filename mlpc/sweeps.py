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
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mlpc import _mlpc
from mlpc.arguments import Array, whole_number
from mlpc.net import MLP
from mlpc.optim import OPTIMIZERS
from mlpc.progress import Progress
from mlpc.schedules import Schedule
from mlpc.testing import digest
from mlpc.threads import get_num_threads, set_num_threads

if TYPE_CHECKING:
    import pandas

__all__ = ["sweep"]

_NETWORK = ("sizes", "activation", "loss", "dtype", "init")
_TRAINING = ("lr", "epochs", "batch_size", "optimizer", "schedule")
Samples = tuple[Array, Array]


def sweep(
    variants: Mapping[str, Mapping[str, Any]],
    data: tuple[ArrayLike, ArrayLike],
    *,
    validation_data: tuple[ArrayLike, ArrayLike] | None = None,
    lr: float | Sequence[float] = 0.1,
    seeds: Sequence[int] = (0,),
    epochs: int = 10,
    batch_size: int = 64,
    optimizer: str = "sgd",
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
        of `mlpc.schedules`; and "lr" (one or several), "epochs", "batch_size", "optimizer" instead of those below.
    data, validation_data : (x, y)
        As in `MLP.fit`.
    lr : float or sequence of float
        The learning rates to try.
    seeds : sequence of int
        Of initial values and shuffles.
    epochs, batch_size, optimizer
        As in `MLP.fit`.
    records : path, optional
        A file of JSON lines: every run is added to it as it ends, and a run that stands there is not run again.
        What decides a run's result is part of its line, the data's fingerprint included.
    jobs : int, optional
        Runs at a time, >= 1; as many as there are CPUs to use where left out. The results do not depend on it.
    progress : bool
        Show a bar, where tqdm is installed and somebody looks.

    Returns
    -------
    pandas.DataFrame
        One row per run, in the order of variants, learning rates and seeds: what was run, "seconds" of training, "loss"
        and "accuracy" on the training data after it, "val_loss" and "val_accuracy", "digest" of the parameters,
        "history" (a dict of lists) and "error": why a run diverged, its figures NaN then; empty otherwise.

    Raises
    ------
    TypeError, ValueError
        Where a variant has a key that is none of the above, or no sizes.
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
    training = _pair("data", data)
    validation = None if validation_data is None else _pair("validation_data", validation_data)
    fingerprint = _fingerprint(training, validation)
    runs = [run | {"data": fingerprint} for name in variants for run in _runs(name, variants[name], common, seeds)]
    schedules = {name: variant.get("schedule") for name, variant in variants.items()}
    book = _Book(records)
    missing = [run for run in runs if _key(run) not in book.rows]
    stop = threading.Event()
    workers = _mlpc.cpus() if jobs is None else whole_number("jobs", jobs, 1)
    threads = get_num_threads()
    pool = ThreadPoolExecutor(workers)
    futures: list[Future[dict[str, Any] | None]] = []
    with Progress(1, len(runs), progress, unit="runs") as bar:
        try:
            set_num_threads(max(1, min(threads, _mlpc.cpus() // workers)))  # networks leave each other a CPU
            for run in missing:
                futures.append(pool.submit(_train, run, schedules[run["variant"]], training, validation, stop))
            for done, future in enumerate(as_completed(futures), len(runs) - len(missing) + 1):
                book.add(future.result())
                bar.tick(done)
        finally:  # on Ctrl-C, those that run end after their epoch, unrecorded; those that have ended are not lost
            stop.set()
            try:
                pool.shutdown(cancel_futures=True)
            finally:
                set_num_threads(threads)
            for future in futures:
                if not future.cancelled() and future.exception() is None:
                    book.add(future.result())
    hidden = ("data", "arithmetic")
    rows = [book.rows[_key(run)] for run in runs]
    return pandas.DataFrame([{k: v for k, v in row.items() if k not in hidden} for row in rows])


def _pair(name: str, pair: tuple[ArrayLike, ArrayLike]) -> Samples:
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(f"{name}: expected a pair (x, y), got {type(pair).__name__}")
    return np.asarray(pair[0]), np.asarray(pair[1])


def _runs(
    name: str, variant: Mapping[str, Any], common: Mapping[str, Any], seeds: Sequence[int]
) -> list[dict[str, Any]]:
    """The runs of a variant, each as what decides its result, in JSON's terms."""
    chosen = {**common, **variant}
    if chosen["optimizer"] not in OPTIMIZERS:
        raise ValueError(f"optimizer: expected one of {', '.join(OPTIMIZERS)}, got {chosen['optimizer']!r}")
    settings = _settings(chosen["optimizer"])
    known = (*_NETWORK, *_TRAINING, *settings)
    for key in variant:
        if key not in known:
            raise TypeError(f"variants[{name!r}]: expected keys among {', '.join(known)}, got {key!r}")
    if not isinstance(variant.get("init", ""), str):
        raise TypeError(f"variants[{name!r}]: expected the name of an init, got {type(variant['init']).__name__}")
    if "sizes" not in variant:
        raise ValueError(f"variants[{name!r}]: expected 'sizes', got {', '.join(variant) or 'nothing'}")
    rates = [chosen["lr"]] if np.ndim(chosen["lr"]) == 0 else list(chosen["lr"])
    sizes = [int(size) for size in variant["sizes"]]
    activation = variant.get("activation", "relu")
    runs = []
    for rate in rates:
        schedule = variant["schedule"](float(rate)) if "schedule" in variant else float(rate)
        what = {
            "variant": name,
            "sizes": sizes,
            "layers": len(sizes) - 2,
            "units": "-".join(map(str, sizes[1:-1])),
            "activation": activation if isinstance(activation, str) else list(activation),
            "n_parameters": sum((i + 1) * o for i, o in itertools.pairwise(sizes)),
            "loss_name": variant.get("loss", "cross_entropy"),
            "dtype": np.dtype(variant.get("dtype", "float32")).name,
            "init": variant.get("init", "torch"),
            "optimizer": chosen["optimizer"],
            "lr": float(rate),
            **{key: _plain(variant.get(key, default)) for key, default in settings.items()},
            "schedule": repr(schedule) if isinstance(schedule, Schedule) else "constant",
            "batch_size": int(chosen["batch_size"]),
            "epochs": int(chosen["epochs"]),
        }
        runs += [what | {"seed": int(seed), "arithmetic": _mlpc.ARITHMETIC} for seed in seeds]
    return runs


def _settings(optimizer: str) -> dict[str, Any]:
    """What an optimizer can be told beside its learning rate, and what it is where nothing is told."""
    parameters = inspect.signature(OPTIMIZERS[optimizer]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


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
    run: Mapping[str, Any], schedule: Any, data: Samples, validation: Samples | None, stop: threading.Event
) -> dict[str, Any] | None:
    """One run: its record, or None where it was stopped."""
    net = MLP(
        run["sizes"],
        run["activation"],
        loss=run["loss_name"],
        dtype=run["dtype"],
        init=run["init"],
        seed=run["seed"],
    )
    settings = {key: run[key] for key in _settings(run["optimizer"])}
    stepper = OPTIMIZERS[run["optimizer"]](net, schedule(run["lr"]) if schedule else run["lr"], **settings)
    record: dict[str, Any] = dict(run) | dict.fromkeys(_FIGURES[:5], math.nan) | {"digest": None, "error": ""}
    try:
        net.fit(
            *data,
            epochs=run["epochs"],
            batch_size=run["batch_size"],
            optimizer=stepper,
            validation_data=validation,
            progress=False,
            callbacks=[lambda net, history: stop.is_set()],
        )
    except _mlpc.DivergenceError as error:
        record["error"] = str(error)
    history = net.history
    assert history is not None  # fit made it
    record["history"] = {key: list(values) for key, values in history.items()}
    record["seconds"] = float(sum(history.get("seconds", [])))
    if not record["error"]:
        if history.epochs < run["epochs"]:
            return None
        record["loss"], record["accuracy"] = net.evaluate(*data)
        if validation is not None:
            record["val_loss"], record["val_accuracy"] = net.evaluate(*validation)
        record["digest"] = digest(net)
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
    for array in (*data, *(validation or ())):
        sha.update(f"{array.dtype.str}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()[:16]
