"""One network namespace of a lab, as verbs need it: requests to its kernel, its programs, how a command is spelled."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, TypeVar, overload

from ..engine import program
from ..engine.channel import AgentRefused, Channel
from ..engine.program import Program, Result
from ..errors import CommandFailed
from . import netlink
from .refusals import explain

T = TypeVar("T")


class Namespace:
    """A namespace by its name; "" is the lab's first one. `wrote` is told of each command that changed something."""

    def __init__(self, channel: Channel, name: str, wrote: Callable[[str], None]) -> None:
        self.channel, self.name, self.wrote = channel, name, wrote
        self.rtnl = netlink.Rtnl(channel, name)

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
        return program.run(self.start(argv), shlex.join(argv), show=False)

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
        line = shlex.join(words)
        if line.startswith("sysctl "):
            return self.spell_run(line)
        return f"ip -n {shlex.quote(self.name)} {line}" if self.name else f"ip {line}"

    def spell_run(self, line: str, input: str = "", env: Mapping[str, str] | None = None) -> str:
        """The shell line that runs a command in this namespace, with its standard input and environment."""
        if self.name:
            line = f"ip netns exec {shlex.quote(self.name)} {line}"
        if env:
            line = f"env {shlex.join(f'{name}={value}' for name, value in env.items())} {line}"
        return f"printf %s {shlex.quote(input)} | {line}" if input else line

    # Requests to the kernel

    def change(self, words: list[str], kind: int, message: netlink.Message, flags: int) -> None:
        """Ask the kernel for a change that `ip WORDS` would make, and note it down. Raises `KernelRefused`."""
        self.explained(words, kind, message, flags)
        self.wrote(self.spell(words))

    def explained(self, words: list[str], kind: int, message: netlink.Message, flags: int) -> list[netlink.Message]:
        """As `request`, for what `ip WORDS` would ask. Raises `KernelRefused` with the likely reason."""
        try:
            return self.request(kind, message, flags, tried=self.spell(words))
        except netlink.Refused as error:
            raise explain(self.spell(words), words, error.errno or 0, error.extack) from None

    @overload
    def request(
        self, kind: int, message: netlink.Message, flags: int = ..., *, tried: str = ...
    ) -> list[netlink.Message]: ...
    @overload
    def request(
        self, kind: int, message: netlink.Message, flags: int, read: Callable[[bytes], T], *, tried: str = ...
    ) -> list[T]: ...
    def request(
        self,
        kind: int,
        message: netlink.Message,
        flags: int = netlink.ACK,
        read: Callable[[bytes], object] = netlink.decode,
        *,
        tried: str = "",
    ) -> Sequence[object]:
        """The answers to one request, each as `read` makes it of its bytes. Raises `Refused`, `NotFound`, `LabDied`.

        `tried` is the command that names another namespace in the message.
        """
        try:
            return self.rtnl.ask(kind, message, flags, read)
        except AgentRefused as error:
            if error.netns and error.netns != self.name:  # one that the message names
                raise program.no_namespace(tried, error.netns) from None
            if self.name:
                raise program.no_namespace(f"ip -n {self.name} …", self.name) from None
            raise error

    def dump(self, kind: int, message: netlink.Message) -> list[netlink.Message]:
        """All that the kernel has of a kind, in its own words."""
        return self.request(kind, message, netlink.DUMP)


NetnsLike: TypeAlias = str | Namespace
"""A namespace where one is meant: its name, as in `ip`, or the node itself."""
FIRST = "1"  # how `ip` names the lab's first namespace: it is that of the process with this number


def netns_word(netns: NetnsLike) -> str:
    """How a namespace is named in a command; the first one is that of process 1."""
    return (netns if isinstance(netns, str) else netns.name) or FIRST
