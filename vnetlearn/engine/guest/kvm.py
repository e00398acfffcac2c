"""Whether KVM really works here: a device file proves nothing, so a kernel is booted on it, with a time limit, once."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ...cache import cache_folder
from ..progress import Progress, say
from . import kernel, qemu

SECONDS = 5.0
DEVICE = Path("/dev/kvm")
REACHED = "Unable to mount root fs"  # what a kernel says that has come up, and was given no file system


@dataclass(frozen=True)
class Answer:
    """`ok`: KVM works; `why` (not); `when` it was tried (local time), or "" when it did not have to be."""

    ok: bool
    why: str
    when: str


def accel(chosen: kernel.Kernel, progress: Progress = say) -> str:
    """ "kvm" or "tcg", QEMU's emulation."""
    return "kvm" if probe(chosen, progress).ok else "tcg"


def probe(chosen: kernel.Kernel, progress: Progress = say, force: bool = False) -> Answer:
    """What is remembered for this machine, kernel and QEMU, else (`force`: in any case) what a probe boot shows."""
    if not DEVICE.exists():
        return Answer(False, f"there is no {DEVICE}", "")
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return Answer(False, f"this user may not use {DEVICE} (the group kvm may)", "")
    if not force and (known := _remembered().get(_key(chosen))):
        return known
    progress("trying whether KVM works here (5 s at most, once)")
    return remember(chosen, *_boot(chosen))


def remember(chosen: kernel.Kernel, ok: bool, why: str) -> Answer:
    """Note the answer down for this machine, kernel and QEMU."""
    answer = Answer(ok, why, time.strftime("%Y-%m-%d %H:%M:%S"))
    known = {key: asdict(one) for key, one in {**_remembered(), _key(chosen): answer}.items()}
    with contextlib.suppress(OSError):  # a folder that cannot be written to, or is full, costs another trial
        handle, name = tempfile.mkstemp(prefix="kvm-", dir=cache_folder())
        with open(handle, "w") as f:
            json.dump(known, f, indent=1)
        os.replace(name, _file())
    return answer


def _boot(chosen: kernel.Kernel) -> tuple[bool, str]:
    """Boot the bare kernel: one that has come up panics for want of a file system, restarts, and so ends QEMU."""
    words: Sequence[str] = ("-kernel", str(chosen.image), "-append", "console=hvc0 loglevel=4 panic=-1 nokaslr")
    with open(os.memfd_create("probe"), "wb") as ram:
        guest = qemu.Guest("kvm", ram.fileno(), can=False, words=words)
        try:
            ended, said = guest.wait(SECONDS), guest.console()
        finally:
            guest.close()
    if REACHED in said:
        return True, "a probe boot came up"
    if ended:
        return False, f"QEMU ended: {(said.strip().splitlines() or ['it said nothing'])[-1]}"
    return False, f"a probe boot hung for {SECONDS:.0f} s"


def _key(chosen: kernel.Kernel) -> str:
    try:
        machine = Path("/etc/machine-id").read_text().strip()
    except OSError:
        machine = "no machine-id"
    with open("/proc/cpuinfo") as f:
        cpu = "".join(re.findall(r"^model name\s*: (.*)", f.read(4096), re.M)[:1])
    program = qemu.program().resolve()
    return f"{machine} {cpu} {os.uname().release} {chosen.release} {program} {int(program.stat().st_mtime)}"


def _file() -> Path:
    return cache_folder() / "kvm.json"


def _remembered() -> dict[str, Answer]:
    try:
        known = json.loads(_file().read_text())
        return {key: Answer(value["ok"], value["why"], value["when"]) for key, value in known.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
