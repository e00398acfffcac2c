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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from vnetlearn import EXERCISES
from vnetlearn.engine.process import spawn

ROOT = Path(__file__).parent.parent
TOUR = "00-start-here.ipynb"
LESSON = "01-foundations/02-veth.ipynb"
START_SECONDS = 120.0
RUN_MS = 15 * 60 * 1000  # for all cells, under emulation, on a machine that has other work
CLICK_MS = 60 * 1000  # for what a click does, on a machine that has other work
# Without them Chromium looks for its maker's hosts.
SWITCHES = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
ALL_IN_THE_PAGE = {"windowingMode": "none"}  # JupyterLab takes cells that are out of sight out of the page otherwise

PANEL = ("from vnetlearn import Lab\nlab = Lab(engine='vm')", "lab.panel()", "lab.link.show()")
Run = Callable[[str], contextlib.AbstractContextManager[Page]]

KERNEL_READY = """() => document.querySelector('.jp-NotebookPanel-toolbar')?.innerText.includes('Python 3')
  && document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'"""
# The prompt of a cell that has been run says [3], of one that waits [*], of one that was not run [ ].
ALL_RUN = """() => {
  const cells = [...document.querySelectorAll('.jp-CodeCell')]
    .filter(c => c.querySelector('.cm-content').innerText.trim());
  const run = cells.filter(c => /\\[\\d+\\]/.test(c.querySelector('.jp-InputPrompt').innerText));
  const failed = document.querySelector('[data-mime-type="application/vnd.jupyter.error"]');
  return cells.length && (failed || run.length === cells.length);
}"""
# What an output shows, and whether it can be seen: its box has a size and lies within its cell's width.
SEEN = """selector => [...document.querySelectorAll('.jp-OutputArea-output ' + selector)].map(e => {
  const box = e.getBoundingClientRect(), cell = e.closest('.jp-OutputArea-output').getBoundingClientRect();
  return box.width > 40 && box.height > 20 && box.left >= cell.left - 1;
})"""
OTHER_PICTURE = (
    "([cell, src]) => cell.querySelector('img') && ![...cell.querySelectorAll('img')].some(i => i.src === src)"
)
# The cell with the solution has been run, and its picture is there
DRAWN = """() => [...document.querySelectorAll('.jp-CodeCell')].some(c => c.innerText.includes('--on ex --draw')
  && /\\[\\d+\\]/.test(c.querySelector('.jp-InputPrompt').innerText) && c.querySelector('.jp-OutputArea img'))"""


@pytest.fixture(scope="module")
def folder() -> Path:
    """Copies of scripts/lab and of the notebooks, and one more notebook for the panel; what is left of the run."""
    folder = Path(tempfile.mkdtemp(prefix="vnetlearn-browser-"))
    for part in ("notebooks", "scripts"):
        shutil.copytree(ROOT / part, folder / part)
    cells = [nbformat.v4.new_code_cell(source) for source in PANEL]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "notebooks/panel.ipynb")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=_chromium(), args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def jupyter(folder: Path) -> Iterator[str]:
    """The address that `make lab` prints for the tour."""
    with _jupyter(folder, TOUR) as address:
        yield address


@pytest.fixture
def run(folder: Path, browser: Browser, jupyter: str) -> Run:
    """A notebook in a page of its own, all cells run; what the test does then is looked at as well."""

    @contextlib.contextmanager
    def run(notebook: str) -> Iterator[Page]:
        page = browser.new_page(viewport={"width": 1300, "height": 1500})
        shots = folder / "screenshots" / Path(notebook).stem
        print(f"screenshots: {shots}")
        run_all(page, f"{jupyter.replace(TOUR, notebook)}&reset", shots)  # without the notebooks that were open before
        try:
            yield page
        finally:
            _look(page, shots)
            page.close()

    return run


def test_a_lesson_runs_top_to_bottom_and_takes_predictions(run: Run) -> None:
    with run(LESSON) as page:
        predict_wrongly(page)


def predict_wrongly(page: Page) -> None:
    """Run from the top again until the first prediction, click a choice, and let the kernel answer."""
    happened = cell_of(page, "one_end.happened(")
    happened.get_by_text("nothing was entered").wait_for(timeout=CLICK_MS)
    cells = ("%load_ext vnetlearn", "one_end = predict(", "ip link set eth0 up", "one_end.happened(")
    for source in cells[:2]:
        run_cell(page, source)
    question = cell_of(page, "one_end = predict(")
    question.get_by_role("radio").first.wait_for(timeout=CLICK_MS)
    assert question.get_by_role("radio", checked=True).count() == 0  # nothing is chosen for the learner
    question.get_by_label("a)  up, ready to send").check()
    for source in cells[2:]:
        run_cell(page, source)
    happened.get_by_text("up, ready to send").wait_for(timeout=CLICK_MS)
    happened.get_by_text("up, but without carrier").wait_for(timeout=CLICK_MS)
    assert question.get_by_role("radio", disabled=True).count() == 3  # it can't be changed afterwards


def run_cell(page: Page, source: str) -> None:
    cell_of(page, source).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")


def test_the_tour_is_played_through(run: Run) -> None:
    """Its cells, then its controls: each click changes what is seen."""
    with run(TOUR) as page:
        play_the_tour(page)


def play_the_tour(page: Page) -> None:
    explorer = cell_of(page, 'explore("macvlan")')
    explorer.get_by_text("answered in").first.wait_for(timeout=CLICK_MS)  # it goes on while the next cells run
    before = explorer.locator("img").last.get_attribute("src")
    explorer.get_by_label("mode").first.select_option(label="private")
    explorer.get_by_role("button", name="Apply").click()
    page.wait_for_function(OTHER_PICTURE, arg=[explorer.element_handle(), before], timeout=CLICK_MS)
    explorer.get_by_text("no answer", exact=False).or_(
        explorer.get_by_text("no ARP answer", exact=False)
    ).first.wait_for(timeout=CLICK_MS)
    task = cell_of(page, 'exercise("start/first-cable")')
    task.get_by_role("button", name="Hint").click()
    task.get_by_text("Hint 1 of 3").wait_for(timeout=CLICK_MS)
    task.get_by_role("button", name="Reset").click()  # the notebook's last cell has closed its lab
    task.locator("img").wait_for(timeout=CLICK_MS)
    task.get_by_role("button", name="Check").click()
    task.get_by_text("Nothing in the lab has been changed yet").wait_for(timeout=CLICK_MS)
    cell_of(page, "ip netns list").locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(f"%%lab --on ex --draw\n{EXERCISES['start/first-cable'].solution}")
    page.keyboard.press("Control+Enter")
    page.wait_for_function(DRAWN, timeout=CLICK_MS)
    task.get_by_role("button", name="Check").click()
    task.get_by_text("Solved.").first.wait_for(timeout=CLICK_MS)


def test_a_panel_follows_clicks_and_other_cells(run: Run) -> None:
    with run("panel.ipynb") as page:
        watch_the_panel(page)


def watch_the_panel(page: Page) -> None:
    panel = cell_of(page, "lab.panel()")
    for change in (_by_the_keyboard, _by_another_cell):
        before = panel.locator("img").last.get_attribute("src")
        change(page, panel)
        page.wait_for_function(OTHER_PICTURE, arg=[panel.element_handle(), before], timeout=CLICK_MS)


def _by_the_keyboard(page: Page, panel: Locator) -> None:
    panel.get_by_role("button", name="host/eth0 up").focus()
    page.keyboard.press("Space")
    panel.get_by_role("button", name="host/eth0 down").wait_for(timeout=CLICK_MS)


def _by_another_cell(page: Page, panel: Locator) -> None:
    cell_of(page, "lab.link.show()").locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text('lab["neighbour"].run("ip link set eth0 down")')
    page.keyboard.press("Control+Enter")
    panel.get_by_role("button", name="neighbour/eth0 down").wait_for(timeout=CLICK_MS)
    panel.get_by_role("log").get_by_text("neighbour: 2: eth0").wait_for(timeout=CLICK_MS)


def cell_of(page: Page, source: str) -> Locator:
    """The code cell in which this is written, with its output."""
    return page.locator(".jp-CodeCell").filter(has=page.locator(".cm-content", has_text=source)).first


def run_all(page: Page, address: str, shots: Path) -> None:
    """Open a notebook, run all of it, and look whether all that it shows can be seen."""
    page.goto(address)
    page.wait_for_function(KERNEL_READY, timeout=RUN_MS)
    page.get_by_role("menuitem", name="Edit").click()
    page.get_by_text("Clear Outputs of All Cells", exact=True).click()
    page.get_by_role("menuitem", name="Run").click()
    page.get_by_text("Run All Cells", exact=True).click()
    try:
        page.wait_for_function(ALL_RUN, timeout=RUN_MS)
    finally:
        _look(page, shots)
    failed = page.locator('[data-mime-type="application/vnd.jupyter.error"]')
    assert failed.all_inner_texts() == []
    assert page.locator(".Toastify__toast").all_inner_texts() == []  # JupyterLab asks the learner nothing
    pictures = page.evaluate(SEEN, "img[src^='data:image/svg+xml']") + page.evaluate(SEEN, "svg[role=img]")
    grids = page.evaluate(SEEN, "table:not(details table)")
    assert pictures
    assert all(pictures)
    assert grids
    assert all(grids)


@contextlib.contextmanager
def _jupyter(folder: Path, lesson: str) -> Iterator[str]:
    """JupyterLab by the copy of scripts/lab; the address that it prints."""
    (folder / ".venv").symlink_to(sys.prefix)
    settings = folder / "config/lab/user-settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps(ALL_IN_THE_PAGE))
    environment = {
        "VNETLEARN_NO_BROWSER": "1",
        "JUPYTER_PORT": str(_free_port()),
        "JUPYTER_PORT_RETRIES": "0",
        "JUPYTER_CONFIG_DIR": f"{folder}/config",
        "JUPYTER_RUNTIME_DIR": f"{folder}/runtime",
        "XDG_DATA_HOME": f"{folder}/data",
    }
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
    folder.mkdir(parents=True, exist_ok=True)
    panel = page.locator(".jp-NotebookPanel-notebook .jp-WindowedPanel-outer")
    whole, part = panel.evaluate("e => [e.scrollHeight, e.clientHeight]")
    for number, top in enumerate(range(0, whole, part)):
        panel.evaluate("(e, top) => { e.scrollTop = top }", top)
        page.screenshot(path=folder / f"{number:02}.png")
