"""Medians with their spread, and tables of them."""

import statistics

Table = list[list[str]]


def summary(seconds: list[float]) -> dict:
    """The median, and half the range divided by it."""
    median = statistics.median(seconds)
    return {"median": median, "spread": (max(seconds) - min(seconds)) / 2 / median, "seconds": seconds}


def time(seconds: float) -> str:
    """With three digits, in the unit that fits."""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 0.1 or unit == "µs":
            break
    return f"{three_digits(seconds * scale)} {unit}"


def three_digits(value: float) -> str:
    return f"{value:.{2 if value >= 1 else 3}f}" if value < 10 else f"{value:.{1 if value < 100 else 0}f}"


def cell(figure: dict, ours: dict | None = None) -> str:
    """A time ± its spread, and how many times ours it is."""
    text = f"{time(figure['median'])} ± {100 * figure['spread']:.0f} %"
    return text if ours is None else f"{text}, {figure['median'] / ours['median']:.1f} x"


def markdown(header: list[str], rows: Table) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, ["---"] * len(header), *rows])
