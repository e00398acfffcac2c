"""One frame, and how frames are read from the blocks of a packet ring."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .linktypes import COOKED, ETHERNET, as_pcap, linktype

if TYPE_CHECKING:
    from scapy.packet import Packet

PKTTYPES = ("host", "broadcast", "multicast", "otherhost", "outgoing", "loopback", "user", "kernel")
OUTGOING = 4
# linux/if_packet.h: num_pkts and offset_to_first_pkt in struct tpacket_block_desc; struct tpacket3_hdr, behind which
# stands, aligned to 16 bytes, struct sockaddr_ll
BLOCK, HEADER, ADDRESS = struct.Struct("=12xII"), struct.Struct("=6IHH4xIHxx"), struct.Struct("=H2siHBB8s")
ADDRESS_AT = 48
VLAN_VALID = 0x10  # TP_STATUS_VLAN_VALID


@dataclass(frozen=True)
class Frame:
    """One frame on one link, on its way in or out, as packet(7) gave it.

    `number` counts from 1 in the order of time, `time` is in nanoseconds since 1970 by the lab kernel's clock,
    `pkttype` one of PKTTYPES; `linktype` says how to read `data` (pcap's LINKTYPE_…), in which a VLAN tag stands where
    it does on the wire; `length` is the frame's whole length in bytes, also where `data` is cut.
    """

    number: int
    time: int
    netns: str
    dev: str
    index: int
    direction: str
    pkttype: str
    linktype: int
    data: bytes
    length: int

    @property
    def key(self) -> tuple[str, str]:
        return self.netns, self.dev

    @cached_property
    def packet(self) -> Packet:
        """The frame as a Scapy packet."""
        from .linktypes import packet

        return packet(self.linktype, self.data)


def count(block: bytes) -> int:
    """How many frames a block has."""
    return int(BLOCK.unpack_from(block)[0])


def read(block: bytes, netns: str, names: Mapping[int, str]) -> Iterator[Frame]:
    """The frames of a block, without their numbers; `names` has the links' by their indexes."""
    packets, at = BLOCK.unpack_from(block)
    for _ in range(packets):
        step, sec, nsec, kept, length, status, mac, net, tci, tpid = HEADER.unpack_from(block, at)
        _, protocol, index, hatype, pkttype, size, address = ADDRESS.unpack_from(block, at + ADDRESS_AT)
        kind = linktype(hatype)
        start = at + (net if kind == COOKED else mac)
        data = block[start : at + mac + kept]
        length -= start - at - mac
        if status & VLAN_VALID and kind == ETHERNET:  # the kernel keeps the tag beside the frame
            data = data[:12] + struct.pack(">HH", tpid or 0x8100, tci) + data[12:]
            length += 4
        elif kind != ETHERNET:
            whole = as_pcap(kind, hatype, int.from_bytes(protocol, "big"), pkttype, address[:size], data)
            data, length = whole, length + len(whole) - len(data)
        yield Frame(
            0,
            sec * 1_000_000_000 + nsec,
            netns,
            names.get(index, f"if{index}"),
            index,
            "out" if pkttype == OUTGOING else "in",
            PKTTYPES[pkttype] if pkttype < 8 else str(pkttype),
            kind,
            data,
            length,
        )
        at += step
