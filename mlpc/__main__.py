"""The command line: ``python -m mlpc train | gradcheck | pack | info``."""

import argparse
import contextlib
import os
import platform
import signal
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
CHECKED = ["64-16-10", "64-12-8-10"]  # by gradcheck
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
    who, said = "mlpc", ""
    try:
        try:
            options = _parser().parse_args(arguments)
            who += f" {options.command}"
            return int(options.run(options))
        finally:
            print(end="", flush=True)  # a full disk is met here, and not when Python ends
    except BrokenPipeError:  # whoever read this has gone
        status = 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        status, said = 128 + signal.SIGINT, "interrupted"
    except (ImportError, MemoryError, OSError, ValueError) as error:
        status, said = 1, str(error) or type(error).__name__
    _let_go_of_output()
    if said:
        print(f"{who}: {said}", file=sys.stderr)
    return status


def _let_go_of_output() -> None:
    """Write what nobody takes into nothing: Python would try again when it ends, and complain."""
    try:
        print(end="", flush=True)
    except OSError:
        with contextlib.suppress(OSError):  # no file is behind it
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, sys.stdout.fileno())
            os.close(nothing)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlpc", description=(mlpc.__doc__ or "").partition("\n")[0])
    parser.add_argument("--version", action="version", version=f"mlpc {mlpc.__version__}")
    commands = parser.add_subparsers(dest="command", required=True)

    train = commands.add_parser("train", help="train networks and compare them", formatter_class=_HelpFormatter)
    _add_network(train)
    train.add_argument("--data", choices=LOADERS, default="digits", help="what to train on")
    train.add_argument("--lr", type=float, default=0.05, help="learning rate; fit has 0.1 for SGD")
    train.add_argument("--momentum", type=float, default=0.9, help="momentum of the SGD; fit has 0.0")
    train.add_argument("--epochs", type=_positive, default=20, help="how often to go through the data; fit has 10")
    train.add_argument("--batch-size", type=_positive, default=64, help="samples per step")
    train.add_argument("--plot", metavar="FILE", help="draw the learning curves into FILE (.png, .pdf, .svg, ...)")
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
        return [_positive(size) for size in text.split("-")]
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"expected units joined by hyphens like 64-32-10, got {text!r}") from None


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def _train(options: argparse.Namespace) -> int:
    picture = None if options.plot is None else _picture(options.plot)
    networks = _networks(options, options.data, VARIANTS[options.data])
    optimizers = {name: mlpc.optim.SGD(net, options.lr, momentum=options.momentum) for name, net in networks.items()}
    (x, y), (x_test, y_test) = LOADERS[options.data]()
    # Drawn, the same for every network and seed. Every sixth sample would not do: MNIST's even and odd samples come
    # from different groups of writers (a linear network trained on the odd ones gets 84 % of the even ones right).
    held_out, kept = np.split(_mlpc.shuffle(len(y), 0, 0), [len(y) // HELD_OUT])
    validation = (x[held_out], y[held_out])
    x, y = x[kept], y[kept]

    histories, diverged = {}, set()
    for name, net in networks.items():
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
    print(f"\n{_comparison(networks, histories, diverged, (x_test, y_test), note)}")
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


def _networks(
    options: argparse.Namespace, data: str, usual: Sequence[str], dtype: str = "float32"
) -> dict[str, mlpc.MLP]:
    """The networks asked for, by name, or the usual ones; that all of them fit the data is seen before any is used."""
    n_in, *_, n_out = _sizes(usual[0])
    networks = {}
    for sizes in options.sizes or map(_sizes, usual):
        name = "-".join(map(str, sizes))
        if len(sizes) < 2 or (sizes[0], sizes[-1]) != (n_in, n_out):
            raise ValueError(
                f"--sizes: expected {n_in} inputs and {n_out} outputs like {usual[-1]}, since {data} has {n_in} pixels "
                f"and {n_out} classes, got {name}"
            )
        networks[name] = mlpc.MLP(sizes, options.activation, dtype=dtype, seed=options.seed)
    return networks


def _comparison(
    networks: dict[str, mlpc.MLP],
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
        row: list[object] = [name, networks[name].n_parameters]
        if name in diverged:
            rows.append([*row, "diverged", *[None] * (len(header) - 3)])
            continue
        losses = [history[column][-1] for column in ("loss", "val_loss")]
        accuracies = [_percent(history[column][-1]) for column in ("accuracy", "val_accuracy")]
        tested = _percent(networks[name].evaluate(*test)[1]) if name == favourite else None
        seconds = f"{np.median(history['seconds']):.4f}"
        rows.append([*row, *losses, *accuracies, tested, seconds])
    return Table(header, rows, note)


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else f"{100 * fraction:.2f} %"


def _gradcheck(options: argparse.Namespace) -> int:
    (x, y), _ = datasets.load_digits()
    x, y = x[: options.batch_size], y[: options.batch_size]
    status = 0
    networks = _networks(options, "digits", CHECKED, "float64")
    for name, net in networks.items():
        check = mlpc.gradcheck(net, x, y)
        print(f"{name}, {options.activation}, {len(y)} samples of the digits")
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
