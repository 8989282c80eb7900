"""What is trained: one row of the tables, and its name."""

import dataclasses
import itertools
import re
from collections.abc import Iterator

NETWORKS = ("784-100-10", "784-100-200-50-10", "784-512-512-10")
INPUTS = ("mnist", "dense")
OPTIMIZERS = ("sgd", "adam")
BATCHES = (64, 16, 256)
THREADS = (1, 2)
DTYPES = ("float32", "float64")
# Each by itself, beside a plain row: what a network or its step may have besides, and one more optimizer.
EXTRAS = ("dropout", "input_dropout", "layer_norm", "batch_norm", "clip_norm")
MORE_OPTIMIZERS = ("rmsprop",)
MORE_INPUTS = ("csr",)
# Those of examples/mnist_recipe.py, with batches of 100 and AdamW.
RECIPE_NETWORK, RECIPES = "784-800-800-10", ("dropout_recipe", "norm_recipe")
# What networks of other sizes than MNIST's take; shapes.py draws them.
DRAWN_INPUTS = ("normal", "zeros", "sparse", "bytes")
DENSITY = 0.1  # of "zeros" and "sparse": the share that is not 0
ACTIVATIONS = (
    "relu", "tanh", "gelu", "sigmoid", "silu", "softplus", "elu", "leaky_relu", "mish", "selu", "relu6", "hardtanh",
    "identity",
)  # fmt: skip
COUNT = r"[1-9]\d*"
NAME = (
    rf"(?P<network>{COUNT}(?:-{COUNT})+)(?:\+(?P<activation>{'|'.join(ACTIVATIONS)}))?"
    rf"/(?P<input>{'|'.join(DRAWN_INPUTS)})/(?P<optimizer>{'|'.join(OPTIMIZERS)})/b(?P<batch>{COUNT})"
    rf"/t(?P<threads>{COUNT})/(?P<dtype>{'|'.join(DTYPES)})"
)

# Low enough that all losses fall smoothly: where training is close to unstable, rounding alone moves a loss by more
# than the tolerance. Their size changes nothing about the time.
LEARNING_RATES = {
    ("mnist", "sgd"): 0.1,
    ("dense", "sgd"): 0.01,
    ("mnist", "adam"): 1e-3,
    ("dense", "adam"): 1e-4,
    ("mnist", "adamw"): 1e-3,
    ("mnist", "rmsprop"): 3e-4,
    ("csr", "sgd"): 0.1,
}
RATES_OF_WIDEST = {"sgd": 0.5, "adam": 0.1}  # of drawn inputs, times the width of the widest layer


@dataclasses.dataclass(frozen=True)
class Task:
    """A network, its data and its training.

    `input` is "mnist", the pixels in [0, 1], of which 81 % are 0; "dense", the same standardised, so that none is;
    "csr", those of "mnist" as a sparse matrix of SciPy's; or drawn at random: "normal" numbers; "zeros", the same with
    nine in ten set to 0; "sparse", those as a sparse matrix; "bytes", which training scales to [0, 1].
    `extra` is nothing; one of `EXTRAS`: dropout of the hidden units or of the input, a norm before each activation,
    gradients clipped by the norm of all; or one of `RECIPES`.
    The loss is cross-entropy; of one output, the mean squared error.
    """

    network: str = NETWORKS[0]
    input: str = "mnist"
    optimizer: str = "sgd"
    batch: int = 64
    threads: int = 1
    dtype: str = "float32"
    samples: int = 60_000
    extra: str = ""
    activation: str = "relu"

    def __str__(self) -> str:
        extra = f"+{self.extra}" if self.extra else ""
        extra += f"+{self.activation}" if self.activation != "relu" else ""
        return f"{self.network}{extra}/{self.input}/{self.optimizer}/b{self.batch}/t{self.threads}/{self.dtype}"

    @classmethod
    def named(cls, name: str) -> "Task | None":
        """What `str` calls so, if its input is one of `DRAWN_INPUTS`; the name does not say how many samples."""
        found = re.fullmatch(NAME, name)
        if not found:
            return None
        of = found.groupdict()
        numbers = {"batch": int(of.pop("batch")), "threads": int(of.pop("threads"))}
        return cls(**{key: value for key, value in of.items() if value}, **numbers)

    @property
    def sizes(self) -> list[int]:
        return [int(size) for size in self.network.split("-")]

    @property
    def loss(self) -> str:
        return "mse" if self.sizes[-1] == 1 else "cross_entropy"

    @property
    def lr(self) -> float:
        if self.is_drawn:
            return RATES_OF_WIDEST[self.optimizer] / max(self.sizes)
        return LEARNING_RATES[self.input, self.optimizer]

    @property
    def scale(self) -> float | None:
        """What inputs are multiplied by, batch by batch."""
        return 1 / 255 if self.input == "bytes" else None

    @property
    def dropout(self) -> list[float]:
        """Of each hidden layer."""
        if self.extra == "norm_recipe":
            return [0.3, 0.5]
        return [0.5 if self.extra in ("dropout", "dropout_recipe") else 0.0] * (len(self.sizes) - 2)

    @property
    def input_dropout(self) -> float:
        return 0.2 if self.extra in ("input_dropout", "dropout_recipe") else 0.0

    @property
    def input_noise(self) -> float:
        return 0.3 if self.extra == "norm_recipe" else 0.0

    @property
    def norm(self) -> str | None:
        return {"layer_norm": "layer", "batch_norm": "batch", "norm_recipe": "batch"}.get(self.extra)

    @property
    def clip_norm(self) -> float | None:
        return 1.0 if self.extra == "clip_norm" else None

    @property
    def is_drawn(self) -> bool:
        return self.input in DRAWN_INPUTS

    @property
    def is_sparse(self) -> bool:
        """Whether its input is a sparse matrix."""
        return self.input in ("csr", "sparse")

    @property
    def is_plain(self) -> bool:
        """Whether all contenders can do it."""
        return not self.extra and self.optimizer in OPTIMIZERS and self.input in INPUTS


def all_tasks(samples: int) -> Iterator[Task]:
    """Every combination of what all contenders can do, and what only some can do, each by itself."""
    for values in itertools.product(NETWORKS, INPUTS, OPTIMIZERS, BATCHES, THREADS, DTYPES):
        yield Task(*values, samples)
    for network, threads in itertools.product(NETWORKS, THREADS):
        for extra in EXTRAS:
            yield Task(network, threads=threads, samples=samples, extra=extra)
        for optimizer in MORE_OPTIMIZERS:
            yield Task(network, optimizer=optimizer, threads=threads, samples=samples)
        for input_ in MORE_INPUTS:
            yield Task(network, input=input_, threads=threads, samples=samples)
    for recipe, threads in itertools.product(RECIPES, THREADS):
        yield Task(RECIPE_NETWORK, optimizer="adamw", batch=100, threads=threads, samples=samples, extra=recipe)
