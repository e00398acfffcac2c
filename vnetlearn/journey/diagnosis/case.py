"""A packet that was lost: where it was last seen, what is known of that place, and whom to ask there.

A check is a function that finds a reason, or nothing. What it asks of the lab's kernel it asks through the case, so in
a lab that has ended it finds nothing; what stands in the frames, and what the kernel said while they were recorded, it
finds all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TypeAlias

from ...capture.drops import Drop
from ...errors import KernelRefused, LabDied, NotFound
from ...iproute import Link
from ...iproute.netns import Namespaces, Node
from ...topology import topology
from ...topology.model import Key, Snapshot
from .. import lookups
from ..headers import IPS
from ..layers import Layer
from ..model import Found, Seen
from ..tracer import Tracer
from ..tree import Tree

LAB_ENDED = "the lab has ended, so that nobody could be asked why"


class Case:
    """One packet that was lost, in the trees of its capture; `last` is where it was seen last.

    `drops` are the kernel's own reports from that time. Of the lab's `namespaces` is asked how all is now.
    """

    def __init__(
        self, tracer: Tracer, drops: Sequence[Drop], namespaces: Namespaces[Node], tree: Tree, last: Seen
    ) -> None:
        self.tracer, self.drops, self.namespaces = tracer, drops, namespaces
        self.tree, self.last = tree, last
        self.netns, self.dev = last.place

    def about(self, tree: Tree, last: Seen) -> Case:
        """Another packet of this capture."""
        return Case(self.tracer, self.drops, self.namespaces, tree, last)

    # What the frames, and the topology at the capture's start, tell

    @property
    def here(self) -> str:
        """The namespace in which the packet was seen last, as people call it."""
        return self.home(self.netns)

    def home(self, netns: str) -> str:
        return self.tracer.topology.called(netns)

    def at(self, key: Key) -> str:
        """A link in words."""
        return self.tracer.topology.at(key)

    @property
    def numbers(self) -> str:
        """The frames in which it was seen last."""
        return ", ".join(str(frame.number) for frame in self.last.frames)

    @property
    def ip(self) -> Layer | None:
        """The outermost IP header: what this namespace goes by."""
        return next((layer for layer in self.last.peeled.layers if layer.name in IPS), None)

    @property
    def is_port(self) -> bool:
        """Whether the packet was seen last at a bridge's port."""
        return self.port(self.last.place)

    def port(self, key: Key) -> bool:
        master = self.tracer.wiring.master.get(key)
        return master is not None and self.tracer.wiring.kind(master) == "bridge"

    def heard(self, tree: Tree) -> list[str]:
        """Where a question arrived, but for the switches that passed it on."""
        return sorted({self.at(one.place) for one in tree.seen if not one.out and not self._switches(one.place)})

    def _switches(self, key: Key) -> bool:
        return self.port(key) or self.tracer.wiring.kind(key) == "bridge"

    # Who can be asked: all of these raise `LabDied` once the lab has ended

    @property
    def alive(self) -> bool:
        return self.namespaces.channel.alive

    @cached_property
    def now(self) -> Snapshot:
        """The topology as it is now: a link may have come up or gone meanwhile."""
        return topology.read(self.namespaces)

    @property
    def link(self) -> Link | None:
        return self.now.links.get(self.last.place)

    @property
    def node(self) -> Node:
        return self.namespaces.node(self.netns)

    def output(self, *command: str) -> str:
        return self.node.ask(command).stdout

    def shown(self, link: Link) -> str:
        return lookups.shown(self.namespaces.node(link.netns), link)


Check: TypeAlias = Callable[[Case], Found | None]
"""Finds a reason why a packet was lost, or nothing."""


def first(case: Case, checks: Iterable[Check]) -> Found | None:
    """What the first check finds that finds something; one whose link, namespace or lab has gone finds nothing."""
    for check in checks:
        try:
            if (found := check(case)) is not None:
                return found
        except (NotFound, KernelRefused, LabDied):
            continue
    return None
