"""notebooks/build.py: versions of a small notebook, and every kind of drift."""

import nbformat
import pytest

SOURCE = """# ---
# jupyter:
#   jupytext:
#     comment_magics: false
# ---

# %% [markdown]
# # Title

# %%
def double(x):
    ### YOUR CODE START ###
    #! 1.1 double: twice x
    #? Two of them.
    if x:
        return 2 * x
    return x
    ### YOUR CODE END ###

# %% tags=["table"]
import os
import pandas
pandas.DataFrame([{os.environ["PW03_DATA"]: double(21)}])

# %% [markdown] tags=["student", "comment"]
# *Write here.*

# %% [markdown] tags=["solution"]
# It is 42.
"""


@pytest.fixture
def folder(build, tmp_path, monkeypatch):
    """A folder with one small source, built and executed as if on MNIST."""
    receipt = (build.FOLDER / "source" / "receipt.inc").read_text()
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    monkeypatch.setattr(build, "NOTEBOOKS", {"small": "small_stud"})
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "small.py").write_text(SOURCE)
    (tmp_path / "source" / "receipt.inc").write_text(receipt)
    return tmp_path


@pytest.fixture
def built(build, folder, monkeypatch):
    monkeypatch.setattr("sys.argv", ["build.py", "--data", "mnist"])
    assert build.main() == 0
    return folder


def test_a_blank_is_a_stub_with_hints(build, folder):
    cells = build.student(build.read("small")).cells
    assert cells[1].source.split("\n") == [
        "def double(x):",
        "    ### YOUR CODE START ###",
        "    # Hint: Two of them.",
        '    raise NotImplementedError("Exercise 1.1, double: twice x")',
        "    ### YOUR CODE END ###",
    ]
    assert cells[3].source == "*Write here.*"


def test_a_solution_is_the_code_alone(build, folder):
    cells = build.solution(build.read("small")).cells
    assert cells[1].source.split("\n") == [
        "def double(x):",
        "    ### YOUR CODE START ###",
        "    if x:",
        "        return 2 * x",
        "    return x",
        "    ### YOUR CODE END ###",
    ]
    assert cells[3].source == "It is 42."


def test_answers_stand_in_place_of_the_solution(build, folder):
    cells = build.solution(build.read("small"), {"1.1": "return x + x"}).cells
    assert cells[1].source.split("\n")[2] == "    return x + x"


def test_an_answer_without_a_blank_is_refused(build, folder):
    with pytest.raises(KeyError, match=r"1\.2"):
        build.solution(build.read("small"), {"1.2": ""})


def test_a_blank_without_its_number_is_refused(build, folder):
    (folder / "source" / "small.py").write_text(SOURCE.replace("#! 1.1", "# 1.1"))
    with pytest.raises(ValueError, match="'#!' first"):
        build.blanks(build.read("small"))


def test_quotes_in_a_task_are_refused(build, folder):
    (folder / "source" / "small.py").write_text(SOURCE.replace("twice x", 'twice "x"'))
    with pytest.raises(ValueError, match="no quotes"):
        build.blanks(build.read("small"))


def test_a_blank_without_its_end_is_refused(build, folder):
    (folder / "source" / "small.py").write_text(SOURCE.replace("### YOUR CODE END ###", ""))
    with pytest.raises(ValueError, match="YOUR CODE END"):
        build.blanks(build.read("small"))


def test_an_unknown_tag_is_refused(build, folder):
    (folder / "source" / "small.py").write_text(SOURCE.replace('"table"', '"tabel"'))
    with pytest.raises(ValueError, match="tabel"):
        build.read("small")


@pytest.mark.slow
def test_what_was_built_has_not_drifted(build, built):
    assert list(build.drift("small")) == []
    executed = nbformat.read(built / "solutions" / "small.ipynb", as_version=4)
    assert "mnist" in executed.cells[2].outputs[0].data["text/html"]
    assert [cell.execution_count for cell in executed.cells if cell.cell_type == "code"] == [1, 2, 3]


def test_an_include_is_the_text_of_its_file(build, folder):
    (folder / "source" / "setup.inc").write_text("import os\n")
    (folder / "source" / "small.py").write_text(f"{SOURCE}\n# %%\n#include setup\n")
    assert "import os" in [cell.source for cell in build.read("small").cells]


def test_both_versions_end_with_the_receipt(build, folder):
    notebook = build.read("small")
    for version in (build.student(notebook), build.solution(notebook)):
        assert version.cells[-2].source.startswith("# Before you hand in")
        assert "handin.receipt()" in version.cells[-1].source


def test_a_students_version_says_what_has_to_come_back(build, folder):
    notebook = build.read("small")
    entries = build.student(notebook).metadata.mlpc.cells
    assert [(entry["kinds"], entry["place"]) for entry in entries] == [
        (["blank"], "Title"),
        (["table"], "Title"),
        (["comment"], "Title"),
    ]
    assert entries == build.student(notebook, {"1.1": "return x + x"}).metadata.mlpc.cells
    assert "mlpc" not in build.solution(notebook).metadata


CHANGES = {
    "not executed on MNIST": lambda notebook: notebook.metadata.mlpc.update(data="digits"),
    "has other cells than its source": lambda notebook: notebook.cells[1].update(source="1"),
    "cell [7]: expected [1]": lambda notebook: notebook.cells[1].update(execution_count=7),
    "is tagged table and put out no text/html": lambda notebook: notebook.cells[2].update(outputs=[]),
    "ended in an error": lambda notebook: notebook.cells[1].outputs.append(
        nbformat.v4.new_output("error", ename="ValueError", evalue="", traceback=[])
    ),
    "warned": lambda notebook: notebook.cells[1].outputs.append(
        nbformat.v4.new_output("stream", name="stderr", text="Warning")
    ),
}


@pytest.mark.slow
def test_every_kind_of_drift_is_told(build, built, monkeypatch):
    path = built / "solutions" / "small.ipynb"
    good = path.read_text()
    for sentence, change in CHANGES.items():
        notebook = nbformat.reads(good, as_version=4)
        change(notebook)
        nbformat.write(notebook, path)
        (complaint,) = build.drift("small")
        assert sentence in complaint
    path.write_text(good)
    source = built / "source" / "small.py"
    source.write_text(source.read_text().replace("2 * x", "x + x").replace("twice x", "two x"))
    assert list(build.drift("small")) == [
        "small_stud.ipynb is not what its source makes",
        "solutions/small.ipynb has other cells than its source",
    ]
    monkeypatch.setattr("sys.argv", ["build.py", "--check"])
    assert build.main() == 1
