"""mlpc: `fit` of a new network, all that it prepares included; `predict`, frozen or not, and `forward`; kernels."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import common
import native
import numpy as np
from task import DTYPES

import mlpc

OPTIMIZERS = {"sgd": mlpc.optim.SGD, "adam": mlpc.optim.Adam, "adamw": mlpc.optim.AdamW, "rmsprop": mlpc.optim.RMSprop}


def new_net(task, weights):
    mlpc.set_num_threads(task.threads)
    net = mlpc.MLP(
        task.sizes, task.activation, loss=task.loss, dropout=task.dropout, input_dropout=task.input_dropout,
        norm=task.norm, dtype=task.dtype, seed=common.SEED,
    )  # fmt: skip
    linear = [layer for layer in net.layers if isinstance(layer, mlpc.layers.Linear)]
    for layer, (weight, bias) in zip(linear, weights, strict=True):
        layer.weight, layer.bias = weight, bias
    return net


def fits(task, variant, x, y, weights):
    def new():
        net = new_net(task, weights)
        optimizer = OPTIMIZERS[task.optimizer](net, lr=task.lr, clip_norm=task.clip_norm)

        def fit(epochs):  # which shuffles by itself, into the order that all take
            settings = {"batch_size": task.batch, "optimizer": optimizer, "input_noise": task.input_noise}
            return net.fit(x, y, epochs=epochs, scale=task.scale, progress=False, **settings)["loss"]

        return fit

    return new


def inference(task, variant, weights):
    net = new_net(task, weights)
    return net.freeze().predict if variant == "frozen" else getattr(net, variant)


def products(task, variant, x, w, bias, dz):
    loaded = native.library()
    dtype, sizes = DTYPES.index(str(x.dtype)), (len(x), *w.shape)
    z, dx, dw = map(np.empty_like, (dz, x, w))
    return {
        "forward": lambda count: loaded.forward(dtype, z, x, w, bias, *sizes, count),
        "dx": lambda count: loaded.backward_x(dtype, dx, dz, w, *sizes, count),
        "dw": lambda count: loaded.backward_w(dtype, dw, x, dz, *sizes, count),
    }


common.serve(fits=fits, inference=inference, products=products)
