"""What takes part in a training: when it is called, what becomes of errors, what each callback of the package does."""

import csv
import sys
import types

import numpy as np
import pytest

import mlpc
from mlpc.callbacks import (
    Averaging,
    Callback,
    Checkpoint,
    CSVLog,
    EarlyStopping,
    LivePlot,
    ReduceOnPlateau,
    TimeBudget,
    csv_log,
    time_budget,
)  # fmt: skip
from mlpc.run_file import read_run
from mlpc.training import Run

rng = np.random.default_rng(0)
x, y = rng.normal(size=(60, 5)), rng.integers(0, 3, 60)
validation = rng.normal(size=(40, 5)), rng.integers(0, 3, 40)


def network(seed=1, **keywords):
    return mlpc.MLP([5, 8, 3], "tanh", seed=seed, **keywords)


def fit(net, *callbacks, epochs=5, **keywords):
    return net.fit(x, y, epochs=epochs, batch_size=8, callbacks=callbacks, **{"lr": 0.3} | keywords)


def after(epochs, **keywords):
    """A network that was trained for so long without callbacks."""
    net = network(**keywords)
    fit(net, epochs=epochs)
    return net


class Noted(Callback):
    """Notes when it is called, and raises where it is told to."""

    def __init__(self, name, calls, raises=None, error=LookupError):
        self.name, self.calls, self.raises, self.error = name, calls, raises, error

    def _note(self, call):
        self.calls.append((self.name, call))
        if call == self.raises:
            raise self.error(self.name)

    def begin(self, run):
        self._note("begin")

    def epoch_end(self, run):
        self._note(run.history.epochs)

    def end(self, run):
        self._note("finished" if run.finished else "broken off")


# ---- When they are called --------------------------------------------------------------------------------------------


def test_callbacks_are_called_in_the_order_of_their_list():
    calls = []
    fit(
        network(),
        Noted("a", calls),
        lambda net, history: calls.append(("f", history.epochs)),
        Noted("b", calls),
        epochs=2,
    )
    assert calls == [
        ("a", "begin"), ("b", "begin"), ("a", 1), ("f", 1), ("b", 1), ("a", 2), ("f", 2), ("b", 2),
        ("a", "finished"), ("b", "finished"),
    ]  # fmt: skip


def test_a_checkpoint_comes_last_wherever_it_stands(tmp_path):
    path, found = tmp_path / "run.npz", []

    class Look(Callback):
        def epoch_end(self, run):
            found.append(path.exists())

        def state_dict(self):
            return {"found": len(found)}

        def load_state_dict(self, state):
            pass

    fit(network(), Checkpoint(path), Look(), epochs=2)
    assert found == [False, True]
    assert read_run(str(path), "path")["callbacks.Look.found"] == 2


def test_a_callback_sees_the_run_as_it_is():
    net = network()

    class Look(Callback):
        def begin(self, run):
            assert run.net is net and run.columns == ["loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"]
            assert run.history.epochs == 0 and net.digest() == network().digest()

        def epoch_end(self, run):
            assert net.history is run.history and net.digest() == after(run.history.epochs).digest()
            assert run.optimizer.epochs == run.history.epochs
            if run.history.epochs == 3:
                run.stop()

    assert fit(net, Look(), validation_data=validation).epochs == 3


def test_without_epochs_callbacks_begin_and_end():
    calls = []
    fit(network(), Noted("a", calls), epochs=0)
    assert calls == [("a", "begin"), ("a", "finished")]


def test_a_loop_of_one_s_own_has_callbacks_too():
    calls = []
    with Run(network(), x, y, batch_size=8, callbacks=[Noted("a", calls), lambda net, history: True]) as run:
        while not run.stopped:
            run.epoch()
    assert calls == [("a", "begin"), ("a", 1), ("a", "finished")]
    calls.clear()
    run = Run(network(), x, y, callbacks=[Noted("b", calls)])
    assert calls == []
    run.epoch()
    run.epoch()
    assert calls == [("b", "begin"), ("b", 1), ("b", 2)]


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
def test_an_error_of_an_epoch_s_end_leaves_a_whole_epoch(error):
    calls, net = [], network()
    with pytest.raises(error, match="b"):
        fit(net, Noted("a", calls), Noted("b", calls, 2, error), Noted("c", calls))
    assert calls[3:] == [
        ("a", 1), ("b", 1), ("c", 1), ("a", 2), ("b", 2),
        ("a", "broken off"), ("b", "broken off"), ("c", "broken off"),
    ]  # fmt: skip
    assert net.digest() == after(2).digest() and net.history.epochs == 2 and net.shuffle_state == (1, 2)


def test_an_error_of_the_beginning_changes_nothing():
    calls, net = [], network()
    with pytest.raises(LookupError, match="b"):
        fit(net, Noted("a", calls), Noted("b", calls, "begin"), Noted("c", calls))
    assert calls == [("a", "begin"), ("b", "begin"), ("a", "broken off")]
    assert net.digest() == network().digest() and net.history is None


def test_an_error_of_the_end_does_not_keep_others_from_theirs():
    calls = []
    with pytest.raises(LookupError, match="a"):
        fit(network(), Noted("a", calls, "finished"), Noted("b", calls), epochs=1)
    assert calls[-2:] == [("a", "finished"), ("b", "finished")]
    with pytest.raises(LookupError, match="c") as met:
        fit(network(), Noted("c", calls, "broken off"), Noted("d", calls, 1, KeyboardInterrupt), epochs=1)
    assert isinstance(met.value.__context__, KeyboardInterrupt) and calls[-1] == ("d", "broken off")


def test_a_divergence_is_told_as_one():
    calls = []
    with pytest.raises(mlpc.DivergenceError):
        network(loss="mse").fit(x, np.ones((60, 3)), lr=1e30, batch_size=8, callbacks=[Noted("a", calls)])
    assert calls == [("a", "begin"), ("a", "broken off")]


@pytest.mark.parametrize("callbacks", [3, [3], ["loss"], [EarlyStopping], [None]])
def test_what_is_no_callback(callbacks):
    with pytest.raises(TypeError, match=r"^callbacks: expected"):
        network().fit(x, y, callbacks=callbacks)


# ---- Early stopping, and learning rates that fall --------------------------------------------------------------------


def best_of(values, better):
    """Index of the best value, the first of equals."""
    return min(range(len(values)), key=lambda i: (values[i] if better == "min" else -values[i], i))


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy", "loss"])
@pytest.mark.parametrize("patience", [1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_early_stopping_goes_back_to_the_best(monitor, patience, seed):
    states = []
    long = fit(
        network(seed), lambda net, history: states.append(net.state_dict()), epochs=40, validation_data=validation
    )
    values = long[monitor]
    better = "max" if monitor == "val_accuracy" else "min"
    ends = [n for n in range(1, 41) if n - 1 - best_of(values[:n], better) >= patience] or [40]
    net, stopping = network(seed), EarlyStopping(monitor, patience)
    history = fit(net, stopping, epochs=40, validation_data=validation)
    best = best_of(values[: ends[0]], better)
    assert history.epochs == ends[0] and history[monitor] == values[: ends[0]]
    assert (stopping.best_epoch, stopping.best) == (best + 1, values[best])
    assert all(np.array_equal(array, states[best][key]) for key, array in net.state_dict().items())


def test_what_counts_as_better():
    class Told(Callback):
        """Writes values into the history before anyone looks."""

        def __init__(self, values):
            self.values = values

        def epoch_end(self, run):
            run.history["loss"][-1] = self.values[run.history.epochs - 1]

    def stopped(values, *arguments, **keywords):
        stopping = EarlyStopping("loss", *arguments, **keywords)
        epochs = fit(network(), Told(values), stopping, epochs=len(values)).epochs
        return epochs, stopping.best_epoch

    nan, inf = float("nan"), float("inf")
    assert stopped([5, 4, 4, 4, 3], 2) == (4, 2)
    assert stopped([5, 4.5, 4.1, 4.0, 3.9], 2, min_delta=1) == (3, 1)
    assert stopped([5, 4.5, 3.9, 3.8, 3.7], 2, min_delta=1) == (5, 3)
    assert stopped([nan, 5, nan, 4, nan, nan], 2) == (6, 4)
    assert stopped([nan, nan, 1], 2) == (2, 0)
    assert stopped([inf, 1, 2], 1) == (1, 0)
    assert stopped([1, 2, 3, 3, 3], 2, mode="max") == (5, 3)


def test_without_restoring_the_last_weights_stay():
    net, stopping = network(), EarlyStopping(patience=2, restore_best=False)
    history = fit(net, stopping, epochs=60, validation_data=validation)
    assert history.epochs < 60 and net.digest() == after(history.epochs).digest() and stopping.best_state is None


def test_an_interrupt_leaves_the_network_as_it_is():
    net = network()
    with pytest.raises(KeyboardInterrupt):
        fit(net, EarlyStopping("loss", mode="max"), Averaging(), Noted("a", [], 3, KeyboardInterrupt))
    assert net.digest() == after(3).digest()


@pytest.mark.parametrize("settings", [{}, {"min_delta": 0.02}, {"cooldown": 2}, {"min_lr": 0.04}, {"mode": "max"}])
def test_plateaus_are_those_of_torch(torch, settings):
    net, reduce = network(), ReduceOnPlateau("val_loss", 0.5, 2, **settings)
    optimizer = mlpc.optim.SGD(net, 0.3)
    rates = []
    history = fit(
        net, reduce, lambda net, history: rates.append(optimizer.lr), optimizer=optimizer, lr=None, epochs=40,
        validation_data=validation,
    )  # fmt: skip
    theirs = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        theirs, settings.get("mode", "min"), 0.5, patience=1, threshold=settings.get("min_delta", 0),
        threshold_mode="abs", cooldown=settings.get("cooldown", 0), min_lr=settings.get("min_lr", 0), eps=0,
    )  # fmt: skip
    expected = []
    for value in history["val_loss"]:
        scheduler.step(value)
        expected.append(theirs.param_groups[0]["lr"])
    assert rates == pytest.approx(expected, rel=1e-12) and len(set(rates)) > 2
    assert history["lr"][1:] == rates[:-1]


def test_a_schedule_is_reduced_whatever_it_is():
    schedule = mlpc.schedules.Exponential(0.4, gamma=0.9)
    reduce = ReduceOnPlateau("loss", 0.5, 1, min_delta=100)
    history = fit(network(), reduce, lr=schedule, epochs=4)
    plain = fit(network(), lr=schedule, epochs=4)["lr"]
    assert history["lr"] == [plain[0], plain[1], plain[2] * 0.5, plain[3] * 0.25] and reduce.reductions == 3


@pytest.mark.parametrize("make", [EarlyStopping, ReduceOnPlateau, lambda name: Checkpoint("run.npz", keep_best=name)])
def test_a_column_that_there_is_not(make):
    net = network()
    with pytest.raises(ValueError, match=r"^monitor: expected one of loss, accuracy, lr, seconds, got 'val_loss'; "):
        fit(net, make("val_loss"))
    assert net.history is None and net.digest() == network().digest()


# ---- Averages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("decay", "start"), [(None, 1), (None, 4), (0.75, 1), (0.5, 3), (0.0, 2)])
def test_averages(dtype, decay, start):
    seen, net, averaging = [], network(dtype=dtype), Averaging(decay, start=start)
    fit(net, averaging, lambda net, history: seen.append(net.parameters.astype(float)))
    if decay is None:
        expected = np.mean(seen[start - 1 :], axis=0)
    else:
        expected = seen[start - 1]
        for weights in seen[start:]:
            expected = decay * expected + (1 - decay) * weights
    assert averaging.epochs == 6 - start and np.allclose(averaging.average, expected, rtol=1e-13, atol=1e-15)
    assert np.array_equal(net.parameters, averaging.average.astype(dtype))
    assert np.array_equal(seen[-1], after(5, dtype=dtype).parameters)  # training has not seen it


@pytest.mark.parametrize(("decay", "digest"), [(None, "8152d1cddd490bc9"), (0.75, "006910567adb5a20")])
def test_averages_have_the_same_bits(isa, decay, digest):
    net, numbers = network(), np.arange(300).reshape(60, 5) * 37 % 101 - 50
    net.fit(numbers / 32, numbers[:, 0] % 3, epochs=4, batch_size=8, lr=0.3, callbacks=[Averaging(decay, start=2)])
    assert net.digest()[:16] == digest


def test_no_epoch_to_average():
    net = network()
    fit(net, Averaging(start=9))
    assert net.digest() == after(5).digest()


# ---- Time ------------------------------------------------------------------------------------------------------------


def test_no_epoch_is_begun_that_would_not_be_done_in_time(monkeypatch):
    now = iter([100.0, 101.0, 102.0, 104.0, 105.0, 106.0])  # the beginning, and the ends of epochs
    monkeypatch.setattr(time_budget, "time", types.SimpleNamespace(monotonic=lambda: next(now)))
    assert fit(network(), TimeBudget(6.9), epochs=9).epochs == 4  # 5 seconds are over, and one took 2
    monkeypatch.undo()
    assert fit(network(), epochs=9, max_seconds=0).epochs == 1
    assert fit(network(), epochs=9, max_seconds=1e6).epochs == 9


# ---- Files ---------------------------------------------------------------------------------------------------------


def rows_of(path):
    with open(path, newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def test_the_log_is_the_history(tmp_path, monkeypatch):
    path, written = tmp_path / "log.csv", []
    write = csv_log.write_atomically
    monkeypatch.setattr(csv_log, "write_atomically", lambda path, data: (written.append(path), write(path, data)))
    path.write_text("what another run has left\n")
    history = fit(network(), CSVLog(path), validation_data=validation)
    expected = [{"epoch": n + 1} | {key: column[n] for key, column in history.items()} for n in range(5)]
    assert rows_of(path) == expected and len(written) == 1  # lines are added to it
    regression = mlpc.MLP([5, 1], loss="mse").fit(x, y, epochs=1, callbacks=[CSVLog(path)])
    assert rows_of(path) == [{"epoch": 1} | {key: column[0] for key, column in regression.items()}]


def test_a_log_goes_on_without_doubled_or_lost_rows(tmp_path):
    """The training is broken off after the log has its third row, and before the checkpoint knows of it."""
    path, log = tmp_path / "run.npz", tmp_path / "log.csv"
    with pytest.raises(KeyboardInterrupt):
        fit(network(), CSVLog(log), Noted("a", [], 3, KeyboardInterrupt), resume=path)
    with open(log, "a") as file:
        file.write("4,0.12")  # as a kill may leave it
    history = fit(network(), CSVLog(log), resume=path)
    assert [row["epoch"] for row in rows_of(log)] == [1, 2, 3, 4, 5]
    assert [row["loss"] for row in rows_of(log)] == history["loss"] == after(5).history["loss"]


def epoch_of(path):
    return len(read_run(str(path), "path")["history.loss"])


def test_checkpoints_that_stay(tmp_path):
    path = tmp_path / "run.npz"
    (tmp_path / "run-000001.npz").write_bytes(b"of an earlier run")
    (tmp_path / "run-000099.npz").write_bytes(b"of a longer one")
    (tmp_path / "run-1.npz").write_bytes(b"of somebody else")
    checkpoint = Checkpoint(path, every=2, keep_last=2, keep_best="accuracy")
    history = fit(network(), checkpoint, epochs=7)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "run-000006.npz", "run-000007.npz", "run-000099.npz", "run-1.npz", "run-best.npz", "run.npz",
    ]  # fmt: skip
    assert [epoch_of(tmp_path / f"run{of}.npz") for of in ("", "-000006", "-000007")] == [7, 6, 7]
    assert epoch_of(tmp_path / "run-best.npz") == 1 + best_of(history["accuracy"], "max")


@pytest.mark.parametrize("every", [1, 2, 3, 10])
def test_the_last_whole_epoch_is_written_however_it_ends(tmp_path, every):
    path, written = tmp_path / "run.npz", []

    class Look(Callback):
        def epoch_end(self, run):
            written.append(epoch_of(path) if path.exists() else 0)

    fit(network(), Checkpoint(path, every=every), Look())
    assert written == [(epoch - 1) // every * every for epoch in range(1, 6)] and epoch_of(path) == 5
    with pytest.raises(KeyboardInterrupt):
        fit(network(), Checkpoint(path, every=every), Noted("a", [], 4, KeyboardInterrupt))
    assert epoch_of(path) == 3  # the last of which all callbacks have heard


def test_an_error_of_writing_ends_the_training_and_leaves_the_file(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    fit(network(), Checkpoint(path), epochs=1)
    before, net = path.read_bytes(), network()
    monkeypatch.setattr(mlpc.files.atomic.os, "fsync", lambda file: (_ for _ in ()).throw(OSError(28, "no space left")))
    with pytest.raises(OSError, match="no space left"):
        fit(net, Checkpoint(path))
    assert path.read_bytes() == before and net.digest() == after(1).digest()
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]


def test_a_missing_folder_is_told_before_the_first_epoch(tmp_path):
    net = network()
    for callback in (Checkpoint(tmp_path / "none" / "run.npz"), CSVLog(tmp_path / "none" / "log.csv")):
        with pytest.raises(FileNotFoundError, match="no such folder"):
            fit(net, callback)
    assert net.history is None


def test_a_state_that_no_file_can_hold(tmp_path):
    class Odd(Callback):
        def state_dict(self):
            return {"odd": None}

    with pytest.raises(TypeError, match=r"^callbacks\.Odd\.odd: expected an array of numbers"):
        fit(network(), Odd(), Checkpoint(tmp_path / "run.npz"))


# ---- A live plot -----------------------------------------------------------------------------------------------------


def test_a_live_plot_is_drawn_anew_in_notebooks_alone(monkeypatch):
    pytest.importorskip("matplotlib")
    live_plot, shown = sys.modules[LivePlot.__module__], []

    def display(figure, display_id):
        assert display_id is True
        shown.append(len(figure.axes[0].lines[0].get_xdata()))
        return types.SimpleNamespace(update=lambda figure: shown.append(len(figure.axes[0].lines[0].get_xdata())))

    ipython = types.ModuleType("IPython.display")
    ipython.display = display
    monkeypatch.setitem(sys.modules, "IPython.display", ipython)
    fit(network(), LivePlot(every=2), epochs=5)
    assert shown == []
    monkeypatch.setattr(live_plot, "in_notebook", lambda: True)
    fit(network(), LivePlot(every=2), epochs=5)
    assert shown == [2, 4, 5]


# ---- Arguments and states --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: EarlyStopping(3), TypeError, "^monitor: expected the name of a column"),
        (lambda: EarlyStopping(patience=0), ValueError, "^patience: expected an integer >= 1"),
        (lambda: EarlyStopping(patience=1.5), TypeError, "^patience: expected an integer"),
        (lambda: EarlyStopping(min_delta=-1), ValueError, "^min_delta: expected a finite number >= 0"),
        (lambda: EarlyStopping(mode="least"), ValueError, "^mode: expected 'min', 'max' or None"),
        (lambda: ReduceOnPlateau(factor=1), ValueError, r"^factor: expected a number in \(0, 1\)"),
        (lambda: ReduceOnPlateau(factor=0), ValueError, r"^factor: expected a number in \(0, 1\)"),
        (lambda: ReduceOnPlateau(cooldown=-1), ValueError, "^cooldown: expected an integer >= 0"),
        (lambda: ReduceOnPlateau(min_lr=-1), ValueError, "^min_lr: expected a finite number >= 0"),
        (lambda: Averaging(1.0), ValueError, r"^decay: expected a number in \[0, 1\), got 1\.0"),
        (lambda: Averaging(start=0), ValueError, "^start: expected an integer >= 1"),
        (lambda: TimeBudget(-1), ValueError, "^seconds: expected a finite number >= 0"),
        (lambda: Checkpoint("run.pt"), ValueError, "^path: expected a name that ends in"),
        (lambda: Checkpoint("run.npz", 0), ValueError, "^every: expected an integer >= 1"),
        (lambda: Checkpoint("run.npz", keep_last=-1), ValueError, "^keep_last: expected an integer >= 0"),
        (lambda: LivePlot(0), ValueError, "^every: expected an integer >= 1"),
    ],
)
def test_arguments(make, error, words):
    with pytest.raises(error, match=words):
        make()


STATES = {
    "EarlyStopping": (lambda: EarlyStopping("loss"), ["value", "epoch", "waited", "net.0.weight"]),
    "ReduceOnPlateau": (
        lambda: ReduceOnPlateau("loss"),
        ["value", "epoch", "waited", "reductions", "product", "cooling"],
    ),
    "Averaging": (lambda: Averaging(0.5), ["epochs", "average"]),
}


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, (_, keys) in STATES.items() for key in keys])
@pytest.mark.parametrize("wrong", ["missing", "text", "negative"])
def test_a_wrong_state_changes_nothing(name, key, wrong):
    """Neither of the callback nor of the run, whose other parts could be loaded."""
    make, _ = STATES[name]
    run = Run(network(), x, y, callbacks=[make()])
    run.epoch()
    state, before = run.state_dict(), run.state_dict()
    state["net.0.bias"] += 1
    place = f"callbacks.{name}.{key}"
    if wrong == "missing":
        del state[place]
    else:
        of_one = np.array(-1.5) if np.ndim(state[place]) == 0 else -np.ones(2)
        state[place] = "text" if wrong == "text" else of_one
    if (key, wrong) == ("value", "negative"):
        state[place] = np.nan
    with pytest.raises((TypeError, ValueError)):
        run.load_state_dict(state)
    now = run.state_dict()
    assert now.keys() == before.keys() and all(np.array_equal(now[key], before[key]) for key in now)


def test_two_of_a_class_have_states_of_their_own():
    callbacks = [EarlyStopping("loss"), EarlyStopping("accuracy")]
    run = Run(network(), x, y, callbacks=callbacks)
    run.epoch()
    again = [EarlyStopping("loss"), EarlyStopping("accuracy")]
    Run(network(2), x, y, callbacks=again).load_state_dict(run.state_dict())
    assert (
        [each.best for each in again]
        == [each.best for each in callbacks]
        == [run.history["loss"][0], run.history["accuracy"][0]]
    )


def test_callbacks_that_the_state_does_not_know_and_the_other_way_round():
    with_one, without = (Run(network(), x, y, callbacks=each) for each in ([EarlyStopping("loss")], []))
    with pytest.raises(ValueError, match=r"unknown: \['callbacks\.EarlyStopping\.value'"):
        without.load_state_dict(with_one.state_dict())
    with pytest.raises(ValueError, match=r"^state: expected the keys \['value', 'epoch', 'waited'\], got \[\]"):
        with_one.load_state_dict(without.state_dict())
    others = Run(network(), x, y, callbacks=[TimeBudget(9), print]).state_dict()  # which remember nothing
    without.load_state_dict(others)
