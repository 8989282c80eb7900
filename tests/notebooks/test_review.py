"""Exercise 5's notebook: its answers are computed, wrong ones fail visible tests, right ones of any form pass."""

import pytest

STEM = "pw03_review"


def test_solution(build, notebook, run_notebook, capsys):
    results = run_notebook(build.solution(notebook))
    out = capsys.readouterr().out
    assert "109,260 parameters" in out
    assert results["rank"] == 10
    assert results["work"]["back-propagation / forward"].between(2, 3).all()
    assert sorted(results["measured"]) == [310, 1210, 4810, 19210, 76810]
    assert all(len(turns) == results["TURNS"] for turns in results["measured"].values())
    accuracy = {kind: [run["val_accuracy"][-1] for run in runs] for kind, runs in results["histories"].items()}
    assert abs(sum(accuracy["one linear layer"]) - sum(accuracy["three linear layers"])) / 3 < 0.06


COLLAPSED = "w, b = layer.weight @ w, layer.weight @ b + layer.bias"
DIFFERENCES = """
    middle = net.parameters[index]
    costs = []
    for moved in (middle + h, middle - h):
        net.parameters[index] = moved
        net.forward(x)
        costs.append(net.loss(y))
    net.parameters[index] = middle
    gradient[index] = (costs[0] - costs[1]) / (2 * h)
"""
WORK = """
    weights = [a * b for a, b in zip(sizes, sizes[1:])]
    return n * sum(weights), n * (2 * sum(weights) - weights[0])
"""
SLOPES = "return {'sigmoid': a * (1 - a), 'tanh': 1 - a**2, 'relu': np.where(a > 0, 1.0, 0.0)}[name]"
WRONG = [
    ("biases left out", "5.1", "return sum(a * b for a, b in zip(sizes, sizes[1:]))", "6 weights and 3 biases"),
    ("biases of the inputs", "5.1", "return sum(a * b + a for a, b in zip(sizes, sizes[1:]))", "6 weights and 3 bias"),
    ("one bias per layer", "5.1", "return sum(a * b + 1 for a, b in zip(sizes, sizes[1:]))", "6 weights and 3 biases"),
    ("biases of inputs, too", "5.1", "return sum(a * b for a, b in zip(sizes, sizes[1:])) + sum(sizes)", "3 biases"),
    ("the first layer alone", "5.1", "return (sizes[0] + 1) * sizes[1]", "biases belong to units"),
    ("no biases of the outputs", "5.1", "return sum(a * b for a, b in zip(sizes, sizes[1:])) + sum(sizes[1:-1])",
     "6 weights and 3 biases"),
    ("all in one product", "5.1", "return int(np.prod(sizes)) + sum(sizes[1:])", "9 and 4"),
    ("two layers at most", "5.1", "return sum((a + 1) * b for a, b in list(zip(sizes, sizes[1:]))[:2])", "neighbours"),
    ("the caller's list emptied", "5.1",
     "c = 0\nwhile len(sizes) > 1:\n    c += (sizes.pop(0) + 1) * sizes[0]\nreturn c", "the caller's list was changed"),
    ("printed, not returned", "5.1", "print(sum((a + 1) * b for a, b in zip(sizes, sizes[1:])))", "there is no return"),
    ("a list times a list", "5.1", "return sizes[:-1] * sizes[1:]", "the sum over the layers"),
    ("bias summed", "5.2", "w, b = layer.weight @ w, b.sum() + layer.bias", "the bias goes through"),
    ("bias of the last alone", "5.2", "w, b = layer.weight @ w, layer.bias", "the bias goes through"),
    ("bias not added", "5.2", "w, b = layer.weight @ w, layer.weight @ b", "the bias goes through"),
    ("biases of all layers added", "5.2", "w, b = layer.weight @ w, b + layer.bias", "c the bias|W b \\+ c"),
    ("matrices in the other order", "5.2", COLLAPSED.replace("layer.weight @ w", "w @ layer.weight"),
     "order of the matrices"),
    ("matrix transposed", "5.2", COLLAPSED.replace("layer.weight @ w", "layer.weight.T @ w"), "order of the matrices"),
    ("product of elements", "5.2", COLLAPSED.replace("layer.weight @ w", "layer.weight * w"), "order of the matrices"),
    ("the last layer alone", "5.2", "w, b = layer.weight, layer.bias", "W w is the new w"),
    ("the new w for the bias", "5.2", "w = layer.weight @ w\nb = w @ b + layer.bias", "W b|order of the matrices"),
    ("bias changed in place", "5.2", "layer.bias[:] += layer.weight @ b\nw, b = layer.weight @ w, layer.bias",
     "make new arrays"),
    ("parameter not put back", "5.3", DIFFERENCES.replace("net.parameters[index] = middle\n", "pass\n"), "put the"),
    ("put back before the second move only", "5.3", """
        middle = net.parameters[index]
        net.parameters[index] += h
        above = (net(x), net.loss(y))[1]
        net.parameters[index] = middle
        net.parameters[index] -= h
        gradient[index] = (above - (net(x), net.loss(y))[1]) / (2 * h)
     """, "put the parameter back"),
    ("h instead of 2 h", "5.3", DIFFERENCES.replace("(2 * h)", "h"), "2 times too large.*divided by 2 h"),
    ("not divided", "5.3", DIFFERENCES.replace(" / (2 * h)", ""), "divided by 2 h"),
    ("brackets left out", "5.3", DIFFERENCES.replace("(2 * h)", "2 * h"), "divided by 2 h"),
    ("one side only", "5.3", DIFFERENCES.replace("middle - h", "middle").replace("(2 * h)", "h"), "at - h"),
    ("sign", "5.3", DIFFERENCES.replace("costs[0] - costs[1]", "costs[1] - costs[0]"), "the sign is wrong"),
    ("no forward pass", "5.3", DIFFERENCES.replace("net.forward(x)", "pass"), "a forward pass after each move"),
    ("one forward pass", "5.3", DIFFERENCES.replace("net.forward(x)", "index or net.forward(x)"), "after each move"),
    ("a sum for the mean", "5.3", DIFFERENCES.replace("net.loss(y)", "len(y) * net.loss(y)"), "a 1/n is missing"),
    ("logits for the cost", "5.3", DIFFERENCES.replace("net.loss(y)", "net(x)"), "which is one number"),
    ("a pair for the cost", "5.3", DIFFERENCES.replace("net.loss(y)", "net.evaluate(x, y)"), "which is one number"),
    ("accuracy for the cost", "5.3", DIFFERENCES.replace("net.loss(y)", "net.evaluate(x, y)[1]"), "minus the cost"),
    ("taken from back-propagation", "5.3", "net.loss_and_grad(x, y)\ngradient[index] = net.gradients[index]",
     "from costs alone"),
    ("no samples", "5.4", WORK.replace("n * ", ""), "3-2, 5 samples"),
    ("first layer's dX, too", "5.4", WORK.replace(" - weights[0]", ""), "no dX of the first layer"),
    ("dW alone", "5.4", WORK.replace("2 * sum(weights) - weights[0]", "sum(weights)"), "dW and dX"),
    ("the last layer's dX left out", "5.4", WORK.replace("weights[0]", "weights[-1]"), "no dX of the first layer"),
    ("biases multiplied", "5.4", WORK.replace("a * b", "(a + 1) * b"), "biases are only added"),
    ("both in one number", "5.4", "return sum(a * b for a, b in zip(sizes, sizes[1:])) * 3 * n", "return two numbers"),
    ("other way around", "5.4", WORK.replace("return ", "return (").rstrip() + ")[::-1]", "forward"),
    ("derivatives from z", "5.5", "s = 1 / (1 + np.exp(-a))\nreturn s * (1 - s)", "compute it from a"),
    ("ReLU's derivative is its output", "5.5", SLOPES.replace("np.where(a > 0, 1.0, 0.0)", "a"), "derivative of relu"),
    ("ReLU at 0 and above", "5.5", SLOPES.replace("a > 0", "a >= 0"), "0 elsewhere"),
    ("tanh without its square", "5.5", SLOPES.replace("a**2", "a"), "the square of the output"),
    ("tanh from its input", "5.5", SLOPES.replace("1 - a**2", "1 - np.tanh(a) ** 2"), "compute it from a"),
    ("sigmoid's 1 + a", "5.5", SLOPES.replace("(1 - a)", "(1 + a)"), "1 minus the output"),
    ("tanh as sigmoid", "5.5", SLOPES.replace("1 - a**2", "a * (1 - a)"), "the square of the output"),
    ("ReLU forgotten", "5.5", SLOPES.replace(", 'relu': np.where(a > 0, 1.0, 0.0)", ""), "each of the three names"),
    ("nothing for ReLU", "5.5", SLOPES.replace("[name]", ".get(name) if name != 'relu' else None"), "no return"),
    ("in place", "5.5", SLOPES.replace("return", "slopes =") + "\na[:] = slopes\nreturn a", "changed in place"),
    ("logits kept, too", "5.6", "return n * sum(sizes)", "no logits"),
    ("samples forgotten", "5.6", "return sum(sizes[:-1])", "of all samples"),
    ("outputs for inputs", "5.6", "return n * sum(sizes[1:])", "keeps its input"),
    ("hidden layers alone", "5.6", "return n * sum(sizes[1:-1])", "keeps its input"),
    ("activations counted twice", "5.6", "return n * (sum(sizes[:-1]) + sum(sizes[1:-1]))", "nothing twice"),
    ("the inputs alone", "5.6", "return n * sizes[0]", "keeps its input"),
    ("bytes", "5.6", "return 4 * n * sum(sizes[:-1])", "4 times too large"),
    ("parameters, too", "5.6", "return n * sum(sizes[:-1]) + count(sizes)", "keeps its input"),
    ("the caller's list shortened", "5.6", "sizes.pop()\nreturn n * sum(sizes)", "the caller's list was changed"),
]  # fmt: skip


def untrained(source):
    """A cell without the trainings and the timings, which no test needs."""
    return "" if "histories" in source or "measured" in source else source


@pytest.mark.parametrize(("exercise", "answer", "says"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_wrong_answer_fails_a_visible_test(build, notebook, stops, exercise, answer, says):
    name = next(blank.task.partition(":")[0] for blank in build.blanks(notebook) if blank.number == exercise)
    stops(exercise, answer, says, until=f'with checking("{exercise} {name}"', change=untrained)


ARITHMETIC = """
    net.parameters[index] += h
    net(x)
    above = net.loss(y)
    net.parameters[index] -= 2 * h
    net(x)
    below = net.loss(y)
    net.parameters[index] += h
    gradient[index] = (above - below) / 2 / h
"""
ONE_CALL = """
    def cost(step):
        net.parameters[index] += step
        came = COST
        net.parameters[index] -= step
        return came

    gradient[index] = (cost(h) - cost(-h)) / (2 * h)
"""
RIGHT = [
    ("loops over places", {
        "5.1": "c = 0\nfor i in range(1, len(sizes)):\n    c += sizes[i] * sizes[i - 1]\n    c += sizes[i]\nreturn c",
        "5.2": "b = layer.bias + np.einsum('ij,j->i', layer.weight, b)\nw = np.einsum('ij,jk->ik', layer.weight, w)",
        "5.3": ARITHMETIC,
        "5.4": """
            forward = backward = 0
            for i in range(len(sizes) - 1):
                product = n * sizes[i] * sizes[i + 1]
                forward += product
                backward += product if i == 0 else 2 * product
            return forward, backward
        """,
        "5.6": "c = 0\nfor inputs in sizes[:-1]:\n    c += n * inputs\nreturn c",
    }),
    ("products of NumPy", {
        "5.1": "s = np.array(sizes)\nreturn s[:-1] @ s[1:] + s[1:].sum()",
        "5.2": "w, b = (w.T @ layer.weight.T).T, b @ layer.weight.T + layer.bias",
        "5.3": ONE_CALL.replace("COST", "net.loss_and_grad(x, y)"),
        "5.4": "s = np.array(sizes)\nreturn [n * (s[:-1] @ s[1:]), n * (s[:-1] @ s[1:] + s[1:-1] @ s[2:])]",
        "5.5": "if name == 'relu':\n    return a > 0\nreturn a - a * a if name == 'sigmoid' else (1 - a) * (1 + a)",
        "5.6": "return int(np.multiply(n, sizes[:-1]).sum())",
    }),
    ("evaluate", {"5.3": ONE_CALL.replace("COST", "net.evaluate(x, y)[0]"), "5.5": SLOPES}),
    ("a function of mlpc.losses", {"5.3": ONE_CALL.replace("COST", "mlpc.losses.cross_entropy(net(x), y)[0]")}),
    ("a function of mlpc.ops", {"5.3": ONE_CALL.replace("COST", "mlpc.ops.cross_entropy(net.forward(x), y)[0]")}),
    ("all parameters at once", {"5.3": """
        kept = net.parameters.copy()
        step = h * np.eye(kept.size)[index]
        net.parameters[:] = kept + step
        gradient[index] = mlpc.losses.cross_entropy(net(x), y)[0]
        net.parameters[:] = kept - step
        gradient[index] -= mlpc.losses.cross_entropy(net(x), y)[0]
        gradient[index] /= 2 * h
        net.parameters[:] = kept
     """, "5.5": "return np.sign(a) if name == 'relu' else a * (1 - a) if name == 'sigmoid' else 1 - np.square(a)"}),
    ("by the definition", {
        "5.1": "return mlpc.MLP(list(sizes)).n_parameters",
        "5.2": "b = layer.weight.dot(b) + layer.bias\nw = layer.weight.dot(w)",
        "5.3": DIFFERENCES.replace("costs[0] - costs[1]", "-costs[1] + costs[0]").replace("2 * h", "h + h"),
        "5.5": "slopes = a.copy()\nif name == 'relu':\n    slopes[a > 0] = 1\nelif name == 'tanh':\n"
               "    slopes = 1 - slopes**2\nelse:\n    slopes *= 1 - a\nreturn slopes",
        "5.6": "*inputs, _ = sizes\nreturn sum(inputs) * n",
    }),
]  # fmt: skip


@pytest.mark.parametrize("answers", [case[1] for case in RIGHT], ids=[case[0] for case in RIGHT])
def test_right_answer_of_another_form_passes(build, notebook, run_notebook, capsys, answers):
    filled = build.solution(notebook, answers)
    for cell in filled.cells:
        cell.source = untrained(cell.source)
    run_notebook(filled, until='with checking("5.6 remembered"')
    assert capsys.readouterr().out.count("passed: 5.") == 6
