"""Sparse rows: SciPy's matrices give the bits of the same numbers in an array, and are never made dense as a whole."""

import functools
import itertools

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc
from mlpc.csr import CSR, real_rows

sparse = pytest.importorskip("scipy.sparse")

QUIET = {"progress": False, "epochs": 2}
pytestmark = pytest.mark.filterwarnings("ignore::mlpc.warnings.TrainingWarning")


def numbers(n, n_in, density, seed=0, values=None):
    """An array with so many zeros, of few values or of many."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, n_in)) if values is None else rng.integers(1, 1 + values, (n, n_in)) / 4
    x[rng.random((n, n_in)) >= density] = 0
    return x


def labels(n, classes=3, seed=1):
    return np.random.default_rng(seed).integers(0, classes, n)


def answers(net, x, y):
    """What a network says of rows through every door that looks at them, without being changed."""
    found = [net.predict_proba(x), net.predict(x), *net.evaluate(x, y), net.score(x, y), net.loss_per_class(x, y)]
    found += [net.freeze().logits(x), net.freeze().predict_proba(x), net(x), net.loss_and_grad(x, y), net.gradients]
    return found


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


# ---- The same bits ---------------------------------------------------------------------------------------------------

SHAPES = [
    (1, 1, 1.0), (3, 1, 0.5), (40, 300, 0.0), (70, 127, 0.05), (70, 128, 0.05), (65, 129, 0.3), (130, 257, 0.02),
    (64, 640, 0.6), (20, 50, 1.0), (5, 70000, 0.001),
]  # fmt: skip


@pytest.mark.parametrize("values", [None, 5], ids=["many values", "few values"])
@pytest.mark.parametrize(("n", "n_in", "density"), SHAPES)
def test_the_bits_are_those_of_the_array(n, n_in, density, values, dtype):
    x, y = numbers(n, n_in, density, values=values).astype(dtype), labels(n)
    nets = []
    for rows in (x, sparse.csr_array(x)):
        net = mlpc.MLP([n_in, 9, 3], "tanh", dtype=dtype)
        history = net.fit(rows, y, batch_size=33, validation_data=(rows, y), metrics=["top_2"], **QUIET)
        nets.append((net, history, answers(net, rows, y)))
    (net, history, found), (twin, twins, of_sparse) = nets
    assert twin.digest() == net.digest()
    assert_same(of_sparse, found)
    assert {k: v for k, v in twins.items() if k != "seconds"} == {k: v for k, v in history.items() if k != "seconds"}


PLANS = {
    "fused": {},
    "momentum": {"optimizer": "adam", "lr": 0.001},
    "dropout": {"net": {"dropout": 0.3, "input_dropout": 0.2}},
    "noise": {"input_noise": 0.1},
    "layer norm": {"net": {"norm": "layer"}},
    "batch norm": {"net": {"norm": "batch"}},
    "clipping": {"clip_norm": 0.1},
    "gradients kept": {"keep_gradients": True},
    "accumulated": {"accumulate_batches": 3},
    "one batch": {"batch_size": 1000},
    "weights": {"sample_weight": np.linspace(0, 2, 150), "class_weight": {1: 2.0}},
    "split": {"validation_split": 0.2, "metrics": ["top_2"]},
    "in order": {"shuffle": False},
    "averaged": {"net": {"norm": "batch"}, "callbacks": lambda: [mlpc.callbacks.Averaging(start=1)]},
    "a loss of one's own": {"loss": mlpc.losses.Custom(lambda z, y: mlpc.losses.cross_entropy(z, y), name="own")},
    "L-BFGS": {"optimizer": mlpc.optim.LBFGS, "net": {"dtype": "float64"}},
}


def trained(x, y, net=None, clip_norm=None, callbacks=list, **options):
    made = mlpc.MLP([x.shape[1], 20, 3], **{"dtype": "float32"} | (net or {}))
    if clip_norm is not None:
        options["optimizer"] = mlpc.optim.SGD(made, 0.1, clip_norm=clip_norm)
    elif isinstance(options.get("optimizer"), type):
        options["optimizer"] = options["optimizer"](made)
    history = made.fit(x, y, callbacks=callbacks(), **QUIET | options)
    return [made.parameters, made.gradients, *(history[key] for key in history if key != "seconds")]


@pytest.mark.parametrize("density", [0.03, 0.8])
@pytest.mark.parametrize("plan", PLANS)
def test_every_kind_of_training_takes_them(plan, density):
    x, y = numbers(150, 400, density), labels(150)
    assert_same(trained(sparse.csr_matrix(x), y, **PLANS[plan]), trained(x, y, **PLANS[plan]))


@functools.cache
def trained_on(isa, threads, dropout, form):
    """Parameters, and answers, of a network that is wide enough for several threads."""
    x, y = numbers(200, 500, 0.05).astype(np.float32), labels(200)
    before, active = mlpc.get_num_threads(), mlpc.cpu.active()
    mlpc.cpu.use(isa)
    mlpc.set_num_threads(threads)
    try:
        net = mlpc.MLP([500, 300, 3], dropout=dropout)
        net.fit(form(x), y, epochs=1, progress=False)
        return [net.parameters.copy(), *answers(net, form(x), y)]
    finally:
        mlpc.set_num_threads(before)
        mlpc.cpu.use(active)


@pytest.mark.xdist_group("sparse rows")  # one run of the reference, which takes long
@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_threads_and_instruction_sets(isa, threads, dropout):
    """Those of the array on one thread of the instruction set that is the text of the arithmetic."""
    expected = trained_on("reference", 1, dropout, np.asarray)
    assert_same(trained_on(isa, threads, dropout, sparse.csr_array), expected)


def test_weights_that_are_not_finite():
    """Zeros are multiplied then, as those of an array."""
    x = numbers(50, 300, 0.05).astype(np.float32)
    net = mlpc.MLP([300, 4, 2], loss="mse")
    net.layers[0].weight[1, 7] = np.inf
    np.testing.assert_array_equal(net.predict(sparse.csr_array(x)), net.predict(x))


def test_fit_is_the_loop_over_batches():
    x, y = sparse.csr_array(numbers(100, 300, 0.05)), labels(100)
    net, twin = (mlpc.MLP([300, 8, 3], dropout=0.2) for _ in range(2))
    net.fit(x, y, epochs=1, batch_size=32, progress=False)
    optimizer = mlpc.optim.SGD(twin)
    for rows in mlpc.training.batches(100, 32):
        twin.loss_and_grad(x[rows], y[rows])
        optimizer.step()
    assert twin.digest() == net.digest()


# ---- What comes as a matrix ------------------------------------------------------------------------------------------


def raw(data, indices, indptr, shape):
    """A matrix that SciPy did not look at."""
    matrix = sparse.csr_matrix((shape[0], shape[1]), dtype=np.asarray(data).dtype)
    matrix.data, matrix.indices, matrix.indptr = np.asarray(data), np.asarray(indices), np.asarray(indptr)
    return matrix


def unordered(dtype=np.float32):
    """Columns out of order, several numbers for one place, which cancel or are added, and zeros."""
    data = np.array([3, 1, 2, -2, 0, 5, 0.1, 0.2, 0.3, -0.0], dtype)
    return raw(data, [4, 0, 1, 1, 2, 4, 3, 3, 3, 0], [0, 6, 6, 10], (3, 5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_the_canonical_form(dtype):
    matrix = unordered(dtype)
    given = [array.copy() for array in (matrix.data, matrix.indices, matrix.indptr)]
    rows = real_rows("x", matrix)
    np.testing.assert_array_equal(_mlpc.numbers(rows, None, "float64"), matrix.toarray().astype(np.float64))
    assert rows.dtype == dtype
    assert (rows.data != 0).all()
    for row in range(3):
        columns = rows.indices[rows.indptr[row] : rows.indptr[row + 1]]
        assert (np.diff(columns) > 0).all()
    assert_same((matrix.data, matrix.indices, matrix.indptr), given)


def test_numbers_of_one_place_are_added_in_their_order():
    """In float32: 1e8 + 1 - 1e8 is 0, and 1e8 - 1e8 + 1 is 1."""
    rows = real_rows("x", raw(np.float32([1e8, 1, -1e8, 1e8, -1e8, 1]), [0, 0, 0, 1, 1, 1], [0, 6], (1, 2)))
    assert (rows.data.tolist(), rows.indices.tolist()) == ([1.0], [1])


def test_zeros_that_are_stored_are_dropped():
    rows = real_rows("x", raw([1.0, 0.0, 2.0, -0.0], [0, 1, 2, 0], [0, 3, 4], (2, 3)))
    assert (rows.data.tolist(), rows.indices.tolist(), rows.indptr.tolist()) == ([1, 2], [0, 2], [0, 2, 2])


def test_canonical_rows_are_not_copied():
    matrix = sparse.csr_array(numbers(30, 40, 0.2))
    rows = real_rows("x", matrix)
    assert np.shares_memory(rows.data, matrix.data)
    assert np.shares_memory(rows.indices, matrix.indices)


def test_any_form_gives_the_bits_of_the_array():
    x, y = numbers(90, 200, 0.05).astype(np.float32), labels(90)
    expected = trained(x, y)
    forms = [sparse.csc_array(x), sparse.coo_array(x), sparse.lil_matrix(x), sparse.dok_array(x), sparse.csr_matrix(x)]
    wide = sparse.csr_array(x)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    swapped = sparse.csr_array(x)
    swapped.data = swapped.data.astype(swapped.data.dtype.newbyteorder())
    roomy = sparse.csr_array(x)
    roomy.data, roomy.indices = np.append(roomy.data, np.nan), np.append(roomy.indices, 9999)
    shuffled = sparse.csr_array(x)
    for row in range(90):
        part = slice(shuffled.indptr[row], shuffled.indptr[row + 1])
        shuffled.data[part], shuffled.indices[part] = shuffled.data[part][::-1].copy(), shuffled.indices[part][::-1]
    read_only = sparse.csr_array(x)
    for array in (read_only.data, read_only.indices, read_only.indptr):
        array.flags.writeable = False
    for matrix in (*forms, wide, swapped, roomy, shuffled, read_only):
        assert_same(trained(matrix, y), expected)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.int64])
def test_integers(dtype):
    x, y = (numbers(60, 100, 0.1, values=3) * 4).astype(dtype), labels(60)
    assert_same(trained(sparse.csr_array(x), y), trained(x, y))


def test_bytes_with_a_scale():
    x, y = (numbers(60, 100, 0.1, values=255) * 4).astype(np.uint8), labels(60)
    rows = sparse.csr_array(x)
    options = {"scale": 1 / 255, "metrics": ["top_2"]}
    assert_same(trained(rows, y, **options), trained(x, y, **options))
    assert_same(trained(rows, y, input_noise=0.1, **options), trained(x, y, input_noise=0.1, **options))
    net = mlpc.MLP([100, 4, 3])
    np.testing.assert_array_equal(net.predict_proba(rows, scale=1 / 255), net.predict_proba(x, scale=1 / 255))
    np.testing.assert_array_equal(net.forward(rows, scale=1 / 255), net.forward(x, scale=1 / 255))
    with pytest.raises(TypeError, match="x: expected uint8, since there is a scale, got float32"):
        net.fit(rows.astype(np.float32), y, scale=0.5)
    with pytest.raises(ValueError, match="scale: expected None, since x is not uint8 but float32"):
        net.predict(rows.astype(np.float32), scale=0.5)
    with pytest.warns(mlpc.warnings.UnscaledBytesWarning):
        net.fit(rows, y, **QUIET, lr=1e-5)


def test_numbers_too_small_for_the_network():
    x = np.zeros((4, 300))
    x[:, 5], x[1, 7] = 1e-60, 1
    assert_same(trained(sparse.csr_array(x), [0, 1, 2, 0]), trained(x, [0, 1, 2, 0]))


# ---- Trainings that go on, and other doors ---------------------------------------------------------------------------


def test_a_run_goes_on(tmp_path):
    x, y = sparse.csr_array(numbers(80, 200, 0.05)), labels(80)
    net, twin = (mlpc.MLP([200, 5, 3], dropout=0.1) for _ in range(2))
    net.fit(x, y, epochs=3, progress=False)
    twin.fit(x, y, epochs=1, progress=False, resume=tmp_path / "run.npz")
    twin = mlpc.MLP([200, 5, 3], dropout=0.1)
    twin.fit(x, y, epochs=3, progress=False, resume=tmp_path / "run.npz")
    assert twin.digest() == net.digest()
    with pytest.raises(ValueError, match="state: expected one of this run, with data"):
        mlpc.MLP([200, 5, 3], dropout=0.1).fit(2 * x, y, epochs=3, resume=tmp_path / "run.npz")


def test_batches_that_come_one_by_one():
    x, y = numbers(90, 200, 0.05), labels(90)
    parts = [slice(start, start + 30) for start in range(0, 90, 30)]
    assert_same(
        trained_by([(sparse.csr_array(x)[part], y[part]) for part in parts]),
        trained_by([(x[part], y[part]) for part in parts]),
    )


def trained_by(batches):
    net = mlpc.MLP([200, 5, 3])
    net.fit(batches, **QUIET)
    return [net.parameters]


def test_the_range_of_learning_rates():
    x, y = numbers(90, 200, 0.05), labels(90)
    net = mlpc.MLP([200, 5, 3])
    one, other = (mlpc.lr_range_test(net, rows, y, steps=20) for rows in (sparse.csr_array(x), x))
    assert_same((one.loss, [one.suggestion]), (other.loss, [other.suggestion]))


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.filterwarnings("default::mlpc.warnings.TrainingWarning")
def test_early_help_looks_at_them(number):
    x = numbers(300, 20, 0.3)
    x[:, 3] *= 1000.0
    with pytest.warns(mlpc.warnings.FeatureScaleWarning) as given:
        mlpc.MLP([20, 4, 3]).fit(sparse.csr_array(x) if number == 1 else x, labels(300), epochs=1, lr=1e-4)
    assert "x: expected features of like size, got column 3" in str(given[0].message)


@pytest.mark.filterwarnings("default::mlpc.warnings.TrainingWarning")
def test_early_help_looks_at_units():
    net = mlpc.MLP([20, 8, 3])
    net.layers[0].bias[:] = -100
    with pytest.warns(mlpc.warnings.DeadUnitsWarning, match="8 of the 8 units"):
        net.fit(sparse.csr_array(numbers(300, 20, 0.3)), labels(300), progress=False)


# ---- What is refused -------------------------------------------------------------------------------------------------

HOSTILE = {
    "x.indptr: expected numbers that do not fall": ([1.0, 2], [0, 1], [0, 2, 1], (2, 2)),
    "x.indptr: expected at most as many entries": ([1.0, 2], [0, 1], [0, 1, 9], (2, 2)),
    "x.indptr: expected 3 numbers from 0 on, got 2 from 0 on": ([1.0, 2], [0, 1], [0, 2], (2, 2)),
    "x.indptr: expected 3 numbers from 0 on, got 3 from -1 on": ([1.0, 2], [0, 1], [-1, 1, 2], (2, 2)),
    "x.indptr: expected 3 numbers from 0 on, got 0": ([1.0, 2], [0, 1], np.zeros(0, int), (2, 2)),
    "x.indices: expected columns in 0..1, got 2": ([1.0, 2], [0, 2], [0, 1, 2], (2, 2)),
    "x.indices: expected columns in 0..1, got -1": ([1.0, 2], [-1, 1], [0, 1, 2], (2, 2)),
    "x.indices: expected columns in 0..1, got 4294967296": ([1.0, 2], [0, 2**32], [0, 1, 2], (2, 2)),
    "x.indices: expected one dimension of integers": ([1.0, 2], [0.0, 1.0], [0, 1, 2], (2, 2)),
    "x.indices: expected one dimension": ([1.0, 2], [[0, 1]], [0, 1, 2], (2, 2)),
    "x.data: expected one dimension": ([[1.0, 2]], [0, 1], [0, 1, 2], (2, 2)),
    "x: expected real numbers, got dtype complex128": ([1j, 2], [0, 1], [0, 1, 2], (2, 2)),
    "x: expected finite numbers, got nan at row 1, column 0": ([1.0, np.nan], [0, 0], [0, 1, 2], (2, 2)),
    "x: expected finite numbers, got inf at row 1, column 1": ([1.0, 2, np.inf], [0, 0, 1], [0, 1, 3], (2, 2)),
    "x: expected finite numbers, got 1e+300, too large for float32, at row 0, column 1": (
        [1.0, 1e300], [0, 1], [0, 2, 2], (2, 2),
    ),
    "x: expected shape (n, 2) with at least one row, got (2, 3)": ([1.0], [2], [0, 1, 1], (2, 3)),
    "x: expected shape (n, 2) with at least one row, got (0, 2)": (np.zeros(0), np.zeros(0, int), [0], (0, 2)),
}  # fmt: skip


@pytest.mark.parametrize("message", HOSTILE)
def test_matrices_that_are_refused(message):
    matrix = raw(*HOSTILE[message])
    net = mlpc.MLP([2, 3])
    before = net.digest()
    for call in (net.fit, net.evaluate, net.score):
        with pytest.raises((TypeError, ValueError)) as caught:
            call(matrix, np.zeros(matrix.shape[0], int))
        assert str(caught.value).startswith(message) or "column" not in message or call == net.evaluate
    assert net.digest() == before


def test_wrong_columns_are_named():
    net = mlpc.MLP([3, 2])
    for call in (net.predict, net.predict_proba, net.forward, net.freeze().predict):
        with pytest.raises(ValueError, match=r"x: expected shape \(n, 3\), got \(2, 4\)"):
            call(sparse.csr_array(np.ones((2, 4))))


def test_a_label_is_never_made_from_nan():
    x = sparse.csr_array([[0.0, 1.0], [np.nan, 0.0]])
    net = mlpc.MLP([2, 3])
    assert np.isnan(net.predict_proba(x)).any(axis=1).tolist() == [False, True]
    with pytest.raises(ValueError, match=r"x: expected rows that have a label, got NaN .* for row 1"):
        net.predict(x)


def test_other_arguments_are_arrays():
    with pytest.raises(TypeError, match=r"y: expected an array, got a sparse csr_array; y\.toarray\(\) makes one"):
        mlpc.MLP([2, 2], loss="mse").fit(np.eye(2), sparse.csr_array(np.eye(2)))
    with pytest.raises(TypeError, match=r"y: expected targets, .* got None and x of csr_array"):
        mlpc.MLP([2, 2]).fit(sparse.csr_array(np.eye(2)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1.0], [0], [0, 2], 3), ValueError, "indptr: expected canonical rows of 3 columns, got others in row 0"),
        (([1.0], [3], [0, 1], 3), ValueError, "indices: expected canonical rows of 3 columns, got others in row 0"),
        (([1.0, 2], [1, 1], [0, 2], 3), ValueError, "indices: expected canonical"),
        (([1.0, 2], [2, 1], [0, 0, 2], 3), ValueError, "indices: .* in row 1"),
        (([1.0], [0], [], 3), TypeError, "indptr: expected integers"),
        (([1.0], [0], np.zeros(0, int), 3), ValueError, "indptr: expected at least one number, got none"),
        (([1.0], [0, 1], [0, 1], 3), ValueError, r"indices: expected shape \(1,\), got \(2,\)"),
        ((["a"], [0], [0, 1], 3), TypeError, "data: expected real numbers"),
        (([1.0], [0], [0, 1], -1), ValueError, "columns: expected a number"),
        (([1.0], [0], [0, 1]), TypeError, "CSR"),
    ],
)
def test_the_extension_believes_nobody(arguments, error, message):
    with pytest.raises(error, match=message):
        _mlpc.CSR(*arguments)


def test_indices_that_change_meanwhile_lead_nowhere():
    """Whatever they are by then; the numbers that come of it are any."""
    x = numbers(64, 300, 0.1).astype(np.float32)
    matrix = sparse.csr_array(x)
    rows = real_rows("x", matrix)
    net = mlpc.MLP([300, 20, 3], dropout=0.1)
    for column in (-(2**31), -1, 299, 300, 2**31 - 1):
        matrix.indices[:] = column
        net.predict_proba(rows)
        net(rows)
        for options in ({}, {"keep_gradients": True}):
            run = mlpc.training.Run(net, numbers(64, 300, 0.1), labels(64), **options)
            run._samples = _mlpc.Samples(rows, None, "float32", "skip")
            run.epoch()


# ---- Rows of rows ----------------------------------------------------------------------------------------------------


def test_some_of_the_rows():
    x = numbers(20, 30, 0.2)
    rows = real_rows("x", sparse.csr_array(x))
    chosen = [np.array([3, 3, 0, 19]), np.arange(20) % 3 == 0, slice(2, 5), np.zeros(0, int), slice(0, 0)]
    for some, form in itertools.product(chosen, (CSR, None)):
        part = rows[some] if form else rows[some][:]
        np.testing.assert_array_equal(_mlpc.numbers(part, None, "float64"), x[some])
        assert part.shape == x[some].shape
