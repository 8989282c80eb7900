"""datasets.stratified_split: every class has its share."""

import numpy as np
import pytest

from mlpc.datasets import load_digits, stratified_split


def test_shares_are_exact_where_they_are_whole():
    y = np.repeat([0, 1, 2], [10, 20, 70])
    train, validation = stratified_split(y, 10)
    np.testing.assert_array_equal(np.bincount(y[validation]), [1, 2, 7])
    np.testing.assert_array_equal(np.bincount(y[train]), [9, 18, 63])


def test_shares_are_rounded_by_largest_remainder():
    y = np.repeat([0, 1, 2], [5, 3, 2])  # of 4: 2.0, 1.2, 0.8
    _, validation = stratified_split(y, 4)
    np.testing.assert_array_equal(np.bincount(y[validation]), [2, 1, 1])


def test_every_row_is_in_one_part_in_ascending_order():
    y = load_digits()[0][1]
    train, validation = stratified_split(y, 287, seed=4)
    assert len(validation) == 287
    assert (np.diff(train) > 0).all() and (np.diff(validation) > 0).all()
    np.testing.assert_array_equal(np.sort(np.concatenate([train, validation])), np.arange(len(y)))


def test_seeds_draw_differently_and_repeat():
    y = np.zeros(100, int)
    first, again, other = (stratified_split(y, 50, seed=seed)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_rows_are_drawn_from_everywhere():
    _, validation = stratified_split(np.zeros(1000, int), 500)
    assert 400 < 2 * (validation < 500).sum() < 600 and 400 < 2 * (validation % 2 == 0).sum() < 600


@pytest.mark.parametrize("n_validation", [-1, 4])
def test_more_rows_than_there_are_is_an_error(n_validation):
    with pytest.raises(ValueError, match=rf"n_validation: expected an integer in 0\.\.3, got {n_validation}"):
        stratified_split([0, 1, 0], n_validation)
