"""What ICMP errors and redirects mean, in the words of ping(8)."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

from ipaddress import IPv4Address

# RFC 792, RFC 1122, RFC 1812 by type and code; {info}: the MTU of the next link
V4 = {
    (3, 0): "Destination Net Unreachable",
    (3, 1): "Destination Host Unreachable",
    (3, 2): "Destination Protocol Unreachable",
    (3, 3): "Destination Port Unreachable",
    (3, 4): "Frag needed and DF set (mtu = {info})",
    (3, 5): "Source Route Failed",
    (3, 6): "Destination Net Unknown",
    (3, 7): "Destination Host Unknown",
    (3, 8): "Source Host Isolated",
    (3, 9): "Destination Net Prohibited",
    (3, 10): "Destination Host Prohibited",
    (3, 11): "Destination Net Unreachable for Type of Service",
    (3, 12): "Destination Host Unreachable for Type of Service",
    (3, 13): "Packet filtered",
    (3, 14): "Precedence Violation",
    (3, 15): "Precedence Cutoff",
    (4, 0): "Source Quench",
    (5, 0): "Redirect Network(New nexthop: {gateway})",
    (5, 1): "Redirect Host(New nexthop: {gateway})",
    (5, 2): "Redirect Type of Service and Network(New nexthop: {gateway})",
    (5, 3): "Redirect Type of Service and Host(New nexthop: {gateway})",
    (11, 0): "Time to live exceeded",
    (11, 1): "Frag reassembly time exceeded",
    (12, 0): "Parameter problem: pointer = {info}",
}
# RFC 4443
V6 = {
    (1, 0): "Destination unreachable: No route",
    (1, 1): "Destination unreachable: Administratively prohibited",
    (1, 2): "Destination unreachable: Beyond scope of source address",
    (1, 3): "Destination unreachable: Address unreachable",
    (1, 4): "Destination unreachable: Port unreachable",
    (1, 5): "Destination unreachable: Source address failed ingress/egress policy",
    (1, 6): "Destination unreachable: Reject route to destination",
    (2, 0): "Packet too big: mtu={info}",
    (3, 0): "Time exceeded: Hop limit",
    (3, 1): "Time exceeded: Defragmentation failure",
    (4, 0): "Parameter problem: Wrong header field at {info}",
    (4, 1): "Parameter problem: Unknown header at {info}",
    (4, 2): "Parameter problem: Unknown option at {info}",
}


def words(address: str, kind: int, code: int, info: int) -> str:
    """What was reported of a packet to that address; `info` is the number in the message (an MTU, a gateway)."""
    table = V6 if ":" in address else V4
    said = table.get((kind, code), f"ICMP type {kind}, code {code}")
    return said.format(info=info, gateway=IPv4Address(info))
