"""What the figures were measured on, and with."""

import contextlib
import importlib.metadata
import os
import pathlib
import platform
import subprocess
import sys

from contenders import environment

import mlpc
from mlpc import _mlpc

PACKAGES = ("numpy", "torch", "jax", "scikit-learn", "onnxruntime")

# In a process of its own, with the environment that the contenders have: which kernels NumPy's BLAS chose.
BLAS = """
import numpy
try:
    import threadpoolctl
except ImportError:
    pass
else:
    for library in threadpoolctl.threadpool_info():
        print(library["internal_api"], library["version"], library.get("architecture", ""))
"""


def last_level_cache() -> int:
    """Bytes, as Linux tells them; 0 where nothing is told."""
    told = pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")
    return max((1024 * int(file.read_text().strip().removesuffix("K")) for file in told), default=0)


def machine() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {
        "CPU": cpu(),
        "CPUs": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.machine()}",
        "mlpc": mlpc.__version__,
        "ISA": mlpc.cpu.active(),
        "compiler": _mlpc.compiler,
        "Python": platform.python_version(),
        **versions,
        "NumPy's BLAS": blas(),
    }


def cpu() -> str:
    with contextlib.suppress(OSError):
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def blas() -> str:
    done = subprocess.run([sys.executable, "-c", BLAS], env=environment(1), capture_output=True, text=True, check=True)
    return ", ".join(line.strip() for line in done.stdout.splitlines()) or "unknown"
