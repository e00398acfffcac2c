"""Why a packet went no further, or no answer came: asked of the lab's kernel, each statement with its evidence.

`ping` asks here too, where it has no frames to look at.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from ipaddress import ip_interface
from typing import TYPE_CHECKING

from ..errors import KernelRefused, VnetlearnError

if TYPE_CHECKING:
    from ..iproute import Link, Neigh
    from ..iproute.netns import Node
    from ..topology.topology import Topology
    from .journey import Seen, Tracer, Tree

Found = tuple[str, tuple[str, ...]]
"""A reason, and the evidence for it."""
REFUSED = {
    errno.ENETUNREACH: "no route",
    errno.EHOSTUNREACH: "unreachable by a route",
    errno.EACCES: "prohibited by a route",
}


@dataclass(frozen=True)
class End:
    """Where a packet's way ended, and why. `evidence`: what was asked of whom, and the answer, line by line."""

    netns: str
    dev: str
    reason: str
    evidence: tuple[str, ...]
    at: str

    def __str__(self) -> str:
        return "\n".join([f"ended {self.at}: {self.reason}", *(f"  {line}" for line in self.evidence)])


# What one namespace knows of its routes and neighbours: for ping, and for a packet that never left


def refusal(node: Node, address: str, error: KernelRefused) -> str:
    """A route look-up's refusal in words."""
    return f"{REFUSED.get(error.errno, error.said)} to {address} in {node.name or 'host'}"


def unresolved(node: Node, hop: str, dev: str) -> tuple[str, Neigh | None]:
    """What is known of the next hop: why it cannot be reached ("" when it can), and its entry among the neighbours."""
    neigh = next((n for n in node.neigh.show(dev=dev or None) if n.dst == hop), None)
    if neigh is None or neigh.state not in ("INCOMPLETE", "FAILED"):
        return "", neigh
    asked = "ARP answer" if "." in hop else "answer to neighbour discovery"
    return f"no {asked} for {hop} on {dev}", neigh


def shown(node: Node, link: Link) -> str:
    """A link's state, as `ip link show` has it."""
    return f"{node.spell(['link', 'show', 'dev', link.name])}: {link.label} <{','.join(link.flags)}> state {link.state}"


def answer_lost(node: Node, address: str, source: str) -> str:
    """What the target itself says, when it is in the lab: it had an answer and found nobody to give it to."""
    for other in node.netns.nodes:
        if other == node or address not in {addr.local for addr in other.addr.show()}:
            continue
        if any(n.dst == source and n.state in ("INCOMPLETE", "FAILED") for n in other.neigh.show()):
            return f"the answer was lost: {other.name or 'host'} got no ARP answer for {source}"
    return ""


# Where a packet was meant to go


def at_home(tracer: Tracer, one: Seen) -> bool:
    """Whether the packet's destination is in the namespace where it was seen."""
    last, ip = one.peeled.layers[-1], one.peeled.ip
    topology = tracer.capture.topology
    if one.peeled.sealed or one.peeled.depth:
        return False
    if ip is not None:
        dst = str(ip.fields["dst"])
        group = dst.startswith("ff") or _multicast(dst) or broadcast(topology, one.place[0], dst)
        return (group and last.name != "ICMPv6") or owns(topology, one.place[0], asks_for(one) or dst)
    if last.name == "ARP":
        return owns(topology, one.place[0], last.fields["dst"])
    return True  # CAN and other frames are for who hears them


def asks_for(one: Seen) -> str:
    """Of a neighbour solicitation: whom it asks for; its IP address is a group's."""
    last = one.peeled.layers[-1]
    return str(last.fields["target"]) if last.fields.get("type") == 135 else ""


def _multicast(address: str) -> bool:
    return "." in address and 224 <= int(address.split(".")[0]) < 240


def broadcast(topology: Topology, netns: str, address: str) -> bool:
    """Whether an address means all machines of a network that this namespace is in."""
    if address == "255.255.255.255":
        return True
    here = (
        ip_interface(str(a)).network
        for key, some in topology.addrs.items()
        if key[0] == netns
        for a in some
        if a.family == "inet"
    )
    return any(str(net.broadcast_address) == address for net in here if net.prefixlen < 31)  # RFC 3021: /31 has none


def owns(topology: Topology, netns: str, address: str) -> bool:
    return any(a.local == address for key, some in topology.addrs.items() if key[0] == netns for a in some)


def end(tracer: Tracer, tree: Tree, back: Tree | None) -> End | None:
    """None when the packet arrived, and its answer too where there is one to expect; else where and why it ended."""
    from .diagnosis.case import Case
    from .journey import expects

    first, last = tree.main[0], tree.main[-1]
    case = Case(tracer, tree, last)
    if back is None:
        home = at_home(tracer, last) and (not last.out or last.frames[0].linktype not in (1, 101))
        if home and not expects(first.peeled) and not case.dropped():
            return None
        return case.end(home)
    if back.root.peeled.quotes is not None:
        return Case(tracer, tree, last).refused(back.root)
    if at_home(tracer, back.main[-1]) and not back.main[-1].out:
        return None
    return Case(tracer, back, back.main[-1]).end(False)


def next_hop(node: Node, address: str) -> str:
    """Whose MAC a node needs for an address: the gateway's or its own; "" where there is no route."""
    try:
        return node.route.get(address).via or address
    except VnetlearnError:
        return ""


def asked_for(one: Seen) -> tuple[str, ...]:
    """The address that an ARP request or a neighbour solicitation asks for."""
    last = one.peeled.layers[-1]
    if last.name == "ARP":
        return (last.fields["dst"],) if last.fields["op"] == "request" else ()
    return (asks_for(one),) if asks_for(one) else ()


def never_left(node: Node, address: str) -> Found:
    """Why nothing at all went out for an address."""
    try:
        route = node.route.get(address)
    except KernelRefused as error:
        return refusal(node, address, error), (f"{error.tried}: {error.said}",)
    link = node.link.get(route.dev) if route.dev else None
    if link is not None and (not link.up or link.state in ("DOWN", "LOWERLAYERDOWN")):
        evidence = (shown(node, link),)
        if not link.up:
            return f"{route.dev} is down", evidence
        from ..topology.topology import read

        now = read(node.netns)
        ends = [r for r in now.relations if r.how == "peer" and (node.name, route.dev) in (r.source, r.target)]
        peer = next((r.target if r.source == (node.name, route.dev) else r.source for r in ends), None)
        which = (
            f": the other end of its cable, {now.at(peer)}, is down"
            if peer in now.links and not now.links[peer].up
            else ""
        )
        return f"{route.dev} has no carrier{which}", evidence
    lost, _ = unresolved(node, route.via or address, route.dev)
    said = f"{node.spell(['route', 'get', address])}: dev {route.dev}"
    if not lost and (queue := queued(node, route.dev)) is not None:
        return queue
    return lost or f"it should leave through {route.dev}, and was not seen there", (said,)


def queued(node: Node, dev: str) -> Found | None:
    """Whether the queue of a link has thrown packets away: `tc -s qdisc show dev DEV`."""
    shown = node.ask(["tc", "-s", "qdisc", "show", "dev", dev]).stdout
    dropped = re.search(r"(qdisc \S+ .*)\n.*\(dropped ([1-9]\d*)", shown)
    if dropped is None:
        return None
    said = f"tc -s qdisc show dev {dev}: {dropped[1].strip()}: dropped {dropped[2]}"
    return f"the queue of {dev} has dropped packets ({dropped[2]} since it was set up)", (said,)
