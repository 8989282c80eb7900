"""Trainings that are killed while they write checkpoints.

    python tests/files/kills.py [--kills 200] [--seed 0]

Each training runs in a process of its own, which ends itself by SIGKILL at a line of what writes files: the lines are
counted as they are executed, and the number is drawn.  So the moments are random, and the same for one seed.  Files are
written in pieces of 512 bytes, so that most of the moments lie within one.

After each kill all files are whole: the checkpoint is the one before or the one that was being written, equal to that
epoch's of a training that nobody killed, and so are those kept beside it.  A copy of the folder is resumed to the end,
on an instruction set that is drawn, and has the right bits: of the network, the history, the log, what callbacks know.
The folder itself is resumed in the next process, which is killed, too.
"""

import argparse
import csv
import functools
import importlib.util
import os
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import numpy as np

import mlpc
from mlpc.callbacks import Averaging, Checkpoint, CSVLog, EarlyStopping, ReduceOnPlateau
from mlpc.files import atomic
from mlpc.run_file import read_run

EPOCHS = 8
TIMES = {"history.seconds"}
FOLDER = Path(mlpc.__file__).parent
WRITERS = tuple(str(FOLDER / name) for name in ("files/atomic.py", "callbacks/checkpoint.py", "callbacks/csv_log.py"))

numbers = np.random.default_rng(0)
x, y = numbers.normal(size=(64, 5)), numbers.integers(0, 3, 64)


class Training:
    """One training of a folder, and what its callbacks know."""

    def __init__(self, folder, suffix, told=lambda: None):
        class Told(Checkpoint):
            """Says when an epoch's files are there."""

            def epoch_end(self, run):
                super().epoch_end(run)
                told()

        Told.__name__ = "Checkpoint"  # by which a state knows it
        self.path = folder / f"run{suffix}"
        self.stopping, self.reduce = EarlyStopping(patience=EPOCHS), ReduceOnPlateau("loss", 0.5, 1, min_delta=0.01)
        self.averaging = Averaging(0.5, start=2)
        checkpoint = Told(self.path, keep_last=2, keep_best="val_loss")
        self.callbacks = [checkpoint, self.stopping, self.reduce, self.averaging, CSVLog(folder / "log.csv")]
        self.net = mlpc.MLP([5, 6, 3], "tanh", norm="batch", dropout=0.2, input_dropout=0.1, seed=3)

    def run(self):
        schedule = mlpc.schedules.Cosine(0.1, epochs=EPOCHS)
        adam = mlpc.optim.Adam(self.net, schedule, weight_decay=1e-3, clip_norm=0.5, max_norm=1.0)
        data = (x[:16], y[:16])
        self.net.fit(
            x, y, epochs=EPOCHS, batch_size=16, optimizer=adam, validation_data=data, callbacks=self.callbacks,
            input_noise=0.1, resume=self.path,
        )  # fmt: skip
        return self

    def outcome(self):
        """All that a training leaves, times aside."""
        history = {name: column for name, column in self.net.history.items() if name != "seconds"}
        with open(self.path.parent / "log.csv", newline="") as file:
            log = [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]
        known = self.stopping.best_epoch, self.stopping.best, self.reduce.reductions, self.averaging.epochs
        streams = self.net.shuffle_state, self.net.masks_drawn
        return self.net.digest(), streams, history, log, known, kept(self.path)


def kept(path):
    """The states in a folder, of all files but temporary ones, by their names."""
    names = sorted(file.name for file in path.parent.glob(f"[!.]*{path.suffix}"))
    return {name: stateof(path.parent / name) for name in names}


def stateof(path):
    """What a file says of a run, in a form that can be compared."""
    state = {key: value for key, value in read_run(str(path), "path").items() if key not in TIMES}
    return {key: value.tobytes() if isinstance(value, np.ndarray) else value for key, value in state.items()}


@functools.cache
def reference(suffix):
    """The outcome of a training that nobody kills, and the state and digest of each epoch."""
    states, digests = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        training = Training(Path(folder), suffix, lambda: keep())

        def keep():
            epoch = training.net.history.epochs
            states[epoch], digests[epoch] = stateof(training.path), mlpc.load(training.path).digest()

        outcome = training.run().outcome()
    assert sorted(states) == list(range(1, EPOCHS + 1)) and len(set(digests.values())) == EPOCHS
    return outcome, states, digests


class Tracer:
    """Counts the lines that are executed of what writes files; ends the process at one of them."""

    def __init__(self, last=None):
        self.lines, self.last = 0, last

    def __call__(self, frame, event, argument):
        if not frame.f_code.co_filename.startswith(WRITERS):
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self.last:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


def in_a_process(folder, suffix, last):
    """Train in a process that is killed at that line; the epochs that it has said are written, and whether it ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            atomic.PIECE = 512
            sys.settrace(Tracer(last))
            Training(folder, suffix, lambda: os.write(writing, b".")).run()
            sys.settrace(None)
            os._exit(0)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)
    os.close(writing)
    with open(reading, "rb") as pipe:
        epochs = len(pipe.read())
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), f"a training ended with {status}"
    return epochs, status == 0


def lines_of_a_training(suffix):
    """How many lines one executes that is not killed."""
    before, atomic.PIECE = atomic.PIECE, 512
    tracer = Tracer()
    with tempfile.TemporaryDirectory() as folder:
        sys.settrace(tracer)
        try:
            Training(Path(folder), suffix).run()
        finally:
            sys.settrace(None)
            atomic.PIECE = before
    return tracer.lines


def check(folder, suffix, at_least):
    """That the files of a folder are whole, after a kill; the epoch of its checkpoint."""
    _, states, digests = reference(suffix)
    files = kept(folder / f"run{suffix}")
    epochs = {name: next(epoch for epoch, of in states.items() if of == state) for name, state in files.items()}
    epoch = epochs.get(f"run{suffix}", 0)
    assert epoch in (at_least, at_least + 1), f"expected epoch {at_least}, or the next, got {epoch}"
    if epoch:
        assert mlpc.load(folder / f"run{suffix}").digest() == digests[epoch]
    assert all(f"{of:06d}" in name for name, of in epochs.items() if name[4:5].isdigit())
    return epoch


def begun(folder):
    """The temporary files of a folder, by the time when something was last written to them."""
    return {file.name: file.stat().st_mtime_ns for file in folder.glob(".*.tmp")}


def resumed(folder, suffix, isa):
    """The outcome of a copy of a folder."""
    before = mlpc.cpu.active()
    with tempfile.TemporaryDirectory() as copies:
        shutil.copytree(folder, copies, dirs_exist_ok=True)
        mlpc.cpu.use(isa)
        try:
            return Training(Path(copies), suffix).run().outcome()
        finally:
            mlpc.cpu.use(before)


def kill(kills, seed=0):
    """So many kills; how many of them hit within a file, and how many left the older checkpoint."""
    draw = random.Random(seed)
    suffixes = [".npz"] + ([".safetensors"] if importlib.util.find_spec("safetensors") else [])
    lines = {suffix: lines_of_a_training(suffix) for suffix in suffixes}
    done = within = older = 0
    while done < kills:
        suffix = draw.choice(suffixes)
        with tempfile.TemporaryDirectory() as name:
            folder, epoch, ended, left = Path(name), 0, False, {}
            while done < kills and not ended:
                told, ended = in_a_process(folder, suffix, draw.randint(1, 2 * lines[suffix] // EPOCHS))
                if not ended:
                    done += 1
                    left, before = begun(folder), left
                    within += left != before
                    at_least, epoch = epoch + told, check(folder, suffix, epoch + told)
                    older += epoch == at_least
                outcome = resumed(folder, suffix, draw.choice(mlpc.cpu.available()))
                assert outcome == reference(suffix)[0], f"kill {done}: a resumed run has other bits"
    return within, older


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    mlpc.set_num_threads(1)
    within, older = kill(arguments.kills, arguments.seed)
    print(
        f"{arguments.kills} kills, {within} of them within a file, {older} before the new one had its name: all resumed"
    )


if __name__ == "__main__":
    main()
