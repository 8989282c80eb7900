"""The team of threads and the count of CPUs, each check in a process of its own: tests/c/team_check.c."""

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("team")

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ["tests/c/team_check.c", "tests/c/team_forks.c"]
SOURCES += [f"csrc/core/{name}.c" for name in ("team", "cpus", "memory")]


def compile_check(folder, *flags):
    program = folder / "team_check"
    command = ["cc", "-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-pthread", *flags]
    done = subprocess.run(
        [*command, *SOURCES, "-lm", "-o", str(program)], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return program


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return compile_check(tmp_path_factory.mktemp("team"))


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory):
    """The same under ThreadSanitizer, which needs a library and addresses that not every machine has."""
    folder = tmp_path_factory.mktemp("team-tsan")
    source = folder / "empty.c"
    source.write_text("int main(void) { return 0; }\n")
    if subprocess.run(["cc", "-fsanitize=thread", source, "-o", folder / "empty"], capture_output=True).returncode:
        pytest.skip("the compiler has no ThreadSanitizer")
    if subprocess.run([folder / "empty"], capture_output=True).returncode:
        pytest.skip("ThreadSanitizer does not run here")
    return compile_check(folder, "-fsanitize=thread")


def check(program, *words, cpus=None):
    """What the program prints; a failure where it exits with anything but 0, or hangs."""
    done = subprocess.run(
        [program, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "TSAN_OPTIONS": "atexit_sleep_ms=0"},
        preexec_fn=None if cpus is None else lambda: os.sched_setaffinity(0, cpus),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def one_cpu():
    return {min(os.sched_getaffinity(0))}


@pytest.mark.parametrize(("size", "rounds"), [(2, 100_000), (3, 10_000), (7, 10_000)])
def test_what_a_rank_wrote_is_seen_after_the_barrier(program, size, rounds):
    check(program, "barrier", size, rounds)


@pytest.mark.parametrize("size", [2, 7])
def test_ranks_may_share_one_cpu(program, size):
    check(program, "barrier", size, 2000, cpus=one_cpu())
    check(program, "crowded", size, cpus=one_cpu())


SHARED = ["sizes", "sleep", "give_way", "nested", "busy", "competition", "mode", "signals"]


@pytest.mark.parametrize("name", [*SHARED, "stack", "threads", "exhausted"])
def test_runs(program, name):
    check(program, name)


FORKS = {
    "fork_without_team": 200,
    "fork_idle": 200,
    "clone_idle": 200,
    "fork_busy": 200,
    "clone_busy": 20,
    "fork_within": 20,
}


@pytest.mark.parametrize("name", FORKS)
def test_a_child_process_has_a_team_of_its_own(program, name):
    check(program, name, FORKS[name])


@pytest.mark.parametrize("words", [("barrier", 2, 10_000), ("barrier", 7, 300), *((name,) for name in SHARED)], ids=str)
def test_no_races(sanitized, words):
    check(sanitized, *words)


# ---- CPUs ------------------------------------------------------------------------------------------------------------


def test_cpus_are_those_of_the_affinity(program, tmp_path):
    for cpus in (os.sched_getaffinity(0), one_cpu()):
        affinity, quota, allowed, _ = check(program, "cpus", tmp_path, cpus=cpus).split()
        assert (affinity, quota, allowed) == (str(len(cpus)), "none", str(len(cpus)))


def test_the_team_asks_the_machine(program):
    _, _, allowed, team = check(program, "cpus", "").split()
    assert team == allowed


V1, V2 = "sys/fs/cgroup/cpu,cpuacct", "sys/fs/cgroup"
HYBRID = "12:memory:/a\n4:cpu,cpuacct:/a/b\n1:name=systemd:/a\n0::/a\n"


def v1(folder, quota, period="100000\n"):
    return {f"{V1}{folder}/cpu.cfs_quota_us": quota, f"{V1}{folder}/cpu.cfs_period_us": period}


QUOTAS = {
    # Version 2
    "whole": ("0::/a\n", {f"{V2}/a/cpu.max": "400000 100000\n"}, "4"),
    "rounded up": ("0::/a\n", {f"{V2}/a/cpu.max": "250001 100000\n"}, "3"),
    "less than one": ("0::/a\n", {f"{V2}/a/cpu.max": "1000 100000\n"}, "1"),
    "other period": ("0::/a\n", {f"{V2}/a/cpu.max": "20000 10000\n"}, "2"),
    "no limit": ("0::/a\n", {f"{V2}/a/cpu.max": "max 100000\n"}, "none"),
    "of the group above": ("0::/a/b/c\n", {f"{V2}/a/b/c/cpu.max": "max 100000\n", f"{V2}/a/cpu.max": "2 1\n"}, "2"),
    "the least counts, above": ("0::/a/b\n", {f"{V2}/a/b/cpu.max": "5 1\n", f"{V2}/a/cpu.max": "3 1\n"}, "3"),
    "the least counts, below": ("0::/a/b\n", {f"{V2}/a/b/cpu.max": "3 1\n", f"{V2}/a/cpu.max": "5 1\n"}, "3"),
    "not of a sibling": ("0::/a/b\n", {f"{V2}/a/bc/cpu.max": "1 1\n", f"{V2}/c/cpu.max": "1 1\n"}, "none"),
    "container, own root": ("0::/\n", {f"{V2}/cpu.max": "2 1\n"}, "2"),
    "container, path of the host": ("0::/system.slice/docker-1.scope\n", {f"{V2}/cpu.max": "2 1\n"}, "2"),
    "container, path upward": ("0::/../other\n", {f"{V2}/cpu.max": "2 1\n"}, "2"),
    "path with a colon": ("0::/a:b\n", {f"{V2}/a:b/cpu.max": "2 1\n"}, "2"),
    "mounted beside version 1": ("0::/a\n", {f"{V2}/unified/a/cpu.max": "2 1\n"}, "2"),
    # Version 1
    "1: whole": (HYBRID, v1("/a/b", "200000\n"), "2"),
    "1: rounded up": (HYBRID, v1("/a/b", "100001\n"), "2"),
    "1: no limit": (HYBRID, v1("/a/b", "-1\n"), "none"),
    "1: of the group above": (HYBRID, {**v1("/a/b", "-1\n"), **v1("/a", "300000\n")}, "3"),
    "1: container": (HYBRID, v1("", "300000\n"), "3"),
    "1: cpu alone": (
        "4:cpu:/a\n",
        {f"sys/fs/cgroup/cpu/a/cpu.cfs_{k}_us": v for k, v in [("quota", "6"), ("period", "2")]},
        "3",
    ),
    "1: cpu last": ("4:cpuacct,cpu:/a\n", v1("/a", "200000\n"), "2"),
    "1: not of other controllers": ("4:cpuset:/a\n3:cpuacct:/a\n", v1("/a", "200000\n"), "none"),
    "1: period missing": (HYBRID, {f"{V1}/a/b/cpu.cfs_quota_us": "200000\n"}, "none"),
    "1: period zero": (HYBRID, v1("/a/b", "200000\n", "0\n"), "none"),
    "both": (HYBRID, {**v1("/a/b", "400000\n"), f"{V2}/unified/a/cpu.max": "3 1\n"}, "3"),
    # What cannot be understood
    "nothing": (None, {f"{V2}/cpu.max": "1 1\n"}, "none"),
    "no groups": ("", {f"{V2}/cpu.max": "1 1\n"}, "none"),
    "lines without fields": ("x\n:\n0:\n\n", {f"{V2}/cpu.max": "1 1\n"}, "none"),
    "line without an end": ("0::/a", {f"{V2}/a/cpu.max": "1 1\n"}, "none"),
    "empty": ("0::/a\n", {f"{V2}/a/cpu.max": ""}, "none"),
    "words": ("0::/a\n", {f"{V2}/a/cpu.max": "one two\n"}, "none"),
    "negative": ("0::/a\n", {f"{V2}/a/cpu.max": "-1 100000\n"}, "none"),
    "zero": ("0::/a\n", {f"{V2}/a/cpu.max": "0 100000\n"}, "none"),
    "one number": ("0::/a\n", {f"{V2}/a/cpu.max": "100000\n"}, "none"),
    "three numbers": ("0::/a\n", {f"{V2}/a/cpu.max": "1 1 1\n"}, "none"),
    "fraction": ("0::/a\n", {f"{V2}/a/cpu.max": "1.5 1\n"}, "none"),
    "too large to count": ("0::/a\n", {f"{V2}/a/cpu.max": f"{10**30} 1\n"}, "none"),
    "too long": ("0::/a\n", {f"{V2}/a/cpu.max": "1 1" + " " * 5000}, "none"),
    "long path": ("0::/" + "a" * 4050 + "\n", {f"{V2}/cpu.max": "2 1\n"}, "2"),
}


@pytest.mark.parametrize("case", QUOTAS)
def test_quota(program, tmp_path, case):
    groups, files, expected = QUOTAS[case]
    for name, text in {**files, **({} if groups is None else {"proc/self/cgroup": groups})}.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    affinity, quota, allowed, _ = check(program, "cpus", tmp_path).split()
    assert quota == expected
    assert int(allowed) == min(int(n) for n in (affinity, quota) if n != "none")


def test_a_folder_in_the_place_of_a_file_is_no_quota(program, tmp_path):
    (tmp_path / V2 / "cpu.max").mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/\n")
    assert check(program, "cpus", tmp_path).split()[1] == "none"
