"""What a network holds when nobody computes with it, and what a training takes at most."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
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


FAULTS = """
import resource
import numpy as np, mlpc

x, y = np.ones((1000, 10)), np.arange(1000) % 3

def train():
    net = mlpc.MLP([10, 100, 3], dtype="float64")
    net.fit(x, y, epochs=1, batch_size=200, optimizer="adam", progress=False)

for _ in range(5):
    train()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    train()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="systems count faults in ways of their own")
def test_the_next_small_network_trains_in_the_same_memory():
    """150 pages a training, each a fault, where they are given back to the system."""
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 40


# ---- At most ---------------------------------------------------------------------------------------------------------

# A thread samples anonymous memory every millisecond, which maps of files are no part of.
WATCHED = """
import sys, threading
import numpy as np, mlpc

def anonymous():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024

def watch():
    global most
    while not done.wait(0.001):
        most = max(most, anonymous())

SETUP
before, most, done = anonymous(), 0, threading.Event()
watcher = threading.Thread(target=watch)
watcher.start()
CALL
done.set()
watcher.join()
print(max(most, anonymous()) - before)
"""
# What was free before, and what is given back, is no longer there: glibc's heap would keep it.
SETTINGS = {"MLPC_NUM_THREADS": "2", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}

needs_status = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")


def taken(setup, call):
    """The most bytes of anonymous memory during a call, beyond those before."""
    program = WATCHED.replace("SETUP", setup).replace("CALL", call)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=600, env=os.environ | SETTINGS
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


SPARSE = """
from scipy import sparse
n, columns = 8000, 10_000
x = sparse.random(n, columns, 0.01, format="csr", dtype=np.float32, rng=np.random.default_rng(0))
y = np.arange(n) % 3
net = mlpc.MLP([columns, 4, 3])
net.fit(x[:64], y[:64], epochs=1, progress=False)
"""
OF_SPARSE_ROWS = {
    "fit": "net.fit(x, y, epochs=2, progress=False)",
    "validated": "net.fit(x, y, epochs=2, progress=False, validation_split=0.2, metrics=['top_2'])",
    "plain": "net.fit(x, y, epochs=2, progress=False, keep_gradients=True)",
    "predict": "net.predict(x), net.evaluate(x, y), net.freeze().predict(x)",
}


@needs_status
@pytest.mark.parametrize("call", OF_SPARSE_ROWS)
def test_sparse_rows_are_not_made_dense(call):
    """Of 320 MB a sixteenth at most: lists, which are a seventieth, a copy of a part, and a batch or two."""
    pytest.importorskip("scipy")
    assert taken(SPARSE, OF_SPARSE_ROWS[call]) < 4 * 8000 * 10_000 / 16


COLUMNS, BATCH = 2048, 4096  # large, so that what Python itself takes does not count

# What a training of the same shapes takes once, such as threads and what is imported late, is there before.
MAPPED = f"""
def train(x, y):
    net = mlpc.MLP([{COLUMNS}, 8, 3])
    scale = 1 / 255 if x.dtype == np.uint8 else None
    return net.fit(x, y, epochs=1, batch_size={BATCH}, lr=0.01, scale=scale, progress=False)

train(np.ones((2 * {BATCH}, {COLUMNS}), DTYPE), np.arange(2 * {BATCH}) % 3)
x = np.memmap(PATH, DTYPE, "r", shape=(ROWS, {COLUMNS}))
y = np.arange(ROWS) % 3
"""


MAPS = [
    pytest.param("float32", 200 << 20, id="float32, 200 MB"),
    pytest.param("uint8", 200 << 20, id="uint8, 200 MB"),
    pytest.param("uint8", 2 << 30, id="uint8, 2 GB", marks=pytest.mark.slow),  # more elements than an int32 counts
]


@needs_status
@pytest.mark.parametrize(("dtype", "size"), MAPS)
def test_a_file_is_never_copied(tmp_path, dtype, size):
    """Beside the order of the rows and two copies of y there are two batches of numbers, since the next one is brought
    together while one is computed; what the network and Python take is less than a quarter of one."""
    path, rows = tmp_path / "x", size // (COLUMNS * np.dtype(dtype).itemsize)
    with open(path, "wb") as file:
        file.truncate(size)  # which takes no room on the disk
    setup = MAPPED.replace("DTYPE", repr(dtype)).replace("PATH", repr(str(path))).replace("ROWS", str(rows))
    memory = taken(setup, 'assert train(x, y).zeros == "multiplied"')
    path.unlink()
    assert memory < 2.25 * BATCH * COLUMNS * 4 + 3 * 8 * rows
