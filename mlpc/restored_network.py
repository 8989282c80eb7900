"""Networks out of what files say of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlpc.arguments import Array
from mlpc.losses import AnyLoss
from mlpc.net import MLP
from mlpc.network_file import Plan

__all__ = ["restored_network"]


def restored_network(description: Any, arrays: Mapping[str, Array], loss: AnyLoss | None = None) -> MLP:
    """The network that `mlpc.network_file.describe` describes, with these parameters; see `Plan.of`.

    Examples
    --------
    >>> import mlpc
    >>> from mlpc.network_file import describe
    >>> net = mlpc.MLP([2, 3], seed=4)
    >>> restored_network(describe(net), net.state_dict()).digest() == net.digest()
    True
    """
    plan = Plan.of(description, arrays, loss)
    net = MLP(
        plan.sizes, plan.activations, loss=plan.loss, dropout=plan.dropout[1:], input_dropout=plan.dropout[0],
        norm=plan.norms, dtype=plan.dtype, init=arrays, seed=plan.seed,
    )  # fmt: skip
    net._shuffles, net._draws = plan.shuffles, plan.masks
    net.feature_names, net.labels = plan.feature_names, plan.labels
    return net.train(plan.training)
