"""The names by which a packet is known again elsewhere: what no hop changes of it. Equal names, the same packet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

REQUEST, REPLY = "request", "reply"
NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT = 135, 136  # ICMPv6 types: RFC 4861, 4.3 and 4.4


@dataclass(frozen=True)
class Echo:
    """An echo request or reply (`way`) of ICMP or ICMPv6 (`proto`)."""

    proto: str
    way: str
    seq: int
    rest: bytes


@dataclass(frozen=True)
class Arp:
    """A question or an answer (`op`) of ARP: whose address asks, and for which."""

    op: str
    src: str
    dst: str


@dataclass(frozen=True)
class Discovery:
    """A neighbour solicitation or advertisement (`type`): for which address."""

    type: int
    target: str


@dataclass(frozen=True)
class TcpSegment:
    seq: int
    ack: int
    flags: str
    rest: bytes


@dataclass(frozen=True)
class CanFrame:
    layer: str
    id: str
    flags: str
    data: str


@dataclass(frozen=True)
class Pieces:
    """The IP packet that fragments belong to (RFC 791, 2.3)."""

    src: str
    dst: str
    proto: int
    id: int


@dataclass(frozen=True)
class QuotedEcho:
    """An echo request or reply, as an ICMP error quotes it."""

    id: int
    seq: int


@dataclass(frozen=True)
class QuotedPorts:
    """A packet with ports, as an ICMP error quotes it: the first bytes behind its IP header."""

    proto: str
    sport: int
    dport: int


Quoted: TypeAlias = QuotedEcho | QuotedPorts


@dataclass(frozen=True)
class IcmpError:
    """An error, and the packet that it tells of."""

    type: int
    code: int
    of: Quoted


@dataclass(frozen=True)
class Contents:
    """Of any other packet: the bytes in its innermost layer."""

    layer: str
    rest: bytes


Key: TypeAlias = Echo | Arp | Discovery | TcpSegment | CanFrame | Pieces | IcmpError | Contents


def is_echo_request(key: Key) -> bool:
    return isinstance(key, Echo) and key.way == REQUEST


def asks_for(key: Key) -> str:
    """The address that an ARP request or a neighbour solicitation asks for; "" for other packets."""
    if isinstance(key, Arp) and key.op == REQUEST:
        return key.dst
    return solicited(key)


def solicited(key: Key) -> str:
    """The address that a neighbour solicitation asks for, whose IP address is a group's; "" for other packets."""
    return key.target if isinstance(key, Discovery) and key.type == NEIGHBOUR_SOLICITATION else ""


def answer(key: Key) -> Key | None:
    """The answer to an echo request, an ARP question or a neighbour solicitation; None where none belongs to it."""
    if isinstance(key, Echo) and key.way == REQUEST:
        return replace(key, way=REPLY)
    if isinstance(key, Arp) and key.op == REQUEST and key.src != key.dst:
        return Arp(REPLY, key.dst, key.src)
    return Discovery(NEIGHBOUR_ADVERTISEMENT, target) if (target := solicited(key)) else None
