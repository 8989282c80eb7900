"""What is shipped: a wheel built from the source distribution works where nothing of the checkout can be seen."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import mlpc

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.xdist_group("wheel")


def python(*arguments, cwd, **environment):
    command = [sys.executable, *arguments]
    result = subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel that pip makes of the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    python("-c", "import setuptools.build_meta as b, sys; b.build_sdist(sys.argv[1])", str(folder), cwd=ROOT)
    (sdist,) = folder.glob("*.tar.gz")
    options = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--no-index"]
    # Compiling without optimisation takes a quarter of the time; what is tested is that everything is there.
    python("-m", "pip", "wheel", *options, "-w", str(folder), str(sdist), cwd=folder, CFLAGS="-O0")
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_trains_where_the_checkout_is_not(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = (
        "import mlpc; (x, y), test = mlpc.datasets.load_digits(); "
        "net = mlpc.MLP([64, 10]); net.fit(x, y, epochs=3); print(mlpc.__file__, net.evaluate(*test)[1])"
    )
    out = python("-c", program, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    where, accuracy = out.split()
    assert Path(where).is_relative_to(tmp_path)
    assert float(accuracy) > 0.8


def test_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"mlpc", f"libmlpc-{mlpc.__version__}.dist-info"}
    extension = "mlpc/_mlpc" + sysconfig.get_config_var("EXT_SUFFIX")
    assert {"mlpc/py.typed", "mlpc/_mlpc.pyi", extension} <= set(names)


def test_version_is_the_same_everywhere():
    assert importlib.metadata.version("libmlpc") == mlpc.__version__


# What would fetch a package from the index, after options and other packages; lines may be broken anywhere.
FROM_INDEX = re.compile(
    r"""(?:pip3?|conda|mamba)[\s#]+install[\s#]+(?:[\w=<>,\[\]-]+[\s#]+)*["'\\]*(?:lib)?mlpc(?![\w./-])"""
    r"""|(?<!lib)mlpc\\?\[(?:all|bench|data|lint|notebooks|pandas|plot|progress|test|torch)\b"""
)


@pytest.mark.parametrize("what", ["{}", "'{}[plot]'", "-U lib{}", 'numpy\n# \\"lib{}[all]\\"', "--upgrade '{}>=1'"])
def test_advice_that_fetches_a_strangers_package_is_found(what):
    assert FROM_INDEX.search(f"To begin: pip install {what.format('mlpc')}, and go on.")


@pytest.mark.parametrize("text", ["pip install '.[plot]'. `mlpc.sweep` is", "pip uninstall mlpc", "pip install ./mlpc"])
def test_advice_that_does_not_is_not(text):
    assert not FROM_INDEX.search(text)


def test_no_text_sends_anybody_to_the_index_for_mlpc():
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    advice = []
    for name in filter(None, names.split("\0")):
        path = ROOT / name
        if not path.exists():  # removed, and not committed yet
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if path.suffix == ".ipynb":
            text = "\n".join(strings(json.loads(text)))
        advice += [f"{name}: {found[0]}" for found in FROM_INDEX.finditer(text)]
    assert advice == []


def strings(value):
    """All text in a notebook, lines of a cell put together."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return ["".join(value)] if all(isinstance(v, str) for v in value) else [s for v in value for s in strings(v)]
    return [value] if isinstance(value, str) else []


def test_import_needs_numpy_alone():
    heavy = ["sklearn", "matplotlib", "tqdm", "pandas", "pooch", "torch", "scipy"]
    program = f"import sys, mlpc; print([name for name in {heavy} if name in sys.modules])"
    assert python("-c", program, cwd=ROOT).strip() == "[]"


def test_stub_says_what_the_extension_has(tmp_path):
    pytest.importorskip("mypy")
    options = ["--mypy-config-file", "pyproject.toml", "--ignore-disjoint-bases"]
    options += ["--allowlist", "tests/stub_aliases.txt"]
    python("-m", "mypy.stubtest", "mlpc._mlpc", *options, cwd=ROOT, MYPY_CACHE_DIR=str(tmp_path))
