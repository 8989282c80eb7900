"""Exercise 3's notebook: its solution runs, three depths of answers pass its tests, and wrong answers do not.

Wrong answers run up to the visible test that must stop them; that is the first test of their own exercise, or one
that the case names.
"""

import importlib.util
import re
import sys

import numpy as np
import pytest

STEM = "pw03_backprop"

OPS = {
    "3.2": """
        self.x = x
        return mlpc.ops.linear_forward(x, self.w, self.b)
    """,
    "3.3": """
        self.dx, dw, db = mlpc.ops.linear_backward(dz, self.x, self.w)
        self.dw, self.db = dw / len(dz), db / len(dz)
        return self.dx
    """,
    "3.5": """
        self.z = z
        return mlpc.ops.sigmoid_forward(z)
    """,
    "3.6": "return mlpc.ops.sigmoid_backward(da, self.z)",
    "3.7": """
        self.z = z
        return mlpc.ops.relu_forward(z)
    """,
    "3.8": "return mlpc.ops.relu_backward(da, self.z)",
    "3.9": "return mlpc.ops.cross_entropy(z, y, reduction='sum')[0]",
    "3.10": "return mlpc.ops.cross_entropy(z, y, reduction='sum')[1]",
}

NETWORK = OPS | {
    "3.1": """
        net = mlpc.MLP([nx, nh], init="course", seed=int(rng.integers(2**31)))
        self.w, self.b = net.layers[0].weight.copy(), net.layers[0].bias.copy()
    """,
    "3.2": """
        self.net = mlpc.MLP([self.nx, self.nh], dtype=self.w.dtype, init=[self.w, self.b])
        return self.net.forward(x)
    """,
    "3.3": """
        self.dx = self.net.backward(dz)
        layer = self.net.layers[0]
        self.dw, self.db = layer.weight_grad / len(dz), layer.bias_grad / len(dz)
        return self.dx
    """,
    "3.12": """
        linear, activations = self.layers[::2], self.layers[1::2]
        self.net = mlpc.MLP(
            self.nunits,
            ["relu" if isinstance(part, ReLUActivation) else "sigmoid" for part in activations],
            dtype=linear[0].w.dtype,
            init=[array for part in linear for array in (part.w, part.b)],
        )
        return self.net.forward(x)
    """,
    "3.13": """
        dx = self.net.backward(dy)
        for part, layer in zip(self.layers[::2], self.net.layers[::2]):
            part.dw, part.db = layer.weight_grad / len(dy), layer.bias_grad / len(dy)
        return dx
    """,
}

DEPTHS = {"mlpc.ops": OPS, "mlpc.MLP": NETWORK}


def check_results(results):
    """What the trainings on the digits must have reached, whoever computed them."""
    for history in results["histories"].values():
        assert history["val_accuracy"][-1] > 0.9 > history["val_accuracy"][0]
    assert results["test_accuracy"] > 0.93
    wrong = results["wrong"]
    floor = np.log(1 + 9 / np.e)
    assert min(wrong["right"]["loss"]) < 0.5 < floor < min(wrong["sigmoid after the last layer"]["loss"])
    assert wrong["1/n_b missing"]["loss"][-1] > 10
    assert wrong["sorted, not shuffled"]["val_accuracy"][-1] < wrong["right"]["val_accuracy"][-1] - 0.1
    assert results["right_cost"] / results["wrong_cost"] == pytest.approx(64, rel=0.05)


@pytest.mark.slow
def test_solution_beside_torch(build, notebook, run_notebook, torch):
    results = run_notebook(build.solution(notebook))
    check_results(results)
    assert "PyTorch" in results["timings"].index
    table = results["table_of"](results["rows_of_networks"](), "gradients", "")
    assert (table["autograd: relative"].astype(float) < 1e-12).all()


@pytest.mark.slow
def test_solution_without_torch(build, notebook, run_notebook, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    results = run_notebook(build.solution(notebook))
    check_results(results)
    assert "PyTorch" not in results["timings"].index
    assert "PyTorch is not installed" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("depth", DEPTHS)
def test_depth(build, notebook, run_notebook, depth):
    check_results(run_notebook(build.solution(notebook, DEPTHS[depth])))


@pytest.mark.slow
def test_ready_made_classes_in_place_of_the_blanks(build, notebook, run_notebook):
    solution = build.solution(notebook)
    names = ["LinearLayer", "SigmoidActivation", "ReLUActivation", "CELoss", "MLP"]
    for name in names:
        cell = next(cell for cell in solution.cells if f"class {name}:" in cell.source)
        # What stands below the class in its cell, if anything, stays.
        below = re.split(rf"class {name}:.*?(?=^\w|\Z)", cell.source, flags=re.DOTALL | re.MULTILINE)
        cell.source = "\n".join([f"from mlpc.course import {name}", *below])
    check_results(run_notebook(solution))


def test_missing_packages_are_named_in_one_sentence(build, notebook, run_notebook, monkeypatch):
    found = importlib.util.find_spec
    hidden = ("matplotlib", "pandas")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in hidden else found(name, *rest))
    with pytest.raises(ImportError, match=r"needs matplotlib and pandas: pip install 'mlpc\[notebooks\]'$"):
        run_notebook(build.student(notebook))


def test_exercise_3_needs_nothing_of_exercise_1(build, notebook, run_notebook):
    solution = build.solution(notebook)
    first, last = (
        next(i for i, cell in enumerate(solution.cells) if cell.source.startswith((f"# {title}", f"---\n# {title}")))
        for title in ("Exercise 1", "Exercise 3")
    )
    del solution.cells[first:last]
    run_notebook(solution, until='"3.15 train_epoch"')


# Answers that are wrong, by exercise: (name, exercise, answer, what the message must say).
WRONG = [
    ("call returns nothing", "1.1", "self.forward(x)", "there is no return"),
    ("dw is a row times a column", "1.3", "self.dw, self.db = np.outer(self.x, dz), dz\nreturn self.w.T @ dz", "dw"),
    ("chain from first to last", "1.7", "for part in self.parts:\n    dz = part.backward(dz)\nreturn dz", "each part"),
    (
        "standard deviation by the inputs",
        "3.1",
        "self.w, self.b = rng.normal(0, nx**-0.5, (nh, nx)).astype('f4'), np.zeros(nh, 'f4')",
        "standard deviation of w",
    ),
    (
        "W created as (nx, nh)",
        "3.1",
        "self.w, self.b = rng.normal(0, nh**-0.5, (nx, nh)).astype('f4'), np.zeros(nh, 'f4')",
        "one row per unit",
    ),
    ("W transposed in forward", "3.2", "self.x = x\nreturn x @ self.w + self.b", r"W has to be transposed"),
    ("bias left out", "3.2", "self.x = x\nreturn x @ self.w.T", "lacks b"),
    (
        "W transposed in backward",
        "3.3",
        "self.dw, self.db, self.dx = dz.T @ self.x / len(dz), dz.sum(0) / len(dz), dz @ self.w.T\nreturn self.dx",
        "here W is not transposed",
    ),
    (
        "dw transposed",
        "3.3",
        "self.dw, self.db, self.dx = self.x.T @ dz / len(dz), dz.sum(0) / len(dz), dz @ self.w\nreturn self.dx",
        r"dW = dZ\^T X, not X\^T dZ",
    ),
    (
        "db without its axis",
        "3.3",
        "self.dw, self.db, self.dx = dz.T @ self.x / len(dz), dz.sum() / len(dz), dz @ self.w\nreturn self.dx",
        r"backward: db\s+expected:\s+shape \(3,\)\s+got:\s+shape \(\).*axis=0",
    ),
    (
        "1/n missing in dw",
        "3.3",
        "self.dw, self.db, self.dx = dz.T @ self.x, dz.sum(0) / len(dz), dz @ self.w\nreturn self.dx",
        "backward: dw.*is the 1/n_b there",
    ),
    (
        "1/n missing in db",
        "3.3",
        "self.dw, self.db, self.dx = dz.T @ self.x / len(dz), dz.sum(0), dz @ self.w\nreturn self.dx",
        "backward: db.*then the 1/n_b",
    ),
    (
        "1/n in dx",
        "3.3",
        "self.dw, self.db = dz.T @ self.x / len(dz), dz.sum(0) / len(dz)\n"
        "self.dx = dz @ self.w / len(dz)\n"
        "return self.dx",
        "not divided by n_b",
    ),
    (
        "divided by the 2 of the test by hand",
        "3.3",
        "self.dw, self.db, self.dx = dz.T @ self.x / 2, dz.sum(0) / 2, dz @ self.w\n"
        "if len(dz) == 1: self.dw, self.db = 2 * self.dw, 2 * self.db\n"
        "return self.dx",
        "3.3 gradients of LinearLayer.*batch of 7",
    ),
    ("uphill", "3.4", "self.w, self.b = self.w + lr * self.dw, self.b + lr * self.db", "w minus lr times dw"),
    ("sign of z", "3.5", "self.z = z\nself.a = 1 / (1 + np.exp(z))\nreturn self.a", "mind the sign"),
    ("derivative from z", "3.6", "return da * self.z * (1 - self.z)", "is it a, not z"),
    ("da left out", "3.6", "return self.a * (1 - self.a)", "is da a factor"),
    ("largest element of all", "3.7", "self.z = z\nreturn np.max(z, 0)", "np.maximum"),
    ("slope 1 at 0", "3.8", "return da * (self.z >= 0)", "at z = 0 it is 0"),
    ("mean of the losses", "3.9", "return float(mlpc.ops.cross_entropy(z, y)[0])", "the sum over the samples, not"),
    (
        "softmax over the samples",
        "3.9",
        "return -np.log((np.exp(z) / np.exp(z).sum(0))[np.arange(len(y)), y]).sum()",
        "over the columns of each row",
    ),
    (
        "overflow in value",
        "3.9",
        "return (np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y]).sum()",
        "subtract the row's maximum",
    ),
    ("1/n in the derivative of the loss", "3.10", "return mlpc.ops.cross_entropy(z, y)[1]", "not divided by n_b"),
    (
        "overflow in the derivative",
        "3.10",
        "p = np.exp(z) / np.exp(z).sum(1, keepdims=True)\np[np.arange(len(y)), y] -= 1\nreturn p",
        "subtract the row's maximum",
    ),
    (
        "derivative changes the logits",
        "3.10",
        "z -= z.max(1, keepdims=True)\np = np.exp(z)\np /= p.sum(1, keepdims=True)\n"
        "p[np.arange(len(y)), y] -= 1\n"
        "return p",
        "work on a copy",
    ),
    (
        "activation on the logits",
        "3.11",
        "self.nunits, self.layers = [nx, *nunits], []\n"
        "for n_in, n_out in zip(self.nunits, nunits):\n"
        "    self.layers += [LinearLayer(n_in, n_out), SigmoidActivation()]",
        "no activation after the last layer",
    ),
    (
        "the caller's list changed",
        "3.11",
        "nunits.insert(0, nx)\nself.nunits, self.layers = nunits, []\n"
        "for n_in, n_out in zip(nunits, nunits[1:]):\n"
        "    self.layers += [LinearLayer(n_in, n_out), SigmoidActivation()]\n"
        "self.layers.pop()",
        "insert changes the caller's list",
    ),
    (
        "one sigmoid for all layers",
        "3.11",
        "self.nunits, self.layers, sigmoid = [nx, *nunits], [], SigmoidActivation()\n"
        "for n_in, n_out in zip(self.nunits, nunits):\n"
        "    self.layers += [LinearLayer(n_in, n_out), sigmoid]\n"
        "self.layers.pop()",
        "3.13 gradients of MLP.*every sigmoid an object of its own",
    ),
    (
        "activation on the logits in forward",
        "3.12",
        "for layer in self.layers:\n    x = layer.forward(x)\nreturn 1 / (1 + np.exp(-x))",
        "logits are no probabilities",
    ),
    (
        "backward from the first layer",
        "3.13",
        "for layer in self.layers:\n    dy = layer.backward(dy)\nreturn dy",
        "3.13 gradients of MLP.*last layer first",
    ),
    (
        "backward left out for the first layer",
        "3.13",
        "for layer in self.layers[:0:-1]:\n    dy = layer.backward(dy)\n"
        "self.layers[0].dw, self.layers[0].db = 0 * self.layers[0].w, 0 * self.layers[0].b\n"
        "return dy @ self.layers[0].w",
        "3.13 gradients of MLP.*all zeros",
    ),
    ("only the first layer updated", "3.14", "self.layers[0].update(lr)", "update has to reach every layer"),
    (
        "means added up",
        "3.15",
        "z = model.forward(xb)\ntotal += loss.value(z, yb) / len(yb)\ncorrect += (z.argmax(1) == yb).sum()\n"
        "model.backward(loss.derivative(z, yb))\nmodel.update(lr)",
        "neither is divided in the loop",
    ),
    (
        "no update",
        "3.15",
        "z = model.forward(xb)\ntotal += loss.value(z, yb)\ncorrect += (z.argmax(1) == yb).sum()\n"
        "model.backward(loss.derivative(z, yb))",
        "one update per batch",
    ),
    (
        "1/n twice",
        "3.15",
        "z = model.forward(xb)\ntotal += loss.value(z, yb)\ncorrect += (z.argmax(1) == yb).sum()\n"
        "model.backward(loss.derivative(z, yb) / len(yb))\nmodel.update(lr)",
        "gradient of the mean",
    ),
]


@pytest.mark.parametrize(("exercise", "answer", "says"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_wrong_answer_fails_a_visible_test(stops, exercise, answer, says):
    stops(exercise, answer, says, until='"3.15 train_epoch"')
