"""Nothing that happens to an image's files is overlooked: they are as they were built, or something is found."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vnetlearn.engine.guest import damage

FILES = (*damage.PARTS, damage.MANIFEST, damage.CHECKED)
KINDS = ("flip", "zero", "truncate", "grow", "remove", "replace")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What looks like an image: files of several shares, and a manifest."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "ram").write_bytes(bytes(5000) + os.urandom(40_000) + bytes(5000))
    (folder / "state").write_bytes(os.urandom(3000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(damage, "SHARE", 16 << 10)
        patch.setattr(damage, "BLOCK", 4 << 10)
        damage.write_manifest(folder, {"kernel": "6.12", "accel": "tcg", "can": True})
    return folder


@pytest.fixture(autouse=True)
def small_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damage, "SHARE", 16 << 10)
    monkeypatch.setattr(damage, "BLOCK", 4 << 10)


def harm(file: Path, kind: str, at: float, bit: int) -> None:
    """Do something to a file, and set its time of change back, as far as a program can."""
    before, data = file.stat(), bytearray(file.read_bytes())
    place = int(at * len(data))
    if kind == "remove":
        file.unlink()
        return
    if kind == "replace":
        file.unlink()
    if kind in ("flip", "replace"):
        data[place] ^= 1 << bit
    if kind == "zero":
        data[place : place + 512] = bytes(len(data[place : place + 512]))
    if kind == "truncate":
        del data[place:]
    if kind == "grow":
        data += bytes([bit]) * (place + 1)
    if file.exists() and len(data) == before.st_size:
        with open(file, "r+b") as f:  # in place
            f.write(data)
    else:
        file.write_bytes(data)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def same(folder: Path, built: Path) -> bool:
    """Whether the image is still what was built (the manifest: whether it still says the same)."""
    try:
        says = [json.loads((one / damage.MANIFEST).read_text()) for one in (folder, built)]
        return says[0] == says[1] and all((folder / p).read_bytes() == (built / p).read_bytes() for p in damage.PARTS)
    except (OSError, ValueError):
        return False


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FILES), st.sampled_from(KINDS), st.floats(0, 1, exclude_max=True), st.integers(0, 7))
@example("ram", "flip", 0.999, 7)
@example("ram", "zero", 0.0, 0)  # where there are only zeros
@example("manifest.json", "grow", 0.0, 32)
def test_no_harm_is_overlooked(built: Path, name: str, kind: str, at: float, bit: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = shutil.copytree(built, Path(place, "image"))
        assert damage.found(folder) == ""
        assert damage.unchanged(folder, [folder / part for part in damage.PARTS])
        harm(folder / name, kind, at, bit)
        assert (damage.found(folder) == "") == same(folder, built)
        assert (damage.found(folder, again=True) == "") == same(folder, built)
        if name in damage.PARTS and kind == "flip":
            assert damage.found(folder) == name


def test_what_is_known_is_not_read_again(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shutil.copytree(built, tmp_path / "image")
    read = list[Path]()
    checksums = damage._checksums
    monkeypatch.setattr(damage, "_checksums", lambda file: (read.append(file), checksums(file))[1])
    assert damage.found(folder) == ""
    assert len(read) == len(damage.PARTS)
    damage._checked.clear()  # as in another process
    assert damage.found(folder) == ""
    assert len(read) == len(damage.PARTS)
    assert damage.found(folder, again=True) == ""
    assert len(read) == 2 * len(damage.PARTS)


def test_another_boot_reads_again(built: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(built, tmp_path / "image")
    files = [folder / part for part in damage.PARTS]
    assert damage.found(folder) == ""
    damage._checked.clear()
    _, _, times = damage.stamp(files).partition(" ")
    (folder / damage.CHECKED).write_text(f"another-boot {times}")
    assert not damage.unchanged(folder, files)


def test_a_manifest_that_is_no_manifest(built: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(built, tmp_path / "image")
    for text in ("", "[]", "null", "[" * 100_000, '{"seal": 1}', '{"seal": null, "sizes": []}', "\udcff"):
        (folder / damage.MANIFEST).write_bytes(text.encode(errors="surrogateescape"))
        assert damage.read_manifest(folder) is None
        assert damage.found(folder) == damage.MANIFEST
