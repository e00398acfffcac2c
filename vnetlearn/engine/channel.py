"""The owner's end of the stream to a lab's agent: requests, and streams of data beside one another (see agent.py)."""

from __future__ import annotations

import itertools
import json
import os
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import LabDied
from .agent.operations import CREDIT, DATA, EOF, EXIT, HEADER, NETLINK, REPLY, REQUEST

ANSWER_SECONDS = 20.0

Frame = tuple[int, bytes]


class AgentRefused(OSError):
    """The agent answered a request with an error; `errno` and `strerror` are the lab kernel's."""


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
    """A lab's stream. Any thread may use it; `died` says why the engine ended, when it did."""

    def __init__(self, stream: socket.socket, died: Callable[[], str] = lambda: "") -> None:
        self._socket, self._died = stream, died
        seconds = struct.pack("ll", int(ANSWER_SECONDS), 0)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
        self._numbers, self._streams = itertools.count(1), dict[int, Stream]()
        self._lock, self._sending = threading.Lock(), threading.Lock()
        self._open, self._why = True, ""
        self._reader = threading.Thread(target=self._read, name="vnetlearn-lab", daemon=True)
        self._reader.start()

    def request(self, op: str, **arguments: Any) -> dict[str, Any]:
        """Ask the agent for one thing. Raises `AgentRefused` with the lab kernel's errno, `LabDied`."""
        stream, answer = self.open(op, **arguments)
        stream.forget()
        return answer

    def tell(self, op: str, **arguments: Any) -> None:
        """Ask for something that cannot fail, without waiting for the answer: the agent keeps to the order."""
        self.send(REQUEST, next(self._numbers), json.dumps({"op": op, **arguments}).encode())

    def open(self, op: str, **arguments: Any) -> tuple[Stream, dict[str, Any]]:
        """Ask for something that goes on (run): its stream and the agent's first answer."""
        stream, _, payload = self._ask(REQUEST, json.dumps({"op": op, **arguments}).encode())
        answer: dict[str, Any] = json.loads(payload)
        if "errno" in answer:
            stream.forget()
            raise _refused(payload)
        return stream, answer

    def netlink(self, netns: str, message: bytes) -> bytes:
        """Send one rtnetlink message in a namespace ("" is the lab's first): all that the kernel answers.

        Raises `AgentRefused` (ENOENT: there is no such namespace), `LabDied`.
        """
        answer = self.netlink_all([(netns, message)])[0]
        if isinstance(answer, AgentRefused):
            raise answer
        return answer

    def netlink_all(self, requests: Sequence[tuple[str, bytes]]) -> list[bytes | AgentRefused]:
        """As `netlink`, for many: all are sent before the first answer is waited for."""
        streams = []
        try:
            for netns, message in requests:
                name = netns.encode()
                streams.append(self._begin(NETLINK, bytes([len(name)]) + name + message))
            answers = [self._first(stream) for stream in streams]
        finally:
            for stream in streams:
                stream.forget()
        return [_refused(payload) if kind == REPLY else payload for kind, payload in answers]

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
            return stream.receive(ANSWER_SECONDS)
        except TimeoutError:
            self.hang_up(f"it did not answer within {ANSWER_SECONDS:.0f} s")
            raise self.death() from None

    def send(self, kind: int, channel: int, payload: bytes) -> None:
        try:
            with self._sending:
                self._socket.sendall(HEADER.pack(kind, channel, len(payload)) + payload)
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
        buffer = bytearray()
        while True:
            try:
                data = self._socket.recv(1 << 18)
            except OSError:
                data = b""
            if not data:
                self.hang_up("")
                return
            buffer += data
            while len(buffer) >= HEADER.size:
                kind, number, length = HEADER.unpack_from(buffer)
                if len(buffer) < HEADER.size + length:
                    break
                payload = bytes(buffer[HEADER.size : HEADER.size + length])
                del buffer[: HEADER.size + length]
                with self._lock:
                    stream = self._streams.get(number)
                if stream is not None:
                    stream._frames.put((kind, payload))


def _refused(reply: bytes) -> AgentRefused:
    answer = json.loads(reply)
    return AgentRefused(answer["errno"], answer["text"])


def hello(channel: Channel) -> dict[str, Any]:
    """The first request to every new lab: the time now and fresh randomness, for an engine that needs them."""
    return channel.request("hello", time=time.time(), seed=os.urandom(32).hex())


__all__ = ["DATA", "EXIT", "REPLY", "AgentRefused", "Channel", "Stream", "hello"]
