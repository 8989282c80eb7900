"""The options of a training, as a table: each is an argument of the library, by the same name with hyphens."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from mlpc.cli.arguments import positive
from mlpc.names import InitName
from mlpc.tables.encoding import Missing
from mlpc.tables.target import Task

__all__ = ["OPTIONS", "Option", "Part", "given"]

Part = Literal["network", "table", "optimizer", "fit"]


def numbers(text: str) -> list[float]:
    """Numbers with commas between them.

    Examples
    --------
    >>> numbers("0.5,0.25")
    [0.5, 0.25]
    """
    try:
        return [float(each) for each in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected numbers with commas between them, got {text!r}") from None


def counts(text: str) -> list[int]:
    """Whole numbers of at least 1 with commas between them, or none.

    Examples
    --------
    >>> counts("100,50"), counts("none")
    ([100, 50], [])
    """
    return [] if text == "none" else [positive(each) for each in text.split(",")]


def words(text: str) -> list[str]:
    """What stands between commas.

    Examples
    --------
    >>> words("relu,tanh")
    ['relu', 'tanh']
    """
    return text.split(",")


@dataclass(frozen=True)
class Option:
    """One argument: what it is called, which part of the library takes it, what it is, and how its text is read."""

    name: str
    part: Part
    help: str
    usual: str = ""
    """What counts where it is left out, as the help says it."""
    digits: str = ""
    """The same on digits, where these take the option."""
    read: Callable[[str], Any] | None = None
    metavar: str | None = None
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    def add(self, parser: Any) -> None:
        """Let a parser know it; left out, it is None, and the library's own default counts."""
        defaults = [f"default: {self.usual}"] if self.usual else []
        defaults += [f"on digits: {self.digits}"] if self.digits else []
        text = f"{self.help} ({'; '.join(defaults)})" if defaults else self.help
        kind = {} if self.read is None else {"type": self.read}
        names = {} if self.metavar is None else {"metavar": self.metavar}
        parser.add_argument(self.flag, default=None, help=text, **kind, **names, **self.more)


def _choices(values: Sequence[str]) -> dict[str, Any]:
    return {"choices": values}


SWITCH: dict[str, Any] = {"action": argparse.BooleanOptionalAction}
SEVERAL: dict[str, Any] = {"action": "append"}

OPTIONS: Sequence[Option] = (
    Option("hidden", "network", "units of the hidden layers, or none", "100", read=counts, metavar="100,50"),
    Option(
        "activation", "network", "of the hidden layers, one or one each: tanh, leaky_relu:negative_slope=0.2", "relu",
        "relu", metavar="NAMES",
    ),
    Option("norm", "network", "of the hidden layers: batch, layer, none, batch:momentum=0.01", "none", metavar="NAMES"),
    Option(
        "dropout", "network", "share of hidden units that training drops, one or one each", "0.0", read=numbers,
        metavar="P",
    ),
    Option("input_dropout", "network", "the same of the features", "0.0", read=float, metavar="P"),
    Option("loss", "network", "a loss, huber:delta=2", "cross_entropy of classes, mse of numbers", metavar="NAME"),
    Option("init", "network", "initial weights", "torch", more=_choices(get_args(InitName))),
    Option("dtype", "network", "of all numbers", "float32", more=_choices(("float32", "float64"))),
    Option("seed", "network", "of initial weights and the order of rows", "0", "0", read=int, metavar="N"),
    Option("task", "table", "what the target is", "what its type says", more=_choices(get_args(Task))),
    Option(
        "missing", "table", "values that are missing: an error, no such rows, the mean", "refuse",
        more=_choices(get_args(Missing)),
    ),
    Option("categories", "table", "a column whose numbers are categories; repeatable", metavar="COLUMN", more=SEVERAL),
    Option("most_categories", "table", "refuse a column of more categories", "100", read=positive, metavar="N"),
    Option("without", "table", "a column that is not to be learnt from; repeatable", metavar="COLUMN", more=SEVERAL),
    Option("sample_weight", "table", "a column of weights of the rows", metavar="COLUMN"),
    Option("class_weight", "table", "balanced, or LABEL=WEIGHT,LABEL=WEIGHT", metavar="WEIGHTS"),
    Option("validation_data", "table", "another table, evaluated after every epoch", metavar="FILE"),
    Option("validation_split", "table", "share of the rows held back for that", read=float, metavar="SHARE"),
    Option("epochs", "fit", "how often to go through the rows", "100", "20", read=positive, metavar="N"),
    Option("batch_size", "fit", "rows per step", "32", "64", read=positive, metavar="N"),
    Option("shuffle", "fit", "another order of the rows in every epoch", "--shuffle", more=SWITCH),
    Option(
        "input_noise", "fit", "deviation of normal noise that is added to the standardised features", "0.0",
        read=float, metavar="NUMBER",
    ),
    Option("accumulate_batches", "fit", "how many batches make a step", "1", read=positive, metavar="N"),
    Option("metrics", "fit", "columns of the history: f1,auc", read=words, metavar="NAMES"),
    Option("max_seconds", "fit", "begin no epoch that might not be done in time", read=float, metavar="SECONDS"),
    Option("resume", "fit", "a file to go on from, written after every epoch", metavar="FILE"),
    Option("optimizer", "optimizer", "sgd, rmsprop:alpha=0.9, adam:betas=0.9/0.99, ...", "adam", metavar="NAME"),
    Option("lr", "optimizer", "learning rate", "the optimizer's own", "0.05", read=float, metavar="RATE"),
    Option("schedule", "optimizer", "of the learning rate: cosine:warmup=2, step:every=10:gamma=0.5", metavar="NAME"),
    Option("momentum", "optimizer", "of sgd and rmsprop", "0.0", "0.9", read=float, metavar="SHARE"),
    Option("weight_decay", "optimizer", "penalty of large weights", read=float, metavar="FACTOR"),
    Option("l1", "optimizer", "penalty of weights that are not 0", read=float, metavar="FACTOR"),
    Option("clip_value", "optimizer", "to which each derivative is cut", read=float, metavar="VALUE"),
    Option("clip_norm", "optimizer", "to which a longer gradient is scaled", read=float, metavar="LENGTH"),
    Option("max_norm", "optimizer", "to which longer weights of a unit are scaled", read=float, metavar="LENGTH"),
)  # fmt: skip


def given(options: argparse.Namespace, *parts: Part) -> dict[str, Any]:
    """The arguments of some parts that somebody has written, by name."""
    values = {option.name: getattr(options, option.name) for option in OPTIONS if option.part in parts}
    return {name: value for name, value in values.items() if value is not None}
