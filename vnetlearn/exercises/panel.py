"""An exercise that shows itself: its task, the lab's picture, and buttons. ipywidgets is imported when they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from ..display.widgets import Shown, Widget, Worker, block, image, lesson, part, said
from ..errors import VnetlearnError
from .attempt import Attempt
from .progress import read
from .record import NOT_STARTED, NOT_YET, SOLVED, Verdict

BADGES = {NOT_STARTED: "○ not started", NOT_YET: "◐ not yet", SOLVED: "● solved"}
LAB = "The lab is there. Work in it by <code>%%lab --on {ex}</code>, or in Python as <code>{ex}.lab</code>."
NEW = "This is the start again, in a new lab; the old one is closed. It is <code>{ex}.lab</code> again."


class Panel:
    """Buttons for all that an exercise can do. The work is done in a thread: the notebook stays free.

    `answer` is the last answer as HTML, and the last hint, in regions that a screen reader reads aloud.
    """

    def __init__(self, attempt: Attempt) -> None:
        import ipywidgets as w

        self._attempt, self._state = attempt, NOT_STARTED
        self._worker = Worker(self._busy, self._failed)
        self._badge, self._answer, self._help, self._picture = w.HTML(), w.HTML(), w.HTML(), w.HTML()
        jobs = (
            ("Start", "play", "Make the lab", self._start),
            ("Check", "check", "Look at the kernel: is it solved?", self._check),
            ("Hint", "lightbulb-o", "The next hint", lambda: self._assist(attempt.hint().html())),
            (
                "Solution",
                "key",
                "Commands that solve it; looking is noted",
                lambda: self._assist(attempt.solution().html()),
            ),
            ("Reset", "refresh", "The start again, in a new lab", self._reset),
        )
        self.buttons = {
            name: w.Button(description=name, icon=icon, tooltip=tip, layout={"width": "auto"})
            for name, icon, tip, _ in jobs
        }
        for name, _, _, job in jobs:
            self.buttons[name].on_click(self._when_clicked(job))
        task = w.HTML(block(attempt.task_html()))
        self.box = w.VBox(
            [task, self._badge, w.HBox(list(self.buttons.values())), self._answer, self._help, self._picture]
        )
        attempt.watchers.append(self._judged)
        self._show()

    @property
    def answer(self) -> str:
        return f"{self._answer.value}{self._help.value}"

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the buttons have done their work; False when they have not after so many seconds."""
        return self._worker.wait(seconds)

    def _when_clicked(self, job: Callable[[], object]) -> Callable[[object], None]:
        def work() -> None:
            job()

        return lambda _: self._worker.ask(work)

    def _check(self) -> None:
        self._say("")  # what was found before is not the answer
        self._attempt.check()  # which tells us what it found

    def _start(self) -> None:
        if self._attempt.started:
            self._attempt.lab  # noqa: B018 (raises when it has ended)
        else:
            self._attempt.start()
            self._show()
        self._say(said("wait", LAB.format(ex=self._attempt.called)))

    def _reset(self) -> None:
        self._say("")
        self._attempt.reset()
        self._state, self._help.value = NOT_STARTED, ""
        self._show()
        self._say(said("wait", NEW.format(ex=self._attempt.called)))

    def _judged(self, verdict: Verdict) -> None:
        self._state = verdict.state
        self._show()
        self._say(verdict.html())

    def _say(self, body: str) -> None:
        self._answer.value = part(body) if body else ""

    def _assist(self, body: str) -> None:
        """A hint or the solution, below what the last check has found: the two are read together."""
        self._help.value = part(said("wait", body))

    def _show(self) -> None:
        """The badge, and the lab's picture as it is now."""
        self._busy(False)
        try:
            picture = image(self._attempt.lab.draw()) if self._attempt.started else ""
        except VnetlearnError as error:  # the lab has ended, or Graphviz is missing: the rest goes on
            picture = lesson(error)
        self._picture.value = block(picture)

    def _busy(self, busy: bool) -> None:
        """The badge. The buttons stay as they are: one that is disabled loses the keyboard's focus."""
        badge = "… working" if busy else BADGES[self._state]
        self._badge.value = block(f'<p role="status"><b>{badge}</b>{self._before()}</p>')

    def _before(self) -> str:
        """What is on record from before, while this attempt is not solved."""
        try:
            record = read().get(self._attempt.exercise.name)
        except VnetlearnError:
            return ""
        return f" ({record.state} before)" if record and record.solved and self._state != SOLVED else ""

    def _failed(self, error: BaseException) -> None:
        self._say(lesson(error))


class ShownAttempt(Attempt, Shown):
    """An attempt that shows itself as the last line of a cell, with buttons for all that it can do."""

    @cached_property
    def panel(self) -> Panel:
        return Panel(self)

    @cached_property
    def widget(self) -> Widget:
        box: Widget = self.panel.box
        return box

    def still(self) -> str:
        return self.html()
