"""``mlpc train``: networks of several sizes, trained on digits and compared."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

import mlpc
from mlpc import _mlpc, datasets, plot
from mlpc.cli.arguments import HelpFormatter, add_network, networks, positive
from mlpc.table import Table

__all__ = ["add", "run"]

LOADERS = {"digits": datasets.load_digits, "mnist": datasets.load_mnist}
VARIANTS = {
    "digits": ["64-10", "64-16-10", "64-32-10", "64-100-10", "64-64-32-10"],
    "mnist": ["784-10", "784-32-10", "784-100-10", "784-100-50-10", "784-100-200-50-10"],
}
HELD_OUT = 6  # one in six training samples validates


def add(commands: Any) -> None:
    """The command's options."""
    parser = commands.add_parser("train", help="train networks and compare them", formatter_class=HelpFormatter)
    add_network(parser)
    parser.add_argument("--data", choices=LOADERS, default="digits", help="what to train on")
    parser.add_argument("--lr", type=float, default=0.05, help="learning rate; fit has 0.1 for SGD")
    parser.add_argument("--momentum", type=float, default=0.9, help="momentum of the SGD; fit has 0.0")
    parser.add_argument("--epochs", type=positive, default=20, help="how often to go through the data; fit has 10")
    parser.add_argument("--batch-size", type=positive, default=64, help="samples per step")
    parser.add_argument("--plot", metavar="FILE", help="draw the learning curves into FILE (.png, .pdf, .svg, ...)")
    parser.add_argument("--progress", action=argparse.BooleanOptionalAction, default=True, help="show progress bars")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """A table of the networks; 1 where one diverged."""
    picture = None if options.plot is None else _picture(options.plot)
    made = networks(options, options.data, VARIANTS[options.data])
    optimizers = {name: mlpc.optim.SGD(net, options.lr, momentum=options.momentum) for name, net in made.items()}
    (x, y), (x_test, y_test) = LOADERS[options.data]()
    # Drawn, the same for every network and seed. Every sixth sample would not do: MNIST's even and odd samples come
    # from different groups of writers (a linear network trained on the odd ones gets 84 % of the even ones right).
    held_out, kept = np.split(_mlpc.shuffle(len(y), 0, 0), [len(y) // HELD_OUT])
    validation = (x[held_out], y[held_out])
    x, y = x[kept], y[kept]

    histories, diverged = {}, set()
    for name, net in made.items():
        print(f"training {name}", flush=True)
        try:
            net.fit(
                x,
                y,
                epochs=options.epochs,
                batch_size=options.batch_size,
                optimizer=optimizers[name],
                validation_data=validation,
                progress=options.progress,
            )
        except mlpc.DivergenceError as error:  # the others are wanted all the same
            print(f"mlpc train: {name}: {error}", file=sys.stderr)
            diverged.add(name)
        histories[name] = net.history or mlpc.History()

    note = f"{options.activation}, SGD; {len(y):,} samples train, {len(held_out):,} validate; "
    note += f"the {len(y_test):,} for testing are for the best on validation alone."
    print(f"\n{_comparison(made, histories, diverged, (x_test, y_test), note)}")
    if picture:
        drawn = {name: history for name, history in histories.items() if history.epochs}
        if drawn:
            plot.learning_curves(drawn).savefig(picture)
            print(f"learning curves: {picture}")
        else:
            print("learning curves: none, since no training came to the end of an epoch")
    return 1 if diverged else 0


def _picture(name: str) -> Path:
    """The file that a picture of that name goes to; what cannot be is told before anything is trained for it."""
    plot.require_matplotlib()
    from matplotlib.backend_bases import FigureCanvasBase

    path = Path(name)
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"--plot: expected a file in a folder that exists, got {name!r}")
    if not path.suffix:
        path = path.with_name(f"{path.name.rstrip('.')}.png")  # as matplotlib would do it
    kinds = [f".{kind}" for kind in FigureCanvasBase.get_supported_filetypes()]
    if path.suffix.lower() not in kinds:
        raise ValueError(f"--plot: expected a name that ends in one of {', '.join(kinds)}, got {name!r}")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ValueError(f"--plot: expected a file that may be written, got {str(path)!r}")
    return path


def _comparison(
    made: dict[str, mlpc.MLP],
    histories: dict[str, mlpc.History],
    diverged: set[str],
    test: datasets.Samples,
    note: str,
) -> Table:
    """A row for each network; only the best on validation meets the test samples."""
    whole = [name for name in histories if name not in diverged]
    favourite = max(whole, key=lambda name: histories[name]["val_accuracy"][-1], default=None)
    header = ["network", "parameters", "train loss", "val. loss", "train acc.", "val. acc.", "test acc.", "s/epoch"]
    rows: list[list[object]] = []
    for name, history in histories.items():
        row: list[object] = [name, made[name].n_parameters]
        if name in diverged:
            rows.append([*row, "diverged", *[None] * (len(header) - 3)])
            continue
        losses = [history[column][-1] for column in ("loss", "val_loss")]
        accuracies = [_percent(history[column][-1]) for column in ("accuracy", "val_accuracy")]
        tested = _percent(made[name].evaluate(*test)[1]) if name == favourite else None
        seconds = f"{np.median(history['seconds']):.4f}"
        rows.append([*row, *losses, *accuracies, tested, seconds])
    return Table(header, rows, note)


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else f"{100 * fraction:.2f} %"
