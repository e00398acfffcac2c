"""The one program that runs inside a lab: it relays netlink, runs programs and keeps network namespaces.

Standard library only, one thread, asleep when there is nothing to do. It is process 1 of its world, so all that it
started ends with it, and it ends when the stream to its owner closes.

    agent.py host FD    in fresh namespaces (user, network, mount, pid), FD is one end of a socketpair
    agent.py guest      as /init's successor in a QEMU guest, on the virtio-serial port named "agent"
    agent.py look FD    in the computer's own namespaces, where it only looks: no operation but those in LOOKING, no
                        netlink but GET requests

The stream carries frames in both directions: one byte kind, four bytes channel, four bytes length (network order),
then the payload. The owner chooses the channel's number with its REQUEST; everything about it carries that number.

    REQUEST  owner → agent  JSON {"op": …, arguments}: one of the functions in OPERATIONS
    REPLY    agent → owner  JSON {…} or {"errno": n, "text": why}
    DATA     both           of a program: one byte stream number (0, 1, 2), then its bytes
             agent → owner  of a capture: PART (what, ring, frames lost by it so far), then what it is
    CREDIT   owner → agent  four bytes: that many bytes of a program's output, or of a capture, were consumed
    EOF      owner → agent  close a program's standard input; end a capture, a listener or a monitor, after what it has
    EXIT     agent → owner  JSON {"status": n}: the program ended (128 + signal when a signal ended it), or what EOF ended
    NETLINK  owner → agent  one byte length, a namespace's name, one rtnetlink message
             agent → owner  the kernel's answer to it (or a REPLY with an errno)
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import mmap
import os
import pty
import select
import selectors
import signal
import socket
import struct
import sys
import termios
import time as clock
from collections.abc import Callable
from typing import Any

REQUEST, REPLY, DATA, CREDIT, EOF, EXIT, NETLINK = range(1, 8)
HEADER = struct.Struct("!BII")
NETNS = "/run/netns"
WINDOW = 1 << 20  # bytes of a program's output on their way; a program that writes more waits for its reader

# A capture's parts: a namespace that it records now, one that it cannot record, one that it no longer records,
# RTM_NEWLINK and RTM_DELLINK messages of a namespace, one block of its ring (linux/if_packet.h).
PART = struct.Struct("!BHI")
JOINED, REFUSED, LEFT, LINKS, BLOCK = range(5)

CLONE_NEWNET = 0x40000000
MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND, MS_REC, MS_SHARED = 1, 2, 32, 4096, 16384, 1 << 20
MNT_DETACH = 2
SOL_NETLINK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK, NLMSG_ERROR, NLMSG_DONE = 270, 11, 12, 2, 3
RTM_GETNSID = 90
GET = 2  # of an rtnetlink request's type, the two lowest bits: NEW, DEL, GET, SET (net/core/rtnetlink.c)
# What a monitor says, and the groups that it hears: links, neighbours, addresses and routes (linux/rtnetlink.h, RTMGRP_…)
HEARD, LOST, CAME, GONE, MONITORED = 0, 1, 2, 3, 0x1 | 0x4 | 0x10 | 0x40 | 0x100 | 0x400
RNDADDENTROPY, RNDRESEEDCRNG = 0x40085203, 0x5207
# A program answers these as usual, also when the agent's owner was started to ignore them (nohup(1), a shell's &)
USUAL = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTERM]
RESTART = 0x01234567  # reboot(2); QEMU's -no-reboot turns it into the end of the guest

# linux/if_packet.h: options, then offsets in a block's struct tpacket_hdr_v1; linux/socket.h; linux/rtnetlink.h
SOL_PACKET, ETH_P_ALL = 263, 3
PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, TPACKET_V3 = 5, 6, 10, 2
SO_ATTACH_FILTER = 26
BLOCK_BYTES = 1 << 17  # room for the largest frame, a segment of 64 KiB that the card is to cut up
LEAST_BLOCKS = 3
# For all rings of a capture together, unless they are very many; and for one.
RING_BYTES, MOST_RING_BYTES = {"host": 1 << 26, "guest": 1 << 24}, 1 << 22
RETIRE_MS = 10  # a block that is not full is passed on after once or twice this time
BLOCK_STATUS, BLOCK_PACKETS, BLOCK_LENGTH, TP_STATUS_USER = 8, 12, 20, 1
# RTM_GETLINK for all links, IFLA_EXT_MASK with RTEXT_FILTER_SKIP_STATS
LINK_DUMP = struct.pack("=IHHII B3xiII HHI", 40, 18, 0x301, 1, 0, 0, 0, 0, 0, 8, 29, 8)
RTMGRP_LINK = 1

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def mount(source: str, target: str, kind: str, flags: int = 0) -> None:
    check(libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), None), target)


class InNetns:
    """The agent itself stands in a namespace for a moment: "" is the lab's own first namespace."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        if self.name:
            fd = netns_open(self.name)
            try:
                check(libc.setns(fd, CLONE_NEWNET), self.name)
            finally:
                os.close(fd)

    def __exit__(self, *_: object) -> None:
        if self.name:
            check(libc.setns(agent.home, CLONE_NEWNET), "home")


def netns_open(name: str) -> int:
    return os.open(netns_path(name), os.O_RDONLY | os.O_CLOEXEC)


def netns_path(name: str) -> str:
    if name in agent.unnamed:
        return f"/proc/{agent.unnamed[name]}/ns/net"
    return f"{NETNS}/{name}" if name else "/proc/self/ns/net"


# What an owner can ask for. Each takes the channel's number and the request's arguments, and answers with a dictionary.


def hello(_: int, time: float, seed: str) -> dict[str, object]:
    """A guest resumed from a saved state has that state's clock and random numbers: give it its own."""
    if agent.guest:
        clock.clock_settime(clock.CLOCK_REALTIME, time)
        data = bytes.fromhex(seed)
        with open("/dev/urandom", "wb", buffering=0) as f:
            fcntl.ioctl(f, RNDADDENTROPY, struct.pack("ii", 8 * len(data), len(data)) + data)
            fcntl.ioctl(f, RNDRESEEDCRNG)
    return {"kernel": os.uname().release}


def netns_add(_: int, name: str) -> dict[str, object]:
    """As `ip netns add` does: a new namespace, held by a bind mount of the same name."""
    path = f"{NETNS}/{name}"
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0))
    try:
        check(libc.unshare(CLONE_NEWNET), name)
        mount("/proc/self/ns/net", path, "none", MS_BIND)
    except BaseException:
        os.unlink(path)
        raise
    finally:
        check(libc.setns(agent.home, CLONE_NEWNET), "home")
    for one in list(agent.channels.values()):
        if isinstance(one, Capture):
            one.follow()
    return {}


def netns_delete(_: int, name: str) -> dict[str, object]:
    path = f"{NETNS}/{name}"
    os.stat(path)
    libc.umount2(path.encode(), MNT_DETACH)
    os.unlink(path)
    return {}


def netns_list(_: int) -> dict[str, object]:
    """Names and inode numbers; the inode tells whether two names are one namespace."""
    there = sorted(os.listdir(NETNS)) if os.path.isdir(NETNS) else []
    return {"netns": {name: os.stat(f"{NETNS}/{name}").st_ino for name in there}}


def netns_unnamed(_: int) -> dict[str, object]:
    """Namespaces that have no name, by a program in each (`lsns -t net`), and how many programs are another user's."""
    known = {os.fstat(agent.home).st_ino, *netns_list(0)["netns"].values()}  # type: ignore[attr-defined]
    hidden = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            inode = os.stat(f"/proc/{pid}/ns/net").st_ino
            if inode not in known:
                known.add(inode)
                agent.unnamed[f"{first_line(f'/proc/{pid}/comm')} (process {pid})"] = int(pid)
        except PermissionError:
            hidden += 1
        except OSError:  # it ended
            continue
    return {"netns": list(agent.unnamed), "hidden": hidden}


def netns_fd(_: int, name: str) -> dict[str, object]:
    """An open descriptor of a namespace in this process, for netlink attributes that want one; give it back."""
    return {"fd": netns_open(name)}


def nsid(_: int, netns: str, others: list[str]) -> dict[str, object]:
    """The numbers by which one namespace knows others (`ip netns list-id`); -1 for one that it does not know."""
    with InNetns(netns):
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC)
    with s:
        return {"nsids": {name: ask_nsid(s, name) for name in others}}


def ask_nsid(s: socket.socket, name: str) -> int:
    try:
        fd = netns_open(name)
    except FileNotFoundError:
        return -1
    try:  # struct rtgenmsg, NETNSA_FD; the answer's first attribute is NETNSA_NSID
        s.send(struct.pack("=IHHIIB3xHHi", 28, RTM_GETNSID, 1, 0, 0, 0, 8, 3, fd))
        answer = s.recv(4096)
    finally:
        os.close(fd)
    return -1 if struct.unpack_from("=IH", answer)[1] == NLMSG_ERROR else int(struct.unpack_from("=i", answer, 24)[0])


def holders(_: int) -> dict[str, object]:
    """The programs that hold a tun or tap link: by its name (tun(4)), or a macvtap by its index (/dev/tapINDEX)."""
    names = {os.stat(netns_path(name)).st_ino: name for name in ("", *netns_list(0)["netns"], *agent.unnamed)}  # type: ignore[misc]
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            where = names.get(os.stat(f"/proc/{pid}/ns/net").st_ino)
            taps = [(fd, os.readlink(f"/proc/{pid}/fd/{fd}")) for fd in os.listdir(f"/proc/{pid}/fd")]
            for fd, path in taps:
                if path.startswith(("/dev/net/tun", "/dev/tap")):
                    found.append(
                        {
                            "pid": int(pid),
                            "program": first_line(f"/proc/{pid}/comm"),
                            "netns": where,
                            "link": held(f"/proc/{pid}/fdinfo/{fd}"),
                            "path": path,
                        }
                    )
        except OSError:  # it ended, or is another user's
            continue
    return {"holders": found}


def first_line(path: str) -> str:
    with open(path, errors="replace") as f:
        return f.readline().strip()


def held(fdinfo: str) -> str:
    with open(fdinfo, errors="replace") as f:
        return next((line.split(":", 1)[1].strip() for line in f if line.startswith("iff:")), "")


def close_fd(_: int, fd: int) -> dict[str, object]:
    os.close(fd)
    return {}


def run(
    channel: int, argv: list[str], netns: str = "", env: dict[str, str] | None = None, tty: list[int] | None = None
) -> dict[str, object]:
    """Start a program, as `ip netns exec` does it; `tty` is [rows, columns] of a terminal of its own, or nothing."""
    if netns:
        os.stat(f"{NETNS}/{netns}")
        find(argv[0])
        argv = ["ip", "netns", "exec", netns, *argv]
    program = Program(channel, argv, {**os.environ, **(env or {})}, tty)
    agent.channels[channel] = program
    return {"pid": program.pid}


def find(program: str) -> None:
    """`ip netns exec` would answer a missing program with a status; say it as it is said without a namespace."""
    folders = [""] if "/" in program else [f"{folder}/" for folder in os.environ["PATH"].split(":")]
    if not any(os.access(folder + program, os.X_OK) for folder in folders):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)


def kill(_: int, channel: int, number: int) -> dict[str, object]:
    """Send a signal to everything in a program's process group."""
    program = agent.channels.get(channel)
    if isinstance(program, Program):
        os.killpg(program.pid, number)
    return {}


def resize(_: int, channel: int, rows: int, columns: int) -> dict[str, object]:
    program = agent.channels.get(channel)
    if isinstance(program, Program) and program.input is not None:
        set_size(program.input, rows, columns)
    return {}


def capture(channel: int, programs: dict[str, str], everything: bool, ring: int) -> dict[str, object]:
    """Record frames, by a classic BPF program (struct sock_filter, in hexadecimal) for each namespace's name.

    `everything`: also all other namespaces that are there or come later, by the program of the first. `ring` is the
    size of each one's buffer in bytes, 0 for what is usual.
    """
    one = Capture(channel, {name: bytes.fromhex(code) for name, code in programs.items()}, everything, ring)
    try:
        one.begin()
    except BaseException:
        one.end()
        raise
    agent.channels[channel] = one
    return {"rings": {ring.number: ring.netns for ring in one.rings.values()}}


def listen(channel: int, protocol: int, groups: int) -> dict[str, object]:
    """Open a netlink socket that stays, in the lab's first namespace: what the owner sends goes in, what it says comes out."""
    agent.channels[channel] = Listener(channel, protocol, groups)
    return {}


def monitor(channel: int) -> dict[str, object]:
    """Pass on rtnetlink's notifications of all namespaces, as `ip monitor` hears them; namespaces that come are added."""
    agent.channels[channel] = one = Monitor(channel)
    for netns in ("", *mounted()):
        one.add(netns)
    return {}


LOOKING = (hello, netns_list, netns_unnamed, nsid, holders)
OPERATIONS = {
    f.__name__: f
    for f in (*LOOKING, netns_add, netns_delete, netns_fd, close_fd, run, kill, resize, capture, listen, monitor)
}


def set_size(terminal: int, rows: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def ask(netns: str, message: bytes) -> bytes:
    """Send one rtnetlink message in a namespace: all that the kernel answers, to its acknowledgement or the dump's end.

    The socket is closed again: an open one would keep a namespace alive after `ip netns delete`.
    """
    with InNetns(netns):
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC)
    with s:
        s.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        s.setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
        s.send(message)
        answer = data = s.recv(1 << 18)
        while not complete(data):
            data = s.recv(1 << 18)
            answer += data
    return answer


def complete(data: bytes) -> bool:
    """Whether a datagram has the last message of an answer in it."""
    at = kind = 0
    while at < len(data) and kind not in (NLMSG_ERROR, NLMSG_DONE):
        length, kind = struct.unpack_from("=IH", data, at)
        at += (length + 3) & ~3
    return kind in (NLMSG_ERROR, NLMSG_DONE)


class Program:
    """One running program: its input, its outputs, and its end."""

    def __init__(self, channel: int, argv: list[str], env: dict[str, str], tty: list[int] | None) -> None:
        self.channel, self.flying, self.waiting = channel, 0, b""
        self.status: int | None = None
        self.outputs: dict[int, int] = {}  # descriptor → stream number
        self.closing = self.stalled = False
        ends = self.terminal(*tty) if tty else self.pipes()
        try:
            self.pid = os.posix_spawnp(argv[0], argv, env, file_actions=ends, setsid=True, setsigdef=USUAL)
        except OSError:
            for fd in {self.input, *self.outputs}:
                if fd is not None:
                    os.close(fd)
            raise
        finally:
            for fd in self.given:
                os.close(fd)
        for fd in self.outputs:
            os.set_blocking(fd, False)
            agent.selector.register(fd, selectors.EVENT_READ, lambda fd=fd: self.readable(fd))
        agent.programs[self.pid] = self

    def terminal(self, rows: int, columns: int) -> list[tuple[Any, ...]]:
        ours, theirs = pty.openpty()
        set_size(ours, rows, columns)
        self.input: int | None = ours
        self.outputs[ours] = 1
        self.given = [theirs]
        # Opened again by the leader of a new session, it becomes that session's controlling terminal.
        return [(os.POSIX_SPAWN_OPEN, 0, os.ttyname(theirs), os.O_RDWR, 0)] + [
            (os.POSIX_SPAWN_DUP2, 0, n) for n in (1, 2)
        ]

    def pipes(self) -> list[tuple[Any, ...]]:
        (stdin, self.input), (out, stdout), (err, stderr) = os.pipe(), os.pipe(), os.pipe()
        self.outputs.update({out: 1, err: 2})
        self.given = [stdin, stdout, stderr]
        return [(os.POSIX_SPAWN_DUP2, fd, n) for n, fd in enumerate(self.given)]

    def readable(self, fd: int) -> None:
        """Pass on what there is. Once the program has ended, what it left running in the background writes to nobody."""
        try:
            data = os.read(fd, 1 << 16)
        except BlockingIOError:
            return
        except OSError:  # a terminal whose last user has gone
            data = b""
        if not data:
            self.forget(fd)
        elif self.channel in agent.channels:
            agent.send(DATA, self.channel, bytes([self.outputs[fd]]) + data)
            self.flying += len(data)
            if self.flying >= WINDOW:
                self.watch(0)

    def watch(self, events: int) -> None:
        for fd in self.outputs:
            if events and fd not in agent.selector.get_map():
                agent.selector.register(fd, events, lambda fd=fd: self.readable(fd))
            elif not events and fd in agent.selector.get_map():
                agent.selector.unregister(fd)

    def credit(self, count: int) -> None:
        paused, self.flying = self.flying >= WINDOW, self.flying - count
        if paused and self.flying < WINDOW:
            self.watch(selectors.EVENT_READ)
            if self.status is not None:
                self.finish()

    def forget(self, fd: int) -> None:
        if fd in agent.selector.get_map():
            agent.selector.unregister(fd)
        del self.outputs[fd]
        if fd == self.input:
            self.input = None
        os.close(fd)

    def data(self, data: bytes) -> None:
        self.waiting += data[1:]
        if not self.stalled:
            self.feed()

    def eof(self) -> None:
        self.closing = True
        if not self.stalled:
            self.feed()

    def feed(self) -> None:
        """Write what waits to the program's input, as far as it takes it; the selector brings us back for the rest."""
        self.stalled = False
        if self.input is None:
            return
        os.set_blocking(self.input, False)
        try:
            while self.waiting:
                self.waiting = self.waiting[os.write(self.input, self.waiting) :]
        except BlockingIOError:
            self.stalled = True
            agent.when_writable(self.input, self.feed)
            return
        except OSError:  # nobody reads any more
            self.waiting = b""
        if self.closing and self.input not in self.outputs:
            os.close(self.input)
            self.input = None

    def ended(self, status: int) -> None:
        self.status = status
        self.finish()

    def finish(self) -> None:
        """After the program's end: pass on what it had written, then say how it ended."""
        for fd in list(self.outputs):
            while fd in self.outputs and self.flying < WINDOW and ready(fd):
                self.readable(fd)
        if self.flying >= WINDOW:
            return
        agent.ended(self.channel, self.status)
        if self.input is not None and self.input not in self.outputs:
            os.close(self.input)
        self.input = None


class Ring:
    """One namespace's frames: a packet socket whose ring of blocks the kernel fills by itself (packet(7), TPACKET_V3).

    The agent does nothing for a single frame: it passes whole blocks on. While the owner is behind, blocks stay in the
    ring; when that is full the kernel drops frames and counts them. A second socket hears of links, for their names.
    """

    def __init__(self, capture: Capture, number: int, netns: str, program: bytes, blocks: int) -> None:
        self.capture, self.number, self.netns, self.blocks = capture, number, netns, blocks
        self.at = self.lost = 0
        self.left: int | None = None  # how many blocks are still to be passed on, once it is to end
        with InNetns(netns):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)  # 0: no frames yet
            self.links = socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
            )
        self.memory: mmap.mmap | None = None
        try:
            self.listen(program)
        except BaseException:
            self.close()
            raise

    def listen(self, program: bytes) -> None:
        self.links.setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
        self.links.bind((0, RTMGRP_LINK))
        self.links.send(LINK_DUMP)
        instructions = ctypes.create_string_buffer(program, len(program))
        filter = struct.pack("HL", len(program) // 8, ctypes.addressof(instructions))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filter)
        self.socket.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
        request = (BLOCK_BYTES, self.blocks, 2048, self.blocks * BLOCK_BYTES // 2048, RETIRE_MS, 0, 0)
        self.socket.setsockopt(SOL_PACKET, PACKET_RX_RING, struct.pack("7I", *request))
        self.memory = mmap.mmap(self.socket.fileno(), self.blocks * BLOCK_BYTES)
        every = struct.pack(
            "=H2si12x", socket.AF_PACKET, ETH_P_ALL.to_bytes(2, "big"), 0
        )  # struct sockaddr_ll: all links
        check(libc.bind(self.socket.fileno(), every, len(every)), self.netns)

    def field(self, where: int) -> int:
        """A number in the head of the block whose turn it is."""
        assert self.memory is not None
        return int(struct.unpack_from("=I", self.memory, self.at * BLOCK_BYTES + where)[0])

    def full(self) -> bool:
        """Whether the kernel has given over the block whose turn it is."""
        return bool(self.field(BLOCK_STATUS) & TP_STATUS_USER)

    def pass_on(self) -> None:
        """Pass on the block whose turn it is, when the kernel is done with it, and give its place back."""
        if self.memory is None or not self.full():
            return
        start = self.at * BLOCK_BYTES
        self.count_lost()
        self.capture.part(BLOCK, self, self.memory[start : start + self.field(BLOCK_LENGTH)])
        struct.pack_into(
            "=I", self.memory, start + BLOCK_PACKETS, 0
        )  # before: the kernel does it late when it was out of room
        struct.pack_into("=I", self.memory, start + BLOCK_STATUS, 0)
        self.at = (self.at + 1) % self.blocks
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                self.capture.leave(self)

    def count_lost(self) -> None:
        """The kernel's count of frames for which there was no room; it starts at 0 again when it was read."""
        self.lost += struct.unpack("3I", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12))[1]

    def hear(self) -> None:
        """Pass on what the kernel says of links. When it had to leave something out, it is asked for all of them."""
        if self.memory is None:
            return
        try:
            self.capture.part(LINKS, self, self.links.recv(1 << 18))
        except BlockingIOError:
            pass
        except OSError:  # ENOBUFS, netlink(7)
            self.links.send(LINK_DUMP)

    def finish(self) -> None:
        """End once all is passed on that is in the ring now. The kernel gives an open block over in a moment, by time."""
        if self.left is not None or self.memory is None:
            return
        now, self.left = self.at, 0
        while self.left < self.blocks and self.full():
            self.left, self.at = self.left + 1, (self.at + 1) % self.blocks
        if self.left < self.blocks and self.field(BLOCK_PACKETS):
            self.left += 1
        self.at = now
        if self.left == 0:
            self.capture.leave(self)

    def close(self) -> None:
        if self.memory is not None:
            self.memory.close()
        self.memory = None
        self.socket.close()
        self.links.close()


class Capture:
    """The rings of one capture, one for each namespace that it records: those that there are now, and all that come."""

    def __init__(self, channel: int, programs: dict[str, bytes], everything: bool, ring: int) -> None:
        self.channel, self.programs, self.everything, self.ring = channel, programs, everything, ring
        self.rings: dict[int, Ring] = {}  # by the namespace's inode number
        self.refused: set[int] = set()
        self.made = self.flying = 0
        self.ending = False
        self.mounts = Mounts(self.follow)

    def begin(self) -> None:
        found = self.there()
        for inode, name in found.items():
            self.join(inode, name, len(found))
        if len(self.rings) < len(self.programs):
            lacking = sorted(set(self.programs) - {ring.netns for ring in self.rings.values()})
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{NETNS}/{lacking[0]}")

    def there(self) -> dict[int, str]:
        """The namespaces that are to be recorded: inode number and name. One with two names counts once."""
        found = {os.fstat(agent.home).st_ino: ""} if "" in self.programs else {}
        for name, inode in mounted().items():
            if self.everything or name in self.programs:
                found.setdefault(inode, name)
        return found

    def join(self, inode: int, name: str, among: int) -> Ring:
        size = self.ring or min(RING_BYTES["guest" if agent.guest else "host"] // among, MOST_RING_BYTES)
        program = self.programs["" if self.everything else name]
        ring = Ring(self, self.made, name, program, max(LEAST_BLOCKS, size // BLOCK_BYTES))
        self.made += 1
        self.rings[inode] = ring
        agent.selector.register(ring.links.fileno(), selectors.EVENT_READ, ring.hear)
        self.watch()
        return ring

    def follow(self) -> None:
        """Namespaces came or went: begin with those that are new, end with those that have no name any more.

        An open socket would keep a namespace alive after `ip netns delete`.
        """
        if self.ending:
            return
        found = self.there()
        for inode, ring in list(self.rings.items()):
            if inode not in found:
                ring.finish()
        for inode, name in found.items():
            if self.everything and inode not in self.rings and inode not in self.refused:
                try:
                    self.part(JOINED, self.join(inode, name, len(self.rings) + 1), json.dumps(name).encode())
                except OSError as error:
                    self.refused.add(inode)
                    self.part(REFUSED, None, json.dumps({"netns": name, **refusal(error)}).encode())

    def part(self, what: int, ring: Ring | None, data: bytes) -> None:
        agent.send(DATA, self.channel, PART.pack(what, *((ring.number, ring.lost) if ring else (0, 0))) + data)
        self.flying += len(data)
        self.watch()

    def credit(self, count: int) -> None:
        self.flying -= count
        self.watch()

    def watch(self) -> None:
        """Wait for blocks of the rings, unless too much is on its way to the owner."""
        for ring in self.rings.values():
            fd, watched = ring.socket.fileno(), agent.selector.get_map()
            if self.flying < WINDOW and fd not in watched:
                agent.selector.register(fd, selectors.EVENT_READ, ring.pass_on)
            elif self.flying >= WINDOW and fd in watched:
                agent.selector.unregister(fd)

    def leave(self, ring: Ring) -> None:
        """Nothing more comes of this ring. The last one's end is the capture's, when that is to end."""
        ring.count_lost()
        self.rings = {inode: one for inode, one in self.rings.items() if one is not ring}
        self.drop(ring)
        self.part(LEFT, ring, b"")
        self.finish()

    def drop(self, ring: Ring) -> None:
        for fd in (ring.socket.fileno(), ring.links.fileno()):
            if fd in agent.selector.get_map():
                agent.selector.unregister(fd)
        ring.close()

    def eof(self) -> None:
        self.ending = True
        for ring in list(self.rings.values()):
            ring.finish()
        self.finish()

    def finish(self) -> None:
        if self.ending and not self.rings and self.channel in agent.channels:
            self.end()
            agent.ended(self.channel)

    def end(self) -> None:
        self.mounts.close()
        for ring in self.rings.values():
            self.drop(ring)
        self.rings = {}


class Listener:
    """A netlink socket that stays open. What the owner does not take in time the kernel throws away."""

    def __init__(self, channel: int, protocol: int, groups: int) -> None:
        self.channel, self.flying = channel, 0
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self.socket.bind((0, groups))
            self.socket.setblocking(False)
        except BaseException:
            self.socket.close()
            raise
        agent.selector.register(self.socket, selectors.EVENT_READ, self.readable)

    def readable(self) -> bool:
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return False
        except OSError:  # ENOBUFS: some were thrown away
            return True
        if self.flying < WINDOW:
            agent.send(DATA, self.channel, data)
            self.flying += len(data)
        return True

    def data(self, data: bytes) -> None:
        try:
            self.socket.send(data)
        except OSError as error:
            agent.send(EXIT, self.channel, json.dumps({"status": error.errno}).encode())

    def credit(self, count: int) -> None:
        self.flying -= count

    def eof(self) -> None:
        """Pass on what has come until now, then end."""
        while self.readable():
            pass
        agent.selector.unregister(self.socket)
        self.socket.close()
        agent.ended(self.channel)


class Monitor:
    """A netlink socket in each namespace. To the owner: CAME, GONE, HEARD (a datagram) or LOST, a namespace, the bytes."""

    def __init__(self, channel: int) -> None:
        self.channel, self.flying = channel, 0
        self.sockets: dict[str, socket.socket] = {}
        self.mounts = Mounts(self.follow)

    def add(self, netns: str) -> None:
        with InNetns(netns):
            s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        s.bind((0, MONITORED))
        s.setblocking(False)
        self.sockets[netns] = s
        agent.selector.register(s, selectors.EVENT_READ, lambda: self.heard(netns))

    def heard(self, netns: str) -> None:
        try:
            data, what = self.sockets[netns].recv(1 << 18), HEARD
        except BlockingIOError:
            return
        except OSError:  # ENOBUFS: the kernel had more to say than found room
            data, what = b"", LOST
        self.tell(what if self.flying < WINDOW else LOST, netns, data if self.flying < WINDOW else b"")

    def tell(self, what: int, netns: str, data: bytes = b"") -> None:
        name = netns.encode()
        payload = bytes([what, len(name)]) + name + data
        agent.send(DATA, self.channel, payload)
        self.flying += len(payload)

    def credit(self, count: int) -> None:
        self.flying -= count

    def follow(self) -> None:
        names = mounted()
        for netns in [name for name in self.sockets if name and name not in names]:
            self.forget(netns)
            self.tell(GONE, netns)
        for netns in [name for name in names if name not in self.sockets]:
            self.add(netns)
            self.tell(CAME, netns)

    def forget(self, netns: str) -> None:
        """An open socket would keep the namespace alive."""
        s = self.sockets.pop(netns)
        agent.selector.unregister(s)
        s.close()

    def eof(self) -> None:
        self.mounts.close()
        for netns in list(self.sockets):
            self.forget(netns)
        agent.ended(self.channel)


class Mounts:
    """The table of mounts shows when a namespace gets its name and when it loses it, whoever does that (proc(5))."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.changed = changed
        self.table = os.open("/proc/self/mounts", os.O_RDONLY | os.O_CLOEXEC)
        self.events = select.epoll()
        self.events.register(self.table, select.EPOLLPRI)
        agent.selector.register(self.events.fileno(), selectors.EVENT_READ, self.happened)

    def happened(self) -> None:
        if not self.events.closed:
            self.events.poll(0)
            self.changed()

    def close(self) -> None:
        agent.selector.unregister(self.events.fileno())
        self.events.close()
        os.close(self.table)


def mounted() -> dict[str, int]:
    """The namespaces that have a name now, with their inode numbers; a name may be there before what it names."""
    home, found = os.fstat(agent.home), {}
    for name in sorted(os.listdir(NETNS)):
        try:
            status = os.stat(f"{NETNS}/{name}")
        except FileNotFoundError:
            continue
        if status.st_dev == home.st_dev:
            found[name] = status.st_ino
    return found


def ready(fd: int) -> bool:
    with selectors.PollSelector() as one:
        one.register(fd, selectors.EVENT_READ)
        return bool(one.select(0))


def refusal(error: OSError) -> dict[str, object]:
    return {"errno": error.errno or errno.EIO, "text": f"{error.strerror}: {error.filename or ''}"}


class Agent:
    """The loop: frames from the owner, datagrams from sockets, output of programs, ends of children."""

    def __init__(self, stream: int, mode: str) -> None:
        self.stream, self.guest, self.buffer = stream, mode == "guest", b""
        self.operations = {f.__name__: f for f in LOOKING} if mode == "look" else OPERATIONS
        self.unnamed: dict[str, int] = {}  # namespaces without a name, by a process in each
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.channels: dict[int, Program | Capture | Listener | Monitor] = {}
        self.programs: dict[int, Program] = {}
        self.selector = selectors.DefaultSelector()
        self.selector.register(stream, selectors.EVENT_READ, self.receive)
        woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.selector.register(woken, selectors.EVENT_READ, lambda: self.reap(woken))

    def send(self, kind: int, channel: int, payload: bytes) -> None:
        data = HEADER.pack(kind, channel, len(payload)) + payload
        while data:
            data = data[os.write(self.stream, data) :]

    def ended(self, channel: int, status: int | None = 0) -> None:
        """Nothing more comes on a channel."""
        self.send(EXIT, channel, json.dumps({"status": status}).encode())
        self.channels.pop(channel, None)

    def receive(self) -> None:
        try:
            data = os.read(self.stream, 1 << 16)
        except OSError:
            data = b""
        if not data:
            raise SystemExit(0)
        self.buffer += data
        while len(self.buffer) >= HEADER.size:
            kind, channel, length = HEADER.unpack_from(self.buffer)
            if len(self.buffer) < HEADER.size + length:
                break
            payload = self.buffer[HEADER.size : HEADER.size + length]
            self.buffer = self.buffer[HEADER.size + length :]
            self.frame(kind, channel, payload)

    def frame(self, kind: int, channel: int, payload: bytes) -> None:
        if kind == REQUEST:
            self.send(REPLY, channel, json.dumps(self.answer(channel, json.loads(payload))).encode())
        elif kind == NETLINK:
            self.ask(channel, payload)
        elif (target := self.channels.get(channel)) is not None:
            if kind == CREDIT:
                target.credit(int.from_bytes(payload, "big"))
            elif kind == EOF:
                target.eof()
            elif kind == DATA and isinstance(target, (Program, Listener)):
                target.data(payload)

    def ask(self, channel: int, payload: bytes) -> None:
        end = 1 + payload[0]
        try:
            if self.operations is not OPERATIONS and payload[end + 4] & 3 != GET:
                raise PermissionError(errno.EPERM, "this agent only looks")
            self.send(NETLINK, channel, ask(payload[1:end].decode(), payload[end:]))
        except OSError as error:
            self.send(REPLY, channel, json.dumps(refusal(error)).encode())

    def answer(self, channel: int, request: dict[str, Any]) -> dict[str, object]:
        try:
            return self.operations[request.pop("op")](channel, **request)
        except OSError as error:
            return refusal(error)
        except Exception as error:
            return {"errno": errno.EINVAL, "text": repr(error)}

    def when_writable(self, fd: int, then: Callable[[], None]) -> None:
        """Call `then` once `fd` takes data. A terminal's descriptor is watched for reading too, so use a copy of it."""
        copy = os.dup(fd)

        def writable() -> None:
            self.selector.unregister(copy)
            os.close(copy)
            then()

        self.selector.register(copy, selectors.EVENT_WRITE, writable)

    def reap(self, woken: int) -> None:
        try:
            os.read(woken, 4096)
        except BlockingIOError:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if (program := self.programs.pop(pid, None)) is not None:
                code = os.waitstatus_to_exitcode(status)
                program.ended(code if code >= 0 else 128 - code)

    def serve(self) -> None:
        while True:
            for key, _ in self.selector.select():
                if self.selector.get_map().get(key.fd) is key:  # an earlier event of this round may have closed it
                    key.data()


def prepare_host() -> None:
    """Give this mount namespace its own /run and /sys, a /proc/sys to write only below net, and an /etc to read only."""
    mount("tmpfs", "/run", "tmpfs", MS_NOSUID)
    os.mkdir(NETNS)
    mount("sysfs", "/sys", "sysfs")
    mount("/proc/sys", "/proc/sys", "none", MS_BIND)
    mount("/proc/sys/net", "/proc/sys/net", "none", MS_BIND)
    mount("none", "/proc/sys", "none", MS_REMOUNT | MS_BIND | MS_RDONLY)
    private_etc()


def private_etc() -> None:
    """The computer's settings can be read, not written; a DHCP client in the lab gets a resolv.conf of its own."""
    mount("/etc", "/etc", "none", MS_BIND | MS_REC)
    mount("none", "/etc", "none", MS_REMOUNT | MS_BIND | MS_RDONLY)
    if os.path.isfile("/etc/resolv.conf"):  # it may be a link to what is not in this /run
        with open("/etc/resolv.conf", "rb") as theirs, open("/run/resolv.conf", "wb") as ours:
            ours.write(theirs.read())
        mount("/run/resolv.conf", "/etc/resolv.conf", "none", MS_BIND)


def share_netns() -> None:
    """As `ip netns add` does: what is mounted or removed here is so in every program's mount namespace too."""
    mount("tmpfs", NETNS, "tmpfs")
    mount("none", NETNS, "none", MS_SHARED | MS_REC)


def agent_port() -> str:
    for port in os.listdir("/sys/class/virtio-ports"):
        with open(f"/sys/class/virtio-ports/{port}/name") as f:
            if f.read().strip() == "agent":
                return f"/dev/{port}"
    raise SystemExit("no virtio-serial port named agent")


agent: Agent  # the one of this process


def main(mode: str, *rest: str) -> None:
    global agent
    guest = mode == "guest"
    os.environ["PATH"] = os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"
    if guest:
        stream = os.open(agent_port(), os.O_RDWR | os.O_CLOEXEC)
        os.makedirs(NETNS, exist_ok=True)
    else:
        stream = int(rest[0])
        os.set_inheritable(stream, False)
    if mode == "host":
        prepare_host()
    if mode != "look":
        share_netns()
    agent = Agent(stream, mode)
    try:
        agent.serve()
    finally:
        if guest:
            libc.reboot(RESTART)


if __name__ == "__main__":
    main(*sys.argv[1:])
