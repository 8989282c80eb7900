"""The student versions of all notebooks: blanks, in order, and nothing of the solutions."""

import ast
import re

import pytest

STEMS = ["pw03_mlp_mnist_classification", "pw03_backprop", "pw03_autograd", "pw03_review"]


@pytest.fixture(params=STEMS)
def stem(request):
    return request.param


@pytest.fixture
def notebook(build, stem):
    return build.read(stem)


def test_every_notebook_is_tested(build):
    assert list(build.NOTEBOOKS) == STEMS


@pytest.mark.slow
def test_it_fails_at_its_first_blank_and_nowhere_earlier(build, notebook, run_cell, tmp_path, monkeypatch):
    """A student's way: run until a blank complains, fill it in, run its cell again, go on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PW03_DATA", "digits")
    ahead, filled, namespace, start = build.blanks(notebook), {}, {"__name__": "__main__"}, 0
    while ahead:
        cells = build.student(notebook, filled).cells
        with pytest.raises(NotImplementedError) as stop:
            for number, cell in enumerate(cells[start:], start):
                if cell.cell_type == "code":
                    run_cell(cell, number, namespace)
        blank = ahead.pop(0)
        assert str(stop.value) == f"Exercise {blank.number}, {blank.task}"
        filled[blank.number] = "\n".join(blank.solution)
        start = next(i for i, cell in enumerate(cells) if f"Exercise {blank.number}, " in cell.source)


def test_no_line_of_a_solution_is_in_it(build, notebook):
    text = "\n".join(cell.source for cell in build.student(notebook).cells)
    lines = [line.strip() for blank in build.blanks(notebook) for line in blank.solution]
    assert not [line for line in lines if len(line) >= 12 and line in text]


def test_no_output_is_in_it(build, notebook):
    cells = [cell for cell in build.student(notebook).cells if cell.cell_type == "code"]
    assert cells and not any(cell.outputs or cell.execution_count for cell in cells)


def test_numbers_of_blanks_ascend(build, notebook):
    numbers = [tuple(map(int, blank.number.split("."))) for blank in build.blanks(notebook)]
    assert numbers and numbers == sorted(set(numbers))


def test_group_and_data_are_parameters(build, notebook):
    (cell,) = [cell for cell in build.student(notebook).cells if "parameters" in build.tags(cell)]
    assert {node.targets[0].id for node in ast.parse(cell.source).body if isinstance(node, ast.Assign)} == {
        "GROUP",
        "DATA",
    }
    assert 'GROUP = "group"' in cell.source


def test_comments_have_a_placeholder(build, notebook):
    cells = [cell for cell in build.student(notebook).cells if "comment" in build.tags(cell)]
    assert cells and all(cell.source.endswith("*Write here.*") for cell in cells)


def test_nothing_is_pinned_and_no_magic_is_used(build, notebook):
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert not re.search(r"==\s*\d+\.\d+\.\d+|^\s*[%!]|\bpip\b(?! install 'mlpc\[)", code, re.MULTILINE)


def test_what_is_committed_is_what_the_sources_make(build, stem):
    assert list(build.drift(stem)) == []
