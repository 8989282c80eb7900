"""What the binaries take from the C library: of libm only what IEEE 754 makes exact."""

import ctypes
import re
import shutil

import builds
import pytest
from test_builds import available, each

from mlpc import _mlpc

EXACT = {name + suffix for name in ("fma", "sqrt", "rint", "fabs", "copysign") for suffix in ("", "f")}
MEMORY = {"malloc", "calloc", "free", "madvise", "memcpy", "memmove", "memset", "memcmp"}
SYSTEM = {  # of the team and of the count of CPUs
    *(f"pthread_{name}" for name in ("atfork", "create", "join", "sigmask")),
    *(f"pthread_attr_{name}" for name in ("init", "destroy", "setstacksize")),
    *(f"pthread_mutex_{name}" for name in ("init", "destroy", "lock", "unlock")),
    *(f"pthread_cond_{name}" for name in ("init", "destroy", "wait", "signal", "broadcast")),
    *("abort", "clock_gettime", "close", "getpid", "open", "read", "sched_getaffinity", "sigdelset", "sigfillset"),
    *("strchr", "strcmp", "strlen", "strncmp", "strrchr", "strspn", "sysconf", "__sched_cpucount"),
}
COMPILER = {"_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail"}
LINKER = {"_init", "_fini", "_edata", "_end", "__bss_start"}

pytestmark = pytest.mark.skipif(not shutil.which("nm"), reason="nm is not installed")


def symbols(file, *options):
    """Names, without their versions."""
    lines = builds.execute(["nm", *options, str(file)]).splitlines()
    return {line.split()[-1].split("@")[0] for line in lines if line.strip() and not line.endswith(":")}


def libm():
    """What the C library's libm exports."""
    try:
        ctypes.CDLL("libm.so.6")
    except OSError:
        pytest.skip("no libm.so.6")
    with open("/proc/self/maps") as maps:
        path = re.search(r"\S+/libm[.-]\S*", maps.read())[0]
    names = symbols(path, "-D", "--defined-only")
    assert {"exp", "tanh", "sqrt", "fma"} <= names
    return names


def test_extension_takes_only_exact_functions():
    taken = symbols(_mlpc.__file__, "-D", "--undefined-only")
    assert taken & libm() <= EXACT


def test_extension_exports_only_its_entry():
    if "__asan_init" in symbols(_mlpc.__file__, "-D", "--undefined-only"):
        pytest.skip("sanitizers export names of their own")
    assert symbols(_mlpc.__file__, "-D", "--defined-only") - LINKER == {"PyInit__mlpc"}


@pytest.mark.slow
@pytest.mark.parametrize("build", each(b for b in builds.BUILDS if b.group != "arm64"))
def test_core_takes_only_memory_threads_and_exact_functions(build):
    files = builds.objects(available(build))
    taken = set().union(*(symbols(file, "--undefined-only") for file in files))
    defined = set().union(*(symbols(file, "--defined-only") for file in files))
    assert taken - defined <= EXACT | MEMORY | SYSTEM | COMPILER
