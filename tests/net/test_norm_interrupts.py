"""Running statistics and the count of batches that they have seen, where an epoch is broken off or diverges."""

import numpy as np
import pytest

import mlpc
from mlpc import ops
from mlpc.training import Run, batches


def entropy(z, y):
    """One of the core's losses as a function of one's own, for which the epoch is a loop in Python."""
    return ops.cross_entropy(z, y)


LOSSES = {"by the core": "cross_entropy", "in Python": entropy}
PATHS = {"fused": ("cross_entropy", False), "plain": ("cross_entropy", True), "in Python": (entropy, False)}
"""The loss, and whether gradients are kept, for which the core computes one call after the other."""


def network(loss, hidden=8):
    return mlpc.MLP([6, hidden, 3], "tanh", loss=loss, norm="batch", dtype="float64", seed=2)


def data(n):
    generator = np.random.default_rng(0)
    return generator.normal(size=(n, 6)), generator.integers(0, 3, n)


def counted(net):
    return int(net.state_dict()["1.num_batches_tracked"])


@pytest.mark.parametrize(("loss", "keep"), PATHS.values(), ids=PATHS)
def test_an_interrupt_leaves_them_as_after_so_many_whole_batches(loss, keep):
    """`tick` is called every 50 ms: in the midst of an epoch that takes longer by far."""
    x, y = data(300_000)
    net, looped = network(loss, 64), network(loss, 64)
    run = Run(net, x, y, lr=0.05, batch_size=32, keep_gradients=keep)

    def tick(done):
        if done > 320:  # not while rows are shuffled
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.epoch(tick)
    seen = counted(net)
    assert 10 <= seen < 300_000 // 32
    optimizer = mlpc.optim.SGD(looped, 0.05)
    for _, rows in zip(range(seen), batches(len(x), 32, seed=2, net=looped), strict=False):
        looped.loss_and_grad(x[rows], y[rows])
        optimizer.step()
    assert net.digest() == looped.digest()


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_an_interrupt_between_the_batches_of_a_step_leaves_them_as_after_the_last_step(loss):
    """Of steps from three batches each: the eighth batch is the second one of the third."""
    x, y = data(90)
    net, shorter, calls = network(loss), network(loss), []
    derived = type(net.criterion).derived

    def interrupted(self, *arguments):
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return derived(self, *arguments)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(type(net.criterion), "derived", interrupted)
        net.fit(x, y, epochs=1, batch_size=10, accumulate_batches=3, shuffle=False)
    assert counted(net) == 6
    shorter.fit(x[:60], y[:60], epochs=1, batch_size=10, accumulate_batches=3, shuffle=False)
    assert net.digest() == shorter.digest()


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_a_training_that_diverges_counts_no_batch(loss):
    x, y = data(90)
    net = network(loss)
    net.fit(x, y, epochs=2, batch_size=30)
    before = net.digest()
    with pytest.raises(mlpc.DivergenceError):
        net.fit(x, y, epochs=1, batch_size=30, lr=1e308)
    assert net.digest() == before and counted(net) == 6
