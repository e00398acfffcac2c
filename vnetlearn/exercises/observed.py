"""What a check looks at: how each namespace is set up, and pings with every frame that they became."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ..engine import program
from ..iproute import Link, netlink
from ..kinds import unusual
from ..lab.ping import Ping, many
from .record import Probe

if TYPE_CHECKING:
    from ..capture.capture import Frame
    from ..lab.lab import Lab, Node

Lines = tuple[str, ...]
# Settings of a namespace that change what it does with packets; for what is per link, those of all links.
PER_LINK = "forwarding proxy_arp arp_ignore arp_filter arp_announce rp_filter accept_local"
SYSCTLS = [
    "net/ipv4/ip_forward",
    "net/ipv4/icmp_echo_ignore_all",
    *(f"net/ipv4/conf/*/{name}" for name in PER_LINK.split()),
    "net/ipv6/conf/*/forwarding",
    "net/ipv6/conf/*/disable_ipv6",
]
REST = f"nft -s list ruleset; bridge vlan show; bridge fdb show | grep -w static; cd /proc/sys && grep -s . {' '.join(SYSCTLS)}"
GETRULE = 34  # linux/rtnetlink.h
# Until the last reply: a router that answers ARP for others waits up to 0.8 s each time (proxy_delay of arp(7)).
ANSWER_SECONDS = 2.5


def setup(node: Node) -> Lines:
    """How a namespace's links, addresses, routes, permanent neighbours, rules and queues are set up, a line for each.

    Without what changes by itself: carrier and state, learned neighbours, what IPv6 makes of its own accord, and the
    queues that every link gets.
    """
    found = [f"link {_link(link)}" for link in node.link.show()]
    found += [f"addr {addr} dev {addr.dev}" for addr in node.addr.show() if not addr.local.startswith("fe80:")]
    for route in node.route.show(table="all"):
        if ":" not in route.dst or route.protocol != "kernel":
            found.append("route " + " ".join(str(x) for x in dataclasses.replace(route, flags=()).row() if x))
    found += [f"neigh {n.dst} dev {n.dev} lladdr {n.lladdr}" for n in node.neigh.show() if n.state == "PERMANENT"]
    return tuple(sorted([*found, *_rules(node), *_queues(node)]))


def _rules(node: Node) -> list[str]:
    """`ip rule`."""
    from pyroute2.netlink.rtnl.fibmsg import fibmsg

    return [f"rule {rule['action']} {dict(rule['attrs'])}" for rule in node.dump(GETRULE, fibmsg())]


def _queues(node: Node) -> list[str]:
    """`tc qdisc`, without the kernel's own, which have no handle; and `tc filter` where something looks at what comes in."""
    from pyroute2.netlink.rtnl.tcmsg import tcmsg

    names, found = node.link.names(), list[str]()
    for queue in node.dump(netlink.GETQDISC, tcmsg()):
        kind, dev = queue.get_attr("TCA_KIND"), names.get(queue["index"], str(queue["index"]))
        if queue["handle"]:
            found.append(f"qdisc {kind} dev {dev}")
        if kind in ("ingress", "clsact"):
            filters = node.ask(["tc", "filter", "show", "dev", dev, "ingress"]).stdout
            found += [f"filter on {dev}: {line.strip()}" for line in filters.splitlines() if line.strip()]
    return found


def _link(link: Link) -> str:
    up = "up" if link.up else "down"
    params = unusual(link.kind, link.params)
    params |= {k: v for k, v in unusual("bridge_slave", link.port).items() if k != "state"}  # which follows the carrier
    flags = [flag.lower() for flag in link.flags if flag in ("NOARP", "PROMISC", "ALLMULTI")]
    words = [
        f"{link.name} {link.kind}".strip(),
        up,
        f"mtu {link.mtu}",
        link.address,
        f"master {link.master}" if link.master else "",
    ]
    return ", ".join([*filter(None, words), *flags, *(f"{k} {v}" for k, v in params.items())])


def settings(nodes: Sequence[Node]) -> list[Lines]:
    """For each namespace: firewall, VLANs and static MACs of bridge ports, sysctls; asked of all at the same time, for it takes a while."""
    begun = [node.start(["sh", "-c", REST]) for node in nodes]
    return [tuple(sorted(program.run(one, REST, show=False).stdout.splitlines())) for one in begun]


@dataclass(frozen=True)
class State:
    """How all namespaces of a lab are set up at one moment, by name."""

    setup: dict[str, Lines]
    settings: dict[str, Lines]


def read(lab: Lab) -> State:
    nodes = lab.nodes
    names = [node.name for node in nodes]
    return State(dict(zip(names, map(setup, nodes), strict=True)), dict(zip(names, settings(nodes), strict=True)))


def untouched(lab: Lab, start: State) -> bool:
    """Whether all is set up as it was. What costs little is compared first."""
    nodes = lab.nodes
    if {node.name: setup(node) for node in nodes} != start.setup:
        return False
    return dict(zip([node.name for node in nodes], settings(nodes), strict=True)) == start.settings


@dataclass(frozen=True)
class Walk:
    """A ping that carries a mark of its own, and its frames as every link of the lab saw them, in the order of time."""

    ping: Ping
    requests: tuple[Frame, ...]
    replies: tuple[Frame, ...]

    @property
    def answerer(self) -> str | None:
        """The namespace that the first reply came out of; None when there was none."""
        return self.replies[0].netns if self.ping.ok and self.replies else None


class Seen:
    """All that a check needs, observed at once: the pings that are wanted run at the same time, under one capture.

    What namespaces have learned of their neighbours is forgotten before (`ip neigh flush all`), so that the answers
    are about the lab as it is now.
    """

    def __init__(self, lab: Lab, start: State, pings: Iterable[Probe]) -> None:
        self.lab, self.start = lab, start
        self.nodes = {node.name: node for node in lab.nodes}
        for node in self.nodes.values():
            node.ask(["ip", "neigh", "flush", "all"])
        asked = [one for one in dict.fromkeys(pings) if one.source in self.nodes]
        marks = [secrets.token_bytes(16) for _ in asked]
        with lab.capture() as capture:
            answers = many(
                [(self.nodes[one.source], one.address) for one in asked],
                count=2,
                timeout=ANSWER_SECONDS,
                patterns=[mark.hex() for mark in marks],
                sizes=[one.size for one in asked],
            )
        self.frames: tuple[Frame, ...] = capture.frames
        self.walks = {
            one: _walk(ping, [frame for frame in self.frames if mark in frame.data])
            for one, ping, mark in zip(asked, answers, marks, strict=True)
        }

    def changes(self, netns: str) -> Lines:
        """What is set up otherwise in a namespace than at the start: links that changed (~), lines that came (+) and went (-)."""
        if netns not in self.nodes:
            return (f"- netns {netns}",)
        node = self.nodes[netns]
        now, was = (*setup(node), *self._settings[netns]), (*self.start.setup[netns], *self.start.settings[netns])
        came, went = [line for line in now if line not in was], [line for line in was if line not in now]
        before = {line.split()[1]: line for line in went if line.startswith("link ")}
        both = {
            line: before[line.split()[1]] for line in came if line.startswith("link ") and line.split()[1] in before
        }
        changed = [f"~ link {old.split()[1]}: {_less(old, line)} → {_less(line, old)}" for line, old in both.items()]
        return (
            *changed,
            *(f"+ {line}" for line in came if line not in both),
            *(f"- {line}" for line in went if line not in both.values()),
        )

    @cached_property
    def _settings(self) -> dict[str, Lines]:
        return dict(zip(self.nodes, settings(list(self.nodes.values())), strict=True))


def _less(line: str, other: str) -> str:
    """What a link's line says and another does not."""
    return ", ".join(part for part in line.split(", ") if part not in other.split(", ")) or "as usual"


def _walk(ping: Ping, frames: Sequence[Frame]) -> Walk:
    from scapy.layers.inet import ICMP

    kinds = [(frame.packet[ICMP].type if ICMP in frame.packet else None, frame) for frame in frames]
    return Walk(ping, tuple(f for kind, f in kinds if kind == 8), tuple(f for kind, f in kinds if kind == 0))
