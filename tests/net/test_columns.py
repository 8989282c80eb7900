"""Tables with names of columns: what was trained with some is given the same ones, in the same order."""

import copy
import os
import pickle

import numpy as np
import pytest

import mlpc
from mlpc.arguments import real_array

pandas = pytest.importorskip("pandas")

rng = np.random.default_rng(0)
X = rng.normal(size=(12, 3))
Y = np.arange(12) % 2
TABLE = pandas.DataFrame(X, columns=["age", "size", "weight"])
SWAPPED = TABLE[["size", "age", "weight"]]
LACKING = TABLE[["age", "size"]]
RENAMED = TABLE.rename(columns={"weight": "mass"})
ORDER = (
    r"^x: expected the columns in the order that fit had, \['age', 'size', 'weight'\], got \['size', 'age', 'weight'\]"
)
OTHERS = [
    (SWAPPED, ORDER),
    (LACKING, r"^x: expected the columns that fit had; missing: \['weight'\], unknown: \[\]"),
    (RENAMED, r"^x: expected the columns that fit had; missing: \['weight'\], unknown: \['mass'\]"),
    (TABLE[["age", "age", "size", "weight"]], r"^x: expected the columns in the order .* got \['age', 'age', 'size'"),
]
OTHER_IDS = ["swapped", "lacking", "renamed", "doubled"]


def fresh(**settings):
    return mlpc.MLP([3, 4, 2], "tanh", dtype="float64", **settings)


def fitted(x=TABLE):
    net = fresh()
    net.fit(x, Y, epochs=2, batch_size=5, progress=False)
    return net


def test_fit_remembers_the_names_and_has_the_bits_of_the_array():
    net = fitted()
    assert net.feature_names == ("age", "size", "weight")
    assert net.digest() == fitted(X).digest() and fitted(X).feature_names is None


DOORS = {
    "forward": lambda net, x: net.forward(x),
    "call": lambda net, x: net(x),
    "loss_and_grad": lambda net, x: net.loss_and_grad(x, Y),
    "predict": lambda net, x: net.predict(x),
    "predict_proba": lambda net, x: net.predict_proba(x),
    "evaluate": lambda net, x: net.evaluate(x, Y),
    "score": lambda net, x: net.score(x, Y),
    "measure": lambda net, x: list(net.measure(x, Y, ["accuracy"]).values()),
    "loss_per_class": lambda net, x: net.loss_per_class(x, Y),
    "fit": lambda net, x: net.fit(x, Y, epochs=1, progress=False)["loss"],
    "Run": lambda net, x: mlpc.training.Run(net, x, Y).epoch()["loss"],
    "batches": lambda net, x: net.fit([(x, Y)], epochs=1, progress=False)["loss"],
    "validation_data": lambda net, x: net.fit(X, Y, epochs=1, validation_data=(x, Y), progress=False)["val_loss"],
    "lr_range_test": lambda net, x: mlpc.lr_range_test(net, x, Y, batch_size=4, steps=10).loss,
    "gradcheck": lambda net, x: [mlpc.gradcheck(net, x, Y).ok],
    "frozen predict": lambda net, x: net.freeze().predict(x),
    "frozen predict_proba": lambda net, x: net.freeze().predict_proba(x),
    "frozen logits": lambda net, x: net.freeze().logits(x),
}


@pytest.mark.parametrize("door", DOORS)
def test_the_same_columns_and_arrays_are_taken(door):
    """An array has no names that could be wrong: without a warning, since those of tests are errors."""
    from_table, from_array = DOORS[door](fitted(), TABLE), DOORS[door](fitted(), X)
    assert np.array_equal(from_table, from_array)
    assert np.array_equal(DOORS[door](fitted(), TABLE.set_axis(range(3), axis=1)), from_array)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("other", "words"), OTHERS, ids=OTHER_IDS)
def test_other_columns_are_refused(door, other, words):
    net = fitted()
    before = net.digest()
    if door in ("validation_data", "batches"):
        words = words.replace(
            "^", {"validation_data": "^validation_data: ", "batches": "^batch 1 of the epoch: "}[door]
        )
    with pytest.raises(ValueError, match=words):
        DOORS[door](net, other)
    assert net.digest() == before and net.feature_names == ("age", "size", "weight")


def test_other_columns_beside_a_network_of_pytorch():
    pytest.importorskip("torch")
    assert mlpc.testing.compare_with_torch(fitted(), TABLE, Y).ok
    with pytest.raises(ValueError, match=ORDER):
        mlpc.testing.compare_with_torch(fitted(), SWAPPED, Y)


def test_validation_data_of_a_first_fit_have_the_columns_of_x():
    net = fresh()
    with pytest.raises(ValueError, match="^validation_data: " + ORDER[1:]):
        net.fit(TABLE, Y, validation_data=(SWAPPED, Y))
    assert net.feature_names is None and net.history is None


def test_batches_of_a_first_fit_have_the_same_columns():
    net = fresh()
    with pytest.raises(ValueError, match="^batch 2 of the epoch: " + ORDER[1:]):
        net.fit([(TABLE, Y), (SWAPPED, Y)], epochs=1, progress=False)
    assert net.feature_names == ("age", "size", "weight")  # a step was taken


def test_a_run_that_is_made_has_changed_nothing():
    net = fresh()
    run = mlpc.training.Run(net, TABLE, Y)
    assert net.feature_names is None
    run.epoch()
    assert net.feature_names == ("age", "size", "weight")


def test_names_are_copied_pickled_and_written_down(tmp_path):
    net = fitted()
    net.save(tmp_path / "net.npz")
    net.fit(TABLE, Y, epochs=1, progress=False, resume=tmp_path / "run.npz")
    others = [net.copy(), copy.deepcopy(net), pickle.loads(pickle.dumps(net)), net.freeze()]
    others += [
        mlpc.load(tmp_path / "net.npz"),
        mlpc.load(tmp_path / "run.npz"),
        pickle.loads(pickle.dumps(net.freeze())),
    ]
    for other in others:
        assert other.feature_names == ("age", "size", "weight")
        with pytest.raises(ValueError, match=ORDER):
            other.predict(SWAPPED)


def test_a_file_has_names_only_where_there_are_some(tmp_path):
    fresh().save(tmp_path / "net.npz")
    assert b"feature_names" not in (tmp_path / "net.npz").read_bytes()
    assert mlpc.load(tmp_path / "net.npz").feature_names is None


@pytest.mark.parametrize(
    ("names", "error", "words"),
    [
        (["age", "size"], ValueError, "^feature_names: expected 3, as many as there are inputs, got 2"),
        ("age", TypeError, "^feature_names: expected None or a list of texts, got 'age'"),
        (["age", "size", 3], TypeError, "^feature_names: expected None or a list of texts, got"),
    ],
)
def test_names_that_are_none(names, error, words):
    net = fitted()
    with pytest.raises(error, match=words):
        net.feature_names = names
    assert net.feature_names == ("age", "size", "weight")


def test_names_can_be_set_and_forgotten():
    net = fresh()
    net.feature_names = ["age", "size", "weight"]
    with pytest.raises(ValueError, match=ORDER):
        net.predict(SWAPPED)
    net.feature_names = None
    assert net.predict(SWAPPED).shape == (12,)
    net.fit(SWAPPED, Y, epochs=1, progress=False)
    assert net.feature_names == ("size", "age", "weight")


def test_names_of_which_some_are_no_text():
    with pytest.raises(TypeError, match=r"^x: expected columns of which all names are text, or none, got 3 among them"):
        fresh().fit(TABLE.rename(columns={"weight": 3}), Y)


def test_tables_of_other_libraries():
    """Anything with names of columns that becomes an array, as Polars' frames do."""

    class Table:
        def __init__(self, columns):
            self.columns = columns

        def __array__(self, dtype=None, copy=None):
            return X

    net = fitted(Table(["age", "size", "weight"]))
    assert net.feature_names == ("age", "size", "weight")
    with pytest.raises(ValueError, match=ORDER):
        net.predict(Table(["size", "age", "weight"]))


def test_what_scikit_learn_says():
    """The same tables are refused, with other words."""
    scaler = pytest.importorskip("sklearn.preprocessing").StandardScaler().fit(TABLE)
    assert tuple(scaler.feature_names_in_) == fitted().feature_names
    for other, _ in OTHERS:
        with pytest.raises(ValueError):
            scaler.transform(other)


# ---- What columns may hold ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "error", "words"),
    [
        (pandas.array([1, None, 3], "Int64"), ValueError, "^x: expected no missing values, got 1 of 3 in column 'b'"),
        (pandas.array([1.5, None, 3], "Float64"), ValueError, "^x: expected no missing values, got 1 of 3 in column"),
        (pandas.array([True, None, False]), ValueError, "^x: expected no missing values, got 1 of 3 in column 'b'"),
        (["u", "v", "w"], TypeError, "^x: expected real numbers, got dtype (object|str) in column 'b'"),
        (np.array([1, 2.5, None], object), TypeError, "^x: expected real numbers, got dtype object in column 'b'"),
        (
            pandas.Categorical(["u", "v", "u"]),
            TypeError,
            "^x: expected real numbers, got categories in column 'b'; pandas",
        ),
        (pandas.Categorical([1, 2, 1]), TypeError, "^x: expected real numbers, got categories in column 'b'; pandas"),
        (
            pandas.date_range("2020", periods=3),
            TypeError,
            r"^x: expected real numbers, got dtype datetime64\[.*in column 'b'",
        ),
        (np.array([1, 2j, 3]), TypeError, "^x: expected real numbers, got dtype complex128"),
    ],
    ids=["Int64", "Float64", "boolean", "text", "object", "categories", "numbered categories", "dates", "complex"],
)
def test_columns_that_are_no_numbers(column, error, words):
    table = pandas.DataFrame({"a": [1.0, 2.0, 3.0], "b": column})
    with pytest.raises(error, match=words):
        real_array("x", table)
    net = mlpc.MLP([2, 2])
    for call in (lambda: net.fit(table, [0, 1, 0]), lambda: net.predict(table)):
        with pytest.raises(error, match=words):
            call()
    assert net.feature_names is None and net.history is None


def test_extension_types_without_missing_values_are_numbers():
    table = pandas.DataFrame(
        {"a": pandas.array([1, 2], "Int64"), "b": pandas.array([0.5, 1.5], "Float32"), "c": pandas.array([True, False])}
    )
    assert np.array_equal(real_array("x", table), [[1, 0.5, 1], [2, 1.5, 0]])


def test_pandas_is_not_imported():
    import subprocess
    import sys

    program = (
        "import mlpc, sys\n"
        "net = mlpc.MLP([2, 2]); net.fit([[0, 1], [1, 0]], [0, 1], epochs=1); net.predict([[0, 1]])\n"
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=dict(os.environ))
