"""What everything with buttons shares: how it is shown with and without a live front end, and who does its work.

It makes no widget itself, so ipywidgets is not imported here. Whatever came from a lab, or from a learner, is escaped.
"""

from __future__ import annotations

import base64
import contextvars
import sys
import threading
from collections.abc import Callable
from functools import cached_property
from typing import Protocol

from .. import texts
from ..errors import VnetlearnError
from .picture import Picture

VIEW = "application/vnd.jupyter.widget-view+json"
Bundle = dict[str, object]
"""What a notebook is told of a value: by MIME type, the value in that form."""
# Colours that keep 4.5:1 on JupyterLab's light and dark grounds; each goes with a word, so that none is needed alone.
STYLE = """<style>
.vnl { font-family: var(--jp-ui-font-family, sans-serif); font-size: 13px; line-height: 1.45; overflow-wrap: anywhere;
  color: var(--jp-ui-font-color1, #1f2937); }
.vnl pre { font: 12.5px/1.5 var(--jp-code-font-family, monospace); margin: 0; padding: 6px 10px; border-radius: 4px;
  background: var(--jp-layout-color2, #f1f5f9); color: inherit; white-space: pre-wrap; overflow-wrap: anywhere; }
.vnl .said { border-left: 4px solid; border-radius: 4px; padding: 6px 12px; margin: 2px 0; }
.vnl .yes { border-color: #1b7f4b; background: rgba(27, 127, 75, .09); }
.vnl .no { border-color: #b3261e; background: rgba(179, 38, 30, .09); }
.vnl .wait { border-color: #8a8f98; background: rgba(138, 143, 152, .12); }
.vnl dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 12px; margin: 4px 0; }
.vnl dl dt { font-weight: 600; float: none; width: auto; white-space: nowrap; } .vnl dl dd { margin: 0; }
.vnl img { max-width: 100%; height: auto; background: white; border-radius: 4px; }
.vnl .soft { opacity: .8; }
</style>"""


def live() -> bool:
    """Whether somebody can click: the running cell was sent by a front end that also answers questions.

    nbconvert, nbclient and papermill run cells with `allow_stdin` false (their client says that nobody answers), and
    JupyterLab and VS Code with true (Jupyter's messaging protocol, execute_request).
    """
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    kernel = getattr(get_ipython(), "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", False))


def variable(thing: object, otherwise: str) -> str:
    """What something is called in the notebook, so that a text can name it as the learner does."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    names = dict(shell.user_ns) if shell else {}
    return next((name for name, value in names.items() if value is thing and not name.startswith("_")), otherwise)


class Widget(Protocol):
    """What is asked of a widget of ipywidgets, which has no types of its own."""

    def _repr_mimebundle_(self) -> Bundle: ...


class Shown:
    """A widget where there is a live front end; a still picture with its commands in a saved notebook, or in a page.

    Whoever inherits has `widget`, says by `still` (HTML) and `__repr__` (text) what it shows at this moment, and
    needs no JavaScript for either. Where nobody can click, the widget is left out: nbconvert would take it for the
    richest form, and try to load it from the internet.
    """

    @cached_property
    def widget(self) -> Widget:
        raise NotImplementedError

    def still(self) -> str:
        raise NotImplementedError

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        bundle: Bundle = {"text/html": block(self.still()), "text/plain": repr(self)}
        if live():
            bundle[VIEW] = self.widget._repr_mimebundle_()[VIEW]
        return bundle


def block(body: str, style: str = STYLE) -> str:
    """HTML with our looks around it."""
    return f'{style}<div class="vnl">{body}</div>'


def part(body: str) -> str:
    """The same for a part of a page that has the looks already."""
    return block(body, "")


def image(picture: Picture) -> str:
    """A picture as an image: nothing in it can run, and its text is read aloud."""
    data = base64.b64encode(picture.svg.encode()).decode()
    return f'<img alt="{texts.markup(picture.text)}" src="data:image/svg+xml;base64,{data}">'


def printable(text: str) -> str:
    """Text for a page, in as many lines as it has."""
    return texts.markup_lines(text)


def listing(text: str) -> str:
    """Commands, or what a program wrote."""
    return f"<pre>{printable(text)}</pre>"


def said(kind: str, body: str) -> str:
    """An answer in a coloured frame: "yes", "no" or "wait". Read aloud when it comes."""
    return f'<div class="said {kind}" role="status">{body}</div>'


def lesson(error: BaseException) -> str:
    """An error as an answer: what was tried, what was answered, why, what to do next."""
    if not isinstance(error, VnetlearnError):
        return said("no", f"<b>{type(error).__name__}</b>: {printable(str(error))}")
    rows = (("tried", error.tried), ("answer", error.said), ("why", error.why), ("next", error.next_step))
    body = "".join(f"<dt>{name}</dt><dd>{printable(text)}</dd>" for name, text in rows if text)
    return said("no", f"<b>{type(error).__name__}</b><dl>{body}</dl>")


class Worker:
    """Does one thing at a time in a thread, so that the Jupyter kernel stays free.

    What is asked for while it works waits, and of that only the last is done. `busy` is told when work starts and
    ends, `failed` what a job raised. There is no thread while there is no work.
    """

    def __init__(self, busy: Callable[[bool], None], failed: Callable[[BaseException], None]) -> None:
        self._busy, self._failed = busy, failed
        self._lock = threading.Lock()
        self._next: Callable[[], None] | None = None
        self._thread: threading.Thread | None = None

    def ask(self, job: Callable[[], None]) -> None:
        with self._lock:
            self._next = job
            if self._thread is not None:
                return
            context = contextvars.copy_context()  # ipykernel finds the cell in it
            self._thread = threading.Thread(target=context.run, args=(self._work,), name="vnetlearn-work", daemon=True)
        self._busy(True)
        self._thread.start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until there is no work; False when there still is some after so many seconds."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)
            return not thread.is_alive()
        return True

    def close(self) -> None:
        """What waits is not done any more."""
        with self._lock:
            self._next = None

    def _work(self) -> None:
        while True:
            with self._lock:
                job, self._next = self._next, None
            if job is not None:
                try:
                    job()
                except BaseException as error:
                    self._failed(error)
                continue
            self._busy(False)
            with self._lock:
                if self._next is None:
                    self._thread = None
                    return
            self._busy(True)
