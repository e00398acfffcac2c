"""rtnetlink in one namespace of a lab: pyroute2's messages, sent and received through the lab's channel."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from ..engine.channel import AgentRefused, Channel
from ..kinds.places import attributes_in

REQUEST, ACK, DUMP, EXCL, CREATE, REPLACE = 0x1, 0x4, 0x300, 0x200, 0x400, 0x100
ERROR, DONE = 2, 3
CAPPED, ACK_TLVS, DUMP_INTERRUPTED = 0x100, 0x200, 0x10

(NEWLINK, DELLINK, GETLINK) = (16, 17, 18)
(NEWADDR, DELADDR, GETADDR) = (20, 21, 22)
(NEWROUTE, DELROUTE, GETROUTE) = (24, 25, 26)
(NEWNEIGH, DELNEIGH, GETNEIGH) = (28, 29, 30)
GETRULE, GETQDISC, GETTFILTER = 34, 38, 46
# linux/rtnetlink.h: kinds of routes, tables, who made a route, how far an address or a route reaches
RTN_UNSPEC, RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST, RTN_ANYCAST, RTN_MULTICAST = range(6)
RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW, RTN_NAT = range(6, 11)
RT_TABLE_COMPAT, RT_TABLE_DEFAULT, RT_TABLE_MAIN, RT_TABLE_LOCAL = range(252, 256)
RTPROT_UNSPEC, RTPROT_REDIRECT, RTPROT_KERNEL, RTPROT_BOOT, RTPROT_STATIC, RTPROT_RA, RTPROT_DHCP = 0, 1, 2, 3, 4, 9, 16
RT_SCOPE_UNIVERSE, RT_SCOPE_SITE, RT_SCOPE_LINK, RT_SCOPE_HOST, RT_SCOPE_NOWHERE = 0, 200, 253, 254, 255
IFLA_IFNAME, NLMSGERR_ATTR_MSG = 3, 1

T = TypeVar("T")


class Message(Protocol):
    """A message in pyroute2's form: fields by their names, attributes by the kernel's."""

    def __getitem__(self, field: str) -> Any: ...
    def __setitem__(self, field: str, value: Any) -> None: ...
    def get_attr(self, name: str) -> Any: ...
    def reset(self) -> None: ...
    def encode(self) -> None: ...

    @property
    def data(self) -> bytearray: ...


def decode(answer: bytes) -> Message:
    """An answer of the kernel as a message."""
    found: Message = next(_marshal().parse(answer))
    return found


@functools.cache
def _marshal() -> Any:
    from ..kinds.nla import Marshal  # late: pyroute2 takes longer to load than all the rest

    return Marshal()


def ifindex(answer: bytes) -> int:
    """The index in an RTM_NEWLINK message: struct ifinfomsg of rtnetlink(7), behind the netlink header."""
    return int(struct.unpack_from("=i", answer, 20)[0])


def ifname(answer: bytes) -> str:
    """The name in an RTM_NEWLINK message: IFLA_IFNAME, behind struct ifinfomsg."""
    return _text(answer[32:], IFLA_IFNAME)


class Refused(OSError):
    """The kernel's answer to a request was an error: `errno`, and `extack`, its extended message or ""."""

    def __init__(self, number: int, extack: str) -> None:
        super().__init__(number, extack)
        self.extack = extack


class Descriptor(int):
    """A descriptor of a namespace, as an attribute's value: 0 until the agent opens it and writes it in its place."""

    netns: str

    @classmethod
    def of(cls, netns: str) -> Descriptor:
        """Of the namespace with this name; "" is the lab's first one."""
        one = cls(0)
        one.netns = netns
        return one


class Rtnl:
    """Requests to the kernel in one namespace ("" is the lab's first one)."""

    def __init__(self, channel: Channel, netns: str) -> None:
        self._channel, self._netns = channel, netns

    def ask(self, kind: int, message: Message, flags: int, read: Callable[[bytes], T]) -> list[T]:
        """Send one message; the answers, each as `read` makes it of its bytes. Raises `Refused`, and `LabDied`.

        `AgentRefused` with `netns` means that this namespace is not there (any more).
        """
        while True:
            answers, interrupted = self._ask_once(kind, message, flags)
            if not interrupted:
                return [read(one) for one in answers]

    def again(self, answer: bytes) -> None:
        """Send a message of a dump back, to make anew what it tells of. Raises `Refused`: EEXIST when it is there."""
        header = struct.pack("=HII", REQUEST | ACK | CREATE | EXCL, 1, 0)
        _split(self._channel.netlink(self._netns, answer[:6] + header + answer[16:]))

    def _ask_once(self, kind: int, message: Message, flags: int) -> tuple[list[bytes], bool]:
        encoded = encode(kind, message, flags)
        others = _descriptors(message) if kind == NEWLINK else []  # no other message puts something into a namespace
        return _split(self._channel.netlink(self._netns, encoded, others))


def encode(kind: int, message: Message, flags: int) -> bytes:
    """A message as the bytes of a request."""
    message["header"]["type"] = kind
    message["header"]["flags"] = flags | REQUEST | (0 if flags & DUMP == DUMP else ACK)
    message["header"]["sequence_number"] = 1
    message.reset()
    message.encode()
    return bytes(message.data)


def _descriptors(message: Any) -> list[tuple[int, str]]:
    """At which offsets of its bytes a message that was encoded needs descriptors, and of which namespaces."""
    found: list[tuple[int, str]] = []
    for slot in message.get("attrs", ()):
        value = slot.nla.getvalue()
        if isinstance(value, Descriptor):
            found.append((slot.nla.offset + 4, value.netns))  # behind the attribute's length and type
        elif "attrs" in slot.nla:
            found += _descriptors(slot.nla)
    return found


def ask_all(channel: Channel, requests: Sequence[tuple[str, bytes]]) -> list[list[Message] | OSError]:
    """Send many requests at once, each in its namespace: its answers, or the kernel's (or the agent's) error."""
    found: list[list[Message] | OSError] = []
    for answer, (netns, message) in zip(channel.netlink_all(requests), requests, strict=True):
        try:
            if isinstance(answer, AgentRefused):
                raise answer
            answers, interrupted = _split(answer)
            while interrupted:
                answers, interrupted = _split(channel.netlink(netns, message))
            found.append([decode(one) for one in answers])
        except (Refused, AgentRefused) as error:
            found.append(error)
    return found


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The messages in a datagram, or in several: type, flags, and the whole message (netlink(7))."""
    at = 0
    while at + 16 <= len(data):
        length, kind, flags = struct.unpack_from("=IHH", data, at)
        yield kind, flags, data[at : at + length]
        at += max((length + 3) & ~3, 16)


def _split(data: bytes) -> tuple[list[bytes], bool]:
    """The messages before the acknowledgement or the end of the dump; and whether a change interrupted the dump."""
    answers: list[bytes] = []
    interrupted = False
    for kind, flags, one in messages(data):
        interrupted |= bool(flags & DUMP_INTERRUPTED)
        if kind in (ERROR, DONE):
            _raise_error(one, kind, flags)
            break
        answers.append(one)
    return answers, interrupted


def _raise_error(one: bytes, kind: int, flags: int) -> None:
    number = struct.unpack_from("=i", one, 16)[0] if len(one) >= 20 else 0
    if number == 0:
        return
    at = 20
    if kind == ERROR:
        at += 16 if flags & CAPPED else (struct.unpack_from("=I", one, 20)[0] + 3) & ~3
    raise Refused(-number, _text(one[at:], NLMSGERR_ATTR_MSG) if flags & ACK_TLVS else "")


def text(name: str | bytes) -> str:
    """pyroute2 leaves bytes that are no UTF-8 as they are; a name made of such is shown with its bytes as \\xNN."""
    return name.decode(errors="backslashreplace") if isinstance(name, bytes) else name


def _text(attributes: bytes, wanted: int) -> str:
    """The text in the attribute of that number; "" when it is not there."""
    found = (data for kind, data in attributes_in(attributes) if kind == wanted)
    return str(text(next(found, b"").rstrip(b"\0")))
