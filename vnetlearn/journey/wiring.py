"""Which place a frame can come to straight from which other: the cables, masters and lower links of a lab."""

from __future__ import annotations

from ..kinds import KINDS
from ..topology.model import Key
from ..topology.model import Snapshot as Topology
from .layers import Ports

RADIO = (195, 215, 230, 105, 127)  # LINKTYPE_*: IEEE 802.15.4 and 802.11: who is in range hears it
CIPHERS = ("macsec", "vti", "vti6", "xfrm", "wireguard")  # what they send cannot be read below them
TUNNELS = ("vxlan", "geneve", "bareudp", "gtp", *CIPHERS)
# The rank of a way from one place to the next: the smaller, the more certain.
WIRE, ROUTED, LOOSE = 0, 1, 2


class Wiring:
    """The neighbours of each link, from the topology's relations and the links' own parameters."""

    def __init__(self, topology: Topology) -> None:
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
            if link.kind == "hsr":
                slaves = (link.params.get(name) for name in ("slave1", "slave2", "interlink"))
                self.lower.setdefault(key, set()).update((key[0], str(slave)) for slave in slaves if slave)

    def kind(self, key: Key) -> str:
        return self.links[key].kind if key in self.links else ""

    def tunnel(self, key: Key) -> bool:
        kind = self.kind(key)
        return kind in TUNNELS or (kind in KINDS and KINDS[kind].family == "tunnel")

    def above(self, upper: Key, lower: Key) -> bool:
        """Whether what goes out through `upper` goes on through `lower`, and the other way round what comes in."""
        return lower in self.lower.get(upper, ()) or self.master.get(lower) == upper

    def siblings(self, one: Key, other: Key) -> bool:
        """Children of the same card, which hand frames to each other without it (macvlan, ipvlan)."""
        if one == other or self.kind(one)[-4:] not in ("vlan", "vtap") or self.kind(one) == "vlan":
            return False
        return bool(self.lower.get(one, set()) & self.lower.get(other, set()))

    def way(
        self, source: Key, out: bool, depth: int, target: Key, to_out: bool, to_depth: int, radio: bool
    ) -> int | None:
        """How certain it is that a frame comes from `source` straight to `target`: a rank, or None when it cannot."""
        deeper = to_depth - depth
        if out and not to_out:
            # a macvlan's frame for a sibling is shown to the card's listeners first (macvlan_queue_xmit)
            if self.kind(source) in ("macvlan", "macvtap") and self.above(source, target) and deeper == 0:
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
        return key in self.master and self.kind(self.master[key]) != "vrf"

    def changes(self, source: Key, target: Key) -> bool:
        """Whether between these two, of one machine, addresses and ports can be rewritten: not within a switch."""
        return source[0] == target[0] and (
            source not in self.master or self.master.get(source) != self.master.get(target)
        )


def ports(topology: Topology) -> Ports:
    """What is carried in which UDP port: the standard ones, and those of this lab's links."""
    found = {4789: "VXLAN", 8472: "VXLAN", 6081: "GENEVE"}
    for link in topology.links.values():
        number = link.params.get("dstport")
        if not isinstance(number, int):
            continue
        if link.kind in ("vxlan", "geneve"):
            found[number] = link.kind.upper()
        elif link.kind == "bareudp":
            ethertype = str(link.params.get("ethertype", ""))
            found[number] = "MPLS" if "mpls" in ethertype else "IPv6" if "v6" in ethertype else "IP"
    return found
