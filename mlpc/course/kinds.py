"""Kinds of arrays that the course's classes can be written in: NumPy's here, PyTorch's in `mlpc.course.torch`."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlpc.arguments import Array, real_array

__all__ = ["Kind"]


class Kind:
    """NumPy arrays: nothing is to be converted, and nothing differentiates itself."""

    @staticmethod
    def wrapped(array: Array) -> Any:
        """A NumPy array as one of this kind, in the same memory."""
        return array

    @staticmethod
    def differentiable(*arrays: Any) -> bool:
        """Whether one of them asks for gradients of its own, and so for operations of its own."""
        return False

    @staticmethod
    def parameter(name: str, value: Any) -> Any:
        """`value` as an array of float32 or float64 that can be changed in place: itself where it is one."""
        return _floating(name, value)

    @staticmethod
    def place(values: Any) -> Any:
        """Where the numbers of an array lie, as far as that can change under it."""
        return values.strides

    @staticmethod
    def seed() -> int:
        """A number from the stream that ``np.random.seed`` restarts."""
        return int(np.random.randint(2**31))  # noqa: NPY002

    @staticmethod
    def linear(x: Any, w: Any, b: Any) -> Any:
        """Of what differentiates itself."""
        raise NotImplementedError

    @staticmethod
    def sigmoid(z: Any) -> Any:
        """Of what differentiates itself."""
        raise NotImplementedError

    @staticmethod
    def relu(z: Any) -> Any:
        """Of what differentiates itself."""
        raise NotImplementedError

    @staticmethod
    def cross_entropy(z: Any, y: Any) -> Any:
        """Of what differentiates itself: summed over the batch."""
        raise NotImplementedError


def _floating(name: str, value: Any) -> Array:
    """`real_array` in float32 or float64, writable, and no two elements in one place: a copy where it is not so."""
    array = real_array(name, value)
    if array.dtype in (np.float32, np.float64) and array.flags.writeable and 0 not in array.strides:
        return array
    return array.astype(np.float32 if array.dtype.kind == "f" and array.itemsize <= 4 else np.float64)
