"""How the bytes of a frame are to be read: from the kernel's hardware types to pcap's link types, and on to Scapy.

Sources: linux/if_arp.h; https://www.tcpdump.org/linktypes.html; libpcap's pcap-linux.c, which does the same.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scapy.packet import Packet

ETHERNET, RAW, COOKED, CAN, NETLINK = 1, 101, 113, 227, 253
IEEE802_15_4, IEEE802_15_4_NOFCS = 195, 230

# By ARPHRD_…: pcap's LINKTYPE_…; tunnels of IP and tun links have no header of their own (ip_tunnel_header_ops)
BY_HATYPE = {
    1: ETHERNET,
    772: ETHERNET,
    280: CAN,
    519: RAW,
    768: RAW,
    769: RAW,
    776: RAW,
    778: RAW,
    804: IEEE802_15_4_NOFCS,
    805: IEEE802_15_4,
    823: RAW,
    824: NETLINK,
    825: RAW,
    65534: RAW,
}
CAN_FD, CAN_FD_FLAG = 0x000D, 0x04  # ETH_P_CANFD; CANFD_FDF in linux/can.h


def linktype(hatype: int) -> int:
    """The link type of hardware of which pcap has none of its own is Linux cooked capture."""
    return BY_HATYPE.get(hatype, COOKED)


def as_pcap(kind: int, hatype: int, protocol: int, pkttype: int, address: bytes, data: bytes) -> bytes:
    """A frame's bytes as its link type has them, from those that the kernel gives."""
    if kind == CAN and len(data) >= 6:  # the identifier is in network order there, and CAN FD has a flag
        flags = data[5] | (CAN_FD_FLAG if protocol == CAN_FD else 0)
        return struct.pack(">IBB", struct.unpack_from("=I", data)[0], data[4], flags) + data[6:]
    if kind in (NETLINK, COOKED):  # for netlink the "protocol" is its family
        return struct.pack(">HHH8sH", pkttype, hatype, len(address), address, protocol) + data
    return data


def packet(kind: int, data: bytes) -> Packet:
    """The bytes as a Scapy packet."""
    _learn()
    from scapy.config import conf
    from scapy.packet import Raw

    made: Packet = conf.l2types.num2layer.get(kind, Raw)(data)
    return made


def _learn() -> None:
    """Scapy knows a header, also one inside another, once its module is imported."""
    import scapy.contrib.geneve
    import scapy.contrib.macsec
    import scapy.layers.can
    import scapy.layers.dhcp
    import scapy.layers.dns
    import scapy.layers.dot15d4
    import scapy.layers.inet6
    import scapy.layers.sixlowpan
    import scapy.layers.vxlan  # noqa: F401
