"""The number of threads: what sets it, in which order, and what caps it."""

import os
import re
import subprocess
import sys
from contextlib import nullcontext

import pytest

import mlpc
from mlpc import _mlpc, threads

CPUS = _mlpc.cpus()


@pytest.fixture(autouse=True)
def restore():
    before = mlpc.get_num_threads()
    yield
    mlpc.set_num_threads(before)


def in_a_process(program, cpus=None, **environ):
    """What a Python process prints; cpus: those that it may use."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=600,
        env={**kept, **environ},
        preexec_fn=None if cpus is None else lambda: os.sched_setaffinity(0, cpus),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("n", [1, 2, CPUS, CPUS + 5, 1024])
def test_an_explicit_number_is_taken_as_it_is(n):
    mlpc.set_num_threads(n)
    assert mlpc.get_num_threads() == n


def test_it_is_the_number_of_all_threads_of_python():
    import threading

    thread = threading.Thread(target=mlpc.set_num_threads, args=(3,))
    thread.start()
    thread.join()
    assert mlpc.get_num_threads() == 3


def test_a_thread_can_limit_its_own_calls():
    import threading

    seen = []

    def limited():
        for n in (2, 5):
            _mlpc.limit_threads(n)
            seen.append(mlpc.get_num_threads())
        for n in (0, 1025):
            with pytest.raises(ValueError, match=rf"^n: expected an integer in 1\.\.1024, got {n}$"):
                _mlpc.limit_threads(n)

    mlpc.set_num_threads(3)
    thread = threading.Thread(target=limited)
    thread.start()
    thread.join()
    assert seen == [2, 3] and mlpc.get_num_threads() == 3


@pytest.mark.parametrize("n", [0, -1, 1025, 2**64, -(2**70)])
def test_a_number_out_of_range_changes_nothing(n):
    mlpc.set_num_threads(2)
    with pytest.raises(ValueError, match=rf"^n: expected an integer in 1\.\.1024, got {n}$"):
        mlpc.set_num_threads(n)
    assert mlpc.get_num_threads() == 2


@pytest.mark.parametrize("n", [1.0, "2", None])
def test_only_integers_are_numbers(n):
    with pytest.raises(TypeError, match=r"^n: expected an integer, got "):
        mlpc.set_num_threads(n)


@pytest.mark.parametrize(
    ("ours", "openmp", "expected"),
    [
        (None, None, None),
        ("3", None, 3),
        (None, "3", 3),
        ("3", "5", 3),
        ("5", "3", 5),
        (" 3 ", None, 3),
        ("003", None, 3),
        (None, "4,2", 4),
        (None, " 4 , 2", 4),
        (None, "4,", 4),
        ("999999999", None, 999999999),
        # Not numbers, and as if not set: the next one counts
        ("", "5", 5),
        ("0", "5", 5),
        ("-2", "5", 5),
        ("two", "5", 5),
        ("2.0", "5", 5),
        ("1_0", "5", 5),
        ("٣", "5", 5),
        ("4,2", "5", 5),
        (None, "", None),
        (None, ",2", None),
        (None, "0,2", None),
        (None, "TRUE", None),
        ("9" * 5000, None, None),
    ],
)
def test_which_variable_counts(ours, openmp, expected):
    environ = {"MLPC_NUM_THREADS": ours, "OMP_NUM_THREADS": openmp}
    environ = {name: value for name, value in environ.items() if value is not None}
    ignored = bool(ours) and not re.fullmatch(rf"[ 0]*{expected} *", ours)
    with pytest.warns(UserWarning, match="^MLPC_NUM_THREADS: expected a number") if ignored else nullcontext():
        assert threads._asked_for(environ) == expected
    with pytest.warns(UserWarning, match=f"got {re.escape(repr(ours))}: ignored$") if ignored else nullcontext():
        assert threads._initial(environ) == min(expected or CPUS, CPUS)


def test_a_number_of_threads_that_is_none_is_said_at_import():
    shown = in_a_process(
        "import sys, warnings\n"
        "with warnings.catch_warnings(record=True) as met:\n"
        "    warnings.simplefilter('always')\n"
        "    import mlpc\n"
        "print(*(warning.message for warning in met), sep='|')",
        MLPC_NUM_THREADS="abc",
    )
    assert shown == "MLPC_NUM_THREADS: expected a number of threads, got 'abc': ignored"


PRINT = "import mlpc; print(mlpc.get_num_threads())"


def test_the_environment_is_read_at_import():
    assert in_a_process(PRINT) == str(CPUS)
    assert in_a_process(PRINT, MLPC_NUM_THREADS="1") == "1"
    assert in_a_process(PRINT, OMP_NUM_THREADS="1,8") == "1"
    assert in_a_process(PRINT, MLPC_NUM_THREADS="5000", OMP_NUM_THREADS="1") == str(CPUS)


def test_affinity_caps_the_environment_but_not_an_explicit_number():
    one = {min(os.sched_getaffinity(0))}
    assert in_a_process(PRINT, one) == "1"
    assert in_a_process(PRINT, one, MLPC_NUM_THREADS="2") == "1"
    assert in_a_process("import mlpc; mlpc.set_num_threads(2); print(mlpc.get_num_threads())", one) == "2"


def test_import_makes_no_thread():
    program = "import os, numpy; n = len(os.listdir('/proc/self/task')); import mlpc; mlpc.set_num_threads(4); "
    program += "print(len(os.listdir('/proc/self/task')) - n)"
    assert in_a_process(program, MLPC_NUM_THREADS="4") == "0"
