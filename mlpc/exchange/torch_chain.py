"""A module of PyTorch as a chain of layers: what is in it, in the order in which numbers pass through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import numpy as np

from mlpc.arguments import Array
from mlpc.layers import ACTIVATIONS

__all__ = ["Step", "chain_of", "check_forward", "dtype_of"]

T = TypeVar("T")

_KNOWN = (
    "Linear", "BatchNorm1d", "LayerNorm", "Dropout", "Flatten", "Softmax", "LogSoftmax",
    *(kind.__name__ for kind in ACTIVATIONS.values()),
)  # fmt: skip
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@dataclass(frozen=True)
class Step:
    """One module of a chain.

    Attributes
    ----------
    path : str
        Where it is, as `named_modules` of the whole says it.
    module : torch.nn.Module
    kind : str
        The name of its class.
    """

    path: str
    module: Any

    @property
    def kind(self) -> str:
        return type(self.module).__name__

    def refuse(self, expected: str) -> NoReturn:
        """Say what was expected where this module is."""
        raise ValueError(f"module: expected {expected}, got {self}")

    def expect(self, **settings: Any) -> None:
        """Refuse settings that are others."""
        for name, value in settings.items():
            if getattr(self.module, name) != value:
                self.refuse(f"{name}={value!r}")

    def made(self, make: Callable[[], T]) -> T:
        """What a setting of the module makes; where none can have it, the module is refused."""
        try:
            return make()
        except (TypeError, ValueError) as error:
            raise ValueError(f"module: {error}, in {self}") from error

    def array(self, name: str, shape: tuple[int, ...], missing: float = 0.0) -> Array:
        """A tensor of the module as an array, wherever its numbers are; where it is None, one of a number."""
        tensor = getattr(self.module, name)
        if tensor is None:
            return np.full(shape, missing)
        if tensor.is_meta:
            self.refuse(f"a {name} with numbers, not on the meta device")
        if tuple(tensor.shape) != shape:
            self.refuse(f"a {name} of shape {shape}, not {tuple(tensor.shape)}")
        array: Array = tensor.detach().cpu().numpy()
        return array

    def __str__(self) -> str:
        text = self.kind if self.module._modules else str(self.module)
        return f"{text} at {self.path!r}" if self.path else text


def chain_of(torch: Any, module: Any) -> list[Step]:
    """The modules of a chain, each checked to compute what its class says, with what is its own.

    Raises
    ------
    TypeError, ValueError
        Where it is no chain, or something else takes part: hooks, parametrisations, weights that two modules share.
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module: expected a torch.nn.Module, got {type(module).__name__}")
    _check_alone(torch, module)
    steps = list(_steps(torch, module, ""))
    _check_unshared(steps)
    _check_one_mode(steps)
    return steps


def _is_known(torch: Any, module: Any) -> bool:
    """Whether its class says what it computes: no class derived from one that does."""
    return any(type(module) is getattr(torch.nn, name) for name in _KNOWN)


def _steps(torch: Any, module: Any, path: str) -> Iterator[Step]:
    if _is_known(torch, module):
        yield Step(path, module)
        return
    children = list(module._modules.items())  # named_children leaves out what it has seen
    leads_on = isinstance(module, torch.nn.Sequential) or len(children) == 1
    if not leads_on or list(module.parameters(recurse=False)) or list(module.buffers(recurse=False)):
        Step(path, module).refuse(
            f"a Sequential, a module with a single child and no tensors of its own, or one of {', '.join(_KNOWN)}"
        )
    for name, child in children:
        yield from _steps(torch, child, f"{path}.{name}" if path else name)


def _check_alone(torch: Any, module: Any) -> None:
    """What changes what a module computes, and is no module of the chain."""
    for path, each in module.named_modules():
        step = Step(path, each)
        if any(getattr(each, hooks) for hooks in _HOOKS):
            step.refuse("modules without hooks, which a network cannot have")
        if torch.nn.utils.parametrize.is_parametrized(each):
            step.refuse("weights as they are, as torch.nn.utils.parametrize.remove_parametrizations leaves them")


def _check_unshared(steps: list[Step]) -> None:
    """Weights that are one thing here would be two in a network, and part in training."""
    seen: dict[int, Step] = {}
    for step in steps:
        for parameter in step.module.parameters():
            if id(parameter) in seen:
                step.refuse(f"weights of its own, not those of {seen[id(parameter)]}")
            seen[id(parameter)] = step


def _check_one_mode(steps: list[Step]) -> None:
    """A network has one mode; only what differs between the two says what a module is in."""
    differing = [step for step in steps if step.kind in ("Dropout", "BatchNorm1d")]
    for step in differing:
        if step.module.training != differing[0].module.training:
            step.refuse("modules in one mode, as module.train() and module.eval() leave them")


def dtype_of(torch: Any, steps: list[Step]) -> str:
    """The name of the one dtype of all tensors.

    Raises
    ------
    ValueError
        Where there are several, or it is neither float32 nor float64.
    """
    found: Any = None
    for step in steps:
        for tensor in (*step.module.parameters(), *step.module.buffers()):
            if tensor.dtype not in (torch.float32, torch.float64, torch.int64):  # batches are counted by the last
                step.refuse(f"float32 or float64, as module.float() makes, not {tensor.dtype}")
            if tensor.dtype != torch.int64:
                found = found or tensor.dtype
                if tensor.dtype != found:
                    step.refuse(f"{found} as before, not {tensor.dtype}")
    return str(found).removeprefix("torch.")


def check_forward(torch: Any, module: Any, steps: list[Step], n_in: int) -> None:
    """Whether a forward of a stranger's gives, for a few rows in eval mode, what the chain gives.

    Raises
    ------
    ValueError
        Where it does not.
    """
    if not any(_has_own_forward(torch, each) for each in module.modules()):
        return
    rows = np.random.default_rng(0).normal(size=(4, n_in)) * [[0.1], [1.0], [10.0], [100.0]]
    x = torch.as_tensor(rows).to(next(module.parameters()))
    modes = [(each, each.training) for each in module.modules()]
    try:
        for each, _ in modes:
            each.training = False
        with torch.no_grad():
            expected = x
            for step in steps:
                expected = type(step.module).forward(step.module, expected)
            got = module(x)
    except Exception as error:  # whatever a stranger's forward raises
        raise ValueError(
            f"module: expected a forward that takes rows of shape {tuple(x.shape)}, got {type(error).__name__}: {error}"
        ) from error
    finally:
        for each, mode in modes:
            each.training = mode
    if (
        not isinstance(got, torch.Tensor)
        or got.shape != expected.shape
        or not torch.allclose(got, expected, rtol=1e-4, atol=0, equal_nan=True)
    ):
        raise ValueError(
            f"module: expected a forward that passes rows through {len(steps)} modules one after the other and does "
            f"nothing else, got another one in {type(module).__name__}"
        )


def _has_own_forward(torch: Any, module: Any) -> bool:
    if "forward" in vars(module):
        return True
    return not _is_known(torch, module) and type(module).forward is not torch.nn.Sequential.forward
