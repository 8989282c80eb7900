"""Batches that somebody else makes, one by one: an iterator, a generator, a DataLoader of PyTorch's."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from mlpc.arguments import pair, real_array, whole_number
from mlpc.batches import Batch
from mlpc.class_weights import ClassWeight
from mlpc.columns import Columns
from mlpc.csr import is_sparse, real_rows
from mlpc.loss import Loss
from mlpc.network import Network
from mlpc.samples import checked_samples, warn_of_bytes

__all__ = ["Stream"]


class Stream:
    """Batches (x, y), each checked when it comes.

    What can be iterated over again is begun anew with every epoch; an iterator, which cannot, goes on where it is.

    Parameters
    ----------
    net : Network
    given : iterable of (x, y)
    batches : int or None
        How many an epoch takes; None for all that there are, by ``len(given)``.
    criterion, class_weight, scale
        As in `MLP.fit`.
    columns : Columns
        Every batch has the same.

    Attributes
    ----------
    spec : tuple
        The loss as the extension takes it, with the weights of classes.

    Raises
    ------
    TypeError, ValueError
        Where batches do not come so, there is no telling how many, or classes are to be balanced.
    """

    unit = "batches"

    def __init__(
        self,
        net: Network,
        given: Any,
        batches: int | None,
        criterion: Loss,
        class_weight: ClassWeight | None,
        scale: float | None,
        columns: Columns,
    ) -> None:
        self._net, self._criterion, self._scale, self._columns = net, criterion, scale, columns
        self._given: Iterable[Any] = _iterable(given)
        if isinstance(class_weight, str):
            raise ValueError(f"class_weight: expected weights with an iterable of batches, got {class_weight!r}")
        self.spec = criterion.weighted_spec("mean", class_weight, np.empty(0), net.sizes[-1])
        if batches is None:
            if isinstance(given, Iterator) or not hasattr(given, "__len__"):
                raise ValueError(f"steps_per_epoch: expected a number with a {type(given).__name__}, got None")
            batches = _length(given)
        self.batches = whole_number("steps_per_epoch", batches, 1)

    @property
    def extent(self) -> int:
        """How much an epoch has, in `unit`."""
        return self.batches

    @property
    def text(self) -> str:
        """How batches are made, for comparison."""
        return f"{self.batches} that come one by one"

    def epoch(self, seed: int, number: int) -> Iterator[Batch]:
        """The batches of one epoch; the order is that in which they come.

        Raises
        ------
        TypeError, ValueError
            Where a batch is none that network and loss can mean, or there are too few.
        """
        come = 0
        for come, given in enumerate(itertools.islice(self._given, self.batches), 1):
            try:
                batch = self._checked(given)
            except (TypeError, ValueError) as error:
                raise type(error)(f"batch {come} of the epoch: {error}") from None
            if come == 1 and self._scale is None:
                warn_of_bytes(real_rows("x", given[0]))
            yield batch
        if come < self.batches:
            raise ValueError(f"x: expected {self.batches} batches in every epoch, got {come}, and then no more")

    def _checked(self, given: Any) -> Batch:
        x, y = pair("batch", given)
        self._columns.check("x", x)
        x, objective = checked_samples(self._net, x, y, self._criterion, self.spec, scale=self._scale)
        if "batch" in self._net.norms and len(x) < 2:
            raise ValueError("x: expected at least two rows, of which batch norm takes statistics, got 1")
        return Batch(x, real_array("y", y), None, objective)


def _iterable(given: Any) -> Iterable[Any]:
    """What can be iterated over, and is no data itself, which would need a y."""
    is_data = hasattr(given, "__array__") or is_sparse(given)
    if isinstance(given, (str, bytes, dict)) or is_data or not hasattr(given, "__iter__"):
        raise TypeError(
            f"y: expected targets, or as x an iterable of batches (x, y), got None and x of {type(given).__name__}"
        )
    return given


def _length(given: Any) -> int:
    try:
        return len(given)
    except TypeError as error:  # as a DataLoader's over an IterableDataset
        raise ValueError(f"steps_per_epoch: expected a number, since there is no length, got None: {error}") from None
