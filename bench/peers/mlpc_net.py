"""mlpc: `fit` of a new network, all that it prepares included; `predict`, frozen or not, and `forward`."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import common

import mlpc

OPTIMIZERS = {"sgd": mlpc.optim.SGD, "adam": mlpc.optim.Adam}


def new_net(task, weights):
    mlpc.set_num_threads(task.threads)
    init = [array for layer in weights for array in layer]
    return mlpc.MLP(task.sizes, "relu", dtype=task.dtype, init=init, seed=common.SEED)


def fits(task, variant, x, y, weights):
    def new():
        net = new_net(task, weights)
        optimizer = OPTIMIZERS[task.optimizer](net, lr=task.lr)

        def fit(epochs):  # which shuffles by itself, into the order that all take
            return net.fit(x, y, epochs=epochs, batch_size=task.batch, optimizer=optimizer, progress=False)["loss"]

        return fit

    return new


def inference(task, variant, weights):
    net = new_net(task, weights)
    return net.freeze().predict if variant == "frozen" else getattr(net, variant)


common.serve(fits=fits, inference=inference)
