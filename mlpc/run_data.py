"""What a run learns from, and what it is validated on: given by its arguments, checked once for all epochs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import ArrayLike

from mlpc import _mlpc
from mlpc.arguments import real_array
from mlpc.batch_stream import Stream
from mlpc.batches import Rows
from mlpc.class_weights import ClassWeight
from mlpc.columns import Columns
from mlpc.csr import real_rows
from mlpc.loss import Loss
from mlpc.losses import Custom
from mlpc.network import Network
from mlpc.recipe import digest_of, loss_text
from mlpc.samples import checked_samples, warn_of_bytes
from mlpc.validation import Part, ValidationData, checked_part, split_off

__all__ = ["RunData", "data_of"]


@dataclass(frozen=True)
class RunData:
    """Where batches come from, and the objectives of training and validation.

    Attributes
    ----------
    source : Rows or Stream
        Batches of arrays, or those that come one by one.
    spec : tuple
        The loss as the extension takes it, with the weights of classes.
    part, objective : Part and Objective, or None
        What is trained on, x as `checked_samples` gives it, and what the loss is computed of; None of a stream.
    held, held_objective : Part and Objective, or None
        The same of validation data.
    """

    source: Rows | Stream
    spec: _mlpc.Loss
    part: Part | None = None
    objective: Any = None
    held: Part | None = None
    held_objective: Any = None

    def texts(self) -> dict[str, str]:
        """Of the loss, and of targets and weights, which the caller may change later: see `mlpc.recipe`."""
        targets = digest_of(*(() if self.part is None else self.part[1:]), wide=True)
        texts = {"loss": loss_text(self.spec), "targets": targets}
        return texts if self.held is None else texts | {"validation": digest_of(*self.held[1:], wide=True)}


def data_of(
    net: Network,
    x: Any,
    y: ArrayLike | None,
    criterion: Loss,
    scale: float | None,
    columns: Columns,
    *,
    batch_size: int,
    shuffle: bool,
    sample_weight: ArrayLike | None,
    class_weight: ClassWeight | None,
    steps_per_epoch: int | None,
    validation_data: ValidationData | None,
    validation_split: float | None,
) -> RunData:
    """What the arguments of a run say.

    Raises
    ------
    TypeError, ValueError
        Where one is none that network and loss can mean, or does not go with another.
    """
    if y is None:
        for name, value in (("sample_weight", sample_weight), ("validation_split", validation_split)):
            if value is not None:
                raise ValueError(f"{name}: expected None with an iterable of batches, got {value!r}")
        source = Stream(net, x, steps_per_epoch, criterion, class_weight, scale, columns)
        data = RunData(source, source.spec)
    else:
        if steps_per_epoch is not None:
            raise ValueError(f"steps_per_epoch: expected None where y is given, got {steps_per_epoch!r}")
        if validation_split is not None and validation_data is not None:
            raise ValueError("validation_split: expected None beside validation_data, got both")
        columns.check("x", x)
        weights = None if sample_weight is None else real_array("sample_weight", sample_weight)
        part = Part(real_rows("x", x), real_array("y", y), weights)
        spec = criterion.weighted_spec("mean", class_weight, part.y, net.sizes[-1])
        data = _checked(net, part, criterion, spec, scale, batch_size, shuffle)
        if scale is None:
            warn_of_bytes(part.x)
        if validation_split is not None:
            assert data.part is not None
            part, validation_data = split_off(net, data.part, validation_split, criterion)
            data = _checked(net, part, criterion, spec, scale, batch_size, shuffle)
    if validation_data is None:
        return data
    held, objective = checked_part(net, validation_data, criterion, data.spec, scale, columns)
    return replace(data, held=held, held_objective=objective)


def _checked(
    net: Network, part: Part, criterion: Loss, spec: _mlpc.Loss, scale: float | None, batch_size: int, shuffle: bool
) -> RunData:
    """Arrays to be trained on."""
    x, objective = checked_samples(net, part.x, part.y, criterion, spec, part.weights, scale)
    if "batch" in net.norms and min(len(x), batch_size) < 2:
        raise ValueError(
            "batch_size: expected at least two rows in each batch, of which batch norm takes statistics, got "
            f"{min(len(x), batch_size)}"
        )
    targets = objective if isinstance(criterion, Custom) else part.y
    return RunData(Rows(net, x, targets, part.weights, batch_size, shuffle), spec, part._replace(x=x), objective)
