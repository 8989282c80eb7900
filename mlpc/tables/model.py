"""A network that takes rows of a table, and answers in the table's own terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpc.arguments import is_several, whole_number, whole_numbers
from mlpc.history import History
from mlpc.layers import Activation, activation_of
from mlpc.losses import Custom, Loss, LossName, loss_named
from mlpc.metrics import AnyMetric
from mlpc.names import ActivationName, InitName
from mlpc.net import MLP
from mlpc.norm_layers import AnyNorm, norm_of
from mlpc.tables.column import Unknown
from mlpc.tables.encoding import Encoding, Missing, choice
from mlpc.tables.evaluation import Evaluation, confusion_of
from mlpc.tables.frames import frame_of
from mlpc.tables.model_file import save
from mlpc.tables.preparation import Prepared, names_in, prepare, split_off, weights_of
from mlpc.tables.target import Label, Target, Task
from mlpc.tables.training import AnyOptimizer, train_scaled

__all__ = ["TableModel", "Trained"]


class Trained(NamedTuple):
    """What a training leaves, in one piece: another thread sees all of it, or all of what was before."""

    net: MLP
    encoding: Encoding
    target: Target
    history: History | None
    validation_rows: NDArray[np.int64]


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

    _trained: Trained | None = None

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
        self._categories = list(categories) if is_several(categories) else categories  # fit names what is wrong
        self._most = whole_number("most_categories", most_categories, 2)

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
        model._trained = Trained(net, encoding, target, None, np.zeros(0, np.int64))
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
            data, held = split_off(data, net.seed, validation_split)
        split = held.rows if held is not None and validation_split is not None else np.zeros(0, np.int64)
        train_scaled(
            net, data, held, class_weight=class_weight, optimizer=optimizer, epochs=epochs, batch_size=batch_size,
            metrics=metrics, **settings,
        )  # fmt: skip
        self._trained = Trained(net, data.encoding, data.target, net.history, split)
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
            weights = None if sample_weight is None else weights_of(frame[sample_weight])
            rows = np.arange(len(frame))
            return Prepared(
                data.encoding, data.target, rows, data.encoding.encode(frame), data.target.encode(frame), weights
            )
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation_data: {error}") from None

    # ---- use -----------------------------------------------------------------------------------------------------

    @property
    def trained(self) -> Trained:
        """All that a training leaves; AttributeError before it."""
        if self._trained is None:
            raise AttributeError("expected a model that was trained, got one that was not: fit trains it")
        return self._trained

    @property
    def net(self) -> MLP:
        return self.trained.net

    @property
    def history(self) -> History | None:
        return self.trained.history

    @property
    def validation_rows(self) -> NDArray[np.int64]:
        return self.trained.validation_rows

    @property
    def features(self) -> tuple[str, ...]:
        return self.trained.encoding.features

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.trained.encoding.columns)

    @property
    def target(self) -> str:
        return self.trained.target.name

    @property
    def task(self) -> Task:
        """ "classification" or "regression"."""
        return self.trained.target.task

    @property
    def labels(self) -> tuple[Label, ...] | None:
        return self.trained.target.labels

    @property
    def missing(self) -> Missing:
        """What becomes of missing values."""
        return self.trained.encoding.missing

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns whose values count as text: `read_table` is to take them as they are written."""
        _, encoding, target, *_ = self.trained
        own = tuple(column.name for column in encoding.columns if column.categories is not None)
        return (*own, target.name) if target.of_text else own

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
        return _encoded(self.trained, table, unknown)

    def predict(self, table: Any, *, unknown: Unknown = "refuse") -> NDArray[Any]:
        """The label, or the number, of each row, (n,); parameters and errors are those of `encode`."""
        trained = self.trained
        answers = trained.net.predict(_encoded(trained, table, unknown))
        return answers if trained.target.labels is None else trained.target.decode(answers)

    def predict_proba(self, table: Any, *, unknown: Unknown = "refuse") -> NDArray[Any]:
        """The probability of each of the `labels`, (n, k); ValueError of a regression.

        Parameters and errors are those of `encode`.
        """
        trained = self.trained
        shares = trained.net.predict_proba(_encoded(trained, table, unknown))
        return shares if shares.ndim == 2 else np.stack([1 - shares, shares], axis=1)

    def evaluate(self, table: Any, *, unknown: Unknown = "refuse") -> Evaluation:
        """How good the predictions for a table are, which has the target, too.

        Rows without a value are left out where the model was made with ``missing="drop"``.  Other parameters and errors
        are those of `encode`.
        """
        choice("unknown", unknown, Unknown)
        net, encoding, target, *_ = self.trained
        frame = _whole_rows(frame_of("table", table), encoding, target.name)
        x, y = encoding.encode(frame, unknown), target.encode(frame)
        if not len(frame):
            raise ValueError("table: expected rows, got none")
        loss, accuracy = net.evaluate(x, y)
        if target.labels is None:
            return Evaluation(len(frame), loss, r2=net.score(x, y, "r2"))
        confusion = confusion_of(y, net.predict(x), len(target.labels))
        return Evaluation(len(frame), loss, accuracy, labels=target.labels, confusion=confusion)

    save = save

    def __repr__(self) -> str:
        if self._trained is None:
            return f"TableModel(hidden={self._hidden})"
        labels = "" if self.labels is None else f"labels={self.labels}, "
        return f"TableModel({self.target!r}, {labels}features={self.features})"


def _encoded(trained: Trained, table: Any, unknown: Unknown) -> NDArray[np.float64]:
    choice("unknown", unknown, Unknown)
    return trained.encoding.encode(frame_of("table", table), unknown)


def _whole_rows(frame: Any, encoding: Encoding, target: str | None = None) -> Any:
    """The table without the rows that lack a value, where these are to be left out."""
    if encoding.missing != "drop":
        return frame
    absent = [*encoding.absent(frame).values()]
    if target in frame.columns:
        absent.append(frame[target].isna().to_numpy())
    return frame[~np.any(absent, axis=0)]
