"""What all contenders share: the data, the initial weights, the order of the samples, and the conversation.

A contender is a script in peers/ that calls `serve`. It is started as ``python peers/NAME.py epochs VARIANT TASK``, the
task in JSON, and answers every line of JSON on its standard input with one on its standard output.
"""

import functools
import itertools
import json
import sys
import time
from collections.abc import Callable

import numpy as np
from task import DENSITY, Task

from mlpc import _mlpc, datasets

SEED = 0
MEAN, DEVIATION = 0.1307, 0.3081  # of all pixels of MNIST

# Adam's settings, which all contenders have by default
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8

SECONDS = 0.01  # of one measurement of a product, at least

Array = np.ndarray
Weights = list[tuple[Array, Array]]


def initial_weights(task: Task) -> Weights:
    """(weight (n_out, n_in), bias) of each layer, as PyTorch draws them: uniform in +-1/sqrt(n_in)."""
    rng = np.random.default_rng(SEED)

    def uniform(shape: tuple[int, ...], n_in: int) -> Array:
        return rng.uniform(-(n_in**-0.5), n_in**-0.5, shape).astype(task.dtype)

    return [(uniform((n_out, n_in), n_in), uniform((n_out,), n_in)) for n_in, n_out in itertools.pairwise(task.sizes)]


def training_data(task: Task) -> tuple[Array, Array]:
    """Inputs, and labels or, of one output, a column of targets."""
    if task.is_drawn:
        return _drawn_data(task)
    (x, y), _ = datasets.load_mnist()
    return _input(task, x[: task.samples]), y[: task.samples]


def test_images(task: Task) -> Array:
    _, (x, _) = datasets.load_mnist()
    return _input(task, x)


def _input(task: Task, x: Array) -> Array:
    if task.input == "dense":
        x = (x - np.float32(MEAN)) / np.float32(DEVIATION)
    return _stored(task, np.ascontiguousarray(x, task.dtype))


def _stored(task: Task, x: Array) -> Array:
    if task.is_sparse:
        from scipy.sparse import csr_array

        x = csr_array(x)
    return x


def _drawn_data(task: Task) -> tuple[Array, Array]:
    """What a linear layer says of the inputs is what is to be learned of them."""
    rng = np.random.default_rng(SEED)
    shape = task.samples, task.sizes[0]
    if task.input == "bytes":
        x = rng.integers(0, 256, shape, np.uint8)
    else:
        x = rng.standard_normal(shape, np.float32).astype(task.dtype)
    if task.input in ("zeros", "sparse"):
        x *= rng.random(shape, np.float32) < DENSITY
    z = x @ rng.standard_normal((task.sizes[0], task.sizes[-1]), np.float32)
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    return _stored(task, x), z.astype(task.dtype) if task.loss == "mse" else z.argmax(axis=1)


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
    products(task, variant, x, w, bias, dz)
        returns functions, which make so many calls: forward, dx and dw of a layer whose w is (n_in, n_out).
    limits(task, variant)
        returns the function that answers.
    """
    kind, variant, task = sys.argv[1], sys.argv[2], Task(**json.loads(sys.argv[3]))
    answers = {"epochs": _epochs, "fits": _fits, "inference": _inference, "products": _products, "limits": _limits}
    answer = answers[kind](kinds[kind], task, variant)
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


def _products(prepare: Callable, task: Task, variant: str) -> Callable:
    @functools.lru_cache(1)  # of one shape there are several rounds
    def counted(dtype: str, width: int, batch: int) -> dict[str, tuple]:
        rng = np.random.default_rng(SEED)
        x, dz = (rng.standard_normal((batch, width)).astype(dtype) for _ in range(2))
        w = rng.standard_normal((width, width)).astype(dtype)
        calls = prepare(task, variant, x, w, w[0].copy(), dz)
        return {name: (call, repetitions(call)) for name, call in calls.items()}

    def answer(dtype: str, width: int, batch: int) -> dict:
        """Seconds per product of a layer with as many inputs as outputs, by its name."""
        return {name: seconds(call, count) for name, (call, count) in counted(dtype, width, batch).items()}

    return answer


def _limits(prepare: Callable, task: Task, variant: str) -> Callable:
    return prepare(task, variant)


def repeated(call: Callable[[], object]) -> Callable[[int], None]:
    def run(count: int) -> None:
        for _ in range(count):
            call()

    return run


def repetitions(call: Callable[[int], object]) -> int:
    """How many calls take long enough to tell."""
    call(1)
    return max(1, round(SECONDS / seconds(call, 1)))


def seconds(call: Callable[[int], object], count: int) -> float:
    begin = time.perf_counter()
    call(count)
    return (time.perf_counter() - begin) / count
