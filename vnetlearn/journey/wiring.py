"""Which place a frame can come to straight from which other: the cables, masters and lower links of a lab."""

from __future__ import annotations

from ..kinds import Kind, every, find
from ..topology.model import Key, Snapshot
from .layers import Ports

RADIO = (195, 215, 230, 105, 127)  # LINKTYPE_*: IEEE 802.15.4 and 802.11: who is in range hears it
# The rank of a way from one place to the next: the smaller, the more certain.
WIRE, ROUTED, LOOSE = 0, 1, 2


class Wiring:
    """The neighbours of each link, from the topology's relations and the links' own parameters."""

    def __init__(self, topology: Snapshot) -> None:
        self.links = topology.links
        self.peer: dict[Key, Key] = {}
        self.lower: dict[Key, set[Key]] = {}
        self.master = {key: (key[0], link.master) for key, link in topology.links.items() if link.master}
        for relation in topology.relations:
            if relation.how == "peer":
                self.peer[relation.source], self.peer[relation.target] = relation.target, relation.source
            elif relation.how == "lower":
                self.lower.setdefault(relation.source, set()).add(relation.target)
        for key, link in topology.links.items():
            kind = find(link.kind)
            if kind and kind.ports and kind.ports.named:
                ports = (link.params.get(name) for name in kind.ports.named)
                self.lower.setdefault(key, set()).update((key[0], str(port)) for port in ports if port)

    def kind(self, key: Key) -> str:
        return self.links[key].kind if key in self.links else ""

    def record(self, key: Key) -> Kind | None:
        """What is known of the link's kind."""
        return find(self.kind(key))

    def tunnel(self, key: Key) -> bool:
        """Whether what goes through travels inside of other packets or frames."""
        kind = self.record(key)
        return kind is not None and kind.wraps is not None

    def seals(self, key: Key) -> bool:
        """Whether it cannot be read below this link."""
        kind = self.record(key)
        return kind is not None and kind.wraps is not None and kind.wraps.sealed

    def above(self, upper: Key, lower: Key) -> bool:
        """Whether what goes out through `upper` goes on through `lower`, and the other way round what comes in."""
        return lower in self.lower.get(upper, ()) or self.master.get(lower) == upper

    def siblings(self, one: Key, other: Key) -> bool:
        """Children of the same card, which hand frames to each other without it (macvlan, ipvlan)."""
        kind = self.record(one)
        if one == other or kind is None or kind.family != "sharing a card":
            return False
        return bool(self.lower.get(one, set()) & self.lower.get(other, set()))

    def way(
        self, source: Key, out: bool, depth: int, target: Key, to_out: bool, to_depth: int, radio: bool
    ) -> int | None:
        """How certain it is that a frame comes from `source` straight to `target`: a rank, or None when it cannot."""
        deeper = to_depth - depth
        if out and not to_out:
            # a macvlan's frame for a sibling is shown to the card's listeners first (macvlan_queue_xmit)
            kind = self.record(source)
            if kind and kind.mirrors and self.above(source, target) and deeper == 0:
                return WIRE
            if deeper == 0 and (self.peer.get(source) == target or source == target or self.siblings(source, target)):
                return WIRE
            return ROUTED if radio and source != target else None
        if out == to_out:  # down through the links of one machine on its way out, up on its way in
            upper, lower = (source, target) if out else (target, source)
            wrapped = deeper if out else -deeper
            if self.above(upper, lower) and wrapped in (0, 1):
                return WIRE
            if self.tunnel(upper) and wrapped > 0:
                return ROUTED + (wrapped > 1) + (source[0] != target[0])
            return None
        if source[0] != target[0] or deeper != 0:
            return None
        if self.master.get(source) is not None and self.master.get(source) == self.master.get(target):
            return WIRE
        return LOOSE if source == target or self._switched(source) else ROUTED

    def _switched(self, key: Key) -> bool:
        """Whether a link is a port whose frames belong to its master."""
        return key in self.master and not self.routed(self.master[key])

    def routed(self, master: Key) -> bool:
        """Whether a master leaves its ports' packets to them, and gives them a routing table only (vrf)."""
        kind = self.record(master)
        return kind is not None and kind.ports is not None and kind.ports.routed

    def changes(self, source: Key, target: Key) -> bool:
        """Whether between these two, of one machine, addresses and ports can be rewritten: not within a switch."""
        return source[0] == target[0] and (
            source not in self.master or self.master.get(source) != self.master.get(target)
        )


def ports(topology: Snapshot) -> Ports:
    """What is carried in which UDP port: the standard ones, and those of this lab's links."""
    found = {port: kind.wraps.header for kind in every() if kind.wraps for port in kind.wraps.udp}
    for link in topology.links.values():
        kind, port = find(link.kind), link.params.get("dstport")
        if kind and kind.wraps and kind.wraps.udp and isinstance(port, int):
            found[port] = kind.wraps.header
    return found
