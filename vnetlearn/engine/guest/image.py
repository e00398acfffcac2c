"""The guest image: a guest that was booted once and saved, so that every lab resumes it in a fraction of a second.

It lies in the user's cache folder, under a digest of everything it depends on: the kernel, each file that was copied
from this machine, this package's engine, QEMU and its options (and with KVM the processor). `ram` is the guest's
memory, which every lab maps copy-on-write; `state` is the rest; `manifest.json` has their sizes and checksums.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...cache import cache_folder, locked
from ...errors import ImageError, LabDied
from ..agent.wire import EXIT
from ..channel import Channel, Json
from ..progress import Progress, say
from ..running import Running
from . import contents, initramfs, kernel, kvm, qemu

BOOT_SECONDS = 600.0  # for the one cold boot; about 8 s are usual under emulation, minutes beside much other work
SPACE_MB = qemu.MEMORY_MB + 250
KEEP = 2  # images of other versions that stay, the newest first
WARM = ("ip -br link", "bash -c true", "ping -V", "modprobe -a bridge veth")
PARTS = ("ram", "state")


@dataclass(frozen=True)
class Image:
    """A stored guest: its folder, and what its manifest says."""

    folder: Path
    kernel: str  # release
    accel: str  # "tcg" (emulation) or "kvm"
    can: bool  # whether it has the emulated CAN cards

    def resume(self) -> qemu.Guest:
        """A guest that continues where this image was saved. Raises `OSError` when the image is being removed."""
        with _opened(self.folder) as folder, _opened(self.folder / "state") as state:
            fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)  # QEMU inherits it: an image in use is not removed
            return qemu.Guest(self.accel, self.folder / "ram", can=self.can, state=state, lock=folder)


def ensure(progress: Progress = say) -> Image:
    """The image for this machine as it is now; built when there is none. Takes some milliseconds when there is one."""
    found = kernel.present()
    if found is not None and (image := stored(digest(found, kvm.accel(found, progress)))):
        return image
    return build(progress)


def build(progress: Progress = say, force: bool = False) -> Image:
    """Build the image, unless there is one (`force`: in any case). A second builder waits, and takes the first one's.

    Raises `ImageError` (nothing is left of what was begun), or `ToolMissing`.
    """
    with locked(_images() / "lock"), _clear_errors():
        _clear_unfinished()
        qemu.program()
        chosen = kernel.find(progress)
        files = _write_sources()
        for accel in dict.fromkeys((kvm.accel(chosen, progress), "tcg")):
            name = digest(chosen, accel, files)
            if (image := stored(name)) and not force:
                return image
            if (_images() / name).exists() and not force:
                progress("the stored guest image is damaged: it is built again")
            try:
                image = _build(name, chosen, accel, progress)
            except ImageError as error:
                if accel == "tcg":
                    raise
                kvm.remember(chosen, False, f"a guest did not come up with it: {error.said}")
                continue
            prune(keep=KEEP)
            return image
    raise AssertionError("emulation is always tried")


def stored(name: str) -> Image | None:
    """The image of this digest, when it is there and its files have their sizes."""
    folder = _images() / name
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        if any((folder / part).stat().st_size != manifest["sizes"][part] for part in PARTS):
            return None
        return Image(folder, manifest["kernel"], manifest["accel"], manifest["can"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def damaged(image: Image) -> bool:
    """Whether a file of the image has changed since it was built: reads all of it, which takes about a second."""
    try:
        wanted = json.loads((image.folder / "manifest.json").read_text())["checksums"]
        return any(_checksum(image.folder / part) != wanted[part] for part in PARTS)
    except (OSError, ValueError, KeyError, TypeError):
        return True


def prune(keep: int = 0) -> list[Path]:
    """Remove the images that are not for this machine as it is now, but the newest `keep`, and none that a lab uses."""
    found = kernel.present()
    current = {digest(found, accel) for accel in ("tcg", "kvm")} if found else set()
    old = [f for f in _images().iterdir() if f.is_dir() and not f.name.startswith("tmp-") and f.name not in current]
    removed = []
    for folder in sorted(old, key=lambda f: f.stat().st_mtime, reverse=True)[keep:]:
        with _opened(folder) as fd:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


def info() -> dict[str, Json]:
    """What is stored for this machine as it is now: {"built": bool, and the manifest's entries when it is}."""
    found = kernel.present()
    image = stored(digest(found, kvm.accel(found))) if found else None
    others = sum(1 for f in _images().iterdir() if f.is_dir()) - (image is not None)
    if image is None:
        return {"built": False, "kernel": found.release if found else None, "others": others}
    manifest = json.loads((image.folder / "manifest.json").read_text())
    return {"built": True, "folder": str(image.folder), "others": others, **manifest}


def digest(chosen: kernel.Kernel, accel: str, files: Sequence[str] | None = None) -> str:
    """A name for everything that the image depends on. The machine's files count by path, size and second of change."""
    h = hashlib.sha256(json.dumps([qemu.board(accel, True), _processor() if accel == "kvm" else ""]).encode())
    for place, own in sorted({**_own_files(), **contents.agent_files()}.items()):
        h.update(f"{place} {own.stat().st_size}\n".encode() + own.read_bytes())
    own_files = map(str, (qemu.program().resolve(), chosen.image, chosen.modules))
    for path in (*own_files, *(_read_sources() if files is None else files)):
        try:
            s = os.stat(path)
        except OSError:
            h.update(f"{path} is gone\n".encode())
        else:
            h.update(f"{path} {s.st_size} {int(s.st_mtime)}\n".encode())
    return h.hexdigest()[:32]


def _own_files() -> dict[str, Path]:
    """The modules that make an image, by their names."""
    return {file.name: file for file in Path(__file__).parent.glob("*.py")}


def _processor() -> str:
    """The processor as a guest sees it with KVM; an emulated one is the same everywhere."""
    with open("/proc/cpuinfo") as f:
        return "".join(re.findall(r"^(?:model name|flags|Features).*", f.read(4096), re.M))


def _images() -> Path:
    return cache_folder("images")


def _write_sources() -> list[str]:
    """What of this machine goes into the image: looked for anew, and noted down for `digest`.

    For Python's library its folders stand: their time changes when a package replaces a file.
    """
    copied = [entry.source for entry in contents.host_entries().values() if entry.source]
    files = sorted({str(path.parent if path.suffix in (".py", ".pyc") else path) for path in copied})
    note = _images() / "sources"
    part = note.with_suffix(".new")
    part.write_text("\n".join(files))
    part.replace(note)
    return files


def _read_sources() -> list[str]:
    try:
        return (_images() / "sources").read_text().splitlines()
    except OSError:
        return []


def _clear_unfinished() -> None:
    """What a builder that was killed has left; called by the one who holds the lock."""
    for folder in _images().glob("tmp-*"):
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def _clear_errors() -> Iterator[None]:
    """A full disk, and a program that failed while the image was built, as an `ImageError`."""
    try:
        yield
    except subprocess.CalledProcessError as error:
        if shutil.disk_usage(_images()).free < 1 << 20:
            raise _full("No space left on device") from None
        said = (error.stderr or b"").decode(errors="replace").strip() or f"ended with status {error.returncode}"
        raise ImageError(" ".join(map(str, error.cmd[:4])), said, "it failed", "vnetlearn doctor") from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise _full(error.strerror or str(error)) from None


def _full(said: str) -> ImageError:
    return ImageError(
        "vnetlearn image build",
        said,
        f"{_images()} has no room for {SPACE_MB} MB",
        "free that much there, or set XDG_CACHE_HOME to a folder on another disk",
    )


def _build(name: str, chosen: kernel.Kernel, accel: str, progress: Progress) -> Image:
    start = time.monotonic()
    if (free := shutil.disk_usage(_images()).free) < SPACE_MB << 20:
        raise _full(f"{free >> 20} MB free")
    work = Path(tempfile.mkdtemp(prefix="tmp-", dir=_images()))
    try:
        progress(f"building the guest image: kernel {chosen.release}")
        initrd = work / "initrd"
        entries = {**contents.host_entries(), **contents.guest_entries(chosen, work / "staging")}
        with open(initrd, "wb") as f:
            initramfs.write(f, entries)
        with open(work / "ram", "wb") as f:
            os.posix_fallocate(f.fileno(), 0, qemu.MEMORY_MB << 20)
        progress(f"booting the guest once ({'KVM' if accel == 'kvm' else 'emulation: about ten seconds'})")
        can = qemu.has_can(qemu.program())
        _boot_and_save(work, chosen, accel, can)
        initrd.unlink()
        shutil.rmtree(work / "staging")
        manifest = {
            "kernel": chosen.release,
            "accel": accel,
            "can": can,
            "qemu": qemu.version(qemu.program()),
            "sizes": {part: (work / part).stat().st_size for part in PARTS},
            "checksums": {part: _checksum(work / part) for part in PARTS},
            "seconds": round(time.monotonic() - start, 1),
        }
        (work / "manifest.json").write_text(json.dumps(manifest, indent=1))
        target = _images() / name
        if target.exists():
            target.rename(work / "old")  # labs that use it keep their files
        work.joinpath("new").mkdir()
        for part in (*PARTS, "manifest.json"):
            (work / part).rename(work / "new" / part)
        (work / "new").rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    progress(f"the guest image is ready ({manifest['seconds']} s)")
    return Image(target, chosen.release, accel, can)


def _boot_and_save(work: Path, chosen: kernel.Kernel, accel: str, can: bool) -> None:
    boot = ["-kernel", str(chosen.image), "-initrd", str(work / "initrd"), "-append", qemu.kernel_words(accel)]
    guest = qemu.Guest(accel, work / "ram", can=can, share=True, words=boot)
    running: Running | None = None
    try:
        try:
            running = Running(guest, BOOT_SECONDS)
            _warm(running.channel)
        except (OSError, LabDied):
            raise ImageError(
                "boot the guest",
                guest.died(),
                f"kernel {chosen.release} did not reach the agent",
                "set VNETLEARN_KERNEL to another kernel's vmlinuz",
            ) from None
        with open(work / "state", "wb") as f:
            guest.save(f.fileno())
        for part in PARTS:
            with open(work / part, "rb") as f:
                os.fsync(f.fileno())
    finally:
        (running or guest).close()


def _warm(channel: Channel) -> None:
    """Let the guest load what nearly every lab uses."""
    for line in WARM:
        stream, _ = channel.run(line.split(), "", {}, None)
        while stream.receive(BOOT_SECONDS)[0] != EXIT:
            continue


def _checksum(file: Path) -> str:
    h = hashlib.sha256()
    with open(file, "rb") as f:
        while block := f.read(1 << 20):
            h.update(block)
    return h.hexdigest()
