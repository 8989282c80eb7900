"""Layers are names for parts of the network's memory."""

import gc

import numpy as np
import pytest

import mlpc
from mlpc import layers


@pytest.fixture
def net():
    return mlpc.MLP([4, 3, 5, 2], ["relu", "identity"], seed=3)


def test_layers_stand_as_in_a_sequential(net):
    kinds = [layers.Linear, layers.ReLU, layers.Linear, layers.Identity, layers.Linear]
    assert [type(layer) for layer in net.layers] == kinds
    assert [(layer.n_in, layer.n_out) for layer in net.layers] == [(4, 3), (3, 3), (3, 5), (5, 5), (5, 2)]
    assert sum(layer.n_parameters for layer in net.layers) == net.n_parameters
    assert net.layers[0] == net.layers[0] != net.layers[2]


def test_every_activation_has_a_layer():
    assert sorted(layers.ACTIVATIONS) == sorted(mlpc._mlpc.kernels()["activation"])


def test_views_share_memory_with_the_flat_arrays(net):
    for layer in net.layers[::2]:
        for view in (layer.weight, layer.bias):
            assert view.flags.writeable and np.shares_memory(view, net.parameters)
        for view in (layer.weight_grad, layer.bias_grad):
            assert view.flags.writeable and np.shares_memory(view, net.gradients)
        assert layer.weight.shape == layer.weight_grad.shape == (layer.n_out, layer.n_in)


def test_a_write_through_a_view_counts(net):
    x = np.ones((1, 4))
    before = net(x)
    net.layers[4].bias[1] += 1
    after = net(x)
    assert after[0, 0] == before[0, 0] and after[0, 1] != before[0, 1]


def test_assigning_copies(net):
    layer = net.layers[0]
    value = np.arange(12).reshape(3, 4)
    view = layer.weight
    layer.weight = value
    value[:] = 0
    assert view.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    layer.bias = layer.bias_grad = [1.0, 2.0, 3.0]
    layer.weight_grad = np.ones((3, 4), np.float64)
    assert layer.bias.tolist() == layer.bias_grad.tolist() == [1, 2, 3] and layer.weight_grad.all()
    layer.weight -= 0.5 * layer.weight_grad
    assert net.layers[0].weight[0, 0] == -0.5


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (np.zeros((4, 3)), ValueError),
        (np.zeros(12), ValueError),
        (1.0, ValueError),
        (np.zeros((3, 4), complex), TypeError),
        (np.full((3, 4), "a"), TypeError),
        (np.full((3, 4), None), TypeError),
    ],
)
def test_a_wrong_assignment_changes_nothing(net, value, error):
    before = net.parameters.copy()
    with pytest.raises(error, match=r"layers\[0\]\.weight"):
        net.layers[0].weight = value
    assert np.array_equal(net.parameters, before)


def test_input_and_output_are_read_only_views_of_the_latest_forward(net):
    with pytest.raises(RuntimeError):
        _ = net.layers[0].input
    x = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    z = net(x)
    for layer, following in zip(net.layers, net.layers[1:], strict=False):
        assert layer.input.shape == (6, layer.n_in) and layer.output.shape == (6, layer.n_out)
        assert np.array_equal(layer.output, following.input)
        assert not layer.input.flags.writeable and not layer.output.flags.writeable
    assert np.array_equal(net.layers[0].input, x) and np.array_equal(net.layers[-1].output, z)
    net(x[:2])
    assert net.layers[2].output.shape == (2, 5)


def test_a_view_outlives_its_network():
    weight = mlpc.MLP([200, 300, 10], seed=1).layers[0].weight
    copy = mlpc.MLP([200, 300, 10], seed=1).layers[0].weight.copy()
    gc.collect()
    assert np.array_equal(weight, copy)


def test_the_summary_is_a_table(net):
    lines = str(net.summary()).splitlines()
    assert lines[0].split() == ["layer", "output", "parameters"]
    assert [line.split()[1] for line in lines[2:7]] == ["Linear", "ReLU", "Linear", "Identity", "Linear"]
    assert f"{net.n_parameters:,} parameters" in lines[-1]
