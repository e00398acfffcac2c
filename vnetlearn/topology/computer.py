"""The computer's own network, to be looked at: the same topology and picture, read-only."""

from __future__ import annotations

import socket

from ..engine import host
from .topology import Topology, read

HIDDEN = (
    "{} running program(s) may not be looked into, so namespaces that only they use are not shown;"
    " root (sudo) sees more"
)


class Computer:
    """The computer's own namespaces: the one we are in, those of `ip netns`, and those of running programs.

    What reads them can do nothing else: its agent takes GET requests alone, and runs nothing. `unseen` says what the
    user may not see.
    """

    def __init__(self) -> None:
        self.home = socket.gethostname()
        self._running = host.look()
        self.channel = self._running.channel
        try:
            self._named = self.channel.netns_list()
            self._others = self.channel.netns_unnamed()
        except BaseException:
            self.close()
            raise

    @property
    def names(self) -> list[str]:
        """The namespaces; "" is the one we are in."""
        return ["", *self._named, *self._others["netns"]]

    @property
    def unseen(self) -> tuple[str, ...]:
        hidden = self._others["hidden"]
        return (HIDDEN.format(hidden),) if hidden else ()

    def close(self) -> None:
        self._running.close()

    def __enter__(self) -> Computer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def topology(*, stats: bool = False) -> Topology:
    """The computer's own network as it is now. Nothing is changed; what may not be read is named in `unseen`."""
    with Computer() as computer:
        return read(computer, stats=stats)
