"""What is trained: one row of the tables, and its name."""

import dataclasses
import itertools
from collections.abc import Iterator

NETWORKS = ("784-100-10", "784-100-200-50-10", "784-512-512-10")
INPUTS = ("mnist", "dense")
OPTIMIZERS = ("sgd", "adam")
BATCHES = (64, 16, 256)
THREADS = (1, 2)
DTYPES = ("float32", "float64")

# Low enough that all losses fall smoothly: where training is close to unstable, rounding alone moves a loss by more
# than the tolerance. Their size changes nothing about the time.
LEARNING_RATES = {("mnist", "sgd"): 0.1, ("dense", "sgd"): 0.01, ("mnist", "adam"): 1e-3, ("dense", "adam"): 1e-4}


@dataclasses.dataclass(frozen=True)
class Task:
    """A network, its data and its training.

    `input` is "mnist", the pixels in [0, 1], of which 81 % are 0, or "dense", the same standardised, so that none is.
    """

    network: str = NETWORKS[0]
    input: str = "mnist"
    optimizer: str = "sgd"
    batch: int = 64
    threads: int = 1
    dtype: str = "float32"
    samples: int = 60_000

    def __str__(self) -> str:
        return f"{self.network}/{self.input}/{self.optimizer}/b{self.batch}/t{self.threads}/{self.dtype}"

    @property
    def sizes(self) -> list[int]:
        return [int(size) for size in self.network.split("-")]

    @property
    def lr(self) -> float:
        return LEARNING_RATES[self.input, self.optimizer]


def all_tasks(samples: int) -> Iterator[Task]:
    """Every combination there is."""
    for values in itertools.product(NETWORKS, INPUTS, OPTIMIZERS, BATCHES, THREADS, DTYPES):
        yield Task(*values, samples)
