"""What is there and how it hangs together, read from a lab's live kernel: namespaces, links and their relations."""

from __future__ import annotations

import errno
import struct
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from socket import AF_UNSPEC
from typing import TYPE_CHECKING

from .. import texts
from ..display.picture import Picture
from ..files import written
from ..iproute import netlink
from ..iproute.addr import Addr, ifaddrmsg, read_addr
from ..iproute.linkmsg import IFLA_STATS64, Link, Told, ifinfmsg, read_links
from ..iproute.route import RTA_TABLE, Route, of_a_table, read_route, rtmsg
from . import diagram
from .difference import Difference
from .model import Key, Snapshot, Source
from .relations import find
from .script import script

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .diagram import How, View

SCHEMA = 1


@dataclass(frozen=True, repr=False)  # it reads itself aloud, as any snapshot
class Topology(Snapshot):
    """All of a lab as it was read: it draws itself, tells what has changed, saves itself. See `model.Snapshot`."""

    def draw(self, **how: Unpack[How]) -> Picture:
        """See `diagram.draw`."""
        return diagram.draw(self, **how)

    def diff(self, after: Topology) -> Difference:
        """What is new, gone and changed in a later reading: as text, and drawn."""
        return Difference(self, after)

    def to_dot(self, **how: Unpack[How]) -> str:
        """The picture as Graphviz's text; it takes what `draw` takes."""
        return self.draw(**how).dot

    def to_script(self) -> str:
        """The `ip` commands that make the same in an empty lab: namespaces, links, addresses, routes of main tables.

        What is not in it: sysctls, neighbours, rules, queues (tc), firewalls, and programs. An hsr or a geneve is made
        as if its slaves, or its socket, were in its own namespace: the kernel does not tell when they are not.
        """
        return script(self)

    def to_json(self) -> str:
        """Everything as JSON, as docs/topology.schema.json describes it."""
        return texts.json(as_json(self), indent=1)

    def save(self, path: str | Path, **how: Unpack[View]) -> Path:
        """Write it to a file; its ending (svg, png, pdf, json, dot, sh) names the format. A picture takes `draw`'s.

        Raises `BadParameter`, `ToolMissing`, `NotWritten`.
        """
        file = Path(path)
        forms: dict[str, Callable[[], str]] = {
            ".json": self.to_json,
            ".sh": self.to_script,
            ".dot": lambda: self.to_dot(**how),
        }
        if file.suffix in forms:
            text = forms[file.suffix]()
            with written(file, f"save({str(path)!r})") as out:
                out.write(text.encode())
            return file
        return self.draw(**how).save(path)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return self.draw()._repr_mimebundle_()


def as_json(topology: Snapshot) -> dict[str, object]:
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


def read_settled(source: Source, *, stats: bool = False) -> Topology:
    """`read`, once the kernel has noticed who has a carrier, or after 1.5 seconds."""
    give_up = time.monotonic() + 1.5
    topology = read(source, stats=stats)
    while time.monotonic() < give_up and not all(link.settled for link in topology.links.values()):
        time.sleep(0.1)
        topology = read(source, stats=stats)
    return topology


def read(source: Source, *, stats: bool = False) -> Topology:
    """Dump links, addresses and routes of every namespace: `ip -d [-s] link`, `ip addr` and `ip route` in each.

    Raises `LabDied`. A namespace that goes away meanwhile is left out.
    """
    names = list(source.names)
    mask = [] if stats else [netlink.WITHOUT_COUNTERS]
    main = [(RTA_TABLE, netlink.U32.pack(netlink.RT_TABLE_MAIN))]
    dumps = (
        (netlink.GETLINK, ifinfmsg(mask)),
        (netlink.GETADDR, ifaddrmsg()),
        (netlink.GETROUTE, rtmsg(AF_UNSPEC, main, table=netlink.RT_TABLE_MAIN)),
    )
    questions = [netlink.encode(kind, message, netlink.DUMP) for kind, message in dumps]
    found = netlink.ask_all(source.channel, [[(name, question) for question in questions] for name in names])
    links: dict[Key, Link] = {}
    addrs: dict[Key, tuple[Addr, ...]] = {}
    routes: dict[str, tuple[Route, ...]] = {}
    counters: dict[Key, dict[str, int]] = {}
    unseen = []
    for name, told in zip(names, found, strict=True):
        if isinstance(told, OSError):
            unseen += [cannot_see(name, told)] if told.errno != errno.ENOENT else []
            continue
        of_links, of_addrs, of_routes = told.answers
        of_here = read_links(of_links, name)
        here = {link.index: link.name for link in of_here}
        links.update({(name, link.name): link for link in of_here})
        for addr in (read_addr(message, name, here) for message in of_addrs):
            addrs[name, addr.dev] = (*addrs.get((name, addr.dev), ()), addr)
        there = (read_route(message, name, here) for message in of_routes if of_a_table(message))
        routes[name] = tuple(route for route in there if route.table == "main")
        if stats:
            counters.update({(name, here[netlink.ifindex(one)]): counted(one) for one in of_links})
    seen = tuple(name for name in names if name in routes)
    relations, link_netns, things = find(source, seen, links, addrs)
    return Topology(
        seen, links, addrs, relations, link_netns, things, routes, counters, (*source.unseen, *unseen), source.home
    )


def counted(message: bytes) -> dict[str, int]:
    """A link's counters that tell of its traffic and losses (`ip -s link`)."""
    numbers = Told.of(message).attributes.get(IFLA_STATS64, b"")
    told = dict(zip(STATS64, struct.unpack_from("=9Q", numbers), strict=True)) if numbers else {}
    return {name: told[name] for name in COUNTERS if name in told}


STATS64 = (
    "rx_packets",
    "tx_packets",
    "rx_bytes",
    "tx_bytes",
    "rx_errors",
    "tx_errors",
    "rx_dropped",
    "tx_dropped",
    "multicast",
)
"""The first fields of struct rtnl_link_stats64, linux/if_link.h."""

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
