"""What a network takes as a program in C."""

from __future__ import annotations

from dataclasses import dataclass

from mlpc.table import Table

__all__ = ["CSource", "Evaluation"]

Evaluation = tuple[float, float | None]
"""The loss and, of a classifier, the accuracy."""


@dataclass(frozen=True)
class CSource:
    """The files that `MLP.to_c` has written, and what they take.

    Attributes
    ----------
    source, header : str
        The paths of the files.
    name : str
        What the names of their functions begin with.
    flash : int
        Bytes of the tables: weights and what belongs to them.  The code and labels come besides.
    ram : int
        Bytes of variables that last: none.
    stack : int
        Bytes of the arrays on the stack of the function that has most; without what a compiler puts there besides, some
        hundred bytes.
    workspace : int
        Bytes that the caller hands in; 0 where the arrays are on the stack.
    before, after : tuple (loss, accuracy) or None
        Of the network, and of the one with weights of a byte, where there was `data` to evaluate both with.
    """

    source: str
    header: str
    name: str
    flash: int
    ram: int
    stack: int
    workspace: int
    before: Evaluation | None = None
    after: Evaluation | None = None

    def __repr__(self) -> str:
        rows = [["flash: tables", _bytes(self.flash)], ["RAM: variables", _bytes(self.ram)]]
        rows += [["stack: arrays", _bytes(self.stack)]]
        rows += [["workspace", _bytes(self.workspace)]] if self.workspace else []
        for name, evaluation in (("", self.before), (", int8", self.after)):
            loss, accuracy = evaluation or (None, None)
            rows += [[f"loss{name}", f"{loss:.4f}"]] if loss is not None else []
            rows += [[f"accuracy{name}", f"{accuracy:.4f}"]] if accuracy is not None else []
        return str(Table([self.name, ""], rows, f"{self.source}, {self.header}"))


def _bytes(n: int) -> str:
    return f"{n:,} bytes"
