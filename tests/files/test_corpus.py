"""Files of every version can be read, and hold what they held: see make_corpus.py."""

import make_corpus
import pytest

from mlpc import layers, losses
from mlpc.files import FORMAT
from mlpc.norm_layers import NORMS

FILES = [(version, name) for version in range(1, FORMAT + 1) for name in make_corpus.record(version)]


@pytest.mark.parametrize(("version", "name"), FILES)
def test_a_file_of_that_version(version, name):
    if name.endswith(".safetensors"):
        pytest.importorskip("safetensors")
    known = make_corpus.record(version)[name]
    if "estimator" in known:
        pytest.importorskip("sklearn")
    found = make_corpus.content(make_corpus.FOLDER / str(version) / name)
    assert found["digest"] == known["digest"]
    assert {key: found["network"][key] for key in known["network"]} == known["network"]
    for name, value in known.get("estimator", {}).items():
        assert found["estimator"][name] == value
    assert found.get("table") == known.get("table")
    bits = [key for key in known if key.startswith("outputs") and key in found]
    assert [found[key] for key in bits] == [known[key] for key in bits]


def test_there_are_files_of_all_kinds():
    """Of the present version; what is new wants a network of its own in make_corpus.py."""
    names = {name for version, name in FILES if version == FORMAT}
    assert names == {*make_corpus.NETWORKS, *make_corpus.ESTIMATORS, *make_corpus.TABLES, "run.npz"}
    plans = [make_corpus.record(FORMAT)[name]["network"] for name in names]
    assert {plan["dtype"] for plan in plans} == {"float32", "float64"}
    assert {plan["loss"].get("name", "custom") for plan in plans} == {*losses.LOSSES, "custom"}
    blocks = [block for plan in plans for block in plan["activations"]]
    assert {block if isinstance(block, str) else block[0] for block in blocks} == {*layers.ACTIVATIONS}
    assert {norm[0] if isinstance(norm, list) else norm for plan in plans for norm in plan["norms"]} == {
        None, *NORMS
    }  # fmt: skip
