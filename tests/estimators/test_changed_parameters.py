"""Parameters that are set between two trainings of one estimator, or after the last one."""

import numpy as np
import pytest

import mlpc

pytest.importorskip("sklearn")
from sklearn import datasets, neural_network, preprocessing

X, Y = datasets.load_iris(return_X_y=True)
X = preprocessing.scale(X)
SETTINGS = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0, "solver": "sgd", "learning_rate_init": 0.05}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifier(of=mlpc, **settings):
    return of.MLPClassifier(**SETTINGS | settings)


def again(model, **settings):
    return model.set_params(warm_start=True, **settings).fit(X, Y)


CHANGES = [{"activation": "tanh"}, {"alpha": 20.0}, {"learning_rate_init": 0.2}, {"batch_size": 30}]
OF_THE_SOLVER = [{"solver": "adam"}, {"momentum": 0.5}]  # whose memory `fit` keeps, where scikit-learn's forgets it
TRAININGS = [(change, how) for how in ("fit", "partial_fit") for change in CHANGES]


@pytest.mark.parametrize("changed, how", [*TRAININGS, *((change, "partial_fit") for change in OF_THE_SOLVER)], ids=str)
def test_they_count_as_in_scikit_learn(changed, how):
    """But for the solver between two calls of partial_fit, and its settings, which both keep."""
    models = []
    for of in (neural_network, mlpc):
        model = classifier(of, momentum=0.0, warm_start=how == "fit")
        for settings in ({}, changed):
            model.set_params(**settings)
            for _ in range(3):
                model.partial_fit(X, Y, classes=[0, 1, 2]) if how == "partial_fit" else model.fit(X, Y)
        models.append(model)
    theirs, ours = models
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_an_activation_changed_in_partial_fit_keeps_what_the_optimizer_remembers(solver):
    models = []
    for of in (neural_network, mlpc):
        model = classifier(of, solver=solver).partial_fit(X, Y, classes=[0, 1, 2])
        models.append(model.set_params(activation="tanh").partial_fit(X, Y).partial_fit(X, Y))
    np.testing.assert_allclose(models[1].predict_proba(X), models[0].predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize("changed", [{"dropout": 0.5}, {"input_dropout": 0.5}], ids=str)
def test_dropout_counts(changed):
    model = again(classifier(norm="batch").fit(X, Y), **changed)
    assert not np.array_equal(model.coefs_[0], again(classifier(norm="batch").fit(X, Y)).coefs_[0])
    back = again(model, dropout=0.0, input_dropout=0.0)
    assert not any((*back.network_.dropout, back.network_.input_dropout))
    assert back.network_.state_dict()["1.num_batches_tracked"] == 15


def test_limits_of_gradients_count():
    """Without momentum, nothing else moves the weights."""
    model = classifier(momentum=0.0, alpha=0.0).partial_fit(X, Y, classes=[0, 1, 2])
    before = model.coefs_[0].copy()
    model.set_params(clip_norm=1e-9).partial_fit(X, Y)
    assert not np.array_equal(model.coefs_[0], before)
    np.testing.assert_allclose(model.coefs_[0], before, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "first, second",
    [({}, {"norm": "layer"}), ({"norm": "layer"}, {"norm": "batch"}), ({}, {"dtype": "float32"})],
    ids=str,
)
def test_another_norm_or_dtype_is_refused(first, second):
    model = classifier(**first).fit(X, Y)
    before = model.network_.digest()
    [name] = second
    with pytest.raises(ValueError, match=f"^{name}: expected that of the network so far"):
        again(model, **second)
    assert model.network_.digest() == before


@pytest.mark.parametrize("losses", [("squared_error", "poisson"), ("poisson", "mse")])
def test_a_loss_of_outputs_that_mean_something_else_is_refused(losses):
    """Predictions would be those of the other one."""
    model = mlpc.MLPRegressor(losses[0], **SETTINGS).fit(X, Y)
    with pytest.raises(ValueError, match=r"^loss: expected one whose outputs mean the same"):
        again(model, loss=losses[1])
    with pytest.raises(ValueError, match=r"^loss: expected one whose outputs mean the same"):
        model.partial_fit(X, Y)


def test_another_loss_of_the_same_outputs_counts():
    model = again(mlpc.MLPRegressor(**SETTINGS).fit(X, Y), loss="mae")
    assert model.network_.criterion == mlpc.losses.MAE()
    assert not np.array_equal(model.coefs_[0], again(mlpc.MLPRegressor(**SETTINGS).fit(X, Y)).coefs_[0])


def test_what_is_set_after_a_training_changes_no_prediction():
    model = classifier().fit(X, Y)
    before = model.predict_proba(X)
    model.set_params(activation="tanh")
    np.testing.assert_array_equal(model.predict_proba(X), before)
    with pytest.raises(ValueError, match=r"^activation: expected 'relu', that of the network, got 'tanh'"):
        model.to_sklearn()
