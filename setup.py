"""The extension module; everything else about the package stands in pyproject.toml.

CFLAGS of the environment count: an -O in it replaces the -O3 here, sanitizers and -g are added. Instruction sets need
no flags, each kernel file asks the compiler for its own.
"""

import os
import re
import runpy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
csrc = runpy.run_path(str(ROOT / "csrc_hash.py"))
SOURCES = [path.as_posix() for path in csrc["sources"](ROOT)]

asked_for = re.findall(r"(?<!\S)-O\S*", os.environ.get("CFLAGS", ""))
optimization = asked_for[-1] if asked_for else "-O3"

extension = Extension(
    "mlpc._mlpc",
    sources=[path for path in SOURCES if path.endswith(".c")],
    # distutils does not see what is included: a change of any source, or of the flags here, builds everything anew.
    depends=[path for path in SOURCES if not path.endswith(".c")] + ["setup.py", "csrc_hash.py"],
    include_dirs=[np.get_include()],
    define_macros=[
        ("MLPC_BUILD_HASH", f'"{csrc["csrc_hash"](ROOT)}"'),
        ("MLPC_OPTIMIZATION", f'"{optimization}"'),
    ],
    # Contraction would fuse what the arithmetic keeps apart, and CFLAGS that relax arithmetic are taken back; errno is
    # never read.
    extra_compile_args=["-std=c11", "-fvisibility=hidden", "-fno-fast-math", "-fno-unsafe-math-optimizations"]
    + ["-ffp-contract=off", "-fno-math-errno"]
    + ([] if asked_for else [optimization])
    # Python's own flags ask for debug information, ten times the size of the code; CFLAGS may ask for it again.
    + ([] if re.search(r"(?<!\S)-g", os.environ.get("CFLAGS", "")) else ["-g0"]),
    libraries=["m"],
)


class build_in_parallel(build_ext):
    """As many files at once as there are CPUs, those of kernels first: they take longest."""

    def build_extension(self, ext):
        one_after_another = self.compiler.compile

        def compile_all(sources, **options):
            def one(source):
                if Path(source).name != "module.c":  # which alone tells them; a cache of the compiler's keeps the rest
                    return one_after_another([source], **options | {"macros": []})
                return one_after_another([source], **options)

            with ThreadPoolExecutor(CPUS) as pool:
                made = pool.map(one, sorted(sources, key=lambda source: "kernels" not in source))
            return [name for names in made for name in names]

        self.compiler.compile = compile_all
        super().build_extension(ext)


setup(ext_modules=[extension], cmdclass={"build_ext": build_in_parallel})
