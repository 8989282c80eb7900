"""Threads with 64 KB of stack, as other programs and C libraries make them: every call computes in one, as NumPy does.

How little the C code takes is proved by the compiler's figures (tests/bits/test_stack.py); here every door is tried."""

import subprocess
import sys

import pytest

import mlpc

PROGRAM = """
import sys, threading
import numpy as np
import mlpc
from mlpc import ops, testing

def in_a_thread(name, call):
    outcome = []
    def work():
        try:
            call()
            outcome.append("")
        except BaseException as error:
            outcome.append(repr(error))
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert outcome == [""], (name, outcome)
    print(name, flush=True)

dtype, isa = sys.argv[1:]
mlpc.cpu.use(isa)
rng = np.random.default_rng(0)
# Wide enough for whole groups of panels, and for rows that alias.
sizes, n = ([512, 300, 10], 300) if isa not in ("reference", "portable") else ([64, 30, 10], 40)
x, y = rng.normal(size=(n, sizes[0])).astype(dtype), np.arange(n) % 10
sparse = np.where(rng.random(x.shape) < 0.8, 0, x)
pixels = (np.abs(sparse) * 50).astype(np.uint8)
net = mlpc.MLP(sizes, "gelu", dtype=dtype, seed=1)
mse = mlpc.MLP(sizes, "tanh", dtype=dtype, loss="mse", seed=1)
target = np.eye(10)[y].astype(dtype)
z = rng.normal(size=(n, 10)).astype(dtype)
w, b, h = net.layers[0].weight, net.layers[0].bias, rng.normal(size=(n, sizes[1])).astype(dtype)
predictor, ones = net.freeze(), np.ones(10, dtype)
normed = mlpc.MLP(sizes[:2] + sizes[1:], norm=["batch", "layer"], dropout=0.5, input_dropout=0.1, dtype=dtype)
activations = mlpc._mlpc.kernels()["activation"]
quiet = dict(epochs=2, batch_size=64, progress=False)

doors = {
    "MLP": lambda: mlpc.MLP(sizes, "relu", init="orthogonal"),
    "forward": lambda: net.forward(x),
    "one row": lambda: (net.forward(x[:1]), net.predict(x[:1]), net.predict_proba(sparse[:1])),
    "backward": lambda: (net.forward(x), net.backward(z)),
    "loss": lambda: (net.forward(x), net.loss(y)),
    "loss_and_grad": lambda: net.loss_and_grad(x, y),
    "predict": lambda: (net.predict(x), net.predict(sparse), net.predict(pixels, scale=1 / 255)),
    "frozen": lambda: [predictor.predict(rows) for rows in (x, x[:1], sparse)] + [predictor.predict_proba(pixels)],
    "predict_proba": lambda: net.predict_proba(x),
    "evaluate": lambda: (net.evaluate(x, y), mse.evaluate(x, target)),
    "fit": lambda: net.fit(x, y, **quiet),
    "fit, zeros": lambda: net.fit(sparse, y, optimizer="adam", lr=0.001, **quiet),
    "fit, bytes": lambda: net.fit(pixels, y, scale=1 / 255, **quiet),
    "fit, gradients": lambda: net.fit(x, y, keep_gradients=True, validation_data=(x, y), **quiet),
    "fit, mse": lambda: mse.fit(x, target, **quiet),
    "optimizer": lambda: mlpc.optim.AdamW(net, 0.001).step(),
    "gradcheck": lambda: str(mlpc.gradcheck(mlpc.MLP([5, 4, 3], dtype=dtype), x[:9, :5], y[:9] % 3)),
    "lr_range_test": lambda: mlpc.lr_range_test(net, x, y),
    "digest": net.digest,
    "stratified_split": lambda: mlpc.datasets.stratified_split(y, 10),
    "cpus": mlpc._mlpc.cpus,
    "linear_forward": lambda: ops.linear_forward(x, w, b),
    "linear_backward": lambda: ops.linear_backward(h, x, w),
    "softmax": lambda: (ops.softmax(z), ops.log_softmax(z)),
    "cross_entropy": lambda: (ops.cross_entropy(z, y), mlpc.losses.cross_entropy(z, target, label_smoothing=0.1)),
    "layer_norm": lambda: (ops.layer_norm_forward(z, ones, ones), ops.layer_norm_backward(z, z, ones)),
    "batch_norm": lambda: (ops.batch_norm_forward(z, ones, ones), ops.batch_norm_backward(z, z, ones)),
    "dropout": lambda: (ops.dropout(z, 0.5, 1, 1, 0), ops.input_noise(z, 0.5, 1, 0)),
    "fit, norms and dropout": lambda: (normed.fit(x, y, input_noise=0.1, **quiet), normed.freeze().predict(x)),
    **{f"{name}_forward": lambda name=name: getattr(ops, f"{name}_forward")(z) for name in activations},
    **{f"{name}_backward": lambda name=name: getattr(ops, f"{name}_backward")(z, z) for name in activations},
}
for name in ("mse", "mae", "huber", "poisson", "bce_with_logits"):
    doors[name] = lambda name=name: getattr(ops, name)(z, target)

mlpc._mlpc.give_way(False)
for threads in (1, 2):
    threading.stack_size(0)
    mlpc.set_num_threads(threads)
    for small in (False, True):  # modules that are imported where they are used come first, with room
        threading.stack_size(64 * 1024 if small else 0)
        for name, call in doors.items():
            in_a_thread(name, call)
print("all")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="64 KB are asked for as Linux has it")
@pytest.mark.parametrize("isa", mlpc.cpu.available())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_door_computes_on_64_kilobytes_of_stack(dtype, isa):
    command = [sys.executable, "-c", PROGRAM, dtype, isa]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout.endswith("all\n"), (done.returncode, done.stdout[-200:], done.stderr[-2000:])
