"""The regressor."""

from __future__ import annotations

from typing import Any, ClassVar

from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from mlpc import _mlpc
from mlpc.arguments import Array, finite
from mlpc.estimators.base import Estimator
from mlpc.estimators.conversion import from_sklearn
from mlpc.estimators.epochs import Part
from mlpc.estimators.losses import regression
from mlpc.estimators.objective import Objective
from mlpc.estimators.own_loss import OwnObjective
from mlpc.estimators.parameters import CONSTRAINTS, REGRESSION, keep
from mlpc.estimators.scoring import scored
from mlpc.estimators.validation import validated_table
from mlpc.losses import Custom, Loss
from mlpc.net import MLP

__all__ = ["MLPRegressor"]


class MLPRegressor(RegressorMixin, Estimator):
    """A multilayer perceptron that predicts numbers, with scikit-learn's habits.

    As scikit-learn's class of this name: the same parameters, defaults, attributes, warnings and messages, and for the
    same `random_state` the same initial values, batches and losses, but for rounding.

    Parameters
    ----------
    loss : str, Loss or callable
        squared_error: half of it; of several outputs scikit-learn reports the mean and follows the sum, and so does
        this.  poisson: half the deviance of Poisson's distribution, whose rate is the exponential of the output;
        y >= 0.  "mse", "mae", "huber", "quantile", "log_cosh", or an object of `mlpc.losses`: the mean over the
        outputs, as defined there.  A function ``(z, y) -> (loss, dz)`` of your own, of arrays (n, n_outputs) of a
        batch's rows, with lbfgs of all rows in float64: see `mlpc.losses.Custom`; without sample_weight.
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer; without any, the model is linear.
    activation : str, mlpc.layers.Activation, or sequence of these
        Of the hidden layers: "relu", "tanh", "logistic" or "identity", or any other of `mlpc.MLP`; one for all of them,
        or one for each.
    solver : {"adam", "sgd", "lbfgs", "adamw", "rmsprop", "adagrad", "rprop"}
        What minimises: see `mlpc.optim`; with adam epsilon stands as in scikit-learn.  lbfgs is SciPy's, which sees all
        rows at once, in float64.
    alpha : float
        >= 0; the loss of a batch has ``alpha / (2 S) |W|^2`` added, of all weights but biases, where S is the number of
        its rows, or the sum of their weights.  With adamw it is the decoupled weight decay, divided by nothing.
    batch_size : int or "auto"
        Rows per batch; "auto" is min(200, n).
    learning_rate : {"constant", "invscaling", "adaptive"} or callable
        A schedule of `mlpc.schedules`, or a function of the time in epochs, for all solvers but lbfgs.  The names are
        for sgd.  invscaling: after each epoch, `learning_rate_init` over ``(t_ + 1) ** power_t``.  adaptive: a fifth,
        where nothing has improved for `n_iter_no_change` epochs.
    learning_rate_init : float
        > 0; where learning_rate is no schedule.
    power_t : float
        >= 0; see learning_rate.
    max_iter : int
        The most epochs, or iterations of lbfgs.
    shuffle : bool
        Whether every epoch goes through the rows in an order of its own.
    random_state : int, RandomState or None
        Of initial values, of the rows for early stopping and of the shuffles: scikit-learn's own streams.  The seed of
        dropout, and of initial values by name, is a number drawn from it.
    tol : float
        >= 0; the training ends where the loss, or the score, does not improve by more for longer than
        `n_iter_no_change` epochs; with lbfgs, where no derivative is larger.
    verbose : bool or int
        Whether every epoch prints its loss.
    warm_start : bool
        Whether `fit` goes on from where the last one ended.  What the optimizer remembers of gradients is kept, too,
        which scikit-learn forgets.
    momentum, nesterovs_momentum : float, bool
        With sgd; 0 <= momentum < 1.
    early_stopping : bool
        Whether R^2 of rows that are set aside says when to end, and whose network is kept; not with lbfgs.
    validation_fraction : float
        In [0, 1); that share of the rows.
    beta_1, beta_2, epsilon : float
        With adam and adamw; epsilon with rmsprop and adagrad, too.
    n_iter_no_change : int or infinity
        See tol.
    max_fun : int
        The most evaluations of the objective, with lbfgs.
    dropout, input_dropout, norm : float, float, {None, "batch", "layer"}, mlpc.layers.BatchNorm or LayerNorm
        As in `mlpc.MLP`; dropout and norm may be lists with one for each hidden layer.  Not with lbfgs, but for layer
        norm.
    init : str or list of array-like, optional
        Initial values as in `mlpc.MLP`; None draws them as scikit-learn does.
    dtype : {"float32", "float64"}, optional
        Of the network; None for that of X, where it is one of these, and float64 otherwise.
    l1 : float
        >= 0; ``l1 / S |W|`` is added, as alpha's penalty is.
    clip_norm : float, optional
        > 0; the gradient of a batch's loss is scaled to this length where it is longer.  Not with lbfgs.
    metric : callable, scorer or str, optional
        What the score of early stopping is, in the place of R^2: ``metric(y_true, y_pred)``, larger is better, called
        with ``sample_weight=`` where there are weights; or a scorer of scikit-learn's, or its name; "loss" is minus the
        loss, without penalties.
    n_threads : int, optional
        The most threads that `fit` and predictions may use; the results are the same bits.
    callbacks : list, optional
        Of `mlpc.callbacks`, or functions (network, history), called after every epoch; only True ends the training.
        Not with lbfgs.
    progress : bool
        Whether to show a bar, where tqdm is installed and somebody looks.

    Attributes
    ----------
    network_ : MLP
        The network.  Its parameters are `coefs_` and `intercepts_`: writes to either count.
    coefs_, intercepts_ : list of ndarray
        The weight (n_in, n_out) and the bias of each layer.
    loss_, best_loss_ : float
        The objective in the latest epoch, and the least one; best_loss_ is None with early stopping.
    loss_curve_ : list of float
        That of each epoch: the mean over its batches, each before its step.
    validation_scores_, best_validation_score_ : list of float, float
        With early stopping, R^2 after each epoch, and the largest; otherwise None.
    history_ : History
        The latest `fit` epoch by epoch: "loss", "val_loss" and "val_score" of rows that are held back, "lr", "seconds".
        Not with lbfgs.
    n_iter_, t_ : int
        Epochs of the latest `fit`, and rows seen by all of them.
    n_features_in_, feature_names_in_, n_layers_, n_outputs_, out_activation_
        As in scikit-learn.

    Raises
    ------
    ValueError, TypeError
        Where a parameter, X or y is not as above; in scikit-learn's words.
    ImportError
        Where there is no scikit-learn.

    Warns
    -----
    ConvergenceWarning
        Where `max_iter` was reached first.

    Notes
    -----
    The weights are the same bits for the same `random_state` on every machine and for any number of threads, but for
    those of lbfgs, which are SciPy's, of invscaling, whose rates are the C library's, of early stopping, whose scores
    are scikit-learn's and NumPy's, and of functions of your own.  Predictions may be asked of one object by several
    threads at once.

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> model = mlpc.MLPRegressor(hidden_layer_sizes=(20,), solver="lbfgs", random_state=1).fit(X, X[:, 0] ** 2)
    >>> model.predict([[0.5]]).round(1)
    array([0.2])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS | REGRESSION

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: Any = 0.0,
        input_dropout: float = 0.0,
        norm: Any = None,
        init: Any = None,
        dtype: str | None = None,
        l1: float = 0.0,
        clip_norm: float | None = None,
        metric: Any = None,
        n_threads: int | None = None,
        callbacks: Any = None,
        progress: bool = False,
    ) -> None:
        keep(self, locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None) -> MLPRegressor:
        """Train the network.

        Parameters
        ----------
        X : array-like or sparse matrix, (n, n_features)
            Finite.  float32 stays float32; all else becomes float64.
        y : array-like
            Numbers (n,) or (n, n_outputs).
        sample_weight : array-like, (n,), optional
            >= 0.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Whose loss and score are noted after every epoch; with early stopping, in the place of rows of X.

        Returns
        -------
        MLPRegressor
            The estimator itself.

        Examples
        --------
        >>> X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
        >>> MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0, random_state=0).fit(X, y).coefs_[0].round(3)
        array([[2.]])
        """
        self._validate_params()
        self._fit(X, y, sample_weight, validation_data)
        return self

    @available_if(Estimator._goes_through_batches)  # type: ignore[untyped-decorator]  # scikit-learn has no types
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train for one epoch, from where the latest one ended; not with lbfgs.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        MLPRegressor
            The estimator itself.

        Examples
        --------
        >>> model = MLPRegressor(hidden_layer_sizes=(5,), random_state=0)
        >>> model.partial_fit([[0.0]], [1.0]).partial_fit([[1.0]], [2.0]).t_
        2
        """
        self._validate_params()
        self._fit(X, y, sample_weight, incremental=True)
        return self

    @classmethod
    def from_sklearn(cls, estimator: Any) -> MLPRegressor:
        """A fitted regressor of scikit-learn's, as one of these: what it predicts is the same but for rounding.

        Examples
        --------
        >>> from sklearn import datasets, neural_network
        >>> X, y = datasets.load_diabetes(return_X_y=True)
        >>> theirs = neural_network.MLPRegressor(random_state=0).partial_fit(X, y)
        >>> bool((abs(MLPRegressor.from_sklearn(theirs).predict(X) - theirs.predict(X)) < 1e-6).all())
        True
        """
        made: MLPRegressor = from_sklearn(estimator, cls, None)
        return made

    def predict(self, X: Any) -> Array:
        """The prediction of each row.

        Parameters
        ----------
        X : array-like or sparse matrix, (n, n_features)

        Returns
        -------
        ndarray, (n,) or (n, n_outputs)

        Examples
        --------
        >>> X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
        >>> model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0, random_state=0).fit(X, y)
        >>> model.predict([[1.5]]).round(3)
        array([4.])
        """
        return self._predicted(X, "prediction")

    def _validated(self, X: Any, y: Any, reset: bool, classes: str) -> tuple[Any, Array]:
        X, y = validated_table(self, X, y, reset=reset, y_numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, finite("y", y, X.dtype).reshape(len(y), -1)

    def _outputs(self, y: Array) -> int:
        return int(y.shape[1])

    def _output_name(self) -> str:
        return "exp" if self._criterion().link == "exp" else "identity"

    def _criterion(self) -> Loss:
        return regression(self.loss, 1).loss

    def _objective(self, net: MLP) -> Objective:
        form = regression(self.loss, net.sizes[-1])
        kind = OwnObjective if isinstance(form.loss, Custom) else Objective
        return kind(net, *form, alpha=0.0 if self.solver == "adamw" else self.alpha, l1=self.l1)

    def _weighted(self, y: Array, weights: Array | None, held: bool) -> Array | None:
        loss = self._criterion()
        if isinstance(loss, Custom):
            loss.refuse_weights(weights)
        return weights

    def _stratum(self, y: Array) -> Array | None:
        return None

    def _score_of(self, z: Array, part: Part) -> float:
        predicted = _mlpc.map("exp", z, None) if self.out_activation_ == "exp" else z
        return scored(self, self.metric or r2_score, part, _column(part.y), _column(predicted))


def _column(y: Array) -> Array:
    """y as scikit-learn's functions take it."""
    return y[:, 0] if y.shape[1] == 1 else y
