"""Estimators out of files: nothing is believed that was not checked."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from mlpc.arguments import Array, real_array, real_number, whole_number
from mlpc.estimators.base import Estimator
from mlpc.estimators.classifier import MLPClassifier
from mlpc.estimators.files import COUNTS, NUMBERS, PLAN, SOLVER
from mlpc.estimators.labels import Labels
from mlpc.estimators.networks import core_names
from mlpc.estimators.regressor import MLPRegressor
from mlpc.estimators.solvers import Solver
from mlpc.estimators.values import value_of
from mlpc.history import History
from mlpc.net import MLP
from mlpc.restored_network import restored_network

__all__ = ["restored_estimator"]

_KINDS: dict[str, type[Estimator]] = {kind.__name__: kind for kind in (MLPClassifier, MLPRegressor)}
_PARTS = {"class", "parameters", "plan", "network", "counts", "none"}
_BEST = ("best_loss_", "validation_scores_", "best_validation_score_")  # the first, or both others
_LINKS = {"softmax": "softmax", "sigmoid": "logistic", "exp": "exp", "none": "identity"}  # to `out_activation_`


def restored_estimator(told: Any, arrays: dict[str, Array]) -> Any:
    """The estimator that `mlpc.estimators.files.save` has written.

    Raises
    ------
    TypeError, ValueError
        Where there is none.
    """
    if not isinstance(told, dict) or told.keys() - {"classes", "history", "solver"} != _PARTS:
        raise ValueError(f"estimator: expected {sorted(_PARTS)}, got {reprlib.repr(told)}")
    if not isinstance(told["class"], str) or told["class"] not in _KINDS:
        raise ValueError(f"class: expected {' or '.join(_KINDS)}, got {reprlib.repr(told['class'])}")
    arrays, kind = dict(arrays), _KINDS[told["class"]]
    made = _with_parameters(kind, told["parameters"], arrays)
    own = {key: arrays.pop(key) for key in list(arrays) if key.startswith("net.")}
    net = restored_network(told["network"], {key.removeprefix("net."): array for key, array in own.items()})
    made.n_features_in_, made.n_layers_, made.n_outputs_ = net.sizes[0], len(net.sizes), net.sizes[-1]
    made.out_activation_ = _LINKS[net.criterion.link]
    if net.feature_names is not None:
        made.feature_names_in_ = np.array(net.feature_names, object)
    if isinstance(made, MLPClassifier):
        made._labels = _labels(told.get("classes"), net, arrays)
        made.classes_ = made._labels.classes
    elif net.criterion.classifies or "classes" in told:
        raise ValueError(f"network: expected one of regression, got {net.loss_name}")
    if not isinstance(told["plan"], list) or len(told["plan"]) != len(PLAN):
        raise ValueError(f"plan: expected {PLAN}, got {reprlib.repr(told['plan'])}")
    made._planned = (*(value_of(*part, arrays) for part in zip(PLAN, told["plan"], strict=True)), net.criterion)
    _check_plan(made._planned, net)
    _note(made, told, arrays)
    made._best, made._random_state = net.state_dict(), check_random_state(made.random_state)
    made._adopt(net)
    if "solver" in told:
        settings = kind(**_values(told["solver"], arrays, SOLVER))
        made._optimizer = _solver(settings, net, arrays)
        made._solved_with = {name: getattr(settings, name) for name in SOLVER}
    if arrays:
        raise ValueError(f"expected no other arrays, got {reprlib.repr(sorted(arrays))}")
    return made


def _values(told: Any, arrays: dict[str, Array], names: Any) -> dict[str, Any]:
    """Parameters by name; a file of an earlier version may lack some."""
    if not isinstance(told, dict) or not told.keys() <= set(names):
        raise ValueError(f"parameters: expected some of {reprlib.repr(sorted(names))}, got {reprlib.repr(told)}")
    return {name: value_of(name, value, arrays) for name, value in told.items()}


def _with_parameters(kind: type[Estimator], told: Any, arrays: dict[str, Array]) -> Any:
    made = kind(**_values(told, arrays, kind().get_params()))
    made._validate_params()
    return made


def _check_plan(planned: tuple[Any, ...], net: MLP) -> None:
    """Whether the network is what the parameters that it was made of make."""
    activation, dropout, input_dropout, norm, _ = planned
    made = MLP(net.sizes, core_names(activation), dropout=dropout, input_dropout=input_dropout, norm=norm, init="zeros")
    if (made._blocks, made._dropout, made._norms) != (net._blocks, net._dropout, net._norms):
        raise ValueError(f"plan: expected that of {net}, got {reprlib.repr(planned)}")


def _labels(told: Any, net: MLP, arrays: dict[str, Array]) -> Labels:
    """Classes of numbers are an array, others texts; the network has an output for each."""
    if not isinstance(told, dict) or told.keys() - {"texts", "objects"} != {"several", "sparse"}:
        raise ValueError(f"classes: expected what they are, got {reprlib.repr(told)}")
    if "texts" in told:
        texts = told["texts"]
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"classes: expected texts, got {reprlib.repr(texts)}")
        classes = np.array(texts, object if told.get("objects") is True else None)
    else:
        classes = real_array("classes", arrays.pop("classes", None))
    if classes.ndim != 1 or not len(classes) or len(classes) > max(net.sizes[-1], 2):
        raise ValueError(f"classes: expected those of {net.sizes[-1]} outputs, got {reprlib.repr(classes)}")
    labels = Labels.again(classes, several=told["several"] is True, sparse=told["sparse"] is True)
    if labels.n_outputs != net.sizes[-1] or labels.link != net.criterion.link:
        raise ValueError(f"classes: expected those of {net}, got {reprlib.repr(classes)}")
    return labels


def _note(made: Any, told: dict[str, Any], arrays: dict[str, Array]) -> None:
    """What is known of the training."""
    if not isinstance(told["counts"], dict) or not {"n_iter_", "t_"} <= told["counts"].keys() <= set(COUNTS):
        raise ValueError(f"counts: expected {COUNTS}, got {reprlib.repr(told['counts'])}")
    for name, count in told["counts"].items():
        setattr(made, name, whole_number(name, count))
    if not isinstance(told["none"], list) or not all(name in NUMBERS for name in told["none"]):
        raise ValueError(f"none: expected some of {list(NUMBERS)}, got {reprlib.repr(told['none'])}")
    for name, dimensions in NUMBERS.items():
        if name in told["none"]:
            setattr(made, name, None)
        elif f"fitted.{name}" in arrays:
            setattr(made, name, _reals(arrays.pop(f"fitted.{name}"), dimensions))
    of_epochs = ("loss_curve_", "_no_improvement_count", *_BEST)
    if any(hasattr(made, name) for name in of_epochs):
        told_of = [getattr(made, name, ...) for name in of_epochs]
        best_loss, *best_score = (each is None for each in told_of[2:])
        if ... in told_of or None in told_of[:2] or best_score != [not best_loss] * 2:
            raise ValueError(f"expected {', '.join(of_epochs)}, the best loss or the best score, got others")
    if "history" in told:
        made.history_ = _history(told["history"], arrays)


def _reals(array: Array, dimensions: int) -> Any:
    if array.dtype != np.float64 or array.ndim != dimensions:
        raise ValueError(f"expected float64 of {dimensions} dimensions, got {array.dtype} of shape {array.shape}")
    return array.tolist()


def _history(told: Any, arrays: dict[str, Array]) -> History:
    columns = told.get("columns") if isinstance(told, dict) else None
    if not isinstance(columns, list) or told.keys() != {"columns", "zeros"}:
        raise ValueError(f"history: expected its columns, got {reprlib.repr(told)}")
    if told["zeros"] not in (None, "skipped", "multiplied"):
        raise ValueError(f"zeros: expected None, 'skipped' or 'multiplied', got {reprlib.repr(told['zeros'])}")
    history = History()
    history.zeros = told["zeros"]
    for name in columns:
        if not isinstance(name, str) or f"history.{name}" not in arrays:
            raise ValueError(f"history: expected the name of a column, got {reprlib.repr(name)}")
        history[name] = _reals(arrays.pop(f"history.{name}"), 1)
    if len({len(column) for column in history.values()}) > 1:
        raise ValueError("history: expected columns of the same length, got others")
    return history


def _solver(settings: Any, net: MLP, arrays: dict[str, Array]) -> Solver:
    settings._validate_params()
    if settings.solver == "lbfgs":
        raise ValueError("solver: expected one that remembers something, got 'lbfgs'")
    solver = Solver(net, settings)
    state = {key.removeprefix("optimizer."): arrays.pop(key) for key in list(arrays) if key.startswith("optimizer.")}
    numbers = {key.removeprefix("solver."): arrays.pop(key) for key in list(arrays) if key.startswith("solver.")}
    rates = {"learning_rate", "rate", "powers"} | (set() if callable(settings.learning_rate) else {"lr"})
    if numbers.keys() != rates or numbers["powers"].shape != (2,):
        raise ValueError(f"solver: expected {sorted(rates)}, got {reprlib.repr(numbers)}")
    solver.optimizer.load_state_dict(state)
    if "lr" in numbers:
        solver.optimizer.lr = real_number("lr", numbers["lr"])
    solver.learning_rate, solver.rate = (real_number(name, numbers[name]) for name in ("learning_rate", "rate"))
    solver._powers = real_number("powers", numbers["powers"][0]), real_number("powers", numbers["powers"][1])
    if max(solver._powers) > 1:
        raise ValueError(f"powers: expected those of numbers below 1, got {solver._powers}")
    return solver
