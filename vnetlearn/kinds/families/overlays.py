"""Kinds that carry Ethernet in UDP over another network: vxlan and geneve."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

import struct
from dataclasses import dataclass

from ..lists import Ports
from ..numbers import enum
from ..places import Attributes, EitherIp, Index, Links, Present, Whole, WithBit
from ..record import Kind, Param, Params, Wraps, apart, needs, table
from ..scenes import CABLE, PINGED, V4, Scene, at_both
from ..values import Address, Choice, Flag, Link, Number, ParamValue, Spelling, V, choice

VNI, PORT, LABEL = Number(0, 0xFFFFFF), Number(0, 0xFFFF), Number(0, 0xFFFFF)
TOS = Number(0, 255, {"inherit": 1}, hexadecimal=True)
TTL = Number(0, 255, {"auto": 0, "inherit": -1})
DF = choice("unset", "set", "inherit")


@dataclass(frozen=True)
class _Port(Whole):
    """A port that 0 leaves to the kernel."""

    def put(self, value: V, spelling: Spelling[V], attributes: Attributes, links: Links) -> None:
        if value:
            super().put(value, spelling, attributes, links)


class _PortRange:
    names = ("IFLA_VXLAN_PORT_RANGE",)

    def put(self, value: tuple[int, int], spelling: object, attributes: Attributes, links: Links) -> None:
        if any(value):
            attributes[self.names[0]] = struct.pack(">HH", *value)

    def get(self, spelling: object, attributes: Attributes, links: Links) -> tuple[int, int] | None:
        data = attributes.get(self.names[0])
        return struct.unpack(">HH", data) if data else None


def _vxlan(word: str, attribute: str, wire: str, value: Number | Choice | Flag, says: str, *also: str) -> Param:
    return Param(word, says, value, Whole(f"IFLA_VXLAN_{attribute}", wire), also=also)


def _vxlan_flag(word: str, attribute: str, says: str) -> Param:
    return Param(word, says, Flag(), Whole(f"IFLA_VXLAN_{attribute}", "u8"))


_TWO_NUMBERS = "external and id exclude each other: with external, the routes give the number"


def _vxlan_id(params: Params) -> str | None:
    if params.get("external") and "id" in params:
        return _TWO_NUMBERS
    return None if params.get("external") or "id" in params else "id, the network's number, is missing"


def _vxlan_family(params: Params) -> str | None:
    given = {name: str(params[name]) for name in ("local", "remote", "group") if name in params}
    if len({":" in address for address in given.values()}) < 2:
        return None
    return f"{' and '.join(given)} must both be IPv4 or both be IPv6 addresses"


def _vxlan_implied(params: Params) -> dict[str, ParamValue]:
    return {"learning": not params.get("external"), **({"dstport": 4790} if params.get("gpe") else {})}


def _vxlan_again(told: Params, unusual: dict[str, ParamValue], address: str) -> dict[str, ParamValue]:
    """With external, the number that the kernel tells has no meaning, and ip turns learning off.

    A flow label is taken for IPv6 alone (vxlan_config_validate in the kernel), and of the address :: nothing is told.
    """
    if unusual.get("flowlabel") and not any(":" in str(told.get(name)) for name in ("local", "remote", "group")):
        unusual = {**unusual, "remote": "::"}
    if not unusual.get("external"):
        return unusual
    return {**{name: value for name, value in unusual.items() if name != "id"}, "learning": told["learning"]}


VXLAN = Kind(
    "vxlan", "Ethernet networks over UDP, by number",
    "Carries Ethernet frames in UDP packets to other machines, for up to 16 million separate networks over one IP "
    "network.",
    "tunnel", "vxlan", "drivers/net/vxlan/", "3.7", "optional", "dev",
    "ip-link(8), VXLAN Type Support; Documentation/networking/vxlan.rst",
    example={"id": 42, "remote": "192.0.2.2", "dstport": 4789},
    rules=(apart("group", "remote"), needs("group", "dev"), needs("vnifilter", "external"), _vxlan_id, _vxlan_family),
    implied=_vxlan_implied,
    relations=("underlay", "tunnel"), shows=("id", "remote", "group"),
    wraps=Wraps("VXLAN", udp=(4789, 8472), table=True), own_dev=True, mtu=None, again=_vxlan_again,
    usual={
        "ttl": "auto", "tos": 0, "df": "unset", "flowlabel": 0, "ageing": 300, "maxaddress": "unlimited",
        "srcport": (0, 0), "dstport": 8472, "external": False, "learning": True, "proxy": False, "rsc": False,
        "l2miss": False, "l3miss": False, "udpcsum": True, "udp6zerocsumtx": False, "udp6zerocsumrx": False,
        "remcsumtx": False, "remcsumrx": False,
    },
    scene=Scene(
        CABLE, "An Ethernet of its own between a and b, in UDP packets over the cable.", at_both("vxlan"),
        ("id", "remote", "local", "dstport", "dev", "group", "learning", "ttl", "external"), V4, pings=PINGED,
        script=("bridge -n a fdb show dev DEV",)),
    numbers=enum("IFLA_VXLAN_", "UNSPEC ID GROUP LINK LOCAL TTL TOS LEARNING AGEING LIMIT PORT_RANGE PROXY RSC L2MISS "
        "L3MISS PORT GROUP6 LOCAL6 UDP_CSUM UDP_ZERO_CSUM6_TX UDP_ZERO_CSUM6_RX REMCSUM_TX REMCSUM_RX GBP "
        "REMCSUM_NOPARTIAL COLLECT_METADATA LABEL GPE TTL_INHERIT DF VNIFILTER"),
    params=table(
        _vxlan("id", "ID", "u32", VNI, "The network's number, 0 to 16777215.", "vni"),
        Param("group", "The multicast address that stands for all other machines; needs dev.",
              Address(multicast=True, any=False), EitherIp("IFLA_VXLAN_GROUP", "IFLA_VXLAN_GROUP6", True)),
        Param("remote", "The other machine's address.", Address(multicast=False),
              EitherIp("IFLA_VXLAN_GROUP", "IFLA_VXLAN_GROUP6", False)),
        Param("local", "The address it sends from.", Address(multicast=False),
              EitherIp("IFLA_VXLAN_LOCAL", "IFLA_VXLAN_LOCAL6")),
        Param("dev", "The lower link that it sends through.", Link(), Index("IFLA_VXLAN_LINK")),
        Param("ttl", "How many routers the outer packet may pass, 1 to 255, auto (as other packets) or inherit (from "
              "the inner packet).", TTL, WithBit(Whole("IFLA_VXLAN_TTL", "u8"), Present("IFLA_VXLAN_TTL_INHERIT"),
                                                 "inherit"), also=("hoplimit",)),
        _vxlan("tos", "TOS", "u8", TOS, "The outer packet's type of service, 0 to 255, or inherit.", "dsfield"),
        _vxlan("df", "DF", "u8", DF, "The outer packet's do-not-fragment bit."),
        _vxlan("flowlabel", "LABEL", "be32", LABEL, "The outer packet's IPv6 flow label, 0 to 1048575.", "label"),
        _vxlan("ageing", "AGEING", "u32", Number(0, 0xFFFFFFFF, {"none": 0}), "How long a learned address is kept, in "
               "seconds (300 by default), or none for ever."),
        _vxlan("maxaddress", "LIMIT", "u32", Number(0, 0xFFFFFFFF, {"unlimited": 0}), "How many addresses it learns at "
               "most."),
        Param("srcport", "The lowest and highest UDP port that it sends from.", Ports(), _PortRange(), also=("port",)),
        Param("dstport", "The UDP port that it sends to and listens on: 4789 is the standard's, 8472 the kernel's "
              "when it is left out or 0.", PORT, _Port("IFLA_VXLAN_PORT", "be16")),
        _vxlan_flag("external", "COLLECT_METADATA", "Number and addresses come from routes or tc, not from here."),
        _vxlan_flag("learning", "LEARNING", "Whether it learns which machine has which MAC; on by default."),
        _vxlan_flag("proxy", "PROXY", "Whether it answers ARP from its own neighbour table."),
        _vxlan_flag("rsc", "RSC", "Whether it routes short cuts to known neighbours."),
        _vxlan_flag("l2miss", "L2MISS", "Whether it reports unknown MACs over netlink."),
        _vxlan_flag("l3miss", "L3MISS", "Whether it reports unknown IP addresses over netlink."),
        _vxlan_flag("udpcsum", "UDP_CSUM", "Whether outer IPv4 packets have a UDP checksum."),
        _vxlan_flag("udp6zerocsumtx", "UDP_ZERO_CSUM6_TX", "Whether outer IPv6 packets are sent without a UDP "
                    "checksum."),
        _vxlan_flag("udp6zerocsumrx", "UDP_ZERO_CSUM6_RX", "Whether outer IPv6 packets without a UDP checksum are "
                    "taken."),
        _vxlan_flag("remcsumtx", "REMCSUM_TX", "Whether the inner checksum is left to the receiver."),
        _vxlan_flag("remcsumrx", "REMCSUM_RX", "Whether it takes packets whose inner checksum was left to it."),
        Param("gbp", "Group policy extension: the packet's mark travels along.", Flag(no=""),
              Present("IFLA_VXLAN_GBP")),
        Param("gpe", "Generic protocol extension: it carries other protocols than Ethernet; port 4790 by default; the "
              "kernel takes it with external only.",
              Flag(no=""), Present("IFLA_VXLAN_GPE")),
        _vxlan_flag("vnifilter", "VNIFILTER", "Take only the numbers that `bridge vni` lists; needs external."),
    ),
)


def _geneve(word: str, attribute: str, wire: str, value: Number | Choice | Flag, says: str, *also: str) -> Param:
    return Param(word, says, value, Whole(f"IFLA_GENEVE_{attribute}", wire), also=also)


def _geneve_ends(params: Params) -> str | None:
    if params.get("external"):
        return _TWO_NUMBERS if "id" in params else None
    missing = [name for name in ("id", "remote") if name not in params]
    return f"{missing[0]} is missing" if missing else None


def _geneve_again(told: Params, unusual: dict[str, ParamValue], address: str) -> dict[str, ParamValue]:
    """The kernel tells udp6zerocsumtx over IPv6 only, where another value of udp6zerocsumrx is usual."""
    v6 = "udp6zerocsumtx" in told
    said = {**unusual, **({"udp6zerocsumrx": told["udp6zerocsumrx"]} if v6 else {})}
    if unusual.get("external"):
        return {name: value for name, value in said.items() if name not in ("id", "remote")}
    # the kernel does not tell a remote that is any address, and ip wants one
    return {"remote": "::" if v6 else "0.0.0.0", **said}


GENEVE = Kind(
    "geneve", "Ethernet networks over UDP, with room for options",
    "Carries Ethernet frames in UDP packets as vxlan does, with a header that can be extended.",
    "tunnel", "geneve", "drivers/net/geneve.c", "4.2", "none", "",
    "ip-link(8), GENEVE Type Support; RFC 8926", example={"id": 42, "remote": "192.0.2.2"},
    rules=(_geneve_ends,), implied=lambda params: {"id": 0},
    relations=("underlay", "tunnel"), shows=("id", "remote"),
    wraps=Wraps("GENEVE", udp=(6081,)), told_home=False, mtu=None, again=_geneve_again,
    usual={
        "ttl": "auto", "tos": 0, "df": "unset", "flowlabel": 0, "dstport": 6081, "udpcsum": False,
        "udp6zerocsumrx": True,
    },
    scene=Scene(CABLE, "An Ethernet of its own between a and b, in UDP packets over the cable.", at_both("geneve"),
                ("id", "remote", "dstport", "ttl", "df", "external"), pings=PINGED),
    numbers=enum("IFLA_GENEVE_", "UNSPEC ID REMOTE TTL TOS PORT COLLECT_METADATA REMOTE6 UDP_CSUM UDP_ZERO_CSUM6_TX "
        "UDP_ZERO_CSUM6_RX LABEL TTL_INHERIT DF INNER_PROTO_INHERIT"),
    params=table(
        _geneve("id", "ID", "u32", VNI, "The network's number, 0 to 16777215.", "vni"),
        Param("remote", "The other machine's address.", Address(multicast=False),
              EitherIp("IFLA_GENEVE_REMOTE", "IFLA_GENEVE_REMOTE6")),
        Param("ttl", "How many routers the outer packet may pass, 1 to 255, auto or inherit (from the inner packet).",
              TTL, WithBit(Whole("IFLA_GENEVE_TTL", "u8"), Whole("IFLA_GENEVE_TTL_INHERIT", "u8"), "inherit"),
              also=("hoplimit",)),
        _geneve("tos", "TOS", "u8", TOS, "The outer packet's type of service, 0 to 255, or inherit.", "dsfield"),
        _geneve("df", "DF", "u8", DF, "The outer packet's do-not-fragment bit."),
        _geneve("flowlabel", "LABEL", "be32", LABEL, "The outer packet's IPv6 flow label, 0 to 1048575.", "label"),
        Param("dstport", "The UDP port that it sends to and listens on; 6081 when it is left out or 0.", PORT,
              _Port("IFLA_GENEVE_PORT", "be16")),
        Param("external", "Number and addresses come from routes or tc, not from here.", Flag(),
              Present("IFLA_GENEVE_COLLECT_METADATA")),
        _geneve("udpcsum", "UDP_CSUM", "u8", Flag(), "Whether outer IPv4 packets have a UDP checksum."),
        _geneve("udp6zerocsumtx", "UDP_ZERO_CSUM6_TX", "u8", Flag(), "Whether outer IPv6 packets are sent without a "
                "UDP checksum."),
        _geneve("udp6zerocsumrx", "UDP_ZERO_CSUM6_RX", "u8", Flag(), "Whether outer IPv6 packets without a UDP "
                "checksum are taken."),
        Param("innerprotoinherit", "It carries other protocols than Ethernet, as the inner packet says.", Flag(no=""),
              Present("IFLA_GENEVE_INNER_PROTO_INHERIT")),
    ),
)

KINDS = (VXLAN, GENEVE)
