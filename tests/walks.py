"""Small labs to walk through, and what to look at in the journey of a packet: for the tests of journeys."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vnetlearn import Lab, Node
from vnetlearn.journey.journey import Journey
from vnetlearn.journey.model import Hop


def cable(lab: Lab, one: Node, dev: str, other: Node, peer: str, *addresses: str) -> None:
    """A veth from one namespace to another, up, with an address at each end where given."""
    one.link.add(dev, kind="veth", up=True, peer={"name": peer, "netns": other})
    other.link.set(peer, up=True)
    for node, name, address in zip((one, other), (dev, peer), addresses, strict=False):
        if address:
            quiet(node, name)
            node.addr.add(address, dev=name)


def quiet(node: Node, dev: str) -> None:
    """No duplicate address detection, so that IPv6 addresses can be used at once."""
    node.sysctl.set(f"net.ipv6.conf.{dev}.accept_dad", 0)


def spaces(lab: Lab, names: str) -> list[Node]:
    nodes = [lab.netns.add(name) for name in names.split()]
    for node in nodes:
        node.link.set("lo", up=True)
    return nodes


def walk(node: Node, target: str) -> Journey:
    """The second ping's journey: the first one found out the MACs."""
    node.ping(target, count=1)
    found = node.ping(target, journey=True).journey
    assert found is not None
    return found


def places(hops: Sequence[Hop]) -> list[str]:
    return [f"{hop.netns}/{hop.dev} {hop.direction}" for hop in hops if hop.main]


def changed(journey: Journey) -> str:
    return "\n".join(change for hop in journey.hops for change in hop.changes)


def back(way: Sequence[str]) -> list[str]:
    """The same way in the other direction."""
    turned = {"out": "in", "in": "out"}
    return [f"{one.split()[0]} {turned[one.split()[1]]}" for one in reversed(way)]


def there_and_back(journey: Journey, *way: str) -> None:
    assert places(journey.request) == list(way), journey
    assert places(journey.reply) == back(way), journey
    assert journey.end is None, journey
    assert not journey.ambiguous
    assert all(hop.since is not None and hop.since >= 0 for hop in journey.hops[1:])


def two(lab: Lab) -> tuple[Node, Node]:
    """Two machines on one cable, 192.0.2.1 and 192.0.2.2: what tunnels are laid over."""
    a, b = spaces(lab, "a b")
    cable(lab, a, "eth0", b, "eth0", "192.0.2.1/24", "192.0.2.2/24")
    for node in (a, b):
        quiet(node, "eth0")
    a.addr.add("2001:db8::1/64", dev="eth0")
    b.addr.add("2001:db8::2/64", dev="eth0")
    return a, b


def ended(journey: Journey, where: str, reason: str, *evidence: str) -> None:
    assert journey.end is not None, journey
    assert f"{journey.end.netns}/{journey.end.dev}" == where, journey
    assert re.search(reason, journey.end.reason), journey
    for pattern in evidence:
        assert any(re.search(pattern, line) for line in journey.end.evidence), journey
    assert journey.end.reason in repr(journey)


def routed(lab: Lab) -> tuple[Node, Node, Node]:
    """a and b, and between them the router r."""
    a, r, b = spaces(lab, "a r b")
    cable(lab, a, "eth0", r, "left", "10.0.1.2/24", "10.0.1.1/24")
    cable(lab, b, "eth0", r, "right", "10.0.2.2/24", "10.0.2.1/24")
    r.sysctl.set("net.ipv4.ip_forward", 1)
    a.route.add("default", via="10.0.1.1")
    b.route.add("default", via="10.0.2.1")
    return a, r, b


def kernels_own_words(lab: Lab, reason: str) -> tuple[str, ...]:
    """On an engine with a kernel of its own, that kernel's own word is among the evidence."""
    return (f"kernel .* reason: {reason}$",) if lab.engine == "vm" else ()
