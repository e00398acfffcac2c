"""IFLA_LINKINFO: what a link message says of a kind's own parameters (rtnetlink(7))."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from .. import kinds
from ..errors import VnetlearnError
from ..kinds import InfoData, ParamValue
from . import names, netlink
from .namespace import Namespace

Own: TypeAlias = "Mapping[str, ParamValue | None]"
Attribute: TypeAlias = tuple[str, object]


def encoded(
    namespace: Namespace,
    kind: str | kinds.Kind,
    own: Own,
    tried: str,
    *,
    new: bool = True,
    current: InfoData | None = None,
) -> list[tuple[str, bytes]]:
    """The attributes of IFLA_INFO_DATA; an error names the whole command that was tried."""
    try:
        return kinds.encode(kind, own, lambda name: names.index(namespace, name, tried), new=new, current=current)
    except VnetlearnError as error:
        error.tried = tried
        raise


def of_new(kind: str, data: Sequence[Attribute]) -> dict[str, list[Attribute]]:
    """For a link that is to be made; `data` are the attributes of IFLA_INFO_DATA."""
    said: list[Attribute] = [("IFLA_INFO_DATA", {"attrs": data})] if data else []
    return {"attrs": [("IFLA_INFO_KIND", kind), *said]}


def changed(namespace: Namespace, kind: str, own: Own, link: netlink.Message, tried: str) -> dict[str, list[Attribute]]:
    """For a change of an existing link, of which `link` is the kernel's message."""
    current = None
    if kinds.kind(kind).whole:  # its kernel code takes what is not sent as 0, so all is sent back, as ip does
        info = link.get_attr("IFLA_LINKINFO")
        current = info and info.get_attr("IFLA_INFO_DATA")
    data = encoded(namespace, kind, own, tried, new=False, current=current)
    attributes: list[Attribute] = [("IFLA_INFO_KIND", kind)]
    if kind in kinds.PORTS:
        attributes.append(("IFLA_INFO_SLAVE_KIND", kind[: -len("_slave")]))
    if data:
        attributes.append(("IFLA_INFO_SLAVE_DATA" if kind in kinds.PORTS else "IFLA_INFO_DATA", {"attrs": data}))
    return {"attrs": attributes}
