"""Archives of arrays as `numpy.load` reads them, without pickles and without compression."""

from __future__ import annotations

import io
import math
import os
import re
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mlpc.arguments import Array

if TYPE_CHECKING:
    import zipfile

__all__ = ["pack_npz", "read_npz"]

_STORED = 0  # zipfile.ZIP_STORED
_VERSION = (1, 0)  # of .npy: "\x93NUMPY", two bytes of version, two of the header's length, the header, the numbers
_DTYPE = r"\|b1|\|[iu]1|<[iu][248]|<f[248]"
_SHAPE = r"(?:\d{1,19}, ?)*\d{0,19}"
_HEADER = re.compile(rf"{{'descr': '({_DTYPE})', 'fortran_order': False, 'shape': \(({_SHAPE})\), }} *\n".encode())


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
                np.lib.format.write_array(file, array, _VERSION, allow_pickle=False)
    return stream.getvalue()


def read_npz(path: str) -> dict[str, Array]:
    """The arrays of an archive, each of which is stored whole, in row-major order and little-endian.

    Nothing is allocated for a member before it was checked: no compression, no two members of one name, no more bytes
    than the file has; a header in NumPy's words, none of which is evaluated, of as many numbers as there are bytes.

    Raises
    ------
    ValueError
        Where the file is none such.
    """
    import zipfile

    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                _check(members, os.fstat(file.fileno()).st_size)
                return {member.filename.removesuffix(".npy"): _array(archive, member) for member in members}
        except (
            zipfile.BadZipFile, EOFError, KeyError, NotImplementedError, OSError, OverflowError, RuntimeError,
            ValueError, struct.error,
        ) as error:  # fmt: skip  # what zipfile raises for bytes that are no archive
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


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """One member, whose header is checked before anything else of it is read."""
    with archive.open(member) as file:
        start = file.read(10)
        if start[:8] != b"\x93NUMPY" + bytes(_VERSION) or len(start) < 10:
            raise ValueError(f"{member.filename!r} is no array, or of another version of the format")
        header = _HEADER.fullmatch(file.read(int.from_bytes(start[8:], "little")))
        if header is None:
            raise ValueError(f"{member.filename!r} has no header of numbers that lie row by row, little-endian")
        dtype = np.dtype(header[1].decode())
        shape = tuple(int(n) for n in header[2].split(b",") if n.strip())
        if member.file_size - file.tell() != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{member.filename!r} has as many bytes as shape {shape} of {dtype} has not")
        data = file.read()  # to its end, where zipfile checks the sum
    return np.frombuffer(data, dtype).reshape(shape)
