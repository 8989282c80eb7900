"""The same numbers as scikit-learn's own classes, from the same random state."""

import functools
import inspect
import warnings

import numpy as np
import pytest

import mlpc

pytest.importorskip("sklearn")
from sklearn import datasets, exceptions, neural_network, preprocessing

LIKE = 1e-6  # relative, of losses after so many epochs
EPOCHS = 20

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def standardised(load):
    X, y = load(return_X_y=True)
    return preprocessing.scale(X), y


def outputs(k):
    X, y = datasets.make_regression(150, 8, n_targets=k, random_state=2)
    return X, y / np.abs(y).max()


def counts():
    X, y = outputs(2)
    return X, np.random.default_rng(3).poisson(np.exp(y))


def several_labels():
    X, y = datasets.make_multilabel_classification(150, 10, n_classes=4, random_state=3)
    return preprocessing.scale(X), y


def words():
    """Counts of words, sparse."""
    X, y = datasets.make_multilabel_classification(200, 50, n_classes=3, sparse=True, random_state=4)
    return X.astype(float), y[:, 0]


CLASSIFICATION = {
    "iris": functools.partial(standardised, datasets.load_iris),
    "wine": functools.partial(standardised, datasets.load_wine),
    "breast cancer": functools.partial(standardised, datasets.load_breast_cancer),
    "digits": functools.partial(standardised, datasets.load_digits),
    "imbalanced": lambda: datasets.make_classification(300, 12, weights=[0.93], random_state=1),
    "several labels": several_labels,
    "words": words,
}
REGRESSION = {
    "diabetes": functools.partial(standardised, datasets.load_diabetes),
    "friedman": lambda: datasets.make_friedman1(200, random_state=0),
    "one output": lambda: outputs(1),
    "three outputs": lambda: outputs(3),
}


def both(name, X, y, sample_weight=None, **settings):
    """scikit-learn's estimator, and ours, each fitted."""
    arguments = {"random_state": 0, "max_iter": EPOCHS, "hidden_layer_sizes": (16, 9)} | settings
    fits = [getattr(module, name)(**arguments).fit(X, y, sample_weight) for module in (neural_network, mlpc)]
    return fits


def assert_same(theirs, ours, X):
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=LIKE)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name)
    for a, b in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    predicted, wanted = ours.predict(X), theirs.predict(X)
    assert type(predicted) is type(wanted)
    if hasattr(theirs, "predict_proba"):
        np.testing.assert_array_equal(predicted, wanted)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-4, atol=1e-7)
    else:
        np.testing.assert_allclose(predicted, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("name", CLASSIFICATION)
def test_classifiers_have_the_same_losses(name, solver, shuffle):
    X, y = CLASSIFICATION[name]()
    assert_same(*both("MLPClassifier", X, y, solver=solver, shuffle=shuffle), X)


@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("name", REGRESSION)
def test_regressors_have_the_same_losses(name, solver, shuffle):
    X, y = REGRESSION[name]()
    assert_same(*both("MLPRegressor", X, y, solver=solver, shuffle=shuffle), X)


has_poisson = "loss" in inspect.signature(neural_network.MLPRegressor).parameters
has_weights = "sample_weight" in inspect.signature(neural_network.MLPRegressor.fit).parameters


@pytest.mark.skipif(not has_poisson, reason="this scikit-learn has no Poisson loss")
@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_rates_have_the_same_losses(solver, shuffle):
    X, y = counts()
    assert_same(*both("MLPRegressor", X, y, solver=solver, loss="poisson", shuffle=shuffle), X)


NAMES = ["MLPClassifier", "MLPRegressor"]


@pytest.mark.parametrize("method", ["__init__", "fit", "partial_fit", "predict", "score"])
@pytest.mark.parametrize("name", NAMES)
def test_arguments_have_the_same_names_order_and_defaults(name, method):
    ours, theirs = (
        [(each.name, each.kind, each.default) for each in inspect.signature(found).parameters.values()]
        for found in (getattr(getattr(module, name), method) for module in (mlpc, neural_network))
    )
    names = [name for name, *_ in theirs]
    assert [each for each in ours if each[0] in names] == theirs


@pytest.mark.parametrize("name", NAMES)
def test_what_parameters_may_be_is_allowed_here(name):
    ours, theirs = (getattr(module, name)._parameter_constraints for module in (mlpc, neural_network))
    for parameter, ranges in theirs.items():
        if parameter == "momentum":  # 1 never comes to rest
            continue
        texts = {text for each in ours[parameter] for text in getattr(each, "options", ())}
        for each in ranges:
            options = getattr(each, "options", None)
            within = options is not None and options <= texts
            assert within or str(each) in map(str, ours[parameter]), parameter


SETTINGS = {
    "large alpha, short last batch": {"alpha": 3.0, "batch_size": 37},
    "logistic": {"activation": "logistic", "solver": "sgd", "learning_rate_init": 0.1},
    "tanh": {"activation": "tanh"},
    "identity": {"activation": "identity", "hidden_layer_sizes": 5},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "momentum without Nesterov": {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.5},
    "no momentum": {"solver": "sgd", "momentum": 0},
    "a rate that falls": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5, "power_t": 0.3},
    "a rate that adapts": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 1},
    "other means": {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.2, "n_iter_no_change": 3, "tol": 0.02},
    "a tolerance that ends it": {"tol": 0.1, "n_iter_no_change": 2},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_settings_mean_the_same(name, settings):
    X, y = CLASSIFICATION["iris"]() if name == "MLPClassifier" else REGRESSION["friedman"]()
    theirs, ours = both(name, X, y, **settings)
    assert_same(theirs, ours, X)
    assert ours._no_improvement_count == theirs._no_improvement_count
    assert ours._optimizer.learning_rate == pytest.approx(theirs._optimizer.learning_rate, rel=1e-12)
    if theirs.best_loss_ is None:
        np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-6)
        assert ours.best_validation_score_ == pytest.approx(theirs.best_validation_score_, rel=1e-6)
        assert ours.best_loss_ is None
    else:
        assert ours.best_loss_ == pytest.approx(theirs.best_loss_, rel=LIKE)
        assert ours.validation_scores_ is ours.best_validation_score_ is None


@pytest.mark.skipif(not has_weights, reason="this scikit-learn takes no weights")
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_weights_mean_the_same(name, early_stopping):
    X, y = CLASSIFICATION["iris"]() if name == "MLPClassifier" else REGRESSION["three outputs"]()
    weights = np.random.default_rng(5).uniform(0.1, 3, len(X))
    settings = {"alpha": 0.5, "batch_size": 40, "early_stopping": early_stopping}
    theirs, ours = both(name, X, y, weights, **settings)
    assert_same(theirs, ours, X)
    if early_stopping:
        np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-6)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_lbfgs_finds_the_same(name):
    X, y = CLASSIFICATION["iris"]() if name == "MLPClassifier" else REGRESSION["diabetes"]()
    weights = np.random.default_rng(5).uniform(0.1, 3, len(X)) if has_weights else None
    theirs, ours = both(name, X, y, weights, solver="lbfgs", activation="tanh", max_iter=10, alpha=0.1)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-8)
    assert ours.n_iter_ == theirs.n_iter_
    assert not hasattr(ours, "loss_curve_")
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_partial_fit_takes_the_same_steps(solver):
    X, y = CLASSIFICATION["wine"]()
    fits = []
    for module in (neural_network, mlpc):
        model = module.MLPClassifier((16, 9), solver=solver, random_state=0)
        for start in range(0, len(X), 50):
            model.partial_fit(X[start : start + 50], y[start : start + 50], classes=[0, 1, 2])
        fits.append(model)
    assert_same(*fits, X)


MESSAGES = {
    "max_iter": ({"max_iter": 2}, {}),
    "batch_size": ({"max_iter": 2, "batch_size": 1000}, {}),
    "lbfgs": ({"max_iter": 2, "solver": "lbfgs"}, {}),
    "no layers": ({"hidden_layer_sizes": (3, 0)}, {}),
    "solver": ({"solver": "newton"}, {}),
    "a set to stop by that is too small": ({"early_stopping": True}, {"rows": 3}),
    "one row of a class": ({"early_stopping": True}, {"rows": 51}),
}


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("settings, data", MESSAGES.values(), ids=MESSAGES)
def test_words_are_the_same(settings, data):
    X, y = CLASSIFICATION["iris"]()
    X, y = X[: data.get("rows", 100)], y[: data.get("rows", 100)]
    said = []
    for module in (neural_network, mlpc):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                module.MLPClassifier(random_state=0, **settings).fit(X, y)
                error = None
            except ValueError as refused:
                error = type(refused), str(refused)
        said.append((error, [(each.category, str(each.message)) for each in caught]))
    assert said[0] != (None, [])
    if settings.get("solver") == "newton":  # of which one lists more than the other
        said = [(error[0], error[1].split(".")[0]) for error, _ in said]
        said = [(kind, text.partition("a str among")[0]) for kind, text in said]
    assert said[0] == said[1]


def test_it_is_the_warning_of_scikit_learn():
    X, y = CLASSIFICATION["iris"]()
    with pytest.warns(exceptions.ConvergenceWarning, match="hasn't converged yet"):
        mlpc.MLPClassifier(max_iter=2).fit(X, y)


def test_verbose_prints_the_same(capsys):
    X, y = CLASSIFICATION["iris"]()
    printed = []
    for module in (neural_network, mlpc):
        for rate in ("constant", "adaptive"):
            module.MLPClassifier(
                solver="sgd", random_state=0, max_iter=30, verbose=True, tol=0.1, n_iter_no_change=2, learning_rate=rate
            ).fit(X, y)
            module.MLPClassifier(random_state=0, max_iter=6, verbose=True, early_stopping=True).fit(X, y)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


SETS = {name: ("MLPClassifier", load, {}) for name, load in CLASSIFICATION.items()}
SETS |= {name: ("MLPRegressor", load, {}) for name, load in REGRESSION.items()}
SETS |= {"counts": ("MLPRegressor", counts, {"loss": "poisson"} if has_poisson else {})}
SEEDS = range(10)  # of initial values, shuffles, and the rows that are held out
TO_THE_END = pytest.param(None, {"max_iter": 300}, marks=pytest.mark.slow, id="to the end")


@pytest.mark.parametrize("most, settings", [pytest.param(200, {"max_iter": 10}, id="in short"), TO_THE_END])
@pytest.mark.parametrize("name", SETS)
def test_models_are_as_good(name, most, settings):
    """Over several seeds, on rows held out: the mean is not more than two of its standard errors lower."""
    kind, load, of_set = SETS[name]
    X, y = load()
    theirs, ours = [], []
    for seed in SEEDS:
        rows = np.random.default_rng(seed).permutation(X.shape[0])[:most]
        train, test = rows[len(rows) // 3 :], rows[: len(rows) // 3]
        for module, scores in ((neural_network, theirs), (mlpc, ours)):
            arguments = {"hidden_layer_sizes": (16,), "learning_rate_init": 0.01, "random_state": seed}
            model = getattr(module, kind)(**arguments, **settings, **of_set)
            scores.append(model.fit(X[train], y[train]).score(X[test], y[test]))
    assert np.mean(ours) >= np.mean(theirs) - 2 * np.std(theirs, ddof=1) / len(SEEDS) ** 0.5
