"""Tables out of files: what is taken as it is written, and what is refused."""

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from mlpc.tables import read_table

pandas = pytest.importorskip("pandas")

CONTENTS = {
    "empty": (b"", "expected a table with a line of names, got an empty file"),
    "blank": (b"\n\n", "expected a table with a line of names, got an empty file"),
    "names alone": (b"a,b\n", "expected rows, got a line of names alone"),
    "more": (b"a,b\n1,2\n1,2,3\n", "expected 2 fields in each row, got 3 in line 3"),
    "more everywhere": (b"a,b\n1,2,3\n", "expected 2 fields in each row, got 3 in line 2"),
    "fewer": (b"a,b\n1,2\n1\n", "expected 2 fields in each row, got 1 in line 3"),
    "twice": (b"a,b,a\n1,2,3\n", "expected columns of different names, got 'a' 2 times"),
    "no name": (b",a\n0,1\n", "expected a name for each column, got none for column 0"),
    "semicolons": (b"a;b\n1;2\n", "expected names with commas between them, got 'a;b'"),
    "latin-1": (b"a\n1\n\xe9\n", "expected text in UTF-8, got the byte 0xe9 in line 3"),
    "utf-16": ("a,b\n1,2\n".encode("utf-16"), "expected text in UTF-8, got the byte 0xff in line 1"),
    "quotes": (b'a,b\n"1,2\n', "expected a table of CSV, got line 2: "),
    "blanks": (b"a\n1\n \n2\n", "expected a value in each of 3 rows, got 2 and lines of blanks alone"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_what_is_no_table(tmp_path, name):
    content, message = CONTENTS[name]
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        read_table(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "no.csv")


TABLE = pandas.DataFrame({"a": ["007", "012"], "b": [1.5, 2.0]})


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt"])
def test_what_pandas_writes_is_read(tmp_path, name):
    text = TABLE.to_csv(index=False, sep="\t" if name == "t.tsv" else ",")
    (tmp_path / name).write_text("\ufeff" + text, encoding="utf-8")  # as some programs begin their files
    pandas.testing.assert_frame_equal(read_table(tmp_path / name, text=["a", "nothing"]), TABLE)


@pytest.mark.parametrize(("value", "dtype"), [("2", "Int64"), ("2.0", "float64"), ("9007199254740993", "float64")])
def test_integers_stay_integers_where_some_are_missing(tmp_path, value, dtype):
    (tmp_path / "t.csv").write_text(f"a,b\n1,x\n,x\n{value},x\n")
    assert read_table(tmp_path / "t.csv")["a"].dtype == dtype


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(TABLE.to_csv(index=False).encode())))
    pandas.testing.assert_frame_equal(read_table("-", text=["a"]), TABLE)


def test_no_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ValueError, match="-: expected a table on standard input, got no standard input"):
        read_table("-")


def test_arrays(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(6.0).reshape(3, 2), y=[1, 0, 1])
    assert read_table(path).to_dict("list") == {"x0": [0, 2, 4], "x1": [1, 3, 5], "y": [1, 0, 1]}
    np.savez_compressed(path, age=[1.0, 2.0], kind=["a", "b"])
    assert read_table(path).to_dict("list") == {"age": [1, 2], "kind": ["a", "b"]}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros((2, 2))}, r"got 'a' of shape \(2, 2\)"),
        ({"a": [1, 2], "b": [1]}, "expected columns of equal length, got lengths 2, 1"),
        ({"a": np.array([None])}, "expected an archive of arrays"),
        ({}, "expected columns, got none"),
    ],
    ids=["shape", "lengths", "objects", "nothing"],
)
def test_other_arrays(tmp_path, arrays, message):
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=message):
        read_table(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"text"], ids=["empty", "cut", "text"])
def test_no_archive(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npz: expected an archive of arrays"):
        read_table(path)
