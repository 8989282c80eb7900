"""The text of a network's files in C."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlpc import _mlpc
from mlpc.exchange.c_source.definitions import Definition, definitions, needed
from mlpc.exchange.c_source.names import SYSTEM_HEADERS, commented, quoted
from mlpc.exchange.c_source.program import Program
from mlpc.exchange.c_source.weights import table
from mlpc.network import Network
from mlpc.version import __version__

__all__ = ["Source"]

_FOLDER = Path(__file__).with_name("kernels")
_FILES = (  # each after those that it needs
    "kernels.h", "real.h", "fma.h", "vec_portable.h", "elementary.inc", "activations.inc", "norm_features.inc",
    "product.inc", "sum16.inc", "rows.inc", "norms.inc", "../layers.inc",
)  # fmt: skip

_WIDTH = 120
# In C++ types have the same names in all files: a network of float and one of double would have different ones.
_OWN = ("", "#ifdef __cplusplus", "namespace {", "#endif")
_OWN_ENDS = ("", "#ifdef __cplusplus", "} /* namespace */", "#endif", "")
_PROMISE = (
    "Results are the network's, to the bit, in the usual floating-point mode: rounding to nearest, subnormal numbers",
    "as they are.",
)


@functools.cache
def _known(bits: int) -> list[Definition]:
    """All that the kernels define, for reals of so many bits."""
    return [each for name in _FILES for each in definitions((_FOLDER / name).read_text(encoding="utf-8"), bits)]


@dataclass(frozen=True)
class Function:
    """A function that programs call.

    Attributes
    ----------
    word, returns, arguments : str
        It is ``returns NAME_word(arguments)``.
    comment : str
        In the header.
    body : list of str
        Its lines.
    numbers : int
        How many it has an array of its own for, beside those between the layers.
    """

    word: str
    returns: str
    arguments: str
    comment: str
    body: list[str]
    numbers: int = 0


class Source:
    """A network's files.

    Parameters
    ----------
    net : Network
    program : Program
        Its own.
    name : str
        What the functions' names begin with.
    header : str
        The header's name, as the other file includes it.
    workspace : bool
        Whether the arrays are the caller's.
    """

    def __init__(self, net: Network, program: Program, name: str, header: str, workspace: bool) -> None:
        self._net, self._program, self._name, self._header, self._workspace = net, program, name, header, workspace
        self._labels = tuple(map(str, getattr(net, "labels", None) or ()))
        self._between = sum(program.arrays.values())
        self._functions = [self._forward(), *self._answers()]

    @property
    def flash(self) -> int:
        """Bytes of the tables."""
        return sum(array.nbytes for array in self._program.tables.values())

    @property
    def numbers(self) -> int:
        """How many the arrays hold of the function that has most."""
        return self._between + max(function.numbers for function in self._functions)

    # ---- functions ---------------------------------------------------------------------------------------------------

    @property
    def _real(self) -> str:
        return "float" if self._net.dtype == np.float32 else "double"

    def _signature(self, function: Function) -> str:
        more = f", {self._real} *workspace" if self._workspace else ""
        return f"{function.returns} {self._name}_{function.word}({function.arguments}{more})"

    def _array(self, name: str, length: int, place: int) -> str:
        """The declaration of an array: on the stack, or at its place in the workspace."""
        return f"real *const {name} = workspace + {place};" if self._workspace else f"real {name}[{length}];"

    def _forward(self) -> Function:
        arrays, place = [], 0
        for name, length in self._program.arrays.items():
            arrays.append(self._array(name, length, place))
            place += length
        if self._workspace and not arrays:
            arrays = ["(void)workspace;"]
        arguments = f"const {self._real} *x, {self._real} *z"
        comment = "The outputs z of the inputs x; they must not overlap."
        return Function("forward", "void", arguments, comment, [*arrays, *self._program.calls])

    def _call(self, to: str) -> str:
        return f"{self._name}_forward(x, {to}{', workspace' if self._workspace else ''});"

    def _answers(self) -> Iterator[Function]:
        """What is made of the outputs: see `Loss.link`."""
        link, n = _mlpc.losses()[self._net.criterion.predicts_as]["link"], self._net.sizes[-1]
        x, real = f"const {self._real} *x", self._real
        outputs = [self._array("z", n, self._between), self._call("z")]
        if link == "softmax":
            comment = "The class from 0 on, the first of the most probable ones; -1 where an output is NaN."
            yield Function("predict", "int", x, comment, [*outputs, f"return label_of(z, {n});"], n)
            body = [self._call("p"), f"softmax(p, p, 1, {n});"]
            comment = "The probabilities p of the classes; x and p must not overlap."
            yield Function("probabilities", "void", f"{x}, {real} *p", comment, body)
        elif link == "sigmoid":
            if n == 1:
                comment = "1 or 0, whichever is more probable; -1 where the output is NaN."
                yield Function("predict", "int", x, comment, [*outputs, "return is_positive(z[0]);"], n)
            else:
                comment = "For each output 1 or 0, whichever is more probable; -1 where it is NaN."
                body = [*outputs, f"for (size_t i = 0; i < {n}; i++)", "    y[i] = is_positive(z[i]);"]
                yield Function("predict", "void", f"{x}, int *y", comment, body, n)
            body = [self._call("p"), self._program.applied("sigmoid", "p", n)]
            comment = "The probability p of 1, for each output; x and p must not overlap."
            yield Function("probabilities", "void", f"{x}, {real} *p", comment, body)
        elif link == "exp":
            body = [self._call("y"), f"for (size_t i = 0; i < {n}; i++)", "    y[i] = e_exp(y[i]);"]
            comment = "The rates y: exponentials of the outputs; x and y must not overlap."
            yield Function("predict", "void", f"{x}, {real} *y", comment, body)

    # ---- files -------------------------------------------------------------------------------------------------------

    def header(self) -> str:
        """The text of the header."""
        upper, net = self._name.upper(), self._net
        layers = textwrap.wrap(", ".join(map(repr, net.layers)), _WIDTH - 5)
        about = [f"{self._name}: a network in C, by mlpc {__version__}, arithmetic {_mlpc.ARITHMETIC}.", *layers]
        about += [f"Digest {net.digest()}", "", *_PROMISE]
        if net.feature_names:
            about += ["", "Inputs, in this order:", *_numbered(net.feature_names)]
        if self._labels:
            about += ["", "Classes:", *_numbered(self._labels)]
        lines = ["/* " + "\n".join(f" * {line}".rstrip() for line in about)[3:], " */"]
        lines += [f"#ifndef {upper}_H", f"#define {upper}_H", "", "#ifdef __cplusplus", 'extern "C" {', "#endif", ""]
        lines += [f"#define {upper}_INPUTS {net.sizes[0]}", f"#define {upper}_OUTPUTS {net.sizes[-1]}"]
        if self._workspace:
            lines += [f"#define {upper}_WORKSPACE {max(self.numbers, 1)} /* numbers; nothing in it outlasts a call */"]
        for function in self._functions:
            lines += ["", f"/* {function.comment} */", f"{self._signature(function)};"]
        if self._labels:
            lines += ["", f"extern const char *const {self._name}_labels[{len(self._labels)}];"]
        return "\n".join([*lines, "", "#ifdef __cplusplus", "}", "#endif", "", "#endif", ""])

    def code(self) -> str:
        """The text of the file beside it."""
        own, bits = "\n".join(self._definitions()), 8 * self._net.dtype.itemsize
        names = {f"{self._name}_{function.word}" for function in self._functions}  # some of which kernels have, too
        known = [each for each in _known(bits) if not each.names & names]
        included = [f'#include "{self._header}"', "", *(f"#include <{name}.h>" for name in SYSTEM_HEADERS)]
        head = [f"/* {self._name}, a network in C: see the header. */", *included, "", f"#define MLPC_REAL_BITS {bits}"]
        return "\n".join([*head, *_OWN, needed(known, own) + "\n".join(_OWN_ENDS), own])

    def _definitions(self) -> Iterator[str]:
        """What is the network's own."""
        for name, has_setting in self._program.activations.items():
            setting, argument = (", real setting", ", setting") if has_setting else ("", "")
            body = ["for (size_t i = 0; i < n; i++)", f"    z[i] = f_{name}(z[i]{argument});"]
            yield _defined(f"static void apply_{name}(real *z{setting}, size_t n)", body)
        for name, array in self._program.tables.items():
            yield table(name, array)
        if self._labels:
            texts = "".join(f"    {quoted(label)},\n" for label in self._labels)
            yield f"const char *const {self._name}_labels[{len(self._labels)}] = {{\n{texts}}};\n"
        for function in self._functions:
            yield _defined(self._signature(function), function.body)


def _defined(signature: str, body: list[str]) -> str:
    return f"{signature}\n{{\n{''.join(f'    {line}' + chr(10) for line in body)}}}\n"


def _numbered(texts: tuple[str, ...]) -> list[str]:
    return [f"  {i}  {commented(text)}" for i, text in enumerate(texts)]
