"""Arguments that estimators refuse, in words that name them, and extremes that must not lead to a silent answer."""

import numpy as np
import pytest

import mlpc

pytest.importorskip("sklearn")
from sklearn import datasets, preprocessing

X, Y = datasets.load_iris(return_X_y=True)
X = preprocessing.scale(X)
NUMBERS = X[:, :2] * X[:, 2:]
LABELS = (NUMBERS > 0).astype(int)
SETTINGS = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifier(**settings):
    return mlpc.MLPClassifier(**SETTINGS | settings)


def regressor(**settings):
    return mlpc.MLPRegressor(**SETTINGS | settings)


@pytest.mark.parametrize("first, second", [(Y, LABELS), (LABELS[:, 0], LABELS), (LABELS, LABELS[:, 0])])
def test_labels_of_another_kind(first, second):
    """One class for each row, or several labels: a number of a class is no row of labels."""
    text = "not fitted with multilabel input" if second.ndim == 2 else "y: expected 0 and 1 in 2 columns, as before"
    with pytest.raises(ValueError, match=text):
        classifier().fit(X, first).partial_fit(X, second)
    with pytest.raises(ValueError, match=text):
        classifier().fit(X, first, validation_data=(X, second))


def test_classes_that_several_labels_do_not_have():
    with pytest.raises(ValueError, match=r"`y` has classes not in `self.classes_`. `self.classes_` has \[0\]"):
        classifier().partial_fit(X, LABELS, classes=[0])


@pytest.mark.filterwarnings("ignore:R.2 score is not well-defined")
def test_a_score_that_is_no_number_stops_nothing_silently():
    """With nothing to compare, the network kept would be that of before the first epoch."""
    with pytest.raises(
        ValueError, match="early_stopping: expected rows held back that have a score, got nan of 1 rows"
    ):
        regressor(early_stopping=True).fit(X, NUMBERS, validation_data=(X[:1], NUMBERS[:1]))
    assert np.isnan(regressor().fit(X, NUMBERS, validation_data=(X[:1], NUMBERS[:1])).history_["val_score"]).all()


@pytest.mark.parametrize("heavy, name", [(range(1), "held back"), (range(150), None)], ids=["one row", "all rows"])
@pytest.mark.parametrize("make, y", [(classifier, Y), (regressor, NUMBERS)], ids=["classifier", "regressor"])
def test_weights_of_rows_held_back(make, y, heavy, name):
    weights = np.zeros(len(X))
    weights[list(heavy)] = 1
    if name is None:
        make(early_stopping=True).fit(X, y, weights)
        return
    with pytest.raises(ValueError, match=f"sample_weight: expected rows that weigh something among those {name}"):
        make(early_stopping=True).fit(X, y, weights)


def test_no_rows_to_hold_back():
    with pytest.raises(ValueError, match="validation_fraction: expected a number > 0 with early_stopping, got 0"):
        classifier(early_stopping=True, validation_fraction=0).fit(X, Y)


@pytest.mark.parametrize(
    "settings", [{"clip_norm": 1.0}, {"callbacks": [lambda net, history: True]}], ids=["clip", "calls"]
)
def test_lbfgs_ignores_nothing(settings):
    [name] = settings
    with pytest.raises(ValueError, match=f"{name}: expected None with lbfgs"):
        classifier(solver="lbfgs", **settings).fit(X, Y)


@pytest.mark.parametrize("units", [5.5, (5,), None, "5", float("nan")], ids=str)
def test_units_that_are_no_number(units):
    with pytest.raises(TypeError, match=r"hidden_layer_sizes\[0\]: expected an integer"):
        classifier(hidden_layer_sizes=(units,)).fit(X, Y)


def test_targets_that_are_no_numbers():
    with pytest.raises(TypeError, match="y: expected real numbers, got dtype <U"):
        regressor().fit(X, Y.astype(str))
    with pytest.raises(ValueError, match=r"y: expected finite numbers, got 1e\+200, too large for float32, at \[3\]"):
        regressor().fit(X.astype(np.float32), np.where(np.arange(150) == 3, 1e200, 1.0))


@pytest.mark.parametrize("ask", ["predict", "predict_proba", "transform"])
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_numbers_that_are_too_large_for_the_network(ask):
    """They are finite as they come."""
    model = classifier(dtype="float32").fit(X, Y)
    with pytest.raises(ValueError, match=r"infinity or a value too large for dtype\('float32'\)"):
        getattr(model, ask)(np.full((2, 4), 1e300))


@pytest.mark.parametrize("norm", [mlpc.layers.BatchNorm(momentum=0.5), mlpc.layers.LayerNorm(eps=0.1)], ids=str)
def test_norms_with_settings(norm):
    model = classifier(norm=norm).fit(X, Y)
    assert model.network_.digest() == classifier(norm=[norm]).fit(X, Y).network_.digest()
    assert model.network_.digest() != classifier(norm=norm.name).fit(X, Y).network_.digest() or norm.name == "batch"
    assert model.network_.layers[1].eps == norm.eps


def test_the_network_knows_the_names_of_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = classifier().fit(frame, Y)
    assert model.network_.feature_names == ("a", "b", "c", "d")
    with pytest.raises(ValueError, match="x: expected the columns in the order that fit had"):
        model.network_.predict(frame[list("dcba")])
    np.testing.assert_array_equal(model.network_.predict(frame), model.predict(frame))
    assert mlpc.MLPClassifier.from_sklearn(model.to_sklearn()).network_.feature_names == ("a", "b", "c", "d")
    assert classifier().fit(X, Y).network_.feature_names is None


def test_the_rate_that_is_told_is_the_parameter():
    """Not what adam makes of it in its first steps."""
    assert set(classifier(learning_rate_init=0.01).fit(X, Y).history_["lr"]) == {0.01}
    with pytest.raises(mlpc.DivergenceError) as caught:
        regressor(learning_rate_init=0.25).fit(X * 1e200, NUMBERS)
    assert caught.value.lr == 0.25
    assert "at learning rate 0.25:" in str(caught.value)


@pytest.mark.parametrize("make", [classifier, regressor])
def test_lbfgs_has_no_partial_fit(make):
    assert not hasattr(make(solver="lbfgs"), "partial_fit")
    with pytest.raises(AttributeError, match="has no attribute 'partial_fit'"):
        make(solver="lbfgs").partial_fit(X, Y)


@pytest.mark.parametrize("ask", ["predict", "predict_proba", "transform"])
@pytest.mark.parametrize("form", [lambda x: x, list], ids=["array", "list of rows"])
def test_what_a_mask_hides_is_not_asked_about(ask, form):
    model, masked = classifier().fit(X, Y), np.ma.array(X, mask=X > 1)
    with pytest.raises(ValueError, match=r"^X: expected numbers, got a masked array"):
        getattr(model, ask)(form(masked))
    np.testing.assert_array_equal(getattr(model, ask)(form(np.ma.array(X))), getattr(model, ask)(X))


@pytest.mark.parametrize("make, y", [(classifier, Y), (regressor, NUMBERS)], ids=["classifier", "regressor"])
def test_weights_at_the_ends_of_what_a_double_holds(make, y):
    """A batch of rows that weigh a subnormal number is as one of rows that weigh nothing."""
    weights = np.repeat([1.0, 5e-324], 75)
    batches = {"batch_size": 25, "shuffle": False}
    tiny, none = (make(**batches).fit(X, y, each) for each in (weights, np.repeat([1.0, 0.0], 75)))
    assert tiny.network_.digest() == none.network_.digest()
    assert tiny.loss_curve_ == none.loss_curve_
    with pytest.raises(ValueError, match=r"^sample_weight: expected rows that weigh something"):
        make().fit(X, y, np.full(150, 5e-324))
    with pytest.raises(ValueError, match=r"^sample_weight: expected a finite sum, got inf"):
        make().fit(X, y, np.full(150, 1e307))


def test_the_loss_of_rows_that_weigh_next_to_nothing_is_a_number_without_penalties():
    """Their sum divides the penalties."""
    weights = np.full(150, 3e-308)
    light, heavy = (regressor(alpha=0, solver="sgd", batch_size=1).fit(X, NUMBERS, each) for each in (weights, None))
    np.testing.assert_allclose(light.loss_curve_, heavy.loss_curve_, rtol=1e-6)
