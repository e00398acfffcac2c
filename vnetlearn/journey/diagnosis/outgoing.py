"""Lost on its way out: the cable's other end, the link below, a tunnel's far end, a kind that leads nowhere."""

from __future__ import annotations

from ...iproute import Link
from ...kinds import find
from ..goal import owns
from ..lookups import answer_lost, entries, no_way
from ..model import Found
from .case import Case

ANYWHERE = ("any", "::", "0.0.0.0")  # a tunnel's other end that is none in particular


def cable(case: Case) -> Found | None:
    """The other end of the cable takes nothing."""
    peer = case.tracer.wiring.peer.get(case.last.place)
    if peer is None:
        return None
    other = case.now.links.get(peer)
    if other is None:
        return Found(f"the other end of the cable, {case.at(peer)}, is gone")
    return None if other.up else Found(f"the other end of the cable, {case.at(peer)}, is down", (case.shown(other),))


def below(case: Case) -> Found | None:
    """A link that sits on another one: it is down, or there is no way to the tunnel's other end."""
    for key in sorted(case.tracer.wiring.lower.get(case.last.place, ())):
        lower = case.now.links.get(key)
        if lower is not None and not lower.up:
            return Found(f"{case.at(key)}, on which {case.dev} sits, is down", (case.shown(lower),))
    link = case.link
    return _tunnel(case, link) if link and case.tracer.wiring.tunnel(case.last.place) else None


def _tunnel(case: Case, link: Link) -> Found | None:
    """There is no way to a tunnel's other end, or it knows none."""
    dev = case.dev
    ends = (str(link.params.get(name, "any")) for name in ("remote", "group"))
    remote = next((end for end in ends if end not in ANYWHERE), "")
    if remote:
        words = (f"{dev} has no way to its other end {remote}", f"{dev} cannot reach its other end {remote}")
        return no_way(case.node, remote, *words)
    kind = find(link.kind)
    if kind is None or kind.wraps is None or not kind.wraps.table:
        return None
    table = case.output("bridge", "fdb", "show", "dev", dev)
    if any("dst" in row.split() for row in table.splitlines()):
        return None
    return Found(
        f"{dev} knows no other end: it has no remote, and no entry in its forwarding table names one",
        (f"bridge fdb show dev {dev}: {table.strip() or '(nothing)'}",),
    )


def leads_nowhere(case: Case) -> Found | None:
    """Kinds that end here by their nature."""
    link = case.link
    kind = find(link.kind) if link else None
    if link is None or kind is None:
        return None
    if kind.swallows:
        return Found(f"a {kind.name} throws away all that is sent through it ({kind.source})", (case.shown(link),))
    if "held" in kind.relations:
        return Found(f"{case.dev} leads to a program, which was not seen to pass it on", (case.shown(link),))
    return None


def not_seen_again(case: Case) -> Found | None:
    """Though it may have arrived: an ipvlan in l3 hands packets on inside the kernel."""
    if (ip := case.last.peeled.ip) is not None:
        dst, src = ip.text("dst"), ip.text("src")
        if lost := answer_lost(case.namespaces, case.node, dst, src):
            owners = [netns for netns in case.now.netns if owns(case.now, netns, dst)]
            evidence = tuple(line for netns in owners for line in entries(case.namespaces.node(netns), src))
            return Found(f"it arrived, and {lost}", evidence)
    evidence = (f"frame {case.numbers}: the last that was seen of it",)
    return Found(f"it left through {case.dev}, and no one answered", evidence)
