"""Programs that run in a lab: started in a namespace, read as they write, interrupted, and what came of them."""

from __future__ import annotations

import codecs
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from .. import texts
from ..errors import CommandFailed, NotFound, ToolMissing
from .agent.wire import DATA, EXIT
from .channel import AgentRefused, Channel

AFTER_INTERRUPT_SECONDS = 3.0


@dataclass(frozen=True)
class Result:
    """What a program left: its exit status (128 + signal when a signal ended it) and what it wrote."""

    command: str
    status: int
    stdout: str
    stderr: str

    def __repr__(self) -> str:
        return f"<exit status {self.status}>"

    def check(self) -> Result:
        """Raise `CommandFailed` when the status is not 0; returns itself otherwise."""
        if self.status:
            said = (self.stderr.strip() or self.stdout.strip() or "nothing").splitlines()[-1]
            raise CommandFailed(
                self.command,
                said,
                f"it ended with status {self.status}",
                "read all of its output: `stdout` and `stderr` of the result, without check=True",
                status=self.status,
            )
        return self


class Program:
    """A program that runs in a lab's namespace; `ip netns exec NETNS ARGV…`."""

    def __init__(
        self,
        channel: Channel,
        argv: Sequence[str],
        netns: str,
        env: Mapping[str, str],
        tty: tuple[int, int] | None = None,
    ) -> None:
        self._channel, self.status = channel, -1
        spelled = texts.command(argv)
        try:
            self._stream, self.pid = channel.run(argv, netns, env, tty)
        except AgentRefused as error:
            if error.netns is not None:
                raise no_namespace(f"ip netns exec {texts.word(netns)} {spelled}", netns) from None
            raise ToolMissing(
                spelled,
                error.strerror or "",
                f"{argv[0]} is not in this lab",
                "lab.run('ls /usr/bin /usr/sbin') lists what is there; vnetlearn doctor tells what to install",
            ) from None

    def output(self) -> Iterator[tuple[int, bytes]]:
        """(1 or 2, bytes) as they come, until the program ends; `status` is its exit status then."""
        while True:
            kind, data = self._stream.receive()
            if kind == DATA:
                yield data[0], data[1:]
                self._stream.credit(len(data) - 1)
            elif kind == EXIT:
                self.status = _status(data)
                self._stream.forget()
                return

    def write(self, data: bytes) -> None:
        """To the program's standard input."""
        for at in range(0, len(data), 1 << 16):
            self._stream.send(b"\0" + data[at : at + (1 << 16)])

    def close_input(self) -> None:
        self._stream.eof()

    def signal(self, number: int) -> None:
        """To the program and all that it started."""
        try:
            self._channel.kill(self._stream, number)
        except AgentRefused:
            pass  # it has ended

    def resize(self, rows: int, columns: int) -> None:
        self._channel.resize(self._stream, rows, columns)


def run(program: Program, command: str, *, input: bytes = b"", show: bool) -> Result:
    """Let a program run to its end, and show what it writes as it comes.

    An interrupt (Ctrl-C, or Jupyter's stop button) goes to the program; `KeyboardInterrupt` is raised after its last
    words. A program that ignores it for 3 s, or is interrupted again, is killed.
    """
    if input:
        program.write(input)
    program.close_input()
    heard = {1: _Heard(sys.stdout if show else None), 2: _Heard(sys.stderr if show else None)}
    try:
        for number, data in program.output():
            heard[number].add(data)
    except KeyboardInterrupt:
        _interrupt(program, heard)
        raise
    finally:
        for one in heard.values():
            one.add(b"", final=True)
    return Result(command, program.status, heard[1].text, heard[2].text)


def _interrupt(program: Program, heard: dict[int, _Heard]) -> None:
    program.signal(signal.SIGINT)
    deadline = time.monotonic() + AFTER_INTERRUPT_SECONDS
    try:
        while program.status < 0:
            kind, data = program._stream.receive(max(0.0, deadline - time.monotonic()))
            if kind == DATA:
                heard[data[0]].add(data[1:])
                program._stream.credit(len(data) - 1)
            elif kind == EXIT:
                program.status = _status(data)
    except (TimeoutError, KeyboardInterrupt):
        program.signal(signal.SIGKILL)
    program._stream.forget()


class _Heard:
    """What one stream said so far, decoded as it comes and shown on `to`."""

    def __init__(self, to: TextIO | None) -> None:
        self._to, self._parts = to, list[str]()
        self._decode: Callable[..., str] = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode

    def add(self, data: bytes, final: bool = False) -> None:
        text = self._decode(data, final)
        if text:
            self._parts.append(text)
            if self._to is not None:
                self._to.write(text)
                self._to.flush()

    @property
    def text(self) -> str:
        return "".join(self._parts)


def _status(data: bytes) -> int:
    return int(json.loads(data)["status"])


def no_namespace(tried: str, netns: str) -> NotFound:
    return NotFound(
        tried,
        f'Cannot open network namespace "{netns}": No such file or directory',
        f"the lab has no namespace '{texts.line(netns)}' (any more)",
        "lab.netns.show() lists them",
    )
