"""What a network holds when nobody computes with it."""

import subprocess
import sys
from pathlib import Path

import pytest

KEPT = """
import os, gc
import numpy as np, mlpc

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

x, y = np.ones((200, 784), np.float32), np.zeros(200, np.int64)

def trained():
    net = mlpc.MLP([784, 512, 512, 10])
    try:
        net.fit(x, y, epochs=1, optimizer="adam", progress=False, callbacks=CALLBACKS)
    except KeyError:
        pass
    return net

trained()
gc.collect()
before = resident()
nets = [trained() for _ in range(8)]
gc.collect()
print((resident() - before) / 8 / nets[0].parameters.nbytes)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc")
@pytest.mark.parametrize("callbacks", ["()", '[lambda net, history: history["other"]]'], ids=["well", "badly"])
def test_a_network_keeps_no_memory_of_its_training(callbacks):
    """Parameters and gradients are two times its parameters; a trainer with Adam's state would be eight more."""
    program = KEPT.replace("CALLBACKS", callbacks)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 4
