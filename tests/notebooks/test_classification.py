"""Exercise 2's notebook: its solution runs, three depths of answers pass its tests, and wrong answers do not."""

import re
import sys
from functools import partial

import pytest

STEM = "pw03_mlp_mnist_classification"
OPS = {
    "2.2": "cost, accuracy = mlpc.ops.cross_entropy(z, y)[0], (z.argmax(axis=1) == y).mean()",
    "2.3": """
        z = net.forward(xb)
        mean_cost, dz = mlpc.ops.cross_entropy(z, yb)
        total, correct = total + mean_cost * len(yb), correct + (z.argmax(axis=1) == yb).sum()
        net.backward(dz)
        optimizer.step()
    """,
}
NUMPY = {
    "2.3": """
        z = net.forward(xb)
        cost, accuracy = cost_and_accuracy(z, yb)
        total, correct = total + cost * len(rows), correct + accuracy * len(rows)
        dz = np.exp(z - z.max(axis=1, keepdims=True))
        dz /= dz.sum(axis=1, keepdims=True)
        dz[np.arange(len(yb)), yb] -= 1
        net.backward(dz / len(yb))
        optimizer.step()
    """
}
NETWORK = OPS | {
    "2.3": """
        z = net.forward(xb)
        correct += (z.argmax(axis=1) == yb).sum()
        total += net.loss(yb) * len(yb)
        net.backward()
        optimizer.step()
    """
}
DEPTHS = {"NumPy": NUMPY, "mlpc.ops": OPS, "mlpc.MLP": NETWORK}


def check_results(results):
    table = results["table"]
    assert len(table) == len(results["variants"]) + len(results["finalists"]) >= 8
    assert table["val_accuracy"].xs("linear").iloc[0] < table["val_accuracy"].max()
    assert table["runs"].max() == 3
    assert results["test_accuracy"] > 0.93
    mistakes = results["mistakes"]
    assert mistakes["sigmoid on the logits"]["cost"] > 1.461 > 0.5 > mistakes["none"]["cost"]
    assert mistakes["all initial weights 0"]["accuracy"] < 0.15
    assert abs(mistakes["no hidden activation"]["accuracy"] - mistakes["linear, for comparison"]["accuracy"]) < 0.03
    assert mistakes["1/n missing"]["accuracy"] < mistakes["1/n missing, lr / 64"]["accuracy"] - 0.3
    assert mistakes["sorted, not shuffled"]["accuracy"] < mistakes["none"]["accuracy"] - 0.03
    assert results["right_cost"] / results["wrong_cost"] == pytest.approx(64, rel=0.05)


@pytest.mark.slow
def test_solution_beside_torch(build, notebook, run_notebook, torch, capsys):
    check_results(run_notebook(build.solution(notebook)))
    out = capsys.readouterr().out
    assert "the same samples: True" in out
    assert "the same bits as in the record: True" in out


@pytest.mark.slow
def test_solution_without_torch(build, notebook, run_notebook, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    check_results(run_notebook(build.solution(notebook)))
    assert "PyTorch is not installed" in capsys.readouterr().out


@pytest.mark.parametrize("depth", DEPTHS)
def test_depth(build, notebook, run_notebook, depth):
    results = run_notebook(build.solution(notebook, DEPTHS[depth]), until="curves = train_eval")
    assert results["curves"][3][-1] > 0.9


TRAINING = """
    z = net.forward(xb)
    mean_cost, dz = mlpc.ops.cross_entropy(z, yb)
    total, correct = total + mean_cost * len(yb), correct + (z.argmax(axis=1) == yb).sum()
    net.backward(dz)
    optimizer.step()
"""
SUMMARY = """
    table = records.groupby(["variant", "lr"], sort=False).agg(
        layers=("layers", "first"), units=("units", "first"), parameters=("n_parameters", "first"),
        activation=("activation", "first"), epochs=("epochs", "first"), runs=("seed", "count"),
        seconds=("seconds", "mean"), cost=("loss", "mean"), accuracy=("accuracy", "mean"),
        val_cost=("val_loss", "mean"), val_accuracy=("val_accuracy", "mean"), val_spread=("val_accuracy", "std"),
    )
"""
# Answers that are wrong: (name, exercise, answer, what the message must say).
WRONG = [
    (
        "first rows of each class",
        "2.1",
        "validation = np.sort(np.concatenate([np.flatnonzero(y == c)[: round(n_validation * (y == c).mean())] "
        "for c in range(10)]))\ntraining = np.setdiff1d(np.arange(len(y)), validation)",
        "drawn rows",
    ),
    (
        "not stratified",
        "2.1",
        "order = rng.permutation(len(y))\n"
        "training, validation = np.sort(order[n_validation:]), np.sort(order[:n_validation])",
        "draw from each class",
    ),
    (
        "rows in both parts",
        "2.1",
        "validation = np.sort(rng.permutation(len(y))[:n_validation])\ntraining = np.arange(len(y))",
        "exactly one of both parts",
    ),
    (
        "sum instead of mean",
        "2.2",
        "cost, accuracy = mlpc.ops.cross_entropy(z, y, reduction='sum')[0], (z.argmax(axis=1) == y).mean()",
        "the mean over samples, not the sum",
    ),
    (
        "accuracy in percent",
        "2.2",
        "cost, accuracy = mlpc.ops.cross_entropy(z, y)[0], 100 * (z.argmax(axis=1) == y).mean()",
        "a share from 0 to 1",
    ),
    (
        "overflow",
        "2.2",
        "p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)\n"
        "cost, accuracy = -np.log(p[np.arange(len(y)), y]).mean(), (z.argmax(axis=1) == y).mean()",
        "subtract the maximum",
    ),
    ("means of batches added", "2.3", TRAINING.replace("mean_cost * len(yb)", "mean_cost"), r"times len\(rows\)"),
    ("1/n missing", "2.3", TRAINING.replace("backward(dz)", "backward(dz * len(yb))"), "number of samples once"),
    ("no step", "2.3", TRAINING.replace("optimizer.step()", "pass"), "change of the parameters"),
    (
        "activation on the logits",
        "2.3",
        TRAINING.replace("net.forward(xb)", "mlpc.ops.sigmoid_forward(net.forward(xb))"),
        "training cost and accuracy",
    ),
    ("too few variants", "2.4", "variants['relu'] = {'sizes': [n_pixels, 9, 10]}", "at least 5 more"),
    (
        "only one depth",
        "2.4",
        "for n in range(9, 15):\n    variants[f'relu {n}'] = {'sizes': [n_pixels, n, 10]}",
        "two or more",
    ),
    (
        "rate of the best seed",
        "2.5",
        "best = {n: r.loc[r['val_accuracy'].idxmax(), 'lr'] for n, r in records.groupby('variant')}",
        "not one lucky seed",
    ),
    (
        "rate by training accuracy",
        "2.5",
        "means = records.groupby(['variant', 'lr'])['accuracy'].mean()\n"
        "best = {name: means[name].idxmax() for name in records['variant'].unique()}",
        "not the training accuracy",
    ),
    (
        "no schedule",
        "2.6",
        "finalists = {k: {'sizes': [n_pixels, 9, 10], 'lr': 0.1, 'momentum': 0.9, 'weight_decay': 0.0} for k in 'ab'}",
        "without schedule",
    ),
    ("best seed in the table", "2.7", SUMMARY.replace('("val_accuracy", "mean")', '("val_accuracy", "max")'), "mean"),
    ("spread left out", "2.7", SUMMARY.replace('val_spread=("val_accuracy", "std"),', ""), "val_spread"),
    ("favourite by training", "2.8", "favourite = table['accuracy'].idxmax()", "chosen by the training accuracy"),
    (
        "validation instead of test",
        "2.9",
        "(test_cost, test_accuracy), p = best.evaluate(x_val, y_val), best.predict_proba(x_test)",
        "not the validation set",
    ),
]


@pytest.mark.parametrize(("exercise", "answer", "says"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_wrong_answer_fails_a_visible_test(stops, exercise, answer, says):
    # Fewer epochs: what is wrong does not depend on them.
    quick = partial(re.sub, r"EPOCHS = \d+ if DATA.*", "EPOCHS = 1")
    stops(exercise, answer, says, until='compare("test cost and accuracy"', change=quick)
