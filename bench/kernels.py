"""The products of a linear layer in GFLOP/s, beside others', and beside what the machine can do at all."""

import contextlib
import sys

import figures
from contenders import LIMITS, PRODUCTS, Process, installed, start
from task import DTYPES, Task

SHORT = {"widths": (128, 512, 1024), "batches": (1, 64, 1024)}
FULL = {"widths": (128, 256, 512, 1024, 8192), "batches": (1, 16, 64, 256, 1024, 4096)}
LONGEST = 20e9  # operations of one call; what is larger is left out
OF_TABLE = {"forward": "forward", "dx": "dX", "dw": "dW"}


def section(full: bool, peers: list[str] | None, rounds: int) -> dict:
    """One thread, and a process for each contender."""
    plan, task = FULL if full else SHORT, Task()
    names = installed(PRODUCTS, ["mlpc", *(peers if peers is not None else PRODUCTS)])
    with contextlib.ExitStack() as stack:
        processes = {name: stack.enter_context(start(PRODUCTS[name], task)) for name in names}
        limits = stack.enter_context(start(LIMITS, task))
        rows = [
            shape(processes, limits, {"dtype": dtype, "width": width, "batch": batch}, rounds)
            for dtype in DTYPES
            for width in plan["widths"]
            for batch in plan["batches"]
            if 2 * batch * width**2 <= LONGEST
        ]
        memory = [limits.ask(of="memory") for _ in range(rounds)]
        peaks = {}
        for dtype in DTYPES:
            measured = sorted(row["peak"] for row in rows if row["dtype"] == dtype)
            peaks[dtype] = {"isa": limits.ask(of=f"peak {dtype}")["isa"], "gflops": measured[len(measured) // 2]}
    return {"peaks": peaks, "memory": {name: max(each[name] for each in memory) for name in memory[0]}, "rows": rows}


def shape(processes: dict[str, Process], limits: Process, layer: dict, rounds: int) -> dict:
    """Medians of GFLOP/s; all take turns, round by round, and the peak is measured between them."""
    peaks, speeds = [], {name: {product: [] for product in OF_TABLE} for name in processes}
    operations = 2 * layer["batch"] * layer["width"] ** 2
    for _ in range(rounds):
        peaks.append(2 * limits.ask(of="peak {dtype}".format(**layer))["billions"])
        for name, process in processes.items():
            for product, seconds in process.ask(**layer).items():
                speeds[name][product].append(operations / seconds / 1e9)
    results = {}
    for name, of in speeds.items():
        medians = {product: figures.summary(values)["median"] for product, values in of.items()}
        results[name] = {"label": PRODUCTS[name].label, **medians}
    print("measured {dtype} {width} x {width}, batch {batch}".format(**layer), file=sys.stderr)
    return {**layer, "peak": figures.summary(peaks)["median"], "results": results, "all": {"peak": peaks, **speeds}}


def table(report: dict) -> str:
    peaks = ", ".join(f"{dtype} {p['gflops']:.0f} GFLOP/s ({p['isa']})" for dtype, p in report["peaks"].items())
    memory = ", ".join(f"{name} {value:.1f} GB/s" for name, value in report["memory"].items())
    labels = {name: result["label"] for name, result in report["rows"][0]["results"].items()}
    header = ["", "weights", "batch"]
    header += [f"{title}: {label}" for title in OF_TABLE.values() for label in labels.values()]
    lines = []
    for row in report["rows"]:
        cells = [_cell(row, name, product) for product in OF_TABLE for name in labels]
        weights = f"{row['width']} x {row['width']}"
        lines.append([row["dtype"], weights, str(row["batch"]), *cells, figures.three_digits(_gbytes(row))])
    head = (
        "GFLOP/s of one CPU: mlpc's with their share of the peak, the others' with how many times as fast mlpc is. "
        f"Peak of fused multiply-adds: {peaks}. Memory: {memory}."
    )
    return f"{head}\n\n{figures.markdown([*header, 'mlpc forward, GB/s'], lines)}"


def _cell(row: dict, name: str, product: str) -> str:
    speed, ours = row["results"][name][product], row["results"]["mlpc"][product]
    compared = f"({100 * speed / row['peak']:.0f} %)" if name == "mlpc" else f", {ours / speed:.2f} x"
    return figures.three_digits(speed) + (" " if name == "mlpc" else "") + compared


def _gbytes(row: dict) -> float:
    """Per second of mlpc's forward: inputs, weights and outputs once."""
    width, batch = row["width"], row["batch"]
    bytes_ = {"float32": 4, "float64": 8}[row["dtype"]] * (width**2 + 2 * batch * width)
    return bytes_ / (2 * batch * width**2) * row["results"]["mlpc"]["forward"]
