"""Programs that run in a namespace: their streams, or a terminal of their own, and how they end."""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import pty
import re
import selectors
import signal
import struct
import termios
from collections.abc import Iterable, Mapping, Sequence

from .loop import Loop, Source
from .netns import Namespaces
from .wire import CREDIT, WINDOW

# A program answers these as usual, also when the agent's owner was started to ignore them (nohup(1), a shell's &)
USUAL = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTERM]
# What stdbuf(1) preloads, so that programs write line by line, as they would to a terminal
STDBUF = next(iter(glob.glob("/usr/lib*/coreutils/libstdbuf.so")), "")
SCRIPT = 9  # the descriptor from which bash reads a script that is too long for an argument; closed while that runs
READ_SCRIPT = ("bash", ["bash", "-c", f'eval "$(</dev/fd/{SCRIPT})" {SCRIPT}<&-'])
# Shell text in which bash sees only words, the first of which names no variable and no job
WORDS = re.compile(r"[\w./:@+,-][\w./:@%+,-]*(?: +[\w./:@%+,=-]+)*", re.ASCII)
Start = tuple[str, list[str]]  # a program's file or name, and its arguments with the name that it is told it has
# What bash does itself: `compgen -b -k`
OF_BASH = frozenset(
    ". : alias bg bind break builtin caller case cd command compgen complete compopt continue coproc declare dirs"
    " disown do done echo elif else enable esac eval exec exit export false fc fg fi for function getopts hash help"
    " history if in jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly return select set"
    " shift shopt source suspend test then time times trap true type typeset ulimit umask unalias unset until wait"
    " while".split()
)
NOTICED = ("BASH", "SHELLOPTS", "POSIXLY", "EXECIGNORE")  # variables that change what bash makes of its text


def line_by_line(env: dict[str, str]) -> dict[str, str]:
    """An environment as stdbuf(1) with -oL gives it to what it starts."""
    if not STDBUF:
        return env
    return {**env, "_STDBUF_O": "L", "LD_PRELOAD": ":".join(filter(None, (env.get("LD_PRELOAD"), STDBUF)))}


def shell(text: str, env: dict[str, str]) -> list[Start]:
    """What to start for shell text: bash; but first, where that means the same, the one program that bash would become.

    A shell takes more than half of a short command's time. `env` gets what bash would add to it.
    """
    by_bash = ("bash", ["bash", "-c", text])
    first, *more = text.split(" ") if WORDS.fullmatch(text) else [""]
    if not first or first in OF_BASH or any(name.startswith(NOTICED) for name in env):
        return [by_bash]
    if not (path := _found(first, env.get("PATH", ""))):
        return [by_bash]
    if (
        not env.get("PWD", "").startswith("/")
        or not os.path.exists(env["PWD"])
        or not os.path.samefile(env["PWD"], ".")
    ):
        env["PWD"] = os.getcwd()
    env.setdefault("SHLVL", "0")
    env["_"] = path
    return [(path, [first, *filter(None, more)]), by_bash]


def _found(program: str, path: str) -> str:
    """The file of a program; "" when there is none that can be started."""
    for place in [program] if "/" in program else [f"{folder or '.'}/{program}" for folder in path.split(":")]:
        if os.path.isfile(place) and os.access(place, os.X_OK):
            return place
    return ""


class Script(Source):
    """Shell text that comes in pieces."""

    def __init__(self, loop: Loop, channel: int) -> None:
        super().__init__(loop, channel)
        self._file, self._error = os.memfd_create("script", os.MFD_CLOEXEC), 0

    def data(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            self._error = error.errno or errno.EIO

    def opened(self) -> int:
        """A descriptor that reads it from its start. Raises `OSError` when it did not fit into the lab's memory."""
        if self._error:
            raise OSError(self._error, os.strerror(self._error), "the script")
        return os.open(f"/proc/self/fd/{self._file}", os.O_RDONLY | os.O_CLOEXEC)

    def eof(self) -> None:
        os.close(self._file)
        self.loop.ended(self.channel)


class Program(Source):
    """One running program: its input, its outputs, and its end. `tty` is [rows, columns] of a terminal of its own."""

    def __init__(self, loop: Loop, channel: int, env: Mapping[str, str], tty: Sequence[int] | None) -> None:
        super().__init__(loop, channel)
        self._env, self._tty = env, tty
        self.pid = 0
        self._status: int | None = None
        self._waiting, self._closing, self._stalled = bytearray(), False, False
        self._taken = 0  # bytes of input that the program took, and the owner does not know of yet
        self._input: int | None = None
        self._outputs: dict[int, int] = {}  # descriptor → stream number

    def start(self, namespaces: Namespaces, netns: str, starts: list[Start], script: int | None = None) -> None:
        """Start the first of these that starts, with `script` to read from. Raises `OSError`, `NoNamespace`."""
        given = [] if script is None else [script]
        try:
            _check([*self._env, *self._env.values(), *(word for _, argv in starts for word in argv)])
            actions = self._terminal(given) if self._tty else self._pipes(given)
            if script is not None:
                actions.append((os.POSIX_SPAWN_DUP2, script, SCRIPT))
            with namespaces.executing(netns):
                self.pid = self._spawned(starts, actions)
        except BaseException:
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
        self.loop.children[self.pid] = self._ended

    def _spawned(self, starts: list[Start], actions: list[tuple[object, ...]]) -> int:
        """Start the first of these that starts; the error is the last one's."""
        *others, (program, argv) = starts
        for path, words in others:
            try:
                return os.posix_spawn(path, words, self._env, file_actions=actions, setsid=True, setsigdef=USUAL)
            except OSError:
                continue
        if not program:
            raise FileNotFoundError(errno.ENOENT, "there is no name of a program")
        try:
            return os.posix_spawnp(program, argv, self._env, file_actions=actions, setsid=True, setsigdef=USUAL)
        except OSError as error:
            raise _not_started(error, program) from None

    def _terminal(self, given: list[int]) -> list[tuple[object, ...]]:
        """What becomes of what the program is `given`, there (posix_spawn(3))."""
        ours, theirs = pty.openpty()
        self._outputs[ours] = 1
        given.append(theirs)
        self._input = os.dup(ours)
        assert self._tty
        _set_size(ours, *self._tty)
        # Opened again by the leader of a new session, it becomes that session's controlling terminal.
        opened = (os.POSIX_SPAWN_OPEN, 0, os.ttyname(theirs), os.O_RDWR, 0)
        return [opened, *((os.POSIX_SPAWN_DUP2, 0, n) for n in (1, 2))]

    def _pipes(self, given: list[int]) -> list[tuple[object, ...]]:
        actions: list[tuple[object, ...]] = []
        for number in range(3):
            reads, writes = os.pipe()
            if number == 0:
                self._input, theirs = writes, reads
            else:
                self._outputs[reads], theirs = number, writes
            given.append(theirs)
            actions.append((os.POSIX_SPAWN_DUP2, theirs, number))
        return actions

    def kill(self, number: int) -> None:
        """Send a signal to everything in a program's process group, as long as the program is there."""
        if self._status is not None:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        if not 0 <= number < signal.NSIG:
            raise OSError(errno.EINVAL, f"there is no signal {number}")
        os.killpg(self.pid, number)

    def resize(self, rows: int, columns: int) -> None:
        if self._input is not None and self._tty:
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
        if data[:1] != b"\0":
            raise OSError(errno.EINVAL, "a program's input is stream 0")
        if self._taken + len(self._waiting) + len(data) - 1 > WINDOW:
            raise OSError(errno.ENOBUFS, f"{WINDOW} bytes of input are on their way, and no more may be")
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
        try:
            while self._waiting and self._input is not None:
                os.set_blocking(self._input, False)
                self._take(os.write(self._input, self._waiting))
        except BlockingIOError:
            self._stalled = True
            assert self._input is not None
            self.loop.when_writable(self._input, self._feed)
            return
        except OSError:  # nobody reads any more
            pass
        self._take(len(self._waiting))  # what nobody reads is dropped
        if self._closing and not self._tty:
            self._close_input()

    def _take(self, count: int) -> None:
        """So many bytes are gone. The owner is told once they are many."""
        del self._waiting[:count]
        self._taken += count
        if self._taken > WINDOW // 4:
            self.loop.send(CREDIT, self.channel, self._taken.to_bytes(4, "big"))
            self._taken = 0

    def _close_input(self) -> None:
        if self._input is not None:
            self.loop.unwatch(self._input)
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
        self._close_input()


def _check(words: Iterable[str]) -> None:
    """Raises `OSError` for what the kernel cannot be given: there, a NUL byte ends a text."""
    for word in words:
        try:
            if b"\0" not in os.fsencode(word):
                continue
        except UnicodeEncodeError:
            pass
        raise OSError(errno.EINVAL, "an argument or a variable has a NUL byte, or a character that UTF-8 has not")


def _not_started(error: OSError, program: str) -> OSError:
    """The error of a program that did not start, with the file that was found for it, if there was one."""
    folders = [""] if "/" in program else [f"{folder}/" for folder in os.environ["PATH"].split(":")]
    there = next((place for folder in folders if os.path.exists(place := folder + program)), None)
    number = errno.EISDIR if there and os.path.isdir(there) else error.errno or errno.EIO
    return OSError(number, os.strerror(number), there)


def _set_size(terminal: int, rows: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _ready(fd: int) -> bool:
    with selectors.PollSelector() as one:
        one.register(fd, selectors.EVENT_READ)
        return bool(one.select(0))
