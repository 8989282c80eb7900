"""scikit-learn: partial_fit, one call per epoch, with everything off that the others do not do."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import common
import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor

sklearn.set_config(assume_finite=True)


class Order(np.random.RandomState):
    """A generator whose one shuffle is known: the classifier gathers batch by batch, which is faster than x[order]."""

    order = None

    def shuffle(self, x):
        x[...] = self.order if self.order is not None and len(x) == len(self.order) else np.arange(len(x))


def share(task):
    """Of the others' loss: its squared error is halved."""
    return 0.5 if task.loss == "mse" else 1.0


def estimator(task, weights, order=None):
    classifies = task.loss == "cross_entropy"
    model = (MLPClassifier if classifies else MLPRegressor)(
        hidden_layer_sizes=[len(bias) for _, bias in weights[:-1]],
        activation={"sigmoid": "logistic"}.get(task.activation, task.activation),
        solver=task.optimizer,
        alpha=0.0,
        batch_size=task.batch,
        learning_rate_init=task.lr if task.optimizer == "adam" else task.lr / share(task),
        epsilon=common.EPS * share(task),
        momentum=0.0,
        nesterovs_momentum=False,
        random_state=order,
    )
    x, y = np.zeros((task.batch, task.sizes[0]), task.dtype), np.zeros(task.batch, int)
    model.partial_fit(x, y, **({"classes": np.arange(task.sizes[-1])} if classifies else {}))  # makes its arrays
    for coefficients, intercepts, (weight, bias) in zip(model.coefs_, model.intercepts_, weights, strict=True):
        coefficients[...], intercepts[...] = weight.T, bias
    del model._optimizer  # which has taken a step
    return model


def epochs(task, variant, x, y, weights):
    order = Order()
    model, y = estimator(task, weights, order), y.ravel()

    def train(samples):
        order.order = samples
        return model.partial_fit(x, y).loss_ / share(task)

    return train


def inference(task, variant, weights):
    return estimator(task, weights).predict


common.serve(epochs=epochs, inference=inference)
