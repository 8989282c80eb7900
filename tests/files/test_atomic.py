"""A file is written whole or not at all, and nothing else is left."""

import contextlib
import errno
import os
import stat
import threading

import pytest

from mlpc.files import atomic, write_atomically


def test_what_was_there_is_replaced(tmp_path):
    path = tmp_path / "file"
    for data in (b"", b"first" * 1000, b"second"):
        write_atomically(str(path), data)
        assert path.read_bytes() == data and os.listdir(tmp_path) == ["file"]


def test_a_path_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_atomically("file", b"data")
    assert (tmp_path / "file").read_bytes() == b"data"


def test_what_a_killed_process_left_is_used_again(tmp_path):
    (tmp_path / ".file.tmp").write_bytes(b"longer than what comes" * 100)
    write_atomically(str(tmp_path / "file"), b"data")
    assert (tmp_path / "file").read_bytes() == b"data" and os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("failing", ["write", "fsync", "replace"])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there(tmp_path, monkeypatch, failing, error):
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def fail(*arguments):
        raise error

    monkeypatch.setattr(atomic.os, failing, fail)
    with pytest.raises(error):
        write_atomically(str(path), b"after")
    assert path.read_bytes() == b"before" and os.listdir(tmp_path) == ["file"]


def test_the_disk_has_the_data_before_the_name_and_the_name_in_the_end(tmp_path, monkeypatch):
    order, path = [], tmp_path / "file"
    fsync, replace = os.fsync, os.replace

    def synced(file):
        order.append("folder" if stat.S_ISDIR(os.fstat(file).st_mode) else os.fstat(file).st_size)
        fsync(file)

    def replaced(*names):
        order.append("name")
        replace(*names)

    monkeypatch.setattr(atomic.os, "fsync", synced)
    monkeypatch.setattr(atomic.os, "replace", replaced)
    write_atomically(str(path), b"12345")
    assert order == [5, "name", "folder"]


def test_a_system_that_writes_less_is_asked_again(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(atomic.os, "write", lambda file, data: write(file, data[:3]))
    write_atomically(str(tmp_path / "file"), b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_a_link_stays_one(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "far" / "file")
    write_atomically(str(tmp_path / "link"), b"data")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "far" / "file").read_bytes() == b"data"


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_no_file_in_place_of_the_temporary_one_is_left_alone(tmp_path, kind):
    (tmp_path / "precious").write_bytes(b"precious")
    if kind == "link":
        (tmp_path / ".file.tmp").symlink_to(tmp_path / "precious")
    else:
        os.mkfifo(tmp_path / ".file.tmp")
    with pytest.raises(OSError):
        write_atomically(str(tmp_path / "file"), b"data")
    assert (tmp_path / "precious").read_bytes() == b"precious" and not (tmp_path / "file").exists()


def test_others_may_read_it_as_other_files(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(str(tmp_path / "file"), b"data")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EIO])
def test_a_file_system_without_locks_will_do(tmp_path, monkeypatch, number):
    def locked(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(atomic.fcntl, "flock", locked)
    with contextlib.nullcontext() if number == errno.ENOLCK else pytest.raises(OSError):
        write_atomically(str(tmp_path / "file"), b"data")
    assert (tmp_path / "file").exists() == (number == errno.ENOLCK)


def test_a_file_system_whose_folders_cannot_be_sent_to_the_disk_will_do(tmp_path, monkeypatch):
    fsync = os.fsync

    def synced(file):
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(file)

    monkeypatch.setattr(atomic.os, "fsync", synced)
    write_atomically(str(tmp_path / "file"), b"data")
    assert (tmp_path / "file").read_bytes() == b"data"


def test_writers_of_one_file_wait_for_each_other(tmp_path, monkeypatch):
    """Each opens the file itself, as processes do; pieces of a byte give them time to meet."""
    monkeypatch.setattr(atomic, "PIECE", 1)
    path, errors = str(tmp_path / "file"), []

    def write(letter):
        try:
            for length in range(1, 40):
                write_atomically(path, letter * length)
        except BaseException as error:
            errors.append(error)

    writers = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    data = (tmp_path / "file").read_bytes()
    assert not errors and len(set(data)) == 1 and len(data) == 39 and os.listdir(tmp_path) == ["file"]
