"""What a check looks at: how each namespace is set up, and pings with every frame that they became."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..capture.capture import Frame
from ..engine import program
from ..engine.program import Program, Result
from ..errors import KernelRefused
from ..iproute.namespace import Namespace
from ..iproute.neigh import Neighs
from ..lab.lab import Lab, Node
from ..lab.ping import Ping, many
from .setup import Change, NetnsSetup, Now, State

ANSWER_SECONDS = 1.0  # until the last reply
# The same where a link answers ARP for others: it waits up to 0.8 s each time (proxy_delay of arp(7)).
PROXIED_SECONDS = 2.5
CONNECT_SECONDS = 2
CALL_SECONDS = 6  # until all has been read
SYN, ACK = 0x02, 0x10
PROXYING = ("net/ipv4/conf/*/proxy_arp", "net/ipv4/conf/*/proxy_arp_pvlan")


class Probe(NamedTuple):
    """A ping to look at: from which namespace, to which address, with how many bytes."""

    source: str
    address: str
    size: int = 56


class Call(NamedTuple):
    """A TCP connection to look at: from which namespace, to which address and port."""

    source: str
    address: str
    port: int

    @property
    def words(self) -> str:
        """How busybox calls there."""
        return f"nc -w {CONNECT_SECONDS} {self.address} {self.port}"


Ask = Probe | Call


@dataclass(frozen=True)
class Talk:
    """What came of a call: the bytes, the namespace that the first SYN-ACK came out of, the words of who called."""

    count: int
    answerer: str | None
    said: str


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
    """All that a check needs, observed at once: what is asked runs at the same time, under one capture.

    What namespaces have learned of their neighbours is forgotten before (`ip neigh flush all`), so that the answers
    are about the lab as it is now.
    """

    def __init__(self, lab: Lab, start: State, now: Now, asks: Iterable[Ask]) -> None:
        self.lab, self.start, self._now = lab, start, now
        self.nodes = {name: lab.netns.named(name) for name in now.setups}
        for node in self.nodes.values():
            _forget(node)
        here = [one for one in dict.fromkeys(asks) if one.source in self.nodes]
        asked = [one for one in here if isinstance(one, Probe)]
        marks = [secrets.token_bytes(16) for _ in asked]
        with lab.capture() as capture:
            begun = {one: self._call(one) for one in here if isinstance(one, Call)}
            answers = many(
                [(self.nodes[one.source], one.address) for one in asked],
                count=2,
                timeout=self._patience(),
                patterns=[mark.hex() for mark in marks],
                sizes=[one.size for one in asked],
            )
            called = {one: program.run(calling, "", show=False) for one, calling in begun.items()}
        self.frames: tuple[Frame, ...] = capture.frames
        self.walks = {
            one: _walk(ping, [frame for frame in self.frames if mark in frame.data])
            for one, ping, mark in zip(asked, answers, marks, strict=True)
        }
        self.talks = {one: _talk(one, result, self.frames) for one, result in called.items()}

    def changes(self, netns: str) -> tuple[Change, ...]:
        """What is set up otherwise in a namespace than at the start."""
        if netns not in self.nodes:
            return (Change(NetnsSetup(netns), None),)
        return self.start.changes(netns, self._now.setups[netns], self._now.settings[netns])

    def _call(self, call: Call) -> Program:
        words = f"timeout {CALL_SECONDS} busybox {call.words} </dev/null"
        return self.nodes[call.source].start(["sh", "-c", words])

    def _patience(self) -> float:
        found = self.lab.channel.sysctls(list(self.nodes), PROXYING)
        proxied = any(value != "0" for settings in found.values() for value in settings.values())
        return PROXIED_SECONDS if proxied else ANSWER_SECONDS


def _forget(node: Node) -> None:
    """`ip neigh flush all`; it is no line of the learner's transcript."""
    neighs = Neighs(Namespace(node.channel, node.name, lambda line: None))
    for one in neighs.show():
        if one.state != "PERMANENT":
            with suppress(KernelRefused):  # it has gone by itself meanwhile
                neighs.delete(one.dst, dev=one.dev)


def _talk(call: Call, result: Result, frames: Sequence[Frame]) -> Talk:
    """A SYN-ACK acknowledges the caller's number (RFC 9293, 3.4), and no NAT changes that.

    A SYN that was first seen in the caller's namespace is its own. Where a NAT on the way out changed what it is sent
    to, any of its own may be this call's.
    """
    from scapy.layers.inet import TCP

    segments = [(frame, frame.packet[TCP]) for frame in frames if TCP in frame.packet]
    first: dict[int, tuple[Frame, Any]] = {}
    for frame, tcp in segments:
        if tcp.flags & (SYN | ACK) == SYN:
            first.setdefault((tcp.seq + 1) % (1 << 32), (frame, tcp))
    own = {number: tcp for number, (frame, tcp) in first.items() if frame.netns == call.source}
    to = {number for number, tcp in own.items() if (tcp.underlayer.dst, tcp.dport) == (call.address, call.port)}
    answers = (f.netns for f, tcp in segments if tcp.flags & (SYN | ACK) == SYN | ACK and tcp.ack in (to or own))
    return Talk(len(result.stdout), next(answers, None), result.stderr.strip().rpartition(": ")[2])


def _walk(ping: Ping, frames: Sequence[Frame]) -> Walk:
    from scapy.layers.inet import ICMP

    kinds = [(frame.packet[ICMP].type if ICMP in frame.packet else None, frame) for frame in frames]
    return Walk(ping, tuple(f for kind, f in kinds if kind == 8), tuple(f for kind, f in kinds if kind == 0))
