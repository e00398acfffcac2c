"""`ip link`: the network interfaces of one namespace."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .. import kinds, netlink
from ..errors import BadParameter, NotFound, VnetlearnError
from ..kinds.nla import LinkMessage
from ..table import Table
from . import words as check

if TYPE_CHECKING:
    from ..lab import Node

# linux/if.h, in the order in which ip(8) prints them
FLAGS = {
    "LOOPBACK": 0x8, "BROADCAST": 0x2, "POINTOPOINT": 0x10, "MULTICAST": 0x1000, "NOARP": 0x80, "ALLMULTI": 0x200,
    "PROMISC": 0x100, "MASTER": 0x400, "SLAVE": 0x800, "UP": 0x1, "LOWER_UP": 0x10000, "DORMANT": 0x20000,
}  # fmt: skip
STATES = ("UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP")


@dataclass(frozen=True)
class Link:
    """One interface, as the kernel described it when it was asked.

    `netns` is the namespace's name ("" for the lab's first), `link` the name of the lower link or the peer where that
    is in the same namespace; where it is not, `link_index` is its index there and `link_netnsid` the number under
    which this namespace knows the other one (-1: the same one). `params` and `port` hold what the kind, and the master it is
    a port of, add, under ip's names. MTU in bytes.
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
        return (self.netns, self.index, self.label, self.kind, self.state, self.mtu, self.address, self.master,
                {k: v for k, v in self.params.items() if k in NOTABLE})  # fmt: skip

    def __repr__(self) -> str:
        return repr(Table((self,)))

    def _repr_html_(self) -> str:
        return Table((self,))._repr_html_()


NOTABLE = ("mode", "flag", "id", "remote", "local", "key", "table", "macaddr", "bridge", "private", "vepa", "protocol")


class Links:
    """`node.link`: add, set, show and delete interfaces. Equal to `ip link` in the node's namespace."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def add(
        self, name: str, *, kind: str, link: str | None = None, up: bool = False, peer: Any = None, **more: Any
    ) -> Link:
        """Create a link: `ip link add [link PARENT] name NAME [mtu …] type KIND …`.

        `link` names the lower link where the kind has one. Besides the kind's own parameters, under ip's names with
        `_` for `-` (`kinds.KINDS[kind].params` lists them), it takes `address`, `broadcast` (MACs), `mtu` (bytes),
        `txqueuelen` (packets), `index`, `numtxqueues`, `numrxqueues`, `group`, `alias`, `master`, `netns`. `peer` of
        a veth is a name or a dictionary of the same for the other end. `up=True` sets it up at once.

        Raises `UnknownKind`, `BadParameter`, `NotFound` (parent, master, namespace) before anything was sent, and
        `KernelRefused`; then no link was made.
        """
        device = kinds.kind(kind)
        if device.via == "tuntap":
            return self._add_tuntap(name, device, up, more)
        generic, own = split(kind, more)
        target = generic.pop("netns", None)
        other = peer_options(peer)
        spoken = self._spoken(generic, target) + (["up"] if up else [])
        words = ["link", "add", *(["link", link] if link else []), "name", str(name), *spoken, "type", kind]
        words += kinds.words(kind, {**own, **({"peer": other} if peer is not None else {})})
        tried = self._node.spell(words)
        check.check_name(name, tried)
        if device.parent == "required" and device.parent_word == "link" and not link:
            raise BadParameter(tried, "link is missing", f"a {kind} sits on another link: {device.title}",
                               f'link.add({name!r}, kind={kind!r}, link="eth0", …)')  # fmt: skip
        data = self._encode(kind, own, tried)
        with Descriptors(self._node) as fds:
            attributes: list[Any] = [("IFLA_IFNAME", name)]
            if link:
                attributes.append(("IFLA_LINK", self.index(link, tried)))
            attributes += self._generic(generic, tried)
            if target is not None:
                attributes.append(("IFLA_NET_NS_FD", fds.open(target, tried)))
            if peer is not None:
                data = [*data, ("VETH_INFO_PEER", self._peer(other, fds, tried))]
            info: list[Any] = [("IFLA_INFO_KIND", kind)]
            if data or peer is not None:
                info.append(("IFLA_INFO_DATA", {"attrs": data}))
            message = ifinfmsg(attributes, up=up or None, index=generic.get("index", 0), flags=generic)
            message["attrs"].append(("IFLA_LINKINFO", {"attrs": info}))
            self._node.change(words, netlink.NEWLINK, message, netlink.ACK | netlink.CREATE | netlink.EXCL)
        return (self._node if target is None else self._node.lab.node(target)).link.get(name)

    def set(
        self, name: str, *, up: bool | None = None, netns: Any = None, kind: str | None = None, **more: Any
    ) -> None:
        """Change a link: `ip link set dev NAME [up|down] [netns NS] [master M|nomaster] [mtu N] …`.

        Takes `up` (False is `down`), `netns` (a name or a node; the lab's first namespace is `lab.host`), `master`
        (`""` for none), `name` as `new_name`, `mtu`, `address`, `broadcast`, `txqueuelen`, `alias`, `group`, `arp`,
        `multicast`, `promisc`, `allmulticast` (bools), `addrgenmode`; with `kind=` the kind's own parameters, also
        those of ports: `kind="bridge_slave", hairpin=True`.

        Raises `NotFound`, `BadParameter`, `KernelRefused`; then nothing has changed.
        """
        generic, own = split(kind, more)
        spoken = self._spoken(generic, netns) + ([] if up is None else ["up" if up else "down"])
        words = ["link", "set", "dev", name, *spoken]
        if kind:
            words += ["type", kind, *kinds.words(kind, own)]
        tried = self._node.spell(words)
        index = self.index(name, tried)
        with Descriptors(self._node) as fds:
            attributes = self._generic(generic, tried)
            if netns is not None:
                attributes.append(("IFLA_NET_NS_FD", fds.open(netns, tried)))
            if kind:
                attributes.append(("IFLA_LINKINFO", self._info(kind, own, name, tried)))
            message = ifinfmsg(attributes, up=up, index=index, flags=generic)
            self._node.change(words, netlink.NEWLINK, message, netlink.ACK)

    def delete(self, name: str) -> None:
        """Delete a link: `ip link delete dev NAME`. Raises `NotFound`, `KernelRefused`."""
        words = ["link", "delete", "dev", name]
        index = self.index(name, self._node.spell(words))
        self._node.change(words, netlink.DELLINK, ifinfmsg([], index=index), netlink.ACK)

    def show(self, *, kind: str | None = None, master: str | None = None, up: bool = False) -> Table[Link]:
        """All links of the namespace: `ip -d link show [type KIND] [master M] [up]`."""
        messages = self._node.dump(netlink.GETLINK, ifinfmsg([]))
        names = {m["index"]: m.get_attr("IFLA_IFNAME") for m in messages}
        links = (read_link(m, self._node.name, lambda i: names.get(i, "")) for m in messages)
        return Table(
            one
            for one in links
            if (kind is None or one.kind == kind) and (master is None or one.master == master) and (one.up or not up)
        )

    def get(self, name: str) -> Link:
        """One link: `ip -d link show dev NAME`. Raises `NotFound`."""
        message = self._one(name, self._node.spell(["link", "show", "dev", name]), netlink.decode)
        return read_link(message, self._node.name, self._name)

    def __getitem__(self, name: str) -> Link:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        try:
            return self.index(name, "") > 0
        except NotFound:
            return False

    def index(self, name: str, tried: str) -> int:
        """The number by which this namespace knows a link. Raises `NotFound`."""
        return int(self._one(name, tried, netlink.ifindex))

    def names(self) -> dict[int, str]:
        """The names of all links, by their index."""
        both = self._node.request(
            netlink.GETLINK, ifinfmsg([]), netlink.DUMP, lambda a: (netlink.ifindex(a), netlink.ifname(a))
        )
        return dict(both)

    def _one(self, name: str, tried: str, read: Callable[[bytes], Any]) -> Any:
        """What the kernel says of one link, as `read` makes it of the message's bytes."""
        try:
            return self._node.request(netlink.GETLINK, ifinfmsg([("IFLA_IFNAME", str(name))]), read=read)[0]
        except netlink.Refused as error:
            if error.errno not in (errno.ENODEV, errno.ERANGE, errno.EINVAL):
                raise
            raise self._missing(name, tried) from None

    def _name(self, index: int) -> str:
        """The name of the link with this index; "" for 0."""
        if not index:
            return ""
        return str(self._node.request(netlink.GETLINK, ifinfmsg([], index=index), read=netlink.ifname)[0])

    def _missing(self, name: str, tried: str) -> NotFound:
        there = ", ".join(self.names().values()) or "no link at all"
        where = f"namespace {self._node.name!r}" if self._node.name else "the lab's first namespace"
        return NotFound(tried, f'Cannot find device "{name}"', f"{where} has {there}",
                        "check the name, and in which namespace the link is")  # fmt: skip

    def _add_tuntap(self, name: str, device: kinds.Kind, up: bool, params: dict[str, Any]) -> Link:
        words = ["tuntap", "add", "dev", str(name), *kinds.words(device.name, kinds.checked(device.name, params))]
        check.check_name(name, self._node.spell(words))
        self._node.command(words)
        if up:
            self.set(name, up=True)
        return self.get(name)

    def _encode(self, kind: str, own: dict[str, Any], tried: str, new: bool = True, current: Any = None) -> list[Any]:
        try:
            return kinds.encode(kind, own, lambda n: self.index(n, tried), new=new, current=current)
        except VnetlearnError as error:
            error.tried = tried
            raise

    def _info(self, kind: str, own: dict[str, Any], name: str, tried: str) -> dict[str, Any]:
        """IFLA_LINKINFO for a change of an existing link."""
        current = None
        if kinds.kind(kind).whole:  # its kernel code takes what is not sent as 0, so all is sent back, as ip does
            info = self._one(name, tried, netlink.decode).get_attr("IFLA_LINKINFO")
            current = info and info.get_attr("IFLA_INFO_DATA")
        data = {"attrs": self._encode(kind, own, tried, new=False, current=current)}
        if kind in kinds.PORTS:
            return {"attrs": [("IFLA_INFO_KIND", kind), ("IFLA_INFO_SLAVE_KIND", kind[: -len("_slave")]),
                              ("IFLA_INFO_SLAVE_DATA", data)]}  # fmt: skip
        return {"attrs": [("IFLA_INFO_KIND", kind), ("IFLA_INFO_DATA", data)]}

    def _spoken(self, generic: dict[str, Any], netns: Any) -> list[str]:
        words: list[str] = [] if netns is None else ["netns", netns_word(netns)]
        for key, value in generic.items():
            words += GENERIC[key].words(value)
        return words

    def _generic(self, generic: dict[str, Any], tried: str) -> list[tuple[str, Any]]:
        return [
            (GENERIC[key].attribute, GENERIC[key].encode(value, tried, lambda n: self.index(n, tried)))
            for key, value in generic.items()
            if GENERIC[key].attribute
        ]

    def _peer(self, options: dict[str, Any], fds: Descriptors, tried: str) -> Any:
        """The other end of a pair: a whole link message of its own inside the first one."""
        rest = dict(options)
        name, target, up = rest.pop("name", None), rest.pop("netns", None), rest.pop("up", None)
        attributes = self._generic(split(None, rest)[0], tried)
        if name is not None:
            attributes.insert(0, ("IFLA_IFNAME", check.check_name(name, tried)))
        if target is not None:
            attributes.append(("IFLA_NET_NS_FD", fds.open(target, tried)))
        message = ifinfmsg(attributes, up=up, index=rest.get("index", 0))
        return {"index": message["index"], "flags": message["flags"], "change": message["change"], "attrs": attributes}


@dataclass(frozen=True)
class Generic:
    """A parameter that every link has: its netlink attribute, or the flag it is; how it is written and checked."""

    attribute: str
    encode: Callable[[Any, str, Callable[[str], int]], Any] = lambda value, tried, index: value
    flag: str = ""
    word: str = ""

    def words(self, value: Any) -> list[str]:
        if self.word == "master" and not value:
            return ["nomaster"]
        if self.flag:
            return [self.word, "on" if value else "off"]
        return [self.word, str(value)]


def _number(what: str) -> Callable[[Any, str, Callable[[str], int]], int]:
    return lambda value, tried, index: check.number(value, what, tried)


def _mac(value: Any, tried: str, index: Callable[[str], int]) -> str:
    return check.mac(value, tried)


def _master(value: Any, tried: str, index: Callable[[str], int]) -> int:
    return index(value) if value else 0


def _addrgenmode(value: Any, tried: str, index: Callable[[str], int]) -> dict[str, Any]:
    modes = ("eui64", "none", "stable_secret", "random")
    if value not in modes:
        raise BadParameter(tried, f'"addrgenmode" value {value!r} is invalid', "", "one of " + ", ".join(modes))
    return {"attrs": [("AF_INET6", {"attrs": [("IFLA_INET6_ADDR_GEN_MODE", modes.index(value))]})]}


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
    "new_name": Generic("IFLA_IFNAME", lambda value, tried, index: check.check_name(value, tried), word="name"),
    "addrgenmode": Generic("IFLA_AF_SPEC", _addrgenmode, word="addrgenmode"),
    "netns": Generic("", word="netns"),
    "arp": Generic("", flag="NOARP", word="arp"),
    "multicast": Generic("", flag="MULTICAST", word="multicast"),
    "promisc": Generic("", flag="PROMISC", word="promisc"),
    "allmulticast": Generic("", flag="ALLMULTI", word="allmulticast"),
}


def split(kind: str | None, params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters that every link has, and those of the kind; a kind's own parameter of the same name wins."""
    known = {n for p in kinds.kind(kind).params.values() for n in (p.name, *p.also)} if kind else set()
    own = {k: v for k, v in params.items() if kind and (k in known or k not in GENERIC)}
    rest = {k: v for k, v in params.items() if k not in own}
    for key in rest:
        if key not in GENERIC:
            raise BadParameter(f"ip link … {key} {rest[key]}", f'"{key}" is unknown', "a link has no such parameter",
                               "it has: " + ", ".join(GENERIC))  # fmt: skip
    return rest, own


def netns_word(netns: Any) -> str:
    """How a namespace is named in a command; the first one is that of process 1."""
    return (netns if isinstance(netns, str) else netns.name) or "1"


def peer_options(peer: Any) -> dict[str, Any]:
    """The other end of a veth as a dictionary, its namespace named as in a command."""
    if peer is not None and not isinstance(peer, (str, Mapping)):
        raise BadParameter(f"ip link add … type veth peer {peer!r}", f"{peer!r} is not a peer", "the other end of a veth is"
                           " given by its name, or as a dictionary",
                           'peer="veth1" or peer={"name": "eth0", "netns": "ns1"}')  # fmt: skip
    options = {"name": peer} if isinstance(peer, str) else dict(peer or {})
    return {k: netns_word(v) if k == "netns" else v for k, v in options.items()}


def ifinfmsg(attributes: list[Any], up: bool | None = None, index: int = 0, flags: dict[str, Any] | None = None) -> Any:
    """An RTM_*LINK message; `flags` may hold generic parameters that are interface flags."""
    value, mask = 0, 0
    wanted = {"UP": up, **{GENERIC[k].flag: (not v if k == "arp" else v) for k, v in (flags or {}).items()}}
    for name, on in wanted.items():
        if name and on is not None:
            mask |= FLAGS[name]
            value |= FLAGS[name] if on else 0
    message = LinkMessage()
    message["index"], message["flags"], message["change"] = index, value, mask
    message["attrs"] = list(attributes)
    return message


def read_link(message: Any, netns: str, name_of: Callable[[int], str]) -> Link:
    """A Link from a message of a dump; `name_of` gives a link's name for its index in the same namespace."""
    slots = {slot.name: slot for slot in message["attrs"]}  # once: get_attr goes through all of them each time

    def of(name: str) -> Any:
        return slots[name].value if name in slots else None

    info = of("IFLA_LINKINFO")
    kind = (info and info.get_attr("IFLA_INFO_KIND")) or ("loopback" if message["flags"] & FLAGS["LOOPBACK"] else "")
    data = info and info.get_attr("IFLA_INFO_DATA")
    port, port_data = info and info.get_attr("IFLA_INFO_SLAVE_KIND"), info and info.get_attr("IFLA_INFO_SLAVE_DATA")
    lower, nsid = of("IFLA_LINK") or 0, of("IFLA_LINK_NETNSID")
    if lower == message["index"] and nsid is None:
        lower = 0
    state = of("IFLA_OPERSTATE")
    return Link(
        netns=netns,
        index=message["index"],
        name=of("IFLA_IFNAME"),
        kind=kind,
        state=state if isinstance(state, str) else STATES[state or 0],
        flags=tuple(name for name, bit in FLAGS.items() if message["flags"] & bit),
        mtu=of("IFLA_MTU") or 0,
        address=of("IFLA_ADDRESS") or "",
        link=name_of(lower) if nsid is None else "",
        master=name_of(of("IFLA_MASTER") or 0),
        params=kinds.decode(kind, data, name_of) if data and kind in kinds.KINDS and kind != "veth" else {},
        port=kinds.decode(f"{port}_slave", port_data, name_of) if f"{port}_slave" in kinds.PORTS else {},
        link_index=lower,
        link_netnsid=-1 if nsid is None else nsid,
        txqueuelen=of("IFLA_TXQLEN") or 0,
        alias=of("IFLA_IFALIAS") or "",
    )


class Descriptors:
    """Descriptors of namespaces, open in the agent for the time of one message."""

    def __init__(self, node: Node) -> None:
        self._node, self._open = node, list[int]()

    def __enter__(self) -> Descriptors:
        return self

    def open(self, netns: Any, tried: str) -> int:
        name = netns_word(netns)
        fd = self._node.lab.netns.open("" if name == "1" else name, tried)
        self._open.append(fd)
        return fd

    def __exit__(self, *_: object) -> None:
        for fd in self._open:
            self._node.lab.netns.close(fd)
