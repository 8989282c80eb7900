"""mlpc.sweep: its rows are those of trainings by hand, whatever the threads, and survive interruptions."""

import json
import subprocess
import sys
import threading

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc

pytest.importorskip("pandas")

VARIANTS = {
    "linear": {"sizes": [64, 10]},
    "small": {"sizes": [64, 8, 10], "activation": "tanh", "momentum": 0.9, "lr": [0.05]},
}


@pytest.fixture(scope="module")
def digits():
    return mlpc.datasets.load_digits()


@pytest.fixture(scope="module")
def table(digits):
    return mlpc.sweep(VARIANTS, digits[0], validation_data=digits[1], lr=[0.1, 0.2], seeds=[0, 1], epochs=2)


def without_times(table):
    rows = json.loads(table.drop(columns="seconds").to_json(orient="records"))
    for row in rows:
        row["history"].pop("seconds", None)
    return rows


def test_rows_are_in_the_order_of_variants_rates_and_seeds(table):
    rows = list(zip(table.variant, table.lr, table.seed, strict=True))
    linear = [("linear", lr, seed) for lr in (0.1, 0.2) for seed in (0, 1)]
    assert rows == [*linear, ("small", 0.05, 0), ("small", 0.05, 1)]


def test_a_run_is_the_training_by_hand(table, digits):
    net = mlpc.MLP([64, 8, 10], "tanh", seed=1)
    history = net.fit(
        *digits[0], epochs=2, optimizer=mlpc.optim.SGD(net, 0.05, momentum=0.9), validation_data=digits[1]
    )
    row = table.iloc[5]
    assert row.digest == net.digest()
    assert (row.val_loss, row.val_accuracy) == net.evaluate(*digits[1])
    assert row.history["loss"] == history["loss"] and row.n_parameters == net.n_parameters


def test_jobs_change_nothing(table, digits):
    again = mlpc.sweep(VARIANTS, digits[0], validation_data=digits[1], lr=[0.1, 0.2], seeds=[0, 1], epochs=2, jobs=1)
    assert without_times(again) == without_times(table)


def test_records_are_run_once(digits, tmp_path):
    path = tmp_path / "runs.jsonl"
    first = mlpc.sweep(VARIANTS, digits[0], epochs=1, records=path)
    lines = path.read_text()
    second = mlpc.sweep(VARIANTS, digits[0], epochs=1, records=path)
    assert path.read_text() == lines and lines.count("\n") == 2
    assert list(second.seconds) == list(first.seconds)


def test_other_data_are_not_confused(digits, tmp_path):
    path = tmp_path / "runs.jsonl"
    mlpc.sweep({"linear": {"sizes": [64, 10]}}, digits[0], epochs=1, records=path)
    mlpc.sweep({"linear": {"sizes": [64, 10]}}, digits[1], epochs=1, records=path)
    assert path.read_text().count("\n") == 2


def test_a_torn_line_is_run_again(digits, tmp_path):
    path = tmp_path / "runs.jsonl"
    first = mlpc.sweep(VARIANTS, digits[0], epochs=1, records=path, jobs=1)
    whole = path.read_text()
    path.write_text(whole[:-40])
    second = mlpc.sweep(VARIANTS, digits[0], epochs=1, records=path, jobs=1)
    assert list(second.digest) == list(first.digest)
    assert json.loads(path.read_text().splitlines()[-1])["digest"] == first.digest.iloc[-1]


def test_an_interrupted_sweep_goes_on_where_it_was(digits, tmp_path):
    path = tmp_path / "runs.jsonl"
    program = f"""
import mlpc, signal, threading, time, pathlib, os
data, _ = mlpc.datasets.load_digits()
def interrupt():
    while not pathlib.Path({str(path)!r}).exists(): time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
try:
    mlpc.sweep({{"long": {{"sizes": [64, 64, 10]}}}}, data, seeds=range(200), epochs=20, records={str(path)!r}, jobs=1)
except KeyboardInterrupt:
    print("stopped")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=True)
    assert done.stdout == "stopped\n"
    kept = path.read_text()
    assert 1 <= kept.count("\n") < 200 and all(json.loads(line)["digest"] for line in kept.splitlines())
    table = mlpc.sweep({"long": {"sizes": [64, 64, 10]}}, digits[0], seeds=[0, 1], epochs=20, records=path)
    assert table.digest[0] == json.loads(kept.splitlines()[0])["digest"]
    assert path.read_text().startswith(kept)


def test_a_run_that_diverges_is_a_row_with_its_message(digits):
    table = mlpc.sweep({"net": {"sizes": [64, 32, 10]}}, digits[0], lr=[0.1, 1e30], epochs=1)
    assert table.error[0] == "" and np.isfinite(table.loss[0])
    assert "learning rate" in table.error[1] and np.isnan(table.loss[1])


def test_schedules_follow_the_learning_rate(digits):
    variant = {"sizes": [64, 10], "schedule": lambda lr: mlpc.schedules.Cosine(lr, epochs=2)}
    table = mlpc.sweep({"net": variant}, digits[0], lr=0.3, epochs=2)
    net = mlpc.MLP([64, 10])
    net.fit(*digits[0], epochs=2, lr=mlpc.schedules.Cosine(0.3, epochs=2))
    assert table.digest[0] == net.digest()
    assert table.schedule[0].startswith("Cosine(lr=0.3")


@pytest.mark.parametrize(
    ("variant", "error", "message"),
    [
        ({"sizes": [64, 10], "rate": 1}, TypeError, r"variants\['net'\].*got 'rate'"),
        ({"lr": 1}, ValueError, r"variants\['net'\]: expected 'sizes'"),
        ({"sizes": [64, 10], "optimizer": "x"}, ValueError, "optimizer: expected one of"),
        ({"sizes": [64, 10], "init": {}}, TypeError, r"variants\['net'\]: expected the name of an init, got dict"),
    ],
)
def test_bad_variants_are_named(digits, variant, error, message):
    with pytest.raises(error, match=message):
        mlpc.sweep({"net": variant}, digits[0])


@pytest.mark.parametrize("jobs", [0, -1])
def test_a_number_of_jobs_is_at_least_one(digits, jobs):
    before = mlpc.get_num_threads()
    with pytest.raises(ValueError, match=r"jobs: expected"):
        mlpc.sweep({"net": {"sizes": [64, 10]}}, digits[0], jobs=jobs)
    assert mlpc.get_num_threads() == before


def test_optimizers_have_settings_of_their_own(digits, tmp_path):
    path = tmp_path / "runs.jsonl"
    variants = {
        "adam": {"sizes": [64, 10], "optimizer": "adam", "betas": (0.8, 0.99), "lr": 0.01},
        "sgd": {"sizes": [64, 10], "momentum": 0.9, "lr": 0.1},
    }
    table = mlpc.sweep(variants, digits[0], epochs=1, records=path)
    net = mlpc.MLP([64, 10])
    net.fit(*digits[0], epochs=1, optimizer=mlpc.optim.Adam(net, 0.01, betas=(0.8, 0.99)))
    assert table.digest[0] == net.digest()
    assert list(mlpc.sweep(variants, digits[0], epochs=1, records=path).digest) == list(table.digest)
    assert path.read_text().count("\n") == 2
    with pytest.raises(TypeError, match=r"variants\['adam'\].*betas.*got 'momentum'"):
        mlpc.sweep({"adam": {"sizes": [64, 10], "optimizer": "adam", "momentum": 0.9}}, digits[0])


def test_networks_side_by_side_share_the_threads_and_give_them_back(monkeypatch):
    seen, train = [], mlpc.sweeps._train

    def watched(*arguments):
        seen.append(mlpc.get_num_threads())
        return train(*arguments)

    monkeypatch.setattr(_mlpc, "cpus", lambda: 4)
    monkeypatch.setattr(mlpc.sweeps, "_train", watched)
    before = mlpc.get_num_threads()
    try:
        for threads, jobs, expected in [(4, 4, 1), (4, 2, 2), (1, 1, 1), (3, 1, 3)]:
            mlpc.set_num_threads(threads)
            mlpc.sweep({"a": {"sizes": [2, 2]}}, (np.eye(2), [0, 1]), lr=0.1, epochs=1, jobs=jobs, progress=False)
            assert seen.pop() == expected
            assert mlpc.get_num_threads() == threads
    finally:
        mlpc.set_num_threads(before)


def test_each_run_of_threads_has_its_own_limit(monkeypatch):
    """Nobody else's calls are limited while a sweep trains, and two sweeps at once leave nothing behind."""
    seen, train = [], mlpc.sweeps._train
    inside, other_is_done = threading.Barrier(2), threading.Event()

    def watched(run, *arguments):
        inside.wait(600)
        elsewhere = threading.Thread(target=lambda: seen.append(mlpc.get_num_threads()))
        elsewhere.start()
        elsewhere.join()
        if run["variant"] == "last":
            assert other_is_done.wait(600)
        return train(run, *arguments)

    def sweep(name):
        mlpc.sweep({name: {"sizes": [2, 2]}}, (np.eye(2), [0, 1]), epochs=1, jobs=1, progress=False)
        if name == "first":
            other_is_done.set()

    monkeypatch.setattr(_mlpc, "cpus", lambda: 1)
    monkeypatch.setattr(mlpc.sweeps, "_train", watched)
    before = mlpc.get_num_threads()
    try:
        mlpc.set_num_threads(3)
        sweeps = [threading.Thread(target=sweep, args=(name,)) for name in ("first", "last")]
        for thread in sweeps:
            thread.start()
        for thread in sweeps:
            thread.join()
        assert seen == [3, 3] and mlpc.get_num_threads() == 3
    finally:
        mlpc.set_num_threads(before)


def test_two_sweeps_at_once_find_what_one_finds(table, digits):
    tables = {}

    def sweep(name):
        tables[name] = mlpc.sweep(
            VARIANTS, digits[0], validation_data=digits[1], lr=[0.1, 0.2], seeds=[0, 1], epochs=2, progress=False
        )

    sweeps = [threading.Thread(target=sweep, args=(name,)) for name in range(2)]
    for thread in sweeps:
        thread.start()
    for thread in sweeps:
        thread.join()
    assert without_times(tables[0]) == without_times(tables[1]) == without_times(table)


# ---- What is checked, before anything is trained -------------------------------------------------------------------

X, Y = np.eye(4, dtype="<f4"), np.arange(4, dtype="<i8") % 2


@pytest.fixture
def no_training(monkeypatch):
    def fail(*arguments):
        raise AssertionError("a training has begun")

    monkeypatch.setattr(mlpc.sweeps, "_train", fail)


@pytest.mark.parametrize(
    ("variant", "keywords", "message"),
    [
        ({"sizes": [4, 63.99, 2]}, {}, r"variants\['b'\]: sizes\[1\]: expected an integer, got 63\.99"),
        ({"sizes": [4, 3.0, 2]}, {}, r"variants\['b'\]: sizes\[1\]: expected an integer, got 3\.0"),
        ({"sizes": 4}, {}, r"variants\['b'\]: sizes: expected a list of integers like \[784, .*, got 4"),
        ({"sizes": [4, 2]}, {"epochs": 2.9}, r"epochs: expected an integer, got 2\.9"),
        ({"sizes": [4, 2], "epochs": 2.0}, {}, r"variants\['b'\]: epochs: expected an integer, got 2\.0"),
        ({"sizes": [4, 2]}, {"batch_size": 32.9}, r"batch_size: expected an integer, got 32\.9"),
        ({"sizes": [4, 2], "batch_size": "8"}, {}, r"variants\['b'\]: batch_size: expected an integer, got '8'"),
        ({"sizes": [4, 2]}, {"seeds": [0, 0.5]}, r"seeds\[1\]: expected an integer, got 0\.5"),
        ({"sizes": [4, 2]}, {"seeds": 3}, r"seeds: expected a list of integers like range\(3\) .*, got 3"),
        ({"sizes": [4, 2]}, {"seeds": "012"}, r"seeds: expected a list of integers .*, got '012'"),
        ({"sizes": [4, 2]}, {"jobs": 1.5}, r"jobs: expected an integer, got 1\.5"),
        ({"sizes": [4, 2], "lr": "0.1"}, {}, r"variants\['b'\]: lr: expected a number, got '0\.1'"),
        ({"sizes": [4, 2], "lr": [0.1, None]}, {}, r"variants\['b'\]: lr: expected a number, got None"),
        ({"sizes": [4, 2], "momentum": [0.5, "0.9"]}, {}, r"variants\['b'\]: momentum: expected a number, got '0\.9'"),
        ({"sizes": [4, 2], "schedule": 0.1}, {}, r"variants\['b'\]: schedule: expected a function .*, got 0\.1"),
        ({"sizes": [4, 2], "schedule": lambda lr: lr / 2}, {}, r"schedule: expected a function .*, got one to 0\.05"),
        ({"sizes": [4, 2], "schedule": lambda lr: lambda t: None}, {}, r"lr at t = 0\.5 epochs: .*, got None"),
        ([4, 2], {}, r"variants: expected a mapping of names to mappings, got \{'a'"),
    ],
)
@pytest.mark.usefixtures("no_training")
def test_wrong_types_are_found_before_any_training(variant, keywords, message):
    variants = {"a": {"sizes": [4, 2]}, "b": variant}
    with pytest.raises(TypeError, match=message):
        mlpc.sweep(variants, (X, Y), **{"lr": [0.1], "progress": False} | keywords)


@pytest.mark.parametrize(
    ("variant", "keywords", "message"),
    [
        ({"sizes": [4, 0, 2]}, {}, r"variants\['b'\]: sizes\[1\]: expected an integer >= 1, got 0"),
        ({"sizes": [3, 2]}, {}, r"variants\['b'\]: x: expected shape"),
        ({"sizes": [4, 2], "activation": ["tanh"]}, {}, r"variants\['b'\]: activation"),
        ({"sizes": [4, 2], "loss": "l2"}, {}, r"variants\['b'\]: loss"),
        ({"sizes": [4, 2], "optimizer": ["sgd"]}, {}, r"variants\['b'\]: optimizer: expected one of .*, got \['sgd'\]"),
        ({"sizes": [4, 2], "lr": [0.1, -1]}, {}, r"variants\['b'\]: lr: expected .* >= 0, got -1"),
        ({"sizes": [4, 2], "lr": []}, {}, r"variants\['b'\]: lr: expected at least one value, got none"),
        ({"sizes": [4, 2], "momentum": [0.9, 1.0]}, {}, r"variants\['b'\]: momentum: expected a number in \[0, 1\)"),
        (
            {"sizes": [4, 2], "optimizer": "adam", "betas": [(0.9, 0.99), (0.9, 1.0)]},
            {},
            r"beta2: expected a number in \[0, 1\)",
        ),
        ({"sizes": [4, 2], "epochs": -1}, {}, r"variants\['b'\]: epochs"),
        ({"sizes": [4, 2], "schedule": lambda lr: lambda t: 1 - t}, {}, r"lr at t = 1\.5 epochs: .*, got -0\.5"),
        ({"sizes": [4, 2]}, {"seeds": []}, r"seeds: expected at least one, got none"),
        ({"sizes": [4, 2]}, {"seeds": [-1]}, r"seeds\[0\]: expected an integer in"),
        ({"sizes": [4, 2]}, {"validation_data": (X[:, :3], Y)}, "validation_data: x: expected shape"),
    ],
)
@pytest.mark.usefixtures("no_training")
def test_wrong_values_are_found_before_any_training(variant, keywords, message):
    variants = {"a": {"sizes": [4, 2], "epochs": 1}, "b": variant}
    with pytest.raises(ValueError, match=message):
        mlpc.sweep(variants, (X, Y), **{"epochs": 2, "progress": False} | keywords)


# ---- Defaults and grids --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("optimizer", "lr"), [("sgd", 0.1), ("adam", 0.001), ("adamw", 0.001)])
def test_defaults_are_those_of_fit(digits, optimizer, lr):
    net, sgd = mlpc.MLP([64, 10]), mlpc.MLP([64, 10])
    net.fit(*digits[0], epochs=1, optimizer=optimizer)
    sgd.fit(*digits[0], epochs=1)
    variants = {"named": {"sizes": [64, 10], "optimizer": optimizer}, "default": {"sizes": [64, 10]}}
    table = mlpc.sweep(variants, digits[0], epochs=1)
    assert list(table.digest) == [net.digest(), sgd.digest()]
    assert list(table.lr) == [lr, 0.1] and list(table.optimizer) == [optimizer, "sgd"]


def test_settings_of_optimizers_can_be_grids(tmp_path):
    path = tmp_path / "runs.jsonl"
    variants = {
        "sgd": {"sizes": [4, 3, 2], "momentum": [0.0, 0.9], "weight_decay": np.array([0.0, 0.01, 0.1])},
        "adam": {"sizes": [4, 2], "optimizer": "adam", "betas": [(0.9, 0.999), (0.5, 0.9)], "lr": [0.1, 0.2]},
        "pair": {"sizes": [4, 2], "optimizer": "adam", "betas": [0.5, 0.9]},
    }
    table = mlpc.sweep(variants, (X, Y), lr=0.3, epochs=2, batch_size=2, seeds=[0, 1], records=path, progress=False)
    rows = [(m, d, seed) for m in (0.0, 0.9) for d in (0.0, 0.01, 0.1) for seed in (0, 1)]
    assert list(zip(table.momentum, table.weight_decay, table.seed, strict=True))[:12] == rows
    adam = [(lr, betas) for lr in (0.1, 0.2) for betas in ([0.9, 0.999], [0.5, 0.9]) for _ in range(2)]
    assert list(zip(table.lr, table.betas, strict=True))[12:] == [*adam, *[(0.3, [0.5, 0.9])] * 2]
    assert table.digest[:12].nunique() == 12 and table.digest[12:20].nunique() == 8
    for row in (7, 16):
        net = mlpc.MLP(table.sizes[row], seed=int(table.seed[row]))
        names = ["momentum", "weight_decay"] if row < 12 else ["betas"]
        optimizer = mlpc.optim.OPTIMIZERS[table.optimizer[row]]
        settings = {name: table[name][row] for name in names}
        net.fit(X, Y, epochs=2, batch_size=2, optimizer=optimizer(net, float(table.lr[row]), **settings))
        assert net.digest() == table.digest[row]
    again = mlpc.sweep(variants, (X, Y), lr=0.3, epochs=2, batch_size=2, seeds=[0, 1], records=path, progress=False)
    assert path.read_text().count("\n") == 22 and list(again.digest) == list(table.digest)


RECORDED = """
{"variant": "adam", "sizes": [4, 2], "layers": 0, "units": "", "activation": "relu", "n_parameters": 10, \
"loss_name": "cross_entropy", "dtype": "float32", "init": "torch", "optimizer": "adam", "lr": 0.1, \
"betas": [0.8, 0.99], "eps": 1e-08, "weight_decay": 0.0, "schedule": "constant", "batch_size": 2, "epochs": 2, \
"seed": 1, "arithmetic": ARITHMETIC, "data": "c680483c8216a7ec", "seconds": 1.0, "loss": 0.5, "accuracy": 0.75, \
"val_loss": NaN, "val_accuracy": NaN, "digest": "recorded", "error": "", "history": {}}
{"variant": "sgd", "sizes": [4, 3, 2], "layers": 1, "units": "3", "activation": "tanh", "n_parameters": 23, \
"loss_name": "cross_entropy", "dtype": "float32", "init": "torch", "optimizer": "sgd", "lr": 0.1, "momentum": 0.9, \
"nesterov": false, "weight_decay": 0.0, "schedule": "Cosine(lr=0.1, epochs=2, minimum=0.0, warmup=0.0)", \
"batch_size": 2, "epochs": 2, "seed": 1, "arithmetic": ARITHMETIC, "data": "c680483c8216a7ec", "seconds": 1.0, \
"loss": 0.5, "accuracy": 0.75, "val_loss": NaN, "val_accuracy": NaN, "digest": "recorded", "error": "", "history": {}}
""".replace("ARITHMETIC", str(mlpc.ARITHMETIC))
"""Of the first version of this file's format."""


def test_records_of_before_hold_for_just_the_same_runs(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_text(RECORDED.lstrip())
    cosine = {"schedule": lambda lr: mlpc.schedules.Cosine(lr, epochs=2)}
    variants = {
        "sgd": {"sizes": [4, 3, 2], "activation": "tanh", "momentum": [0.0, 0.9], "lr": 0.1} | cosine,
        "adam": {"sizes": [4, 2], "optimizer": "adam", "betas": (0.8, 0.99), "lr": [0.001, 0.1]},
    }
    keywords = {"epochs": 2, "batch_size": 2, "seeds": [1], "records": path, "progress": False}
    table = mlpc.sweep(variants, (X, Y), **keywords)
    assert [digest == "recorded" for digest in table.digest] == [False, True, False, True]


def test_any_function_of_time_is_a_schedule(tmp_path):
    path = tmp_path / "runs.jsonl"
    for power in (1, 2, 1):
        variant = {"sizes": [4, 2], "schedule": lambda lr, power=power: lambda t: lr / (1 + t) ** power}
        table = mlpc.sweep({"a": variant}, (X, Y), lr=0.3, epochs=3, batch_size=3, records=path, progress=False)
        net = mlpc.MLP([4, 2])
        net.fit(X, Y, epochs=3, batch_size=3, lr=lambda t, power=power: 0.3 / (1 + t) ** power)
        assert table.digest[0] == net.digest()
    assert path.read_text().count("\n") == 2  # what the functions say tells them apart


def test_schedules_with_a_call_of_their_own_are_not_taken_for_others(tmp_path):
    class Doubled(mlpc.schedules.Constant):
        def __call__(self, t):
            return 2 * self.lr

    path = tmp_path / "runs.jsonl"
    tables = [
        mlpc.sweep({"a": {"sizes": [4, 2], "schedule": make}}, (X, Y), lr=0.3, epochs=1, records=path, progress=False)
        for make in (mlpc.schedules.Constant, Doubled)
    ]
    assert tables[0].digest[0] != tables[1].digest[0]
    assert (
        tables[1].digest[0] == mlpc.sweep({"a": {"sizes": [4, 2]}}, (X, Y), lr=0.6, epochs=1, progress=False).digest[0]
    )


def test_sparse_rows_have_the_bits_of_the_array(digits, tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    path = tmp_path / "runs.jsonl"
    settings = {"lr": 0.1, "epochs": 2, "records": path}
    dense = mlpc.sweep(VARIANTS, digits[0], validation_data=digits[1], **settings)
    (x, y), (x_test, y_test) = digits
    rows = (sparse.csr_array(x), y), (sparse.csc_array(x_test), y_test)
    table = mlpc.sweep(VARIANTS, rows[0], validation_data=rows[1], **settings)
    assert list(table.digest) == list(dense.digest)
    assert list(table.val_loss) == list(dense.val_loss)
    assert len({json.loads(line)["data"] for line in path.read_text().splitlines()}) == 2  # fingerprints
    other = sparse.csr_array((rows[0][0].data, rows[0][0].indices, rows[0][0].indptr), shape=(len(y), 65))
    with pytest.raises(ValueError, match=r"x: expected shape \(n, 64\) with at least one row, got \(\d+, 65\)"):
        mlpc.sweep(VARIANTS, (other, y), **settings)


def test_columns_of_another_order_are_refused():
    """The figures of validation would be those of other data."""
    import pandas

    x, y = pandas.DataFrame({"a": [0.0, 1.0], "b": [1.0, 0.0]}), [0, 1]
    variants = {"linear": {"sizes": [2, 2]}}
    with pytest.raises(ValueError, match="validation_data: x: expected the columns in the order that fit had"):
        mlpc.sweep(variants, (x, y), validation_data=(x[["b", "a"]], y))
    assert len(mlpc.sweep(variants, (x, y), validation_data=(x, y), epochs=1)) == 1
