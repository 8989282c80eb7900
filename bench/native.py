"""native.c, compiled by the system's compiler when it is needed, and its functions."""

import ctypes
import os
import pathlib
import shlex
import subprocess

import numpy as np

import mlpc
from mlpc import _mlpc

ROOT = pathlib.Path(__file__).parents[1]
COMPILER = shlex.split(os.environ.get("CC", "cc"))
KERNEL_FLAGS = ["-std=c11", "-O3", "-fPIC", "-ffp-contract=off", "-fno-math-errno"]  # those of setup.py
OWN_FLAGS = ["-std=c11", "-O3", "-fPIC", "-ffp-contract=fast", "-fno-math-errno"]

POINTER = np.ctypeslib.ndpointer(flags="C_CONTIGUOUS")
SIZE = ctypes.c_size_t
ISAS = {"portable": (12, 16), "neon": (16, 16), "avx2": (12, 32), "avx512": (12, 64)}  # chains, bytes of a vector
ROOTED = 512  # as in native.c


def library() -> ctypes.CDLL:
    """Made once per state of the sources, in build/bench."""
    isa = mlpc.cpu.active()
    path = ROOT / "build/bench" / f"{isa}-{_mlpc.build_hash[:16]}.so"
    source = ROOT / "bench/native.c"
    if not path.exists() or path.stat().st_mtime < source.stat().st_mtime:
        _compile(isa, source, path)
    loaded = ctypes.CDLL(str(path))
    for name in ("forward", "backward_x", "backward_w"):
        pointers = 4 if name == "forward" else 3
        getattr(loaded, name).argtypes = [ctypes.c_int, *[POINTER] * pointers, *[SIZE] * 4]
        getattr(loaded, name).restype = None
    loaded.read_memory.argtypes, loaded.read_memory.restype = [POINTER, SIZE], ctypes.c_double
    loaded.triad.argtypes, loaded.triad.restype = [POINTER, POINTER, POINTER, SIZE], None
    return loaded


def _compile(isa: str, source: pathlib.Path, path: pathlib.Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kernels = sorted(ROOT.glob(f"csrc/kernels/*/*{isa}_f*.c"))
    objects = []
    for file, flags in [(source, [*OWN_FLAGS, f"-DISA={isa}"]), *((file, KERNEL_FLAGS) for file in kernels)]:
        objects.append(path.with_name(f"{file.stem}.o"))
        subprocess.run([*COMPILER, *flags, "-c", str(file), "-o", str(objects[-1])], check=True)
    subprocess.run([*COMPILER, "-shared", *map(str, objects), "-lm", "-o", str(path)], check=True)


def limits(loaded: ctypes.CDLL, limit: str, dtype: str) -> dict[str, tuple]:
    """By instruction set that runs here: a function of the number of rounds, and what is done in one: fused
    multiply-adds for the limit "peak", or for "roots" roots, each with a division."""
    found = {}
    for isa, (chains, width) in ISAS.items():
        name = f"{limit}_f{8 * np.dtype(dtype).itemsize}_{isa}"
        if isa in mlpc.cpu.available() and hasattr(loaded, name):
            function = getattr(loaded, name)
            function.argtypes, function.restype = [SIZE], ctypes.c_double
            found[isa] = function, chains * width // np.dtype(dtype).itemsize if limit == "peak" else ROOTED
    return found
