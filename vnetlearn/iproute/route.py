"""`ip route`: the routes of one namespace."""

from __future__ import annotations

from dataclasses import dataclass
from socket import AF_INET, AF_INET6, AF_UNSPEC
from typing import TYPE_CHECKING, Any, TypedDict

from ..display.table import Table
from ..errors import BadParameter
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
        by_index = names.every(self._namespace)
        message = rtmsg(AF_UNSPEC)
        routes = (
            read_route(m, self._namespace.name, by_index)
            for m in self._namespace.dump(netlink.GETROUTE, message)
            if not m["flags"] & CLONED and (family is None or m["family"] == FAMILIES[family])
        )
        return Table(r for r in routes if table in ("all", r.table, _digits(r.table)) and dev in (None, r.dev))

    def get(self, dst: str, *, src: str | None = None) -> Route:
        """The kernel's own choice for one address: `ip route get DST [from SRC]`. Raises `KernelRefused`."""
        words = ["route", "get", str(dst), *(["from", src] if src else [])]
        tried = self._namespace.spell(words)
        family, address = checks.address(dst, tried)
        message = rtmsg(family)
        message["dst_len"] = 32 if family == AF_INET else 128
        message["attrs"] = [("RTA_DST", address)]
        if src:
            message["src_len"], source = message["dst_len"], checks.address(src, tried, family)[1]
            message["attrs"].append(("RTA_SRC", source))
        answers = self._namespace.explained(words, netlink.GETROUTE, message, 0)
        return read_route(answers[0], self._namespace.name, names.every(self._namespace))

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
        message = rtmsg(family)
        message["dst_len"] = length
        message["attrs"] = [("RTA_DST", address)] if length else []
        self._fill(message, how, verb, tried)
        if verb == "add" and message["family"] == AF_INET6:
            flags |= netlink.EXCL
        self._namespace.change(words, kind, message, netlink.ACK | flags)

    def _fill(self, message: netlink.Message, how: How, verb: str, tried: str) -> None:
        kind = checks.one_of(how.get("type", "unicast"), TYPES, "type", tried)
        table = checks.one_of(how.get("table", "local" if kind == RTN_LOCAL else "main"), TABLES, "table", tried)
        message["type"] = RTN_UNSPEC if verb == "delete" and "type" not in how else kind
        message["table"] = table if table < 256 else RT_TABLE_COMPAT
        message["proto"] = (
            RTPROT_UNSPEC
            if verb == "delete" and "protocol" not in how
            else checks.one_of(how.get("protocol", "boot"), PROTOCOLS, "protocol", tried)
        )
        if "scope" in how:
            message["scope"] = checks.one_of(how["scope"], SCOPES, "scope", tried)
        elif message["family"] == AF_INET:
            message["scope"] = RT_SCOPE_NOWHERE if verb == "delete" else _default_scope(kind, "via" in how)
        attributes: list[tuple[str, Any]] = [("RTA_TABLE", table)]
        if "via" in how:
            attributes.append(("RTA_GATEWAY", checks.address(how["via"], tried, message["family"])[1]))
        if "src" in how:
            attributes.append(("RTA_PREFSRC", checks.address(how["src"], tried, message["family"])[1]))
        if "dev" in how:
            attributes.append(("RTA_OIF", names.index(self._namespace, how["dev"], tried)))
        if "metric" in how:
            attributes.append(("RTA_PRIORITY", checks.number(how["metric"], "metric", tried)))
        if "mtu" in how:
            metrics = {"attrs": [("RTAX_MTU", checks.number(how["mtu"], "mtu", tried))]}
            attributes.append(("RTA_METRICS", metrics))
        if how.get("onlink"):
            message["flags"] = ONLINK
        message["attrs"] += attributes


def read_route(message: netlink.Message, netns: str, names: dict[int, str]) -> Route:
    """A Route from a message of a dump; `names` has the links' names by index."""
    dst = message.get_attr("RTA_DST")
    table = message.get_attr("RTA_TABLE") or message["table"]
    flags = (("onlink", ONLINK), ("linkdown", LINKDOWN))
    metrics = message.get_attr("RTA_METRICS")
    return Route(
        netns=netns,
        dst=f"{dst}/{message['dst_len']}" if dst else "default",
        via=message.get_attr("RTA_GATEWAY") or "",
        dev=names.get(message.get_attr("RTA_OIF") or 0, ""),
        src=message.get_attr("RTA_PREFSRC") or "",
        metric=message.get_attr("RTA_PRIORITY") or 0,
        table=TABLES.get(table, str(table)),
        scope=SCOPES.get(message["scope"], str(message["scope"])) if message["family"] == AF_INET else "global",
        type=TYPES.get(message["type"], str(message["type"])),
        protocol=PROTOCOLS.get(message["proto"], str(message["proto"])),
        flags=tuple(name for name, bit in flags if message["flags"] & bit),
        mtu=(metrics and metrics.get_attr("RTAX_MTU")) or 0,
        family="inet" if message["family"] == AF_INET else "inet6",
    )


def _default_scope(kind: int, via: bool) -> int:
    """As iproute.c of iproute2: local is for this machine, a plain route without gateway for this link."""
    if kind == RTN_LOCAL:
        return RT_SCOPE_HOST
    if kind in (RTN_BROADCAST, RTN_ANYCAST, RTN_MULTICAST) or (kind == RTN_UNICAST and not via):
        return RT_SCOPE_LINK
    return RT_SCOPE_UNIVERSE


def _digits(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def rtmsg(family: int) -> netlink.Message:
    """An RTM_*ROUTE message of a family, AF_UNSPEC for all."""
    from pyroute2.netlink.rtnl import rtmsg as pyroute2_route  # late, as in netlink.decode

    message: netlink.Message = pyroute2_route.rtmsg()
    message["family"] = family
    return message
