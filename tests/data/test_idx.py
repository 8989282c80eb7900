"""The IDX reader: round trips, every way a file can be malformed, and bytes that hypothesis makes up."""

import gzip
import itertools
import math
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlpc import idx

ARRAYS = st.sampled_from(list(idx.TYPES.values())).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))
)
SMALL = idx.dumps(np.arange(6, dtype=np.int16).reshape(2, 3))


def header(code, *sizes):
    return struct.pack(f">HBB{len(sizes)}I", 0, code, len(sizes), *sizes)


@given(ARRAYS)
def test_what_is_dumped_is_read_packed_or_not(array):
    for content in (idx.dumps(array), gzip.compress(idx.dumps(array))):
        result = idx.read(content)
        assert result.dtype == array.dtype and result.dtype.isnative and result.shape == array.shape
        assert result.tobytes() == array.tobytes()


def test_results_are_new_and_writable():
    array = idx.read(SMALL)
    array += 1
    assert array.sum() == 15 + 6
    assert idx.read(SMALL).sum() == 15


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_path(tmp_path, pack):
    path = tmp_path / "small.idx"
    path.write_bytes(pack(SMALL))
    np.testing.assert_array_equal(idx.read(path), [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(idx.read(str(path)), [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("content", "expectation"),
    [
        (b"\0", "begins with bytes 00 00, got 00"),
        (b"\x89PNG", "begins with bytes 00 00, got 89 50"),
        (b"\0\0\x08", "a header of at least 4 bytes, got 3"),
        (b"\0\0\x0a\x01", "got 0x0a"),
        (b"\0\0\x08\x00", "1 to 32 dimensions, got 0"),
        (b"\0\0\x08\xff", "1 to 32 dimensions, got 255"),
        (b"\0\0\x08\x02" + bytes(7), "2 sizes of 4 bytes each, got 7 bytes"),
        (SMALL[:-1], r"12 bytes of elements for the shape \(2, 3\), got 11"),
        (SMALL + b"\0", r"the end after 12 bytes of elements for the shape \(2, 3\), got more"),
        (header(0x08, 2**32 - 1), "at most 1073741824 bytes"),
        (header(0x0E, 2**27 + 1), "at most 1073741824 bytes"),
        (header(0x08, 2**31, 2**31, 4), "at most 1073741824 bytes"),  # 2^64, which is 0 in 64 bits
        (header(0x08, 0, 2**32 - 1, 2**32 - 1), "at most 1073741824 bytes"),
        (header(0x08, *[2] * 32), "at most 1073741824 bytes"),
    ],
)
def test_malformed_files_are_value_errors_that_name_the_file(tmp_path, content, expectation, pack):
    path = tmp_path / "malformed.idx"
    path.write_bytes(pack(content))
    with pytest.raises(ValueError, match=rf"malformed\.idx: expected .*{expectation}"):
        idx.read(path)


def test_an_empty_file():
    with pytest.raises(ValueError, match=r"the bytes given: expected an IDX file .* got an empty file"):
        idx.read(b"")


PACKED = gzip.compress(SMALL)


@pytest.mark.parametrize(
    "content",
    [
        PACKED[:1],
        PACKED[:5],
        PACKED[:-4],
        PACKED[:-8] + bytes(8),
        PACKED[:12] + bytes([PACKED[12] ^ 0xFF]) + PACKED[13:],
        PACKED + b"more",
        idx.GZIP_MAGIC + bytes(20),
    ],
    ids=["magic cut", "header cut", "end cut", "checksum wrong", "data damaged", "data behind", "method unknown"],
)
def test_bad_gzip(content):
    with pytest.raises(ValueError, match="the bytes given: expected"):
        idx.read(content)


def peak_memory(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(header(0x08, 4) + bytes(1 << 26), compresslevel=1),  # 64 MiB behind the 4 bytes promised
        gzip.compress(header(0x08, 2**32 - 1) + bytes(1 << 26), compresslevel=1),  # promised, and above the cap
        header(0x08, 1 << 30) + bytes(10),  # 1 GiB promised, 10 bytes there
        gzip.compress(header(0x08, 1 << 30) + bytes(10)),
    ],
    ids=["bomb behind", "bomb promised", "nothing there", "nothing there, packed"],
)
def test_memory_follows_neither_promises_nor_bombs(content):
    def read():
        with pytest.raises(ValueError):
            idx.read(content)

    assert peak_memory(read) < 8 * idx.CHUNK


def test_the_cap_is_the_callers():
    assert idx.read(SMALL, max_bytes=12).shape == (2, 3)
    with pytest.raises(ValueError, match="at most 11 bytes"):
        idx.read(SMALL, max_bytes=11)


def read_or_none(content):
    """The array, or None for a ValueError; anything else is a failure of the test."""
    try:
        return idx.read(content, max_bytes=1 << 20)
    except ValueError:
        return None


@settings(max_examples=500)
@given(st.binary(max_size=64) | st.binary(max_size=40).map(lambda tail: b"\0\0\x08\x01\0\0\0" + tail))
def test_any_bytes_are_read_exactly_or_refused(content):
    array = read_or_none(content)
    if array is not None and content[:2] != idx.GZIP_MAGIC:
        assert idx.dumps(array) == content


@st.composite
def damaged(draw):
    """A valid file with a few bytes changed, taken out or put in."""
    content = idx.dumps(draw(ARRAYS))
    if draw(st.booleans()):
        content = gzip.compress(content)
    content = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        content[start : start + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(content)


@settings(max_examples=500)
@given(damaged())
def test_damaged_files_are_read_exactly_or_refused(content):
    array = read_or_none(content)
    if array is not None:
        assert math.prod(array.shape) == array.size
        if content[:2] != idx.GZIP_MAGIC:
            assert idx.dumps(array) == content


def test_every_prefix_of_a_file_is_refused():
    for content in (SMALL, PACKED):
        assert all(read_or_none(content[:size]) is None for size in range(len(content)))


def test_every_changed_header_byte_is_read_exactly_or_refused():
    for position, value in itertools.product(range(12), range(256)):
        content = bytearray(SMALL)
        content[position] = value
        array = read_or_none(bytes(content))
        assert array is None or idx.dumps(array) == content


def test_other_types_cannot_be_dumped():
    with pytest.raises(TypeError, match="got complex64"):
        idx.dumps(np.zeros(2, dtype=np.complex64))
    with pytest.raises(ValueError, match="got 0"):
        idx.dumps(np.uint8(1))
