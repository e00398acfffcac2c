"""`ip addr`: the addresses of one namespace's links."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from socket import AF_INET

from .. import texts
from ..display.table import Table
from ..errors import BadParameter, NotFound
from ..kinds.places import IndexOf, address_bytes, address_text
from . import checks, names, netlink
from .namespace import Namespace
from .netlink import (
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_NOWHERE,
    RT_SCOPE_SITE,
    RT_SCOPE_UNIVERSE,
    U32,
    Attribute,
    Draft,
)

SCOPES = {
    RT_SCOPE_UNIVERSE: "global",
    RT_SCOPE_SITE: "site",
    RT_SCOPE_LINK: "link",
    RT_SCOPE_HOST: "host",
    RT_SCOPE_NOWHERE: "nowhere",
}
NODAD, NOPREFIXROUTE, TENTATIVE = 0x2, 0x200, 0x40
FOREVER = 0xFFFFFFFF
IFADDRMSG, CACHEINFO = struct.Struct("=BBBBI"), struct.Struct("=IIII")  # rtnetlink(7); the latter has two times more
IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_BROADCAST, IFA_CACHEINFO, IFA_FLAGS = 1, 2, 3, 4, 6, 8  # linux/if_addr.h


@dataclass(frozen=True)
class Addr:
    """One address, `local/prefixlen`, on the link `dev` of namespace `netns`; lifetimes in seconds, None is forever."""

    netns: str
    dev: str
    local: str
    prefixlen: int
    scope: str
    family: str
    peer: str = ""
    broadcast: str = ""
    label: str = ""
    tentative: bool = False
    valid_lft: int | None = None
    preferred_lft: int | None = None
    noprefixroute: bool = False
    nodad: bool = False

    COLUMNS = ("netns", "dev", "address", "scope", "peer", "broadcast")

    def __str__(self) -> str:
        return f"{self.local}/{self.prefixlen}"

    def row(self) -> tuple[object, ...]:
        return (self.netns, self.dev, str(self), self.scope, self.peer, self.broadcast)


class Addrs:
    """`node.addr`: equal to `ip addr` in the node's namespace."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def add(
        self,
        local: str,
        *,
        dev: str,
        peer: str | None = None,
        broadcast: str | None = None,
        label: str | None = None,
        scope: str | None = None,
        valid_lft: int | None = None,
        preferred_lft: int | None = None,
        nodad: bool = False,
        noprefixroute: bool = False,
    ) -> None:
        """`ip addr add ADDRESS/LENGTH dev DEV [peer …] [broadcast …] [label …] [scope …] [valid_lft S] …`.

        `broadcast` may be "+" (all host bits set). As with `ip`, none is set when it is not given. Lifetimes in
        seconds. Raises `BadParameter`, `NotFound`, `KernelRefused`; then the address was not added.
        """
        words = ["addr", "add", str(local)]
        for word, value in (("peer", peer), ("broadcast", broadcast), ("label", label), ("scope", scope)):
            words += [word, str(value)] if value is not None else []
        words += ["dev", dev]
        for word, seconds in (("valid_lft", valid_lft), ("preferred_lft", preferred_lft)):
            words += [word, str(seconds)] if seconds is not None else []
        words += [flag for flag, on in (("nodad", nodad), ("noprefixroute", noprefixroute)) if on]
        tried = self._namespace.spell(words)
        family, address, length = checks.network(local, tried)
        other = address
        if peer is not None:
            _, other, length = checks.network(peer, tried)
        attributes: list[Attribute] = [(IFA_LOCAL, address_bytes(address)), (IFA_ADDRESS, address_bytes(other))]
        if broadcast is not None and (last := _broadcast(other, length, broadcast, tried)):
            attributes.append((IFA_BROADCAST, address_bytes(last)))
        if label is not None:
            attributes.append((IFA_LABEL, texts.encoded(label) + b"\0"))
        if valid_lft is not None or preferred_lft is not None:
            lives = [
                FOREVER if one is None else checks.number(one, "lifetime", tried) for one in (preferred_lft, valid_lft)
            ]
            attributes.append((IFA_CACHEINFO, CACHEINFO.pack(*lives, 0, 0)))
        attributes.append((IFA_FLAGS, U32.pack(NODAD * nodad | NOPREFIXROUTE * noprefixroute)))
        reach = checks.one_of(scope, SCOPES, "scope", tried) if scope else default_scope(address)
        message = ifaddrmsg(family, length, reach, IndexOf(dev), attributes)
        self._namespace.change(words, netlink.NEWADDR, message, netlink.ACK | netlink.CREATE | netlink.EXCL)

    def delete(self, local: str, *, dev: str, peer: str | None = None) -> None:
        """`ip addr delete ADDRESS/LENGTH [peer PEER/LENGTH] dev DEV`.

        Raises `BadParameter`, `NotFound`, `KernelRefused`.
        """
        words = ["addr", "delete", str(local), *(["peer", str(peer)] if peer else []), "dev", dev]
        tried = self._namespace.spell(words)
        family, address, length = checks.network(local, tried)
        other = address
        if peer:
            _, other, length = checks.network(peer, tried)
        attributes = [(IFA_LOCAL, address_bytes(address)), (IFA_ADDRESS, address_bytes(other))]
        message = ifaddrmsg(family, length, 0, IndexOf(dev), attributes)
        self._namespace.change(words, netlink.DELADDR, message, netlink.ACK)

    def flush(self, *, dev: str) -> None:
        """Delete all addresses of a link: `ip addr flush dev DEV`."""
        while found := self.show(dev=dev):  # anew each time: the first of a network takes the others along
            peer = f"{found[0].peer}/{found[0].prefixlen}" if found[0].peer else None
            self.delete(found[0].local if peer else str(found[0]), dev=dev, peer=peer)

    def show(self, *, dev: str | None = None) -> Table[Addr]:
        """`ip addr show [dev DEV]`. Raises `NotFound`."""
        here = self._namespace.name
        dump = netlink.encode(netlink.GETADDR, ifaddrmsg(), netlink.DUMP)
        links, messages = self._namespace.told([(here, netlink.ALL_LINKS), (here, dump)]).answers
        by_index = names.of(links)
        if dev is not None and dev not in by_index.values():
            raise NotFound(
                self._namespace.spell(["addr", "show", "dev", dev]),
                f'Device "{dev}" does not exist.',
                "this namespace has: " + ", ".join(by_index.values()),
                "check the name",
            )
        found = (read_addr(m, here, by_index) for m in messages)
        return Table(one for one in found if dev is None or one.dev == dev)


def read_addr(message: bytes, netns: str, names: dict[int, str]) -> Addr:
    """An Addr from a message of a dump; `names` has the links' names by index."""
    family, length, flags, scope, index = IFADDRMSG.unpack_from(message, netlink.BODY)
    told = netlink.attributes(message, netlink.BODY + IFADDRMSG.size)
    address, local = told.get(IFA_ADDRESS, b""), told.get(IFA_LOCAL, b"")
    if IFA_FLAGS in told:
        flags = U32.unpack(told[IFA_FLAGS])[0] or flags
    preferred, valid, _, _ = (
        CACHEINFO.unpack(told[IFA_CACHEINFO]) if IFA_CACHEINFO in told else (FOREVER, FOREVER, 0, 0)
    )
    return Addr(
        netns=netns,
        dev=names.get(index, f"if{index}"),
        local=address_text(local or address),
        prefixlen=length,
        scope=SCOPES.get(scope, str(scope)),
        family="inet" if family == AF_INET else "inet6",
        peer=address_text(address) if local and address != local else "",
        broadcast=address_text(told[IFA_BROADCAST]) if IFA_BROADCAST in told else "",
        label=netlink.text(told.get(IFA_LABEL, b"").rstrip(b"\0")),
        tentative=bool(flags & TENTATIVE),
        noprefixroute=bool(flags & NOPREFIXROUTE),
        nodad=bool(flags & NODAD),
        valid_lft=None if valid == FOREVER else valid,
        preferred_lft=None if preferred == FOREVER else preferred,
    )


def default_scope(address: str) -> int:
    """As ip(8): a loopback address has scope host; IPv6 finds its own."""
    return RT_SCOPE_HOST if address.startswith("127.") else RT_SCOPE_UNIVERSE


def _broadcast(address: str, length: int, wanted: str, tried: str) -> str:
    """As ip(8): "+" and "-" are the last and the first address of the (peer's) network; "" where that has but two."""
    if wanted not in ("+", "-"):
        return checks.address(wanted, tried)[1]
    net = ip_network(f"{address}/{length}", strict=False)
    if net.version == 6:
        raise BadParameter(
            tried,
            "Broadcast can be set only for IPv4 addresses",
            "IPv6 has multicast in its place",
            "leave out broadcast",
        )
    return "" if length > 30 else str(net.broadcast_address if wanted == "+" else net.network_address)


def ifaddrmsg(
    family: int = 0,
    prefixlen: int = 0,
    scope: int = 0,
    index: bytes = bytes(4),
    attributes: Sequence[Attribute] = (),
) -> Draft:
    """An RTM_*ADDR message (rtnetlink(7))."""
    return Draft((struct.pack("=BBBB", family, prefixlen, 0, scope), index), attributes)
