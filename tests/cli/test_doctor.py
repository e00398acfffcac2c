"""What `vnetlearn doctor` says on machines that lack something: each is this one, by another PATH or namespace."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vnetlearn.cli import packages
from vnetlearn.engine.guest import contents, image, kernel, kvm, qemu
from vnetlearn.engine.progress import say

DOCTOR = [sys.executable, "-m", "vnetlearn.cli", "doctor"]
PLAIN = ("unshare", "setpriv", "mount", "sh")  # enough for the host engine
NO_NAMESPACES = [
    "unshare",
    "--user",
    "--map-root-user",
    "--",
    "sh",
    "-c",
    'echo 0 > /proc/sys/user/max_net_namespaces && exec "$@"',
    "-",
]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for PATH with few programs in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in PLAIN:
        found = contents.find(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


def add(folder: Path, name: str) -> None:
    (folder / name).write_text("#!/bin/sh\nexit 1\n")
    (folder / name).chmod(0o755)


def doctor(*options: str, before: list[str] | None = None, **env: str) -> tuple[int, dict[str, Any]]:
    """Its exit status, and its report with the checks by name."""
    argv = [*(before or []), *DOCTOR, "--json", *options]
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **env})
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    return done.returncode, {**found, "checks": {check["name"]: check for check in found["checks"]}}


def test_on_this_machine_labs_can_run() -> None:
    status, found = doctor()
    assert (status, found["ready"], found["vm"]) == (0, True, True)
    assert found["kernel"] == os.uname().release
    assert found["checks"]["QEMU"]["details"]["version"] == qemu.version(qemu.program())
    assert [check for check in found["checks"].values() if check["ok"] is True and check["help"]] == []


def test_the_text_is_for_people() -> None:
    done = subprocess.run(DOCTOR, capture_output=True, text=True)
    assert done.returncode == 0
    assert "Labs can run" in done.stdout.splitlines()[-1]
    assert os.uname().release in done.stdout.splitlines()[0]


@pytest.mark.parametrize("name", packages.INSTALL)
def test_what_is_missing_comes_with_this_systems_command(programs: Path, name: str) -> None:
    add(programs, name)
    _, found = doctor(PATH=str(programs))
    dot, guest = found["checks"]["dot"], found["checks"]["QEMU"]
    assert (dot["ok"], guest["ok"], found["vm"]) == (False, False, False)
    sudo = "" if os.geteuid() == 0 or name == "brew" else "sudo "
    assert dot["help"] == f"{sudo}{packages.INSTALL[name]} graphviz"
    assert guest["help"] == f"{sudo}{packages.INSTALL[name]} {packages.table()['qemu-system-x86'][name]}"


def test_a_system_that_nobody_knows_is_told_the_names(programs: Path) -> None:
    _, found = doctor(PATH=str(programs))
    assert found["checks"]["dot"]["help"] == "install the programs of these Debian packages: graphviz"


def test_without_namespaces_and_qemu_no_lab_can_run(programs: Path) -> None:
    status, found = doctor(before=NO_NAMESPACES, PATH=str(programs))
    assert (status, found["ready"]) == (1, False)
    assert found["checks"]["engine host"]["found"] == "network namespaces are switched off"
    assert "sysctl -w user.max_net_namespaces=" in found["checks"]["engine host"]["help"]


def test_without_namespaces_a_guest_is_enough() -> None:
    status, found = doctor(before=NO_NAMESPACES)
    assert (status, found["host"], found["vm"]) == (0, False, True)


def test_an_empty_cache_has_no_image_but_can_have_one(tmp_path: Path) -> None:
    status, found = doctor(XDG_CACHE_HOME=str(tmp_path))
    assert (status, found["vm"]) == (0, True)
    assert found["checks"]["guest image"]["ok"] is False
    assert found["checks"]["guest image"]["help"] == "vnetlearn image build"


def test_a_damaged_image_is_named_and_what_is_left_of_a_killed_build_is_gone(tmp_path: Path) -> None:
    real = image.ensure(say).folder
    images = tmp_path / "vnetlearn/images"
    shutil.copytree(real, images / real.name)
    shutil.copy(real.parent / "sources", images)
    if kvm._file().exists():
        shutil.copy(kvm._file(), tmp_path / "vnetlearn")
    (images / "tmp-killed").mkdir()
    chosen = kernel.find(say)
    env = {"XDG_CACHE_HOME": str(tmp_path), "VNETLEARN_KERNEL": str(chosen.image)}
    check = doctor(**env)[1]["checks"]["guest image"]
    assert (check["ok"], check["help"]) == (True, "")
    assert not (images / "tmp-killed").exists()
    with open(images / real.name / "ram", "r+b") as f:
        byte = os.pread(f.fileno(), 1, 77_777_777)[0]
        os.pwrite(f.fileno(), bytes([byte ^ 128]), 77_777_777)
    check = doctor(**env)[1]["checks"]["guest image"]
    assert (check["ok"], check["help"]) == (False, "vnetlearn image build")
    assert check["found"].startswith("damaged: ram in ")


def test_kvm_is_asked_again_only_when_that_is_wanted() -> None:
    before, after = doctor()[1], doctor()[1]
    assert before["checks"]["KVM"] == after["checks"]["KVM"]
    again = doctor("--probe")[1]["checks"]["KVM"]
    assert again["details"].get("works") == before["checks"]["KVM"]["details"].get("works")
    if again["details"]:
        assert again["found"] != before["checks"]["KVM"]["found"]  # the time of the trial
