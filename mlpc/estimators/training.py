"""The training of an estimator, epoch by epoch: scikit-learn's rules of when it ends, and what is noted of it."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mlpc import _mlpc
from mlpc.callbacks.callback import Callbacks
from mlpc.callbacks.checkpoint import Checkpoint
from mlpc.csr import Input
from mlpc.estimators.epochs import Epochs, Part
from mlpc.history import History
from mlpc.progress import Progress

__all__ = ["Training", "divergence"]


class Training:
    """What `fit` loops over, and what callbacks are told of: see `mlpc.callbacks.Callback`.

    Parameters
    ----------
    estimator : Estimator
        Whose attributes tell of the training.
    epochs : Epochs
    held : Part or None
        Rows that are not trained on, but say how good it is.

    Attributes
    ----------
    net, optimizer : MLP, Optimizer
    history : History
        "loss", with `held` "val_loss" and "val_score", "lr", "seconds"; the estimator's `history_`.
    stopped, finished : bool
        As those of `mlpc.training.Run`.
    diverged : (int, float, float) or None
        The epoch in which a number stopped being finite, the loss, and the learning rate; all is as before it.
    """

    unit = "rows"

    def __init__(self, estimator: Any, epochs: Epochs, held: Part | None) -> None:
        self._estimator, self._epochs, self._held = estimator, epochs, held
        self.net, self.optimizer = epochs.objective.net, epochs.solver.optimizer
        self.history = estimator.history_ = History()
        self.columns = ["loss", *(["val_loss", "val_score"] if held is not None else []), "lr", "seconds"]
        self.stopped = self.finished = self._converged = False
        self.diverged: tuple[int, float, float] | None = None
        callbacks = list(estimator.callbacks or ())
        if any(isinstance(each, Checkpoint) for each in callbacks):
            raise ValueError("callbacks: expected no Checkpoint, which is of runs of `MLP.fit`; `network_.save` writes")
        self._callbacks = Callbacks(callbacks)
        if estimator.early_stopping != (getattr(estimator, "validation_scores_", None) is not None) or not hasattr(
            estimator, "loss_curve_"
        ):
            self._note_nothing()

    def _note_nothing(self) -> None:
        """Attributes of a training of which nothing is known yet."""
        of = self._estimator
        of.loss_curve_, of._no_improvement_count = getattr(of, "loss_curve_", []), 0
        of.validation_scores_, of.best_validation_score_ = ([], -math.inf) if of.early_stopping else (None, None)
        of.best_loss_ = None if of.early_stopping else math.inf

    def stop(self, *, resumable: bool = False) -> None:
        """Make the epoch that ends now the last one."""
        self.stopped = True

    def run(self, most: int, *, incremental: bool) -> None:
        """Train for up to so many epochs; of `incremental` ones nothing is said where that does not suffice.

        Warns
        -----
        ConvergenceWarning, UserWarning
            Where these epochs did not suffice; on Ctrl-C.
        """
        of = self._estimator
        of.n_iter_ = 0
        self._callbacks.begin(self)
        try:
            with Progress(most, len(self._epochs.part.x), of.progress) as bar:
                while of.n_iter_ < most and not self.stopped and not self._epoch(bar):
                    pass
            self.finished = True
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=5)
        finally:
            self._callbacks.end(self)
        if self.finished and of.n_iter_ == most and not incremental and not self._converged and not self.stopped:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({most}) reached and the optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=5,
            )

    def _epoch(self, bar: Progress) -> bool:
        """One epoch, and what is noted of it; whether scikit-learn's rules end the training with it."""
        of, start = self._estimator, time.perf_counter()
        try:
            loss = self._epochs.train(bar.tick)
        except _mlpc.DivergenceError as error:  # nothing has changed in this epoch: it is as if it were the last one
            loss = error.loss if not math.isfinite(error.loss) else math.nan
            self.diverged = of.n_iter_ + 1, loss, self._epochs.solver.optimizer.lr
            self.stop()
        of.loss_ = loss
        seconds = time.perf_counter() - start
        of.n_iter_ += 1
        of.t_ += len(self._epochs.part.x)
        of.loss_curve_.append(loss)
        if of.verbose:
            print(f"Iteration {of.n_iter_}, loss = {loss:.8f}")
        held = [] if self._held is None else self._measured(self._held)
        self._note(loss, held)
        rate = self._epochs.solver.rate
        self._epochs.solver.epoch_ends(of.t_)
        self.history.append(**dict(zip(self.columns, [loss, *held, rate, seconds], strict=True)))
        bar.epoch_done(of.n_iter_, loss=loss)
        self._callbacks.epoch_end(self)
        self._converged = of._no_improvement_count > of.n_iter_no_change and not self._goes_on()
        return self._converged

    def _measured(self, held: Part) -> list[float]:
        """Loss and score of the rows that are held back."""
        objective = self._epochs.objective
        z = np.concatenate([_mlpc.Net._logits(self.net, rows) for rows in held.x.pieces()])
        if not _mlpc.all_finite(z):
            return [math.nan, math.nan]
        with np.errstate(over="ignore", invalid="ignore"):
            loss = objective.of_outputs(z, held.y, held.weights)
            score = -loss if self._estimator.metric == "loss" else self._estimator._score_of(z, held)
        if self._estimator.early_stopping and math.isnan(score) and math.isfinite(loss):
            raise ValueError(
                f"early_stopping: expected rows held back that have a score, got nan of {len(held.x)} rows; R^2, for "
                "one, wants two of them"
            )
        if self._estimator.verbose and self._estimator.early_stopping:
            print(f"Validation score: {score:f}")
        return [loss, score]

    def _note(self, loss: float, held: list[float]) -> None:
        """Count the epochs that were not better than the best one by `tol`; keep the network of the best score."""
        of = self._estimator
        if of.early_stopping:
            score = held[-1]
            of.validation_scores_.append(score)
            worse = score < of.best_validation_score_ + of.tol
            if score > of.best_validation_score_:
                of.best_validation_score_, of._best = score, self.net.state_dict()
        else:
            worse = loss > of.best_loss_ - of.tol
            if loss < of.best_loss_:
                of.best_loss_ = loss
        of._no_improvement_count = of._no_improvement_count + 1 if worse else 0

    def _goes_on(self) -> bool:
        """Where nothing improves any more: whether a lower rate may help."""
        of, solver = self._estimator, self._epochs.solver
        lowered = solver.lowers_rate()
        if of.verbose:
            what = "Validation score" if of.early_stopping else "Training loss"
            why = f"{what} did not improve more than tol={of.tol:f} for {of.n_iter_no_change} consecutive epochs."
            end = f"Setting learning rate to {solver.learning_rate:f}" if lowered else "Stopping."
            print(why, f"Learning rate too small. {end}" if solver.adapts and not lowered else end)
        if lowered:
            of._no_improvement_count = 0
        return lowered

    def _batches_in_order(self) -> Iterator[Input]:
        """All rows of x, for statistics of batch norm."""
        return self._epochs.part.x.pieces(self._epochs.batch_size)


def divergence(diverged: tuple[int, float, float] | None) -> ValueError:
    """The error for weights that are not finite, in scikit-learn's words; see `Training.diverged`."""
    text = (
        "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
        "preprocessed."
    )
    if diverged is None:
        return ValueError(text)
    epoch, loss, rate = diverged
    error: Any = _mlpc.DivergenceError(
        f"{text} It began in epoch {epoch}, at learning rate {rate:g}: a smaller one may help."
    )
    error.epoch, error.loss, error.lr = epoch, loss, rate
    return error
