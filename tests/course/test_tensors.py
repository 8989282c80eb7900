"""mlpc.course.torch as the course's notebook uses it: autograd's gradients of the same classes are independent."""

import numpy as np
import pytest

import mlpc


@pytest.fixture
def course(torch):
    import mlpc.course.torch as course

    torch.manual_seed(0)
    return course


def reference_of(torch, course, net):
    """The course's reference: the same class, whose w and b require gradients."""
    reference = course.MLP(net.nx, net.nunits[1:])
    for layer, other in zip(reference.layers, net.layers, strict=True):
        if isinstance(layer, course.LinearLayer):
            layer.w = other.w.detach().clone().requires_grad_()
            layer.b = other.b.detach().clone().requires_grad_()
    return reference


@pytest.mark.parametrize("rows", [1, 7])
@pytest.mark.parametrize(("dtype", "decimals"), [("float32", 7), ("float64", 14)])
def test_gradients_equal_autograds(torch, course, dtype, decimals, rows):
    net, ce = course.MLP(6, [5, 4, 3]), course.CELoss()
    x, y = torch.randn(rows, 6, dtype=getattr(torch, dtype)), torch.randint(3, (rows,))
    for layer in net.layers[::2]:
        layer.w, layer.b = layer.w.to(x.dtype), layer.b.to(x.dtype)
    reference = reference_of(torch, course, net)
    z = reference.forward(x)
    assert z.grad_fn is not None
    (ce.value(z, y) / rows).backward()
    net.backward(ce.derivative(net.forward(x), y))
    for layer, other in zip(net.layers, reference.layers, strict=True):
        if isinstance(layer, course.LinearLayer):
            np.testing.assert_almost_equal(layer.dw.numpy(), other.w.grad.numpy(), decimals)
            np.testing.assert_almost_equal(layer.db.numpy(), other.b.grad.numpy(), decimals)


@pytest.mark.parametrize("name", ["SigmoidActivation", "ReLUActivation"])
def test_activations_equal_autograds(torch, course, name):
    z = torch.tensor([[-2.0, -0.5, 0.5, 3.0]])
    ours, theirs = getattr(course, name)(), getattr(course, name)()
    leaf = z.clone().requires_grad_()
    a = theirs.forward(leaf)
    np.testing.assert_almost_equal(ours.forward(z).numpy(), a.detach().numpy(), decimal=8)
    a.sum().backward()
    np.testing.assert_almost_equal(ours.backward(torch.ones_like(z)).numpy(), leaf.grad.numpy(), decimal=8)


def test_everything_that_goes_out_is_a_tensor(torch, course):
    net, ce = course.MLP(3, [4, 2]), course.CELoss()
    z, y = net.forward(torch.ones(2, 3)), torch.tensor([0, 1])
    out = [z, ce.value(z, y), ce.derivative(z, y), net.backward(ce.derivative(z, y))]
    layer = net.layers[0]
    assert all(isinstance(a, torch.Tensor) for a in [*out, layer.w, layer.b, layer.dw, layer.db, layer.x, layer.dx])
    assert layer.w.shape == (4, 3) and layer.db.shape == (4,)


def test_an_update_is_seen_through_every_view_of_the_weights(torch, course):
    layer = course.LinearLayer(3, 2)
    view, before = layer.w.numpy(), layer.w.clone()
    layer.forward(torch.ones(1, 3))
    layer.backward(torch.ones(1, 2))
    layer.update(0.5)
    assert view.ctypes.data == layer.w.data_ptr()
    np.testing.assert_allclose(view, before.numpy() - 0.5, rtol=1e-6)


def test_the_seed_of_torch_repeats_the_weights(torch, course):
    torch.manual_seed(5)
    first = course.LinearLayer(3, 2).w
    torch.manual_seed(5)
    assert torch.equal(course.LinearLayer(3, 2).w, first)


def test_train_eval_takes_datasets_and_subsets(torch, course):
    (x, y), _ = mlpc.datasets.load_digits()
    whole = torch.utils.data.TensorDataset(torch.from_numpy(x).reshape(-1, 1, 8, 8), torch.from_numpy(y))
    train, validation = (torch.utils.data.Subset(whole, rows) for rows in mlpc.datasets.stratified_split(y, 200))
    model = course.MLP([64, 32, 10], torch.nn.ReLU)
    curves = course.train_eval(model, 0.1, 10, 32, train, validation)
    assert curves.acc_valid[-1] > 0.9 and len(curves.cost_valid) == 10
    assert model(torch.from_numpy(x)).argmax(dim=1).eq(torch.from_numpy(y)).float().mean() > 0.9
