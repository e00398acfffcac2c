"""What an exercise is, and what an answer to "is it solved?" is: data only."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import Protocol

from .. import texts
from ..display.widgets import block, printable, said
from .observed import Ask, Seen

NOT_STARTED, NOT_YET, SOLVED = "not started", "not yet", "solved"


@dataclass(frozen=True)
class Finding:
    """One thing that is wanted, whether it is so, what was observed, and the command that shows it."""

    ok: bool
    wanted: str
    observed: str
    evidence: str


class Wanted(Protocol):
    """One thing that an exercise wants of the kernel."""

    @property
    def asks(self) -> tuple[Ask, ...]:
        """The pings and calls that it wants to look at."""

    def look(self, seen: Seen) -> Finding:
        """Compare what is wanted with what the kernel shows."""


@dataclass(frozen=True)
class Exercise:
    """A task in a fresh lab. It is solved when the kernel shows all that is `wanted`, by whatever means.

    `name` is TRACK/WORDS. `start` are the shell commands that make the start from `world`, `solution` are those that
    solve it from there; there are more ways than this one. `hints` go from a nudge to nearly there. In `task` and
    `hints` an empty line parts paragraphs, and `…` in backticks is a command or a name. `level` is the difficulty
    that we expect, `minutes` the time.
    """

    name: str
    title: str
    task: str
    wanted: tuple[Wanted, ...]
    hints: tuple[str, ...]
    solution: str
    start: str = ""
    world: str = "empty"
    kinds: tuple[str, ...] = ("veth",)
    level: str = "easy"
    minutes: int = 5

    @property
    def track(self) -> str:
        return self.name.split("/")[0]

    @property
    def expects(self) -> str:
        """What to expect: how hard, how long."""
        return f"{self.level}, about {self.minutes} minutes"


@dataclass(frozen=True)
class Verdict:
    """An answer: `state` is "not started", "not yet" or "solved"; true when solved.

    `findings` has each thing that is wanted, as it was observed. `note` is what else is to be said.
    """

    state: str
    findings: tuple[Finding, ...] = ()
    note: str = ""

    @property
    def solved(self) -> bool:
        return self.state == SOLVED

    def __bool__(self) -> bool:
        return self.solved

    @property
    def head(self) -> str:
        if self.state == NOT_YET:
            good = sum(one.ok for one in self.findings)
            return f"Not yet: {good} of {len(self.findings)} things are as wanted."
        return {SOLVED: "Solved.", NOT_STARTED: "Not started."}[self.state]

    def __repr__(self) -> str:
        lines = [" ".join(filter(None, (self.head, self.note)))]
        for one in self.findings:
            lines.append(f"  {'✓' if one.ok else '✗'} {one.wanted}")
            if not one.ok:
                lines += [f"      seen: {one.observed}", f"      by:   {one.evidence}"]
        return texts.lines("\n".join(lines))

    def _repr_html_(self) -> str:
        return block(self.html())

    def html(self) -> str:
        """The same in a frame; for each thing that is not as wanted, what was seen and the command that shows it."""
        body = f"<b>{self.head}</b> {printable(self.note)}"
        items = "".join(f"<li>{_finding(one)}</li>" for one in self.findings)
        kind = {SOLVED: "yes", NOT_YET: "no", NOT_STARTED: "wait"}[self.state]
        return said(kind, body + (f"<ul>{items}</ul>" if items else ""))


def _finding(one: Finding) -> str:
    if one.ok:
        return f"<b>✓ yes:</b> {printable(one.wanted)}"
    return (
        f"<b>✗ not yet:</b> {printable(one.wanted)}<dl><dt>seen</dt><dd>{printable(one.observed)}</dd>"
        f"<dt>by</dt><dd><code>{printable(one.evidence)}</code></dd></dl>"
    )


def plain(text: str) -> str:
    """Paragraphs as text of 96 columns, without the backticks."""
    parts = (textwrap.fill(part.replace("`", ""), 96, break_on_hyphens=False) for part in text.split("\n\n"))
    return "\n\n".join(parts)


def prose(text: str) -> str:
    """Paragraphs, parted by empty lines, with `…` in backticks as code, for a page."""
    parts = (re.sub("`([^`]+)`", r"<code>\1</code>", printable(part)) for part in text.split("\n\n") if part)
    return "".join(f"<p>{part}</p>" for part in parts)
