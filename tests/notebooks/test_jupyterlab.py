"""A student's way through exercise 3, in JupyterLab in a browser: run, read what is asked, fill it in, run again.

Needs Playwright and Debian's chromium. MLPC_REQUIRE=jupyterlab makes their absence a failure. The last screen is left
in build/jupyterlab.png, to be looked at.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest

from mlpc import handin

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = "pw03_backprop_stud.ipynb"
BLANK = "3.3"
SECONDS = 60  # for anything that the page waits for


@pytest.fixture(scope="module")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    required = "jupyterlab" in os.environ.get("MLPC_REQUIRE", "").split(",")
    if path is None and not required:
        pytest.skip("no chromium here")
    assert path, "MLPC_REQUIRE names jupyterlab, and there is no chromium"
    return path


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab whose folder is empty."""
    folder, settings = tmp_path / "work", tmp_path / "settings" / "@jupyterlab" / "notebook-extension"
    folder.mkdir()
    settings.mkdir(parents=True)
    # All cells are in the page, those out of sight, too: a test finds them.
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token, home = secrets.token_hex(16), f"http://127.0.0.1:{port}"
    environment = {**os.environ, "PW03_DATA": "digits", "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.port={port}"]
    command += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}", "--ServerApp.ip=127.0.0.1"]
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            for _ in range(SECONDS):
                assert server.poll() is None, (tmp_path / "lab.log").read_text()
                try:
                    urllib.request.urlopen(f"{home}/api/status?token={token}", timeout=5).close()
                    break
                except (urllib.error.URLError, OSError):
                    time.sleep(1)
            yield folder, f"{home}/doc/tree/{NOTEBOOK}?token={token}"
        finally:
            server.terminate()
            server.wait(30)


@pytest.mark.slow
def test_a_students_way_through_exercise_3(build, chromium, lab):
    from playwright.sync_api import expect, sync_playwright

    folder, address = lab
    source = build.read("pw03_backprop")
    filled = {blank.number: "\n".join(blank.solution) for blank in build.blanks(source)}
    answer = filled.pop(BLANK)
    nbformat.write(build.student(source, filled), folder / NOTEBOOK)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 1400})
        page.set_default_timeout(1000 * SECONDS)
        page.goto(address)
        page.get_by_role("heading", name="Practical work 03, exercise 3").wait_for()
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()

        # Everything runs up to the blank, which says what it wants.
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        error = page.locator(".jp-OutputArea-output", has_text=f"NotImplementedError: Exercise {BLANK}, ")
        error.first.wait_for()
        assert page.locator(".jp-OutputArea-output", has_text="passed: 3.2").count() == 1
        assert page.locator(".jp-OutputArea-output img").count() == 0

        # The blank is filled in by typing; the editor keeps the indentation.
        stub = page.locator(".cm-line", has_text=f'raise NotImplementedError("Exercise {BLANK}')
        stub.click()
        page.keyboard.press("Home")
        page.keyboard.press("Shift+End")
        for number, line in enumerate(answer.split("\n")):
            if number:
                page.keyboard.press("Enter")
            page.keyboard.insert_text(line)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run Selected Cell and All Below", exact=True).click()

        # The tests pass, tables and pictures come.
        page.locator(".jp-OutputArea-output", has_text="passed: 3.13 gradients of MLP").wait_for()
        table = page.locator(".jp-OutputArea-output table", has_text="differences: relative").first
        expect(table).to_contain_text("ok")
        pictures = page.locator(".jp-OutputArea-output img")
        expect(pictures).to_have_count(4, timeout=1000 * SECONDS)
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
        pictures.nth(1).scroll_into_view_if_needed()
        (ROOT / "build").mkdir(exist_ok=True)
        page.screenshot(path=ROOT / "build" / "jupyterlab.png")
        page.keyboard.press("Control+s")
        page.wait_for_timeout(3000)
        browser.close()

    # What was saved lacks nothing but the comments.
    complaints = handin.missing(folder / NOTEBOOK)
    assert complaints and all("your comment is missing" in complaint for complaint in complaints), complaints
