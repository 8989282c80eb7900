"""The record of a training run."""

from typing import TYPE_CHECKING

from mlpc.table import Table

if TYPE_CHECKING:
    import pandas

__all__ = ["History"]

_MOST_ROWS = 20


class History(dict[str, list[float]]):
    """One list per quantity, with one number per epoch: a dictionary, of which ``pandas.DataFrame`` makes a table.

    The keys are "loss" and "accuracy" of the epoch, every batch with the weights it was trained on; the metrics that
    `fit` was asked for, of the training data after it; "val_loss", "val_accuracy" and "val_" before each metric, where
    there are validation data; "lr", the learning rate of the epoch's last step; and "seconds" of training, without
    metrics, validation and callbacks.  Losses of regression have no accuracies.

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
        super().__init__()
        self.zeros = None

    def append(self, **row: float) -> None:
        """Record one epoch; all epochs must have the same keys."""
        if not self:
            self.update({key: [] for key in row})
        elif self.keys() != row.keys():
            raise ValueError(f"an epoch of this history has the keys {list(self)}, not {list(row)}")
        for key, value in row.items():
            self[key].append(value)

    @property
    def epochs(self) -> int:
        """How many epochs are recorded."""
        return max(map(len, self.values()), default=0)

    def __missing__(self, key: str) -> list[float]:
        raise KeyError(f"{key!r}: this history has {', '.join(self) or 'no epoch yet'}")

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
        return pandas.DataFrame(self, index=pandas.RangeIndex(1, self.epochs + 1, name="epoch"))

    def _table(self) -> Table:
        rows: list[tuple[object, ...]] = list(zip(range(1, self.epochs + 1), *self.values(), strict=True))
        if len(rows) > _MOST_ROWS:
            half = _MOST_ROWS // 2
            rows[half:-half] = [("...",) * (len(self) + 1)]
        return Table(["epoch", *self], rows)

    def __repr__(self) -> str:
        return str(self._table()) if self.epochs else "History of 0 epochs"

    def _repr_html_(self) -> str:
        return self._table()._repr_html_() if self.epochs else repr(self)
