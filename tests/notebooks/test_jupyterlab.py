"""A student's way through exercises 2 and 3, in JupyterLab in a browser: run, read what is asked, fill it in, go on.

Needs Playwright and Debian's chromium. MLPC_REQUIRE=jupyterlab makes their absence a failure. The last screens are left
in build/jupyterlab-*.png, to be looked at.
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
SECONDS = 600  # for anything that the page waits for, before the test gives up

# The notebook; the blank that is filled in by typing; the test that passes before it, and the last one of all.
WAYS = [
    ("pw03_mlp_mnist_classification", "2.4", "passed: 2.3 one_step", "passed: 2.11 the test"),
    ("pw03_backprop", "3.3", "passed: 3.2", "passed: 3.15 train_epoch"),
]


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
                    urllib.request.urlopen(f"{home}/api/status?token={token}", timeout=SECONDS).close()
                    break
                except (urllib.error.URLError, OSError):
                    time.sleep(1)
            yield folder, f"{home}/doc/tree/{{}}?token={token}"
        finally:
            server.terminate()
            server.wait(SECONDS)


@pytest.mark.slow
@pytest.mark.parametrize(("stem", "blank", "before", "last"), WAYS, ids=[way[0] for way in WAYS])
def test_a_students_way(build, chromium, lab, stem, blank, before, last):
    from playwright.sync_api import expect, sync_playwright

    folder, address = lab
    source, name = build.read(stem), f"{build.NOTEBOOKS[stem]}.ipynb"
    filled = {part.number: "\n".join(part.solution) for part in build.blanks(source)}
    answer = filled.pop(blank)
    given = build.student(source, filled)
    nbformat.write(given, folder / name)
    plots = ["plot" in build.tags(cell) for cell in given.cells]
    at = next(number for number, cell in enumerate(given.cells) if f'"Exercise {blank}, ' in cell.source)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 1400})
        page.set_default_timeout(1000 * SECONDS)
        outputs = page.locator(".jp-OutputArea-output")
        idle = page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
        page.goto(address.format(name))
        page.get_by_role("heading", name="Practical work 03, exercise").first.wait_for()
        idle.wait_for()

        # Everything runs up to the blank, which says what it wants.
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        outputs.filter(has_text=f"NotImplementedError: Exercise {blank}, ").first.wait_for()
        assert outputs.filter(has_text=before).count() == 1
        assert outputs.locator("img").count() == sum(plots[:at])

        # The blank is filled in by typing; the editor keeps the indentation.
        stub = page.locator(".cm-line", has_text=f'raise NotImplementedError("Exercise {blank}')
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
        outputs.filter(has_text=last).first.wait_for()
        expect(outputs.locator("img")).to_have_count(sum(plots), timeout=1000 * SECONDS)
        outputs.filter(has_text="executions are noted").first.wait_for()
        idle.wait_for()
        assert outputs.filter(has_text="Error").count() == 0
        assert outputs.locator("table").count() >= sum("table" in build.tags(cell) for cell in given.cells)
        outputs.locator("img").nth(sum(plots) // 2).scroll_into_view_if_needed()
        (ROOT / "build").mkdir(exist_ok=True)
        page.screenshot(path=ROOT / "build" / f"jupyterlab-{stem}.png")
        page.keyboard.press("Control+s")

        # What is saved lacks nothing but the comments.
        for _ in range(SECONDS):
            complaints = list(handin.missing(folder / name, digits=True))
            saved = complaints and all("comment" in complaint for complaint in complaints)
            if saved:
                break
            page.wait_for_timeout(1000)
        assert saved, complaints
        browser.close()
