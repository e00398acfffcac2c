"""Network namespaces: made and removed as `ip netns` does it, found by their names, entered for a moment."""

from __future__ import annotations

import contextlib
import errno
import os
import select
from collections.abc import Callable, Iterator

from . import libc
from .loop import Loop
from .wire import NETNS, NoNamespace


class Namespaces:
    """The namespaces of this world. "" is the first one, where the agent itself stands."""

    def __init__(self) -> None:
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        self._root, self._folder = (os.open(path, os.O_PATH | os.O_CLOEXEC) for path in "/.")
        self._unnamed: dict[str, int] = {}  # namespaces without a name, by a process in each

    @property
    def home(self) -> int:
        """The inode number of the first one."""
        return os.fstat(self._home).st_ino

    def add(self, name: str) -> None:
        """As `ip netns add` does: a new namespace, held by a bind mount of the same name."""
        path = _path_of(name)
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0))
        try:
            libc.unshare_net(name)
            libc.mount("/proc/self/ns/net", path, "none", libc.MS_BIND)
        except BaseException:
            os.unlink(path)
            raise
        finally:
            libc.setns_net(self._home, "home")

    def delete(self, name: str) -> None:
        self.need(name)
        libc.unmount(_path_of(name))
        os.unlink(_path_of(name))

    def need(self, name: str) -> None:
        """Raises `NoNamespace` when it has no name."""
        if not os.path.exists(_path_of(name)):
            raise NoNamespace(name)

    def open(self, name: str) -> int:
        """A descriptor of a namespace. Raises `NoNamespace`."""
        try:
            return os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NoNamespace(name) from None

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """The agent itself stands in a namespace for a moment. Raises `NoNamespace`."""
        if not name:
            yield
            return
        fd = self.open(name)
        try:
            libc.setns_net(fd, name)
        finally:
            os.close(fd)
        try:
            yield
        finally:
            libc.setns_net(self._home, "home")

    @contextlib.contextmanager
    def executing(self, name: str) -> Iterator[None]:
        """What is started now finds itself where `ip netns exec` puts it: in a namespace, with a /sys that shows it and
        with /etc/netns/NAME in its /etc, by mounts of its own (iproute2, lib/namespace.c). Raises `NoNamespace`.

        The agent makes the mounts and leaves them to the program: that takes a few calls, and `ip` a process.
        """
        if not name:
            yield
            return
        with self.inside(name):
            libc.unshare(libc.CLONE_NEWNS, "mounts")
            try:
                libc.mount("none", "/", "none", libc.MS_SLAVE | libc.MS_REC)
                read_only = 0 if libc.unmount("/sys") else os.statvfs("/sys").f_flag & os.ST_RDONLY
                libc.mount(name, "/sys", "sysfs", read_only)
                own = f"/etc/netns/{name}"
                for file in os.listdir(own) if os.path.isdir(own) else ():
                    with contextlib.suppress(OSError):  # ip says it, and goes on
                        libc.mount(f"{own}/{file}", f"/etc/{file}", "none", libc.MS_BIND)
                yield
            finally:
                libc.setns_mounts(self._mounts)
                os.fchdir(self._root)
                os.chroot(".")
                os.fchdir(self._folder)

    def named(self) -> dict[str, int]:
        """Names and inode numbers; the inode tells whether two names are one namespace."""
        there = sorted(os.listdir(NETNS)) if os.path.isdir(NETNS) else []
        return {name: os.stat(f"{NETNS}/{name}").st_ino for name in there}

    def mounted(self) -> dict[str, int]:
        """As `named`, without names that are there before what they name is."""
        home, found = os.fstat(self._home), {}
        for name in sorted(os.listdir(NETNS)):
            try:
                status = os.stat(f"{NETNS}/{name}")
            except FileNotFoundError:
                continue
            if status.st_dev == home.st_dev:
                found[name] = status.st_ino
        return found

    def unnamed(self) -> tuple[list[str], int]:
        """Namespaces that have no name, by a program in each (`lsns -t net`), and how many programs are another user's.

        They are called so from now on.
        """
        known = {self.home, *self.named().values()}
        hidden = 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                inode = os.stat(f"/proc/{pid}/ns/net").st_ino
                if inode not in known:
                    known.add(inode)
                    self._unnamed[f"{_first_line(f'/proc/{pid}/comm')} (process {pid})"] = int(pid)
            except PermissionError:
                hidden += 1
            except OSError:  # it ended
                continue
        return list(self._unnamed), hidden

    def holders(self) -> Iterator[dict[str, object]]:
        """The programs that hold a tun or tap link: by its name (tun(4)), or a macvtap by its index (/dev/tapINDEX)."""
        names = {os.stat(self._path(name)).st_ino: name for name in ("", *self.named(), *self._unnamed)}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                where = names.get(os.stat(f"/proc/{pid}/ns/net").st_ino)
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    path = os.readlink(f"/proc/{pid}/fd/{fd}")
                    if path.startswith(("/dev/net/tun", "/dev/tap")):
                        program, link = _first_line(f"/proc/{pid}/comm"), _held(f"/proc/{pid}/fdinfo/{fd}")
                        yield {"pid": int(pid), "program": program, "netns": where, "link": link, "path": path}
            except OSError:  # it ended, or is another user's
                continue

    def _path(self, name: str) -> str:
        if name in self._unnamed:
            return f"/proc/{self._unnamed[name]}/ns/net"
        return _path_of(name) if name else "/proc/self/ns/net"


class Mounts:
    """The table of mounts shows when a namespace gets its name and when it loses it, whoever does that (proc(5))."""

    def __init__(self, loop: Loop, changed: Callable[[], None]) -> None:
        self._loop, self._changed = loop, changed
        self._table = os.open("/proc/self/mounts", os.O_RDONLY | os.O_CLOEXEC)
        self._events = select.epoll()
        self._events.register(self._table, select.EPOLLPRI)
        loop.watch(self._events.fileno(), self._happened)

    def _happened(self) -> None:
        if not self._events.closed:
            self._events.poll(0)
            self._changed()

    def close(self) -> None:
        self._loop.unwatch(self._events.fileno())
        self._events.close()
        os.close(self._table)


def _path_of(name: str) -> str:
    """Where a namespace's name stands. Raises `OSError` for what is no name of a file."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise OSError(errno.EINVAL, f"{name!r} cannot be the name of a namespace")
    return f"{NETNS}/{name}"


def _first_line(path: str) -> str:
    with open(path, errors="replace") as f:
        return f.readline().strip()


def _held(fdinfo: str) -> str:
    with open(fdinfo, errors="replace") as f:
        return next((line.split(":", 1)[1].strip() for line in f if line.startswith("iff:")), "")
