"""A topology as the `ip` commands that make it in an empty lab."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .. import kinds, texts
from ..iproute.addr import Addr
from ..iproute.linkmsg import Link
from ..iproute.route import Route
from ..kinds import Kind, ParamValue
from .model import Key, Snapshot
from .selection import fallback

LOOPBACKS_MTU = 65536  # drivers/net/loopback.c


def script(topology: Snapshot) -> str:
    """A shell script; what cannot be made by a command (cards, programs) is a comment in it."""
    lines = ["#!/bin/sh", *(f"ip netns add {texts.word(name)}" for name in topology.netns if name)]
    without = {key: why for key in topology.links if (why := _cannot_be_made(topology, key))}
    lines += [f"# {topology.at(key)} is left out: {why}" for key, why in without.items()]
    ordered = [key for key in _ordered(topology) if key not in without]
    for step in (_made, _mastered, _set, _addressed):
        for key in ordered:
            lines += [_line(key[0], words) if isinstance(words, list) else words for words in step(topology, key)]
    for netns, some in topology.routes.items():
        routes = [route for route in some if (netns, route.dev) not in without]
        own = {addr.local for key, addrs in topology.addrs.items() if key[0] == netns for addr in addrs}
        lines += [_line(netns, words) for words in _routes([route for route in routes if route.via not in own])]
        lines += [
            f"# {route.dst} via {route.via}: a gateway that became this machine's own address cannot be given"
            for route in routes
            if route.via in own
        ]
    return "\n".join([*lines, ""])


def _cannot_be_made(topology: Snapshot, key: Key) -> str:
    """Why no command makes a link, nor brings it from elsewhere as hardware is; "" when one does."""
    link = topology.links[key]
    kind = kinds.KINDS.get(link.kind)
    if kind is None:
        return ""
    if kind.pair and _peer(topology, key) is None:
        return "the other end of this cable is not to be seen"
    return kind.gone(link.params) or ""


def _line(netns: str, words: list[str]) -> str:
    return texts.command(["ip", *(["-n", netns] if netns else []), *words])


def _ordered(topology: Snapshot) -> Iterator[Key]:
    """Each link after those that it needs, or whose MTU it follows: lower link, underlay, a bond; a bridge's ports."""
    needs: dict[Key, list[Key]] = {}
    for relation in topology.relations:
        source, target = relation.source, relation.target
        follows = relation.how == "master" and _mtu_of_ports(topology.links[target]) == "given"
        if relation.how in ("lower", "underlay") or follows:
            needs.setdefault(source, []).append(target)
        elif relation.how == "master":
            needs.setdefault(target, []).append(source)
    done: dict[Key, None] = {}

    def visit(key: Key, above: tuple[Key, ...] = ()) -> None:
        for other in needs.get(key, ()):
            if other not in done and other not in above:
                visit(other, (*above, key))
        done.setdefault(key)

    for key in topology.links:
        visit(key)
    return iter(done)


def _mtu_of_ports(link: Link) -> str:
    kind = kinds.find(link.kind)
    return kind.ports.mtu if kind and kind.ports else ""


def _made(topology: Snapshot, key: Key) -> Iterator[list[str] | str]:
    link = topology.links[key]
    if link.kind == "loopback" or _by_itself(link):
        return
    kind = kinds.KINDS.get(link.kind)
    if kind is None or kind.via == "set":
        yield f"# {topology.at(key)} is {link.link_type} hardware: no command makes it"
    elif kind.via == "tuntap":
        yield ["tuntap", "add", "dev", key[1], *kinds.words(kind, link.params)]
    elif kind.pair:
        yield from _cable(topology, key)
    else:
        yield from _one(topology, key, link, kind)


def _by_itself(link: Link) -> bool:
    """A fallback device of a tunnel's module, which is there as soon as the module is."""
    return fallback(link) and link.params.get("remote") in ("any", None) and link.params.get("local") in ("any", None)


def _one(topology: Snapshot, key: Key, link: Link, kind: Kind) -> Iterator[list[str] | str]:
    """`ip link add`, in the namespace of the lower link, or in which a tunnel sends, where that is another one."""
    under = _under(topology, key, "lower", "underlay")
    words = ["link", "add"]
    if under and kind.parent_word == "link":
        words += ["link", under[1]]
    home = topology.link_netns.get(key, under[0] if under else key[0])
    away = ["netns", key[0] or "1"] if home != key[0] else []
    taken = home != key[0] and (home, key[1]) in topology.links  # the kernel wants the name free there too
    name = f"new{link.index}" if taken else key[1]
    words += ["name", name, *away, *_generic(topology, key, link), "type", kind.name]
    params: dict[str, ParamValue] = kind.remade(link.params, link.address)
    given = link.params.get(kind.parent_word) if kind.own_dev else link.link_index
    if given and under and kind.parent_word in kind.params:
        params[kind.parent_word] = under[1]
    words += kinds.words(kind, params)
    yield _line(home, words)
    if taken:
        yield ["link", "set", "dev", name, "name", key[1]]


def _cable(topology: Snapshot, key: Key) -> Iterator[list[str] | str]:
    """Both ends of a veth at once, from the end that comes first."""
    other, order = _peer(topology, key), list(topology.links)
    if other is None or order.index(other) < order.index(key):
        return
    theirs = _generic(topology, other, topology.links[other])
    away = ["netns", other[0] or "1"] if other[0] != key[0] else []
    yield [
        "link",
        "add",
        "name",
        key[1],
        *_generic(topology, key, topology.links[key]),
        "type",
        topology.links[key].kind,
        "peer",
        "name",
        other[1],
        *away,
        *theirs,
    ]


def _peer(topology: Snapshot, key: Key) -> Key | None:
    pairs = ((r.source, r.target) for r in topology.relations if r.how == "peer" and key in (r.source, r.target))
    return next((target if key == source else source for source, target in pairs), None)


def _generic(topology: Snapshot, key: Key, link: Link) -> list[str]:
    """What every link can be given when it is made, where it is not the usual."""
    kind, words = kinds.KINDS[link.kind], list[str]()
    if kind.address and _has_own_address(topology, key, link, kind):
        words += ["address", link.address]
    if link.txqueuelen != kind.queue:
        words += ["txqueuelen", str(link.txqueuelen)]
    return words


def _has_own_address(topology: Snapshot, key: Key, link: Link, kind: Kind) -> bool:
    lower = _under(topology, key, "lower")
    follows = "address" in kind.follows and lower is not None and link.address == topology.links[lower].address
    return bool(link.address) and not follows


def _mtu(topology: Snapshot, key: Key, link: Link) -> list[str]:
    """The MTU, where it is not the usual one, and what it follows has not given it."""
    ports = [topology.links[r.source].mtu for r in topology.relations if r.how == "master" and r.target == key]
    if _mtu_of_ports(link) == "taken" and ports:
        return ["mtu", str(link.mtu)] if link.mtu != min(ports) else []
    master = topology.links.get((key[0], link.master))
    lower = _under(topology, key, "lower")
    followed = [topology.links[lower].mtu] if lower else []
    followed += [master.mtu] if master and _mtu_of_ports(master) == "given" else []
    usual = link.mtu if _by_itself(link) else _usual_mtu(link)
    return ["mtu", str(link.mtu)] if link.mtu != usual or any(mtu != link.mtu for mtu in followed) else []


def _usual_mtu(link: Link) -> int | None:
    if link.kind == "loopback":
        return LOOPBACKS_MTU
    kind = kinds.find(link.kind)
    usual = kind.mtu if kind else 1500
    return usual if link.link_type == "ether" else None


def _under(topology: Snapshot, key: Key, *hows: str) -> Key | None:
    """The link that one sits on, or sends through."""
    return next((r.target for r in topology.relations if r.source == key and r.how in hows), None)


def _mastered(topology: Snapshot, key: Key) -> Iterator[list[str]]:
    """`ip link set … master`, and what is unusual about the port."""
    link = topology.links[key]
    master = topology.links.get((key[0], link.master))
    kind = kinds.find(master.kind) if master else None
    if master is None or (kind and kind.ports and kind.ports.named):
        return
    yield ["link", "set", "dev", key[1], "master", link.master]
    port = kinds.PORTS.get(f"{master.kind}_slave")
    if port and (params := port.remade(link.port)):
        yield ["link", "set", "dev", key[1], "type", port.name, *kinds.words(port, params)]


def _set(topology: Snapshot, key: Key) -> Iterator[list[str]]:
    """What is set once the link is there, and last: up."""
    link = topology.links[key]
    words, kind = list[str](), kinds.find(link.kind)
    if kind and kind.via == "tuntap":  # which is not told these when it is made
        words += ["address", link.address] if link.link_type == "ether" else []
        words += ["txqueuelen", str(link.txqueuelen)] if link.txqueuelen != kind.queue else []
    words += _mtu(topology, key, link)
    for name, value, none in (("alias", link.alias, ""), ("group", link.group, 0)):
        words += [name, str(value)] if value != none else []
    if link.addrgenmode and link.addrgenmode != "eui64" and link.kind != "loopback":
        words += ["addrgenmode", link.addrgenmode]
    usual = _usual_flags(topology, key, link)
    for word, flag in (
        ("arp", "NOARP"),
        ("multicast", "MULTICAST"),
        ("promisc", "PROMISC"),
        ("allmulticast", "ALLMULTI"),
    ):
        if (flag in link.flags) != (flag in usual):
            words += [word, "on" if (flag in link.flags) != (word == "arp") else "off"]
    if link.up:
        words.append("up")
    elif kind and "up" in kind.follows:
        words.append("down")
    if words:
        yield ["link", "set", "dev", key[1], *words]


def _usual_flags(topology: Snapshot, key: Key, link: Link) -> tuple[str, ...]:
    """Those flags of a new link that `ip link set` can change."""
    lower, kind = _under(topology, key, "lower"), kinds.find(link.kind)
    if kind and "flags" in kind.follows and lower:
        return _usual_flags(topology, lower, topology.links[lower])
    if link.kind == "loopback":
        return ()
    if kind and (told := kind.flags(link.params)) is not None:
        return told
    return {"ether": ("MULTICAST",), "none": ("NOARP", "MULTICAST")}.get(link.link_type, ("NOARP",))


def _addressed(topology: Snapshot, key: Key) -> Iterator[list[str]]:
    kind = kinds.find(topology.links[key].kind)
    embeds = kind is not None and kind.embeds
    for addr in topology.addrs.get(key, ()):
        own = addr.family == "inet6" and (addr.scope == "link" or (addr.scope == "host" and not embeds))
        if not own and not (topology.links[key].kind == "loopback" and addr.local == "127.0.0.1"):
            yield ["addr", "replace" if embeds else "add", *_addr_words(addr, nodad=addr.nodad or not embeds)]


def _addr_words(addr: Addr, nodad: bool) -> list[str]:
    words = [
        str(addr) if not addr.peer else addr.local,
        *(["peer", f"{addr.peer}/{addr.prefixlen}"] if addr.peer else []),
    ]
    words += ["broadcast", addr.broadcast] if addr.broadcast else []
    words += ["label", addr.label] if addr.label and addr.label != addr.dev else []
    words += ["scope", addr.scope] if addr.scope != "global" else []
    words += ["dev", addr.dev]
    for name, seconds in (("valid_lft", addr.valid_lft), ("preferred_lft", addr.preferred_lft)):
        words += [name, str(seconds)] if seconds is not None else []
    return [
        *words,
        *(["nodad"] if addr.family == "inet6" and nodad else []),
        *(["noprefixroute"] if addr.noprefixroute else []),
    ]


def _routes(routes: Iterable[Route]) -> Iterator[list[str]]:
    """Those to a network on a link first: the gateways of the others must be reachable."""
    mine = [route for route in routes if route.protocol not in ("kernel", "ra")]
    for route in sorted(mine, key=lambda r: bool(r.via)):
        words = ["-6"] if route.family == "inet6" and route.dst == "default" else []
        words += ["route", "add", *([route.type] if route.type != "unicast" else []), route.dst]
        words += ["via", route.via] if route.via else []
        words += ["dev", route.dev] if route.dev and (route.type == "unicast") else []
        words += ["src", route.src] if route.src else []
        words += ["metric", str(route.metric)] if route.metric else []
        words += ["proto", route.protocol] if route.protocol != "boot" else []
        words += ["scope", route.scope] if route.family == "inet" and route.scope not in ("global", "link") else []
        words += ["mtu", str(route.mtu)] if route.mtu else []
        yield [*words, *(["onlink"] if "onlink" in route.flags else [])]
