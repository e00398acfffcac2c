"""A learner's handle on one exercise: its lab, its check, its hints, and what is noted of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ..display.widgets import block, listing, printable, variable
from ..errors import BadParameter, LabDied
from ..lab.lab import Lab
from . import progress
from .observed import Seen
from .record import NOT_STARTED, NOT_YET, SOLVED, Exercise, Verdict, plain, prose
from .setup import Now, State, read


@dataclass(frozen=True)
class Hint:
    """One of an exercise's hints; `note` is what else is to be said."""

    number: int
    of: int
    text: str
    note: str = ""
    ex: str = "ex"
    """What the exercise is called where it is tried."""

    @property
    def head(self) -> str:
        last = f" That was the last one; then there is {self.ex}.solution()." if self.number == self.of else ""
        return f"Hint {self.number} of {self.of}.{last}"

    def __repr__(self) -> str:
        return "\n".join(filter(None, (self.head, plain(self.text), self.note)))

    def _repr_html_(self) -> str:
        return block(self.html())

    def html(self) -> str:
        return f"<b>{self.head}</b>{prose(self.text)}{prose(self.note)}"


@dataclass(frozen=True)
class Solution:
    """The commands that solve an exercise: shell text for the lab's first namespace (`%%lab`), one way of several."""

    commands: str
    note: str = ""

    def __str__(self) -> str:
        return self.commands

    def __repr__(self) -> str:
        return "\n".join(filter(None, ("# One way of several, for %%lab:", self.commands, self.note)))

    def _repr_html_(self) -> str:
        return block(self.html())

    def html(self) -> str:
        return f"<b>One way of several</b>, for <code>%%lab</code>:{listing(self.commands)}{prose(self.note)}"


class Attempt:
    """One exercise as a learner tries it.

    `ex.start()` makes the lab and gives it. Work in it as you like, by `%%lab --on ex`, by the Python verbs of
    `ex.lab`, or in a terminal: `ex.check()` looks at the kernel alone. `ex.hint()` gives the next hint,
    `ex.solution()` the commands, `ex.reset()` the start again, in a new lab. It may be used from any thread.
    """

    def __init__(self, exercise: Exercise, engine: str | None = None) -> None:
        self.exercise, self.engine = exercise, engine
        self._lab: Lab | None = None
        self._before = State({}, {})
        self._hints = 0
        self._lock = threading.RLock()
        self.watchers: list[Callable[[Verdict], None]] = []

    @property
    def lab(self) -> Lab:
        """The lab of this exercise, when the button *Start* is making it: once it is there.

        Raises `BadParameter` before `start()`, `LabDied` when it has ended.
        """
        if self._lab is None:
            with self._lock:
                pass
        if self._lab is None:
            raise BadParameter(
                f"the lab of {self.exercise.name}",
                "there is none yet",
                "an exercise makes its lab when it is started",
                f"{self.called}.start()",
            )
        if not self._lab.alive:
            raise self._ended("it was closed, or its engine ended")
        return self._lab

    def _ended(self, why: str) -> LabDied:
        return LabDied(
            f"the lab of {self.exercise.name}",
            "the lab has ended, with all that was in it",
            why,
            f"{self.called}.reset() makes the start again",
        )

    @property
    def called(self) -> str:
        """What this attempt is called in the notebook."""
        return variable(self, "ex")

    @property
    def started(self) -> bool:
        return self._lab is not None

    def start(self) -> Lab:
        """The lab, as it is at the start of the exercise; when it was started already, as it is now, and it says so.

        Raises what `Lab` raises, and `LabDied` when its lab has ended: then `reset`.
        """
        with self._lock:
            if self._lab is None:
                return self._fresh()
            lab = self.lab
            print(
                f"{self.exercise.name} was started before: this is its lab as you left it."
                f" {self.called}.reset() makes the start again."
            )
            return lab

    def reset(self) -> Lab:
        """The start again, in a new lab; the old one is closed."""
        with self._lock:
            self.close()
            return self._fresh()

    def close(self) -> None:
        """End the lab, if there is one."""
        with self._lock:
            if self._lab is not None:
                self._lab.close()
                self._lab = None

    def __enter__(self) -> Attempt:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fresh(self) -> Lab:
        lab = Lab(self.exercise.world, kinds=self.exercise.kinds, engine=self.engine)
        try:
            if self.exercise.start:
                lab.run(f"set -e\n{self.exercise.start}\n", check=True, quiet=True)
            self._before = read(lab)
        except BaseException:
            lab.close()
            raise
        self._lab = lab
        self._note(lambda record: {"started": record.started or progress.now()})
        return lab

    def check(self) -> Verdict:
        """Compare the lab with what is wanted: not started, not yet (with what was observed), or solved.

        It looks at the kernel: pings, every frame of them, dumps. Raises `LabDied` when the lab has ended.
        """
        with self._lock:
            if self._lab is None:
                verdict = Verdict(NOT_STARTED, note=f"{self.called}.start() makes the lab.")
            else:
                verdict = self._judged()
            note = ""
            if verdict.state == NOT_YET:
                note = self._note(lambda r: {} if r.solved else {"attempts": r.attempts + 1})
            elif verdict.state == SOLVED:
                note = self._note(lambda r: {"solved": r.solved or progress.now()})
            verdict = Verdict(verdict.state, verdict.findings, " ".join(filter(None, (verdict.note, note))))
        for watcher in self.watchers:
            watcher(verdict)
        return verdict

    def _judged(self) -> Verdict:
        lab = self.lab
        try:
            return judge(self.exercise, lab, self._before)
        except LabDied as error:  # meanwhile: what to do is not what is to be done about another lab
            raise self._ended(error.why) from None

    def hint(self) -> Hint:
        """The next hint; after the last one, the last one again."""
        with self._lock:
            hints = self.exercise.hints
            self._hints = min(self._hints + 1, len(hints))
            number = self._hints
            note = self._note(lambda r: {} if r.solved else {"hints": max(r.hints, number)})
        return Hint(number, len(hints), hints[number - 1], note, self.called)

    def solution(self) -> Solution:
        """Commands that solve it. Looking at them is noted: an exercise solved after that is solved with help."""
        note = self._note(lambda r: {"solution": r.solution or progress.now()})
        return Solution(self.exercise.solution, note)

    def _note(self, how: Callable[[progress.Record], progress.Fields]) -> str:
        return progress.change(self.exercise.name, how)

    def __repr__(self) -> str:
        one = self.exercise
        return f"{one.name}: {one.title} ({one.expects})\n\n{plain(one.task)}\n\n{self._steps()}"

    def task_html(self) -> str:
        one = self.exercise
        head = f"<h3>{printable(one.title)}</h3><p class='soft'>{printable(one.name)}: {printable(one.expects)}</p>"
        return head + prose(one.task)

    def html(self) -> str:
        """The task, and the commands that lead through it."""
        return self.task_html() + listing(self._steps())

    def _steps(self) -> str:
        ex = self.called
        width = len(ex) + max(map(len, STEPS)) + 3
        return "\n".join(f"{f'{ex}.{verb}()':{width}}  # {words.format(ex=ex)}" for verb, words in STEPS.items())


STEPS = {
    "start": "makes the lab; work in it by %%lab --on {ex}, or as {ex}.lab",
    "check": "not started, not yet, or solved",
    "hint": "the next hint",
    "solution": "the commands",
    "reset": "the start again, in a new lab",
}


def judge(exercise: Exercise, lab: Lab, before: State) -> Verdict:
    """The kernel's answer: each thing that is wanted, observed in the lab, whose state at the start was `before`."""
    now = Now(lab)
    if now.setups == before.setups and now.settings == before.settings:  # what costs little first
        return Verdict(NOT_STARTED, note="Nothing in the lab has been changed yet.")
    seen = Seen(lab, before, now, [ask for one in exercise.wanted for ask in one.asks])
    findings = tuple(one.look(seen) for one in exercise.wanted)
    return Verdict(SOLVED if all(one.ok for one in findings) else NOT_YET, findings)
