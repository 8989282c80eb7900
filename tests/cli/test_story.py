"""From a table to a program in C: trained, evaluated, exported and compiled by commands; the same label and bits."""

import csv
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

import mlpc
from mlpc.cli import main
from mlpc.tables import read_table

pytest.importorskip("pandas")

COLUMNS = ("length", "width", "weight", "year")

# Prints the label of a row of raw numbers, and the outputs in hexadecimal.
CLASSIFY = """
#include "iris.h"
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    float x[IRIS_INPUTS], z[IRIS_OUTPUTS];
    if (argc != IRIS_INPUTS + 1)
        return 2;
    for (int i = 0; i < IRIS_INPUTS; i++)
        x[i] = (float)strtod(argv[i + 1], NULL);
    iris_forward(x, z);
    printf("%s", iris_labels[iris_predict(x)]);
    for (int i = 0; i < IRIS_OUTPUTS; i++)
        printf(" %a", (double)z[i]);
    puts("");
    return 0;
}
"""


def rows(n, seed):
    """Numbers of very different size, and a class that depends on three of them."""
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(n, 3)), rng.integers(1990, 2026, n)
    for (a, b, c), year in zip(*parts, strict=True):
        kind = ("setosa", "versicolor", "virginica")[int(a + b - c > -0.8) + int(a + b - c > 0.8)]
        yield f"{5 + a:.4f}", f"{0.03 + 0.01 * b:.5f}", f"{2e4 + 5e3 * c:.1f}", str(year), kind


def write(path, n, seed):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([(*COLUMNS, "kind"), *rows(n, seed)])


def test_a_table_becomes_a_program_in_c(tmp_path, monkeypatch, capsys):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no compiler")
    monkeypatch.chdir(tmp_path)
    write("train.csv", 300, 0)
    write("test.csv", 60, 1)

    train = (
        "train train.csv --target kind --validation-split 0.2 --patience 20 --lr 0.01 --hidden 24,16 --activation gelu"
    )
    assert main([*train.split(), "--norm", "batch", "--dropout", "0.1", "--out", "model.npz"]) == 0
    assert "saved: model.npz" in capsys.readouterr().out
    assert main(["evaluate", "model.npz", "test.csv", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["accuracy"] > 0.85
    assert main(["export", "model.npz", "--to", "c", "--name", "iris", "--out", "iris.c"]) == 0
    assert f"in: {', '.join(COLUMNS)}" in capsys.readouterr().out
    header = (tmp_path / "iris.h").read_text()
    assert tuple(re.findall(r"^ \*   \d+  (\w+)$", header, re.MULTILINE)) == (*COLUMNS, *said["labels"])

    (tmp_path / "classify.c").write_text(CLASSIFY)
    flags = ["-std=c99", "-O2", "-ffp-contract=fast", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *flags, "-o", "classify", "classify.c", "iris.c", "-lm"], check=True)

    model, table = mlpc.load("model.npz"), read_table("test.csv")
    labels, outputs = model.predict(table), model.net.forward(model.encode(table))
    right = 0
    for (*numbers, kind), label, z in zip(rows(60, 1), labels, outputs, strict=True):
        out = subprocess.run(["./classify", *numbers], capture_output=True, text=True, check=True).stdout
        name, *values = out.split()
        assert name == label
        assert [float.fromhex(value) for value in values] == z.tolist()
        right += name == kind
    assert right / 60 == said["accuracy"]
