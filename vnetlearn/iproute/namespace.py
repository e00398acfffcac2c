"""One network namespace of a lab, as verbs need it: requests to its kernel, its programs, how a command is spelled."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from .. import texts
from ..engine import program
from ..engine.batch import Pending
from ..engine.channel import AgentRefused, Channel
from ..engine.program import Program, Result
from ..errors import CommandFailed, NotFound, VnetlearnError
from . import netlink
from .netlink import Draft, Message, Requests, Told
from .refusals import explain

T = TypeVar("T")
NO_LINK = (errno.ENODEV, errno.ERANGE, errno.EINVAL)  # what the kernel says when no link can have that name


class Namespace:
    """A namespace by its name; "" is the lab's first one. `wrote` is told of each command that changed something."""

    def __init__(self, channel: Channel, name: str, wrote: Callable[[str], None]) -> None:
        self.channel, self.name, self.wrote = channel, name, wrote

    def other(self, netns: NetnsLike) -> Namespace:
        """Another one of the same lab, as it is named in a command (`1`: the first); it need not be there."""
        name = netns if isinstance(netns, str) else netns.name
        return Namespace(self.channel, "" if name == FIRST else name, self.wrote)

    # Programs

    def start(
        self,
        command: str | Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        tty: tuple[int, int] | None = None,
    ) -> Program:
        """Start a program (a list; `tty` gives it a terminal of (rows, columns)) or shell text; come back at once."""
        return Program(self.channel, command, self.name, dict(env or {}), tty)

    def ask(self, argv: Sequence[str]) -> Result:
        """Run a program of the verbs themselves to its end: nothing is shown, or written into the transcript."""
        return program.run(self.start(argv), texts.command(argv), show=False)

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
        self.wrote(tried)

    # How a command is written

    def spell(self, words: Iterable[str]) -> str:
        """The command that `words` are in this namespace: `ip link …` is `ip -n NAME link …`."""
        line = texts.command(words)
        if line.startswith("sysctl "):
            return self.spell_run(line)
        return f"ip -n {texts.word(self.name)} {line}" if self.name else f"ip {line}"

    def spell_run(self, line: str, input: str = "", env: Mapping[str, str] | None = None) -> str:
        """The shell line that runs a command in this namespace, with its standard input and environment."""
        if self.name:
            line = f"ip netns exec {texts.word(self.name)} {line}"
        if env:
            line = f"env {texts.command(f'{name}={value}' for name, value in env.items())} {line}"
        return f"printf %s {texts.word(input)} | {line}" if input else line

    # Requests to the kernel

    def change(
        self,
        words: list[str],
        kind: int,
        message: Draft,
        flags: int,
        *,
        first: Requests = (),
        then: Requests = (),
        read: Callable[[Told], T] = lambda told: told,  # type: ignore[assignment,return-value]
        refused: Callable[[VnetlearnError, Told], None] = lambda error, told: None,
    ) -> Pending[T]:
        """Ask the kernel for a change that `ip WORDS` would make, and note it down.

        In the same round trip go questions of what there was before (`first`) and of what there is now (`then`); `read`
        makes the result of what was told. When it was refused, `refused` is called with the error that is going to be
        raised: `KernelRefused`, or `NotFound` for a link or a namespace that the message names.
        """
        tried = self.spell(words)
        row = netlink.Row([*first, (self.name, netlink.encode(kind, message, flags)), *then])

        def answered(answer: bytes | AgentRefused) -> T:
            try:
                told = self._explained(row, answer, words, tried)
            except VnetlearnError as error:
                before = error.__context__
                refused(error, before.told if isinstance(before, netlink.Refused) else Told())
                raise
            self.wrote(tried)
            return read(told)

        return self.channel.change_row(row.asks, answered)

    def told(self, requests: Requests, *, words: list[str] | None = None, tried: str = "") -> Told:
        """Send requests, until one is refused. Raises `LabDied`, and `NotFound` for what they name.

        A refusal is a `KernelRefused` for what `ip WORDS` would ask, and `Refused` without them. `tried` is the command
        that names other namespaces or links.
        """
        row = netlink.Row(requests)
        answer = self.channel.netlink_rows([row.asks])[0]
        return self._explained(row, answer, words, tried or (self.spell(words) if words else ""))

    def _explained(self, row: netlink.Row, answer: bytes | AgentRefused, words: list[str] | None, tried: str) -> Told:
        try:
            return row.read(answer)
        except netlink.Refused as error:
            if error.link and error.errno in NO_LINK:
                raise self.missing(error.link, tried) from None
            if words is None:
                raise
            raise explain(tried, words, error.errno or 0, error.extack) from None
        except AgentRefused as error:
            if error.netns and error.netns != self.name:  # one that a message names
                raise program.no_namespace(tried, error.netns) from None
            if error.netns:
                raise program.no_namespace(f"ip -n {texts.word(self.name)} …", self.name) from None
            raise explain(tried or self.spell(["…"]), words or [], error.errno or 0, "") from None

    def request(self, kind: int, message: Draft | Message, flags: int = 0) -> list[Message]:
        """The answers to one request, as pyroute2 decodes them."""
        return [netlink.decode(one) for one in self.answers(kind, message, flags)]

    def dump(self, kind: int, message: Draft | Message) -> list[Message]:
        """All that the kernel has of a kind, as pyroute2 decodes it."""
        return self.request(kind, message, netlink.DUMP)

    def answers(self, kind: int, message: Draft | Message, flags: int = 0) -> list[bytes]:
        """The answers to one request."""
        return self.told([(self.name, netlink.encode(kind, message, flags))]).answers[0]

    def missing(self, link: str, tried: str) -> NotFound:
        """The error for a link that is not here."""
        told = self.told([(self.name, netlink.ALL_LINKS)])
        there = texts.line(", ".join(map(netlink.ifname, told.answers[0]))) or "no link at all"
        where = f"namespace '{texts.line(self.name)}'" if self.name else "the lab's first namespace"
        return NotFound(
            tried,
            f'Cannot find device "{link}"',
            f"{where} has {there}",
            "check the name, and in which namespace the link is",
        )


NetnsLike: TypeAlias = str | Namespace
"""A namespace where one is meant: its name, as in `ip`, or the node itself."""
FIRST = "1"  # how `ip` names the lab's first namespace: it is that of the process with this number


def netns_word(netns: NetnsLike) -> str:
    """How a namespace is named in a command; the first one is that of process 1."""
    return (netns if isinstance(netns, str) else netns.name) or FIRST
