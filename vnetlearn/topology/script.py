"""A topology as the `ip` commands that make it in an empty lab."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import Any

from .. import kinds
from ..iproute.addr import Addr
from ..iproute.linkmsg import Link
from ..iproute.route import Route
from ..kinds.defaults import unusual
from .model import Key, Snapshot
from .selection import FALLBACKS

# Whose MAC follows another link's, or cannot be given
NO_ADDRESS = {"ipip", "sit", "gre", "vti", "ip6tnl", "ip6gre", "nlmon", "vcan", "ipvlan", "hsr", "tun", "lowpan"}
QUIET = {"dummy", "ifb", "vrf"}  # Ethernet, but without ARP and multicast from the start
# Where the first MTU is not 1500, as it is of all that is Ethernet and not here; None: it depends
USUAL_MTU = {"loopback": 65536, **dict.fromkeys(("vxlan", "geneve", "gretap", "ip6gretap", "macsec", "hsr", "vrf"))}
EXTERNAL = ("id", "remote", "local", "key", "ikey", "okey")
BARE_SIT = {"ttl": 64, "pmtudisc": False}  # what the kernel gives one that is told nothing, and ip refuses to say
ENDS = ("remote", "local", "group")
QUEUES = {"tun": 500, "macvtap": 500, "ifb": 32}  # txqueuelen from the start, where it is not 1000
FOLLOWS = ("state", "fastleave")  # values of a bridge's port that follow from elsewhere, or are said twice
COSTS = (2, 4, 19, 100)  # of a bridge's port, when they follow from its speed (net/bridge/br_if.c, port_cost)


def script(topology: Snapshot) -> str:
    """A shell script; what cannot be made by a command (cards, programs) is a comment in it."""
    lines = ["#!/bin/sh", *(f"ip netns add {shlex.quote(name)}" for name in topology.netns if name)]
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
    if link.kind == "veth" and _peer(topology, key) is None:
        return "the other end of this cable is not to be seen"
    if link.kind == "hsr" and not (link.params.get("slave1") and link.params.get("slave2")):
        return "an hsr is made of two links, and one of its two is gone"
    return ""


def _line(netns: str, words: list[str]) -> str:
    return shlex.join(["ip", *(["-n", netns] if netns else []), *words])


def _ordered(topology: Snapshot) -> Iterator[Key]:
    """Each link after those that it needs, or whose MTU it follows: lower link, underlay, a bond; a bridge's ports."""
    needs: dict[Key, list[Key]] = {}
    for relation in topology.relations:
        source, target = relation.source, relation.target
        follows = relation.how == "master" and topology.links[target].kind == "bond"
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


def _made(topology: Snapshot, key: Key) -> Iterator[list[str] | str]:
    link = topology.links[key]
    if link.kind == "loopback" or _by_itself(link):
        return
    if link.kind not in kinds.KINDS or kinds.KINDS[link.kind].via == "set":
        yield f"# {topology.at(key)} is {link.link_type} hardware: no command makes it"
    elif kinds.KINDS[link.kind].via == "tuntap":
        yield ["tuntap", "add", "dev", key[1], *kinds.words(link.kind, link.params)]
    elif link.kind == "veth":
        yield from _cable(topology, key)
    else:
        yield from _one(topology, key, link)


def _by_itself(link: Link) -> bool:
    """A fallback device of a tunnel's module, which is there as soon as the module is."""
    return (
        link.name in FALLBACKS
        and link.params.get("remote") in ("any", None)
        and link.params.get("local") in ("any", None)
    )


def _one(topology: Snapshot, key: Key, link: Link) -> Iterator[list[str] | str]:
    """`ip link add`, in the namespace of the lower link, or in which a tunnel sends, where that is another one."""
    under = _under(topology, key, "lower", "underlay")
    words = ["link", "add"]
    if under and kinds.KINDS[link.kind].parent_word == "link":
        words += ["link", under[1]]
    home = topology.link_netns.get(key, under[0] if under else key[0])
    away = ["netns", key[0] or "1"] if home != key[0] else []
    taken = home != key[0] and (home, key[1]) in topology.links  # the kernel wants the name free there too
    name = f"new{link.index}" if taken else key[1]
    words += ["name", name, *away, *_generic(topology, key, link), "type", link.kind]
    params = _own(topology, key, link)
    given = link.params.get("dev") if link.kind == "vxlan" else link.link_index
    if given and under and kinds.KINDS[link.kind].parent_word == "dev":
        params["dev"] = under[1]
    words += kinds.words(link.kind, params)
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
        "veth",
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
    words: list[str] = []
    if _has_own_address(topology, key, link):
        words += ["address", link.address]
    if link.txqueuelen != QUEUES.get(link.kind, 1000):
        words += ["txqueuelen", str(link.txqueuelen)]
    return words


def _has_own_address(topology: Snapshot, key: Key, link: Link) -> bool:
    lower = _under(topology, key, "lower")
    follows = link.kind in ("vlan", "macsec") and lower is not None and link.address == topology.links[lower].address
    return bool(link.address) and link.kind not in NO_ADDRESS and not follows


def _mtu(topology: Snapshot, key: Key, link: Link) -> list[str]:
    """The MTU, where it is not the usual one, and what it follows has not given it."""
    ports = [topology.links[r.source].mtu for r in topology.relations if r.how == "master" and r.target == key]
    if link.kind == "bridge" and ports:  # it follows its smallest port
        return ["mtu", str(link.mtu)] if link.mtu != min(ports) else []
    bond = topology.links.get((key[0], link.master))
    lower = _under(topology, key, "lower")
    followed = [topology.links[lower].mtu] if lower else []
    followed += [bond.mtu] if bond and bond.kind == "bond" else []
    usual = link.mtu if _by_itself(link) else USUAL_MTU.get(link.kind, 1500 if link.link_type == "ether" else None)
    return ["mtu", str(link.mtu)] if link.mtu != usual or any(mtu != link.mtu for mtu in followed) else []


def _under(topology: Snapshot, key: Key, *hows: str) -> Key | None:
    """The link that one sits on, or sends through."""
    return next((r.target for r in topology.relations if r.source == key and r.how in hows), None)


def _own(topology: Snapshot, key: Key, link: Link) -> dict[str, Any]:
    """The kind's own parameters that are not the usual ones, each said once."""
    if link.params.items() >= BARE_SIT.items():
        return {}
    params = unusual(link.kind, link.params)
    for one, others in (
        ("key", ("ikey", "okey")),
        ("seq", ("iseq", "oseq")),
        ("csum", ("icsum", "ocsum")),
        ("sci", ("address", "port")),
    ):
        if one in params:
            params = {name: value for name, value in params.items() if name not in others}
    if link.kind == "macsec" and params.get("sci") == link.address.replace(":", "") + "0001":
        del params["sci"]
    if "sci" in params and params.get("send_sci") is False:  # the kernel takes no number then that is not sent
        params["port"] = int(params.pop("sci")[-4:], 16)
    if link.kind == "geneve" and "udp6zerocsumtx" in link.params:  # over IPv6 another value of this is usual
        params["udp6zerocsumrx"] = link.params["udp6zerocsumrx"]
    if link.kind == "geneve" and not link.params.get("external"):  # the kernel does not tell "any", and ip wants it
        params.setdefault("remote", "::" if "udp6zerocsumtx" in link.params else "0.0.0.0")
    if params.get("external"):  # then these come from elsewhere, and what the kernel tells of them has no meaning
        kept = ENDS if link.kind == "vxlan" else ()
        params = {k: v for k, v in params.items() if k not in EXTERNAL or k in kept}
        params |= {"learning": link.params["learning"]} if link.kind == "vxlan" else {}  # ip turns it off otherwise
    said = {k: v for k, v in params.items() if k != "dev" and v is not None and (k not in ENDS or v != "any")}
    if not said and "remote" in kinds.KINDS[link.kind].params and link.kind != "geneve":
        return {"remote": "any"}  # told nothing, ip leaves all to the kernel, which starts with other values than ip's
    return said


def _mastered(topology: Snapshot, key: Key) -> Iterator[list[str]]:
    """`ip link set … master`, and what is unusual about the port."""
    link = topology.links[key]
    master = topology.links.get((key[0], link.master))
    if master is None or master.kind == "hsr":
        return
    yield ["link", "set", "dev", key[1], "master", link.master]
    kind = f"{master.kind}_slave"
    port = {k: v for k, v in unusual(kind, link.port).items() if k not in FOLLOWS and v is not None}
    if port.get("cost") in COSTS:
        del port["cost"]
    if port and kind in kinds.PORTS:
        yield ["link", "set", "dev", key[1], "type", kind, *kinds.words(kind, port)]


def _set(topology: Snapshot, key: Key) -> Iterator[list[str]]:
    """What is set once the link is there, and last: up."""
    link = topology.links[key]
    words: list[str] = []
    if link.kind == "tun":
        words += ["address", link.address] if link.link_type == "ether" else []
        words += ["txqueuelen", str(link.txqueuelen)] if link.txqueuelen != QUEUES["tun"] else []
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
    elif link.kind == "vlan":  # which the kernel sets up with its lower link
        words.append("down")
    if words:
        yield ["link", "set", "dev", key[1], *words]


def _usual_flags(topology: Snapshot, key: Key, link: Link) -> tuple[str, ...]:
    """Those flags of a new link that `ip link set` can change."""
    lower = _under(topology, key, "lower")
    if link.kind == "vlan" and lower:
        return _usual_flags(topology, lower, topology.links[lower])
    if link.kind == "loopback" or link.kind in QUIET or link.link_type not in ("ether", "none"):
        return () if link.kind == "loopback" else ("NOARP",)
    if link.kind == "ipvlan" and link.params.get("mode") != "l2":
        return ("NOARP", "MULTICAST")
    return ("NOARP", "MULTICAST") if link.link_type == "none" else ("MULTICAST",)


def _addressed(topology: Snapshot, key: Key) -> Iterator[list[str]]:
    for addr in topology.addrs.get(key, ()):
        # which gives itself an address for each of IPv4 that is there when it comes up
        sit = topology.links[key].kind == "sit"
        own = addr.family == "inet6" and (addr.scope == "link" or (addr.scope == "host" and not sit))
        if not own and not (topology.links[key].kind == "loopback" and addr.local == "127.0.0.1"):
            yield ["addr", "replace" if sit else "add", *_addr_words(addr, nodad=addr.nodad or not sit)]


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
