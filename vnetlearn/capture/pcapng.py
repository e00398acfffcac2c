"""A capture as a pcapng file: https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/

Scapy's writer has no nanoseconds, no description of a link, and no count of what was dropped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .. import texts
from ..files import written
from ..topology.model import Key, Snapshot
from .frames import Frame
from .linktypes import linktype
from .recorder import Seen

SECTION, INTERFACE, STATISTICS, PACKET = 0x0A0D0D0A, 1, 5, 6
COMMENT, SHB_USERAPPL, IF_NAME, IF_DESCRIPTION, IF_TSRESOL = 1, 4, 2, 3, 9
EPB_FLAGS, ISB_IFRECV, ISB_IFDROP = 2, 4, 5
SNAP = 262144
INBOUND, OUTBOUND = 1, 2
TYPES = {"host": 1, "multicast": 2, "broadcast": 3, "otherhost": 4}  # bits 2 to 4 of epb_flags: unicast, …, promiscuous


def write(
    path: Path, frames: Sequence[Frame], seen: Iterable[Seen], lost: Mapping[str, int], topology: Snapshot
) -> Path:
    """An interface for each link (and link type), named NAMESPACE/LINK; its frames; what was received and dropped."""
    known = [((one.netns, one.dev), linktype(one.hatype)) for one in seen]
    links = {one: number for number, one in enumerate(dict.fromkeys([*known, *((f.key, f.linktype) for f in frames)]))}
    received = dict.fromkeys(links, 0)
    with written(path, f"save({str(path)!r})") as file:
        file.write(
            _block(SECTION, struct.pack("=IHHq", 0x1A2B3C4D, 1, 0, -1) + _options([(SHB_USERAPPL, b"vnetlearn")]))
        )
        for key, kind in links:
            file.write(_interface(key, kind, topology))
        for frame in frames:
            file.write(_packet(links[frame.key, frame.linktype], frame))
            received[frame.key, frame.linktype] += 1
        told = set[str]()  # the kernel counts what it drops by namespace: told of, once, with its first link
        for (key, kind), number in links.items():
            drops = 0 if key[0] in told else lost.get(key[0], 0)
            told.add(key[0])
            file.write(_statistics(number, frames[-1].time if frames else 0, received[key, kind] + drops, drops))
    return path


def _interface(key: Key, kind: int, topology: Snapshot) -> bytes:
    link = topology.links.get(key)
    words = [] if link is None else [link.kind or "device", link.address, *map(str, topology.addrs.get(key, ()))]
    options = [
        (IF_NAME, f"{topology.called(key[0])}/{texts.line(key[1])}".encode()),
        (IF_DESCRIPTION, texts.line(" ".join(filter(None, words))).encode()),
        (IF_TSRESOL, bytes([9])),
    ]
    return _block(INTERFACE, struct.pack("=HHI", kind, 0, SNAP) + _options(options))


def _packet(number: int, frame: Frame) -> bytes:
    data = frame.data
    fixed = struct.pack("=IIIII", number, frame.time >> 32, frame.time & 0xFFFFFFFF, len(data), frame.length)
    flags = OUTBOUND if frame.direction == "out" else INBOUND | TYPES.get(frame.pkttype, 0) << 2
    return _block(PACKET, fixed + _padded(data) + _options([(EPB_FLAGS, struct.pack("=I", flags))]))


def _statistics(number: int, time: int, received: int, drops: int) -> bytes:
    options = [(ISB_IFRECV, struct.pack("=Q", received)), (ISB_IFDROP, struct.pack("=Q", drops))]
    if drops:
        options.insert(0, (COMMENT, b"dropped on any link of this namespace"))
    return _block(STATISTICS, struct.pack("=III", number, time >> 32, time & 0xFFFFFFFF) + _options(options))


def _options(options: Iterable[tuple[int, bytes]]) -> bytes:
    """Each with its code and length; an option of code 0 ends them."""
    written = b"".join(struct.pack("=HH", code, len(value)) + _padded(value) for code, value in options if value)
    return written + bytes(4)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("=I", len(body) + 12)
    return struct.pack("=I", kind) + length + body + length
