"""Learning rates over time against their formulas."""

import math

import numpy as np
import pytest

from mlpc.schedules import Constant, Cosine, Exponential, OneCycle, Piecewise, Polynomial, Step, rates_of

TIMES = [0.0, 0.125, 1.0, 1.9999, 2.0, 3.7, 9.5, 10.0, 19.999, 29.9375, 30.0, 31.0, 1000.0]


def close(x):
    return pytest.approx(x, rel=1e-14, abs=1e-300)


@pytest.mark.parametrize("t", TIMES)
def test_constant(t):
    assert Constant(0.3)(t) == 0.3
    assert Constant(0.3, warmup=4)(t) == (close(0.3 * t / 4) if t < 4 else 0.3)


@pytest.mark.parametrize("t", TIMES)
def test_step(t):
    assert Step(0.3, 7)(t) == close(0.3 * 0.1 ** math.floor(t / 7))
    assert Step(0.3, 2.5, gamma=0.5)(t) == 0.3 * 0.5 ** math.floor(t / 2.5)  # powers of two are exact
    assert Step(0.3, 7, warmup=2)(t) == close(0.3 * t / 2 if t < 2 else 0.3 * 0.1 ** math.floor(t / 7))


def test_step_changes_at_whole_multiples():
    schedule = Step(1.0, 10, gamma=0.5)
    before = math.nextafter(10, 0)
    assert [schedule(t) for t in (0.0, before, 10.0, 19.0, 20.0)] == [1, 1, 0.5, 0.5, 0.25]


def test_step_far_away():
    assert Step(1.0, 1e-3, gamma=0.5)(1e300) == 0
    assert Step(1.0, 1.0, gamma=1.0)(1e300) == 1


def cosine(t, lr, epochs, minimum=0.0, warmup=0):
    if t < warmup:
        return lr * t / warmup
    if t >= epochs:
        return minimum
    return minimum + (lr - minimum) * (1 + math.cos(math.pi * (t - warmup) / (epochs - warmup))) / 2


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("settings", [{}, {"minimum": 1e-4}, {"warmup": 3}, {"minimum": 0.01, "warmup": 2.5}])
def test_cosine(t, settings):
    # Near the end 1 + cos is small and keeps the rounding of cos near -1: hence the absolute tolerance.
    expected = pytest.approx(cosine(t, 0.3, 30, **settings), rel=1e-14, abs=2e-16)
    assert Cosine(0.3, 30, **settings)(t) == expected


def test_cosine_ends():
    schedule = Cosine(0.5, 20, minimum=0.01, warmup=5)
    assert schedule(0) == 0
    assert schedule(5) == 0.5
    assert schedule(20) == schedule(1e9) == 0.01
    assert Cosine(0.5, 20)(10) == 0.25
    rates = [schedule(5 + t / 8) for t in range(121)]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("warmup", [0, 2])
def test_exponential(t, warmup):
    assert Exponential(0.3, 0.9, warmup=warmup)(t) == close(0.3 * t / warmup if t < warmup else 0.3 * 0.9**t)


def test_exponential_without_decay_and_with_all():
    assert [Exponential(0.3, 1.0)(t) for t in (0, 5.5)] == [0.3, 0.3]
    assert [Exponential(0.3, 0.0)(t) for t in (0, 0.5)] == [0.3, 0.0]


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize(
    "settings", [{}, {"power": 2.5}, {"minimum": 0.01, "warmup": 2.5}, {"power": 0.5, "warmup": 3}]
)
def test_polynomial(t, settings):
    warmup, minimum, power = settings.get("warmup", 0), settings.get("minimum", 0), settings.get("power", 1)
    part = max(0, 1 - (t - warmup) / (30 - warmup))
    expected = 0.3 * t / warmup if t < warmup else minimum + (0.3 - minimum) * part**power
    assert Polynomial(0.3, 30, **settings)(t) == pytest.approx(expected, rel=1e-13, abs=2e-16)


def test_one_cycle_is_torch_s(torch):
    """At torch's steps, of which the last one is the end, and the rise ends at a whole one."""
    total, lr = 101, 0.3
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=total, pct_start=0.31 - 1 / 101 * 0.31)
    rise = (float(theirs._schedule_phases[0]["end_step"])) / (total - 1)
    mine = OneCycle(lr, epochs=total - 1, rise=rise, final_divisor=25 * 1e4)
    for step in range(total):
        assert mine(step) == pytest.approx(theirs.get_last_lr()[0], rel=1e-9, abs=1e-15), step
        optimizer.step()
        if step + 1 < total:
            theirs.step()


def test_piecewise():
    schedule = Piecewise([(1, 0.5), (2, 1.0), (4, 0.0)])
    assert [schedule(t) for t in (0, 1, 1.5, 2, 3, 4, 9)] == [0.5, 0.5, 0.75, 1.0, 0.5, 0.0, 0.0]


@pytest.mark.parametrize(
    ("points", "error", "words"),
    [
        ([], ValueError, "points: expected at least one"),
        (0.1, TypeError, "points: expected pairs"),
        ([(0, 0.1, 2)], TypeError, "points: expected pairs"),
        ([(1, 0.1), (1, 0.2)], ValueError, "points: expected times that increase"),
        ([(0, -0.1)], ValueError, "points: lr"),
    ],
)
def test_points_that_cannot_be(points, error, words):
    with pytest.raises(error, match=words):
        Piecewise(points)


@pytest.mark.parametrize(
    "schedule",
    [
        Constant(0.3), Constant(1), Constant(0.3, warmup=2.5), Cosine(0.3, 5, warmup=1), OneCycle(0.3, 5),
        Piecewise([(0, 0.1), (5, 0.0)]),
    ],
    ids=repr,
)  # fmt: skip
def test_rates_of_an_epoch_are_those_of_its_steps(schedule):
    expected = [schedule(2 + (k + 0.5) / 7) for k in range(7)]
    rates = rates_of(schedule, 2.0, 7)
    assert rates.dtype == np.float64
    assert rates.tolist() == expected
