"""Constructing networks: initial values by name and as arrays, seeds, and errors that name the argument."""

import numpy as np
import pytest

import mlpc


def test_the_same_seed_gives_the_same_network_and_another_another():
    a, b, c = (mlpc.MLP([5, 7, 3], seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(a.parameters, b.parameters)
    assert not np.array_equal(a.parameters, c.parameters)


def test_no_seed_draws_one_and_records_it():
    a, b = (mlpc.MLP([5, 7, 3], seed=None) for _ in range(2))
    assert a.seed != b.seed
    assert np.array_equal(a.parameters, mlpc.MLP([5, 7, 3], seed=a.seed).parameters)


@pytest.mark.parametrize("init", ["torch", "he", "glorot", "lecun", "orthogonal", "course", "zeros"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_names(init, dtype):
    net = mlpc.MLP([5, 7, 3], init=init, dtype=dtype)
    assert net.parameters.dtype == dtype and np.isfinite(net.parameters).all()
    assert net.layers[0].weight.any() == (init != "zeros")
    assert net.layers[0].bias.any() == (init == "torch")


def test_float32_values_are_the_float64_ones_rounded():
    single, double = (mlpc.MLP([5, 7, 3], dtype=dtype).parameters for dtype in ("float32", "float64"))
    assert np.array_equal(single, double.astype(np.float32))


def test_arrays_as_a_state_dict_and_in_order():
    other = mlpc.MLP([5, 7, 3], seed=4)
    state = other.state_dict()
    for init in (state, list(state.values()), tuple(state.values())):
        assert np.array_equal(mlpc.MLP([5, 7, 3], init=init).parameters, other.parameters)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([5],), ValueError, "sizes"),
        (([5, 0],), ValueError, "sizes"),
        (([5, 3.5],), TypeError, "sizes"),
        (([5, 4, 3], "rellu"), ValueError, "rellu"),
        (([5, 4, 3], ["relu", "relu"]), ValueError, "activation"),
    ],
)
def test_errors_of_the_plan(arguments, error, words):
    with pytest.raises(error, match=words):
        mlpc.MLP(*arguments)


@pytest.mark.parametrize(
    ("keywords", "error", "words"),
    [
        ({"loss": "crossentropy"}, ValueError, "loss.*cross_entropy.*'crossentropy'"),
        ({"dtype": "int32"}, (TypeError, ValueError), "int32"),
        ({"dtype": "float16"}, (TypeError, ValueError), "float16"),
        ({"init": "xavier"}, ValueError, "xavier"),
        ({"init": [np.zeros((3, 5))]}, ValueError, "init.*2 arrays"),
        ({"init": [np.zeros((5, 3)), np.zeros(3)]}, ValueError, r"0\.weight.*\(3, 5\).*\(5, 3\)"),
        ({"init": {"0.weight": np.zeros((3, 5))}}, ValueError, "missing.*0.bias"),
        ({"seed": -1}, ValueError, "seed"),
        ({"seed": 2**64}, ValueError, "seed"),
        ({"seed": 1.5}, TypeError, "seed"),
    ],
)
def test_errors_of_keywords(keywords, error, words):
    with pytest.raises(error, match=words):
        mlpc.MLP([5, 3], **keywords)


def test_repr():
    assert repr(mlpc.MLP([5, 4, 3], seed=7)) == "MLP([5, 4, 3], 'relu', loss='cross_entropy', dtype='float32', seed=7)"
    assert "['relu', 'tanh']" in repr(mlpc.MLP([5, 4, 4, 3], ["relu", "tanh"]))


def test_predictions_follow_the_loss():
    x = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    for loss in mlpc.losses.LOSSES:
        net = mlpc.MLP([5, 3], loss=loss)
        z, answer = net(x), net.predict(x)
        if loss == "cross_entropy":
            assert answer.dtype == np.int64 and np.array_equal(answer, z.argmax(axis=1))
            assert np.allclose(net.predict_proba(x).sum(axis=1), 1)
        elif loss == "bce_with_logits":
            assert answer.dtype == np.int64 and np.array_equal(answer, z > 0)
            assert np.array_equal(net.predict_proba(x) > 0.5, z > 0)
        else:
            assert np.allclose(answer, np.exp(z) if loss == "poisson" else z)
            with pytest.raises(ValueError, match="predict_proba"):
                net.predict_proba(x)


def test_train_and_eval_set_the_flag():
    net = mlpc.MLP([2, 2])
    assert net.training and not net.eval().training and net.train().training
