"""Networks out of files."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

from mlpc.arguments import Array
from mlpc.files import read
from mlpc.losses import AnyLoss
from mlpc.net import MLP
from mlpc.network_file import Plan

__all__ = ["load", "network_of"]


def load(path: str | os.PathLike[str], loss: AnyLoss | None = None) -> Any:
    """The network of a file that `MLP.save` has written, or of a checkpoint (`mlpc.callbacks.Checkpoint`).

    Or the model of a table, where `mlpc.tables.TableModel.save` has written it.

    Nothing of the file is executed, and what it says is checked before it is used: a file may come from anywhere.
    Networks of any version of the arithmetic can be loaded; what they compute has the bits of this one.

    Parameters
    ----------
    path : str or path-like
        Ends in ".npz", or in ".safetensors", which needs the package of that name.
    loss : str, Loss or callable, optional
        Another loss than that of the file; one that was a function of your own is to be given again, since the file has
        its name alone.

    Returns
    -------
    MLP or mlpc.tables.TableModel
        Equal to the one that was written, to the bit, and in its mode; without history and gradients.

    Raises
    ------
    FileNotFoundError, OSError
        Where the file cannot be opened.
    TypeError, ValueError, ImportError
        Where the path names none of these files, or the file is malformed, damaged, of another program or of a later
        version of mlpc; it says which.

    Examples
    --------
    >>> import mlpc, os, tempfile
    >>> net = mlpc.MLP([4, 8, 3], mlpc.layers.LeakyReLU(0.2), loss=mlpc.losses.Huber(delta=2.0), seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net.save(os.path.join(folder, "net.npz"))
    ...     load(os.path.join(folder, "net.npz"))
    MLP([4, 8, 3], LeakyReLU(negative_slope=0.2), loss=mlpc.losses.Huber(delta=2.0), dtype='float32', seed=1)
    """
    kind, arrays, values, _ = read(path)
    try:
        if kind == "run":
            arrays = {name.removeprefix("net."): array for name, array in arrays.items() if name.startswith("net.")}
        elif kind == "table":
            return importlib.import_module("mlpc.tables.loading").model_of(arrays, values, loss)
        elif kind != "network":
            raise ValueError(f"expected a network, a run or a table, got a {kind}")
        return network_of(arrays, values, loss)
    except (TypeError, ValueError) as error:
        raise ValueError(f"path: {os.fspath(path)!r}: {error}") from error


def network_of(arrays: Mapping[str, Array], values: Mapping[str, Any], loss: AnyLoss | None = None) -> MLP:
    """The network that a file's values describe, with these parameters.

    Raises
    ------
    TypeError, ValueError
        Where there is none.
    """
    plan = Plan.of(values.get("network"), arrays, loss)
    net = MLP(
        plan.sizes, plan.activations, loss=plan.loss, dropout=plan.dropout[1:], input_dropout=plan.dropout[0],
        norm=plan.norms, dtype=plan.dtype, init=arrays, seed=plan.seed,
    )  # fmt: skip
    net._shuffles, net._draws = plan.shuffles, plan.masks
    net.feature_names, net.labels = plan.feature_names, plan.labels
    return net.train(plan.training)
