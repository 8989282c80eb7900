"""What a checker of types says of programs that use the package, and what `help` says of its types."""

import doctest
import importlib
import os
import pkgutil
import pydoc
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import mlpc
from mlpc import _mlpc, layers, losses, names, optim

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.xdist_group("typing")

USE = """
import numpy as np
import mlpc

x, y = np.ones((6, 4), np.float32), np.array([0, 1, 2, 0, 1, 2])
net = mlpc.MLP([4, 8, 8, 3], ["relu", mlpc.layers.LeakyReLU(0.2)], init="he", dtype=np.float64)
slope = net.layers[3].negative_slope + mlpc.layers.ELU(alpha=0.5).settings["alpha"]
net.loss_and_grad(x, y, "cross_entropy", reduction="sum")
history = net.fit(x, y, epochs=1, optimizer="adam", progress=False)
largest = abs(net.layers[0].weight_grad).max() + net.layers[0].bias_grad.sum()
net.layers[0].weight[0, 0] = 1.0
net.layers[2].bias = np.zeros(8)
net.layers[2].bias = [0.0] * 8
loss, accuracy = net.evaluate(x, y)
if accuracy > 0.9 and loss < 1:
    print(f"{accuracy:.1%}", round(100 * accuracy), net.layers[0].input.shape)
mlpc.losses.mse(net(x), np.zeros((6, 3)), reduction="sum")
mlpc.lr_range_test(net, x, y, optimizer="sgd")
mlpc.gradcheck(net, x, y, loss="cross_entropy").raise_for_failure()
with np.load("net.npz") as state:
    net.load_state_dict(state)
mlpc.optim.Adam(net).load_state_dict(np.load("optimizer.npz"))
net.save("net.safetensors")
net.to_onnx("net.onnx")
twin = mlpc.from_torch(net.to_torch().eval(), loss="cross_entropy").copy()
labels = mlpc.load("net.safetensors").predict(x)
stopping = mlpc.callbacks.EarlyStopping("val_loss", patience=3)


class Print(mlpc.callbacks.Callback):
    def epoch_end(self, run: mlpc.training.Run[mlpc.MLP]) -> None:
        print(run.net.training, run.history.epochs)


checkpoint = mlpc.callbacks.Checkpoint("run.npz", keep_last=2)
callbacks = [stopping, Print(), mlpc.callbacks.LivePlot(), checkpoint]
net.fit(x, y, validation_data=(x, y), callbacks=callbacks, resume="run.npz", max_seconds=60)
net.fit(x, y, callbacks=[checkpoint, lambda net, history: print(history["loss"][-1])])
print(stopping.best_epoch + 1)


def gain(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    return float((y_true == y_pred).mean())


net.fit(x, y, validation_split=0.2, metrics=["top_2", gain, mlpc.metrics.Metric("surplus", gain, needs="labels")])
net.fit(x, y, validation_data=(x, y, np.ones(6)), metrics=[gain])
print(round(net.score(x, y, "top_2") + net.measure(x, y, ["f1"])["f1"], 2), net.loss_per_class(x, y).argmax())
"""

MISSPELT = """
import numpy as np
import mlpc
x, y = np.ones((6, 4), np.float32), np.array([0, 1, 2, 0, 1, 2])
net = mlpc.MLP([4, 8, 3])
mlpc.MLP([4, 8, 3], "rleu")  # wrong
mlpc.MLP([4, 8, 8, 3], ["relu", "tahn"])  # wrong
mlpc.MLP([4, 8, 3], mlpc.layers.LeakyReLU("0.2"))  # wrong
mlpc.MLP([4, 8, 3], loss="crossentropy")  # wrong
mlpc.MLP([4, 8, 3], init="xavier_")  # wrong
net.fit(x, y, optimizer="adma")  # wrong
net.evaluate(x, y, "mes")  # wrong
net.loss(y, "mes")  # wrong
net.loss_and_grad(x, y, reduction="average")  # wrong
net.loss_and_grad(x, y, loss="hubre")  # wrong
mlpc.losses.mse(net(x), np.zeros((6, 3)), reduction="average")  # wrong
mlpc.losses.cross_entropy(net(x), y, reduction="none")  # wrong
mlpc.gradcheck(net, x, y, loss="mes")  # wrong
mlpc.lr_range_test(net, x, y, optimizer="adma")  # wrong
mlpc.sweep({"net": {"sizes": [4, 3]}}, (x, y), optimizer="adma")  # wrong
mlpc.testing.compare_with_torch(net, x, y, loss="mes")  # wrong
net.layers[0].weigth  # wrong
mlpc.callbacks.EarlyStopping(mode="least")  # wrong
"""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    """What mypy --strict says of each program, as the lines it speaks of and all it says."""
    pytest.importorskip("mypy")
    folder = tmp_path_factory.mktemp("programs")
    examples = doctest.DocTestParser().get_examples((ROOT / "README.md").read_text(encoding="utf-8"))
    programs = {"readme": "".join(example.source for example in examples), "use": USE, "misspelt": MISSPELT}
    for name, text in programs.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-pretty", "--no-error-summary"]
    command += ["--config-file", str(ROOT / "pyproject.toml"), *(f"{name}.py" for name in programs)]
    environment = os.environ | {"MYPYPATH": str(ROOT), "MYPY_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 1) and not done.stderr, done.stdout + done.stderr
    found = {name: ([], []) for name in programs}
    for line in done.stdout.splitlines():
        if spoken_of := re.match(r"(\w+)\.py:(\d+): ", line):  # the package's own lines are those of `make lint`
            name, number = spoken_of.groups()
            found[name][0].append(int(number))
            found[name][1].append(line)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("program", ["readme", "use"])
def test_programs_pass(complaints, program):
    assert complaints[program][1] == []


@pytest.mark.slow
def test_misspelt_names_are_found(complaints):
    wrong = {number for number, line in enumerate(MISSPELT.splitlines(), 1) if line.endswith("# wrong")}
    assert set(complaints["misspelt"][0]) == wrong, complaints["misspelt"][1]


def test_names_are_those_there_are():
    assert set(typing.get_args(names.ActivationName)) == set(layers.ACTIVATIONS)
    assert set(typing.get_args(losses.LossName)) == set(losses.LOSSES) == set(_mlpc.losses())
    assert set(typing.get_args(optim.OptimizerName)) == set(optim.OPTIMIZERS)
    assert set(typing.get_args(names.InitName)) == set(_mlpc.initial_values())


@pytest.mark.parametrize("module", [part.name for part in pkgutil.walk_packages(mlpc.__path__, "mlpc.")])
def test_help_has_short_names_for_types(module):
    if module == "mlpc.course.torch":
        pytest.importorskip("torch")
    text = pydoc.plaintext.document(importlib.import_module(module))
    assert "_SupportsArray" not in text and "_NestedSequence" not in text
