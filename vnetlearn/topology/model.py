"""What there is in a lab at one moment, as plain values: links, addresses, routes, and how links hang together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from .. import texts
from ..engine.channel import Channel
from ..iproute.addr import Addr
from ..iproute.linkmsg import Link
from ..iproute.route import Route

Key: TypeAlias = tuple[str, str]
"""A namespace ("" is the lab's first) and a link in it."""
OUTSIDE = "/"  # in place of a namespace, in the key of a thing that is in none; no namespace can be called so


@dataclass(frozen=True, order=True)
class Relation:
    """How two links, or a link and a thing, hang together. `how` is one of RELATIONS."""

    how: str
    source: Key
    target: Key


@dataclass(frozen=True)
class Thing:
    """What links hang on that is no link: a "process", the namespace's "netlink", a CAN "bus", a "radio", a "group"."""

    what: str
    says: str


@dataclass(frozen=True)
class Kindred:
    """One way to hang together: what it says between source and target, and at which layer it is."""

    says: str
    layer: str


RELATIONS = {
    "peer": Kindred("is connected to", "physical"),
    "lower": Kindred("sits on", "l2"),
    "master": Kindred("is a port of", "l2"),
    "underlay": Kindred("sends its packets through", "l3"),
    "tunnel": Kindred("has its other end at", "l3"),
    "held": Kindred("is held by", "physical"),
    "redirect": Kindred("has frames redirected to", "l2"),
    "hears": Kindred("hears", "physical"),
    "bus": Kindred("is on", "physical"),
    "radio": Kindred("sends by", "physical"),
}


@dataclass(frozen=True)
class Snapshot:
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
        return texts.line(netns) or self.home

    def addresses(self, key: Key) -> tuple[Addr, ...]:
        """A link's addresses of scope global: those that a picture shows."""
        return tuple(addr for addr in self.addrs.get(key, ()) if addr.scope == "global")

    def read_aloud(self) -> str:
        """The picture in words, for who cannot see it."""
        said = []
        for name in self.netns:
            links = [
                self._describe(key) for key, link in self.links.items() if key[0] == name and link.kind != "loopback"
            ]
            said.append(f"namespace {self.called(name)}: " + ("; ".join(links) or "no links"))
        return texts.lines(". ".join([*said, *self.unseen]) + ".")

    def _describe(self, key: Key) -> str:
        link = self.links[key]
        words = [texts.line(key[1]), link.kind or "device", state(link)]
        words += map(str, self.addresses(key))
        for relation in self.relations:
            if relation.source == key:
                words.append(f"{RELATIONS[relation.how].says} {self.at(relation.target)}")
        return " ".join(words)

    def at(self, key: Key) -> str:
        """A link, or a thing, in words."""
        if key in self.things:
            return texts.line(self.things[key].says)
        return f"{texts.line(key[1])} in {self.called(key[0])}"

    def __repr__(self) -> str:
        return self.read_aloud()


class Source(Protocol):
    """What a topology is read from: a lab's namespaces, or the computer's own. `unseen` says what may not be read."""

    @property
    def channel(self) -> Channel: ...
    @property
    def names(self) -> Sequence[str]: ...
    @property
    def unseen(self) -> tuple[str, ...]: ...
    @property
    def home(self) -> str: ...


def state(link: Link) -> str:
    """In one word: down (by `ip link set … down`), up, or what keeps a link from working that was set up."""
    if not link.up:
        return "down"
    return "up" if link.state in ("UP", "UNKNOWN") else link.state.lower()
