"""Which instruction set computes.

Whichever does, the results are the same bits: the choice is one of speed, and of tests. The environment variable
``MLPC_ISA`` makes it when mlpc is imported.
"""

from mlpc import _mlpc

__all__ = ["active", "available", "features", "use"]


def features() -> dict[str, bool]:
    """The CPU's features that matter to mlpc, and whether it has them (and the operating system allows them).

    Examples
    --------
    >>> import mlpc
    >>> all(isinstance(present, bool) for present in mlpc.cpu.features().values())
    True
    """
    return _mlpc.cpu_features()


def available() -> list[str]:
    """Names of the instruction sets that run here, slowest first.

    "reference" is the text of the arithmetic in plain loops, "portable" the fast kernels in plain C; both run
    everywhere.

    Examples
    --------
    >>> import mlpc
    >>> mlpc.cpu.available()[:2]
    ['reference', 'portable']
    """
    return _mlpc.isas()


def active() -> str:
    """The name of the instruction set that computes now.

    Examples
    --------
    >>> import mlpc
    >>> mlpc.cpu.active() in mlpc.cpu.available()
    True
    """
    return _mlpc.active_isa()


def use(name: str) -> None:
    """Let another instruction set compute, from the next call on, in the whole process.

    Parameters
    ----------
    name : str
        One of `available`.

    Raises
    ------
    ValueError
        Where it is none of them; the message lists them.

    Examples
    --------
    >>> import mlpc
    >>> before = mlpc.cpu.active()
    >>> mlpc.cpu.use("portable")
    >>> mlpc.cpu.active()
    'portable'
    >>> mlpc.cpu.use(before)
    """
    _mlpc.use_isa(name)
