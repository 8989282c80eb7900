"""The table of cases, tests/c/cases.def, for tests in Python; and the numbers that its rows name."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TABLE = Path(__file__).resolve().parents[1] / "c" / "cases.def"
ROW = re.compile(r"^([A-Z_]+)\((.*)\)$", re.MULTILINE)
FAMILIES = {
    "MAP": "map",
    "ACTIVATION": "activation",
    "ACTIVATION_SET": "activation",
    "ROWWISE": "rowwise",
    "ELEMENT_LOSS": "loss",
    "LOSS": "loss",
    "STEP": "step",
    "NESTEROV": "step",
    "DECOUPLED": "step",
    "PRODUCT": "kernel",
    "PANEL": "kernel",
    "LIST": "kernel",
    "KERNEL": "kernel",
    "NORM": "kernel",
}
"""The family in kernels.def of the kernels that a kind of row is for."""


@dataclass(frozen=True)
class Row:
    kind: str
    name: str
    arguments: tuple

    def __str__(self) -> str:
        return " ".join(map(str, (self.kind.lower(), self.name, *self.arguments)))


def _row(kind: str, text: str) -> Row:
    """Names become strings, groups in braces tuples."""
    quoted = re.sub(r"\b[A-Za-z_]\w*", r"'\g<0>'", text).replace("{", "(").replace("}", ")")
    name, *arguments = ast.literal_eval(f"[{quoted}]")
    return Row(kind.removeprefix("CASE_"), name, tuple(arguments))


ROWS = [_row(kind, text) for kind, text in ROW.findall(TABLE.read_text())]
LISTS = {row.name: list(row.arguments) for row in ROWS if row.kind in ("LENGTHS", "SHAPES", "NUMBERS")}


def rows(kind: str) -> list[Row]:
    return [row for row in ROWS if row.kind == kind]


def numbers(dtype, kind: str, *shape: int, place: int = 0) -> np.ndarray:
    """An array of the numbers that a row names, other ones for each place: as those of tests/c/digest.c are chosen."""
    random = np.random.Generator(np.random.PCG64([place, *shape])).integers(0, 2**64, shape, dtype=np.uint64)
    choice, power = random & 31, (random >> 5 & 7).astype(int)
    if kind == "BYTES":
        return random.astype(np.uint8)
    unit = (random >> 11) * 2.0**-53
    even = 2 * unit - 1
    if kind == "UNIT":
        return np.select([choice == 0, choice == 1], [0.0, 1.0], unit).astype(dtype)
    everyday = even * 2.0 ** np.array([-4, -2, -1, 0, 1, 2, 4, 7])[power]
    subnormal = even * float(np.finfo(dtype).tiny)
    tame = np.select([choice < 10, choice < 12, choice < 13], [0.0, -0.0, subnormal], everyday)
    if kind == "TAME":
        return tame.astype(dtype)
    if kind != "WILD":
        raise ValueError(f"expected a kind of numbers that cases.def lists, got {kind}")
    scales = [float(np.finfo(dtype).max) / 2, 2.0**10, 2.0**-30, 2.0**40, 2.0**20]
    wild = [np.nan, np.inf, -np.inf, *(even * scale for scale in scales)]
    return np.select([choice == i for i in range(len(wild))], wild, tame).astype(dtype)
