"""Networks as files of ONNX, run by onnxruntime."""

import importlib
import json
import os
import sys

import numpy as np
import pytest

import mlpc
from mlpc import layers

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

ALL = [*layers.ACTIVATIONS, layers.LeakyReLU(-0.3), layers.ELU(0.25)]
NORMS = [None, layers.BatchNorm(eps=1e-3), layers.LayerNorm(eps=1e-2)]
CLOSE = {"float32": 1e-5, "float64": 1e-12}
N = 20


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "net.onnx")


def rows(n, k):
    return np.random.default_rng(7).normal(0, 3, (n, k))


def shaken(*arguments, **settings):
    """A network in eval mode with every number another one, running statistics too."""
    net = mlpc.MLP(*arguments, **settings).eval()
    rng = np.random.default_rng(5)
    for array in net._all_tensors().values():
        if array.dtype.kind == "f":
            array[...] = rng.uniform(0.2, 1.0, array.shape) * rng.choice([-1, 1], array.shape)
    for layer in net.layers:
        if isinstance(layer, layers.BatchNorm):
            layer.running_var = abs(layer.running_var)
    return net


def run(path, x):
    """The outputs by name."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert given.name == "X" and given.shape == ["n", x.shape[1]]
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": x}), strict=True))


def assert_close(got, expected):
    tolerance = CLOSE[expected.dtype.name]
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance * abs(expected).max(initial=0))


def name_of(value):
    return value if isinstance(value, str) else type(value).__name__


# ---- Layers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", NORMS, ids=str)
@pytest.mark.parametrize("activation", ALL, ids=name_of)
def test_outputs_agree(path, activation, norm, dtype):
    if dtype == np.float64 and activation == "gelu":
        pytest.skip("onnxruntime has no Erf in float64")
    net = shaken([5, 7, 6, 3], activation, norm=norm, dtype=dtype, loss="mse", dropout=0.5, input_dropout=0.1)
    net.to_onnx(path)
    x = rows(N, 5).astype(dtype)
    assert_close(run(path, x)["variable"], net.predict(x))


def test_the_reference_agrees_where_onnxruntime_has_no_kernel(path):
    net = shaken([5, 7, 3], "gelu", dtype="float64", loss="mse")
    net.to_onnx(path)
    x = rows(N, 5)
    (z,) = importlib.import_module("onnx.reference").ReferenceEvaluator(onnx.load(path)).run(None, {"X": x})
    np.testing.assert_allclose(z, net.predict(x), rtol=1e-5, atol=1e-6)  # its Erf is float32's


def test_settings_in_float64_are_not_rounded_to_float32(path):
    net = mlpc.MLP([1, 1, 1], layers.LeakyReLU(0.1), dtype="float64", loss="mse", init=[[[1.0]], [0], [[1.0]], [0]])
    net.to_onnx(path)
    assert run(path, np.array([[-1.0]]))["variable"].tolist() == [-0.1]


@pytest.mark.parametrize("activation", sorted(set(layers.ACTIVATIONS) - {"gelu"}))
def test_extreme_inputs_agree(path, activation, dtype):
    net = mlpc.MLP([1, 1, 1], activation, dtype=dtype, loss="mse", init=[[[1.0]], [0], [[1.0]], [0]])
    net.to_onnx(path)
    x = np.array([[0.0], [-0.0], [100.0], [-100.0], [1e30], [-1e30]], dtype)
    np.testing.assert_allclose(run(path, x)["variable"], net.predict(x), rtol=1e-5, atol=1e-7)


# ---- Outputs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_out", [1, 3])
@pytest.mark.parametrize("loss", mlpc.losses.LOSSES)
def test_outputs_are_those_of_predict(path, loss, n_out, dtype):
    net = shaken([5, 4, n_out + (loss == "cross_entropy")], "tanh", loss=loss, dtype=dtype)
    net.to_onnx(path)
    for n in (0, 1, N):
        x = rows(n, 5).astype(dtype)
        got = run(path, x)
        if net.criterion.classifies:
            assert list(got) == ["label", "probabilities"] and got["label"].dtype == np.int64
            np.testing.assert_array_equal(got["label"], net.predict(x))
            assert got["probabilities"].shape == net.predict_proba(x).shape
            assert_close(got["probabilities"], net.predict_proba(x))
        else:
            assert list(got) == ["variable"] and got["variable"].shape == net.predict(x).shape
            assert_close(got["variable"], net.predict(x))


LABELS = {
    "texts": (["cat", "dog", "größe"], "cross_entropy", 3),
    "integers": ([-5, 2**62, 7], "cross_entropy", 3),
    "whole floats": ([1.0, 2.0, 3.0], "cross_entropy", 3),
    "of one output": (["no", "yes"], "bce_with_logits", 1),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_are_what_the_model_answers(path, name):
    labels, loss, n_out = LABELS[name]
    net, x = shaken([5, 4, n_out], loss=loss), rows(N, 5).astype(np.float32)
    net.labels = labels
    net.to_onnx(path)
    assert run(path, x)["label"].tolist() == [labels[number] for number in net.predict(x)]
    told = {each.key: each.value for each in onnx.load(path).metadata_props}
    assert json.loads(told["labels"]) == labels


@pytest.mark.parametrize("loss", ["bce_with_logits", "mse"])
def test_labels_of_outputs_that_are_no_alternatives_are_told_alone(path, loss):
    net, x = shaken([5, 4, 3], loss=loss), rows(N, 5).astype(np.float32)
    net.labels = [0.5, 1.5, 2.5]
    net.to_onnx(path)
    np.testing.assert_allclose(next(iter(run(path, x).values())), net.predict(x), rtol=1e-5)
    assert json.loads(onnx.load(path).metadata_props[-1].value) == [0.5, 1.5, 2.5]


@pytest.mark.parametrize("labels", [[0.5, 1.0], [1.0, 2.0**63], ["a", "\udc80"]], ids=ascii)
def test_labels_that_onnx_has_not_are_refused(path, labels):
    net = shaken([5, 2])
    net.labels = labels
    with pytest.raises(
        ValueError, match=r"^labels: expected (integers or texts, which ONNX has|texts that UTF-8 can hold), got "
    ):
        net.to_onnx(path)
    assert not os.path.exists(path)


def test_a_loss_that_cannot_predict_is_refused(path):
    with pytest.raises(ValueError, match=r"^loss: expected at least 2 outputs for cross_entropy, got 1"):
        mlpc.MLP([2, 1]).to_onnx(path)
    assert not os.path.exists(path)


def test_of_equal_logits_the_first_is_the_label(path):
    net = mlpc.MLP([2, 3], init="zeros")
    net.to_onnx(path)
    assert run(path, np.zeros((2, 2), np.float32))["label"].tolist() == [0, 0]


def test_a_loss_of_ones_own_predicts_its_outputs(path):
    net = shaken([5, 2], loss=lambda z, y: (0.0, 0 * z))
    net.to_onnx(path)
    x = rows(N, 5).astype(np.float32)
    assert_close(run(path, x)["variable"], net(x))


def test_a_network_in_train_mode_is_written_as_in_eval_mode(path):
    net = shaken([5, 4, 3], norm="batch", dropout=0.5).train()
    net.to_onnx(path)
    x = rows(N, 5).astype(np.float32)
    assert net.training
    assert_close(run(path, x)["probabilities"], net.predict_proba(x))


# ---- The file --------------------------------------------------------------------------------------------------------


def test_the_model_says_what_it_is(path):
    net = shaken([2, 3], loss="cross_entropy")
    net.feature_names = ["age", "größe"]
    net.to_onnx(path)
    model = onnx.load(path)
    told = {each.key: each.value for each in model.metadata_props}
    assert json.loads(told.pop("feature_names")) == ["age", "größe"]
    assert told == {
        "mlpc_version": mlpc.__version__, "arithmetic": str(mlpc.ARITHMETIC), "digest": net.digest(),
        "loss": "cross_entropy",
    }  # fmt: skip
    assert (model.producer_name, model.producer_version) == ("mlpc", mlpc.__version__)
    assert model.ir_version == 8 and [(each.domain, each.version) for each in model.opset_import] == [("", 17)]


def test_weights_have_the_names_and_values_of_the_state_dict(path):
    net = shaken([5, 4, 3], norm="batch")
    net.to_onnx(path)
    stored = {each.name: onnx.numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer}
    for key, array in net.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            np.testing.assert_array_equal(stored[key], array)


def test_equal_networks_give_equal_bytes(tmp_path):
    first, second = (shaken([5, 4, 4, 3], ["gelu", "mish"], norm="layer", seed=seed) for seed in (1, 2))
    one, other = tmp_path / "a.onnx", tmp_path / "b.onnx"
    first.to_onnx(one)
    second.to_onnx(other)
    assert one.read_bytes() == other.read_bytes()
    second.parameters[0] += 1
    second.to_onnx(other)
    assert one.read_bytes() != other.read_bytes()


def test_a_file_that_cannot_be_written_leaves_the_one_before(path, monkeypatch):
    mlpc.MLP([2, 3], seed=1).to_onnx(path)
    with open(path, "rb") as file:
        before = file.read()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        mlpc.MLP([2, 3], seed=2).to_onnx(path)
    with open(path, "rb") as file:
        assert file.read() == before
    assert os.listdir(os.path.dirname(path)) == [os.path.basename(path)]


@pytest.mark.parametrize("wrong", ["net.npz", "net", b"net.onnx", 3, None])
def test_other_paths_are_refused(wrong):
    with pytest.raises((TypeError, ValueError), match=r"^path: expected .*, got "):
        mlpc.MLP([2, 3]).to_onnx(wrong)


def test_a_network_too_large_for_a_file_is_refused(path, monkeypatch):
    monkeypatch.setattr("mlpc.exchange.to_onnx._MOST_BYTES", 35)
    with pytest.raises(ValueError, match="less than 2 GB, the most that a file of ONNX holds, got 36 bytes"):
        mlpc.MLP([2, 3]).to_onnx(path)
    assert not os.path.exists(path)


def test_without_onnx_the_error_says_what_to_install(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"^to_onnx needs onnx: pip install onnx$"):
        mlpc.MLP([2, 3]).to_onnx(path)
