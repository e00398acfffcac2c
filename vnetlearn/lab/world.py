"""The little worlds a lab can start as. A world is data; `build` makes it with the verbs that learners use."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..errors import BadParameter
from ..iproute.link import PeerLike
from ..iproute.netns import Namespaces, Node

SWITCH, BRIDGE = "lan", "sw0"
SETTLED_SECONDS = 1.5


@dataclass(frozen=True)
class Machine:
    """A namespace with one card, `eth0`, on the LAN. "" is the lab's first namespace; `also` are addresses of lo."""

    netns: str
    address: str
    says: str
    gateway: str = ""
    also: tuple[str, ...] = ()
    forwards: bool = False

    @property
    def port(self) -> str:
        """The name of the switch's port that its cable leads to."""
        return self.netns or "host"

    @property
    def mac(self) -> str:
        """02:00, then the bytes of its IPv4 address: readable in any table."""
        return "02:00:" + ":".join(f"{int(part):02x}" for part in self.address.split("/")[0].split("."))


@dataclass(frozen=True)
class World:
    name: str
    says: str
    machines: tuple[Machine, ...] = ()


_GATEWAY = Machine(
    "gateway",
    "192.168.0.1/24",
    "the LAN's router; behind it, 203.0.113.1 stands for the rest of the world",
    also=("203.0.113.1/32",),
    forwards=True,
)
_HOST = Machine("", "192.168.0.171/24", "the machine you stand on", gateway="192.168.0.1")

WORLDS = {
    world.name: world
    for world in (
        World(
            "host",
            "One machine on a LAN. You stand on the machine; its card eth0 has 192.168.0.171. The LAN is a switch"
            " (the bridge sw0 in namespace lan) with a router and a neighbour.",
            (_HOST, _GATEWAY, Machine("neighbour", "192.168.0.20/24", "another machine on the LAN", "192.168.0.1")),
        ),
        World(
            "two-hosts",
            "Two machines of the same kind on one LAN, and its router. You stand on the first; the second"
            " is the namespace host2.",
            (_HOST, Machine("host2", "192.168.0.172/24", "the second machine", "192.168.0.1"), _GATEWAY),
        ),
        World("empty", "Nothing but the lab's first namespace and its loopback."),
    )
}


def world(name: str | World) -> World:
    if isinstance(name, World):
        return name
    if name not in WORLDS:
        raise BadParameter(
            f"Lab({name!r})",
            f"there is no world {name!r}",
            "a lab starts as one of a few little worlds",
            "one of: " + ", ".join(WORLDS),
        )
    return WORLDS[name]


def build(netns: Namespaces[Node], world: World) -> None:
    """Make the world's namespaces, the switch and the cables, addresses and routes in a fresh lab.

    When it comes back the kernel has noticed that the switch's ports have a carrier: before, they would lose a frame.
    """
    if not world.machines:
        return
    with netns.channel.batch():
        switch = _connected(netns, world)
    for machine in world.machines:
        if machine.forwards:
            netns.named(machine.netns).sysctl.set("net.ipv4.ip_forward", 1)
    give_up = time.monotonic() + SETTLED_SECONDS
    while not all(link.settled for link in switch.link.show()) and time.monotonic() < give_up:
        time.sleep(0.01)


def _connected(netns: Namespaces[Node], world: World) -> Node:
    """The switch, with all machines on it."""
    switch = netns.add(SWITCH)
    switch.link.add(BRIDGE, kind="bridge", address="02:00:00:00:00:01")
    _silent(switch, BRIDGE)
    for machine in world.machines:
        node = netns.add(machine.netns) if machine.netns else netns.host
        peer: PeerLike = {"name": "eth0", "address": machine.mac, "netns": node}
        port = "02:00:00:00:01:" + machine.mac[-2:]
        switch.link.add(machine.port, kind="veth", address=port, master=BRIDGE, peer=peer)
        _silent(switch, machine.port)
        node.link.set("lo", up=True)
        node.link.set("eth0", up=True)
        node.addr.add(machine.address, dev="eth0")
        for address in machine.also:
            node.addr.add(address, dev="lo")
        if machine.gateway:
            node.route.add("default", via=machine.gateway)
    return switch


def _silent(switch: Node, link: str) -> None:
    """A part of the switch: up, without an IPv6 address of its own, so that it says nothing by itself."""
    switch.link.set(link, addrgenmode="none")
    switch.link.set(link, up=True)
