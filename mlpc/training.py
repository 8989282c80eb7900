"""Training: epochs over a set of data, one call of the extension each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from numpy.typing import ArrayLike

from mlpc.arguments import whole_number
from mlpc.batches import batches
from mlpc.callbacks.callback import Callback
from mlpc.callbacks.checkpoint import Checkpoint
from mlpc.callbacks.time_budget import TimeBudget
from mlpc.class_weights import ClassWeight
from mlpc.csr import InputLike
from mlpc.early_help import EarlyHelp
from mlpc.files import file_path
from mlpc.history import History
from mlpc.lbfgs import LBFGS, NO_STATE
from mlpc.losses import AnyLoss
from mlpc.metrics import AnyMetric
from mlpc.network import N
from mlpc.optim import Optimizer, OptimizerName
from mlpc.progress import Progress
from mlpc.run import Run
from mlpc.run_file import read_run
from mlpc.schedules import Rate
from mlpc.validation import ValidationData

__all__ = ["Run", "batches", "fit"]


def fit(
    net: N,
    x: InputLike | Iterable[Any],
    y: ArrayLike | None = None,
    *,
    loss: AnyLoss | None = None,
    epochs: int = 10,
    batch_size: int = 64,
    optimizer: OptimizerName | Optimizer = "sgd",
    lr: Rate | None = None,
    validation_data: ValidationData | None = None,
    validation_split: float | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    progress: bool = True,
    callbacks: Iterable[Callback | Callable[[N, History], object]] = (),
    metrics: Iterable[AnyMetric] = (),
    sample_weight: ArrayLike | None = None,
    class_weight: ClassWeight | None = None,
    scale: float | None = None,
    input_noise: float = 0.0,
    accumulate_batches: int = 1,
    steps_per_epoch: int | None = None,
    keep_gradients: bool = False,
    max_seconds: float | None = None,
    resume: str | os.PathLike[str] | None = None,
) -> History:
    """Train the network: stochastic gradient descent on batches, by the network's loss.

    A loop over the epochs of a `mlpc.training.Run`, which can be had one by one.  Equal, to the bit, to a loop over
    `batches`, `loss_and_grad` in train mode and the optimizer's `step`, whatever the number of threads
    (`mlpc.set_num_threads`).  It leaves the network in eval mode, as whoever uses it wants it: see `MLP.train`.

    Parameters
    ----------
    x : array-like or sparse matrix, (n, n_in)
        Finite.  Converted once to the network's dtype, but for uint8 with a `scale`.  Not to be changed before `fit`
        returns.  uint8 without a `scale` trains on the numbers 0 to 255, with a warning.
        Of SciPy's sparse matrices CSR is taken as it is, others by their ``tocsr``; none becomes an array.
        Where half of it or more is zero, zeros are skipped; `History.zeros` says so.  A memory-mapped array in that
        dtype, or of bytes with a scale, is read where it lies, and never copied; then zeros are multiplied.
        Of a table whose columns have names, like a frame of pandas', the network keeps these, and everything that it is
        given later must have the same, in the same order: see `MLP.feature_names`.  Arrays have no names to check.
        Or, without `y`, an iterable of batches (x, y): a generator, a DataLoader of PyTorch's.  What can be iterated
        over again is begun anew in every epoch, an iterator goes on where it is; `batch_size` and `shuffle` say nothing
        then.
    y : array-like
        As in `MLP.loss`.
    loss : str, Loss or callable, optional
        A loss by its name, an object of `mlpc.losses`, or a function of your own, ``function(z, y) -> (loss, dz)``
        (`mlpc.losses.Custom`), instead of the network's own.
    epochs : int
        How many times to go through the data, >= 0.
    batch_size : int
        Rows per batch, >= 1; the last batch of an epoch may be short.
    optimizer : str or Optimizer
        A name ("sgd", "adam", "adamw", "rmsprop", "adagrad", "rprop") means fresh state.  An object continues where it
        is: ``fit(epochs=5)`` twice with one optimizer equals ``fit(epochs=10)``.
    lr : float or callable, optional
        The learning rate for an optimizer given by name, or what gives it for a time in epochs: a schedule from
        `mlpc.schedules`, any callable.  Where left out, the optimizer's own: 0.1 for SGD, 0.001 for Adam and AdamW,
        0.01 for the others.
    validation_data : (x, y) or (x, y, sample_weight), optional
        Evaluated after every epoch, with the same loss and class weights.
    validation_split : float, optional
        In (0, 1): that share of the rows is not trained on, but is the validation data, with its sample weights.  Drawn
        by the network's seed, of equally many rows always the same; of labels, every class has its share in both parts.
    shuffle : bool
        Whether every epoch goes through the rows in an order of its own.
    seed : int or None
        Of the shuffles, of dropout's masks and of the noise.  None continues the network's streams; a number starts
        those of that seed.
    progress : bool
        Show a bar, where tqdm is installed and standard error is a terminal or a notebook.
    callbacks : iterable of Callback or callable
        Objects of `mlpc.callbacks`, such as ``EarlyStopping("val_loss", patience=10)``; or functions, each of which is
        called as ``callback(net, history)`` after every epoch, with the network's arrays current.  Where one returns
        ``True``, training ends when all have been called; nothing else that is returned ends it.
    metrics : list of str, callable or Metric
        Columns of the history: ``["f1", "top_5"]``, functions of (y_true, y_pred), and what `mlpc.metrics` has besides.
        Each is computed after every epoch, with the sample weights where it takes them; of the validation data as
        "val_f1", and as "f1" of the training data, for which the network goes through them once more.
    sample_weight : array-like, (n,), optional
        Finite, >= 0, not all 0.  A batch whose weights are all 0 takes no step.
    class_weight : array-like, (n_out,), dict, or "balanced", optional
        For cross_entropy: a weight of each class; those of some classes, the others weigh 1; or n / (n_out * rows of
        the class), not with an iterable of batches.
    scale : float, optional
        Of uint8 `x`, also of the validation data, as images are kept: each element counts as ``x * scale``, rounded
        once; without it, as the number that it is.  Bytes are never converted all at once.
    input_noise : float
        The standard deviation of normal noise that is added to `x` in each step, before dropout: see
        `mlpc.ops.input_noise`.
    accumulate_batches : int
        How many batches make a step, >= 1: that of the mean loss over all their rows, each with its weight.  The last
        step of an epoch is made from the batches that are left.
    steps_per_epoch : int, optional
        Of an iterable of batches: how many make an epoch.  Where left out, as many as it has, by its length, which an
        iterator lacks.
    keep_gradients : bool
        Leave the last step's gradient of the mean loss in `net.gradients`, which is neither read nor written otherwise.
        An epoch takes longer then.
    max_seconds : float, optional
        No epoch is begun that might not be done in time: see `mlpc.callbacks.TimeBudget`.
    resume : str or path-like, optional
        A file that ends in ".npz" or ".safetensors".  Where it is there, the training goes on where the file was
        written, with the bits of one that was never interrupted; `epochs` counts from the very beginning.  Where it is
        not, the training starts.  Either way the file is written after every epoch: see `mlpc.callbacks.Checkpoint`,
        which does so otherwise where `callbacks` has one of this path.

    Returns
    -------
    History
        One row per epoch; also `net.history`, which is current in callbacks and after errors and interrupts.

    Raises
    ------
    TypeError, ValueError
        Where an argument is not as above, or the file of `resume` is damaged, or of a run of other data, another
        network or another optimizer.  All are checked, validation data too, before anything changes.
    DivergenceError
        Where a number of the training is not finite.  The parameters, the optimizer and the stream of shuffles are as
        after the last epoch that was.
    KeyboardInterrupt
        On Ctrl-C, within a second.  The parameters and the optimizer's state are as after the last whole batch; the
        interrupted epoch does not count, neither for the optimizer's clock nor for the stream of shuffles.  (One that
        is interrupted in its validation does; the history lacks it.)

    Warns
    -----
    TrainingWarning
        In the first `fit` of a network, of what usually goes wrong: see `mlpc.warnings`, where each has a category.

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> net = mlpc.MLP([2, 1], loss="mse", init="zeros")
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> history = net.fit(x, x @ [[2.0], [-1.0]], epochs=100, batch_size=1, lr=0.2)
    >>> history.epochs, bool(history["loss"][-1] < 1e-6), history.zeros
    (100, True, 'multiplied')
    """
    epochs = whole_number("epochs", epochs)
    path = None if resume is None else file_path("resume", resume)
    if path is not None and isinstance(optimizer, LBFGS):
        raise ValueError(f"resume: {NO_STATE}")
    if hasattr(callbacks, "__iter__"):  # otherwise the run says what is wrong
        callbacks = [*callbacks]
        if epochs and y is not None and net.history is None:
            callbacks.insert(0, EarlyHelp(x, y, epochs))
        if max_seconds is not None:
            callbacks.append(TimeBudget(max_seconds))
        own = [os.path.realpath(each.path) for each in callbacks if isinstance(each, Checkpoint)]
        if path is not None and os.path.realpath(path) not in own:
            callbacks.append(Checkpoint(path))
    run = Run(
        net, x, y, loss=loss, batch_size=batch_size, optimizer=optimizer, lr=lr, validation_data=validation_data,
        validation_split=validation_split, shuffle=shuffle, seed=seed, sample_weight=sample_weight,
        class_weight=class_weight, scale=scale, input_noise=input_noise, accumulate_batches=accumulate_batches,
        steps_per_epoch=steps_per_epoch, keep_gradients=keep_gradients, metrics=metrics, callbacks=callbacks,
    )  # fmt: skip
    state = read_run(path, "resume") if path is not None and os.path.exists(path) else None
    with run, Progress(epochs, run.rows, progress, run.unit) as bar:
        if state is not None:
            run.load_state_dict(state)
            bar.epoch_done(run.history.epochs)
        while run.history.epochs < epochs and not run.stopped:
            row = run.epoch(bar.tick)
            bar.epoch_done(
                run.history.epochs, **{key: value for key, value in row.items() if key not in ("lr", "seconds")}
            )
    net.history, net.training = run.history, False
    return run.history
