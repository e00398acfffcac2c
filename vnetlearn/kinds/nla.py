"""The catalogue's netlink attributes as pyroute2 classes: each attribute's content is its raw bytes.

One source for all kinds: what the bytes mean is in the catalogue (places.py), and nowhere else. pyroute2 has classes
of its own for most kinds, without the newer attributes, and none for macsec and hsr. Those stay as they are, for
whoever uses pyroute2 in the same process: `LinkMessage` is a class beside its ifinfmsg, and `Marshal` decodes to it.
"""

from __future__ import annotations

import functools
from typing import Protocol

from pyroute2.netlink import NLA_F_NESTED, nla, nlmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfbase
from pyroute2.netlink.rtnl.marshal import MarshalRtnl

from . import KINDS, PORTS, Kind
from .places import address_text, mac_bytes


class _Marked(nla.cdata):  # type: ignore[misc]
    nla_flags = NLA_F_NESTED


@functools.cache
def _class_of(kind: Kind) -> type:
    rows = [(kind.numbers[name], name, "marked" if name in kind.nested else "cdata") for name in kind.attributes]
    return type(kind.name, (nla,), {"nla_map": tuple(rows), "marked": _Marked})


def _content(kind: Kind | None, otherwise: type) -> type:
    """What a link's parameters are made of: of a pair, the message of the other end."""
    if kind is not None and kind.pair:
        return ifinfbase.ifinfo.veth_data  # type: ignore[no-any-return]
    return _class_of(kind) if kind is not None and kind.attributes else otherwise


class _Address(nla.cdata):  # type: ignore[misc]
    """A hardware address of any length; of a tunnel that is the IP address it sends from (iproute2's lib/ll_addr.c)."""

    def encode(self) -> None:
        self["value"] = mac_bytes(self.value)
        super().encode()

    def decode(self) -> None:
        super().decode()
        data = bytes(self["value"])
        self.value = address_text(data) if len(data) in (4, 16) else data.hex(":")


class _LinkInfo(Protocol):
    """What is asked of an IFLA_LINKINFO that is being decoded or put together."""

    hex: type

    def get_attr(self, name: str) -> str | None: ...


class LinkMessage(ifinfbase, nlmsg):  # type: ignore[misc]
    """An RTM_*LINK message (rtnetlink(7)) whose IFLA_INFO_DATA is the catalogue's; veth's is pyroute2's."""

    l2addr = _Address

    class ifinfo(nla):  # type: ignore[misc]
        nla_map = ifinfbase.ifinfo.nla_map

        @staticmethod
        def info_data(self: _LinkInfo, *args: object, **more: object) -> type:
            return _content(KINDS.get(self.get_attr("IFLA_INFO_KIND") or ""), self.hex)

        @staticmethod
        def info_slave_data(self: _LinkInfo, *args: object, **more: object) -> type:
            return _content(PORTS.get(f"{self.get_attr('IFLA_INFO_SLAVE_KIND')}_slave"), self.hex)


class Marshal(MarshalRtnl):  # type: ignore[misc]
    """Decodes rtnetlink as pyroute2's own does, and link messages to `LinkMessage`."""

    msg_map = {**MarshalRtnl.msg_map, **dict.fromkeys((16, 17, 18, 19), LinkMessage)}  # noqa: RUF012
