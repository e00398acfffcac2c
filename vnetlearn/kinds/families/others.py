"""Kinds that this catalogue does not teach, as far as something has to be known of one that is met in a lab."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

from ..record import Kind, Wraps

KINDS = (
    Kind("vti6", "a link for what IPsec protects, over IPv6", "As vti, over IPv6.", "tunnel", "ip6_vti",
         "net/ipv6/ip6_vti.c", "3.12", "optional", "dev", "ip-link(8), VTI Type Support; ip-xfrm(8)",
         wraps=Wraps("ESP", sealed=True), brings=("ip6_vti0",)),
    Kind("xfrm", "a link for what IPsec protects, by number",
         "What is routed into it is encrypted by the IPsec policies that have its number.", "tunnel", "xfrm_interface",
         "net/xfrm/", "4.19", "optional", "dev", "ip-link(8), XFRM Type Support; ip-xfrm(8)",
         wraps=Wraps("ESP", sealed=True)),
    Kind("wireguard", "an encrypted network by public keys",
         "Carries packets, encrypted, in UDP packets to the machines whose public keys it has.", "tunnel", "wireguard",
         "drivers/net/wireguard/", "5.6", "none", "", "ip-link(8); wg(8)", wraps=Wraps("WireGuard", sealed=True)),
    Kind("bareudp", "packets in UDP, and nothing else", "Carries packets of one protocol in UDP packets.", "tunnel",
         "bareudp", "drivers/net/bareudp.c", "5.7", "none", "", "ip-link(8), BAREUDP Type Support", wraps=Wraps()),
    Kind("gtp", "a mobile network's packets in UDP", "Carries the packets of phones in UDP packets (GTP).", "tunnel",
         "gtp", "drivers/net/gtp.c", "4.7", "none", "", "ip-link(8), GTP Type Support", wraps=Wraps("GTP")),
    Kind("erspan", "a copy of frames in IPv4",
         "Carries copies of Ethernet frames in IPv4 packets to who looks at them.",
         "tunnel", "ip_gre", "net/ipv4/ip_gre.c", "4.14", "optional", "dev",
         "ip-link(8), GRE, IPIP, SIT, ERSPAN Type Support", wraps=Wraps("ERSPAN"), brings=("erspan0",)),
    Kind("ipvtap", "an ipvlan whose frames a program reads",
         "Like ipvlan, but frames go to and come from a program through a character device /dev/tapINDEX.",
         "sharing a card", "ipvtap", "drivers/net/ipvlan/ipvtap.c", "4.11", "required", "link", "ip-link(8)"),
)
