"""mlpc.course.depth: what ran is told, by whomever it was called, and profilers are left as they were."""

import cProfile
import pstats
import sys
import threading

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc
from mlpc.course import LinearLayer
from mlpc.course.depth import depth_of
from mlpc.course.testing import message

X, Y = np.ones((2, 3)), np.array([0, 1])
NET = mlpc.MLP([3, 2], dtype="float64")


def twice(function, *arguments):
    """Something between the answer and the library."""
    return [function(*arguments) for _ in range(2)]


class Calls:
    """A profiler that keeps the names of what is called."""

    def __init__(self):
        self.names = []

    def __call__(self, frame, event, argument):
        if event == "call":
            self.names.append(frame.f_code.co_name)


CASES = {
    "a ufunc": ("NumPy alone", np.tanh, X),
    "a product": ("NumPy alone", lambda: X @ X.T),
    "one's own function": ("NumPy alone", twice, np.sum, X),
    "the text of a failed test": ("NumPy alone", message, "a", 1, 2, "b"),
    "a function of ops": ("mlpc.ops", mlpc.ops.sigmoid_forward, X),
    "further down": ("mlpc.ops", twice, mlpc.ops.linear_forward, X, np.ones((2, 3)), np.ones(2)),
    "a loss of ops": ("mlpc.ops", mlpc.ops.cross_entropy, X, Y),
    "the extension": ("mlpc.ops", _mlpc.activation_forward, "relu", X, None),
    "a new network": ("mlpc.MLP", mlpc.MLP, [3, 2]),
    "a network's forward": ("mlpc.MLP", twice, NET.forward, X),
    "the extension's forward": ("mlpc.MLP", lambda: _mlpc.Net.forward(NET, X)),
    "both": ("mlpc.MLP", lambda: (NET.forward(X), mlpc.ops.relu_forward(X))),
    "a ready-made class": ("mlpc.course", lambda: LinearLayer(3, 2).forward(X)),
}


@pytest.mark.parametrize("case", CASES)
def test_what_ran_is_told(case):
    depth, function, *arguments = CASES[case]
    assert depth_of(function, *arguments) == depth


def test_threads_that_the_function_starts_count():
    def answer():
        thread = threading.Thread(target=mlpc.ops.relu_forward, args=(X,))
        thread.start()
        thread.join()

    assert depth_of(answer) == "mlpc.ops"
    assert threading.getprofile() is None


def test_other_threads_do_not_count():
    begin, done, end = threading.Event(), threading.Event(), threading.Event()

    def work():
        begin.wait()
        mlpc.ops.relu_forward(X)
        done.set()
        end.wait()

    thread = threading.Thread(target=work)
    thread.start()
    assert depth_of(lambda: (begin.set(), done.wait())) == "NumPy alone"
    end.set()
    thread.join()


@pytest.mark.parametrize("function", [mlpc.ops.relu_forward, lambda x: 1 / 0])
def test_a_profiler_sees_the_calls_and_is_there_afterwards(function):
    calls = Calls()
    before = sys.getprofile()
    sys.setprofile(calls)
    try:
        depth_of(function, X)
    except ZeroDivisionError:
        pass
    finally:
        after = sys.getprofile()
        sys.setprofile(before)
    assert after is calls
    assert function.__code__.co_name in calls.names


def test_one_inside_another_tells_both():
    inner = []
    assert depth_of(lambda: inner.append(depth_of(NET.forward, X))) == "mlpc.MLP"
    assert inner == ["mlpc.MLP"]
    assert sys.getprofile() is None


def test_a_profile_in_c_goes_on_afterwards():
    profile = cProfile.Profile()
    profile.enable()
    depth_of(np.tanh, X)
    twice(np.tanh, X)
    profile.disable()
    assert any(name == "twice" for _, _, name in pstats.Stats(profile).stats)
