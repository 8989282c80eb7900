"""What holds sparse rows: whole before anybody sees it, and nobody's to change afterwards."""

import gc

import numpy as np
import pytest

from mlpc import _mlpc

PARTS = ("data", "indices", "indptr")


def rows(data=(1.0, 2.0), indices=(0, 2), indptr=(0, 1, 2)):
    return _mlpc.CSR(data, indices, indptr, 3)


def everybody():
    """Numbers of the objects there are."""
    return {id(each) for each in gc.get_objects() if type(each) is _mlpc.CSR}


@pytest.mark.parametrize("part", PARTS)
def test_nobody_sees_rows_that_are_not_whole(part):
    seen, before = set(), everybody()

    class Numbers:
        def __array__(self, dtype=None, copy=None):
            seen.update(everybody())
            return np.array([0, 1]) if part == "indptr" else np.zeros(1, int)

    whole = rows(**{"data": [1.0], "indices": [0], "indptr": [0, 1], part: Numbers()})
    assert seen <= before and len(whole) == 1


@pytest.mark.parametrize("dtype", ["int8", "int32", ">i4", "int64", ">i8", "uint32", "uint64"])
def test_columns_of_any_integers(dtype):
    x = rows(indices=np.array([0, 9, 2, 9], dtype)[::2])
    np.testing.assert_array_equal(_mlpc.numbers(x, None, "float64"), [[1, 0, 0], [0, 0, 2]])
    assert x.indices.dtype == np.int32


@pytest.mark.parametrize("column", [2**32 + 1, 2**31, -(2**32) + 1, -1])
def test_columns_are_not_cut_to_32_bits(column):
    with pytest.raises(ValueError, match=r"indices: expected numbers in 0\.\.2147483647, got others"):
        rows(indices=np.array([0, column]))


def test_columns_of_64_bits_without_a_sign_are_not_cut():
    with pytest.raises(ValueError, match="indices: expected numbers"):
        rows(indices=np.array([0, 2**64 - 2**32 + 1], np.uint64))


class Subclass(np.ndarray):
    """As np.memmap is one."""


def arrays_of(kind):
    """What rows are made of: arrays that they take as they are, of a subclass, or such as they convert."""
    data, indices, indptr = np.array([1.0, 2.0]), np.array([0, 2], np.int32), np.array([0, 1, 2])
    if kind == "subclass":
        return data.view(Subclass), indices.view(Subclass), indptr.view(Subclass)
    return (data, indices, indptr) if kind == "taken" else ([1.0, 2.0], [0, 2], [0, 1, 2])


@pytest.mark.parametrize("kind", ["taken", "subclass", "converted"])
@pytest.mark.parametrize("part", PARTS)
def test_no_view_gives_them_another_shape(part, kind):
    x = rows(*arrays_of(kind))
    base = getattr(x, part)
    while isinstance(base, np.ndarray):
        base.shape = (1, 1, -1)
        base = base.base
    assert x.shape == (2, 3) and getattr(x, part).ndim == 1
    np.testing.assert_array_equal(_mlpc.numbers(x, None, "float64"), [[1, 0, 0], [0, 0, 2]])


def test_nobody_writes_where_rows_begin():
    """An index may change, and is looked at again; a beginning would lead out of the arrays."""
    indptr = np.array([0, 1, 2])
    x = rows(indptr=indptr)
    indptr[:] = 1000
    view = x.indptr
    while isinstance(view, np.ndarray):
        with pytest.raises(ValueError, match="WRITEABLE"):
            view.flags.writeable = True
        view = view.base
    assert x.indptr.tolist() == [0, 1, 2]


def test_what_is_made_of_rows_does_not_keep_them():
    """Other numbers at the same places: those that were converted are in memory once."""
    before = everybody()
    x = rows(data=np.array([1, 2], "int8"), indices=np.array([0, 2]))
    again = _mlpc.CSR(_mlpc.as_real("x", x.data, "float64"), x.indices, x.indptr, 3)
    del x
    assert everybody() - before == {id(again)}
