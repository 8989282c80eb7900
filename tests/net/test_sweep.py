"""mlpc.sweep: its rows are those of trainings by hand, whatever the threads, and survive interruptions."""

import json
import subprocess
import sys

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
    assert row.digest == mlpc.testing.digest(net)
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
    assert table.digest[0] == mlpc.testing.digest(net)
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
    assert table.digest[0] == mlpc.testing.digest(net)
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
