"""Builds of the C core and of the digest program, from source, with whatever compilers and emulators there are."""

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DIGESTS = Path(__file__).with_name("digests.txt")


@dataclass(frozen=True)
class Build:
    """A way to compile, and to run what comes out. The command `python` is this one.

    group: what MLPC_REQUIRE calls it.
    runner: what goes before the program's name; None where nothing here can run it.
    isa: the instruction set whose digests are taken, or "all" for each that runs.
    needs: commands, files and modules of Python that must be there, too.
    standard: which language, and which version of it.
    """

    group: str
    compiler: str
    flags: tuple[str, ...]
    link: tuple[str, ...] = ("-pthread",)
    runner: tuple[str, ...] | None = ()
    isa: str = "all"
    needs: tuple[str, ...] = ()
    standard: tuple[str, ...] = ("-std=c11",)

    def __str__(self) -> str:
        return " ".join([self.compiler, *self.flags, *([] if self.isa == "all" else [f"({self.isa})"])])

    def missing(self) -> str | None:
        """The first tool that is not installed."""
        tools = (self.compiler.split()[0], *(self.runner or ())[:1], *self.needs)
        return next((tool for tool in tools if not _installed(tool)), None)

    def compile(self, *arguments: str, cwd: Path | None = None) -> None:
        execute([*_command(self.compiler.split()), *self.standard, *self.flags, *arguments], cwd=cwd)

    def run(self, program: Path, *arguments: str) -> str:
        """What the program prints."""
        assert self.runner is not None, f"nothing runs what {self} makes"
        return execute([*_command(self.runner), str(program), *arguments])


def _installed(tool: str) -> bool:
    return bool(tool == "python" or shutil.which(tool) or os.path.exists(tool) or importlib.util.find_spec(tool))


def _command(words: Sequence[str]) -> list[str]:
    return [sys.executable if word == "python" else word for word in words]


# What must not change a bit: optimisation, and a compiler that fuses what it finds.
OPTIMIZED = ("-O3", "-ffp-contract=off", "-fno-math-errno")  # the flags of setup.py
PLAIN = ("-O0",)
FUSING = ("-O3", "-ffp-contract=fast", "-mfma")
STATIC = ("-pthread", "-static")
ARM64 = {"link": STATIC, "runner": ("qemu-aarch64",)}
BUILDS = [
    Build("gcc", "gcc", PLAIN, isa="portable"),  # plain code takes minutes to run: `make bits` has all of it
    *(Build("gcc", "gcc", flags) for flags in (OPTIMIZED, FUSING)),
    *(Build("clang", "clang", flags) for flags in (OPTIMIZED, FUSING)),
    Build("arm64", "aarch64-linux-gnu-gcc", OPTIMIZED, isa="neon", **ARM64),
]
# Of these `make test` has all but one: gcc optimises without fusing there, and clang fuses.
OF_BITS_ALONE = BUILDS[3]

# Other machines. Their builds are quick to make, and those of `make test` run one instruction set alone; `make bits`
# has the others: the reference too, and compilers that may fuse where the machine has the instruction.
QUICK = ("-O1", *OPTIMIZED[1:])
FUSED = ("-O1", "-ffp-contract=fast")
RISCV64 = {"link": STATIC, "runner": ("qemu-riscv64",)}
S390X = {"link": STATIC, "runner": ("qemu-s390x",)}
WASM = {
    "link": (),
    "runner": ("python", str(Path(__file__).with_name("wasi.py"))),
    "needs": ("wasm-ld", "/usr/include/wasm32-wasi/stdio.h", "wasmtime"),
}
MACHINES = [
    Build("riscv64", "riscv64-linux-gnu-gcc", QUICK, isa="portable", **RISCV64),
    Build("s390x", "s390x-linux-gnu-gcc", QUICK, isa="portable", **S390X),
    Build("wasm", "clang", ("--target=wasm32-wasi", *QUICK), isa="portable", **WASM),
]
ZIG = "python -m ziglang cc -target"  # compiles for systems that are not here
WINE = ("env", f"WINEPREFIX={ROOT / 'build/wine'}", "WINEDEBUG=-all", "/usr/lib/wine/wine64")
MORE_MACHINES = [
    Build("gcc", "gcc", PLAIN),
    Build("clang", "clang", PLAIN),
    Build("arm64", "aarch64-linux-gnu-gcc", OPTIMIZED, **ARM64),
    Build("arm64", "aarch64-linux-gnu-gcc", PLAIN, **ARM64),
    Build("riscv64", "riscv64-linux-gnu-gcc", FUSED, **RISCV64),
    Build("s390x", "s390x-linux-gnu-gcc", FUSED, **S390X),
    Build("wasm", "clang", ("--target=wasm32-wasi", *OPTIMIZED), **WASM),
    Build("ppc64le", "powerpc64le-linux-gnu-gcc", FUSED, STATIC, ("qemu-ppc64le",)),
    Build("armhf", "arm-linux-gnueabihf-gcc", FUSED, STATIC, ("qemu-arm",)),
    Build("i686", "i686-linux-gnu-gcc", ("-msse2", "-mfpmath=sse", *QUICK), STATIC, ("qemu-i386",)),
    Build("musl", f"{ZIG} x86_64-linux-musl", QUICK, needs=("ziglang",)),
    Build("windows", f"{ZIG} x86_64-windows-gnu", QUICK, runner=WINE, needs=("ziglang", WINE[-1])),
    Build("macos", f"{ZIG} aarch64-macos", QUICK, runner=None, needs=("ziglang",)),
]


def required() -> set[str]:
    """Groups of builds whose absence is a failure, from the environment: MLPC_REQUIRE=clang,arm64."""
    return set(filter(None, os.environ.get("MLPC_REQUIRE", "").split(",")))


def sources(root: Path = ROOT) -> list[str]:
    """The C files of the core and the kernels, relative to the root."""
    files = [*root.glob("csrc/core/*.c"), *root.glob("csrc/kernels/**/*.c")]
    return sorted(str(file.relative_to(root)) for file in files)


def digest_sources(root: Path = ROOT) -> list[str]:
    """The C files of the digest program, relative to the root."""
    return sorted(str(file.relative_to(root)) for file in root.glob("tests/c/digest*.c"))


def execute(command: list[str], cwd: Path | None = None, timeout: float = 1200) -> str:
    """Standard output; where the command fails, an error that holds what it said."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        said = done.stdout[-2000:] + done.stderr[-6000:]
        raise RuntimeError(f"{' '.join(command)}: exit status {done.returncode}\n{said}")
    return done.stdout


@functools.cache
def _runs_avx512() -> bool:
    """Where nothing says so, it is taken to."""
    told = Path("/proc/cpuinfo")
    return not told.exists() or "avx512f" in told.read_text()


def compile_all(build: Build, files: list[str], folder: Path, root: Path = ROOT) -> list[Path]:
    """Objects of the files, with a list of what each includes beside it (name.d), and of gcc its stack (name.ci).

    AVX-512 takes a compiler longest. Where it does not run, it is optimised in the builds alone that fuse nothing:
    those whose stack and symbols are looked at.
    """
    lists = ("-MMD", *(("-fcallgraph-info=su",) if build.compiler.endswith("gcc") else ()))

    def one(file: str) -> Path:
        target = folder / (file.replace("/", "_") + ".o")
        in_vain = "avx512" in file and not _runs_avx512() and build.flags != OPTIMIZED
        build.compile(*lists, *(PLAIN if in_vain else ()), "-c", file, "-o", str(target), cwd=root)
        return target

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, files))


def link(build: Build, objects: list[Path], program: Path) -> Path:
    build.compile(*map(str, objects), *build.link, "-lm", "-o", str(program))
    return program


@functools.cache
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="mlpc-builds-")


@functools.cache
def objects(build: Build) -> list[Path]:
    """The objects of core and kernels, made once per process."""
    return compile_all(build, sources(), Path(tempfile.mkdtemp(dir=_folder().name)))


@functools.cache
def digest_program(build: Build) -> Path:
    core = objects(build)
    return link(build, core + compile_all(build, digest_sources(), core[0].parent), core[0].parent / "digest")


def run_digest(build: Build, program: Path, isa: str | None = None) -> dict[str, str]:
    """What the program prints, by instruction set; the build says which, unless told."""
    output = build.run(program, isa or build.isa)
    return dict(part.split("\n", 1) for part in output.split("# ")[1:])


def expected_digests() -> str:
    """The committed lines, without the comment before them."""
    return "".join(line for line in DIGESTS.read_text().splitlines(keepends=True) if not line.startswith("#"))


def difference(lines: str, expected: str) -> list[str]:
    """Lines that are not as expected, and what is missing."""
    got, wanted = lines.splitlines(), expected.splitlines()
    extra, missing = (sorted(set(a) - set(b)) for a, b in ((got, wanted), (wanted, got)))
    return [f"got {line}" for line in extra] + [f"expected {line}" for line in missing]
