"""Handwritten digits as arrays: MNIST, a small set that comes with the package, and whatever a torch Dataset holds.

Every loader returns x as float32 in [0, 1] of shape (n, pixels) and y as int64 of shape (n,).
"""

from __future__ import annotations

import hashlib
import os
import pathlib
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpc import idx
from mlpc.arguments import any_array, real_array
from mlpc.splits import stratified_split

__all__ = ["from_torch", "load_digits", "load_mnist", "stratified_split"]

Samples: TypeAlias = tuple[NDArray[np.float32], NDArray[np.int64]]


class _File(NamedTuple):
    name: str
    md5: str  # of the file itself
    md5_packed: str  # of the file compressed as it is distributed, with .gz after its name


_MNIST = (
    _File("train-images-idx3-ubyte", "6bbc9ace898e44ae57da46a324031adb", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    _File("train-labels-idx1-ubyte", "a25bea736e30d166cdddb491f175f624", "d53e105ee54ea40749a09fcbcd1e9432"),
    _File("t10k-images-idx3-ubyte", "2646ac647ad5339dbf082846283269ea", "9fb629c4189551a2d022fa330f9573f3"),
    _File("t10k-labels-idx1-ubyte", "27ae3e4e09519cfbb04c329615203637", "ec29112dd5afa0611ce80d1b7f02629c"),
)

_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
_TIMEOUT = 20  # seconds that a mirror may stay silent


def load_mnist(*, data_dir: str | os.PathLike[str] | None = None) -> tuple[Samples, Samples]:
    """MNIST: 60,000 digits of 28 x 28 pixels for training and 10,000 for testing.

    The four files are looked for in one place: in `data_dir`; else in the folder that the environment variable
    ``MLPC_DATA_DIR`` names, where it is set; else they are downloaded once with pooch (the extra ``data``), from the
    first of several public mirrors that has them, into ``MLPC_CACHE_DIR`` or, without it, pooch's own cache folder for
    mlpc. In a folder of yours they may be packed (``.gz``) or unpacked. Wherever they come from, they are checked.

    Parameters
    ----------
    data_dir : str or path, optional
        The folder that holds the files.

    Returns
    -------
    (x, y), (x_test, y_test)
        x float32 of shape (n, 784), the pixels divided by 255; y int64 of shape (n,).

    Raises
    ------
    FileNotFoundError
        If a file is missing in the folder named.
    ValueError
        If a file there is not MNIST's.
    ImportError
        If the files must be downloaded and pooch is not installed.
    ConnectionError
        If no mirror has the right files. The message says how to do without.

    Examples
    --------
    ``(x, y), (x_test, y_test) = load_mnist()`` is all there is to it, unless

    >>> load_mnist(data_dir="nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    FileNotFoundError: nowhere/train-images-idx3-ubyte: not found, packed (.gz) or unpacked. Set MLPC_DATA_DIR to ...
    """
    folder = data_dir or os.environ.get("MLPC_DATA_DIR")
    paths = [_find(pathlib.Path(folder), file) if folder else _download(file) for file in _MNIST]
    images, labels, images_test, labels_test = map(_read_checked, paths, _MNIST)
    return _samples(images, labels, 255), _samples(images_test, labels_test, 255)


def load_digits() -> tuple[Samples, Samples]:
    """1,797 digits of 8 x 8 pixels that come with the package: 1,437 for training and 360 for testing.

    They are the digits of scikit-learn's ``load_digits``, from E. Alpaydin and C. Kaynak, *Optical Recognition of
    Handwritten Digits*, UCI Machine Learning Repository (CC BY 4.0). The split is always the same one: sorted by label,
    ties in their original order, every fifth digit (the first among them) is for testing, so that every class has its
    share. Both parts are in the original order.

    Returns
    -------
    (x, y), (x_test, y_test)
        x float32 of shape (n, 64), the values 0 to 16 divided by 16; y int64 of shape (n,).

    Examples
    --------
    >>> (x, y), (x_test, y_test) = load_digits()
    >>> x.shape, x_test.shape, y[:5]
    ((1437, 64), (360, 64), array([1, 3, 5, 6, 7]))
    """
    table = idx.read(pathlib.Path(__file__).with_name("data") / "digits.idx.gz")
    x, y = _samples(table[:, :-1], table[:, -1], 16)
    test = np.zeros(len(y), dtype=bool)
    test[np.argsort(y, kind="stable")[::5]] = True
    return (x[~test], y[~test]), (x[test], y[test])


class _Dataset(Protocol):
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Any: ...


def from_torch(dataset: _Dataset) -> Samples:
    """The samples of a torch Dataset, Subset or the like, whose items are pairs of an image and a label.

    Images may be tensors, arrays or PIL images, of any shape, all of the same number of pixels. Bytes are divided by
    255, as ``torchvision.transforms.ToTensor`` does; floating-point images are taken as they are. torch itself is not
    imported.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        Anything with a length whose ``dataset[i]`` is (image, label).

    Returns
    -------
    x, y
        x float32 of shape (n, pixels), y int64 of shape (n,).

    Examples
    --------
    >>> import numpy as np
    >>> x, y = from_torch([(np.array([[0, 255]], dtype=np.uint8), 7)])
    >>> x, y
    (array([[0., 1.]], dtype=float32), array([7]))
    """
    n = len(dataset)
    if n == 0:
        raise ValueError("dataset: expected at least one sample, got none")
    first = _pixels(dataset[0][0], 0)
    x, y = np.empty((n, first.size), dtype=np.float32), np.empty(n, dtype=np.int64)
    for i in range(n):
        image, label = dataset[i]
        pixels = _pixels(image, i)
        if pixels.size != first.size:
            raise ValueError(f"dataset[{i}]: expected an image of {first.size} pixels as the first, got {pixels.size}")
        x[i], y[i] = pixels, _label(label, i)
    return x, y


def _pixels(image: Any, i: int) -> NDArray[Any]:
    pixels = real_array(f"dataset[{i}]", image).reshape(-1)
    if pixels.dtype == np.uint8:
        return np.divide(pixels, 255, dtype=np.float32)
    if not np.issubdtype(pixels.dtype, np.floating):
        raise TypeError(f"dataset[{i}]: expected an image of uint8 or floating-point numbers, got {pixels.dtype}")
    return np.asarray(pixels)


def _label(label: Any, i: int) -> int:
    value = any_array(f"dataset[{i}]", label)
    if value.size != 1 or not np.issubdtype(value.dtype, np.integer):
        raise TypeError(f"dataset[{i}]: expected one integer as the label, got {label!r}")
    return int(value.reshape(()))


def _samples(images: NDArray[np.uint8], labels: NDArray[np.uint8], largest: int) -> Samples:
    x = np.divide(images.reshape(len(images), -1), largest, dtype=np.float32)
    return x, labels.astype(np.int64)


def _find(folder: pathlib.Path, file: _File) -> pathlib.Path:
    candidates = [folder / file.name, folder / f"{file.name}.gz"]
    for path in candidates:
        if path.is_file():
            return path
    raise FileNotFoundError(f"{candidates[0]}: not found, packed (.gz) or unpacked. {_instructions()}")


def _read_checked(path: pathlib.Path, file: _File) -> NDArray[np.uint8]:
    """The array in a file, packed in whatever way, after a look at whether it is the right one."""
    array = idx.read(path)
    md5 = hashlib.md5(idx.dumps(array), usedforsecurity=False).hexdigest()
    if md5 != file.md5:
        raise ValueError(f"{path}: expected MNIST's {file.name}, unpacked of MD5 {file.md5}, got MD5 {md5}")
    return array


def _download(file: _File) -> pathlib.Path:
    """Where the packed file lies in the cache, after a download where it does not lie there yet."""
    try:
        import pooch
    except ImportError as error:
        raise ImportError(f"downloading MNIST needs pooch: pip install pooch. {_instructions()}") from error
    cache = os.environ.get("MLPC_CACHE_DIR") or pooch.os_cache("mlpc")
    name = f"{file.name}.gz"
    failures = []
    for mirror in _MIRRORS:
        try:
            path = pooch.retrieve(
                mirror + name,
                known_hash=f"md5:{file.md5_packed}",
                fname=name,
                path=cache,
                downloader=pooch.HTTPDownloader(timeout=_TIMEOUT),
            )
        except OSError as error:
            failures.append(f"{mirror}: no file ({type(error).__name__})")
        except ValueError:
            failures.append(f"{mirror}: a file with another MD5")
        else:
            return pathlib.Path(path)
    raise ConnectionError("\n".join([f"no mirror has {name} (cache folder: {cache})", _instructions(), *failures]))


def _instructions() -> str:
    files = [f"{file.name}.gz (MD5 {file.md5_packed})" for file in _MNIST]
    return f"Set MLPC_DATA_DIR to a folder with MNIST's files, packed or unpacked: {', '.join(files)}."
