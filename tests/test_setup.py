"""The way from a clone to a running lesson: its lists agree, and its script does only what is missing."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from vnetlearn.cli import packages
from vnetlearn.engine.guest import contents

ROOT = Path(__file__).parent.parent
NO_NETWORK = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--net", "--"]
TOOLS = "awk cat dirname dpkg-query grep head id sed sh sort tr uname"  # what scripts/setup uses until it installs
PIN = re.compile(r"[a-z0-9-]+==[0-9][\w.]*( ; .*)?")


def lines(file: str) -> list[str]:
    return [line for line in (ROOT / file).read_text().splitlines() if line and not line.startswith("#")]


def setup(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """scripts/setup, with this folder as its PATH."""
    env = {**os.environ, "PATH": str(folder)}
    return subprocess.run(["/bin/sh", ROOT / "scripts/setup", *argv], capture_output=True, text=True, env=env)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder for PATH with little in it, and no package manager."""
    for name in TOOLS.split():
        if found := contents.find(name):
            (tmp_path / name).symlink_to(found)
    return tmp_path


def add(folder: Path, name: str, text: str = "exit 1") -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_all_that_the_guest_gets_is_in_the_one_list() -> None:
    assert set(contents.PROGRAMS) | {"graphviz", "python3", "qemu-system-x86"} <= set(lines("binder/apt.txt"))


def test_each_package_has_its_names_elsewhere() -> None:
    wanted = lines("binder/apt.txt") + lines("tests/apt.txt")
    assert sorted(wanted) == sorted(packages.table())
    assert {row["apt-get"] for row in packages.table().values()} == set(wanted)


@pytest.mark.parametrize("file", ["binder/requirements.txt", "tests/requirements.txt"])
def test_every_requirement_is_pinned_and_none_names_an_address(file: str) -> None:
    assert [line for line in lines(file) if not PIN.fullmatch(line)] == []


def test_make_help_lists_every_target() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M)
    assert re.findall(r"^  make ([a-z]+)\t", said, re.M) == targets
    assert {"help", "lab", "test", "check", "bench", "clean"} <= set(targets)


def test_a_second_setup_is_quick_and_needs_no_network() -> None:
    subprocess.run([ROOT / "scripts/setup", "tests"], check=True, capture_output=True)
    start = time.monotonic()
    again = subprocess.run([*NO_NETWORK, ROOT / "scripts/setup", "tests"], capture_output=True, text=True)
    assert (again.returncode, again.stderr) == (0, "")
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("manager", "names"),
    [
        ("dnf", {"graphviz", "qemu-system-x86", "vim-minimal"}),
        ("pacman", {"graphviz", "qemu-system-x86", "inetutils"}),
        ("brew", {"graphviz", "qemu", "inetutils"}),
    ],
)
def test_without_apt_the_packages_are_named_in_the_systems_words(path: Path, manager: str, names: set[str]) -> None:
    (path / "dpkg-query").unlink()
    add(path, manager)
    done = setup(path)
    assert done.returncode == 1
    sudo = "" if os.geteuid() == 0 or manager == "brew" else "sudo "
    command = done.stderr.partition(f"try again: {sudo}{packages.INSTALL[manager]} ")[2]
    assert names <= set(command.split()), done.stderr


def test_a_system_that_nobody_knows_is_told_debians_names(path: Path) -> None:
    (path / "dpkg-query").unlink()
    done = setup(path)
    assert done.returncode == 1
    assert re.search("programs of these Debian packages first.*: .*graphviz.*qemu-system", done.stderr), done.stderr


def test_with_apt_only_what_is_missing_is_installed_by_sudo_when_not_root(path: Path) -> None:
    (path / "dpkg-query").unlink()
    add(path, "dpkg-query", 'shift 3; for p; do [ $p = graphviz ] || [ $p = jq ] || echo "installed $p"; done')
    add(path, "apt-get", 'echo "apt-get $*" >&2; [ "$1 $4" != "-q install" ]')
    for name in ("sudo", "env"):
        add(path, name, f'echo {name} >&2; while case $1 in env|*=*) true;; *) false;; esac; do shift; done; exec "$@"')
    done = setup(path)
    assert done.returncode == 1  # this apt-get installs nothing
    assert re.search(r"^apt-get .*install -y --no-install-recommends graphviz jq$", done.stderr, re.M), done.stderr
    assert ("sudo\n" in done.stderr) == (os.geteuid() != 0)
