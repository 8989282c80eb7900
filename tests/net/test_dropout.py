"""Dropout and noise of the input: what is drawn, what a network does with it, and what it leaves alone."""

import copy
import pickle
from statistics import NormalDist

import numpy as np
import pytest

import mlpc
from mlpc import ops
from mlpc.testing import compare_with_torch, torch_reference, use_masks
from mlpc.training import batches

WORD = 2**32 - 1


def philox(seed, counter):
    """Philox4x32-10 in whole numbers, of counters (4, ...)."""
    k0, k1 = seed & WORD, seed >> 32
    c0, c1, c2, c3 = (np.asarray(word, np.uint64) for word in counter)
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1 = (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0), p1 & np.uint64(WORD)
        c2, c3 = (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1), p0 & np.uint64(WORD)
        k0, k1 = k0 + 0x9E3779B9 & WORD, k1 + 0xBB67AE85 & WORD
    return np.stack([c0, c1, c2, c3])


def words(rows, columns, seed, layer, t, stream=2):
    """One for each element: column 64 q + 16 k + s has word k of block 16 q + s of its row."""
    j, i = np.arange(columns), np.arange(rows)[:, None]
    counter = np.broadcast_arrays(j // 64 * 16 + j % 16, i, t, stream + 256 * layer)
    return np.take_along_axis(philox(seed, counter), (j // 16 % 4)[None, None] + 0 * i[None], axis=0)[0]


def classes(n=150, n_in=9, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, n_in))
    x[generator.random(x.shape) < 0.6] = 0
    return x, generator.integers(0, 4, n)


def make(**settings):
    return mlpc.MLP([9, 40, 30, 4], ["tanh", "relu"], **({"dropout": [0.3, 0.5], "input_dropout": 0.2} | settings))


# ---- What is drawn ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.999])
@pytest.mark.parametrize("columns", [1, 16, 17, 63, 200])
def test_elements_are_dropped_by_words_of_the_generator(dtype, p, columns):
    x = np.random.default_rng(1).normal(size=(5, columns)).astype(dtype)
    seed, layer, t = 2**63 + 12345, 3, 2**32 - 1
    kept = words(5, columns, seed, layer, t) >= int(p * 2**32)
    expected = np.where(kept, x * dtype(1 / (1 - p)), 0)
    np.testing.assert_array_equal(ops.dropout(x, p, seed, layer, t), expected)


def test_what_is_dropped_is_plus_zero():
    x = np.array([[np.nan, np.inf, -np.inf, -1.0] * 50])
    y = ops.dropout(x, 0.5, 0, 1, 0)
    dropped = words(1, 200, 0, 1, 0) < 2**31
    assert not np.signbit(y[dropped]).any() and (y[dropped] == 0).all()
    assert np.array_equal(y[~dropped], 2 * x[~dropped], equal_nan=True)


def mask(**address):
    return ops.dropout(np.ones((200, 500)), 0.3, **({"seed": 1, "layer": 1, "t": 0} | address)) > 0


def test_as_many_are_kept_as_are_to_be():
    kept = mask()
    deviation = np.sqrt(0.3 * 0.7)
    assert abs(kept.mean() - 0.7) < 5 * deviation / np.sqrt(kept.size)
    assert abs(kept.mean(axis=0) - 0.7).max() < 5 * deviation / np.sqrt(200)
    assert abs(kept.mean(axis=1) - 0.7).max() < 5 * deviation / np.sqrt(500)


OTHERS = [{"seed": 2}, {"seed": 1 + 2**32}, {"layer": 0}, {"layer": 2}, {"t": 1}, {"t": 2}]


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_masks_are_independent(other):
    """As many elements are alike as of independent ones; so are neighbouring rows and columns of one mask."""
    one, two = mask(), mask(**other)
    alike, deviation = 0.3**2 + 0.7**2, np.sqrt(0.58 * 0.42 / one.size)
    for a, b in [(one, two), (one[1:], one[:-1]), (one[:, 1:], one[:, :-1]), (one[:, 16:], one[:, :-16])]:
        assert abs((a == b).mean() - alike) < 6 * deviation


def test_noise_is_the_inverse_distribution(dtype, isa):
    """Of the leading bits of words of the generator."""
    seed, t, bits = 2**63 + 12345, 2**32 - 1, 23 if dtype == np.float32 else 32
    leading = words(40, 200, seed, 0, t, stream=3) >> np.uint64(32 - bits)
    expected = np.vectorize(NormalDist().inv_cdf)((leading + 0.5) / 2**bits)
    noise = ops.input_noise(np.zeros((40, 200), dtype), 1.0, seed, t)
    assert np.abs(noise / expected - 1).max() < (2e-6 if dtype == np.float32 else 1e-11)
    x = np.random.default_rng(1).normal(size=(40, 200)).astype(dtype)
    exact = x.astype(np.float64) + float(dtype(0.1)) * noise.astype(np.float64)
    np.testing.assert_allclose(ops.input_noise(x, 0.1, seed, t), exact, rtol=np.finfo(dtype).eps, atol=1e-9)


def test_noise_is_normal():
    x = np.random.default_rng(2).normal(size=(300, 400))
    noise = (ops.input_noise(x, 0.5, seed=7, t=3) - x) / 0.5
    assert abs(noise.mean()) < 5 / np.sqrt(noise.size) and abs(noise.std() - 1) < 5 / np.sqrt(2 * noise.size)
    quantiles = [NormalDist().inv_cdf(q) for q in (0.01, 0.25, 0.75, 0.99)]
    assert np.allclose(np.quantile(noise, (0.01, 0.25, 0.75, 0.99)), quantiles, atol=0.05)
    assert abs(np.corrcoef(noise.ravel(), (ops.input_noise(x, 0.5, seed=7, t=4) - x).ravel())[0, 1]) < 0.02
    assert np.array_equal(ops.input_noise(x, 0.0, 7, 3), x)


# ---- A network's modes -----------------------------------------------------------------------------------------------


def test_train_mode_drops_and_eval_mode_does_not():
    net, plain = make(seed=3), make(seed=3, dropout=0, input_dropout=0)
    x, _ = classes()
    z = plain.forward(x)
    assert not np.array_equal(net.forward(x), z)
    assert np.array_equal(net.eval().forward(x), z)
    assert net.masks_drawn == 1 and plain.masks_drawn == 1


def test_each_forward_in_train_mode_draws_new_masks():
    net, x = make(seed=3), classes()[0]
    first, second = net.forward(x), net.forward(x)
    assert not np.array_equal(first, second) and net.masks_drawn == 2
    net.seed = 3
    assert net.masks_drawn == 0 and np.array_equal(net.forward(x), first)


def test_layers_show_what_dropout_did():
    net, x = make(seed=5, dtype="float64"), classes(7)[0]
    z = net.forward(x)
    first, linear, tanh, second = net.layers[:4]
    assert [type(part).__name__ for part in net.layers] == (
        ["Dropout", "Linear", "Tanh", "Dropout", "Linear", "ReLU", "Dropout", "Linear"]
    )
    assert np.array_equal(first.input, x) and np.array_equal(first.output, ops.dropout(x, 0.2, 5, 0, 0))
    assert np.array_equal(linear.input, first.output) and np.array_equal(tanh.input, linear.output)
    assert np.array_equal(second.input, tanh.output)
    assert np.array_equal(second.output, tanh.output * second.mask(7, 5, 0))
    assert np.array_equal(net.layers[4].input, second.output) and np.array_equal(net.layers[-1].output, z)
    net.eval().forward(x)
    assert all(np.array_equal(part.output, part.input) for part in (first, second))
    assert np.array_equal(net.layers[4].input, tanh.output)


def test_the_chain_of_hand_written_back_propagation():
    """dropout is its own derivative: ops give the network's gradients, to the bit."""
    net = mlpc.MLP([9, 20, 4], "tanh", dropout=0.4, input_dropout=0.1, seed=6, dtype="float64")
    x, y = classes()
    dropped = ops.dropout(x, 0.1, 6, 0, 0)
    z1 = ops.linear_forward(dropped, net.layers[1].weight, net.layers[1].bias)
    a1 = ops.dropout(ops.tanh_forward(z1), 0.4, 6, 1, 0)
    z2 = ops.linear_forward(a1, net.layers[4].weight, net.layers[4].bias)
    _, dz2 = ops.cross_entropy(z2, y)
    da1, dw2, db2 = ops.linear_backward(dz2, a1, net.layers[4].weight)
    dz1 = ops.tanh_backward(ops.dropout(da1, 0.4, 6, 1, 0), z1)
    dx, dw1, db1 = ops.linear_backward(dz1, dropped, net.layers[1].weight)
    net.forward(x)
    net.loss(y)
    assert np.array_equal(net.backward(), ops.dropout(dx, 0.1, 6, 0, 0))
    for part, dw, db in ((net.layers[1], dw1, db1), (net.layers[4], dw2, db2)):
        assert np.array_equal(part.weight_grad, dw) and np.array_equal(part.bias_grad, db)


def test_use_is_in_eval_mode_and_draws_nothing():
    net, plain = make(seed=3), make(seed=3, dropout=0, input_dropout=0)
    x, y = classes()
    assert net.training
    assert np.array_equal(net.predict(x), plain.predict(x))
    assert np.array_equal(net.predict_proba(x), plain.predict_proba(x))
    assert net.evaluate(x, y) == plain.evaluate(x, y)
    assert np.array_equal(net.freeze().logits(x), plain.freeze().logits(x))
    assert net.masks_drawn == 0 and net.training


def test_backward_belongs_to_its_forward():
    """Neither what is asked in between nor another mode changes which masks it draws."""
    x, y = classes()
    one, other = make(seed=1), make(seed=1)
    for net in (one, other):
        net.forward(x)
        net.loss(y)
    other.eval()
    other.predict(x)
    assert np.array_equal(one.backward(), other.backward())
    assert np.array_equal(one.gradients, other.gradients)


def test_copies_go_on_alike():
    net, x = make(seed=1), classes()[0]
    net.forward(x)
    net.train(False)
    for twin in (net.copy(), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert (twin.training, twin.masks_drawn, twin.dropout, twin.input_dropout) == (False, 1, (0.3, 0.5), 0.2)
        assert np.array_equal(twin.train().forward(x), net.copy().train().forward(x))


def test_a_probability_is_not_changed_where_nothing_would_see_it():
    layer = make().layers[3]
    with pytest.raises(AttributeError, match="no setter"):
        layer.p = 0.9
    assert layer.p == 0.3


def test_words():
    assert repr(make()) == (
        "MLP([9, 40, 30, 4], ['tanh', 'relu'], loss='cross_entropy', dropout=[0.3, 0.5], input_dropout=0.2, "
        "dtype='float32', seed=0)"
    )
    assert "dropout=0.5, dtype" in repr(mlpc.MLP([2, 3, 3, 1], dropout=0.5))
    assert "dropout" not in repr(mlpc.MLP([2, 3, 1]))
    assert list(make().state_dict())[::2] == ["1.weight", "4.weight", "7.weight"]
    assert "3  Dropout(p=0.3)" in str(make().summary())


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"dropout": -0.1}, ValueError, r"^dropout: expected a finite number >= 0, got -0.1"),
        ({"dropout": 1}, ValueError, r"^dropout: expected a number in \[0, 1\), got 1"),
        ({"dropout": float("nan")}, ValueError, r"^dropout: expected a finite number >= 0, got nan"),
        ({"dropout": "0.5"}, TypeError, r"^dropout: expected a number, got '0.5'"),
        ({"dropout": [0.5]}, ValueError, r"^dropout: expected a number, or 2 for as many hidden layers, got \[0.5\]"),
        ({"dropout": [0.5, 1.5]}, ValueError, r"^dropout\[1\]: expected a number in \[0, 1\), got 1.5"),
        ({"input_dropout": 1.0}, ValueError, r"^input_dropout: expected a number in \[0, 1\), got 1.0"),
        ({"input_dropout": [0.5]}, TypeError, r"^input_dropout: expected a number, got \[0.5\]"),
    ],
)
def test_probabilities_that_are_none(settings, error, text):
    with pytest.raises(error, match=text):
        make(**settings)


@pytest.mark.parametrize(("noise", "error"), [(-1, ValueError), (float("inf"), ValueError), ("1", TypeError)])
def test_noise_that_is_none(noise, error):
    x, y = classes()
    with pytest.raises(error, match=r"^input_noise: expected a"):
        make().fit(x, y, input_noise=noise)


@pytest.mark.parametrize("deviation", [1e39, 3.5e38])
def test_deviations_that_the_dtype_has_not(deviation):
    x = np.zeros((2, 3))
    assert np.isfinite(ops.input_noise(x, deviation, 0, 0)).all()
    with pytest.raises(
        ValueError, match=r"^deviation: expected a number >= 0 that float32 has, got (1e\+39|3.5e\+38)$"
    ):
        ops.input_noise(x.astype(np.float32), deviation, 0, 0)


def test_more_forwards_than_can_be_counted_are_refused_before_the_epoch():
    (x, y), net = classes(), make(seed=1)
    run = mlpc.training.Run(net, x, y)
    run.load_state_dict(run.state_dict() | {"masks.drawn": 2**64 - 3})
    before = net.digest()
    with pytest.raises(
        ValueError, match=r"^masks_drawn: expected a number that 3 forwards more leave below 2\*\*64, got"
    ):
        run.epoch()
    assert net.digest() == before and net.masks_drawn == 2**64 - 3
    run.load_state_dict(run.state_dict() | {"masks.drawn": 2**64 - 4})
    run.epoch()
    assert net.masks_drawn == 2**64 - 1


# ---- Training --------------------------------------------------------------------------------------------------------


def loop(net, x, y, optimizer, epochs, batch_size, noise=0.0, seed=0):
    net.train()
    for epoch in range(epochs):
        for rows in batches(len(x), batch_size, seed=seed, epoch=epoch):
            given = np.ascontiguousarray(x[rows], net.dtype)
            net.forward(ops.input_noise(given, noise, seed, net.masks_drawn))
            net.loss(y[rows])
            net.backward()
            optimizer.step()


@pytest.mark.parametrize("batch_size", [1, 64, 1000])
@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("threads", [1, 3])
def test_fit_is_the_loop(dtype, isa, batch_size, noise, threads):
    x, y = classes()
    fitted, looped = (make(dtype=np.dtype(dtype).name, seed=1) for _ in range(2))
    before = mlpc.get_num_threads()
    mlpc.set_num_threads(threads)
    try:
        fitted.fit(x, y, epochs=2, batch_size=batch_size, lr=0.05, input_noise=noise)
    finally:
        mlpc.set_num_threads(before)
    loop(looped, x, y, mlpc.optim.SGD(looped, 0.05), 2, batch_size, noise, seed=1)
    assert fitted.digest() == looped.digest()
    assert fitted.masks_drawn == looped.masks_drawn == 2 * -(-len(x) // batch_size)
    assert not fitted.training and looped.training


def test_a_seed_of_fit_starts_its_streams():
    x, y = classes()
    fitted, looped = (make(seed=1) for _ in range(2))
    fitted.fit(x, y, epochs=1)
    fitted.load_state_dict(looped.state_dict())
    fitted.fit(x, y, epochs=2, lr=0.05, seed=8)
    looped.seed = 8
    loop(looped, x, y, mlpc.optim.SGD(looped, 0.05), 2, 64, seed=8)
    assert fitted.digest() == looped.digest() and fitted.masks_drawn == looped.masks_drawn == 6


def test_fit_goes_on_where_it_was():
    x, y = classes()
    once, twice = make(seed=1), make(seed=1)
    for net, epochs in ((once, [4]), (twice, [1, 3])):
        optimizer = mlpc.optim.SGD(net, 0.05, momentum=0.9)
        for n in epochs:
            net.fit(x, y, epochs=n, optimizer=optimizer, input_noise=0.1)
    assert once.digest() == twice.digest() and once.masks_drawn == twice.masks_drawn == 12


def test_a_run_goes_on_from_its_state():
    x, y = classes()
    whole, begun = (mlpc.training.Run(make(seed=1), x, y, input_noise=0.1) for _ in range(2))
    begun.epoch()
    continued = mlpc.training.Run(make(seed=2), x, y, input_noise=0.1)
    continued.load_state_dict(begun.state_dict())
    for run, epochs in ((whole, 3), (continued, 2)):
        for _ in range(epochs):
            run.epoch()
    assert whole.net.digest() == continued.net.digest() and continued.net.masks_drawn == 9


def test_zeros_of_x_change_no_bit():
    """Dropped x is mostly zeros, which forward skips where it pays; the digest of dense x with dropout is the same."""
    x, y = np.random.default_rng(3).normal(size=(64, 300)), np.arange(64) % 4
    net = mlpc.MLP([300, 20, 4], input_dropout=0.95, seed=2)
    z = net.forward(x)
    dropped = ops.dropout(x.astype(np.float32), 0.95, 2, 0, 0)
    assert (dropped == 0).mean() > 0.9
    w, b = net.layers[1].weight, net.layers[1].bias
    hidden = np.maximum(ops.linear_forward(dropped, w, b), np.float32(0))
    assert np.array_equal(z, ops.linear_forward(hidden, net.layers[3].weight, net.layers[3].bias))
    net.loss_and_grad(x, y)


def test_rows_of_bytes():
    x = np.random.default_rng(3).integers(0, 256, (100, 9)).astype(np.uint8)
    y = np.arange(100) % 4
    as_bytes, as_reals = make(seed=1), make(seed=1)
    as_bytes.fit(x, y, scale=1 / 255, epochs=2, input_noise=0.1)
    as_reals.fit(x * np.float32(1 / 255), y, epochs=2, input_noise=0.1)
    assert as_bytes.digest() == as_reals.digest()


def test_a_training_that_diverges_draws_nothing():
    x, y = classes()
    net = make(seed=1)
    net.fit(x, y, epochs=1)
    before = net.digest(), net.masks_drawn
    with pytest.raises(mlpc.DivergenceError):
        net.fit(x, y, lr=1e30)
    assert (net.digest(), net.masks_drawn, net.training) == (*before, False)


def test_the_fused_path_carries_dropout_and_norms():
    for net in (make(), make(dropout=0, input_dropout=0), make(norm=["layer", "batch"])):
        spec = mlpc.optim.SGD(net).spec
        assert net._fused(spec, 64, False) and not net._fused(spec, 64, True)
        assert net._fused(spec, 1, False) == ("batch" not in net.norms)


# ---- Against others --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
def test_gradients_are_those_of_differences(training):
    x, y = classes(12)
    net = mlpc.MLP([9, 7, 6, 4], ["gelu", "tanh"], dropout=[0.3, 0.5], input_dropout=0.2, seed=4)
    mlpc.gradcheck(net.train(training), x, y).raise_for_failure()
    assert net.masks_drawn == 0


@pytest.mark.parametrize("training", [True, False])
def test_comparison_with_torch(torch, dtype, training):
    x, y = classes()
    compare_with_torch(make(dtype=np.dtype(dtype).name, seed=2).train(training), x, y).raise_for_failure()


def test_100_steps_beside_torch(torch):
    x, y = classes()
    net = make(dtype="float64", seed=2)
    reference = torch_reference(net)
    ours = mlpc.optim.SGD(net, 0.1, momentum=0.9, weight_decay=1e-3)
    theirs = torch.optim.SGD(reference.parameters(), 0.1, momentum=0.9, weight_decay=1e-3)
    rows = [rows for epoch in range(34) for rows in batches(len(x), 50, epoch=epoch)][:100]
    for step, batch in enumerate(rows):
        use_masks(reference, net, len(batch), step)
        net.loss_and_grad(x[batch], y[batch])
        ours.step()
        theirs.zero_grad()
        torch.nn.CrossEntropyLoss()(reference(torch.tensor(x[batch])), torch.tensor(y[batch])).backward()
        theirs.step()
    for key, tensor in reference.state_dict().items():
        array = net.state_dict()[key]
        assert np.abs(array - tensor.numpy()).max() <= 1e-12 * np.abs(array).max()


def test_torch_s_reference_has_the_modules_and_the_mode(torch):
    reference = torch_reference(make().eval())
    assert [type(m).__name__ for m in reference] == [type(part).__name__ for part in make().layers]
    assert [m.p for m in reference if isinstance(m, torch.nn.Dropout)] == [0.2, 0.3, 0.5]
    assert not reference.training and torch_reference(make()).training
