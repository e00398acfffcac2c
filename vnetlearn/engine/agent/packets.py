"""Frames recorded in namespaces: the kernel fills blocks of memory, and those are passed on as they are."""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from . import libc
from .loop import Loop, Source
from .netlink import NETLINK_GET_STRICT_CHK, SOL_NETLINK
from .netns import Mounts, Namespaces
from .wire import BLOCK, JOINED, LEFT, LINKS, NETNS, PART, REFUSED, refusal

# linux/if_packet.h: options, then offsets in a block's struct tpacket_hdr_v1; linux/socket.h
SOL_PACKET, ETH_P_ALL = 263, 3
PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, TPACKET_V3 = 5, 6, 10, 2
BLOCK_STATUS, BLOCK_PACKETS, BLOCK_LENGTH, TP_STATUS_USER = 8, 12, 20, 1
SO_ATTACH_FILTER = 26
BLOCK_BYTES = 1 << 17  # room for the largest frame, a segment of 64 KiB that the card is to cut up
LEAST_BLOCKS, MOST_RING_BYTES = 3, 1 << 22
RETIRE_MS = 10  # a block that is not full is passed on after once or twice this time
# linux/rtnetlink.h: RTM_GETLINK for all links, IFLA_EXT_MASK with RTEXT_FILTER_SKIP_STATS
LINK_DUMP = struct.pack("=IHHII B3xiII HHI", 40, 18, 0x301, 1, 0, 0, 0, 0, 0, 8, 29, 8)
RTMGRP_LINK = 1
BESIDE = 32  # threads


def at_once(jobs: Sequence[Callable[[], None]]) -> None:
    """Do them beside one another, and raise the first error.

    Where a packet socket gets its ring, and where it is closed, the kernel waits until no processor can still use what
    was there before (synchronize_net): some ten milliseconds, which many can wait for together.
    """
    errors: list[OSError] = []

    def do(job: Callable[[], None]) -> None:
        try:
            job()
        except OSError as error:
            errors.append(error)

    for at in range(0, len(jobs), BESIDE):
        threads = [threading.Thread(target=do, args=(job,)) for job in jobs[at : at + BESIDE]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]


class Ring:
    """One namespace's frames: a packet socket whose ring of blocks the kernel fills by itself (packet(7), TPACKET_V3).

    The agent does nothing for a single frame: it passes whole blocks on. While the owner is behind, blocks stay in the
    ring; when that is full the kernel drops frames and counts them. A second socket hears of links, for their names.
    """

    def __init__(self, capture: Capture, namespaces: Namespaces, number: int, netns: str, blocks: int) -> None:
        self._capture, self.number, self.netns, self._blocks = capture, number, netns, blocks
        self._at = self.lost = 0
        self._left: int | None = None  # how many blocks are still to be passed on, once it is to end
        raw = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        with namespaces.inside(netns):
            self.frames = socket.socket(socket.AF_PACKET, raw, 0)  # 0: no frames yet
            self.links = socket.socket(socket.AF_NETLINK, raw | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        self._memory: mmap.mmap | None = None

    def make(self, program: bytes) -> None:
        """Make the ring for what passes a filter."""
        self.links.setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
        self.links.bind((0, RTMGRP_LINK))
        self.links.send(LINK_DUMP)
        instructions = ctypes.create_string_buffer(program, len(program))
        filter = struct.pack("HL", len(program) // 8, ctypes.addressof(instructions))
        self.frames.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filter)
        self.frames.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
        request = (BLOCK_BYTES, self._blocks, 2048, self._blocks * BLOCK_BYTES // 2048, RETIRE_MS, 0, 0)
        self.frames.setsockopt(SOL_PACKET, PACKET_RX_RING, struct.pack("7I", *request))
        self._memory = mmap.mmap(self.frames.fileno(), self._blocks * BLOCK_BYTES)

    def begin(self) -> None:
        """Record from now on: making the ring took much longer, so that many of them can begin close together."""
        # struct sockaddr_ll: all links
        every = struct.pack("=H2si12x", socket.AF_PACKET, ETH_P_ALL.to_bytes(2, "big"), 0)
        libc.bind(self.frames.fileno(), every, self.netns)

    def _field(self, where: int) -> int:
        """A number in the head of the block whose turn it is."""
        assert self._memory is not None
        return int(struct.unpack_from("=I", self._memory, self._at * BLOCK_BYTES + where)[0])

    def _full(self) -> bool:
        """Whether the kernel has given over the block whose turn it is."""
        return bool(self._field(BLOCK_STATUS) & TP_STATUS_USER)

    def pass_on(self) -> None:
        """Pass on the block whose turn it is, when the kernel is done with it, and give its place back."""
        if self._memory is None or not self._full():
            return
        start = self._at * BLOCK_BYTES
        self.count_lost()
        self._capture.part(BLOCK, self, self._memory[start : start + self._field(BLOCK_LENGTH)])
        # The count goes first: the kernel does it late when it was out of room.
        struct.pack_into("=I", self._memory, start + BLOCK_PACKETS, 0)
        struct.pack_into("=I", self._memory, start + BLOCK_STATUS, 0)
        self._at = (self._at + 1) % self._blocks
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self._capture.leave(self)

    def count_lost(self) -> None:
        """The kernel's count of frames for which there was no room; it starts at 0 again when it was read."""
        self.lost += struct.unpack("3I", self.frames.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12))[1]

    def forget_lost(self) -> None:
        """What there was no room for until now does not count."""
        self.count_lost()
        self.lost = 0

    def hear(self) -> None:
        """Pass on what the kernel says of links. When it had to leave something out, it is asked for all of them."""
        if self._memory is None:
            return
        try:
            self._capture.part(LINKS, self, self.links.recv(1 << 18))
        except BlockingIOError:
            pass
        except OSError:  # ENOBUFS, netlink(7)
            self.links.send(LINK_DUMP)

    def finish(self) -> None:
        """End once all that is in the ring now is passed on. The kernel gives an open block over soon, by time."""
        if self._left is not None or self._memory is None:
            return
        now, self._left = self._at, 0
        while self._left < self._blocks and self._full():
            self._left, self._at = self._left + 1, (self._at + 1) % self._blocks
        if self._left < self._blocks and self._field(BLOCK_PACKETS):
            self._left += 1
        self._at = now
        if self._left == 0:
            self._capture.leave(self)

    def close(self) -> None:
        if self._memory is not None:
            self._memory.close()
        self._memory = None
        self.frames.close()
        self.links.close()


class Capture(Source):
    """The rings of one capture, one for each namespace that it records: those that there are now, and all that come.

    `programs` are classic BPF (struct sock_filter) for each namespace's name; with `everything` the first one's is for
    all others too. The rings have `ring` bytes each, or (0) share `budget` bytes, unless they are very many.

    `since` is the time (ns since 1970) from which on all of them record. One begins after the other, so what they
    have from before that is only a part of some packets' ways.
    """

    def __init__(
        self,
        loop: Loop,
        channel: int,
        namespaces: Namespaces,
        programs: Mapping[str, bytes],
        *,
        everything: bool,
        ring: int,
        budget: int,
    ) -> None:
        super().__init__(loop, channel)
        self._namespaces, self._programs, self._everything = namespaces, programs, everything
        self._ring, self._budget = ring, budget
        self._rings: dict[int, Ring] = {}  # by the namespace's inode number
        self._left: list[Ring] = []  # of which nothing more comes, to be closed
        self._refused: set[int] = set()
        self._made, self._ending, self._held = 0, False, False
        self._mounts = Mounts(loop, self.follow)
        try:
            self._begin()
        except BaseException:
            self._end()
            raise

    @property
    def rings(self) -> dict[int, str]:
        """The namespaces that are recorded, by the numbers of their rings."""
        return {ring.number: ring.netns for ring in self._rings.values()}

    def _begin(self) -> None:
        found = self._there()
        self._need_room(len(found), len(found))
        for inode, name in found.items():
            self._open(inode, name, len(found))
        at_once([partial(ring.make, self._program(ring.netns)) for ring in self._rings.values()])
        for ring in self._rings.values():
            ring.begin()
        self.since = time.time_ns()
        for ring in self._rings.values():
            ring.forget_lost()
            self._follow(ring)
        if len(self._rings) < len(self._programs):
            lacking = sorted(set(self._programs) - {ring.netns for ring in self._rings.values()})
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{NETNS}/{lacking[0]}")

    def _there(self) -> dict[int, str]:
        """The namespaces that are to be recorded: inode number and name. One with two names counts once."""
        found = {self._namespaces.home: ""} if "" in self._programs else {}
        for name, inode in self._namespaces.mounted().items():
            if self._everything or name in self._programs:
                found.setdefault(inode, name)
        return found

    def _program(self, netns: str) -> bytes:
        return self._programs["" if self._everything else netns]

    def _open(self, inode: int, name: str, among: int) -> Ring:
        ring = Ring(self, self._namespaces, self._made, name, self._blocks(among))
        self._made += 1
        self._rings[inode] = ring
        return ring

    def _blocks(self, among: int) -> int:
        size = self._ring or min(self._budget // among, MOST_RING_BYTES)
        return max(LEAST_BLOCKS, size // BLOCK_BYTES)

    def _need_room(self, count: int, among: int) -> None:
        """Raises `OSError` (ENOMEM) when so many rings would take most of the memory that is left.

        The kernel gives them all the same, up to the last page, and a guest's kernel panics then.
        """
        with open("/proc/meminfo") as f:
            free = next(int(line.split()[1]) << 10 for line in f if line.startswith("MemAvailable:"))
        if count * self._blocks(among) * BLOCK_BYTES > free // 4 * 3:
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    def _follow(self, ring: Ring) -> None:
        self.loop.watch(ring.links.fileno(), ring.hear)
        if not self._held:
            self.loop.watch(ring.frames.fileno(), ring.pass_on)

    def _join(self, inode: int, name: str) -> Ring:
        """One that has come."""
        self._need_room(1, len(self._rings) + 1)
        ring = self._open(inode, name, len(self._rings) + 1)
        try:
            ring.make(self._program(name))
            ring.begin()
        except BaseException:
            self._rings.pop(inode).close()
            raise
        self._follow(ring)
        return ring

    def follow(self) -> None:
        """Namespaces came or went: begin with those that are new, end with those that have no name any more.

        An open socket would keep a namespace alive after `ip netns delete`.
        """
        if self._ending:
            return
        found = self._there()
        for inode, ring in list(self._rings.items()):
            if inode not in found:
                ring.finish()
        for inode, name in found.items():
            if self._everything and inode not in self._rings and inode not in self._refused:
                try:
                    self.part(JOINED, self._join(inode, name), json.dumps(name).encode())
                except OSError as error:
                    self._refused.add(inode)
                    self.part(REFUSED, None, json.dumps({**refusal(error), "netns": name}).encode())

    def part(self, what: int, ring: Ring | None, data: bytes) -> None:
        """To the owner: what is said of a ring."""
        self.send(data, PART.pack(what, *((ring.number, ring.lost) if ring else (0, 0))))
        self._watch()

    def credit(self, count: int) -> None:
        super().credit(count)
        self._watch()

    def _watch(self) -> None:
        """Wait for blocks of the rings, unless too much is on its way to the owner."""
        if self._held == self.behind:
            return
        self._held = self.behind
        for ring in self._rings.values():
            if self._held:
                self.loop.unwatch(ring.frames.fileno())
            else:
                self.loop.watch(ring.frames.fileno(), ring.pass_on)

    def leave(self, ring: Ring) -> None:
        """Nothing more comes of this ring. The last one's end is the capture's, when that is to end."""
        ring.count_lost()
        self._rings = {inode: one for inode, one in self._rings.items() if one is not ring}
        self._unwatch(ring)
        if self._ending:
            self._left.append(ring)
        else:  # its namespace has no name any more
            ring.close()
        self.part(LEFT, ring, b"")
        self._finish()

    def _unwatch(self, ring: Ring) -> None:
        self.loop.unwatch(ring.frames.fileno())
        self.loop.unwatch(ring.links.fileno())

    def eof(self) -> None:
        self._ending = True
        for ring in list(self._rings.values()):
            ring.finish()
        self._finish()

    def _finish(self) -> None:
        if self._ending and not self._rings and self.channel in self.loop.sources:
            self._end()
            self.loop.ended(self.channel)

    def _end(self) -> None:
        self._mounts.close()
        for ring in self._rings.values():
            self._unwatch(ring)
        at_once([ring.close for ring in (*self._rings.values(), *self._left)])
        self._rings, self._left = {}, []
