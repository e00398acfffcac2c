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
    NETLINK  owner → agent  where to send it and what to fill in (see `netlink_request`), and one rtnetlink message
             agent → owner  the kernel's answer to it (or a REPLY with an errno)
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator, Sequence

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

# One descriptor that the agent is to fill in: its offset in the message, and the length of the namespace's name
DESCRIPTOR = struct.Struct("!HB")


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


def netlink_request(netns: str, message: bytes, descriptors: Sequence[tuple[int, str]] = ()) -> bytes:
    """A NETLINK frame's payload: `message` is for `netns`, and needs `descriptors` of namespaces at these offsets.

    The name of the namespace behind its length (one byte), the number of descriptors (one byte), each of them
    (`DESCRIPTOR` and the name), and the message.
    """
    parts = [_short(netns), bytes([len(descriptors)])]
    for offset, name in descriptors:
        parts.append(DESCRIPTOR.pack(offset, len(named(name))) + named(name))
    return b"".join([*parts, message])


def netlink_parts(payload: bytes) -> tuple[str, bytearray, list[tuple[int, str]]]:
    """What `netlink_request` was made of."""
    netns, at = _named(payload, 0)
    count, at = payload[at], at + 1
    descriptors = []
    for _ in range(count):
        offset, length = DESCRIPTOR.unpack_from(payload, at)
        at += DESCRIPTOR.size + length
        descriptors.append((offset, payload[at - length : at].decode(errors=ERRORS)))
    return netns, bytearray(payload[at:]), descriptors


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
