"""What a new link's parameters are when nothing is said of them, as Linux 6.12 tells it (a test asks the kernel again).

A picture and a script leave these out; a control starts with them.
"""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

from typing import Any


def unusual(kind: str, params: dict[str, Any]) -> dict[str, Any]:
    """Of a link's parameters those that are not the usual ones of its kind."""
    usual = USUAL.get(kind, {})
    return {name: value for name, value in params.items() if name not in usual or value != usual[name]}


USUAL: dict[str, dict[str, Any]] = {
    "bridge": {
        "forward_delay": 1500, "hello_time": 200, "max_age": 2000, "ageing_time": 30000, "stp_state": False,
        "priority": 32768, "vlan_filtering": False, "vlan_protocol": "802.1Q", "group_fwd_mask": 0,
        "group_address": "01:80:c2:00:00:00", "no_linklocal_learn": False, "vlan_default_pvid": 1,
        "vlan_stats_enabled": False, "vlan_stats_per_port": False, "mcast_snooping": True,
        "mcast_vlan_snooping": False, "mcast_router": 1, "mcast_query_use_ifaddr": False, "mcast_querier":
        False, "mcast_hash_elasticity": 16, "mcast_hash_max": 4096, "mcast_last_member_count": 2,
        "mcast_startup_query_count": 2, "mcast_last_member_interval": 100, "mcast_membership_interval": 26000,
        "mcast_querier_interval": 25500, "mcast_query_interval": 12500, "mcast_query_response_interval": 1000,
        "mcast_startup_query_interval": 3124, "mcast_stats_enabled": False, "mcast_igmp_version": 2,
        "mcast_mld_version": 1, "nf_call_iptables": False, "nf_call_ip6tables": False, "nf_call_arptables":
        False,
    },
    "bond": {
        "mode": "balance-rr", "miimon": 0, "updelay": 0, "downdelay": 0, "peer_notify_delay": 0, "use_carrier":
        True, "arp_interval": 0, "arp_validate": "none", "arp_all_targets": "any", "primary_reselect": "always",
        "fail_over_mac": "none", "xmit_hash_policy": "layer2", "resend_igmp": 1, "num_grat_arp": 1,
        "all_slaves_active": False, "min_links": 0, "lp_interval": 1, "packets_per_slave": 1, "tlb_dynamic_lb":
        True, "lacp_rate": "slow", "lacp_active": True, "ad_select": "stable", "arp_missed_max": 2,
    },
    "hsr": {
        "supervision": 0, "proto": 0,
    },
    "macvlan": {
        "mode": "vepa", "flag": ("null",), "bcqueuelen": 1000,
    },
    "macvtap": {
        "mode": "vepa", "flag": ("null",), "bcqueuelen": 1000,
    },
    "vlan": {
        "protocol": "802.1Q", "reorder_hdr": True, "gvrp": False, "mvrp": False, "loose_binding": False,
        "bridge_binding": False,
    },
    "vxlan": {
        "ttl": "auto", "tos": 0, "df": "unset", "flowlabel": 0, "ageing": 300, "maxaddress": "unlimited",
        "srcport": (0, 0), "dstport": 8472, "external": False, "learning": True, "proxy": False, "rsc": False,
        "l2miss": False, "l3miss": False, "udpcsum": True, "udp6zerocsumtx": False, "udp6zerocsumrx": False,
        "remcsumtx": False, "remcsumrx": False,
    },
    "ip6tnl": {
        "mode": "any", "hoplimit": 64, "encaplimit": 4, "tclass": 0, "flowlabel": 0, "dscp": False, "fwmark": 0,
        "allow_localremote": False, "encap": "none", "encap_sport": "auto", "encap_dport": 0, "encap_csum":
        False, "encap_udp6_csum": True, "encap_remcsum": False,
    },
    "ipip": {
        "mode": "any", "ttl": "inherit", "tos": 0, "pmtudisc": True, "fwmark": 0, "encap": "none",
        "encap_sport": "auto", "encap_dport": 0, "encap_csum": False, "encap_udp6_csum": False, "encap_remcsum":
        False,
    },
    "sit": {
        "mode": "any", "ttl": "inherit", "tos": 0, "pmtudisc": True, "fwmark": 0, "encap": "none",
        "encap_sport": "auto", "encap_dport": 0, "encap_csum": False, "encap_udp6_csum": False, "encap_remcsum":
        False, "isatap": False, "6rd_prefix": "2002::/16",
    },
    "gre": {
        "seq": False, "iseq": False, "oseq": False, "csum": False, "icsum": False, "ocsum": False, "ttl":
        "inherit", "tos": 0, "pmtudisc": True, "fwmark": 0, "ignore_df": False, "encap": "none", "encap_sport":
        "auto", "encap_dport": 0, "encap_csum": False, "encap_udp6_csum": False, "encap_remcsum": False,
    },
    "gretap": {
        "seq": False, "iseq": False, "oseq": False, "csum": False, "icsum": False, "ocsum": False, "ttl":
        "inherit", "tos": 0, "pmtudisc": True, "fwmark": 0, "ignore_df": False, "encap": "none", "encap_sport":
        "auto", "encap_dport": 0, "encap_csum": False, "encap_udp6_csum": False, "encap_remcsum": False,
    },
    "ip6gre": {
        "seq": False, "iseq": False, "oseq": False, "csum": False, "icsum": False, "ocsum": False, "hoplimit":
        64, "encaplimit": 4, "tclass": 0, "flowlabel": 0, "dscp": False, "fwmark": 0, "allow_localremote":
        False, "encap": "none", "encap_sport": "auto", "encap_dport": 0, "encap_csum": False, "encap_udp6_csum":
        True, "encap_remcsum": False,
    },
    "ip6gretap": {
        "seq": False, "iseq": False, "oseq": False, "csum": False, "icsum": False, "ocsum": False, "hoplimit":
        64, "encaplimit": 4, "tclass": 0, "flowlabel": 0, "dscp": False, "fwmark": 0, "allow_localremote":
        False, "encap": "none", "encap_sport": "auto", "encap_dport": 0, "encap_csum": False, "encap_udp6_csum":
        True, "encap_remcsum": False,
    },
    "vti": {
        "fwmark": 0,
    },
    "ipvlan": {
        "mode": "l3", "bridge": True, "private": False, "vepa": False,
    },
    "geneve": {
        "ttl": "auto", "tos": 0, "df": "unset", "flowlabel": 0, "dstport": 6081, "udpcsum": False,
        "udp6zerocsumrx": True,
    },
    "macsec": {
        "cipher": "default", "icvlen": 16, "encrypt": False, "send_sci": True, "end_station": False, "scb":
        False, "protect": True, "replay": False, "validate": "strict", "encodingsa": 0, "offload": "off",
    },
    "bridge_slave": {
        "priority": 32, "guard": False, "hairpin": False, "mcast_fast_leave": False, "root_block": False, "learning": True,
        "flood": True, "proxy_arp": False, "proxy_arp_wifi": False, "mcast_router": 1, "mcast_flood": True,
        "bcast_flood": True, "mcast_to_unicast": False, "group_fwd_mask": 0, "neigh_suppress": False,
        "vlan_tunnel": False, "isolated": False, "locked": False,
    },
    "bond_slave": {"queue_id": 0, "prio": 0},
}
