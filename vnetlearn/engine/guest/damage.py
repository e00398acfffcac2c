"""Whether an image's files are still what was built.

They are read whole once in each boot of this computer (about half a second), and then known by their times: whoever
writes to a file changes its ctime, which no program can set back. A disk that loses bits below its file system does
not; that is found at the next boot, or by `vnetlearn doctor`, which always reads everything.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..channel import Json

PARTS = ("ram", "state")
MANIFEST = "manifest.json"
CHECKED = "checked"  # its text: in which boot the files with these times were read, and were right
SHARE = 64 << 20  # bytes with a checksum of their own, so that several processors can read
BLOCK = 1 << 20
TICK_SECONDS = 0.05  # longer than the step of a file system's times: what is older cannot change without a new time

_checked = dict[Path, str]()  # the same for this process, where the folder cannot be written to


def write_manifest(folder: Path, about: Mapping[str, Json]) -> dict[str, Any]:
    """Note down what the image is, and its files as they are now."""
    manifest = {**about, "checksums": {part: _checksums(folder / part) for part in PARTS}}
    manifest["sizes"] = {part: (folder / part).stat().st_size for part in PARTS}
    (folder / MANIFEST).write_text(json.dumps({**manifest, "seal": _seal(manifest)}, indent=1))
    return manifest


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """What `write_manifest` noted down; None when it is not there or was changed, or when a file has not its size."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        right = manifest.pop("seal") == _seal(manifest)
        return manifest if right and all(_size(folder / part) == manifest["sizes"][part] for part in PARTS) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def stamp(files: Sequence[int | Path]) -> str:
    """This boot, and these files' identities and times."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    stats = [os.stat(file) for file in files]
    return " ".join([boot, *(f"{s.st_dev}:{s.st_ino}:{s.st_size}:{s.st_mtime_ns}:{s.st_ctime_ns}" for s in stats)])


def unchanged(folder: Path, files: Sequence[int | Path]) -> bool:
    """Whether these files (in the order of PARTS) were found right in this boot, and nobody wrote to them since."""
    now = stamp(files)
    try:
        return _checked.get(folder) == now or (folder / CHECKED).read_text() == now
    except (OSError, ValueError):
        return False


def found(folder: Path, again: bool = False) -> str:
    """Which of the image's files is not what was built, or "". `again`: read them also when nobody wrote to them."""
    if (manifest := read_manifest(folder)) is None:
        return next((part for part in PARTS if not (folder / part).exists()), MANIFEST)
    files = [folder / part for part in PARTS]
    try:
        if not again and unchanged(folder, files):
            return ""
        newest = max(file.stat().st_ctime for file in files)
        time.sleep(max(0.0, min(TICK_SECONDS, newest + TICK_SECONDS - time.time())))
        before = stamp(files)
        for part, file in zip(PARTS, files, strict=True):
            if _checksums(file) != manifest["checksums"][part] or stamp(files) != before:
                return part
    except OSError as error:  # a disk that cannot be read
        return f"{error.filename or PARTS[0]} ({error.strerror})"
    _checked[folder] = before
    with contextlib.suppress(OSError):
        (folder / CHECKED).write_text(before)
    return ""


def _size(file: Path) -> int:
    return file.stat().st_size


def _seal(manifest: Mapping[str, Json]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _checksums(file: Path) -> list[str]:
    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            return list(pool.map(lambda start: _checksum(fd, start), range(0, os.fstat(fd).st_size, SHARE)))
    finally:
        os.close(fd)


def _checksum(fd: int, start: int) -> str:
    """Of one share. Read, not mapped: a disk's error, or a file that shrinks, is then no signal."""
    sha, block = hashlib.sha256(), memoryview(bytearray(BLOCK))
    for place in range(start, start + SHARE, BLOCK):
        sha.update(block[: os.preadv(fd, [block], place)])
    return sha.hexdigest()
