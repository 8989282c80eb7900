"""The command line: ``python -m mlpc train | gradcheck | pack | info``."""

import argparse
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import mlpc
from mlpc import _mlpc, datasets, handin, plot
from mlpc.table import Table

LOADERS = {"digits": datasets.load_digits, "mnist": datasets.load_mnist}
VARIANTS = {
    "digits": ["64-10", "64-16-10", "64-32-10", "64-100-10", "64-64-32-10"],
    "mnist": ["784-10", "784-32-10", "784-100-10", "784-100-50-10", "784-100-200-50-10"],
}
HELD_OUT = 6  # one in six training samples validates


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; what cannot be done is told in one sentence and by a status of 1.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands behind ``python -m mlpc``, of this process by default.

    Returns
    -------
    int
        The exit status.

    Examples
    --------
    >>> main(["gradcheck", "--sizes", "64-5-10"])  # doctest: +ELLIPSIS
    64-5-10, relu, 7 samples of the digits...0
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (ImportError, OSError, ValueError) as error:
        print(f"mlpc {options.command}: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlpc", description=(mlpc.__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)

    train = commands.add_parser("train", help="train networks and compare them", formatter_class=_HelpFormatter)
    _add_network(train)
    train.add_argument("--data", choices=LOADERS, default="digits", help="what to train on")
    train.add_argument("--lr", type=float, default=0.05, help="learning rate")
    train.add_argument("--momentum", type=float, default=0.9, help="momentum of the SGD")
    train.add_argument("--epochs", type=_positive, default=20, help="how often to go through the data")
    train.add_argument("--batch-size", type=_positive, default=64, help="samples per step")
    train.add_argument("--plot", metavar="FILE", help="draw the learning curves into FILE (.png, .pdf, .svg)")
    train.add_argument("--progress", action=argparse.BooleanOptionalAction, default=True, help="show progress bars")
    train.set_defaults(run=_train)

    gradcheck = commands.add_parser(
        "gradcheck", help="compare gradients with finite differences, on digits", formatter_class=_HelpFormatter
    )
    _add_network(gradcheck)
    gradcheck.add_argument("--batch-size", type=_positive, default=7, help="samples to check with")
    gradcheck.set_defaults(run=_gradcheck)

    pack = commands.add_parser(
        "pack", help="make the copies of a group's notebooks that are handed in", formatter_class=_HelpFormatter
    )
    pack.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="filled in and run; pw03_*.ipynb here if none")
    pack.add_argument("--group", required=True, metavar="NAME", help="becomes part of the file names")
    pack.add_argument("--to", default=".", metavar="DIR", help="where the copies go")
    pack.add_argument("--digits", action="store_true", help="take notebooks that were run on the 8 x 8 digits")
    pack.add_argument("--force", action="store_true", help="make copies of notebooks that lack something, too")
    pack.set_defaults(run=_pack)

    info = commands.add_parser("info", help="say what this installation is and runs on")
    info.set_defaults(run=_info)
    return parser


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows defaults where there are any."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


def _add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sizes", action="append", type=_sizes, metavar="64-32-10", help="units from input to output; may be repeated"
    )
    parser.add_argument("--activation", default="relu", help="of the hidden layers")
    parser.add_argument("--seed", type=int, default=0, help="of the initial weights and the order of the samples")


def _sizes(text: str) -> list[int]:
    try:
        return [int(size) for size in text.split("-")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected units joined by hyphens like 64-32-10, got {text!r}") from None


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def _train(options: argparse.Namespace) -> int:
    if options.plot:
        plot.require_matplotlib()
    (x, y), (x_test, y_test) = LOADERS[options.data]()
    # Drawn, the same for every network and seed. Every sixth sample would not do: MNIST's even and odd samples come
    # from different groups of writers (a linear network trained on the odd ones gets 84 % of the even ones right).
    held_out, kept = np.split(_mlpc.shuffle(len(y), 0, 0), [len(y) // HELD_OUT])
    validation = (x[held_out], y[held_out])
    x, y = x[kept], y[kept]

    networks, histories = {}, {}
    for sizes in options.sizes or map(_sizes, VARIANTS[options.data]):
        name = "-".join(map(str, sizes))
        net = mlpc.MLP(sizes, options.activation, seed=options.seed)
        print(f"training {name}", flush=True)
        history = net.fit(
            x,
            y,
            epochs=options.epochs,
            batch_size=options.batch_size,
            optimizer=mlpc.optim.SGD(net, lr=options.lr, momentum=options.momentum),
            validation_data=validation,
            progress=options.progress,
        )
        networks[name], histories[name] = net, history

    note = f"{options.activation}, SGD; {len(y):,} samples train, {len(held_out):,} validate; "
    note += f"the {len(y_test):,} for testing are for the best on validation alone."
    print(f"\n{_comparison(networks, histories, (x_test, y_test), note)}")
    if options.plot:
        plot.learning_curves(histories).savefig(options.plot)
        print(f"learning curves: {options.plot}")
    return 0


def _comparison(
    networks: dict[str, mlpc.MLP], histories: dict[str, mlpc.History], test: datasets.Samples, note: str
) -> Table:
    """A row for each network; only the best on validation meets the test samples."""
    favourite = max(histories, key=lambda name: histories[name]["val_accuracy"][-1])
    rows: list[list[object]] = []
    for name, history in histories.items():
        losses = [history[column][-1] for column in ("loss", "val_loss")]
        accuracies = [_percent(history[column][-1]) for column in ("accuracy", "val_accuracy")]
        tested = _percent(networks[name].evaluate(*test)[1]) if name == favourite else None
        seconds = f"{np.median(history['seconds']):.4f}"
        rows.append([name, networks[name].n_parameters, *losses, *accuracies, tested, seconds])
    header = ["network", "parameters", "train loss", "val. loss", "train acc.", "val. acc.", "test acc.", "s/epoch"]
    return Table(header, rows, note)


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else f"{100 * fraction:.2f} %"


def _gradcheck(options: argparse.Namespace) -> int:
    (x, y), _ = datasets.load_digits()
    x, y = x[: options.batch_size], y[: options.batch_size]
    status = 0
    for sizes in options.sizes or [[64, 16, 10], [64, 12, 8, 10]]:
        check = mlpc.gradcheck(mlpc.MLP(sizes, options.activation, dtype="float64", seed=options.seed), x, y)
        print(f"{'-'.join(map(str, sizes))}, {options.activation}, {len(y)} samples of the digits")
        print(check, end="\n\n")
        status |= not check.ok
    return status


def _pack(options: argparse.Namespace) -> int:
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


def _info(options: argparse.Namespace) -> int:
    features = [name for name, present in mlpc.cpu.features().items() if present]
    rows = [
        ["mlpc", mlpc.__version__],
        ["arithmetic", f"version {mlpc.ARITHMETIC}"],
        ["instruction set", f"{mlpc.cpu.active()} of {', '.join(mlpc.cpu.available())}"],
        ["CPU features", ", ".join(features) or "none of use"],
        ["machine", platform.machine()],
        ["compiler", _mlpc.compiler],
        ["Python", platform.python_version()],
        ["NumPy", np.__version__],
    ]
    for label, value in rows:
        print(f"{label:<17}{value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
