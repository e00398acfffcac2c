"""`ip netns`: the namespaces of a lab, each a node with `ip`'s objects and verbs."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar, cast

from .. import texts
from ..display.table import Table
from ..engine import program
from ..engine.channel import AgentRefused, Channel
from ..engine.program import Result
from . import checks
from .addr import Addrs
from .link import Links
from .namespace import FIRST, Namespace, NetnsLike
from .neigh import Neighs
from .refusals import explain, explained
from .route import Routes
from .sysctl import Sysctl

# Shell text that means the same in the middle of a transcript; other text gets a shell of its own there.
PLAIN = re.compile(r"(ip|bridge|tc|sysctl|ifconfig|ethtool|ping) [\w ./:@%+,=-]+")


class Node(Namespace):
    """One namespace of a lab: `link`, `addr`, `route`, `neigh`, `sysctl`, as `ip` and sysctl(8) have them; programs."""

    def __init__(self, netns: Namespaces[Node], name: str) -> None:
        super().__init__(netns.channel, name, netns.wrote)
        self.netns = netns
        self.link, self.addr, self.route = Links(self), Addrs(self), Routes(self)
        self.neigh, self.sysctl = Neighs(self), Sysctl(self)

    def run(
        self,
        command: str | Sequence[str],
        *,
        check: bool = False,
        input: str = "",
        quiet: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Run shell text (a string, by bash) or one program (a list) here: `ip netns exec NAME …`.

        What it writes is shown as it comes, unless `quiet`, and is in the result too. `input` is its standard input.
        With `check`, a status other than 0 raises `CommandFailed`. An interrupt goes to the program. Raises
        `ToolMissing`, `BadParameter`, `KernelRefused` when it could not be started, `NotFound` when the namespace is
        gone, `LabDied`.
        """
        text = command if isinstance(command, str) else texts.command(command)
        started = self.start(command, env=env)
        plain = not isinstance(command, str) or PLAIN.fullmatch(text)
        self.wrote(self.spell_run(text if plain else f"bash -c {texts.word(text)}", input, env))
        result = program.run(started, text, input=texts.encoded(input), show=not quiet)
        return result.check() if check else result

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and (other.channel, other.name) == (self.channel, self.name)

    def __hash__(self) -> int:
        return hash((id(self.channel), self.name))

    def __repr__(self) -> str:
        return f"{texts.line(self.name) or 'host'}\n{self.link.show()!r}\n{self.addr.show()!r}"


@dataclass(frozen=True)
class Netns:
    """A namespace's name and its inode number, by which the kernel tells namespaces apart."""

    name: str
    inode: int

    COLUMNS = ("netns", "inode")

    def row(self) -> tuple[object, ...]:
        return (self.name, self.inode)


N = TypeVar("N", bound=Node, covariant=True)


class Namespaces(Generic[N]):
    """`lab.netns`: equal to `ip netns` in the lab.

    What verbs and programs did is kept as commands, for the lab's transcript.
    """

    unseen, home = (), "host"  # for a topology: nothing in a lab is hidden, and how its first namespace is called

    def __init__(self, channel: Channel, node: Callable[[Namespaces[Node], str], N]) -> None:
        """`node` makes the node of a namespace by its name."""
        self.channel, self._node = channel, node
        self._written, self._lock = list[str](), threading.Lock()

    @cached_property
    def host(self) -> N:
        """The node of the first namespace."""
        return self.named("")

    def add(self, name: str) -> N:
        """`ip netns add NAME`. Raises `BadParameter`, and `KernelRefused` when the name exists."""
        tried = f"ip netns add {texts.word(str(name))}"
        checks.check_new_netns(name, tried)

        def answered(error: AgentRefused | None) -> None:
            if error:
                raise explain(tried, ["netns", "add"], error.errno or 0, "")
            self.wrote(tried)

        self.channel.netns_add(name, answered)
        return self.named(name)

    def delete(self, name: NetnsLike) -> None:
        """`ip netns delete NAME`: its links go too, unless something still runs in it. Raises `NotFound`."""
        name = name.name if isinstance(name, Namespace) else name
        tried = f"ip netns delete {texts.word(str(name))}"
        gone = checks.check_netns(name, tried)

        def answered(error: AgentRefused | None) -> None:
            if error and error.netns is not None:
                raise program.no_namespace(tried, gone)
            if error:
                raise explain(tried, ["netns", "delete"], error.errno or 0, "")
            self.wrote(tried)

        self.channel.netns_delete(gone, answered)

    def show(self) -> Table[Netns]:
        """`ip netns list`."""
        with explained("ip netns list"):
            return Table(Netns(name, inode) for name, inode in self.channel.netns_list().items())

    def node(self, name: NetnsLike) -> N:
        """The node of a namespace that exists: by its name; "" or "host" for the first. Raises `NotFound`."""
        if isinstance(name, Node):
            return cast(N, name)
        if isinstance(name, Namespace):
            return self.named(name.name)
        if name in ("", FIRST) or (name == self.home and name not in self):
            return self.host
        if name not in self:
            raise program.no_namespace(f"ip -n {texts.word(str(name))} …", str(name))
        return self.named(name)

    def named(self, name: str) -> N:
        """The node of a namespace by its exact name, whether it is there or not."""
        return self._node(self, name)

    @property
    def nodes(self) -> list[N]:
        """All nodes: the first namespace, then the named ones."""
        return [self.host, *self]

    @property
    def names(self) -> list[str]:
        """The namespaces' names; "" is the first one's."""
        return ["", *(one.name for one in self.show())]

    def __getitem__(self, name: str) -> N:
        return self.node(name)

    def __contains__(self, name: object) -> bool:
        return any(one.name == name for one in self.show())

    def __iter__(self) -> Iterator[N]:
        return (self.named(one.name) for one in self.show())

    def __repr__(self) -> str:
        return repr(self.show())

    # The transcript

    def wrote(self, line: str) -> None:
        """Keep a command that was done."""
        with self._lock:
            self._written.append(line)

    @property
    def written(self) -> list[str]:
        """The commands that were done, in their order."""
        with self._lock:
            return list(self._written)
