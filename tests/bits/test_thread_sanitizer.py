"""What threads share in trainings and passes, under ThreadSanitizer: tests/c/threads_check.c."""

import os
import subprocess

import builds
import pytest

PLAIN = builds.BUILDS[0]
SANITIZED = builds.Build("gcc", "gcc", ("-O1", "-g1", "-fsanitize=thread"))
# The instruction set whose kernels run in it; others are needed to link, and come as they are. The reference has the
# same lanes, panels and pieces, so that threads share the same with it, more slowly.
ISA = "portable"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group(str(PLAIN))]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tsan")
    empty = folder / "empty.c"
    empty.write_text("int main(void) { return 0; }\n")
    commands = [SANITIZED.compiler, *SANITIZED.flags, str(empty), "-o", str(folder / "empty")], [folder / "empty"]
    if PLAIN.missing() or any(subprocess.run(command, capture_output=True).returncode for command in commands):
        (pytest.fail if "tsan" in builds.required() else pytest.skip)("there is no gcc whose ThreadSanitizer runs here")
    files = builds.sources()
    watched = [file for file in files if "/kernels/arch" not in file or f"{ISA}_f32" in file]
    plain = [made for file, made in zip(files, builds.objects(PLAIN), strict=True) if file not in watched]
    made = builds.compile_all(SANITIZED, [*watched, "tests/c/threads_check.c"], folder)
    return builds.link(SANITIZED, made + plain, folder / "threads_check")


def run(program, threads):
    done = subprocess.run(
        [program, ISA, str(threads)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TSAN_OPTIONS": "atexit_sleep_ms=0"},
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    return done.stdout


def test_no_race_and_the_bits_of_one_thread(program):
    alone = run(program, 1)
    assert len(alone.splitlines()) == 29
    assert run(program, 3) == alone
