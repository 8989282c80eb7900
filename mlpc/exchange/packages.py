"""Packages that are not needed before somebody asks for what they do."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["package"]


def package(name: str, what: str) -> Any:
    """A package, imported now; `what` needs it.

    Raises
    ------
    ImportError
        Where it is not installed; it says how to install it.

    Examples
    --------
    >>> package("json", "what is written").dumps([1])
    '[1]'
    >>> package("no_such_package", "nothing")
    Traceback (most recent call last):
        ...
    ImportError: nothing needs no_such_package: pip install no_such_package
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"{what} needs {name}: pip install {name}") from error
