"""What a journey is made of, as values: a packet at one place, a hop, what was found out, where the way ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from .. import texts
from ..capture.frames import Frame
from ..topology.model import Key, Snapshot
from . import changes
from .layers import Layer, Peeled

SLACK = 200_000  # ns by which the kernel's timestamps may be the wrong way round
ALIKE = 10_000_000  # ns within which equal frames at one place are not told apart by time

Where: TypeAlias = int | str | Frame | None
"""Which packet is meant: a frame's number, a filter in tcpdump's words, a Frame; None for the first one."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A packet at one place: the frame, or all the fragments that it came in."""

    frames: tuple[Frame, ...]
    peeled: Peeled

    @property
    def frame(self) -> Frame:
        return self.frames[0]

    @property
    def time(self) -> int:
        return self.frame.time

    @property
    def place(self) -> Key:
        return self.frame.netns, self.frame.dev

    @property
    def out(self) -> bool:
        return self.frame.direction == "out"

    def near(self, other: Seen) -> bool:
        """Whether so little time lies between the two that it tells nothing."""
        return abs(self.time - other.time) < ALIKE

    def equals(self, other: Seen) -> bool:
        """Whether the other is a frame like this one, at the same place and at about the same time."""
        same = (self.place, self.out, self.peeled.layers) == (other.place, other.out, other.peeled.layers)
        return same and self.near(other)


@dataclass(frozen=True)
class Hop:
    """A packet at one interface: in one frame, or in as many as it was cut into.

    `label` is its number on the way, "2a" that of a copy made after hop 2. `before` is the hop that it came from; for
    the first of an answer, the last of what it answers; None at the first of all. `since` is the time since then, in
    nanoseconds. `changes` says in words what is new here. `main` is False for copies that went elsewhere. `candidates`
    above 1: that many frames fit equally, and nothing tells which of them is this packet.
    """

    label: str
    frames: tuple[Frame, ...]
    peeled: Peeled
    before: Hop | None = field(repr=False, compare=False)
    since: int | None
    changes: tuple[str, ...]
    main: bool = True
    reply: bool = False
    candidates: int = 1

    @property
    def after(self) -> str:
        """The label of the hop before."""
        return self.before.label if self.before else ""

    @property
    def source(self) -> Hop | None:
        """The hop before, when it is one of the same packet."""
        return self.before if self.before and self.before.reply == self.reply else None

    @property
    def frame(self) -> Frame:
        return self.frames[0]

    @property
    def place(self) -> Key:
        return self.frame.netns, self.frame.dev

    @property
    def netns(self) -> str:
        return self.frame.netns

    @property
    def dev(self) -> str:
        return self.frame.dev

    @property
    def direction(self) -> str:
        return self.frame.direction

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.peeled.layers

    @property
    def depth(self) -> int:
        """In how many wrappings it is here (tunnels, encryption)."""
        return self.peeled.depth

    @property
    def ambiguous(self) -> bool:
        return self.candidates > 1


@dataclass(frozen=True)
class Found:
    """A reason why a packet was lost, and the evidence for it: what was asked of whom, and the answer, line by line."""

    reason: str
    evidence: tuple[str, ...] = ()

    def because(self, more: Found) -> Found:
        """This, and what explains it."""
        return Found(more.reason, (*self.evidence, *more.evidence))


@dataclass(frozen=True)
class End:
    """Where a packet's way ended, and why. `evidence`: what was asked of whom, and the answer, line by line."""

    netns: str
    dev: str
    reason: str
    evidence: tuple[str, ...]
    at: str

    def __str__(self) -> str:
        return texts.lines("\n".join([f"ended {self.at}: {self.reason}", *(f"  {line}" for line in self.evidence)]))


@dataclass(frozen=True)
class Trail:
    """A packet's hops, and those of what came back, in the topology as it was when the capture began.

    `end` is where and why it went no further; None when it arrived.
    """

    title: str
    hops: tuple[Hop, ...]
    end: End | None
    topology: Snapshot = field(repr=False)

    @property
    def request(self) -> tuple[Hop, ...]:
        return tuple(hop for hop in self.hops if not hop.reply)

    @property
    def reply(self) -> tuple[Hop, ...]:
        return tuple(hop for hop in self.hops if hop.reply)

    @property
    def main(self) -> tuple[Hop, ...]:
        """The main way and the answer's, without copies."""
        return tuple(hop for hop in self.hops if hop.main)

    @property
    def answer(self) -> str:
        """What came back, in words; "" when nothing did."""
        return changes.title(self.reply[0].peeled) if self.reply else ""

    @property
    def path(self) -> list[Key]:
        """The places of the main way, in order, without copies: what is numbered in the picture."""
        return [hop.place for hop in self.main]

    @property
    def ambiguous(self) -> bool:
        return any(hop.ambiguous for hop in self.hops)
