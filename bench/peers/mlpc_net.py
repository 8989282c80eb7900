"""mlpc: `fit` of a new network, all that it prepares included; `predict`, frozen or not, and `forward`."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import common

import mlpc

OPTIMIZERS = {"sgd": mlpc.optim.SGD, "adam": mlpc.optim.Adam, "adamw": mlpc.optim.AdamW, "rmsprop": mlpc.optim.RMSprop}


def new_net(task, weights):
    mlpc.set_num_threads(task.threads)
    net = mlpc.MLP(
        task.sizes, "relu", dropout=task.dropout, input_dropout=task.input_dropout, norm=task.norm, dtype=task.dtype,
        seed=common.SEED,
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
            return net.fit(x, y, epochs=epochs, progress=False, **settings)["loss"]

        return fit

    return new


def inference(task, variant, weights):
    net = new_net(task, weights)
    return net.freeze().predict if variant == "frozen" else getattr(net, variant)


common.serve(fits=fits, inference=inference)
