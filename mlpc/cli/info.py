"""``mlpc info``: what this installation is and runs on, or what a model is."""

from __future__ import annotations

import argparse
import os
import platform
from typing import Any

import numpy as np

import mlpc
from mlpc import _mlpc
from mlpc.cli.arguments import HelpFormatter
from mlpc.cli.models import file_of_model, network_of, print_json
from mlpc.files import read
from mlpc.tables import TableModel

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    """The command's options."""
    parser = commands.add_parser(
        "info", help="say what this installation is and runs on, or what a model is", formatter_class=HelpFormatter
    )
    parser.add_argument("model", nargs="?", metavar="MODEL", help="a file of a model; cpu, or nothing: this machine")
    parser.add_argument("--json", action="store_true", help="print one document of JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """A line for each thing that a report of a fault should tell, or that one wants to know of a model."""
    if options.model is None or (options.model == "cpu" and not os.path.exists("cpu")):
        rows, net = _machine(), None
    else:
        model = file_of_model(options.model)
        rows, net = _model(options.model, model), network_of(model)
    if options.json:
        print_json(rows)
        return 0
    for label, value in rows.items():
        shown = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
        print(f"{label:<17}{shown}")
    if net is not None:
        print(f"\n{net.summary()}")
    return 0


def _machine() -> dict[str, Any]:
    features = [name for name, present in mlpc.cpu.features().items() if present]
    return {
        "mlpc": mlpc.__version__,
        "arithmetic": f"version {mlpc.ARITHMETIC}",
        "instruction set": f"{mlpc.cpu.active()} of {', '.join(mlpc.cpu.available())}",
        "CPU features": ", ".join(features) or "none of use",
        "machine": platform.machine(),
        "compiler": _mlpc.compiler,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
    }


def _model(path: str, model: Any) -> dict[str, Any]:
    net = network_of(model)
    kind, _, _, arithmetic = read(path)
    said: dict[str, Any] = {"kind": kind, "sizes": list(net.sizes), "parameters": net.n_parameters}
    said |= {"dtype": net.dtype.name, "loss": str(net.criterion), "seed": net.seed}
    if isinstance(model, TableModel):
        said |= {"target": model.target, "task": model.task, "columns": list(model.columns), "missing": model.missing}
    if net.feature_names is not None:
        said["features"] = list(net.feature_names)
    if net.labels is not None:
        said["labels"] = list(net.labels)
    return said | {"arithmetic": f"version {arithmetic}", "digest": net.digest()}
