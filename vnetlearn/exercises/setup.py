"""How namespaces are set up, as values to compare; each says itself in the line that a learner reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, TypeVar

from ..engine import program
from ..iproute import Link, Route, netlink
from ..iproute.neigh import ndmsg
from ..kinds import unusual
from ..lab.lab import Lab, Node

T = TypeVar("T")
# Settings of a namespace that change what it does with packets; for what is per link, those of all links.
PER_LINK = "forwarding proxy_arp arp_ignore arp_filter arp_announce rp_filter accept_local"
SYSCTLS = [
    "net/ipv4/ip_forward",
    "net/ipv4/icmp_echo_ignore_all",
    *(f"net/ipv4/conf/*/{name}" for name in PER_LINK.split()),
    "net/ipv6/conf/*/forwarding",
    "net/ipv6/conf/*/disable_ipv6",
]
FIREWALL = ["nft", "-s", "list", "ruleset"]
FORWARDING = ("bridge", "vxlan")  # the kinds of links in whose tables somebody can put a MAC for good
# linux/socket.h, linux/rtnetlink.h, linux/if_bridge.h, linux/neighbour.h
AF_BRIDGE, RTEXT_FILTER_BRVLAN, PVID, UNTAGGED, NUD_NOARP, NUD_PERMANENT = 7, 2, 2, 4, 0x40, 0x80


class Thing:
    """One thing that is set up; `ip OBJECT show` shows it, as far as ip does."""

    OBJECT: ClassVar[str] = "link"


@dataclass(frozen=True)
class LinkSetup(Thing):
    """A link: without its carrier and state, which change by themselves, and what its kind has when nothing is said."""

    name: str
    kind: str
    up: bool
    mtu: int
    address: str
    master: str
    flags: tuple[str, ...]
    params: tuple[tuple[str, object], ...]

    @property
    def words(self) -> list[str]:
        """What there is to say of it, its name and kind first."""
        some = [
            f"link {self.name} {self.kind}".strip(),
            "up" if self.up else "down",
            f"mtu {self.mtu}",
            self.address,
            f"master {self.master}" if self.master else "",
        ]
        return [*filter(None, some), *self.flags, *(f"{name} {value}" for name, value in self.params)]

    def beside(self, other: LinkSetup) -> str:
        """What there is to say of it, and not of another."""
        known = other.words
        return ", ".join(one for one in self.words if one not in known) or "as usual"

    def __str__(self) -> str:
        return ", ".join(self.words)


@dataclass(frozen=True)
class AddrSetup(Thing):
    """An address of a link."""

    address: str
    dev: str
    OBJECT = "addr"

    def __str__(self) -> str:
        return f"addr {self.address} dev {self.dev}"


@dataclass(frozen=True)
class RouteSetup(Thing):
    """A route: without its flags, which follow the carrier."""

    route: Route
    OBJECT = "route"

    def __str__(self) -> str:
        return "route " + " ".join(str(x) for x in self.route.row() if x)


@dataclass(frozen=True)
class NeighSetup(Thing):
    """A permanent neighbour."""

    dst: str
    dev: str
    lladdr: str
    OBJECT = "neigh"

    def __str__(self) -> str:
        return f"neigh {self.dst} dev {self.dev} lladdr {self.lladdr}"


@dataclass(frozen=True)
class RuleSetup(Thing):
    """A rule of `ip rule`, by the names of linux/fib_rules.h."""

    action: int
    attributes: tuple[tuple[str, object], ...]
    OBJECT = "rule"

    def __str__(self) -> str:
        return f"rule {self.action} {dict(self.attributes)}"


@dataclass(frozen=True)
class QueueSetup(Thing):
    """A queue of `tc qdisc` that somebody put there."""

    kind: str
    dev: str

    def __str__(self) -> str:
        return f"qdisc {self.kind} dev {self.dev}"


@dataclass(frozen=True)
class FilterSetup(Thing):
    """A line of `tc filter`, of what looks at what comes in on a link."""

    dev: str
    line: str

    def __str__(self) -> str:
        return f"filter on {self.dev}: {self.line}"


@dataclass(frozen=True)
class Setting(Thing):
    """A line of the firewall, of a bridge's VLANs or static MACs, or a sysctl."""

    line: str

    def __str__(self) -> str:
        return self.line


@dataclass(frozen=True)
class NetnsSetup(Thing):
    """A namespace as a whole."""

    name: str

    def __str__(self) -> str:
        return f"netns {self.name}"


@dataclass(frozen=True)
class Setup:
    """How one namespace is set up, in the order of the lines that say it.

    Without what changes by itself: learned neighbours, what IPv6 makes of its own accord, the queues of every link.
    """

    addrs: tuple[AddrSetup, ...]
    filters: tuple[FilterSetup, ...]
    links: tuple[LinkSetup, ...]
    neighs: tuple[NeighSetup, ...]
    queues: tuple[QueueSetup, ...]
    routes: tuple[RouteSetup, ...]
    rules: tuple[RuleSetup, ...]

    def __iter__(self) -> Iterator[Thing]:
        for some in (self.addrs, self.filters, self.links, self.neighs, self.queues, self.routes, self.rules):
            yield from some


Settings = tuple[Setting, ...]


@dataclass(frozen=True)
class Change:
    """What is otherwise than it was; what came `was` None, and what went is None `now`."""

    was: Thing | None
    now: Thing | None

    def __str__(self) -> str:
        if isinstance(self.was, LinkSetup) and isinstance(self.now, LinkSetup):
            return f"~ link {self.was.name}: {self.was.beside(self.now)} → {self.now.beside(self.was)}"
        return f"+ {self.now}" if self.was is None else f"- {self.was}"

    @property
    def shows(self) -> str:
        """ip's object that shows it."""
        return next(one.OBJECT for one in (self.was, self.now) if one is not None)


@dataclass(frozen=True)
class State:
    """How all namespaces of a lab are set up at one moment, by name."""

    setups: Mapping[str, Setup]
    settings: Mapping[str, Settings]

    def changes(self, netns: str, setup: Setup, settings: Settings) -> tuple[Change, ...]:
        """What is set up otherwise in a namespace than it was: links that changed, what came, what went."""
        now, was = [*setup, *settings], [*self.setups[netns], *self.settings[netns]]
        came, went = [one for one in now if one not in was], [one for one in was if one not in now]
        before = {one.name: one for one in went if isinstance(one, LinkSetup)}
        both = [Change(before[one.name], one) for one in came if isinstance(one, LinkSetup) and one.name in before]
        changed = [one for change in both for one in (change.was, change.now)]
        return (
            *both,
            *(Change(None, one) for one in came if one not in changed),
            *(Change(one, None) for one in went if one not in changed),
        )


class Now:
    """How all namespaces of a lab are set up: read once, when it is first asked for."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    @cached_property
    def setups(self) -> dict[str, Setup]:
        return {node.name: setup_of(node) for node in self._lab.nodes}

    @cached_property
    def settings(self) -> dict[str, Settings]:
        return settings_of(self._lab, self.setups)


def read(lab: Lab) -> State:
    now = Now(lab)
    return State(now.setups, now.settings)


def setup_of(node: Node) -> Setup:
    """A namespace's links, addresses, routes, permanent neighbours, rules and queues."""
    queues, filters = _queues(node)
    return Setup(
        _sorted(AddrSetup(str(addr), addr.dev) for addr in node.addr.show() if not addr.local.startswith("fe80:")),
        _sorted(filters),
        _sorted(map(_link, node.link.show())),
        _sorted(NeighSetup(n.dst, n.dev, n.lladdr) for n in node.neigh.show() if n.state == "PERMANENT"),
        _sorted(queues),
        _sorted(_route(one) for one in node.route.show(table="all") if ":" not in one.dst or one.protocol != "kernel"),
        _sorted(_rules(node)),
    )


def settings_of(lab: Lab, setups: Mapping[str, Setup]) -> dict[str, Settings]:
    """Each namespace's firewall, VLANs and static MACs of bridge ports, sysctls.

    nft, which takes a while, is run only where there is a firewall, and everywhere at the same time.
    """
    firewalls, sysctls = lab.channel.firewalls(list(setups)), lab.channel.sysctls(list(setups), SYSCTLS)
    begun = {netns: lab.netns.named(netns).start(FIREWALL) for netns in firewalls}
    lines = {netns: [f"{key}:{value}" for key, value in found.items()] for netns, found in sysctls.items()}
    for netns, setup in setups.items():
        kinds = {link.kind for link in setup.links}
        if "bridge" in kinds:
            lines[netns] += _vlans(lab.netns.named(netns))
        if not kinds.isdisjoint(FORWARDING):
            lines[netns] += _static_macs(lab.netns.named(netns))
    for netns, one in begun.items():
        lines[netns] += program.run(one, "", show=False).stdout.splitlines()
    return {netns: tuple(map(Setting, sorted(said))) for netns, said in lines.items()}


def _vlans(node: Node) -> list[str]:
    """`bridge vlan show`."""
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

    message = ifinfmsg()
    message["family"], message["attrs"] = AF_BRIDGE, [("IFLA_EXT_MASK", RTEXT_FILTER_BRVLAN)]
    ports = [(one.get_attr("IFLA_IFNAME"), one.get_attr("IFLA_AF_SPEC")) for one in node.dump(netlink.GETLINK, message)]
    return [
        f"vlan {vlan['vid']} dev {netlink.text(dev)}"
        + " pvid" * bool(vlan["flags"] & PVID)
        + " untagged" * bool(vlan["flags"] & UNTAGGED)
        for dev, inside in ports
        for vlan in (inside.get_attrs("IFLA_BRIDGE_VLAN_INFO") if inside else ())
    ]


def _static_macs(node: Node) -> list[str]:
    """`bridge fdb show`, what is static there: not to be resolved, and not an address of the link itself."""
    rows = node.dump(netlink.GETNEIGH, ndmsg(AF_BRIDGE))
    found = [one for one in rows if one["state"] & (NUD_NOARP | NUD_PERMANENT) == NUD_NOARP]
    names = node.link.names() if found else {}
    return [
        " ".join(
            [f"fdb {one.get_attr('NDA_LLADDR')} dev {names.get(one['ifindex'], one['ifindex'])} static"]
            + [f"{word} {value}" for word in ("vlan", "dst") if (value := one.get_attr(f"NDA_{word.upper()}"))]
        )
        for one in found
    ]


def _sorted(some: Iterable[T]) -> tuple[T, ...]:
    return tuple(sorted(some, key=str))


def _link(link: Link) -> LinkSetup:
    params = unusual(link.kind, link.params)
    params |= {k: v for k, v in unusual("bridge_slave", link.port).items() if k != "state"}  # which follows the carrier
    flags = tuple(flag.lower() for flag in link.flags if flag in ("NOARP", "PROMISC", "ALLMULTI"))
    return LinkSetup(link.name, link.kind, link.up, link.mtu, link.address, link.master, flags, tuple(params.items()))


def _route(route: Route) -> RouteSetup:
    return RouteSetup(dataclasses.replace(route, flags=(), mtu=0))


def _rules(node: Node) -> list[RuleSetup]:
    """`ip rule`."""
    from pyroute2.netlink.rtnl.fibmsg import fibmsg

    return [
        RuleSetup(rule["action"], tuple((name, value) for name, value in rule["attrs"]))
        for rule in node.dump(netlink.GETRULE, fibmsg())
    ]


def _queues(node: Node) -> tuple[list[QueueSetup], list[FilterSetup]]:
    """`tc qdisc`, without the kernel's own, which have no handle; `tc filter` where one looks at what comes in."""
    from pyroute2.netlink.rtnl.tcmsg import tcmsg

    names, queues, filters = node.link.names(), list[QueueSetup](), list[FilterSetup]()
    for queue in node.dump(netlink.GETQDISC, tcmsg()):
        kind, dev = queue.get_attr("TCA_KIND"), names.get(queue["index"], str(queue["index"]))
        if queue["handle"]:
            queues.append(QueueSetup(kind, dev))
        if kind in ("ingress", "clsact"):
            said = node.ask(["tc", "filter", "show", "dev", dev, "ingress"]).stdout
            filters += [FilterSetup(dev, line.strip()) for line in said.splitlines() if line.strip()]
    return queues, filters
