"""What a hostile program in a lab reaches of the computer: nothing that a lock keeps. docs/security.md names these.

Each attack only tries to reach: it opens, enters or mounts in the lab, and writes nothing. They are made in labs of
root (where the suite runs as root) and of an ordinary user.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from labs import as_another, python

from vnetlearn import Lab
from vnetlearn.engine import host
from vnetlearn.engine.guest import qemu

ROOT = os.geteuid() == 0
OWNER = """
import json, sys
from vnetlearn import Lab
with Lab("empty", engine="host") as lab:
    node = lab.netns.add("n")
    for line in sys.stdin:
        asked = json.loads(line)
        done = (node if asked["named"] else lab).run(asked["argv"], quiet=True)
        print(json.dumps([done.status, done.stdout, done.stderr]), flush=True)
"""
# What attacks are written with; `reached` says what should not have been reached.
TOOLS = """
import ctypes, glob, os, subprocess, sys, tempfile
libc = ctypes.CDLL(None, use_errno=True)
REMOUNT, BIND, DETACH, NEWNET = 32, 4096, 2, 0x40000000
RELATIME = 1 << 21
def mount(source, target, kind, flags=0, data=""):
    return not libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode())
def reached(what):
    print("reached", what)
def writable(folder, but=()):
    for top, folders, files in os.walk(folder):
        folders[:] = [one for one in folders if os.path.join(top, one) not in but]
        for path in (os.path.join(top, one) for one in files if not os.path.islink(os.path.join(top, one))):
            # what has no bit for writing has no code for it in the kernel, though root may open it
            if os.lstat(path).st_mode & 0o222 and os.access(path, os.W_OK, effective_ids=True):
                yield path
def uncovered(place):
    "Steps that make a mount writable, and then show what is beneath it."
    for _ in range(4):
        for flags in (REMOUNT, REMOUNT | BIND, REMOUNT | BIND | RELATIME):
            mount("none", place, "none", flags)
        yield
        if libc.umount2(place.encode(), DETACH):
            return
folder = tempfile.mkdtemp()
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module", params=["root", "another"] if ROOT else ["another"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a program in a lab of root's, or of an ordinary user's: its status and outputs."""
    ok, why, _ = host.available()
    assert ok, f"no host engine here: {why}"
    folder = Path(tempfile.mkdtemp(prefix="fence-"))
    before = as_another(folder) if ROOT and request.param == "another" else []
    env = {**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder), "TMPDIR": str(folder)}
    with python(OWNER, before=before, env=env, cwd=folder) as owner:
        assert owner.stdin
        assert owner.stdout
        stdin, stdout = owner.stdin, owner.stdout

        def run(*argv: str, named: bool = False) -> tuple[int, str, str]:
            stdin.write(json.dumps({"argv": argv, "named": named}) + "\n")
            stdin.flush()
            line = stdout.readline()
            assert line, owner.stderr and owner.stderr.read()
            status, said, complained = json.loads(line)
            return status, said, complained

        yield run
        stdin.close()
        owner.wait()
    shutil.rmtree(folder)


@pytest.fixture(params=[False, True], ids=["first", "named"])
def attack(run: Run, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Runs an attack in the first namespace and in a named one: what it reached."""

    def attack(code: str, *arguments: object) -> str:
        own_mounts = ("unshare", "--mount", "--propagation", "unchanged")
        argv = (*own_mounts, "python3", "-c", TOOLS + code, *map(str, arguments))
        status, said, complained = run(*argv, named=request.param)
        assert (status, complained) == (0, "")
        return said

    return attack


def inode(path: str) -> int:
    return os.stat(path).st_ino


def test_a_socket_of_process_1_leads_nowhere(attack):
    """pidfd_getfd(2) takes it out of the agent, SIOCGSKNS asks for its namespace, setns(2) enters that."""
    code = """
import fcntl
PIDFD_GETFD, SIOCGSKNS = 438, 0x894C
taken = 0
for fd in map(int, os.listdir("/proc/1/fd")):
    ours = libc.syscall(PIDFD_GETFD, os.pidfd_open(1), fd, 0)
    if ours < 0:
        continue
    taken += 1
    try:
        namespace = fcntl.ioctl(ours, SIOCGSKNS)
    except OSError:
        continue
    if os.fstat(namespace).st_ino == int(sys.argv[1]):
        reached("the namespace of a socket")
        if not libc.setns(namespace, NEWNET):
            reached("the computer's network")
assert taken, "process 1 does not give its descriptors: then this attack shows nothing"
"""
    assert attack(code, inode("/proc/self/ns/net")) == ""


def test_no_process_of_the_computer_is_beneath_proc(attack):
    code = """
for _ in uncovered("/proc"):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}/ns/net").st_ino == int(sys.argv[1]):
                reached(f"process {pid}")
        except OSError:
            pass
"""
    assert attack(code, inode("/proc/self/ns/net")) == ""


def test_files_of_the_kernel_cannot_be_written(attack):
    """/sys: a driver's unbind, cpu*/online; the lab's own links aside."""
    code = """
for _ in uncovered("/sys"):
    for path in writable("/sys", ("/sys/devices/virtual/net", "/sys/class/net")):
        reached(path)
"""
    assert attack(code) == ""


def test_settings_of_the_kernel_cannot_be_written(attack):
    """/proc/sys but for net, sysrq-trigger, irq; also after a remount, and by a new /proc."""
    code = """
own = [f"/proc/{name}" for name in os.listdir("/proc") if name.isdigit()] + ["/proc/sys/net"]
for place in "/proc/sys", "/proc/irq", "/proc/sysrq-trigger", "/proc":
    for _ in uncovered(place):
        for path in writable("/proc", own):
            reached(path)
for words in [], ["unshare", "--pid", "--fork"], ["unshare", "--user", "--map-root-user", "-pmf"]:
    if subprocess.run([*words, "mount", "-t", "proc", "proc", folder], capture_output=True).returncode == 0:
        reached("a new /proc")
"""
    assert attack(code) == ""


def test_etc_cannot_be_written(attack):
    code = """
for _ in uncovered("/etc"):
    for path in writable("/etc"):
        if path != "/etc/resolv.conf":
            reached(path)
"""
    assert attack(code) == ""


def test_cgroups_are_out_of_reach(attack):
    """By a release_agent root outside would run a program; a cgroup that a lab makes would outlive it."""
    code = """
kinds = [("cgroup2", "")] + [("cgroup", name) for name in ("memory", "rdma", "none,name=systemd", "pids")]
for kind, data in kinds:
    if mount("none", folder, kind, 0, data):
        reached(kind)
if subprocess.run(["unshare", "--cgroup", "true"], capture_output=True).returncode == 0:
    reached("a cgroup namespace")
for _ in uncovered("/sys"):
    for path in glob.glob("/sys/fs/cgroup/*"):
        reached(path)
"""
    assert attack(code) == ""


def test_devices_of_the_computer_are_out_of_reach(attack):
    code = """
usual = "fd full net null ptmx pts random shm stderr stdin stdout tty urandom zero tun".split()
for _ in uncovered("/dev"):
    for top, folders, files in os.walk("/dev"):
        for name in files + folders:
            if name not in usual and not top.startswith(("/dev/pts", "/dev/shm")):
                reached(os.path.join(top, name))
if mount("devtmpfs", folder, "devtmpfs"):
    reached("devtmpfs")
for place in folder, "/dev":
    for kind, major, minor in (0o060000, 7, 0), (0o020000, 1, 1):  # loop0, /dev/mem
        try:
            os.mknod(place + "/made", 0o600 | kind, os.makedev(major, minor))
            os.close(os.open(place + "/made", os.O_RDONLY))
            reached(place)
        except OSError:
            pass
"""
    assert attack(code) == ""


def test_no_power_over_the_kernel(attack):
    """Each asks for what is not there: the kernel says that, where it does not say first that one may not ask."""
    code = """
EPERM, ENOSYS = 1, 38
for name, arguments in {"swapoff": (b"/nowhere",), "delete_module": (b"no_such_module", 0x800)}.items():
    if not getattr(libc, name)(*arguments) or ctypes.get_errno() not in (EPERM, ENOSYS):
        reached(f"{name}: {os.strerror(ctypes.get_errno())}")
"""
    assert attack(code) == ""


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
def test_temporary_files_are_the_labs_own(run, folder):
    with tempfile.NamedTemporaryFile(dir=folder) as theirs:
        assert run("test", "-e", theirs.name)[0] == 1
        name = Path(theirs.name).name + "-made-in-the-lab"
        assert run("touch", f"{folder}/{name}", named=True)[0] == 0
        assert run("test", "-e", f"{folder}/{name}")[0] == 0
        assert not Path(folder, name).exists()
    assert run("sh", "-c", f"umount {folder} || umount -l {folder}")[0] != 0
    assert run("mktemp")[1].startswith("/tmp/tmp.")


def test_the_folder_one_works_in_is_there_and_stays(run):
    """Here it lies in /tmp, of which the rest is not there."""
    status, said, _ = run("sh", "-c", "echo kept > file; pwd; ls /tmp")
    where, *others = said.split()
    assert (status, [where]) == (0, [f"/tmp/{name}" for name in others if name.startswith("fence-")])
    assert Path(where, "file").read_text() == "kept\n"


def test_what_a_lab_needs_works(run):
    """Its network's settings, files of its links, terminals, shared memory, mounts, namespaces."""
    shared = "from multiprocessing.shared_memory import SharedMemory as S; S(create=True, size=9).unlink()"
    words = [
        "sysctl -qw net.ipv4.ip_forward=1 && test $(cat /proc/sys/net/ipv4/ip_forward) = 1",
        "ip link add br0 type bridge && test $(cat /sys/class/net/br0/bridge/stp_state) = 0 && ip link delete br0",
        "python3 -c 'import os, pty; os.write(pty.openpty()[1], b\"x\")'",
        f"python3 -c '{shared}'",
        "mount -t tmpfs none /mnt && umount /mnt",
        "unshare -n true && unshare -m true && unshare -i true",
        "echo $$ > /dev/null && test -r /proc/1/status",
        "hostname lab && test $(hostname) = lab",
        "ip netns add other && ip netns exec other ls /sys/class/net/lo > /dev/null && ip netns delete other",
    ]
    for named in False, True:
        for text in words:
            assert run("sh", "-c", text, named=named)[::2] == (0, ""), text


def test_a_users_links_have_files_that_can_be_written(run):
    """Root's labs can only read them, since the files beside them are root's too."""
    file = "/sys/class/net/br0/bridge/stp_state"
    text = f"ip link add br0 type bridge; echo 1 > {file}; cat {file}"
    _, said, complained = run("sh", "-c", f"{text}; ip link delete br0")
    assert (said, "Read-only" in complained) in {("1\n", False), ("0\n", True)}


@pytest.fixture(scope="module")
def guest() -> Iterator[Lab]:
    with Lab("empty", engine="vm") as lab:
        yield lab


def test_a_guest_has_no_card_and_no_disk(guest):
    assert [link.name for link in guest.link.show()] == ["lo"]
    assert guest.run("ls /sys/block; cat /proc/mounts | grep -E '^/dev/| 9p | virtiofs '", quiet=True).stdout == ""
    assert guest.run("cat /sys/class/virtio-ports/*/name", quiet=True).stdout == "agent\n"


def test_a_guest_is_bounded(guest):
    text = "nproc; awk '/MemTotal/ {print $2}' /proc/meminfo"
    processors, memory = map(int, guest.run(text, quiet=True).stdout.split())
    assert processors == 1
    assert memory < qemu.MEMORY_MB << 10
