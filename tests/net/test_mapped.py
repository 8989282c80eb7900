"""Arrays in memory-mapped files: trained on where they lie, however much larger than the memory they are."""

import numpy as np
import pytest

import mlpc
from mlpc.samples import lies_in_a_file

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
