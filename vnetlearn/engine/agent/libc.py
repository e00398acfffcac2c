"""Calls of the C library that Python has no functions for."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 1 << 17, 1 << 26, 1 << 27, 1 << 28, 1 << 30
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_MOVE = 1, 2, 4, 8, 32, 4096, 8192
MS_REC, MS_SLAVE, MS_SHARED = 16384, 1 << 19, 1 << 20
MNT_DETACH = 2
RESTART = 0x01234567  # reboot(2); QEMU's -no-reboot turns it into the end of the guest

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    words = [os.fsencode(word) for word in (source, target, kind)]
    _check(_libc.mount(*words, ctypes.c_ulong(flags), os.fsencode(data)), target)


def unmount(target: str) -> bool:
    """What is mounted there goes once nobody uses it; nothing may be mounted there. Whether something did."""
    return bool(_libc.umount2(os.fsencode(target), MNT_DETACH) == 0)


def unshare(flags: int, what: str) -> None:
    """Move this process into new namespaces (CLONE_NEW…); `what` names them in an error."""
    _check(_libc.unshare(flags), what)


def unshare_net(what: str) -> None:
    """Move this process into a new network namespace; `what` names it in an error."""
    unshare(CLONE_NEWNET, what)


def setns_net(fd: int, what: str) -> None:
    """Move this process into the network namespace behind a descriptor; `what` names it in an error."""
    _check(_libc.setns(fd, CLONE_NEWNET), what)


def setns_mounts(fd: int) -> None:
    """Move this process into the mount namespace behind a descriptor; its root and its folder are those of it."""
    _check(_libc.setns(fd, CLONE_NEWNS), "mounts")


def bind(fd: int, address: bytes, what: str) -> None:
    """bind(2) with an address that Python's sockets cannot spell."""
    _check(_libc.bind(fd, address, len(address)), what)


def restart() -> None:
    _libc.reboot(RESTART)


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
