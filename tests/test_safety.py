"""Many labs leave nothing: no descriptor, process, thread, file or memory; no lab reaches out of its namespaces."""

from __future__ import annotations

import gc
import os
import re
import socket
import subprocess
import tempfile
from pathlib import Path

import psutil
import pytest
from labs import descriptors, draws, threads, under

from vnetlearn import Lab

LABS = draws(30)
GROWTH = LABS * (128 << 10)  # bytes that the allocator may keep after that many labs


@pytest.fixture
def file_names():
    """What is in the temporary and the cache folder, files of pytest's own aside."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "vnetlearn")

    def names() -> set[str]:
        here = {name for name in os.listdir(tempfile.gettempdir()) if "vnetlearn" in name and "browser" not in name}
        return here | {str(file) for file in cache.glob("*")}

    return names


def test_many_labs_leave_nothing(engine, file_names):
    def one() -> None:
        with Lab("empty", engine=engine) as lab:
            lab.link.add("br0", kind="bridge")
            lab.run("true", quiet=True)

    for _ in range(10):
        one()  # imports, caches and the allocator have settled
    gc.collect()
    before = descriptors(), threads(), {p.pid for p in under()}, file_names()
    memory = psutil.Process().memory_info().rss
    for _ in range(LABS):
        one()
    gc.collect()
    assert (descriptors(), threads(), {p.pid for p in under()}, file_names()) == before
    assert psutil.Process().memory_info().rss - memory < GROWTH


def test_a_lab_does_not_change_the_computer(lab):
    """What would name or change the computer stays in the lab, or is refused."""
    name, namespaces = socket.gethostname(), _netns()
    links = subprocess.run(
        ["ip", "-o", "link"], capture_output=True, text=True, env={**os.environ, "PATH": _path()}
    ).stdout
    lab.run(
        "hostname changed; sysctl -w kernel.hostname=changed2; sysctl -w net.ipv4.ip_forward=1; ip netns add visible;"
        "mkdir -p /tmp/m && mount -t tmpfs none /tmp/m && touch /tmp/m/visible; ip link add visible type veth;"
        "ip link set visible netns 1; ip link set lo down",
        quiet=True,
    )
    assert socket.gethostname() == name
    assert _netns() == namespaces
    assert not Path("/tmp/m/visible").exists()
    now = subprocess.run(
        ["ip", "-o", "link"], capture_output=True, text=True, env={**os.environ, "PATH": _path()}
    ).stdout
    assert now == links


def test_the_tests_that_the_threat_model_names_are_there():
    root = Path(__file__).parent.parent
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (root / "docs/security.md").read_text())
    assert len(named) > 15
    for file, test in named:
        assert re.search(rf"^def {test}\(", (root / file).read_text(), re.M), f"{file} has no {test}"


def _netns() -> list[str]:
    return sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else []


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
