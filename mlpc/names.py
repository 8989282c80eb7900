"""The names that arguments may have, as types: a checker of types finds one that is misspelt."""

from typing import Literal, TypeAlias

__all__ = ["ActivationName", "InitName", "NormName", "Reduction"]

ActivationName: TypeAlias = Literal[
    "identity", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus", "tanh", "sigmoid", "hardtanh",
    "relu6",
]  # fmt: skip
InitName: TypeAlias = Literal["torch", "he", "glorot", "lecun", "orthogonal", "course", "zeros"]
NormName: TypeAlias = Literal["batch", "layer"]
Reduction: TypeAlias = Literal["mean", "sum"]
