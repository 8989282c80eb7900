"""The course's own classes, ready-made over the kernels in C: in NumPy arrays here, in tensors in `mlpc.course.torch`.

Samples stand in rows, and the loss is a sum over the batch: its derivative is softmax minus one-hot, undivided. The
1/n_b of the mean stands in ``dw`` and ``db``; ``dx`` is undivided. A result has the dtype of its input.

>>> import numpy as np
>>> net, ce = MLP(2, [8, 2]), CELoss()
>>> x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32"), np.array([0, 0, 1, 1])
>>> start = ce.value(net.forward(x), y)
>>> for _ in range(100):
...     _ = net.backward(ce.derivative(net.forward(x), y))
...     net.update(0.5)
>>> bool(ce.value(net.forward(x), y) < start)
True
"""

from mlpc.course.classes import MLP, CELoss, Curves, LinearLayer, ReLUActivation, SigmoidActivation, train_eval
from mlpc.course.data import load_data

__all__ = ["MLP", "CELoss", "Curves", "LinearLayer", "ReLUActivation", "SigmoidActivation", "load_data", "train_eval"]
