"""Passes on several threads: the bits of one, whatever is asked for; and they can be interrupted."""

import copy
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import mlpc

THREADS = (1, 2, 3, 7, 2)  # with room for more, in the end
# Sizes and rows that are worth as many threads, or, where there are fewer rows, one for each: with units, inputs and
# rows that divide among them and that do not.
PASSES = {"wide": ([300, 130, 64, 5], 1001), "narrow": ([40, 10], 30_000), "few": ([1500, 4000, 5], 5)}


@pytest.fixture(autouse=True)
def restore():
    """The number of threads is the process's: put back what it was."""
    before = mlpc.get_num_threads()
    yield
    mlpc.set_num_threads(before)


@pytest.fixture(params=PASSES)
def sizes_and_rows(request):
    return PASSES[request.param]


def images(n, columns, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.integers(1, 256, (n, columns), np.uint8)
    x[rng.random(x.shape) < 0.8] = 0
    return x, rng.integers(0, 5, n)


def bits(result):
    return result.tobytes() if isinstance(result, np.ndarray) else result


def for_each_number(call, sizes, **settings):
    """Are the results of the call the same for each number of threads, with a new network and with a used one?"""
    results, used = [], mlpc.MLP(sizes, "tanh", seed=1, **settings)
    start = copy.deepcopy(used)  # which takes less time than to draw so many numbers
    for n in THREADS:
        mlpc.set_num_threads(n)
        for net in (copy.deepcopy(start), used):
            results.append([bits(result) for result in call(net)])
    assert len(results[0]) > 0
    assert all(result == results[0] for result in results)


# What is made of logits is shared out by rows, of any pass alike: one of them has every loss.
LOSSES = ["cross_entropy", "bce_with_logits", "poisson", "mse"]
ANSWERS = [(passes, "cross_entropy") for passes in PASSES if passes != "wide"] + [("wide", loss) for loss in LOSSES]


@pytest.mark.parametrize(("passes", "loss"), ANSWERS)
def test_answers(passes, loss, dtype):
    sizes, n = PASSES[passes]
    pixels, _ = images(n, sizes[0])
    x = pixels.astype(dtype) / 255

    def call(net):
        for rows in (x, x[: n // 2], np.ones_like(x)):
            yield net.predict(rows)
            yield net._logits(rows)
            if loss in ("cross_entropy", "bce_with_logits"):
                yield net.predict_proba(rows)
        yield net.predict(pixels, scale=1 / 255)

    for_each_number(call, sizes, loss=loss, dtype=dtype)


@pytest.mark.parametrize("loss", ["cross_entropy", "huber"])
def test_evaluations(sizes_and_rows, loss, dtype):
    sizes, n = sizes_and_rows
    x, labels = images(n, sizes[0])
    y = labels if loss == "cross_entropy" else np.random.default_rng(2).standard_normal((n, sizes[-1])).astype(dtype)
    weight = np.random.default_rng(3).random(n)

    def call(net):
        yield net.evaluate(x, y, scale=1 / 255)
        yield net.evaluate(x.astype(dtype), y, sample_weight=weight)

    for_each_number(call, sizes, loss=loss, dtype=dtype)


def test_gradients(sizes_and_rows, dtype):
    sizes, n = sizes_and_rows
    pixels, y = images(n, sizes[0])
    x = pixels.astype(dtype) / 255

    def call(net):
        yield net.loss_and_grad(x, y)
        yield net.gradients
        yield net.loss_and_grad(x[1:], y[1:], accumulate=True)
        yield net.gradients
        yield net.forward(x)
        yield from (layer.output for layer in net.layers)
        yield net.loss(y)
        yield net.backward()
        yield net.gradients
        net.gradients[:] = 0

    for_each_number(call, sizes, dtype=dtype)


def test_an_epoch_that_keeps_its_gradients(sizes_and_rows, dtype):
    sizes, n = sizes_and_rows
    pixels, y = images(n, sizes[0])
    x = pixels.astype(dtype) / 255

    start = mlpc.MLP(sizes, "tanh", seed=1, dtype=dtype).parameters

    def call(net):
        net.parameters[:] = start
        yield net.fit(x, y, epochs=1, batch_size=n - 1, shuffle=False, keep_gradients=True)["loss"]
        yield net.parameters
        yield net.gradients

    for_each_number(call, sizes, dtype=dtype)


def test_a_number_set_between_forward_and_backward():
    sizes, n = PASSES["wide"]
    x, y = images(n, sizes[0])
    gradients = []
    for before, after in ((1, 1), (7, 1), (1, 7), (3, 2)):
        net = mlpc.MLP(sizes, "tanh", seed=1)
        mlpc.set_num_threads(before)
        net.forward(x, scale=1 / 255)
        net.loss(y)
        mlpc.set_num_threads(after)
        net.backward()
        gradients.append(net.gradients.tobytes())
    assert set(gradients) == {gradients[0]}


def test_a_weight_that_is_not_finite_is_seen_by_every_thread():
    """Zeros are skipped by threads that know the weight to be finite: here it is not."""
    sizes, n = PASSES["wide"]
    x, _ = images(n, sizes[0])
    net = mlpc.MLP(sizes, "tanh", seed=1)
    net.layers[0].weight[:, 7] = np.inf  # of the column of one input
    x[:, 7] = 0
    x = x.astype(np.float32)
    for threads in THREADS:
        mlpc.set_num_threads(threads)
        for _ in range(3):
            assert np.isnan(net._logits(x)).all()


TASKS = """
import os, numpy as np, mlpc
mlpc.set_num_threads(3)
net, x = mlpc.MLP([300, 130, 5]), np.ones(({rows}, 300), np.float32)
before = len(os.listdir("/proc/self/task"))
net.{method}(x)
print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts the threads of a process, as Linux lists them")
@pytest.mark.parametrize("method", ["predict", "forward"])
@pytest.mark.parametrize(("rows", "more"), [(1000, 2), (1, 0)])
def test_so_much_work_is_worth_so_many_threads(method, rows, more):
    program = TASKS.format(rows=rows, method=method)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600)
    assert done.stdout.strip() == str(more), done.stderr


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("method", ["predict", "forward", "backward", "one group of inputs"])
def test_an_interrupt_ends_a_pass_in_its_middle(method, threads):
    """Passes that take the portable kernels many seconds; after how much work, tests/c/polls_check.c counts."""
    sizes, n = ([20, 10], 500_000) if method == "one group of inputs" else ([1000, 1000, 1000, 10], 4000)
    net, x = mlpc.MLP(sizes, seed=0, dtype="float64"), np.ones((n, sizes[0]))
    y, dz, out = np.zeros(n, np.int64), np.ones((n, 10)), np.full((n, 10), np.nan)
    calls = {
        "predict": lambda: net.predict(x),
        "forward": lambda: net.forward(x, out),
        "backward": lambda: net.backward(dz),
        "one group of inputs": lambda: net.loss_and_grad(x, y),
    }
    before = mlpc.cpu.active()
    mlpc.set_num_threads(threads)
    if method == "backward":
        net.forward(x)
    seen = []

    def interrupt(number, frame):
        seen.append(number)
        if len(seen) == 3:  # one that asks at its beginning and at its end only is not interrupted
            raise KeyboardInterrupt

    handler = signal.signal(signal.SIGALRM, interrupt)
    mlpc.cpu.use("portable")
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)  # s: there is a signal whenever the pass asks
            calls[method]()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        mlpc.cpu.use(before)
    assert np.isnan(out[-1]).all()
    assert np.isfinite(net.predict(x[:2])).all()  # the network can be used as before
