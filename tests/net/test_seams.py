"""What features of training make of each other: norms, callbacks, metrics, functions as losses."""

import numpy as np
import pytest

import mlpc
from mlpc.callbacks import Averaging, EarlyStopping

rng = np.random.default_rng(0)
x = rng.normal(size=(90, 4))
labels = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
values = x @ [1.0, -2.0, 0.5, 0.0]


def squares(z, y):
    y -= 1  # of its own copy
    d = z - y.reshape(z.shape)
    return (d * d).mean(), 2 * d / d.size


def test_a_run_with_the_best_statistics_is_resumed(tmp_path):
    """Early stopping remembers a whole state dict, the count of batches included."""

    def trained(epochs, path):
        net = mlpc.MLP([4, 8, 3], norm="batch")
        net.fit(x, labels, epochs=epochs, callbacks=[EarlyStopping("loss")], resume=path, progress=False)
        return net

    trained(2, tmp_path / "run.npz")
    assert trained(5, tmp_path / "run.npz").digest() == trained(5, tmp_path / "whole.npz").digest()


def test_statistics_of_an_average_are_pytorchs():
    torch = pytest.importorskip("torch")
    net = mlpc.MLP([4, 8, 6, 3], norm="batch", dtype="float64", dropout=[0.0, 0.2])
    net.fit(x, labels, epochs=3, batch_size=16, callbacks=[Averaging()], progress=False)
    reference = mlpc.testing.torch_reference(net)
    for module in reference.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    batches = [torch.from_numpy(x[rows]) for rows in mlpc.training.batches(90, 16, shuffle=False, net=net)]
    torch.optim.swa_utils.update_bn(batches, reference)
    first = net.layers[1]  # behind it dropout makes other inputs
    assert isinstance(first, mlpc.layers.BatchNorm)
    np.testing.assert_allclose(first.running_mean, reference[1].running_mean.numpy(), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(first.running_var, reference[1].running_var.numpy(), rtol=1e-12)
    assert net.state_dict()["1.num_batches_tracked"] == len(batches)


def test_an_average_of_batch_norm_is_refused_for_batches_from_elsewhere():
    net = mlpc.MLP([4, 8, 3], norm="batch")
    with pytest.raises(ValueError, match="callbacks: expected no Averaging of batch norm with an iterable"):
        net.fit([(x, labels)], epochs=1, callbacks=[Averaging()])


@pytest.mark.parametrize(
    ("loss", "n_out", "y", "metric"),
    [
        ("bce_with_logits", 3, (x[:, :3] > 0).astype(int), "f1"),
        ("mse", 1, values, "mae"),
        ("cross_entropy", 3, labels, "f1"),
    ],
)
def test_metrics_are_those_of_the_loss_that_trains(loss, n_out, y, metric):
    pytest.importorskip("sklearn")
    other = "cross_entropy" if loss != "cross_entropy" else "mse"
    given, own = (mlpc.MLP([4, 8, n_out], loss=of) for of in (other, loss))
    history = given.fit(x, y, epochs=3, loss=loss, metrics=[metric], progress=False)
    assert history[metric] == own.fit(x, y, epochs=3, metrics=[metric], progress=False)[metric]
    assert given.digest() == own.digest()


def test_targets_of_another_shape_than_predictions_are_not_scored():
    net = mlpc.MLP([4, 8, 3], loss=squares)
    with pytest.raises(
        ValueError, match=r"^y: expected shape \(90, 3\), that of the predictions, with 'r2', got \(90,\)"
    ):
        net.score(x, labels)


def test_targets_are_a_functions_own_to_write():
    net, y = mlpc.MLP([4, 1], loss=squares), values.astype("float32")
    before = y.copy()
    history = net.fit(x, y, epochs=2, lr=0.0, validation_data=(x, y), progress=False)
    assert history["val_loss"][0] == history["val_loss"][1] == net.evaluate(x, y)[0]
    np.testing.assert_array_equal(y, before)


def test_records_of_a_sweep_hold_no_functions(tmp_path):
    with pytest.raises(ValueError, match=r"variants\['v'\]: loss: expected one by name with records"):
        mlpc.sweep({"v": {"sizes": [4, 1], "loss": squares}}, (x, values), records=tmp_path / "records")


def test_batch_norm_wants_two_rows_in_a_batch():
    net = mlpc.MLP([4, 8, 3], norm="batch")
    for data in ({"x": x, "y": labels, "batch_size": 1}, {"x": x[:1], "y": labels[:1]}):
        with pytest.raises(ValueError, match="batch_size: expected at least two rows in each batch"):
            net.fit(**data)
    assert net.history is None and net.training
    with pytest.raises(ValueError, match="batch 2 of the epoch: x: expected at least two rows"):
        net.fit([(x, labels), (x[:1], labels[:1])], epochs=1)


@pytest.mark.parametrize("settings", [{}, {"accumulate_batches": 2}])
def test_statistics_that_are_not_finite_are_a_divergence(settings):
    net = mlpc.MLP([4, 8, 3], norm="batch")
    net.layers[0].weight[:] *= 1e25
    before = net.digest()
    with pytest.raises(mlpc.DivergenceError):
        net.fit(x, labels, epochs=1, progress=False, **settings)
    assert net.digest() == before


def test_names_of_norms_are_plain_texts():
    assert repr(mlpc.MLP([4, 8, 3], norm=np.array(["batch"]))) == repr(mlpc.MLP([4, 8, 3], norm="batch"))


def test_another_column_of_the_history_is_named():
    def run(**settings):
        return mlpc.training.Run(mlpc.MLP([4, 3]), x, labels, **settings)

    with run(metrics=["top_2"]) as made:
        made.epoch()
        state = made.state_dict()
    with pytest.raises(ValueError, match=r"state: expected a history with the columns .*, got .*history\.top_2"):
        run().load_state_dict(state)
    with pytest.raises(ValueError, match="state: expected one of this run, with validation"):
        run(validation_data=(x, labels)).load_state_dict(state)
