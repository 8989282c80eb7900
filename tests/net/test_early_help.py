"""fit says early, and once, what usually goes wrong; each kind by a category of its own."""

import warnings as filters

import numpy as np
import pytest

import mlpc
from mlpc import warnings

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4))
Y = X[:, 0] + 0.1 * RNG.normal(size=300)
LABELS = (Y > 0).astype(int)
OF_TABLES = ("ConstantColumnWarning", "LostDigitsWarning")  # see tests/tables
KINDS = [getattr(warnings, name) for name in warnings.__all__ if name not in OF_TABLES]


def warned_of(net, x, y, epochs=3, **options):
    """The warnings of a training, all of them this module's fault."""
    with filters.catch_warnings(record=True) as caught:
        filters.simplefilter("always")
        net.fit(x, y, epochs=epochs, progress=False, **options)
    assert all(each.filename == __file__ for each in caught)
    return [(each.category, str(each.message)) for each in caught]


def kinds_of(*arguments, **options):
    return [kind for kind, _ in warned_of(*arguments, **options)]


def classifier(**options):
    return mlpc.MLP([4, 8, 2], seed=1, **options)


def regressor(**options):
    return mlpc.MLP([4, 8, 1], loss="mse", seed=1, **options)


def dying(share=1.0):
    """A network, of whose eight units so many can only be 0."""
    net = classifier()
    net.layers[0].bias[: round(8 * share)] = -100
    return net


HUGE = X * [1, 1000, 1, 1]
TROUBLES = {
    warnings.UnscaledBytesWarning: (classifier, np.full((300, 4), 200, np.uint8), LABELS, {"lr": 1e-5}),
    warnings.FeatureScaleWarning: (classifier, HUGE, LABELS, {"lr": 1e-5}),
    warnings.TargetScaleWarning: (regressor, X, 1e4 * Y, {"lr": 1e-5}),
    warnings.StandstillWarning: (classifier, X, LABELS, {"lr": 1e-9}),
    warnings.DeadUnitsWarning: (dying, X, LABELS, {}),
}


def test_every_category_has_its_trouble():
    assert set(TROUBLES) == {kind for kind in KINDS if kind is not warnings.TrainingWarning}
    assert all(issubclass(kind, warnings.TrainingWarning) for kind in KINDS)


@pytest.mark.parametrize("kind", TROUBLES, ids=lambda kind: kind.__name__)
def test_each_can_be_silenced(kind):
    make, x, y, options = TROUBLES[kind]
    with pytest.warns(kind):
        make().fit(x, y, epochs=2, progress=False, **options)
    with filters.catch_warnings():
        filters.simplefilter("error")
        filters.simplefilter("ignore", kind)
        make().fit(x, y, epochs=2, progress=False, **options)


@pytest.mark.parametrize("kind", TROUBLES, ids=lambda kind: kind.__name__)
def test_the_bits_are_those_of_a_run_without(kind):
    make, x, y, options = TROUBLES[kind]
    helped, alone = make(), make()
    warned_of(helped, x, y, epochs=2, **options)
    with filters.catch_warnings():
        filters.simplefilter("ignore")
        run = mlpc.training.Run(alone, x, y, **options)
        run.epoch(), run.epoch()
    assert helped.digest() == alone.digest()


def test_what_a_forward_left_is_still_there():
    net = dying()
    assert kinds_of(net, X, LABELS) == [warnings.DeadUnitsWarning]
    with pytest.raises(RuntimeError):
        net.backward(np.ones((256, 2)))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            warnings.FeatureScaleWarning,
            r"x: expected features of like size, got column 1, which is about 7.7e\+02",
        ),
        (warnings.TargetScaleWarning, r"y: expected targets near 1 for mse, got some of about 7.8e\+03"),
        (warnings.StandstillWarning, r"the loss has not moved in an epoch: 0\.\d+, and then 0\.\d+, at .* rate 1e-09"),
        (warnings.DeadUnitsWarning, r"8 of the 8 units of hidden layer 1 \(ReLU\) give 0 for each of 256 rows"),
    ],
)
def test_it_is_said_in_words(kind, words):
    make, x, y, options = TROUBLES[kind]
    with pytest.warns(kind, match=f"^{words}"):
        make().fit(x, y, epochs=2, progress=False, **options)


# ---- When it is not said ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("net", "x", "y"),
    [
        (classifier(), X, LABELS),
        (classifier(), 20 * X, LABELS),
        (classifier(), X * [1, 0.0, 1e-6, 1], LABELS),
        (classifier(), 1000 * abs(X) * [1, 0, 1, 1], LABELS),
        (regressor(), X, Y),
        (regressor(), X, 20 * Y),
        (regressor(), X, 0 * Y),
        (mlpc.MLP([4, 1], loss="poisson"), X, RNG.poisson(300, 300)),
        (classifier(), X[:1], LABELS[:1]),
    ],
    ids=["standardised", "large", "a small one", "all large, one empty", "near 1", "near 20", "0", "counts", "one row"],
)
def test_what_does_no_harm_is_passed_over(net, x, y):
    assert kinds_of(net, x, y, lr=1e-4) == []


def test_images_as_bytes_are_warned_of_once():
    x = RNG.integers(0, 256, (300, 4)).astype(np.uint8) * np.array([1, 0, 1, 1], np.uint8)
    x[0, 1] = 1
    assert kinds_of(classifier(), x, LABELS, lr=1e-5) == [warnings.UnscaledBytesWarning]
    assert kinds_of(classifier(), x, LABELS, lr=1e-5, scale=1) == []
    assert kinds_of(classifier(), x, LABELS, lr=1e-2, scale=1 / 255) == []


def test_a_few_dead_units_are_usual():
    assert kinds_of(dying(0.25), X, LABELS) == []
    assert kinds_of(dying(0.5), X, LABELS) == [warnings.DeadUnitsWarning]


def test_few_rows_say_nothing_of_units():
    assert kinds_of(dying(), X[:255], LABELS[:255], epochs=2) == []


def test_units_after_the_only_epoch_are_not_looked_at():
    assert kinds_of(dying(), X, LABELS, epochs=1) == []


def test_units_of_other_activations_do_not_die():
    net = mlpc.MLP([4, 8, 8, 2], ["leaky_relu", "tanh"], seed=1)
    net.layers[0].bias[:] = -100
    assert kinds_of(net, X, LABELS, epochs=2) == []


def test_dead_units_of_bytes_with_a_scale():
    x = RNG.integers(0, 256, (300, 4)).astype(np.uint8)
    net = dying()
    net.layers[0].bias[:] = -20  # more than bytes / 255 can make up for, and less than bytes can
    assert kinds_of(net, x, LABELS, scale=1 / 255) == [warnings.DeadUnitsWarning]


def test_a_learning_rate_of_0_is_meant():
    assert kinds_of(classifier(), X, LABELS, lr=0.0) == []
    assert kinds_of(classifier(), X, LABELS, lr=lambda t: 0.0 if t < 1 else 0.01) == []


def test_only_the_first_fit_says_it():
    net = dying()
    assert kinds_of(net, HUGE, LABELS, lr=1e-5) != []
    assert kinds_of(net, HUGE, LABELS, lr=1e-5) == []


def test_neither_a_run_nor_a_sweep_nor_no_epoch_says_it():
    with filters.catch_warnings():
        filters.simplefilter("error")
        mlpc.training.Run(classifier(), HUGE, LABELS, lr=1e-5).epoch()
        classifier().fit(HUGE, LABELS, epochs=0)
        pytest.importorskip("pandas")
        mlpc.sweep({"a": {"sizes": [4, 8, 2], "lr": 1e-9, "epochs": 2}}, (HUGE, LABELS), progress=False)


def test_it_takes_no_part_in_what_is_written_down(tmp_path):
    """A run that fit began can be continued by one without, and the other way round."""
    path = tmp_path / "run.npz"
    classifier().fit(X, LABELS, epochs=2, progress=False, resume=path)
    keys = set(mlpc.training.Run(classifier(), X, LABELS).state_dict())
    net = classifier()
    history = net.fit(X, LABELS, epochs=3, progress=False, resume=path)
    assert history.epochs == 3
    assert not [key for key in keys if "Help" in key]


def test_masks_and_norms_are_those_of_a_run_without():
    """The look at the units is in eval mode, and draws nothing."""
    helped, alone = (mlpc.MLP([4, 8, 2], norm="batch", dropout=0.5, input_dropout=0.1, seed=1) for _ in range(2))
    warned_of(helped, X, LABELS, epochs=2, input_noise=0.1)
    run = mlpc.training.Run(alone, X, LABELS, input_noise=0.1)
    run.epoch(), run.epoch()
    assert helped.digest() == alone.digest() and helped.masks_drawn == alone.masks_drawn
