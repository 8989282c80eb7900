"""A trained network serves many at once: over HTTP as examples/serve.py does, and in other processes."""

import contextlib
import http.client
import json
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import mlpc

PROGRAM = Path(__file__).parents[1] / "examples" / "serve.py"
rng = np.random.default_rng(0)
X = rng.normal(size=(200, 6)).astype(np.float32)


def network():
    net = mlpc.MLP([6, 30, 20, 3], "gelu", norm="batch", seed=1)
    net.forward(X)
    net.labels = ["cat", "dog", "bird"]
    return net.eval()


@contextlib.contextmanager
def served(path):
    """The port of a server of that file."""
    if not PROGRAM.exists():
        pytest.skip("there are no examples beside the tests")
    environment = os.environ | {"PYTHONPATH": str(Path(mlpc.__file__).parents[1])}
    command = [sys.executable, PROGRAM, path, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            yield int(server.stdout.readline().rpartition(":")[2])
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    path = tmp_path_factory.mktemp("served") / "net.npz"
    network().save(path)
    with served(path) as port:
        yield port


def asked(connection, body, method="POST", path="/predict"):
    connection.request(method, path, body if isinstance(body, (bytes, str)) else json.dumps(body))
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_eight_threads_ask_for_many_rows(port):
    """Every answer has the network's bits, whoever else asks meanwhile."""
    net, wrong = network(), []
    labels, probabilities = net.predict(X), net.predict_proba(X)
    start = threading.Barrier(8)

    def ask(number):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        start.wait()
        for first in range(number, 160, 8):
            some = slice(first, first + 1 + first % 5)
            status, answer = asked(connection, {"x": X[some].tolist()})
            same = np.array_equal(np.array(answer["probabilities"], np.float32), probabilities[some])
            same &= answer["predictions"] == labels[some].tolist()
            same &= answer["labels"] == [net.labels[label] for label in labels[some]]
            if status != 200 or not same:
                wrong.append((first, answer))
        connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


BAD = {
    "nothing": ("", "Expecting value"),
    "no rows": ({"rows": [[1]]}, 'expected {"x"'),
    "no mapping": ([[1, 2]], 'expected {"x"'),
    "columns": ({"x": [[1, 2]]}, "x: expected"),
    "one row": ({"x": [1, 2, 3, 4, 5, 6]}, "x: expected"),
    "ragged": ({"x": [[1], [1, 2]]}, "inhomogeneous"),
    "text": ({"x": [["a"] * 6]}, "x: expected real numbers"),
    "objects": ({"x": [[None] * 6]}, "x: expected real numbers"),
    "NaN": ('{"x": [[NaN, 0, 0, 0, 0, 0]]}', "NaN|nan"),
    "too deep": ("[" * 100_000, "recursion|Expecting"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_request_is_told_and_harms_nobody(port, case):
    body, words = BAD[case]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    status, answer = asked(connection, body)
    assert status == 400 and any(word in answer["error"] for word in words.split("|")), answer
    assert asked(connection, {"x": X[:1].tolist()})[0] == 200  # on the same connection
    connection.close()


def test_what_is_served(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    status, about = asked(connection, "", "GET", "/")
    assert status == 200 and about["digest"] == network().digest() and about["labels"] == ["cat", "dog", "bird"]
    assert asked(connection, "", "GET", "/etc/passwd")[0] == 404
    assert asked(connection, {"x": []}, path="/")[0] == 400
    connection.close()


def test_a_request_that_is_too_long_is_not_read(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.putrequest("POST", "/predict")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()


def test_a_network_of_regression(tmp_path):
    net = mlpc.MLP([6, 1], loss="mse", dtype="float64", init=[np.full((1, 6), 2 / 3), [0.1]])
    net.save(tmp_path / "net.npz")
    x = X.astype(np.float64)
    with served(tmp_path / "net.npz") as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        assert asked(connection, {"x": x.tolist()}) == (200, {"predictions": net.predict(x).tolist()})
        status, answer = asked(connection, {"x": [[1e308] * 6]})
        assert status == 400 and "JSON" in answer["error"]  # which has no infinite numbers
        connection.close()


def test_processes_that_are_spawned():
    """A predictor goes to others in a pickle, and has its bits there."""
    net = network()
    predictor = net.freeze()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        parts = pool.map(predictor.logits, np.split(X, 8))
    assert np.array_equal(np.concatenate(parts), net.forward(X))
