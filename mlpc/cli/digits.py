"""``mlpc train`` without a table: networks of several sizes, trained on digits and compared."""

import argparse
import sys

import numpy as np

import mlpc
from mlpc import _mlpc, datasets, plot
from mlpc.cli.arguments import networks
from mlpc.cli.picture import picture_of
from mlpc.table import Table

__all__ = ["DEFAULTS", "LOADERS", "run"]

LOADERS = {"digits": datasets.load_digits, "mnist": datasets.load_mnist}
VARIANTS = {
    "digits": ["64-10", "64-16-10", "64-32-10", "64-100-10", "64-64-32-10"],
    "mnist": ["784-10", "784-32-10", "784-100-10", "784-100-50-10", "784-100-200-50-10"],
}
DEFAULTS = {
    "activation": "relu", "batch_size": 64, "data": "digits", "epochs": 20, "lr": 0.05, "momentum": 0.9,
    "progress": True, "seed": 0,
}  # fmt: skip
HELD_OUT = 6  # one in six training samples validates


def run(options: argparse.Namespace) -> int:
    """A table of the networks; 1 where one diverged.  Options that nobody has written are None."""
    left_out = {name: usual for name, usual in DEFAULTS.items() if getattr(options, name) is None}
    options = argparse.Namespace(**vars(options) | left_out)
    picture = None if options.plot is None else picture_of(options.plot)
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
