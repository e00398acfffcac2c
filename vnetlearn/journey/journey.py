"""One packet's way through a lab: the places where a capture saw it, in order, and what changed from one to the next.

Frames are taken for the same packet when what no hop changes is the same in them (`layers.Peeled.key`), and when a
frame can come from the one place straight to the other (`wiring.Wiring.way`). Where several could be the one before,
and nothing tells them apart, the hop says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import NotFound
from . import changes, reasons, wiring
from .layers import IPS, Key, Layer, Peeled, Peeler, complete
from .wiring import Wiring

if TYPE_CHECKING:
    from ..capture.capture import Capture, Frame
    from ..display.picture import Picture
    from ..iproute.netns import Node
    from .lookups import End

SLACK = 200_000  # ns by which the kernel's timestamps may be the wrong way round
ETHERTYPES = (b"\x08\x00", b"\x08\x06", b"\x86\xdd", b"\x81\x00", b"\x88\xa8")
TCP_FLAGS = {"S": "SYN", "F": "FIN", "R": "RST", "A": "ACK"}
LETTERS = "abcdefghijklmnopqrstuvwxyz"
ALIKE = 10_000_000  # ns within which equal frames at one place are not told apart by time


@dataclass(frozen=True)
class Seen:
    """A packet at one place: the frame, or all the fragments that it came in."""

    frames: tuple[Frame, ...]
    peeled: Peeled

    @property
    def time(self) -> int:
        return self.frames[0].time

    @property
    def place(self) -> tuple[str, str]:
        return self.frames[0].netns, self.frames[0].dev

    @property
    def out(self) -> bool:
        return self.frames[0].direction == "out"


@dataclass(frozen=True)
class Hop:
    """A packet at one interface: in one frame, or in as many as it was cut into.

    `label` is its number on the way, "2a" that of a copy made after hop 2. `since` is the time since hop `after`, in
    nanoseconds (None at the first). `changes` says in words what is new here. `main` is False for copies that went
    elsewhere. `candidates` above 1: that many frames fit equally, and nothing tells which of them is this packet.
    """

    label: str
    frames: tuple[Frame, ...]
    peeled: Peeled
    after: str
    since: int | None
    changes: tuple[str, ...]
    main: bool = True
    reply: bool = False
    candidates: int = 1

    @property
    def frame(self) -> Frame:
        return self.frames[0]

    @property
    def place(self) -> tuple[str, str]:
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
class Journey:
    """A packet's hops, and those of what came back. `end` is where and why it went no further; None when it arrived."""

    title: str
    hops: tuple[Hop, ...]
    end: End | None
    capture: Capture

    @property
    def request(self) -> tuple[Hop, ...]:
        return tuple(hop for hop in self.hops if not hop.reply)

    @property
    def reply(self) -> tuple[Hop, ...]:
        return tuple(hop for hop in self.hops if hop.reply)

    @property
    def answer(self) -> str:
        """What came back, in words; "" when nothing did."""
        back = next((hop for hop in self.hops if hop.reply), None)
        return title(back.peeled) if back else ""

    @property
    def path(self) -> list[tuple[str, str]]:
        """The places of the main way, in order, without copies: what is numbered in the picture."""
        return [hop.place for hop in self.hops if hop.main]

    @property
    def ambiguous(self) -> bool:
        return any(hop.ambiguous for hop in self.hops)

    def draw(self, step: str | int | None = None) -> Picture:
        """The topology at the capture's start with the way on it, its places numbered; `step`: up to that hop."""
        from . import ladder

        return ladder.picture(self, None if step is None else str(step))

    def slider(self) -> Any:
        """A widget that goes through the hops one by one. Raises `ToolMissing` where ipywidgets is not installed."""
        from . import ladder

        return ladder.slider(self)

    def __repr__(self) -> str:
        from . import ladder

        return ladder.text(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from . import ladder

        return {"text/html": ladder.html(self), "text/plain": repr(self)}


def follow(capture: Capture, what: Any = None) -> Journey:
    """Follow one packet of a capture: by default its first echo request, else its first packet.

    `what` is a frame's number, a Frame, or a filter in tcpdump's words (pcap-filter(7)): "arp", "icmp6", "udp port 53",
    "host 10.0.0.2". The packet is followed from its beginning, also when `what` names a frame on its way.

    Raises `NotFound` when there is nothing to follow, `BadParameter` for words that are no filter.
    """
    tracer = Tracer(capture)
    chosen = tracer.choose(what)
    return tracer.follow(chosen)


def of_ping(capture: Capture, node: Node, address: str) -> Journey:
    """The journey of the first echo request that a node sent there: else of its question for the next hop, else none."""
    from . import lookups

    tracer = Tracer(capture)
    mine = [one for one in tracer.seen if one.place[0] == node.name and one.out]
    sent = (one for one in mine if "request" in one.peeled.key and "echo" in one.peeled.key and _towards(one, address))
    if (first := next(sent, None)) is None:
        hop = lookups.next_hop(node, address)
        first = next((one for one in mine if hop in lookups.asked_for(one)), None)
    if first is not None:
        return tracer.follow(first)
    reason, evidence = lookups.never_left(node, address)
    called = capture.topology.called(node.name)
    end = lookups.End(node.name, "", reason, evidence, f"in {called}, before it left")
    return Journey(f"echo request, {called} → {address}", (), end, capture)


def _towards(one: Seen, address: str) -> bool:
    return any(layer.name in IPS and layer.fields["dst"] == address for layer in one.peeled.layers)


class Tracer:
    """All that was seen in a capture, and how the lab hangs together."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.wiring = Wiring(capture.topology)
        self.peel = Peeler(wiring.ports(capture.topology))
        self.seen = self._gather(capture.frames)
        self._by_key: dict[Key, list[Seen]] = {}
        self._guessed: dict[frozenset[int], int] = {}  # two sights taken for one packet: how many fitted equally
        for one in self.seen:
            for key in one.peeled.keys:
                self._by_key.setdefault(key, []).append(one)

    def _gather(self, frames: Iterable[Frame]) -> list[Seen]:
        """Frames as packets: the fragments of one at one place are put together."""
        found: list[Seen] = []
        waiting: dict[tuple[object, ...], list[Frame]] = {}
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
        return sorted(found, key=lambda one: (one.time, one.frames[0].number))

    def choose(self, what: Any) -> Seen:
        number = getattr(what, "number", what)
        tried = f"cap.journey({'' if what is None else repr(what)})"
        if isinstance(number, int):
            for one in self.seen:
                if any(frame.number == number for frame in one.frames):
                    return one
            raise NotFound(
                tried,
                f"there is no frame {number}",
                f"the capture has {len(self.capture.frames)} frames",
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
            return next(
                (one for one in self.seen if "echo" in one.peeled.key and "request" in one.peeled.key), self.seen[0]
            )
        from ..capture.tcpdump import numbers

        fitting = numbers(self.capture.frames, str(what))
        for one in self.seen:
            if any(frame.number in fitting for frame in one.frames):
                return one
        raise NotFound(
            tried,
            "no frame fits",
            f"none of the capture's {len(self.capture.frames)} frames is like this",
            "cap.table() lists what was seen",
        )

    def follow(self, chosen: Seen) -> Journey:
        """The journey of the packet that was seen there, and of the answer to it."""
        from . import lookups

        tree = self.tree(chosen)
        back = self.answer(tree)
        hops = tree.hops()
        if back is not None:
            hops += back.hops(hops)
        return Journey(title(tree.root.peeled), tuple(hops), lookups.end(self, tree, back), self.capture)

    def same(self, chosen: Seen) -> list[Seen]:
        """All that may be the same packet, elsewhere or in another wrapping, by the names it has; in order of time."""
        keys, found, new = set[Key](), dict[int, Seen](), set(chosen.peeled.keys)
        while new:
            keys |= new
            for key in list(new):
                found.update((id(one), one) for one in self._by_key.get(key, ()))
            for one in list(found.values()):
                for hidden in self._sealed(one):
                    found.setdefault(id(hidden), hidden)
            new = {key for one in found.values() for key in one.peeled.keys} - keys
        return sorted(found.values(), key=lambda one: (one.time, one.frames[0].number))

    def _sealed(self, one: Seen) -> list[Seen]:
        """Encrypted frames that this one becomes below its link, or came from: the nearest in time in that namespace.

        Nothing but time and length tells them apart, so others of its length at that time fit as well.
        """
        if self.wiring.kind(one.place) not in wiring.CIPHERS or one.peeled.sealed:
            return []
        sign = 1 if one.out else -1
        near = [
            s
            for s in self.seen
            if s.peeled.sealed
            and s.out == one.out
            and s.place[0] in self._under(one)
            and -SLACK <= sign * (s.time - one.time) < ALIKE
            and len(s.frames[0].data) > len(one.frames[0].data)
        ]
        near.sort(key=lambda s: abs(s.time - one.time))
        for nearest in near[:1]:
            fitting = {s.peeled.key for s in near if len(s.frames[0].data) == len(nearest.frames[0].data)}
            self._guessed[frozenset((id(one), id(nearest)))] = len(fitting)
        return near[:1]

    def _under(self, one: Seen) -> set[str]:
        return {key[0] for key in self.wiring.lower.get(one.place, ())} or {one.place[0]}

    def same_bytes(self, data: bytes, keys: frozenset[Key]) -> bool:
        """Whether bytes that the kernel threw away, from an Ethernet or IP header on, are the packet with these keys."""
        from ..capture.linktypes import packet

        kinds = (101,) if data[:1] and data[0] >> 4 in (4, 6) and data[12:14] not in ETHERTYPES else (1, 101)
        return any(self.peel.peel(packet(kind, data)).keys & keys for kind in kinds)

    def tree(self, chosen: Seen) -> Tree:
        """What `chosen` came from and what became of it: each sight with the one before it."""
        seen = self.same(chosen)
        before: dict[int, Step] = {}
        used: dict[Use, int] = {}
        for one in self._in_order(seen):
            step = self._before(one, seen, before, used)
            before[id(one)] = step
            if step.source is not None:
                used[_use(step.source, one)] = step.candidates
        root = chosen
        while (source := before[id(root)].source) is not None:
            root = source
        return Tree(self, root, [one for one in seen if _root(one, before) is root], before)

    def _in_order(self, seen: list[Seen]) -> list[Seen]:
        """By time; at the same time, what goes out from the upper link down, what comes in from the lower link up."""
        return sorted(seen, key=lambda s: (s.time, self._level(s) * (-1 if s.out else 1), s.frames[0].number))

    def _level(self, one: Seen) -> int:
        level, key = -10 * one.peeled.depth, one.place
        while level < 10 and (lower := self.wiring.lower.get(key)):
            level, key = level + 1, min(lower)
        return level + (1 if any(port == one.place for port in self.wiring.master.values()) else 0)

    def _before(self, one: Seen, seen: list[Seen], before: dict[int, Step], used: dict[Use, int]) -> Step:
        """The sight that this one came from: over the most certain way, the nearest in time.

        Equal frames at one place, close to each other, may each be the one; but not those that went on for certain.
        Links keep the order, so the oldest that nothing came from yet is taken.
        """
        ways = [
            (way, other)
            for other in seen
            if (way := self._way(other, one)) is not None and not _above(one, other, before)
        ]
        free = [w for w in ways if _use(w[1], one) not in used]
        again = [w for w in ways if w not in free and abs(one.time - w[1].time) < ALIKE]
        if not (free or again):
            return Step(None)
        near = _best(free or again, one)
        source = min(near, key=lambda other: (abs(one.time - other.time), -other.time))
        alike = [o for o in _best(ways, one) if _equal(o, source) and used.get(_use(o, one), 2) > 1]
        unused = [o for o in alike if _use(o, one) not in used] or [source]
        source = min(unused, key=lambda o: o.time)
        guessed = self._guessed.get(frozenset((id(source), id(one))), 1)
        return Step(source, max(guessed, len(alike)), not free)

    def _way(self, source: Seen, target: Seen) -> int | None:
        if source is target or target.time - source.time < -SLACK:
            return None
        radio = source.frames[0].linktype in wiring.RADIO and source.frames[0].linktype == target.frames[0].linktype
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


Use = tuple[int, tuple[str, str], bool, int]


def _use(source: Seen, target: Seen) -> Use:
    """A sight, and a place to which it went on: it goes to each once."""
    return id(source), target.place, target.out, target.peeled.depth


def _best(ways: Sequence[tuple[int, Seen]], one: Seen) -> list[Seen]:
    """Those over the most certain way; of them the earlier ones, where there are any: clocks differ by little."""
    best = min(way for way, _ in ways)
    found = [other for way, other in ways if way == best]
    return [other for other in found if other.time <= one.time] or found


def _equal(one: Seen, other: Seen) -> bool:
    same = (one.place, one.out, one.peeled.layers) == (other.place, other.out, other.peeled.layers)
    return same and abs(one.time - other.time) < ALIKE


@dataclass(frozen=True)
class Step:
    """From which sight a packet came, how many fitted equally, and whether it is a second copy from there."""

    source: Seen | None
    candidates: int = 1
    again: bool = False


class Tree:
    """A packet and its copies, from where it was first seen; `main` is the way to where it was meant to go."""

    def __init__(self, tracer: Tracer, root: Seen, seen: list[Seen], before: dict[int, Step]) -> None:
        self.tracer, self.root, self.before = tracer, root, before
        self.seen = _from(root, seen, before)
        self.main = self._main()

    def _main(self) -> list[Seen]:
        from . import lookups

        sources = {id(self.before[id(one)].source) for one in self.seen}
        leaves = [one for one in self.seen if id(one) not in sources]

        def goal(one: Seen) -> tuple[object, ...]:
            """At its goal, rather than passing by; there, farthest on."""
            host = one.frames[0].pkttype == "host"
            return lookups.at_home(self.tracer, one), not one.out, host, -one.peeled.depth, self._length(one), one.time

        leaf = max(leaves, key=goal)
        way = [leaf]
        while (source := self.before[id(way[-1])].source) is not None:
            way.append(source)
        return way[::-1]

    def _length(self, one: Seen) -> int:
        source = self.before[id(one)].source
        return 0 if source is None else 1 + self._length(source)

    def copies(self, one: Seen) -> list[Seen]:
        return [other for other in self.seen if self.before[id(other)].source is one]

    def hops(self, done: Sequence[Hop] = ()) -> list[Hop]:
        """All sights as hops; those of an answer go on counting after `done`, the hops of what it answers."""
        labels = self._labels(sum(hop.main for hop in done))
        asked = next((hop for hop in reversed(done) if hop.main), None)
        found = []
        for one in self.seen:
            step = self.before[id(one)]
            source = step.source
            said = changes.begins(one.peeled) if source is None else changes.between(source.peeled, one.peeled)
            said = (
                *said,
                *(self._twins(one) if source is None else ()),
                *self._passed(one, source),
                *(["a second copy"] if step.again else []),
            )
            since = one.time - source.time if source else one.time - asked.frame.time if asked else None
            after = labels[id(source)] if source else asked.label if asked else ""
            found.append(
                Hop(
                    labels[id(one)],
                    one.frames,
                    one.peeled,
                    after,
                    None if since is None else max(0, since),
                    (*said, *self._flooded(one, source)),
                    any(one is other for other in self.main),
                    bool(done),
                    step.candidates,
                )
            )
        return found

    def _labels(self, start: int) -> dict[int, str]:
        """Numbers for the main way; a copy has the number of the hop that it branched off from, and a letter."""
        labels = {id(one): str(start + at) for at, one in enumerate(self.main, 1)}
        letters: dict[str, int] = {}
        for one in self.seen:
            if id(one) in labels:
                continue
            source = self.before[id(one)].source
            stem = "0" if source is None else labels[id(source)].rstrip(LETTERS)
            letters[stem] = letters.get(stem, -1) + 1
            labels[id(one)] = stem + _letters(letters[stem])
        return labels

    def _twins(self, one: Seen) -> list[str]:
        """Frames equal to the first one, which began their way at the same place at about the same time."""
        found = [
            other.frames[0].number
            for other in self.tracer.same(one)
            if other is not one and self.before[id(other)].source is None and _equal(one, other)
        ]
        numbers = ", ".join(map(str, found))
        return [f"equal frames were here at about the same time: {numbers}"] if found else []

    def _passed(self, one: Seen, source: Seen | None) -> list[str]:
        """Who passed it on, where it came in on one link of a namespace and goes out of another; a vrf where it is a port."""
        wiring = self.tracer.wiring
        port = wiring.master.get(one.place)
        if not one.out and port is not None and wiring.kind(port) == "vrf":
            return [f"routed by the table of vrf {port[1]}"]
        if source is None or source.out or not one.out or len(self.copies(source)) > 1:
            return []
        master = wiring.master.get(source.place)
        if master is not None and master == wiring.master.get(one.place):
            return [f"switched by {wiring.kind(master) or 'master'} {master[1]}"]
        if wiring.kind(one.place) == "ifb":
            return [f"redirected to {one.place[1]} by a tc filter"]
        return [f"routed by {self.tracer.capture.topology.called(one.place[0])}"] if one.peeled.ip else []

    def _flooded(self, one: Seen, source: Seen | None) -> list[str]:
        """At the copy that is followed: who made it, and where the others went."""
        copies = self.copies(source) if source else []
        places = sorted({other.place[1] for other in copies})
        told = next(
            (copy for copy in copies if any(copy is other for other in self.main)), copies[0] if copies else None
        )
        if source is None or len(places) < 2 or told is not one:
            return []
        master = self.tracer.wiring.master.get(source.place)
        bridge = master is not None and self.tracer.wiring.kind(master) == "bridge"
        maker = f"bridge {master[1]}" if bridge and master else source.place[1]
        others = ", ".join(place for place in places if place != one.place[1])
        return [f"one of {len(copies)} copies that {maker} made; the others go to {others}"]


def _letters(number: int) -> str:
    """a, b, … z, aa, ab, …"""
    return (_letters(number // 26 - 1) if number >= 26 else "") + LETTERS[number % 26]


def _from(root: Seen, seen: list[Seen], before: dict[int, Step]) -> list[Seen]:
    """In the order of time, but never before what it came from."""
    ordered: list[Seen] = []
    rest = [one for one in seen if one is not root]
    done = {id(root)}
    ordered.append(root)
    while rest:
        for one in rest:
            if id(before[id(one)].source) in done:
                ordered.append(one)
                done.add(id(one))
                rest.remove(one)
                break
        else:
            break
    return ordered


def _root(one: Seen, before: dict[int, Step]) -> Seen:
    while (source := before[id(one)].source) is not None:
        one = source
    return one


def _above(one: Seen, other: Seen, before: dict[int, Step]) -> bool:
    """Whether `one` is among those that `other` came from."""
    step: Seen | None = other
    while step is not None:
        if step is one:
            return True
        step = before[id(step)].source if id(step) in before else None
    return False


def expects(peeled: Peeled) -> bool:
    """Whether an answer belongs to such a packet."""
    return answer_key(peeled) is not None


def answer_key(peeled: Peeled) -> Key | None:
    """The key of the answer to an echo request, an ARP question or a neighbour solicitation."""
    last, key = peeled.layers[-1], peeled.key
    if "echo" in key and "request" in key:
        return (key[0], "echo", "reply", *key[3:])
    if last.name == "ARP" and last.fields["op"] == "request" and last.fields["src"] != last.fields["dst"]:
        return ("ARP", "reply", last.fields["dst"], last.fields["src"])
    if last.name == "ICMPv6" and last.fields["type"] == 135:
        return ("ICMPv6", 136, last.fields["target"])
    return None


def _answers(tree: Tree, one: Seen) -> bool:
    first, last = tree.main[0].peeled, tree.main[-1].peeled
    if one.peeled.quotes is not None:
        return any(one.peeled.quotes == sight.peeled.quotable for sight in tree.seen)
    wanted = answer_key(first)
    if wanted is not None:
        return one.peeled.key == wanted
    a, b = last.layers[-1], one.peeled.layers[-1]
    if a.name not in ("UDP", "TCP") or a.name != b.name or last.ip is None or one.peeled.ip is None:
        return False
    turned = (a.fields["sport"], a.fields["dport"]) == (b.fields["dport"], b.fields["sport"])
    ends = (last.ip.fields["src"], last.ip.fields["dst"]) == (one.peeled.ip.fields["dst"], one.peeled.ip.fields["src"])
    return turned and ends and one.time > tree.main[-1].time


def title(peeled: Peeled) -> str:
    """What kind of packet it is, from whom to whom."""
    last, ip = peeled.layers[-1], peeled.ip
    of = last.fields
    if last.name == "ARP":
        return (
            f"ARP {of['op']}: who has {of['dst']}?" if of["op"] == "request" else f"ARP {of['op']}: {of['src']} is here"
        )
    if last.name in ("CAN", "CAN FD"):
        return f"{last.name} frame {of['id']}"
    name = last.name
    if peeled.quotes is not None:
        return f"ICMP error from {ip.fields['src'] if ip else '?'}: {reasons.icmp(last.name, of['type'], of['code'])}"
    if name in ("ICMP", "ICMPv6"):
        name = f"echo {peeled.key[2]}" if "echo" in peeled.key else f"{name} type {of['type']}"
        if last.name == "ICMPv6" and of["type"] == 135:
            name = f"who has {of['target']}? (neighbour solicitation)"
    if name in ("UDP", "TCP"):
        flags = [word for letter, word in TCP_FLAGS.items() if letter in str(of.get("flags", ""))]
        name = " ".join([name, *filter(None, ["-".join(flags)]), f"port {of['dport']}"])
    if name in IPS:
        name += " packet"
    return f"{name}, {ip.fields['src']} → {ip.fields['dst']}" if ip else f"{name} frame"


__all__ = ["Hop", "Journey", "Seen", "Tracer", "Tree", "follow", "of_ping"]
