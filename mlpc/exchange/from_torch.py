"""Modules of PyTorch as networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpc.arguments import Array
from mlpc.exchange.packages import package
from mlpc.exchange.torch_chain import Step, chain_of, check_forward, dtype_of
from mlpc.layers import ACTIVATIONS, Activation, BatchNorm, LayerNorm
from mlpc.losses import AnyLoss, Loss, loss_named
from mlpc.net import MLP
from mlpc.norm_layers import Norm

if TYPE_CHECKING:
    import torch

__all__ = ["from_torch"]


def from_torch(module: torch.nn.Module, *, loss: AnyLoss = "cross_entropy") -> MLP:
    """The network that computes what a module of PyTorch does, with a copy of its parameters, in its dtype and mode.

    The module is a chain: a Linear, or a Sequential of modules, nested or not, or a module with a single child, whose
    forward passes rows through that and does nothing else; this is tried on a few rows, in eval mode.  The order is
    that of a network: Linear, then BatchNorm1d or LayerNorm, an activation, Dropout, each of which may be missing, and
    a Linear again at the end.  A Dropout may stand before the first Linear; a Flatten or an Identity anywhere: a
    network takes rows (n, n_in).

    Parameters
    ----------
    module : torch.nn.Module
        In float32 or float64, on whatever device.  It stays as it is.
    loss : str, Loss or callable
        The network's own loss, which no module knows.  A Softmax, LogSoftmax or Sigmoid at the end must be the loss's
        own, of "cross_entropy" or "bce_with_logits": the network gives the logits before it, and `predict_proba` what
        comes out of it.

    Returns
    -------
    MLP
        Of seed 0.  A Linear or LayerNorm without bias has one of zeros, and a norm without a gain one of ones, which
        trainings change; what else concerns training alone, as gradients and ``requires_grad``, is left behind.

    Raises
    ------
    ImportError
        Where PyTorch is not installed.
    TypeError, ValueError
        Where there is no such network; the message names the module and where it is.  Among what is refused: another
        order, as an activation before a norm; GELU's approximation by tanh; BatchNorm1d without running statistics or
        with ``momentum=None``; hooks and parametrisations; weights that two modules share.

    Notes
    -----
    Outputs in eval mode are the same but for rounding, with one exception: Softplus, which above its threshold, 20 or
    more, is the identity in PyTorch and has none here, differs by less than ``exp(-threshold)``.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> body = nn.Sequential(nn.Linear(4, 8, bias=False), nn.BatchNorm1d(8), nn.SiLU())
    >>> net = from_torch(nn.Sequential(nn.Flatten(), body, nn.Dropout(0.2), nn.Linear(8, 3), nn.Softmax(dim=1)).eval())
    >>> net
    MLP([4, 8, 3], 'silu', loss='cross_entropy', norm='batch', dropout=0.2, dtype='float32', seed=0)
    >>> from_torch(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.LayerNorm(8), nn.Linear(8, 3)))
    Traceback (most recent call last):
        ...
    ValueError: module: expected a norm behind a Linear, before its activation, got LayerNorm((8,), eps=1e-05,
    elementwise_affine=True, bias=True) at '2'
    """
    torch = package("torch", "from_torch")
    steps = chain_of(torch, module)
    criterion, dtype = loss_named(loss), dtype_of(torch, steps)
    chain = _Chain(steps, criterion)
    hidden = chain.blocks[:-1]
    net = MLP(
        [chain.blocks[0].n_in, *(block.n_out for block in chain.blocks)],
        [block.activation or "identity" for block in hidden],
        loss=criterion, dropout=[block.dropout for block in hidden], input_dropout=chain.input_dropout,
        norm=[block.norm for block in hidden], dtype=dtype, init="zeros",
    )  # fmt: skip
    net.load_state_dict(dict(zip(net.state_dict(), chain.tensors(), strict=True)))
    check_forward(torch, module, steps, net.sizes[0])
    return net.train(module.training)


_LINKS = {"Softmax": "softmax", "LogSoftmax": "softmax", "Sigmoid": "sigmoid"}
_LOSSES = {"softmax": "cross_entropy", "sigmoid": "bce_with_logits"}
_OF_CLASS = {kind.__name__: kind for kind in ACTIVATIONS.values()}
_SETTINGS: dict[str, dict[str, Any]] = {
    "GELU": {"approximate": "none"}, "Softplus": {"beta": 1}, "Hardtanh": {"min_val": -1, "max_val": 1},
}  # fmt: skip
"""Of PyTorch's activations, what they must be where a network's cannot be set."""


@dataclass
class _Block:
    """A Linear and what stands behind it, up to the next one."""

    n_in: int
    n_out: int
    arrays: list[Array]
    norm: Norm | None = None
    activation: Activation | None = None
    dropout: float = 0.0
    latest: Step | None = None  # behind the Linear


class _Chain:
    """The blocks of a chain whose steps stand in the order of a network."""

    def __init__(self, steps: list[Step], loss: Loss) -> None:
        self.blocks: list[_Block] = []
        self.input_dropout = 0.0
        self._batches = 0
        steps = [step for step in steps if not _does_nothing(step)]
        link = steps[-1] if steps and steps[-1].kind in _LINKS else None
        for step in steps if link is None else steps[:-1]:
            self._add(step)
        if not self.blocks:
            raise ValueError("module: expected a Linear at least, got none")
        last = self.blocks[-1].latest
        if last is not None:
            last.refuse("a Linear at the end, behind which only a Softmax or Sigmoid may stand")
        if link is not None:
            _check_link(link, loss)

    def tensors(self) -> list[Array]:
        """In the order of a state dict."""
        arrays = []
        for block in self.blocks:
            counts = [np.array(self._batches, np.int64)] if isinstance(block.norm, BatchNorm) else []
            arrays += block.arrays + counts
        return arrays

    def _add(self, step: Step) -> None:
        match step.kind:
            case "Linear":
                self._add_linear(step)
            case "Dropout":
                self._add_dropout(step)
            case "BatchNorm1d" | "LayerNorm":
                self._add_norm(step)
            case "Softmax" | "LogSoftmax":
                step.refuse("a softmax at the end alone")
            case _:
                self._add_activation(step)

    def _add_linear(self, step: Step) -> None:
        n_in, n_out = step.module.in_features, step.module.out_features
        if n_in < 1 or n_out < 1:
            step.refuse("at least one feature on either side")
        if self.blocks and n_in != self.blocks[-1].n_out:
            step.refuse(f"in_features={self.blocks[-1].n_out}, as many as the Linear before gives")
        self.blocks.append(_Block(n_in, n_out, [step.array("weight", (n_out, n_in)), step.array("bias", (n_out,))]))

    def _add_norm(self, step: Step) -> None:
        block = self._block(step, "a norm behind a Linear, before its activation")
        if block.latest is not None:
            step.refuse("a norm behind a Linear, before its activation")
        shape = (block.n_out,)
        block.arrays += [step.array("weight", shape, 1.0), step.array("bias", shape)]
        if step.kind == "LayerNorm":
            step.expect(normalized_shape=shape)
            block.norm = step.made(lambda: LayerNorm(eps=step.module.eps))
        else:
            step.expect(num_features=block.n_out)
            if step.module.momentum is None or step.module.running_mean is None:
                step.refuse("running statistics that move by a momentum")
            block.norm = step.made(lambda: BatchNorm(eps=step.module.eps, momentum=step.module.momentum))
            block.arrays += [step.array("running_mean", shape), step.array("running_var", shape)]
            self._batches = max(self._batches, int(step.module.num_batches_tracked))
        block.latest = step

    def _add_activation(self, step: Step) -> None:
        where = "an activation behind a Linear or its norm, and one alone, before its Dropout"
        block = self._block(step, where)
        if block.activation is not None or block.dropout:
            step.refuse(where)
        step.expect(**_SETTINGS.get(step.kind, {}))
        if step.kind == "Softplus" and step.module.threshold < 20:
            step.refuse("a threshold of 20 or more, since a network has none")
        make: Any = _OF_CLASS[step.kind]
        block.activation = step.made(lambda: make(**{name: getattr(step.module, name) for name in make().settings}))
        block.latest = step

    def _add_dropout(self, step: Step) -> None:
        if step.module.p == 1:
            step.refuse("a probability below 1")
        if not self.blocks:
            if self.input_dropout:
                step.refuse("one Dropout before the first Linear")
            self.input_dropout = step.module.p
            return
        block = self.blocks[-1]
        if block.dropout:
            step.refuse("one Dropout behind an activation")
        block.dropout, block.latest = step.module.p, step

    def _block(self, step: Step, expected: str) -> _Block:
        """That in which a step stands."""
        if not self.blocks:
            step.refuse(expected)
        return self.blocks[-1]


def _does_nothing(step: Step) -> bool:
    """To rows, once its settings are those that do nothing."""
    if step.kind == "Flatten":
        step.expect(start_dim=1)
        if step.module.end_dim not in (-1, 1):
            step.refuse("end_dim=-1")
    return step.kind in ("Flatten", "Identity") or (step.kind == "Dropout" and step.module.p == 0)


def _check_link(step: Step, loss: Loss) -> None:
    """Whether the loss has the function at the end of a chain in itself."""
    link = _LINKS[step.kind]
    if link == "softmax" and step.module.dim not in (1, -1):
        step.refuse("dim=1, over the outputs of a row")
    if loss.link != link:
        step.refuse(f"loss={_LOSSES[link]!r}, which has it in itself, not {loss}, or a module without it")
