"""Arrays in memory-mapped files: trained on where they lie, however much larger than the memory they are."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mlpc
from mlpc.samples import lies_in_a_file

COLUMNS, BATCH = 2048, 4096  # large, so that what Python itself takes does not count

# The file is sparse, and takes no room on the disk.  What a training of the same shapes takes once, such as threads and
# what is imported late, is there before; the sample of memory comes every millisecond, from a thread of its own.
PROGRAM = f"""
import os, sys, threading
import numpy as np, mlpc

COLUMNS, BATCH = {COLUMNS}, {BATCH}
path, dtype, size = sys.argv[1], np.dtype(sys.argv[2]), int(sys.argv[3])
scale = 1 / 255 if dtype == np.uint8 else None
rows = size // (COLUMNS * dtype.itemsize)

def anonymous():
    for line in open("/proc/self/status"):
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024

def train(x, y):
    net = mlpc.MLP([COLUMNS, 8, 3])
    return net.fit(x, y, epochs=1, batch_size=BATCH, lr=0.01, scale=scale, progress=False)

train(np.ones((2 * BATCH, COLUMNS), dtype), np.arange(2 * BATCH) % 3)
x = np.memmap(path, dtype, "r", shape=(rows, COLUMNS))
y = np.arange(rows) % 3
before, most, done = anonymous(), 0, threading.Event()

def watch():
    global most
    while not done.wait(0.001):
        most = max(most, anonymous())

watcher = threading.Thread(target=watch)
watcher.start()
history = train(x, y)
done.set()
watcher.join()
assert history.zeros == "multiplied" and x.base is not None
print(most - before, rows)
"""

# What is given back is no longer there: glibc's heap would keep it.
SETTINGS = {"MLPC_NUM_THREADS": "2", "MALLOC_MMAP_THRESHOLD_": "65536"}


def grown(path, dtype, size):
    """The most anonymous memory of a training on so many bytes of a file, beyond that before, and how many rows."""
    with open(path, "wb") as file:
        file.truncate(size)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, path, dtype, str(size)],
        capture_output=True, text=True, timeout=600, env=os.environ | SETTINGS,
    )  # fmt: skip
    os.remove(path)
    assert done.returncode == 0, done.stderr
    return map(int, done.stdout.split())


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("size", [200 << 20, pytest.param(2 << 30, marks=pytest.mark.slow)], ids=["200 MB", "2 GB"])
def test_a_file_is_never_copied(tmp_path, dtype, size):
    """Beside the order of the rows and two copies of y there are two batches of numbers, since the next one is brought
    together while one is computed; what the network and Python take is less than a quarter of one."""
    memory, rows = grown(tmp_path / "x", dtype, size)
    assert memory < 2.25 * BATCH * COLUMNS * 4 + 3 * 8 * rows


# ---- The same bits ---------------------------------------------------------------------------------------------------

rng = np.random.default_rng(0)
PIXELS = rng.integers(0, 256, (70, 20), np.uint8) * (rng.random((70, 20)) < 0.2)
LABELS = np.arange(70) % 3


def mapped(path, array, mode="r"):
    np.asarray(array).tofile(path)
    return np.memmap(path, array.dtype, mode, shape=array.shape)


def trained(x, **settings):
    net = mlpc.MLP([20, 8, 3], **settings.pop("network", {}))
    history = net.fit(x, LABELS, epochs=2, batch_size=16, lr=0.1, progress=False, **settings)
    return net.digest(), history["loss"], history.zeros


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
@pytest.mark.parametrize("kind", ["float32", "float64", "uint8", "uint8 as it is"])
def test_bits_are_those_of_the_array_in_memory(tmp_path, kind, mode):
    dtype = kind.split()[0]
    array = PIXELS if dtype == "uint8" else (PIXELS / 255).astype(dtype)
    settings = {"scale": 1 / 255} if kind == "uint8" else {}
    settings |= {"network": {"dtype": "float64" if dtype == "float64" else "float32"}}
    if kind == "uint8 as it is":
        settings |= {"scale": 1.0}
    digest, losses, zeros = trained(mapped(tmp_path / "x", array, mode), **settings)
    assert (digest, losses) == trained(array, **settings)[:2] and zeros == "multiplied"
    assert trained(array, **settings)[2] == "skipped"


def test_numpys_own_files(tmp_path):
    array = (PIXELS / 255).astype("float32")
    np.save(tmp_path / "x.npy", array)
    assert trained(np.load(tmp_path / "x.npy", mmap_mode="r")) == (*trained(array)[:2], "multiplied")


def test_where_an_array_lies(tmp_path):
    array = np.zeros((4, 3), np.float32)
    there = mapped(tmp_path / "x", array)
    for view in (there, there[1:], np.asarray(there), there.view(np.ndarray)[::2], np.frombuffer(memoryview(there))):
        assert lies_in_a_file(view)
    for other in (array, array[1:], np.array(there), np.frombuffer(b"12345678"), np.frombuffer(bytearray(8))):
        assert not lies_in_a_file(other)


def test_numbers_that_are_not_finite_are_found_in_a_file(tmp_path):
    array = np.zeros((70, 20), np.float32)
    array[41, 7] = np.nan
    with pytest.raises(ValueError, match=r"^x: expected finite numbers, got nan at row 41, column 7"):
        trained(mapped(tmp_path / "x", array))
