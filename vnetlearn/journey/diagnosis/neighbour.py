"""Lost for want of a MAC: nobody answered ARP (RFC 826) or neighbour discovery (RFC 4861)."""

from __future__ import annotations

from ...topology.model import Key
from ..keys import asks_for
from ..lookups import entries, unresolved
from ..model import Found
from ..tree import Tree
from . import incoming
from .case import LAB_ENDED, Case

FEW = 6  # frames that are named


def question(case: Case) -> Found | None:
    """The packet itself asks for a neighbour, and nobody answered."""
    wanted = asks_for(case.tree.root.peeled.key)
    return _unanswered(case, wanted, case.tree) if wanted else None


def unasked(case: Case) -> Found | None:
    """This namespace would have passed it on, and the next hop did not tell its MAC."""
    if case.ip is None or case.last.peeled.sealed:
        return None
    dst = case.ip.text("dst")
    route = case.node.route.get(dst)
    hop = route.via or dst
    lost, _ = unresolved(case.node, hop, route.dev)
    later = (one for one in case.tracer.seen if one.out and one.place[0] == case.netns and one.time >= case.last.time)
    asked = next((one for one in later if asks_for(one.peeled.key) == hop), None)
    if asked is None or not lost:
        return None
    tree = case.tracer.tree(asked)
    return _unanswered(case, hop, tree) if case.tracer.answer(tree) is None else None


def _unanswered(case: Case, wanted: str, tree: Tree) -> Found:
    """No one said that it has the address: who has it, and whether the question got there."""
    reason = f"no one answered {'ARP' if '.' in wanted else 'neighbour discovery'} for {wanted}"
    numbers = ", ".join(str(one.frame.number) for one in tree.seen[:FEW])
    asked = f"frames {numbers}: who has {wanted}? No answer in the capture"
    heard = [f"heard by {', '.join(places)}"] if (places := case.heard(tree)) else []
    if not case.alive:
        return Found(f"{reason}; {LAB_ENDED}", (asked, *heard))
    asker = tree.root.place
    why = _whose(case, wanted, tree)
    known = entries(case.namespaces.node(asker[0]), wanted)
    return Found(f"{reason}{why.reason}", (asked, *known, *why.evidence, *heard))


def _whose(case: Case, wanted: str, tree: Tree) -> Found:
    """Who has the address, and what became of the question there: words that follow "no one answered"."""
    owners = [key for key, some in case.now.addrs.items() if any(a.local == wanted for a in some)]
    if not owners:
        return Found(": no link in the lab has this address")
    owner, (netns, dev) = owners[0], tree.root.place
    if any(key[0] == one.place[0] and not one.out for key in owners for one in tree.seen):
        said = f": {case.at(owner)} has it, heard the question and said nothing"
        return Found(said, tuple(_arp_settings(case, owner[0])))
    if owner in case.tracer.wiring.lower.get((netns, dev), ()):
        return Found(
            f" in {case.home(owner[0])}: it is {owner[1]}'s own, and a frame of {dev} leaves through {owner[1]}"
            f" past {owner[1]}'s receive path"
        )
    return _on_the_way(case, owner, tree)


def _on_the_way(case: Case, owner: Key, tree: Tree) -> Found:
    """The question did not get to who has the address: a switch kept it, perhaps."""
    reason = f": {case.at(owner)} has it, and the question did not get there"
    ports = [one for one in tree.seen if not one.out and case.port(one.place)]
    kept = incoming.switch(case.about(tree, ports[-1])) if ports else None
    return Found(f"{reason}; {kept.reason}", kept.evidence) if kept else Found(reason)


def _arp_settings(case: Case, netns: str) -> list[str]:
    """What may keep a namespace from answering, where it is set: ip-sysctl.rst."""
    sysctl = case.namespaces.node(netns).sysctl
    values = {name: sysctl.get(f"net.ipv4.conf.all.{name}") for name in ("arp_ignore", "arp_filter", "rp_filter")}
    return [f"{case.home(netns)}: net.ipv4.conf.all.{name} = {value}" for name, value in values.items() if value != "0"]
