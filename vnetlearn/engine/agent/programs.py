"""Programs that run in a namespace: their streams, or a terminal of their own, and how they end."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import selectors
import signal
import struct
import termios
from collections.abc import Mapping, Sequence

from .loop import Loop, Source
from .netns import Namespaces

# A program answers these as usual, also when the agent's owner was started to ignore them (nohup(1), a shell's &)
USUAL = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTERM]


def command(namespaces: Namespaces, argv: Sequence[str], netns: str) -> list[str]:
    """The program as `ip netns exec` starts it. Raises `NoNamespace`, `FileNotFoundError`."""
    if not netns:
        return list(argv)
    namespaces.need(netns)
    _find(argv[0])
    return ["ip", "netns", "exec", netns, *argv]


def _find(program: str) -> None:
    """`ip netns exec` would answer a missing program with a status; say it as it is said without a namespace."""
    folders = [""] if "/" in program else [f"{folder}/" for folder in os.environ["PATH"].split(":")]
    if not any(os.access(folder + program, os.X_OK) for folder in folders):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)


class Program(Source):
    """One running program: its input, its outputs, and its end. `tty` is [rows, columns] of a terminal of its own."""

    def __init__(
        self, loop: Loop, channel: int, argv: list[str], env: Mapping[str, str], tty: Sequence[int] | None
    ) -> None:
        super().__init__(loop, channel)
        self._status: int | None = None
        self._waiting, self._closing, self._stalled = b"", False, False
        self._input: int | None
        self._outputs: dict[int, int]  # descriptor → stream number
        given, actions = self._terminal(*tty) if tty else self._pipes()
        try:
            self.pid = os.posix_spawnp(argv[0], argv, env, file_actions=actions, setsid=True, setsigdef=USUAL)
        except OSError:
            for fd in {self._input, *self._outputs}:
                if fd is not None:
                    os.close(fd)
            raise
        finally:
            for fd in given:
                os.close(fd)
        for fd in self._outputs:
            os.set_blocking(fd, False)
        self._watch()
        loop.children[self.pid] = self._ended

    def _terminal(self, rows: int, columns: int) -> tuple[list[int], list[tuple[object, ...]]]:
        """What the program is given, and what becomes of it there (posix_spawn(3))."""
        ours, theirs = pty.openpty()
        _set_size(ours, rows, columns)
        self._input, self._outputs = ours, {ours: 1}
        # Opened again by the leader of a new session, it becomes that session's controlling terminal.
        opened = (os.POSIX_SPAWN_OPEN, 0, os.ttyname(theirs), os.O_RDWR, 0)
        return [theirs], [opened, *((os.POSIX_SPAWN_DUP2, 0, n) for n in (1, 2))]

    def _pipes(self) -> tuple[list[int], list[tuple[object, ...]]]:
        (stdin, self._input), (out, stdout), (err, stderr) = os.pipe(), os.pipe(), os.pipe()
        self._outputs = {out: 1, err: 2}
        given = [stdin, stdout, stderr]
        return given, [(os.POSIX_SPAWN_DUP2, fd, n) for n, fd in enumerate(given)]

    def kill(self, number: int) -> None:
        """Send a signal to everything in the program's process group."""
        os.killpg(self.pid, number)

    def resize(self, rows: int, columns: int) -> None:
        if self._input is not None:
            _set_size(self._input, rows, columns)

    # What it writes

    def _watch(self) -> None:
        for fd in self._outputs:
            self.loop.watch(fd, lambda fd=fd: self._readable(fd))  # type: ignore[misc]

    def _readable(self, fd: int) -> None:
        """Pass on what there is. After the program's end, what it left running in the background writes to nobody."""
        try:
            data = os.read(fd, 1 << 16)
        except BlockingIOError:
            return
        except OSError:  # a terminal whose last user has gone
            data = b""
        if not data:
            self._forget(fd)
        elif self.channel in self.loop.sources:
            self.send(data, bytes([self._outputs[fd]]))
            if self.behind:
                for one in self._outputs:
                    self.loop.unwatch(one)

    def _forget(self, fd: int) -> None:
        self.loop.unwatch(fd)
        del self._outputs[fd]
        if fd == self._input:
            self._input = None
        os.close(fd)

    def credit(self, count: int) -> None:
        paused = self.behind
        super().credit(count)
        if paused and not self.behind:
            self._watch()
            if self._status is not None:
                self._finish()

    # What it reads

    def data(self, data: bytes) -> None:
        self._waiting += data[1:]
        if not self._stalled:
            self._feed()

    def eof(self) -> None:
        self._closing = True
        if not self._stalled:
            self._feed()

    def _feed(self) -> None:
        """Write what waits to the program's input, as far as it takes it; the loop brings us back for the rest."""
        self._stalled = False
        if self._input is None:
            return
        os.set_blocking(self._input, False)
        try:
            while self._waiting:
                self._waiting = self._waiting[os.write(self._input, self._waiting) :]
        except BlockingIOError:
            self._stalled = True
            self.loop.when_writable(self._input, self._feed)
            return
        except OSError:  # nobody reads any more
            self._waiting = b""
        if self._closing and self._input not in self._outputs:
            os.close(self._input)
            self._input = None

    # How it ends

    def _ended(self, status: int) -> None:
        self._status = status
        self._finish()

    def _finish(self) -> None:
        """After the program's end: pass on what it had written, then say how it ended."""
        for fd in list(self._outputs):
            while fd in self._outputs and not self.behind and _ready(fd):
                self._readable(fd)
        if self.behind:
            return
        self.loop.ended(self.channel, self._status)
        if self._input is not None and self._input not in self._outputs:
            os.close(self._input)
        self._input = None


def _set_size(terminal: int, rows: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _ready(fd: int) -> bool:
    with selectors.PollSelector() as one:
        one.register(fd, selectors.EVENT_READ)
        return bool(one.select(0))
