"""The threads of mlpc among those that threadpoolctl sees and limits."""

from __future__ import annotations

import threadpoolctl

from mlpc.threads import get_num_threads, set_num_threads
from mlpc.version import __version__

__all__ = ["Threads"]


class Threads(threadpoolctl.LibController):
    """What threadpoolctl asks about mlpc: ``threadpool_limits(2)`` is a limit of its threads, too.

    Examples
    --------
    >>> import mlpc
    >>> with threadpoolctl.threadpool_limits(1, user_api="mlpc"):
    ...     mlpc.get_num_threads()
    1
    """

    user_api = "mlpc"
    internal_api = "mlpc"
    filename_prefixes = ("_mlpc",)

    def get_num_threads(self) -> int:
        return get_num_threads()

    def set_num_threads(self, num_threads: int) -> None:
        set_num_threads(num_threads)

    def get_version(self) -> str:
        return __version__

    def set_additional_attributes(self) -> None:
        """There are none."""


threadpoolctl.register(Threads)
