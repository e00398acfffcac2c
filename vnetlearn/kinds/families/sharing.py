"""Kinds that share one network card among several links: macvlan, macvtap, ipvlan, vlan."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

import struct
from dataclasses import dataclass

from ..lists import Choices, QosMap, Sources
from ..numbers import enum
from ..places import Attributes, Bits, Links, Whole, attribute, attributes_in, mac_bytes
from ..record import Kind, Param, Params, apart, needs, table
from ..scenes import BARE_CABLE, LAN, PINGED, End, Scene, at_both
from ..values import Choice, Flag, Number, Spelling, Switch, V, choice

PROTOCOLS = Choice({"802.1Q": 0x8100, "802.1ad": 0x88A8})


class _SourcePlace:
    """macvlan's list of MACs: what to do with it, and one address or a nested row of them."""

    modes = ("add", "del", "flush", "set")
    names = ("IFLA_MACVLAN_MACADDR_MODE", "IFLA_MACVLAN_MACADDR", "IFLA_MACVLAN_MACADDR_DATA")

    def put(self, value: tuple[str, ...], spelling: object, attributes: Attributes, links: Links) -> None:
        mode, one, many = self.names
        attributes[mode] = struct.pack("=I", self.modes.index(value[0]))
        if value[0] in ("add", "del"):
            attributes[one] = mac_bytes(value[1])
        elif value[0] == "set":
            attributes[many] = b"".join(attribute(4, mac_bytes(address)) for address in value[1:])

    def get(self, spelling: object, attributes: Attributes, links: Links) -> tuple[str, ...] | None:
        if self.names[2] not in attributes:
            return None
        return ("set", *(data.hex(":") for _, data in attributes_in(attributes[self.names[2]])))


class _NoBits(Bits):
    """ipvlan's `bridge`: none of the bits."""

    def put(self, value: V, spelling: Spelling[V], attributes: Attributes, links: Links) -> None:
        super().put(spelling.named(0), spelling, attributes, links)

    def get(self, spelling: Spelling[V], attributes: Attributes, links: Links) -> V | None:
        bits = super().get(Number(0, 3), attributes, links)
        return None if bits is None else spelling.named(bits == 0)


def _promiscuous(params: Params) -> str | None:
    flags = params.get("flag")
    if isinstance(flags, tuple) and "nopromisc" in flags and params.get("mode") != "passthru":
        return "flag nopromisc is for mode passthru only"
    return None



def _children(kind: str, says: str, first: tuple[str, ...]) -> Scene:
    ends = (End("", f"{kind}1", ("192.168.0.100/24",), to="ns1"), End("", f"{kind}2", ("192.168.0.200/24",), to="ns2"))
    return Scene(LAN, says, ends, first, pings=(
        ("ns1", "192.168.0.200"), ("ns1", "192.168.0.171"), ("ns1", "192.168.0.20"), ("ns1", "192.168.0.1"),
    ))


def _macvlan(
    name: str, title: str, says: str, module: str, source: str, since: str, lesson: str, scene: str, queue: int = 1000
) -> Kind:
    return Kind(
        name, title, says, "sharing a card", module, source, since, "required", "link",
        "ip-link(8), MACVLAN and MACVTAP Type Support", lesson,
        example={"link": "eth0", "mode": "bridge"}, needs=("eth0",), mknod=name == "macvtap",
        relations=("lower", "held") if name == "macvtap" else ("lower",), shows=("mode",), rules=(
            _promiscuous, needs("macaddr", "mode"),
        ),
        mirrors=True, queue=queue, usual={"mode": "vepa", "flag": ("null",), "bcqueuelen": 1000},
        scene=_children(name, scene, ("mode", "flag", "macaddr", "bcqueuelen")),
        numbers=enum("IFLA_MACVLAN_", "UNSPEC MODE FLAGS MACADDR_MODE MACADDR MACADDR_DATA MACADDR_COUNT BC_QUEUE_LEN"),
        params=table(
            Param("mode", "How it and its siblings hear each other: private (not at all), vepa (over the switch), "
                  "bridge (directly), passthru (one only, with the card's MAC), source (by a list of senders); the "
                  "kernel takes vepa when it is left out.",
                  Choice({"private": 1, "vepa": 2, "bridge": 4, "passthru": 8, "source": 16}),
                  Whole("IFLA_MACVLAN_MODE", "u32")),
            Param("flag", "nopromisc (in mode passthru: do not make the parent promiscuous), nodst (send "
                  "source-matched frames to the matching links only), null (no flag), or a list of the first two.",
                  Choices({"null": 0, "nopromisc": 1, "nodst": 2}), Bits("IFLA_MACVLAN_FLAGS", 0xFFFF)),
            Param("macaddr", "In mode source: the senders' MACs whose frames it gets; a list, 'flush', ('add', MAC) "
                  "or ('del', MAC).", Sources(), _SourcePlace()),
            Param("bcqueuelen", "How many broadcast and multicast frames may wait; 0 to 4294967295, 1000 by default; "
                  "the parent takes the largest of its children's.", Number(0, 0xFFFFFFFF),
                  Whole("IFLA_MACVLAN_BC_QUEUE_LEN", "u32")),
        ),
    )


class _VlanFlag(Bits):
    """The kernel does not tell the attribute when no flag is set (net/8021q/vlan_netlink.c, vlan_fill_info)."""

    def get(self, spelling: Spelling[V], attributes: Attributes, links: Links) -> V | None:
        told = {self.name: bytes(8), **attributes} if attributes.keys() >= TOLD_OF_VLAN else attributes
        return super().get(spelling, told, links)


TOLD_OF_VLAN = {"IFLA_VLAN_ID", "IFLA_VLAN_PROTOCOL"}


def _vlan_flag(word: str, mask: int, says: str) -> Param:
    return Param(word, says, Switch(), _VlanFlag("IFLA_VLAN_FLAGS", mask, "=II", value=0, meant=1))


@dataclass(frozen=True)
class _QosPlace:
    """A map's pairs: a row of attributes, all with the number 1."""

    names: tuple[str]

    def put(self, value: dict[int, int], spelling: object, attributes: Attributes, links: Links) -> None:
        pairs = (struct.pack("=II", *pair) for pair in value.items())
        attributes[self.names[0]] = b"".join(attribute(1, pair) for pair in pairs)

    def get(self, spelling: object, attributes: Attributes, links: Links) -> dict[int, int] | None:
        if self.names[0] not in attributes:
            return None
        return dict(struct.Struct("=II").unpack(data) for _, data in attributes_in(attributes[self.names[0]]))


def _qos(word: str, name: str, says: str) -> Param:
    return Param(word, says, QosMap(), _QosPlace((name,)))


KINDS = (
    _macvlan("macvlan", "one card, several MAC addresses",
             "Gives a network card further links, each with a MAC address of its own, so that one card looks like "
             "several machines to the switch.", "macvlan", "drivers/net/macvlan.c", "2.6.23",
             "02-sharing-a-card/01-macvlan.ipynb", "Two children of eth0, each in a namespace of its own. In the mode "
             "passthru there is room for one."),
    _macvlan("macvtap", "a macvlan whose frames a program reads",
             "Like macvlan, but frames go to and come from a program (often a virtual machine) through a character "
             "device /dev/tapINDEX.", "macvtap", "drivers/net/macvtap.c", "2.6.34",
             "02-sharing-a-card/02-macvtap.ipynb", "As macvlan. Until a program opens /dev/tapINDEX, the kernel itself "
             "takes the frames, so that it answers.", queue=500),
    Kind(
        "ipvlan", "one card, one MAC address, several IP addresses",
        "Gives a network card further links which all have its MAC address; the kernel tells them apart by their IP "
        "addresses, so the switch sees one machine.",
        "sharing a card", "ipvlan", "drivers/net/ipvlan/", "3.19", "required", "link",
        "ip-link(8), IPVLAN Type Support; Documentation/networking/ipvlan.rst", "02-sharing-a-card/03-ipvlan.ipynb",
        example={"link": "eth0", "mode": "l2"}, needs=("eth0",), rules=(apart("bridge", "private", "vepa"),),
        implied=lambda params: {"bridge": True}, relations=("lower",), shows=("mode", "private", "vepa"),
        address=False, flags=lambda params: None if params.get("mode") == "l2" else ("NOARP", "MULTICAST"),
        usual={"mode": "l3", "bridge": True, "private": False, "vepa": False},
        scene=_children("ipvlan", "Two children of eth0 with its MAC address, each in a namespace of its own.",
                        ("mode", "bridge", "private", "vepa")),
        numbers=enum("IFLA_IPVLAN_", "UNSPEC MODE FLAGS"),
        params=table(
            Param("mode", "At which layer frames are handed to the children: l2 (they do ARP themselves), l3 (the "
                  "parent routes for them), l3s (as l3, through the host's netfilter); l3 when it is left out. All "
                  "children of a parent have the same mode.",
                  choice("l2", "l3", "l3s"), Whole("IFLA_IPVLAN_MODE", "u16")),
            Param("bridge", "Children of the same parent reach each other directly; this is the default.",
                  Flag(no=""), _NoBits("IFLA_IPVLAN_FLAGS", 0x3)),
            Param("private", "Children of the same parent do not reach each other.",
                  Flag(no=""), Bits("IFLA_IPVLAN_FLAGS", 0x1)),
            Param("vepa", "Children of the same parent reach each other only when the switch sends their frames back.",
                  Flag(no=""), Bits("IFLA_IPVLAN_FLAGS", 0x2)),
        ),
    ),
    Kind(
        "vlan", "a numbered network among others on one cable",
        "Tags frames with a number (IEEE 802.1Q), so that one cable or card carries several separate networks.",
        "tagging", "8021q", "net/8021q/", "", "required", "link",
        "ip-link(8), VLAN Type Support", lesson="01-foundations/05-vlan.ipynb", example={"link": "eth0", "id": 100},
        needs=("eth0",), relations=("lower",), shows=("protocol", "id"),
        follows=("address", "flags", "up"),  # net/8021q/vlan_dev.c, vlan_dev_init; vlan.c, vlan_device_event
        usual={"protocol": "802.1Q", "reorder_hdr": True, "gvrp": False, "mvrp": False, "loose_binding": False,
               "bridge_binding": False},
        scene=Scene(BARE_CABLE, "The cable carries frames with a number; both ends have to have the same one.",
                    at_both("vlan"), ("id", "protocol", "reorder_hdr", "loose_binding"), pings=PINGED),
        numbers=enum("IFLA_VLAN_", "UNSPEC ID FLAGS EGRESS_QOS INGRESS_QOS PROTOCOL"),
        params=table(
            Param("protocol", "The tag's Ethernet type: 802.1Q (by default) or 802.1ad (the outer tag of two).",
                  PROTOCOLS, Whole("IFLA_VLAN_PROTOCOL", "be16")),
            Param("id", "The network's number, 0 to 4094 (4095 is reserved).", Number(0, 4094),
                  Whole("IFLA_VLAN_ID", "u16"), required=True),
            _vlan_flag("reorder_hdr", 0x1, "Show frames without their tag to programs that look at the link; on by "
                       "default."),
            _vlan_flag("gvrp", 0x2, "Tell the switch of this number by GVRP."),
            _vlan_flag("mvrp", 0x8, "Tell the switch of this number by MVRP."),
            _vlan_flag("loose_binding", 0x4, "Do not follow the parent's state: stay up when it goes down."),
            _vlan_flag("bridge_binding", 0x10, "On a bridge: follow the state of the ports that have this number, "
                       "not the bridge's."),
            _qos("ingress-qos-map", "IFLA_VLAN_INGRESS_QOS", "Which priority inside of Linux a received tag's "
                 "priority (0 to 7) becomes: {tag: priority}."),
            _qos("egress-qos-map", "IFLA_VLAN_EGRESS_QOS", "Which tag's priority (0 to 7) a priority inside of Linux "
                 "becomes on sending: {priority: tag}."),
        ),
    ),
)
