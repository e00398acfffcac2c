"""Netlink sockets in a namespace: one for a single request, or one that stays open and listens."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterable, Sequence

from .loop import Loop, Source
from .netns import Namespaces
from .wire import EXIT, NoNamespace

SOL_NETLINK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK, NLMSG_ERROR, NLMSG_DONE = 270, 11, 12, 2, 3
RTM_GETNSID = 90
GET = 2  # of an rtnetlink request's type, the two lowest bits: NEW, DEL, GET, SET (net/core/rtnetlink.c)
RECEIVE_BYTES = 1 << 20  # the buffer of a socket that listens


def only_looks(message: bytes | bytearray) -> bool:
    """Whether an rtnetlink request is a GET, which changes nothing."""
    return message[4] & 3 == GET


def ask(namespaces: Namespaces, netns: str, message: bytearray, descriptors: Sequence[tuple[int, str]] = ()) -> bytes:
    """Send one rtnetlink message in a namespace: all that the kernel answers, to its acknowledgement or the dump's end.

    Descriptors of namespaces are written into the message at their offsets, and are open while the kernel reads it.
    The socket is closed again: an open one would keep a namespace alive after `ip netns delete`.
    """
    opened = list[int]()
    try:
        with namespaces.inside(netns):
            s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC)
        with s:
            for offset, name in descriptors:
                opened.append(namespaces.open(name))
                struct.pack_into("=i", message, offset, opened[-1])
            s.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
            s.setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
            s.send(message)
            answer = data = s.recv(1 << 18)
            while not _complete(data):
                data = s.recv(1 << 18)
                answer += data
    finally:
        for fd in opened:
            os.close(fd)
    return answer


def _complete(data: bytes) -> bool:
    """Whether a datagram has the last message of an answer in it."""
    at = kind = 0
    while at < len(data) and kind not in (NLMSG_ERROR, NLMSG_DONE):
        length, kind = struct.unpack_from("=IH", data, at)
        at += (length + 3) & ~3
    return kind in (NLMSG_ERROR, NLMSG_DONE)


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
