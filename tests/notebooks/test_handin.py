"""python -m mlpc pack: complete notebooks are copied, and what is missing in others is said."""

import json

import nbformat
import pytest

from mlpc.__main__ import main

pytestmark = pytest.mark.xdist_group("handin")  # one execution of a notebook


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fresh(build, folder):
    """The student's version of exercise 4, as it comes."""
    path = folder / "pw03_autograd.ipynb"
    nbformat.write(build.student(build.read("pw03_autograd")), path)
    return path


@pytest.fixture(scope="module")
def executed(build, tmp_path_factory):
    """A student's version with every blank filled in, run on the digits, its comments written."""
    source = build.read("pw03_autograd")
    notebook = build.student(source, {blank.number: "\n".join(blank.solution) for blank in build.blanks(source)})
    build.execute(notebook, tmp_path_factory.mktemp("run"), "digits")
    for cell in notebook.cells:
        cell.source = cell.source.replace("*Write here.*", "The tape remembers every step.")
    return notebook


@pytest.fixture
def complete(executed, folder):
    path = folder / "pw03_backprop_stud.ipynb"
    nbformat.write(executed, path)
    return path


@pytest.mark.slow
def test_a_complete_notebook_is_copied_under_the_groups_name(complete, capsys):
    assert main(["pack", "--group", "Noether-7"]) == 0
    copy = nbformat.read("pw03_backprop_Noether-7.ipynb", as_version=4)
    nbformat.validate(copy)
    assert 'GROUP = "Noether-7"' in next(c.source for c in copy.cells if "parameters" in c.metadata.get("tags", []))
    original = nbformat.read(complete, as_version=4)
    assert [cell.get("outputs") for cell in copy.cells] == [cell.get("outputs") for cell in original.cells]
    assert 'GROUP = "group"' in complete.read_text().replace('\\"', '"')
    assert "copied to pw03_backprop_Noether-7.ipynb" in capsys.readouterr().out


@pytest.mark.slow
def test_a_copy_is_not_packed_again(complete):
    assert main(["pack", "--group", "a", "--to", "out"]) == main(["pack", "--group", "a"]) == 0
    assert main(["pack", "--group", "a"]) == 0
    assert sorted(path.name for path in complete.parent.glob("**/*.ipynb")) == [
        "pw03_backprop_a.ipynb",
        "pw03_backprop_a.ipynb",
        "pw03_backprop_stud.ipynb",
    ]


CHANGES = {
    "a plot is missing": lambda cells, build: next(c for c in cells if "plot" in build.tags(c)).update(outputs=[]),
    "a table is missing": lambda cells, build: next(c for c in cells if "table" in build.tags(c)).update(outputs=[]),
    "your comment is missing: Your comments.": lambda cells, build: next(
        c for c in cells if "comment" in build.tags(c)
    ).update(source="**Your comments.** What?\n\n*Write here.*"),
    "was not run": lambda cells, build: cells[-3].update(execution_count=None),
    "was run before a cell above it": lambda cells, build: cells[-3].update(execution_count=1),
    "ended in an error": lambda cells, build: cells[1].outputs.append(
        nbformat.v4.new_output("error", ename="ValueError", evalue="", traceback=[])
    ),
    "not filled in: Exercise 4.1, graph_forward": lambda cells, build: cells[1].update(
        source='raise NotImplementedError("Exercise 4.1, graph_forward: ...")'
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("sentence", CHANGES)
def test_one_missing_thing_is_said(build, complete, capsys, sentence):
    notebook = nbformat.read(complete, as_version=4)
    CHANGES[sentence](notebook.cells, build)
    nbformat.write(notebook, complete)
    assert main(["pack", "--group", "a"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and sentence in lines[0] and "no copy was made" in lines[1]
    assert not (complete.parent / "pw03_backprop_a.ipynb").exists()


def test_force_copies_what_is_not_complete(fresh, capsys):
    assert main(["pack", "--group", "a", "--force"]) == 1
    assert (fresh.parent / "pw03_autograd_a.ipynb").exists()
    out = capsys.readouterr().out
    assert all(f"not filled in: Exercise 4.{number}," in out for number in range(1, 11))


def test_an_optional_exercise_may_be_left_out(build, folder, capsys):
    nbformat.write(build.student(build.read("pw03_backprop")), folder / "pw03_backprop_stud.ipynb")
    assert main(["pack", "--group", "a"]) == 1
    out = capsys.readouterr().out
    assert "Exercise 3.1" in out and "Exercise 1.1" not in out


@pytest.mark.parametrize("group", ["", "a b", "../a", "é"])
def test_names_of_groups_are_names_of_files(fresh, capsys, group):
    assert main(["pack", "--group", group, "--force"]) == 1
    assert "group: expected letters, digits, hyphens and underscores" in capsys.readouterr().err
    assert list(fresh.parent.iterdir()) == [fresh]


def test_the_notebooks_own_group_is_kept(fresh, capsys):
    fresh.write_text(fresh.read_text().replace('GROUP = \\"group\\"', 'GROUP = \\"mine\\"'))
    assert main(["pack", "--group", "theirs", "--force"]) == 1
    assert "group: expected 'mine'" in capsys.readouterr().err


def test_solutions_are_not_handed_in(build, capsys):
    assert main(["pack", "--group", "a", str(build.FOLDER / "solutions" / "pw03_review.ipynb")]) == 1
    assert "expected a notebook that students fill in" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{}", "[]", json.dumps({"nbformat": 3, "metadata": {}, "cells": [1]})])
def test_what_is_no_notebook_is_refused(folder, capsys, text):
    (folder / "pw03_a.ipynb").write_text(text)
    assert main(["pack", "--group", "a"]) == 1
    assert "expected a notebook in format 4" in capsys.readouterr().err


def test_nothing_to_pack_is_said(folder, capsys):
    assert main(["pack", "--group", "a"]) == 1
    assert "there is no pw03_*.ipynb here" in capsys.readouterr().err
