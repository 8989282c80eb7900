"""PyTorch as most people write it: nn.Sequential, autograd, an optimizer, one batch after the other.

Variants: eager; fused, the same with the optimizer's own single kernel; compiled, a whole step as one graph of
torch.compile, which is faster than a compiled loss beside an optimizer; for inference also traced, through torch.jit
and frozen.
"""

import itertools
import pathlib
import sys
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import common
import torch
from torch import nn

OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}


def sequential(task, weights):
    torch.set_num_threads(task.threads)
    layers = []
    for weight, bias in weights:
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        linear.weight.data, linear.bias.data = torch.from_numpy(weight), torch.from_numpy(bias)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def epochs(task, variant, x, y, weights):
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    step = compiled_step(task, x, y, weights) if variant == "compiled" else eager_step(task, variant, x, y, weights)

    def train(order):
        total = torch.zeros(())
        for rows in torch.from_numpy(order).split(task.batch):
            total += step(rows) * len(rows)
        return total / len(order)

    return train


def eager_step(task, variant, x, y, weights):
    model = sequential(task, weights)
    fused = True if variant == "fused" else None
    optimizer = OPTIMIZERS[task.optimizer](model.parameters(), lr=task.lr, fused=fused)

    def step(rows):
        loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def compiled_step(task, x, y, weights):
    torch.set_num_threads(task.threads)
    parameters = [torch.from_numpy(array) for layer in weights for array in layer]
    update, numbers_of_step = {"sgd": sgd, "adam": adam}[task.optimizer](task, parameters)

    def loss_of(parameters, x, y):
        for i in range(0, len(parameters) - 2, 2):
            x = torch.relu(nn.functional.linear(x, parameters[i], parameters[i + 1]))
        return nn.functional.cross_entropy(nn.functional.linear(x, *parameters[-2:]), y)

    gradient_and_loss = torch.func.grad_and_value(loss_of)

    @torch.no_grad()
    @torch.compile(dynamic=False, fullgraph=True)
    def graph(rows, *numbers):
        gradients, loss = gradient_and_loss(parameters, x[rows], y[rows])
        update(gradients, *numbers)
        return loss

    steps = itertools.count(1)
    return lambda rows: graph(rows, *numbers_of_step(next(steps)))


def sgd(task, parameters):
    def update(gradients):
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.sub_(task.lr * gradient)

    return update, lambda step: ()


def adam(task, parameters):
    means = [torch.zeros_like(parameter) for parameter in parameters]
    squares = [torch.zeros_like(parameter) for parameter in parameters]

    def update(gradients, rate, correction):
        for parameter, gradient, mean, square in zip(parameters, gradients, means, squares, strict=True):
            mean.mul_(common.BETA1).add_((1 - common.BETA1) * gradient)
            square.mul_(common.BETA2).add_((1 - common.BETA2) * gradient * gradient)
            parameter.sub_(rate * mean / (square.sqrt() / correction + common.EPS))

    def numbers_of_step(step):
        """As tensors: the graph would be compiled anew for each other number."""
        correction = (1 - common.BETA2**step) ** 0.5
        return torch.tensor(task.lr / (1 - common.BETA1**step)), torch.tensor(correction)

    return update, numbers_of_step


def inference(task, variant, weights):
    model = sequential(task, weights).eval()
    if variant == "compiled":
        model = torch.compile(model, dynamic=False)
    elif variant == "traced":
        example = torch.zeros(1, task.sizes[0], dtype=getattr(torch, task.dtype))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch.jit is deprecated, and still the fastest for one sample
            model = torch.jit.freeze(torch.jit.trace(model, example))

    @torch.inference_mode()
    def forward(x):
        return model(torch.from_numpy(x)).numpy()

    return forward


common.serve(epochs=epochs, inference=inference)
