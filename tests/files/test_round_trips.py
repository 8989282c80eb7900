"""Every combination of activation, norm, loss, dtype and format comes back to the bit."""

import numpy as np
import pytest

import mlpc
from mlpc import layers, losses

HIDDEN = [*layers.ACTIVATIONS, layers.LeakyReLU(-0.1), layers.ELU(1 / 3)]  # all of them in every network
NORMS = {
    "no norm": None,
    "batch norm": layers.BatchNorm(eps=1e-3, momentum=1 / 3),
    "layer norm": layers.LayerNorm(eps=1e-7),
    "a norm here and there": ["batch", None, "layer"] * (len(HIDDEN) // 3),
}
SETTINGS = {
    "cross_entropy": losses.CrossEntropy(label_smoothing=0.1, class_weight=[1 / 3, 0.0]),
    "bce_with_logits": losses.BCEWithLogits(pos_weight=[2, 0.7]),
    "huber": losses.Huber(delta=1e-3),
    "quantile": losses.Quantile(q=1 / 3),
}
SPECIAL = [-0.0, 1e-42, -1e-30, np.inf, -np.inf, np.nan, 3e38, 1 / 3]


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", losses.LOSSES)
@pytest.mark.parametrize("norm", NORMS)
def test_a_network_of_all_activations(norm, loss, dtype, suffix, tmp_path):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / f"net{suffix}"
    net = mlpc.MLP(
        [3, *[2] * len(HIDDEN), 2], HIDDEN, norm=NORMS[norm], loss=SETTINGS.get(loss, loss), dtype=dtype, seed=7,
        dropout=[0.1, *[0] * (len(HIDDEN) - 1)],
    )  # fmt: skip
    x = np.linspace(-1, 1, 12).reshape(4, 3)
    net.forward(x)  # in train mode: statistics and masks are not those of the beginning
    net.save(path)
    again = mlpc.load(path)
    assert repr(again) == repr(net)
    assert again.criterion == net.criterion and again.masks_drawn == 1 and again._batches == net._batches
    assert again.forward(x).tobytes() == net.forward(x).tobytes()  # with the same masks
    assert again.eval().forward(x).tobytes() == net.eval().forward(x).tobytes()


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_of_all_kinds(dtype, suffix, tmp_path):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    net = mlpc.MLP([3, 2, 2], norm="batch", dtype=dtype)
    net.parameters[: len(SPECIAL)] = SPECIAL
    net.layers[1].running_var = [np.inf, 1e-45]
    net.save(tmp_path / f"net{suffix}")
    again = mlpc.load(tmp_path / f"net{suffix}")
    assert again.parameters.tobytes() == net.parameters.tobytes()
    assert again._statistics.tobytes() == net._statistics.tobytes()
