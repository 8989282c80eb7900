"""The header of the C library: csrc/core/mlpc.h, with our own headers in place of their includes, with the names of
kernels.def in place of the macros that list them, and without what only the library's own build needs.

    python tools/public_header.py > mlpc.h
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GUARD = re.compile(r"#ifndef (MLPC_\w+_H)\n#define \1\n(.*)#endif\n\Z", re.DOTALL)
BUILD_ONLY = re.compile(r"#ifdef MLPC_SHARED_LIBRARY.*?#endif\n\n?", re.DOTALL)
# Two lines: what an entry of a family becomes, and the table of entries.
LISTED = re.compile(r'#define (MLPC_\w+)\(name(?:, \w+)*\) (\w+)##name,\n#include "(\w+\.def)"\n')
ENTRY = re.compile(r"^(MLPC_\w+)\((\w+)(?:, [^()]*)?\)$", re.MULTILINE)
# One family within another.
SAME = re.compile(r"^#define (MLPC_\w+)\(name[^()]*\) (MLPC_\w+)\(name[^()]*\)$", re.MULTILINE)
INCLUDE = re.compile(r'#include "([^"]+\.h)"\n\n?')
SYSTEM_INCLUDE = re.compile(r"#include <[^>]+>\n\n?")


def written_out(path: Path, included: set[Path]) -> str:
    """The header without includes of our own files, each of which stands where the first one names it."""

    def entries(found: re.Match[str]) -> str:
        family, prefix, table = found[1], found[2], (path.parent / found[3]).read_text()
        within = dict(SAME.findall(table))
        names = [name for kind, name in ENTRY.findall(table) if family in (kind, within.get(kind))]
        return "".join(f"    {prefix}{name},\n" for name in names)

    text = BUILD_ONLY.sub("", path.read_text())
    text = LISTED.sub(entries, text)
    return INCLUDE.sub(lambda found: contents((path.parent / found[1]).resolve(), included), text)


def contents(path: Path, included: set[Path]) -> str:
    """What an included header declares, the first time: no guard, and no headers of the system, which mlpc.h includes
    itself.
    """
    if path in included:
        return ""
    included.add(path)
    guarded = GUARD.search(written_out(path, included))
    return SYSTEM_INCLUDE.sub("", guarded[2].lstrip("\n"))


if __name__ == "__main__":
    print(written_out(ROOT / "csrc/core/mlpc.h", set()), end="")
