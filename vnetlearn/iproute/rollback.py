"""A link as it was before a change of several things, of which the kernel may refuse one when it has made others."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator
from socket import AF_UNSPEC

from ..errors import VnetlearnError
from . import linkinfo, names, netlink
from .addr import IFADDRMSG, ifaddrmsg
from .linkmsg import (
    CHANGEABLE,
    IFLA_ADDRESS,
    IFLA_BROADCAST,
    IFLA_GROUP,
    IFLA_IFALIAS,
    IFLA_INFO_SLAVE_KIND,
    IFLA_LINKINFO,
    IFLA_MASTER,
    IFLA_MTU,
    IFLA_NEW_IFINDEX,
    IFLA_TXQLEN,
    Told,
    ifinfmsg,
    ifinfmsg_with,
    in_netns,
    read_link,
    text_bytes,
)
from .namespace import Namespace, NetnsLike
from .neigh import PERMANENT, ndmsg
from .netlink import GETADDR, GETNEIGH, GETROUTE, IFLA_IFNAME, U32
from .route import DEAD, LINKDOWN, RTA_OIF, RTMSG, rtmsg

# What a refused change may have changed, and what stands for "none" where the kernel tells nothing
ATTRIBUTES = {
    IFLA_IFNAME: b"\0",
    IFLA_ADDRESS: b"",
    IFLA_BROADCAST: b"",
    IFLA_MTU: bytes(4),
    IFLA_TXQLEN: bytes(4),
    IFLA_GROUP: bytes(4),
    IFLA_IFALIAS: b"",
    IFLA_MASTER: bytes(4),
}
TOLD = DEAD | LINKDOWN  # flags of a route that the kernel tells, and does not take
FLAGS_AT = netlink.BODY + 8  # of struct rtmsg, rtnetlink(7)


class Before:
    """What there was of a link, in the kernel's words, and the addresses, routes and permanent neighbours on it, which
    it loses when it is moved or set down."""

    def __init__(self, namespace: Namespace, name: str, netns: NetnsLike | None) -> None:
        """`netns` is the namespace that it is to be moved to, or None."""
        self._namespace, self._name = namespace, name
        self._there = None if netns is None else namespace.other(netns)
        dumps = ((GETADDR, ifaddrmsg()), (GETROUTE, rtmsg(AF_UNSPEC)), (GETNEIGH, ndmsg()))
        self.questions = [(namespace.name, netlink.encode(kind, draft, netlink.DUMP)) for kind, draft in dumps]
        if self._there:
            self.questions.append((self._there.name, netlink.ALL_LINKS))

    def restore(self, told: netlink.Told) -> bool:
        """Take back what was changed, by what was told before; whether the kernel took that."""
        was = told.links[self._name]
        index = netlink.ifindex(was)
        addrs, routes, neighs, *others = told.answers
        try:
            if self._there and index not in names.every(self._namespace):
                self._fetch(self._there, index, names.of(others[0]).keys())
            for message in self._way_back(was, index):
                self._namespace.answers(netlink.NEWLINK, message)
        except (netlink.Refused, VnetlearnError, ValueError):  # the last: others made or took links there meanwhile
            return False
        on_it = [*_addrs(addrs, index), *_routes(routes, index), *_neighs(neighs, index)]
        netlink.ask_all(  # twice: a route over a gateway needs the route to that; what is still there is refused
            self._namespace.channel, [[(self._namespace.name, netlink.again(one))] for one in on_it * 2]
        )
        return True

    def _fetch(self, there: Namespace, index: int, others: Collection[int]) -> None:
        """Bring it back from the namespace that it was moved to, where it is the one that was not there before."""
        (moved,) = names.every(there).keys() - set(others)
        home: list[netlink.Attribute] = [
            in_netns(self._namespace),
            (IFLA_IFNAME, text_bytes(self._name)),
            (IFLA_NEW_IFINDEX, U32.pack(index)),
        ]
        there.answers(netlink.NEWLINK, ifinfmsg(home, index=moved))

    def _way_back(self, old: bytes, index: int) -> Iterator[netlink.Draft]:
        """The messages that make of the link as it is now the link that it was."""
        new = self._namespace.told([(self._namespace.name, netlink.link_with(index))]).answers[0][0]
        was, now = Told.of(old), Told.of(new)
        values = {
            one: (was.attributes.get(one, none), now.attributes.get(one, none)) for one, none in ATTRIBUTES.items()
        }
        attributes = [(one, before) for one, (before, after) in values.items() if before != after]
        change = (was.flags ^ now.flags) & CHANGEABLE
        if attributes or change:
            yield ifinfmsg_with(attributes, index, was.flags, change)
        here = names.every(self._namespace)
        before, after = (read_link(one, self._namespace.name, lambda i: here.get(i, "")) for one in (old, new))
        port = netlink.text(was.info.get(IFLA_INFO_SLAVE_KIND, b"").rstrip(b"\0")) + "_slave"
        for of, first, then in (before.kind, before.params, after.params), (port, before.port, after.port):
            if changed := {key: value for key, value in first.items() if then.get(key) != value}:
                yield ifinfmsg([(IFLA_LINKINFO, linkinfo.changed(of, changed, new, ""))], index=index)


# The kernel's own messages about what is on a link, which make it anew when they are sent back


def _addrs(messages: Iterable[bytes], index: int) -> Iterator[bytes]:
    return (one for one in messages if IFADDRMSG.unpack_from(one, netlink.BODY)[4] == index)


def _routes(messages: Iterable[bytes], index: int) -> Iterator[bytes]:
    for one in messages:
        _, _, _, _, _, protocol, _, _, flags = RTMSG.unpack_from(one, netlink.BODY)
        out = netlink.attributes(one, netlink.BODY + RTMSG.size).get(RTA_OIF)
        if protocol != netlink.RTPROT_KERNEL and out == U32.pack(index):  # those come with the addresses
            yield one[:FLAGS_AT] + U32.pack(flags & ~TOLD) + one[FLAGS_AT + 4 :]


def _neighs(messages: Iterable[bytes], index: int) -> Iterator[bytes]:
    for one in messages:
        where, state = struct.unpack_from("=iH", one, netlink.BODY + 4)  # struct ndmsg of rtnetlink(7)
        if where == index and state == PERMANENT:
            yield one
