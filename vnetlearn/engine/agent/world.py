"""What an agent makes of its mount namespace before it serves: what is the lab's own, and what may only be read."""

from __future__ import annotations

import os

from .libc import MS_BIND, MS_NOSUID, MS_RDONLY, MS_REC, MS_REMOUNT, MS_SHARED, mount
from .wire import NETNS


def prepare_host() -> None:
    """Give this mount namespace its own /run and /sys, a /proc/sys to write only below net, and a read-only /etc."""
    mount("tmpfs", "/run", "tmpfs", MS_NOSUID)
    os.mkdir(NETNS)
    mount("sysfs", "/sys", "sysfs")
    mount("/proc/sys", "/proc/sys", "none", MS_BIND)
    mount("/proc/sys/net", "/proc/sys/net", "none", MS_BIND)
    mount("none", "/proc/sys", "none", MS_REMOUNT | MS_BIND | MS_RDONLY)
    _private_etc()


def _private_etc() -> None:
    """The computer's settings can be read, not written; a DHCP client in the lab gets a resolv.conf of its own."""
    mount("/etc", "/etc", "none", MS_BIND | MS_REC)
    mount("none", "/etc", "none", MS_REMOUNT | MS_BIND | MS_RDONLY)
    if os.path.isfile("/etc/resolv.conf"):  # it may be a link to what is not in this /run
        with open("/etc/resolv.conf", "rb") as theirs, open("/run/resolv.conf", "wb") as ours:
            ours.write(theirs.read())
        mount("/run/resolv.conf", "/etc/resolv.conf", "none", MS_BIND)


def share_netns() -> None:
    """As `ip netns add` does: what is mounted or removed here is so in every program's mount namespace too."""
    os.makedirs(NETNS, exist_ok=True)
    mount("tmpfs", NETNS, "tmpfs")
    mount("none", NETNS, "none", MS_SHARED | MS_REC)


def agent_port() -> str:
    """A guest's way to its owner."""
    for port in os.listdir("/sys/class/virtio-ports"):
        with open(f"/sys/class/virtio-ports/{port}/name") as f:
            if f.read().strip() == "agent":
                return f"/dev/{port}"
    raise SystemExit("no virtio-serial port named agent")
