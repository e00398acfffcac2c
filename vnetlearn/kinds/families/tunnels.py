"""Tunnels that carry packets in packets: ipip, sit, gre, gretap, ip6tnl, ip6gre, ip6gretap, vti."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from typing import Any

from ..places import (
    Attributes,
    Bits,
    Index,
    Links,
    Place,
    Present,
    Whole,
    WithBit,
    address_bytes,
    address_text,
    both,
    ip,
)
from ..record import Kind, Param, Params, alone, apart, needs, table
from ..values import Address, Choice, Flag, Key, Link, Number, Prefix, Words, choice

_U32 = 0xFFFFFFFF
TTL = Number(0, 255, {"inherit": 0})
TOS = Number(0, 255, {"inherit": 1}, hexadecimal=True)
EXTERNAL_WHY = "its addresses come from routes or tc, so ip sends nothing else"


def _ends(prefix: str, family: int) -> tuple[Param, ...]:
    return (
        Param("remote", "The other machine's address, or any.", Address(family), ip(f"{prefix}REMOTE")),
        Param("local", "The address it sends from, or any.", Address(family), ip(f"{prefix}LOCAL")),
        Param("dev", "The lower link that it sends through.", Link(), Index(f"{prefix}LINK")),
    )


def _v4(prefix: str) -> tuple[Param, ...]:
    """What the outer IPv4 header looks like."""
    return (
        Param("ttl", "How many routers the outer packet may pass, 1 to 255, or inherit (from the inner packet).", TTL,
              Whole(f"{prefix}TTL", "u8"), also=("hoplimit", "hlim")),
        Param("tos", "The outer packet's type of service, 0 to 255, or inherit.", TOS,
              Whole(f"{prefix}TOS", "u8"), also=("tclass", "dsfield")),
        Param("pmtudisc", "Whether the outer packet must not be fragmented, so that the path's MTU is found; on by "
              "default, and needed for a fixed ttl.", Flag(), Whole(f"{prefix}PMTUDISC", "u8")),
        Param("fwmark", "The mark of the outer packet for rules and netfilter, 0 to 4294967295.", Number(0, _U32),
              Whole(f"{prefix}FWMARK", "u32")),
    )


def _v6(prefix: str) -> tuple[Param, ...]:
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
              Number(0, _U32, {"inherit": -1}), WithBit(Whole(f"{prefix}FWMARK", "u32"), flag(0x20), "inherit")),
        Param("allow-localremote", "Whether the remote address may be one of this machine.", Flag(), flag(0x40)),
    )


class _NoEncap(Whole):
    """`noencap` is another word for `encap none`."""

    def put(self, value: Any, spelling: Any, attributes: Attributes, links: Links) -> None:
        attributes[self.name] = bytes(2)

    def get(self, spelling: Any, attributes: Attributes, links: Links) -> None:
        return None


def _encap(prefix: str) -> tuple[Param, ...]:
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


def _external(prefix: str) -> Param:
    return Param("external", "Addresses come from routes or tc, not from here.", Flag(no=""),
                 Present(f"{prefix}COLLECT_METADATA"))


_PLAIN = (apart("encap", "noencap"),)


def _ttl_needs_pmtudisc(params: Params) -> str | None:
    if params.get("pmtudisc") is False and params.get("ttl", "inherit") != "inherit":
        return "ttl and nopmtudisc exclude each other"
    return None


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

    def put(self, value: str, spelling: Any, attributes: Attributes, links: Links) -> None:
        address, length = value.split("/")
        attributes[self.name] = address_bytes(address)
        attributes[f"{self.name}LEN"] = struct.pack("=H", int(length))

    def get(self, spelling: Any, attributes: Attributes, links: Links) -> str | None:
        length = struct.unpack("=H", attributes.get(f"{self.name}LEN", bytes(2)))[0]
        return f"{address_text(attributes[self.name])}/{length}" if length else None


class _Reset(Flag):
    """ip 6.1 crashes on its own word 6rd-reset, so it is spelled as what it stands for."""

    def words(self, word: str, value: bool) -> Words:
        return ["6rd-prefix", "2002::/16"]


class _SixRdReset(_SixRd):
    """The prefix of 6to4, which every sit link starts with."""

    def put(self, value: Any, spelling: Any, attributes: Attributes, links: Links) -> None:
        super().put("2002::/16", spelling, attributes, links)

    def get(self, spelling: Any, attributes: Attributes, links: Links) -> None:
        return None


_IPTUN = "IFLA_IPTUN_"
_V4_IMPLIED: dict[str, Any] = {"ttl": "inherit", "pmtudisc": True}
_V6_IMPLIED: dict[str, Any] = {"hoplimit": 64, "encaplimit": 4, "encap_udp6_csum": True}


def _iptun_implied(params: Params) -> dict[str, Any]:
    return {"mode": "any"} if params.get("external") else {"mode": "any", **_V4_IMPLIED}


IPIP = Kind(
    "ipip", "IPv4 in IPv4", "Carries IPv4 packets in IPv4 packets to another machine, with the least overhead.",
    "tunnel", "ipip", "net/ipv4/ipip.c", "", "optional", "dev", "ip-link(8), IPIP, SIT Type Support; ip-tunnel(8)",
    example={"local": "192.0.2.1", "remote": "192.0.2.2"},
    rules=(*_PLAIN, alone("external", "mode", why=EXTERNAL_WHY)), always=(_ttl_needs_pmtudisc,),
    implied=_iptun_implied,
    whole=True, params=table(
        _mode("ipip", "mplsip", "any"), *_ends(_IPTUN, 4), *_v4(_IPTUN), *_encap(_IPTUN), _external(_IPTUN),
    ),
    relations=("underlay", "tunnel"), shows=("remote",),
)

SIT = Kind(
    "sit", "IPv6 in IPv4", "Carries IPv6 packets in IPv4 packets over a network that knows only IPv4; also 6to4, 6rd "
    "and ISATAP.",
    "tunnel", "sit", "net/ipv6/sit.c", "", "optional", "dev", "ip-link(8), IPIP, SIT Type Support; ip-tunnel(8)",
    example={"local": "192.0.2.1", "remote": "192.0.2.2"},
    rules=(*_PLAIN, alone("external", "mode", why=EXTERNAL_WHY), apart("6rd_prefix", "6rd_reset"),
           apart("6rd_relay_prefix", "6rd_reset"), needs("6rd_relay_prefix", "6rd_prefix")),
    always=(_ttl_needs_pmtudisc,), implied=_iptun_implied,
    whole=True, params=table(
        _mode("ip6ip", "ipip", "mplsip", "any"), *_ends(_IPTUN, 4), *_v4(_IPTUN), *_encap(_IPTUN), _external(_IPTUN),
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
)

IP6TNL = Kind(
    "ip6tnl", "IPv4 or IPv6 in IPv6", "Carries IPv4 or IPv6 packets in IPv6 packets to another machine.",
    "tunnel", "ip6_tunnel", "net/ipv6/ip6_tunnel.c", "2.6.22", "optional", "dev",
    "ip-link(8), IP6TNL Type Support; ip-tunnel(8)", example={"local": "2001:db8::1", "remote": "2001:db8::2"},
    rules=(*_PLAIN, alone("external", "mode", why=EXTERNAL_WHY)),
    implied=lambda params: {"mode": "any"} if params.get("external") else {"mode": "any", **_V6_IMPLIED},
    whole=True, params=table(
        Param("mode", "What it carries; any when it is left out.", Choice({"ip6ip6": 41, "ipip6": 4, "any": 0}),
              Whole("IFLA_IPTUN_PROTO", "u8")),
        *_ends(_IPTUN, 6), *_v6(_IPTUN), *_encap(_IPTUN), _external(_IPTUN),
    ),
    relations=("underlay", "tunnel"), shows=("remote",),
)


# gre and its relatives


def _key(prefix: str, way: str) -> Place:
    return WithBit(Whole(f"{prefix}{way}KEY", "be32"), Bits(f"{prefix}{way}FLAGS", 0x2000, ">H"))


def _gre_flags() -> tuple[Param, ...]:
    def flag(way: str, mask: int) -> Place:
        return Bits(f"IFLA_GRE_{way}FLAGS", mask, ">H")

    def three(word: str, mask: int, says: str) -> tuple[Param, ...]:
        return (
            Param(word, f"{says}, both ways.", Flag(), both(flag("I", mask), flag("O", mask))),
            Param(f"i{word}", f"{says}, in what arrives.", Flag(), flag("I", mask)),
            Param(f"o{word}", f"{says}, in what is sent.", Flag(), flag("O", mask)),
        )

    says = "The key that tells tunnels between the same two machines apart, a number or a dotted quad"
    return (
        *three("seq", 0x1000, "Whether packets are numbered"),
        Param("key", f"{says}, both ways.", Key(), both(_key("IFLA_GRE_", "I"), _key("IFLA_GRE_", "O"))),
        Param("ikey", f"{says}, in what arrives.", Key(), _key("IFLA_GRE_", "I")),
        Param("okey", f"{says}, in what is sent.", Key(), _key("IFLA_GRE_", "O")),
        *three("csum", 0x8000, "Whether packets have a checksum"),
    )


def _broadcast(params: Params) -> str | None:
    """A tunnel to a multicast address is a network of its own, and needs to know its own address in it."""
    if _multicast(params) and params.get("local", "any") == "any":
        return "a remote multicast address needs local"
    return None


def _multicast(params: Params) -> bool:
    remote = params.get("remote", "any")
    return remote != "any" and ipaddress.ip_address(remote).is_multicast


def _gre_implied(params: Params) -> dict[str, Any]:
    """To a multicast address, ip takes that address as the key where none is given."""
    if params.get("external"):
        return {}
    if not _multicast(params):
        return _V4_IMPLIED
    number = int(ipaddress.IPv4Address(params["remote"]))
    key = params.get("key")
    return {**_V4_IMPLIED, **{name: number for name in ("ikey", "okey") if not (params.get(name) or key)}}


_GRE_DOC = "ip-link(8), GRE Type Support; RFC 2784, RFC 2890"


def _gre(name: str, title: str, says: str) -> Kind:
    return Kind(
        name, title, says, "tunnel", "ip_gre", "net/ipv4/ip_gre.c", "2.6.28", "optional", "dev", _GRE_DOC,
        example={"local": "192.0.2.1", "remote": "192.0.2.2", "key": 42},
        relations=("underlay", "tunnel"), shows=("remote", "key"),
        rules=(*_PLAIN, alone("external", why=EXTERNAL_WHY), _broadcast), always=(_ttl_needs_pmtudisc,),
        implied=_gre_implied,
        whole=True, params=table(
            *_ends("IFLA_GRE_", 4), *_gre_flags(), *_v4("IFLA_GRE_"),
            Param("ignore-df", "Whether packets that must not be fragmented can be all the same; not with pmtudisc.",
                  Flag(), Whole("IFLA_GRE_IGNORE_DF", "u8")),
            *_encap("IFLA_GRE_"), _external("IFLA_GRE_"),
        ),
    )


def _gre6(name: str, title: str, says: str) -> Kind:
    return Kind(
        name, title, says, "tunnel", "ip6_gre", "net/ipv6/ip6_gre.c", "3.7", "optional", "dev", _GRE_DOC,
        example={"local": "2001:db8::1", "remote": "2001:db8::2", "key": 42},
        relations=("underlay", "tunnel"), shows=("remote", "key"),
        rules=(*_PLAIN, alone("external", why=EXTERNAL_WHY)),
        implied=lambda params: {} if params.get("external") else _V6_IMPLIED,
        whole=True, params=table(
            *_ends("IFLA_GRE_", 6), *_gre_flags(), *_v6("IFLA_GRE_"), *_encap("IFLA_GRE_"), _external("IFLA_GRE_"),
        ),
    )


GRE = _gre("gre", "any protocol in IPv4", "Carries packets of any protocol in IPv4 packets, with keys, checksums and "
           "numbers where they are wanted.")
GRETAP = _gre("gretap", "Ethernet in IPv4", "Carries Ethernet frames in IPv4 packets, so that two places become one "
              "local network.")
IP6GRE = _gre6("ip6gre", "any protocol in IPv6", "Carries packets of any protocol in IPv6 packets, as gre does in "
               "IPv4.")
IP6GRETAP = _gre6("ip6gretap", "Ethernet in IPv6", "Carries Ethernet frames in IPv6 packets, as gretap does in "
                  "IPv4.")

VTI = Kind(
    "vti", "a link for what IPsec protects",
    "What is routed into it is encrypted by the IPsec policies that have its key as mark: IPsec by routes.",
    "tunnel", "ip_vti", "net/ipv4/ip_vti.c", "3.6", "optional", "dev", "ip-link(8), VTI Type Support; ip-xfrm(8)",
    example={"local": "192.0.2.1", "remote": "192.0.2.2", "key": 42},
    whole=True, params=table(
        *_ends("IFLA_VTI_", 4),
        Param("key", "The mark by which policies know it, both ways, a number or a dotted quad.", Key(no=False),
              both(Whole("IFLA_VTI_IKEY", "be32"), Whole("IFLA_VTI_OKEY", "be32"))),
        Param("ikey", "The mark for what arrives.", Key(no=False), Whole("IFLA_VTI_IKEY", "be32")),
        Param("okey", "The mark for what is sent.", Key(no=False), Whole("IFLA_VTI_OKEY", "be32")),
        Param("fwmark", "The mark of the outer packet for rules and netfilter, 0 to 4294967295.", Number(0, _U32),
              Whole("IFLA_VTI_FWMARK", "u32")),
    ),
    relations=("underlay", "tunnel"), shows=("remote", "key"),
)

KINDS = (IP6TNL, IPIP, SIT, GRE, GRETAP, IP6GRE, IP6GRETAP, VTI)
