"""What other threads of a call read outlives the caller's stack: Python takes it away where the interpreter ends while
a daemon thread computes, and coroutines in C move it aside."""

import subprocess
import sys

import pytest

DAEMON = """
import sys, threading, time
import numpy as np
import mlpc
mlpc.set_num_threads(2)
mlpc._mlpc.give_way(False)
rng = np.random.default_rng(0)
net = mlpc.MLP([784, 512, 512, 10], seed=1)
x, y = rng.random((6000, 784), np.float32), rng.integers(0, 10, 6000)
computes = threading.Event()

def work():
    computes.set()
    while True:
        {call}

def deep(k):
    return work() if k == 0 else max([0], key=lambda _: deep(k - 1))

class Slow:
    def __del__(self, sleep=time.sleep):
        sleep(0.5)  # an end that takes a while, as of a large program

threading.Thread(target=deep, args=(100,), daemon=True).start()
computes.wait()
time.sleep(0.2 + 0.05 * float(sys.argv[1]))  # somewhere within the call
sys.modules["kept to the end"] = Slow()
print("ends", flush=True)
"""
CALLS = {
    "fit": "net.fit(x, y, epochs=100, batch_size=2048, progress=False)",
    "fit, gradients": "net.fit(x, y, epochs=100, batch_size=2048, keep_gradients=True, progress=False)",
    "predict": "net.predict(x)",
    "evaluate": "net.evaluate(x, y)",
    "loss_and_grad": "net.loss_and_grad(x, y)",
}


def run(program, *arguments):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
def test_the_interpreter_may_end_while_a_daemon_thread_computes(call):
    for attempt in range(4):
        done = run(DAEMON.format(call=CALLS[call]), attempt)
        assert (done.returncode, done.stdout, done.stderr) == (0, "ends\n", "")


AT_THE_END = """
import sys
import numpy as np
from mlpc import _mlpc
net, x = _mlpc.Net([784, 512, 512, 10], ["relu", "relu"], "float32"), np.ones((20000, 784), np.float32)
net._initialize("torch", 1)
class Last:
    def __del__(self, net=net, x=x, expected=net._logits(x), equal=np.ndarray.tobytes):
        print(equal(net._logits(x)) == equal(expected), flush=True)
sys.modules["kept to the end"] = Last()
"""


def test_the_thread_that_ends_the_interpreter_may_compute():
    """It asks in its middle, and is not told to end: half a second of work."""
    done = run(AT_THE_END)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


COROUTINES = """
import numpy as np
import mlpc, greenlet
mlpc._mlpc.give_way(False)
mlpc.set_num_threads(2)
rng = np.random.default_rng(0)
x, y = rng.random((20000, 784), np.float32), rng.integers(0, 10, 20000)
main = greenlet.getcurrent()

def deep(k):
    return sum(range(1000000)) if k == 0 else max([0], key=lambda _: deep(k - 1))

def train(tick):
    net = mlpc.MLP([784, 512, 512, 10], seed=1)
    optimizer = mlpc.optim.SGD(net, 0.01)
    loss = ("cross_entropy", "mean", None, None)
    told = net._train_epoch(x, y, loss, None, optimizer.epoch_spec(1), 2048, True, 0, 0, False, tick)
    return told, net.digest()

expected, results, switches = train(None), [], 0
trainer = greenlet.greenlet(lambda: results.append(train(lambda rows: main.switch())))
while not trainer.dead:
    trainer.switch()
    deep(60)  # on the stack where the training was
    switches += 1
assert switches > 1 and results == [expected], (switches, results, expected)
print("ends")
"""


@pytest.mark.slow
def test_a_tick_may_switch_to_another_coroutine():
    pytest.importorskip("greenlet")
    done = run(COROUTINES)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ends\n", "")
