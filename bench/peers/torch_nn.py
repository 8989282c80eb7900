"""PyTorch as most people write it: nn.Sequential, autograd, an optimizer, one batch after the other.

Variants: eager; fused, the same in its fastest form, with the optimizer's own single kernel, or, where it has none,
with functions of lists of tensors, as in clipping, and with batches of a sparse matrix made dense; compiled, a whole
step as one graph of torch.compile, which is faster than a compiled loss beside an optimizer; for inference also traced,
through torch.jit and frozen.
"""

import functools
import itertools
import pathlib
import sys
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import common
import torch
from torch import nn

OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
}
ACTIVATIONS = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "hardtanh": nn.Hardtanh,
    "identity": nn.Identity,
    "leaky_relu": nn.LeakyReLU,
    "mish": nn.Mish,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "selu": nn.SELU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}
LOSSES = {"cross_entropy": nn.functional.cross_entropy, "mse": nn.functional.mse_loss}
NORMS = {"layer": nn.LayerNorm, "batch": nn.BatchNorm1d}
NORM_EPS, NORM_MOMENTUM = 1e-5, 0.1
SMOOTHING, CLIP_EPS, DECAY = 0.99, 1e-6, 0.01  # of RMSprop, of clip_grad_norm_ and of AdamW


def sequential(task, weights):
    torch.set_num_threads(task.threads)
    layers = [Noise(task.input_noise)] if task.input_noise else []
    layers += [nn.Dropout(task.input_dropout)] if task.input_dropout else []
    for number, (weight, bias) in enumerate(weights, 1):
        kind = SparseLinear if task.is_sparse and number == 1 else nn.Linear
        linear = kind(weight.shape[1], weight.shape[0])
        linear.weight.data, linear.bias.data = torch.from_numpy(weight), torch.from_numpy(bias)
        layers.append(linear)
        if number < len(weights):
            layers += [NORMS[task.norm](len(bias))] if task.norm else []
            layers.append(ACTIVATIONS[task.activation]())
            layers += [nn.Dropout(task.dropout[number - 1])] if task.dropout[number - 1] else []
    return nn.Sequential(*layers)


class Noise(nn.Module):
    """Normal noise in train mode."""

    def __init__(self, deviation):
        super().__init__()
        self.deviation = deviation

    def forward(self, x):
        return x + self.deviation * torch.randn_like(x) if self.training else x


class SparseLinear(nn.Linear):
    """Of rows that may be a sparse tensor."""

    def forward(self, x):
        return torch.sparse.mm(x, self.weight.t()) + self.bias if x.is_sparse_csr else super().forward(x)


class SparseRows:
    """A matrix of SciPy's, whose rows are taken as a sparse tensor, or as a dense one."""

    def __init__(self, matrix, dense):
        self.matrix, self.dense = matrix, dense

    def __getitem__(self, rows):
        rows = self.matrix[rows.numpy()]
        if self.dense:
            return torch.from_numpy(rows.toarray())
        parts = map(torch.from_numpy, (rows.indptr, rows.indices, rows.data))
        return torch.sparse_csr_tensor(*parts, rows.shape, check_invariants=False)


def batch_of(task, x, rows):
    x = x[rows]
    return x.to(getattr(torch, task.dtype)) * task.scale if task.scale else x


def epochs(task, variant, x, y, weights):
    warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
    x, y = SparseRows(x, variant == "fused") if task.is_sparse else torch.from_numpy(x), torch.from_numpy(y)
    step = compiled_step(task, x, y, weights) if variant == "compiled" else eager_step(task, variant, x, y, weights)

    def train(order):
        total = torch.zeros(())
        for rows in torch.from_numpy(order).split(task.batch):
            total += step(rows) * len(rows)
        return total / len(order)

    return train


def eager_step(task, variant, x, y, weights):
    model, loss_function = sequential(task, weights), LOSSES[task.loss]
    best = {"foreach": True} if task.optimizer == "rmsprop" else {"fused": True}
    chosen = best if variant == "fused" else {}
    optimizer = OPTIMIZERS[task.optimizer](model.parameters(), lr=task.lr, **chosen)

    def step(rows):
        loss = loss_function(model(batch_of(task, x, rows)), y[rows])
        optimizer.zero_grad()
        loss.backward()
        if task.clip_norm:
            nn.utils.clip_grad_norm_(model.parameters(), task.clip_norm, foreach=variant == "fused")
        optimizer.step()
        return loss.detach()

    return step


def compiled_step(task, x, y, weights):
    torch.set_num_threads(task.threads)
    parameters = [torch.from_numpy(array) for layer in weights for array in layer]
    parameters += [make(units) for units in task.sizes[1:-1] for make in (torch.ones, torch.zeros) if task.norm]
    running = [make(units) for units in task.sizes[1:-1] for make in (torch.zeros, torch.ones)]
    update, numbers_of_step = {"sgd": sgd, "adam": adam, "adamw": adam, "rmsprop": rmsprop}[task.optimizer](
        task, parameters
    )
    gradient_and_loss = torch.func.grad_and_value(functools.partial(loss_of, task), has_aux=True)

    @torch.no_grad()
    @torch.compile(dynamic=False, fullgraph=True)
    def graph(rows, *numbers):
        gradients, (loss, statistics) = gradient_and_loss(parameters, batch_of(task, x, rows), y[rows])
        for mean, new in zip(running, statistics, strict=False):  # without batch norm there are none
            mean.mul_(1 - NORM_MOMENTUM).add_(NORM_MOMENTUM * new)
        if task.clip_norm:
            norm = sum((gradient * gradient).sum() for gradient in gradients).sqrt()
            factor = (task.clip_norm / (norm + CLIP_EPS)).clamp(max=1)
            gradients = [gradient * factor for gradient in gradients]
        update(gradients, *numbers)
        return loss

    steps = itertools.count(1)
    return lambda rows: graph(rows, *numbers_of_step(next(steps)))


def loss_of(task, parameters, x, y):
    """The loss of a batch, and the means and variances that batch norm would remember."""
    hidden, activation = len(task.sizes) - 2, ACTIVATIONS[task.activation]()
    statistics = []
    if task.input_noise:
        x = x + task.input_noise * torch.randn_like(x)
    x = nn.functional.dropout(x, task.input_dropout)
    for i in range(hidden):
        x = nn.functional.linear(x, *parameters[2 * i : 2 * i + 2])
        gain_and_shift = parameters[2 * (hidden + 1 + i) : 2 * (hidden + 2 + i)]
        if task.norm == "layer":
            x = nn.functional.layer_norm(x, x.shape[1:], *gain_and_shift, NORM_EPS)
        elif task.norm == "batch":
            variance, mean = torch.var_mean(x, 0, correction=0)
            statistics += [mean, variance * (len(x) / (len(x) - 1))]
            gain, shift = gain_and_shift
            x = (x - mean) * torch.rsqrt(variance + NORM_EPS) * gain + shift
        x = nn.functional.dropout(activation(x), task.dropout[i])
    z = nn.functional.linear(x, *parameters[2 * hidden : 2 * hidden + 2])
    return LOSSES[task.loss](z, y), statistics


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
            if task.optimizer == "adamw":
                parameter.mul_(1 - task.lr * DECAY)
            parameter.sub_(rate * mean / (square.sqrt() / correction + common.EPS))

    def numbers_of_step(step):
        """As tensors: the graph would be compiled anew for each other number."""
        correction = (1 - common.BETA2**step) ** 0.5
        return torch.tensor(task.lr / (1 - common.BETA1**step)), torch.tensor(correction)

    return update, numbers_of_step


def rmsprop(task, parameters):
    squares = [torch.zeros_like(parameter) for parameter in parameters]

    def update(gradients):
        for parameter, gradient, square in zip(parameters, gradients, squares, strict=True):
            square.mul_(SMOOTHING).add_((1 - SMOOTHING) * gradient * gradient)
            parameter.sub_(task.lr * gradient / (square.sqrt() + common.EPS))

    return update, lambda step: ()


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


def products(task, variant, x, w, bias, dz):
    """With the weight as nn.Linear has it."""
    torch.set_num_threads(task.threads)
    x, bias, dz = map(torch.from_numpy, (x, bias, dz))
    weight = torch.from_numpy(w).t().contiguous()
    z, dx, dw = map(torch.empty_like, (dz, x, weight))
    return {
        "forward": common.repeated(lambda: torch.addmm(bias, x, weight.t(), out=z)),
        "dx": common.repeated(lambda: torch.mm(dz, weight, out=dx)),
        "dw": common.repeated(lambda: torch.mm(dz.t(), x, out=dw)),
    }


common.serve(epochs=epochs, inference=inference, products=products)
