"""The notebooks from their sources: a student version with blanks, and an executed solution.

``python notebooks/build.py`` makes the student versions and executes the solutions on the 8 x 8 digits, into
``build/notebooks``; with ``--data mnist`` on MNIST, into ``notebooks/solutions``. ``--check`` executes nothing and
fails where a committed notebook is not what its source says.

A source is a Python file in jupytext's percent format. A blank is what stands between two markers: one line that begins
with ``#!``, with the exercise's number and what is to be done, hints that begin with ``#?``, and the solution. A code
cell that says ``#include NAME`` and nothing else becomes the text of ``source/NAME.inc``. The cells of
``source/receipt.inc`` end every notebook: they note which code was run, for ``python -m mlpc pack``.
"""

import argparse
import copy
import hashlib
import os
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from mlpc import handin

FOLDER = Path(__file__).resolve().parent
# The sources, in the order in which they are executed, and their student versions: the course's names.
NOTEBOOKS = {
    "pw03_mlp_mnist_classification": "pw03_mlp_mnist_classification_stud",
    "pw03_backprop": "pw03_backprop_stud",
    "pw03_autograd": "pw03_autograd",
    "pw03_review": "pw03_review",
}
START, END = "### YOUR CODE START ###", "### YOUR CODE END ###"
TAGS = {"parameters", "student", "solution", "plot", "table", "comment", "test"}
PROMISES = {"plot": "image/png", "table": "text/html"}  # what a cell with this tag puts out
CELL_SECONDS = 600
INCLUDE = "#include "


class Blank(NamedTuple):
    """A place to fill in: the exercise's number, what to do, hints, and the solution's lines, unindented."""

    number: str
    task: str
    hints: list[str]
    solution: list[str]


def read(stem: str) -> NotebookNode:
    """The notebook of a source, with its blanks as they are written there."""
    notebook = jupytext.read(FOLDER / "source" / f"{stem}.py")
    notebook.cells += jupytext.reads(_include("receipt"), "py:percent").cells
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    # A cell keeps its id as long as it keeps its text: new cells do not rename the others.
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.startswith(INCLUDE):
            cell.source = _include(cell.source.removeprefix(INCLUDE).strip())
        name = hashlib.sha256(cell.source.encode()).hexdigest()[:12]
        seen[name] = seen.get(name, 0) + 1
        cell.id = name if seen[name] == 1 else f"{name}-{seen[name]}"
        cell.metadata = NotebookNode({key: value for key, value in cell.metadata.items() if key == "tags"})
        unknown = set(tags(cell)) - TAGS
        if unknown:
            raise ValueError(f"{stem}: expected tags out of {sorted(TAGS)}, got {sorted(unknown)}")
    return notebook


def blanks(notebook: NotebookNode) -> list[Blank]:
    """All blanks, in their order."""
    return [part for cell in notebook.cells if cell.cell_type == "code" for part, _ in _parts(cell) if _is_blank(part)]


def student(notebook: NotebookNode, answers: Mapping[str, str] | None = None) -> NotebookNode:
    """The version with blanks, which says what has to come back; those whose numbers are in `answers` are filled in."""
    version = _version(notebook, "solution", dict(answers or {}), _stub)
    version.metadata["mlpc"] = {"cells": handin.manifest(version.cells)}
    return version


def solution(notebook: NotebookNode, answers: Mapping[str, str] | None = None) -> NotebookNode:
    """The version without blanks, not executed; `answers`, by number, stand in place of the source's."""
    return _version(notebook, "student", dict(answers or {}), lambda blank: "\n".join(blank.solution))


def execute(notebook: NotebookNode, folder: Path, data: str) -> float:
    """Run all cells in order in a kernel of its own, in `folder`; return the seconds of the slowest."""
    environment = {**os.environ, "PW03_DATA": data, "TQDM_DISABLE": "1"}  # a bar at its end tells nothing
    resources = {"metadata": {"path": folder}}
    client = NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", resources=resources)
    client.execute(env=environment)
    slowest = 0.0
    for cell in notebook.cells:
        times = cell.metadata.pop("execution", {})
        if "iopub.status.idle" in times:
            begin, end = (_time(times[f"iopub.{event}"]) for event in ("execute_input", "status.idle"))
            slowest = max(slowest, (end - begin).total_seconds())
    notebook.metadata["language_info"] = {"name": "python"}
    return slowest


def drift(stem: str) -> Iterator[str]:
    """What is not as the source says in the committed notebooks, a sentence each."""
    source = read(stem)
    path = FOLDER / f"{NOTEBOOKS[stem]}.ipynb"
    if not path.exists() or path.read_text(encoding="utf-8") != nbformat.writes(student(source)) + "\n":
        yield f"{path.name} is not what its source makes"
    path = FOLDER / "solutions" / f"{stem}.ipynb"
    if not path.exists():
        yield f"solutions/{path.name} is missing"
        return
    executed = nbformat.read(path, as_version=4)
    if executed.metadata.get("mlpc") != {"data": "mnist"}:
        yield f"solutions/{path.name} was not executed on MNIST"
    expected = solution(source)
    if [(cell.cell_type, cell.source) for cell in executed.cells] != [(c.cell_type, c.source) for c in expected.cells]:
        yield f"solutions/{path.name} has other cells than its source"
    count = 0
    for cell in executed.cells:
        if cell.cell_type != "code":
            continue
        count += 1
        place = f"solutions/{path.name}, cell [{cell.execution_count}]"
        if cell.execution_count != count:
            yield f"{place}: expected [{count}]: the cells were not executed in their order, each once"
        if any(output.output_type == "error" for output in cell.outputs):
            yield f"{place} ended in an error"
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield f"{place} warned"
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        for tag in tags(cell):
            if tag in PROMISES and PROMISES[tag] not in kinds:
                yield f"{place} is tagged {tag} and put out no {PROMISES[tag]}"


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return cell.metadata.get("tags", [])


def _include(name):
    """The text of an include."""
    return (FOLDER / "source" / f"{name}.inc").read_text(encoding="utf-8").strip("\n")


def _version(notebook, without, answers, fill):
    """A copy without the cells of a tag, each blank filled by its answer or by `fill`."""
    version = copy.deepcopy(notebook)
    version.cells = [cell for cell in version.cells if without not in tags(cell)]
    for cell in version.cells:
        if cell.cell_type != "code":
            continue
        lines = []
        for part, indent in _parts(cell):
            if _is_blank(part):
                text = answers.pop(part.number) if part.number in answers else fill(part)
                body = textwrap.dedent(text).strip("\n")
                lines += [indent + START, textwrap.indent(body, indent), indent + END]
            else:
                lines.append(part)
        cell.source = "\n".join(lines)
    if answers:
        raise KeyError(f"answers: expected numbers of blanks, got {sorted(answers)}")
    return version


def _parts(cell):
    """The blanks of a code cell with their indentation, and the lines between them."""
    inside = None
    for line in cell.source.split("\n"):
        text = line.strip()
        if text == START:
            indent, inside = line[: line.index(START)], []
        elif text == END:
            yield _blank(inside), indent
            inside = None
        elif inside is None:
            yield line, ""
        else:
            inside.append(line)
    if inside is not None:
        raise ValueError(f"expected {END!r} after {inside}")


def _blank(lines):
    instructions = [line.strip() for line in lines if line.strip().startswith(("#!", "#?"))]
    code = [line for line in lines if not line.strip().startswith(("#!", "#?"))]
    if not instructions or [line[:2] for line in instructions].count("#!") != 1 or instructions[0][:2] != "#!":
        raise ValueError(f"expected one line that begins with '#!' first in a blank, got {instructions}")
    number, _, task = instructions[0][2:].strip().partition(" ")
    if '"' in task:
        raise ValueError(f"expected no quotes in what is to be done, got {task}")
    hints = [line[2:].strip() for line in instructions[1:]]
    return Blank(number, task, hints, textwrap.dedent("\n".join(code)).strip("\n").split("\n"))


def _stub(blank):
    hints = [f"# Hint: {hint}" for hint in blank.hints]
    return "\n".join([*hints, f'raise NotImplementedError("Exercise {blank.number}, {blank.task}")'])


def _is_blank(part):
    return isinstance(part, Blank)


def _time(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 does not know Z


def _write(notebook, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"out of {', '.join(NOTEBOOKS)}; all by default")
    parser.add_argument("--data", choices=["digits", "mnist"], default="digits", help="what the solutions train on")
    parser.add_argument("--check", action="store_true", help="execute nothing; fail where committed notebooks drifted")
    options = parser.parse_args()
    unknown = set(options.names) - set(NOTEBOOKS)
    if unknown:
        parser.error(f"NAME: expected some of {', '.join(NOTEBOOKS)}, got {', '.join(sorted(unknown))}")
    names = [stem for stem in NOTEBOOKS if stem in options.names or not options.names]
    if options.check:
        complaints = [complaint for stem in names for complaint in drift(stem)]
        print("\n".join(complaints) or f"{len(names)} notebooks are what their sources say")
        return len(complaints) > 0

    target = FOLDER / "solutions" if options.data == "mnist" else FOLDER.parent / "build" / "notebooks"
    # All are executed in one folder: the records of the runs that one makes are read by the next.
    with tempfile.TemporaryDirectory() as scratch:
        for stem in names:
            source = read(stem)
            _write(student(source), FOLDER / f"{NOTEBOOKS[stem]}.ipynb")
            executed, begin = solution(source), time.perf_counter()
            slowest = execute(executed, Path(scratch), options.data)
            executed.metadata["mlpc"] = {"data": options.data}
            path = target / f"{stem}.ipynb"
            _write(executed, path)
            seconds, size = time.perf_counter() - begin, path.stat().st_size / 1e6
            print(f"{stem}: {seconds:.0f} s, the slowest cell {slowest:.0f} s, {size:.1f} MB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
