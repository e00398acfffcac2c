"""The stream between an agent and its owner: frames, and what is in them.

The stream carries frames in both directions: one byte kind, four bytes channel, four bytes length (network order),
then the payload. The owner chooses the channel's number with its REQUEST; everything about it carries that number.
A payload of more than FRAME_BYTES goes in pieces, each but the last with MORE in its kind. What is longer, or of a kind
that there is not, makes the stream unreadable: that ends it. Anything else that is wrong is refused, and it goes on.

    REQUEST  owner → agent  JSON {"op": …, arguments}: one of the operations in operations.py
    REPLY    agent → owner  JSON {…} or {"errno": n, "text": why}; "file" when it is about one, "netns" when it is a
                            namespace that is not there;
                            on channel 0: why the agent ends
    DATA     both           of a program: one byte stream number (0, 1, 2), then its bytes
             owner → agent  of a script: its bytes
             agent → owner  of a capture: PART (what, ring, frames lost by it so far), then what it is
             agent → owner  of a monitor: what, a namespace's name behind its length, then the datagram
    CREDIT   owner → agent  four bytes: that many bytes of a program's output, or of a capture, were consumed
             agent → owner  four bytes: a program took that many bytes of its input. No more than WINDOW bytes are on
                            their way, in each direction
    EOF      owner → agent  close a program's standard input; end a capture, a listener or a monitor, after what it has;
                            forget a script
    EXIT     agent → owner  JSON {"status": n}: the program ended (128 + signal when a signal ended it), or EOF did
    NETLINK  owner → agent  a row of rtnetlink messages, where to send each and what to fill in (see `netlink_request`)
             agent → owner  the kernel's answers to them, up to the first that it refused (or a REPLY with an errno)
"""

from __future__ import annotations

import errno
import json
import os
import struct
from collections.abc import Iterator, Sequence
from typing import TypeAlias

REQUEST, REPLY, DATA, CREDIT, EOF, EXIT, NETLINK = range(1, 8)
KINDS, MORE = range(1, 8), 0x80
HEADER = struct.Struct("!BII")
FRAME_BYTES = 1 << 20
AGENT_BYTES, OWNER_BYTES = 1 << 25, 1 << 28  # what each end puts together of pieces, of all channels at once
NETNS = "/run/netns"
ERRORS = "surrogateescape"  # a name can be any bytes: those that are no UTF-8 are text as in file names (PEP 383)
WINDOW = 1 << 20  # bytes on their way to or from a program; who writes more waits for the reader

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


class Unreadable(ValueError):
    """What came is not what can come; the text says in a sentence what is wrong with it."""


class NoNamespace(FileNotFoundError):
    """There is no namespace of this name."""

    def __init__(self, netns: str) -> None:
        super().__init__(errno.ENOENT, os.strerror(errno.ENOENT), f"{NETNS}/{netns}")
        self.netns = netns


def refusal(error: OSError) -> dict[str, object]:
    """A REPLY's content that says why something was not done."""
    answer: dict[str, object] = {"errno": error.errno or errno.EIO, "text": error.strerror or str(error)}
    if isinstance(error, NoNamespace):
        answer["netns"] = error.netns
    if error.filename:
        answer["file"] = str(error.filename)
        answer["text"] = f"{error.strerror}: {error.filename}"
    return answer


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    """A frame's bytes; those of several, when the payload is too long for one."""
    if len(payload) <= FRAME_BYTES:
        return HEADER.pack(kind, channel, len(payload)) + payload
    pieces = [payload[at : at + FRAME_BYTES] for at in range(0, len(payload), FRAME_BYTES)]
    kinds = [kind | MORE] * (len(pieces) - 1) + [kind]
    return b"".join(HEADER.pack(kind, channel, len(piece)) + piece for kind, piece in zip(kinds, pieces, strict=True))


class Frames:
    """What has come of a stream, cut into frames; no more than `most` bytes are kept of those that come in pieces."""

    def __init__(self, most: int = OWNER_BYTES) -> None:
        self._buffer, self._most, self._held = bytearray(), most, 0
        self._begun: dict[tuple[int, int], bytearray] = {}  # by kind and channel

    def cut(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Kind, channel and payload of each frame that is whole with these bytes. Raises `Unreadable`."""
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            kind, channel, length = HEADER.unpack_from(self._buffer)
            if kind & ~MORE not in KINDS:
                raise Unreadable(f"the stream has a frame of kind {kind}, which there is not")
            if length > FRAME_BYTES:
                raise Unreadable(f"the stream has a frame of {length} bytes, and {FRAME_BYTES} are the most")
            end = HEADER.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[HEADER.size : end])
            del self._buffer[:end]
            if kind & MORE:
                self._keep(kind & ~MORE, channel, payload)
                continue
            if (begun := self._begun.pop((kind, channel), None)) is not None:
                self._held -= len(begun)
                payload = bytes(begun + payload)
            yield kind, channel, payload

    def _keep(self, kind: int, channel: int, piece: bytes) -> None:
        """A piece that is not the last; an empty one is of no use to anybody."""
        begun = self._begun.setdefault((kind, channel), bytearray())
        begun += piece
        self._held += len(piece)
        if not piece or self._held > self._most:
            raise Unreadable(f"the stream has {self._held} bytes in pieces, {self._most} are the most; none is empty")


def json_object(payload: bytes) -> dict[str, object]:
    """The JSON object in a frame. Raises `Unreadable`."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"a frame is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Unreadable(f"a frame is JSON, but no object: {payload[:40]!r}")
    return value


def fits(value: object, wanted: str) -> bool:
    """Whether a value of JSON is of a type, as annotations spell it: `int`, `list[str]`, `dict[str, int] | None`, …"""
    if wanted.endswith(" | None"):
        return value is None or fits(value, wanted.removesuffix(" | None"))
    if wanted.startswith("list["):
        return isinstance(value, list) and all(fits(one, wanted[5:-1]) for one in value)
    if wanted.startswith("dict[str, "):
        return isinstance(value, dict) and all(fits(one, wanted[10:-1]) for one in value.values())
    if isinstance(value, bool) or wanted == "bool":
        return isinstance(value, bool) and wanted in ("bool", "object")
    types: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float), "object": (object,)}
    return isinstance(value, types[wanted])


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
    """What `netlink_request` was made of. Raises `Unreadable`."""
    at = 0
    try:
        while at < len(payload):
            netns, at = _named(payload, at)
            count, at = payload[at], at + 1
            fills: list[Fill] = []
            for _ in range(count):
                fill, at = _fill(payload, at)
                fills.append(fill)
            end = at + LENGTH.size + LENGTH.unpack_from(payload, at)[0]
            yield netns, bytearray(payload[at + LENGTH.size : end]), fills
            at = end
    except (IndexError, struct.error):
        raise Unreadable("a message to the kernel is cut off") from None


def _fill(payload: bytes, at: int) -> tuple[Fill, int]:
    """What is to be filled in, as it stands there, and where it ends."""
    offset, place = FILL.unpack_from(payload, at)
    at += FILL.size
    if place != DESCRIPTOR:
        return (offset, place), at
    name, at = _named(payload, at)
    return (offset, name), at


def named(name: str) -> bytes:
    """The bytes of a name."""
    return name.encode(errors=ERRORS)


def check_message(message: bytes | bytearray) -> None:
    """Whether the kernel will answer an rtnetlink request to its end (netlink(7)). Raises `Unreadable`.

    It does not answer what is no request, and ends its answer where an acknowledgement or a dump was asked for.
    """
    if len(message) < 16:
        raise Unreadable(f"a message to the kernel has {len(message)} bytes, and its header alone has 16")
    length, kind, flags = struct.unpack_from("=IHH", message)
    if length != len(message):
        raise Unreadable(f"a message to the kernel has {len(message)} bytes, and says that it has {length}")
    dump = kind >= 16 and kind & 3 == 2 and flags & 0x300  # of all control messages none, of all others GET
    if not flags & 1 or not (flags & 4 or dump):
        raise Unreadable("a message to the kernel asks for no answer: its flags need REQUEST, and ACK or DUMP")


def whole_answer(data: bytes, count: int) -> bool:
    """Whether these are a kernel's answers to a row of so many messages, to its end or to one that it refused."""
    at = ended = number = 0
    while at + 16 <= len(data) and ended < count and not number:
        length, kind = struct.unpack_from("=IH", data, at)
        if length < 16 or at + length > len(data):
            return False
        if kind in (2, 3):  # NLMSG_ERROR, NLMSG_DONE
            if length < 20:
                return False
            ended, number = ended + 1, struct.unpack_from("=i", data, at + 16)[0]
        at += (length + 3) & ~3
    return at >= len(data) and (ended == count or number != 0)


def told(what: int, netns: str, datagram: bytes) -> bytes:
    """A monitor's DATA."""
    return bytes([what]) + _short(netns) + datagram


def told_parts(payload: bytes) -> tuple[int, str, bytes]:
    """What `told` was made of. Raises `Unreadable`."""
    try:
        netns, at = _named(payload, 1)
    except IndexError:
        raise Unreadable("what a monitor tells is cut off") from None
    return payload[0], netns, payload[at:]


def _short(name: str) -> bytes:
    return bytes([len(named(name))]) + named(name)


def _named(payload: bytes, at: int) -> tuple[str, int]:
    """The name that stands there behind its length, and where it ends."""
    end = at + 1 + payload[at]
    if end > len(payload):
        raise IndexError
    return payload[at + 1 : end].decode(errors=ERRORS), end
