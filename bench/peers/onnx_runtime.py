"""onnxruntime: the network as a graph of Gemm and Relu nodes, inference only."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import common
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def graph(task, weights):
    real = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE}[task.dtype]
    nodes, arrays, name = [], [], "x"
    for layer, (weight, bias) in enumerate(weights):
        arrays += [
            numpy_helper.from_array(np.ascontiguousarray(weight.T), f"w{layer}"),
            numpy_helper.from_array(bias, f"b{layer}"),
        ]
        nodes.append(helper.make_node("Gemm", [name, f"w{layer}", f"b{layer}"], [f"z{layer}"]))
        name = f"z{layer}"
        if layer < len(weights) - 1:
            nodes.append(helper.make_node("Relu", [name], [f"a{layer}"]))
            name = f"a{layer}"
    inputs = [helper.make_tensor_value_info("x", real, [None, task.sizes[0]])]
    outputs = [helper.make_tensor_value_info(name, real, [None, task.sizes[-1]])]
    return helper.make_graph(nodes, "mlp", inputs, outputs, arrays)


def inference(task, variant, weights):
    model = helper.make_model(graph(task, weights), opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = task.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"x": x})[0]


common.serve(inference=inference)
