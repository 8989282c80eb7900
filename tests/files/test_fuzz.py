"""Files that are changed at random, in short; `make fuzz-files` is the long form."""

import subprocess
import sys

import fuzz
import pytest

import mlpc


def test_changed_files_are_refused_or_work():
    pytest.importorskip("safetensors")
    pytest.importorskip("sklearn")
    done = fuzz.fuzz(2000, seed=4)
    assert done["refused"] + done["loaded"] == 2000 and done["loaded"] > 50


@pytest.mark.parametrize("harm", ["os.kill(os.getpid(), 11)", "bytearray(2**29)", "raise KeyError('a')"])
def test_a_reader_that_fails_is_found(harm, monkeypatch, tmp_path):
    """Crashes, memory and errors: the file is kept."""
    (tmp_path / "corpus" / "1").mkdir(parents=True)
    mlpc.MLP([2, 3]).save(tmp_path / "corpus" / "1" / "net.npz")
    program = f"""
import os, sys
sys.path.insert(0, {fuzz.__file__!r}.rpartition("/")[0])
import fuzz, mlpc
from pathlib import Path
load = mlpc.load
def harmful(path, loss=None):
    if path.stem == "file":
        {harm}
    return load(path, loss)
mlpc.load = harmful
fuzz.CORPUS = Path({str(tmp_path / "corpus")!r})
fuzz.read_some(Path(sys.argv[1]), 0, 0, 3)
"""
    monkeypatch.setattr(subprocess, "run", ran_instead(subprocess.run, program))
    with pytest.raises(RuntimeError, match=r"ended with (1|-11); one of \['.*file\.") as met:
        fuzz.fuzz(3, keep=tmp_path)
    assert list(tmp_path.glob("file.*")) and ("os.kill" in harm) == ("ended with -11" in str(met.value))


def ran_instead(run, program):
    def running(command, **keywords):
        return run([sys.executable, "-c", program, command[3]], **keywords)

    return running
