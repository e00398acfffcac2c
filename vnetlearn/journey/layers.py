"""What a captured frame is made of: its layers from the outside in, and what stays the same of it on its way.

Scapy takes the frames apart. `Peeled.key` is what no hop changes: the contents of the innermost packet. Addresses,
ports, TTL and checksums are not in it, since they may be rewritten (RFC 791, RFC 3022); `Peeled.exact` has those that
only a router rewrites. What is encrypted is known by its number and its ciphertext alone.
"""

from __future__ import annotations

import importlib
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from socket import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP
from typing import TYPE_CHECKING, TypeAlias

from ..capture.frames import Frame
from . import keys
from .headers import BEHIND_UDP, HSR, ICV, IPS, MAY_CHANGE, READ, SEALED, WRAPPERS
from .keys import Key, Quoted

if TYPE_CHECKING:
    from scapy.packet import Packet

Field: TypeAlias = str | int
Ports = Mapping[int, str]  # UDP port → the header behind it, as the lab's links have them


@dataclass(frozen=True)
class Layer:
    """One header: its name, and the fields that a learner would look at, as text or numbers."""

    name: str
    fields: dict[str, Field]

    def text(self, name: str) -> str:
        return str(self.fields[name])

    def number(self, name: str) -> int:
        return int(self.fields[name])

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{name} {value}" for name, value in self.fields.items())])


@dataclass(frozen=True)
class Fragment:
    """A piece of an IP packet: of which one, from where on, whether more follow, and its bytes."""

    of: keys.Pieces
    offset: int
    more: bool
    data: bytes
    proto: int


@dataclass(frozen=True)
class Peeled:
    """A frame's layers. `keys` are the names by which the same packet is found elsewhere, `key` the best of them."""

    layers: tuple[Layer, ...]
    key: Key
    rest: bytes = b""
    fragment: Fragment | None = None
    quotes: Quoted | None = None
    also: tuple[Key, ...] = field(default=())

    @property
    def keys(self) -> frozenset[Key]:
        return frozenset((self.key, *self.also))

    @property
    def depth(self) -> int:
        """How many wrappings it is in: tunnels, and encryption."""
        names = [layer.name for layer in self.layers]
        nested = sum(a in IPS and b in IPS for a, b in pairwise(names))
        return nested + sum(name in WRAPPERS for name in names)

    @property
    def sealed(self) -> bool:
        """Whether what is inside cannot be read here."""
        return self.layers[-1].name in SEALED and "plain" not in self.layers[-1].fields

    @property
    def ip(self) -> Layer | None:
        """The innermost IP header."""
        return next((layer for layer in reversed(self.layers) if layer.name in IPS), None)

    @property
    def exact(self) -> tuple[tuple[str, str, Field], ...]:
        """What only a router or a tunnel's end may change of the innermost packet: addresses, ports, numbers."""
        inner = self.layers[_start(self.layers) :]
        return tuple((layer.name, n, v) for layer in inner for n, v in layer.fields.items() if n not in MAY_CHANGE)

    @property
    def quotable(self) -> Quoted | None:
        """How an ICMP error (RFC 792) would quote it: the protocol and the first bytes behind the IP header."""
        last = self.layers[-1]
        if last.name in ("ICMP", "ICMPv6") and "seq" in last.fields:
            return keys.QuotedEcho(last.number("id"), last.number("seq"))
        if last.name in ("UDP", "TCP"):
            return keys.QuotedPorts(last.name, last.number("sport"), last.number("dport"))
        return None


ARP_OPS = {1: keys.REQUEST, 2: keys.REPLY}
ECHO = {8: keys.REQUEST, 0: keys.REPLY, 128: keys.REQUEST, 129: keys.REPLY}  # types of ICMP and ICMPv6
QUOTING = {"ICMP": (3, 4, 5, 11, 12), "ICMPv6": (1, 2, 3, 4)}


class Peeler:
    """Takes frames apart, each kind of bytes once. `ports` are the tunnels' UDP ports in this lab."""

    def __init__(self, ports: Ports) -> None:
        from scapy.config import conf
        from scapy.contrib import erspan, macsec, mpls
        from scapy.layers import can, dot15d4, ipsec, l2, sixlowpan

        if not conf.dot15d4_protocol:
            conf.dot15d4_protocol = "sixlowpan"  # type: ignore[assignment]
        modules = {port: (BEHIND_UDP[name], name) for port, name in ports.items() if name in BEHIND_UDP}
        self._tunnels = {port: getattr(importlib.import_module(home), name) for port, (home, name) in modules.items()}
        self._ethernet = l2.Ether
        self._known: dict[tuple[int, bytes], Peeled] = {}
        self._loaded = (can, dot15d4, erspan, ipsec, l2, macsec, mpls, sixlowpan)

    def __call__(self, frame: Frame) -> Peeled:
        known = self._known.get((frame.linktype, frame.data))
        if known is None:
            known = self._known[frame.linktype, frame.data] = self.peel(frame.packet)
        return known

    def peel(self, packet: Packet, layers: tuple[Layer, ...] = ()) -> Peeled:
        """From scapy's packet; `layers` are those that were around it."""
        found = list(layers)
        also: list[Key] = []
        quotes: Quoted | None = None
        rest = b""
        while packet is not None and type(packet).__name__ != "NoPayload":
            name = type(packet).__name__
            if name.startswith("ICMPv6"):
                found.append(_icmp6(packet))
                rest, quotes = _behind(packet), _quoted(packet) if packet.type in QUOTING["ICMPv6"] else None
                break
            if name.startswith("IPv6ExtHdr") and name != "IPv6ExtHdrFragment":
                packet = packet.payload
                continue
            if name not in READ:
                rest = packet.original or bytes(packet)
                break
            layer = _layer(packet)
            if layer.name:
                found.append(layer)
            if name == "Ether" and packet.type in HSR:  # IEC 62439-3: path and size, a number, then the EtherType
                data = bytes(packet.payload)
                found.append(Layer("HSR", {"number": int.from_bytes(data[2:4], "big")}))
                packet = self._ethernet(bytes(12) + data[4:]).payload
                continue
            if (piece := _fragment(packet, found)) is not None:
                return Peeled(tuple(found), piece.of, piece.data, piece, None, tuple(also))
            if name == "IP" and packet.id and not packet.flags.DF:
                also.append(keys.Pieces(packet.src, packet.dst, packet.proto, packet.id))
            if name == "ICMP":
                rest, quotes = _behind(packet), _quoted(packet) if packet.type in QUOTING["ICMP"] else None
                break
            if name in ("ARP", "CAN", "CANFD", "ESP") or (name == "MACsec" and packet.E):
                rest = _behind(packet)
                break
            packet = self._within(packet)
        found = found or [Layer("frame", {})]
        return Peeled(tuple(found), _key(found, rest, quotes), rest, None, quotes, tuple(also))

    def _within(self, packet: Packet) -> Packet:
        """The next layer; behind a tunnel's port it is what the lab's link says, whatever scapy takes it for."""
        name = type(packet).__name__
        if name == "UDP" and (inside := self._tunnels.get(packet.dport)) and packet.payload:
            data = packet.original[8:] if packet.original else bytes(packet.payload)
            made: Packet = inside(data)
            return made
        if name == "MACsec":  # signed only: the EtherType and the packet lie open, behind them the check value
            return self._ethernet(bytes(12) + bytes(packet.payload)[:-ICV]).payload
        return packet.payload

    def whole(self, pieces: list[Peeled]) -> Peeled:
        """The packet that a complete set of fragments makes, peeled on; its IP layer tells how many they were."""
        parts = sorted((p.fragment for p in pieces if p.fragment), key=lambda f: f.offset)
        first = parts[0]
        data = b"".join(part.data for part in parts)
        layers = pieces[0].layers
        outer = layers[-1]
        layers = (*layers[:-1], replace(outer, fields={**outer.fields, "fragments": len(parts)}))
        inside = _upper(first.proto, outer.name, data)
        peeled = self.peel(inside, layers)
        return replace(peeled, also=(*peeled.also, first.of))


def complete(pieces: Iterable[Peeled]) -> bool:
    """Whether these fragments are the whole packet (RFC 791, 3.2)."""
    parts = sorted((p.fragment for p in pieces if p.fragment), key=lambda f: f.offset)
    at = 0
    for part in parts:
        if part.offset != at:
            return False
        at += len(part.data)
    return bool(parts) and not parts[-1].more


def _upper(proto: int, outer: str, data: bytes) -> Packet:
    """Scapy's packet of the protocol with this number."""
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6

    header = IP(proto=proto) if outer == "IPv4" else IPv6(nh=proto)
    again = type(header)(bytes(header / data))
    return again.payload


def _layer(packet: Packet) -> Layer:
    name, wanted = READ[type(packet).__name__]
    read = {ours: packet.fields.get(theirs, getattr(packet, theirs, None)) for ours, theirs in wanted.items()}
    fields: dict[str, Field] = {name: value for name, value in read.items() if value is not None}
    if name == "IPv4":
        fields["DF"] = bool(packet.flags.DF)
    elif name == "VLAN" and type(packet).__name__ == "Dot1AD":
        fields["802.1ad"] = True
    elif name == "ARP":
        fields["op"] = ARP_OPS.get(packet.op, packet.op)
    elif name == "ICMP" and packet.type in ECHO:
        fields |= {"id": packet.id, "seq": packet.seq}
    elif name == "TCP":
        fields["flags"] = str(packet.flags)
    elif name in ("CAN", "CAN FD"):
        fields |= {"id": f"{packet.identifier:03x}", "flags": str(packet.flags), "data": bytes(packet.data).hex(" ")}
    elif name == "MACsec":
        fields |= {"SCI": _sci(packet)} | ({} if packet.E else {"plain": True})
    elif name == "802.15.4" and (data := packet.getlayer("Dot15d4Data")) is not None:
        fields |= {"src": _long(data.src_addr), "dst": _long(data.dest_addr)}
    return Layer(name, fields)


def _sci(packet: Packet) -> str:
    """The secure channel's identifier as `ip macsec show` prints it; "" where it is left to the sender's MAC."""
    return bytes(packet.SCI).hex() if packet.SC and packet.SCI is not None else ""


def _long(address: int | None) -> str:
    if address is None:
        return ""
    return address.to_bytes(8, "big").hex(":") if address > 0xFFFF else f"{address:04x}"


def _icmp6(packet: Packet) -> Layer:
    fields: dict[str, Field] = {"type": packet.type, "code": getattr(packet, "code", 0)}
    if packet.type in ECHO:
        fields |= {"id": packet.id, "seq": packet.seq}
    if packet.type in (keys.NEIGHBOUR_SOLICITATION, keys.NEIGHBOUR_ADVERTISEMENT):
        fields["target"] = packet.tgt
    return Layer("ICMPv6", fields)


def _behind(packet: Packet) -> bytes:
    """The bytes behind a header: of ICMP without its four first bytes, which have the checksum, and the echo's id."""
    data = packet.original or bytes(packet)
    name = type(packet).__name__
    if name.startswith("ICMP"):
        return bytes(data[8:] if packet.type in ECHO else data[4:])
    return bytes(data)


def _fragment(packet: Packet, found: list[Layer]) -> Fragment | None:
    name = type(packet).__name__
    if name == "IP" and (packet.flags.MF or packet.frag):
        data = packet.original[packet.ihl * 4 : packet.len]
        of = keys.Pieces(packet.src, packet.dst, packet.proto, packet.id)
        return Fragment(of, packet.frag * 8, bool(packet.flags.MF), data, packet.proto)
    if name == "IPv6ExtHdrFragment" and (packet.m or packet.offset):
        ip = next(layer for layer in reversed(found) if layer.name == "IPv6")
        of = keys.Pieces(ip.text("src"), ip.text("dst"), packet.nh, packet.id)
        return Fragment(of, packet.offset * 8, bool(packet.m), packet.original[8:], packet.nh)
    return None


def _quoted(packet: Packet) -> Quoted | None:
    """Of which packet an ICMP error tells; as `Peeled.quotable`."""
    data = (packet.original or bytes(packet))[8:]
    if len(data) < 28:
        return None
    version = data[0] >> 4
    proto, start = (data[9], (data[0] & 15) * 4) if version == 4 else (data[6], 40)
    if len(data) < start + 8:
        return None
    first, second, third, fourth = struct.unpack_from("!HHHH", data, start)
    if proto in (IPPROTO_ICMP, IPPROTO_ICMPV6):
        return keys.QuotedEcho(third, fourth)
    return keys.QuotedPorts({IPPROTO_TCP: "TCP", IPPROTO_UDP: "UDP"}.get(proto, str(proto)), first, second)


def _key(layers: list[Layer], rest: bytes, quotes: Quoted | None) -> Key:
    last = layers[-1]
    of = last.fields
    if quotes is not None:
        return keys.IcmpError(last.number("type"), last.number("code"), quotes)
    if last.name in ("ICMP", "ICMPv6") and of["type"] in ECHO:
        return keys.Echo(last.name, ECHO[last.number("type")], last.number("seq"), rest)
    if last.name == "ICMPv6" and "target" in of:
        return keys.Discovery(last.number("type"), last.text("target"))
    if last.name == "ARP":
        return keys.Arp(last.text("op"), last.text("src"), last.text("dst"))
    if last.name == "TCP":
        return keys.TcpSegment(last.number("seq"), last.number("ack"), last.text("flags"), rest)
    if last.name in ("CAN", "CAN FD"):
        return keys.CanFrame(last.name, last.text("id"), last.text("flags"), last.text("data"))
    return keys.Contents(last.name, rest)


def _start(layers: tuple[Layer, ...]) -> int:
    """Where the innermost packet begins: at its last IP header, or at what there is without one."""
    for at in range(len(layers) - 1, -1, -1):
        if layers[at].name in (*IPS, "ARP", "CAN", "CAN FD"):
            return at
    return len(layers) - 1
