"""Names in C and in files of C: of functions, and of what stands in comments and strings."""

from __future__ import annotations

import os
import re

from mlpc.files import named_path

__all__ = ["SYSTEM_HEADERS", "checked_name", "commented", "quoted", "source_path"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*")
_KEYWORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const const_cast constexpr
    continue decltype default delete do double dynamic_cast else enum explicit export extern false float for friend goto
    if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public
    register reinterpret_cast restrict return short signed sizeof static static_assert static_cast struct switch
    template this thread_local throw true try typedef typeid typename typeof union unsigned using virtual void volatile
    wchar_t while xor xor_eq
    mlpc
"""
"""Of C99 to C23 and of C++; and what functions of the C library begin with."""

SYSTEM_HEADERS = ("float", "math", "stddef", "stdint", "string")
"""What a network's file includes; the header beside it may not be called so."""


def source_path(path: str | os.PathLike[str]) -> str:
    """The path of a file of C that is to be written, as text.

    Raises
    ------
    TypeError, ValueError
        Where it is none, or does not end in .c, or its header would be taken for one of the system.

    Examples
    --------
    >>> source_path("build/digits.c")
    'build/digits.c'
    """
    text = named_path("path", path, ".c")
    stem = os.path.basename(text)[:-2]
    if not stem or re.search(r'["\\\x00-\x1f\x7f\ud800-\udfff]|\?\?', stem):  # ??( and the like are other characters
        raise ValueError(f"path: expected a name that a file of C can include, got {text!r}")
    if stem.lower() in SYSTEM_HEADERS:
        raise ValueError(f"path: expected another name than that of a header of C, {stem}.h, got {text!r}")
    return text


def checked_name(name: object, path: str) -> str:
    """What the functions' names begin with; for None what the file's name begins with.

    Raises
    ------
    TypeError, ValueError
        Where it is no identifier of C and C++ that programs may use.

    Examples
    --------
    >>> checked_name(None, "build/digits.c"), checked_name("mnist_100", "net.c")
    ('digits', 'mnist_100')
    """
    given = os.path.basename(path)[:-2] if name is None else name
    if not isinstance(given, str):
        raise TypeError(f"name: expected a text, got {name!r}")
    if not _NAME.fullmatch(given) or given in _KEYWORDS.split():
        raise ValueError(
            "name: expected a name in C of letters, digits and single underscores, beginning with a letter, and no "
            f"keyword or 'mlpc', got {given!r}{' from the path' if name is None else ''}"
        )
    return given


def quoted(text: str) -> str:
    """A string of C with a label's text in UTF-8.

    Raises
    ------
    ValueError
        Where there is a NUL in it, which would end the string.

    Examples
    --------
    >>> print(quoted('say "hé"'))
    "say \\"h\\303\\251\\""
    """
    if "\0" in text:
        raise ValueError(f"labels: expected texts without NUL, which ends a string in C, got {text!r}")
    plain = {ord('"'): '\\"', ord("\\"): "\\\\", ord("?"): "\\?"}
    return f'"{"".join(_character(byte, plain) for byte in text.encode("utf-8", "surrogatepass"))}"'


def _character(byte: int, plain: dict[int, str]) -> str:
    return plain.get(byte, chr(byte)) if 32 <= byte < 127 else f"\\{byte:03o}"


def commented(text: str) -> str:
    """The text as it may stand in a comment: in one line of ASCII that neither ends nor begins one.

    Examples
    --------
    >>> print(commented("a*/b"), commented("é"))
    a* /b \\xe9
    """
    escaped = ascii(text)[1:-1]
    return escaped.replace("*/", "* /").replace("/*", "/ *").replace("??/", "?? /")
