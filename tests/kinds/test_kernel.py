"""The kernel makes the same link from our message as from the `ip` command with the same parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from labs import draws

from vnetlearn import kinds
from vnetlearn.errors import BadParameter, CommandFailed, KernelRefused
from vnetlearn.iproute import netlink
from vnetlearn.iproute.linkmsg import ifinfmsg
from vnetlearn.kinds import lists, values
from vnetlearn.kinds.record import Kind, Param
from vnetlearn.lab.lab import Lab, Node

from .samples import params_of, refused

CREATED = [name for name, kind in kinds.KINDS.items() if kind.via == "link" and not kind.hardware]
ENCAPSULATED = {"encap": "fou", "encap_dport": 5555}

# What a parameter needs beside it to have a meaning
BESIDE: dict[tuple[str, str], dict[str, Any]] = {
    ("vxlan", "group"): {"id": 5, "dev": "eth0"},
    ("vxlan", "vnifilter"): {"external": True, "dstport": 4789},
    ("vxlan", "external"): {"dstport": 4789},
    ("vxlan", "gpe"): {"external": True},
    ("vxlan", "ageing"): {"id": 5},
    ("geneve", "external"): {},
    ("macvlan", "macaddr"): {"mode": "source"},
    ("macvtap", "macaddr"): {"mode": "source"},
    ("macsec", "window"): {"replay": True},
    ("macsec", "replay"): {"window": 32},
    ("macsec", "address"): {"port": 11},
    ("sit", "6rd_relay_prefix"): {"6rd_prefix": "2001:db8::/32", "local": "10.0.0.1"},
    ("bridge", "mcast_vlan_snooping"): {"vlan_filtering": True},
    ("bond", "primary_reselect"): {"mode": "active-backup"},
    ("bond", "arp_validate"): {"mode": "active-backup", "arp_interval": 100, "arp_ip_target": ["192.0.2.1"]},
    ("bond", "ns_ip6_target"): {"mode": "active-backup", "arp_interval": 100},
    ("bond", "arp_interval"): {"mode": "active-backup", "arp_ip_target": ["192.0.2.1"]},
    ("bond", "arp_ip_target"): {"mode": "active-backup", "arp_interval": 100},
    ("bond", "packets_per_slave"): {"mode": "balance-rr"},
    ("bond", "tlb_dynamic_lb"): {"mode": "balance-tlb"},
    **{("bond", name): {"mode": "802.3ad"} for name in kinds.KINDS["bond"].params if name.startswith(("lacp_", "ad_"))},
    **{("bond", name): {"miimon": 100} for name in ("updelay", "downdelay", "peer_notify_delay")},
    **{(kind, "ignore_df"): {"pmtudisc": False, "key": 9} for kind in ("gre", "gretap")},
    **{(kind, "flag"): {"mode": "passthru"} for kind in ("macvlan", "macvtap")},
}
# Values that the kernel takes, where it takes few of those that the word can have
VALUES: dict[str, list[Any]] = {
    "forward_delay": [200, 1500],
    "hello_time": [100, 1000],
    "max_age": [600, 4000],
    "ageing_time": [0, 30000],
    "group_address": ["01:80:c2:00:00:0e"],
    "group_fwd_mask": [0, 0xFFF8],
    "mcast_hash_elasticity": [16],
    "mcast_hash_max": [512, 4096],
    "updelay": [200],
    "downdelay": [200],
    "peer_notify_delay": [300],
    "lp_interval": [7],
    "miimon": [0, 250],
    "arp_interval": [0, 500],
    "ad_actor_system": ["02:00:00:00:00:07"],
    "flowlabel": [0, 0xFFFFF, "inherit"],
    "6rd_prefix": ["2001:db8::/32"],
    "6rd_relay_prefix": ["10.0.0.0/8"],
    "icvlen": [16],
    "offload": ["off"],
    "srcport": [(0, 0), (1000, 2000)],
    "slave2": ["eth1"],
    "pmtudisc": [False],
    "learning": [False],
    "cipher": ["default", "gcm-aes-128", "gcm-aes-256"],
}
# What the 6.12 kernel takes from no one when a link is made, for a reason of its own
NEVER = {
    "bond": {"active_slave"},  # only a member can be named, and a new bond has none
    "sit": {"external"},  # the kernel's sit does not know it, and without addresses there is sit0 already
}


def examples(param: Param) -> list[Any]:
    """A few values of a parameter: all words, a number in the range, on for a switch."""
    value = param.value
    if found := VALUES.get(param.name):
        return [v for v in found if not isinstance(v, str) or accepts(param, v)]
    if isinstance(value, values.Choice):
        return list(value.numbers)
    if isinstance(value, values.Number):
        return [min(value.low + 7, value.high), *value.names]
    if isinstance(value, (values.Switch, values.Flag)):
        return [True]
    if isinstance(value, values.Address):
        return ["239.1.1.1"] if value.multicast else ["2001:db8::9" if value.family == 6 else "192.0.2.9"]
    if isinstance(value, values.Addresses):
        return [["192.0.2.1", "192.0.2.2"] if value.item.family == 4 else ["2001:db8::1"]]
    if isinstance(value, values.Link):
        return ["eth0"]
    if isinstance(value, lists.Choices):
        return [[bit] for bit in value.bits]
    by_type: dict[type, list[Any]] = {
        values.Key: [77, "10.0.0.1"],
        values.Mac: ["02:00:00:00:00:05"],
        lists.QosMap: [{0: 1, 5: 7}],
        lists.Sources: [["02:00:00:00:00:11", "02:00:00:00:00:12"], "flush", ("add", "02:00:00:00:00:13")],
        lists.Peer: ["p0", {"name": "p0", "mtu": 1400}],
    }
    return next((found for cls, found in by_type.items() if isinstance(value, cls)), [0x0200000000010002])


def accepts(param: Param, value: Any) -> bool:
    try:
        param.value.check(value)
    except ValueError:
        return False
    return True


def around(kind: Kind, name: str, value: Any) -> dict[str, Any]:
    """Parameters with this one among them, which nothing is wrong with as far as we know."""
    base = {k: v for k, v in kind.example.items() if k != "link"}
    beside = BESIDE.get((kind.name, name), ENCAPSULATED if name.startswith("encap") else {})
    tries = [{**beside, name: value}, {**base, **beside, name: value}]
    tries = tries if (kind.name, name) in BESIDE else tries[::-1]
    said = [refused(kind, params) for params in tries]
    assert None in said, said
    return tries[said.index(None)]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("empty", engine="vm") as lab:
        lab.run("modprobe -a fou fou6", check=True, quiet=True)
        for name in ("ours", "ips"):
            node = lab.netns.add(name)
            for number in (0, 1):
                node.link.add(f"eth{number}", kind="dummy", address=f"02:00:00:00:01:0{number}")
        lab.run("modprobe mac802154_hwsim radios=2", check=True, quiet=True)
        yield lab


def state(node: Node, kind: Kind) -> dict[str, Any]:
    """What the kernel tells of x0: the bytes of every attribute in the catalogue, MTU and parent."""
    message = node.request(netlink.GETLINK, ifinfmsg([(netlink.IFLA_IFNAME, b"x0\0")]))[0]
    data = message.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_DATA")
    slots = {slot[0]: slot[1] for slot in (data["attrs"] if data else ())}
    return {
        "mtu": message.get_attr("IFLA_MTU"),
        "parent": message.get_attr("IFLA_LINK") if kind.name != "veth" else None,
        **{name: slots[name] for name in kind.attributes if name in slots},
    }


def made_by_us(node: Node, kind: Kind, params: dict[str, Any]) -> dict[str, Any] | None:
    """The link's state, or None when the kernel refused. The link is gone afterwards."""
    link = {"link": kind.example["link"]} if "link" in kind.example else {}
    try:
        node.link.add("x0", kind=kind.name, **link, **params)
    except KernelRefused:
        return None
    return seen(node, kind)


def made_by_ip(node: Node, kind: Kind, params: dict[str, Any]) -> dict[str, Any] | None:
    link = ["link", kind.example["link"]] if "link" in kind.example else []
    try:
        node.run(
            ["ip", "link", "add", *link, "name", "x0", "type", kind.name, *kinds.words(kind, params)],
            check=True,
            quiet=True,
        )
    except CommandFailed:
        return None
    return seen(node, kind)


def seen(node: Node, kind: Kind) -> dict[str, Any]:
    try:
        return state(node, kind)
    finally:
        node.link.delete("x0")


def compare(lab: Lab, kind: Kind, params: dict[str, Any]) -> bool:
    """Whether the kernel took the parameters; it must be the same for both, with the same outcome."""
    node = [lab["ours"], lab["ips"]] if "wpan0" not in kind.example.values() else [lab.host, lab.host]
    ours, theirs = made_by_us(node[0], kind, params), made_by_ip(node[1], kind, params)
    assert ours == theirs, (params, kinds.words(kind, params))
    return ours is not None


def bundles(kind: Kind) -> Iterator[dict[str, Any]]:
    """Every example of every parameter, as many as can stand together in each."""
    left = {param.name: examples(param) for param in kind.params.values()}
    while any(left.values()):
        bundle = {k: v for k, v in kind.example.items() if k != "link"}
        before = sum(map(len, left.values()))
        for name, found in left.items():
            if found and refused(kind, {**bundle, name: found[0]}) is None:
                bundle[name] = found.pop(0)
        if sum(map(len, left.values())) == before:  # what is left needs others beside it
            name = next(name for name, found in left.items() if found)
            bundle = around(kind, name, left[name].pop(0))
        yield bundle


@pytest.mark.parametrize("name", CREATED)
def test_every_parameter_works_by_its_name(lab: Lab, name: str) -> None:
    kind = kinds.kind(name)
    assert compare(lab, kind, {k: v for k, v in kind.example.items() if k != "link"})
    taken: set[str] = set()
    for bundle in bundles(kind):
        if compare(lab, kind, bundle):
            taken |= bundle.keys()
        else:
            taken |= {one for one, value in bundle.items() if compare(lab, kind, around(kind, one, value))}
    assert kind.params.keys() - taken == NEVER.get(name, set())


@pytest.mark.parametrize("name", [name for name in CREATED if kinds.KINDS[name].params and name != "veth"])
def test_any_parameters_together(lab: Lab, name: str) -> None:
    kind = kinds.kind(name)

    @settings(
        max_examples=draws(8),
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(params_of(kind))
    def same(params: dict[str, Any]) -> None:
        compare(lab, kind, params)

    same()


def test_the_kind_without_hardware_is_refused_to_both(lab: Lab) -> None:
    hardware = [kind for kind in kinds.KINDS.values() if kind.hardware]
    assert [kind.name for kind in hardware] == ["ipoib"]
    assert not compare(lab, hardware[0], {"pkey": 0x8001})


def test_a_changed_link_is_the_same_as_ip_changes_it(lab: Lab) -> None:
    kind = kinds.kind("bond")
    for params in ({"mode": "802.3ad", "lacp_rate": "fast"}, {"miimon": 250}, {"xmit_hash_policy": "layer3+4"}):
        states = []
        for node, by_ip in ((lab["ours"], False), (lab["ips"], True)):
            node.link.add("x0", kind="bond")
            if by_ip:
                words = kinds.words("bond", params)
                node.run(["ip", "link", "set", "x0", "type", "bond", *words], check=True, quiet=True)
            else:
                node.link.set("x0", kind="bond", **params)
            states.append(seen(node, kind))
        assert states[0] == states[1]


def test_a_change_is_refused_for_what_the_link_has_already(lab: Lab) -> None:
    """As ip does, which looks first: of the two that exclude each other, one was there before."""
    node = lab["ours"]
    node.link.add("x0", kind="ipip", remote="192.0.2.2", ttl=64)
    with pytest.raises(BadParameter, match="ttl and nopmtudisc exclude each other"):
        node.link.set("x0", kind="ipip", pmtudisc=False)
    assert node.run("ip link set x0 type ipip nopmtudisc", quiet=True).status
    assert node.link["x0"].params["pmtudisc"]
    node.link.delete("x0")


def test_a_controller_is_set_up_as_ip_does(lab: Lab) -> None:
    lab.run("modprobe kvaser_pci", check=True, quiet=True)
    kind = kinds.kind("can")
    taken = set()
    for param in kind.params.values():
        for value in [0.75] if isinstance(param.value, values.Thousandths) else examples(param):
            beside: dict[str, Any] = {"bitrate": 500000}
            beside |= {"dbitrate": 1000000} if param.name.startswith("d") else {}
            params = {**beside, param.name: {"bitrate": 250000}.get(param.name, value)}
            ours = theirs = True
            try:
                lab.host.link.set("can0", kind="can", **params)
                taken.add(param.name)
            except KernelRefused:
                ours = False
            try:
                words = kinds.words("can", params)
                lab.host.run(["ip", "link", "set", "can1", "type", "can", *words], check=True, quiet=True)
            except CommandFailed:
                theirs = False
            assert ours == theirs, params
            links = {link.name: link.params for link in lab.host.link.show(kind="can")}
            assert links["can0"] == links["can1"], params
    # An SJA1000 has no CAN FD, no delay compensation, no termination; it restarts only when the bus is off
    assert taken >= {
        "bitrate",
        "sample_point",
        "loopback",
        "listen_only",
        "triple_sampling",
        "one_shot",
        "berr_reporting",
        "presume_ack",
        "cc_len8_dlc",
        "restart_ms",
    }


def test_what_a_link_tells_is_what_it_was_given(lab: Lab) -> None:
    node = lab["ours"]
    given_params = {"id": 42, "remote": "10.0.0.2", "dstport": 4789, "learning": False, "ttl": "inherit", "dev": "eth1"}
    told = node.link.add("x0", kind="vxlan", **given_params).params
    node.link.delete("x0")
    assert {name: told[name] for name in given_params} == given_params


def test_a_vlan_without_any_flag_tells_that_it_has_none(lab: Lab) -> None:
    """The kernel leaves the attribute out then."""
    made = lab["ours"].link.add("x0", kind="vlan", link="eth1", id=5, reorder_hdr=False)
    lab["ours"].link.delete("x0")
    assert (made.params["reorder_hdr"], made.params["gvrp"]) == (False, False)


def test_a_tap_is_what_it_was_given(lab: Lab) -> None:
    made = lab.host.link.add("tap7", kind="tun", mode="tap", user="1000", multi_queue=True)
    lab.host.link.delete("tap7")
    assert (made.params["mode"], made.params["user"], made.params["multi_queue"]) == ("tap", "1000", True)
