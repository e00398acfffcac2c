"""The check that the suite leaves the computer's own network alone, tried on a computer's network of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
OWN_NETWORK = [
    "unshare",
    *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]),
    "--net",
    "--mount",
    "--",
    "sh",
    "-c",
    'mount -t tmpfs tmpfs /run && mkdir /run/netns && exec "$@"',
    "-",
]
CHANGES = {
    "links": "ip link set lo alias changed",
    "addresses": "ip addr add 198.51.100.7/32 dev lo",
    "IPv4 routes": "ip link set lo up && ip route add 198.51.100.0/24 dev lo",
    "IPv6 rules": "ip -6 rule add from 2001:db8::1 lookup main",
    "sysctls": "echo 77 > /proc/sys/net/ipv4/ip_default_ttl",
    "/run/netns": "ip netns add left-behind",
}


def suite(folder: Path, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A suite of one test, which runs the command, below this suite's conftest, on a fresh network."""
    shutil.copy(HERE.parent / "conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]\n")
    test = f"import subprocess\ndef test(): subprocess.run({command!r}, shell=True, check=True)\n"
    (folder / "test_one.py").write_text(test)
    argv = [*OWN_NETWORK, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(HERE)})


def test_a_changed_network_fails_the_suite(tmp_path: Path) -> None:
    done = suite(tmp_path, " && ".join(CHANGES.values()))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    said = done.stdout.partition("the computer's own network was changed")[2]
    assert [part for part in CHANGES if f"\n{part}:\n" not in said] == []


def test_it_is_noticed_when_the_tests_run_in_other_processes(tmp_path: Path) -> None:
    done = suite(tmp_path, CHANGES["addresses"], "-n", "2")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "198.51.100.7" in done.stdout


def test_an_equal_network_passes(tmp_path: Path) -> None:
    done = suite(tmp_path, "ip addr add 198.51.100.7/32 dev lo && ip addr del 198.51.100.7/32 dev lo")
    assert done.returncode == 0, done.stdout + done.stderr
