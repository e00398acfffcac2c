"""Kinds that a local network is built from: bridge, bond, hsr, veth, dummy, ifb, nlmon, vrf."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

from ..lists import Peer
from ..numbers import enum
from ..places import (
    Attributes,
    Bits,
    Elsewhere,
    Index,
    Links,
    Present,
    Rows,
    Whole,
    address_bytes,
    address_text,
    mac,
)
from ..record import Kind, Param, Params, Ports, apart, table
from ..scenes import CABLE, NOTHING, PINGED, THERE, TWO_CABLES, TWO_EMPTY, UNPLUG, End, Scene, Stage, at_both
from ..values import Address, Addresses, Choice, Flag, Link, Mac, Number, Spelling, Switch, V, choice
from .sharing import PROTOCOLS

U8, U16, U32, U64 = Number(0, 0xFF), Number(0, 0xFFFF), Number(0, 0xFFFFFFFF), Number(0, 0xFFFFFFFFFFFFFFFF)


class ClearIndex(Index):
    """Index 0: no link."""

    def put(self, value: object, spelling: object, attributes: Attributes, links: Links) -> None:
        attributes[self.name] = bytes(4)

    def get(self, spelling: object, attributes: Attributes, links: Links) -> None:
        return None


class SupervisionByte(Whole):
    """hsr's byte is sent alone, and comes back as the last one of a MAC."""

    @property
    def names(self) -> tuple[str, ...]:
        return self.name, "IFLA_HSR_SUPERVISION_ADDR"

    def get(self, spelling: Spelling[V], attributes: Attributes, links: Links) -> V | None:
        address = attributes.get("IFLA_HSR_SUPERVISION_ADDR")
        return spelling.named(address[-1]) if address else super().get(spelling, attributes, links)


def _br(word: str, attribute: str, wire: str, value: Number | Choice | Switch, says: str) -> Param:
    return Param(word, says, value, Whole(f"IFLA_BR_{attribute}", wire))


def _option(word: str, bit: int, says: str) -> Param:
    """A bridge's option that is one bit among others."""
    return Param(word, says, ONE, Bits("IFLA_BR_MULTI_BOOLOPT", 1 << bit, "=II", value=0, meant=1))


ONE = Switch("1", "0")
_THREE = Stage(
    "A machine with three cards, a cable on each to another machine: a, b and c.", ("a", "b", "c"),
    (("/pa", "a/eth0"), ("/pb", "b/eth0"), ("/pc", "c/eth0")),
    {"a/eth0": ("10.0.0.1/24",), "b/eth0": ("10.0.0.2/24",), "c/eth0": ("10.0.0.3/24",)},
)

BRIDGE = Kind(
    "bridge", "a switch in software",
    "Forwards Ethernet frames between the links that are its ports, and learns which MAC address is behind which.",
    "bridge-like", "bridge", "net/bridge/", "", "none", "",
    "ip-link(8), BRIDGE Type Support; Documentation/networking/bridge.rst",
    lesson="01-foundations/03-bridge.ipynb",
    relations=("master",), shows=("vlan_filtering", "stp_state"),
    ports=Ports(mtu="taken"),  # net/bridge/br_if.c, br_mtu_auto_adjust
    usual={
        "forward_delay": 1500, "hello_time": 200, "max_age": 2000, "ageing_time": 30000, "stp_state": False,
        "priority": 32768, "vlan_filtering": False, "vlan_protocol": "802.1Q", "group_fwd_mask": 0,
        "group_address": "01:80:c2:00:00:00", "no_linklocal_learn": False, "vlan_default_pvid": 1,
        "vlan_stats_enabled": False, "vlan_stats_per_port": False, "mcast_snooping": True,
        "mcast_vlan_snooping": False, "mcast_router": 1, "mcast_query_use_ifaddr": False, "mcast_querier": False,
        "mcast_hash_elasticity": 16, "mcast_hash_max": 4096, "mcast_last_member_count": 2,
        "mcast_startup_query_count": 2, "mcast_last_member_interval": 100, "mcast_membership_interval": 26000,
        "mcast_querier_interval": 25500, "mcast_query_interval": 12500, "mcast_query_response_interval": 1000,
        "mcast_startup_query_interval": 3124, "mcast_stats_enabled": False, "mcast_igmp_version": 2,
        "mcast_mld_version": 1, "nf_call_iptables": False, "nf_call_ip6tables": False, "nf_call_arptables": False,
    },
    scene=Scene(
        _THREE, "The three cards become ports of one switch, so that a, b and c are on one network.",
        (End("", "bridge1", ports=("pa", "pb", "pc")),),
        ("vlan_filtering", "stp_state", "forward_delay", "ageing_time", "priority", "mcast_snooping", "group_fwd_mask"),
        pings=(("a", "10.0.0.2"), ("a", "10.0.0.3"), ("c", "10.0.0.2")), script=("bridge fdb show br DEV dynamic",)),
    numbers=enum("IFLA_BR_", "UNSPEC FORWARD_DELAY HELLO_TIME MAX_AGE AGEING_TIME STP_STATE PRIORITY VLAN_FILTERING "
        "VLAN_PROTOCOL GROUP_FWD_MASK ROOT_ID BRIDGE_ID ROOT_PORT ROOT_PATH_COST TOPOLOGY_CHANGE "
        "TOPOLOGY_CHANGE_DETECTED HELLO_TIMER TCN_TIMER TOPOLOGY_CHANGE_TIMER GC_TIMER GROUP_ADDR FDB_FLUSH "
        "MCAST_ROUTER MCAST_SNOOPING MCAST_QUERY_USE_IFADDR MCAST_QUERIER MCAST_HASH_ELASTICITY MCAST_HASH_MAX "
        "MCAST_LAST_MEMBER_CNT MCAST_STARTUP_QUERY_CNT MCAST_LAST_MEMBER_INTVL MCAST_MEMBERSHIP_INTVL "
        "MCAST_QUERIER_INTVL MCAST_QUERY_INTVL MCAST_QUERY_RESPONSE_INTVL MCAST_STARTUP_QUERY_INTVL NF_CALL_IPTABLES "
        "NF_CALL_IP6TABLES NF_CALL_ARPTABLES VLAN_DEFAULT_PVID PAD VLAN_STATS_ENABLED MCAST_STATS_ENABLED "
        "MCAST_IGMP_VERSION MCAST_MLD_VERSION VLAN_STATS_PER_PORT MULTI_BOOLOPT"),
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


def _bond(word: str, attribute: str, wire: str, value: Number | Choice | Switch, says: str, *also: str) -> Param:
    return Param(word, says, value, Whole(f"IFLA_BOND_{attribute}", wire), also=also)


def _targets(name: str) -> Rows:
    return Rows(name, address_bytes, address_text)


BOND = Kind(
    "bond", "several cards as one",
    "Joins several links into one, for more throughput or to go on when one of them fails.",
    "redundancy", "bonding", "drivers/net/bonding/", "", "none", "",
    "ip-link(8), BOND Type Support; Documentation/networking/bonding.rst",
    lesson="01-foundations/06-bond.ipynb",
    example={"mode": "active-backup", "miimon": 100}, rules=(apart("active_slave", "clear_active_slave"),),
    relations=("master",), shows=("mode",), brings=("bond0",),
    ports=Ports(mtu="given", down=True),  # drivers/net/bonding/bond_main.c, bond_enslave
    usual={
        "mode": "balance-rr", "miimon": 0, "updelay": 0, "downdelay": 0, "peer_notify_delay": 0, "use_carrier": True,
        "arp_interval": 0, "arp_validate": "none", "arp_all_targets": "any", "primary_reselect": "always",
        "fail_over_mac": "none", "xmit_hash_policy": "layer2", "resend_igmp": 1, "num_grat_arp": 1,
        "all_slaves_active": False, "min_links": 0, "lp_interval": 1, "packets_per_slave": 1, "tlb_dynamic_lb": True,
        "lacp_rate": "slow", "lacp_active": True, "ad_select": "stable", "arp_missed_max": 2,
    },
    scene=Scene(
        TWO_CABLES, "Both cables become one link at each end. Then one of them is pulled out.",
        tuple(End(e.netns, e.name, e.addrs, ports=("eth0", "eth1")) for e in at_both("bond")),
        ("mode", "miimon", "updelay", "downdelay", "primary", "lacp_rate", "xmit_hash_policy"), script=UNPLUG),
    numbers=enum("IFLA_BOND_", "UNSPEC MODE ACTIVE_SLAVE MIIMON UPDELAY DOWNDELAY USE_CARRIER ARP_INTERVAL "
        "ARP_IP_TARGET ARP_VALIDATE ARP_ALL_TARGETS PRIMARY PRIMARY_RESELECT FAIL_OVER_MAC XMIT_HASH_POLICY "
        "RESEND_IGMP NUM_PEER_NOTIF ALL_SLAVES_ACTIVE MIN_LINKS LP_INTERVAL PACKETS_PER_SLAVE AD_LACP_RATE AD_SELECT "
        "AD_INFO AD_ACTOR_SYS_PRIO AD_USER_PORT_KEY AD_ACTOR_SYSTEM TLB_DYNAMIC_LB PEER_NOTIF_DELAY AD_LACP_ACTIVE "
        "MISSED_MAX NS_IP6_TARGET"),
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
_SLAVES = ("slave1", "slave2")


def _one_is_gone(params: Params) -> str | None:
    return None if all(map(params.get, _SLAVES)) else "an hsr is made of two links, and one of its two is gone"


HSR = Kind(
    "hsr", "two paths at once around a ring",
    "Sends each frame both ways around a ring (HSR) or over two networks (PRP), so that nothing is lost when one "
    "breaks; the second copy is dropped.",
    "redundancy", "hsr", "net/hsr/", "3.13", "none", "", "ip-link(8), HSR Type Support",
    example={"slave1": "eth0", "slave2": "eth1"}, needs=("eth0", "eth1"),
    relations=("master",), shows=("proto",), ports=Ports(_SLAVES), gone=_one_is_gone, told_home=False,
    mtu=None, address=False, usual={"supervision": 0, "proto": 0},
    scene=Scene(
        TWO_CABLES, "Two machines and two cables are a ring. Each frame goes both ways; then one cable is pulled out.",
        at_both("hsr"), script=UNPLUG),
    numbers=enum("IFLA_HSR_", "UNSPEC SLAVE1 SLAVE2 MULTICAST_SPEC SUPERVISION_ADDR SEQ_NR VERSION PROTOCOL"),
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

_OTHER_END = """for name in $(ip -n b -br link show type veth | cut -d@ -f1)
do ip -n b addr add 10.0.0.2/24 dev "$name"; ip -n b link set "$name" up; done"""

VETH = Kind(
    "veth", "a cable with two ends",
    "A pair of links: what goes into one comes out of the other. It connects namespaces, and namespaces with bridges.",
    "pairs", "veth", "drivers/net/veth.c", "2.6.24", "none", "", "veth(4); ip-link(8), VETH, VXCAN Type Support",
    example={"peer": "veth1"},
    lesson="01-foundations/02-veth.ipynb",
    relations=("peer",),
    scene=Scene(
        TWO_EMPTY, "A cable between a and b. Its other end is given as ip has it: name NAME netns NAMESPACE.",
        (End("a", "veth1", ("10.0.0.1/24",)),), params={"peer": {"name": "veth2", "netns": "b"}}, after=_OTHER_END,
        pings=PINGED),
    params=table(Param("peer", "The other end: its name, or a dict of ip's options for a new link (name, netns, "
                       "address, mtu, …).", Peer(), Elsewhere("a link message of its own in VETH_INFO_PEER"))),
)

_ROUTER = Stage(
    "A router with a machine on each side: a and b.", ("a", "b"), (("/eth0", "a/eth0"), ("/eth1", "b/eth0")),
    {"/eth0": ("10.0.1.1/24",), "a/eth0": ("10.0.1.2/24",), "/eth1": ("10.0.2.1/24",), "b/eth0": ("10.0.2.2/24",)},
    lines="sysctl -qw net.ipv4.ip_forward=1\nip -n a route add default via 10.0.1.1\n"
    "ip -n b route add default via 10.0.2.1",
)


def _quiet(params: Params) -> tuple[str, ...]:
    """Ethernet, but without ARP and multicast from the start."""
    return ("NOARP",)


VRF = Kind(
    "vrf", "a routing table of its own for some links",
    "Links that are its ports route by a table of their own, so that one machine acts as several routers.",
    "routing", "vrf", "drivers/net/vrf.c", "4.3", "none", "", "ip-link(8), VRF Type Support; "
    "Documentation/networking/vrf.rst", example={"table": 10},
    relations=("master",), shows=("table",), ports=Ports(routed=True), mtu=None, flags=_quiet,
    scene=Scene(
        _ROUTER, "The router's eth0 gets a routing table of its own: a reaches the router, and b no more.",
        (End("", "vrf1", ports=("eth0",)),), pings=(("a", "10.0.1.1"), ("a", "10.0.2.2"), ("b", "10.0.2.1")),
        script=("ip route show vrf DEV", "ip route show")),
    numbers=enum("IFLA_VRF_", "UNSPEC TABLE"),
    params=table(Param("table", "The number of its routing table, 1 to 4294967295, or main, default or local.",
                       Number(1, 0xFFFFFFFF, {"default": 253, "main": 254, "local": 255}),
                       Whole("IFLA_VRF_TABLE", "u32"), required=True)),
)

DUMMY = Kind(
    "dummy", "a card that leads nowhere",
    "Swallows what is sent to it. Good for an address that is always up, and for trying things out.",
    "endpoints", "dummy", "drivers/net/dummy.c", "", "none", "", "ip-link(8)",
    lesson="01-foundations/04-dummy.ipynb",
    brings=("dummy0",), swallows=True, flags=_quiet,
    scene=Scene(
        Stage("An empty machine without IPv6, which would send some packets of its own.",
              lines="sysctl -eqw net.ipv6.conf.default.disable_ipv6=1"),
        "Its own address answers; what is sent to another one through it is gone.",
        (End("", "dummy1", ("10.0.0.1/24",)),), pings=(("", "10.0.0.1"), ("", "10.0.0.2")),
        script=("ip -s link show dev DEV",)),
)

IFB = Kind(
    "ifb", "a place to queue what comes in",
    "Frames that tc redirects to it from other links pass its queues, so that incoming traffic can be shaped; several "
    "links can share it.",
    "traffic control", "ifb", "drivers/net/ifb.c", "2.6.16", "none", "", "tc-mirred(8)",
    lesson="02-sharing-a-card/05-ifb.ipynb",
    relations=("redirect",), brings=("ifb0", "ifb1"), queue=32, flags=_quiet,
    scene=Scene(
        CABLE, "What comes in on b's eth0 is redirected to the ifb, whose queue lets 32 kbit/s through.",
        (End("b", "ifb1"),), pings=(("a", THERE[0]),),
        after="tc -n b qdisc add dev DEV root tbf rate 32kbit burst 1600 limit 30000\n"
        "tc -n b qdisc add dev eth0 ingress\n"
        "tc -n b filter add dev eth0 parent ffff: matchall action mirred egress redirect dev DEV",
        clear="tc -n b qdisc del dev eth0 ingress",
        script=("ip netns exec a ping -c 4 -i 0.2 -s 1400 192.0.2.2", "tc -n b -s qdisc show dev DEV")),
)

NLMON = Kind(
    "nlmon", "a view of netlink",
    "Shows a copy of all netlink messages between programs and the kernel, for tcpdump and the like.",
    "monitoring", "nlmon", "drivers/net/nlmon.c", "3.11", "none", "", "ip-link(8)",
    lesson="03-user-space/02-nlmon.ipynb",
    relations=("hears",), address=False,
    scene=Scene(
        NOTHING, "tcpdump looks at it while ip gives the loopback another address.", (End("", "nlmon1"),),
        script=("timeout 5 tcpdump -lni DEV -s 64 -c 4 & while kill -0 $! 2>&-; do "
                "ip addr add 10.9.9.9/32 dev lo; ip addr del 10.9.9.9/32 dev lo; done",)),
)

KINDS = (BRIDGE, BOND, HSR, VETH, VRF, DUMMY, IFB, NLMON)
