"""A small network in which a kind makes sense, and the traffic that shows it: what `explore` plays.

A scene has a stage (what is there before), one or two ends at which the link is made, and what is asked of it then.
Its first end gets the kind's `example`, with `params` over it; the second the same with the stage's addresses
exchanged. In texts, DEV is the link's name. Addresses are those kept for documentation (RFC 5737, RFC 3849).
A kind's scene stands beside its record; stages that several play on, and what several say, are here.
"""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .values import ParamValue

HERE, THERE = ("192.0.2.1", "2001:db8::1"), ("192.0.2.2", "2001:db8::2")


@dataclass(frozen=True)
class Stage:
    """What is there before the link: a world of a lab, further namespaces, cables (veth) between cards, commands.

    A cable has two ends "NAMESPACE/CARD"; `addrs` gives cards their addresses; `lines` are shell text.
    """

    says: str
    netns: tuple[str, ...] = ()
    cables: tuple[tuple[str, str], ...] = ()
    addrs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lines: str = ""
    world: str = "empty"


@dataclass(frozen=True)
class End:
    """Where the link is made; `to` is the namespace that it goes to then, `ports` are links that become its ports."""

    netns: str = ""
    name: str = ""
    addrs: tuple[str, ...] = ()
    to: str = ""
    ports: tuple[str, ...] = ()

    @property
    def lives(self) -> str:
        return self.to or self.netns


@dataclass(frozen=True)
class Scene:
    """`first` are the parameters that are shown first; `after` and `clear` shell text for after the link is made,
    and for before it is made again; `pings` who pings whom; `script` commands whose output is shown."""

    stage: Stage
    says: str
    ends: tuple[End, ...]
    first: tuple[str, ...] = ()
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    after: str = ""
    clear: str = ""
    pings: tuple[tuple[str, str], ...] = ()
    script: tuple[str, ...] = ()


NOTHING = Stage("An empty machine.")
CABLE = Stage(
    "Two machines, a and b, on one cable.", ("a", "b"), (("a/eth0", "b/eth0"),),
    {"a/eth0": ("192.0.2.1/24", "2001:db8::1/64"), "b/eth0": ("192.0.2.2/24", "2001:db8::2/64")},
)
BARE_CABLE = Stage("Two machines, a and b, on one cable without addresses.", ("a", "b"), (("a/eth0", "b/eth0"),))
TWO_CABLES = Stage(
    "Two machines, a and b, with two cables between them.", ("a", "b"),
    (("a/eth0", "b/eth0"), ("a/eth1", "b/eth1")),
)
LAN = Stage("A machine on a LAN with a router and a neighbour; its card eth0 has 192.168.0.171.", ("ns1", "ns2"),
            world="host")
TWO_EMPTY = Stage("Two machines, a and b, with nothing between them.", ("a", "b"))


def at_both(kind: str, *inner: str) -> tuple[End, ...]:
    """The same link in a and in b, with addresses of its own there."""
    heres = inner or ("10.0.0.1/24",)
    theres = tuple(address.replace(".1/", ".2/").replace(":1/", ":2/") for address in heres)
    return (End("a", f"{kind}1", heres), End("b", f"{kind}1", theres))


PINGED = (("a", "10.0.0.2"), ("b", "10.0.0.1"))
V4: Mapping[str, ParamValue] = {"local": HERE[0], "remote": THERE[0]}
V6: Mapping[str, ParamValue] = {"local": HERE[1], "remote": THERE[1]}
UNPLUG = (
    "ip netns exec a ping -c 2 -i 0.2 -W 1 10.0.0.2",
    "ip -n a link set eth0 down  # one cable is pulled out",
    "ip netns exec a ping -c 5 -i 0.2 -W 1 10.0.0.2",
    "ip -n a link set eth0 up",
)
KEYS = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210")


def batch(netns: str, *lines: str) -> str:
    """Several commands of `ip` in one namespace, as shell text."""
    return "\n".join([f"ip -n {netns} -batch - <<END", *lines, "END"])


def plain(kind: str, needs: tuple[str, ...]) -> Scene:
    """The scene of a kind without one of its own: one link, and what the kernel tells of it."""
    cables = tuple((f"/{name}", f"b/{name}") for name in needs)
    stage = Stage(f"A machine with {' and '.join(needs)}, cabled to another one.", ("b",), cables) if needs else NOTHING
    return Scene(stage, "It is made, and the kernel tells of it.", (End("", f"{kind[:14]}1"),),
                 script=("ip -d -s link show dev DEV",))
