"""The data sets: the digits in the package, MNIST from a folder and from mirrors on this machine, torch's Datasets."""

import gzip
import hashlib
import http.server
import os
import pathlib
import sys
import threading
import typing

import numpy as np
import pytest

from mlpc import course, datasets, idx

REAL_MNIST = os.environ.get("MLPC_DATA_DIR")
needs_mnist = pytest.mark.skipif(not REAL_MNIST, reason="MLPC_DATA_DIR is not set")

# ---- digits ----------------------------------------------------------------------------------------------------------


def test_digits_shapes_types_and_range():
    (x, y), (x_test, y_test) = datasets.load_digits()
    assert x.shape == (1437, 64) and x_test.shape == (360, 64)
    for pixels, labels in ((x, y), (x_test, y_test)):
        assert pixels.dtype == np.float32 and labels.dtype == np.int64
        assert pixels.flags.c_contiguous and pixels.min() == 0 and pixels.max() == 1
        assert len(labels) == len(pixels)


def test_digits_split_is_stratified_and_the_same_every_time():
    (x, y), (x_test, y_test) = datasets.load_digits()
    assert np.all(np.abs(np.bincount(y_test) - np.bincount(np.append(y, y_test)) / 5) <= 1)
    again = datasets.load_digits()
    np.testing.assert_array_equal(again[0][0], x)
    assert again[0][0] is not x
    digest = hashlib.sha256(x.tobytes() + y.tobytes() + x_test.tobytes() + y_test.tobytes()).hexdigest()
    assert digest == "e732b0a3d3480252865f800954ac2b73f390a35e3f374a6736e0c0fbbefa3f07"


def test_digits_are_those_of_scikit_learn():
    reference = pytest.importorskip("sklearn.datasets").load_digits()
    (x, y), (x_test, y_test) = datasets.load_digits()
    test = np.zeros(len(reference.target), dtype=bool)
    test[np.argsort(reference.target, kind="stable")[::5]] = True
    pixels = (reference.data / 16).astype(np.float32)
    for got, want in ((x, pixels[~test]), (x_test, pixels[test])):
        np.testing.assert_array_equal(got, want)
    for got, want in ((y, reference.target[~test]), (y_test, reference.target[test])):
        np.testing.assert_array_equal(got, want)


# ---- MNIST, in miniature ---------------------------------------------------------------------------------------------

MINIATURE = {
    "train-images-idx3-ubyte": np.arange(3 * 4, dtype=np.uint8).reshape(3, 2, 2) * 23,
    "train-labels-idx1-ubyte": np.array([5, 0, 4], dtype=np.uint8),
    "t10k-images-idx3-ubyte": np.full((2, 2, 2), 255, dtype=np.uint8),
    "t10k-labels-idx1-ubyte": np.array([7, 2], dtype=np.uint8),
}
PACKED = {f"{name}.gz": gzip.compress(idx.dumps(array), mtime=0) for name, array in MINIATURE.items()}


def md5(content):
    return hashlib.md5(content).hexdigest()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """No folder of the user's, a cache of our own, and no proxy on the way to this machine."""
    monkeypatch.delenv("MLPC_DATA_DIR", raising=False)
    monkeypatch.setenv("MLPC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def miniature(monkeypatch):
    files = tuple(
        datasets._File(name, md5(idx.dumps(array)), md5(PACKED[f"{name}.gz"])) for name, array in MINIATURE.items()
    )
    monkeypatch.setattr(datasets, "_MNIST", files)


def assert_is_the_miniature(samples):
    (x, y), (x_test, y_test) = samples
    np.testing.assert_array_equal(x, MINIATURE["train-images-idx3-ubyte"].reshape(3, 4) / np.float32(255))
    np.testing.assert_array_equal(y, [5, 0, 4])
    np.testing.assert_array_equal(x_test, np.ones((2, 4)))
    np.testing.assert_array_equal(y_test, [7, 2])
    assert x.dtype == x_test.dtype == np.float32 and y.dtype == y_test.dtype == np.int64


@pytest.fixture
def folder(tmp_path):
    """MNIST's files, two packed and two not."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    for number, (name, array) in enumerate(MINIATURE.items()):
        if number % 2:
            (folder / name).write_bytes(idx.dumps(array))
        else:
            (folder / f"{name}.gz").write_bytes(PACKED[f"{name}.gz"])
    return folder


def test_a_folder_by_argument_and_by_environment(miniature, folder, monkeypatch, tmp_path):
    assert_is_the_miniature(datasets.load_mnist(data_dir=folder))
    assert_is_the_miniature(datasets.load_mnist(data_dir=str(folder)))
    monkeypatch.setenv("MLPC_DATA_DIR", str(folder))
    assert_is_the_miniature(datasets.load_mnist())
    monkeypatch.setenv("MLPC_DATA_DIR", str(tmp_path / "nowhere"))
    assert_is_the_miniature(datasets.load_mnist(data_dir=folder))


def test_packed_in_another_way_is_the_same_file(miniature, folder):
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx.dumps(MINIATURE["train-images-idx3-ubyte"]), compresslevel=1, mtime=1))
    assert_is_the_miniature(datasets.load_mnist(data_dir=folder))


def test_a_missing_file_is_named_with_what_to_do(miniature, folder):
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match=r"t10k-labels-idx1-ubyte: not found.*MLPC_DATA_DIR.*MD5"):
        datasets.load_mnist(data_dir=folder)


def test_another_data_set_under_the_same_names_is_refused(miniature, folder):
    path = folder / "t10k-labels-idx1-ubyte"
    path.write_bytes(idx.dumps(np.array([7, 3], dtype=np.uint8)))
    with pytest.raises(ValueError, match=rf"{path}: expected MNIST's t10k-labels-idx1-ubyte, .*MD5"):
        datasets.load_mnist(data_dir=folder)


def test_a_damaged_file_is_refused(miniature, folder):
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match=f"{path}: expected gzip data"):
        datasets.load_mnist(data_dir=folder)


@needs_mnist
def test_the_real_files():
    (x, y), (x_test, y_test) = datasets.load_mnist(data_dir=REAL_MNIST)
    assert x.shape == (60000, 784) and x_test.shape == (10000, 784)
    assert np.bincount(y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert x.min() == 0 and x.max() == 1
    assert round(float(x.mean(dtype=np.float64)), 4) == 0.1307  # the mean that everybody normalises with


# ---- mirrors on this machine -----------------------------------------------------------------------------------------


class Mirror(http.server.BaseHTTPRequestHandler):
    """Serves the miniature; the first folder of the address says what goes wrong."""

    requests: typing.ClassVar[list[str]] = []
    over: typing.ClassVar[threading.Event]  # silence ends with the test

    def do_GET(self):
        _, fault, name = self.path.split("/")
        type(self).requests.append(self.path)
        content = PACKED[name]
        if fault == "absent":
            self.send_error(404)
            return
        if fault == "silent":
            type(self).over.wait(600)
            return
        if fault == "wrong":
            content = b"<html>This file has moved</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:-9] if fault == "truncated" else content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(miniature):
    pytest.importorskip("pooch")
    Mirror.requests.clear()
    Mirror.over = threading.Event()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        Mirror.over.set()
        server.shutdown()


@pytest.fixture
def nobody():
    """An address on this machine where nobody listens."""
    with http.server.HTTPServer(("127.0.0.1", 0), Mirror) as server:
        port = server.server_port
    return f"http://127.0.0.1:{port}/"


def test_download_once_then_from_the_cache(server, monkeypatch, tmp_path):
    monkeypatch.setattr(datasets, "_MIRRORS", (f"{server}good/",))
    assert_is_the_miniature(datasets.load_mnist())
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == sorted(PACKED)
    assert_is_the_miniature(datasets.load_mnist())
    assert len(Mirror.requests) == 4


@pytest.mark.parametrize("fault", ["absent", "wrong", "truncated", "silent"])
def test_the_next_mirror_serves_where_one_fails(server, fault, monkeypatch, tmp_path):
    import pooch

    downloader, asked = pooch.HTTPDownloader, []

    def patient(timeout):
        """A downloader that gives up soon where nothing will come, and waits where this machine is busy."""
        asked.append(timeout)
        return lambda url, *rest: downloader(timeout=0.2 if "/silent/" in url else 600)(url, *rest)

    monkeypatch.setattr(pooch, "HTTPDownloader", patient)
    monkeypatch.setattr(datasets, "_MIRRORS", (f"{server}{fault}/", f"{server}good/"))
    assert_is_the_miniature(datasets.load_mnist())
    assert len(Mirror.requests) == 8 and set(asked) == {datasets._TIMEOUT}
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == sorted(PACKED)  # and nothing half-done


def test_a_mirror_that_is_down(server, nobody, monkeypatch):
    monkeypatch.setattr(datasets, "_MIRRORS", (nobody, f"{server}good/"))
    assert_is_the_miniature(datasets.load_mnist())


def test_a_damaged_cache_is_downloaded_again(server, monkeypatch, tmp_path):
    monkeypatch.setattr(datasets, "_MIRRORS", (f"{server}good/",))
    datasets.load_mnist()
    (tmp_path / "cache" / "train-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    assert_is_the_miniature(datasets.load_mnist())
    assert len(Mirror.requests) == 5


def test_without_any_mirror_the_error_says_what_to_do(server, nobody, monkeypatch):
    monkeypatch.setattr(datasets, "_MIRRORS", (nobody, f"{server}wrong/"))
    with pytest.raises(ConnectionError) as caught:
        datasets.load_mnist()
    message = str(caught.value)
    assert "MLPC_DATA_DIR" in message and nobody in message and "wrong/" in message
    assert all(name in message and md5(content) in message for name, content in PACKED.items())


def test_without_pooch_the_error_names_it(miniature, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r"pip install pooch\..*MLPC_DATA_DIR"):
        datasets.load_mnist()


WAY_OUT = 'DATA = "digits", in the second code cell, works without a network, on pictures of 8 x 8 pixels.'


def without_a_network(monkeypatch, nobody, tmp_path):
    monkeypatch.setattr(datasets, "_MIRRORS", (nobody,))


def without_pooch(monkeypatch, nobody, tmp_path):
    monkeypatch.setitem(sys.modules, "pooch", None)


def with_an_empty_folder(monkeypatch, nobody, tmp_path):
    monkeypatch.setenv("MLPC_DATA_DIR", str(tmp_path))


@pytest.mark.parametrize(
    ("fault", "error"),
    [(without_a_network, ConnectionError), (without_pooch, ImportError), (with_an_empty_folder, FileNotFoundError)],
)
def test_a_notebook_is_told_of_the_data_that_need_no_network(fault, error, miniature, nobody, monkeypatch, tmp_path):
    pytest.importorskip("pooch")
    fault(monkeypatch, nobody, tmp_path)
    with pytest.raises(error) as library:
        datasets.load_mnist()
    with pytest.raises(error) as notebook:
        course.load_data("mnist")
    assert "DATA =" not in str(library.value)
    assert str(notebook.value) == f"{library.value}\n{WAY_OUT}"


def test_a_notebook_says_which_data_it_has(miniature, folder, monkeypatch, capsys):
    monkeypatch.setenv("MLPC_DATA_DIR", str(folder))
    assert_is_the_miniature(course.load_data("mnist"))
    assert capsys.readouterr().out == "data: mnist, 3 samples of 4 pixels for training, 2 for the test\n"
    np.testing.assert_array_equal(course.load_data("digits")[1][0], datasets.load_digits()[1][0])
    assert capsys.readouterr().out.startswith("data: digits, 1,437 samples")
    with pytest.raises(ValueError, match='DATA: expected "mnist" or "digits", got \'cats\''):
        course.load_data("cats")


@needs_mnist
def test_the_sums_of_the_packed_files_are_those_of_the_real_ones():
    packed = [pathlib.Path(REAL_MNIST) / f"{file.name}.gz" for file in datasets._MNIST]
    if not all(path.is_file() for path in packed):
        pytest.skip("the files are not packed")
    assert [md5(path.read_bytes()) for path in packed] == [file.md5_packed for file in datasets._MNIST]


# ---- torch -----------------------------------------------------------------------------------------------------------


class Items:
    """As little as a map-style Dataset has."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def test_from_torch_takes_bytes_and_floats():
    image = np.array([[0, 51], [102, 255]], dtype=np.uint8)
    x, y = datasets.from_torch(Items([(image, 3), (image[::-1], np.int32(1))]))
    np.testing.assert_array_equal(x, np.array([[0, 0.2, 0.4, 1], [0.4, 1, 0, 0.2]], dtype=np.float32))
    assert x.dtype == np.float32 and y.dtype == np.int64 and y.tolist() == [3, 1]
    x, _ = datasets.from_torch(Items([(np.array([-1.5, 2.5]), 0)]))
    assert x.tolist() == [[-1.5, 2.5]]


def test_from_torch_takes_subsets_tensors_and_pictures():
    torch = pytest.importorskip("torch")
    images = torch.arange(24, dtype=torch.float32).reshape(6, 1, 2, 2) / 24
    dataset = torch.utils.data.TensorDataset(images, torch.arange(6))
    x, y = datasets.from_torch(torch.utils.data.Subset(dataset, [4, 1]))
    np.testing.assert_array_equal(x, images[[4, 1]].reshape(2, 4).numpy())
    assert y.tolist() == [4, 1]

    picture = pytest.importorskip("PIL.Image").fromarray(np.array([[0, 255]], dtype=np.uint8))
    x, _ = datasets.from_torch(Items([(picture, torch.tensor(9))]))
    assert x.tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("items", "error", "message"),
    [
        ([], ValueError, "at least one sample, got none"),
        ([(np.zeros(4, np.uint8), 0), (np.zeros(5, np.uint8), 0)], ValueError, r"dataset\[1\]: .* 4 pixels .* got 5"),
        ([(np.zeros(4, np.int16), 0)], TypeError, r"dataset\[0\]: .* got int16"),
        ([(np.zeros(4), 0.5)], TypeError, r"dataset\[0\]: expected one integer as the label, got 0\.5"),
        ([(np.zeros(4), [1, 2])], TypeError, r"got \[1, 2\]"),
    ],
)
def test_from_torch_refuses(items, error, message):
    with pytest.raises(error, match=message):
        datasets.from_torch(Items(items))
