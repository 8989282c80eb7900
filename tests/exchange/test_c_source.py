"""Networks in C: the bits of Python's by every compiler and on every machine, and what their files say and take."""

import errno
import os
import re
import subprocess

import builds
import c_networks
import numpy as np
import pytest
from builds import ARM64, FUSED, FUSING, PLAIN, RISCV64, S390X, STATIC, WASM, Build

import mlpc
from mlpc.exchange.c_source import quantized
from mlpc.table import Table

pytestmark = pytest.mark.xdist_group("c_source")

STRICT = ("-Wall", "-Wextra", "-pedantic", "-Werror")
C99 = {"standard": ("-std=c99",)}
CXX = {"standard": ("-x", "c++", "-std=c++17")}
X86_32 = ("-O2", "-msse2", "-mfpmath=sse")
ARM32 = {"link": STATIC, "runner": ("qemu-arm",), **C99}
HERE = [
    Build("gcc", "gcc", (*PLAIN, "-Wconversion", "-Wshadow"), **C99),
    Build("gcc", "gcc", ("-O3", "-ffp-contract=fast", "-march=native"), **C99),
    Build("clang", "clang", FUSING, **C99),
]
MORE = [
    Build("c++", "g++", FUSING, **CXX),
    Build("clang", "clang++", ("-O2",), **CXX),
    Build("arm64", "aarch64-linux-gnu-gcc", FUSED, **ARM64, **C99),
    Build("armhf", "arm-linux-gnueabihf-gcc", FUSED, **ARM32),
    Build("riscv64", "riscv64-linux-gnu-gcc", FUSED, **RISCV64, **C99),
    Build("s390x", "s390x-linux-gnu-gcc", FUSED, **S390X, **C99),
    Build("i686", "i686-linux-gnu-gcc", X86_32, STATIC, ("qemu-i386",), **C99),
    Build("wasm", "clang", ("--target=wasm32-wasi", "-O2"), **WASM, **C99),
]
# Other levels of compilers above, and another unit of a machine, that `make bits` has: each of the former fuses, or
# does not, as one above, and the latter has the instruction that arm64 has.
OTHER_LEVELS = [
    Build("gcc", "gcc", ("-Os",), **C99),
    Build("gcc", "gcc", FUSING, **C99),
    Build("clang", "clang", PLAIN, **C99),
    Build("c++", "g++", ("-O1",), **CXX),
    Build("armhf", "arm-linux-gnueabihf-gcc", (*FUSED, "-mfpu=vfpv4"), **ARM32),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The folder of the cases and of their program, the names of the files, and what the program is to print."""
    folder, cases = tmp_path_factory.mktemp("networks"), c_networks.cases()
    return folder, c_networks.write(cases, folder), c_networks.expected(cases)


@pytest.fixture(scope="module")
def table():
    """What each target printed; with -s it is seen."""
    rows = []
    yield rows
    print(f"\n{Table(['target', 'functions', 'bits equal', 'digest'], rows)}")


def available(build):
    missing = build.missing()
    if missing:
        (pytest.fail if build.group in builds.required() else pytest.skip)(f"{missing} is not installed")
    return build


def each(builds, *marks):
    return [pytest.param(build, id=str(build), marks=marks) for build in builds]


@pytest.mark.parametrize(
    "build",
    [*each(HERE), *each(MORE, pytest.mark.slow), *each(OTHER_LEVELS, pytest.mark.slow, pytest.mark.machines)],
)
def test_every_target_has_the_bits_of_python(build, files, table, tmp_path):
    """Of all blocks, both dtypes and all losses, for usual inputs, subnormal, huge and infinite ones, zeros and NaN."""
    folder, names, expected = files
    link = [flag for flag in build.link if flag != "-pthread"]
    available(build).compile(*STRICT, *names, *link, "-lm", "-o", str(tmp_path / "program"), cwd=folder)
    printed = build.run(tmp_path / "program").splitlines()
    same = sum(a == b for a, b in zip(printed, expected, strict=True))
    table.append([str(build), len(expected), same, c_networks.hashed("\n".join(printed).encode())])
    assert printed == expected


def of_another_compiler(text):
    """A network's file as compilers take it that are none of GNU's, and know no instruction for fused multiply-adds."""
    conditions = r"^#(el)?if defined\(__(x86_64|aarch64|arm|GNUC|FMA)__\).*$"
    text, replaced = re.subn(conditions, r"#\1if 0", text, flags=re.MULTILINE)
    assert replaced in (1, 5)  # barriers are in files that need one
    return text


PROBE = """
int main(void)
{
    volatile float a = 1 + 0x1p-12f, minus_square = -(1 + 0x1p-11f); /* rounded */
    return v_add(v_mul(a, a), minus_square) != 0;
}
"""


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("change", [str, of_another_compiler])
def test_a_product_is_rounded_before_a_sum_takes_it(change, compiler, tmp_path):
    """By compilers that fuse them wherever they may."""
    build = available(Build(compiler, compiler, ("-O3", "-ffp-contract=fast", "-march=native"), **C99))
    mlpc.MLP([3, 4, 2], "softplus", loss="mse").to_c(tmp_path / "net.c")
    (tmp_path / "net.c").write_text(change((tmp_path / "net.c").read_text()) + PROBE)
    build.compile("net.c", "-lm", "-o", "program", cwd=tmp_path)
    build.run(tmp_path / "program")


def test_networks_of_both_dtypes_are_one_program_in_cxx(tmp_path):
    """Whose types have the same names in all of its files: an optimiser of the whole finds those that differ."""
    for dtype in ("float32", "float64"):
        mlpc.MLP([3, 4, 2], "tanh", loss="mse", norm="layer", dtype=dtype).to_c(tmp_path / f"n{dtype[5:]}.c")
    main = "int main(void) { float x[3] = {0}, z[2]; double y[3] = {0}, w[2]; n32_forward(x, z); n64_forward(y, w); }\n"
    (tmp_path / "main.c").write_text(f'#include "n32.h"\n#include "n64.h"\n{main}')
    build = available(Build("c++", "g++", ("-O2", "-flto"), **CXX))
    build.compile(*STRICT, "main.c", "n32.c", "n64.c", "-lm", "-o", "program", cwd=tmp_path)


@pytest.mark.slow
def test_a_compiler_that_is_none_of_gnus_cannot_fuse_either(files, tmp_path):
    """Its volatile accesses, and the emulation, which many sums of products are part of, by one that would fuse."""
    folder, names, expected = files
    for path in folder.iterdir():
        text = path.read_text()
        is_network = path.suffix == ".c" and path.name != "main.c"
        (tmp_path / path.name).write_text(of_another_compiler(text) if is_network else text)
    build = Build("gcc", "gcc", ("-O3", "-ffp-contract=fast", "-march=native"), **C99)
    build.compile(*names, "-lm", "-o", "program", cwd=tmp_path)
    assert build.run(tmp_path / "program").splitlines() == expected


def test_the_cases_have_every_activation():
    net = next(case.net for case in c_networks.cases() if case.name == "all32")
    assert set(net.activations) == set(mlpc.layers.ACTIVATIONS)
    assert set(net.norms) == {None, "batch", "layer"}


def compiled(net, folder, *flags, **options):
    """The report of a network's files in a folder, and the object that gcc makes of them."""
    report = net.to_c(folder / "net.c", **options)
    builds.execute(["gcc", "-std=c99", *STRICT, *flags, "-c", "net.c", "-o", "net.o"], cwd=folder)
    return report, folder / "net.o"


@pytest.mark.parametrize(
    "flag",
    ["-ffast-math", "-funsafe-math-optimizations", "-mfpmath=387", "-ffinite-math-only", "-fsingle-precision-constant"],
)
def test_compilers_that_would_change_bits_are_refused(flag, tmp_path):
    mlpc.MLP([2, 1], loss="mse").to_c(tmp_path / "net.c")
    done = subprocess.run(["gcc", "-std=c99", flag, "-c", tmp_path / "net.c"], capture_output=True, text=True)
    assert done.returncode and re.search("error: .*mlpc[:_]", done.stderr)


def test_a_double_of_32_bits_is_refused(tmp_path):
    mlpc.MLP([2, 1], loss="mse").to_c(tmp_path / "net.c")
    text = (
        (tmp_path / "net.c")
        .read_text()
        .replace("#include <string.h>\n", "#undef DBL_MANT_DIG\n#define DBL_MANT_DIG 24\n")
    )
    done = subprocess.run(["gcc", "-I", tmp_path, "-c", "-x", "c", "-"], input=text, capture_output=True, text=True)
    assert done.returncode and "mlpc: float and double are to be" in done.stderr


# ---- What it takes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"dtype": "int8"}])
def test_flash_and_ram_are_those_that_the_compiler_counts(options, dtype, tmp_path):
    """Symbols of tables have the sizes that the report adds up, and nothing is in a section that is written."""
    net = c_networks.network(1, [30, 20, 8, 3], "relu", norm=["batch", "layer"], dtype=dtype)
    report, made = compiled(net, tmp_path, "-O0", **options)
    symbols = builds.execute(["nm", "-S", str(made)])
    tables = re.findall(r"^\S+ (\S+) r (\w+_\d+)$", symbols, re.MULTILINE)
    assert sum(int(size, 16) for size, _ in tables) == report.flash
    assert not re.findall(r" [bBdDcC] ", symbols) and report.ram == 0
    one = 1 if options else net.dtype.itemsize
    weights = 30 * 20 + 20 * 8 + 8 * 3
    scales = 31 if options else 0
    assert report.flash == one * weights + net.dtype.itemsize * (scales + 31 + 2 * 28)


@pytest.mark.parametrize("flag", ["-O0", "-O2"])
def test_stack_is_what_the_compiler_counts(flag, tmp_path):
    """Along calls: the arrays that the report has, and some hundred bytes."""
    from test_stack import EDGE, NODE

    net = c_networks.network(1, [30, 200, 100, 300, 3], "tanh", norm="layer")
    report, _ = compiled(net, tmp_path, flag, "-fcallgraph-info=su")
    text = (tmp_path / "net.ci").read_text()
    frames = {name.rpartition(":")[2]: int(size) for name, size, kind in NODE.findall(text) if kind == "static"}
    calls = {}
    for caller, callee in EDGE.findall(text):
        calls.setdefault(caller.rpartition(":")[2], set()).add(callee.rpartition(":")[2])

    def depth(name):
        return frames.get(name, 0) + max(map(depth, calls.get(name, set())), default=0)

    assert report.stack == 4 * (300 + 100 + 3)
    assert report.stack <= depth("net_predict") <= report.stack + 1024
    inner, _ = compiled(net, tmp_path, flag, workspace=True)
    assert (inner.stack, inner.workspace) == (0, report.stack)


@pytest.mark.slow
def test_nothing_comes_from_libraries_but_exact_functions(files, tmp_path):
    folder, names, _ = files
    for name in names[1:]:
        builds.execute(["gcc", "-O2", "-c", str(folder / name), "-o", str(tmp_path / "net.o")])
        wanted = set(re.findall(r"^ +U (\w+)$", builds.execute(["nm", str(tmp_path / "net.o")]), re.MULTILINE))
        assert wanted <= {"sqrt", "sqrtf", "memcpy", "memset", "_GLOBAL_OFFSET_TABLE_", "__stack_chk_fail"}


def test_the_report_prints_well(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = mlpc.MLP([4, 3, 2], seed=1)
    assert repr(net.to_c("a.c", "net")).splitlines() == [
        "net",
        "------------------------",
        "flash: tables   92 bytes",
        "RAM: variables   0 bytes",
        "stack: arrays   20 bytes",
        "------------------------",
        "a.c, a.h",
    ]


# ---- Weights of a byte -----------------------------------------------------------------------------------------------


def test_a_weight_of_a_byte_is_the_nearest_of_its_row(dtype):
    net = c_networks.network(1, [40, 9, 3], dtype=dtype)
    for before, after in zip(net.layers, quantized(net).layers, strict=True):
        if hasattr(before, "weight"):
            step = np.abs(before.weight).max(axis=1, keepdims=True) / 127
            assert (np.abs(after.weight - before.weight) <= step * (0.5 + 1e-6)).all()
            assert (after.bias == before.bias).all()


def test_bytes_of_the_largest_weights_stay_finite(dtype):
    most = np.finfo(dtype).max
    net = mlpc.MLP([2, 3], init=[[[most, -most], [-most, 1], [most / 2, 0]], [0, 0, 0]], dtype=dtype)
    weight = quantized(net).layers[0].weight
    np.testing.assert_allclose(weight, net.layers[0].weight * [[1, 1], [1, 0], [1, 1]], rtol=1e-6)


def test_what_bytes_lose_is_reported(tmp_path):
    (x, y), test = mlpc.datasets.load_digits()
    net = mlpc.MLP([64, 16, 10], seed=1)
    net.fit(x, y, epochs=2, progress=False)
    report = net.to_c(tmp_path / "net.c", dtype="int8", data=test)
    assert report.before == net.evaluate(*test)
    assert report.after == quantized(net).evaluate(*test) != report.before
    assert re.search(rf"^accuracy, int8 +{report.after[1]:.4f}$", repr(report), re.MULTILINE)


# ---- Names, and what is refused --------------------------------------------------------------------------------------


def test_names_of_columns_and_classes_are_in_the_files(tmp_path):
    """Whatever is in them: nothing ends a comment or a string, and C gets the labels as they are."""
    net = mlpc.MLP([3, 2], seed=1)
    net.feature_names = ["age */ int x;", "width /* \\", "größe\n"]
    net.labels = ['no "?"', "ja, ö\\??/"]
    compiled(net, tmp_path)
    header = (tmp_path / "net.h").read_text()
    assert "x[2]" not in header and " *   0  age * / int x;\n" in header and " *   2  gr\\xf6\\xdfe\\n\n" in header
    main = (
        '#include "net.h"\n#include <stdio.h>\nint main(void) { puts(net_labels[0]); puts(net_labels[1]); return 0; }\n'
    )
    (tmp_path / "main.c").write_text(main)
    builds.execute(["gcc", "-std=c99", *STRICT, "main.c", "net.o", "-lm", "-o", "main"], cwd=tmp_path)
    assert builds.execute([str(tmp_path / "main")]).splitlines() == list(net.labels)


@pytest.mark.parametrize("name", ["linear", "layer_norm", "batch_norm", "softmax", "e_exp", "x", "real", "apply_relu"])
def test_names_may_be_those_of_parts_of_the_file(name, tmp_path):
    """So may labels: what is in strings uses nothing."""
    net = mlpc.MLP([3, 9, 2], norm="layer", seed=1)
    net.labels = ["e_cos", "linear_backward_x"]
    compiled(net, tmp_path, "-fsyntax-only", name=name)


def test_a_regression_has_outputs_alone(tmp_path):
    mlpc.MLP([2, 1], loss="huber").to_c(tmp_path / "net.c")
    assert re.findall(r"net_\w+", (tmp_path / "net.h").read_text()) == ["net_forward"]


def test_equal_networks_give_equal_files_in_either_mode(tmp_path):
    net = mlpc.MLP([5, 4, 2], dropout=0.5, norm="batch", seed=3)
    texts = []
    for each in (net.train(), net.copy().eval()):
        each.to_c(tmp_path / "net.c")
        texts.append((tmp_path / "net.c").read_bytes() + (tmp_path / "net.h").read_bytes())
    assert texts[0] == texts[1] and net.training and sorted(p.name for p in tmp_path.iterdir()) == ["net.c", "net.h"]


@pytest.mark.parametrize(
    ("path", "options", "error", "says"),
    [
        ("net.h", {}, ValueError, r"path: expected a name that ends in \.c, got"),
        (3, {}, TypeError, "path: expected the name of a file, got 3"),
        (b"net.c", {}, TypeError, "path: expected the name of a file as text, got b'net.c'"),
        (".c", {}, ValueError, "path: expected a name that a file of C can include"),
        ('a".c', {}, ValueError, "path: expected a name that a file of C can include"),
        ("a??(.c", {"name": "a"}, ValueError, "path: expected a name that a file of C can include"),
        (os.fsdecode(b"\xe4.c"), {"name": "a"}, ValueError, "path: expected a name that a file of C can include"),
        ("math.c", {}, ValueError, r"path: expected another name than that of a header of C, math\.h"),
        ("3d.c", {}, ValueError, "name: expected a name in C .*, got '3d' from the path"),
        ("net.c", {"name": "int"}, ValueError, "name: expected a name in C .* no keyword or 'mlpc', got 'int'"),
        ("net.c", {"name": "a__b"}, ValueError, "name: expected a name in C .*, got 'a__b'"),
        ("net.c", {"name": "ä"}, ValueError, "name: expected a name in C"),
        ("net.c", {"name": "a\n"}, ValueError, "name: expected a name in C"),
        ("net.c", {"name": 3}, TypeError, "name: expected a text, got 3"),
        ("net.c", {"dtype": "int4"}, ValueError, "dtype: expected None or 'int8', got 'int4'"),
        ("net.c", {"workspace": 1}, TypeError, "workspace: expected True or False, got 1"),
        ("net.c", {"data": ([[1, 2]], [0])}, ValueError, "data: expected None without dtype='int8'"),
        ("net.c", {"dtype": "int8", "data": 3}, TypeError, "data: expected "),
        ("no/net.c", {}, FileNotFoundError, "no such folder"),
    ],
)
def test_what_is_refused(path, options, error, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=says):
        mlpc.MLP([2, 2]).to_c(path, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["c", "h"])
def test_both_files_stay_where_one_cannot_be_replaced(ending, tmp_path):
    (tmp_path / f"net.{ending}").mkdir()
    with pytest.raises(IsADirectoryError, match="a folder has the name"):
        mlpc.MLP([2, 2]).to_c(tmp_path / "net.c")
    assert [path.name for path in tmp_path.iterdir()] == [f"net.{ending}"]


def test_a_full_disk_leaves_both_files(tmp_path, monkeypatch):
    """Also one that has room for the header."""
    mlpc.MLP([2, 2], seed=1).to_c(tmp_path / "net.c")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(before["net.h"]) < 4096 < len(before["net.c"])
    write = os.write

    def write_where_there_is_room(file, data):
        if len(data) > 4096:
            raise OSError(errno.ENOSPC, "no space")
        return write(file, data)

    monkeypatch.setattr(os, "write", write_where_there_is_room)
    with pytest.raises(OSError, match="no space"):
        mlpc.MLP([2, 2], seed=2).to_c(tmp_path / "net.c")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_labels_that_c_would_cut_off_are_refused(tmp_path):
    net = mlpc.MLP([2, 2])
    net.labels = ["a\0b", "a"]
    with pytest.raises(ValueError, match=r"labels: expected texts without NUL, .* got 'a\\x00b'"):
        net.to_c(tmp_path / "net.c")
    assert not list(tmp_path.iterdir())


def test_a_network_that_cannot_predict_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cross_entropy"):
        mlpc.MLP([2, 1]).to_c(tmp_path / "net.c")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_numbers_that_are_not_finite_are_refused_and_files_stay(value, tmp_path):
    net = mlpc.MLP([2, 3, 2], norm="batch")
    net.to_c(tmp_path / "net.c")
    before = (tmp_path / "net.c").read_bytes()
    for layer, part in ((0, "weight"), (3, "bias"), (1, "running_mean"), (1, "running_var")):
        broken = net.copy()
        getattr(broken.layers[layer], part)[..., 1] = value
        with pytest.raises(ValueError, match=rf"layers\[{layer}\]\.{part}: expected finite numbers, got {value}"):
            broken.to_c(tmp_path / "net.c")
    assert (tmp_path / "net.c").read_bytes() == before


def test_a_batch_norm_that_overflows_is_refused(tmp_path):
    net = mlpc.MLP([2, 3, 2], norm="batch")
    net.layers[1].running_mean, net.layers[1].running_var = np.full(3, 1e30), np.full(3, 1e-30)
    net.layers[1].weight[:] = 1e10
    with pytest.raises(ValueError, match=r"layers\[1\], what it adds: expected finite numbers, got -inf"):
        net.to_c(tmp_path / "net.c")
    assert not list(tmp_path.iterdir())
