"""However an epoch is computed, its bits are the same: zeros skipped or multiplied, bytes or numbers, any number of
threads, any instruction set; fused, or one call after the other (`keep_gradients`)."""

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc

THREADS = (1, 2, 3, 7)
SIZES = {"narrow": [40, 10], "odd": [257, 33, 3], "wide": [300, 130, 64, 5]}
OPTIMIZERS = {
    "sgd": lambda net: mlpc.optim.SGD(net, 0.03),
    "momentum": lambda net: mlpc.optim.SGD(net, 0.01, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adamw": lambda net: mlpc.optim.AdamW(net, 0.01),
}
MORE_OPTIMIZERS = OPTIMIZERS | {
    "adam": lambda net: mlpc.optim.Adam(net, 0.01, l1=1e-3),
    "rmsprop": lambda net: mlpc.optim.RMSprop(net, 0.01),
    "factors": lambda net: mlpc.optim.SGD(
        net, 0.03, weight_decay=0.01, groups={"*.weight": {"lr": 0.5}, "*.bias": {"weight_decay": 0}}
    ),
}
BETWEEN = {
    "dropout": {"dropout": [0.5, 0.2]},
    "input dropout": {"input_dropout": 0.2},
    "nearly all of the input": {"input_dropout": 0.97},
    "noise": {"noise": 0.3},
    "layer norm": {"norm": "layer"},
    "batch norm": {"norm": "batch"},
    "one behind the other": {"norm": ["batch", "layer"], "dropout": 0.3},
    "settings of norms": {"norm": [mlpc.layers.BatchNorm(eps=0.1, momentum=0.3), mlpc.layers.LayerNorm(eps=0.2)]},
    "all": {"norm": ["layer", "batch"], "dropout": 0.3, "input_dropout": 0.2, "noise": 0.3},
}
"""What stands between products, and in front of them."""


@pytest.fixture(autouse=True)
def threads():
    """The number of threads is the process's: put back what it was."""
    before = mlpc.get_num_threads()
    yield
    mlpc.set_num_threads(before)


def uniform(*shape):
    return 2 * np.random.default_rng(shape).random(shape) - 1


def samples(n, n_in, density, *, few, dtype):
    """Rows with so many nonzeros, of few different values or of many; some zeros are negative."""
    rng = np.random.default_rng([n, n_in, int(100 * density), few])
    x = rng.standard_normal((n, n_in)) / 2
    if few:
        x = np.round(8 * x) / 8 + 1
    x[rng.random(x.shape) >= density] = 0
    x[(x == 0) & (rng.random(x.shape) < 0.3)] = -0.0
    return x.astype(dtype), rng.integers(0, 3, n)


def epochs(sizes, x, y, optimizer="sgd", *, zeros, batch_size=64, threads=1, keep_gradients=False, scale=None):
    """The bits of two epochs: figures, parameters, the optimizer's state."""
    mlpc.set_num_threads(threads)
    dtype = "float32" if x.dtype == np.uint8 else x.dtype.name
    hidden = ["sigmoid", "identity", "relu"][: len(sizes) - 2]
    net = mlpc.MLP(sizes, hidden, dtype=dtype, seed=3)
    stepper = OPTIMIZERS[optimizer](net)
    rows = _mlpc.Samples(x, scale, dtype, zeros)
    criterion = ("cross_entropy", "mean", None, None)
    figures = [
        net._train_epoch(
            rows, y, criterion, None, stepper.epoch_spec(1), batch_size, True, 5, epoch, keep_gradients, None
        )
        for epoch in range(2)
    ]
    return figures, net.digest(), [array.tobytes() for array in stepper.state.values()]


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("few", [True, False], ids=["few-values", "many-values"])
@pytest.mark.parametrize("density", [0.0, 0.5, 1.0])
def test_zeros_skipped_or_multiplied(sizes, few, density, dtype, isa):
    x, y = samples(150, sizes[0], density, few=few, dtype=dtype)
    paths = [epochs(sizes, x, y, zeros=zeros) for zeros in ("multiply", "skip")]
    assert paths[0] == paths[1]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("zeros", ["multiply", "skip"])
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_any_number_of_threads(sizes, zeros, optimizer):
    """A thread more is used where it gets enough to do: batches are large here."""
    n = 1400 if np.dot(sizes[:-1], sizes[1:]) > 4000 else 14000
    x, y = samples(n, sizes[0], 0.3, few=True, dtype=np.float32)
    alone, *others = [epochs(sizes, x, y, optimizer, zeros=zeros, batch_size=n * 3 // 4, threads=k) for k in THREADS]
    assert all(other == alone for other in others)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_large_batches_on_any_number_of_threads(optimizer):
    """Of layers so wide that each thread copies parts of x and dz, and goes on to the next layer by itself."""
    sizes = [300, 320, 700, 3]
    x, y = samples(2048, sizes[0], 1.0, few=False, dtype=np.float32)
    plain = epochs(sizes, x, y, optimizer, zeros="multiply", batch_size=1024, keep_gradients=True)
    for threads in THREADS:
        assert epochs(sizes, x, y, optimizer, zeros="multiply", batch_size=1024, threads=threads) == plain


def test_wide_layers_in_pieces(isa):
    """So wide that portable kernels take some panels, or inputs, of some rows at a time."""
    sizes = [300, 320, 700, 3]
    x, y = samples(60, sizes[0], 1.0, few=False, dtype=np.float32)
    plain = epochs(sizes, x, y, zeros="multiply", batch_size=60, keep_gradients=True)
    for threads in THREADS:
        assert epochs(sizes, x, y, zeros="multiply", batch_size=60, threads=threads) == plain


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("batch_size", [1, 63, 64, 257])
def test_fused_or_one_call_after_the_other(batch_size, optimizer, dtype, isa):
    x, y = samples(260, 61, 0.3, few=False, dtype=dtype)
    fused = epochs([61, 17, 3], x, y, optimizer, zeros="skip", batch_size=batch_size)
    assert epochs([61, 17, 3], x, y, optimizer, zeros="multiply", batch_size=batch_size, keep_gradients=True) == fused


# ---- What stands between products ------------------------------------------------------------------------------------


def train_mode(sizes, x, y, *, keep_gradients, zeros="multiply", threads=1, batch_size=64, optimizer="sgd", noise=0.0,
               scale=None, **settings):  # fmt: skip
    """The bits of two epochs in train mode, or of what ended them."""
    mlpc.set_num_threads(threads)
    dtype = "float32" if x.dtype == np.uint8 else x.dtype.name
    net = mlpc.MLP(sizes, ["tanh", "identity", "relu"][: len(sizes) - 2], dtype=dtype, seed=3, **settings)
    stepper, rows = MORE_OPTIMIZERS[optimizer](net), _mlpc.Samples(x, scale, dtype, zeros)
    steps, figures = net._epoch_steps(len(x), batch_size), []
    assert net._fused(stepper.spec, min(batch_size, len(x)), keep_gradients) != keep_gradients
    try:
        for epoch in range(2):
            draws = 7, 2**32 - 3 + epoch * steps
            result = net._train_epoch(
                rows, y, net.criterion.spec(), None, stepper.epoch_spec(steps), batch_size, True, 5, epoch,
                keep_gradients, None, draws, noise,
            )  # fmt: skip
            figures.append(result)
    except mlpc.DivergenceError as error:
        figures.append(("diverged", str(error.loss), error.lr))
    return figures, net.digest(), [array.tobytes() for array in stepper.state.values()]


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
@pytest.mark.parametrize("zeros", ["multiply", "skip"])
@pytest.mark.parametrize("few", [True, False], ids=["few-values", "many-values"])
def test_between_products_fused_or_one_call_after_the_other(between, zeros, few, dtype, isa):
    """Inputs of three parts of a list; the last batch is short, or takes the last row as well."""
    x, y = samples(129, 270, 0.3, few=few, dtype=dtype)
    plain = train_mode([270, 19, 33, 3], x, y, keep_gradients=True, **between)
    assert train_mode([270, 19, 33, 3], x, y, keep_gradients=False, zeros=zeros, **between) == plain


@pytest.mark.parametrize("optimizer", MORE_OPTIMIZERS)
@pytest.mark.parametrize("between", ["one behind the other", "all"])
@pytest.mark.parametrize("batch_size", [2, 100, 257, 1000])
def test_between_products_with_every_optimizer(optimizer, between, batch_size, dtype):
    x, y = samples(260, 40, 0.3, few=True, dtype=dtype)
    given = BETWEEN[between] | {"optimizer": optimizer, "batch_size": batch_size}
    plain = train_mode([40, 17, 20, 3], x, y, keep_gradients=True, **given)
    assert train_mode([40, 17, 20, 3], x, y, keep_gradients=False, zeros="skip", **given) == plain


@pytest.mark.parametrize("between", ["dropout", "input dropout", "layer norm"])
def test_between_products_row_by_row(between, dtype, isa):
    x, y = samples(30, 40, 0.3, few=False, dtype=dtype)
    plain = train_mode([40, 17, 20, 3], x, y, keep_gradients=True, batch_size=1, **BETWEEN[between])
    fused = train_mode([40, 17, 20, 3], x, y, keep_gradients=False, batch_size=1, zeros="skip", **BETWEEN[between])
    assert fused == plain


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
@pytest.mark.parametrize("zeros", ["multiply", "skip"])
def test_between_products_on_any_number_of_threads(between, zeros):
    x, y = samples(1400, 257, 0.3, few=True, dtype=np.float32)
    given = between | {"batch_size": 1050, "optimizer": "momentum"}
    plain = train_mode([257, 130, 64, 3], x, y, keep_gradients=True, **given)
    for threads in THREADS:
        fused = train_mode([257, 130, 64, 3], x, y, keep_gradients=False, zeros=zeros, threads=threads, **given)
        assert fused == plain


def test_dropout_of_bytes(isa):
    """Their values are known by codes: dropout multiplies each of them once."""
    rng = np.random.default_rng(0)
    x = (rng.integers(0, 256, (130, 150)) * (rng.random((130, 150)) < 0.4)).astype(np.uint8)
    y, given = rng.integers(0, 3, 130), {"scale": 1 / 255, "input_dropout": 0.3}
    plain = train_mode([150, 9, 3], x, y, keep_gradients=True, **given)
    for zeros in ("multiply", "skip"):
        assert train_mode([150, 9, 3], x, y, keep_gradients=False, zeros=zeros, **given) == plain


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
@pytest.mark.parametrize("threads", [1, 2])
def test_between_products_divergence_leaves_all_as_it_was(between, threads):
    x, y = samples(640, 40, 0.3, few=False, dtype=np.float32)
    x[500] = np.inf
    given = between | {"batch_size": 256, "optimizer": "adam"}
    plain = train_mode([40, 100, 50, 3], x, y, keep_gradients=True, **given)
    assert plain[0][-1][0] == "diverged"
    for zeros in ("multiply", "skip"):
        fused = train_mode([40, 100, 50, 3], x, y, keep_gradients=False, zeros=zeros, threads=threads, **given)
        assert fused == plain


@pytest.mark.parametrize("zeros", ["multiply", "skip"])
def test_bytes_are_numbers_times_the_scale(zeros, isa):
    rng = np.random.default_rng(0)
    x = (rng.integers(0, 256, (130, 50)) * (rng.random((130, 50)) < 0.4)).astype(np.uint8)
    y, scale = rng.integers(0, 3, 130), 1 / 255
    numbers = x.astype(np.float32) * np.float32(scale)
    paths = [
        epochs([50, 9, 3], x, y, zeros=zeros, scale=scale),
        epochs([50, 9, 3], x, y, zeros=zeros, scale=scale, keep_gradients=True),
        epochs([50, 9, 3], numbers, y, zeros="multiply"),
    ]
    assert paths[0] == paths[1] == paths[2]


def test_more_values_than_codes():
    """256 values have a code each; the 257th sends all of them another way."""
    x, y = np.zeros((300, 30), np.float32), np.zeros(300, np.int64)
    for distinct in (255, 256, 257):
        x[np.arange(distinct), np.arange(distinct) % 30] = 1 + np.arange(distinct) / 256
        assert epochs([30, 5, 3], x, y, zeros="skip") == epochs([30, 5, 3], x, y, zeros="multiply")


def one_step(net, x, y, *, zeros="multiply", keep_gradients=False, lr=1.0):
    """An epoch of one batch."""
    rows, stepper = _mlpc.Samples(x, None, net.dtype.name, zeros), mlpc.optim.SGD(net, lr)
    return net._train_epoch(
        rows, y, net.criterion.spec(), None, stepper.epoch_spec(1), len(x), False, 0, 0, keep_gradients, None
    )


def test_a_gradient_that_underflows_is_no_negative_zero(isa):
    """1e-30 times -2e-20 rounds to -0; a total begins with +0, and lr times that leaves a weight of -0 as it is."""
    for zeros, keep_gradients in (("multiply", False), ("skip", False), ("multiply", True)):
        net = mlpc.MLP([2, 1], loss="mse", init=[[[-0.0, -0.0]], [0.0]])
        one_step(net, np.float32([[1e-30, 0.0]]), np.float32([[1e-20]]), zeros=zeros, keep_gradients=keep_gradients)
        assert np.signbit(net.parameters).tolist() == [True, True, False]


@pytest.mark.parametrize("keep_gradients", [False, True], ids=["fused", "plain"])
def test_losses_whose_sum_overflows_diverge(keep_gradients, isa):
    net = mlpc.MLP([1, 1], loss="mse", dtype="float64", init="zeros")
    with pytest.raises(mlpc.DivergenceError) as caught:
        one_step(net, np.zeros((2, 1)), np.full((2, 1), 1e154), keep_gradients=keep_gradients)
    assert caught.value.loss == np.inf
    assert not net.parameters.any()


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "softplus"])
def test_a_network_that_diverged_trains_again(activation, isa):
    """Nothing of what was not finite is left behind, not even beside the numbers that can be seen."""
    x, y = uniform(20, 9), np.arange(20) % 4
    fresh, used = (mlpc.MLP([9, 5, 4], activation, seed=0) for _ in range(2))
    bad = x.copy()
    bad[7, 3] = np.nan

    def epochs(net, x):
        """By train_epoch, which keeps its memory for the next one: fit gives it back."""
        criterion, spec = ("cross_entropy", "mean", None, None), mlpc.optim.SGD(net, 0.1).epoch_spec(1)
        for number in range(2):
            net._train_epoch(x, y, criterion, None, spec, 64, True, 0, number, False, None)

    with pytest.raises(mlpc.DivergenceError):
        epochs(used, bad)
    for net in (fresh, used):
        epochs(net, x)
    assert used.digest() == fresh.digest()


@pytest.mark.parametrize("keep_gradients", [False, True], ids=["fused", "plain"])
@pytest.mark.parametrize("zeros", ["multiply", "skip"])
@pytest.mark.parametrize("threads", [1, 2])
def test_divergence_is_noticed_alike(zeros, threads, keep_gradients):
    """NaN and infinity end the epoch in every path, with everything as before it."""
    x, y = samples(640, 40, 0.3, few=False, dtype=np.float32)
    mlpc.set_num_threads(threads)
    for bad in (np.nan, np.inf):
        x[500, 7] = bad
        net = mlpc.MLP([40, 300, 3], "relu", seed=3)
        optimizer = mlpc.optim.Adam(net)
        before = net.parameters.copy()
        rows = _mlpc.Samples(x, None, "float32", zeros)
        with pytest.raises(mlpc.DivergenceError):
            net._train_epoch(
                rows, y, ("cross_entropy", "mean", None, None), None, optimizer.epoch_spec(1), 256, True, 0, 0,
                keep_gradients, None,
            )  # fmt: skip
        assert np.array_equal(net.parameters, before)
        assert not optimizer.state["steps"][0]
        assert not optimizer.state["mean"].any()


@pytest.mark.parametrize("unit", [0, 299])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_last_step_that_overflows_anywhere_leaves_all_as_it_was(unit, threads):
    """One unit's weights become infinite, which belong to one of the threads, behind a finite loss."""
    mlpc.set_num_threads(threads)
    net = mlpc.MLP([4, 300, 1], "identity", loss="mse", init="zeros")
    net.layers[2].weight[0, unit] = 1
    before = net.digest()
    x = np.tile(np.array([[1], [-1]], np.float32), (128, 4))
    with pytest.raises(mlpc.DivergenceError) as caught:
        one_step(net, x, x[:, :1], lr=3e38)
    assert caught.value.loss == 1
    assert net.digest() == before


@pytest.mark.parametrize("y", ["labels", "targets"])
def test_weights_and_passed_over_batches_on_threads(y):
    """Sample weights that leave whole batches out, for a loss by label and one by column."""
    rng = np.random.default_rng(1)
    x, weight = rng.standard_normal((900, 40)).astype(np.float32), rng.random(900)
    order = _mlpc.shuffle(900, 5, 0)
    weight[order[256:512]] = 0
    target = rng.integers(0, 3, 900) if y == "labels" else rng.standard_normal((900, 3)).astype(np.float32)
    results = []
    for threads, keep in ((1, True), (1, False), (2, False), (3, False)):
        mlpc.set_num_threads(threads)
        net = mlpc.MLP([40, 200, 3], "gelu", loss="cross_entropy" if y == "labels" else "huber", seed=3)
        optimizer = mlpc.optim.AdamW(net, 0.01)
        criterion = net.criterion.spec()
        figures = net._train_epoch(x, target, criterion, weight, optimizer.epoch_spec(1), 256, True, 5, 0, keep, None)
        results.append((figures, net.digest(), optimizer.state["steps"][0]))
    assert results[0][2] == 3
    assert all(result == results[0] for result in results)


# ---- Fused and plain: the same errors --------------------------------------------------------------------------------


def outcome(keep_gradients, x, y, *, weight=None, lr=0.0, batch_size=2, loss="mse", dtype="float64", threads=1):
    """Figures of one epoch, or the loss and the rate of its error, and the digest of what it leaves."""
    mlpc.set_num_threads(threads)
    net = mlpc.MLP([x.shape[1], y.shape[1] if y.ndim == 2 else 2], loss=loss, dtype=dtype, init="zeros")
    optimizer = mlpc.optim.SGD(net, lr)
    try:
        figures = net._train_epoch(
            x,
            y,
            (loss, "mean", None, None),
            weight,
            optimizer.epoch_spec(-(-len(x) // batch_size)),
            batch_size,
            False,
            0,
            0,
            keep_gradients,
            None,
        )
    except mlpc.DivergenceError as error:
        figures = "diverged", error.loss, error.lr
    return figures, net.digest()


def column(n, first, others):
    values = np.full((n, 1), others)
    values[:2] = first
    return values


def weights(n, first, others):
    return column(n, first, others)[:, 0]


HALVING = mlpc.schedules.Step(2.0**-1000, every=0.25, gamma=0.5)
JUDGED = {
    # x, y, settings, what is right
    "the first batch overflows, the last ones weigh nothing": (
        np.zeros((8, 1)), column(8, 1e154, 0.0), {"weight": weights(8, 1.0, 0.0)}, ("diverged", np.inf, 0.0),
    ),
    "the last ones weigh little": (
        np.zeros((8, 1)), np.ones((8, 1)), {"weight": weights(8, 1e200, 1e-200)}, (1.0, 0.0, 0.0),
    ),
    "the rate of the batch that overflowed": (
        np.zeros((8, 1)), column(8, 1e154, 0.0), {"lr": HALVING}, ("diverged", np.inf, 2.0**-1000),
    ),
    "the loss of the last batch that has one": (
        np.full((10, 1), 1e30), np.ones((10, 1)), {"weight": weights(10, 1.0, 0.0), "lr": 1e30, "dtype": "float32"},
        ("diverged", 1.0, 1e30),
    ),
    "what overflows first is told, not what is infinite later": (
        np.zeros((8, 1)), np.array([[0.0], [0], [1e154], [1e154], [1e200], [1e200], [0], [0]]), {"lr": HALVING},
        ("diverged", np.inf, 2.0**-1001),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", JUDGED)
@pytest.mark.parametrize("threads", [1, 2])
def test_every_batch_is_judged_by_its_own_targets(case, threads, isa):
    x, y, settings, right = JUDGED[case]
    plain = outcome(True, x, y, **settings)
    assert plain[0] == right
    assert outcome(False, x, y, threads=threads, **settings) == plain


# ---- Interrupts ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif("avx2" not in mlpc.cpu.available(), reason="batches are as long as AVX2 needs for them")
def test_an_interrupted_epoch_leaves_nothing_that_is_not_finite():
    """In the second batch a unit is infinite, and beside those of the next layer, where they fill no vector, stands
    NaN; the epoch ends before anything that can be seen is NaN, too.

    A batch of 3.2e9 terms, eight of them a cycle, takes longer than the 50 ms between two calls of `tick`.
    """
    before = mlpc.cpu.active()
    mlpc.cpu.use("avx2")
    mlpc.set_num_threads(1)
    B = 4000
    x = np.random.default_rng(0).random((3 * B, 600))
    y, huge = np.arange(len(x)) % 3, x.copy()
    huge[B : 2 * B] *= 1e10
    used, fresh = (mlpc.MLP([600, 300, 301, 3], ["relu", "sigmoid"], dtype="float64", seed=1) for _ in range(2))
    used.layers[0].weight[0] = 1e300

    def epoch(net, x, tick=None):
        criterion, spec = ("cross_entropy", "mean", None, None), mlpc.optim.SGD(net, 0.01).epoch_spec(1)
        rows = _mlpc.Samples(x, None, "float64", "multiply")
        return net._train_epoch(rows, y, criterion, None, spec, B, False, 0, 0, False, tick)

    def tick(rows):
        if rows >= 2 * B:
            raise LookupError

    try:
        with pytest.raises(LookupError):
            epoch(used, huge, tick)
        used._initialize("torch", 1)
        assert epoch(used, x) == epoch(fresh, x)
    finally:
        mlpc.cpu.use(before)
    assert used.digest() == fresh.digest()


# ---- A learning rate of 0 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lr", [0.0, -0.0])
@pytest.mark.parametrize("kind", ["sgd", "momentum", "decay", "nesterov", "adam"])
def test_a_rate_of_zero_of_either_sign_changes_nothing(kind, lr, isa):
    """A weight of -0 beside an input of 0 stays what it is, whether zeros are skipped or multiplied."""
    settings = {"momentum": {"momentum": 0.9}, "decay": {"weight_decay": 0.1}, "nesterov": {"momentum": 0.9}}
    for zeros, keep_gradients in (("multiply", False), ("skip", False), ("multiply", True)):
        net = mlpc.MLP([2, 1], loss="mse", init=[[[-0.0, -0.0]], [0.0]])
        if kind == "adam":
            optimizer = mlpc.optim.Adam(net, lr)
        else:
            optimizer = mlpc.optim.SGD(net, lr, nesterov=kind == "nesterov", **settings.get(kind, {}))
        rows = _mlpc.Samples(np.float32([[1, 0]]), None, "float32", zeros)
        net._train_epoch(
            rows, np.float32([[1]]), ("mse", "mean", None, None), None, optimizer.epoch_spec(1), 1, False, 0, 0,
            keep_gradients, None,
        )  # fmt: skip
        assert np.signbit(net.parameters[1])
        assert not net.parameters.any()
