"""One training of an estimator at a time: what is refused meanwhile changes nothing, and nobody notices it."""

import copy
import pickle
import sys
import threading

import pytest

import mlpc

pytest.importorskip("sklearn")
from sklearn import datasets

X, Y = datasets.load_iris(return_X_y=True)
SETTINGS = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def known(model):
    return model.network_.digest(), model.n_iter_, model.t_, model.loss_curve_, model.history_["loss"]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["in a callback", "in another thread"])
@pytest.mark.parametrize("train", ["fit", "partial_fit"])
def test_a_second_training_is_refused(train, elsewhere):
    refused, within = [], []

    def again():
        try:
            getattr(model, train)(X, Y)
        except RuntimeError as error:
            refused.append(str(error))

    def callback(net, history):
        if within:
            return
        within.append(True)
        if elsewhere:
            thread = threading.Thread(target=again)
            thread.start()
            thread.join()
        else:
            again()
        within.clear()

    model = mlpc.MLPClassifier(**SETTINGS, callbacks=[callback])
    model.fit(X, Y)
    assert refused == ["this estimator is being trained, by another thread or by what has called back"] * 3
    assert known(model) == known(mlpc.MLPClassifier(**SETTINGS).fit(X, Y))


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copy", "pickle"]
)
def test_a_copy_of_one_that_is_being_trained_can_be_trained(copied):
    copies = []
    model = mlpc.MLPClassifier(**SETTINGS)
    model.callbacks = [lambda net, history: copies.append(copied(model.set_params(callbacks=None)))]
    model.fit(X, Y)
    once = mlpc.MLPClassifier(**SETTINGS | {"max_iter": 1}).fit(X, Y)
    assert known(copies[0].partial_fit(X, Y))[0] == known(once.partial_fit(X, Y))[0]


def test_predictions_while_a_training_is_refused():
    model, asked, ended = mlpc.MLPClassifier(**SETTINGS).fit(X, Y), [], threading.Event()
    vars(model).update({f"attribute_{number}": number for number in range(100_000)})  # which take a while to put back

    def ask():
        while not ended.is_set():
            try:
                asked.append(len(model.predict(X[:2])))
            except BaseException as error:
                asked.append(error)

    interval, thread = sys.getswitchinterval(), threading.Thread(target=ask)
    sys.setswitchinterval(1e-6)
    try:
        thread.start()
        for _ in range(20):
            with pytest.raises(ValueError, match="X has 3 features"):
                model.partial_fit(X[:, :3], Y)
    finally:
        sys.setswitchinterval(interval)
        ended.set()
        thread.join()
    assert set(asked) == {2}
