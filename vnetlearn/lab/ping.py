"""Reachability and round-trip times, as ping(8) finds them out, with the reason when nothing came."""

from __future__ import annotations

import ipaddress
import shlex
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from .. import texts
from ..display.amounts import milliseconds
from ..display.grid import Cell, Grid
from ..engine.agent.echo import Came, Request
from ..engine.channel import AgentRefused
from ..engine.program import no_namespace
from ..errors import BadParameter, KernelRefused
from ..iproute.netns import Node
from ..journey import ladder, lookups
from .icmp import words

if TYPE_CHECKING:
    from ..journey.journey import Journey

TRIES = 3  # where nothing left since the kernel had asked for the next hop before, and did not ask again


@dataclass(frozen=True)
class Ping:
    """What came of `sent` echo requests from node `source` to `target`.

    `times` are the round-trip times in milliseconds by sequence number, None where no reply came. `reason` says why
    nothing came at all ("" when something did); `reports` are the ICMP errors that arrived: (from whom, what).
    """

    source: str
    target: str
    times: tuple[float | None, ...]
    reason: str = ""
    reports: tuple[tuple[str, str], ...] = ()
    duplicates: int = 0
    journey: Journey | None = field(default=None, compare=False)
    """The way of the first request and of its answer, where it was asked for."""

    @property
    def sent(self) -> int:
        return len(self.times)

    @property
    def replies(self) -> tuple[float, ...]:
        """The round-trip times of those that came back, in milliseconds."""
        return tuple(t for t in self.times if t is not None)

    @property
    def received(self) -> int:
        return len(self.replies)

    @property
    def ok(self) -> bool:
        """Whether at least one reply came."""
        return self.received > 0

    @property
    def loss(self) -> float:
        """Lost requests, in percent of those sent."""
        return 100.0 * (self.sent - self.received) / self.sent if self.sent else 100.0

    @property
    def min(self) -> float | None:
        return min(self.replies, default=None)

    @property
    def avg(self) -> float | None:
        return statistics.fmean(self.replies) if self.replies else None

    @property
    def max(self) -> float | None:
        return max(self.replies, default=None)

    @property
    def mdev(self) -> float | None:
        """ping's mdev: the population standard deviation of the times, in milliseconds."""
        return statistics.pstdev(self.replies) if self.replies else None

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        said = texts.lines(self._said())
        return f"{said}\n{self.journey!r}" if self.journey is not None else said

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        if self.journey is None:
            return {"text/plain": repr(self)}
        head = texts.markup_lines(self._said())
        return {"text/html": f"<pre>{head}</pre>{ladder.html(self.journey)}", "text/plain": repr(self)}

    def _said(self) -> str:
        way = f"{texts.line(self.source) or 'host'} → {self.target}"
        head = f"{way}: {self.received} of {self.sent} answered, {self.loss:.0f}% loss"
        figures = [milliseconds(one) for one in (self.min, self.avg, self.max, self.mdev) if one is not None]
        return f"{head}\n  rtt min/avg/max/mdev = {'/'.join(figures)} ms" if self.ok else f"{head}\n  {self.reason}"

    def cell(self) -> Cell:
        return Cell(self.ok, f"{milliseconds(self.avg, 2)} ms" if self.avg is not None else "", self.reason)


def ping(
    node: Node,
    target: str | Node,
    *,
    count: int | None,
    interval: float,
    timeout: float,
    size: int,
    dev: str | None,
    journey: bool = False,
) -> Ping:
    from ..journey.journey import of_ping

    if not journey:
        return _all([_asked(node, target, 3 if count is None else count, interval, timeout, size, dev=dev)])[0]
    from .capture import Capture

    for _ in range(TRIES):
        with Capture(node.netns) as cap:
            asked = _asked(node, target, 1 if count is None else count, interval, timeout, size, dev=dev)
            (done,) = _all([asked])
        found = of_ping(cap, node, asked.target)
        if found.hops or not lookups.given_up(node, asked.target):
            break
    return replace(done, journey=found)


class Asked(NamedTuple):
    """One ping that is to be sent: from which node, the target as it was given, ping's command, and for the agent."""

    node: Node
    target: str
    command: str
    request: Request


def _asked(
    node: Node,
    target: str | Node,
    count: int,
    interval: float,
    timeout: float,
    size: int,
    *,
    dev: str | None = None,
    pattern: str = "",
) -> Asked:
    given = target if isinstance(target, str) else first_address(target)
    # -n: no names; -W in seconds; an interval below 0.002 s is for floods only, which ping refuses by itself
    options = {
        "-c": count,
        "-i": interval,
        "-W": timeout,
        "-s": size,
        **({"-I": dev} if dev else {}),
        **({"-p": pattern} if pattern else {}),
    }
    command = " ".join(["ping", "-n", *(str(x) for option in options.items() for x in option), "--", given])
    limits = ((count, 1, 1 << 31), (interval, 0.002, 1e6), (timeout, 1e-6, 1e6), (size, 0, 65507))
    if not all(isinstance(value, (int, float)) and low <= value <= high for value, low, high in limits):
        raise BadParameter(
            command,
            "a number is missing or outside of its limits",
            "count is at least 1, interval at least 0.002 s, timeout above 0 s, size from 0 to 65507 bytes",
            "node.ping(target, count=3, interval=0.2, timeout=1, size=56)",
        )
    if dev is not None:
        node.link.index(dev, node.spell(["link", "show", "dev", dev]))
    request = Request(
        netns=node.name,
        addresses=_addresses(node, given, command),
        count=count,
        interval=interval,
        timeout=timeout,
        size=size,
        dev=dev or "",
        pattern=pattern,
    )
    return Asked(node, given, command, request)


def _addresses(node: Node, target: str, command: str) -> list[str]:
    """The target, when it is an address; else what its name stands for here: `getent ahosts NAME`."""
    try:
        ipaddress.ip_address(target.partition("%")[0])
        return [target]
    except ValueError:
        asked = ["getent", "ahosts", "--", target]
        found = list(dict.fromkeys(line.split()[0] for line in node.ask(asked).stdout.splitlines() if line))
        if not found:
            raise _nonsense(command, f"{shlex.join(asked)} finds nothing") from None
        return found


def _nonsense(command: str, said: str) -> BadParameter:
    """A target that is no address and no name is a mistake, not a loss."""
    return BadParameter(
        command,
        said,
        "the target is neither an address nor a name that this lab can look up (a lab has no DNS)",
        "give an address, or a node: ns1.ping(ns2)",
    )


def _all(asked: Sequence[Asked]) -> list[Ping]:
    """Send them all at the same time: what came of each."""
    if not asked:
        return []
    try:
        came = asked[0].node.channel.ping([one.request for one in asked])
    except AgentRefused as error:
        if error.netns is None:
            raise
        raise no_namespace(asked[0].node.spell_run(asked[0].command), error.netns) from None
    return [_finished(one, result) for one, result in zip(asked, came, strict=True)]


def _finished(asked: Asked, came: Came) -> Ping:
    if not came["known"]:
        raise _nonsense(asked.command, f"ping: {asked.target}: Name or service not known")
    unsent = [None] * (asked.request["count"] - len(came["times"]))
    reports = tuple(dict.fromkeys((who, words(came["address"], *what)) for who, *what in came["reports"]))
    answered = any(t is not None for t in came["times"])
    reason = "" if answered else _reason(asked.node, asked.request["dev"], came["address"], came["said"], reports)
    return Ping(asked.node.name, asked.target, (*came["times"], *unsent), reason, reports, came["duplicates"])


def _reason(node: Node, dev: str, address: str, said: str, reports: Sequence[tuple[str, str]]) -> str:
    """Why nothing came: what others reported, else what this namespace's own routes and neighbours say."""
    try:
        route = node.route.get(address)
    except KernelRefused as error:
        return lookups.refusal(node, address, error)
    # Out of another link than the route's it is sent to its target itself.
    hop, out = (route.via or address, route.dev) if dev in ("", route.dev) else (address, dev)
    own = {addr.local for addr in node.addr.show()} if reports else set()
    for who, what in reports:
        if who not in own:
            return f"{what}, says {who}"
    unresolved, neigh = lookups.unresolved(node, hop, out)
    if unresolved:
        return unresolved
    if said:
        return f"{said} (on {out})"
    if lost := lookups.answer_lost(node.netns, node, address, route.src):
        return lost
    if neigh is not None and neigh.lladdr:
        return f"sent to {neigh.lladdr} on {out}, no reply came back"
    return f"sent on {out}, no reply came back"


def first_address(node: Node) -> str:
    """A node's first IPv4 address on a link other than the loopback, else IPv6. Raises `BadParameter`."""
    usable = [a for a in node.addr.show() if a.dev != "lo" and a.scope == "global"]
    for family in ("inet", "inet6"):
        for addr in usable:
            if addr.family == family:
                return addr.local
    raise BadParameter(
        f"ping {node.name or 'host'}",
        "it has no address to ping",
        "no link but the loopback has one",
        f"ip -n {node.name} addr add …" if node.name else "ip addr add …",
    )


@dataclass(frozen=True)
class Matrix:
    """All pairs: `matrix["ns1", "ns2"]` is the `Ping` from the first to the second."""

    names: tuple[str, ...]
    pings: dict[tuple[str, str], Ping]

    def __getitem__(self, pair: tuple[str, str]) -> Ping:
        return self.pings[pair]

    def grid(self) -> Grid:
        own = Cell(None)
        cells = [[self.pings[a, b].cell() if (a, b) in self.pings else own for b in self.names] for a in self.names]
        return Grid("from ↓  to →", self.names, self.names, cells)

    def __repr__(self) -> str:
        return repr(self.grid())

    def _repr_html_(self) -> str:
        return self.grid()._repr_html_()


def matrix(nodes: Sequence[Node], *, count: int = 1, timeout: float = 1.0) -> Matrix:
    """Pings between all nodes that have an address, at once; each counts as reached when one reply comes."""
    addressed: dict[str, tuple[Node, str]] = {}
    for node in nodes:
        try:
            addressed[node.name or "host"] = (node, first_address(node))
        except BadParameter:
            continue
    jobs = {
        (a, b): (node, address) for a, (node, _) in addressed.items() for b, (_, address) in addressed.items() if a != b
    }
    return Matrix(
        tuple(addressed), dict(zip(jobs, many(list(jobs.values()), count=count, timeout=timeout), strict=True))
    )


def many(
    pairs: Sequence[tuple[Node, str]],
    *,
    count: int = 1,
    timeout: float = 1.0,
    interval: float = 0.2,
    patterns: Sequence[str] = (),
    sizes: Sequence[int] = (),
) -> list[Ping]:
    """Several pings at the same time, (node, target) each; their results in the same order.

    `patterns` are what each carries, in hexadecimal, at most 16 bytes: `ping -p PATTERN`; `sizes` how many bytes.
    """
    carried = zip(pairs, patterns or [""] * len(pairs), sizes or [56] * len(pairs), strict=True)
    return _all(
        [
            _asked(node, target, count, interval, timeout, size, pattern=pattern)
            for (node, target), pattern, size in carried
        ]
    )
