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
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypedDict

from ..errors import LabDied
from .agent.wire import CREDIT, DATA, EOF, NETLINK, REPLY, REQUEST, Frames, frame, netlink_request

ANSWER_SECONDS = 20.0

Frame: TypeAlias = tuple[int, bytes]
Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


class AgentRefused(OSError):
    """The agent answered a request with an error; `errno` and `strerror` are the lab kernel's.

    `netns` is the name of the namespace that is not there, where that is the error.
    """

    def __init__(self, number: int, text: str, netns: str | None = None) -> None:
        super().__init__(number, text)
        self.netns = netns


class Unnamed(TypedDict):
    """Namespaces without a name, called by a program in each, and how many programs may not be looked into."""

    netns: list[str]
    hidden: int


class Holder(TypedDict):
    """A program that holds a tun or tap link: its namespace (None: an unknown one), the link's name or its device."""

    pid: int
    program: str
    netns: str | None
    link: str
    path: str


class Stream:
    """One channel: what the agent sends arrives in `receive`, in order."""

    def __init__(self, channel: Channel, number: int) -> None:
        self._channel, self.number = channel, number
        self._frames: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()

    def receive(self, seconds: float | None = None) -> Frame:
        """The next frame: REPLY, DATA or EXIT. Raises `TimeoutError` after `seconds`, `LabDied` when the lab ended."""
        try:
            frame = self._frames.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"nothing from the lab within {seconds} s") from None
        if frame is None:
            self._frames.put(None)
            raise self._channel.death()
        return frame

    def send(self, data: bytes) -> None:
        self._channel.send(DATA, self.number, data)

    def credit(self, count: int) -> None:
        self._channel.send(CREDIT, self.number, count.to_bytes(4, "big"))

    def eof(self) -> None:
        self._channel.send(EOF, self.number, b"")

    def forget(self) -> None:
        """Frames that still come for this channel are dropped."""
        self._channel.forget(self.number)


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
        self._lock, self._sending = threading.Lock(), threading.Lock()
        self._open, self._why = True, ""
        self._reader = threading.Thread(target=self._read, name="vnetlearn-lab", daemon=True)
        self._reader.start()

    # What an agent can be asked for: see agent/operations.py

    def hello(self) -> str:
        """The first request to every new agent, for an engine that needs the time and fresh randomness.

        The answer is the release of its kernel, as `uname -r` says it.
        """
        return str(self.request("hello", time=time.time(), seed=os.urandom(32).hex())["kernel"])

    def netns_add(self, name: str) -> None:
        self.request("netns_add", name=name)

    def netns_delete(self, name: str) -> None:
        self.request("netns_delete", name=name)

    def netns_list(self) -> dict[str, int]:
        """Names of namespaces, and their inode numbers."""
        found: dict[str, int] = self._answer("netns_list")["netns"]
        return found

    def netns_unnamed(self) -> Unnamed:
        found: Unnamed = self._answer("netns_unnamed")
        return found

    def nsids(self, netns: str, others: Sequence[str]) -> dict[str, int]:
        """The numbers by which a namespace knows others (`ip netns list-id`); -1 for one that it does not know."""
        found: dict[str, int] = self._answer("nsid", netns=netns, others=list(others))["nsids"]
        return found

    def holders(self) -> list[Holder]:
        found: list[Holder] = self._answer("holders")["holders"]
        return found

    def run(
        self, argv: Sequence[str], netns: str, env: Mapping[str, str], tty: tuple[int, int] | None
    ) -> tuple[Stream, int]:
        """Start a program, `tty` with a terminal of (rows, columns): its stream, and its process number."""
        stream, answer = self._open_stream("run", argv=list(argv), netns=netns, env=dict(env), tty=tty)
        return stream, int(answer["pid"])

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
        return stream, {int(number): netns for number, netns in answer["rings"].items()}, int(answer["since"])

    def listen(self, protocol: int, groups: int) -> Stream:
        """A netlink socket in the first namespace that stays open."""
        return self._open_stream("listen", protocol=protocol, groups=groups)[0]

    def monitor(self) -> Stream:
        """rtnetlink's notifications of all namespaces."""
        return self._open_stream("monitor")[0]

    def netlink(self, netns: str, message: bytes, descriptors: Sequence[tuple[int, str]] = ()) -> bytes:
        """Send one rtnetlink message in a namespace ("" is the lab's first): all that the kernel answers.

        `descriptors` says at which offsets of the message the agent is to write descriptors, and of which namespaces.
        """
        stream, kind, payload = self._ask(NETLINK, netlink_request(netns, message, descriptors))
        stream.forget()
        if kind == REPLY:
            raise _refused(json.loads(payload))
        return payload

    def netlink_all(self, requests: Sequence[tuple[str, bytes]]) -> list[bytes | AgentRefused]:
        """As `netlink`, for many: all are sent before the first answer is waited for."""
        streams = []
        try:
            for netns, message in requests:
                streams.append(self._begin(NETLINK, netlink_request(netns, message)))
            answers = [self._first(stream) for stream in streams]
        finally:
            for stream in streams:
                stream.forget()
        return [_refused(json.loads(payload)) if kind == REPLY else payload for kind, payload in answers]

    def request(self, op: str, **arguments: Json) -> dict[str, Json]:
        """Ask for one thing, by the operation's name."""
        stream, answer = self._open_stream(op, **arguments)
        stream.forget()
        return answer

    def _answer(self, op: str, **arguments: Json) -> Any:
        return self.request(op, **arguments)

    def _open_stream(self, op: str, **arguments: Json) -> tuple[Stream, dict[str, Any]]:
        """Ask for something that goes on: its stream and the agent's first answer."""
        stream, _, payload = self._ask(REQUEST, json.dumps({"op": op, **arguments}).encode())
        answer: dict[str, Any] = json.loads(payload)
        if "errno" in answer:
            stream.forget()
            raise _refused(answer)
        return stream, answer

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
        try:
            return stream.receive(self._patience or ANSWER_SECONDS)
        except TimeoutError:
            self.hang_up(f"it did not answer within {self._patience or ANSWER_SECONDS:.0f} s")
            raise self.death() from None

    def send(self, kind: int, channel: int, payload: bytes) -> None:
        try:
            with self._sending:
                self._socket.sendall(frame(kind, channel, payload))
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
        return LabDied("use a lab", "the lab has ended", self._why or self._died(), "make a new one: lab = Lab()")

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
            stream._frames.put(None)

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
                data = self._socket.recv(1 << 18)
            except OSError:
                data = b""
            if not data:
                self.hang_up("")
                return
            for kind, number, payload in frames.cut(data):
                with self._lock:
                    stream = self._streams.get(number)
                if stream is not None:
                    stream._frames.put((kind, payload))


def _refused(answer: dict[str, Any]) -> AgentRefused:
    return AgentRefused(answer["errno"], answer["text"], answer.get("netns"))
