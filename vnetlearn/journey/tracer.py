"""Which frames of a capture are the same packet, and which of them came from which.

Frames are taken for the same packet when what no hop changes is the same in them (`layers.Peeled.key`), and when a
frame can come from the one place straight to the other (`wiring.Wiring.way`). Where several could be the one before,
and nothing tells them apart, the hop says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from ..capture.frames import Frame
from ..capture.linktypes import ETHERNET, RAW, packet
from ..capture.tcpdump import numbers
from ..errors import NotFound
from ..topology.model import Key, Snapshot
from . import keys, wiring
from .keys import is_echo_request
from .layers import Peeler, complete
from .model import SLACK, Seen, Where
from .tree import Before, Step, Tree, came_from, origin
from .wiring import Wiring

ETHERTYPES = (b"\x08\x00", b"\x08\x06", b"\x86\xdd", b"\x81\x00", b"\x88\xa8")
Use: TypeAlias = tuple[Seen, Key, bool, int]
"""A sight, and a place to which it went on, in which direction and in how many wrappings: it goes to each once."""


class Tracer:
    """All that was seen in a capture, and how the lab hung together when it began."""

    def __init__(self, frames: Sequence[Frame], topology: Snapshot) -> None:
        self.frames, self.topology = frames, topology
        self.wiring = Wiring(topology)
        self.peel = Peeler(wiring.ports(topology))
        self.seen = self._gather(frames)
        self._by_key: dict[keys.Key, list[Seen]] = {}
        self._guessed: dict[frozenset[Seen], int] = {}  # two sights taken for one packet: how many fitted equally
        for one in self.seen:
            for key in one.peeled.keys:
                self._by_key.setdefault(key, []).append(one)

    def _gather(self, frames: Iterable[Frame]) -> list[Seen]:
        """Frames as packets: the fragments of one at one place are put together."""
        found: list[Seen] = []
        waiting: dict[tuple[str, int, str, int, keys.Pieces], list[Frame]] = {}
        for frame in frames:
            peeled = self.peel(frame)
            if peeled.fragment is None:
                found.append(Seen((frame,), peeled))
                continue
            at = (frame.netns, frame.index, frame.direction, peeled.depth, peeled.fragment.of)
            pieces = waiting.setdefault(at, [])
            pieces.append(frame)
            if complete(map(self.peel, pieces)):
                found.append(Seen(tuple(waiting.pop(at)), self.peel.whole([self.peel(p) for p in pieces])))
        found += [Seen(tuple(pieces), self.peel(pieces[0])) for pieces in waiting.values()]
        return sorted(found, key=_order)

    def choose(self, what: Where) -> Seen:
        """The first sight of what is meant. Raises `NotFound`, `BadParameter` for words that are no filter."""
        number = what.number if isinstance(what, Frame) else what
        tried = f"cap.journey({'' if what is None else repr(what)})"
        if isinstance(number, int):
            for one in self.seen:
                if any(frame.number == number for frame in one.frames):
                    return one
            raise NotFound(
                tried,
                f"there is no frame {number}",
                f"the capture has {len(self.frames)} frames",
                "cap.table() lists them with their numbers",
            )
        if not self.seen:
            raise NotFound(
                tried,
                "the capture has no frame",
                "nothing was sent or received where it listened while it ran",
                "send something inside of `with lab.capture() as cap:`",
            )
        if what is None:
            return next((one for one in self.seen if is_echo_request(one.peeled.key)), self.seen[0])
        fitting = numbers(self.frames, str(what))
        for one in self.seen:
            if any(frame.number in fitting for frame in one.frames):
                return one
        raise NotFound(
            tried,
            "no frame fits",
            f"none of the capture's {len(self.frames)} frames is like this",
            "cap.table() lists what was seen",
        )

    def same(self, chosen: Seen) -> list[Seen]:
        """All that may be the same packet, elsewhere or in another wrapping, by the names it has; in order of time."""
        known, found, new = set[keys.Key](), set[Seen](), set(chosen.peeled.keys)
        while new:
            known |= new
            for key in new:
                found.update(self._by_key.get(key, ()))
            for one in list(found):
                found.update(self._sealed(one))
            new = {key for one in found for key in one.peeled.keys} - known
        return sorted(found, key=_order)

    def _sealed(self, one: Seen) -> list[Seen]:
        """Encrypted frames that this one becomes below its link, or came from: the nearest in time in that namespace.

        Nothing but time and length tells them apart, so others of its length at that time fit as well.
        """
        if not self.wiring.seals(one.place) or one.peeled.sealed:
            return []
        sign = 1 if one.out else -1
        near = [
            s
            for s in self.seen
            if s.peeled.sealed
            and s.out == one.out
            and s.place[0] in self._under(one)
            and sign * (s.time - one.time) >= -SLACK
            and s.near(one)
            and len(s.frame.data) > len(one.frame.data)
        ]
        near.sort(key=lambda s: abs(s.time - one.time))
        for nearest in near[:1]:
            fitting = {s.peeled.key for s in near if len(s.frame.data) == len(nearest.frame.data)}
            self._guessed[frozenset((one, nearest))] = len(fitting)
        return near[:1]

    def _under(self, one: Seen) -> set[str]:
        return {key[0] for key in self.wiring.lower.get(one.place, ())} or {one.place[0]}

    def same_bytes(self, data: bytes, names: frozenset[keys.Key]) -> bool:
        """Whether bytes that the kernel threw away, from an Ethernet or IP header on, are the packet of these names."""
        plainly_ip = data[:1] and data[0] >> 4 in (4, 6) and data[12:14] not in ETHERTYPES
        kinds = (RAW,) if plainly_ip else (ETHERNET, RAW)
        return any(self.peel.peel(packet(kind, data)).keys & names for kind in kinds)

    def tree(self, chosen: Seen) -> Tree:
        """What `chosen` came from and what became of it: each sight with the one before it."""
        seen = self.same(chosen)
        before: dict[Seen, Step] = {}
        used: dict[Use, int] = {}
        for one in self._in_order(seen):
            step = before[one] = self._before(one, seen, before, used)
            if step.source is not None:
                used[_use(step.source, one)] = step.candidates
        root = origin(chosen, before)
        own = [one for one in seen if origin(one, before) is root]
        return Tree(root, own, before, self.wiring, self.topology, self._twins(root, before))

    def _twins(self, root: Seen, before: Before) -> list[int]:
        """The numbers of frames equal to the first one, which began their way there at about the same time."""
        same = self.same(root)
        return [o.frame.number for o in same if o is not root and before[o].source is None and root.equals(o)]

    def _in_order(self, seen: list[Seen]) -> list[Seen]:
        """By time; at the same time, what goes out from the upper link down, what comes in from the lower link up."""
        return sorted(seen, key=lambda s: (s.time, self._level(s) * (-1 if s.out else 1), s.frame.number))

    def _level(self, one: Seen) -> int:
        level, key = -10 * one.peeled.depth, one.place
        while level < 10 and (lower := self.wiring.lower.get(key)):
            level, key = level + 1, min(lower)
        return level + (1 if any(port == one.place for port in self.wiring.master.values()) else 0)

    def _before(self, one: Seen, seen: list[Seen], before: Before, used: dict[Use, int]) -> Step:
        """The sight that this one came from: over the most certain way, the nearest in time.

        Equal frames at one place, close to each other, may each be the one; but not those that went on for certain.
        Links keep the order, so the oldest that nothing came from yet is taken.
        """
        ways = [
            (way, other)
            for other in seen
            if (way := self._way(other, one)) is not None and not came_from(other, one, before)
        ]
        free = [w for w in ways if _use(w[1], one) not in used]
        again = [w for w in ways if w not in free and one.near(w[1])]
        if not (free or again):
            return Step(None)
        near = _best(free or again, one)
        source = min(near, key=lambda other: (abs(one.time - other.time), -other.time))
        alike = [o for o in _best(ways, one) if o.equals(source) and used.get(_use(o, one), 2) > 1]
        unused = [o for o in alike if _use(o, one) not in used] or [source]
        source = min(unused, key=lambda o: o.time)
        guessed = self._guessed.get(frozenset((source, one)), 1)
        return Step(source, max(guessed, len(alike)), not free)

    def _way(self, source: Seen, target: Seen) -> int | None:
        if source is target or target.time - source.time < -SLACK:
            return None
        radio = source.frame.linktype in wiring.RADIO and source.frame.linktype == target.frame.linktype
        way = self.wiring.way(
            source.place, source.out, source.peeled.depth, target.place, target.out, target.peeled.depth, radio
        )
        if way is None or (source.out is False and target.out and target.time < source.time):
            return None
        sealed = source.peeled.sealed or target.peeled.sealed
        changed = source.peeled.exact != target.peeled.exact and not sealed
        return None if changed and not self.wiring.changes(source.place, target.place) else way

    def answer(self, tree: Tree) -> Tree | None:
        """What came back because of the packet: the answer that its protocol has for it, or an ICMP error about it."""
        first = tree.main[0]
        for one in self.seen:
            if one.time >= first.time - SLACK and _answers(tree, one):
                return self.tree(one)
        return None


def _order(one: Seen) -> tuple[int, int]:
    return one.time, one.frame.number


def _use(source: Seen, target: Seen) -> Use:
    return source, target.place, target.out, target.peeled.depth


def _best(ways: Sequence[tuple[int, Seen]], one: Seen) -> list[Seen]:
    """Those over the most certain way; of them the earlier ones, where there are any: clocks differ by little."""
    best = min(way for way, _ in ways)
    found = [other for way, other in ways if way == best]
    return [other for other in found if other.time <= one.time] or found


def _answers(tree: Tree, one: Seen) -> bool:
    first, last = tree.main[0].peeled, tree.main[-1].peeled
    if one.peeled.quotes is not None:
        return any(one.peeled.quotes == sight.peeled.quotable for sight in tree.seen)
    wanted = keys.answer(first.key)
    if wanted is not None:
        return one.peeled.key == wanted
    a, b = last.layers[-1], one.peeled.layers[-1]
    if a.name not in ("UDP", "TCP") or a.name != b.name or last.ip is None or one.peeled.ip is None:
        return False
    turned = (a.fields["sport"], a.fields["dport"]) == (b.fields["dport"], b.fields["sport"])
    ends = (last.ip.fields["src"], last.ip.fields["dst"]) == (one.peeled.ip.fields["dst"], one.peeled.ip.fields["src"])
    return turned and ends and one.time > tree.main[-1].time
