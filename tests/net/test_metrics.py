"""Metrics are scikit-learn's functions of what a network predicts, by name or as a function, in fit and in score."""

import sys
import warnings

import numpy as np
import pytest

import mlpc
from mlpc.callbacks import Checkpoint, EarlyStopping
from mlpc.metrics import Metric

sk = pytest.importorskip("sklearn.metrics")


def samples(loss, n_out, n=60, seed=0):
    """x of 5 columns, and y that a network of this loss can learn."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    z = x @ rng.normal(size=(5, n_out)) + rng.normal(size=(n, n_out))
    if loss == "cross_entropy":
        return x, z.argmax(axis=1)
    return x, (z > 0).astype(float) if loss == "bce_with_logits" else z


def network(loss, n_out, **options):
    return mlpc.MLP([5, 6, n_out], loss=loss, seed=3, **options)


LABELS = {
    "balanced_accuracy": sk.balanced_accuracy_score,
    "mcc": sk.matthews_corrcoef,
    "kappa": sk.cohen_kappa_score,
    "precision": lambda *y, **k: sk.precision_score(*y, average="macro", zero_division=0, **k),
    "recall": lambda *y, **k: sk.recall_score(*y, average="macro", zero_division=0, **k),
    "f1": lambda *y, **k: sk.f1_score(*y, average="macro", zero_division=0, **k),
}
NUMBERS = {
    "r2": sk.r2_score,
    "mae": sk.mean_absolute_error,
    "mse": sk.mean_squared_error,
    "rmse": sk.root_mean_squared_error,
    "mape": sk.mean_absolute_percentage_error,
    "median_ae": sk.median_absolute_error,
    "explained_variance": sk.explained_variance_score,
}
WEIGHTS = np.random.default_rng(5).integers(0, 4, 60).astype(float)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
@pytest.mark.parametrize("name", LABELS)
def test_of_labels(name, weights):
    x, y = samples("cross_entropy", 4)
    net = network("cross_entropy", 4)
    expected = LABELS[name](y, net.predict(x), sample_weight=weights)
    assert net.score(x, y, name, sample_weight=weights) == expected


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
@pytest.mark.parametrize("n_out", [1, 3])
@pytest.mark.parametrize("name", NUMBERS)
def test_of_numbers(name, n_out, weights):
    x, y = samples("mse", n_out)
    net = network("mse", n_out, dtype="float64")
    expected = NUMBERS[name](y, net.predict(x), sample_weight=weights)
    np.testing.assert_allclose(net.score(x, y, name, sample_weight=weights), expected, rtol=1e-12)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
@pytest.mark.parametrize("name", ["precision", "recall", "f1", "auc", "average_precision"])
def test_of_two_classes_are_those_of_the_second_one(name, weights):
    functions = {"auc": sk.roc_auc_score, "average_precision": sk.average_precision_score}
    for loss, n_out in (("cross_entropy", 2), ("bce_with_logits", 1)):
        x, y = samples(loss, n_out)
        net = network(loss, n_out)
        probabilities = net.predict_proba(x)
        predicted = net.predict(x)
        if name in functions:
            predicted = probabilities[:, 1] if n_out == 2 else probabilities
        function = functions.get(name) or getattr(sk, f"{name}_score")
        assert net.score(x, y, name, sample_weight=weights) == function(y.ravel(), predicted, sample_weight=weights)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["alike", "weighted"])
def test_of_probabilities_of_several_classes(weights):
    x, y = samples("cross_entropy", 4)
    net = network("cross_entropy", 4, dtype="float64")
    p = net.predict_proba(x)
    found = net.measure(x, y, ["auc", "average_precision", "top_2", "top_3"], sample_weight=weights)
    expected = {
        "auc": sk.roc_auc_score(y, p, multi_class="ovr", sample_weight=weights),
        "average_precision": sk.average_precision_score(y, p, sample_weight=weights),
        "top_2": sk.top_k_accuracy_score(y, p, k=2, sample_weight=weights),
        "top_3": sk.top_k_accuracy_score(y, p, k=3, sample_weight=weights),
    }
    assert found == pytest.approx(expected, rel=1e-12)


def test_of_several_labels_at_once():
    x, y = samples("bce_with_logits", 3)
    net = network("bce_with_logits", 3)
    found = net.measure(x, y, ["f1", "auc", "accuracy"])
    assert found["f1"] == sk.f1_score(y, net.predict(x), average="macro")
    assert found["auc"] == sk.roc_auc_score(y, net.predict_proba(x))
    assert found["accuracy"] == pytest.approx((y == net.predict(x)).mean(), rel=1e-12)


def test_of_equally_likely_classes_the_first_count():
    net = mlpc.MLP([5, 4], init="zeros")
    assert [net.score(np.ones((1, 5)), [label], "top_2") for label in range(4)] == [1, 1, 0, 0]


def test_a_class_that_no_row_has_is_no_error():
    x, y = samples("cross_entropy", 4)
    net = network("cross_entropy", 4)
    some = y < 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(net.score(x[some], y[some], "auc"))
        assert 0 <= net.score(x[some], y[some], "average_precision") <= 1


# ---- score -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("loss", "n_out"), [("cross_entropy", 4), ("bce_with_logits", 1), ("bce_with_logits", 3)])
def test_score_is_the_accuracy(loss, n_out):
    x, y = samples(loss, n_out)
    net = network(loss, n_out)
    assert net.score(x, y) == pytest.approx(net.evaluate(x, y)[1], rel=1e-12)
    right = (y.reshape(60, -1) == net.predict(x).reshape(60, -1)).mean(axis=1)
    assert net.score(x, y, sample_weight=WEIGHTS) == pytest.approx(np.average(right, weights=WEIGHTS), rel=1e-12)


def test_score_of_probabilities_counts_the_most_likely():
    x, y = samples("cross_entropy", 4)
    net = network("cross_entropy", 4)
    assert net.score(x, 0.2 + 0.2 * np.eye(4)[y]) == net.score(x, y)


@pytest.mark.parametrize("y", [[1.0, 2.0, 4.0], [2.0, 2.0, 2.0], [[1.0, 2.0], [2.0, 2.0], [5.0, 2.0]]])
def test_score_of_regression_is_r2_score(y):
    y = np.array(y)
    net = mlpc.MLP([1, 1 if y.ndim == 1 else 2], loss="mse", dtype="float64", seed=1)
    x = np.array([[1.0], [2.0], [4.0]])
    assert net.score(x, y) == pytest.approx(sk.r2_score(y, net.predict(x)), rel=1e-12)


def test_r2_of_alike_targets_that_are_met_is_1_and_of_one_row_nan():
    net = mlpc.MLP([1, 1], loss="mse", init="zeros")
    assert net.score([[1.0], [2.0]], [0.0, 0.0]) == 1
    assert net.score([[1.0], [2.0]], [1.0, 1.0]) == 0
    assert np.isnan(net.score([[1.0]], [0.0]))


def test_score_needs_nothing_but_numpy(monkeypatch):
    for name in ("sklearn", "sklearn.metrics"):
        monkeypatch.setitem(sys.modules, name, None)
    x, y = samples("cross_entropy", 4)
    assert 0 <= network("cross_entropy", 4).score(x, y) <= 1
    assert network("mse", 1).score(x, y) < 1
    with pytest.raises(ImportError, match="'f1' needs scikit-learn: pip install scikit-learn"):
        network("cross_entropy", 4).fit(x, y, metrics=["f1"])


def test_bytes_are_scored_with_their_scale():
    x = np.random.default_rng(0).integers(0, 256, (60, 5)).astype(np.uint8)
    y = samples("cross_entropy", 4)[1]
    net = network("cross_entropy", 4)
    assert net.score(x, y, "top_2", scale=1 / 255) == net.score(x * np.float32(1 / 255), y, "top_2")


# ---- The loss of each class ------------------------------------------------------------------------------------------


def test_loss_per_class_is_the_loss_of_its_rows():
    x, y = samples("cross_entropy", 4)
    net = network("cross_entropy", 4)
    losses = net.loss_per_class(x, y, sample_weight=WEIGHTS + 1)
    for label in range(4):
        rows = y == label
        assert losses[label] == net.evaluate(x[rows], y[rows], sample_weight=WEIGHTS[rows] + 1)[0]
    assert np.isnan(net.loss_per_class(x[y != 2], y[y != 2])).tolist() == [False, False, True, False]


def test_loss_per_class_of_one_output_has_two():
    x, y = samples("bce_with_logits", 1)
    net = network("bce_with_logits", 1)
    ones = y.ravel() == 1
    assert net.loss_per_class(x, y).tolist() == [net.evaluate(x[rows], y[rows])[0] for rows in (~ones, ones)]


@pytest.mark.parametrize(
    ("loss", "n_out", "y", "message"),
    [
        ("mse", 1, np.zeros(60), "expected cross_entropy, or bce_with_logits of one output, got mse of 1"),
        ("bce_with_logits", 3, np.zeros((60, 3)), "got bce_with_logits of 3"),
        ("cross_entropy", 4, np.full((60, 4), 0.25), r"expected labels of shape \(n,\), got probabilities of shape"),
        ("bce_with_logits", 1, np.full(60, 0.5), "expected labels"),
    ],
)
def test_loss_per_class_wants_labels(loss, n_out, y, message):
    with pytest.raises(ValueError, match=message):
        network(loss, n_out).loss_per_class(samples(loss, n_out)[0], y)


# ---- In fit ----------------------------------------------------------------------------------------------------------


def largest_error(y_true, y_pred):
    return abs(y_true - y_pred).max()


def test_fit_records_them_of_both_data():
    x, y = samples("cross_entropy", 4)
    net = network("cross_entropy", 4)
    metrics = ["accuracy", "f1", "top_2", Metric("p0", lambda y_true, y_pred: y_pred[:, 0].mean(), "probabilities")]
    history = net.fit(x[:40], y[:40], epochs=2, validation_data=(x[40:], y[40:]), metrics=metrics, progress=False)
    figures = ["loss", "accuracy", "f1", "top_2", "p0"]
    assert list(history) == [*figures, *(f"val_{name}" for name in figures), "lr", "seconds"]
    assert history["f1"][-1] == sk.f1_score(y[:40], net.predict(x[:40]), average="macro", zero_division=0)
    assert history["val_f1"][-1] == sk.f1_score(y[40:], net.predict(x[40:]), average="macro", zero_division=0)
    assert history["val_top_2"][-1] == net.score(x[40:], y[40:], "top_2")
    assert history["val_p0"][-1] == net.predict_proba(x[40:])[:, 0].mean()


def test_fit_weighs_rows_in_metrics_that_take_weights():
    x, y = samples("mse", 1)
    net = network("mse", 1)
    history = net.fit(
        x[:40], y[:40], epochs=1, sample_weight=WEIGHTS[:40], validation_data=(x[40:], y[40:], WEIGHTS[40:]),
        metrics=["mae", largest_error], progress=False,
    )  # fmt: skip
    assert history["mae"] == [net.score(x[:40], y[:40], "mae", sample_weight=WEIGHTS[:40])]
    assert history["val_mae"] == [net.score(x[40:], y[40:], "mae", sample_weight=WEIGHTS[40:])]
    assert history["val_mae"] != [net.score(x[40:], y[40:], "mae")]
    assert history["val_largest_error"] == [abs(y[40:, 0] - net.predict(x[40:])).max()]
    assert history["val_loss"] == [net.evaluate(x[40:], y[40:], sample_weight=WEIGHTS[40:])[0]]


def test_metrics_change_nothing_of_the_training():
    x, y = samples("cross_entropy", 4)
    plain, measured = network("cross_entropy", 4), network("cross_entropy", 4)
    plain.fit(x, y, epochs=3, progress=False)
    measured.fit(x, y, epochs=3, metrics=["f1", "auc"], progress=False)
    assert measured.digest() == plain.digest()


def test_what_becomes_of_y_and_weights_later_does_not_count():
    x, y = samples("cross_entropy", 4)
    weights = np.ones(60)
    net = network("cross_entropy", 4)
    run = mlpc.training.Run(net, x, y, validation_data=(x, y, weights), metrics=["f1"])
    given = y.copy()
    y[:], weights[:40] = 0, 0
    assert run.epoch()["val_f1"] == net.score(x, given, "f1")


def test_early_stopping_goes_by_a_metric():
    x, y = samples("cross_entropy", 4)
    stopping = EarlyStopping("val_f1", patience=2)
    net = network("cross_entropy", 4)
    history = net.fit(
        x[:40], y[:40], epochs=50, lr=0.5, validation_data=(x[40:], y[40:]), metrics=["f1"], callbacks=[stopping],
        progress=False,
    )  # fmt: skip
    assert stopping.best == max(history["val_f1"]) == net.score(x[40:], y[40:], "f1")
    assert history.epochs == stopping.best_epoch + 2 < 50


def test_a_resumed_run_has_the_columns(tmp_path):
    x, y = samples("cross_entropy", 4)

    def train(path, epochs, metrics=("f1", "top_2")):
        net = network("cross_entropy", 4)
        keep = Checkpoint(path, keep_best="val_f1")
        history = net.fit(
            x, y, epochs=epochs, validation_split=0.25, metrics=metrics, callbacks=[keep], resume=path, progress=False
        )
        return {name: column for name, column in history.items() if name != "seconds"}, net.digest()

    path = tmp_path / "run.npz"
    train(path, 2)
    assert train(path, 4) == train(tmp_path / "other.npz", 4)
    with pytest.raises(ValueError, match=r"missing: \['history.auc', 'history.val_auc'\]"):
        train(path, 5, ["f1", "auc", "top_2"])


@pytest.mark.parametrize("value", [None, "0.5", [0.5], 1j, np.ones(2), True])
def test_a_metric_that_returns_no_number_is_named(value):
    x, y = samples("cross_entropy", 4)
    with pytest.raises(TypeError, match=r"^gain: expected a metric that returns one real number, got "):
        network("cross_entropy", 4).fit(x, y, metrics=[Metric("gain", lambda y_true, y_pred: value)], progress=False)


@pytest.mark.parametrize("value", [1, 0.25, np.float32(0.25), np.array(0.25), np.nan])
def test_every_kind_of_number_will_do(value):
    x, y = samples("cross_entropy", 4)
    gain = Metric("gain", lambda y_true, y_pred: value)
    np.testing.assert_equal(network("cross_entropy", 4).score(x, y, gain), float(value))


# ---- What is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "n_out", "metrics", "error", "message"),
    [
        ("cross_entropy", 4, "f1", TypeError, r'metrics: expected a list such as \["f1", "auc"\], got \'f1\''),
        ("cross_entropy", 4, None, TypeError, "metrics: expected a list"),
        ("cross_entropy", 4, ["f2"], ValueError, r"metrics\[0\]: expected one of accuracy, top_5, r2, .*, got 'f2'"),
        ("cross_entropy", 4, ["top_0"], ValueError, "expected one of"),
        ("cross_entropy", 4, ["f1", "top_4"], ValueError, r"metrics\[1\]: expected cross_entropy of more than 4 class"),
        ("bce_with_logits", 4, ["top_2"], ValueError, "got bce_with_logits of 4"),
        ("cross_entropy", 4, ["r2"], ValueError, "expected a loss of regression with 'r2', got cross_entropy"),
        ("mse", 4, ["f1"], ValueError, "expected a loss of classification with 'f1', got mse"),
        ("mse", 4, ["accuracy"], ValueError, "expected a loss of classification with 'accuracy', got mse"),
        ("mse", 4, [3], TypeError, r"metrics\[0\]: expected a name, a function of \(y_true, y_pred\) or a Metric"),
        ("mse", 4, [Metric], TypeError, "expected a name, a function"),
        ("mse", 4, [lambda y_true, y_pred: 0], ValueError, "expected a function with a name"),
        ("mse", 4, ["mae", "mae"], ValueError, "metrics: expected different names, got 'mae' twice"),
        ("cross_entropy", 4, [Metric("accuracy", largest_error)], ValueError, "different names, got 'accuracy' twice"),
    ],
)
def test_what_is_no_metric_is_refused_before_anything_changes(loss, n_out, metrics, error, message):
    net = network(loss, n_out)
    before = net.digest()
    with pytest.raises(error, match=message):
        net.fit(*samples(loss, n_out), metrics=metrics, progress=False)
    assert net.digest() == before and net.history is None


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("val_f1", largest_error), ValueError, "name: expected none of .* no 'val_' before it, got 'val_f1'"),
        (("loss", largest_error), ValueError, "name: expected none of epoch, epochs, loss"),
        (("a b", largest_error), ValueError, "name: expected letters, digits and underscores"),
        (("gain", "f1"), TypeError, r"function: expected a function of \(y_true, y_pred\), got 'f1'"),
        (("gain", largest_error, "logits"), ValueError, "needs: expected one of predictions, labels, .*, got 'logits'"),
    ],
)
def test_a_metric_says_what_is_wrong(arguments, error, message):
    with pytest.raises(error, match=message):
        Metric(*arguments)
