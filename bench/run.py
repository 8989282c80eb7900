"""mlpc beside others: README.md in this folder says what is compared and why it is fair.

    python bench/run.py [epochs shapes kernels inference serving estimators startup growth c_source] [--full] ...

Prints tables in Markdown, and writes them and everything measured to results/.
"""

import argparse
import datetime
import json
import os
import pathlib
import sys

import c_source
import chart
import epochs
import estimators
import growth
import inference
import kernels
import serving
import shapes
import startup
from contenders import INFERENCE, TRAINING
from machine import machine

import mlpc

HERE = pathlib.Path(__file__).parent
TITLES = {
    "epochs": "Training",
    "shapes": "Shapes drawn at random",
    "kernels": "Kernels",
    "inference": "Inference",
    "serving": "Serving",
    "estimators": "Estimators",
    "startup": "Import and size",
    "growth": "How cost grows",
    "c_source": "Networks in C",
}
TABLES = {
    "epochs": epochs.table,
    "shapes": shapes.table,
    "kernels": kernels.table,
    "inference": inference.table,
    "serving": serving.table,
    "estimators": estimators.table,
    "startup": startup.table,
    "growth": growth.table,
    "c_source": c_source.table,
}
SHORT = ("epochs", "shapes", "kernels", "inference", "serving", "estimators", "startup")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(TITLES)}")
    parser.add_argument("--full", action="store_true", help="more rows, sizes, rounds and contenders (3 hours)")
    parser.add_argument(
        "--rows", nargs="+", metavar="PATTERN", help="of epochs or shapes ('784-100-10/mnist/*/t?/*'); a shape's name"
    )
    parser.add_argument("--peers", nargs="*", choices=sorted({*TRAINING, *INFERENCE}), help="beside mlpc")
    parser.add_argument("--rounds", type=int, help="measurements of each figure (default: by its cost)")
    parser.add_argument("--samples", type=int, default=60_000, help="of training, for a quick trial")
    parser.add_argument("--seed", type=int, default=0, help="from which shapes are drawn")
    parser.add_argument("--threads", type=int, nargs="+", default=shapes.THREADS, metavar="N", help="of shapes")
    parser.add_argument("--chart", type=pathlib.Path, metavar="FOLDER", help="draw the charts of the README there")
    parser.add_argument("--results", type=pathlib.Path, metavar="JSON", help="draw from these, measure nothing")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(TITLES):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    if options.results:
        report = json.loads(options.results.read_text())
    else:
        report = measured(options)
        written(report)
    if options.chart:
        chart.draw(report, options.chart)


def measured(options: argparse.Namespace) -> dict:
    sections = options.sections or (TITLES if options.full else SHORT)
    try:
        if set(sections) - {"shapes", "kernels", "estimators", "c_source"}:
            mlpc.datasets.load_mnist()
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f"This benchmark trains on MNIST, which is not here. {error}")
    full, peers, rounds = options.full, options.peers, options.rounds
    measure = {
        "epochs": lambda: epochs.section(full, options.rows, peers, rounds, options.samples),
        "shapes": lambda: shapes.section(
            full, options.rows, peers, rounds or (5 if full else 3), options.seed, options.threads
        ),
        "kernels": lambda: kernels.section(full, peers, rounds or (7 if full else 3)),
        "inference": lambda: inference.section(full, peers, rounds or (11 if full else 5)),
        "serving": lambda: serving.section(rounds or (11 if full else 5)),
        "estimators": lambda: estimators.section(full, rounds or (7 if full else 3)),
        "startup": lambda: startup.section(rounds or (11 if full else 3)),
        "growth": lambda: growth.section(peers, rounds or 3),
        "c_source": lambda: c_source.section(rounds or (11 if full else 5)),
    }
    report = {"time": f"{datetime.datetime.now():%Y-%m-%d %H:%M}", "machine": machine(), "full": full}
    report |= {section: measure[section]() for section in measure if section in sections}
    return report


def written(report: dict) -> None:
    """To the terminal in Markdown, to results/ in Markdown and JSON."""
    text = "\n\n".join(
        f"## {title}\n\n{TABLES[name](report[name])}" for name, title in TITLES.items() if name in report
    )
    text += "\n\n" + ", ".join(f"{key} {value}" for key, value in report["machine"].items())
    print(text)
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    path = results / f"{report['time'].replace(' ', '-').replace(':', '')}.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    path.with_suffix(".md").write_text(text + "\n")
    print(f"\neverything measured: {os.path.relpath(path)}")


if __name__ == "__main__":
    main()
