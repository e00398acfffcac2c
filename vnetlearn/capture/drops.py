"""What the lab's kernel says of the packets that it threw away: net/core/drop_monitor.c, as dropwatch(1) shows it.

The monitor is the whole kernel's, so only the first namespace of a kernel can ask it: in a lab on an engine of its own
(vm) it tells each dropped packet with the place and the reason; in one on the running kernel there is nothing to hear.
Names: linux/net_dropmon.h, linux/genetlink.h.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from .. import texts
from ..engine.agent.wire import DATA
from ..engine.channel import AgentRefused, Channel, Stream
from ..errors import LabDied
from ..iproute.netlink import ERROR, messages
from ..kinds.places import attribute, attributes_in

GENERIC, CONTROL, GETFAMILY, FAMILY_ID, FAMILY_NAME = 16, 16, 3, 1, 2
ALERTS = 1  # the monitor's group: net/netlink/genetlink.c keeps this number for it
CONFIG, START, STOP, PACKET_ALERT = 2, 3, 4, 5
ALERT_MODE, SYMBOL, IN_PORT, TIMESTAMP, PAYLOAD, TRUNC_LEN, QUEUE_LEN, SW_DROPS, REASON = 1, 3, 4, 5, 7, 9, 11, 20, 23
PORT_NAME = 1
REQUEST_ACK, SEQUENCE = 5, 7
HEADER = struct.Struct("=IHHIIBBxx")  # nlmsghdr, genlmsghdr
MOST = 20_000


@dataclass(frozen=True)
class Drop:
    """A packet that the kernel threw away: when (ns since 1970), in which function, why, where it came in, what."""

    time: int
    where: str
    reason: str
    dev: str
    data: bytes


class Drops:
    """Listens from `start` to `stop`; `found` is what was heard, nothing where the kernel is not the lab's own."""

    def __init__(self, channel: Channel) -> None:
        self._channel, self.found = channel, tuple[Drop, ...]()
        self._stream: Stream | None = None
        self._family = 0

    def start(self) -> None:
        """Begin. Raises `LabDied`."""
        try:
            self._stream = self._channel.listen(GENERIC, 1 << (ALERTS - 1))
        except AgentRefused:
            return
        asked = self._ask(CONTROL, GETFAMILY, attribute(FAMILY_NAME, b"NET_DM\0"))
        if asked is None or FAMILY_ID not in asked:
            self._close()
            return
        self._family = int.from_bytes(asked[FAMILY_ID][:2], sys.byteorder)
        packets = attribute(ALERT_MODE, b"\1") + attribute(TRUNC_LEN, struct.pack("=I", 400))
        self._ask(self._family, CONFIG, packets + attribute(QUEUE_LEN, struct.pack("=I", 4000)))
        self._ask(self._family, START, attribute(SW_DROPS, b""))

    def stop(self) -> None:
        """End; twice does no harm."""
        if self._stream is None:
            return
        try:
            self._send(self._family, STOP, attribute(SW_DROPS, b""))  # its answer could be among what found no room
            self._close()
        except LabDied:
            self._stream = None

    def _close(self) -> None:
        """Take what has come, and give the socket back."""
        assert self._stream is not None
        self._stream.eof()
        found = list(self.found)
        for data in self._heard():
            found += _drops(data, self._family)
        self.found = tuple(sorted(found[:MOST], key=lambda drop: drop.time))
        self._stream.forget()
        self._stream = None

    def _heard(self) -> Iterator[bytes]:
        assert self._stream is not None
        while True:
            kind, data = self._stream.receive()
            if kind != DATA:
                return
            self._stream.credit(len(data))
            yield data

    def _send(self, family: int, command: int, attributes: bytes) -> None:
        assert self._stream is not None
        self._stream.send(
            HEADER.pack(HEADER.size + len(attributes), family, REQUEST_ACK, SEQUENCE, 0, command, 2) + attributes
        )

    def _ask(self, family: int, command: int, attributes: bytes) -> dict[int, bytes] | None:
        """Send a request and wait for its acknowledgement: the answer's attributes, None when it was refused."""
        assert self._stream is not None
        self._send(family, command, attributes)
        answer: dict[int, bytes] = {}
        for data in self._heard():
            for kind, _, message in messages(data):
                mine = struct.unpack_from("=I", message, 8)[0] == SEQUENCE
                if mine and kind == ERROR:
                    return answer if struct.unpack_from("=i", message, 16)[0] == 0 else None
                if mine:
                    answer = dict(attributes_in(message[HEADER.size :]))
            self.found += tuple(_drops(data, self._family))
        return None


def _drops(data: bytes, family: int) -> Iterator[Drop]:
    for kind, _, message in messages(data):
        if kind != family or message[16] != PACKET_ALERT:
            continue
        of = dict(attributes_in(message[HEADER.size :]))
        port = dict(attributes_in(of.get(IN_PORT, b"")))
        yield Drop(
            struct.unpack("=Q", of.get(TIMESTAMP, bytes(8)))[0],
            _words(of.get(SYMBOL, b"")),
            _words(of.get(REASON, b"")),
            texts.decoded(port.get(PORT_NAME, b"").rstrip(b"\0")),
            of.get(PAYLOAD, b""),
        )


def _words(data: bytes) -> str:
    return data.rstrip(b"\0").decode(errors="backslashreplace")
