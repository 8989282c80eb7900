"""Which depth an answer was written at: with NumPy alone, with the functions of `mlpc.ops`, or with an `mlpc.MLP`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from mlpc import _mlpc

__all__ = ["depth_of"]

# The deeper of two counts; the ready-made classes are made of the other two.
DEPTHS = ("NumPy alone", "mlpc.ops", "mlpc.MLP", "mlpc.course")
_MODULES = {
    "mlpc.ops": "mlpc.ops",
    "mlpc.net": "mlpc.MLP",
    "mlpc.network": "mlpc.MLP",
    "mlpc.course.classes": "mlpc.course",
    "mlpc.course.torch": "mlpc.course",
}


def depth_of(function: Callable[..., Any], *arguments: Any) -> str:
    """Call a function, and tell which part of mlpc did its work.

    Parameters
    ----------
    function : callable
        It is called once; what it returns is dropped, and what it raises goes through.
    *arguments
        What it is called with.

    Returns
    -------
    str
        "NumPy alone"; "mlpc.ops", where a function of that module ran; "mlpc.MLP", where a network did; "mlpc.course",
        where a ready-made class did. Calls of this thread count, and of those that are started meanwhile. A profiler
        that was there before sees the calls as well, and is there afterwards.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpc import ops
    >>> depth_of(np.maximum, np.ones(3), 0), depth_of(ops.relu_forward, np.ones(3))
    ('NumPy alone', 'mlpc.ops')
    """
    found = {DEPTHS[0]}
    outer, outer_of_threads = sys.getprofile(), threading.getprofile()

    def watching(then: Any) -> Callable[[FrameType, str, Any], None]:
        def watch(frame: FrameType, event: str, argument: Any) -> None:
            if event == "call":
                found.add(_MODULES.get(frame.f_globals.get("__name__", ""), DEPTHS[0]))
            elif event == "c_call":
                found.add(_depth_of_c(argument))
            if callable(then):
                then(frame, event, argument)

        return watch

    threading.setprofile(watching(outer_of_threads))
    sys.setprofile(watching(outer))
    try:
        function(*arguments)
    finally:
        _restore(outer)
        threading.setprofile(outer_of_threads)  # None takes it off
    return max(found, key=DEPTHS.index)


def _depth_of_c(function: Any) -> str:
    """Of a function or a method written in C."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, _mlpc.Net):
        return "mlpc.MLP"
    return "mlpc.ops" if owner is _mlpc or getattr(function, "__module__", None) == _mlpc.__name__ else DEPTHS[0]


def _restore(profiler: Any) -> None:
    if profiler is None or callable(profiler):
        sys.setprofile(profiler)
    else:  # cProfile's, before Python 3.12: an object that puts itself back
        sys.setprofile(None)
        profiler.enable()
