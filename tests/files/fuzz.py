"""Files that are changed at random: each is refused in words, or is a network, an estimator or a model of a table
that works.

    python tests/files/fuzz.py [--files 100000] [--seed 0]

Bits are flipped, pieces cut, moved and overwritten; tensors swapped, reshaped and retyped; values of the header become
others, with the digest that belongs to them or without; sizes become huge.  A process of its own reads them, its memory
capped, some thousands each; where one crashes, hangs or fails otherwise than `mlpc.load` says, the file is kept.
The files that are changed are those of the corpus.
"""

import argparse
import collections
import contextlib
import copy
import json
import random
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

import mlpc
from mlpc.files import archive

CORPUS = Path(__file__).with_name("corpus")
AT_A_TIME = 5000
QUICK = "/dev/shm" if Path("/dev/shm").is_dir() else None  # where nothing waits for a disk
ROOM = 256 << 20  # bytes of memory beyond what the process has after its first file of each kind
HANGS = 1800  # seconds for so many files, of which each takes milliseconds

# ---- Bytes -----------------------------------------------------------------------------------------------------------


def flip(draw, data):
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def cut(draw, data):
    del data[draw.randrange(len(data)) :]


def drop(draw, data):
    start = draw.randrange(len(data))
    del data[start : start + draw.choice((1, 8, 64, 512))]


def overwrite(draw, data):
    start, length = draw.randrange(len(data)), draw.choice((1, 2, 4, 8, 40))
    data[start : start + length] = draw.choice((b"\xff" * length, bytes(length), draw.randbytes(length)))


def move(draw, data):
    start, to, length = draw.randrange(len(data)), draw.randrange(len(data)), draw.choice((8, 64, 512))
    piece = data[start : start + length]
    data[to:to] = piece if draw.random() < 0.5 else piece[::-1]


def digits(draw, data):
    """A number in a header, of sizes, offsets or lengths, becomes a large one."""
    found = [match.span() for match in re.finditer(rb"\d+", data)]
    start, end = draw.choice(found) if found else (0, 0)
    data[start:end] = draw.choice((b"9" * (end - start), b"0" * (end - start), str(2 ** draw.randrange(70)).encode()))


def fields(draw, data):
    """What an archive's directory, or the first bytes of a file of safetensors, say of sizes and places."""
    places = [match.start() for match in re.finditer(rb"PK[\1\3\5\6][\2\4\6\7]", data)] or [0]
    start = draw.choice(places) + draw.randrange(46 if len(places) > 1 else 8)
    value = draw.choice((0, 1, 2**16 - 1, 2**31, 2**32 - 1, draw.getrandbits(32)))
    data[start : start + 4] = struct.pack("<I", value)


OF_BYTES = (flip, flip, cut, drop, overwrite, move, digits, fields)

# ---- Contents --------------------------------------------------------------------------------------------------------

VALUES = ["[" * 60 + "]" * 60, "[" * 900 + "]" * 900] + [json.dumps(value) for value in (
    None, True, False, -1, 0, 1, 2, 3, 1000, 2**31, 2**53, 2**63, 2**64, 10**30, 1e308, -1e-320, 0.5, "", "x", "\ud800",
    "relu", "batch", "mse", "adam", "network", "estimator", "float16", "__class__", [], {}, [[]], [0], [None] * 3,
    [2, 3], ["relu"], {"a": 1}, {"tuple": []}, {"array": "classes"}, {"float": "inf"}, {"loss": None}, "9" * 5000,
)]  # fmt: skip


def values(draw, arrays, header):
    """Some value of the header is another one, or gone."""
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        node, places = header, []
        while isinstance(node, (dict, list)) and node:
            key = draw.choice(list(node) if isinstance(node, dict) else range(len(node)))
            places.append((node, key))
            node = node[key]
        if not places:
            continue
        node, key = draw.choice(places)
        what = draw.randrange(8)
        if what == 0:
            del node[key]
        elif what == 1 and isinstance(node, list):
            node.append(node[key])
        elif what == 2 and isinstance(node, dict):
            node[draw.choice([*node, "extra"])] = node.pop(key)
        elif what == 3 and isinstance(node[key], (int, float)):
            node[key] = draw.choice((node[key] + 1, -node[key], node[key] * 10**6, node[key] / 2))
        else:
            node[key] = json.loads(draw.choice(VALUES))


def tensors(draw, arrays, header):
    """Some arrays are others."""
    for _ in range(draw.choice((1, 1, 2))):
        names = list(arrays)
        if not names:
            return
        one, other = draw.choice(names), draw.choice(names)
        array = arrays[one]
        what = draw.randrange(9)
        if what == 0:
            arrays[one], arrays[other] = arrays[other], array
        elif what == 1:
            del arrays[one]
        elif what == 2:
            arrays[draw.choice((other, "extra", "net.0.weight", ""))] = arrays.pop(one)
        elif what == 3:
            arrays[one] = array.reshape(draw.choice(((-1,), (1, -1), (-1, 1), (1, 1, -1))))
        elif what == 4:
            arrays[one] = array.T.copy()
        elif what == 5:
            arrays[one] = array.astype(draw.choice(["?", "u1", "i1", "i8", "u8", "f2", "f4", "f8"]))
        elif what == 6:
            arrays[one] = np.full_like(
                array, draw.choice((0, 1, 100) if array.dtype.kind in "bui" else (np.nan, np.inf, -1))
            )
        elif what == 7:
            arrays[one] = np.zeros((draw.choice((0, 1, 10**5)), *array.shape[1:]), array.dtype)
        else:
            arrays[one] = np.concatenate([np.atleast_1d(array)] * 2)


def written(draw, path, arrays, header):
    """The bytes of a file of these, with the right digest or without."""
    with contextlib.suppress(ValueError, RecursionError, UnicodeEncodeError):  # what has no digest
        if draw.random() < 0.8:
            header.pop("digest", None)
            header["digest"] = archive._digest(arrays, header)
    try:
        text = json.dumps(header)
    except RecursionError:  # a deep value within another
        text = "[" * 2000 + "]" * 2000
    if path.suffix == ".npz":
        data = archive.pack_npz({"mlpc": np.frombuffer(text.encode("ascii"), np.uint8)} | arrays)
    else:
        data = archive.pack_safetensors(arrays, {"mlpc": text})
    return bytearray(data)


# ---- One file after the other ----------------------------------------------------------------------------------------


class Fuzz:
    """Files, by number: the same for one seed."""

    def __init__(self, folder, seed):
        files = sorted(path for path in CORPUS.glob("*/*") if path.suffix in (".npz", ".safetensors"))
        self.files = [(path, path.read_bytes(), archive._parts(str(path))) for path in files]
        self.folder, self.seed = folder, seed
        self.digests = [self.used(self.load(path)) for path in files]

    def load(self, path):
        return mlpc.load(path, loss="mse" if "custom" in path.name else None)

    def used(self, loaded):
        """The digest of a network, after it was asked something."""
        net = getattr(loaded, "network_", getattr(loaded, "net", loaded))
        rows = np.zeros((1, net.sizes[0]))
        if isinstance(loaded, mlpc.tables.TableModel):
            rows = {name: "red" if name in loaded.text_columns else 0.0 for name in loaded.columns}
        with contextlib.suppress(ValueError):  # no label is made of NaN
            loaded.predict(rows)
        return net.digest()

    def file(self, number):
        """Change a file; the path of what came of it, and the digest of what it was, where its own must tell."""
        draw = random.Random(f"{self.seed}.{number}")
        which = draw.randrange(len(self.files))
        source, data, (arrays, header) = self.files[which]
        path = self.folder / f"file{source.suffix}"
        changed, digest = bytearray(data), self.digests[which]
        if draw.random() < 0.5:
            arrays, header, digest = dict(arrays), copy.deepcopy(header), None
            draw.choice((values, values, tensors))(draw, arrays, header)
            changed = written(draw, path, arrays, header)
        if digest is not None or draw.random() < 0.1:
            for _ in range(draw.choice((1, 1, 1, 3))):
                if changed:
                    draw.choice(OF_BYTES)(draw, changed)
        path.write_bytes(changed)
        return path, digest

    def check(self, number):
        """What became of a file: "refused" or "loaded"."""
        path, digest = self.file(number)
        try:
            loaded = self.load(path)
        except ValueError as error:
            assert str(error).startswith(f"path: {str(path)!r}: "), f"the error does not name the file: {error}"
            return "refused"
        found = self.used(loaded)
        assert digest in (None, found), "another network than was written"
        again = path.with_stem("again")
        loaded.save(again)
        assert self.used(self.load(again)) == found, "another network when written again"
        return "loaded"


def read_some(folder, seed, start, count):
    """Read so many files, in this process; how many were refused, and loaded."""
    mlpc.set_num_threads(1)
    warnings.simplefilter("ignore")
    fuzz, done = Fuzz(folder, seed), collections.Counter()
    used = int(re.search(r"VmSize:\s*(\d+) kB", Path("/proc/self/status").read_text())[1]) << 10
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))
    for number in range(start, start + count):
        try:
            done[fuzz.check(number)] += 1
        except BaseException as error:
            error.add_note(f"file {number} of seed {seed}") if hasattr(error, "add_note") else print(number)
            raise
    return done


def fuzz(files, seed=0, keep=None):
    """Read so many files in processes of their own; how many were refused, and loaded; what fails goes to a folder.

    Raises
    ------
    RuntimeError
        Where a process ended otherwise; it says why, and where the file is kept.
    """
    total = collections.Counter()
    for start in range(0, files, AT_A_TIME):
        with tempfile.TemporaryDirectory(dir=QUICK) as folder:
            count = min(AT_A_TIME, files - start)
            child = [sys.executable, __file__, "--child", folder, str(start), str(count), "--seed", str(seed)]
            done = subprocess.run(child, capture_output=True, text=True, timeout=HANGS)
            if done.returncode:
                kept = [shutil.copy(path, keep or tempfile.mkdtemp()) for path in Path(folder).glob("file.*")]
                raise RuntimeError(f"ended with {done.returncode}; one of {kept}:\n{done.stderr[-3000:]}")
            total.update(json.loads(done.stdout))
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        folder, start, count = args.child
        print(json.dumps(read_some(Path(folder), args.seed, int(start), int(count))))
        return
    done = fuzz(args.files, args.seed)
    print(f"{args.files:,} files: {done['refused']:,} refused, {done['loaded']:,} loaded and used; none crashed")


if __name__ == "__main__":
    main()
