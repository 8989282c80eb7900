"""What every test can ask for, and what must hold before any runs.

- The extension is built from the C sources beside these tests; a stale one ends the session (``MLPC_STALE_BUILD=1``
  runs all the same).
- ``MLPC_REQUIRE_ISA=avx2,avx512``: where one of them does not run here, the session fails instead of testing less.
- ``MLPC_REQUIRE_FROM=folder``: where another extension than that of the folder is imported, the session fails.
- ``MLPC_REQUIRE_MNIST=1``: where MNIST is not in ``MLPC_DATA_DIR``, its tests fail instead of being skipped.
"""

import ctypes
import gc
import importlib
import os
import runpy
import signal
import subprocess
from pathlib import Path

import hypothesis
import numpy as np
import pytest

import mlpc
from mlpc import _mlpc

ROOT = Path(__file__).resolve().parent.parent


# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("no clock", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("no clock")


def pytest_configure(config):
    built_from = runpy.run_path(str(ROOT / "csrc_hash.py"))["csrc_hash"](ROOT)
    if _mlpc.build_hash != built_from and os.environ.get("MLPC_STALE_BUILD") != "1":
        raise pytest.UsageError(f"{_mlpc.__file__} was built from other C sources: pip install -e . again")
    folder = os.environ.get("MLPC_REQUIRE_FROM")
    if folder and not Path(_mlpc.__file__).is_relative_to(folder):
        raise pytest.UsageError(f"MLPC_REQUIRE_FROM: {_mlpc.__file__} is not in {folder}")
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # inherited, as in the background of a shell: tests interrupt
        signal.signal(signal.SIGINT, signal.default_int_handler)
    _mlpc.give_way(False)  # to tests beside this one: all threads that a test asks for are to compute
    required = [name for name in os.environ.get("MLPC_REQUIRE_ISA", "").split(",") if name]
    missing = sorted(set(required) - set(mlpc.cpu.available()))
    if missing:
        raise pytest.UsageError(f"MLPC_REQUIRE_ISA: {missing} do not run here, only {mlpc.cpu.available()} do")


def pytest_collection_finish():
    """What was collected stays to the end: garbage collections, which tests ask for too, need not look through it."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item):
    """Tests of a group share what takes long; only their names tell pytest-xdist to keep them in one process."""
    if getattr(item.config.option, "loadgroup", False):
        for mark in item.iter_markers("xdist_group"):
            if not item.nodeid.endswith(f"@{mark.args[0]}"):
                pytest.fail(f"these versions of pytest and pytest-xdist lose the group {mark.args[0]!r}")


def pytest_report_header(config):
    return f"mlpc: {mlpc.cpu.active()} of {', '.join(mlpc.cpu.available())}; {_mlpc.compiler}"


def active(name):
    """For a fixture: makes an instruction set the active one while the test runs."""
    before = mlpc.cpu.active()
    mlpc.cpu.use(name)
    yield name
    mlpc.cpu.use(before)


@pytest.fixture(params=[name for name in mlpc.cpu.available() if name != "reference"])
def isa(request):
    """Each instruction set that runs here, active while the test runs.

    The reference, which is slow, is none of them: tests/bits/test_kernels.py finds its bits in every kernel of each,
    and what trains with it has `isa_or_reference`.
    """
    yield from active(request.param)


@pytest.fixture(params=mlpc.cpu.available())
def isa_or_reference(request):
    yield from active(request.param)


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    return request.param


MODE_SOURCE = """
#if defined(__x86_64__) || defined(__i386__)
#include <xmmintrin.h>
unsigned get(void) { return _mm_getcsr() & ~0x3fu; }
void set(unsigned mode) { _mm_setcsr(mode); }
#endif
"""


@pytest.fixture(scope="session")
def control(tmp_path_factory):
    """Functions `get` and `set` of the floating-point control register, from a small library made here."""
    folder = tmp_path_factory.mktemp("mode")
    (folder / "mode.c").write_text(MODE_SOURCE)
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", folder / "mode.so", folder / "mode.c"], check=True)
    library = ctypes.CDLL(str(folder / "mode.so"))
    if not hasattr(library, "get"):
        pytest.skip("this CPU has no MXCSR register")
    return library


@pytest.fixture(scope="session")
def mnist():
    """((x, y), (x_test, y_test)), from where it lies; never downloaded."""
    folder = os.environ.get("MLPC_DATA_DIR")
    if not folder and os.environ.get("MLPC_REQUIRE_MNIST") != "1":
        pytest.skip("MLPC_DATA_DIR does not say where MNIST lies")
    try:
        return mlpc.datasets.load_mnist(data_dir=folder)
    except FileNotFoundError as error:
        if os.environ.get("MLPC_REQUIRE_MNIST") == "1":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def torch():
    """PyTorch, which MLPC_REQUIRE_TORCH=1 does not allow to be missing."""
    required = os.environ.get("MLPC_REQUIRE_TORCH") == "1"
    torch = importlib.import_module("torch") if required else pytest.importorskip("torch")
    torch.set_num_threads(1)  # its threads cost more than they bring to networks this small
    return torch
