"""PyTorch as most people write it: nn.Sequential, autograd, an optimizer, one batch after the other.

Variants: eager; fused, the same with the optimizer's own single kernel; compiled, fused and with loss and gradient
through torch.compile; for inference also traced, through torch.jit and frozen.
"""

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
    model = sequential(task, weights)
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    fused = None if variant == "eager" else True
    optimizer = OPTIMIZERS[task.optimizer](model.parameters(), lr=task.lr, fused=fused)

    def loss_of(rows):
        return nn.functional.cross_entropy(model(x[rows]), y[rows])

    if variant == "compiled":
        loss_of = torch.compile(loss_of, dynamic=False)

    def train(order):
        total = torch.zeros(())
        for rows in torch.from_numpy(order).split(task.batch):
            loss = loss_of(rows)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
        return total / len(order)

    return train


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
