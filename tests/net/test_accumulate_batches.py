"""One step from several batches: against PyTorch, against the step of one large batch, and what may go wrong."""

import numpy as np
import pytest

import mlpc
from mlpc import epoch_loop
from mlpc.testing import torch_reference
from mlpc.training import batches

rng = np.random.default_rng(0)
x, values, labels = rng.normal(size=(90, 6)), rng.normal(size=(90, 3)), rng.integers(0, 3, 90)
weight = rng.uniform(size=90) * (rng.random(90) < 0.8)
classes = np.array([0.5, 2.0, 1.0])
GROUPED = {"batch_size": 16, "accumulate_batches": 4}  # 6 batches, the last of 10 rows: steps of 4 and of 2


def net(loss="cross_entropy", dtype="float64"):
    return mlpc.MLP([6, 7, 3], "tanh", loss=loss, dtype=dtype, seed=3)


# loss, y, what fit is told, torch's losses of rows, what a row weighs
CASES = {
    "mse": ("mse", values, {}, lambda t, z, y: ((z - y) ** 2).mean(1), np.ones(90)),
    "mse, weighted": ("mse", values, {"sample_weight": weight}, lambda t, z, y: ((z - y) ** 2).mean(1), weight),
    "cross_entropy, weighted": (
        "cross_entropy", labels, {"sample_weight": weight, "class_weight": classes},
        lambda t, z, y: t.nn.functional.cross_entropy(z, y, reduction="none"), weight * classes[labels],
    ),
    "of the user": (
        mlpc.losses.mse, values, {}, lambda t, z, y: ((z - y) ** 2).mean(1), np.ones(90),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_as_pytorch(case, torch):
    loss, y, arguments, loss_of_rows, weights = CASES[case]
    made = net(loss)
    model = torch_reference(made)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    made.fit(x, y, epochs=50, optimizer=mlpc.optim.SGD(made, 0.1, momentum=0.9), **GROUPED, **arguments)
    for epoch in range(50):
        cut = list(batches(90, 16, seed=3, epoch=epoch))
        total = 0.0
        for group in (cut[:4], cut[4:]):
            optimizer.zero_grad()
            for rows in group:
                each = loss_of_rows(torch, model(torch.from_numpy(x[rows])), torch.from_numpy(y[rows]))
                part = (each * torch.from_numpy(weights[rows])).sum()
                (part / weights[np.concatenate(group)].sum()).backward()
                total += part.item()
            optimizer.step()
    for key, tensor in model.state_dict().items():
        np.testing.assert_allclose(made.state_dict()[key], tensor.numpy(), rtol=1e-12, atol=1e-15)
    assert made.history["loss"][-1] == pytest.approx(total / weights.sum(), rel=1e-12)


def test_a_group_of_one_batch_has_the_bits_of_that_batch():
    """The last step of the epoch is made from the batch that is left, as fit makes it otherwise."""
    grouped, plain = net(dtype="float32"), net(dtype="float32")
    grouped.fit(x[:8], labels[:8], epochs=3, batch_size=8, accumulate_batches=4, lr=0.1)
    plain.fit(x[:8], labels[:8], epochs=3, batch_size=8, lr=0.1)
    assert grouped.digest() == plain.digest()
    assert grouped.history["accuracy"] == plain.history["accuracy"]


def test_any_number_of_threads_gives_the_same_bits():
    before, digests = mlpc.get_num_threads(), set()
    try:
        for threads in (1, 2, 3):
            mlpc.set_num_threads(threads)
            made = net(dtype="float32")
            made.fit(x, labels, epochs=3, sample_weight=weight, **GROUPED)
            digests.add(made.digest())
    finally:
        mlpc.set_num_threads(before)
    assert len(digests) == 1


@pytest.mark.parametrize("loss", ["cross_entropy", "bce_with_logits"])
def test_accuracy_is_that_before_each_step(loss):
    y = labels if loss == "cross_entropy" else (values > 0).astype(float)
    made = net(loss)
    made.fit(x, y, epochs=2, lr=0, **GROUPED)
    figures = made.evaluate(x, y)
    assert made.history["loss"] == pytest.approx([figures[0]] * 2, rel=1e-14)
    assert made.history["accuracy"] == [figures[1]] * 2


def test_schedules_count_steps():
    times = []
    net().fit(x, labels, epochs=2, lr=lambda t: times.append(t) or 0.1, **GROUPED)
    assert times[-4:] == [0.25, 0.75, 1.25, 1.75]


def test_a_batch_and_a_group_without_weight_are_passed_over():
    weights = np.ones(90)
    weights[16:32] = weights[64:] = 0
    made, other = net(), net()
    optimizer = mlpc.optim.Adam(made)
    made.fit(x, labels, epochs=1, shuffle=False, sample_weight=weights, optimizer=optimizer, **GROUPED)
    keep = weights > 0
    other.fit(x[keep], labels[keep], epochs=1, shuffle=False, optimizer="adam", batch_size=16, accumulate_batches=3)
    assert made.digest() == other.digest()
    assert optimizer.state["steps"] == 1


def test_the_gradient_that_is_kept_is_that_of_the_last_step():
    made = net("mse")
    made.fit(x, values, epochs=1, lr=0, shuffle=False, keep_gradients=True, **GROUPED)
    kept = made.gradients.copy()
    made.loss_and_grad(x[64:], values[64:])
    np.testing.assert_allclose(kept, made.gradients, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_divergence_goes_back_to_the_last_whole_epoch(optimizer):
    made, other = net("mse"), net("mse")
    rates = {"lr": lambda t: 0.01 if t < 1 else 1e200}
    with pytest.raises(mlpc.DivergenceError, match="diverged in epoch 2"):
        made.fit(x, values, epochs=3, optimizer=optimizer, **rates, **GROUPED)
    other.fit(x, values, epochs=1, optimizer=optimizer, **rates, **GROUPED)
    assert made.digest() == other.digest()


def test_an_interrupt_leaves_whole_steps():
    made, other = net(), net()

    def stop(rows):
        raise KeyboardInterrupt

    run = mlpc.training.Run(made, x, labels, lr=0.1, shuffle=False, batch_size=1, accumulate_batches=10)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(epoch_loop, "_BETWEEN_TICKS", 0)
        run.epoch(stop)
    other.fit(x[:10], labels[:10], epochs=1, lr=0.1, shuffle=False, batch_size=1, accumulate_batches=10)
    assert made.digest() == other.digest()


def test_resumed_to_the_bit(tmp_path):
    path = tmp_path / "run.npz"
    straight, resumed = net(), net()
    straight.fit(x, labels, epochs=4, optimizer="adam", **GROUPED)
    net().fit(x, labels, epochs=2, optimizer="adam", resume=path, **GROUPED)
    resumed.fit(x, labels, epochs=4, optimizer="adam", resume=path, **GROUPED)
    assert resumed.digest() == straight.digest()
    with pytest.raises(
        ValueError, match="with batches 16 rows, shuffled, 3 to a step, got 16 rows, shuffled, 4 to a s"
    ):
        net().fit(x, labels, epochs=6, optimizer="adam", resume=path, batch_size=16, accumulate_batches=3)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", None])
def test_how_many(wrong):
    with pytest.raises((TypeError, ValueError), match=r"accumulate_batches: expected an integer.*, got"):
        net().fit(x, labels, accumulate_batches=wrong)
