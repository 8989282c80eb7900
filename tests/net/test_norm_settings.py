"""Norms with other settings than PyTorch's usual ones: eps, and of batch norm momentum."""

import pickle

import numpy as np
import pytest

import mlpc
from mlpc.callbacks import Averaging
from mlpc.layers import BatchNorm, LayerNorm
from mlpc.testing import compare_with_torch, torch_reference
from mlpc.training import Run, batches

NORMS = [BatchNorm(eps=0.1, momentum=0.3), LayerNorm(eps=0.2)]


def classes(n=150, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(1, 2, (n, 9)), generator.integers(0, 4, n)


def make(norm=NORMS, **settings):
    return mlpc.MLP([9, 12, 10, 4], "tanh", norm=norm, **({"dtype": "float64", "seed": 3} | settings))


def trained(norm=NORMS, **settings):
    net = make(norm, **settings)
    net.fit(*classes(), epochs=2, batch_size=32, lr=0.1, progress=False)
    return net


def test_layers_say_their_settings():
    net = make()
    batch, layer = net.layers[1], net.layers[4]
    assert (batch.eps, batch.momentum, layer.eps) == (0.1, 0.3, 0.2)
    assert net.norms == ("batch", "layer")
    assert repr(batch) == "BatchNorm(12, eps=0.1, momentum=0.3)"
    assert "norm=[BatchNorm(eps=0.1, momentum=0.3), LayerNorm(eps=0.2)], dtype" in repr(net)
    usual = make(["batch", "layer"]).layers
    assert (usual[1].eps, usual[1].momentum, usual[4].eps) == (1e-5, 0.1, 1e-5)


def test_the_usual_settings_are_the_name():
    net = make([BatchNorm(), LayerNorm(eps=1e-5)])
    assert repr(net) == repr(make(["batch", "layer"])) and repr(BatchNorm()) == "BatchNorm()"
    assert net._norms == ("batch", "layer")
    assert BatchNorm(eps=0.1) == BatchNorm(eps=0.1, momentum=0.1) != BatchNorm(eps=0.2)
    assert LayerNorm() != BatchNorm()


@pytest.mark.parametrize("momentum", [0, 0.3, 1])
def test_a_hundred_steps_are_those_of_torch(torch, momentum):
    net = make([BatchNorm(eps=0.1, momentum=momentum), LayerNorm(eps=0.2)])
    reference = torch_reference(net)
    optimizer = mlpc.optim.SGD(net, 0.05, momentum=0.9)
    theirs = torch.optim.SGD(reference.parameters(), 0.05, momentum=0.9)
    x, y = classes()
    for step in range(100):
        rows = np.arange(32) + step
        ours = net.loss_and_grad(x[rows], y[rows])
        optimizer.step()
        theirs.zero_grad()
        loss = torch.nn.functional.cross_entropy(reference(torch.tensor(x[rows])), torch.tensor(y[rows]))
        loss.backward()
        theirs.step()
        assert ours == pytest.approx(loss.item(), rel=1e-12)
    for key, value in reference.state_dict().items():
        within = 1e-9 if key in ("0.bias", "1.running_mean") else 1e-12
        np.testing.assert_allclose(net.state_dict()[key], value.numpy(), rtol=0, atol=within * 10, err_msg=key)
    z = net.eval().forward(x)
    np.testing.assert_allclose(z, reference.eval()(torch.tensor(x)).detach().numpy(), rtol=0, atol=1e-8)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.usefixtures("torch")
def test_torch_finds_no_difference(training, dtype):
    net = trained(dtype=dtype)
    compare_with_torch(net.train(training), *classes(20)).raise_for_failure()


@pytest.mark.parametrize("training", [True, False])
def test_derivatives_are_those_of_differences(training):
    net = trained().train(training)
    checks = mlpc.gradcheck(net, *classes(12), max_checks=20)
    checks.raise_for_failure(allow_undecided=True)
    assert {check.name for check in checks if check.verdict != "ok"} <= ({"0.bias"} if training else set())


@pytest.mark.parametrize("keep", [False, True], ids=["as the core chooses", "plain"])
def test_fit_is_the_loop(isa, dtype, keep):
    x, y = classes(97)
    fitted, looped = make(dtype=dtype), make(dtype=dtype)
    fitted.fit(x, y, epochs=2, batch_size=32, lr=0.1, keep_gradients=keep, progress=False)
    optimizer = mlpc.optim.SGD(looped, 0.1)
    for epoch in range(2):
        for rows in batches(97, 32, seed=3, epoch=epoch, net=looped):
            looped.loss_and_grad(x[rows], y[rows])
            optimizer.step()
    assert fitted.digest() == looped.digest() != trained(["batch", "layer"], dtype=dtype).digest()


@pytest.mark.parametrize("n", [1, 70])
def test_what_is_made_of_a_network_has_its_settings(tmp_path, n, dtype):
    net = trained(dtype=dtype)
    x, _ = classes(n, seed=1)
    z = net.forward(x)
    net.save(tmp_path / "net.npz")
    loaded = mlpc.load(tmp_path / "net.npz")
    for other in (loaded, net.copy(), pickle.loads(pickle.dumps(net))):
        assert repr(other) == repr(net) and other.digest() == net.digest()
        np.testing.assert_array_equal(other.forward(x), z)
    predictor = pickle.loads(pickle.dumps(net.freeze()))
    np.testing.assert_array_equal(predictor.logits(x), z)
    assert net.copy(dtype="float64").layers[1].eps == 0.1


def test_a_run_with_other_settings_is_refused():
    x, y = classes()
    run = Run(make(), x, y)
    run.epoch()
    same = Run(make(), x, y)
    same.load_state_dict(run.state_dict())
    with pytest.raises(ValueError, match=r"with network .*\('batch', 0.1, 0.4\)"):
        Run(make([BatchNorm(eps=0.1, momentum=0.4), NORMS[1]]), x, y).load_state_dict(run.state_dict())


def test_statistics_of_an_average_do_not_depend_on_momentum():
    """They are means over the batches, and so where no forward moves them, too."""
    found = []
    for momentum in (0, 0.1, 0.7):
        net = make([BatchNorm(eps=0.1, momentum=momentum), None])
        net.fit(*classes(), epochs=2, batch_size=32, lr=0.1, callbacks=[Averaging()], progress=False)
        found.append(net.layers[1].running_mean.tolist() + net.layers[1].running_var.tolist())
    assert found[0] == found[1] == found[2] and min(found[0][12:]) != 1


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (lambda: BatchNorm(eps=0), ValueError, "eps: expected a number > 0, got 0.0"),
        (lambda: BatchNorm(momentum=1.5), ValueError, "momentum: expected a number in [0, 1], got 1.5"),
        (lambda: BatchNorm(momentum=None), TypeError, "momentum: expected a number, got None"),
        (lambda: LayerNorm(eps=float("nan")), ValueError, "eps: expected a finite number >= 0, got nan"),
        (lambda: LayerNorm(eps="1"), TypeError, "eps: expected a number, got '1'"),
        (lambda: make(LayerNorm(eps=1e-60), dtype="float32"), ValueError, "eps: expected a number > 0 in float32"),
        (lambda: make(BatchNorm), ValueError, "norm: expected None, 'batch' or 'layer', or a list of these, got"),
    ],
)
def test_settings_that_cannot_be(wrong, error, text):
    with pytest.raises(error) as caught:
        wrong()
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize("norm", [("batch", 1e-5), ("layer", 1e-5, 0.1), ("batch", -1.0, 0.1), ("group", 1.0), ()])
def test_what_the_extension_refuses(norm):
    for call in (
        lambda: mlpc._mlpc.norm_settings(norm),
        lambda: mlpc._mlpc.Net([2, 3, 1], ["relu"], "float32", (0.0, 0.0), [norm]),
    ):
        with pytest.raises((TypeError, ValueError), match=r"^(norm|eps): expected"):
            call()
