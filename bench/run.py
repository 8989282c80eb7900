"""Seconds per epoch of MNIST, beside others: README.md in this folder says what is compared and why it is fair.

    python bench/run.py [--threads 1 2] [--rounds N] [--only 784-100-10] [--peers torch_eager ...]

Prints a Markdown table and writes everything measured to results/.
"""

import argparse
import contextlib
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator

import mlpc
from mlpc import _mlpc

HERE = pathlib.Path(__file__).parent
CONTENDERS = {
    "mlpc_fit": "mlpc",
    "torch_eager": "PyTorch eager",
    "jax_scan": "JAX, jit and scan",
    "numpy_by_hand": "NumPy by hand",
    "sklearn_mlp": "scikit-learn",
}
NETWORKS = {"784-100-10": 9, "784-100-200-50-10": 7, "784-512-512-10": 3}  # rounds that count
TOLERANCE = 0.03  # a final loss this far above the best one voids a measurement
PACKAGES = ["numpy", "torch", "jax", "scikit-learn"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, help="measured epochs per network (default: by its size)")
    parser.add_argument("--only", choices=NETWORKS, nargs="+", default=list(NETWORKS))
    parser.add_argument("--peers", choices=list(CONTENDERS)[1:], nargs="*", default=list(CONTENDERS)[1:])
    options = parser.parse_args()
    try:
        mlpc.datasets.load_mnist()
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f"This benchmark trains on MNIST, which is not here. {error}")

    cpus = sorted(os.sched_getaffinity(0))
    rows = []
    for threads in options.threads:
        if threads > len(cpus):
            sys.exit(f"--threads {threads}: this process may use {len(cpus)} CPUs")
        for network in options.only:
            rounds = options.rounds or NETWORKS[network]
            row = measure(network, ["mlpc_fit", *options.peers], cpus[:threads], rounds)
            rows.append({"network": network, "threads": threads, "results": row})
            print(f"measured {network}, threads {threads}", file=sys.stderr)

    report = {"machine": machine(), "task": "MNIST, batch 64, SGD 0.1, float32", "rows": rows}
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    path = results / f"{datetime.datetime.now():%Y-%m-%d-%H%M%S}.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(table(rows, ["mlpc_fit", *options.peers]))
    print("\n" + ", ".join(f"{key} {value}" for key, value in report["machine"].items()))
    print(f"everything measured: {os.path.relpath(path)}")


def measure(network: str, names: list[str], cpus: list[int], rounds: int) -> dict[str, dict]:
    """One epoch each in turn, again and again; the first round warms up and does not count."""
    with contextlib.ExitStack() as stack:
        children = {name: stack.enter_context(contender(name, network, cpus)) for name in names}
        answers = {name: [] for name in names}
        for _ in range(rounds + 1):
            for name, child in children.items():
                answers[name].append(epoch(child, name))
    results = {}
    for name, epochs in answers.items():
        seconds = [answer["seconds"] for answer in epochs[1:]]
        results[name] = {"median": statistics.median(seconds), "seconds": seconds, "loss": epochs[-1]["loss"]}
    best = min(result["loss"] for result in results.values())
    for result in results.values():
        result["void"] = not result["loss"] <= (1 + TOLERANCE) * best
    return results


@contextlib.contextmanager
def contender(name: str, network: str, cpus: list[int]) -> Iterator[subprocess.Popen]:
    """The script of a contender as a process of its own, bound to these CPUs."""
    threads = str(len(cpus))
    variables = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MLPC_NUM_THREADS"]
    environment = os.environ | dict.fromkeys(variables, threads)
    command = ["taskset", "--cpu-list", ",".join(map(str, cpus))] if shutil.which("taskset") else []
    command += [sys.executable, str(HERE / "peers" / f"{name}.py"), network, threads]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.stdin.close()


def epoch(child: subprocess.Popen, name: str) -> dict:
    print(file=child.stdin, flush=True)
    answer = child.stdout.readline()
    if not answer:
        sys.exit(f"{name} ended; its message stands above")
    return json.loads(answer)


def table(rows: list[dict], names: list[str]) -> str:
    """Markdown: the median of each, its spread, and how many times mlpc's it is."""
    header = ["network", "threads", *(CONTENDERS[name] for name in names)]
    lines = [header, ["---"] * len(header)]
    for row in rows:
        cells = [cell(row["results"], name) for name in names]
        lines.append([row["network"], str(row["threads"]), *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(results: dict[str, dict], name: str) -> str:
    result, ours = results[name], results["mlpc_fit"]
    if result["void"]:
        return f"void: loss {result['loss']:.4f}"
    spread = (max(result["seconds"]) - min(result["seconds"])) / 2 / result["median"]
    text = f"{result['median']:.3f} s ± {100 * spread:.0f} %"
    return text if result is ours or ours["void"] else f"{text}, {result['median'] / ours['median']:.1f} x"


def machine() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {
        "CPU": cpu(),
        "CPUs": str(len(os.sched_getaffinity(0))),
        "mlpc": mlpc.__version__,
        "ISA": mlpc.cpu.active(),
        "compiler": _mlpc.compiler,
        "Python": platform.python_version(),
        **versions,
    }


def cpu() -> str:
    with contextlib.suppress(OSError):
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
