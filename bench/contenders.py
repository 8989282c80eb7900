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
from collections.abc import Iterable, Iterator

from task import Task

HERE = pathlib.Path(__file__).parent
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MLPC_NUM_THREADS")
# Choices of NumPy's BLAS for one machine that would slow it down on another
NOT_INHERITED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


@dataclasses.dataclass(frozen=True)
class Contender:
    """`kind` is the work, as in `common.serve`; `needs` the packages without which it is left out.

    `plain`: only of tasks that are so; `dense`: only of tasks whose input is no sparse matrix.
    """

    label: str
    script: str
    kind: str
    variant: str = ""
    needs: tuple[str, ...] = ()
    plain: bool = False
    dense: bool = False

    def takes(self, task: Task) -> bool:
        return task.is_plain or not (self.plain or (self.dense and task.input == "csr"))

    def missing(self) -> str | None:
        return next((package for package in self.needs if not importlib.util.find_spec(package)), None)


TRAINING = {
    "mlpc": Contender("mlpc", "mlpc_net", "fits"),
    "torch": Contender("PyTorch eager", "torch_nn", "epochs", "eager", ("torch",)),
    "torch_fused": Contender("PyTorch fused", "torch_nn", "epochs", "fused", ("torch",)),
    "torch_compiled": Contender("PyTorch compiled", "torch_nn", "epochs", "compiled", ("torch",), dense=True),
    "jax": Contender("JAX, jit and scan", "jax_jit", "epochs", "", ("jax",), plain=True),
    "numpy": Contender("NumPy by hand", "numpy_by_hand", "epochs", plain=True),
    "sklearn": Contender("scikit-learn", "sklearn_mlp", "epochs", "", ("sklearn",), plain=True),
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
