"""scikit-learn: MLPClassifier.partial_fit, one call per epoch, with everything off that the others do not do."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import common
import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

sklearn.set_config(assume_finite=True)


class Order(np.random.RandomState):
    """A generator whose one shuffle is known: the classifier gathers batch by batch, which is faster than x[order]."""

    order = None

    def shuffle(self, x):
        x[...] = self.order if self.order is not None and len(x) == len(self.order) else np.arange(len(x))


def classifier(task, weights, order=None):
    model = MLPClassifier(
        [len(bias) for _, bias in weights[:-1]],
        solver=task.optimizer,
        alpha=0.0,
        batch_size=task.batch,
        learning_rate_init=task.lr,
        momentum=0.0,
        nesterovs_momentum=False,
        random_state=order,
    )
    x = np.zeros((task.batch, task.sizes[0]), task.dtype)
    model.partial_fit(x, np.zeros(task.batch, int), classes=np.arange(task.sizes[-1]))  # makes its arrays
    for coefficients, intercepts, (weight, bias) in zip(model.coefs_, model.intercepts_, weights, strict=True):
        coefficients[...], intercepts[...] = weight.T, bias
    del model._optimizer  # which has taken a step
    return model


def epochs(task, variant, x, y, weights):
    order = Order()
    model = classifier(task, weights, order)

    def train(samples):
        order.order = samples
        return model.partial_fit(x, y).loss_

    return train


def inference(task, variant, weights):
    return classifier(task, weights).predict


common.serve(epochs=epochs, inference=inference)
