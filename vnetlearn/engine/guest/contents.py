"""What is in the guest: the machine's own programs and the libraries they load, Python, and the kernel's modules.

Every entry is a path in the guest and what stands there. /bin, /sbin, /lib and /lib64 are links into /usr.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from ...errors import ToolMissing
from .. import agent
from . import kernel
from .initramfs import Entry, folder, link, node, text

# Debian's packages, and the programs of each that go into the guest (depmod and ldd are also used to build it).
PROGRAMS = {
    "bash": "bash",
    "busybox": "busybox",
    "can-utils": "candump cansend cangen",
    "coreutils": "arch base64 basename cat chmod chown comm cp cut date dd df dirname du echo env expr false head id"
    " install join ln ls md5sum mkdir mkfifo mknod mktemp mv nice nohup nproc numfmt od paste printf pwd readlink"
    " realpath rm rmdir seq sha256sum shuf sleep sort split stat stdbuf stty sum sync tac tail tee test timeout touch"
    " tr true truncate tsort tty uname unexpand uniq wc who whoami yes",
    "dash": "sh",
    "diffutils": "cmp diff",
    "dnsmasq-base": "dnsmasq",
    "ethtool": "ethtool",
    "findutils": "find xargs",
    "grep": "grep egrep fgrep",
    "gzip": "gzip",
    "hostname": "hostname",
    "iperf3": "iperf3",
    "iproute2": "bridge devlink ip lnstat nstat rtmon ss tc",
    "iputils-arping": "arping",
    "iputils-ping": "ping",
    "jq": "jq",
    "kmod": "depmod insmod kmod lsmod modinfo modprobe rmmod",
    "less": "less",
    "libc-bin": "getent ldd",
    "mawk": "awk",
    "mount": "mount umount",
    "ncurses-bin": "clear tput",
    "net-tools": "arp ifconfig netstat route",
    "nftables": "nft",
    "procps": "free pgrep pkill ps sysctl top uptime watch",
    "sed": "sed",
    "tar": "tar",
    "tcpdump": "tcpdump",
    "udhcpc": "udhcpc",
    "util-linux": "dmesg flock lsns nsenter setpriv setsid unshare",
    "vim-tiny": "vi",
    "wpan-tools": "iwpan",
}

# Folders of modules, below …/RELEASE/kernel, that go in as a whole, without these exceptions; and single modules.
MODULE_FOLDERS = (
    *("net", "drivers/net", "drivers/infiniband/core", "drivers/infiniband/sw", "drivers/infiniband/ulp/ipoib"),
    *("drivers/char/hw_random", "drivers/virtio", "crypto", "arch/x86/crypto", "arch/arm64/crypto"),
)
NOT_MODULES = re.compile(
    r"(drivers/net/(ethernet|wireless|usb|wwan|fddi|hippi|arcnet|thunderbolt|hyperv|fjes|xen\w*|phy|pcs|wan"
    r"|can/(?!kvaser_pci|vcan|vxcan|dev|slcan|sja1000))|net/(ceph|sunrpc|rxrpc|9p|dccp|nfc|rds|atm))/"
)
BUT_MODULES = frozenset(
    ("mac80211_hwsim", "virt_wifi", "wwan", "wwan_hwsim", "libphy", "virtio_console", "virtio_rng", "virtio_pci")
)

MANY_CALLS = 500  # files for one call of a program

TERMINALS = "ansi dumb linux screen screen-256color tmux tmux-256color vt100 vt220 xterm xterm-256color"
SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOT_PYTHON = shutil.ignore_patterns(
    *("test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "pydoc_data", "distutils"),
    *("config-*", "*-packages", "*.opt-?.pyc", "_test*.so", "xxlimited*"),
)
ETC = ("protocols", "services", "ethertypes", "iproute2", "rpc")
USR = ("share/iproute2", "lib/locale/C.utf8", "lib/tc", "libexec/coreutils/libstdbuf.so", "lib/coreutils/libstdbuf.so")

INIT = """#!/bin/bash
# Process 1 until the agent takes over: the file systems that programs expect, a name, and the agent's environment.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root LANG=C.UTF-8 TERM=linux
mount -t proc proc /proc
mount -t sysfs sysfs /sys
[ -c /dev/null ] || mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm /dev/net
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs tmpfs /tmp
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 cgroup2 /sys/fs/cgroup
[ -c /dev/net/tun ] || mknod /dev/net/tun c 10 200
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin; ln -s fd/1 /dev/stdout; ln -s fd/2 /dev/stderr
mkdir -p /run/netns
echo lab > /proc/sys/kernel/hostname
# Twice a second for memory in large pieces, once a second for statistics: an idle guest has no need to wake for them.
echo 0 > /proc/sys/vm/compaction_proactiveness
echo 120 > /proc/sys/vm/stat_interval
modprobe -qa virtio_pci virtio_console
cd /root
exec /usr/bin/python3 -I -S /agent guest
"""

UDHCPC = """#!/bin/sh
# What udhcpc does with a lease: the address, the routers, the name servers.
case "$1" in
deconfig) ip -4 addr flush dev "$interface"; ip link set "$interface" up ;;
bound|renew)
    ip -4 addr replace "$ip/$mask" ${broadcast:+broadcast "$broadcast"} dev "$interface"
    for r in $router; do ip route replace default via "$r" dev "$interface"; break; done
    : > /etc/resolv.conf
    for d in $dns; do echo "nameserver $d" >> /etc/resolv.conf; done ;;
esac
"""

TEXTS = {
    "/init": (INIT, 0o755),
    "/etc/udhcpc/default.script": (UDHCPC, 0o755),
    "/etc/passwd": (
        "root:x:0:0:root:/root:/bin/bash\n"
        + "".join(
            f"{name}:x:{number}:{number}::/nonexistent:/bin/false\n"
            for name, number in (("tcpdump", 101), ("dnsmasq", 102), ("nobody", 65534))
        ),
        0o644,
    ),
    "/etc/group": ("root:x:0:\ntty:x:5:\ntcpdump:x:101:\ndnsmasq:x:102:\ndip:x:30:\nnogroup:x:65534:\n", 0o644),
    "/etc/hosts": ("127.0.0.1 localhost\n127.0.1.1 lab\n::1 localhost ip6-localhost ip6-loopback\n", 0o644),
    "/etc/hostname": ("lab\n", 0o644),
    "/etc/nsswitch.conf": ("passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n", 0o644),
    "/etc/shells": ("/bin/bash\n/bin/sh\n", 0o644),
    "/etc/resolv.conf": ("", 0o644),
    # As systemd has it: no dummy0, bond0, ifb0 and ifb1 that nobody asked for, when a module is loaded.
    "/etc/modprobe.d/links.conf": (
        "options bonding max_bonds=0\noptions dummy numdummies=0\noptions ifb numifbs=0\n",
        0o644,
    ),
    "/etc/vim/vimrc.tiny": ("set nocompatible ruler backspace=2\n", 0o644),
}

AGENT = Path(agent.__path__[0])
FOLDERS = "dev proc sys run tmp root etc mnt var/lib/misc usr/bin usr/sbin usr/lib usr/lib64 usr/share"


def find(command: str) -> Path | None:
    """Where a program of the machine is: in the system's own folders, else where PATH says."""
    path = shutil.which(command, path=SEARCH) or shutil.which(command)
    return Path(path) if path else None


def missing() -> list[tuple[str, str]]:
    """(command, Debian package) of each program that the guest should have and this machine lacks."""
    wanted = {**PROGRAMS, "python3": "python3"}
    return [
        (command, package) for package, commands in wanted.items() for command in commands.split() if not find(command)
    ]


def host_entries() -> dict[str, Entry]:
    """Everything in the guest that is copied from this machine. Raises `ToolMissing` naming all packages that lack."""
    if lacking := missing():
        packages = " ".join(dict.fromkeys(package for _, package in lacking))
        commands = ", ".join(command for command, _ in lacking)
        raise ToolMissing(
            "vnetlearn image build",
            f"{commands}: not found",
            "the guest's programs are this machine's",
            f"sudo apt-get install {packages}",
        )
    entries = dict(_programs())
    entries.update(_python())
    binaries = [e.source for e in entries.values() if e.source and (e.mode & 0o111 or ".so" in e.source.name)]
    entries.update(_libraries(binaries))
    entries.update(_data())
    return entries


def guest_entries(chosen: kernel.Kernel, staging: Path) -> dict[str, Entry]:
    """Everything else: folders, generated files, the agent, and the modules, whose index is made in `staging`."""
    entries = {f"/{name}": folder(0o1777 if name == "tmp" else 0o755) for name in FOLDERS.split()}
    entries.update({f"/{name}": link(f"usr/{name}") for name in ("bin", "sbin", "lib", "lib64")})
    entries.update({name: text(content, mode) for name, (content, mode) in TEXTS.items()})
    entries["/etc/mtab"] = link("../proc/self/mounts")
    entries["/var/run"] = link("../run")  # where iwpan(8) looks for namespaces
    entries["/usr/share/udhcpc/default.script"] = link("/etc/udhcpc/default.script")
    entries["/dev/console"] = node(5, 1)
    entries.update((place, Entry(0o100644, file)) for place, file in agent_files().items())
    entries.update(_modules(chosen, staging))
    return entries


def agent_files() -> dict[str, Path]:
    """The agent's modules, by their places in the guest."""
    return {f"/agent/{file.name}": file for file in sorted(AGENT.glob("*.py"))}


def inside(path: str | Path) -> str:
    """A path of this machine as a path in the guest, where /bin, /sbin and /lib* are links into /usr."""
    return re.sub(r"^/(bin|sbin|lib|lib64)/", r"/usr/\1/", str(path))


def _copy(path: Path) -> Entry:
    return Entry(0o100755 if os.access(path, os.X_OK) else 0o100644, path)


def _programs() -> Iterator[tuple[str, Entry]]:
    """Each program at its real place, with a link where its usual name is another one."""
    for command in " ".join(PROGRAMS.values()).split():
        found = find(command)
        assert found is not None, command
        real = found.resolve()
        usual = f"/usr/bin/{command}" if "sbin" not in str(found) else f"/usr/sbin/{command}"
        yield inside(real), _copy(real)
        if usual != inside(real):
            yield usual, link(inside(real))


def _python() -> Iterator[tuple[str, Entry]]:
    """The system's Python and its standard library, compiled files included."""
    found = find("python3")
    assert found is not None
    code = "import sys, sysconfig as s; print(sys.executable, *{s.get_path('stdlib'), s.get_path('platstdlib')})"
    said = subprocess.run([found, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.split()
    program = Path(said[0]).resolve()
    yield inside(program), _copy(program)
    yield "/usr/bin/python3", link(inside(program)) if inside(program) != "/usr/bin/python3" else _copy(program)
    for library in said[1:]:
        for file in _tree(Path(library)):
            yield inside(file), _copy(file)


def _tree(top: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(top):
        drop = NOT_PYTHON(where, [*folders, *files])
        folders[:] = [f for f in folders if f not in drop]
        yield from (Path(where, f) for f in files if f not in drop)


def _libraries(binaries: Iterable[Path]) -> Iterator[tuple[str, Entry]]:
    """What ldd(1) says these load, all in the folder of libc, where the loader looks without being told."""
    said = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True).stdout
    paths = {Path(path) for path in re.findall(r"(?:=>|^)\s*(/\S+) \(0x", said, re.M)}
    libc = next(path for path in paths if path.name.startswith("libc.so"))
    unwind = libc.parent / "libgcc_s.so.1"  # loaded by libc itself, when a thread is cancelled
    for path in paths | ({unwind} if unwind.exists() else set()):
        plain = Path(re.sub(r"/glibc-hwcaps/[^/]+", "", str(path)))  # not the variant for this very processor
        path = plain if plain.exists() else path
        place = path if path.name.startswith("ld-") else libc.parent / path.name
        yield inside(place), Entry(0o100755, path.resolve())


def _data() -> Iterator[tuple[str, Entry]]:
    for name in TERMINALS.split():
        for base in ("/usr/share/terminfo", "/lib/terminfo", "/etc/terminfo"):
            if (file := Path(base, name[0], name)).exists():
                yield f"/usr/share/terminfo/{name[0]}/{name}", _copy(file.resolve())
                break
    places = (*(f"/etc/{name}" for name in ETC), *(f"/usr/{name}" for name in USR))
    tops = [*map(Path, places), *Path("/usr/lib").glob("*/tc")]
    for top in tops:
        for file in [top] if top.is_file() else sorted(f for f in top.rglob("*") if f.is_file()):
            yield inside(file), _copy(file.resolve())


def _modules(chosen: kernel.Kernel, staging: Path) -> Iterator[tuple[str, Entry]]:
    """The network's modules and those they need, and depmod(8)'s index, by which the kernel's requests are met."""
    tree = staging / "lib/modules" / chosen.release
    paths = sorted(_selected(chosen))
    for path in paths:
        (tree / "kernel" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(chosen.modules / "kernel" / path, tree / "kernel" / path)
    _decompress([str(tree / "kernel" / path) for path in paths])
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        if (chosen.modules / name).exists():
            shutil.copyfile(chosen.modules / name, tree / name)
    subprocess.run([str(find("depmod")), "-b", str(staging), chosen.release], check=True, capture_output=True)
    for file in sorted(f for f in tree.rglob("*") if f.is_file()):
        yield f"/usr/lib/modules/{chosen.release}/{file.relative_to(tree)}", Entry(0o100644, file)


def _decompress(files: list[str]) -> None:
    """Plain modules load a third faster in an emulated guest. Where the program is missing, the kernel decompresses."""
    for suffix, program in (("xz", "xz"), ("zst", "zstd"), ("gz", "gzip")):
        packed = [file for file in files if file.endswith(suffix)]
        if packed and (found := find(program)):
            subprocess.run([str(found), "-d", "-q", *(["--rm"] if program == "zstd" else []), *packed], check=True)


def _selected(chosen: kernel.Kernel) -> set[str]:
    every = {kernel.module_name(path): path for path in kernel.modules(chosen, ("",))}
    names = {name for name, path in every.items() if path.startswith(tuple(f"{f}/" for f in MODULE_FOLDERS))}
    names = {name for name in names if not NOT_MODULES.match(every[name])} | (BUT_MODULES & every.keys())
    taken, new = set[str](), names
    while new:
        taken |= new
        files = [str(chosen.modules / "kernel" / every[name]) for name in sorted(new)]
        new = {name for name in _needs(files) if name in every} - taken
    return {every[name] for name in taken}


def _needs(files: list[str]) -> set[str]:
    said = ""
    for field in ("depends", "softdep"):
        for start in range(0, len(files), MANY_CALLS):
            argv = [str(find("modinfo")), "-F", field, *files[start : start + MANY_CALLS]]
            said += subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return {name.replace("-", "_") for name in re.findall(r"[\w-]+", said)}
