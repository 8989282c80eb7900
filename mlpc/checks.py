"""Checks of gradients by differences: does a derivative say what the function does?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mlpc import _mlpc
from mlpc.arguments import Array, converted, real_array, real_number, shaped, whole_number
from mlpc.layers import Activation
from mlpc.net import MLP
from mlpc.table import Table

__all__ = ["Check", "Checks", "gradcheck"]

LOSS_KINKS = {"mae": (0.0,), "huber": (-1.0, 1.0)}
"""Where the losses are not smooth, as values of z - y."""


@dataclass(frozen=True)
class Check:
    """What came out for one tensor.

    Attributes
    ----------
    name : str
        Its key in the state dict, or "x".
    size, checked, kinks : int
        Elements there are; elements compared; elements left out because the loss is not smooth beside them.
    absolute, relative : float
        The largest difference, as it is and divided by the tensor's largest derivative.
    allowed : float
        The largest absolute difference that passes.
    """

    name: str
    size: int
    checked: int
    kinks: int
    absolute: float
    relative: float
    allowed: float

    @property
    def verdict(self) -> str:
        """ "ok", "WRONG", or "undecided" where there was nothing but kinks."""
        if not self.checked:
            return "undecided"
        return "ok" if self.absolute <= self.allowed else "WRONG"


class Checks(tuple[Check, ...]):
    """The results for all tensors; prints as a table."""

    __slots__ = ()

    @property
    def ok(self) -> bool:
        """Whether every tensor's verdict is "ok"."""
        return all(check.verdict == "ok" for check in self)

    def raise_for_failure(self) -> None:
        """Raise an AssertionError with the table, unless `ok`."""
        if not self.ok:
            raise AssertionError(f"the gradients differ from differences of the loss\n{self}")

    def __repr__(self) -> str:
        header = ["parameter", "elements", "checked", "kinks", "absolute", "relative", "verdict"]
        rows = [(c.name, c.size, c.checked, c.kinks, c.absolute, c.relative, c.verdict) for c in self]
        return str(Table(header, rows))


def gradcheck(
    net: MLP,
    x: ArrayLike,
    y: ArrayLike,
    loss: str | None = None,
    *,
    gradients: Mapping[str, ArrayLike] | Callable[[MLP, Array, ArrayLike], Mapping[str, ArrayLike]] | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    eps: float = 1e-5,
    tolerance: float = 1e-6,
    max_checks: int = 100,
    seed: int = 0,
) -> Checks:
    """Compare gradients of every weight, every bias and x with central differences of the loss.

    The work is done by a float64 copy of the network, which stays as it is: a difference
    ``(L(p + eps) - L(p - eps)) / (2 eps)`` in float32 is mostly noise.  In float64 it is wrong by about eps**2 times
    the third derivative, and by the loss's rounding error divided by eps; the default keeps both near 1e-10.

    Where an argument of an activation or loss that is not smooth (relu at 0, hardtanh at -1 and 1, mae at 0, ...)
    changes sides between -eps and +eps, a difference says nothing of the derivative: such elements are counted as
    kinks, and take no part in the verdict.

    Parameters
    ----------
    net : MLP
        In either dtype.
    x, y, loss, sample_weight, class_weight, label_smoothing, reduction
        As in `MLP.loss_and_grad`.
    gradients : mapping or callable, optional
        Back-propagation of your own, to be checked instead of the network's: arrays under the keys of the state dict
        ("0.weight", ...) and "x", as many as you have, in the shapes of their tensors; or a function of a float64
        network, x in float64 and y that returns them.
    eps : float
        The step.
    tolerance : float
        The largest difference allowed, as a fraction of the tensor's largest derivative.  Gradients computed in
        float32 need about 1e-4.
    max_checks : int
        How many elements of a tensor are checked; of larger tensors, that many are drawn.
    seed : int
        Of the draw.

    Returns
    -------
    Checks
        A tuple of `Check`, one for each tensor, which prints as a table; `.ok`, `.raise_for_failure()`.

    Raises
    ------
    TypeError, ValueError
        Where an argument is not as above.

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> net = mlpc.MLP([3, 4, 2], "tanh")
    >>> x, y = np.array([[0.5, -1.0, 2.0]]), np.array([1])
    >>> gradcheck(net, x, y).ok
    True
    >>> gradcheck(net, x, y, gradients={"2.bias": [0.5, 0.5]}).ok
    False
    """
    eps, tolerance = real_number("eps", eps), real_number("tolerance", tolerance)
    max_checks = whole_number("max_checks", max_checks, 1)
    if eps == 0:
        raise ValueError("eps: expected a number > 0, got 0")
    twin = MLP(
        net.sizes, net.activations, loss=net.loss_name if loss is None else loss, dtype="float64", init=net.state_dict()
    )
    float64 = np.dtype(np.float64)
    x, y = converted("x", x, float64).copy(), real_array("y", y)
    weighting: dict[str, Any] = {
        "sample_weight": sample_weight, "class_weight": class_weight,
        "label_smoothing": label_smoothing, "reduction": reduction,
    }  # fmt: skip
    tensors = twin._tensors() | {"x": x}
    value = twin.loss_and_grad(x, y, **weighting)
    if gradients is None:
        claimed: dict[str, Any] = {"x": twin.backward()} | twin._tensors(gradients=True)
    else:
        claimed = dict(gradients(twin, x, y) if callable(gradients) else gradients)
        if unknown := [key for key in claimed if key not in tensors]:
            raise ValueError(f"gradients: expected keys among {list(tensors)}, got {unknown}")
    claimed = {
        key: shaped(f"gradients[{key!r}]", claimed[key], tensor.shape, float64).copy()
        for key, tensor in tensors.items()
        if key in claimed
    }

    def measure() -> tuple[float, list[Array]]:
        z = twin.forward(x)
        return twin.loss(y, **weighting), _sides(twin, z, y)

    # A loss is wrong by some units in its last place, and so is a difference of two.
    noise = 16 * np.finfo(np.float64).eps * max(1.0, abs(value)) / eps
    results = []
    for number, (key, gradient) in enumerate(claimed.items()):
        tensor = tensors[key]
        drawn = np.sort(_mlpc.shuffle(tensor.size, seed, number)[:max_checks])
        places = [np.unravel_index(int(flat), tensor.shape) for flat in drawn]
        differences = [_difference(tensor, place, eps, measure) for place in places]
        pairs = zip(gradient[tuple(np.transpose(places))], differences, strict=True)
        claims, slopes = np.array([pair for pair in pairs if pair[1] is not None]).reshape(-1, 2).T
        absolute = float(np.abs(claims - slopes).max(initial=0.0))
        scale = float(np.maximum(np.abs(gradient).max(initial=0.0), np.abs(slopes).max(initial=0.0)))
        results.append(
            Check(
                name=key,
                size=tensor.size,
                checked=len(slopes),
                kinks=len(places) - len(slopes),
                absolute=absolute,
                relative=absolute / scale if scale else 0.0,
                allowed=float(tolerance * scale + noise),
            )
        )
    return Checks(results)


def _difference(
    tensor: Array, place: tuple[Any, ...], eps: float, measure: Callable[[], tuple[float, list[Array]]]
) -> float | None:
    """The central difference by one element, or None where a kink lies between its two points."""
    value = tensor[place]
    high, low = value + eps, value - eps
    tensor[place] = high
    upper, above = measure()
    tensor[place] = low
    lower, below = measure()
    tensor[place] = value
    if not all(map(np.array_equal, above, below)):
        return None
    return (upper - lower) / float(high - low)


def _sides(net: MLP, z: Array, y: Array) -> list[Array]:
    """On which side of every kink the arguments of activations and loss lie."""
    arguments = [(part.input, part.kinks) for part in net.layers if isinstance(part, Activation)]
    if net.loss_name in LOSS_KINKS:
        arguments.append((z - y.reshape(z.shape), LOSS_KINKS[net.loss_name]))
    return [np.sign(argument - kink) for argument, kinks in arguments for kink in kinks]
