"""A network that has absorbed a standardisation answers to raw values as it did to standardised ones."""

from fractions import Fraction

import numpy as np
import pytest

import mlpc

rng = np.random.default_rng(0)
x = rng.normal(size=(40, 3)) * [1.0, 50.0, 0.01] + [5.0, -300.0, 0.0]
y = rng.normal(size=(40, 2)) * [10.0, 0.1] + [-4.0, 30.0]
(X_MEAN, X_STD), (Y_MEAN, Y_STD) = mlpc.standardize(x), mlpc.standardize(y)

# ---- standardize -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64", "float16"])
def test_the_constants_are_those_of_exact_fractions(dtype):
    table = (x * 3).clip(0, 250).astype(dtype)
    mean, std = mlpc.standardize(table)
    for column, m, s in zip(table.T.tolist(), mean, std, strict=True):
        exact = [Fraction(each) for each in column]
        middle = sum(exact) / len(exact)
        variance = sum((each - middle) ** 2 for each in exact) / len(exact)
        assert m == pytest.approx(float(middle), rel=1e-15)
        assert s == pytest.approx(float(variance) ** 0.5 or 1, rel=1e-14)


@pytest.mark.parametrize("factor", [2.0**-1000, 2.0**-600, 2.0**600, 2.0**1000])
def test_no_square_is_too_large_or_too_small(factor):
    mean, std = mlpc.standardize(x * factor)
    assert mean.tolist() == (X_MEAN * factor).tolist() and std.tolist() == (X_STD * factor).tolist()


def test_a_constant_column_becomes_0():
    table = np.full((10, 3), 0.1)
    table[:, 1] = [0.0, -0.0] * 5
    table[:, 2] = np.finfo(np.float64).max
    mean, std = mlpc.standardize(table)
    assert mean.tolist() == table[0].tolist() and std.tolist() == [1, 1, 1]
    assert mlpc.standardize([3.0]) == (3.0, 1.0)


def test_the_smallest_differences_that_there_are():
    mean, std = mlpc.standardize([5e-324] + [0.0] * 9)
    assert mean >= 0 and std > 0


def test_columns_do_not_know_of_each_other_and_have_no_layout():
    wide = rng.normal(size=(3000, 700)).astype(np.float32)  # more than one piece
    mean, std = mlpc.standardize(wide)
    assert np.array_equal(mlpc.standardize(wide[:, 400]), (mean[400], std[400]))
    for same in (np.asfortranarray(wide), wide.astype(np.float64)):
        assert np.array_equal(mlpc.standardize(same), (mean, std))


def test_the_bits_are_the_same_on_every_instruction_set():
    before, answers = mlpc.cpu.active(), set()
    table = np.arange(30000.0).reshape(-1, 3) ** 1.5 % 7
    try:
        for isa in mlpc.cpu.available():
            mlpc.cpu.use(isa)
            answers.add(b"".join(each.tobytes() for each in mlpc.standardize(table)))
    finally:
        mlpc.cpu.use(before)
    assert len(answers) == 1


@pytest.mark.parametrize("wrong", [[], np.zeros((0, 3)), np.zeros((3, 0)), 3.0, np.zeros((2, 2, 2))])
def test_what_has_no_columns(wrong):
    with pytest.raises(ValueError, match=r"^x: expected shape \(n, k\) or \(n,\) with a number in it, got shape \("):
        mlpc.standardize(wrong)


# ---- absorb ----------------------------------------------------------------------------------------------------------

MAKERS = {
    "linear": lambda **more: mlpc.MLP([3, 2], loss="mse", **more),
    "hidden": lambda **more: mlpc.MLP([3, 7, 5, 2], ["tanh", "relu"], loss="huber", **more),
    "batch norm": lambda **more: mlpc.MLP([3, 7, 2], "gelu", norm="batch", loss="mae", **more),
    "layer norm, dropout": lambda **more: mlpc.MLP(
        [3, 7, 2], norm="layer", dropout=0.2, input_dropout=0.1, loss="quantile", **more
    ),
}
ALL = {"input_mean": X_MEAN, "input_std": X_STD, "output_mean": Y_MEAN, "output_std": Y_STD}
USUAL = {"input_mean": 0.0, "input_std": 1.0, "output_mean": 0.0, "output_std": 1.0}


def trained(kind, dtype):
    net = MAKERS[kind](dtype=dtype)
    net.fit((x - X_MEAN) / X_STD, (y - Y_MEAN) / Y_STD, epochs=2, batch_size=8, progress=False)
    return net


@pytest.mark.parametrize("some", range(1, 16))
@pytest.mark.parametrize("kind", MAKERS)
def test_raw_values_for_standardised_ones(kind, some):
    constants = {name: value for place, (name, value) in enumerate(ALL.items()) if some >> place & 1}
    used = USUAL | constants
    net = trained(kind, "float64")
    expected = net.predict((x - used["input_mean"]) / used["input_std"]) * used["output_std"] + used["output_mean"]
    net.absorb(**constants)
    np.testing.assert_allclose(net.predict(x), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", MAKERS)
def test_float32_is_rounded_once(kind):
    net = trained(kind, "float32")
    wide = net.copy(dtype="float64")
    net.absorb(**ALL)
    wide.absorb(**ALL)
    assert net.digest() == wide.copy(dtype="float32").digest()


def test_a_number_stands_for_all_columns():
    one, each = trained("hidden", "float32"), trained("hidden", "float32")
    one.absorb(input_mean=3, input_std=np.float32(2), output_std=4)
    each.absorb(input_mean=[3, 3, 3], input_std=[2, 2, 2], output_std=[4, 4])
    assert one.digest() == each.digest()


def test_several_calls_are_one_after_the_other():
    net = trained("hidden", "float64")
    first = net.predict((x - X_MEAN) / X_STD) * Y_STD + Y_MEAN
    net.absorb(**ALL)
    net.absorb(input_mean=-1, input_std=0.5, output_mean=7, output_std=2)
    np.testing.assert_allclose(net.predict(x * 0.5 - 1), first * 2 + 7, rtol=1e-9)


def test_what_is_made_of_the_network_takes_raw_values(tmp_path):
    net = trained("batch norm", "float32")
    net.absorb(**ALL)
    net.save(tmp_path / "net.npz")
    assert np.array_equal(mlpc.load(tmp_path / "net.npz").predict(x), net.predict(x))
    assert np.array_equal(net.freeze().predict(x), net.predict(x))


def test_classifiers_absorb_their_inputs():
    net = mlpc.MLP([3, 4, 3], dtype="float64")
    expected = net.predict_proba((x - X_MEAN) / X_STD)
    net.absorb(input_mean=X_MEAN, input_std=X_STD)
    np.testing.assert_allclose(net.predict_proba(x), expected, rtol=1e-10)


WRONG = {
    "nothing": ({}, "^absorb: expected input_mean, input_std, output_mean or output_std, got none of them"),
    "length": ({"input_mean": [1.0, 2.0]}, r"^input_mean: expected a number or shape \(3,\), got shape \(2,\)"),
    "a column": ({"input_std": np.ones((3, 1))}, "^input_std: expected a number or shape"),
    "0": (
        {"input_std": [1, 0, 1]},
        r"^input_std: expected numbers in 1\.18e-38\.\.3\.4e\+38, as float32",
    ),
    "negative": ({"output_std": -1}, "^output_std: expected numbers in"),
    "too small": ({"output_std": 1e-40}, "^output_std: expected numbers in"),
    "too large": ({"input_mean": [0, 0, -1e39]}, r"^input_mean: expected numbers in \+-3\.4e\+38, as float32"),
    "nan": ({"output_mean": np.nan}, "^output_mean: expected finite numbers, got nan"),
    "inf": ({"input_std": np.inf}, "^input_std: expected finite numbers, got inf"),
    "text": ({"input_std": "1"}, "^input_std: expected real numbers"),
    "masked": ({"input_std": np.ma.masked_equal([1.0, 2.0, 3.0], 2.0)}, "^input_std: expected no masked elements"),
    "beyond": ({"input_std": 2e-38, "input_mean": 1e20}, "^absorb: expected constants with which all parameters stay"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_refused_changes_nothing(case):
    net = trained("hidden", "float32")
    before = net.digest()
    constants, words = WRONG[case]
    with pytest.raises((TypeError, ValueError), match=words):
        net.absorb(**{"output_mean": 3.0} | constants if constants else {})
    assert net.digest() == before


@pytest.mark.parametrize("loss", ["cross_entropy", "bce_with_logits", "poisson"])
def test_outputs_that_are_no_targets(loss):
    net = mlpc.MLP([3, 4, 2], loss=loss)
    before = net.digest()
    with pytest.raises(ValueError, match=f"^output_mean, output_std: expected None with {loss}, whose outputs are log"):
        net.absorb(input_mean=1, output_std=2)
    assert net.digest() == before


def test_dropped_inputs_would_mean_something_else():
    net = mlpc.MLP([3, 4, 2], input_dropout=0.5)
    with pytest.raises(ValueError, match=r"^input_mean: expected None with input_dropout in train mode"):
        net.absorb(input_mean=1)
    net.absorb(input_std=2, input_mean=0)
    net.eval().absorb(input_mean=1)
