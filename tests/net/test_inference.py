"""predict, predict_proba, evaluate and forward: right, and to the bit what the dense kernels give.

The first layer skips zeros of x where its weight is finite, which a call finds out where that pays.  Here someone
writes to it between calls.
"""

import gc

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc, ops

ROWS = (1, 2, 3, 9, 300)


@pytest.fixture(autouse=True)
def what_was_there_before():
    """Not looked through when a test collects garbage, which took most of its time: what a test before it imported."""
    gc.freeze()


def images(n, columns=310, zeros=0.8, seed=0):
    """Bytes as of images, most of them 0."""
    generator = np.random.Generator(np.random.PCG64([seed, n]))
    x = generator.integers(1, 256, (n, columns)).astype(np.uint8)
    x[generator.random(x.shape) < zeros] = 0
    return x


def dense(net, x):
    """Logits, by kernels that skip nothing."""
    a = np.ascontiguousarray(x, net.dtype)
    for layer in net.layers:
        if isinstance(layer, mlpc.layers.Linear):
            a = ops.linear_forward(a, layer.weight, layer.bias)
        else:
            a = getattr(ops, f"{layer.name}_forward")(a, **layer.settings)
    return a


def make_net(dtype="float32", **more):
    return mlpc.MLP([310, 29, 5], dtype=np.dtype(dtype).name, seed=4, **more)


# ---- The same bits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("n", ROWS)
def test_bits_are_those_of_the_dense_kernels(isa, dtype, n, zeros):
    net = make_net(dtype)
    x = images(n, zeros=zeros).astype(dtype) / 255
    x[x == 0] = np.where(np.arange((x == 0).sum()) % 2, 0.0, -0.0)
    expected = dense(net, x)
    for _ in range(2):
        np.testing.assert_array_equal(net._logits(x), expected)
        np.testing.assert_array_equal(net.forward(x), expected)
        np.testing.assert_array_equal(net.predict(x), expected.argmax(axis=1))


@pytest.mark.parametrize("n", ROWS)
def test_rows_that_are_not_finite(isa, dtype, n):
    net = make_net(dtype)
    x = images(n).astype(dtype)
    x[0, 0], x[-1, -1] = np.nan, np.inf
    expected = dense(net, x)
    for _ in range(2):
        np.testing.assert_array_equal(net._logits(x), expected)


def test_close_to_float64(dtype):
    net = make_net(dtype)
    x = images(40).astype(dtype) / 255
    a, (first, _, last) = x.astype(float), net.layers
    a = np.maximum(a @ first.weight.astype(float).T + first.bias, 0) @ last.weight.astype(float).T + last.bias
    np.testing.assert_allclose(net.forward(x), a, rtol=0, atol=1e-12 if dtype == np.float64 else 2e-6)


def test_what_torch_predicts(torch):
    net = make_net()
    x = images(200).astype(np.float32) / 255
    modules = torch.nn.Sequential(torch.nn.Linear(310, 29), torch.nn.ReLU(), torch.nn.Linear(29, 5))
    modules.load_state_dict({key: torch.from_numpy(value) for key, value in net.state_dict().items()})
    with torch.inference_mode():
        z = modules(torch.from_numpy(x))
    np.testing.assert_allclose(net.predict_proba(x), z.softmax(1).numpy(), atol=1e-5)
    np.testing.assert_array_equal(net.predict(x), z.argmax(1).numpy())


@pytest.mark.parametrize("loss", mlpc.losses.LOSSES)
def test_prediction_of_each_loss(isa, dtype, loss):
    net = make_net(dtype, loss=loss)
    x = images(300).astype(dtype) / 255
    z = dense(net, x)
    expected = {
        "cross_entropy": lambda: z.argmax(axis=1),
        "bce_with_logits": lambda: (z > 0).astype(np.int64),
        "poisson": lambda: ops.exp(z),
    }.get(loss, lambda: z)()
    predicted = net.predict(x)
    assert predicted.dtype == expected.dtype and predicted.shape == expected.shape
    np.testing.assert_array_equal(predicted, expected)
    if loss in ("cross_entropy", "bce_with_logits"):
        expected = ops.softmax(z) if loss == "cross_entropy" else ops.sigmoid_forward(z)
        np.testing.assert_array_equal(net.predict_proba(x), expected)
    assert net.predict(x[:0]).shape == expected[:0].shape if loss != "cross_entropy" else (0,)


def test_the_first_of_equal_logits(isa):
    net = mlpc.MLP([2, 4], init=[[[0, 0], [1, 0], [1, 0], [0, 1]], [0, 0, 0, 0]])
    np.testing.assert_array_equal(net.predict([[0, 0], [1, 0], [1, 1], [0, 1], [-1, 0]]), [0, 1, 1, 3, 0])


def test_predict_leaves_what_backward_needs():
    net = make_net()
    x, y = images(7).astype(np.float32), np.arange(7) % 5
    net.forward(x)
    net.loss(y)
    net.predict(images(20).astype(np.float32))
    net.predict_proba(images(20), scale=0.5)
    dx, gradients = net.backward(), net.gradients.copy()
    net.loss_and_grad(x, y)
    np.testing.assert_array_equal(net.gradients, gradients)
    assert dx.shape == x.shape


# ---- Bytes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1 / 255, None, -0.25, 0.0])
@pytest.mark.parametrize("n", [1, 2, 9, 1000])
def test_bytes_are_the_numbers_that_they_mean(isa, dtype, n, scale):
    """Also where a workspace converts many times: rows of 310 float64 fill it 106 at a time."""
    net = make_net(dtype)
    x = images(n)
    numbers = x.astype(dtype) * dtype(1 if scale is None else scale)
    y = np.arange(n) % 5
    expected = dense(net, numbers)
    np.testing.assert_array_equal(net.forward(x, scale=scale), expected)
    np.testing.assert_array_equal(net.layers[0].input, numbers)
    np.testing.assert_array_equal(net.predict(x, scale=scale), expected.argmax(axis=1))
    np.testing.assert_array_equal(net.predict_proba(x, scale=scale), ops.softmax(expected))
    assert net.evaluate(x, y, scale=scale) == net.evaluate(numbers, y)
    net.loss(y)
    dx = net.backward()
    net.forward(numbers)
    net.loss(y)
    np.testing.assert_array_equal(net.backward(), dx)


def test_bytes_of_any_layout():
    net = make_net()
    x = images(6)
    expected = net.predict_proba(x, scale=0.5)
    wide = np.zeros((12, 620), np.uint8)
    wide[::2, ::2] = x
    for same in (x.tolist(), np.asfortranarray(x), wide[::2, ::2], x[::-1][::-1]):
        same = np.array(same, np.uint8) if isinstance(same, list) else same
        np.testing.assert_array_equal(net.predict_proba(same, scale=0.5), expected)


@pytest.mark.parametrize(
    "x", [np.zeros((2, 310), np.float32), np.zeros((2, 310), np.int8), np.zeros((2, 310)).tolist()]
)
def test_a_scale_belongs_to_bytes(x):
    net = make_net()
    calls = [
        lambda: net.forward(x, scale=0.5),
        lambda: net.predict(x, scale=0.5),
        lambda: net.predict_proba(x, scale=0.5),
        lambda: net.evaluate(x, [0, 1], scale=0.5),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="scale: expected None, since x is not uint8 but"):
            call()


@pytest.mark.parametrize("scale", [np.nan, np.inf, -np.inf, 1e39])
def test_a_scale_is_a_finite_number(scale):
    with pytest.raises(ValueError, match="scale: expected a finite number, got"):
        make_net().predict(images(2), scale=scale)


def test_a_scale_is_a_number():
    with pytest.raises(TypeError, match="scale: expected a real number, got str"):
        make_net().predict(images(2), scale="1")
    with pytest.raises(ValueError, match=r"x: expected shape \(n, 310\), got \(2, 309\)"):
        make_net().predict(images(2)[:, 1:], scale=0.5)


# ---- A weight that is not finite, where x is 0 -----------------------------------------------------------------------


def used(net, x):
    """Calls that find the weight finite, and skip zeros where there are more than a few rows."""
    for _ in range(2):
        assert np.isfinite(net._logits(x)).all()


def by_parameters(net):
    net.parameters[0] = np.inf


def by_memoryview(net):
    memoryview(net.parameters)[0] = float("inf")


def by_weight(net):
    net.layers[0].weight[0, 0] = np.inf


def by_assignment(net):
    weight = net.layers[0].weight.copy()
    weight[0, 0] = np.nan
    net.layers[0].weight = weight


def by_state_dict(net):
    state = net.state_dict()
    state["0.weight"][0, 0] = np.inf
    net.load_state_dict(state)


def by_setstate(net):
    _, _, state = make_net(net.dtype).__reduce__()
    state["parameters"][0] = np.nan
    net.__setstate__(state)


def by_step(net):
    net.gradients[0] = np.inf
    mlpc.optim.SGD(net, lr=1.0).step()


def by_torch(net):
    torch = pytest.importorskip("torch")
    torch.from_numpy(net.parameters)[0] = torch.inf


def by_dlpack(net):
    torch = pytest.importorskip("torch")
    torch.from_dlpack(net.parameters)[0] = torch.inf


WAYS = [
    by_parameters,
    by_memoryview,
    by_weight,
    by_assignment,
    by_state_dict,
    by_setstate,
    by_step,
    by_torch,
    by_dlpack,
]


def results(net, x):
    """All that inference gives for rows x, whose element 0 is 0, and bytes that mean the same."""
    y, scale = np.zeros(len(x), int), 0.5
    numbers = x.astype(net.dtype) * net.dtype.type(scale)
    for row in range(2):
        yield net._logits(numbers[row : row + 1])
        yield net.forward(numbers[row : row + 1])
        yield net.predict_proba(x[row : row + 1], scale=scale)
    yield net._logits(numbers)
    yield net.forward(numbers)
    yield net.forward(x, scale=scale)
    yield net.predict_proba(numbers)
    yield net.predict_proba(x, scale=scale)
    yield net.evaluate(numbers, y)[0]
    yield net.evaluate(x, y, scale=scale)[0]
    yield net.loss_and_grad(numbers, y)


@pytest.mark.parametrize("change", WAYS)
def test_a_weight_that_is_no_longer_finite_gives_nan(isa, dtype, change):
    """Also when whatever it was written through is gone."""
    net, x = make_net(dtype, activation="identity"), images(300)
    x[:, 0] = 0
    used(net, x.astype(dtype))
    change(net)
    gc.collect()
    for result in results(net, x):
        assert np.isnan(result).all()


HOLDERS = {
    "parameters": lambda net: net.parameters,
    "a slice": lambda net: net.parameters[:5],
    "memoryview": lambda net: np.asarray(memoryview(net.parameters)),
    "weight": lambda net: net.layers[0].weight.T.reshape(-1),
    "subclass": lambda net: net.parameters.view(np.recarray),
    "interface": lambda net: np.array(type("Holder", (), {"__array_interface__": _interface(net)})(), copy=False),
    "buffer": lambda net: np.frombuffer(net.parameters, net.dtype),
    "torch": lambda net: pytest.importorskip("torch").from_numpy(net.parameters),
    "numpy of torch": lambda net: pytest.importorskip("torch").from_numpy(net.parameters).numpy(),
    "dlpack": lambda net: np.from_dlpack(net.parameters) if _writable_dlpack(net) else net.parameters,
}


def _interface(net):
    parameters = net.parameters
    return parameters.__array_interface__ | {"data": parameters}


def _writable_dlpack(net):
    return np.from_dlpack(net.parameters).flags.writeable


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("n", ROWS)
def test_a_view_that_is_held(isa, n, holder):
    """It is written to after a call that found the weight finite; then it is dropped, and the weight mended."""
    net, x = make_net(activation="identity"), images(n).astype(np.float32)
    x[:, 0] = 0
    used(net, x)
    view = HOLDERS[holder](net)
    used(net, x)
    kept = float(view[0])
    view[0] = np.inf
    assert np.isnan(net._logits(x)).all() and np.isnan(net.forward(x)).all()
    del view
    gc.collect()
    assert np.isnan(net._logits(x)).all() and np.isnan(net.forward(x)).all()
    net.parameters[0] = kept
    used(net, x)


def test_parameters_stay_what_they_are(dtype):
    net = make_net(dtype)
    before = net.parameters.copy()
    address = net.parameters.ctypes.data
    net.predict(images(3))
    assert net.parameters.ctypes.data == address and address % 64 == 0
    assert net.parameters.flags.writeable and net.parameters.flags.c_contiguous
    np.testing.assert_array_equal(net.parameters, before)


def test_initialize_and_training_are_seen(isa):
    """The weight is not finite before, and is afterwards, and the other way round."""
    net, x = make_net(activation="identity"), images(300).astype(np.float32)
    x[:, 0] = 0
    by_parameters(net)
    assert np.isnan(net._logits(x)).all()
    net._initialize("he", 1)
    used(net, x)
    with pytest.raises(mlpc.DivergenceError):
        net.fit(x, np.arange(300) % 5, epochs=3, lr=1e30, progress=False)
    np.testing.assert_array_equal(net._logits(x), dense(net, x))
    net.fit(x / 255, np.arange(300) % 5, epochs=1, lr=0.01, progress=False)
    np.testing.assert_array_equal(net._logits(x), dense(net, x))


def test_the_bias_and_later_layers_may_be_anything(isa, dtype):
    """Only the first layer skips."""
    net, x = make_net(dtype), images(9).astype(dtype)
    used(net, x)
    net.layers[0].bias[3], net.layers[2].weight[:, 3] = np.inf, -np.inf
    np.testing.assert_array_equal(net._logits(x), dense(net, x))
    net.layers[2].weight[0, 0] = np.nan
    np.testing.assert_array_equal(net._logits(x), dense(net, x))


def test_extension_s_own_door():
    net = make_net()
    x = images(4)
    for output in ("logits", "prediction", "probabilities"):
        assert len(net._predict(x, output, "cross_entropy", 0.5)) == 4
    with pytest.raises(ValueError, match="output: expected one of"):
        net._predict(x, "labels", "cross_entropy", None)
    with pytest.raises(ValueError, match="loss: expected one of"):
        net._predict(x, "logits", "hinge", None)
    with pytest.raises(TypeError, match="from_bytes: expected 3 arguments, got 1"):
        _mlpc.from_bytes(x)
    with pytest.raises(TypeError, match="x: expected uint8, got dtype int8"):
        _mlpc.from_bytes(x.astype(np.int8), 1.0, "float32")


# ---- NaN, and one output ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("loss", "n_out"), [("cross_entropy", 3), ("bce_with_logits", 2), ("bce_with_logits", 1)])
@pytest.mark.parametrize("row", [0, 1, 499])
def test_no_label_is_made_of_nan(loss, n_out, dtype, row):
    net = mlpc.MLP([4, 5, n_out], "tanh", loss=loss, dtype=dtype)
    x = np.random.default_rng(0).normal(size=(500, 4))
    x[row:, 2] = np.nan
    with pytest.raises(ValueError, match=f"^x: expected rows that have a label, got NaN .* for row {row};"):
        net.predict(x)
    probabilities = net.predict_proba(x)
    assert np.isnan(probabilities[row:]).all() and not np.isnan(probabilities[:row]).any()
    assert np.isnan(net.forward(x)[row:]).all()
    x[row:, 2] = 1e30  # not finite when squared, and no NaN
    assert (net.predict(x) >= 0).all()


@pytest.mark.parametrize("loss", ["mse", "poisson"])
def test_numbers_carry_nan_through(loss):
    predicted = mlpc.MLP([1, 2], loss=loss, init="zeros").predict([[1.0], [np.nan]])
    assert np.isnan(predicted).tolist() == [[False, False], [True, True]]


@pytest.mark.parametrize("loss", ["cross_entropy", "bce_with_logits"])
def test_what_is_nan_is_not_right(loss):
    net = mlpc.MLP([1, 2], loss=loss)
    net.parameters[:] = np.nan
    y = [0, 0, 0] if loss == "cross_entropy" else np.zeros((3, 2))
    value, accuracy = net.evaluate(np.ones((3, 1)), y)
    assert np.isnan(value) and accuracy == 0


@pytest.mark.parametrize("loss", ["bce_with_logits", "mse", "mae", "huber", "poisson"])
def test_one_output_predicts_a_column_without_an_axis(loss):
    x = np.random.default_rng(0).normal(size=(50, 4))
    y = (x[:, 0] > 0).astype(float)
    nets = [mlpc.MLP([4, 8, 1], loss=loss) for _ in range(2)]
    for net, targets in zip(nets, (y, y[:, None]), strict=True):
        net.fit(x, targets, epochs=3, progress=False, validation_data=(x, targets))
        assert net.predict(x).shape == (50,)
        assert net.predict(x[:0]).shape == (0,)
        assert net.forward(x).shape == (50, 1) == net.backward(np.ones((50, 1)))[:, :1].shape
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)
    net = nets[0]
    for call in (
        lambda targets: net.evaluate(x, targets),
        lambda targets: net.loss_and_grad(x, targets),
        lambda targets: net.loss(targets),
        lambda targets: mlpc.gradcheck(net, x[:5], targets[:5]),
        lambda targets: mlpc.lr_range_test(net, x, targets).loss.tolist(),
        lambda targets: getattr(mlpc.losses, loss)(net.forward(x), targets)[0],
    ):
        assert call(y) == call(y[:, None])
    if loss == "bce_with_logits":
        assert net.predict(x).dtype == np.int64 and net.predict_proba(x).shape == (50,)
        np.testing.assert_array_equal(net.predict_proba(x), ops.sigmoid_forward(net.forward(x))[:, 0])
        assert (net.predict(x) == y).mean() == net.evaluate(x, y)[1]
    elif loss == "mse":
        np.testing.assert_array_equal(net.predict(x), net.forward(x)[:, 0])
