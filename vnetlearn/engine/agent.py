"""The one program that runs inside a lab: it relays netlink, runs programs and keeps network namespaces.

Standard library only, one thread, asleep when there is nothing to do. It is process 1 of its world, so all that it
started ends with it, and it ends when the stream to its owner closes.

    agent.py host FD    in fresh namespaces (user, network, mount, pid), FD is one end of a socketpair
    agent.py guest      as /init's successor in a QEMU guest, on the virtio-serial port named "agent"

The stream carries frames in both directions: one byte kind, four bytes channel, four bytes length (network order),
then the payload. The owner chooses the channel's number with its REQUEST; everything about it carries that number.

    REQUEST  owner → agent  JSON {"op": …, arguments}: one of the functions in OPERATIONS
    REPLY    agent → owner  JSON {…} or {"errno": n, "text": why}
    DATA     both           of a program: one byte stream number (0, 1, 2), then its bytes
    CREDIT   owner → agent  four bytes: that many bytes of a program's output were consumed
    EOF      owner → agent  close a program's standard input
    EXIT     agent → owner  JSON {"status": n}: the program ended (128 + signal when a signal ended it)
    NETLINK  owner → agent  one byte length, a namespace's name, one rtnetlink message
             agent → owner  the kernel's answer to it (or a REPLY with an errno)
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import pty
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

CLONE_NEWNET = 0x40000000
MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND, MS_REC, MS_SHARED = 1, 2, 32, 4096, 16384, 1 << 20
MNT_DETACH = 2
SOL_NETLINK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK, NLMSG_ERROR, NLMSG_DONE = 270, 11, 12, 2, 3
RNDADDENTROPY, RNDRESEEDCRNG = 0x40085203, 0x5207
# A program answers these as usual, also when the agent's owner was started to ignore them (nohup(1), a shell's &)
USUAL = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTERM]
RESTART = 0x01234567  # reboot(2); QEMU's -no-reboot turns it into the end of the guest

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
    return os.open(f"{NETNS}/{name}" if name else "/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


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
    return {}


def netns_delete(_: int, name: str) -> dict[str, object]:
    path = f"{NETNS}/{name}"
    os.stat(path)
    libc.umount2(path.encode(), MNT_DETACH)
    os.unlink(path)
    return {}


def netns_list(_: int) -> dict[str, object]:
    """Names and inode numbers; the inode tells whether two names are one namespace."""
    return {"netns": {name: os.stat(f"{NETNS}/{name}").st_ino for name in sorted(os.listdir(NETNS))}}


def netns_fd(_: int, name: str) -> dict[str, object]:
    """An open descriptor of a namespace in this process, for netlink attributes that want one; give it back."""
    return {"fd": netns_open(name)}


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


OPERATIONS = {
    f.__name__: f for f in (hello, netns_add, netns_delete, netns_list, netns_fd, close_fd, run, kill, resize)
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
        agent.send(EXIT, self.channel, json.dumps({"status": self.status}).encode())
        agent.channels.pop(self.channel, None)
        if self.input is not None and self.input not in self.outputs:
            os.close(self.input)
        self.input = None


def ready(fd: int) -> bool:
    with selectors.PollSelector() as one:
        one.register(fd, selectors.EVENT_READ)
        return bool(one.select(0))


def refusal(error: OSError) -> dict[str, object]:
    return {"errno": error.errno or errno.EIO, "text": f"{error.strerror}: {error.filename or ''}"}


class Agent:
    """The loop: frames from the owner, datagrams from sockets, output of programs, ends of children."""

    def __init__(self, stream: int, guest: bool) -> None:
        self.stream, self.guest, self.buffer = stream, guest, b""
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.channels: dict[int, Program] = {}
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
            if kind == DATA:
                target.data(payload)
            elif kind == EOF:
                target.eof()
            elif kind == CREDIT:
                target.credit(int.from_bytes(payload, "big"))

    def ask(self, channel: int, payload: bytes) -> None:
        end = 1 + payload[0]
        try:
            self.send(NETLINK, channel, ask(payload[1:end].decode(), payload[end:]))
        except OSError as error:
            self.send(REPLY, channel, json.dumps(refusal(error)).encode())

    def answer(self, channel: int, request: dict[str, Any]) -> dict[str, object]:
        try:
            return OPERATIONS[request.pop("op")](channel, **request)
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
                if key.fileobj in self.selector.get_map():  # an earlier event of this round may have closed it
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
        prepare_host()
    share_netns()
    agent = Agent(stream, guest)
    try:
        agent.serve()
    finally:
        if guest:
            libc.reboot(RESTART)


if __name__ == "__main__":
    main(*sys.argv[1:])
