"""Settings of the kernel, /proc/sys: the network's are those of the namespace that the agent stands in."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

from .netns import Namespaces

ROOT = "/proc/sys"
MOST_BYTES = 1 << 14
READ, WRITE = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW


def ask(namespaces: Namespaces, netns: str, path: str, value: str | None) -> dict[str, object]:
    """Read a setting in a namespace, or write it: its value, or what did not work at which step (open, read, write)."""
    with namespaces.inside(netns):
        step = "open"
        try:
            fd = os.open(_inside(path), READ if value is None else WRITE)
            try:
                if value is None:
                    step = "read"
                    return {"value": _read(fd)}
                step = "write"
                os.write(fd, value.encode(errors="surrogateescape") + b"\n")
                return {"value": value}
            finally:
                os.close(fd)
        except OSError as error:
            return {"step": step, "number": error.errno or errno.EIO, "said": error.strerror or ""}


def find(namespaces: Namespaces, netns: str, patterns: Iterable[str]) -> dict[str, str]:
    """The settings of a namespace that can be read, by their paths; a `*` stands for each name in its folder."""
    found: dict[str, str] = {}
    with namespaces.inside(netns):
        listed: dict[str, list[str]] = {}
        for pattern in patterns:
            folder, star, rest = pattern.partition("*")
            if star and folder not in listed:
                listed[folder] = _names(folder)
            for path in (f"{folder}{name}{rest}" for name in (listed[folder] if star else [""])):
                try:
                    fd = os.open(_inside(path), READ)
                except OSError:
                    continue
                try:
                    found[path] = _read(fd)
                except OSError:  # a link that has gone meanwhile, or a setting that can only be written
                    continue
                finally:
                    os.close(fd)
    return found


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(_inside(folder.rstrip("/"))))
    except FileNotFoundError:  # a kernel without IPv6
        return []


def _inside(path: str) -> str:
    """Where a setting is. Nothing leads out of /proc/sys. Raises `FileNotFoundError`."""
    if "\0" in path or not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return f"{ROOT}/{path}"


def _read(fd: int) -> str:
    """A setting is read in one piece (fs/proc/proc_sysctl.c)."""
    return os.read(fd, MOST_BYTES).decode(errors="replace").strip()
