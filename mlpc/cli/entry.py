"""The door of the command line: which command it is, and how one ends."""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Sequence

import mlpc
from mlpc.cli import gradcheck, info, pack, train

__all__ = ["main", "parser"]

COMMANDS = (train, gradcheck, pack, info)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; what cannot be done is told in one sentence and by a status of 1.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands behind ``mlpc``, of this process by default.

    Returns
    -------
    int
        The exit status.

    Examples
    --------
    >>> main(["gradcheck", "--sizes", "64-5-10"])  # doctest: +ELLIPSIS
    64-5-10, relu, 7 samples of the digits...0
    """
    who, said = "mlpc", ""
    try:
        try:
            options = parser().parse_args(arguments)
            who += f" {options.command}"
            return int(options.run(options))
        finally:
            print(end="", flush=True)  # a full disk is met here, and not when Python ends
    except BrokenPipeError:  # whoever read this has gone
        status = 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        status, said = 128 + signal.SIGINT, "interrupted"
    except (ImportError, MemoryError, OSError, ValueError) as error:
        status, said = 1, str(error) or type(error).__name__
    _let_go_of_output()
    if said:
        print(f"{who}: {said}", file=sys.stderr)
    return status


def _let_go_of_output() -> None:
    """Write what nobody takes into nothing: Python would try again when it ends, and complain."""
    try:
        print(end="", flush=True)
    except OSError:
        with contextlib.suppress(OSError):  # no file is behind it
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, sys.stdout.fileno())
            os.close(nothing)


def parser() -> argparse.ArgumentParser:
    """What reads the arguments: a part for each command, which the command's own file adds."""
    whole = argparse.ArgumentParser(prog="mlpc", description=(mlpc.__doc__ or "").partition("\n")[0])
    whole.add_argument("--version", action="version", version=f"mlpc {mlpc.__version__}")
    commands = whole.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add(commands)
    return whole
