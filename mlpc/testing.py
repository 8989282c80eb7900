"""For tests: the same network in PyTorch, comparisons with it, and digests of networks.

PyTorch is imported where it is needed, and by nothing else in this package's core.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mlpc import _mlpc, losses
from mlpc.arguments import Array, converted, finite, real_array
from mlpc.columns import check_columns
from mlpc.layers import Activation, BatchNorm, Dropout, Linear, block_of
from mlpc.losses import AnyLoss, Loss
from mlpc.names import Reduction
from mlpc.net import MLP
from mlpc.norm_layers import Norm
from mlpc.table import Table

if TYPE_CHECKING:
    import torch

__all__ = ["Difference", "Differences", "compare_with_torch", "digest", "torch_reference", "use_masks"]


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise ImportError("a comparison with PyTorch needs it: pip install torch") from error
    return torch


def digest(net: MLP) -> str:
    """`MLP.digest`, under the name that the course's notebooks call."""
    return net.digest()


def torch_reference(net: MLP) -> torch.nn.Sequential:
    """`MLP.to_torch`, under the name that the course's notebooks call."""
    return net.to_torch()


def use_masks(reference: torch.nn.Sequential, net: MLP, n: int, t: int) -> None:
    """Have PyTorch's dropouts multiply `n` rows by the masks of the network's forward number `t` in train mode.

    Parameters
    ----------
    reference : torch.nn.Sequential
        Of `torch_reference` with that network.
    n, t : int
        Rows, and `MLP.masks_drawn` before the forward.
    """
    pytorch = _torch()
    for part in net.layers:
        if isinstance(part, Dropout):
            mask = pytorch.from_numpy(part.mask(n, net._draws[0], t).astype(np.float64))
            module = reference[part.index]
            module.forward = lambda x, mask=mask: x * mask.to(x.dtype) if reference.training else x


@dataclass(frozen=True)
class Difference:
    """How far one tensor is from PyTorch's in float64.

    Attributes
    ----------
    name : str
        "z", "loss", a key of the state dict (its gradient), or "x" (the gradient by x).
    scale : float
        The largest absolute value of the reference.
    largest : float
        The largest absolute difference.
    peer : float or None
        For float32, PyTorch's own largest difference in float32.
    allowed : float
        The largest absolute difference that passes.
    """

    name: str
    scale: float
    largest: float
    peer: float | None
    allowed: float

    @property
    def ok(self) -> bool:
        """Whether the difference is small enough."""
        return self.largest <= self.allowed


class Differences(tuple[Difference, ...]):
    """The results for all tensors; prints as a table."""

    __slots__ = ()

    @property
    def ok(self) -> bool:
        """Whether all of them are small enough."""
        return all(difference.ok for difference in self)

    def raise_for_failure(self) -> None:
        """Raise an AssertionError with the table, unless `ok`."""
        if not self.ok:
            raise AssertionError(f"the network differs from PyTorch's\n{self}")

    def _table(self) -> Table:
        header = ["tensor", "scale", "largest difference", "PyTorch's own", "allowed", "verdict"]
        rows = [(d.name, d.scale, d.largest, d.peer, d.allowed, "ok" if d.ok else "WRONG") for d in self]
        return Table(header, rows)

    def __repr__(self) -> str:
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()


def compare_with_torch(
    net: MLP,
    x: ArrayLike,
    y: ArrayLike,
    loss: AnyLoss | None = None,
    *,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Differences:
    """Compare output, loss, every gradient and the derivative by x with PyTorch's autograd in float64.

    Parameters are those of `MLP.loss_and_grad`.  The network itself stays as it is; in train mode PyTorch gets the
    masks of its next forward.

    A float64 tensor may differ by 1e-12 of its scale.  A float32 one may differ by four times what PyTorch's own
    float32 differs, or by 32 units of rounding of its scale, whichever is more.  Both may differ by what it makes where
    the activations' outputs are rounded, too: the derivative of a saturated sigmoid, ``a * (1 - a)``, is what that
    leaves of it, here and in PyTorch.

    Returns
    -------
    Differences
        A tuple of `Difference` which prints as a table; `.ok`, `.raise_for_failure()`.

    Raises
    ------
    ImportError
        Where PyTorch is not installed.
    """
    twin = net.copy(loss=loss)
    check_columns("x", x, net.feature_names)
    x, y = finite("x", x, net.dtype), real_array("y", y)
    if twin.loss_name != "cross_entropy" or y.ndim > 1:
        y = converted("y", y, net.dtype)
    weighting: dict[str, Any] = {"sample_weight": sample_weight, "reduction": reduction}
    z = twin.forward(x)
    ours = {"z": z, "loss": np.array(twin.loss(y, **weighting)), "x": twin.backward()} | twin._tensors(gradients=True)
    exact = _torch_run(twin, "float64", x, y, weighting)
    single = _torch_run(twin, "float32", x, y, weighting) if net.dtype == np.float32 else None
    unit, rounded = float(np.finfo(net.dtype).eps), _rounded(twin, exact["dz"])
    results = []
    for name in ["z", "loss", *twin._tensors(), "x"]:
        reference = exact[name]
        scale = float(np.abs(reference).max(initial=0.0))
        peer = None if single is None else float(np.abs(single[name] - reference).max(initial=0.0))
        allowed = 1e-12 * scale if peer is None else 4 * max(peer, 8 * unit * scale)
        allowed = max(allowed, 4 * unit * rounded.get(name, 0.0))
        largest = float(np.abs(ours[name] - reference).max(initial=0.0))
        results.append(Difference(name, scale, largest, peer, allowed))
    return Differences(results)


def _rounded(net: MLP, dz: Array) -> dict[str, float]:
    """By how much the gradients may change where every activation's derivative changes by 1, to first order.

    Of the latest forward, by the names of the tensors; dz is the derivative by its output.
    """
    changes = {}
    change = np.zeros_like(dz)
    for part in reversed(net.layers):
        values = part.input.astype(np.float64)
        if isinstance(part, Linear):
            weight = part.weight.astype(np.float64)
            changes[f"{part.index}.weight"] = float((change.T @ np.abs(values)).max(initial=0.0))
            changes[f"{part.index}.bias"] = float(change.sum(axis=0).max(initial=0.0))
            change, dz = change @ np.abs(weight), dz @ weight
        elif isinstance(part, Activation):
            slopes = _mlpc.activation_backward(block_of(part), np.ones_like(values), values, None)
            change, dz = change * np.abs(slopes) + np.abs(dz), dz * slopes
        elif isinstance(part, Dropout) and net.training:
            mask = part.mask(len(dz), *_latest(net))
            change, dz = change * mask, dz * mask
        elif isinstance(part, Norm):
            h, factor, axis = _normed(net, part, values)
            changes[f"{part.index}.weight"] = float((change * np.abs(h)).sum(axis=0).max(initial=0.0))
            changes[f"{part.index}.bias"] = float(change.sum(axis=0).max(initial=0.0))
            # What is subtracted is rounded, too: nothing may be left of the derivative by a bias.
            change, dz = np.abs(factor) * (change + np.abs(dz)), factor * dz
            if axis is not None:
                means = dz.mean(axis, keepdims=True), h * (dz * h).mean(axis, keepdims=True)
                change = change + change.mean(axis, keepdims=True)
                change = change + np.abs(h) * (change * np.abs(h)).mean(axis, keepdims=True)
                dz = dz - means[0] - means[1]
    return changes | {"x": float(change.max(initial=0.0))}


def _normed(net: MLP, part: Norm, z: Array) -> tuple[Array, Array, int | None]:
    """Of a norm: (z - m) / sqrt(v + eps), gain / sqrt(v + eps), and along which axis m and v are of z, if they are."""
    if isinstance(part, BatchNorm) and not net.training:
        mean, variance, axis = part.running_mean, part.running_var.astype(np.float64), None
    else:
        axis = 0 if isinstance(part, BatchNorm) else 1
        mean, variance = z.mean(axis, keepdims=True), z.var(axis, keepdims=True)
    deviation = np.sqrt(variance + part.eps)
    return (z - mean) / deviation, part.weight / deviation, axis


def _latest(net: MLP) -> tuple[int, int]:
    """Seed and number of the latest forward, in train mode."""
    seed, drawn = net._draws
    return seed, drawn - 1


def _torch_run(net: MLP, dtype: str, x: Array, y: Array, weighting: dict[str, Any]) -> dict[str, Array]:
    """Output, loss and all derivatives, by PyTorch, as float64 arrays."""
    torch = _torch()
    real = getattr(torch, dtype)
    reference = torch_reference(net).to(real)
    if net.training:
        use_masks(reference, net, len(x), _latest(net)[1])
    inputs = torch.tensor(x, dtype=real, requires_grad=True)
    targets = torch.tensor(y, dtype=torch.int64 if net.loss_name == "cross_entropy" and y.ndim == 1 else real)
    z = reference(inputs)
    z.retain_grad()
    loss = _torch_loss(net.criterion, z, targets, **weighting)
    loss.backward()
    tensors = {"z": z, "loss": loss, "dz": z.grad, "x": inputs.grad} | {
        key: p.grad for key, p in reference.named_parameters()
    }
    return {name: tensor.detach().numpy().astype(np.float64) for name, tensor in tensors.items()}


def _torch_loss(loss: Loss, z: Any, y: Any, sample_weight: ArrayLike | None, reduction: Reduction) -> Any:
    """PyTorch's own loss; with sample weights, which it lacks, sum_i s_i l_i / D of its losses row by row."""
    torch = _torch()
    how = reduction if sample_weight is None else "none"
    divisor = torch.ones(len(z), dtype=z.dtype)
    if isinstance(loss, losses.CrossEntropy):
        weight = None if loss.class_weight is None else torch.tensor(loss.class_weight, dtype=z.dtype)
        values = torch.nn.CrossEntropyLoss(weight, label_smoothing=loss.label_smoothing, reduction=how)(z, y)
        if weight is not None and y.ndim == 1:
            divisor = weight[y]
    else:
        values = _torch_element_loss(loss, how, z.dtype)(z, y.reshape(z.shape))
        if sample_weight is not None:
            values, divisor = values.sum(dim=1), divisor * z.shape[1]
    if sample_weight is None:
        return values
    weights = torch.tensor(real_array("sample_weight", sample_weight), dtype=z.dtype)
    total = (weights * values).sum()
    return total / (weights * divisor).sum() if reduction == "mean" else total


def _torch_element_loss(loss: Loss, reduction: str, dtype: Any) -> Callable[[Any, Any], Any]:
    """An element-wise loss of PyTorch's, or, where it has none, its formula in tensors."""
    torch = _torch()
    reduce = {"mean": torch.mean, "sum": torch.sum, "none": torch.Tensor.clone}[reduction]

    def quantile(z: Any, y: Any) -> Any:
        return reduce(torch.maximum(loss.q * (y - z), (loss.q - 1) * (y - z)))  # type: ignore[attr-defined]

    def log_cosh(z: Any, y: Any) -> Any:
        return reduce((z - y) + torch.nn.functional.softplus(-2 * (z - y), threshold=100) - math.log(2))

    match loss:
        case losses.Custom():
            raise ValueError(f"loss: expected one of mlpc.losses, whose formula is known, got {loss}")
        case losses.BCEWithLogits(pos_weight=weight):
            weight = None if weight is None else torch.tensor(weight, dtype=dtype)
            return torch.nn.BCEWithLogitsLoss(reduction=reduction, pos_weight=weight)
        case losses.Huber(delta=delta):
            return torch.nn.HuberLoss(delta=delta, reduction=reduction)
        case losses.Quantile():
            return quantile
        case losses.LogCosh():
            return log_cosh
    criterion = {
        "mse": torch.nn.MSELoss(reduction=reduction),
        "mae": torch.nn.L1Loss(reduction=reduction),
        "poisson": torch.nn.PoissonNLLLoss(log_input=True, full=False, reduction=reduction),
    }[loss.name]
    return criterion
