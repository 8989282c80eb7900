"""What a group hands in: notebooks that are complete, with the group's name in the file's name.

A student's notebook says in its metadata, under ``mlpc``, which of its cells have to come back: ``cells`` is what
`manifest` made of them. A solution says there on which ``data`` it was executed, and a copy whose it is, ``group``.
The notebook's last cell, `receipt`, notes which code was run: where a cell's code is not what was run under its number,
its output is not that of the code.
"""

import difflib
import json
import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mlpc.receipt import GROUP, RECEIPT, Receipt, code_digest, receipt

__all__ = ["Receipt", "candidates", "copy", "depths", "manifest", "missing", "receipt"]

Cell = dict[str, Any]

START, END = "### YOUR CODE START ###", "### YOUR CODE END ###"
PLACEHOLDER = "*Write here.*"
FEWEST_WORDS = 8  # of a comment
PROMISES = {"plot": "image/png", "table": "text/html"}  # what a cell with this tag puts out
KINDS = ("test", *PROMISES)
AGAIN = "Restart the kernel and run all cells."
FRESH = "Take it from a fresh copy of the notebook."

STUB = re.compile(r'^\s*raise NotImplementedError\("(Exercise [^"]*)"\)', re.MULTILINE)
BODY = re.compile(rf"({START}).*?({END})", re.DOTALL)
ON_DIGITS = re.compile(r'^DATA = "digits"', re.MULTILINE)
SAYS_DIGITS = re.compile(r"^data: digits\b", re.MULTILINE)
OPTIONAL = re.compile(r"^# Exercise \d+ \(optional\)", re.MULTILINE)
PART = re.compile(r"^# ", re.MULTILINE)
HEADING = re.compile(r"^#+ +(.*)", re.MULTILINE)
TITLE = re.compile(r'(?:checking\(\s*"|passed: )([^"{}]+)"')
MARKUP = re.compile(r"[*$`\\]|#{2,}")
DEPTH = re.compile(r"^depth: *(.*\S)", re.MULTILINE)
NUMBER_OR_DEPTH = re.compile(r"\d+\.\d+|NumPy alone|mlpc\.\w+")


def candidates(folder: Path) -> list[Path]:
    """The course's notebooks in a folder, those that `copy` made, and solutions, left out."""
    return sorted(path for path in folder.glob("pw03_*.ipynb") if not _is_made(_read(path)))


def manifest(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """What a student's notebook has to come back with: cells with a blank, a test, a plot, a table or a comment.

    Parameters
    ----------
    cells : sequence of dict
        Of the notebook that students get, whose optional exercises are left out.

    Returns
    -------
    list of dict
        For each such cell: "id"; "kinds"; the "title" of a test or a comment; "place", the last heading above it;
        "code", a digest of what stands outside its blanks; and the "prompt" of a comment.

    Examples
    --------
    >>> plot = {"cell_type": "code", "id": "a1", "metadata": {"tags": ["plot"]}, "source": "curves()"}
    >>> manifest([{"cell_type": "markdown", "metadata": {}, "source": "## Curves"}, plot])
    [{'id': 'a1', 'kinds': ['plot'], 'title': '', 'place': 'Curves', 'code': 'cb31eee73a6bf98e'}]
    """
    entries = []
    for cell, place, optional in _places(cells):
        kinds, source = _kinds(cell), _source(cell)
        if optional or not kinds:
            continue
        entry = {"id": cell.get("id"), "kinds": kinds, "title": _title(cell), "place": place}
        entries.append(entry | ({"prompt": source} if kinds == ["comment"] else {"code": _given(source)}))
    return entries


def missing(path: Path, digits: bool = False) -> list[str]:
    """What a notebook lacks, a sentence or two for each; nothing of it is checked in optional exercises.

    Parameters
    ----------
    path : Path
        A student's notebook, saved after it was run.
    digits : bool
        Whether a run on the 8 x 8 digits will do.

    Returns
    -------
    list of str
        Empty where every cell that has to come back is there, every blank is filled in, every test is as it was given,
        every cell was run as it stands, in its order and without an error, every plot and every table is there, and
        every comment is written.

    Raises
    ------
    OSError, ValueError
        Where there is no such file, or it is no notebook of the course, or one of its solutions.
    """
    notebook = _read(path)
    if _is_made(notebook):
        raise ValueError(f"{path.name}: expected a notebook that students fill in, got a solution or a copy")
    cells = notebook["cells"]
    entries = notebook["metadata"].get("mlpc", {}).get("cells")
    complaints = []
    if entries is None:
        complaints.append(
            "The notebook has lost its list of cells, so nobody can tell whether one was removed. Fill in a fresh copy "
            "of the notebook, in JupyterLab for instance, which keeps the list."
        )
    if not digits and _is_on_digits(cells):
        complaints.append(
            'It was run on the 8 x 8 digits. Set DATA = "mnist" in its second code cell, restart the kernel and run '
            "all cells. Where your course takes the digits, say --digits."
        )
    found = _match(entries or [], cells)
    complaints += (
        f"The cell with {_contents(entry)} is missing. {FRESH}"
        for entry, at in zip(entries or [], found, strict=True)
        if at is None
    )
    expected = {at: entry for entry, at in zip(entries or [], found, strict=True) if at is not None}
    return [*complaints, *_of_cells(cells, expected), *_of_runs(cells, expected)]


def depths(path: Path) -> list[str]:
    """Which blanks were answered at which depth, where the notebook's outputs say so, a sentence or none.

    Parameters
    ----------
    path : Path
        A notebook that was run.

    Returns
    -------
    list of str
        Made of the lines that begin with ``depth:``.
    """
    numbers: dict[str, list[str]] = {}
    for cell in _read(path)["cells"]:
        for line in DEPTH.findall(_printed(cell)):
            ahead: list[str] = []
            for word in NUMBER_OR_DEPTH.findall(line):
                if word[0].isdigit():
                    ahead.append(word)
                else:
                    known = numbers.setdefault(word, [])
                    known += (number for number in ahead if number not in known)
                    ahead = []
    parts = [f"{', '.join(exercises)} by {depth}" for depth, exercises in numbers.items() if exercises]
    return [f"The blanks were answered at these depths: {'; '.join(parts)}."] if parts else []


def copy(path: Path, group: str, folder: Path) -> Path:
    """Copy a notebook under the group's name, and write the name into the cell of its parameters.

    Parameters
    ----------
    path : Path
        ``pw03_backprop_stud.ipynb`` becomes ``pw03_backprop_NAME.ipynb``.
    group : str
        Letters, digits, hyphens and underscores.
    folder : Path
        Made where it is missing.

    Returns
    -------
    Path
        The copy.

    Raises
    ------
    ValueError
        Where `group` has other characters, or the notebook names another group.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", group):
        raise ValueError(f"group: expected letters, digits, hyphens and underscores, got {group!r}")
    notebook = _read(path)
    for cell in notebook["cells"]:
        if "parameters" in _tags(cell):
            named = GROUP.search(_source(cell))
            if named and named[1] not in ("group", group):
                raise ValueError(f"group: expected {named[1]!r}, as {path.name} says, got {group!r}")
            cell["source"] = GROUP.sub(f'GROUP = "{group}"', _source(cell))
    notebook["metadata"]["mlpc"] = {"group": group}
    target = folder / f"{path.stem.removesuffix('_stud')}_{group}.ipynb"
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return target


def _match(entries: Sequence[dict[str, Any]], cells: Sequence[Cell]) -> list[int | None]:
    """Where each expected cell is: by its id; where an editor has rewritten ids, by its given code or its place."""
    features = []
    for cell, place, _ in _places(cells):
        kinds = _kinds(cell)
        code = _given(_source(cell)) if cell["cell_type"] == "code" else None
        features.append({"id": cell.get("id"), "code": code, "place": (kinds, _title(cell), place)})
    found: list[int | None] = [None] * len(entries)
    taken: set[int] = set()
    ways: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
        ("id", lambda entry: entry["id"]),
        ("code", lambda entry: entry.get("code")),
        ("place", lambda entry: (entry["kinds"], entry["title"], entry["place"])),
    ]
    for way, feature in ways:
        for number, entry in enumerate(entries):
            wanted = feature(entry)
            if found[number] is None and wanted is not None:
                at = next((i for i, has in enumerate(features) if i not in taken and has[way] == wanted), None)
                if at is not None:
                    found[number] = at
                    taken.add(at)
    return found


def _of_cells(cells: Sequence[Cell], expected: dict[int, dict[str, Any]]) -> Iterator[str]:
    """What single cells lack: answers, outputs, comments."""
    for at, (cell, place, optional) in enumerate(_places(cells)):
        source, entry = _source(cell), expected.get(at)
        where = f"Cell {at + 1}{_under(place)}"
        if cell["cell_type"] == "markdown" and not optional and (entry or "comment" in _tags(cell)):
            words = _own_words(source, entry["prompt"] if entry else "")
            if PLACEHOLDER in source or not words:
                yield f"{where}: your comment is missing."
            elif words < FEWEST_WORDS:
                yield f"{where}: your comment has {words} of the {FEWEST_WORDS} words that a comment has at least."
        if cell["cell_type"] != "code" or (optional and not entry):
            continue
        stubs = STUB.findall(source)
        for blank in stubs:
            exercise, _, task = _plain(blank).partition(", ")
            yield f"{where}: {exercise} is not filled in ({task})."
        if entry and _is_fixed(entry["kinds"]) and _given(source) != entry["code"]:
            yield (
                f"Cell {at + 1}, with {_contents(entry)}, is not as it was given. Nothing but what stands between the "
                f"markers of a blank may change there. {FRESH}"
            )
        if cell.get("execution_count") is None or stubs:
            continue
        if any(output["output_type"] == "error" for output in cell["outputs"]):
            yield f"{where}: it ended in an error."
            continue
        kinds = {kind for output in cell["outputs"] for kind in output.get("data", {})}
        for tag, kind in PROMISES.items():
            if tag in (entry["kinds"] if entry else _tags(cell)) and kind not in kinds:
                yield f"{where}: its {tag} is missing."


def _of_runs(cells: Sequence[Cell], expected: Container[int]) -> Iterator[str]:
    """Whether the outputs are those of the cells as they stand."""
    code = [
        (at, cell)
        for at, (cell, _, optional) in enumerate(_places(cells))
        if cell["cell_type"] == "code" and (at in expected or (not optional and _source(cell).strip()))
    ]
    not_run = [at for at, cell in code if cell.get("execution_count") is None]
    if len(not_run) == len(code):
        yield f"No cell was run. {AGAIN}"
        return
    if not_run:
        yield f"{_cells(not_run)} not run. {AGAIN}"
    latest, early = 0, []
    for at, cell in code:
        count = cell.get("execution_count") or latest
        if count < latest:
            early.append(at)
        latest = max(latest, count)
    if early:
        yield f"{_cells(early)} run before a cell above. {AGAIN}"
        return
    noted = [
        output["data"][RECEIPT]["executions"]
        for _, cell in code
        for output in cell["outputs"]
        if RECEIPT in output.get("data", {})
    ]
    if not noted:
        if code[-1][0] not in not_run:
            yield (
                'The receipt is missing that the last cell puts out, under "Before you hand in". If that cell is gone, '
                f"take it from a fresh copy of the notebook. {AGAIN}"
            )
        return
    late = [at for at, cell in code if (cell.get("execution_count") or 0) > len(noted[-1])]
    if late:
        where = 'under "Before you hand in", whose cell ends the notebook'
        yield f"{_cells(late)} run after the receipt was made, {where}. {AGAIN}"
    other = [
        at
        for at, cell in code
        if 0 < (cell.get("execution_count") or 0) <= len(noted[-1])
        and noted[-1][cell["execution_count"] - 1] != code_digest(_source(cell))
    ]
    if other:
        yield f"{_cells(other)} changed after the run: the output is that of other code. {AGAIN}"


def _places(cells: Iterable[Cell]) -> Iterator[tuple[Cell, str, bool]]:
    """Each cell, the last heading at or above it, and whether it is part of an optional exercise."""
    place, optional = "", False
    for cell in cells:
        if cell["cell_type"] == "markdown":
            source = _source(cell)
            if PART.search(source):
                optional = OPTIONAL.search(source) is not None
            headings = HEADING.findall(source)
            place = _plain(headings[-1]) if headings else place
        yield cell, place, optional


def _kinds(cell: Cell) -> list[str]:
    """What a notebook has to come back with of a cell."""
    if cell["cell_type"] == "markdown":
        return ["comment"] if "comment" in _tags(cell) else []
    if cell["cell_type"] != "code":
        return []
    return [kind for kind in KINDS if kind in _tags(cell)] + ["blank"] * (START in _source(cell))


def _is_fixed(kinds: Sequence[str]) -> bool:
    """Whether a cell has to come back as it was given, up to what is filled into its blanks."""
    return "test" in kinds or ("blank" in kinds and len(kinds) > 1)


def _title(cell: Cell) -> str:
    """What a test says it is, or how a comment begins; nothing for other cells."""
    source, kinds = _source(cell).strip(), _kinds(cell)
    if kinds == ["comment"]:
        bold = re.match(r"\*\*(.+?)\*\*", source)
        return _plain(bold[1] if bold else source.partition("\n")[0]).rstrip(".")
    title = TITLE.search(source) if "test" in kinds else None
    return _plain(title[1]) if title else ""


def _contents(entry: dict[str, Any]) -> str:
    """What is in an expected cell, within a sentence."""
    title = f' "{entry["title"]}"' if entry["title"] else ""
    return f"the {' and the '.join(entry['kinds'])}{title}{_under(entry['place'])}"


def _under(place: str) -> str:
    return f' under "{place}"' if place else ""


def _own_words(source: str, prompt: str) -> int:
    """How many words of a comment do not belong to what it was asked by."""
    asked, words = (re.findall(r"\w[\w'.-]*", text.replace(PLACEHOLDER, "")) for text in (prompt, source))
    blocks = difflib.SequenceMatcher(None, asked, words, autojunk=False).get_matching_blocks()
    return len(words) - sum(block.size for block in blocks if block.size > 2)  # two words in a row may be chance


def _is_on_digits(cells: Sequence[Cell]) -> bool:
    return any(
        SAYS_DIGITS.search(_printed(cell)) or ("parameters" in _tags(cell) and ON_DIGITS.search(_source(cell)))
        for cell in cells
    )


def _printed(cell: Cell) -> str:
    return "".join("".join(output["text"]) for output in cell.get("outputs", []) if output["output_type"] == "stream")


def _cells(numbers: Sequence[int]) -> str:
    """The beginning of a sentence on cells: "Cell 3 was", "Cells 3, 4 and 7 were"."""
    names = [str(number + 1) for number in numbers]
    if len(names) == 1:
        return f"Cell {names[0]} was"
    return f"Cells {', '.join(names[:-1])} and {names[-1]} were"


def _given(source: str) -> str:
    """A digest of what stands outside the blanks."""
    return code_digest(BODY.sub(r"\1\2", source))


def _plain(text: str) -> str:
    return MARKUP.sub("", text).strip()


def _is_made(notebook: dict[str, Any]) -> bool:
    """Whether it is a solution or a copy: no notebook that students fill in."""
    mark = notebook["metadata"].get("mlpc", {})
    return "data" in mark or "group" in mark


def _read(path: Path) -> dict[str, Any]:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if notebook["nbformat"] == 4 and isinstance(notebook["metadata"], dict) and notebook["cells"]:
            return notebook
    except (ValueError, KeyError, TypeError):
        pass
    raise ValueError(f"{path}: expected a notebook in format 4")


def _source(cell: Cell) -> str:
    """Notebooks hold text as one string or as a list of lines."""
    return "".join(cell["source"])


def _tags(cell: Cell) -> list[str]:
    return cell["metadata"].get("tags", [])
