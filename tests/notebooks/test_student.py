"""The student versions of all notebooks: blanks, in order, and nothing of the solutions."""

import ast
import importlib.util
import re
from pathlib import Path

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
def test_every_test_passes_twice_and_again_upwards(build, notebook, run_cell, scratch, capsys):
    """Cells with the tag `test` are those that say what passed, and change nothing that other cells made."""
    namespace, made, tests = {"__name__": "__main__"}, {}, []
    for number, cell in enumerate(build.solution(notebook).cells):
        if cell.cell_type != "code":
            continue
        before = dict(namespace)
        run_cell(cell, number, namespace)
        says = capsys.readouterr().out
        is_test = re.search("^passed: ", says, re.MULTILINE) is not None
        assert is_test == ("test" in build.tags(cell)), f"cell {number} says\n{says}\nof\n{cell.source}"
        if is_test:
            run_cell(cell, number, namespace)
            capsys.readouterr()
            tests.append((cell, number))
            changed = sorted(name for name, value in made.items() if namespace.get(name) is not value)
            assert not changed, f"cell {number} changes what other cells made: {', '.join(changed)}"
        else:
            # A name that this cell gave, anew perhaps, is no test's from here on, but for what its loops leave behind.
            loops = [node.target for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.For)]
            left = {node.id for target in loops for node in ast.walk(target) if isinstance(node, ast.Name)}
            made |= {k: value for k, value in namespace.items() if before.get(k) is not value and k not in left}
    assert tests
    for cell, number in reversed(tests):
        run_cell(cell, number, namespace)


def test_cells_with_visible_tests_are_tagged(build, notebook):
    cells = [cell for cell in build.solution(notebook).cells if cell.cell_type == "code"]
    tests = [cell for cell in cells if re.search(r"^with checking\(|^print\(.passed: ", cell.source, re.MULTILINE)]
    assert [cell.source for cell in tests if "test" not in build.tags(cell)] == []


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
    assert not re.search(r"==\s*\d+\.\d+\.\d+|^\s*[%!]|\bpip\b(?! (un)?install )", code, re.MULTILINE)


def test_what_is_committed_is_what_the_sources_make(build, stem):
    assert list(build.drift(stem)) == []


def test_how_many_answers_are_tried(capsys):
    """What the tests of the four notebooks try: wrong answers, and right ones that are written in another way."""
    tried = {"WRONG": 0, "RIGHT": 0}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if path != Path(__file__):
            spec = importlib.util.spec_from_file_location(path.stem, path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            for name in tried:
                tried[name] += len(getattr(module, name, []))
    with capsys.disabled():
        print(f"\n{tried['WRONG']} wrong answers and {tried['RIGHT']} right ones are tried")
    assert tried["WRONG"] >= 130 and tried["RIGHT"] >= 20
