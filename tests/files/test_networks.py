"""What a file gives back is the network that it was written from, and the file is the same for the same network."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import mlpc
from mlpc import layers, losses

SUFFIXES = (".npz", ".safetensors")
rng = np.random.default_rng(0)
x = rng.normal(size=(20, 4))

NETS = {
    "usual": lambda: mlpc.MLP([4, 6, 3], seed=2**64 - 1),
    "linear": lambda: mlpc.MLP([4, 1], loss="mse", dtype="float64"),
    "settings": lambda: mlpc.MLP([4, 6, 5, 3], [layers.LeakyReLU(0.3), layers.ELU(0.1)], loss=losses.Huber(delta=0.1)),
    "weights of classes": lambda: mlpc.MLP(
        [4, 6, 3], "gelu", loss=losses.CrossEntropy(label_smoothing=0.1, class_weight=[0.1, 2, 3])
    ),
    "pos_weight": lambda: mlpc.MLP([4, 2], loss=losses.BCEWithLogits(pos_weight=1 / 3)),
    "eval": lambda: mlpc.MLP([4, 2, 2], "identity").eval(),
    "dropout": lambda: mlpc.MLP([4, 6, 5, 3], dropout=[0, 0.3], input_dropout=0.1),
}


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path):
    if request.param == ".safetensors":
        pytest.importorskip("safetensors")
    return tmp_path / f"net{request.param}"


@pytest.mark.parametrize("kind", NETS)
def test_a_network_comes_back(path, kind):
    net = NETS[kind]()
    net.parameters[::3] *= np.linspace(-1e-42, 3, len(net.parameters[::3]))  # subnormal ones, -0 and others
    net.save(path)
    again = mlpc.load(path)
    assert type(again) is mlpc.MLP and repr(again) == repr(net) and again.criterion == net.criterion
    assert again.parameters.tobytes() == net.parameters.tobytes()
    assert (again.training, again.shuffle_state, again.history) == (net.training, net.shuffle_state, None)
    assert np.array_equal(again(x), net(x))


def test_a_training_goes_on_in_the_same_order(path):
    y = rng.integers(0, 3, 20)
    net = NETS["usual"]()
    net.fit(x, y, epochs=2, batch_size=3)
    net.save(path)
    again = mlpc.load(path)
    for each in (net, again):
        each.fit(x, y, epochs=2, batch_size=3)
    assert again.digest() == net.digest() and again.shuffle_state == net.shuffle_state


def test_masks_go_on_where_they_were(path):
    net = NETS["dropout"]()
    net.forward(x)
    net.save(path)
    again = mlpc.load(path)
    assert again.masks_drawn == 1 and np.array_equal(again(x), net(x))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_equal_networks_give_equal_files(tmp_path, suffix):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    first, second, third = (tmp_path / f"{name}{suffix}" for name in ("first", "second", "third"))
    mlpc.MLP([4, 6, 3], "tanh", seed=1).save(first)
    mlpc.load(first).save(second)
    program = "import mlpc, sys; mlpc.MLP([4, 6, 3], 'tanh', seed=1).save(sys.argv[1])"
    subprocess.run([sys.executable, "-c", program, third], check=True, env=os.environ | {"PYTHONHASHSEED": "123"})
    assert first.read_bytes() == second.read_bytes() == third.read_bytes()
    mlpc.MLP([4, 6, 3], "tanh", seed=2).save(second)
    assert first.read_bytes() != second.read_bytes()


def test_what_stands_in_the_file_is_for_others_to_read_too(tmp_path):
    net = mlpc.MLP([4, 6, 3], "tanh")
    net.save(tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz", allow_pickle=False) as file:
        arrays = dict(file)
    text = json.loads(arrays.pop("mlpc").tobytes())
    assert (text["kind"], text["format"], text["arithmetic"]) == ("network", 1, mlpc.ARITHMETIC)
    assert text["library"] == mlpc.__version__ and len(text["digest"]) == 64
    assert text["values"]["network"]["sizes"] == [4, 6, 3]
    again = mlpc.MLP([4, 6, 3], "tanh", init=arrays)
    numpy = pytest.importorskip("safetensors.numpy")
    net.save(tmp_path / "net.safetensors")
    assert (
        again.digest()
        == net.digest()
        == mlpc.MLP([4, 6, 3], init=numpy.load_file(tmp_path / "net.safetensors")).digest()
    )


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("net.pt", ValueError, r"^path: expected a name that ends in \.npz or \.safetensors, got 'net\.pt'"),
        ("net", ValueError, "^path: expected a name that ends in"),
        (3, TypeError, "^path: expected the name of a file, got 3"),
        (b"net.npz", TypeError, "^path: expected the name of a file as text"),
        ("not/there/net.npz", FileNotFoundError, "not/there"),
    ],
)
def test_paths_that_are_none(tmp_path, monkeypatch, path, error, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        mlpc.MLP([4, 3]).save(path)
    with pytest.raises(error, match=words):
        mlpc.load(path)
    assert os.listdir(tmp_path) == []


def test_a_missing_package_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for use in (mlpc.MLP([4, 3]).save, mlpc.load, mlpc.callbacks.Checkpoint):
        with pytest.raises(ImportError, match="pip install safetensors"):
            use(tmp_path / "net.safetensors")
    mlpc.MLP([4, 3]).save(tmp_path / "net.npz")


def test_the_network_of_a_checkpoint(path):
    y = rng.integers(0, 3, 20)
    net = mlpc.MLP([4, 6, 3], layers.LeakyReLU(0.3), seed=4)
    net.fit(x, y, epochs=3, optimizer="adam", resume=path)
    again = mlpc.load(path)
    assert again.digest() == net.digest() and repr(again) == repr(net) and again.shuffle_state == net.shuffle_state


def test_no_network_is_written_or_changed_while_another_thread_trains_it(tmp_path):
    net, ends = mlpc.MLP([64, 256, 3], loss="mse", seed=1), threading.Event()
    rows, targets = rng.normal(size=(2000, 64)), rng.normal(size=(2000, 3))
    training = {"epochs": 10**6, "progress": False, "callbacks": [lambda net, history: ends.is_set()]}
    thread = threading.Thread(target=net.fit, args=(rows, targets), kwargs=training)
    thread.start()
    try:
        for use in (lambda: net.save(tmp_path / "net.npz"), lambda: net.absorb(output_mean=0.0)):
            with pytest.raises(RuntimeError, match="in use by another thread"):
                while thread.is_alive():
                    use()
    finally:
        ends.set()
        thread.join()
