"""KVM is used where a probe boot came up, and nowhere else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from vnetlearn.engine.guest import kernel, kvm, qemu
from vnetlearn.engine.progress import say


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> kernel.Kernel:
    """The guest's kernel, and an empty cache folder for the answers."""
    chosen = kernel.find(say)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return chosen


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A device that can be opened, and the place of a program that stands for QEMU; it must be made executable."""
    program = tmp_path / "bin" / qemu.machine().program
    program.parent.mkdir()
    (tmp_path / "kvm").touch()
    monkeypatch.setattr(kvm, "DEVICE", tmp_path / "kvm")
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program


def write(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\necho run >> {program}.log\n{script}\n")
    program.chmod(0o755)


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def test_no_device(here: kernel.Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kvm, "DEVICE", tmp_path / "none")
    answer = kvm.probe(here)
    assert not answer.ok
    assert str(tmp_path / "none") in answer.why


def test_a_probe_that_hangs_ends_in_time(here: kernel.Kernel, fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kvm, "SECONDS", 0.3)
    write(fake, "exec sleep 1000")
    before, start = children(), time.monotonic()
    answer = kvm.probe(here)
    assert time.monotonic() - start < 3
    assert not answer.ok
    assert "hung" in answer.why
    assert children() == before


def test_a_probe_that_comes_up(here: kernel.Kernel, fake: Path) -> None:
    write(fake, f'echo "Kernel panic - not syncing: VFS: {kvm.REACHED} on unknown-block(0,0)"')
    assert kvm.probe(here).ok
    assert kvm.accel(here) == "kvm"


def test_what_qemu_says_is_the_reason(here: kernel.Kernel, fake: Path) -> None:
    write(fake, "echo failed to initialize kvm: Permission denied >&2; exit 1")
    answer = kvm.probe(here)
    assert not answer.ok
    assert "failed to initialize kvm: Permission denied" in answer.why


def test_the_answer_is_remembered_until_it_is_asked_again(here: kernel.Kernel, fake: Path) -> None:
    write(fake, "exit 1")
    first = kvm.probe(here)
    assert kvm.probe(here) == first
    assert Path(f"{fake}.log").read_text() == "run\n"
    kvm.probe(here, force=True)
    assert Path(f"{fake}.log").read_text() == "run\nrun\n"


def test_damaged_answers_are_asked_again(here: kernel.Kernel, fake: Path) -> None:
    write(fake, "exit 1")
    kvm.probe(here)
    kvm._file().write_text('{"half')
    assert not kvm.probe(here).ok
    assert Path(f"{fake}.log").read_text() == "run\nrun\n"


def test_this_machine_answers_in_time_and_leaves_nothing(here: kernel.Kernel) -> None:
    before, start = children(), time.monotonic()
    answer = kvm.probe(here, force=True)
    assert time.monotonic() - start < kvm.SECONDS + 3
    assert answer.why
    assert children() == before
    assert not list((Path(os.environ["XDG_CACHE_HOME"]) / "vnetlearn").glob("probe-*"))
