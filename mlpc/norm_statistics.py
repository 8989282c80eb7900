"""Running statistics of batch norm for weights that no training went through."""

from __future__ import annotations

from collections.abc import Iterable

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
    twin = net.copy().train()
    twin._batches = 0
    total = np.zeros(len(twin._statistics))
    for x in batches:
        twin._statistics[:] = 0
        twin.forward(x)  # moves them by a share of the way, from 0
        total += twin._statistics / BatchNorm.momentum
    net._statistics[:] = total / twin._batches
    net._batches = twin._batches
