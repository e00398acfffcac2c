"""`ip route`: the routes of one namespace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..display.table import Table
from ..errors import BadParameter
from . import checks, netlink
from .addr import SCOPES

if TYPE_CHECKING:
    from ..lab.lab import Node

TYPES = {
    1: "unicast",
    2: "local",
    3: "broadcast",
    4: "anycast",
    5: "multicast",
    6: "blackhole",
    7: "unreachable",
    8: "prohibit",
    9: "throw",
    10: "nat",
}
TABLES = {255: "local", 254: "main", 253: "default"}
KERNEL = 2
PROTOCOLS = {1: "redirect", KERNEL: "kernel", 3: "boot", 4: "static", 9: "ra", 16: "dhcp"}
DEAD, ONLINK, LINKDOWN, CLONED = 1, 4, 16, 0x200
NO_DEVICE = (6, 7, 8, 9)  # types that lead nowhere


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


class Routes:
    """`node.route`: equal to `ip route` in the node's namespace."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def add(self, dst: str, **how: Any) -> None:
        """`ip route add [TYPE] DST [via GW] [dev DEV] [src ADDR] [metric N] [table T] [scope S] [mtu N] [onlink]`.

        `dst` is "default", an address or `address/length`; `type` one of unicast, local, blackhole, unreachable,
        prohibit, throw; `table` a name (main, local, default) or a number. A route without `via` has scope link, as
        with `ip`. Raises `BadParameter`, `NotFound`, `KernelRefused`; then nothing has changed.
        """
        self._change("add", dst, netlink.NEWROUTE, netlink.CREATE | netlink.EXCL, how)

    def replace(self, dst: str, **how: Any) -> None:
        """`ip route replace …`: as `add`, in place of a route with the same destination and metric."""
        self._change("replace", dst, netlink.NEWROUTE, netlink.CREATE | netlink.REPLACE, how)

    def delete(self, dst: str, **how: Any) -> None:
        """`ip route delete DST […]`: the first route that fits what is given."""
        self._change("delete", dst, netlink.DELROUTE, 0, how)

    def show(self, *, table: str | int = "main", dev: str | None = None, family: int | None = None) -> Table[Route]:
        """`ip [-4|-6] route show table TABLE [dev DEV]`; `table="all"` for all, `family` 4 or 6, both by default."""
        names = self._node.link.names()
        message = rtmsg(0)
        routes = (
            read_route(m, self._node.name, names)
            for m in self._node.dump(netlink.GETROUTE, message)
            if not m["flags"] & CLONED and (family is None or m["family"] == {4: 2, 6: 10}[family])
        )
        return Table(r for r in routes if table in ("all", r.table, _digits(r.table)) and dev in (None, r.dev))

    def get(self, dst: str, *, src: str | None = None) -> Route:
        """The kernel's own choice for one address: `ip route get DST [from SRC]`. Raises `KernelRefused`."""
        words = ["route", "get", str(dst), *(["from", src] if src else [])]
        tried = self._node.spell(words)
        family, address = checks.address(dst, tried)
        message = rtmsg(family)
        message["dst_len"] = 32 if family == 2 else 128
        message["attrs"] = [("RTA_DST", address)]
        if src:
            message["src_len"], source = message["dst_len"], checks.address(src, tried, family)[1]
            message["attrs"].append(("RTA_SRC", source))
        answers = self._node.explained(words, netlink.GETROUTE, message, 0)
        return read_route(answers[0], self._node.name, self._node.link.names())

    def _change(self, verb: str, dst: str, kind: int, flags: int, how: dict[str, Any]) -> None:
        words = ["route", verb, *([how["type"]] if "type" in how else []), str(dst)]
        for key, value in how.items():
            if key == "onlink":
                words += ["onlink"] if value else []
            elif key != "type":
                words += ["proto" if key == "protocol" else key, str(value)]
        tried = self._node.spell(words)
        unknown = set(how) - {"via", "dev", "src", "metric", "table", "scope", "mtu", "onlink", "type", "protocol"}
        if unknown:
            raise BadParameter(
                tried,
                f'"{unknown.pop()}" is unknown',
                "a route has no such parameter",
                "it has: via, dev, src, metric, table, scope, mtu, onlink, type, protocol",
            )
        if dst == "default":
            family, address, length = checks.address(how["via"], tried)[0] if "via" in how else 2, "", 0
        else:
            family, address, length = checks.network(dst, tried)
        message = rtmsg(family)
        message["dst_len"] = length
        message["attrs"] = [("RTA_DST", address)] if length else []
        self._fill(message, how, verb, tried)
        if verb == "add" and message["family"] == 10:
            flags |= netlink.EXCL
        self._node.change(words, kind, message, netlink.ACK | flags)

    def _fill(self, message: Any, how: dict[str, Any], verb: str, tried: str) -> None:
        kind = checks.one_of(how.get("type", "unicast"), TYPES, "type", tried)
        table = checks.one_of(how.get("table", "local" if kind == 2 else "main"), TABLES, "table", tried)
        message["type"] = 0 if verb == "delete" and "type" not in how else kind
        message["table"] = table if table < 256 else 252
        message["proto"] = (
            0
            if verb == "delete" and "protocol" not in how
            else checks.one_of(how.get("protocol", "boot"), PROTOCOLS, "protocol", tried)
        )
        if "scope" in how:
            message["scope"] = checks.one_of(how["scope"], SCOPES, "scope", tried)
        elif message["family"] == 2:
            message["scope"] = 255 if verb == "delete" else _default_scope(kind, "via" in how)
        attributes: list[tuple[str, Any]] = [("RTA_TABLE", table)]
        if "via" in how:
            attributes.append(("RTA_GATEWAY", checks.address(how["via"], tried, message["family"])[1]))
        if "src" in how:
            attributes.append(("RTA_PREFSRC", checks.address(how["src"], tried, message["family"])[1]))
        if "dev" in how:
            attributes.append(("RTA_OIF", self._node.link.index(how["dev"], tried)))
        if "metric" in how:
            attributes.append(("RTA_PRIORITY", checks.number(how["metric"], "metric", tried)))
        if "mtu" in how:
            metrics = {"attrs": [("RTAX_MTU", checks.number(how["mtu"], "mtu", tried))]}
            attributes.append(("RTA_METRICS", metrics))
        if how.get("onlink"):
            message["flags"] = ONLINK
        message["attrs"] += attributes


def read_route(message: Any, netns: str, names: dict[int, str]) -> Route:
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
        scope=SCOPES.get(message["scope"], str(message["scope"])) if message["family"] == 2 else "global",
        type=TYPES.get(message["type"], str(message["type"])),
        protocol=PROTOCOLS.get(message["proto"], str(message["proto"])),
        flags=tuple(name for name, bit in flags if message["flags"] & bit),
        mtu=(metrics and metrics.get_attr("RTAX_MTU")) or 0,
        family="inet" if message["family"] == 2 else "inet6",
    )


def _default_scope(kind: int, via: bool) -> int:
    """As iproute.c of iproute2: local is for this machine, a plain route without gateway for this link."""
    if kind == 2:
        return 254
    if kind in (3, 4, 5) or (kind == 1 and not via):
        return 253
    return 0


def _digits(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def rtmsg(family: int) -> Any:
    from pyroute2.netlink.rtnl.rtmsg import rtmsg as message_class

    message = message_class()
    message["family"] = family
    return message
