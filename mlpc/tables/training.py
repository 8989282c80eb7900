"""The training of a network on the rows of a table: in numbers near 1, which it takes into itself in the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpc.arguments import Array
from mlpc.losses import Huber, Loss
from mlpc.net import MLP
from mlpc.optim import Optimizer, OptimizerName
from mlpc.standardizing import standardize
from mlpc.tables.preparation import Prepared
from mlpc.tables.target import Target
from mlpc.warnings import LostDigitsWarning, warn

__all__ = ["AnyOptimizer", "train_scaled"]

AnyOptimizer: TypeAlias = OptimizerName | Callable[[MLP], Optimizer]
"""An optimizer by name, or what makes one for a network: ``lambda net: mlpc.optim.SGD(net, lr=0.1, momentum=0.9)``."""

_SCALED = ("mse", "mae", "huber", "quantile")  # of scaled targets they are the same losses, scaled
_DIGITS = 1e-3  # of a standard deviation: what rounding may move a value by


@dataclass(frozen=True, eq=False)
class Scaling:
    """The constants with which a training sees numbers near 1; categories are 0 and 1 as they are."""

    input_mean: NDArray[np.float64]
    input_std: NDArray[np.float64]
    output_mean: float = 0.0
    output_std: float = 1.0

    @staticmethod
    def of(data: Prepared, outputs: bool) -> Scaling:
        """Those of some rows; of the target, too, where `outputs`."""
        mean, std = standardize(data.x)
        numeric = data.encoding.numeric
        mean, std = np.where(numeric, mean, 0.0), np.where(numeric, std, 1.0)
        return Scaling(mean, std, *(standardize(data.y) if outputs else (0.0, 1.0)))

    def x(self, data: Prepared) -> NDArray[np.float64]:
        return np.asarray((data.x - self.input_mean) / self.input_std)

    def y(self, data: Prepared) -> Array:
        return (data.y - self.output_mean) / self.output_std if self.output_std != 1.0 or self.output_mean else data.y

    def arguments(self, outputs: bool) -> dict[str, Any]:
        """Those of `MLP.absorb`."""
        inputs = {"input_mean": self.input_mean, "input_std": self.input_std}
        return inputs | ({"output_mean": self.output_mean, "output_std": self.output_std} if outputs else {})


def train_scaled(
    net: MLP, data: Prepared, held: Prepared | None, *, class_weight: Any, optimizer: AnyOptimizer, **settings: Any
) -> None:
    """`MLP.fit` on standardised numbers, and `MLP.absorb`: the network takes and gives raw ones then.

    Raises
    ------
    TypeError, ValueError
        Where it cannot be trained, or could not take in the constants.
    """
    criterion = net.criterion
    outputs = criterion.name in _SCALED
    scaling = Scaling.of(data, outputs)
    _check_digits(data, scaling, net)
    net.copy().eval().absorb(**scaling.arguments(outputs))  # raises here what it would raise behind the training
    net.criterion = _scaled(criterion, scaling.output_std)
    net.fit(
        scaling.x(data), scaling.y(data), sample_weight=data.weights,
        class_weight=_class_weight(class_weight, data.target),
        validation_data=None if held is None else (scaling.x(held), scaling.y(held), held.weights),
        optimizer=optimizer if isinstance(optimizer, str) else optimizer(net), **settings,
    )  # fmt: skip
    net.criterion = criterion
    net.absorb(**scaling.arguments(outputs))


def _class_weight(given: Any, target: Target) -> Any:
    """Weights by label as weights by number."""
    if given is None or isinstance(given, str):
        return given
    if target.labels is None or not isinstance(given, Mapping):
        raise TypeError(f"class_weight: expected 'balanced', or weights by label of classes, got {given!r}")
    places = {label: place for place, label in enumerate(target.labels)}
    if strays := [label for label in given if label not in places]:
        raise ValueError(f"class_weight: expected labels among {target.labels}, got {strays[0]!r}")
    return {places[label]: weight for label, weight in given.items()}


def _scaled(criterion: Loss, std: float) -> Loss:
    """The loss that standardised targets have: `Huber`'s delta is a length, too."""
    return Huber(criterion.delta / std) if isinstance(criterion, Huber) else criterion


def _check_digits(data: Prepared, scaling: Scaling, net: MLP) -> None:
    """ValueError where a column is beyond the dtype, in which the network is to take raw values; or a warning."""
    limits = np.finfo(net.dtype)
    names = [*data.encoding.features, data.target.name]
    means = np.abs([*scaling.input_mean, scaling.output_mean])
    stds = np.array([*scaling.input_std, scaling.output_std])
    other = "" if net.dtype == np.float64 else ", or train in float64"
    beyond = (means > limits.max) | (stds < limits.tiny) | (stds > limits.max)
    lost = means / stds * float(limits.eps)
    worst = int(beyond.argmax() if beyond.any() else lost.argmax())
    got = f"got a mean of {means[worst]:.3g} with a deviation of {stds[worst]:.3g}"
    if beyond.any():
        raise ValueError(
            f"column {names[worst]!r}: expected values that {net.dtype} can hold, {got}; scale them{other}"
        )
    if lost[worst] > _DIGITS:
        warn(
            f"column {names[worst]!r}: expected values that {net.dtype} tells apart, {got}; subtract what they have in "
            f"common{other}",
            LostDigitsWarning,
        )
