"""The archive that the kernel unpacks into memory at boot: cpio's "newc" format, every file root's."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple


class Entry(NamedTuple):
    """One file: its mode with the type, and its content: `source` on this machine, else `data` (a link's target)."""

    mode: int
    source: Path | None = None
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def folder(mode: int = 0o755) -> Entry:
    return Entry(stat.S_IFDIR | mode)


def text(content: str, mode: int = 0o644) -> Entry:
    return Entry(stat.S_IFREG | mode, data=content.encode())


def link(target: str) -> Entry:
    return Entry(stat.S_IFLNK | 0o777, data=target.encode())


def node(major: int, minor: int) -> Entry:
    return Entry(stat.S_IFCHR | 0o600, device=(major, minor))


def write(out: BinaryIO, entries: Mapping[str, Entry]) -> None:
    """Write an archive with these guest paths; folders above them are added. A file keeps its time of change."""
    parents = {str(parent): folder() for path in entries for parent in Path(path).parents}
    for number, (path, entry) in enumerate(sorted({**parents, **entries}.items()), 1):
        data, mtime = entry.data, 0
        if entry.source is not None:
            data, mtime = entry.source.read_bytes(), int(entry.source.stat().st_mtime)
        _write_one(out, number, path.lstrip("/") or ".", entry, data, mtime)
    _write_one(out, 0, "TRAILER!!!", Entry(0), b"", 0)


def _write_one(out: BinaryIO, number: int, name: str, entry: Entry, data: bytes, mtime: int) -> None:
    """inode, mode, uid, gid, links, mtime, size, device, device of a node, length of the name, checksum."""
    fields = (number, entry.mode, 0, 0, 1, mtime, len(data), 0, 0, *entry.device, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    out.write(head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4))
