"""Networks in C, of mlpc and of emlearn: size, time of a row, and how far they are from the model of scikit-learn that
both were made from.
"""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

import figures
import numpy as np
from contenders import pinned

import mlpc
from mlpc.exchange.c_source import quantized

PROGRAM = pathlib.Path(__file__).with_name("c_source.c")
ROWS = 100
OPTIONS = {"-O2": ("-O2",), "-O3 -march=native": ("-O3", "-march=native")}
CORTEX_M4 = ("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-Os")
OURS = """\
#include "net.h"
static int label(const float *x) { return net_predict(x); }
static void probabilities(const float *x, float *p) { net_probabilities(x, p); }
"""
EMLEARN = """\
#include <stdbool.h>
#include "emlearn.h"
static int label(const float *x) { return net_predict(x, INPUTS); }
static void probabilities(const float *x, float *p) { eml_net_predict_proba(&net, x, INPUTS, p, OUTPUTS); }
"""
# A program for a controller that only classifies: what its linker keeps is the size.
MINIMAL = "#include CONTENDER\nvolatile float x[INPUTS];\nint entry(void) { return label((const float *)x); }\n"


def models() -> dict:
    """Fitted classifiers of scikit-learn by the sizes of their networks, and rows to ask them about."""
    from sklearn.neural_network import MLPClassifier

    (x, y), (x_test, _) = mlpc.datasets.load_digits()
    noise = np.random.default_rng(0).normal(size=(300, 784)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has not converged
        return {
            "64-32-10": (MLPClassifier((32,), max_iter=60, random_state=0).fit(x, y), x_test[:ROWS]),
            "784-100-10": (MLPClassifier((100,), max_iter=2, random_state=0).fit(noise, y[:300]), noise[:ROWS]),
        }


def network(model) -> mlpc.MLP:
    arrays = [array for pair in zip(model.coefs_, model.intercepts_, strict=True) for array in (pair[0].T, pair[1])]
    return mlpc.MLP([model.n_features_in_, *model.hidden_layer_sizes, model.n_outputs_], "relu", init=arrays)


def section(rounds: int) -> dict:
    rows = []
    for name, (model, x) in models().items():
        net = network(model)
        for contender in ("mlpc", "mlpc, int8", "emlearn"):
            if contender == "emlearn" and not importlib.util.find_spec("emlearn"):
                continue
            with tempfile.TemporaryDirectory() as folder:
                rows += measured(name, contender, model, net, x, pathlib.Path(folder), rounds)
        print(f"measured {name}", file=sys.stderr)
    return {"rows": rows}


def measured(name, contender, model, net, x, folder, rounds) -> list[dict]:
    """A row for each set of options, of files in the folder."""
    sources, include = ["net.c"], []
    if contender == "emlearn":
        import emlearn

        before = os.getcwd()
        os.chdir(folder)  # it leaves a folder where it runs
        emlearn.convert(model, method="inline", dtype="float").save(file="emlearn.h", name="net")
        os.chdir(before)
        sources, include = [], [f"-I{pathlib.Path(emlearn.__file__).parent}"]
        (folder / "contender.h").write_text(EMLEARN)
    else:
        net.to_c(folder / "net.c", dtype="int8" if "int8" in contender else None)
        (folder / "contender.h").write_text(OURS)
    numbers = ",\n".join("{" + ", ".join(f"{value!r}f" for value in row) + "}" for row in x.astype(float).tolist())
    (folder / "rows.h").write_text(f"static const float x[{len(x)}][INPUTS] = {{\n{numbers}\n}};\n")
    sizes = (f"-DINPUTS={net.sizes[0]}", f"-DOUTPUTS={net.sizes[-1]}", '-DCONTENDER="contender.h"')
    flags = [*sizes, '-DROWS="rows.h"', f"-DN_ROWS={len(x)}", f"-DROUNDS={rounds}", f"-I{folder}", *include]
    size = code_size(folder, sources, [*sizes, f"-I{folder}", *include])
    rows = []
    for options, words in OPTIONS.items():
        run(["gcc", *words, *flags, str(PROGRAM), *sources, "-lm", "-o", "program"], folder)
        lines = run(pinned([str(folder / "program")], 1), folder).splitlines()
        answers = np.array([line.split() for line in lines[rounds:]], float)
        row = {"network": name, "contender": contender, "options": options, **size}
        row |= figures.summary([float(line) for line in lines[:rounds]])
        rows.append(row | errors(model, net, x, answers, contender))
    return rows


def errors(model, net, x, answers, contender) -> dict:
    """How far from scikit-learn in float64, and how many labels are others; our bits must be those of Python."""
    truth = model.predict_proba(x.astype(np.float64))
    if contender != "emlearn":
        computed = quantized(net) if "int8" in contender else net
        assert (answers[:, :-1].astype(np.float32) == computed.predict_proba(x)).all()
    return {
        "error": float(np.abs(answers[:, :-1] - truth).max()),
        "others": int((answers[:, -1] != truth.argmax(axis=1)).sum()),
    }


def code_size(folder, sources, flags) -> dict:
    """Bytes of flash and of RAM on a Cortex-M4 of a program that only classifies."""
    if not shutil.which(CORTEX_M4[0]):
        return {}
    (folder / "minimal.c").write_text(MINIMAL)
    sections = ["-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "-nostartfiles", "-Wl,-e,entry"]
    system = ["--specs=nano.specs", "--specs=nosys.specs"]
    run([*CORTEX_M4, *flags, *sections, "minimal.c", *sources, *system, "-lm", "-o", "minimal"], folder)
    text, data, bss = map(int, run(["arm-none-eabi-size", "minimal"], folder).splitlines()[1].split()[:3])
    inputs = 4 * int(flags[0].split("=")[1])
    return {"flash": text + data, "ram": data + bss - inputs}


def run(command: list[str], folder) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


def table(report: dict) -> str:
    lines = []
    for row in report["rows"]:
        ours = next(
            other
            for other in report["rows"]
            if other["contender"] == "mlpc" and all(other[key] == row[key] for key in ("network", "options"))
        )
        sizes = [f"{row[key]:,}" if key in row else "" for key in ("flash", "ram")]
        cells = [figures.cell(row, ours), *sizes, f"{row['error']:.1e}", f"{row['others']} of {ROWS}"]
        lines.append([row["network"], row["contender"], f"`{row['options']}`", *cells])
    header = ["network", "by", "gcc", "a row", "flash, bytes", "RAM, bytes", "largest error", "other labels"]
    return figures.markdown(header, lines)
