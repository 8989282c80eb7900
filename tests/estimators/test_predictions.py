"""Predictions: of rows in whatever form, refused in scikit-learn's words, and those of the weights as they are."""

import copy
import itertools
import pickle

import numpy as np
import pytest

import mlpc

pytest.importorskip("sklearn")
from sklearn import datasets, neural_network, preprocessing
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from mlpc.estimators.frozen import Frozen

sparse = pytest.importorskip("scipy.sparse")

X, Y = datasets.load_iris(return_X_y=True)
X = preprocessing.scale(X)
WHOLE = np.random.default_rng(0).integers(0, 100, X.shape)
SETTINGS = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fitted(kind="MLPClassifier", of=mlpc, dtype="float64", **settings):
    return getattr(of, kind)(**SETTINGS | settings).fit(X.astype(dtype), Y)


FORMS = {
    "float32": lambda x: x.astype("float32"),
    "float16": lambda x: x.astype("float16"),
    "int64": lambda x: x.astype("int64"),
    "uint8": lambda x: x.astype("uint8"),
    "columns": np.asfortranarray,
    "strides": lambda x: np.repeat(x, 2, axis=0)[::2],
    "other bytes": lambda x: x.astype(">f8"),
    "read-only": lambda x: np.frombuffer(x.tobytes()).reshape(x.shape),
    "list": lambda x: x.tolist(),
    "list of arrays": list,
    "tuple": lambda x: tuple(map(tuple, x.tolist())),
    "object": lambda x: x.astype(object),
    "csr_array": sparse.csr_array,
    "csr_matrix": sparse.csr_matrix,
    "csc_matrix": sparse.csc_matrix,
    "zeros stored": lambda x: sparse.csr_matrix((x.ravel(), np.tile(np.arange(4), len(x)), np.arange(len(x) + 1) * 4)),
    "room to spare": lambda x: spacious(sparse.csr_array(x)),
    "int64 columns": lambda x: wide(sparse.csr_array(x)),
}


def spacious(rows):
    rows.data, rows.indices = np.append(rows.data, 7.0), np.append(rows.indices, 0)
    return rows


def wide(rows):
    rows.indices, rows.indptr = rows.indices.astype("int64"), rows.indptr.astype("int64")
    return rows


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("form", FORMS)
def test_the_same_rows_in_another_form_are_told_the_same(form, dtype, rows):
    x = WHOLE[:rows].astype("float64")
    model = fitted(dtype=dtype)
    for ask in ("predict", "predict_proba", "transform"):
        given = getattr(model, ask)(FORMS[form](x.copy()))
        np.testing.assert_array_equal(given, getattr(model, ask)(x))


REFUSED = {
    "a column too few": X[:1, :3],
    "NaN": np.where(np.arange(4) == 2, np.nan, X[:1]),
    "infinity": np.where(np.arange(4) == 2, np.inf, X[:1]),
    "no rows": X[:0],
    "one dimension": X[0],
    "three dimensions": X[:1, None],
    "texts": X[:1].astype(str).astype(object) + "a",
    "texts of numbers": X[:1].astype(str),
    "a list of texts": X[:1].astype(str).tolist(),
    "complex numbers": X[:1] + 1j,
    "rows of several lengths": [[1.0, 2.0], [1.0]],
    "a list that lacks a column": X[:1, :3].tolist(),
    "a list with NaN": [[1.0, 2.0, np.nan, 3.0]],
    "a list of numbers": [1.0, 2.0, 3.0, 4.0],
    "no rows in a list": [],
    "a scalar": 1.0,
    "None": None,
    "sparse rows that lack a column": sparse.csr_matrix(X[:1, :3]),
    "sparse rows with NaN": sparse.csr_matrix(np.where(np.arange(4) == 2, np.nan, X[:1])),
    "no sparse rows": sparse.csr_matrix((0, 4)),
}


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("rows", REFUSED.values(), ids=REFUSED)
def test_rows_are_refused_in_scikit_learns_words(rows, kind):
    said = []
    for of in (neural_network, mlpc):
        with pytest.raises((TypeError, ValueError)) as caught:
            fitted(kind, of).predict(rows)
        said.append((caught.type, str(caught.value)))
    assert said[0] == said[1]


@pytest.mark.parametrize("ask", ["predict", "predict_proba", "transform"])
def test_nothing_is_told_before_a_fit(ask):
    model = mlpc.MLPClassifier()
    with pytest.raises(NotFittedError):
        getattr(model, ask)(X)
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        model.set_params(hidden_layer_sizes=(0,)).fit(X, Y)
    with pytest.raises(ValueError, match="NaN"):
        model.set_params(hidden_layer_sizes=(3,)).fit(np.full_like(X, np.nan), Y)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    with pytest.raises(NotFittedError):
        getattr(model, ask)(X)


PLAIN = [
    "float32",
    "int64",
    "uint8",
    "columns",
    "strides",
    "read-only",
    "list",
    "list of arrays",
    "csr_array",
    "csr_matrix",
]


@pytest.mark.parametrize("form", PLAIN)
def test_plain_rows_need_no_look_of_scikit_learns(form, monkeypatch):
    """Which takes a hundred times as long as the network."""
    model = fitted()
    monkeypatch.setattr("mlpc.estimators.validation.validate_data", None)
    rows = FORMS[form](WHOLE[:1].astype(float)) if "csr" not in form else FORMS[form](X[:1])
    for ask in ("predict", "predict_proba", "transform"):
        assert len(getattr(model, ask)(rows)) == 1


FRAMES = {
    "plain": lambda frame: frame,
    "several types": lambda frame: frame.astype({"a": "int8", "b": "float32"}),
    "flags": lambda frame: frame.astype({"c": "bool"}),
    "missing values allowed": lambda frame: frame.astype({"a": "Int64", "b": "Float64"}),
    "objects": lambda frame: frame.astype({"a": object}),
    "categories": lambda frame: frame.astype({"a": "category"}),
}


@pytest.mark.parametrize("form", FRAMES)
def test_tables_with_names_are_told_what_their_numbers_are(form, monkeypatch):
    pandas = pytest.importorskip("pandas")
    model = mlpc.MLPClassifier(**SETTINGS).fit(pandas.DataFrame(X, columns=list("abcd")), Y)
    frame = FRAMES[form](pandas.DataFrame(WHOLE[:2].astype(float), columns=list("abcd")))
    if form in ("plain", "several types"):
        monkeypatch.setattr("mlpc.estimators.validation.validate_data", None)
    wanted = model.network_.predict_proba(pandas.DataFrame(frame.to_numpy(float), columns=list("abcd")))
    np.testing.assert_array_equal(model.predict_proba(frame), wanted)


def test_tables_of_other_types_than_numpys_are_looked_at():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = mlpc.MLPClassifier(**SETTINGS).fit(frame, Y)
    with pytest.warns(UserWarning, match="DataFrame with sparse columns found"):
        model.predict(frame.astype({"a": pandas.SparseDtype("float64")}))


def test_tables_with_names_are_refused_in_scikit_learns_words():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcd"))
    models = [of.MLPClassifier(**SETTINGS).fit(table, Y) for of in (neural_network, mlpc)]
    for rows in (
        table[list("dcba")], table[list("abc")], table.rename(columns={"a": "e"}), table.assign(a=np.nan),
        table.assign(a="text"), table.assign(a=pandas.NaT), table[:0],
    ):  # fmt: skip
        said = []
        for model in models:
            with pytest.raises((TypeError, ValueError)) as caught:
                model.predict(rows)
            said.append((caught.type, str(caught.value)))
        assert said[0] == said[1]


# ---- The weights as they are -----------------------------------------------------------------------------------------


def assert_current(model):
    """Its answers are those of the network as it is now; asks for what shows the network afterwards alone."""
    told, one = model.predict_proba(X), model.predict_proba(X[:1])
    np.testing.assert_array_equal(told, model.network_.predict_proba(X))
    np.testing.assert_array_equal(one, told[:1])
    return told


@pytest.mark.parametrize("name", ["coefs_", "intercepts_", "network_"])
def test_writes_count_by_whoever_asked_once(name):
    model = fitted()
    before = model.predict_proba(X)
    shown = getattr(model, name)
    numbers = shown.parameters if name == "network_" else shown[0]
    for factor in (0.5, 3.0):
        model.predict(X[:1])
        numbers *= factor
        now = assert_current(model)
        assert not np.array_equal(now, before)
        before = now


def test_weights_are_compared_only_where_somebody_asked_for_them(monkeypatch):
    """It takes longer than to predict a row."""
    compared = []
    look = Frozen._is_current
    monkeypatch.setattr(Frozen, "_is_current", lambda *numbers: compared.append(1) or look(*numbers))
    model = pickle.loads(pickle.dumps(mlpc.MLPClassifier.from_sklearn(fitted().to_sklearn())))
    for ask in (model.predict, model.predict_proba, model.transform, model.predict):
        ask(X[:1])
    assert not compared
    assert model.coefs_
    for _ in range(4):
        model.predict(X[:1])
    assert len(compared) == 3  # the first one makes the copies to compare with


def test_numbers_held_since_before_others_took_their_place_still_count():
    model, other = fitted(), fitted(random_state=1)
    held = model.coefs_[0]
    model.coefs_ = [weight.copy() for weight in other.coefs_]
    assert_current(model)
    held[:] = 0
    assert not assert_current(model)[:, 0].std() > 1e-12


@pytest.mark.parametrize("train", ["fit", "warm", "partial_fit", "lbfgs", "early"])
def test_what_a_training_changes_counts(train):
    settings = {"early": {"early_stopping": True}, "lbfgs": {"solver": "lbfgs"}, "warm": {"warm_start": True}}
    model = fitted(**settings.get(train, {}))
    before = model.predict_proba(X)
    model.set_params(alpha=3.0)
    (model.partial_fit if train == "partial_fit" else model.fit)(X, Y)
    assert not np.array_equal(assert_current(model), before)


def test_a_training_that_diverges_leaves_the_network_as_it_was_before_that_epoch():
    model = fitted(solver="sgd")
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="non-finite"):
        model.set_params(learning_rate_init=1e300, batch_size=20, warm_start=True).fit(X, Y)
    np.testing.assert_array_equal(assert_current(model), before)


def test_in_the_midst_of_a_training_answers_are_those_of_then():
    told = []

    def metric(y, predicted):
        told.append(model.predict_proba(X))
        return float(len(told))

    model = mlpc.MLPClassifier(early_stopping=True, metric=metric, **SETTINGS)
    model.fit(X, Y)
    assert len(told) == 5
    assert not any(np.array_equal(a, b) for a, b in itertools.pairwise(told))
    np.testing.assert_array_equal(told[-1], assert_current(model))


def test_a_callback_may_keep_the_network():
    kept = []
    model = fitted(callbacks=[lambda network, history: kept.append(network)])
    model.predict(X)
    kept[0].parameters[:] = 0
    np.testing.assert_allclose(assert_current(model), 1 / 3)


def test_copies_share_a_network_or_do_not():
    model = fitted()
    model.predict(X)
    shallow, deep, unpickled = copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))
    before = model.predict_proba(X)
    for each in (shallow, deep, unpickled):
        np.testing.assert_array_equal(each.predict_proba(X), before)
    model.partial_fit(X, Y)
    np.testing.assert_array_equal(shallow.predict_proba(X), model.predict_proba(X))
    model.coefs_[0][:] = 0
    np.testing.assert_array_equal(shallow.predict_proba(X), model.predict_proba(X))
    for each in (deep, unpickled):
        np.testing.assert_array_equal(each.predict_proba(X), before)


@pytest.mark.parametrize("name", ["coefs_", "intercepts_", "network_"])
def test_attributes_that_show_the_network_are_ordinary_ones(name):
    assert not hasattr(mlpc.MLPClassifier(), name)
    with pytest.raises(AttributeError, match=f"'MLPClassifier' object has no attribute '{name}'"):
        getattr(mlpc.MLPClassifier(), name)
    model = fitted()
    assert name in vars(model)
    delattr(model, name)
    assert not hasattr(model, name)
