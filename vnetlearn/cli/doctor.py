"""`vnetlearn doctor`: what this machine can do, what is missing, and the exact command that helps."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .. import __version__, kinds
from ..cache import cache_folder
from ..engine import host
from ..engine.guest import contents, image, kernel, kvm, qemu
from ..errors import VnetlearnError
from ..lab import choice
from . import packages

OLDEST = (3, 10)
SETTINGS = (
    "user.max_user_namespaces",
    "user.max_net_namespaces",
    "kernel.unprivileged_userns_clone",
    "kernel.apparmor_restrict_unprivileged_userns",
)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: `ok` is None where its absence costs nothing but speed; `help` is what to type."""

    name: str
    ok: bool | None
    found: str
    help: str = ""
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What this machine can do. `ready`: labs can run, on at least one engine."""

    vnetlearn: str
    system: str
    kernel: str
    machine: str
    checks: tuple[Check, ...]

    @property
    def host(self) -> bool:
        """Whether the engine `host` works."""
        return bool(self["engine host"].ok)

    @property
    def vm(self) -> bool:
        """Whether the engine `vm` works: an image is there, or all that one is made of."""
        parts = ("guest kernel", "guest's programs", "space")
        return bool(self["QEMU"].ok) and bool(self["guest image"].ok or all(self[part].ok for part in parts))

    @property
    def ready(self) -> bool:
        return self.host or self.vm

    def __getitem__(self, name: str) -> Check:
        return next(check for check in self.checks if check.name == name)

    def as_dict(self) -> dict[str, object]:
        """For programs: what it has, and whether labs are "ready", on engine "host", on engine "vm"."""
        return {"ready": self.ready, "host": self.host, "vm": self.vm, **asdict(self)}

    def __str__(self) -> str:
        width = max(len(check.name) for check in self.checks)
        lines = [f"vnetlearn {self.vnetlearn} on {self.system}, kernel {self.kernel}, {self.machine}", ""]
        for check in self.checks:
            lines.append(f"  {MARKS[check.ok]:4}{check.name:{width}}  {check.found}")
            lines += [f"  {'':4}{'':{width}}  → {check.help}"] if check.help else []
        return "\n".join([*lines, "", self._verdict()])

    def _verdict(self) -> str:
        able = [name for name, works in (("host", self.host), ("vm", self.vm)) if works]
        return f"Labs can run: engine {' and '.join(able)}." if able else "Labs cannot run here yet."


MARKS = {True: "ok", False: "no", None: "-"}


def main(*, as_json: bool = False, probe: bool = False) -> int:
    """Print the report, for programs or for people; `probe` asks KVM again. 0 when labs can run, else 1."""
    found = report(probe=probe)
    print(json.dumps(found.as_dict(), indent=1) if as_json else found)
    return 0 if found.ready else 1


def report(*, probe: bool = False) -> Report:
    """Look at this machine. Takes a second or two the first time, when the kernel's kinds and KVM are tried."""
    uname = os.uname()
    return Report(__version__, _system(), uname.release, uname.machine, tuple(_checks(probe)))


def _checks(probe: bool) -> Iterator[Check]:
    looks: dict[str, Callable[[], Check]] = {
        "Python": _python,
        "engine host": _host,
        "namespaces": _namespaces,
        "QEMU": _qemu,
        "KVM": lambda: _kvm(probe),
        "guest kernel": _kernel,
        "guest's programs": _programs,
        "guest image": _image,
        "space": _space,
        "dot": _dot,
    }
    for name, look in looks.items():
        try:
            yield look()
        except VnetlearnError as error:
            yield Check(name, False, "; ".join(filter(None, (error.said, error.why))), error.next_step)


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _python() -> Check:
    return Check("Python", sys.version_info[:2] >= OLDEST, f"{platform.python_version()}, {sys.executable}")


def _host() -> Check:
    ok, why, next_step = host.available()
    if not ok:
        return Check("engine host", False, why, next_step)
    able = sorted(choice.host_kinds())
    lacks = [name for name in kinds.KINDS if name not in able]
    found = f"{why}; this kernel creates {len(able)} of {len(kinds.KINDS)} kinds: {', '.join(able)}"
    return Check("engine host", True, found, details={"kinds": able, "lacks": lacks})


def _namespaces() -> Check:
    """The settings behind user namespaces. What they come to is in "engine host": it was tried."""
    settings = {name: value for name in SETTINGS if (value := _read(f"/proc/sys/{name.replace('.', '/')}"))}
    status = dict(line.split(":\t", 1) for line in _read("/proc/self/status").splitlines() if ":\t" in line)
    settings["seccomp"] = "a filter" if status.get("Seccomp") == "2" else "no filter"
    found = ", ".join(f"{name} = {value}" for name, value in settings.items())
    return Check("namespaces", None, found, details=settings)


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _qemu() -> Check:
    needed = qemu.machine()
    if shutil.which(needed.program) is None:
        return Check("QEMU", False, f"{needed.program}: not found", packages.install([needed.package]))
    program = qemu.program()
    can = qemu.has_can(program)
    said = f"{qemu.version(program)}, {'with' if can else 'without'} the emulated CAN controllers"
    return Check("QEMU", True, said, details={"program": str(program), "version": qemu.version(program), "can": can})


def _kvm(again: bool) -> Check:
    if not kvm.DEVICE.exists():
        return Check("KVM", None, f"there is no {kvm.DEVICE}: guests are emulated, which is enough")
    if not os.access(kvm.DEVICE, os.R_OK | os.W_OK):
        return Check(
            "KVM",
            None,
            f"this user may not use {kvm.DEVICE}: guests are emulated, which is enough",
            f"sudo usermod -aG kvm {_user()}, then log in again",
        )
    if (chosen := kernel.present()) is None or shutil.which(qemu.machine().program) is None:
        return Check("KVM", None, "not tried yet: that needs QEMU and a guest kernel")
    answer = kvm.probe(chosen, force=again)
    so = "" if answer.ok else ": guests are emulated"
    return Check(
        "KVM",
        answer.ok or None,
        f"{answer.why}{so} (tried {answer.when}; vnetlearn doctor --probe tries again)",
        details={"works": answer.ok},
    )


def _user() -> str:
    return os.environ.get("USER") or str(os.geteuid())


def _kernel() -> Check:
    if chosen := kernel.present():
        return Check("guest kernel", True, f"{chosen.release}, {chosen.image}", details={"release": chosen.release})
    if shutil.which("apt-get"):
        found = "none yet: it comes from the distribution's archive"
        return Check("guest kernel", True, found, "vnetlearn image build")
    return Check(
        "guest kernel",
        False,
        "none that has all the modules",
        "VNETLEARN_KERNEL=/path/to/vmlinuz vnetlearn image build, with an unpacked 6.12 kernel",
    )


def _programs() -> Check:
    lacking = contents.missing()
    if not lacking:
        return Check("guest's programs", True, "all there")
    found = f"not found: {', '.join(command for command, _ in lacking)}"
    return Check("guest's programs", False, found, packages.install(package for _, package in lacking))


def _image() -> Check:
    if shutil.which(qemu.machine().program) is None:
        return Check("guest image", False, "none that could be used: QEMU first")
    known = image.info()
    if wrong := known.get("damaged"):
        found = f"damaged: {wrong} in {known['folder']} is not what was built; the next lab builds it again"
        return Check("guest image", False, found, "vnetlearn image build", known)
    if known["built"]:
        return Check("guest image", True, f"kernel {known['kernel']}, {known['folder']}", details=known)
    stale = f"; {known['others']} for what this machine was before" if known["others"] else ""
    return Check("guest image", False, f"none for this machine as it is now{stale}", "vnetlearn image build", known)


def _space() -> Check:
    folder = cache_folder()
    free = shutil.disk_usage(folder).free >> 20
    enough = free >= image.SPACE_MB
    help_ = "" if enough else f"free {image.SPACE_MB} MB there, or set XDG_CACHE_HOME to a folder elsewhere"
    return Check("space", enough, f"{free} MB free in {folder}", help_, {"free_mb": free, "folder": str(folder)})


def _dot() -> Check:
    if found := shutil.which("dot"):
        return Check("dot", True, found)
    return Check("dot", False, "not found: lab.draw() needs it", packages.install(["graphviz"]))
