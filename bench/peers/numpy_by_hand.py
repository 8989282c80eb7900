"""NumPy: back-propagation written out, in place where that is natural."""

import itertools
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import common
import numpy as np


def transposed(weights):
    return [(np.ascontiguousarray(weight.T), bias) for weight, bias in weights]


def epochs(task, variant, x, y, weights):
    weights = transposed(weights)
    update = {"sgd": sgd, "adam": adam}[task.optimizer](task, [array for layer in weights for array in layer])

    def step(x, y):
        """One step of the optimizer; the sum of the losses before it."""
        inputs = []
        a = x
        for weight, bias in weights:
            inputs.append(a)
            z = a @ weight
            z += bias
            if len(inputs) < len(weights):
                a = np.maximum(z, 0)
        z -= z.max(axis=1, keepdims=True)
        exp = np.exp(z)
        total = exp.sum(axis=1, keepdims=True)
        rows = np.arange(len(y))
        loss = (np.log(total[:, 0]) - z[rows, y]).sum()
        dz = exp / total
        dz[rows, y] -= 1
        dz /= z.dtype.type(len(y))
        gradients = []
        for layer in reversed(range(len(weights))):
            weight, _ = weights[layer]
            gradients[:0] = inputs[layer].T @ dz, dz.sum(axis=0)
            if layer:
                dz = dz @ weight.T
                dz *= inputs[layer] > 0
        update(gradients)
        return loss

    def train(order):
        batches = (order[start : start + task.batch] for start in range(0, len(order), task.batch))
        return sum(float(step(x[rows], y[rows])) for rows in batches) / len(order)

    return train


def sgd(task, parameters):
    def update(gradients):
        for parameter, gradient in zip(parameters, gradients, strict=True):
            gradient *= task.lr
            parameter -= gradient

    return update


def adam(task, parameters):
    means = [np.zeros_like(parameter) for parameter in parameters]
    squares = [np.zeros_like(parameter) for parameter in parameters]
    steps = itertools.count(1)

    def update(gradients):
        step = next(steps)
        rate, correction = task.lr / (1 - common.BETA1**step), (1 - common.BETA2**step) ** -0.5
        for parameter, gradient, mean, square in zip(parameters, gradients, means, squares, strict=True):
            mean *= common.BETA1
            mean += (1 - common.BETA1) * gradient
            gradient *= gradient
            gradient *= 1 - common.BETA2
            square *= common.BETA2
            square += gradient
            np.sqrt(square, out=gradient)
            gradient *= correction
            gradient += common.EPS
            np.divide(mean, gradient, out=gradient)
            gradient *= rate
            parameter -= gradient

    return update


def inference(task, variant, weights):
    *hidden, (last, last_bias) = transposed(weights)

    def forward(x):
        for weight, bias in hidden:
            x = x @ weight
            x += bias
            np.maximum(x, 0, out=x)
        x = x @ last
        x += last_bias
        return x

    return forward


def products(task, variant, x, w, bias, dz):
    z, dx, dw = map(np.empty_like, (dz, x, w))

    def forward():
        np.matmul(x, w, out=z)
        np.add(z, bias, out=z)

    return {
        "forward": common.repeated(forward),
        "dx": common.repeated(lambda: np.matmul(dz, w.T, out=dx)),
        "dw": common.repeated(lambda: np.matmul(x.T, dz, out=dw)),
    }


common.serve(epochs=epochs, inference=inference, products=products)
