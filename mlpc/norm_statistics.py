"""Running statistics of batch norm for weights that no training went through."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from mlpc.arguments import Array
from mlpc.network import Network
from mlpc.norm_layers import BatchNorm

__all__ = ["estimate_statistics"]


def estimate_statistics(net: Network, batches: Iterable[Array]) -> None:
    """Give every batch norm the mean over the batches of their mean and variance, in train mode.

    As torch.optim.swa_utils.update_bn: Izmailov et al., 2018, section 3.2.  Of the network nothing else changes, its
    masks and the latest forward included.

    Parameters
    ----------
    net : MLP
    batches : iterable of ndarray, (rows, n_in)
        At least one, of at least two rows each, in the network's dtype.

    Examples
    --------
    >>> import mlpc
    >>> net = mlpc.MLP([1, 1, 1], "identity", norm="batch", init=[[[1.0]], [0.0], [1.0], [0.0], [[1.0]], [0.0]])
    >>> estimate_statistics(net, [np.float32([[0.0], [2.0]]), np.float32([[4.0], [4.0]])])
    >>> net.layers[1].running_mean, net.layers[1].running_var
    (array([2.5], dtype=float32), array([1.], dtype=float32))
    """
    twin = _with_usual_momentum(net).train()
    twin._batches = 0
    total = np.zeros(len(twin._statistics))
    for x in batches:
        twin._statistics[:] = 0
        twin.forward(x)  # moves them by a share of the way, from 0
        total += twin._statistics / BatchNorm().momentum
    net._statistics[:] = total / twin._batches
    net._batches = twin._batches


def _with_usual_momentum(net: Network) -> Network:
    """A copy whose statistics move by a share that can be divided by; of momentum 0 nothing would be left."""
    make, (cls, sizes, blocks, dtype, dropout, norms), state = net.__reduce__()
    usual = [("batch", norm[1], BatchNorm().momentum) if _of_batches(norm) else norm for norm in norms]
    twin: Network = make(cls, sizes, blocks, dtype, dropout, usual)
    twin.__setstate__(state)
    return twin


def _of_batches(norm: Any) -> bool:
    return isinstance(norm, tuple) and norm[0] == "batch"
