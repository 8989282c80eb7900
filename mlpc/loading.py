"""Networks, estimators and models of tables out of files."""

from __future__ import annotations

import importlib
import os
from typing import Any

from mlpc.files import read
from mlpc.losses import AnyLoss
from mlpc.restored_network import restored_network

__all__ = ["load"]


def load(path: str | os.PathLike[str], loss: AnyLoss | None = None) -> Any:
    """The network or estimator of a file that its `save` has written; the network of a checkpoint of a run.

    Or the model of a table, where `mlpc.tables.TableModel.save` has written it.

    Nothing of the file is executed, and what it says is checked before it is used: a file may come from anywhere.
    Networks of any version of the arithmetic can be loaded; what they compute has the bits of this one.

    Parameters
    ----------
    path : str or path-like
        Ends in ".npz", or in ".safetensors", which needs the package of that name.
    loss : str, Loss or callable, optional
        Another loss than that of the network in the file; one that was a function of your own is to be given again,
        since the file has its name alone.

    Returns
    -------
    MLP, MLPClassifier, MLPRegressor or mlpc.tables.TableModel
        Equal to the one that was written, to the bit; a network in its mode, without history and gradients.

    Raises
    ------
    FileNotFoundError, OSError
        Where the file cannot be opened.
    TypeError, ValueError, ImportError
        Where the path names none of these files, or the file is malformed, damaged, of another program or of a later
        version of mlpc; it says which.  Or where the file has an estimator, and scikit-learn is not installed.

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
        if kind == "estimator":
            if loss is not None:
                raise ValueError("loss: expected None for an estimator, which has its own, got one")
            return importlib.import_module("mlpc.estimators.loading").restored_estimator(values.get(kind), arrays)
        if kind == "run":
            arrays = {name.removeprefix("net."): array for name, array in arrays.items() if name.startswith("net.")}
        elif kind == "table":
            if loss is not None:
                raise ValueError("loss: expected None for the model of a table, which has its own, got one")
            return importlib.import_module("mlpc.tables.loading").restored_model(values, arrays)
        elif kind != "network":
            raise ValueError(f"expected a network, an estimator, the model of a table or a run, got a {kind}")
        return restored_network(values.get("network"), arrays, loss)
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"path: {os.fspath(path)!r}: {error}") from error
