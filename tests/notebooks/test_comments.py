"""Every number in the comments of the committed solutions stands in an output beside it."""

import html
import re

import nbformat
import pytest

NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?: ?%)?")
FORMULA = re.compile(r"\$\$.*?\$\$|\$.*?\$|`[^`]*`", re.DOTALL)


def numbers(text):
    """The numbers of a text as they are written: "97.5 %" as 97.5%, "109,260" as 109260; those of formulas left out."""
    found = NUMBER.findall(FORMULA.sub(" ", text))
    return {re.sub(r"[ ,]", "", number) for number in found}


def output_text(cell):
    """What a reader sees of a cell's outputs as text."""
    texts = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        texts += [output.get("text", ""), data.get("text/plain", "")]
        table = re.sub(r"<style.*?</style>", " ", data.get("text/html", ""), flags=re.DOTALL)
        texts.append(html.unescape(re.sub(r"<[^>]*>", " ", table)))
    return " ".join(texts)


def unsupported(build, executed):
    """The numbers of each comment that no output since the comment before it holds: (first words, numbers)."""
    held = set()
    for cell in executed.cells:
        if cell.cell_type == "code":
            held |= numbers(output_text(cell))
        elif "solution" in build.tags(cell):
            missing = numbers(cell.source) - held
            if missing:
                yield cell.source[:40], sorted(missing)
            held = set()


@pytest.mark.parametrize("stem", ["pw03_mlp_mnist_classification", "pw03_backprop", "pw03_autograd", "pw03_review"])
def test_numbers_in_comments_stand_in_outputs(build, stem):
    executed = nbformat.read(build.FOLDER / "solutions" / f"{stem}.ipynb", as_version=4)
    comments = [cell for cell in executed.cells if "solution" in build.tags(cell)]
    assert comments and list(unsupported(build, executed)) == []


def test_a_number_without_an_output_is_found(build):
    """The check itself: another rounding, a number of an earlier comment's outputs, formulas and code."""
    code = nbformat.v4.new_code_cell("accuracy")
    code.outputs = [nbformat.v4.new_output("stream", text="97.53% of 10,000, relu 100-50")]
    comment = nbformat.v4.new_markdown_cell("97.53 % of 10,000 with relu 100-50, $e = 2.718$, `3`.", metadata={})
    comment.metadata.tags = ["solution"]
    wrong = nbformat.v4.new_markdown_cell("97.5 % are right.")
    wrong.metadata.tags = ["solution"]
    stale = nbformat.v4.new_markdown_cell("97.53 % are right.")
    stale.metadata.tags = ["solution"]
    book = nbformat.v4.new_notebook(cells=[code, comment])
    assert list(unsupported(build, book)) == []
    book.cells[1] = wrong
    assert list(unsupported(build, book)) == [("97.5 % are right.", ["97.5%"])]
    book.cells[1:] = [comment, stale]
    assert list(unsupported(build, book)) == [("97.53 % are right.", ["97.53%"])]
