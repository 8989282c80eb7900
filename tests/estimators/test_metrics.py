"""By what an estimator stops early: metrics of one's own, and scikit-learn's scorers."""

import functools

import numpy as np
import pytest

import mlpc

pytest.importorskip("sklearn")
from sklearn import base, datasets, metrics, preprocessing

X, Y = datasets.load_iris(return_X_y=True)
X = preprocessing.scale(X)
NUMBERS = np.stack([X[:, 0] * X[:, 1], X[:, 2]], axis=1)
ROWS = np.random.default_rng(0).permutation(len(X))
X, Y, NUMBERS = X[ROWS], Y[ROWS], NUMBERS[ROWS]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_a_metric_of_ones_own_stops_it():
    f1 = functools.partial(metrics.f1_score, average="macro")
    names = np.array(["a", "b", "c"])[Y]
    model = mlpc.MLPClassifier((5,), early_stopping=True, metric=f1, random_state=0, n_iter_no_change=2)
    model.fit(X[:100], names[:100], validation_data=(X[100:], names[100:]))
    assert model.best_validation_score_ == f1(names[100:], model.predict(X[100:]))
    by_loss = base.clone(model).set_params(metric="loss")
    by_loss.fit(X[:100], names[:100], validation_data=(X[100:], names[100:]))
    assert by_loss.best_validation_score_ == -min(by_loss.history_["val_loss"])
    numbers = mlpc.MLPRegressor(
        hidden_layer_sizes=(5,),
        early_stopping=True,
        random_state=0,
        n_iter_no_change=2,
        metric=lambda y, z: -metrics.mean_absolute_error(y, z),
    )
    numbers.fit(X[:100], NUMBERS[:100], validation_data=(X[100:], NUMBERS[100:]))
    least = metrics.mean_absolute_error(NUMBERS[100:], numbers.predict(X[100:]))
    assert numbers.best_validation_score_ == pytest.approx(-least, rel=1e-14)


SCORERS = {
    "a name": ("f1_macro", "MLPClassifier", Y),
    "of probabilities": ("neg_log_loss", "MLPClassifier", Y),
    "of two classes": ("roc_auc", "MLPClassifier", np.array(["no", "yes"])[(Y > 0).astype(int)]),
    "of several labels": ("f1_samples", "MLPClassifier", np.eye(3, dtype=int)[Y]),
    "a scorer": (metrics.make_scorer(metrics.fbeta_score, beta=2, average="macro"), "MLPClassifier", Y),
    "of numbers": ("neg_mean_absolute_error", "MLPRegressor", NUMBERS),
}


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("metric, kind, y", SCORERS.values(), ids=SCORERS)
@pytest.mark.filterwarnings("error")
def test_scikit_learns_scorers_stop_it(metric, kind, y, sparse):
    """Also of rows that came with names, of which it would warn."""
    table = pytest.importorskip("scipy.sparse").csr_matrix if sparse else pytest.importorskip("pandas").DataFrame
    model = getattr(mlpc, kind)(early_stopping=True, metric=metric, random_state=0, n_iter_no_change=2, max_iter=99)
    held, weights = table(X[100:]), np.linspace(0.5, 1, 50)
    model.set_params(tol=1e-3).fit(table(X[:100]), y[:100], validation_data=(held, y[100:], weights))
    scorer = metrics.get_scorer(metric)
    assert scorer(model, held, y[100:], sample_weight=weights) == pytest.approx(model.best_validation_score_, rel=1e-12)


FUNCTION = r"metric: expected a function \(y_true, y_pred\) that gives a number, got "


@pytest.mark.parametrize(
    "metric, error, text",
    [
        ("f1_makro", ValueError, r"The 'metric' parameter of MLPClassifier must be a str among \{.*'f1_macro', "),
        (1.0, ValueError, "The 'metric' parameter of MLPClassifier must be a str among"),
        (metrics.confusion_matrix, TypeError, f"^{FUNCTION}array"),
        (lambda y, z: None, TypeError, f"^{FUNCTION}None from it"),
    ],
    ids=["no name", "a number", "a matrix", "None"],
)
def test_metrics_that_are_none(metric, error, text):
    with pytest.raises(error, match=text):
        mlpc.MLPClassifier(early_stopping=True, metric=metric, max_iter=2).fit(X, Y)
