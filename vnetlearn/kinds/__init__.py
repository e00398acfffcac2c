"""The catalogue of device types: what each one is, its parameters, and how those are spelled in Python and in `ip`.

A kind is one record; listing, documentation, drawing and tests walk the same records. To add one, write its record
in the module of its family: sharing (of a card), lan, tunnels, overlays, secure, buses. What goes over netlink is a
`nla.LinkMessage`, and `nla.Marshal` decodes it. Facts come from ip-link(8), iproute2's ip/iplink_*.c and ip/link_*.c,
and the kernel's include/uapi/linux/if_link.h, if_tunnel.h, if_macsec.h and can/netlink.h.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import UnknownKind
from . import translate
from .families import buses, lan, overlays, secure, sharing, tunnels
from .families.ports import PORTS
from .record import Kind, Param

__all__ = ["KINDS", "PORTS", "Kind", "Param", "checked", "decode", "encode", "kind", "parse", "words"]

# The order in which `vnetlearn kinds` lists them
_ORDER = [
    "bridge",
    "bond",
    "can",
    "dummy",
    "hsr",
    "ifb",
    "ipoib",
    "macvlan",
    "macvtap",
    "vcan",
    "veth",
    "vlan",
    "vxlan",
    "ip6tnl",
    "ipip",
    "sit",
    "gre",
    "gretap",
    "ip6gre",
    "ip6gretap",
    "vti",
    "nlmon",
    "ipvlan",
    "lowpan",
    "geneve",
    "macsec",
    "vrf",
    "tun",
]
_all = {kind.name: kind for family in (lan, sharing, overlays, tunnels, secure, buses) for kind in family.KINDS}

KINDS: dict[str, Kind] = {name: _all[name] for name in _ORDER}
"""All kinds by name."""


def kind(name: str | Kind) -> Kind:
    """The record of a kind, or of a port (bridge_slave, bond_slave).

    Raises UnknownKind, with the names that come close.
    """
    if isinstance(name, Kind):
        return name
    if name in KINDS or name in PORTS:
        return KINDS.get(name) or PORTS[name]
    close = difflib.get_close_matches(str(name), KINDS)
    raise UnknownKind(
        f"ip link add … type {name}",
        f"unknown kind {name!r}",
        f"the kinds are {', '.join(KINDS)}",
        f"did you mean {' or '.join(close)}?" if close else "ip link help; vnetlearn kinds",
    )


def encode(
    of: str | Kind,
    params: Mapping[str, Any],
    ifindex: Callable[[str], int],
    *,
    new: bool = True,
    current: Any = None,
) -> list[tuple[str, bytes]]:
    """See translate.encode; `ip link add … type KIND PARAMETERS`."""
    return translate.encode(kind(of), params, ifindex, new=new, current=current)


def decode(of: str | Kind, info_data: Any, ifname: Callable[[int], str]) -> dict[str, Any]:
    """See translate.decode; `ip -d link show`."""
    return translate.decode(kind(of), info_data, ifname)


def words(of: str | Kind, params: Mapping[str, Any]) -> list[str]:
    """See translate.words."""
    return translate.words(kind(of), params)


def parse(of: str | Kind, words: list[str]) -> dict[str, Any]:
    """See translate.parse."""
    return translate.parse(kind(of), words)


def checked(of: str | Kind, params: Mapping[str, Any], *, new: bool = True) -> dict[str, Any]:
    """See translate.checked."""
    return translate.checked(kind(of), params, new=new)
