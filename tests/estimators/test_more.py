"""What the estimators can do and scikit-learn's cannot, beside networks that are trained by `MLP.fit`."""

import functools
import inspect
import io
import pickle
import sys
import warnings

import numpy as np
import pytest

import mlpc

pytest.importorskip("sklearn")
from scipy import sparse as scipy_sparse
from sklearn import base, datasets, exceptions, preprocessing

X, Y = datasets.load_iris(return_X_y=True)
X = preprocessing.scale(X)
NUMBERS = np.stack([X[:, 0] * X[:, 1], X[:, 2]], axis=1)
ROWS = np.random.default_rng(0).permutation(len(X))
X, Y, NUMBERS = X[ROWS], Y[ROWS], NUMBERS[ROWS]
EPOCHS = 4
ALWAYS = {"n_iter_no_change": np.inf, "max_iter": EPOCHS, "random_state": 3, "shuffle": False, "batch_size": 40}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fitted(kind=mlpc.MLPClassifier, y=Y, **settings):
    arguments = ALWAYS | {"hidden_layer_sizes": (9, 7)} | settings
    return kind(**arguments).fit(X, y)


def network_like(model, x=X, **plan):
    """A network that starts where the model's did, by the arguments of `MLP`."""
    start = base.clone(model).set_params(learning_rate="constant", learning_rate_init=1e-300, max_iter=1, alpha=0, l1=0)
    start = start.set_params(callbacks=None, solver="sgd", momentum=0, early_stopping=False).fit(x, Y)
    first = start.network_
    return mlpc.MLP(first.sizes, dtype="float64", init=init_of(first), seed=first.seed, **plan)


def init_of(net):
    """Its parameters, as `MLP` takes them."""
    return [view.copy() for view in net._tensors().values()]


PLANS = {
    "plain": ({}, {}),
    "activations": (
        {"activation": ["gelu", mlpc.layers.LeakyReLU(0.2)]},
        {"activation": ["gelu", mlpc.layers.LeakyReLU(0.2)]},
    ),
    "dropout": ({"dropout": 0.3, "input_dropout": 0.1}, {"dropout": 0.3, "input_dropout": 0.1}),
    "dropout by layer": ({"dropout": [0.3, 0.0]}, {"dropout": [0.3, 0.0]}),
    "batch norm": ({"norm": "batch"}, {"norm": "batch"}),
    "norms": ({"norm": ["layer", None]}, {"norm": ["layer", None]}),
    "logistic": ({"activation": ("logistic", "tanh")}, {"activation": ["sigmoid", "tanh"]}),
    **{name: ({"activation": name}, {"activation": name}) for name in mlpc.layers.ACTIVATIONS},
}


@pytest.mark.parametrize("settings, plan", PLANS.values(), ids=PLANS)
def test_networks_are_those_of_fit(settings, plan):
    model = fitted(alpha=0, solver="sgd", learning_rate_init=0.05, **settings)
    net = network_like(model, **plan)
    optimizer = mlpc.optim.SGD(net, 0.05, momentum=0.9, nesterov=True)
    history = net.fit(X, Y, epochs=EPOCHS, batch_size=40, shuffle=False, optimizer=optimizer, progress=False)
    np.testing.assert_allclose(model.network_.parameters, net.parameters, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(model.network_._statistics, net._statistics, rtol=1e-12, atol=1e-14)
    if not any(net.dropout) and "batch" not in net.norms:
        np.testing.assert_allclose(model.loss_curve_, history["loss"], rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), net.predict(X))


WEIGHTS = {"*": {"weight_decay": 0.0}, "0.weight": {"weight_decay": 1.0}, "2.weight": {"weight_decay": 1.0}}
WEIGHTS |= {"4.weight": {"weight_decay": 1.0}}
CLIPPED = functools.partial(mlpc.optim.SGD, momentum=0.9, nesterov=True, clip_norm=0.2)
OPTIMIZERS = {
    # whose epsilon stands elsewhere: too small to count
    "adam": ({"alpha": 0, "epsilon": 1e-30}, functools.partial(mlpc.optim.Adam, eps=1e-30)),
    "adamw": ({"alpha": 0.1}, functools.partial(mlpc.optim.AdamW, weight_decay=0.1, groups=WEIGHTS)),
    "rmsprop": ({"alpha": 0, "epsilon": 1e-3}, functools.partial(mlpc.optim.RMSprop, eps=1e-3)),
    "adagrad": ({"alpha": 0}, functools.partial(mlpc.optim.Adagrad, eps=1e-8)),
    "rprop": ({"alpha": 0, "batch_size": 150}, mlpc.optim.Rprop),
    "sgd": (
        {"alpha": 0, "clip_norm": 0.2},
        functools.partial(mlpc.optim.SGD, momentum=0.9, nesterov=True, clip_norm=0.2),
    ),
}


@pytest.mark.parametrize("rate", [0.02, mlpc.schedules.Cosine(0.05, epochs=EPOCHS)], ids=["constant", "cosine"])
@pytest.mark.parametrize("solver", OPTIMIZERS)
def test_solvers_are_those_of_fit(solver, rate):
    settings, make = OPTIMIZERS[solver]
    given = {"learning_rate": rate} if callable(rate) else {"learning_rate_init": rate}
    model = fitted(solver=solver, **given, **settings)
    net = network_like(model)
    rows = settings.get("batch_size", 40)
    history = net.fit(X, Y, epochs=EPOCHS, batch_size=rows, shuffle=False, optimizer=make(net, rate), progress=False)
    np.testing.assert_allclose(model.network_.parameters, net.parameters, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(model.history_["lr"], history["lr"], rtol=1e-15)


LOSSES = ["mse", "mae", "huber", "log_cosh", "quantile", mlpc.losses.Huber(delta=0.3), mlpc.losses.Poisson()]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_losses_of_regression_are_those_of_fit(loss):
    y = np.abs(NUMBERS)
    model = fitted(mlpc.MLPRegressor, y, loss=loss, alpha=0, solver="sgd", momentum=0, learning_rate_init=0.05)
    still = {"learning_rate_init": 1e-300, "solver": "sgd", "alpha": 0}
    start = mlpc.MLPRegressor(hidden_layer_sizes=(9, 7), random_state=3, **still).partial_fit(X, y)
    net = mlpc.MLP([4, 9, 7, 2], loss=loss, dtype="float64", init=init_of(start.network_))
    history = net.fit(X, y, epochs=EPOCHS, batch_size=40, shuffle=False, lr=0.05, progress=False)
    np.testing.assert_allclose(model.loss_curve_, history["loss"], rtol=1e-12)
    np.testing.assert_allclose(model.predict(X), net.predict(X), rtol=1e-10)


def quarter(z, y):
    """A loss of one's own, which is mlpc's of no name."""
    d = z - y
    return np.mean(d**4) / 4, d**3 / d.size


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_function_is_a_loss(solver):
    settings = {"alpha": 0, "solver": solver, "learning_rate_init": 0.02, "epsilon": 1e-30, "dropout": 0.2}
    model = fitted(mlpc.MLPRegressor, NUMBERS, loss=quarter, **settings)
    still = settings | {"learning_rate_init": 1e-300}
    start = mlpc.MLPRegressor(hidden_layer_sizes=(9, 7), random_state=3, **still).partial_fit(X, NUMBERS)
    first = start.network_
    net = mlpc.MLP(first.sizes, loss=quarter, dtype="float64", init=init_of(first), dropout=0.2, seed=first.seed)
    optimizer = {
        "sgd": functools.partial(mlpc.optim.SGD, momentum=0.9, nesterov=True),
        "adam": functools.partial(mlpc.optim.Adam, eps=1e-30),
    }[solver](net, 0.02)
    net.fit(X, NUMBERS, epochs=EPOCHS, batch_size=40, shuffle=False, optimizer=optimizer, progress=False)
    np.testing.assert_allclose(model.network_.parameters, net.parameters, rtol=1e-10, atol=1e-13)
    np.testing.assert_array_equal(model.predict(X), model.network_.predict(X))


def half_squared(z, y):
    return 0.5 * np.sum((z - y) ** 2) / len(y), (z - y) / len(y)


OWN = {
    "a last row of one": {"norm": "batch", "batch_size": 149},
    "sgd": {"solver": "sgd", "clip_norm": 0.3, "shuffle": True},
    "adam": {"l1": 0.2, "early_stopping": True, "metric": "loss"},
    "adamw": {"solver": "adamw", "norm": "batch"},
    "lbfgs": {"solver": "lbfgs", "l1": 0.01},
}


@pytest.mark.parametrize("settings", OWN.values(), ids=OWN)
def test_a_function_that_is_one_of_mlpcs_losses_trains_as_that(settings):
    """Of one output, of which sums and means are the same."""
    solver = settings.get("solver", "adam")
    named, own = (
        fitted(mlpc.MLPRegressor, NUMBERS[:, 0], loss=loss, alpha=0.3, **settings)
        for loss in ("squared_error", half_squared)
    )
    np.testing.assert_allclose(own.network_.parameters, named.network_.parameters, rtol=1e-7, atol=1e-10)
    assert own.loss_ == pytest.approx(named.loss_, rel=1e-10)
    assert own.out_activation_ == "identity"
    for name, expected in (("loss_curve_", solver != "lbfgs"), ("validation_scores_", "early_stopping" in settings)):
        curves = [vars(model).get(name) for model in (own, named)]
        assert [curve is not None for curve in curves] == [expected] * 2
        if expected:
            np.testing.assert_allclose(*curves, rtol=1e-10)


@pytest.mark.parametrize("sparse", [False, True])
def test_a_function_sees_float32_and_sparse_rows_of_several_outputs(sparse):
    """scikit-learn's squared error, as it is differentiated, goes over the rows alone."""
    x = X.astype("float32")
    x = scipy_sparse.csr_array(x) if sparse else x
    seen = set()

    def watched(z, y):
        seen.add((z.dtype.name, y.dtype.name, z.shape == y.shape))
        return half_squared(z, y)

    settings = ALWAYS | {"hidden_layer_sizes": (9, 7), "alpha": 0.1}
    named, own = (mlpc.MLPRegressor(loss, **settings).fit(x, NUMBERS) for loss in ("squared_error", watched))
    assert seen == {("float32", "float32", True)}
    np.testing.assert_allclose(own.network_.parameters, named.network_.parameters, rtol=1e-3, atol=1e-5)


def test_training_with_a_function_goes_on():
    """In parts, after a fit, and where Ctrl-C was pressed within it."""
    settings = {"loss": half_squared, "dropout": 0.1, "hidden_layer_sizes": (9, 7)}
    once = fitted(mlpc.MLPRegressor, NUMBERS, **settings)
    parts = mlpc.MLPRegressor(**ALWAYS | settings)
    for _ in range(EPOCHS):
        parts.partial_fit(X, NUMBERS)
    twice = mlpc.MLPRegressor(**ALWAYS | settings | {"warm_start": True, "max_iter": EPOCHS // 2})
    twice.fit(X, NUMBERS).fit(X, NUMBERS)
    for model in (parts, twice):
        np.testing.assert_array_equal(model.network_.parameters, once.network_.parameters)
    calls = []

    def interrupted(z, y):
        calls.append(len(y))
        if len(calls) == 10:  # of four batches in each epoch
            raise KeyboardInterrupt
        return half_squared(z, y)

    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        model = fitted(mlpc.MLPRegressor, NUMBERS, loss=interrupted)
    assert model.n_iter_ == 2 and not model.network_.gradients.any()


def test_a_file_holds_what_a_function_has_trained(tmp_path):
    path = tmp_path / "model.npz"
    model = fitted(mlpc.MLPRegressor, NUMBERS, loss=quarter)
    copied = pickle.loads(pickle.dumps(model))
    model.set_params(loss="mse").save(path)
    for same in (mlpc.load(path), copied):
        np.testing.assert_array_equal(same.predict(X), model.predict(X))
    with pytest.raises(TypeError, match="loss: expected"):
        mlpc.MLPRegressor(mlpc.losses.Huber).fit(X, NUMBERS)


def test_losses_of_many_batches_are_those_of_few():
    """Which are computed one by one, and not as an array."""
    model = fitted(mlpc.MLPRegressor, NUMBERS, alpha=0.3, l1=0.2)
    values = model._objective(model.network_).values
    record, factors = np.random.default_rng(0).normal(size=(3, 50)), np.linspace(0, 1, 50)
    record[1, 40], factors[40] = 1e200, 1e200  # which overflows
    parts = [values(record[:, rows], factors[rows]) for rows in (slice(25), slice(25, 50))]
    np.testing.assert_array_equal(values(record, factors), np.concatenate(parts))


def test_a_function_that_is_no_loss_here():
    with pytest.raises(ValueError, match=r"sample_weight: expected None with Custom\(quarter\)"):
        mlpc.MLPRegressor(quarter).fit(X, NUMBERS, np.ones(len(X)))
    with pytest.raises(ValueError, match="loss: expected 'log_loss' or CrossEntropy for these classes"):
        mlpc.MLPClassifier(loss=mlpc.losses.Custom(quarter)).fit(X, Y)
    with pytest.raises(TypeError, match=r"loss: expected \(loss, dz\) from Custom\(.*\), got float"):
        mlpc.MLPRegressor(lambda z, y: 0.0).fit(X, NUMBERS)
    with pytest.raises(mlpc.DivergenceError, match="It began in epoch 1"):
        mlpc.MLPRegressor(lambda z, y: (np.nan, z)).fit(X, NUMBERS)
    model = mlpc.MLPRegressor(quarter, max_iter=1).fit(X, NUMBERS)
    before = model.network_.digest()
    with pytest.raises(mlpc.DivergenceError):
        model.set_params(loss=lambda z, y: (np.inf, z), warm_start=True).fit(X, NUMBERS)
    assert model.network_.digest() == before
    with pytest.raises(TypeError, match="loss: expected a value that a file can hold"):
        model.save("model.npz")


def test_settings_of_losses_of_classification():
    smooth = fitted(loss=mlpc.losses.CrossEntropy(label_smoothing=0.5), alpha=0)
    assert smooth.predict_proba(X).max() < fitted(alpha=0).predict_proba(X).max()
    sure = fitted(y=Y > 0, loss=mlpc.losses.BCEWithLogits(pos_weight=50.0), max_iter=20)
    assert sure.predict_proba(X)[:, 1].mean() > fitted(y=Y > 0, max_iter=20).predict_proba(X)[:, 1].mean()


def test_the_penalties_are_part_of_the_loss_and_of_the_step():
    """One row, no hidden layer, squared error, no momentum: everything can be written down."""
    w, b, x, y = np.array([0.5, -2.0]), 0.25, np.array([1.0, 3.0]), 1.0
    model = mlpc.MLPRegressor(
        hidden_layer_sizes=(), solver="sgd", momentum=0, learning_rate_init=0.1, alpha=0.5, l1=0.25, init=[w[None], [b]]
    ).partial_fit([x], [y])
    residual = x @ w + b - y
    assert model.loss_ == pytest.approx(residual**2 / 2 + 0.5 / 2 * w @ w + 0.25 * np.abs(w).sum(), rel=1e-14)
    np.testing.assert_allclose(
        model.coefs_[0][:, 0], w - 0.1 * (residual * x + 0.5 * w + 0.25 * np.sign(w)), atol=1e-15
    )
    np.testing.assert_allclose(model.intercepts_[0], b - 0.1 * residual)


def test_lbfgs_descends_to_where_all_derivatives_are_0():
    """Those of the whole objective, by differences."""
    settings = {"solver": "lbfgs", "alpha": 2.0, "tol": 1e-7, "max_iter": 2000, "random_state": 0}
    model = mlpc.MLPRegressor("mse", (3,), "tanh", **settings).fit(X, NUMBERS)

    def value(weight):
        hidden = np.tanh(X @ weight + model.intercepts_[0])
        error = hidden @ model.coefs_[1] + model.intercepts_[1] - NUMBERS
        return (error**2).mean() + 2.0 / (2 * len(X)) * ((weight**2).sum() + (model.coefs_[1] ** 2).sum())

    weight, step = model.coefs_[0].copy(), 1e-5
    assert model.loss_ == pytest.approx(value(weight), rel=1e-13)
    for place in np.ndindex(weight.shape):
        up, down = weight.copy(), weight.copy()
        up[place] += step
        down[place] -= step
        assert abs(value(up) - value(down)) / (2 * step) < 2e-4


def test_weights_of_classes_are_weights_of_rows():
    by_class = {0: 0.5, 2: 3.0}
    rows = np.array([by_class.get(label, 1.0) for label in Y])
    weighted = mlpc.MLPClassifier((5,), class_weight=by_class, **ALWAYS).fit(X, Y)
    np.testing.assert_array_equal(weighted.coefs_[0], mlpc.MLPClassifier((5,), **ALWAYS).fit(X, Y, rows).coefs_[0])
    few = np.concatenate([np.arange(100)[Y[:100] != 1], np.arange(100)[Y[:100] == 1][:5]])
    names = np.array(["a", "b", "c"])[Y[few]]
    balanced = mlpc.MLPClassifier((5,), class_weight="balanced", **ALWAYS).fit(X[few], names)
    from_sklearn = pytest.importorskip("sklearn.utils.class_weight").compute_sample_weight("balanced", names)
    same = mlpc.MLPClassifier((5,), **ALWAYS).fit(X[few], names, from_sklearn)
    np.testing.assert_array_equal(balanced.coefs_[0], same.coefs_[0])


@pytest.mark.parametrize(
    "class_weight, y, text",
    [
        ({7: 1.0}, Y, "class_weight: expected classes of"),
        ({0: -1.0}, Y, r"class_weight\[0\]: expected a finite number >= 0"),
        ({0: 1.0}, np.eye(3)[Y], "class_weight: expected None for several labels"),
    ],
)
def test_weights_of_classes_that_are_none(class_weight, y, text):
    with pytest.raises(ValueError, match=text):
        mlpc.MLPClassifier(class_weight=class_weight).fit(X, y)


def test_validation_data_need_not_have_all_classes():
    model = mlpc.MLPClassifier((5,), class_weight="balanced", **ALWAYS)
    model.fit(X[:100], Y[:100], validation_data=(X[Y == 1], Y[Y == 1]))
    assert model.history_["val_loss"][-1] == pytest.approx(model.network_.evaluate(X[Y == 1], Y[Y == 1])[0], rel=1e-13)


def test_balanced_needs_all_rows():
    with pytest.raises(ValueError, match="class_weight: expected a dict or None"):
        mlpc.MLPClassifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])


# ---- Validation, metrics, callbacks ----------------------------------------------------------------------------------


def test_validation_data_are_measured_and_nothing_else():
    model = mlpc.MLPClassifier((5,), **ALWAYS).fit(X[:100], Y[:100], validation_data=(X[100:], Y[100:]))
    assert list(model.history_) == ["loss", "val_loss", "val_score", "lr", "seconds"]
    loss, accuracy = model.network_.evaluate(X[100:], Y[100:])
    assert model.history_["val_loss"][-1] == pytest.approx(loss, rel=1e-13)
    assert model.history_["val_score"][-1] == accuracy
    assert model.validation_scores_ is None
    alone = mlpc.MLPClassifier((5,), **ALWAYS).fit(X[:100], Y[:100])
    np.testing.assert_array_equal(model.coefs_[0], alone.coefs_[0])


def test_validation_data_stop_it():
    held = X[100:], Y[100:], np.linspace(0, 1, 50)
    model = mlpc.MLPClassifier((5,), early_stopping=True, random_state=0, n_iter_no_change=3, learning_rate_init=0.02)
    model.fit(X[:100], Y[:100], validation_data=held)
    assert model.t_ == 100 * model.n_iter_
    assert model.best_validation_score_ == max(model.history_["val_score"])
    assert model.score(*held) == pytest.approx(model.best_validation_score_, rel=1e-14)


@pytest.mark.parametrize(
    "data, error, text",
    [
        (X, TypeError, r"validation_data: expected \(X, y\)"),
        ((X, Y, Y, Y), TypeError, r"validation_data: expected \(X, y\)"),
        ((X[:, :2], Y), ValueError, "X has 2 features, but MLPClassifier is expecting 4"),
        ((X, Y + 1), ValueError, "classes not in"),
        ((np.full_like(X, np.nan), Y), ValueError, "contains NaN"),
    ],
    ids=["no pair", "too many", "columns", "classes", "nan"],
)
def test_validation_data_that_are_none(data, error, text):
    with pytest.raises(error, match=text):
        mlpc.MLPClassifier().fit(X, Y, validation_data=data)


def test_callbacks_are_those_of_fit():
    seen = []

    def tell(network, history):
        seen.append((network, history["loss"][-1]))
        return len(seen) == 3

    reduce = mlpc.callbacks.ReduceOnPlateau("loss", factor=0.5, patience=1, min_delta=10.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a callback that ends it is no lack of convergence
        model = fitted(solver="sgd", callbacks=[reduce, tell])
    assert model.n_iter_ == 3
    assert [network for network, _ in seen] == [model.network_] * 3
    assert model.loss_curve_ == model.history_["loss"] == [loss for _, loss in seen]
    assert model.history_["lr"] == [0.001, 0.001, 0.0005]
    average = mlpc.callbacks.Averaging()
    averaged = fitted(callbacks=[average], norm="batch")
    np.testing.assert_array_equal(averaged.network_.parameters, average.average)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("progress", [True, False])
def test_a_bar_where_somebody_looks(monkeypatch, progress):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    fitted(progress=progress)
    assert (f"epoch={EPOCHS}, loss=" in sys.stderr.getvalue()) == progress


def test_callbacks_that_are_none(tmp_path):
    with pytest.raises(ValueError, match="callbacks: expected no Checkpoint"):
        fitted(callbacks=[mlpc.callbacks.Checkpoint(tmp_path / "run.npz")])
    with pytest.raises(TypeError, match="callbacks: expected callables"):
        fitted(callbacks=["stop"])


def test_ctrl_c_ends_it_and_keeps_what_there_is():
    def interrupt(network, history):
        if history.epochs == 2:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        model = fitted(callbacks=[interrupt])
    assert model.n_iter_ == 2
    np.testing.assert_array_equal(model.coefs_[0], fitted(max_iter=2).coefs_[0])


# ---- Networks in use -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("three_threads")
def test_the_number_of_threads_is_kept_to_and_changes_no_bit():
    seen = []

    def count(network, history):
        seen.append(mlpc.get_num_threads())

    wide = {"hidden_layer_sizes": (300, 100), "batch_size": 150}  # so that threads pay
    models = [fitted(n_threads=n, callbacks=[count], **wide) for n in (1, 2, None, 4)]
    assert mlpc.get_num_threads() == 3
    assert seen == [1] * EPOCHS + [2] * EPOCHS + [3] * EPOCHS + [3] * EPOCHS
    assert len({model.network_.digest() for model in models}) == 1


def test_the_number_of_threads_is_kept_to_after_a_prediction_in_between():
    """As in a callback, or a metric, that asks another model."""
    other, seen = fitted(n_threads=2), []

    def ask(network, history):
        other.predict(X)
        seen.append(mlpc.get_num_threads())

    before = mlpc.get_num_threads()
    mlpc.set_num_threads(4)
    try:
        fitted(n_threads=1, callbacks=[ask])
        assert seen == [1] * EPOCHS
        assert mlpc.get_num_threads() == 4
    finally:
        mlpc.set_num_threads(before)


def test_initial_values_of_ones_own():
    w, b = np.arange(12.0).reshape(3, 4), np.zeros(3)
    still = {"learning_rate_init": 1e-300, "solver": "sgd", "alpha": 0, "max_iter": 1}
    model = mlpc.MLPClassifier((), init=[w, b], **still).fit(X, Y)
    np.testing.assert_allclose(model.coefs_[0], w.T, atol=1e-200)
    he = [fitted(init="he", random_state=seed).coefs_[0] for seed in (0, 0, 1)]
    np.testing.assert_array_equal(he[0], he[1])
    assert not np.array_equal(he[0], he[2])


def test_the_dtype_of_the_network():
    assert fitted(dtype="float32").coefs_[0].dtype == np.float32
    assert mlpc.MLPClassifier((5,), **ALWAYS).fit(X.astype("float32"), Y).predict_proba(X).dtype == np.float32
    low = fitted(mlpc.MLPRegressor, NUMBERS, dtype="float32", solver="lbfgs", max_iter=50)
    high = fitted(mlpc.MLPRegressor, NUMBERS, solver="lbfgs", max_iter=50)
    assert low.predict(X).dtype == np.float32
    assert low.score(X, NUMBERS) == pytest.approx(high.score(X, NUMBERS), abs=0.01)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("container", ["csr_matrix", "csc_matrix", "csr_array", "csc_array"])
def test_sparse_rows_are_never_made_dense_and_give_the_same_bits(container, solver, monkeypatch):
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.where(np.abs(X) < 1, 0.0, X)
    settings = ALWAYS | {"hidden_layer_sizes": (9, 7), "solver": solver, "early_stopping": True, "norm": "layer"}
    wanted = mlpc.MLPClassifier(**settings).fit(dense, Y)
    for kind in ("csr_matrix", "csc_matrix", "csr_array", "csc_array"):
        for name in ("toarray", "todense"):
            monkeypatch.setattr(getattr(sparse, kind), name, None)
    rows = getattr(sparse, container)(dense)
    model = mlpc.MLPClassifier(**settings).fit(rows, Y)
    assert model.network_.digest() == wanted.network_.digest()
    for ask in ("predict_proba", "transform"):
        np.testing.assert_array_equal(getattr(model, ask)(rows), getattr(wanted, ask)(dense))


def test_hidden_activations():
    model = fitted(activation="tanh")
    hidden = np.tanh(np.tanh(X @ model.coefs_[0] + model.intercepts_[0]) @ model.coefs_[1] + model.intercepts_[1])
    np.testing.assert_allclose(model.transform(X), hidden, rtol=1e-12)
    assert list(model.get_feature_names_out())[:2] == ["mlpclassifier0", "mlpclassifier1"]
    pandas = pytest.importorskip("pandas")
    assert isinstance(model.set_output(transform="pandas").transform(X), pandas.DataFrame)
    with pytest.raises(ValueError, match="transform: expected a network with a hidden layer"):
        fitted(hidden_layer_sizes=()).transform(X)


def test_writes_to_the_weights_count():
    model = fitted()
    probabilities = model.predict_proba(X)
    model.coefs_[-1][:] = 0
    model.intercepts_[-1][:] = 0
    np.testing.assert_allclose(model.predict_proba(X), 1 / 3)
    other = fitted()
    model.coefs_, model.intercepts_[-1] = [np.array(each) for each in other.coefs_], other.intercepts_[-1].copy()
    np.testing.assert_array_equal(model.predict_proba(X), probabilities)
    assert model.network_.digest() == other.network_.digest()
    assert all(np.shares_memory(coef, model.network_.parameters) for coef in model.coefs_)
    model.network_.parameters[:] = 0
    np.testing.assert_allclose(model.predict_proba(X), 1 / 3)


def test_writes_to_running_statistics_count():
    model = fitted(norm="batch")
    probabilities, hidden = model.predict_proba(X), model.transform(X)
    model.network_.layers[1].running_mean[:] += 1
    assert not np.allclose(model.predict_proba(X), probabilities)
    assert not np.allclose(model.transform(X), hidden)
    np.testing.assert_array_equal(model.predict_proba(X), model.network_.predict_proba(X))


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw"])
def test_a_warm_start_goes_on_to_the_bit(solver):
    once = fitted(solver=solver, max_iter=6)
    twice = fitted(solver=solver, max_iter=3, warm_start=True)
    copied = pickle.loads(pickle.dumps(twice))
    for model in (twice, copied):
        model.fit(X, Y)
        assert model.network_.digest() == once.network_.digest()
        assert model.loss_curve_ == once.loss_curve_


def test_a_warm_start_with_other_sizes_is_refused():
    model = fitted(warm_start=True).set_params(hidden_layer_sizes=(3,))
    with pytest.raises(ValueError, match="hidden_layer_sizes, y: expected those of the network"):
        model.fit(X, Y)


def test_pickle_keeps_the_views_and_writes_each_weight_once():
    model = fitted(hidden_layer_sizes=(300,))
    text = pickle.dumps(model)
    copied = pickle.loads(text)
    np.testing.assert_array_equal(copied.predict_proba(X), model.predict_proba(X))
    copied.coefs_[0][:] = 0
    assert not copied.network_.layers[0].weight.any()
    weights = model.network_.parameters.nbytes
    # parameters and gradients, two means of adam, the network before any epoch
    assert len(text) < 5 * weights + 20_000


SEVERAL = np.stack([Y > 0, X[:, 1] > 0], axis=1).astype(int)


@pytest.mark.parametrize(
    "kind, y",
    [("MLPClassifier", Y), ("MLPClassifier", Y > 0), ("MLPClassifier", SEVERAL), ("MLPRegressor", NUMBERS)],
    ids=["classes", "two classes", "several labels", "numbers"],
)
def test_models_move_both_ways(kind, y):
    ours = fitted(getattr(mlpc, kind), y, dropout=0.1)
    theirs = ours.to_sklearn()
    ask = "predict_proba" if kind == "MLPClassifier" else "predict"
    np.testing.assert_allclose(getattr(theirs, ask)(X), getattr(ours, ask)(X), rtol=1e-10)
    back = getattr(mlpc, kind).from_sklearn(theirs)
    np.testing.assert_array_equal(back.network_.parameters, ours.network_.parameters)
    for model in (theirs, back):
        model.partial_fit(X, y)
    np.testing.assert_allclose(getattr(theirs, ask)(X), getattr(back, ask)(X), rtol=1e-8)


def test_models_that_scikit_learn_lacks_stay():
    for settings, name in (
        ({"activation": "gelu"}, "activation"), ({"solver": "rmsprop"}, "solver"), ({"norm": "layer"}, "norm"),
        ({"learning_rate": mlpc.schedules.Constant(0.1)}, "learning_rate"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"^{name}: expected"):
            fitted(**settings).to_sklearn()
    with pytest.raises(TypeError, match="estimator: expected scikit-learn's MLPClassifier, got MLPRegressor"):
        mlpc.MLPClassifier.from_sklearn(fitted(mlpc.MLPRegressor, NUMBERS).to_sklearn())


def test_a_training_that_diverges_says_where():
    model = mlpc.MLPRegressor(solver="sgd", learning_rate_init=1e3, activation="identity", random_state=0)
    with pytest.raises(mlpc.DivergenceError, match="Solver produced non-finite parameter weights") as caught:
        model.fit(X, NUMBERS)
    assert caught.value.lr == 1e3
    assert caught.value.epoch >= 1
    assert not np.isfinite(caught.value.loss)
    with pytest.warns(exceptions.ConvergenceWarning, match="The training diverged in epoch"):
        model.set_params(early_stopping=True).fit(X, NUMBERS)
    assert np.isfinite(model.predict(X)).all()


def test_a_training_that_diverges_at_once_leaves_the_latest_network():
    """Not that of an earlier training that kept the best one."""
    model = mlpc.MLPRegressor(solver="sgd", early_stopping=True, warm_start=True, max_iter=3, random_state=0)
    model.fit(X, NUMBERS).set_params(early_stopping=False).fit(X, NUMBERS)
    latest = model.network_.digest()
    with pytest.warns(exceptions.ConvergenceWarning, match="The training diverged in epoch 1"):
        model.set_params(early_stopping=True, max_iter=1).fit(X * 1e300, NUMBERS)
    assert model.network_.digest() == latest


@pytest.mark.parametrize("settings", [{"dropout": 0.5}, {"input_dropout": 0.5}, {"norm": "batch"}], ids=str)
def test_lbfgs_is_not_for_what_is_random(settings):
    with pytest.raises(ValueError, match="solver: expected another one than lbfgs"):
        mlpc.MLPClassifier(solver="lbfgs", **settings).fit(X, Y)


@pytest.mark.parametrize("weight", [-1.0, 0.0, np.nan, np.inf])
def test_weights_of_rows_that_are_none(weight):
    for solver in ("adam", "lbfgs"):
        with pytest.raises(ValueError, match=r"[Ss]ample.weight"):
            mlpc.MLPClassifier(solver=solver).fit(X, Y, np.full(len(X), weight))


def test_a_batch_that_weighs_nothing_takes_no_step():
    weights = np.ones(len(X))
    weights[40:80] = 0  # the second batch
    model = fitted(max_iter=1, solver="sgd", momentum=0, alpha=0)
    fewer = mlpc.MLPClassifier((9, 7), **ALWAYS | {"max_iter": 1}, solver="sgd", momentum=0, alpha=0)
    rest = np.concatenate([np.arange(40), np.arange(80, 150)])
    fewer.fit(X[rest], Y[rest])
    np.testing.assert_array_equal(model.fit(X, Y, weights).coefs_[0], fewer.coefs_[0])


def test_batch_norm_wants_two_rows():
    with pytest.raises(ValueError, match="norm: expected at least two rows in each batch"):
        mlpc.MLPClassifier(norm="batch", batch_size=1).fit(X, Y)
    with pytest.raises(ValueError, match="norm: expected at least two rows in each batch"):
        mlpc.MLPClassifier(norm="batch").fit(X[:1], Y[:1])
    with pytest.warns(UserWarning, match="Got `batch_size` less than 1 or larger than sample size") as warned:
        fitted(norm="batch", batch_size=1000)
    assert len([each for each in warned if each.category is UserWarning]) == 1


def test_lbfgs_leaves_nothing_of_earlier_epochs():
    of_epochs = ("loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_", "history_")
    model = fitted(early_stopping=True)
    assert all(hasattr(model, name) for name in of_epochs)
    model.set_params(solver="lbfgs").fit(X, Y)
    assert not any(hasattr(model, name) for name in of_epochs)
    warm = fitted(warm_start=True)
    assert not hasattr(warm.set_params(solver="lbfgs").fit(X, Y), "history_")


@pytest.mark.parametrize("name", ["X", "y", "sample_weight"])
def test_what_a_mask_hides_is_not_learnt(name):
    given = {"X": X, "y": Y, "sample_weight": np.ones(len(X))}
    mask = np.zeros(np.shape(given[name]), bool)
    mask.flat[3] = True
    with pytest.raises(ValueError, match=f"^{name}: expected numbers, got a masked array"):
        mlpc.MLPClassifier().fit(**given | {name: np.ma.array(given[name], mask=mask)})


def test_both_constructors_have_the_same_parameters():
    ours = [inspect.signature(kind.__init__).parameters for kind in (mlpc.MLPClassifier, mlpc.MLPRegressor)]
    shared = [{name: p.default for name, p in each.items() if name not in ("loss", "class_weight")} for each in ours]
    assert shared[0] == shared[1]
    for kind in (mlpc.MLPClassifier, mlpc.MLPRegressor):
        assert set(kind().get_params()) == set(kind._parameter_constraints)
        documented = [line.split(" : ")[0] for line in inspect.getdoc(kind).splitlines() if line and line[0] != " "]
        named = {name for line in documented for name in line.replace(" ", "").split(",")}
        assert set(kind().get_params()) <= named
