"""Reading a whole lab against raw dumps of the same, and drawing it."""

from __future__ import annotations

from collections.abc import Iterator

from vnetlearn import Lab
from vnetlearn.iproute import netlink
from vnetlearn.iproute.addr import ifaddrmsg
from vnetlearn.iproute.linkmsg import ifinfmsg
from vnetlearn.iproute.route import rtmsg

from .measure import Row, median, seconds
from .star import _build

NAMESPACES = 100
RUNS = 3


def rows() -> Iterator[Row]:
    for engine in ("host", "vm"):
        with Lab("empty", engine=engine) as lab:
            _build(lab, NAMESPACES)
            yield Row(
                f"topology of {NAMESPACES} namespaces, {engine}",
                median(lambda lab=lab: seconds(lab.topology), RUNS),
                "s",
            )  # type: ignore[misc]
            raw = median(lambda lab=lab: seconds(lambda: _raw(lab)), RUNS)  # type: ignore[misc]
            yield Row(f"raw dumps of the same, {engine}", raw, "s")
    for links in (10, 30, 60):
        with Lab("empty", engine="host") as lab:
            _build(lab, (links - 1) // 2)
            topology = lab.topology()
            yield Row(
                f"drawing of {links} links", median(lambda t=topology: seconds(lambda: t.draw().svg), RUNS), "s", 1.0
            )  # type: ignore[misc]


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
