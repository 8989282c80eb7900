"""Seconds per call of a trained network, from Python: for one image, and for 10,000."""

import contextlib

import figures
from contenders import INFERENCE, installed, start
from task import INPUTS, Task

ROWS = (1, 10_000)
SECONDS = 0.1  # of calls in each round
AGREEMENT = 0.999  # labels that must be ours: rounding may decide between two logits
SHORT_PEERS = ("torch", "torch_traced", "onnxruntime", "jax", "numpy", "sklearn")


def section(full: bool, peers: list[str] | None, rounds: int) -> dict:
    asked = peers if peers is not None else (INFERENCE if full else SHORT_PEERS)
    names = installed(INFERENCE, ["mlpc_frozen", "mlpc_predict", "mlpc_forward", *asked])
    return {"rows": [row for input_ in INPUTS for row in measure(Task(input=input_), names, rounds)]}


def measure(task: Task, names: list[str], rounds: int) -> list[dict]:
    with contextlib.ExitStack() as stack:
        processes = {name: stack.enter_context(start(INFERENCE[name], task)) for name in names}
        return [_measure(task, rows, processes, rounds) for rows in ROWS]


def _measure(task: Task, rows: int, processes: dict, rounds: int) -> dict:
    seconds = {name: [] for name in processes}
    labels = {}
    for round_ in range(rounds + 1):  # the first one compiles
        for name, process in processes.items():
            answer = process.ask(rows=rows, seconds=SECONDS)
            labels[name] = answer["labels"]
            if round_:
                seconds[name].append(answer["seconds"])
    results = {}
    for name, times in seconds.items():
        pairs = list(zip(labels[name], labels["mlpc_frozen"], strict=True))
        void = sum(a == b for a, b in pairs) < AGREEMENT * len(pairs)
        results[name] = {"label": INFERENCE[name].label, **figures.summary(times), "void": void}
    return {"network": task.network, "input": task.input, "rows": rows, "results": results}


def table(report: dict) -> str:
    rows = report["rows"]
    header = ["seconds per call", *(f"{row['rows']:,} of {row['input']}" for row in rows)]
    lines = []
    for name, result in rows[0]["results"].items():
        lines.append([result["label"], *(_cell(row["results"], name) for row in rows)])
    return f"Network: {rows[0]['network']}; ratios to the frozen one\n\n" + figures.markdown(header, lines)


def _cell(results: dict, name: str) -> str:
    if results[name]["void"]:
        return "void: other labels"
    return figures.cell(results[name], None if name.startswith("mlpc") else results["mlpc_frozen"])
