"""What both estimators are: a network with scikit-learn's parameters, attributes and conventions."""

from __future__ import annotations

import math
import warnings
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, validate_data

from mlpc import _mlpc
from mlpc.arguments import Array
from mlpc.estimators import stopping
from mlpc.estimators.epochs import Epochs, Part
from mlpc.estimators.frozen import Frozen
from mlpc.estimators.initial_values import glorot_uniform
from mlpc.estimators.inputs import Inputs
from mlpc.estimators.lbfgs import minimize
from mlpc.estimators.objective import Objective
from mlpc.estimators.parameters import CONSTRAINTS
from mlpc.estimators.solvers import Solver
from mlpc.layer import Linear
from mlpc.losses import Loss
from mlpc.net import MLP

__all__ = ["Estimator"]

_NAMES = {"logistic": "sigmoid"}  # scikit-learn's, and the core's
_SPARSE = ["csr", "csc"]


class Estimator(BaseEstimator):
    """A network that is made, trained and asked by scikit-learn's conventions.

    Subclasses say which loss there is, and turn y into what the network learns.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS
    _no_improvement_count: int

    # ---- What subclasses say -----------------------------------------------------------------------------------------

    def _validated(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
        """X, checked, and what the network is to learn of it."""
        raise NotImplementedError

    def _outputs(self, y: Array) -> int:
        """How many outputs the network has that learns y."""
        raise NotImplementedError

    def _criterion(self) -> Loss:
        """The network's own loss."""
        raise NotImplementedError

    def _objective(self, net: MLP) -> Objective:
        """What is minimised."""
        raise NotImplementedError

    def _output_name(self) -> str:
        """What `out_activation_` says."""
        raise NotImplementedError

    def _stratum(self, y: Array) -> Array | None:
        """By what rows are drawn in equal shares for early stopping."""
        raise NotImplementedError

    def _score_of(self, z: Array, part: Part) -> float:
        """How good the outputs are, where they are numbers."""
        raise NotImplementedError

    def _goes_through_batches(self) -> bool:
        if self.solver == "lbfgs":
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True

    # ---- The network -------------------------------------------------------------------------------------------------

    def _make_network(self, sizes: list[int], dtype: np.dtype[Any]) -> MLP:
        activation: Any = _NAMES.get(self.activation, self.activation)
        return MLP(sizes, activation, loss=self._criterion(), dtype=dtype.name, init="zeros")

    def _adopt(self, net: MLP) -> MLP:
        """Make it the estimator's: `coefs_` and `intercepts_` are its parameters themselves."""
        linear = [layer for layer in net.layers if isinstance(layer, Linear)]
        self.network_ = net
        self.coefs_ = [layer.weight.T for layer in linear]
        self.intercepts_ = [layer.bias for layer in linear]
        self._own = [*self.coefs_, *self.intercepts_]
        self._frozen = Frozen(net)
        return net

    def _network(self) -> MLP:
        """The network, with what was written to, or put in the place of, `coefs_` and `intercepts_`."""
        given, own = [*self.coefs_, *self.intercepts_], getattr(self, "_own", None)
        if own is not None and len(own) == len(given) and all(map(_same, given, own)):
            return self.network_
        weights, biases = [np.asarray(each) for each in self.coefs_], [np.asarray(each) for each in self.intercepts_]
        sizes = [len(weights[0]), *(weight.shape[1] for weight in weights)]
        net = getattr(self, "network_", None)
        if net is None or list(net.sizes) != sizes:
            net = self._make_network(sizes, weights[0].dtype)
        for layer, weight, bias in zip(
            (layer for layer in net.layers if isinstance(layer, Linear)), weights, biases, strict=True
        ):
            layer.weight, layer.bias = weight.T, bias
        net.eval()
        return self._adopt(net)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if "network_" in state:
            self._network()
            state = {name: value for name, value in state.items() if name not in _MADE}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "network_" in state:
            self._adopt(self.network_)

    # ---- fit ---------------------------------------------------------------------------------------------------------

    def _fit(self, X: Any, y: Any, sample_weight: Any, incremental: bool = False) -> None:
        hidden = list(self.hidden_layer_sizes) if np.iterable(self.hidden_layer_sizes) else [self.hidden_layer_sizes]
        if np.any(np.array(hidden) <= 0):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        X, y = self._validated(X, y, incremental, reset=first)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X).astype(np.float64)
        self.n_outputs_ = self._outputs(y)
        self._random_state = check_random_state(self.random_state)
        net = self._first_network(X, y, hidden) if first else self._network()
        part = Part(Inputs(X, net.dtype), y.astype(net.dtype) if y.dtype.kind == "f" else y, weights)
        if self.solver == "lbfgs":
            self._fit_lbfgs(net, part)
        else:
            self._fit_stochastic(net, part, incremental)
        if not _mlpc.all_finite(net.parameters):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
                "preprocessed."
            )

    def _first_network(self, X: Any, y: Array, hidden: list[int]) -> MLP:
        sizes = [X.shape[1], *hidden, self.n_outputs_]
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = len(sizes)
        self.out_activation_ = self._output_name()
        net = self._make_network(sizes, X.dtype)
        values = glorot_uniform(sizes, self.activation, self._random_state)
        linear = [layer for layer in net.layers if isinstance(layer, Linear)]
        for layer, (weight, bias) in zip(linear, values, strict=True):
            layer.weight, layer.bias = weight.T, bias
        self._adopt(net.eval())
        self._best = net.state_dict()
        if self.solver != "lbfgs":
            stopping.begin(self)
        return net

    def _fit_lbfgs(self, net: MLP, part: Part) -> None:
        double = net if net.dtype == np.float64 else net.copy(dtype="float64")
        part = Part(Inputs(part.x.held, double.dtype), part.y, part.weights)
        settings = {"max_iter": self.max_iter, "max_fun": self.max_fun, "tol": self.tol}
        self.n_iter_, self.loss_ = minimize(self._objective(double), part, verbose=bool(self.verbose), **settings)
        if double is not net:
            net.parameters[:] = double.parameters

    def _fit_stochastic(self, net: MLP, part: Part, incremental: bool) -> None:
        solver = getattr(self, "_optimizer", None)
        if not incremental or solver is None or solver.net is not net:
            self._optimizer = Solver(net, self)
            if self.warm_start and solver is not None:
                self._optimizer.continue_from(solver)
        held: Part | None = None
        if self.early_stopping:
            part, held = self._split(part)
        epochs = Epochs(
            self._objective(net), self._optimizer, part, self._batch_rows(len(part.x)),
            self._random_state if self.shuffle else None,
        )  # fmt: skip
        self.n_iter_ = 0
        try:
            for _ in range(1 if incremental else self.max_iter):
                self._epoch(epochs, held)
                if self._no_improvement_count > self.n_iter_no_change:
                    if not self._goes_on():
                        break
                    self._no_improvement_count = 0
                if self.n_iter_ == self.max_iter and not incremental:
                    warnings.warn(
                        f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization "
                        "hasn't converged yet.",
                        ConvergenceWarning,
                        stacklevel=4,
                    )
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
        if self.early_stopping:
            net.load_state_dict(self._best)

    def _epoch(self, epochs: Epochs, held: Part | None) -> None:
        """One epoch, and what is noted of it."""
        self.loss_ = epochs.train()
        self.n_iter_ += 1
        self.t_ += len(epochs.part.x)
        self.loss_curve_.append(self.loss_)
        if self.verbose:
            print(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")
        net = epochs.objective.net
        if held is None:
            stopping.note_loss(self, self.loss_)
        else:
            z = _mlpc.Net._logits(net, held.x[:])
            score = self._score_of(z, held) if _mlpc.all_finite(z) else math.nan
            stopping.note_score(self, score, net.state_dict())
            if self.verbose:
                print(f"Validation score: {score:f}")
        self._optimizer.epoch_ends(self.t_)

    def _goes_on(self) -> bool:
        """Where nothing improves any more: whether a lower rate may help."""
        lowered = self._optimizer.lowers_rate()
        if self.verbose:
            end = f"Setting learning rate to {self._optimizer.learning_rate:f}" if lowered else "Stopping."
            end = f"Learning rate too small. {end}" if self._optimizer.adapts and not lowered else end
            print(stopping.message(self), end)
        return lowered

    def _split(self, part: Part) -> tuple[Part, Part]:
        """The rows to train on, and those that say when to stop."""
        rows = np.arange(len(part.x))
        train, held = train_test_split(
            rows, random_state=self._random_state, test_size=self.validation_fraction, stratify=self._stratum(part.y)
        )
        if len(held) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        return part.rows(train), part.rows(held)

    def _batch_rows(self, n: int) -> int:
        if self.batch_size == "auto":
            return min(200, n)
        if self.batch_size > n:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=5
            )
        return int(min(self.batch_size, n))

    # ---- predict -----------------------------------------------------------------------------------------------------

    def _predicted(self, X: Any, output: str) -> Array:
        """What the network says of X: its "prediction" or its "probabilities"; from any number of threads at once."""
        self._network()
        predictor = self._frozen.predictor()
        if not (type(X) is np.ndarray and X.dtype == predictor.dtype and self._fits(X)):
            X = validate_data(self, X, accept_sparse=_SPARSE, reset=False)
            if not isinstance(X, np.ndarray):
                rows = Inputs(X, predictor.dtype)
                starts = range(0, len(rows), _ROWS_AT_A_TIME)
                return np.concatenate([predictor._predict(rows[i : i + _ROWS_AT_A_TIME], output, None) for i in starts])
        return predictor._predict(X, output, None)

    def _fits(self, X: Array) -> bool:
        """Whether there is nothing to check about it that scikit-learn knows of."""
        return (
            X.ndim == 2
            and X.shape[1] == self.n_features_in_
            and len(X) > 0
            and not hasattr(self, "feature_names_in_")
            and _mlpc.all_finite(X)
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


_MADE = ("coefs_", "intercepts_", "_own", "_frozen")  # of the network, whenever there is one
_ROWS_AT_A_TIME = 8192  # of a sparse matrix that are made dense


def _same(a: Any, b: Any) -> bool:
    return a is b
