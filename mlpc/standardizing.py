"""Standardisation: the constants of a table, and how a network takes them into itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mlpc import _mlpc
from mlpc.arguments import Array, finite, real_array
from mlpc.layer import Linear
from mlpc.network import Network

__all__ = ["absorb", "standardize"]

_DOUBLE = np.dtype(np.float64)
_PIECE = 1 << 20  # elements of which there are copies at a time, or a single column


def standardize(x: ArrayLike) -> tuple[Any, Any]:
    """Mean and standard deviation of each column: in ``(x - mean) / std`` they are 0 and 1.

    The variance is the mean square of the differences from the mean: two passes, as in Chan, Golub and LeVeque,
    "Algorithms for computing the sample variance", 1983.  Every sum is one in double, in an order that is fixed: the
    same bits on every machine.

    Parameters
    ----------
    x : array-like, (n, k) or (n,)
        Finite numbers, at least one row of them.  Sparse rows are refused: without their means they would not be
        sparse any more.

    Returns
    -------
    mean, std : ndarray of float64, (k,); numbers where `x` is (n,)
        Of a column that is constant, its value and 1: it becomes 0.

    Raises
    ------
    TypeError, ValueError
        Where `x` is not as above, or something is masked.

    Examples
    --------
    >>> import mlpc
    >>> mlpc.standardize([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    (array([2., 5.]), array([0.81649658, 1.        ]))
    """
    given = real_array("x", x)
    if given.ndim not in (1, 2) or given.size == 0:
        raise ValueError(f"x: expected shape (n, k) or (n,) with a number in it, got shape {given.shape}")
    table = finite("x", given, given.dtype if given.dtype in (np.float32, np.float64) else _DOUBLE)
    table = table.reshape(len(table), -1)
    step = max(_PIECE // len(table), 1)
    pieces = [_constants_of(table[:, start : start + step]) for start in range(0, table.shape[1], step)]
    mean, std = (np.concatenate(parts).reshape(given.shape[1:])[()] for parts in zip(*pieces, strict=True))
    return mean, std


def _constants_of(table: Array) -> tuple[Array, Array]:
    """`standardize` of some columns.  They are scaled by powers of two, so that no square is too large or too small."""
    columns = np.array(table.T, _DOUBLE, order="C")
    low, high = columns.min(axis=1), columns.max(axis=1)
    exponent = np.frexp(np.maximum(-low, high))[1]
    columns = np.ldexp(columns, -exponent[:, None])
    mean = np.array([_mlpc.sum(column) / len(column) for column in columns])
    columns -= mean[:, None]
    columns *= columns
    std = np.sqrt([_mlpc.sum(squares) / len(squares) for squares in columns])
    mean, std = np.ldexp(mean, exponent), np.ldexp(std, exponent)
    mean = np.clip(mean, low, high)  # of a constant column exactly its value, where rounding would make it another
    return mean, np.where((low == high) | (std == 0), 1.0, std)


def absorb(
    net: Network,
    *,
    input_mean: ArrayLike | None = None,
    input_std: ArrayLike | None = None,
    output_mean: ArrayLike | None = None,
    output_std: ArrayLike | None = None,
) -> None:
    """Fold standardisations into the first and the last layer: the network then takes and gives raw values.

    A network that was trained with ``(x - input_mean) / input_std`` and ``(y - output_mean) / output_std`` answers to
    `x` as before to these, up to rounding: weights and biases are computed in double, and rounded once.  Columns whose
    means are much larger than their deviations lose as many digits of `x` as these differ.  Files, and all that is made
    of the network from now on, take raw values, too.

    Parameters
    ----------
    input_mean, input_std : float or array-like, (n_in,), optional
        Of all inputs, or of each; without them 0 and 1.  A deviation is above 0.  Both are numbers that the network's
        dtype can hold, as the values are that they were made of.
    output_mean, output_std : float or array-like, (n_out,), optional
        The same of the outputs.

    Raises
    ------
    TypeError, ValueError
        Where a constant is not as above, all are left out, or the network cannot take it; nothing has been changed
        then.  Outputs of cross_entropy, bce_with_logits and poisson are refused, since they are logits, or logarithms
        of rates, and no values of targets; and means of inputs in train mode with `input_dropout`, which would put 0
        where the mean was.
    InUseError
        Where another thread computes with the network.

    Notes
    -----
    What the network had taken in before, it keeps: several calls are the standardisations one after the other, of the
    inputs those of later calls first.  A raw 0 of a sparse matrix is a 0, and no mean.  The loss is one of raw values
    from now on, with the settings that it had: Huber's delta, for one, is not multiplied by `output_std`; and in a
    training that goes on, steps and penalties have other sizes.

    Examples
    --------
    >>> import mlpc, numpy as np
    >>> x, y = np.array([[100.0], [200.0], [300.0]]), np.array([7.0, 5.0, 3.0])
    >>> (x_mean, x_std), (y_mean, y_std) = mlpc.standardize(x), mlpc.standardize(y)
    >>> net = mlpc.MLP([1, 1], loss="mse", seed=1)
    >>> history = net.fit((x - x_mean) / x_std, (y - y_mean) / y_std, epochs=100, lr=0.1)
    >>> net.absorb(input_mean=x_mean, input_std=x_std, output_mean=y_mean, output_std=y_std)
    >>> net.predict([[250.0]]).round(4)
    array([4.], dtype=float32)
    """
    net._copy_numbers()  # raises where another thread computes with them
    inputs = _constants(net, "input", input_mean, input_std, net.sizes[0])
    outputs = _constants(net, "output", output_mean, output_std, net.sizes[-1])
    if inputs is None and outputs is None:
        raise ValueError("absorb: expected input_mean, input_std, output_mean or output_std, got none of them")
    linear = [layer for layer in net.layers if isinstance(layer, Linear)]
    first, last = linear[0], linear[-1]
    tensors = {each: (each.weight.astype(_DOUBLE), each.bias.astype(_DOUBLE)) for each in (first, last)}
    with np.errstate(over="ignore", invalid="ignore"):  # which is looked for below
        if inputs is not None:
            _check_inputs(net, inputs[0])
            tensors[first] = _with_inputs(*tensors[first], *inputs)
        if outputs is not None:
            _check_outputs(net)
            tensors[last] = _with_outputs(*tensors[last], *outputs)
    rounded = {each: tuple(_mlpc.as_real("", array, net.dtype) for array in tensors[each]) for each in tensors}
    if not all(_mlpc.all_finite(array) for arrays in rounded.values() for array in arrays):
        raise ValueError(
            f"absorb: expected constants with which all parameters stay finite in {net.dtype}, got others, or a "
            "network with parameters that are not"
        )
    for layer, (weight, bias) in rounded.items():
        layer.weight, layer.bias = weight, bias


def _constants(net: Network, side: str, mean: Any, std: Any, count: int) -> tuple[Array, Array] | None:
    """Means and deviations of all inputs or outputs, in double, or None where both are."""
    if mean is None and std is None:
        return None
    arrays = []
    for name, value, usual in ((f"{side}_mean", mean, 0.0), (f"{side}_std", std, 1.0)):
        array = finite(name, usual if value is None else value, _DOUBLE)
        if array.shape not in ((), (count,)):
            raise ValueError(f"{name}: expected a number or shape ({count},), got shape {array.shape}")
        least, most = float(np.finfo(net.dtype).tiny), float(np.finfo(net.dtype).max)
        bad = np.abs(array) > most if name.endswith("mean") else ~((array >= least) & (array <= most))
        if bad.any():
            bounds = f"in +-{most:.3g}" if name.endswith("mean") else f"in {least:.3g}..{most:.3g}"
            raise ValueError(f"{name}: expected numbers {bounds}, as {net.dtype} has them, got {array[bad].flat[0]}")
        arrays.append(np.broadcast_to(array, count))
    return arrays[0], arrays[1]


def _check_inputs(net: Network, mean: Array) -> None:
    if net.training and net.input_dropout and mean.any():
        raise ValueError(
            "input_mean: expected None with input_dropout in train mode, where a dropped input would become a raw 0 "
            "and no mean, got one; net.eval() has no dropout"
        )


def _check_outputs(net: Network) -> None:
    if net.criterion.link != "none":
        raise ValueError(
            f"output_mean, output_std: expected None with {net.loss_name}, whose outputs are "
            f"{'logarithms of rates' if net.criterion.link == 'exp' else 'logits'} and no values of targets, got some"
        )


def _with_inputs(weight: Array, bias: Array, mean: Array, std: Array) -> tuple[Array, Array]:
    """w (x - m) / s + b = (w / s) x + (b - (w / s) m)."""
    weight = weight / std
    return weight, _mlpc.linear_forward(-mean[None], weight, bias, None)[0]


def _with_outputs(weight: Array, bias: Array, mean: Array, std: Array) -> tuple[Array, Array]:
    """(w x + b) s + m = (s w) x + (s b + m)."""
    return weight * std[:, None], bias * std + mean
