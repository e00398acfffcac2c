"""Netlink sockets in a namespace: one for a single request, or one that stays open and listens."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterable, Sequence

from .loop import Loop, Source
from .netns import Namespaces
from .wire import EXIT, Fill, NoNamespace

SOL_NETLINK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK, NLMSG_ERROR, NLMSG_DONE = 270, 11, 12, 2, 3
MULTI, INTERRUPTED = 0x2, 0x10
RTM_GETNSID = 90
GET = 2  # of an rtnetlink request's type, the two lowest bits: NEW, DEL, GET, SET (net/core/rtnetlink.c)
RECEIVE_BYTES = 1 << 20  # the buffer of a socket that listens
ANSWER_BYTES = 1 << 18
DUMPS = 100  # how often a dump is asked again that was interrupted by a change


def only_looks(message: bytes | bytearray) -> bool:
    """Whether an rtnetlink request is a GET, which changes nothing."""
    return message[4] & 3 == GET


class Rtnetlink:
    """Passes rtnetlink requests on, each in its namespace.

    Sockets are kept for what comes together: `rest` closes them, since an open one would keep its namespace alive after
    `ip netns delete`. That of the first namespace stays.
    """

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces, self._sockets = namespaces, dict[str, socket.socket]()
        self._buffer = memoryview(
            bytearray(ANSWER_BYTES)
        )  # one for all: a fresh one each time costs more than the rest

    def ask(self, row: Iterable[tuple[str, bytearray, Sequence[Fill]]]) -> tuple[bytes, bool]:
        """Send messages, one after the other, up to one that the kernel refuses: its answers, and whether it took all.

        The answer to each goes to its acknowledgement, or to the end of its dump. Raises `NoNamespace`.
        """
        answers, number = list[bytes](), 0
        for netns, message, fills in row:
            answer, number = self._ask(netns, message, fills, answers)
            answers.append(answer)
            if number:
                break
        return b"".join(answers), not number

    def rest(self) -> None:
        """Nothing more is waiting, or namespaces get other names."""
        for netns in [name for name in self._sockets if name]:
            self._sockets.pop(netns).close()

    def _ask(self, netns: str, message: bytearray, fills: Sequence[Fill], told: list[bytes]) -> tuple[bytes, int]:
        """The answer to one message, and the error number in it."""
        s = self._sockets.get(netns) or self._open(netns)
        opened = list[int]()
        try:
            for offset, what in fills:
                if isinstance(what, str):
                    opened.append(self._namespaces.open(what))
                number = opened[-1] if isinstance(what, str) else struct.unpack_from("=i", told[what], 20)[0]
                struct.pack_into("=i", message, offset, number)  # an index: of struct ifinfomsg, rtnetlink(7)
            for _ in range(DUMPS):
                s.send(message)
                answer, number, interrupted = self._answer(s)
                if not interrupted:
                    break
        except BaseException:  # what it still has to say is nobody's answer
            self._sockets.pop(netns).close()
            raise
        finally:
            for fd in opened:
                os.close(fd)
        return answer, number

    def _open(self, netns: str) -> socket.socket:
        with self._namespaces.inside(netns):
            s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC)
        self._sockets[netns] = s
        s.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        s.setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
        return s

    def _answer(self, s: socket.socket) -> tuple[bytes, int, bool]:
        """All that comes to one message, the error number in it, and whether a change interrupted the dump."""
        answer, interrupted = b"", 0
        while True:
            size, at, flags = s.recv_into(self._buffer), 0, MULTI
            answer += self._buffer[:size]
            while at < size and flags & MULTI:  # only of a dump several come at once
                length, kind, flags = struct.unpack_from("=IHH", self._buffer, at)
                interrupted |= flags & INTERRUPTED
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    number = struct.unpack_from("=i", self._buffer, at + 16)[0] if length >= 20 else 0
                    return answer, -number, bool(interrupted)
                at += (length + 3) & ~3


def nsids(namespaces: Namespaces, netns: str, others: Iterable[str]) -> dict[str, int]:
    """The numbers by which one namespace knows others (`ip netns list-id`); -1 for one that it does not know."""
    with namespaces.inside(netns):
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC)
    with s:
        return {name: _nsid(namespaces, s, name) for name in others}


def _nsid(namespaces: Namespaces, s: socket.socket, name: str) -> int:
    try:
        fd = namespaces.open(name)
    except NoNamespace:
        return -1
    try:  # struct rtgenmsg, NETNSA_FD; the answer's first attribute is NETNSA_NSID
        s.send(struct.pack("=IHHIIB3xHHi", 28, RTM_GETNSID, 1, 0, 0, 0, 8, 3, fd))
        answer = s.recv(4096)
    finally:
        os.close(fd)
    return -1 if struct.unpack_from("=IH", answer)[1] == NLMSG_ERROR else int(struct.unpack_from("=i", answer, 24)[0])


def listening(protocol: int, groups: int) -> socket.socket:
    """A socket that hears these groups, and does not make its reader wait."""
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    try:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        s.bind((0, groups))
        s.setblocking(False)
    except BaseException:
        s.close()
        raise
    return s


class Listener(Source):
    """A netlink socket that stays open. What the owner does not take in time the kernel throws away."""

    def __init__(self, loop: Loop, channel: int, protocol: int, groups: int) -> None:
        super().__init__(loop, channel)
        self._socket = listening(protocol, groups)
        loop.watch(self._socket.fileno(), self._readable)

    def _readable(self) -> bool:
        try:
            data = self._socket.recv(1 << 18)
        except BlockingIOError:
            return False
        except OSError:  # ENOBUFS: some were thrown away
            return True
        if not self.behind:
            self.send(data)
        return True

    def data(self, data: bytes) -> None:
        try:
            self._socket.send(data)
        except OSError as error:
            self.loop.send(EXIT, self.channel, json.dumps({"status": error.errno}).encode())

    def eof(self) -> None:
        """Pass on what has come until now, then end."""
        while self._readable():
            pass
        self.loop.unwatch(self._socket.fileno())
        self._socket.close()
        self.loop.ended(self.channel)
