"""The charts of the README, from what was measured."""

import math
import pathlib

import shapes
from task import Task

COLORS = {
    "mlpc, fit of 10": "#d62728",
    "mlpc, fit of 1": "#f4a3a3",
    "torch": "#ee8b2d",
    "torch_fused": "#c9a227",
    "torch_compiled": "#8c564b",
    "jax": "#5b8def",
    "numpy": "#2a9d6f",
    "sklearn": "#7f7f7f",
}
MARKERS = dict(zip(COLORS, "oosDv^Pd", strict=True))
AXES = {"width": "units of one hidden layer", "depth": "hidden layers of 100 units", "batch": "batch size"}
SETTINGS = {
    "svg.hashsalt": "mlpc",  # the same names in every drawing
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
}


def draw(report: dict, folder: pathlib.Path) -> None:
    """speed.svg where epochs were measured, shapes.svg where shapes were, growth.svg where growth was."""
    import matplotlib

    with matplotlib.rc_context(SETTINGS):
        for name, file, make in (
            ("epochs", "speed.svg", speed), ("shapes", "shapes.svg", scatter), ("growth", "growth.svg", growth),
        ):  # fmt: skip
            if name in report:
                path = folder / file
                make(report).savefig(path, metadata={"Date": None}, bbox_inches="tight")
                print(f"drawn: {path}")


def speed(report: dict):
    """A row for each task that is not void, a dot for each contender, on a logarithmic axis of time."""
    from matplotlib.figure import Figure

    tasks = [(row, Task(**row["task"])) for row in report["epochs"]["rows"]]
    rows = [row for row, task in tasks if task.is_plain and (task.dtype, task.batch) == ("float32", 64)]
    figure = Figure(figsize=(7.6, 0.9 + 0.36 * len(rows)), facecolor="white")
    axes = figure.subplots()
    labelled = set()
    for place, row in enumerate(reversed(rows)):
        times = {
            key: result["median"] for key, result in row["results"].items() if not result["void"] and key in COLORS
        }
        axes.plot([min(times.values()), max(times.values())], [place, place], color="#cccccc", linewidth=1, zorder=1)
        for key, seconds in sorted(times.items(), key=lambda item: item[0].startswith("mlpc")):
            label = None if key in labelled else row["results"][key]["label"]
            labelled.add(key)
            axes.plot(
                seconds, place, MARKERS[key], color=COLORS[key], markersize=9 if key.startswith("mlpc") else 6.5,
                markeredgecolor="white", markeredgewidth=0.7, label=label, zorder=3, linestyle="none",
            )  # fmt: skip
    axes.set_yticks(range(len(rows)), [_title(row["task"]) for row in reversed(rows)])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    _logarithmic(axes.xaxis)
    axes.set_xlabel(f"seconds per epoch of {report['epochs']['samples']:,} samples (less is better)")
    _legend(figure, axes)
    return figure


def _title(task: dict) -> str:
    threads = f"{task['threads']} thread{'s' * (task['threads'] > 1)}"
    input_ = {"mnist": "MNIST", "dense": "dense"}[task["input"]]
    optimizer = {"sgd": "SGD", "adam": "Adam"}[task["optimizer"]]
    return f"{task['network']}, {input_}, {optimizer}, {threads}"


def scatter(report: dict):
    """How many times as fast mlpc is over the multiply-adds of a step: a point for each shape and peer."""
    from matplotlib.figure import Figure

    rows = report["shapes"]["rows"]
    threads = sorted({row["task"]["threads"] for row in rows})
    figure = Figure(figsize=(1.4 + 3.9 * len(threads), 3.8), facecolor="white", layout="constrained")
    panels = figure.subplots(1, len(threads), sharey=True, squeeze=False)[0]
    for axes, number in zip(panels, threads, strict=True):
        of_panel = [row for row in rows if row["task"]["threads"] == number]
        axes.axhline(1, color="#444444", linewidth=1.2)
        for peer, (name, *_) in shapes.COLUMNS.items():
            points = [
                (row["multiply_adds"], ratios[peer]) for row in of_panel if peer in (ratios := shapes.ratios(row))
            ]
            if points:
                axes.plot(
                    *zip(*points, strict=True), MARKERS[name], color=COLORS[name], label=peer, markersize=6,
                    markeredgecolor="white", markeredgewidth=0.6,
                )  # fmt: skip
        axes.set_xscale("log")
        _logarithmic(axes.yaxis)
        axes.set_xlabel(f"multiply-adds of a step, {number} thread{'s' * (number > 1)}")
    panels[0].set_ylabel("times as fast as the peer")
    _legend(figure, panels[0], above=True)
    return figure


def growth(report: dict):
    """Microseconds per sample over width, depth and batch, all axes logarithmic."""
    from matplotlib.figure import Figure

    sweeps = report["growth"]["sweeps"]
    figure = Figure(figsize=(9.2, 3.4), facecolor="white", layout="constrained")
    panels = figure.subplots(1, len(sweeps), sharey=True)
    for axes, (sweep, rows) in zip(panels, sweeps.items(), strict=True):
        values = [row["value"] for row in rows]
        for key in sorted(rows[0]["results"], key=lambda key: key.startswith("mlpc")):
            results = [row["results"][key] for row in rows]
            times = [
                math.nan if result["void"] else 1e6 * result["median"] / report["growth"]["samples"]
                for result in results
            ]
            ours = key.startswith("mlpc")
            axes.plot(
                values,
                times,
                MARKERS[key] + "-",
                color=COLORS[key],
                label="mlpc" if ours else rows[0]["results"][key]["label"],
                linewidth=2.2 if ours else 1.3,
                markersize=5 if ours else 4,
            )
        _logarithmic(axes.yaxis)
        axes.set_xscale("log", base=2)
        axes.set_xticks(values, [str(value) for value in values])
        axes.minorticks_off()
        axes.set_xlabel(AXES[sweep])
    panels[0].set_ylabel("µs per sample of training")
    _legend(figure, panels[0], above=True)
    return figure


def _logarithmic(axis) -> None:
    """Ticks at 1, 2 and 5 of every decade, in plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _legend(figure, axes, above: bool = False) -> None:
    handles, labels = axes.get_legend_handles_labels()
    pairs = sorted(zip(labels, handles, strict=True), key=lambda pair: not pair[0].startswith("mlpc"))
    labels, handles = zip(*pairs, strict=True)
    place = {"loc": "outside upper center"} if above else {"loc": "lower center", "bbox_to_anchor": (0.5, 0.95)}
    figure.legend(handles, labels, ncols=4 if not above else len(labels), frameon=False, **place)
