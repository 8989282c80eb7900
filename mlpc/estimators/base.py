"""What both estimators are: a network with scikit-learn's parameters, attributes and conventions."""

from __future__ import annotations

import contextlib
import copy
import functools
import warnings
from collections.abc import Callable, Iterator
from numbers import Real
from typing import Any, ClassVar, TypeAlias

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight

from mlpc import _mlpc
from mlpc.arguments import Array, whole_numbers
from mlpc.estimators.conversion import to_sklearn
from mlpc.estimators.epochs import Epochs, Part, part_of
from mlpc.estimators.files import SOLVER, save
from mlpc.estimators.initial_values import glorot_uniform
from mlpc.estimators.lbfgs import minimize
from mlpc.estimators.networks import core_names, linear_layers, threads
from mlpc.estimators.objective import Objective
from mlpc.estimators.onnx import to_onnx
from mlpc.estimators.own_loss import OwnEpochs, OwnObjective
from mlpc.estimators.owner import Owner
from mlpc.estimators.parameters import CONSTRAINTS
from mlpc.estimators.solvers import Solver
from mlpc.estimators.training import Training, divergence
from mlpc.estimators.validation import DTYPES, check_parameters, refuse_masked
from mlpc.losses import Loss
from mlpc.net import MLP

__all__ = ["Estimator"]

Divergence: TypeAlias = tuple[int, float, float] | None  # see `Training.diverged`


class Estimator(Owner):
    """A network that is made, trained and asked by scikit-learn's conventions.

    Subclasses say which loss there is, and turn y into what the network learns.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS

    # ---- What subclasses say -----------------------------------------------------------------------------------------

    def _validated(self, X: Any, y: Any, reset: bool, classes: str) -> tuple[Any, Array]:
        """X, checked, and what the network is to learn of it.

        `reset`: whether features may be others than before.  `classes`: those of y are "new", "all" that there were
        before, or "some" of them, or, of rows that are held back, "held".
        """
        raise NotImplementedError

    def _expect(self, y: Any, classes: Any) -> None:
        """Note which classes there will be, where this is the first of several parts."""

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

    def _validate_params(self) -> None:
        check_parameters(self)

    def _goes_through_batches(self) -> bool:
        if self.solver == "lbfgs":
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True

    # ---- The network -------------------------------------------------------------------------------------------------

    def _plan(self) -> tuple[Any, ...]:
        """Of which parameters the network is made, beside its sizes, its dtype and its initial values."""
        return self.activation, self.dropout, self.input_dropout, self.norm, self._criterion()

    def _seed(self) -> int:
        """That of what the network draws itself."""
        draws = isinstance(self.init, str) or self.input_dropout or np.any(self.dropout)
        return int(self._random_state.randint(np.iinfo(np.int32).max)) if draws else 0

    def _make_network(self, sizes: list[int], dtype: np.dtype[Any], seed: int) -> MLP:
        net = MLP(
            sizes,
            core_names(self.activation),
            loss=self._criterion(),
            dropout=self.dropout,
            input_dropout=self.input_dropout,
            norm=self.norm,
            dtype=dtype.name,
            init="zeros" if self.init is None else self.init,
            seed=seed,
        )
        net.feature_names = getattr(self, "feature_names_in_", None)
        self._planned = copy.deepcopy(self._plan())
        return net

    # ---- fit ---------------------------------------------------------------------------------------------------------

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation_data: Any = None,
        *,
        incremental: bool = False,
        classes: Any = None,
    ) -> None:
        """Train; `classes` are those that `partial_fit` was told, which is `incremental`."""
        with self._alone():
            before = self.__dict__.copy()
            try:
                if incremental:
                    self._expect(y, classes)
                train = self._prepared(X, y, sample_weight, validation_data, incremental)
            except BaseException:  # nothing is trained, and so nothing has changed
                self.__dict__.update(before)  # first of all: others may ask for predictions meanwhile
                for name in self.__dict__.keys() - before.keys():
                    del self.__dict__[name]
                raise
            self._frozen.watched |= bool(self.callbacks)  # which are told the network
            with threads(self.n_threads), self._frozen.changes():
                diverged = train()
            if diverged is not None or not _mlpc.all_finite(self._frozen.net.parameters):
                raise divergence(diverged)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One training at a time: another one, in another thread or a callback, is refused, and changes nothing."""
        mine = object()
        if self.__dict__.setdefault("_trains", mine) is not mine:  # which is one step for all threads
            raise _mlpc.InUseError("this estimator is being trained, by another thread or by what has called back")
        try:
            yield
        finally:
            del self.__dict__["_trains"]

    def _prepared(
        self, X: Any, y: Any, sample_weight: Any, validation_data: Any, incremental: bool
    ) -> Callable[[], Divergence]:
        """What trains the network, which is there by then; where the loss stopped being finite, if it did.

        All that can be wrong with parameters and data is refused here.
        """
        hidden = list(self.hidden_layer_sizes) if np.iterable(self.hidden_layer_sizes) else [self.hidden_layer_sizes]
        if any(isinstance(units, Real) and units <= 0 for units in hidden):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        hidden = whole_numbers("hidden_layer_sizes", hidden, 1)
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        if validation_data is not None and self.solver == "lbfgs":
            raise ValueError("validation_data: expected None with lbfgs, which has no epochs, got some")
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        classes = "all" if self.warm_start else "some"
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            classes = "new"
        X, y, weights = self._checked(X, y, sample_weight, first, classes)
        held = None
        if validation_data is not None:
            if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
                raise TypeError("validation_data: expected (X, y) or (X, y, sample_weight)")
            weighed = validation_data[2] if len(validation_data) == 3 else None
            held = self._checked(validation_data[0], validation_data[1], weighed, False, "held")
        self._random_state = check_random_state(self.random_state)
        sizes = [X.shape[1], *hidden, self._outputs(y)]
        net = self._first_network(sizes, X.dtype) if first else self._network_so_far(sizes)
        if "batch" in net.norms and 1 in (X.shape[0], self.batch_size):
            raise ValueError(
                "norm: expected at least two rows in each batch, of which batch norm takes statistics, got "
                f"n_samples = {X.shape[0]} and batch_size = {self.batch_size}"
            )
        self.n_outputs_ = sizes[-1]
        part, held_part = part_of(net, X, y, weights), None if held is None else part_of(net, *held)
        if self.solver == "lbfgs":
            self._check_lbfgs(net)
            return functools.partial(self._minimize, net, part)
        training = self._training(net, part, held_part, incremental)
        return functools.partial(self._train, training, incremental)

    def _checked(
        self, X: Any, y: Any, sample_weight: Any, reset: bool, classes: str
    ) -> tuple[Any, Array, Array | None]:
        """X, what the network is to learn of it, and what each row weighs; see `_validated`."""
        for name, value in (("X", X), ("y", y), ("sample_weight", sample_weight)):
            refuse_masked(name, value)
        X, y = self._validated(X, y, reset, classes)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X).astype(np.float64)
        if weights is not None and weights.min() < 0:
            raise ValueError(f"sample_weight: expected numbers >= 0, got {weights.min()}")
        weights = self._weighted(y, weights, classes == "held")
        if weights is not None:  # as everywhere, subnormal numbers are 0: what a batch weighs divides penalties
            weights = np.where(weights < np.finfo(np.float64).tiny, 0.0, weights)
        if weights is not None and not weights.any():
            raise ValueError("sample_weight: expected rows that weigh something, got weights that are all 0")
        return X, y, weights

    def _weighted(self, y: Array, weights: Array | None, held: bool) -> Array | None:
        """The weights of rows of which y is to be learnt, or that are held back."""
        return weights

    def _first_network(self, sizes: list[int], dtype: np.dtype[Any]) -> MLP:
        self.n_iter_ = self.t_ = 0
        self.n_layers_, self.n_outputs_ = len(sizes), sizes[-1]
        self.out_activation_ = self._output_name()
        for name in _OF_EPOCHS:
            self.__dict__.pop(name, None)
        net = self._make_network(sizes, np.dtype(dtype if self.dtype is None else self.dtype), self._seed())
        if self.init is None:
            values = glorot_uniform(sizes, self.activation, self._random_state)
            for layer, (weight, bias) in zip(linear_layers(net), values, strict=True):
                layer.weight, layer.bias = weight.T, bias
        return self._adopt(net.eval())

    def _network_so_far(self, sizes: list[int]) -> MLP:
        """That of the training before; where parameters of it are others now, one like it with these."""
        net = self._network()
        if list(net.sizes) != sizes:
            raise ValueError(f"hidden_layer_sizes, y: expected those of the network so far, {net.sizes}, got {sizes}")
        if self.dtype not in (None, net.dtype.name):
            raise ValueError(f"dtype: expected that of the network so far, {net.dtype}, got {self.dtype!r}")
        if self._plan() == self._planned:
            return net
        if self._output_name() != self.out_activation_:
            raise ValueError(
                f"loss: expected one whose outputs mean the same as those of the network so far, "
                f"{self.out_activation_}, got {self.loss!r}"
            )
        if self.norm != (norm := self._planned[3]):
            raise ValueError(f"norm: expected that of the network so far, {norm!r}, got {self.norm!r}")
        made = self._make_network(sizes, net.dtype, self._seed())
        made.load_state_dict(dict(zip(made.state_dict(), net.state_dict().values(), strict=True)))
        self.__dict__.pop("_best", None)
        return self._adopt(made.eval())

    def _check_lbfgs(self, net: MLP) -> None:
        if self.input_dropout or np.any(self.dropout) or "batch" in net.norms:
            raise ValueError(
                "solver: expected another one than lbfgs, which sees all rows at once and the same ones "
                "each time, with dropout or batch norm"
            )
        for name in ("clip_norm", "callbacks"):
            if getattr(self, name):
                raise ValueError(f"{name}: expected None with lbfgs, which is SciPy's, got {getattr(self, name)!r}")

    def _minimize(self, net: MLP, part: Part) -> None:
        self.__dict__.pop("history_", None)
        double = net if net.dtype == np.float64 else net.copy(dtype="float64")
        part = part_of(double, part.x.held, part.y, part.weights)
        self.n_iter_, self.loss_ = minimize(
            self._objective(double), part, max_iter=self.max_iter, max_fun=self.max_fun, tol=self.tol,
            verbose=bool(self.verbose),
        )  # fmt: skip
        if double is not net:
            net.parameters[:] = double.parameters

    def _training(self, net: MLP, part: Part, held: Part | None, incremental: bool) -> Training:
        """That of epochs over batches."""
        solver = getattr(self, "_optimizer", None)
        if not incremental or solver is None or solver.net is not net:
            self._optimizer, self._solved_with = Solver(net, self), {name: getattr(self, name) for name in SOLVER}
            if (self.warm_start or incremental) and solver is not None:
                self._optimizer.continue_from(solver)
        else:
            solver.penalise(self)
        if self.early_stopping and held is None:
            part, held = self._split(part)
        if self.early_stopping and ("_best" not in self.__dict__ or getattr(self, "validation_scores_", None) is None):
            self._best = net.state_dict()
        shuffles = self._random_state if self.shuffle else None
        objective, rows = self._objective(net), self._batch_rows(len(part.x))
        kind = OwnEpochs if isinstance(objective, OwnObjective) else Epochs
        epochs = kind(objective, self._optimizer, part, rows, shuffles)
        return Training(self, epochs, held)

    def _train(self, training: Training, incremental: bool) -> Divergence:
        net = training.net
        try:
            training.run(1 if incremental else self.max_iter, incremental=incremental)
        finally:
            net._end_training()
        if not self.early_stopping:
            return training.diverged
        if training.diverged is not None:
            text = f"The training diverged in epoch {self.n_iter_}; the best network before that is kept."
            warnings.warn(text, ConvergenceWarning, stacklevel=4)
        net.load_state_dict(self._best)
        return None

    def _split(self, part: Part) -> tuple[Part, Part]:
        """The rows to train on, and those that say when to stop."""
        if not self.validation_fraction:
            raise ValueError("validation_fraction: expected a number > 0 with early_stopping, got 0")
        rows = np.arange(len(part.x))
        train, held = train_test_split(
            rows, random_state=self._random_state, test_size=self.validation_fraction, stratify=self._stratum(part.y)
        )
        if len(held) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        for name, rows in (("trained on", train), ("held back", held)):
            if part.weights is not None and not part.weights[rows].any():
                raise ValueError(f"sample_weight: expected rows that weigh something among those {name}, got only 0")
        return part.rows(train), part.rows(held)

    def _batch_rows(self, n: int) -> int:
        if self.batch_size == "auto":
            return min(200, n)
        if self.batch_size > n:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=5
            )
        return int(min(self.batch_size, n))

    save = save

    def to_sklearn(self) -> Any:
        """scikit-learn's estimator of the same name, fitted: what it predicts is the same but for rounding.

        Parameters that concern training alone, and that scikit-learn does not know, are left out; so is what the
        optimizer remembers.

        Raises
        ------
        ValueError
            Where scikit-learn has no network, loss or solver like it.

        Examples
        --------
        >>> import mlpc
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> model = mlpc.MLPClassifier((20, 5), solver="lbfgs", random_state=1).fit(X, y)
        >>> bool((model.to_sklearn().predict(X) == model.predict(X)).all())
        True
        """
        return to_sklearn(self)

    to_onnx = to_onnx

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = [dtype.__name__ for dtype in DTYPES]
        return tags


_OF_EPOCHS = (
    "loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_", "history_", "_optimizer", "_best",
)  # fmt: skip
