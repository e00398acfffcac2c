"""The catalogue of device types: what each one is, its parameters, and how those are spelled in Python and in `ip`.

A kind is one record, with its scene beside it; listing, pictures, scripts, journeys, explorers and tests walk the same
records. To add one, write it in a module of `families/`: sharing (of a card; vlan), lan, tunnels, gre, overlays, secure
(macsec, tun), buses; for one program alone, `KINDS[record.name] = record` does. What goes over netlink is a
`nla.LinkMessage`, and `nla.Marshal` decodes it. Facts come from ip-link(8), iproute2's ip/iplink_*.c and
ip/link_*.c, and the kernel's include/uapi/linux/if_link.h, if_tunnel.h, if_macsec.h and can/netlink.h.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..errors import UnknownKind, close_to, did_you_mean
from . import translate
from .families import buses, gre, lan, others, overlays, secure, sharing, tunnels
from .families.ports import PORTS
from .places import IndexOf
from .record import Kind, Param
from .translate import Checked, InfoData
from .values import ParamValue

__all__ = [
    "KINDS",
    "OTHERS",
    "PORTS",
    "Checked",
    "InfoData",
    "Kind",
    "Param",
    "ParamValue",
    "checked",
    "decode",
    "encode",
    "every",
    "find",
    "kind",
    "parse",
    "unusual",
    "words",
]

# The order in which ip-link(8) lists them, and so `vnetlearn kinds`; those that are not here come after
_LISTED = (
    "bridge bond can dummy hsr ifb ipoib macvlan macvtap vcan veth vlan vxlan ip6tnl ipip sit gre gretap ip6gre"
    " ip6gretap vti nlmon ipvlan lowpan geneve macsec vrf tun"
).split()


def _place(kind: Kind) -> int:
    return _LISTED.index(kind.name) if kind.name in _LISTED else len(_LISTED)


_FAMILIES = (lan, sharing, overlays, tunnels, gre, secure, buses)

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in sorted((one for family in _FAMILIES for one in family.KINDS), key=_place)
}
"""All kinds by name."""

OTHERS: dict[str, Kind] = {kind.name: kind for kind in others.KINDS}
"""Those that are not taught, but known when they are met."""


def kind(name: str | Kind) -> Kind:
    """The record of a kind, or of a port (bridge_slave, bond_slave).

    Raises UnknownKind, with the names that come close.
    """
    if isinstance(name, Kind):
        return name
    if name in KINDS or name in PORTS:
        return KINDS.get(name) or PORTS[name]
    raise UnknownKind(
        f"ip link add … type {name}",
        f"unknown kind {name!r}",
        f"the kinds are {', '.join(KINDS)}",
        did_you_mean(close_to(str(name), KINDS), "ip link help; vnetlearn kinds"),
    )


def find(name: str) -> Kind | None:
    """What is known of the kind of a link that was met; None for a card, a loopback, and what nothing knows."""
    return KINDS.get(name) or OTHERS.get(name)


def every() -> tuple[Kind, ...]:
    """All kinds of which something is known, those that are taught first."""
    return (*KINDS.values(), *(one for one in OTHERS.values() if one.name not in KINDS))


def unusual(of: str, params: Mapping[str, ParamValue]) -> dict[str, ParamValue]:
    """Of a link's or a port's parameters those that are not the usual ones of its kind."""
    found = find(of) or PORTS.get(of)
    return found.unusual(params) if found else dict(params)


def encode(
    of: str | Kind,
    params: Mapping[str, ParamValue | None],
    ifindex: Callable[[str], int | IndexOf],
    *,
    new: bool = True,
    current: InfoData | None = None,
) -> list[tuple[str, bytes]]:
    """See translate.encode; `ip link add … type KIND PARAMETERS`."""
    return translate.encode(kind(of), params, ifindex, new=new, current=current)


def decode(of: str | Kind, info_data: InfoData | None, ifname: Callable[[int], str]) -> dict[str, ParamValue]:
    """See translate.decode; `ip -d link show`."""
    return translate.decode(kind(of), info_data, ifname)


def words(of: str | Kind, params: Mapping[str, ParamValue | None]) -> list[str]:
    """See translate.words."""
    return translate.words(kind(of), params)


def parse(of: str | Kind, words: list[str]) -> dict[str, ParamValue]:
    """See translate.parse."""
    return translate.parse(kind(of), words)


def checked(of: str | Kind, params: Mapping[str, ParamValue | None], *, new: bool = True) -> Checked:
    """See translate.checked."""
    return translate.checked(kind(of), params, new=new)
