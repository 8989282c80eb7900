"""Who is compared, and the process in which each works."""

import contextlib
import dataclasses
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator

from task import Task

HERE = pathlib.Path(__file__).parent
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MLPC_NUM_THREADS")
# Choices of NumPy's BLAS for one machine that would slow it down on another
NOT_INHERITED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


@dataclasses.dataclass(frozen=True)
class Contender:
    """`kind` is the work, as in `common.serve`; `needs` the packages without which it is left out.

    `takes` says which tasks it can do.
    """

    label: str
    script: str
    kind: str
    variant: str = ""
    needs: tuple[str, ...] = ()
    takes: Callable[[Task], bool] = lambda task: True

    def missing(self) -> str | None:
        return next((package for package in self.needs if not importlib.util.find_spec(package)), None)


def _dense(task: Task) -> bool:
    return not task.is_sparse


def _plain(task: Task) -> bool:
    return task.is_plain


def _plain_or_drawn(task: Task) -> bool:
    return task.is_plain or task.is_drawn


def _of_sklearn(task: Task) -> bool:
    """It has four activations, one logistic output for two classes, and no scale."""
    known = task.activation in ("identity", "relu", "sigmoid", "tanh") and task.sizes[-1] != 2 and not task.scale
    return task.is_plain or (task.is_drawn and known)


TRAINING = {
    "mlpc": Contender("mlpc", "mlpc_net", "fits"),
    "torch": Contender("PyTorch eager", "torch_nn", "epochs", "eager", ("torch",)),
    "torch_fused": Contender("PyTorch fused", "torch_nn", "epochs", "fused", ("torch",)),
    "torch_compiled": Contender("PyTorch compiled", "torch_nn", "epochs", "compiled", ("torch",), _dense),
    "jax": Contender("JAX, jit and scan", "jax_jit", "epochs", "", ("jax",), _plain_or_drawn),
    "numpy": Contender("NumPy by hand", "numpy_by_hand", "epochs", takes=_plain),
    "sklearn": Contender("scikit-learn", "sklearn_mlp", "epochs", "", ("sklearn",), _of_sklearn),
}

INFERENCE = {
    "mlpc_frozen": Contender("mlpc predict, frozen", "mlpc_net", "inference", "frozen"),
    "mlpc_predict": Contender("mlpc predict", "mlpc_net", "inference", "predict"),
    "mlpc_forward": Contender("mlpc forward", "mlpc_net", "inference", "forward"),
    "torch": Contender("PyTorch", "torch_nn", "inference", "eager", ("torch",)),
    "torch_traced": Contender("TorchScript", "torch_nn", "inference", "traced", ("torch",)),
    "torch_compiled": Contender("PyTorch compiled", "torch_nn", "inference", "compiled", ("torch",)),
    "onnxruntime": Contender("onnxruntime", "onnx_runtime", "inference", "", ("onnx", "onnxruntime")),
    "jax": Contender("JAX jit", "jax_jit", "inference", "", ("jax",)),
    "numpy": Contender("NumPy by hand", "numpy_by_hand", "inference"),
    "sklearn": Contender("scikit-learn", "sklearn_mlp", "inference", "", ("sklearn",)),
}

PRODUCTS = {
    "mlpc": Contender("mlpc", "mlpc_net", "products"),
    "torch": Contender("PyTorch", "torch_nn", "products", "", ("torch",)),
    "numpy": Contender("NumPy", "numpy_by_hand", "products"),
}

LIMITS = Contender("the machine", "limits", "limits")


def installed(contenders: dict[str, Contender], names: Iterable[str]) -> list[str]:
    """Those of the names that can take part, in the order of the table."""
    present = []
    for name, contender in contenders.items():
        if name in names and (missing := contender.missing()):
            print(f"{contender.label} is left out: {missing} is not installed", file=sys.stderr)
        elif name in names:
            present.append(name)
    return present


def environment(threads: int) -> dict[str, str]:
    """What must be exported before Python starts."""
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return inherited | dict.fromkeys(THREAD_VARIABLES, str(threads))


def pinned(command: list[str], threads: int) -> list[str]:
    """The command, bound to the first of this process's CPUs."""
    cpus = sorted(os.sched_getaffinity(0))
    if threads > len(cpus):
        sys.exit(f"{threads} threads: this process may use {len(cpus)} CPUs")
    if not shutil.which("taskset"):
        sys.exit("taskset is not installed (util-linux): without it no thread count is what it says")
    return ["taskset", "--cpu-list", ",".join(map(str, cpus[:threads])), *command]


class Process:
    """A contender at work: `ask` sends one request and waits for its answer."""

    def __init__(self, label: str, child: subprocess.Popen) -> None:
        self.label, self.child = label, child

    def ask(self, **request: object) -> dict:
        print(json.dumps(request), file=self.child.stdin, flush=True)
        answer = self.child.stdout.readline()
        if not answer:
            sys.exit(f"{self.label} ended; its message stands above")
        return json.loads(answer)


@contextlib.contextmanager
def start(contender: Contender, task: Task) -> Iterator[Process]:
    script = str(HERE / "peers" / f"{contender.script}.py")
    arguments = [contender.kind, contender.variant, json.dumps(dataclasses.asdict(task))]
    command = pinned([sys.executable, script, *arguments], task.threads)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment(task.threads), stdin=pipe, stdout=pipe, text=True) as child:
        try:
            yield Process(contender.label, child)
        finally:
            child.stdin.close()
