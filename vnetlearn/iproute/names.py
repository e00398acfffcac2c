"""Names and numbers of links: which index a namespace knows a link by, and the other way round."""

from __future__ import annotations

from collections.abc import Iterable

from . import netlink
from .namespace import Namespace


def index(namespace: Namespace, name: str, tried: str) -> int:
    """The number by which a namespace knows a link. Raises `NotFound`."""
    return netlink.ifindex(message(namespace, name, tried))


def message(namespace: Namespace, name: str, tried: str) -> bytes:
    """What the kernel says of one link. Raises `NotFound`."""
    return namespace.told([(namespace.name, netlink.link_named(str(name)))], tried=tried).answers[0][0]


def every(namespace: Namespace) -> dict[int, str]:
    """The names of all links, by their index."""
    return of(namespace.told([(namespace.name, netlink.ALL_LINKS)]).answers[0])


def of(messages: Iterable[bytes]) -> dict[int, str]:
    """The names of links, by their index, from the kernel's messages about them."""
    return {netlink.ifindex(one): netlink.ifname(one) for one in messages}


def named(namespace: Namespace, indices: Iterable[int]) -> dict[int, str]:
    """The names of links by their indices; as `ip` has it `ifN` for one that is not there."""
    asked = list(dict.fromkeys(indices))
    questions = [[(namespace.name, netlink.link_with(index))] for index in asked]
    found = netlink.ask_all(namespace.channel, questions)
    return {
        index: f"if{index}" if isinstance(one, OSError) else netlink.ifname(one.answers[0][0])
        for index, one in zip(asked, found, strict=True)
    }
