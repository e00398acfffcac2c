"""rtnetlink in the namespaces of a lab: messages and their attributes as bytes, sent through the lab's channel.

Links, addresses and routes are put together and read here and in their modules, since much is made and read of them;
everything else is pyroute2's.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from .. import texts
from ..engine.agent.wire import Ask, Fill
from ..engine.channel import AgentRefused, Channel
from ..kinds.places import IndexOf, Later

REQUEST, ACK, DUMP, EXCL, CREATE, REPLACE = 0x1, 0x4, 0x300, 0x200, 0x400, 0x100
ERROR, DONE = 2, 3
CAPPED, ACK_TLVS = 0x100, 0x200

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
IFLA_IFNAME, IFLA_EXT_MASK, NLMSGERR_ATTR_MSG = 3, 29, 1
SKIP_STATS = 8  # RTEXT_FILTER_SKIP_STATS, linux/rtnetlink.h
NESTED = 0x8000  # NLA_F_NESTED of linux/netlink.h: a mark on the number of an attribute
U32, IFINFOMSG, NLMSGHDR, NLATTR = (
    struct.Struct("=I"),
    struct.Struct("=BxHiII"),
    struct.Struct("=IHHII"),
    struct.Struct("=HH"),
)
BODY = NLMSGHDR.size  # where a message's own header starts

Attribute: TypeAlias = "tuple[int, bytes | Draft | Sequence[Attribute]]"
"""An attribute's number, and its content, or the attributes in it, or a whole message."""


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
    return _text(answer, BODY + IFINFOMSG.size, IFLA_IFNAME)


@dataclass(frozen=True)
class Draft:
    """A message without its netlink header: the parts of its own header, and its attributes."""

    head: tuple[bytes, ...]
    attributes: Sequence[Attribute] = ()


class Request(bytes):
    """A message as the bytes of a request. `later` has what is looked up when it is sent, and where it belongs.

    `link` is the name of the link that it asks for.
    """

    later: list[tuple[int, Later]]
    link = ""


def encode(kind: int, message: Draft | Message, flags: int) -> Request:
    """A message as the bytes of a request."""
    flags |= REQUEST | (0 if flags & DUMP == DUMP else ACK)
    later: list[tuple[int, Later]] = []
    if isinstance(message, Draft):
        data = bytearray(BODY)
        _draw_up(data, message, later)
        NLMSGHDR.pack_into(data, 0, len(data), kind, flags, 1, 0)
    else:
        message["header"]["type"], message["header"]["flags"] = kind, flags
        message["header"]["sequence_number"] = 1
        message.reset()
        message.encode()
        data = message.data
    request = Request(data)
    request.later = later
    return request


def again(answer: bytes) -> Request:
    """A message of a dump as a request to make anew what it tells of; refused with EEXIST when that is there."""
    request = Request(answer[:6] + struct.pack("=HII", REQUEST | ACK | CREATE | EXCL, 1, 0) + answer[BODY:])
    request.later = []
    return request


def _draw_up(data: bytearray, draft: Draft, later: list[tuple[int, Later]]) -> None:
    for part in draft.head:
        _put(data, part, later)
    _append(data, draft.attributes, later)


def _append(data: bytearray, attributes: Sequence[Attribute], later: list[tuple[int, Later]]) -> None:
    for number, content in attributes:
        start = len(data)
        data += bytes(4)
        if isinstance(content, bytes):
            _put(data, content, later)
        elif isinstance(content, Draft):
            _draw_up(data, content, later)
        else:
            _append(data, content, later)
        NLATTR.pack_into(data, start, len(data) - start, number)
        data += bytes(-len(data) % 4)


def _put(data: bytearray, content: bytes, later: list[tuple[int, Later]]) -> None:
    if isinstance(content, Later):
        later.append((len(data), content))
    data += content


def attributes(data: bytes, at: int = 0) -> dict[int, bytes]:
    """The attributes in a row of them, by their numbers; what is cut short ends the row."""
    found, end, header = dict[int, bytes](), len(data) - 3, NLATTR.unpack_from
    while at < end:
        length, number = header(data, at)
        if length < 4:
            break
        found[number & 0x3FFF] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


WITHOUT_COUNTERS: Attribute = (IFLA_EXT_MASK, U32.pack(SKIP_STATS))
ALL_LINKS = encode(GETLINK, Draft((bytes(IFINFOMSG.size),), [WITHOUT_COUNTERS]), DUMP)


def link_named(name: str) -> Request:
    """A question for the link with this name."""
    asked = [(IFLA_IFNAME, texts.encoded(str(name)) + b"\0"), WITHOUT_COUNTERS]
    request = encode(GETLINK, Draft((bytes(IFINFOMSG.size),), asked), 0)
    request.link = name
    return request


def link_with(index: int) -> Request:
    """A question for the link with this index."""
    return encode(GETLINK, Draft((IFINFOMSG.pack(0, 0, index, 0, 0),), [WITHOUT_COUNTERS]), 0)


@dataclass
class Told:
    """What the kernel told: the answers to each request, and of each link that was looked up by its name."""

    answers: list[list[bytes]] = field(default_factory=list)
    links: dict[str, bytes] = field(default_factory=dict)


class Refused(OSError):
    """The kernel's answer to a request was an error: `errno`, and `extack`, its extended message or "".

    `told` is what it told before, with the answers to the requests before the refused one; `link` is the name of a
    link that was looked up for that, and is not there.
    """

    def __init__(self, number: int, extack: str) -> None:
        super().__init__(number, extack)
        self.extack, self.told, self.link = extack, Told(), ""


Requests: TypeAlias = "Sequence[tuple[str, Request]]"
"""Each for the namespace of this name."""


def ask_all(channel: Channel, many: Sequence[Requests]) -> list[Told | OSError]:
    """Rows of requests, each sent until one of them is refused, all at once: what was told, or why it was refused."""
    rows = [Row(requests) for requests in many]
    found: list[Told | OSError] = []
    for row, answer in zip(rows, channel.netlink_rows([row.asks for row in rows]), strict=True):
        try:
            found.append(row.read(answer))
        except (Refused, AgentRefused) as error:
            found.append(error)
    return found


class Row:
    """Requests as the agent takes them, each behind the look-ups of links that it needs in its own namespace."""

    def __init__(self, requests: Requests) -> None:
        self.asks: list[Ask] = []
        self._places: dict[tuple[str, str], int] = {}  # of look-ups, by namespace and link
        self._links: dict[int, str] = {}  # the links that are asked for by name, by the places of the questions
        for netns, request in requests:
            self._add(netns, request, [(offset, self._place(netns, what)) for offset, what in request.later])

    def _add(self, netns: str, request: Request, fills: Sequence[Fill]) -> None:
        if request.link:
            self._links[len(self.asks)] = request.link
        self.asks.append((netns, request, fills))

    def _place(self, netns: str, what: Later) -> str | int:
        if not isinstance(what, IndexOf):
            return what.name
        if (netns, what.name) not in self._places:
            self._places[netns, what.name] = len(self.asks)
            self._add(netns, link_named(what.name), ())
        return self._places[netns, what.name]

    def read(self, data: bytes | AgentRefused) -> Told:
        """What the kernel's answers tell. Raises `Refused`, and the agent's own refusal."""
        if isinstance(data, AgentRefused):
            raise data
        told, looked_up = Told(), {place: link for (_, link), place in self._places.items()}
        answers, place = list[bytes](), 0
        for kind, flags, one in messages(data):
            if kind not in (ERROR, DONE):
                answers.append(one)
                continue
            try:
                _raise_error(one, kind, flags)
            except Refused as error:
                error.told, error.link = told, self._links.get(place, "")
                raise
            if place in looked_up:
                told.links[looked_up[place]] = answers[0]
            else:
                told.answers.append(answers)
            answers, place = [], place + 1
        return told


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The messages in a datagram, or in several: type, flags, and the whole message (netlink(7))."""
    at = 0
    while at + 16 <= len(data):
        length, kind, flags = struct.unpack_from("=IHH", data, at)
        yield kind, flags, data[at : at + length]
        at += max((length + 3) & ~3, 16)


def _raise_error(one: bytes, kind: int, flags: int) -> None:
    number = struct.unpack_from("=i", one, 16)[0] if len(one) >= 20 else 0
    if number == 0:
        return
    at = 20
    if kind == ERROR:
        at += 16 if flags & CAPPED else (struct.unpack_from("=I", one, 20)[0] + 3) & ~3
    raise Refused(-number, _text(one, at, NLMSGERR_ATTR_MSG) if flags & ACK_TLVS else "")


def text(name: str | bytes) -> str:
    """pyroute2 leaves bytes that are no UTF-8 as they are."""
    return texts.decoded(name) if isinstance(name, bytes) else name


def _text(data: bytes, at: int, wanted: int) -> str:
    """The text in the attribute of that number; "" when it is not there."""
    return text(attributes(data, at).get(wanted, b"").rstrip(b"\0"))
