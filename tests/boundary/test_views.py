"""A view keeps what it shows alive, and shows what kernels read."""

import contextlib
import gc
import pickle
import tracemalloc
import weakref

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc

MSE = ("mse", "mean", None, None)
SGD = ("sgd", (0.0, 0.0), (0.0,) * 5, None, None, (None,) * 3, None, [0.1])


def make_net():
    net = _mlpc.Net([4, 3, 2], ["tanh"], "float64")
    net._initialize("torch", 1)
    return net


def churn():
    """Memory that was freed is handed out again and overwritten."""
    gc.collect()
    return [np.full(n, 7.0) for n in range(1, 4000, 13)]


@pytest.mark.parametrize("name", ["parameters", "gradients"])
def test_buffers_outlive_the_network(name):
    net = make_net()
    net.gradients[:] = np.arange(net.n_parameters)
    view = getattr(net, name)[5:]
    copy = view.copy()
    del net
    churn()
    np.testing.assert_array_equal(view, copy)


def test_views_outlive_the_network():
    net = make_net()
    views = [view for layer in (0, 1) for view in net._views(layer)]
    copies = [view.copy() for view in views]
    del net
    churn()
    for view, copy in zip(views, copies, strict=True):
        np.testing.assert_array_equal(view, copy)
        view[...] = 1


def test_views_show_the_buffers():
    net = make_net()
    weight, bias, weight_grad, bias_grad = net._views(0)
    np.testing.assert_array_equal(weight, net.parameters[:12].reshape(4, 3).T)
    np.testing.assert_array_equal(bias, net.parameters[12:15])
    assert weight.shape == weight_grad.shape == (3, 4)
    x = np.ones((1, 4))
    before = net.forward(x)
    weight *= 2
    bias += 1
    assert (net.forward(x) != before).all()
    net.backward(np.ones((1, 2)), False)
    assert weight_grad.any() and bias_grad.any()
    np.testing.assert_array_equal(weight_grad, net.gradients[:12].reshape(4, 3).T)


def test_memory_is_the_latest_forward_s():
    net = make_net()
    x = np.random.default_rng(0).normal(size=(5, 4))
    z = net.forward(x)
    x0, z0, a0, out0, normed0 = net._memory(0)
    x1, z1, a1, out1, _ = net._memory(1)
    assert np.shares_memory(x0, x)
    weight, bias, _, _ = net._views(0)
    np.testing.assert_allclose(z0, x @ weight.T + bias)
    np.testing.assert_allclose(a0, np.tanh(z0))
    np.testing.assert_array_equal(x1, a0)
    np.testing.assert_array_equal(out0, a0)
    np.testing.assert_array_equal(normed0, z0)
    np.testing.assert_array_equal(z1, z)
    np.testing.assert_array_equal(a1, z)
    for view in (x0, z0, a0, out0, normed0, x1, z1, a1, out1, net._latest_x()):
        assert not view.flags.writeable
    with pytest.raises(ValueError):
        z0.flags.writeable = True


def test_memory_outlives_larger_batches_and_the_network():
    net = make_net()
    net.forward(np.ones((3, 4)))
    views = [*net._memory(0), *net._memory(1)]
    copies = [view.copy() for view in views]
    net.forward(np.full((300, 4), 5.0))
    net.forward(np.full((3, 4), 5.0))
    net._train_epoch(np.ones((9, 4)), np.ones((9, 2)), MSE, None, SGD, 4, True, 0, 0, False, None)
    del net
    churn()
    for view, copy in zip(views, copies, strict=True):
        np.testing.assert_array_equal(view, copy)


def test_x_is_kept_as_it_was():
    """Shape and dtype of the caller's array may change, and it may go, between forward and backward."""
    net = make_net()
    x = np.random.default_rng(0).normal(size=(4, 4))
    net.forward(x)
    dx, gradients = net.backward(np.ones((4, 2)), False), net.gradients.copy()
    with pytest.raises(ValueError, match="resize"):
        x.resize((100, 100))
    del x
    churn()
    np.testing.assert_array_equal(net.backward(np.ones((4, 2)), False), dx)
    np.testing.assert_array_equal(net.gradients, gradients)


def test_a_network_in_a_cycle_is_collected():
    class Sub(_mlpc.Net):
        pass

    net = Sub([4, 2], [], "float32")
    net.itself = net
    net.forward(np.ones((2, 4)))
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None


def use_everything(times):
    """All methods, with arguments that fit and with some that do not."""
    net = make_net()
    x, y = np.ones((50, 4)), np.ones((50, 2))
    for _ in range(times):
        net.loss_and_grad(x, y, MSE, None, False)
        net.backward(net.forward(x), True)
        net._memory(0), net._views(1), net._logits(x), net.evaluate(x, y, MSE, np.ones(50))
        for target in (y, "y", np.ones((50, 2), complex), np.full((50, 2), np.nan)):
            with contextlib.suppress(TypeError, ValueError):
                net._train_epoch(x, target, MSE, np.ones(50), SGD, 7, True, 0, 0, True, None)


def test_nothing_leaks():
    """What Python and NumPy have allocated does not grow with the number of calls, but for caches of some 60 kB."""
    use_everything(10)
    tracemalloc.start()
    try:
        use_everything(10)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        use_everything(3000)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 3000 * 32, "an object has more than 32 bytes"


def test_the_exception_pickles():
    error = pickle.loads(pickle.dumps(mlpc.DivergenceError("why")))
    assert type(error) is mlpc.DivergenceError and error.args == ("why",)


def test_completion_shows_what_a_person_may_use():
    """Names of a network without an underscore: those of the documentation."""
    shown = {name for name in dir(mlpc.MLP([2, 1])) if not name.startswith("_")}
    named = """
        absorb activations backward copy criterion digest dropout dtype eval evaluate feature_names fit forward freeze
        gradients history input_dropout labels layers load_state_dict loss loss_and_grad loss_name loss_per_class
        masks_drawn measure n_parameters norms parameters predict predict_proba save score seed shuffle_state sizes
        state_dict summary to_c to_onnx to_torch train training zero_grad
    """
    assert shown == set(named.split())
