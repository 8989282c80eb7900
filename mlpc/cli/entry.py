"""The door of the command line: which command it is, and how one ends."""

import argparse
import contextlib
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import mlpc
from mlpc.cli import bench, evaluate, export, gradcheck, info, pack, predict, train
from mlpc.warnings import TrainingWarning

__all__ = ["main", "parser"]

COMMANDS = (train, predict, evaluate, export, info, gradcheck, bench, pack)


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
            with _warnings_as_lines(who), _threads(getattr(options, "threads", None)):
                return int(options.run(options))
        finally:
            print(end="", flush=True)  # a full disk is met here, and not when Python ends
    except BrokenPipeError:  # whoever read this has gone
        status = 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        status, said = 128 + signal.SIGINT, "interrupted"
    except (ImportError, MemoryError, OSError, TypeError, ValueError) as error:
        status, said = 1, str(error) or type(error).__name__
    _let_go_of_output()
    if said:
        print(f"{who}: {said}", file=sys.stderr)
    return status


@contextlib.contextmanager
def _warnings_as_lines(who: str) -> Iterator[None]:
    """What the library warns of is said in a line, without the place in the program, which nobody has written."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", TrainingWarning)
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *more: Any, **named: Any) -> None:
            if issubclass(category, TrainingWarning):
                print(f"{who}: {message}", file=sys.stderr)
            else:
                usual(message, category, *more, **named)

        warnings.showwarning = show
        yield


@contextlib.contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """So many threads at most, while a command runs."""
    before = mlpc.get_num_threads()
    if count is not None:
        mlpc.set_num_threads(count)
    try:
        yield
    finally:
        if count is not None:
            mlpc.set_num_threads(before)


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
