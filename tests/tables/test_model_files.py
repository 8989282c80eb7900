"""Files that are to be models of tables, and say what no model can be: refused, each by a sentence."""

import copy

import numpy as np
import pytest

import mlpc
from mlpc.files import pack, read
from mlpc.tables import TableModel

pytest.importorskip("pandas")


@pytest.fixture
def content(table, tmp_path):
    path = tmp_path / "model.npz"
    TableModel([4], missing="mean").fit(table, "kind", without=["price"], epochs=1, progress=False).save(path)
    return read(path)


def says(*keys, value):
    """Another value at that place of what a file says of the table."""

    def change(arrays, values):
        place = values["table"]
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


LIES = {
    "no table": lambda arrays, values: values.pop("table"),
    "a list": lambda arrays, values: values.update(table=[]),
    "more": says("more", value=1),
    "columns": says("columns", value="size"),
    "no columns": says("columns", value=[]),
    "column": says("columns", 0, value="size"),
    "name": says("columns", 0, "name", value=3),
    "another name": says("columns", 0, "name", value="sizes"),
    "categories": says("columns", 1, "categories", value=["blue", "green", 3]),
    "fewer categories": says("columns", 1, "categories", value=["blue", "green"]),
    "same categories": says("columns", 1, "categories", value=["blue", "blue", "red"]),
    "target": says("target", value=None),
    "target among columns": says("target", value="size"),
    "labels": says("labels", value=None),
    "mixed labels": says("labels", value=["aster", 1, "rose"]),
    "nested labels": says("labels", value=[["aster"], ["lily"], ["rose"]]),
    "fewer labels": says("labels", value=["aster", "rose"]),
    "missing": says("missing", value="guess"),
    "no means": lambda arrays, values: arrays.pop("table.means"),
    "means without use": says("missing", value="drop"),
    "shape of means": lambda arrays, values: arrays.update({"table.means": np.zeros(4)}),
    "nan": lambda arrays, values: arrays.update({"table.means": np.full(5, np.nan)}),
    "network": lambda arrays, values: values.pop("network"),
    "parameters": lambda arrays, values: arrays.update({"0.bias": np.zeros(5, np.float32)}),
    "regression": lambda arrays, values: values["network"].update(loss={"name": "mse", "settings": {}}),
}


@pytest.mark.parametrize("name", LIES)
def test_lies(content, tmp_path, name):
    arrays, values = dict(content.arrays), copy.deepcopy(content.values)
    LIES[name](arrays, values)
    path = tmp_path / "lie.npz"
    path.write_bytes(pack(str(path), "table", arrays, values))
    with pytest.raises(ValueError, match=r"^path: .*lie\.npz': .*expected"):
        mlpc.load(path)


def test_a_model_has_its_own_loss(content, tmp_path):
    with pytest.raises(ValueError, match="loss: expected None"):
        mlpc.load(tmp_path / "model.npz", loss="mse")


def test_an_untrained_model_has_no_file(tmp_path):
    with pytest.raises(ValueError, match="save: expected a model that was trained"):
        TableModel().save(tmp_path / "a.npz")
