"""A link as a value, and as the RTM_*LINK messages (rtnetlink(7)) that tell of it or change it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import kinds
from ..display.table import Table
from ..errors import BadParameter
from . import checks, netlink
from .namespace import FIRST, NetnsLike, netns_word

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


@dataclass(frozen=True)
class Generic:
    """A parameter that every link has: its netlink attribute, or the flag it is; how it is written and checked."""

    attribute: str
    encode: Callable[[Any, str, Callable[[str], int]], Any] = lambda value, tried, index: value
    flag: str = ""
    word: str = ""

    def words(self, value: object) -> list[str]:
        if self.word == "master" and not value:
            return ["nomaster"]
        if self.flag:
            return [self.word, "on" if value else "off"]
        return [self.word, str(value)]


def _number(what: str) -> Callable[[Any, str, Callable[[str], int]], int]:
    return lambda value, tried, index: checks.number(value, what, tried)


def _mac(value: Any, tried: str, index: Callable[[str], int]) -> str:
    return checks.mac(value, tried)


def _master(value: Any, tried: str, index: Callable[[str], int]) -> int:
    return index(value) if value else 0


def _addrgenmode(value: Any, tried: str, index: Callable[[str], int]) -> dict[str, Any]:
    if value not in ADDR_GEN_MODES:
        raise BadParameter(
            tried, f'"addrgenmode" value {value!r} is invalid', "", "one of " + ", ".join(ADDR_GEN_MODES)
        )
    return {"attrs": [("AF_INET6", {"attrs": [("IFLA_INET6_ADDR_GEN_MODE", ADDR_GEN_MODES.index(value))]})]}


GENERIC = {
    "address": Generic("IFLA_ADDRESS", _mac, word="address"),
    "broadcast": Generic("IFLA_BROADCAST", _mac, word="broadcast"),
    "mtu": Generic("IFLA_MTU", _number("mtu"), word="mtu"),
    "txqueuelen": Generic("IFLA_TXQLEN", _number("txqueuelen"), word="txqueuelen"),
    "numtxqueues": Generic("IFLA_NUM_TX_QUEUES", _number("numtxqueues"), word="numtxqueues"),
    "numrxqueues": Generic("IFLA_NUM_RX_QUEUES", _number("numrxqueues"), word="numrxqueues"),
    "group": Generic("IFLA_GROUP", _number("group"), word="group"),
    "index": Generic("", _number("index"), word="index"),
    "alias": Generic("IFLA_IFALIAS", word="alias"),
    "master": Generic("IFLA_MASTER", _master, word="master"),
    "name": Generic("IFLA_IFNAME", lambda value, tried, index: checks.check_name(value, tried), word="name"),
    "addrgenmode": Generic("IFLA_AF_SPEC", _addrgenmode, word="addrgenmode"),
    "netns": Generic("", word="netns"),
    "arp": Generic("", flag="NOARP", word="arp"),
    "multicast": Generic("", flag="MULTICAST", word="multicast"),
    "promisc": Generic("", flag="PROMISC", word="promisc"),
    "allmulticast": Generic("", flag="ALLMULTI", word="allmulticast"),
}


def in_netns(netns: NetnsLike) -> tuple[str, netlink.Descriptor]:
    """The attribute that puts a link into a namespace, which the agent opens for the message."""
    word = netns_word(netns)
    return "IFLA_NET_NS_FD", netlink.Descriptor.of("" if word == FIRST else word)


def ifinfmsg(
    attributes: Sequence[tuple[str, object]],
    up: bool | None = None,
    index: int = 0,
    flags: Mapping[str, object] | None = None,
) -> netlink.Message:
    """An RTM_*LINK message; `flags` may hold generic parameters that are interface flags."""
    from ..kinds.nla import LinkMessage  # late, as in netlink.decode

    value, mask = 0, 0
    wanted = {"UP": up, **{GENERIC[k].flag: (not v if k == "arp" else v) for k, v in (flags or {}).items()}}
    for name, on in wanted.items():
        if name and on is not None:
            mask |= FLAGS[name]
            value |= FLAGS[name] if on else 0
    message: netlink.Message = LinkMessage()
    message["index"], message["flags"], message["change"] = index, value, mask
    message["attrs"] = list(attributes)
    return message


def read_link(message: netlink.Message, netns: str, name_of: Callable[[int], str]) -> Link:
    """A Link from a message of a dump; `name_of` gives a link's name for its index in the same namespace."""
    slots = {slot.name: slot for slot in message["attrs"]}  # once: get_attr goes through all of them each time

    def of(name: str) -> Any:  # what pyroute2 decoded
        return slots[name].value if name in slots else None

    info = of("IFLA_LINKINFO")
    kind = (info and info.get_attr("IFLA_INFO_KIND")) or ("loopback" if message["flags"] & FLAGS["LOOPBACK"] else "")
    data = info and info.get_attr("IFLA_INFO_DATA")
    port, port_data = info and info.get_attr("IFLA_INFO_SLAVE_KIND"), info and info.get_attr("IFLA_INFO_SLAVE_DATA")
    lower, nsid = of("IFLA_LINK") or 0, of("IFLA_LINK_NETNSID")
    record = kinds.KINDS.get(kind)
    on_another = record is not None and (record.pair or record.parent == "required")
    if lower == message["index"] and (nsid is None or not on_another):  # the kernel's way to say: on none
        lower = 0
    beneath = name_of if nsid is None else lambda index: f"if{index}" if index else ""  # in the other namespace
    state = of("IFLA_OPERSTATE")
    return Link(
        netns=netns,
        index=message["index"],
        name=netlink.text(of("IFLA_IFNAME")),
        kind=kind,
        state=state if isinstance(state, str) else STATES[state or 0],
        flags=tuple(name for name, bit in FLAGS.items() if message["flags"] & bit),
        mtu=of("IFLA_MTU") or 0,
        address=of("IFLA_ADDRESS") or "",
        link=name_of(lower) if nsid is None else "",
        master=name_of(of("IFLA_MASTER") or 0),
        params=kinds.decode(record, data, beneath) if data and record and not record.pair else {},
        port=kinds.decode(f"{port}_slave", port_data, name_of) if f"{port}_slave" in kinds.PORTS else {},
        link_index=lower,
        link_netnsid=-1 if nsid is None else nsid,
        txqueuelen=of("IFLA_TXQLEN") or 0,
        alias=netlink.text(of("IFLA_IFALIAS")) or "",
        group=of("IFLA_GROUP") or 0,
        addrgenmode=_gen_mode(of("IFLA_AF_SPEC")),
        link_type=TYPES.get(message["ifi_type"], str(message["ifi_type"])),
    )


def _gen_mode(af_spec: Any) -> str:
    inet6 = af_spec and af_spec.get_attr("AF_INET6")
    mode = inet6.get_attr("IFLA_INET6_ADDR_GEN_MODE") if inet6 else None
    return "" if mode is None else ADDR_GEN_MODES[mode]


def read_links(messages: Sequence[netlink.Message], netns: str) -> list[Link]:
    """All links of a namespace from the messages of a dump."""
    names = {m["index"]: netlink.text(m.get_attr("IFLA_IFNAME")) for m in messages}
    return [read_link(m, netns, lambda i: names.get(i, f"if{i}" if i else "")) for m in messages]
