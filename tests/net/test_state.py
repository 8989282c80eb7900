"""State dicts, pickles and copies hold the same bits."""

import copy
import pickle

import numpy as np
import pytest

import mlpc


@pytest.fixture(params=["float32", "float64"])
def net(request):
    return mlpc.MLP([4, 6, 5, 3], ["tanh", "identity"], dtype=request.param, seed=5)


def data(n=20):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 4)), rng.integers(0, 3, n)


def test_keys_and_shapes_are_those_of_a_sequential(net):
    shapes = {key: value.shape for key, value in net.state_dict().items()}
    assert shapes == {
        "0.weight": (6, 4), "0.bias": (6,), "2.weight": (5, 6), "2.bias": (5,), "4.weight": (3, 5), "4.bias": (3,),
    }  # fmt: skip


def test_a_state_dict_is_a_copy(net):
    state = net.state_dict()
    assert all(array.flags.c_contiguous and array.dtype == net.dtype for array in state.values())
    state["0.weight"][:] = 7
    assert not (net.layers[0].weight == 7).any()


def test_the_other_dtype_is_converted(net):
    other = mlpc.MLP([4, 6, 5, 3], ["tanh", "identity"], dtype="float64", seed=6)
    net.load_state_dict(other.state_dict())
    assert np.array_equal(net.parameters, other.parameters.astype(net.dtype))


def test_views_of_the_network_itself_can_be_loaded():
    net = mlpc.MLP([3, 3, 3])
    first, last = net.layers[::2]
    expected = np.array(last.weight), np.array(first.weight)
    net.load_state_dict({"0.weight": last.weight, "0.bias": last.bias, "2.weight": first.weight, "2.bias": first.bias})
    assert np.array_equal(first.weight, expected[0]) and np.array_equal(last.weight, expected[1])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda state: state.pop("2.bias"), ValueError, r"missing.*2\.bias"),
        (lambda state: state.update({"6.bias": np.zeros(3)}), ValueError, r"unknown.*6\.bias"),
        (lambda state: state.update({"4.bias": np.zeros(4)}), ValueError, r"4\.bias.*\(3,\).*\(4,\)"),
        (lambda state: state.update({"4.weight": np.zeros((5, 3))}), ValueError, r"4\.weight"),
        (lambda state: state.update({"4.bias": np.zeros(3, complex)}), TypeError, r"4\.bias.*complex"),
    ],
)
def test_a_wrong_state_changes_nothing(net, change, error, words):
    before = net.parameters.copy()
    state = {key: array + 1 for key, array in net.state_dict().items()}
    change(state)
    with pytest.raises(error, match=words):
        net.load_state_dict(state)
    assert np.array_equal(net.parameters, before)


def test_to_and_from_a_torch_sequential(torch, net):
    dtype = getattr(torch, net.dtype.name)
    sequential = torch.nn.Sequential(
        torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 5), torch.nn.Identity(), torch.nn.Linear(5, 3)
    ).to(dtype)
    net.load_state_dict(sequential.state_dict())
    x, _ = data()
    expected = sequential(torch.tensor(x, dtype=dtype)).detach().numpy()
    assert np.allclose(net(x), expected, rtol=0, atol=1e-5 if net.dtype == np.float32 else 1e-14)
    net.load_state_dict(dict(sequential.named_parameters()))  # that require gradients
    net._initialize("he", 1)
    sequential.load_state_dict({key: torch.from_numpy(array) for key, array in net.state_dict().items()})
    net.load_state_dict(sequential.state_dict())
    again = mlpc.MLP([4, 6, 5, 3], ["tanh", "identity"], dtype=net.dtype, init="he", seed=1)
    assert np.array_equal(net.parameters, again.parameters)


COPIES = {
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "pickle": lambda net: pickle.loads(pickle.dumps(net)),
    "copy": lambda net: net.copy(),
}


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
def test_copies_are_equal_to_the_bit_and_independent(net, duplicate):
    x, y = data()
    net.fit(x, y, epochs=2, batch_size=8)
    net.loss_and_grad(x, y)
    net.eval()
    other = duplicate(net)
    assert type(other) is mlpc.MLP and repr(other) == repr(net)
    assert not other.training and other.shuffle_state == net.shuffle_state == (5, 2)
    assert np.array_equal(other.parameters, net.parameters) and np.array_equal(other.gradients, net.gradients)
    assert other.history["loss"] == net.history["loss"] and other.history.zeros == net.history.zeros
    assert other.history is not net.history and other.history["loss"] is not net.history["loss"]
    assert not np.shares_memory(other.parameters, net.parameters)
    before = net.parameters.copy()
    other.fit(x, y, epochs=3, batch_size=8)
    assert np.array_equal(net.parameters, before)
    net.fit(x, y, epochs=3, batch_size=8)
    assert np.array_equal(other.parameters, net.parameters)


def test_a_copy_of_another_dtype_or_with_another_loss(net):
    net.fit(*data(), epochs=1, batch_size=8)
    double, mse = net.copy(dtype=np.float64), net.copy(loss="mse")
    assert double.dtype == np.float64 and double.loss_name == net.loss_name
    assert np.array_equal(double.parameters, net.parameters.astype(np.float64))
    assert mse.loss_name == "mse" and mse.dtype == net.dtype and mse.digest() == net.digest()
    assert np.array_equal(net.copy(dtype="float32").parameters, net.parameters.astype(np.float32))
    with pytest.raises(ValueError, match=r"^loss: expected one of"):
        net.copy(loss="mes")
    for dtype, error in (("int64", ValueError), ("flaot", TypeError)):
        with pytest.raises(error, match=r"^dtype: expected float32 or float64"):
            net.copy(dtype=dtype)


def test_a_copy_made_in_a_callback_keeps_the_record_until_then(net):
    copies = []
    history = net.fit(*data(), epochs=3, callbacks=[lambda net, history: copies.append(net.copy())])
    assert [other.history.epochs for other in copies] == [1, 2, 3] and history.epochs == 3


def test_a_copy_has_no_forward_to_go_back_through(net):
    x, _ = data()
    net(x)
    with pytest.raises(RuntimeError):
        copy.deepcopy(net).backward(np.zeros((len(x), 3)))


class Wide(mlpc.MLP):
    """A subclass with a constructor of its own."""

    def __new__(cls, width):
        return super().__new__(cls, [4, width, 3])

    def __init__(self, width):
        super().__init__([4, width, 3])
        self.width = width


def test_subclasses_pickle_too():
    net = pickle.loads(pickle.dumps(Wide(9)))
    assert type(net) is Wide and net.width == 9 and net.sizes == (4, 9, 3)
    assert np.array_equal(net.parameters, Wide(9).parameters)


def test_an_optimizer_is_copied_with_its_network(net):
    x, y = data()
    optimizer = mlpc.optim.SGD(net, 0.1, momentum=0.9)
    net.fit(x, y, epochs=1, optimizer=optimizer)
    other = copy.deepcopy(optimizer)
    assert other.net is not net and other.epochs == 1
    net.fit(x, y, epochs=1, optimizer=optimizer)
    other.net.fit(x, y, epochs=1, optimizer=other)
    assert np.array_equal(other.net.parameters, net.parameters)


def test_digest_depends_on_every_bit(net):
    assert mlpc.testing.digest(net) == net.digest()
    digest = net.digest()
    assert len(digest) == 64 and digest == copy.copy(net).digest()
    net.parameters[3] = np.nextafter(net.parameters[3], np.inf, dtype=net.dtype)
    assert net.digest() != digest


def test_digest_of_a_network_written_down():
    import hashlib

    net = mlpc.MLP([2, 1], init=[[[1.0, 2.0]], [0.5]])
    expected = b"0.weight:1,2;" + np.array([1, 2], "<f4").tobytes() + b"0.bias:1;" + np.array([0.5], "<f4").tobytes()
    assert net.digest() == hashlib.sha256(expected).hexdigest()
