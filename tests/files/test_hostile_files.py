"""Files that are damaged, foreign or made to harm are ValueErrors, which cost no more memory than there are bytes."""

import contextlib
import io
import json
import os
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

import mlpc
from mlpc.files import archive

SUFFIXES = (".npz", ".safetensors")


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path):
    """A file with a network of 19 parameters."""
    if request.param == ".safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / f"net{request.param}"
    mlpc.MLP([2, 4, 1], "tanh", loss="mse").save(path)
    return path


def refused(path, words="expected"):
    """That the file is a ValueError which names it, before much memory was asked for."""
    mlpc.MLP([1, 1])
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=words) as met:
            mlpc.load(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20 + 4 * path.stat().st_size
    finally:
        tracemalloc.stop()
    assert str(met.value).startswith(f"path: {str(path)!r}: ")


def test_cut_anywhere(path):
    data = path.read_bytes()
    for length in range(0, len(data), 5):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"^path: "):
            mlpc.load(path)


def test_a_bit_flipped_anywhere(path):
    """Some bits of an archive, such as its dates, mean nothing; with all others there is no network."""
    data, digest = path.read_bytes(), mlpc.load(path).digest()
    rng, harmless = np.random.default_rng(0), 0
    for place in range(0, len(data), 3):
        changed = bytearray(data)
        changed[place] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        try:
            assert mlpc.load(path).digest() == digest
            harmless += 1
        except ValueError as error:
            assert str(error).startswith(f"path: {str(path)!r}: ")
    assert harmless < len(data) / 3 / 4


def test_bytes_of_any_kind(path):
    data, rng = path.read_bytes(), np.random.default_rng(1)
    for _ in range(300):
        changed = bytearray(data)
        start, length = rng.integers(len(data)), rng.integers(1, 40)
        changed[start : start + length] = rng.integers(0, 256, rng.integers(0, 40), np.uint8).tobytes()
        path.write_bytes(changed)
        with contextlib.suppress(ValueError):
            mlpc.load(path)


def repacked(path, arrays=None, sign=True, **changes):
    """Write the same file with another header, and other arrays; `sign`: with the digest that belongs to them."""
    own, header = archive._parts(str(path))
    own = own if arrays is None else arrays
    header |= changes
    if sign:
        header.pop("digest", None)
        header["digest"] = archive._digest(own, header)
    write(path, own, header)


def write(path, arrays, header):
    text = header if isinstance(header, str) else json.dumps(header)
    if path.suffix == ".npz":
        path.write_bytes(archive.pack_npz({"mlpc": np.frombuffer(text.encode(), np.uint8)} | arrays))
    else:
        path.write_bytes(archive.pack_safetensors(arrays, {"mlpc": text}))


WRONG_HEADERS = {
    "a later format": ({"format": 2}, "version 1 of the format, got 2, by mlpc '0.1.0'"),
    "no format": ({"format": True}, "of another program"),
    "another kind": ({"kind": "house"}, "expected a network, an estimator, the model of a table or a run, got a house"),
    "a run without": ({"kind": "run"}, "expected parameters"),
    "no kind": ({"kind": None}, "expected a kind"),
    "no values": ({"values": []}, "expected a kind, values"),
    "empty values": ({"values": {}}, "expected"),
    "arithmetic": ({"arithmetic": "2"}, "expected a kind, values and the version"),
    "not a number": ({"arithmetic": float("nan")}, "not JSON compliant"),
}


@pytest.mark.parametrize("case", WRONG_HEADERS)
def test_headers(path, case):
    changes, words = WRONG_HEADERS[case]
    try:
        repacked(path, **changes)
    except ValueError:  # what the digest cannot be made of
        repacked(path, sign=False, **changes)
    refused(path, words)


def test_the_digest_is_that_of_all(path):
    repacked(path, sign=False, library="0.1.1")
    refused(path, "the file is damaged")


TEXTS = ["", "3", "[]", "{}", "{", '"text"', "[" * 100_000, '{"a":' * 100_000, "9" * 10_000]


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_texts(path, number):
    write(path, {}, TEXTS[number])
    refused(path)


def test_texts_of_every_depth(path):
    """The reader of JSON and the writer, which makes the digest, each have a limit of their own."""
    arrays, header = archive._parts(str(path))
    text = json.dumps(header | {"extra": 0})
    for depth in range(900, 1010):
        write(path, arrays, text.replace('"extra": 0', '"extra": ' + "[" * depth + "]" * depth))
        with pytest.raises(ValueError, match=r"^path: .*(malformed|damaged)"):
            mlpc.load(path)


WRONG_PLANS = {
    "sizes": [[2, 4], [2, 4, 2], [2], [], 3, "24", [2, 4.0, 1], [2, 0, 1], [2, 10**12, 1], [10**30, 1], [2, [4], 1],
              None],
    "activations": [[], ["tanh", "tanh"], ["tahn"], [["tanh", 1.0]], [["leaky_relu", "x"]], [["leaky_relu"]], [3], 3],
    "loss": [None, {}, {"name": "mse"}, {"name": "mes", "settings": {}}, {"name": "mse", "settings": {"delta": 1}},
             {"name": "huber", "settings": {"delta": -1}}, {"name": ["mse"], "settings": {}}],
    "dtype": ["float64", "float16", 3, None],
    "seed": [-1, 2**64, 1.5, None, "0"],
    "shuffles": [[0], [0, -1], [2**64, 0], 3, [0, "1"], None],
    "masks": [[0], [0, -1], [0, 2**64], [2**64, 0], 3, [0, "1"], None],
    "dropout": [[], [0, 0, 0], [0, 0.5], [0.5, 0], [0, 1], [0, -0.1], [0, "0"], ["0", 0], 0, None],
    "training": [1, None, "yes"],
}  # fmt: skip


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG_PLANS.items() for value in values])
def test_plans(path, key, value):
    _, header = archive._parts(str(path))
    plan = header["values"]["network"] | {key: value}
    repacked(path, values={"network": plan})
    refused(path)


@pytest.mark.parametrize("plan", [None, [], {}, {"sizes": [2, 4, 1]}])
def test_plans_that_are_none(path, plan):
    repacked(path, values={"network": plan})
    refused(path, "network: expected")


def test_other_arrays(path):
    arrays, _ = archive._parts(str(path))
    for changed in (
        {},
        arrays | {"extra": np.zeros(1)},
        {name: array for name, array in arrays.items() if name != "2.bias"},
        arrays | {"2.bias": np.zeros(2, np.float32)},
        arrays | {"2.bias": np.zeros(1, np.float64)},
        arrays | {"2.bias": np.zeros((1, 1), np.float32)},
    ):
        repacked(path, changed)
        refused(path, "expected parameters in float32")


def test_files_of_others(path):
    arrays = {"0.weight": np.zeros((1, 2), np.float32)}
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        path.write_bytes(archive.pack_safetensors(arrays, {"format": "pt"}))
        refused(path, "of another program|other texts")
        path.write_bytes(archive.pack_safetensors(arrays, {}))
    refused(path, "got one of another program")


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    (tmp_path / "folder.npz").mkdir()
    for name in ("pipe.npz", "folder.npz"):
        with pytest.raises(ValueError, match="which is none"):
            mlpc.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        mlpc.load(tmp_path / "missing.npz")


# ---- Archives that claim what they do not have -------------------------------------------------------------------


def member(header, data=b"\0" * 64, version=b"\x01\x00"):
    """An array as .npy has it, with that header."""
    text = header.encode("latin1")
    text += b" " * (-(10 + len(text) + 1) % 64) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + data


def zipped(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members:
            file.writestr(name, data)


HEADER = "{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}"
CLAIMS = {
    "2^60 numbers": HEADER.format("<f8", False, f"({2**60},)"),
    "a product beyond 64 bits": HEADER.format("<f4", False, f"({2**40}, {2**40})"),
    "numbers of a gigabyte": HEADER.format("<U268435456", False, "()"),
    "a negative number": HEADER.format("<f4", False, "(-1, -16)"),
    "a truth value for a size": HEADER.format("<f4", False, "(True, 16)"),
    "objects": HEADER.format("|O", False, "(8,)"),
    "texts": HEADER.format("<U2", False, "(8,)"),
    "big-endian": HEADER.format(">f4", False, "(16,)"),
    "column by column": HEADER.format("<f4", True, "(16,)"),
    "fewer numbers": HEADER.format("<f4", False, "(15,)"),
    "no header": "",
    "an expression": "__import__('os').getpid()",
    "brackets": "(" * 3000,
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_members_that_claim(tmp_path, claim):
    path = tmp_path / "net.npz"
    zipped(path, [("0.weight.npy", member(CLAIMS[claim]))])
    refused(path, "malformed: '0.weight.npy' has (no header|as many bytes)")


def test_members_of_other_versions_and_names(tmp_path):
    path, whole = tmp_path / "net.npz", member(HEADER.format("<f4", False, "(16,)"))
    zipped(path, [("a.npy", member(HEADER.format("<f4", False, "(16,)"), version=b"\x09\x00"))])
    refused(path, "malformed")
    zipped(path, [("a.txt", whole)])
    refused(path, "no array")
    with pytest.warns(UserWarning, match="Duplicate name"):
        zipped(path, [("a.npy", whole), ("a.npy", whole)])
    refused(path, "same name")


def test_compressed_members_are_never_unpacked(tmp_path):
    path = tmp_path / "net.npz"
    zipped(path, [("a.npy", member(HEADER.format("|u1", False, f"({2**24},)"), b"\0" * 2**24))], zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2**16
    refused(path, "'a.npy' is compressed")


def test_members_that_share_their_bytes_are_not_copied(tmp_path):
    """A thousand entries of the directory, all of which point to the same megabyte."""
    path, data = tmp_path / "net.npz", io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("0.npy", member(HEADER.format("|u1", False, f"({2**18},)"), b"\0" * 2**18))
        first = file.infolist()[0]
        for number in range(1, 1000):
            other = zipfile.ZipInfo(f"{number}.npy")
            for key in ("header_offset", "CRC", "compress_size", "file_size"):
                setattr(other, key, getattr(first, key))
            file.filelist.append(other)
    path.write_bytes(data.getvalue())
    refused(path, "larger than the file")


# ---- Files of safetensors that do ----------------------------------------------------------------------------------


def tensors(header, data=b"\0" * 64):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 90_000_000) + b"{}",
        tensors({"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 64]}}),
        tensors({"a": {"dtype": "F32", "shape": [2**62], "data_offsets": [0, 2**64 - 1]}}),
        tensors({"a": {"dtype": "F32", "shape": [16], "data_offsets": [64, 0]}}),
        tensors({"a": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}}),
        tensors({n: {"dtype": "F32", "shape": [16], "data_offsets": [0, 64]} for n in "ab"}),
        tensors({"a": {"dtype": "BF16", "shape": [32], "data_offsets": [0, 64]}}),
        tensors({"a": {"dtype": "F128", "shape": [4], "data_offsets": [0, 64]}}),
        tensors(b'{"a":' * 10_000),
        tensors({"__metadata__": {"mlpc": 3}}),
        b"",
    ],
)  # fmt: skip
def test_tensors_that_claim(tmp_path, data):
    pytest.importorskip("safetensors")
    path = tmp_path / "net.safetensors"
    path.write_bytes(data)
    refused(path, "malformed")
