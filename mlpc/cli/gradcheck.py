"""``mlpc gradcheck``: gradients beside finite differences, on the digits."""

import argparse
from typing import Any

import mlpc
from mlpc import datasets
from mlpc.cli.arguments import HelpFormatter, add_network, networks, positive

__all__ = ["add", "run"]

CHECKED = ["64-16-10", "64-12-8-10"]


def add(commands: Any) -> None:
    """The command's options."""
    parser = commands.add_parser(
        "gradcheck", help="compare gradients with finite differences, on digits", formatter_class=HelpFormatter
    )
    add_network(parser)
    parser.add_argument("--batch-size", type=positive, default=7, help="samples to check with")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """A table for each network; 1 where one gradient is wrong."""
    (x, y), _ = datasets.load_digits()
    x, y = x[: options.batch_size], y[: options.batch_size]
    status = 0
    for name, net in networks(options, "digits", CHECKED, "float64").items():
        check = mlpc.gradcheck(net, x, y)
        print(f"{name}, {options.activation}, {len(y)} samples of the digits")
        print(check, end="\n\n")
        status |= not check.ok
    return status
