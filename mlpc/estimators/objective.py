r"""What an estimator minimises.

Of rows with weights s_i (1 without), whose sum is S, and the weights W of all linear layers, without biases:

    sum_i s_i l_i / S  +  alpha / (2 S) sum |W|^2  +  l1 / S sum |W|

where l_i is scikit-learn's loss of a row: half the squared error, half the deviance of Poisson's distribution, or the
negative logarithm of the probability; or one of `mlpc.losses`, the mean over its outputs.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from mlpc import _mlpc
from mlpc.arguments import Array
from mlpc.csr import Input
from mlpc.estimators.inputs import ROWS_AT_A_TIME
from mlpc.estimators.networks import linear_layers
from mlpc.losses import Loss
from mlpc.names import Reduction
from mlpc.net import MLP

__all__ = ["Objective"]

_FEW = 30  # batches, of which floats of Python take less time than arrays do: 0.4 us for each, not 10 to 15 for all


class Objective:
    """A loss and a penalty of one network, as a function of rows.

    Parameters
    ----------
    net : MLP
        The network whose parameters and gradients are meant.
    loss : Loss
        Which one it is, of the core's.
    factor : float
        What its l is multiplied by.
    reported : float
        What the value is multiplied by, and the derivatives are not: 1 over the number of outputs of squared error, of
        whose derivatives scikit-learn takes the sum and of whose values the mean.
    deviance : bool
        Whether the value has the terms that depend on targets alone: y log(y) - y.
    alpha, l1 : float
        Of the penalties, >= 0.
    """

    _reduction: ClassVar[Reduction] = "sum"

    def __init__(
        self, net: MLP, loss: Loss, factor: float, reported: float, deviance: bool, *, alpha: float, l1: float
    ) -> None:
        self.net, self.alpha, self.l1 = net, alpha, l1
        self._loss, self._spec = loss, loss.spec(self._reduction)
        self._factor, self._reported, self._deviance = factor, reported, deviance
        self._linear = [layer.weight.T for layer in linear_layers(net)]

    def targets(self, y: Array, weights: Array | None) -> Any:
        """What epochs of the core learn, whose loss of a batch is the value over what its rows weigh."""
        outputs = self.net.sizes[-1]
        name, _, setting, weight = self._spec
        multiplied = self._factor * (1 if self._loss.link == "softmax" else outputs)  # of the mean over elements
        spec = (name, multiplied, setting, weight)
        return _mlpc.Objective(y, spec, weights, self.net.dtype, outputs)

    def values(self, record: Array, factors: Array) -> Array:
        """Those of batches: of their losses, and of two sums over the weights, times factors of the penalties of each.

        A few as floats of Python, which take less time than arrays do.  They may overflow: rows may weigh next to
        nothing.
        """
        reported, decay, l1 = self._reported, 0.5 * float(self.alpha), float(self.l1)
        if len(factors) > _FEW:
            loss, squares, absolutes = record
            with np.errstate(over="ignore", invalid="ignore"):
                return loss * reported + (decay * squares + l1 * absolutes) * factors
        of_batches = zip(*record.tolist(), factors.tolist(), strict=True)
        return np.array([
            loss * reported + (decay * squares + l1 * absolutes) * factor
            for loss, squares, absolutes, factor in of_batches
        ])  # fmt: skip

    def of_targets(self, y: Array, weights: Array | None) -> Array | None:
        """The terms of each row that depend on its targets alone, by its weight; None where there are none."""
        if not self._deviance:
            return None
        alone = np.array([_mlpc.sum(row) for row in _of_targets_alone(y)])
        return (alone if weights is None else alone * weights) * (self._factor * self._reported)

    def total(self, y: Array, weights: Array | None) -> float:
        """What the rows weigh together."""
        return float(len(y)) if weights is None else _mlpc.sum(weights)

    def differentiate(
        self, x: Input, y: Array, weights: Array | None, total: float, *, accumulate: bool = False
    ) -> float:
        """The value of some rows' losses over `total`; their derivatives are the network's gradients then."""
        shares = self._shares(len(y), weights, total)
        value = _mlpc.Net.loss_and_grad(self.net, x, y, self._spec, shares, accumulate)
        return (value + self._of_targets(y, shares)) * self._reported

    def of_outputs(self, z: Array, y: Array, weights: Array | None) -> float:
        """The value of the losses of outputs, without penalties."""
        shares = self._shares(len(y), weights, self.total(y, weights))
        value, _ = _mlpc.loss(z, y, self._spec, shares, None)
        return (value + self._of_targets(y, shares)) * self._reported

    def _shares(self, n: int, weights: Array | None, total: float) -> Array:
        share = self._factor / total
        return np.full(n, share) if weights is None else weights * share

    def _of_targets(self, y: Array, shares: Array) -> float:
        return _mlpc.sum(_of_targets_alone(y) * shares[:, None]) if self._deviance else 0.0

    def sums_of_weights(self) -> tuple[float, float]:
        """|W|^2 and |W| of the weights as they are; 0 where that is multiplied by 0."""
        squares = (_mlpc.sum(np.square(weight, dtype=np.float64)) for weight in self._linear if self.alpha)
        absolutes = (_mlpc.sum(np.abs(weight)) for weight in self._linear if self.l1)
        return math.fsum(squares), math.fsum(absolutes)

    def penalty(self, total: float) -> float:
        """That of the weights as they are."""
        squares, absolutes = self.sums_of_weights()
        return 0.5 * self.alpha * squares / total + self.l1 * absolutes / total

    def add_penalty_gradient(self, total: float) -> None:
        """Add its derivatives to the network's gradients."""
        gradients = [layer.weight_grad.T for layer in linear_layers(self.net)]
        for gradient, weight in zip(gradients, self._linear, strict=True):
            gradient += weight * weight.dtype.type(self.alpha / total)
            if self.l1:
                gradient += np.sign(weight) * weight.dtype.type(self.l1 / total)

    def of_all(self, x: Any, y: Array, weights: Array | None) -> float:
        """The value of all rows, and its derivatives, penalty and all, as the network's gradients."""
        total = self.total(y, weights)
        values = []
        for start in range(0, len(y), ROWS_AT_A_TIME):
            rows = slice(start, start + ROWS_AT_A_TIME)
            some = None if weights is None else weights[rows]
            values.append(self.differentiate(x[rows], y[rows], some, total, accumulate=start > 0))
        self.add_penalty_gradient(total)
        return math.fsum(values) + self.penalty(total)


def _of_targets_alone(y: Array) -> Array:
    """y log(y) - y, with 0 log(0) = 0, by the core's own logarithm."""
    positive = np.where(y > 0, y, y.dtype.type(1))
    return (y * _mlpc.map("log", positive, None) - y).astype(np.float64)
