"""python -m mlpc pack: complete notebooks are copied, and what a lecturer would send back is said in sentences."""

import copy
import json
import re

import nbformat
import pytest

from mlpc import handin
from mlpc.cli import main
from mlpc.receipt import code_digest

pytestmark = pytest.mark.xdist_group("handin")  # one execution of a notebook

# A notebook of the course, in small: every kind of cell that has to come back, and an exercise that may be left out.
SOURCE = """
# %% [markdown]
# # A small exercise

# %% tags=["parameters"]
import os

GROUP = "group"
DATA = os.environ.get("PW03_DATA", "mnist")

# %%
print(f"data: {DATA}, 3 samples")

# %% [markdown]
# # Exercise 1 (optional)

# %% tags=["test"]
def nothing():
    ### YOUR CODE START ###
    #! 1.1 nothing: return None
    return None
    ### YOUR CODE END ###

# %% [markdown]
# # Exercise 2: **twice** $2 x$

# %%
def double(x):
    ### YOUR CODE START ###
    #! 2.1 double: twice `x`, that is $2 x$
    return 2 * x
    ### YOUR CODE END ###

# %% tags=["test"]
from mlpc.course.testing import checking, compare

with checking("2.1 double", "two of them"):
    compare("double(21)", double(21), 42, "two of them")

# %% tags=["test"]
from mlpc.course.testing import expect

with checking("2.1 of a text", "it is the same"):
    expect("double('a')", double("a") == "aa", "aa", double("a"), "two of them")

# %% [markdown]
# ## Curves

# %% tags=["plot"]
import mlpc

mlpc.plot.learning_curves({"a": {"loss": [3.0, 2.0], "val_loss": [3.0, 1.0]}})

# %% tags=["table"]
import pandas

total = sum(map(double, range(3)))
### YOUR CODE START ###
#! 2.2 total: as a table
table = pandas.DataFrame([{"total": total}])
### YOUR CODE END ###
table

# %% [markdown] tags=["student", "comment"]
# **Your comments on the curves.** Which of them is better, the first or the second? Why do you think so, and what would
# you try next?
#
# *Write here.*

# %% [markdown] tags=["solution"]
# It is the second.
"""
COMMENT = "The second curve is better, since its validation cost falls twice as fast."


@pytest.fixture(scope="module")
def source(build, tmp_path_factory):
    """The notebook above, as build.py reads it."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "source").mkdir()
    (folder / "source" / "pw03_small.py").write_text(SOURCE.lstrip())
    (folder / "source" / "receipt.inc").write_text((build.FOLDER / "source" / "receipt.inc").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "FOLDER", folder)
        return build.read("pw03_small")


def filled_in(build, source, data, folder, added=()):
    """A student's version with every blank filled in, every comment written and cells added, run in a kernel."""
    notebook = build.student(source, {blank.number: "\n".join(blank.solution) for blank in build.blanks(source)})
    for cell in notebook.cells:
        cell.source = cell.source.replace("*Write here.*", COMMENT)
    notebook.cells[3:3] = [nbformat.v4.new_code_cell(text) for text in added]
    build.execute(notebook, folder, data)
    return notebook


@pytest.fixture(scope="module")
def executed(build, source, tmp_path_factory):
    return {data: filled_in(build, source, data, tmp_path_factory.mktemp(data)) for data in ("mnist", "digits")}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fresh(build, source, folder):
    """The student's version as it comes."""
    path = folder / "pw03_small_stud.ipynb"
    nbformat.write(build.student(source), path)
    return path


@pytest.fixture
def pack(folder, capsys):
    """Pack a notebook; the exit status, and what is said of it."""

    def run(notebook, *options):
        path = folder / "pw03_small_stud.ipynb"
        path.write_text(json.dumps(notebook))
        status = main(["pack", "--group", "a", *options])
        sentences = [line.removeprefix(f"{path.name}: ") for line in capsys.readouterr().out.splitlines()]
        assert (folder / "pw03_small_a.ipynb").exists() == sentences[-1].startswith("It was copied")
        return status, sentences

    return run


def cell_of(notebook, text):
    return next(cell for cell in notebook.cells if text in cell.source)


# ---- what is complete ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_complete_notebook_is_copied_under_the_groups_name(executed, folder, capsys):
    path = folder / "pw03_small_stud.ipynb"
    nbformat.write(executed["mnist"], path)
    assert main(["pack", "--group", "Noether-7"]) == 0
    assert capsys.readouterr().out == "pw03_small_stud.ipynb: It was copied to pw03_small_Noether-7.ipynb.\n"
    made = nbformat.read("pw03_small_Noether-7.ipynb", as_version=4)
    nbformat.validate(made)
    assert 'GROUP = "Noether-7"' in cell_of(made, "GROUP").source
    assert [cell.get("outputs") for cell in made.cells] == [cell.get("outputs") for cell in executed["mnist"].cells]
    assert 'GROUP = \\"group\\"' in path.read_text()


@pytest.mark.slow
def test_a_copy_is_not_packed_again(executed, folder):
    nbformat.write(executed["mnist"], folder / "pw03_small_stud.ipynb")
    assert main(["pack", "--group", "a", "--to", "out"]) == main(["pack", "--group", "a"]) == 0
    assert main(["pack", "--group", "a"]) == 0
    assert sorted(path.name for path in folder.glob("**/*.ipynb")) == [
        "pw03_small_a.ipynb",
        "pw03_small_a.ipynb",
        "pw03_small_stud.ipynb",
    ]


def set_ids(notebook):
    for number, cell in enumerate(notebook.cells):
        cell.id = f"new-{number}"


def drop_ids(notebook):
    notebook.nbformat_minor = 4
    for cell in notebook.cells:
        del cell["id"]


def split_lines(notebook):
    for cell in notebook.cells:
        cell.source = cell.source.splitlines(keepends=True)


def add_a_cell(notebook):
    notebook.cells.insert(0, nbformat.v4.new_code_cell(""))
    notebook.cells.insert(6, nbformat.v4.new_markdown_cell("What we tried:"))


def name_the_group(notebook):
    cell = cell_of(notebook, "GROUP")
    cell.source = cell.source.replace('"group"', '"a"')


def strip_trailing_blanks(notebook):
    for cell in notebook.cells:
        cell.source = cell.source.replace("\n", "  \n") + "\n"


def answer_between_the_questions(notebook):
    cell = cell_of(notebook, COMMENT)
    cell.source = cell.source.replace(COMMENT, "").replace("or the second?", f"or the second? {COMMENT}")


def answer_without_the_question(notebook):
    cell_of(notebook, COMMENT).source = COMMENT


def leave_out_the_optional_exercise(notebook):
    first = notebook.cells.index(cell_of(notebook, "(optional)"))
    del notebook.cells[first : first + 2]


def take_a_class_of_the_course(notebook):
    """In place of a whole cell with a blank: run as it stands, so its receipt is made for it."""
    number = cell_of(notebook, "def double").execution_count
    cell_of(notebook, "def double").source = "from operator import itemgetter as double"
    receipt = notebook.cells[-1].outputs[0].data[handin.RECEIPT]["executions"]
    receipt[number - 1] = code_digest("from operator import itemgetter as double")


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        set_ids,
        drop_ids,
        split_lines,
        add_a_cell,
        name_the_group,
        strip_trailing_blanks,
        answer_between_the_questions,
        answer_without_the_question,
        leave_out_the_optional_exercise,
        take_a_class_of_the_course,
    ],
)
def test_what_is_right_is_packed(executed, pack, change):
    notebook = copy.deepcopy(executed["mnist"])
    change(notebook)
    assert pack(notebook) == (0, ["It was copied to pw03_small_a.ipynb."])


@pytest.mark.slow
def test_cells_that_were_run_again_in_their_order_are_complete(build, source, executed, pack):
    """Counts that leave out numbers, as after a correction: the receipt is about executions, not about cells."""
    notebook = copy.deepcopy(executed["mnist"])
    noted = notebook.cells[-1].outputs[0].data[handin.RECEIPT]
    later = [cell for cell in notebook.cells if cell.cell_type == "code"][4:]
    noted["executions"] += [code_digest(cell.source) for cell in later]
    for cell in later:
        cell.execution_count += len(later)
    assert pack(notebook)[0] == 0


# ---- what is not -----------------------------------------------------------------------------------------------------


def remove(text):
    return lambda notebook: notebook.cells.remove(cell_of(notebook, text))


def write(text, comment):
    def change(notebook):
        cell = cell_of(notebook, text)
        cell.source = cell.source.replace(COMMENT, comment)

    return change


def edit(text, old, new):
    """Edited and run again: the receipt is that of the new code."""

    def change(notebook):
        cell = cell_of(notebook, text)
        cell.source = cell.source.replace(old, new)
        assert new in cell.source
        notebook.cells[-1].outputs[0].data[handin.RECEIPT]["executions"][cell.execution_count - 1] = code_digest(
            cell.source
        )

    return change


def edit_unrun(text, old, new):
    def change(notebook):
        cell = cell_of(notebook, text)
        cell.source = cell.source.replace(old, new)
        assert new in cell.source

    return change


def output(text, **fields):
    return lambda notebook: cell_of(notebook, text).update(fields)


def both(*changes):
    def change(notebook):
        for one in changes:
            one(notebook)

    return change


def only_the_first_half(notebook):
    del notebook.cells[notebook.cells.index(cell_of(notebook, "## Curves")) :]


def swap(notebook):
    first, second = cell_of(notebook, "double(21)"), cell_of(notebook, "2.1 of a text")
    first.execution_count, second.execution_count = second.execution_count, first.execution_count


def go_on_after_the_receipt(notebook):
    last = notebook.cells[-1].execution_count
    notebook.cells.append(nbformat.v4.new_code_cell("print(1)", execution_count=last + 1))


def raise_an_error(notebook):
    error = nbformat.v4.new_output("error", ename="ValueError", evalue="", traceback=[])
    cell_of(notebook, "def double").outputs.append(error)


AGAIN = "Restart the kernel and run all cells."
FRESH = "Take it from a fresh copy of the notebook."
FIXED = "Nothing but what stands between the markers of a blank may change there."
CHANGED = f'Cell 8, with the test "2.1 double" under "Exercise 2: twice 2 x", is not as it was given. {FIXED} {FRESH}'
STUB = 'raise NotImplementedError("Exercise 2.1, double: twice `x`, that is $2 x$")'
ENDS = 'under "Before you hand in", whose cell ends the notebook'
LOST = (
    "The notebook has lost its list of cells, so nobody can tell whether one was removed. Fill in a fresh copy of the "
    "notebook, in JupyterLab for instance, which keeps the list."
)
NO_RECEIPT = (
    'The receipt is missing that the last cell puts out, under "Before you hand in". If that cell is gone, take it '
    f"from a fresh copy of the notebook. {AGAIN}"
)
NO_COPY = "No copy was made. Use --force to make one all the same."
ON_DIGITS = (
    'It was run on the 8 x 8 digits. Set DATA = "mnist" in its second code cell, restart the kernel and run all cells. '
    "Where your course takes the digits, say --digits."
)

SENT_BACK = {
    "plot removed": (remove("learning_curves"), [f'The cell with the plot under "Curves" is missing. {FRESH}']),
    "plot removed, ids rewritten": (
        both(remove("learning_curves"), set_ids),
        [f'The cell with the plot under "Curves" is missing. {FRESH}'],
    ),
    "plot emptied": (
        output("learning_curves", source="", outputs=[], execution_count=None),
        [f"Cell 11 was not run. {AGAIN}"],
    ),
    "picture removed": (output("learning_curves", outputs=[]), ['Cell 11 under "Curves": its plot is missing.']),
    "table removed": (
        output("pandas.DataFrame", outputs=[]),
        ['Cell 12 under "Curves": its table is missing.'],
    ),
    "table's cell removed": (
        remove("pandas.DataFrame"),
        [f'The cell with the table and the blank under "Curves" is missing. {FRESH}'],
    ),
    "table's cell changed outside its blank": (
        edit("pandas.DataFrame", "range(3)", "range(4)"),
        [f'Cell 12, with the table and the blank under "Curves", is not as it was given. {FIXED} {FRESH}'],
    ),
    "test removed": (
        remove("double(21)"),
        [f'The cell with the test "2.1 double" under "Exercise 2: twice 2 x" is missing. {FRESH}'],
    ),
    "test removed, no ids": (
        both(remove("double(21)"), drop_ids),
        [f'The cell with the test "2.1 double" under "Exercise 2: twice 2 x" is missing. {FRESH}'],
    ),
    "test changed": (
        edit("double(21)", "42", "double(21)"),
        [CHANGED],
    ),
    "test changed, ids rewritten": (
        both(edit("double(21)", "42", "double(21)"), set_ids),
        [CHANGED],
    ),
    "blank removed": (
        remove("def double"),
        [f'The cell with the blank under "Exercise 2: twice 2 x" is missing. {FRESH}'],
    ),
    "comment removed": (
        remove(COMMENT),
        [f'The cell with the comment "Your comments on the curves" under "Curves" is missing. {FRESH}'],
    ),
    "comment not written": (write(COMMENT, "*Write here.*"), ['Cell 13 under "Curves": your comment is missing.']),
    "comment above the placeholder": (
        write(COMMENT, f"{COMMENT}\n\n*Write here.*"),
        ['Cell 13 under "Curves": your comment is missing.'],
    ),
    "no comment": (write(COMMENT, ""), ['Cell 13 under "Curves": your comment is missing.']),
    "a word": (
        write(COMMENT, "Good."),
        ['Cell 13 under "Curves": your comment has 1 of the 8 words that a comment has at least.'],
    ),
    "some words, ids rewritten": (
        both(write(COMMENT, "The second one is the better one."), set_ids),
        ['Cell 13 under "Curves": your comment has 7 of the 8 words that a comment has at least.'],
    ),
    "one cell not run": (output("def double", execution_count=None, outputs=[]), [f"Cell 7 was not run. {AGAIN}"]),
    "two cells not run": (
        both(*(output(text, execution_count=None, outputs=[]) for text in ("def double", "learning_curves"))),
        [f"Cells 7 and 11 were not run. {AGAIN}"],
    ),
    "half of the cells": (
        only_the_first_half,
        [
            f'The cell with the plot under "Curves" is missing. {FRESH}',
            f'The cell with the table and the blank under "Curves" is missing. {FRESH}',
            f'The cell with the comment "Your comments on the curves" under "Curves" is missing. {FRESH}',
            NO_RECEIPT,
        ],
    ),
    "order": (swap, [f"Cell 9 was run before a cell above. {AGAIN}"]),
    "edited after the run": (
        edit_unrun("def double", "2 * x", "x + x"),
        [f"Cell 7 was changed after the run: the output is that of other code. {AGAIN}"],
    ),
    "run after the receipt": (
        go_on_after_the_receipt,
        [f"Cell 16 was run after the receipt was made, {ENDS}. {AGAIN}"],
    ),
    "run again out of order": (
        output("learning_curves", execution_count=10),
        [f"Cells 12 and 15 were run before a cell above. {AGAIN}"],
    ),
    "list of cells lost": (lambda notebook: notebook.metadata.pop("mlpc"), [LOST]),
    "no receipt": (
        output("handin.receipt", outputs=[]),
        [NO_RECEIPT],
    ),
    "error": (raise_an_error, ['Cell 7 under "Exercise 2: twice 2 x": it ended in an error.']),
    "not filled in": (
        edit("def double", "return 2 * x", STUB),
        ['Cell 7 under "Exercise 2: twice 2 x": Exercise 2.1 is not filled in (double: twice x, that is 2 x).'],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SENT_BACK)
def test_what_a_lecturer_would_send_back_is_refused(executed, pack, name):
    change, expected = SENT_BACK[name]
    notebook = copy.deepcopy(executed["mnist"])
    change(notebook)
    status, sentences = pack(notebook)
    assert (status, sentences) == (1, [*expected, NO_COPY])
    assert not [sentence for sentence in sentences if re.search(r"\*\*|##|\$|`", sentence) or sentence[-1] != "."]


@pytest.mark.slow
def test_a_run_on_the_digits_is_refused_where_the_course_does_not_take_it(executed, pack):
    assert pack(executed["digits"]) == (1, [ON_DIGITS, NO_COPY])
    assert pack(executed["digits"], "--digits") == (0, ["It was copied to pw03_small_a.ipynb."])


@pytest.mark.slow
def test_a_notebook_that_is_set_to_the_digits_is_refused(executed, pack):
    notebook = copy.deepcopy(executed["mnist"])
    edit("GROUP", 'DATA = os.environ.get("PW03_DATA", "mnist")', 'DATA = "digits"')(notebook)
    assert pack(notebook) == (1, [ON_DIGITS, NO_COPY])


@pytest.mark.slow
def test_the_depths_of_answers_are_repeated(executed, pack):
    lines = "depth: 2.1 double: NumPy alone\n2.2 passed\ndepth: 2.2 total: mlpc.ops\ndepth: 2.3, 2.4: mlpc.ops\n"
    notebook = copy.deepcopy(executed["mnist"])
    cell_of(notebook, "double(21)").outputs.append(nbformat.v4.new_output("stream", text=lines))
    status, (depths, copied) = pack(notebook)
    assert depths == "The blanks were answered at these depths: 2.1 by NumPy alone; 2.2, 2.3, 2.4 by mlpc.ops."
    assert status == 0 and copied.startswith("It was copied")


@pytest.mark.slow
def test_magics_of_a_students_own_cells_are_noted_as_they_stand(build, source, folder, pack):
    own = ["%%time\nx = 1", "%timeit -n 1 -r 1 x", "!true", "print?", "  y = 2\n  y", "# nothing", "x = 1;\n\n"]
    assert pack(filled_in(build, source, "mnist", folder, own))[0] == 0


@pytest.mark.slow
def test_a_real_notebook_is_packed(build, folder, capsys):
    notebook = filled_in(build, build.read("pw03_review"), "digits", folder)
    nbformat.write(notebook, "pw03_review.ipynb")
    assert main(["pack", "--group", "a", "--digits"]) == 0, capsys.readouterr().out


def test_a_fresh_notebook_lacks_everything(fresh, pack):
    status, sentences = pack(nbformat.read(fresh, as_version=4))
    assert (status, sentences) == (
        1,
        [
            'Cell 7 under "Exercise 2: twice 2 x": Exercise 2.1 is not filled in (double: twice x, that is 2 x).',
            'Cell 12 under "Curves": Exercise 2.2 is not filled in (total: as a table).',
            'Cell 13 under "Curves": your comment is missing.',
            f"No cell was run. {AGAIN}",
            NO_COPY,
        ],
    )


def test_force_copies_what_is_not_complete(fresh, capsys):
    assert main(["pack", "--group", "a", "--force"]) == 1
    assert (fresh.parent / "pw03_small_a.ipynb").exists()
    assert "Exercise 2.1 is not filled in" in capsys.readouterr().out


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
