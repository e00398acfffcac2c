"""One QEMU guest: its command line, its life, and the monitor with which a running guest is saved to a file.

A guest has no names on this machine: its agent's port, its monitor, its console and its saved state are descriptors
that it inherits. The console (what the kernel prints, and QEMU's own errors) goes into a pipe; what does not fit into
the pipe is dropped, so nobody has to read it. Of a guest that died it is kept in the cache folder.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import platform
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ...cache import cache_folder
from ...errors import EngineUnavailable, ImageError, ToolMissing
from ..channel import Json
from ..process import spawn

MEMORY_MB = 384
TRANSLATED_MB = 128  # of code; when it is full all is translated anew, which happened to Python and nft at 48
ANSWER_SECONDS = 60.0  # for a command of the monitor; only a machine that stands still takes so long
CONSOLE_BYTES = 1 << 20
CONSOLES = 8  # of guests that died are kept, the newest
AGAIN = "vnetlearn image build --force"


class Machine(NamedTuple):
    """What differs between processors: QEMU's program, its Debian package, the board, and words for the kernel.

    An emulated guest reads acpi_pm, which counts the same everywhere; the tsc, measured at boot, would be wrong where a
    saved guest is resumed on another processor (an image built with a container). Ping's times do not differ by it.

    An emulated processor has no cmpxchg16b: QEMU before 8.0 leaves garbled flags behind it. It takes the flags from
    before the instruction by a record of how to find them (`env->cc_op`) that it has not brought up to date, and so may
    take an operand of the last comparison for them. They are right again with the next arithmetic, but an interrupt in
    between stores them, and its end brings them back: single steps, a nested task, other privileges for input and
    output, up to a kernel that panics in the interrupt. Linux allocates memory by cmpxchg16b where there is one
    (mm/slub.c), and otherwise by what every processor has.

    norandmaps: QEMU finds what it has translated by the address at which it runs, so that at random addresses each
    program would be translated again each time that it starts: /bin/true takes 42 ms then, and else 9.
    """

    program: str
    package: str
    board: str
    kernel_words: str
    emulated_cpu: str
    emulated_words: str


MACHINES = {
    "x86_64": Machine(
        "qemu-system-x86_64",
        "qemu-system-x86",
        "q35,sata=off,smbus=off,vmport=off,hpet=off",
        "tsc=reliable no_timer_check random.trust_cpu=on",
        "max,-cx16",
        "clocksource=acpi_pm norandmaps",
    ),
    "aarch64": Machine("qemu-system-aarch64", "qemu-system-arm", "virt", "", "max", "norandmaps"),
}
# ramfs: a tmpfs would get half of the memory, and the unpacked initramfs does not fit into that.
# panic_print=32: a panic shows the kernel's whole log, from the boot on.
KERNEL_WORDS = "quiet loglevel=3 console=hvc0 panic=-1 panic_print=32 mitigations=off nokaslr nowatchdog"
KERNEL_WORDS += " rootfstype=ramfs psi=0 cpuidle.off=1"  # the last two: an idle guest is woken less often
NO_RAM: Mapping[str, Json] = {"capabilities": [{"capability": "x-ignore-shared", "state": True}]}
CAN = ("-object", "can-bus,id=canbus0", *("-device", "kvaser_pci,canbus=canbus0") * 2)


def machine() -> Machine:
    """Raises `EngineUnavailable` on a processor that nobody has tried."""
    try:
        return MACHINES[platform.machine()]
    except KeyError:
        raise EngineUnavailable(
            "start a guest",
            f"none for the processor {platform.machine()}",
            "nobody has tried it",
            "use Lab(engine='host')",
        ) from None


def program() -> Path:
    """QEMU on this machine. Raises `ToolMissing`."""
    name, package = machine().program, machine().package
    if (found := shutil.which(name)) is None:
        raise ToolMissing(name, "not found", "the vm engine is a QEMU guest", f"sudo apt-get install {package}")
    return Path(found)


@functools.cache
def version(path: Path) -> str:
    """As QEMU says it: `7.2.22 (Debian …)`."""
    said = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
    return (said.splitlines() or ["unknown"])[0].removeprefix("QEMU emulator version ").strip()


@functools.cache
def has_can(path: Path) -> bool:
    """Whether this QEMU has the emulated Kvaser CAN cards; some distributions leave them out."""
    return "kvaser_pci" in subprocess.run([path, "-device", "help"], capture_output=True, text=True).stdout


def board(accel: str, can: bool) -> list[str]:
    """The options that a saved state depends on."""
    accelerator = {"tcg": f"tcg,thread=multi,tb-size={TRANSLATED_MB}", "kvm": "kvm"}[accel]
    return [
        "-M",
        f"{machine().board},memory-backend=mem",
        "-accel",
        accelerator,
        "-cpu",
        machine().emulated_cpu if accel == "tcg" else "max",
        "-smp",
        "1",
        "-m",
        f"{MEMORY_MB}M",
        "-no-user-config",
        "-nodefaults",
        "-display",
        "none",
        "-no-reboot",
        *(CAN if can else ()),
    ]


def kernel_words(accel: str) -> str:
    """The guest kernel's command line."""
    own = machine()
    return f"{KERNEL_WORDS} {own.kernel_words} {own.emulated_words if accel == 'tcg' else ''}".strip()


class Guest:
    """A running QEMU. `stream` is connected to the agent's port; nothing of it is left after `close()`."""

    def __init__(
        self,
        accel: str,
        ram: int,
        *,
        can: bool,
        share: bool = False,
        words: Sequence[str] = (),
        state: int | None = None,
        lock: int | None = None,
    ) -> None:
        """`ram`, `state`, `lock`: descriptors of the guest's memory, of a saved state to resume, of what QEMU holds.

        `share`: the guest writes to its memory's file; `words`: more options.
        """
        self.stream, theirs = socket.socketpair()
        self._monitor, monitor = socket.socketpair()
        self._console, console = os.pipe()
        self._said, self._kept = b"", ""
        fcntl.fcntl(console, fcntl.F_SETPIPE_SZ, CONSOLE_BYTES)
        os.set_blocking(self._console, False)
        argv = [
            str(program()),
            *board(accel, can),
            *words,
            "-object",
            f"memory-backend-file,id=mem,size={MEMORY_MB}M,mem-path=/dev/fd/{ram},share={'on' if share else 'off'}",
            *f"-device virtio-serial-pci,max_ports=4 -chardev file,id=c0,path=/dev/fd/{console}".split(),
            *f"-device virtconsole,chardev=c0 -chardev socket,id=a0,fd={theirs.fileno()}".split(),
            *f"-device virtserialport,chardev=a0,name=agent -chardev socket,id=q0,fd={monitor.fileno()}".split(),
            *"-mon chardev=q0,mode=control".split(),
        ]
        self._tell("qmp_capabilities", {})
        self._tell("migrate-set-capabilities", NO_RAM)
        if state is not None:
            argv += ["-incoming", "defer"]
            self._tell("migrate-incoming", {"uri": f"fd:{state}"})
        given = [fd for fd in (theirs.fileno(), monitor.fileno(), console, ram, state, lock) if fd is not None]
        try:
            self._process = spawn(argv, pass_fds=given, stdout=console, stderr=console)
        except BaseException:
            self._forget()
            raise
        finally:
            theirs.close()
            monitor.close()
            os.close(console)

    def wait(self, seconds: float) -> bool:
        """Whether QEMU ended within that time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def console(self) -> str:
        """What the guest's kernel and QEMU printed so far (the first megabyte)."""
        try:
            while data := os.read(self._console, 1 << 16):
                self._said += data
        except OSError:
            pass  # nothing more for now, or closed
        return self._said.decode(errors="replace")

    def died(self) -> str:
        """How QEMU ended, the guest kernel's panic or else the last that its console showed, and where all of it is."""
        ended = f"QEMU ended with status {self._process.returncode}" if self.wait(1) else "the guest does not answer"
        lines = [line.strip() for line in self.console().splitlines() if line.strip()]
        told = [line for line in lines if "Kernel panic" in line][:1] or lines[-5:]
        if not told:
            return ended
        self._kept = _keep(self._said, self._kept)
        return f"{ended}; its console: {'; '.join(told)}{f' (all of it: {self._kept})' if self._kept else ''}"

    def close(self) -> None:
        """Kill the guest. Returns when it is gone."""
        self._process.kill()
        self._process.wait()
        self._forget()

    def save(self, state: int) -> None:
        """Write the state of the devices to `state` and end it; its RAM file is the rest. Raises `ImageError`."""
        self._monitor.settimeout(ANSWER_SECONDS)
        with self._monitor.makefile("rb") as answers:
            for _ in ("greeting", "qmp_capabilities", "capabilities"):
                answers.readline()
            self._ask(answers, "getfd", {"fdname": "state"}, [state])
            self._ask(answers, "migrate", {"uri": "fd:state"})
            while (status := self._ask(answers, "query-migrate").get("status")) != "completed":
                if status in ("failed", "cancelled"):
                    raise ImageError("save the guest's state", f"QEMU: {status}", self.died(), AGAIN)
            self._ask(answers, "quit")
        self._process.wait(ANSWER_SECONDS)

    def _ask(
        self, answers: BinaryIO, command: str, arguments: Mapping[str, Json] | None = None, fds: Sequence[int] = ()
    ) -> Any:
        self._tell(command, arguments or {}, fds)
        for line in answers:
            reply: dict[str, Any] = json.loads(line)
            if "error" in reply:
                raise ImageError(f"QEMU: {command}", reply["error"].get("desc", ""), self.died(), AGAIN)
            if "return" in reply:
                return reply["return"]
        raise ImageError(f"QEMU: {command}", "no answer", self.died(), AGAIN)

    def _tell(self, command: str, arguments: Mapping[str, Json], fds: Sequence[int] = ()) -> None:
        socket.send_fds(self._monitor, [json.dumps({"execute": command, "arguments": arguments}).encode()], fds)

    def _forget(self) -> None:
        self.stream.close()
        self._monitor.close()
        if self._console >= 0:
            self.console()
            os.close(self._console)
            self._console = -1


def _keep(console: bytes, before: str) -> str:
    """Store what a guest that died has said, `before` where that was done already: the file, or "" where that fails.

    The oldest ones are removed.
    """
    try:
        folder = cache_folder("consoles")
        kept = sorted((file.stat().st_mtime_ns, file) for file in folder.iterdir() if str(file) != before)
        for _, old in kept[: max(0, len(kept) + 1 - CONSOLES)]:
            old.unlink(missing_ok=True)
        name = before or str(folder / f"{time.strftime('%Y-%m-%d-%H%M%S')}-{uuid.uuid4().hex[:8]}.txt")
        Path(name).write_bytes(console)
        return name
    except (OSError, ImageError):
        return ""
