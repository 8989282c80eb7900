"""Tables that cannot be learnt from, or predicted for, and values that are missing: what is said of each."""

import numpy as np
import pytest

from mlpc.tables import TableModel
from mlpc.warnings import ConstantColumnWarning

pandas = pytest.importorskip("pandas")

SHORT = {"epochs": 2, "progress": False}


def changed(table, column, row, value):
    table = table.astype({column: object})
    table.loc[row, column] = value
    return table


def misspelt(table, row):
    """As a file has it: what is no number makes text of all."""
    table = table.astype({"size": str})
    table.loc[row, "size"] = "1o3"
    return table


def named(table, *names):
    return table.set_axis(names, axis=1)


BAD = {
    "no table": (lambda t: [1, 2], "table: expected a pandas.DataFrame"),
    "empty": (lambda t: t[:0], "table: expected rows, got none"),
    "no columns": (lambda t: {}, "table: expected columns, got none"),
    "target": (lambda t: t.drop(columns="kind"), "target: expected columns of the table, .*, got 'kind'"),
    "only the target": (lambda t: t[["kind"]], "table: expected a column beside the target"),
    "names twice": (lambda t: named(t, "size", "size", "weight", "kind", "price"), "table: .*'size' 2 times"),
    "numbers as names": (lambda t: named(t, 0, 1, 2, "kind", 4), "table: .*names are text, got 0"),
    "no name": (lambda t: named(t, " ", "b", "c", "kind", "d"), "table: .*got none for column 0"),
    "one class": (lambda t: t.assign(kind="rose"), "column 'kind': expected at least two classes, got only 'rose'"),
    "nan": (lambda t: changed(t, "size", 3, np.nan), "table: .*1 in column 'size', the first at row 3"),
    "missing text": (lambda t: changed(t, "colour", 4, None), "table: .*1 in column 'colour', the first at row 4"),
    "missing target": (lambda t: changed(t, "kind", 5, None), "table: .*1 in column 'kind', the first at row 5"),
    "nothing in it": (lambda t: t.assign(a=None, b=t["size"].where(t.index > 9)), "90 in column 'a'.*10 in column 'b'"),
    "inf": (lambda t: changed(t, "size", 2, np.inf), "column 'size': expected finite numbers, got inf at row 2"),
    "mixture": (lambda t: changed(t, "size", 0, "much"), "column 'size': expected numbers, or text, got .* beside"),
    "dates": (lambda t: t.assign(day=pandas.Timestamp(0)), "column 'day': expected numbers, truth values or text"),
    "complex": (lambda t: t.assign(a=1j), "column 'a': expected numbers, truth values or text, got complex128"),
    "lists": (lambda t: t.assign(a=[[1]] * 90), r"column 'a': expected numbers, or text, got \[1\]"),
    "misspelt": (lambda t: misspelt(t, 4), "column 'size': expected numbers, got '1o3' among them at row 4"),
    "text of numbers": (lambda t: t.astype({"size": str}), "column 'size': expected numbers, got text of them"),
    "masked": (lambda t: {"a": np.ma.masked_equal([1, 2], 2), "kind": ["a", "b"]}, "1 in column 'a', the first at"),
    "ragged": (lambda t: {"a": [[1], [1, 2]], "kind": ["a", "b"]}, "table: .*rows of different length, 'a'"),
    "large": (lambda t: t.assign(a=t["size"] * 1e38), "column 'a': expected values that float32 can hold"),
    "small": (lambda t: t.assign(a=t["size"] * 1e-44), "column 'a': expected values that float32 can hold"),
    "keys": (lambda t: t.assign(a=[f"k{i}" for i in range(90)]), "column 'a': expected at most 50 categories, got 90"),
}


@pytest.mark.parametrize("name", BAD)
def test_it_says_what_is_wrong(table, name):
    make, message = BAD[name]
    with pytest.raises((TypeError, ValueError), match=message):
        TableModel([4], most_categories=50).fit(make(table), "kind", **SHORT)


ARGUMENTS = {
    "hidden": ({"hidden": [0]}, {}, r"hidden\[0\]: expected an integer >= 1"),
    "task": ({"task": "guess"}, {}, "task: expected 'classification' or 'regression', got 'guess'"),
    "missing": ({"missing": None}, {}, "missing: expected 'refuse', 'drop' or 'mean', got None"),
    "function as loss": ({"loss": lambda z, y: (0, z)}, {}, "loss: expected a name or an object of mlpc.losses"),
    "loss of another task": ({"loss": "mse"}, {}, "loss: expected one of classification, as 'kind' is, got 'mse'"),
    "binary loss": ({"loss": "bce_with_logits"}, {}, "loss: expected 'cross_entropy' of 3 classes"),
    "text as numbers": ({"task": "regression"}, {}, "column 'kind': expected numbers for a regression, got text"),
    "classes": ({"most_categories": 2}, {"without": ["colour"]}, "column 'kind': expected at most 2 classes, got 3"),
    "categories": ({"categories": ["nothing"]}, {}, "categories: expected columns of the table, .*'nothing'"),
    "floats as categories": ({"categories": ["size"]}, {}, "column 'size': expected a category as text, got"),
    "without": ({}, {"without": "colour"}, "without: expected names of columns, got 'colour'"),
    "sample_weight": ({}, {"sample_weight": "w"}, "sample_weight: expected columns of the table, .*'w'"),
    "target as weight": ({}, {"sample_weight": "kind"}, "sample_weight: expected another column than the target"),
    "class_weight": ({}, {"class_weight": {"tulip": 1.0}}, "class_weight: expected labels among .*'tulip'"),
    "validation_data": ({}, {"validation_data": {"size": [1.0]}}, "validation_data: table: .*missing: "),
    "both": ({}, {"validation_split": 0.5, "validation_data": "table"}, "validation_split: .*got both"),
    "validation_split": ({}, {"validation_split": 1.0}, "validation_split: expected a share"),
    "scale": ({}, {"scale": 2.0}, "scale: expected an argument of TableModel.fit"),
    "fit's own": ({}, {"lr": -1.0}, "lr: "),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_are_checked(table, name):
    made, given, message = ARGUMENTS[name]
    given = given | ({"validation_data": table} if given.get("validation_data") == "table" else {})
    with pytest.raises((TypeError, ValueError), match=message):
        TableModel(**{"hidden": [4]} | made).fit(table, "kind", **SHORT | given)


PREDICTIONS = {
    "column": (lambda t: t.drop(columns="weight"), r"table: .*missing: \['weight'\]"),
    "nan": (lambda t: changed(t, "size", 1, np.nan), "table: .*1 in column 'size', the first at row 1"),
    "inf": (lambda t: changed(t, "size", 1, -np.inf), "column 'size': expected finite numbers, got -inf at row 1"),
    "text": (lambda t: changed(t, "size", 1, "big"), "column 'size': expected a number, got 'big' at row 1"),
    "category": (lambda t: changed(t, "colour", 2, "pink"), "column 'colour': .*'green', 'red', got 'pink' at row 2"),
    "number": (lambda t: changed(t, "colour", 2, 1.5), "column 'colour': expected a category as text, got 1.5 at row"),
    "shapes": (
        lambda t: {"size": [[1]], "colour": ["red"], "weight": [1]},
        r"got one of shape \(1, 1\), 'size'",
    ),
}


@pytest.mark.parametrize("name", PREDICTIONS)
def test_predictions_are_refused_alike(table, name):
    make, message = PREDICTIONS[name]
    model = TableModel([4]).fit(table, "kind", without=["price"], **SHORT)
    for door in (model.predict, model.predict_proba, model.encode, model.evaluate):
        with pytest.raises((TypeError, ValueError), match=message):
            door(make(table))


def test_a_target_is_wanted_for_an_evaluation_alone(table):
    model = TableModel([4]).fit(table, "kind", without=["price"], **SHORT)
    assert len(model.predict(table.drop(columns="kind"))) == 90
    with pytest.raises(ValueError, match="expected the column 'kind'"):
        model.evaluate(table.drop(columns="kind"))
    with pytest.raises(ValueError, match=r"column 'kind': expected one of the classes .* got 'tulip' at row 7"):
        model.evaluate(changed(table, "kind", 7, "tulip"))
    with pytest.raises(ValueError, match=r"column 'kind': .*got 1, the first at row 7"):
        model.evaluate(changed(table, "kind", 7, None))
    with pytest.raises(ValueError, match="expected a loss of classification"):
        TableModel([4]).fit(table, "price", **SHORT).predict_proba(table)


def test_labels_that_no_file_holds_are_refused_before_the_training(monkeypatch):
    monkeypatch.setattr("mlpc.net.MLP.fit", None)
    with pytest.raises(ValueError, match=r"labels\[1\]"):
        TableModel([4]).fit({"a": [1.0, 2.0], "y": np.array([1, 2**64 - 1], np.uint64)}, "y")


def test_before_a_training_there_is_nothing_to_ask(table):
    model = TableModel([4])
    for door in (model.predict, model.predict_proba, model.encode, model.evaluate):
        with pytest.raises(AttributeError, match="expected a model that was trained"):
            door(table)
    assert not hasattr(model, "net") and repr(model) == "TableModel(hidden=[4])"


def test_unknown_categories_may_be_ignored(table):
    model = TableModel([4]).fit(table, "kind", without=["price"], **SHORT)
    x = model.encode(changed(table, "colour", 2, "pink"), unknown="ignore")
    np.testing.assert_array_equal(x[2, 1:4], [0, 0, 0])
    np.testing.assert_array_equal(np.delete(x, 2, 0), np.delete(model.encode(table), 2, 0))
    with pytest.raises(ValueError, match="unknown: expected 'refuse' or 'ignore', got True"):
        model.predict(table, unknown=True)


def with_gaps(table):
    table = table.copy()
    table.loc[[3, 4], "size"] = np.nan
    table.loc[4, "colour"] = None
    return table


def test_rows_that_lack_a_value_may_be_dropped(table):
    model = TableModel([4], missing="drop").fit(with_gaps(table), "kind", without=["price"], **SHORT)
    whole = TableModel([4]).fit(table.drop(index=[3, 4]), "kind", without=["price"], **SHORT)
    assert model.net.digest() == whole.net.digest()
    assert model.evaluate(with_gaps(table)).rows == 88
    with pytest.raises(ValueError, match="2 in column 'size', the first at row 3"):
        model.predict(with_gaps(table))  # an answer for each row, or none


@pytest.mark.parametrize("text", ["1,5", "1.000,5", "1,234,567.25", "-1 234", "1'000", "5 %", "2.5%"])
def test_numbers_are_no_categories_however_they_are_written(table, text):
    with pytest.raises(ValueError, match="column 'a': expected numbers, got text of them"):
        TableModel([4]).fit(table.assign(a=[text, "7"] * 45), "kind", **SHORT)


@pytest.mark.parametrize("text", ["2024-01-02", "01.02.2024", "12:30", "1-5", "10+", "1,2,3", "192.168.0.1"])
def test_other_texts_with_digits_are_categories(table, text):
    model = TableModel([4]).fit(table.assign(a=[text, f"{text}0"] * 45), "kind", without=["price"], **SHORT)
    assert model.features[-2:] == (f"a={text}", f"a={text}0")


WRONG = {"size": np.inf, "colour": 1.5, "weight": "much", "kind": 1.5, "w": -1.0}


@pytest.mark.parametrize("column", WRONG)
def test_rows_are_those_of_the_table_where_some_are_left_out(table, column):
    gaps = with_gaps(table).assign(w=1.0).set_axis([f"r{row}" for row in range(90)])
    model = TableModel([4], missing="drop").fit(gaps, "kind", without=["price"], sample_weight="w", **SHORT)
    wrong = changed(gaps.reset_index(drop=True), column, 80, WRONG[column])
    with pytest.raises((TypeError, ValueError), match=rf"column {column!r}: .*(at row 80|beside text)"):
        model.fit(wrong, "kind", without=["price"], sample_weight="w", **SHORT)
    if column != "w":
        with pytest.raises((TypeError, ValueError), match=rf"column {column!r}: .* at row 80"):
            model.evaluate(wrong)


def test_what_is_missing_may_count_as_the_mean(table):
    model = TableModel([4], missing="mean").fit(with_gaps(table), "kind", without=["price"], **SHORT)
    x = model.encode(with_gaps(table))
    assert x[3, 0] == x[4, 0] == pytest.approx(table["size"].drop(index=[3, 4]).mean())
    shares = table["colour"].drop(index=4).value_counts(normalize=True).sort_index()
    np.testing.assert_allclose(x[4, 1:4], shares)
    with pytest.raises(ValueError, match="1 in column 'kind', the first at row 0"):
        TableModel([4], missing="mean").fit(changed(table, "kind", 0, None), "kind", **SHORT)


@pytest.mark.parametrize("value", [5.0, "x", True])
def test_a_column_of_one_value_is_left_out(table, value):
    with pytest.warns(ConstantColumnWarning, match=r"column 'same' is .* in every row, and left out"):
        model = TableModel([4]).fit(table.assign(same=value), "kind", without=["price"], **SHORT)
    assert model.columns == ("size", "colour", "weight")


def test_numbers_may_be_categories(table):
    table = table.assign(code=[12, 7] * 45)
    model = TableModel([4], categories=["code"]).fit(table, "kind", without=["price"], **SHORT)
    assert model.features[-2:] == ("code=12", "code=7")
    np.testing.assert_array_equal(model.encode(table.astype({"code": str})), model.encode(table))


def test_names_of_categories_are_copied(table):
    names = ["weight"]
    model = TableModel([4], categories=names, most_categories=100)
    names.append("nothing")
    assert "size" in model.fit(table.assign(weight=[1, 2] * 45), "kind", without=["price"], **SHORT).features


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "string", "category", "float32", "int8", "bool", "Float64"])
def test_types_of_columns(dtype):
    text = dtype in ("string", "category")
    table = pandas.DataFrame({"a": pandas.Series((["a", "b"] if text else [0, 1]) * 6, dtype=dtype), "y": range(12)})
    expected = [[1.0, 0.0], [0.0, 1.0]] * 6 if text else [[0.0], [1.0]] * 6
    model = TableModel([4], task="regression").fit(table, "y", **SHORT)
    np.testing.assert_array_equal(model.encode(table), expected)
