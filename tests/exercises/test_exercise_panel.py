"""An exercise's widget: what its buttons do, where somebody can click and where nobody can."""

from __future__ import annotations

import nbformat
import pytest
from labs import descriptors, eventually, path_without, threads
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from vnetlearn import exercise
from vnetlearn.display import widgets
from vnetlearn.exercises.progress import read

SECONDS = 60.0


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """Progress of its own for each test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def ex(engine):
    with exercise("start/first-cable", engine=engine) as ex:
        yield ex


def click(ex, name):
    ex.panel.buttons[name].click()
    assert ex.panel.wait(SECONDS)
    return ex.panel.answer


def badge(ex):
    return ex.panel._badge.value


def test_buttons_lead_through_an_exercise(ex):
    assert "not started" in badge(ex)
    assert "<img" not in ex.panel._picture.value
    assert "%%lab --on ex" in click(ex, "Start")
    assert "ns1" in ex.panel._picture.value
    assert "Nothing in the lab has been changed yet" in click(ex, "Check")
    ex.lab.netns.delete("ns2")
    assert "no route to 10.0.0.2 in ns1" in click(ex, "Check")
    assert "not yet" in badge(ex)
    assert "Hint 1 of 3" in click(ex, "Hint")
    assert "a new lab" in click(ex, "Reset")
    assert "not started" in badge(ex)
    assert "<pre>ip link add eth1" in click(ex, "Solution")
    ex.lab.run(ex.exercise.solution)
    assert "Solved." in click(ex, "Check")
    assert "● solved" in badge(ex)
    assert read()["start/first-cable"].state == "solved, with the solution"


def test_a_check_in_a_cell_is_seen_in_the_widget(ex):
    panel = ex.panel
    ex.start().run(ex.exercise.solution)
    ex.check()
    assert "Solved." in panel.answer
    assert 'role="status"' in panel.answer


def test_what_goes_wrong_is_an_answer(ex, monkeypatch, tmp_path):
    click(ex, "Start")
    ex._lab.close()
    assert "ex.reset()" in click(ex, "Check")
    assert "ex.reset()" in click(ex, "Start")
    click(ex, "Reset")
    ex.lab.run(ex.exercise.solution)
    monkeypatch.setenv("PATH", path_without(tmp_path, "dot"))
    assert "Solved." in click(ex, "Check")  # without a picture
    assert "Graphviz" in ex.panel._picture.value


def test_nothing_is_left_of_it(engine):
    with exercise("start/first-cable", engine=engine) as ex:  # what is made once
        click(ex, "Start")
    before = threads(), descriptors()
    with exercise("start/first-cable", engine=engine) as ex:
        click(ex, "Start")
        click(ex, "Check")
    assert eventually(lambda: (threads(), descriptors()) == before)


def test_in_a_page_where_nobody_can_click():
    """As nbconvert --execute does it: the task and the commands, no widget."""
    cell = nbformat.v4.new_code_cell("from vnetlearn import exercise\nexercise('vlan/two-networks')")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(notebook, kernel_name="python3").execute()
    data = notebook.cells[0].outputs[0]["data"]
    assert set(data) == {"text/html", "text/plain"}
    page, _ = HTMLExporter().from_notebook_node(notebook)
    for text in ("Two networks on one cable", "<code>eth0</code>", "ex.check()"):
        assert text in page
    assert "ex.start()" in data["text/plain"]


def test_where_somebody_can_click_it_is_a_widget(ex, monkeypatch):
    monkeypatch.setattr(widgets, "live", lambda: True)
    bundle = ex._repr_mimebundle_()
    assert bundle[widgets.VIEW]["model_id"] == ex.panel.box.model_id
