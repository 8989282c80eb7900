"""What messages say: the argument, what was expected, what came and, where there is a way, what to do."""

import re
import warnings

import numpy as np
import pytest

import mlpc
from mlpc import course
from mlpc.arguments import any_array, finite, real_array

X = np.random.default_rng(0).normal(size=(200, 4))
Y = np.arange(200) % 3


def says(error, text):
    return pytest.raises(error, match=f"^{re.escape(text)}")


def net(loss="cross_entropy", n_out=3, **options):
    return mlpc.MLP([4, 8, n_out], loss=loss, **options)


# ---- Numbers that are not finite -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f8", np.longdouble])
def test_the_place_of_a_number_that_is_not_finite(value, dtype):
    x = X.astype(dtype)
    x[150, 2] = value
    message = f"x: expected finite numbers, got {value} at row 150, column 2"
    for call in (
        lambda: net().fit(x, Y),
        lambda: net().evaluate(x, Y),
        lambda: mlpc.lr_range_test(net(), x, Y),
        lambda: mlpc.gradcheck(net(), x, Y),
    ):
        with says(ValueError, message):
            call()
    with says(ValueError, f"validation_data: {message}"):
        net().fit(X, Y, validation_data=(x, Y))


def test_the_first_of_many_in_a_large_array():
    x = np.zeros((3000, 1000), np.float32)
    x[2500:, 7] = np.nan
    with says(ValueError, "x: expected finite numbers, got nan at row 2500, column 7"):
        finite("x", x, x.dtype)


def test_a_number_beyond_float32_is_said_as_what_it_is():
    x = X.copy()
    x[1, 3] = 1e39
    with says(ValueError, "x: expected finite numbers, got 1e+39, too large for float32, at row 1, column 3"):
        net().fit(x, Y)
    assert net(dtype="float64").evaluate(x, Y)[1] is not None


def test_bytes_and_integers_are_always_finite():
    assert net().evaluate(X.astype(np.int64), Y) == net().evaluate(X.astype(np.int64).astype(float), Y)
    x = np.arange(800).reshape(200, 4).astype(np.uint8)
    assert net().evaluate(x, Y, scale=0.5) == net().evaluate(x * np.float32(0.5), Y)


# ---- Missing values --------------------------------------------------------------------------------------------------


class Hiding(np.ndarray):
    """Like the masked arrays of other packages: an array with a mask that NumPy knows nothing of."""

    mask = np.zeros(0, bool)


def test_arrays_with_masks():
    masked = np.ma.masked_less(X, -1)
    n = masked.mask.sum()
    with says(ValueError, f"x: expected no masked elements, got {n} of 800; fill them, or leave their rows out"):
        net().fit(masked, Y)
    with says(ValueError, "x: expected no masked elements, got"):
        net().fit(list(masked), Y)
    hiding = X.view(Hiding)
    assert real_array("x", hiding).base is not None
    hiding.mask = X < -1
    with says(ValueError, f"x: expected no masked elements, got {n} of 800"):
        net().predict(hiding)


def test_what_becomes_an_array_with_a_mask():
    class Becoming:
        def __array__(self, dtype=None, copy=None):
            return np.ma.masked_less(X, -1)

    with says(ValueError, "x: expected no masked elements, got"):
        net().predict(Becoming())


def test_an_array_that_masks_nothing_is_the_plain_one():
    for same in (np.ma.array(X), np.ma.array(X, mask=np.zeros_like(X, bool)), list(np.ma.array(X))):
        np.testing.assert_array_equal(net().forward(same), net().forward(X))
    assert np.shares_memory(any_array("x", np.ma.array(X)), X)


def test_tables_of_pandas():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcd"))
    table["b"] = table["b"] > 0
    plain = table.astype(float).to_numpy()
    for column in (table["b"], table["b"].astype("boolean"), table["b"].astype("Int64")):
        table["b"] = column
        np.testing.assert_array_equal(net().forward(table), net().forward(plain))
        assert real_array("x", table).dtype == np.float64
    table.loc[3, "b"] = pandas.NA
    with says(ValueError, "x: expected no missing values, got 1 of 200 in column 'b'; fill them, or leave"):
        net().predict_proba(table)
    with says(ValueError, "y: expected no missing values, got 1 of 200; fill them"):
        net("mse", 1).fit(X, table["b"])
    with says(ValueError, "y: expected no missing values, got 1 of 2"):
        real_array("y", pandas.array([1, None]))
    table["b"] = "text"
    with says(TypeError, f"x: expected real numbers, got dtype {table['b'].dtype} in column 'b'"):
        net().fit(table, Y)
    table["b"] = pandas.Timestamp("2020-01-01")
    with says(TypeError, f"x: expected real numbers, got dtype {table['b'].dtype} in column 'b'"):
        net().fit(table, Y)
    narrow = pandas.DataFrame({"a": np.float32([0.5, 1.5]), "b": [True, False]})
    assert real_array("x", narrow).dtype == np.float32
    np.testing.assert_array_equal(real_array("x", narrow), [[0.5, 1], [1.5, 0]])


# ---- What is no array of numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array([[1, None]], object), "dtype object with None at [0, 1]"),
        (np.array([[1, 2.5]], object), "dtype object; x.astype(float) makes numbers of it"),
        (None, "dtype object with None"),
        ({"a": 1}, "dtype object with {'a': 1}"),
        (np.zeros(2, [("age", int), ("size", float)]), "fields age, size; "),
        ([["a"]], "dtype <U1"),
        ([[1j]], "dtype complex128"),
    ],
)
def test_what_holds_no_numbers(value, message):
    with says(TypeError, f"x: expected real numbers, got {message}"):
        net().fit(value, Y)


def test_what_is_no_array():
    with says(TypeError, "x: expected an array, got a generator; np.array(list(x)) makes one"):
        net().fit((row for row in X), Y)
    with says(ValueError, "x: expected rows of equal length, got [[1, 2], [3]]"):
        net().fit([[1, 2], [3]], Y)
    sparse = pytest.importorskip("scipy.sparse").csr_matrix(X)
    with says(TypeError, "y: expected an array, got a sparse csr_matrix; y.toarray() makes one"):
        net().fit(X, sparse)


def test_labels_of_text():
    names = np.array(["cat", "dog", "eel"])[Y]
    hint = "; classes, y = np.unique(y, return_inverse=True) numbers the classes"
    with says(TypeError, f"y: expected real numbers, got dtype <U3{hint}"):
        net().fit(X, names)
    with says(TypeError, f"y: expected real numbers, got dtype object with 'cat' at [0]{hint}"):
        net().fit(X, names.astype(object))


def test_tensors():
    torch = pytest.importorskip("torch")
    x, y = torch.tensor(X, requires_grad=True), torch.tensor(Y)
    assert net().loss_and_grad(x, y) == net().loss_and_grad(X, Y)
    assert net().evaluate(x, y) == net().evaluate(X, Y)
    np.testing.assert_array_equal(net().predict(x), net().predict(X))
    np.testing.assert_array_equal(net().predict_proba(x), net().predict_proba(X))
    z = torch.tensor(X, requires_grad=True)
    assert mlpc.losses.mse(z, z)[0] == 0
    with says(TypeError, "x: expected an array: Can't call numpy() on Tensor that requires grad. Use tensor.detach()"):
        net().predict([x[0], x[1]])
    with says(TypeError, "x: expected an array: can't convert Sparse layout tensor to numpy. Use Tensor.to_dense()"):
        net().predict(torch.tensor(X).to_sparse())
    with says(TypeError, "x: expected an array: Got unsupported ScalarType BFloat16"):
        net().predict(torch.tensor(X).bfloat16())


# ---- Networks --------------------------------------------------------------------------------------------------------


def test_sizes_and_activations():
    with says(TypeError, "sizes: expected a list of integers like [784, 100, 10], got 784"):
        mlpc.MLP(784, [100, 10])
    with says(TypeError, "sizes: expected a list of integers like [784, 100, 10], got '784'"):
        mlpc.MLP("784")
    for sizes in ([64, 10], [64, 32, 10]):
        with says(ValueError, "activation: expected one of identity, relu,"):
            mlpc.MLP(sizes, "foo")
    for name in ("foo", 3, ["relu"]):
        with says(ValueError, "activation: expected one of identity, relu,") as met:
            mlpc.MLP([64, 32, 10], [name])
        assert str(met.value).endswith(f", got {name!r}")
    with says(TypeError, "sizes[1]: expected an integer, got 32.5"):
        mlpc.MLP([64, 32.5, 10])
    with says(TypeError, "dtype: expected float32 or float64, got 'single precision'"):
        mlpc.MLP([64, 10], dtype="single precision")
    with says(TypeError, "activation: expected a name, an activation of mlpc.layers, or a list of these, got None"):
        mlpc.MLP([64, 10], None)
    assert mlpc.MLP([64, 10], "tanh").activations == ()


def test_what_no_forward_has_left():
    made = net()
    made.predict(X)
    with says(RuntimeError, "input, output: there is no forward whose numbers could be seen; call forward first"):
        _ = made.layers[0].output


@pytest.mark.parametrize("loss", ["bce_with_logits", "mse"])
def test_class_weights_belong_to_classes(loss):
    message = f"class_weight: expected None with {loss}, since it belongs to cross_entropy"
    y = (Y > 0).astype(float)
    for call in ("fit", "evaluate"):
        with says(ValueError, message):
            getattr(net(loss, 1), call)(X, y, class_weight=[1.0])


def test_class_weights_are_given_once():
    made = net(mlpc.losses.CrossEntropy(class_weight=[1.0, 2.0]))
    for call in ("fit", "evaluate"):
        with says(ValueError, "class_weight: expected None beside a loss with its own, got [1.0, 1.0]"):
            getattr(made, call)(X, Y, class_weight=[1.0, 1.0])


@pytest.mark.parametrize("call", ["fit", "evaluate"])
@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (Y + 1, ValueError, "y: label 3 at row 2 is outside 0..2"),
        (Y - 1, ValueError, "y: label -1 at row 0 is outside 0..2"),
        (Y * 10**15, ValueError, "y: label 1000000000000000 at row 1 is outside 0..2"),
        (Y.astype(float), TypeError, "y: expected integer labels, got dtype float64"),
        (Y[:, None], ValueError, "y: expected shape (n,), got (200, 1)"),
        (np.eye(3)[Y], ValueError, "class_weight: expected labels to balance, got targets of shape (200, 3)"),
    ],
)
def test_labels_are_checked_before_they_are_balanced(call, y, error, message):
    with says(error, message):
        getattr(net(), call)(X, y, class_weight="balanced")


@pytest.mark.parametrize("dtype", ["uint64", "int8"])
def test_labels_of_any_integers_are_balanced(dtype):
    y = np.array([0, 0, 0, 1, 1, 2], dtype)
    balanced, explicit = (net(seed=1).evaluate(X[:6], y, class_weight=w) for w in ("balanced", [2 / 3, 1, 2]))
    assert balanced == explicit


# ---- Training --------------------------------------------------------------------------------------------------------


def test_callbacks():
    with says(TypeError, "callbacks: expected a list of callables, got <function"):
        net().fit(X, Y, callbacks=lambda net, history: None)


def test_lengths_that_differ():
    for call in (net().fit, net().evaluate, lambda x, y: mlpc.lr_range_test(net(), x, y)):
        with says(ValueError, "y: expected 100 rows"):
            call(X[:100], Y)
        with says(ValueError, "y: expected 200 rows"):
            call(X, Y[:100])


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        (np.nan, "expected finite numbers >= 0, got nan at row 7"),
        (-1, "expected finite numbers >= 0, got -1.0 at row 7"),
        (0, "expected a positive sum, got 0.0"),
    ],
)
def test_weights_that_are_none(weight, said):
    weights = np.zeros(200)
    weights[7] = weight
    for call in (net().fit, net().evaluate):
        with says(ValueError, f"sample_weight: {said}"):
            call(X, Y, sample_weight=weights)


def test_one_number_is_no_column_of_targets():
    with says(ValueError, "y: expected 200 rows, as many as x has, got one number"):
        net().fit(X, 1)


def test_an_optimizer_without_a_step_of_its_own():
    class Own(mlpc.optim.Optimizer):
        pass

    with says(NotImplementedError, "Own: expected a step that mlpc computes"):
        Own(net(), 0.1)


def test_a_schedule_without_a_rate_of_its_own():
    class Own(mlpc.schedules.Schedule):
        pass

    made = net()
    with pytest.raises(NotImplementedError, match=r"^Own"):
        made.fit(X, Y, lr=Own(0.1), progress=False)


def test_bytes_without_a_scale_get_one_warning():
    x = np.arange(800).reshape(200, 4).astype(np.uint8)
    message = "x: expected uint8 with a scale, or numbers near 0 and 1, got uint8 that counts as the numbers 0 to 255"
    with warnings.catch_warnings(record=True) as met:
        warnings.simplefilter("default")
        for _ in range(3):
            net().fit(x, Y, epochs=1, lr=1e-5, progress=False)
        mlpc.lr_range_test(net(), x, Y, lr_min=1e-9, lr_max=1e-6)
        course.train_eval(course.MLP([4, 3]), 1e-5, 1, 10, (x, Y), (x, Y))
    assert [warning.filename for warning in met] == [__file__] * 3
    assert all(str(warning.message).startswith(message) for warning in met)
    net().fit(x, Y, epochs=1, scale=1, lr=1e-5, progress=False)  # said to be numbers
    net().fit(x % 2, Y, epochs=1, lr=1e-5, progress=False)


def test_bytes_of_a_sweep_get_one_warning_and_are_the_numbers():
    """None comes from where it trains: no line of the caller's stands behind a thread."""
    pytest.importorskip("pandas")
    x = np.arange(800).reshape(200, 4).astype(np.uint8)
    variants = {"a": {"sizes": [4, 3]}, "b": {"sizes": [4, 2, 3], "dtype": "float64"}}
    with warnings.catch_warnings(record=True) as met:
        warnings.simplefilter("always")
        table = mlpc.sweep(variants, (x, Y), validation_data=(x, Y), lr=1e-5, epochs=1, progress=False)
    assert [warning.filename for warning in met] == [__file__]
    numbers = (x.astype(float), Y)
    plain = mlpc.sweep(variants, numbers, validation_data=numbers, lr=1e-5, epochs=1, progress=False)
    assert list(table["digest"]) == list(plain["digest"]) and list(table["val_loss"]) == list(plain["val_loss"])


# ---- Elsewhere -------------------------------------------------------------------------------------------------------


def test_a_share_is_no_number_of_rows():
    with says(TypeError, "n_validation: expected a number of rows, got 0.2; that share of y is 40"):
        mlpc.datasets.stratified_split(Y, 0.2)
    with says(TypeError, "n_validation: expected an integer, got 40.0"):
        mlpc.datasets.stratified_split(Y, 40.0)


@pytest.mark.parametrize("y", [[0.0, np.nan, 1.0], ["a", None, "b"]])
def test_a_split_wants_all_labels(y):
    with says(ValueError, f"y: expected a label in each row, got {y[1]} at row 1"):
        mlpc.datasets.stratified_split(y, 1)


def test_labels_of_train_eval():
    model = course.MLP([4, 8, 3])
    for y, hint in ((Y[:, None], "y[:, 0] makes them"), (np.eye(3)[Y], "y.argmax(axis=1), where they are one-hot, ")):
        shape = y.shape
        with says(ValueError, f"training_set: expected labels y of shape (n,), got {shape}; {hint}"):
            course.train_eval(model, 0.1, 1, 10, (X, y), (X, Y))
        with says(ValueError, f"validation_set: expected labels y of shape (n,), got {shape}; {hint}"):
            course.train_eval(model, 0.1, 1, 10, (X, Y), (X, y))


def test_two_samples_are_a_dataset_too():
    two = [(X[0], 1), (X[1], 0)]
    np.random.seed(0)  # noqa: NPY002
    assert len(course.train_eval(course.MLP([4, 3]), 0.1, 2, 1, two, two).cost_train) == 2


@pytest.mark.parametrize("reduction", [1.0, 2.0, np.float64(0.5)], ids=str)
def test_a_reduction_that_is_a_number(reduction):
    """To the extension it multiplies the mean, which is for the estimators alone."""
    z = np.zeros((200, 3))
    for call in (
        lambda: mlpc.losses.cross_entropy(z, Y, reduction=reduction),
        lambda: net().loss_and_grad(X, Y, reduction=reduction),
    ):
        with says(TypeError, f"reduction: expected 'sum' or 'mean', got {reduction!r}"):
            call()
