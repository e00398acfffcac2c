"""The guest image: a guest that was booted once and saved, so that every lab resumes it in a fraction of a second.

It lies in the user's cache folder, under a digest of everything it depends on: the kernel, each file that was copied
from this machine, this package's engine, QEMU and its options (and with KVM the processor). `ram` is the guest's
memory, which every lab maps copy-on-write; `state` is the rest; `manifest.json` has their sizes and checksums, by
which a damaged image is known before it is run (damage.py).
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
from . import contents, damage, initramfs, kernel, kvm, qemu

BOOT_SECONDS = 900.0  # for the one cold boot; 8 s are usual under emulation, but 150 beside a heavy load were seen
SPACE_MB = qemu.MEMORY_MB + 250
KEEP = 2  # images of other versions that stay, the newest first
WARM = ("ip -br link", "bash -c true", "ping -V", "modprobe -a bridge veth")


@dataclass(frozen=True)
class Image:
    """A stored guest: its folder, and what its manifest says."""

    folder: Path
    kernel: str  # release
    accel: str  # "tcg" (emulation) or "kvm"
    can: bool  # whether it has the emulated CAN cards

    def resume(self) -> qemu.Guest:
        """A guest that continues where this image was saved.

        Raises `OSError` when the image is being removed, or was changed since it was found right.
        """
        with contextlib.ExitStack() as opened:
            folder = opened.enter_context(_opened(self.folder))
            fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)  # QEMU inherits it: an image in use is not removed
            ram = opened.enter_context(_opened(self.folder / "ram", os.O_RDWR))  # so does QEMU open it
            state = opened.enter_context(_opened(self.folder / "state"))
            if not damage.unchanged(self.folder, (ram, state)):
                raise OSError(errno.ESTALE, "the stored guest image was changed just now", str(self.folder))
            return qemu.Guest(self.accel, ram, can=self.can, state=state, lock=folder)


def ensure(progress: Progress = say) -> Image:
    """The image for this machine as it is now; built when there is none, or when it is damaged.

    Takes some milliseconds when there is one that was found right in this boot of the computer, else half a second.
    """
    clear_unfinished()
    found = kernel.present()
    if found is not None and (image := _right(digest(found, kvm.accel(found, progress)))):
        return image
    return build(progress)


def build(progress: Progress = say, force: bool = False) -> Image:
    """Build the image, unless there is one (`force`: in any case). A second builder waits, and takes the first one's.

    Raises `ImageError` (nothing is left of what was begun), or `ToolMissing`.
    """
    with _clear_errors(), locked(_images() / "lock"):
        _remove_unfinished()
        qemu.program()
        chosen = kernel.find(progress)
        files = _write_sources()
        for accel in dict.fromkeys((kvm.accel(chosen, progress), "tcg")):
            name = digest(chosen, accel, files)
            if not force:
                if image := _right(name):
                    return image
                if (_images() / name).exists():
                    wrong = damage.found(_images() / name)
                    progress(f"the stored guest image is damaged ({wrong} is not what was built): it is built again")
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
    if (manifest := damage.read_manifest(folder)) is None:
        return None
    return Image(folder, manifest["kernel"], manifest["accel"], manifest["can"])


def _right(name: str) -> Image | None:
    """The image of this digest, when it is there and is what was built."""
    image = stored(name)
    return image if image and not damage.found(image.folder) else None


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
    """What is stored for this machine as it is now: {"built": bool, and the manifest's entries when it is}.

    "damaged" names the file that is not what was built, or is "": all of it is read.
    """
    clear_unfinished()
    found = kernel.present()
    folder = _images() / digest(found, kvm.accel(found)) if found else None
    others = sum(1 for f in _images().iterdir() if f.is_dir() and f != folder)
    if found is None or folder is None or not folder.exists():
        return {"built": False, "kernel": found.release if found else None, "others": others}
    wrong = damage.found(folder, again=True)
    manifest = damage.read_manifest(folder) or {"kernel": found.release}
    return {"built": True, "damaged": wrong, "folder": str(folder), "others": others, **manifest}


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


def clear_unfinished() -> None:
    """Remove what a builder that was killed has left (up to 600 MB), when no other is at work."""
    if not any(_unfinished()):
        return
    with contextlib.suppress(OSError), open(_images() / "lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove_unfinished()


def _remove_unfinished() -> None:
    """Only the one who holds the lock may."""
    for folder in _unfinished():
        shutil.rmtree(folder, ignore_errors=True)


def _unfinished() -> Iterator[Path]:
    for name in ("images", "kernels"):
        yield from cache_folder(name).glob("tmp-*")


@contextlib.contextmanager
def _opened(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    fd = os.open(path, flags | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def _clear_errors() -> Iterator[None]:
    """A disk that is full or may not be written to, and a program that failed while the image was built, as an
    `ImageError`.
    """
    try:
        yield
    except subprocess.CalledProcessError as error:
        if shutil.disk_usage(_images()).free < 1 << 20:
            raise _full("No space left on device") from None
        said = (error.stderr or b"").decode(errors="replace").strip() or f"ended with status {error.returncode}"
        raise ImageError(" ".join(map(str, error.cmd[:4])), said, "it failed", "vnetlearn doctor") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise _full(error.strerror or str(error)) from None
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            why, next_step = (
                f"the image is stored in {_images()}",
                "set XDG_CACHE_HOME to a folder that you can write to",
            )
            raise ImageError("vnetlearn image build", f"{error.filename}: {error.strerror}", why, next_step) from None
        raise


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
        new, target = work / "new", _images() / name
        new.mkdir()
        for part in damage.PARTS:
            (work / part).rename(new / part)
        seconds = round(time.monotonic() - start, 1)
        version = qemu.version(qemu.program())
        about: dict[str, Json] = {"kernel": chosen.release, "accel": accel, "can": can, "qemu": version}
        damage.write_manifest(new, {**about, "seconds": seconds})
        if target.exists():
            target.rename(work / "old")  # labs that use it keep their files
        new.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    progress(f"the guest image is ready ({seconds} s)")
    return Image(target, chosen.release, accel, can)


def _boot_and_save(work: Path, chosen: kernel.Kernel, accel: str, can: bool) -> None:
    boot = ["-kernel", str(chosen.image), "-initrd", str(work / "initrd"), "-append", qemu.kernel_words(accel)]
    with _opened(work / "ram", os.O_RDWR) as ram:
        guest = qemu.Guest(accel, ram, can=can, share=True, words=boot)
    running: Running | None = None
    try:
        try:
            running = Running(guest, BOOT_SECONDS)
            _warm(running.channel)
        except (OSError, LabDied):
            raise ImageError(
                "boot the guest",
                guest.died(),
                f"kernel {chosen.release} did not reach the agent within {BOOT_SECONDS:.0f} s",
                "set VNETLEARN_KERNEL to another kernel's vmlinuz",
            ) from None
        with open(work / "state", "wb") as f:
            guest.save(f.fileno())
        for part in damage.PARTS:
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
