"""``mlpc train``: a network for a table, or several for the digits."""

from __future__ import annotations

import argparse
import inspect
import os
from typing import Any

import numpy as np

import mlpc
from mlpc.cli import digits, settings
from mlpc.cli.arguments import HelpFormatter, positive, sizes
from mlpc.cli.models import print_json
from mlpc.cli.options import OPTIONS, Part, given
from mlpc.cli.picture import picture_of
from mlpc.files import check_folder, file_path
from mlpc.history import History
from mlpc.table import Table
from mlpc.tables import Evaluation, TableModel, read_table
from mlpc.tables.evaluation import plain
from mlpc.tables.reading import texts_in

__all__ = ["add", "run"]

GROUPS: dict[Part, str] = {
    "table": "the table", "network": "the network", "optimizer": "the optimizer", "fit": "the training",
}  # fmt: skip
EPOCHS = 100  # of `TableModel.fit`
ON_DIGITS = ("activation", "seed", "epochs", "batch_size", "lr", "momentum")
"""Options of a table that the digits take, too."""


def add(commands: Any) -> None:
    """The command's options."""
    parser = commands.add_parser(
        "train", help="train a network for a table, or several for the digits", formatter_class=HelpFormatter
    )
    parser.add_argument(
        "table", nargs="?", metavar="TABLE",
        help="CSV, TSV (.tsv) or .npz; - is CSV from standard input; the digits where left out",
    )  # fmt: skip
    groups = {part: parser.add_argument_group(title) for part, title in GROUPS.items()}
    groups["table"].add_argument("--target", metavar="COLUMN", help="what is to be predicted")
    for option in OPTIONS:
        option.add(groups[option.part])
    training = groups["fit"]
    training.add_argument("--patience", type=positive, metavar="N", help="stop after N epochs without a better one")
    training.add_argument("--monitor", metavar="COLUMN", help="by which epochs are compared (default: val_loss)")
    training.add_argument("--threads", type=positive, metavar="N", help="at most (default: one for each CPU)")
    output = parser.add_argument_group("output")
    output.add_argument("--out", metavar="FILE", help="where the model goes: .npz or .safetensors")
    output.add_argument("--plot", metavar="FILE", help="draw the learning curves into FILE (.png, .pdf, .svg, ...)")
    output.add_argument("--json", action="store_true", default=None, help="print one document of JSON")
    output.add_argument(
        "--progress", action=argparse.BooleanOptionalAction, default=None, help="show progress bars, as is usual"
    )
    alone = parser.add_argument_group("on digits alone")
    alone.add_argument(
        "--sizes", action="append", type=sizes, metavar="64-32-10",
        help="units from input to output; may be repeated",
    )  # fmt: skip
    alone.add_argument("--data", choices=digits.LOADERS, help="which ones (default: digits, of 8 x 8 pixels)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train, and say in a table what came of it."""
    if options.table is None:
        flags = {option.flag: getattr(options, option.name) for option in OPTIONS if option.name not in ON_DIGITS}
        flags |= {f"--{name}": getattr(options, name) for name in ("target", "out", "patience", "monitor", "json")}
        for flag, value in flags.items():
            if value is not None:
                raise ValueError(f"{flag}: expected a TABLE with it, as in mlpc train table.csv {flag} ..., got none")
        return digits.run(options)
    for name in ("sizes", "data"):
        if getattr(options, name) is not None:
            raise ValueError(f"--{name}: expected none with a TABLE, of which the digits are none, got one")
    return _train(options)


def _train(options: argparse.Namespace) -> int:
    if options.target is None:
        raise ValueError("--target: expected the column that is to be predicted, got none")
    if options.out is not None:
        check_folder(file_path("--out", options.out))
    picture = None if options.plot is None else picture_of(options.plot)
    model, arguments = TableModel(**_plan(options)), _arguments(options)
    table = read_table(options.table, text=options.categories or ())
    if options.class_weight is not None:
        arguments["class_weight"] = _class_weight(options.class_weight, table, options.target)
    if options.validation_data is not None:
        arguments["validation_data"] = read_table(options.validation_data, text=texts_in(table))
    model.fit(table, options.target, **arguments)
    if options.out is not None:
        model.save(options.out)
    said = _evaluations(model, table, arguments.get("validation_data"))
    best = arguments["callbacks"][0].best_epoch if options.patience is not None else None
    if picture is not None:
        mlpc.plot.learning_curves(_history(model)).savefig(picture)
    if options.json:
        print_json(_document(model, said, best, options))
    else:
        print(_report(model, said, best, options))
        if picture is not None:
            print(f"learning curves: {picture}")
    return 0


def _plan(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments of `TableModel`."""
    plan = given(options, "network", "table")
    plan = {name: value for name, value in plan.items() if name in inspect.signature(TableModel).parameters}
    readers = {"activation": settings.activations, "norm": settings.norms, "loss": settings.loss}
    for name, read in readers.items():
        if name in plan:
            plan[name] = read(plan[name])
    if len(plan.get("dropout", ())) == 1:
        (plan["dropout"],) = plan["dropout"]
    return plan


def _arguments(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments of `TableModel.fit`, but tables and weights of classes."""
    arguments = given(options, "fit", "table")
    for name in ("validation_data", "class_weight", *inspect.signature(TableModel).parameters):
        arguments.pop(name, None)
    of_optimizer = given(options, "optimizer")
    arguments["optimizer"] = settings.optimizer(
        of_optimizer.pop("optimizer", "adam"), of_optimizer.pop("lr", None), of_optimizer.pop("schedule", None),
        arguments.get("epochs", EPOCHS), of_optimizer,
    )  # fmt: skip
    validated = options.validation_data is not None or options.validation_split is not None
    if options.monitor is not None and options.patience is None:
        raise ValueError("--monitor: expected --patience with it, got none")
    if options.patience is not None:
        monitor = options.monitor or "val_loss"
        if monitor.startswith("val_") and not validated:
            raise ValueError(f"--patience: expected --validation-split or --validation-data, for {monitor}, got none")
        arguments["callbacks"] = [mlpc.callbacks.EarlyStopping(monitor, options.patience)]
    arguments["progress"] = options.progress is not False
    return arguments


def _class_weight(text: str, table: Any, target: str) -> Any:
    """Weights by label: labels as the table has them, since a command line has but text."""
    if text == "balanced":
        return text
    labels = {str(each): each for each in table[target].unique()} if target in table.columns else {}
    weights = {}
    for part in text.split(","):
        label, equals, weight = part.rpartition("=")
        try:
            weights[labels.get(label, label)] = float(weight)
        except ValueError:
            equals = ""
        if not equals:
            raise ValueError(f"--class-weight: expected balanced, or LABEL=WEIGHT,LABEL=WEIGHT, got {text!r}")
    return weights


def _evaluations(model: TableModel, table: Any, validation: Any) -> dict[str, Evaluation]:
    """Of the rows that were trained on, and of those that were not."""
    if validation is not None:
        return {"training": model.evaluate(table), "validation": model.evaluate(validation)}
    held = np.isin(np.arange(len(table)), model.validation_rows)
    parts = {"training": table[~held]} | ({"validation": table[held]} if held.any() else {})
    return {name: model.evaluate(part) for name, part in parts.items()}


def _history(model: TableModel) -> History:
    assert model.history is not None
    return model.history


def _report(model: TableModel, said: dict[str, Evaluation], best: int | None, options: argparse.Namespace) -> str:
    score = "accuracy" if model.labels is not None else "R^2"
    rows: list[list[object]] = [
        [name, each.rows, each.loss, each.accuracy if model.labels is not None else each.r2]
        for name, each in said.items()
    ]
    what = f"{len(model.labels)} classes of" if model.labels is not None else "numbers of"
    net, history = model.net, _history(model)
    note = f"{what} {model.target!r} by {'-'.join(map(str, net.sizes))}, {net.n_parameters:,} parameters, "
    note += f"loss {net.criterion}; {history.epochs} epochs"
    if best is not None:
        note += f", the weights are those of epoch {best}"
    lines = [str(Table(["rows of", "number", "loss", score], rows, note))]
    if options.out is not None:
        lines.append(f"saved: {os.fspath(options.out)}")
    return "\n".join(lines)


def _document(
    model: TableModel, said: dict[str, Evaluation], best: int | None, options: argparse.Namespace
) -> dict[str, Any]:
    net, history = model.net, _history(model)
    return {
        "target": model.target, "task": model.task, "labels": None if model.labels is None else list(model.labels),
        "columns": list(model.columns), "features": list(model.features), "sizes": list(net.sizes),
        "parameters": net.n_parameters, "epochs": history.epochs, "best_epoch": best, "digest": net.digest(),
        "model": options.out,
        **{name: each.to_dict() for name, each in said.items()},
        "history": {name: list(map(plain, values)) for name, values in history.items()},
    }  # fmt: skip
