"""Estimators as files of ONNX, and scikit-learn's as mlpc's."""

import json

import numpy as np
import pytest

import mlpc

pytest.importorskip("sklearn")
from sklearn import datasets, exceptions, neural_network

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = datasets.load_iris(return_X_y=True)
NAMES = datasets.load_iris().target_names[Y]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "model.onnx")


def fitted(kind, y, dtype="float64", **settings):
    settings |= {"hidden_layer_sizes": (6,), "activation": "tanh", "solver": "lbfgs", "max_iter": 5}
    return kind(random_state=0, **settings).fit(X.astype(dtype), y)


def run(path, x):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": x}), strict=True))


LABELS = {
    "integers": Y,
    "other integers": Y.astype(np.uint8) * 10 + 5,
    "whole floats": Y * 2.0,
    "texts": NAMES,
    "texts as objects": NAMES.astype(object),
    "two texts": np.where(Y == 1, "yes", "no"),
    "two integers": np.where(Y == 1, 1, -1),
    "truth values": Y == 1,
    "a single class": np.full(len(Y), 7),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LABELS)
def test_a_classifier_gives_its_labels_and_probabilities(path, name, dtype):
    model = fitted(mlpc.MLPClassifier, LABELS[name], dtype)
    if name == "a single class":
        model.intercepts_[-1][:] = 9  # the network says that it is the other one, which there is not
    model.to_onnx(path)
    x = X.astype(dtype)
    got = run(path, x)
    assert list(got) == ["label", "probabilities"]
    assert got["label"].dtype == (object if "texts" in name else np.int64)
    np.testing.assert_array_equal(got["label"], model.predict(x))
    assert got["probabilities"].dtype == dtype and got["probabilities"].shape == model.predict_proba(x).shape
    np.testing.assert_allclose(got["probabilities"], model.predict_proba(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("y", [np.stack([Y > 0, Y > 1], 1), np.stack([Y == 0, Y == 1, Y == 2], 1)], ids=["2", "3"])
def test_several_labels_are_a_matrix(path, y):
    model = fitted(mlpc.MLPClassifier, y.astype(int))
    model.to_onnx(path)
    got = run(path, X)
    np.testing.assert_array_equal(got["label"], model.predict(X))
    np.testing.assert_allclose(got["probabilities"], model.predict_proba(X), rtol=1e-10)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("columns", [1, 2])
def test_a_regressor_gives_its_predictions(path, columns, loss):
    model = fitted(mlpc.MLPRegressor, X[:, 0] if columns == 1 else X[:, :2], loss=loss)
    model.to_onnx(path)
    got = run(path, X)
    assert list(got) == ["variable"] and got["variable"].shape == model.predict(X).shape
    np.testing.assert_allclose(got["variable"], model.predict(X), rtol=1e-10)


def test_the_model_has_the_names_of_classes_and_columns(path):
    pandas = pytest.importorskip("pandas")
    model = mlpc.MLPClassifier((6,), solver="lbfgs", max_iter=5).fit(pandas.DataFrame(X, columns=list("abcd")), NAMES)
    model.to_onnx(path)
    told = {each.key: each.value for each in onnx.load(path).metadata_props}
    assert json.loads(told["labels"]) == ["setosa", "versicolor", "virginica"]
    assert json.loads(told["feature_names"]) == ["a", "b", "c", "d"]


def test_what_was_written_to_weights_counts(path):
    model = fitted(mlpc.MLPRegressor, X[:, 0])
    model.coefs_[0][:] = 0
    model.intercepts_[1] = np.array([3.5])
    model.to_onnx(path)
    np.testing.assert_allclose(run(path, X)["variable"], model.predict(X), rtol=1e-12)


def test_an_estimator_is_fitted_first(path):
    with pytest.raises(exceptions.NotFittedError):
        mlpc.MLPClassifier().to_onnx(path)


@pytest.mark.parametrize("labels", [[0.5, 1.0, 2.0], [1e300, 1.0, 2.0], [1j, 1, 2], [b"a", b"b", b"c"]], ids=str)
def test_labels_that_onnx_has_not_are_refused(path, labels):
    model = fitted(mlpc.MLPClassifier, Y)
    model.classes_ = np.array(labels)
    with pytest.raises((TypeError, ValueError), match=r"^classes_: expected integers or texts"):
        model.to_onnx(path)


# ---- From scikit-learn -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [NAMES, Y == 1, np.stack([Y > 0, Y > 1], 1).astype(int)], ids=["3", "2", "several"])
def test_a_classifier_of_scikit_learn_becomes_one_of_mlpc(y):
    theirs = fitted(neural_network.MLPClassifier, y)
    ours = mlpc.from_sklearn(theirs)
    assert type(ours) is mlpc.MLPClassifier and ours.activation == "tanh"
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-10)
    before = theirs.coefs_[0].copy()
    ours.network_.parameters[:] = 0
    np.testing.assert_array_equal(theirs.coefs_[0], before)


def test_a_regressor_of_scikit_learn_becomes_one_of_mlpc():
    theirs = fitted(neural_network.MLPRegressor, X[:, :2])
    ours = mlpc.from_sklearn(theirs)
    assert type(ours) is mlpc.MLPRegressor
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-10)


@pytest.mark.parametrize("wrong", [None, "MLPClassifier", neural_network.MLPClassifier, mlpc.MLP([2, 1])], ids=repr)
def test_what_is_no_network_of_scikit_learn_is_refused(wrong):
    with pytest.raises(TypeError, match=r"^estimator: expected an MLPClassifier or MLPRegressor of sklearn"):
        mlpc.from_sklearn(wrong)


def test_one_that_is_not_fitted_is_refused():
    with pytest.raises(exceptions.NotFittedError):
        mlpc.from_sklearn(neural_network.MLPClassifier())
