"""Epochs in batches of few rows with wide layers, whose products threads share out by units: the bits of one thread, of
one call after the other, and of a loop over them in Python."""

import os
import subprocess
import sys

import numpy as np
import pytest
from test_training_paths import BETWEEN, train_mode

import mlpc

THREADS = (2, 3, 7)
SIZES = [200, 700, 660, 40, 3]  # the second layer is wide enough for so many, on any instruction set
ROWS = (1, 3, 7)  # fewer than threads, and more


@pytest.fixture(autouse=True)
def threads():
    """The number of threads is the process's: put back what it was."""
    before = mlpc.get_num_threads()
    yield
    mlpc.set_num_threads(before)


def samples(n, dtype, density=1.0):
    rng = np.random.default_rng([n, int(100 * density)])
    x = rng.standard_normal((n, SIZES[0])) / 2
    x[rng.random(x.shape) >= density] = 0
    return x.astype(dtype), rng.integers(0, 3, n)


def between_of(name, batch_size):
    """What stands between products, for three hidden layers; batch norm needs two rows."""
    given = {key: value if not isinstance(value, list) else [*value, value[0]] for key, value in BETWEEN[name].items()}
    if batch_size == 1 and "batch" in str(given).lower():
        pytest.skip("batch norm of one row is an error")
    return given


@pytest.mark.parametrize("between", ["none", *BETWEEN])
@pytest.mark.parametrize("zeros", ["multiply", "skip"])
@pytest.mark.parametrize("batch_size", ROWS)
def test_any_number_of_threads(batch_size, zeros, between):
    """The last batch is shorter, or takes the last row as well."""
    x, y = samples(2 * batch_size + 1, np.float32, 0.4)
    given = {"batch_size": batch_size, "optimizer": "momentum"}
    given |= between_of(between, batch_size) if between != "none" else {}
    plain = train_mode(SIZES, x, y, keep_gradients=True, **given)
    for threads in (1, *THREADS):
        assert train_mode(SIZES, x, y, keep_gradients=False, zeros=zeros, threads=threads, **given) == plain


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_every_instruction_set(optimizer, dtype, isa):
    x, y = samples(5, dtype)
    given = {"batch_size": 3, "optimizer": optimizer}
    plain = train_mode(SIZES, x, y, keep_gradients=True, **given)
    for threads in (1, 3):
        assert train_mode(SIZES, x, y, keep_gradients=False, threads=threads, **given) == plain


@pytest.mark.parametrize("norm", [None, "layer", "batch"])
@pytest.mark.parametrize("batch_size", ROWS)
def test_a_loop_in_python(batch_size, norm):
    if batch_size == 1 and norm == "batch":
        pytest.skip("batch norm of one row is an error")
    x, y = samples(3 * batch_size, np.float32)
    given = {"norm": norm, "dropout": 0.3, "seed": 2}
    looped = mlpc.MLP(SIZES, "gelu", **given)
    optimizer = mlpc.optim.Adam(looped, 0.01)
    for start in range(0, len(x), batch_size):
        looped.forward(x[start : start + batch_size])
        looped.loss(y[start : start + batch_size])
        looped.backward()
        optimizer.step()
    for threads in (1, *THREADS):
        mlpc.set_num_threads(threads)
        net = mlpc.MLP(SIZES, "gelu", **given)
        optimizer = mlpc.optim.Adam(net, 0.01)
        net.fit(x, y, epochs=1, batch_size=batch_size, optimizer=optimizer, shuffle=False, progress=False)
        assert net.digest() == looped.digest()


@pytest.mark.parametrize("threads", THREADS)
def test_divergence_in_the_row_of_any_thread_leaves_all_as_it_was(threads):
    mlpc.set_num_threads(threads)
    for bad in range(7, 14):
        x, y = samples(21, np.float32)
        net = mlpc.MLP(SIZES, "relu", seed=3)
        before, optimizer = net.digest(), mlpc.optim.SGD(net, 0.1)
        x[bad, 5] = np.inf
        with pytest.raises(mlpc.DivergenceError):
            net._train_epoch(
                x, y, net.criterion.spec(), None, optimizer.epoch_spec(3), 7, False, 0, 0, False, None
            )  # fmt: skip
        assert net.digest() == before


TASKS = """
import os, numpy as np, mlpc
mlpc.set_num_threads(3)
net, x = mlpc.MLP({sizes}), np.ones(({rows}, {sizes}[0]), np.float32)
before = len(os.listdir("/proc/self/task"))
net.fit(x, np.zeros(len(x), int), batch_size={rows}, optimizer="adam", epochs=1, progress=False)
print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts the threads of a process, as Linux lists them")
@pytest.mark.parametrize(("sizes", "more"), [([3000, 1024, 10], 2), (SIZES, 2), ([60, 50, 40, 3], 0)])
@pytest.mark.parametrize("rows", ROWS)
def test_wide_layers_are_worth_threads(rows, sizes, more):
    done = subprocess.run(
        [sys.executable, "-c", TASKS.format(rows=rows, sizes=sizes)], capture_output=True, text=True, timeout=600
    )
    assert done.stdout.strip() == str(more), done.stderr
