"""Tunnels with a header of their own, GRE, between the packets: gre, gretap, ip6gre, ip6gretap."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

import ipaddress

from ..numbers import enum
from ..places import Bits, Whole, WithBit, both
from ..record import Kind, Param, Params, Wraps, alone, table
from ..scenes import V4, V6
from ..values import Flag, Key, ParamValue
from .tunnels import (
    EXTERNAL_WHY,
    PLAIN,
    V4_IMPLIED,
    V4_USUAL,
    V6_IMPLIED,
    V6_USUAL,
    again,
    encap,
    ends,
    external,
    scene,
    ttl_needs_pmtudisc,
    v4,
    v6,
)

_FIRST = ("local", "remote", "key", "csum", "seq", "dev")
_GRE_USUAL: Params = dict.fromkeys(("seq", "iseq", "oseq", "csum", "icsum", "ocsum"), False)
_NUMBERS = enum("IFLA_GRE_", "UNSPEC LINK IFLAGS OFLAGS IKEY OKEY LOCAL REMOTE TTL TOS PMTUDISC ENCAP_LIMIT FLOWINFO "
    "FLAGS ENCAP_TYPE ENCAP_FLAGS ENCAP_SPORT ENCAP_DPORT COLLECT_METADATA IGNORE_DF FWMARK")


def _key(prefix: str, way: str) -> WithBit[int]:
    return WithBit(Whole(f"{prefix}{way}KEY", "be32"), Bits(f"{prefix}{way}FLAGS", 0x2000, ">H"))


def _gre_flags() -> tuple[Param, ...]:
    def flag(way: str, mask: int) -> Bits:
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
    return remote != "any" and ipaddress.ip_address(str(remote)).is_multicast


def _gre_implied(params: Params) -> dict[str, ParamValue]:
    """To a multicast address, ip takes that address as the key where none is given."""
    if params.get("external"):
        return {}
    if not _multicast(params):
        return V4_IMPLIED
    number = int(ipaddress.IPv4Address(str(params["remote"])))
    key = params.get("key")
    return {**V4_IMPLIED, **{name: number for name in ("ikey", "okey") if not (params.get(name) or key)}}


_GRE_DOC = "ip-link(8), GRE Type Support; RFC 2784, RFC 2890"


def _gre(name: str, title: str, says: str, plays: str) -> Kind:
    return Kind(
        name, title, says, "tunnel", "ip_gre", "net/ipv4/ip_gre.c", "2.6.28", "optional", "dev", _GRE_DOC,
        example={"local": "192.0.2.1", "remote": "192.0.2.2", "key": 42},
        relations=("underlay", "tunnel"), shows=("remote", "key"), wraps=Wraps("GRE"), brings=(f"{name}0",),
        mtu=None, address=name == "gretap", again=again, usual={**_GRE_USUAL, **V4_USUAL, "ignore_df": False},
        scene=scene(name, plays, V4, _FIRST), numbers=_NUMBERS,
        rules=(*PLAIN, alone("external", why=EXTERNAL_WHY), _broadcast), always=(ttl_needs_pmtudisc,),
        implied=_gre_implied,
        whole=True, params=table(
            *ends("IFLA_GRE_", 4), *_gre_flags(), *v4("IFLA_GRE_"),
            Param("ignore-df", "Whether packets that must not be fragmented can be all the same; not with pmtudisc.",
                  Flag(), Whole("IFLA_GRE_IGNORE_DF", "u8")),
            *encap("IFLA_GRE_"), external("IFLA_GRE_"),
        ),
    )


def _gre6(name: str, title: str, says: str, plays: str, brings: tuple[str, ...] = ()) -> Kind:
    return Kind(
        name, title, says, "tunnel", "ip6_gre", "net/ipv6/ip6_gre.c", "3.7", "optional", "dev", _GRE_DOC,
        example={"local": "2001:db8::1", "remote": "2001:db8::2", "key": 42},
        relations=("underlay", "tunnel"), shows=("remote", "key"), wraps=Wraps("GRE"), brings=brings,
        mtu=None, address=name == "ip6gretap", again=again, usual={**_GRE_USUAL, **V6_USUAL},
        scene=scene(name, plays, V6, _FIRST), numbers=_NUMBERS,
        rules=(*PLAIN, alone("external", why=EXTERNAL_WHY)),
        implied=lambda params: {} if params.get("external") else V6_IMPLIED,
        whole=True, params=table(
            *ends("IFLA_GRE_", 6), *_gre_flags(), *v6("IFLA_GRE_"), *encap("IFLA_GRE_"), external("IFLA_GRE_"),
        ),
    )


GRE = _gre("gre", "any protocol in IPv4", "Carries packets of any protocol in IPv4 packets, with keys, checksums and "
           "numbers where they are wanted.",
           "Packets between a and b, inside of IPv4 packets, told apart by a key.")
GRETAP = _gre("gretap", "Ethernet in IPv4", "Carries Ethernet frames in IPv4 packets, so that two places become one "
              "local network.", "Ethernet frames between a and b, inside of IPv4 packets.")
IP6GRE = _gre6("ip6gre", "any protocol in IPv6", "Carries packets of any protocol in IPv6 packets, as gre does in "
               "IPv4.", "Packets between a and b, inside of IPv6 packets.", ("ip6gre0",))
IP6GRETAP = _gre6("ip6gretap", "Ethernet in IPv6", "Carries Ethernet frames in IPv6 packets, as gretap does in "
                  "IPv4.", "Ethernet frames between a and b, inside of IPv6 packets.")

KINDS = (GRE, GRETAP, IP6GRE, IP6GRETAP)
