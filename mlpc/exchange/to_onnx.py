"""Networks as files of ONNX."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from mlpc import _mlpc
from mlpc.arguments import Array
from mlpc.exchange.onnx_graph import Graph
from mlpc.exchange.onnx_layers import layer_nodes
from mlpc.exchange.packages import package
from mlpc.files import named_path, write_atomically
from mlpc.losses import LOSSES
from mlpc.network import Network
from mlpc.version import __version__

__all__ = ["label_array", "to_onnx", "write_onnx"]

OPSET, IR_VERSION = 17, 8
"""Of 2022: as new as layer norm needs, so that as many programs as possible can read it."""
_MOST_BYTES = 2**31 - 2**20  # of a message of protobuf, less what is not parameters


def to_onnx(net: Network, path: str | os.PathLike[str]) -> None:
    """Write the network as a model of ONNX, as which onnxruntime and other programs run it.

    The model computes in eval mode and takes any number of rows, as its input "X" in the network's dtype.  Its outputs
    are what `predict` and `predict_proba` return, under the names that skl2onnx gives them:

    =============== =================================================== ==========================================
    loss            first output                                        second output
    =============== =================================================== ==========================================
    cross_entropy   "label" (n,), int64                                 "probabilities" (n, n_out)
    bce_with_logits "label" (n, n_out), int64; (n,) where n_out is 1    "probabilities" (n, n_out), or (n,) likewise
    others          "variable" (n, n_out), or (n,) likewise             none
    =============== =================================================== ==========================================

    Where the network has `labels`, and a row one of them, "label" is that, int64 or text.  The model's metadata
    have "mlpc_version", "arithmetic", "digest" and "loss", and "feature_names" and "labels" as JSON where there are
    any.  Equal networks give equal bytes.  The file replaces another one only when it is complete and on the disk.

    Parameters
    ----------
    path : str or path-like
        Ends in ".onnx".  The model is of opset 17 and version 8 of the format, which onnxruntime reads from 1.12 on.

    Raises
    ------
    ImportError
        Where onnx is not installed.
    TypeError, ValueError
        Where the path names no such file, the network cannot `predict`, labels are neither integers nor texts, or the
        parameters take 2 GB or more, which no file of ONNX holds.
    OSError
        Where the file cannot be written; what was there before is there still.

    Notes
    -----
    What other programs compute has other bits.  Beside onnxruntime, outputs differ by about 1e-6 of their scale in
    float32.  In float64 it has all that a model needs but Erf, so that none with "gelu" runs; ``net.copy(
    dtype="float32").to_onnx(path)`` writes one that does.

    Examples
    --------
    >>> import mlpc, onnx, os, tempfile
    >>> net = mlpc.MLP([4, 8, 3], "tanh", seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net.to_onnx(os.path.join(folder, "net.onnx"))
    ...     graph = onnx.load(os.path.join(folder, "net.onnx")).graph
    >>> [node.op_type for node in graph.node], [output.name for output in graph.output]
    (['Gemm', 'Tanh', 'Gemm', 'ArgMax', 'Identity', 'Softmax'], ['label', 'probabilities'])
    """
    one_of_them = net.criterion.link == "softmax" or (net.criterion.link == "sigmoid" and net.sizes[-1] == 1)
    write_onnx(net, path, label_array("labels", net.labels) if net.labels and one_of_them else None)


def write_onnx(net: Network, path: str | os.PathLike[str], labels: Array | None, two_columns: bool = False) -> None:
    """`to_onnx` with these labels, of `label_array`.

    `two_columns`: probabilities of a single output are those of both classes, (n, 2).
    """
    text = named_path("path", path, ".onnx")
    onnx = package("onnx", "to_onnx")
    if net.parameters.nbytes > _MOST_BYTES:
        raise ValueError(
            f"to_onnx: expected a network of less than 2 GB, the most that a file of ONNX holds, got "
            f"{net.parameters.nbytes:,} bytes of parameters"
        )
    net._predict(np.zeros((0, net.sizes[0]), net.dtype), "prediction", net.criterion.predicts_as, None)  # may refuse
    graph, z = Graph(onnx, net.dtype), "X"
    for part in net.layers:
        z = layer_nodes(graph, part, z)
    graph.scope = ""
    outputs = _outputs(graph, net, z, labels, two_columns)
    model = onnx.helper.make_model(
        graph.finished("mlpc", [graph.value("X", net.dtype, ["n", net.sizes[0]])], outputs),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="mlpc",
        producer_version=__version__,
    )  # fmt: skip
    onnx.helper.set_model_props(model, _metadata(net, labels))
    onnx.checker.check_model(model, full_check=True)
    write_atomically(text, model.SerializeToString(deterministic=True))


def label_array(name: str, labels: Any) -> Array:
    """Labels as ONNX can give them: int64, of integers, truth values and whole floats, or texts.

    Raises
    ------
    TypeError, ValueError
        Where they are others; `name` is what an error calls them.

    Examples
    --------
    >>> label_array("labels", [1.0, 2.0]), label_array("labels", ["cat", "dog"])
    (array([1, 2]), array(['cat', 'dog'], dtype='<U3'))
    """
    array = np.asarray(labels)
    if array.dtype.kind == "O" and all(isinstance(each, str) for each in array):
        array = array.astype(str)
    if array.dtype.kind == "U":
        for each in array.tolist():
            if each.encode(errors="replace").decode() != each:
                raise ValueError(f"{name}: expected texts that UTF-8 can hold, got {each!r}")
        return array
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected integers or texts, which ONNX has, got {labels!r}")
    with np.errstate(invalid="ignore"):
        whole = array.astype(np.int64)
    if not (whole == array).all():
        raise ValueError(f"{name}: expected integers or texts, which ONNX has, got {labels!r}")
    return whole


def _outputs(graph: Graph, net: Network, z: str, labels: Array | None, two_columns: bool) -> list[Any]:
    """The nodes behind the last layer, which the loss says, and what of them is seen outside."""
    link, n_out = LOSSES[net.criterion.predicts_as]().link, net.sizes[-1]
    if link == "softmax":
        label = _label(graph, graph.apply("ArgMax", z, axis=1, keepdims=0), labels, ["n"])
        graph.apply("Softmax", z, axis=1, output="probabilities")
        return [label, graph.value("probabilities", net.dtype, ["n", n_out])]
    shape: list[str | int] = ["n"] if n_out == 1 else ["n", n_out]
    row = graph.apply("Squeeze", z, np.array([1])) if n_out == 1 else z
    if link != "sigmoid":
        graph.apply("Exp" if link == "exp" else "Identity", row, output="variable")
        return [graph.value("variable", net.dtype, shape)]
    number = graph.apply("Cast", graph.apply("Greater", row, 0.0), to=graph.onnx.TensorProto.INT64)
    label = _label(graph, number, labels if n_out == 1 else None, shape)
    if two_columns:
        shape, p = ["n", 2], graph.apply("Sigmoid", z)
        graph.apply("Concat", graph.apply("Sub", 1.0, p), p, axis=1, output="probabilities")
    else:
        graph.apply("Sigmoid", row, output="probabilities")
    return [label, graph.value("probabilities", net.dtype, shape)]


def _label(graph: Graph, number: str, labels: Array | None, shape: list[str | int]) -> Any:
    """The output of classes: their labels where there are any, else their numbers."""
    if labels is None:
        graph.apply("Identity", number, output="label")
        return graph.value("label", np.dtype(np.int64), shape)
    graph.apply("Gather", graph.constant("labels", labels), number, output="label")
    return graph.value("label", labels.dtype, shape)


def _metadata(net: Network, labels: Array | None) -> dict[str, str]:
    """What the model says of itself."""
    told = {
        "mlpc_version": __version__, "arithmetic": str(_mlpc.ARITHMETIC), "digest": net.digest(), "loss": net.loss_name,
    }  # fmt: skip
    if net.feature_names is not None:
        told["feature_names"] = json.dumps(net.feature_names)
    if labels is not None or net.labels is not None:
        told["labels"] = json.dumps(net.labels if labels is None else labels.tolist())
    return told
