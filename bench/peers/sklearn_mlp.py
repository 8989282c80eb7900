"""scikit-learn: MLPClassifier.partial_fit, one call per epoch, with everything off that plain SGD does not have."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import common
import numpy as np
from sklearn.neural_network import MLPClassifier


def prepare(x, y, weights, threads):
    model = MLPClassifier(
        [len(bias) for _, bias in weights[:-1]],
        solver="sgd",
        alpha=0.0,
        batch_size=common.BATCH,
        learning_rate_init=common.LR,
        momentum=0.0,
        nesterovs_momentum=False,
        shuffle=False,  # the order comes from outside
    )
    model.partial_fit(x[: common.BATCH], y[: common.BATCH], classes=np.arange(10))  # makes its arrays
    for coefficients, intercepts, (weight, bias) in zip(model.coefs_, model.intercepts_, weights, strict=True):
        coefficients[...], intercepts[...] = weight.T, bias

    def train(order):
        return model.partial_fit(x[order], y[order]).loss_

    return train


common.serve(prepare)
