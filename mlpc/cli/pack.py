"""``mlpc pack``: the copies of a group's notebooks that are handed in."""

import argparse
from pathlib import Path
from typing import Any

from mlpc import handin
from mlpc.cli.arguments import HelpFormatter

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    """The command's options."""
    parser = commands.add_parser(
        "pack", help="make the copies of a group's notebooks that are handed in", formatter_class=HelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="filled in and run; pw03_*.ipynb here if none")
    parser.add_argument("--group", required=True, metavar="NAME", help="becomes part of the file names")
    parser.add_argument("--to", default=".", metavar="DIR", help="where the copies go")
    parser.add_argument("--digits", action="store_true", help="take notebooks that were run on the 8 x 8 digits")
    parser.add_argument("--force", action="store_true", help="make copies of notebooks that lack something, too")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """A sentence for whatever a notebook lacks, and a copy of each that lacks nothing."""
    notebooks = [Path(name) for name in options.notebooks] or handin.candidates(Path())
    if not notebooks:
        raise ValueError("NOTEBOOK: expected one, and there is no pw03_*.ipynb here")
    status = 0
    for notebook in notebooks:
        lacks = handin.missing(notebook, digits=options.digits)
        for sentence in [*lacks, *handin.depths(notebook)]:
            print(f"{notebook.name}: {sentence}")
        if lacks and not options.force:
            print(f"{notebook.name}: No copy was made. Use --force to make one all the same.")
        else:
            print(f"{notebook.name}: It was copied to {handin.copy(notebook, options.group, Path(options.to))}.")
        status |= bool(lacks)
    return status
