"""Initial values as scikit-learn draws them."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from mlpc.arguments import Array

__all__ = ["glorot_uniform"]


def glorot_uniform(sizes: list[int], activation: Any, random_state: np.random.RandomState) -> list[tuple[Array, Array]]:
    """Weights (n_in, n_out) and biases of each layer, uniform between plus and minus sqrt(6 / (n_in + n_out)).

    With the logistic function behind the layer, or before the last one, it is 2 instead of 6.  Source: Glorot and
    Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010; biases too, as
    scikit-learn has it, whose numbers these are.

    Examples
    --------
    >>> [(weight, bias)] = glorot_uniform([4, 2], "relu", np.random.RandomState(0))
    >>> weight.shape, bias.shape, bool(abs(weight).max() <= 1.0)
    ((4, 2), (2,), True)
    """
    layers = len(sizes) - 1
    each = [*activation, *activation[-1:]] if isinstance(activation, (list, tuple)) else [activation] * layers
    values = []
    for (n_in, n_out), name in itertools.zip_longest(itertools.pairwise(sizes), each[:layers]):
        factor = 2.0 if isinstance(name, str) and name in ("logistic", "sigmoid") else 6.0
        bound = math.sqrt(factor / (n_in + n_out))
        values.append((_uniform(random_state, bound, (n_in, n_out)), _uniform(random_state, bound, (n_out,))))
    return values


def _uniform(random_state: np.random.RandomState, bound: float, shape: tuple[int, ...]) -> Array:
    """``random_state.uniform(-bound, bound, shape)`` in two operations, so that no compiler makes one of them."""
    return random_state.random_sample(shape) * (2 * bound) + -bound
