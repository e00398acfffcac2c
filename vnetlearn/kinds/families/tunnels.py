"""Tunnels that carry packets in packets: ipip, sit, ip6tnl, vti. What gre.py has in common with them is here."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

import struct
from dataclasses import dataclass

from ..numbers import enum
from ..places import (
    Attributes,
    Bits,
    Index,
    Links,
    Present,
    Whole,
    WithBit,
    address_bytes,
    address_text,
    both,
    ip,
)
from ..record import Kind, Param, Params, Wraps, alone, apart, needs, once, table
from ..scenes import CABLE, HERE, KEYS, PINGED, THERE, V4, V6, Scene, at_both, batch
from ..values import Address, Choice, Flag, Key, Link, Number, ParamValue, Prefix, Words, choice

U32 = 0xFFFFFFFF
TTL = Number(0, 255, {"inherit": 0})
TOS = Number(0, 255, {"inherit": 1}, hexadecimal=True)
EXTERNAL_WHY = "its addresses come from routes or tc, so ip sends nothing else"


def ends(prefix: str, family: int) -> tuple[Param, ...]:
    return (
        Param("remote", "The other machine's address, or any.", Address(family), ip(f"{prefix}REMOTE")),
        Param("local", "The address it sends from, or any.", Address(family), ip(f"{prefix}LOCAL")),
        Param("dev", "The lower link that it sends through.", Link(), Index(f"{prefix}LINK")),
    )


def v4(prefix: str) -> tuple[Param, ...]:
    """What the outer IPv4 header looks like."""
    return (
        Param("ttl", "How many routers the outer packet may pass, 1 to 255, or inherit (from the inner packet).", TTL,
              Whole(f"{prefix}TTL", "u8"), also=("hoplimit", "hlim")),
        Param("tos", "The outer packet's type of service, 0 to 255, or inherit.", TOS,
              Whole(f"{prefix}TOS", "u8"), also=("tclass", "dsfield")),
        Param("pmtudisc", "Whether the outer packet must not be fragmented, so that the path's MTU is found; on by "
              "default, and needed for a fixed ttl.", Flag(), Whole(f"{prefix}PMTUDISC", "u8")),
        Param("fwmark", "The mark of the outer packet for rules and netfilter, 0 to 4294967295.", Number(0, U32),
              Whole(f"{prefix}FWMARK", "u32")),
    )


def v6(prefix: str) -> tuple[Param, ...]:
    """What the outer IPv6 header looks like."""

    def flag(mask: int) -> Bits:
        return Bits(f"{prefix}FLAGS", mask, "=I")

    def flow(mask: int) -> Bits:
        return Bits(f"{prefix}FLOWINFO", mask, ">I")

    return (
        Param("hoplimit", "How many routers the outer packet may pass, 1 to 255 (64 by default), or inherit.", TTL,
              Whole(f"{prefix}TTL", "u8"), also=("ttl", "hlim")),
        Param("encaplimit", "How often the packet may be put into further tunnels, 0 to 255 (4 by default), or none.",
              Number(0, 255, {"none": -1}), WithBit(Whole(f"{prefix}ENCAP_LIMIT", "u8"), flag(0x1), "none", 4)),
        Param("tclass", "The outer packet's traffic class, 0 to 0xff, or inherit.",
              Number(0, 0xFF, {"inherit": -1}, hexadecimal=True), WithBit(flow(0x0FF00000), flag(0x2), "inherit"),
              also=("tos", "dsfield")),
        Param("flowlabel", "The outer packet's flow label, 0 to 0xfffff, or inherit.",
              Number(0, 0xFFFFF, {"inherit": -1}, hexadecimal=True), WithBit(flow(0x000FFFFF), flag(0x4), "inherit"),
              also=("fl",)),
        Param("dscp", "With inherit (True): the inner packet takes over the outer one's DSCP on arrival.",
              Flag(no="", then=("inherit",)), flag(0x10)),
        Param("fwmark", "The mark of the outer packet for rules and netfilter, 0 to 4294967295, or inherit.",
              Number(0, U32, {"inherit": -1}), WithBit(Whole(f"{prefix}FWMARK", "u32"), flag(0x20), "inherit")),
        Param("allow-localremote", "Whether the remote address may be one of this machine.", Flag(), flag(0x40)),
    )


class _NoEncap(Whole):
    """`noencap` is another word for `encap none`."""

    def put(self, value: object, spelling: object, attributes: Attributes, links: Links) -> None:
        attributes[self.name] = bytes(2)

    def get(self, spelling: object, attributes: Attributes, links: Links) -> None:
        return None


def encap(prefix: str) -> tuple[Param, ...]:
    """The tunnel's packets inside of UDP."""

    def flag(bit: int) -> Bits:
        return Bits(f"{prefix}ENCAP_FLAGS", bit)

    return (
        Param("encap", "Put the packets into UDP: fou (bare) or gue (with a header), or none; needs the module fou "
              "(fou6 over IPv6).", choice("none", "fou", "gue"), Whole(f"{prefix}ENCAP_TYPE", "u16")),
        Param("noencap", "The same as encap none.", Flag(no=""), _NoEncap(f"{prefix}ENCAP_TYPE", "u16")),
        Param("encap-sport", "The UDP port that it sends from, or auto (one for each flow).",
              Number(0, 65535, {"auto": 0}), Whole(f"{prefix}ENCAP_SPORT", "be16")),
        Param("encap-dport", "The UDP port that it sends to.", Number(0, 65535), Whole(f"{prefix}ENCAP_DPORT", "be16")),
        Param("encap-csum", "Whether the UDP packets have a checksum over IPv4.", Flag(), flag(1)),
        # `ip link help` prints encap-csum6; what ip takes is encap-udp6-csum
        Param("encap-udp6-csum", "Whether the UDP packets have a checksum over IPv6 (by default: on over IPv6).",
              Flag(), flag(2), also=("encap_csum6",)),
        Param("encap-remcsum", "Whether the inner checksum is left to the receiver.", Flag(), flag(4)),
    )


def external(prefix: str) -> Param:
    return Param("external", "Addresses come from routes or tc, not from here.", Flag(no=""),
                 Present(f"{prefix}COLLECT_METADATA"))


PLAIN = (apart("encap", "noencap"),)


def ttl_needs_pmtudisc(params: Params) -> str | None:
    if params.get("pmtudisc") is False and params.get("ttl", "inherit") != "inherit":
        return "ttl and nopmtudisc exclude each other"
    return None


# What is usual, and what makes one again

_ENCAP_USUAL: Params = {
    "fwmark": 0, "encap": "none", "encap_sport": "auto", "encap_dport": 0, "encap_csum": False,
    "encap_udp6_csum": False, "encap_remcsum": False,
}
V4_USUAL: Params = {"ttl": "inherit", "tos": 0, "pmtudisc": True, **_ENCAP_USUAL}
V6_USUAL: Params = {
    "hoplimit": 64, "encaplimit": 4, "tclass": 0, "flowlabel": 0, "dscp": False, "allow_localremote": False,
    **_ENCAP_USUAL, "encap_udp6_csum": True,
}
_BARE = {"ttl": 64, "pmtudisc": False}  # what the kernel gives a sit that is told nothing, and ip refuses to say
_ENDS = ("remote", "local")
_FROM_ROUTES = (*_ENDS, "key", "ikey", "okey")  # with external; what the kernel tells of them has no meaning then


def again(told: Params, unusual: dict[str, ParamValue], address: str) -> dict[str, ParamValue]:
    """A tunnel's ends where it has them, and each number once.

    Told nothing, `ip` leaves all to the kernel, which starts with other values than ip's.
    """
    if told.items() >= _BARE.items():
        return {}
    said = once(unusual, key=("ikey", "okey"), seq=("iseq", "oseq"), csum=("icsum", "ocsum"))
    left = _FROM_ROUTES if said.get("external") else tuple(name for name in _ENDS if said.get(name) == "any")
    return {name: value for name, value in said.items() if name not in left} or {"remote": "any"}


def scene(kind: str, says: str, over: Params, first: tuple[str, ...]) -> Scene:
    """The same tunnel from a and from b, with these addresses."""
    last = ("hoplimit",) if over is V6 else ("ttl", "pmtudisc")
    return Scene(CABLE, says, at_both(kind), (*first, *last), over, pings=PINGED)


# ipip and sit

_MODES = {"ip6ip": 41, "ipip": 4, "mplsip": 137, "any": 0}


def _mode(*names: str) -> Param:
    return Param("mode", "What it carries; any when it is left out.", Choice({name: _MODES[name] for name in names}),
                 Whole("IFLA_IPTUN_PROTO", "u8"))


@dataclass(frozen=True)
class _SixRd:
    """A prefix as two attributes: the address, and the length in bits."""

    name: str

    @property
    def names(self) -> tuple[str, ...]:
        return self.name, f"{self.name}LEN"

    def put(self, value: str, spelling: object, attributes: Attributes, links: Links) -> None:
        address, length = value.split("/")
        attributes[self.name] = address_bytes(address)
        attributes[f"{self.name}LEN"] = struct.pack("=H", int(length))

    def get(self, spelling: object, attributes: Attributes, links: Links) -> str | None:
        length = struct.unpack("=H", attributes.get(f"{self.name}LEN", bytes(2)))[0]
        return f"{address_text(attributes[self.name])}/{length}" if length else None


class _Reset(Flag):
    """ip 6.1 crashes on its own word 6rd-reset, so it is spelled as what it stands for."""

    def words(self, word: str, value: bool) -> Words:
        return ["6rd-prefix", "2002::/16"]


class _SixRdReset(_SixRd):
    """The prefix of 6to4, which every sit link starts with."""

    def put(self, value: object, spelling: object, attributes: Attributes, links: Links) -> None:
        super().put("2002::/16", spelling, attributes, links)

    def get(self, spelling: object, attributes: Attributes, links: Links) -> None:
        return None


_IPTUN = "IFLA_IPTUN_"
_NUMBERS = enum(_IPTUN, "UNSPEC LINK LOCAL REMOTE TTL TOS ENCAP_LIMIT FLOWINFO FLAGS PROTO PMTUDISC 6RD_PREFIX "
    "6RD_RELAY_PREFIX 6RD_PREFIXLEN 6RD_RELAY_PREFIXLEN ENCAP_TYPE ENCAP_FLAGS ENCAP_SPORT ENCAP_DPORT "
    "COLLECT_METADATA FWMARK")
V4_IMPLIED: dict[str, ParamValue] = {"ttl": "inherit", "pmtudisc": True}
V6_IMPLIED: dict[str, ParamValue] = {"hoplimit": 64, "encaplimit": 4, "encap_udp6_csum": True}


def _iptun_implied(params: Params) -> dict[str, ParamValue]:
    return {"mode": "any"} if params.get("external") else {"mode": "any", **V4_IMPLIED}


IPIP = Kind(
    "ipip", "IPv4 in IPv4", "Carries IPv4 packets in IPv4 packets to another machine, with the least overhead.",
    "tunnel", "ipip", "net/ipv4/ipip.c", "", "optional", "dev", "ip-link(8), IPIP, SIT Type Support; ip-tunnel(8)",
    example={"local": "192.0.2.1", "remote": "192.0.2.2"},
    rules=(*PLAIN, alone("external", "mode", why=EXTERNAL_WHY)), always=(ttl_needs_pmtudisc,),
    implied=_iptun_implied,
    whole=True, params=table(
        _mode("ipip", "mplsip", "any"), *ends(_IPTUN, 4), *v4(_IPTUN), *encap(_IPTUN), external(_IPTUN),
    ),
    relations=("underlay", "tunnel"), shows=("remote",),
    wraps=Wraps(), brings=("tunl0",), address=False, again=again, usual={"mode": "any", **V4_USUAL}, numbers=_NUMBERS,
    scene=scene("ipip", "IPv4 packets between a and b, inside of IPv4 packets.", V4, ("mode", *V4)),
)

SIT = Kind(
    "sit", "IPv6 in IPv4", "Carries IPv6 packets in IPv4 packets over a network that knows only IPv4; also 6to4, 6rd "
    "and ISATAP.",
    "tunnel", "sit", "net/ipv6/sit.c", "", "optional", "dev", "ip-link(8), IPIP, SIT Type Support; ip-tunnel(8)",
    example={"local": "192.0.2.1", "remote": "192.0.2.2"},
    rules=(*PLAIN, alone("external", "mode", why=EXTERNAL_WHY), apart("6rd_prefix", "6rd_reset"),
           apart("6rd_relay_prefix", "6rd_reset"), needs("6rd_relay_prefix", "6rd_prefix")),
    always=(ttl_needs_pmtudisc,), implied=_iptun_implied,
    whole=True, params=table(
        _mode("ip6ip", "ipip", "mplsip", "any"), *ends(_IPTUN, 4), *v4(_IPTUN), *encap(_IPTUN), external(_IPTUN),
        Param("isatap", "It is an ISATAP link: IPv6 neighbours are found by the IPv4 address in their own.",
              Flag(no=""), Bits("IFLA_IPTUN_FLAGS", 1)),
        Param("6rd-prefix", "The IPv6 prefix in which IPv4 addresses are embedded (IPv6 rapid deployment), as "
              "ADDRESS/LENGTH.", Prefix(6), _SixRd("IFLA_IPTUN_6RD_PREFIX"), also=("sixrd_prefix",)),
        Param("6rd-relay_prefix", "The IPv4 prefix which is not embedded, as ADDRESS/LENGTH.", Prefix(4),
              _SixRd("IFLA_IPTUN_6RD_RELAY_PREFIX"), also=("sixrd_relay_prefix",)),
        Param("6rd-reset", "Back to the prefix of 6to4, 2002::/16.", _Reset(no=""),
              _SixRdReset("IFLA_IPTUN_6RD_PREFIX"), also=("sixrd_reset",)),
    ),
    relations=("underlay", "tunnel"), shows=("remote",),
    wraps=Wraps(), brings=("sit0",), address=False, embeds=True, again=again,
    usual={"mode": "any", **V4_USUAL, "isatap": False, "6rd_prefix": "2002::/16"}, numbers=_NUMBERS,
    scene=Scene(CABLE, "IPv6 packets between a and b, inside of IPv4 packets.", at_both("sit", "fd00::1/64"),
                ("mode", *V4, "ttl", "isatap"), pings=(("a", "fd00::2"), ("b", "fd00::1"))),
)

IP6TNL = Kind(
    "ip6tnl", "IPv4 or IPv6 in IPv6", "Carries IPv4 or IPv6 packets in IPv6 packets to another machine.",
    "tunnel", "ip6_tunnel", "net/ipv6/ip6_tunnel.c", "2.6.22", "optional", "dev",
    "ip-link(8), IP6TNL Type Support; ip-tunnel(8)", example={"local": "2001:db8::1", "remote": "2001:db8::2"},
    rules=(*PLAIN, alone("external", "mode", why=EXTERNAL_WHY)),
    implied=lambda params: {"mode": "any"} if params.get("external") else {"mode": "any", **V6_IMPLIED},
    whole=True, params=table(
        Param("mode", "What it carries; any when it is left out.", Choice({"ip6ip6": 41, "ipip6": 4, "any": 0}),
              Whole("IFLA_IPTUN_PROTO", "u8")),
        *ends(_IPTUN, 6), *v6(_IPTUN), *encap(_IPTUN), external(_IPTUN),
    ),
    relations=("underlay", "tunnel"), shows=("remote",),
    wraps=Wraps(), brings=("ip6tnl0",), address=False, again=again, usual={"mode": "any", **V6_USUAL}, numbers=_NUMBERS,
    scene=scene("ip6tnl", "IPv4 packets between a and b, inside of IPv6 packets.", V6, ("mode", *V6)),
)

_WAYS = ((HERE[0], THERE[0], 257), (THERE[0], HERE[0], 258))
_XFRM = "\n".join(
    batch(netns, "xfrm state flush", "xfrm policy flush", *(
        f"xfrm state add src {src} dst {dst} proto esp spi {spi} reqid 1 mode tunnel "
        f"aead rfc4106(gcm(aes)) 0x{KEYS[0]}01020304 128" for src, dst, spi in _WAYS), *(
        f"xfrm policy add dir {way} mark 42 tmpl src {src} dst {dst} proto esp reqid 1 mode tunnel"
        for way, (src, dst, _) in zip(directions, _WAYS, strict=True)))
    for netns, directions in (("a", ("out", "in")), ("b", ("in", "out")))
)

VTI = Kind(
    "vti", "a link for what IPsec protects",
    "What is routed into it is encrypted by the IPsec policies that have its key as mark: IPsec by routes.",
    "tunnel", "ip_vti", "net/ipv4/ip_vti.c", "3.6", "optional", "dev", "ip-link(8), VTI Type Support; ip-xfrm(8)",
    example={"local": "192.0.2.1", "remote": "192.0.2.2", "key": 42},
    whole=True, params=table(
        *ends("IFLA_VTI_", 4),
        Param("key", "The mark by which policies know it, both ways, a number or a dotted quad.", Key(no=False),
              both(Whole("IFLA_VTI_IKEY", "be32"), Whole("IFLA_VTI_OKEY", "be32"))),
        Param("ikey", "The mark for what arrives.", Key(no=False), Whole("IFLA_VTI_IKEY", "be32")),
        Param("okey", "The mark for what is sent.", Key(no=False), Whole("IFLA_VTI_OKEY", "be32")),
        Param("fwmark", "The mark of the outer packet for rules and netfilter, 0 to 4294967295.", Number(0, U32),
              Whole("IFLA_VTI_FWMARK", "u32")),
    ),
    relations=("underlay", "tunnel"), shows=("remote", "key"),
    wraps=Wraps("ESP", sealed=True), brings=("ip_vti0",), address=False, again=again, usual={"fwmark": 0},
    scene=Scene(CABLE, "What a and b send through it is encrypted, by IPsec policies that know the mark 42.",
                at_both("vti"), ("local", "remote", "key", "ikey", "okey"), after=_XFRM, pings=PINGED,
                script=("ip -n a -s xfrm state list | grep -A 3 'lifetime current'",)),
    numbers=enum("IFLA_VTI_", "UNSPEC LINK IKEY OKEY LOCAL REMOTE FWMARK"),
)

KINDS = (IP6TNL, IPIP, SIT, VTI)
