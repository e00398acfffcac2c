"""The catalogue's netlink attributes as pyroute2 classes: each attribute's content is its raw bytes.

One source for all kinds: what the bytes mean is in the catalogue (places.py), and nowhere else. pyroute2 has classes
of its own for most kinds, without the newer attributes, and none for macsec and hsr.
"""

from __future__ import annotations

from pyroute2.netlink import NLA_F_NESTED, nla
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from . import KINDS
from .numbers import NESTED, NUMBERS


class _Bytes(nla.cdata):  # type: ignore[misc]
    pass


class _NestedBytes(nla.cdata):  # type: ignore[misc]
    nla_flags = NLA_F_NESTED


def register() -> None:
    """Make pyroute2 encode and decode IFLA_INFO_DATA of all kinds with the catalogue's attributes.

    Except veth's, whose one attribute is a whole link message that pyroute2 knows.
    """
    ifinfmsg.ifinfo.register_link_kind(
        module={
            kind.name: type(
                kind.name,
                (nla,),
                {
                    "nla_map": tuple(
                        (NUMBERS[name], name, "nested" if name in NESTED else "bytes") for name in kind.attributes
                    ),
                    "bytes": _Bytes,
                    "nested": _NestedBytes,
                },
            )
            for kind in KINDS.values()
            if kind.attributes
        }
    )
