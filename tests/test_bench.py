"""The benchmark without its clock: what it draws, what contenders compute, and what it says of what was measured."""

import importlib.util
import itertools
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import mlpc

BENCH = Path(__file__).resolve().parent.parent / "bench"
SEEDS = range(3)
ACTIVATIONS = {name.removesuffix("_forward") for name in mlpc.activations.__all__ if name.endswith("_forward")}


@pytest.fixture
def bench(monkeypatch):
    """Imports a module of bench/, which is no package: its files call each other by their own names."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(BENCH)
    yield lambda name: __import__(name)
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "").parent == BENCH:
            del sys.modules[name]


# ---- What is drawn ---------------------------------------------------------------------------------------------------


def test_rows_have_the_names_that_patterns_ask_for(bench):
    task = bench("task")
    names = [str(each) for each in task.all_tasks(60_000)]
    assert str(task.Task()) == "784-100-10/mnist/sgd/b64/t1/float32"
    assert len(set(names)) == len(names)
    drawn = task.Task("3000-2048-10", "normal", "adam", 1024, activation="gelu")
    assert str(drawn) == "3000-2048-10+gelu/normal/adam/b1024/t1/float32"


def test_a_seed_draws_the_same_shapes_everywhere(bench):
    shapes = bench("shapes")
    assert shapes.drawn(0) == shapes.drawn(0) != shapes.drawn(1)
    assert [str(task) for task in shapes.drawn(0)[:2]] == [
        "58-565-94-40-152-2/sparse/adam/b12/t1/float32",
        "240-45-558-2+tanh/bytes/sgd/b9/t1/float32",
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_shapes_keep_their_ranges(bench, seed):
    shapes, task = bench("shapes"), bench("task")
    drawn = shapes.drawn(seed)
    assert len(drawn) == len({str(each) for each in drawn}) == 40
    for each in drawn:
        n_in, *hidden, n_out = each.sizes
        assert 4 <= n_in <= 3000 and 1 <= len(hidden) <= 6 and all(10 <= width <= 2048 for width in hidden)
        assert n_out in (1, 2, 10) and 1 <= each.batch <= 1024
        assert each.samples % each.batch == 0 and each.samples >= 4 * each.batch
        assert each.samples * n_in <= max(1.01 * shapes.VALUES, 4 * each.batch * n_in)
        assert each.samples // each.batch * shapes.multiply_adds(each) < 2 * 50e9
    assert {each.activation for each in drawn} == ACTIVATIONS
    assert {each.input for each in drawn} == set(task.DRAWN_INPUTS)
    assert {each.optimizer for each in drawn} == set(task.OPTIMIZERS)
    assert {each.dtype for each in drawn} == set(task.DTYPES)


def test_work_of_a_step(bench):
    shapes, task = bench("shapes"), bench("task")
    # 20 x 5 and 5 x 2 weights: forward and dW of both, dX of the second, for 3 rows
    assert shapes.multiply_adds(task.Task("20-5-2", "normal", batch=3)) == 3 * (2 * 100 + 3 * 10)
    assert shapes.multiply_adds(task.Task("20-5-2", "zeros", batch=3)) == 3 * (2 * 10 + 3 * 10)
    # 105 and 12 parameters of 4 bytes: read twice, the second layer's three times, and written once; means and squares
    # read and written
    assert shapes.bytes_moved(task.Task("20-5-2", "normal", batch=3)) == (105 * 3 + 12 * 4) * 4 + 60 * 4
    assert shapes.bytes_moved(task.Task("20-5-2", "bytes", "adam", 3)) == (105 * 7 + 12 * 8) * 4 + 60
    sparse = task.Task("20-5-2", "sparse", batch=3, dtype="float64")
    assert shapes.bytes_moved(sparse) == (105 * 3 + 12 * 4) * 8 + 6 * 12
    assert shapes.roots(task.Task("20-5-2", "normal", "adam")) == 105 + 12
    assert shapes.roots(task.Task("20-5-2", "normal", "sgd")) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_drawn_can_be_called_by_its_name(bench, seed):
    shapes, task = bench("shapes"), bench("task")
    for each in shapes.drawn(seed):
        assert shapes.with_rows(task.Task.named(str(each))) == each


@pytest.mark.parametrize(
    "name",
    [
        "784-100-10/mnist/sgd/b64/t1/float32",
        "4-3/normal/sgd/b*/t1/float32",
        "4-3/normal/sgd/b0/t1/float32",
        "0-3/normal/sgd/b1/t1/float32",
        "4-3-1+gellu/normal/sgd/b1/t1/float32",
        "4/normal",
    ],
)
def test_other_names_are_of_no_shape(bench, name):
    assert bench("task").Task.named(name) is None


def test_rows_ask_for_what_was_drawn_and_for_shapes_by_name(bench):
    shapes, own = bench("shapes"), "30-20-10+gelu/normal/adam/b8/t2/float32"
    drawn = "15-251-1/bytes/sgd/b28/t1/float32"
    by_threads = shapes.asked(False, ["15-251-1*", drawn, own], 0, [1])
    assert {number: [str(task) for task in tasks] for number, tasks in by_threads.items()} == {1: [drawn], 2: [own]}
    assert by_threads[2][0].samples % 8 == 0
    assert len(shapes.asked(False, None, 0, [1])[1]) == 8 and len(shapes.asked(True, None, 0, [1])[1]) == 40


# ---- What the contenders compute -------------------------------------------------------------------------------------


@pytest.fixture
def losses(bench, monkeypatch):
    """The losses of two epochs, by what a contender serves."""
    common, of_mlpc = bench("common"), mlpc.get_num_threads()
    torch = importlib.import_module("torch") if importlib.util.find_spec("torch") else None
    of_torch = torch and torch.get_num_threads()

    def trained(script, task, variant=""):
        served = {}
        with monkeypatch.context() as patched:
            patched.setattr(common, "serve", lambda **kinds: served.update(kinds))
            runpy.run_path(str(BENCH / f"peers/{script}.py"))
        x, y = common.training_data(task)
        weights = common.initial_weights(task)
        if "fits" in served:
            return served["fits"](task, variant, x, y, weights)()(2)
        train = served["epochs"](task, variant, x, y, weights)
        return [float(train(common.order(len(y), epoch))) for epoch in range(2)]

    yield trained
    mlpc.set_num_threads(of_mlpc)
    if of_torch:
        torch.set_num_threads(of_torch)


def tasks_of_all_kinds(task):
    """Every activation, loss, input, optimizer and dtype, among few tasks."""
    inputs, dtypes, optimizers = itertools.cycle(task.DRAWN_INPUTS), itertools.cycle(task.DTYPES), ("sgd", "adam")
    for number, activation in enumerate(sorted(ACTIVATIONS)):
        network = f"12-9-7-{(1, 2, 10)[number % 3]}"
        yield task.Task(
            network,
            next(inputs),
            optimizers[number // 2 % 2],
            16,
            dtype=next(dtypes),
            samples=80,
            activation=activation,
        )


PEERS = [
    ("torch_nn", "torch", "eager"),
    ("torch_nn", "torch", "fused"),
    ("jax_jit", "jax", ""),
    ("sklearn_mlp", "sklearn", ""),
]


@pytest.mark.parametrize("script, package, variant", PEERS)
def test_contenders_compute_the_same(bench, losses, script, package, variant):
    pytest.importorskip(package)
    pytest.importorskip("scipy")
    contenders = {(each.script, each.variant): each for each in bench("contenders").TRAINING.values()}
    tasks = [each for each in tasks_of_all_kinds(bench("task")) if contenders[script, variant].takes(each)]
    assert len(tasks) == (13 if script != "sklearn_mlp" else 3)
    for task in tasks:
        expected = losses("mlpc_net", task)
        assert expected[1] < expected[0]
        np.testing.assert_allclose(losses(script, task, variant), expected, rtol=1e-4, err_msg=str(task))


# ---- What is said of what was measured -------------------------------------------------------------------------------


LIMITS = {"FMA": 4e9, "memory": 2e9, "roots": 1e8}  # a second
WORK = {"limits": LIMITS, "bytes": 1e6, "multiply_adds": 1e6, "roots": 0, "is_cached": False}  # of a step


def measured(name, threads, times, **of_row):
    """A row of `shapes.section`, of best times; a negative one is void."""
    results = {}
    for contender, best in times.items():
        seconds = [abs(best), 1.5 * abs(best), 2 * abs(best)]
        results["mlpc, fit of 1" if contender == "mlpc" else contender] = {
            "label": contender, "median": seconds[1], "seconds": seconds, "loss": 9.0, "void": best < 0,
        }  # fmt: skip
    task = {"threads": threads, "samples": 200, "batch": 20}
    return {"name": name, "task": task, "results": results, **of_row}


def test_table_of_shapes(bench):
    """A step of the first row takes 1 ms, of which arithmetic at the peak would take a quarter, and memory a half."""
    rows = [
        measured("close", 1, {"mlpc": 0.01, "torch": 0.04, "torch_fused": 0.03, "jax": 0.0105}, **WORK),
        measured("far", 1, {"mlpc": 0.01, "torch": 0.2, "torch_fused": 0.25, "jax": 0.03}, **WORK),
        measured("void", 1, {"mlpc": 0.01, "torch": 0.09, "torch_fused": -0.001, "jax": -0.001}, **WORK),
        measured("ours is void", 2, {"mlpc": -0.01, "torch": 0.001}, **WORK),
        measured("two", 2, {"mlpc": 0.02, "torch": 0.01}, **WORK),
    ]
    shapes = bench("shapes")
    lines = shapes.table({"seed": 7, "rows": rows}).splitlines()
    assert lines[0].startswith("Seed 7")
    for line in (
        "| close | 200 | 1e+06 | 10.0 ms (15.0 ms) | 30.0 ms (45.0 ms), 3.00 x | 10.5 ms (15.8 ms), 1.05 x |  |",
        "| void | 200 | 1e+06 | 10.0 ms (15.0 ms) | 90.0 ms (0.135 s), 9.00 x | void |  |",
        "| ours is void | 200 | 1e+06 | void: loss 9.0000 | 1.00 ms (1.50 ms) |  |  |",
        "| 1 | PyTorch | 3 | 9.00 x | 3.00 x |",
        "| 1 | JAX | 2 | 2.02 x | 1.05 x |",
        "| 2 | PyTorch | 1 | 0.50 x | 0.50 x |",
    ):
        assert line in lines
    assert lines[-4:] == [
        "| two | 0.50 x, PyTorch | 12 % | 25 % |  | none of them |",
        "| close | 1.05 x, JAX | 25 % | 50 % |  | memory |",
        "| far | 3.00 x, JAX | 25 % | 50 % |  | memory |",
        "| void | 9.00 x, PyTorch | 25 % | 50 % |  | memory |",
    ]


@pytest.mark.parametrize(
    "work, said",
    [
        ({"roots": 80_000}, "25 % | 50 % | 80 % | roots"),
        ({"roots": 20_000, "bytes": 4e5}, "25 % | 20 % | 20 % | FMA, roots"),  # each less than a third of the time
        ({"bytes": 2e6}, "25 % | 100 % |  | memory"),
        ({"bytes": 4e6, "is_cached": True}, "25 % | 200 % |  | none of them"),
    ],
)
def test_what_bounds_a_row(bench, work, said):
    """Ten steps in 10 ms; there can be 100,000 roots in one of them."""
    row = measured("row", 1, {"mlpc": 0.01, "jax": 0.01}, **{**WORK, **work})
    assert bench("shapes").worst([row]).splitlines()[-1] == f"| row | 1.00 x, JAX | {said} |"


def test_networks_in_the_last_cache(bench, monkeypatch):
    shapes, task = bench("shapes"), bench("task")
    monkeypatch.setattr(shapes, "last_level_cache", lambda: 1_000_000)
    assert shapes.is_cached(task.Task("20-5-2", "normal"))
    assert shapes.is_cached(task.Task("499-499", "normal"))
    assert not shapes.is_cached(task.Task("499-499", "normal", dtype="float64"))
    assert not shapes.is_cached(task.Task("499-499", "normal", "adam"))


def test_all_shapes_that_are_close_say_what_bounds_them(bench):
    rows = [
        measured(f"row {i}", 1, {"mlpc": 1.0, "jax": ratio}, **WORK) for i, ratio in enumerate([1.05] * 7 + [2] * 3)
    ]
    assert bench("shapes").worst(rows).count("| row") == 7


def test_table_of_kernels(bench):
    """GFLOP/s, of the peak or as a multiple; a forward of 4 x 4 weights and one row moves 96 bytes in 32 operations."""
    results = {
        name: {"label": name, "forward": speed, "dx": speed / 2, "dw": speed / 4}
        for name, speed in {"mlpc": 8.0, "torch": 4.0}.items()
    }
    report = {
        "peaks": {"float32": {"isa": "avx2", "gflops": 16.0}},
        "memory": {"read": 10.0, "triad": 8.0},
        "rows": [{"dtype": "float32", "width": 4, "batch": 1, "peak": 16.0, "results": results}],
    }
    *_, header, _, row = bench("kernels").table(report).splitlines()
    assert header.count("torch") == 3
    assert row == (
        "| float32 | 4 x 4 | 1 | 8.00 (50 %) | 4.00, 2.00 x | 4.00 (25 %) | 2.00, 2.00 x | 2.00 (12 %) | 1.00, 2.00 x "
        "| 24.0 |"
    )
