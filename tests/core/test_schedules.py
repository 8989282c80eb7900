"""Learning rates over time against their formulas."""

import math

import pytest

from mlpc.schedules import Constant, Cosine, Step

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
