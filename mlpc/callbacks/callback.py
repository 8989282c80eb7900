"""What takes part in a training besides the network and its optimizer, and when it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

__all__ = ["Callback", "Callbacks", "Each"]


class Callback:
    """What is called before, during and after a training.  Subclasses do what they want to; here nothing is done.

    All callbacks of a run are called in the order of their list, but those that are `last` come after all others.

    - `begin`, before the first epoch, and before a state is loaded where the run is resumed.
    - `epoch_end`, after every epoch, with the network's arrays and `run.history` current.
    - `end`, however the training ends, of every callback that has begun.  Where `run.finished`, all epochs are done or
      one has stopped it; otherwise an exception is on its way, or Ctrl-C.

    An exception of `epoch_end`, Ctrl-C among them, ends the training.  The epoch counts: network, optimizer and history
    are as after it.  Callbacks further down the list do not hear of this epoch any more, so that no checkpoint is made
    of callbacks that have not all got as far; `end` is called of all.  An exception of `end` does not keep the others
    from theirs; when all are done it goes on, before one that was on its way, which becomes its context.

    Attributes
    ----------
    last : bool
        Whether it is called after those that are not.

    Examples
    --------
    >>> import mlpc
    >>> class Print(Callback):
    ...     def epoch_end(self, run):
    ...         print(run.history.epochs, "accuracy" in run.history)
    >>> (x, y), _ = mlpc.datasets.load_digits()
    >>> history = mlpc.MLP([64, 10]).fit(x, y, epochs=2, callbacks=[Print()])
    1 True
    2 True
    """

    last: ClassVar[bool] = False

    def begin(self, run: Any) -> None:
        """The training begins.  What was learnt of another one is to be forgotten here.

        Parameters
        ----------
        run : mlpc.training.Run
            With `run.net`, `run.optimizer`, `run.history`, `run.columns`, `run.stop()`.
        """

    def epoch_end(self, run: Any) -> None:
        """An epoch is done; `run.stop()` makes it the last."""

    def end(self, run: Any) -> None:
        """The training ends."""

    def state_dict(self) -> dict[str, Any]:
        """All that the next epochs depend on, by name: arrays, numbers, texts and truth values."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state_dict` was taken; called after `begin`.

        Raises
        ------
        TypeError, ValueError
            Where keys or values are none of this callback's; nothing has been changed then.
        """
        if state:
            raise ValueError(f"{type(self).__name__}: expected no state, got {list(state)}")


class Each(Callback):
    """A function of (net, history) that is called after every epoch; only True itself ends the training."""

    def __init__(self, function: Callable[[Any, Any], object]) -> None:
        self.function = function

    def epoch_end(self, run: Any) -> None:
        if self.function(run.net, run.history) is True:
            run.stop()


class Callbacks:
    """The callbacks of one run, in the order in which they are called.

    Raises
    ------
    TypeError
        Where one is neither a `Callback` nor a function.
    """

    def __init__(self, callbacks: Iterable[Callback | Callable[[Any, Any], object]]) -> None:
        if not hasattr(callbacks, "__iter__"):
            raise TypeError(f"callbacks: expected a list of callables, got {callbacks!r}")
        listed = []
        for callback in callbacks:
            if not isinstance(callback, Callback) and (not callable(callback) or isinstance(callback, type)):
                raise TypeError(f"callbacks: expected callables, or objects of mlpc.callbacks, got {callback!r}")
            listed.append(callback if isinstance(callback, Callback) else Each(callback))
        self._ordered = sorted(listed, key=lambda callback: callback.last)
        self._begun: list[Callback] = []

    def begin(self, run: Any) -> None:
        """`begin` of those that have not begun; where one raises, those before it end."""
        try:
            for callback in self._ordered[len(self._begun) :]:
                callback.begin(run)
                self._begun.append(callback)
        except BaseException:
            self.end(run)
            raise

    def epoch_end(self, run: Any) -> None:
        """`epoch_end` of all, up to one that raises."""
        for callback in self._ordered:
            callback.epoch_end(run)

    def end(self, run: Any) -> None:
        """`end` of all that have begun, even where one raises."""
        begun, self._begun = self._begun, []
        _end(begun, run)

    def named(self) -> dict[str, Callback]:
        """Each under the name of its class; the second one of a class is its #2."""
        names: dict[str, Callback] = {}
        for callback in self._ordered:
            name = type(callback).__name__
            count = sum(type(other).__name__ == name for other in names.values())
            names[f"{name}#{count + 1}" if count else name] = callback
        return names


def _end(callbacks: list[Callback], run: Any) -> None:
    if callbacks:
        try:
            callbacks[0].end(run)
        finally:
            _end(callbacks[1:], run)
