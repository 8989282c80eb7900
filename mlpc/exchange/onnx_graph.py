"""A graph of ONNX while it is built."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlpc.arguments import Array

__all__ = ["Graph"]


class Graph:
    """Nodes and constants, in the order in which they were asked for.

    Parameters
    ----------
    onnx : module
    dtype : dtype
        float32 or float64: of all numbers but labels.
    """

    def __init__(self, onnx: Any, dtype: np.dtype[Any]) -> None:
        self.onnx, self.dtype = onnx, dtype
        self.scope = ""
        """What names of values begin with."""
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    @property
    def single(self) -> bool:
        """Whether numbers are float32, as all attributes of nodes are."""
        return self.dtype == np.float32

    def constant(self, name: str, value: Any) -> str:
        """The name of a value that is always the same: reals in the graph's dtype, integers and texts as they are."""
        array = np.asarray(value, order="C")
        if array.dtype.kind == "f":
            array = array.astype(self.dtype)
        if array.dtype.kind == "U":
            array = array.astype(object)
        self._constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def apply(self, operator: str, *inputs: str | float | Array, output: str = "", **attributes: Any) -> str:
        """The name of what an operator makes of values; numbers and arrays among these become constants."""
        name = f"{self.scope}{operator}_{len(self._nodes)}"
        names = [
            each if isinstance(each, str) else self.constant(f"{name}.{place}", each)
            for place, each in enumerate(inputs)
        ]
        output = output or name
        self._nodes.append(self.onnx.helper.make_node(operator, names, [output], name, **attributes))
        return output

    def value(self, name: str, dtype: np.dtype[Any], shape: list[str | int]) -> Any:
        """An input or output of the whole: dimensions with a name may have any size."""
        helper, kind = self.onnx.helper, self.onnx.TensorProto.STRING
        if dtype.kind != "U":
            kind = helper.np_dtype_to_tensor_dtype(dtype)
        return helper.make_tensor_value_info(name, kind, shape)

    def finished(self, name: str, inputs: list[Any], outputs: list[Any]) -> Any:
        """The graph as ONNX has it."""
        return self.onnx.helper.make_graph(self._nodes, name, inputs, outputs, self._constants)
