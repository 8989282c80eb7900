"""What `fit` is given: taken, refused and remembered as by scikit-learn, whether or not it had to have a look."""

import copy
import warnings

import numpy as np
import pytest

import mlpc

pytest.importorskip("sklearn")
from sklearn import datasets, neural_network, preprocessing

sparse = pytest.importorskip("scipy.sparse")

X, Y = datasets.load_iris(return_X_y=True)
X = preprocessing.scale(X)
SETTINGS = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def with_a(value, numbers=X):
    numbers = numbers.astype(float)
    numbers.flat[5] = value
    return numbers


BAD = {
    "NaN": (with_a(np.nan), Y),
    "infinity": (with_a(np.inf), Y),
    "sparse NaN": (sparse.csr_matrix(with_a(np.nan)), Y),
    "one dimension": (X[:, 0], Y),
    "three dimensions": (X[None], Y[:1]),
    "no rows": (X[:0], Y[:0]),
    "no columns": (X[:, :0], Y),
    "complex": (X + 1j, Y),
    "texts": (X.astype(str).astype(object) + "a", Y),
    "y too short": (X, Y[:-1]),
    "y of three dimensions": (X, np.zeros((150, 2, 2))),
    "no y": (X, None),
    "a scalar y": (X, np.array(1)),
    "NaN in y": (X, with_a(np.nan, Y)),
    "infinity in y": (X, with_a(np.inf, Y)),
    "a list of another length": (X.tolist(), Y[:-1].tolist()),
}
BAD_LABELS = {
    "numbers": (X, X[:, 0]),
    "several classes in each of two columns": (X, np.stack([Y, Y], axis=1)),
    "bytes": (X, Y.astype("S1")),
    "objects": (X, np.array([frozenset([label]) for label in Y])),
}


def said(of, kind, data, **settings):
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(of, kind)(**SETTINGS | settings).fit(*data)
    return caught.type, str(caught.value)


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_data_are_refused_in_scikit_learns_words(data, kind):
    assert said(mlpc, kind, data) == said(neural_network, kind, data)


@pytest.mark.parametrize("data", BAD_LABELS.values(), ids=BAD_LABELS)
def test_labels_are_refused_in_scikit_learns_words(data):
    assert said(mlpc, "MLPClassifier", data) == said(neural_network, "MLPClassifier", data)


PARAMETERS = [
    {"max_iter": 0}, {"alpha": -1.0}, {"hidden_layer_sizes": "a"}, {"tol": "0.1"}, {"momentum": -0.5}, {"shuffle": 2},
    {"random_state": "0"}, {"n_iter_no_change": 0.5}, {"batch_size": "all"}, {"verbose": "yes"},
]  # fmt: skip


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("settings", PARAMETERS, ids=str)
def test_parameters_are_refused_in_scikit_learns_words(settings, kind):
    ours, theirs = said(mlpc, kind, (X, Y), **settings), said(neural_network, kind, (X, Y), **settings)
    if "momentum" in settings:  # of whose range one has an end that the other has not
        ours, theirs = [(error, text.split(" in the range")[0]) for error, text in (ours, theirs)]
    assert ours == theirs


def test_a_subclass_has_defaults_of_its_own():
    class Smaller(mlpc.MLPClassifier):
        def __init__(self, hidden_layer_sizes=(3,), max_iter=-1):
            super().__init__(hidden_layer_sizes, max_iter=max_iter)

    with pytest.raises(ValueError, match="The 'max_iter' parameter of Smaller must be"):
        Smaller(max_iter=-2).fit(X, Y)
    assert Smaller(max_iter=2).fit(X, Y).coefs_[0].shape == (4, 3)


LABELS = {
    "int8": Y.astype("int8"),
    "uint64": Y.astype("uint64"),
    "two": Y > 0,
    "one": np.zeros(150, int),
    "texts": np.array(["a", "b", "cc"], "<U9")[Y],
    "objects": np.array(["a", "b", "cc"], object)[Y],
    "floats": Y / 2 * 2,
    "a list": Y.tolist(),
    "a column": Y[:, None],
    "negative": -Y,
    "as many as rows": np.arange(150),
    "several": np.eye(3, dtype=int)[Y],
    "several, sparse": sparse.csr_matrix(np.eye(3, dtype=int)[Y]),
}


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@pytest.mark.filterwarnings("ignore:The number of unique classes is greater")
def test_classes_are_those_of_scikit_learn(y):
    theirs, ours = (of.MLPClassifier(**SETTINGS).fit(X, copy.deepcopy(y)) for of in (neural_network, mlpc))
    assert ours.classes_.dtype == theirs.classes_.dtype
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    assert ours.n_outputs_ == theirs.n_outputs_
    told, wanted = ours.predict(X), theirs.predict(X)
    assert told.dtype == wanted.dtype
    assert told.shape == wanted.shape
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-6)


def test_features_are_remembered_as_by_scikit_learn():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    for of in (neural_network, mlpc):
        model = of.MLPClassifier(**SETTINGS).fit(frame, Y)
        assert list(model.feature_names_in_) == list("abcd")
        with pytest.warns(UserWarning, match="X does not have valid feature names, but MLPClassifier was fitted with"):
            model.partial_fit(X, Y)
        with pytest.raises(ValueError, match="X has 3 features, but MLPClassifier is expecting 4 features"):
            model.fit(X, Y).partial_fit(X[:, :3], Y)
        assert not hasattr(model, "feature_names_in_")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.predict(X)
        model.set_params(max_iter=1).fit(X[:, :3], Y)
        assert model.n_features_in_ == 3


FORMS = {
    "columns": np.asfortranarray,
    "other bytes": lambda x: x.astype(">f8"),
    "list": lambda x: x.tolist(),
    "object": lambda x: x.astype(object),
    "strides": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "csr_array": sparse.csr_array,
    "csc_matrix": sparse.csc_matrix,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_same_rows_in_another_form_are_learnt_the_same(form):
    wanted = mlpc.MLPRegressor(**SETTINGS).fit(X, X[:, 0])
    model = mlpc.MLPRegressor(**SETTINGS).fit(form(X.copy()), X[:, 0].astype(object))
    assert model.network_.digest() == wanted.network_.digest()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "y", [Y, Y > 0, np.array(["a", "b", "c"])[Y], np.eye(3, dtype=int)[Y]], ids=["int", "bool", "text", "several"]
)
def test_plain_tables_need_no_look_of_scikit_learns(y, dtype, monkeypatch):
    monkeypatch.setattr("mlpc.estimators.validation.validate_data", None)
    assert mlpc.MLPClassifier(**SETTINGS).fit(X.astype(dtype), y).coefs_[0].dtype == dtype


# ---- What is refused changes nothing ---------------------------------------------------------------------------------

WRONG = {
    "hidden_layer_sizes": ({"hidden_layer_sizes": (0,)}, {}),
    "NaN": ({}, {"X": with_a(np.nan)[:, :3]}),
    "a weight": ({}, {"X": X[:, :3], "y": Y + 1, "sample_weight": -np.ones(150)}),
    "validation_data": ({}, {"X": X[:, :3], "y": Y + 1, "validation_data": (X, Y)}),
    "one row a batch": ({"norm": "batch", "batch_size": 1}, {"X": X[:, :3]}),
    "lbfgs and dropout": ({"solver": "lbfgs", "dropout": 0.5}, {"X": X[:, :3]}),
    "no rows to hold back": ({"early_stopping": True, "validation_fraction": 0.0}, {"X": X[:, :3]}),
    "callbacks": ({"callbacks": ["stop"]}, {"X": X[:, :3]}),
    "loss": ({"loss": mlpc.losses.Poisson()}, {"X": X[:, :3]}),
    "init": ({"init": [X]}, {"X": X[:, :3]}),
}


@pytest.mark.parametrize("settings, data", WRONG.values(), ids=WRONG)
def test_a_fit_that_is_refused_changes_nothing(settings, data):
    """Where scikit-learn forgets what it has learnt."""
    model = mlpc.MLPClassifier(**SETTINGS).fit(X, Y)
    before, told = vars(model).copy(), model.predict_proba(X)
    model.set_params(**settings)
    with pytest.raises((TypeError, ValueError)):
        model.fit(**{"X": X, "y": Y} | data)
    np.testing.assert_array_equal(model.predict_proba(X), told)
    after = vars(model.set_params(**{name: before[name] for name in settings}))
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)
    never = mlpc.MLPClassifier(**SETTINGS | settings)
    with pytest.raises((TypeError, ValueError)):
        never.fit(**{"X": X, "y": Y} | data)
    assert vars(never).keys() == vars(mlpc.MLPClassifier()).keys()


def test_a_first_part_that_is_refused_is_no_first_part():
    model = mlpc.MLPClassifier(**SETTINGS)
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(with_a(np.nan), Y, classes=[0, 1, 2, 3])
    assert list(model.partial_fit(X, Y, classes=[0, 1, 2]).classes_) == [0, 1, 2]
