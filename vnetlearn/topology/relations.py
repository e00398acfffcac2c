"""How links hang together: found from what the kernel tells of each, by the relations that its kind's record names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from socket import AF_INET, AF_INET6
from typing import Any

from ..engine.channel import AgentRefused
from ..iproute import netlink
from ..iproute.addr import Addr
from ..iproute.linkmsg import Link
from ..iproute.neigh import ndmsg
from ..iproute.refusals import explain, explained
from ..iproute.route import RTA_DST, RTA_SRC, rtmsg
from ..kinds import KINDS
from ..kinds.places import address_bytes
from .model import OUTSIDE, Key, Relation, Source, Thing

AF_BRIDGE = 7  # PF_BRIDGE of linux/socket.h, which Python has no name for
ANY = ("", None, "any", "0.0.0.0", "::")
INGRESS, EGRESS = 0xFFFFFFF2, 0xFFFFFFF3  # TC_H_CLSACT with TC_H_MIN_…, linux/pkt_sched.h


def wanted(link: Link) -> tuple[str, ...]:
    """How a link of its kind hangs together with others."""
    return KINDS[link.kind].relations if link.kind in KINDS else ()


def find(
    source: Source, netns: tuple[str, ...], links: dict[Key, Link], addrs: dict[Key, tuple[Addr, ...]]
) -> tuple[tuple[Relation, ...], dict[Key, str], dict[Key, Thing]]:
    """All relations, in the order of the links; in which other namespace tunnels send; the things that are no links."""
    seen = Seen(source, netns, links, addrs)
    relations: list[Relation] = []
    for key, link in links.items():
        hows = dict.fromkeys((*(how for how in wanted(link) if how in FINDERS), "master", "radio"))
        for how in hows:
            relations += [Relation(how, *ends) for ends in FINDERS[how](seen, key, link)]
    for how, all_at_once in (("redirect", _redirects), ("held", _holders)):
        if any(how in wanted(link) for link in links.values()):
            relations += [Relation(how, *ends) for ends in all_at_once(seen)]
    away = {key: home for key, link in links.items() if (home := seen.netns_of(key, link)) not in (None, key[0])}
    return tuple(dict.fromkeys(relations)), away, seen.things


class Seen:
    """What was read so far, and which link another namespace's number means."""

    def __init__(
        self, source: Source, netns: tuple[str, ...], links: dict[Key, Link], addrs: dict[Key, tuple[Addr, ...]]
    ) -> None:
        self.source, self.netns, self.links, self.addrs = source, netns, links, addrs
        self.things: dict[Key, Thing] = {}
        self.at = {(key[0], link.index): key for key, link in links.items()}
        self.owner = {(key[0], addr.local): key for key, some in addrs.items() for addr in some}
        self._numbers: dict[Key, int] = {}  # by which namespace the other is known
        self._remotes: dict[Key, list[str]] = {}
        self.below: dict[Key, Key] = {}
        self._indices: dict[int, list[str]] = {}  # the namespaces that have a link of this index
        self._pairs: dict[tuple[str, int, int], list[str]] = {}  # by an end's kind, its index, and the other's
        for (name, _), link in links.items():
            self._indices.setdefault(link.index, []).append(name)
            if "peer" in wanted(link) and link.link_netnsid >= 0:
                self._pairs.setdefault((link.kind, link.index, link.link_index), []).append(name)
        self._elsewhere(self._pointing_back)
        self._elsewhere(self._with_index)

    def other(self, key: Key, link: Link) -> Key | None:
        """The link that IFLA_LINK means: the peer of a veth, the lower link of others."""
        if link.link_netnsid < 0:
            return self.at.get((key[0], link.link_index))
        return self.below.get(key)

    def netns_of(self, key: Key, link: Link) -> str | None:
        """The namespace in which a tunnel sends: the one it was made in."""
        if link.link_netnsid < 0 or "underlay" not in wanted(link):
            return key[0]
        self._ask(key[0], self.netns)
        return next((name for name in self.netns if self._numbers.get((key[0], name)) == link.link_netnsid), None)

    def remotes(self, key: Key, link: Link) -> list[str]:
        """Where a tunnel sends to: its remote, and where its own forwarding table leads (`bridge fdb show`)."""
        if key not in self._remotes:
            found = [str(link.params[name]) for name in ("remote", "group") if link.params.get(name) not in ANY]
            wraps = KINDS[link.kind].wraps
            if wraps and wraps.table and not found:
                message = ndmsg(AF_BRIDGE, link.index.to_bytes(4, sys.byteorder))
                rows = [row for row in self.dump(key[0], netlink.GETNEIGH, message) if row["ifindex"] == link.index]
                found = [str(dst) for row in rows if (dst := row.get_attr("NDA_DST")) not in ANY]
            self._remotes[key] = list(dict.fromkeys(found))
        return self._remotes[key]

    def ask(
        self, netns: str, kind: int, message: netlink.Message | netlink.Draft, flags: int = 0
    ) -> list[netlink.Message]:
        """The kernel's answers to a question; none when it refused it."""
        told = netlink.ask_all(self.source.channel, [[(netns, netlink.encode(kind, message, flags))]])[0]
        return [] if isinstance(told, OSError) else [netlink.decode(one) for one in told.answers[0]]

    def dump(self, netns: str, kind: int, message: netlink.Message | netlink.Draft) -> list[netlink.Message]:
        return self.ask(netns, kind, message, netlink.DUMP)

    def _elsewhere(self, candidates: Callable[[Key, Link], Iterable[str]]) -> None:
        """Find what links mean in other namespaces: guess by index, then ask the kernel whether the guess is right."""
        open_ends = {
            key: list(candidates(key, link))
            for key, link in self.links.items()
            if link.link_netnsid >= 0 and link.link_index and key not in self.below
        }
        for netns in dict.fromkeys(key[0] for key in open_ends):
            mine = [key for key in open_ends if key[0] == netns and key not in self.below]
            self._ask(netns, [name for key in mine for name in open_ends[key]])
            for key in mine:
                for name in open_ends[key]:
                    if self._numbers[netns, name] == self.links[key].link_netnsid:
                        self._settle(key, self.at[name, self.links[key].link_index])

    def _settle(self, key: Key, other: Key) -> None:
        self.below[key] = other
        if "peer" in wanted(self.links[key]):
            self.below[other] = key

    def _ask(self, netns: str, others: Iterable[str]) -> None:
        unknown = [name for name in dict.fromkeys(others) if (netns, name) not in self._numbers]
        if unknown:
            try:
                answer = self.source.channel.nsids(netns, unknown)
            except AgentRefused as error:
                if error.netns is None:
                    raise explain("ip netns list-id", ["netns"], error.errno or 0, "") from None
                # the namespace has gone since it was dumped
                answer = dict.fromkeys(unknown, -1)
            self._numbers.update({(netns, name): number for name, number in answer.items()})

    def _pointing_back(self, key: Key, link: Link) -> list[str]:
        """Namespaces in which the link of this index is the other end of a pair, and points back here."""
        return self._pairs.get((link.kind, link.link_index, link.index), [])

    def _with_index(self, key: Key, link: Link) -> list[str]:
        return self._indices.get(link.link_index, [])


Ends = Iterator[tuple[Key, Key]]


def _peer(seen: Seen, key: Key, link: Link) -> Ends:
    other = seen.other(key, link)
    # once, towards the end that is a port
    if other and (bool(link.master), key) < (bool(seen.links[other].master), other):
        yield key, other


def _lower(seen: Seen, key: Key, link: Link) -> Ends:
    if link.link_index and (other := seen.other(key, link)):
        yield key, other


def _master(seen: Seen, key: Key, link: Link) -> Ends:
    if link.master and (key[0], link.master) in seen.links:
        yield key, (key[0], link.master)
    kind = KINDS.get(link.kind)
    for name in kind.ports.named if kind and kind.ports else ():  # it is not their master in IFLA_MASTER
        if (port := (key[0], str(link.params.get(name)))) in seen.links:
            yield port, key


def _underlay(seen: Seen, key: Key, link: Link) -> Ends:
    """The link given as dev; else that of the route to the other end; else the one that has the local address."""
    if link.link_index and (other := seen.other(key, link)):
        yield key, other
        return
    netns, local, remotes = seen.netns_of(key, link), link.params.get("local"), seen.remotes(key, link)
    if netns is None:
        return
    if KINDS[link.kind].own_dev and (dev := _dev(seen, key, link, netns)) in seen.links:
        yield key, dev
        return
    way = next(iter(remotes), None)
    index = way and _route_dev(seen, netns, way, None if local in ANY else str(local))
    other = seen.at.get((netns, index)) if index else seen.owner.get((netns, str(local)))
    if other:
        yield key, other


def _dev(seen: Seen, key: Key, link: Link, netns: str) -> Key:
    """What it has as dev, where it does not tell that as IFLA_LINK; by number where that is in another namespace."""
    dev = str(link.params.get(KINDS[link.kind].parent_word, ""))
    if link.link_netnsid < 0 or not dev:
        return netns, dev
    return seen.at.get((netns, int(dev.removeprefix("if"))), (netns, dev))


def _route_dev(seen: Seen, netns: str, dst: str, src: str | None) -> int | None:
    """`ip route get DST [from SRC]`: the index of its dev, or None where there is no route."""
    family, bits = (AF_INET6, 128) if ":" in dst else (AF_INET, 32)
    attributes = [(RTA_DST, address_bytes(dst)), *([(RTA_SRC, address_bytes(src))] if src else [])]
    message = rtmsg(family, attributes, dst_len=bits, src_len=bits if src else 0)
    return next((answer.get_attr("RTA_OIF") for answer in seen.ask(netns, netlink.GETROUTE, message)), None)


def _tunnel(seen: Seen, key: Key, link: Link) -> Ends:
    """The other end, where this one and that one send to each other with the same numbers; or the multicast group."""
    if group := link.params.get("group"):
        thing = OUTSIDE, f"group {group}"
        seen.things[thing] = Thing("group", f"multicast group {group}")
        yield key, thing
        return
    here = seen.netns_of(key, link)
    for other, there in seen.links.items():
        if other == key or there.kind != link.kind or _numbers(link, "o") != _numbers(there, "i"):
            continue
        where = seen.netns_of(other, there)
        if here is None or where is None:
            continue
        mine, theirs = seen.remotes(key, link), seen.remotes(other, there)
        forth, back = _leads(seen, mine, where, there), _leads(seen, theirs, here, link)
        if (forth and (back or not theirs)) and (key < other or not back):
            yield key, other


def _leads(seen: Seen, remotes: list[str], netns: str, link: Link) -> bool:
    """Whether one of these addresses is where that link receives."""
    local = link.params.get("local")
    return any((netns, r) in seen.owner and (local in ANY or local == r) for r in remotes)


def _numbers(link: Link, way: str) -> tuple[object, ...]:
    """What tells tunnels between the same machines apart: VNI and port, or the key of one direction."""
    params = link.params
    return (params.get("id"), params.get("dstport"), params.get(f"{way}key", params.get("key")))


def _hears(seen: Seen, key: Key, link: Link) -> Ends:
    thing = key[0], "netlink"
    seen.things[thing] = Thing("netlink", "netlink of this namespace")
    yield key, thing


def _bus(seen: Seen, key: Key, link: Link) -> Ends:
    thing = key[0], f"bus {key[1]}"
    seen.things[thing] = Thing("bus", "CAN bus")
    yield key, thing


def _radio(seen: Seen, key: Key, link: Link) -> Ends:
    if link.link_type.startswith("ieee802.15.4"):
        thing = OUTSIDE, "radio 802.15.4"
        seen.things[thing] = Thing("radio", "IEEE 802.15.4 radio")
        yield key, thing


def _holders(seen: Seen) -> Ends:
    """tun and tap links, and the programs that hold them; a link may have moved away from its program's namespace."""
    with explained("lsof /dev/net/tun"):
        found = seen.source.channel.holders()
    for one in found:
        index = one["path"].removeprefix("/dev/tap")
        for netns in sorted(seen.netns, key=lambda name: name != one["netns"]):
            key = seen.at.get((netns, int(index))) if index.isdigit() else (netns, one["link"])
            link = seen.links.get(key) if key else None
            if key and link and "held" in wanted(link):
                thing = netns, f"process {one['pid']}"
                seen.things[thing] = Thing("process", f"{one['program']} (process {one['pid']})")
                yield key, thing
                break


def _redirects(seen: Seen) -> Ends:
    """Links whose frames tc sends on to one like an ifb: `tc filter show`, action mirred."""
    for netns in dict.fromkeys(key[0] for key, link in seen.links.items() if "redirect" in wanted(link)):
        for index, parent in _parents(seen, netns):
            message = _tcmsg(index, parent)
            for rule in seen.dump(netns, netlink.GETTFILTER, message):
                for target in _mirred(rule):
                    source, other = seen.at.get((netns, index)), seen.at.get((netns, target))
                    if source and other and "redirect" in wanted(seen.links[other]):
                        yield source, other


def _parents(seen: Seen, netns: str) -> Iterator[tuple[int, int]]:
    """Where filters can hang: each queueing discipline, and both sides of clsact."""
    for qdisc in seen.dump(netns, netlink.GETQDISC, _tcmsg(0, 0)):
        if qdisc.get_attr("TCA_KIND") in ("ingress", "clsact"):
            yield from ((qdisc["index"], side) for side in (INGRESS, EGRESS))
        elif qdisc["handle"]:
            yield qdisc["index"], qdisc["handle"]


def _tcmsg(index: int, parent: int) -> netlink.Message:
    from pyroute2.netlink.rtnl.tcmsg import tcmsg

    message: netlink.Message = tcmsg()
    message["index"], message["parent"] = index, parent
    return message


def _mirred(nested: Any) -> Iterator[int]:
    """The indices in all mirred actions anywhere in a filter."""
    for name, value in nested.get("attrs", ()) if isinstance(nested, dict) else ():
        if name == "TCA_MIRRED_PARMS":
            yield value["ifindex"]
        else:
            yield from _mirred(value)


FINDERS: dict[str, Callable[[Seen, Key, Link], Ends]] = {
    "peer": _peer,
    "lower": _lower,
    "master": _master,
    "underlay": _underlay,
    "tunnel": _tunnel,
    "hears": _hears,
    "bus": _bus,
    "radio": _radio,
}
