"""The course's classes in PyTorch's CPU tensors, which share their memory with the arrays of the kernels in C.

Where w, b, x or z requires gradients, the forward pass and the cost are computed with PyTorch's own operations, so that
autograd's gradients are independent of `backward`'s.
"""

from typing import Any

import numpy as np
import torch

from mlpc.course import classes
from mlpc.course.classes import Curves, train_eval
from mlpc.course.kinds import Kind

__all__ = ["MLP", "CELoss", "Curves", "LinearLayer", "ReLUActivation", "SigmoidActivation", "train_eval"]


class _Tensors(Kind):
    @staticmethod
    def sigmoid(z: Any) -> Any:
        return torch.sigmoid(z)

    @staticmethod
    def relu(z: Any) -> Any:
        return torch.relu(z)

    @staticmethod
    def wrapped(array: Any) -> Any:
        return torch.from_numpy(np.asarray(array))

    @staticmethod
    def differentiable(*arrays: Any) -> bool:
        return torch.is_grad_enabled() and any(getattr(array, "requires_grad", False) for array in arrays)

    @staticmethod
    def parameter(name: str, value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            array = Kind.parameter(name, value)
            return torch.from_numpy(array if min(array.strides, default=0) >= 0 else array.copy())
        if value.is_complex():
            raise TypeError(f"{name}: expected real numbers, got dtype {value.dtype}")
        if value.device.type != "cpu" or value.layout != torch.strided:
            raise TypeError(f"{name}: expected a dense tensor on the CPU, got {value.layout} on {value.device}")
        if value.requires_grad or (value.dtype in (torch.float32, torch.float64) and 0 not in value.stride()):
            return value
        small = value.dtype == torch.float32 or (value.is_floating_point() and value.itemsize < 4)
        return value.to(torch.float32 if small else torch.float64, memory_format=torch.contiguous_format, copy=True)

    @staticmethod
    def place(values: Any) -> Any:
        # values.data = other and values.t_() leave the tensor, and change what it shows.
        return values.data_ptr(), values.stride()

    @staticmethod
    def linear(x: Any, w: Any, b: Any) -> Any:
        return x @ w.to(x.dtype).T + b.to(x.dtype)

    @staticmethod
    def seed() -> int:
        return int(torch.randint(2**31, ()).item())

    @staticmethod
    def cross_entropy(z: Any, y: Any) -> Any:
        return torch.nn.functional.cross_entropy(z, y, reduction="sum")


class LinearLayer(classes.LinearLayer):
    """`mlpc.course.LinearLayer` in tensors."""

    kind = _Tensors


class SigmoidActivation(classes.SigmoidActivation):
    """`mlpc.course.SigmoidActivation` in tensors."""

    kind = _Tensors


class ReLUActivation(classes.ReLUActivation):
    """`mlpc.course.ReLUActivation` in tensors."""

    kind = _Tensors


class MLP(classes.MLP):
    """`mlpc.course.MLP` in tensors; activation_class may be torch.nn.Sigmoid or torch.nn.ReLU as well."""

    linear = LinearLayer
    activations = {"Sigmoid": SigmoidActivation, "ReLU": ReLUActivation}  # noqa: RUF012


class CELoss(classes.CELoss):
    """`mlpc.course.CELoss` in tensors."""

    kind = _Tensors
