"""A packet and its copies, each sight with the one before it: told as hops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..topology.model import Snapshot
from . import changes
from .goal import at_home
from .model import Hop, Seen
from .wiring import Wiring

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, eq=False)
class Step:
    """From which sight a packet came, how many fitted equally, and whether it is a second copy from there."""

    source: Seen | None
    candidates: int = 1
    again: bool = False


Before: TypeAlias = Mapping[Seen, Step]
"""Of each sight, how it came there."""


class Tree:
    """A packet and its copies, from where it was first seen; `main` is the way to where it was meant to go.

    `twins` are the numbers of frames equal to the first one, which began their way there at about the same time.
    """

    def __init__(
        self, root: Seen, seen: list[Seen], before: Before, wiring: Wiring, topology: Snapshot, twins: Sequence[int]
    ) -> None:
        self.root, self.before, self.twins = root, before, twins
        self._wiring, self._topology = wiring, topology
        self.seen = _from(root, seen, before)
        self.main = self._main()

    def _main(self) -> list[Seen]:
        sources = {self.before[one].source for one in self.seen}
        leaves = [one for one in self.seen if one not in sources]

        def goal(one: Seen) -> tuple[object, ...]:
            """At its goal, rather than passing by; there, farthest on."""
            host = one.frame.pkttype == "host"
            home = at_home(self._topology, one)
            return home, not one.out, host, -one.peeled.depth, self._length(one), one.time

        leaf = max(leaves, key=goal)
        way = [leaf]
        while (source := self.before[way[-1]].source) is not None:
            way.append(source)
        return way[::-1]

    def _length(self, one: Seen) -> int:
        source = self.before[one].source
        return 0 if source is None else 1 + self._length(source)

    def copies(self, one: Seen) -> list[Seen]:
        return [other for other in self.seen if self.before[other].source is one]

    def hops(self, done: Sequence[Hop] = ()) -> list[Hop]:
        """All sights as hops; those of an answer go on counting after `done`, the hops of what it answers."""
        labels = self._labels(sum(hop.main for hop in done))
        asked = next((hop for hop in reversed(done) if hop.main), None)
        found: dict[Seen, Hop] = {}
        for one in self.seen:
            step = self.before[one]
            before = found[step.source] if step.source else asked
            found[one] = Hop(
                labels[one],
                one.frames,
                one.peeled,
                before,
                None if before is None else max(0, one.time - before.frame.time),
                tuple(self._said(one, step)),
                one in self.main,
                bool(done),
                step.candidates,
            )
        return list(found.values())

    def _labels(self, start: int) -> dict[Seen, str]:
        """Numbers for the main way; a copy has the number of the hop that it branched off from, and a letter."""
        labels = {one: str(start + at) for at, one in enumerate(self.main, 1)}
        letters: dict[str, int] = {}
        for one in self.seen:
            if one in labels:
                continue
            source = self.before[one].source
            stem = "0" if source is None else labels[source].rstrip(LETTERS)
            letters[stem] = letters.get(stem, -1) + 1
            labels[one] = stem + _letters(letters[stem])
        return labels

    # What is new at a hop, in words

    def _said(self, one: Seen, step: Step) -> list[str]:
        source = step.source
        if source is None:
            numbers = ", ".join(map(str, self.twins))
            equal = [f"equal frames were here at about the same time: {numbers}"] if self.twins else []
            return [*changes.begins(one.peeled), *equal, *self._passed(one, source)]
        return [
            *changes.between(source.peeled, one.peeled),
            *self._passed(one, source),
            *(["a second copy"] if step.again else []),
            *self._flooded(one, source),
        ]

    def _passed(self, one: Seen, source: Seen | None) -> list[str]:
        """Who passed it on, where it came in on one link of a namespace and goes out of another; a vrf for its port."""
        wiring = self._wiring
        port = wiring.master.get(one.place)
        if not one.out and port is not None and wiring.routed(port):
            return [f"routed by the table of vrf {port[1]}"]
        if source is None or source.out or not one.out or len(self.copies(source)) > 1:
            return []
        master = wiring.master.get(source.place)
        if master is not None and master == wiring.master.get(one.place):
            return [f"switched by {wiring.kind(master) or 'master'} {master[1]}"]
        if wiring.kind(one.place) == "ifb":
            return [f"redirected to {one.place[1]} by a tc filter"]
        return [f"routed by {self._topology.called(one.place[0])}"] if one.peeled.ip else []

    def _flooded(self, one: Seen, source: Seen) -> list[str]:
        """At the copy that is followed: who made it, and where the others went."""
        copies = self.copies(source)
        places = sorted({other.place[1] for other in copies})
        if len(places) < 2 or one is not next((copy for copy in copies if copy in self.main), copies[0]):
            return []
        master = self._wiring.master.get(source.place)
        bridge = master is not None and self._wiring.kind(master) == "bridge"
        maker = f"bridge {master[1]}" if bridge and master else source.place[1]
        others = ", ".join(place for place in places if place != one.place[1])
        return [f"one of {len(copies)} copies that {maker} made; the others go to {others}"]


def origin(one: Seen, before: Before) -> Seen:
    """Where the packet was first seen."""
    while (source := before[one].source) is not None:
        one = source
    return one


def came_from(other: Seen, one: Seen, before: Before) -> bool:
    """Whether `other` is `one`, or came from it, as far as is known."""
    step: Seen | None = other
    while step is not None:
        if step is one:
            return True
        step = before[step].source if step in before else None
    return False


def _letters(number: int) -> str:
    """a, b, … z, aa, ab, …"""
    return (_letters(number // 26 - 1) if number >= 26 else "") + LETTERS[number % 26]


def _from(root: Seen, seen: list[Seen], before: Before) -> list[Seen]:
    """In the order of time, but never before what it came from."""
    ordered = [root]
    rest = [one for one in seen if one is not root]
    done: set[Seen | None] = {root}
    while rest:
        following = next((one for one in rest if before[one].source in done), None)
        if following is None:
            break
        ordered.append(following)
        done.add(following)
        rest.remove(following)
    return ordered
