"""``mlpc bench``: how fast this machine trains, measured by the library alone."""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import mlpc
from mlpc import datasets
from mlpc.cli.arguments import HelpFormatter, positive
from mlpc.cli.models import print_json
from mlpc.table import Table

__all__ = ["add", "run"]

SIZES = ([64, 32, 10], [64, 100, 10], [64, 256, 256, 10])


def add(commands: Any) -> None:
    """The command's options."""
    parser = commands.add_parser(
        "bench", help="say how many epochs this machine trains in a second", formatter_class=HelpFormatter
    )
    parser.add_argument("--epochs", type=positive, default=20, help="of one measurement")
    parser.add_argument("--rounds", type=positive, default=5, help="measurements, of which the median is told")
    parser.add_argument("--threads", type=positive, help="at most; as many as there are CPUs where left out")
    parser.add_argument("--json", action="store_true", help="print one document of JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """A row for each network: epochs per second on the digits."""
    (x, y), _ = datasets.load_digits()
    rows = []
    for sizes in SIZES:
        speeds = []
        for _ in range(options.rounds):
            net = mlpc.MLP(sizes)
            start = time.perf_counter()
            net.fit(x, y, epochs=options.epochs, progress=False)
            speeds.append(options.epochs / (time.perf_counter() - start))
        rows.append((sizes, statistics.median(speeds), min(speeds), max(speeds)))
    threads = mlpc.get_num_threads()
    if options.json:
        print_json(
            {
                "isa": mlpc.cpu.active(), "threads": threads, "samples": len(y), "batch_size": 64,
                "networks": [
                    {"sizes": sizes, "epochs_per_second": middle, "least": least, "most": most}
                    for sizes, middle, least, most in rows
                ],
            }
        )  # fmt: skip
        return 0
    table = [
        ["-".join(map(str, sizes)), round(middle), f"{least:,.0f} to {most:,.0f}", f"{1e6 / middle / len(y):.2f}"]
        for sizes, middle, least, most in rows
    ]
    note = f"{len(y):,} digits, batches of 64, SGD, float32; {mlpc.cpu.active()}, at most {threads} threads; "
    note += f"median of {options.rounds} times {options.epochs} epochs"
    print(Table(["network", "epochs/s", "least to most", "us/sample"], table, note))
    return 0
