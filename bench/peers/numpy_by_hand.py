"""NumPy: back-propagation written out, in float32 and in place where that is natural."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import common
import numpy as np


def prepare(x, y, weights, threads):
    weights = [(np.ascontiguousarray(weight.T), bias) for weight, bias in weights]
    lr = np.float32(common.LR)

    def step(x, y):
        """One step of SGD; the sum of the losses before it."""
        inputs = []
        a = x
        for weight, bias in weights:
            inputs.append(a)
            z = a @ weight
            z += bias
            a = np.maximum(z, 0)
        z -= z.max(axis=1, keepdims=True)
        exp = np.exp(z)
        total = exp.sum(axis=1, keepdims=True)
        rows = np.arange(len(y))
        loss = (np.log(total[:, 0]) - z[rows, y]).sum()
        dz = exp / total
        dz[rows, y] -= 1
        dz /= np.float32(len(y))
        for layer in reversed(range(len(weights))):
            weight, bias = weights[layer]
            dw, db = inputs[layer].T @ dz, dz.sum(axis=0)
            if layer:
                dz = dz @ weight.T
                dz *= inputs[layer] > 0
            weight -= lr * dw
            bias -= lr * db
        return loss

    def train(order):
        batches = (order[start : start + common.BATCH] for start in range(0, len(order), common.BATCH))
        return sum(float(step(x[rows], y[rows])) for rows in batches) / len(order)

    return train


common.serve(prepare)
