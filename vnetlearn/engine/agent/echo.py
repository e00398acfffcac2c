"""Echo requests: sent and heard by sockets of the agent's own in each namespace, as ping(8) of iputils does it."""

from __future__ import annotations

import ctypes
import errno
import itertools
import json
import os
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypedDict, cast

from .loop import Loop, Source
from .netns import Namespaces
from .wire import Unreadable, fits

AT_ONCE = 256  # pings of one request, each with a socket; the others wait for their turn
FULL = (errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM)  # of the socket's or the link's buffer
AGAIN_SECONDS = 0.01  # it is tried again after this at the earliest
LONGEST_SECONDS = 0.5  # and at the latest; in between, after half of the interval
ANY_PORT = 1025  # of the socket that finds out the route; nothing is sent to it
MOST_HEADERS = 512  # bytes

# asm-generic/socket.h, linux/in.h, linux/in6.h, linux/icmp.h, linux/icmpv6.h, linux/errqueue.h
SO_BINDTODEVICE, SO_ATTACH_FILTER, SO_TIMESTAMPNS, MSG_ERRQUEUE = 25, 26, 35, 0x2000
SOL_RAW, ICMP_FILTER, ICMPV6_FILTER, PMTUDISC_DO = 255, 1, 1, 2
ECHO_REPLY, SOURCE_QUENCH, REDIRECT = 0, 4, 5
LOCAL_ERROR = 1
EXTENDED_ERROR = struct.Struct("=IBBBBII")  # struct sock_extended_err; behind it the address of who reported it
TIMEVAL = struct.Struct("@ll")


class Request(TypedDict):
    """`ping -c COUNT -i INTERVAL -W TIMEOUT -s SIZE -I DEV -p PATTERN ADDRESS` in a namespace; "" where there is none.

    The next one of the addresses is tried when there is no route to the one before.
    """

    netns: str
    addresses: list[str]
    count: int
    interval: float
    timeout: float
    size: int
    dev: str
    pattern: str


class Came(TypedDict):
    """What came of a ping: the address that was asked, and milliseconds by sequence (None where no reply came).

    `reports` are ICMP errors and redirects: from whom, type, code, and the MTU or the gateway that it tells (a number).
    `said` is what this kernel itself refused first, in ping's words. `known` is false for an address that is none here.
    """

    address: str
    times: list[float | None]
    reports: list[tuple[str, int, int, int]]
    duplicates: int
    said: str
    known: bool


REQUEST = {
    "netns": "str",
    "addresses": "list[str]",
    "count": "int",
    "interval": "float",
    "timeout": "float",
    "size": "int",
    "dev": "str",
    "pattern": "str",
}
CAME = {
    "address": "str",
    "times": "list[float | None]",
    "reports": "list[list[object]]",
    "duplicates": "int",
    "said": "str",
    "known": "bool",
}
LIMITS = {"count": (1, 1 << 31), "interval": (0, 1e6), "timeout": (0, 1e6), "size": (0, 65507)}


class Version(NamedTuple):
    """What differs between IPv4 and IPv6: numbers of linux/in.h and linux/in6.h, and types of messages."""

    family: int
    protocol: int
    level: int
    mtu_discover: int
    report_errors: int
    request: int
    reply: int
    too_long: str


V4 = Version(socket.AF_INET, socket.IPPROTO_ICMP, 0, 10, 11, 8, 0, "local error: message too long, mtu=%u")
V6 = Version(socket.AF_INET6, 58, 41, 23, 25, 128, 129, "local error: message too long, mtu: %u")


class Pings(Source):
    """Several pings at the same time. What came of all goes to the owner when the last one is decided, or at EOF."""

    def __init__(self, loop: Loop, channel: int, namespaces: Namespaces, pings: Sequence[object]) -> None:
        super().__init__(loop, channel)
        requests = [_request(one) for one in pings]
        for netns in {request["netns"] for request in requests} - {""}:
            namespaces.need(netns)
        self._pings = [Ping(loop, namespaces, request, self._decided) for request in requests]
        self._waiting, self._open = iter(self._pings), len(self._pings)

    def begin(self) -> None:
        """Once the request itself is answered: what came may be known at once."""
        if not self._pings:
            self._finish()
        for ping in itertools.islice(self._waiting, AT_ONCE):
            ping.begin()

    def _decided(self) -> None:
        self._open -= 1
        if self._open == 0:
            self._finish()
        elif (following := next(self._waiting, None)) is not None:
            self.loop.call_later(0, following.begin)

    def eof(self) -> None:
        self._waiting = iter(())
        for ping in self._pings:
            ping.end()

    def _finish(self) -> None:
        if self.loop.sources.get(self.channel) is self:
            self.send(json.dumps({"came": [ping.came for ping in self._pings]}).encode())
            self.loop.ended(self.channel)


class Ping:
    """One ping: decided when each request is answered, reported as an error or refused, else when its time is up."""

    def __init__(self, loop: Loop, namespaces: Namespaces, request: Request, decided: Callable[[], None]) -> None:
        self._loop, self._namespaces, self._request, self._then = loop, namespaces, request, decided
        self.came = Came(address="", times=[], reports=[], duplicates=0, said="", known=True)
        self._socket: socket.socket | None = None
        self._ended = False
        self._sent_at: list[int] = []  # microseconds since 1970
        self._errors = self._received = self._full = 0
        self._id = os.urandom(2)
        pattern = bytes.fromhex(request["pattern"]) or bytes(range(256))
        self._data = (pattern * (request["size"] // len(pattern) + 1))[: request["size"]]

    def begin(self) -> None:
        """Find the route to an address, and send the first request there. ping's errors are its `said`."""
        if self._ended:
            return
        try:
            with self._namespaces.inside(self._request["netns"]):
                for address in self._request["addresses"]:
                    try:
                        self._open(address)
                        break
                    except OSError as error:
                        self._refused("connect", error)
                        if error.errno not in (errno.EHOSTUNREACH, errno.ENETUNREACH):
                            break
        except OSError as error:  # the namespace has gone
            self._tell(error.strerror or "")
        if self._socket is None:
            self.end()
            return
        self.came["said"] = ""
        self._send()
        if not self._ended:
            self._loop.watch(self._socket.fileno(), self._readable)

    def _open(self, address: str) -> None:
        """Open the socket for one address. Raises `OSError` as ping's "connect" does."""
        host, percent, zone = address.partition("%")
        self._version = version = V6 if ":" in host else V4
        host = socket.inet_ntop(version.family, socket.inet_pton(version.family, host))
        scope = _scope(host, zone) if percent else 0
        if scope is None:
            self.came["known"] = False
            return
        self.came["address"] = host
        dev = self._request["dev"]
        self._to: tuple[str, int] | tuple[str, int, int, int] = (host, 0) if version is V4 else (host, 0, 0, scope)
        source = self._source(dev)
        if host == "0.0.0.0":
            self._to = (source, 0)
            self.came["address"] = source
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        s = socket.socket(version.family, kind, version.protocol)
        try:
            self._set_up(s, dev)
        except BaseException:
            s.close()
            raise
        self._socket = s

    def _source(self, dev: str) -> str:
        """The address that it is sent from: a UDP socket that is connected there tells it, or why it cannot.

        ping does not ask so for link-local addresses, which need no route.
        """
        version, (host, _, *rest) = self._version, self._to
        if version is V6 and _link_local(host):
            return ""
        with socket.socket(version.family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as probe:
            if dev:
                probe.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, dev.encode() + b"\0")
            probe.connect((host, ANY_PORT, *rest))
            return str(probe.getsockname()[0])

    def _set_up(self, s: socket.socket, dev: str) -> None:
        version = self._version
        if dev:
            s.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, dev.encode() + b"\0")
        self._multicast = _multicast(self.came["address"])
        if self._multicast:
            s.setsockopt(version.level, version.mtu_discover, PMTUDISC_DO)
        if version is V4:
            passed = (1 << ECHO_REPLY) | (1 << SOURCE_QUENCH) | (1 << REDIRECT)
            s.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("=I", ~passed & 0xFFFFFFFF))
        else:
            blocked = [0xFFFFFFFF] * 8
            blocked[version.reply >> 5] &= ~(1 << (version.reply & 31))
            s.setsockopt(version.protocol, ICMPV6_FILTER, struct.pack("=8I", *blocked))
        _only_mine(s, version, int.from_bytes(self._id, "big"))
        s.setsockopt(version.level, version.report_errors, 1)
        s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    # What it sends

    def _send(self) -> None:
        """Send the next request, and see to it that the one after it is sent, or that the wait has an end."""
        if self._sent_at:
            self._readable()  # errors that have come would be taken for this one's
        if self._socket is None:
            return
        now = time.time_ns() // 1000
        try:
            self._socket.sendto(self._packet(len(self._sent_at) + 1, now), self._to)
            self._full = 0
        except OSError as error:
            pause = max(AGAIN_SECONDS, min(LONGEST_SECONDS, self._request["interval"] / 2))
            if error.errno in FULL and (self._full + 1) * pause < self._request["timeout"]:
                self._full += 1
                self._loop.call_later(pause, self._send)
                return
            before = self._errors
            self._readable()
            if self._errors == before:
                self._errors += 1
                self._refused("sendmsg", error)
        self._sent_at.append(now)
        self.came["times"].append(None)
        if len(self._sent_at) < self._request["count"]:
            self._loop.call_later(self._request["interval"], self._send)
        else:
            self._loop.call_later(self._patience(), self._time_is_up)
        self._readable()

    def _packet(self, number: int, now: int) -> bytes:
        version, data = self._version, self._data
        if len(data) >= TIMEVAL.size:
            data = TIMEVAL.pack(*divmod(now, 1_000_000)) + data[TIMEVAL.size :]
        head = bytes((version.request, 0, 0, 0)) + self._id + (number & 0xFFFF).to_bytes(2, "big")
        if version is V4:  # in IPv6 the kernel writes it
            head = head[:2] + (0xFFFF - _sum(head + data)).to_bytes(2, "big") + head[4:]
        return head + data

    def _patience(self) -> float:
        """How long it waits after the last request: its timeout, or two of the longest times.

        Once something has come, ping itself waits for two of the longest times alone, so that what it counts as lost
        depends on how quick the others were.
        """
        return max(self._request["timeout"], 2 * max((one or 0 for one in self.came["times"]), default=0) / 1000)

    def _time_is_up(self) -> None:
        if self._socket is not None:
            self._readable()
        self.end()

    # What it hears

    def _readable(self) -> None:
        """Take all that has come: errors first, for they would be the answer to the next call."""
        while self._socket is not None:
            if self._received + self._errors >= self._request["count"]:
                self.end()
            elif not (self._error() or self._reply()):
                return

    def _reply(self) -> bool:
        assert self._socket is not None
        try:
            data, about, _, _ = self._socket.recvmsg(len(self._data) + MOST_HEADERS, 512)
        except BlockingIOError:
            return False
        except OSError as error:
            self._refused("recvmsg", error)
            return True
        stamp = _about(about, socket.SOL_SOCKET, SO_TIMESTAMPNS)
        seconds, nanoseconds = TIMEVAL.unpack(stamp) if stamp else divmod(time.time_ns(), 10**9)
        source = ""
        if self._version is V4:
            head = (data[0] & 15) * 4
            source, data = socket.inet_ntoa(data[12:16]), data[head:]
            if _sum(data) != 0xFFFF:
                return True
        if len(data) >= 8 and data[0] == self._version.reply and data[4:6] == self._id:
            self._answered(int.from_bytes(data[6:8], "big"), seconds * 1_000_000 + nanoseconds // 1000)
        elif self._version is V4 and len(data) >= 36 and data[0] in (SOURCE_QUENCH, REDIRECT):
            inner = data[8 + (data[8] & 15) * 4 :]  # behind the IP header of what it is about
            if self._is_mine(inner, socket.inet_ntoa(data[24:28])):
                gateway = int.from_bytes(data[4:8], "big")
                self.came["reports"].append((source, data[0], data[1], gateway))
        return True

    def _answered(self, sequence: int, when: int) -> None:
        """The sequence number has 16 bits: it is the last such one."""
        at = len(self._sent_at) - 1 - (len(self._sent_at) - sequence & 0xFFFF)
        if at < 0:
            return
        if self.came["times"][at] is None:
            self._received += 1
            self.came["times"][at] = max(0, when - self._sent_at[at]) / 1000
        elif not self._multicast:
            self.came["duplicates"] += 1

    def _error(self) -> bool:
        """Read one error of the queue: of this kernel (the request is too long), or an ICMP message about a request."""
        assert self._socket is not None
        try:
            data, about, _, to = self._socket.recvmsg(512, 512, MSG_ERRQUEUE)
        except OSError:
            return False
        version = self._version
        found = _about(about, version.level, version.report_errors)
        if not found:
            return True
        number, origin, kind, code, _, info, _ = EXTENDED_ERROR.unpack_from(found)
        if origin == LOCAL_ERROR:
            self._errors += 1
            self._tell(version.too_long % info if number == errno.EMSGSIZE else f"local error: {os.strerror(number)}")
        elif self._is_mine(data, to[0]):
            self._errors += 1
            self.came["reports"].append((self._reporter(found[EXTENDED_ERROR.size :]), kind, code, info))
        return True

    def _is_mine(self, message: bytes, to: str) -> bool:
        return len(message) >= 8 and (message[0], message[4:6], to.partition("%")[0]) == (
            *(self._version.request, self._id),
            self._to[0],
        )

    def _reporter(self, address: bytes) -> str:
        """Who reported it (struct sockaddr_in or sockaddr_in6), with its zone where it has one."""
        if self._version is V4:
            return socket.inet_ntoa(address[4:8])
        scope = int(struct.unpack_from("=I", address, 24)[0])
        who = socket.inet_ntop(socket.AF_INET6, address[8:24])
        if not scope:
            return who
        try:
            with self._namespaces.inside(self._request["netns"]):
                return f"{who}%{socket.if_indextoname(scope)}"
        except OSError:
            return f"{who}%{scope}"

    # How it ends

    def _refused(self, what: str, error: OSError) -> None:
        if what == "connect" and error.errno == errno.EACCES and self._version is V4:
            self._tell("Do you want to ping broadcast? Then -b. If not, check your local firewall rules")
        else:
            self._tell((f"{what}: " if what == "recvmsg" else "") + (error.strerror or ""))

    def _tell(self, said: str) -> None:
        self.came["said"] = self.came["said"] or said

    def end(self) -> None:
        """Twice does no harm."""
        if self._ended:
            return
        self._ended = True
        if self._socket is not None:
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()
            self._socket = None
        self._then()


def _request(wanted: object) -> Request:
    """Raises `Unreadable`."""
    if not isinstance(wanted, dict) or not all(fits(wanted.get(name), kind) for name, kind in REQUEST.items()):
        raise Unreadable(f"a ping is {REQUEST}")
    for name, (low, high) in LIMITS.items():
        if not low <= wanted[name] <= high:
            raise Unreadable(f"{name} of a ping is from {low} to {high:.0f}")
    return cast(Request, wanted)


def _about(about: Sequence[tuple[int, int, bytes]], level: int, kind: int) -> bytes:
    """What the kernel says beside a message (cmsg(3)); b"" where it does not."""
    return next((value for *which, value in about if which == [level, kind]), b"")


def _sum(data: bytes) -> int:
    """The one's complement sum of 16-bit words (RFC 1071): a number's remainder by 0xFFFF, where 0 is 0xFFFF."""
    return int.from_bytes(data + b"\0" * (len(data) % 2), "big") % 0xFFFF or 0xFFFF


def _only_mine(s: socket.socket, version: Version, number: int) -> None:
    """Let no replies to others in: in classic BPF (filter.txt), whose first byte is the IP header's in IPv4."""
    load = [(0xB1, 0, 0, 0)] if version is V4 else [(0x01, 0, 0, 0)]  # X: where the ICMP message begins
    program = [
        *load,
        (0x50, 0, 0, 0),  # its type
        (0x15, 0, 2, version.reply),
        (0x48, 0, 0, 4),  # its identifier
        (0x15, 0, 1, number),
        (0x06, 0, 0, 0xFFFFFFFF),
        (0x06, 0, 0, 0),
    ]
    code = b"".join(struct.pack("=HBBI", *one) for one in program)
    instructions = ctypes.create_string_buffer(code, len(code))
    s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(instructions)))


def _link_local(host: str) -> bool:
    first = socket.inet_pton(socket.AF_INET6, host)[:2]
    return (first[0] == 0xFE and first[1] & 0xC0 == 0x80) or (first[0] == 0xFF and first[1] & 15 == 2)


def _multicast(host: str) -> bool:
    first = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)[0]
    return first == 0xFF if ":" in host else 224 <= first < 240


def _scope(host: str, zone: str) -> int | None:
    """The number of a zone (RFC 4007), as getaddrinfo(3) reads it: a link's name if link-local, or a number."""
    if ":" in host and _link_local(host):
        try:
            return socket.if_nametoindex(zone)
        except OSError:
            pass
    return int(zone) if ":" in host and zone.isascii() and zone.isdigit() else None
