"""Seconds per epoch of training, beside others."""

import contextlib
import fnmatch
import math
import os
import sys
import time

import figures
from contenders import TRAINING, installed, start
from task import Task, all_tasks

# Patterns of rows. The full set varies one thing at a time beside the networks, inputs, optimizers and threads.
SHORT = (
    "784-100-10/mnist/sgd/b64/t?/float32",
    "784-100-10/mnist/adam/b64/t1/float32",
    "784-100-10/dense/sgd/b64/t1/float32",
    "784-100-200-50-10/mnist/sgd/b64/t1/float32",
    "784-512-512-10/mnist/sgd/b64/t1/float32",
    "784-100-10+*/t?/float32",
    "784-100-10/mnist/rmsprop/*/t?/float32",
    "784-100-10/csr/*/t?/float32",
)
FULL = ("*/b64/t?/float32", "*/sgd/b*/t1/float32", "*/sgd/b64/t1/float64")
SHORT_PEERS = ("torch", "torch_fused", "jax", "numpy", "sklearn")
ROUNDS = {"784-100-10": 7, "784-100-200-50-10": 5, "784-512-512-10": 3, "784-800-800-10": 3}
PAUSE = 0.3  # seconds between turns: threads of some libraries go on spinning after theirs
TOLERANCE = 0.03  # a loss this far above the best one voids a measurement


def section(full: bool, rows: list[str] | None, peers: list[str] | None, rounds: int | None, samples: int) -> dict:
    """All rows that the patterns name; see `measure`."""
    cpus = len(os.sched_getaffinity(0))
    patterns = rows or (FULL if full else SHORT)
    asked = peers if peers is not None else (TRAINING if full else SHORT_PEERS)
    names = installed(TRAINING, ["mlpc", *asked])
    results = []
    for task in all_tasks(samples):
        if not any(fnmatch.fnmatch(str(task), pattern) for pattern in patterns):
            continue
        if task.threads > cpus:
            print(f"{task} is left out: this process may use {cpus} CPUs", file=sys.stderr)
            continue
        results.append(
            measure(task, _taking_part(task, names, full), rounds or _rounds(task, full), _lengths(task, full))
        )
        print(f"measured {task}", file=sys.stderr)
    if not results:
        sys.exit(f"no row fits {', '.join(patterns)}; a row is called {Task()}")
    return {"samples": samples, "rows": results}


def _taking_part(task: Task, names: list[str], full: bool) -> list[str]:
    """Who can do it; in short, the fused optimizer only where it is another algorithm's than plain SGD's."""
    able = [name for name in names if TRAINING[name].takes(task)]
    return [name for name in able if full or name != "torch_fused" or not task.is_plain or task.optimizer == "adam"]


def _rounds(task: Task, full: bool) -> int:
    return ROUNDS[task.network] if full else max(2, ROUNDS[task.network] // 2)


def _lengths(task: Task, full: bool) -> tuple[int, ...]:
    """Epochs of mlpc's fits: ten of a large network are too long for the short benchmark."""
    return (1, 10) if full or task.sizes[1] < 500 else (1,)


def measure(task: Task, names: list[str], rounds: int, lengths: tuple[int, ...], in_turn: int = 1) -> dict:
    """Seconds per epoch of each contender, in turn, round by round; the first round warms up and does not count.

    mlpc is asked for whole trainings of so many epochs, each of a new network; an epoch of the others always costs the
    same, so they go on with theirs, one epoch at a time. `in_turn`: so many one after another in a turn, each of which
    counts.
    """
    lengths_of = {name: lengths if name == "mlpc" else (1,) for name in names}
    seconds = {(name, length): [] for name in names for length in lengths_of[name]}
    losses = {name: [] for name in names}
    with contextlib.ExitStack() as stack:
        processes = {name: stack.enter_context(start(TRAINING[name], task)) for name in names}
        for round_ in range(rounds + 1):
            for name, length in seconds:
                time.sleep(PAUSE)
                for _ in range(in_turn):
                    answer = processes[name].ask(epochs=length)
                    if round_:
                        seconds[name, length].append(answer["seconds"] / length)
                    # Every training of mlpc begins anew, and the longest is the last one
                    losses[name] = answer["losses"] if name == "mlpc" else losses[name] + answer["losses"]
    epoch = min(map(len, losses.values()))
    best = min((loss[epoch - 1] for loss in losses.values() if math.isfinite(loss[epoch - 1])), default=math.nan)
    results = {}
    for (name, length), times in seconds.items():
        loss = losses[name][epoch - 1]
        key = f"{name}, fit of {length}" if name == "mlpc" else name
        label = f"mlpc, {length} epoch{'s' * (length > 1)}" if name == "mlpc" else TRAINING[name].label
        void = not loss <= (1 + TOLERANCE) * best
        results[key] = {"label": label, **figures.summary(times), "loss": loss, "void": void}
    return {"name": str(task), "task": vars(task), "losses_of_epoch": epoch, "results": results}


def ours(results: dict) -> dict:
    """What the others are compared with: the longest training that was measured."""
    return results.get("mlpc, fit of 10") or results["mlpc, fit of 1"]


def table(report: dict) -> str:
    rows = report["rows"]
    labels = {key: result["label"] for row in rows for key, result in row["results"].items()}
    keys = sorted(labels, key=lambda key: (key != "mlpc, fit of 10", not key.startswith("mlpc")))
    lines = []
    for row in rows:
        results = row["results"]
        lines.append([row["name"], *(_cell(results[key], ours(results)) if key in results else "" for key in keys)])
    return figures.markdown(["seconds per epoch", *(labels[key] for key in keys)], lines)


def _cell(result: dict, ours: dict) -> str:
    if result["void"]:
        return f"void: loss {result['loss']:.4f}"
    compared = not ours["void"] and not result["label"].startswith("mlpc")
    return figures.cell(result, ours if compared else None)
