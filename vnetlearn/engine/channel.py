"""The owner's end of the stream to an agent: requests, and streams of data beside one another (see agent/wire.py)."""

from __future__ import annotations

import itertools
import json
import os
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypedDict, TypeVar, cast

from ..errors import LabDied
from .agent.echo import CAME, Came, Request
from .agent.wire import (
    CREDIT,
    DATA,
    EOF,
    EXIT,
    NETLINK,
    OWNER_BYTES,
    REPLY,
    REQUEST,
    WINDOW,
    Ask,
    Frames,
    Unreadable,
    fits,
    frame,
    json_object,
    netlink_request,
    whole_answer,
)
from .batch import Batch, Pending

ANSWER_SECONDS = 60.0  # the rings of a capture in 1,000 namespaces take nearly 30 on a busy machine
ALIVE_SECONDS = 10.0  # who waits for a program asks after so long a silence whether the agent is still there
SLICES = 10  # of a time that is waited for an answer
SCRIPT_BYTES = 96 << 10  # shell text of more comes as a stream: the kernel takes 128 KiB as an argument (execve(2))
UNREAD_BYTES, FRAME_COST = 16 * WINDOW, 8  # what an agent that keeps to its credit never comes near, by channel

T = TypeVar("T")
Frame: TypeAlias = tuple[int, bytes]
Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


class AgentRefused(OSError):
    """The agent answered a request with an error; `errno` and `strerror` are the lab kernel's.

    `netns` is the name of the namespace that is not there, where that is the error; `file` is the file it is about.
    """

    def __init__(self, number: int, text: str, netns: str | None = None, file: str | None = None) -> None:
        super().__init__(number, text)
        self.netns, self.file = netns, file


class Unnamed(TypedDict):
    """Namespaces without a name, called by a program in each, and how many programs may not be looked into."""

    netns: list[str]
    hidden: int


class Setting(TypedDict, total=False):
    """What came of a setting: its `value`, or the `step` (open, read, write) that did not work, and why not."""

    value: str
    step: str
    number: int
    said: str


class Holder(TypedDict):
    """A program that holds a tun or tap link: its namespace (None: an unknown one), the link's name or its device."""

    pid: int
    program: str
    netns: str | None
    link: str
    path: str


SETTING, UNSET = {"value": "str"}, {"step": "str", "number": "int", "said": "str"}
HOLDER = {"pid": "int", "program": "str", "netns": "str | None", "link": "str", "path": "str"}


class Stream:
    """One channel: what the agent sends arrives in `receive`, in order."""

    def __init__(self, channel: Channel, number: int) -> None:
        self._channel, self.number = channel, number
        self._frames: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._unread, self._room, self._ended = 0, WINDOW, False

    def receive(self, seconds: float | None = None) -> Frame:
        """The next frame: REPLY, DATA or EXIT. Raises `TimeoutError` after `seconds`, `LabDied` when the lab ended.

        Without `seconds` it waits as long as the agent lives.
        """
        while True:
            try:
                frame = self._frames.get(timeout=ALIVE_SECONDS if seconds is None else seconds)
                break
            except queue.Empty:
                if seconds is not None:
                    raise TimeoutError(f"nothing from the lab within {seconds} s") from None
                self._channel.check_alive()
        if frame is None:
            self._frames.put(None)
            raise self._channel.death()
        with self._changed:
            self._unread -= len(frame[1]) + FRAME_COST
        return frame

    def send(self, data: bytes) -> None:
        self._channel.send(DATA, self.number, data)

    def write(self, data: bytes) -> None:
        """To a program's input; waits until the program took what is on its way. After its end it goes nowhere."""
        rest = memoryview(data)
        while rest:
            with self._changed:
                while not self._room and not self._ended:
                    if not self._changed.wait(ALIVE_SECONDS):
                        self._channel.check_alive()
                if not self._channel.alive:
                    raise self._channel.death()
                if self._ended:
                    return
                piece = rest[: min(self._room, 1 << 16)]
                self._room -= len(piece)
            self.send(b"\0" + piece)
            rest = rest[len(piece) :]

    def credit(self, count: int) -> None:
        self._channel.send(CREDIT, self.number, count.to_bytes(4, "big"))

    def eof(self) -> None:
        self._channel.send(EOF, self.number, b"")

    def forget(self) -> None:
        """Frames that still come for this channel are dropped."""
        self._channel.forget(self.number)
        self._end()

    def strayed(self, what: str) -> LabDied:
        """Give the agent up: it sent what it cannot have meant."""
        return self._channel.strayed(what)

    def _came(self, kind: int, payload: bytes) -> None:
        """From the thread that reads. Raises `Unreadable` for more than the agent may send."""
        with self._changed:
            if kind == CREDIT:
                self._room = min(WINDOW, self._room + int.from_bytes(payload, "big"))
                self._changed.notify_all()
                return
            self._unread += len(payload) + FRAME_COST
            if self._unread > (UNREAD_BYTES if kind == DATA else OWNER_BYTES):
                raise Unreadable(f"there are {self._unread} bytes on channel {self.number} that nobody asked for")
        self._frames.put((kind, payload))
        if kind == EXIT:
            self._end()

    def _end(self) -> None:
        """Nobody reads any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _died(self) -> None:
        self._end()
        self._frames.put(None)


class _Row:
    """A batch's channel: the agent does what it is asked for on it, one after the other, until it refuses something."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._stream = channel._begin(REQUEST, json.dumps({"op": "batch"}).encode())
        self._opened = False

    def ask(self, frames: list[Frame]) -> None:
        self._channel._send([frame(kind, self._stream.number, payload) for kind, payload in frames])

    def answer(self) -> Frame:
        if not self._opened:  # the answer to the request for the row itself
            self._channel._first(self._stream)
            self._opened = True
        return self._channel._first(self._stream)

    def close(self) -> None:
        self._stream.forget()
        self._stream.eof()


class _OfThread(threading.local):
    batch: Batch | None = None


class Channel:
    """An agent's stream. Any thread may use it; `died` says why the engine ended, when it did.

    An answer is waited for `ANSWER_SECONDS`, or `patience` in seconds; then the agent is given up. What is asked for
    raises `AgentRefused`, and `LabDied`.
    """

    def __init__(
        self, stream: socket.socket, died: Callable[[], str] = lambda: "", patience: float | None = None
    ) -> None:
        self._socket, self._died, self._patience = stream, died, patience
        seconds = struct.pack("ll", int(ANSWER_SECONDS), 0)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
        self._numbers, self._streams = itertools.count(1), dict[int, Stream]()
        self._lock, self._sending, self._of_thread = threading.Lock(), threading.Lock(), _OfThread()
        self._open, self._why, self._last_words = True, "", ""
        self._heard = time.monotonic()
        self._reader = threading.Thread(target=self._read, name="vnetlearn-lab", daemon=True)
        self._reader.start()

    # What an agent can be asked for: see agent/operations.py

    def hello(self) -> str:
        """The first request to every new agent, for an engine that needs the time and fresh randomness.

        The answer is the release of its kernel, as `uname -r` says it.
        """
        return str(self._answer("kernel", "str", "hello", time=time.time(), seed=os.urandom(32).hex()))

    def netns_list(self) -> dict[str, int]:
        """Names of namespaces, and their inode numbers."""
        found: dict[str, int] = self._answer("netns", "dict[str, int]", "netns_list")
        return found

    def netns_unnamed(self) -> Unnamed:
        answer = self.request("netns_unnamed")
        return {"netns": self._part(answer, "netns", "list[str]"), "hidden": self._part(answer, "hidden", "int")}

    def nsids(self, netns: str, others: Sequence[str]) -> dict[str, int]:
        """The numbers by which a namespace knows others (`ip netns list-id`); -1 for one that it does not know."""
        found: dict[str, int] = self._answer("nsids", "dict[str, int]", "nsid", netns=netns, others=list(others))
        return found

    def holders(self) -> list[Holder]:
        found: list[Holder] = self._answer("holders", "list[dict[str, object]]", "holders")
        for one in found:
            for name, kind in HOLDER.items():
                self._part(one, name, kind)
        return found

    def sysctl(self, netns: str, path: str, value: str | None = None) -> Setting:
        """Read a setting of a namespace, or write it: `path` is that below /proc/sys."""
        answer = self.request("sysctl", netns=netns, path=path, value=value)
        for name, kind in (SETTING if "value" in answer else UNSET).items():
            self._part(answer, name, kind)
        return cast(Setting, answer)

    def sysctls(self, netns: Sequence[str], patterns: Sequence[str]) -> dict[str, dict[str, str]]:
        """Of each of these namespaces the settings, by their paths, that fit patterns with `*` in them."""
        wanted: dict[str, list[Json]] = {"netns": list(netns), "patterns": list(patterns)}
        found: dict[str, dict[str, str]] = self._answer("found", "dict[str, dict[str, str]]", "sysctls", **wanted)
        return found

    def firewalls(self, netns: Sequence[str]) -> list[str]:
        """Those of these namespaces that have a firewall: a table of nftables."""
        found: list[str] = self._answer("found", "list[str]", "firewalls", netns=list(netns))
        return found

    def run(
        self, argv: Sequence[str], netns: str, env: Mapping[str, str], tty: tuple[int, int] | None
    ) -> tuple[Stream, int]:
        """Start a program, `tty` with a terminal of (rows, columns): its stream, and its process number."""
        return self._started("run", argv=list(argv), netns=netns, env=dict(env), tty=tty)

    def shell(self, text: str, netns: str, env: Mapping[str, str]) -> tuple[Stream, int]:
        """As `run`, for shell text of any length."""
        encoded = text.encode(errors="surrogateescape")
        if len(encoded) <= SCRIPT_BYTES:
            return self._started("shell", text=text, netns=netns, env=dict(env))
        script, _ = self._open_stream("script")
        try:
            for at in range(0, len(encoded), 1 << 16):
                script.send(encoded[at : at + (1 << 16)])
            return self._started("shell", script=script.number, netns=netns, env=dict(env))
        finally:
            if self._open:
                script.eof()
            script.forget()

    def _started(self, op: str, **arguments: Json) -> tuple[Stream, int]:
        stream, answer = self._open_stream(op, **arguments)
        return stream, self._part(answer, "pid", "int")

    def kill(self, program: Stream, number: int) -> None:
        """Send a signal to everything in a program's process group."""
        self.request("kill", channel=program.number, number=number)

    def resize(self, program: Stream, rows: int, columns: int) -> None:
        self.request("resize", channel=program.number, rows=rows, columns=columns)

    def capture(self, programs: Mapping[str, str], everything: bool, ring: int) -> tuple[Stream, dict[int, str], int]:
        """Record frames: the stream of what comes, the namespaces by their rings' numbers, and since when all record.

        The time is in nanoseconds since 1970, by the lab kernel's clock.
        """
        stream, answer = self._open_stream("capture", programs=dict(programs), everything=everything, ring=ring)
        rings = self._part(answer, "rings", "dict[str, str]")
        if not all(map(str.isdecimal, rings)):
            raise self.strayed("it numbers its rings with no numbers")
        since = self._part(answer, "since", "int")
        return stream, {int(number): netns for number, netns in rings.items()}, since

    def ping(self, pings: Sequence[Request]) -> list[Came]:
        """Send echo requests, and wait until all are decided; an interrupt ends them."""
        stream, _ = self._open_stream("ping", pings=cast("Json", list(pings)))
        came: list[Came] = []
        try:
            while (got := stream.receive())[0] != EXIT:
                if got[0] == DATA:
                    came = self._came_back(got[1])
        except KeyboardInterrupt:
            stream.eof()
            raise
        finally:
            stream.forget()
        return came

    def _came_back(self, payload: bytes) -> list[Came]:
        try:
            answer = json_object(payload)
        except Unreadable as error:
            raise self.strayed(str(error)) from None
        found: list[dict[str, object]] = self._part(answer, "came", "list[dict[str, object]]")
        for one in found:
            for name, kind in CAME.items():
                self._part(one, name, kind)
        return cast("list[Came]", found)

    def listen(self, protocol: int, groups: int) -> Stream:
        """A netlink socket in the first namespace that stays open."""
        return self._open_stream("listen", protocol=protocol, groups=groups)[0]

    def monitor(self) -> Stream:
        """rtnetlink's notifications of all namespaces."""
        return self._open_stream("monitor")[0]

    def netlink(self, netns: str, message: bytes) -> bytes:
        """Send one rtnetlink message in a namespace ("" is the lab's first): all that the kernel answers."""
        answer = self.netlink_rows([[(netns, message, ())]])[0]
        if isinstance(answer, AgentRefused):
            raise answer
        return answer

    def netlink_rows(self, rows: Sequence[Sequence[Ask]]) -> list[bytes | AgentRefused]:
        """Send rows of rtnetlink messages: all that the kernel answers to each, up to the first that it refuses.

        All are sent before the first answer is waited for.
        """
        streams = []
        try:
            for row in rows:
                streams.append(self._begin(NETLINK, netlink_request(row)))
            return [self._row_answer(row, *self._first(stream)) for row, stream in zip(rows, streams, strict=True)]
        finally:
            for stream in streams:
                stream.forget()

    def _row_answer(self, row: Sequence[Ask], kind: int, payload: bytes) -> bytes | AgentRefused:
        if kind != NETLINK:
            return self._refusal(kind, payload)
        if not whole_answer(payload, len(row)):
            raise self.strayed("a kernel's answer has no end")
        return payload

    def request(self, op: str, **arguments: Json) -> dict[str, Json]:
        """Ask for one thing, by the operation's name."""
        stream, answer = self._open_stream(op, **arguments)
        stream.forget()
        return answer

    # Changes. `read` makes the result of the answer, or raises; in a batch they are not waited for

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Changes of this thread are sent without waiting; whatever needs an answer waits for all of them first.

        Raises, there or at the end, the error of the first that was refused; what came after it was not done.
        """
        outer = self._of_thread.batch
        batch = self._of_thread.batch = outer or Batch(lambda: _Row(self))
        try:
            yield
        finally:
            try:
                batch.settle()
            finally:
                self._of_thread.batch = outer
                if outer is None:
                    batch.close()

    def change_row(self, row: Sequence[Ask], read: Callable[[bytes | AgentRefused], T]) -> Pending[T]:
        """As one of `netlink_rows`."""
        return self._change(NETLINK, netlink_request(row), lambda *answer: read(self._row_answer(row, *answer)))

    def netns_add(self, name: str, read: Callable[[AgentRefused | None], T]) -> Pending[T]:
        return self._change_names("netns_add", name, read)

    def netns_delete(self, name: str, read: Callable[[AgentRefused | None], T]) -> Pending[T]:
        return self._change_names("netns_delete", name, read)

    def _change_names(self, op: str, name: str, read: Callable[[AgentRefused | None], T]) -> Pending[T]:
        def answered(kind: int, payload: bytes) -> T:
            return read(self._refusal(kind, payload) if "errno" in self._reply(kind, payload) else None)

        return self._change(REQUEST, json.dumps({"op": op, "name": name}).encode(), answered)

    def _change(self, kind: int, payload: bytes, read: Callable[[int, bytes], T]) -> Pending[T]:
        if self._of_thread.batch is not None:
            return self._of_thread.batch.send(kind, payload, read)
        stream, answered, answer = self._ask(kind, payload)
        stream.forget()
        return Pending[T](lambda: None).made(read(answered, answer))

    def check_alive(self) -> None:
        """After a silence: raises `LabDied` when the agent does not answer, in more time than an answer ever takes."""
        if time.monotonic() - self._heard >= ALIVE_SECONDS:
            self.request("alive")

    def _answer(self, part: str, kind: str, op: str, **arguments: Json) -> Any:
        return self._part(self.request(op, **arguments), part, kind)

    def _part(self, answer: Mapping[str, Any], name: str, kind: str) -> Any:
        """A part of an answer, once it is what it has to be."""
        if name not in answer or not fits(answer[name], kind):
            raise self.strayed(f"its answer has no {name} that is {kind}")
        return answer[name]

    def _open_stream(self, op: str, **arguments: Json) -> tuple[Stream, dict[str, Any]]:
        """Ask for something that goes on: its stream and the agent's first answer."""
        stream, kind, payload = self._ask(REQUEST, json.dumps({"op": op, **arguments}).encode())
        try:
            answer = self._reply(kind, payload)
            if "errno" in answer:
                raise self._refusal(kind, payload)
        except BaseException:
            stream.forget()
            raise
        return stream, answer

    def _reply(self, kind: int, payload: bytes) -> dict[str, Any]:
        try:
            if kind != REPLY:
                raise Unreadable(f"a frame of kind {kind} came where a REPLY has to be")
            return json_object(payload)
        except Unreadable as error:
            raise self.strayed(str(error)) from None

    def _refusal(self, kind: int, payload: bytes) -> AgentRefused:
        answer = self._reply(kind, payload)
        number, text = self._part(answer, "errno", "int"), self._part(answer, "text", "str")
        netns, file = (self._part(answer, name, "str") if name in answer else None for name in ("netns", "file"))
        return AgentRefused(number, text, netns, file)

    # The stream itself

    def _ask(self, kind: int, payload: bytes) -> tuple[Stream, int, bytes]:
        """Send a frame on a channel of its own: its stream, and the first frame that comes back."""
        stream = self._begin(kind, payload)
        try:
            return (stream, *self._first(stream))
        except BaseException:
            stream.forget()
            raise

    def _begin(self, kind: int, payload: bytes) -> Stream:
        if (batch := self._of_thread.batch) is not None:
            batch.settle()
        with self._lock:
            if not self._open:
                raise self.death()
            stream = Stream(self, next(self._numbers))
            self._streams[stream.number] = stream
        try:
            self.send(kind, stream.number, payload)
        except BaseException:
            stream.forget()
            raise
        return stream

    def _first(self, stream: Stream) -> Frame:
        """In slices: time that this process stood still itself (SIGSTOP, a suspended machine) is not the agent's."""
        patience = self._patience or ANSWER_SECONDS
        for _ in range(SLICES):
            try:
                return stream.receive(patience / SLICES)
            except TimeoutError:
                continue
        self.hang_up(f"it did not answer within {patience:.0f} s")
        raise self.death()

    def send(self, kind: int, channel: int, payload: bytes) -> None:
        self._send([frame(kind, channel, payload)])

    def _send(self, frames: Sequence[bytes]) -> None:
        try:
            with self._sending:
                self._socket.sendall(b"".join(frames))
        except OSError as error:  # after SO_SNDTIMEO, or because nobody is there: then the engine knows why
            self.hang_up("it takes nothing more" if isinstance(error, BlockingIOError) else "")
            raise self.death() from None

    def forget(self, number: int) -> None:
        with self._lock:
            self._streams.pop(number, None)

    @property
    def alive(self) -> bool:
        return self._open

    def death(self) -> LabDied:
        """The error that everything gets once the lab has ended."""
        why = self._why or self._last_words or self._died()
        return LabDied("use a lab", "the lab has ended", why, "make a new one: lab = Lab()")

    def strayed(self, what: str) -> LabDied:
        """Give the agent up, since it sent what it cannot have meant."""
        self.hang_up(f"its agent is not to be understood: {what}")
        return self.death()

    def hang_up(self, why: str) -> None:
        """End the stream; the agent ends with it, and everyone who waits gets `LabDied` saying `why`."""
        with self._lock:
            if not self._open:
                return
            self._open, self._why = False, why
            waiting = list(self._streams.values())
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        for stream in waiting:
            stream._died()

    def close(self) -> None:
        """Hang up and wait for the reader. Nothing of this channel is left."""
        self.hang_up("it was closed")
        if threading.current_thread() is not self._reader:
            self._reader.join()
        self._socket.close()

    def _read(self) -> None:
        frames = Frames()
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except OSError:
                data = b""
            if not data:
                self.hang_up("")
                return
            self._heard = time.monotonic()
            try:
                for kind, number, payload in frames.cut(data):
                    self._came(kind, number, payload)
            except Unreadable as error:
                self.strayed(str(error))
                return

    def _came(self, kind: int, number: int, payload: bytes) -> None:
        """Raises `Unreadable`."""
        if kind in (REQUEST, EOF) or (kind == CREDIT and len(payload) != 4):
            raise Unreadable(f"a frame of kind {kind} and {len(payload)} bytes came, which agents do not send")
        if number == 0 and kind == REPLY:
            self._last_words = f"its agent ended: {json_object(payload).get('text')}"
        with self._lock:
            stream = self._streams.get(number)
        if stream is not None:
            stream._came(kind, payload)
