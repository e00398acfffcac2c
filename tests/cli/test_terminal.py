"""`vnetlearn shell` on a real terminal: what a person types, and what comes back."""

from __future__ import annotations

import os
import sys

import pexpect
import pytest

from vnetlearn.exercises import EXERCISES


@pytest.fixture
def shell(engine):
    child = pexpect.spawn(
        sys.executable,
        ["-m", "vnetlearn.cli", "shell", "gateway", "--engine", engine],
        encoding="utf-8",
        timeout=60,
        dimensions=(30, 90),
    )
    child.expect_exact("gateway:")
    child.expect_exact("# ")
    yield child
    child.close(force=True)


def test_a_shell_in_a_node(shell):
    shell.sendline("ip -br addr show eth0 | tr -s ' ' | cut -d' ' -f3")
    shell.expect_exact("192.168.0.1/24")
    shell.sendline("exit 5")
    shell.expect(pexpect.EOF)
    shell.wait()
    assert shell.exitstatus == 5


def test_control_c_stops_the_program_and_not_the_shell(shell):
    shell.sendline("ping 192.168.0.171")
    shell.expect("icmp_seq=2")
    shell.sendintr()
    shell.expect("packets transmitted")
    shell.sendline("echo still $((40 + 2)) here")
    shell.expect_exact("still 42 here")


def test_the_window_has_its_size_and_changes_it(shell):
    shell.sendline("stty size")
    shell.expect_exact("30 90")
    shell.setwinsize(40, 120)
    shell.sendline("while [ \"$(stty size)\" = '30 90' ]; do read -t 0.1 < /dev/zero; done; stty size")
    shell.expect_exact("40 120")


def test_an_exercise_in_a_terminal(engine, tmp_path):
    """Its words work, and no key is lost between one shell and the next."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "vnetlearn.cli", "exercise", "start/first-cable", "--engine", engine],
        encoding="utf-8",
        timeout=60,
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path)},
    )
    try:
        for word, says in (
            ("check", "Nothing in the lab has been changed yet"),
            ("hint", "Hint 1 of 3"),
            ("ip netns delete ns2; check", "no route to 10.0.0.2 in ns1"),
            ("solution", "ip link add eth1 netns ns1"),
            ("reset", "the start again, in a new lab"),
            ("cat /proc/sys/kernel/ostype", "Linux"),
        ):
            child.expect_exact("# ")
            child.sendline(word)
            child.expect_exact(says)
        for line in EXERCISES["start/first-cable"].solution.splitlines():
            child.expect_exact("# ")
            child.sendline(line)
        child.expect_exact("# ")
        child.sendline("check")
        child.expect_exact("Solved.")
        child.expect_exact("# ")
        child.sendline("exit")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 0
    finally:
        child.close(force=True)
