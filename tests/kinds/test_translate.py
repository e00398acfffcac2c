"""Parameters survive the way through ip's words and through netlink, for every kind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labs import draws

from vnetlearn import kinds
from vnetlearn.errors import BadParameter, UnknownKind
from vnetlearn.kinds.nla import LinkMessage
from vnetlearn.kinds.places import Elsewhere

from .samples import LINKS, params_of

NAMES = {index: name for name, index in LINKS.items()}
ALL = [*kinds.KINDS, *kinds.PORTS]
FAST = settings(max_examples=draws(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def through_netlink(kind: str, params: dict[str, Any], new: bool = True) -> dict[str, Any]:
    """What pyroute2 decodes from the bytes that it made of the parameters."""
    slave = "SLAVE_" if kind in kinds.PORTS else ""
    attributes = kinds.encode(kind, params, LINKS.__getitem__, new=new)
    name = kind[: -len("_slave")] if slave else kind
    message = LinkMessage()
    info = [(f"IFLA_INFO_{slave}KIND", name), (f"IFLA_INFO_{slave}DATA", {"attrs": attributes})]
    message["attrs"] = [("IFLA_LINKINFO", {"attrs": info if attributes else info[:1]})]
    message.encode()
    back = LinkMessage(bytes(message.data))
    back.decode()
    data = back.get_attr("IFLA_LINKINFO").get_attr(f"IFLA_INFO_{slave}DATA")
    return kinds.decode(kind, data, NAMES.__getitem__)


@pytest.mark.parametrize("kind", ALL)
@FAST
@given(data=st.data())
def test_words_and_back(kind: str, data: st.DataObject) -> None:
    params = data.draw(params_of(kinds.kind(kind)))
    words = kinds.words(kind, params)
    assert all(isinstance(word, str) and word for word in words)
    expected = kinds.checked(kind, params)
    if expected.pop("6rd_reset", None):  # spelled as what it stands for
        expected["6rd_prefix"] = "2002::/16"
    assert kinds.parse(kind, words) == expected


# Words that only change others: what they set reads back under the other name, or not at all
NOT_READ_BACK = {"noencap", "clear_active_slave", "nobackup_port", "fdb_flush", "6rd_reset"}
# Parameters for both directions read back under one name only while the two are equal
BOTH_WAYS = {"seq": ("iseq", "oseq"), "csum": ("icsum", "ocsum"), "key": ("ikey", "okey")}
SAME_ATTRIBUTE = ({"mcast_fast_leave", "fastleave"}, {"active_slave", "clear_active_slave"}, {"encap", "noencap"})


@pytest.mark.parametrize("kind", [name for name in ALL if kinds.kind(name).via != "tuntap"])
@FAST
@given(data=st.data())
def test_netlink_and_back(kind: str, data: st.DataObject) -> None:
    params = data.draw(params_of(kinds.kind(kind)))
    normal = kinds.checked(kind, params)
    back = through_netlink(kind, params)
    for name, value in normal.items():
        param = kinds.kind(kind).params[name]
        overruled = any(other in normal for other in BOTH_WAYS.get(name, ())) or any(
            name in same and len(same & normal.keys()) > 1 for same in SAME_ATTRIBUTE
        )
        if name in NOT_READ_BACK or isinstance(param.place, Elsewhere) or overruled:
            continue
        if name == "macaddr":
            expected = value if value[0] == "set" else None
        elif value in ("any", "0.0.0.0", "::", False, "0.0.0.0/0") and name not in back:
            continue
        elif name in ("dstport", "srcport") and value in (0, (0, 0)):
            expected = {"dstport": 4790}.get(name) if normal.get("gpe") else None
        else:
            expected = value
        assert back.get(name) == expected, name


def test_what_ip_sends_by_itself() -> None:
    back = through_netlink("ip6tnl", {"remote": "2001:db8::2"})
    assert (back["hoplimit"], back["encaplimit"], back["mode"], back["encap_udp6_csum"]) == (64, 4, "any", True)
    assert through_netlink("vxlan", {"external": True})["learning"] is False
    assert through_netlink("vxlan", {"external": True, "learning": True})["learning"] is True
    assert through_netlink("vxlan", {"id": 1, "gpe": True})["dstport"] == 4790
    assert through_netlink("gre", {"remote": "239.0.0.1", "local": "192.0.2.1"})["key"] == 0xEF000001
    assert through_netlink("ip6gre", {"external": True}) == {"external": True}


def test_a_change_sends_only_what_was_given() -> None:
    assert kinds.encode("vxlan", {"ttl": 5}, LINKS.__getitem__, new=False) == [("IFLA_VXLAN_TTL", b"\5")]
    assert kinds.encode("bond", {"clear_active_slave": True}, LINKS.__getitem__, new=False) == [
        ("IFLA_BOND_ACTIVE_SLAVE", bytes(4))
    ]


def test_a_change_of_a_tunnel_sends_back_what_it_was() -> None:
    before = {"remote": "2001:db8::2", "key": 7, "encaplimit": "none", "tclass": 16, "dscp": True}
    current = {"attrs": kinds.encode("ip6gre", before, LINKS.__getitem__)}
    changes = {"key": 8, "encaplimit": 5, "tclass": "inherit"}
    sent = kinds.encode("ip6gre", changes, LINKS.__getitem__, new=False, current=current)
    after = kinds.decode("ip6gre", {"attrs": sent}, NAMES.__getitem__)
    assert {name: after[name] for name in before} == {**before, **changes}
    assert (after["ikey"], after["okey"], after["hoplimit"]) == (8, 8, 64)


def test_links_are_found_by_name_and_index() -> None:
    assert ("IFLA_HSR_SLAVE2", b"\3\0\0\0") in kinds.encode(
        "hsr", {"slave1": "eth0", "slave2": "eth1"}, LINKS.__getitem__
    )
    assert through_netlink("gre", {"dev": "eth1"})["dev"] == "eth1"


@pytest.mark.parametrize(
    ("kind", "params", "said"),
    [
        ("vxlan", {}, "id, the network's number, is missing"),
        ("vxlan", {"id": 2**24}, "id must be a whole number from 0 to 16777215, not 16777216"),
        ("vxlan", {"id": True}, "not True"),
        ("vxlan", {"id": 1, "remot": "10.0.0.1"}, "vxlan has no parameter 'remot'"),
        ("vxlan", {"id": 1, "vni": 2}, "id is given twice"),
        ("vxlan", {"id": 1, "group": "10.0.0.1", "dev": "eth0"}, "group must be a multicast address, as"),
        ("vxlan", {"id": 1, "group": "239.0.0.1"}, "group has no meaning without dev"),
        ("vxlan", {"id": 1, "remote": "239.0.0.1"}, "remote must not be a multicast address"),
        ("vxlan", {"id": 1, "remote": "10.0.0.1", "local": "::1"}, "local and remote must both be"),
        ("vxlan", {"id": 1, "external": True}, "external and id exclude each other"),
        ("vxlan", {"id": 1, "vnifilter": True}, "vnifilter has no meaning without external"),
        ("vxlan", {"id": 1, "srcport": (5, 1)}, "srcport must be the lower"),
        ("vxlan", {"id": 1, "remote": "fe80::1%eth0"}, "remote must be an IP address"),
        ("geneve", {"id": 1}, "remote is missing"),
        ("vlan", {}, "id is missing"),
        ("vlan", {"id": 1, "egress_qos_map": [1]}, "egress-qos-map must map priorities"),
        ("vlan", {"id": 1, "gvrp": "maybe"}, "gvrp must be True or False, not 'maybe'"),
        ("vrf", {}, "table is missing"),
        ("hsr", {"slave1": "eth0"}, "slave2 is missing"),
        ("hsr", {"slave1": "a/b", "slave2": "eth1"}, "slave1 must be the name of a link, not 'a/b'"),
        ("macvlan", {"mode": "bridged"}, "mode must be one of private, vepa, bridge, passthru, source; not 'bridged'"),
        ("macvlan", {"mode": "bridge", "flag": "nopromisc"}, "flag nopromisc is for mode passthru only"),
        ("macvlan", {"mode": "source", "macaddr": ["02:00"]}, "macaddr must be a MAC address"),
        ("ipvlan", {"bridge": True, "vepa": True}, "bridge and vepa exclude each other"),
        ("gre", {"external": True, "key": 1}, "external excludes key"),
        ("gre", {"remote": "239.0.0.1"}, "a remote multicast address needs local"),
        ("gre", {"key": "10.0.0.256"}, "key must be an IPv4 address"),
        ("ipip", {"ttl": 4, "pmtudisc": False}, "ttl and nopmtudisc exclude each other"),
        ("ipip", {"remote": "2001:db8::1"}, "remote must be an IPv4 address, not '2001:db8::1'"),
        ("sit", {"6rd_prefix": "2001:db8::1/32"}, "6rd-prefix must have no bits set after the prefix"),
        ("macsec", {"replay": True}, "replay needs window"),
        ("macsec", {"send_sci": True, "scb": True}, "send_sci and scb exclude each other"),
        ("macsec", {"sci": "xyz"}, "sci must be 16 hexadecimal digits"),
        ("can", {"sample_point": 0.8}, "sample_point has no meaning without bitrate or tq"),
        ("can", {"bitrate": 500000, "sample_point": 1.5}, "sample-point must be a fraction"),
        ("bond", {"arp_ip_target": ["10.0.0.1"] * 17}, "arp_ip_target can have 16 values at most"),
        ("dummy", {"mtus": 1}, "dummy has no parameter 'mtus'"),
        ("tun", {}, "mode is missing"),
        ("veth", {"peer": {"nme": "x"}}, "peer has no option 'nme'"),
    ],
)
def test_what_is_wrong_is_said(kind: str, params: dict[str, Any], said: str) -> None:
    with pytest.raises(BadParameter) as caught:
        kinds.encode(kind, params, LINKS.__getitem__)
    assert said in caught.value.said
    assert kind in caught.value.tried or kind == "tun"
    assert caught.value.next_step


def test_an_unknown_kind_names_those_that_come_close() -> None:
    with pytest.raises(UnknownKind, match="did you mean macvlan") as caught:
        kinds.kind("macvlam")
    assert "bridge, bond, can" in caught.value.why


def test_other_names_for_the_same_parameter() -> None:
    assert kinds.words("vxlan", {"vni": 7}) == ["id", "7"]
    assert kinds.words("bond", {"num_unsol_na": 3}) == ["num_grat_arp", "3"]
    assert kinds.words("sit", {"sixrd_reset": True}) == ["6rd-prefix", "2002::/16"]
    assert kinds.words("gre", {"encap_csum6": False}) == ["noencap-udp6-csum"]


@pytest.mark.parametrize(
    ("kind", "params", "words"),
    [
        (
            "vxlan",
            {"id": 42, "dstport": 4789, "remote": "10.0.0.2", "learning": False},
            "id 42 remote 10.0.0.2 dstport 4789 nolearning",
        ),
        ("vxlan", {"id": 1, "srcport": (100, 200), "gbp": True, "gpe": False}, "id 1 srcport 100 200 gbp"),
        ("macvlan", {"mode": "source", "macaddr": ["2:0:0:0:0:1"]}, "mode source macaddr set 02:00:00:00:00:01"),
        ("macvlan", {"mode": "passthru", "flag": ["nodst", "nopromisc"]}, "mode passthru flag nopromisc flag nodst"),
        ("ipvlan", {"mode": "l3s", "vepa": True}, "mode l3s vepa"),
        ("vlan", {"id": 5, "egress_qos_map": {0: 1, 5: 7}, "gvrp": True}, "id 5 gvrp on egress-qos-map 0:1 5:7"),
        (
            "gre",
            {"key": "0.0.1.0", "seq": True, "ocsum": False, "tos": 16, "okey": False},
            "seq key 256 nookey noocsum tos 0x10",
        ),
        ("ip6tnl", {"encaplimit": "none", "tclass": 255, "dscp": True}, "encaplimit none tclass 0xff dscp inherit"),
        (
            "bond",
            {"arp_ip_target": ["10.0.0.1", "10.0.0.2"], "lacp_active": True},
            "arp_ip_target 10.0.0.1,10.0.0.2 lacp_active on",
        ),
        (
            "can",
            {"bitrate": 500000, "sample_point": 0.875, "fd": True, "restart_ms": 100},
            "bitrate 500000 sample-point 0.875 fd on restart-ms 100",
        ),
        ("tun", {"mode": "tap", "user": 1000, "multi_queue": True}, "mode tap user 1000 multi_queue"),
        ("bridge", {"stp_state": True, "vlan_protocol": "802.1ad"}, "stp_state 1 vlan_protocol 802.1ad"),
        ("veth", {"peer": {"name": "b", "mtu": 1400, "up": True}}, "peer name b mtu 1400 up"),
        (
            "macsec",
            {"port": 11, "encrypt": True, "address": "02:00:00:00:00:01"},
            "address 02:00:00:00:00:01 port 11 encrypt on",
        ),
    ],
)
def test_spelled_as_ip_does(kind: str, params: dict[str, Any], words: str) -> None:
    assert " ".join(kinds.words(kind, params)) == words


def test_parse_refuses_what_it_does_not_know() -> None:
    with pytest.raises(BadParameter, match="no parameter 'learn'"):
        kinds.parse("vxlan", ["id", "1", "learn"])
    with pytest.raises(BadParameter, match="id must be followed by a value"):
        kinds.parse("vxlan", ["id"])
