"""One thread at a time in one network; others, and Python, go on meanwhile."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from mlpc import _mlpc

MSE = ("mse", "mean", None, None)
SGD = ("sgd", (0.0, 0.0), (0.0,) * 5, None, None, (None,) * 3, None, [0.001])
IN_USE = "^this network is in use by another thread$"
CALLED_BACK = "^this network is in use by the call that called back"


def make_net(sizes=(64, 128, 8)):
    net = _mlpc.Net(sizes, ["relu"] * (len(sizes) - 2), "float32")
    net._initialize("torch", 1)
    return net


def train(net, x, y, tick=None):
    return net._train_epoch(x, y, MSE, None, SGD, 4, True, 0, 0, False, tick)


def long_data(rows=200_000):
    """Seconds of work for the network above."""
    return np.ones((rows, 64), np.float32), np.ones((rows, 8), np.float32)


class Stop(Exception):
    pass


@pytest.fixture
def epochs():
    """One entry for each epoch that `busy` has begun."""
    return []


@pytest.fixture
def busy(epochs):
    """A network in which another thread computes until the test is over."""
    net, stop, started = make_net(), threading.Event(), threading.Event()
    x, y = long_data()
    ended = []

    def tick(rows):
        started.set()
        if stop.is_set():
            raise Stop

    def work():
        try:
            while True:
                epochs.append(len(epochs))
                train(net, x, y, tick)
        except Stop as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(600)
    yield net
    stop.set()
    thread.join(600)
    assert len(ended) == 1
    net.forward(np.ones((1, 64)))


def calls(net):
    x, y = np.ones((2, 64)), np.ones((2, 8))
    return {
        "initialize": lambda: net._initialize("he", 0),
        "copy_numbers": net._copy_numbers,
        "forward": lambda: net.forward(x),
        "loss": lambda: net.loss(y, MSE, None),
        "backward": lambda: net.backward(y, False),
        "loss_and_grad": lambda: net.loss_and_grad(x, y, MSE, None, False),
        "logits": lambda: net._logits(x),
        "evaluate": lambda: net.evaluate(x, y, MSE, None),
        "train_epoch": lambda: train(net, x, y),
        "step": lambda: net._step(SGD, 0.1),
        "zero_grad": net.zero_grad,
    }


def test_concurrent_use_is_an_error(busy):
    for call in calls(busy).values():
        with pytest.raises(RuntimeError, match=IN_USE):
            call()
    assert busy.parameters.shape == (busy.n_parameters,)
    assert len(busy._views(0)) == 4


def test_python_and_other_networks_run_meanwhile(busy, epochs):
    """The GIL is free for the whole call, but for the ticks: small calls do not wait for the end of a long one each."""
    others, begun = calls(make_net()), len(epochs)
    for call in others.values():
        call()
    assert len(epochs) - begun < len(others)


def in_a_child(work):
    """A child process, forked here, does the work without an exception."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    pytest.fail("the child hangs")


forks = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of Python 3.12, where there are threads


@forks
def test_a_fork_does_not_inherit_the_mark(busy):
    in_a_child(lambda: busy.forward(np.ones((1, 64))))


@forks
def test_a_thread_of_the_child_is_not_taken_for_one_of_the_parent(busy):
    """The child's first thread can get the number of the thread that computes in the parent."""
    results = []

    def work():
        thread = threading.Thread(target=lambda: results.append(busy._logits(np.ones((1, 64)))))
        thread.start()
        thread.join(600)
        assert len(results) == 1

    in_a_child(work)


@forks
def test_a_fork_within_a_call_is_still_within_it():
    """The child's callback cannot compute with the network; when it has returned, the call goes on, there as here."""
    net, reference, forked = make_net(), make_net(), []
    parent, (x, y) = os.getpid(), long_data()
    train(reference, x, y)

    def refused():
        for call in calls(net).values():
            with pytest.raises(RuntimeError, match=CALLED_BACK):
                call()
        make_net().forward(np.ones((1, 64)))

    def tick(rows):
        if not forked:
            forked.append(rows)
            in_a_child(refused)

    train(net, x, y, tick)
    assert forked and os.getpid() == parent
    np.testing.assert_array_equal(net.parameters, reference.parameters)
    net.forward(np.ones((1, 64)))


def test_networks_may_be_used_within_each_other_s_callbacks():
    outer, inner, seen = make_net(), make_net(), []
    x, y = long_data()

    def inner_tick(rows):
        for net in (outer, inner):
            with pytest.raises(RuntimeError, match=CALLED_BACK):
                net.forward(x[:1])
        seen.append(rows)
        raise Stop

    def outer_tick(rows):
        while not seen:
            with contextlib.suppress(Stop):
                train(inner, x, y, inner_tick)
        inner.forward(x[:1])
        with pytest.raises(RuntimeError, match=CALLED_BACK):
            outer.forward(x[:1])
        raise Stop

    while not seen:
        with contextlib.suppress(Stop):
            train(outer, x, y, outer_tick)
    outer.forward(x[:1])


def test_a_callback_cannot_compute_with_its_network():
    net, seen = make_net(), []
    x, y = long_data()

    def tick(rows):
        seen.append(rows)
        for call in calls(net).values():
            with pytest.raises(RuntimeError, match=CALLED_BACK):
                call()
        raise Stop

    while not seen:
        try:
            train(net, x, y, tick)
        except Stop:
            break
    assert 0 <= seen[0] <= len(x)
    net.forward(np.ones((1, 64)))


def test_a_tick_s_exception_ends_the_epoch_after_a_whole_batch():
    net = make_net()
    before = net.parameters.copy()
    x, y = long_data()

    def tick(rows):
        raise Stop

    with pytest.raises(Stop):
        while True:
            train(net, x, y, tick)
    assert np.isfinite(net.parameters).all()
    assert (net.parameters != before).any()
    train(net, x[:64], y[:64])


def test_networks_in_parallel_give_the_same_bits():
    x, y = long_data(2000)
    results = [None] * 4

    def work(i):
        net = make_net()
        for _ in range(3):
            train(net, x, y)
        results[i] = net.parameters.tobytes()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert len(set(results)) == 1 and results[0] is not None


SCRIPT = """
import numpy as np, os, signal, threading
from mlpc import _mlpc
net = _mlpc.Net([64, 128, 8], ["relu"], "float32")
net._initialize("torch", 1)
x, y = np.ones((2_000_000, 64), np.float32), np.ones((2_000_000, 8), np.float32)
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    {call}
except KeyboardInterrupt:
    assert np.isfinite(net.parameters).all()
    net.forward(x[:1])
    print("interrupted")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "call",
    [
        "net._train_epoch(x, y, {mse}, None, {sgd}, 4, True, 0, 0, False, None)",
        "net.evaluate(x, y, {mse}, None)",
        "net._logits(x)",
        "net.forward(x)",
        "_mlpc.shuffle(50_000_000, 1, 2)",
    ],
    ids=["train_epoch", "evaluate", "logits", "forward", "shuffle"],
)
def test_ctrl_c_ends_a_call(call):
    """How much work is done before is counted in tests/c/polls_check.c; here, that the answer comes at all."""
    loop = f"while True: {call.format(mse=MSE, sgd=SGD)}"
    command = [sys.executable, "-c", SCRIPT.format(call=loop)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout.strip() == "interrupted", done.stderr


CONVERSION = """
import numpy as np, signal
from mlpc import _mlpc
seen = []
signal.signal(signal.SIGALRM, lambda *_: seen.append(None))
net = _mlpc.Net((1, 2), (), "float32")
x = {x}
signal.setitimer(signal.ITIMER_REAL, 1e-3, 1e-3)  # far more often than pieces end
before = len(seen)
try:
    {call}
except RuntimeError as error:
    assert "no forward before it" in str(error)
print(len(seen) - before)
"""
AS_REAL = "_mlpc.as_real('x', x, 'float32')"
NUMBERS = "_mlpc.numbers(x, None, 'float32')"
LOSS = "net.loss(x, ('cross_entropy', 'mean', 0.0, None), None)"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="asks for signals of a timer")
@pytest.mark.parametrize(
    ("x", "call"),
    [
        ("np.ones((40, 1 << 20))", AS_REAL),
        ("np.ones((1, 40 << 20))", AS_REAL),
        ("np.ones((1 << 20, 40), np.float32).T", AS_REAL),
        ("np.zeros(40 << 20, np.int64)", LOSS),
        ("np.zeros((40, 1 << 20), np.uint8)", NUMBERS),
        ("_mlpc.CSR([], np.zeros(0, int), np.zeros(40 << 10, int), 1 << 10)", NUMBERS),
    ],
    ids=["rows", "one row", "not contiguous", "labels", "bytes", "sparse rows"],
)
def test_signals_are_answered_while_a_large_array_is_converted(x, call):
    """By Python's handlers; before and after a call that does not ask they run once each."""
    command = [sys.executable, "-c", CONVERSION.format(x=x, call=call)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.stderr == "" and int(done.stdout) > 4


def test_pieces_of_a_conversion_are_put_together_in_order():
    rng = np.random.default_rng(0)
    arrays = [
        rng.normal(size=(3, 1 << 20)),
        rng.normal(size=(1, 3 << 20)),
        rng.normal(size=(2000, 1500)).T,
        rng.normal(size=(5 << 20, 1))[::-2],
        rng.normal(size=(2, 3, 1 << 19))[:, ::-1],
        (100 * rng.normal(size=3 << 20)).astype(">i4"),
        np.broadcast_to(rng.normal(size=1700), (1300, 1700)),
    ]
    for array in arrays:
        for dtype in ("float32", "float64"):
            converted = _mlpc.as_real("x", array, dtype)
            assert converted.flags.c_contiguous and converted.dtype == dtype
            np.testing.assert_array_equal(converted, array.astype(dtype))


@pytest.mark.parametrize("shape", [(3, (1 << 20) + 5), (3, 1 << 20), (3000, 1000), (3 << 20, 1)])
def test_pieces_of_input_are_put_together_in_order(shape):
    x = np.random.default_rng(0).integers(0, 3, shape).astype(np.uint8)
    rows, columns = np.nonzero(x)
    indptr = np.searchsorted(rows, np.arange(shape[0] + 1))
    np.testing.assert_array_equal(_mlpc.numbers(x, 0.5, "float32"), x * np.float32(0.5))
    sparse = _mlpc.CSR(x[rows, columns], columns, indptr, shape[1])
    np.testing.assert_array_equal(_mlpc.numbers(sparse, None, "float64"), x)
