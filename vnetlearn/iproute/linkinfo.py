"""IFLA_LINKINFO: what a link message says of a kind's own parameters (rtnetlink(7))."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from .. import kinds
from ..errors import VnetlearnError
from ..kinds import InfoData, ParamValue
from ..kinds.places import IndexOf
from . import linkmsg
from .linkmsg import IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_INFO_SLAVE_DATA, IFLA_INFO_SLAVE_KIND, text_bytes
from .netlink import NESTED, Attribute

Own: TypeAlias = "Mapping[str, ParamValue | None]"


def encoded(
    kind: str | kinds.Kind, own: Own, tried: str, *, new: bool = True, current: InfoData | None = None
) -> list[Attribute]:
    """The attributes of IFLA_INFO_DATA; an error names the whole command that was tried."""
    record = kinds.kind(kind)
    try:
        made = kinds.encode(record, own, IndexOf, new=new, current=current)
    except VnetlearnError as error:
        error.tried = tried
        raise
    return [(record.numbers[name] | (NESTED if name in record.nested else 0), content) for name, content in made]


def of_new(kind: str, data: Sequence[Attribute]) -> list[Attribute]:
    """For a link that is to be made; `data` are the attributes of IFLA_INFO_DATA."""
    said: list[Attribute] = [(IFLA_INFO_DATA, data)] if data else []
    return [(IFLA_INFO_KIND, text_bytes(kind)), *said]


def changed(kind: str, own: Own, link: bytes | None, tried: str) -> list[Attribute]:
    """For a change of an existing link, of which `link` is the kernel's message, for a kind that is `whole`."""
    record = kinds.kind(kind)
    current = None
    if record.whole and link:  # its kernel code takes what is not sent as 0, so all is sent back, as ip does
        current = linkmsg.Told.of(link).params(record)
    data = encoded(record, own, tried, new=False, current=current)
    attributes: list[Attribute] = [(IFLA_INFO_KIND, text_bytes(kind))]
    if kind in kinds.PORTS:
        attributes.append((IFLA_INFO_SLAVE_KIND, text_bytes(kind[: -len("_slave")])))
    if data:
        attributes.append((IFLA_INFO_SLAVE_DATA if kind in kinds.PORTS else IFLA_INFO_DATA, data))
    return attributes
