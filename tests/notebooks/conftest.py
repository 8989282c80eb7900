"""Running a notebook in this process: its code cells in one namespace, in a folder of its own."""

import importlib.util
import linecache
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def build():
    """notebooks/build.py as a module."""
    spec = importlib.util.spec_from_file_location("build", ROOT / "notebooks" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def notebook(build, request):
    """The notebook whose source the test module names."""
    return build.read(request.module.STEM)


@pytest.fixture
def run_cell():
    """Execute one code cell in a namespace; a traceback shows the cell's lines."""

    def run(cell, number, namespace):
        name = f"<cell {number}>"
        linecache.cache[name] = (len(cell.source), None, cell.source.splitlines(keepends=True), name)
        exec(compile(cell.source, name, "exec"), namespace)

    return run


@pytest.fixture
def run_notebook(tmp_path, monkeypatch, run_cell):
    """Execute a notebook in a folder, up to the cell that holds the text `until`; return its namespace."""

    def run(notebook, *, until=None, data="digits", folder="."):
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / folder)
        monkeypatch.setenv("PW03_DATA", data)
        for library in ("OPENBLAS", "MKL", "VECLIB"):  # the first cell sets them: not for the tests after this one
            monkeypatch.setenv(f"{library}_NUM_THREADS", "1")
        namespace = {"__name__": "__main__"}
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                run_cell(cell, number, namespace)
                if until is not None and until in cell.source:
                    return namespace
        assert until is None, f"no cell holds {until!r}"
        return namespace

    return run


@pytest.fixture
def stops(build, notebook, run_notebook):
    """Check that a wrong answer fails a visible test, no later than in the cell that holds `until`, and says why."""

    def check(exercise, answer, says, *, until, change=lambda source: source):
        wrong = build.solution(notebook, {exercise: answer})
        for cell in wrong.cells:
            cell.source = change(cell.source)
        with pytest.raises(AssertionError) as failure:
            run_notebook(wrong, until=until)
        assert re.search(says, str(failure.value), re.DOTALL), failure.value

    return check
