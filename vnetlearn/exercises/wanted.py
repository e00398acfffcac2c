"""What exercises want of the kernel, each written once: what is wanted, what was observed, and what shows it.

All look at behaviour: a ping counts when the right namespace answered it, on the way that the task asks for. So a
solution that nobody thought of passes, and a trick that only looks right does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..capture.capture import Frame
from .observed import Ask, Probe, Seen, Walk
from .record import Finding


def place(netns: str) -> str:
    """A namespace's name for a text; the lab's first one is the host."""
    return netns or "host"


@dataclass(frozen=True)
class Reach:
    """`source` pings `address`, and `owner` answers; with `through`, the request and the reply pass that namespace.

    `size` are the bytes that it carries, both ways.
    """

    source: str
    address: str
    owner: str
    through: str | None = None
    size: int = 56

    @property
    def asks(self) -> tuple[Probe]:
        return (Probe(self.source, self.address, self.size),)

    def look(self, seen: Seen) -> Finding:
        walk = seen.walks.get(self.asks[0])
        way = f" through {place(self.through)}" if self.through is not None else ""
        large = f" with {self.size} bytes" if self.size != 56 else ""
        wanted = f"{place(self.source)} reaches {place(self.owner)} at {self.address}{way}{large}"
        wrong = self._wrong(walk) if walk else f"there is no namespace {self.source}"
        if not wrong:
            return Finding(True, wanted, f"{place(self.owner)} answered", _ping(self))
        return Finding(False, wanted, wrong, _ping(self) if walk else "ip netns list")

    def _wrong(self, walk: Walk) -> str:
        if not walk.ping.ok:
            return f"no answer: {walk.ping.reason}"
        if walk.answerer != self.owner:
            who = place(walk.answerer) if walk.answerer is not None else "nobody that a link saw"
            return f"an answer came, but from {who} and not from {place(self.owner)}"
        if self.through is not None and not (
            _passed(walk.requests, self.through) and _passed(walk.replies, self.through)
        ):
            return f"{place(self.owner)} answered, but on a way that does not lead through {place(self.through)}"
        return ""


def _passed(frames: Iterable[Frame], netns: str) -> bool:
    """Whether a frame came into a namespace and went on from there."""
    return {"in", "out"} <= {frame.direction for frame in frames if frame.netns == netns}


@dataclass(frozen=True)
class Apart:
    """Nothing that `source` sends to `address`, not even its question by ARP, arrives in `owner`."""

    source: str
    address: str
    owner: str

    @property
    def asks(self) -> tuple[Probe]:
        return (Probe(self.source, self.address),)

    def look(self, seen: Seen) -> Finding:
        wanted = f"no frame from {place(self.source)} arrives at {place(self.owner)}, {self.address}"
        walk = seen.walks.get(Probe(self.source, self.address))
        if walk is None or self.owner not in seen.nodes:
            gone = self.source if walk is None else self.owner
            return Finding(False, wanted, f"there is no namespace {gone}", "ip netns list")
        arrived = [f for f in _sent(seen, self.source, self.address) if f.netns == self.owner and f.direction == "in"]
        if arrived:
            first = arrived[0]
            dump = seen.nodes[self.owner].spell_run(f"tcpdump -eni {first.dev} arp or icmp")
            return Finding(False, wanted, f"it came in on {first.dev}: {first.packet.summary()}", dump)
        if walk.ping.ok:
            return Finding(
                False, wanted, f"{place(walk.answerer or '')} answered a ping to {self.address}", _ping(self)
            )
        return Finding(True, wanted, walk.ping.reason, _ping(self))


def _sent(seen: Seen, source: str, address: str) -> list[Frame]:
    """What left `source` for `address`, as any link saw it: its requests, and its questions by ARP."""
    walk = seen.walks.get(Probe(source, address))
    if walk is None:
        return []
    own = {addr.local for addr in seen.nodes[source].addr.show()}
    return [*walk.requests, *(frame for frame in seen.frames if _arp_question(frame, own, address))]


def _arp_question(frame: Frame, senders: set[str], address: str) -> bool:
    from scapy.layers.l2 import ARP

    if ARP not in frame.packet:
        return False
    question = frame.packet[ARP]
    return question.op == 1 and question.psrc in senders and question.pdst == address


@dataclass(frozen=True)
class Tagged:
    """What `source` sends to `address` comes in at link `dev` of namespace `netns` with the VLAN tag `vlan`."""

    source: str
    address: str
    netns: str
    dev: str
    vlan: int

    @property
    def asks(self) -> tuple[Probe]:
        return (Probe(self.source, self.address),)

    def look(self, seen: Seen) -> Finding:
        wanted = (
            f"what {place(self.source)} sends to {self.address} comes in on {self.dev} of {place(self.netns)}"
            f" with the VLAN tag {self.vlan}"
        )
        here = (self.netns, self.dev, "in")
        came = [f for f in _sent(seen, self.source, self.address) if (f.netns, f.dev, f.direction) == here]
        tags = [_tags(frame) for frame in came]
        if not tags:
            observed = f"nothing of it came in on {self.dev} of {place(self.netns)}"
        elif tags[0]:
            observed = "it came with the tag " + " in the tag ".join(map(str, tags[0]))
        else:
            observed = "it came without a tag"
        tcpdump = f"tcpdump -eni {self.dev} arp or icmp or vlan"
        evidence = seen.nodes[self.netns].spell_run(tcpdump) if self.netns in seen.nodes else "ip netns list"
        return Finding(bool(tags) and all(one == [self.vlan] for one in tags), wanted, observed, evidence)


def _tags(frame: Frame) -> list[int]:
    """The VLAN numbers of a frame's tags, the inner ones first."""
    from scapy.layers.l2 import Dot1Q

    found = list[int]()
    layer = frame.packet.getlayer(Dot1Q)
    while layer is not None:
        found.insert(0, layer.vlan)
        layer = layer.payload.getlayer(Dot1Q)
    return found


@dataclass(frozen=True)
class OneMac:
    """All that comes in on link `dev` of namespace `netns` has one sender: the MAC `address`."""

    netns: str
    dev: str
    address: str
    asks: tuple[Ask, ...] = ()

    def look(self, seen: Seen) -> Finding:
        wanted = f"all that comes in on {self.dev} of {place(self.netns)} is sent by {self.address}"
        came = (f for f in seen.frames if (f.netns, f.dev, f.direction) == (self.netns, self.dev, "in"))
        macs = list(dict.fromkeys(frame.packet.src for frame in came))
        observed = "senders: " + (", ".join(macs) or "none")
        evidence = seen.lab.netns.named(self.netns).spell_run(f"tcpdump -eni {self.dev}")
        return Finding(macs == [self.address], wanted, observed, evidence)


@dataclass(frozen=True)
class Kept:
    """These namespaces are set up as they were at the start."""

    netns: tuple[str, ...]
    asks: tuple[Ask, ...] = ()

    def look(self, seen: Seen) -> Finding:
        wanted = f"{' and '.join(map(place, self.netns))} {'are' if len(self.netns) > 1 else 'is'} as at the start"
        for netns in self.netns:
            if changes := seen.changes(netns):
                some = "; ".join(str(change)[:100] for change in changes[:3])
                more = f"; and {len(changes) - 3} more lines" if len(changes) > 3 else ""
                shows = seen.lab.netns.named(netns).spell([changes[0].shows])
                return Finding(False, wanted, f"in {place(netns)}: {some}{more}", shows)
        return Finding(True, wanted, "nothing has changed there", "")


@dataclass(frozen=True)
class SameCables:
    """No veth was added or taken away."""

    asks: tuple[Ask, ...] = ()

    def look(self, seen: Seen) -> Finding:
        wanted = "the cables are those of the start"
        now = {f"{link.name} in {place(n)}" for n, node in seen.nodes.items() for link in node.link.show(kind="veth")}
        was = {
            f"{link.name} in {place(netns)}"
            for netns, setup in seen.start.setups.items()
            for link in setup.links
            if link.kind == "veth"
        }
        changed = [*(f"+ {one}" for one in sorted(now - was)), *(f"- {one}" for one in sorted(was - now))]
        return Finding(not changed, wanted, "; ".join(changed) or "no change", "ip link show type veth")


def _ping(wish: Reach | Apart) -> str:
    where = f"ip netns exec {wish.source} " if wish.source else ""
    size = f"-s {wish.size} " if isinstance(wish, Reach) and wish.size != 56 else ""
    return f"{where}ping -c 2 {size}{wish.address}"
