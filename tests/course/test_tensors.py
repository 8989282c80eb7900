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


def test_networks_take_torchs_classes_and_have_relu_as_the_sheet(torch, course):
    for net in (course.MLP([3, 4, 2]), course.MLP(units=[3, 4, 2], activation_class=torch.nn.ReLU)):
        assert [type(layer) for layer in net.layers] == [course.LinearLayer, course.ReLUActivation, course.LinearLayer]
    assert isinstance(
        course.MLP(units=[3, 4, 2], activation_class=torch.nn.Sigmoid).layers[1], course.SigmoidActivation
    )
    assert isinstance(course.MLP(nx=3, nunits=[4, 2]).layers[1], course.SigmoidActivation)
    with pytest.raises(TypeError, match="nunits: expected a list of integers"):
        course.MLP(4, 3)


@pytest.mark.parametrize(
    ("make", "dtype"),
    [
        (lambda torch: [[1, 2]], "float64"),
        (lambda torch: np.array([[1, 2]]), "float64"),
        (lambda torch: np.array([[2, 1]], "f")[:, ::-1], "float32"),  # torch knows no negative strides
        (lambda torch: torch.tensor([[1, 2]]), "float64"),
        (lambda torch: torch.tensor([[True, False]]), "float64"),
        (lambda torch: torch.tensor([[1, 2]], dtype=torch.float16), "float32"),
        (lambda torch: torch.tensor([[1, 2]], dtype=torch.bfloat16), "float32"),
        (lambda torch: torch.ones(1).expand(1, 2), "float32"),
    ],
)
def test_weights_of_any_kind_become_tensors_that_are_updated(torch, course, make, dtype):
    layer = course.LinearLayer(2, 1)
    given = make(torch)
    before = [[float(value) for value in row] for row in given]
    layer.w, layer.b = given, torch.tensor([3])
    assert isinstance(layer.w, torch.Tensor) and layer.w.dtype == getattr(torch, dtype)
    assert layer.w.tolist() == before
    layer.forward(torch.tensor([[1.0, 3.0]]))
    layer.backward(torch.tensor([[1.0]]))
    layer.update(0.5)
    assert layer.w.tolist() == [[before[0][0] - 0.5, before[0][1] - 1.5]] and layer.b.tolist() == [2.5]
    assert [[float(value) for value in row] for row in given] == before


def test_tensors_that_require_gradients_are_kept(torch, course):
    layer, x = course.LinearLayer(2, 1), torch.tensor([[1.0, 3.0]])
    for dtype in (torch.float16, torch.float32, torch.float64):
        w = torch.ones(1, 2, dtype=dtype, requires_grad=True)
        layer.w = w
        assert layer.w is w
        z = layer.forward(x)
        assert z.dtype == torch.float32
        z.sum().backward()
        assert layer.w.grad.tolist() == [[1.0, 3.0]]
        plain = w.detach().float()
        layer.w = plain
        assert layer.w is plain


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda torch: "ab", TypeError, "w: expected real numbers, got dtype <U2"),
        (lambda torch: torch.ones(1, 2, dtype=torch.complex64), TypeError, "w: expected real numbers, got dtype"),
        (lambda torch: torch.ones(1, 2).to_sparse(), TypeError, "w: expected a dense tensor on the CPU"),
        (lambda torch: torch.ones(1, 2, device="meta"), TypeError, "w: expected a dense tensor on the CPU, .* on meta"),
        (lambda torch: torch.ones(2), ValueError, r"w: expected the shape \(nh, nx\) = \(1, 2\), got \(2,\)"),
        (lambda torch: torch.ones(2, 1, requires_grad=True), ValueError, "w: expected the shape"),
    ],
)
def test_what_are_no_weights_is_told(torch, course, make, error, said):
    with pytest.raises(error, match=said):
        course.LinearLayer(2, 1).w = make(torch)


def test_data_that_are_exchanged_under_a_tensor_count(torch, course):
    layer, x = course.LinearLayer(2, 2), torch.tensor([[1.0, 2.0]])
    layer.w.data = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    assert layer.forward(x).tolist() == [[1.0, 6.0]]
    layer = course.LinearLayer(2, 2)
    layer.w.copy_(torch.tensor([[1.0, 0.0], [5.0, 3.0]]))
    layer.w.t_()
    assert layer.forward(x).tolist() == [[11.0, 6.0]]
