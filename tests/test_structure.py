"""What stands where: who may need whom, no circles, and how large a file or a function may be."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sorted((ROOT / "mlpc").rglob("*.py"))
C = sorted(path for path in (ROOT / "csrc").rglob("*") if path.suffix in (".c", ".h", ".inc", ".def"))

MOST_LINES = 450  # of a file
MOST_LINES_OF_A_FUNCTION = 60
MOST_PARAMETERS = 7


# ---- Who needs whom --------------------------------------------------------------------------------------------------


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in PYTHON}
EXTENSION = "mlpc._mlpc"


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def is_function(node):
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))


def imports_of(tree):
    """The package's own modules that are imported in a tree, for checkers of types too; the extension is none."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "expected whole names, got a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES or inner == EXTENSION else node.module)
    return found & MODULES.keys()


def includes(path):
    """The files that one includes with quotes."""
    names = re.findall(r'^\s*#\s*include "(.*)"', path.read_text(encoding="utf-8"), re.MULTILINE)
    return {(path.parent / name).resolve() for name in names}


def circle(graph):
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return " -> ".join(map(str, error.args[1]))
    return None


def test_no_circles_among_modules():
    assert circle({name: imports_of(parsed(path)) for name, path in MODULES.items()}) is None


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_imported_where_all_can_see_it(name):
    """An import inside a function would hide a circle; other packages are imported so, where they are optional."""
    functions = [node for node in ast.walk(parsed(MODULES[name])) if is_function(node)]
    assert not [inner for function in functions for inner in imports_of(function)]


def test_no_circles_among_files_of_c():
    graph = {path: includes(path) for path in C}
    missing = {str(needed) for part in graph.values() for needed in part} - set(map(str, C))
    assert not missing
    assert circle({path.relative_to(ROOT): {n.relative_to(ROOT) for n in part} for path, part in graph.items()}) is None


LAYERS = {"py": ("py", "core", "kernels"), "core": ("core", "kernels"), "kernels": ("kernels",)}


def layer_of(path):
    return path.relative_to(ROOT / "csrc").parts[0]


@pytest.mark.parametrize("path", C, ids=lambda path: str(path.relative_to(ROOT / "csrc")))
def test_dependencies_point_one_way(path):
    assert {layer_of(needed) for needed in includes(path)} <= set(LAYERS[layer_of(path)])
    systems = re.findall(r"^\s*#\s*include <(.*)>", path.read_text(encoding="utf-8"), re.MULTILINE)
    of_python = [name for name in systems if name in ("Python.h", "structmember.h") or name.startswith("numpy/")]
    assert not of_python or layer_of(path) == "py"


# ---- How large -------------------------------------------------------------------------------------------------------


def without_comments(text):
    """C without comments and strings, in as many lines."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match[0])

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.DOTALL)


FUNCTION = re.compile(
    r"^(?!typedef)[A-Za-z][\w *]*?(\w+)"  # what it returns, and its name
    r"(\((?:[^(){};]|\([^()]*\))*\))\s*"  # its parameters, functions among them
    r"(?:\{[^\n]*\}|\{\n.*?^\})$",  # its body, whose last bracket stands at the margin where it has several lines
    re.MULTILINE | re.DOTALL,
)


def functions(path):
    """(name, parameters, lines) of each function that a file of C defines."""
    for found in FUNCTION.finditer(without_comments(path.read_text(encoding="utf-8"))):
        parameters = re.sub(r"\([^()]*\)", "", found[2][1:-1])
        yield found[1], parameters.count(",") + 1, found[0].count("\n") + 1


OURS = [path for path in C if layer_of(path) in ("core", "py")]


def test_files_are_short():
    files = [*C, *PYTHON, *(ROOT / "tests/c").iterdir()]
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert not {name for name, n in lines.items() if n > MOST_LINES}


def test_functions_are_short():
    assert not {name for path in OURS for name, _, lines in functions(path) if lines > MOST_LINES_OF_A_FUNCTION}


def test_functions_have_few_parameters():
    assert not {name for path in OURS for name, parameters, _ in functions(path) if parameters > MOST_PARAMETERS}
