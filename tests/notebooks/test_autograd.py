"""Exercise 4's notebook: its solution runs, beside PyTorch and without it, and wrong answers fail visible tests."""

import sys

import pytest

STEM = "pw03_autograd"


def test_solution_beside_torch(build, notebook, run_notebook, torch):
    results = run_notebook(build.solution(notebook))
    assert results["ends"]["tape"] == [pytest.approx(pair, abs=1e-4) for pair in results["ends"]["PyTorch"]]
    for ours, theirs in zip(results["examples"]["tape"], results["examples"]["PyTorch"], strict=True):
        assert ours.tolist() == pytest.approx(theirs.tolist())
    for ours, theirs in zip(results["graph_backward"](results["x0"], results["w1"], results["w2"]),
                            results["torch_graph"](), strict=True):  # fmt: skip
        assert ours == pytest.approx(theirs, abs=1e-12)
    assert results["history"]["loss"][-1] < 0.5


def test_solution_without_torch(build, notebook, run_notebook, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    results = run_notebook(build.solution(notebook))
    assert list(results["ends"]) == ["tape"]
    assert "PyTorch is not installed" in capsys.readouterr().out


NUMPY = {
    "4.8": """
        value = x.value @ w.value.T + b.value
        return record(value, [x, w, b], lambda d: (d @ w.value, d.T @ x.value, d.sum(axis=0)))
    """,
    "4.9": """
        e = np.exp(z.value - z.value.max(axis=1, keepdims=True))
        p, n = e / e.sum(axis=1, keepdims=True), len(y)
        return record(-np.log(p[np.arange(n), y]).mean(), [z], lambda d: (d * (p - np.eye(p.shape[1])[y]) / n,))
    """,
}


def test_numpy_alone(build, notebook, run_notebook):
    results = run_notebook(build.solution(notebook, NUMPY))
    assert results["history"]["loss"][-1] < 0.5


HAND = """
    x1, x2, x3 = graph_forward(x0, w1, w2)
    dproduct, dw1_f3 = node_backward(2 * x3, x1 * x2, w1)
    dsum, dw2 = node_backward(dproduct * x1, x0 + x1, w2)
    _, dw1_f1 = node_backward(dsum + dproduct * x2, x0, w1)
    dw1 = dw1_f1 + dw1_f3
"""
LINEAR = """
    def pullback(d):
        return d @ w.value, d.T @ x.value, d.sum(axis=0)
    return record(x.value @ w.value.T + b.value, [x, w, b], pullback)
"""
COST = """
    cost, dz = mlpc.ops.cross_entropy(z.value, y)
    return record(cost, [z], lambda d: (d * dz,))
"""
WRONG = [
    ("w2 in f3", "4.1", "x1 = node(x0, w1)\nx2 = node(x0 + x1, w2)\nx3 = node(x1 * x2, w2)", "w1, not w2"),
    ("sum for product", "4.1", "x1 = node(x0, w1)\nx2 = node(x0 + x1, w2)\nx3 = node(x1 + x2, w1)", r"x1 \* x2"),
    ("use in f3 left out", "4.2", HAND.replace("dw1_f1 + dw1_f3", "dw1_f1"), "gradients sum over all uses"),
    ("use in f1 left out", "4.2", HAND.replace("dw1_f1 + dw1_f3", "dw1_f3"), "gradients sum over all uses"),
    ("x1 in f3 left out", "4.2", HAND.replace("dsum + dproduct * x2", "dsum"), "x1 by f2 and f3"),
    ("product's factors swapped", "4.2", HAND.replace("dproduct * x1,", "dproduct * x2,"), "of the product"),
    ("pullback swapped", "4.3", "return record(a.value * b.value, [a, b], lambda d: (d * a.value, d * b.value))",
     "comes back to a"),
    ("nothing recorded", "4.3", "return Tensor(a.value * b.value)", "a step on the tape"),
    ("never checked", "4.4", "return", "a RuntimeError after add_"),
    ("last use only", "4.5", "flowing[id(part)] = (part, share)", "gradients sum over all uses"),
    ("first use only", "4.5", "flowing.setdefault(id(part), (part, share))", "gradients sum over all uses"),
    ("log's derivative", "4.6", "return record(np.log(a.value), [a], lambda d: (d * a.value,))", "1 / u"),
    ("not detached", "4.7", "return a", "requires no gradient"),
    ("W transposed", "4.8", LINEAR.replace("d @ w.value,", "d @ w.value.T,"), "matmul"),
    ("db without its axis", "4.8", LINEAR.replace("d.sum(axis=0)", "d.sum()"), "gradient of b"),
    ("dw before dx", "4.8", LINEAR.replace("d @ w.value, d.T @ x.value", "d.T @ x.value, d @ w.value"),
     "gradient of x"),
    ("sum of the costs", "4.9", COST.replace("y)\n", "y, reduction='sum')\n"), "the mean over the samples"),
    ("d left out", "4.9", COST.replace("d * dz", "dz"), "d times the derivative"),
    ("1/n twice", "4.9", COST.replace("d * dz", "d * dz / len(y)"), "with the 1/n, once"),
    ("uphill", "4.10", "parameter.add_(lr * parameter.grad)\nparameter.grad = None", "minus lr times"),
    ("no reset", "4.10", "parameter.add_(-lr * parameter.grad)", "the reset is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("exercise", "answer", "says"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_wrong_answer_fails_a_visible_test(stops, exercise, answer, says):
    stops(exercise, answer, says, until="passed: 4.10")
