"""Networks out of files."""

from __future__ import annotations

import os

from mlpc.files import read
from mlpc.losses import AnyLoss
from mlpc.net import MLP
from mlpc.network_file import Plan

__all__ = ["load"]


def load(path: str | os.PathLike[str], loss: AnyLoss | None = None) -> MLP:
    """The network of a file that `MLP.save` has written, or of a checkpoint (`mlpc.callbacks.Checkpoint`).

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
    MLP
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
        elif kind != "network":
            raise ValueError(f"expected a network or a run, got a {kind}")
        plan = Plan.of(values.get("network"), arrays, loss)
        net = MLP(
            plan.sizes, plan.activations, loss=plan.loss, dropout=plan.dropout[1:], input_dropout=plan.dropout[0],
            norm=plan.norms, dtype=plan.dtype, init=arrays, seed=plan.seed,
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        raise ValueError(f"path: {os.fspath(path)!r}: {error}") from error
    net._shuffles, net._draws = plan.shuffles, plan.masks
    net.feature_names, net.labels = plan.feature_names, plan.labels
    return net.train(plan.training)
