"""The article's own blocks of commands, unchanged, and what a stock kernel makes of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vnetlearn import Lab

SEED = Path(__file__).parent / "seed"


def script(name: str) -> str:
    return (SEED / f"{name}.sh").read_text()


def losses(output: str) -> dict[str, int]:
    """Percent lost, by the address that was pinged."""
    return {
        target: int(loss)
        for target, loss in re.findall(r"--- (\S+) ping statistics ---\n.*?(\d+)% packet loss", output)
    }


@pytest.mark.parametrize("kind", ["macvlan", "ipvlan"])
def test_the_walk_through(kind):
    """Build, verify, clean up: with the host's third child and its routes, all three addresses answer."""
    with Lab(engine="vm") as lab:
        assert lab.run(script(kind), quiet=True).stderr == ""
        verified = lab.run(script(f"{kind}-verify"), quiet=True)
        assert "inet 192.168.0." in verified.stdout
        other = "192.168.0.100" if kind == "macvlan" else "192.168.0.200"
        assert losses(verified.stdout) == {other: 0, "192.168.0.171": 0, "192.168.0.150": 0}
        assert lab.run(script(f"{kind}-clean"), quiet=True, check=True)
        assert [link.name for link in lab.link.show()] == ["lo", "eth0"]
        assert "ns1" not in lab.netns


@pytest.mark.parametrize(("kind", "pinger"), [("macvlan", "ns2"), ("ipvlan", "ns1")])
def test_the_parent_before_the_third_child(kind, pinger):
    """As the article says: nothing comes back."""
    before_third = script(kind).split(f"ip link add link eth0 {'name mac3' if kind == 'macvlan' else 'ipvlan3'}@eth0")[
        0
    ]
    with Lab(engine="vm") as lab:
        lab.run(before_third, quiet=True, check=True)
        assert lab[pinger].ping("192.168.0.171").loss == 100


def test_arp_ignore_makes_the_article_right_about_macvlan():
    with Lab(engine="vm") as lab:
        lab.run(script("macvlan"), quiet=True)
        assert lab["ns2"].ping("192.168.0.171").ok
        lab.sysctl.set("net.ipv4.conf.all.arp_ignore", 1)
        lab["ns2"].neigh.flush()
        assert lab["ns2"].ping("192.168.0.171").reason == "no ARP answer for 192.168.0.171 on mac2@eth0"


def test_dummy():
    with Lab(engine="vm") as lab:
        result = lab.run(script("dummy"), quiet=True, check=True)
        assert "inet 192.168.200.200  netmask 255.255.255.0" in result.stdout
        assert "mydummy: flags=130<BROADCAST,NOARP>" in result.stdout
