"""Reading a whole lab against raw dumps of the same, and drawing it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from vnetlearn import Lab
from vnetlearn.iproute import netlink
from vnetlearn.iproute.addr import ifaddrmsg
from vnetlearn.iproute.linkmsg import ifinfmsg
from vnetlearn.iproute.route import rtmsg
from vnetlearn.topology.topology import Topology

from .measure import Row, median, seconds
from .star import _build

NAMESPACES = 100
RUNS = 3


def rows() -> Iterator[Row]:
    for engine in ("host", "vm"):
        with Lab("empty", engine=engine) as lab:
            _build(lab, NAMESPACES)
            read = median(partial(seconds, lab.topology), RUNS)
            yield Row(f"topology of {NAMESPACES} namespaces, {engine}", read, "s")
            raw = median(partial(seconds, partial(_raw, lab)), RUNS)
            yield Row(f"raw dumps of the same, {engine}", raw, "s")
    for links in (10, 30, 60):
        with Lab("empty", engine="host") as lab:
            _build(lab, (links - 1) // 2)
            drawn = median(partial(seconds, partial(_drawing, lab.topology())), RUNS)
            yield Row(f"drawing of {links} links", drawn, "s", 1.0)


def _drawing(topology: Topology) -> str:
    return topology.draw().svg


def _raw(lab: Lab) -> None:
    """The same messages, one after the other, and nothing decoded."""
    dumps = [
        netlink.encode(kind, message, netlink.DUMP)
        for kind, message in (
            (netlink.GETLINK, ifinfmsg([])),
            (netlink.GETADDR, ifaddrmsg()),
            (netlink.GETROUTE, rtmsg(0)),
        )
    ]
    for node in lab.nodes:
        for dump in dumps:
            lab.channel.netlink(node.name, dump)
