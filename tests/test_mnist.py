"""MNIST: the accuracy that is promised, and PyTorch followed from the same weights through the same batches."""

import numpy as np
import pytest

import mlpc

BATCH = 64


def torch_epoch(torch, model, optimizer, x, y, seed, epoch, steps=None):
    """Losses of PyTorch's steps over one epoch, in the order in which `fit` goes through it."""
    losses = []
    for rows in list(mlpc.training.batches(len(x), BATCH, seed=seed, epoch=epoch))[:steps]:
        loss = torch.nn.functional.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def torch_accuracy(torch, model, x, y):
    with torch.no_grad():
        return (model(x).argmax(dim=1) == y).double().mean().item()


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-11)])
def test_losses_follow_pytorch_for_100_steps(mnist, torch, activation, dtype, tolerance):
    (x, y), _ = mnist
    x = x[: 100 * BATCH].astype(dtype)
    y = y[: 100 * BATCH]
    net = mlpc.MLP([784, 100, 10], activation, dtype=dtype, seed=3)
    model = mlpc.testing.torch_reference(net)
    optimizer = mlpc.optim.SGD(net, lr=0.1)
    ours = []
    for rows in mlpc.training.batches(len(x), BATCH, seed=3):
        ours.append(net.loss_and_grad(x[rows], y[rows]))
        optimizer.step()
    tensors = torch.from_numpy(x), torch.from_numpy(y)
    theirs = torch_epoch(torch, model, torch.optim.SGD(model.parameters(), lr=0.1), *tensors, seed=3, epoch=0)
    assert len(ours) == len(theirs) == 100
    np.testing.assert_allclose(ours, theirs, rtol=tolerance)


def test_one_epoch_is_pytorchs(mnist, torch):
    (x, y), (x_test, y_test) = mnist
    net = mlpc.MLP([784, 100, 10], "relu", seed=0)
    model = mlpc.testing.torch_reference(net)
    history = net.fit(x, y, epochs=1, batch_size=BATCH, lr=0.1, progress=False)
    tensors = torch.from_numpy(x), torch.from_numpy(y)
    losses = torch_epoch(torch, model, torch.optim.SGD(model.parameters(), lr=0.1), *tensors, seed=0, epoch=0)
    weights = np.minimum(BATCH, len(x) - BATCH * np.arange(len(losses)))  # the last batch is short
    assert history["loss"][0] == pytest.approx(np.average(losses, weights=weights), rel=1e-3)
    theirs = torch_accuracy(torch, model, torch.from_numpy(x_test), torch.from_numpy(y_test))
    assert net.evaluate(x_test, y_test)[1] == pytest.approx(theirs, abs=0.002)
    assert theirs > 0.92


@pytest.mark.mnist
@pytest.mark.slow
def test_relu_reaches_pytorchs_accuracy_in_20_epochs(mnist, torch):
    (x, y), (x_test, y_test) = mnist
    tensors = torch.from_numpy(x), torch.from_numpy(y)
    ours, theirs = [], []
    for seed in range(3):
        net = mlpc.MLP([784, 100, 10], "relu", seed=seed)
        model = mlpc.testing.torch_reference(net)
        net.fit(x, y, epochs=20, batch_size=BATCH, lr=0.1, progress=False)
        ours.append(net.evaluate(x_test, y_test)[1])
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for epoch in range(20):
            torch_epoch(torch, model, optimizer, *tensors, seed=seed, epoch=epoch)
        theirs.append(torch_accuracy(torch, model, torch.from_numpy(x_test), torch.from_numpy(y_test)))
    print(f"test accuracies: mlpc {ours}, PyTorch {theirs}")
    assert np.mean(ours) >= 0.976
    assert np.mean(ours) >= np.mean(theirs) - 0.0015


@pytest.mark.mnist
@pytest.mark.slow
def test_sigmoid_reaches_the_courses_accuracy_in_10_epochs(mnist):
    (x, y), (x_test, y_test) = mnist
    net = mlpc.MLP([784, 100, 10], "sigmoid", seed=0)
    history = net.fit(x, y, epochs=10, batch_size=BATCH, lr=1.0, progress=False)
    assert history["accuracy"][-1] >= 0.985
    assert net.evaluate(x_test, y_test)[1] >= 0.975
