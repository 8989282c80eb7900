"""A network that takes rows of a table, and answers in the table's own terms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpc.arguments import whole_number, whole_numbers
from mlpc.history import History
from mlpc.layers import Activation, activation_of
from mlpc.losses import Custom, Huber, Loss, LossName, loss_named
from mlpc.metrics import AnyMetric
from mlpc.names import ActivationName, InitName
from mlpc.net import MLP
from mlpc.norm_layers import AnyNorm, norm_of
from mlpc.optim import Optimizer, OptimizerName
from mlpc.splits import stratified_split
from mlpc.tables.column import Unknown, numbers_of
from mlpc.tables.encoding import Encoding, Missing, choice
from mlpc.tables.evaluation import Evaluation, confusion_of
from mlpc.tables.frames import frame_of
from mlpc.tables.model_file import save
from mlpc.tables.preparation import Prepared, Scaling, names_in, prepare
from mlpc.tables.target import Label, Target, Task
from mlpc.warnings import LostDigitsWarning, warn

__all__ = ["AnyOptimizer", "TableModel"]

AnyOptimizer: TypeAlias = OptimizerName | Callable[[MLP], Optimizer]
"""An optimizer by name, or what makes one for a network: ``lambda net: mlpc.optim.SGD(net, lr=0.1, momentum=0.9)``."""

_SCALED = ("mse", "mae", "huber", "quantile")  # of scaled targets they are the same losses, scaled
_DIGITS = 1e-3  # of a standard deviation: what rounding may move a value by


class TableModel:
    """A network for the rows of a table: columns by name, numbers and categories, classes or numbers as answers.

    Numbers are standardised for the training (`mlpc.standardize`), and the network takes the constants into itself
    (`MLP.absorb`): `net`, and all that is made of it, takes raw values.  Of a category, each becomes a feature of 0 and
    1.  Columns are known by their names: their order does not matter, and others may stand beside them.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer.
    activation, dropout, input_dropout, norm, dtype, init, seed
        As in `MLP`; `init` by name.
    task : {"classification", "regression"}, optional
        What the target is; left out, text, truth values and integers of at most 20 different values are classes, other
        numbers are numbers.
    loss : str or Loss, optional
        Left out, "cross_entropy" of classes and "mse" of numbers.  Losses of a regression are of the target's own unit;
        for all but "poisson" and "log_cosh" the target is standardised as well, and `history` has those of
        standardised values.
    missing : {"refuse", "drop", "mean"}
        Missing values are an error; or their rows are left out of `fit` and `evaluate`, and refused by `predict`; or
        what is missing counts as the mean of the training rows, of a category as their shares.
    categories : sequence of str
        Columns whose numbers are categories.
    most_categories : int
        A column, or target, of more categories is refused: it is a text or a key, and no category.

    Attributes
    ----------
    net : MLP
        Of raw features, named `features`.  Before `fit`: AttributeError, as for those below.
    features : tuple of str
        What the network takes: "age", "colour=blue", "colour=red", in the order of the table.
    columns : tuple of str
        The columns that they are made of.
    target : str
        The column that is predicted.
    labels : tuple or None
        The classes, ascending; None of a regression.
    history : History or None
        Of the training; None where the model comes from a file.
    validation_rows : ndarray of int64
        Which rows of the table `validation_split` has held back.

    Raises
    ------
    TypeError, ValueError
        Where an argument is none of the above.

    Notes
    -----
    As its network, a model is used by one thread at a time; ``model.net.freeze()`` answers any number of them, from
    what `encode` gives.

    Examples
    --------
    >>> import mlpc, pandas
    >>> table = pandas.DataFrame({
    ...     "size": [1.0, 1.2, 3.1, 2.9] * 10, "colour": ["red", "blue", "red", "blue"] * 10,
    ...     "kind": ["apple", "plum", "melon", "melon"] * 10})
    >>> model = mlpc.tables.TableModel(hidden=[16], seed=1).fit(table, "kind", progress=False)
    >>> model
    TableModel('kind', labels=('apple', 'melon', 'plum'), features=('size', 'colour=blue', 'colour=red'))
    >>> model.predict({"colour": "red", "size": 1.1})
    array(['apple'], dtype='<U5')
    >>> model.evaluate(table).accuracy
    1.0
    """

    net: MLP
    history: History | None
    validation_rows: NDArray[np.int64]

    def __init__(
        self,
        hidden: Sequence[int] = (100,),
        activation: ActivationName | Activation | Sequence[ActivationName | Activation] = "relu",
        *,
        task: Task | None = None,
        loss: LossName | Loss | None = None,
        dropout: float | Sequence[float] = 0.0,
        input_dropout: float = 0.0,
        norm: AnyNorm | Sequence[AnyNorm] = None,
        dtype: DTypeLike = "float32",
        init: InitName = "torch",
        seed: int | None = 0,
        missing: Missing = "refuse",
        categories: Sequence[str] = (),
        most_categories: int = 100,
    ) -> None:
        self._hidden = whole_numbers("hidden", hidden, 1, like="[100, 50]")
        self._task: Task | None = None if task is None else choice("task", task, Task)
        self._loss = None if loss is None else loss_named(loss)
        self._plan: dict[str, Any] = {
            "activation": activation, "dropout": dropout, "input_dropout": input_dropout, "norm": norm, "dtype": dtype,
            "init": init, "seed": seed,
        }  # fmt: skip
        if isinstance(self._loss, Custom):
            raise TypeError(f"loss: expected a name or an object of mlpc.losses, got the function {self._loss.name!r}")
        MLP([1, *self._hidden, 1], loss="mse", **self._plan)  # raises where one cannot be
        self._missing: Missing = choice("missing", missing, Missing)
        self._categories, self._most = categories, whole_number("most_categories", most_categories, 2)

    @classmethod
    def _of(cls, net: MLP, encoding: Encoding, target: Target) -> TableModel:
        """A trained one, of a file."""
        most = max([100, *(len(column.categories or ()) for column in encoding.columns)])
        model = cls(
            net.sizes[1:-1], [activation_of(block) for block in net._blocks], task=target.task, loss=net.criterion,
            dropout=net.dropout, input_dropout=net.input_dropout,
            norm=[None if norm is None else norm_of(norm) for norm in net._norms], dtype=net.dtype.name, seed=net.seed,
            missing=encoding.missing, categories=[c.name for c in encoding.columns if c.categories is not None],
            most_categories=most,
        )  # fmt: skip
        model.net, model._encoding, model._target, model.history = net, encoding, target, None
        model.validation_rows = np.zeros(0, np.int64)
        return model

    # ---- training ------------------------------------------------------------------------------------------------

    def fit(
        self,
        table: Any,
        target: str,
        *,
        without: Sequence[str] = (),
        sample_weight: str | None = None,
        class_weight: Mapping[Label, float] | str | None = None,
        validation_data: Any = None,
        validation_split: float | None = None,
        optimizer: AnyOptimizer = "adam",
        epochs: int = 100,
        batch_size: int = 32,
        metrics: Iterable[AnyMetric] = (),
        **settings: Any,
    ) -> TableModel:
        """Train a fresh network on the rows of a table.

        Parameters
        ----------
        table : pandas.DataFrame, or mapping of str to array-like
        target : str
            The column that is to be predicted.
        without : sequence of str
            Columns that are not to be learnt from.
        sample_weight : str, optional
            A column of weights of the rows, finite and >= 0.
        class_weight : mapping, or "balanced", optional
            A weight for each label that does not weigh 1; or n / (k * rows of the class).
        validation_data : pandas.DataFrame or mapping, optional
            Another table, to be evaluated after every epoch.
        validation_split : float, optional
            In (0, 1): the share of the rows that is held back for that, drawn as in `MLP.fit`.
        optimizer : str, or callable
            A name, or what makes an optimizer for a network.
        epochs, batch_size, metrics
            As in `MLP.fit`.
        **settings
            Other arguments of `MLP.fit`: lr, callbacks, input_noise, shuffle, max_seconds, progress, resume, ...

        Returns
        -------
        TableModel
            This one.  After an error or an interrupt it is as before.

        Raises
        ------
        TypeError, ValueError
            Where the table cannot be learnt from: a column or a value is missing, infinite, or of a type that is
            neither number, truth value nor text; a name stands twice; the target has no two values.
        DivergenceError
            As `MLP.fit`.
        ImportError
            Where pandas is not installed.

        Warns
        -----
        ConstantColumnWarning
            Where a column has one value, which is left out then.
        LostDigitsWarning
            Where a column's values are so far from 0 that the dtype hardly tells them apart.
        """
        if unexpected := sorted({"x", "y", "net", "loss", "scale", "steps_per_epoch"} & settings.keys()):
            raise TypeError(f"{unexpected[0]}: expected an argument of TableModel.fit, got one that a table decides")
        data = prepare(
            frame_of("table", table), target, task=self._task, missing=self._missing, categories=self._categories,
            without=without, most_categories=self._most, sample_weight=sample_weight,
        )  # fmt: skip
        criterion = self._criterion(data.target)
        net = self._network(data, criterion)
        held = None if validation_data is None else self._held(validation_data, data, sample_weight)
        if validation_split is not None:
            if held is not None:
                raise ValueError("validation_split: expected None beside validation_data, got both")
            data, held = _split(data, net, validation_split)
        split = held.rows if held is not None and validation_split is not None else np.zeros(0, np.int64)
        scaling = Scaling.of(data, criterion.name in _SCALED)
        constants: dict[str, Any] = {"input_mean": scaling.input_mean, "input_std": scaling.input_std}
        if criterion.name in _SCALED:
            constants |= {"output_mean": scaling.output_mean, "output_std": scaling.output_std}
        _check_digits(data, scaling, net)
        net.copy().eval().absorb(**constants)  # raises before the training where it would raise behind it
        net.criterion = _scaled(criterion, scaling.output_std)
        net.fit(
            scaling.x(data), scaling.y(data), epochs=epochs, batch_size=batch_size, metrics=metrics,
            sample_weight=data.weights, class_weight=_class_weight(class_weight, data.target),
            validation_data=None if held is None else (scaling.x(held), scaling.y(held), held.weights),
            optimizer=optimizer if isinstance(optimizer, str) else optimizer(net), **settings,
        )  # fmt: skip
        net.criterion = criterion
        net.absorb(**constants)
        self.net, self._encoding, self._target, self.history = net, data.encoding, data.target, net.history
        self.validation_rows = split
        return self

    def _criterion(self, target: Target) -> Loss:
        classes = target.labels is not None
        criterion = self._loss or loss_named("cross_entropy" if classes else "mse")
        if criterion.classifies != classes:
            raise ValueError(f"loss: expected one of {target.task}, as {target.name!r} is, got {criterion.name!r}")
        if criterion.name == "bce_with_logits" and target.labels is not None and len(target.labels) != 2:
            raise ValueError(f"loss: expected 'cross_entropy' of {len(target.labels)} classes, got 'bce_with_logits'")
        return criterion

    def _network(self, data: Prepared, criterion: Loss) -> MLP:
        outputs = 1 if data.target.labels is None or criterion.link == "sigmoid" else len(data.target.labels)
        net = MLP([data.x.shape[1], *self._hidden, outputs], loss=criterion, **self._plan)
        net.feature_names, labels = data.encoding.features, data.target.labels
        net.labels = None if labels is None else [str(e) if isinstance(e, bool) else e for e in labels]
        return net

    def _held(self, table: Any, data: Prepared, sample_weight: str | None) -> Prepared:
        """Validation data, encoded as the training is."""
        try:
            frame = _whole_rows(frame_of("table", table), data.encoding)
            names_in("sample_weight", [] if sample_weight is None else [sample_weight], frame)
            weights = None if sample_weight is None else numbers_of(sample_weight, frame[sample_weight])
            rows = np.arange(len(frame))
            return Prepared(
                data.encoding, data.target, rows, data.encoding.encode(frame), data.target.encode(frame), weights
            )
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation_data: {error}") from None

    # ---- use -----------------------------------------------------------------------------------------------------

    @property
    def features(self) -> tuple[str, ...]:
        return self._encoding.features

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(column.name for column in self._encoding.columns)

    @property
    def target(self) -> str:
        return self._target.name

    @property
    def task(self) -> Task:
        """ "classification" or "regression"."""
        return self._target.task

    @property
    def labels(self) -> tuple[Label, ...] | None:
        return self._target.labels

    @property
    def missing(self) -> Missing:
        """What becomes of missing values."""
        return self._encoding.missing

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns whose values count as text: `read_table` is to take them as they are written."""
        own = tuple(column.name for column in self._encoding.columns if column.categories is not None)
        return (*own, self.target) if self._target.of_text else own

    def encode(self, table: Any, *, unknown: Unknown = "refuse") -> NDArray[np.float64]:
        """What the network takes of each row of a table, (n, number of features).

        Parameters
        ----------
        table : pandas.DataFrame, or mapping of str to array-like or scalar
            With the `columns` of the model, in any order; scalars are one row.
        unknown : {"refuse", "ignore"}
            A category that the training had not is an error; or the row is of none.

        Raises
        ------
        TypeError, ValueError
            Where a column or a value is missing, or a value is none that its column can have; it says which.
        """
        choice("unknown", unknown, Unknown)
        return self._encoding.encode(frame_of("table", table), unknown)

    def predict(self, table: Any, *, unknown: Unknown = "refuse") -> NDArray[Any]:
        """The label, or the number, of each row, (n,); parameters and errors are those of `encode`."""
        answers = self.net.predict(self.encode(table, unknown=unknown))
        return answers if self._target.labels is None else self._target.decode(answers)

    def predict_proba(self, table: Any, *, unknown: Unknown = "refuse") -> NDArray[Any]:
        """The probability of each of the `labels`, (n, k); ValueError of a regression.

        Parameters and errors are those of `encode`.
        """
        shares = self.net.predict_proba(self.encode(table, unknown=unknown))
        return shares if shares.ndim == 2 else np.stack([1 - shares, shares], axis=1)

    def evaluate(self, table: Any, *, unknown: Unknown = "refuse") -> Evaluation:
        """How good the predictions for a table are, which has the target, too.

        Rows without a value are left out where the model was made with ``missing="drop"``.  Other parameters and errors
        are those of `encode`.
        """
        choice("unknown", unknown, Unknown)
        frame = _whole_rows(frame_of("table", table), self._encoding, self._target.name)
        x, y = self._encoding.encode(frame, unknown), self._target.encode(frame)
        if not len(frame):
            raise ValueError("table: expected rows, got none")
        loss, accuracy = self.net.evaluate(x, y)
        labels = self._target.labels
        if labels is None:
            return Evaluation(len(frame), loss, r2=self.net.score(x, y, "r2"))
        confusion = confusion_of(y, self.net.predict(x), len(labels))
        return Evaluation(len(frame), loss, accuracy, labels=labels, confusion=confusion)

    save = save

    def __repr__(self) -> str:
        if not hasattr(self, "net"):
            return f"TableModel(hidden={self._hidden})"
        labels = "" if self.labels is None else f"labels={self.labels}, "
        return f"TableModel({self.target!r}, {labels}features={self.features})"


def _split(data: Prepared, net: MLP, share: float) -> tuple[Prepared, Prepared]:
    """The rows that `MLP.fit` would split off, here so that no constant is made of them."""
    n = len(data.rows)
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < round(share * n) < n:
        raise ValueError(
            f"validation_split: expected a share in (0, 1) that leaves rows on both sides, got {share!r} of {n} rows"
        )
    labels = np.zeros(n, np.int64) if data.target.labels is None else data.y
    train, held = stratified_split(labels, round(share * n), seed=net.seed)
    return data.part(train), data.part(held)


def _whole_rows(frame: Any, encoding: Encoding, target: str | None = None) -> Any:
    """The table without the rows that lack a value, where these are to be left out."""
    if encoding.missing != "drop":
        return frame
    absent = [*encoding.absent(frame).values()]
    if target in frame.columns:
        absent.append(frame[target].isna().to_numpy())
    return frame[~np.any(absent, axis=0)].reset_index(drop=True)


def _class_weight(given: Any, target: Target) -> Any:
    """Weights by label as weights by number."""
    if given is None or isinstance(given, str):
        return given
    if target.labels is None or not isinstance(given, Mapping):
        raise TypeError(f"class_weight: expected 'balanced', or weights by label of classes, got {given!r}")
    places = {label: place for place, label in enumerate(target.labels)}
    if strays := [label for label in given if label not in places]:
        raise ValueError(f"class_weight: expected labels among {target.labels}, got {strays[0]!r}")
    return {places[label]: weight for label, weight in given.items()}


def _scaled(criterion: Loss, std: float) -> Loss:
    """The loss that standardised targets have: `Huber`'s delta is a length, too."""
    return Huber(criterion.delta / std) if isinstance(criterion, Huber) else criterion


def _check_digits(data: Prepared, scaling: Scaling, net: MLP) -> None:
    """ValueError where a column is beyond the dtype, in which the network is to take raw values; or a warning."""
    limits = np.finfo(net.dtype)
    names = [*data.encoding.features, data.target.name]
    means = np.abs([*scaling.input_mean, scaling.output_mean])
    stds = np.array([*scaling.input_std, scaling.output_std])
    other = "" if net.dtype == np.float64 else ", or train in float64"
    beyond = (means > limits.max) | (stds < limits.tiny) | (stds > limits.max)
    lost = means / stds * float(limits.eps)
    worst = int(beyond.argmax() if beyond.any() else lost.argmax())
    got = f"got a mean of {means[worst]:.3g} with a deviation of {stds[worst]:.3g}"
    if beyond.any():
        raise ValueError(
            f"column {names[worst]!r}: expected values that {net.dtype} can hold, {got}; scale them{other}"
        )
    if lost[worst] > _DIGITS:
        warn(
            f"column {names[worst]!r}: expected values that {net.dtype} tells apart, {got}; subtract what they have in "
            f"common{other}",
            LostDigitsWarning,
        )
