"""`ip link`: the network interfaces of one namespace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from .. import kinds, texts
from ..display.table import Table
from ..errors import BadParameter, KernelRefused, NotFound
from . import checks, linkinfo, names, netlink
from .linkmsg import GENERIC, Link, ifinfmsg, in_netns, read_link, read_links
from .namespace import Namespace, NetnsLike, netns_word
from .rollback import Before

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
        data: list[Any] = linkinfo.encoded(self._namespace, device, params, tried)
        attributes: list[Any] = [("IFLA_IFNAME", texts.encoded(name))]
        if link:
            attributes.append(("IFLA_LINK", names.index(self._namespace, link, tried)))
        attributes += self._generic(generic, tried)
        if target is not None:
            attributes.append(in_netns(target))
        if peer is not None:
            data.append(("VETH_INFO_PEER", self._peer(other, tried)))
        attributes.append(("IFLA_LINKINFO", linkinfo.of_new(kind, data)))
        message = ifinfmsg(attributes, up=up or None, index=generic.get("index", 0), flags=generic)
        self._namespace.change(words, netlink.NEWLINK, message, netlink.ACK | netlink.CREATE | netlink.EXCL)
        return Links(self._namespace if target is None else self._namespace.other(target)).get(name)

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
        was = names.message(self._namespace, dev, tried, netlink.decode)
        attributes = self._generic(generic, tried)
        if netns is not None:
            attributes.append(in_netns(netns))
        if kind:
            attributes.append(("IFLA_LINKINFO", linkinfo.changed(self._namespace, kind, own, was, tried)))
        message = ifinfmsg(attributes, up=up, index=was["index"], flags=generic)
        several = len(generic) + len(own) + (netns is not None) + (up is not None) > 1
        before = Before(self._namespace, was, netns, tried) if several else None
        try:
            self._namespace.change(words, netlink.NEWLINK, message, netlink.ACK)
        except KernelRefused as error:
            if before and not before.restore():
                error.why += "; a part of the change was made, and the kernel does not take it back"
            raise

    def delete(self, name: str) -> None:
        """Delete a link: `ip link delete dev NAME`. Raises `NotFound`, `KernelRefused`."""
        words = ["link", "delete", "dev", name]
        index = names.index(self._namespace, name, self._namespace.spell(words))
        self._namespace.change(words, netlink.DELLINK, ifinfmsg([], index=index), netlink.ACK)

    def show(self, *, kind: str | None = None, master: str | None = None, up: bool = False) -> Table[Link]:
        """All links of the namespace: `ip -d link show [type KIND] [master M] [up]`."""
        links = read_links(self._namespace.dump(netlink.GETLINK, ifinfmsg([])), self._namespace.name)
        return Table(
            one
            for one in links
            if (kind is None or one.kind == kind) and (master is None or one.master == master) and (one.up or not up)
        )

    def get(self, name: str) -> Link:
        """One link: `ip -d link show dev NAME`. Raises `NotFound`."""
        tried = self._namespace.spell(["link", "show", "dev", name])
        message = names.message(self._namespace, name, tried, netlink.decode)
        return read_link(message, self._namespace.name, lambda index: names.name(self._namespace, index))

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

    def _generic(self, generic: dict[str, Any], tried: str) -> list[tuple[str, Any]]:
        def index(name: str) -> int:
            return names.index(self._namespace, name, tried)

        return [
            (GENERIC[key].attribute, GENERIC[key].encode(value, tried, index))
            for key, value in generic.items()
            if GENERIC[key].attribute
        ]

    def _peer(self, options: dict[str, Any], tried: str) -> Any:
        """The other end of a pair: a whole link message of its own inside the first one."""
        rest = dict(options)
        name, target, up = rest.pop("name", None), rest.pop("netns", None), rest.pop("up", None)
        attributes = self._generic(_split(None, rest)[0], tried)
        if name is not None:
            attributes.insert(0, ("IFLA_IFNAME", texts.encoded(checks.check_name(name, tried))))
        if target is not None:
            attributes.append(in_netns(target))
        message = ifinfmsg(attributes, up=up, index=rest.get("index", 0))
        return {"index": message["index"], "flags": message["flags"], "change": message["change"], "attrs": attributes}


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
