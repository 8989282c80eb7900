"""The products of a linear layer in GFLOP/s, beside what the machine can do at all, measured in turn with them."""

import functools
import json
import subprocess
import sys
import time
from collections.abc import Callable

import figures
import native
import numpy as np
from contenders import environment, pinned

DTYPES = ("float32", "float64")
SHORT = {"widths": (128, 512, 1024), "batches": (1, 64, 1024)}
FULL = {"widths": (128, 256, 512, 1024, 8192), "batches": (1, 16, 64, 256, 1024, 4096)}
LONGEST = 20e9  # operations of one call; what is larger is left out
SECONDS = 0.01  # of one measurement, at least
OF_TABLE = ("forward", "dx", "dw")
MEMORY = 128 << 20  # bytes of each array, beyond the caches of most machines


def section(full: bool, rounds: int) -> dict:
    """In a process of its own, bound to one CPU like those of the contenders."""
    plan = {**(FULL if full else SHORT), "rounds": rounds}
    command = pinned([sys.executable, __file__, json.dumps(plan)], 1)
    return json.loads(subprocess.run(command, env=environment(1), stdout=subprocess.PIPE, check=True).stdout)


def measure(widths: list[int], batches: list[int], rounds: int) -> dict:
    loaded = native.library()
    rows, peaks = [], {}
    for dtype in DTYPES:
        isa, peak = best_peak(loaded, dtype)
        measured = []
        for width in widths:
            for batch in batches:
                if 2 * batch * width**2 <= LONGEST:
                    rows.append(shape(loaded, dtype, width, batch, rounds, peak))
                    measured.append(rows[-1]["peak"])
        peaks[dtype] = {"isa": isa, "gflops": sorted(measured)[len(measured) // 2]}
    return {"peaks": peaks, "memory": memory(loaded, rounds), "rows": rows}


def best_peak(loaded: native.ctypes.CDLL, dtype: str) -> tuple[str, Callable[[], float]]:
    """The instruction set with the highest peak, and a function that measures it."""

    def measurement(function: Callable, fused: int) -> Callable[[], float]:
        count = repetitions(lambda: function(100_000))
        return lambda: 2 * fused * 100_000 / seconds(lambda: function(100_000), count) / 1e9

    all_ = {isa: measurement(*peak) for isa, peak in native.peaks(loaded, dtype).items()}
    best = max(all_, key=lambda isa: max(all_[isa]() for _ in range(3)))
    return best, all_[best]


def shape(loaded: native.ctypes.CDLL, dtype: str, width: int, batch: int, rounds: int, peak: Callable) -> dict:
    """One layer with as many inputs as outputs; medians of GFLOP/s, the peak measured between them."""
    rng = np.random.default_rng(0)
    x, dz = (rng.standard_normal((batch, width)).astype(dtype) for _ in range(2))
    w, dw = (rng.standard_normal((width, width)).astype(dtype) for _ in range(2))
    z, dx, bias = np.empty_like(x), np.empty_like(x), w[0].copy()
    number, sizes = DTYPES.index(dtype), (batch, width, width)
    calls = {
        "forward": lambda count: loaded.forward(number, z, x, w, bias, *sizes, count),
        "dx": lambda count: loaded.backward_x(number, dx, dz, w, *sizes, count),
        "dw": lambda count: loaded.backward_w(number, dw, x, dz, *sizes, count),
    }
    operations = 2 * batch * width**2
    counts = {name: repetitions(functools.partial(call, 1)) for name, call in calls.items()}
    measured = {name: functools.partial(call, counts[name]) for name, call in calls.items()}
    speeds = {name: [] for name in (*calls, "peak")}
    for _ in range(rounds):
        speeds["peak"].append(peak())
        for name, call in measured.items():
            speeds[name].append(operations * counts[name] / seconds(call, 1) / 1e9)
    medians = {name: figures.summary(values)["median"] for name, values in speeds.items()}
    bytes_ = (x.nbytes + w.nbytes + z.nbytes) / operations * medians["forward"]
    return {"dtype": dtype, "width": width, "batch": batch, **medians, "forward_gbytes": bytes_, "all": speeds}


def memory(loaded: native.ctypes.CDLL, rounds: int) -> dict[str, float]:
    """GB/s of one CPU: reading, and a = b + 3 c, of which 24 bytes an element count."""
    a, b, c = (np.ones(MEMORY // 8) for _ in range(3))
    read = [a.nbytes / seconds(lambda: loaded.read_memory(a, a.size), 1) / 1e9 for _ in range(rounds)]
    triad = [3 * a.nbytes / seconds(lambda: loaded.triad(a, b, c, a.size), 1) / 1e9 for _ in range(rounds)]
    return {"read": max(read), "triad": max(triad)}


def repetitions(call: Callable) -> int:
    call()
    return max(1, round(SECONDS / seconds(call, 1)))


def seconds(call: Callable, count: int) -> float:
    begin = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - begin) / count


def table(report: dict) -> str:
    peaks = ", ".join(f"{dtype} {p['gflops']:.0f} GFLOP/s ({p['isa']})" for dtype, p in report["peaks"].items())
    memory_ = ", ".join(f"{name} {value:.1f} GB/s" for name, value in report["memory"].items())
    lines = []
    for row in report["rows"]:
        cells = [f"{figures.three_digits(row[name])} ({100 * row[name] / row['peak']:.0f} %)" for name in OF_TABLE]
        lines.append(
            [
                row["dtype"],
                f"{row['width']} x {row['width']}",
                str(row["batch"]),
                *cells,
                figures.three_digits(row["forward_gbytes"]),
            ]
        )
    header = ["", "weights", "batch", "forward", "dX", "dW", "forward, GB/s"]
    head = f"GFLOP/s of one CPU, and their share of the peak. Peak of fused multiply-adds: {peaks}. Memory: {memory_}."
    return f"{head}\n\n{figures.markdown(header, lines)}"


if __name__ == "__main__":
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
