"""Models of tables: equal to what one would do by hand, to the bit, and told in the table's own terms."""

import copy
import pickle
import sys

import numpy as np
import pytest

import mlpc
from mlpc.tables import TableModel

pandas = pytest.importorskip("pandas")

LEAKY = mlpc.layers.LeakyReLU(0.2)
SHORT = {"epochs": 5, "progress": False}


def by_hand(table, target, net):
    """The same with pandas' dummies and standardize."""
    x = pandas.concat([table["size"], pandas.get_dummies(table["colour"]), table["weight"]], axis=1).to_numpy(float)
    mean, std = np.zeros(5), np.ones(5)
    mean[[0, 4]], std[[0, 4]] = mlpc.standardize(x[:, [0, 4]])
    outputs = {}
    if target == "kind":
        y = pandas.factorize(table["kind"], sort=True)[0]
    else:
        y = table[target].to_numpy()
        outputs["output_mean"], outputs["output_std"] = mlpc.standardize(y)
        y = (y - outputs["output_mean"]) / outputs["output_std"]
    net.fit((x - mean) / std, y, epochs=5, batch_size=32, optimizer="adam", progress=False)
    net.absorb(input_mean=mean, input_std=std, **outputs)
    return net, x


@pytest.mark.parametrize(("target", "loss", "outputs"), [("kind", "cross_entropy", 3), ("price", "mse", 1)])
def test_a_model_is_what_one_would_make_by_hand(table, target, loss, outputs):
    other = "price" if target == "kind" else "kind"
    model = TableModel([8], "tanh", seed=3).fit(table, target, without=[other], **SHORT)
    net, x = by_hand(table, target, mlpc.MLP([5, 8, outputs], "tanh", loss=loss, seed=3))
    assert model.net.digest() == net.digest()
    names = ("size", "colour=blue", "colour=green", "colour=red", "weight")
    assert model.features == model.net.feature_names == names
    np.testing.assert_array_equal(model.encode(table), x)
    answers = net.predict(x)
    expected = np.array(["aster", "lily", "rose"])[answers] if target == "kind" else answers
    np.testing.assert_array_equal(model.predict(table), expected)


def test_it_learns(table):
    kinds = TableModel([16], seed=1).fit(table, "kind", without=["price"], lr=0.01, progress=False)
    assert kinds.evaluate(table).accuracy > 0.95
    prices = TableModel([16], seed=1).fit(table, "price", without=["kind"], lr=0.01, progress=False)
    said = prices.evaluate(table)
    truth, answers = table["price"].to_numpy(), prices.predict(table)
    assert said.r2 > 0.95 and abs(answers - truth).max() < 20  # in the target's own unit
    assert said.loss == pytest.approx(((answers - truth) ** 2).mean(), rel=1e-4)
    assert said.r2 == pytest.approx(1 - said.loss / truth.var(), rel=1e-4)


def test_an_evaluation_counts_each_class(table):
    model = TableModel([4], seed=1).fit(table, "kind", without=["price"], epochs=20, progress=False)
    said = model.evaluate(table)
    pairs = list(zip(table["kind"], model.predict(table), strict=True))
    expected = [[pairs.count((truth, answer)) for answer in model.labels] for truth in model.labels]
    np.testing.assert_array_equal(said.confusion, expected)
    assert said.accuracy == np.trace(said.confusion) / said.rows == said.to_dict()["accuracy"]
    assert "is \\ predicted  aster  lily  rose" in str(said) and "<table>" in said._repr_html_()


def test_order_and_other_columns_do_not_matter(table):
    model = TableModel([8]).fit(table, "kind", without=["price"], **SHORT)
    other = table[["weight", "price", "colour", "size"]].assign(more=1.0)
    np.testing.assert_array_equal(model.predict(other), model.predict(table))
    np.testing.assert_array_equal(model.predict_proba(other), model.net.predict_proba(model.encode(table)))


def test_columns_are_matched_by_place_and_not_by_index(table):
    model = TableModel([8]).fit(table, "kind", without=["price"], **SHORT)
    columns = {name: table[name].sample(frac=1, random_state=0) for name in model.columns}
    columns["size"] = pandas.Series(columns["size"].to_numpy(), index=range(500, 590))
    expected = model.predict(table.sample(frac=1, random_state=0))
    np.testing.assert_array_equal(model.predict(columns), expected)


def test_a_row_may_be_scalars(table):
    model = TableModel([8]).fit(table, "kind", without=["price"], **SHORT)
    row = {"size": 1010.0, "colour": "red", "weight": 0.01}
    assert model.predict(row).shape == (1,)
    assert model.predict(row) == model.predict(pandas.DataFrame([row]))


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("missing", ["refuse", "mean"])
@pytest.mark.parametrize("target", ["kind", "price"])
def test_files_give_back_what_they_got(table, tmp_path, suffix, missing, target):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    settings = {"norm": "batch", "dropout": 0.25, "missing": missing}
    model = TableModel([8], LEAKY, **settings).fit(table, target, **SHORT)
    model.save(tmp_path / f"a{suffix}")
    back = mlpc.load(tmp_path / f"a{suffix}")
    assert repr(back) == repr(model) and back.task == model.task and back.history is None
    np.testing.assert_array_equal(back.predict(table), model.predict(table))
    if missing == "mean":
        gaps = table.head(2).assign(size=[np.nan, 1.0], colour=["red", None])
        np.testing.assert_array_equal(back.predict(gaps), model.predict(gaps))
    back.save(tmp_path / f"b{suffix}")
    assert (tmp_path / f"b{suffix}").read_bytes() == (tmp_path / f"a{suffix}").read_bytes()
    again = [each.fit(table, target, **SHORT).net.digest() for each in (back, model)]
    assert again[0] == again[1]


TARGETS = {
    "text": (["b", "a", "b", "a"], "classification", ("a", "b")),
    "few integers": ([2, 7, 2, 7], "classification", (2, 7)),
    "truth values": ([True, False, True, False], "classification", (False, True)),
    "objects": (np.array([True, False, True, False], object), "classification", (False, True)),
    "floats": ([1.0, 2.0, 1.0, 2.0], "regression", None),
    "many integers": (range(40), "regression", None),
}


@pytest.mark.parametrize("name", TARGETS)
def test_what_a_target_is_its_type_says(name, tmp_path):
    values, task, labels = TARGETS[name]
    table = pandas.DataFrame({"a": np.arange(len(values)) % 3, "y": values})
    model = TableModel([4]).fit(table, "y", **SHORT)
    assert model.task == task and model.labels == labels
    model.save(tmp_path / "model.npz")
    back = mlpc.load(tmp_path / "model.npz")
    if labels is not None:
        assert [type(each) for each in back.labels] == [type(each) for each in labels] and back.labels == labels
        assert set(back.predict(table)) <= set(labels)
    assert back.evaluate(table).rows == len(table)


def test_a_task_may_be_told():
    table = pandas.DataFrame({"a": np.arange(6), "y": [1, 2, 1, 2, 1, 2]})
    assert TableModel([4], task="regression").fit(table, "y", **SHORT).labels is None
    assert TableModel([4], task="classification").fit(table.astype({"y": float}), "y", **SHORT).labels == (1.0, 2.0)
    binary = TableModel([4], loss="bce_with_logits").fit(table, "y", **SHORT)
    assert binary.net.sizes == (1, 4, 1) and binary.predict_proba(table).shape == (6, 2)
    np.testing.assert_array_equal(binary.predict(table), np.where(binary.predict_proba(table)[:, 1] > 0.5, 2, 1))


def test_the_loss_is_one_of_the_targets_own_unit(table):
    """Huber's delta of half a standard deviation."""
    y = table["price"].to_numpy()
    delta = 0.5 * mlpc.standardize(y)[1]
    model = TableModel([8], loss=mlpc.losses.Huber(delta)).fit(table, "price", without=["kind"], **SHORT)
    net, x = by_hand(table, "price", mlpc.MLP([5, 8, 1], loss=mlpc.losses.Huber(0.5)))
    assert model.net.digest() == net.digest() and model.net.criterion == mlpc.losses.Huber(delta)
    expected, _ = mlpc.losses.huber(net.forward(x), y.astype(np.float32)[:, None], delta=delta)
    assert model.evaluate(table).loss == pytest.approx(expected, rel=1e-5)


def test_weights_of_rows_and_classes_count(table):
    plain = TableModel([8]).fit(table, "kind", without=["price"], **SHORT)
    ones = TableModel([8]).fit(table.assign(w=1.0), "kind", without=["price"], sample_weight="w", **SHORT)
    assert ones.net.digest() == plain.net.digest() and "w" not in ones.columns
    roses = np.where(table["kind"] == "rose", 2.0, 1.0)
    by_row = TableModel([8]).fit(table.assign(w=roses), "kind", without=["price"], sample_weight="w", **SHORT)
    by_class = TableModel([8]).fit(table, "kind", without=["price"], class_weight={"rose": 2.0}, **SHORT)
    assert by_class.net.digest() != plain.net.digest() != by_row.net.digest()
    np.testing.assert_allclose(by_class.net.parameters, by_row.net.parameters, rtol=1e-4, atol=1e-5)


def test_held_back_rows_make_no_constants(table):
    model = TableModel([8]).fit(table, "kind", without=["price"], validation_split=0.2, **SHORT)
    held = model.validation_rows
    assert len(held) == 18 and "val_accuracy" in model.history
    others = table.drop(index=held)
    same = TableModel([8]).fit(others, "kind", without=["price"], validation_data=table.loc[held], **SHORT)
    assert same.net.digest() == model.net.digest() and same.history["val_loss"] == model.history["val_loss"]
    assert model.history["val_accuracy"][-1] == pytest.approx(model.evaluate(table.loc[held]).accuracy)


def test_an_optimizer_may_be_made_for_the_network(table):
    def sgd(net):
        return mlpc.optim.SGD(net, lr=0.1, momentum=0.9)

    model = TableModel([8]).fit(table, "kind", without=["price"], optimizer=sgd, **SHORT)
    assert model.history["lr"] == [0.1] * 5


def test_a_copy_and_a_pickle_are_equal(table):
    model = TableModel([8], LEAKY, loss=mlpc.losses.Huber(2.0)).fit(table, "price", **SHORT)
    for back in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(back.predict(table), model.predict(table))


def test_after_an_error_a_model_is_as_before(table):
    model = TableModel([8], dtype="float64").fit(table, "price", without=["kind"], **SHORT)
    before = repr(model), model.net.digest()
    with pytest.raises(mlpc.DivergenceError):
        model.fit(table, "price", optimizer="sgd", lr=1e300, progress=False)
    with pytest.raises(ValueError, match="nothing"):
        model.fit(table, "nothing")
    assert (repr(model), model.net.digest()) == before


def test_what_rounding_would_lose_is_said():
    table = pandas.DataFrame({"time": 1e9 + np.arange(8.0), "y": np.arange(8.0)})
    with pytest.warns(mlpc.warnings.LostDigitsWarning, match="'time'.*float64"):
        TableModel([4]).fit(table, "y", **SHORT)
    model = TableModel([4], dtype="float64").fit(table, "y", lr=0.05, epochs=200, progress=False)
    assert model.evaluate(table).r2 > 0.9


def test_tables_need_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        TableModel().fit({"a": [1.0, 2.0], "y": [1.0, 2.0]}, "y")
