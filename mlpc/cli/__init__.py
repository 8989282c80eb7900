"""The command line, ``mlpc`` or ``python -m mlpc``: a file for each command, and `main`, which runs one."""

from mlpc.cli.entry import main

__all__ = ["main"]
