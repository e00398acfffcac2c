"""The limit for the star: one process, raw netlink, several messages in one send, indices chosen by the sender.

unshare --net --mount python3 floor.py floor N       prints one line of JSON, with seconds
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import socket
import struct
import sys
import time

NEWLINK, NEWADDR, CREATE, ACK, ERROR = 16, 20, 0x600, 0x5, 2
IFNAME, MASTER, LINKINFO, NET_NS_FD, INFO_KIND, INFO_DATA, PEER = 3, 10, 18, 28, 1, 2, 1
CLONE_NEWNET = 0x40000000
BRIDGE, FIRST_PORT, CARD = 50000, 60000, 2000  # indices
libc, sequence = ctypes.CDLL(None, use_errno=True), itertools.count(1)


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def message(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack("IHHII", 16 + len(body), kind, flags | ACK, next(sequence), 0) + body


def link(index: int, up: int, *attributes: bytes) -> bytes:
    return struct.pack("BxHiII", 0, 0, index, up, up) + b"".join(attributes)


def netlink() -> socket.socket:
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind((0, 0))
    return s


def talk(s: socket.socket, messages: list[bytes]) -> None:
    s.send(b"".join(messages))
    acked = 0
    while acked < len(messages):
        data, at = s.recv(1 << 16), 0
        while at < len(data):
            length, kind = struct.unpack_from("IH", data, at)
            if kind == ERROR:  # with number 0 it is the acknowledgement
                if number := struct.unpack_from("i", data, at + 16)[0]:
                    raise OSError(-number, os.strerror(-number))
                acked += 1
            at += (length + 3) & ~3


def star(n: int) -> None:
    home, host = os.open("/proc/thread-self/ns/net", os.O_RDONLY), netlink()
    bridge = attribute(LINKINFO, attribute(INFO_KIND, b"bridge"))
    talk(
        host,
        [
            message(NEWLINK, CREATE, link(BRIDGE, 0, attribute(IFNAME, b"br0\0"), bridge)),
            message(NEWLINK, 0, link(BRIDGE, 1)),
        ],
    )
    spaces = []
    for _ in range(n):
        libc.unshare(CLONE_NEWNET)
        spaces.append((os.open("/proc/thread-self/ns/net", os.O_RDONLY), netlink()))
    libc.setns(home, CLONE_NEWNET)
    batch = []
    for i, (fd, _) in enumerate(spaces):
        other = link(CARD, 0) + attribute(IFNAME, b"eth0\0") + attribute(NET_NS_FD, struct.pack("i", fd))
        pair = attribute(LINKINFO, attribute(INFO_KIND, b"veth") + attribute(INFO_DATA, attribute(PEER, other)))
        master = attribute(MASTER, struct.pack("i", BRIDGE))
        batch.append(message(NEWLINK, CREATE, link(FIRST_PORT + i, 0, attribute(IFNAME, b"v%d\0" % i), pair)))
        batch.append(message(NEWLINK, 0, link(FIRST_PORT + i, 1, master)))
    for at in range(0, len(batch), 100):
        talk(host, batch[at : at + 100])
    for i, (_, inside) in enumerate(spaces):
        address = bytes([10, i >> 14 & 255, i >> 7 & 127, (i & 127) + 1])
        body = struct.pack("BBBBi", 2, 8, 0, 0, CARD) + attribute(2, address) + attribute(1, address)
        talk(inside, [message(NEWADDR, CREATE, body), message(NEWLINK, 0, link(CARD, 1))])


if __name__ == "__main__":
    start = time.perf_counter()
    star(int(sys.argv[2]))
    print(json.dumps({"tool": "floor", "n": int(sys.argv[2]), "build_s": time.perf_counter() - start}))
