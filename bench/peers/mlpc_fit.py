"""mlpc: one `fit` of one epoch each time, what it prepares once per `fit` included."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import common

import mlpc


def prepare(x, y, weights, threads):
    if hasattr(mlpc, "set_num_threads"):
        mlpc.set_num_threads(threads)
    sizes = [x.shape[1], *(len(bias) for _, bias in weights)]
    net = mlpc.MLP(sizes, "relu", init=[array for layer in weights for array in layer], seed=common.SEED)
    optimizer = mlpc.optim.SGD(net, lr=common.LR)

    def train(order):  # fit shuffles by itself, into this very order
        return net.fit(x, y, epochs=1, batch_size=common.BATCH, optimizer=optimizer, progress=False)["loss"][-1]

    return train


common.serve(prepare)
