"""``mlpc info``: what this installation is and runs on."""

import argparse
import platform
from typing import Any

import numpy as np

import mlpc
from mlpc import _mlpc

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    """The command's options."""
    parser = commands.add_parser("info", help="say what this installation is and runs on")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """A line for each thing that a report of a fault should tell."""
    features = [name for name, present in mlpc.cpu.features().items() if present]
    rows = [
        ["mlpc", mlpc.__version__],
        ["arithmetic", f"version {mlpc.ARITHMETIC}"],
        ["instruction set", f"{mlpc.cpu.active()} of {', '.join(mlpc.cpu.available())}"],
        ["CPU features", ", ".join(features) or "none of use"],
        ["machine", platform.machine()],
        ["compiler", _mlpc.compiler],
        ["Python", platform.python_version()],
        ["NumPy", np.__version__],
    ]
    for label, value in rows:
        print(f"{label:<17}{value}")
    return 0
