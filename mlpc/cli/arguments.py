"""What several commands are told, and how it is read: sizes, counts, a network's options."""

import argparse
from collections.abc import Sequence

import mlpc

__all__ = ["HelpFormatter", "add_network", "networks", "positive", "sizes"]


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows defaults where there are any."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


def positive(text: str) -> int:
    """A whole number of at least 1.

    Examples
    --------
    >>> positive("3")
    3
    """
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def sizes(text: str) -> list[int]:
    """Units from input to output.

    Examples
    --------
    >>> sizes("64-32-10")
    [64, 32, 10]
    """
    try:
        return [positive(size) for size in text.split("-")]
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"expected units joined by hyphens like 64-32-10, got {text!r}") from None


def add_network(parser: argparse.ArgumentParser) -> None:
    """The options that `networks` reads."""
    parser.add_argument(
        "--sizes", action="append", type=sizes, metavar="64-32-10", help="units from input to output; may be repeated"
    )
    parser.add_argument("--activation", default="relu", help="of the hidden layers")
    parser.add_argument("--seed", type=int, default=0, help="of the initial weights and the order of the samples")


def networks(
    options: argparse.Namespace, data: str, usual: Sequence[str], dtype: str = "float32"
) -> dict[str, mlpc.MLP]:
    """The networks asked for, by name, or the usual ones; that all of them fit the data is seen before any is used."""
    n_in, *_, n_out = sizes(usual[0])
    made = {}
    for plan in options.sizes or map(sizes, usual):
        name = "-".join(map(str, plan))
        if len(plan) < 2 or (plan[0], plan[-1]) != (n_in, n_out):
            raise ValueError(
                f"--sizes: expected {n_in} inputs and {n_out} outputs like {usual[-1]}, since {data} has {n_in} pixels "
                f"and {n_out} classes, got {name}"
            )
        made[name] = mlpc.MLP(plan, options.activation, dtype=dtype, seed=options.seed)
    return made
