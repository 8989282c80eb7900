"""The record of a training run."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mlpc.table import Table

if TYPE_CHECKING:
    import pandas

__all__ = ["History"]

_MOST_ROWS = 20


class History(Mapping[str, list[float]]):
    """One list per quantity, with one number per epoch.

    The keys are "loss" and "accuracy" of the epoch, every batch with the weights it was trained on; "val_loss" and
    "val_accuracy" after it, where there are validation data; "lr", the learning rate of the epoch's last step; and
    "seconds" of training, without validation and callbacks.  Losses of regression have no accuracies.

    Attributes
    ----------
    zeros : {"skipped", "multiplied"} or None
        What the training did with zeros of its input; the bits are the same either way.  None where no epoch began.

    Examples
    --------
    >>> history = History()
    >>> history.append(loss=0.7, lr=0.1, seconds=1.5)
    >>> history.append(loss=0.4, lr=0.1, seconds=1.25)
    >>> history["loss"], history.epochs
    ([0.7, 0.4], 2)
    >>> history
    epoch  loss   lr  seconds
    -------------------------
    1       0.7  0.1      1.5
    2       0.4  0.1     1.25
    """

    zeros: str | None

    def __init__(self) -> None:
        self._columns: dict[str, list[float]] = {}
        self.zeros = None

    def append(self, **row: float) -> None:
        """Record one epoch; all epochs must have the same keys."""
        if self._columns and self._columns.keys() != row.keys():
            raise ValueError(f"an epoch of this history has the keys {list(self)}, not {list(row)}")
        for key, value in row.items():
            self._columns.setdefault(key, []).append(value)

    @property
    def epochs(self) -> int:
        """How many epochs are recorded."""
        return max(map(len, self._columns.values()), default=0)

    def __getitem__(self, key: str) -> list[float]:
        try:
            return self._columns[key]
        except KeyError:
            raise KeyError(f"{key!r}: this history has {', '.join(self._columns) or 'no epoch yet'}") from None

    def __contains__(self, key: object) -> bool:
        return key in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def to_pandas(self) -> "pandas.DataFrame":
        """A pandas.DataFrame with one column per key, and the epochs 1, 2, ... as its index.

        Raises
        ------
        ImportError
            Where pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError("to_pandas needs pandas: pip install pandas") from error
        return pandas.DataFrame(self._columns, index=pandas.RangeIndex(1, self.epochs + 1, name="epoch"))

    def __repr__(self) -> str:
        if not self.epochs:
            return "History of 0 epochs"
        rows: list[tuple[object, ...]] = list(zip(range(1, self.epochs + 1), *self._columns.values(), strict=True))
        if len(rows) > _MOST_ROWS:
            half = _MOST_ROWS // 2
            rows[half:-half] = [("...",) * (len(self) + 1)]
        return str(Table(["epoch", *self], rows))
