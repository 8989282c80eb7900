"""The first cell of every notebook: what is missing, and what only has mlpc's name, is told in plain words."""

import importlib.util
import os
import subprocess
import sys

import pytest

INSTALL = "In a clone or an unpacked archive of the course's mlpc: pip install '.[notebooks]'; then restart the kernel."
LIBRARIES = ("OPENBLAS", "MKL", "VECLIB")


@pytest.fixture
def setup(build):
    """The cell's text."""
    return (build.FOLDER / "source" / "setup.inc").read_text()


@pytest.fixture
def run(setup, monkeypatch):
    """Run the cell in this process, whose environment and modules are afterwards what they were."""
    for library in LIBRARIES:
        monkeypatch.setenv(f"{library}_NUM_THREADS", "3")
    return lambda: exec(compile(setup, "<setup>", "exec"), {})


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """Put another mlpc before ours, a package of one file with a text."""

    def make(text):
        package = tmp_path / "mlpc"
        package.mkdir()
        if text is not None:
            (package / "__init__.py").write_text(text)
        for name in [name for name in sys.modules if name.partition(".")[0] == "mlpc"]:
            monkeypatch.delitem(sys.modules, name)
        # Nothing finds ours: an editable one is found by a finder, before a folder without __init__.py.
        monkeypatch.setattr(sys, "path", [str(tmp_path), *(path for path in sys.path if "site-packages" in path)])
        monkeypatch.setattr(sys, "meta_path", [find for find in sys.meta_path if "editable" not in repr(find).lower()])
        importlib.invalidate_caches()
        return package

    return make


def test_it_is_the_first_cell_of_code_of_every_notebook(build, setup):
    for stem in build.NOTEBOOKS:
        first = next(cell for cell in build.read(stem).cells if cell.cell_type == "code")
        assert first.source == setup.strip()


def test_it_says_nothing_where_all_is_there(run, capsys):
    run()
    assert capsys.readouterr() == ("", "")


def test_missing_packages_are_named(run, monkeypatch):
    found = importlib.util.find_spec
    hidden = ("matplotlib", "pandas")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in hidden else found(name, *rest))
    with pytest.raises(ImportError) as failure:
        run()
    assert str(failure.value) == "This notebook needs matplotlib and pandas: pip install matplotlib pandas"


def test_a_missing_mlpc_comes_from_a_clone(run, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "mlpc" else found(name, *rest))
    with pytest.raises(ImportError) as failure:
        run()
    assert str(failure.value) == f"This notebook needs mlpc. {INSTALL}"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("class MLPC:\n    pass\n", "it has no MLP"),
        (None, "it has no MLP"),  # a namespace package: a folder that lies about
        ("import nothing_of_that_name\n", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("print 'Python 2'\n", "SyntaxError: Missing parentheses in call to 'print'"),
        ("raise RuntimeError('no licence')\n", "RuntimeError: no licence"),
        ("import sys; sys.exit('no licence')\n", "SystemExit: no licence"),
    ],
)
def test_a_strangers_mlpc_is_recognised(run, stranger, text, wrong):
    package = stranger(text)
    where = package if text is None else package / "__init__.py"
    with pytest.raises(ImportError) as failure:
        run()
    message = str(failure.value)
    assert message.startswith(f"{where} is not the course's mlpc ({wrong}")
    assert message.endswith(
        "Remove somebody else's package of that name by pip uninstall mlpc, and rename a folder that hides ours. "
        + INSTALL
    )


def test_numpys_own_threads_are_limited_and_mlpcs_are_not(setup):
    """In a process of its own, without NumPy; what the user has set stays."""
    names = [f"{library}_NUM_THREADS" for library in (*LIBRARIES, "OMP", "MLPC")]
    program = f"{setup}\nprint([os.environ.get(name) for name in {names}])"
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment["MKL_NUM_THREADS"] = "2"
    result = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert result.stdout == "['1', '2', '1', None, None]\n", result.stderr
