"""The settings of a link as a port of its master: `ip link set dev PORT type bridge_slave|bond_slave …`.

They travel in IFLA_INFO_SLAVE_DATA, for which pyroute2 has the classes. Facts: ip-link(8), BRIDGE_SLAVE and
BOND_SLAVE Type Support; iproute2's ip/iplink_bridge_slave.c and iplink_bond_slave.c.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import BadParameter
from .values import Number, Switch, Value, choice

_STATES = choice("disabled", "listening", "learning", "forwarding", "blocking")

PORTS: dict[str, dict[str, tuple[str, Value]]] = {
    "bridge_slave": {
        "state": ("IFLA_BRPORT_STATE", Number(0, 4, _STATES.numbers)),
        "priority": ("IFLA_BRPORT_PRIORITY", Number(0, 63)),
        "cost": ("IFLA_BRPORT_COST", Number(1, 65535)),
        "mcast_router": ("IFLA_BRPORT_MULTICAST_ROUTER", Number(0, 2)),
        "group_fwd_mask": ("IFLA_BRPORT_GROUP_FWD_MASK", Number(0, 0xFFFF, hexadecimal=True)),
        **{
            word: (f"IFLA_BRPORT_{attribute}", Switch())
            for word, attribute in {
                "hairpin": "MODE", "guard": "GUARD", "root_block": "PROTECT", "fastleave": "FAST_LEAVE",
                "learning": "LEARNING", "flood": "UNICAST_FLOOD", "proxy_arp": "PROXYARP",
                "proxy_arp_wifi": "PROXYARP_WIFI", "mcast_flood": "MCAST_FLOOD", "bcast_flood": "BCAST_FLOOD",
                "mcast_to_unicast": "MCAST_TO_UCAST", "neigh_suppress": "NEIGH_SUPPRESS", "vlan_tunnel": "VLAN_TUNNEL",
                "isolated": "ISOLATED", "locked": "LOCKED",
            }.items()
        },
    },
    "bond_slave": {"queue_id": ("IFLA_BOND_SLAVE_QUEUE_ID", Number(0, 0xFFFF))},
}  # fmt: skip
"""For each kind of port its parameters: ip's word, the attribute, and what the value may be."""


def encode_port(port: str, params: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The attributes of IFLA_INFO_SLAVE_DATA. Raises BadParameter."""
    return [(_param(port, word)[0], _number(port, word, value)) for word, value in params.items()]


def port_words(port: str, params: Mapping[str, Any]) -> list[str]:
    """What follows `type bridge_slave` in the command."""
    found: list[str] = []
    for word, value in params.items():
        found += _param(port, word)[1].words(word, _checked(port, word, value))
    return found


def decode_port(port: str, data: Any, ifname: Callable[[int], str]) -> dict[str, Any]:
    """A port's settings from a dump, under ip's words."""
    found = {}
    for word, (attribute, value) in PORTS[port].items():
        number = data.get_attr(attribute)
        if number is not None:
            found[word] = value.named(number)  # type: ignore[attr-defined]
    return found


def _param(port: str, word: str) -> tuple[str, Value]:
    if word not in PORTS[port]:
        close = difflib.get_close_matches(word, PORTS[port])
        raise BadParameter(f"ip link set … type {port} {word}", f"{port} has no parameter {word!r}",
                           f"{port} has {', '.join(PORTS[port])}", f"did you mean {close[0]}?" if close else "")  # fmt: skip
    return PORTS[port][word]


def _checked(port: str, word: str, value: Any) -> Any:
    try:
        return _param(port, word)[1].check(value)
    except ValueError as error:
        raise BadParameter(f"ip link set … type {port} {word} {value}", f"{word} {error}") from None


def _number(port: str, word: str, value: Any) -> int:
    return int(_param(port, word)[1].number(_checked(port, word, value)))  # type: ignore[attr-defined]
