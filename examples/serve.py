"""Serve a network over HTTP, with the standard library alone: JSON in, JSON out.

    python examples/serve.py model.npz [--port 8000]

`model.npz`, or `.safetensors`, is what `net.save` has written.  POST /predict takes {"x": [[...], ...]}, rows of
numbers, and answers with {"predictions": [...]}, of a classifier with "probabilities" and, where the network has them,
"labels"; GET / tells what is served.  Every connection has a thread of its own, and all threads ask one frozen
predictor, which needs no lock; numbers have the bits that `net.predict` gives.  It listens to this machine alone:
others are to come through a server that knows who they are.
"""

import argparse
import http.server
import json

import numpy as np

import mlpc

MOST_BYTES = 1 << 24  # of a request


class Model:
    """What answers: a predictor, and what its network says of itself."""

    def __init__(self, net: mlpc.MLP) -> None:
        self.predictor, self.labels = net.freeze(), net.labels
        self.classifies = net.criterion.classifies
        self.about = {"network": repr(net), "digest": net.digest(), "inputs": net.sizes[0], "labels": net.labels}

    def predictions(self, request: object) -> dict:
        """The answer to a request; ValueError and TypeError say what is wrong with it."""
        if not isinstance(request, dict) or request.keys() != {"x"}:
            raise ValueError('expected {"x": [[...], ...]}')
        x = np.array(request["x"])
        predicted = self.predictor.predict(x)
        answer = {"predictions": predicted.tolist()}
        if self.classifies:
            answer["probabilities"] = self.predictor.predict_proba(x).tolist()
        if self.classifies and self.labels is not None and predicted.ndim == 1:
            answer["labels"] = [self.labels[number] for number in predicted]
        return answer


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection; `model` is the server's."""

    protocol_version = "HTTP/1.1"  # which keeps connections
    model: Model

    def do_GET(self) -> None:
        self.answer(200 if self.path == "/" else 404, self.model.about if self.path == "/" else {"error": "see /"})

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != "/predict" or not length.isdecimal() or int(length) > MOST_BYTES:
            self.close_connection = True  # what follows is not read
            self.answer(400, {"error": f"expected POST /predict with at most {MOST_BYTES:,} bytes"})
            return
        try:
            request = json.loads(self.rfile.read(int(length)))
            text = json.dumps(self.model.predictions(request), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            self.answer(400, {"error": str(error)})
        else:
            self.send(200, text)

    def answer(self, status: int, content: dict) -> None:
        self.send(status, json.dumps(content))

    def send(self, status: int, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: a line for each request would take longer than the request."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a file that net.save has written")
    parser.add_argument("--port", type=int, default=8000, help="0 takes one that is free")
    options = parser.parse_args()
    mlpc.set_num_threads(1)  # requests are what runs in parallel
    Handler.model = Model(mlpc.load(options.model))
    with http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
