"""The frozen predictor: to the bit what the network answered, from any number of threads, and nothing changes it."""

import copy
import gc
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc

SHAPES = {
    "hidden": ([310, 29, 5], "tanh"),
    "deep": ([37, 64, 130, 96, 3], ["relu", "gelu", "identity"]),
    "linear": ([600, 17], "relu"),
    "wide": ([20, 300, 1], "sigmoid"),
}
ROWS = (0, 1, 2, 3, 7, 64, 300)


@pytest.fixture(params=SHAPES)
def shape(request):
    return SHAPES[request.param]


def rows(n, columns, dtype, zeros=0.0):
    rng = np.random.Generator(np.random.PCG64([3, n]))
    x = rng.normal(size=(n, columns)).astype(dtype)
    x[rng.random(x.shape) < zeros] = 0
    return x


def same_answers(predictor, net, x, **scale):
    """Those of the network, computed by products that skip nothing and are packed in every call."""
    np.testing.assert_array_equal(predictor.logits(x, **scale), net.forward(x, **scale))
    np.testing.assert_array_equal(predictor.predict(x, **scale), net.predict(x, **scale))
    assert predictor.predict(x, **scale).dtype == net.predict(x, **scale).dtype
    if net.loss_name in ("cross_entropy", "bce_with_logits"):
        np.testing.assert_array_equal(predictor.predict_proba(x, **scale), net.predict_proba(x, **scale))


# ---- The same bits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zeros", [0.0, 0.9])
def test_bits_are_the_network_s(isa, dtype, shape, zeros):
    sizes, activation = shape
    net = mlpc.MLP(sizes, activation, loss="mse", dtype=dtype, seed=2)
    predictor = net.freeze()
    for n in ROWS:
        x = rows(n, sizes[0], dtype, zeros)
        x[x == 0] = np.where(np.arange((x == 0).sum()) % 2, 0.0, -0.0)
        same_answers(predictor, net, x)


@pytest.mark.parametrize("loss", mlpc.losses.LOSSES)
@pytest.mark.parametrize("n_out", [1, 3, 16])
def test_bits_for_every_loss(dtype, loss, n_out):
    if loss == "cross_entropy" and n_out == 1:
        n_out = 2
    net = mlpc.MLP([12, 20, n_out], loss=loss, dtype=dtype, seed=1)
    predictor = net.freeze()
    for n in ROWS:
        same_answers(predictor, net, rows(n, 12, dtype))


@pytest.mark.parametrize("scale", [1 / 255, None, -0.25])
@pytest.mark.parametrize("zeros", [0.0, 0.8])
def test_bytes_with_a_scale(isa, dtype, scale, zeros):
    """Also where a workspace converts many times: rows of 784 float64 fill it 41 at a time."""
    rng = np.random.default_rng(0)
    net = mlpc.MLP([784, 30, 10], dtype=dtype, seed=1)
    predictor = net.freeze()
    for n in ROWS:
        x = rng.integers(1, 256, (n, 784)).astype(np.uint8)
        x[rng.random(x.shape) < zeros] = 0
        same_answers(predictor, net, x, scale=scale)
        numbers = x.astype(dtype) * dtype(1 if scale is None else scale)
        np.testing.assert_array_equal(predictor.logits(x, scale=scale), predictor.logits(numbers))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_bits_on_several_threads(dtype, threads):
    net = mlpc.MLP([300, 130, 64, 5], "tanh", dtype=dtype, seed=1)
    predictor, before = net.freeze(), mlpc.get_num_threads()
    predictor.predict(rows(1, 300, dtype))  # with memory for one row, on one thread
    expected = [net.forward(rows(n, 300, dtype, zeros)) for n in (5, 1001) for zeros in (0.0, 0.9)]
    mlpc.set_num_threads(threads)
    try:
        got = [predictor.logits(rows(n, 300, dtype, zeros)) for n in (5, 1001) for zeros in (0.0, 0.9)]
    finally:
        mlpc.set_num_threads(before)
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_torch_answers(torch):
    net = mlpc.MLP([310, 29, 5], seed=4)
    x = rows(200, 310, np.float32)
    modules = torch.nn.Sequential(torch.nn.Linear(310, 29), torch.nn.ReLU(), torch.nn.Linear(29, 5))
    modules.load_state_dict({key: torch.from_numpy(value) for key, value in net.state_dict().items()})
    with torch.inference_mode():
        z = modules(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(net.freeze().logits(x), z, atol=1e-5)


# ---- NaN -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_gives_nan(isa, dtype, value):
    """Also where every x is 0 that meets it."""
    net = mlpc.MLP([50, 8, 3], "identity", dtype=dtype, seed=1)
    net.layers[0].weight[:, 0] = value
    predictor = net.freeze()
    for n in ROWS[1:]:
        x = rows(n, 50, dtype, 0.9)
        x[:, 0] = 0
        assert np.isnan(predictor.logits(x)).all() and np.isnan(predictor.predict_proba(x)).all()
        with pytest.raises(ValueError, match=r"^x: expected rows that have a label, got NaN .* for row 0;"):
            predictor.predict(x)


@pytest.mark.parametrize("row", [0, 1, 299])
@pytest.mark.parametrize("loss", ["cross_entropy", "bce_with_logits"])
def test_no_label_is_made_of_nan(loss, row):
    predictor = mlpc.MLP([4, 5, 3], "tanh", loss=loss).freeze()
    x = rows(300, 4, np.float32)
    x[row, 2] = np.nan
    with pytest.raises(ValueError, match=f"^x: expected rows that have a label, got NaN .* for row {row};"):
        predictor.predict(x)
    assert np.isnan(predictor.predict_proba(x)).any(axis=1).nonzero()[0].tolist() == [row]


# ---- Immutable, picklable --------------------------------------------------------------------------------------------


def test_what_becomes_of_the_network_changes_nothing():
    net = mlpc.MLP([20, 30, 4], seed=1)
    x, y = rows(50, 20, np.float32), np.arange(50) % 4
    predictor, held = net.freeze(), net.parameters
    before = [predictor.logits(x[:n]) for n in ROWS]
    net.fit(x, y, epochs=2, progress=False)
    held[:] = np.nan
    del net, held
    for n, z in zip(ROWS, before, strict=True):
        np.testing.assert_array_equal(predictor.logits(x[:n]), z)


def test_attributes_can_be_read_only():
    predictor = mlpc.MLP([4, 5, 6, 3], ["tanh", "relu"], loss="bce_with_logits", dtype="float64").freeze()
    assert predictor.sizes == (4, 5, 6, 3) and predictor.activations == ("tanh", "relu")
    assert predictor.dtype == np.float64 and predictor.loss_name == "bce_with_logits"
    assert predictor.n_parameters == 4 * 5 + 5 + 5 * 6 + 6 + 6 * 3 + 3
    assert repr(predictor) == "Predictor([4, 5, 6, 3], ['tanh', 'relu'], loss='bce_with_logits', dtype='float64')"
    for name in ("sizes", "activations", "dtype", "loss_name", "n_parameters", "parameters", "anything"):
        with pytest.raises(AttributeError):
            setattr(predictor, name, 1)
    parameters = predictor._copy_parameters()
    parameters[:] = 0
    assert predictor._copy_parameters().any()


def test_no_attribute_beyond_what_a_person_may_use():
    shown = {name for name in dir(mlpc.Predictor) if not name.startswith("_")}
    named = "activations dtype feature_names logits loss_name n_parameters predict predict_proba sizes"
    assert shown == set(named.split())


IN_ANOTHER_PROCESS = """
import pickle, sys
predictor, x = pickle.loads(sys.stdin.buffer.read())
sys.stdout.buffer.write(pickle.dumps([predictor, predictor.logits(x), predictor.predict(x)]))
"""


def test_a_pickle_answers_the_same(dtype):
    net = mlpc.MLP([30, 40, 2], "gelu", loss="bce_with_logits", dtype=dtype, seed=3)
    predictor, x = net.freeze(), rows(90, 30, dtype)
    for other in (pickle.loads(pickle.dumps(predictor)), copy.copy(predictor), copy.deepcopy(predictor)):
        assert type(other) is mlpc.Predictor and repr(other) == repr(predictor)
        same_answers(other, net, x)
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS]
    done = subprocess.run(command, input=pickle.dumps([predictor, x]), capture_output=True, check=True)
    back, z, labels = pickle.loads(done.stdout)
    np.testing.assert_array_equal(z, net.forward(x))
    np.testing.assert_array_equal(labels, net.predict(x))
    same_answers(back, net, x)


# ---- Many threads ----------------------------------------------------------------------------------------------------


def test_eight_threads_at_once():
    """Rows, few and many, dense and sparse, while the network itself goes on training."""
    net = mlpc.MLP([100, 50, 10], seed=1)
    predictor = net.freeze()
    inputs = [rows(n, 100, np.float32, zeros) for n in (1, 2, 5, 400, 3000) for zeros in (0.0, 0.9)]
    expected = [net.forward(x) for x in inputs]
    start, wrong = threading.Barrier(9), []

    def work(first):
        start.wait()
        for i in range(first, first + 60):
            z = predictor.logits(inputs[i % len(inputs)])
            if not np.array_equal(z, expected[i % len(inputs)]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    start.wait()
    net.fit(inputs[-1], np.arange(3000) % 10, epochs=2, progress=False)
    for thread in threads:
        thread.join()
    assert not wrong


# ---- Arguments -------------------------------------------------------------------------------------------------------


def test_arguments():
    predictor = mlpc.MLP([3, 2], loss="mse").freeze()
    with pytest.raises(ValueError, match=r"^x: expected shape \(n, 3\), got \(1, 2\)"):
        predictor.predict([[1.0, 2.0]])
    with pytest.raises(ValueError, match=r"^predict_proba: expected a network of classification, got one"):
        predictor.predict_proba([[1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match=r"^scale: expected None, since x is not uint8"):
        predictor.logits([[1.0, 2.0, 3.0]], scale=0.5)
    with pytest.raises(ValueError, match=r"^scale: expected a finite number"):
        predictor.logits(np.ones((1, 3), np.uint8), scale=np.nan)
    with pytest.raises(ValueError, match="output: expected one of"):
        predictor._predict(np.ones((1, 3)), "labels", None)
    with pytest.raises(ValueError, match="cross_entropy"):
        mlpc.MLP([3, 1]).freeze().predict([[1.0, 2.0, 3.0]])


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (([3], [], "float32", "mse", []), ValueError, "sizes: expected at least two"),
        (([3, 2], ["relu"], "float32", "mse", []), ValueError, "activations: expected 0, one per hidden layer, got 1"),
        (([3, 2], [], "int8", "mse", []), ValueError, "dtype: expected float32 or float64"),
        (([3, 2], [], "float32", "hinge", []), ValueError, "loss: expected one of"),
        (([3, 2], [], "float32", "mse", [1.0] * 7), ValueError, r"parameters: expected shape \(8,\), got \(7,\)"),
        (([3, 2], [], "float32", "mse", ["a"] * 8), TypeError, "parameters: expected real numbers"),
    ],
)
def test_a_predictor_that_cannot_be(arguments, error, text):
    with pytest.raises(error, match=f"^{text}"):
        mlpc.Predictor(*arguments)


def test_extension_s_own_door():
    with pytest.raises(TypeError, match="Predictor: expected no keywords"):
        _mlpc.Predictor([3, 2], [], "float32", "mse", parameters=np.ones(8))
    with pytest.raises(TypeError):
        _mlpc.Predictor([3, 2], [], "float32", "mse")


def test_nobody_sees_a_predictor_that_is_not_whole():
    """What is converted may run code that sees all objects."""
    seen = []

    class Parameters:
        def __array__(self, dtype=None, copy=None):
            predictors = [each for each in gc.get_objects() if type(each) is _mlpc.Predictor]
            seen.extend(each._predict(np.ones((1, 2)), "logits", None) for each in predictors)
            return np.zeros(6)

    made = _mlpc.Predictor([2, 2], [], "float64", "mse", Parameters())
    assert not seen and made.n_parameters == 6
