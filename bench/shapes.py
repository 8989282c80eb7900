"""Seconds of an epoch of networks drawn at random, beside others: is there a shape at which a peer is faster?"""

import dataclasses
import fnmatch
import itertools
import math
import os
import random
import statistics
import sys

import epochs
import figures
from contenders import LIMITS, TRAINING, Process, installed, start
from machine import last_level_cache
from task import ACTIVATIONS, DENSITY, DRAWN_INPUTS, DTYPES, OPTIMIZERS, Task

# What is drawn. Ranges are those of a logarithm; activations take turns, so that there are all of them.
COUNT = 40
WIDTH_OF_INPUT, WIDTH, BATCH = (4, 3000), (10, 2048), (1, 1024)
DEPTH = (1, 6)  # hidden layers, evenly
OUTPUTS = (1, 2, 10)
INPUTS = ("normal",) * 3 + DRAWN_INPUTS[1:]  # half of them without zeros

# So many rows that an epoch takes about `EPOCH` seconds by a rough guess at what a step costs the slowest: arithmetic,
# memory, and what its calls take. At least `BATCHES` whole batches: what takes longer than `LONGEST` so is drawn again.
EPOCH, LONGEST = 0.1, 1.6
BATCHES = 4
MULTIPLY_ADDS = {"float32": 50e9, "float64": 25e9}  # a second
MEMORY = 10e9  # bytes a second
CALLS = 150e-6  # of a layer
VALUES = 16_000_000  # of all rows: more would be a benchmark of memory

ITEMSIZE, STATES = {"float32": 4, "float64": 8}, {"sgd": 0, "adam": 2}

IN_TURN = 3  # epochs, without a pause between: after one the first finds a CPU, and caches, that have rested
SHORT = 8  # of the shapes
THREADS = (1, 2)
PEERS = ("torch", "torch_fused", "jax", "sklearn")
COLUMNS = {"PyTorch": ("torch", "torch_fused", "torch_compiled"), "JAX": ("jax",), "scikit-learn": ("sklearn",)}
CLOSE = 1.1  # of the rows below this ratio, and of the worst ones, it is said what bounds them
BOUND = 1 / 3  # what mlpc reaches at least so much of may bound it
WORST = 5


def drawn(seed: int) -> list[Task]:
    """The shapes of a seed, the same on every machine, for one thread."""
    rng = random.Random(seed)
    return [_drawn(rng, activation) for activation in itertools.islice(itertools.cycle(ACTIVATIONS), COUNT)]


def _drawn(rng: random.Random, activation: str) -> Task:
    def between(least: int, most: int) -> int:
        return round(math.exp(rng.uniform(math.log(least), math.log(most))))

    while True:
        hidden = [between(*WIDTH) for _ in range(rng.randint(*DEPTH))]
        sizes = [between(*WIDTH_OF_INPUT), *hidden, rng.choice(OUTPUTS)]
        optimizer, batch, dtype = rng.choice(OPTIMIZERS), between(*BATCH), rng.choice(DTYPES)
        task = Task("-".join(map(str, sizes)), rng.choice(INPUTS), optimizer, batch, dtype=dtype, activation=activation)
        if BATCHES * seconds_of_step(task) <= LONGEST:
            return with_rows(task)


def with_rows(task: Task) -> Task:
    """The same of as many samples as what is drawn has."""
    steps = min(EPOCH / seconds_of_step(task), VALUES / (task.batch * task.sizes[0]))
    return dataclasses.replace(task, samples=task.batch * max(BATCHES, round(steps)))


def seconds_of_step(task: Task) -> float:
    calls = CALLS * len(task.sizes)
    return multiply_adds(task) / MULTIPLY_ADDS[task.dtype] + bytes_moved(task) / MEMORY + calls


def multiply_adds(task: Task) -> float:
    """Of a step: three products a layer, two of the first one, in which those with zeros need not be."""
    first, *rest = (n_in * n_out for n_in, n_out in itertools.pairwise(task.sizes))
    return task.batch * (2 * _density(task) * first + 3 * sum(rest))


def bytes_moved(task: Task) -> float:
    """Of a step, without caches: weights read forward and, behind the first layer, back, read and written with each
    state of theirs by the update; the rows of the batch once, of a sparse matrix with the numbers of their columns."""
    first, *rest = ((n_in + 1) * n_out for n_in, n_out in itertools.pairwise(task.sizes))
    size, states = ITEMSIZE[task.dtype], STATES[task.optimizer]
    size_of_input = {"bytes": 1, "sparse": DENSITY * (size + 4)}.get(task.input, size)
    moved = first * (3 + 2 * states) + sum(rest) * (4 + 2 * states)
    return moved * size + task.batch * task.sizes[0] * size_of_input


def roots(task: Task) -> int:
    """Of a step: one for each parameter, and a division, if the optimizer is Adam."""
    return parameters(task) * (task.optimizer == "adam")


def parameters(task: Task) -> int:
    return sum((n_in + 1) * n_out for n_in, n_out in itertools.pairwise(task.sizes))


def is_cached(task: Task) -> bool:
    """Whether parameters and states fit in the last-level cache."""
    return parameters(task) * (1 + STATES[task.optimizer]) * ITEMSIZE[task.dtype] <= last_level_cache()


def _density(task: Task) -> float:
    return DENSITY if task.input in ("zeros", "sparse") else 1.0


def section(
    full: bool, rows: list[str] | None, peers: list[str] | None, rounds: int, seed: int, threads: list[int]
) -> dict:
    """Each shape with each number of threads, as `epochs.measure` does it; what the machine can do beside it."""
    names = installed(TRAINING, ["mlpc", *(peers if peers is not None else PEERS)])
    results = []
    for number, tasks in asked(full, rows, seed, threads).items():
        if number > (cpus := len(os.sched_getaffinity(0))):
            print(f"{number} threads are left out: this process may use {cpus} CPUs", file=sys.stderr)
            continue
        with start(LIMITS, Task(threads=number)) as limits:
            for task in tasks:
                able = [name for name in names if TRAINING[name].takes(task)]
                before = _limits(limits, task)
                measured = epochs.measure(task, able, rounds, (1,), IN_TURN)
                most = {name: max(before[name], after) for name, after in _limits(limits, task).items()}
                work = {"multiply_adds": multiply_adds(task), "bytes": bytes_moved(task), "roots": roots(task)}
                row = {**measured, **work, "is_cached": is_cached(task), "limits": most}
                results.append(row)
                compared = "".join(f", {peer} {ratio:.2f} x" for peer, ratio in ratios(row).items())
                print(f"measured {task}{compared}", file=sys.stderr)
    if not results:
        sys.exit(f"no row fits, on so many CPUs; a row is called {drawn(seed)[0]}")
    return {"seed": seed, "rows": results}


def asked(full: bool, rows: list[str] | None, seed: int, threads: list[int]) -> dict[int, list[Task]]:
    """By the number of threads: what was drawn, as far as patterns fit, then what is called by a name of its own."""
    shapes = drawn(seed)[: None if full or rows else SHORT]
    by_threads = {number: [dataclasses.replace(task, threads=number) for task in shapes] for number in threads}
    if rows:
        for number, tasks in by_threads.items():
            by_threads[number] = [task for task in tasks if any(fnmatch.fnmatch(str(task), row) for row in rows)]
        names = {str(task) for tasks in by_threads.values() for task in tasks}
        for row in rows:
            if row not in names and (task := Task.named(row)):
                by_threads.setdefault(task.threads, []).append(with_rows(task))
    return by_threads


def _limits(machine: Process, task: Task) -> dict[str, float]:
    """A second: fused multiply-adds, bytes, and roots with a division."""
    fma, roots = (1e9 * machine.ask(of=f"{limit} {task.dtype}")["billions"] for limit in ("peak", "roots"))
    return {"FMA": fma, "memory": 1e9 * max(machine.ask(of="memory").values()), "roots": roots}


def ratios(row: dict) -> dict[str, float]:
    """By peer, how many times mlpc's best time its best one is; of PyTorch the better of its forms."""
    ours = epochs.ours(row["results"])
    if ours["void"]:
        return {}
    return {
        peer: min(found) / min(ours["seconds"])
        for peer, names in COLUMNS.items()
        if (found := [_best(row, name) for name in names if _counts(row, name)])
    }


def _counts(row: dict, name: str) -> bool:
    return name in row["results"] and not row["results"][name]["void"]


def _best(row: dict, name: str) -> float:
    return min(row["results"][name]["seconds"])


def table(report: dict) -> str:
    rows = report["rows"]
    lines = [[row["name"], f"{row['task']['samples']:,}", f"{row['multiply_adds']:.2g}", *_cells(row)] for row in rows]
    header = ["seconds of an epoch, best (median)", "rows", "multiply-adds of a step", "mlpc, 1 epoch", *COLUMNS]
    title = f"Seed {report['seed']}; ratios of the best times"
    return "\n\n".join([title, figures.markdown(header, lines), medians(rows), worst(rows)])


def _cells(row: dict) -> list[str]:
    ours, by_peer = epochs.ours(row["results"]), ratios(row)
    cells = [_cell(ours)]
    for peer, names in COLUMNS.items():
        counting = [name for name in names if _counts(row, name)]
        if counting:
            best = row["results"][min(counting, key=lambda name: _best(row, name))]
            cells.append(_cell(best) + (f", {by_peer[peer]:.2f} x" if by_peer else ""))
        else:
            cells.append("void" if any(name in row["results"] for name in names) else "")
    return cells


def _cell(result: dict) -> str:
    if result["void"]:
        return f"void: loss {result['loss']:.4f}"
    return f"{figures.time(min(result['seconds']))} ({figures.time(result['median'])})"


def medians(rows: list[dict]) -> str:
    """Of the ratios, by threads and peer, with the least."""
    lines = []
    for threads, peer in itertools.product(sorted({row["task"]["threads"] for row in rows}), COLUMNS):
        of = [ratios(row) for row in rows if row["task"]["threads"] == threads]
        if found := [ratio[peer] for ratio in of if peer in ratio]:
            lines.append(
                [str(threads), peer, str(len(found)), f"{statistics.median(found):.2f} x", f"{min(found):.2f} x"]
            )
    return figures.markdown(["threads", "peer", "shapes", "median", "least"], lines)


def worst(rows: list[dict]) -> str:
    """The rows with the least ratios, and all that are close, with how near mlpc is to what bounds it."""
    found = sorted(
        (min((ratio, peer) for peer, ratio in of.items()), row["name"]) for row in rows if (of := ratios(row))
    )
    by_name = {row["name"]: row for row in rows}
    count = max(WORST, sum(ratio < CLOSE for (ratio, _), _ in found))
    lines = [[name, f"{ratio:.2f} x, {peer}", *_bounds(by_name[name])] for (ratio, peer), name in found[:count]]
    header = ["least ratios", "to", "of the FMA peak", "of memory, without caches", "of roots", "bound by"]
    return figures.markdown(header, lines)


def _bounds(row: dict) -> list[str]:
    """How near mlpc is to what may bound it, and what does: multiply-adds and roots come one after the other, memory
    beside them, and not where it is that of a cache."""
    task = row["task"]
    steps_a_second = task["samples"] / task["batch"] / min(epochs.ours(row["results"])["seconds"])
    work = {"FMA": row["multiply_adds"], "memory": row["bytes"], "roots": row["roots"]}
    shares = {limit: of_step * steps_a_second / row["limits"][limit] for limit, of_step in work.items()}
    cells = [f"{100 * share:.0f} %" if work[limit] else "" for limit, share in shares.items()]
    less, more = sorted(("FMA", "roots"), key=lambda limit: shares[limit])
    arithmetic = f"{more}, {less}" if 2 * shares[less] > shares[more] else more
    bounds = {arithmetic: shares["FMA"] + shares["roots"], "memory": 0 if row["is_cached"] else shares["memory"]}
    by = max(bounds, key=lambda bound: bounds[bound])
    return [*cells, by if bounds[by] >= BOUND else "none of them"]
