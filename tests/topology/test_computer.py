"""The computer's own network is looked at, and never touched."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from labs import descriptors, threads, under

from vnetlearn.cli import __main__ as cli
from vnetlearn.engine.channel import AgentRefused
from vnetlearn.iproute import netlink
from vnetlearn.iproute.linkmsg import ifinfmsg
from vnetlearn.topology import computer


def test_it_shows_what_ip_shows() -> None:
    links = {link["ifname"] for link in json.loads(subprocess.check_output(["ip", "-j", "link"]))}
    seen = computer.topology()
    assert {name for netns, name in seen.links if not netns} == links
    assert seen.draw().svg
    assert seen.netns[0] == ""
    assert seen.called("") == os.uname().nodename


def test_its_agent_can_do_nothing_but_look() -> None:
    """The refusal is the agent's own, before anything reaches the kernel."""
    with computer.Computer() as one:
        message = netlink.encode(netlink.NEWLINK, ifinfmsg([(netlink.IFLA_IFNAME, b"vnetlearn\0")]), netlink.CREATE)
        with pytest.raises(AgentRefused, match="only looks"):
            one.channel.netlink("", message)
        for operation, arguments in (("run", {"argv": ["true"]}), ("netns_add", {"name": "vnetlearn"})):
            with pytest.raises(AgentRefused):
                one.channel.request(operation, **arguments)


def test_nothing_is_left() -> None:
    computer.topology()  # what is made once for all stays
    before, running = (descriptors(), threads()), len(under())
    computer.topology()
    assert (descriptors(), threads()) == before
    assert len(under()) == running


def test_what_may_not_be_seen_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with computer.Computer() as one:
        one._others["hidden"] = 3
        assert "3 running program(s) may not be looked into" in one.unseen[0]


def test_from_a_terminal(tmp_path, capsys) -> None:
    assert cli.main(["draw", "--host", "--save", str(tmp_path / "x.svg")]) == 0
    assert (tmp_path / "x.svg").read_text().startswith("<svg")
    assert f"namespace {os.uname().nodename}: " in capsys.readouterr().out
    assert cli.main(["draw", "--world", "two-hosts", "--focus", "host2", "--save", str(tmp_path / "x.json")]) == 0
    assert "host2" in json.loads((tmp_path / "x.json").read_text())["netns"]
    assert cli.main(["draw", "--focus", "nowhere"]) == 1
    assert "there is no namespace or link 'nowhere'" in capsys.readouterr().err
