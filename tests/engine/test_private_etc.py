"""What a program in a host lab writes to the computer's settings stays in the lab, or is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from vnetlearn import Lab
from vnetlearn.engine import host


@pytest.fixture
def lab():
    ok, why, _ = host.available()
    if not ok:
        pytest.fail(f"no host engine here: {why}")
    with Lab("empty", engine="host") as lab:
        yield lab


def test_resolv_conf_is_the_labs_own(lab):
    """udhcpc's usual script writes it; the computer must still find its name servers afterwards."""
    before = Path("/etc/resolv.conf").read_bytes()
    result = lab.run("echo nameserver 192.0.2.53 > /etc/resolv.conf && cat /etc/resolv.conf", quiet=True)
    assert result.stdout == "nameserver 192.0.2.53\n"
    assert Path("/etc/resolv.conf").read_bytes() == before


def test_the_rest_of_etc_can_only_be_read(lab):
    result = lab.run("touch /etc/vnetlearn-was-here", quiet=True)
    assert result.status == 1
    assert "Read-only file system" in result.stderr or "Permission denied" in result.stderr
    assert not Path("/etc/vnetlearn-was-here").exists()
