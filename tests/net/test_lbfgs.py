"""L-BFGS in fit, against SciPy's own loop over the network; and what goes with it, and what does not."""

import os
import signal
import sys
import threading

import numpy as np
import pytest

import mlpc
from mlpc.callbacks import Checkpoint, EarlyStopping, ReduceOnPlateau
from mlpc.optim import LBFGS

optimize = pytest.importorskip("scipy.optimize")

rng = np.random.default_rng(0)
x, labels, values = rng.normal(size=(90, 6)), rng.integers(0, 3, 90), rng.normal(size=(90, 3))
weight = rng.uniform(size=90) * (rng.random(90) < 0.8)


def net(loss="cross_entropy"):
    return mlpc.MLP([6, 7, 3], "tanh", loss=loss, dtype="float64", seed=3)


def fitted(made, y=labels, **arguments):
    optimizer = LBFGS(made, **arguments.pop("settings", {}))
    made.fit(x, y, **{"optimizer": optimizer, "epochs": 10, "batch_size": 90} | arguments)
    return made


def by_scipy(made, y, iterations, **weighting):
    """Parameters after each of its iterations."""
    points = []

    def function(point):
        made.parameters[:] = point
        return made.loss_and_grad(x, y, **weighting), made.gradients.copy()

    options = {"maxcor": 10, "ftol": 2.2e-9, "gtol": 1e-5, "maxiter": iterations}
    optimize.minimize(
        function, made.parameters.copy(), jac=True, method="L-BFGS-B", options=options,
        callback=lambda point: points.append(point.copy()),
    )  # fmt: skip
    return points


@pytest.mark.parametrize("loss", ["cross_entropy", "mse", mlpc.losses.mse])
def test_every_iteration_is_scipys(loss):
    y, points = labels if loss == "cross_entropy" else values, []
    made = fitted(net(loss), y, callbacks=[lambda net, history: points.append(net.parameters.copy())])
    np.testing.assert_allclose(points, by_scipy(net(loss), y, 10), rtol=1e-9)
    assert made.history["loss"][-1] == pytest.approx(made.evaluate(x, y)[0], rel=1e-14)
    assert made.history["lr"] == [1.0] * 10
    if loss == "cross_entropy":
        assert made.history["accuracy"][-1] == made.evaluate(x, y)[1]


def test_pieces_add_up():
    whole, pieces = fitted(net(), sample_weight=weight), fitted(net(), sample_weight=weight, batch_size=16)
    np.testing.assert_allclose(pieces.parameters, whole.parameters, rtol=1e-8)
    np.testing.assert_allclose(pieces.history["loss"], whole.history["loss"], rtol=1e-11)
    np.testing.assert_allclose(whole.parameters, by_scipy(net(), labels, 10, sample_weight=weight)[-1], rtol=1e-8)


def test_the_order_of_rows_and_the_number_of_threads_do_not_matter():
    before, digests = mlpc.get_num_threads(), set()
    try:
        for threads in (1, 2, 3):
            mlpc.set_num_threads(threads)
            digests.add(fitted(net(), batch_size=16, seed=threads).digest())
    finally:
        mlpc.set_num_threads(before)
    assert len(digests) == 1


def test_it_ends_where_nothing_is_better():
    made = net("mse")
    optimizer = LBFGS(made, gtol=1e-3, ftol=0)
    made.fit(x, values, epochs=2000, optimizer=optimizer)
    assert optimizer.message.startswith("CONVERGENCE")
    assert made.history.epochs == optimizer.epochs < 2000
    assert made.history["loss"][-1] == made.history["loss"][-2]
    made.loss_and_grad(x, values)
    assert np.abs(made.gradients).max() <= 1e-3


def test_callbacks_and_validation():
    stopping = EarlyStopping("val_loss", patience=3)
    made = fitted(net(), epochs=300, validation_data=(x[:20] + 0.5, labels[:20]), callbacks=[stopping])
    assert made.history.epochs == stopping.best_epoch + 3
    assert made.evaluate(x[:20] + 0.5, labels[:20])[0] == min(made.history["val_loss"])


def test_gradients_stay_or_are_those_of_the_last_point():
    made = net()
    made.gradients[:] = 5
    fitted(made, epochs=2)
    assert (made.gradients == 5).all()
    fitted(made, epochs=2, keep_gradients=True)
    kept = made.gradients.copy()
    made.loss_and_grad(x, labels)
    assert (made.gradients == kept).all()


def test_no_thread_stays():
    before = threading.active_count()
    fitted(net())
    assert threading.active_count() == before


@pytest.mark.parametrize("how", ["signal", "exception"])
def test_ctrl_c_leaves_whole_iterations(how):
    calls = []

    def interrupts(z, y):
        calls.append(1)
        if len(calls) == 40:
            if how == "exception":
                raise KeyboardInterrupt
            os.kill(os.getpid(), signal.SIGINT)
        return mlpc.losses.mse(z, y)

    made, before = net(interrupts), threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        fitted(made, values, batch_size=16, epochs=100)
    done = made.history.epochs
    assert 0 < done < 40
    assert made.digest() == fitted(net("mse"), values, batch_size=16, epochs=done).digest()
    assert threading.active_count() == before


@pytest.mark.filterwarnings("ignore:y. expected targets near 1")
def test_a_divergence_is_one():
    with pytest.raises(mlpc.DivergenceError, match="diverged in epoch 1"):
        fitted(net("mse"), values * 1e200)


def test_a_run_goes_on_after_an_error():
    made, other = net(), net()
    run = mlpc.training.Run(made, x, labels, batch_size=90, optimizer=LBFGS(made))

    def stop(rows):
        raise ZeroDivisionError

    with run, pytest.MonkeyPatch.context() as patch:
        patch.setattr(mlpc.epoch_loop, "_BETWEEN_TICKS", 0)
        with pytest.raises(ZeroDivisionError):
            run.epoch(stop)
        assert made.digest() == other.digest()
        run.epoch()
    assert made.digest() == fitted(other, epochs=1).digest()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda made: fitted(made, resume="run.npz"),
            ValueError,
            "resume: expected another optimizer, got LBFGS: what",
        ),
        (
            lambda made: fitted(made, callbacks=[Checkpoint("run.npz")]),
            ValueError,
            "callbacks: expected another optimi",
        ),
        (  # at once, and not at the first checkpoint
            lambda made: mlpc.training.Run(made, x, labels, optimizer=LBFGS(made), callbacks=[Checkpoint("run.npz")]),
            ValueError,
            "callbacks: expected another optimi",
        ),
        (lambda made: LBFGS(made).state_dict(), ValueError, "state_dict: expected another optimizer, got LBFGS"),
        (lambda made: LBFGS(made).load_state_dict({}), ValueError, "load_state_dict: expected another optimizer"),
        (lambda made: LBFGS(made).step(), ValueError, "step: expected an optimizer that steps by gradients alone"),
        (lambda made: fitted(made, lr=0.1), ValueError, "lr: expected none beside an optimizer object"),
        (lambda made: fitted(made, accumulate_batches=2), ValueError, "optimizer: expected another one than LBFGS"),
        (
            lambda made: made.fit([(x, labels)], optimizer=LBFGS(made)),
            ValueError,
            "optimizer: expected another one than LBFGS",
        ),
        (lambda made: fitted(made, input_noise=0.1), ValueError, "optimizer: expected another one than LBFGS"),
        (lambda _: fitted(mlpc.MLP([6, 7, 3], dropout=0.5)), ValueError, "optimizer: expected another one than LBFGS"),
        (lambda _: fitted(mlpc.MLP([6, 7, 3], norm="batch")), ValueError, "optimizer: expected another one than LBFGS"),
        (lambda made: LBFGS(made, memory=0), ValueError, "memory: expected an integer >= 1, got 0"),
        (lambda made: LBFGS(made, ftol=-1), ValueError, "ftol: expected a finite number >= 0, got -1"),
        (lambda made: LBFGS(made, gtol="a"), TypeError, "gtol: expected a number, got 'a'"),
        (lambda made: LBFGS(3), TypeError, "net: expected a network, got 3"),
        (
            lambda made: fitted(made, callbacks=[ReduceOnPlateau("lr", patience=1)]),
            ValueError,
            "callbacks: expected none that sets learning rates",
        ),
    ],
)
def test_errors_name_argument_expectation_and_value(call, error, message):
    with pytest.raises(error, match=message):
        call(net())


def test_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    made = net()
    with pytest.raises(ImportError, match="LBFGS needs SciPy: pip install scipy"):
        fitted(made)
    assert made.digest() == net().digest()
