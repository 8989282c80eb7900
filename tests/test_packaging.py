"""What is shipped: a wheel built from the source distribution works where nothing of the checkout can be seen."""

import importlib.metadata
import os
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


def test_import_needs_numpy_alone():
    heavy = ["sklearn", "matplotlib", "tqdm", "pandas", "pooch", "torch", "scipy"]
    program = f"import sys, mlpc; print([name for name in {heavy} if name in sys.modules])"
    assert python("-c", program, cwd=ROOT).strip() == "[]"


def test_stub_says_what_the_extension_has(tmp_path):
    pytest.importorskip("mypy")
    options = ["--mypy-config-file", "pyproject.toml", "--ignore-disjoint-bases"]
    options += ["--allowlist", "tests/stub_aliases.txt"]
    python("-m", "mypy.stubtest", "mlpc._mlpc", *options, cwd=ROOT, MYPY_CACHE_DIR=str(tmp_path))
