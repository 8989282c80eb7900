"""The data of the course's notebooks, by the name that stands in their second code cell."""

from __future__ import annotations

from mlpc.datasets import Samples, load_digits, load_mnist

__all__ = ["load_data"]

_LOADERS = {"mnist": load_mnist, "digits": load_digits}


def load_data(name: str) -> tuple[Samples, Samples]:
    """Load the samples for training and for the test, and print which data they are.

    Parameters
    ----------
    name : str
        "mnist": 28 x 28 pixels, downloaded once; "digits": 8 x 8 pixels, which come with the package.

    Returns
    -------
    (x, y), (x_test, y_test)
        As from `mlpc.datasets.load_mnist`.

    Raises
    ------
    ValueError
        For any other name.
    ConnectionError, FileNotFoundError, ImportError
        Where MNIST cannot be had; the message says what can be done.

    Examples
    --------
    >>> (x, y), (x_test, y_test) = load_data("digits")
    data: digits, 1,437 samples of 64 pixels for training, 360 for the test
    """
    if name not in _LOADERS:
        raise ValueError(f'DATA: expected "mnist" or "digits", got {name!r}')
    try:
        (x, y), (x_test, y_test) = _LOADERS[name]()
    except (ImportError, OSError) as error:
        advice = 'DATA = "digits", in the second code cell, works without a network, on pictures of 8 x 8 pixels.'
        raise type(error)(f"{error}\n{advice}") from error
    print(f"data: {name}, {len(x):,} samples of {x.shape[1]} pixels for training, {len(x_test):,} for the test")
    return (x, y), (x_test, y_test)
