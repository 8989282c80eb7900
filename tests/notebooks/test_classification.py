"""Exercise 2's notebook: its solution runs, right answers of any form pass its tests, and wrong answers do not."""

import json
import re
import sys
from functools import partial

import nbformat
import pytest

import mlpc

STEM = "pw03_mlp_mnist_classification"
OPS = {
    "2.2": "cost, accuracy = mlpc.ops.cross_entropy(z, y)[0], (z.argmax(axis=1) == y).mean()",
    "2.4": """
        z = net.forward(xb)
        mean_cost, dz = mlpc.ops.cross_entropy(z, yb)
        total, correct = total + mean_cost * len(yb), correct + (z.argmax(axis=1) == yb).sum()
        net.backward(dz)
        optimizer.step()
    """,
}
NUMPY = {
    "2.4": """
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
    "2.4": """
        z = net.forward(xb)
        correct += (z.argmax(axis=1) == yb).sum()
        total += net.loss(yb) * len(yb)
        net.backward()
        optimizer.step()
    """
}


def check_results(results):
    table = results["table"]
    assert len(table) == len(results["variants"]) + len(results["finalists"]) >= 8
    assert table["val_accuracy"].xs("linear").iloc[0] < table["val_accuracy"].max()
    assert (table["runs"] == 3).all()
    assert table["test_accuracy"].notna().sum() == 1
    assert table.loc[(results["favourite"], results["lr"]), "test_accuracy"] > 0.93
    for rates in (results["table_of_rates"], results["table_of_final_rates"]):
        assert rates["inside"].all()
    mistakes = results["mistakes"]
    assert mistakes["sigmoid on the logits"]["cost"] > 1.461 > 0.5 > mistakes["none"]["cost"]
    assert mistakes["all initial weights 0"]["accuracy"] < 0.15
    assert abs(mistakes["no hidden activation"]["accuracy"] - mistakes["linear, for comparison"]["accuracy"]) < 0.03
    assert mistakes["1/n missing"]["accuracy"] < mistakes["1/n missing, lr / 64"]["accuracy"] - 0.3
    assert mistakes["sorted, not shuffled"]["accuracy"] < mistakes["none"]["accuracy"] - 0.03
    assert results["right_cost"] / results["wrong_cost"] == pytest.approx(64, rel=0.05)


@pytest.mark.slow
def test_solution_beside_torch(build, notebook, run_notebook, torch, capsys):
    results = run_notebook(build.solution(notebook))
    check_results(results)
    out = capsys.readouterr().out
    assert "the same samples: True" in out
    assert "the same bits as in the record: True" in out
    chosen = json.loads(results["FAVOURITE"].read_text())
    assert chosen["data"] == "digits" and chosen["chosen"][chosen["favourite"]] == chosen["lr"]
    assert chosen["test_accuracy"] == results["test_accuracy"]


@pytest.mark.slow
def test_solution_without_torch(build, notebook, run_notebook, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    check_results(run_notebook(build.solution(notebook)))
    assert "PyTorch is not installed" in capsys.readouterr().out


# Fewer epochs and seeds: what is wrong does not depend on them.
quick = partial(
    re.sub,
    r"(EPOCHS, EPOCHS = ).*|(SEEDS = ).*",
    lambda match: "EPOCHS, EPOCHS = 1, 2" if match[1] else "SEEDS = [0, 1]",
)


@pytest.mark.slow
def test_digests_are_the_same_on_another_instruction_set(build, notebook, run_notebook):
    """Of all trainings that the notebook makes, with few epochs and samples: plain C, without an FMA unit, is slow."""
    short = build.solution(notebook)
    for cell in short.cells:
        cell.source = quick(cell.source)
        if cell.source.startswith("GRID ="):
            cell.source = "x_train, y_train = x_train[:130], y_train[:130]\n" + cell.source
    digests = {}
    for isa in ("portable", mlpc.cpu.available()[-1]):
        before = mlpc.cpu.active()
        mlpc.cpu.use(isa)
        try:
            results = run_notebook(short, until="best_finals = ", folder=isa)
        finally:
            mlpc.cpu.use(before)
        digests[isa] = [row for name in ("tuned", "final") for row in results[name]["digest"]]
    assert all(len(found) > 60 and found == digests["portable"] for found in digests.values())


def test_the_best_rates_of_the_committed_solution_lie_inside(build):
    executed = nbformat.read(build.FOLDER / "solutions" / f"{STEM}.ipynb", as_version=4)
    lines = [
        line
        for cell in executed.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        for line in output.get("text", "").splitlines()
    ]
    searched = [found for line in lines if (found := re.fullmatch(r"(.*): rates (.*); best (.*)", line))]
    assert len(searched) >= 8
    for _, tried, best in (found.groups() for found in searched):
        rates = [float(rate) for rate in tried.split(", ")]
        assert min(rates) < float(best) < max(rates)
    says = r"the best rate lies inside the rates tried: (\d+) of (\d+) (variants|finalists)"
    totals = [found for line in lines if (found := re.fullmatch(says, line))]
    assert len(totals) == 2 and all(found[1] == found[2] for found in totals)


def test_the_committed_favourite_is_good(build):
    executed = nbformat.read(build.FOLDER / "solutions" / f"{STEM}.ipynb", as_version=4)
    (table,) = [
        output.data["text/html"]
        for cell in executed.cells
        if "test_accuracy" in cell.source and "table" in build.tags(cell)
        for output in cell.outputs
        if "data" in output
    ]
    tested = re.search(r"col\d+\"[^>]*>(\d\d\.\d\d)%</td>\s*</tr>", table)
    assert float(tested[1]) >= 98.2


# Right answers, written in another way: (name, the blanks' answers).
SPLIT_BY_MASK = """
    inside = np.zeros(len(y), bool)
    for c in range(10):
        mine = np.where(y == c)[0]
        rng.shuffle(mine)
        inside[mine[: int(round(n_validation * mine.size / y.size))]] = True
    training, validation = np.flatnonzero(~inside), np.flatnonzero(inside)
"""
SPLIT_BY_CHOICE = """
    classes, counts = np.unique(y, return_counts=True)
    parts = [rng.choice(np.nonzero(y == c)[0], round(n_validation * m / len(y)), replace=False)
             for c, m in zip(classes, counts)]
    validation = np.sort(np.concatenate(parts))
    training = np.array([row for row in range(len(y)) if row not in set(validation.tolist())])
""".replace("set(validation.tolist())", "drawn").replace(
    "    training", "    drawn = set(validation.tolist())\n    training"
)
COST_IN_A_LOOP = """
    cost, right = 0.0, 0
    for row, label in zip(z, y):
        row = row - max(row)
        cost += np.log(sum(np.exp(row))) - row[label]
        right += int(np.argmax(row) == label)
    cost, accuracy = cost / len(y), right / len(y)
"""
COST_BY_ONE_HOT = """
    m = z.max(1)[:, None]
    log_p = z - m - np.log(np.sum(np.exp(z - m), 1))[:, None]
    cost = np.mean(np.sum(-np.eye(z.shape[1])[y] * log_p, axis=1))
    accuracy = np.count_nonzero(np.argmax(z, 1) == y) / y.size
"""
STEP_BY_EINSUM = """
    z = np.einsum("nd,kd->nk", x, w) + b
    cost, accuracy = cost_and_accuracy(z, y)
    e = np.exp(z - z.max(1, keepdims=True))
    dz = (e / e.sum(1, keepdims=True) - np.eye(len(b))[y]) / n
    new_w, new_b = w - lr * np.einsum("nk,nd->kd", dz, x), b - lr * np.einsum("nk->k", dz)
"""
STEP_IN_A_LOOP = """
    cost, accuracy = cost_and_accuracy(x @ w.T + b, y)
    new_w, new_b = np.array(w), np.array(b)
    for i in range(n):
        logits = w @ x[i] + b
        p = np.exp(logits - logits.max())
        p = p / p.sum()
        for j in range(len(b)):
            d = (p[j] - (j == y[i])) / n
            new_b[j] = new_b[j] - lr * d
            for k in range(x.shape[1]):
                new_w[j, k] -= lr * d * x[i, k]
"""
STEP_BY_OPS = """
    z = mlpc.ops.linear_forward(x, w, b)
    cost, dz = mlpc.ops.cross_entropy(z, y)
    accuracy = (z.argmax(1) == y).mean()
    _, dw, db = mlpc.ops.linear_backward(dz, x, w)
    new_w, new_b = w - lr * dw, b - lr * db
"""
TRAIN_IN_ONE_CALL = """
    z = net.forward(xb)
    correct += np.sum(np.argmax(z, 1) == yb)
    total += net.loss_and_grad(xb, yb) * len(yb)
    optimizer.step()
"""
TRAIN_BY_HAND = """
    z = np.array(net(xb))
    c, a = cost_and_accuracy(z, yb)
    total += c * yb.size
    correct += a * yb.size
    e = np.exp(z - z.max(1)[:, None])
    net.backward((e / e.sum(1)[:, None] - np.eye(z.shape[1])[yb]).astype(z.dtype) / z.dtype.type(len(yb)))
    net.parameters[:] -= net.parameters.dtype.type(lr) * net.gradients
"""
PLOT_IN_A_LOOP = """
    titles = ["Cost", "Accuracy"]
    for number, axes in enumerate((left, right)):
        for label, values in zip(("Training set", "Validation set"), curves[2 * number : 2 * number + 2]):
            axes.plot(np.arange(len(values)) + 1, values, label=label)
        axes.set(xlabel="Epochs", ylabel=titles[number])
        axes.legend(loc="best")
"""
PLOT_LOGARITHMIC = """
    a, b, c, d = curves
    e = list(range(1, 1 + len(a)))
    left.semilogy(e, b, color="k", label="validation cost")
    left.semilogy(e, a, color="r", label="training cost")
    right.plot(e, c, "r.", label="training accuracy")
    right.plot(e, d, "k.", label="validation accuracy")
    for panel, name in ((left, "cost"), (right, "accuracy")):
        panel.legend()
        panel.set_xlabel("epoch")
        panel.set_ylabel(name)
        panel.grid()
"""
VARIANTS_BY_NAME = """
    variants["tiny"] = {"sizes": [n_pixels, 8, 10]}
    variants["small"] = {"sizes": [n_pixels, 16, 10], "activation": "tanh"}
    variants["middle"] = {"sizes": (n_pixels, 40, 10), "activation": "sigmoid"}
    variants["pyramid"] = {"sizes": [n_pixels, 40, 20, 10], "activation": ["relu", "tanh"]}
    variants["deep"] = {"sizes": [n_pixels, 20, 20, 20, 10], "activation": "gelu"}
"""
RATES_IN_A_LOOP = """
    best = {}
    for name, runs in records.groupby("variant"):
        costs = {rate: np.mean(runs.loc[runs["lr"] == rate, "val_loss"]) for rate in set(runs["lr"])}
        best[name] = min(costs, key=costs.get)
"""
RATES_BY_PIVOT = """
    wide = records.pivot_table(index="variant", columns="lr", values="val_loss", aggfunc="mean")
    best = wide.idxmin(axis=1).to_dict()
"""
SUMMARY_BY_STATISTICS = """
    names = {"loss": "cost", "accuracy": "accuracy", "val_loss": "val_cost", "val_accuracy": "val_accuracy"}
    figures = {}
    for column, name in names.items():
        figures[name], figures[name + "_spread"] = groups[column].mean(), groups[column].std()
    figures = pd.DataFrame(figures)
"""
TRAIN_IN_PLACE = """
    z = net.forward(xb)
    mean_cost, share = cost_and_accuracy(z, yb)
    total += mean_cost * len(yb)
    correct += share * len(yb)
    z -= z.max(axis=1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(axis=1, keepdims=True)
    net.backward((z - np.eye(z.shape[1])[yb]) / len(yb))
    optimizer.step()
"""
PLOT_SHORT_NAMES = """
    for axes, name, lines in ((left, "mean cross-entropy", curves[:2]), (right, "share that is right", curves[2:])):
        axes.set(xlabel="Epoch", ylabel=name)
        for label, line in zip(("train", "val"), lines):
            axes.plot(range(1, len(line) + 1), line, label=label)
        axes.legend()
"""
RATES_AS_A_SERIES = "best = records.groupby(['variant', 'lr'])['val_loss'].mean().unstack().idxmin(axis=1)"
FAVOURITE_BY_SORTING = "favourite = table.sort_values('val_accuracy').index[-1]"
TEST_BY_HAND = """
    logits = best(x_test)
    test_cost, test_accuracy = cost_and_accuracy(logits, y_test)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
"""
RIGHT = [
    ("NumPy", NUMPY),
    ("mlpc.ops", OPS),
    ("mlpc.MLP", NETWORK),
    ("masks, loops", {"2.1": SPLIT_BY_MASK, "2.2": COST_IN_A_LOOP, "2.3": STEP_IN_A_LOOP, "2.5": PLOT_IN_A_LOOP}),
    ("choice, one-hot, einsum", {"2.1": SPLIT_BY_CHOICE, "2.2": COST_BY_ONE_HOT, "2.3": STEP_BY_EINSUM}),
    ("one call a batch", {"2.3": STEP_BY_OPS, "2.4": TRAIN_IN_ONE_CALL, "2.5": PLOT_LOGARITHMIC}),
    ("by hand, other variants", {"2.4": TRAIN_BY_HAND, "2.6": VARIANTS_BY_NAME, "2.8": (
        "finalists = {f'wide {m}': {'sizes': [n_pixels, 60, 10], 'lr': 0.02, 'momentum': m, 'weight_decay': 0.0, "
        "'schedule': falling, 'activation': 'relu'} for m in (0.8, 0.95)}"
    )}),
    ("dictionaries", {"2.7": RATES_IN_A_LOOP, "2.9": SUMMARY_BY_STATISTICS, "2.10": FAVOURITE_BY_SORTING}),
    ("pivot", {"2.7": RATES_BY_PIVOT, "2.11": TEST_BY_HAND}),
    ("in place, short names, a Series", {"2.4": TRAIN_IN_PLACE, "2.5": PLOT_SHORT_NAMES, "2.7": RATES_AS_A_SERIES}),
]  # fmt: skip


@pytest.mark.parametrize("answers", [case[1] for case in RIGHT], ids=[case[0] for case in RIGHT])
def test_right_answer_written_in_another_way_passes(build, notebook, run_notebook, answers):
    right = build.solution(notebook, answers)
    for cell in right.cells:
        cell.source = quick(cell.source)
    late = any(int(number.partition(".")[2]) > 5 for number in answers)
    run_notebook(right, until='checking("2.11 ' if late else "plot_curves(curves)")


TRAINING = """
    z = net.forward(xb)
    mean_cost, dz = mlpc.ops.cross_entropy(z, yb)
    total, correct = total + mean_cost * len(yb), correct + (z.argmax(axis=1) == yb).sum()
    net.backward(dz)
    optimizer.step()
"""
AFTERWARDS = """
    net.backward(mlpc.ops.cross_entropy(net.forward(xb), yb)[1])
    optimizer.step()
    z = net.forward(xb)
    total += mlpc.ops.cross_entropy(z, yb)[0] * len(yb)
    correct += (z.argmax(axis=1) == yb).sum()
"""
STEP = """
    z = x @ w.T + b
    cost, accuracy = cost_and_accuracy(z, y)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    dz = (e / e.sum(axis=1, keepdims=True) - np.eye(len(b))[y]) / n
    new_w = w - lr * (dz.T @ x)
    new_b = b - lr * dz.sum(axis=0)
"""
PLOT = """
    cost_train, cost_valid, acc_train, acc_valid = curves
    epochs = range(1, len(cost_train) + 1)
    for axes, name, lines in ((left, "cost", curves[:2]), (right, "accuracy", curves[2:])):
        for label, line in zip(("training", "validation"), lines):
            axes.plot(epochs, line, label=label)
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
        axes.legend()
"""
SPLIT = """
    drawn = []
    for label in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == label))
        drawn.extend(members[: round(n_validation * len(members) / len(y))])
    validation = np.sort(drawn)
    training = np.setdiff1d(np.arange(len(y)), validation)
"""
BETTER = "means = records.groupby(['variant', 'lr'])['COLUMN'].mean()\nbest = {n: means[n].HOW() for n in 'ab'}"
MEANS = "means = records.groupby(['variant', 'lr'])['val_loss'].mean()\n"
LAYERS = [10], [20], [40], [20, 20], [9, 9, 9]
COST = """
    log_p = z - z.max(axis=1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    cost = -log_p[np.arange(len(y)), y].mean()
    accuracy = (z.argmax(axis=1) == y).mean()
"""
TESTED = "test_cost, test_accuracy = best.evaluate(x_test, y_test)\np = best.predict_proba(x_test)"
SUMMARY = """
    figures = groups.agg(
        cost=("loss", "mean"), cost_spread=("loss", "std"), accuracy=("accuracy", "mean"),
        accuracy_spread=("accuracy", "std"), val_cost=("val_loss", "mean"), val_cost_spread=("val_loss", "std"),
        val_accuracy=("val_accuracy", "mean"), val_accuracy_spread=("val_accuracy", "std"),
    )
"""
FINALISTS = (
    "finalists = {k: {'sizes': [n_pixels, 9, 10], 'lr': 0.1, 'momentum': m, 'weight_decay': 0.0, "
    "'schedule': falling} for k, m in {'one': 0.9, 'two': 0.8}.items()}"
)


def layers(*hidden, activation="relu"):
    """An answer to 2.6."""
    return "\n".join(
        f"variants['{n}'] = {{'sizes': [n_pixels, *{units}, 10], 'activation': '{activation}'}}"
        for n, units in enumerate(hidden)
    )


# Answers that are wrong: (name, exercise, answer, what the message must say).
WRONG = [
    ("first rows of each class", "2.1", SPLIT.replace("rng.permutation(np.flatnonzero(y == label))",
     "np.flatnonzero(y == label)"), "rng.permutation is missing"),
    ("not stratified", "2.1", "order = rng.permutation(len(y))\n"
     "training, validation = np.sort(order[n_validation:]), np.sort(order[:n_validation])", "draw from each class"),
    ("swapped", "2.1", SPLIT + "\n    training, validation = validation, training", "rows for training come first"),
    ("half of it", "2.1", SPLIT.replace("n_validation *", "n_validation / 2 *"), "sizes.*draw round"),
    ("as many of each class", "2.1", SPLIT.replace("round(n_validation * len(members) / len(y))",
     "n_validation // 10"), "draw from each class by itself|sizes"),
    ("rows in both parts", "2.1", SPLIT.replace("np.setdiff1d(np.arange(len(y)), validation)", "np.arange(len(y))"),
     "the others are for training, and only they"),
    ("some rows in both parts", "2.1", SPLIT + "\n    training = np.sort(np.append(training[1:], validation[0]))",
     "rows in both parts"),
    ("rows drawn twice", "2.1", SPLIT.replace("rng.permutation(np.flatnonzero(y == label))",
     "rng.choice(np.flatnonzero(y == label), (y == label).sum())"), "no row is lost or doubled|ascending rows"),
    ("rows lost", "2.1", SPLIT + "\n    training = training[::2]", "no row is lost or doubled"),
    ("not sorted", "2.1", SPLIT.replace("np.sort(drawn)", "np.array(drawn)"), "np.sort at the end"),
    ("seed left out", "2.1", SPLIT.replace("drawn = []", "drawn, rng = [], np.random.default_rng(0)"),
     "not drawn with the rng that is given"),
    ("another generator", "2.1", SPLIT.replace("drawn = []", "drawn, rng = [], np.random.default_rng()"),
     "draw with the rng that is given"),
    ("the samples instead of rows", "2.1", "training, validation = y[n_validation:], y[:n_validation]",
     "rows in both parts"),
    ("sum instead of mean", "2.2",
     "cost, accuracy = mlpc.ops.cross_entropy(z, y, reduction='sum')[0], (z.argmax(axis=1) == y).mean()",
     "the mean over samples, not the sum"),
    ("accuracy in percent", "2.2",
     "cost, accuracy = mlpc.ops.cross_entropy(z, y)[0], 100 * (z.argmax(axis=1) == y).mean()", "a share from 0 to 1"),
    ("number of right ones", "2.2",
     "cost, accuracy = mlpc.ops.cross_entropy(z, y)[0], (z.argmax(axis=1) == y).sum()", "a share from 0 to 1"),
    ("overflow", "2.2", "p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)\n"
     "cost, accuracy = -np.log(p[np.arange(len(y)), y]).mean(), (z.argmax(axis=1) == y).mean()",
     "subtract the maximum"),
    ("logarithm of p plus a little", "2.2", "p = np.exp(z - z.max(axis=1, keepdims=True))\n"
     "p /= p.sum(axis=1, keepdims=True)\ncost = -np.log(p[np.arange(len(y)), y] + 1e-12).mean()\n"
     "accuracy = (z.argmax(axis=1) == y).mean()", "nothing is added to p"),
    ("logarithm to the base 2", "2.2", "cost, accuracy = mlpc.ops.cross_entropy(z, y)[0] / np.log(2), "
     "(z.argmax(axis=1) == y).mean()", "the natural logarithm"),
    ("z changed in place", "2.2", "z -= z.max(axis=1, keepdims=True)\n"
     "cost = (np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]).mean()\n"
     "accuracy = (z.argmax(axis=1) == y).mean()", "z was changed in place"),
    ("largest of the columns", "2.2", "cost = mlpc.ops.cross_entropy(z, y)[0]\n"
     "accuracy = (z.argmax(axis=0)[: len(y)] == y[: z.shape[1]]).mean()",
     "argmax along axis 1|the largest of each row"),
    ("all classes in the mean", "2.2", "log_p = z - z.max(1, keepdims=True)\n"
     "log_p -= np.log(np.exp(log_p).sum(1, keepdims=True))\n"
     "cost = -(np.eye(z.shape[1])[y] * log_p).mean()\naccuracy = (z.argmax(1) == y).mean()", "cost, by hand"),
    ("1/n left out", "2.3", STEP.replace(") / n", ")"), "change of w, 7 samples.*7 times too large"),
    ("1/n twice", "2.3", STEP.replace("dz.T @ x", "dz.T @ x / n"), "change of w, 7 samples.*7 times too small"),
    ("uphill", "2.3", STEP.replace("w - lr", "w + lr"), "w minus lr"),
    ("b left as it was", "2.3", STEP.replace("b - lr * dz.sum(axis=0)", "b"), "b minus lr"),
    ("cost after the step", "2.3", STEP + "\n    cost, accuracy = cost_and_accuracy(x @ new_w.T + new_b, y)",
     "the cost before the step"),
    ("w changed in place", "2.3", STEP.replace("new_w = w - lr * (dz.T @ x)", "w -= lr * (dz.T @ x)\n    new_w = w"),
     "what came in stays as it was"),
    ("dw transposed", "2.3", STEP.replace("dz.T @ x", "(x.T @ dz)"), r"w, by hand|dw is \(k, pixels\)"),
    ("db along the wrong axis", "2.3", STEP.replace("dz.sum(axis=0)", "dz.sum()"), "b minus lr|b, by hand"),
    ("one-hot forgotten", "2.3", STEP.replace(" - np.eye(len(b))[y]", ""), "w, by hand"),
    ("means of batches added", "2.4", TRAINING.replace("mean_cost * len(yb)", "mean_cost"), r"times len\(rows\)"),
    ("1/n missing", "2.4", TRAINING.replace("backward(dz)", "backward(dz * len(yb))"),
     "23 times too large.*number of samples once"),
    ("dz divided twice", "2.4", TRAINING.replace("backward(dz)", "backward(dz / len(yb))"),
     "23 times too small.*number of samples once"),
    ("cost after the step", "2.4", AFTERWARDS, "that before its step"),
    ("no step", "2.4", TRAINING.replace("optimizer.step()", "pass"), "change of the parameters"),
    ("step before backward", "2.4", TRAINING.replace("net.backward(dz)\n    optimizer.step()",
     "optimizer.step()\n    net.backward(dz)"), "gradients are set before the step"),
    ("two steps", "2.4", TRAINING + "    optimizer.step()\n", "one step per batch"),
    ("gradients added up", "2.4", TRAINING.replace("backward(dz)", "backward(dz, accumulate=True)"),
     "not added up"),
    ("all rows in every batch", "2.4", TRAINING.replace("net.forward(xb)", "net.forward(x)").replace("yb", "y"),
     "2.4|training cost"),
    ("activation on the logits", "2.4",
     TRAINING.replace("net.forward(xb)", "mlpc.ops.sigmoid_forward(net.forward(xb))"), "training cost and accuracy"),
    ("training and validation swapped", "2.5", PLOT.replace('("training", "validation")', '("validation", "training")'),
     "in this order"),
    ("accuracy in both panels", "2.5", PLOT.replace("curves[:2]", "curves[2:]"), "in this order"),
    ("validation left out", "2.5", PLOT.replace('("training", "validation")', '("training",)'),
     "one for training, one for validation"),
    ("no names of the lines", "2.5", PLOT.replace("epochs, line, label=label", "epochs, line"), 'label="training"'),
    ("no names of the axes", "2.5", PLOT.replace('axes.set_xlabel("epoch")', "pass"), "axes.set_xlabel"),
    ("no legend", "2.5", PLOT.replace("axes.legend()", "pass"), "legend of the axes is never called"),
    ("epochs from 0", "2.5", PLOT.replace("range(1, len(cost_train) + 1)", "range(len(cost_train))"), "count from 1"),
    ("three epochs always", "2.5", PLOT.replace("epochs, line,", "[1, 2, 3], line[:3],"), "as many epochs"),
    ("too few variants", "2.6", layers([9]), "add at least five"),
    ("only one depth", "2.6", layers(*[[n] for n in (4, 8, 16, 32, 64)]), "same number of hidden layers"),
    ("near-copies", "2.6", layers(*[[n, 30] for n in (100, 101, 102, 103)], [104], [105]), "near-copies"),
    ("one network, other names", "2.6", layers(*[[100]] * 4, [50, 50]), "near-copies"),
    ("four sets of layers", "2.6", layers([10], [20], [40], [20, 20])
     + "\nvariants['e'] = {'sizes': [n_pixels, 20, 10], 'activation': 'sigmoid'}", "five sets|near-copies"),
    ("identity everywhere", "2.6", layers([10], [20], [40], [20, 20], [9, 9, 9], activation="identity"),
     "the baseline again"),
    ("100 classes", "2.6", layers([10], [20], [40], [20, 20], [9, 9, 9]).replace("10], 'act", "100], 'act"),
     "end with the classes"),
    ("rate of the best seed", "2.7",
     "best = {n: r.loc[r['val_loss'].idxmin(), 'lr'] for n, r in records.groupby('variant')}", "one lucky run"),
    ("rate by training cost", "2.7", BETTER.replace("COLUMN", "loss").replace("HOW", "idxmin"),
     "nor a training figure"),
    ("rate by accuracy", "2.7", BETTER.replace("COLUMN", "val_accuracy").replace("HOW", "idxmax"), "nor an accuracy"),
    ("the largest cost", "2.7", BETTER.replace("COLUMN", "val_loss").replace("HOW", "idxmax"), "neither the largest"),
    ("one rate for all", "2.7", "best = records.groupby('lr')['val_loss'].mean().idxmin()", "2.7 best_rates"),
    ("no schedule", "2.8", FINALISTS.replace(", 'schedule': falling", ""), "without schedule"),
    ("the schedule called", "2.8", FINALISTS.replace("falling", "falling(0.1)"), "not what it returns"),
    ("momentum of 9", "2.8", FINALISTS.replace("0.9", "9"), "between 0 and 1"),
    ("a variant's name", "2.8", FINALISTS.replace("'two'", "'relu 100'"), "the name of a variant"),
    ("one finalist", "2.8", FINALISTS.replace(", 'two': 0.8", ""), "two at least"),
    ("best seed in the table", "2.9", SUMMARY.replace('("val_accuracy", "mean")', '("val_accuracy", "max")'),
     "the mean"),
    ("spread left out", "2.9", SUMMARY.replace('cost_spread=("loss", "std"),', "", 1), "without.*cost_spread"),
    ("training accuracy from validation", "2.9", SUMMARY.replace('("accuracy", "mean")', '("val_accuracy", "mean")'),
     "of the column accuracy, not of val_accuracy"),
    ("validation cost from training", "2.9", SUMMARY.replace('("val_loss", "mean")', '("loss", "mean")'),
     "of the column val_loss, not of loss"),
    ("cost from validation", "2.9", SUMMARY.replace('("loss", "mean")', '("val_loss", "mean")', 1),
     "of the column loss, not of val_loss"),
    ("accuracy for cost", "2.9", SUMMARY.replace('val_cost=("val_loss"', 'val_cost=("val_accuracy"'),
     "not of val_accuracy"),
    ("range for spread", "2.9", SUMMARY.replace('("val_accuracy", "std")', '("val_accuracy", np.ptp)'), "std over the"),
    ("favourite by training", "2.10", "favourite = table['accuracy'].idxmax()", "learns by heart"),
    ("favourite by cost", "2.10", "favourite = table['val_cost'].idxmin()", "by the validation accuracy"),
    ("the smallest", "2.10", "favourite = table['n_parameters'].idxmin()", "by the validation accuracy"),
    ("row number", "2.10", "favourite = table['val_accuracy'].argmax()", "a pair"),
    ("validation instead of test", "2.11",
     "(test_cost, test_accuracy), p = best.evaluate(x_val, y_val), best.predict_proba(x_test)",
     "neither the validation"),
    ("training instead of test", "2.11",
     "(test_cost, test_accuracy), p = best.evaluate(x_train, y_train), best.predict_proba(x_test)",
     "nor the training set"),
    ("probabilities of the validation set", "2.11",
     "(test_cost, test_accuracy), p = best.evaluate(x_test, y_test), best.predict_proba(x_val)",
     "of the validation samples|of the test set"),
    ("logits for probabilities", "2.11",
     "(test_cost, test_accuracy), p = best.evaluate(x_test, y_test), best.forward(x_test)", "not logits"),
    ("labels for probabilities", "2.11",
     "(test_cost, test_accuracy), p = best.evaluate(x_test, y_test), best.predict(x_test)", "not logits or labels"),
    ("another network", "2.11", "(test_cost, test_accuracy), p = first_network.evaluate(x_test, y_test), "
     "best.predict_proba(x_test)", "of the network best"),
    ("masks for rows", "2.1", SPLIT + "\n    training = ~np.isin(np.arange(len(y)), validation)\n"
     "    validation = ~training", "np.flatnonzero makes row numbers"),
    ("rows in float", "2.1", SPLIT.replace("np.sort(drawn)", "np.sort(drawn).astype(float)"), "is no float"),
    ("x for rows", "2.1", "training, validation = x_full[n_validation:], x_full[:n_validation]", "and no sample"),
    ("y_full for y", "2.1", SPLIT.replace("(y", "(y_full"), "not y_full and N_VALIDATION"),
    ("N_VALIDATION for n_validation", "2.1", SPLIT.replace("n_validation", "N_VALIDATION"),
     "not y_full and N_VALIDATION"),
    ("as many of each class, rounded", "2.1", SPLIT.replace("n_validation * len(members) / len(y)",
     "n_validation / 10"), "of each its own share"),
    ("last rows of each class", "2.1", SPLIT.replace("rng.permutation(np.flatnonzero(y == label))",
     "np.flatnonzero(y == label)[::-1]"), "not drawn with the rng"),
    ("NumPy's global state", "2.1", SPLIT.replace("rng.permutation", "np.random.permutation"), "rng that is given"),
    ("what shuffle returns", "2.1", SPLIT.replace("rng.permutation", "rng.shuffle"), "rng.shuffle returns nothing"),
    ("a class forgotten", "2.1", SPLIT.replace("np.unique(y)", "range(1, 10)"), "sizes.*draw round"),
    ("right where p is above one half", "2.2", COST.replace("(z.argmax(axis=1) == y)",
     "(np.exp(log_p)[np.arange(len(y)), y] > 0.5)"), "whatever its probability"),
    ("share that is wrong", "2.2", COST.replace("== y", "!= y"), "share of those that are right"),
    ("the largest probability", "2.2", COST.replace("log_p[np.arange(len(y)), y]", "log_p.max(axis=1)"),
     "the probability of the label counts"),
    ("the maximum of all", "2.2", COST.replace("z.max(axis=1, keepdims=True)", "z.max()"), "not that of all"),
    ("p is clipped", "2.2", COST.replace("-log_p[np.arange(len(y)), y]",
     "-np.log(np.clip(np.exp(log_p), 1e-15, 1))[np.arange(len(y)), y]"), "p is not clipped"),
    ("softmax down the columns", "2.2", COST.replace("axis=1, keepdims", "axis=0, keepdims"),
     "the softmax of each row"),
    ("the minus forgotten", "2.2", COST.replace("-log_p[", "log_p["), "the sign is wrong.*minus"),
    ("squared error", "2.2", COST.replace("-log_p[np.arange(len(y)), y].mean()",
     "((np.exp(log_p) - np.eye(z.shape[1])[y]) ** 2).sum(axis=1).mean()"), "cost, by hand.*natural logarithm"),
    ("a network for z", "2.2", "cost, accuracy = net.evaluate(z, y)", "z and y are all that there is"),
    ("softmax down the columns", "2.3", STEP.replace("e.sum(axis=1", "e.sum(axis=0"), "the softmax of each row"),
    ("b left out of z", "2.3", STEP.replace("x @ w.T + b", "x @ w.T"), r"z = x w\^T \+ b"),
    ("learning rate left out", "2.3", STEP.replace("lr * ", ""), "2 times too large.*by lr times the gradient"),
    ("learning rate left out of b", "2.3", STEP.replace("b - lr * ", "b - "), "2 times too large.*b minus lr times"),
    ("db as a mean", "2.3", STEP.replace("dz.sum(axis=0)", "dz.mean(axis=0)"), "7 times too small.*sum of dz"),
    ("accuracy after the step", "2.3", STEP + "\n    accuracy = cost_and_accuracy(x @ new_w.T + new_b, y)[1]",
     "the accuracy before the step"),
    ("overflow", "2.3", STEP.replace("np.exp(z - z.max(axis=1, keepdims=True))", "np.exp(z)"),
     "subtract the maximum of its row"),
    ("b changed in place", "2.3", STEP.replace("new_b = b - lr * dz.sum(axis=0)",
     "b -= lr * dz.sum(axis=0)\n    new_b = b"), "b, afterwards.*what came in stays"),
    ("the gradient for the weights", "2.3", STEP.replace("w - lr * (dz.T @ x)", "dz.T @ x"), "w minus lr times dw"),
    ("divided by the classes", "2.3", STEP.replace(") / n", ") / len(b)"), "divided by n"),
    ("times nbatch", "2.4", TRAINING.replace("mean_cost * len(yb)", "mean_cost * nbatch"), r"times len\(rows\)"),
    ("divided by nbatch", "2.4", TRAINING.replace("backward(dz)", "backward(dz * len(yb) / nbatch)"),
     "gradients of its own samples"),
    ("shares added up", "2.4", TRAINING.replace("(z.argmax(axis=1) == yb).sum()", "(z.argmax(axis=1) == yb).mean()"),
     "correct counts right ones"),
    ("a step on the validation set, too", "2.4", TRAINING + "    net.loss_and_grad(x_valid, y_valid)\n"
     "    optimizer.step()", "one step per batch"),
    ("validation set for the batch", "2.4", TRAINING.replace("(xb)", "(x_valid)").replace("yb", "y_valid"),
     "of xb and yb"),
    ("samples in their order", "2.4", TRAINING.replace("z = net", "xb, yb = x[start:][:nbatch], y[start:][:nbatch]\n"
     "    z = net"), "gradients of its own samples"),
    ("the last batch for the epoch", "2.4", TRAINING.replace("total + mean_cost", "mean_cost"),
     "counts for each sample"),
    ("the whole set in every batch", "2.4", "total, correct = [len(x) * figure for figure in net.evaluate(x, y)]\n"
     "net.loss_and_grad(xb, yb)\noptimizer.step()", "the whole set is not measured again"),
    ("names of the axes swapped", "2.5", PLOT.replace("(left, \"cost\"", "(left, \"accuracy\"").replace(
     "(right, \"accuracy\"", "(right, \"cost\""), "left.set_ylabel is for the cost"),
    ("a title for the name of an axis", "2.5", PLOT.replace("set_ylabel", "set_title"), "left.set_ylabel"),
    ("pyplot's own figure", "2.5", PLOT.replace("axes.plot", "plt.plot"), "not by plt.plot"),
    ("all in one panel", "2.5", PLOT.replace("axes.plot", "left.plot"), "by left.plot and right.plot"),
    ("legend before the lines", "2.5", PLOT.replace("        axes.legend()\n", "").replace("        for label",
     "        axes.legend()\n        for label"), "legend is called after plot|No artists with labels"),
    ("called test", "2.5", PLOT.replace('"validation"', '"test"'), 'label="validation"'),
    ("activation in capitals", "2.6", layers(*LAYERS, activation="ReLU"), "got 'ReLU'.*in small letters"),
    ("a key misspelt", "2.6", layers(*LAYERS).replace("'activation'", "'activations'"), "misspelt"),
    ("more epochs for one", "2.6", layers(*LAYERS).replace("'activation'", "'epochs': 50, 'activation'", 1),
     "the same for all"),
    ("a learning rate chosen", "2.6", layers(*LAYERS).replace("'activation'", "'lr': 0.1, 'activation'"),
     "not for one network alone"),
    ("a baseline with hidden units", "2.6", layers(*LAYERS) + "\nvariants['linear'] = {'sizes': [n_pixels, 50, 10]}",
     "stays without hidden layers"),
    ("a layer of no units", "2.6", layers(*LAYERS).replace("[9, 9, 9]", "[9, 0, 9]"), "got 0.*whole numbers"),
    ("hidden layers alone", "2.6", "for units in ([10], [20], [40], [20, 20], [9, 9, 9]):\n"
     "    variants[str(units)] = {'sizes': units}", "sizes begin with the pixels"),
    ("a name twice", "2.6", "for units in (10, 20, 40, 80, 160):\n"
     "    variants['relu'] = {'sizes': [n_pixels, units, 10]}", "add at least five"),
    ("median of the seeds", "2.7", MEANS.replace("mean()", "median()") + "best = {n: means[n].idxmin() for n in 'ab'}",
     "not a median"),
    ("sum over the runs", "2.7", MEANS.replace("mean()", "sum()") + "best = {n: means[n].idxmin() for n in 'ab'}",
     "smallest mean validation cost"),
    ("the place of the rate", "2.7", MEANS + "best = {n: means[n].argmin() for n in 'ab'}", "argmin its place"),
    ("pairs for rates", "2.7", MEANS + "best = means.groupby('variant').idxmin().to_dict()", "one learning rate for"),
    ("costs for rates", "2.7", MEANS + "best = means.groupby('variant').min().to_dict()", "smallest mean validation"),
    ("runs of all variants in one mean", "2.7", "rate = records.groupby('lr')['val_loss'].mean().idxmin()\n"
     "best = {n: rate for n in 'ab'}", "from its own runs"),
    ("the first seed alone", "2.7", "first = records[records['seed'] == 0].set_index('lr')\n"
     "best = {n: first.loc[first['variant'] == n, 'val_loss'].idxmin() for n in 'ab'}", "one lucky run"),
    ("two names for one", "2.8", FINALISTS.replace("0.8", "0.9"), "make no other finalist"),
    ("decay as strong as the rate", "2.8", FINALISTS.replace("'weight_decay': 0.0", "'weight_decay': 0.1"),
     "a strong pull"),
    ("several rates to begin with", "2.8", FINALISTS.replace("'lr': 0.1", "'lr': [0.1, 0.2]"), "one number above 0"),
    ("more epochs for the finalists", "2.8", FINALISTS.replace("'lr'", "'epochs': 100, 'lr'"), "the same for all"),
    ("a setting that is none", "2.8", FINALISTS.replace("'lr'", "'dropout': 0.2, 'lr'"), "misspelt"),
    ("the schedule's name", "2.8", FINALISTS.replace("falling", "'falling'"), "nor its name"),
    ("a linear finalist", "2.8", FINALISTS.replace("'lr'", "'activation': 'identity', 'lr'"), "the baseline again"),
    ("spread of the other accuracy", "2.9", SUMMARY.replace('accuracy_spread=("accuracy", "std")',
     'accuracy_spread=("val_accuracy", "std")'), "of the column accuracy, not of val_accuracy"),
    ("spread of the training accuracy", "2.9", SUMMARY.replace('("val_accuracy", "std")', '("accuracy", "std")'),
     "of the column val_accuracy, not of accuracy"),
    ("spread of the training cost", "2.9", SUMMARY.replace('("val_loss", "std")', '("loss", "std")'),
     "of the column val_loss, not of loss"),
    ("spread divided by n", "2.9", SUMMARY.replace('"std"', "lambda v: np.std(v.to_numpy())"), "divides by n"),
    ("variance for spread", "2.9", SUMMARY.replace('"std"', '"var"'), "the std over the seeds"),
    ("median of the seeds", "2.9", SUMMARY.replace('"mean"', '"median"'), "the mean over the seeds"),
    ("the first seed alone", "2.9", SUMMARY.replace('"mean"', '"first"'), "the mean over the seeds"),
    ("mean over the rates, too", "2.9", SUMMARY.replace("groups.agg", "records.groupby('variant').agg"),
     "by groups.agg"),
    ("accuracy in percent", "2.9", SUMMARY + "\n    figures['accuracy'] *= 100", "accuracy.*100 times|98.2"),
    ("the first row", "2.10", "favourite = table.index[0]", "the first row need not be"),
    ("the name alone", "2.10", "favourite = table['val_accuracy'].idxmax()[0]", "idxmax gives all of it"),
    ("the accuracy itself", "2.10", "favourite = table['val_accuracy'].max()", "a pair"),
    ("the row itself", "2.10", "favourite = table.loc[table['val_accuracy'].idxmax()]", "a pair"),
    ("typed by hand", "2.10", "favourite = ('relu 300', 0.2)", "of the table that comes in"),
    ("chosen with the test set", "2.10", "favourite = table['test_accuracy'].idxmax()", "says nothing any more"),
    ("by training cost", "2.10", "favourite = table['cost'].idxmin()", "learns by heart"),
    ("the smallest spread", "2.10", "favourite = table['val_accuracy_spread'].idxmin()", "by the validation accuracy"),
    ("learns the test set first", "2.11", "best.fit(x_test, y_test, epochs=1, lr=0.01, progress=False)\n" + TESTED,
     "least of all with test data"),
    ("learns on, with all samples", "2.11", "best.fit(x_full, y_full, epochs=1, lr=0.01, progress=False)\n" + TESTED,
     "training goes on no more"),
    ("a network of its own", "2.11", "best = mlpc.MLP([n_pixels, 9, 10])\n" + TESTED, "training goes on no more"),
    ("accuracy for cost", "2.11", TESTED.replace("test_cost, test_accuracy", "test_accuracy, test_cost"),
     "the cost first"),
    ("all samples instead of the test", "2.11", TESTED.replace("(x_test, y_test)", "(x_full, y_full)"),
     "nor the training set"),
    ("figures of the record", "2.11", TESTED.replace("best.evaluate(x_test, y_test)",
     "record[['val_loss', 'val_accuracy']]"), "neither the validation"),
    ("the largest probability alone", "2.11", TESTED + ".max(axis=1)", "of the test set"),
]  # fmt: skip


@pytest.mark.parametrize(("exercise", "answer", "says"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_wrong_answer_fails_a_visible_test(stops, exercise, answer, says):
    stops(exercise, answer, says, until=f'checking("{exercise} ', change=quick)
