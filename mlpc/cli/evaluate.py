"""``mlpc evaluate``: how good a model is on a table."""

import argparse
from typing import Any

from mlpc.cli.arguments import HelpFormatter
from mlpc.cli.models import add_table_options, print_json, table_for, table_model

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    """The command's options."""
    parser = commands.add_parser("evaluate", help="say how good a model is on a table", formatter_class=HelpFormatter)
    add_table_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Loss, and accuracy with a table of classes, or R^2."""
    model = table_model(options.model)
    said = model.evaluate(table_for("evaluate", model, options.table), unknown=options.unknown)
    if options.json:
        print_json({"target": model.target} | said.to_dict())
    else:
        print(said)
    return 0
