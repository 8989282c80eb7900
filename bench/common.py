"""What all contenders share: the task, the data, the initial weights, the order of the samples, and the conversation.

A contender is a script in peers/ that calls `serve`. It is started as ``python peers/NAME.py 784-100-10 1`` (units,
threads), and then answers every line on its standard input with one epoch of training and a line of JSON.
"""

import itertools
import json
import sys
import time
from collections.abc import Callable

import numpy as np

from mlpc import _mlpc, datasets

BATCH = 64
LR = 0.1
SEED = 0

Weights = list[tuple[np.ndarray, np.ndarray]]


def initial_weights(sizes: list[int]) -> Weights:
    """(weight (n_out, n_in), bias) of each layer, float32, as PyTorch draws them: uniform in +-1/sqrt(n_in)."""
    rng = np.random.default_rng(SEED)
    return [
        (_uniform(rng, (n_out, n_in), n_in), _uniform(rng, (n_out,), n_in)) for n_in, n_out in itertools.pairwise(sizes)
    ]


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], n_in: int) -> np.ndarray:
    return rng.uniform(-(n_in**-0.5), n_in**-0.5, shape).astype(np.float32)


def order(n: int, epoch: int) -> np.ndarray:
    """The permutation in which `mlpc` takes the samples of this epoch; all others take it too."""
    return _mlpc.shuffle(n, SEED, epoch)


def serve(prepare: Callable[..., Callable[[np.ndarray], float]]) -> None:
    """Answer the requests of run.py.

    `prepare(x, y, weights, threads)` does what is done once, and returns the function that trains for one epoch, the
    samples in the order given, and returns the mean training loss over it.
    """
    sizes, threads = [int(size) for size in sys.argv[1].split("-")], int(sys.argv[2])
    (x, y), _ = datasets.load_mnist()
    train = prepare(x, y, initial_weights(sizes), threads)
    for epoch, _ in enumerate(sys.stdin):
        samples = order(len(y), epoch)
        start = time.perf_counter()
        loss = train(samples)
        print(json.dumps({"seconds": time.perf_counter() - start, "loss": float(loss)}), flush=True)
