"""What an agent makes of its namespaces before it serves: what is the lab's own, and what may only be read.

On `host` the agent starts as root in a mount and a process namespace of its own, mounts what it has to guard, and then
gives that power up for good: it enters a user namespace, which owns the lab's network. Of what was mounted before,
nothing can be taken away or made writable from there (mount_namespaces(7), "Restrictions on mount namespaces"), and
root in the lab is root of the lab's own namespaces alone (user_namespaces(7)).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from . import libc
from .libc import MS_BIND, MS_MOVE, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_REC, MS_REMOUNT, MS_SHARED, mount
from .wire import NETNS

DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "net/tun")
LINKS = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}


def prepare_host() -> None:
    """Leave the power over the computer; stay in the folder where the owner is."""
    told, tell = os.pipe()
    guard = os.fork()
    if guard == 0:
        _guard(told)
    libc.unshare(libc.CLONE_NEWUSER | libc.CLONE_NEWNET | libc.CLONE_NEWUTS | libc.CLONE_NEWIPC, "new namespaces")
    with open("/proc/sys/user/max_cgroup_namespaces", "w") as f:  # in one of its own a lab could mount its cgroups
        f.write("0")
    os.write(tell, b".")
    if os.waitpid(guard, 0)[1]:
        raise SystemExit(1)  # it has said why
    os.close(told)
    os.close(tell)
    libc.unshare(libc.CLONE_NEWNS, "a mount namespace")
    _stay()


def _guard(told: int) -> None:
    """As the root that the agent was: give its user namespace the users that there are, and mount what it will find."""
    try:
        os.read(told, 1)
        agent = f"/proc/{os.getppid()}"
        for file in "uid_map", "gid_map":
            _same_ids(f"/proc/self/{file}", f"{agent}/{file}")
        net = os.open(f"{agent}/ns/net", os.O_RDONLY)
        libc.setns_net(net, "the lab's network")  # whose links its /sys shows
        _sys()
        mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
        os.mkdir(NETNS)
        _own_dev()
        _own_tmp()
        _etc()
        _proc()
    except OSError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


def _same_ids(ours: str, theirs: str) -> None:
    """Everyone has the same number inside as here (user_namespaces(7))."""
    with open(ours) as f:
        ranges = [(line.split()[0], line.split()[2]) for line in f]
    with open(theirs, "w") as f:
        f.write("".join(f"{first} {first} {count}\n" for first, count in ranges))


def _own_dev() -> None:
    """The few devices that say nothing of this computer, terminals of its own, and a /dev/shm of its own."""
    os.mkdir("/run/dev")
    mount("tmpfs", "/run/dev", "tmpfs", MS_NOSUID, "mode=755")
    for folder in "net", "pts", "shm":
        os.mkdir(f"/run/dev/{folder}")
    for name in DEVICES:
        if os.path.exists(f"/dev/{name}"):
            os.close(os.open(f"/run/dev/{name}", os.O_CREAT))
            mount(f"/dev/{name}", f"/run/dev/{name}", "none", MS_BIND)
    for name, target in LINKS.items():
        os.symlink(target, f"/run/dev/{name}")
    mount("devpts", "/run/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=666,mode=620")
    mount("tmpfs", "/run/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    mount("/run/dev", "/dev", "none", MS_MOVE)
    os.rmdir("/run/dev")


def _own_tmp() -> None:
    """An empty /tmp, but for what is needed from there: the folder we are in, programs. Whoever is in /tmp keeps it."""
    needed = sorted({path for path in map(os.path.realpath, _needed()) if os.path.isdir(path)})
    if "/tmp" in needed or not os.path.isdir("/tmp"):
        return
    kept = [(path, os.open(path, os.O_PATH)) for path in needed if path.startswith("/tmp/")]
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    for path, fd in kept:
        if not os.path.isdir(path):  # else it lies in one that is there
            os.makedirs(path)
            mount(f"/proc/self/fd/{fd}", path, "none", MS_BIND | MS_REC)


def _needed() -> Iterator[str]:
    yield _here()
    yield from (os.environ.get("HOME", ""), sys.prefix, sys.base_prefix)
    yield from os.environ["PATH"].split(":")


def _here() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:  # it was removed
        return ""


def _sys() -> None:
    """Links as this network has them. Where the other files are ours to write, none may be written.

    `ip netns exec` mounts /sys again, writable when it is run by a program that it has started. The kernel lets it when
    it finds one that is (mount_namespaces(7)), so there is one, beneath /run, where no path leads.
    """
    ours = os.stat("/sys/kernel").st_uid == os.geteuid()
    if ours:
        mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
        os.mkdir("/run/sys")
        mount("sysfs", "/run/sys", "sysfs")
    mount("sysfs", "/sys", "sysfs", MS_RDONLY if ours else 0)


def _etc() -> None:
    """The computer's settings can be read, not written; a DHCP client in the lab gets a resolv.conf of its own."""
    mount("/etc", "/etc", "none", MS_BIND | MS_REC)
    with open("/proc/self/mounts") as f:
        mounted = [line.split()[1] for line in f]
    for path in mounted:
        if path == "/etc" or path.startswith("/etc/"):
            _read_only(path.encode().decode("unicode_escape"))
    if os.path.isfile("/etc/resolv.conf"):  # it may be a link to what is not in this /run
        with open("/etc/resolv.conf", "rb") as theirs, open("/run/resolv.conf", "wb") as ours:
            ours.write(theirs.read())
        mount("/run/resolv.conf", "/etc/resolv.conf", "none", MS_BIND)


def _proc() -> None:
    """Of what is not a process's, only the settings of the network can be written."""
    for entry in list(os.scandir("/proc")):
        if not entry.name.isdigit() and not entry.is_symlink() and entry.stat().st_mode & 0o40222:
            mount(entry.path, entry.path, "none", MS_BIND)
            if entry.name == "sys":
                mount("/proc/sys/net", "/proc/sys/net", "none", MS_BIND)
            _read_only(entry.path)


def _read_only(path: str) -> None:
    kept = os.statvfs(path).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("none", path, "none", MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def _stay() -> None:
    """In the same folder, as it is mounted now; temporary files of programs go into the lab's own /tmp."""
    if os.path.isdir(here := _here()):
        os.chdir(here)
    os.environ.pop("TMPDIR", "")


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
