"""The examples of docs/exchange.md for libraries that most people have not: they run where these are installed."""

import doctest
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs/exchange.md"
SECTION = re.compile(r"^### (\w+)\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)
BEFORE, _, BEHIND = PAGE.read_text(encoding="utf-8").partition("\n## Lists of weights\n")
NAMES = [name for name, _ in SECTION.findall(BEHIND)]


def examples(text):
    return doctest.DocTestParser().get_examples(text.replace("# doctest: +SKIP", ""))


def test_there_are_examples():
    assert NAMES == ["JAX", "Flax", "Keras"]


@pytest.mark.slow  # imports take seconds
@pytest.mark.filterwarnings("ignore:::(flax|jax|keras|orbax)")
@pytest.mark.parametrize("name", NAMES)
def test_examples_run_where_the_library_is_installed(name, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    pytest.importorskip(name.lower(), reason=f"{name} is not installed")
    texts = BEFORE.partition("\n## ")[0], BEHIND.partition("\n### ")[0], dict(SECTION.findall(BEHIND))[name]
    test = doctest.DocTest([each for text in texts for each in examples(text)], {}, name, str(PAGE), 0, None)
    said = []
    failed, attempted = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
    assert attempted > 10 and not failed, "".join(said)
