"""What changes in a lab, as the kernel tells it and `ip monitor` words it: links, addresses, routes, neighbours, …"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .. import texts
from ..engine import program
from ..engine.agent.wire import CAME, DATA, GONE, HEARD, LOST, Unreadable, told_parts
from ..engine.channel import Stream
from ..errors import LabDied, VnetlearnError
from ..iproute.netns import Namespaces, Node
from ..iproute.refusals import explained

TOGETHER = 0.2  # seconds: what comes within them is told at once
TOLD = {
    CAME: "a new namespace",
    GONE: "the namespace is gone",
    LOST: "… more came than could be heard; see `ip addr` for how it is",
}


@dataclass(frozen=True)
class Event:
    """A line of `ip monitor` in a namespace; `time` in seconds since 1970."""

    time: float
    netns: str
    text: str

    def __str__(self) -> str:
        return texts.line(f"{time.strftime('%H:%M:%S', time.localtime(self.time))} {self.netns or 'host'}: {self.text}")


class Monitor:
    """Calls `then` with the events of a moment, from a thread of its own, until `close` or the lab's end.

    It sleeps when nothing happens. When the lab dies, `died` is called with the reason.
    """

    def __init__(
        self, netns: Namespaces[Node], then: Callable[[list[Event]], None], died: Callable[[LabDied], None]
    ) -> None:
        self._netns, self._then, self._died, self._closed = netns, then, died, False
        with explained("ip -all-netns monitor"):
            self._stream = netns.channel.monitor()
        self._thread = threading.Thread(
            target=self._listen, args=(self._stream,), name="vnetlearn-monitor", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Hear no more. Doing it twice does no harm."""
        if self._closed:
            return
        self._closed = True
        try:
            self._stream.eof()
        except LabDied:
            pass  # the thread hears of it too
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _listen(self, stream: Stream) -> None:
        try:
            while not self._closed:
                heard = list(_together(stream))
                if not self._closed:
                    self._then(self._told(heard))
                    stream.credit(sum(map(len, heard)))
        except LabDied as error:
            if not self._closed:
                self._died(error)
        finally:
            stream.forget()

    def _told(self, frames: Iterable[bytes]) -> list[Event]:
        """Each namespace's datagrams are put into words at once."""
        events, now = list[Event](), time.time()
        datagrams: dict[str, bytes] = {}
        for data in frames:
            try:
                what, netns, rest = told_parts(data)
            except Unreadable as error:
                raise self._stream.strayed(str(error)) from None
            if what == HEARD:
                datagrams[netns] = datagrams.get(netns, b"") + rest
            else:
                events.append(Event(now, netns, TOLD.get(what, TOLD[LOST])))
        for netns, messages in datagrams.items():
            events += [Event(now, netns, line) for line in self._words(netns, messages)]
        return events

    def _words(self, netns: str, messages: bytes) -> list[str]:
        """`ip monitor file` reads notifications as rtmon(8) keeps them; lines that go on are indented there."""
        try:
            started = self._netns.node(netns).start(["ip", "monitor", "file", "/dev/stdin"])
            said = program.run(started, "ip monitor", input=messages, show=False).stdout
        except LabDied:
            raise
        except VnetlearnError:  # the namespace has gone meanwhile
            return []
        lines: list[str] = []
        for line in said.split("\n"):
            if line[:1].isspace() and lines:
                lines[-1] += f" {line.strip()}"
            elif line.strip():
                lines.append(line.strip())
        return lines


def _together(stream: Stream) -> Iterator[bytes]:
    """What comes, and all that follows until it has been quiet, for five times as long at most; or until the end."""
    kind, data = stream.receive()
    end = time.monotonic() + 5 * TOGETHER
    while kind == DATA:
        yield data
        try:
            kind, data = stream.receive(max(0, min(TOGETHER, end - time.monotonic())))
        except TimeoutError:
            return
