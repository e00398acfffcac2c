"""Names and numbers of links: which index a namespace knows a link by, and the other way round."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TypeVar

from ..errors import NotFound
from . import netlink
from .linkmsg import ifinfmsg
from .namespace import Namespace

T = TypeVar("T")


def index(namespace: Namespace, name: str, tried: str) -> int:
    """The number by which a namespace knows a link. Raises `NotFound`."""
    return message(namespace, name, tried, netlink.ifindex)


def message(namespace: Namespace, name: str, tried: str, read: Callable[[bytes], T]) -> T:
    """What the kernel says of one link, as `read` makes it of the message's bytes. Raises `NotFound`."""
    wanted = ifinfmsg([("IFLA_IFNAME", str(name))])
    try:
        return namespace.request(netlink.GETLINK, wanted, netlink.ACK, read)[0]
    except netlink.Refused as error:
        if error.errno not in (errno.ENODEV, errno.ERANGE, errno.EINVAL):
            raise
        raise _missing(namespace, name, tried) from None


def every(namespace: Namespace) -> dict[int, str]:
    """The names of all links, by their index."""
    both = namespace.request(
        netlink.GETLINK, ifinfmsg([]), netlink.DUMP, lambda a: (netlink.ifindex(a), netlink.ifname(a))
    )
    return dict(both)


def name(namespace: Namespace, index: int) -> str:
    """The name of the link with this index; "" for 0, and as `ip` has it `ifN` for one that is not there."""
    if not index:
        return ""
    wanted = ifinfmsg([], index=index)
    try:
        return namespace.request(netlink.GETLINK, wanted, netlink.ACK, netlink.ifname)[0]
    except netlink.Refused:
        return f"if{index}"


def _missing(namespace: Namespace, name: str, tried: str) -> NotFound:
    there = ", ".join(every(namespace).values()) or "no link at all"
    where = f"namespace {namespace.name!r}" if namespace.name else "the lab's first namespace"
    return NotFound(
        tried,
        f'Cannot find device "{name}"',
        f"{where} has {there}",
        "check the name, and in which namespace the link is",
    )
