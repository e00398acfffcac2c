"""A lab: a little world of network namespaces on a real kernel, and the handle that a learner has on it."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from .. import texts
from ..iproute import netns as iproute
from ..iproute.namespace import NetnsLike
from . import choice, engines
from . import world as worlds

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..display.picture import Picture
    from ..topology.diagram import How
    from ..topology.selection import Where
    from ..topology.topology import Topology
    from .capture import Capture
    from .panel import Panel
    from .ping import Matrix, Ping


class Node(iproute.Node):
    """One namespace of a lab, with all that `iproute.netns.Node` has: `ip`'s verbs, `sysctl`, programs; and ping."""

    def __init__(self, lab: Lab, name: str) -> None:
        super().__init__(lab.netns, name)
        self.lab = lab

    def ping(
        self,
        target: str | iproute.Node,
        *,
        count: int | None = None,
        interval: float = 0.2,
        timeout: float = 1.0,
        size: int = 56,
        dev: str | None = None,
        journey: bool = False,
    ) -> Ping:
        """Send `count` echo requests (3), `interval` seconds apart: `ping -c COUNT -i INTERVAL -W TIMEOUT TARGET`.

        `target` is an address, a name that the lab can resolve, or a node (its first address on a link is taken).
        The result has each reply's time in milliseconds, loss, min/avg/max/mdev, and the reason when none came. With
        `journey` one request is sent, all links are recorded meanwhile, and the result shows its way: `.journey`.
        """
        from . import ping

        return ping.ping(
            self, target, count=count, interval=interval, timeout=timeout, size=size, dev=dev, journey=journey
        )


class Lab:
    """A world of network namespaces on a real kernel, apart from the computer's own network.

    `world` is "host" (one machine on a LAN), "two-hosts" or "empty". `kinds` are the device types that you want to
    use (all by default): when the running kernel can create them the lab stands on it (engine `host`), else it
    brings a kernel of its own (engine `vm`). `engine` or the environment variable VNETLEARN_ENGINE decide otherwise.

    What a lab promises: nothing in it touches the computer's own links, routes, sysctls or /run/netns, and nothing of
    it survives `close`, the end of a `with`, or the end of this process, even by `kill -9`: no link, namespace, mount
    or program. Files are another matter: on engine `host` what its programs write into your folders is yours, and
    stays; /tmp and /dev/shm are the lab's own. docs/security.md says what each engine keeps apart, and what it does
    not. A lab may be used from any thread. When its engine dies every call raises `LabDied`.

    `lab.host` is the node for the lab's first namespace; `lab.link`, `lab.addr`, `lab.route`, `lab.neigh`,
    `lab.sysctl`, `lab.run` and `lab.ping` are that node's. `lab.netns.add("ns1")` makes others, `lab["ns1"]` finds
    them.

    Raises `EngineUnavailable`, `ToolMissing`, `ImageError`, `UnknownKind`, `BadParameter`.
    """

    def __init__(
        self, world: str | worlds.World = "host", *, kinds: Sequence[str] | None = None, engine: str | None = None
    ) -> None:
        self.world = worlds.world(world)
        chosen = choice.choose(kinds, engine)
        self.engine, self.why = chosen.name, chosen.why
        running, self.netns = engines.start(chosen.name, lambda _, name: Node(self, name))
        self.kernel, self.channel = running.kernel, running.channel
        self._end = weakref.finalize(self, running.close)
        self.host = self.netns.host
        self.link, self.addr, self.route = self.host.link, self.host.addr, self.host.route
        self.neigh, self.sysctl = self.host.neigh, self.host.sysctl
        self.run, self.ping = self.host.run, self.host.ping
        try:
            worlds.build(self.netns, self.world)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the lab with all that is in it. Doing it twice does no harm."""
        self._end()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        return self._end.alive and self.channel.alive

    def node(self, name: NetnsLike) -> Node:
        """The node of a namespace that exists: by its name; "" or "host" for the first. Raises `NotFound`."""
        return self.netns.node(name)

    def __getitem__(self, name: str) -> Node:
        return self.node(name)

    @property
    def nodes(self) -> list[Node]:
        """All nodes: the first namespace, then the named ones."""
        return self.netns.nodes

    def batch(self) -> AbstractContextManager[None]:
        """Verbs inside are sent without waiting for their answers: `ip -batch FILE`, which is worth it for many.

            with lab.batch():
                for i in range(100):
                    lab.link.add(f"d{i}", kind="bridge")

        They are done in their order. The first that is refused raises its error at the end, or before, at whatever
        needs an answer (`show`, `get`, `run`, `ping`, a look at the link that `add` gave): that waits for all that was
        sent. What came after the refused one is not done, and the transcript has what was done. Only verbs of the
        thread that opened it are in a batch. Raises what its verbs raise.
        """
        return self.channel.batch()

    def ping_matrix(self, nodes: Sequence[NetnsLike] | None = None, *, count: int = 1, timeout: float = 2.0) -> Matrix:
        """Ping from every node to every other's first address, all at once; the result draws a grid."""
        from . import ping

        return ping.matrix([self.node(n) for n in nodes] if nodes else self.nodes, count=count, timeout=timeout)

    def topology(self, *, stats: bool = False, settled: bool = False) -> Topology:
        """Everything as it is now: namespaces, links, addresses, routes, how they hang together; `stats`: the counters.

        The kernel looks about once a second which links have got or lost their carrier (`net/core/link_watch.c`), so a
        link that was just set up can still be shown as down. `settled` waits for that, 1.5 seconds at most.
        """
        from ..topology import topology

        return (topology.read_settled if settled else topology.read)(self.netns, stats=stats)

    def draw(self, **how: Unpack[How]) -> Picture:
        """The topology as it is now, drawn; see `diagram.draw` for `focus`, `layers`, `highlight`, `stats`, `theme`."""
        return self.topology(stats=bool(how.get("stats")), settled=True).draw(**how)

    def panel(self) -> Panel:
        """A live view: the picture, links to set up and down, counters, and what changes in `ip monitor`'s words.

        It follows the kernel's notifications, whoever made a change. Raises `LabDied`.
        """
        from .panel import Panel

        return Panel(self)

    def capture(self, *where: Where, filter: str = "") -> Capture:
        """Record frames until the end of a `with`: `tcpdump -i any FILTER` in every namespace at once.

        `where` names links or namespaces as in `draw(focus=…)`; without it all are recorded, also those that are made
        meanwhile. `filter` is written as for tcpdump (pcap-filter(7)).

        Raises `NotFound`, `BadParameter`, `ToolMissing`.
        """
        from .capture import Capture

        return Capture(self.netns, where, filter)

    @property
    def transcript(self) -> str:
        """A shell script that does all that was done in this lab by verbs and `run`; in an empty lab it makes the same.

        Not in it: what was typed in a terminal (`vnetlearn shell`), and random numbers, as in MACs that nobody gave.
        """
        return "\n".join(["#!/bin/sh", f"# world: {self.world.name}", *self.netns.written, ""])

    def __repr__(self) -> str:
        state = f"kernel {self.kernel}; {self.why}" if self.alive else "it has ended"
        lines = [f"Lab on {self.engine}: {state}", f"World {self.world.name}: {self.world.says}"]
        for machine in self.world.machines:
            lines.append(f"  {machine.netns or 'host':10} eth0 {machine.address:18} {machine.says}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        text = "<br>".join(map(texts.markup, repr(self).split("\n")))
        if not self.alive:
            return text
        return f"<div>{text}</div>{self.draw().svg}"
