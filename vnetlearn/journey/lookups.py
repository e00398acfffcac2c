"""What one namespace knows of its routes and neighbours: why something that is sent from there gets nowhere.

For a packet's journey, and for `ping`, which has no frames to look at. All of it is asked of the lab's kernel, so the
lab has to be alive: every function here raises `LabDied` after its end.
"""

from __future__ import annotations

import errno
import re

from ..errors import KernelRefused, VnetlearnError
from ..iproute import Link, Neigh
from ..iproute.netns import Namespaces, Node
from ..topology import topology
from ..topology.model import Key
from . import reasons
from .model import Found

REFUSED = {
    errno.ENETUNREACH: "no route",
    errno.EHOSTUNREACH: "unreachable by a route",
    errno.EACCES: "prohibited by a route",
}


def refusal(node: Node, address: str, error: KernelRefused) -> str:
    """A route look-up's refusal in words."""
    return f"{REFUSED.get(error.errno, error.said)} to {address} in {node.name or 'host'}"


def unresolved(node: Node, hop: str, dev: str) -> tuple[str, Neigh | None]:
    """What is known of the next hop: why it cannot be reached ("" when it can), and its entry among the neighbours."""
    neigh = next((n for n in node.neigh.show(dev=dev or None) if n.dst == hop), None)
    if neigh is None or neigh.state not in ("INCOMPLETE", "FAILED"):
        return "", neigh
    return reasons.no_answer(hop, dev), neigh


def shown(node: Node, link: Link) -> str:
    """A link's state, as `ip link show` has it."""
    return f"{node.spell(['link', 'show', 'dev', link.name])}: {link.label} <{','.join(link.flags)}> state {link.state}"


def answer_lost(namespaces: Namespaces[Node], node: Node, address: str, source: str) -> str:
    """What the target itself says, when it is in the lab: it had an answer and found nobody to give it to."""
    for other in namespaces.nodes:
        if other == node or address not in {addr.local for addr in other.addr.show()}:
            continue
        if any(n.dst == source and n.state in ("INCOMPLETE", "FAILED") for n in other.neigh.show()):
            return f"the answer was lost: {other.name or 'host'} got no ARP answer for {source}"
    return ""


def entries(node: Node, address: str) -> list[str]:
    """What a namespace has of an address among its neighbours, as `ip neigh show` has it."""
    asked = node.spell(["neigh", "show", address])
    found = [n for n in node.neigh.show() if n.dst == address]
    return [f"{asked}: {n.dst} dev {n.dev} {n.lladdr or ''} {n.state}".replace("  ", " ") for n in found]


def no_way(node: Node, to: str, refused: str, lost: str) -> Found | None:
    """Why nothing can be sent to an address, behind these words: no route (`refused`), no neighbour (`lost`)."""
    try:
        route = node.route.get(to)
    except KernelRefused as error:
        return Found(f"{refused}: {refusal(node, to, error)}", (f"{error.tried}: {error.said}",))
    hop = route.via or to
    why, _ = unresolved(node, hop, route.dev)
    return Found(f"{lost}: {why}", tuple(entries(node, hop))) if why else None


def given_up(node: Node, address: str) -> bool:
    """Whether what is sent to an address waits for its next hop's MAC in vain.

    The kernel asks for it three times, a second apart, and lets wait what is sent meanwhile: after the third question
    nothing leaves, until it asks anew for what is sent later.
    """
    try:
        route = node.route.get(address)
    except VnetlearnError:
        return False
    return bool(unresolved(node, route.via or address, route.dev)[0])


def next_hop(node: Node, address: str) -> str:
    """Whose MAC a node needs for an address: the gateway's or its own; "" where there is no route."""
    try:
        return node.route.get(address).via or address
    except VnetlearnError:
        return ""


def never_left(namespaces: Namespaces[Node], node: Node, address: str) -> Found:
    """Why nothing at all went out for an address."""
    try:
        route = node.route.get(address)
    except KernelRefused as error:
        return Found(refusal(node, address, error), (f"{error.tried}: {error.said}",))
    link = node.link.get(route.dev) if route.dev else None
    if link is not None and (not link.up or link.state in ("DOWN", "LOWERLAYERDOWN")):
        reason = _no_carrier(namespaces, (node.name, route.dev)) if link.up else f"{route.dev} is down"
        return Found(reason, (shown(node, link),))
    lost, _ = unresolved(node, route.via or address, route.dev)
    if not lost and (queue := queued(node, route.dev)) is not None:
        return queue
    said = f"{node.spell(['route', 'get', address])}: dev {route.dev}"
    return Found(lost or f"it should leave through {route.dev}, and was not seen there", (said,))


def _no_carrier(namespaces: Namespaces[Node], key: Key) -> str:
    """A link that is up and has no carrier: the other end of its cable may be down."""
    now = topology.read(namespaces)
    ends = [r for r in now.relations if r.how == "peer" and key in (r.source, r.target)]
    peer = next((r.target if r.source == key else r.source for r in ends), None)
    down = peer is not None and peer in now.links and not now.links[peer].up
    return f"{key[1]} has no carrier" + (
        f": the other end of its cable, {now.at(peer)}, is down" if peer and down else ""
    )


def queued(node: Node, dev: str) -> Found | None:
    """Whether the queue of a link has thrown packets away: `tc -s qdisc show dev DEV`."""
    queues = node.ask(["tc", "-s", "qdisc", "show", "dev", dev]).stdout
    dropped = re.search(r"(qdisc \S+ .*)\n.*\(dropped ([1-9]\d*)", queues)
    if dropped is None:
        return None
    said = f"tc -s qdisc show dev {dev}: {dropped[1].strip()}: dropped {dropped[2]}"
    return Found(f"the queue of {dev} has dropped packets ({dropped[2]} since it was set up)", (said,))
