"""A lab: a little world of network namespaces on a real kernel, and the handle that a learner has on it."""

from __future__ import annotations

import html
import re
import shlex
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..display.table import Table
from ..engine import program
from ..engine.channel import AgentRefused
from ..engine.program import Program, Result
from ..errors import CommandFailed
from ..iproute import Addrs, Links, Neighs, Routes, Sysctl, checks, netlink
from ..iproute.refusals import explain
from . import choice
from . import world as worlds

if TYPE_CHECKING:
    from ..capture.capture import Capture
    from ..display.picture import Picture
    from ..topology.topology import Topology
    from .panel import Panel
    from .ping import Matrix, Ping

# LD_PRELOADed, as stdbuf(1) does it: programs write line by line, as they would to a terminal.
# Shell text that means the same in the middle of a transcript; other text gets a shell of its own there.
PLAIN = re.compile(r"(ip|bridge|tc|sysctl|ifconfig|ethtool|ping) [\w ./:@%+,=-]+")
LINE_BY_LINE = ["stdbuf", "-oL"]


class Node:
    """One namespace of a lab: `link`, `addr`, `route`, `neigh` and `sysctl` as `ip` and `sysctl` have them, and programs."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name
        self.link, self.addr, self.route = Links(self), Addrs(self), Routes(self)
        self.neigh, self.sysctl = Neighs(self), Sysctl(self)
        self.rtnl = netlink.Rtnl(lab.channel, name)

    def run(
        self,
        command: str | Sequence[str],
        *,
        check: bool = False,
        input: str = "",
        quiet: bool = False,
        env: dict[str, str] | None = None,
    ) -> Result:
        """Run shell text (a string, by bash) or one program (a list) here: `ip netns exec NAME …`.

        What it writes is shown as it comes, unless `quiet`, and is in the result too. `input` is its standard input.
        With `check`, a status other than 0 raises `CommandFailed`. An interrupt goes to the program. Raises
        `ToolMissing`, `NotFound` when the namespace is gone, `LabDied`.
        """
        text = command if isinstance(command, str) else shlex.join(command)
        argv = [*LINE_BY_LINE, "bash", "-c", text] if isinstance(command, str) else list(command)
        started = self.start(argv, env=env)
        plain = not isinstance(command, str) or PLAIN.fullmatch(text)
        self.lab.wrote(self.spell_run(text if plain else f"bash -c {shlex.quote(text)}", input, env))
        result = program.run(started, text, input=input.encode(), show=not quiet)
        return result.check() if check else result

    def ask(self, argv: Sequence[str]) -> Result:
        """As `run`, for a program of the verbs themselves: nothing is shown, or written into the transcript."""
        return program.run(self.start(argv), shlex.join(argv), show=False)

    def start(
        self, argv: Sequence[str], *, env: dict[str, str] | None = None, tty: tuple[int, int] | None = None
    ) -> Program:
        """Start a program here and come back at once; `tty` gives it a terminal of (rows, columns)."""
        return Program(self.lab.channel, argv, self.name, env or {}, tty)

    def ping(
        self,
        target: str | Node,
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

    def spell(self, words: Iterable[str]) -> str:
        """The command that `words` are in this namespace: `ip link …` is `ip -n NAME link …`."""
        line = shlex.join(words)
        if line.startswith("sysctl "):
            return self.spell_run(line)
        return f"ip -n {shlex.quote(self.name)} {line}" if self.name else f"ip {line}"

    def spell_run(self, line: str, input: str = "", env: dict[str, str] | None = None) -> str:
        """The shell line that runs a command in this namespace, with its standard input and environment."""
        if self.name:
            line = f"ip netns exec {shlex.quote(self.name)} {line}"
        if env:
            line = f"env {shlex.join(f'{name}={value}' for name, value in env.items())} {line}"
        return f"printf %s {shlex.quote(input)} | {line}" if input else line

    def other(self, netns: str | Node) -> Node:
        """Another one of the same lab, as it is named in a command (`1`: the first); it need not be there."""
        name = netns if isinstance(netns, str) else netns.name
        return Node(self.lab, "" if name == "1" else name)

    # For the verbs in `iproute`: requests to the kernel in this namespace.

    def change(self, words: list[str], kind: int, message: Any, flags: int) -> None:
        """Ask the kernel for a change that `ip WORDS` would make; put it into the transcript. Raises `KernelRefused`."""
        self.explained(words, kind, message, flags)
        self.lab.wrote(self.spell(words))

    def explained(self, words: list[str], kind: int, message: Any, flags: int) -> list[Any]:
        try:
            return self.request(kind, message, flags, tried=self.spell(words))
        except netlink.Refused as error:
            raise explain(self.spell(words), words, error.errno or 0, error.extack) from None

    def request(
        self,
        kind: int,
        message: Any,
        flags: int = netlink.ACK,
        read: Callable[[bytes], Any] = netlink.decode,
        tried: str = "",
    ) -> list[Any]:
        try:
            return self.rtnl.ask(kind, message, flags, read)
        except AgentRefused as error:
            if error.netns and error.netns != self.name:  # one that the message names
                raise program.no_namespace(tried, error.netns) from None
            if self.name:
                raise program.no_namespace(f"ip -n {self.name} …", self.name) from None
            raise error

    def dump(self, kind: int, message: Any) -> list[Any]:
        return self.request(kind, message, netlink.DUMP)

    def command(self, words: list[str]) -> None:
        """A change that only the real `ip` can make (tuntap). Raises `CommandFailed`."""
        tried = self.spell(words)
        result = self.ask(["ip", *words])
        said = result.stderr.strip()
        if "Permission denied" in said:
            raise CommandFailed(
                tried,
                said,
                "/dev/net/tun may be opened by root alone on this computer",
                "Lab(engine='vm') has a /dev/net/tun of its own",
                status=result.status,
            )
        if result.status:
            raise CommandFailed(
                tried,
                said,
                "the name is taken, or a value does not fit",
                f"ip link show; ip {words[0]} help",
                status=result.status,
            )
        self.lab.wrote(tried)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and (other.lab, other.name) == (self.lab, self.name)

    def __hash__(self) -> int:
        return hash((id(self.lab), self.name))

    def __repr__(self) -> str:
        return f"{self.name or 'host'}\n{self.link.show()!r}\n{self.addr.show()!r}"


@dataclass(frozen=True)
class Netns:
    """A namespace's name and its inode number, by which the kernel tells namespaces apart."""

    name: str
    inode: int

    COLUMNS = ("netns", "inode")

    def row(self) -> tuple[object, ...]:
        return (self.name, self.inode)


class Namespaces:
    """`lab.netns`: equal to `ip netns` in the lab."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def add(self, name: str) -> Node:
        """`ip netns add NAME`. Raises `BadParameter`, and `KernelRefused` when the name exists."""
        tried = f"ip netns add {name}"
        checks.check_netns(name, tried)
        try:
            self._lab.channel.netns_add(name)
        except AgentRefused as error:
            raise explain(tried, ["netns", "add"], error.errno or 0, "") from None
        self._lab.wrote(f"ip netns add {shlex.quote(name)}")
        return Node(self._lab, name)

    def delete(self, name: str | Node) -> None:
        """`ip netns delete NAME`: its links go too, unless something still runs in it. Raises `NotFound`."""
        name = name.name if isinstance(name, Node) else name
        try:
            self._lab.channel.netns_delete(checks.check_netns(name, f"ip netns delete {name}"))
        except AgentRefused:
            raise program.no_namespace(f"ip netns delete {name}", name) from None
        self._lab.wrote(f"ip netns delete {shlex.quote(name)}")

    def show(self) -> Table[Netns]:
        """`ip netns list`."""
        return Table(Netns(name, inode) for name, inode in self._lab.channel.netns_list().items())

    def __getitem__(self, name: str) -> Node:
        return self._lab.node(name)

    def __contains__(self, name: object) -> bool:
        return any(one.name == name for one in self.show())

    def __iter__(self) -> Iterator[Node]:
        return (Node(self._lab, one.name) for one in self.show())

    def __repr__(self) -> str:
        return repr(self.show())


class Lab:
    """A world of network namespaces on a real kernel, apart from the computer's own network.

    `world` is "host" (one machine on a LAN), "two-hosts" or "empty". `kinds` are the device types that you want to
    use (all by default): when the running kernel can create them the lab stands on it (engine `host`), else it
    brings a kernel of its own (engine `vm`). `engine` or the environment variable VNETLEARN_ENGINE decide otherwise.

    What a lab promises: nothing in it touches the computer's own links, routes, sysctls or /run/netns, and nothing of
    it survives `close`, the end of a `with`, or the end of this process, even by `kill -9`. It may be used from any
    thread. When its engine dies every call raises `LabDied`.

    `lab.host` is the node for the lab's first namespace; `lab.link`, `lab.addr`, `lab.route`, `lab.neigh`,
    `lab.sysctl`, `lab.run` and `lab.ping` are that node's. `lab.netns.add("ns1")` makes others, `lab["ns1"]` finds them.

    Raises `EngineUnavailable`, `ToolMissing`, `ImageError`, `UnknownKind`, `BadParameter`.
    """

    unseen, home = (), "host"  # for topology.read: nothing in a lab is hidden

    def __init__(
        self, world: str | worlds.World = "host", *, kinds: Sequence[str] | None = None, engine: str | None = None
    ) -> None:
        self.world = worlds.world(world)
        chosen = choice.choose(kinds, engine)
        self.engine, self.why = chosen.name, chosen.why
        running = chosen.engine.start()
        self.channel, self.kernel = running.channel, running.kernel
        self._end = weakref.finalize(self, running.close)
        self._transcript, self._lock = list[str](), threading.Lock()
        try:
            self.host, self.netns = Node(self, ""), Namespaces(self)
            self.link, self.addr, self.route = self.host.link, self.host.addr, self.host.route
            self.neigh, self.sysctl = self.host.neigh, self.host.sysctl
            worlds.build(self, self.world)
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

    def node(self, name: str | Node) -> Node:
        """The node of a namespace that exists: by its name; "" or "host" for the first. Raises `NotFound`."""
        if isinstance(name, Node):
            return name
        if name in ("", "1") or (name == "host" and name not in self.netns):  # 1 is the lab's first process, as for ip
            return self.host
        if name not in self.netns:
            raise program.no_namespace(f"ip -n {name} …", name)
        return Node(self, name)

    def __getitem__(self, name: str) -> Node:
        return self.node(name)

    @property
    def nodes(self) -> list[Node]:
        """All nodes: the first namespace, then the named ones."""
        return [self.host, *self.netns]

    def run(self, command: str | Sequence[str], **how: Any) -> Result:
        """`lab.host.run`: shell text in the lab's first namespace, as in a terminal on that machine."""
        return self.host.run(command, **how)

    def ping(self, target: str | Node, **how: Any) -> Ping:
        """`lab.host.ping`."""
        return self.host.ping(target, **how)

    def ping_matrix(self, nodes: Sequence[str | Node] | None = None, **how: Any) -> Matrix:
        """Ping from every node to every other's first address, all at once; the result draws a grid."""
        from . import ping

        return ping.matrix([self.node(n) for n in nodes] if nodes else self.nodes, **how)

    def topology(self, *, stats: bool = False, settled: bool = False) -> Topology:
        """Everything as it is now: namespaces, links, addresses, routes, how they hang together; with `stats` the counters.

        The kernel looks about once a second which links have got or lost their carrier (`net/core/link_watch.c`), so a link
        that was just set up can still be shown as down. `settled` waits for that, 1.5 seconds at most.
        """
        from ..topology import topology

        return (topology.read_settled if settled else topology.read)(self, stats=stats)

    def draw(self, **how: Any) -> Picture:
        """The topology as it is now, drawn; see `diagram.draw` for `focus`, `layers`, `highlight`, `stats`, `theme`."""
        return self.topology(stats=bool(how.get("stats")), settled=True).draw(**how)

    def panel(self) -> Panel:
        """A live view: the picture, links to set up and down, counters, and what changes in `ip monitor`'s words.

        It follows the kernel's notifications, whoever made a change. Raises `LabDied`.
        """
        from .panel import Panel

        return Panel(self)

    def capture(self, *where: Any, filter: str = "") -> Capture:
        """Record frames until the end of a `with`: `tcpdump -i any FILTER` in every namespace at once.

        `where` names links or namespaces as in `draw(focus=…)`; without it all are recorded, also those that are made
        meanwhile. `filter` is written as for tcpdump (pcap-filter(7)). Raises `NotFound`, `BadParameter`, `ToolMissing`.
        """
        from ..capture.capture import Capture

        return Capture(self, where, filter)

    @property
    def transcript(self) -> str:
        """A shell script that does all that was done in this lab by verbs and `run`; in an empty lab it makes the same.

        Not in it: what was typed in a terminal (`vnetlearn shell`), and random numbers, as in MACs that nobody gave.
        """
        with self._lock:
            return "\n".join(["#!/bin/sh", f"# world: {self.world.name}", *self._transcript, ""])

    def wrote(self, line: str) -> None:
        with self._lock:
            self._transcript.append(line)

    def __repr__(self) -> str:
        state = f"kernel {self.kernel}; {self.why}" if self.alive else "it has ended"
        lines = [f"Lab on {self.engine}: {state}", f"World {self.world.name}: {self.world.says}"]
        for machine in self.world.machines:
            lines.append(f"  {machine.netns or 'host':10} eth0 {machine.address:18} {machine.says}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        text = "<br>".join(html.escape(line) for line in repr(self).splitlines())
        if not self.alive:
            return text
        return f"<div>{text}</div>{self.draw().svg}"
