"""How many threads compute.

However many do, the results are the same bits: the choice is one of speed, and of leaving CPUs to others.
"""

import os
import re
import threading
import warnings
from collections.abc import Mapping

from mlpc import _mlpc

__all__ = ["get_num_threads", "limit_threads", "set_num_threads"]


def get_num_threads() -> int:
    """How many threads a call of mlpc from this thread may use, the calling one among them.

    The number of the process, but in the threads of a `sweep`, which leave each other a CPU.

    Examples
    --------
    >>> import mlpc
    >>> mlpc.get_num_threads() >= 1
    True
    """
    return _mlpc.get_num_threads()


def set_num_threads(n: int) -> None:
    """Let calls of mlpc use at most `n` threads, from the next call on, in the whole process.

    It is a limit: a call that is too small for so many uses fewer. So does one that comes while other processes keep
    the CPUs busy: threads would wait for those that are not let in. Whether that still holds is tried now and then.

    Without it the number is that of the environment variable ``MLPC_NUM_THREADS``, or else the first one of
    ``OMP_NUM_THREADS``, when mlpc is imported, and at most the number of CPUs that this process may use (its affinity,
    and the quota of its control group); without either, that number of CPUs.

    Parameters
    ----------
    n : int
        In 1..1024; may be more than there are CPUs, which costs time.

    Raises
    ------
    ValueError
        Where it is not in that range.

    Examples
    --------
    >>> import mlpc
    >>> before = mlpc.get_num_threads()
    >>> mlpc.set_num_threads(1)
    >>> mlpc.get_num_threads()
    1
    >>> mlpc.set_num_threads(before)
    """
    _mlpc.set_num_threads(n)


class _Limit(threading.local):
    """That of the calling thread, beside the number of the process."""

    most = _mlpc.MAX_THREADS


_limit = _Limit()


def limit_threads(most: int) -> int:
    """Calls of mlpc from this thread use at most so many threads; returns what the limit was before.

    Examples
    --------
    >>> import mlpc
    >>> before = limit_threads(1)
    >>> mlpc.get_num_threads(), limit_threads(before)
    (1, 1)
    """
    before, _limit.most = _limit.most, most
    _mlpc.limit_threads(most)
    return before


def _asked_for(environ: Mapping[str, str]) -> int | None:
    """The number in the environment; what is no positive number counts as not set, in our own variable with a word."""
    openmp, _, _ = environ.get("OMP_NUM_THREADS", "").partition(",")  # a list: one number per level of nesting
    own = environ.get("MLPC_NUM_THREADS", "")
    for text in (own, openmp):
        if re.fullmatch(r"\s*0*[1-9][0-9]{0,8}\s*", text):
            return int(text)
        if text is own and text.strip():
            warnings.warn(f"MLPC_NUM_THREADS: expected a number of threads, got {text!r}: ignored", stacklevel=2)
    return None


def _initial(environ: Mapping[str, str]) -> int:
    cpus = min(_mlpc.cpus(), _mlpc.MAX_THREADS)
    return min(_asked_for(environ) or cpus, cpus)


_mlpc.set_num_threads(_initial(os.environ))
