"""Kinds that a local network is built from: bridge, bond, hsr, veth, dummy, ifb, nlmon, vrf."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

from typing import Any

from ..lists import Peer
from ..places import (
    Attributes,
    Bits,
    Elsewhere,
    Index,
    Links,
    Place,
    Present,
    Rows,
    Whole,
    address_bytes,
    address_text,
    mac,
)
from ..record import Kind, Param, apart, table
from ..values import Address, Addresses, Flag, Link, Mac, Number, Switch, Value, choice
from .sharing import PROTOCOLS

U8, U16, U32, U64 = Number(0, 0xFF), Number(0, 0xFFFF), Number(0, 0xFFFFFFFF), Number(0, 0xFFFFFFFFFFFFFFFF)


class ClearIndex(Index):
    """Index 0: no link."""

    def put(self, value: Any, spelling: Any, attributes: Attributes, links: Links) -> None:
        attributes[self.name] = bytes(4)

    def get(self, spelling: Any, attributes: Attributes, links: Links) -> None:
        return None


class SupervisionByte(Whole):
    """hsr's byte is sent alone, and comes back as the last one of a MAC."""

    @property
    def names(self) -> tuple[str, ...]:
        return self.name, "IFLA_HSR_SUPERVISION_ADDR"

    def get(self, spelling: Any, attributes: Attributes, links: Links) -> int | None:
        address = attributes.get("IFLA_HSR_SUPERVISION_ADDR")
        return address[-1] if address else super().get(spelling, attributes, links)


def _br(word: str, attribute: str, wire: str, value: Value, says: str) -> Param:
    return Param(word, says, value, Whole(f"IFLA_BR_{attribute}", wire))


def _option(word: str, bit: int, says: str) -> Param:
    """A bridge's option that is one bit among others."""
    return Param(word, says, ONE, Bits("IFLA_BR_MULTI_BOOLOPT", 1 << bit, "=II", value=0, meant=1))


ONE = Switch("1", "0")

BRIDGE = Kind(
    "bridge", "a switch in software",
    "Forwards Ethernet frames between the links that are its ports, and learns which MAC address is behind which.",
    "bridge-like", "bridge", "net/bridge/", "", "none", "",
    "ip-link(8), BRIDGE Type Support; Documentation/networking/bridge.rst",
    lesson="01-foundations/03-bridge.ipynb",
    relations=("master",), shows=("vlan_filtering", "stp_state"),
    params=table(
        Param("fdb_flush", "Forget the learned addresses (for an existing bridge).", Flag(no=""),
              Present("IFLA_BR_FDB_FLUSH")),
        _br("forward_delay", "FORWARD_DELAY", "u32", U32, "Spanning tree: how long a port listens and learns before it "
            "forwards, in hundredths of a second (200 to 3000 with STP on; 1500 by default)."),
        _br("hello_time", "HELLO_TIME", "u32", U32, "Spanning tree: time between hello frames, in hundredths of a "
            "second (100 to 1000)."),
        _br("max_age", "MAX_AGE", "u32", U32, "Spanning tree: how long what others said counts, in hundredths of a "
            "second (600 to 4000)."),
        _br("ageing_time", "AGEING_TIME", "u32", U32, "How long a learned address is kept without traffic, in "
            "hundredths of a second (30000 by default)."),
        _br("stp_state", "STP_STATE", "u32", ONE, "Whether the spanning tree protocol runs."),
        _br("priority", "PRIORITY", "u16", U16, "Spanning tree: the lower, the sooner it becomes the root (32768 by "
            "default)."),
        _br("vlan_filtering", "VLAN_FILTERING", "u8", ONE, "Whether ports keep VLANs apart."),
        _br("vlan_protocol", "VLAN_PROTOCOL", "be16", PROTOCOLS, "The tag's Ethernet type that the filter looks at."),
        _br("group_fwd_mask", "GROUP_FWD_MASK", "u16", U16, "Bits for the link-local addresses 01:80:c2:00:00:0X that "
            "are forwarded (0, 1 and 2 cannot be)."),
        Param("group_address", "The multicast MAC of its spanning tree frames, 01:80:c2:00:00:0X.", Mac(),
              mac("IFLA_BR_GROUP_ADDR")),
        _option("no_linklocal_learn", 0, "Whether it does not learn from frames to link-local addresses."),
        _br("vlan_default_pvid", "VLAN_DEFAULT_PVID", "u16", Number(0, 4094), "The VLAN of untagged frames on new "
            "ports (0: none)."),
        _br("vlan_stats_enabled", "VLAN_STATS_ENABLED", "u8", ONE, "Whether it counts frames for each VLAN."),
        _br("vlan_stats_per_port", "VLAN_STATS_PER_PORT", "u8", ONE, "Whether it counts them for each port too; only "
            "before it has ports."),
        _br("mcast_snooping", "MCAST_SNOOPING", "u8", ONE, "Whether it sends multicast only to ports that asked."),
        _option("mcast_vlan_snooping", 1, "Whether it does that for each VLAN; needs vlan_filtering."),
        _br("mcast_router", "MCAST_ROUTER", "u8", Number(0, 2), "Whether it counts as a multicast router: 0 never, 1 "
            "as seen, 2 always."),
        _br("mcast_query_use_ifaddr", "MCAST_QUERY_USE_IFADDR", "u8", ONE, "Whether its queries have its own address "
            "as source, not 0.0.0.0."),
        _br("mcast_querier", "MCAST_QUERIER", "u8", ONE, "Whether it asks who wants multicast."),
        _br("mcast_hash_elasticity", "MCAST_HASH_ELASTICITY", "u32", U32, "Has no effect since Linux 5.1; always 16."),
        _br("mcast_hash_max", "MCAST_HASH_MAX", "u32", U32, "How many multicast groups it keeps at most (4096 by "
            "default)."),
        _br("mcast_last_member_count", "MCAST_LAST_MEMBER_CNT", "u32", U32, "How many queries follow when a member "
            "leaves (2 by default)."),
        _br("mcast_startup_query_count", "MCAST_STARTUP_QUERY_CNT", "u32", U32, "How many queries it starts with (2 by "
            "default)."),
        _br("mcast_last_member_interval", "MCAST_LAST_MEMBER_INTVL", "u64", U64, "Time between queries after a leave, "
            "in hundredths of a second."),
        _br("mcast_membership_interval", "MCAST_MEMBERSHIP_INTVL", "u64", U64, "After how long without reports a "
            "membership ends, in hundredths of a second."),
        _br("mcast_querier_interval", "MCAST_QUERIER_INTVL", "u64", U64, "After how long without another's queries it "
            "asks itself, in hundredths of a second."),
        _br("mcast_query_interval", "MCAST_QUERY_INTVL", "u64", U64, "Time between its queries, in hundredths of a "
            "second (12500 by default; 100 at least)."),
        _br("mcast_query_response_interval", "MCAST_QUERY_RESPONSE_INTVL", "u64", U64, "How long members may take to "
            "answer, in hundredths of a second."),
        _br("mcast_startup_query_interval", "MCAST_STARTUP_QUERY_INTVL", "u64", U64, "Time between its first queries, "
            "in hundredths of a second (100 at least)."),
        _br("mcast_stats_enabled", "MCAST_STATS_ENABLED", "u8", ONE, "Whether it counts IGMP and MLD messages."),
        _br("mcast_igmp_version", "MCAST_IGMP_VERSION", "u8", Number(2, 3), "IGMP's version of its queries: 2 or 3."),
        _br("mcast_mld_version", "MCAST_MLD_VERSION", "u8", Number(1, 2), "MLD's version of its queries: 1 or 2."),
        _br("nf_call_iptables", "NF_CALL_IPTABLES", "u8", ONE, "Whether iptables sees bridged IPv4 packets."),
        _br("nf_call_ip6tables", "NF_CALL_IP6TABLES", "u8", ONE, "Whether ip6tables sees bridged IPv6 packets."),
        _br("nf_call_arptables", "NF_CALL_ARPTABLES", "u8", ONE, "Whether arptables sees bridged ARP packets."),
    ),
)


def _bond(word: str, attribute: str, wire: str, value: Value, says: str, *also: str) -> Param:
    return Param(word, says, value, Whole(f"IFLA_BOND_{attribute}", wire), also=also)


def _targets(name: str) -> Place:
    return Rows(name, address_bytes, address_text)


BOND = Kind(
    "bond", "several cards as one",
    "Joins several links into one, for more throughput or to go on when one of them fails.",
    "redundancy", "bonding", "drivers/net/bonding/", "", "none", "",
    "ip-link(8), BOND Type Support; Documentation/networking/bonding.rst",
    lesson="01-foundations/06-bond.ipynb",
    example={"mode": "active-backup", "miimon": 100}, rules=(apart("active_slave", "clear_active_slave"),),
    relations=("master",), shows=("mode",),
    params=table(
        _bond("mode", "MODE", "u8", choice("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad",
              "balance-tlb", "balance-alb"), "How frames are spread over the members; balance-rr when it is left out."),
        Param("active_slave", "The member that is used, in the modes that use one at a time.", Link(),
              Index("IFLA_BOND_ACTIVE_SLAVE")),
        Param("clear_active_slave", "Let the bond choose the member that is used.", Flag(no=""),
              ClearIndex("IFLA_BOND_ACTIVE_SLAVE")),
        _bond("miimon", "MIIMON", "u32", U32, "Time between looks at the members' carrier, in milliseconds (0: none)."),
        _bond("updelay", "UPDELAY", "u32", U32, "How long a member must be up before it is used, in milliseconds, a "
              "multiple of miimon."),
        _bond("downdelay", "DOWNDELAY", "u32", U32, "How long a member must be down before it is dropped, in "
              "milliseconds, a multiple of miimon."),
        _bond("peer_notify_delay", "PEER_NOTIF_DELAY", "u32", Number(0, 300000), "Time between the messages to the "
              "neighbours after a change, in milliseconds, a multiple of miimon."),
        _bond("use_carrier", "USE_CARRIER", "u8", ONE, "Whether the carrier is read from the kernel's link state, or "
              "asked of the driver."),
        _bond("arp_interval", "ARP_INTERVAL", "u32", U32, "Time between ARP requests to the targets, in milliseconds "
              "(0: none); not with miimon."),
        _bond("arp_validate", "ARP_VALIDATE", "u32", choice("none", "active", "backup", "all", "filter",
              "filter_active", "filter_backup"), "On which members the ARP answers are looked at."),
        _bond("arp_all_targets", "ARP_ALL_TARGETS", "u32", choice("any", "all"), "Whether any or all of the targets "
              "must answer."),
        Param("arp_ip_target", "IPv4 addresses that are asked for, 16 at most.",
              Addresses(Address(4, any=False), 16), _targets("IFLA_BOND_ARP_IP_TARGET")),
        Param("ns_ip6_target", "IPv6 addresses that are asked for, 16 at most.",
              Addresses(Address(6, any=False), 16), _targets("IFLA_BOND_NS_IP6_TARGET")),
        Param("primary", "The member that is preferred.", Link(), Index("IFLA_BOND_PRIMARY")),
        _bond("primary_reselect", "PRIMARY_RESELECT", "u8", choice("always", "better", "failure"), "When the primary "
              "is used again after it failed."),
        _bond("fail_over_mac", "FAIL_OVER_MAC", "u8", choice("none", "active", "follow"), "Whose MAC the bond has in "
              "mode active-backup."),
        _bond("xmit_hash_policy", "XMIT_HASH_POLICY", "u8", choice("layer2", "layer3+4", "layer2+3", "encap2+3",
              "encap3+4", "vlan+srcmac"), "Which headers decide over the member that a frame goes out of."),
        _bond("resend_igmp", "RESEND_IGMP", "u32", Number(0, 255), "How many IGMP reports follow after a change."),
        _bond("num_grat_arp", "NUM_PEER_NOTIF", "u8", U8, "How many gratuitous ARPs and unsolicited neighbour "
              "advertisements follow after a change.", "num_unsol_na"),
        _bond("all_slaves_active", "ALL_SLAVES_ACTIVE", "u8", ONE, "Whether frames are taken from unused members too."),
        _bond("min_links", "MIN_LINKS", "u32", Number(0, 0x7FFFFFFF), "How many members must be up for the bond to be "
              "up."),
        _bond("lp_interval", "LP_INTERVAL", "u32", Number(1, 0x7FFFFFFF), "Time between learning frames to the "
              "switch, in seconds."),
        _bond("packets_per_slave", "PACKETS_PER_SLAVE", "u32", Number(0, 65535), "In mode balance-rr: how many packets "
              "go to a member before the next one (0: any)."),
        _bond("tlb_dynamic_lb", "TLB_DYNAMIC_LB", "u8", ONE, "In mode balance-tlb: whether flows are moved by load; "
              "only while the bond is down."),
        _bond("lacp_rate", "AD_LACP_RATE", "u8", choice("slow", "fast"), "In mode 802.3ad: ask the other side for a "
              "message every 30 seconds (slow) or every second (fast)."),
        _bond("lacp_active", "AD_LACP_ACTIVE", "u8", Switch(), "In mode 802.3ad: whether it sends messages unasked."),
        _bond("ad_select", "AD_SELECT", "u8", choice("stable", "bandwidth", "count"), "In mode 802.3ad: which group of "
              "members is used."),
        _bond("ad_user_port_key", "AD_USER_PORT_KEY", "u16", Number(0, 1023), "In mode 802.3ad: the upper ten bits of "
              "the ports' key."),
        _bond("ad_actor_sys_prio", "AD_ACTOR_SYS_PRIO", "u16", Number(1, 65535), "In mode 802.3ad: the system's "
              "priority."),
        Param("ad_actor_system", "In mode 802.3ad: the MAC that the system gives itself in messages.", Mac(),
              mac("IFLA_BOND_AD_ACTOR_SYSTEM")),
        _bond("arp_missed_max", "MISSED_MAX", "u8", Number(1, 255), "How many ARP answers in a row may be missing."),
    ),
)

_HSR_NUMBER = Number(0, 1)

HSR = Kind(
    "hsr", "two paths at once around a ring",
    "Sends each frame both ways around a ring (HSR) or over two networks (PRP), so that nothing is lost when one "
    "breaks; the second copy is dropped.",
    "redundancy", "hsr", "net/hsr/", "3.13", "none", "", "ip-link(8), HSR Type Support",
    example={"slave1": "eth0", "slave2": "eth1"}, needs=("eth0", "eth1"),
    relations=("master",), shows=("proto",),
    params=table(
        Param("slave1", "The first of its two links.", Link(), Index("IFLA_HSR_SLAVE1"), required=True),
        Param("slave2", "The second of its two links.", Link(), Index("IFLA_HSR_SLAVE2"), required=True),
        Param("supervision", "The last byte of the MAC to which it sends its supervision frames, 0 to 255.", U8,
              SupervisionByte("IFLA_HSR_MULTICAST_SPEC", "u8")),
        Param("version", "The version of the HSR protocol, 0 or 1 (0 by default).", _HSR_NUMBER,
              Whole("IFLA_HSR_VERSION", "u8")),
        Param("proto", "0 for HSR, a ring (by default); 1 for PRP, two networks.", _HSR_NUMBER,
              Whole("IFLA_HSR_PROTOCOL", "u8")),
    ),
)

VETH = Kind(
    "veth", "a cable with two ends",
    "A pair of links: what goes into one comes out of the other. It connects namespaces, and namespaces with bridges.",
    "pairs", "veth", "drivers/net/veth.c", "2.6.24", "none", "", "veth(4); ip-link(8), VETH, VXCAN Type Support",
    example={"peer": "veth1"},
    lesson="01-foundations/02-veth.ipynb",
    relations=("peer",),
    params=table(Param("peer", "The other end: its name, or a dict of ip's options for a new link (name, netns, "
                       "address, mtu, …).", Peer(), Elsewhere("a link message of its own in VETH_INFO_PEER"))),
)

VRF = Kind(
    "vrf", "a routing table of its own for some links",
    "Links that are its ports route by a table of their own, so that one machine acts as several routers.",
    "routing", "vrf", "drivers/net/vrf.c", "4.3", "none", "", "ip-link(8), VRF Type Support; "
    "Documentation/networking/vrf.rst", example={"table": 10},
    relations=("master",), shows=("table",),
    params=table(Param("table", "The number of its routing table, 1 to 4294967295, or main, default or local.",
                       Number(1, 0xFFFFFFFF, {"default": 253, "main": 254, "local": 255}),
                       Whole("IFLA_VRF_TABLE", "u32"), required=True)),
)

DUMMY = Kind(
    "dummy", "a card that leads nowhere",
    "Swallows what is sent to it. Good for an address that is always up, and for trying things out.",
    "endpoints", "dummy", "drivers/net/dummy.c", "", "none", "", "ip-link(8)",
    lesson="01-foundations/04-dummy.ipynb",
    relations=(),
)

IFB = Kind(
    "ifb", "a place to queue what comes in",
    "Frames that tc redirects to it from other links pass its queues, so that incoming traffic can be shaped; several "
    "links can share it.",
    "traffic control", "ifb", "drivers/net/ifb.c", "2.6.16", "none", "", "tc-mirred(8)",
    lesson="02-sharing-a-card/05-ifb.ipynb",
    relations=("redirect",),
)

NLMON = Kind(
    "nlmon", "a view of netlink",
    "Shows a copy of all netlink messages between programs and the kernel, for tcpdump and the like.",
    "monitoring", "nlmon", "drivers/net/nlmon.c", "3.11", "none", "", "ip-link(8)",
    lesson="03-user-space/02-nlmon.ipynb",
    relations=("hears",),
)

KINDS = (BRIDGE, BOND, HSR, VETH, VRF, DUMMY, IFB, NLMON)
