"""Where a packet was meant to go: who has its destination, in the topology as it was read."""

from __future__ import annotations

from ipaddress import ip_interface

from ..topology.model import Snapshot
from .keys import solicited
from .model import Seen


def at_home(topology: Snapshot, one: Seen) -> bool:
    """Whether the packet's destination is in the namespace where it was seen."""
    last, ip, netns = one.peeled.layers[-1], one.peeled.ip, one.place[0]
    if one.peeled.sealed or one.peeled.depth:
        return False
    if ip is not None:
        dst = ip.text("dst")
        group = dst.startswith("ff") or _multicast(dst) or broadcast(topology, netns, dst)
        return (group and last.name != "ICMPv6") or owns(topology, netns, solicited(one.peeled.key) or dst)
    if last.name == "ARP":
        return owns(topology, netns, last.text("dst"))
    return True  # CAN and other frames are for who hears them


def owns(topology: Snapshot, netns: str, address: str) -> bool:
    return any(a.local == address for key, some in topology.addrs.items() if key[0] == netns for a in some)


def broadcast(topology: Snapshot, netns: str, address: str) -> bool:
    """Whether an address means all machines of a network that this namespace is in."""
    if address == "255.255.255.255":
        return True
    here = (
        ip_interface(str(a)).network
        for key, some in topology.addrs.items()
        if key[0] == netns
        for a in some
        if a.family == "inet"
    )
    return any(str(net.broadcast_address) == address for net in here if net.prefixlen < 31)  # RFC 3021: /31 has none


def _multicast(address: str) -> bool:
    return "." in address and 224 <= int(address.split(".")[0]) < 240
