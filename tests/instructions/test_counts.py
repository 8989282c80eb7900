"""No change makes the small runs of tests/c/instructions.c longer than recorded; where it is meant to, a recipe in
CONTRIBUTING.md says how. MLPC_REQUIRE=valgrind makes a failure of what is otherwise a reason to skip."""

import json
import os
import shutil

import counts
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group(str(counts.BUILD))]  # whose objects it takes


def cannot(reason):
    required = "valgrind" in os.environ.get("MLPC_REQUIRE", "").split(",")
    (pytest.fail if required else pytest.skip)(reason)


@pytest.fixture(scope="module")
def recorded():
    record = json.loads(counts.RECORD.read_text())
    for tool in (counts.BUILD.compiler, "valgrind"):
        if not shutil.which(tool):
            cannot(f"{tool} is not installed")
    if counts.compiler() != record["compiler"]:
        cannot(f"the counts hold for {record['compiler']}, and this is {counts.compiler()}")
    return record["counts"]


@pytest.fixture(scope="module")
def program(recorded, tmp_path_factory):
    return counts.build(tmp_path_factory.mktemp("instructions"))


# Plain C in float64 is slow, and its text that of float32: `make instructions` has it.
CASES = [("portable", "float32"), ("avx2", "float32"), ("avx2", "float64")]


@pytest.mark.parametrize(("isa", "dtype"), CASES)
def test_as_many_instructions_as_recorded(recorded, program, isa, dtype):
    assert counts.differences(counts.count(program, isa, dtype), recorded) == []


def test_a_difference_is_told():
    recorded = {"a": 1000, "b": 1000, "c": 1000}
    told = counts.differences({"a": 1029, "b": 1031, "c": 969, "d": 1}, recorded)
    assert [line.split(":")[0] for line in told] == ["b", "c", "d"]
