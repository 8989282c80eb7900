"""The receipt that ends a notebook: which code was run in it."""

import hashlib
import re
import sys
from collections.abc import Sequence
from typing import Any

__all__ = ["GROUP", "RECEIPT", "Receipt", "code_digest", "receipt"]

RECEIPT = "application/vnd.mlpc.receipt+json"
GROUP = re.compile(r'^GROUP = "([^"\n]*)"', re.MULTILINE)


def code_digest(source: str) -> str:
    """A digest of code; blanks at the ends of lines, and the group's name, which is filled in last, do not count.

    Examples
    --------
    >>> code_digest("x = 1  \\n") == code_digest("x = 1")
    True
    """
    lines = (line.rstrip() for line in GROUP.sub('GROUP = "group"', source).strip().splitlines())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


class Receipt:
    """Which code was run: a sentence for people, and a digest for each execution in the notebook's file.

    Parameters
    ----------
    sources : sequence of str
        The code of the executions 1, 2, ...

    Examples
    --------
    >>> Receipt(["x = 1", "print(x)"])
    2 executions are noted. Save the notebook now, and hand it in by python -m mlpc pack.
    """

    def __init__(self, sources: Sequence[str]) -> None:
        self._digests = [code_digest(source) for source in sources]

    def __repr__(self) -> str:
        if not self._digests:
            return "No history of executions is kept here: nothing is noted."
        return (
            f"{len(self._digests)} executions are noted. Save the notebook now, and hand it in by python -m mlpc pack."
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        noted = {RECEIPT: {"executions": self._digests}} if self._digests else {}
        return {"text/plain": repr(self), **noted}


def receipt() -> Receipt:
    """Note which code was run in this notebook so far; its last cell puts the result out.

    Returns
    -------
    Receipt
        Empty outside of a notebook.

    Examples
    --------
    >>> receipt()
    No history of executions is kept here: nothing is noted.
    """
    interactive = sys.modules.get("IPython")  # who has no IPython loaded is in no notebook
    history = getattr(interactive.get_ipython() if interactive else None, "history_manager", None)
    return Receipt(getattr(history, "input_hist_raw", [])[1:])  # it counts from 1
