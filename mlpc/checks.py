"""Checks of gradients by differences: does a derivative say what the function does?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from mlpc import _mlpc
from mlpc.arguments import Array, finite, real_array, real_number, shaped, whole_number
from mlpc.columns import check_columns
from mlpc.layers import Activation
from mlpc.losses import AnyLoss
from mlpc.names import Reduction
from mlpc.net import MLP
from mlpc.table import Table

__all__ = ["Check", "Checks", "gradcheck"]

GROWTH = 8.0  # from one step that is tried to the next
# Powers of it: where to begin; or else, down to the last bit of 1; where to end, at a step of 2.6.
NEAR, FEWEST, MOST = -2, -14, 6
LITTLE = 0.01  # a noise of so little of a tensor's scale is no reason to look for better steps

Estimate: TypeAlias = tuple[float, float]  # a derivative, and how far it may be off


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
        The largest difference, as it is and divided by the tensor's largest derivative: that of the element where it
        exceeds most what rounding explains.
    allowed : float
        The largest absolute difference of that element that passes.
    noise : float
        How far the differences may be from the derivatives, of the element where that is largest, divided by the
        tensor's largest derivative.
    """

    name: str
    size: int
    checked: int
    kinks: int
    absolute: float
    relative: float
    allowed: float
    noise: float = 0.0

    @property
    def verdict(self) -> str:
        """ "ok", "WRONG", or "undecided": nothing but kinks, or noise as large as the derivatives."""
        if not self.checked or self.noise >= 1:
            return "undecided"
        return "ok" if self.absolute <= self.allowed else "WRONG"


class Checks(tuple[Check, ...]):
    """The results for all tensors; prints as a table."""

    __slots__ = ()

    @property
    def ok(self) -> bool:
        """Whether every tensor's verdict is "ok"."""
        return all(check.verdict == "ok" for check in self)

    def raise_for_failure(self, *, allow_undecided: bool = False) -> None:
        """Raise an AssertionError with the table where a verdict is "WRONG", or "undecided" unless that is allowed."""
        verdicts = {check.verdict for check in self}
        if "WRONG" in verdicts:
            raise AssertionError(f"the gradients differ from differences of the loss\n{self}")
        if "undecided" in verdicts and not allow_undecided:
            raise AssertionError(f"differences of the loss say too little of some gradients\n{self}")

    def _table(self) -> Table:
        header = ["parameter", "elements", "checked", "kinks", "absolute", "relative", "verdict"]
        return Table(header, [(c.name, c.size, c.checked, c.kinks, c.absolute, c.relative, c.verdict) for c in self])

    def __repr__(self) -> str:
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()


def gradcheck(
    net: MLP,
    x: ArrayLike,
    y: ArrayLike,
    loss: AnyLoss | None = None,
    *,
    gradients: Mapping[str, ArrayLike] | Callable[[MLP, Array, ArrayLike], Mapping[str, ArrayLike]] | None = None,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    eps: float = 1e-5,
    tolerance: float = 1e-6,
    max_checks: int = 100,
    seed: int = 0,
) -> Checks:
    """Compare gradients of every weight, every bias and x with central differences of the loss.

    The work is done by a float64 copy of the network, which stays as it is: a difference
    ``(L(p + h) - L(p - h)) / (2 h)`` in float32 is mostly noise.  In float64 it is wrong by about h**2 times the third
    derivative, and by the loss's rounding error divided by h; the default keeps both near 1e-10 for numbers near 1.
    Where a difference and a gradient do not agree at first, or rounding hides the gradient, larger and smaller steps
    are tried: the largest ones that still agree with all smaller ones, within their rounding errors, decide.

    A tensor whose derivatives are no larger than what rounding leaves of the differences is "undecided": no difference
    can tell its gradient from a wrong one, or from 0.  So is one whose derivatives are all 0.

    The copy is in the network's mode; in train mode all of its forwards have one and the same masks.

    Where an argument of an activation or loss that is not smooth (relu at 0, hardtanh at -1 and 1, mae at 0, ...)
    changes sides within the first step, a difference says nothing of the derivative: such elements are counted as
    kinks, and take no part in the verdict.

    Parameters
    ----------
    net : MLP
        In either dtype.
    x, y, loss, sample_weight, reduction
        As in `MLP.loss_and_grad`.
    gradients : mapping or callable, optional
        Back-propagation of your own, to be checked instead of the network's: arrays under the keys of the state dict
        ("0.weight", ...) and "x", as many as you have, in the shapes of their tensors; or a function of a float64
        network, x in float64 and y that returns them.
    eps : float
        The first step h, of an element that is larger than 1 as a fraction of it.
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
    twin = net.copy(dtype="float64", loss=loss)
    draws = twin._draws
    float64 = np.dtype(np.float64)
    check_columns("x", x, net.feature_names)
    x, y = finite("x", x, float64).copy(), real_array("y", y)
    weighting: dict[str, Any] = {"sample_weight": sample_weight, "reduction": reduction}
    tensors = twin._tensors() | {"x": x}
    rounding = _rounding(twin, twin.loss_and_grad(x, y, **weighting))
    twin._draws = draws
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
        twin._draws = draws
        z = twin.forward(x)
        return twin.loss(y, **weighting), _sides(twin, z, y)

    results = []
    for number, (key, gradient) in enumerate(claimed.items()):
        tensor = tensors[key]
        drawn = np.sort(_mlpc.shuffle(tensor.size, seed, number)[:max_checks])
        places = [np.unravel_index(int(flat), tensor.shape) for flat in drawn]
        lines = [_Line(tensor, place, eps, rounding, measure) for place in places]
        pairs = [(line, gradient[line.place]) for line in lines if line.difference(0) is not None]
        results.append(_check(key, gradient, pairs, tolerance, kinks=len(lines) - len(pairs)))
    return Checks(results)


def _rounding(net: MLP, value: float) -> float:
    """How far the loss may be off: some units in the last place of it, and of what every parameter contributes.

    What a layer rounds, other parameters that differ in their last places would explain.
    """
    terms = float(np.abs(net.parameters * net.gradients).sum())
    return 16 * float(np.finfo(np.float64).eps) * max(1.0, abs(value), terms)


class _Line:
    """The loss along one element of a tensor, and its derivative by differences."""

    def __init__(
        self,
        tensor: Array,
        place: tuple[Any, ...],
        eps: float,
        rounding: float,
        measure: Callable[[], tuple[float, list[Array]]],
    ) -> None:
        self.tensor, self.place, self.rounding, self.measure = tensor, place, rounding, measure
        self.value = float(tensor[place])
        self.step = eps * max(1.0, abs(self.value))
        self.tried: dict[int, Estimate | None] = {}

    def difference(self, power: int) -> Estimate | None:
        """The central difference by the first step times GROWTH**power, and what rounding does to it.

        None where a kink lies between its two points.
        """
        if power not in self.tried:
            self.tried[power] = self._difference(self.step * GROWTH**power)
        return self.tried[power]

    def _difference(self, step: float) -> Estimate | None:
        high, low = self.value + step, self.value - step
        if not 0 < high - low < math.inf:
            return math.nan, math.inf
        self.tensor[self.place] = high
        upper, above = self.measure()
        self.tensor[self.place] = low
        lower, below = self.measure()
        self.tensor[self.place] = self.value
        if not all(map(np.array_equal, above, below)):
            return None
        slope = (upper - lower) / (high - low)
        return (slope, 2 * self.rounding / (high - low)) if math.isfinite(slope) else (math.nan, math.inf)

    def refined(self) -> Estimate:
        """The best that differences say: as far as steps can grow and agree with all smaller ones."""
        near = self._grown(NEAR)
        return near if near[1] < math.inf else self._grown(FEWEST)

    def _grown(self, first: int) -> Estimate:
        best, before, low, high = (math.nan, math.inf), (math.nan, math.inf), -math.inf, math.inf
        for power in range(first, MOST + 1):
            estimate = self.difference(power)
            if estimate is None:  # and so have all larger steps
                break
            slope, noise = estimate
            if noise == math.inf:  # too small a step to be one
                continue
            low, high = max(low, slope - noise), min(high, slope + noise)
            if low > high:
                break
            if before[1] < math.inf:
                # What a step is wrong by falls with its square: most of the change is the larger one's.
                change = abs(slope - before[0])
                candidates = (before[0], before[1] + change / GROWTH), (slope, noise + change), best
                best = min(candidates, key=lambda candidate: candidate[1])
            before = estimate
        return best


def _check(name: str, gradient: Array, pairs: list[tuple[_Line, float]], tolerance: float, *, kinks: int) -> Check:
    """What comes of lines and the derivatives that are claimed along them."""
    lines = [line for line, _ in pairs]
    claims = np.array([claim for _, claim in pairs])
    estimates = [line.difference(0) or (math.nan, math.inf) for line in lines]
    slopes, noises = np.array(estimates).reshape(-1, 2).T
    scale = _largest(gradient, slopes)
    everywhere = noises.max(initial=0.0) > LITTLE * scale
    for i, line in enumerate(lines):
        if everywhere or not abs(claims[i] - slopes[i]) <= tolerance * scale:
            slopes[i], noises[i] = line.refined()
    scale = _largest(gradient, slopes)
    absolute, noise = np.abs(claims - slopes), noises.max(initial=0.0)
    worst = int(np.argmax(absolute - noises)) if lines else None
    return Check(
        name=name,
        size=gradient.size,
        checked=len(lines),
        kinks=kinks,
        absolute=0.0 if worst is None else float(absolute[worst]),
        relative=0.0 if worst is None or not scale else float(absolute[worst] / scale),
        allowed=0.0 if worst is None else float(tolerance * scale + noises[worst]),
        noise=float(noise / scale) if scale else math.inf if lines else 0.0,
    )


def _largest(*arrays: Array) -> float:
    """The largest absolute value of a finite number in them."""
    return max(float(np.abs(array[np.isfinite(array)]).max(initial=0.0)) for array in arrays)


def _sides(net: MLP, z: Array, y: Array) -> list[Array]:
    """On which side of every kink the arguments of activations and loss lie."""
    arguments = [(part.input, part.kinks) for part in net.layers if isinstance(part, Activation)]
    if net.criterion.kinks:
        arguments.append((z - y.reshape(z.shape), net.criterion.kinks))
    return [np.sign(argument - kink) for argument, kinks in arguments for kink in kinks]
