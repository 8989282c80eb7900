"""A loss of the user's own, with its derivative or differentiated by others, against the losses that mlpc has."""

import copy
import doctest
import os
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import mlpc
from mlpc.losses import Custom, by_jax, by_torch

rng = np.random.default_rng(0)
x, y = rng.normal(size=(90, 6)), rng.normal(size=(90, 3))


def squares(z, targets):
    """What mlpc's own mse computes, to the bit."""
    return mlpc.losses.mse(z, targets)


def net(loss=squares, **settings):
    return mlpc.MLP([6, 7, 3], "tanh", loss=loss, seed=3, **settings)


# ---- The same as the core's own path ---------------------------------------------------------------------------------


def trained(loss, **arguments):
    made = net(loss, dtype=arguments.pop("dtype", "float32"))
    made.fit(x, y, **{"epochs": 4, "batch_size": 16, "lr": 0.05} | arguments)
    return made


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"dtype": "float64", "optimizer": "adam"},
        {"lr": mlpc.schedules.Cosine(0.1, epochs=4, warmup=1), "optimizer": "rmsprop"},
        {"shuffle": False, "batch_size": 90},
        {"seed": 7, "batch_size": 1},
    ],
    ids=str,
)
def test_fit_has_the_bits_of_the_built_in_loss(arguments):
    own, built_in = trained(squares, **arguments), trained("mse", **arguments)
    assert own.digest() == built_in.digest()
    assert own.shuffle_state == built_in.shuffle_state
    np.testing.assert_allclose(own.history["loss"], built_in.history["loss"], rtol=1e-15)
    assert own.history["lr"] == built_in.history["lr"]


@pytest.mark.parametrize("pixels", [False, True])
def test_dropout_and_noise_have_the_bits_of_the_built_in_loss(pixels):
    data = rng.integers(0, 256, (90, 6), np.uint8) if pixels else x
    made = []
    for loss in (squares, "mse"):
        each = mlpc.MLP([6, 7, 3], "tanh", loss=loss, dropout=0.4, input_dropout=0.2, seed=3)
        each.fit(data, y, epochs=2, batch_size=16, input_noise=0.1, scale=1 / 255 if pixels else None)
        each.fit(data, y, epochs=1, batch_size=16, scale=1 / 255 if pixels else None)
        made.append(each)
    assert made[0].digest() == made[1].digest()
    assert made[0].masks_drawn == made[1].masks_drawn == 18
    assert not made[0].training
    for each in made:
        each.train().loss_and_grad(x, y)
    assert (made[0].gradients == made[1].gradients).all()


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_norms_have_the_bits_of_the_built_in_loss(norm):
    """With batch norm the last row joins the batch before it."""
    data, targets = np.vstack([x, x[:1]]), np.vstack([y, y[:1]])
    made = [mlpc.MLP([6, 7, 3], "tanh", loss=loss, norm=norm, dropout=0.2, seed=3) for loss in (squares, "mse")]
    for each in made:
        each.fit(data, targets, epochs=3, batch_size=15, optimizer="adam", validation_data=(x, y))
    states = [each.state_dict() for each in made]
    for key in states[0]:
        np.testing.assert_array_equal(states[0][key], states[1][key], err_msg=key)
    assert made[0].masks_drawn == made[1].masks_drawn
    assert made[0].history["val_loss"] == made[1].history["val_loss"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, mlpc.DivergenceError])
def test_running_statistics_go_back_with_the_parameters(error):
    calls = []

    def fails(z, t):
        calls.append(1)
        loss, dz = mlpc.losses.mse(z, t)
        if len(calls) == 10:
            if error is KeyboardInterrupt:
                raise error
            loss = np.nan
        return loss, dz

    made, other = (mlpc.MLP([6, 7, 3], "tanh", loss=loss, norm="batch", seed=3) for loss in (fails, "mse"))
    with pytest.raises(error):
        made.fit(x, y, epochs=3, batch_size=15, shuffle=False)  # in the second epoch of 6 batches, 3 of them whole
    other.fit(x, y, epochs=1, batch_size=15, shuffle=False)
    if error is KeyboardInterrupt:
        other.fit(x[:45], y[:45], epochs=1, batch_size=15, shuffle=False)
    mine, expected = made.state_dict(), other.state_dict()
    for key in mine:
        np.testing.assert_array_equal(mine[key], expected[key], err_msg=key)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_number_of_threads_gives_the_same_bits(threads):
    before = mlpc.get_num_threads()
    mlpc.set_num_threads(threads)
    try:
        assert trained(squares).digest() == trained("mse").digest()
    finally:
        mlpc.set_num_threads(before)


def test_a_loss_given_to_fit_replaces_the_networks_own():
    made = net("mae")
    made.fit(x, y, loss=squares, epochs=4, batch_size=16, lr=0.05)
    assert made.digest() == trained("mse").digest()
    assert made.loss_name == "mae"


def test_bytes_with_a_scale():
    pixels = rng.integers(0, 256, (90, 6), np.uint8)
    one, other = net(), net("mse")
    for made in (one, other):
        made.fit(pixels, y, epochs=2, scale=1 / 255, validation_data=(pixels[:9], y[:9]))
    assert one.digest() == other.digest()
    assert one.history["val_loss"] == other.history["val_loss"]


def test_calls_one_by_one():
    one, other = net(), net("mse")
    assert one.loss_and_grad(x, y) == other.loss_and_grad(x, y)
    assert (one.gradients == other.gradients).all()
    assert (one.backward() == other.backward()).all()
    one.forward(x[:5]), other.forward(x[:5])
    assert one.loss(y[:5]) == other.loss(y[:5])
    assert (one.backward(accumulate=True) == other.backward(accumulate=True)).all()
    assert (one.gradients == other.gradients).all()
    assert one.evaluate(x, y) == other.evaluate(x, y)
    assert other.evaluate(x, y, loss=squares) == other.evaluate(x, y)


def test_outputs_are_predictions():
    made = net()
    assert (made.predict(x) == made(x)).all()
    assert (made.freeze().predict(x) == made(x)).all()
    with pytest.raises(ValueError, match="predict_proba: expected a loss of classification, got squares"):
        made.predict_proba(x)


def test_gradcheck_finds_a_wrong_derivative():
    assert mlpc.gradcheck(net(), x[:3], y[:3]).ok
    assert not mlpc.gradcheck(net(lambda z, t: (np.mean((z - t) ** 2), z - t)), x[:3], y[:3]).ok


def test_fit_keeps_gradients_where_they_are_asked_for():
    made, other = net(), net("mse")
    made.gradients[:] = 5
    made.fit(x, y, epochs=1, batch_size=16)
    assert (made.gradients == 5).all()
    for each in (made, other):
        each.fit(x, y, epochs=1, batch_size=16, keep_gradients=True)
    made, other = net(), net("mse")
    for each in (made, other):
        each.fit(x, y, epochs=1, batch_size=16, keep_gradients=True)
    assert (made.gradients == other.gradients).all()


def test_what_the_function_is_given():
    seen = []

    def looks(z, targets):
        seen.append((z.shape, z.dtype, targets.shape, targets.dtype))
        z += 1  # its own
        return 0.0, np.zeros(z.shape)

    made = net(looks)
    before = made.digest()
    made.fit(x, np.full((90, 2, 2), np.nan), epochs=1, batch_size=60)
    made.fit(x, np.arange(90, dtype=np.uint8), epochs=1, batch_size=60)
    shapes = [((60, 3), (60, 2, 2)), ((30, 3), (30, 2, 2)), ((60, 3), (60,)), ((30, 3), (30,))]
    assert [(z, t) for z, _, t, _ in seen] == shapes
    assert [(z.name, t.name) for _, z, _, t in seen] == [("float32", "float32")] * 2 + [("float32", "int64")] * 2
    assert made.digest() == before


def test_subnormal_derivatives_count_as_zero():
    _, dz = Custom(lambda z, t: (0.0, np.array([[1e-39, -1e-39, 2e-38]])))(np.zeros((1, 3), np.float32), [0])
    assert dz.tolist() == [[0, 0, np.float32(2e-38)]]


# ---- When something goes wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("returned", [(np.nan, 0.0), (1.0, np.inf), (np.inf, 0.0)])
def test_what_is_not_finite_is_a_divergence(returned):
    calls = []

    def diverges(z, t):
        calls.append(1)
        loss, dz = mlpc.losses.mse(z, t)
        return (loss, dz) if len(calls) < 9 else (returned[0], dz + returned[1])

    made, other = net(diverges), net("mse")
    other.fit(x, y, epochs=1, batch_size=16)
    optimizer = mlpc.optim.Adam(made)
    other = net("mse")
    with pytest.raises(mlpc.DivergenceError, match="diverged in epoch 2"):
        made.fit(x, y, epochs=3, batch_size=16, optimizer=optimizer)
    other.fit(x, y, epochs=1, batch_size=16, optimizer="adam")
    assert made.digest() == other.digest()
    assert made.history.epochs == 1
    assert optimizer.state["steps"] == 6


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("error", [KeyboardInterrupt, Interrupted])
def test_after_an_interrupt_all_is_as_after_the_last_whole_batch(error):
    calls = []

    def interrupts(z, t):
        calls.append(1)
        if len(calls) == 4:
            raise error
        return mlpc.losses.mse(z, t)

    made, other = net(interrupts), net("mse")
    made.gradients[:] = 5
    optimizer = mlpc.optim.SGD(made, 0.1, momentum=0.9)
    with pytest.raises(error):
        made.fit(x, y, epochs=1, batch_size=16, shuffle=False, optimizer=optimizer)
    other.fit(
        x[:48], y[:48], epochs=1, batch_size=16, shuffle=False, optimizer=mlpc.optim.SGD(other, 0.1, momentum=0.9)
    )
    assert made.digest() == other.digest()
    assert made.history.epochs == optimizer.epochs == 0
    assert made.shuffle_state == (3, 0)
    assert (made.gradients == 5).all()


@pytest.mark.parametrize(
    ("returns", "error", "message"),
    [
        (1.0, TypeError, r"loss: expected \(loss, dz\) from Custom\(<lambda>\), got float"),
        (([1.0, 2.0], np.zeros((90, 3))), ValueError, r"loss of Custom.*: expected a number, got shape \(2,\)"),
        (("a", np.zeros((90, 3))), TypeError, "loss of Custom.*: expected real numbers, got dtype <U1"),
        ((1.0, np.zeros((90, 2))), ValueError, r"dz of Custom.*: expected shape \(90, 3\), got \(90, 2\)"),
        ((1.0, None), TypeError, "dz of Custom.*: expected real numbers, got dtype object"),
    ],
)
def test_what_a_function_may_return(returns, error, message):
    with pytest.raises(error, match=message):
        net(lambda z, t: returns).fit(x, y, batch_size=90)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: net(3), TypeError, r"loss: expected a name, a loss or a function \(z, y\) -> \(loss, dz\), got 3"),
        (lambda: Custom("mse"), TypeError, "function: expected a function .*, got 'mse'"),
        (lambda: Custom(squares, name=3), TypeError, "name: expected a text, got 3"),
        (
            lambda: net().fit(x, y, sample_weight=np.ones(90)),
            ValueError,
            r"sample_weight: expected None with Custom\(squa",
        ),
        (
            lambda: net().fit(x, y, class_weight=[1, 1, 1]),
            ValueError,
            r"class_weight: expected None with Custom\(squares",
        ),
        (lambda: net().evaluate(x, y, class_weight="balanced"), ValueError, "class_weight: expected None"),
        (lambda: net().loss_and_grad(x, y, reduction="sum"), ValueError, "reduction: expected 'mean' with Custom"),
        (
            lambda: net().loss_and_grad(x, y[:9]),
            ValueError,
            r"y: expected 90 rows, as many as z has, got shape \(9, 3\)",
        ),
        (lambda: net().fit(x, y, validation_data=(x, y[:9])), ValueError, "validation_data: y: expected 90 rows"),
        (lambda: net().loss(y), RuntimeError, "there is no forward before it|no forward"),
        (lambda: mlpc.testing.compare_with_torch(net(), x, y), ValueError, "loss: expected one of mlpc.losses"),
    ],
)
def test_errors_name_argument_expectation_and_value(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---- Files, copies, pickles ------------------------------------------------------------------------------------------


def test_a_file_has_the_name_alone(tmp_path):
    path, made = tmp_path / "net.npz", trained(squares)
    made.save(path)
    with pytest.raises(
        ValueError, match="loss: expected the function 'squares', which no file can hold, as loss=, got"
    ):
        mlpc.load(path)
    again = mlpc.load(path, loss=squares)
    assert again.digest() == made.digest()
    assert again.criterion == made.criterion
    assert mlpc.load(path, loss="mae").loss_name == "mae"


def test_a_broken_training_goes_on_where_it_is_given_again(tmp_path):
    path, arguments = os.fspath(tmp_path / "run.npz"), {"batch_size": 16, "optimizer": "adam"}
    net().fit(x, y, epochs=2, resume=path, **arguments)
    resumed = net()
    resumed.fit(x, y, epochs=4, resume=path, **arguments)
    assert resumed.digest() == trained(squares, optimizer="adam", lr=None).digest()
    with pytest.raises(ValueError, match=r"state: expected one of this run, with network .*Custom.<lambda>"):
        net(lambda z, t: squares(z, t)).fit(x, y, epochs=6, resume=path, **arguments)
    assert mlpc.load(path, loss=squares).digest() == resumed.digest()


def test_copies_and_pickles():
    made = net()
    for twin in (made.copy(), copy.deepcopy(made)):
        assert twin.criterion == made.criterion
    assert copy.deepcopy(net(lambda z, t: (0.0, z))).loss_name == "<lambda>"
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(net(lambda z, t: (0.0, z)))
    kept = pickle.loads(pickle.dumps(net(mlpc.losses.mse)))
    assert kept.loss_and_grad(x, y) == net("mse").loss_and_grad(x, y)


# ---- Differentiated elsewhere ----------------------------------------------------------------------------------------


def test_torch_differentiates():
    torch = pytest.importorskip("torch")
    own = net(by_torch(torch.nn.functional.mse_loss), dtype="float64")
    own.fit(x, y, epochs=4, batch_size=16, lr=0.05)
    built_in = trained("mse", dtype="float64")
    np.testing.assert_allclose(own.parameters, built_in.parameters, rtol=1e-12)
    np.testing.assert_allclose(own.history["loss"], built_in.history["loss"], rtol=1e-12)
    assert own.loss_name == "mse_loss"


def test_torch_differentiates_for_labels_and_without_grad_mode():
    torch = pytest.importorskip("torch")
    labels = rng.integers(0, 3, 90)
    own = net(by_torch(torch.nn.CrossEntropyLoss(), "softmax"), dtype="float64")
    with torch.no_grad():
        loss = own.loss_and_grad(x, labels)
    other = net("cross_entropy", dtype="float64")
    assert loss == pytest.approx(other.loss_and_grad(x, labels), rel=1e-14)
    np.testing.assert_allclose(own.gradients, other.gradients, rtol=1e-12, atol=1e-15)


def test_a_torch_function_that_gives_no_tensor():
    pytest.importorskip("torch")
    with pytest.raises(TypeError, match="loss: expected a tensor from <lambda>, got float"):
        net(by_torch(lambda z, t: 1.0)).fit(x, y)
    with pytest.raises(TypeError, match=r"function: expected a function .*, got 'mse'"):
        by_torch("mse")


@pytest.fixture(params=[False, True], ids=["float32", "float64"])
def jax(request):
    """JAX, which computes in float32 and then in float64."""
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", request.param)
    yield jax
    jax.config.update("jax_enable_x64", before)


def mean_square(z, t):
    return ((z - t) ** 2).mean()


@pytest.mark.parametrize("compiled", [False, True], ids=["as it is", "compiled"])
def test_jax_differentiates(jax, compiled, dtype):
    """Batches of 16 rows, and a last one of 10."""
    dtype = np.dtype(dtype).name
    own = net(by_jax(jax.jit(mean_square) if compiled else mean_square), dtype=dtype)
    own.fit(x, y, epochs=4, batch_size=16, lr=0.05)
    built_in = trained("mse", dtype=dtype)
    within = 1e-12 if dtype == "float64" and jax.config.jax_enable_x64 else 1e-5
    np.testing.assert_allclose(own.parameters, built_in.parameters, rtol=within, atol=within)
    np.testing.assert_allclose(own.history["loss"], built_in.history["loss"], rtol=within)
    assert own.loss_name == "mean_square"


def test_jax_differentiates_for_labels(jax):
    labels = rng.integers(0, 3, 90)

    def entropy(z, t):
        return -jax.numpy.take_along_axis(jax.nn.log_softmax(z), t[:, None], axis=1).mean()

    own, other = net(by_jax(entropy), dtype="float64"), net("cross_entropy", dtype="float64")
    within = 1e-12 if jax.config.jax_enable_x64 else 1e-5
    assert own.loss_and_grad(x, labels) == pytest.approx(other.loss_and_grad(x, labels), rel=within)
    np.testing.assert_allclose(own.gradients, other.gradients, rtol=within, atol=within)


def test_a_jax_function_that_gives_no_number(jax):
    for function, got in ((lambda z, t: z - t, r"shape \(64, 3\)"), (lambda z, t: "loss", "str")):
        with pytest.raises(TypeError, match=f"loss: expected a number from <lambda>, got {got}"):
            net(by_jax(function)).fit(x, y)


def test_a_loss_of_jax_is_pickled(jax):
    kept = pickle.loads(pickle.dumps(net(by_jax(mean_square))))
    assert kept.loss_and_grad(x, y) == net(by_jax(mean_square)).loss_and_grad(x, y)


def test_the_example_of_jax_in_the_docs_runs(jax):
    """It is skipped there, where there may be no JAX."""
    text = (Path(__file__).parents[2] / "docs/training.md").read_text()
    (block,) = (block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "import jax" in block)
    names = {"mlpc": mlpc, "t": np.linspace(-1, 1, 50)[:, None]}
    example = doctest.DocTestParser().get_doctest(block.replace("# doctest: +SKIP", ""), names, "jax", None, None)
    assert doctest.DocTestRunner().run(example, clear_globs=False).failed == 0
    assert example.globs["history"]["loss"][-1] < example.globs["history"]["loss"][0] / 20


def test_without_jax(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ImportError, match="by_jax needs JAX: pip install jax"):
        by_jax(squares)
