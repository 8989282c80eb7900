"""What all contenders share: the data, the initial weights, the order of the samples, and the conversation.

A contender is a script in peers/ that calls `serve`. It is started as ``python peers/NAME.py epochs VARIANT TASK``, the
task in JSON, and answers every line of JSON on its standard input with one on its standard output.
"""

import itertools
import json
import sys
import time
from collections.abc import Callable

import numpy as np
from task import Task

from mlpc import _mlpc, datasets

SEED = 0
MEAN, DEVIATION = 0.1307, 0.3081  # of all pixels of MNIST

# Adam's settings, which all contenders have by default
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8

Array = np.ndarray
Weights = list[tuple[Array, Array]]


def initial_weights(task: Task) -> Weights:
    """(weight (n_out, n_in), bias) of each layer, as PyTorch draws them: uniform in +-1/sqrt(n_in)."""
    rng = np.random.default_rng(SEED)

    def uniform(shape: tuple[int, ...], n_in: int) -> Array:
        return rng.uniform(-(n_in**-0.5), n_in**-0.5, shape).astype(task.dtype)

    return [(uniform((n_out, n_in), n_in), uniform((n_out,), n_in)) for n_in, n_out in itertools.pairwise(task.sizes)]


def training_data(task: Task) -> tuple[Array, Array]:
    (x, y), _ = datasets.load_mnist()
    return _input(task, x[: task.samples]), y[: task.samples]


def test_images(task: Task) -> Array:
    _, (x, _) = datasets.load_mnist()
    return _input(task, x)


def _input(task: Task, x: Array) -> Array:
    if task.input == "dense":
        x = (x - np.float32(MEAN)) / np.float32(DEVIATION)
    x = np.ascontiguousarray(x, task.dtype)
    if task.input == "csr":
        from scipy.sparse import csr_array

        x = csr_array(x)
    return x


def order(n: int, epoch: int) -> Array:
    """The permutation in which `mlpc` takes the samples of this epoch; all others take it too."""
    return _mlpc.shuffle(n, SEED, epoch)


def serve(**kinds: Callable) -> None:
    """Answer the requests of the benchmark: the first argument names the kind of work, and so the function.

    epochs(task, variant, x, y, weights)
        returns a function that trains for one epoch, the samples in the order given, and returns its mean loss.
    fits(task, variant, x, y, weights)
        returns a function that makes a new network and returns one that trains it for so many epochs and returns their
        losses.
    inference(task, variant, weights)
        returns a function from images to their logits or labels.
    """
    kind, variant, task = sys.argv[1], sys.argv[2], Task(**json.loads(sys.argv[3]))
    answer = {"epochs": _epochs, "fits": _fits, "inference": _inference}[kind](kinds[kind], task, variant)
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), flush=True)


def _epochs(prepare: Callable, task: Task, variant: str) -> Callable:
    x, y = training_data(task)
    train = prepare(task, variant, x, y, initial_weights(task))
    numbers = itertools.count()

    def answer(epochs: int) -> dict:
        orders = [order(len(y), next(numbers)) for _ in range(epochs)]
        start = time.perf_counter()
        losses = [train(samples) for samples in orders]
        return {"seconds": time.perf_counter() - start, "losses": [float(loss) for loss in losses]}

    return answer


def _fits(prepare: Callable, task: Task, variant: str) -> Callable:
    x, y = training_data(task)
    new = prepare(task, variant, x, y, initial_weights(task))

    def answer(epochs: int) -> dict:
        fit = new()
        start = time.perf_counter()
        losses = fit(epochs)
        return {"seconds": time.perf_counter() - start, "losses": [float(loss) for loss in losses]}

    return answer


def _inference(prepare: Callable, task: Task, variant: str) -> Callable:
    images = test_images(task)
    forward = prepare(task, variant, initial_weights(task))

    def answer(rows: int, seconds: float) -> dict:
        """Seconds per call over so many seconds: one row is another one in every call."""
        inputs = [images[i : i + rows] for i in range(0, min(100 * rows, len(images)), rows)]
        labels = np.concatenate([_labels(forward(x)) for x in inputs])
        calls, begin = 0, time.perf_counter()
        while (spent := time.perf_counter() - begin) < seconds:
            for x in inputs:
                forward(x)
            calls += len(inputs)
        return {"seconds": spent / calls, "labels": labels.tolist()}

    return answer


def _labels(output: Array) -> Array:
    output = np.asarray(output)
    return output if output.ndim == 1 else output.argmax(axis=1)
