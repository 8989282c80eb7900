"""Networks with norms: beside PyTorch step by step, in both modes, on every path, for any number of threads."""

import copy
import itertools
import pickle

import numpy as np
import pytest

import mlpc
from mlpc.testing import compare_with_torch, torch_reference, use_masks
from mlpc.training import batches

NORMS = ["batch", "layer", ["layer", "batch"], ["batch", None]]


def classes(n=150, n_in=9, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(1, 2, (n, n_in)), rng.integers(0, 4, n)


def make(norm, **settings):
    return mlpc.MLP([9, 40, 30, 4], ["tanh", "identity"], norm=norm, **({"dtype": "float64", "seed": 3} | settings))


def trained(norm, **settings):
    """One whose gains, shifts and running statistics are not those of the beginning."""
    net = make(norm, **settings)
    net.fit(*classes(), epochs=2, batch_size=32, lr=0.1, progress=False)
    return net


def test_norms_are_layers_before_activations():
    net = mlpc.MLP([2, 3, 4, 1], norm=["batch", "layer"], dropout=0.5)
    kinds = [type(part).__name__ for part in net.layers]
    hidden = [["Linear", kind, "ReLU", "Dropout"] for kind in ("BatchNorm", "LayerNorm")]
    assert kinds == [*hidden[0], *hidden[1], "Linear"]
    assert net.norms == ("batch", "layer")
    assert net.n_parameters == 3 * 3 + 2 * 3 + 4 * 4 + 2 * 4 + 5
    layer = net.layers[1]
    layer.weight, layer.bias = [1, 2, 3], [4, 5, 6]
    np.testing.assert_array_equal(net.parameters[9:15], [1, 2, 3, 4, 5, 6])  # behind the weight and the bias
    assert repr(net) == "MLP([2, 3, 4, 1], 'relu', loss='cross_entropy', norm=['batch', 'layer'], dropout=0.5, " + (
        "dtype='float32', seed=0)"
    )


@pytest.mark.parametrize("norm", NORMS)
def test_layers_show_what_went_in_and_out(norm):
    net = make(norm)
    net.forward(classes()[0])
    for before, after in itertools.pairwise(net.layers):
        np.testing.assert_array_equal(before.output, after.input)


@pytest.mark.parametrize("norm", NORMS)
def test_state_dicts_are_those_of_torch(torch, norm):
    net = trained(norm)
    reference = torch_reference(net)
    theirs = {key: value.numpy() for key, value in reference.state_dict().items()}
    assert list(net.state_dict()) == list(theirs)
    for key, value in net.state_dict().items():
        assert value.dtype == theirs[key].dtype
        np.testing.assert_array_equal(value, theirs[key])
    other = make(norm, seed=4)
    other.load_state_dict(reference.state_dict())
    assert other.digest() == net.digest()


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("norm", NORMS)
def test_a_hundred_steps_are_those_of_torch(torch, norm, dropout):
    """A bias before batch norm has a derivative of 0, which both miss by rounding; a running mean follows it."""
    net = make(norm, dropout=dropout)
    reference = torch_reference(net)
    optimizer = mlpc.optim.SGD(net, 0.1, momentum=0.9)
    theirs = torch.optim.SGD(reference.parameters(), 0.1, momentum=0.9)
    x, y = classes()
    for step in range(100):
        rows = np.arange(32) + step
        if dropout:
            use_masks(reference, net, len(rows), net.masks_drawn)
        ours = net.loss_and_grad(x[rows], y[rows])
        optimizer.step()
        theirs.zero_grad()
        loss = torch.nn.functional.cross_entropy(reference(torch.tensor(x[rows])), torch.tensor(y[rows]))
        loss.backward()
        theirs.step()
        assert ours == pytest.approx(loss.item(), rel=1e-12)
    before = {f"{part.index - 1}.bias" for part in net.layers if isinstance(part, mlpc.layers.BatchNorm)}
    for key, value in reference.state_dict().items():
        within = 1e-9 if key in before or key.endswith("running_mean") else 1e-12
        mine = net.state_dict()[key]
        np.testing.assert_allclose(mine, value.numpy(), rtol=0, atol=within * max(1, np.abs(mine).max()), err_msg=key)
    net.eval()
    reference.eval()
    np.testing.assert_allclose(net.forward(x), reference(torch.tensor(x)).detach().numpy(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.usefixtures("torch")
def test_torch_finds_no_difference(norm, training, dtype):
    net = trained(norm, dtype=dtype)
    compare_with_torch(net.train(training), *classes(20)).raise_for_failure()


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("training", [True, False])
def test_derivatives_are_those_of_differences(norm, training):
    net = trained(norm)
    net.train(training)
    checks = mlpc.gradcheck(net, *classes(12), max_checks=20)
    checks.raise_for_failure(allow_undecided=True)
    noisy = {check.name for check in checks if check.verdict != "ok"}
    before = {f"{part.index - 1}.bias" for part in net.layers if isinstance(part, mlpc.layers.BatchNorm)}
    assert noisy <= (before if training else set())


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("n", "batch_size"), [(150, 50), (101, 20), (97, 97), (33, 32)])
def test_fit_is_the_loop(norm, n, batch_size, isa, dtype):
    x, y = classes(n)
    fitted, looped = (make(norm, dropout=0.2, dtype=dtype) for _ in range(2))
    history = fitted.fit(x, y, epochs=3, batch_size=batch_size, optimizer="adam", progress=False)
    optimizer = mlpc.optim.Adam(looped)
    for epoch in range(3):
        for rows in batches(n, batch_size, seed=looped.seed, epoch=epoch, net=looped):
            looped.loss_and_grad(x[rows], y[rows])
            optimizer.step()
    assert fitted.digest() == looped.digest()
    assert np.isfinite(history["loss"]).all()


@pytest.mark.parametrize(("n", "expected"), [(9, [4, 5]), (5, [5]), (8, [4, 4]), (10, [4, 4, 2]), (1, [1]), (0, [])])
def test_a_last_batch_of_one_row_joins_the_one_before(n, expected):
    assert [len(rows) for rows in batches(n, 4, net=make("batch"))] == expected
    joined = np.concatenate([[], *batches(n, 4, seed=1, net=make("batch"))])
    np.testing.assert_array_equal(joined, np.concatenate([[], *batches(n, 4, seed=1)]))


def test_without_batch_norm_it_does_not():
    assert [len(rows) for rows in batches(9, 4, net=make("layer"))] == [4, 4, 1]


def test_one_row_is_refused_in_train_mode_alone():
    net = trained("batch")
    before = net.digest()
    x, y = classes(1)
    expected = r"^x: expected at least two rows in each batch in train mode, as batch norm wants them, got 1$"
    for call in (
        lambda: net.train().forward(x),
        lambda: net.train().loss_and_grad(x, y),
    ):
        with pytest.raises(ValueError, match=expected):
            call()
        assert net.digest() == before
    assert net.eval().forward(x).shape == net.predict_proba(x).shape == (1, 4)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [1, 2, 70])
def test_what_is_asked_of_a_network_in_use_has_the_bits_of_eval_mode(norm, n, isa, dtype):
    net = trained(norm, dtype=dtype)
    x, y = classes(n, seed=1)
    z = net.forward(x)
    predictor = pickle.loads(pickle.dumps(net.freeze()))
    loss, _ = net.evaluate(x, y)
    net.train()
    np.testing.assert_array_equal(predictor.logits(x), z)
    np.testing.assert_array_equal(net.predict(x), z.argmax(1))
    np.testing.assert_array_equal(net.predict_proba(x), mlpc.ops.softmax(z))
    assert net.evaluate(x, y)[0] == loss == pytest.approx(mlpc.losses.cross_entropy(z, y)[0], rel=1e-6)


def test_a_predictor_keeps_the_statistics_of_its_time():
    net = trained("batch")
    x, _ = classes()
    predictor, z = net.freeze(), net.forward(x)
    net.layers[1].running_var[:] = 7
    np.testing.assert_array_equal(predictor.logits(x), z)
    assert not np.array_equal(net.forward(x), z)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("way", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_train_on_alike(norm, way):
    net = trained(norm)
    twin = way(net)
    assert twin.digest() == net.digest()
    for each in (net, twin):
        each.fit(*classes(), epochs=1, progress=False)
    assert twin.digest() == net.digest()


def test_a_file_has_statistics(tmp_path):
    net = trained(["layer", "batch"])
    net.save(tmp_path / "net.npz")
    loaded = mlpc.load(tmp_path / "net.npz")
    assert loaded.digest() == net.digest()
    assert loaded.norms == net.norms


def test_a_run_goes_on_with_its_statistics():
    x, y = classes()
    runs = [mlpc.training.Run(make("batch"), x, y) for _ in range(2)]
    runs[0].epoch()
    runs[1].load_state_dict(runs[0].state_dict())
    for run in runs:
        run.epoch()
    assert runs[0].net.digest() == runs[1].net.digest()


def test_divergence_restores_statistics():
    x, _ = classes()
    net = make("batch", loss="mse")
    before = net.digest()
    with pytest.raises(mlpc.DivergenceError):
        net.fit(x, np.ones((150, 4)), epochs=1, lr=1e300, progress=False)
    assert net.digest() == before


def test_statistics_move_in_train_mode_alone():
    net = trained("batch")
    x, y = classes()
    before = net.digest()
    net.eval().loss_and_grad(x, y)
    net.predict(x)
    net.evaluate(x, y)
    assert net.digest() == before
    net.train().forward(x)
    assert net.digest() != before
    assert net.state_dict()["1.num_batches_tracked"] == 2 * 5 + 1


@pytest.mark.parametrize("norm", NORMS)
def test_accumulating_is_one_addition(norm, dtype):
    net = make(norm, dtype=dtype)
    x, y = classes()
    net.loss_and_grad(x, y)
    once = net.gradients.copy()
    start = np.linspace(-1, 1, once.size).astype(dtype)
    net.gradients[:] = start
    net.loss_and_grad(x, y, accumulate=True)
    np.testing.assert_array_equal(net.gradients, start + once)


@pytest.mark.parametrize("norm", NORMS)
def test_any_number_of_threads(norm, isa):
    """Batches that are worth several."""
    x, y = classes(1400, 60)
    digests, before = set(), mlpc.get_num_threads()
    for n in (1, 2, 3, 7):
        mlpc.set_num_threads(n)
        net = mlpc.MLP([60, 90, 70, 4], norm=norm, dropout=0.1, seed=1)
        net.fit(x, y, epochs=2, batch_size=700, progress=False)
        net.train().loss_and_grad(x, y)
        digests.add((net.digest(), net.gradients.tobytes(), net.freeze().logits(x).tobytes()))
    mlpc.set_num_threads(before)
    assert len(digests) == 1


@pytest.mark.parametrize("norm", NORMS)
def test_instruction_sets_give_one_digest(norm, dtype):
    digests, before = set(), mlpc.cpu.active()
    for isa in mlpc.cpu.available():
        mlpc.cpu.use(isa)
        digests.add(trained(norm, dtype=dtype).digest())
    mlpc.cpu.use(before)
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("norm", "text"),
    [
        ("group", "norm: expected None, 'batch' or 'layer', or a list of these, got 'group'"),
        (["batch"], "norm: expected one, or 2 for as many hidden layers, got ['batch']"),
        (1, "norm: expected None, 'batch' or 'layer', or a list of these, got 1"),
    ],
)
def test_other_norms_are_refused(norm, text):
    with pytest.raises(ValueError) as caught:
        make(norm)
    assert str(caught.value) == text


def test_groups_name_the_tensors_of_norms():
    net = make("batch")
    net.gradients[:] = 1
    before = net.state_dict()
    mlpc.optim.SGD(net, 0.5, groups={"1.weight": {"lr": 0}, "4.bias": {"lr": 2}}).step()
    moved = {key: float((before[key] - value).max()) for key, value in net.state_dict().items()}
    learnt = {key: 0.0 if key == "1.weight" else 1.0 if key == "4.bias" else 0.5 for key in net._tensors()}
    assert {key: moved[key] for key in learnt} == pytest.approx(learnt)
    assert not any(moved[key] for key in moved if key not in learnt)
