"""L-BFGS: steps by the whole data and the curvature met so far, which SciPy computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlpc.arguments import real_number, whole_number
from mlpc.network import Network
from mlpc.optimizer import Optimizer
from mlpc.schedules import Constant

__all__ = ["LBFGS", "NO_STATE"]


class LBFGS(Optimizer):
    """L-BFGS by SciPy, for data of which every step may see all: Liu and Nocedal, "On the limited memory BFGS method
    for large scale optimization", 1989.

    In `fit`, an epoch is one of its iterations: the loss and its gradient over all rows, as often as its line search
    asks for them.  They are summed over batches, so that the memory is that of a batch; the order of rows does not
    matter.  The training ends where SciPy finds nothing better, with an epoch that changes nothing.

    Parameters
    ----------
    net : MLP
        The network to train; in float64, since differences of losses decide.
    memory : int
        >= 1; how many steps the curvature is taken from.
    ftol, gtol : float
        >= 0; the training ends where an iteration lowers the loss by less than `ftol` of it, or no element of the
        gradient is larger than `gtol`.

    Attributes
    ----------
    message : str
        Why the latest training ended, in SciPy's words; empty where it was not SciPy that ended it.
    lr : float
        1, the length of the step that is tried first, in units of SciPy's.

    Raises
    ------
    TypeError, ValueError
        Where an argument is outside its range.

    Notes
    -----
    The bits are those of SciPy and of the library that it computes with: another machine may have others.  What SciPy
    remembers of curvature cannot be written down, so neither checkpoints nor ``resume=`` go with it, and every call of
    `fit` begins without.  SciPy waits in a thread of its own between two epochs, which ends with `fit`, or with the
    block of a `mlpc.training.Run`.

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> net = mlpc.MLP([1, 8, 1], "tanh", loss="mse", dtype="float64")
    >>> history = net.fit(x, x**2, epochs=100, optimizer=LBFGS(net))
    >>> history["loss"][-1] < 1e-4
    True
    """

    def __init__(self, net: Network, *, memory: int = 10, ftol: float = 2.2e-9, gtol: float = 1e-5) -> None:
        if not isinstance(net, Network):
            raise TypeError(f"net: expected a network, got {net!r}")
        self.net = net
        self.memory = whole_number("memory", memory, 1)
        self.ftol, self.gtol = real_number("ftol", ftol), real_number("gtol", gtol)
        self.schedule = Constant(1.0)
        self.epochs = 0.0
        self.state = {}
        self.message = ""

    @property
    def lr(self) -> float:
        return 1.0

    @lr.setter
    def lr(self, lr: Any) -> None:
        raise ValueError(f"lr: expected none to be set, since LBFGS finds the length of its steps, got {lr!r}")

    def step(self) -> None:
        """Refused: a step needs the loss at several points."""
        raise ValueError("step: expected an optimizer that steps by gradients alone, got LBFGS, which trains in fit")

    def state_dict(self) -> dict[str, Any]:
        """Refused: what SciPy remembers of curvature cannot be written down."""
        raise ValueError(f"state_dict: {NO_STATE}")

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Refused, as `state_dict`."""
        raise ValueError(f"load_state_dict: {NO_STATE}")

    def __repr__(self) -> str:
        return f"LBFGS(memory={self.memory}, ftol={self.ftol!r}, gtol={self.gtol!r}, epochs={self.epochs!r})"


NO_STATE = "expected another optimizer, got LBFGS: what SciPy remembers of curvature cannot be written down"
