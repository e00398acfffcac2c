"""The guest image: built once, found again, built again when it is damaged, never half-built."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from labs import all_gone, eventually, lesson, python, under

from vnetlearn.engine import vm
from vnetlearn.engine.guest import contents, damage, image, initramfs, kernel, kvm
from vnetlearn.engine.progress import say
from vnetlearn.engine.running import Running
from vnetlearn.errors import ImageError, ToolMissing

BUILD = """
import sys
from vnetlearn.engine.guest import image
print(image.build(lambda text: print(text, file=sys.stderr, flush=True)).folder)
"""


@pytest.fixture(scope="module")
def real() -> image.Image:
    """The image in the user's cache folder."""
    return image.ensure(say)


@pytest.fixture
def cache(real: image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another cache folder, with the same kernel, the same answer about KVM, and no image; its folder of images."""
    chosen = kernel.find(say)
    answers = kvm._file().read_bytes() if kvm._file().exists() else b"{}"
    monkeypatch.setenv("VNETLEARN_KERNEL", str(chosen.image))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kvm._file().write_bytes(answers)
    return image._images()


@pytest.fixture
def copy(real: image.Image, cache: Path) -> image.Image:
    """A copy of the image in that other cache folder."""
    shutil.copy(real.folder.parent / "sources", cache)
    shutil.copytree(real.folder, cache / real.folder.name)
    found = image.stored(real.folder.name)
    assert found is not None
    return found


def test_it_is_found_in_milliseconds(real: image.Image) -> None:
    start = time.thread_time()
    assert image.ensure(say) == real
    assert time.thread_time() - start < 0.1  # 0.002 s of processor time


def test_its_name_changes_with_what_it_depends_on(real: image.Image, tmp_path: Path) -> None:
    chosen, tool = kernel.find(say), tmp_path / "tool"
    names = set()
    for content in ("one", "two and more"):
        tool.write_text(content)
        names.add(image.digest(chosen, "tcg", [str(tool)]))
    os.utime(tool, (1, 1))
    names.add(image.digest(chosen, "tcg", [str(tool)]))
    names.add(image.digest(chosen, "kvm", [str(tool)]))
    assert len(names) == 4


def test_its_name_changes_with_every_file_of_the_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, agent = kernel.find(say), tmp_path / "agent"
    shutil.copytree(contents.AGENT, agent, ignore=shutil.ignore_patterns("__pycache__"))
    names = [image.digest(chosen, "tcg", [])]
    monkeypatch.setattr(contents, "AGENT", agent)
    assert image.digest(chosen, "tcg", []) == names[0], "where it lies does not matter"
    for change in (
        lambda: (agent / "wire.py").write_text((agent / "wire.py").read_text().replace("1 << 20", "1 << 21")),
        lambda: (agent / "more.py").write_text(""),
        lambda: (agent / "more.py").rename(agent / "other.py"),
        lambda: (agent / "other.py").unlink(),
    ):
        change()
        names.append(image.digest(chosen, "tcg", []))
    assert len(set(names)) == 4
    assert names[1] == names[4], "as before the file was added"


def test_every_file_of_the_agent_is_in_the_guest() -> None:
    files = contents.agent_files()
    assert set(files.values()) == set(contents.AGENT.rglob("*.py"))
    assert "/agent/__main__.py" in files


@pytest.mark.parametrize("part", damage.PARTS)
def test_a_truncated_file_is_seen_at_once(copy: image.Image, part: str) -> None:
    with open(copy.folder / part, "r+b") as f:
        f.truncate(1000)
    assert image.stored(copy.folder.name) is None


def test_a_damaged_manifest_is_seen_at_once(copy: image.Image) -> None:
    (copy.folder / "manifest.json").write_text('{"kernel": ')
    assert image.stored(copy.folder.name) is None


def test_a_damaged_state_is_built_again_with_a_notice(copy: image.Image) -> None:
    state = copy.folder / "state"
    assert not damage.found(copy.folder)
    state.write_bytes(bytes(state.stat().st_size))
    said: list[str] = []
    vm.start(said.append).close()
    assert "the stored guest image is damaged (state is not what was built): it is built again" in said
    assert not damage.found(copy.folder, again=True)


def test_a_bit_of_the_memory_is_seen_before_a_lab_has_it(copy: image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it was found right before, and whoever changed it set the time back."""
    vm.start().close()
    ram = copy.folder / "ram"
    times, place = ram.stat(), ram.stat().st_size // 2 + 12345
    with open(ram, "r+b") as f:
        byte = os.pread(f.fileno(), 1, place)[0]
        os.pwrite(f.fileno(), bytes([byte ^ 4]), place)
    os.utime(ram, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(OSError, match="changed just now"):
        copy.resume()
    assert image.info()["damaged"] == "ram"

    class Built(Exception):
        pass

    def build(*_: object) -> None:
        raise Built

    monkeypatch.setattr(image, "_build", build)
    said: list[str] = []
    with pytest.raises(Built):
        vm.start(said.append)
    assert "the stored guest image is damaged (ram is not what was built): it is built again" in said


def test_what_a_killed_builder_left_is_gone_with_the_next_start(copy: image.Image) -> None:
    for start in (lambda: vm.start().close(), image.info):
        left = [copy.folder.parent / "tmp-left", copy.folder.parents[1] / "kernels/tmp-left"]
        for folder in left:
            folder.mkdir(parents=True)
            (folder / "ram").write_bytes(b"half of it")
        with open(copy.folder.parent / "lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            start()
            assert all(folder.exists() for folder in left), "a builder is at work"
        start()
        assert not any(folder.exists() for folder in left)
    assert image.stored(copy.folder.name) == copy


@pytest.mark.parametrize("moment", ["tmp-*", "tmp-*/initrd"])
def test_a_builder_that_is_killed_leaves_nothing_for_long(cache: Path, moment: str) -> None:
    killed = python(BUILD)
    assert eventually(lambda: list(cache.glob(moment)), 600)
    started = under(killed.pid)
    killed.kill()
    killed.communicate()
    assert all_gone(started, 20)
    assert list(cache.glob("tmp-*"))
    image.info()
    assert [file.name for file in cache.iterdir() if file.is_dir()] == []


def test_a_killed_builder_then_two_at_once(cache: Path) -> None:
    killed = python(BUILD)
    assert eventually(lambda: list(cache.glob("tmp-*/ram")), 600)
    started = under(killed.pid)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert all_gone(started, 60)
    assert [f for f in cache.iterdir() if f.is_dir() and not f.name.startswith("tmp-")] == []

    both = [python(BUILD), python(BUILD)]
    answers = [builder.communicate(timeout=1800) for builder in both]
    assert [builder.returncode for builder in both] == [0, 0], answers
    assert answers[0][0] == answers[1][0]
    assert sum("booting" in errors for _, errors in answers) == 1
    assert not list(cache.glob("tmp-*"))


def test_a_disk_that_fills_up(cache: Path) -> None:
    """Files of at most 50 MB stand for a full disk: writing fails in the middle, for root too."""
    builder = python(BUILD, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50 << 20, 50 << 20)))
    _, errors = builder.communicate(timeout=900)
    assert "ImageError" in errors
    assert f"has no room for {image.SPACE_MB} MB" in errors
    assert "XDG_CACHE_HOME" in errors
    assert [f for f in cache.iterdir() if f.is_dir()] == []


def test_a_disk_that_is_full(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(cache)._replace(free=10 << 20)
    monkeypatch.setattr(image.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ImageError) as caught:
        image.build(say)
    assert "10 MB free" in lesson(caught.value).said
    assert [f for f in cache.iterdir() if f.is_dir()] == []


def test_every_errno_of_a_full_disk_is_the_same_lesson(cache: Path) -> None:
    for number in (errno.ENOSPC, errno.EDQUOT):
        with pytest.raises(ImageError, match=f"{image.SPACE_MB} MB"), image._clear_errors():
            raise OSError(number, os.strerror(number))


def test_a_program_that_fails_is_named(cache: Path) -> None:
    with pytest.raises(ImageError, match="depmod") as caught, image._clear_errors():
        subprocess.run(
            [contents.find("depmod"), "-b", str(cache / "none"), "6.99-none"], check=True, capture_output=True
        )
    lesson(caught.value)


def test_a_missing_program_is_named_with_its_package(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = contents.find
    monkeypatch.setattr(contents, "find", lambda name: None if name in ("ifconfig", "jq") else find(name))
    with pytest.raises(ToolMissing) as caught:
        image.build(say)
    assert "ifconfig, jq: not found" in lesson(caught.value).said or "jq, ifconfig: not found" in caught.value.said
    assert caught.value.next_step in ("sudo apt-get install jq net-tools", "sudo apt-get install net-tools jq")


def test_old_images_are_removed_but_none_that_is_in_use(copy: image.Image) -> None:
    old = [copy.folder.parent / f"old{n}" for n in range(4)]
    for n, folder in enumerate(old):
        folder.mkdir()
        os.utime(folder, (n, n))
    with open(copy.folder.parent / "unused", "w"), image._opened(old[0]) as used:
        fcntl.flock(used, fcntl.LOCK_SH)
        assert image.prune(keep=1) == [old[2], old[1]]
    assert old[0].exists()
    assert old[3].exists()
    assert image.stored(copy.folder.name) == copy


def test_a_running_guest_holds_its_image(copy: image.Image) -> None:
    old = copy.folder.rename(copy.folder.parent / "old")
    assert damage.found(old) == ""
    running = Running(image.Image(old, copy.kernel, copy.accel, copy.can).resume())
    try:
        assert image.prune() == []
    finally:
        running.close()
    assert image.prune() == [old]


def test_threads_share_one_image(copy: image.Image) -> None:
    found: list[image.Image] = []
    threads = [threading.Thread(target=lambda: found.append(image.build(say))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [copy] * 4


def test_info(copy: image.Image) -> None:
    told = image.info()
    assert told["built"]
    assert told["kernel"] == copy.kernel
    assert told["folder"] == str(copy.folder)
    assert told["damaged"] == ""
    (copy.folder / "manifest.json").write_text("{}")
    assert image.info()["damaged"] == "manifest.json"
    shutil.rmtree(copy.folder)
    assert not image.info()["built"]


def test_the_archive_is_what_cpio_reads(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("copied\n")
    os.utime(source, (0, 0))
    entries = {
        "/a/b": initramfs.text("text\n", 0o640),
        "/a/copy": initramfs.Entry(0o100755, source),
        "/l": initramfs.link("a/b"),
        "/tmp": initramfs.folder(0o1777),
        "/console": initramfs.node(5, 1),
    }
    with open(tmp_path / "cpio", "wb") as f:
        initramfs.write(f, entries)
    with open(tmp_path / "cpio", "rb") as f:
        listed = subprocess.run(["busybox", "cpio", "-tv"], stdin=f, capture_output=True, text=True, check=True).stdout
    rows = [(*line.split()[:2], line[line.index(":00 ") + 4 :]) for line in listed.splitlines()]
    assert rows == [
        ("drwxr-xr-x", "0/0", "."),
        ("drwxr-xr-x", "0/0", "a"),
        ("-rw-r-----", "0/0", "a/b"),
        ("-rwxr-xr-x", "0/0", "a/copy"),
        ("crw-------", "0/0", "console"),
        ("lrwxrwxrwx", "0/0", "l -> a/b"),
        ("drwxrwxrwt", "0/0", "tmp"),
    ]


def test_the_packages_are_those_that_are_installed() -> None:
    binder = Path(__file__).parents[3] / "binder/apt.txt"
    assert set(contents.PROGRAMS) <= set(binder.read_text().split())
