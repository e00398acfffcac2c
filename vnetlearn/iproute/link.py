"""`ip link`: the network interfaces of one namespace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .. import kinds
from ..display.table import Table
from ..errors import BadParameter, KernelRefused, NotFound, VnetlearnError
from ..kinds.places import IndexOf
from . import checks, linkinfo, names, netlink
from .linkmsg import (
    GENERIC,
    IFLA_LINK,
    IFLA_LINK_NETNSID,
    IFLA_LINKINFO,
    Link,
    Told,
    ifinfmsg,
    in_netns,
    read_link,
    read_links,
    text_bytes,
)
from .namespace import Namespace, NetnsLike, netns_word
from .netlink import IFLA_IFNAME, Attribute, Draft
from .rollback import Before

VETH_INFO_PEER = 1  # linux/veth.h

LinkValue: TypeAlias = "kinds.ParamValue | Namespace | None"
"""What a parameter of a link may be; None leaves it out."""
PeerLike: TypeAlias = "str | Mapping[str, LinkValue]"
"""The other end of a pair: its name, or `ip`'s options for a new link."""


class Links:
    """`node.link`: add, set, show and delete interfaces. Equal to `ip link` in the node's namespace."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def add(
        self,
        name: str,
        *,
        kind: str,
        link: str | None = None,
        up: bool = False,
        peer: PeerLike | None = None,
        **more: LinkValue,
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
        generic, own = _split(kind, more)
        target = generic.pop("netns", None)
        other = _peer_options(peer)
        spoken = self._spoken(generic, target) + (["up"] if up else [])
        words = ["link", "add", *(["link", link] if link else []), "name", str(name), *spoken, "type", kind]
        params = kinds.checked(device, {**own, **({"peer": other} if peer is not None else {})}, new=False)
        words += kinds.words(device, params)
        tried = self._namespace.spell(words)
        checks.check_name(name, tried)
        if device.parent == "required" and device.parent_word == "link" and not link:
            raise _needs_a_link(tried, name, device)
        data = linkinfo.encoded(device, params, tried)
        attributes: list[Attribute] = [(IFLA_IFNAME, text_bytes(name))]
        if link:
            attributes.append((IFLA_LINK, IndexOf(link)))
        attributes += _generic(generic, tried)
        if target is not None:
            attributes.append(in_netns(target))
        if peer is not None:
            data.append((VETH_INFO_PEER, _peer(other, tried)))
        attributes.append((IFLA_LINKINFO, linkinfo.of_new(kind, data)))
        message = ifinfmsg(attributes, up=up or None, index=_index(generic, tried), flags=generic)
        there = self._namespace if target is None else self._namespace.other(target)
        pending = self._namespace.change(
            words,
            netlink.NEWLINK,
            message,
            netlink.ACK | netlink.CREATE | netlink.EXCL,
            then=[(there.name, netlink.link_named(name))],
            read=lambda told: _made(there, told, here=target is None, peer=other.get("name")),
        )
        return pending.get() if pending.known else Promised(pending.get)

    def set(
        self,
        dev: str,
        /,
        *,
        up: bool | None = None,
        netns: NetnsLike | None = None,
        kind: str | None = None,
        **more: LinkValue,
    ) -> None:
        """Change a link: `ip link set dev NAME [up|down] [netns NS] [master M|nomaster] [mtu N] …`.

        Takes `up` (False is `down`), `netns` (a name or a node; the lab's first namespace is `lab.host`), `master`
        (`""` for none), `name` (a new one), `mtu`, `address`, `broadcast`, `txqueuelen`, `alias`, `group`, `arp`,
        `multicast`, `promisc`, `allmulticast` (bools), `addrgenmode`; with `kind=` the kind's own parameters, also
        those of ports: `kind="bridge_slave", hairpin=True`.

        Raises `NotFound`, `BadParameter`, `KernelRefused`; then nothing has changed: the kernel makes several changes
        one by one, and those before the one that it refused are taken back.
        """
        generic, own = _split(kind, more)
        spoken = self._spoken(generic, netns) + ([] if up is None else ["up" if up else "down"])
        words = ["link", "set", "dev", dev, *spoken]
        if kind:
            own = kinds.checked(kind, own, new=False)
            words += ["type", kind, *kinds.words(kind, own)]
        tried = self._namespace.spell(words)
        attributes = _generic(generic, tried)
        if netns is not None:
            attributes.append(in_netns(netns))
        if kind:
            whole = names.message(self._namespace, dev, tried) if kinds.kind(kind).whole else None
            attributes.append((IFLA_LINKINFO, linkinfo.changed(kind, own, whole, tried)))
        several = len(generic) + len(own) + (netns is not None) + (up is not None) > 1
        who: int | IndexOf = 0
        if several or "name" in generic or "group" in generic:
            who = IndexOf(dev)
        else:  # the name says which link is meant: of a change of the name or the group it would not
            attributes = [(IFLA_IFNAME, text_bytes(dev)), *attributes]
        before = Before(self._namespace, dev, netns) if several else None

        def refused(error: VnetlearnError, told: netlink.Told) -> None:
            if before and isinstance(error, KernelRefused) and not before.restore(told):
                error.why += "; a part of the change was made, and the kernel does not take it back"
            elif not who:
                self._missing(dev, tried)

        message = ifinfmsg(attributes, up=up, index=who, flags=generic)
        first = before.questions if before else ()
        self._namespace.change(words, netlink.NEWLINK, message, netlink.ACK, first=first, refused=refused)

    def delete(self, name: str) -> None:
        """Delete a link: `ip link delete dev NAME`. Raises `NotFound`, `KernelRefused`."""
        words = ["link", "delete", "dev", name]
        message = ifinfmsg([(IFLA_IFNAME, text_bytes(name))])
        self._namespace.change(
            words,
            netlink.DELLINK,
            message,
            netlink.ACK,
            refused=lambda error, told: self._missing(name, self._namespace.spell(words)),
        )

    def _missing(self, name: str, tried: str) -> None:
        """A change was refused that named a link by its name: raises `NotFound` where that is why."""
        names.index(self._namespace, name, tried)

    def show(self, *, kind: str | None = None, master: str | None = None, up: bool = False) -> Table[Link]:
        """All links of the namespace: `ip -d link show [type KIND] [master M] [up]`."""
        links = read_links(self._namespace.answers(netlink.GETLINK, ifinfmsg(), netlink.DUMP), self._namespace.name)
        return Table(
            one
            for one in links
            if (kind is None or one.kind == kind) and (master is None or one.master == master) and (one.up or not up)
        )

    def get(self, name: str) -> Link:
        """One link: `ip -d link show dev NAME`. Raises `NotFound`."""
        tried = self._namespace.spell(["link", "show", "dev", name])
        return _read(self._namespace, names.message(self._namespace, name, tried), {})

    def __getitem__(self, name: str) -> Link:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        try:
            return names.index(self._namespace, name, "") > 0
        except NotFound:
            return False

    def index(self, name: str, tried: str = "") -> int:
        """The number by which this namespace knows a link. Raises `NotFound`."""
        return names.index(self._namespace, name, tried or self._namespace.spell(["link", "show", "dev", str(name)]))

    def names(self) -> dict[int, str]:
        """The names of all links, by their index."""
        return names.every(self._namespace)

    def _add_tuntap(self, name: str, device: kinds.Kind, up: bool, params: dict[str, Any]) -> Link:
        words = ["tuntap", "add", "dev", str(name), *kinds.words(device.name, kinds.checked(device.name, params))]
        checks.check_name(name, self._namespace.spell(words))
        self._namespace.command(words)
        if up:
            self.set(name, up=True)
        return self.get(name)

    def _spoken(self, generic: dict[str, Any], netns: Any) -> list[str]:
        words: list[str] = [] if netns is None else ["netns", netns_word(netns)]
        for key, value in generic.items():
            words += GENERIC[key].words(value)
        return words


def _generic(generic: dict[str, Any], tried: str) -> list[Attribute]:
    return [
        (GENERIC[key].attribute, GENERIC[key].encode(value, tried))
        for key, value in generic.items()
        if GENERIC[key].attribute
    ]


def _index(options: dict[str, Any], tried: str) -> int:
    """The index that a new link is to have; 0 where the kernel chooses it."""
    return checks.number(options["index"], "index", tried) if "index" in options else 0


def _peer(options: dict[str, Any], tried: str) -> Draft:
    """The other end of a pair: a whole link message of its own inside the first one."""
    rest = dict(options)
    name, target, up = rest.pop("name", None), rest.pop("netns", None), rest.pop("up", None)
    attributes = _generic(_split(None, rest)[0], tried)
    if name is not None:
        attributes.insert(0, (IFLA_IFNAME, text_bytes(checks.check_name(name, tried))))
    if target is not None:
        attributes.append(in_netns(target))
    return ifinfmsg(attributes, up=up, index=_index(rest, tried))


def _made(there: Namespace, told: netlink.Told, *, here: bool, peer: str | None) -> Link:
    """The new link. `here`: in the namespace in which others were looked up for it; `peer` is the other end's name."""
    message = told.answers[-1][0]
    known, made = names.of([*(told.links.values() if here else ()), message]), Told.of(message)
    if peer is not None and IFLA_LINK_NETNSID not in made.attributes:  # here too; the kernel tells its index alone
        known[made.number(IFLA_LINK)] = peer
    return _read(there, message, known)


def _read(namespace: Namespace, message: bytes, known: dict[int, str]) -> Link:
    """A link, of whose neighbours the names are `known`, or asked for: `ip` too shows names where it has numbers."""
    unknown: list[int] = []

    def name_of(index: int) -> str:
        if index and index not in known:
            unknown.append(index)
        return known.get(index, "")

    link = read_link(message, namespace.name, name_of)
    if not unknown:
        return link
    found = names.named(namespace, unknown)
    return read_link(message, namespace.name, lambda index: {**found, **known}.get(index, ""))


class Promised(Link):
    """A link that was made in a batch: who looks at it waits for the batch's answers, and then it is a Link."""

    def __init__(self, wait: Callable[[], Link]) -> None:
        object.__setattr__(self, "_wait", wait)

    def __getattribute__(self, name: str) -> Any:
        if type(self) is Promised:
            link = object.__getattribute__(self, "_wait")()
            object.__setattr__(self, "__class__", Link)
            self.__dict__.clear()
            self.__dict__.update(link.__dict__)
        return object.__getattribute__(self, name)


def _needs_a_link(tried: str, name: str, device: kinds.Kind) -> BadParameter:
    return BadParameter(
        tried,
        "link is missing",
        f"a {device.name} sits on another link: {device.title}",
        f'link.add({name!r}, kind={device.name!r}, link="eth0", …)',
    )


def _split(kind: str | None, params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters that every link has, and those of the kind; a kind's own parameter of the same name wins."""
    known = {n for p in kinds.kind(kind).params.values() for n in (p.name, *p.also)} if kind else set()
    own = {k: v for k, v in params.items() if kind and (k in known or k not in GENERIC)}
    rest = {k: v for k, v in params.items() if k not in own}
    for key in rest:
        if key not in GENERIC:
            raise BadParameter(
                f"ip link … {key} {rest[key]}",
                f'"{key}" is unknown',
                "a link has no such parameter",
                "it has: " + ", ".join(GENERIC),
            )
    return rest, own


def _peer_options(peer: PeerLike | None) -> dict[str, Any]:
    """The other end of a veth as a dictionary, its namespace named as in a command."""
    if peer is not None and not isinstance(peer, (str, Mapping)):
        raise BadParameter(
            f"ip link add … type veth peer {peer!r}",
            f"{peer!r} is not a peer",
            "the other end of a veth is given by its name, or as a dictionary",
            'peer="veth1" or peer={"name": "eth0", "netns": "ns1"}',
        )
    options: dict[str, Any] = {"name": peer} if isinstance(peer, str) else dict(peer or {})
    return {k: netns_word(v) if k == "netns" else v for k, v in options.items()}
