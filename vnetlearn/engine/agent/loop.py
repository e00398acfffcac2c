"""The agent's loop: frames from its owner, what sockets and programs have to say, ends of children; one thread."""

from __future__ import annotations

import errno
import heapq
import itertools
import json
import os
import selectors
import signal
import time
from collections.abc import Callable

from .wire import (
    AGENT_BYTES,
    CREDIT,
    DATA,
    EOF,
    EXIT,
    NETLINK,
    REPLY,
    REQUEST,
    WINDOW,
    Frames,
    Unreadable,
    frame,
    refusal,
)


class Source:
    """What goes on, on a channel of its own: a program, a capture, a listener, a monitor.

    `flying` are the bytes on their way to the owner, as far as it has not said that it consumed them.
    """

    asks = False  # whether more requests come on its channel

    def __init__(self, loop: Loop, channel: int) -> None:
        self.loop, self.channel, self.flying = loop, channel, 0

    @property
    def behind(self) -> bool:
        """Whether the owner has as much to read as it may have."""
        return self.flying >= WINDOW

    def send(self, data: bytes, head: bytes = b"") -> None:
        """To the owner; `head` is not counted."""
        self.loop.send(DATA, self.channel, head + data)
        self.flying += len(data)

    def credit(self, count: int) -> None:
        """The owner consumed so many bytes; it cannot have consumed more than there were."""
        self.flying = max(0, self.flying - count)

    def data(self, data: bytes) -> None:
        """The owner sent something; most have no use for it."""

    def eof(self) -> None:
        """The owner sends nothing more."""


class Loop:
    """Calls what was registered when its turn comes, and sleeps when there is nothing to do."""

    def __init__(self, stream: int, requested: Callable[[int, int, bytes], None], rest: Callable[[], None]) -> None:
        """`requested` gets the kind, channel and payload of each REQUEST and NETLINK frame.

        `rest` is called when all that came together was answered.
        """
        self._stream, self._requested, self._rest, self._frames = stream, requested, rest, Frames(AGENT_BYTES)
        self._answers: list[bytes] | None = None  # while there are frames to answer: they go out together
        self.sources: dict[int, Source] = {}  # by their channels
        self.children: dict[int, Callable[[int], None]] = {}  # by their process numbers: what gets the exit status
        self._timers, self._order = list[tuple[float, int, Callable[[], object]]](), itertools.count()
        self._selector = selectors.DefaultSelector()
        self.watch(stream, self._receive)
        woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.watch(woken, lambda: self._reap(woken))

    def serve(self) -> None:
        """Until the stream ends (`SystemExit`)."""
        while True:
            for key, _ in self._selector.select(self._timers[0][0] - time.monotonic() if self._timers else None):
                if self._selector.get_map().get(key.fd) is key:  # an earlier event of this round may have closed it
                    key.data()
            now = time.monotonic()
            while self._timers and self._timers[0][0] <= now:
                heapq.heappop(self._timers)[2]()

    def call_later(self, seconds: float, then: Callable[[], object]) -> None:
        """Call `then` once, after so many seconds."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), then))

    def watch(self, fd: int, then: Callable[[], object]) -> None:
        """Call `then` whenever there is something to read, until `unwatch`. Doing it twice does no harm."""
        if fd not in self._selector.get_map():
            self._selector.register(fd, selectors.EVENT_READ, then)

    def unwatch(self, fd: int) -> None:
        """Doing it twice does no harm."""
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def when_writable(self, fd: int, then: Callable[[], None]) -> None:
        """Call `then` once `fd`, which is not watched for anything else, takes data."""

        def writable() -> None:
            self._selector.unregister(fd)
            then()

        self._selector.register(fd, selectors.EVENT_WRITE, writable)

    def send(self, kind: int, channel: int, payload: bytes) -> None:
        if self._answers is None:
            self._write(frame(kind, channel, payload))
        else:
            self._answers.append(frame(kind, channel, payload))

    def _write(self, data: bytes) -> None:
        """Raises `SystemExit` when there is no owner any more."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._stream, rest) :]
        except (BrokenPipeError, ConnectionResetError):
            raise SystemExit(0) from None

    def reply(self, channel: int, answer: dict[str, object]) -> None:
        self.send(REPLY, channel, json.dumps(answer).encode())

    def refuse(self, channel: int, error: Exception) -> None:
        """Say why something was not done."""
        if not isinstance(error, OSError):
            said = str(error) if isinstance(error, Unreadable) else repr(error)
            error = OSError(errno.EINVAL, said)
        self.reply(channel, refusal(error))

    def ended(self, channel: int, status: int | None = 0) -> None:
        """Nothing more comes on a channel."""
        self.send(EXIT, channel, json.dumps({"status": status}).encode())
        self.sources.pop(channel, None)

    def _receive(self) -> None:
        try:
            data = os.read(self._stream, 1 << 16)
        except OSError:
            data = b""
        if not data:
            raise SystemExit(0)
        self._answers = []
        try:
            for kind, channel, payload in self._frames.cut(data):
                try:
                    self._frame(kind, channel, payload)
                except Exception as error:  # whatever an owner sends, the next thing is answered
                    self.refuse(channel, error)
        finally:
            answers, self._answers = b"".join(self._answers), None
            self._write(answers)
            self._rest()

    def _frame(self, kind: int, channel: int, payload: bytes) -> None:
        if kind in (REQUEST, NETLINK):
            source = self.sources.get(channel)
            if channel == 0 or not (source is None or source.asks):
                raise Unreadable(f"channel {channel} is in use")
            self._requested(kind, channel, payload)
        elif (source := self.sources.get(channel)) is not None:
            if kind == CREDIT:
                if len(payload) != 4:
                    raise Unreadable(f"a CREDIT has four bytes, not {len(payload)}")
                source.credit(int.from_bytes(payload, "big"))
            elif kind == EOF:
                source.eof()
            elif kind == DATA:
                source.data(payload)

    def _reap(self, woken: int) -> None:
        try:
            os.read(woken, 4096)
        except BlockingIOError:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if (ended := self.children.pop(pid, None)) is not None:
                code = os.waitstatus_to_exitcode(status)
                ended(code if code >= 0 else 128 - code)
