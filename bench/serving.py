"""Rows per second that a frozen network answers to Python threads that ask at once, and in calls of how many rows."""

import threading
import time

import common
import figures
from task import INPUTS, Task

import mlpc

THREADS = (1, 8)
ROWS = (1, 100)
SECONDS = 0.5  # of calls in each round


def section(rounds: int) -> dict:
    return {"rows": [_measure(Task(input=input_), rows, rounds) for input_ in INPUTS for rows in ROWS]}


def _measure(task: Task, rows: int, rounds: int) -> dict:
    net = mlpc.MLP(task.sizes, "relu", dtype=task.dtype)
    for layer, (weight, bias) in zip(net.layers[::2], common.initial_weights(task), strict=True):
        layer.weight, layer.bias = weight, bias
    images = common.test_images(task)
    inputs = [images[i : i + rows] for i in range(0, min(100 * rows, images.shape[0]), rows)]
    predictor, before = net.freeze(), mlpc.get_num_threads()
    seconds = {threads: [] for threads in THREADS}
    mlpc.set_num_threads(1)  # what runs beside each other here are calls
    try:
        for round_ in range(rounds + 1):  # the first one fills caches
            for threads in THREADS:
                spent = 1 / _rows_per_second(predictor, inputs, rows, threads)
                if round_:
                    seconds[threads].append(spent)
    finally:
        mlpc.set_num_threads(before)
    results = {str(threads): figures.summary(times) for threads, times in seconds.items()}
    return {"network": task.network, "input": task.input, "rows": rows, "results": results}


def _rows_per_second(predictor: mlpc.Predictor, inputs: list, rows: int, threads: int) -> float:
    start, ends, calls = threading.Barrier(threads + 1), [], []

    def ask() -> None:
        start.wait()
        begin, done = time.perf_counter(), 0
        while time.perf_counter() - begin < SECONDS:
            for x in inputs:
                predictor.predict(x)
            done += len(inputs)
        ends.append(time.perf_counter())
        calls.append(done)

    workers = [threading.Thread(target=ask) for _ in range(threads)]
    for worker in workers:
        worker.start()
    start.wait()
    begin = time.perf_counter()
    for worker in workers:
        worker.join()
    return rows * sum(calls) / (max(ends) - begin)


def table(report: dict) -> str:
    rows = report["rows"]
    header = ["seconds per row", *(f"{row['input']}, {row['rows']} to a call" for row in rows)]
    lines = []
    for threads in map(str, THREADS):
        ratio = [None if threads == "1" else row["results"]["1"] for row in rows]
        cells = [figures.cell(row["results"][threads], of) for row, of in zip(rows, ratio, strict=True)]
        lines.append([f"{threads} thread{'s' if threads != '1' else ''}", *cells])
    return f"Network: {rows[0]['network']}; ratios to one thread\n\n" + figures.markdown(header, lines)
