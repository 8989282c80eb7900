"""Training on batches that somebody else makes: the same as a loop over them, and what is refused of them."""

import numpy as np
import pytest

import mlpc
from mlpc.training import batches

rng = np.random.default_rng(0)
x, labels, values = rng.normal(size=(90, 6)), rng.integers(0, 3, 90), rng.normal(size=(90, 3))


def net(loss="cross_entropy"):
    return mlpc.MLP([6, 7, 3], "tanh", loss=loss, seed=3)


def cut(y=labels, size=16):
    return [(x[start : start + size], y[start : start + size]) for start in range(0, 90, size)]


def forever(made, y=labels):
    """The batches of `fit`, epoch after epoch."""
    epoch = 0
    while True:
        yield from ((x[rows], y[rows]) for rows in batches(90, 16, seed=made.seed, epoch=epoch))
        epoch += 1


@pytest.mark.parametrize("loss", ["cross_entropy", "mse", mlpc.losses.mse])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_generator_of_the_batches_of_fit_gives_its_bits(loss, optimizer):
    y = labels if loss == "cross_entropy" else values
    arguments = {"epochs": 4, "optimizer": optimizer, "validation_data": (x[:9], y[:9])}
    made, other = net(loss), net(loss)
    made.fit(forever(made, y), steps_per_epoch=6, **arguments)
    other.fit(x, y, batch_size=16, **arguments)
    assert made.digest() == other.digest()
    assert list(made.history) == list(other.history)
    np.testing.assert_allclose(made.history["loss"], other.history["loss"], rtol=1e-14)
    for name in set(made.history) - {"loss", "seconds"}:
        assert made.history[name] == other.history[name]


def test_targets_are_looked_at_once(monkeypatch):
    """What was checked when a batch came is what the loss is computed of."""
    given = []
    real = mlpc.loss.Loss.derived

    def noted(self, z, y, spec, sample_weight):
        given.append((type(y), spec, sample_weight))
        return real(self, z, y, spec, sample_weight)

    monkeypatch.setattr(mlpc.loss.Loss, "derived", noted)
    net().fit(cut(), epochs=1)
    assert given == [(mlpc._mlpc.Objective, None, None)] * 6


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_function_may_write_to_its_targets(accumulate):
    """They are copies, whether batches come one by one or are cut from arrays."""

    def careless(z, y):
        loss, dz = mlpc.losses.mse(z, y)
        y[:] = np.nan
        z[:] = 0
        return loss, dz

    y = values.astype(np.float32)
    careful, written, streamed = net("mse"), net(careless), net(careless)
    careful.fit(x, y, epochs=2, batch_size=16, shuffle=False, accumulate_batches=accumulate)
    written.fit(x, y, epochs=2, batch_size=16, shuffle=False, accumulate_batches=accumulate)
    streamed.fit(cut(y), epochs=2, accumulate_batches=accumulate)
    assert np.isfinite(y).all()
    assert careful.digest() == written.digest() == streamed.digest()


def test_what_can_be_iterated_over_again_is_begun_anew():
    made, other = net(), net()
    made.fit(cut(), epochs=3)
    other.fit(x, labels, epochs=3, batch_size=16, shuffle=False)
    assert made.digest() == other.digest()


def test_an_iterator_goes_on_where_it_is():
    made, other = net(), net()
    optimizer = mlpc.optim.SGD(made, 0.1, momentum=0.9)
    stream = iter(cut() * 2)
    for _ in range(2):
        made.fit(stream, epochs=1, steps_per_epoch=3, optimizer=optimizer)
    assert len(list(stream)) == 6
    other.fit(cut()[:3] + cut()[3:], epochs=1, optimizer=mlpc.optim.SGD(other, 0.1, momentum=0.9))
    assert made.digest() == other.digest()


def test_less_than_there_is():
    made, other = net(), net()
    made.fit(cut(), epochs=2, steps_per_epoch=2)
    other.fit(x[:32], labels[:32], epochs=2, batch_size=16, shuffle=False)
    assert made.digest() == other.digest()


def test_a_data_loader(torch):
    data = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(labels))
    made, other = net(), net()
    made.fit(torch.utils.data.DataLoader(data, batch_size=16), epochs=3, optimizer="adam")
    other.fit(x, labels, epochs=3, optimizer="adam", batch_size=16, shuffle=False)
    assert made.digest() == other.digest()


def test_a_data_loader_without_a_length(torch):
    class Endless(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(zip(x, labels, strict=True))

    loader = torch.utils.data.DataLoader(Endless(), batch_size=16)
    with pytest.raises(ValueError, match="steps_per_epoch: expected a number, since there is no length, got None"):
        net().fit(loader)
    made, other = net(), net()
    made.fit(loader, epochs=1, steps_per_epoch=6)
    other.fit(cut(), epochs=1)
    assert made.digest() == other.digest()


def test_several_batches_to_a_step_and_weights_of_classes():
    arguments = {"epochs": 3, "accumulate_batches": 4, "class_weight": {1: 2.0}}
    made, other = net(), net()
    made.fit(cut(), **arguments)
    other.fit(x, labels, batch_size=16, shuffle=False, **arguments)
    assert made.digest() == other.digest()


def test_bytes():
    pixels = rng.integers(0, 256, (90, 6), np.uint8)
    made, other = net(), net()
    made.fit([(pixels, labels)], epochs=2, scale=1 / 255)
    other.fit(pixels, labels, epochs=2, scale=1 / 255, batch_size=90, shuffle=False)
    assert made.digest() == other.digest()
    with pytest.warns(UserWarning, match="expected uint8 with a scale"):
        net().fit([(pixels, labels)], epochs=1)


def test_callbacks_and_the_run():
    seen = []
    made = net()
    run = mlpc.training.Run(made, cut(), callbacks=[lambda net, history: seen.append(history.epochs)])
    run.epoch(), run.epoch()
    assert seen == [1, 2]
    assert (run.rows, run.unit) == (6, "batches")


def test_resumed_where_the_iterator_goes_on(tmp_path):
    path, straight, resumed = tmp_path / "run.npz", net(), net()
    straight.fit(cut() * 2, epochs=2, steps_per_epoch=6, optimizer="adam")
    stream = iter(cut() * 2)
    net().fit(stream, epochs=1, steps_per_epoch=6, optimizer="adam", resume=path)
    resumed.fit(stream, epochs=2, steps_per_epoch=6, optimizer="adam", resume=path)
    assert resumed.digest() == straight.digest()
    with pytest.raises(ValueError, match="with batches 16 rows, shuffled, got 6 that come one by one"):
        net().fit(x, labels, batch_size=16, epochs=3, optimizer="adam", resume=path)


# ---- What is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ((x[:0], labels[:0]), ValueError, r"x: expected shape \(n, 6\) with at least one row, got \(0, 6\)"),
        ((x[:5, :4], labels[:5]), ValueError, r"x: expected shape \(n, 6\) with at least one row, got \(5, 4\)"),
        ((x[:5], labels[:4]), ValueError, "y: expected 5 rows, as many as x has, got 4"),
        ((x[:5], labels[:5] + 7), ValueError, r"y: label 7 at row 0 is outside 0\.\.2"),
        ((x[:1] * np.nan, labels[:1]), ValueError, "x: expected finite numbers, got nan"),
        ((["a"], ["b"]), TypeError, "x: expected real numbers"),
        (x[:5], TypeError, r"batch: expected a pair \(x, y\), got ndarray"),
        ((x, labels, labels), TypeError, r"batch: expected a pair \(x, y\), got tuple"),
    ],
)
def test_a_bad_batch_ends_the_training_after_the_step_before_it(bad, error, message):
    made, other = net(), net()
    optimizer = mlpc.optim.Adam(made)
    with pytest.raises(error, match="batch 3 of the epoch: " + message):
        made.fit([*cut()[:2], bad, *cut()[2:]], epochs=2, optimizer=optimizer)
    other.fit(x[:32], labels[:32], epochs=1, optimizer="adam", batch_size=16, shuffle=False)
    assert made.digest() == other.digest()
    assert made.history.epochs == optimizer.epochs == 0


def test_a_generator_that_ends_early():
    made, other = net(), net()
    with pytest.raises(ValueError, match="x: expected 4 batches in every epoch, got 2, and then no more"):
        made.fit(iter(cut()), steps_per_epoch=4, epochs=2)
    other.fit(cut()[:4], epochs=1)
    other.fit(cut()[4:], epochs=1)
    assert made.digest() == other.digest()
    assert made.history.epochs == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_error_of_the_iterators_own(error):
    def fails():
        yield from cut()[:2]
        raise error

    made, other = net(), net()
    with pytest.raises(error):
        made.fit(fails(), steps_per_epoch=3)
    other.fit(cut()[:2], epochs=1)
    assert made.digest() == other.digest()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"x": x}, TypeError, "y: expected targets, or as x an iterable of batches .*, got None and x of ndarray"),
        ({"x": 3}, TypeError, "y: expected targets, or as x an iterable .*, got None and x of int"),
        ({"x": iter(cut())}, ValueError, "steps_per_epoch: expected a number with a list_iterator, got None"),
        ({"x": forever(net())}, ValueError, "steps_per_epoch: expected a number with a generator, got None"),
        ({"x": []}, ValueError, "steps_per_epoch: expected an integer >= 1, got 0"),
        ({"x": cut(), "steps_per_epoch": 1.5}, TypeError, "steps_per_epoch: expected an integer, got 1.5"),
        ({"x": x, "y": labels, "steps_per_epoch": 2}, ValueError, "steps_per_epoch: expected None where y is given"),
        (
            {"x": cut(), "class_weight": "balanced"},
            ValueError,
            "class_weight: expected weights with .*, got 'balanced'",
        ),
        ({"x": cut(), "sample_weight": np.ones(90)}, ValueError, "sample_weight: expected None with an iterable"),
        ({"x": iter(cut()), "y": labels}, TypeError, "x: expected an array, got a list_iterator"),
        ({"x": cut(), "validation_data": (x, labels[:3])}, ValueError, "validation_data: y: expected 90 rows"),
    ],
)
def test_errors_name_argument_expectation_and_value(arguments, error, message):
    made = net()
    before = made.digest()
    with pytest.raises(error, match=message):
        made.fit(**arguments)
    assert made.digest() == before
