"""What all losses share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from mlpc import _mlpc
from mlpc.arguments import Array, real_array
from mlpc.class_weights import ClassWeight, class_weights
from mlpc.csr import Input
from mlpc.names import Reduction
from mlpc.settings import checked

__all__ = ["Loss"]

_ROWS = _mlpc.losses()


@dataclass(frozen=True)
class Loss:
    """What all losses share.  The settings of a loss are its arguments and its attributes.

    Attributes
    ----------
    name : str
        What the loss is called where a name is enough.
    link : {"none", "softmax", "sigmoid", "exp"}
        How an output becomes a prediction: as it is, as the probabilities of classes, as a probability of its own, as
        the logarithm of a rate.
    """

    name: ClassVar[str]

    def __post_init__(self) -> None:
        row = _ROWS[self.name]
        if row["setting"] is not None:
            name = row["setting"][0]
            object.__setattr__(self, name, checked(row["setting"], getattr(self, name)))
        if row["weight"] is not None:
            object.__setattr__(self, row["weight"], _weight(row["weight"], getattr(self, row["weight"])))

    @property
    def link(self) -> str:
        return _ROWS[self.name]["link"]

    def __str__(self) -> str:
        """The name, or the object where settings are not those of the name."""
        return self.name if self == type(self)() else repr(self)

    @property
    def predicts_as(self) -> str:
        """The name of the loss of the core that makes the same predictions of the same outputs."""
        return self.name

    @property
    def text(self) -> str:
        """As a program would write it."""
        return repr(str(self)) if str(self) == self.name else f"mlpc.losses.{self!r}"

    @property
    def classifies(self) -> bool:
        """Whether its networks decide between classes, and so have an accuracy."""
        return self.link in ("softmax", "sigmoid")

    @property
    def kinks(self) -> tuple[float, ...]:
        """Where l is not smooth, as a function of z - y."""
        return ()

    def __call__(
        self, z: Array, y: ArrayLike, *, sample_weight: ArrayLike | None = None, reduction: Reduction = "mean"
    ) -> tuple[float, Array]:
        """The loss of z, and its derivative by z: see the function of the same name."""
        if sample_weight is not None:
            sample_weight = real_array("sample_weight", sample_weight)
        return _mlpc.loss(real_array("z", z), real_array("y", y), self.spec(reduction), sample_weight, None)

    def spec(self, reduction: Reduction = "mean") -> _mlpc.Loss:
        """The loss as the extension takes it, to which a number is what multiplies the mean."""
        if isinstance(reduction, float):
            raise TypeError(f"reduction: expected 'sum' or 'mean', got {reduction!r}")
        row = _ROWS[self.name]
        setting = None if row["setting"] is None else getattr(self, row["setting"][0])
        weight = None if row["weight"] is None else getattr(self, row["weight"])
        return (self.name, reduction, setting, weight)

    def weighted_spec(
        self, reduction: Reduction, class_weight: ClassWeight | None, y: Array, outputs: int
    ) -> _mlpc.Loss:
        """`spec` with weights of the classes that y has labels of, one for each output; `spec` itself for None.

        Raises
        ------
        TypeError, ValueError
            For class weights where the loss has none, or has its own; as `class_weights`.
        """
        name, _, setting, weight = spec = self.spec(reduction)
        if class_weight is None:
            return spec
        if _ROWS[name]["weight"] != "class_weight":
            raise ValueError(
                f"class_weight: expected None with {name}, since it belongs to cross_entropy, got {class_weight!r}"
            )
        if weight is not None:
            raise ValueError(f"class_weight: expected None beside a loss with its own, got {class_weight!r}")
        return (name, reduction, setting, class_weights(class_weight, y, outputs))

    # ---- What networks ask of a loss: y is an array or, with spec and sample_weight None, an `objective` -------------

    def objective(self, net: _mlpc.Net, y: Array, spec: _mlpc.Loss, sample_weight: Array | None) -> Any:
        """The targets of a training, checked, converted and copied once for all of its epochs."""
        return _mlpc.Objective(y, spec, sample_weight, net.dtype, net.sizes[-1])

    def of_latest(self, net: _mlpc.Net, y: Any, spec: _mlpc.Loss | None, sample_weight: Array | None) -> float:
        """The loss of the network's latest forward, which remembers the derivative for `backward`."""
        return _mlpc.Net.loss(net, y, spec, sample_weight)

    def derived(self, z: Array, y: Any, spec: _mlpc.Loss | None, sample_weight: Array | None) -> tuple[float, Array]:
        """The loss of z, and its derivative by z, with the weights of classes that spec has; z and y may be written."""
        return _mlpc.loss(z, y, spec, sample_weight, None)

    def weight_of(self, y: Array, spec: _mlpc.Loss, sample_weight: Array | None) -> float:
        """What the rows weigh together: a mean is divided by that, times the number of outputs where it counts them."""
        weights = np.ones(len(y)) if sample_weight is None else sample_weight.astype(np.float64)
        if _ROWS[self.name]["weight"] == "class_weight" and spec[3] is not None and y.ndim == 1:
            weights = weights * np.asarray(spec[3], np.float64)[y.astype(np.int64)]
        return math.fsum(weights)

    def with_gradients(
        self, net: _mlpc.Net, x: Input, y: Any, spec: _mlpc.Loss | None, sample_weight: Array | None, accumulate: bool
    ) -> float:
        """Forward, loss and backward."""
        return _mlpc.Net.loss_and_grad(net, x, y, spec, sample_weight, accumulate)

    def evaluated(
        self,
        net: _mlpc.Net,
        x: Input,
        y: Any,
        spec: _mlpc.Loss | None,
        sample_weight: Array | None,
        scale: float | None,
    ) -> tuple[float, float]:
        """Loss and accuracy, which is 0 where the loss has none; what `backward` needs stays as it is."""
        return _mlpc.Net.evaluate(net, x, y, spec, sample_weight, scale)


def _weight(name: str, value: Any) -> float | tuple[float, ...] | None:
    """A number or a tuple of them, so that a loss can be compared, hashed and copied."""
    if value is None:
        return None
    array = real_array(name, value)
    if array.ndim > 1 or (array.ndim == 0 and name == "class_weight"):
        expected = "one number for each class" if name == "class_weight" else "a number, or one for each output"
        raise ValueError(f"{name}: expected {expected}, got shape {array.shape}")
    numbers = array.astype(np.float64)
    if not (np.isfinite(numbers) & (numbers >= 0)).all():
        raise ValueError(f"{name}: expected finite numbers >= 0, got {value!r}")
    return float(numbers) if numbers.ndim == 0 else tuple(numbers.tolist())
