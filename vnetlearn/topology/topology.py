"""What is there and how it hangs together, read from the live kernel of a lab: namespaces, links and their relations."""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..iproute import Addr, Link, Route, netlink
from ..iproute.addr import ifaddrmsg, read_addr
from ..iproute.linkmsg import ifinfmsg, read_links
from ..iproute.route import CLONED, read_route, rtmsg

if TYPE_CHECKING:
    from ..display.picture import Picture
    from ..lab.lab import Lab
    from .computer import Computer
    from .difference import Difference

Key = tuple[str, str]
"""A namespace ("" is the lab's first) and a link in it."""
OUTSIDE = "/"  # in place of a namespace, in the key of a thing that is in none; no namespace can be called so
SKIP_STATS = 8  # RTEXT_FILTER_SKIP_STATS, linux/rtnetlink.h
SCHEMA = 1


@dataclass(frozen=True, order=True)
class Relation:
    """How two links, or a link and a thing, hang together. `how` is one of `relations.RELATIONS`."""

    how: str
    source: Key
    target: Key


@dataclass(frozen=True)
class Thing:
    """What links hang on that is no link: a "process", the namespace's "netlink", a CAN "bus", a "radio", a multicast "group"."""

    what: str
    says: str


@dataclass(frozen=True)
class Topology:
    """All namespaces ("" is the lab's first), their links, addresses and routes, and how the links hang together.

    `link_netns` has the namespace in which a tunnel sends and receives, where that is not its own (`link-netns` in
    `ip -d link`): the one that it was made in. `routes` has each namespace's main table, `things` what links hang on
    that is no link, `stats` each link's counters (packets and bytes) where they were asked for, `unseen` why something
    could not be read.
    """

    netns: tuple[str, ...]
    links: dict[Key, Link]
    addrs: dict[Key, tuple[Addr, ...]]
    relations: tuple[Relation, ...]
    link_netns: dict[Key, str] = field(default_factory=dict)
    things: dict[Key, Thing] = field(default_factory=dict)
    routes: dict[str, tuple[Route, ...]] = field(default_factory=dict)
    stats: dict[Key, dict[str, int]] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    home: str = "host"
    """What the first namespace is called."""

    def called(self, netns: str) -> str:
        """A namespace's name for people."""
        return netns or self.home

    def addresses(self, key: Key) -> tuple[Addr, ...]:
        """A link's addresses of scope global: those that a picture shows."""
        return tuple(addr for addr in self.addrs.get(key, ()) if addr.scope == "global")

    def draw(self, **how: Any) -> Picture:
        """See `diagram.draw`."""
        from . import diagram

        return diagram.draw(self, **how)

    def diff(self, after: Topology) -> Difference:
        """What is new, gone and changed in a later reading: as text, and drawn."""
        from .difference import Difference

        return Difference(self, after)

    def to_dot(self, **how: Any) -> str:
        """The picture as Graphviz's text; it takes what `draw` takes."""
        return self.draw(**how).dot

    def to_script(self) -> str:
        """The `ip` commands that make the same in an empty lab: namespaces, links, addresses, routes of the main tables.

        What is not in it: sysctls, neighbours, rules, queues (tc), firewalls, and programs. An hsr or a geneve is made as
        if its slaves, or its socket, were in its own namespace: the kernel does not tell when they are not.
        """
        from .script import script

        return script(self)

    def to_json(self) -> str:
        """Everything as JSON, as docs/topology.schema.json describes it."""
        return json.dumps(as_json(self), indent=1, ensure_ascii=False)

    def save(self, path: str | Path, **how: Any) -> Path:
        """Write it to a file; its ending (svg, png, pdf, json, dot, sh) names the format. A picture takes what `draw` takes.

        Raises `BadParameter`, `ToolMissing`.
        """
        file = Path(path)
        texts: dict[str, Callable[[], str]] = {
            ".json": self.to_json,
            ".sh": self.to_script,
            ".dot": lambda: self.to_dot(**how),
        }
        if file.suffix in texts:
            file.write_text(texts[file.suffix]())
            return file
        return self.draw(**how).save(path)

    def read_aloud(self) -> str:
        """The picture in words, for who cannot see it."""
        said = []
        for name in self.netns:
            links = [
                self._describe(key) for key, link in self.links.items() if key[0] == name and link.kind != "loopback"
            ]
            said.append(f"namespace {self.called(name)}: " + ("; ".join(links) or "no links"))
        return ". ".join([*said, *self.unseen]) + "."

    def _describe(self, key: Key) -> str:
        from .relations import RELATIONS

        link = self.links[key]
        words = [key[1], link.kind or "device", state(link)]
        words += map(str, self.addresses(key))
        for relation in self.relations:
            if relation.source == key:
                words.append(f"{RELATIONS[relation.how].says} {self.at(relation.target)}")
        return " ".join(words)

    def at(self, key: Key) -> str:
        """A link, or a thing, in words."""
        if key in self.things:
            return self.things[key].says
        return f"{key[1]} in {self.called(key[0])}"

    def __repr__(self) -> str:
        return self.read_aloud()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return self.draw()._repr_mimebundle_()


def state(link: Link) -> str:
    """In one word: down (by `ip link set … down`), up, or what keeps a link from working that was set up."""
    if not link.up:
        return "down"
    return "up" if link.state in ("UP", "UNKNOWN") else link.state.lower()


def as_json(topology: Topology) -> dict[str, Any]:
    def pair(key: Key) -> dict[str, str]:
        return {"netns": key[0], "name": key[1]}

    return {
        "schema": SCHEMA,
        "netns": list(topology.netns),
        "links": [
            {
                **asdict(one),
                "flags": list(one.flags),
                "addrs": [asdict(a) for a in topology.addrs.get(key, ())],
                **({"link_netns": topology.link_netns[key]} if key in topology.link_netns else {}),
                **({"stats": topology.stats[key]} if key in topology.stats else {}),
            }
            for key, one in topology.links.items()
        ],
        "things": [{**pair(key), "what": one.what, "says": one.says} for key, one in topology.things.items()],
        "relations": [{"how": r.how, "source": pair(r.source), "target": pair(r.target)} for r in topology.relations],
        "routes": [asdict(route) for routes in topology.routes.values() for route in routes],
        "unseen": list(topology.unseen),
    }


def read_settled(lab: Lab, *, stats: bool = False) -> Topology:
    """`read`, once the kernel has noticed who has a carrier, or after 1.5 seconds."""
    give_up = time.monotonic() + 1.5
    topology = read(lab, stats=stats)
    while time.monotonic() < give_up and any(map(unsettled, topology.links.values())):
        time.sleep(0.1)
        topology = read(lab, stats=stats)
    return topology


def unsettled(link: Link) -> bool:
    """Its carrier (LOWER_UP) says one thing, and its state still the other."""
    carrier = "LOWER_UP" in link.flags
    return link.up and ((carrier and link.state in ("DOWN", "LOWERLAYERDOWN")) or (not carrier and link.state == "UP"))


def read(lab: Lab | Computer, *, stats: bool = False) -> Topology:
    """Dump links, addresses and routes of every namespace: `ip -d [-s] link`, `ip addr` and `ip route` in each.

    Raises `LabDied`. A namespace that goes away meanwhile is left out.
    """
    from .relations import find

    names = [node.name for node in lab.nodes]
    mask = [] if stats else [("IFLA_EXT_MASK", SKIP_STATS)]
    dumps = ((netlink.GETLINK, ifinfmsg(mask)), (netlink.GETADDR, ifaddrmsg()), (netlink.GETROUTE, rtmsg(0)))
    questions = [netlink.encode(kind, message, netlink.DUMP) for kind, message in dumps]
    answers = iter(netlink.ask_all(lab.channel, [(name, question) for name in names for question in questions]))
    links: dict[Key, Link] = {}
    addrs: dict[Key, tuple[Addr, ...]] = {}
    routes: dict[str, tuple[Route, ...]] = {}
    counters: dict[Key, dict[str, int]] = {}
    unseen = []
    for name in names:
        found = [next(answers) for _ in dumps]
        errors = [answer for answer in found if isinstance(answer, OSError)]
        if errors:
            unseen += [cannot_see(name, error) for error in errors[:1] if error.errno != errno.ENOENT]
            continue
        of_links, of_addrs, of_routes = (list(answer) for answer in found)  # type: ignore[arg-type]
        of_here = read_links(of_links, name)
        here = {link.index: link.name for link in of_here}
        links.update({(name, link.name): link for link in of_here})
        for addr in (read_addr(message, name, here) for message in of_addrs):
            addrs[name, addr.dev] = (*addrs.get((name, addr.dev), ()), addr)
        there = (read_route(message, name, here) for message in of_routes if not message["flags"] & CLONED)
        routes[name] = tuple(route for route in there if route.table == "main")
        if stats:
            counters.update({(name, here[m["index"]]): counted(m) for m in of_links})
    seen = tuple(name for name in names if name in routes)
    relations, link_netns, things = find(lab, seen, links, addrs)
    return Topology(
        seen, links, addrs, relations, link_netns, things, routes, counters, (*lab.unseen, *unseen), lab.home
    )


def counted(message: Any) -> dict[str, int]:
    """A link's counters that tell of its traffic and losses (`ip -s link`)."""
    stats = message.get_attr("IFLA_STATS64") or {}
    return {name: int(stats[name]) for name in COUNTERS if name in stats}


COUNTERS = (
    "rx_packets",
    "rx_bytes",
    "rx_errors",
    "rx_dropped",
    "tx_packets",
    "tx_bytes",
    "tx_errors",
    "tx_dropped",
    "multicast",
)


def cannot_see(netns: str, error: OSError) -> str:
    why = "only root (sudo) may look into it" if error.errno == errno.EPERM else error.strerror
    return f"namespace {netns} could not be read: {why}"
