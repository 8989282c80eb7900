"""Archives of arrays as `numpy.load` reads them, without pickles and without compression."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING

import numpy as np

from mlpc.arguments import Array

if TYPE_CHECKING:
    import zipfile

__all__ = ["pack_npz", "read_npz"]

_LONGEST_HEADER = 4096
_STORED = 0  # zipfile.ZIP_STORED
_FORMAT = (1, 0)  # of .npy: ASCII headers of up to 64 KB


def pack_npz(arrays: Mapping[str, Array]) -> bytes:
    """An archive, member by member in the order given; equal arrays give equal bytes.

    Examples
    --------
    >>> data = pack_npz({"a": np.arange(3.0)})
    >>> np.load(io.BytesIO(data))["a"], data == pack_npz({"a": np.arange(3.0)})
    (array([0., 1., 2.]), True)
    """
    import zipfile  # here and below: it takes a while to import, and few need it

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")  # dated 1980: no clock gets into the bytes
            with archive.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, _FORMAT, allow_pickle=False)
    return stream.getvalue()


def read_npz(path: str) -> dict[str, Array]:
    """The arrays of an archive, each of which is stored whole, in row-major order and little-endian.

    Nothing is allocated for a member before its header was checked: no compression, no two members of one name, no
    more bytes than the file has, a dtype of numbers, as many elements as bytes.

    Raises
    ------
    ValueError
        Where the file is none such.
    """
    import zipfile

    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _check(members, os.fstat(file.fileno()).st_size)
            arrays = {}
            for member in members:
                with archive.open(member) as content:
                    arrays[member.filename.removesuffix(".npy")] = _array(member, content)
            return arrays
    except (
        zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, OverflowError, RuntimeError,
        SyntaxError, TypeError, ValueError, KeyError, IndexError,
    ) as error:  # fmt: skip  # all that zipfile and NumPy were seen to raise for bytes that are no archive
        raise ValueError(f"expected an archive of arrays, got one that is malformed: {error}") from error


def _check(members: list[zipfile.ZipInfo], size: int) -> None:
    """What the directory of an archive says of its members."""
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise ValueError("two members have the same name")
    for member in members:
        if not member.filename.endswith(".npy") or member.flag_bits & 1:
            raise ValueError(f"{member.filename!r} is no array, or encrypted")
        if member.compress_type != _STORED or member.compress_size != member.file_size:
            raise ValueError(f"{member.filename!r} is compressed")
    if sum(member.file_size for member in members) > size:  # members that overlap would be many times the file
        raise ValueError("its members are larger than the file")


def _array(member: zipfile.ZipInfo, file: IO[bytes]) -> Array:
    """One member, whose header is checked before anything else of it is read."""
    if np.lib.format.read_magic(file) != _FORMAT:
        raise ValueError(f"{member.filename!r} is of another version of the format")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=_LONGEST_HEADER)
    if dtype.kind not in "biuf" or dtype.newbyteorder("<") != dtype or fortran_order:
        raise ValueError(f"{member.filename!r} holds dtype {dtype}, or not row by row")
    if any(not isinstance(n, int) or n < 0 for n in shape):
        raise ValueError(f"{member.filename!r} has the shape {shape}")
    expected = math.prod(shape) * dtype.itemsize
    if member.file_size - file.tell() != expected:
        raise ValueError(f"{member.filename!r} should have {expected} bytes behind its header")
    data = file.read()  # to its end, where zipfile checks the sum
    return np.frombuffer(data, dtype).reshape(shape)
