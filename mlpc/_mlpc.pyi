"""The C extension.  Positional-only, no policy: names, defaults and conversions live in the Python modules above it.

Arrays are checked here: a wrong type, dtype, shape or layout is a TypeError or ValueError that names the argument, what
was expected and what came, and nothing has been changed.  `Real` is a float32 or float64 array; all arrays of one call
have one dtype.  Inputs of the functions may have any strides and any alignment (they are copied where they are not
C-contiguous); `out` must be writable, C-contiguous, of the right shape and dtype, and must not overlap an input.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Real: TypeAlias = NDArray[Any]
DType: TypeAlias = str | np.dtype[Any]
# name of a row of schedules(), lr, warmup, settings
Schedule: TypeAlias = tuple[str, float, float, tuple[float, ...]]
# name of a row of optimizers(), settings, (weight_decay, l1, clip_value, clip_norm, max_norm), factors of the learning
# rate and of decay for every tensor or None, three states or None, number of steps (1,) in float64 or None, and the
# learning rates of an epoch's steps, one for each or one for all, or None for a single step
Optimizer: TypeAlias = tuple[
    str, tuple[float, ...], tuple[float, float, float, float, float], Real | None, Real | None,
    tuple[Real | None, Real | None, Real | None], Real | None, Real | None,
]  # fmt: skip
# "relu", ..., or "leaky_relu" and "elu" with their setting; their names alone mean the standard one
Activation: TypeAlias = str | tuple[str, float]
# "batch" or "layer"; or a tuple of the name, eps and, of batch norm, momentum
Norm: TypeAlias = str | tuple[str, float] | tuple[str, float, float]
# name, reduction or what the mean is multiplied by, the loss's setting, its weight of the outputs ((k,) array-like, a
# number for all); None: as it is
Loss: TypeAlias = tuple[str, str | float, float | None, ArrayLike | None]

ARITHMETIC: int
MAX_THREADS: int  # the most that set_num_threads takes
build_hash: str  # SHA-256 over csrc when this module was built, see setup.py
compiler: str  # __VERSION__ and the optimisation level, for reports

class DivergenceError(ValueError):
    """Training met a logit, a loss, a gradient or a weight that is not finite."""

    loss: float
    lr: float

class InUseError(RuntimeError):
    """Another thread, or a call that called back, computes with the network."""

def kernels() -> dict[str, list[str]]: ...  # family of kernels.def -> names, in the table's order
def losses() -> dict[str, dict[str, Any]]: ...  # rows of losses.c: "link", "setting" (name, initial, least, most, open)

# and "weight", its name; the last two None where there is none
def optimizers() -> dict[str, dict[str, Any]]: ...  # rows of optimizers.c: "settings", each as above, "states", each

# (name, the setting that it needs or None), and whether it "counts" its steps
def schedules() -> dict[str, tuple[Any, ...]]: ...  # rows of schedules.c: settings
def initial_values() -> list[str]: ...  # names of mlpc_init
def isas() -> list[str]: ...  # that run here, slowest first, "reference" and "portable" among them
def active_isa() -> str: ...
def use_isa(name: str, /) -> None: ...  # ValueError that lists the possible ones
def cpu_features() -> dict[str, bool]: ...
def cpus() -> int: ...  # that affinity and quota leave to this process
def get_num_threads() -> int: ...
def set_num_threads(n: int, /) -> None: ...  # 1..MAX_THREADS, for the whole process
def limit_threads(n: int, /) -> None: ...  # 1..MAX_THREADS, for calls from the calling thread: at most so many
def give_way(whether: bool, /) -> None: ...  # to processes that keep the CPUs busy: calls keep to one thread then
def map(name: str, x: Real, out: Real | None, /) -> Real: ...
def norm_settings(norm: Norm | None, /) -> tuple[float, ...]: ...  # eps and, of batch norm, momentum, checked
def activation_setting(activation: Activation, /) -> tuple[str, float] | None: ...  # its name and value, checked
def activation_forward(activation: Activation, z: Real, out: Real | None, /) -> Real: ...
def activation_backward(activation: Activation, da: Real, z: Real, out: Real | None, /) -> Real: ...
def rowwise(name: str, z: Real, out: Real | None, /) -> Real: ...  # z (n, k)
def linear_forward(x: Real, weight: Real, bias: Real, out: Real | None, kernel: str = "linear_forward", /) -> Real: ...

# ^ weight (n_out, n_in); kernel: that one, "linear_forward_few" or, where weight is finite, "linear_forward_skip"
def linear_backward(dz: Real, x: Real, weight: Real, /) -> tuple[Real, Real, Real]: ...  # dx, dw (n_out, n_in), db
def layer_norm_forward(x: Real, gain: Real, shift: Real, eps: float, out: Real | None, /) -> Real: ...
def layer_norm_backward(dy: Real, x: Real, gain: Real, eps: float, /) -> tuple[Real, Real, Real]: ...
def batch_norm_forward(
    x: Real,
    gain: Real,
    shift: Real,
    running_mean: Real | None,
    running_var: Real | None,
    training: bool,
    momentum: float,
    eps: float,
    out: Real | None,
    /,
) -> Real: ...  # training writes into both of running_*, or they are None
def batch_norm_backward(
    dy: Real, x: Real, gain: Real, running_mean: Real | None, running_var: Real | None, training: bool, eps: float, /
) -> tuple[Real, Real, Real]: ...
def loss(
    z: Real, y: ArrayLike | Objective, loss: Loss | None, sample_weight: ArrayLike | None, out: Real | None, /
) -> tuple[float, Real]: ...
def sum(x: Real, /) -> float: ...  # of all elements in C order, in double (ARITHMETIC rule 5)
def add(y: Real, x: Real, /) -> None: ...  # y += x in place
def all_finite(x: Real, /) -> bool: ...
def count_zeros(x: Real, /) -> int: ...
def from_bytes(x: NDArray[np.uint8], scale: float, dtype: DType, /) -> Real: ...  # (real)x * (real)scale, rounded once
def dropout(x: Real, p: float, draws: tuple[int, int], layer: int, out: Real | None, /) -> Real: ...

# ^ x / (1 - p) where the mask of that layer's output (0: the input) keeps an element, else 0; draws: seed and t
def input_noise(x: Real, deviation: float, draws: tuple[int, int], out: Real | None, /) -> Real: ...

# ^ x + deviation * normal
def numbers(x: ArrayLike | CSR, scale: float | None, dtype: DType, /) -> Real: ...  # of any input, no copy where right
def as_real(name: str, x: ArrayLike, dtype: DType, /) -> Real: ...  # to nearest whatever the mode; no copy where right
def learning_rate(schedule: Schedule, t: float, /) -> float: ...
def learning_rates(schedule: Schedule, t0: float, steps: int, /) -> NDArray[np.float64]: ...
def philox(seed: int, stream: int, index: int, counter: int, /) -> tuple[int, int, int, int]: ...
def random_normal(seed: int, stream: int, index: int, n: int, /) -> NDArray[np.float64]: ...
def shuffle(n: int, seed: int, epoch: int, /) -> NDArray[np.int64]: ...

class Predictor:
    """A network that nothing changes any more, for any number of threads at once; every call releases the GIL."""

    def __new__(
        cls,
        sizes: Sequence[int],
        activations: Sequence[Activation],
        dtype: str,
        loss: str,
        parameters: ArrayLike,
        norms: Sequence[Norm | None] = ...,
        statistics: ArrayLike = ...,
        /,
    ) -> Predictor: ...
    # ^ norms: none; statistics: none, as Net's

    sizes: tuple[int, ...]
    activations: tuple[str, ...]  # of the hidden layers
    _blocks: tuple[Activation, ...]  # the same with their settings
    _norms: tuple[Norm | None, ...]  # theirs; a name alone means the usual settings
    dtype: np.dtype[Any]
    loss_name: str
    n_parameters: int

    def _predict(self, x: ArrayLike | CSR, output: str, scale: float | None, /) -> NDArray[Any]: ...
    # ^ as Net's, with the predictor's own loss
    def _copy_parameters(self) -> Real: ...
    def _copy_statistics(self) -> Real: ...

class CSR:
    """Rows without their zeros: stands for x (n, columns) of a network.

    Canonical: columns ascend within a row.  A number that is stored may be 0.  data of any real type and indices may be
    memory of the caller's; whatever is written there later, no index leads out of a row.
    """

    def __new__(cls, data: ArrayLike, indices: ArrayLike, indptr: ArrayLike, columns: int, /) -> CSR: ...
    def __len__(self) -> int: ...

    shape: tuple[int, int]
    data: Real  # (stored,), as the others each time a new read-only view
    indices: NDArray[np.int32]  # (stored,)
    indptr: NDArray[np.int64]  # (n + 1,)

@final
class Samples:
    """The rows that a training goes through.

    x (n, n_in) is converted to dtype or, where there is a scale, of uint8, each of which means (real)x * (real)scale.
    zeros: "skip", "multiply" or "choose", which skips where it pays.
    """

    def __new__(cls, x: ArrayLike | CSR, scale: float | None, dtype: DType, zeros: str, /) -> Samples: ...

    skip_zeros: bool

@final
class Objective:
    """What a training is to achieve: y, loss and weights, converted to dtype, checked for n_out logits, and copied.

    Stands for y where a network computes a loss, with None for loss and sample_weight: nothing is checked again.
    """

    def __new__(
        cls, y: ArrayLike, loss: Loss, sample_weight: ArrayLike | None, dtype: DType, n_out: int, /
    ) -> Objective: ...

class Net:
    """A network's plan, its parameters and gradients, and the memory of its latest forward.

    One thread at a time: a second one that calls in meets a RuntimeError.  Every method that computes releases the GIL
    for the whole call.  x of any real array-like is converted to the network's dtype, without a copy where it fits
    and lies in no memory that the call writes.
    """

    def __new__(
        cls, sizes: Sequence[int], activations: Sequence[Activation], dtype: str, dropout: Sequence[float] = ...,
        norms: Sequence[Norm | None] = ..., /, *args: Any, **kwargs: Any,
    ) -> Net: ...  # fmt: skip
    # ^ subclasses call super().__new__(cls, sizes, activations, dtype, dropout, norms): dropout of x and each hidden
    # layer, all 0 where it is left out; norms of each hidden layer, else none; parameters and gradients start at 0

    sizes: tuple[int, ...]
    activations: tuple[str, ...]  # names, of the hidden layers
    _blocks: tuple[Activation, ...]  # the same with settings
    _norms: tuple[Norm | None, ...]  # of the hidden layers; a name alone means the usual settings
    _statistics: Real  # layer by layer the running means and variances of batch norms, as parameters
    _batches: int  # that they have seen
    _dropout: tuple[float, ...]  # probabilities, of x and of each hidden layer
    training: bool  # whether forward and loss_and_grad are in train mode; at first they are
    _draws: tuple[int, int]  # seed and t of the next forward in train mode, of which each counts t up
    dtype: np.dtype[Any]
    n_parameters: int
    parameters: Real  # (n_parameters,): each time a new writable view that keeps the network's memory alive
    gradients: Real

    def _copy_numbers(self) -> tuple[Real, Real]: ...
    # ^ parameters and running statistics of one moment; RuntimeError where another thread computes with the network
    def _initialize(self, init: str, seed: int, /) -> None: ...
    def _views(self, layer: int, /) -> tuple[Real, Real, Real, Real]: ...
    # ^ of linear layer 0..L-1: weight (n_out, n_in), bias, weight_grad, bias_grad: writable views
    def _norm_views(self, layer: int, /) -> tuple[Real, ...]: ...
    # ^ of the norm behind linear layer l: gain, shift, gain_grad, shift_grad (n_out,), and of batch norm the running
    # mean and variance: writable views
    def _memory(self, layer: int, /) -> tuple[Real, Real, Real, Real, Real]: ...
    # ^ of linear layer l after a forward: its input (B, n_in), its output z (B, n_out), a = activation(z) (B, n_out; z
    # itself for the last layer), what is handed on of it, and what the activation is applied to, which is z without a
    # norm: read-only views; RuntimeError before the first forward
    def _latest_x(self) -> Real: ...  # x (B, n_in) of the latest forward, read-only; RuntimeError as above
    def forward(self, x: ArrayLike | CSR, out: Real | None = None, scale: float | None = None, /) -> Real: ...
    # ^ scale, here and below: of uint8 x, each element of which means (real)x * (real)scale
    def loss(self, y: ArrayLike | Objective, loss: Loss | None, sample_weight: ArrayLike | None, /) -> float: ...
    # ^ of the latest forward; remembers dz for backward.  RuntimeError before a forward
    def _remember(self, dz: Real, /) -> None: ...  # what a loss of somebody else's left of the latest forward
    def backward(self, dz: ArrayLike | None, accumulate: bool, /) -> Real: ...
    # ^ dz None: the derivative that the loss of the latest forward left; RuntimeError where there is none
    def loss_and_grad(
        self,
        x: ArrayLike | CSR,
        y: ArrayLike | Objective,
        loss: Loss | None,
        sample_weight: ArrayLike | None,
        accumulate: bool,
        /,
    ) -> float: ...
    # ^ forward, loss, backward in one call
    def _logits(self, x: ArrayLike | CSR, /) -> Real: ...  # as forward, but leaves what backward needs alone
    def _predict(self, x: ArrayLike | CSR, output: str, loss: str, scale: float | None, /) -> NDArray[Any]: ...
    # ^ the "logits", "prediction" or "probabilities" (mlpc_output in mlpc.h), leaves what backward needs alone
    def evaluate(
        self,
        x: ArrayLike | CSR,
        y: ArrayLike | Objective,
        loss: Loss | None,
        sample_weight: ArrayLike | None,
        scale: float | None = None,
        /,
    ) -> tuple[float, float]: ...
    # ^ (loss, accuracy; 0.0 for losses of regression), leaves what backward needs alone
    def _end_training(self) -> None: ...  # frees the memory that _train_epoch kept for the next epoch
    def _epoch_steps(self, n: int, batch_size: int, /) -> int: ...
    # ^ how many batches it has: with batch norm a last one of a single row joins the one before it
    def _fused(self, optimizer: Optimizer, batch_size: int, keep_gradients: bool, /) -> bool: ...
    # ^ whether the fused path carries such an epoch; otherwise it is computed one call after the other
    def _step(self, optimizer: Optimizer, lr: float, /) -> None: ...  # by the gradients as they are
    def zero_grad(self) -> None: ...
    def _train_epoch(
        self,
        x: Samples | ArrayLike | CSR,
        y: ArrayLike | Objective,
        loss: Loss | None,
        sample_weight: ArrayLike | None,
        optimizer: Optimizer,
        batch_size: int,
        shuffle: bool,
        seed: int,
        epoch: int,
        keep_gradients: bool,
        tick: Callable[[int], object] | None,
        draws: tuple[int, int] = (0, 0),
        noise: float = 0.0,
        given: tuple[ArrayLike | None, ArrayLike] | None = None,
        /,
    ) -> tuple[Any, ...]: ...
    # ^ (loss, accuracy, lr of the last step); with `given`, the order of the rows, None for as they lie, and factors
    # of the penalties in each step, also what was noted of the steps, (3, steps): loss, sum |W|^2, sum |W| before it.
    # DivergenceError and KeyboardInterrupt as in mlpc.h.  tick(rows) is called with the GIL every 50 ms or so; an
    # exception from it ends the epoch after the last whole batch.
