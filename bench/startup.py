"""Seconds that an import takes, and megabytes on disk."""

import contextlib
import importlib.metadata
import importlib.util
import pathlib
import re
import subprocess
import sys
import time

import figures
from contenders import environment, pinned

# module: (distribution, the import that its users write)
MODULES = {
    "numpy": ("numpy", "import numpy"),
    "mlpc": ("mlpc", "import mlpc"),
    "torch": ("torch", "import torch"),
    "jax": ("jax", "import jax.numpy"),
    "sklearn": ("scikit-learn", "from sklearn.neural_network import MLPClassifier"),
    "onnxruntime": ("onnxruntime", "import onnxruntime"),
}


def section(rounds: int) -> dict:
    """Whole processes, in turn, round by round; the first round fills the caches of files."""
    imports = {"nothing": "pass"}
    imports |= {name: text for name, (_, text) in MODULES.items() if importlib.util.find_spec(name)}
    seconds = {name: [] for name in imports}
    for round_ in range(rounds + 1):
        for name, text in imports.items():
            begin = time.perf_counter()
            subprocess.run(pinned([sys.executable, "-c", text], 1), env=environment(1), check=True)
            if round_:
                seconds[name].append(time.perf_counter() - begin)
    rows = []
    for name, times in seconds.items():
        row = {"module": name, "import": imports[name], **figures.summary(times)}
        if name in MODULES:
            distribution = MODULES[name][0]
            row["bytes"] = size(distribution)
            row["bytes_with_dependencies"] = sum(map(size, needed(distribution)))
        rows.append(row)
    return {"rows": rows}


def needed(distribution: str) -> set[str]:
    """It and what it requires, without extras."""
    found, waiting = set(), [distribution]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name not in found:
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                requirements = importlib.metadata.requires(name) or []
                found.add(name)
                waiting += [re.match(r"[\w.-]+", text)[0] for text in requirements if ";" not in text]
    return found


def size(distribution: str) -> int:
    """Bytes of its files, without those that Python compiles."""
    if distribution == "mlpc":  # may be installed in place, where its files are not listed
        files = pathlib.Path(importlib.util.find_spec("mlpc").origin).parent.rglob("*")
    else:
        files = (pathlib.Path(file.locate()) for file in importlib.metadata.files(distribution) or [])
    return sum(file.stat().st_size for file in files if file.suffix != ".pyc" and file.is_file())


def table(report: dict) -> str:
    medians = {row["module"]: row["median"] for row in report["rows"]}
    lines = []
    for row in report["rows"]:
        over = row["median"] - medians["nothing"]
        beyond = row["median"] - medians["numpy"]
        sizes = [f"{row[key] / 1e6:.1f} MB" if key in row else "" for key in ("bytes", "bytes_with_dependencies")]
        cells = [figures.cell(row), *("" if extra <= 0 else f"{1e3 * extra:.0f} ms" for extra in (over, beyond))]
        lines.append([f"`{row['import']}`", *cells, *sizes])
    return figures.markdown(["import", "process", "over `pass`", "over NumPy", "size", "with what it needs"], lines)
