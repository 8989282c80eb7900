"""Files of every version of the format, which every later version of mlpc must read.

    python tests/files/make_corpus.py

Writes those of the present version that are not there yet, into corpus/FORMAT/, and what they hold into
corpus/FORMAT.json.  None is ever written again: a file of a released version is what somebody may have.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

import mlpc
from mlpc import layers, losses
from mlpc.files import FORMAT
from mlpc.network_file import describe

FOLDER = Path(__file__).with_name("corpus")
HIDDEN = [layers.LeakyReLU(0.3), *(name for name in layers.ACTIVATIONS if name != "leaky_relu")]


def cubic(z, y):
    """A loss that no file can hold."""
    return float(abs((z - y) ** 3).mean()), 3 * (z - y) * abs(z - y) / z.size


def trained(**more):
    """Positions in streams, statistics and a mode that are not those of the beginning."""
    net = mlpc.MLP([3, 4, 4, 2], ["tanh", layers.ELU(0.5)], norm=["batch", None], dropout=[0.2, 0], seed=3, **more)
    x = np.sin(np.arange(30.0)).reshape(10, 3)
    net.fit(x, np.arange(10) % 2, epochs=2, batch_size=4, progress=False)
    return net


def named():
    net = mlpc.MLP([2, 3], seed=2**64 - 1)
    net.feature_names, net.labels = ["age", "größe"], ["cat", "dog", "bird"]
    return net


NETWORKS = {
    "activations.safetensors": lambda: mlpc.MLP([2, *[2] * len(HIDDEN), 2], HIDDEN, init="he", seed=1),
    "activations64.npz": lambda: mlpc.MLP([2, *[2] * len(HIDDEN), 2], HIDDEN, init="he", seed=1, dtype="float64"),
    "trained.npz": trained,
    "trained64.safetensors": lambda: trained(dtype="float64", loss=losses.CrossEntropy(0.1, class_weight=[0.1, 3])),
    "layer.npz": lambda: mlpc.MLP(
        [3, 4, 2], norm=layers.LayerNorm(eps=1e-3), input_dropout=0.1, loss=losses.BCEWithLogits(pos_weight=[1 / 3, 2])
    ),
    "batch.safetensors": lambda: mlpc.MLP([3, 4, 2], norm=layers.BatchNorm(momentum=0.01), loss="mae").eval(),
    "linear.npz": lambda: mlpc.MLP([3, 1], loss="mse", dtype="float64"),
    "huber.safetensors": lambda: mlpc.MLP([3, 1], loss=losses.Huber(delta=0.1)),
    "poisson.npz": lambda: mlpc.MLP([3, 1], loss="poisson"),
    "quantile.safetensors": lambda: mlpc.MLP([3, 1], loss=losses.Quantile(q=0.9)),
    "log_cosh.npz": lambda: mlpc.MLP([3, 1], loss="log_cosh"),
    "custom.safetensors": lambda: mlpc.MLP([3, 2], loss=cubic),
    "named.npz": named,
}


X = np.sin(np.arange(30.0)).reshape(10, 3)
Y = np.arange(10) % 3

ESTIMATORS = {
    "classifier.npz": lambda: mlpc.MLPClassifier((4,), max_iter=2, random_state=0).fit(X, np.array(["a", "é", "o"])[Y]),
    "regressor.safetensors": lambda: mlpc.MLPRegressor(
        hidden_layer_sizes=(4, 3), activation=["logistic", layers.ELU(0.5)], norm=["batch", None], dropout=(0, 0.1),
        solver="sgd", learning_rate=mlpc.schedules.Cosine(0.1, epochs=9), dtype="float32", max_iter=2, random_state=0,
    ).fit(X, X[:, :2]),
    "labels.safetensors": lambda: mlpc.MLPClassifier((4,), solver="lbfgs", random_state=0, max_iter=500).fit(X, X > 0),
}  # fmt: skip


TABLE = {"size": X[:, 0] + 5, "colour": np.array(["blå", "red"])[Y % 2], "kind": Y, "price": 100 * X[:, 1]}

TABLES = {
    "table.npz": lambda: mlpc.tables.TableModel([4], missing="mean").fit(TABLE, "kind", epochs=2, progress=False),
    "table64.safetensors": lambda: mlpc.tables.TableModel([4], "tanh", dtype="float64", loss="huber").fit(
        TABLE, "price", without=["kind"], epochs=2, progress=False
    ),
}


def content(path):
    """What a file holds, in values that JSON has; bits of outputs are those of a version of the arithmetic."""
    loaded = mlpc.load(path, loss=cubic if "custom" in path.name else None)
    net = network_of(loaded)
    x = np.linspace(-2, 2, 5 * net.sizes[0]).reshape(5, -1)
    logits = net.freeze().logits(x)
    bits = logits.astype(f"<f{logits.itemsize}")
    more = {"table": repr(loaded)} if isinstance(loaded, mlpc.tables.TableModel) else {}
    more |= {"estimator": described(loaded)} if hasattr(loaded, "network_") else {}
    return more | {
        "digest": net.digest(),
        "network": json.loads(json.dumps(describe(net))),
        f"outputs, arithmetic {mlpc.ARITHMETIC}": hashlib.sha256(bits).hexdigest(),
    }


def network_of(loaded):
    """The network itself, or that of an estimator or of the model of a table."""
    return getattr(loaded, "network_", getattr(loaded, "net", loaded))


def described(estimator):
    """Of an estimator, beside its network; parameters as text, since some are objects."""
    names = [name for name in ("classes_", "n_iter_", "t_", "loss_", "loss_curve_") if hasattr(estimator, name)]
    told = {name: np.asarray(getattr(estimator, name)).tolist() for name in names}
    return told | {name: repr(value) for name, value in estimator.get_params().items()}


def record(version):
    """What is known of the files of a version."""
    path = FOLDER / f"{version}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def main():
    folder, known = FOLDER / str(FORMAT), record(FORMAT)
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in (NETWORKS | ESTIMATORS | TABLES).items():
        if name not in known:
            make().save(folder / name)
            known[name] = content(folder / name)
    if "run.npz" not in known:
        net = mlpc.MLP([3, 4, 2], "tanh", seed=5)
        net.fit(X, Y % 2, epochs=2, batch_size=4, optimizer="adam", progress=False, resume=folder / "run.npz")
        known["run.npz"] = content(folder / "run.npz")
    lines = [f"{json.dumps(name)}: {json.dumps(known[name], sort_keys=True)}" for name in sorted(known)]
    (FOLDER / f"{FORMAT}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
