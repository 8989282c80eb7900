"""The recipe of a run: what its bits depend on, in texts that a state holds and another run can be compared with."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import numpy as np

from mlpc import _mlpc
from mlpc.csr import CSR, Input
from mlpc.layers import text_of
from mlpc.network import Network
from mlpc.optim import Optimizer

__all__ = ["add_numbers", "digest_of", "loss_text", "network_text", "optimizer_text", "parts_of"]

_ROWS = 1 << 14  # that are looked at in one go


def digest_of(*arrays: Input | None, wide: bool = False) -> str:
    """SHA-256 of numbers and of their shapes and dtypes, in hexadecimal: the same on every machine.

    Parameters
    ----------
    wide : bool
        Integers count alike whatever their width, and so do reals.

    Examples
    --------
    >>> digest_of(np.array([1.0, 2.0])) == digest_of(np.array([1.0, 2.0], ">f8"))
    True
    >>> digest_of(np.array([1, 2], np.uint8), None, wide=True) == digest_of(np.array([1, 2]), None)
    True
    """
    sha = hashlib.sha256()
    for array in itertools.chain.from_iterable(map(parts_of, arrays)):
        if array is None:
            sha.update(b"none;")
            continue
        dtype = array.dtype.newbyteorder("<")
        if wide:
            dtype = np.dtype("<f8" if dtype.kind == "f" else "<i8")
        sha.update(f"{dtype.str}:{','.join(map(str, array.shape))};".encode())
        add_numbers(sha, array, dtype)
    return sha.hexdigest()


def add_numbers(sha: Any, array: Any, dtype: np.dtype[Any]) -> None:
    """Add the bytes of an array in a dtype to a hash, piece by piece: a copy of a file may not fit into memory."""
    array = np.atleast_1d(array)
    for start in range(0, len(array), _ROWS):
        sha.update(np.ascontiguousarray(array[start : start + _ROWS], dtype).reshape(-1).view(np.uint8))


def parts_of(array: Input | None) -> tuple[Any, ...]:
    """The arrays that hold it."""
    return (array.indptr, array.indices, array.data) if isinstance(array, CSR) else (array,)


def network_text(net: Network) -> str:
    """Sizes, activations, dropout, norms, loss and dtype: a network's plan, without its seed."""
    activations = ", ".join(text_of(block) for block in net._blocks)
    more = f", dropout {list(net._dropout)}" if any(net._dropout) else ""
    more += f", norms {list(net._norms)}" if any(net._norms) else ""
    return f"{list(net.sizes)}, [{activations}]{more}, {net.criterion}, {net.dtype.name}"


def optimizer_text(optimizer: Optimizer) -> str:
    """Name, settings, penalties and factors of tensors: everything but the learning rate, the clock and the state."""
    name, settings, penalties, *factors = optimizer.spec[:5]
    parts: list[Any] = [name, settings, tuple(penalties)]
    parts += [None if factor is None else np.asarray(factor).tolist() for factor in factors]
    return ", ".join(map(str, parts))


def loss_text(criterion: _mlpc.Loss) -> str:
    """The loss of a run, with the weights of classes that it has beside the network's own."""
    name, reduction, setting, weight = criterion
    return f"{name}, {reduction}, {setting}, {None if weight is None else np.asarray(weight).tolist()}"
