"""Every public door that takes data, and every hostile kind of data: each door has an answer to each kind.

Doors are found by looking at the package: one that is in neither list below fails, and so does a parameter that no list
knows, and a kind to which a role has no answer.
"""

import inspect
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import mlpc

rng = np.random.default_rng(0)
X = rng.normal(size=(8, 4))
Z = rng.normal(size=(8, 3))
LABELS = np.arange(8) % 3
BITS = (LABELS > 0).astype(float)[:, None]  # of one output
COUNTS = rng.integers(0, 4, (8, 1)).astype(float)
WEIGHTS = rng.uniform(0.5, 2, 8)
CLASS_WEIGHTS = np.array([1.0, 2.0, 0.5])
PICTURES = rng.uniform(size=(3, 16))
PROBA = np.full((3, 3), 1 / 3)
W, B = rng.normal(size=(3, 4)), rng.normal(size=3)
G = np.array([1.0, -0.5, 2.0])  # of norms

# ---- Hostile kinds ---------------------------------------------------------------------------------------------------


def changed(value, place_of):
    value = np.array(value, float)
    value[(1,) + (0,) * (value.ndim - 1)] = place_of
    return value


def masked(value):
    mask = np.zeros(np.shape(value), bool)
    mask.flat[1] = True
    return np.ma.array(value, mask=mask)


def lacking(value):
    """A table, or a column, of one of pandas' own types, in which one value is missing."""
    pandas = pytest.importorskip("pandas")
    whole = np.asarray(value).dtype.kind in "iu"
    table = (pandas.DataFrame if np.ndim(value) == 2 else pandas.Series)(value).astype("Int64" if whole else "Float64")
    table.iloc[(1, 0)[: table.ndim]] = pandas.NA
    return table


def nothing_in_it(value):
    value = np.array(value, object)
    value.flat[1] = None
    return value


def sparse(value):
    return pytest.importorskip("scipy.sparse").csr_matrix(np.atleast_2d(value))


def structured(value):
    return np.zeros(len(value), [("a", float), ("b", int)])


def tensor(value):
    torch = pytest.importorskip("torch")
    made = torch.tensor(np.asarray(value))
    return made.requires_grad_() if made.is_floating_point() else made


KINDS: dict[str, Callable[[Any], Any]] = {
    "nan": lambda value: changed(value, np.nan),
    "inf": lambda value: changed(value, np.inf),
    "masked": masked,
    "rows of which one is masked": lambda value: [masked(value)[i] for i in range(len(value))],
    "nothing masked": np.ma.array,
    "missing": lacking,
    "None in it": nothing_in_it,
    "length": lambda value: value[:-1],
    "complex": lambda value: value + 1j,
    "text": lambda value: np.asarray(value).astype(str),
    "structured": structured,
    "0-d": lambda value: np.array(np.asarray(value).flat[0]),
    "generator": lambda value: (row for row in value),
    "sparse": sparse,
    "tensor that requires gradients": tensor,
}

# ---- Answers ---------------------------------------------------------------------------------------------------------

REFUSED = "a TypeError or ValueError that names the argument"
CARRIED = "NaN in the result"
TAKEN = "some result"
SAME = "the result of the plain array"

FINITE = dict.fromkeys(KINDS, REFUSED) | {"nothing masked": SAME, "tensor that requires gradients": SAME}
CARRIES = FINITE | {"nan": CARRIED, "inf": TAKEN}  # numbers that become numbers
ALONE = {"length": TAKEN}  # nothing beside it has as many rows
ROWS = CARRIES | ALONE
ELEMENTS = ROWS | {"0-d": TAKEN}
SPARSE = {"sparse": SAME}  # x of networks
INPUT, INPUT_ROWS = FINITE | SPARSE, ROWS | SPARSE


@dataclass
class Arg:
    value: Any
    answers: Mapping[str, str] = field(default_factory=lambda: FINITE)
    name: str = ""  # a pattern, where messages call it otherwise
    meaningless: tuple[Any, ...] = ()  # what the loss cannot mean


@dataclass
class Door:
    """Arguments by name, "parameter: part" where the parameter holds several; counts, each with a right value."""

    call: Callable[..., Any]
    args: dict[str, Arg]
    counts: dict[str, Any] = field(default_factory=dict)

    def __call__(self, **replaced: Any) -> Any:
        values = {key: arg.value for key, arg in self.args.items()} | self.counts | replaced
        return self.call(**{key.replace(": ", "_"): value for key, value in values.items()})


# ---- Doors -----------------------------------------------------------------------------------------------------------


def net(loss="cross_entropy", n_out=3):
    return mlpc.MLP([4, 5, n_out], "tanh", loss=loss, dtype="float64", seed=1)


def after_forward(method):
    def call(**keywords):
        made = net()
        made.forward(X)
        return getattr(made, method)(**keywords), made.gradients

    return call


def fitted(x, y, validation_data_x, validation_data_y, validation_data_weight, **keywords):
    made, held = net(), (validation_data_x, validation_data_y, validation_data_weight)
    history = made.fit(x, y, validation_data=held, progress=False, **keywords)
    return [made.parameters, history["val_loss"]]


def run_of(x, y, validation_data_x, validation_data_y, validation_data_weight, **keywords):
    made, held = net(), (validation_data_x, validation_data_y, validation_data_weight)
    run = mlpc.training.Run(made, x, y, validation_data=held, **keywords)
    return [made.parameters, run.epoch()["val_loss"]]


def continued(state_weight):
    run = mlpc.training.Run(mlpc.MLP([4, 3], dtype="float64"), X, LABELS)
    run.load_state_dict(run.state_dict() | {"net.0.weight": state_weight})
    return run.net.parameters


def loaded(state_weight):
    made = mlpc.MLP([4, 3], dtype="float64")
    made.load_state_dict({"0.weight": state_weight, "0.bias": B})
    return made.parameters


def resumed(state_mean):
    optimizer = mlpc.optim.Adam(mlpc.MLP([4, 3], dtype="float64"))
    optimizer.load_state_dict(optimizer.state_dict() | {"mean": state_mean})
    return optimizer.state["mean"]


def swept(data_x, data_y, validation_data_x, validation_data_y, variants_sizes, seeds_one, **keywords):
    pytest.importorskip("pandas")
    table = mlpc.sweep(
        {"a": {"sizes": [4, variants_sizes, 3], "dtype": "float64"}},
        (data_x, data_y),
        validation_data=(validation_data_x, validation_data_y),
        seeds=[seeds_one],
        progress=False,
        **keywords,
    )
    return [sum(bytes.fromhex(digest)) for digest in table["digest"]]


def of_course(make, x, **arguments):
    """forward, and backward where there are arguments for it."""
    np.random.seed(0)  # noqa: NPY002  # the course's stream
    made = make()
    z = made.forward(x)
    return made.backward(**arguments) if arguments else z


def trained(training_set_x, training_set_y, validation_set_x, validation_set_y, nepochs, nbatch):
    np.random.seed(0)  # noqa: NPY002
    training, validation = (training_set_x, training_set_y), (validation_set_x, validation_set_y)
    return mlpc.course.train_eval(mlpc.course.MLP([4, 5, 3]), 0.1, nepochs, nbatch, training, validation)


def pictured(name, **keywords):
    pytest.importorskip("matplotlib")
    return len(getattr(mlpc.plot, name)(**keywords).axes)


def compared(**keywords):
    pytest.importorskip("torch")
    return [difference.largest for difference in mlpc.testing.compare_with_torch(net(), **keywords)]


def absorbed(**constants):
    made = net("mse")
    made.absorb(**constants)
    return made.parameters


def in_c(data):
    with tempfile.TemporaryDirectory() as folder:
        report = net().to_c(f"{folder}/net.c", dtype="int8", data=data)
    return np.array(report.before + report.after)


THIRDS = np.full((8, 3), 1 / 3)
MEANINGLESS = {
    "cross_entropy": (LABELS - 1, LABELS + 1, LABELS * 1.0, 2 * THIRDS, 0 * THIRDS, THIRDS - 1),
    "bce_with_logits": (2 * BITS - 1, BITS + 1, 255 * BITS),
    "poisson": (COUNTS - 5,),
}


def labels(name=""):
    return Arg(LABELS, name=name, meaningless=MEANINGLESS["cross_entropy"])


def weights():
    return {"sample_weight": Arg(WEIGHTS)}


def class_weights():
    return {"class_weight": Arg(CLASS_WEIGHTS)}


def running():
    return {"running_mean": Arg(B, CARRIES), "running_var": Arg(CLASS_WEIGHTS, CARRIES)}


SWEPT = r"(variants\['a'\]: )?"  # sweep says for which variant data do not do
DOORS = {
    "MLP": Door(
        lambda init_weight, sizes_out: mlpc.MLP([4, sizes_out], dtype="float64", init=[init_weight, B]).parameters,
        {"init: weight": Arg(W, CARRIES, r"0\.weight")},
        {"sizes: out": 3},
    ),
    "MLP.fit": Door(
        fitted,
        {
            "x": Arg(X, INPUT, name="[xy]"),
            "y": labels(),
            "validation_data: x": Arg(X, INPUT, name="validation_data: [xy]"),
            "validation_data: y": labels(),
            "validation_data: weight": Arg(WEIGHTS, name="validation_data: sample_weight"),
        }
        | weights()
        | class_weights(),
        {"epochs": 2, "batch_size": 3, "seed": 1, "accumulate_batches": 1},
    ),
    "Run": Door(
        run_of,
        {
            "x": Arg(X, INPUT, name="[xy]"),
            "y": labels(),
            "validation_data: x": Arg(X, INPUT, name="validation_data: [xy]"),
            "validation_data: y": labels(),
            "validation_data: weight": Arg(WEIGHTS, name="validation_data: sample_weight"),
        }
        | weights()
        | class_weights(),
        {"batch_size": 3, "seed": 1, "accumulate_batches": 1},
    ),
    "Run.load_state_dict": Door(continued, {"state: weight": Arg(W, CARRIES, r"0\.weight")}),
    "MLP.forward": Door(lambda x: net().forward(x), {"x": Arg(X, INPUT_ROWS)}),
    "MLP.predict": Door(lambda x: net().predict(x), {"x": Arg(X, INPUT | ALONE | {"inf": TAKEN})}),
    "MLP.predict_proba": Door(lambda x: net().predict_proba(x), {"x": Arg(X, INPUT_ROWS)}),
    "Predictor": Door(
        lambda **arrays: mlpc.Predictor([4, 2, 3], ["tanh"], "float64", "mse", norms=["batch"], **arrays).logits(X),
        {"parameters": Arg(rng.normal(size=23), CARRIES), "statistics": Arg(rng.uniform(0.5, 2, 4), CARRIES)},
    ),
    "Predictor.logits": Door(lambda x: net().freeze().logits(x), {"x": Arg(X, INPUT_ROWS)}),
    "Predictor.predict": Door(lambda x: net().freeze().predict(x), {"x": Arg(X, INPUT | ALONE | {"inf": TAKEN})}),
    "Predictor.predict_proba": Door(lambda x: net().freeze().predict_proba(x), {"x": Arg(X, INPUT_ROWS)}),
    "MLP.loss": Door(after_forward("loss"), {"y": labels("y|sample_weight")} | weights()),
    "MLP.backward": Door(after_forward("backward"), {"dz": Arg(Z, CARRIES)}),
    "MLP.loss_and_grad": Door(
        lambda **keywords: net().loss_and_grad(**keywords),
        {"x": Arg(X, CARRIES | SPARSE, "[xy]"), "y": labels("y|sample_weight")} | weights(),
    ),
    "MLP.to_c": Door(
        lambda data_x, data_y: in_c((data_x, data_y)),
        {"data: x": Arg(X, INPUT, "[xy]"), "data: y": labels("y")},
    ),
    "MLP.evaluate": Door(
        lambda **keywords: net().evaluate(**keywords),
        {"x": Arg(X, INPUT, name="[xy]"), "y": labels("y|sample_weight")} | weights() | class_weights(),
    ),
    "MLP.score": Door(
        lambda **keywords: net().score(**keywords),
        {"x": Arg(X, INPUT, name="[xy]"), "y": labels("y|sample_weight")} | weights(),
    ),
    "MLP.measure": Door(
        lambda **keywords: [np.array(list(net().measure(metrics=["top_2"], **keywords).values()))],
        {"x": Arg(X, INPUT, name="[xy]"), "y": labels("y|sample_weight")} | weights(),
    ),
    "MLP.loss_per_class": Door(
        lambda **keywords: net().loss_per_class(**keywords),
        {"x": Arg(X, INPUT, name="[xy]"), "y": labels("y|sample_weight")} | weights(),
    ),
    "MLP.absorb": Door(
        absorbed,
        {
            "input_mean": Arg(X[0], FINITE | {"0-d": TAKEN}),
            "input_std": Arg(abs(X[0]), FINITE | {"0-d": TAKEN}),
            "output_mean": Arg(B, FINITE | {"0-d": TAKEN}),
            "output_std": Arg(abs(B), FINITE | {"0-d": TAKEN}),
        },
    ),
    "standardize": Door(mlpc.standardize, {"x": Arg(X, FINITE | ALONE)}),
    "MLP.load_state_dict": Door(loaded, {"state: weight": Arg(W, CARRIES, r"0\.weight")}),
    "Adam.load_state_dict": Door(resumed, {"state: mean": Arg(np.linspace(-1, 1, 15), CARRIES, "mean")}),
    "gradcheck": Door(
        lambda **keywords: [check.relative for check in mlpc.gradcheck(net(), **keywords)],
        {"x": Arg(X, name="[xy]"), "y": labels("y|sample_weight")} | weights(),
        {"max_checks": 3, "seed": 1},
    ),
    "lr_range_test": Door(
        lambda **keywords: mlpc.lr_range_test(net(), **keywords).loss,
        {"x": Arg(X, INPUT, name="[xy]"), "y": labels()},
        {"steps": 12, "batch_size": 4, "seed": 1},
    ),
    "sweep": Door(
        swept,
        {
            "data: x": Arg(X, INPUT, SWEPT + "(data: )?[xy]"),
            "data: y": labels(SWEPT + "(data: )?y"),
            "validation_data: x": Arg(X, INPUT, SWEPT + "validation_data: [xy]"),
            "validation_data: y": labels(SWEPT + "validation_data: y"),
        },
        {"variants: sizes": 5, "epochs": 2, "batch_size": 3, "seeds: one": 1, "jobs": 1},
    ),
    "batches": Door(
        lambda **keywords: np.concatenate(list(mlpc.training.batches(**keywords))),
        {},
        {"n": 9, "batch_size": 4, "seed": 1, "epoch": 2},
    ),
    "linear_forward": Door(
        mlpc.ops.linear_forward,
        {"x": Arg(X, ROWS), "w": Arg(W, CARRIES, "w|weight|bias"), "b": Arg(B, CARRIES, "b|bias")},
    ),
    "linear_backward": Door(
        lambda **keywords: [d.sum() for d in mlpc.ops.linear_backward(**keywords)],
        {"dz": Arg(Z, CARRIES), "x": Arg(X, CARRIES, "x|dz"), "w": Arg(W, CARRIES, "w|weight|dz")},
    ),
    "dropout": Door(
        lambda **keywords: mlpc.ops.dropout(p=0.1, **keywords),
        {"x": Arg(Z, ROWS)},
        {"seed": 1, "layer": 1, "t": 0},
    ),
    "input_noise": Door(
        lambda **keywords: mlpc.ops.input_noise(deviation=0.1, **keywords), {"x": Arg(Z, ROWS)}, {"seed": 1, "t": 0}
    ),
    "layer_norm_forward": Door(
        mlpc.ops.layer_norm_forward, {"x": Arg(Z, ROWS), "gain": Arg(G, CARRIES), "shift": Arg(B, CARRIES)}
    ),
    "layer_norm_backward": Door(
        mlpc.ops.layer_norm_backward,
        {"dy": Arg(Z, CARRIES), "x": Arg(2 * Z, CARRIES, "x|dy"), "gain": Arg(G, CARRIES)},
    ),
    "batch_norm_forward": Door(
        lambda **keywords: mlpc.ops.batch_norm_forward(training=False, **keywords),
        {"x": Arg(Z, ROWS), "gain": Arg(G, CARRIES), "shift": Arg(B, CARRIES)} | running(),
    ),
    "batch_norm_backward": Door(
        lambda **keywords: mlpc.ops.batch_norm_backward(training=False, **keywords),
        {"dy": Arg(Z, CARRIES), "x": Arg(2 * Z, CARRIES, "x|dy"), "gain": Arg(G, CARRIES)} | running(),
    ),
    "cross_entropy": Door(
        lambda **keywords: mlpc.losses.cross_entropy(**keywords)[1],
        {"z": Arg(Z, CARRIES, "[zy]"), "y": labels("y|sample_weight")} | weights() | class_weights(),
    ),
    "confusion_matrix": Door(
        lambda **keywords: pictured("confusion_matrix", **keywords),
        {"y": Arg(LABELS, name="y|predicted"), "predicted": Arg(LABELS[::-1].copy())},
    ),
    "digit_gallery": Door(
        lambda **keywords: pictured("digit_gallery", **keywords),
        {"x": Arg(PICTURES, name="[xy]"), "y": Arg(np.arange(3)), "proba": Arg(PROBA)},
        {"columns": 2},
    ),
    "first_layer": Door(
        lambda **keywords: pictured("first_layer", **keywords),
        {"net": Arg(PICTURES, FINITE | ALONE)},
        {"count": 2, "columns": 2},
    ),
    "histograms": Door(
        lambda networks_layer: pictured("histograms", networks={"a": [networks_layer]}),
        {"networks: layer": Arg(X, FINITE | ALONE | {"0-d": TAKEN}, r"networks\['a'\]\[0\]")},
    ),
    "datasets.from_torch": Door(
        lambda dataset_image: mlpc.datasets.from_torch([(PICTURES[0], 1), (dataset_image, 0)])[0],
        {"dataset: image": Arg(PICTURES[1], CARRIES, r"dataset\[1\]")},
    ),
    "stratified_split": Door(
        lambda **keywords: np.concatenate(mlpc.datasets.stratified_split(**keywords)),
        # Classes may have any names.
        {"y": Arg(LABELS, FINITE | ALONE | {"inf": TAKEN, "text": TAKEN, "complex": TAKEN, "structured": TAKEN})},
        {"n_validation": 3, "seed": 1},
    ),
    "LinearLayer": Door(lambda **keywords: mlpc.course.LinearLayer(**keywords).w.shape, {}, {"nx": 4, "nh": 3}),
    "LinearLayer.forward": Door(lambda x: of_course(lambda: mlpc.course.LinearLayer(4, 3), x), {"x": Arg(X, ROWS)}),
    "LinearLayer.backward": Door(
        lambda dz: of_course(lambda: mlpc.course.LinearLayer(4, 3), X, dz=dz), {"dz": Arg(Z, CARRIES)}
    ),
    "course.MLP": Door(lambda nx: mlpc.course.MLP(nx, [3]).nunits, {}, {"nx": 4}),
    "course.MLP.forward": Door(lambda x: of_course(lambda: mlpc.course.MLP([4, 5, 3]), x), {"x": Arg(X, ROWS)}),
    "course.MLP.backward": Door(
        lambda dy: of_course(lambda: mlpc.course.MLP([4, 5, 3]), X, dy=dy), {"dy": Arg(Z, CARRIES, "dz")}
    ),
    "CELoss.value": Door(
        lambda **keywords: mlpc.course.CELoss().value(**keywords), {"z": Arg(Z, CARRIES, "[zy]"), "y": labels()}
    ),
    "CELoss.derivative": Door(
        lambda **keywords: mlpc.course.CELoss().derivative(**keywords), {"z": Arg(Z, CARRIES, "[zy]"), "y": labels()}
    ),
    "train_eval": Door(
        trained,
        {
            "training_set: x": Arg(X, name="training_set(: x)?|[xy]"),
            "training_set: y": labels("training_set(: y)?|y"),
            "validation_set: x": Arg(X, name="validation_(set|data)(: [xy])?"),
            "validation_set: y": labels("validation_(set|data)(: [xy])?"),
        },
        {"nepochs": 2, "nbatch": 3},
    ),
    "compare_with_torch": Door(compared, {"x": Arg(X, name="[xy]"), "y": labels("y|sample_weight")} | weights()),
}
for name in mlpc.losses.LOSSES:
    if name not in DOORS:
        DOORS[name] = Door(
            lambda name=name, **keywords: getattr(mlpc.losses, name)(**keywords)[1],
            {
                "z": Arg(Z[:, :1], CARRIES, "[zy]"),
                "y": Arg(
                    COUNTS if name == "poisson" else BITS, name="y|sample_weight", meaningless=MEANINGLESS.get(name, ())
                ),
                "sample_weight": Arg(WEIGHTS),
            },
        )
DOORS["dropout"] = Door(
    lambda **keywords: mlpc.ops.dropout(p=0.25, **keywords), {"x": Arg(X, ROWS)}, {"seed": 1, "layer": 0, "t": 0}
)
DOORS["input_noise"] = Door(
    lambda **keywords: mlpc.ops.input_noise(deviation=0.1, **keywords), {"x": Arg(X, ROWS)}, {"seed": 1, "t": 0}
)
for name in mlpc.ops.names():
    if name not in DOORS:
        if name.endswith("_backward"):
            # The slope of a kink is chosen by comparisons, which NaN does not pass.
            args = {"da": Arg(abs(Z), CARRIES, "da|z"), "z": Arg(Z, CARRIES | {"nan": TAKEN}, "da|z")}
        elif name in ("softmax", "log_softmax") or name.endswith("_forward"):
            args = {"z": Arg(Z, ELEMENTS if name.endswith("_forward") else ROWS)}
        else:
            args = {"x": Arg(abs(Z), ELEMENTS)}
        DOORS[name] = Door(getattr(mlpc.ops, name), args)
for name in ("SigmoidActivation", "ReLUActivation"):
    make = getattr(mlpc.course, name)
    DOORS[f"{name}.forward"] = Door(lambda z, make=make: of_course(make, z), {"z": Arg(Z, ELEMENTS)})
    DOORS[f"{name}.backward"] = Door(
        lambda da, make=make: of_course(make, Z, da=da), {"da": Arg(abs(Z), CARRIES, "da|z")}
    )

TAKE_NO_DATA = [
    "MLPClassifier",  # whose methods are scikit-learn's to check
    "MLPRegressor",
    "MLP.train",
    "MLP.eval",
    "MLP.freeze",
    "MLP.save",
    "load",
    "MLP.state_dict",
    "MLP.summary",
    "MLP.zero_grad",
    "MLP.copy",
    "MLP.digest",
    "MLP.to_onnx",
    "MLP.to_torch",
    "from_sklearn",
    "from_torch",
    "Metric",
    "metrics_of",
    "Run.epoch",
    "Run.stop",
    "Run.state_dict",
    "SGD",
    "Adam",
    "AdamW",
    "RMSprop",
    "Adagrad",
    "Rprop",
    "LBFGS",
    "Optimizer",
    *(kind.__name__ for kind in (mlpc.losses.Loss, mlpc.losses.Custom, *mlpc.losses.LOSSES.values())),
    "by_torch",
    "by_jax",
    "Adam.epoch_spec",
    "Adam.state_dict",
    "Adam.step",
    "Adam.zero_grad",
    "DivergenceError",
    "InUseError",
    "History",
    "LRRange",
    "get_num_threads",
    "set_num_threads",
    "names",
    "learning_curves",
    "lr_range",
    "rate_search",
    "require_matplotlib",
    "load_digits",
    "load_mnist",
    "load_data",
    "Difference",
    "Differences",
    "digest",
    "torch_reference",
    "use_masks",
    "Curves",
    "LinearLayer.update",
    "course.MLP.update",
    "SigmoidActivation",
    "ReLUActivation",
    "SigmoidActivation.update",
    "ReLUActivation.update",
    "CELoss",
]
"""Doors for networks, histories and settings."""

NOT_DATA = [
    "self",
    "net",
    "out",
    "feature_names",
    "loss",
    "label_smoothing",
    "delta",
    "q",
    "pos_weight",
    "reduction",
    "scale",
    "accumulate",
    "optimizer",
    "lr",
    "shuffle",
    "progress",
    "validation_split",
    "metric",
    "metrics",
    "callbacks",
    "max_seconds",
    "resume",
    "tick",
    "keep_gradients",
    "steps_per_epoch",
    "max_seconds",
    "resume",
    "input_noise",
    "dropout",
    "input_dropout",
    "p",
    "deviation",
    "sizes",
    "activation",
    "activations",
    "dtype",
    "seed",
    "gradients",
    "eps",
    "training",
    "momentum",
    "norm",
    "norms",
    "dropout",
    "input_dropout",
    "input_noise",
    "p",
    "deviation",
    "tolerance",
    "lr_min",
    "lr_max",
    "options",
    "seeds",
    "records",
    "proba",
    "quantity",
    "label",
    "model",
    "units",
    "nunits",
    "activation_class",
    "init",
    "path",
    "name",
    "workspace",
    "negative_slope",
    "alpha",
]
"""Parameters that hold no rows and count nothing; `seed` counts where a door says so."""

PUBLIC_NAMES = ("course", "datasets", "losses", "metrics", "ops", "optim", "plot", "testing", "training")


def public():
    """Every public function, class and method that somebody may give data to, by its name."""
    found = {}
    for module in (mlpc, *(getattr(mlpc, name) for name in PUBLIC_NAMES)):
        for name in module.__all__:
            thing = getattr(module, name)
            if not (inspect.isclass(thing) or inspect.isfunction(thing)) or (
                module is mlpc.training and name == "fit"
            ):  # MLP.fit
                continue
            name = f"course.{name}" if thing is mlpc.course.MLP else name
            name = f"datasets.{name}" if thing is mlpc.datasets.from_torch else name
            found[name] = thing
            own = module is mlpc.course or thing in (mlpc.MLP, mlpc.Predictor, mlpc.optim.Adam, mlpc.training.Run)
            if own and isinstance(thing, type) and not issubclass(thing, tuple):
                for part in (part for owner in thing.__mro__ for part in vars(owner) if owner.__module__ != "builtins"):
                    method = getattr(thing, part)
                    if not part.startswith("_") and inspect.isfunction(method):
                        found[f"{name}.{part}"] = method
    return found


PUBLIC = public()


def test_every_door_is_in_one_of_the_lists():
    assert set(PUBLIC) == {*DOORS, *TAKE_NO_DATA}
    assert not set(DOORS) & set(TAKE_NO_DATA)


@pytest.mark.parametrize("name", DOORS)
def test_every_parameter_is_known(name):
    known = {key.split(": ")[0] for key in (*DOORS[name].args, *DOORS[name].counts)}
    assert set(inspect.signature(PUBLIC[name]).parameters) <= known | set(NOT_DATA)


ARGS = [(name, key) for name, door in DOORS.items() for key in door.args]


def numbers(result):
    if isinstance(result, (tuple, list)) and any(np.ndim(part) for part in result):
        return [numbers(part) for part in result]
    return np.asarray(result)


def has_nan(result):
    return any(map(has_nan, result)) if isinstance(result, list) else bool(np.isnan(result).any())


def refuses(name, key):
    pattern = DOORS[name].args[key].name if key in DOORS[name].args else ""
    return pytest.raises((TypeError, ValueError), match=f"^({pattern or key}): ")


def check_answer(name, key, kind):
    door, arg = DOORS[name], DOORS[name].args[key]
    hostile, answer = KINDS[kind](arg.value), arg.answers[kind]
    if answer == REFUSED:
        with refuses(name, key):
            door(**{key: hostile})
        return
    result = numbers(door(**{key: hostile}))
    if answer == CARRIED:
        assert has_nan(result)
    elif answer == SAME:
        plain = numbers(door())
        for one, other in zip(*((r if isinstance(r, list) else [r]) for r in (result, plain)), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore::RuntimeWarning:mlpc", "ignore:.*divide|.*invalid|.*overflow:RuntimeWarning")
@pytest.mark.parametrize(("name", "key"), ARGS, ids=[f"{name}-{key}" for name, key in ARGS])
def test_every_door_has_an_answer_to_every_kind(name, key):
    """All kinds in one test: a test for each took longer to begin and to end than to run."""
    failed, skipped = {}, []
    for kind in KINDS:
        try:
            check_answer(name, key, kind)
        except pytest.skip.Exception as reason:
            skipped.append(reason)
        except (Exception, pytest.fail.Exception) as error:
            failed[kind] = error
    assert not failed
    if skipped:
        raise skipped[0]


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, key in ARGS if DOORS[name].args[key].meaningless])
def test_every_door_refuses_what_its_loss_cannot_mean(name, key):
    for targets in DOORS[name].args[key].meaningless:
        with refuses(name, key):
            DOORS[name](**{key: targets})


OF_A_LOSS = {
    "fit": lambda net, y: net.fit(X, y, epochs=1, progress=False),
    "validation_data": lambda net, y: net.fit(X, BITS, epochs=1, progress=False, validation_data=(X, y)),
    "evaluate": lambda net, y: net.evaluate(X, y),
    "loss_and_grad": lambda net, y: net.loss_and_grad(X, y),
    "loss": lambda net, y: [net.forward(X), net.loss(y)],
    "gradcheck": lambda net, y: mlpc.gradcheck(net, X, y),
    "lr_range_test": lambda net, y: mlpc.lr_range_test(net, X, y, steps=12),
    "compare_with_torch": lambda net, y: mlpc.testing.compare_with_torch(net, X, y),
}


@pytest.mark.parametrize("door", OF_A_LOSS)
@pytest.mark.parametrize("loss", ["bce_with_logits", "poisson"])
def test_networks_refuse_what_their_loss_cannot_mean(loss, door):
    if door == "compare_with_torch":
        pytest.importorskip("torch")
    for targets in MEANINGLESS[loss]:
        for y in (targets, targets[:, 0]):
            with pytest.raises(ValueError, match=r"^(validation_data: )?y: "):
                OF_A_LOSS[door](net(loss, 1), y)


@pytest.mark.parametrize("door", OF_A_LOSS)
def test_one_output_has_no_classes(door):
    if door == "compare_with_torch":
        pytest.importorskip("torch")
    with pytest.raises((TypeError, ValueError), match="cross_entropy"):
        OF_A_LOSS[door](net("cross_entropy", 1), np.zeros(8, int))


FRACTIONS = [(name, key) for name, door in DOORS.items() for key in door.counts]


@pytest.mark.parametrize("value", [2.5, np.float64(2.5), "2"])
@pytest.mark.parametrize(("name", "key"), FRACTIONS)
def test_no_fraction_is_a_count(name, key, value):
    with pytest.raises(TypeError, match=r"expected .*(integer|whole number)"):
        DOORS[name](**{key: value})


ON_A_SMALL_STACK = """
import importlib.util, sys, threading, warnings
warnings.simplefilter("ignore")
spec = importlib.util.spec_from_file_location("doors", sys.argv[1])
doors = sys.modules["doors"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(doors)
for door in doors.DOORS.values():
    door()  # what is imported or made but once is there
threading.stack_size(64 * 1024)
for name, door in doors.DOORS.items():
    done = []
    thread = threading.Thread(target=lambda: done.append(door()))
    thread.start()
    thread.join()
    print(name if done else f"{name} failed", flush=True)
"""


@pytest.mark.slow  # and so without sanitizers, which take more stack
def test_every_door_opens_on_a_small_stack():
    """64 KB, as other programs give their threads; one that takes more ends the process after the name before it."""
    pytest.importorskip("torch")
    done = subprocess.run(
        [sys.executable, "-c", ON_A_SMALL_STACK, __file__], capture_output=True, text=True, timeout=600
    )
    assert done.stdout.splitlines() == list(DOORS), (done.returncode, done.stderr[-2000:])
