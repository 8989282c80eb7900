"""Labels say what the classes of a network are called, in it, in copies, and in files."""

import copy
import json
import pickle

import numpy as np
import pytest

import mlpc
from mlpc.files import pack
from mlpc.network_file import describe

LABELS = {
    "texts": ["cat", "dog", "élan \ud800"],
    "integers": [7, -(2**63), 2**63 - 1],
    "floats": [0.1, -1e300, 2.0],
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_labels_come_back(kind, suffix, tmp_path):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    net = mlpc.MLP([2, 3])
    net.labels = LABELS[kind]
    net.save(tmp_path / f"net{suffix}")
    for again in (mlpc.load(tmp_path / f"net{suffix}"), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert again.labels == tuple(LABELS[kind])
        assert [type(one) for one in again.labels] == [type(one) for one in LABELS[kind]]


@pytest.mark.parametrize("given", [np.array(["a", "b"]), np.array([3, 4], np.int8), np.array([0.5, 1.5], np.float32)])
def test_arrays_become_plain_values(given):
    net = mlpc.MLP([2, 1], loss="bce_with_logits")  # one output, two classes
    net.labels = given
    assert net.labels == tuple(given.tolist()) and type(net.labels[0]) in (str, int, float)
    net.labels = None
    assert net.labels is None


def test_the_summary_shows_them():
    net = mlpc.MLP([2, 3])
    net.labels = LABELS["integers"]
    assert str(net.summary()).endswith(f"loss cross_entropy, labels {LABELS['integers']}")


WRONG = {
    "too few": (["a", "b"], ValueError, "expected 3, one for each class, got 2"),
    "one text": ("abc", TypeError, "expected None or a list"),
    "a number": (3, TypeError, "expected None or a list"),
    "no order": ({"a", "b", "c"}, TypeError, "expected None or a list"),
    "mixed": (["a", 1, 2], TypeError, "all of one type"),
    "truth values": ([True, False, True], TypeError, "texts, integers or floats"),
    "None": (["a", "b", None], TypeError, "texts, integers or floats"),
    "twice": (["a", "b", "a"], ValueError, "labels that differ"),
    "nan": ([0.0, 1.0, float("nan")], ValueError, r"labels\[2\]: expected a finite number"),
    "too large": ([0, 1, 2**63], ValueError, r"labels\[2\]: expected an integer in"),
    "masked": (np.ma.masked_equal([1, 2, 3], 2), ValueError, "masked"),
    "rows": (np.arange(6).reshape(3, 2), TypeError, "texts, integers or floats"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_refused_changes_nothing(case):
    labels, error, words = WRONG[case]
    net = mlpc.MLP([2, 3])
    net.labels = ["x", "y", "z"]
    with pytest.raises(error, match=rf"^(labels: .*)?{words}"):
        net.labels = labels
    assert net.labels == ("x", "y", "z")


@pytest.mark.parametrize("case", [case for case in WRONG if case not in ("no order", "masked", "rows", "nan", "None")])
def test_files_are_not_believed(case, tmp_path):
    net = mlpc.MLP([2, 3])
    values = {"network": describe(net) | {"labels": json.loads(json.dumps(WRONG[case][0]))}}
    (tmp_path / "net.npz").write_bytes(pack("net.npz", "network", net.state_dict(), values))
    with pytest.raises(ValueError, match=r"net\.npz': labels"):
        mlpc.load(tmp_path / "net.npz")
