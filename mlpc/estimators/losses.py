"""scikit-learn's losses, and the core's, in terms of the core's."""

from __future__ import annotations

from typing import Any, NamedTuple

from mlpc.losses import LOSSES, MSE, CrossEntropy, Custom, Loss, Poisson, loss_named

__all__ = ["REGRESSION_LOSSES", "Form", "classification", "regression"]


class Form(NamedTuple):
    """How an objective is made of a loss of the core's: see `mlpc.estimators.objective.Objective`."""

    loss: Loss
    factor: float = 1.0
    reported: float = 1.0
    deviance: bool = False


REGRESSION_LOSSES = [name for name, kind in LOSSES.items() if not kind().classifies]
"""The core's, of which that of Poisson's distribution means scikit-learn's here."""


def regression(loss: Any, outputs: int) -> Form:
    """What `loss` of a regressor means.

    Raises
    ------
    ValueError
        Where it is one of classification.

    Examples
    --------
    >>> regression("squared_error", 2)
    Form(loss=MSE(), factor=0.5, reported=0.5, deviance=False)
    """
    if isinstance(loss, str) and loss == "squared_error":
        return Form(MSE(), factor=0.5, reported=1 / outputs)
    if isinstance(loss, str) and loss == "poisson":
        return Form(Poisson(), deviance=True)
    named = loss_named(loss)
    if named.classifies:
        raise ValueError(f"loss: expected one of regression, got {named}")
    return Form(named, factor=1.0 if isinstance(named, Custom) else 1 / outputs)


def classification(loss: Any, usual: Loss, outputs: int) -> Form:
    """What `loss` of a classifier means, whose classes want a loss of the kind of the `usual` one.

    Raises
    ------
    ValueError
        Where it is of another kind, or has weights of classes itself.

    Examples
    --------
    >>> classification("log_loss", CrossEntropy(), 3)
    Form(loss=CrossEntropy(label_smoothing=0.0, class_weight=None), factor=1.0, reported=1.0, deviance=False)
    """
    if isinstance(loss, str):
        return Form(usual)
    if type(loss) is not type(usual):
        raise ValueError(f"loss: expected 'log_loss' or {type(usual).__name__} for these classes, got {loss}")
    if isinstance(loss, CrossEntropy) and loss.class_weight is not None:
        raise ValueError("loss: expected one without weights of classes, which are the estimator's class_weight")
    return Form(loss, factor=1.0 if loss.link == "softmax" else 1 / outputs)
