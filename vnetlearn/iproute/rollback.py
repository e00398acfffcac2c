"""A link as it was before a change of several things, of which the kernel may refuse one when it has made others."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from socket import AF_UNSPEC
from typing import Any

from ..errors import NotFound, VnetlearnError
from . import linkinfo, names, netlink
from .addr import ifaddrmsg
from .linkmsg import CHANGEABLE, ifinfmsg, in_netns, read_link
from .namespace import Namespace, NetnsLike
from .neigh import PERMANENT, ndmsg
from .route import DEAD, LINKDOWN, rtmsg

# What a refused change may have changed, and what stands for "none" where the kernel tells nothing
ATTRIBUTES: dict[str, Any] = {
    "IFLA_IFNAME": "",
    "IFLA_ADDRESS": "",
    "IFLA_BROADCAST": "",
    "IFLA_MTU": 0,
    "IFLA_TXQLEN": 0,
    "IFLA_GROUP": 0,
    "IFLA_IFALIAS": "",
    "IFLA_MASTER": 0,
}
TOLD = DEAD | LINKDOWN  # flags of a route that the kernel tells, and does not take


class Before:
    """What there was of a link, `message` in the kernel's words, and the addresses, routes and permanent neighbours on
    it, which a link loses when it is moved or set down."""

    def __init__(self, namespace: Namespace, message: netlink.Message, netns: NetnsLike | None, tried: str) -> None:
        """`netns` is the namespace that it is to be moved to, or None. Raises `NotFound` when that is not there."""
        self._namespace, self._was = namespace, message
        self._name, self._index = message.get_attr("IFLA_IFNAME"), message["index"]
        self._on_it = list(self._all_on_it())
        self._there = None if netns is None else namespace.other(netns)
        try:
            self._others = set(names.every(self._there)) if self._there else set()
        except NotFound as error:
            error.tried = tried
            raise

    def restore(self) -> bool:
        """Take back what was changed; whether the kernel took that."""
        try:
            if self._there and self._index not in names.every(self._namespace):
                self._fetch(self._there)
            for message in self._way_back():
                self._namespace.request(netlink.NEWLINK, message)
        except (netlink.Refused, VnetlearnError, ValueError):  # the last: others made or took links there meanwhile
            return False
        for told in self._on_it * 2:  # twice: a route over a gateway needs the route to that
            try:
                self._namespace.rtnl.again(told)
            except netlink.Refused:
                pass  # it is still there
        return True

    def _fetch(self, there: Namespace) -> None:
        """Bring it back from the namespace that it was moved to, where it is the one that was not there before."""
        (index,) = names.every(there).keys() - self._others
        home = [in_netns(self._namespace), ("IFLA_IFNAME", self._name), ("IFLA_NEW_IFINDEX", self._index)]
        there.request(netlink.NEWLINK, ifinfmsg(home, index=index))

    def _way_back(self) -> Iterator[netlink.Message]:
        """The messages that make of the link as it is now the link that it was."""
        asked = ifinfmsg([], index=self._index)
        now = self._namespace.request(netlink.GETLINK, asked)[0]
        values = {
            one: (self._was.get_attr(one) or absent, now.get_attr(one) or absent) for one, absent in ATTRIBUTES.items()
        }
        message = ifinfmsg([(one, old) for one, (old, new) in values.items() if old != new], index=self._index)
        message["flags"], message["change"] = self._was["flags"], (self._was["flags"] ^ now["flags"]) & CHANGEABLE
        if message["attrs"] or message["change"]:
            yield message
        before, after = (read_link(m, self._namespace.name, self._name_of) for m in (self._was, now))
        info = self._was.get_attr("IFLA_LINKINFO")
        port = f"{info and info.get_attr('IFLA_INFO_SLAVE_KIND')}_slave"
        for of, old, new in (before.kind, before.params, after.params), (port, before.port, after.port):
            if changed := {key: value for key, value in old.items() if new.get(key) != value}:
                info = linkinfo.changed(self._namespace, of, changed, now, "")
                yield ifinfmsg([("IFLA_LINKINFO", info)], index=self._index)

    def _name_of(self, index: int) -> str:
        return names.name(self._namespace, index)

    def _all_on_it(self) -> Iterator[bytes]:
        """The kernel's own messages about them, which make them anew when they are sent back."""
        for answer in self._namespace.request(netlink.GETADDR, ifaddrmsg(), netlink.DUMP, bytes):
            if struct.unpack_from("=I", answer, 20)[0] == self._index:  # struct ifaddrmsg of rtnetlink(7)
                yield answer
        for answer in self._namespace.request(netlink.GETROUTE, rtmsg(AF_UNSPEC), netlink.DUMP, bytes):
            route = netlink.decode(answer)
            if (
                route["proto"] != netlink.RTPROT_KERNEL and route.get_attr("RTA_OIF") == self._index
            ):  # those come with the addresses
                flags = struct.unpack_from("=I", answer, 24)[0] & ~TOLD
                yield answer[:24] + struct.pack("=I", flags) + answer[28:]
        for answer in self._namespace.request(netlink.GETNEIGH, ndmsg(), netlink.DUMP, bytes):
            index, state = struct.unpack_from("=iH", answer, 20)  # struct ndmsg of rtnetlink(7)
            if index == self._index and state == PERMANENT:
                yield answer
