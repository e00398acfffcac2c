"""An engine that was started: the agent has said hello, and whoever has this can use its channel."""

from __future__ import annotations

import socket
from typing import Protocol

from .channel import Channel


class Started(Protocol):
    """What an engine starts: a stream to an agent, how that ended when it did, and what ends all of it."""

    @property
    def stream(self) -> socket.socket: ...
    def died(self) -> str: ...
    def close(self) -> None: ...


class Running:
    """`kernel` is the release of the kernel that the agent stands on.

    Raises `LabDied` when the agent does not answer; then what was started is still its owner's to close.
    """

    def __init__(self, started: Started, patience: float | None = None) -> None:
        """`patience` in seconds, when an answer may take longer than usual."""
        self._started = started
        self.channel = Channel(started.stream, started.died, patience)
        try:
            self.kernel = self.channel.hello()
        except BaseException:
            self.channel.close()
            raise

    def died(self) -> str:
        """How it ended, in words."""
        return self._started.died()

    def close(self) -> None:
        """End the agent and all that ran under it. Returns when they are gone; doing it twice does no harm."""
        self.channel.close()
        self._started.close()
