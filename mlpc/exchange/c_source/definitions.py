"""Definitions in files of C, and those that a program needs.

The files are laid out as clang-format does it: what a file defines begins at the margin.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

__all__ = ["Definition", "definitions", "needed"]


@dataclass(frozen=True)
class Definition:
    """A function, a type, a table or a macro; or a conditional part of a file, which may define several.

    Attributes
    ----------
    text : str
        With the comment before it.
    names : frozenset of str
        What it defines.
    uses : frozenset of str
        Every word in it, but those that it declares.
    is_condition : bool
        Whether it defines nothing, and is an error where a compiler does not do what all programs need.
    """

    text: str
    names: frozenset[str]
    uses: frozenset[str]
    is_condition: bool


_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STRING = re.compile(r'"(?:\\.|[^"\\])*"')
_GUARD = re.compile(r"\A((?:/\*.*?\*/|\s)*)#ifndef (MLPC_\w+)\n#define \2\n(.*)#endif\n\Z", re.DOTALL)
_MACRO = re.compile(r"^ *# *define (\w+)", re.MULTILINE)
_FUNCTION = re.compile(r"^static [\w *]*?(\w+)\(", re.MULTILINE)
_TABLE = re.compile(r"^static const \w+ (\w+)\[", re.MULTILINE)
_TYPE = re.compile(r"^typedef .*?(\w+);\n?\Z", re.DOTALL)
_DECLARED = re.compile(
    r"\b(?!(?:const|else|inline|return|static|typedef)\b)[A-Za-z_]\w* \**(?:const )?([A-Za-z_]\w*)\b(?!\()"
)
_BITS = re.compile(r"#(?:el)?if MLPC_REAL_BITS == (\d+)\n")


def definitions(text: str, bits: int) -> list[Definition]:
    """All that a file defines where MLPC_REAL_BITS is `bits`; what it includes is left out.

    Examples
    --------
    >>> one, two = definitions("#define N 3\\n\\n/* of it */\\nstatic int f(void) { return N; }\\n", 32)
    >>> one.names, two.names, "N" in two.uses
    (frozenset({'N'}), frozenset({'f'}), True)
    """
    guarded = _GUARD.match(text)
    return [_definition(part) for part in _parts((guarded[3] if guarded else text).splitlines(True), bits)]


def needed(known: Iterable[Definition], roots: str) -> str:
    """Of what is known, in its order, what a program uses, directly or not, and what all programs must meet.

    What has a comment or several lines comes after an empty line.

    Examples
    --------
    >>> known = definitions("#define N 3\\n#define M N\\n#define K M\\n", 32)
    >>> print(needed(known, "int f(void) { return M; }"), end="")
    #define N 3
    #define M N
    """
    known = list(known)
    words = _words(_STRING.sub("", _COMMENT.sub("", roots)))
    while True:
        kept = [each for each in known if each.is_condition or each.names & words]
        texts = [each.text for each in kept]
        more = words.union(*(each.uses for each in kept))
        if more == words:
            return "".join(f"\n{text}" if text.startswith("/*") or "\n" in text[:-1] else text for text in texts)
        words = more


def _words(code: str) -> frozenset[str]:
    """The words of code without comments, but those that it declares: they are variables of its own."""
    return frozenset(re.findall(r"[A-Za-z_]\w*", code)) - frozenset(_DECLARED.findall(code))


def _definition(text: str) -> Definition:
    code = _COMMENT.sub("", text).lstrip()
    names = {*_MACRO.findall(code), *_FUNCTION.findall(code), *_TABLE.findall(code)}
    of_type = _TYPE.search(code)
    if of_type:
        names.add(of_type[1])
    return Definition(text, frozenset(names), _words(code), not names and "#error" in code)


def _parts(lines: list[str], bits: int) -> Iterator[str]:
    """The text of each definition, with the comment before it, where no empty line stands between them."""
    comment = ""
    while lines:
        line = lines[0]
        if line.startswith("/*"):
            comment += _taken(lines, lambda text: text.rstrip().endswith("*/"))
        elif _BITS.match(line):
            lines[:0] = _branch(_taken(lines, _is_whole_condition), bits)
        elif line.startswith("#if"):
            yield comment + _taken(lines, _is_whole_condition)
            comment = ""
        elif line.startswith("#define"):
            yield comment + _taken(lines, lambda text: not text.endswith("\\\n"))
            comment = ""
        elif line.startswith(("#", "\n")):
            comment = ""
            lines.pop(0)
        else:
            yield comment + _taken(lines, _is_whole_code)
            comment = ""


def _taken(lines: list[str], is_whole: Callable[[str], bool]) -> str:
    """The first lines, as many as are whole together; they are gone then."""
    text = lines.pop(0)
    while not is_whole(text):
        text += lines.pop(0)
    return text


def _is_whole_condition(text: str) -> bool:
    return len(re.findall(r"^#if", text, re.MULTILINE)) == len(re.findall(r"^#endif", text, re.MULTILINE))


def _is_whole_code(text: str) -> bool:
    code = _COMMENT.sub("", text)
    return code.count("{") == code.count("}") and code.rstrip().endswith((";", "}"))


def _branch(text: str, bits: int) -> list[str]:
    """The lines of a condition that hold for so many bits."""
    depth, holds, held, branch = 0, False, False, []
    for line in text.splitlines(True):
        depth += line.startswith("#if")
        if depth == 1 and line.startswith(("#if", "#elif", "#else")):
            asked = _BITS.match(line)
            holds = not held and (asked is None or int(asked[1]) == bits)
            held |= holds
        elif not (depth == 1 and line.startswith("#endif")) and holds:
            branch.append(line)
        depth -= line.startswith("#endif")
    return branch
