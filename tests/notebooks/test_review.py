"""Exercise 5's notebook: its answers are computed, and wrong ones fail visible tests."""

import pytest

STEM = "pw03_review"


def test_solution(build, notebook, run_notebook, capsys):
    results = run_notebook(build.solution(notebook))
    out = capsys.readouterr().out
    assert "109,260 parameters" in out
    assert results["rank"] == 10
    costs = results["costs"]
    assert (costs["back-propagation"] < costs["differences, 2 forward passes each"]).all()
    accuracy = {name: history["val_accuracy"][-1] for name, history in results["histories"].items()}
    assert abs(accuracy["one linear layer"] - accuracy["three linear layers"]) < 0.06


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
WRONG = [
    ("biases left out", "5.1", "return sum(a * b for a, b in zip(sizes, sizes[1:]))", "6 weights and 3 biases"),
    ("biases of the inputs", "5.1", "return sum(a * b + a for a, b in zip(sizes, sizes[1:]))", "2-3"),
    ("bias not multiplied", "5.2", "w, b = layer.weight @ w, b.sum() + layer.bias", "the bias goes through"),
    ("bias of the last alone", "5.2", "w, b = layer.weight @ w, layer.bias", "the bias goes through"),
    ("parameter not put back", "5.3", DIFFERENCES.replace("net.parameters[index] = middle\n", "pass\n"), "put the"),
    ("h instead of 2 h", "5.3", DIFFERENCES.replace("(2 * h)", "h"), "divided by 2 h"),
    ("derivatives from z", "5.4", "s = 1 / (1 + np.exp(-a))\nreturn s * (1 - s)", "compute it from a"),
    (
        "ReLU's derivative is its output",
        "5.4",
        "return a * (1 - a) if name == 'sigmoid' else 1 - a**2 if name == 'tanh' else a",
        "derivative of relu",
    ),
    ("logits kept, too", "5.5", "return n * sum(sizes)", "inputs of the linear layers"),
    ("samples forgotten", "5.5", "return sum(sizes[:-1])", "of all samples"),
]


@pytest.mark.parametrize(("exercise", "answer", "says"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_wrong_answer_fails_a_visible_test(stops, exercise, answer, says):
    stops(exercise, answer, says, until="passed: 5.5")
