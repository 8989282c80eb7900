"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator

__all__ = ["check_folder", "write_atomically"]

PIECE = 1 << 20
"""Bytes that are written at a time: so Ctrl-C is answered in between."""


def write_atomically(path: str, data: bytes) -> None:
    """Write a file, or replace it.  Whoever opens it, at any moment, finds all of what was there or all of `data`.

    Also after the process was killed, or the machine stopped: `data` goes to a temporary file in the same folder and to
    the disk before that file takes the name, and the folder goes to the disk before the function returns.  The
    temporary file is named after the other, with a dot before and ``.tmp`` behind.  One that a killed process left
    behind is used again; a lock, which ends with its process, has two that write the same file do so one after the
    other.  A link stays one: what it points to is replaced.

    Raises
    ------
    OSError
        Where that cannot be done; the file is as it was then, and the temporary one is gone.  Or where the new file is
        there, and its folder cannot be sent to the disk.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(f"{folder}/a", b"first")
    ...     write_atomically(f"{folder}/a", b"second")
    ...     os.path.getsize(f"{folder}/a"), os.listdir(folder)
    (6, ['a'])
    """
    path = os.path.realpath(path)
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.tmp")
    file = _locked(temporary)
    try:
        os.ftruncate(file, 0)
        for start in range(0, len(data), PIECE):
            _write(file, data[start : start + PIECE])
        os.fsync(file)
        os.replace(temporary, path)
    except BaseException:
        if _has_name(file, temporary):  # otherwise it has taken the other name already
            os.unlink(temporary)
        raise
    finally:
        os.close(file)
    _to_disk(folder)


def check_folder(path: str) -> None:
    """Whether a file can get this name: an OSError now where its folder is missing or a folder has it, not later."""
    path = os.path.realpath(path)
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "no such folder", folder)
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "a folder has the name", path)


def _locked(path: str) -> int:
    """A file that is open for writing and locked: the one that has the name, when the lock is had."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise FileExistsError(errno.EEXIST, "something else than a file has the name", path)
            with _where_there_is_such():
                fcntl.flock(file, fcntl.LOCK_EX)
            if _has_name(file, path):
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # whoever held the lock has renamed it


def _has_name(file: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.lstat(path))
    except FileNotFoundError:
        return False


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _to_disk(folder: str) -> None:
    """Names, too, get lost where a machine stops, until their folder was written."""
    file = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with _where_there_is_such():
            os.fsync(file)
    finally:
        os.close(file)


@contextlib.contextmanager
def _where_there_is_such() -> Iterator[None]:
    """Some file systems, of networks most of all, have no locks, or folders that nobody can send to the disk."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
