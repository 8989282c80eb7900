"""Attributes through which anybody can change the network."""

from __future__ import annotations

from typing import Any

__all__ = ["Shown"]


class Shown:
    """An attribute that shows the network's numbers: who has asked for it once may write to them at any time.

    So from then on the numbers are looked at before each answer, which takes as long as reading all of them.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, estimator: Any, owner: type | None = None) -> Any:
        if estimator is None:
            return self
        try:
            value = estimator.__dict__[self._name]
        except KeyError:
            raise AttributeError(f"{type(estimator).__name__!r} object has no attribute {self._name!r}") from None
        self._watch(estimator)
        return value

    def __set__(self, estimator: Any, value: Any) -> None:
        estimator.__dict__[self._name] = value
        self._watch(estimator)

    def __delete__(self, estimator: Any) -> None:
        try:
            del estimator.__dict__[self._name]
        except KeyError:
            raise AttributeError(self._name) from None
        self._watch(estimator)

    @staticmethod
    def _watch(estimator: Any) -> None:
        frozen = estimator.__dict__.get("_frozen")
        if frozen is not None:
            frozen.watched = True
