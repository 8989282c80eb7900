"""A 3-2-1 network with relu and mse, worked by hand: every number below can be checked on paper.

    x = (1, 2, -1)

    W1 = | 1   0  -1 |   b1 = (0.5, 1)        z1 = W1 x + b1 = (1 + 1 + 0.5, -2 - 3 + 1) = (2.5, -4)
         | 0  -1   3 |                        a1 = relu(z1) = (2.5, 0)
    W2 = | 2   5 |       b2 = -1              z2 = 2 * 2.5 + 5 * 0 - 1 = 4

    y = 1.5     L = (z2 - y)^2 = 6.25         dz2 = 2 (z2 - y) = 5

    dW2 = dz2 a1 = (12.5, 0)                  db2 = 5
    da1 = dz2 W2 = (10, 25)                   dz1 = (10, 0): the second unit is off
    dW1 = dz1 x^T = | 10  20  -10 |           db1 = (10, 0)
                    |  0   0    0 |
    dx = W1^T dz1 = (10, 0, -10)

All numbers are exact in float32 and float64, so that the comparisons are too.
"""

import numpy as np
import pytest

import mlpc

X = [[1.0, 2.0, -1.0]]
Y = [[1.5]]
INIT = [[[1.0, 0.0, -1.0], [0.0, -1.0, 3.0]], [0.5, 1.0], [[2.0, 5.0]], [-1.0]]
GRADIENTS = {
    "0.weight": [[10, 20, -10], [0, 0, 0]],
    "0.bias": [10, 0],
    "2.weight": [[12.5, 0]],
    "2.bias": [5],
}


@pytest.fixture(params=["float32", "float64"])
def net(request):
    return mlpc.MLP([3, 2, 1], "relu", loss="mse", dtype=request.param, init=INIT)


def assert_gradients(net, factor=1.0):
    for layer in net.layers[::2]:
        assert layer.weight_grad.tolist() == (factor * np.array(GRADIENTS[f"{layer.index}.weight"])).tolist()
        assert layer.bias_grad.tolist() == (factor * np.array(GRADIENTS[f"{layer.index}.bias"])).tolist()


def test_forward_leaves_every_intermediate_result(net):
    z = net.forward(X)
    first, relu, last = net.layers
    assert z.dtype == net.dtype and z.tolist() == [[4.0]]
    assert first.input.tolist() == X and first.output.tolist() == [[2.5, -4.0]]
    assert relu.input.tolist() == [[2.5, -4.0]] and relu.output.tolist() == [[2.5, 0.0]]
    assert last.input.tolist() == [[2.5, 0.0]] and last.output.tolist() == [[4.0]]


def test_backward_from_a_derivative(net):
    net.forward(X)
    assert net.backward([[5.0]]).tolist() == [[10.0, 0.0, -10.0]]
    assert_gradients(net)


def test_loss_then_backward(net):
    net(X)
    assert net.loss(Y) == 6.25
    assert net.backward().tolist() == [[10.0, 0.0, -10.0]]
    assert_gradients(net)


def test_one_call(net):
    assert net.loss_and_grad(X, Y) == 6.25
    assert_gradients(net)


def test_flat_gradients_hold_each_weight_as_inputs_by_outputs(net):
    net.loss_and_grad(X, Y)
    assert net.gradients.tolist() == [10, 0, 20, 0, -10, 0, 10, 0, 12.5, 0, 5]
    assert net.parameters.tolist() == [1, 0, 0, -1, -1, 3, 0.5, 1, 2, 5, -1]


def test_two_equal_rows_have_the_same_mean_and_twice_the_sum(net):
    assert net.loss_and_grad(2 * X, 2 * Y) == 6.25
    assert_gradients(net)
    assert net.loss_and_grad(2 * X, 2 * Y, reduction="sum") == 12.5
    assert_gradients(net, 2.0)


def test_gradients_are_replaced_or_added_and_backward_repeats(net):
    net.loss_and_grad(X, Y)
    net.loss_and_grad(X, Y)
    assert_gradients(net)
    net.backward(accumulate=True)
    assert_gradients(net, 2.0)
    net.backward()
    assert_gradients(net)
    net.zero_grad()
    assert not net.gradients.any()


def test_one_step_of_sgd(net):
    net.loss_and_grad(X, Y)
    mlpc.optim.SGD(net, lr=0.125).step()
    assert net.layers[2].weight.tolist() == [[2 - 12.5 / 8, 5.0]]
    assert net.layers[0].bias.tolist() == [0.5 - 10 / 8, 1.0]


def test_predictions_and_evaluation(net):
    assert net.predict(X).tolist() == [4.0]
    assert net.evaluate(X, Y) == (6.25, None)
    assert net.evaluate(X, Y, "mae") == (2.5, None)
