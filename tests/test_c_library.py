"""The C library as a C programmer meets it: installed, found by pkg-config, and with the bits of the Python package."""

import ctypes
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import mlpc
from mlpc import _mlpc, idx

ROOT = Path(__file__).resolve().parents[1]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
C = ["-std=c11", "-Wconversion", "-Wshadow", *STRICT]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("C library")]


def tool(name):
    """The name of a program that is installed; MLPC_REQUIRE does not allow those that it names to be missing."""
    if not shutil.which(name):
        required = name in os.environ.get("MLPC_REQUIRE", "").split(",")
        (pytest.fail if required else pytest.skip)(f"{name} is not installed")
    return name


def run(*command, status=0, cwd=None, **environment):
    """What a command prints; it must end with the status."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=kept | environment, capture_output=True, text=True)
    assert done.returncode == status, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout if status == 0 else done.stderr


def install(folder, prefix, *settings):
    """make install-lib.  Without optimisation it takes seconds, and no bit depends on that."""
    run(tool("make"), "-j2", "install-lib", f"LIB={folder}", f"PREFIX={prefix}", "CFLAGS=-O0", *settings, cwd=ROOT)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return tmp_path_factory.mktemp("built")


@pytest.fixture(scope="module")
def prefix(built, tmp_path_factory):
    """Where the library is installed."""
    folder = tmp_path_factory.mktemp("prefix")
    install(built, folder)
    return folder


def asked(prefix, *options):
    """What pkg-config says of the installed library."""
    return run(tool("pkg-config"), *options, "mlpc", PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig")).split()


def libraries(prefix, kind):
    if kind == "shared":
        return asked(prefix, "--libs")
    (folder,) = asked(prefix, "--variable=libdir")
    return [f"{folder}/libmlpc.a", *(option for option in asked(prefix, "--static", "--libs") if option != "-lmlpc")]


def compiled(prefix, kind, source, program, *command):
    run(*command, source, *asked(prefix, "--cflags"), *libraries(prefix, kind), "-o", program)
    needed = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", program))
    soname = "libmlpc.so." + mlpc.__version__.rpartition(".")[0]
    assert [name for name in needed if "mlpc" in name] == ([soname] if kind == "shared" else [])
    assert not [name for name in needed if "python" in name]
    return program


@pytest.fixture(params=["shared", "static"])
def example(request, prefix, tmp_path):
    """Compiles an example by its name, and gives the function that runs it."""

    def runner(name, compiler="cc"):
        source, program = ROOT / "examples" / f"{name}.c", tmp_path / name
        compiled(prefix, request.param, source, program, tool(compiler), *C)
        return lambda *arguments, **how: run(program, *arguments, LD_LIBRARY_PATH=str(prefix / "lib"), **how)

    return runner


# ---- What is installed -----------------------------------------------------------------------------------------------


def test_what_is_installed(prefix):
    files = {path.relative_to(prefix).as_posix() for path in prefix.rglob("*") if not path.is_dir()}
    soname = "lib/libmlpc.so." + mlpc.__version__.rpartition(".")[0]
    assert files == {"include/mlpc.h", "lib/libmlpc.a", "lib/libmlpc.so", soname, "lib/pkgconfig/mlpc.pc"}
    assert asked(prefix, "--modversion") == [mlpc.__version__]


def test_a_package_is_staged_in_another_folder(built, prefix, tmp_path):
    """The same build can be installed anywhere; no file knows the folder in which a package is put together."""
    install(built, "/opt/mlpc", f"DESTDIR={tmp_path}")
    staged = tmp_path / "opt/mlpc"
    assert (staged / "lib/libmlpc.so").read_bytes() == (prefix / "lib/libmlpc.so").read_bytes()
    description = (staged / "lib/pkgconfig/mlpc.pc").read_text()
    assert description.startswith("prefix=/opt/mlpc\n") and str(tmp_path) not in description


LANGUAGES = [("cc", "c99"), ("cc", "c11"), ("clang", "c11"), ("c++", "c++11"), ("clang++", "c++17")]


@pytest.mark.parametrize(("compiler", "standard"), LANGUAGES)
def test_the_header_stands_alone(prefix, tmp_path, compiler, standard):
    source = tmp_path / ("program.cpp" if "++" in standard else "program.c")
    source.write_text(
        "#include <mlpc.h>\n#include <mlpc.h>\nint main(void) { return mlpc_isa_runs(mlpc_isa_best()) - 1; }\n"
    )
    command = [tool(compiler), f"-std={standard}", *STRICT]
    run(compiled(prefix, "static", source, tmp_path / "program", *command))


def test_the_header_reads_as_if_written_by_hand(prefix):
    """Nothing is left in it of how it was made, or for those alone who build the library."""
    text = (prefix / "include/mlpc.h").read_text()
    directives = set(re.findall(r"^#.*", text, re.MULTILINE))
    assert {line for line in directives if line.startswith("#include")} == {
        "#include <stddef.h>",
        "#include <stdint.h>",
    }
    assert {line.split()[0] for line in directives} == {"#ifndef", "#define", "#include", "#ifdef", "#endif"}
    assert {line for line in directives if line.startswith("#if")} == {"#ifndef MLPC_H", "#ifdef __cplusplus"}
    assert "##" not in text and "\n\n\n" not in text


def test_the_header_has_the_numbers_of_the_package(prefix, tmp_path):
    values = {"MLPC_ARITHMETIC": mlpc.ARITHMETIC}
    for family, last in (("activation", "ACTIVATIONS"), ("loss", "LOSSES"), ("step", "STEPS")):
        names = _mlpc.kernels()[family]
        values |= {f"MLPC_{family.upper()}_{name}": i for i, name in enumerate(names)} | {f"MLPC_N_{last}": len(names)}
    source = tmp_path / "values.c"
    checks = (f'_Static_assert({name} == {value}, "{name}");\n' for name, value in values.items())
    source.write_text("#include <mlpc.h>\n" + "".join(checks))
    run(tool("cc"), "-std=c11", "-fsyntax-only", *asked(prefix, "--cflags"), source)


def symbols(file, *options):
    lines = run(tool("nm"), *options, file).splitlines()
    return {line.split()[-1].split("@")[0] for line in lines if line.strip() and not line.endswith(":")}


def test_the_shared_library_exports_what_the_header_declares(prefix):
    text = re.sub(r"/\*.*?\*/", "", (prefix / "include/mlpc.h").read_text(), flags=re.DOTALL)
    declared = set(re.findall(r"^\w[\w *]*?\b(mlpc_\w+)\(", text, re.MULTILINE))
    assert {"mlpc_net_create", "mlpc_isa_name", "mlpc_kernels_for", "mlpc_train_epoch"} <= declared
    linker = {"_init", "_fini", "_edata", "_end", "__bss_start"}
    assert symbols(prefix / "lib/libmlpc.so", "-D", "--defined-only") - linker == declared


def test_no_name_of_the_static_library_can_clash_and_none_is_pythons(prefix):
    archive = prefix / "lib/libmlpc.a"
    defined = symbols(archive, "-g", "--defined-only")
    assert {name for name in defined if not name.startswith("mlpc_")} == set()
    assert {name for name in symbols(archive, "--undefined-only") if name.startswith(("Py", "_Py"))} == set()


def test_every_status_has_words_of_its_own(prefix):
    text = ctypes.CDLL(str(prefix / "lib/libmlpc.so")).mlpc_status_text
    text.restype = ctypes.c_char_p
    header = (prefix / "include/mlpc.h").read_text()
    statuses = len(re.findall(r"^    MLPC_(?:OK|ERROR_\w+),", header, re.MULTILINE))
    words = [text(status) for status in range(statuses)]
    assert len(set(words)) == statuses > 5 and None not in words
    assert text(statuses) is None and text(-1) is None


# ---- The examples ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_xor_prints_what_the_readme_shows(example, compiler):
    assert example("xor", compiler)() in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The digits as bytes, ((x, y), (x_test, y_test)), and the four files of them."""
    folder = tmp_path_factory.mktemp("digits")
    sets = [((240 * x).round().astype(np.uint8), y.astype(np.uint8)) for x, y in mlpc.datasets.load_digits()]
    files = []
    for name, (x, y) in zip(("train", "test"), sets, strict=True):
        for kind, array in (("images", x.reshape(-1, 8, 8)), ("labels", y)):
            files.append(folder / f"{name}-{kind}")
            files[-1].write_bytes(idx.dumps(array))
    return *sets, files


@pytest.mark.parametrize("hidden", [[], [32], [40, 24]], ids=str)
def test_train_gives_the_bits_of_fit(example, digits, tmp_path, hidden):
    (x, y), test, files = digits
    said = example("train")(*files, tmp_path / "parameters", *hidden)

    net = mlpc.MLP([64, *hidden, 10], "relu", seed=0)
    history = net.fit(x, y, epochs=5, batch_size=64, lr=0.1, scale=1 / 255, progress=False)
    loss, accuracy = net.evaluate(*test, scale=1 / 255)
    rows = enumerate(zip(history["loss"], history["accuracy"], strict=True), 1)
    expected = [f"epoch {i}: loss {value:.6f}, accuracy {share:.4f}" for i, (value, share) in rows]
    assert said.splitlines() == [*expected, f"test: loss {loss:.6f}, accuracy {accuracy:.4f}"]
    np.testing.assert_array_equal(np.fromfile(tmp_path / "parameters", np.float32), net.parameters)


def test_train_says_what_is_wrong(example, digits, tmp_path):
    *_, (images, labels, test_images, test_labels) = digits
    train = example("train")
    bad, out = tmp_path / "bad", tmp_path / "parameters"

    def complaint(*arguments):
        return train(*arguments, status=1)

    bad.write_bytes(test_labels.read_bytes()[:-1] + b"\x0a")
    assert "test: a label is none of the classes" in complaint(images, labels, test_images, bad, out)
    bad.write_bytes(images.read_bytes()[:-1])
    assert f"{bad}: " in complaint(bad, labels, test_images, test_labels, out)
    bad.write_bytes(b"\x1f\x8b\x08\x00")
    assert f"{bad}: is no IDX file" in complaint(bad, labels, test_images, test_labels, out)
    assert "usage: " in complaint(images)
    assert "missing: cannot be opened" in complaint("missing", labels, test_images, test_labels, out)
    assert "none: is no number of units" in complaint(images, labels, test_images, test_labels, out, "none")
    assert "network: not enough memory" in complaint(images, labels, test_images, test_labels, out, str(2**63))
    assert not out.exists()
