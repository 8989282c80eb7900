"""Networks in files: what is written of one, and what is believed of a file that is to be one."""

from __future__ import annotations

import dataclasses
import os
import reprlib
from collections.abc import Mapping
from typing import Any

from mlpc.arguments import LARGEST_SEED, Array, seed_number, whole_number, whole_numbers
from mlpc.blocks import dropouts_of, norms_of
from mlpc.columns import Names, checked_names
from mlpc.files import file_path, pack, write_atomically
from mlpc.labels import Labels, checked_labels
from mlpc.layers import Activation, activation_of
from mlpc.losses import LOSSES, AnyLoss, Custom, Loss, loss_named
from mlpc.network import Network
from mlpc.norm_layers import BatchNorm, Norm, norm_of

__all__ = ["Plan", "describe", "described_loss", "loss_of", "save"]


def save(net: Network, path: str | os.PathLike[str]) -> None:
    """Write the network to a file, from which `mlpc.load` makes an equal one.

    The file has the parameters, with running statistics, the plan (sizes, activations, norms, dropout, loss, dtype),
    the names of columns and labels of classes, the seed with the positions in the streams of shuffles and masks, and
    the mode; neither the history nor an optimizer.  It replaces another one only when it is complete and on the disk,
    and equal networks give equal files.

    Parameters
    ----------
    path : str or path-like
        Ends in ".npz", or in ".safetensors", which needs the package of that name.

    Raises
    ------
    TypeError, ValueError, ImportError
        Where the path is none of these.
    OSError
        Where the file cannot be written; what was there before is there still.
    InUseError
        Where another thread computes with the network: parts of it would be older than others.

    Examples
    --------
    >>> import mlpc, os, tempfile
    >>> net = mlpc.MLP([4, 8, 3], "tanh", seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net.save(os.path.join(folder, "net.npz"))
    ...     mlpc.load(os.path.join(folder, "net.npz")).digest() == net.digest()
    True
    """
    text = file_path("path", path)
    net._copy_numbers()  # raises where another thread computes with them
    write_atomically(text, pack(text, "network", net.state_dict(), {"network": describe(net)}))


def describe(net: Network) -> dict[str, Any]:
    """All of a network but its parameters and its record, as JSON can hold it; `Plan.of` is the reverse."""
    named = {"feature_names": net.feature_names, "labels": net.labels}
    return {name: list(value) for name, value in named.items() if value is not None} | {
        "sizes": list(net.sizes),
        "activations": [block if isinstance(block, str) else list(block) for block in net._blocks],
        "loss": described_loss(net.criterion),
        "dropout": list(net._dropout),
        "norms": [norm if norm is None or isinstance(norm, str) else list(norm) for norm in net._norms],
        "dtype": net.dtype.name,
        "seed": net.seed,
        "shuffles": list(net.shuffle_state),
        "masks": list(net._draws),
        "training": net.training,
    }


def described_loss(loss: Loss) -> dict[str, Any]:
    """Name and settings, as JSON can hold them; of a function, the name alone.

    Examples
    --------
    >>> import mlpc
    >>> described_loss(mlpc.losses.Huber(delta=0.5))
    {'name': 'huber', 'settings': {'delta': 0.5}}
    """
    if isinstance(loss, Custom):
        return {"function": loss.name}
    settings = {field.name: getattr(loss, field.name) for field in dataclasses.fields(loss)}
    return {"name": loss.name, "settings": {name: value for name, value in settings.items() if value is not None}}


@dataclasses.dataclass(frozen=True)
class Plan:
    """What `describe` says, checked: each value is of the type and in the range that a network's is."""

    sizes: list[int]
    activations: list[Activation]
    loss: Loss
    dropout: list[float]
    norms: list[Norm | None]
    dtype: str
    seed: int
    shuffles: tuple[int, int]
    masks: tuple[int, int]
    training: bool
    feature_names: Names | None = None  # a file may lack them, and those below
    labels: Labels | None = None

    @staticmethod
    def of(description: Any, arrays: Mapping[str, Array], loss: AnyLoss | None = None) -> Plan:
        """The plan of a network that has these parameters, and no others: so it is as large as its file.

        A loss is another than the one that is described, which may be a function that no file can hold.

        Raises
        ------
        TypeError, ValueError
            Where there is none.
        """
        keys = {field.name for field in dataclasses.fields(Plan)}
        if not isinstance(description, dict) or description.keys() | {"feature_names", "labels"} != keys:
            raise ValueError(f"network: expected {sorted(keys)}, got {reprlib.repr(description)}")
        sizes = whole_numbers("sizes", description["sizes"], 1)
        if not isinstance(description["dropout"], list) or len(description["dropout"]) != max(len(sizes) - 1, 1):
            raise ValueError(f"dropout: expected {len(sizes) - 1}, got {reprlib.repr(description['dropout'])}")
        dropout = dropouts_of(description["dropout"][0], description["dropout"][1:], len(sizes) - 2)
        if not isinstance(description["norms"], list):
            raise ValueError(f"norm: expected a list, got {reprlib.repr(description['norms'])}")
        norms = [_norm(each) for each in description["norms"]]
        norms_of(norms, max(len(sizes) - 2, 0))  # raises where there are too many or too few
        dtype = description["dtype"]
        if {name: (array.shape, array.dtype.name) for name, array in arrays.items()} != _arrays_of(
            sizes, dropout, norms, dtype
        ):
            raise ValueError(f"expected parameters in {dtype} of a network of sizes {sizes}, got others")
        shuffles, masks = (whole_numbers(name, description[name]) for name in ("shuffles", "masks"))
        if not isinstance(description["activations"], list):
            raise ValueError(f"activations: expected a list, got {reprlib.repr(description['activations'])}")
        if len(shuffles) != 2 or len(masks) != 2 or not isinstance(description["training"], bool):
            raise ValueError("expected positions in shuffles and masks, and whether the network trains, got others")
        return Plan(
            sizes,
            [_activation(each) for each in description["activations"]],
            loss_of(description["loss"], loss),
            dropout,
            norms,
            dtype,
            seed_number(description["seed"]),
            (seed_number(shuffles[0]), whole_number("epoch", shuffles[1])),
            (seed_number(masks[0]), whole_number("masks_drawn", masks[1], most=LARGEST_SEED)),
            description["training"],
            checked_names(description.get("feature_names"), sizes[0]),
            checked_labels(description.get("labels"), sizes[-1]),
        )


def _arrays_of(
    sizes: list[int], dropout: list[float], norms: list[Norm | None], dtype: str
) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and dtype of each entry of the state dict."""
    arrays: dict[str, tuple[tuple[int, ...], str]] = {}
    index = 0
    for n_in, n_out, p, norm in zip(sizes, sizes[1:], dropout, [*norms, None], strict=False):
        index += p > 0
        arrays |= {f"{index}.weight": ((n_out, n_in), dtype), f"{index}.bias": ((n_out,), dtype)}
        index += 1
        if norm is not None:
            tracks = isinstance(norm, BatchNorm)
            names = ("weight", "bias", *(("running_mean", "running_var") if tracks else ()))
            arrays |= {f"{index}.{name}": ((n_out,), dtype) for name in names}
            arrays |= {f"{index}.num_batches_tracked": ((), "int64")} if tracks else {}
            index += 1
        index += 1
    return arrays


def _activation(described: Any) -> Activation:
    try:
        return activation_of(described if isinstance(described, str) else tuple(described))
    except (KeyError, TypeError, ValueError):
        got = reprlib.repr(described)
        raise ValueError(f"activations: expected names or pairs of a name and a setting, got {got}") from None


def _norm(described: Any) -> Norm | None:
    try:
        return None if described is None else norm_of(described if isinstance(described, str) else tuple(described))
    except (KeyError, TypeError, ValueError):
        got = reprlib.repr(described)
        raise ValueError(f"norm: expected None, names or lists of a name and settings, got {got}") from None


def loss_of(described: Any, given: AnyLoss | None = None) -> Loss:
    """The loss that `described_loss` describes, or another one that is given.

    Raises
    ------
    TypeError, ValueError
        Where there is none.

    Examples
    --------
    >>> loss_of({"name": "huber", "settings": {"delta": 0.5}})
    Huber(delta=0.5)
    """
    if given is not None:
        return loss_named(given)
    if isinstance(described, dict) and described.keys() == {"function"}:
        name = reprlib.repr(described["function"])
        raise ValueError(f"loss: expected the function {name}, which no file can hold, as loss=, got None")
    try:
        return LOSSES[described["name"]](**described["settings"])
    except (KeyError, TypeError):
        got = reprlib.repr(described)
        raise ValueError(f"loss: expected a name of mlpc.losses and its settings, got {got}") from None
