"""`fit` equals, to the bit, a loop in Python over the public steps; and it ends well however it ends."""

import math
import os
import signal
import threading

import numpy as np
import pytest

import mlpc
from mlpc.optim import SGD, Adagrad, Adam, AdamW, RMSprop, Rprop
from mlpc.schedules import Constant, Cosine, OneCycle, Polynomial, Step
from mlpc.testing import digest
from mlpc.training import batches


def classes(n=150, n_in=9, k=4, seed=0):
    """Noisy classes, with zeros among the inputs as in pictures."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, n_in)) * (rng.random((n, n_in)) < 0.6)
    return x.astype(np.float32), rng.integers(0, k, n)


def loop(net, x, y, optimizer, *, epochs, batch_size, seed, first=0, shuffle=True, sample_weight=None, **weighting):
    """The loop that `fit` promises to equal, over forward, loss, backward and the optimizer's step."""
    start = optimizer.epochs
    for epoch in range(epochs):
        steps = list(batches(len(x), batch_size, seed=seed, epoch=first + epoch, shuffle=shuffle))
        for k, rows in enumerate(steps):
            weights = None if sample_weight is None else sample_weight[rows]
            if weights is not None and not weights.any():
                continue
            net.forward(x[rows])
            net.loss(y[rows], sample_weight=weights, **weighting)
            net.backward()
            optimizer.epochs = start + epoch + (k + 0.5) / len(steps)
            optimizer.step()
    optimizer.epochs = start + epochs


class Sawtooth(Constant):
    """A schedule with a call of its own."""

    def __call__(self, t):
        return super().__call__(t) * (1 - t % 1)


OPTIMIZERS = {
    "plain": (SGD, {}),
    "decay": (SGD, {"weight_decay": 1e-3}),
    "momentum": (SGD, {"momentum": 0.9}),
    "nesterov": (SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 1e-3}),
    "step": (SGD, {"lr": Step(0.2, 1.5, 0.5), "momentum": 0.5}),
    "cosine": (SGD, {"lr": Cosine(0.3, 3, 0.01, warmup=0.7), "momentum": 0.9}),
    "warmup": (SGD, {"lr": Constant(0.1, warmup=2.0)}),
    "subclass": (SGD, {"lr": Sawtooth(0.3, warmup=0.5), "momentum": 0.9}),
    "callable": (SGD, {"lr": lambda t: np.float64(0.3) / (1 + t)}),
    "callable adam": (Adam, {"lr": lambda t: 0.0 if t < 1 else 0.01}),
    "adam": (Adam, {"weight_decay": 1e-3}),
    "adamw": (AdamW, {"lr": Cosine(0.01, 3)}),
    "rmsprop": (RMSprop, {"momentum": 0.9, "centered": True, "lr": OneCycle(0.01, 3)}),
    "adagrad": (Adagrad, {"lr": Polynomial(0.1, 3), "lr_decay": 0.01}),
    "rprop": (Rprop, {}),
    "factors": (SGD, {"weight_decay": 1e-2, "groups": {"*.bias": {"weight_decay": 0}, "0.*": {"lr": 0.5}}}),
    "cut": (SGD, {"l1": 1e-3, "clip_value": 0.01, "momentum": 0.5}),
    "clipped": (SGD, {"clip_norm": 0.5}),
    "limited": (Adam, {"max_norm": 0.7}),
}
PLAIN = ("clipped", "limited")
"""What needs a whole gradient or a whole unit between batches, and so is computed one call after the other."""


@pytest.mark.parametrize(("name", "way"), OPTIMIZERS.items(), ids=OPTIMIZERS)
def test_the_fused_path_carries_what_it_says(name, way):
    net = mlpc.MLP([9, 12, 7, 4], ["relu", "gelu"])
    kind, settings = way
    spec = kind(net, **settings).spec
    assert net._fused(spec, 64, False) == (name not in PLAIN)
    assert not net._fused(spec, 64, True)
    assert not net._fused(spec, 10**8, False)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("kind", "settings"), OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("batch_size", [64, 150, 1000, 1])  # of 150 rows: the last one short, or the only one
def test_fit_is_the_loop(dtype, kind, settings, batch_size):
    x, y = classes()
    fitted, looped = (mlpc.MLP([9, 12, 7, 4], ["relu", "gelu"], dtype=dtype, seed=1) for _ in range(2))
    optimizer = kind(fitted, **settings)
    history = fitted.fit(x, y, epochs=3, batch_size=batch_size, optimizer=optimizer)
    reference = kind(looped, **settings)
    loop(looped, x, y, reference, epochs=3, batch_size=batch_size, seed=1)
    assert np.array_equal(fitted.parameters, looped.parameters)
    assert optimizer.epochs == reference.epochs == 3
    for name, array in reference.state.items():
        assert np.array_equal(optimizer.state[name], array)
    steps = math.ceil(len(x) / batch_size)
    assert history["lr"] == [optimizer.schedule(epoch + (steps - 0.5) / steps) for epoch in range(3)]


@pytest.mark.parametrize("loss", ["cross_entropy", "bce_with_logits", "mse", "mae", "huber", "poisson"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weighted", [False, True])
def test_fit_is_the_loop_for_every_loss(loss, dtype, weighted):
    x, y = classes()
    rng = np.random.default_rng(2)
    weights = rng.random(len(x)) * (rng.random(len(x)) < 0.7) if weighted else None
    criterion = loss
    if loss != "cross_entropy":
        y = np.abs(rng.normal(size=(len(x), 4))) if loss != "bce_with_logits" else rng.random((len(x), 4)).round()
    elif weighted:
        criterion = mlpc.losses.CrossEntropy(class_weight=[0.5, 2.0, 1.0, 1.5], label_smoothing=0.1)
    fitted, looped = (mlpc.MLP([9, 12, 4], "tanh", loss=criterion, dtype=dtype, seed=3) for _ in range(2))
    history = fitted.fit(x, y, epochs=3, batch_size=32, lr=0.05, sample_weight=weights)
    loop(looped, x, y, SGD(looped, 0.05), epochs=3, batch_size=32, seed=3, sample_weight=weights)
    assert np.array_equal(fitted.parameters, looped.parameters)
    assert ("accuracy" in history) == (loss in ("cross_entropy", "bce_with_logits"))


def test_probabilities_as_targets():
    x, y = classes()
    one_hot = np.eye(4)[y]
    labels, probabilities = (mlpc.MLP([9, 5, 4], dtype="float64") for _ in range(2))
    first, second = labels.fit(x, y, epochs=2), probabilities.fit(x, one_hot, epochs=2)
    assert np.allclose(labels.parameters, probabilities.parameters, rtol=1e-12)
    assert first["accuracy"] == second["accuracy"]


def test_one_output_takes_flat_targets():
    x, _ = classes()
    flat, column = (mlpc.MLP([9, 5, 1], loss="mse") for _ in range(2))
    flat.fit(x, x[:, 0], epochs=2)
    column.fit(x, x[:, :1], epochs=2)
    assert np.array_equal(flat.parameters, column.parameters)


def test_batches_whose_weights_are_all_zero_are_passed_over():
    x, y = classes()
    weights = np.zeros(len(x))
    weights[10:20] = 1.0
    fitted, looped = (mlpc.MLP([9, 5, 4]) for _ in range(2))
    optimizer = SGD(fitted, 0.1, momentum=0.9)
    fitted.fit(x, y, epochs=2, batch_size=10, shuffle=False, optimizer=optimizer, sample_weight=weights)
    reference = SGD(looped, 0.1, momentum=0.9)
    loop(looped, x, y, reference, epochs=2, batch_size=10, seed=0, shuffle=False, sample_weight=weights)
    assert np.array_equal(fitted.parameters, looped.parameters)


# ---- Streams and state ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "settings"), OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_five_epochs_twice_are_ten(kind, settings):
    x, y = classes()
    twice, once = (mlpc.MLP([9, 8, 4], seed=4) for _ in range(2))
    optimizer = kind(twice, **settings)
    losses = [loss for _ in range(2) for loss in twice.fit(x, y, epochs=5, optimizer=optimizer)["loss"]]
    assert losses == once.fit(x, y, epochs=10, optimizer=kind(once, **settings))["loss"]
    assert digest(twice) == digest(once)
    assert optimizer.epochs == 10 and twice.shuffle_state == once.shuffle_state == (4, 10)


def test_seeds_of_the_shuffles():
    x, y = classes()

    def weights(*runs, seed=5):
        net = mlpc.MLP([9, 8, 4], seed=seed, init="zeros" if seed is None else "torch")
        for keywords in runs:
            net.fit(x, y, batch_size=16, **keywords)
        return digest(net)

    one, two = {"epochs": 1}, {"epochs": 2}
    assert weights(one, one) == weights(two)
    assert weights(two) == weights({"epochs": 2, "seed": 5}) == weights({"epochs": 2, "seed": 5} | {"progress": False})
    assert weights(two) != weights({"epochs": 2, "seed": 6})
    assert weights({"epochs": 1, "seed": 6}, one) == weights({"epochs": 2, "seed": 6})  # None continues that stream
    assert weights(one, {"epochs": 1, "seed": 5}) != weights(two)  # a number begins again
    assert weights({"epochs": 1, "shuffle": False}) != weights(one)


@pytest.mark.parametrize("size", [0, -4, 2.5])
def test_batches_of_no_rows_are_refused(size):
    with pytest.raises((TypeError, ValueError), match=r"batch_size: expected"):
        batches(10, size)


def test_batches_cover_every_row_once():
    rows = np.concatenate(list(batches(101, 7, seed=3, epoch=2)))
    assert sorted(rows) == list(range(101)) and rows.tolist() != list(range(101))
    assert np.concatenate(list(batches(101, 7, shuffle=False))).tolist() == list(range(101))


def test_a_name_means_fresh_state():
    x, y = classes()
    named, fresh = (mlpc.MLP([9, 8, 4]) for _ in range(2))
    for _ in range(2):
        named.fit(x, y, epochs=2, lr=Cosine(0.2, 2))
        fresh.fit(x, y, epochs=2, optimizer=SGD(fresh, Cosine(0.2, 2)))
    assert digest(named) == digest(fresh)


# ---- Gradients, callbacks, validation ------------------------------------------------------------------------------


def test_gradients_are_left_alone_or_kept():
    x, y = classes()
    net, reference = (mlpc.MLP([9, 8, 4]) for _ in range(2))
    net.gradients[:] = 7
    net.fit(x, y, epochs=1)
    assert (net.gradients == 7).all()

    kept = mlpc.MLP([9, 8, 4])
    kept.fit(x, y, epochs=2, optimizer=SGD(kept, 0.1, weight_decay=0.1), keep_gradients=True)
    loop(reference, x, y, SGD(reference, 0.1, weight_decay=0.1), epochs=2, batch_size=64, seed=0)
    assert np.array_equal(kept.gradients, reference.gradients)
    assert np.array_equal(kept.parameters, reference.parameters)


def test_callbacks_see_current_arrays_and_can_stop():
    x, y = classes()
    net, reference = (mlpc.MLP([9, 8, 4]) for _ in range(2))
    optimizer = SGD(reference, 0.1)
    seen = []

    def record(net, history):
        loop(reference, x, y, optimizer, epochs=1, batch_size=64, seed=0, first=len(seen))
        assert np.array_equal(net.parameters, reference.parameters)
        assert net.history is history and net.shuffle_state == (0, history.epochs)
        seen.append(history.epochs)

    history = net.fit(x, y, epochs=9, callbacks=[lambda net, history: history.epochs == 3, record])
    assert seen == [1, 2, 3] and history.epochs == 3


@pytest.mark.parametrize("answer", [(0.5, 0.9), 1, "stop", np.True_, [True], False, None])
def test_only_true_itself_ends_a_training(answer):
    x, y = classes()
    calls = []
    history = mlpc.MLP([9, 8, 4]).fit(x, y, epochs=3, callbacks=[lambda net, history: (calls.append(1), answer)[1]])
    assert history.epochs == len(calls) == 3
    history = mlpc.MLP([9, 8, 4]).fit(x, y, epochs=3, callbacks=[lambda *_: answer, lambda *_: True, lambda *_: answer])
    assert history.epochs == 1


def test_a_callback_can_change_parameters_and_learning_rate():
    x, y = classes()
    net = mlpc.MLP([9, 8, 4])
    optimizer = SGD(net, 0.1)

    def halve(net, history):
        optimizer.lr = optimizer.lr / 2

    assert net.fit(x, y, epochs=3, optimizer=optimizer, callbacks=[halve])["lr"] == [0.1, 0.05, 0.025]

    def clear(net, history):
        net.parameters[:] = 0

    net.fit(x, y, epochs=1, callbacks=[clear])
    assert not net.parameters.any()


def test_an_exception_in_a_callback_leaves_whole_epochs():
    x, y = classes()
    net, reference = (mlpc.MLP([9, 8, 4]) for _ in range(2))

    def fail(net, history):
        if history.epochs == 2:
            raise LookupError

    with pytest.raises(LookupError):
        net.fit(x, y, callbacks=[fail])
    assert net.history.epochs == 2
    reference.fit(x, y, epochs=2)
    assert digest(net) == digest(reference) and net.shuffle_state == reference.shuffle_state


def test_validation_is_an_evaluation_and_changes_nothing():
    x, y = classes()
    xv, yv = classes(70, seed=1)
    net, reference = (mlpc.MLP([9, 8, 4]) for _ in range(2))
    keywords = {"class_weight": [1.0, 2.0, 3.0, 4.0]}
    history = net.fit(x, y, epochs=3, validation_data=(xv, yv), **keywords)
    reference.fit(x, y, epochs=3, **keywords)
    assert digest(net) == digest(reference)
    assert (history["val_loss"][-1], history["val_accuracy"][-1]) == net.evaluate(xv, yv, **keywords)


def test_the_loss_of_an_epoch_is_that_of_the_weights_it_was_trained_on():
    x, y = classes()
    net = mlpc.MLP([9, 8, 4], dtype="float64")
    loss, accuracy = net.evaluate(x, y)
    history = net.fit(x, y, epochs=1, batch_size=len(x), shuffle=False)
    assert (history["loss"], history["accuracy"]) == ([loss], [accuracy])


def test_no_epochs():
    x, y = classes()
    net = mlpc.MLP([9, 8, 4])
    before = digest(net)
    assert net.fit(x, y, epochs=0).epochs == 0 and digest(net) == before


def test_inputs_of_other_types_are_converted():
    x, y = classes()
    expected = mlpc.MLP([9, 8, 4])
    expected.fit(x, y, epochs=2)
    for other_x, other_y in [
        (x.astype(np.float64), y.astype(np.uint8)),
        (np.asfortranarray(x), y[::-1][::-1]),
        (x.tolist(), y.tolist()),
        (x.astype(">f4"), y.astype(">i4")),
    ]:
        net = mlpc.MLP([9, 8, 4])
        net.fit(other_x, other_y, epochs=2)
        assert digest(net) == digest(expected)


def test_torch_tensors(torch):
    x, y = classes()
    expected, net = (mlpc.MLP([9, 8, 4]) for _ in range(2))
    expected.fit(x, y, epochs=2)
    net.fit(torch.from_numpy(x).requires_grad_(), torch.from_numpy(y), epochs=2)
    assert digest(net) == digest(expected)


# ---- Errors: all of them before anything changes ---------------------------------------------------------------------

X, Y = classes()


@pytest.mark.parametrize(
    ("keywords", "error", "words"),
    [
        ({"x": X[:, :8]}, ValueError, r"x: .*\(n, 9\).*\(150, 8\)"),
        ({"x": X[0]}, ValueError, "x: "),
        ({"x": X[:0], "y": Y[:0]}, ValueError, "at least one row"),
        ({"x": X.astype(complex)}, TypeError, "x: .*complex"),
        ({"y": Y[:-1]}, ValueError, "y: .*150.*149"),
        ({"y": Y + 1}, ValueError, "y: label 4"),
        ({"y": -Y}, ValueError, "y: label -"),
        ({"y": Y.astype(float)}, TypeError, "y: .*integer"),
        ({"y": np.full((150, 4), np.nan)}, ValueError, "y: "),
        ({"epochs": -1}, ValueError, "epochs"),
        ({"epochs": 2.5}, TypeError, "epochs"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"batch_size": "all"}, TypeError, "batch_size"),
        ({"optimizer": "adamm"}, ValueError, "optimizer.*sgd.*adamm"),
        ({"optimizer": SGD}, TypeError, "optimizer"),
        ({"optimizer": SGD(mlpc.MLP([9, 8, 4]))}, ValueError, "optimizer.*another"),
        ({"lr": -1.0}, ValueError, "lr"),
        ({"lr": math.nan}, ValueError, "lr"),
        ({"seed": -1}, ValueError, "seed"),
        ({"seed": "x"}, TypeError, "seed"),
        ({"callbacks": [None]}, TypeError, "callbacks"),
        ({"sample_weight": np.ones(3)}, ValueError, "sample_weight"),
        ({"sample_weight": np.zeros(150)}, ValueError, "sample_weight"),
        ({"sample_weight": np.full(150, -1.0)}, ValueError, "sample_weight"),
        ({"sample_weight": np.full(150, np.inf)}, ValueError, "sample_weight"),
        ({"class_weight": np.ones(3)}, ValueError, "class_weight"),
        ({"class_weight": {4: 1.0}}, ValueError, "class_weight: expected classes in 0..3, got 4"),
        ({"class_weight": {0: -1.0}}, ValueError, r"class_weight\[0\]"),
        ({"class_weight": "even"}, ValueError, "class_weight: expected weights, a dict or 'balanced', got 'even'"),
        ({"class_weight": "balanced", "y": Y * 0}, ValueError, "class_weight: expected rows of every class"),
        ({"validation_data": X}, TypeError, "validation_data"),
        ({"validation_data": (X, Y, Y, Y)}, TypeError, "validation_data"),
        ({"validation_data": (X[:, :5], Y)}, ValueError, "validation_data: x: "),
        ({"validation_data": (X, Y[:5])}, ValueError, "validation_data: y: "),
        ({"validation_data": (X, Y + 9)}, ValueError, "validation_data: y: label"),
    ],
)
def test_errors_come_before_any_change(keywords, error, words):
    net = mlpc.MLP([9, 8, 4])
    net.fit(X, Y, epochs=1)
    before, history = digest(net), net.history
    with pytest.raises(error, match=words):
        net.fit(**{"x": X, "y": Y, "seed": 3} | keywords)
    assert digest(net) == before and net.history is history and net.shuffle_state == (0, 1)


def test_a_learning_rate_beside_an_optimizer_is_an_error():
    net = mlpc.MLP([9, 8, 4])
    with pytest.raises(ValueError, match="lr"):
        net.fit(X, Y, optimizer=SGD(net), lr=0.1)


def test_regression_has_no_class_weights():
    net = mlpc.MLP([9, 8, 4], loss="mse")
    with pytest.raises(ValueError, match="class_weight"):
        net.fit(X, np.zeros((150, 4)), class_weight=np.ones(4))


# ---- Divergence and interrupts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_divergence_restores_the_last_clean_epoch(dtype, kind):
    x, _ = classes()
    target = x[:, :1].astype(np.float64)
    net, reference = (mlpc.MLP([9, 8, 1], loss="mse", dtype=dtype) for _ in range(2))
    explode = Step(0.01, every=3, gamma=1e250 if dtype == "float64" else 1e37)  # calm for three epochs
    settings = {"momentum": 0.9} if kind is SGD else {"weight_decay": 1.0}
    optimizer, calm = kind(net, explode, **settings), kind(reference, explode, **settings)
    with pytest.raises(mlpc.DivergenceError, match=r"epoch 4.*loss.*learning rate") as caught:
        net.fit(x, target, epochs=20, optimizer=optimizer)
    assert isinstance(caught.value, ValueError)
    assert caught.value.epoch == 4 and not caught.value.loss < 1e3 and caught.value.lr == explode(4)
    reference.fit(x, target, epochs=3, optimizer=calm)
    assert digest(net) == digest(reference)
    assert optimizer.state.keys() == calm.state.keys()
    assert all(np.array_equal(optimizer.state[name], calm.state[name]) for name in calm.state)
    assert optimizer.epochs == 3.0 and net.shuffle_state == (0, 3) and net.history.epochs == 3
    optimizer.lr = calm.lr = 0.01
    net.fit(x, target, epochs=2, optimizer=optimizer)
    reference.fit(x, target, epochs=2, optimizer=calm)
    assert digest(net) == digest(reference)


def test_parameters_that_are_not_finite_diverge_at_once():
    net = mlpc.MLP([9, 8, 4])
    net.parameters[5] = np.nan
    with pytest.raises(mlpc.DivergenceError, match="epoch 1"):
        net.fit(X, Y)
    assert np.isnan(net.parameters).sum() == 1


def test_any_error_of_a_progress_bar_leaves_the_history_of_this_fit(monkeypatch):
    x, y = classes(20_000, 200, 10)
    net = mlpc.MLP([200, 4096, 10])  # an epoch takes longer than the 50 ms between two ticks, on any machine
    first = net.fit(x[:100], y[:100], epochs=1)

    def tick(bar, rows):
        raise RuntimeError("the bar's own")

    monkeypatch.setattr(mlpc.progress.Progress, "tick", tick)
    with pytest.raises(RuntimeError, match="the bar's own"):
        net.fit(x, y, epochs=1, batch_size=1)
    assert net.history is not first and net.history.epochs == 0


def test_a_network_in_use_keeps_its_history_and_its_numbers():
    """What is refused while a call runs: here from within it, as from another thread."""
    x, y = classes(20_000, 200, 10)
    net = mlpc.MLP([200, 4096, 10])  # an epoch takes longer than the 50 ms between two ticks, on any machine
    net.fit(x[:100], y[:100], epochs=1)
    optimizer, history, seen = SGD(net, 0.01), net.history, []
    net.gradients[:] = 7

    def tick(rows):
        before = digest(net)
        for call in (lambda: net.fit(x, y), optimizer.step, net.zero_grad, optimizer.zero_grad):
            with pytest.raises(RuntimeError, match="this network is in use"):
                call()
        assert net.history is history and net.shuffle_state == (0, 1) and digest(net) == before
        seen.append(rows)
        raise LookupError

    criterion = ("cross_entropy", "mean", None, None)
    with pytest.raises(LookupError):
        while True:
            net._train_epoch(x, y, criterion, None, optimizer.epoch_spec(1), 1, True, 0, 0, False, tick)
    assert seen and (net.gradients == 7).all()
    net.fit(x[:100], y[:100], epochs=2)
    assert net.history is not history and net.history.epochs == 2


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_an_interrupt_leaves_the_last_whole_batch():
    x, y = classes(20_000, 200, 10)
    net, reference = (mlpc.MLP([200, 256, 256, 10]) for _ in range(2))
    optimizer, again = (SGD(each, 0.01, momentum=0.9) for each in (net, reference))
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))

    def begin(net, history):
        if history.epochs == 1:
            timer.start()

    with pytest.raises(KeyboardInterrupt):
        net.fit(x, y, epochs=1_000_000, batch_size=100, optimizer=optimizer, callbacks=[begin])
    timer.join()

    done = net.history.epochs
    assert optimizer.epochs == done and net.shuffle_state == (0, done)
    reference.fit(x, y, epochs=done, batch_size=100, optimizer=again)
    for rows in batches(len(x), 100, seed=0, epoch=done):  # some number of whole batches later, the two are equal
        if np.array_equal(net.parameters, reference.parameters):
            break
        reference.loss_and_grad(x[rows], y[rows])
        again.step()
    assert np.array_equal(net.parameters, reference.parameters)
    assert np.array_equal(optimizer.state["velocity"], again.state["velocity"])
    net.fit(x[:200], y[:200], epochs=1, optimizer=optimizer)


# ---- Learning rates that only Python knows --------------------------------------------------------------------------


def test_rates_are_asked_for_before_their_epoch_and_at_the_middle_of_steps():
    x, y = classes()
    net, times = mlpc.MLP([9, 8, 4]), []

    def rate(t):
        times.append(t)
        return 0.1

    optimizer = SGD(net, rate)
    net.fit(x, y, epochs=1, batch_size=64, optimizer=optimizer)
    net.fit(x, y, epochs=1, batch_size=64, optimizer=optimizer, callbacks=[lambda *_: times.append("end")])
    assert times == [0.5 / 3, 1.5 / 3, 2.5 / 3, 1 + 0.5 / 3, 1 + 1.5 / 3, 1 + 2.5 / 3, "end"]
    assert "rate" in repr(optimizer)


@pytest.mark.parametrize("keep_gradients", [False, True])
@pytest.mark.parametrize("kind", [SGD, Adam])
def test_a_function_that_says_the_same_gives_the_same_bits(kind, keep_gradients):
    x, y = classes()
    schedule, nets = Cosine(0.05, 2, warmup=0.4), [mlpc.MLP([9, 8, 4]) for _ in range(2)]
    for net, lr in zip(nets, (schedule, lambda t: schedule(t)), strict=True):
        net.fit(x, y, epochs=2, batch_size=40, optimizer=kind(net, lr), keep_gradients=keep_gradients)
    assert digest(nets[0]) == digest(nets[1])


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (math.nan, ValueError),
        (math.inf, ValueError),
        (-1e-9, ValueError),
        (10**400, ValueError),
        (None, TypeError),
        ("0.1", TypeError),
        (0.1j, TypeError),
        ([0.1], TypeError),
        (True, TypeError),
    ],
)
def test_a_rate_that_is_none_is_named_with_its_time(value, error):
    x, y = classes()
    net = mlpc.MLP([9, 8, 4])
    optimizer, before = SGD(net, lambda t: 0.1 if t < 1.5 else value), digest(net)
    with pytest.raises(error, match=r"^lr at t = 1\.5 epochs: expected a "):
        net.fit(x, y, epochs=3, batch_size=len(x), optimizer=optimizer)
    assert optimizer.epochs == net.history.epochs == 1 and net.shuffle_state == (0, 1)
    whole = mlpc.MLP([9, 8, 4])
    whole.fit(x, y, epochs=1, batch_size=len(x))
    assert digest(net) == digest(whole) != before
    optimizer.epochs = 1.5
    with pytest.raises(error, match=r"^lr at t = 1\.5 epochs: expected a "):
        optimizer.step()


def test_an_exception_of_a_schedule_leaves_whole_epochs():
    x, y = classes()
    net = mlpc.MLP([9, 8, 4])
    with pytest.raises(ZeroDivisionError):
        net.fit(x, y, epochs=3, lr=lambda t: 0.1 / max(0, 2 - math.ceil(t)))
    assert net.history.epochs == 1


@pytest.mark.parametrize("rates", [[], [0.1] * 2, [0.1] * 4, [[0.1] * 3]])
def test_an_epoch_wants_a_rate_for_every_step(rates):
    x, y = classes()
    net = mlpc.MLP([9, 8, 4])
    criterion, spec = ("cross_entropy", "mean", None, None), (*SGD(net).spec[:-1], np.array(rates))
    with pytest.raises(ValueError, match="rates: expected shape"):
        net._train_epoch(x, y, criterion, None, spec, 64, True, 0, 0, False, None)
