"""What everything with buttons shares: with and without a live front end, hostile text, one thing at a time."""

from __future__ import annotations

import threading
from typing import Any

import nbformat
import pytest
from labs import threads
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from vnetlearn.display import widgets
from vnetlearn.errors import BadParameter
from vnetlearn.topology.diagram import Picture

CELL = """
import ipywidgets
from vnetlearn.display import widgets

class Two(widgets.Shown):
    def __init__(self):
        self.widget = ipywidgets.Button(description="not for pages")
    def still(self):
        return "<b>what stands still</b>"
    def __repr__(self):
        return "in words"

Two()
"""


def test_where_nobody_can_click_the_still_picture_is_all() -> None:
    """As nbconvert --execute does it, which stores the state of all widgets."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(notebook, kernel_name="python3").execute()
    data = notebook.cells[0].outputs[0]["data"]
    assert set(data) == {"text/html", "text/plain"}
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert "<b>what stands still</b>" in page


def test_where_somebody_can_click_it_is_a_widget(monkeypatch: pytest.MonkeyPatch) -> None:
    import ipywidgets

    class Two(widgets.Shown):
        widget: Any = ipywidgets.Button()

        def still(self) -> str:
            return "<b>still</b>"

    monkeypatch.setattr(widgets, "live", lambda: True)
    bundle = Two()._repr_mimebundle_()
    assert bundle[widgets.VIEW]["model_id"] == Two.widget.model_id
    assert "<b>still</b>" in bundle["text/html"]


HOSTILE = '<script>alert("1")</script>\n\'&\x1b[31m\udcff'


def test_hostile_text_is_only_text() -> None:
    error = BadParameter(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    shown = [widgets.listing(HOSTILE), widgets.lesson(error), widgets.lesson(ValueError(HOSTILE))]
    shown.append(widgets.image(Picture('digraph { a [label="x"] }', 'a"><script>')))
    for text in shown:
        assert "<script" not in text
        assert "\x1b" not in text
        text.encode()


def test_one_thing_at_a_time_and_of_those_that_wait_the_last() -> None:
    before, done, started, go = threads(), [], threading.Event(), threading.Event()
    states: list[bool] = []
    worker = widgets.Worker(states.append, lambda error: done.append(repr(error)))

    def first() -> None:
        started.set()
        assert go.wait(10)
        done.append("first")

    worker.ask(first)
    assert started.wait(10)
    worker.ask(lambda: done.append("dropped"))
    worker.ask(lambda: {}["missing"])
    go.set()
    assert worker.wait(10)
    assert done == ["first", "KeyError('missing')"]
    assert states == [True, False]
    assert threads() == before
