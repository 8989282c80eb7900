"""Trains a network on the digits, and writes it and some of the images to test it with as C.

    python train.py FOLDER [int8]

FOLDER gets digits.c and digits.h, images.h, and expected.txt: what the program on the microcontroller is to print.
"""

import sys
from pathlib import Path

import numpy as np

import mlpc
from mlpc.exchange.c_source import quantized

IMAGES = 100


def digest(z):
    """FNV-1a of the bits of all numbers, as main.c computes it."""
    value = 0x811C9DC5
    for bits in z.view(np.uint32).reshape(-1).tolist():
        value = (value ^ bits) * 0x01000193 & 0xFFFFFFFF
    return value


def rows(array):
    return "".join(f"    {{{', '.join(map(str, row))}}},\n" for row in array.tolist())


def main(folder, dtype=None):
    (x, y), (x_test, y_test) = mlpc.datasets.load_digits()
    net = mlpc.MLP([64, 32, 10], "relu", seed=1)
    net.fit(x, y, epochs=60, optimizer="adamw", lr=0.003, progress=False)
    print(net.to_c(folder / "digits.c", dtype=dtype, data=(x_test, y_test) if dtype else None))

    x, y = x_test[:IMAGES], y_test[:IMAGES]
    pixels = np.rint(x * 16).astype(int)
    assert (pixels / np.float32(16) == x).all()
    (folder / "images.h").write_text(
        f"/* Images of load_digits: 8 x 8 pixels from 0 to 16, and the digits that they show. */\n"
        f"enum {{ IMAGES = {IMAGES}, PIXELS = 64 }};\n"
        f"static const unsigned char images[IMAGES][PIXELS] = {{\n{rows(pixels)}}};\n"
        f"static const unsigned char digits[IMAGES] = {{{', '.join(map(str, y.tolist()))}}};\n"
    )
    answers = quantized(net) if dtype else net
    right = int((answers.predict(x) == y).sum())
    expected = f"{right} of {IMAGES} digits are right\nbits of all outputs: {digest(answers.forward(x)):08x}\n"
    (folder / "expected.txt").write_text(expected)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
