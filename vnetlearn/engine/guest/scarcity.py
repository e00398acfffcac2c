"""What a guest that did not start was short of, by what QEMU or the kernel said: the likely reason, and what helps."""

from __future__ import annotations

import re
import resource
from collections.abc import Callable

GUEST_MB = 900  # of address space: a guest's memory, QEMU's translations and libraries, its threads' stacks
GUEST_FILES = 30  # descriptors of this process and of QEMU


def reason(said: str, folder: str) -> tuple[str, str] | None:
    """(why, next step) for the words of whoever refused; None when they tell of nothing that is short.

    `folder` is the image's.
    """
    for words, why in REASONS.items():
        if re.search(words, said):
            return why(folder)
    return None


def _memory(_: str) -> tuple[str, str]:
    for name, limit in (("-v", resource.RLIMIT_AS), ("-d", resource.RLIMIT_DATA)):
        if (most := resource.getrlimit(limit)[0]) != resource.RLIM_INFINITY:
            why = f"a guest's processes may have {most >> 20} MB each (ulimit {name}), and QEMU needs about {GUEST_MB}"
            return why, f"ulimit {name} unlimited, before Python is started; or Lab(engine='host')"
    with open("/proc/meminfo") as f:
        free = int(dict(line.split(":", 1) for line in f)["MemAvailable"].split()[0]) >> 10
    return f"this computer gives QEMU no memory: {free} MB are available", "close other labs and programs"


def _threads(folder: str) -> tuple[str, str]:
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        return _memory(folder)
    most = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    limit = "" if most == resource.RLIM_INFINITY else f" (this user may have {most}: ulimit -u)"
    return f"this computer gives no more processes and threads{limit}", "close other labs and programs"


def _files(_: str) -> tuple[str, str]:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    why = f"a process may have {most} files open (ulimit -n), and a guest needs about {GUEST_FILES} more"
    return why, "close labs that are not needed, or raise the limit: ulimit -n 4096, before Python is started"


def _read_only(folder: str) -> tuple[str, str]:
    why = f"QEMU opens the guest's memory in {folder} for writing, though it changes nothing in it"
    return why, "set XDG_CACHE_HOME to a folder that you can write to; an image is built there"


REASONS: dict[str, Callable[[str], tuple[str, str]]] = {
    "Too many open files": _files,
    "Read-only file system|Permission denied": _read_only,
    "Cannot allocate memory|Failed to allocate|failed to allocate": _memory,
    "Resource temporarily unavailable|can't start new thread": _threads,
}
