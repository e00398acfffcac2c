"""rtnetlink in one namespace of a lab: pyroute2's messages, sent and received through the lab's channel."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from .engine.channel import Channel
from .kinds.nla import Marshal

REQUEST, ACK, DUMP, EXCL, CREATE, REPLACE, APPEND = 0x1, 0x4, 0x300, 0x200, 0x400, 0x100, 0x800
ERROR, DONE = 2, 3
CAPPED, ACK_TLVS, DUMP_INTERRUPTED = 0x100, 0x200, 0x10

(NEWLINK, DELLINK, GETLINK) = (16, 17, 18)
(NEWADDR, DELADDR, GETADDR) = (20, 21, 22)
(NEWROUTE, DELROUTE, GETROUTE) = (24, 25, 26)
(NEWNEIGH, DELNEIGH, GETNEIGH) = (28, 29, 30)
GETNSID = 90
IFLA_IFNAME, NLMSGERR_ATTR_MSG = 3, 1

_marshal = Marshal()


def decode(answer: bytes) -> Any:
    """An answer of the kernel as a pyroute2 message."""
    return next(_marshal.parse(answer))


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


class Rtnl:
    """Requests to the kernel in one namespace ("" is the lab's first one)."""

    def __init__(self, channel: Channel, netns: str) -> None:
        self._channel, self._netns = channel, netns

    def ask(self, kind: int, message: Any, flags: int = ACK, read: Callable[[bytes], Any] = decode) -> list[Any]:
        """Send one pyroute2 message; the answers, each as `read` makes it of its bytes. Raises `Refused`, and `LabDied`.

        `AgentRefused` with ENOENT means that the namespace is not there (any more).
        """
        while True:
            answers, interrupted = self._ask_once(kind, message, flags)
            if not interrupted:
                return [read(one) for one in answers]

    def again(self, answer: bytes) -> None:
        """Send a message of a dump back, to make once more what it tells of. Raises `Refused`: EEXIST when it is there."""
        header = struct.pack("=HII", REQUEST | ACK | CREATE | EXCL, 1, 0)
        _split(self._channel.netlink(self._netns, answer[:6] + header + answer[16:]))

    def _ask_once(self, kind: int, message: Any, flags: int) -> tuple[list[bytes], bool]:
        message["header"]["type"], message["header"]["flags"] = (
            kind,
            flags | REQUEST | (0 if flags & DUMP == DUMP else ACK),
        )
        message["header"]["sequence_number"] = 1
        message.reset()
        message.encode()
        return _split(self._channel.netlink(self._netns, bytes(message.data)))


def _split(data: bytes) -> tuple[list[bytes], bool]:
    """The messages before the acknowledgement or the end of the dump; and whether a change interrupted the dump."""
    answers: list[bytes] = []
    interrupted = False
    at = 0
    while at < len(data):
        length, kind, flags = struct.unpack_from("=IHH", data, at)
        one, at = data[at : at + length], at + ((length + 3) & ~3)
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


def _text(attributes: bytes, wanted: int) -> str:
    """The text in the attribute of that number; "" when it is not there."""
    while len(attributes) >= 4:
        length, kind = struct.unpack_from("=HH", attributes)
        if kind == wanted:
            return attributes[4:length].rstrip(b"\0").decode(errors="replace")
        attributes = attributes[max((length + 3) & ~3, 4) :]
    return ""
