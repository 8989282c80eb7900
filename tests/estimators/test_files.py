"""An estimator that comes out of a file is the one that was written, and its training goes on to the same bits."""

import json

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import mlpc
from mlpc import MLPClassifier, MLPRegressor, layers, losses, schedules
from mlpc.estimators.files import NUMBERS
from mlpc.files import archive

pytestmark = pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
NUMBERS_OF = rng.permutation(np.arange(60) % 3)
WORDS = np.array(["cat", "dog", "élan"])[NUMBERS_OF]
Y = np.stack([X[:, 0] ** 2, X[:, 1]], axis=1)
SUFFIXES = (".npz", ".safetensors")
FEW = {"hidden_layer_sizes": (5, 4), "max_iter": 3, "random_state": 1, "batch_size": 16}


def classifier(y=WORDS, **more):
    return MLPClassifier(**FEW | more).fit(X, y)


def regressor(y=Y, **more):
    return MLPRegressor(**FEW | more).fit(X, y)


KINDS = {
    **{solver: lambda solver=solver: classifier(solver=solver) for solver in ("sgd", "adam", "adamw", "rmsprop")},
    **{solver: lambda solver=solver: regressor(solver=solver) for solver in ("adagrad", "rprop", "lbfgs")},
    "lbfgs of classes": lambda: classifier(solver="lbfgs"),
    "adaptive": lambda: classifier(solver="sgd", learning_rate="adaptive", tol=1.0, n_iter_no_change=1, max_iter=9),
    "invscaling": lambda: classifier(solver="sgd", learning_rate="invscaling"),
    "schedule": lambda: classifier(solver="sgd", learning_rate=schedules.Cosine(0.1, epochs=9, warmup=0.5)),
    "points": lambda: classifier(learning_rate=schedules.Piecewise([(0, 0.1), (2, 0.01)])),
    "early stopping": lambda: classifier(early_stopping=True, validation_fraction=0.3, n_iter_no_change=np.inf),
    "two classes": lambda: classifier(NUMBERS_OF > 0, class_weight={True: 2.0, False: 0.5}),
    "one class": lambda: classifier(np.zeros(60)),
    "balanced": lambda: classifier(class_weight="balanced", loss=losses.CrossEntropy(label_smoothing=0.1)),
    "several labels": lambda: classifier(Y > 0),
    "settings": lambda: regressor(
        activation=[layers.ELU(0.5), "logistic"],
        norm=[layers.BatchNorm(momentum=0.2), None],
        dropout=(0.1, 0),
        input_dropout=0.1,
        loss=losses.Huber(0.3),
        dtype="float32",
        l1=0.01,
        clip_norm=1.0,
        n_threads=1,
    ),
    "poisson": lambda: regressor(np.exp(Y), loss="poisson"),
    "initial values": lambda: regressor(
        hidden_layer_sizes=np.array([2]),
        init=[np.ones((2, 3)), np.zeros(2), np.ones((2, 2), np.float32), [0.0, 1.0]],
    ),
    "one column": lambda: regressor(Y[:, 0], shuffle=False, verbose=0, batch_size="auto"),
}


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path):
    if request.param == ".safetensors":
        pytest.importorskip("safetensors")
    return tmp_path / f"model{request.param}"


def state(model):
    """All that can be seen of an estimator, and of what it goes on with."""
    seen = {name: value for name, value in vars(model).items() if not name.startswith("_")}
    network = seen.pop("network_")
    seen |= {"network": repr(network), "digest": network.digest(), "masks": network.masks_drawn}
    arrays = {"coefs_", "intercepts_", "classes_", "feature_names_in_"} & seen.keys()
    seen |= {name: [np.asarray(each).tolist() for each in seen[name]] for name in arrays}
    seen |= {name: repr(value) for name, value in seen.items() if name in model.get_params()}
    return seen | {
        "history": list(seen.get("history_", {}).items()),
        "no improvement": vars(model).get("_no_improvement_count"),
    }


def written_as(kind, turn):
    """In which format a kind is written, the first time and the second."""
    suffix = SUFFIXES[(list(KINDS).index(kind) + turn) % 2]
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    return f"model{suffix}"


@pytest.mark.parametrize("kind", KINDS)
def test_an_estimator_comes_back(kind, tmp_path):
    path = tmp_path / written_as(kind, 0)
    model = KINDS[kind]()
    model.save(path)
    again = mlpc.load(path)
    assert type(again) is type(model) and state(again) == state(model)
    before, after = model.predict(X), again.predict(X)
    assert before.dtype == after.dtype and np.array_equal(before, after)
    again.save(path.with_stem("again"))
    assert path.read_bytes() == path.with_stem("again").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_goes_on_to_the_same_bits(kind, tmp_path):
    model, path = KINDS[kind](), tmp_path / written_as(kind, 1)
    model.save(path)
    again = mlpc.load(path)
    y = {"two classes": NUMBERS_OF > 0, "one class": np.zeros(60), "several labels": Y > 0}.get(kind, WORDS)
    if isinstance(model, MLPRegressor):
        y = {"poisson": np.exp(Y), "one column": Y[:, 0]}.get(kind, Y)
    if model.solver != "lbfgs" and not model.early_stopping and getattr(model, "class_weight", None) != "balanced":
        for each in (model, again):
            each.set_params(alpha=0.1).partial_fit(X, y).partial_fit(X, y)
        assert told(state(again)) == told(state(model))
        model.save(path)
        again = mlpc.load(path)
    for each in (model, again):
        each.set_params(warm_start=True).fit(X, y)
    assert told(state(again)) == told(state(model))


def told(seen):
    """Without times."""
    history = [(name, column) for name, column in seen["history"] if name != "seconds"]
    return {name: value for name, value in seen.items() if name != "history_"} | {"history": history}


CLASSES = {
    "objects": np.array(["b", "a", "ab"], object)[NUMBERS_OF],
    "integers": np.array([-3, 100, 7], np.int8)[NUMBERS_OF],
    "large integers": np.array([2**63 - 1, -(2**63), 0])[NUMBERS_OF],
    "unsigned": np.array([0, 2**64 - 1], np.uint64)[NUMBERS_OF % 2],
    "whole floats": np.array([1.0, -2.0, 2.0**60])[NUMBERS_OF],
    "truth values": NUMBERS_OF == 1,
}


@pytest.mark.parametrize("kind", CLASSES)
def test_classes_of_any_type(kind, path):
    model = classifier(CLASSES[kind])
    model.save(path)
    again = mlpc.load(path)
    assert again.classes_.dtype == model.classes_.dtype and again.classes_.tolist() == model.classes_.tolist()
    assert [type(each) for each in again.classes_] == [type(each) for each in model.classes_]
    assert again.predict(X).tolist() == model.predict(X).tolist()
    assert again.score(X, CLASSES[kind]) == model.score(X, CLASSES[kind])


def test_sparse_labels_stay_sparse(path):
    sparse = pytest.importorskip("scipy.sparse")
    model = classifier(sparse.csr_matrix((Y > 0).astype(int)))
    model.save(path)
    predicted = mlpc.load(path).predict(X)
    assert sparse.issparse(predicted) and (predicted != model.predict(X)).nnz == 0


def test_names_of_features(path):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=["age", "größe", "weight"])
    model = MLPRegressor(**FEW).fit(table, Y)
    model.save(path)
    again = mlpc.load(path)
    assert again.feature_names_in_.tolist() == ["age", "größe", "weight"] and again.feature_names_in_.dtype == object
    assert np.array_equal(again.predict(table), model.predict(table))
    with pytest.raises(ValueError, match="feature names"):
        again.predict(table[["weight", "age", "größe"]])


SINCE = {
    "rates": (KINDS["invscaling"], {"learning_rate_init": 0.5, "momentum": 0.1, "nesterovs_momentum": False}),
    "activation": (KINDS["adam"], {"activation": "tanh"}),
}


@pytest.mark.parametrize("kind", SINCE)
def test_parameters_that_were_set_since_then(kind, tmp_path):
    """The solver remembers those that it was made of, and the estimator those that it has now."""
    make, changes = SINCE[kind]
    model = make().set_params(**changes)
    model.save(tmp_path / "model.npz")
    again = mlpc.load(tmp_path / "model.npz")
    assert again.get_params() == model.get_params()
    for each in (model, again):
        each.partial_fit(X, WORDS)
    assert told(state(again)) == told(state(model))


def test_where_nothing_improves_the_best_network_stays(tmp_path):
    model = KINDS["early stopping"]().set_params(warm_start=True)
    model.best_validation_score_, best = 1.0, model.network_.digest()
    model.save(tmp_path / "model.npz")
    assert mlpc.load(tmp_path / "model.npz").fit(X, WORDS).network_.digest() == best


def test_one_of_scikit_learn(path):
    neural_network = pytest.importorskip("sklearn.neural_network")
    model = MLPClassifier.from_sklearn(neural_network.MLPClassifier(max_iter=3, random_state=0).fit(X, WORDS))
    model.save(path)
    assert np.array_equal(mlpc.load(path).predict_proba(X), model.predict_proba(X))


class Mine(MLPClassifier):
    """One whose own attributes no file knows."""


REFUSED = {
    "learning_rate": lambda: classifier(solver="sgd", learning_rate=lambda t: 0.1),
    "callbacks": lambda: classifier(callbacks=[mlpc.callbacks.EarlyStopping("loss")]),
    "metric": lambda: classifier(metric=lambda y, predicted: 1.0),
    "random_state": lambda: classifier(random_state=np.random.RandomState(0)),
    "save": lambda: Mine(**FEW).fit(X, WORDS),
    "class_weight": lambda: classifier().set_params(class_weight={"cat": 1 + 2j}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_file_can_hold(name, tmp_path):
    model = REFUSED[name]()
    with pytest.raises(TypeError, match=f"^{name}: expected "):
        model.save(tmp_path / "model.npz")
    assert list(tmp_path.iterdir()) == []
    if name not in ("save", "class_weight"):  # what the error says to do
        model.set_params(**{name: "constant" if name == "learning_rate" else None}).fit(X, WORDS).save(
            tmp_path / "model.npz"
        )


def test_what_is_not_there_yet(tmp_path):
    with pytest.raises(NotFittedError):
        MLPClassifier().save(tmp_path / "model.npz")
    with pytest.raises(ValueError, match=r"^path: expected a name that ends in"):
        classifier().save(tmp_path / "model.pkl")
    classifier().save(tmp_path / "model.npz")
    with pytest.raises(ValueError, match="loss: expected None for an estimator"):
        mlpc.load(tmp_path / "model.npz", loss="mse")


# ---- Files that say what is not so -----------------------------------------------------------------------------------


def changed(place, value):
    """A change of what a file says, at a place like "network.sizes"."""

    def change(told, arrays):
        *parents, last = place.split(".")
        for name in parents:
            told = told[name]
        if value is ...:
            del told[last]
        else:
            told[last] = value

    return change


def array_of(name, value):
    """A change of an array."""

    def change(told, arrays):
        if value is None:
            del arrays[name]
        else:
            arrays[name] = np.array(value)

    return change


DEEP = json.loads('{"tuple": [' * 400 + "]}" * 400)
RATES = json.loads('{"schedule": ["Step", ' * 300 + "{}" + "]}" * 300)
LIES = {
    "no estimator": (changed("network", ...), "estimator: expected"),
    "more": (changed("code", "print()"), "estimator: expected"),
    "class": (changed("class", "OneHotEncoder"), "class: expected MLPClassifier or MLPRegressor"),
    "class of no name": (changed("class", ["MLPClassifier"]), "class: expected"),
    "another class": (changed("class", "MLPRegressor"), "parameters: expected some of|regression"),
    "parameters": (changed("parameters", []), "parameters: expected"),
    "unknown parameter": (changed("parameters.n_jobs", 2), "parameters: expected some of"),
    "range": (changed("parameters.alpha", -1), "alpha"),
    "type": (changed("parameters.max_iter", "many"), "max_iter"),
    "object": (changed("parameters.activation", {"object": "os.system"}), "activation: expected a value"),
    "base": (changed("parameters.learning_rate", {"schedule": ["Schedule", {"dict": [["lr", 1]]}]}), "learning_rate: "),
    "no schedule": (changed("parameters.learning_rate", {"schedule": ["Rate", {"dict": []}]}), "learning_rate: "),
    "setting": (changed("parameters.loss", {"loss": {"name": "huber", "settings": {"delta": -1}}}), "loss: expected"),
    "own loss": (changed("parameters.loss", {"loss": {"function": "f"}}), "loss: expected a loss"),
    "deep": (changed("parameters.hidden_layer_sizes", DEEP), "hidden_layer_sizes: expected"),
    "deep schedules": (changed("parameters.learning_rate", RATES), "learning_rate: expected"),
    "unhashable": (changed("parameters.class_weight", {"dict": [[[1], 2]]}), "class_weight: expected a dict"),
    "array of another": (changed("parameters.init", {"array": "net.0.weight"}), "init: expected a value"),
    "random_state": (changed("parameters.random_state", -1), "random_state"),
    "sizes": (changed("network.sizes", [3, 5, 4, 2]), "expected parameters"),
    "loss": (changed("network.loss", {"name": "bce_with_logits", "settings": {}}), "classes: expected those of"),
    "regression": (changed("network.loss", {"name": "mse", "settings": {}}), "classes: expected those of"),
    "plan": (changed("plan", ["relu"]), "plan: expected"),
    "another plan": (changed("plan", ["tanh", 0.0, 0.0, None]), "plan: expected that of MLP"),
    "no plan": (changed("plan", ["relu", 0.0, 0.0, "tanh"]), "norm: expected"),
    "huge": (changed("solver.alpha", 10**400), "too large"),
    "counts": (changed("counts.n_iter_", -1), "n_iter_: expected an integer >= 0"),
    "no counts": (changed("counts.t_", ...), "counts: expected"),
    "none": (changed("none", ["__class__"]), "none: expected some of"),
    "classes": (changed("classes.texts", ["a", "b"]), "classes: expected"),
    "order": (changed("classes.texts", ["b", "a", "c"]), "classes: expected classes that ascend"),
    "twice": (changed("classes.texts", ["a", "a", "b"]), "classes: expected classes that ascend"),
    "no texts": (changed("classes.texts", [1, 2, 3]), "classes: expected texts"),
    "several": (changed("classes.several", True), "classes: expected"),
    "no classes": (changed("classes", ...), "classes: expected"),
    "history": (changed("history.columns", ["loss", "price"]), "history: expected"),
    "zeros": (changed("history.zeros", 3), "zeros: expected"),
    "lbfgs": (changed("solver.solver", "lbfgs"), "solver: expected"),
    "solver": (changed("solver.momentum", 2), "momentum"),
    "another solver": (changed("solver.solver", "sgd"), "state: expected the keys"),
    "an array more": (array_of("extra", [1.0]), "expected no other arrays"),
    "state": (array_of("optimizer.mean", [1.0]), "mean: expected shape"),
    "steps": (array_of("optimizer.steps", [-1.0]), "steps: expected"),
    "endless steps": (array_of("optimizer.steps", [np.inf]), "steps: expected a finite number"),
    "no state": (array_of("optimizer.mean", None), "state: expected the keys"),
    "rate": (array_of("solver.rate", np.nan), "rate: expected a finite number"),
    "rates": (array_of("solver.rate", [1.0, 2.0]), "rate: expected a number"),
    "powers": (array_of("solver.powers", 1.0), "solver: expected"),
    "powers of more than 1": (array_of("solver.powers", [0.5, 2.0]), "powers: expected those of numbers below 1"),
    "half a training": (array_of("fitted.best_loss_", None), "the best loss or the best score"),
    "curve": (array_of("fitted.loss_curve_", [[1.0]]), "expected float64 of 1 dimensions"),
    "length": (array_of("history.loss", [1.0]), "columns of the same length"),
}  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """What is in a file, and its path."""
    path = tmp_path_factory.mktemp("estimator") / "model.npz"
    classifier().save(path)
    return path


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_found_out(lie, written, tmp_path):
    arrays, header = archive._parts(str(written))
    change, words = LIES[lie]
    told = json.loads(json.dumps(header["values"]["estimator"]))
    change(told, arrays)
    path = tmp_path / "model.npz"
    path.write_bytes(archive.pack(str(path), "estimator", arrays, {"estimator": told}))
    with pytest.raises(ValueError, match=rf"^path: '.*model\.npz': .*({words})"):
        mlpc.load(path)


def test_a_solver_of_which_less_is_known(written, tmp_path):
    """A file of an earlier version: what it lacks is as a constructor has it."""
    arrays, header = archive._parts(str(written))
    told = header["values"]["estimator"]
    del told["solver"]["learning_rate"]
    path = tmp_path / "model.npz"
    path.write_bytes(archive.pack(str(path), "estimator", arrays, {"estimator": told}))
    mlpc.load(path).save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == written.read_bytes()


def test_numbers_that_are_none_or_infinite(written):
    model = mlpc.load(written)
    assert model.validation_scores_ is None and model.best_validation_score_ is None
    assert {name for name in NUMBERS if hasattr(model, name)} == set(NUMBERS)
