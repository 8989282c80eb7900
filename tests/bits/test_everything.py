"""A training that uses everything at once has one digest and one history: over instruction sets, threads and paths,
and where it was broken off and went on elsewhere.

Norms, dropout, noise, weights of rows and classes, smoothed labels, penalties, limits, a schedule, and an average of
the weights, with its statistics estimated anew.  The digests are constants of `mlpc.ARITHMETIC`;
`python tests/bits/test_everything.py` prints them.
"""

import hashlib
import itertools

import numpy as np
import pytest

import mlpc
from mlpc.callbacks import Averaging, Callback

EPOCHS = 5
AVERAGES = {"exponential": lambda: Averaging(0.75, start=2), "of the last epochs": lambda: Averaging(start=3)}
DIGESTS = {
    ("exponential", "float32"): "059fe5e9c314bfd85b6b96e2ac7efcb80b04917087cf2764342739a8e9a3c05a",
    ("exponential", "float64"): "d23873e451496c9c9c39b890a7e13ee77d73743eb24e0db6d58fec2bf77f89f7",
    ("of the last epochs", "float32"): "17a8c64761a1e89e376c7bbf6b869e400f6aca8571931f5bce0f3a1ff610bbbb",
    ("of the last epochs", "float64"): "c81d01510bd655beb7ee3e278b8589e071bb1669366a71eb43ccdb2dad396393",
}


def data(rows):
    """By exact operations alone."""
    generator = np.random.Generator(np.random.PCG64(7))
    x = 4 * generator.random((rows, 30)) - 2
    x[generator.random(x.shape) < 0.5] = -0.0
    return x, generator.integers(0, 4, rows), generator.random(rows) + 0.5


class Break(Callback):
    """Ends the training by an exception, as Ctrl-C would, when so many epochs are done."""

    def __init__(self, after):
        self.after = after

    def epoch_end(self, run):
        if run.history.epochs == self.after:
            raise KeyboardInterrupt


def train(average, dtype, *callbacks, epochs=EPOCHS, batch_size=64, **settings):
    """The digest of the network, of what it says in eval mode, and of its history but for times.

    Of the rows one is left behind three batches, which joins the last.
    """
    loss = mlpc.losses.CrossEntropy(label_smoothing=0.1, class_weight=[0.5, 1, 2, 1.5])
    net = mlpc.MLP(
        [30, 24, 70, 16, 4], ["tanh", "relu", mlpc.layers.ELU(0.7)], loss=loss, norm=["batch", "layer", "batch"],
        dropout=[0.2, 0.5, 0], input_dropout=0.2, dtype=dtype, seed=3,
    )  # fmt: skip
    optimizer = mlpc.optim.SGD(
        net, mlpc.schedules.Cosine(0.1, epochs=EPOCHS, warmup=1), momentum=0.9, nesterov=True, weight_decay=1e-3,
        l1=1e-4, clip_norm=0.8, clip_value=0.2, max_norm=0.7, groups={"*.bias": {"weight_decay": 0}, "1.*": {"lr": 2}},
    )  # fmt: skip
    x, y, weight = data(3 * batch_size + 1)
    net.fit(
        x, y, epochs=epochs, batch_size=batch_size, optimizer=optimizer, validation_data=(x[:50], y[:50], weight[:50]),
        sample_weight=weight, input_noise=0.1, callbacks=[*callbacks, AVERAGES[average]()], progress=False, **settings,
    )  # fmt: skip
    total = hashlib.sha256(net.digest().encode())
    total.update(net.forward(x[:7]).tobytes())
    for name, column in net.history.items():
        if name != "seconds":
            total.update(name.encode() + np.array(column, "<f8").tobytes())
    return total.hexdigest()


@pytest.fixture(autouse=True)
def as_it_was():
    """Threads and the instruction set are the process's."""
    threads, active = mlpc.get_num_threads(), mlpc.cpu.active()
    yield
    mlpc.set_num_threads(threads)
    mlpc.cpu.use(active)


@pytest.mark.parametrize("keep_gradients", [False, True], ids=["as the core chooses", "plain"])
@pytest.mark.parametrize("case", DIGESTS, ids=", ".join)
def test_digest(isa_or_reference, case, keep_gradients):
    assert train(*case, keep_gradients=keep_gradients) == DIGESTS[case]


@pytest.mark.parametrize("keep_gradients", [False, True], ids=["as the core chooses", "plain"])
@pytest.mark.parametrize("case", DIGESTS, ids=", ".join)
def test_any_number_of_threads(case, keep_gradients):
    """A thread more is used where it gets enough to do: batches are large here."""
    digests = set()
    for threads in (1, 2, 3, 7):
        mlpc.set_num_threads(threads)
        digests.add(train(*case, batch_size=1400, keep_gradients=keep_gradients))
    assert len(digests) == 1


@pytest.mark.parametrize("case", DIGESTS, ids=", ".join)
def test_another_epoch_gives_another_digest(case):
    assert train(*case, epochs=EPOCHS - 1) != DIGESTS[case]


PLACES = list(itertools.product(mlpc.cpu.available(), (3, 1)))
"""Instruction sets and numbers of threads."""


@pytest.mark.parametrize("case", DIGESTS, ids=", ".join)
def test_it_goes_on_after_each_epoch_at_another_place(tmp_path, case):
    """Broken off after every one of its epochs, and resumed with other instructions and threads each time."""
    path = tmp_path / "run.npz"
    for after, (isa, threads) in zip(range(1, EPOCHS + 1), itertools.cycle(PLACES), strict=False):
        mlpc.cpu.use(isa)
        mlpc.set_num_threads(threads)
        with pytest.raises(KeyboardInterrupt):
            train(*case, Break(after), resume=path)
    assert train(*case, resume=path) == DIGESTS[case]
    assert train(*case, resume=path) == DIGESTS[case]  # of which all epochs are done


@pytest.mark.parametrize("after", range(1, EPOCHS))
def test_it_goes_on_from_anywhere(tmp_path, isa, after):
    """From a file that the slowest instructions wrote."""
    case, path = ("of the last epochs", "float32"), tmp_path / "run.npz"
    active = mlpc.cpu.active()
    mlpc.cpu.use("portable")
    with pytest.raises(KeyboardInterrupt):
        train(*case, Break(after), resume=path)
    mlpc.cpu.use(active)
    assert train(*case, resume=path) == DIGESTS[case]


if __name__ == "__main__":
    for case in DIGESTS:
        print(*case, train(*case))
