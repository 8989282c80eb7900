"""What a group hands in: notebooks that are complete, with the group's name in the file's name."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["candidates", "copy", "missing"]

PLACEHOLDER = "*Write here.*"
PROMISES = {"plot": ("image/png", "a plot"), "table": ("text/html", "a table")}
STUB = re.compile(r'^\s*raise NotImplementedError\("(Exercise [^"]*)"\)', re.MULTILINE)
GROUP = re.compile(r'^GROUP = "([^"\n]*)"', re.MULTILINE)
OPTIONAL = re.compile(r"^# Exercise \d+ \(optional\)", re.MULTILINE)
PART = re.compile(r"^# ", re.MULTILINE)


def candidates(folder: Path) -> list[Path]:
    """The course's notebooks in a folder, those that `copy` made left out."""
    return sorted(path for path in folder.glob("pw03_*.ipynb") if not _read(path)["metadata"].get("mlpc"))


def missing(path: Path) -> list[str]:
    """What a notebook lacks, a sentence for each; nothing of it is checked in parts that are optional exercises.

    Parameters
    ----------
    path : Path
        A student's notebook, saved after it was run.

    Returns
    -------
    list of str
        Empty where every blank is filled in, every cell was run, in its order and without an error, every plot and
        every table is there, and every comment is written.

    Raises
    ------
    OSError, ValueError
        Where there is no such file, or it is no notebook of the course, or one of its solutions.
    """
    notebook = _read(path)
    if notebook["metadata"].get("mlpc"):
        raise ValueError(f"{path.name}: expected a notebook that students fill in, got a solution or a copy")
    return list(_complaints(notebook["cells"]))


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


def _complaints(cells: list[dict[str, Any]]) -> Iterator[str]:
    latest, optional = 0, False
    for number, cell in enumerate(cells, 1):
        source = _source(cell)
        if cell["cell_type"] == "markdown":
            if PART.search(source):
                optional = OPTIONAL.search(source) is not None
            if "comment" in _tags(cell) and PLACEHOLDER in source:
                yield f"cell {number}: your comment is missing: {source.strip().splitlines()[0].strip('*')}"
            continue
        if cell["cell_type"] != "code" or optional or not source.strip():
            continue
        for blank in STUB.findall(source):
            yield f"cell {number}: not filled in: {blank}"
        count = cell["execution_count"]
        if count is None:
            yield f"cell {number}: was not run"
            continue
        if count < latest:
            yield f"cell {number}: was run before a cell above it; restart and run all cells"
        latest = max(latest, count)
        if any(output["output_type"] == "error" for output in cell["outputs"]):
            yield f"cell {number}: ended in an error"
        kinds = {kind for output in cell["outputs"] for kind in output.get("data", {})}
        for tag, (kind, what) in PROMISES.items():
            if tag in _tags(cell) and kind not in kinds:
                yield f"cell {number}: {what} is missing"


def _read(path: Path) -> dict[str, Any]:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if notebook["nbformat"] == 4 and isinstance(notebook["metadata"], dict) and notebook["cells"]:
            return notebook
    except (ValueError, KeyError, TypeError):
        pass
    raise ValueError(f"{path}: expected a notebook in format 4")


def _source(cell: dict[str, Any]) -> str:
    """Notebooks hold text as one string or as a list of lines."""
    return "".join(cell["source"])


def _tags(cell: dict[str, Any]) -> list[str]:
    return cell["metadata"].get("tags", [])
