"""``mlpc predict``: what a model says of each row of a table."""

from __future__ import annotations

import argparse
import csv
import io
from typing import Any

from mlpc.cli.arguments import HelpFormatter
from mlpc.cli.models import add_table_options, print_json, table_for, table_model
from mlpc.files import check_folder, write_atomically
from mlpc.tables.evaluation import plain_numbers

__all__ = ["add", "run"]


def add(commands: Any) -> None:
    """The command's options."""
    parser = commands.add_parser(
        "predict", help="say what a model predicts for the rows of a table", formatter_class=HelpFormatter
    )
    add_table_options(parser)
    parser.add_argument("--probabilities", action="store_true", help="of each class, too")
    parser.add_argument("--out", metavar="FILE", help="where they go as CSV, instead of standard output")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """A line of CSV for each row, under a line of names."""
    if options.out is not None:
        if options.json:
            raise ValueError("--json: expected a document on standard output, without --out, got both")
        check_folder(options.out)
    model = table_model(options.model)
    if options.probabilities and model.labels is None:
        raise ValueError(f"--probabilities: expected a model of classes, got one of numbers, {model.target!r}")
    table = table_for("predict", model, options.table)
    predictions = model.predict(table, unknown=options.unknown)
    shares = model.predict_proba(table, unknown=options.unknown) if options.probabilities else None
    if options.json:
        document = {"target": model.target, "predictions": plain_numbers(predictions)}
        more = {} if shares is None else {"labels": model.labels, "probabilities": plain_numbers(shares)}
        print_json(document | more)
        return 0
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([model.target, *(f"P({label})" for label in model.labels or () if shares is not None)])
    rows = [[each] for each in predictions]
    writer.writerows(rows if shares is None else [[*row, *share] for row, share in zip(rows, shares, strict=True)])
    if options.out is None:
        print(text.getvalue(), end="")  # which takes it, too, that there is no standard output
    else:
        write_atomically(options.out, text.getvalue().encode())
    return 0
