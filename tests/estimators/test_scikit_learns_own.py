"""scikit-learn's own tests of its multilayer perceptrons, as installed, over the classes of the same names here."""

import importlib.util
from unittest import mock

import pytest

import mlpc

sklearn_network = pytest.importorskip("sklearn.neural_network")

NOT_OURS = {
    "test_gradient": "asks `_loss_grad_lbfgs`, a private method; gradients are checked in tests of the core",
}
"""Tests that are left out, with the reason."""

MOST_LEFT_OUT = 0.1  # of them


def scikit_learns():
    """Its module, executed anew with our classes in the place of its own."""
    spec = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
    module = importlib.util.module_from_spec(spec)
    with mock.patch.multiple(sklearn_network, MLPClassifier=mlpc.MLPClassifier, MLPRegressor=mlpc.MLPRegressor):
        spec.loader.exec_module(module)
    return {name: test for name, test in vars(module).items() if name.startswith("test_")}


TESTS = scikit_learns()
globals().update({name: test for name, test in TESTS.items() if name not in NOT_OURS})

# They say themselves which warnings they expect; others they let pass.
pytestmark = pytest.mark.filterwarnings("default", "ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def global_random_seed():
    return 42


def test_few_are_left_out():
    assert NOT_OURS.keys() <= TESTS.keys()
    assert len(NOT_OURS) <= MOST_LEFT_OUT * len(TESTS)
