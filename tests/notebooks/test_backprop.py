"""Exercise 3's notebook: its solution runs, three depths of answers pass its tests, and wrong answers do not.

Wrong answers run up to the visible test that must stop them; that is the first test of their own exercise, or one
that the case names. Right answers that are written another way run through all tests.
"""

import ast
import json
import re
import symtable
import sys
from collections import Counter

import numpy as np
import pytest

import mlpc

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
        self.x = x
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

DEPTHS = {"NumPy alone": {}, "mlpc.ops": OPS, "mlpc.MLP": NETWORK}
LAST_TEST = '"3.15 train_epoch"'
LAST_BUT_TRAINING = "table_of(rows_with_relu()"  # the last visible test, before the trainings begin


def check_results(results):
    """What the trainings on the digits must have reached, whoever computed them."""
    for runs in results["histories"].values():
        assert len(runs) == 3
        for history in runs:
            assert history["val_accuracy"][-1] > 0.9 > history["val_accuracy"][0]
    assert results["final"]["test accuracy"] > 0.93
    wrong = results["wrong_runs"]
    floor = np.log(1 + 9 / np.e)
    assert min(wrong["right"]["loss"]) < 0.5 < floor < min(wrong["sigmoid after the last layer"]["loss"])
    assert wrong["1/n_b missing"]["loss"][-1] > 10
    assert wrong["sorted, not shuffled"]["val_accuracy"][-1] < wrong["right"]["val_accuracy"][-1] - 0.1
    assert results["right_cost"] / results["wrong_cost"] == pytest.approx(64, rel=0.05)


def depths_printed(text):
    return dict(re.findall(r"^depth: ([\d.]+) [\w.]+: (.+)$", text, re.MULTILINE))


@pytest.mark.slow
def test_solution_beside_torch(build, notebook, run_notebook, torch, capsys):
    results = run_notebook(build.solution(notebook))
    check_results(results)
    assert "PyTorch" in results["timings"].index
    table = results["table_of"](results["rows_of_networks"](), "gradients", "")
    assert (table["autograd: relative"].astype(float) < 1e-12).all()
    assert (
        "Exercise 2 comes first: there is no pw03_runs.jsonl and no pw03_favourite.json here."
        in capsys.readouterr().out
    )


@pytest.mark.slow
def test_solution_without_torch(build, notebook, run_notebook, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    results = run_notebook(build.solution(notebook))
    check_results(results)
    assert "PyTorch" not in results["timings"].index
    assert "PyTorch is not installed" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("depth", ["mlpc.ops", "mlpc.MLP"])
def test_depth(build, notebook, run_notebook, depth):
    check_results(run_notebook(build.solution(notebook, DEPTHS[depth])))


@pytest.mark.parametrize("depth", DEPTHS)
def test_the_depth_of_every_answer_is_printed(build, notebook, run_notebook, capsys, depth):
    run_notebook(build.solution(notebook, DEPTHS[depth]), until="depth_lines()")
    deepest = ("3.2", "3.3", "3.12", "3.13")
    others = ("3.5", "3.6", "3.7", "3.8", "3.9", "3.10")
    expected = dict.fromkeys(deepest, depth) | dict.fromkeys(others, depth if depth == "NumPy alone" else "mlpc.ops")
    assert depths_printed(capsys.readouterr().out) == expected


def test_the_cell_of_the_depths_has_to_come_back(build, notebook):
    entries = build.student(notebook).metadata.mlpc.cells
    assert [entry["place"] for entry in entries if entry["title"] == "the depths of the answers"] == [
        "The three depths"
    ]


@pytest.mark.slow
def test_ready_made_classes_in_place_of_the_blanks(build, notebook, run_notebook, capsys):
    solution = build.solution(notebook)
    names = ["LinearLayer", "SigmoidActivation", "ReLUActivation", "CELoss", "MLP"]
    for name in names:
        cell = next(cell for cell in solution.cells if f"class {name}:" in cell.source)
        # What stands above and below the class in its cell, if anything, stays.
        rest = re.split(rf"class {name}:.*?(?=^\w|\Z)", cell.source, flags=re.DOTALL | re.MULTILINE)
        cell.source = "\n".join([f"from mlpc.course import {name}", *rest])
    check_results(run_notebook(solution))
    assert set(depths_printed(capsys.readouterr().out).values()) == {"mlpc.course"}


@pytest.fixture
def after_exercise_2(tmp_path):
    """A function that leaves the two files of exercise 2, of a few quick runs on the digits; it returns the records."""

    def leave(**changes):
        (x, y), _ = mlpc.datasets.load_digits()
        training, validation = mlpc.datasets.stratified_split(y, 287, seed=0)
        falling = {"momentum": 0.9, "weight_decay": 1e-4, "schedule": lambda lr: mlpc.schedules.Cosine(lr, epochs=9)}
        records = mlpc.sweep(
            {
                "linear": {"sizes": [64, 10], "lr": [0.3, 3.0]},
                "relu 20": {"sizes": [64, 20, 10], "activation": "relu", "lr": [0.03, 0.1]},
                "sigmoid 20-20": {"sizes": [64, 20, 20, 10], "activation": "sigmoid", "lr": 0.1},
                "tanh 30": {"sizes": [64, 30, 10], "activation": "tanh", "lr": 0.2},
                "favourite": {"sizes": [64, 40, 10], "lr": 0.03, "epochs": 9} | falling,
            },
            (x[training], y[training]),
            validation_data=(x[validation], y[validation]),
            seeds=(0, 1),
            epochs=7,
            records=tmp_path / "pw03_runs.jsonl",
        )
        # A coarse search beside them, with fewer epochs and other rates.
        coarse = {"relu 20": {"sizes": [64, 20, 10], "activation": "relu", "lr": [0.1, 1.0]}}
        data = {"validation_data": (x[validation], y[validation]), "records": tmp_path / "pw03_runs.jsonl"}
        mlpc.sweep(coarse, (x[training], y[training]), epochs=2, **data)
        chosen = {"linear": 0.3, "relu 20": 0.1, "sigmoid 20-20": 0.1, "tanh 30": 0.2, "favourite": 0.03}
        choice = {
            "data": "digits",
            "chosen": chosen,
            "epochs": dict.fromkeys(chosen, 7) | {"favourite": 9},
            "favourite": "favourite",
            "lr": 0.03,
            "test_cost": 0.2,
            "test_accuracy": 0.9375,
        }
        (tmp_path / "pw03_favourite.json").write_text(json.dumps(choice | changes))
        return records

    return leave


@pytest.mark.slow
def test_exercise_3b_stands_beside_what_exercise_2_left(build, notebook, run_notebook, after_exercise_2, capsys):
    before = after_exercise_2()
    results = run_notebook(build.solution(notebook))
    check_results(results)
    records = results["records"]
    assert sorted(records["variant"].unique()) == ["favourite", "linear", "relu 20", "sigmoid 20-20", "tanh 30"]
    assert set(zip(records["variant"], records["lr"], strict=True)) == {
        ("linear", 0.3),
        ("relu 20", 0.1),
        ("sigmoid 20-20", 0.1),
        ("tanh 30", 0.2),
        ("favourite", 0.03),
    }
    assert records.groupby("variant")["seed"].count().eq(2).all()
    # The best plain network is trained, with the initial values, the rate and the epochs that it had there.
    assert results["twin_name"] == "relu 20"
    assert len(results["twin_runs"]) == 3 and all(len(run["loss"]) == 7 for run in results["twin_runs"])
    theirs = before[(before["variant"] == "relu 20") & (before["lr"] == 0.1)]["val_accuracy"]
    ours = [run["val_accuracy"][-1] for run in results["twin_runs"]]
    assert np.mean(ours) == pytest.approx(theirs.mean(), abs=0.04)
    origin = mlpc.MLP([64, 20, 10], "relu", seed=1)
    np.testing.assert_array_equal(results["same_network"](results["twin_row"], 1).layers[0].w, origin.layers[0].weight)
    rows = {row["network"]: row for row in results["compared"]()}
    assert rows["exercise 2: favourite"]["test accuracy"] == "93.75%"
    different = results["settings_of"]("", results["first_of"]("favourite"))["different from ours"]
    assert different == "sizes, learning rate, momentum, weight decay, schedule, epochs"
    printed = capsys.readouterr().out
    assert "Exercise 2 comes first" not in printed
    assert "exercise 2's favourite: 93.75%" in printed


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"data": "mnist"}, "Exercise 2 comes first, on digits: it was run on mnist"),
        ({"chosen": {"linear": 0.3, "favourite": 0.03}}, "no runs of the favourite, or of a plain network"),
        ({"favourite": "another"}, "no runs of the favourite, or of a plain network"),
    ],
)
def test_what_exercise_2_left_does_not_fit(build, notebook, run_notebook, after_exercise_2, capsys, changes, says):
    after_exercise_2(**changes)
    solution = build.solution(notebook)
    first, last = (
        next(i for i, cell in enumerate(solution.cells) if text in cell.source)
        for text in ("# # Exercise 1"[2:], "RECORDS, CHOICE =")
    )
    training = next(i for i, cell in enumerate(solution.cells) if "EPOCHS = 10" in cell.source)
    loading = next(i for i, cell in enumerate(solution.cells) if "load_data(DATA)" in cell.source)
    # Nothing between the tools and the cell that reads the files but what it needs.
    solution.cells = [
        cell for i, cell in enumerate(solution.cells) if i < first or i in (loading, training) or i == last
    ]
    results = run_notebook(solution, until="RECORDS, CHOICE =")
    assert says in capsys.readouterr().out
    assert len(results["records"]) == 12


def test_a_tie_is_a_difference_within_the_spread(build, notebook, run_notebook):
    solution = build.solution(notebook)
    source = next(cell.source for cell in solution.cells if "def ties(" in cell.source)
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    namespace = {"np": np}
    exec("\n\n".join(ast.get_source_segment(source, node) for node in functions), namespace)
    scores = {"a": [0.97, 0.98], "b": [0.96, 0.97], "c": [0.90, 0.91], "d": [0.9720], "e": [0.95]}
    assert namespace["ties"](scores) == ("a", ["d"])
    assert namespace["ties"](scores | {"b": [0.94, 0.99]}) == ("a", ["b", "d", "e"])
    assert "a tie" in namespace["tie_sentence"](scores)
    assert "farther from all others" in namespace["tie_sentence"]({"a": [0.9, 0.91], "b": [0.5, 0.51]})


def test_exercise_3_needs_nothing_of_exercise_1(build, notebook, run_notebook):
    solution = build.solution(notebook)
    first, last = (
        next(i for i, cell in enumerate(solution.cells) if cell.source.startswith((f"# {title}", f"---\n# {title}")))
        for title in ("Exercise 1", "Exercise 3")
    )
    del solution.cells[first:last]
    run_notebook(solution, until=LAST_TEST)


# Names that a cell uses right where it binds them, and nobody after it.
SCRATCH = {"_", "os", "reason", "came", "before", "labels", "loss", "logits", "met", "name", "lr", "epoch", "draw"}


def bound_and_read(source):
    """The names that a cell binds, those that its own lines read, and those that its functions read or bind outside."""
    top = symtable.symtable(source, "cell", "exec")
    bound = {name.get_name() for name in top.get_symbols() if name.is_assigned() or name.is_imported()}
    read, inner, tables = {name.get_name() for name in top.get_symbols() if name.is_referenced()}, set(), [top]
    while tables:
        tables += (children := tables.pop().get_children())
        inner |= {name.get_name() for table in children for name in table.get_symbols() if name.is_global()}
        bound |= {n.get_name() for table in children for n in table.get_symbols() if n.is_declared_global()}
    return bound, read, inner


def test_no_cell_changes_what_another_cell_has_made(build, notebook):
    """A name is bound by one cell; a scratch name is read by the cells that bind it only, and by no function."""
    cells = [bound_and_read(cell.source) for cell in build.solution(notebook).cells if cell.cell_type == "code"]
    times = Counter(name for bound, _, _ in cells for name in bound)
    several = {name for name, count in times.items() if count > 1}
    assert several <= SCRATCH, sorted(several - SCRATCH)
    for bound, read, inner in cells:
        assert not (read & several) - bound
        assert not inner & several


@pytest.mark.slow
def test_a_mistake_corrected_leaves_nothing_behind(build, notebook, run_cell, run_notebook):
    """Every wrong answer of exercise 3, one after the other in one kernel, its class run again with the right one."""
    solution = build.solution(notebook)
    namespace = run_notebook(solution, until=LAST_TEST)
    cells = list(enumerate(solution.cells))
    last = next(number for number, cell in cells if LAST_TEST in cell.source)
    for title, exercise, answer, _ in WRONG:
        wrong = build.solution(notebook, {exercise: answer})
        (changed,) = [n for n, cell in cells if cell.source != wrong.cells[n].source]
        run_cell(wrong.cells[changed], changed, namespace)
        tests = [(n, c) for n, c in cells if changed < n <= last and "test" in build.tags(c)]
        with pytest.raises(AssertionError):
            for number, cell in tests:
                run_cell(cell, number, namespace)
        failed = number
        run_cell(solution.cells[changed], changed, namespace)
        for number, cell in tests:
            if number <= failed:
                run_cell(cell, number, namespace)
        assert failed, title


# The right lines, to be spoilt below.
BACKWARD = "self.dw, self.db, self.dx = dz.T @ self.x / len(dz), dz.sum(0) / len(dz), dz @ self.w\nreturn self.dx"
VALUE = "s = z - z.max(1, keepdims=True)\nreturn (np.log(np.exp(s).sum(1)) - s[np.arange(len(y)), y]).sum()"
DERIVATIVE = (
    "p = np.exp(z - z.max(1, keepdims=True))\np /= p.sum(1, keepdims=True)\np[np.arange(len(y)), y] -= 1\nreturn p"
)
LAYERS = """
    self.nunits, self.layers = [nx, *nunits], []
    for n_in, n_out in zip(self.nunits, nunits):
        self.layers += [LinearLayer(n_in, n_out), SigmoidActivation()]
    self.layers.pop()
"""
BATCH = """
    z = model.forward(xb)
    total += loss.value(z, yb)
    correct += (z.argmax(1) == yb).sum()
    model.backward(loss.derivative(z, yb))
    model.update(lr)
"""
STEPS = """
    dlog_p = np.zeros_like(log_p)
    dlog_p[np.arange(len(y)), y] = -1
    dp = dlog_p / p
    dr = (dp * e).sum(axis=1, keepdims=True)
    dt = -dr / t**2
    de = dp * r + dt
    ds = de * e
    dm = -ds.sum(axis=1, keepdims=True)
    dz = ds + (z == m) * dm
"""
LOOPS = """
    for i in range(len(x)):
        for j in range(len(w)):
            z[i, j] = sum(x[i, k] * w[j, k] for k in range(x.shape[1])) + b[j]
"""


def spoilt(right, old, new):
    """An answer with one thing changed."""
    assert right.count(old) == 1, (old, right)
    return right.replace(old, new)


# Answers that are wrong, by exercise: (name, exercise, answer, what the message must say).
WRONG = [
    ("call returns nothing", "1.1", "self.forward(x)", "there is no return"),
    ("dw is a row times a column", "1.3", "self.dw, self.db = np.outer(self.x, dz), dz\nreturn self.w.T @ dz", "dw"),
    ("x forgotten, exercise 1", "1.2", "return self.w @ x + self.b", r"forward has to set self\.x"),
    ("b left out, exercise 1", "1.2", "self.x = x\nreturn self.w @ x", "is b added"),
    (
        "gradients added up, exercise 1",
        "1.3",
        "self.dw, self.db = getattr(self, 'dw', 0) + np.outer(dz, self.x), dz\nreturn self.w.T @ dz",
        "replaced by each call, not added up",
    ),
    (
        "W not transposed, exercise 1",
        "1.3",
        "self.dw, self.db = np.outer(dz, self.x), dz\nreturn self.w @ dz",
        "1.3 Linear.backward.*dW has the shape of W",
    ),
    ("uphill, exercise 1", "1.4", "self.w += lr * self.dw\nself.b += lr * self.db", "w minus lr times dw"),
    ("b forgotten, exercise 1", "1.4", "self.w -= lr * self.dw", "b minus lr times db"),
    ("sign of z, exercise 1", "1.5", "self.a = 1 / (1 + np.exp(z))\nreturn self.a", "mind the sign"),
    ("a forgotten, exercise 1", "1.5", "return 1 / (1 + np.exp(-z))", "backward needs it"),
    ("da left out, exercise 1", "1.6", "return self.a * (1 - self.a)", "is da a factor"),
    ("chain from first to last", "1.7", "for part in self.parts:\n    dz = part.backward(dz)\nreturn dz", "each part"),
    (
        "the chain stops at the last part",
        "1.7",
        "return self.parts[-1].backward(dz)",
        "last part first, each with the result of the one before",
    ),
    ("bias for every input", "3.0", spoilt(LOOPS, "x[i, k] * w[j, k]", "x[i, k] * w[j, k] + b[j]"), "plus b.j. once"),
    ("bias left out of the loops", "3.0", spoilt(LOOPS, " + b[j]", ""), "plus b.j. once"),
    ("units and inputs mixed up", "3.0", spoilt(LOOPS, "w[j, k]", "w[k, j]"), "i counts samples, j units, k inputs"),
    (
        "only the last input counts",
        "3.0",
        "for i in range(len(x)):\n for j in range(len(w)):\n  for k in range(x.shape[1]):\n"
        "   z[i, j] = x[i, k] * w[j, k] + b[j]",
        "the sum over k",
    ),
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
    (
        "NumPy's global state",
        "3.1",
        "self.w = np.random.normal(0, nh**-0.5, (nh, nx)).astype('f4')\nself.b = np.zeros(nh, 'f4')",
        "draw with rng.normal",
    ),
    (
        "NumPy's global state, seeded",
        "3.1",
        "np.random.seed(int(rng.integers(1000)))\n"
        "self.w, self.b = np.random.normal(0, nh**-0.5, (nh, nx)).astype('f4'), np.zeros(nh, 'f4')",
        "np.random\\s+expected:\\s+not used",
    ),
    (
        "a generator of its own with one seed",
        "3.1",
        "rng = np.random.default_rng(0)\n"
        "self.w, self.b = rng.normal(0, nh**-0.5, (nh, nx)).astype('f4'), np.zeros(nh, 'f4')",
        "gives every layer the same numbers",
    ),
    (
        "a generator of its own without seed",
        "3.1",
        "rng = np.random.default_rng()\n"
        "self.w, self.b = rng.normal(0, nh**-0.5, (nh, nx)).astype('f4'), np.zeros(nh, 'f4')",
        "weights after the same seed of rng",
    ),
    (
        "variance in place of deviation",
        "3.1",
        "self.w, self.b = rng.normal(0, 1 / nh, (nh, nx)).astype('f4'), np.zeros(nh, 'f4')",
        "the standard deviation, not its square",
    ),
    (
        "uniform",
        "3.1",
        "self.w = rng.uniform(-(3**0.5), 3**0.5, (nh, nx)).astype('f4') / np.float32(nh**0.5)\n"
        "self.b = np.zeros(nh, 'f4')",
        "not rng.uniform",
    ),
    ("float64", "3.1", "self.w, self.b = rng.normal(0, nh**-0.5, (nh, nx)), np.zeros(nh)", r"\.astype\(np.float32\)"),
    (
        "b as a column",
        "3.1",
        "self.w, self.b = rng.normal(0, nh**-0.5, (nh, nx)).astype('f4'), np.zeros((nh, 1), 'f4')",
        r"shape \(100, 1\).*b has the shape \(nh,\)",
    ),
    (
        "random biases",
        "3.1",
        "self.w, self.b = rng.normal(0, nh**-0.5, (nh, nx)).astype('f4'), rng.normal(0, 1, nh).astype('f4')",
        "is 0 at the start",
    ),
    ("x forgotten", "3.2", "return x @ self.w.T + self.b", r"forward has to set self\.x"),
    ("x kept transposed", "3.2", "self.x = x.T\nreturn x @ self.w.T + self.b", r"forward has to set self\.x"),
    ("z in place of x", "3.2", "self.x = x @ self.w.T + self.b\nreturn self.x", r"forward has to set self\.x"),
    (
        "x of the first call kept",
        "3.2",
        "self.x = getattr(self, 'x', x)\nreturn x @ self.w.T + self.b",
        r"once more: self\.x.*forward has to set self\.x",
    ),
    ("z in float64", "3.2", "self.x = x\nreturn x @ self.w.astype(float).T + self.b", "makes everything float64"),
    ("nothing returned", "3.2", "self.x = x\nself.z = x @ self.w.T + self.b", "there is no return"),
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
        r"outputs: db\s+expected:\s+shape \(2,\)\s+got:\s+shape \(\).*axis=0",
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
    (
        "gradients added up",
        "3.3",
        "self.dw = getattr(self, 'dw', 0) + dz.T @ self.x / len(dz)\n"
        "self.db = getattr(self, 'db', 0) + dz.sum(0) / len(dz)\n"
        "self.dx = dz @ self.w\nreturn self.dx",
        r"a second call: dw.*nothing is added up \(\+=\)",
    ),
    (
        "db added up",
        "3.3",
        spoilt(BACKWARD, "dz.sum(0) / len(dz)", "getattr(self, 'db', 0) + dz.sum(0) / len(dz)"),
        "a second call: db.*nothing is added up",
    ),
    (
        "dx of the first call kept",
        "3.3",
        spoilt(BACKWARD, "dz @ self.w\n", "getattr(self, 'dx', dz @ self.w)\n"),
        "a second call: dx.*nothing kept from the call before",
    ),
    (
        "divided by the inputs",
        "3.3",
        BACKWARD.replace("len(dz)", "self.nx"),
        "divided by the number of inputs or units.*n_b is the number of samples",
    ),
    (
        "divided by the units",
        "3.3",
        BACKWARD.replace("len(dz)", "dz.shape[1]"),
        "divided by the number of inputs or units.*n_b is the number of samples",
    ),
    (
        "db divided by the units",
        "3.3",
        spoilt(BACKWARD, "dz.sum(0) / len(dz)", "dz.sum(0) / self.nh"),
        "db.*divided by the number of inputs or units",
    ),
    (
        "db is dz itself",
        "3.3",
        spoilt(BACKWARD, "dz.sum(0) / len(dz)", "dz[0] if len(dz) == 1 else dz.mean(0)"),
        "db is a view of dz",
    ),
    (
        "dz divided in place",
        "3.3",
        "n = len(dz)\nself.dx = dz @ self.w\ndz /= n\nself.dw, self.db = dz.T @ self.x, dz.sum(0)\nreturn self.dx",
        "dz after backward.*must not change the array",
    ),
    (
        "x divided in place",
        "3.3",
        "self.db, self.dx = dz.mean(0), dz @ self.w\nself.x /= len(dz)\nself.dw = dz.T @ self.x\nreturn self.dx",
        "x after backward.*must not change what forward was given",
    ),
    ("dx not returned", "3.3", spoilt(BACKWARD, "\nreturn self.dx", ""), "dx.*there is no return"),
    ("dx not kept", "3.3", "self.dw, self.db = dz.T @ self.x / len(dz), dz.mean(0)\nreturn dz @ self.w", "'dx'"),
    ("mean over the units", "3.3", spoilt(BACKWARD, "dz.sum(0) / len(dz)", "dz.mean(axis=1)"), "needs axis=0"),
    (
        "divided by n again",
        "3.4",
        "n = len(self.x)\nself.w -= lr * self.dw / n\nself.b -= lr * self.db / n",
        "1/n too much",
    ),
    ("lr forgotten", "3.4", "self.w -= self.dw\nself.b -= self.db", "2 times too large.*w minus lr times dw"),
    ("only w", "3.4", "self.w -= lr * self.dw", "b minus lr times db"),
    (
        "gradients shrink with every step",
        "3.4",
        "self.dw *= lr\nself.db *= lr\nself.w -= self.dw\nself.b -= self.db",
        "leaves dw and db as they are",
    ),
    (
        "w becomes float64",
        "3.4",
        "self.w, self.b = self.w - np.float64(lr) * self.dw, self.b - np.float64(lr) * self.db",
        "makes everything float64",
    ),
    ("a new variable", "3.4", "w, b = self.w - lr * self.dw, self.b - lr * self.db", "all zeros.*w minus lr times dw"),
    ("uphill", "3.4", "self.w, self.b = self.w + lr * self.dw, self.b + lr * self.db", "w minus lr times dw"),
    ("sign of z", "3.5", "self.z = z\nself.a = 1 / (1 + np.exp(z))\nreturn self.a", "mind the sign"),
    (
        "z changed in place",
        "3.5",
        "self.z = z\nz *= 0.5\nself.a = 0.5 * (1 + np.tanh(z))\nreturn self.a",
        "z after forward.*must not change the array",
    ),
    (
        "z overwritten by a",
        "3.5",
        "self.a = self.z = z\nnp.exp(-z, out=z)\nz += 1\nnp.divide(1, z, out=z)\nreturn z",
        "z after",
    ),
    ("z forgotten", "3.5", "return 1 / (1 + np.exp(-z))", r"forward has to set self\.z"),
    (
        "overflow in the sigmoid",
        "3.5",
        "self.z = z\nself.a = np.exp(z) / (1 + np.exp(z))\nreturn self.a",
        "inf / inf for large z",
    ),
    ("tanh itself", "3.5", "self.z = z\nself.a = np.tanh(z)\nreturn self.a", r"1 / \(1 \+ exp\(-z\)\)"),
    (
        "sigmoid in float64",
        "3.5",
        "self.z = z\nself.a = 1 / (1 + np.exp(-z.astype(float)))\nreturn self.a",
        "makes everything float64",
    ),
    (
        "da changed in place, sigmoid",
        "3.6",
        "da *= self.a * (1 - self.a)\nreturn da",
        "da after backward.*must not change",
    ),
    (
        "a changed in place",
        "3.6",
        "self.a *= 1 - self.a\nreturn da * self.a",
        "a after backward.*must not change what forward returned",
    ),
    (
        "backward only once",
        "3.6",
        "self.a = self.a * (1 - self.a)\nreturn da * self.a",
        "backward once more.*or it can be called only once",
    ),
    (
        "slope of the first call kept",
        "3.6",
        "self.slope = getattr(self, 'slope', self.a * (1 - self.a))\nreturn da * self.slope",
        "after another forward.*belongs to its last call",
    ),
    ("1/n in the sigmoid", "3.6", "return da * self.a * (1 - self.a) / len(da)", "1/n too much|n times too small"),
    ("a factor left out", "3.6", "return da * self.a", "is da a factor"),
    ("derivative from z", "3.6", "return da * self.z * (1 - self.z)", "is it a, not z"),
    ("da left out", "3.6", "return self.a * (1 - self.a)", "is da a factor"),
    ("largest element of all", "3.7", "self.z = z\nreturn np.max(z, 0)", "np.maximum"),
    ("z clipped in place", "3.7", "self.z = z\nz[z < 0] = 0\nreturn z", "z after forward.*must not change the array"),
    ("z forgotten, ReLU", "3.7", "return np.maximum(z, 0)", r"forward has to set self\.z"),
    ("absolute value", "3.7", "self.z = z\nreturn np.abs(z)", r"np\.maximum\(z, 0\), element by element"),
    ("ReLU in float64", "3.7", "self.z = z\nreturn np.maximum(z, np.zeros(z.shape))", "makes everything float64"),
    ("da changed in place, ReLU", "3.8", "da[self.z <= 0] = 0\nreturn da", "da after backward.*must not change"),
    ("da cut at 0", "3.8", "return np.maximum(da, 0)", "da where z > 0"),
    ("mask of da", "3.8", "return da * (da > 0)", "da where z > 0"),
    ("z times da", "3.8", "return da * np.maximum(self.z, 0)", "da where z > 0"),
    (
        "mask of the first call kept",
        "3.8",
        "self.mask = getattr(self, 'mask', self.z > 0)\nreturn da * self.mask",
        "after another forward.*belongs to its last call",
    ),
    ("dlog_p everywhere", "3.8.1", spoilt(STEPS, "dlog_p[np.arange(len(y)), y] = -1", "dlog_p[:] = -1"), "own line"),
    ("sign of dlog_p", "3.8.1", spoilt(STEPS, "y] = -1", "y] = 1"), "the sign is wrong"),
    ("ln differentiated as exp", "3.8.1", spoilt(STEPS, "dlog_p / p", "dlog_p * p"), r" p .*WRONG"),
    ("row not summed", "3.8.1", spoilt(STEPS, "(dp * e).sum(axis=1, keepdims=True)", "dp * e"), "dr is like r"),
    ("square forgotten", "3.8.1", spoilt(STEPS, "t**2", "t"), "the first row that is not ok"),
    ("use in the sum forgotten", "3.8.1", spoilt(STEPS, "dp * r + dt", "dp * r"), "used twice adds up"),
    ("exp has the derivative 1", "3.8.1", spoilt(STEPS, "de * e", "de"), "the first row that is not ok"),
    ("dm at every z", "3.8.1", spoilt(STEPS, "(z == m) * dm", "1"), "the first row that is not ok"),
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
    (
        "divided by the classes",
        "3.9",
        spoilt(VALUE, ".sum()", ".sum() / z.shape[1]"),
        "divided by the number of classes",
    ),
    (
        "log2 of the probability",
        "3.9",
        "p = mlpc.ops.softmax(z)\nreturn -np.log2(p[np.arange(len(y)), y]).sum()",
        "np.log is the natural one",
    ),
    (
        "log10 of the probability",
        "3.9",
        "p = mlpc.ops.softmax(z)\nreturn -np.log10(p[np.arange(len(y)), y]).sum()",
        "np.log is the natural one",
    ),
    ("minus forgotten", "3.9", VALUE.replace("return (", "return -("), "minus the logarithm: a positive number"),
    ("the maximum of all rows", "3.9", spoilt(VALUE, "z.max(1, keepdims=True)", "z.max()"), "of each row its own"),
    (
        "the logarithm of a softmax that is rounded to 0",
        "3.9",
        "p = np.exp(z - z.max(1, keepdims=True))\np /= p.sum(1, keepdims=True)\n"
        "return -np.log(p[np.arange(len(y)), y]).sum()",
        "a p may be rounded to 0",
    ),
    (
        "a small number in the logarithm",
        "3.9",
        "p = mlpc.ops.softmax(z)\nreturn -np.log(p[np.arange(len(y)), y] + 1e-12).sum()",
        "add nothing inside the logarithm",
    ),
    ("one loss per sample", "3.9", VALUE[: VALUE.rindex(".sum()")], "one number"),
    (
        "value changes the logits",
        "3.9",
        "z -= z.max(1, keepdims=True)\nreturn (np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y]).sum()",
        "the array that was given is not to be changed",
    ),
    (
        "the smallest logit's class",
        "3.9",
        VALUE.replace("s[np.arange(len(y)), y]", "s.min(1)"),
        "the sum over the samples",
    ),
    ("one-hot subtracted twice", "3.10", spoilt(DERIVATIVE, "-= 1", "-= 2"), "softmax minus one-hot: 1 less at"),
    ("one-hot minus softmax", "3.10", spoilt(DERIVATIVE, "return p", "return -p"), "the sign is wrong"),
    ("one-hot forgotten", "3.10", spoilt(DERIVATIVE, "p[np.arange(len(y)), y] -= 1\n", ""), "softmax minus one-hot"),
    ("the column y of all rows", "3.10", spoilt(DERIVATIVE, "p[np.arange(len(y)), y]", "p[:, y]"), "1 less at"),
    (
        "softmax from value",
        "3.10",
        "p = self.p.copy()\np[np.arange(len(y)), y] -= 1\nreturn p",
        "value may not have run",
    ),
    (
        "softmax over the samples, derivative",
        "3.10",
        DERIVATIVE.replace("z.max(1", "z.max(0").replace("p.sum(1", "p.sum(0"),
        "softmax minus one-hot",
    ),
    (
        "one-hot in float64",
        "3.10",
        "p = mlpc.ops.softmax(z)\nreturn p - np.eye(z.shape[1])[y]",
        "makes everything float64",
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
        "objects in layers.*every sigmoid an object of its own",
    ),
    ("inputs and outputs mixed up", "3.11", spoilt(LAYERS, "n_in, n_out),", "n_out, n_in),"), "inputs, outputs"),
    (
        "nx left out of nunits",
        "3.11",
        LAYERS.replace("self.nunits, self.layers = [nx, *nunits]", "self.nunits, self.layers = nunits").replace(
            "zip(self.nunits, nunits)", "zip([nx, *nunits], nunits)"
        ),
        "nx in front of nunits",
    ),
    (
        "no activation at all",
        "3.11",
        spoilt(LAYERS, ", SigmoidActivation()", "").replace("    self.layers.pop()\n", ""),
        "one between all others",
    ),
    (
        "classes, not objects",
        "3.11",
        spoilt(LAYERS, "SigmoidActivation()", "SigmoidActivation"),
        "one between all others",
    ),
    ("ReLU in place of the sigmoid", "3.11", spoilt(LAYERS, "Sigmoid", "ReLU"), "expected:.*SigmoidActivation"),
    (
        "the first layer left out",
        "3.11",
        LAYERS + "    self.layers = self.layers[2:]\n",
        "one between all others",
    ),
    (
        "activation on the logits in forward",
        "3.12",
        "for layer in self.layers:\n    x = layer.forward(x)\nreturn 1 / (1 + np.exp(-x))",
        "logits are no probabilities",
    ),
    (
        "the last layer left out",
        "3.12",
        "for layer in self.layers[:-1]:\n    x = layer.forward(x)\nreturn x",
        "between 0 and 1",
    ),
    ("every layer gets x", "3.12", "for layer in self.layers:\n    z = layer.forward(x)\nreturn z", "logits"),
    (
        "softmax at the end",
        "3.12",
        "for layer in self.layers:\n    x = layer.forward(x)\nreturn mlpc.ops.softmax(x)",
        "no probabilities",
    ),
    (
        "nothing returned by the network",
        "3.12",
        "for layer in self.layers:\n    x = layer.forward(x)",
        "there is no return",
    ),
    (
        "dx of the network not returned",
        "3.13",
        "for layer in self.layers[::-1]:\n    dy = layer.backward(dy)",
        "there is no return",
    ),
    (
        "linear layers only",
        "3.13",
        "for layer in self.layers[::-2]:\n    dy = layer.backward(dy)\nreturn dy",
        "3.13 gradients of MLP",
    ),
    (
        "1/n once more in the network",
        "3.13",
        "dy = dy / len(dy)\nfor layer in self.layers[::-1]:\n    dy = layer.backward(dy)\nreturn dy",
        "n times too small: a 1/n too much",
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
    ("only the last layer updated", "3.14", "self.layers[-1].update(lr)", "update has to reach every layer"),
    ("updated twice", "3.14", "for layer in self.layers * 2:\n    layer.update(lr)", "each once"),
    (
        "a rate of one's own",
        "3.14",
        "for layer in self.layers:\n    layer.update(0.1)",
        "with the lr that it was given",
    ),
    ("only the first layer updated", "3.14", "self.layers[0].update(lr)", "update has to reach every layer"),
    (
        "means added up",
        "3.15",
        spoilt(BATCH, "loss.value(z, yb)", "loss.value(z, yb) / len(yb)"),
        "not divided in the loop",
    ),
    ("no update", "3.15", spoilt(BATCH, "model.update(lr)", "pass"), "one update per batch"),
    (
        "1/n twice",
        "3.15",
        spoilt(BATCH, "derivative(z, yb)", "derivative(z, yb) / len(yb)"),
        "1/n too much.*gradient of the mean",
    ),
    ("uphill in the loop", "3.15", spoilt(BATCH, "update(lr)", "update(-lr)"), "the sign is wrong"),
    (
        "update before backward",
        "3.15",
        "model.update(lr)" + BATCH.replace("    model.update(lr)\n", "").replace("\n    ", "\n"),
        "backward, update, in this order",
    ),
    (
        "classes along axis 0",
        "3.15",
        spoilt(BATCH, "argmax(1)", "argmax(0)"),
        "forward, value, derivative, backward, update, in this order",
    ),
    ("mean of the right ones", "3.15", spoilt(BATCH, "yb).sum()", "yb).mean()"), "correct counts right predictions"),
    (
        "cost after the step",
        "3.15",
        BATCH.replace("    total += loss.value(z, yb)\n", "") + "    total += loss.value(model.forward(xb), yb)\n",
        "those of the logits before the update",
    ),
    (
        "predictions after the step",
        "3.15",
        BATCH.replace("    correct += (z.argmax(1) == yb).sum()\n", "")
        + "    correct += (model.forward(xb).argmax(1) == yb).sum()\n",
        "those of the logits before the update",
    ),
    (
        "batches without shuffling",
        "3.15",
        "    xb, yb = x[start : start + batch_size], y[start : start + batch_size]" + BATCH,
        "the rows in the order that was drawn",
    ),
    (
        "the last batch left out",
        "3.15",
        "    if len(yb) < batch_size: continue" + BATCH,
        "total adds up loss.value of every batch",
    ),
    ("update twice in the loop", "3.15", BATCH + "    model.update(lr)\n", "one update per batch"),
]


# Answers that are right, in other words: (name, answers by exercise).
RIGHT = [
    (
        "einsum",
        {
            "3.0": "z += np.einsum('ik,jk->ij', x, w) + b",
            "3.2": "self.x = x\nreturn np.einsum('ik,jk->ij', x, self.w) + self.b",
            "3.3": """
                self.dw = np.einsum("ij,ik->jk", dz, self.x) / dz.shape[0]
                self.db = np.einsum("ij->j", dz) / dz.shape[0]
                self.dx = np.einsum("ij,jk->ik", dz, self.w)
                return self.dx
            """,
        },
    ),
    (
        "loops over the samples",
        {
            "3.0": "for i, row in enumerate(x):\n    z[i] = [sum(row * weights) for weights in w] + b",
            "3.2": "self.x = x\nreturn np.array([self.w @ sample + self.b for sample in x])",
            "3.3": """
                n = len(dz)
                self.dw, self.db, self.dx = np.zeros_like(self.w), np.zeros_like(self.b), np.zeros_like(self.x)
                for i in range(n):
                    self.dw += np.outer(dz[i], self.x[i]) / n
                    self.db += dz[i] / n
                    self.dx[i] = self.w.T @ dz[i]
                return self.dx
            """,
            "3.9": """
                total = 0.0
                for row, label in zip(z, y):
                    total += np.log(np.exp(row - row.max()).sum()) + row.max() - row[label]
                return total
            """,
        },
    ),
    (
        "np.dot, np.outer, np.mean",
        {
            "1.2": "self.x = x\nreturn np.dot(self.w, x) + self.b",
            "1.3": "self.dw, self.db = dz[:, None] * self.x[None, :], np.array(dz)\nreturn dz @ self.w",
            "3.2": "self.x = x.copy()\nz = np.dot(x, self.w.T)\nz += self.b\nreturn z",
            "3.3": """
                self.dw = sum(np.outer(d, x) for d, x in zip(dz, self.x)) / len(self.x)
                self.db = np.mean(dz, axis=0)
                self.dx = np.dot(dz, self.w)
                return self.dx
            """,
        },
    ),
    (
        "out of place",
        {
            "1.4": "self.w = self.w - lr * self.dw\nself.b = self.b - lr * self.db",
            "3.4": "self.w = self.w - lr * self.dw\nself.b = self.b - lr * self.db",
        },
    ),
    (
        "in place, with out=",
        {"3.4": "np.subtract(self.w, lr * self.dw, out=self.w)\nself.b += -lr * self.db"},
    ),
    (
        "sigmoid from exp, slope from z",
        {
            "3.5": "self.z = z\nwith np.errstate(over='ignore'):\n    return 1 / (1 + np.exp(-z))",
            "3.6": "s = 1 / (1 + np.exp(-self.z))\nreturn s * (1 - s) * da",
        },
    ),
    (
        "sigmoid in two cases, slope kept in forward",
        {
            "3.5": """
                self.z = z
                e = np.exp(-np.abs(z))
                a = np.where(z >= 0, 1 / (1 + e), e / (1 + e))
                self.slope = a * (1 - a)
                return a
            """,
            "3.6": "return np.multiply(da, self.slope)",
        },
    ),
    (
        "sigmoid from tanh, slope from tanh, only the tanh kept",
        {"3.5": "self.t = np.tanh(z / 2)\nreturn (1 + self.t) / 2", "3.6": "return da * (1 - self.t**2) / 4"},
    ),
    (
        "np.where for ReLU",
        {"3.7": "self.z = z\nreturn np.where(z > 0, z, 0)", "3.8": "return np.where(self.z > 0, da, 0)"},
    ),
    (
        "mask kept in forward",
        {"3.7": "self.mask = z > 0\nreturn z * self.mask", "3.8": "return self.mask * da"},
    ),
    (
        "a copy cut at 0",
        {
            "3.7": "self.z = z.copy()\na = z.copy()\na[a < 0] = 0\nreturn a",
            "3.8": "dz = da.copy()\ndz[self.z <= 0] = 0\nreturn dz",
        },
    ),
    (
        "ReLU by clip, slope by sign",
        {"3.7": "self.z = z\nreturn z.clip(0)", "3.8": "return da * np.heaviside(self.z, 0)"},
    ),
    (
        "log-sum-exp by logaddexp, one-hot by np.eye",
        {
            "3.9": "return (np.logaddexp.reduce(z, axis=1) - (z * np.eye(z.shape[1])[y]).sum(axis=1)).sum()",
            "3.10": """
                p = np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True))
                return p - np.eye(z.shape[1], dtype=z.dtype)[y]
            """,
        },
    ),
    (
        "log-probabilities, one-hot by comparison",
        {
            "3.9": """
                m = np.max(z, axis=1)
                log_p = z - (m + np.log(np.sum(np.exp(z - m[:, None]), axis=1)))[:, None]
                return -np.sum(log_p[range(len(y)), y])
            """,
            "3.10": """
                e = np.exp((z.T - z.max(axis=1)).T)
                return e / e.sum(axis=1)[:, np.newaxis] - (np.arange(z.shape[1]) == y[:, np.newaxis])
            """,
        },
    ),
    (
        "the loss keeps its softmax, and computes it again",
        {
            "3.9": """
                self.p = np.exp(z - z.max(axis=1, keepdims=True))
                self.p /= self.p.sum(axis=1, keepdims=True)
                shifted = z - z.max(axis=1, keepdims=True)
                right = np.take_along_axis(shifted, y[:, None], 1)[:, 0]
                return float(np.sum(np.log(np.exp(shifted).sum(axis=1)) - right))
            """,
        },
    ),
    (
        "steps by other names and orders",
        {
            "3.8.1": """
                one_hot = np.eye(z.shape[1])[y]
                dlog_p, dp = -one_hot, -one_hot / p
                dr = np.sum(dp * e, axis=1)[:, None]
                dt = -(r**2) * dr
                de = r * dp
                de += dt
                ds, dm = e * de, -(e * de).sum(1, keepdims=True)
                dz = ds.copy()
                dz[np.arange(len(z)), z.argmax(axis=1)] += dm[:, 0]
            """
        },
    ),
    (
        "an MLP by a while loop, with more attributes",
        {
            "3.11": """
                self.nunits = [nx] + list(nunits)
                self.linear, self.sigmoids, number = [], [], 0
                while number < len(nunits):
                    self.linear.append(LinearLayer(self.nunits[number], self.nunits[number + 1]))
                    self.sigmoids.append(SigmoidActivation())
                    number += 1
                self.layers = [part for pair in zip(self.linear, self.sigmoids) for part in pair][:-1]
            """,
            "3.12": """
                self.outputs = [x]
                for layer in self.layers:
                    self.outputs.append(layer.forward(self.outputs[-1]))
                return self.outputs[-1]
            """,
            "3.13": """
                number = len(self.layers) - 1
                while number >= 0:
                    dy = self.layers[number].backward(dy)
                    number -= 1
                return dy
            """,
            "3.14": "[layer.update(lr) for layer in self.layers if isinstance(layer, LinearLayer)]",
        },
    ),
    (
        "activations from a alone, losses added up in float32, layers in a tuple's sizes",
        {
            "3.4": "for name in 'wb':\n    setattr(self, name, getattr(self, name) - lr * getattr(self, 'd' + name))",
            "3.5": "self.a = 0.5 * (1 + np.tanh(0.5 * z))\nreturn self.a",
            "3.6": "return da * (self.a - self.a**2)",
            "3.7": "self.a = np.maximum(0, z)\nreturn self.a",
            "3.8": "return np.multiply(da, np.sign(self.a))",
            "3.9": """
                total = 0
                for i in range(len(y)):
                    m = max(z[i])
                    total -= z[i, y[i]] - m - np.log(np.sum(np.exp(z[i] - m)))
                return total
            """,
            "3.11": """
                self.nunits, self.layers = (nx, *nunits), []
                for i in range(self.nlayers):
                    self.layers.append(LinearLayer(self.nunits[i], self.nunits[i + 1]))
                    if i < self.nlayers - 1:
                        self.layers.append(SigmoidActivation())
            """,
        },
    ),
    (
        "an MLP by insertion and recursion",
        {
            "3.11": """
                self.nunits = list(nunits)
                self.nunits.insert(0, nx)
                self.layers = [LinearLayer(nx, nunits[0])]
                for i in range(1, len(nunits)):
                    self.layers.append(SigmoidActivation())
                    self.layers.append(LinearLayer(nunits[i - 1], nunits[i]))
            """,
            "3.12": """
                def through(x, layers):
                    return through(layers[0].forward(x), layers[1:]) if layers else x
                return through(x, self.layers)
            """,
            "3.13": "for layer in self.layers[::-1]: dy = layer.backward(dy)\nself.dx = dy\nreturn self.dx",
        },
    ),
    (
        "the batch in other words",
        {
            "3.15": """
                logits = model.forward(xb)
                for predicted, label in zip(np.argmax(logits, axis=1), yb):
                    correct += predicted == label
                cost = loss.value(logits, yb)
                dz = loss.derivative(logits, yb)
                _ = model.backward(dz)
                model.update(lr)
                total = total + cost
            """
        },
    ),
    (
        "initial values in other words",
        {
            "3.1": """
                self.w = (rng.standard_normal((nh, nx)) / nh**0.5).astype("float32")
                self.b = np.full(nh, 0, dtype=np.float32)
            """
        },
    ),
    (
        "initial values in float32 from the start",
        {
            "3.1": """
                self.w = rng.standard_normal(size=(nh, nx), dtype=np.float32) * np.float32(1 / np.sqrt(nh))
                self.b = np.zeros((nh,), np.float32)
                self.dw = self.db = self.x = self.dx = None
            """
        },
    ),
]


def test_numbers_of_wrong_and_right_answers():
    assert len({case[0] for case in WRONG}) == len(WRONG) >= 60
    assert len({case[0] for case in RIGHT}) == len(RIGHT) >= 10


@pytest.mark.parametrize(("exercise", "answer", "says"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_wrong_answer_fails_a_visible_test(stops, exercise, answer, says):
    stops(exercise, answer, says, until=LAST_TEST)


@pytest.mark.parametrize("answers", [case[1] for case in RIGHT], ids=[case[0] for case in RIGHT])
def test_right_answer_in_another_form_passes(build, notebook, run_notebook, answers):
    run_notebook(build.solution(notebook, answers), until=LAST_BUT_TRAINING)
