"""A function that SciPy minimises, iteration by iteration."""

from __future__ import annotations

import importlib
import queue
import threading
from collections.abc import Callable
from typing import Any

from mlpc.arguments import Array

__all__ = ["Minimization"]


class Minimization:
    """SciPy's L-BFGS-B, whose iterations are asked for one by one.

    SciPy calls back and cannot be left in between, so it runs in a thread of its own; that one works only while `next`
    waits for it.

    Parameters
    ----------
    function : callable
        Of a point (n,) in float64: value and gradient.
    start : ndarray, (n,)
    options : dict
        SciPy's.

    Attributes
    ----------
    closed : bool
        Whether nobody waits any more: a function that takes long is to raise something then.
    message : str
        Why the minimisation has ended, in SciPy's words.

    Raises
    ------
    ImportError
        Where there is no SciPy.
    """

    def __init__(self, function: Callable[[Array], tuple[float, Array]], start: Array, options: dict[str, Any]) -> None:
        try:
            optimize = importlib.import_module("scipy.optimize")
        except ImportError as error:
            raise ImportError("LBFGS needs SciPy: pip install scipy") from error
        self._function = function
        self._asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.closed = False
        self._thread = threading.Thread(target=self._work, args=(optimize.minimize, start, options), daemon=True)
        self._thread.start()
        self.message = ""

    def next(self) -> Array | None:
        """The point after one more iteration; None, and SciPy's `message`, where there is none that is better.

        Raises
        ------
        BaseException
            The function's own, or KeyboardInterrupt; the minimisation is closed then.
        """
        self._asked.put(True)
        try:
            answer = self._answers.get()
        except BaseException:
            self.close()
            raise
        if isinstance(answer, BaseException):
            self.close()
            raise answer
        if isinstance(answer, str):
            self.close()
            self.message = answer
            return None
        point: Array = answer
        return point

    def close(self) -> None:
        """End the thread, after what the function computes now."""
        self.closed = True
        self._asked.put(False)
        self._thread.join()

    def _work(self, minimize: Callable[..., Any], start: Array, options: dict[str, Any]) -> None:
        if not self._asked.get():
            return
        try:
            result = minimize(
                self._value, start, jac=True, method="L-BFGS-B", callback=self._hand_over, options=options
            )
            self._answers.put(str(result.message))
        except BaseException as error:  # of whatever kind, it is the caller's
            self._answers.put(error)

    def _value(self, point: Array) -> tuple[float, Array]:
        if self.closed:
            raise InterruptedError
        return self._function(point)

    def _hand_over(self, point: Array) -> None:
        self._answers.put(point.copy())
        if not self._asked.get():
            raise StopIteration
