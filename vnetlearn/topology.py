"""What is there and how it hangs together, read from the live kernel of a lab: namespaces, links and their relations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import netlink
from .iproute import Addr, Link

if TYPE_CHECKING:
    from .lab import Lab, Node

Key = tuple[str, str]  # namespace, link


@dataclass(frozen=True)
class Relation:
    """`how` is "peer" (the two ends of a veth), "lower" (a link on another) or "master" (a port of another)."""

    how: str
    source: Key
    target: Key


@dataclass(frozen=True)
class Topology:
    """All namespaces ("" is the lab's first), their links and addresses, and how the links hang together."""

    netns: tuple[str, ...]
    links: dict[Key, Link]
    addrs: dict[Key, tuple[Addr, ...]]
    relations: tuple[Relation, ...]

    def read_aloud(self) -> str:
        """The picture in words, for who cannot see it."""
        said = []
        for name in self.netns:
            links = [
                self._describe(key) for key, link in self.links.items() if key[0] == name and link.kind != "loopback"
            ]
            said.append(f"namespace {name or 'host'}: " + ("; ".join(links) or "no links"))
        return ". ".join(said) + "."

    def _describe(self, key: Key) -> str:
        link = self.links[key]
        words = [key[1], link.kind or "device", state(link)]
        words += [str(addr) for addr in self.addrs.get(key, ()) if addr.scope == "global"]
        for relation in self.relations:
            if relation.source == key:
                verb = {"peer": "is connected to", "lower": "sits on", "master": "is a port of"}[relation.how]
                words.append(f"{verb} {relation.target[1]} in {relation.target[0] or 'host'}")
        return " ".join(words)


def state(link: Link) -> str:
    """In one word: down (by `ip link set … down`), up, or what keeps a link from working that was set up."""
    if not link.up:
        return "down"
    return "up" if link.state in ("UP", "UNKNOWN") else link.state.lower()


def read(lab: Lab) -> Topology:
    """Dump the links and addresses of every namespace: `ip -d link show` and `ip addr show` in each."""
    nodes = lab.nodes
    links = {(node.name, link.name): link for node in nodes for link in node.link.show()}
    addrs: dict[Key, tuple[Addr, ...]] = {}
    for node in nodes:
        for addr in node.addr.show():
            addrs[node.name, addr.dev] = (*addrs.get((node.name, addr.dev), ()), addr)
    return Topology(tuple(node.name for node in nodes), links, addrs, tuple(_relations(lab, nodes, links)))


def _relations(lab: Lab, nodes: list[Node], links: dict[Key, Link]) -> list[Relation]:
    numbers = {(netns, link.index): (netns, name) for (netns, name), link in links.items()}
    known = {node.name: _nsids(lab, node, nodes) for node in nodes if any(
        key[0] == node.name and link.link_netnsid >= 0 for key, link in links.items())}  # fmt: skip
    found: list[Relation] = []
    for key, link in links.items():
        if link.master:
            found.append(Relation("master", key, (key[0], link.master)))
        if not link.link_index:
            continue
        where = key[0] if link.link_netnsid < 0 else known[key[0]].get(link.link_netnsid)
        other = numbers.get((where, link.link_index)) if where is not None else None
        if other is None:
            continue
        if link.kind != "veth":
            found.append(Relation("lower", key, other))
        elif (bool(link.master), key) < (bool(links[other].master), other):  # once, towards the end that is a port
            found.append(Relation("peer", key, other))
    return found


def _nsids(lab: Lab, node: Node, nodes: list[Node]) -> dict[int, str]:
    """The numbers by which this namespace knows the others (`ip netns list-id`), with their names."""
    found = {}
    for other in nodes:
        fd = lab.netns.open(other.name, "ip netns list-id")
        try:
            message = _nsidmsg(fd)
            nsid = node.request(netlink.GETNSID, message, 0)[0].get_attr("NETNSA_NSID")
        finally:
            lab.netns.close(fd)
        if nsid is not None and nsid < 1 << 31:
            found[nsid] = other.name
    return found


def _nsidmsg(fd: int) -> object:
    from pyroute2.netlink.rtnl.nsidmsg import nsidmsg

    message = nsidmsg()
    message["attrs"] = [("NETNSA_FD", fd)]
    return message
