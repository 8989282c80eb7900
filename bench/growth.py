"""How the cost of training grows with width, depth and batch, beside the peers."""

import sys

import epochs
import figures
from contenders import TRAINING, installed
from task import Task

SAMPLES = 6_000  # enough for a time per sample, and little enough for batches of one
PEERS = ("torch", "jax", "numpy", "sklearn")
SWEEPS = {
    "width": {
        width: Task(network=f"784-{width}-10", samples=SAMPLES) for width in (8, 16, 32, 64, 128, 256, 512, 1024)
    },
    "depth": {
        depth: Task(network="-".join(["784", *["100"] * depth, "10"]), samples=SAMPLES) for depth in (1, 2, 4, 8, 16)
    },
    "batch": {batch: Task(batch=batch, samples=SAMPLES) for batch in (1, 4, 16, 64, 256, 1024)},
}


def section(peers: list[str] | None, rounds: int) -> dict:
    names = installed(TRAINING, ["mlpc", *(peers if peers is not None else PEERS)])
    sweeps = {}
    for sweep, tasks in SWEEPS.items():
        sweeps[sweep] = []
        for value, task in tasks.items():
            sweeps[sweep].append({"value": value, **epochs.measure(task, names, rounds, (10,))})
            print(f"measured {sweep} {value}", file=sys.stderr)
    return {"samples": SAMPLES, "sweeps": sweeps}


def table(report: dict) -> str:
    """Microseconds per sample."""
    parts = []
    for sweep, rows in report["sweeps"].items():
        results = rows[0]["results"]
        header = [f"{sweep}, µs per sample", *(str(row["value"]) for row in rows)]
        lines = []
        for key, result in results.items():
            times = [row["results"][key] for row in rows]
            values = (
                "void" if time["void"] else figures.three_digits(1e6 * time["median"] / report["samples"])
                for time in times
            )
            lines.append([result["label"], *values])
        parts.append(figures.markdown(header, lines))
    return "\n\n".join(parts)
