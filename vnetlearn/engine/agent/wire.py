"""The stream between an agent and its owner: frames, and what is in them.

The stream carries frames in both directions: one byte kind, four bytes channel, four bytes length (network order),
then the payload. The owner chooses the channel's number with its REQUEST; everything about it carries that number.

    REQUEST  owner → agent  JSON {"op": …, arguments}: one of the operations in operations.py
    REPLY    agent → owner  JSON {…} or {"errno": n, "text": why}; "netns" when it is a namespace that is not there
    DATA     both           of a program: one byte stream number (0, 1, 2), then its bytes
             agent → owner  of a capture: PART (what, ring, frames lost by it so far), then what it is
             agent → owner  of a monitor: what, a namespace's name behind its length, then the datagram
    CREDIT   owner → agent  four bytes: that many bytes of a program's output, or of a capture, were consumed
    EOF      owner → agent  close a program's standard input; end a capture, a listener or a monitor, after what it has
    EXIT     agent → owner  JSON {"status": n}: the program ended (128 + signal when a signal ended it), or EOF did
    NETLINK  owner → agent  a row of rtnetlink messages, where to send each and what to fill in (see `netlink_request`)
             agent → owner  the kernel's answers to them, up to the first that it refused (or a REPLY with an errno)
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator, Sequence
from typing import TypeAlias

REQUEST, REPLY, DATA, CREDIT, EOF, EXIT, NETLINK = range(1, 8)
HEADER = struct.Struct("!BII")
NETNS = "/run/netns"
ERRORS = "surrogateescape"  # a name can be any bytes: those that are no UTF-8 are text as in file names (PEP 383)
WINDOW = 1 << 20  # bytes of a program's output on their way; a program that writes more waits for its reader

# A capture's parts: a namespace that it records now, one that it cannot record, one that it no longer records,
# RTM_NEWLINK and RTM_DELLINK messages of a namespace, one block of its ring (linux/if_packet.h).
PART = struct.Struct("!BHI")
JOINED, REFUSED, LEFT, LINKS, BLOCK = range(5)

# What a monitor tells: a datagram, that some were lost, that a namespace came, that it went
HEARD, LOST, CAME, GONE = range(4)

# What the agent is to fill in: its offset in the message, and the place of the message that tells it, or DESCRIPTOR
FILL, LENGTH, DESCRIPTOR = struct.Struct("!HB"), struct.Struct("!I"), 255

Fill: TypeAlias = "tuple[int, str | int]"
"""Four bytes that the agent writes into a message, at this offset: a descriptor of the namespace of this name, or the
index of the link that the kernel has told of in its answer to the message at this place of the row."""
Ask: TypeAlias = "tuple[str, bytes, Sequence[Fill]]"
"""One rtnetlink message: the namespace that it is for, its bytes, and what the agent writes into them."""


class NoNamespace(FileNotFoundError):
    """There is no namespace of this name."""

    def __init__(self, netns: str) -> None:
        super().__init__(errno.ENOENT, os.strerror(errno.ENOENT), f"{NETNS}/{netns}")
        self.netns = netns


def refusal(error: OSError) -> dict[str, object]:
    """A REPLY's content that says why something was not done."""
    answer: dict[str, object] = {
        "errno": error.errno or errno.EIO,
        "text": f"{error.strerror}: {error.filename or ''}",
    }
    return {**answer, "netns": error.netns} if isinstance(error, NoNamespace) else answer


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return HEADER.pack(kind, channel, len(payload)) + payload


class Frames:
    """What has come of a stream, cut into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def cut(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Kind, channel and payload of each frame that is whole with these bytes."""
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            kind, channel, length = HEADER.unpack_from(self._buffer)
            end = HEADER.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[HEADER.size : end])
            del self._buffer[:end]
            yield kind, channel, payload


def netlink_request(row: Sequence[Ask]) -> bytes:
    """A NETLINK frame's payload: messages that are sent one after the other, until the kernel refuses one.

    For each the name of its namespace behind its length (one byte), the number of fills (one byte), each of them
    (`FILL`, and the namespace's name where it is a descriptor), the message behind its length.
    """
    parts = []
    for netns, message, fills in row:
        parts += [_short(netns), bytes([len(fills)])]
        for offset, what in fills:
            place = what if isinstance(what, int) else DESCRIPTOR
            parts += [FILL.pack(offset, place), *([] if isinstance(what, int) else [_short(what)])]
        parts += [LENGTH.pack(len(message)), message]
    return b"".join(parts)


def netlink_row(payload: bytes) -> Iterator[tuple[str, bytearray, list[Fill]]]:
    """What `netlink_request` was made of."""
    at = 0
    while at < len(payload):
        netns, at = _named(payload, at)
        count, at = payload[at], at + 1
        fills: list[Fill] = []
        for _ in range(count):
            offset, place = FILL.unpack_from(payload, at)
            at += FILL.size
            if place == DESCRIPTOR:
                name, at = _named(payload, at)
                fills.append((offset, name))
            else:
                fills.append((offset, place))
        end = at + LENGTH.size + LENGTH.unpack_from(payload, at)[0]
        yield netns, bytearray(payload[at + LENGTH.size : end]), fills
        at = end


def named(name: str) -> bytes:
    """The bytes of a name."""
    return name.encode(errors=ERRORS)


def told(what: int, netns: str, datagram: bytes) -> bytes:
    """A monitor's DATA."""
    return bytes([what]) + _short(netns) + datagram


def told_parts(payload: bytes) -> tuple[int, str, bytes]:
    """What `told` was made of."""
    netns, at = _named(payload, 1)
    return payload[0], netns, payload[at:]


def _short(name: str) -> bytes:
    return bytes([len(named(name))]) + named(name)


def _named(payload: bytes, at: int) -> tuple[str, int]:
    """The name that stands there behind its length, and where it ends."""
    end = at + 1 + payload[at]
    return payload[at + 1 : end].decode(errors=ERRORS), end
