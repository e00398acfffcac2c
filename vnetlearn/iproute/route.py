"""`ip route`: the routes of one namespace."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, AF_UNSPEC
from typing import TYPE_CHECKING, TypedDict

from ..display.table import Table
from ..errors import BadParameter
from ..kinds.places import IndexOf, address_bytes, address_text
from . import checks, names, netlink
from .addr import SCOPES
from .namespace import Namespace
from .netlink import (
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_NOWHERE,
    RT_SCOPE_UNIVERSE,
    RT_TABLE_COMPAT,
    RT_TABLE_DEFAULT,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTN_ANYCAST,
    RTN_BLACKHOLE,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_NAT,
    RTN_PROHIBIT,
    RTN_THROW,
    RTN_UNICAST,
    RTN_UNREACHABLE,
    RTN_UNSPEC,
    RTPROT_BOOT,
    RTPROT_DHCP,
    RTPROT_KERNEL,
    RTPROT_RA,
    RTPROT_REDIRECT,
    RTPROT_STATIC,
    RTPROT_UNSPEC,
    U32,
    Attribute,
    Draft,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

TYPES = {
    RTN_UNICAST: "unicast",
    RTN_LOCAL: "local",
    RTN_BROADCAST: "broadcast",
    RTN_ANYCAST: "anycast",
    RTN_MULTICAST: "multicast",
    RTN_BLACKHOLE: "blackhole",
    RTN_UNREACHABLE: "unreachable",
    RTN_PROHIBIT: "prohibit",
    RTN_THROW: "throw",
    RTN_NAT: "nat",
}
TABLES = {RT_TABLE_LOCAL: "local", RT_TABLE_MAIN: "main", RT_TABLE_DEFAULT: "default"}
PROTOCOLS = {
    RTPROT_REDIRECT: "redirect",
    RTPROT_KERNEL: "kernel",
    RTPROT_BOOT: "boot",
    RTPROT_STATIC: "static",
    RTPROT_RA: "ra",
    RTPROT_DHCP: "dhcp",
}
FAMILIES = {4: AF_INET, 6: AF_INET6}
DEAD, ONLINK, LINKDOWN, CLONED = 1, 4, 16, 0x200
RTMSG = struct.Struct("=BBBBBBBBI")  # rtnetlink(7)
RTA_DST, RTA_SRC, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_METRICS, RTA_TABLE = 1, 2, 4, 5, 6, 7, 8, 15
RTAX_MTU = 2  # linux/rtnetlink.h


@dataclass(frozen=True)
class Route:
    """One route of namespace `netns`; `dst` is "default" or `address/length`, `table` a name or a number's text."""

    netns: str
    dst: str
    via: str
    dev: str
    src: str
    metric: int
    table: str
    scope: str
    type: str
    protocol: str
    flags: tuple[str, ...] = ()
    mtu: int = 0
    family: str = "inet"

    COLUMNS = ("netns", "type", "dst", "via", "dev", "src", "scope", "proto", "metric", "table", "flags")

    def row(self) -> tuple[object, ...]:
        return (
            self.netns,
            "" if self.type == "unicast" else self.type,
            self.dst,
            self.via,
            self.dev,
            self.src,
            self.scope,
            self.protocol,
            self.metric or "",
            "" if self.table == "main" else self.table,
            self.flags,
        )

    def __repr__(self) -> str:
        return repr(Table((self,)))


class How(TypedDict, total=False):
    """What `ip route` can be told of a route besides its destination."""

    via: str
    dev: str
    src: str
    metric: int
    table: str | int
    scope: str | int
    mtu: int
    onlink: bool
    type: str | int
    protocol: str | int


class Routes:
    """`node.route`: equal to `ip route` in the node's namespace."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def add(self, dst: str, **how: Unpack[How]) -> None:
        """`ip route add [TYPE] DST [via GW] [dev DEV] [src ADDR] [metric N] [table T] [scope S] [mtu N] [onlink]`.

        `dst` is "default", an address or `address/length`; `type` one of unicast, local, blackhole, unreachable,
        prohibit, throw; `table` a name (main, local, default) or a number. A route without `via` has scope link, as
        with `ip`. Raises `BadParameter`, `NotFound`, `KernelRefused`; then nothing has changed.
        """
        self._change("add", dst, netlink.NEWROUTE, netlink.CREATE | netlink.EXCL, how)

    def replace(self, dst: str, **how: Unpack[How]) -> None:
        """`ip route replace …`: as `add`, in place of a route with the same destination and metric."""
        self._change("replace", dst, netlink.NEWROUTE, netlink.CREATE | netlink.REPLACE, how)

    def delete(self, dst: str, **how: Unpack[How]) -> None:
        """`ip route delete DST […]`: the first route that fits what is given."""
        self._change("delete", dst, netlink.DELROUTE, 0, how)

    def show(self, *, table: str | int = "main", dev: str | None = None, family: int | None = None) -> Table[Route]:
        """`ip [-4|-6] route show table TABLE [dev DEV]`; `table="all"` for all, `family` 4 or 6, both by default."""
        here = self._namespace.name
        dump = netlink.encode(netlink.GETROUTE, rtmsg(FAMILIES[family] if family else AF_UNSPEC), netlink.DUMP)
        links, messages = self._namespace.told([(here, netlink.ALL_LINKS), (here, dump)]).answers
        by_index = names.of(links)
        routes = (read_route(one, here, by_index) for one in messages if of_a_table(one))
        return Table(r for r in routes if table in ("all", r.table, _digits(r.table)) and dev in (None, r.dev))

    def get(self, dst: str, *, src: str | None = None) -> Route:
        """The kernel's own choice for one address: `ip route get DST [from SRC]`. Raises `KernelRefused`."""
        words = ["route", "get", str(dst), *(["from", src] if src else [])]
        tried = self._namespace.spell(words)
        family, address = checks.address(dst, tried)
        bits = 32 if family == AF_INET else 128
        attributes: list[Attribute] = [(RTA_DST, address_bytes(address))]
        if src:
            attributes.append((RTA_SRC, address_bytes(checks.address(src, tried, family)[1])))
        message = rtmsg(family, attributes, dst_len=bits, src_len=bits if src else 0)
        here = self._namespace.name
        question = netlink.encode(netlink.GETROUTE, message, 0)
        (found,), links = self._namespace.told([(here, question), (here, netlink.ALL_LINKS)], words=words).answers
        return read_route(found, here, names.of(links))

    def _change(self, verb: str, dst: str, kind: int, flags: int, how: How) -> None:
        words = ["route", verb, *([str(how["type"])] if "type" in how else []), str(dst)]
        for key, value in how.items():
            if key == "onlink":
                words += ["onlink"] if value else []
            elif key != "type":
                words += ["proto" if key == "protocol" else key, str(value)]
        tried = self._namespace.spell(words)
        unknown = set(how) - set(How.__annotations__)
        if unknown:
            raise BadParameter(
                tried,
                f'"{unknown.pop()}" is unknown',
                "a route has no such parameter",
                "it has: via, dev, src, metric, table, scope, mtu, onlink, type, protocol",
            )
        if dst == "default":
            family, address, length = checks.address(how["via"], tried)[0] if "via" in how else AF_INET, "", 0
        else:
            family, address, length = checks.network(dst, tried)
        attributes: list[Attribute] = [(RTA_DST, address_bytes(address))] if length else []
        message = self._message(family, length, attributes, how, verb, tried)
        if verb == "add" and family == AF_INET6:
            flags |= netlink.EXCL
        self._namespace.change(words, kind, message, netlink.ACK | flags)

    def _message(
        self, family: int, length: int, attributes: list[Attribute], how: How, verb: str, tried: str
    ) -> netlink.Draft:
        kind = checks.one_of(how.get("type", "unicast"), TYPES, "type", tried)
        table = checks.one_of(how.get("table", "local" if kind == RTN_LOCAL else "main"), TABLES, "table", tried)
        protocol, scope, deleting = RTPROT_UNSPEC, RT_SCOPE_UNIVERSE, verb == "delete"
        if not deleting or "protocol" in how:
            protocol = checks.one_of(how.get("protocol", "boot"), PROTOCOLS, "protocol", tried)
        if "scope" in how:
            scope = checks.one_of(how["scope"], SCOPES, "scope", tried)
        elif family == AF_INET:
            scope = RT_SCOPE_NOWHERE if deleting else _default_scope(kind, "via" in how)
        attributes.append((RTA_TABLE, U32.pack(table)))
        for key, number in (("via", RTA_GATEWAY), ("src", RTA_PREFSRC)):
            if key in how:
                attributes.append((number, address_bytes(checks.address(how[key], tried, family)[1])))  # type: ignore[literal-required]
        if "dev" in how:
            attributes.append((RTA_OIF, IndexOf(how["dev"])))
        if "metric" in how:
            attributes.append((RTA_PRIORITY, U32.pack(checks.number(how["metric"], "metric", tried))))
        if "mtu" in how:
            attributes.append((RTA_METRICS, [(RTAX_MTU, U32.pack(checks.number(how["mtu"], "mtu", tried)))]))
        return rtmsg(
            family,
            attributes,
            dst_len=length,
            table=table if table < 256 else RT_TABLE_COMPAT,
            proto=protocol,
            scope=scope,
            type=RTN_UNSPEC if deleting and "type" not in how else kind,
            flags=ONLINK if how.get("onlink") else 0,
        )


def read_route(message: bytes, netns: str, names: dict[int, str]) -> Route:
    """A Route from a message of a dump; `names` has the links' names by index."""
    family, length, _, _, table, protocol, scope, kind, flags = RTMSG.unpack_from(message, netlink.BODY)
    told = netlink.attributes(message, netlink.BODY + RTMSG.size)

    def number(attribute: int, otherwise: int = 0) -> int:
        return U32.unpack(told[attribute])[0] if attribute in told else otherwise

    def address(attribute: int) -> str:
        return address_text(told[attribute]) if attribute in told else ""

    table = number(RTA_TABLE) or table
    mtu = netlink.attributes(told.get(RTA_METRICS, b"")).get(RTAX_MTU, bytes(4))
    return Route(
        netns=netns,
        dst=f"{address(RTA_DST)}/{length}" if RTA_DST in told else "default",
        via=address(RTA_GATEWAY),
        dev=names.get(number(RTA_OIF), ""),
        src=address(RTA_PREFSRC),
        metric=number(RTA_PRIORITY),
        table=TABLES.get(table, str(table)),
        scope=SCOPES.get(scope, str(scope)) if family == AF_INET else "global",
        type=TYPES.get(kind, str(kind)),
        protocol=PROTOCOLS.get(protocol, str(protocol)),
        flags=tuple(name for name, bit in (("onlink", ONLINK), ("linkdown", LINKDOWN)) if flags & bit),
        mtu=U32.unpack(mtu)[0],
        family="inet" if family == AF_INET else "inet6",
    )


def of_a_table(message: bytes) -> bool:
    """Whether it tells of an IP route of a table, not of what was learnt for one address."""
    told = RTMSG.unpack_from(message, netlink.BODY)
    return told[0] in (AF_INET, AF_INET6) and not told[8] & CLONED


def _default_scope(kind: int, via: bool) -> int:
    """As iproute.c of iproute2: local is for this machine, a plain route without gateway for this link."""
    if kind == RTN_LOCAL:
        return RT_SCOPE_HOST
    if kind in (RTN_BROADCAST, RTN_ANYCAST, RTN_MULTICAST) or (kind == RTN_UNICAST and not via):
        return RT_SCOPE_LINK
    return RT_SCOPE_UNIVERSE


def _digits(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def rtmsg(
    family: int,
    attributes: Sequence[Attribute] = (),
    *,
    dst_len: int = 0,
    src_len: int = 0,
    table: int = 0,
    proto: int = 0,
    scope: int = 0,
    type: int = 0,
    flags: int = 0,
) -> Draft:
    """An RTM_*ROUTE message of a family, AF_UNSPEC for all (rtnetlink(7))."""
    return Draft((RTMSG.pack(family, dst_len, src_len, 0, table, proto, scope, type, flags),), attributes)
