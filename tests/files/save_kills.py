"""`save` in a process that is killed, or whose disk is full: the old file is there or the new one, whole.

    python tests/files/save_kills.py [--kills 200] [--seed 0]

Networks, models of tables and estimators, in both formats, in the place of another one of their kind.  Half of the
processes end themselves by SIGKILL at a line of what writes files, which is drawn; the others may not make a file
larger than a number of bytes that is drawn, which is what a full disk looks like to who writes.  There the error comes
out of `save`, and nothing of the new file is left.  In either case the next `save` succeeds.
"""

import argparse
import collections
import importlib.util
import os
import random
import resource
import signal
import sys
import tempfile
import warnings
from pathlib import Path

import kills
import numpy as np

import mlpc
from mlpc.files import atomic

QUICK = "/dev/shm" if Path("/dev/shm").is_dir() else None  # where nothing waits for a disk
PIECE = 64  # bytes that are written at a time, so that most moments lie within a file


def networks():
    return [mlpc.MLP([3, 4, 2], "tanh", norm="batch", seed=seed) for seed in (1, 2)]


def estimators():
    x = np.sin(np.arange(30.0)).reshape(10, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [mlpc.MLPRegressor(hidden_layer_sizes=4, max_iter=2, random_state=seed).fit(x, x) for seed in (1, 2)]


def tables():
    table = {"size": [1.0, 2.0, 3.0, 4.0], "kind": ["apple", "plum", "apple", "plum"]}
    models = [mlpc.tables.TableModel([4], seed=seed) for seed in (1, 2)]
    return [model.fit(table, "kind", epochs=1, progress=False) for model in models]


def in_a_process(model, path, before):
    """Save in a process, after something has been done to it; its end: 0, 1 with an OSError, or by which signal."""
    child = os.fork()
    if not child:
        try:
            atomic.PIECE = PIECE
            before()
            model.save(path)
            os._exit(0)
        except OSError:
            os._exit(1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def lines_of_a_save(model, path):
    """How many lines of what writes files are executed."""
    tracer, piece = kills.Tracer(), atomic.PIECE
    atomic.PIECE = PIECE
    sys.settrace(tracer)
    try:
        model.save(path)
    finally:
        sys.settrace(None)
        atomic.PIECE = piece
    return tracer.lines


def attempt(draw, pair, path, is_full):
    """One process; whether it left the old file or the new one, and whether within writing it."""
    old, new = pair
    new.save(path)
    new_bytes, lines = path.read_bytes(), lines_of_a_save(new, path)
    old.save(path)
    old_bytes, temporary = path.read_bytes(), path.with_name(f".{path.name}.tmp")
    if is_full:
        most = draw.randrange(len(new_bytes))
        ended = in_a_process(new, path, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)))
        assert ended == 1, f"expected an OSError after {most} bytes, got {ended}"
        assert path.read_bytes() == old_bytes and not temporary.exists()
    else:
        last = draw.choice((draw.randint(1, lines), lines - draw.randrange(12)))  # the name is new near the end
        ended = in_a_process(new, path, lambda: sys.settrace(kills.Tracer(last)))
        assert ended == -signal.SIGKILL, f"expected a killed process, got {ended}"
    found, within = path.read_bytes(), temporary.exists()
    assert found in (old_bytes, new_bytes), "expected the old file or the new one, got another"
    assert getattr(mlpc.load(path), "predict", None)
    new.save(path)
    assert path.read_bytes() == new_bytes and not temporary.exists()
    return "old" if found == old_bytes else "new", within


def kill(count, seed=0):
    """So many attempts, every other one on a full disk; how many left which file, and how many ended within one."""
    draw = random.Random(seed)
    suffixes = [".npz"] + ([".safetensors"] if importlib.util.find_spec("safetensors") else [])
    pairs = [networks(), tables()] + ([estimators()] if importlib.util.find_spec("sklearn") else [])
    total = collections.Counter()
    with tempfile.TemporaryDirectory(dir=QUICK) as folder:
        for number in range(count):
            pair, suffix = draw.choice(pairs), draw.choice(suffixes)
            left, within = attempt(draw, pair, Path(folder) / f"model{suffix}", number % 2 == 1)
            total.update([left, *(["within"] if within else [])])
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    done = kill(args.kills, args.seed)
    print(
        f"{args.kills} processes that did not finish save: {done['old']} left the old file, {done['new']} the new one, "
        f"{done['within']} half of one beside it; all files are whole"
    )


if __name__ == "__main__":
    main()
