"""Why a packet ended, in a learner's words: what the kernel's drop reasons mean, and ICMP's errors; no ARP answer."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

# enum skb_drop_reason of include/net/dropreason-core.h (and drivers/net/vxlan/drop.h), without SKB_DROP_REASON_
KERNEL = {
    "NO_SOCKET": "no program in {netns} listens on port {port}",
    "PKT_TOO_SMALL": "it is shorter than its headers say",
    "TCP_CSUM": "its TCP checksum is wrong",
    "UDP_CSUM": "its UDP checksum is wrong",
    "IP_CSUM": "its IP checksum is wrong",
    "ICMP_CSUM": "its ICMP checksum is wrong",
    "SOCKET_FILTER": "a filter of the receiving program threw it away",
    "NETFILTER_DROP": "a firewall rule in {netns} dropped it (nft list ruleset)",
    "OTHERHOST": "it is for another MAC address than that of {dev}",
    "IP_INHDR": "its IP header is wrong",
    "IP_RPFILTER":
        "{netns} would not send answers to its sender back through {dev}, and takes it for forged (rp_filter)",
    "UNICAST_IN_L2_MULTICAST": "an IP packet for one machine came in a frame for all",
    "XFRM_POLICY": "an IPsec policy in {netns} does not let it in",
    "IP_NOPROTO": "nothing in {netns} takes its protocol",
    "SOCKET_RCVBUFF": "the receiving program's buffer was full",
    "PROTO_MEM": "the memory for its protocol was used up",
    "IP_OUTNOROUTES": "{netns} has no route for it",
    "IP_INNOROUTES": "{netns} has no route for it",
    "BPF_CGROUP_EGRESS": "a BPF program dropped it on its way out",
    "IPV6DISABLED": "IPv6 is switched off on {dev}",
    "NEIGH_CREATEFAIL": "no entry for its next hop could be made",
    "NEIGH_FAILED": "no one answered for its next hop",
    "NEIGH_QUEUEFULL": "too many packets waited for the MAC of their next hop",
    "NEIGH_DEAD": "the entry for its next hop is dead",
    "TC_EGRESS": "a tc filter dropped it on its way out",
    "TC_INGRESS": "a tc filter on {dev} dropped it",
    "QDISC_DROP": "the queue of {dev} dropped it (tc -s qdisc show)",
    "FULL_RING": "a ring of {dev} was full",
    "CPU_BACKLOG": "the queue of received packets was full",
    "XDP": "an XDP program on {dev} dropped it",
    "UNHANDLED_PROTO": "nothing in {netns} takes such frames",
    "TAP_FILTER": "the filter of {dev} dropped it",
    "DEV_HDR": "its header could not be made",
    "DEV_READY": "the device was not ready: it is down",
    "HDR_TRUNC": "it is shorter than its headers say",
    "PKT_TOO_BIG": "it is bigger than the next link's MTU",
    "DUP_FRAG": "a fragment came twice",
    "FRAG_REASM_TIMEOUT": "not all of its fragments came in time",
    "FRAG_TOO_FAR": "its fragments came too much out of order",
    "IP_INADDRERRORS": "it is not for {netns}, and {netns} does not pass packets on",
    "IP_LOCAL_SOURCE": "its sender's address is one of {netns}'s own",
    "IP_INVALID_SOURCE": "its sender's address cannot be one",
    "TUNNEL_TXINFO": "the tunnel was not told where to send it",
    "VXLAN_INVALID_HDR": "its VXLAN header is wrong",
    "VXLAN_VNI_NOT_FOUND": "no vxlan link in {netns} has VNI {vni}",
    "MAC_INVALID_SOURCE": "its sender's MAC is that of the receiver",
    "VXLAN_ENTRY_EXISTS": "the sender's MAC is known at another place, and may not move",
    "VXLAN_NO_REMOTE": "the vxlan knows no other end for it",
    "BRIDGE_INGRESS_STP_STATE": "the bridge port {dev} does not forward",
    "BRIDGE_NON_FORWARDING_STATE": "the bridge's port does not forward",
    "VLAN_FILTER": "the bridge's VLAN filter dropped it",
    "NOMEM": "memory was short",
}

# RFC 792, RFC 1122, RFC 1812, RFC 4443: (layer, type, code or -1 for any)
ICMP = {
    ("ICMP", 3, 0): "network unreachable",
    ("ICMP", 3, 1): "host unreachable",
    ("ICMP", 3, 2): "protocol unreachable",
    ("ICMP", 3, 3): "port unreachable: no program listens there",
    ("ICMP", 3, 4): "fragmentation needed, and it says: do not fragment (DF)",
    ("ICMP", 3, 9): "network prohibited",
    ("ICMP", 3, 10): "host prohibited",
    ("ICMP", 3, 13): "prohibited by a filter",
    ("ICMP", 11, 0): "its TTL ran out",
    ("ICMP", 11, 1): "not all fragments came in time",
    ("ICMP", 5, -1): "a better way was told (redirect)",
    ("ICMP", 12, -1): "its header is wrong",
    ("ICMPv6", 1, 0): "no route",
    ("ICMPv6", 1, 1): "prohibited",
    ("ICMPv6", 1, 3): "address unreachable",
    ("ICMPv6", 1, 4): "port unreachable: no program listens there",
    ("ICMPv6", 2, 0): "packet too big",
    ("ICMPv6", 3, 0): "its hop limit ran out",
    ("ICMPv6", 4, -1): "its header is wrong",
}


def icmp(layer: str, kind: int, code: int) -> str:
    """What an ICMP error says."""
    return ICMP.get((layer, kind, code)) or ICMP.get((layer, kind, -1)) or f"{layer} type {kind} code {code}"


def no_answer(hop: str, dev: str) -> str:
    """What is said of a next hop that did not tell its MAC: ARP (RFC 826), neighbour discovery (RFC 4861)."""
    return f"no {'ARP answer' if '.' in hop else 'answer to neighbour discovery'} for {hop} on {dev}"
