"""``mlpc export``: a model for other programs."""

from __future__ import annotations

import argparse
import importlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np

from mlpc.cli.arguments import HelpFormatter
from mlpc.cli.models import file_of_model, network_of
from mlpc.files import check_folder, write_atomically

__all__ = ["add", "run"]


def _to_onnx(model: Any, options: argparse.Namespace) -> None:
    """An estimator has one of its own, which knows its classes."""
    (model if hasattr(model, "to_onnx") else network_of(model)).to_onnx(options.out)


def _to_c(model: Any, options: argparse.Namespace) -> object:
    return network_of(model).to_c(options.out, name=options.name, dtype=options.dtype)


def _to_torch(model: Any, options: argparse.Namespace) -> None:
    """The state dict, since a module in a file would be a program."""
    try:
        torch: Any = importlib.import_module("torch")
    except ImportError as error:
        raise ImportError("export --to torch needs PyTorch: pip install torch") from error
    state = {key: torch.from_numpy(np.array(array)) for key, array in network_of(model).state_dict().items()}
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(options.out, buffer.getvalue())


def _to_npz(model: Any, options: argparse.Namespace) -> None:
    network_of(model).save(options.out)


FORMATS: dict[str, Callable[[Any, argparse.Namespace], object]] = {
    "onnx": _to_onnx,
    "c": _to_c,
    "torch": _to_torch,
    "npz": _to_npz,
}


def add(commands: Any) -> None:
    """The command's options."""
    parser = commands.add_parser("export", help="write a model for other programs", formatter_class=HelpFormatter)
    parser.add_argument("model", metavar="MODEL", help="a file that mlpc train, or net.save, has written")
    parser.add_argument(
        "--to", choices=FORMATS, required=True,
        help="a model of ONNX, C source, a state dict for torch.load, or a network for mlpc.load",
    )  # fmt: skip
    parser.add_argument("--out", metavar="FILE", required=True, help="where it goes")
    parser.add_argument("--name", help="what functions in C begin with; the name of the file where left out")
    parser.add_argument("--dtype", choices=["int8"], help="of weights in C: bytes; the network's where left out")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """A file, and what it takes: raw numbers, in the order that is printed."""
    for name in ("name", "dtype"):
        if getattr(options, name) is not None and options.to != "c":
            raise ValueError(f"--{name}: expected one with --to c, got one with --to {options.to}")
    check_folder(options.out)
    model = file_of_model(options.model)
    net, report = network_of(model), FORMATS[options.to](model, options)
    print(f"{options.out}: {options.to}, takes {net.sizes[0]} numbers and gives {net.sizes[-1]}")
    if net.feature_names is not None:
        print(f"in: {', '.join(net.feature_names)}")
    if net.labels is not None:
        print(f"classes: {', '.join(map(str, net.labels))}")
    if report is not None:
        print(report)
    return 0
