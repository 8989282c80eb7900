"""Validation data: given with weights, or a part that fit splits off."""

import numpy as np
import pytest

import mlpc
from mlpc.datasets import stratified_split
from mlpc.training import Run

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = np.repeat([0, 1, 2], [30, 20, 10])
WEIGHTS = RNG.integers(1, 4, 60).astype(float)


def network(loss="cross_entropy", n_out=3, seed=2):
    return mlpc.MLP([4, 5, n_out], loss=loss, seed=seed)


def test_weights_of_validation_count_in_its_loss():
    net = network()
    history = net.fit(X, Y, epochs=1, validation_data=(X[:20], Y[:20], WEIGHTS[:20]), progress=False)
    assert history["val_loss"] == [net.evaluate(X[:20], Y[:20], sample_weight=WEIGHTS[:20])[0]]
    assert history["val_loss"] != [net.evaluate(X[:20], Y[:20])[0]]
    assert history["val_accuracy"] == [net.evaluate(X[:20], Y[:20])[1]]


def test_no_weights_may_be_none():
    (plain, without) = (
        network().fit(X, Y, epochs=1, validation_data=data, progress=False) for data in ((X, Y), (X, Y, None))
    )
    assert plain["val_loss"] == without["val_loss"]


def test_a_split_trains_on_the_rest():
    """To the bit as if the user had split, every class and every weight in its part."""
    split, given = network(), network()
    train, held = stratified_split(Y, 12, seed=2)
    assert np.bincount(Y[held]).tolist() == [6, 4, 2]
    first = split.fit(X, Y, epochs=2, validation_split=0.2, sample_weight=WEIGHTS, progress=False)
    second = given.fit(
        X[train], Y[train], epochs=2, validation_data=(X[held], Y[held], WEIGHTS[held]), sample_weight=WEIGHTS[train],
        progress=False,
    )  # fmt: skip
    assert split.digest() == given.digest()
    assert first["val_loss"] == second["val_loss"]


def test_a_split_is_the_same_every_time():
    net = network()
    net.fit(X, Y, epochs=1, validation_split=0.2, seed=8, progress=False)
    history = net.fit(X, Y, epochs=1, validation_split=0.2, seed=9, progress=False)
    held = stratified_split(Y, 12, seed=2)[1]
    assert history["val_loss"] == [net.evaluate(X[held], Y[held])[0]]


@pytest.mark.parametrize(
    ("loss", "n_out", "y"),
    [("mse", 1, X[:, :1]), ("bce_with_logits", 3, np.eye(3)[Y]), ("cross_entropy", 3, np.eye(3)[Y])],
)
def test_a_split_of_what_has_no_labels_is_drawn(loss, n_out, y):
    net = network(loss, n_out)
    history = net.fit(X, y, epochs=1, validation_split=0.25, progress=False)
    held = stratified_split(np.zeros(60), 15, seed=2)[1]
    assert history["val_loss"] == [net.evaluate(X[held], y[held])[0]]


def test_one_output_of_two_classes_is_stratified():
    y = (Y == 2).astype(float)[:, None]
    history = network("bce_with_logits", 1).fit(X, y, epochs=1, validation_split=0.2, progress=False)
    held = stratified_split(y[:, 0], 12, seed=2)[1]
    assert y[held].sum() == 2 and (12 * history["val_accuracy"][0]).is_integer()


def test_balanced_weights_are_those_of_all_rows():
    split, given = network(), network()
    split.fit(X, Y, epochs=1, validation_split=0.2, class_weight="balanced", progress=False)
    train = stratified_split(Y, 12, seed=2)[0]
    given.fit(X[train], Y[train], epochs=1, class_weight=60 / (3 * np.bincount(Y)), progress=False)
    assert split.digest() == given.digest()


def test_bytes_are_split_as_bytes():
    x = RNG.integers(0, 256, (60, 4)).astype(np.uint8)
    net = network()
    history = net.fit(x, Y, epochs=1, validation_split=0.2, scale=1 / 255, progress=False)
    held = stratified_split(Y, 12, seed=2)[1]
    assert history["val_loss"] == [net.evaluate(x[held], Y[held], scale=1 / 255)[0]]


@pytest.mark.parametrize(
    ("share", "error", "message"),
    [
        (
            0.0,
            ValueError,
            r"validation_split: expected a share in \(0, 1\) that leaves rows on both sides, got 0 of 60",
        ),
        (1.0, ValueError, "got 1 of 60 rows"),
        (12, ValueError, "got 12 of 60 rows"),
        (0.001, ValueError, "got 0.001 of 60 rows"),
        (0.999, ValueError, "got 0.999 of 60 rows"),
        (-0.1, ValueError, "validation_split: expected a finite number >= 0, got -0.1"),
        ("0.2", TypeError, "validation_split: expected a number, got '0.2'"),
    ],
)
def test_a_share_that_is_none(share, error, message):
    with pytest.raises(error, match=message):
        Run(network(), X, Y, validation_split=share)


def test_a_split_beside_validation_data_is_refused():
    with pytest.raises(ValueError, match="validation_split: expected None beside validation_data, got both"):
        Run(network(), X, Y, validation_split=0.2, validation_data=(X, Y))


def test_a_wrong_row_is_named_by_its_place_in_all_of_them():
    x = X.copy()
    x[47, 2] = np.nan
    with pytest.raises(ValueError, match="row 47"):
        Run(network(), x, Y, validation_split=0.2)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ((X,), TypeError, r"validation_data: expected a pair \(x, y\), or \(x, y, sample_weight\), got 1 of them"),
        ((X, Y, WEIGHTS, WEIGHTS), TypeError, "got 4 of them"),
        (X, TypeError, "got ndarray"),
        ((X, Y, WEIGHTS[:5]), ValueError, r"validation_data: sample_weight: expected shape \(60,\)"),
        ((X, Y, -WEIGHTS), ValueError, "validation_data: sample_weight"),
        ((X, Y, "heavy"), TypeError, "validation_data: sample_weight: expected real numbers"),
    ],
)
def test_wrong_validation_data_are_named(data, error, message):
    with pytest.raises(error, match=message):
        Run(network(), X, Y, validation_data=data)


def test_a_run_is_resumed_with_the_same_weights_alone():
    run = Run(network(), X, Y, validation_data=(X, Y, WEIGHTS))
    run.epoch()
    state = run.state_dict()
    Run(network(), X, Y, validation_data=(X, Y, WEIGHTS)).load_state_dict(state)
    with pytest.raises(ValueError, match="expected one of this run, with validation"):
        Run(network(), X, Y, validation_data=(X, Y)).load_state_dict(state)
