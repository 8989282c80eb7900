"""Random numbers: the generator against Random123's known answers, all that is made from it against plain Python."""

from statistics import NormalDist

import mpmath
import numpy as np
import pytest

from mlpc import _mlpc

INIT, SHUFFLE, DROPOUT, NOISE = STREAMS = 0, 1, 2, 3
WORD = 2**32 - 1


def philox(seed, stream, index, counter):
    """Philox4x32-10 (Salmon et al. 2011), in whole numbers."""
    k0, k1 = seed & WORD, seed >> 32
    c0, c1, c2, c3 = counter & WORD, counter >> 32, index, stream
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = p1 >> 32 ^ c1 ^ k0, p1 & WORD, p0 >> 32 ^ c3 ^ k1, p0 & WORD
        k0, k1 = k0 + 0x9E3779B9 & WORD, k1 + 0xBB67AE85 & WORD
    return c0, c1, c2, c3


def bits(seed, stream, index, counter):
    low, high, _, _ = philox(seed, stream, index, counter)
    return high << 32 | low


def probability(seed, stream, index, counter):
    """What the normal variate is the quantile of, exactly."""
    return mpmath.mpf(2 * (bits(seed, stream, index, counter) >> 11) + 1) / 2**54


def bounded(bound, seed, epoch, counter):
    """Lemire's method: the number and the counter after it."""
    while True:
        product = bits(seed, SHUFFLE, epoch, counter) * bound
        counter += 1
        if product % 2**64 >= 2**64 % bound:
            return product >> 64, counter


def shuffled(n, seed, epoch):
    order, counter = list(range(n)), 0
    for i in range(n - 1, 0, -1):
        j, counter = bounded(i + 1, seed, epoch, counter)
        order[i], order[j] = order[j], order[i]
    return order


# Random123, kat_vectors, the lines "philox4x32 10": counter words, key words, answer.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((WORD,) * 4, (WORD,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize("counter, key, answer", KNOWN)
def test_known_answers(counter, key, answer):
    block = (key[1] << 32 | key[0], counter[3], counter[2], counter[1] << 32 | counter[0])
    assert philox(*block) == answer
    if counter[3] in STREAMS:  # tests/c/rng_check.c asks the C function for all of them
        assert tuple(_mlpc.philox(*block)) == answer


@pytest.mark.parametrize("stream", STREAMS)
def test_philox_equals_python(stream):
    for i in range(200):
        block = (i * 0x9E3779B97F4A7C15 % 2**64, stream, i * 77777 % 2**32, i * 0xD1342543DE82EF95 % 2**64)
        assert tuple(_mlpc.philox(*block)) == philox(*block)


def test_words_are_uniform():
    """Chi-square over 16 bins of the top and the bottom bits of every word: the seeds are fixed, so is the outcome."""
    words = np.array([_mlpc.philox(3, INIT, 0, i) for i in range(16000)], np.uint32)
    for part in (words >> 28, words & 15):
        for column in part.T:
            counts = np.bincount(column, minlength=16)
            assert ((counts - 1000) ** 2 / 1000).sum() < 38  # 15 degrees of freedom: exceeded once in a thousand


def test_normal_is_the_inverse_distribution():
    numbers = _mlpc.random_normal(11, INIT, 2, 4000)
    assert numbers.dtype == np.float64 and numbers.shape == (4000,)
    with mpmath.workdps(40):
        for i in [*range(400), int(numbers.argmin()), int(numbers.argmax()), int(abs(numbers).argmin())]:
            p = probability(11, INIT, 2, i)
            exact = mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1)
            assert abs(mpmath.mpf(float(numbers[i])) / exact - 1) < 1e-15, i


def test_normal_agrees_with_the_standard_library():
    numbers = _mlpc.random_normal(12, SHUFFLE, 0, 2000)
    quantile = NormalDist().inv_cdf
    expected = [quantile(float(probability(12, SHUFFLE, 0, i))) for i in range(2000)]
    np.testing.assert_allclose(numbers, expected, rtol=1e-12, atol=1e-15)  # theirs see a probability rounded to 53 bits


def test_normal_moments():
    numbers = _mlpc.random_normal(13, INIT, 0, 100_000)
    assert abs(numbers.mean()) < 4 / 100_000**0.5
    assert abs(numbers.var() - 1) < 4 * (2 / 100_000) ** 0.5
    deciles = [NormalDist().inv_cdf(i / 10) for i in range(1, 10)]
    counts = np.bincount(np.searchsorted(deciles, numbers), minlength=10)
    assert ((counts - 10_000) ** 2 / 10_000).sum() < 28  # 9 degrees of freedom


def test_normal_is_addressed():
    """A number depends on its own address, not on how many are asked for; every part of the address matters."""
    long = _mlpc.random_normal(1, INIT, 0, 50)
    np.testing.assert_array_equal(_mlpc.random_normal(1, INIT, 0, 7), long[:7])
    assert _mlpc.random_normal(1, INIT, 0, 0).size == 0
    for other in [(2, INIT, 0), (1 + 2**40, INIT, 0), (1, SHUFFLE, 0), (1, INIT, 1)]:
        assert not np.any(_mlpc.random_normal(*other, 50) == long)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 10, 257, 1000])
def test_shuffle_equals_python(n):
    for seed, epoch in [(0, 0), (0, 1), (7, 0), (2**63 + 5, 2**31)]:
        order = _mlpc.shuffle(n, seed, epoch)
        assert order.dtype == np.int64 and order.shape == (n,)
        assert order.tolist() == shuffled(n, seed, epoch)


def test_shuffle_is_a_permutation():
    order = _mlpc.shuffle(60_000, 3, 4)
    np.testing.assert_array_equal(np.sort(order), np.arange(60_000))
    assert not np.array_equal(order, _mlpc.shuffle(60_000, 3, 5))
    assert not np.array_equal(order, _mlpc.shuffle(60_000, 4, 4))


def test_shuffles_are_uniform():
    """All 24 orders of four equally often, over 4,800 epochs."""
    orders = [tuple(_mlpc.shuffle(4, 1, epoch).tolist()) for epoch in range(4800)]
    counts = np.array([orders.count(order) for order in set(orders)])
    assert len(counts) == 24
    assert ((counts - 200) ** 2 / 200).sum() < 50  # 23 degrees of freedom
