"""Programs that run in a lab: started in a namespace, read as they write, interrupted, and what came of them."""

from __future__ import annotations

import codecs
import errno
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from .. import texts
from ..errors import BadParameter, CommandFailed, KernelRefused, LabDied, NotFound, ToolMissing, VnetlearnError
from .agent.wire import DATA, EXIT, WINDOW, Unreadable, fits, json_object
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
                _ended(self.status),
                "read all of its output: `stdout` and `stderr` of the result, without check=True",
                status=self.status,
            )
        return self


def _ended(status: int) -> str:
    """What a status tells of a program's end: bash(1), EXIT STATUS. Of SIGKILL the sender is not known."""
    said = f"it ended with status {status}"
    try:
        name = signal.Signals(status - 128).name
    except ValueError:
        return said
    if name == "SIGKILL":
        name += ", as the kernel sends it when it has no memory left (dmesg says so)"
    return f"{said}: 128 and the number of a signal, {name}"


# Why the kernel did not start a program (execve(2), fork(2), pipe(2)), and what to do then
NOT_STARTED = {
    errno.E2BIG: (
        "its arguments and its environment are more than the kernel takes: 128 KiB for one of them",
        "write them into a file and let the program read that, or give them as its input: run(…, input=…)",
    ),
    errno.EMFILE: (
        "the lab's agent has as many files open as it may have (RLIMIT_NOFILE): each running program takes some",
        "end programs or captures that are still running in the lab",
    ),
    errno.ENFILE: (
        "the kernel has as many files open as it may have (fs.file-max)",
        "end programs that are still running, in the lab or on the computer",
    ),
    errno.EAGAIN: (
        "there are as many processes as there may be (ulimit -u, or the pids limit of a cgroup)",
        "end programs that are still running in the lab: lab.run('ps') lists them",
    ),
    errno.ENOMEM: ("there is no memory left for it", "end what needs much memory in the lab: lab.run('free -m')"),
    errno.EACCES: (
        "its file may not be executed: it has no x bit, or lies where programs may not be started",
        "lab.run('ls -l FILE') shows the bits; bash FILE runs a script all the same",
    ),
    errno.EPERM: ("the kernel does not allow it to be executed here", "lab.run('ls -l FILE'); lab.run('id')"),
    errno.ENOEXEC: (
        "its file is no program: neither the kernel's format (ELF) for this processor, nor a first line with #!",
        "bash FILE runs it as a script; lab.run('head -c 4 FILE') shows how it begins",
    ),
    errno.EISDIR: ("a folder cannot be run", "name a program: lab.run('ls FOLDER') lists what is in there"),
    errno.ETXTBSY: ("its file is still open for writing", "close it first"),
}


class Program:
    """A program that runs in a lab's namespace: `ip netns exec NETNS ARGV…`; or shell text, as `bash -c` runs it.

    Raises `ToolMissing`, `BadParameter`, `NotFound` when the namespace is gone, `KernelRefused` when it could not be
    started, `LabDied`.
    """

    def __init__(
        self,
        channel: Channel,
        command: str | Sequence[str],
        netns: str,
        env: Mapping[str, str],
        tty: tuple[int, int] | None = None,
    ) -> None:
        self._channel, self.status = channel, -1
        spelled = command if isinstance(command, str) else texts.command(command)
        _check(command, env, spelled)
        try:
            if isinstance(command, str):
                self._stream, self.pid = channel.shell(command, netns, env)
            else:
                self._stream, self.pid = channel.run(command, netns, env, tty)
        except AgentRefused as error:
            if error.netns is not None:
                raise no_namespace(f"ip netns exec {texts.word(netns)} {spelled}", netns) from None
            raise _not_started(error, spelled, "bash" if isinstance(command, str) else command[0]) from None

    def output(self) -> Iterator[tuple[int, bytes]]:
        """(1 or 2, bytes) as they come, until the program ends; `status` is its exit status then."""
        while self.status < 0:
            yield from self._heard(None)

    def _heard(self, seconds: float | None) -> Iterator[tuple[int, bytes]]:
        """What comes next: bytes, or the program's end."""
        kind, data = self._stream.receive(seconds)
        if kind == DATA and data[:1] in (b"\1", b"\2"):
            yield data[0], data[1:]
            self._stream.credit(len(data) - 1)
        elif kind == EXIT:
            try:
                answer = json_object(data)
            except Unreadable as error:
                raise self._stream.strayed(str(error)) from None
            if not fits(answer.get("status"), "int"):
                raise self._stream.strayed("a program ended without a status")
            self.status = int(str(answer["status"]))
            self._stream.forget()
        else:
            raise self._stream.strayed(f"a program sent a frame of kind {kind}: {data[:80]!r}")

    def write(self, data: bytes) -> None:
        """To the program's standard input. It waits while a megabyte is on its way that the program did not read yet;
        what is written after the program's end goes nowhere.
        """
        self._stream.write(data)

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
    heard = {1: _Heard(sys.stdout if show else None), 2: _Heard(sys.stderr if show else None)}
    try:
        _feed(program, input)
        for number, data in program.output():
            heard[number].add(data)
    except KeyboardInterrupt:
        _interrupt(program, heard)
        raise
    finally:
        for one in heard.values():
            one.add(b"", final=True)
    return Result(command, program.status, heard[1].text, heard[2].text)


def _feed(program: Program, data: bytes) -> None:
    """All of a program's input; beside its output, when it is more than goes on its way at once."""

    def write() -> None:
        try:
            program.write(data)
            program.close_input()
        except LabDied:
            pass  # who reads the output hears of it

    if len(data) <= WINDOW:
        program.write(data)
        program.close_input()
    else:
        threading.Thread(target=write, name="vnetlearn-input", daemon=True).start()


def _interrupt(program: Program, heard: dict[int, _Heard]) -> None:
    program.signal(signal.SIGINT)
    deadline = time.monotonic() + AFTER_INTERRUPT_SECONDS
    try:
        while program.status < 0:
            for number, data in program._heard(max(0.0, deadline - time.monotonic())):
                heard[number].add(data)
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


def _check(command: str | Sequence[str], env: Mapping[str, str], spelled: str) -> None:
    """Raises `BadParameter` for what no kernel can be given."""
    words = [command] if isinstance(command, str) else command
    why, next_step = "", "name a program: lab.run(['ip', 'link'])"
    if not isinstance(command, str) and not (command and command[0]):
        said, why = "there is no program's name", "the first word of a command is its program"
    elif any(not name or "=" in name for name in env):
        said, why, next_step = "a variable's name is empty, or has a =", "env is {NAME: VALUE}", "leave it out"
    elif "\0" in "".join([*words, *env, *env.values()]):
        said, why = "there is a NUL byte in it", "the kernel ends a text at a NUL byte, and so would lose the rest"
        next_step = "give such bytes as the program's input: run(…, input=…)"
    if why:
        raise BadParameter(f"run({spelled!r})", said, why, next_step)


def _not_started(error: AgentRefused, tried: str, program: str) -> VnetlearnError:
    """The error that says why a program did not start."""
    number = error.errno or 0
    if number == errno.ENOENT and error.file is None:
        return ToolMissing(
            tried,
            error.strerror or "",
            f"{program} is not in this lab",
            "lab.run('ls /usr/bin /usr/sbin') lists what is there; vnetlearn doctor tells what to install",
        )
    if number == errno.ENOENT:
        why = f"{error.file} is there, but what its first line names to run it (#!), or its loader, is not"
        return KernelRefused(tried, number, "", why, f"lab.run('head -n 1 {error.file}') shows it")
    why, next_step = NOT_STARTED.get(number, ("the kernel did not start it", "man execve lists what this error means"))
    return KernelRefused(tried, number, error.file or "", why, next_step)


def no_namespace(tried: str, netns: str) -> NotFound:
    return NotFound(
        tried,
        f'Cannot open network namespace "{netns}": No such file or directory',
        f"the lab has no namespace '{texts.line(netns)}' (any more)",
        "lab.netns.show() lists them",
    )
