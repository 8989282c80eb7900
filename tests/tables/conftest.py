"""Tables that the tests share."""

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")

COLOURS = ("blue", "green", "red")


@pytest.fixture
def table():
    """Two columns of numbers that are far from 0, a category, and two targets that depend on all of them."""
    rng = np.random.default_rng(0)
    size, weight = rng.normal(1000, 30, 90), rng.normal(0.01, 0.002, 90)
    colour = rng.integers(0, 3, 90)
    score = (size - 1000) / 30 + (weight - 0.01) / 0.002 + 2.0 * (colour == 2)
    return pandas.DataFrame(
        {
            "size": size,
            "colour": np.array(COLOURS)[colour],
            "weight": weight,
            "kind": np.where(score > 1.5, "rose", np.where(score > 0, "aster", "lily")),
            "price": 100 + 10 * score,
        }
    )
