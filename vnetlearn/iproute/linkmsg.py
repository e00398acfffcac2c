"""A link as a value, and as the RTM_*LINK messages (rtnetlink(7)) that tell of it or change it."""

from __future__ import annotations

import functools
import struct
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from socket import AF_INET6
from typing import Any, TypeAlias

from .. import kinds, texts
from ..display.table import Table
from ..errors import BadParameter
from ..kinds.places import DescriptorOf, IndexOf, address_text, mac_bytes
from . import checks, netlink
from .namespace import FIRST, NetnsLike, netns_word
from .netlink import IFLA_IFNAME, U32, Draft

# linux/if_link.h
(IFLA_ADDRESS, IFLA_BROADCAST, IFLA_MTU, IFLA_LINK, IFLA_MASTER, IFLA_TXQLEN) = (1, 2, 4, 5, 10, 13)
(IFLA_OPERSTATE, IFLA_LINKINFO, IFLA_IFALIAS, IFLA_STATS64, IFLA_AF_SPEC, IFLA_GROUP) = (16, 18, 20, 23, 26, 27)
(IFLA_NET_NS_FD, IFLA_NUM_TX_QUEUES, IFLA_NUM_RX_QUEUES, IFLA_LINK_NETNSID, IFLA_NEW_IFINDEX) = (28, 31, 32, 37, 49)
IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA = 1, 2, 4, 5
IFLA_INET6_ADDR_GEN_MODE = 8

# linux/if.h, in the order in which ip(8) prints them
FLAGS = {
    "LOOPBACK": 0x8,
    "BROADCAST": 0x2,
    "POINTOPOINT": 0x10,
    "MULTICAST": 0x1000,
    "NOARP": 0x80,
    "ALLMULTI": 0x200,
    "PROMISC": 0x100,
    "MASTER": 0x400,
    "SLAVE": 0x800,
    "UP": 0x1,
    "LOWER_UP": 0x10000,
    "DORMANT": 0x20000,
}
LOOPBACK = FLAGS["LOOPBACK"]
CHANGEABLE = sum(FLAGS[name] for name in ("UP", "NOARP", "MULTICAST", "PROMISC", "ALLMULTI"))
# linux/if_arp.h, as ip(8) prints them
TYPES = {
    1: "ether",
    32: "infiniband",
    280: "can",
    768: "ipip",
    769: "tunnel6",
    772: "loopback",
    776: "sit",
    778: "gre",
    804: "ieee802.15.4",
    805: "ieee802.15.4/monitor",
    823: "gre6",
    824: "netlink",
    825: "6lowpan",
    65534: "none",
}
ADDR_GEN_MODES = ("eui64", "none", "stable_secret", "random")
STATES = ("UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP")


@dataclass(frozen=True)
class Link:
    """One interface, as the kernel described it when it was asked.

    `netns` is the namespace's name ("" for the lab's first), `link` the name of the lower link or the peer where that
    is in the same namespace; where it is not, `link_index` is its index there and `link_netnsid` the number under
    which this namespace knows the other one (-1: the same one). `params` and `port` hold what the kind, and the master
    it is a port of, add, under ip's names. `link_type` is the hardware's: ether, loopback, can, none, … MTU in bytes.
    """

    netns: str
    index: int
    name: str
    kind: str
    state: str
    flags: tuple[str, ...]
    mtu: int
    address: str
    link: str
    master: str
    params: dict[str, Any] = field(default_factory=dict)
    port: dict[str, Any] = field(default_factory=dict)
    link_index: int = 0
    link_netnsid: int = -1
    txqueuelen: int = 0
    alias: str = ""
    link_type: str = "ether"
    group: int = 0
    addrgenmode: str = ""

    COLUMNS = ("netns", "index", "name", "kind", "state", "mtu", "address", "master", "parameters")

    @property
    def up(self) -> bool:
        """Whether it is administratively up (`ip link set … up`)."""
        return "UP" in self.flags

    @property
    def settled(self) -> bool:
        """Whether its state follows its carrier (LOWER_UP): the kernel looks a moment later (net/core/link_watch.c)."""
        carrier = "LOWER_UP" in self.flags
        return not self.up or self.state not in (("DOWN", "LOWERLAYERDOWN") if carrier else ("UP",))

    @property
    def label(self) -> str:
        """The name as `ip link` prints it: `name@lower`, or `name@ifN` where the other end is in another namespace."""
        if not self.link_index:
            return self.name
        return f"{self.name}@{self.link or f'if{self.link_index}'}"

    def row(self) -> tuple[object, ...]:
        return (
            self.netns,
            self.index,
            self.label,
            self.kind,
            self.state,
            self.mtu,
            self.address,
            self.master,
            {k: v for k, v in self.params.items() if k in NOTABLE},
        )

    def __repr__(self) -> str:
        return repr(Table((self,)))

    def _repr_html_(self) -> str:
        return Table((self,))._repr_html_()


NOTABLE = ("mode", "flag", "id", "remote", "local", "key", "table", "macaddr", "bridge", "private", "vepa", "protocol")


Content: TypeAlias = "bytes | Sequence[netlink.Attribute]"


@dataclass(frozen=True)
class Generic:
    """A parameter that every link has: its netlink attribute, or the flag it is; how it is written and checked."""

    attribute: int = 0
    encode: Callable[[Any, str], Content] = lambda value, tried: text_bytes(value)
    flag: str = ""
    word: str = ""

    def words(self, value: object) -> list[str]:
        if self.word == "master" and not value:
            return ["nomaster"]
        if self.flag:
            return [self.word, "on" if value else "off"]
        return [self.word, str(value)]


def hardware_address(data: bytes) -> str:
    """Of any length; of a tunnel it is the IP address that it sends from (iproute2's lib/ll_addr.c)."""
    return address_text(data) if len(data) in (4, 16) else data.hex(":")


def text_bytes(text: object) -> bytes:
    """Text as the kernel takes it, with its closing zero."""
    return texts.encoded(str(text)) + b"\0"


def _number(what: str) -> Callable[[Any, str], bytes]:
    return lambda value, tried: U32.pack(checks.number(value, what, tried))


def _mac(value: Any, tried: str) -> bytes:
    return mac_bytes(checks.mac(value, tried))


def _master(value: Any, tried: str) -> bytes:
    return IndexOf(value) if value else bytes(4)


def _name(value: Any, tried: str) -> bytes:
    return text_bytes(checks.check_name(value, tried))


def _addrgenmode(value: Any, tried: str) -> Content:
    if value not in ADDR_GEN_MODES:
        raise BadParameter(
            tried, f'"addrgenmode" value {value!r} is invalid', "", "one of " + ", ".join(ADDR_GEN_MODES)
        )
    return [(int(AF_INET6), [(IFLA_INET6_ADDR_GEN_MODE, bytes([ADDR_GEN_MODES.index(value)]))])]


GENERIC = {
    "address": Generic(IFLA_ADDRESS, _mac, word="address"),
    "broadcast": Generic(IFLA_BROADCAST, _mac, word="broadcast"),
    "mtu": Generic(IFLA_MTU, _number("mtu"), word="mtu"),
    "txqueuelen": Generic(IFLA_TXQLEN, _number("txqueuelen"), word="txqueuelen"),
    "numtxqueues": Generic(IFLA_NUM_TX_QUEUES, _number("numtxqueues"), word="numtxqueues"),
    "numrxqueues": Generic(IFLA_NUM_RX_QUEUES, _number("numrxqueues"), word="numrxqueues"),
    "group": Generic(IFLA_GROUP, _number("group"), word="group"),
    "index": Generic(word="index"),
    "alias": Generic(IFLA_IFALIAS, word="alias"),
    "master": Generic(IFLA_MASTER, _master, word="master"),
    "name": Generic(IFLA_IFNAME, _name, word="name"),
    "addrgenmode": Generic(IFLA_AF_SPEC, _addrgenmode, word="addrgenmode"),
    "netns": Generic(word="netns"),
    "arp": Generic(flag="NOARP", word="arp"),
    "multicast": Generic(flag="MULTICAST", word="multicast"),
    "promisc": Generic(flag="PROMISC", word="promisc"),
    "allmulticast": Generic(flag="ALLMULTI", word="allmulticast"),
}


def in_netns(netns: NetnsLike) -> tuple[int, DescriptorOf]:
    """The attribute that puts a link into a namespace, which the agent opens for the message."""
    word = netns_word(netns)
    name = "" if word == FIRST else checks.check_netns(word, f"ip link … netns {texts.word(word)}")
    return IFLA_NET_NS_FD, DescriptorOf(name)


def ifinfmsg(
    attributes: Sequence[netlink.Attribute] = (),
    up: bool | None = None,
    index: int | IndexOf = 0,
    flags: Mapping[str, object] | None = None,
) -> Draft:
    """An RTM_*LINK message; `flags` may hold generic parameters that are interface flags."""
    value, mask = 0, 0
    wanted = {"UP": up, **{GENERIC[k].flag: (not v if k == "arp" else v) for k, v in (flags or {}).items()}}
    for name, on in wanted.items():
        if name and on is not None:
            mask |= FLAGS[name]
            value |= FLAGS[name] if on else 0
    return ifinfmsg_with(attributes, index, value, mask)


def ifinfmsg_with(attributes: Sequence[netlink.Attribute], index: int | IndexOf, flags: int, change: int) -> Draft:
    """An RTM_*LINK message with these flags, of which `change` says which are meant."""
    where = struct.pack("=i", index) if isinstance(index, int) else index
    return Draft((bytes(4), where, struct.pack("=II", flags, change)), attributes)


@dataclass(frozen=True)
class Told:
    """What an RTM_NEWLINK message tells of a link: struct ifinfomsg, and the attributes by their numbers."""

    type: int
    index: int
    flags: int
    attributes: Mapping[int, bytes]

    @classmethod
    def of(cls, message: bytes) -> Told:
        hardware, index, flags, _ = netlink.IFINFOMSG.unpack_from(message, netlink.BODY)[1:]
        return cls(hardware, index, flags, netlink.attributes(message, netlink.BODY + netlink.IFINFOMSG.size))

    def number(self, attribute: int) -> int:
        data = self.attributes.get(attribute)
        return int.from_bytes(data, sys.byteorder) if data else 0

    def text(self, attribute: int) -> str:
        return netlink.text(self.attributes.get(attribute, b"").rstrip(b"\0"))

    @functools.cached_property
    def info(self) -> dict[int, bytes]:
        """IFLA_LINKINFO: what its kind, and the master that it is a port of, tell."""
        return netlink.attributes(self.attributes.get(IFLA_LINKINFO, b""))

    def params(self, kind: str | kinds.Kind) -> kinds.InfoData | None:
        """The kind's own attributes by their names, or a port's; None where there are none."""
        record = kinds.kind(kind)
        data = self.info.get(IFLA_INFO_SLAVE_DATA if record.name in kinds.PORTS else IFLA_INFO_DATA)
        if data is None:
            return None
        names = _names(record)
        return {"attrs": [(names[n], content) for n, content in netlink.attributes(data).items() if n in names]}


@functools.cache
def _names(kind: kinds.Kind) -> dict[int, str]:
    """The names of a kind's attributes, by their numbers."""
    return {kind.numbers[name]: name for name in kind.attributes}


def read_link(message: bytes, netns: str, name_of: Callable[[int], str]) -> Link:
    """A Link from the kernel's message; `name_of` gives a link's name for its index in the same namespace."""
    return _link(Told.of(message), netns, name_of)


def _link(told: Told, netns: str, name_of: Callable[[int], str]) -> Link:
    has, info = told.attributes, told.info
    kind = netlink.text(info.get(IFLA_INFO_KIND, b"").rstrip(b"\0")) or ("loopback" if told.flags & LOOPBACK else "")
    port = netlink.text(info.get(IFLA_INFO_SLAVE_KIND, b"").rstrip(b"\0")) + "_slave"
    lower, nsid = told.number(IFLA_LINK), has.get(IFLA_LINK_NETNSID)
    record = kinds.KINDS.get(kind)
    on_another = record is not None and (record.pair or record.parent == "required")
    if lower == told.index and (nsid is None or not on_another):  # the kernel's way to say: on none
        lower = 0
    beneath = name_of if nsid is None else lambda index: f"if{index}" if index else ""  # in the other namespace
    return Link(
        netns=netns,
        index=told.index,
        name=told.text(IFLA_IFNAME),
        kind=kind,
        state=STATES[told.number(IFLA_OPERSTATE)],
        flags=tuple(name for name, bit in FLAGS.items() if told.flags & bit),
        mtu=told.number(IFLA_MTU),
        address=hardware_address(has.get(IFLA_ADDRESS, b"")),
        link=name_of(lower) if nsid is None else "",
        master=name_of(told.number(IFLA_MASTER)),
        params=kinds.decode(record, told.params(record), beneath) if record and _tells(record, info) else {},
        port=kinds.decode(port, told.params(port), name_of) if port in kinds.PORTS else {},
        link_index=lower,
        link_netnsid=-1 if nsid is None else struct.unpack("=i", nsid)[0],
        txqueuelen=told.number(IFLA_TXQLEN),
        alias=told.text(IFLA_IFALIAS),
        group=told.number(IFLA_GROUP),
        addrgenmode=_gen_mode(has),
        link_type=TYPES.get(told.type, str(told.type)),
    )


def _tells(record: kinds.Kind, info: Mapping[int, bytes]) -> bool:
    return IFLA_INFO_DATA in info and not record.pair


def _gen_mode(of_link: Mapping[int, bytes]) -> str:
    inet6 = netlink.attributes(of_link.get(IFLA_AF_SPEC, b"")).get(AF_INET6)
    mode = netlink.attributes(inet6).get(IFLA_INET6_ADDR_GEN_MODE) if inet6 else None
    return "" if mode is None else ADDR_GEN_MODES[mode[0]]


def read_links(messages: Iterable[bytes], netns: str) -> list[Link]:
    """All links of a namespace from the messages of a dump."""
    told = [Told.of(one) for one in messages]
    names = {one.index: one.text(IFLA_IFNAME) for one in told}
    return [_link(one, netns, lambda i: names.get(i, f"if{i}" if i else "")) for one in told]
