"""The IDX file format, in which MNIST comes: a header that says type and shape, then the numbers, big-endian.

========  ======  =====================================================
offset    bytes   meaning
========  ======  =====================================================
0         2       zero
2         1       code of the type, see ``TYPES``
3         1       number of dimensions d
4         4 d     the sizes, unsigned
4 + 4 d           the elements in C order, and nothing after them
========  ======  =====================================================
"""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
import zlib
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["TYPES", "dumps", "read"]

Path: TypeAlias = str | os.PathLike[str]

TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(np.uint8),
    0x09: np.dtype(np.int8),
    0x0B: np.dtype(np.int16),
    0x0C: np.dtype(np.int32),
    0x0D: np.dtype(np.float32),
    0x0E: np.dtype(np.float64),
}
CODES = {dtype: code for code, dtype in TYPES.items()}
MAX_DIMENSIONS = 32  # as many as every NumPy can hold
GZIP_MAGIC = b"\x1f\x8b"
CHUNK = 1 << 20


def read(source: bytes | Path, *, max_bytes: int = 1 << 30) -> NDArray[Any]:
    """Read an array from an IDX file, compressed with gzip or not.

    The header is read first, then exactly what it promises: a file can cost no more memory than it has content, and
    never more than `max_bytes`, whatever it claims.

    Parameters
    ----------
    source : bytes, str or path
        The content of a file, or where it lies.
    max_bytes : int
        The largest array, in bytes, that is accepted.

    Returns
    -------
    ndarray
        A new array in native byte order.

    Raises
    ------
    ValueError
        If the content is not exactly one array in IDX format. The message names the file, what was expected and what
        came.
    OSError
        If the file cannot be opened or read.

    Examples
    --------
    >>> read(bytes([0, 0, 0x08, 2,  0, 0, 0, 2,  0, 0, 0, 3]) + bytes([1, 2, 3, 4, 5, 6]))
    array([[1, 2, 3],
           [4, 5, 6]], dtype=uint8)
    >>> read(b"PK00")
    Traceback (most recent call last):
        ...
    ValueError: the bytes given: expected an IDX file that begins with bytes 00 00, got 50 4b
    """
    if isinstance(source, bytes):
        return _read_stream(io.BytesIO(source), "the bytes given", max_bytes)
    with open(source, "rb") as file:
        return _read_stream(file, os.fspath(source), max_bytes)


def dumps(array: ArrayLike) -> bytes:
    """The array as the content of an uncompressed IDX file, the inverse of :func:`read`.

    Examples
    --------
    >>> import numpy as np
    >>> dumps(np.array([1, 2], dtype=np.int16)).hex(" ")
    '00 00 0b 01 00 00 00 02 00 01 00 02'
    """
    array = np.asarray(array)
    code = CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        raise TypeError(f"array: expected one of the types {', '.join(map(str, CODES))}, got {array.dtype}")
    if not 1 <= array.ndim <= MAX_DIMENSIONS:
        raise ValueError(f"array: expected 1 to {MAX_DIMENSIONS} dimensions, got {array.ndim}")
    header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def _read_stream(file: BinaryIO, name: str, max_bytes: int) -> NDArray[Any]:
    compressed = file.read(2) == GZIP_MAGIC
    file.seek(0)
    if not compressed:
        return _read_array(file, name, max_bytes)
    try:
        with gzip.GzipFile(fileobj=file) as content:
            return _read_array(content, name, max_bytes)  # type: ignore[arg-type]
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{name}: expected gzip data that unpacks to an IDX file, got {error}") from error


def _read_array(file: BinaryIO, name: str, max_bytes: int) -> NDArray[Any]:
    """The array; what follows it is looked at as well, which also makes gzip compare its checksum."""
    dtype, shape = _read_header(file, name)
    wanted = math.prod(shape) * dtype.itemsize
    # A size of 0 hides the others from the product, but NumPy cannot hold them either.
    if math.prod(max(size, 1) for size in shape) * dtype.itemsize > max_bytes:
        raise ValueError(f"{name}: expected at most {max_bytes} bytes of elements, got the shape {shape} of {dtype}")
    content = _read_up_to(file, wanted)
    if len(content) < wanted:
        raise ValueError(f"{name}: expected {wanted} bytes of elements for the shape {shape}, got {len(content)}")
    if file.read(1):
        raise ValueError(f"{name}: expected the end after {wanted} bytes of elements for the shape {shape}, got more")
    array = np.frombuffer(content, dtype.newbyteorder(">")).reshape(shape)
    return array.astype(dtype, copy=False)


def _read_header(file: BinaryIO, name: str) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = file.read(4)
    if magic[:2] != b"\0\0":
        raise ValueError(f"{name}: expected an IDX file that begins with bytes 00 00, got {_shown(magic[:2])}")
    if len(magic) < 4:
        raise ValueError(f"{name}: expected a header of at least 4 bytes, got {len(magic)}")
    code, n_dimensions = magic[2:]
    if code not in TYPES:
        known = ", ".join(f"{c:#04x} ({dtype})" for c, dtype in TYPES.items())
        raise ValueError(f"{name}: expected one of the type codes {known}, got {code:#04x}")
    if not 1 <= n_dimensions <= MAX_DIMENSIONS:
        raise ValueError(f"{name}: expected 1 to {MAX_DIMENSIONS} dimensions, got {n_dimensions}")
    sizes = file.read(4 * n_dimensions)
    if len(sizes) < 4 * n_dimensions:
        raise ValueError(f"{name}: expected {n_dimensions} sizes of 4 bytes each, got {len(sizes)} bytes")
    return TYPES[code], struct.unpack(f">{n_dimensions}I", sizes)


def _read_up_to(file: BinaryIO, size: int) -> bytearray:
    """Up to `size` bytes, in pieces, so that memory follows what comes and not what was promised."""
    content = bytearray()
    while chunk := file.read(min(CHUNK, size - len(content))):
        content += chunk
    return content


def _shown(data: bytes) -> str:
    return data.hex(" ") or "an empty file"
