"""Exercise 4's notebook: runs beside PyTorch and without it; wrong answers fail, right ones of any form pass."""

import contextlib
import sys

import pytest

STEM = "pw03_autograd"


def test_solution_beside_torch(build, notebook, run_notebook, torch):
    results = run_notebook(build.solution(notebook))
    assert results["ends"]["tape"] == [pytest.approx(pair, abs=1e-4) for pair in results["ends"]["PyTorch"]]
    for ours, theirs in zip(results["examples"]["tape"], results["examples"]["PyTorch"], strict=True):
        assert ours.tolist() == pytest.approx(theirs.tolist())
    arrays = results["graph_arrays"]()
    for ours, theirs in zip(results["graph_backward"](*arrays), results["torch_graph"](*arrays), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-12)
    assert results["history"]["loss"][-1] < 0.5
    assert results["history"]["val_loss"][-1] < 0.5


def test_solution_without_torch(build, notebook, run_notebook, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    results = run_notebook(build.solution(notebook))
    assert list(results["ends"]) == ["tape"]
    assert "PyTorch is not installed" in capsys.readouterr().out


def test_the_test_set_is_not_read(build, notebook, run_notebook, monkeypatch):
    """Training and validation are parts of the training set, without a common sample."""
    results = run_notebook(build.solution(notebook))
    train, validation = set(results["train_rows"].tolist()), set(results["val_rows"].tolist())
    assert len(validation) == len(results["x_val"]) == 287
    assert not train & validation
    assert train | validation == set(range(len(results["x_full"])))
    assert "_test" not in "".join(name for name in results if name.startswith(("x_", "y_")))


def test_a_failed_test_leaves_nothing_behind(build, notebook, run_notebook, run_cell):
    """A wrong answer, corrected; then each test again, from the end of the notebook."""
    right = build.solution(notebook)
    wrong = build.solution(notebook, {"4.4": "tape.append(None)\nreturn Tensor(a.value * b.value)"})
    namespace = run_notebook(right)
    cells = dict(enumerate(right.cells))
    blank = next(number for number, cell in cells.items() if "def multiply(a, b):" in cell.source)
    tests = {number: cell for number, cell in cells.items() if "test" in build.tags(cell)}
    assert len(tests) >= 11
    for number, cell in tests.items():
        run_cell(wrong.cells[blank], blank, namespace)
        with contextlib.suppress(AssertionError):
            run_cell(cell, number, namespace)
        run_cell(right.cells[blank], blank, namespace)
        run_cell(cell, number, namespace)


FORWARD = """
    x1 = node(x0, w1)
    x2 = node(x0 + x1, w2)
    x3 = node(x1 * x2, w1)
"""
DERIVED = """
    dz3 = dx3 * x3 * (1 - x3)
    dp = dz3 * w1
    dx2 = dp * x1
    dz2 = dx2 * x2 * (1 - x2)
    ds = dz2 * w2
    dx1 = ds + dp * x2
    dz1 = dx1 * x1 * (1 - x1)
    dw2 = dz2 * s
    dw1 = dz1 * x0 + dz3 * p
"""
HAND = """
    dproduct, dw1_f3 = node_backward(dx3, x1 * x2, w1)
    dsum, dw2 = node_backward(dproduct * x1, x0 + x1, w2)
    _, dw1_f1 = node_backward(dsum + dproduct * x2, x0, w1)
    dw1 = dw1_f1 + dw1_f3
"""
PRODUCT = "return record(a.value * b.value, [a, b], lambda d: (d * b.value, d * a.value))"
CHECK = """
    if [part.version for part in step.inputs] != step.versions:
        raise RuntimeError("changed in place")
"""
SUM = """
    so_far = flowing.get(id(part), (part, 0.0))[1]
    flowing[id(part)] = (part, so_far + share)
"""
LOG = "return record(np.log(a.value), [a], lambda d: (d / a.value,))"
LINEAR = """
    def pullback(d):
        return d @ w.value, d.T @ x.value, d.sum(axis=0)
    return record(x.value @ w.value.T + b.value, [x, w, b], pullback)
"""
COST = """
    cost, dz = mlpc.ops.cross_entropy(z.value, y)
    return record(cost, [z], lambda d: (d * dz,))
"""
STEP = """
    parameter.add_(-lr * parameter.grad)
    parameter.grad = None
"""
WRONG = [
    ("w2 in f3", "4.1", FORWARD.replace("x1 * x2, w1", "x1 * x2, w2"), "w1, not w2"),
    ("w2 in f1", "4.1", FORWARD.replace("node(x0, w1)", "node(x0, w2)"), "f1 has w1"),
    ("w1 in f2", "4.1", FORWARD.replace("x1, w2", "x1, w1"), "f2 has w2"),
    ("sum for product", "4.1", FORWARD.replace("x1 * x2", "x1 + x2"), r"x1 \* x2"),
    ("x0 left out of f2", "4.1", FORWARD.replace("x0 + x1", "x1"), r"x0 \+ x1"),
    ("product of matrices", "4.1", FORWARD.replace("x1 * x2", "x1 @ x2"), "product of elements"),
    ("no sigmoid", "4.1", FORWARD.replace("node(x0, w1)", "x0 @ w1.T"), "sigma"),
    ("weight transposed", "4.1", FORWARD.replace("node(x0, w1)", "node(x0, w1.T)"), "transposes"),
    ("x0 changed in place", "4.1", FORWARD.replace("x2 = node(x0 + x1, w2)", "x0 += x1\n    x2 = node(x0, w2)"),
     "changed in place"),
    ("the square's derivative once more", "4.2", DERIVED.replace("dx3 * x3", "2 * x3 * dx3 * x3"), "sigma\\(z3\\)"),
    ("sigmoid's derivative by its input", "4.2", DERIVED.replace("x3 * (1 - x3)", "p * (1 - p)"), "sigma\\(z3\\)"),
    ("a name that is not there", "4.2", DERIVED.replace("x3 * (1 - x3)", "z3 * (1 - z3)"), "before it is assigned"),
    ("sigmoid's 1 + x", "4.2", DERIVED.replace("(1 - x2)", "(1 + x2)"), "sigma\\(z2\\)"),
    ("x0 for s", "4.2", DERIVED.replace("dz2 * s", "dz2 * x0"), "dz2 times s"),
    ("chain rule forgotten", "4.2", DERIVED.replace("dz3 = dx3 * ", "dz3 = "), "times dx3"),
    ("factors of p swapped", "4.2", DERIVED.replace("dp * x1", "dp * x2"), "dp times x1"),
    ("w2 forgotten", "4.2", DERIVED.replace("dz2 * w2", "dz2"), "dz2 times w2"),
    ("x1's use in p left out", "4.2", DERIVED.replace("ds + dp * x2", "ds"), "x1 is used twice"),
    ("x1's use in s left out", "4.2", DERIVED.replace("ds + dp * x2", "dp * x2"), "x1 is used twice"),
    ("w1's use in z1 left out", "4.2", DERIVED.replace("dz1 * x0 + dz3", "dz3"), "w1 is used twice"),
    ("w1's use in z3 left out", "4.2", DERIVED.replace(" + dz3 * p", ""), "w1 is used twice"),
    ("not yet all", "4.2", DERIVED.partition("dw2")[0], "dw2.*no assignment"),
    ("from the beginning", "4.2", "\n".join(reversed(DERIVED.strip().split("\n    "))), "from the end to the beginn"),
    ("use in f3 left out", "4.3", HAND.replace("dw1_f1 + dw1_f3", "dw1_f1"), "gradients sum over all uses"),
    ("use in f1 left out", "4.3", HAND.replace("dw1_f1 + dw1_f3", "dw1_f3"), "gradients sum over all uses"),
    ("x1 in f3 left out", "4.3", HAND.replace("dsum + dproduct * x2", "dsum"), "x1 by f2 and f3"),
    ("x1 in f2 left out", "4.3", HAND.replace("dsum + dproduct * x2", "dproduct * x2"), "x1 by f2 and f3"),
    ("product's factors swapped", "4.3", HAND.replace("dproduct * x1,", "dproduct * x2,"), "of the product"),
    ("a node's output for its input", "4.3", HAND.replace("x0 + x1, w2", "x2, w2"), "called with x0"),
    ("weights for inputs", "4.3", HAND.replace("dx3, x1 * x2, w1", "dx3, w1, x1 * x2"), "the node's input x"),
    ("pair not unpacked", "4.3", HAND.replace("_, dw1_f1", "dw1_f1"), "a pair, dx and dw"),
    ("both swapped", "4.3", HAND + "    dw1, dw2 = dw2, dw1", "dw2"),
    ("pullback swapped", "4.4", PRODUCT.replace("d * b.value, d * a.value", "d * a.value, d * b.value"),
     "comes back to a"),
    ("nothing recorded", "4.4", "return Tensor(a.value * b.value)", "its step on the tape"),
    ("recorded, not returned", "4.4", PRODUCT.replace("return ", ""), "return what record returns"),
    ("d left out", "4.4", PRODUCT.replace("d * ", ""), "d times the value of b"),
    ("one gradient alone", "4.4", PRODUCT.replace(", d * a.value", ""), "a gradient for each input"),
    ("no tuple", "4.4", PRODUCT.replace("(d * b.value, d * a.value)", "d * b.value"), "a gradient for each input"),
    ("Tensors in the pullback", "4.4", PRODUCT.replace("(d * b.value, d * a.value)", "(d * b, d * a)"), "a.value and"),
    ("Tensors multiplied", "4.4", PRODUCT.replace("a.value * b.value,", "a * b,"), "a.value and b.value"),
    ("a sum of products", "4.4", PRODUCT.replace("a.value * b.value,", "a.value @ b.value,"), "2 \\* 5"),
    ("inputs in the other order", "4.4", PRODUCT.replace("[a, b]", "[b, a]"), "in their order"),
    ("product in place", "4.4", "a.value *= b.value\n" + PRODUCT.replace("a.value * b.value,", "a.value,"), "in place"),
    ("never checked", "4.5", "return", "a RuntimeError.*no error"),
    ("the first input alone", "4.5", "if step.inputs[0].version != step.versions[0]:\n    raise RuntimeError", "b was"),
    ("the last input alone", "4.5", "if step.inputs[1].version != step.versions[1]:\n    raise RuntimeError", "a was"),
    ("any change at all", "4.5", "if any(part.version for part in step.inputs):\n    raise RuntimeError", "as then"),
    ("other way around", "4.5", CHECK.replace("!=", "=="), "no error"),
    ("another error", "4.5", CHECK.replace("RuntimeError", "ValueError"), "a RuntimeError.*ValueError"),
    ("assert", "4.5", "assert [part.version for part in step.inputs] == step.versions", "RuntimeError.*AssertionError"),
    ("printed", "4.5", CHECK.replace("raise RuntimeError", "print"), "a RuntimeError.*no error"),
    ("returned", "4.5", "return [part.version for part in step.inputs] == step.versions", "a RuntimeError.*no error"),
    ("the greatest version", "4.5", "if max(part.version for part in step.inputs) != max(step.versions):\n"
     "    raise RuntimeError", "b was changed"),
    ("version of the output", "4.5", "if step.output.version != step.versions[0]:\n    raise RuntimeError", "as then"),
    ("values for versions", "4.5", CHECK.replace("part.version for", "part.value for"), "no error|beside the numbers"),
    ("last use only", "4.6", "flowing[id(part)] = (part, share)", "gradients sum over all uses"),
    ("first use only", "4.6", "flowing.setdefault(id(part), (part, share))", "gradients sum over all uses"),
    ("no pair", "4.6", "flowing[id(part)] = flowing.get(id(part), 0.0) + share", "a pair"),
    ("pair in the other order", "4.6", SUM.replace("(part, so_far + share)", "(so_far + share, part)"), "a pair"),
    ("the pair itself", "4.6", SUM.replace("[1]", ""), "holds pairs"),
    ("no gradient at first", "4.6", "flowing[id(part)] = (part, flowing[id(part)][1] + share)", "a pair"),
    ("grad for what flows", "4.6", "part.grad = share if part.grad is None else part.grad + share", "flowing"),
    ("part for its id", "4.6", SUM.replace("id(part)", "part"), "by id\\(part\\)"),
    ("id of the output", "4.6", SUM.replace("id(part)", "id(output)"), "id\\(part\\)"),
    ("product for sum", "4.6", SUM.replace("0.0", "1.0").replace("so_far + share", "so_far * share"), "uses"),
    ("d for share", "4.6", SUM.replace("+ share", "+ d"), "holds pairs"),
    ("sum in place", "4.6", "if id(part) in flowing:\n    so_far = flowing[id(part)][1]\n    so_far += share\n"
     "else:\n    flowing[id(part)] = (part, share)", "by \\+="),
    ("d multiplied", "4.7", LOG.replace("d / a", "d * a"), "1 / u"),
    ("d left out", "4.7", LOG.replace("d / a", "1 / a"), "d is left out"),
    ("d divided by", "4.7", LOG.replace("d / a.value", "1 / (d * a.value)"), "d is left out"),
    ("sum of d", "4.7", LOG.replace("d / a", "d.mean() / a"), "d is left out"),
    ("no tuple", "4.7", LOG.replace("(d / a.value,)", "d / a.value"), "a tuple"),
    ("logarithm to base 10", "4.7", LOG.replace("np.log(", "np.log10("), "the natural one"),
    ("derivative of the value", "4.7", LOG.replace("d / a.value", "d / np.log(a.value)"), "1 / u"),
    ("nothing recorded", "4.7", "return Tensor(np.log(a.value))", "its step on the tape"),
    ("logarithm of the Tensor", "4.7", LOG.replace("np.log(a.value)", "np.log(a)"), "np.log\\(a.value\\)"),
    ("not detached", "4.8", "return a", "requires no gradient"),
    ("still requires a gradient", "4.8", "return Tensor(a.value, requires_grad=True)", "requires no gradient"),
    ("the same requirement", "4.8", "return Tensor(a.value, a.requires_grad)", "requires no gradient"),
    ("an array", "4.8", "return a.value", "make a Tensor"),
    ("a Tensor of a Tensor", "4.8", "return Tensor(a)", "a.value"),
    ("a itself changed", "4.8", "a.requires_grad = False\nreturn a", "a itself was changed"),
    ("zeros", "4.8", "return Tensor(np.zeros_like(a.value))", "the value stays"),
    ("on the tape", "4.8", "return record(a.value, [a], lambda d: (0 * d,))", "requires no gradient"),
    ("W transposed", "4.9", LINEAR.replace("d @ w.value,", "d @ w.value.T,"), "usual reason: .*dX = dZ W"),
    ("W not transposed", "4.9", LINEAR.replace("w.value.T +", "w.value +"), "Z = X W\\^T"),
    ("bias left out", "4.9", LINEAR.replace(" + b.value", ""), "Z = X W\\^T \\+ b"),
    ("db without its axis", "4.9", LINEAR.replace("d.sum(axis=0)", "d.sum()"), "gradient of b"),
    ("db over the units", "4.9", LINEAR.replace("axis=0", "axis=1"), "sum over the rows"),
    ("db kept as a row", "4.9", LINEAR.replace("axis=0", "axis=0, keepdims=True"), "sum over the rows"),
    ("mean for db", "4.9", LINEAR.replace("d.sum", "d.mean"), "nothing is divided by n"),
    ("dw divided by n", "4.9", LINEAR.replace("d.T @ x.value", "d.T @ x.value / len(d)"), "7 times too small"),
    ("dw transposed", "4.9", LINEAR.replace("d.T @ x.value", "x.value.T @ d"), "dW = dZ\\^T X"),
    ("dw before dx", "4.9", LINEAR.replace("d @ w.value, d.T @ x.value", "d.T @ x.value, d @ w.value"),
     "gradient of x"),
    ("no gradient for b", "4.9", LINEAR.replace(", d.sum(axis=0)", ""), "a gradient for each input"),
    ("arguments of linear_backward", "4.9", """
        z = mlpc.ops.linear_forward(x.value, w.value, b.value)
        return record(z, [x, w, b], lambda d: mlpc.ops.linear_backward(x.value, d, w.value))
     """, "dX = dZ W"),
    ("sum of the costs", "4.10", COST.replace("y)\n", "y, reduction='sum')\n"), "7 times too large.*the mean over the"),
    ("d left out", "4.10", COST.replace("d * dz", "dz"), "d times the derivative"),
    ("1/n twice", "4.10", COST.replace("d * dz", "d * dz / len(y)"), "with the 1/n, once"),
    ("1/n forgotten", "4.10", COST.replace("d * dz", "d * dz * len(y)"), "7 times too large.*with the 1/n, once"),
    ("sign", "4.10", COST.replace("d * dz", "-d * dz"), "softmax minus one-hot"),
    ("no tuple", "4.10", COST.replace("(d * dz,)", "d * dz"), "a tuple"),
    ("labels as an input", "4.10", COST.replace("[z]", "[z, y]"), "no Tensor"),
    ("softmax without one-hot", "4.10", COST.replace("d * dz", "d * mlpc.ops.softmax(z.value) / len(y)"), "one-hot"),
    ("derivative for the cost", "4.10", COST.replace("cost, dz =", "dz, cost ="), "the mean over the samples"),
    ("a Tensor for an array", "4.10", COST.replace("z.value, y", "z, y"), "y is an array"),
    ("overflow", "4.10", """
        p = np.exp(z.value) / np.exp(z.value).sum(axis=1, keepdims=True)
        cost = -np.log(p[np.arange(len(y)), y]).mean()
        return record(cost, [z], lambda d: (d * (p - np.eye(p.shape[1])[y]) / len(y),))
     """, "subtract the largest"),
    ("uphill", "4.11", STEP.replace("-lr", "lr"), "minus lr times"),
    ("no reset", "4.11", STEP.replace("parameter.grad = None", ""), "the reset is missing"),
    ("reset first", "4.11", "parameter.grad = None\nparameter.add_(-lr * parameter.grad)", "use it first"),
    ("lr left out", "4.11", STEP.replace("lr * ", ""), "minus lr times"),
    ("set, not added", "4.11", STEP.replace("parameter.add_(", "parameter.value[...] = ("), "added to the parameter"),
    ("a new Tensor", "4.11", STEP.replace("parameter.add_(-", "parameter = parameter + (-"), "the parameter itself"),
    ("recorded", "4.11", "parameter.value = (parameter - lr * parameter.grad).value\nparameter.grad = None",
     "the update was recorded"),
    ("divided by the samples", "4.11", STEP.replace("parameter.grad)", "parameter.grad / 64)"), "minus lr times"),
    ("reset of the value", "4.11", STEP.replace("parameter.grad = None", "parameter.value = None"), "the step"),
]  # fmt: skip


def untrained(source):
    """A cell without the training and the pictures, which no test needs."""
    return "" if "history" in source or "draw_graph(" in source else source


@pytest.mark.parametrize(
    ("exercise", "answer", "says"), [case[1:] for case in WRONG], ids=[f"{case[1]} {case[0]}" for case in WRONG]
)
def test_wrong_answer_fails_a_visible_test(build, notebook, stops, exercise, answer, says):
    name = next(blank.task.partition(":")[0] for blank in build.blanks(notebook) if blank.number == exercise)
    stops(exercise, answer, says, until=f'with checking("{exercise} {name}"', change=untrained)


RIGHT = [
    ("NumPy alone", {
        "4.9": LINEAR,
        "4.10": """
            shifted = z.value - z.value.max(axis=1, keepdims=True)
            logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
            one_hot = np.eye(logs.shape[1])[y]
            return record(-(one_hot * logs).sum() / len(y), [z], lambda d: (d / len(y) * (np.exp(logs) - one_hot),))
        """,
        "4.11": "parameter.value -= lr * parameter.grad\nparameter.grad = None",
    }),
    ("einsum", {
        "4.4": """
            value = np.einsum('...,...->...', a.value, b.value)
            return record(value, [a, b], lambda d: [b.value * d, a.value * d])
        """,
        "4.7": "return record(np.log(a.value), [a], lambda d: [np.einsum('...,...->...', d, 1 / a.value)])",
        "4.9": """
            def pullback(d):
                dx = np.einsum('nh,hx->nx', d, w.value)
                return dx, np.einsum('nh,nx->hx', d, x.value), np.einsum('nh->h', d)
            return record(np.einsum('nx,hx->nh', x.value, w.value) + b.value, [x, w, b], pullback)
        """,
    }),
    ("loops", {
        "4.5": "for part, seen in zip(step.inputs, step.versions):\n    if part.version > seen:\n"
               "        raise RuntimeError(f'{part} was changed in place')",
        "4.6": "if id(part) in flowing:\n    flowing[id(part)] = (part, flowing[id(part)][1] + share)\nelse:\n"
               "    flowing[id(part)] = (part, share)",
        "4.9": """
            z = np.zeros((len(x.value), len(w.value)))
            for i, row in enumerate(x.value):
                for j, weights in enumerate(w.value):
                    z[i, j] = (row * weights).sum() + b.value[j]
            def pullback(d):
                dx, dw, db = np.zeros_like(x.value), np.zeros_like(w.value), np.zeros_like(b.value)
                for i, row in enumerate(d):
                    for j, slope in enumerate(row):
                        dx[i] += slope * w.value[j]
                        dw[j] += slope * x.value[i]
                        db[j] += slope
                return dx, dw, db
            return record(z, [x, w, b], pullback)
        """,
    }),
    ("other names, out of place", {
        "4.1": "first = node(x0, w1)\nsecond = node(first + x0, w2)\n"
               "x1, x2, x3 = first, second, node(second * first, w1)",
        "4.2": DERIVED.replace("dx3 * x3 * (1 - x3)", "2 * x3**2 - 2 * x3**3").replace("ds + dp * x2", "dp * x2 + ds"),
        "4.3": """
            gp, dw1 = node_backward(2 * x3, x2 * x1, w1)
            gs, dw2 = node_backward(x1 * gp, x1 + x0, w2)
            dw1 = dw1 + node_backward(x2 * gp + gs, x0, w1)[1]
        """,
        "4.8": "copied = np.array(a.value)\nreturn Tensor(copied, requires_grad=False)",
        "4.11": "parameter.value = parameter.value - lr * parameter.grad\nparameter.grad = None",
    }),
    ("in place where nobody sees it", {
        "4.3": HAND.replace("dw1 = dw1_f1 + dw1_f3", "dw1_f3 += dw1_f1\n    dw1 = dw1_f3"),
        "4.5": "seen = step.versions\nif any(part.version != seen[i] for i, part in enumerate(step.inputs)):\n"
               "    raise RuntimeError('an input changed')",
        "4.6": "flowing[id(part)] = (part, share + flowing.get(id(part), (None, np.zeros_like(share)))[1])",
        "4.8": "constant = Tensor(0.0)\nconstant.value = a.value\nreturn constant",
        "4.11": STEP.replace("parameter.grad = None", "parameter.grad[...] = 0.0"),
    }),
    ("functions with names, zeros for None", {
        "4.4": "def pullback(d):\n    return np.multiply(d, b.value), np.multiply(d, a.value)\n"
               "return record(np.multiply(a.value, b.value), [a, b], pullback)",
        "4.6": "_, so_far = flowing.get(id(part), (part, np.zeros(part.value.shape)))\n"
               "flowing[id(part)] = part, np.add(so_far, share)",
        "4.7": "inverse = 1.0 / a.value\nvalue = np.log2(a.value) * np.log(2)\n"
               "return record(value, (a,), lambda d: (d * inverse,))",
        "4.10": "return record(mlpc.losses.cross_entropy(z.value, y)[0], [z],\n"
                "              lambda d: (float(d) * mlpc.losses.cross_entropy(z.value, y)[1],))",
        "4.11": STEP.replace("parameter.grad = None", "parameter.grad = np.zeros_like(parameter.value)"),
    }),
    ("by hand from the formulas", {
        "4.1": "def f(x, w):\n    return 1 / (1 + np.exp(-x @ w.T))\n"
               "x1 = f(x0, w1)\nx2 = f(x0 + x1, w2)\nx3 = f(x1 * x2, w1)",
        "4.3": """
            dz3 = dx3 * x3 * (1 - x3)
            dp = dz3 @ w1
            dz2 = dp * x1 * x2 * (1 - x2)
            dz1 = (dz2 @ w2 + dp * x2) * x1 * (1 - x1)
            dw1, dw2 = dz1.T @ x0 + dz3.T @ (x1 * x2), dz2.T @ (x0 + x1)
        """,
    }),
]  # fmt: skip


@pytest.mark.parametrize("answers", [case[1] for case in RIGHT], ids=[case[0] for case in RIGHT])
def test_right_answer_of_another_form_passes(build, notebook, run_notebook, capsys, answers):
    results = run_notebook(build.solution(notebook, answers))
    assert capsys.readouterr().out.count("passed: 4.") == 11
    assert results["history"]["loss"][-1] < 0.5
