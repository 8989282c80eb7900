"""The network as an object: its parameters by name, copies of it, and what training leaves in it."""

from __future__ import annotations

import copy
import hashlib
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from mlpc import _mlpc
from mlpc.arguments import Array, real_array, seed_number, shaped, whole_number
from mlpc.columns import Names, check_columns, checked_names
from mlpc.csr import Input, real_rows
from mlpc.history import History
from mlpc.labels import Labels, checked_labels
from mlpc.layer import Learning
from mlpc.layers import BatchNorm, Layer, layers_of, text_of
from mlpc.losses import AnyLoss, Loss, loss_named
from mlpc.names import ActivationName, NormName
from mlpc.norm_layers import norm_text
from mlpc.table import Table

__all__ = ["N", "Network", "dtype_name"]

N = TypeVar("N", bound="Network")


def dtype_name(dtype: DTypeLike) -> str:
    """The name of a dtype, of whichever; the extension says which a network can have.

    Raises
    ------
    TypeError
        Where it is none.

    Examples
    --------
    >>> dtype_name(np.float32)
    'float32'
    """
    try:
        return np.dtype(dtype).name
    except TypeError:
        raise TypeError(f"dtype: expected float32 or float64, got {dtype!r}") from None


class Network(_mlpc.Net):
    """What `MLP` is built on: a plan, its parameters by name, and the record of its training."""

    activations: tuple[ActivationName, ...]
    criterion: Loss
    history: History | None
    _seed: int
    _shuffles: tuple[int, int]
    _feature_names: Names | None = None
    _labels: Labels | None = None

    @property
    def seed(self) -> int:
        """Of the initial values, and of the streams of shuffles and masks, which setting it starts anew."""
        return self._seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self._seed = seed_number(seed)
        self._shuffles = self._draws = self._seed, 0

    @property
    def feature_names(self) -> Names | None:
        """The names of the columns of the table that `fit` got: another one must have the same, in the same order.

        None where it got arrays, or columns without names; setting it to None forgets them.

        Examples
        --------
        >>> import mlpc, pandas
        >>> x = pandas.DataFrame({"age": [1.0, 2.0], "weight": [0.5, 0.25]})
        >>> net = mlpc.MLP([2, 1], loss="mse")
        >>> history = net.fit(x, [1.0, 2.0], epochs=1)
        >>> net.feature_names
        ('age', 'weight')
        >>> net.predict(x[["weight", "age"]])
        Traceback (most recent call last):
            ...
        ValueError: x: expected the columns in the order that fit had, ['age', 'weight'], got ['weight', 'age'];
        x[list(net.feature_names)] has it
        """
        return self._feature_names

    @feature_names.setter
    def feature_names(self, names: Sequence[str] | None) -> None:
        self._feature_names = checked_names(names, self.sizes[0])

    @property
    def labels(self) -> Labels | None:
        """What the classes are called: texts, integers or floats, in the order of the outputs; None at first.

        One for each output, or two, of 0 and of 1, where there is one output.  They are there for whoever reads the
        network, or its file: nothing computes with them.

        Examples
        --------
        >>> import mlpc
        >>> net = mlpc.MLP([1, 2], init=[[[1.0], [-1.0]], [0.0, 0.0]])
        >>> net.labels = ["cat", "dog"]
        >>> np.array(net.labels)[net.predict([[2.0], [-2.0]])]
        array(['cat', 'dog'], dtype='<U3')
        """
        return self._labels

    @labels.setter
    def labels(self, labels: Sequence[Any] | None) -> None:
        self._labels = checked_labels(labels, self.sizes[-1])

    def _rows(self, x: Any) -> Input:
        """`real_rows`, with columns checked by name where they have any."""
        check_columns("x", x, self._feature_names)
        return real_rows("x", x)

    @property
    def dropout(self) -> tuple[float, ...]:
        """The probability of each hidden layer's outputs to be 0 in train mode."""
        return self._dropout[1:]

    @property
    def input_dropout(self) -> float:
        """The probability of each element of x to be 0 in train mode."""
        return self._dropout[0]

    @property
    def norms(self) -> tuple[NormName | None, ...]:
        """The norm of each hidden layer."""
        names = (norm if norm is None or isinstance(norm, str) else norm[0] for norm in self._norms)
        return tuple(names)  # type: ignore[arg-type]

    @property
    def masks_drawn(self) -> int:
        """How many forwards in train mode there were since the seed was set."""
        return self._draws[1]

    @property
    def shuffle_state(self) -> tuple[int, int]:
        """Seed, and number of the next epoch, of the shuffles in `fit`: what ``seed=None`` continues."""
        return self._shuffles

    @property
    def loss_name(self) -> str:
        """The name of the network's own loss."""
        return self.criterion.name

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Linear, activation, Linear, ...: as in torch.nn.Sequential.

        Examples
        --------
        >>> import mlpc
        >>> mlpc.MLP([2, 3, 1], "gelu").layers
        (Linear(2, 3), GELU(), Linear(3, 1))
        """
        return layers_of(self)

    def train(self: N, mode: bool = True) -> N:
        """Set `training`, the mode that `forward` and `loss_and_grad` are in; returns the network.

        In train mode dropout drops, by masks that are new in each forward.  A network starts in train mode; `fit`
        trains in it, and leaves eval mode.  What is asked of a network in use is always in eval mode: `predict`,
        `predict_proba`, `evaluate`, `freeze`.

        Examples
        --------
        >>> import mlpc
        >>> net = mlpc.MLP([1, 1, 1], "identity", dropout=0.5, init=[[[1.0]], [0.0], [[1.0]], [0.0]])
        >>> x = np.ones((4, 1))
        >>> net.forward(x).ravel(), net.eval().forward(x).ravel()
        (array([2., 0., 2., 0.], dtype=float32), array([1., 1., 1., 1.], dtype=float32))
        """
        self.training = bool(mode)
        return self

    def eval(self: N) -> N:
        """``train(False)``."""
        return self.train(False)

    def _tensors(self, *, gradients: bool = False) -> dict[str, Array]:
        """Writable views of the parameters, or of their gradients, under the keys of torch.nn.Sequential."""
        tensors: dict[str, Array] = {}
        for part in self.layers:
            if isinstance(part, Learning):
                weight, bias = (part.weight_grad, part.bias_grad) if gradients else (part.weight, part.bias)
                tensors |= {f"{part.index}.weight": weight, f"{part.index}.bias": bias}
        return tensors

    def _all_tensors(self) -> dict[str, Array]:
        """The parameters, and behind each batch norm's its running statistics, and how many batches these saw."""
        tensors: dict[str, Array] = {}
        own = self._tensors()
        for part in self.layers:
            if isinstance(part, Learning):
                tensors |= {f"{part.index}.{name}": own[f"{part.index}.{name}"] for name in ("weight", "bias")}
            if isinstance(part, BatchNorm):
                tensors |= {f"{part.index}.running_mean": part.running_mean}
                tensors |= {f"{part.index}.running_var": part.running_var}
                tensors |= {f"{part.index}.{_BATCHES}": np.array(self._batches, np.int64)}
        return tensors

    def state_dict(self) -> dict[str, Array]:
        """A copy of parameters and running statistics, with the keys and shapes of a torch.nn.Sequential of the layers.

        An identity counts as a module (torch.nn.Identity), and so do norms and dropout where there are any; without
        them the linear layers are 0, 2, 4, ...

        Examples
        --------
        >>> import mlpc
        >>> {key: value.shape for key, value in mlpc.MLP([3, 4, 2]).state_dict().items()}
        {'0.weight': (4, 3), '0.bias': (4,), '2.weight': (2, 4), '2.bias': (2,)}
        """
        return {key: np.array(view, order="C") for key, view in self._all_tensors().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy parameters into the network: arrays, or PyTorch's CPU tensors.

        Raises
        ------
        TypeError, ValueError
            Where a key is missing or unknown, or a shape or type is another; nothing has been changed then.

        Examples
        --------
        >>> import mlpc
        >>> a, b = mlpc.MLP([3, 4, 2], seed=1), mlpc.MLP([3, 4, 2], seed=2)
        >>> b.load_state_dict(a.state_dict())
        >>> bool((a.parameters == b.parameters).all())
        True
        """
        tensors = self._all_tensors()
        for key, array in self._checked_state(state).items():
            if key.endswith(_BATCHES):
                self._batches = int(array)
            else:
                tensors[key][...] = array

    def _checked_state(self, state: Mapping[str, Any]) -> dict[str, Array]:
        """What `state_dict` gives, from what may be one of this network's: copies of it, checked."""
        tensors = self._all_tensors()
        missing, unknown = [key for key in tensors if key not in state], [key for key in state if key not in tensors]
        if missing or unknown:
            raise ValueError(f"state: expected the keys {list(tensors)}; missing: {missing}, unknown: {unknown}")
        # Copies first: an array may be a view of this network's own parameters.
        counts = {key: _count(key, state[key]) for key in tensors if key.endswith(_BATCHES)}
        if len(set(counts.values())) > 1:
            raise ValueError(f"state: expected as many batches of every batch norm, got {counts}")
        return {
            key: np.array(counts[key], np.int64)
            if key in counts
            else shaped(key, state[key], view.shape, self.dtype).copy()
            for key, view in tensors.items()
        }

    def digest(self) -> str:
        """SHA-256 of the parameters, in hexadecimal: equal digests are equal networks, to the bit.

        For each entry of the state dict, in order: ``key:n_out,n_in;``, the numbers in decimal and all in ASCII, and
        then the array's bytes, row-major and little-endian.

        Examples
        --------
        >>> import mlpc
        >>> mlpc.MLP([3, 2], seed=1).digest() == mlpc.MLP([3, 2], seed=1).digest()
        True
        """
        sha = hashlib.sha256()
        for key, array in self.state_dict().items():
            sha.update(f"{key}:{','.join(map(str, array.shape))};".encode())
            sha.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
        return sha.hexdigest()

    def summary(self) -> Table:
        """A table of the layers that prints well.

        Examples
        --------
        >>> import mlpc
        >>> mlpc.MLP([784, 100, 200, 50, 10]).summary()
        layer      output  parameters
        -----------------------------
        0  Linear     100      78,500
        1  ReLU       100
        2  Linear     200      20,200
        3  ReLU       200
        4  Linear      50      10,050
        5  ReLU        50
        6  Linear      10         510
        -----------------------------
        784 inputs, 109,260 parameters of float32, 437,040 bytes, loss cross_entropy
        """
        rows = [(f"{part.index}  {_title(part)}", part.n_out, part.n_parameters or None) for part in self.layers]
        labels = "" if self.labels is None else f", labels {reprlib.repr(list(self.labels))}"
        footer = (
            f"{self.sizes[0]:,} inputs, {self.n_parameters:,} parameters of {self.dtype}, "
            f"{self.parameters.nbytes:,} bytes, loss {self.criterion}{labels}"
        )
        return Table(["layer", "output", "parameters"], rows, footer)

    def copy(self: N, *, dtype: DTypeLike | None = None, loss: AnyLoss | None = None) -> N:
        """An independent network with the same parameters, gradients, settings and record.

        It has no latest forward.  `copy.copy`, `copy.deepcopy` and pickle make the same.

        Parameters
        ----------
        dtype : str or dtype, optional
            Of the copy, instead of this network's; numbers are rounded to it.
        loss : str, Loss or callable, optional
            The copy's own loss, instead of this network's.

        Examples
        --------
        >>> import mlpc
        >>> net = mlpc.MLP([3, 2])
        >>> net.copy().digest() == net.digest(), net.copy(dtype="float64").dtype
        (True, dtype('float64'))
        """
        make, (cls, sizes, blocks, own, *more), state = self.__reduce__()
        twin: N = make(cls, sizes, blocks, own if dtype is None else dtype_name(dtype), *more)
        twin.__setstate__(state | {"attributes": self.__dict__ | {"history": copy.deepcopy(self.history)}})
        if loss is not None:
            twin.criterion = loss_named(loss)
        return twin

    def __repr__(self) -> str:
        words = [text_of(block) for block in self._blocks]
        quoted = [repr(word) if word in self.activations else word for word in words]
        activation = quoted[0] if len(set(quoted)) == 1 else f"[{', '.join(quoted)}]"
        dropout = self.dropout[0] if len(set(self.dropout)) == 1 else list(self.dropout)
        dropped = f"dropout={dropout}, " if any(self.dropout) else ""
        dropped += f"input_dropout={self.input_dropout}, " if self.input_dropout else ""
        norms = [norm_text(norm) for norm in self._norms]
        norm = norms[0] if len(set(norms)) == 1 else f"[{', '.join(norms)}]"
        normed = f"norm={norm}, " if any(self.norms) else ""
        return (
            f"{type(self).__name__}({list(self.sizes)}, {activation}, loss={self.criterion.text}, {normed}{dropped}"
            f"dtype={self.dtype.name!r}, seed={self.seed})"
        )

    def __copy__(self: N) -> N:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy: everything but what the latest forward left."""
        state = {"parameters": self.parameters, "gradients": self.gradients, "attributes": self.__dict__}
        state |= {"training": self.training, "draws": self._draws}
        state |= {"statistics": self._statistics, "batches": self._batches}
        return _rebuild, (type(self), self.sizes, self._blocks, self.dtype.name, self._dropout, self._norms), state

    def __setstate__(self, state: dict[str, Any]) -> None:
        shape = (self.n_parameters,)
        self.parameters[:] = shaped("parameters", state["parameters"], shape, self.dtype)
        self.gradients[:] = shaped("gradients", state["gradients"], shape, self.dtype)
        self._statistics[:] = shaped("statistics", state["statistics"], self._statistics.shape, self.dtype)
        self._batches = state["batches"]
        self.__dict__.update(state["attributes"])
        self.training, self._draws = state["training"], state["draws"]


def _title(part: Layer) -> str:
    """What `summary` calls a layer."""
    return type(part).__name__ if isinstance(part, Learning) else repr(part).removesuffix("()")


_MOST_BATCHES = 2**62  # an int64, with room for those to come
_BATCHES = "num_batches_tracked"


def _count(name: str, value: Any) -> int:
    """A count as a file or PyTorch has it: an array of no dimension."""
    array = real_array(name, value)
    return whole_number(name, array[()] if array.shape == () else value, 0, _MOST_BATCHES)


def _rebuild(
    cls: type[N],
    sizes: tuple[int, ...],
    blocks: tuple[_mlpc.Activation, ...],
    dtype: str,
    dropout: tuple[float, ...],
    norms: tuple[_mlpc.Norm | None, ...],
) -> N:
    """An empty network of a class, whatever the arguments of its own constructor."""
    return _mlpc.Net.__new__(cls, sizes, blocks, dtype, dropout, norms)  # type: ignore[return-value]
