"""The batches of an epoch: which rows, and what stands in them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlpc import _mlpc
from mlpc.arguments import Array, whole_number
from mlpc.csr import Input
from mlpc.network import Network

__all__ = ["Batch", "Rows", "batches"]


def batches(
    n: int, batch_size: int, *, seed: int = 0, epoch: int = 0, shuffle: bool = True, net: Network | None = None
) -> Iterator[NDArray[np.int64]]:
    """The rows of each batch of one epoch, in the order of `fit`.

    Parameters
    ----------
    n : int
        How many rows there are.
    batch_size : int
        Rows per batch; the last one may be short.
    seed, epoch : int
        Which shuffle: `MLP.shuffle_state` gives both for the network's next epoch.
    shuffle : bool
        False for rows in order.
    net : MLP, optional
        What they are for: with batch norm a last batch of a single row, which has no statistics, joins the one before.

    Returns
    -------
    iterator of ndarray of int64
        Indices of rows.

    Examples
    --------
    >>> sorted(len(rows) for rows in batches(10, 4))
    [2, 4, 4]
    """
    n, batch_size = whole_number("n", n), whole_number("batch_size", batch_size, 1)
    order = _mlpc.shuffle(n, seed, epoch) if shuffle else np.arange(n)
    steps = -(-n // batch_size) if net is None else net._epoch_steps(n, batch_size)
    ends = itertools.chain(range(batch_size, steps * batch_size, batch_size), [n])
    return (order[step * batch_size : end] for step, end in zip(range(steps), ends, strict=False))


class Batch(NamedTuple):
    """Rows that a step, or a part of one, is made from: checked, x as `forward` takes it, y as the loss does.

    Where there is an `objective`, the loss is computed of that; it is y as `Loss.objective` keeps it.
    """

    x: Input
    y: Any
    sample_weight: Array | None
    objective: Any = None


@dataclass(frozen=True)
class Rows:
    """Arrays, of which every epoch takes all rows in an order of its own."""

    net: Network
    x: Input
    y: Array
    sample_weight: Array | None
    batch_size: int
    shuffle: bool
    unit: ClassVar[str] = "rows"

    @property
    def extent(self) -> int:
        """How much an epoch has, in `unit`."""
        return len(self.x)

    @property
    def batches(self) -> int:
        """How many an epoch has."""
        return self.net._epoch_steps(len(self.x), self.batch_size)

    @property
    def text(self) -> str:
        """How batches are made, for comparison."""
        return f"{self.batch_size} rows, {'shuffled' if self.shuffle else 'in order'}"

    def copy(self) -> Rows:
        """The same with targets and weights of its own."""
        weights = None if self.sample_weight is None else self.sample_weight.copy()
        return replace(self, y=self.y.copy(), sample_weight=weights)

    def epoch(self, seed: int, number: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        order = batches(len(self.x), self.batch_size, seed=seed, epoch=number, shuffle=self.shuffle, net=self.net)
        for rows in order:
            yield Batch(self.x[rows], self.y[rows], None if self.sample_weight is None else self.sample_weight[rows])
