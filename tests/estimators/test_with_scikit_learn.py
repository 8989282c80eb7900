"""Among the other tools of scikit-learn: searches, pipelines, calibration, threads and processes."""

import copy
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import mlpc
from mlpc import cpu

sklearn = pytest.importorskip("sklearn")
from sklearn import (  # noqa: E402
    base,
    calibration,
    compose,
    datasets,
    ensemble,
    inspection,
    model_selection,
    pipeline,
    preprocessing,
)

X, Y = datasets.load_iris(return_X_y=True)
X = preprocessing.scale(X)
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 8, "random_state": 0, "learning_rate_init": 0.05}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_searches_of_a_grid(backend):
    joblib = pytest.importorskip("joblib")
    grid = {"alpha": [1e-4, 1.0], "activation": ["relu", "gelu"]}
    with joblib.parallel_config(backend, n_jobs=2):
        search = model_selection.GridSearchCV(mlpc.MLPClassifier(**SMALL), grid, cv=2, error_score="raise").fit(X, Y)
    alone = model_selection.GridSearchCV(mlpc.MLPClassifier(**SMALL), grid, cv=2, error_score="raise").fit(X, Y)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert search.best_estimator_.network_.digest() == alone.best_estimator_.network_.digest()


def test_halving():
    pytest.importorskip("sklearn.experimental.enable_halving_search_cv")
    from sklearn.model_selection import HalvingGridSearchCV

    model, grid = mlpc.MLPClassifier(**SMALL | {"max_iter": 1}), {"alpha": [1e-4, 1e-2, 1.0]}
    search = HalvingGridSearchCV(
        model, grid, resource="max_iter", max_resources=9, cv=2, random_state=0, error_score="raise"
    )
    assert search.fit(X, Y).best_estimator_.max_iter == 9


def test_what_is_predicted_of_rows_held_out():
    names = np.array(["setosa", "versicolor", "virginica"])[Y]
    predicted = model_selection.cross_val_predict(mlpc.MLPClassifier(**SMALL), X, names, cv=2)
    assert set(predicted) <= set(names)
    assert (predicted == names).mean() > 0.6
    probabilities = model_selection.cross_val_predict(
        mlpc.MLPClassifier(**SMALL), X, names, cv=2, method="predict_proba"
    )
    np.testing.assert_allclose(probabilities.sum(1), 1)


def test_calibration():
    model = calibration.CalibratedClassifierCV(mlpc.MLPClassifier(**SMALL), cv=2, ensemble=False).fit(X, Y)
    np.testing.assert_allclose(model.predict_proba(X).sum(1), 1)


def test_importances_by_threads():
    joblib = pytest.importorskip("joblib")
    model = mlpc.MLPRegressor(**SMALL).fit(X[:, :3], X[:, 3])
    with joblib.parallel_config("threading", n_jobs=4):
        some = inspection.permutation_importance(model, X[:, :3], X[:, 3], n_repeats=4, random_state=0)
    alone = inspection.permutation_importance(model, X[:, :3], X[:, 3], n_repeats=4, random_state=0)
    np.testing.assert_array_equal(some.importances, alone.importances)


def test_one_model_is_asked_by_several_threads_at_once():
    model = mlpc.MLPClassifier(**SMALL).fit(X, Y)
    wanted, hidden, wrong = model.predict_proba(X), model.transform(X), []

    def ask():
        for _ in range(50):
            if not np.array_equal(model.predict_proba(X), wanted) or not np.array_equal(model.transform(X), hidden):
                wrong.append(threading.current_thread().name)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_pipeline_of_columns():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"length": X[:, 0], "width": X[:, 1], "colour": np.where(X[:, 2] > 0, "red", "blue")})
    columns = compose.make_column_transformer(
        (preprocessing.StandardScaler(), ["length", "width"]), (preprocessing.OneHotEncoder(), ["colour"])
    )
    model = pipeline.make_pipeline(columns, mlpc.MLPClassifier(**SMALL))
    assert model.fit(table, Y).score(table, Y) > 0.6
    direct = mlpc.MLPRegressor(**SMALL).fit(table[["length", "width"]], Y)
    assert list(direct.feature_names_in_) == ["length", "width"]
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        direct.predict(table[["length", "width"]].to_numpy())
    with pytest.raises(ValueError, match="feature names should match"):
        direct.predict(table[["width", "length"]])


def test_hidden_activations_are_a_step_of_a_pipeline():
    model = pipeline.make_pipeline(mlpc.MLPClassifier(**SMALL), ensemble.RandomForestClassifier(5, random_state=0))
    assert model.fit(X, Y)[:-1].transform(X).shape == (150, 6)
    assert list(model[:-1].get_feature_names_out())[:1] == ["mlpclassifier0"]


def test_threadpoolctl_sees_and_limits_the_threads():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    before = mlpc.get_num_threads()
    (seen,) = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "mlpc"]
    assert (seen["num_threads"], seen["version"]) == (before, mlpc.__version__)
    with threadpoolctl.threadpool_limits(limits={"mlpc": before + 1}):
        assert mlpc.get_num_threads() == before + 1
    with threadpoolctl.threadpool_limits(limits=1):
        assert mlpc.get_num_threads() == 1
    assert mlpc.get_num_threads() == before


def test_processes_have_as_many_threads_as_joblib_leaves_them(monkeypatch):
    joblib = pytest.importorskip("joblib")
    monkeypatch.delenv("MLPC_NUM_THREADS", raising=False)
    with joblib.parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        assert joblib.Parallel()(joblib.delayed(mlpc.get_num_threads)() for _ in range(4)) == [1] * 4


def test_weights_are_routed():
    weights = np.linspace(0.1, 2, len(X))
    with sklearn.config_context(enable_metadata_routing=True):
        inner = mlpc.MLPClassifier(**SMALL).set_fit_request(sample_weight=True)
        routed = pipeline.make_pipeline(preprocessing.MinMaxScaler(), inner).fit(X, Y, sample_weight=weights)
        held = mlpc.MLPClassifier(**SMALL).set_fit_request(validation_data=True)
        told = pipeline.make_pipeline(preprocessing.FunctionTransformer(), held).fit(X, Y, validation_data=(X, Y))
    direct = mlpc.MLPClassifier(**SMALL).fit(preprocessing.minmax_scale(X), Y, weights)
    np.testing.assert_array_equal(routed[-1].coefs_[0], direct.coefs_[0])
    assert "val_loss" in told[-1].history_


def test_text_and_html():
    model = mlpc.MLPClassifier((3,), "gelu", solver="adamw")
    assert repr(model) == "MLPClassifier(activation='gelu', hidden_layer_sizes=(3,), solver='adamw')"
    assert "MLPClassifier" in model._repr_html_()
    assert "fitted" in model.set_params(**SMALL).fit(X, Y)._repr_html_()


def test_clones_and_copies():
    layer = mlpc.layers.LeakyReLU(0.2)
    model = mlpc.MLPClassifier(**SMALL | {"activation": [layer]}, learning_rate=mlpc.schedules.Constant(0.05)).fit(X, Y)
    clone = base.clone(model).fit(X, Y)
    assert clone.network_.digest() == model.network_.digest()
    twin = copy.deepcopy(model)
    twin.coefs_[0][:] = 0
    assert clone.network_.digest() == model.network_.digest() != twin.network_.digest()


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_the_same_bits_on_every_instruction_set(kind):
    before, digests = cpu.active(), set()
    settings = SMALL | {"hidden_layer_sizes": (300, 33), "early_stopping": True, "alpha": 0.1, "max_iter": 4}
    y = Y if kind == "MLPClassifier" else X[:, :2]
    try:
        for name in cpu.available():
            cpu.use(name)
            for n_threads in (1, 2, 3):
                model = getattr(mlpc, kind)(**settings, n_threads=n_threads).fit(X, y, np.linspace(0, 2, len(X)))
                digests.add((model.network_.digest(), *model.loss_curve_))
    finally:
        cpu.use(before)
    assert len(digests) == 1


STARTS_THREADS = """
import os, numpy as np, mlpc
mlpc.set_num_threads(3)
X, y = np.random.default_rng(0).normal(size=(150, 4)), np.arange(150) % 3
model = mlpc.MLPClassifier((300, 33))
before = len(os.listdir("/proc/self/task"))
for n_threads in (1, 2, None):
    model.set_params(n_threads=n_threads).partial_fit(X, y, classes=[0, 1, 2])
    print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts the threads of a process, as Linux lists them")
def test_a_fit_starts_the_threads_that_it_may_have():
    one_of_others = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    command = [sys.executable, "-c", STARTS_THREADS]
    done = subprocess.run(command, env=os.environ | one_of_others, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1", "2"]
