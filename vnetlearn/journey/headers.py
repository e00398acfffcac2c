"""The headers that a journey knows, as tables: what scapy calls them, which fields are shown, which wrap others.

A new tunnel's header is taught here: its class in READ, itself among WRAPPERS, its number in NUMBERS, and in BEHIND_UDP
when it stands behind a UDP header. The record of its kind says the rest: `wraps` (kinds/record.py).
"""

from __future__ import annotations

IPS = ("IPv4", "IPv6")
WRAPPERS = ("VXLAN", "GENEVE", "GRE", "MPLS", "MACsec", "ESP")
# Of those that carry a tunnel: the field that tells one tunnel from another
NUMBERS = {"VXLAN": "VNI", "GENEVE": "VNI", "GRE": "key", "ERSPAN": "session", "MPLS": "label"}
# Behind UDP, at the ports that the lab's links have: in which module scapy has its class, of the same name
BEHIND_UDP = {"VXLAN": "scapy.layers.vxlan", "GENEVE": "scapy.contrib.geneve"}
HSR = (0x88FB, 0x892F)  # EtherTypes of HSR's versions 0 and 1: linux/if_ether.h
ICV = 16  # bytes of MACsec's integrity check value: MACSEC_DEFAULT_ICV_LEN in linux/if_macsec.h
SEALED = ("MACsec", "ESP")  # what is inside cannot be read, unless it is only signed
MAY_CHANGE = ("TTL", "hop limit", "TOS", "class", "fragments", "DF", "priority")

# Scapy's class → the layer's name, and {our word: scapy's field}
READ: dict[str, tuple[str, dict[str, str]]] = {
    "Ether": ("Ethernet", {"src": "src", "dst": "dst"}),
    "Dot3": ("Ethernet", {"src": "src", "dst": "dst"}),
    "LLC": ("LLC", {}),
    "Dot1Q": ("VLAN", {"id": "vlan", "priority": "prio"}),
    "Dot1AD": ("VLAN", {"id": "vlan", "priority": "prio"}),
    "ARP": ("ARP", {"op": "op", "src": "psrc", "dst": "pdst", "srcmac": "hwsrc"}),
    "IP": ("IPv4", {"src": "src", "dst": "dst", "TTL": "ttl", "TOS": "tos", "id": "id", "DF": "flags"}),
    "IPv6": ("IPv6", {"src": "src", "dst": "dst", "hop limit": "hlim", "class": "tc"}),
    "IPv6ExtHdrFragment": ("", {}),
    "ICMP": ("ICMP", {"type": "type", "code": "code"}),
    "UDP": ("UDP", {"sport": "sport", "dport": "dport"}),
    "TCP": ("TCP", {"sport": "sport", "dport": "dport", "seq": "seq", "ack": "ack", "flags": "flags"}),
    "GRE": ("GRE", {"key": "key"}),
    "ERSPAN": ("ERSPAN", {"session": "session_id"}),
    "ERSPAN_II": ("ERSPAN", {"session": "session_id"}),
    "ERSPAN_III": ("ERSPAN", {"session": "session_id"}),
    "VXLAN": ("VXLAN", {"VNI": "vni"}),
    "GENEVE": ("GENEVE", {"VNI": "vni"}),
    "MPLS": ("MPLS", {"label": "label"}),
    "MACsec": ("MACsec", {"SCI": "SCI", "packet": "PN"}),
    "ESP": ("ESP", {"SPI": "spi", "packet": "seq"}),
    "CAN": ("CAN", {"id": "identifier", "flags": "flags"}),
    "CANFD": ("CAN FD", {"id": "identifier", "flags": "flags"}),
    "Dot15d4": ("802.15.4", {"frame": "seqnum"}),
    "Dot15d4FCS": ("802.15.4", {"frame": "seqnum"}),
    "Dot15d4Data": ("", {}),
    "SixLoWPAN": ("", {}),
    "LoWPANUncompressedIPv6": ("", {}),
    "LoWPAN_IPHC": ("6LoWPAN", {}),
    "LoWPANFragmentationFirst": ("", {}),
    "LoWPANFragmentationSubsequent": ("", {}),
}
