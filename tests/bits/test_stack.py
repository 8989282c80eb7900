"""How much stack the C code takes, by the compiler's own figures: threads of other programs may have 64 KB in all."""

import re
import sysconfig
from pathlib import Path

import builds
import numpy as np
import pytest
from test_builds import available, each

LAYERS = ("kernels", "core", "py")
# The largest frame, of cross-entropy with AVX-512: logits and partial sums of 16 samples in double.
LARGEST = 6 * 1024
# A call of the core from Python: down to the team, a thread's part of the run, what it makes of logits, and a kernel.
# Three quarters of 64 KB are left to Python, NumPy and the system.
DEEPEST = 16 * 1024

NODE = re.compile(r'node: \{ title: "([^"]+)" label: "[^"]*?(\d+) bytes \(([a-z,]+)\)')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')

pytestmark = pytest.mark.slow


class Stack:
    """Functions of all files and instruction sets: the bytes of their frames, and whom they call by name."""

    def __init__(self, objects):
        self.frames, self.kinds, self.calls, self.layer, self.depths = {}, {}, {}, {}, {}
        for made in objects:
            text = made.with_suffix(".ci").read_text()
            layer = next(layer for layer in LAYERS if f"csrc_{layer}_" in made.name)
            for name, size, kind in NODE.findall(text):
                self.frames[name], self.kinds[name], self.layer[name] = int(size), kind, layer
            for caller, callee in EDGE.findall(text):
                self.calls.setdefault(caller, set()).add(callee)

    def depth(self, name, above=()):
        """Bytes from a function on down, along calls by name; one that comes back to itself is a failure."""
        assert name not in above, f"recursion: {' -> '.join([*above, name])}"
        if name not in self.depths:
            callees = self.calls.get(name, set()) & self.frames.keys()
            below = max((self.depth(callee, (*above, name)) for callee in callees), default=0)
            self.depths[name] = self.frames[name] + below
        return self.depths[name]

    def deepest(self, layer):
        return max(self.depth(name) for name in self.frames if self.layer[name] == layer)


def python_objects(build, folder):
    """The objects of the extension's own files."""
    includes = (f"-I{sysconfig.get_path('include')}", f"-I{np.get_include()}")
    flags = (*build.flags, *includes, '-DMLPC_BUILD_HASH=""', '-DMLPC_OPTIMIZATION=""')
    files = sorted(str(file.relative_to(builds.ROOT)) for file in builds.ROOT.glob("csrc/py/*.c"))
    return builds.compile_all(builds.Build(build.group, build.compiler, flags), files, Path(folder))


@pytest.mark.parametrize("build", each(b for b in builds.BUILDS if "gcc" in b.compiler and b.flags == builds.OPTIMIZED))
def test_no_function_takes_much_stack(build, tmp_path):
    objects = builds.objects(available(build))
    if build.group == "gcc":
        objects = [*objects, *python_objects(build, tmp_path)]
    stack = Stack(objects)
    assert len(stack.frames) > 500
    dynamic = {name for name, kind in stack.kinds.items() if kind not in ("static", "dynamic,bounded")}
    assert not dynamic, "frames whose size depends on arguments"
    large = {name: size for name, size in stack.frames.items() if size > LARGEST}
    assert not large
    depths = {layer: stack.deepest(layer) for layer in LAYERS if layer in stack.layer.values()}
    assert sum(depths.values()) + depths["core"] <= DEEPEST, depths
