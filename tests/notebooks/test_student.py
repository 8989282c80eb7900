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


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """A folder for what a notebook writes, and an environment that is afterwards what it was."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PW03_DATA", "digits")
    for library in ("OPENBLAS", "MKL", "VECLIB"):
        monkeypatch.setenv(f"{library}_NUM_THREADS", "1")


@pytest.mark.slow
def test_a_students_way(build, notebook, run_cell, scratch):
    """Blank by blank: left as it is, filled with nothing, and filled in; its cell is run again, and what is below it.

    A blank that is left as it is, whether those after it are filled in or not, first fails with its own sentence. One
    that is filled with nothing first fails in a visible test that names a usual reason.
    """
    ahead, filled, namespace, start = build.blanks(notebook), {}, {"__name__": "__main__"}, 0
    solutions = {blank.number: "\n".join(blank.solution) for blank in ahead}

    def failure(answers):
        """What the first failure is at or below the cell `start`."""
        for number, cell in enumerate(build.student(notebook, answers).cells[start:], start):
            if cell.cell_type == "code":
                try:
                    run_cell(cell, number, namespace)
                except Exception as error:
                    return error
        return None

    for blank in ahead:
        own = "NotImplementedError", f"Exercise {blank.number}, {blank.task}"
        others = {number: text for number, text in solutions.items() if number != blank.number}
        stop = failure(filled)
        assert (type(stop).__name__, str(stop)) == own
        cells = build.student(notebook, filled).cells
        start = next(i for i, cell in enumerate(cells) if f"Exercise {blank.number}, " in cell.source)
        stop = failure(others)
        assert (type(stop).__name__, str(stop)) == own, f"with all blanks but {blank.number} filled in"
        stop = failure(others | {blank.number: "pass"})
        says = f"{blank.number} filled with nothing: {type(stop).__name__}: {stop}"
        assert type(stop) is AssertionError and "usual reason" in str(stop), says
        filled[blank.number] = solutions[blank.number]


@pytest.mark.slow
def test_every_test_passes_twice_and_in_any_order_upwards(build, notebook, run_cell, scratch):
    cells, namespace, made, tests = build.solution(notebook).cells, {"__name__": "__main__"}, {}, []
    for number, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        before = dict(namespace)
        run_cell(cell, number, namespace)
        if "test" in build.tags(cell):
            run_cell(cell, number, namespace)
            tests.append((cell, number))
            others = sorted(name for name, value in made.items() if namespace.get(name) is not value)
            assert not others, f"the tests of cell {number} change what other cells made: {', '.join(others)}"
        else:
            # What a cell made or replaced, names that a test uses as well among them, is its own from here on.
            made |= {name: value for name, value in namespace.items() if before.get(name) is not value}
    for cell, number in reversed(tests):
        run_cell(cell, number, namespace)


def test_cells_with_visible_tests_are_tagged(build, notebook):
    cells = [cell for cell in build.solution(notebook).cells if cell.cell_type == "code"]
    says = {cell.id: re.search(r"^with checking\(|passed:", cell.source, re.MULTILINE) is not None for cell in cells}
    assert [cell.source for cell in cells if says[cell.id] != ("test" in build.tags(cell))] == []


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
