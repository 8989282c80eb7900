"""What is shipped: a source distribution that can be tested, and a wheel built from it, away from the checkout."""

import importlib.metadata
import json
import os
import re
import shutil
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
def sdist(tmp_path_factory):
    """The source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    python("-c", "import setuptools.build_meta as b, sys; b.build_sdist(sys.argv[1])", str(folder), cwd=ROOT)
    (path,) = folder.glob("*.tar.gz")
    return path


@pytest.fixture(scope="module")
def unpacked(sdist, tmp_path_factory):
    """The folder that it makes where it is unpacked."""
    folder = tmp_path_factory.mktemp("unpacked")
    shutil.unpack_archive(sdist, folder)
    return folder / f"libmlpc-{mlpc.__version__}"


@pytest.fixture(scope="module")
def wheel(sdist):
    """The wheel that pip makes of the source distribution."""
    folder = sdist.parent
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


def test_wheel_writes_c_where_the_sources_are_not(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = "import mlpc; mlpc.MLP([2, 3, 1], 'gelu', norm='layer', loss='mse', seed=1).to_c('net.c')"
    python("-c", program, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    (tmp_path / "here").mkdir()
    mlpc.MLP([2, 3, 1], "gelu", norm="layer", loss="mse", seed=1).to_c(tmp_path / "here" / "net.c")
    assert (tmp_path / "net.c").read_bytes() == (tmp_path / "here" / "net.c").read_bytes()


def test_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"mlpc", f"libmlpc-{mlpc.__version__}.dist-info"}
    extension = "mlpc/_mlpc" + sysconfig.get_config_var("EXT_SUFFIX")
    assert {"mlpc/py.typed", "mlpc/_mlpc.pyi", extension} <= set(names)


def test_wheel_brings_the_program(wheel):
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"libmlpc-{mlpc.__version__}.dist-info/entry_points.txt").decode()
    assert text.split() == ["[console_scripts]", "mlpc", "=", "mlpc.cli:main"]


def tracked():
    """The files of the repository, as paths from its root, but those that are removed and not committed yet."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in filter(None, names.split("\0")) if (ROOT / name).exists()]


def test_the_source_distribution_holds_what_the_repository_holds(unpacked):
    names = {path.as_posix() for path in tracked() if path.name not in (".gitignore", ".gitattributes")}
    shipped = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert names <= shipped
    assert not [name for name in shipped if re.search(r"\.(so|pyc|log)$|__pycache__|ipynb_checkpoints", name)]


LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def test_links_lead_somewhere_in_the_source_distribution(unpacked):
    """On the page of an index relative links lead nowhere; they are for who has the files."""
    pages = [path for path in unpacked.rglob("*.md") if not path.parts[-2].endswith(".egg-info")]
    links = [(page, link) for page in pages for link in LINK.findall(page.read_text(encoding="utf-8"))]
    links = [(page, link) for page, link in links if not re.match(r"[a-z]+:", link)]
    assert len(links) > 10
    assert [(page.name, link) for page, link in links if not (page.parent / link).exists()] == []


# What reads files beside the Python ones, and some of the rest.
QUICK = ["README.md", "docs/arithmetic.md", "tests/training/test_random.py", "tests/training/test_schedules.py"]
QUICK += ["tests/data/test_datasets.py", "tests/net/test_state.py", "tests/notebooks/test_build.py"]


@pytest.mark.slow
def test_the_source_distribution_passes_its_own_tests(unpacked, wheel):
    """Those that are quick; for the others there are the same files.  Compiled is the wheel's extension: from these."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extract("mlpc/_mlpc" + sysconfig.get_config_var("EXT_SUFFIX"), unpacked)
    environment = {"PYTHONPATH": str(unpacked), "MLPC_REQUIRE_FROM": str(unpacked), "PYTEST_ADDOPTS": ""}
    options = ["-q", "-n", "0", "-p", "no:cacheprovider"]
    python("-m", "pytest", *options, "-m", "not slow and not mnist", *QUICK, cwd=unpacked, **environment)


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
    advice = []
    for name in tracked():
        path = ROOT / name
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


PYTHON_OF_MAKE = """#!/bin/sh
case "$*" in
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    *install*) echo "a wall of warnings"; echo "a notice" >&2; exit "$INSTALLS" ;;
esac
"""


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
@pytest.mark.parametrize("target", ["demo-digits", "notebooks", "test", "bench", "lint"])
def test_make_shows_what_an_installation_says_where_it_fails(tmp_path, target):
    interpreter = tmp_path / "python3"
    interpreter.write_text(PYTHON_OF_MAKE)
    interpreter.chmod(0o755)
    said = {}
    for status in ("0", "1"):
        stamp = tmp_path / status / f".{target}"
        command = ["make", f"PYTHON={interpreter}", f"VENV={tmp_path / status}", "TORCH=", "CC=true", str(stamp)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        environment = kept | {"INSTALLS": status}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert (done.returncode == 0) == (status == "0") == stamp.exists()
        said[status] = done.stdout
    assert "wall" not in said["0"] and "notice" not in said["0"] and "pip install" in said["0"]
    assert "a wall of warnings" in said["1"] and "a notice" in said["1"]


def test_import_needs_numpy_alone():
    heavy = ["sklearn", "matplotlib", "tqdm", "pandas", "pooch", "safetensors", "IPython", "torch", "scipy"]
    program = f"import sys, mlpc; print([name for name in {heavy} if name in sys.modules])"
    assert python("-c", program, cwd=ROOT).strip() == "[]"


def test_stub_says_what_the_extension_has(tmp_path):
    pytest.importorskip("mypy")
    options = ["--mypy-config-file", "pyproject.toml", "--ignore-disjoint-bases"]
    options += ["--allowlist", "tests/stub_aliases.txt"]
    python("-m", "mypy.stubtest", "mlpc._mlpc", *options, cwd=ROOT, MYPY_CACHE_DIR=str(tmp_path))
