"""The lesson as a learner meets it: JupyterLab as `make lab` starts it, in a real Chromium, every cell run.

The screenshots stay in a temporary folder whose path is printed (`pytest -s`, or in the report of a failure).
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import queue
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from playwright.sync_api import Page, sync_playwright

from vnetlearn.engine.process import spawn

ROOT = Path(__file__).parent.parent
LESSON = "02-sharing-a-card/macvlan-vs-ipvlan.ipynb"
START_SECONDS = 120.0
RUN_MS = 15 * 60 * 1000  # for all cells, under emulation, on a machine that has other work
# Without them Chromium looks for its maker's hosts.
SWITCHES = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
ALL_IN_THE_PAGE = {"windowingMode": "none"}  # JupyterLab takes cells that are out of sight out of the page otherwise

KERNEL_READY = """() => document.querySelector('.jp-NotebookPanel-toolbar')?.innerText.includes('Python 3')
  && document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'"""
# The prompt of a cell that has been run says [3], of one that waits [*], of one that was not run [ ].
ALL_RUN = """() => {
  const cells = [...document.querySelectorAll('.jp-CodeCell')].filter(c => c.querySelector('.cm-content').innerText.trim());
  const run = cells.filter(c => /\\[\\d+\\]/.test(c.querySelector('.jp-InputPrompt').innerText));
  const failed = document.querySelector('[data-mime-type="application/vnd.jupyter.error"]');
  return cells.length && (failed || run.length === cells.length);
}"""
# What an output shows, and whether it can be seen: its box has a size and lies within its cell's width.
SEEN = """selector => [...document.querySelectorAll('.jp-OutputArea-output ' + selector)].map(e => {
  const box = e.getBoundingClientRect(), cell = e.closest('.jp-OutputArea-output').getBoundingClientRect();
  return box.width > 40 && box.height > 20 && box.left >= cell.left - 1;
})"""


def test_the_lesson_runs_top_to_bottom_in_a_browser() -> None:
    run_in_a_browser(ROOT / "notebooks", LESSON)


def run_in_a_browser(notebooks: Path, lesson: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="vnetlearn-browser-"))
    print(f"screenshots: {folder}")
    with _jupyter(folder, notebooks, lesson) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=_chromium(), args=SWITCHES)
        page = browser.new_page(viewport={"width": 1300, "height": 1500})
        page.goto(address)
        page.wait_for_function(KERNEL_READY, timeout=RUN_MS)
        page.get_by_role("menuitem", name="Edit").click()
        page.get_by_text("Clear Outputs of All Cells", exact=True).click()
        page.get_by_role("menuitem", name="Run").click()
        page.get_by_text("Run All Cells", exact=True).click()
        try:
            page.wait_for_function(ALL_RUN, timeout=RUN_MS)
        finally:
            _look(page, folder)
        failed = page.locator('[data-mime-type="application/vnd.jupyter.error"]')
        assert failed.all_inner_texts() == []
        assert page.locator(".Toastify__toast").all_inner_texts() == []  # JupyterLab asks the learner nothing
        pictures = page.evaluate(SEEN, "img[src^='data:image/svg+xml']") + page.evaluate(SEEN, "svg[role=img]")
        grids = page.evaluate(SEEN, "table")
        assert pictures
        assert all(pictures)
        assert grids
        assert all(grids)
        browser.close()


@contextlib.contextmanager
def _jupyter(folder: Path, notebooks: Path, lesson: str) -> Iterator[str]:
    """JupyterLab from a copy of scripts/lab beside copies of the notebooks; the address that it prints."""
    shutil.copytree(notebooks, folder / "notebooks")
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    (folder / ".venv").symlink_to(sys.prefix)
    settings = folder / "config/lab/user-settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps(ALL_IN_THE_PAGE))
    environment = {"VNETLEARN_NO_BROWSER": "1", "JUPYTER_PORT": str(_free_port()), "JUPYTER_PORT_RETRIES": "0",
                   "JUPYTER_CONFIG_DIR": f"{folder}/config", "JUPYTER_RUNTIME_DIR": f"{folder}/runtime"}  # fmt: skip
    server = spawn([f"{folder}/scripts/lab", lesson], env={**os.environ, **environment}, stderr=subprocess.PIPE)
    said: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(server.stderr, folder / "jupyter.log", said), daemon=True).start()
    try:
        yield said.get(timeout=START_SECONDS)
    finally:
        server.terminate()
        server.wait()


def _listen(stderr: IO[bytes], log: Path, said: queue.Queue[str]) -> None:
    """Keep what the server says in a file, and pass its address on."""
    with log.open("w") as file:
        for line in io.TextIOWrapper(stderr):
            file.write(line)
            file.flush()
            if found := re.search(r"http://(?:127\.0\.0\.1|localhost):\d+/lab\S+token=\S+", line):
                said.put(found[0])


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found, "no Chromium: sudo apt install chromium"
    return found


def _look(page: Page, folder: Path) -> None:
    """Screenshots of the whole notebook, a page at a time."""
    panel = page.locator(".jp-NotebookPanel-notebook .jp-WindowedPanel-outer")
    whole, part = panel.evaluate("e => [e.scrollHeight, e.clientHeight]")
    for number, top in enumerate(range(0, whole, part)):
        panel.evaluate("(e, top) => { e.scrollTop = top }", top)
        page.screenshot(path=folder / f"{number:02}.png")
